package main

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/adjoint-go/adjoint/internal/bench/definition"
	"github.com/adjoint-go/adjoint/internal/bench/limits"
	"github.com/adjoint-go/adjoint/internal/bench/protocol"
)

// report collects what a page is made of.
type report struct {
	page     page
	command  string
	machine  string
	versions []string
	limits   []limits.Result
	rows     map[protocol.Row][]*row
}

// write prints the page.
func (r *report) write(w io.Writer) {
	fmt.Fprintf(w, "# %s\n\n<!-- Made by `%s`; do not edit. -->\n\n", r.page.title, r.command)
	fmt.Fprintf(w, "Made by one command, which compares all checksums with those of the definition before it times anything:\n\n```\n%s\n```\n\n", r.command)
	fmt.Fprintf(w, "%s. Peers: %s.\n\n", r.machine, strings.Join(r.versions, ", "))
	fmt.Fprint(w, "Ratios are those of turns side by side (ours, peer, ours, …): their median, with the lowest and the highest in brackets. Times of two "+
		"machines, or of two runs, are not to be compared. The workloads are defined in `internal/bench/definition`.\n\n")
	fmt.Fprint(w, "| limit of the machine | |\n|---|---|\n")
	for _, l := range r.limits {
		unit := "Gflop/s"
		if l.Work == "stream_triad" {
			unit = "GB/s"
		}
		fmt.Fprintf(w, "| %s, %s, threads %d | %.1f %s |\n", l.Work, l.DType, l.Threads, l.Best()/1e9, unit)
	}
	fmt.Fprint(w, "\n## Goals\n\n| work | against | ours: median (least; 10–90 %) | theirs | reached | asked | |\n|---|---|---|---|---|---|---|\n")
	for _, g := range r.page.goals {
		r.goal(w, g)
	}
	fmt.Fprint(w, "\n## All rows\n\n| work | who | median | least | 10–90 % | times ours |\n|---|---|---|---|---|---|\n")
	r.each(func(work definition.Work, dtype string, rows []*row) {
		for _, x := range rows {
			r.row(w, work, dtype, x)
		}
	})
	fmt.Fprint(w, "\n## Profiles\n\n`Machine.Profile`: the most expensive instructions of each program, with the share of the roofline: the time that the "+
		"machine's peak of flops, or its memory if that takes longer, would need alone. A share above 1 means that the data lie in caches. "+
		"Bytes of scalar code are the operands of all its micro-instructions.\n")
	r.each(func(work definition.Work, dtype string, rows []*row) {
		for _, x := range rows {
			if x.peer == ours && len(x.profile) > 0 {
				r.profile(w, work, dtype, x)
			}
		}
	})
}

// each calls f for the workloads that ran, in the order of the definition.
func (r *report) each(f func(definition.Work, string, []*row)) {
	for _, work := range definition.Works {
		for _, dtype := range work.DTypes() {
			if rows := r.rows[protocol.Row{Work: work.Name, DType: dtype}]; len(rows) > 0 {
				f(work, dtype, rows)
			}
		}
	}
}

func (r *report) find(work, dtype, peer string) *row {
	for _, x := range r.rows[protocol.Row{Work: work, DType: dtype}] {
		if x.peer == peer && x.err == nil && !x.wrong && len(x.turns) > 0 {
			return x
		}
	}
	return nil
}

// goal prints a row of the table of goals. A row that did not run says so.
func (r *report) goal(w io.Writer, g goal) {
	who := ours
	if g.ours != "" {
		who = g.ours
	}
	mine, other := r.find(g.work, g.dtype, who), r.find(g.work, g.dtype, g.peer)
	name := fmt.Sprintf("%s %s", g.work, g.dtype)
	if who == blocks {
		name += ", blocks"
	}
	if mine == nil || g.peer != "" && other == nil {
		fmt.Fprintf(w, "| %s | %s | not run | | | | |\n", name, g.peer)
		return
	}
	against, left, right := g.peer, mine.text(), ""
	var reached float64
	var got, asked string
	least := true // reach is a lower bound
	switch g.measure {
	case ratio:
		ratios := other.ratios()
		if who != ours {
			// Both ran beside ours.
			ratios = []float64{median(ratios) / median(mine.ratios())}
		}
		reached, right = median(ratios), other.text()
		got = fmt.Sprintf("%.3g× (%.3g–%.3g)", reached, slices.Min(ratios), slices.Max(ratios))
		asked = fmt.Sprintf("≥ %g×", g.reach)
		if g.reach == 0 {
			asked = ""
		}
	case seconds:
		reached, least = median(slices.Concat(mine.turns...)), false
		got, asked = duration(reached), "≤ "+duration(g.reach)
		if g.reach == 0 {
			asked = ""
		}
	case perPoint:
		reached, least = median(slices.Concat(mine.turns...))/1e6*float64(r.threads()), false
		got, asked = duration(reached)+" a point and core", "≤ "+duration(g.reach)
	case triadShare:
		against = "STREAM triad"
		triad := 0.0
		for _, l := range r.limits {
			if l.Work == "stream_triad" {
				triad = max(triad, l.Best())
			}
		}
		speed := 3 * 8e7 / median(slices.Concat(mine.turns...))
		reached, right = speed/triad, fmt.Sprintf("%.1f GB/s", triad/1e9)
		left += fmt.Sprintf(": %.1f GB/s", speed/1e9)
		got, asked = fmt.Sprintf("%.0f %%", 100*reached), fmt.Sprintf("≥ %g %%", 100*g.reach)
	case oneTime:
		reached, least = mine.once(), false
		left, against = mine.onceText(), "build, gradient, compilation"
		got, asked = duration(reached), "≤ "+duration(g.reach)
	case oneTimeRatio:
		reached = other.once() / mine.once()
		left, right, against = mine.onceText(), other.onceText(), g.peer+", building"
		got, asked = fmt.Sprintf("%.3g×", reached), fmt.Sprintf("> %g×", g.reach)
	}
	verdict := "not reached"
	if least && reached >= g.reach || !least && reached <= g.reach {
		verdict = "reached"
	}
	if asked == "" {
		verdict = ""
	}
	fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %s | %s |\n", name, against, left, right, got, asked, verdict)
}

func (r *report) threads() int {
	n := 1
	for _, l := range r.limits {
		n = max(n, l.Threads)
	}
	return n
}

// text is the median, the least time and the spread.
func (x *row) text() string {
	all := slices.Concat(x.turns...)
	return fmt.Sprintf("%s (%s; %s)", duration(median(all)), duration(slices.Min(all)), spread(all))
}

// once is the sum of what was timed once.
func (x *row) once() float64 {
	s := 0.0
	for k, v := range x.info {
		if isTime(k) {
			s += v
		}
	}
	return s
}

func (x *row) onceText() string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(x.info)) {
		if isTime(k) {
			parts = append(parts, k+" "+duration(x.info[k]))
		}
	}
	return strings.Join(parts, ", ")
}

func (r *report) row(w io.Writer, work definition.Work, dtype string, x *row) {
	name := work.Name + " " + dtype
	switch {
	case x.err != nil:
		fmt.Fprintf(w, "| %s | %s | failed: %v | | | |\n", name, x.peer, x.err)
	case x.wrong:
		fmt.Fprintf(w, "| %s | %s | wrong checksum | | | |\n", name, x.peer)
	default:
		all := slices.Concat(x.turns...)
		times := ""
		if ratios := x.ratios(); len(ratios) > 0 {
			times = fmt.Sprintf("%.3g (%.3g–%.3g)", median(ratios), slices.Min(ratios), slices.Max(ratios))
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %s |\n", name, x.peer, duration(median(all)), duration(slices.Min(all)), spread(all), times)
	}
}

// profiled is the number of instructions of a profile that are printed.
const profiled = 4

func (r *report) profile(w io.Writer, work definition.Work, dtype string, x *row) {
	fmt.Fprintf(w, "\n**%s, %s**: %s\n\n", work.Name, dtype, work.Doc)
	fmt.Fprint(w, "| instruction | executor | time | share | GB/s | Gflop/s | of roofline |\n|---|---|---|---|---|---|---|\n")
	total := 0.0
	for _, c := range x.profile {
		total += c.Seconds
	}
	flops, bytes := r.peaks(dtype)
	for i, c := range x.profile {
		if i == profiled {
			fmt.Fprintf(w, "| %d more | | | | | | |\n", len(x.profile)-profiled)
			break
		}
		s := max(c.Seconds, 1e-9)
		roof := "–"
		if bytes > 0 {
			least := float64(c.Bytes) / bytes
			if flops > 0 {
				least = max(least, float64(c.Flops)/flops)
			}
			roof = fmt.Sprintf("%.2f", least/s)
		}
		fmt.Fprintf(w, "| %s | %s | %s | %.0f %% | %.1f | %.1f | %s |\n", c.What, c.Executor, duration(c.Seconds), 100*c.Seconds/math.Max(total, 1e-12),
			float64(c.Bytes)/s/1e9, float64(c.Flops)/s/1e9, roof)
	}
	fmt.Fprintf(w, "\n%s\n", where[work.Name])
}

// peaks returns the highest rates that were measured.
func (r *report) peaks(dtype string) (flops, bytes float64) {
	for _, l := range r.limits {
		switch {
		case l.Work == "stream_triad":
			bytes = max(bytes, l.Best())
		case l.DType == dtype:
			flops = max(flops, l.Best())
		}
	}
	return flops, bytes
}
