package viz

import (
	"fmt"
	"math"
	"strconv"
	"testing"
	"unicode"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// formula evaluates the notation of graph.Op.Partials, independently of how it is drawn and of the derivatives: sums, products (also by
// juxtaposition), quotients, powers, the functions below (with or without parentheses), [a > b], √ and the constants a, b, c and v.
type formula struct {
	text  []rune
	at    int
	known map[string]float64
}

var formulaFunctions = map[string]func(float64) float64{
	"sin": math.Sin, "cos": math.Cos, "tanh": math.Tanh, "sinh": math.Sinh, "cosh": math.Cosh, "exp": math.Exp, "ln": math.Log, "√": math.Sqrt,
	"σ": func(x float64) float64 { return 1 / (1 + math.Exp(-x)) },
	"sign": func(x float64) float64 {
		if x == 0 || math.IsNaN(x) {
			return x
		}
		return math.Copysign(1, x)
	},
	"H": func(x float64) float64 {
		switch {
		case x > 0:
			return 1
		case x == 0:
			return 0.5
		case x < 0:
			return 0
		}
		return x
	},
}

func evaluateFormula(text string, known map[string]float64) (value float64, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%q: %v", text, r)
		}
	}()
	f := &formula{text: []rune(text), known: known}
	value = f.sum()
	if f.peek() != 0 {
		return 0, fmt.Errorf("%q: %q is left over", text, string(f.text[f.at:]))
	}
	return value, nil
}

func (f *formula) peek() rune {
	for f.at < len(f.text) && f.text[f.at] == ' ' {
		f.at++
	}
	if f.at == len(f.text) {
		return 0
	}
	return f.text[f.at]
}

func (f *formula) take(r rune) bool {
	if f.peek() != r {
		return false
	}
	f.at++
	return true
}

func (f *formula) sum() float64 {
	x := 0.0
	if f.take('−') {
		x = -f.product()
	} else {
		x = f.product()
	}
	for {
		switch {
		case f.take('+'):
			x += f.product()
		case f.take('−'):
			x -= f.product()
		default:
			return x
		}
	}
}

// product reads factors side by side; a quotient ends at the factor after its sign.
func (f *formula) product() float64 {
	x := f.power()
	for {
		r := f.peek()
		switch {
		case f.take('/'):
			x /= f.power()
		case r == '(' || r == '[' || r == '√' || unicode.IsLetter(r) || unicode.IsDigit(r):
			x *= f.power()
		default:
			return x
		}
	}
}

func (f *formula) power() float64 {
	x := f.atom()
	if f.take('^') {
		return math.Pow(x, f.atom())
	}
	return x
}

func (f *formula) atom() float64 {
	r := f.peek()
	switch {
	case f.take('('):
		x := f.sum()
		if !f.take(')') {
			panic("a parenthesis is open")
		}
		return x
	case f.take('['):
		x := f.sum()
		greater := f.take('>')
		if greater {
			x -= f.sum()
		}
		if !f.take(']') {
			panic("a bracket is open")
		}
		if greater && x > 0 || !greater && x != 0 {
			return 1
		}
		return 0
	case unicode.IsDigit(r):
		start := f.at
		for f.at < len(f.text) && (unicode.IsDigit(f.text[f.at]) || f.text[f.at] == '.') {
			f.at++
		}
		x, err := strconv.ParseFloat(string(f.text[start:f.at]), 64)
		if err != nil {
			panic(err)
		}
		return x
	}
	start := f.at
	for f.at < len(f.text) && (unicode.IsLetter(f.text[f.at]) || f.text[f.at] == '√') {
		f.at++
	}
	word := string(f.text[start:f.at])
	if function := formulaFunctions[word]; function != nil {
		return function(f.power())
	}
	x, found := f.known[word]
	if !found {
		panic(fmt.Sprintf("%q is not known", word))
	}
	return x
}

// logarithmAt is where the second operand of the products with a logarithm has a logarithm no more.
var logarithmAt = map[string]float64{"xlogy": 0, "xlog1py": -1}

// The partials that drawings show are the derivatives: at points of the operators' samples, at ties, zeros and units.
func TestDrawnPartialsAreTheDerivatives(t *testing.T) {
	checked, undefined := 0, 0
	shown := map[string]int{}
	special := []float64{-2, -1, -0.5, 0, 0.25, 0.5, 1, 2, 3}
	for _, op := range graph.Ops() {
		for operand, text := range op.Partials {
			if text == "" {
				continue
			}
			g := graph.New()
			var in []*graph.Node
			for k := range op.MaxArity {
				d := graph.Float64
				if op.Name == "where" && k == 0 {
					d = graph.Bool
				}
				in = append(in, g.Input(fmt.Sprintf("x%d", k), d))
			}
			var y *graph.Node
			if op.Elementwise {
				y = g.Apply(op, in, nil)
			} else { // a reduction, of one element
				y = g.Apply(op, in, graph.Attributes(graph.IntsAttr("axes"), graph.BoolAttr("keepdims", false)))
			}
			d, err := compile.Gradient(y, in[operand])
			if err != nil {
				t.Fatalf("%s: %v", op.Name, err)
			}
			p, err := compile.Compile(y, d[0])
			if err != nil {
				t.Fatalf("%s: %v", op.Name, err)
			}
			m := vm.NewMachine(p)
			points := [][]float64{{}}
			for range in {
				var longer [][]float64
				for _, point := range points {
					for _, x := range special {
						longer = append(longer, append(append([]float64(nil), point...), x))
					}
				}
				points = longer
			}
			for _, point := range points {
				known := map[string]float64{}
				for k, x := range point {
					if in[k].DType() == graph.Bool {
						m.Bool(in[k].Name())[0] = x > 0
						if x = 0; point[k] > 0 {
							x = 1
						}
					} else {
						m.Float64(in[k].Name())[0] = x
					}
					known[string(rune('a'+k))] = x
				}
				if err := m.Step(); err != nil {
					t.Fatalf("%s: %v", op.Name, err)
				}
				value, want := m.OutputFloat64(0)[0], m.OutputFloat64(1)[0]
				known["v"] = value
				got, err := evaluateFormula(text, known)
				if err != nil {
					t.Fatalf("%s, operand %d: %v", op.Name, operand, err)
				}
				if math.IsNaN(value) {
					continue // outside of the operator's domain
				}
				if op.Name == "pow" && operand == 1 && point[0] == 0 && point[1] == 0 {
					continue // where x^y has no limit: its documentation states the convention
				}
				if y, ok := logarithmAt[op.Name]; ok && point[0] == 0 && point[1] <= y {
					continue // where 0·ln y is 0 by a convention that the documentation states
				}
				if math.IsNaN(got) && !math.IsNaN(want) {
					// 0·∞ or 0/0 at the edge of the domain: the formula states nothing there.
					undefined++
					continue
				}
				if math.Abs(got-want) > 1e-12*(1+math.Abs(want)) && !(math.IsInf(got, 0) && got == want) && !(math.IsNaN(got) && math.IsNaN(want)) {
					t.Errorf("%s by operand %d at %v: the drawing says %s = %v, the derivative is %v", op.Name, operand, point, text, got, want)
				}
				checked++
				shown[op.Name]++
			}
		}
	}
	t.Logf("%d operators, %d points, %d more at which a formula is 0·∞ or 0/0", len(shown), checked, undefined)
	if len(shown) < 54 || checked < 8000 {
		t.Errorf("only %d operators at %d points", len(shown), checked)
	}
	if undefined > 10 {
		t.Errorf("%d points at which a formula is not defined and the derivative is", undefined)
	}
}

// Powers with a constant exponent have a rule of their own.
func TestDrawnPowerRule(t *testing.T) {
	checked := 0
	for _, c := range []float64{-3, -2, -1, -0.5, 0, 0.5, 1, 1.5, 2, 3, 4} {
		g := graph.New()
		x := g.Input("x", graph.Float64)
		y := graph.Pow(x, g.Const(c))
		d, err := compile.Gradient(y, x)
		if err != nil {
			t.Fatal(err)
		}
		p, err := compile.Compile(y, d[0])
		if err != nil {
			t.Fatal(err)
		}
		m := vm.NewMachine(p)
		for _, a := range []float64{-2, -1, -0.5, 0, 0.5, 1, 3} {
			for _, in := range p.Inputs() {
				if in.Used {
					m.Float64(in.Name)[0] = a
				}
			}
			if err := m.Step(); err != nil {
				t.Fatal(err)
			}
			want := m.OutputFloat64(1)[0]
			got, err := evaluateFormula(powerPartial(c), map[string]float64{"a": a})
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(got-want) > 1e-12*(1+math.Abs(want)) && got != want && !(math.IsNaN(got) && math.IsNaN(want)) {
				t.Errorf("x^%v at %v: the drawing says %s = %v, the derivative is %v", c, a, powerPartial(c), got, want)
			}
			checked++
		}
	}
	if checked < 77 {
		t.Errorf("only %d points", checked)
	}
}
