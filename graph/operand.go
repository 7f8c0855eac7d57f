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

// Neg returns −n.
func (n *Node) Neg() *Node { return Neg(n) }

// with applies an operator of two operands to n and a node or number.
func (n *Node) with(op *Op, m any) *Node {
	other, ok := m.(*Node)
	if !ok {
		if !n.Valid() {
			return apply2(op, n, n)
		}
		var err error
		if other, err = n.number(m); err != nil {
			return n.g.Fail(op.Name, err)
		}
	}
	return apply2(op, n, other)
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
