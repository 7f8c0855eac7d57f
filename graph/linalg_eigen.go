package graph

import (
	"github.com/adjoint-go/adjoint/internal/attr"
)

var opEig *Op

func init() {
	opEig = Register(&Op{
		Name: "eig", Pattern: Matrices, LeadingBatch: true, Family: FamilyLinalg, MinArity: 1, MaxArity: 1, Kernel: "eig",
		Doc: "Eigenvalues (result 0) and eigenvectors (columns of result 1) of square matrices, as pairs of real and imaginary parts in a last dimension of extent 2. The values have ascending real parts, those " +
			"with equal ones ascending absolute imaginary parts, and of two conjugate values the first has the positive imaginary part. The vectors have the norm 1, as in LAPACK and NumPy, and the first of " +
			"their largest elements (to √ε) is real and positive; derivatives are those of these vectors, so of every function of them. NaN and Inf are runtime errors, and so are derivatives " +
			"where computed vectors are linearly dependent; where they nearly are, derivatives are as large as those of eigenvalues there." + equalValues + batching,
		Formula: "V⁻ᴴ·(diag(w̄) + conj(F) ∘ (Vᴴ·Ĝ))·Vᴴ, Fᵢⱼ = 1/(wⱼ − wᵢ), Fᵢᵢ = 0, Ĝ = V̄ without what would change norms and phases: for a vector v with adjoint g and largest element p " +
			"ĝ = g − Re(gᴴv)·v + i·Im(gᴴv)/vₚ·eₚ; the real part",
		Source:      giles + ", §3.1; Boeddeker, Hanebrink, Drude, Heymann and Haeb-Umbach, On the computation of complex-valued gradients with application to statistically optimum beamforming (2017), §4",
		ResultNames: []string{"λ", "V"},
		InferMany: func(in []*Node, _ attr.List) ([]Type, error) {
			if _, _, err := squareMatrices(in[0].typ); err != nil {
				return nil, err
			}
			d, s := in[0].typ.DType, in[0].typ.Shape
			return []Type{{d, append(append(Shape{}, s[:len(s)-1]...), 2)}, {d, append(append(Shape{}, s...), 2)}}, nil
		},
		VJP: func(n *Node, ct []*Node) []*Node {
			e := eigenOf(n)
			used := usedMatrices(n, ct)
			var p Complex
			if ct[1] != nil {
				g := e.kept(ComplexPairs(ct[1]))
				v := e.v
				along := ReduceSum(Add(Mul(g.Re, v.Re), Mul(g.Im, v.Im)), []int{-2}, KeepDims)
				turn := ReduceSum(Sub(Mul(g.Re, v.Im), Mul(g.Im, v.Re)), []int{-2}, KeepDims)
				g = g.Sub(v.Scale(along))
				g.Im = Add(g.Im, Where(e.largest, Div(turn, e.divisor), Like(turn, 0)))
				m := Complex{swapLast(v.Re), swapLast(v.Im)}.Conj().MatMul(g)
				p = e.divideByGaps(m, e.gaps.Conj(), used)
				if ct[0] != nil && dependsOn(ct[0], n, func(result int) bool { return result == 1 }) {
					p.Re = Add(p.Re, refusal(LogicalAnd(LogicalAnd(e.equal, LogicalNot(e.diagonal)), used), p.Re))
				}
			}
			if ct[0] != nil {
				g := ComplexPairs(ct[0])
				g = Complex{onDiagonal(g.Re), onDiagonal(Where(e.real, Like(g.Im, 0), g.Im))}
				if p.Re != nil {
					g = g.Add(p)
				}
				p = g
			}
			return []*Node{e.ofBasis(p)}
		},
		JVP: func(n *Node, dot []*Node) []*Node {
			e := eigenOf(n)
			p := e.inBasis(dot[0])
			w := Complex{diagonalOf(p.Re), diagonalOf(p.Im)}
			w.Im = Where(e.real, Like(w.Im, 0), w.Im)
			u := e.v.MatMul(e.divideByGaps(p, e.gaps, nil))
			// Norms stay 1, and the largest elements real.
			along := ReduceSum(Add(Mul(e.v.Re, u.Re), Mul(e.v.Im, u.Im)), []int{-2}, KeepDims)
			turn := ReduceSum(Where(e.largest, Div(u.Im, e.divisor), Like(u.Im, 0)), []int{-2}, KeepDims)
			return []*Node{w.Pairs(), e.kept(u.Sub(e.v.Mul(Complex{along, turn}))).Pairs()}
		},
		Samples: []Sample{
			{In: []SampleInput{{Type: Type{Float64, Shape{3, 3}}, Values: []float64{1, 2, 0.3, -1.5, 0.5, 0.4, 0.2, -0.7, 3}}}},
			{In: []SampleInput{{Type: Type{Float64, Shape{2, 2, 2}}, Values: []float64{1, 2, 0.5, -1, 0.3, -2, 0.7, 0.4}}}},
			{In: []SampleInput{{Type: Type{Float64, Shape{4, 4}}, Values: []float64{2, 1, -0.5, 0.3, -1.4, 1.5, 0.2, 0.6, 0.1, 0.4, -1, 1.2, 0.3, -0.2, -2.1, -0.4}}}},
			{In: []SampleInput{{Type: Type{Float64, Shape{1, 1}}}}},
		},
	})
}

// eigen is what derivatives of eigenvalues and eigenvectors are made of. The columns of the real basis are the real vectors and of each pair the real and the imaginary part of the first one, so that equations with the complex
// matrix of vectors are solved with a real one of the same size.
type eigen struct {
	w, v                   Complex
	real                   *Node // is true for real values; first and second are those of a pair
	first, second          *Node
	basis                  *Node
	gaps                   Complex
	equal, diagonal, noise *Node
	largest, divisor       *Node // the place of each vector's largest element, which is real, and that element among ones
}

func eigenOf(n *Node) *eigen {
	e := &eigen{w: ComplexPairs(Result(n, 0)), v: ComplexPairs(Result(n, 1))}
	v, r := e.v, e.v.Re.typ.Shape.Rank()
	size := v.Re.typ.Shape[r-1]
	zero := Like(v.Re, 0)
	e.real, e.first, e.second = Equal(e.w.Im, zero), Greater(e.w.Im, zero), Less(e.w.Im, zero)
	e.basis = Where(ExpandDims(e.second, -2), Neg(v.Im), v.Re)
	e.gaps = Complex{differences(e.w.Re), differences(e.w.Im)}
	e.diagonal = diagonalMask(v.Re.g, size, size)
	e.noise = ExpandDims(tolerance(e.w.bound(), 1, size), -1)
	e.equal = LessEqual(e.gaps.bound(), e.noise)
	squares := Add(Square(v.Re), Square(v.Im))
	near := GreaterEqual(squares, Mul(ReduceMax(squares, []int{-2}, KeepDims), Like(zero, 1-0x1p-10)))
	near = LogicalAnd(near, LogicalAnd(Equal(v.Im, zero), Greater(v.Re, zero)))
	e.largest = Equal(ExpandDims(Argmax(Cast(near, v.Re.typ.DType), -2), -2), Iota(v.Re.g, Int64, 0, size, 1))
	e.divisor = Where(e.largest, v.Re, Like(zero, 1))
	return e
}

// bound is the larger of the absolute parts.
func (z Complex) bound() *Node { return Max(Abs(z.Re), Abs(z.Im)) }

// kept is z, for a vector that belongs to a real value without the imaginary part: that stays 0.
func (e *eigen) kept(z Complex) Complex {
	return Complex{z.Re, Where(ExpandDims(e.real, -2), Like(z.Im, 0), z.Im)}
}

// divideByGaps is x/gaps off the diagonal and 0 on it, as the function of this name does it for real numbers.
func (e *eigen) divideByGaps(x, gaps Complex, used *Node) Complex {
	size := x.Re.typ.Shape[x.Re.typ.Shape.Rank()-1]
	bound := x.bound()
	zero, one := Like(bound, 0), Like(bound, 1)
	none := LogicalOr(e.diagonal, LogicalAnd(e.equal, LessEqual(bound, tolerance(bound, 2, size))))
	whole := LogicalOr(e.diagonal, e.equal)
	refused := LogicalAnd(e.equal, LogicalNot(e.diagonal))
	if used != nil {
		whole, refused = LogicalOr(whole, LogicalNot(used)), LogicalAnd(refused, used)
	}
	x = Complex{Where(none, zero, x.Re), Where(none, zero, x.Im)}.Div(Complex{Where(whole, one, gaps.Re), Where(whole, zero, gaps.Im)})
	divisor := Where(refused, zero, one)
	return Complex{GapDivide(x.Re, divisor), GapDivide(x.Im, divisor)}
}

// inBasis is V⁻¹·x·V for real x.
func (e *eigen) inBasis(x *Node) Complex {
	r := x.typ.Shape.Rank()
	n := x.typ.Shape[r-1]
	y := Solve(e.basis, matmul(x, Concat(r-1, e.v.Re, e.v.Im), false, false))
	re, im := sliceAxis(y, r-1, 0, n), sliceAxis(y, r-1, n, 2*n)
	// The inverse of [[1, 1], [i, −i]], by which V differs from the basis, is ½·[[1, −i], [1, i]].
	first, second := ExpandDims(e.first, -1), ExpandDims(e.second, -1)
	half := Like(x, 0.5)
	pair := func(z *Node) (a, b *Node) {
		return Where(second, shifted(z, -2, 1), z), Where(second, z, shifted(z, -2, -1))
	}
	reA, reB := pair(re)
	imA, imB := pair(im)
	sign := Where(second, Neg(half), half)
	single := LogicalNot(LogicalOr(first, second))
	return Complex{
		Where(single, re, Add(Mul(half, reA), Mul(sign, imB))),
		Where(single, im, Sub(Mul(half, imA), Mul(sign, reB)))}
}

// ofBasis is the real part of V⁻ᴴ·p·Vᴴ.
func (e *eigen) ofBasis(p Complex) *Node {
	first, second := ExpandDims(e.first, -1), ExpandDims(e.second, -1)
	half := Like(p.Re, 0.5)
	sum := func(z *Node) *Node { return Mul(half, Add(z, shifted(z, -2, -1))) }
	difference := func(z *Node) *Node { return Mul(half, Sub(shifted(z, -2, 1), z)) }
	re := Where(first, sum(p.Re), Where(second, Neg(difference(p.Im)), p.Re))
	im := Where(first, sum(p.Im), Where(second, difference(p.Re), p.Im))
	return Solve(swapLast(e.basis), Add(matmul(re, e.v.Re, false, true), matmul(im, e.v.Im, false, true)))
}

// Eig returns the eigenvalues [… n] and right eigenvectors (the columns of [… n×n]) of square matrices [… n×n] that need not be symmetric: A·V = V·diag(w). The values have ascending real parts, those with equal ones ascending absolute
// imaginary parts, and of two conjugate values the first has the positive imaginary part. Vectors have the norm 1, and the first of their largest elements (to √ε) is real and positive: NumPy's vectors up to a sign. Their
// derivatives are those of vectors with this norm and phase, and agree with PyTorch's where a function does not depend on the phase, which PyTorch asks for. Derivatives at equal eigenvalues with independent vectors are right for functions of the
// eigenvalues that treat them alike; they are a runtime error for functions of the vectors, and where values and vectors meet. A matrix without n independent vectors (defective) has eigenvalues that have no derivative: computed ones are huge, or a runtime
// error of a singular matrix. NaN and Inf are runtime errors. See Eigh for symmetric matrices.
func Eig(a *Node) (values, vectors Complex) {
	n := apply1(opEig, a)
	if !n.Valid() {
		return Complex{n, n}, Complex{n, n}
	}
	return ComplexPairs(Result(n, 0)), ComplexPairs(Result(n, 1))
}
