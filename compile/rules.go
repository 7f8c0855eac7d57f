package compile

import (
	"math"
	"slices"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/shape"
)

// rules is the table of rewrites. Order matters only for the counts: every rule keeps the value within its class.
var rules []rule

func init() {
	rules = slices.Concat(algebraRules, shapeRules, useRules, fastRules)
	for i := range rules {
		r := &rules[i]
		if r.name == "" || r.doc == "" || r.class == 0 || (r.ops == nil) == (r.on == nil) || r.apply == nil {
			panic("BUG: rewrite " + r.name + " is incomplete")
		}
		for _, name := range r.ops {
			if graph.LookupOp(name) == nil {
				panic("BUG: rewrite " + r.name + " looks at the unknown operator " + name)
			}
		}
	}
}

// operandKinds is a set of what there may be among the operands of a term.
type operandKinds uint8

const (
	constantOperand  operandKinds = 1 << iota // one that shows a constant
	negOperand                                // a neg
	broadcastOperand                          // a broadcast_to
)

var opNeg, opBroadcastTo = graph.LookupOp("neg"), graph.LookupOp("broadcast_to")

// kindsOf returns the kinds that are among the operands.
func kindsOf(operands []*graph.Node) (kinds operandKinds) {
	for _, in := range operands {
		switch op := in.Op(); {
		case op == opNeg:
			kinds |= negOperand
		case (op.View != nil || in.IsConst()) && in.ShownLiteral() != nil:
			kinds |= constantOperand
		}
		if in.Op() == opBroadcastTo {
			kinds |= broadcastOperand
		}
	}
	return kinds
}

// exactReciprocal reports whether 1/c is exact and neither it nor c is subnormal in float32.
func exactReciprocal(c float64) bool {
	f, e := math.Frexp(c)
	return (f == 0.5 || f == -0.5) && e > -100 && e < 100
}

func swapsLastTwo(perm []int) bool {
	r := len(perm)
	for i, p := range perm {
		want := i
		switch i {
		case r - 1:
			want = r - 2
		case r - 2:
			want = r - 1
		}
		if p != want {
			return false
		}
	}
	return r >= 2
}

// to gives a replacement the term's shape.
func (t term) to(n *graph.Node) *graph.Node { return graph.BroadcastTo(n, t.typ.Shape...) }

// find returns the other operand if one of the two operands fulfils is.
func (t term) find(is func(*graph.Node) bool) (other *graph.Node, ok bool) {
	if is(t.in[1]) {
		return t.in[0], true
	}
	if is(t.in[0]) {
		return t.in[1], true
	}
	return nil, false
}

func value(v float64) func(*graph.Node) bool {
	return func(n *graph.Node) bool { return isConst(n, v) }
}

var algebraRules = []rule{
	{name: "add-negative-zero", class: exact, needs: constantOperand, ops: []string{"add"}, doc: "x + (−0) → x (integers: x + 0)",
		apply: func(t term) *graph.Node {
			zero := value(negativeZero)
			if t.typ.DType.IsInt() {
				zero = value(0)
			}
			if x, ok := t.find(zero); ok {
				return t.to(x)
			}
			return nil
		}},
	{name: "sub-zero", class: exact, needs: constantOperand, ops: []string{"sub"}, doc: "x − 0 → x",
		apply: func(t term) *graph.Node {
			if isConst(t.in[1], 0) {
				return t.to(t.in[0])
			}
			return nil
		}},
	{name: "mul-one", class: exact, needs: constantOperand, ops: []string{"mul"}, doc: "x · 1 → x",
		apply: func(t term) *graph.Node {
			if x, ok := t.find(value(1)); ok {
				return t.to(x)
			}
			return nil
		}},
	{name: "mul-minus-one", class: exact, needs: constantOperand, ops: []string{"mul"}, doc: "x · (−1) → −x",
		apply: func(t term) *graph.Node {
			if x, ok := t.find(value(-1)); ok {
				return t.to(graph.Neg(x))
			}
			return nil
		}},
	{name: "div-one", class: exact, needs: constantOperand, ops: []string{"div"}, doc: "x / 1 → x",
		apply: func(t term) *graph.Node {
			if isConst(t.in[1], 1) {
				return t.to(t.in[0])
			}
			return nil
		}},
	{name: "div-power-of-two", class: exact, needs: constantOperand, ops: []string{"div"}, doc: "x / 2ᵏ → x · 2⁻ᵏ",
		apply: func(t term) *graph.Node {
			if c, ok := constant(t.in[1]); ok && t.typ.DType.IsFloat() && exactReciprocal(c) && !isConst(t.in[1], 1) {
				return t.to(graph.Mul(t.in[0], graph.Like(t.in[0], 1/c)))
			}
			return nil
		}},
	{name: "neg-neg", class: exact, ops: []string{"neg"}, doc: "−(−x) → x",
		apply: func(t term) *graph.Node {
			if t.in[0].Op().Name == "neg" {
				return t.in[0].Input(0)
			}
			return nil
		}},
	{name: "add-neg", class: exact, needs: negOperand, ops: []string{"add"}, doc: "x + (−y) → x − y",
		apply: func(t term) *graph.Node {
			if t.in[1].Op().Name == "neg" {
				return graph.Sub(t.in[0], t.in[1].Input(0))
			}
			if t.in[0].Op().Name == "neg" {
				return graph.Sub(t.in[1], t.in[0].Input(0))
			}
			return nil
		}},
	{name: "sub-neg", class: exact, needs: negOperand, ops: []string{"sub"}, doc: "x − (−y) → x + y",
		apply: func(t term) *graph.Node {
			if t.in[1].Op().Name == "neg" {
				return graph.Add(t.in[0], t.in[1].Input(0))
			}
			return nil
		}},
	{name: "mul-neg-neg", class: exact, needs: negOperand, ops: []string{"mul", "div"}, doc: "(−x) · (−y) → x · y, (−x) / (−y) → x / y (floats)",
		apply: func(t term) *graph.Node {
			// The smallest integer is its own negative, so integer quotients would change their sign.
			if t.in[0].Op().Name == "neg" && t.in[1].Op().Name == "neg" && (t.typ.DType.IsFloat() || t.op.Name == "mul") {
				return t.g.Apply(t.op, []*graph.Node{t.in[0].Input(0), t.in[1].Input(0)}, nil)
			}
			return nil
		}},
	{name: "mul-neg-constant", class: exact, needs: constantOperand | negOperand, ops: []string{"mul"}, doc: "(−x) · c → x · (−c)",
		apply: func(t term) *graph.Node {
			if !t.typ.DType.IsFloat() {
				return nil
			}
			for k, x := range t.in {
				if c, ok := constant(t.in[1-k]); ok && x.Op().Name == "neg" && t.in[1-k].Type().IsScalar() {
					return graph.Mul(x.Input(0), graph.Like(x, -c))
				}
			}
			return nil
		}},
	{name: "mul-doubled", class: exact, needs: constantOperand, ops: []string{"mul"}, doc: "(x · 2ᵏ) · c → x · (2ᵏ · c) for k ≥ 1 and |c| ≥ 1 (floats): doubling is exact, and where it overflows the product does",
		apply: func(t term) *graph.Node {
			for k, x := range t.in {
				c, ok := constant(t.in[1-k])
				if !ok || x.Op() != t.op || !t.typ.DType.IsFloat() || !(math.Abs(c) >= 1) {
					continue
				}
				for j, p := range x.Inputs() {
					if power, ok := constant(p); ok && math.Abs(power) >= 2 && exactReciprocal(power) && math.Abs(c) < 0x1p27 {
						return t.to(graph.Mul(x.Input(1-j), graph.Like(x, power*c)))
					}
				}
			}
			return nil
		}},
	{name: "abs-abs", class: exact, ops: []string{"abs"}, doc: "|(|x|)| → |x|, |−x| → |x|",
		apply: func(t term) *graph.Node {
			switch t.in[0].Op().Name {
			case "abs":
				return t.in[0]
			case "neg":
				if t.typ.DType.IsFloat() {
					return graph.Abs(t.in[0].Input(0))
				}
			}
			return nil
		}},
	{name: "max-self", class: exact, ops: []string{"max", "min"}, doc: "max(x, x) → x, min(x, x) → x",
		apply: func(t term) *graph.Node {
			if t.in[0] == t.in[1] {
				return t.in[0]
			}
			return nil
		}},
	{name: "not-not", class: exact, ops: []string{"logical_not"}, doc: "¬¬x → x",
		apply: func(t term) *graph.Node {
			if t.in[0].Op().Name == "logical_not" {
				return t.in[0].Input(0)
			}
			return nil
		}},
	{name: "where-constant", class: exact, ops: []string{"where"}, doc: "where(true, x, y) → x, where(c, x, x) → x",
		apply: func(t term) *graph.Node {
			if c, ok := constant(t.in[0]); ok {
				if c != 0 {
					return t.to(t.in[1])
				}
				return t.to(t.in[2])
			}
			if t.in[1] == t.in[2] {
				return t.to(t.in[1])
			}
			return nil
		}},
	{name: "where-where", class: exact, ops: []string{"where"}, doc: "where(c, where(c, x, y), z) → where(c, x, z), and so for the other branch",
		apply: func(t term) *graph.Node {
			c, a, b := t.in[0], t.in[1], t.in[2]
			if a.Op().Name == "where" && a.Input(0) == c {
				return t.to(graph.Where(c, a.Input(1), b))
			}
			if b.Op().Name == "where" && b.Input(0) == c {
				return t.to(graph.Where(c, a, b.Input(2)))
			}
			return nil
		}},
	{name: "where-not", class: exact, ops: []string{"where"}, doc: "where(¬c, x, y) → where(c, y, x)",
		apply: func(t term) *graph.Node {
			if t.in[0].Op().Name == "logical_not" {
				return graph.Where(t.in[0].Input(0), t.in[2], t.in[1])
			}
			return nil
		}},
	{name: "mul-no-nan-constant", class: exact, needs: constantOperand, ops: []string{"mul_no_nan"}, doc: "mul_no_nan(x, c) → x · c for finite c ≠ 0",
		apply: func(t term) *graph.Node {
			if plainFactor(t.in[0]) || plainFactor(t.in[1]) {
				return graph.Mul(t.in[0], t.in[1])
			}
			return nil
		}},
	{name: "pow-constant", class: rounding, needs: constantOperand, ops: []string{"pow"}, doc: "x^0 → 1, x^1 → x, x^2 → x·x, x^3 → x·x·x, x^½ unchanged, x^−1 → 1/x",
		apply: func(t term) *graph.Node {
			c, ok := constant(t.in[1])
			if !ok {
				return nil
			}
			x := t.in[0]
			switch c {
			case 0:
				return t.to(graph.Like(x, 1))
			case 1:
				return t.to(x)
			case 2:
				return t.to(graph.Mul(x, x))
			case 3:
				return t.to(graph.Mul(graph.Mul(x, x), x))
			case 4:
				y := graph.Mul(x, x)
				return t.to(graph.Mul(y, y))
			case -1:
				if t.typ.DType.IsFloat() {
					return t.to(graph.Div(graph.Like(x, 1), x))
				}
			}
			return nil
		}},
	{name: "cast-cast", class: exact, ops: []string{"cast"}, doc: "cast to the operand's own dtype → the operand; float32 → float64 → float32 → the operand",
		apply: func(t term) *graph.Node {
			x := t.in[0]
			if x.DType() == t.typ.DType {
				return x
			}
			if x.Op().Name == "cast" && x.DType() == graph.Float64 && x.Input(0).DType() == graph.Float32 && t.typ.DType == graph.Float32 {
				return x.Input(0)
			}
			return nil
		}},
	{name: "drop-identity", class: exact, ops: []string{"identity", "stop_gradient"}, doc: "identity(x) → x, stop_gradient(x) → x",
		apply: func(t term) *graph.Node { return t.in[0] }},
	{name: "order-operands", class: exact, on: func(op *graph.Op) bool { return op.Commutative && op.Micro != "" }, doc: "y ∘ x → x ∘ y, so that both are shared",
		apply: func(t term) *graph.Node {
			if t.in[0].ID() > t.in[1].ID() {
				return t.g.Apply(t.op, []*graph.Node{t.in[1], t.in[0]}, nil)
			}
			return nil
		}},
}

var shapeRules = []rule{
	{name: "reshape-reshape", class: exact, ops: []string{"reshape"}, doc: "reshape(reshape(x)) → reshape(x); to the operand's own shape → the operand",
		apply: func(t term) *graph.Node {
			x := t.in[0]
			if x.Shape().Equal(t.typ.Shape) {
				return x
			}
			if x.Op().Name == "reshape" {
				return graph.Reshape(x.Input(0), t.typ.Shape...)
			}
			return nil
		}},
	{name: "reshape-constant", class: exact, ops: []string{"reshape"}, doc: "reshape(c) of a constant → a constant",
		apply: func(t term) *graph.Node {
			l := t.in[0].Literal()
			if l == nil {
				return nil
			}
			m, err := graph.NewLiteral(t.typ, l.Bytes())
			if err != nil {
				panic("BUG: reshaping a constant: " + err.Error())
			}
			return t.g.Literal(m)
		}},
	{name: "reshape-broadcast", class: exact, ops: []string{"reshape"}, doc: "reshape(broadcast_to(x)) of a scalar → broadcast_to(x)",
		apply: func(t term) *graph.Node {
			if x := t.in[0]; x.Op() == opBroadcastTo && x.Input(0).Type().IsScalar() {
				return graph.BroadcastTo(x.Input(0), t.typ.Shape...)
			}
			return nil
		}},
	{name: "reduce-one", class: exact, on: func(op *graph.Op) bool { return op.Reduction != "" }, doc: "Σ of x over dimensions of extent 1 → reshape(x + 0), since sums begin with 0; Π, max and min → reshape(x)",
		apply: func(t term) *graph.Node {
			x := t.in[0]
			if x.Shape().Size() != t.typ.Shape.Size() {
				return nil
			}
			if t.op.Reduction == "add" && t.typ.DType.IsFloat() {
				x = graph.Add(x, graph.Like(x, 0))
			}
			return graph.Reshape(x, t.typ.Shape...)
		}},
	{name: "broadcast-reshape", class: exact, ops: []string{"broadcast_to"}, doc: "broadcast_to(x) of a value with one element → broadcast_to of the scalar",
		apply: func(t term) *graph.Node {
			x := t.in[0]
			if x.Shape().Size() != 1 || x.Type().IsScalar() {
				return nil
			}
			return graph.BroadcastTo(graph.Reshape(x), t.typ.Shape...)
		}},
	{name: "broadcast-broadcast", class: exact, ops: []string{"broadcast_to"}, doc: "broadcast_to(broadcast_to(x)) → broadcast_to(x); to the operand's own shape → the operand",
		apply: func(t term) *graph.Node {
			x := t.in[0]
			if x.Shape().Equal(t.typ.Shape) {
				return x
			}
			if x.Op().Name == "broadcast_to" {
				return graph.BroadcastTo(x.Input(0), t.typ.Shape...)
			}
			return nil
		}},
	{name: "broadcast-operand", class: exact, needs: broadcastOperand, on: func(op *graph.Op) bool { return op.Micro != "" }, doc: "x ∘ broadcast_to(y) → x ∘ y where broadcasting gives the same shape",
		apply: func(t term) *graph.Node {
			for k, in := range t.in {
				if in.Op().Name != "broadcast_to" {
					continue
				}
				shapes := make([]graph.Shape, len(t.in))
				for j, o := range t.in {
					shapes[j] = o.Shape()
				}
				shapes[k] = in.Input(0).Shape()
				if s, err := graph.BroadcastShapes(shapes...); err == nil && s.Equal(t.typ.Shape) {
					ops := append([]*graph.Node(nil), t.in...)
					ops[k] = in.Input(0)
					return t.g.Apply(t.op, ops, t.attrs)
				}
			}
			return nil
		}},
	{name: "lower-scalar", class: exact, on: func(op *graph.Op) bool { return op.Micro != "" }, doc: "f(broadcast_to(x), …) → broadcast_to(f(x, …)) where all operands are broadcast or scalar",
		apply: func(t term) *graph.Node {
			if t.typ.IsScalar() {
				return nil
			}
			ops := append([]*graph.Node(nil), t.in...)
			for k, in := range t.in {
				switch {
				case in.Op().Name == "broadcast_to" && in.Input(0).Type().IsScalar():
					ops[k] = in.Input(0)
				case in.Type().IsScalar():
				default:
					return nil
				}
			}
			return t.to(t.g.Apply(t.op, ops, t.attrs))
		}},
	{name: "transpose-transpose", class: exact, ops: []string{"transpose"}, doc: "transpose(transpose(x)) → transpose(x), or x",
		apply: func(t term) *graph.Node {
			x := t.in[0]
			if x.Op().Name != "transpose" {
				return nil
			}
			outer, inner := t.attrs.Ints("perm"), x.Attrs().Ints("perm")
			perm := make([]int, len(outer))
			for i, p := range outer {
				perm[i] = inner[p]
			}
			return graph.Transpose(x.Input(0), perm...)
		}},
	{name: "matmul-transpose", class: exact, ops: []string{"matmul"}, doc: "matmul(transpose(x), y) of the last two dimensions → matmul with the flag",
		apply: func(t term) *graph.Node {
			for k, key := range []string{"transpose_a", "transpose_b"} {
				if x := t.in[k]; x.Op().Name == "transpose" && swapsLastTwo(x.Attrs().Ints("perm")) {
					in := append([]*graph.Node(nil), t.in...)
					in[k] = x.Input(0)
					flags := slices.Clone(t.attrs)
					for i := range flags {
						if flags[i].Key == key {
							flags[i] = attr.B(key, !t.attrs.Bool(key))
						}
					}
					return t.g.Apply(t.op, in, flags)
				}
			}
			return nil
		}},
	{name: "concat-scalars", class: exact, ops: []string{"concat"}, doc: "concat of vectors with one element → index_transpose of the scalars, which scalar code stores right into the array",
		apply: func(t term) *graph.Node {
			if len(t.in) < 2 || t.typ.Shape.Rank() != 1 || t.typ.Shape[0] != len(t.in) || t.typ.DType == graph.Bool {
				return nil
			}
			pieces, indices := make([]*graph.Node, len(t.in)), make([]int, len(t.in))
			for k, x := range t.in {
				pieces[k], indices[k] = graph.Reshape(x), k
			}
			return graph.IndexTranspose(t.typ.Shape, indices, pieces...)
		}},
	{name: "index-constant", class: exact, ops: []string{"index"}, doc: "an element of a constant → a constant",
		apply: func(t term) *graph.Node {
			if !t.in[0].IsConst() || !t.typ.IsScalar() {
				return nil
			}
			return constantElement(t.in[0], shape.Index(t.attrs.Ints("indices"), t.in[0].Shape()))
		}},
	{name: "index-assembled", class: exact, ops: []string{"index"}, doc: "the element of an array that index_transpose assembled → the piece, or 0",
		apply: func(t term) *graph.Node {
			x := t.in[0]
			if x.Op().Places == nil || !t.typ.IsScalar() || !x.Input(0).Type().IsScalar() {
				return nil
			}
			i, place := shape.Index(t.attrs.Ints("indices"), x.Shape()), x.Op().Places(x)
			// Most arrays are assembled in full and in order.
			if i < len(x.Inputs()) && place(i) == i {
				return x.Input(i)
			}
			if len(x.Inputs()) > 64 {
				return nil
			}
			for k := range x.Inputs() {
				if place(k) == i {
					return x.Input(k)
				}
			}
			return graph.Like(x, 0)
		}},
}

// useRules see how often nodes are used, and which of their results.
var opScatterAddTo = graph.LookupOp("scatter_add_to")

// addsFew reports whether a node, which nothing else reads, has values at few places and zeros else.
func addsFew(n *graph.Node, u *useCounts) bool {
	const most = 64
	if n.Op().Name == "reshape" && u.once(n) {
		n = n.Input(0)
	}
	if !u.once(n) || n.DType() == graph.Bool {
		return false
	}
	updates := 0
	switch n.Op().Name {
	case "scatter_add":
		updates = n.Input(1).Shape().Size()
	case "index_transpose":
		if updates = len(n.Inputs()); !n.Input(0).Type().IsScalar() {
			return false
		}
	}
	return updates > 0 && updates <= most && elementsPerUpdate*updates <= n.Shape().Size()
}

// elementsPerUpdate is the number of elements for each of the few places of addsFew.
const elementsPerUpdate = 16

// mostPieces is the number of pieces up to which a loop adds them.
const mostPieces = 40

// leastPiece is the number of elements of pieces of an index_transpose that are copied rather than computed in their place.
const leastPiece = 64

// unshaped is the array of which a node is a reshaping.
func unshaped(x *graph.Node) *graph.Node {
	for x.Op().Name == "reshape" {
		x = x.Input(0)
	}
	return x
}

// madeOfPieces reports whether an array is put together from pieces that lie one after the other, and used once.
func madeOfPieces(x *graph.Node, u *useCounts) bool {
	for ; u.once(x); x = x.Input(0) {
		if x.Op().Name != "reshape" {
			return piecesOf(x) != nil && !u.overlaid(x)
		}
	}
	return false
}

// piecesOf returns the pieces of a concat along the first axis, or of an index_transpose in which each part of the array is one piece, in their order; nil for others.
func piecesOf(x *graph.Node) []*graph.Node {
	switch {
	case x.Op().Name == "concat" && x.Attrs().Int("axis") == 0:
		return x.Inputs()
	case x.Op().Name != "index_transpose" || x.Input(0).Shape().Size() < leastPiece || len(x.Inputs())*x.Input(0).Shape().Size() != x.Shape().Size():
		return nil
	}
	pieces := make([]*graph.Node, len(x.Inputs()))
	at := x.Attrs().Ints("indices")
	m := len(at) / len(pieces)
	for k, piece := range x.Inputs() {
		place := shape.Index(at[k*m:(k+1)*m], x.Shape()[:m])
		if pieces[place] != nil {
			return nil
		}
		pieces[place] = piece
	}
	return pieces
}

// sumsPieces reports whether a slice_transpose is a sum that a loop may well compute: of several pieces that are about as large as the result, and whose elements lie next to one another.
func sumsPieces(n *graph.Node) bool {
	if n.Op().Name != "slice_transpose" || len(n.Inputs()) < 2 || len(n.Inputs()) > mostPieces {
		return false
	}
	for _, s := range n.Attrs().Ints("strides") {
		if s != 1 && s != -1 {
			return false
		}
	}
	for _, piece := range n.Inputs() {
		if 2*piece.Shape().Size() < n.Shape().Size() {
			return false
		}
	}
	return true
}

// sliceOfSum is the term's slice of a sum, taken of each summand.
func sliceOfSum(t term, x *graph.Node) *graph.Node {
	switch x.Op().Name {
	case "add":
		return graph.Add(sliceOfSum(t, x.Input(0)), sliceOfSum(t, x.Input(1)))
	case "mul":
		return graph.Mul(sliceOfSum(t, x.Input(0)), x.Input(1))
	}
	return t.g.Apply(t.op, []*graph.Node{x}, t.attrs)
}

// leastShared is the number of rows from which solutions share a decomposition; below, kernels that solve at once take less time.
const leastShared = 32

// leastRun is the number of elements of a run from which on a loop reduces it as fast as a kernel does.
const leastRun = 64

// splitAt returns the first of the last dimensions, all of which a reduction is over, if it is over some before a dimension that is kept as well, and the last ones make long runs; else 0. Kernels combine the results of runs, too.
func splitAt(n *graph.Node) int {
	s, axes := n.Input(0).Shape(), n.Attrs().Ints("axes")
	first, run := s.Rank(), 1
	for first > 0 && slices.Contains(axes, first-1) {
		first--
		run *= s[first]
	}
	kept, before := 1, 1
	for d, extent := range s[:first] {
		if !slices.Contains(axes, d) {
			kept *= extent
		} else if before *= extent; extent > 1 {
			kept = 1
		}
	}
	if run < leastRun || before == 1 || kept == 1 {
		return 0
	}
	return first
}

var useRules = []rule{
	{name: "transpose-matmul", class: exact, ops: []string{"transpose"}, doc: "transpose(A·B) of a product that is used nowhere else → Bᵀ·Aᵀ, by flags",
		when: func(n *graph.Node, u *useCounts) bool {
			_, free := n.Op().View(n)
			return !free && n.Input(0).Op().Name == "matmul" && u.once(n.Input(0)) && swapsLastTwo(n.Attrs().Ints("perm"))
		},
		apply: func(t term) *graph.Node {
			product := t.in[0]
			a, b, flags := product.Input(0), product.Input(1), slices.Clone(product.Attrs())
			for i := range flags {
				switch flags[i].Key {
				case "transpose_a":
					flags[i] = attr.B("transpose_a", !product.Attrs().Bool("transpose_b"))
				case "transpose_b":
					flags[i] = attr.B("transpose_b", !product.Attrs().Bool("transpose_a"))
				}
			}
			return t.g.Apply(product.Op(), []*graph.Node{b, a}, flags)
		}},
	{name: "pieces-sum", class: rounding, ops: []string{"slice_transpose"}, doc: "slice_transpose of several large pieces → the sum of each one's slice_transpose, which loops read where they lie; a constant factor of a piece becomes one of the term",
		when: func(n *graph.Node, _ *useCounts) bool { return sumsPieces(n) },
		apply: func(t term) *graph.Node {
			starts, strides, r := t.attrs.Ints("starts"), t.attrs.Ints("strides"), t.typ.Shape.Rank()
			var sum *graph.Node
			for k, piece := range t.in {
				x, factor := piece, (*graph.Node)(nil)
				if piece.Op().Name == "mul" {
					for i, c := range piece.Inputs() {
						if v, ok := constant(c); ok && c.ShownLiteral().FiniteNonzero() && piece.Input(1-i).Shape().Equal(piece.Shape()) {
							x, factor = piece.Input(1-i), graph.Like(c, v)
						}
					}
				}
				x = graph.SliceTranspose(t.typ.Shape, starts[k*r:(k+1)*r], strides[k*r:(k+1)*r], x)
				if factor != nil {
					x = graph.Mul(x, factor)
				}
				if sum != nil {
					x = graph.Add(sum, x)
				}
				sum = x
			}
			return sum
		}},
	{name: "slice-of-sum", class: exact, ops: []string{"slice"}, doc: "slice(slice_transpose of several large pieces), if nothing else reads that → the sum of slices",
		when:  func(n *graph.Node, u *useCounts) bool { return sumsPieces(n.Input(0)) && u.once(n.Input(0)) },
		apply: func(t term) *graph.Node { return sliceOfSum(t, t.in[0]) }},
	{name: "split-reduction", class: exact, on: func(op *graph.Op) bool { return op.Reduction != "" }, doc: "a reduction over the last dimensions of a large array, and over others before one that is kept → a reduction over the last ones, in the loop that computes the array, and one of its results",
		when: func(n *graph.Node, _ *useCounts) bool { return splitAt(n) > 0 },
		apply: func(t term) *graph.Node {
			var last, others []int
			at := splitAt(t.of)
			for _, a := range t.attrs.Ints("axes") {
				if a >= at {
					last = append(last, a)
				} else {
					others = append(others, a)
				}
			}
			inner := t.g.Apply(t.op, t.in, attr.Make(attr.L("axes", last), attr.B("keepdims", true)))
			return graph.Reshape(t.g.Apply(t.op, []*graph.Node{inner}, attr.Make(attr.L("axes", others), attr.B("keepdims", true))), t.typ.Shape...)
		}},
	{name: "concat-pieces", class: rounding, ops: []string{"concat"}, doc: "concat along the first axis of what such a concat, or an index_transpose whose pieces are the whole array, has made for it alone → concat of all pieces",
		when: func(n *graph.Node, u *useCounts) bool {
			return n.Attrs().Int("axis") == 0 && slices.ContainsFunc(n.Inputs(), func(x *graph.Node) bool { return madeOfPieces(x, u) })
		},
		apply: func(t term) *graph.Node {
			var pieces []*graph.Node
			for k, x := range t.in {
				if of := piecesOf(unshaped(x)); of != nil && madeOfPieces(t.of.Input(k), t.uses) { // another rule may have changed it
					pieces = append(pieces, of...)
				} else {
					pieces = append(pieces, x)
				}
			}
			for k, x := range pieces {
				pieces[k] = graph.Reshape(x, x.Shape().Size())
			}
			return graph.Reshape(graph.Concat(0, pieces...), t.typ.Shape...)
		}},
	{name: "overlay", class: exact, ops: []string{"concat"}, doc: "concat of which most is one piece, where loops alone read it or parts of it → overlay of each piece with zeros around it, which loops read where they lie",
		when:  func(n *graph.Node, u *useCounts) bool { return u.overlaid(n) },
		apply: func(t term) *graph.Node { return overlay(piecesInPlace(t, -1)) }},
	{name: "overlay-parts", class: exact, ops: []string{"slice", "pad"}, doc: "a slice, or a pad with zeros, of an overlay → overlay of those parts of its operands that are not all zeros",
		when:  func(n *graph.Node, u *useCounts) bool { return n.Op().Part(n) != nil && u.overlaid(n) },
		apply: func(t term) *graph.Node { return overlay(partsOfOverlay(t.g, t.op, t.attrs, t.in[0])) }},
	{name: "in-place", class: exact, ops: []string{"pad", "concat", "dynamic_update_slice"}, doc: "a large piece that is computed from parts of arrays element by element, put between zeros, between others or into an array at a constant place → the same computed over the whole array, or else what lies around it",
		when:  func(n *graph.Node, u *useCounts) bool { _, ok := u.framed(n); return ok },
		apply: inFrame},
	{name: "add-few", class: rounding, ops: []string{"add"}, least: elementsPerUpdate, doc: "x + scatter_add of few updates, or x + index_transpose of few scalars, where no loop goes on with the sum, or x is given and the sum is read more than once → scatter_add_to, which changes x in place",
		when: func(n *graph.Node, u *useCounts) bool {
			for k := range 2 {
				if x, few := n.Input(k), n.Input(1-k); addsFew(few, u) && x.Shape().Equal(n.Shape()) {
					return !u.inLoop(n) || unshaped(x).IsInput() && u.once(unshaped(x)) && !u.once(n)
				}
			}
			return false
		},
		apply: func(t term) *graph.Node {
			k := 0
			for !addsFew(t.of.Input(1-k), t.uses) || !t.in[k].Shape().Equal(t.typ.Shape) {
				k++
			}
			x, few := t.in[k], t.in[1-k]
			if few.Op().Name == "reshape" {
				few = few.Input(0)
			}
			s, axis := few.Shape(), 0
			var indices, updates *graph.Node
			if few.Op().Name == "scatter_add" {
				indices, updates, axis = few.Input(0), few.Input(1), few.Attrs().Int("axis")
			} else {
				at, n := few.Attrs().Ints("indices"), len(few.Inputs())
				flat, pieces := make([]int64, n), make([]*graph.Node, n)
				for i, piece := range few.Inputs() {
					flat[i], pieces[i] = int64(shape.Index(at[i*len(s):(i+1)*len(s)], s)), graph.Reshape(piece, 1)
				}
				indices, updates, s = graph.Constant(t.g, flat, n), pieces[0], graph.Shape{s.Size()}
				if n > 1 {
					updates = graph.Concat(0, pieces...)
				}
			}
			sum := t.g.Apply(opScatterAddTo, []*graph.Node{graph.Reshape(x, s...), indices, updates}, attr.Make(attr.I("axis", axis)))
			return graph.Reshape(sum, t.typ.Shape...)
		}},
	{name: "tanh-derivative", class: fastMath, ops: []string{"mul", "tanh"}, doc: "4·e/(1 + e)² with e = exp(−|2x|), the derivative of tanh, where tanh x is computed anyway → e·(1 + |tanh x|)², as accurate and without a division",
		when: func(n *graph.Node, u *useCounts) bool { return u.besideTanh()[n] },
		apply: func(t term) *graph.Node {
			if t.op.Name == "tanh" { // made anew, the derivative finds it
				return t.g.Apply(t.op, t.in, nil)
			}
			e, x := tanhDerivative(t.in)
			y := graph.Add(graph.Abs(graph.Tanh(x)), graph.Like(x, 1))
			return graph.Mul(e, graph.Mul(y, y))
		}},
	{name: "share-lu", class: rounding, ops: []string{"solve"}, doc: "solve(A, B), if several systems have A or its transpose, and solve(transpose(A), B) always → triangular systems of one lu(A); untransposed with the same bits",
		when: func(n *graph.Node, u *useCounts) bool {
			a, transposed := untransposed(n.Input(0))
			return a.Shape().Rank() == 2 && a.Shape()[0] >= leastShared && (transposed || u.systems(a) > 1)
		},
		apply: func(t term) *graph.Node {
			a, transposed := untransposed(t.in[0])
			lu := t.g.Apply(graph.LookupOp("lu"), []*graph.Node{a}, nil)
			packed, rows := graph.Result(lu, 0), graph.Result(lu, 1)
			if transposed {
				y := graph.TriangularSolve(packed, t.in[1], graph.UpperTriangle, graph.TransposeMatrix)
				return graph.ScatterAdd(rows, graph.TriangularSolve(packed, y, graph.UnitDiagonal, graph.TransposeMatrix), 0, t.typ.Shape...)
			}
			y := graph.TriangularSolve(packed, graph.Gather(t.in[1], rows, 0), graph.UnitDiagonal)
			return graph.TriangularSolve(packed, y, graph.UpperTriangle)
		}},
	{name: "unread-results", class: exact, ops: []string{"result"}, doc: "a switch of whose results some are not read → one without them, and without the operands that no other result needs",
		when: func(n *graph.Node, u *useCounts) bool {
			of, _, _ := graph.ResultOf(n)
			return of.Op() == opSwitch && len(u.reads[of]) < len(of.Results())
		},
		apply: func(t term) *graph.Node {
			of, k, _ := graph.ResultOf(t.of)
			read := t.uses.reads[of]
			if t.uses.made[of] == nil {
				t.uses.made[of] = withResults(t.in[0], read)
			}
			return graph.Result(t.uses.made[of], slices.Index(read, k))
		}},
}

// andOne returns x of x + 1, else nil.
func andOne(n *graph.Node) *graph.Node {
	if n.Op().Name != "add" || !n.DType().IsFloat() {
		return nil
	}
	for k, one := range n.Inputs() {
		if x := n.Input(1 - k); isConst(one, 1) && x.Type().Equal(n.Type()) {
			return x
		}
	}
	return nil
}

// besideTanh holds the derivatives of tanh x for which tanh x is computed before, and these tanh x.
func (u *useCounts) besideTanh() map[*graph.Node]bool {
	if u.tanhs == nil {
		u.tanhs = map[*graph.Node]bool{}
		of := map[*graph.Node]*graph.Node{} // by x
		for i := range u.g.Len() {
			if u.count[i] == 0 {
				continue
			}
			switch n := u.g.Node(i); n.Op().Name {
			case "tanh":
				of[n.Input(0)] = n
			case "mul":
				if _, x := tanhDerivative(n.Inputs()); of[x] != nil {
					u.tanhs[n], u.tanhs[of[x]] = true, true
				}
			}
		}
	}
	return u.tanhs
}

// tanhDerivative returns e = exp(−|2x|) and x if 4·e/(1 + e)² has the factors, else nil.
func tanhDerivative(factors []*graph.Node) (e, x *graph.Node) {
	for k, d := range factors {
		if !isConst(factors[1-k], 4) || d.Op().Name != "div" {
			continue
		}
		e, square := d.Input(0), d.Input(1)
		y := exponent(e)
		if y == nil || square.Op().Name != "mul" || square.Input(0) != square.Input(1) || andOne(square.Input(0)) != e || y.Op() != opNeg || y.Input(0).Op().Name != "abs" {
			continue
		}
		if y = y.Input(0).Input(0); y.Op().Name != "mul" {
			continue
		}
		for i, two := range y.Inputs() {
			if isConst(two, 2) && y.Input(1-i).Type().Equal(d.Type()) {
				return e, y.Input(1 - i)
			}
		}
	}
	return nil, nil
}

// exponent returns x of eˣ, else nil.
func exponent(n *graph.Node) *graph.Node {
	if n == nil || n.Op().Name != "exp" {
		return nil
	}
	return n.Input(0)
}

var fastRules = []rule{
	{name: "add-zero", class: fastMath, needs: constantOperand, ops: []string{"add"}, doc: "x + 0 → x (−0 + 0 is 0)",
		apply: func(t term) *graph.Node {
			if x, ok := t.find(value(0)); ok {
				return t.to(x)
			}
			return nil
		}},
	{name: "mul-zero", class: fastMath, needs: constantOperand, ops: []string{"mul"}, doc: "x · 0 → 0, of either sign",
		apply: func(t term) *graph.Node {
			if x, ok := t.find(func(n *graph.Node) bool { return isConst(n, 0) || isConst(n, negativeZero) }); ok {
				return t.to(graph.Like(x, 0))
			}
			return nil
		}},
	{name: "div-self", class: fastMath, ops: []string{"div"}, doc: "x / x → 1",
		apply: func(t term) *graph.Node {
			if t.in[0] == t.in[1] && t.typ.DType.IsFloat() {
				return t.to(graph.Like(t.in[0], 1))
			}
			return nil
		}},
	{name: "sub-self", class: fastMath, ops: []string{"sub"}, doc: "x − x → 0",
		apply: func(t term) *graph.Node {
			if t.in[0] == t.in[1] {
				return t.to(graph.Like(t.in[0], 0))
			}
			return nil
		}},
	{name: "mul-no-nan", class: fastMath, ops: []string{"mul_no_nan"}, doc: "mul_no_nan(x, y) → x · y",
		apply: func(t term) *graph.Node { return graph.Mul(t.in[0], t.in[1]) }},
	{name: "matmul-no-nan", class: fastMath, ops: []string{"matmul"}, doc: "matmul in which zeros win → matmul",
		apply: func(t term) *graph.Node {
			if !t.attrs.Bool("no_nan") {
				return nil
			}
			return t.g.Apply(t.op, t.in, slices.DeleteFunc(slices.Clone(t.attrs), func(a attr.Named) bool { return a.Key == "no_nan" }))
		}},
	{name: "log-of-exp-and-one", class: fastMath, ops: []string{"log", "log1p"}, doc: "ln(1 + eˣ) → softplus(x), which is finite where eˣ is not",
		apply: func(t term) *graph.Node {
			x := t.in[0]
			if t.op.Name == "log" {
				x = andOne(x)
			}
			if x = exponent(x); x == nil {
				return nil
			}
			return graph.Softplus(x)
		}},
	{name: "exp-over-exp-and-one", class: fastMath, ops: []string{"mul", "div"}, doc: "eˣ · (1 / (1 + eˣ)), eˣ / (1 + eˣ) → σ(x), which has a value where eˣ is infinite",
		apply: func(t term) *graph.Node {
			for k, e := range t.in {
				sum := t.in[1-k]
				switch {
				case t.op.Name == "div" && k == 1:
					continue
				case t.op.Name == "mul" && (sum.Op().Name != "div" || !isConst(sum.Input(0), 1)):
					continue
				case t.op.Name == "mul":
					sum = sum.Input(1)
				}
				if x := exponent(e); x != nil && andOne(sum) == e {
					return graph.Sigmoid(x)
				}
			}
			return nil
		}},
	{name: "reassociate", class: fastMath, ops: []string{"add", "mul"}, doc: "(x ∘ a) ∘ b → x ∘ (a ∘ b) for constants a, b",
		apply: func(t term) *graph.Node {
			for k, x := range t.in {
				if x.Op() != t.op || !t.in[1-k].IsConst() {
					continue
				}
				for j, a := range x.Inputs() {
					if a.IsConst() && !x.Input(1-j).IsConst() {
						ab := []*graph.Node{a, t.in[1-k]}
						c := foldTerm(term{g: t.g, op: t.op, in: ab, typ: t.g.Apply(t.op, ab, nil).Type()})
						if c == nil {
							return nil
						}
						return t.to(t.g.Apply(t.op, []*graph.Node{x.Input(1 - j), c}, nil))
					}
				}
			}
			return nil
		}},
}
