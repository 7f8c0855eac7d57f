package graph

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"

	"github.com/adjoint-go/adjoint/internal/attr"
)

// Family groups operators for the reference and for drawings.
type Family string

// The families.
const (
	FamilySource      Family = "sources"
	FamilyArithmetic  Family = "arithmetic"
	FamilyMath        Family = "mathematical functions"
	FamilySpecial     Family = "special functions"
	FamilyCompare     Family = "comparison, logic and selection"
	FamilyReduce      Family = "reductions"
	FamilyScan        Family = "scans and sorting"
	FamilyShape       Family = "shape"
	FamilyIndex       Family = "indexing"
	FamilyLinalg      Family = "linear algebra"
	FamilyConvolution Family = "convolution and pooling"
	FamilyNormal      Family = "normalisation and losses"
	FamilyFourier     Family = "Fourier transforms"
	FamilyRandom      Family = "random numbers"
	FamilySparse      Family = "sparse matrices"
	FamilyControl     Family = "control of differentiation"
	FamilyUser        Family = "user-defined"
)

// AttrSpec describes one attribute of an operator.
type AttrSpec struct {
	Key      string
	Kind     attr.Kind
	Optional bool
	Doc      string
}

// Sample is a set of operands for which the universal operator test checks an operator: shapes
// and a range for the values, or the values themselves.
type Sample struct {
	// Build makes the operator's node from the inputs; nil means Apply with Attrs.
	Build func(in []*Node) *Node
	Attrs attr.List
	// In are the operands. Float operands are given as Float64 and tested in both float dtypes.
	In []SampleInput
	// Reason to skip the comparison with finite differences (at kinks, for integer results), "" for none.
	NoDifferences string
}

// SampleInput is one operand of a Sample.
type SampleInput struct {
	Type   Type
	Lo, Hi float64   // values are spread over [Lo, Hi]; both 0 means [−2, 2]
	Values []float64 // or exactly these, row-major
	// Constant operands (indices, masks) are not differentiated and enter as given.
	Constant bool
}

// Op is an operator: everything that the system knows of it stands here.
//
// Exactly one of Partial, Transpose, VJP (with JVP), ThroughExpand, OfBodies or NoDerivative says how it is differentiated;
// exactly one of Micro, Kernel, Expand or Builtin says how it is run.
type Op struct {
	Name   string // ONNX, NumPy or JAX name, lower case with underscores
	Doc    string // one sentence: what it computes, then behaviour at the edges
	Family Family
	// Symbol is what drawings show for the operator, where · stands for an operand: "+", "Σ", "( · )²"; Name if empty.
	Symbol string
	// Infix operators are written with the symbol between their two operands. That of "^" is drawn as a power of the operands' names.
	Infix bool
	// Commutative operators give the same whatever the order of their operands; that of all others is told in drawings.
	Commutative bool
	// OperandNames are what the operands are called, in order, where that says more than their numbers: "cond", "then", "else". One for each
	// operand of the largest arity.
	OperandNames []string
	// Partials are ∂n/∂operand by operand as drawings show them, of elementwise operators and of those whose elements have one in common; "" for those
	// without a short form. a, b and c stand for the operands and v for the result; [a > b] is 1 where that holds and else 0, H is Heaviside's step with H(0) = ½.
	// A test compares them with the derivative.
	Partials []string
	Formula  string // the derivative as text, for the reference
	Source   string // paper and equation, where the formula is not elementary
	// Accuracy bounds the error of operators that add or multiply many elements, in terms of u, half a unit in the last place: 2⁻²⁴ for float32 and
	// 2⁻⁵³ for float64. A test holds all operators with a kernel against it, with millions of terms.
	Accuracy string

	MinArity, MaxArity int // MaxArity < 0: any number
	Attrs              []AttrSpec

	// Elementwise operators broadcast their operands (NumPy) and need no Infer.
	Elementwise bool
	// Operand dtypes that an elementwise operator takes, all operands the same (Operands says otherwise).
	DTypes DTypeSet
	// BoolResult is set for comparisons and logic.
	BoolResult bool
	// Operands checks and types an elementwise operator whose operands have different dtypes (where, cast).
	Operands func(in []*Node, a attr.List) (DType, error)

	// Infer gives the result's type for operators that are not elementwise; it checks everything.
	Infer func(in []*Node, a attr.List) (Type, error)
	// InferMany is Infer for operators with several results (see Result).
	InferMany func(in []*Node, a attr.List) ([]Type, error)
	// ResultNames are what drawings call the results of an operator with several, such as Q and R; users' operators may go without.
	ResultNames []string

	// Partial gives ∂n/∂operand i for elementwise operators, nil for zero. Both modes follow from it.
	Partial func(n *Node, i int) *Node
	// SingularPartials: a partial can be infinite or NaN at a point in the domain, so that a zero
	// adjoint or tangent must win over it, and a zero partial over what has been multiplied by it (MulNoNan instead of Mul).
	SingularPartials bool
	// Transpose gives the adjoint of operand i for operators that are linear in it: the JVP is the operator
	// itself. nil for operands that the operator is not differentiable in (indices).
	Transpose func(n *Node, i int, ct *Node) *Node
	// JointlyLinear: linear in all operands together (concat), so that the JVP is one application
	// to all tangents; else the JVP is a sum over operands (matmul).
	JointlyLinear bool
	// VJP gives the operands' adjoints (nil: zero) from those of the results (nil: zero). A user-defined operator may give VJP or JVP
	// alone: the other one is derived by transposing it, which is linear in its last argument.
	VJP func(n *Node, ct []*Node) []*Node
	// JVP gives the results' tangents (nil: zero) from the operands' tangents (nil: zero).
	JVP func(n *Node, dot []*Node) []*Node
	// ThroughExpand: both modes differentiate the expansion.
	ThroughExpand bool
	// OfBodies: both modes differentiate the bodies of the node (see Bodies), by rules of the compiler.
	OfBodies bool
	// Taylor is the operator's own recurrence for coefficient k of the node's Taylor series along a curve (nil for zero), from the operands' coefficients and the node's
	// below k, where it costs less than what follows from the derivative or loses less. It is asked only where an operand changes along the curve; known is false where
	// it does not apply.
	Taylor func(n *Node, s Series, k int) (coefficient *Node, known bool)
	// NoDerivative is the reason why the operator's derivative is zero or undefined by definition.
	NoDerivative string

	// Merge returns two or more nodes of the operator, of one type, as fewer nodes with the same sum. Adjoints that place pieces into zeros have it.
	Merge func(nodes []*Node) []*Node

	// OfNothing makes what a node is of which an operand has no elements: its result, or result k of several, where that has some. Without it the node is its expansion, and without one a mistake.
	OfNothing func(n *Node, k int) *Node

	// ZeroWins operators have the attribute no_nan, a bool: with it, terms in which a factor is 0 are 0 whatever the others are. Adjoints that may be masked
	// are propagated by the transposes of the node with it.
	ZeroWins bool

	// What a batch does to the operator (compile.Batch), which without any of these is expanded, or applied to one element after the other.
	//
	// AlongAxis operators have the attribute axis or axes. They act along these dimensions of their operands alone, alike at all indices of the others, which all
	// operands have in common, and no other attribute depends on how many these are: a leading dimension shifts the axes.
	AlongAxis bool
	// LeadingBatch operators take any number of leading dimensions, alike for all operands, and act on what is behind them.
	LeadingBatch bool
	// Batch makes the image of a node of which an operand has one, where neither of the two flags says how; nil for operands that the rule does not cover. That
	// of an operator with several results makes the image of one of them, the node of result.
	Batch func(b *Batch, n *Node) *Node

	// Masks operators choose among their operands element by element, so that adjoints in front of them, and tangents behind them, can be exactly 0 where
	// what they are multiplied by is infinite or NaN; a zero wins there.
	Masks bool

	// Pattern says on which elements of its operands each element of the result can depend. Elementwise operators have it from that, and those that are
	// differentiated through their expansion from the expansion; all others with a derivative state it. A user's operator without one is Dense.
	Pattern Pattern

	// View reports whether the node's value is a contiguous part of its operand's memory, and the operand's element at which it begins; nil: never. Each element of
	// an operator with it is an element of its operand, whether or not the node is a view.
	View func(n *Node) (first int, ok bool)
	// Part returns what the node shows of its operand, so that a loop reads it where it lies; nil, or a nil Part, if it is not a part of the operand with zeros around it.
	Part func(n *Node) *Part
	// Broadcasts: the operand is broadcast to the shape of the result, so that a loop reads it where it lies.
	Broadcasts bool
	// Places returns for a node whose operands are all scalars the element of the result that each of them is; the others are 0. No two are the same. Scalar code then
	// computes them right where they belong.
	Places func(n *Node) func(operand int) (element int)
	// Reduction is the elementwise micro-operation by which elements along the attribute axes are combined: add, mul, max or min; "" for others. With it, a loop over
	// the last axes may end in the operator.
	Reduction string

	// Micro is the elementwise micro-operation that runs it.
	Micro string
	// Kernel is the whole-tensor kernel that runs it; it gets the attributes of the node.
	Kernel string
	// Expand rewrites the node into simpler operators before execution.
	Expand func(n *Node) *Node
	// Builtin marks the few operators that the compiler knows itself: input, const, views, result.
	Builtin bool

	Samples []Sample

	hash uint64
}

// DTypeSet is a set of dtypes.
type DTypeSet uint8

// Sets of dtypes for Op.DTypes.
const (
	BoolOnly DTypeSet = 1 << Bool
	Integers DTypeSet = 1<<Int32 | 1<<Int64
	Floats   DTypeSet = 1<<Float32 | 1<<Float64
	Numbers           = Integers | Floats
	AnyDType          = Numbers | BoolOnly
)

// Has reports whether d is in the set.
func (s DTypeSet) Has(d DType) bool { return s&(1<<d) != 0 }

// String lists the dtypes.
func (s DTypeSet) String() string {
	var names []string
	for d := Bool; d <= Float64; d++ {
		if s.Has(d) {
			names = append(names, d.String())
		}
	}
	return strings.Join(names, ", ")
}

var ops = map[string]*Op{}

// Register enters an operator of the system into the table. It panics if a required part is missing, which is a bug. Users register
// theirs with RegisterUser.
func Register(op *Op) *Op {
	if err := register(op); err != nil {
		panic(fmt.Sprintf("BUG: operator %v: %v", op.name(), err))
	}
	return op
}

// name is the name for messages.
func (op *Op) name() string {
	if op == nil {
		return "nil"
	}
	return strconv.Quote(op.Name)
}

var opsMutex sync.RWMutex

func register(op *Op) error {
	if op == nil {
		return errors.New("the operator is nil")
	}
	if err := op.check(); err != nil {
		return err
	}
	slices.SortFunc(op.Attrs, func(a, b AttrSpec) int { return strings.Compare(a.Key, b.Key) })
	op.hash = 14695981039346656037
	for i := 0; i < len(op.Name); i++ {
		op.hash = (op.hash ^ uint64(op.Name[i])) * 1099511628211
	}
	opsMutex.Lock()
	defer opsMutex.Unlock()
	if ops[op.Name] != nil {
		return errors.New("registered twice")
	}
	ops[op.Name] = op
	return nil
}

// check reports what is missing from the operator or too much.
func (op *Op) check() error {
	if op.Name == "" || op.Doc == "" || op.Family == "" {
		return errors.New("needs name, doc and family")
	}
	if n := count(op.Partial != nil, op.Transpose != nil, op.VJP != nil || op.JVP != nil, op.ThroughExpand, op.OfBodies, op.NoDerivative != ""); n != 1 {
		return errors.New("needs exactly one form of derivative")
	}
	if (op.InferMany != nil) != (op.ResultNames != nil) && op.Family != FamilyUser && !op.HasBodies() {
		return errors.New("needs names for its results if it has several, and only then")
	}
	if (op.VJP == nil) != (op.JVP == nil) && op.Family != FamilyUser {
		return errors.New("needs VJP and JVP together")
	}
	if op.ThroughExpand && op.Expand == nil {
		return errors.New("differentiates through an expansion that it lacks")
	}
	if len(op.OperandNames) > 0 && len(op.OperandNames) != op.MaxArity {
		return errors.New("names some operands and not others")
	}
	if len(op.Partials) > 0 && (len(op.Partials) != op.MaxArity || op.NoDerivative != "") {
		return errors.New("draws partials that it does not have")
	}
	if (op.Infix || op.Commutative) && (op.MinArity != 2 || op.MaxArity != 2) || op.Infix && op.Symbol == "" {
		return errors.New("an infix or commutative operator has two operands, and an infix one a symbol")
	}
	if op.Taylor != nil && op.NoDerivative != "" {
		return errors.New("has a recurrence and no derivative")
	}
	if op.Partial != nil && !op.Elementwise {
		return errors.New("partials are for elementwise operators")
	}
	if n := count(op.Micro != "", op.Kernel != "", op.Expand != nil, op.Builtin); n != 1 {
		return errors.New("needs exactly one way to run")
	}
	if n := count(op.Elementwise, op.Infer != nil, op.InferMany != nil, op.Name == "input" || op.Name == "const"); n != 1 {
		return errors.New("needs exactly one type rule")
	}
	if op.Elementwise && op.DTypes == 0 && op.Operands == nil {
		return errors.New("an elementwise operator needs its dtypes")
	}
	if op.AlongAxis && !op.hasAttr("axis", attr.Int) && !op.hasAttr("axes", attr.Ints) {
		return errors.New("acts along axes, and needs an attribute axis or axes")
	}
	if count(op.AlongAxis, op.LeadingBatch, op.Batch != nil, op.Elementwise) > 1 {
		return errors.New("says in several ways what a batch does")
	}
	if op.ZeroWins && (op.Transpose == nil || !op.hasAttr("no_nan", attr.Bool)) {
		return errors.New("lets zeros win in its transposes, and needs an attribute no_nan")
	}
	if op.Reduction != "" && (op.MinArity != 1 || op.MaxArity != 1 || !op.hasAttr("axes", attr.Ints)) {
		return errors.New("reduces one operand, and needs an attribute axes")
	}
	if (op.View != nil || op.Broadcasts || op.Part != nil && op.Merge == nil) && (op.MinArity != 1 || op.MaxArity != 1) {
		return errors.New("shows elements of one operand, and needs to have one")
	}
	if wrong := op.checkPattern(); wrong != "" {
		return errors.New(wrong)
	}
	if op.Micro != "" && !op.Elementwise {
		return errors.New("micro-operations are elementwise")
	}
	if len(op.Samples) == 0 && op.MaxArity != 0 && op.Family != FamilyUser {
		return errors.New("needs samples")
	}
	return nil
}

// HasBodies reports whether nodes of the operator have bodies: see Bodies.
func (op *Op) HasBodies() bool { return op != nil && op.hasAttr("bodies", attr.Functions) }

// hasAttr reports whether the operator has an attribute of the kind.
func (op *Op) hasAttr(key string, kind attr.Kind) bool {
	return slices.ContainsFunc(op.Attrs, func(a AttrSpec) bool { return a.Key == key && a.Kind == kind })
}

func count(conds ...bool) int {
	n := 0
	for _, c := range conds {
		if c {
			n++
		}
	}
	return n
}

// LookupOp returns the operator with the given name, or nil.
func LookupOp(name string) *Op {
	opsMutex.RLock()
	defer opsMutex.RUnlock()
	return ops[name]
}

// Ops returns all operators by name in ascending order.
func Ops() []*Op {
	opsMutex.RLock()
	defer opsMutex.RUnlock()
	all := make([]*Op, 0, len(ops))
	for _, op := range ops {
		all = append(all, op)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Name < all[j].Name })
	return all
}

// UserDefined reports whether a program that uses the package defined the operator, whose derivatives then need not be derivatives of what it computes.
func (op *Op) UserDefined() bool { return op != nil && op.Family == FamilyUser }

// Differentiable reports whether the operator has a derivative form.
func (op *Op) Differentiable() bool { return op != nil && op.NoDerivative == "" }

// infer checks arity, attributes and operands and returns the result's type.
func (op *Op) infer(in []*Node, attrs attr.List) (Type, []Type, error) {
	if len(in) < op.MinArity || (op.MaxArity >= 0 && len(in) > op.MaxArity) {
		return Type{}, nil, fmt.Errorf("takes %s, not %d", op.arityText(), len(in))
	}
	if len(op.Attrs) > 0 || len(attrs) > 0 {
		if err := op.checkAttrs(attrs); err != nil {
			return Type{}, nil, err
		}
	}
	for i, n := range in {
		if n.extra.results != nil {
			if !op.takesTuple() {
				return Type{}, nil, fmt.Errorf("operand %d has %d results: take one with Result", i, len(n.extra.results))
			}
		}
	}
	if op.Elementwise {
		t, err := op.inferElementwise(in, attrs)
		return t, nil, err
	}
	if op.InferMany != nil {
		ts, err := op.InferMany(in, attrs)
		if err == nil {
			for _, t := range ts {
				err = firstError(err, t.Shape.check())
			}
		}
		return Type{}, ts, err
	}
	if op.Infer == nil {
		return Type{}, nil, fmt.Errorf("the operator has a constructor of its own and cannot be applied")
	}
	t, err := op.Infer(in, attrs)
	if err == nil {
		err = t.Shape.check()
	}
	return t, nil, err
}

// commonType returns the type that all operands of an elementwise operator have and so its result, where they share it, as in large graphs of scalars; nil is left to infer.
func (op *Op) commonType(in []*Node, attrs attr.List) *Type {
	if !op.Elementwise || op.Operands != nil || op.BoolResult || len(op.Attrs)+len(attrs) > 0 || len(in) == 0 || len(in) < op.MinArity || op.MaxArity >= 0 && len(in) > op.MaxArity {
		return nil
	}
	typ := in[0].typ
	for _, n := range in {
		if n.typ != typ || n.extra.results != nil {
			return nil
		}
	}
	if !op.DTypes.Has(typ.DType) {
		return nil
	}
	return typ
}

func firstError(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

func (op *Op) arityText() string {
	plural := func(n int) string {
		if n == 1 {
			return "1 operand"
		}
		return fmt.Sprintf("%d operands", n)
	}
	switch {
	case op.MaxArity < 0:
		return "at least " + plural(op.MinArity)
	case op.MinArity == op.MaxArity:
		return plural(op.MinArity)
	}
	return fmt.Sprintf("%d to %s", op.MinArity, plural(op.MaxArity))
}

func (op *Op) checkAttrs(attrs attr.List) error {
	k := 0
	for _, spec := range op.Attrs {
		if k < len(attrs) && attrs[k].Key == spec.Key {
			if attrs[k].Value.Kind != spec.Kind {
				return fmt.Errorf("attribute %s has the wrong kind", spec.Key)
			}
			k++
		} else if !spec.Optional {
			return fmt.Errorf("attribute %s is missing", spec.Key)
		}
	}
	if k < len(attrs) {
		return fmt.Errorf("unknown or repeated attribute %s", attrs[k].Key)
	}
	return nil
}

// withCast adds to a mistake which cast helps: of as few operands as do, to the widest dtype that an operand has or to one that operators ask for. What loses no digits comes first.
func (op *Op) withCast(err error, in []*Node, attrs attr.List) error {
	if op.HasBodies() {
		return err
	}
	var targets []DType
	for _, d := range []DType{Float64, Float32, Int64, Int32, Bool} {
		if slices.ContainsFunc(in, func(n *Node) bool { return n.typ.DType == d }) {
			targets = append(targets, d)
		}
	}
	for _, exact := range []bool{true, false} {
		for _, d := range append(targets, Int64, Float64, Bool) {
			var able []int
			for i, n := range in {
				from := n.typ.DType
				if from != d && (!exact || from < d && !(from == Int64 && d == Float32)) { // in the order bool, int32, int64, float32, float64
					able = append(able, i)
				}
			}
			for _, set := range subsets(able) {
				cast := slices.Clone(in)
				for _, i := range set {
					k := *in[i].kind
					k.typ, k.op, k.extra = &Type{d, in[i].typ.Shape}, opIdentity, extra{}
					cast[i] = &Node{kind: &k}
				}
				if _, _, e := op.infer(cast, attrs); e != nil {
					continue
				}
				if len(set) == 1 {
					return fmt.Errorf("%w: cast operand %d to %v", err, set[0], d)
				}
				return fmt.Errorf("%w: cast operands %s to %v", err, strings.ReplaceAll(strings.Trim(fmt.Sprint(set), "[]"), " ", ", "), d)
			}
		}
	}
	return err
}

// subsets returns the subsets of a few numbers, those of fewer first and none without any; of many, all of them alone.
func subsets(of []int) [][]int {
	if len(of) > 6 {
		return [][]int{of}
	}
	var sets [][]int
	for members := 1; members < 1<<len(of); members++ {
		var set []int
		for k, i := range of {
			if members>>k&1 == 1 {
				set = append(set, i)
			}
		}
		sets = append(sets, set)
	}
	slices.SortStableFunc(sets, func(a, b []int) int { return len(a) - len(b) })
	return sets
}

func (op *Op) inferElementwise(in []*Node, attrs attr.List) (Type, error) {
	var d DType
	if op.Operands != nil {
		var err error
		if d, err = op.Operands(in, attrs); err != nil {
			return Type{}, err
		}
	} else {
		d = in[0].typ.DType
		for _, n := range in[1:] {
			if n.typ.DType != d {
				return Type{}, fmt.Errorf("operands are %v and %v", d, n.typ.DType)
			}
		}
		if !op.DTypes.Has(d) {
			return Type{}, fmt.Errorf("operands are %v: needs one of %v", d, op.DTypes)
		}
		if op.BoolResult {
			d = Bool
		}
	}
	s := in[0].typ.Shape
	for _, n := range in[1:] {
		t := n.typ.Shape
		if len(t) == 0 || &s == &t || s.Equal(t) {
			continue
		}
		if len(s) == 0 {
			s = t
			continue
		}
		var err error
		if s, err = BroadcastShapes(s, t); err != nil {
			return Type{}, err
		}
	}
	if len(in) > 1 {
		if err := s.check(); err != nil {
			return Type{}, err
		}
	}
	return Type{d, s}, nil
}
