package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/klauspost/cpuid/v2"

	"github.com/adjoint-go/adjoint/internal/bench/definition"
	"github.com/adjoint-go/adjoint/internal/bench/limits"
	"github.com/adjoint-go/adjoint/internal/bench/protocol"
	"github.com/adjoint-go/adjoint/internal/cpu"
)

// printer prints a table or JSON lines to out; notes go to the standard error with JSON.
type printer struct {
	out   io.Writer
	notes io.Writer
	json  bool
}

func newPrinter(out io.Writer, asJSON bool) *printer {
	p := &printer{out: out, notes: out, json: asJSON}
	if asJSON {
		p.notes = os.Stderr
	}
	return p
}

func (p *printer) note(format string, args ...any) { fmt.Fprintf(p.notes, format+"\n", args...) }

// machineText describes what the comparison runs on.
func machineText() string {
	simd := [...]string{cpu.Portable: "no AVX2", cpu.AVX2: "AVX2", cpu.AVX512: "AVX-512"}[cpu.Supported()]
	return fmt.Sprintf("%s (%s, family %d model %d), %d threads, %s/%s, %s", cpuid.CPU.BrandName, simd, cpuid.CPU.Family, cpuid.CPU.Model,
		runtime.GOMAXPROCS(0), runtime.GOOS, runtime.GOARCH, runtime.Version())
}

// machine prints what the comparison runs on, and a warning if something else runs there too.
func (p *printer) machine() {
	p.note("%s", machineText())
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		var load float64
		if _, err := fmt.Sscan(string(text), &load); err == nil && load > 0.5 {
			p.note("warning: the load is %.1f: other work runs on this machine, and ratios of threaded peers are not to be trusted", load)
		}
	}
}

func (p *printer) peers(peers []*peer) {
	for _, q := range peers {
		p.note("%-14s %s", q.name, q.version)
	}
}

// listed prints which peers have a workload.
func (p *printer) listed(w definition.Work, peers []*peer) {
	for _, dtype := range w.DTypes() {
		var names []string
		for _, q := range peers {
			if slices.Contains(q.rows, protocol.Row{Work: w.Name, DType: dtype}) {
				names = append(names, q.name)
			}
		}
		p.note("%-24s %s  %s", w.Name, dtype, strings.Join(names, " "))
	}
}

// limit prints one of the machine's limits.
func (p *printer) limit(r limits.Result) {
	unit := "GFLOP/s"
	if r.Work == "stream_triad" {
		unit = "GB/s"
	}
	if !p.json {
		fmt.Fprintf(p.out, "%-13s %s, threads %d: %.1f %s\n", r.Work, r.DType, r.Threads, r.Best()/1e9, unit)
		return
	}
	key := map[string]string{"GFLOP/s": "gflops", "GB/s": "gbytes_per_s"}[unit]
	p.line(map[string]any{"work": r.Work, "peer": "machine", "dtype": r.DType, "median_s": median(r.Times), "min_s": slices.Min(r.Times),
		"check": []float64{}, "threads": r.Threads, key: r.Best() / 1e9})
}

func (p *printer) line(fields map[string]any) {
	text, err := json.Marshal(fields)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	fmt.Fprintf(p.out, "%s\n", text)
}

// rows prints the rows of a workload.
func (p *printer) rows(w definition.Work, dtype string, rows []*row) {
	if len(rows) == 0 {
		return
	}
	if p.json {
		for _, r := range rows {
			p.jsonRow(w, dtype, r)
		}
		return
	}
	fmt.Fprintf(p.out, "\n%s, %s: %s\n", w.Name, dtype, w.Doc)
	fmt.Fprintf(p.out, "  %-14s %10s %10s %12s   %s\n", "", "median", "min", "10–90 %", "times ours (turn by turn)")
	var mine map[string]float64
	for _, r := range rows {
		if r.peer == ours {
			mine = r.info
		}
	}
	for _, r := range rows {
		switch {
		case r.err != nil:
			fmt.Fprintf(p.out, "  %-14s failed: %v\n", r.peer, r.err)
		case r.wrong:
			fmt.Fprintf(p.out, "  %-14s WRONG: checksum %v, should be %v\n", r.peer, r.check, w.Check)
		default:
			all := slices.Concat(r.turns...)
			ratio := ""
			if ratios := r.ratios(); len(ratios) > 0 {
				ratio = fmt.Sprintf("%.3g (%.3g–%.3g)", median(ratios), slices.Min(ratios), slices.Max(ratios))
			}
			m := median(all)
			fmt.Fprintf(p.out, "  %-14s %10s %10s %12s   %s\n", r.peer, duration(m), duration(slices.Min(all)), spread(all), ratio)
		}
		if len(r.info) > 0 {
			var parts []string
			for _, k := range slices.Sorted(maps.Keys(r.info)) {
				text := fmt.Sprintf("%s %s", k, amount(k, r.info[k]))
				if own := mine[k]; own > 0 && r.peer != ours && isTime(k) {
					text += fmt.Sprintf(" (%.3g)", r.info[k]/own)
				}
				parts = append(parts, text)
			}
			fmt.Fprintf(p.out, "  %-14s once: %s\n", "", strings.Join(parts, ", "))
		}
	}
}

func (p *printer) jsonRow(w definition.Work, dtype string, r *row) {
	fields := map[string]any{"work": w.Name, "peer": r.peer, "dtype": dtype}
	for k, v := range r.info {
		fields[k] = number(v)
	}
	if r.check != nil {
		check := make([]any, len(r.check))
		for i, v := range r.check {
			check[i] = number(v)
		}
		fields["check"] = check
	}
	switch {
	case r.err != nil:
		fields["error"] = r.err.Error()
	case r.wrong:
		fields["error"] = fmt.Sprintf("wrong checksum, should be %v", w.Check)
	default:
		all := slices.Concat(r.turns...)
		fields["median_s"], fields["min_s"] = median(all), slices.Min(all)
		if ratios := r.ratios(); len(ratios) > 0 {
			fields["ratio"] = median(ratios)
		}
	}
	p.line(fields)
}

// number returns v for JSON, which has no NaN and no infinities.
func number(v float64) any {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return fmt.Sprint(v)
	}
	return v
}

// ratios returns for each turn the peer's median over ours of the turn before.
func (r *row) ratios() []float64 {
	var all []float64
	for i, own := range r.beside {
		all = append(all, median(r.turns[i])/median(own))
	}
	return all
}

// spread is how far the 10 % and 90 % quantiles are from the median.
func spread(x []float64) string {
	m := median(x)
	return fmt.Sprintf("%+.0f %+.0f %%", 100*(quantile(x, 0.1)/m-1), 100*(quantile(x, 0.9)/m-1))
}

func median(x []float64) float64 { return quantile(x, 0.5) }

// quantile returns the q-quantile, 0 ≤ q ≤ 1, interpolated linearly; NaN of nothing.
func quantile(x []float64, q float64) float64 {
	if len(x) == 0 {
		return math.NaN()
	}
	s := slices.Sorted(slices.Values(x))
	at := q * float64(len(s)-1)
	i := min(int(at), len(s)-1)
	j := min(i+1, len(s)-1)
	return s[i] + (at-float64(i))*(s[j]-s[i])
}

// counts are the one-time figures that are not seconds.
var counts = []string{"instructions", "nodes", "bytes", "colors", "colours"}

func isTime(key string) bool { return !slices.Contains(counts, key) }

func amount(key string, v float64) string {
	if isTime(key) {
		return duration(v)
	}
	return fmt.Sprintf("%.6g", v)
}

// duration formats seconds with three digits.
func duration(s float64) string {
	for _, u := range []struct {
		size float64
		name string
	}{{1, "s"}, {1e-3, "ms"}, {1e-6, "µs"}} {
		if s >= u.size {
			return fmt.Sprintf("%.3g %s", s/u.size, u.name)
		}
	}
	return fmt.Sprintf("%.3g ns", s/1e-9)
}
