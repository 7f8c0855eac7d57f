package graph

import (
	"fmt"

	"github.com/adjoint-go/adjoint/internal/attr"
)

func comparison(name, symbol, doc string, commutative bool, dtypes DTypeSet) *Op {
	return &Op{
		Name: name, Symbol: symbol, Infix: true, Commutative: commutative, Family: FamilyCompare, MinArity: 2, MaxArity: 2, Elementwise: true, DTypes: dtypes, BoolResult: true,
		Micro: name, Doc: doc, NoDerivative: "the result is bool",
		Samples: []Sample{pair(-2, 2, -2, 2), tie()},
	}
}

func logical(name, symbol, doc string, arity int) *Op {
	in := []SampleInput{
		{Type: Type{Bool, Shape{2, 1}}, Values: []float64{0, 1}, Constant: true},
		{Type: Type{Bool, Shape{2}}, Values: []float64{0, 1}, Constant: true},
	}
	return &Op{
		Name: "logical_" + name, Symbol: symbol, Infix: arity == 2, Commutative: arity == 2, Family: FamilyCompare, MinArity: arity, MaxArity: arity, Elementwise: true, DTypes: BoolOnly, BoolResult: true,
		Micro: name, Doc: doc, NoDerivative: "the result is bool",
		Samples: []Sample{{In: in[:arity]}},
	}
}

func classify(name, doc string) *Op {
	return &Op{
		Name: name, Family: FamilyCompare, MinArity: 1, MaxArity: 1, Elementwise: true, DTypes: Floats, BoolResult: true,
		Micro: name, Doc: doc, NoDerivative: "the result is bool",
		Samples: []Sample{over(-2, 2), {NoDifferences: "not finite", In: []SampleInput{
			{Type: Type{Float64, Shape{4}}, Values: []float64{posInf, -posInf, posInf - posInf, 0}}}}},
	}
}

// The operators of this file; init fills them in because their derivatives refer to one another.
var opEqual, opNotEqual, opLess, opLessEqual, opGreater, opGreaterEqual, opIsNaN, opIsFinite, opLogicalAnd, opLogicalOr, opLogicalXor, opLogicalNot, opWhere, opCast *Op

func init() {
	opEqual = Register(comparison("eq", "=", "x = y; false if either is NaN.", true, AnyDType))
	opNotEqual = Register(comparison("ne", "≠", "x ≠ y; true if either is NaN.", true, AnyDType))
	opLess = Register(comparison("lt", "<", "x < y; false if either is NaN.", false, Numbers))
	opLessEqual = Register(comparison("le", "≤", "x ≤ y; false if either is NaN.", false, Numbers))
	opGreater = Register(comparison("gt", ">", "x > y; false if either is NaN.", false, Numbers))
	opGreaterEqual = Register(comparison("ge", "≥", "x ≥ y; false if either is NaN.", false, Numbers))
	opIsNaN = Register(classify("is_nan", "Whether x is NaN."))
	opIsFinite = Register(classify("is_finite", "Whether x is neither infinite nor NaN."))
	opLogicalAnd = Register(logical("and", "∧", "Whether both operands are true.", 2))
	opLogicalOr = Register(logical("or", "∨", "Whether an operand is true.", 2))
	opLogicalXor = Register(logical("xor", "⊕", "Whether exactly one operand is true.", 2))
	opLogicalNot = Register(logical("not", "¬( · )", "Whether the operand is false.", 1))

	opWhere = Register(&Op{
		Name: "where", OperandNames: []string{"cond", "then", "else"}, Partials: []string{"", "[a]", "1 − [a]"}, Family: FamilyCompare, MinArity: 3, MaxArity: 3, Elementwise: true, Micro: "select", Masks: true, Taylor: taylorOfWhere,
		Doc: "The second operand where the first (bool) is true, else the third, broadcast. The branch that is not taken " +
			"contributes exactly 0 to every derivative, even where its own is infinite or NaN.",
		Formula: "–, adjoint where true, adjoint where false",
		Operands: func(in []*Node, _ attr.List) (DType, error) {
			if in[0].typ.DType != Bool {
				return 0, fmt.Errorf("the condition is %v: needs bool", in[0].typ.DType)
			}
			if in[1].typ.DType != in[2].typ.DType {
				return 0, fmt.Errorf("the branches are %v and %v", in[1].typ.DType, in[2].typ.DType)
			}
			return in[1].typ.DType, nil
		},
		VJP: func(n *Node, ct []*Node) []*Node {
			c, zero := n.Input(0), Like(n, 0)
			return []*Node{nil,
				SumTo(Where(c, ct[0], zero), n.Input(1).typ.Shape),
				SumTo(Where(c, zero, ct[0]), n.Input(2).typ.Shape)}
		},
		JVP: func(n *Node, dot []*Node) []*Node {
			a, b := dot[1], dot[2]
			if a == nil {
				a = Like(n, 0)
			}
			if b == nil {
				b = Like(n, 0)
			}
			return []*Node{BroadcastTo(Where(n.Input(0), a, b), n.typ.Shape...)}
		},
		Samples: []Sample{{In: []SampleInput{
			{Type: Type{Bool, Shape{2, 1}}, Values: []float64{0, 1}, Constant: true},
			{Type: Type{Float64, Shape{5}}}, {Type: Type{Float64, Shape{2, 5}}}}}},
	})
	opCast = Register(&Op{
		Name: "cast", Family: FamilyCompare, MinArity: 1, MaxArity: 1, Elementwise: true, Micro: "cast",
		Doc:   "Converts the dtype: float to integer truncates and saturates, NaN gives 0; to bool is x ≠ 0. Differentiable between float dtypes only.",
		Attrs: []AttrSpec{{Key: "dtype", Kind: attr.String, Doc: "the result's dtype"}},
		Operands: func(_ []*Node, a attr.List) (DType, error) {
			d, ok := parseDType(a.Str("dtype"))
			if !ok {
				return 0, fmt.Errorf("no dtype is named %q", a.Str("dtype"))
			}
			return d, nil
		},
		Formula: "the adjoint, cast back",
		VJP: func(n *Node, ct []*Node) []*Node {
			if x := n.Input(0); x.typ.DType.IsFloat() && n.typ.DType.IsFloat() {
				return []*Node{Cast(ct[0], x.typ.DType)}
			}
			return []*Node{nil}
		},
		JVP: func(n *Node, dot []*Node) []*Node {
			if n.Input(0).typ.DType.IsFloat() && n.typ.DType.IsFloat() {
				return []*Node{Cast(dot[0], n.typ.DType)}
			}
			return []*Node{nil}
		},
		Samples: []Sample{
			{Attrs: attr.Make(attr.S("dtype", "float64")), In: []SampleInput{{Type: Type{Float64, Shape{3, 5}}}}},
			{Attrs: attr.Make(attr.S("dtype", "int32")), In: []SampleInput{{Type: Type{Float64, Shape{3, 5}}}}, NoDifferences: "steps"},
			{Attrs: attr.Make(attr.S("dtype", "int64")), In: []SampleInput{{Type: Type{Float64, Shape{3}}, Values: []float64{1e30, -1e30, posInf - posInf}}}, NoDifferences: "saturation"},
			{Attrs: attr.Make(attr.S("dtype", "bool")), In: []SampleInput{{Type: Type{Float64, Shape{3, 5}}}}, NoDifferences: "steps"},
		},
	})
}

// Equal returns whether x = y elementwise, as bool.
func Equal(x, y *Node) *Node { return apply2(opEqual, x, y) }

// NotEqual returns whether x ≠ y elementwise, as bool; true for NaN.
func NotEqual(x, y *Node) *Node { return apply2(opNotEqual, x, y) }

// ordered applies an operator of two operands; comparisons and extrema take bools as 0 and 1.
func ordered(op *Op, x, y *Node) *Node {
	if !x.Valid() || !y.Valid() || x.typ.DType != Bool || y.typ.DType != Bool {
		return apply2(op, x, y)
	}
	switch op {
	case opMax:
		return LogicalOr(x, y)
	case opMin:
		return LogicalAnd(x, y)
	case opLess, opLessEqual, opGreater, opGreaterEqual:
		x, y = Cast(x, Int32), Cast(y, Int32)
	}
	return apply2(op, x, y)
}

// Less returns whether x < y elementwise, as bool; false is less than true.
func Less(x, y *Node) *Node { return ordered(opLess, x, y) }

// LessEqual returns whether x ≤ y elementwise, as bool.
func LessEqual(x, y *Node) *Node { return ordered(opLessEqual, x, y) }

// Greater returns whether x > y elementwise, as bool.
func Greater(x, y *Node) *Node { return ordered(opGreater, x, y) }

// GreaterEqual returns whether x ≥ y elementwise, as bool.
func GreaterEqual(x, y *Node) *Node { return ordered(opGreaterEqual, x, y) }

// IsNaN returns whether x is NaN elementwise, as bool; no integer or bool is.
func IsNaN(x *Node) *Node {
	if x.Valid() && !x.typ.DType.IsFloat() {
		return NotEqual(x, x)
	}
	return apply1(opIsNaN, x)
}

// IsFinite returns whether x is neither infinite nor NaN elementwise, as bool; every integer and bool is.
func IsFinite(x *Node) *Node {
	if x.Valid() && !x.typ.DType.IsFloat() {
		return Equal(x, x)
	}
	return apply1(opIsFinite, x)
}

// truth is a bool, and whether a number is not 0, as NumPy's and PyTorch's logical functions take it.
func truth(x *Node) *Node { return orCast(x, BoolOnly, Bool) }

// LogicalAnd returns whether both operands are true, elementwise; a number is if it is not 0, as in all logical functions.
func LogicalAnd(x, y *Node) *Node { return apply2(opLogicalAnd, truth(x), truth(y)) }

// LogicalOr returns whether one of the operands is true, elementwise.
func LogicalOr(x, y *Node) *Node { return apply2(opLogicalOr, truth(x), truth(y)) }

// LogicalXor returns whether exactly one of the operands is true, elementwise.
func LogicalXor(x, y *Node) *Node { return apply2(opLogicalXor, truth(x), truth(y)) }

// LogicalNot returns whether the operand is false, elementwise.
func LogicalNot(x *Node) *Node { return apply1(opLogicalNot, truth(x)) }

// Where returns a where condition (bool) is true, else b, elementwise and broadcast. The branch that is
// not taken contributes exactly 0 to every derivative, of every order and in both modes, whatever is infinite or NaN in it: through elementwise operators, reductions,
// operators that move elements, and products of matrices. Operators that solve, convolve or recur with infinite operands may give NaN for
// an adjoint of 0, and what a run refuses (a singular matrix, an index out of range) it refuses in both branches.
func Where(condition, a, b *Node) *Node { return apply3(opWhere, condition, a, b) }

// Cast converts x to the dtype; x itself if it has that dtype.
func Cast(x *Node, d DType) *Node {
	if x.Valid() && x.typ.DType == d {
		return x
	}
	return applyAll(opCast, []*Node{x}, attr.S("dtype", d.String()))
}

// taylorOfWhere chooses among the branches' coefficients.
func taylorOfWhere(n *Node, s Series, k int) (*Node, bool) {
	branches := n.Inputs()[1:]
	a, b := s.Coefficient(branches[0], k), s.Coefficient(branches[1], k)
	if a == nil && b == nil {
		return nil, true
	}
	if a == nil {
		a = Like(branches[0], 0)
	}
	if b == nil {
		b = Like(branches[1], 0)
	}
	return BroadcastTo(Where(n.Input(0), a, b), n.typ.Shape...), true
}
