package expr

// NormalizeName returns the name as the graph has it: x₁ as x1, π as pi. It
// reports whether the text is one name of the language and nothing else.
func NormalizeName(text string) (name string, ok bool) {
	l := &lexer{src: text, report: func(*Error) {}}
	if len(text) <= 4*maxName {
		l.run()
	}
	if len(l.tokens) != 2 || l.tokens[0].kind != tokenName || l.tokens[0].span != (Span{0, len(text)}) {
		return text, false
	}
	return l.tokens[0].name, true
}

// Closest returns the candidate that is most like name, for a hint after a mistake, or "" if none is like it.
func Closest(name string, candidates []string) string {
	best, distance := "", 3
	for _, c := range candidates {
		if d := editDistance(name, c); d < distance && d < len([]rune(c)) {
			best, distance = c, d
		}
	}
	return best
}
