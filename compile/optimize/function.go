package optimize

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/adjoint-go/adjoint/graph"
)

// Function is an objective that is computed elsewhere: summed over data on many machines (package vm/shard), say.
type Function struct {
	// Evaluate returns the objective at x, by the names of parameters, and its gradient in the same form. It must not keep x. Where the objective cannot be computed it returns NaN or an infinity, and the step is shortened; an error ends the solution.
	Evaluate func(ctx context.Context, x map[string][]float64) (value float64, gradient map[string][]float64, err error)
	// Lower and Upper are bounds, as in Problem.
	Lower, Upper Values
}

// Minimize finds a minimum of the function by L-BFGS-B, from the start on, which has all elements of each parameter. The result, the options and errors are those of Solver.Solve.
func Minimize(ctx context.Context, f Function, start Values, o Options) (*Result, error) {
	if f.Evaluate == nil {
		return nil, errors.New("optimize: there is no function")
	}
	g := graph.New()
	p := Problem{Lower: f.Lower, Upper: f.Upper, Method: LBFGSB}
	for _, name := range slices.Sorted(maps.Keys(start)) {
		p.Parameters = append(p.Parameters, g.Input(name, graph.Float64, len(start[name])))
	}
	if err := g.Err(); err != nil {
		return nil, err
	}
	s := &Solver{problem: p, values: &program{size: 1 + len(p.Parameters)}}
	if err := s.check(); err != nil {
		return nil, err
	}
	s.values.evaluate = func(ctx context.Context, x []float64) ([][]float64, error) {
		value, gradient, err := f.Evaluate(ctx, s.named(x))
		if err != nil {
			return nil, err
		}
		out := [][]float64{{value}}
		for _, p := range p.Parameters {
			d := gradient[p.Name()]
			if len(d) != p.Shape().Size() {
				if value-value != 0 && d == nil { // nothing to differentiate
					d = slices.Repeat([]float64{math.NaN()}, p.Shape().Size())
				} else {
					return nil, fmt.Errorf("optimize: the function's gradient by %q has %d numbers: needs %d", p.Name(), len(d), p.Shape().Size())
				}
			}
			out = append(out, d)
		}
		return out, nil
	}
	return s.Solve(ctx, start, o)
}
