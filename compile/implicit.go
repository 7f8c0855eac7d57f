package compile

import (
	"fmt"
	"slices"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/attr"
)

// The derivatives of implicit functions: f(θ, x) = 0 gives ∂f/∂x·ẋ = −∂f/∂θ·θ̇, at the node x itself, so that each further derivative passes through it again.

var opImplicit, opWithVJP = graph.LookupOp("implicit"), graph.LookupOp("with_vjp")

// implicit is a node of that operator by its parts.
type implicit struct {
	n        *graph.Node
	body     *graph.Body
	captured int
	lanes    int
	masked   bool
}

func implicitOf(n *graph.Node, masked bool) *implicit {
	body := graph.Bodies(n)[0]
	return &implicit{n: n, body: body, captured: n.Attrs().Int("captured"), lanes: n.Attrs().Int("lanes"), masked: masked || mayMask(body)}
}

// args are the values at which f's derivatives are taken, and more.
func (f *implicit) args(more ...*graph.Node) []*graph.Node {
	return slices.Concat(f.n.Inputs()[:f.captured], []*graph.Node{f.n}, more)
}

// derived makes the body that make gives the result of, in a copy of f's, with more parameters; nil if the result is.
func (f *implicit) derived(more []graph.Type, make func(b *bodyBuilder, more []*graph.Node) *graph.Node) *graph.Body {
	b := open(f.body)
	var params []*graph.Node
	for _, t := range more {
		params = append(params, b.input(t))
	}
	result := make(b, params)
	if result == nil {
		return nil
	}
	return mustBody(b.g, slices.Concat(b.params, params), []*graph.Node{result})
}

// tangent returns the tangent of the node from those of the operands; nil for zero.
func (f *implicit) tangent(dots []*graph.Node) *graph.Node {
	var moving []int
	var given []*graph.Node
	var types []graph.Type
	for i, d := range dots[:f.captured] {
		if d != nil {
			moving, given, types = append(moving, i), append(given, d), append(types, d.Type())
		}
	}
	if len(moving) == 0 {
		return nil
	}
	body := f.derived(types, func(b *bodyBuilder, seeds []*graph.Node) *graph.Node {
		var wrt []*graph.Node
		for _, i := range moving {
			wrt = append(wrt, b.params[i])
		}
		return forward(b.g, b.results, wrt, seeds, f.masked, false)[0]
	})
	if body == nil {
		return nil
	}
	return graph.Neg(f.solve(body.Inline(f.args(given...))[0], false))
}

// adjoints returns the adjoints of the operands that are wanted, nil for zero, from that of the node.
func (f *implicit) adjoints(ct *graph.Node, wanted []bool) []*graph.Node {
	adjoints := make([]*graph.Node, len(f.n.Inputs()))
	var wrt []int
	for i, o := range f.n.Inputs()[:f.captured] {
		if wanted[i] && o.DType().IsFloat() {
			wrt = append(wrt, i)
		}
	}
	if ct == nil || len(wrt) == 0 {
		return adjoints
	}
	b := open(f.body)
	seed := b.input(f.n.Type())
	var from []*graph.Node
	for _, i := range wrt {
		from = append(from, b.params[i])
	}
	var results []*graph.Node
	var of []int
	for k, d := range reverse(b.g, b.results, []*graph.Node{seed}, from, f.masked, false) {
		if d != nil {
			results, of = append(results, d), append(of, wrt[k])
		}
	}
	if len(of) == 0 {
		return adjoints
	}
	multiplier := graph.Neg(f.solve(ct, true))
	for k, d := range inlined(mustBody(b.g, append(slices.Clone(b.params), seed), results), f.args(multiplier)) {
		adjoints[of[k]] = d
	}
	return adjoints
}

// product is the body that gives ∂f/∂x, or its transpose, times a vector like x, its last parameter.
func (f *implicit) product(transposed bool) *graph.Body {
	body := f.derived([]graph.Type{f.n.Type()}, func(b *bodyBuilder, v []*graph.Node) *graph.Node {
		x := b.params[f.captured:]
		if transposed {
			return reverse(b.g, b.results, v, x, f.masked, false)[0]
		}
		return forward(b.g, b.results, x, v, f.masked, false)[0]
	})
	if body == nil {
		panic(refusal{userError(f.n, "implicit", fmt.Errorf("the function does not depend on the solution in a way that has a derivative, so it does not define it"))})
	}
	return body
}

// solve solves ∂f/∂x·v = r, or the transposed system.
func (f *implicit) solve(r *graph.Node, transposed bool) *graph.Node {
	a := f.n.Attrs()
	shape := f.n.Shape()
	method := graph.LinearMethod(a.Str("method"))
	unknowns := shape[f.lanes:].Size()
	switch {
	case method == graph.Direct && unknowns == 1:
		return graph.Div(r, f.product(false).Inline(f.args(graph.FullLike(f.n, 1)))[0])
	case method == graph.Direct && unknowns < leastSparse:
	case method == graph.Direct || method == graph.Sparse:
		if m := f.sparse(method == graph.Sparse); m != nil {
			x := graph.Reshape(r, shape.Size())
			if transposed {
				x = m.TransposedSolve(x)
			} else {
				x = m.Solve(x)
			}
			return graph.Reshape(x, shape...)
		}
	default:
		body := f.product(transposed)
		o := graph.ImplicitOptions{Lanes: f.lanes, Method: method, Tolerance: a.Float("tolerance"), Limit: a.Int("limit")}
		if bodies := graph.Bodies(f.n); len(bodies) > 1 {
			m := bodies[1]
			if transposed {
				m = transposedMap(m)
			}
			o.Precondition = func(r *graph.Node) *graph.Node {
				return m.Inline(append(slices.Clone(f.n.Inputs()[:f.captured]), r))[0]
			}
		}
		return graph.LinearSolve(func(v *graph.Node) *graph.Node { return body.Inline(f.args(v))[0] }, r, o)
	}
	x := graph.Solve(f.matrix(unknowns, transposed), graph.Reshape(r, append(slices.Clone(shape[:f.lanes]), unknowns, 1)...))
	return graph.Reshape(x, shape...)
}

// A direct method takes ∂f/∂x as a sparse matrix from so many unknowns on, if one in so many of its entries at most can be other than 0.
const (
	leastSparse = 64
	fewEntries  = 10
)

// sparse is ∂f/∂x of all lanes as a sparse matrix; nil, unless it has to be, where it has many entries or its pattern is not known.
func (f *implicit) sparse(must bool) *graph.CSR {
	var pattern *SparseMatrix
	body := f.derived(nil, func(b *bodyBuilder, _ []*graph.Node) *graph.Node {
		x := b.params[f.captured]
		if !must {
			p, err := JacobianPattern(b.results[0], x)
			lane := int64(f.n.Shape()[f.lanes:].Size())
			if err != nil || int64(p.NonZeros())*fewEntries > lane*int64(p.Columns) {
				return nil
			}
		}
		m, err := SparseJacobian(b.results[0], x)
		if err != nil {
			panic(refusal{userError(f.n, "implicit", err)})
		}
		pattern = m
		return m.Values
	})
	if body == nil {
		return nil
	}
	pattern.Values = body.Inline(f.args())[0]
	return pattern.CSR()
}

// transposedMap is the transpose of a body that is linear in its last parameter.
func transposedMap(m *graph.Body) *graph.Body {
	b := open(m)
	last := len(b.params) - 1
	r := b.input(b.params[last].Type())
	result := orZeros(reverse(b.g, b.results, []*graph.Node{r}, b.params[last:], false, false)[0], r)
	return mustBody(b.g, append(slices.Clone(b.params[:last]), r), []*graph.Node{result})
}

// matrix is ∂f/∂x or its transpose for each lane, [lanes… n×n]: the images of the unit vectors of all lanes at once, in one batch.
func (f *implicit) matrix(n int, transposed bool) *graph.Node {
	body := f.derived(nil, func(b *bodyBuilder, _ []*graph.Node) *graph.Node {
		x := b.params[f.captured]
		v := b.input(f.n.Type())
		column := forward(b.g, b.results, []*graph.Node{x}, []*graph.Node{v}, f.masked, false)[0]
		if column == nil {
			return nil
		}
		at := slices.Concat([]int{n}, slices.Repeat([]int{1}, f.lanes), f.n.Shape()[f.lanes:])
		of := graph.Reshape(identity(b.g, f.n.DType(), n), at...)
		units := newBatcher(b.g, n)
		units.Image[v] = graph.BroadcastTo(of, units.Shape(f.n)...)
		units.all(dependents([]*graph.Node{column}, []*graph.Node{v}))
		columns := graph.Reshape(units.Lift(column), slices.Concat([]int{n}, f.n.Shape()[:f.lanes], []int{n})...)
		perm := []int{}
		for k := range f.lanes {
			perm = append(perm, k+1)
		}
		if transposed {
			return graph.Transpose(columns, append(perm, 0, f.lanes+1)...)
		}
		return graph.Transpose(columns, append(perm, f.lanes+1, 0)...)
	})
	if body == nil {
		f.product(false) // says what is wrong
	}
	return body.Inline(f.args())[0]
}

// identity is the unit matrix.
func identity(g *graph.Graph, d graph.DType, n int) *graph.Node {
	row, column := graph.Iota(g, graph.Int64, 0, n, 1), graph.Iota(g, graph.Int64, 1, 1, n)
	return graph.Cast(graph.Equal(row, column), d)
}

// implicit batches an implicit function: one dimension of lanes more.
func (b *batcher) implicit(n *graph.Node) *graph.Node {
	operands, bodies := b.aroundSolution(n)
	a := n.Attrs()
	return b.Graph.Apply(opImplicit, operands, attr.Make(bodies, attr.I("captured", a.Int("captured")),
		attr.I("lanes", a.Int("lanes")+1), attr.S("method", a.Str("method")), attr.F("tolerance", a.Float("tolerance")), attr.I("limit", a.Int("limit"))))
}

// withVJP batches a value with a vector-Jacobian product of its own. Arguments have the batch dimension whether they need it or not, so that the sum over the batch is not the body's.
func (b *batcher) withVJP(n *graph.Node) *graph.Node {
	operands, bodies := b.aroundSolution(n)
	return b.Graph.Apply(opWithVJP, operands, attr.Make(bodies, attr.I("captured", n.Attrs().Int("captured")), attr.I("lanes", n.Attrs().Int("lanes")+1)))
}

// aroundSolution returns the images of the operands of a node with bodies, of which those that are not captured have the batch dimension, as have all further parameters of the bodies and their results.
func (b *batcher) aroundSolution(n *graph.Node) (operands []*graph.Node, bodies attr.Named) {
	captured := n.Attrs().Int("captured")
	operands = slices.Clone(n.Inputs())
	batched := newParamSet(len(operands) + 1)
	for i, o := range operands {
		switch {
		case i >= captured:
			operands[i] = b.Lift(o)
		case b.Has(o):
			operands[i] = b.Image[o]
		default:
			continue
		}
		batched.add(i)
	}
	batched.add(len(operands))
	var functions []attr.Function
	for _, body := range graph.Bodies(n) {
		functions = append(functions, b.within(body, batched, nil).lifted())
	}
	return operands, attr.Fn("bodies", functions...)
}

// implicit returns the sets of an implicit function: what the equations of a lane depend on, for each of its unknowns.
func (s *nodeSets) implicit(n *graph.Node) (indexSets, error) {
	operands := n.Inputs()
	params := make([]indexSets, len(operands))
	for i, o := range operands[:len(operands)-1] {
		params[i] = s.get(o)
	}
	body := graph.Bodies(n)[0]
	bs := s.body(body, operands, func(i int) bool { return params[i] != nil }, body.Results())
	out, err := bs.run(params, body.Results())
	if err != nil || out[0] == nil {
		return nil, err
	}
	size := n.Shape()[n.Attrs().Int("lanes"):].Size()
	all := make(indexSets, len(out[0]))
	for lane := 0; lane < len(all); lane += size {
		u := s.union(out[0][lane : lane+size]...)
		for i := range size {
			all[lane+i] = u
		}
	}
	return all, nil
}
