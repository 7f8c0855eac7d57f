package graph

import (
	"fmt"

	"github.com/adjoint-go/adjoint/internal/attr"
)

// The operators of this file; init fills them in because their derivatives refer to one another.
var opGapDivide, opEigh, opSVD *Op

const equalValues = " Values that differ by no more than rounding (16·n·ε of the largest) count as equal. Functions of the values alone, and of the vectors alone, have " +
	"derivatives there: what is divided by the difference must be 0 and gives 0, else it is a runtime error, never NaN. Functions in which values and vectors meet, like V·h(w)·Vᵀ, have " +
	"derivatives there that the adjoints of values and vectors do not determine: they are a runtime error in reverse mode, unless all these adjoints are 0."

func init() {
	opGapDivide = Register(&Op{
		Name: "gap_divide", Pattern: ElementPattern(sameElement), LeadingBatch: true, Symbol: "÷₀", Infix: true, Family: FamilyLinalg, MinArity: 2, MaxArity: 2, Kernel: "gap_divide",
		Doc: "x / y elementwise, for operands of the same shape; where y is 0 the result is 0 if x is 0 too, else a runtime error. Derivatives of eigenvectors and " +
			"singular vectors are made of it. The derivative follows the same rule.",
		Formula: "ct/y, −ct·(x/y)/y",
		Infer: func(in []*Node, _ attr.List) (Type, error) {
			if !in[0].typ.DType.IsFloat() || !in[0].typ.Equal(*in[1].typ) {
				return Type{}, fmt.Errorf("operands are %v and %v: need the same type, one of %v", in[0].typ, in[1].typ, Floats)
			}
			return *in[0].typ, nil
		},
		VJP: func(n *Node, ct []*Node) []*Node {
			y := n.Input(1)
			return []*Node{GapDivide(ct[0], y), Neg(GapDivide(Mul(ct[0], n), y))}
		},
		JVP: func(n *Node, dot []*Node) []*Node {
			x := dot[0]
			if dot[1] != nil {
				x = minus(x, Mul(n, dot[1]))
			}
			return []*Node{GapDivide(x, n.Input(1))}
		},
		Samples: []Sample{
			{In: []SampleInput{{Type: Type{Float64, Shape{3, 5}}}, {Type: Type{Float64, Shape{3, 5}}, Lo: 0.5, Hi: 2}}},
			{NoDifferences: "0/0", Build: func(in []*Node) *Node { return GapDivide(in[0], in[0]) }, In: []SampleInput{{Type: Type{Float64, Shape{3}}, Constant: true, Values: []float64{0, 1, -2}}}},
		},
	})
	opEigh = Register(&Op{
		Name: "eigh", Pattern: Matrices, LeadingBatch: true, Family: FamilyLinalg, MinArity: 1, MaxArity: 1, Kernel: "eigh",
		Doc: "Eigenvalues (result 0, ascending) and orthonormal eigenvectors (columns of result 1, of any sign) of symmetric matrices, of which the lower triangle is read; the " +
			"adjoint too is lower triangular (the constructor makes it symmetric). NaN and Inf are runtime errors." + equalValues + batching,
		Formula:     "S = V·(diag(w̄) + F ∘ (Vᵀ·V̄))·Vᵀ, Fᵢⱼ = 1/(wⱼ − wᵢ), Fᵢᵢ = 0; the lower triangle of S + Sᵀ with half of the diagonal",
		Source:      giles + ", §3.1",
		ResultNames: []string{"λ", "V"},
		InferMany: func(in []*Node, _ attr.List) ([]Type, error) {
			batch, n, err := squareMatrices(in[0].typ)
			return []Type{{in[0].typ.DType, append(append(Shape{}, batch...), n)}, *in[0].typ}, err
		},
		VJP: func(n *Node, ct []*Node) []*Node {
			w, v := Result(n, 0), Result(n, 1)
			var inner *Node
			if ct[1] != nil {
				m := matmul(v, ct[1], true, false)
				used := usedMatrices(n, ct)
				inner = Add(divideByGaps(antisymmetric(m), m, differences(w), w, used), meeting(n, ct, 0, used))
			}
			if ct[0] != nil {
				inner = plus(inner, onDiagonal(ct[0]))
			}
			s := matmul(matmul(v, inner, false, false), v, false, true)
			return []*Node{halfLower(Add(s, swapLast(s)))}
		},
		JVP: func(n *Node, dot []*Node) []*Node {
			w, v := Result(n, 0), Result(n, 1)
			c := matmul(matmul(v, fromLower(dot[0]), true, false), v, false, false)
			turn := divideByGaps(c, c, differences(w), w, nil)
			return []*Node{diagonalOf(c), matmul(v, turn, false, false)}
		},
		Samples: []Sample{
			{Build: eighSample, In: []SampleInput{positive(Shape{3, 3})}}, {Build: eighSample, In: []SampleInput{positive(Shape{2, 2, 2})}},
			{Build: func(in []*Node) *Node { return Result(apply1(opEigh, in[0]), 0) }, In: []SampleInput{{Type: Type{Float64, Shape{3, 3}}}}},
			{Build: eighSample, In: []SampleInput{{Type: Type{Float64, Shape{1, 1}}}}},
		},
	})
	opSVD = Register(&Op{
		Name: "svd", Pattern: Matrices, LeadingBatch: true, Family: FamilyLinalg, MinArity: 1, MaxArity: 1, Kernel: "svd",
		Doc: "Reduced singular value decomposition A = U·diag(s)·Vᵀ of m×n matrices: U (result 0, m×k), s (result 1, k values, descending) and Vᵀ (result 2, k×n), k = min(m, n); " +
			"the signs of the vectors are any. NaN and Inf are runtime errors." + equalValues + batching,
		Formula:     "U·(diag(s̄) + (X + Y)/(sⱼ − sᵢ) + (X − Y)/(sⱼ + sᵢ))·Vᵀ + (I − UUᵀ)·Ū·S⁻¹·Vᵀ + U·S⁻¹·V̄ᵀ·(I − VVᵀ), X and Y half of the antisymmetric parts UᵀŪ − ŪᵀU and VᵀV̄ − V̄ᵀV",
		Source:      "Townsend, Differentiating the singular value decomposition (2016), written with partial fractions of 1/(sⱼ² − sᵢ²) so that equal singular values do no harm to functions of U·Vᵀ",
		ResultNames: []string{"U", "s", "Vᵀ"},
		InferMany: func(in []*Node, _ attr.List) ([]Type, error) {
			batch, m, n, err := matrices("the operand", in[0].typ)
			k, d := min(m, n), in[0].typ.DType
			shape := func(s ...int) Shape { return append(append(Shape{}, batch...), s...) }
			return []Type{{d, shape(m, k)}, {d, shape(k)}, {d, shape(k, n)}}, err
		},
		VJP: func(n *Node, ct []*Node) []*Node { return []*Node{svdVJP(n, ct)} },
		JVP: func(n *Node, dot []*Node) []*Node { return svdJVP(n, dot[0]) },
		Samples: []Sample{
			{Build: svdSample, In: []SampleInput{positive(Shape{3, 3})}}, {Build: svdSample, In: []SampleInput{dominant(Shape{2, 3, 2})}}, {Build: svdSample, In: []SampleInput{dominant(Shape{2, 4})}},
			{Build: svdSample, In: []SampleInput{{Type: Type{Float64, Shape{1, 3}}}}},
		},
	})
}

// eighSample joins eigenvalues and eigenvectors whose signs are fixed by their first elements.
func eighSample(in []*Node) *Node {
	n := apply1(opEigh, in[0])
	w, v := Result(n, 0), Result(n, 1)
	first := sliceAxis(v, v.typ.Shape.Rank()-2, 0, 1)
	return Concat(v.typ.Shape.Rank()-2, ExpandDims(w, -2), Mul(v, Sign(first)))
}

// svdSample joins U, s and V with signs fixed by the first row of U, all as columns.
func svdSample(in []*Node) *Node {
	n := apply1(opSVD, in[0])
	u, s, v := Result(n, 0), Result(n, 1), swapLast(Result(n, 2))
	rows := u.typ.Shape.Rank() - 2
	sign := Sign(sliceAxis(u, rows, 0, 1))
	return Concat(rows, Mul(u, sign), ExpandDims(s, -2), Mul(v, sign))
}

// plus is x + y, where a nil x is 0.
func plus(x, y *Node) *Node {
	if x == nil {
		return y
	}
	return Add(x, y)
}

// antisymmetric is (x − xᵀ)/2.
func antisymmetric(x *Node) *Node { return Mul(Sub(x, swapLast(x)), Like(x, 0.5)) }

// differences is wⱼ − wᵢ, sums sⱼ + sᵢ.
func differences(w *Node) *Node { return Sub(ExpandDims(w, -2), ExpandDims(w, -1)) }
func sums(w *Node) *Node        { return Add(ExpandDims(w, -2), ExpandDims(w, -1)) }

func epsilon(d DType) float64 {
	if d == Float32 {
		return 0x1p-23
	}
	return 0x1p-52
}

// tolerance is what rounding alone makes of zeros: 16·n·ε of the largest element of each matrix of x, or of each vector if rank is 1.
func tolerance(x *Node, rank, n int) *Node {
	axes := []int{-1}
	if rank == 2 {
		axes = []int{-2, -1}
	}
	largest := StopGradient(ReduceMax(Abs(x), axes, KeepDims))
	return Mul(largest, Like(x, 16*float64(n)*epsilon(x.typ.DType)))
}

// divideByGaps is x/gaps off the diagonal and 0 on it. A gap within the tolerance of w, the values that it comes from, counts as 0; there x
// counts as 0 within the tolerance of source, from which it comes without loss, and else the division is a runtime error. Matrices
// that are not used divide by 1; a nil used is true.
func divideByGaps(x, source, gaps, w, used *Node) *Node {
	r := x.typ.Shape.Rank()
	n := x.typ.Shape[r-1]
	diagonal := diagonalMask(x.g, n, n)
	equal := LessEqual(Abs(gaps), ExpandDims(tolerance(w, 1, n), -1))
	nothing := LogicalAnd(equal, LessEqual(Abs(x), tolerance(source, 2, n)))
	zero := Like(x, 0)
	x = Where(LogicalOr(diagonal, nothing), zero, x)
	whole := diagonal
	if used != nil {
		whole = LogicalOr(diagonal, LogicalNot(used))
	}
	return GapDivide(x, Where(whole, Like(x, 1), Where(equal, zero, gaps)))
}

// meeting is 0, but a runtime error at equal values w if values and vectors meet in the function behind the adjoints ct of the results of n: if
// the adjoint of the values, result at, depends on the vectors. The derivative then holds second derivatives by a value and a vector: at
// A = I and h(1) = 1 the matrix V·h(w)·Vᵀ and its adjoints tell nothing of h, but its derivative off the diagonal is h′(1). If the
// matrices are not square, a value of 0 equals those that the reduced decomposition leaves out.
func meeting(n *Node, ct []*Node, at int, used *Node) *Node {
	w := Result(n, at)
	gaps := differences(w)
	if ct[at] == nil || !dependsOn(ct[at], n, func(result int) bool { return result != at }) {
		return Like(gaps, 0)
	}
	size := w.typ.Shape[w.typ.Shape.Rank()-1]
	noise := ExpandDims(tolerance(w, 1, size), -1)
	diagonal := diagonalMask(w.g, size, size)
	equal := LogicalAnd(LessEqual(Abs(gaps), noise), LogicalNot(diagonal))
	if r, c := lastTwo(n.Input(0).typ.Shape, false); r != c {
		equal = LogicalOr(equal, LogicalAnd(LessEqual(sums(w), noise), diagonal))
	}
	return refusal(LogicalAnd(equal, used), w)
}

// refusal is 0, but a runtime error where refused is true.
func refusal(refused, like *Node) *Node {
	zero, one := Like(like, 0), Like(like, 1)
	return GapDivide(Where(refused, one, zero), Where(refused, zero, one))
}

// usedMatrices is true for matrices with an adjoint ct of the results of n that is not 0. In the other matrices, as behind a mask, nothing is divided by 0 at any order.
func usedMatrices(n *Node, ct []*Node) *Node {
	var used *Node
	for _, c := range ct {
		if c == nil {
			continue
		}
		var axes []int
		for i := n.Input(0).typ.Shape.Rank() - 2; i < c.typ.Shape.Rank(); i++ {
			axes = append(axes, i)
		}
		any := ReduceAny(NotEqual(c, Like(c, 0)), axes)
		if used == nil {
			used = any
		} else {
			used = LogicalOr(used, any)
		}
	}
	return perMatrix(used)
}

// dependsOn reports whether x depends on a result of n that the function selects.
func dependsOn(x, n *Node, selects func(result int) bool) bool {
	seen, open := map[*Node]bool{x: true}, []*Node{x}
	for len(open) > 0 {
		x, open = open[len(open)-1], open[:len(open)-1]
		if x.op == opResult && x.Input(0) == n && selects(x.extra.attrs.Int("index")) {
			return true
		}
		for _, in := range x.Inputs() {
			if in.id > n.id && !seen[in] {
				seen[in] = true
				open = append(open, in)
			}
		}
	}
	return false
}

// outside is x − U·Uᵀ·x: the part outside of the span of U's orthonormal columns; nil if they span everything.
func outside(u, x *Node) *Node {
	if m, k := lastTwo(u.typ.Shape, false); m == k {
		return nil
	}
	return Sub(x, matmul(u, matmul(u, x, true, false), false, false))
}

// divideColumns is x·S⁻¹, where singular values that count as 0 divide only zeros, and 1 divides matrices that are not used.
func divideColumns(x, s, used *Node) *Node {
	k := s.typ.Shape[s.typ.Shape.Rank()-1]
	flat := LessEqual(s, tolerance(s, 1, k))
	divisor := ExpandDims(Where(flat, Like(s, 0), s), -2)
	if used != nil {
		divisor = Where(used, divisor, Like(s, 1))
	}
	nothing := LogicalAnd(ExpandDims(flat, -2), LessEqual(Abs(x), tolerance(x, 2, k)))
	return GapDivide(Where(nothing, Like(x, 0), x), BroadcastTo(divisor, x.typ.Shape...))
}

func svdVJP(n *Node, ct []*Node) *Node {
	u, s, v := Result(n, 0), Result(n, 1), swapLast(Result(n, 2))
	used := usedMatrices(n, ct)
	var inner, ends *Node
	if ct[1] != nil {
		inner = onDiagonal(ct[1])
	}
	var mu, mv, x, y *Node // Uᵀ·Ū and Vᵀ·V̄, and their antisymmetric parts
	if ct[0] != nil {
		mu = matmul(u, ct[0], true, false)
		x = antisymmetric(mu)
		if out := outside(u, ct[0]); out != nil {
			ends = matmul(divideColumns(out, s, used), v, false, true)
		}
	}
	if ct[2] != nil {
		cv := swapLast(ct[2])
		mv = matmul(v, cv, true, false)
		y = antisymmetric(mv)
		if out := outside(v, cv); out != nil {
			ends = plus(ends, matmul(u, divideColumns(out, s, used), false, true))
		}
	}
	if x != nil || y != nil {
		sum, difference, source := x, x, mu
		switch {
		case x == nil:
			sum, difference, source = y, Neg(y), mv
		case y != nil:
			sum, difference, source = Add(x, y), Sub(x, y), Add(Abs(mu), Abs(mv))
		}
		inner = plus(inner, Add(divideByGaps(sum, source, differences(s), s, used), meeting(n, ct, 1, used)))
		inner = Add(inner, divideByGaps(difference, source, sums(s), s, used))
	}
	var a *Node
	if inner != nil {
		a = matmul(matmul(u, inner, false, false), v, false, true)
	}
	if ends != nil {
		a = plus(a, ends)
	}
	return a
}

func svdJVP(n, dot *Node) []*Node {
	u, s, v := Result(n, 0), Result(n, 1), swapLast(Result(n, 2))
	av := matmul(dot, v, false, false)
	p := matmul(u, av, true, false)
	x := divideByGaps(symmetric(p), p, differences(s), s, nil)
	y := divideByGaps(antisymmetric(p), p, sums(s), s, nil)
	du, dv := matmul(u, Add(x, y), false, false), matmul(v, Sub(x, y), false, false)
	if out := outside(u, av); out != nil {
		du = Add(du, divideColumns(out, s, nil))
	}
	if out := outside(v, matmul(dot, u, true, false)); out != nil {
		dv = Add(dv, divideColumns(out, s, nil))
	}
	return []*Node{du, diagonalOf(p), swapLast(dv)}
}

// GapDivide returns x / y elementwise for operands of the same shape, and 0 where both are 0; another division by 0 is a runtime error.
func GapDivide(x, y *Node) *Node { return apply2(opGapDivide, x, y) }

// Eigh returns the eigenvalues [… n], ascending, and orthonormal eigenvectors (the columns of [… n×n]) of symmetric matrices
// [… n×n]. A is made symmetric first, (A + Aᵀ)/2, so that its adjoint is symmetric. Derivatives at equal eigenvalues are
// right for functions of the eigenvalues alone and of the space that their vectors span; they are a runtime error for functions of single vectors and where values
// and vectors meet. So functions V·h(w)·Vᵀ of matrices that may have equal eigenvalues are to be computed without eigenvectors (Inv, Expm,
// Cholesky).
func Eigh(a *Node) (values, vectors *Node) {
	n := ofSymmetric(opEigh, a)
	return Result(n, 0), Result(n, 1)
}

// SVD returns the reduced singular value decomposition A = U·diag(s)·Vᵀ of matrices [… m×n]: U [… m×k], s [… k], descending, and
// Vᵀ [… k×n], k = min(m, n). Derivatives at equal singular values are right for functions of the values alone, of U·Vᵀ, and of the
// spaces that the vectors span; they are a runtime error for functions of single vectors and where values and vectors meet.
func SVD(a *Node) (u, s, vt *Node) {
	n := apply1(opSVD, a)
	return Result(n, 0), Result(n, 1), Result(n, 2)
}
