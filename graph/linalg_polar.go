package graph

import (
	"fmt"

	"github.com/adjoint-go/adjoint/internal/attr"
)

// The operators of this file; init fills them in because their derivatives refer to one another.
var opNuclearNorm, opPolarFactor, opLyapunov *Op

func init() {
	opNuclearNorm = Register(&Op{
		Name: "nuclear_norm", Pattern: Matrices, LeadingBatch: true, Symbol: "‖·‖∗", Family: FamilyLinalg, MinArity: 1, MaxArity: 1,
		Doc:     "The sum of the singular values of matrices. Its derivative is the polar factor, so that equal singular values do no harm at any order." + batching,
		Formula: "U·Vᵀ", Source: "Watson, Characterization of the subdifferential of some matrix norms (1992)",
		Infer: func(in []*Node, _ attr.List) (Type, error) {
			batch, _, _, err := matrices("the operand", in[0].typ)
			return Type{in[0].typ.DType, batch}, err
		},
		VJP: func(n *Node, ct []*Node) []*Node {
			return []*Node{Mul(perMatrix(ct[0]), polarFactor(n.Input(0)))}
		},
		JVP: func(n *Node, dot []*Node) []*Node { return []*Node{frobenius(dot[0], polarFactor(n.Input(0)))} },
		Expand: func(n *Node) *Node {
			_, s, _ := SVD(n.Input(0))
			return ReduceSum(s, []int{-1})
		},
		Samples: []Sample{{In: []SampleInput{dominant(Shape{3, 3})}}, {In: []SampleInput{dominant(Shape{2, 3, 2})}}, {In: []SampleInput{dominant(Shape{2, 4})}}},
	})
	opPolarFactor = Register(&Op{
		Name: "polar_factor", Pattern: Matrices, LeadingBatch: true, Family: FamilyLinalg, MinArity: 1, MaxArity: 1,
		Doc: "U·Vᵀ of the reduced singular value decomposition of matrices: the nearest matrix with orthonormal columns, or rows. Derivatives need full rank, else they are a " +
			"runtime error, but square matrices have them too where only one singular value is 0." + batching,
		Formula: "for m ≥ n P·W + (I − P·Pᵀ)·Ȧ·H⁻¹ with H = Pᵀ·A and W·H + H·W = Pᵀ·Ȧ − Ȧᵀ·P, a symmetric map of Ȧ; else that of the transposed matrix",
		Source:  "Higham, Functions of Matrices (2008), ch. 8",
		Infer: func(in []*Node, _ attr.List) (Type, error) {
			_, _, _, err := matrices("the operand", in[0].typ)
			return *in[0].typ, err
		},
		VJP: func(n *Node, ct []*Node) []*Node { return []*Node{polarDerivative(n, ct[0])} },
		JVP: func(n *Node, dot []*Node) []*Node { return []*Node{polarDerivative(n, dot[0])} },
		Expand: func(n *Node) *Node {
			u, _, vt := SVD(n.Input(0))
			return matmul(u, vt, false, false)
		},
		Samples: []Sample{{In: []SampleInput{dominant(Shape{3, 3})}}, {In: []SampleInput{dominant(Shape{2, 3, 2})}}, {In: []SampleInput{dominant(Shape{2, 4})}}},
	})
	opLyapunov = Register(&Op{
		Name: "lyapunov", Pattern: Matrices, LeadingBatch: true, OperandNames: []string{"H", "C"}, Family: FamilyLinalg, MinArity: 2, MaxArity: 2,
		Doc: "The X with X·H + H·X = C for symmetric H, of which the lower triangle is read, by its eigenvalues: where two of them add up to 0 C must be 0 and gives 0, else it is a " +
			"runtime error. The adjoint of H too is lower triangular." + batching,
		Formula: "C̄ = lyapunov(H, X̄), S = −(Xᵀ·C̄ + C̄·Xᵀ), H̄ the lower triangle of S + Sᵀ with half of the diagonal", Source: "Higham, Functions of Matrices (2008), app. B.14",
		Infer: func(in []*Node, _ attr.List) (Type, error) {
			if !in[0].typ.Equal(*in[1].typ) {
				return Type{}, fmt.Errorf("operands are %v and %v: need the same type", in[0].typ, in[1].typ)
			}
			_, _, err := squareMatrices(in[0].typ)
			return *in[0].typ, err
		},
		VJP: func(n *Node, ct []*Node) []*Node {
			c := apply2(opLyapunov, n.Input(0), ct[0])
			h := Neg(Add(matmul(n, c, true, false), matmul(c, n, false, true)))
			return []*Node{halfLower(Add(h, swapLast(h))), c}
		},
		JVP: func(n *Node, dot []*Node) []*Node {
			c := dot[1]
			if dot[0] != nil {
				h := fromLower(dot[0])
				c = minus(c, Add(matmul(n, h, false, false), matmul(h, n, false, false)))
			}
			return []*Node{apply2(opLyapunov, n.Input(0), c)}
		},
		Expand: func(n *Node) *Node {
			e := apply1(opEigh, n.Input(0))
			w, v := Result(e, 0), Result(e, 1)
			c := matmul(matmul(v, n.Input(1), true, false), v, false, false)
			k := w.typ.Shape[w.typ.Shape.Rank()-1]
			flat := LessEqual(Abs(sums(w)), ExpandDims(tolerance(w, 1, k), -1))
			nothing := LogicalAnd(flat, LessEqual(Abs(c), tolerance(c, 2, k)))
			x := GapDivide(Where(nothing, Like(c, 0), c), Where(flat, Like(c, 0), sums(w)))
			return matmul(matmul(v, x, false, false), v, false, true)
		},
		Samples: []Sample{
			{In: []SampleInput{positive(Shape{3, 3}), {Type: Type{Float64, Shape{3, 3}}}}},
			{In: []SampleInput{positive(Shape{2, 2, 2}), {Type: Type{Float64, Shape{2, 2, 2}}}}},
		},
	})
}

func polarFactor(a *Node) *Node { return apply1(opPolarFactor, a) }

// polarDerivative is the derivative of the polar factor p of its operand in the direction d.
func polarDerivative(p, d *Node) *Node {
	a := p.Input(0)
	if m, n := lastTwo(a.typ.Shape, false); m < n {
		return swapLast(polarDerivative(polarFactor(swapLast(a)), swapLast(d)))
	}
	h := symmetric(matmul(p, a, true, false))
	pd := matmul(p, d, true, false)
	w := apply2(opLyapunov, h, Sub(pd, swapLast(pd)))
	turn := matmul(p, w, false, false)
	if out := outside(p, d); out != nil {
		turn = Add(turn, swapLast(Solve(h, swapLast(out))))
	}
	return turn
}
