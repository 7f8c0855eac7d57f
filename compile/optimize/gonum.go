package optimize

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"gonum.org/v1/gonum/mat"
	gonum "gonum.org/v1/gonum/optimize"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
)

// Gonum is a problem for the methods of gonum.org/v1/gonum/optimize, with exact gradients and Hessians: all parameters are one vector, in their order, each in row-major order.
type Gonum struct {
	// Problem has functions for value, gradient and Hessian. They may be called by several goroutines, as global methods do, one at a time. Where the program fails the value is NaN, and Status returns the error.
	Problem gonum.Problem
	solver  *Solver
}

// Gonum compiles the problem for gonum's methods: the objective, or the sum of squared residuals. Bounds and constraints, which these methods do not have, are an error.
func (p Problem) Gonum() (*Gonum, error) {
	p.Method = NewtonCG // it has neither bounds nor constraints
	s := &Solver{problem: p}
	if err := s.check(); err != nil {
		return nil, err
	}
	f := &packed{solver: s}
	if err := f.compile(); err != nil {
		return nil, fmt.Errorf("optimize: %w", err)
	}
	return &Gonum{gonum.Problem{Func: f.value, Grad: f.gradient, Hess: f.hessian, Status: f.status}, s}, nil
}

// Pack returns values as one vector; each parameter needs some.
func (g *Gonum) Pack(v Values) ([]float64, error) {
	if g == nil || g.solver == nil {
		return nil, errors.New("optimize: the problem is not made by Problem.Gonum")
	}
	return g.solver.flat("value", v, math.NaN())
}

// Unpack returns a vector by the parameters' names, in copies.
func (g *Gonum) Unpack(x []float64) (Values, error) {
	switch {
	case g == nil || g.solver == nil:
		return nil, errors.New("optimize: the problem is not made by Problem.Gonum")
	case len(x) != g.solver.n:
		return nil, fmt.Errorf("optimize: %d values for %d elements of parameters", len(x), g.solver.n)
	}
	return g.solver.named(x), nil
}

// packed is an objective of one vector.
type packed struct {
	solver *Solver
	mu     sync.Mutex
	first  packedProgram // value and gradient
	second packedProgram // Hessian
	err    error
}

// packedProgram is a program that knows where it ran last.
type packedProgram struct {
	*program
	at []float64
}

func (f *packed) compile() error {
	p := &f.solver.problem
	old := p.Parameters[0].Graph()
	if err := old.Err(); err != nil {
		return err
	}
	params := slices.Clone(p.Parameters)
	for _, n := range old.Inputs() {
		if !slices.Contains(params, n) {
			params = append(params, n)
		}
	}
	results := p.Residuals
	if p.Objective != nil {
		results = []*graph.Node{p.Objective}
	}
	body, err := graph.NewBody(params, results)
	if err != nil {
		return err
	}
	g := graph.New()
	name := "parameters"
	for old.Lookup(name) != nil {
		name += "_"
	}
	x := g.Input(name, graph.Float64, f.solver.n)
	var in []*graph.Node
	first := 0
	for i, n := range params {
		if i >= len(p.Parameters) {
			in = append(in, g.Input(n.Name(), n.DType(), n.Shape()...))
			continue
		}
		part := graph.Slice(x, graph.Range{Start: first, Limit: first + n.Shape().Size()})
		in = append(in, graph.Reshape(part, n.Shape()...))
		first += n.Shape().Size()
	}
	values := body.Inline(in)
	cost := values[0]
	if p.Objective == nil {
		r := together(values)
		cost = graph.Sum(graph.Square(r))
	}
	gradient, err := compile.Gradient(cost, x)
	if err != nil {
		return err
	}
	hessian, err := compile.Hessian(cost, x)
	if err != nil {
		return err
	}
	vector := &Solver{problem: *p}
	vector.problem.Parameters = []*graph.Node{x}
	for _, c := range []struct {
		to      *packedProgram
		outputs []*graph.Node
	}{{&f.first, []*graph.Node{cost, gradient[0]}}, {&f.second, []*graph.Node{hessian}}} {
		if c.to.program, err = vector.program(c.outputs...); err != nil {
			return err
		}
	}
	return nil
}

// compute runs the program at x, unless it ran there last.
func (p *packedProgram) compute(x []float64) error {
	if slices.Equal(p.at, x) {
		return nil
	}
	p.at = p.at[:0]
	if err := p.run(context.Background(), x); err != nil {
		return err
	}
	p.at = append(p.at, x...)
	return nil
}

// compute runs a program and gives its outputs to use; an error is kept for status.
func (f *packed) compute(p *packedProgram, x []float64, use func(out [][]float64)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	err := fmt.Errorf("optimize: %d values for %d elements of parameters", len(x), f.solver.n)
	if len(x) == f.solver.n {
		err = p.compute(x)
	}
	if err != nil {
		f.err = err
		use(nil)
		return
	}
	use(p.out)
}

func (f *packed) value(x []float64) float64 {
	v := math.NaN()
	f.compute(&f.first, x, func(out [][]float64) {
		if out != nil {
			v = out[0][0]
		}
	})
	return v
}

func (f *packed) gradient(to, x []float64) {
	f.compute(&f.first, x, func(out [][]float64) {
		if out != nil {
			copy(to, out[1])
			return
		}
		for i := range to {
			to[i] = math.NaN()
		}
	})
}

func (f *packed) hessian(to *mat.SymDense, x []float64) {
	n := f.solver.n
	f.compute(&f.second, x, func(out [][]float64) {
		for i := range n {
			for j := i; j < n; j++ {
				v := math.NaN()
				if out != nil {
					v = out[0][i*n+j]
				}
				to.SetSym(i, j, v)
			}
		}
	})
}

func (f *packed) status() (gonum.Status, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return gonum.Failure, f.err
	}
	return gonum.NotTerminated, nil
}
