package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// modules are the evals by name, each with its functions.
var modules = map[string]map[string]function{
	"hello":    {"square": hello(value), "double": hello(gradient)},
	"ba":       {"objective": bundle(value), "jacobian": bundle(gradient)},
	"det":      {"primal": determinant(value), "gradient": determinant(gradient)},
	"gmm":      {"objective": mixture(value), "jacobian": mixture(gradient)},
	"ht":       {"objective": hand(value), "jacobian": hand(gradient)},
	"kmeans":   {"cost": clusters(value), "dir": clusters(gradient)},
	"llsq":     {"primal": leastSquares(value), "gradient": leastSquares(gradient)},
	"lse":      {"primal": logSumExp(value), "gradient": logSumExp(gradient)},
	"lstm":     {"objective": lstm(value), "jacobian": lstm(gradient)},
	"ode":      {"primal": ode(value), "gradient": ode(gradient)},
	"particle": {"ff": particle(forward, forward), "fr": particle(forward, reverse), "rf": particle(reverse, forward), "rr": particle(reverse, reverse)},
	"saddle":   {"ff": saddle(forward, forward), "fr": saddle(forward, reverse), "rf": saddle(reverse, forward), "rr": saddle(reverse, reverse)},
}

// what says whether a function is an objective or its derivative.
type what bool

const (
	value    what = false
	gradient what = true
)

// function answers an input with an output and the times of its parts.
type function func(input json.RawMessage, programs cache, name string) (output any, timings []timing, err error)

// cache holds machines by the name of the function and the shape of its input.
type cache map[string]*vm.Machine

// forget drops the machines if they hold much memory: an eval goes on to larger inputs.
func (c cache) forget() {
	const most = 256 << 20
	var bytes int64
	for _, m := range c {
		bytes += m.MemoryBytes()
	}
	if bytes > most {
		clear(c)
	}
}

// spec is a function in parts.
type spec[I any] struct {
	// check returns what is wrong with the input, nil if there is nothing that the others do not find.
	check func(in *I) error
	// shape returns all of the input on which the graph depends.
	shape func(in *I) string
	// build makes the graph, and returns what is computed.
	build func(g *graph.Graph, in *I) ([]*graph.Node, error)
	// fill sets the machine's inputs.
	fill func(m *vm.Machine, in *I) error
	// states is how many states of loops without a limit are kept for their reversal, 0 for all.
	states int
	// output is the answer, from what the machine has computed.
	output func(m *vm.Machine, in *I) any
}

// function returns the function that a spec states.
func (s spec[I]) function() function {
	return func(input json.RawMessage, programs cache, name string) (any, []timing, error) {
		var in I
		if err := json.Unmarshal(input, &in); err != nil {
			return nil, nil, fmt.Errorf("the input is not understood: %w", err)
		}
		if s.check != nil {
			if err := s.check(&in); err != nil {
				return nil, nil, err
			}
		}
		var runs struct {
			Least   int     `json:"min_runs"`
			Seconds float64 `json:"min_seconds"`
		}
		_ = json.Unmarshal(input, &runs) // hello's input is a number
		var timings []timing
		key := name + " " + s.shape(&in)
		m := programs[key]
		if m == nil {
			start := time.Now()
			g := graph.New()
			outputs, err := s.build(g, &in)
			if err != nil {
				return nil, nil, err
			}
			built := time.Now()
			p, err := compile.Config{FastMath: fastMath, Checkpoints: compile.Checkpoints{States: s.states}}.Compile(outputs...)
			if err != nil {
				return nil, nil, err
			}
			programs.forget()
			m = vm.NewMachine(p, vm.WithNativeAhead(), vm.WithMemoryAhead())
			timings = append(timings, timing{"build", built.Sub(start).Nanoseconds()}, timing{"compile", time.Since(built).Nanoseconds()})
			programs[key] = m
		}
		if err := s.fill(m, &in); err != nil {
			return nil, nil, err
		}
		for total := time.Duration(0); len(timings) == 0 || timings[len(timings)-1].Name != "evaluate" || runs.Least > 0 || total.Seconds() < runs.Seconds; runs.Least-- {
			start := time.Now()
			if err := m.Step(); err != nil {
				return nil, nil, err
			}
			took := time.Since(start)
			total += took
			timings = append(timings, timing{"evaluate", took.Nanoseconds()})
		}
		return s.output(m, &in), timings, nil
	}
}

// set copies values to an input.
func set(m *vm.Machine, name string, values []float64) error {
	to := m.Float64(name)
	if len(to) != len(values) {
		return fmt.Errorf("%s has %d values, not %d", name, len(values), len(to))
	}
	copy(to, values)
	return nil
}

// firstError returns the first error there is.
func firstError(errs ...error) error {
	if i := slices.IndexFunc(errs, func(err error) bool { return err != nil }); i >= 0 {
		return errs[i]
	}
	return nil
}

// number is the output that is a number, the first one.
func number[I any](m *vm.Machine, _ *I) any { return m.OutputFloat64(0)[0] }

// vector is the output that is a vector, the first one.
func vector[I any](m *vm.Machine, _ *I) any { return slices.Clone(m.OutputFloat64(0)) }

// flat returns the rows one after the other, which have so many values each.
func flat(rows [][]float64, columns int) ([]float64, error) {
	for i, r := range rows {
		if len(r) != columns {
			return nil, fmt.Errorf("row %d has %d values, not %d", i, len(r), columns)
		}
	}
	return slices.Concat(rows...), nil
}

// rows returns the rows of a matrix.
func rows(values []float64, n int) [][]float64 {
	out := make([][]float64, n)
	for i := range out {
		columns := len(values) / n
		out[i] = slices.Clone(values[i*columns : (i+1)*columns])
	}
	return out
}

// of returns the objective, or its gradient by the inputs.
func (w what) of(objective *graph.Node, by ...*graph.Node) ([]*graph.Node, error) {
	if w == value {
		return []*graph.Node{objective}, nil
	}
	return compile.Gradient(objective, by...)
}
