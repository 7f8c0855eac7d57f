package graph

import (
	"fmt"
	"math"
	"reflect"
)

// The methods take a node, or a Go number, which becomes a constant of n's dtype: x.Mul(2).Add(y). Float32 rounds it; a number that an integer dtype does not hold, a number beside bools, and anything
// else are errors.

// Add returns n + m, broadcast; m is a node or a number.
func (n *Node) Add(m any) *Node { return n.with(opAdd, m) }

// Sub returns n − m, broadcast; m is a node or a number.
func (n *Node) Sub(m any) *Node { return n.with(opSub, m) }

// Mul returns n · m elementwise, broadcast; m is a node or a number.
func (n *Node) Mul(m any) *Node { return n.with(opMul, m) }

// Div returns n / m elementwise, broadcast; m is a node or a number.
func (n *Node) Div(m any) *Node { return n.with(opDiv, m) }

// Pow returns nᵐ elementwise, broadcast; m is a node or a number.
func (n *Node) Pow(m any) *Node { return n.with(opPow, m) }

// Less returns n < m elementwise, broadcast; m is a node or a number.
func (n *Node) Less(m any) *Node { return n.with(opLess, m) }

// LessEqual returns n ≤ m elementwise, broadcast; m is a node or a number.
func (n *Node) LessEqual(m any) *Node { return n.with(opLessEqual, m) }

// Greater returns n > m elementwise, broadcast; m is a node or a number.
func (n *Node) Greater(m any) *Node { return n.with(opGreater, m) }

// GreaterEqual returns n ≥ m elementwise, broadcast; m is a node or a number.
func (n *Node) GreaterEqual(m any) *Node { return n.with(opGreaterEqual, m) }

// Equal returns n = m elementwise, broadcast; m is a node or a number.
func (n *Node) Equal(m any) *Node { return n.with(opEqual, m) }

// NotEqual returns n ≠ m elementwise, broadcast; m is a node or a number.
func (n *Node) NotEqual(m any) *Node { return n.with(opNotEqual, m) }

// Max returns the larger of n and m elementwise, broadcast, as the function Max; m is a node or a number.
func (n *Node) Max(m any) *Node { return n.with(opMax, m) }

// Min returns the smaller of n and m elementwise, broadcast, as the function Min; m is a node or a number.
func (n *Node) Min(m any) *Node { return n.with(opMin, m) }

// Mod returns n mod m elementwise, broadcast, as the function Mod; m is a node or a number.
func (n *Node) Mod(m any) *Node { return n.with(opMod, m) }

// Clip returns n limited to [low, high], as the function Clip; each bound is a node, a number, or nil for none.
func (n *Node) Clip(low, high any) *Node {
	var bounds [2]*Node
	for i, v := range []any{low, high} {
		if v == nil {
			continue
		}
		b, err := n.operand(v)
		if err != nil {
			return n.g.Fail("clip", err)
		}
		bounds[i] = b
	}
	return Clip(n, bounds[0], bounds[1])
}

// Where returns a where n, a bool, is true, and b where it is false, as the function Where; one of a and b may be a number, of the dtype of the other one.
func (n *Node) Where(a, b any) *Node {
	x, isNode := a.(*Node)
	y, other := b.(*Node)
	var err error
	switch {
	case isNode && !other:
		y, err = x.operand(b)
	case other && !isNode:
		x, err = y.operand(a)
	case !isNode:
		err = fmt.Errorf("got %T and %T: one of the two needs to be a node, whose dtype the other one takes", a, b)
	}
	if err != nil {
		return graphOf(n).Fail(opWhere.Name, err)
	}
	return Where(n, x, y)
}

// Neg returns −n.
func (n *Node) Neg() *Node { return Neg(n) }

// with applies an operator of two operands to n and a node or number.
func (n *Node) with(op *Op, m any) *Node {
	other, err := n.operand(m)
	if err != nil {
		return n.g.Fail(op.Name, err)
	}
	return ordered(op, n, other)
}

// operand returns m, or the constant of n's dtype that it is as a number: n itself, if n is no node of a value, so that its mistake is the one reported.
func (n *Node) operand(m any) (*Node, error) {
	if other, ok := m.(*Node); ok {
		return other, nil
	}
	if !n.Valid() {
		return n, nil
	}
	return n.number(m)
}

// number returns a Go number as a constant of n's dtype.
func (n *Node) number(v any) (*Node, error) {
	d, g := n.typ.DType, graphOf(n)
	r := reflect.ValueOf(v)
	var x float64
	switch {
	case v == nil || d == Bool || !r.CanFloat() && !r.CanInt():
		return nil, fmt.Errorf("got %T beside an operand of %v: needs a node or a number", v, d)
	case r.CanFloat():
		x = r.Float()
	case d == Int64:
		return Constant(g, []int64{r.Int()}), nil
	default:
		x = float64(r.Int())
		if d == Float64 && (x >= 1<<63 || int64(x) != r.Int()) {
			return nil, fmt.Errorf("%v is no %v", v, d)
		}
	}
	low, high := -0x1p63, 0x1p63
	if d == Int32 {
		low, high = -0x1p31, 0x1p31
	}
	if d.IsInt() && (x != math.Trunc(x) || x < low || x >= high) {
		return nil, fmt.Errorf("%v is no %v", v, d)
	}
	return g.Scalar(d, x), nil
}
