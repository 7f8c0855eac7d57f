package compile

import (
	"slices"

	"github.com/adjoint-go/adjoint/graph"
)

// tangents holds those of the nodes of a forward sweep, nil for zero.
type tangents struct {
	index  nodeIndex
	of     []*graph.Node
	masked []bool                        // a zero may win over them, or they over a zero: see zeroMayWin
	tuples map[*graph.Node][]*graph.Node // of nodes with several values: see graph.ResultOf
	steps  map[*graph.Node][]int         // the values of loops' bodies whose tangents are asked for

	derived derivedBodies
}

func (t *tangents) get(n *graph.Node) *graph.Node {
	if i, ok := t.index.get(n); ok {
		return t.of[i]
	}
	return nil
}

// forward returns the tangents of the outputs (nil for zero) given those of wrt. Tangents that are constant zeros count as zero, so
// that a direction in which few of many scalars move costs what these cost.
func forward(g *graph.Graph, outputs, wrt, seeds []*graph.Node, masked, stop bool) []*graph.Node {
	seed := map[*graph.Node]*graph.Node{}
	for i, w := range wrt {
		seed[w] = plus(seed[w], seeds[i])
	}
	list, index := between(g, outputs, wrt, stop)
	t := &tangents{index: index, of: make([]*graph.Node, len(list)), masked: make([]bool, len(list)), tuples: map[*graph.Node][]*graph.Node{}, steps: stepValues(list), derived: derivedBodies{}}
	for i, n := range list {
		restore := g.AtNode(n)
		d := seed[n]
		t.masked[i] = masked
		if d == nil || !stop {
			for _, in := range n.Inputs() {
				k, ok := index.get(in)
				t.masked[i] = t.masked[i] || ok && t.masked[k]
			}
			d = plus(d, tangent(g, n, t, t.masked[i]))
			t.masked[i] = t.masked[i] || zeroMayWin(n)
		}
		if d != nil && !isNumber(d, 0) {
			t.of[i] = d
		}
		restore()
	}
	out := make([]*graph.Node, len(outputs))
	for i, o := range outputs {
		out[i] = t.get(o)
	}
	return out
}

// tangent returns the tangent of one node from those of its operands, which may be masked, nil for zero.
func tangent(g *graph.Graph, n *graph.Node, t *tangents, masked bool) *graph.Node {
	op := n.Op()
	if of, k, ok := graph.ResultOf(n); ok {
		if tangents := t.tuples[of]; k < len(tangents) {
			return tangents[k]
		}
		return nil
	}
	dots := make([]*graph.Node, len(n.Inputs()))
	any := false
	for i, in := range n.Inputs() {
		dots[i] = t.get(in)
		any = any || dots[i] != nil
	}
	if !any {
		return nil
	}
	var sum *graph.Node
	switch {
	case op.Partial != nil:
		for i, d := range dots {
			if d == nil {
				continue
			}
			if p := op.Partial(n, i); p != nil {
				sum = plus(sum, times(n, p, d, masked))
			}
		}
	case op.Transpose != nil:
		if masked {
			n = zeroWins(g, n)
		}
		return linearTangent(g, n, dots)
	case op.OfBodies:
		tangents := t.ofAdjointScan(n, dots, masked)
		if tangents == nil {
			tangents = tangentsOfBodies(n, dots, t.steps[n], masked, t.derived)
		}
		if n.Results() == nil {
			return tangents[0]
		}
		t.tuples[n] = tangents
		return nil
	case op.JVP != nil || op.VJP != nil:
		out := tangentsOf(g, n, dots)
		if n.Results() != nil {
			t.tuples[n] = out
			return nil
		}
		return out[0]
	case op.ThroughExpand:
		ops := uniq(n.Inputs())
		var from, seeds []*graph.Node
		for _, in := range ops {
			if d := t.get(in); d != nil {
				from, seeds = append(from, in), append(seeds, d)
			}
		}
		return forward(g, []*graph.Node{op.Expand(n)}, from, seeds, masked, true)[0]
	}
	return sum
}

// ofAdjointScan returns the tangents of the values of a reverse sweep over a while loop which can be differentiated in reverse, nil for other nodes.
func (t *tangents) ofAdjointScan(n *graph.Node, dots []*graph.Node, masked bool) []*graph.Node {
	s := adjointScanOf(n)
	if s == nil || t.steps[n] != nil {
		return nil
	}
	i, ok := t.index.get(s.of.n)
	if !ok {
		return nil
	}
	along := make([]*graph.Node, len(s.of.operands))
	for k, o := range s.of.operands {
		along[k] = t.get(o)
	}
	with := s.along(along, t.steps[s.of.n], t.masked[i]) // the loop that is there already
	if with == nil {
		return nil
	}
	return with.tangents(dots, nil, masked, with).tangents
}

// linearTangent returns the tangent of a node whose operator is linear in its operands, together or one by one.
func linearTangent(g *graph.Graph, n *graph.Node, dots []*graph.Node) *graph.Node {
	op := n.Op()
	if op.JointlyLinear {
		for i, in := range n.Inputs() {
			dots[i] = orZeros(dots[i], in)
		}
		return elementOfConstant(g.Apply(op, dots, n.Attrs()))
	}
	var sum *graph.Node
	for i, d := range dots {
		if d != nil {
			in := slices.Clone(n.Inputs())
			in[i] = d
			sum = plus(sum, g.Apply(op, in, n.Attrs()))
		}
	}
	return sum
}
