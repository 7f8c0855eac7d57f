package graph

import "fmt"

// Differences and sums along an axis of what is sampled there.

// maxDifferences bounds the order of differences, of which each is a node.
const maxDifferences = 1 << 10

// Diff returns the n-th differences of x along the axis, each element less the one before it (numpy.diff). n is from 0 to 1024; of an axis with no more elements than that nothing is left.
func Diff(x *Node, n, axis int) *Node {
	const op = "diff"
	if !x.Valid() {
		return apply1(opIdentity, x)
	}
	a, err := axisOf(axis, x.typ.Shape.Rank())
	if err == nil && (n < 0 || n > maxDifferences) {
		err = fmt.Errorf("differences of order %d along axis %d of %v", n, a, x.typ)
	}
	if err != nil {
		return x.g.Fail(op, err)
	}
	for range min(n, x.typ.Shape[a]) {
		e := x.typ.Shape[a]
		upper, lower := sliceAxis(x, a, 1, e), sliceAxis(x, a, 0, e-1)
		if x.typ.DType == Bool {
			x = LogicalXor(upper, lower)
		} else {
			x = Sub(upper, lower)
		}
	}
	return x
}

// Trapezoid returns the integral of y along the axis by the trapezoidal rule, between elements at the distance dx (numpy.trapezoid), 0 for less than two; that of integers and bools is a float64.
func Trapezoid(y *Node, dx float64, axis int) *Node {
	const op = "trapezoid"
	if !y.Valid() {
		return apply1(opIdentity, y)
	}
	y = orCast(y, Floats, Float64)
	a, err := axisOf(axis, y.typ.Shape.Rank())
	if err != nil {
		return y.g.Fail(op, err)
	}
	e := max(y.typ.Shape[a], 1)
	pairs := Add(sliceAxis(y, a, 1, e), sliceAxis(y, a, 0, e-1))
	return Mul(ReduceSum(pairs, []int{a}), Like(y, dx/2))
}

// CentralDifferences returns the derivative of y along the axis by differences over elements at the distance dx: of both neighbours, and of one at the two ends (numpy.gradient). The axis has at least two elements. That of integers is a float64.
func CentralDifferences(y *Node, dx float64, axis int) *Node {
	const op = "central_differences"
	if !y.Valid() {
		return apply1(opIdentity, y)
	}
	y = orCast(y, Floats, Float64)
	a, err := axisOf(axis, y.typ.Shape.Rank())
	if err == nil && y.typ.Shape[a] < 2 {
		err = fmt.Errorf("the operand is %v: needs two elements along axis %d", y.typ, a)
	}
	if err != nil {
		return y.g.Fail(op, err)
	}
	e := y.typ.Shape[a]
	part := func(first, end int) *Node { return sliceAxis(y, a, first, end) }
	scaled := func(x *Node, by float64) *Node { return Mul(x, Like(y, by)) }
	return Concat(a, scaled(Sub(part(1, 2), part(0, 1)), 1/dx), scaled(Sub(part(2, e), part(0, e-2)), 0.5/dx), scaled(Sub(part(e-1, e), part(e-2, e-1)), 1/dx))
}
