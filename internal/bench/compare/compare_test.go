package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/internal/bench/definition"
	"github.com/adjoint-go/adjoint/internal/bench/limits"
	"github.com/adjoint-go/adjoint/internal/bench/protocol"
)

func TestSelectWorks(t *testing.T) {
	names := func(works []definition.Work) string {
		var all []string
		for _, w := range works {
			all = append(all, w.Name)
		}
		return strings.Join(all, " ")
	}
	for _, c := range []struct{ only, works, limits string }{
		{"seed", "seed", ""},
		{"rosenbrock1000", "rosenbrock1000", ""},
		{"gemm,chain", "chain gemm64 gemm256 gemm1024 gemm2048", ""},
		{"stream,seed", "seed", "stream_triad"},
		{"fma_peak", "", "fma_peak"},
	} {
		works, limitsToo, err := selectWorks(split(c.only))
		if err != nil || names(works) != c.works || strings.Join(limitsToo, " ") != c.limits {
			t.Errorf("-only %s: %s; %v; %v", c.only, names(works), limitsToo, err)
		}
	}
	works, limitsToo, err := selectWorks(nil)
	if err != nil || len(works) != len(definition.Works) || len(limitsToo) != 2 {
		t.Errorf("without -only: %s; %v; %v", names(works), limitsToo, err)
	}
	if _, _, err := selectWorks([]string{"sed"}); err == nil || !strings.Contains(err.Error(), "sed") {
		t.Errorf("-only sed: error %v", err)
	}
}

func TestQuantile(t *testing.T) {
	x := []float64{4, 1, 3, 2, 5}
	for q, want := range map[float64]float64{0: 1, 0.5: 3, 1: 5, 0.1: 1.4, 0.9: 4.6} {
		if got := quantile(x, q); math.Abs(got-want) > 1e-12 {
			t.Errorf("quantile(%v) = %v, want %v", q, got, want)
		}
	}
	if x[0] != 4 {
		t.Error("quantile sorts its argument")
	}
	if !math.IsNaN(quantile(nil, 0.5)) {
		t.Error("the median of nothing is not NaN")
	}
}

func TestDuration(t *testing.T) {
	for s, want := range map[float64]string{12: "12 s", 0.5: "500 ms", 2.16e-3: "2.16 ms", 9.5e-8: "95 ns", 3.75e-9: "3.75 ns", 1e-6: "1 µs"} {
		if got := duration(s); got != want {
			t.Errorf("duration(%v) = %s, want %s", s, got, want)
		}
	}
}

// results has a row of each sort.
func results() []*row {
	return []*row{
		{peer: ours, check: []float64{37, 10, 11}, info: map[string]float64{"build": 0.5},
			turns: [][]float64{{1e-9, 2e-9}, {3e-9}}},
		{peer: "jax", check: []float64{37, 10, 11}, info: map[string]float64{"build": 1, "instructions": 7},
			turns: [][]float64{{3e-9, 3e-9}, {6e-9}}, beside: [][]float64{{1e-9, 2e-9}, {3e-9}}},
		{peer: "torch", check: []float64{37, 10, math.NaN()}, wrong: true},
		{peer: "numpy", err: errors.New("not enough memory")},
	}
}

func TestJSONRows(t *testing.T) {
	var out bytes.Buffer
	p := newPrinter(&out, true)
	p.rows(definition.Works[0], "float64", results())
	p.limit(limits.Result{Work: "stream_triad", DType: "float64", Threads: 2, Times: []float64{0.5, 1}, Units: 1e9})
	type line struct {
		Work, Peer, DType, Error string
		Median                   float64 `json:"median_s"`
		Min                      float64 `json:"min_s"`
		Check                    []any
		Ratio, Build             float64
		Rate                     float64 `json:"gbytes_per_s"`
	}
	var lines []line
	dec := json.NewDecoder(&out)
	for dec.More() {
		var l line
		if err := dec.Decode(&l); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, l)
	}
	if len(lines) != 5 {
		t.Fatalf("%d lines", len(lines))
	}
	near := func(got, want float64) bool { return math.Abs(got-want) <= 1e-12*want }
	if l := lines[0]; l.Work != "seed" || l.Peer != "adjoint" || l.DType != "float64" || !near(l.Median, 2e-9) || !near(l.Min, 1e-9) || len(l.Check) != 3 || l.Ratio != 0 {
		t.Errorf("%+v", l)
	}
	if l := lines[1]; !near(l.Ratio, 2) || !near(l.Build, 1) {
		t.Errorf("%+v", l)
	}
	if l := lines[2]; l.Median != 0 || !strings.Contains(l.Error, "wrong checksum") || l.Check[2] != "NaN" {
		t.Errorf("%+v", l)
	}
	if l := lines[3]; l.Error != "not enough memory" {
		t.Errorf("%+v", l)
	}
	if l := lines[4]; l.Work != "stream_triad" || l.Peer != "machine" || !near(l.Rate, 2) || !near(l.Median, 0.75) {
		t.Errorf("%+v", l)
	}
}

func TestTable(t *testing.T) {
	var out bytes.Buffer
	newPrinter(&out, false).rows(definition.Works[0], "float64", results())
	for _, part := range []string{"seed, float64", "adjoint", "2 ns", "2 (2–2)", "build 1 s (2)", "instructions 7", "WRONG", "failed: not enough memory"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("no %q in\n%s", part, out.String())
		}
	}
}

// TestMarkdown has goals that are reached, not reached and not run, and a profile.
func TestMarkdown(t *testing.T) {
	rows := results()
	rows[0].profile = []protocol.Cost{{What: "STRAIGHT", Executor: "native", Seconds: 2e-9, Bytes: 40, Flops: 10}}
	r := &report{page: pages["scalars"], command: "compare -markdown x", machine: "a machine", versions: []string{"jax 1"},
		limits: []limits.Result{{Work: "stream_triad", DType: "float64", Threads: 2, Times: []float64{0.5}, Units: 20e9}},
		rows: map[protocol.Row][]*row{
			{Work: "seed", DType: "float64"}:   rows,
			{Work: "add1e7", DType: "float64"}: {{peer: ours, turns: [][]float64{{12e-3}}}},
			{Work: "mul1e7", DType: "float64"}: {{peer: ours, turns: [][]float64{{6e-3}}}},
			{Work: "dag20000", DType: "float64"}: {{peer: ours, turns: [][]float64{{2e-5}}},
				{peer: "switch", turns: [][]float64{{2e-4}}, beside: [][]float64{{2e-5}}}},
		}}
	var out bytes.Buffer
	r.write(&out)
	for _, part := range []string{"a machine", "jax 1", "stream_triad, float64, threads 2 | 40.0 GB/s", "| 2 ns | ≤ 10 ns | reached |",
		": 20.0 GB/s | 40.0 GB/s | 50 % | ≥ 85 % | not reached |", "| 100 % | ≥ 85 % | reached |", "| 10× (10–10) | ≥ 15× | not reached |",
		"| chain float64, blocks | torch.compile | not run |", "| seed float64 | torch | wrong checksum |", "failed: not enough memory",
		"| STRAIGHT | native | 2 ns | 100 % | 20.0 | 5.0 | 0.50 |"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("no %q in\n%s", part, out.String())
		}
	}
	for _, p := range pages {
		for _, w := range p.works() {
			if where[w] == "" {
				t.Errorf("nothing is said on where the time of %s goes", w)
			}
		}
	}
}
