package graph

import "math"

// Reductions that leave out NaN, of which integers and bools have none. No derivative passes to an element that is left out.

// numbers is x with a number in place of NaN, and where that is.
func numbers(x *Node, v float64) (filled, left *Node) {
	left = IsNaN(x)
	return Where(left, Like(x, v), x), left
}

// NanSum returns the sum over the axes, all if there are none, of the elements of x that are not NaN (numpy.nansum).
func NanSum(x *Node, axes []int, opts ...ReduceOption) *Node {
	filled, _ := numbers(x, 0)
	return ReduceSum(filled, axes, opts...)
}

// NanProd returns the product over the axes, all if there are none, of the elements of x that are not NaN (numpy.nanprod).
func NanProd(x *Node, axes []int, opts ...ReduceOption) *Node {
	filled, _ := numbers(x, 1)
	return ReduceProd(filled, axes, opts...)
}

// NanCount returns how many elements of x over the axes, all if there are none, are not NaN, as int64.
func NanCount(x *Node, axes []int, opts ...ReduceOption) *Node {
	return ReduceSum(LogicalNot(IsNaN(x)), axes, opts...)
}

// NanMean returns the mean over the axes, all if there are none, of the elements of x that are not NaN; NaN where all are (numpy.nanmean).
func NanMean(x *Node, axes []int, opts ...ReduceOption) *Node {
	x = orCast(x, Floats, Float64)
	sum := NanSum(x, axes, opts...)
	if !sum.Valid() {
		return sum
	}
	return Div(sum, Cast(NanCount(x, axes, opts...), sum.typ.DType))
}

// NanVar returns the variance over the axes, all if there are none, of the elements of x that are not NaN, with their number less ddof as divisor, NaN where that is not above 0 (numpy.nanvar).
func NanVar(x *Node, axes []int, ddof int, opts ...ReduceOption) *Node {
	x = orCast(x, Floats, Float64)
	mean := NanMean(x, axes, KeepDims)
	if !mean.Valid() {
		return mean
	}
	count := Sub(Cast(NanCount(x, axes, opts...), mean.typ.DType), Like(mean, float64(ddof)))
	sum := ReduceSum(Where(IsNaN(x), Like(mean, 0), Square(Sub(x, mean))), axes, opts...)
	return Div(sum, Where(Greater(count, Like(count, 0)), count, Like(count, math.NaN())))
}

// NanStd returns the root of NanVar, with the derivative 0 where it is 0 (numpy.nanstd).
func NanStd(x *Node, axes []int, ddof int, opts ...ReduceOption) *Node {
	variance := NanVar(x, axes, ddof, opts...)
	if !variance.Valid() {
		return variance
	}
	zero := Equal(variance, Like(variance, 0))
	return Where(zero, Like(variance, 0), Sqrt(Where(zero, Like(variance, 1), variance)))
}

// NanQuantile returns the q-quantile, 0 ≤ q ≤ 1, along the axis of the elements of x that are not NaN, between two of them by linear interpolation; NaN where all are (numpy.nanquantile). The derivative is that of the elements that it lies between.
func NanQuantile(x *Node, q float64, axis int, opts ...ReduceOption) *Node {
	return quantile("nan_quantile", x, q, axis, opts, func(sorted *Node, a int) *Node {
		count := NanCount(sorted, []int{a}, KeepDims)
		last, zero := Sub(count, Like(count, 1)), Like(count, 0) // the place of the largest; NaN sorts behind it
		at := Mul(Cast(last, Float64), count.g.Const(q))
		low := Floor(at)
		element := func(i *Node) *Node { return TakeAlongAxis(sorted, Max(Min(i, last), zero), a) }
		place := Cast(low, Int64)
		return Lerp(element(place), element(Add(place, Like(place, 1))), Cast(Sub(at, low), sorted.typ.DType))
	})
}

// NanMedian returns the middle element along the axis of those of x that are not NaN, the mean of the two in the middle if their number is even; NaN where all are (numpy.nanmedian): NanQuantile at ½.
func NanMedian(x *Node, axis int, opts ...ReduceOption) *Node {
	return NanQuantile(x, 0.5, axis, opts...)
}

// NanMax returns the largest element over the axes, all if there are none, of those of x that are not NaN; NaN where all are (numpy.nanmax). Equal ones share the adjoint.
func NanMax(x *Node, axes []int, opts ...ReduceOption) *Node {
	return nanExtremum(x, axes, -posInf, ReduceMax, opts)
}

// NanMin returns the smallest element over the axes, all if there are none, of those of x that are not NaN; NaN where all are (numpy.nanmin). Equal ones share the adjoint.
func NanMin(x *Node, axes []int, opts ...ReduceOption) *Node {
	return nanExtremum(x, axes, posInf, ReduceMin, opts)
}

func nanExtremum(x *Node, axes []int, least float64, reduce func(x *Node, axes []int, opts ...ReduceOption) *Node, opts []ReduceOption) *Node {
	filled, left := numbers(x, least)
	return Where(ReduceAll(left, axes, opts...), Like(x, math.NaN()), reduce(filled, axes, opts...))
}
