package compile

import (
	"fmt"
	"slices"

	"github.com/adjoint-go/adjoint/graph"
)

// maxTaylorOrder bounds the order of Taylor coefficients: 64! is far from overflow in float64.
const maxTaylorOrder = 64

// Taylor appends the Taylor coefficients of the outputs along a curve: with wrt_i(t) = wrt_i + Σ_k curve[k−1][i]·tᵏ, the outputs
// are Σ_k result[k][i]·tᵏ up to the given order, 1 to 64; result[0] are the outputs themselves. curve may be shorter than order, and nil
// coefficients are zero. The k-th derivative along the curve is k! times coefficient k.
//
// Method: Taylor coefficient propagation (Griewank & Walther, Evaluating Derivatives, 2nd ed., ch. 13; Bettencourt, Johnson & Duvenaud,
// Taylor-mode automatic differentiation for higher-order derivatives in JAX, 2019). An operator costs O(order²); nested forward
// mode costs O(2^order) applied by itself, and more than the square even where equal nodes are shared. Products, quotients and powers state recurrences of
// their own (graph.Op), linear operators act on each coefficient; every other operator follows from its derivative: y′ = Σ ∂y/∂x·x′ gives k·y_k as a sum over coefficients of the partials below order k, which are
// propagated in the same way.
func Taylor(order int, outputs, wrt []*graph.Node, curve [][]*graph.Node) (coefficients [][]*graph.Node, err error) {
	if order < 1 || order > maxTaylorOrder {
		return nil, fmt.Errorf("taylor: order %d is not within 1 to %d", order, maxTaylorOrder)
	}
	if len(curve) == 0 || len(curve) > order {
		return nil, fmt.Errorf("taylor: the curve has %d coefficients for order %d", len(curve), order)
	}
	var g *graph.Graph
	curve = slices.Clone(curve)
	for k, seeds := range curve {
		if len(seeds) != len(wrt) {
			return nil, fmt.Errorf("taylor: coefficient %d of the curve has %d parts for %d nodes", k+1, len(seeds), len(wrt))
		}
		var leave func()
		if g, leave, err = checkDerivative("taylor", &wrt, &curve[k], &outputs, &wrt); err != nil {
			return nil, err
		}
		defer leave()
	}
	defer recoverBug("taylor", &err)
	t := newTaylor(g, order, outputs, wrt, curve)
	t.all()
	coefficients = append(coefficients, outputs)
	for k := 1; k <= order; k++ {
		row := make([]*graph.Node, len(outputs))
		for i, o := range outputs {
			if row[i] = t.coefficient(o, k); row[i] == nil {
				restore := g.AtNode(o)
				row[i] = graph.FullLike(o, 0)
				restore()
			}
		}
		coefficients = append(coefficients, row)
	}
	return coefficients, g.Err()
}

// taylor holds the coefficients of nodes along a curve.
type taylor struct {
	g       *graph.Graph
	order   int
	list    []*graph.Node // of the nodes between the curve and the outputs
	depends []bool        // by ID, for all nodes that were there before: whether the node changes along the curve

	curve map[*graph.Node][]*graph.Node // given coefficients from order 1 on
	coef  map[*graph.Node][]*graph.Node // found ones, from order 1 on; nil entries are zero
	moves map[*graph.Node]bool          // whether a node that was made on the way changes along the curve
	wins  map[*graph.Node]bool          // whether a zero may win over the node's coefficients, or they over a zero: see zeroMayWin

	partials map[partialKey]*graph.Node
	slopes   map[*graph.Node][]*graph.Node // dy/dt of operators that have a JVP only, for each result
	follows  map[*graph.Node]*graph.Node   // of a node that stands for dx/dt: x
	expanded map[*graph.Node]*graph.Node
	derived  derivedBodies

	bodyOrder  map[*graph.Node]int             // by node with bodies: the order up to which its coefficients are there
	slopeDepth int                             // how many coefficients of slopes are being looked for
	bodies     map[*graph.Node][][]*graph.Node // of nodes with bodies: the coefficients of each value, from order 1 on
	steps      map[*graph.Node][]int           // the values of loops' bodies that are asked for at each step
}

// series is what the recurrences of operators see.
type series struct{ t *taylor }

func (s series) Coefficient(n *graph.Node, k int) *graph.Node { return s.t.coefficient(n, k) }
func (s series) Changes(n *graph.Node) bool                   { return s.t.changes(n) }
func (s series) Product(n, x, y *graph.Node) *graph.Node {
	if s.t.masked(n) {
		return graph.MulNoNan(x, y)
	}
	return graph.Mul(x, y)
}

type partialKey struct {
	n       *graph.Node
	operand int
}

func newTaylor(g *graph.Graph, order int, outputs, wrt []*graph.Node, curve [][]*graph.Node) *taylor {
	t := &taylor{
		g: g, order: order, bodies: map[*graph.Node][][]*graph.Node{}, depends: changing(g, wrt), curve: map[*graph.Node][]*graph.Node{}, coef: map[*graph.Node][]*graph.Node{}, moves: map[*graph.Node]bool{}, wins: map[*graph.Node]bool{},
		partials: map[partialKey]*graph.Node{}, slopes: map[*graph.Node][]*graph.Node{}, follows: map[*graph.Node]*graph.Node{}, expanded: map[*graph.Node]*graph.Node{}, derived: derivedBodies{}, bodyOrder: map[*graph.Node]int{},
	}
	t.list, _ = between(g, outputs, wrt, false)
	t.steps = stepValues(t.list)
	for i, w := range wrt {
		if len(t.curve[w]) == 0 {
			t.curve[w] = make([]*graph.Node, len(curve))
		}
		for k, seeds := range curve {
			t.curve[w][k] = plus(t.curve[w][k], seeds[i])
		}
	}
	return t
}

// all finds the coefficients of the listed nodes: in ascending order, so that recursion is shallow however deep the graph is.
func (t *taylor) all() {
	for _, n := range t.list {
		restore := t.g.AtNode(n)
		t.coefficient(n, t.order)
		restore()
	}
}

// changing reports for each node of the graph whether its value depends, differentiably, on any of wrt. Partials that are equal to
// nodes made before are found among these, whether or not the outputs depend on them.
func changing(g *graph.Graph, wrt []*graph.Node) []bool {
	depends := make([]bool, g.Len())
	first := g.Len()
	for _, w := range wrt {
		depends[w.ID()] = true
		first = min(first, w.ID())
	}
	for i := first; i < len(depends); i++ {
		if n := g.Node(i); !depends[i] && n.Op().Differentiable() && (n.DType().IsFloat() || n.Results() != nil) {
			depends[i] = slices.ContainsFunc(n.Inputs(), func(in *graph.Node) bool { return depends[in.ID()] })
		}
	}
	return depends
}

// changes reports whether a node changes along the curve.
func (t *taylor) changes(n *graph.Node) bool {
	if n.ID() < len(t.depends) {
		return t.depends[n.ID()]
	}
	if t.follows[n] != nil {
		return true
	}
	m, ok := t.moves[n]
	if !ok {
		if n.Op().Differentiable() && (n.DType().IsFloat() || n.Results() != nil) {
			for _, in := range n.Inputs() {
				m = m || t.changes(in)
			}
		}
		t.moves[n] = m
	}
	return m
}

// masked reports whether a zero may win over the node's coefficients, or they over a zero.
func (t *taylor) masked(n *graph.Node) bool {
	m, ok := t.wins[n]
	if !ok && t.changes(n) {
		m = zeroMayWin(n)
		if x := t.follows[n]; x != nil {
			m = m || t.masked(x)
		}
		for _, in := range n.Inputs() {
			m = m || t.masked(in)
		}
		t.wins[n] = m
	}
	return m
}

// coefficient returns coefficient k of a node, nil for zero; coefficient 0 is the node.
func (t *taylor) coefficient(n *graph.Node, k int) *graph.Node {
	if k == 0 {
		return n
	}
	if !t.changes(n) {
		return nil
	}
	if x := t.follows[n]; x != nil {
		return t.times(t.coefficient(x, k+1), float64(k+1))
	}
	for len(t.coef[n]) < k {
		// The slice is appended to only here, after what a lower order needs.
		j := len(t.coef[n]) + 1
		c := t.propagate(n, j)
		if given := t.curve[n]; j <= len(given) {
			c = plus(c, given[j-1])
		}
		if c != nil && (c.Results() != nil || isNumber(c, 0)) {
			c = nil
		}
		t.coef[n] = append(t.coef[n], c)
	}
	return t.coef[n][k-1]
}

// propagate finds coefficient k of a node from coefficients of its operands up to k and its own below k.
func (t *taylor) propagate(n *graph.Node, k int) *graph.Node {
	op := n.Op()
	moving := false
	for _, in := range n.Inputs() {
		moving = moving || t.changes(in)
	}
	if !moving || n.Results() != nil {
		return nil // given by the curve alone; results have the coefficients of a tuple
	}
	if op.Taylor != nil {
		if c, known := op.Taylor(n, series{t}, k); known {
			return c
		}
	}
	of, result, several := graph.ResultOf(n)
	switch {
	case op == opImplicit:
		return t.divide(t.coefficientOfSlope(n, 0, k), k)
	case op.OfBodies:
		return nil // its values have coefficients
	case several && of.Op().OfBodies:
		return t.coefficientOfBodies(of, result, k)
	case several:
		return t.divide(t.coefficientOfSlope(of, result, k), k)
	case op.Partial != nil:
		return t.elementwise(n, k)
	case op.Transpose != nil && op.JointlyLinear:
		return t.linear(n, k)
	case op.Transpose != nil:
		return t.multilinear(n, k)
	case op.ThroughExpand:
		if t.expanded[n] == nil {
			t.expanded[n] = op.Expand(n)
		}
		return t.coefficient(t.expanded[n], k)
	}
	return t.divide(t.coefficientOfSlope(n, 0, k), k)
}

// divide is c/k, nil for nil.
func (t *taylor) divide(c *graph.Node, k int) *graph.Node {
	if c == nil || k == 1 {
		return c
	}
	return graph.Mul(c, graph.Like(c, 1/float64(k)))
}

// times is c·k, nil for nil.
func (t *taylor) times(c *graph.Node, k float64) *graph.Node {
	if c == nil || k == 1 {
		return c
	}
	return graph.Mul(graph.Like(c, k), c)
}

// elementwise is k·y_k = Σ_i Σ_j j·x_j·p_(k−j) over the operands x with partials p.
func (t *taylor) elementwise(n *graph.Node, k int) *graph.Node {
	var direct, weighted *graph.Node
	for i, x := range n.Inputs() {
		if !t.changes(x) {
			continue
		}
		key := partialKey{n, i}
		p, ok := t.partials[key]
		if !ok {
			p = n.Op().Partial(n, i)
			t.partials[key] = p
		}
		if p == nil {
			continue
		}
		if !t.changes(p) {
			if a := t.coefficient(x, k); a != nil {
				direct = plus(direct, times(n, p, a, t.masked(n)))
			}
			continue
		}
		for j := 1; j <= k; j++ {
			if a, q := t.coefficient(x, j), t.coefficient(p, k-j); a != nil && q != nil {
				weighted = plus(weighted, times(n, q, t.times(a, float64(j)), t.masked(n)))
			}
		}
	}
	return plus(direct, t.divide(weighted, k))
}

// linear applies an operator that is linear in all its operands together to their coefficients.
func (t *taylor) linear(n *graph.Node, k int) *graph.Node {
	in := make([]*graph.Node, len(n.Inputs()))
	any := false
	for i, x := range n.Inputs() {
		if in[i] = t.coefficient(x, k); in[i] == nil {
			in[i] = graph.FullLike(x, 0)
		} else {
			any = true
		}
	}
	if !any {
		return nil
	}
	return t.g.Apply(n.Op(), in, n.Attrs())
}

// multilinear sums an operator that is linear in each operand over all ways to share k among the operands that change.
func (t *taylor) multilinear(n *graph.Node, k int) *graph.Node {
	in := make([]*graph.Node, len(n.Inputs()))
	var sum *graph.Node
	var share func(i, rest int)
	share = func(i, rest int) {
		if i == len(in) {
			if rest == 0 {
				sum = plus(sum, t.g.Apply(n.Op(), append([]*graph.Node(nil), in...), n.Attrs()))
			}
			return
		}
		for j := 0; j <= rest; j++ {
			if j > 0 && !t.changes(n.Input(i)) {
				return
			}
			if in[i] = t.coefficient(n.Input(i), j); in[i] != nil {
				share(i+1, rest-j)
			}
		}
	}
	share(0, k)
	return sum
}

// coefficientOfSlope returns coefficient k−1 of the derivative dy/dt of result i, which the operator's JVP gives from
// those of its operands; nil is zero.
func (t *taylor) coefficientOfSlope(n *graph.Node, i, k int) *graph.Node {
	slopes, ok := t.slopes[n]
	if !ok {
		dots := make([]*graph.Node, len(n.Inputs()))
		for j, x := range n.Inputs() {
			if t.changes(x) {
				dots[j] = t.slope(x)
			}
		}
		if n.Op() == opImplicit {
			slopes = tangentsOfBodies(n, dots, nil, false, nil)
		} else {
			slopes = tangentsOf(t.g, n, dots)
		}
		t.slopes[n] = slopes
	}
	if slopes[i] == nil {
		return nil
	}
	t.slopeDepth++
	defer func() { t.slopeDepth-- }()
	return t.coefficient(slopes[i], k-1)
}

// slope returns a node that stands for dx/dt along the curve: its value is the first coefficient of x, its coefficients are those of x,
// one order higher and multiplied by it.
func (t *taylor) slope(x *graph.Node) *graph.Node {
	t.slopeDepth++
	first := orZeros(t.coefficient(x, 1), x)
	t.slopeDepth--
	// Nodes are shared, but this one must be no other's.
	d := graph.Identity(first)
	for t.follows[d] != nil || d.ID() < len(t.depends) {
		d = graph.Identity(d)
	}
	t.follows[d] = x
	return d
}
