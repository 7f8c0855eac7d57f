package expr

import "fmt"

// Op is an operator that is written as a sign.
type Op uint8

// The operators. The zero Op does not occur.
const (
	_   Op = iota
	Or     // ||
	And    // &&
	Less
	LessEqual
	Greater
	GreaterEqual
	Equals
	NotEquals
	Add
	Sub
	Mul
	Div
	Pow
	Neg // unary -
	Not // unary !
	opCount
)

// The levels of precedence, loosest first.
const (
	precOr = iota + 1
	precAnd
	precCompare
	precSum
	precProduct
	precUnary
	precPower
	precOperand
)

// opInfos is indexed by Op. Function is the name of the graph's operator with the same meaning.
var opInfos = [opCount]struct {
	sign, function string
	prec           int
}{
	Or:           {"||", "logical_or", precOr},
	And:          {"&&", "logical_and", precAnd},
	Less:         {"<", "lt", precCompare},
	LessEqual:    {"<=", "le", precCompare},
	Greater:      {">", "gt", precCompare},
	GreaterEqual: {">=", "ge", precCompare},
	Equals:       {"==", "eq", precCompare},
	NotEquals:    {"!=", "ne", precCompare},
	Add:          {"+", "add", precSum},
	Sub:          {"-", "sub", precSum},
	Mul:          {"*", "mul", precProduct},
	Div:          {"/", "div", precProduct},
	Pow:          {"^", "pow", precPower},
	Neg:          {"-", "neg", precUnary},
	Not:          {"!", "logical_not", precUnary},
}

func (o Op) valid() bool { return o > 0 && o < opCount }

// String returns the operator's sign.
func (o Op) String() string {
	if !o.valid() {
		panic(fmt.Sprintf("BUG: expr.Op(%d) is no operator", uint8(o)))
	}
	return opInfos[o].sign
}

// Expr is an expression: *Number, *Name, *Unary, *Binary or *Call.
type Expr interface {
	// Span returns the expression's place in the source, parentheses around it included.
	Span() Span
	widen(Span)
}

// node is the place that every expression has.
type node struct{ span Span }

// Span returns the expression's place in the source, parentheses around it included.
func (n *node) Span() Span   { return n.span }
func (n *node) widen(s Span) { n.span = s }

// Number is a number; Value is finite and not negative.
type Number struct {
	node
	Value float64
}

// Meaning is what a name stands for.
type Meaning uint8

// The meanings. The zero Meaning does not occur in a Program.
const (
	_        Meaning = iota
	Input            // a free variable
	Variable         // assigned by an earlier statement
	Constant         // pi
)

// Name is the use of a name.
type Name struct {
	node
	Name    string // normalised: x₁ is x1, π is pi
	Meaning Meaning
	// Statement is the index of the statement that assigns the name when Meaning is Variable; else -1.
	Statement int
}

// Unary is -X or !X. A unary plus leaves no trace in the tree.
type Unary struct {
	node
	Op Op
	X  Expr
}

// Binary is X Op Y, also for implicit multiplication and for superscripts.
type Binary struct {
	node
	Op     Op
	OpSpan Span // place of the sign; empty for implicit multiplication
	X, Y   Expr
}

// Call is Function(Args...).
type Call struct {
	node
	Function     string
	FunctionSpan Span
	Args         []Expr
}

// Statement is an assignment, or the expression at a program's end.
type Statement struct {
	Name     string // empty for an expression alone
	NameSpan Span
	Expr     Expr
}

// Program is a parsed source.
type Program struct {
	Source     string
	Statements []Statement // at least one
	// Inputs has the first use of every free variable, in order of appearance.
	Inputs []*Name
}

// spine returns the chain of binary expressions that e's left operands form,
// outermost last, and the leftmost operand. Sums of many terms lean to the left,
// so whoever walks a tree takes the spine in a loop and recurses only into the
// right operands, whose depth the parser limits.
func spine(e Expr) (leftmost Expr, chain []*Binary) {
	for {
		b, ok := e.(*Binary)
		if !ok {
			break
		}
		chain = append(chain, b)
		e = b.X
	}
	for i, j := 0, len(chain)-1; i < j; i, j = i+1, j-1 {
		chain[i], chain[j] = chain[j], chain[i]
	}
	return e, chain
}

// walk calls visit for every node of e, operands before operators, from left to right.
func walk(e Expr, visit func(Expr)) {
	leftmost, chain := spine(e)
	switch e := leftmost.(type) {
	case *Unary:
		walk(e.X, visit)
	case *Call:
		for _, a := range e.Args {
			walk(a, visit)
		}
	}
	visit(leftmost)
	for _, b := range chain {
		walk(b.Y, visit)
		visit(b)
	}
}

// Equal reports whether a and b are the same tree, places in the source aside.
func Equal(a, b Expr) bool {
	a, as := spine(a)
	b, bs := spine(b)
	if len(as) != len(bs) {
		return false
	}
	for i := range as {
		if as[i].Op != bs[i].Op || !Equal(as[i].Y, bs[i].Y) {
			return false
		}
	}
	switch a := a.(type) {
	case *Number:
		b, ok := b.(*Number)
		return ok && a.Value == b.Value
	case *Name:
		b, ok := b.(*Name)
		return ok && a.Name == b.Name
	case *Unary:
		b, ok := b.(*Unary)
		return ok && a.Op == b.Op && Equal(a.X, b.X)
	case *Call:
		b, ok := b.(*Call)
		if !ok || a.Function != b.Function || len(a.Args) != len(b.Args) {
			return false
		}
		for i := range a.Args {
			if !Equal(a.Args[i], b.Args[i]) {
				return false
			}
		}
		return true
	}
	panic(fmt.Sprintf("BUG: expression of type %T", a))
}
