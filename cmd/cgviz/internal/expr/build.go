package expr

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/adjoint-go/adjoint/graph"
)

// sourceName stands for the program's text in the positions of its nodes.
const sourceName = "expression"

// Build adds the program to g and returns its outputs: in the order of the
// statements, the assigned variables that no other statement uses, and the last
// statement's value.
//
// Inputs become scalar float64 inputs in the order of their first appearance,
// assigned names become node names, and nodes carry the line of their statement.
// x^2 becomes square; any other power stays pow. A minus before a number is part
// of the constant. All values are scalars: float64, or bool from comparisons.
//
// A mistake (an unknown function, a wrong number of arguments, a condition where
// a number is needed) is returned in an ErrorList; g has then been changed and is
// of no use.
func Build(g *graph.Graph, prog *Program) (outputs []*graph.Node, err error) {
	b := &builder{g: g, prog: prog, inputs: map[string]*graph.Node{}, values: make([]*graph.Node, len(prog.Statements))}
	for _, n := range prog.Inputs {
		b.at(n.span, func() {
			b.inputs[n.Name] = b.check(n.span, g.Input(n.Name, graph.Float64))
		})
	}
	used := make([]bool, len(prog.Statements))
	for i, s := range prog.Statements {
		walk(s.Expr, func(e Expr) {
			if n, ok := e.(*Name); ok && n.Meaning == Variable {
				used[n.Statement] = true
			}
		})
		b.at(s.Expr.Span(), func() {
			v := b.expression(s.Expr)
			if v != nil && s.Name != "" {
				if v.Name() != "" {
					v = v.Twin() // each assignment is drawn
				}
				v = b.check(s.NameSpan, v.Named(s.Name))
			}
			b.values[i] = v
		})
	}
	if len(b.errors) > 0 {
		return nil, b.errors.first(b.mistakes)
	}
	for i, v := range b.values {
		last := i == len(b.values)-1
		if (last || !used[i]) && !slices.Contains(outputs, v) {
			outputs = append(outputs, v)
		}
	}
	return outputs, nil
}

// builder walks a program. A nil node stands for one whose mistake has been reported.
type builder struct {
	g      *graph.Graph
	prog   *Program
	inputs map[string]*graph.Node
	values []*graph.Node // of the statements
	errors ErrorList

	mistakes int // those that are only counted included
}

// at runs build with the line of span as the position of new nodes.
func (b *builder) at(span Span, build func()) {
	b.g.At(graph.Position{File: sourceName, Line: position(b.prog.Source, span.Start).Line}, build)
}

// fail reports a mistake.
func (b *builder) fail(kind Kind, span Span, hint, format string, args ...any) *graph.Node {
	b.mistakes++
	if len(b.errors) < 10*maxErrors {
		b.errors = append(b.errors, &Error{Kind: kind, Span: span, Pos: position(b.prog.Source, span.Start),
			Message: fmt.Sprintf(format, args...), Hint: hint, source: b.prog.Source})
	}
	return nil
}

// check returns n, or reports the mistake that made the graph return an invalid node.
func (b *builder) check(span Span, n *graph.Node) *graph.Node {
	if n.Valid() {
		return n
	}
	reason := b.g.Err()
	if joined, ok := reason.(interface{ Unwrap() []error }); ok {
		all := joined.Unwrap()
		reason = all[len(all)-1]
	}
	message := fmt.Sprint(reason)
	var e *graph.Error
	if errors.As(reason, &e) {
		message = fmt.Sprintf("%s: %v", e.Op, e.Err)
	}
	return b.fail(Semantic, span, "", "%s", message)
}

// expression adds e.
func (b *builder) expression(e Expr) *graph.Node {
	leftmost, chain := spine(e)
	var x *graph.Node
	switch e := leftmost.(type) {
	case *Number:
		x = b.g.Const(e.Value)
	case *Name:
		x = b.name(e)
	case *Unary:
		x = b.unary(e)
	case *Call:
		x = b.call(e)
	default:
		panic(fmt.Sprintf("BUG: expression of type %T", leftmost))
	}
	for _, c := range chain {
		if n, ok := c.Y.(*Number); ok && c.Op == Pow && n.Value == 2 {
			x = b.apply(c, "square", c.X, x)
			continue
		}
		x = b.apply(c, opInfos[c.Op].function, c.X, x, c.Y, b.expression(c.Y))
	}
	return x
}

func (b *builder) name(n *Name) *graph.Node {
	switch n.Meaning {
	case Input:
		return b.inputs[n.Name]
	case Variable:
		return b.values[n.Statement]
	case Constant:
		return b.g.Const(math.Pi)
	}
	panic(fmt.Sprintf("BUG: name %q has no meaning", n.Name))
}

func (b *builder) unary(u *Unary) *graph.Node {
	if n, ok := u.X.(*Number); ok && u.Op == Neg {
		return b.g.Const(-n.Value)
	}
	return b.apply(u, opInfos[u.Op].function, u.X, b.expression(u.X))
}

// apply adds the operator that a sign stands for; operands are pairs of an
// expression and its node. Conditions and numbers are told apart here, where the
// operand's place is known.
func (b *builder) apply(e Expr, function string, operands ...any) *graph.Node {
	op := graph.LookupOp(function)
	if op == nil {
		panic(fmt.Sprintf("BUG: no operator %q", function))
	}
	var in []*graph.Node
	ok := true
	for i := 0; i < len(operands); i += 2 {
		x, n := operands[i].(Expr), operands[i+1].(*graph.Node)
		if n == nil {
			ok = false
			continue
		}
		if !op.DTypes.Has(n.DType()) {
			ok = false
			b.mismatch(x, sign(e), n.DType())
		}
		in = append(in, n)
	}
	if !ok {
		return nil
	}
	if len(in) == 2 && in[0].DType() != in[1].DType() {
		return b.fail(Semantic, e.Span(), "where(condition, 1, 0) turns a condition into a number", "%q stands between a condition and a number", sign(e))
	}
	return b.check(e.Span(), b.g.Apply(op, in, nil))
}

// sign returns the sign of an operation.
func sign(e Expr) string {
	switch e := e.(type) {
	case *Unary:
		return e.Op.String()
	case *Binary:
		return e.Op.String()
	}
	panic(fmt.Sprintf("BUG: %T has no sign", e))
}

// mismatch reports that x, of dtype d, cannot be an operand of the sign.
func (b *builder) mismatch(x Expr, sign string, d graph.DType) {
	if d == graph.Bool {
		b.fail(Semantic, x.Span(), "where(condition, 1, 0) turns a condition into a number", "%q needs a number, this is a condition", sign)
	} else {
		b.fail(Semantic, x.Span(), "a comparison such as x > 0 is a condition", "%q needs a condition, this is a number", sign)
	}
}

// call adds a function's value.
func (b *builder) call(c *Call) *graph.Node {
	op := graph.LookupOp(c.Function)
	switch {
	case op == nil || !callable(op):
		b.unknown(c)
	case len(c.Args) < op.MinArity || op.MaxArity >= 0 && len(c.Args) > op.MaxArity:
		b.fail(Function, c.span, "write "+signature(op), "%s takes %s, not %d", c.Function, arity(op), len(c.Args))
		op = nil
	}
	// The arguments' own mistakes are reported too.
	in := make([]*graph.Node, 0, len(c.Args))
	for _, a := range c.Args {
		if n := b.expression(a); n != nil {
			in = append(in, n)
		}
	}
	if op == nil || !callable(op) || len(in) < len(c.Args) {
		return nil
	}
	return b.check(c.span, b.g.Apply(op, in, nil))
}

// callable reports whether an expression can call the operator: it works on scalars and needs no attributes.
func callable(op *graph.Op) bool {
	for _, a := range op.Attrs {
		if !a.Optional {
			return false
		}
	}
	return op.Elementwise && op.MaxArity != 0
}

// arity describes the number of operands.
func arity(op *graph.Op) string {
	plural := "s"
	if op.MinArity == 1 && op.MaxArity <= 1 {
		plural = ""
	}
	switch {
	case op.MaxArity < 0:
		return fmt.Sprintf("at least %d argument%s", op.MinArity, plural)
	case op.MinArity == op.MaxArity:
		return fmt.Sprintf("%d argument%s", op.MinArity, plural)
	}
	return fmt.Sprintf("%d to %d arguments", op.MinArity, op.MaxArity)
}

// signature returns a call of the operator with names for its arguments.
func signature(op *graph.Op) string {
	names := []string{"x", "y", "z"}
	switch op.Name {
	case "where":
		names = []string{"condition", "x", "y"}
	case "atan2":
		names = []string{"y", "x"}
	}
	for i := len(names); i < op.MinArity; i++ {
		names = append(names, fmt.Sprintf("x%d", i+1))
	}
	args := strings.Join(names[:op.MinArity], ", ")
	if op.MaxArity < 0 || op.MaxArity > op.MinArity {
		args += ", …"
	}
	return op.Name + "(" + args + ")"
}

// synonyms maps names that other systems use to the operator's name.
var synonyms = map[string]string{
	"ln": "log", "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arctan2": "atan2", "arcsinh": "asinh", "arccosh": "acosh",
	"arctanh": "atanh", "arsinh": "asinh", "arcosh": "acosh", "artanh": "atanh", "tg": "tan", "fabs": "abs", "sgn": "sign",
	"sqr": "square", "power": "pow", "maximum": "max", "minimum": "min", "if": "where", "ifelse": "where", "select": "where",
	"cond": "where", "logistic": "sigmoid", "expit": "sigmoid", "fmod": "remainder", "cuberoot": "cbrt",
	"less": "lt", "less_equal": "le", "greater": "gt", "greater_equal": "ge", "equal": "eq", "not_equal": "ne",
	"and": "logical_and", "or": "logical_or", "not": "logical_not", "xor": "logical_xor", "multiply": "mul", "divide": "div",
	"subtract": "sub", "negative": "neg", "isnan": "is_nan", "isfinite": "is_finite",
}

// unknown reports a call of a function that does not exist or cannot be called.
func (b *builder) unknown(c *Call) {
	if op := graph.LookupOp(c.Function); op != nil {
		b.fail(Function, c.FunctionSpan, "", "%s cannot be used in an expression: it works on tensors or needs attributes", c.Function)
		return
	}
	hint := ""
	if names := closest(c.Function); len(names) > 0 {
		hint = "did you mean " + strings.Join(names, " or ") + "?"
	}
	known := b.inputs[c.Function] != nil
	for _, s := range b.prog.Statements {
		known = known || s.Name == c.Function
	}
	if known {
		hint = fmt.Sprintf("%[1]s is a variable; for the product write %[1]s*(…)", c.Function)
	}
	b.fail(Function, c.FunctionSpan, hint, "there is no function %q", c.Function)
}

// closest returns at most three callable operators with names close to name, closest first.
func closest(name string) []string {
	name = strings.ToLower(name)
	if s, ok := synonyms[name]; ok && graph.LookupOp(s) != nil {
		return []string{s}
	}
	type candidate struct {
		name     string
		distance int
	}
	var found []candidate
	for _, op := range graph.Ops() {
		if !callable(op) {
			continue
		}
		d := editDistance(name, op.Name)
		if len(name) > 2 && (strings.HasPrefix(op.Name, name) || strings.HasPrefix(name, op.Name)) {
			d = min(d, 2)
		}
		if 3*d <= max(len(name), len(op.Name)) || d <= 1 && len(name) > 1 {
			found = append(found, candidate{op.Name, d})
		}
	}
	slices.SortStableFunc(found, func(a, b candidate) int { return a.distance - b.distance })
	var names []string
	for _, f := range found[:min(len(found), 3)] {
		if f.distance <= found[0].distance+1 {
			names = append(names, f.name)
		}
	}
	return names
}

// editDistance returns the least number of insertions, deletions, replacements and
// swaps of neighbours that turn a into b (optimal string alignment). Of long
// strings only the first 50 bytes count.
func editDistance(a, b string) int {
	a, b = a[:min(len(a), 50)], b[:min(len(b), 50)]
	rows := [3][]int{make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		row, above, twoAbove := rows[i%3], rows[(i+2)%3], rows[(i+1)%3]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replace := 1
			if a[i-1] == b[j-1] {
				replace = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+replace)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], twoAbove[j-2]+1)
			}
		}
	}
	return rows[len(a)%3][len(b)]
}
