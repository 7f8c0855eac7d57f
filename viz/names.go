package viz

import (
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
// between names as a narrow space, and − for a minus sign. What it does not
// understand stays as it is. Names found in replace take the runs given there.
func mathRuns(expression string, replace map[string][]scene.Run) []scene.Run {
	var runs []scene.Run
	add := func(text string) {
		if n := len(runs); n > 0 && !runs[n-1].Italic && runs[n-1].Script == scene.Base && !runs[n-1].Bar {
			runs[n-1].Text += text
			return
		}
		runs = append(runs, scene.Run{Text: text})
	}
	text := []rune(expression)
	const (
		nothing = iota
		number
		name
		closing
		operator
	)
	last := nothing
	for i := 0; i < len(text); {
		r := text[i]
		switch {
		case unicode.IsLetter(r) || r == '_':
			j := i
			for j < len(text) && (unicode.IsLetter(text[j]) || unicode.IsDigit(text[j]) || text[j] == '_' || lowered[text[j]] != 0) {
				j++
			}
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
				if j < len(text) && text[j] == ' ' {
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
			j := i
			for j < len(text) && (unicode.IsDigit(text[j]) || text[j] == '.') {
				j++
			}
			if last == name || last == number {
				add("\u2009")
			}
			add(string(text[i:j]))
			last = number
			i = j
		case r == '^' || raised[r] != 0:
			var sup []rune
			j := i
			if r == '^' {
				j++
				depth := 0
				for ; j < len(text); j++ {
					c := text[j]
					if c == '(' {
						if depth++; depth == 1 {
							continue
						}
					}
					if c == ')' && depth > 0 {
						if depth--; depth == 0 {
							j++
							break
						}
					}
					if depth == 0 && !(unicode.IsDigit(c) || unicode.IsLetter(c) || c == '.' || len(sup) == 0 && (c == '-' || c == '−')) {
						break
					}
					sup = append(sup, c)
				}
			} else {
				for j < len(text) && raised[text[j]] != 0 {
					sup = append(sup, raised[text[j]])
					j++
				}
			}
			runs = append(runs, raise(mathRuns(string(sup), replace))...)
			last = closing
			i = j
		case r == '*' && i+1 < len(text) && text[i+1] == '*':
			text[i+1] = '^'
			i++
		case r == '*' || r == '·':
			j := i + 1
			for j < len(text) && text[j] == ' ' {
				j++
			}
			switch {
			case j < len(text) && (unicode.IsDigit(text[j]) || text[j] == '.'):
				add(" · ")
			case last == number:
			default:
				add("\u2009")
			}
			last = operator
			i = j
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
			i++
			for i < len(text) && text[i] == ' ' {
				i++
			}
		case r == ' ':
			// Spaces come with the operators.
			if i+1 < len(text) && !strings.ContainsRune("+-−*·=/ ^", text[i+1]) {
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
			i++
			for i < len(text) && text[i] == ' ' {
				i++
			}
		case r == ',':
			add(", ")
			last = nothing
			i++
			for i < len(text) && text[i] == ' ' {
				i++
			}
		default:
			add(string(r))
			last = operator
			i++
		}
	}
	return runs
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
