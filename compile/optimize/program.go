package optimize

import (
	"context"
	"math"

	"gonum.org/v1/gonum/floats"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// program is a compiled function of the parameters, with a machine for it.
type program struct {
	machine *vm.Machine
	in      [][]float64 // views of the parameters
	out     [][]float64
	inputs  map[string]any // of which the first run takes the values; nil then
	size    int            // number of outputs
	// evaluate computes the outputs instead of the machine; its errors end a solution.
	evaluate func(ctx context.Context, x []float64) ([][]float64, error)
}

func (s *Solver) program(outputs ...*graph.Node) (*program, error) {
	compiled, err := s.problem.Config.Compile(outputs...)
	if err != nil {
		return nil, err
	}
	p := &program{machine: vm.NewMachine(compiled, s.problem.Machine...), inputs: s.problem.Inputs, size: len(outputs)}
	if p.inputs == nil {
		p.inputs = map[string]any{}
	}
	for _, x := range s.problem.Parameters {
		p.in = append(p.in, p.machine.Float64(x.Name()))
	}
	return p, nil
}

// run computes the outputs at x.
func (p *program) run(ctx context.Context, x []float64) (err error) {
	if p.evaluate != nil {
		p.out, err = p.evaluate(ctx, x)
		return err
	}
	for _, in := range p.in {
		x = x[copy(in, x):]
	}
	if p.inputs == nil {
		return p.machine.StepContext(ctx)
	}
	if _, err := p.machine.CallContext(ctx, p.inputs); err != nil {
		return err
	}
	p.inputs = nil
	for i := range p.size {
		p.out = append(p.out, p.machine.OutputFloat64(i))
	}
	return nil
}

// run is a solution on its way.
type run struct {
	*Solver
	ctx    context.Context
	o      Options
	x      []float64 // where it is
	result *Result
	// squared is the squared length of the last gradient.
	squared float64
	trial   error // why the function could not be computed at the last point where that was so
}

// compute runs a program. That it cannot be computed at x is no error but kept in trial, for steps that are then not taken; the end of the context is one.
func (r *run) compute(p *program, x []float64) (ok bool, err error) {
	if err := p.run(r.ctx, x); err != nil {
		if r.ctx.Err() != nil {
			return false, r.ctx.Err()
		}
		if p.evaluate != nil {
			return false, err
		}
		r.trial = err
		return false, nil
	}
	return true, nil
}

// objective returns the objective at x and writes its gradient; NaN where there is none.
func (r *run) objective(x, gradient []float64) (float64, error) {
	r.result.Evaluations.Values++
	ok, err := r.compute(r.values, x)
	if err != nil || !ok {
		return math.NaN(), err
	}
	to := gradient
	for _, d := range r.values.out[1 : 1+len(r.problem.Parameters)] {
		to = to[copy(to, d):]
	}
	r.squared = floats.Dot(gradient, gradient)
	if r.squared-r.squared == 0 || finite(gradient) {
		return r.values.out[0][0], nil
	}
	return math.NaN(), nil
}

// entries returns the entries of a sparse matrix in the order of its pattern, from the blocks of the parameters.
func (s *Solver) entries(blocks [][]float64, to []float64) {
	if s.places == nil {
		copy(to, blocks[0])
		return
	}
	for k, places := range s.places {
		for i, at := range places {
			to[at] = blocks[k][i]
		}
	}
}

func finite(x []float64) bool {
	if s := floats.Dot(x, x); s-s == 0 {
		return true // the usual case, and fast
	}
	for _, v := range x {
		if v-v != 0 { // NaN or infinite
			return false
		}
	}
	return true
}
