package expr

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The limits on a source. They bound the time and the stack that hostile input can take.
const (
	MaxLength = 1 << 20 // bytes of source
	MaxDepth  = 1000    // nesting of parentheses, signs and powers
	maxName   = 200     // bytes of a name
	maxErrors = 10      // mistakes reported for one source
)

// tokenKind is the sort of a token.
type tokenKind uint8

const (
	tokenEOF tokenKind = iota
	tokenNewline
	tokenSemicolon
	tokenNumber
	tokenName
	tokenSuperscript
	tokenOperator // op is set; Sub stands for both minus signs
	tokenNot
	tokenAssign
	tokenLeft
	tokenRight
	tokenComma
	tokenBad // reported by the lexer; the parser says no more about it
)

// token is one token with its place. A superscript's value is its exponent.
type token struct {
	kind  tokenKind
	op    Op
	span  Span
	value float64
	name  string // normalised
}

// operators maps a sign to its token. Longer signs are matched first.
var operators = map[string]token{
	"||": {kind: tokenOperator, op: Or}, "∨": {kind: tokenOperator, op: Or},
	"&&": {kind: tokenOperator, op: And}, "∧": {kind: tokenOperator, op: And},
	"<": {kind: tokenOperator, op: Less}, ">": {kind: tokenOperator, op: Greater},
	"<=": {kind: tokenOperator, op: LessEqual}, "≤": {kind: tokenOperator, op: LessEqual},
	">=": {kind: tokenOperator, op: GreaterEqual}, "≥": {kind: tokenOperator, op: GreaterEqual},
	"==": {kind: tokenOperator, op: Equals},
	"!=": {kind: tokenOperator, op: NotEquals}, "≠": {kind: tokenOperator, op: NotEquals},
	"+": {kind: tokenOperator, op: Add}, "-": {kind: tokenOperator, op: Sub}, "−": {kind: tokenOperator, op: Sub},
	"*": {kind: tokenOperator, op: Mul}, "·": {kind: tokenOperator, op: Mul}, "⋅": {kind: tokenOperator, op: Mul},
	"×": {kind: tokenOperator, op: Mul}, "∗": {kind: tokenOperator, op: Mul},
	"/": {kind: tokenOperator, op: Div}, "÷": {kind: tokenOperator, op: Div}, "∕": {kind: tokenOperator, op: Div},
	"^": {kind: tokenOperator, op: Pow}, "**": {kind: tokenOperator, op: Pow},
	"!": {kind: tokenNot}, "¬": {kind: tokenNot},
	"=": {kind: tokenAssign}, "(": {kind: tokenLeft}, ")": {kind: tokenRight}, ",": {kind: tokenComma}, ";": {kind: tokenSemicolon},
}

// subscripts maps the subscript characters to what they stand for in a name.
var subscripts = map[rune]rune{
	'₀': '0', '₁': '1', '₂': '2', '₃': '3', '₄': '4', '₅': '5', '₆': '6', '₇': '7', '₈': '8', '₉': '9',
	'ₐ': 'a', 'ₑ': 'e', 'ₕ': 'h', 'ᵢ': 'i', 'ⱼ': 'j', 'ₖ': 'k', 'ₗ': 'l', 'ₘ': 'm', 'ₙ': 'n', 'ₒ': 'o',
	'ₚ': 'p', 'ᵣ': 'r', 'ₛ': 's', 'ₜ': 't', 'ᵤ': 'u', 'ᵥ': 'v', 'ₓ': 'x',
	'ᵦ': 'β', 'ᵧ': 'γ', 'ᵨ': 'ρ', 'ᵩ': 'φ', 'ᵪ': 'χ',
}

// superscripts maps the superscript characters to what they stand for in a power.
var superscripts = map[rune]rune{
	'⁰': '0', '¹': '1', '²': '2', '³': '3', '⁴': '4', '⁵': '5', '⁶': '6', '⁷': '7', '⁸': '8', '⁹': '9',
	'⁺': '+', '⁻': '-',
}

// lookalikes maps letters that Unicode has twice, with the same look, to the one of the Greek block.
var lookalikes = map[rune]rune{'\u00B5': 'μ', '\u2126': 'Ω', '\u2206': 'Δ'}

// hints says what to write for characters that people write and the language lacks.
var hints = map[rune]string{
	'–': "this is a dash, not a minus sign; write -", '—': "this is a dash, not a minus sign; write -",
	'√': "write sqrt(x)", '[': "write ( )", ']': "write ( )", '{': "write ( )", '}': "write ( )",
	'&': "the logical and is &&", '|': "the logical or is ||; the absolute value is abs(x)", '%': "there is no percent or remainder sign",
	'ⁿ': "only digits can be superscripts; write ^n", 'ⁱ': "only digits can be superscripts; write ^i",
	'⁽': "only digits can be superscripts; write ^( )", '∂': "a name cannot contain ∂",
	'"': "there are no strings", '\'': "there are no strings and no primes", '∞': "there is no infinity",
	'½': "write 1/2", '¼': "write 1/4", '¾': "write 3/4", '?': "write where(condition, a, b)", ':': "write = to name a value",
	'（': "this is a full-width character; write (", '）': "this is a full-width character; write )",
	'，': "this is a full-width character; write ,", '；': "this is a full-width character; write ;",
	'＋': "this is a full-width character; write +", '＝': "this is a full-width character; write =",
	'＊': "this is a full-width character; write *", '／': "this is a full-width character; write /",
}

// lexer cuts a source into tokens.
type lexer struct {
	src    string
	pos    int
	tokens []token
	report func(*Error)
}

// fail reports a lexical mistake and leaves a bad token in its place.
func (l *lexer) fail(span Span, hint, format string, args ...any) {
	l.report(&Error{Kind: Lexical, Span: span, Message: fmt.Sprintf(format, args...), Hint: hint})
	l.tokens = append(l.tokens, token{kind: tokenBad, span: span})
}

// run fills l.tokens; the last is tokenEOF.
func (l *lexer) run() {
	l.pos = len(l.src) - len(strings.TrimPrefix(l.src, "\uFEFF"))
	for l.pos < len(l.src) {
		start := l.pos
		r, size := utf8.DecodeRuneInString(l.src[start:])
		switch {
		case r == '\n':
			l.pos++
			l.tokens = append(l.tokens, token{kind: tokenNewline, span: Span{start, l.pos}})
		case r == ' ' || r == '\t' || r == '\r' || unicode.Is(unicode.Zs, r):
			l.pos += size
		case r == '#':
			if i := strings.IndexByte(l.src[start:], '\n'); i >= 0 {
				l.pos += i
			} else {
				l.pos = len(l.src)
			}
		case isDigit(r), r == '.' && start+1 < len(l.src) && isDigit(rune(l.src[start+1])):
			l.number()
		case superscripts[r] != 0:
			l.superscript()
		case isNameStart(r):
			l.name()
		case subscripts[r] != 0:
			l.pos += size
			l.fail(Span{start, l.pos}, "", "a subscript must follow a name")
		case r == utf8.RuneError && size == 1:
			l.pos++
			l.fail(Span{start, l.pos}, "", "byte 0x%02x is not UTF-8 text", l.src[start])
		default:
			l.sign(r, size)
		}
	}
	// The end is where the text ends, not below the newlines that follow it.
	end := 0
	for _, t := range l.tokens {
		if t.kind != tokenNewline {
			end = t.span.End
		}
	}
	l.tokens = append(l.tokens, token{kind: tokenEOF, span: Span{end, end}})
}

// sign reads an operator or another sign of one or two characters.
func (l *lexer) sign(r rune, size int) {
	start := l.pos
	for _, n := range []int{2, size} {
		if start+n > len(l.src) {
			continue
		}
		if t, ok := operators[l.src[start:start+n]]; ok {
			l.pos += n
			t.span = Span{start, l.pos}
			l.tokens = append(l.tokens, t)
			return
		}
	}
	l.pos += size
	// Combining characters belong to the character before them.
	for l.pos < len(l.src) {
		next, n := utf8.DecodeRuneInString(l.src[l.pos:])
		if !unicode.In(next, unicode.Mn, unicode.Me) {
			break
		}
		l.pos += n
	}
	l.fail(Span{start, l.pos}, hints[r], "unexpected character %s", quoteRune(r))
}

// quoteRune returns r for a message, as a code point alone if it has no visible form.
func quoteRune(r rune) string {
	if unicode.IsGraphic(r) && !unicode.Is(unicode.M, r) && !unicode.IsSpace(r) {
		return fmt.Sprintf("%q (U+%04X)", r, r)
	}
	return fmt.Sprintf("U+%04X", r)
}

func isDigit(r rune) bool { return '0' <= r && r <= '9' }

// isNameStart reports whether r can begin a name.
func isNameStart(r rune) bool {
	return r == '_' || lookalikes[r] != 0 || unicode.IsLetter(r) && subscripts[r] == 0 && hints[r] == ""
}

// isNamePart reports whether r can continue a name, subscripts aside.
func isNamePart(r rune) bool {
	return isNameStart(r) || isDigit(r) || unicode.In(r, unicode.Mn, unicode.Mc)
}

// name reads a name.
func (l *lexer) name() {
	start := l.pos
	var b strings.Builder
	subscripted := false
	for l.pos < len(l.src) {
		r, size := utf8.DecodeRuneInString(l.src[l.pos:])
		if s := subscripts[r]; s != 0 {
			r, subscripted = s, true
		} else if subscripted || !isNamePart(r) {
			break
		}
		if g := lookalikes[r]; g != 0 {
			r = g
		}
		b.WriteRune(r)
		l.pos += size
	}
	span := Span{start, l.pos}
	if b.Len() > maxName {
		l.fail(span, "", "a name of %d bytes is too long; at most %d are allowed", b.Len(), maxName)
		return
	}
	name := b.String()
	if name == "π" {
		name = "pi"
	}
	l.tokens = append(l.tokens, token{kind: tokenName, span: span, name: name})
}

// digits skips decimal digits and returns their number.
func (l *lexer) digits() int {
	start := l.pos
	for l.pos < len(l.src) && isDigit(rune(l.src[l.pos])) {
		l.pos++
	}
	return l.pos - start
}

// number reads a number.
func (l *lexer) number() {
	start := l.pos
	l.digits()
	if l.pos < len(l.src) && l.src[l.pos] == '.' {
		l.pos++
		l.digits()
	}
	// An e that no digits follow is a name: 2e is 2*e.
	if l.pos < len(l.src) && (l.src[l.pos] == 'e' || l.src[l.pos] == 'E') {
		mark := l.pos
		l.pos++
		if l.pos < len(l.src) && (l.src[l.pos] == '+' || l.src[l.pos] == '-') {
			l.pos++
		}
		if l.digits() == 0 {
			l.pos = mark
		}
	}
	text := l.src[start:l.pos]
	rest := l.src[l.pos:]
	switch {
	case rest != "" && (rest[0] == '.' || rest[0] == '_'):
		if rest[0] == '.' {
			l.pos++
		}
		for l.pos < len(l.src) && (isDigit(rune(l.src[l.pos])) || strings.IndexByte("._", l.src[l.pos]) >= 0) {
			l.pos++
		}
		hint := "write digits, one decimal point and an exponent only, such as 1234.5e-3"
		l.fail(Span{start, l.pos}, hint, "malformed number")
		return
	case text == "0" && len(rest) > 1 && strings.IndexByte("xXbBoO", rest[0]) >= 0 && isHexDigit(rest[1]):
		for l.pos++; l.pos < len(l.src) && isHexDigit(l.src[l.pos]); l.pos++ {
		}
		l.fail(Span{start, l.pos}, "numbers are decimal; write 0*… for a product", "malformed number")
		return
	}
	value, err := strconv.ParseFloat(text, 64)
	mantissa, _, _ := strings.Cut(strings.ToLower(text), "e")
	switch span := (Span{start, l.pos}); {
	case err != nil:
		l.fail(span, "", "number out of range; the largest is about 1.8e308")
	case value == 0 && strings.ContainsAny(mantissa, "123456789"):
		l.fail(span, "", "number out of range; the smallest above 0 is about 4.9e-324")
	default:
		l.tokens = append(l.tokens, token{kind: tokenNumber, span: span, value: value})
	}
}

func isHexDigit(b byte) bool {
	return '0' <= b && b <= '9' || 'a' <= b && b <= 'f' || 'A' <= b && b <= 'F'
}

// superscript reads a power written as a superscript.
func (l *lexer) superscript() {
	start := l.pos
	var b strings.Builder
	for l.pos < len(l.src) {
		r, size := utf8.DecodeRuneInString(l.src[l.pos:])
		s := superscripts[r]
		if s == 0 || (s == '+' || s == '-') && b.Len() > 0 {
			break
		}
		b.WriteRune(s)
		l.pos += size
	}
	span := Span{start, l.pos}
	text := b.String()
	if text == "+" || text == "-" {
		l.fail(span, "", "a superscript sign needs superscript digits after it")
		return
	}
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		l.fail(span, "", "number out of range; the largest is about 1.8e308")
		return
	}
	t := token{kind: tokenSuperscript, span: span, value: value}
	if text[0] == '-' {
		t.op = Neg
		t.value = -value
	}
	l.tokens = append(l.tokens, t)
}
