package expr

import (
	"fmt"
	"slices"
	"strings"
)

// Kind is the sort of a mistake.
type Kind uint8

// The kinds. The zero Kind does not occur.
const (
	_          Kind = iota
	Lexical         // a character or number that the language does not have
	Syntax          // tokens in an order that the grammar does not have
	Assignment      // a name assigned twice, or after its use
	Limit           // a source that is too long or too deeply nested
	Function        // a call of a function that does not exist or takes other arguments
	Semantic        // anything else that the graph refuses
)

// String returns the kind's name.
func (k Kind) String() string {
	switch k {
	case Lexical:
		return "lexical"
	case Syntax:
		return "syntax"
	case Assignment:
		return "assignment"
	case Limit:
		return "limit"
	case Function:
		return "function"
	case Semantic:
		return "semantic"
	}
	panic(fmt.Sprintf("BUG: expr.Kind(%d) has no name", uint8(k)))
}

// Error is one mistake in a source.
type Error struct {
	Kind    Kind
	Message string
	Hint    string // how to write it instead; may be empty
	Span    Span
	Pos     Position // of Span.Start

	// Related is another place that the mistake concerns, such as the first
	// assignment of a name; RelatedMessage is empty when there is none.
	Related        Span
	RelatedMessage string

	source string
}

// Error returns the mistake in one line: line, column in characters, message and hint.
func (e *Error) Error() string {
	s := fmt.Sprintf("%d:%d: %s", e.Pos.Line, e.Pos.Rune, e.Message)
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	return s
}

// Report returns the mistake in several lines: message, source line with carets
// under the columns, the related place, and the hint. It ends without a newline.
func (e *Error) Report() string {
	var b strings.Builder
	fmt.Fprintf(&b, "line %d, column %d: %s%s", e.Pos.Line, e.Pos.Rune, e.Message, Excerpt(e.source, e.Span))
	if e.RelatedMessage != "" {
		p := position(e.source, e.Related.Start)
		fmt.Fprintf(&b, "\n  line %d, column %d: %s%s", p.Line, p.Rune, e.RelatedMessage, Excerpt(e.source, e.Related))
	}
	if e.Hint != "" {
		fmt.Fprintf(&b, "\n  hint: %s", e.Hint)
	}
	return b.String()
}

// ErrorList is all the mistakes found in one source, in the order of their
// places. It is the error that Parse and Build return; it is never empty then. The last one of a long list says how many more there are.
type ErrorList []*Error

// first sorts mistakes, of which there are total, and keeps the first ones. Where more are kept, they are the first in the source.
func (l ErrorList) first(total int) ErrorList {
	slices.SortStableFunc(l, func(a, b *Error) int { return a.Span.Start - b.Span.Start })
	if total <= maxErrors {
		return l
	}
	rest := *l[maxErrors]
	rest.Kind, rest.Hint, rest.RelatedMessage = Limit, "", ""
	rest.Message = "1 more mistake"
	if n := total - maxErrors; n > 1 {
		rest.Message = fmt.Sprintf("%d more mistakes", n)
	}
	return append(l[:maxErrors:maxErrors], &rest)
}

// Error returns the mistakes, one a line.
func (l ErrorList) Error() string {
	lines := make([]string, len(l))
	for i, e := range l {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Report returns Error.Report of every mistake, one below the other.
func (l ErrorList) Report() string {
	parts := make([]string, len(l))
	for i, e := range l {
		parts[i] = e.Report()
	}
	return strings.Join(parts, "\n")
}

// Unwrap returns the mistakes for errors.Is and errors.As.
func (l ErrorList) Unwrap() []error {
	errs := make([]error, len(l))
	for i, e := range l {
		errs[i] = e
	}
	return errs
}
