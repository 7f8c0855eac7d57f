package viz

import (
	"strings"

	"github.com/adjoint-go/adjoint/viz/internal/scene"
)

// symbols are drawn for operators by name, in the notation of mathRuns; others
// are drawn by their own symbol or name.
var symbols = map[string]string{
	"add": "+", "sub": "−", "mul": "×", "div": "÷", "neg": "−( · )", "square": "( · )^2", "sqrt": "√( · )",
	"rsqrt": "1/√( · )", "reciprocal": "1/( · )", "abs": "|·|", "pow": "( · )^y", "matmul": "matmul",
	"reduce_sum": "Σ", "reduce_prod": "Π", "reduce_mean": "mean", "reduce_max": "max", "reduce_min": "min",
	"transpose": "( · )^T", "sigmoid": "σ", "mul_no_nan": "×", "exp": "exp", "fma": "×+", "fms": "×−", "fnma": "−×", "identity": "=",
}

// symbolRuns returns the first line of an operator.
func symbolRuns(n *Node) []scene.Run {
	text, found := symbols[n.Op]
	if !found {
		text = n.Symbol
		if text == "" {
			text = n.Op
		}
		return plainSymbol(text)
	}
	return plainSymbol(text)
}

// plainSymbol sets a symbol upright; what follows ^ is raised.
func plainSymbol(text string) []scene.Run {
	var plain, sup []rune
	for _, r := range text {
		if d, found := raised[r]; found {
			sup = append(sup, d)
			continue
		}
		if len(sup) > 0 {
			plain = append(plain, sup...)
			sup = nil
		}
		plain = append(plain, r)
	}
	base := string(plain)
	before, after, found := strings.Cut(base, "^")
	runs := upright(before)
	switch {
	case found && after != "":
		runs = append(runs, scene.Run{Text: after, Script: scene.Super, Italic: after == "y"})
	case len(sup) > 0:
		runs = append(runs, scene.Run{Text: string(sup), Script: scene.Super})
	}
	return runs
}

// partials are the local derivatives by operand, in the notation of mathRuns:
// a, b and c stand for the operands and v for the result.
var partials = map[string][]string{
	"add": {"1", "1"}, "sub": {"1", "−1"}, "mul": {"b", "a"}, "mul_no_nan": {"b", "a"}, "div": {"1/b", "−v/b"}, "neg": {"−1"},
	"square": {"2a"}, "sqrt": {"1/(2v)"}, "rsqrt": {"−v/(2a)"}, "cbrt": {"v/(3a)"}, "reciprocal": {"−v^2"},
	"abs": {"sign a"}, "exp": {"v"}, "expm1": {"v + 1"}, "log": {"1/a"}, "log1p": {"1/(1 + a)"},
	"sin": {"cos a"}, "cos": {"−sin a"}, "tan": {"1 + v^2"}, "sinh": {"cosh a"}, "cosh": {"sinh a"}, "tanh": {"1 − v^2"},
	"asin": {"1/√(1 − a^2)"}, "acos": {"−1/√(1 − a^2)"}, "atan": {"1/(1 + a^2)"},
	"asinh": {"1/√(1 + a^2)"}, "acosh": {"1/√(a^2 − 1)"}, "atanh": {"1/(1 − a^2)"},
	"sigmoid": {"v(1 − v)"}, "softplus": {"σ(a)"}, "relu": {"[a > 0]"}, "identity": {"1"},
	"pow": {"v b/a", "v ln a"}, "max": {"[a ≥ b]", "[b ≥ a]"}, "min": {"[a ≤ b]", "[b ≤ a]"},
	"hypot": {"a/v", "b/v"}, "fma": {"b", "a", "1"}, "fms": {"b", "a", "−1"}, "fnma": {"−b", "−a", "1"}, "reduce_sum": {"1"},
	"where": {"", "[a]", "1 − [a]"},
}

// partialRuns returns the symbolic partial derivative of a node by an operand,
// nil when there is no short form.
func partialRuns(op string, operand int, names [][]scene.Run, result []scene.Run) []scene.Run {
	forms := partials[op]
	if operand >= len(forms) || forms[operand] == "" {
		return nil
	}
	replace := map[string][]scene.Run{"v": result}
	for i, letter := range []string{"a", "b", "c"} {
		if i < len(names) {
			replace[letter] = names[i]
		}
	}
	return mathRuns(forms[operand], replace)
}
