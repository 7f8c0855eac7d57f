// Package linescan reads one line of a text format, token by token. The text forms of graphs and of
// programs are made of such lines. It allocates nothing beyond the tokens that it returns.
package linescan

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Error is a mistake at a byte offset of the line.
type Error struct {
	Offset int
	Err    error
}

// Error returns the reason.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the reason.
func (e *Error) Unwrap() error { return e.Err }

// Scanner is a position in a line. Spaces, tabs and carriage returns separate tokens; # begins a comment
// wherever a token may begin.
type Scanner struct {
	Line string
	Pos  int // byte offset of what comes next
}

// Errorf returns an *Error at the offset.
func Errorf(offset int, format string, args ...any) error {
	return &Error{offset, fmt.Errorf(format, args...)}
}

// Column returns the 1-based number of the character at a byte offset.
func Column(line string, offset int) int {
	return utf8.RuneCountInString(line[:min(offset, len(line))]) + 1
}

// skip moves to the next token.
func (s *Scanner) skip() {
	for s.Pos < len(s.Line) {
		switch s.Line[s.Pos] {
		case ' ', '\t', '\r':
			s.Pos++
		case '#':
			s.Pos = len(s.Line)
		default:
			return
		}
	}
}

// End reports whether nothing but a comment is left.
func (s *Scanner) End() bool {
	s.skip()
	return s.Pos == len(s.Line)
}

// Start returns the offset of the next token.
func (s *Scanner) Start() int {
	s.skip()
	return s.Pos
}

// Peek returns the first byte of the next token, 0 at the end.
func (s *Scanner) Peek() byte {
	if s.End() {
		return 0
	}
	return s.Line[s.Pos]
}

// Accept skips the given punctuation if it comes next.
func (s *Scanner) Accept(punctuation string) bool {
	s.skip()
	if strings.HasPrefix(s.Line[s.Pos:], punctuation) {
		s.Pos += len(punctuation)
		return true
	}
	return false
}

// Expect is Accept that reports an error.
func (s *Scanner) Expect(punctuation string) error {
	if !s.Accept(punctuation) {
		return Errorf(s.Pos, "expected %q, found %s", punctuation, s.found())
	}
	return nil
}

// found describes what comes next, for messages.
func (s *Scanner) found() string {
	if s.End() {
		return "the end of the line"
	}
	rest := s.Line[s.Pos:]
	n := 0
	for n < len(rest) && n < 24 && isWord(rest[n]) {
		n++
	}
	if n == 0 {
		_, n = utf8.DecodeRuneInString(rest)
	}
	return strconv.Quote(rest[:n])
}

func isWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_'
}

// Word returns the letters, digits and underscores that come next, "" if there are none.
func (s *Scanner) Word() string {
	s.skip()
	start := s.Pos
	for s.Pos < len(s.Line) && isWord(s.Line[s.Pos]) {
		s.Pos++
	}
	return s.Line[start:s.Pos]
}

// Keyword skips the given word if it comes next as a whole.
func (s *Scanner) Keyword(word string) bool {
	start := s.Start()
	if s.Word() == word {
		return true
	}
	s.Pos = start
	return false
}

// ExpectWord is Word that reports an error where none comes next.
func (s *Scanner) ExpectWord(what string) (string, error) {
	w := s.Word()
	if w == "" {
		return "", Errorf(s.Pos, "expected %s, found %s", what, s.found())
	}
	return w, nil
}

// Literal returns what comes next up to a space or one of the delimiters , : ; [ ] { } #: a number, or
// NaN with its bits in parentheses.
func (s *Scanner) Literal() string {
	s.skip()
	start := s.Pos
	for s.Pos < len(s.Line) && !strings.ContainsRune(" \t\r,:;[]{}#", rune(s.Line[s.Pos])) {
		s.Pos++
	}
	return s.Line[start:s.Pos]
}

// Uint returns the decimal number that comes next, at most limit.
func (s *Scanner) Uint(what string, limit uint64) (uint64, error) {
	start := s.Start()
	for s.Pos < len(s.Line) && s.Line[s.Pos] >= '0' && s.Line[s.Pos] <= '9' {
		s.Pos++
	}
	text := s.Line[start:s.Pos]
	if text == "" {
		return 0, Errorf(start, "expected %s, found %s", what, s.found())
	}
	if len(text) > 1 && text[0] == '0' {
		return 0, Errorf(start, "%s has a leading zero", what)
	}
	v, err := strconv.ParseUint(text, 10, 64)
	if len(text) > 20 || err != nil || v > limit {
		return 0, Errorf(start, "%s is above %d", what, limit)
	}
	return v, nil
}

// Int returns the decimal number with optional minus sign that comes next.
func (s *Scanner) Int(what string) (int64, error) {
	start := s.Start()
	if s.Pos < len(s.Line) && s.Line[s.Pos] == '-' {
		s.Pos++
	}
	for s.Pos < len(s.Line) && s.Line[s.Pos] >= '0' && s.Line[s.Pos] <= '9' {
		s.Pos++
	}
	text := s.Line[start:s.Pos]
	if text == "" || text == "-" {
		s.Pos = start
		return 0, Errorf(start, "expected %s, found %s", what, s.found())
	}
	v, err := strconv.ParseInt(text[:min(len(text), 24)], 10, 64)
	if err != nil {
		return 0, Errorf(start, "%s is out of range", what)
	}
	return v, nil
}

// Quoted returns the string in Go's double quotes that comes next, unquoted, of limit bytes at the most.
func (s *Scanner) Quoted(what string, limit int) (string, error) {
	start := s.Start()
	if s.Peek() != '"' {
		return "", Errorf(start, "expected %s in double quotes, found %s", what, s.found())
	}
	end := start + 1
	for ; end < len(s.Line) && s.Line[end] != '"'; end++ {
		if s.Line[end] == '\\' {
			end++
		}
	}
	if end >= len(s.Line) {
		return "", Errorf(start, "the quote of %s is not closed", what)
	}
	v, err := strconv.Unquote(s.Line[start : end+1])
	if err != nil {
		return "", Errorf(start, "%s has an invalid escape or character", what)
	}
	if len(v) > limit {
		return "", Errorf(start, "%s has %d bytes, more than %d", what, len(v), limit)
	}
	s.Pos = end + 1
	return v, nil
}

// Verbatim returns the text between double quotes that comes next; it knows no escapes.
func (s *Scanner) Verbatim(what string) (string, error) {
	start := s.Start()
	if s.Peek() != '"' {
		return "", Errorf(start, "expected %s in double quotes, found %s", what, s.found())
	}
	n := strings.IndexByte(s.Line[start+1:], '"')
	if n < 0 {
		return "", Errorf(start, "the quote of %s is not closed", what)
	}
	s.Pos = start + n + 2
	return s.Line[start+1 : start+1+n], nil
}

// ExpectEnd reports what is left on the line.
func (s *Scanner) ExpectEnd() error {
	if !s.End() {
		return Errorf(s.Pos, "expected the end of the line, found %s", s.found())
	}
	return nil
}

// Closest returns the candidate that is nearest to the word by edits, "" if none is near.
func Closest(word string, candidates []string) string {
	if len(word) > 64 || word == "" {
		return ""
	}
	best, least := "", 1+max(1, len(word)/3)
	for _, c := range candidates {
		if d := editDistance(word, c); d < least {
			best, least = c, d
		}
	}
	return best
}

// editDistance counts insertions, deletions, substitutions and swaps of neighbours (optimal string alignment).
func editDistance(a, b string) int {
	before, prev, cur := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if unicode.ToLower(rune(a[i-1])) == unicode.ToLower(rune(b[j-1])) {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], before[j-2]+1)
			}
		}
		before, prev, cur = prev, cur, before
	}
	return prev[len(b)]
}
