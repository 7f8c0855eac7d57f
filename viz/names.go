package viz

import (
	"strconv"
	"strings"
	"unicode"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/viz/internal/scene"
)

var greek = map[string]string{
	"alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "zeta": "ζ", "eta": "η",
	"theta": "θ", "iota": "ι", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π",
	"rho": "ρ", "sigma": "σ", "tau": "τ", "upsilon": "υ", "phi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω",
	"Gamma": "Γ", "Delta": "Δ", "Theta": "Θ", "Lambda": "Λ", "Xi": "Ξ", "Pi": "Π", "Sigma": "Σ",
	"Phi": "Φ", "Psi": "Ψ", "Omega": "Ω",
}

var lowered = map[rune]rune{'₀': '0', '₁': '1', '₂': '2', '₃': '3', '₄': '4', '₅': '5', '₆': '6', '₇': '7', '₈': '8', '₉': '9'}
var raised = map[rune]rune{'⁰': '0', '¹': '1', '²': '2', '³': '3', '⁴': '4', '⁵': '5', '⁶': '6', '⁷': '7', '⁸': '8', '⁹': '9', '⁻': '−'}

// longestName is the number of characters after which a name is cut.
const longestName = 26

// nameRuns sets a name. Of a path a/b/c the last part is shown, of a long name its beginning and its end.
func nameRuns(name string) []scene.Run { return setName(cutMiddle(lastPart(name))) }

// setName sets a name as mathematics does: x1 as an italic x with a lowered 1,
// alpha as the letter, w_out with a lowered word.
func setName(name string) []scene.Run {
	// Digits that are lowered already.
	var plain []rune
	for _, r := range name {
		if d, found := lowered[r]; found {
			r = d
		}
		plain = append(plain, r)
	}
	name = string(plain)
	base, sub := splitName(name)
	if letter, found := greek[base]; found {
		base = letter
	}
	runs := []scene.Run{{Text: base, Italic: true}}
	if sub != "" {
		_, isWord := greek[sub]
		if isWord {
			sub = greek[sub]
		}
		runs = append(runs, scene.Run{Text: sub, Script: scene.Sub, Italic: !isNumber(sub)})
	}
	return runs
}

func isNumber(s string) bool {
	for _, r := range s {
		if (r < '0' || r > '9') && r != ',' {
			return false
		}
	}
	return s != ""
}

// splitName separates a name from what is set lower: digits at its end, or the
// part after an underscore when the name before it is short.
func splitName(name string) (base, sub string) {
	const (
		shortName = 3
		shortSub  = 8
	)
	base = name
	if k := strings.IndexByte(name, '_'); k > 0 && k+1 < len(name) {
		before, after := name[:k], name[k+1:]
		if after[0] == '_' {
			return name, ""
		}
		if len([]rune(after)) > shortSub {
			return name, ""
		}
		_, letter := greek[before]
		inner, digits := splitDigits(before)
		if letter || len([]rune(before)) <= shortName && digits == "" || isNumber(after) {
			return before, strings.ReplaceAll(after, "_", ",")
		}
		if digits != "" && len([]rune(inner)) <= shortName {
			return inner, digits + "," + strings.ReplaceAll(after, "_", ",")
		}
		return name, ""
	}
	inner, digits := splitDigits(name)
	if inner != "" && digits != "" && wordlike(inner) {
		return inner, digits
	}
	return name, ""
}

func splitDigits(s string) (before, digits string) {
	k := len(s)
	for k > 0 && s[k-1] >= '0' && s[k-1] <= '9' {
		k--
	}
	return s[:k], s[k:]
}

func wordlike(s string) bool {
	for _, r := range s {
		if !unicode.IsLetter(r) {
			return false
		}
	}
	return true
}

// functions are set upright wherever they stand; other operators' names only before a parenthesis.
var functions = map[string]bool{"sin": true, "cos": true, "tan": true, "exp": true, "log": true, "ln": true,
	"sqrt": true, "tanh": true, "sinh": true, "cosh": true, "abs": true, "sign": true, "relu": true, "max": true,
	"min": true, "sum": true, "mean": true, "erf": true, "pow": true, "softplus": true, "sigmoid": true,
	"asin": true, "acos": true, "atan": true, "atan2": true, "log1p": true, "expm1": true, "square": true,
	"matmul": true, "logsumexp": true, "softmax": true, "prod": true, "where": true, "NaN": true}

// isFunction reports whether the word that ends before text[j] is the name of a function.
func isFunction(word string, text []rune, j int) bool {
	return functions[word] || j < len(text) && text[j] == '(' && graph.LookupOp(word) != nil
}

// mathRuns sets an expression: names as nameRuns does, ^ as raised text, *
// between names as a narrow space where that reads as a product, and − for a minus sign. What it does not
// understand stays as it is. Names found in replace take the runs given there.
func mathRuns(expression string, replace map[string][]scene.Run) []scene.Run {
	return setExpression([]rune(strings.ReplaceAll(expression, "**", "^")), replace, false)
}

// comparisons are the signs of two characters.
var comparisons = map[string]string{"==": " == ", "!=": " ≠ ", "<=": " ≤ ", ">=": " ≥ "}

// setExpression is mathRuns of text, which may be raised as a whole: powers in it keep their sign then, since nothing is raised twice.
func setExpression(text []rune, replace map[string][]scene.Run, raised bool) []scene.Run {
	var runs []scene.Run
	add := func(text string) {
		if n := len(runs); n > 0 && !runs[n-1].Italic && runs[n-1].Script == scene.Base && !runs[n-1].Bar {
			runs[n-1].Text += text
			return
		}
		runs = append(runs, scene.Run{Text: text})
	}
	const (
		nothing = iota
		number
		name
		closing
		operator
	)
	last := nothing
	divided := false // by what stands before
	at := func(i int) rune {
		if i < len(text) {
			return text[i]
		}
		return 0
	}
	skip := func(i int) int {
		for at(i) == ' ' {
			i++
		}
		return i
	}
	for i := 0; i < len(text); {
		r := text[i]
		if strings.ContainsRune("+-−=<>!&|,;([", r) {
			divided = false
		}
		switch {
		case unicode.IsLetter(r) || r == '_':
			j := wordEnd(text, i)
			word := string(text[i:j])
			function := isFunction(word, text, j)
			if last == name || last == closing && function {
				add("\u2009")
			}
			switch {
			case replace[word] != nil:
				runs = append(runs, replace[word]...)
			case function:
				add(word)
				if at(j) == ' ' {
					add("\u2009")
					j++
				}
			default:
				runs = append(runs, nameRuns(word)...)
			}
			last = name
			if function {
				last = operator
			}
			i = j
		case unicode.IsDigit(r) || r == '.':
			j, mantissa := numberEnd(text, i)
			if last == name || last == number {
				add("\u2009")
			}
			add(string(text[i:mantissa]))
			if mantissa < j {
				power, err := strconv.Atoi(string(text[mantissa+1 : j]))
				exponent := strings.ReplaceAll(strconv.Itoa(power), "-", "−")
				switch {
				case err != nil:
					add(string(text[mantissa:j]))
				case raised:
					add("e" + exponent)
				default:
					add("×10")
					runs = append(runs, scene.Run{Text: exponent, Script: scene.Super})
				}
			}
			last = number
			i = j
		case r == '^' || isRaised(r):
			j := powerEnd(text, i)
			exponent := text[i:j]
			if r == '^' {
				exponent = withoutParentheses([]rune(strings.TrimSpace(string(exponent[1:]))))
			} else {
				exponent = unraised(exponent)
			}
			set := setExpression(exponent, replace, true)
			switch {
			case !raised:
				runs = append(runs, raise(set)...)
			case isOperand(exponent):
				add("^")
				runs = append(runs, set...)
			default:
				add("^(")
				runs = append(runs, set...)
				add(")")
			}
			last = closing
			i = j
		case r == '*' || r == '·':
			j := skip(i + 1)
			switch next := at(j); {
			case unicode.IsDigit(next) || next == '.' || next == '-' || next == '−' || divided:
				add(" · ")
			case last == number:
			default:
				add("\u2009")
			}
			last = operator
			i = j
		case comparisons[string(text[i:min(i+2, len(text))])] != "":
			add(comparisons[string(text[i:i+2])])
			last = operator
			i = skip(i + 2)
		case r == '-' || r == '−' || r == '+' || r == '=':
			if r == '-' {
				r = '−'
			}
			if last == nothing || last == operator {
				add(string(r))
			} else {
				add(" " + string(r) + " ")
			}
			last = operator
			i = skip(i + 1)
		case r == ' ':
			// Spaces come with the operators.
			if next := at(i + 1); next != 0 && !strings.ContainsRune("+-−*·=/ ^", next) && comparisons[string(text[i+1:min(i+3, len(text))])] == "" {
				add(" ")
			}
			i++
		case r == '(' || r == '[':
			add(string(r))
			last = nothing
			i++
		case r == ')' || r == ']':
			add(string(r))
			last = closing
			i++
		case r == ';':
			add(";  ")
			last = nothing
			i = skip(i + 1)
		case r == ',':
			add(", ")
			last = nothing
			i = skip(i + 1)
		default:
			divided = divided || r == '/'
			add(string(r))
			last = operator
			i++
		}
	}
	return runs
}

// wordEnd is where the name that begins at text[i] ends.
func wordEnd(text []rune, i int) int {
	for i < len(text) && (unicode.IsLetter(text[i]) || unicode.IsDigit(text[i]) || text[i] == '_' || lowered[text[i]] != 0) {
		i++
	}
	return i
}

// numberEnd is where the number that begins at text[i] ends, and where its digits before a power of ten do.
func numberEnd(text []rune, i int) (end, mantissa int) {
	for i < len(text) && (unicode.IsDigit(text[i]) || text[i] == '.') {
		i++
	}
	j := i
	if j < len(text) && (text[j] == 'e' || text[j] == 'E') {
		if j++; j < len(text) && (text[j] == '-' || text[j] == '+') {
			j++
		}
		first := j
		for j < len(text) && text[j] >= '0' && text[j] <= '9' {
			j++
		}
		if j > first && j == wordEnd(text, j) {
			return j, i
		}
	}
	return i, i
}

// isRaised reports whether r is a raised character.
func isRaised(r rune) bool { return raised[r] != 0 }

// unraised returns raised characters as those of the line.
func unraised(text []rune) []rune {
	out := make([]rune, len(text))
	for i, r := range text {
		out[i] = raised[r]
	}
	return out
}

// powerEnd is where the exponent ends that begins with the ^, or the first of the raised characters, text[i]: behind signs, one operand and its powers.
func powerEnd(text []rune, i int) int {
	for i < len(text) && text[i] == '^' {
		for i++; i < len(text) && strings.ContainsRune(" -−", text[i]); {
			i++
		}
		switch {
		case i == len(text):
		case unicode.IsDigit(text[i]) || text[i] == '.':
			i, _ = numberEnd(text, i)
		case unicode.IsLetter(text[i]) || text[i] == '_':
			word := i
			if i = wordEnd(text, i); i < len(text) && text[i] == '(' && isFunction(string(text[word:i]), text, i) {
				i = groupEnd(text, i)
			}
		case text[i] == '(':
			i = groupEnd(text, i)
		}
	}
	for i < len(text) && isRaised(text[i]) {
		i++
	}
	return i
}

// groupEnd is behind the parenthesis that closes the one at text[i].
func groupEnd(text []rune, i int) int {
	for depth := 0; i < len(text); i++ {
		switch text[i] {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return i
}

// withoutParentheses leaves out those around the whole text.
func withoutParentheses(text []rune) []rune {
	if n := len(text); n > 0 && text[0] == '(' && groupEnd(text, 0) == n {
		return []rune(strings.TrimSuffix(string(text[1:]), ")"))
	}
	return text
}

// isOperand reports whether an exponent is one name or number.
func isOperand(text []rune) bool {
	number, _ := numberEnd(text, 0)
	return wordEnd(text, 0) == len(text) || number == len(text)
}

// raise returns runs as an exponent. What is lowered in them stays so as digits of the typeface, since a run is either raised or lowered.
func raise(runs []scene.Run) []scene.Run {
	out := make([]scene.Run, len(runs))
	for i, r := range runs {
		if r.Script == scene.Sub {
			text := ""
			for _, d := range r.Text {
				if d < '0' || d > '9' {
					text = "_" + r.Text
					break
				}
				text += string('₀' + d - '0')
			}
			r.Text = text
		}
		r.Script = scene.Super
		out[i] = r
	}
	return out
}

// numberRuns sets a formatted number: the exponent of a power of ten is raised.
func numberRuns(s string) []scene.Run {
	var runs []scene.Run
	for s != "" {
		before, after, found := strings.Cut(s, "^")
		runs = append(runs, scene.Run{Text: before})
		if !found {
			break
		}
		k := 0
		for k < len(after) && (strings.HasPrefix(after[k:], "−") || after[k] >= '0' && after[k] <= '9') {
			if after[k] >= '0' && after[k] <= '9' {
				k++
			} else {
				k += len("−")
			}
		}
		runs = append(runs, scene.Run{Text: after[:k], Script: scene.Super})
		s = after[k:]
	}
	return runs
}

// barred returns a name's runs with a bar over the base.
func barred(runs []scene.Run) []scene.Run {
	out := append([]scene.Run(nil), runs...)
	if len(out) > 0 {
		out[0].Bar = true
	}
	return out
}

func joinRuns(parts ...[]scene.Run) []scene.Run {
	var out []scene.Run
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

// shownLate returns the runs as part of the text that a walk through the execution shows late.
func shownLate(part scene.Part, runs []scene.Run) []scene.Run {
	out := append([]scene.Run(nil), runs...)
	for i := range out {
		out[i].Part = part
	}
	return out
}

func upright(text string) []scene.Run { return []scene.Run{{Text: text}} }
