package graph

import "fmt"

// MatrixPower returns the product of n square matrices [… m×m], all of them a; the identity for n = 0, and for n < 0 that of inverses (numpy.linalg.matrix_power).
func MatrixPower(a *Node, n int) *Node {
	const op = "matrix_power"
	if !a.Valid() {
		return apply1(opIdentity, a)
	}
	r := a.typ.Shape.Rank()
	if r < 2 || a.typ.Shape[r-1] != a.typ.Shape[r-2] || n <= -1<<30 || n >= 1<<30 {
		return a.g.Fail(op, fmt.Errorf("the operand is %v, the power %d: needs square matrices", a.typ, n))
	}
	if n < 0 {
		a, n = Inv(a), -n
	}
	if n == 0 {
		return BroadcastTo(Eye(a.g, a.typ.DType, a.typ.Shape[r-1]), a.typ.Shape...)
	}
	var power *Node
	for square := a; ; square = MatMul(square, square) {
		if n&1 == 1 {
			if power == nil {
				power = square
			} else {
				power = MatMul(power, square)
			}
		}
		if n >>= 1; n == 0 {
			return power
		}
	}
}

// MatrixRank returns the number, an int64, of singular values of matrices [… m×n] above the largest times max(m, n) times the distance from 1 to the next number (numpy.linalg.matrix_rank).
func MatrixRank(a *Node) *Node {
	if !a.Valid() {
		return apply1(opIdentity, a)
	}
	_, s, _ := SVD(StopGradient(a))
	if !s.Valid() {
		return s
	}
	last := []int{s.typ.Shape.Rank() - 1}
	if isEmpty(s) {
		return ReduceSum(Cast(s, Int64), last)
	}
	least := negligible(a, ReduceMax(s, last, KeepDims))
	return ReduceSum(Greater(s, least), last)
}

// Cov returns the covariances [… m×m] of variables in the rows of x [… m×n], n observations, with the divisor n − ddof (numpy.cov), NaN where that is not above 0. The observations [n] of one variable have a variance, a scalar.
func Cov(x *Node, ddof int) *Node {
	const op = "cov"
	if !x.Valid() {
		return apply1(opIdentity, x)
	}
	x = orCast(x, Floats, Float64)
	r := x.typ.Shape.Rank()
	switch {
	case r < 1 || ddof < 0:
		return x.g.Fail(op, fmt.Errorf("the operand is %v, ddof %d: needs observations, and 0 or more", x.typ, ddof))
	case r == 1:
		return Reshape(Cov(Reshape(x, 1, x.typ.Shape[0]), ddof))
	}
	c := Sub(x, ReduceMean(x, []int{r - 1}, KeepDims))
	divisor := posInf - posInf
	if n := x.typ.Shape[r-1] - ddof; n > 0 {
		divisor = float64(n)
	}
	return Div(matmul(c, c, false, true), Like(x, divisor))
}
