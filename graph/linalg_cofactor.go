package graph

import (
	"fmt"

	"github.com/adjoint-go/adjoint/internal/attr"
)

// The operators of this file; init fills them in because their derivatives refer to one another.
var opCofactor, opCofactorDerivative *Op

func init() {
	opCofactor = Register(&Op{
		Name: "cofactor", Pattern: Matrices, LeadingBatch: true, Family: FamilyLinalg, MinArity: 1, MaxArity: 1, Kernel: "cofactor",
		Doc: "The cofactors of square matrices, the transposed adjugate: det(A)·A⁻ᵀ for an invertible matrix and the limit of it for a singular one. It is the derivative of the " +
			"determinant. Derivatives of it are exact at singular matrices in the first order; those of higher orders are a runtime error there." + batching,
		Formula: "cofactor_derivative(A, ct)", Source: "Magnus and Neudecker, Matrix Differential Calculus, ch. 8, §3; the products of singular values: Stewart, On the adjugate matrix (1998)",
		Infer: inferSquare,
		VJP:   func(n *Node, ct []*Node) []*Node { return []*Node{apply2(opCofactorDerivative, n.Input(0), ct[0])} },
		JVP:   func(n *Node, dot []*Node) []*Node { return []*Node{apply2(opCofactorDerivative, n.Input(0), dot[0])} },
		Samples: []Sample{
			{In: []SampleInput{dominant(Shape{3, 3})}}, {In: []SampleInput{dominant(Shape{2, 2, 2})}}, {In: []SampleInput{dominant(Shape{4, 4})}}, {In: []SampleInput{{Type: Type{Float64, Shape{1, 1}}}}},
		},
	})
	opCofactorDerivative = Register(&Op{
		Name: "cofactor_derivative", Pattern: Matrices, LeadingBatch: true, OperandNames: []string{"A", "C"}, Family: FamilyLinalg, MinArity: 2, MaxArity: 2, Kernel: "cofactor_derivative",
		Doc: "The derivative of the cofactors of square matrices A in the direction D, operands A and D: the second derivative of the determinant, for singular matrices too. " +
			"The derivative by A is made of A⁻¹, so that at a singular matrix it is a runtime error." + batching,
		Formula: "det(A)·(q·B − tr(BD)·B·C·B − tr(BC)·B·D·B + B·C·B·D·B + B·D·B·C·B)ᵀ, B = A⁻¹, C = ct, q = tr(BC)·tr(BD) − tr(BCBD); cofactor_derivative(A, ct)",
		Source:  "the derivative of det(A)·A⁻ᵀ, " + giles + ", §2.2.3 and §2.2.4",
		Infer: func(in []*Node, _ attr.List) (Type, error) {
			if !in[0].typ.Equal(*in[1].typ) {
				return Type{}, fmt.Errorf("the direction is %v: needs the type of the matrices, %v", in[1].typ, in[0].typ)
			}
			_, _, err := squareMatrices(in[0].typ)
			return *in[0].typ, err
		},
		VJP: func(n *Node, ct []*Node) []*Node {
			a, d := n.Input(0), n.Input(1)
			return []*Node{thirdOfDeterminant(a, d, ct[0]), apply2(opCofactorDerivative, a, ct[0])}
		},
		JVP: func(n *Node, dot []*Node) []*Node {
			a, d := n.Input(0), n.Input(1)
			var sum *Node
			if dot[0] != nil {
				sum = thirdOfDeterminant(a, d, dot[0])
			}
			if dot[1] != nil {
				sum = plus(sum, apply2(opCofactorDerivative, a, dot[1]))
			}
			return []*Node{sum}
		},
		Samples: []Sample{
			{In: []SampleInput{dominant(Shape{3, 3}), {Type: Type{Float64, Shape{3, 3}}}}}, {In: []SampleInput{dominant(Shape{2, 2, 2}), {Type: Type{Float64, Shape{2, 2, 2}}}}},
			{In: []SampleInput{{Type: Type{Float64, Shape{1, 1}}, Lo: 1, Hi: 2}, {Type: Type{Float64, Shape{1, 1}}}}},
		},
	})
}

// thirdOfDeterminant is the third derivative of the determinant with two directions put in.
func thirdOfDeterminant(a, c, d *Node) *Node {
	b := Inv(a)
	times := func(x, y *Node) *Node { return matmul(x, y, false, false) }
	bc, bd := times(b, c), times(b, d)
	trace := func(x *Node) *Node { return perMatrix(ReduceSum(diagonalOf(x), []int{-1})) }
	tc, td := trace(bc), trace(bd)
	bcb, bdb := times(bc, b), times(bd, b)
	sum := Mul(Sub(Mul(tc, td), trace(times(bc, bd))), b)
	sum = Sub(sum, Add(Mul(td, bcb), Mul(tc, bdb)))
	sum = Add(sum, Add(times(bc, bdb), times(bd, bcb)))
	return swapLast(Mul(perMatrix(Det(a)), sum))
}

// Cofactor returns the cofactors of square matrices [… n×n], the transposed adjugate: det(A)·A⁻ᵀ, also for singular matrices.
func Cofactor(a *Node) *Node { return apply1(opCofactor, a) }
