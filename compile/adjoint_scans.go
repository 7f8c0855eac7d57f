package compile

import (
	"slices"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/attr"
)

// adjointScan is a reverse sweep over a while loop: a scan that goes through the loop's carries and says which of the loop's adjoints its carries are. It is differentiated by what it is, without values of its own
// at each step: for an adjoint x̄ = Dᵀȳ, with u the adjoint of x̄, that of ȳ is D·u, the loop's tangent along u, and that of x the adjoint of ȳᵀ·D(x)·u: a reverse sweep over the loop with that tangent. Both are again
// a while loop and an adjointScan.
type adjointScan struct {
	loop
	of loop  // the while loop
	by []int // by carry: the operand of the while loop whose adjoint it is; a carry's begins with the adjoint of its final value

	primal func(carry int) int // with a tangent beside the while loop: the operand whose adjoint the tangent of a carry is
}

// adjointScanOf returns n as one, nil if it is not.
func adjointScanOf(n *graph.Node) *adjointScan {
	by := n.Attrs().Ints("adjoints")
	if n.Op() != opScan || by == nil {
		return nil
	}
	s := &adjointScan{loop: loopOf(n), by: by}
	if s.count == nil {
		return nil
	}
	of, k, ok := graph.ResultOf(s.count)
	if !ok || of.Op() != opWhile {
		return nil
	}
	s.of = loopOf(of)
	if k != s.of.carries || len(by) != s.carries {
		return nil
	}
	for _, x := range s.operands[:s.captured] {
		if !slices.Contains(s.of.operands, x) { // its adjoint would be left out
			return nil
		}
	}
	for _, x := range s.operands[s.captured+s.carries:] {
		if from, _ := stateRead(x); from != of {
			return nil
		}
	}
	for j, p := range by {
		if p < 0 || p >= len(s.of.operands) || !s.of.operands[p].Type().Equal(s.seed(j).Type()) {
			return nil
		}
	}
	return s
}

// seed returns what carry j begins with.
func (s *adjointScan) seed(j int) *graph.Node { return s.operands[s.captured+j] }

// adjoints gives the adjoints of the seeds from those of the results (nil for zero), and returns what those of the while loop's operands come from, nil if they are zero.
func (s *adjointScan) adjoints(ct []*graph.Node, masked bool, give func(to, ct *graph.Node)) *secondSweep {
	dots := make([]*graph.Node, len(s.of.operands))
	for j, p := range s.by {
		if j >= len(ct) || ct[j] == nil {
			continue
		}
		dots[p] = plus(dots[p], ct[j])
		if s.of.isCaptured(p) {
			give(s.seed(j), ct[j])
		}
	}
	m := s.of.tangents(dots, nil, masked, nil)
	if m.n == nil {
		return nil
	}
	second := &secondSweep{of: s.of, movedLoop: m, with: loopOf(m.n), cts: make([]*graph.Node, len(m.n.Results())), masked: masked}
	for j, p := range s.by {
		if !s.of.isCarry(p) {
			continue
		}
		give(s.seed(j), m.tangents[p-s.of.captured])
		if m.dot[p] >= 0 {
			second.add(m.dot[p], s.seed(j))
		}
	}
	return second
}

// secondSweep is a reverse sweep that is still to be made over a while loop with tangents, in place of one over the loop without.
type secondSweep struct {
	of, with loop
	*movedLoop
	cts    []*graph.Node // adjoints of the final carries of with
	masked bool
}

// add adds to the adjoint of the final value of the carry that is an operand of with.
func (s *secondSweep) add(operand int, ct *graph.Node) {
	k := operand - s.with.captured
	s.cts[k] = plus(s.cts[k], ct)
}

// take adds the adjoints of final carries of the loop without tangents, so that one sweep serves both.
func (s *secondSweep) take(cts []*graph.Node) {
	for k, ct := range cts {
		if ct != nil {
			s.add(s.primal[s.of.captured+k], ct)
		}
	}
}

// sweep gives the adjoints of the loop's operands that are wanted.
func (s *secondSweep) sweep(wanted func(n *graph.Node) bool, masked bool, give func(to, ct *graph.Node)) {
	back := make([]bool, len(s.with.operands))
	for i, o := range s.of.operands {
		if s.primal[i] >= 0 {
			back[s.primal[i]] = wanted(o)
		}
	}
	adjoints := s.with.adjoints(s.cts, back, masked || s.masked)
	for i, o := range s.of.operands {
		if s.primal[i] >= 0 {
			give(o, adjoints[s.primal[i]])
		}
	}
}

// along returns the scan over the while loop with tangents along dots, which are those of the while loop's operands, and of which values at each step were asked for: its own tangents are then again adjoints of one loop, so
// that they can be differentiated in reverse. It is nil if they are not: where something has no tangent, or a derivative that a user gives, which need not be symmetric.
func (s *adjointScan) along(dots []*graph.Node, values []int, masked bool) *adjointScan {
	if !symmetricDerivatives(s.of.body) {
		return nil
	}
	m := s.of.tangents(dots, values, masked, nil)
	if m.n == nil {
		return nil
	}
	t := adjointScan{loop: s.loop, of: loopOf(m.n), primal: func(carry int) int { return m.primal[s.by[carry]] }}
	for _, p := range s.by { // ȳᵀ·D·ẋ has the adjoints of x as those of ẋ, and their tangents as those of x
		if m.primal[p] < 0 || m.dot[p] < 0 {
			return nil
		}
		t.by = append(t.by, m.dot[p])
	}
	t.operands = slices.Clone(s.operands)
	for i := range t.operands[s.captured+s.carries:] {
		x := &t.operands[s.captured+s.carries+i]
		_, carry := stateRead(*x)
		*x = graph.EachStep(m.n, t.of.body.Params()[m.primal[s.of.captured+carry]])
	}
	t.count = graph.Result(m.n, t.of.carries)
	return &t
}

// tangentAttr is the attribute of a scan with tangents of carries beside l.
func (s *adjointScan) tangentAttr(l *loop, moving []int) []attr.Named {
	if s == nil {
		return nil
	}
	by := slices.Clone(s.by)
	for _, i := range moving {
		by = append(by, s.primal(i-l.captured))
	}
	return []attr.Named{attr.L("adjoints", by)}
}

// symmetricDerivatives reports whether the second derivatives of a body are symmetric: those that users give need not be derivatives of anything.
func symmetricDerivatives(b *graph.Body) bool {
	for i := range b.Graph().Len() {
		n := b.Graph().Node(i)
		if n.Op().UserDefined() || slices.ContainsFunc(graph.Bodies(n), func(b *graph.Body) bool { return !symmetricDerivatives(b) }) {
			return false
		}
	}
	return true
}
