package compile

import (
	"slices"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/micro"
)

// A stage of a Runge–Kutta method over a grid reads its neighbours of the stage before, so each stage is a loop of its own, and so is each stage of the reverse sweep. Where few neighbours are read, and what they are is
// cheap, it is computed once more for each: the stages are then one loop, and nothing lies in memory between them (redundant computation for the sake of locality: Ragan-Kelley et al. 2013, "Halide").

// leastRestenciled is the number of elements from which on values are computed once more.
const leastRestenciled = 1 << 10

// What loops take for a vector of arrays in the second-level cache, in about cycles: the first load of an array, one more of another part, which is in the first-level cache but mostly not aligned, a store, and an
// operation per nanosecond of micro.Info.Cost, of which many become multiply-adds.
const (
	loadCost      = 2
	partCost      = 1.5
	storeCost     = 3
	operationCost = 3
)

// leastRestencilGain is what of that must be saved at least.
const leastRestencilGain = .2

// restencil is the pass that has loops compute cheap values anew where they read parts of them. Of the bounds for how many parts of a value there may be it takes the one with which loops have least to do.
func restencil(u *unit) error {
	if !u.g.Has(func(op *graph.Op) bool { return op.Part != nil }) {
		return nil
	}
	var r *restenciler
	least := 0.
	for _, most := range []int{0, 1, 2, 4, 8} {
		x := &restenciler{unit: u, needed: u.g.Needed(u.outputs...), stored: make([]bool, u.g.Len()), read: make([][]*shown, u.g.Len()), again: make([]bool, u.g.Len())}
		if found := x.choose(most); most > 0 && !found {
			continue
		}
		if cost := x.cost(); r == nil || cost < least {
			r, least = x, cost
		}
		if most == 0 {
			least *= 1 - leastRestencilGain
		}
	}
	if !slices.Contains(r.again, true) {
		return nil
	}
	made := map[*graph.Node]bool{} // in the new graph: what is computed anew where parts of it are read
	type key struct{ part, of *graph.Node }
	moved := map[key]*graph.Node{}
	u.g, u.outputs = u.g.Rebuild(u.outputs, func(to *graph.Graph, n *graph.Node, in []*graph.Node) *graph.Node {
		switch {
		case r.again[n.ID()]:
			m := to.Apply(n.Op(), in, n.Attrs())
			made[m] = true
			return m
		case !isPart(n) || !made[in[0]]:
			return nil
		}
		var move func(x *graph.Node) *graph.Node
		move = func(x *graph.Node) *graph.Node {
			if x.Type().IsScalar() {
				return x
			}
			if !made[x] {
				return to.Apply(n.Op(), []*graph.Node{x}, n.Attrs())
			}
			m := moved[key{n, x}]
			if m == nil {
				operands := slices.Clone(x.Inputs())
				for k, o := range operands {
					operands[k] = move(o)
				}
				m = to.Apply(x.Op(), operands, x.Attrs())
				moved[key{n, x}], made[m] = m, true
			}
			return m
		}
		u.fired["restencil"]++
		return move(in[0])
	})
	return u.g.Err()
}

type restenciler struct {
	*unit
	needed []bool
	stored []bool     // by ID: something else than loops reads it
	read   [][]*shown // by ID: what loops read of it
	again  []bool     // by ID: computed anew for each part
}

// shown is a part of an array, of a shape; the part is nil for the whole.
type shown struct {
	*graph.Part
	shape graph.Shape
}

// padded reports whether there are zeros around the part.
func (p *shown) padded() bool {
	for d := range p.Lo {
		if p.Lo[d] > 0 || p.Hi[d] < p.shape[d] {
			return true
		}
	}
	return false
}

// inLoop reports whether loops compute a node.
func (r *restenciler) inLoop(n *graph.Node) bool {
	return n.Op().Micro != "" && !n.Type().IsScalar() && r.needed[n.ID()]
}

// choose finds what is computed anew, of which there may be so many parts, and reports whether there is something of which a part is read.
func (r *restenciler) choose(most int) (found bool) {
	for _, o := range r.outputs {
		r.stored[o.ID()] = true
	}
	for i := r.g.Len() - 1; i >= 0; i-- {
		n := r.g.Node(i)
		switch {
		case !r.needed[i] || n.IsInput() || n.IsConst():
		case !r.stored[i] && isPart(n):
			for _, p := range r.read[i] {
				r.reads(n.Input(0), p.of(n))
			}
		case r.inLoop(n):
			r.again[i] = !r.stored[i] && len(r.read[i]) <= most && r.repeats(n)
			for k, in := range n.Inputs() {
				if !r.again[i] && !in.Shape().Equal(n.Shape()) { // computed once for all the elements that read it
					r.stored[n.InputID(k)] = true
				}
				for _, p := range r.copies(n) {
					found = found || r.again[i] && p.Part != nil
					r.reads(in, p)
				}
			}
		default:
			for k := range n.Inputs() {
				r.stored[n.InputID(k)] = true
			}
		}
	}
	return found
}

var whole = []*shown{{}}

// copies returns what of a node is computed by loops.
func (r *restenciler) copies(n *graph.Node) []*shown {
	if r.again[n.ID()] {
		return r.read[n.ID()]
	}
	return whole
}

// of returns what a part of n, which is a part of an array itself, shows of that.
func (p *shown) of(n *graph.Node) *shown {
	part := n.Op().Part(n)
	if p.Part == nil {
		return &shown{part, n.Shape()}
	}
	return &shown{&through(p.Part, &window{Part: *part}).Part, p.shape}
}

func (p *shown) equal(q *shown) bool {
	if p.Part == nil || q.Part == nil {
		return p.Part == q.Part
	}
	return p.shape.Equal(q.shape) && slices.Equal(p.First, q.First) && slices.Equal(p.Step, q.Step) && slices.Equal(p.Lo, q.Lo) && slices.Equal(p.Hi, q.Hi)
}

// cost is about what loops take, in the same unit for all. What is read of a value that is stored is read in a later loop.
func (r *restenciler) cost() (cost float64) {
	type load struct{ array, loop int }
	loads, stores := map[load][]*shown{}, map[int]bool{}
	loop := make([]int, r.g.Len())
	for i := range r.g.Len() {
		n := r.g.Node(i)
		if !r.inLoop(n) {
			continue
		}
		copies, elements := r.copies(n), float64(n.Shape().Size())
		cost += elements * float64(len(copies)) * micro.ByName(n.Op().Micro).Info().Cost * operationCost
		operands := func(f func(array *graph.Node, p *shown)) {
			for _, in := range n.Inputs() {
				for _, p := range copies {
					array := in
					for isPart(array) && !r.stored[array.ID()] {
						array, p = array.Input(0), p.of(array)
					}
					if !array.Type().IsScalar() {
						f(array, p)
					}
				}
			}
		}
		operands(func(array *graph.Node, p *shown) {
			k := loop[array.ID()]
			if r.inLoop(array) && !r.again[array.ID()] && p.Part != nil {
				k++
			}
			loop[i] = max(loop[i], k)
		})
		operands(func(array *graph.Node, p *shown) {
			id := array.ID()
			at := load{id, loop[i]}
			if r.again[id] || r.inLoop(array) && p.Part == nil && loop[id] == loop[i] || slices.ContainsFunc(loads[at], p.equal) {
				return
			}
			if loads[at] == nil {
				cost += elements * loadCost
			} else {
				cost += elements * partCost
			}
			loads[at] = append(loads[at], p)
			if r.inLoop(array) && !r.stored[id] && !stores[id] {
				stores[id] = true
				cost += float64(array.Shape().Size()) * storeCost
			}
		})
	}
	return cost
}

// reads notes what loops read of a node.
func (r *restenciler) reads(n *graph.Node, p *shown) {
	id := n.ID()
	if !slices.ContainsFunc(r.read[id], p.equal) {
		r.read[id] = append(r.read[id], p)
	}
}

// repeats reports whether a node that loops alone read may be computed anew for each part that they read of it. Where a part has zeros around it, so have those of the operands.
func (r *restenciler) repeats(n *graph.Node) bool {
	if n.Shape().Size() < leastRestenciled || !n.DType().IsFloat() {
		return false
	}
	for _, in := range n.Inputs() {
		if !in.Type().IsScalar() && !in.Shape().Equal(n.Shape()) || in.DType() != n.DType() {
			return false
		}
	}
	for _, p := range r.read[n.ID()] {
		if p.Part != nil && (slices.ContainsFunc(p.Step, func(step int) bool { return step != 1 }) || p.padded() && !zeroOfZeros(n)) {
			return false
		}
	}
	return true
}

// zeroOfZeros reports whether an elementwise node is +0 where the arrays are that it reads.
func zeroOfZeros(n *graph.Node) bool {
	g := graph.New()
	in := slices.Clone(n.Inputs())
	for k, x := range in {
		switch {
		case !x.Type().IsScalar():
			in[k] = g.Scalar(x.DType(), 0)
		case x.IsConst():
			in[k] = g.Literal(x.Literal())
		default:
			return false
		}
	}
	zero := foldTerm(term{g: g, op: n.Op(), in: in, attrs: n.Attrs(), typ: graph.Type{DType: n.DType()}})
	return zero != nil && zero.Literal().Bits(0) == 0
}
