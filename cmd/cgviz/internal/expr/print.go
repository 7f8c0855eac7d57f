package expr

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// String returns the program as canonical text: names and numbers normalised,
// as few parentheses as possible, statements separated by "; ". Parse reads it
// back to the same tree.
func (p *Program) String() string {
	var b strings.Builder
	for i, s := range p.Statements {
		if i > 0 {
			b.WriteString("; ")
		}
		if s.Name != "" {
			b.WriteString(s.Name)
			b.WriteString(" = ")
		}
		write(&b, s.Expr, precOr)
	}
	return b.String()
}

// Format returns e as canonical text, like Program.String.
func Format(e Expr) string {
	var b strings.Builder
	write(&b, e, precOr)
	return b.String()
}

// precedence returns how tightly the text of e holds together.
func precedence(e Expr) int {
	switch e := e.(type) {
	case *Number:
		if math.Signbit(e.Value) {
			return precUnary
		}
		return precOperand
	case *Name, *Call:
		return precOperand
	case *Unary:
		return opInfos[e.Op].prec
	case *Binary:
		return opInfos[e.Op].prec
	}
	panic(fmt.Sprintf("BUG: expression of type %T", e))
}

// operandPrecedence returns the least precedence that the left and the right
// operand of op need to stand without parentheses.
func operandPrecedence(op Op) (left, right int) {
	prec := opInfos[op].prec
	switch prec {
	case precCompare:
		return prec + 1, prec + 1
	case precPower:
		return precOperand, precUnary
	}
	return prec, prec + 1
}

// write appends e, in parentheses if it holds together less tightly than least.
func write(b *strings.Builder, e Expr, least int) {
	leftmost, chain := spine(e)

	// Parentheses open before the leftmost operand and close along the chain.
	opens := 0
	closes := make([]bool, len(chain))
	for i := len(chain) - 1; i >= 0; i-- {
		if opInfos[chain[i].Op].prec < least {
			closes[i] = true
			opens++
		}
		least, _ = operandPrecedence(chain[i].Op)
	}
	b.WriteString(strings.Repeat("(", opens))
	writeLeaf(b, leftmost, least)
	for i, c := range chain {
		sign := opInfos[c.Op].sign
		if opInfos[c.Op].prec < precProduct {
			sign = " " + sign + " "
		}
		b.WriteString(sign)
		_, right := operandPrecedence(c.Op)
		write(b, c.Y, right)
		if closes[i] {
			b.WriteByte(')')
		}
	}
}

// writeLeaf appends an expression other than a binary one.
func writeLeaf(b *strings.Builder, e Expr, least int) {
	parens := precedence(e) < least
	if parens {
		b.WriteByte('(')
	}
	switch e := e.(type) {
	case *Number:
		b.WriteString(strconv.FormatFloat(e.Value, 'g', -1, 64))
	case *Name:
		b.WriteString(e.Name)
	case *Unary:
		b.WriteString(opInfos[e.Op].sign)
		write(b, e.X, precUnary)
	case *Call:
		b.WriteString(e.Function)
		b.WriteByte('(')
		for i, a := range e.Args {
			if i > 0 {
				b.WriteString(", ")
			}
			write(b, a, precOr)
		}
		b.WriteByte(')')
	default:
		panic(fmt.Sprintf("BUG: expression of type %T", e))
	}
	if parens {
		b.WriteByte(')')
	}
}
