package graph

import (
	"fmt"

	"github.com/adjoint-go/adjoint/internal/attr"
)

const (
	giles    = "Giles, Collected matrix derivative results for forward and reverse mode algorithmic differentiation (2008)"
	batching = " Leading dimensions are batches."
)

// The operators of this file; init fills them in because their derivatives refer to one another.
var opTriangularSolve, opSolve, opInv, opDet, opSLogDet, opTridiagonalSolve, opExpm *Op

func init() {
	opTriangularSolve = Register(&Op{
		Name: "triangular_solve", Pattern: Matrices, LeadingBatch: true, OperandNames: []string{"A", "B"}, Family: FamilyLinalg, MinArity: 2, MaxArity: 2, Kernel: "triangular_solve",
		Attrs: []AttrSpec{
			{Key: "lower", Kind: attr.Bool, Doc: "the matrix is lower triangular, else upper"},
			{Key: "transpose", Kind: attr.Bool, Doc: "solve with the transposed matrix"},
			{Key: "unit", Kind: attr.Bool, Doc: "the diagonal counts as ones"},
		},
		Doc: "X with op(A)·X = B for triangular A [n×n] and B [n×m], op(A) = A or Aᵀ. The other triangle of A, and the diagonal if unit, are not read and get " +
			"the adjoint 0. A zero on the diagonal is a runtime error." + batching,
		Formula: "−tri(B̄·Xᵀ) (−tri(X·B̄ᵀ) if transposed), B̄ = op(A)⁻ᵀ·X̄", Source: giles + ", §2.3",
		Infer: inferSolve,
		VJP: func(n *Node, ct []*Node) []*Node {
			a := n.extra.attrs
			lower, transpose, unit := a.Bool("lower"), a.Bool("transpose"), a.Bool("unit")
			b := triangularSolve(n.Input(0), ct[0], lower, !transpose, unit)
			left, right := b, n
			if transpose {
				left, right = n, b
			}
			return []*Node{Neg(readTriangle(matmul(left, right, false, true), lower, unit)), b}
		},
		JVP: func(n *Node, dot []*Node) []*Node {
			a := n.extra.attrs
			lower, transpose, unit := a.Bool("lower"), a.Bool("transpose"), a.Bool("unit")
			right := dot[1]
			if dot[0] != nil {
				right = minus(right, matmul(readTriangle(dot[0], lower, unit), n, transpose, false))
			}
			return []*Node{triangularSolve(n.Input(0), right, lower, transpose, unit)}
		},
		Samples: triangularSamples(),
	})
	opSolve = Register(&Op{
		Name: "solve", Pattern: Matrices, LeadingBatch: true, Symbol: "\\", Infix: true, OperandNames: []string{"A", "B"}, Family: FamilyLinalg, MinArity: 2, MaxArity: 2, Kernel: "solve",
		Doc:     "X with A·X = B for square A [n×n] and B [n×m], by LU decomposition with partial pivoting. A singular matrix is a runtime error." + batching,
		Formula: "−B̄·Xᵀ, B̄ = A⁻ᵀ·X̄", Source: giles + ", §2.3.1",
		Infer: inferSolve,
		VJP: func(n *Node, ct []*Node) []*Node {
			b := apply2(opSolve, swapLast(n.Input(0)), ct[0])
			return []*Node{Neg(matmul(b, n, false, true)), b}
		},
		JVP: func(n *Node, dot []*Node) []*Node {
			right := dot[1]
			if dot[0] != nil {
				right = minus(right, matmul(dot[0], n, false, false))
			}
			return []*Node{apply2(opSolve, n.Input(0), right)}
		},
		Samples: []Sample{
			{In: []SampleInput{dominant(Shape{3, 3}), {Type: Type{Float64, Shape{3, 2}}}}},
			{In: []SampleInput{dominant(Shape{2, 3, 3}), {Type: Type{Float64, Shape{2, 3, 1}}}}},
		},
	})
	opInv = Register(&Op{
		Name: "inv", Pattern: Matrices, LeadingBatch: true, Symbol: "( · )⁻¹", Family: FamilyLinalg, MinArity: 1, MaxArity: 1, Kernel: "inv",
		Doc:     "The inverse of square matrices. A singular matrix is a runtime error." + batching,
		Formula: "−Yᵀ·Ȳ·Yᵀ", Source: giles + ", §2.2.3",
		Infer: inferSquare,
		VJP: func(n *Node, ct []*Node) []*Node {
			return []*Node{Neg(matmul(matmul(n, ct[0], true, false), n, false, true))}
		},
		JVP: func(n *Node, dot []*Node) []*Node {
			return []*Node{Neg(matmul(matmul(n, dot[0], false, false), n, false, false))}
		},
		Samples: []Sample{{In: []SampleInput{dominant(Shape{3, 3})}}, {In: []SampleInput{dominant(Shape{2, 2, 2})}}},
	})
	opDet = Register(&Op{
		Name: "det", OfNothing: ofNothing(1), Pattern: Matrices, LeadingBatch: true, Family: FamilyLinalg, MinArity: 1, MaxArity: 1, Kernel: "det",
		Doc:     "The determinant of square matrices, 0 for a singular one. Derivatives are exact at singular matrices in the first and second order; those of higher orders are a runtime error there." + batching,
		Formula: "ct·cofactor(A) (det(A)·A⁻ᵀ)", Source: giles + ", §2.2.4",
		Infer: inferPerMatrix,
		VJP: func(n *Node, ct []*Node) []*Node {
			return []*Node{Mul(perMatrix(ct[0]), Cofactor(n.Input(0)))}
		},
		JVP: func(n *Node, dot []*Node) []*Node {
			return []*Node{frobenius(dot[0], Cofactor(n.Input(0)))}
		},
		Samples: []Sample{
			{In: []SampleInput{dominant(Shape{3, 3})}}, {In: []SampleInput{dominant(Shape{2, 2, 2})}}, {In: []SampleInput{{Type: Type{Float64, Shape{1, 1}}}}},
		},
	})
	opSLogDet = Register(&Op{
		Name: "slogdet", OfNothing: func(n *Node, k int) *Node {
			return Full(n.g, n.extra.results[k].DType, float64(1-k), n.extra.results[k].Shape...)
		}, Pattern: Matrices, LeadingBatch: true, Family: FamilyLinalg, MinArity: 1, MaxArity: 1, Kernel: "slogdet",
		Doc: "Sign (result 0: −1, 0 or 1) and logarithm of the absolute value (result 1; −Inf for a singular matrix) of the determinant of square matrices. " +
			"The derivative at a singular matrix is a runtime error." + batching,
		Formula: "ct₁·A⁻ᵀ", Source: giles + ", §2.2.4",
		ResultNames: []string{"sign", "log|det|"},
		InferMany: func(in []*Node, a attr.List) ([]Type, error) {
			t, err := inferPerMatrix(in, a)
			return []Type{t, t}, err
		},
		VJP: func(n *Node, ct []*Node) []*Node {
			if ct[1] == nil {
				return []*Node{nil}
			}
			return []*Node{Mul(perMatrix(ct[1]), swapLast(Inv(n.Input(0))))}
		},
		JVP: func(n *Node, dot []*Node) []*Node {
			return []*Node{nil, frobenius(dot[0], swapLast(Inv(n.Input(0))))}
		},
		Samples: []Sample{{In: []SampleInput{dominant(Shape{3, 3})}}, {In: []SampleInput{dominant(Shape{2, 2, 2})}}},
	})
	opTridiagonalSolve = Register(&Op{
		Name: "tridiagonal_solve", Pattern: Matrices, LeadingBatch: true, OperandNames: []string{"lower", "main", "upper", "b"}, Family: FamilyLinalg, MinArity: 4, MaxArity: 4, Kernel: "tridiagonal_solve",
		Doc: "X with T·X = B [n×m] for the tridiagonal T with the diagonals lower, main and upper [n]: lower[i] is left of the diagonal in row i (lower[0] is not read), " +
			"upper[i] right of it (the last is not read). Partial pivoting; a singular matrix is a runtime error." + batching,
		Formula: "B̄ = T⁻ᵀ·X̄; −Σ B̄ᵢ·Xᵢ₋₁, −Σ B̄ᵢ·Xᵢ, −Σ B̄ᵢ·Xᵢ₊₁", Source: giles + ", §2.3.1",
		Infer: func(in []*Node, _ attr.List) (Type, error) {
			batch, n, _, err := matrices("the right-hand side", in[3].typ)
			if err != nil {
				return Type{}, err
			}
			want := Type{in[3].typ.DType, append(append(Shape{}, batch...), n)}
			for i, name := range []string{"lower", "main", "upper"} {
				if !in[i].typ.Equal(want) {
					return Type{}, fmt.Errorf("the %s diagonal is %v: needs %v for the right-hand side %v", name, in[i].typ, want, in[3].typ)
				}
			}
			return *in[3].typ, nil
		},
		VJP: func(n *Node, ct []*Node) []*Node {
			b := apply4(opTridiagonalSolve, shifted(n.Input(2), -1, 1), n.Input(1), shifted(n.Input(0), -1, -1), ct[0])
			last := func(x *Node) *Node { return Neg(ReduceSum(Mul(b, x), []int{-1})) }
			return []*Node{last(shifted(n, -2, 1)), last(n), last(shifted(n, -2, -1)), b}
		},
		JVP: func(n *Node, dot []*Node) []*Node {
			right := dot[3]
			for i, shift := range []int{1, 0, -1} {
				if dot[i] != nil {
					right = minus(right, Mul(ExpandDims(dot[i], -1), shifted(n, -2, shift)))
				}
			}
			return []*Node{apply4(opTridiagonalSolve, n.Input(0), n.Input(1), n.Input(2), right)}
		},
		Samples: []Sample{
			{In: []SampleInput{{Type: Type{Float64, Shape{4}}, Lo: -1, Hi: 1}, {Type: Type{Float64, Shape{4}}, Lo: 2.5, Hi: 4}, {Type: Type{Float64, Shape{4}}, Lo: -1, Hi: 1}, {Type: Type{Float64, Shape{4, 2}}}}},
			{In: []SampleInput{{Type: Type{Float64, Shape{2, 3}}, Lo: -1, Hi: 1}, {Type: Type{Float64, Shape{2, 3}}, Lo: 2.5, Hi: 4}, {Type: Type{Float64, Shape{2, 3}}, Lo: -1, Hi: 1}, {Type: Type{Float64, Shape{2, 3, 1}}}}},
			{In: []SampleInput{{Type: Type{Float64, Shape{1}}}, {Type: Type{Float64, Shape{1}}, Lo: 1, Hi: 2}, {Type: Type{Float64, Shape{1}}}, {Type: Type{Float64, Shape{1, 3}}}}},
		},
	})
	opExpm = Register(&Op{
		Name: "expm", Pattern: Matrices, LeadingBatch: true, Family: FamilyLinalg, MinArity: 1, MaxArity: 1, Kernel: "expm",
		Doc: "The exponential of square matrices, by a Padé approximant of degree 13 with scaling and squaring. Derivatives are exact: blocks of the exponential of a matrix of " +
			"twice the size. NaN, Inf and norms above 2¹⁰ are runtime errors." + batching,
		Formula: "the upper right block of exp [[Aᵀ, ct], [0, Aᵀ]]",
		Source:  "Higham, Functions of Matrices (2008), algorithm 10.20; derivative: theorem 3.6 (Mathias 1996)",
		Infer:   inferSquare,
		VJP: func(n *Node, ct []*Node) []*Node {
			return []*Node{expmDerivative(swapLast(n.Input(0)), ct[0])}
		},
		JVP: func(n *Node, dot []*Node) []*Node {
			return []*Node{expmDerivative(n.Input(0), dot[0])}
		},
		Samples: []Sample{
			{In: []SampleInput{{Type: Type{Float64, Shape{3, 3}}, Lo: -1, Hi: 1}}}, {In: []SampleInput{{Type: Type{Float64, Shape{2, 2, 2}}, Lo: -1, Hi: 1}}},
			{In: []SampleInput{{Type: Type{Float64, Shape{2, 2}}, Values: []float64{0, 0, 0, 0}}}},
		},
	})
}

func apply4(op *Op, a, b, c, d *Node) *Node { return applyAll(op, []*Node{a, b, c, d}) }

// minus is x − y, where a nil x is 0.
func minus(x, y *Node) *Node {
	if x == nil {
		return Neg(y)
	}
	return Sub(x, y)
}

// matrices checks that a type is that of a batch of float matrices and returns the shape of the batch and the matrices' extents.
func matrices(what string, t *Type) (batch Shape, m, n int, err error) {
	s := t.Shape
	if !t.DType.IsFloat() || len(s) < 2 {
		return nil, 0, 0, fmt.Errorf("%s is %v: needs rank 2 or more and one of %v", what, t, Floats)
	}
	return s[:len(s)-2], s[len(s)-2], s[len(s)-1], nil
}

// squareMatrices is matrices for square ones.
func squareMatrices(t *Type) (batch Shape, n int, err error) {
	batch, m, n, err := matrices("the operand", t)
	if err == nil && m != n {
		err = fmt.Errorf("the matrices of %v are not square", t)
	}
	return batch, n, err
}

// inferSquare is the type rule of operators from square matrices to square matrices.
func inferSquare(in []*Node, _ attr.List) (Type, error) {
	_, _, err := squareMatrices(in[0].typ)
	return *in[0].typ, err
}

// inferPerMatrix is the type rule of operators that give a number for each square matrix.
func inferPerMatrix(in []*Node, _ attr.List) (Type, error) {
	batch, _, err := squareMatrices(in[0].typ)
	return Type{in[0].typ.DType, batch}, err
}

// inferSolve is the type rule of A·X = B.
func inferSolve(in []*Node, _ attr.List) (Type, error) {
	batch, n, err := squareMatrices(in[0].typ)
	if err != nil {
		return Type{}, err
	}
	right, rows, _, err := matrices("the right-hand side", in[1].typ)
	if err != nil {
		return Type{}, err
	}
	if rows != n || !right.Equal(batch) || in[0].typ.DType != in[1].typ.DType {
		return Type{}, fmt.Errorf("the right-hand side %v does not suit the matrices %v", in[1].typ, in[0].typ)
	}
	return *in[1].typ, nil
}

// swapLast transposes the matrices in the last two dimensions.
func swapLast(x *Node) *Node {
	if !x.Valid() {
		return x
	}
	r := x.typ.Shape.Rank()
	perm := make([]int, r)
	for i := range perm {
		perm[i] = i
	}
	perm[r-2], perm[r-1] = r-1, r-2
	return Transpose(x, perm...)
}

// offDiagonal is j − i for the places (i, j) of m×n matrices.
func offDiagonal(g *Graph, m, n int) *Node {
	return Sub(Iota(g, Int64, 1, 1, n), Iota(g, Int64, 0, m, 1))
}

// lowerPart is x with zeros at the places j − i > k; upperPart with zeros at j − i < k.
func lowerPart(x *Node, k int) *Node { return triangle(x, LessEqual, k) }
func upperPart(x *Node, k int) *Node { return triangle(x, GreaterEqual, k) }

func triangle(x *Node, keep func(x, y *Node) *Node, k int) *Node {
	if !x.Valid() {
		return x
	}
	m, n := lastTwo(x.typ.Shape, false)
	return Where(keep(offDiagonal(x.g, m, n), x.g.Scalar(Int64, float64(k))), x, Like(x, 0))
}

// diagonalMask is true on the diagonal of m×n matrices.
func diagonalMask(g *Graph, m, n int) *Node {
	return Equal(offDiagonal(g, m, n), g.Scalar(Int64, 0))
}

// onDiagonal makes square matrices with the last dimension on the diagonal.
func onDiagonal(v *Node) *Node {
	n := v.typ.Shape[v.typ.Shape.Rank()-1]
	return Where(diagonalMask(v.g, n, n), ExpandDims(v, -1), Like(v, 0))
}

// diagonalOf is the main diagonal of the matrices in the last two dimensions.
func diagonalOf(x *Node) *Node {
	s := x.typ.Shape
	r := len(s) - 2
	m, n := s[r], s[r+1]
	flat := Reshape(x, append(append(Shape{}, s[:r]...), m*n)...)
	ranges := make([]Range, r+1)
	for i := range r {
		ranges[i] = Range{0, All, 1}
	}
	ranges[r] = Range{0, (min(m, n)-1)*(n+1) + 1, n + 1}
	return Slice(flat, ranges...)
}

// perMatrix gives v, which holds a number for each matrix, two dimensions of extent 1.
func perMatrix(v *Node) *Node { return ExpandDims(ExpandDims(v, -1), -1) }

// frobenius is the inner product Σ aᵢⱼ·bᵢⱼ of matrices.
func frobenius(a, b *Node) *Node { return ReduceSum(Mul(a, b), []int{-2, -1}) }

// readTriangle is the part of x that triangular_solve reads.
func readTriangle(x *Node, lower, unit bool) *Node {
	k := 0
	if unit {
		k = 1
	}
	if lower {
		return lowerPart(x, -k)
	}
	return upperPart(x, k)
}

// shifted moves x by one place along an axis: up (to larger indices) for by = 1, down for by = −1; zeros move in.
func shifted(x *Node, axis, by int) *Node {
	if by == 0 {
		return x
	}
	axis, _ = axisOf(axis, x.typ.Shape.Rank())
	n := x.typ.Shape[axis]
	s := append(Shape{}, x.typ.Shape...)
	s[axis] = 1
	zero := BroadcastTo(Like(x, 0), s...)
	switch {
	case n == 1:
		return zero
	case by > 0:
		return Concat(axis, zero, sliceAxis(x, axis, 0, n-1))
	}
	return Concat(axis, sliceAxis(x, axis, 1, n), zero)
}

func triangularSolve(a, b *Node, lower, transpose, unit bool) *Node {
	return applyAll(opTriangularSolve, []*Node{a, b}, attr.B("lower", lower), attr.B("transpose", transpose), attr.B("unit", unit))
}

// expmDerivative is the derivative of the exponential at a in direction e.
func expmDerivative(a, e *Node) *Node {
	r, n := a.typ.Shape.Rank(), a.typ.Shape[a.typ.Shape.Rank()-1]
	zero := BroadcastTo(Like(a, 0), a.typ.Shape...)
	block := Concat(r-2, Concat(r-1, a, e), Concat(r-1, zero, a))
	return sliceAxis(sliceAxis(apply1(opExpm, block), r-2, 0, n), r-1, n, 2*n)
}

// spreadValues are numbers in [−1, 1], none like another.
func spreadValues(n int) []float64 {
	v := make([]float64, n)
	for i := range v {
		f := float64(0.6180339887498949 * float64(i+1))
		v[i] = float64(2*(f-float64(int(f)))) - 1
	}
	return v
}

// dominant is a sample operand of well-conditioned matrices that are not symmetric.
func dominant(s Shape) SampleInput {
	v := spreadValues(s.Size())
	m, n := lastTwo(s, false)
	for k := range v {
		if i, j := k/n%m, k%n; i == j {
			v[k] += 2.5 + float64(0.75*float64(i))
		}
	}
	return SampleInput{Type: Type{Float64, s}, Values: v}
}

// positive is a sample operand of symmetric positive definite matrices with eigenvalues apart.
func positive(s Shape) SampleInput {
	in := dominant(s)
	_, n := lastTwo(s, false)
	for k := range in.Values {
		if i, j := k/n%n, k%n; i < j {
			in.Values[k] = in.Values[k+(j-i)*(n-1)]
		} else if i == j {
			in.Values[k] += float64(n-2) + float64(i)
		}
	}
	return in
}

func triangularSamples() []Sample {
	var all []Sample
	for i := range 8 {
		all = append(all, Sample{
			Attrs: attr.Make(attr.B("lower", i&1 != 0), attr.B("transpose", i&2 != 0), attr.B("unit", i&4 != 0)),
			In:    []SampleInput{dominant(Shape{3, 3}), {Type: Type{Float64, Shape{3, 2}}}},
		})
	}
	return append(all, Sample{
		Attrs: attr.Make(attr.B("lower", true), attr.B("transpose", false), attr.B("unit", false)),
		In:    []SampleInput{dominant(Shape{2, 2, 2}), {Type: Type{Float64, Shape{2, 2, 1}}}},
	})
}

// withBatches broadcasts the leading dimensions of a, all but its last inner ones, and those of b to the same shape.
func withBatches(a *Node, innerA int, b *Node, innerB int) (*Node, *Node, error) {
	sa, sb := a.typ.Shape, b.typ.Shape
	if len(sa) < innerA || len(sb) < innerB {
		return nil, nil, fmt.Errorf("the ranks of %v and %v are below %d and %d", a.typ, b.typ, innerA, innerB)
	}
	batch, err := BroadcastShapes(sa[:len(sa)-innerA], sb[:len(sb)-innerB])
	if err != nil {
		return nil, nil, err
	}
	full := func(x *Node, inner int) *Node {
		s := x.typ.Shape
		return BroadcastTo(x, append(append(Shape{}, batch...), s[len(s)-inner:]...)...)
	}
	return full(a, innerA), full(b, innerB), nil
}

// solveWith applies a solver to the right-hand side b: a vector if its rank is 1, else matrices. Batches broadcast.
func solveWith(op *Op, a, b *Node, attrs ...attr.Named) *Node {
	if !a.Valid() || !b.Valid() {
		return apply2(op, a, b)
	}
	vector := b.typ.Shape.Rank() == 1
	if vector {
		b = ExpandDims(b, 1)
	}
	left, right, err := withBatches(a, 2, b, 2)
	if err != nil {
		return a.g.Fail(op.Name, err)
	}
	x := applyAll(op, []*Node{left, right}, attrs...)
	if vector && x.Valid() {
		x = Squeeze(x, x.typ.Shape.Rank()-1)
	}
	return x
}

// TriangularOption says how TriangularSolve reads its matrix.
type TriangularOption int

// Without options the matrix is lower triangular.
const (
	UpperTriangle   TriangularOption = iota + 1 // the matrix is upper triangular
	TransposeMatrix                             // solve with the transposed matrix
	UnitDiagonal                                // the diagonal is not read and counts as ones
)

// TriangularSolve returns X with op(A)·X = B for triangular A [… n×n] and B [… n×m], or [n] for a vector; batches broadcast. op(A)
// is A or, with TransposeMatrix, Aᵀ. A zero on the diagonal is a runtime error.
func TriangularSolve(a, b *Node, opts ...TriangularOption) *Node {
	lower, transpose, unit := true, false, false
	for _, o := range opts {
		switch o {
		case UpperTriangle:
			lower = false
		case TransposeMatrix:
			transpose = true
		case UnitDiagonal:
			unit = true
		default:
			return graphOf(a, b).Fail("triangular_solve", fmt.Errorf("no option has the number %d", o))
		}
	}
	return solveWith(opTriangularSolve, a, b, attr.B("lower", lower), attr.B("transpose", transpose), attr.B("unit", unit))
}

// Solve returns X with A·X = B for square A [… n×n] and B [… n×m], or [n] for a vector; batches broadcast. A singular
// matrix is a runtime error.
func Solve(a, b *Node) *Node { return solveWith(opSolve, a, b) }

// Inv returns the inverses of square matrices [… n×n]. A singular matrix is a runtime error; Solve is faster and more accurate
// than a product with the inverse.
func Inv(a *Node) *Node { return apply1(opInv, a) }

// Det returns the determinants of square matrices [… n×n]. First and second derivatives are exact at singular matrices.
func Det(a *Node) *Node { return apply1(opDet, a) }

// SLogDet returns sign and logarithm of the absolute value of the determinants of square matrices [… n×n].
func SLogDet(a *Node) (sign, logarithm *Node) {
	n := apply1(opSLogDet, a)
	return Result(n, 0), Result(n, 1)
}

// TridiagonalSolve returns X with T·X = B for the tridiagonal matrix T whose row i holds lower[i], main[i], upper[i] around the
// diagonal; lower[0] and the last upper are not read. The diagonals are [… n], B is [… n×m] with the same batch, or [n] for a vector.
func TridiagonalSolve(lower, main, upper, b *Node) *Node {
	if b.Valid() && b.typ.Shape.Rank() == 1 {
		x := apply4(opTridiagonalSolve, lower, main, upper, ExpandDims(b, 1))
		if x.Valid() {
			x = Squeeze(x, x.typ.Shape.Rank()-1)
		}
		return x
	}
	return apply4(opTridiagonalSolve, lower, main, upper, b)
}

// Expm returns the exponentials of square matrices [… n×n].
func Expm(a *Node) *Node { return apply1(opExpm, a) }
