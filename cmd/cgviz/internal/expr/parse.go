package expr

import (
	"fmt"
)

// Parse reads a source. It returns either a program or, as an ErrorList, the
// mistakes that it found; it goes on after a mistake at the next statement.
func Parse(src string) (*Program, error) {
	p := &parser{src: src}
	if len(src) > MaxLength {
		p.report(&Error{Kind: Limit, Span: Span{MaxLength, MaxLength},
			Message: fmt.Sprintf("the source has %d bytes; at most %d are allowed", len(src), MaxLength)})
		return nil, p.errors
	}
	l := &lexer{src: src, report: p.report}
	l.run()
	p.tokens = l.tokens
	prog := p.program()
	if len(p.errors) == 0 {
		p.resolve(prog)
	}
	if len(p.errors) > 0 {
		return nil, p.errors.first(p.mistakes)
	}
	return prog, nil
}

// parser reads tokens by recursive descent. A mistake is a panic of type bail,
// caught in the statement that it is in.
type parser struct {
	src    string
	tokens []token
	pos    int
	open   []Span // the parentheses open at pos
	lost   bool   // a mistake has left parentheses open, so that closing ones without partner say nothing
	depth  int
	errors ErrorList

	mistakes int // those that are only counted included
}

// bail unwinds the parser to the statement after a mistake has been reported.
type bail struct{}

// report adds a mistake.
func (p *parser) report(e *Error) {
	p.mistakes++
	if len(p.errors) >= 10*maxErrors { // more than maxErrors, as the lexer's come first and are sorted in later
		return
	}
	e.source = p.src
	e.Pos = position(p.src, e.Span.Start)
	p.errors = append(p.errors, e)
}

// fail reports a mistake at t and unwinds. Nothing is reported at a bad token,
// which has been reported already.
func (p *parser) fail(t token, hint, format string, args ...any) {
	if t.kind != tokenBad {
		p.report(&Error{Kind: Syntax, Span: t.span, Message: fmt.Sprintf(format, args...), Hint: hint})
	}
	panic(bail{})
}

// raw returns the next token, newlines included.
func (p *parser) raw() token { return p.tokens[p.pos] }

// peek returns the next token. Inside parentheses newlines are space.
func (p *parser) peek() token {
	if len(p.open) > 0 {
		p.skipNewlines()
	}
	return p.tokens[p.pos]
}

func (p *parser) skipNewlines() {
	for p.tokens[p.pos].kind == tokenNewline {
		p.pos++
	}
}

// next consumes and returns the next token.
func (p *parser) next() token {
	t := p.peek()
	if t.kind != tokenEOF {
		p.pos++
	}
	return t
}

// describe names t for a message.
func (p *parser) describe(t token) string {
	switch t.kind {
	case tokenEOF:
		return "the end"
	case tokenNewline:
		return "the end of the line"
	}
	text := p.src[t.span.Start:t.span.End]
	switch t.kind {
	case tokenName:
		return fmt.Sprintf("the name %q", text)
	case tokenNumber:
		return "the number " + text
	}
	return fmt.Sprintf("%q", text)
}

// enter counts one level of nesting, leave takes it back.
func (p *parser) enter() {
	p.depth++
	if p.depth > MaxDepth {
		p.report(&Error{Kind: Limit, Span: p.peek().span, Message: fmt.Sprintf("nested more than %d levels deep", MaxDepth)})
		panic(bail{})
	}
}

func (p *parser) leave() { p.depth-- }

// program reads all statements.
func (p *parser) program() *Program {
	prog := &Program{Source: p.src}
	var starts []token
	for {
		newline := false
		for k := p.raw().kind; k == tokenNewline || k == tokenSemicolon; k = p.raw().kind {
			newline = k == tokenNewline
			p.pos++
		}
		if p.raw().kind == tokenEOF {
			break
		}
		starts = append(starts, p.raw())
		if s, ok := p.statement(newline && len(starts) > 1); ok {
			prog.Statements = append(prog.Statements, s)
		}
	}
	if len(starts) == 0 {
		p.report(&Error{Kind: Syntax, Span: p.raw().span, Message: "there is no expression", Hint: "write for example z = x1^2 + x2^2 + x1*x2"})
	}
	if len(p.errors) > 0 {
		return prog
	}
	for _, s := range prog.Statements[:len(prog.Statements)-1] {
		if s.Name == "" {
			p.report(&Error{Kind: Syntax, Span: s.Expr.Span(), Message: "the value of this expression is not used",
				Hint: fmt.Sprintf("write name = … to use it; only the last of the %d statements can be without a name", len(prog.Statements))})
		}
	}
	return prog
}

// statement reads one statement up to its separator. After a mistake it skips
// to the next separator and returns false.
func (p *parser) statement(afterNewline bool) (s Statement, ok bool) {
	defer func() {
		if r := recover(); r != nil {
			if _, is := r.(bail); !is {
				panic(r)
			}
			p.lost = p.lost || len(p.open) > 0
			p.open, p.depth = p.open[:0], 0
			for k := p.raw().kind; k != tokenEOF && k != tokenNewline && k != tokenSemicolon; k = p.raw().kind {
				p.pos++
			}
			s, ok = Statement{}, false
		}
	}()

	first := p.peek()
	if afterNewline && first.kind == tokenOperator && (first.op == Add || first.op == Sub) {
		p.fail(first, fmt.Sprintf("to go on with the line above, end that line with %[1]s; to start a new expression, write (%[1]s…)", first.op),
			"a line that begins with %s can be read in two ways", first.op)
	}
	if first.kind == tokenName && p.tokens[p.pos+1].kind == tokenAssign {
		s.Name, s.NameSpan = first.name, first.span
		p.pos += 2
		p.skipNewlines()
		if k := p.raw().kind; k == tokenEOF || k == tokenSemicolon {
			p.fail(p.raw(), "", "expected an expression after \"=\", found %s", p.describe(p.raw()))
		}
	}
	s.Expr = p.expression()

	switch t := p.raw(); t.kind {
	case tokenEOF, tokenNewline, tokenSemicolon:
		return s, true
	case tokenAssign:
		if s.Name != "" {
			p.fail(t, "to compare, write ==", "a statement has only one \"=\"")
		}
		if c, is := s.Expr.(*Call); is && p.tokens[p.pos-1].kind == tokenRight {
			p.fail(t, fmt.Sprintf("write name = … instead of %s(…) = …", c.Function), "functions cannot be defined")
		}
		p.fail(t, "to compare, write ==", "only a name can stand on the left of \"=\"")
	case tokenRight:
		p.unmatched(t)
	case tokenComma:
		p.fail(t, "write ; between statements, and a decimal point as .", "a comma can stand only between the arguments of a function")
	default:
		p.adjacent(t)
	}
	panic("BUG: unreachable")
}

// unmatched reports the closing parenthesis t that has no partner.
func (p *parser) unmatched(t token) {
	if p.lost {
		panic(bail{})
	}
	p.fail(t, "", "there is no \"(\" for this \")\"")
}

// adjacent reports that t follows a complete expression without an operator.
func (p *parser) adjacent(t token) {
	if p.pos > 0 {
		last := p.tokens[p.pos-1]
		lastText := p.src[last.span.Start:last.span.End]
		text := p.src[t.span.Start:t.span.End]
		switch {
		case last.kind == tokenName && (t.kind == tokenName || t.kind == tokenNumber):
			hint := fmt.Sprintf("write %[1]s*%[2]s for the product, %[1]s(%[2]s) for the function's value", lastText, text)
			p.fail(t, hint, "there is no operator between %q and %q", lastText, text)
		case last.kind == tokenSuperscript && t.kind == tokenLeft:
			p.fail(t, "write sin(x)^2 for the power of a function's value, x^2*(…) for a product", "there is no operator between %q and \"(\"", lastText)
		case t.kind == tokenNot:
			p.fail(t, "the logical not stands before its operand", "unexpected %s", p.describe(t))
		}
	}
	p.fail(t, "", "expected an operator, found %s", p.describe(t))
}

func (p *parser) expression() Expr { return p.logical(Or) }

// binary makes the node x op y.
func binary(op Op, opSpan Span, x, y Expr) Expr {
	return &Binary{node{Span{x.Span().Start, y.Span().End}}, op, opSpan, x, y}
}

// logical reads a chain of || or &&.
func (p *parser) logical(op Op) Expr {
	operand := p.comparison
	if op == Or {
		operand = func() Expr { return p.logical(And) }
	}
	x := operand()
	for {
		t := p.peek()
		if t.kind != tokenOperator || t.op != op {
			return x
		}
		p.next()
		x = binary(op, t.span, x, operand())
	}
}

// isComparison reports whether t is one of the six comparisons.
func isComparison(t token) bool {
	return t.kind == tokenOperator && opInfos[t.op].prec == precCompare
}

func (p *parser) comparison() Expr {
	x := p.sum()
	t := p.peek()
	if !isComparison(t) {
		return x
	}
	p.next()
	x = binary(t.op, t.span, x, p.sum())
	if t := p.peek(); isComparison(t) {
		p.fail(t, "write (a < b) && (b < c)", "comparisons cannot be chained")
	}
	return x
}

func (p *parser) sum() Expr {
	x := p.product()
	for {
		t := p.peek()
		if t.kind != tokenOperator || opInfos[t.op].prec != precSum {
			return x
		}
		p.next()
		x = binary(t.op, t.span, x, p.product())
	}
}

func (p *parser) product() Expr {
	x := p.unary()
	divided := false
	for {
		if p.implicit() {
			t := p.raw()
			if divided {
				p.fail(t, "write a/(b*c) or (a/b)*c", "a product without a sign after a division can be read in two ways")
			}
			y := p.power()
			x = binary(Mul, Span{t.span.Start, t.span.Start}, x, y)
			continue
		}
		t := p.peek()
		if t.kind != tokenOperator || opInfos[t.op].prec != precProduct {
			return x
		}
		p.next()
		x = binary(t.op, t.span, x, p.unary())
		divided = t.op == Div
	}
}

// implicit reports whether a multiplication is implied before the next token.
func (p *parser) implicit() bool {
	t := p.raw()
	switch p.tokens[p.pos-1].kind {
	case tokenNumber, tokenRight:
		return t.kind == tokenName || t.kind == tokenLeft
	case tokenSuperscript:
		// x²(y) is left out: sin²(x) would be a product with the name sin.
		return t.kind == tokenName || t.kind == tokenLeft && p.pos > 1 && p.tokens[p.pos-2].kind == tokenRight
	}
	return false
}

func (p *parser) unary() Expr {
	t := p.operandStart()
	minus := t.kind == tokenOperator && t.op == Sub
	plus := t.kind == tokenOperator && t.op == Add
	if !minus && !plus && t.kind != tokenNot {
		return p.power()
	}
	p.enter()
	defer p.leave()
	p.next()
	x := p.unary()
	if plus {
		x.widen(Span{t.span.Start, x.Span().End})
		return x
	}
	op := Neg
	if t.kind == tokenNot {
		op = Not
	}
	return &Unary{node{Span{t.span.Start, x.Span().End}}, op, x}
}

func (p *parser) power() Expr {
	x := p.postfix()
	t := p.peek()
	if t.kind != tokenOperator || t.op != Pow {
		return x
	}
	p.enter()
	defer p.leave()
	p.next()
	return binary(Pow, t.span, x, p.unary())
}

// postfix reads an operand with the superscript behind it.
func (p *parser) postfix() Expr {
	x := p.operand()
	t := p.raw()
	if t.kind != tokenSuperscript {
		return x
	}
	// Counted like ^ and its sign, so that canonical text is never nested more deeply.
	p.enter()
	defer p.leave()
	p.pos++
	var y Expr = &Number{node{t.span}, t.value}
	if t.op == Neg {
		p.enter()
		defer p.leave()
		y = &Unary{node{t.span}, Neg, y}
	}
	if second := p.raw(); second.kind == tokenSuperscript {
		p.fail(second, "write (x²)³ for a power of a power", "a second superscript")
	}
	return binary(Pow, Span{t.span.Start, t.span.Start}, x, y)
}

// operandStart returns the token with which an operand must begin. An operator
// before it lets the line go on below.
func (p *parser) operandStart() token {
	if p.pos > 0 {
		switch p.tokens[p.pos-1].kind {
		case tokenOperator, tokenNot, tokenComma:
			p.skipNewlines()
		}
	}
	return p.peek()
}

func (p *parser) operand() Expr {
	switch t := p.operandStart(); t.kind {
	case tokenNumber:
		p.next()
		return &Number{node{t.span}, t.value}
	case tokenName:
		p.next()
		if p.raw().kind == tokenLeft {
			return p.call(t)
		}
		return &Name{node{t.span}, t.name, 0, -1}
	case tokenLeft:
		p.next()
		if end := p.left(t); end.kind == tokenRight {
			p.fail(end, "", "there is nothing in these parentheses")
		}
		x := p.expression()
		x.widen(Span{t.span.Start, p.right(t, "").span.End})
		return x
	case tokenSuperscript:
		p.fail(t, "", "a superscript must follow what it is the power of")
	case tokenRight:
		if len(p.open) == 0 {
			p.unmatched(t)
		}
		p.missing(t)
	default:
		p.missing(t)
	}
	panic("BUG: unreachable")
}

// missing reports that an operand was expected where t is.
func (p *parser) missing(t token) {
	after, hint := "", ""
	if p.pos > 0 {
		switch last := p.tokens[p.pos-1]; last.kind {
		case tokenOperator, tokenNot, tokenComma, tokenAssign, tokenLeft:
			text := p.src[last.span.Start:last.span.End]
			after = fmt.Sprintf(" after %q", text)
			if t.kind == tokenAssign && (text == "*" || text == "+" || text == "/" || text == "-" || text == "^") {
				hint = "an assignment is written name = expression"
			}
		}
	}
	p.fail(t, hint, "expected a number, a name or \"(\"%s, found %s", after, p.describe(t))
}

// left notes that the parenthesis t has been opened and returns the token after it.
func (p *parser) left(t token) token {
	p.enter()
	p.open = append(p.open, t.span)
	return p.peek()
}

// right reads the parenthesis that closes open; function is the name of the
// function whose arguments it closes.
func (p *parser) right(open token, function string) token {
	t := p.peek()
	if t.kind != tokenRight {
		if t.kind == tokenBad {
			panic(bail{})
		}
		switch t.kind {
		case tokenEOF, tokenSemicolon, tokenAssign:
			p.report(&Error{Kind: Syntax, Span: t.span, Message: fmt.Sprintf("expected \")\", found %s", p.describe(t)),
				Related: open.span, RelatedMessage: "the parenthesis that is open"})
			panic(bail{})
		case tokenComma:
			if function == "" {
				p.fail(t, "a decimal point is written as .", "a comma can stand only between the arguments of a function")
			}
		}
		p.adjacent(t)
	}
	p.open = p.open[:len(p.open)-1]
	p.leave()
	p.pos++
	return t
}

// call reads the arguments of the function name.
func (p *parser) call(name token) Expr {
	open := p.next()
	c := &Call{Function: name.name, FunctionSpan: name.span}
	if p.left(open).kind != tokenRight {
		c.Args = append(c.Args, p.expression())
		for p.peek().kind == tokenComma {
			p.next()
			if t := p.peek(); t.kind == tokenRight {
				p.fail(t, "", "expected an argument after the comma, found \")\"")
			}
			c.Args = append(c.Args, p.expression())
		}
	}
	c.span = Span{name.span.Start, p.right(open, name.name).span.End}
	return c
}

// resolve gives every name its meaning and reports assignments that conflict.
func (p *parser) resolve(prog *Program) {
	assigned := map[string]int{} // to the statement's index
	used := map[string]*Name{}   // first use as an input or a constant
	for i, s := range prog.Statements {
		walk(s.Expr, func(e Expr) {
			n, ok := e.(*Name)
			if !ok {
				return
			}
			if k, ok := assigned[n.Name]; ok {
				n.Meaning, n.Statement = Variable, k
				return
			}
			first := used[n.Name] == nil
			if first {
				used[n.Name] = n
			}
			if n.Name == "pi" {
				n.Meaning = Constant
				return
			}
			n.Meaning = Input
			if first {
				prog.Inputs = append(prog.Inputs, n)
			}
		})
		if s.Name == "" {
			continue
		}
		if k, ok := assigned[s.Name]; ok {
			p.report(&Error{Kind: Assignment, Span: s.NameSpan, Message: fmt.Sprintf("%s is assigned a second time", s.Name),
				Hint: "use another name", Related: prog.Statements[k].NameSpan, RelatedMessage: "the first assignment"})
			continue
		}
		if n := used[s.Name]; n != nil {
			what := "where it is an input"
			if n.Meaning == Constant {
				what = "where it is the constant"
			}
			p.report(&Error{Kind: Assignment, Span: s.NameSpan, Message: fmt.Sprintf("%s is assigned after its use", s.Name),
				Hint: "assign it first, or use another name", Related: n.span, RelatedMessage: "the first use, " + what})
		}
		assigned[s.Name] = i
	}
}
