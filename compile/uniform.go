package compile

import (
	"math"

	"github.com/adjoint-go/adjoint/graph"
)

// What sweeps and rules know of constants, and of what shows a constant in another shape or repeated.

// constant returns the value of a node whose elements are all the same constant.
func constant(n *graph.Node) (v float64, ok bool) {
	bits, ok := n.ShownLiteral().Uniform()
	if !ok {
		return 0, false
	}
	return graph.FloatOfBits(n.DType(), bits), true
}

// isConst reports whether all elements of a node are the constant v, to the bit: 0 and −0 differ.
func isConst(n *graph.Node, v float64) bool {
	bits, ok := n.ShownLiteral().Uniform()
	return ok && bits == graph.BitsOfFloat(n.DType(), v)
}

// isNumber is isConst for constants that rules of derivatives made. Sweeps may leave those out that are 0 or 1; a constant of the user is an operand, by which
// someone may differentiate what the sweep makes.
func isNumber(n *graph.Node, v float64) bool { return n.IsNumber() && isConst(n, v) }

var negativeZero = math.Copysign(0, -1)

// plainFactor reports whether a node is a constant of finite numbers other than 0, with which mul_no_nan is an ordinary product.
func plainFactor(n *graph.Node) bool { return n.ShownLiteral().FiniteNonzero() }

// orZeros returns a derivative, and zeros like the node of which it is one for nil.
func orZeros(derivative, like *graph.Node) *graph.Node {
	if derivative == nil {
		return graph.FullLike(like, 0)
	}
	return derivative
}

// numberOf returns the node of a seed, of constants that are numbers of rules if it shows a constant: zeros and ones in a direction cost what they touch.
func numberOf(n *graph.Node) *graph.Node {
	if n.ShownLiteral() == nil || n.IsNumber() {
		return n
	}
	defer n.Graph().AtNode(n)()
	if n.IsConst() {
		return n.Graph().Literal(n.Literal())
	}
	return n.Graph().Apply(n.Op(), []*graph.Node{numberOf(n.Input(0))}, n.Attrs())
}

// elementOfConstant returns the number that an element of numbers is, so that a direction of zeros and ones is seen to be zero where it is; other nodes stay.
func elementOfConstant(n *graph.Node) *graph.Node {
	if view := n.Op().View; view != nil && n.Type().IsScalar() && n.Input(0).IsConst() && n.IsNumber() {
		if first, ok := view(n); ok {
			return constantElement(n.Input(0), first)
		}
	}
	return n
}

// constantElement returns an element of a constant as a constant.
func constantElement(c *graph.Node, flat int) *graph.Node {
	size := c.DType().Size()
	lit, err := graph.NewLiteral(graph.Type{DType: c.DType()}, c.Literal().Bytes()[flat*size:(flat+1)*size])
	if err != nil {
		panic("BUG: element of a constant: " + err.Error())
	}
	return c.Graph().Literal(lit)
}
