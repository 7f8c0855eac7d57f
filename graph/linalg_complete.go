package graph

import (
	"fmt"
	"slices"

	"github.com/adjoint-go/adjoint/internal/attr"
)

var opPinv *Op

func init() {
	opPinv = Register(&Op{
		Name: "pinv", Symbol: "( · )⁺", Pattern: Matrices, LeadingBatch: true, Family: FamilyLinalg, MinArity: 1, MaxArity: 1,
		Doc: "The Moore–Penrose inverse of matrices m×n, n×m, by their singular values above the largest times max(m, n) times the distance from 1 to the next number; the others count as 0 (numpy.linalg.pinv). " +
			"The derivative is that among matrices of the same rank; where a change of the matrix changes its rank the inverse is not continuous, and second derivatives in such directions are not symmetric." + batching,
		Formula: "dA⁺ = −A⁺·dA·A⁺ + A⁺·A⁺ᵀ·dAᵀ·(I − A·A⁺) + (I − A⁺·A)·dAᵀ·A⁺ᵀ·A⁺",
		Source:  "Golub & Pereyra, The differentiation of pseudo-inverses and nonlinear least squares problems whose variables separate (1973)",
		Infer: func(in []*Node, _ attr.List) (Type, error) {
			batch, m, n, err := matrices("the operand", in[0].typ)
			return Type{in[0].typ.DType, append(append(Shape{}, batch...), n, m)}, err
		},
		VJP: func(y *Node, ct []*Node) []*Node {
			left, right := projectors(y)
			gram, outer := matmul(y, y, true, false), matmul(y, y, false, true) // A⁺ᵀ·A⁺ and A⁺·A⁺ᵀ
			c := swapLast(ct[0])
			return []*Node{AddN(Neg(matmul(matmul(y, ct[0], true, false), y, false, true)),
				matmul(matmul(left, c, false, false), outer, false, false), matmul(matmul(gram, c, false, false), right, false, false))}
		},
		JVP: func(y *Node, dot []*Node) []*Node {
			left, right := projectors(y)
			gram, outer := matmul(y, y, true, false), matmul(y, y, false, true)
			d := swapLast(dot[0])
			return []*Node{AddN(Neg(matmul(matmul(y, dot[0], false, false), y, false, false)),
				matmul(matmul(outer, d, false, false), left, false, false), matmul(matmul(right, d, false, false), gram, false, false))}
		},
		Expand: func(n *Node) *Node {
			u, s, vt := SVD(n.Input(0))
			rank := s.typ.Shape.Rank()
			if isEmpty(s) {
				return Zeros(n.g, n.typ.DType, n.typ.Shape...)
			}
			zero := LessEqual(s, negligible(n.Input(0), ReduceMax(s, []int{rank - 1}, KeepDims)))
			inverse := Where(zero, Like(s, 0), Reciprocal(Where(zero, Like(s, 1), s)))
			return matmul(swapLast(Mul(ExpandDims(inverse, rank), vt)), u, false, true)
		},
		Samples: []Sample{{In: []SampleInput{dominant(Shape{3, 3})}}, {In: []SampleInput{dominant(Shape{2, 4, 2})}}, {In: []SampleInput{dominant(Shape{2, 3})}},
			{NoDifferences: "the rank changes", In: []SampleInput{{Type: Type{Float64, Shape{3, 3}}, Values: []float64{1, 2, 0.5, 2, 4, 1, -1, 0.5, 3}}}}},
	})
}

// projectors returns I − A·A⁺ and I − A⁺·A for the node y = A⁺.
func projectors(y *Node) (left, right *Node) {
	a := y.Input(0)
	m, n := lastTwo(a.typ.Shape, false)
	return Sub(Eye(y.g, y.typ.DType, m), matmul(a, y, false, false)), Sub(Eye(y.g, y.typ.DType, n), matmul(y, a, false, false))
}

// negligible is the singular value of matrices a up to which one counts as 0, beside the largest.
func negligible(a, largest *Node) *Node {
	epsilon := 0x1p-52
	if a.typ.DType == Float32 {
		epsilon = 0x1p-23
	}
	rows, columns := lastTwo(a.typ.Shape, false)
	return Mul(largest, Like(largest, float64(max(rows, columns))*epsilon))
}

// Pinv returns the Moore–Penrose inverse of matrices [… m×n], [… n×m], of whatever rank; its derivative is that among matrices of the same rank.
func Pinv(a *Node) *Node { return apply1(opPinv, a) }

// completion returns columns [… m×(m−k)] that make those of q [… m×k], which are orthonormal, a basis. Derivatives turn them as little as keeps it one.
func completion(q *Node) *Node {
	rank := q.typ.Shape.Rank()
	m, k := lastTwo(q.typ.Shape, false)
	unit := BroadcastTo(Eye(q.g, q.typ.DType, m), append(append(Shape{}, q.typ.Shape[:rank-2]...), m, m)...)
	whole, _ := QR(Concat(rank-1, q, unit))
	if !whole.Valid() {
		return whole
	}
	rest := StopGradient(sliceAxis(whole, rank-1, k, m))
	return polarFactor(Sub(rest, matmul(q, matmul(q, rest, true, false), false, false)))
}

// QRComplete returns the complete QR decomposition of matrices [… m×n]: an orthogonal Q [… m×m] and an upper triangular R [… m×n] (numpy.linalg.qr with mode complete). For m > n the last columns of Q are any
// that make it orthogonal, and their derivative is that of the smallest turn.
func QRComplete(a *Node) (q, r *Node) {
	q, r = QR(a)
	if !q.Valid() || !r.Valid() {
		return q, r
	}
	m, n := lastTwo(a.typ.Shape, false)
	if m <= n {
		return q, r
	}
	rank := a.typ.Shape.Rank()
	low, high := make([]int, rank), make([]int, rank)
	high[rank-2] = m - n
	return Concat(rank-1, q, completion(q)), Pad(r, low, high, 0)
}

// SVDComplete returns the full singular value decomposition of matrices [… m×n]: U [… m×m] and Vᵀ [… n×n], orthogonal, and the singular values [… min(m, n)], descending (numpy.linalg.svd). The vectors
// of U or V beyond these are any that make it orthogonal, and their derivative is that of the smallest turn; for the others see SVD.
func SVDComplete(a *Node) (u, s, vt *Node) {
	u, s, vt = SVD(a)
	if !u.Valid() || !vt.Valid() {
		return u, s, vt
	}
	rank := a.typ.Shape.Rank()
	switch m, n := lastTwo(a.typ.Shape, false); {
	case m > n:
		u = Concat(rank-1, u, completion(u))
	case m < n:
		vt = Concat(rank-2, vt, swapLast(completion(swapLast(vt))))
	}
	return u, s, vt
}

// LUSolve returns X with A·X = B from the factors of LU of a square matrix A [… n×n] and B [… n×k], or [n] for a vector; batches broadcast.
func LUSolve(l, u, perm, b *Node) *Node {
	if !l.Valid() || !u.Valid() || !perm.Valid() || !b.Valid() {
		return graphOf(l, u, perm, b).invalid()
	}
	vector := b.typ.Shape.Rank() == 1
	if vector {
		b = ExpandDims(b, 1)
	}
	rank := max(b.typ.Shape.Rank(), perm.typ.Shape.Rank()+1)
	of := func(x *Node, rank int) *Node {
		return Reshape(x, append(slices.Repeat([]int{1}, rank-x.typ.Shape.Rank()), x.typ.Shape...)...)
	}
	b, perm = of(b, rank), of(perm, rank-1)
	if rank < 2 || perm.typ.Shape.Rank() < 1 {
		return b.g.Fail("lu_solve", fmt.Errorf("the permutation is %v and the right side %v: needs […, n] and […, n, k], or [n]", perm.typ, b.typ))
	}
	x := TriangularSolve(u, TriangularSolve(l, TakeAlongAxis(b, ExpandDims(perm, rank-1), rank-2), UnitDiagonal), UpperTriangle)
	if vector && x.Valid() {
		x = Squeeze(x, -1)
	}
	return x
}

// PermutationSign returns the sign, 1 or −1 as int64, of permutations [… n] of the numbers from 0 to n − 1, such as those of LU: det A is their sign times the product of the diagonal of U.
func PermutationSign(perm *Node) *Node {
	if !perm.Valid() {
		return perm
	}
	rank := perm.typ.Shape.Rank()
	if rank == 0 || !perm.typ.DType.IsInt() {
		return perm.g.Fail("permutation_sign", fmt.Errorf("the operand is %v: needs integers and a dimension", perm.typ))
	}
	n := perm.typ.Shape[rank-1]
	later := Greater(Iota(perm.g, Int64, 1, n, n), Iota(perm.g, Int64, 0, n, n))
	inverted := LogicalAnd(later, Greater(ExpandDims(perm, rank), ExpandDims(perm, rank-1)))
	count := ReduceSum(inverted, []int{rank - 1, rank})
	return Sub(Like(count, 1), Mul(Like(count, 2), Mod(count, Like(count, 2))))
}

// Pivots returns the exchanges [… k], int64, by which LAPACK makes permutations [… n] of LU: row i, from 0 on, is exchanged with that of the result's element i, one after the other, k = n for square matrices
// (scipy.linalg.lu_factor; PyTorch counts from 1).
func Pivots(perm *Node, k int) *Node {
	if !perm.Valid() {
		return perm
	}
	rank := perm.typ.Shape.Rank()
	if rank == 0 || perm.typ.DType != Int64 || k < 0 || k > perm.typ.Shape[max(rank-1, 0)] {
		return perm.g.Fail("pivots", fmt.Errorf("the operand is %v, %d rows: needs int64, and at most as many", perm.typ, k))
	}
	rows := Iota(perm.g, Int64, rank-1, perm.typ.Shape...)
	if k == 0 || isEmpty(perm) {
		return sliceAxis(rows, rank-1, 0, k)
	}
	steps := Iota(perm.g, Int64, 0, k)
	_, ys := Scan(k, []*Node{rows}, []*Node{steps}, func(carry, x []*Node) (next, ys []*Node) {
		a, here := carry[0], Equal(rows, x[0])
		wanted := ReduceSum(Where(here, perm, Like(rows, 0)), []int{rank - 1}, KeepDims)
		there := Equal(a, wanted)
		j := ReduceSum(Where(there, rows, Like(rows, 0)), []int{rank - 1}, KeepDims)
		displaced := ReduceSum(Where(here, a, Like(rows, 0)), []int{rank - 1}, KeepDims)
		return []*Node{Where(here, wanted, Where(there, displaced, a))}, []*Node{Squeeze(j, rank-1)}
	})
	to := make([]int, rank) // the steps lead
	for d := range to {
		to[d] = (d + 1) % rank
	}
	return Transpose(ys[0], to...)
}
