package graph

import (
	"fmt"
	"math"
)

// Full adds an array of the dtype and shape whose elements are v (numpy.full). v is converted as Scalar does.
func Full(g *Graph, d DType, v float64, shape ...int) *Node {
	return BroadcastTo(g.Scalar(d, v), shape...)
}

// Zeros adds an array of zeros of the dtype and shape.
func Zeros(g *Graph, d DType, shape ...int) *Node { return Full(g, d, 0, shape...) }

// Ones adds an array of ones of the dtype and shape.
func Ones(g *Graph, d DType, shape ...int) *Node { return Full(g, d, 1, shape...) }

// Eye adds the identity matrix of n rows of the dtype (numpy.eye).
func Eye(g *Graph, d DType, n int) *Node { return Diag(Ones(g, d, n), 0) }

// Arange adds start + i·step, i = 0, 1, …, as long as that lies before stop (numpy.arange): ⌈(stop − start)/step⌉ elements, none if that is below 0. It is an error if step is 0, or, for an integer dtype, if start or step is no
// whole number.
func Arange(g *Graph, d DType, start, stop, step float64) *Node {
	const op = "arange"
	n := math.Ceil((stop - start) / step)
	if n < 0 {
		n = 0
	}
	switch {
	case !d.IsFloat() && !d.IsInt():
		return g.ready().Fail(op, fmt.Errorf("needs a numeric dtype, not %v", d))
	case step == 0 || !(n >= 0) || n > MaxElements:
		return g.ready().Fail(op, fmt.Errorf("from %v to %v in steps of %v are %v elements", start, stop, step, n))
	case d.IsInt() && (start != math.Trunc(start) || step != math.Trunc(step)):
		return g.ready().Fail(op, fmt.Errorf("%v and steps of %v for %v", start, step, d))
	}
	return Add(g.Scalar(d, start), Mul(Iota(g, d, 0, int(n)), g.Scalar(d, step)))
}

// Linspace adds n equally spaced elements from start to stop, both among them (numpy.linspace); start alone for n = 1, none for 0. The dtype is one of floating point.
func Linspace(g *Graph, d DType, start, stop float64, n int) *Node {
	const op = "linspace"
	if !d.IsFloat() || n < 0 {
		return g.ready().Fail(op, fmt.Errorf("%d elements of %v: needs them of floating point", n, d))
	}
	if n <= 1 {
		return Full(g, d, start, n)
	}
	i := Iota(g, Int64, 0, n)
	x := Add(g.Scalar(d, start), Mul(Cast(i, d), g.Scalar(d, (stop-start)/float64(n-1))))
	return Where(Equal(i, g.Scalar(Int64, float64(n-1))), g.Scalar(d, stop), x)
}

// Dot returns the sum of products over the last dimension of a and the last but one of b, or the only one of a vector (numpy.dot): the inner product of two vectors, the product of a matrix with a vector
// or matrix, of shape a's other dimensions followed by b's. With a scalar it is Mul.
func Dot(a, b *Node) *Node {
	if !a.Valid() || !b.Valid() || len(a.typ.Shape) == 0 || len(b.typ.Shape) == 0 {
		return Mul(a, b)
	}
	return DotGeneral(a, b, []int{len(a.typ.Shape) - 1}, []int{max(0, len(b.typ.Shape)-2)}, nil, nil)
}

// Cross returns the vector products of vectors of three elements, which lie along the last dimension; the others are broadcast (numpy.cross).
func Cross(a, b *Node) *Node {
	for _, n := range []*Node{a, b} {
		if n.Valid() && (len(n.typ.Shape) == 0 || n.typ.Shape[len(n.typ.Shape)-1] != 3) {
			return n.g.Fail("cross", fmt.Errorf("an operand is %v: needs a last dimension of 3", n.typ))
		}
	}
	if !a.Valid() || !b.Valid() {
		return Mul(a, b)
	}
	next := func(n *Node, k int) *Node { return Roll(n, -k, len(n.typ.Shape)-1) }
	return Sub(Mul(next(a, 1), next(b, 2)), Mul(next(a, 2), next(b, 1)))
}

// NormCDF returns the distribution function of the standard normal distribution, ½·erfc(−x/√2), elementwise. Both tails have small relative errors, about x²·2⁻⁵³ far out.
func NormCDF(x *Node) *Node {
	return Mul(Like(x, 0.5), Erfc(Mul(x, Like(x, -1/math.Sqrt2))))
}

// CholeskySolve returns the solution x of L·Lᵀ·x = b for a lower triangular L, the result of Cholesky (scipy.linalg.cho_solve). Shapes are those of TriangularSolve.
func CholeskySolve(l, b *Node) *Node {
	return TriangularSolve(l, TriangularSolve(l, b), TransposeMatrix)
}

// Quantile returns the q-quantile of x along the axis, 0 ≤ q ≤ 1, between two elements by linear interpolation (numpy.quantile, method linear: the element at q·(n − 1) of those in order); that of integers and bools is a float64. It is NaN where an element is. The derivative is that
// of the elements that it lies between.
func Quantile(x *Node, q float64, axis int, opts ...ReduceOption) *Node {
	return quantile("quantile", x, q, axis, opts, func(sorted *Node, a int) *Node {
		n := sorted.typ.Shape[a]
		at := float64(q * float64(n-1)) // of its own, also where the processor fuses it with what follows
		low := min(int(at), n-1)
		element := func(i int) *Node { return sliceAxis(sorted, a, i, i+1) }
		y, last := element(low), element(n-1) // NaN sorts last
		if t := at - float64(low); t > 0 {
			y = Lerp(y, element(low+1), Like(sorted, t))
		}
		return Where(IsNaN(last), last, y)
	})
}

// quantile checks the operands of a quantile, which pick takes from the elements in order along the axis, and keeps that axis.
func quantile(op string, x *Node, q float64, axis int, opts []ReduceOption, pick func(sorted *Node, axis int) *Node) *Node {
	if !x.Valid() {
		return apply1(opIdentity, x)
	}
	scalar := x.typ.IsScalar()
	x = withOneAxis(orCast(x, Floats, Float64), axis)
	a, err := axisOf(axis, len(x.typ.Shape))
	switch {
	case err != nil:
		return x.g.Fail(op, err)
	case !(q >= 0 && q <= 1):
		return x.g.Fail(op, fmt.Errorf("the quantile of %v: needs 0 to 1", q))
	}
	y := pick(Sort(x, a), a)
	if keeps(opts) && !scalar {
		return y
	}
	return Squeeze(y, a)
}

// Median returns the middle element of x along the axis, the mean of the two in the middle if their number is even (numpy.median): Quantile at ½.
func Median(x *Node, axis int, opts ...ReduceOption) *Node { return Quantile(x, 0.5, axis, opts...) }
