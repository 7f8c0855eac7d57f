package graph

import (
	"github.com/adjoint-go/adjoint/internal/attr"
)

// The operators of this file; init fills them in because their derivatives refer to one another.
var opCholesky, opLU, opQR *Op

func init() {
	opCholesky = Register(&Op{
		Name: "cholesky", Pattern: Matrices, LeadingBatch: true, Family: FamilyLinalg, MinArity: 1, MaxArity: 1, Kernel: "cholesky",
		Doc: "The lower triangular L with L·Lᵀ = A for symmetric positive definite A, of which the lower triangle is read; the adjoint too is lower triangular " +
			"(the constructor makes it symmetric). A matrix that is not positive definite is a runtime error." + batching,
		Formula: "Φ(S + Sᵀ), S = L⁻ᵀ·Φ(Lᵀ·L̄)·L⁻¹; Φ: the lower triangle with half of the diagonal",
		Source:  "Murray, Differentiation of the Cholesky decomposition (2016), eqs. 8 and 10; " + giles,
		Infer:   inferSquare,
		VJP: func(n *Node, ct []*Node) []*Node {
			p := halfLower(matmul(n, ct[0], true, false))
			s := triangularSolve(n, swapLast(triangularSolve(n, swapLast(p), true, true, false)), true, true, false)
			return []*Node{halfLower(Add(s, swapLast(s)))}
		},
		JVP: func(n *Node, dot []*Node) []*Node {
			d := fromLower(dot[0])
			c := triangularSolve(n, swapLast(triangularSolve(n, d, true, false, false)), true, false, false)
			return []*Node{matmul(n, halfLower(c), false, false)}
		},
		Samples: []Sample{{In: []SampleInput{positive(Shape{3, 3})}}, {In: []SampleInput{positive(Shape{2, 2, 2})}}, {In: []SampleInput{positive(Shape{1, 1})}}},
	})
	opLU = Register(&Op{
		Name: "lu", Pattern: Matrices, LeadingBatch: true, Family: FamilyLinalg, MinArity: 1, MaxArity: 1, Kernel: "lu",
		Doc: "LU decomposition with partial pivoting of m×n matrices: result 0 holds U and below its diagonal the unit lower triangular L, result 1 (int64) the row " +
			"permutation with A[perm] = L·U. The derivative at a matrix whose leading min(m, n) columns or rows are singular is a runtime error." + batching,
		Formula:     "Pᵀ·L⁻ᵀ·(tril₋₁(Lᵀ·L̄) + triu(Ū·Uᵀ))·U⁻ᵀ for square A",
		Source:      "de Hoog, Anderssen, Lukas, Differentiation of matrix functionals using triangular factorization, Math. Comp. 80 (2011)",
		ResultNames: []string{"LU", "perm"},
		InferMany: func(in []*Node, _ attr.List) ([]Type, error) {
			batch, m, _, err := matrices("the operand", in[0].typ)
			return []Type{*in[0].typ, {Int64, append(append(Shape{}, batch...), m)}}, err
		},
		VJP: func(n *Node, ct []*Node) []*Node { return []*Node{luVJP(n, ct[0])} },
		JVP: func(n *Node, dot []*Node) []*Node { return []*Node{luJVP(n, dot[0]), nil} },
		Samples: []Sample{
			{In: []SampleInput{dominant(Shape{3, 3})}}, {In: []SampleInput{dominant(Shape{2, 2, 2})}},
			{In: []SampleInput{{Type: Type{Float64, Shape{3, 3}}, Values: []float64{0.5, 2, 1, 3, -1, 0.25, -1, 0.75, 2.5}}}},
			{In: []SampleInput{dominant(Shape{4, 2})}}, {In: []SampleInput{dominant(Shape{2, 4})}},
		},
	})
	opQR = Register(&Op{
		Name: "qr", Pattern: Matrices, LeadingBatch: true, Family: FamilyLinalg, MinArity: 1, MaxArity: 1, Kernel: "qr",
		Doc: "Reduced QR decomposition of m×n matrices: Q (result 0, m×k, orthonormal columns) and upper triangular R (result 1, k×n), k = min(m, n), with the signs " +
			"of Householder's method. The derivative where the leading k columns are dependent is a runtime error." + batching,
		Formula:     "(Q̄ + Q·copyltu(R·R̄ᵀ − Q̄ᵀ·Q))·R⁻ᵀ for m ≥ n",
		Source:      "Walter & Lehmann, Algorithmic differentiation of linear algebra functions with application in optimum experimental design (2010), §3; wide matrices: Roberts & Roberts, QR and LQ decomposition matrix backpropagation algorithms (2020)",
		ResultNames: []string{"Q", "R"},
		InferMany: func(in []*Node, _ attr.List) ([]Type, error) {
			batch, m, n, err := matrices("the operand", in[0].typ)
			k, d := min(m, n), in[0].typ.DType
			return []Type{{d, append(append(Shape{}, batch...), m, k)}, {d, append(append(Shape{}, batch...), k, n)}}, err
		},
		VJP: func(n *Node, ct []*Node) []*Node { return []*Node{qrVJP(n, ct[0], ct[1])} },
		JVP: func(n *Node, dot []*Node) []*Node { return qrJVP(n, dot[0]) },
		Samples: []Sample{
			{In: []SampleInput{dominant(Shape{3, 3})}}, {In: []SampleInput{dominant(Shape{2, 4, 2})}}, {In: []SampleInput{dominant(Shape{2, 4})}},
		},
	})
}

// halfLower is the lower triangle of x with half of the diagonal.
func halfLower(x *Node) *Node {
	return Mul(Add(lowerPart(x, 0), lowerPart(x, -1)), Like(x, 0.5))
}

// fromLower is the symmetric matrix with the lower triangle of x.
func fromLower(x *Node) *Node { return Add(lowerPart(x, 0), swapLast(lowerPart(x, -1))) }

// symmetric is (x + xᵀ)/2.
func symmetric(x *Node) *Node { return Mul(Add(x, swapLast(x)), Like(x, 0.5)) }

// luFactors takes the results of an lu apart: the leading square factors l (unit lower, not masked) and u, what hangs below
// l and beside u (nil if nothing does), and the permutation matrix.
type luFactors struct {
	n                  *Node
	m, cols, k         int
	square, low, right *Node
	perm               *Node
}

func newLUFactors(n *Node) *luFactors {
	f := &luFactors{n: n}
	f.m, f.cols = lastTwo(n.Input(0).typ.Shape, false)
	f.k = min(f.m, f.cols)
	f.square, f.low, f.right = f.split(Result(n, 0))
	p := Equal(ExpandDims(Result(n, 1), -1), Iota(n.g, Int64, 0, f.m))
	f.perm = Cast(p, n.Input(0).typ.DType)
	return f
}

// split cuts an m×n matrix into its leading square and what is below or to the right of it.
func (f *luFactors) split(x *Node) (square, low, right *Node) {
	r := x.typ.Shape.Rank()
	switch {
	case f.m > f.k:
		return sliceAxis(x, r-2, 0, f.k), sliceAxis(x, r-2, f.k, f.m), nil
	case f.cols > f.k:
		return sliceAxis(x, r-1, 0, f.k), nil, sliceAxis(x, r-1, f.k, f.cols)
	}
	return x, nil, nil
}

func (f *luFactors) join(square, low, right *Node) *Node {
	r := square.typ.Shape.Rank()
	switch {
	case low != nil:
		return Concat(r-2, square, low)
	case right != nil:
		return Concat(r-1, square, right)
	}
	return square
}

// l and u solve with the leading factors.
func (f *luFactors) l(b *Node, transpose bool) *Node {
	return triangularSolve(f.square, b, true, transpose, true)
}

func (f *luFactors) u(b *Node, transpose bool) *Node {
	return triangularSolve(f.square, b, false, transpose, false)
}

// lowerFactor is the unit lower triangular leading factor.
func (f *luFactors) lowerFactor() *Node {
	return Where(diagonalMask(f.n.g, f.k, f.k), Like(f.square, 1), lowerPart(f.square, -1))
}

func luJVP(n, dot *Node) *Node {
	f := newLUFactors(n)
	d, dLow, dRight := f.split(matmul(f.perm, dot, false, false))
	l, u := f.lowerFactor(), upperPart(f.square, 0)
	inner := swapLast(f.u(swapLast(f.l(d, false)), true)) // L⁻¹·dA·U⁻¹
	dl, du := matmul(l, lowerPart(inner, -1), false, false), matmul(upperPart(inner, 0), u, false, false)
	if dLow != nil {
		dLow = swapLast(f.u(swapLast(Sub(dLow, matmul(f.low, du, false, false))), true))
	}
	if dRight != nil {
		dRight = f.l(Sub(dRight, matmul(dl, f.right, false, false)), false)
	}
	return f.join(Add(dl, du), dLow, dRight)
}

func luVJP(n, ct *Node) *Node {
	f := newLUFactors(n)
	c, cLow, cRight := f.split(ct)
	cl, cu := lowerPart(c, -1), upperPart(c, 0)
	if cLow != nil {
		cLow = swapLast(f.u(swapLast(cLow), false))
		cu = Sub(cu, upperPart(matmul(f.low, cLow, true, false), 0))
	}
	if cRight != nil {
		cRight = f.l(cRight, true)
		cl = Sub(cl, lowerPart(matmul(cRight, f.right, false, true), -1))
	}
	l, u := f.lowerFactor(), upperPart(f.square, 0)
	inner := Add(lowerPart(matmul(l, cl, true, false), -1), upperPart(matmul(cu, u, false, true), 0))
	c = swapLast(f.u(swapLast(f.l(inner, true)), false)) // L⁻ᵀ·inner·U⁻ᵀ
	return matmul(f.perm, f.join(c, cLow, cRight), true, false)
}

// rightSolve is x·op(R)⁻¹ for upper triangular R.
func rightSolve(x, r *Node, transpose bool) *Node {
	return swapLast(triangularSolve(r, swapLast(x), false, !transpose, false))
}

// wideQR cuts the columns of a wide matrix (or R) into the leading square and the rest.
func wideQR(x *Node, k int) (lead, rest *Node) {
	r := x.typ.Shape.Rank()
	n := x.typ.Shape[r-1]
	if n == k {
		return x, nil
	}
	return sliceAxis(x, r-1, 0, k), sliceAxis(x, r-1, k, n)
}

func qrJVP(n, dot *Node) []*Node {
	q, r := Result(n, 0), Result(n, 1)
	_, k := lastTwo(q.typ.Shape, false)
	_, rest := wideQR(n.Input(0), k)
	lead, dRest := wideQR(dot, k)
	r, _ = wideQR(r, k)
	x := rightSolve(lead, r, false)
	c := matmul(q, x, true, false)
	low := lowerPart(c, -1)
	triangular := Sub(c, Sub(low, swapLast(low))) // dR·R⁻¹
	dq, dr := Sub(x, matmul(q, triangular, false, false)), matmul(upperPart(triangular, 0), r, false, false)
	if rest != nil {
		dr = Concat(dr.typ.Shape.Rank()-1, dr, Add(matmul(dq, rest, true, false), matmul(q, dRest, true, false)))
	}
	return []*Node{dq, dr}
}

func qrVJP(n, cq, cr *Node) *Node {
	q, r := Result(n, 0), Result(n, 1)
	_, k := lastTwo(q.typ.Shape, false)
	_, rest := wideQR(n.Input(0), k)
	r, _ = wideQR(r, k)
	var cRest *Node
	sum := cq // of the terms of Q's adjoint
	if cr != nil && rest != nil {
		var beside *Node
		cr, beside = wideQR(cr, k)
		cRest = matmul(q, beside, false, false)
		if term := matmul(rest, beside, false, true); sum == nil {
			sum = term
		} else {
			sum = Add(sum, term)
		}
	}
	var m *Node
	if cr != nil {
		m = matmul(r, upperPart(cr, 0), false, true)
	}
	if sum != nil {
		m = minus(m, matmul(sum, q, true, false))
	}
	c := matmul(q, fromLower(m), false, false)
	if sum != nil {
		c = Add(c, sum)
	}
	c = rightSolve(c, r, true)
	if rest != nil {
		if cRest == nil {
			cRest = BroadcastTo(Like(rest, 0), rest.typ.Shape...)
		}
		c = Concat(c.typ.Shape.Rank()-1, c, cRest)
	}
	return c
}

// Cholesky returns the lower triangular L with L·Lᵀ = A for symmetric positive definite matrices [… n×n]. A is made
// symmetric first, (A + Aᵀ)/2, so that its adjoint is symmetric. A matrix that is not positive definite is a runtime error.
func Cholesky(a *Node) *Node { return ofSymmetric(opCholesky, a) }

// ofSymmetric applies an operator to the symmetric part of its operand.
func ofSymmetric(op *Op, a *Node) *Node {
	if !a.Valid() {
		return apply1(op, a)
	}
	if _, _, err := squareMatrices(a.typ); err != nil {
		return a.g.Fail(op.Name, err)
	}
	return apply1(op, symmetric(a))
}

// LU returns the factors of A[perm] = L·U for matrices [… m×n], by partial pivoting: L [… m×k] with ones on the diagonal and
// zeros above it, U [… k×n] upper triangular, k = min(m, n), and the row permutation [… m] as int64.
func LU(a *Node) (l, u, perm *Node) {
	n := apply1(opLU, a)
	packed := Result(n, 0)
	if !packed.Valid() {
		return packed, packed, packed
	}
	r := packed.typ.Shape.Rank()
	m, cols := lastTwo(packed.typ.Shape, false)
	k := min(m, cols)
	l = lowerPart(sliceAxis(packed, r-1, 0, k), -1)
	l = Where(diagonalMask(a.g, m, k), Like(a, 1), l)
	return l, upperPart(sliceAxis(packed, r-2, 0, k), 0), Result(n, 1)
}

// QR returns the reduced QR decomposition of matrices [… m×n]: Q [… m×k] with orthonormal columns and upper triangular R [… k×n],
// k = min(m, n). The signs are those of Householder's method.
func QR(a *Node) (q, r *Node) {
	n := apply1(opQR, a)
	return Result(n, 0), Result(n, 1)
}
