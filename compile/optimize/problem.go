package optimize

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// Method is an algorithm.
type Method string

// The methods.
const (
	// LBFGSB is the quasi-Newton method of limited memory with bounds (Byrd, Lu, Nocedal & Zhu 1995; Morales & Nocedal 2011): memory and work for an iteration grow with the number of parameters.
	LBFGSB Method = "L-BFGS-B"
	// LevenbergMarquardt minimises sums of squares by Gauss–Newton steps within a trust region (Moré 1978), with bounds. The Jacobian is exact, dense or sparse.
	LevenbergMarquardt Method = "Levenberg–Marquardt"
	// NewtonCG is Newton's method in a trust region with conjugate gradients (Steihaug 1983) on exact products with the Hessian, or on the exact Hessian where that is sparse. It has no bounds.
	NewtonCG Method = "Newton-CG"
	// SQP is sequential quadratic programming for equality and inequality constraints, bounds included, with exact gradients and a quasi-Newton matrix of the Lagrangian, for up to some hundreds of parameters.
	SQP Method = "SQP"
)

// Values are float64 numbers by the name of a parameter: one for each of its elements in row-major order, or a single one for all.
type Values map[string][]float64

// Problem says what is minimised, by what, and within which limits.
type Problem struct {
	// Objective is a float64 scalar that is minimised. Either it or Residuals is set.
	Objective *graph.Node
	// Residuals are float64 values of any shapes whose sum of squares is minimised. Observations of different precision are divided by their standard deviations.
	Residuals []*graph.Node
	// Parameters are the float64 inputs of the graph that vary; at least one.
	Parameters []*graph.Node
	// Lower and Upper are bounds; a parameter without one, or with an infinite one, is free. Equal bounds hold it fixed.
	Lower, Upper Values
	// Zero are constraints: float64 values of any shapes that are 0 at a solution.
	Zero []*graph.Node
	// NonNegative are constraints: float64 values of any shapes that are at least 0 at a solution. On the way they may be negative.
	NonNegative []*graph.Node
	// Inputs are the values of the graph's other inputs, as vm.Machine.Run takes them.
	Inputs map[string]any
	// Method is the algorithm; "" is SQP with constraints, LevenbergMarquardt for residuals, and LBFGSB otherwise.
	Method Method
	// Sparse has the Jacobian of LevenbergMarquardt, or the Hessian of NewtonCG, found as a sparse matrix, compressed by colouring. Equations with it are solved by sparse decomposition.
	Sparse bool
	// KnownErrors says that residuals are in units of their standard deviations, so that the covariance of parameters is (JᵀJ)⁻¹. Otherwise the variance of residuals is estimated from the fit.
	KnownErrors bool
	// Config changes compilation.
	Config compile.Config
	// Machine changes the machines that run the programs.
	Machine []vm.Option
}

// Solver is a compiled problem, which is solved from any number of starts. It is for one goroutine at a time.
type Solver struct {
	problem      Problem
	n            int
	lower, upper []float64
	bounded      bool
	// Of a minimisation values has objective and gradient, then the values of constraints and their Jacobians. Of a fit it has the residuals, and jacobian those with the derivatives.
	values, jacobian *program
	// products has the Hessian's product with a vector; hessian its entries, which sparse describes.
	products, hessian *program
	sparse            *compile.Pattern // of the Hessian or the Jacobian; nil where it is dense
	places            [][]int          // of the entries of each parameter in sparse; nil for a single list of all
	normal            *normalEquations
	vectors           []string // the inputs of products that hold the vector
	m                 int      // number of residuals; 0 where only their Gram matrix is known
	count             int      // of the residuals that the Gram matrix is of
	zero, nonNegative int      // numbers of constraints
}

// sqpLimit bounds the parameters of methods with dense matrices of them.
const sqpLimit = 2000

// Solve compiles the problem and solves it once: see Compile and Solver.Solve.
func (p Problem) Solve(ctx context.Context, start Values, o Options) (*Result, error) {
	s, err := p.Compile()
	if err != nil {
		return nil, err
	}
	return s.Solve(ctx, start, o)
}

// Compile differentiates and compiles the problem. The errors are all mistakes made on the graph and in the problem.
func (p Problem) Compile() (*Solver, error) {
	s := &Solver{problem: p}
	if err := s.check(); err != nil {
		return nil, err
	}
	if err := s.compile(); err != nil {
		return nil, fmt.Errorf("optimize: %w", err)
	}
	return s, nil
}

func (s *Solver) check() error {
	p := &s.problem
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf("optimize: "+format, args...)) }
	var g *graph.Graph
	value := func(role string, n *graph.Node) bool {
		switch {
		case n == nil:
			fail("%s is nil", role)
		case !n.Valid():
			if err := n.Graph().Err(); err != nil {
				errs = append(errs, err)
			} else {
				fail("%s is not a node of a graph", role)
			}
		case g != nil && n.Graph() != g:
			fail("%s is of another graph than the parameters, at %v", role, n.Position())
		case n.DType() != graph.Float64:
			fail("%s is %v at %v: needs float64 (graph.Cast)", role, n.Type(), n.Position())
		default:
			return true
		}
		return false
	}
	seen := map[string]bool{}
	sizes := map[string]int{}
	for i, x := range p.Parameters {
		if role := fmt.Sprintf("parameter %d", i); value(role, x) {
			if g == nil {
				g = x.Graph()
			}
			switch {
			case !x.IsInput():
				fail("%s is %v at %v: needs an input", role, x, x.Position())
			case seen[x.Name()]:
				fail("parameter %q is given twice", x.Name())
			default:
				seen[x.Name()], sizes[x.Name()] = true, x.Shape().Size()
				s.n += x.Shape().Size()
			}
		}
	}
	if len(p.Parameters) == 0 {
		fail("there are no parameters")
	}
	if (p.Objective == nil) == (len(p.Residuals) == 0) && s.values == nil { // else it is a Function
		fail("needs either an objective or residuals")
	}
	if p.Objective != nil && value("the objective", p.Objective) && !p.Objective.Type().IsScalar() {
		fail("the objective is %v at %v: needs a scalar", p.Objective.Type(), p.Objective.Position())
	}
	for i, r := range p.Residuals {
		if value(fmt.Sprintf("residual %d", i), r) {
			s.m += r.Shape().Size()
		}
	}
	for i, c := range p.Zero {
		if value(fmt.Sprintf("constraint %d of Zero", i), c) {
			s.zero += c.Shape().Size()
		}
	}
	for i, c := range p.NonNegative {
		if value(fmt.Sprintf("constraint %d of NonNegative", i), c) {
			s.nonNegative += c.Shape().Size()
		}
	}
	constrained := len(p.Zero)+len(p.NonNegative) > 0
	if p.Method == "" {
		switch {
		case constrained:
			p.Method = SQP
		case len(p.Residuals) > 0:
			p.Method = LevenbergMarquardt
		default:
			p.Method = LBFGSB
		}
	}
	switch p.Method {
	case LBFGSB, NewtonCG:
	case LevenbergMarquardt:
		if len(p.Residuals) == 0 && s.values == nil {
			fail("method %s needs residuals", p.Method)
		}
	case SQP:
		if s.n > sqpLimit {
			fail("method %s has dense matrices, for up to %d parameters; there are %d", p.Method, sqpLimit, s.n)
		}
	default:
		fail("there is no method %q", p.Method)
	}
	if constrained && p.Method != SQP {
		fail("method %s has no constraints besides bounds; %s has", p.Method, SQP)
	}
	if p.Method == NewtonCG && len(p.Lower)+len(p.Upper) > 0 {
		fail("method %s has no bounds; %s has", p.Method, LBFGSB)
	}
	for _, name := range slices.Sorted(maps.Keys(p.Inputs)) {
		if seen[name] {
			fail("input %q is a parameter: its start is given to Solve", name)
		}
	}
	if len(errs) == 0 {
		var err error
		if s.lower, err = s.flat("lower bound", p.Lower, math.Inf(-1)); err != nil {
			errs = append(errs, err)
		}
		if s.upper, err = s.flat("upper bound", p.Upper, math.Inf(1)); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) == 0 {
		for i, l := range s.lower {
			switch u := s.upper[i]; {
			case math.IsNaN(l) || math.IsNaN(u):
				fail("a bound of %s is NaN", s.element(i))
			case l > u:
				fail("the lower bound %v of %s is above the upper bound %v", l, s.element(i), u)
			case math.IsInf(l, 1) || math.IsInf(u, -1):
				fail("the bounds %v and %v of %s leave no value", l, u, s.element(i))
			}
			s.bounded = s.bounded || !math.IsInf(l, -1) || !math.IsInf(s.upper[i], 1)
		}
	}
	return errors.Join(errs...)
}

// element names an element of the flat vector of parameters.
func (s *Solver) element(i int) string {
	for _, x := range s.problem.Parameters {
		n := x.Shape().Size()
		if i < n {
			if x.Type().IsScalar() {
				return x.Name()
			}
			return fmt.Sprintf("%s[%d]", x.Name(), i)
		}
		i -= n
	}
	panic("BUG: optimize: no such element")
}

// flat lays values out as the solvers have them: one parameter after another. absent stands for parameters that have none; if it is NaN all must have some.
func (s *Solver) flat(role string, values Values, absent float64) ([]float64, error) {
	var errs []error
	x := make([]float64, 0, s.n)
	known := map[string]bool{}
	for _, p := range s.problem.Parameters {
		known[p.Name()] = true
		v, given := values[p.Name()]
		if !given {
			if math.IsNaN(absent) {
				errs = append(errs, fmt.Errorf("optimize: parameter %q has no %s", p.Name(), role))
			}
			v = []float64{absent}
		}
		switch size := p.Shape().Size(); len(v) {
		case size:
			x = append(x, v...)
		case 1:
			x = append(x, slices.Repeat(v, size)...)
		default:
			errs = append(errs, fmt.Errorf("optimize: parameter %q, %v at %v, has %s %s of %d numbers: needs %d, or one for all", p.Name(), p.Type(), p.Position(), article(role), role, len(v), size))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if !known[name] {
			errs = append(errs, fmt.Errorf("optimize: %s %s is given for %q, which is no parameter", article(role), role, name))
		}
	}
	return x, errors.Join(errs...)
}

func article(role string) string {
	if role[0] == 'u' {
		return "an"
	}
	return "a"
}

// named gives a flat vector back by names.
func (s *Solver) named(x []float64) Values {
	v := Values{}
	for _, p := range s.problem.Parameters {
		n := p.Shape().Size()
		v[p.Name()] = slices.Clone(x[:n])
		x = x[n:]
	}
	return v
}

// together is one vector of all the elements of the nodes.
func together(nodes []*graph.Node) *graph.Node {
	flat := make([]*graph.Node, len(nodes))
	for i, n := range nodes {
		flat[i] = graph.Reshape(n, n.Shape().Size())
	}
	if len(flat) == 1 {
		return flat[0]
	}
	return graph.Concat(0, flat...)
}

// compile works on a copy of the graph, so that the user's has no more nodes than before.
func (s *Solver) compile() error {
	p := &s.problem
	outputs := slices.Concat(p.Residuals, p.Zero, p.NonNegative)
	if p.Objective != nil {
		outputs = append(outputs, p.Objective)
	}
	old := p.Parameters[0].Graph()
	if err := old.Err(); err != nil {
		return err
	}
	g, outputs := old.Rebuild(outputs, nil)
	var wrt []*graph.Node
	for _, x := range p.Parameters {
		wrt = append(wrt, g.Lookup(x.Name()))
	}
	residuals := outputs[:len(p.Residuals)]
	constraints := outputs[len(p.Residuals):][:len(p.Zero)+len(p.NonNegative)]
	var err error
	if p.Method == LevenbergMarquardt {
		r := together(residuals)
		if s.values, err = s.program(r); err != nil {
			return err
		}
		entries, err := s.jacobianOf(r, wrt)
		if err != nil {
			return err
		}
		if s.sparse != nil {
			if s.normal, err = newNormalEquations(s.sparse); err != nil {
				return err
			}
		}
		s.jacobian, err = s.program(append([]*graph.Node{r}, entries...)...)
		return err
	}
	var cost *graph.Node
	if p.Objective != nil {
		cost = outputs[len(outputs)-1]
	} else {
		cost = graph.Sum(graph.Square(together(residuals)))
	}
	gradient, err := compile.Gradient(cost, wrt...)
	if err != nil {
		return err
	}
	all := append([]*graph.Node{cost}, gradient...)
	if len(constraints) > 0 {
		c := together(constraints)
		jacobian, err := s.jacobianOf(c, wrt)
		if err != nil {
			return err
		}
		all = append(append(all, c), jacobian...)
	}
	if s.values, err = s.program(all...); err != nil || p.Method != NewtonCG {
		return err
	}
	if p.Sparse {
		var entries []*graph.Node
		if len(wrt) == 1 {
			h, err := compile.SparseHessian(cost, wrt[0])
			if err != nil {
				return err
			}
			s.sparse, entries = &h.Pattern, []*graph.Node{h.Values}
		} else if entries, err = s.jacobianOf(together(gradient), wrt); err != nil {
			return err
		}
		s.hessian, err = s.program(entries...)
		return err
	}
	var vectors []*graph.Node
	for i, x := range wrt {
		name := fmt.Sprintf("direction%d", i)
		for g.Lookup(name) != nil {
			name += "_"
		}
		vectors = append(vectors, g.Input(name, graph.Float64, x.Shape()...))
		s.vectors = append(s.vectors, name)
	}
	products, err := compile.HVP(cost, wrt, vectors)
	if err != nil {
		return err
	}
	s.products, err = s.program(products...)
	return err
}

// jacobianOf returns the derivatives of a vector by each parameter: matrices, or if the problem is sparse the entries of each, whose places sparse then has.
func (s *Solver) jacobianOf(v *graph.Node, wrt []*graph.Node) ([]*graph.Node, error) {
	var entries []*graph.Node
	var patterns []*compile.Pattern
	for _, x := range wrt {
		if s.problem.Sparse && s.problem.Method != SQP {
			j, err := compile.SparseJacobian(v, x)
			if err != nil {
				return nil, err
			}
			entries, patterns = append(entries, j.Values), append(patterns, &j.Pattern)
			continue
		}
		j, err := compile.Jacobian(v, x)
		if err != nil {
			return nil, err
		}
		entries = append(entries, j)
	}
	if patterns == nil {
		return entries, nil
	}
	// The blocks stand side by side in one matrix.
	places, all := sideBySide(patterns)
	s.sparse = all
	s.places = places
	return entries, nil
}

// sideBySide returns the pattern of blocks that stand beside each other, and for each block the places of its entries there.
func sideBySide(blocks []*compile.Pattern) (places [][]int, all *compile.Pattern) {
	all = &compile.Pattern{Rows: blocks[0].Rows, Start: []int{0}}
	places = make([][]int, len(blocks))
	for _, b := range blocks {
		all.Columns += b.Columns
	}
	for i := range all.Rows {
		first := 0
		for k, b := range blocks {
			for _, c := range b.Row(i) {
				places[k] = append(places[k], len(all.Cols))
				all.Cols = append(all.Cols, int32(first)+c)
			}
			first += b.Columns
		}
		all.Start = append(all.Start, len(all.Cols))
	}
	return places, all
}
