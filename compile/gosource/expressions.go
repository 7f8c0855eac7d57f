package gosource

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
)

// Precedences of Go's operators, and that of operands that need no parentheses.
const (
	precedenceOr = iota + 1
	precedenceAnd
	precedenceCompare
	precedenceAdd
	precedenceMul
	precedenceUnary
	precedenceOperand
)

// expression is Go text with the precedence of its last operator.
type expression struct {
	text       string
	precedence int
	constant   bool   // Go calculates it at compile time, to more digits
	negative   string // of a product with a constant: its opposite
	size       int    // operations
}

func name(text string) expression { return expression{text: text, precedence: precedenceOperand} }

// in returns the text as an operand of an operator of the given precedence.
func (e expression) in(precedence int) string {
	if e.precedence < precedence {
		return "(" + e.text + ")"
	}
	return e.text
}

func goType(d dtype.DType) string {
	switch d {
	case dtype.Float64:
		return "float64"
	case dtype.Float32:
		return "float32"
	case dtype.Int64:
		return "int64"
	case dtype.Int32:
		return "int32"
	}
	return "bool"
}

// literal returns the element with the given bits as a constant, or as an expression for what Go has no constants for.
func (g *generator) literal(d dtype.DType, bits uint64) expression {
	text := dtype.FormatBits(d, bits)
	e := expression{text: text, precedence: precedenceOperand, constant: true}
	if d.IsInt() && strings.HasPrefix(text, "-") {
		e.precedence = precedenceUnary
		return e
	}
	if !d.IsFloat() {
		return e
	}
	v := math.Float64frombits(bits)
	if d == dtype.Float32 {
		v = float64(math.Float32frombits(uint32(bits)))
	}
	call := func(s string) expression {
		g.imports["math"] = true
		if d == dtype.Float32 {
			s = "float32(" + s + ")"
		}
		return name(s)
	}
	switch {
	case v != v && d == dtype.Float64:
		return call(fmt.Sprintf("math.Float64frombits(%#x)", bits))
	case v != v:
		g.imports["math"] = true
		return name(fmt.Sprintf("math.Float32frombits(%#x)", uint32(bits)))
	case math.IsInf(v, 1):
		return call("math.Inf(1)")
	case math.IsInf(v, -1):
		return call("math.Inf(-1)")
	case v == 0 && math.Signbit(v):
		return call("math.Copysign(0, -1)")
	case v < 0:
		e.precedence = precedenceUnary
	}
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		e.text = strconv.FormatFloat(v, 'f', -1, 64)
	}
	return e
}

// typed returns a literal that stands alone, so that := gives it the right type.
func (e expression) typed(d dtype.DType) string {
	if e.constant && d != dtype.Bool {
		return goType(d) + "(" + e.text + ")"
	}
	return e.text
}

func call(function string, args ...expression) expression {
	list := make([]string, len(args))
	size := 1
	for i, a := range args {
		list[i] = a.text
		size += a.size
	}
	return expression{text: function + "(" + strings.Join(list, ", ") + ")", precedence: precedenceOperand, size: size}
}

func binary(op string, precedence int, a, b expression) expression {
	return expression{text: a.in(precedence) + " " + op + " " + b.in(precedence+1), precedence: precedence, size: a.size + b.size + 1}
}

func unary(op string, a expression) expression {
	text := a.in(precedenceUnary)
	if strings.HasPrefix(text, op) { // --x
		text = "(" + text + ")"
	}
	return expression{text: op + text, precedence: precedenceUnary, size: a.size + 1}
}

// opposite returns the constant of the other sign.
func opposite(c expression) expression {
	if text, ok := strings.CutPrefix(c.text, "-"); ok {
		c.text, c.precedence = text, precedenceOperand
		return c
	}
	c.text, c.precedence = "-"+c.text, precedenceUnary
	return c
}

var infix = map[micro.Op]struct {
	text       string
	precedence int
}{
	micro.Add: {"+", precedenceAdd}, micro.Sub: {"-", precedenceAdd}, micro.Mul: {"*", precedenceMul}, micro.Div: {"/", precedenceMul},
	micro.Eq: {"==", precedenceCompare}, micro.Ne: {"!=", precedenceCompare}, micro.Lt: {"<", precedenceCompare}, micro.Le: {"<=", precedenceCompare},
	micro.Gt: {">", precedenceCompare}, micro.Ge: {">=", precedenceCompare},
	micro.BitwiseAnd: {"&", precedenceMul}, micro.BitwiseOr: {"|", precedenceAdd}, micro.BitwiseXor: {"^", precedenceAdd},
	micro.And: {"&&", precedenceAnd}, micro.Or: {"||", precedenceOr}, micro.Xor: {"!=", precedenceCompare},
}

// ofMath are the functions of package math that have the bits of the operation.
var ofMath = map[micro.Op]string{
	micro.Abs: "Abs", micro.Floor: "Floor", micro.Ceil: "Ceil", micro.Trunc: "Trunc", micro.Round: "RoundToEven", micro.Sqrt: "Sqrt", micro.Copysign: "Copysign", micro.Rem: "Mod",
}

// operation returns the expression of a micro-operation. Round tells that a product of floats may come next to a sum, with which the compiler must not join it.
func (g *generator) operation(c *micro.Instr, args []expression, round bool) (expression, error) {
	t := c.Type
	if i, ok := infix[c.Op]; ok && !(t.IsInt() && c.Op == micro.Div || t.IsFloat() && c.Op == micro.BitwiseOr) {
		e := binary(i.text, i.precedence, args[0], args[1])
		if c.Op != micro.Mul || !t.IsFloat() {
			return e, nil
		}
		for k, a := range args {
			if a.constant {
				args[k] = opposite(a)
				e.negative = binary(i.text, i.precedence, args[0], args[1]).text
				break
			}
		}
		if round {
			e.text, e.precedence = goType(t)+"("+e.text+")", precedenceOperand
			if e.negative != "" {
				e.negative = goType(t) + "(" + e.negative + ")"
			}
		}
		return e, nil
	}
	switch c.Op {
	case micro.Mov:
		return args[0], nil
	case micro.Neg:
		if e := args[0]; e.negative != "" {
			e.text, e.negative = e.negative, ""
			return e, nil
		}
		return unary("-", args[0]), nil
	case micro.Not:
		return unary("!", args[0]), nil
	case micro.Min:
		return call("min", args...), nil
	case micro.Max:
		return call("max", args...), nil
	case micro.IsNaN:
		g.imports["math"] = true
		return call("math.IsNaN", g.wide(t, args[0])), nil
	case micro.Select:
		g.helpers["choose"] = true
		args[1].text, args[2].text = args[1].typed(t), args[2].typed(t)
		return call("choose", args...), nil
	case micro.Cast:
		return g.cast(c, args[0]), nil
	case micro.FMA, micro.FMS, micro.FNMA:
		a, b, s := args[0], args[1], args[2]
		if c.Op == micro.FMS {
			s = unary("-", s)
		} else if c.Op == micro.FNMA {
			a = unary("-", a)
		}
		if t == dtype.Float32 {
			g.carry("fma32")
			return call("fma32", a, b, s), nil
		}
		g.imports["math"] = true
		return call("math.FMA", a, b, s), nil
	}
	if t.IsInt() {
		return g.integer(c, args)
	}
	if c.Op == micro.IsFinite {
		g.carry("isFinite")
		return call("isFinite", args...), nil
	}
	if f := ofMath[c.Op]; f != "" && t.IsFloat() {
		g.imports["math"] = true
		for k := range args {
			args[k] = g.wide(t, args[k])
		}
		e := call("math."+f, args...)
		if t == dtype.Float32 {
			e = call("float32", e)
		}
		return e, nil
	}
	if c.Op == micro.BetaInc {
		g.carry("betaInc")
		for k := range args {
			args[k] = g.wide(t, args[k])
		}
		e := call("betaInc", args...)
		if t == dtype.Float32 {
			e = call("float32", e)
		}
		return e, nil
	}
	text, refers, ok := sources().function(c.Op, t)
	if !ok {
		return expression{}, fmt.Errorf("operation %v has no form in Go source", c.Op)
	}
	g.imports["math"] = true
	for _, n := range refers {
		g.carry(n)
	}
	for k := range args {
		args[k].text = args[k].typed(t)
	}
	return call(text, args...), nil
}

// integer returns the expression of an operation on integers.
func (g *generator) integer(c *micro.Instr, args []expression) (expression, error) {
	functions := map[micro.Op]string{micro.Div: "divInt", micro.Mod: "modInt", micro.Rem: "remInt", micro.Abs: "absInt", micro.Pow: "powInt", micro.Sign: "sign",
		micro.ShiftLeft: "shiftLeft", micro.ShiftRight: "shiftRight", micro.Gcd: "gcd"}
	f := functions[c.Op]
	if f == "" {
		return expression{}, fmt.Errorf("operation %v of integers has no form in Go source", c.Op)
	}
	g.carry(f)
	for k := range args {
		args[k].text = args[k].typed(c.Type)
	}
	return call(f, args...), nil
}

// wide returns a float as float64.
func (g *generator) wide(t dtype.DType, e expression) expression {
	if t == dtype.Float32 {
		return call("float64", e)
	}
	return e
}

func (g *generator) cast(c *micro.Instr, x expression) expression {
	from, to := c.Type, c.To
	switch {
	case from == to:
		return x
	case from == dtype.Bool:
		g.helpers["oneIf"] = true
		e := call("oneIf["+goType(to)+"]", x)
		return e
	case to == dtype.Bool:
		return expression{text: x.in(precedenceCompare+1) + " != 0", precedence: precedenceCompare, size: x.size + 1}
	case from.IsFloat() && to == dtype.Int64:
		g.helpers["toInt64"] = true
		return call("toInt64", g.wide(from, x))
	case from.IsFloat() && to == dtype.Int32:
		g.helpers["toInt32"] = true
		return call("toInt32", g.wide(from, x))
	case x.constant:
		x = name(x.typed(from))
	}
	return call(goType(to), x)
}

// carry notes that the file needs a declaration of package elem.
func (g *generator) carry(name string) { g.carried[name] = true }

// flushed returns a float that is 0 where it is subnormal.
func (g *generator) flushed(t dtype.DType, e expression) expression {
	g.carry("flush")
	g.imports["math"] = true
	e.text = e.typed(t)
	return call("flush", e)
}

// helperText are the functions that generated files carry besides those of package elem, in order.
var helperText = []struct{ name, text string }{
	{"choose", `
// choose returns a if the condition holds, else b.
func choose[T any](condition bool, a, b T) T {
	if condition {
		return a
	}
	return b
}
`},
	{"oneIf", `
// oneIf returns 1 for true and 0 for false.
func oneIf[T float64 | float32 | int64 | int32](b bool) T {
	if b {
		return 1
	}
	return 0
}
`},
	{"toInt64", converted("FloatToInt64", "toInt64")},
	{"toInt32", converted("FloatToInt32", "toInt32")},
}

// converted returns a function of package dtype under another name.
func converted(name, as string) string {
	_, text, ok := strings.Cut(dtype.ConvertSource, "// "+name+" ")
	body, _, end := strings.Cut(text, "\n}\n")
	if !ok || !end {
		panic("BUG: there is no " + name)
	}
	return "\n// " + as + " " + strings.Replace(body, "func "+name, "func "+as, 1) + "\n}\n"
}

// foldText is the reduction of floats in the order of Adjoint's machines. %[1]s: name, %[2]s: type, %[3]d: accumulators, %[4]s: operator, %[5]s: identity, %[6]s: what it gives, %[7]d: accumulators less one.
const foldText = `
// %[1]s calculates a %[6]s in the order that gives it the same bits on every machine: %[3]d accumulators take turns within a block of 512 elements, and
// blocks are joined in pairs.
type %[1]s struct {
	turns  [%[3]d]%[2]s
	count  int
	blocks uint64 // bit k: levels[k] holds the result of 2^k blocks
	levels [48]%[2]s
}

func (r *%[1]s) reset() {
	r.count, r.blocks = 0, 0
	for i := range r.turns {
		r.turns[i] = %[5]s
	}
}

func (r *%[1]s) add(x %[2]s) {
	if r.count == 512 {
		r.block()
	}
	r.turns[r.count&%[7]d] = r.turns[r.count&%[7]d] %[4]s x
	r.count++
}

// fold joins the accumulators.
func (r *%[1]s) fold() %[2]s {
	for half := %[3]d / 2; half > 0; half /= 2 {
		for i := 0; i < half; i++ {
			r.turns[i] = r.turns[i] %[4]s r.turns[i+half]
		}
	}
	return r.turns[0]
}

func (r *%[1]s) block() {
	r.join(r.fold())
	r.count = 0
	for i := range r.turns {
		r.turns[i] = %[5]s
	}
}

// join enters the result of a block.
func (r *%[1]s) join(x %[2]s) {
	level := 0
	for ; r.blocks>>level&1 != 0; level++ {
		x = r.levels[level] %[4]s x
		r.blocks &^= 1 << level
	}
	r.levels[level] = x
	r.blocks |= 1 << level
}

func (r *%[1]s) result() %[2]s {
	if r.count > 0 {
		r.block()
	}
	level := 0
	for r.blocks>>level&1 == 0 {
		level++
	}
	x := r.levels[level]
	for level++; r.blocks>>level != 0; level++ {
		if r.blocks>>level&1 != 0 {
			x = r.levels[level] %[4]s x
		}
	}
	return x
}
`
