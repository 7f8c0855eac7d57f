package graph

import (
	"errors"
	"fmt"
	"slices"

	"github.com/adjoint-go/adjoint/internal/attr"
)

// The operators of this file.
var opImplicit, opRequire *Op

// LinearMethod says how the linear systems of an implicit function's derivatives are solved.
type LinearMethod string

// The methods.
const (
	// Direct forms the matrix ∂f/∂x and decomposes it: as Sparse does if there are 64 unknowns or more and a tenth of its entries at most can be other than 0; else column by column in one batch, by LU. A single unknown
	// is divided by.
	Direct LinearMethod = "direct"
	// Sparse finds the entries of ∂f/∂x that can be other than 0, computes them by colouring, and solves as CSR.Solve does, all lanes as one matrix.
	Sparse LinearMethod = "sparse"
	// ConjugateGradient is for symmetric positive definite ∂f/∂x, which is applied and not formed (Hestenes & Stiefel, J. Res. NBS 49, 1952).
	ConjugateGradient LinearMethod = "cg"
	// BiCGSTAB is for any ∂f/∂x, which is applied and not formed (van der Vorst, SIAM J. Sci. Stat. Comput. 13, 1992).
	BiCGSTAB LinearMethod = "bicgstab"
	// GMRES is for any ∂f/∂x, which is applied and not formed, restarted after 30 steps (Saad & Schultz, SIAM J. Sci. Stat. Comput. 7, 1986).
	GMRES LinearMethod = "gmres"
)

// ImplicitOptions change Implicit. The zero value is one system over all elements of x, solved directly.
type ImplicitOptions struct {
	// Lanes is the number of leading dimensions over which f works independently: element i of f(x) along them depends on element i of x alone. Each has a system of its own. With as
	// many as x has dimensions, every element is an unknown of its own, and derivatives divide by ∂f/∂x.
	Lanes int
	// Method solves the linear systems; "" is Direct.
	Method LinearMethod
	// Tolerance is that of iterative methods: the norm of the residual over that of the right-hand side; 0 is 1e-12, in float32 1e-6.
	Tolerance float64
	// Precondition returns for r an approximation of (∂f/∂x)⁻¹·r for iterative methods, a linear function of r, which for ConjugateGradient is symmetric and positive definite; nil is r itself. Derivatives
	// use it too, and its transpose where they solve with that of ∂f/∂x; results are the same, but for rounding, whatever it is.
	Precondition func(r *Node) *Node
	// Limit bounds their steps, beyond which the run fails; 0 is 10 times the unknowns, at least 100.
	Limit int
}

func init() {
	opImplicit = Register(&Op{
		Name: "implicit", Family: FamilyControl, MinArity: 1, MaxArity: -1, OfBodies: true, Pattern: Dense,
		Attrs: []AttrSpec{bodiesAttr, capturedAttr, {Key: "lanes", Kind: attr.Int, Doc: "leading dimensions over which the body works independently"},
			{Key: "method", Kind: attr.String, Doc: "how linear systems with ∂f/∂x are solved: direct, sparse, cg, bicgstab or gmres"},
			{Key: "tolerance", Kind: attr.Float, Doc: "of iterative methods, relative to the right-hand side"}, {Key: "limit", Kind: attr.Int, Doc: "of their steps"}},
		Expand: func(n *Node) *Node { return n.Input(len(n.Inputs()) - 1) },
		Doc: "Its last operand x, taken for a solution of f(θ, x) = 0, where f is the first body and θ are the other operands: a function of θ. How x was found has no derivative, and " +
			"whether f(θ, x) is 0 is not looked at. A second body gives for (θ, r) a preconditioned r.",
		Formula: "implicit function theorem: (∂f/∂x)·dx = −(∂f/∂θ)·dθ; in reverse (∂f/∂x)ᵀ·λ = −ct, (∂f/∂θ)ᵀ·λ",
		Infer:   inferImplicit, Samples: implicitSamples(),
	})
	opRequire = Register(&Op{
		Name: "require", Family: FamilyControl, MinArity: 3, MaxArity: -1, Kernel: "require",
		Attrs:   []AttrSpec{{Key: "message", Kind: attr.String, Doc: "what is wrong if the condition is false"}},
		Doc:     "The operand itself, if a bool is true, in an array all of them; else the run fails with the message, and with the largest element of each further operand, measures of what is wrong.",
		Formula: "ct", Pattern: ElementPattern(func(_ *Node, t Terms) func(i int) { return func(i int) { t.Add(0, i) } }),
		VJP: func(n *Node, ct []*Node) []*Node { return append(ct[:1:1], make([]*Node, len(n.Inputs())-1)...) },
		JVP: func(_ *Node, dot []*Node) []*Node { return dot[:1] },
		Batch: func(b *Batch, n *Node) *Node {
			in := []*Node{b.Lift(n.Input(0))}
			for _, x := range n.Inputs()[1:] {
				in = append(in, b.Of(x))
			}
			return b.Graph.Apply(n.op, in, n.extra.attrs)
		},
		Samples: []Sample{sampleOf(func(in []*Node) *Node {
			return Require(in[0], Less(in[1], Like(in[1], 10)), "more than 10", in[1])
		}, Type{Float64, Shape{3}}, Type{Float64, Shape{2, 2}})},
		Infer: func(in []*Node, _ attr.List) (Type, error) {
			for i, x := range in {
				if i != 1 && !x.typ.DType.IsFloat() || i == 1 && x.typ.DType != Bool {
					return Type{}, fmt.Errorf("operand %d is %v: needs floats, bools and floats", i, x.typ)
				}
			}
			return *in[0].typ, nil
		},
	})
}

func inferImplicit(in []*Node, a attr.List) (Type, error) {
	captured := a.Int("captured")
	if captured != len(in)-1 {
		return Type{}, fmt.Errorf("%d captured values and a solution are not %d operands", captured, len(in))
	}
	bodies, err := checkBodies(a, 0, typesOf(in))
	if err != nil {
		return Type{}, err
	}
	if len(bodies) > 2 {
		return Type{}, fmt.Errorf("has %d bodies", len(bodies))
	}
	x, r := in[captured].typ, bodies[0].results
	switch lanes := a.Int("lanes"); {
	case !x.DType.IsFloat():
		return Type{}, fmt.Errorf("the solution is %v: needs floats", x)
	case len(r) != 1 || !r[0].typ.Equal(*x):
		return Type{}, fmt.Errorf("the body gives %s, and should give one value of the solution's type %v", typesText(typesOf(r), true), x)
	case len(bodies) > 1 && (len(bodies[1].results) != 1 || !bodies[1].results[0].typ.Equal(*x)):
		return Type{}, fmt.Errorf("the preconditioner gives %s, and should give one value of the solution's type %v", typesText(typesOf(bodies[1].results), true), x)
	case lanes < 0 || lanes > len(x.Shape):
		return Type{}, fmt.Errorf("%d dimensions of lanes, and the solution is %v", lanes, x)
	}
	switch LinearMethod(a.Str("method")) {
	case Direct, Sparse, ConjugateGradient, BiCGSTAB, GMRES:
	default:
		return Type{}, fmt.Errorf("no method %q", a.Str("method"))
	}
	if tol := a.Float("tolerance"); !(tol > 0 && tol < 1) || a.Int("limit") < 1 {
		return Type{}, fmt.Errorf("a tolerance of %v and %d steps", tol, a.Int("limit"))
	}
	return *x, nil
}

// Implicit returns solution, found by any means, as the function x(θ) that f(x) = 0 defines, where θ are the nodes from outside that f uses. Derivatives of every order follow from the
// implicit function theorem and cost one linear solve each, in both modes; how solution was computed has no derivative. f returns as many values as x has, of its type.
//
// The value is solution as it is; it must be a solution for derivatives to be right. ∂f/∂x must be regular there: where it is not, the run of a derivative fails if the direct method finds a
// pivot of 0 or an iterative one does not converge, and a division by 0 gives infinities.
func Implicit(solution *Node, f func(x *Node) *Node, o ImplicitOptions) *Node {
	const op = "implicit"
	g, in, ok := operandsOfLoop(op, []*Node{solution})
	if !ok {
		return g.invalid()
	}
	if f == nil {
		return g.Fail(op, errors.New("needs a function"))
	}
	solution = in[0][0]
	functions := []*function{g.trace(op, typesOf(in[0]), func(x []*Node) []*Node { return []*Node{f(x[0])} })}
	if o.Precondition != nil {
		functions = append(functions, g.trace(op, typesOf(in[0]), func(r []*Node) []*Node { return []*Node{o.Precondition(r[0])} }))
	}
	bodies, captured, ok := g.seal(op, functions...)
	if !ok {
		return g.invalid()
	}
	o = o.withDefaults(solution.typ)
	return g.Apply(opImplicit, append(slices.Clone(captured), solution), attr.Make(attr.Fn("bodies", bodies...), attr.I("captured", len(captured)), attr.I("lanes", o.Lanes),
		attr.S("method", string(o.Method)), attr.F("tolerance", o.Tolerance), attr.I("limit", o.Limit)))
}

// withDefaults fills in what is not given.
func (o ImplicitOptions) withDefaults(x *Type) ImplicitOptions {
	if o.Method == "" {
		o.Method = Direct
	}
	if o.Tolerance == 0 {
		if o.Tolerance = 1e-12; x.DType == Float32 {
			o.Tolerance = 1e-6
		}
	}
	if o.Limit == 0 {
		o.Limit = 100
		if o.Lanes >= 0 && o.Lanes <= len(x.Shape) {
			o.Limit = max(100, 10*x.Shape[o.Lanes:].Size())
		}
	}
	return o
}

// Require returns x if all elements of the bools ok are true; else the run fails with the message and the largest element of each measure, such as the residual of a solver that did not converge. The
// error names the node and the user's line. Its derivative is that of x.
func Require(x, ok *Node, message string, measure *Node, more ...*Node) *Node {
	return applyAll(opRequire, append([]*Node{x, ok, measure}, more...), attr.S("message", message))
}

func implicitSamples() []Sample {
	three, matrix := Type{Float64, Shape{3}}, Type{Float64, Shape{3, 3}}
	cube := func(x, t *Node) *Node { return Sub(Add(Mul(x, Square(x)), x), t) }
	coupled := func(x, a, t *Node) *Node {
		return Sub(Add(x, Mul(Like(x, 0.25), Sin(MatMul(a, x)))), t)
	}
	iterate := func(x *Node, step func(x *Node) *Node) *Node {
		final, _ := Scan(60, []*Node{x}, nil, func(c, _ []*Node) (next, ys []*Node) { return []*Node{step(c[0])}, nil })
		return final[0]
	}
	coupledBy := func(method LinearMethod) Sample {
		return sampleOf(func(in []*Node) *Node {
			x := iterate(in[1], func(x *Node) *Node { return Sub(x, coupled(x, in[0], in[1])) })
			return Implicit(x, func(x *Node) *Node { return coupled(x, in[0], in[1]) }, ImplicitOptions{Method: method})
		}, matrix, three)
	}
	return []Sample{
		sampleOf(func(in []*Node) *Node {
			x := iterate(FullLike(in[0], 0), func(x *Node) *Node { return Sub(x, Div(cube(x, in[0]), Add(Mul(Like(x, 3), Square(x)), Like(x, 1)))) })
			return Implicit(x, func(x *Node) *Node { return cube(x, in[0]) }, ImplicitOptions{Lanes: 1})
		}, three),
		coupledBy(Direct),
		coupledBy(Sparse),
	}
}
