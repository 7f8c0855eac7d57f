package graph

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/adjoint-go/adjoint/internal/attr"
)

// UserPrefix begins the names of user-defined operators and kernels, so that they never meet those of the system.
const UserPrefix = "user_"

// Attrs are the attributes of a node: see Attributes. Its methods Int, Float, Bool, Str, Ints and Floats return the value of a key.
type Attrs = attr.List

// Attr is one attribute, made by IntAttr and its kin.
type Attr = attr.Named

// AttrKind is the type of an attribute in an AttrSpec.
type AttrKind = attr.Kind

// The kinds of attributes.
const (
	AttrInt    = attr.Int
	AttrFloat  = attr.Float
	AttrBool   = attr.Bool
	AttrString = attr.String
	AttrInts   = attr.Ints
	AttrFloats = attr.Floats
)

// IntAttr makes an integer attribute.
func IntAttr(key string, v int) Attr { return attr.I(key, v) }

// FloatAttr makes a float attribute.
func FloatAttr(key string, v float64) Attr { return attr.F(key, v) }

// BoolAttr makes a bool attribute.
func BoolAttr(key string, v bool) Attr { return attr.B(key, v) }

// StringAttr makes a string attribute.
func StringAttr(key, v string) Attr { return attr.S(key, v) }

// IntsAttr makes an attribute that is a list of integers.
func IntsAttr(key string, v ...int) Attr { return attr.L(key, v) }

// FloatsAttr makes an attribute that is a list of floats.
func FloatsAttr(key string, v ...float64) Attr { return attr.Fs(key, v) }

// Attributes collects attributes for Apply.
func Attributes(items ...Attr) Attrs {
	l := slices.Clone(Attrs(items))
	slices.SortStableFunc(l, func(a, b Attr) int { return strings.Compare(a.Key, b.Key) })
	return l // Apply reports a key given twice
}

// Call adds a node of the operator without attributes: see Apply.
func Call(op *Op, inputs ...*Node) *Node { return applyAllOf(op, inputs, nil) }

// CallWith adds a node of the operator with attributes.
func CallWith(op *Op, attrs []Attr, inputs ...*Node) *Node {
	return applyAllOf(op, inputs, Attributes(attrs...))
}

func applyAllOf(op *Op, inputs []*Node, attrs Attrs) *Node {
	return graphOf(inputs...).Apply(op, inputs, attrs)
}

// RegisterUser enters a user's operator into the table, so that it can be applied (Call), printed and read back. Its name begins with
// "user_" and has lower-case letters, digits and underscores. It states the same as the system's operators (see Op): its
// arity, a type rule (Infer, or Elementwise with DTypes), one form of derivative (or in NoDerivative the reason why it is zero), and one way to
// run, which is Expand, or Kernel with the name of a Go kernel (vm.RegisterKernel). VJP may stand without JVP and the other way round.
// Without a Pattern it is dense. Samples are optional. Register operators once, for example in a variable declaration or an init function.
func RegisterUser(op Op) (*Op, error) {
	if err := checkUserName(op.Name); err != nil {
		return nil, err
	}
	op.Family = FamilyUser
	if op.Doc == "" {
		op.Doc = "An operator defined by the user."
	}
	switch {
	case op.Builtin:
		return nil, fmt.Errorf("register %s: only the system's operators are built in", op.Name)
	case op.Micro != "":
		return nil, fmt.Errorf("register %s: micro-operations run the system's operators; give an expansion or a kernel", op.Name)
	case op.View != nil || op.Reduction != "" || op.Broadcasts || op.Places != nil:
		return nil, fmt.Errorf("register %s: only the system's operators are views, end loops or are assembled by scalar code", op.Name)
	case op.Kernel != "" && !strings.HasPrefix(op.Kernel, UserPrefix):
		return nil, fmt.Errorf("register %s: the kernel %q does not begin with %q", op.Name, op.Kernel, UserPrefix)
	case op.Elementwise && op.Kernel != "":
		return nil, fmt.Errorf("register %s: kernels do not broadcast; give Infer instead of Elementwise", op.Name)
	case op.MinArity < 1 || op.MaxArity >= 0 && op.MaxArity < op.MinArity:
		return nil, fmt.Errorf("register %s: takes from %d to %d operands", op.Name, op.MinArity, op.MaxArity)
	}
	op.Attrs = slices.Clone(op.Attrs)
	guard(&op)
	if err := register(&op); err != nil {
		return nil, fmt.Errorf("register %s: %w", op.Name, err)
	}
	return &op, nil
}

func checkUserName(name string) error {
	rest, ok := strings.CutPrefix(name, UserPrefix)
	if !ok || rest == "" || len(name) > 100 || strings.Trim(rest, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
		return fmt.Errorf("register: the name %q is not %q with lower-case letters, digits and underscores behind it", name, UserPrefix)
	}
	return nil
}

// Custom describes a function of nodes whose derivative the user gives, for CustomOp.
type Custom struct {
	// Name begins with "user_" and has lower-case letters, digits and underscores.
	Name string
	// Doc says in one sentence what it computes; optional.
	Doc string
	// Arity is the number of operands, at least 1.
	Arity int
	// Forward builds the value from the operands alone. It is called for every type of operands, also on scratch graphs that
	// serve to find the result's type.
	Forward func(in []*Node) *Node
	// VJP builds the adjoints of the operands (nil for zero), each of its operand's type, from the operands, the value and its adjoint. It
	// must be linear in the adjoint.
	VJP func(in []*Node, y, ct *Node) []*Node
	// JVP builds the tangent of the value (nil for zero) from the operands, the value and the operands' tangents, which are nil for
	// operands that are not floats. It must be linear in the tangents.
	JVP func(in []*Node, y *Node, dot []*Node) *Node
}

// CustomOp registers an operator with a derivative of the user's own, in place of that of its definition: for better numbers, for
// straight-through estimators and the like. VJP or JVP may be missing; it is then derived from the other one by transposition. Apply the
// operator with Call. Derivatives of higher order are those of what VJP and JVP build.
func CustomOp(c Custom) (*Op, error) {
	switch {
	case c.Forward == nil:
		return nil, fmt.Errorf("register %s: has no forward function", c.Name)
	case c.VJP == nil && c.JVP == nil:
		return nil, fmt.Errorf("register %s: has neither VJP nor JVP", c.Name)
	}
	op := Op{
		Name: c.Name, Doc: c.Doc, MinArity: c.Arity, MaxArity: c.Arity,
		Infer: func(in []*Node, _ Attrs) (t Type, err error) {
			defer func() { panicAsError("forward function", recover(), &err) }()
			scratch := New()
			stand := make([]*Node, len(in))
			for i, x := range in {
				stand[i] = scratch.Placeholder(x.typ.DType, x.typ.Shape...)
			}
			y := c.Forward(stand)
			if err := scratch.Err(); err != nil {
				return Type{}, err
			}
			if !y.Valid() || y.g != scratch || y.extra.results != nil {
				return Type{}, errors.New("the forward function gives no node made from its operands")
			}
			return *y.typ, nil
		},
		Expand: func(n *Node) *Node { return c.Forward(n.Inputs()) },
	}
	if c.VJP != nil {
		op.VJP = func(n *Node, ct []*Node) []*Node { return c.VJP(n.Inputs(), n, ct[0]) }
	}
	if c.JVP != nil {
		op.JVP = func(n *Node, dot []*Node) []*Node {
			full := make([]*Node, len(dot))
			for i, x := range n.Inputs() {
				if x.typ.DType.IsFloat() {
					full[i] = orZeros(dot[i], x)
				}
			}
			return []*Node{c.JVP(n.Inputs(), n, full)}
		}
	}
	return RegisterUser(op)
}

// CustomVJP is CustomOp with a VJP: forward mode is derived from it.
func CustomVJP(name string, arity int, forward func(in []*Node) *Node, vjp func(in []*Node, y, ct *Node) []*Node) (*Op, error) {
	return CustomOp(Custom{Name: name, Arity: arity, Forward: forward, VJP: vjp})
}

// CustomJVP is CustomOp with a JVP: reverse mode is derived from it.
func CustomJVP(name string, arity int, forward func(in []*Node) *Node, jvp func(in []*Node, y *Node, dot []*Node) *Node) (*Op, error) {
	return CustomOp(Custom{Name: name, Arity: arity, Forward: forward, JVP: jvp})
}
