package graph

import (
	"errors"
	"fmt"
	"slices"

	"github.com/adjoint-go/adjoint/internal/attr"
)

var opWithVJP *Op

func init() {
	opWithVJP = Register(&Op{
		Name: "with_vjp", Family: FamilyControl, MinArity: 2, MaxArity: -1, Pattern: Dense,
		Attrs:   []AttrSpec{bodiesAttr, capturedAttr, {Key: "lanes", Kind: attr.Int, Optional: true, Doc: "leading dimensions of the arguments and of y over which the body works independently, those of batches"}},
		Expand:  func(n *Node) *Node { return n.Input(len(n.Inputs()) - 1) },
		Doc:     "Its last operand, y, with a vector-Jacobian product of its own: the body takes the captured values, the arguments, which are the operands between them and y, y and its adjoint, and returns the arguments' adjoints.",
		Formula: "forward that of y; in reverse what the body gives",
		Infer:   inferWithVJP,
		JVP:     func(_ *Node, dot []*Node) []*Node { return dot[len(dot)-1:] },
		VJP: func(n *Node, ct []*Node) []*Node {
			last := len(n.Inputs()) - 1
			adjoints := make([]*Node, len(n.Inputs()))
			copy(adjoints[n.extra.attrs.Int("captured"):], bodiesOf(n.extra.attrs)[0].Inline(append(slices.Clone(n.Inputs()[:last]), n, ct[0])))
			return adjoints
		},
		Samples: withVJPSamples(),
	})
}

func inferWithVJP(in []*Node, a attr.List) (Type, error) {
	captured, last := a.Int("captured"), len(in)-1
	if captured < 0 || captured > last {
		return Type{}, fmt.Errorf("%d captured values of %d operands", captured, len(in))
	}
	y := *in[last].typ
	bodies, err := checkBodies(a, 1, append(typesOf(in), y))
	if err != nil {
		return Type{}, err
	}
	args, results, lanes := in[captured:last], bodies[0].results, a.Int("lanes")
	for _, x := range in[captured:] {
		if s := x.typ.Shape; lanes < 0 || lanes > len(s) || lanes > len(y.Shape) || !s[:lanes].Equal(y.Shape[:lanes]) {
			return Type{}, fmt.Errorf("%d dimensions of lanes, an operand is %v and the value %v", lanes, x.typ, y)
		}
	}
	if len(results) != len(args) || !y.DType.IsFloat() {
		return Type{}, fmt.Errorf("%d adjoints of %d arguments of a value %v: needs as many, and floats", len(results), len(args), y)
	}
	for i, x := range args {
		if !x.typ.DType.IsFloat() || !results[i].typ.Equal(*x.typ) {
			return Type{}, fmt.Errorf("adjoint %d is %v of an argument %v: needs one type, of floats", i, results[i].typ, x.typ)
		}
	}
	return y, nil
}

// WithVJP returns y, taken for a function of args, with a vector-Jacobian product of its own: in reverse mode vjp gives the adjoints of args, nil for zero, from that of y, and how y was computed is not looked at. It is linear in ct. Derivatives
// by anything else than args, used by y or captured by vjp, are 0, so that args are to hold all that y depends on. In forward mode the tangent is that of y as it was computed.
//
// Derivatives of higher order are those of what vjp builds, and in forward mode those of y; vjp may use nodes from outside.
func WithVJP(y *Node, args []*Node, vjp func(args []*Node, y, ct *Node) []*Node) *Node {
	const op = "with_vjp"
	g, in, ok := operandsOfLoop(op, append(slices.Clone(args), y))
	if !ok {
		return g.invalid()
	}
	if vjp == nil || len(args) == 0 {
		return g.Fail(op, errors.New("needs a function and arguments"))
	}
	n := len(args)
	f := g.trace(op, append(typesOf(in[0]), *in[0][n].typ), func(p []*Node) []*Node {
		adjoints := slices.Clone(vjp(p[:n:n], p[n], p[n+1]))
		for i := range min(n, len(adjoints)) {
			if adjoints[i] == nil {
				adjoints[i] = FullLike(p[i], 0)
			}
		}
		return adjoints
	})
	bodies, captured, ok := g.seal(op, f)
	if !ok {
		return g.invalid()
	}
	if y = in[0][n]; isEmpty(y) {
		return y
	}
	return g.Apply(opWithVJP, slices.Concat(captured, withElements(in[0])), attr.Make(attr.Fn("bodies", bodies...), attr.I("captured", len(captured))))
}

func withVJPSamples() []Sample {
	return []Sample{
		sampleOf(func(in []*Node) *Node {
			return WithVJP(Mul(in[0], Square(in[0])), in[:1], func(x []*Node, _, ct *Node) []*Node {
				return []*Node{Mul(ct, Mul(Like(ct, 3), Square(x[0])))}
			})
		}, Type{Float64, Shape{3}}),
		sampleOf(func(in []*Node) *Node {
			return WithVJP(MatMul(in[0], Sin(in[1])), in, func(x []*Node, _, ct *Node) []*Node {
				return []*Node{Mul(ExpandDims(ct, 1), Sin(x[1])), Mul(MatMul(ct, x[0]), Cos(x[1]))}
			})
		}, Type{Float64, Shape{2, 3}}, Type{Float64, Shape{3}}),
	}
}
