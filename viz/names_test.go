package viz

import (
	"math"
	"testing"

	"github.com/adjoint-go/adjoint/viz/internal/scene"
)

func TestNames(t *testing.T) {
	for name, want := range map[string]string{
		"x1": "x₁", "x": "x", "W12": "W₁₂", "alpha": "α", "alpha1": "α₁", "x_max": "x_max", "x_1": "x₁", "loss": "loss", "loss_1": "loss₁",
		"beta_2": "β₂", "net/layer/w": "w", "x₁₂": "x₁₂", "h_prev_t": "h_prev,t", "max_iter": "max_iter", "w1_out": "w_1,out",
		"1": "1", "a2b": "a2b", "x[3]": "x[3]",
	} {
		if got := (scene.TextLine{Runs: nameRuns(name)}).Plain(); got != want {
			t.Errorf("%q is set as %q, want %q", name, got, want)
		}
	}
}

// Names of all operators are upright before a parenthesis, and names of values are not.
func TestFunctionsAreUpright(t *testing.T) {
	for _, word := range []string{"hypot", "mod", "lgamma", "sin", "atan2"} {
		for _, r := range mathRuns(word+"(x, y)", nil) {
			if r.Italic != (r.Text == "x" || r.Text == "y") {
				t.Errorf("%s: %q is italic: %v", word, r.Text, r.Italic)
			}
		}
	}
	if r := mathRuns("mod*hypothesis(x)", nil); !r[0].Italic || !r[2].Italic {
		t.Errorf("values are upright: %v", r)
	}
}

func TestExpressions(t *testing.T) {
	for expression, want := range map[string]string{
		"z = x1^2 + x2^2 + x1*x2": "z = x₁² + x₂² + x₁\u2009x₂",
		"2*x1":                    "2x₁",
		"y=-sin(x)":               "y = −sin(x)",
		"x**2":                    "x²",
		"x^-1":                    "x⁻¹",
		"a-b":                     "a − b",
		"2*3":                     "2 · 3",
		"x₁²":                     "x₁²",
		"u = x1*x2; z = sin(u)":   "u = x₁\u2009x₂;  z = sin(u)",
		// Powers of powers, and exponents of more than an operand.
		"2^3^2":         "2^(3^2)",
		"(2^3)^2":       "(2³)²",
		"x^-1^2":        "x^(−1^2)",
		"x^y^(z+1)":     "x^(y^(z + 1))",
		"x^2^y":         "x^(2^y)",
		"x^(y+1)":       "x^(y + 1)",
		"(x^y)^(1/2)":   "(x^y)^(1/2)",
		"2^-x":          "2^(−x)",
		"x^sin(y)":      "x^(sin(y))",
		"x^max(y, 2)*z": "x^(max(y, 2))\u2009z",
		"x^(y)":         "x^y",
		"x^(a)(b)":      "x^a(b)",
		"x^((a))*(b)":   "x^((a))\u2009(b)",
		"2^(x*y)":       "2^(x\u2009y)",
		"x^y_1":         "x^y₁",
		"x^y²":          "x^(y^2)",
		"x^0.5":         "x^0.5",
		"x^ 2":          "x²",
		// Products with a negative factor, and behind a quotient.
		"x*-y":    "x · −y",
		"3 * -4":  "3 · −4",
		"x/y*z":   "x/y · z",
		"x/y+a*b": "x/y + a\u2009b",
		"x*y/z":   "x\u2009y/z",
		// Comparisons.
		"x == y":        "x == y",
		"x != y":        "x ≠ y",
		"x<=y":          "x ≤ y",
		"y = x >= -1":   "y = x ≥ −1",
		"where(a<b, c)": "where(a<b, c)",
		// Powers of ten.
		"1e-09*x": "1×10⁻⁹x",
		"2.5e+30": "2.5×10³⁰",
		"x^1e-3":  "x^(1e−3)",
		"2e":      "2e",
	} {
		if got := (scene.TextLine{Runs: mathRuns(expression, nil)}).Plain(); got != want {
			t.Errorf("%q is set as %q, want %q", expression, got, want)
		}
	}
}

func TestNumbers(t *testing.T) {
	for x, want := range map[float64]string{0: "0", 19: "19", -2.5: "−2.5", 1.0 / 3: "0.333333", 1e-7: "1×10^−7", 1234567: "1234567",
		1e21: "1×10^21", math.Inf(1): "∞", math.Inf(-1): "−∞", 123456.789: "123457"} {
		if got := FormatNumber(x); got != want {
			t.Errorf("%v is shown as %q, want %q", x, got, want)
		}
	}
	if got := FormatNumber(math.NaN()); got != "NaN" {
		t.Errorf("NaN is shown as %q", got)
	}
}

// Whatever a title or a name holds, setting it neither fails nor loses letters.
func FuzzRuns(f *testing.F) {
	for _, s := range []string{"z = x1^2 + x2**2", "x^", "^", "*", "**", "a^(b^(c", "x_", "_", "1e-3", "½·₂³", "sin cos", "\xff", "x/y/", "))((", "a;b;;"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		letters := func(runs []scene.Run) (n int) {
			for _, r := range (scene.TextLine{Runs: runs}).Plain() {
				if r >= 'A' && r <= 'Z' {
					n++
				}
			}
			return n
		}
		want := 0
		for _, r := range s {
			if r >= 'A' && r <= 'Z' {
				want++
			}
		}
		if got := letters(mathRuns(s, nil)); got > want {
			t.Errorf("%q has %d capitals, set it has %d", s, want, got)
		}
		nameRuns(s)
		numberRuns(s)
		if _, w := (scene.TextLine{Runs: mathRuns(s, nil), Size: 10}).Place(); w < 0 || math.IsNaN(w) {
			t.Errorf("%q is %v wide", s, w)
		}
	})
}
