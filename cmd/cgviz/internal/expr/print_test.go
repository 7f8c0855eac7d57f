package expr

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestPrint(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{"z=x₁²+x₂²+x₁·x₂", "z = x1^2 + x2^2 + x1*x2"},
		{"u=x1*x2\nz=sin(u)+u;", "u = x1*x2; z = sin(u) + u"},
		{"a-(b-c)-(d+e)", "a - (b - c) - (d + e)"},
		{"(a+b)+c", "a + b + c"},
		{"a+(b+c)", "a + (b + c)"},
		{"a/(b*c)/d*e", "a/(b*c)/d*e"},
		{"(-x)^2^3", "(-x)^2^3"},
		{"(a^b)^c", "(a^b)^c"},
		{"2^-(x^2)", "2^-x^2"},
		{"x⁻¹", "x^-1"},
		{"(-(x^2))", "-x^2"},
		{"-(a*b)", "-(a*b)"},
		{"(-a)*b", "-a*b"},
		{"a - -b", "a - -b"},
		{"a*(-b)", "a*-b"},
		{"!(a&&b)||(c<d)", "!(a && b) || c < d"},
		{"(a||b)&&c", "(a || b) && c"},
		{"(a<b)==(c<d)", "(a < b) == (c < d)"},
		{"((a+b)*c)^2", "((a + b)*c)^2"},
		{"2(x+1)(y)", "2*(x + 1)*y"},
		{"max((a),(b,))", ""},
		{"where(x>0,x,-x)", "where(x > 0, x, -x)"},
		{"1000000 + 1e21 + 0.000001 + .5", "1e+06 + 1e+21 + 1e-06 + 0.5"},
		{"2π", "2*pi"},
	} {
		prog, err := Parse(c.src)
		if c.want == "" {
			if err == nil {
				t.Errorf("%q: no error", c.src)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", c.src, err)
			continue
		}
		if got := prog.String(); got != c.want {
			t.Errorf("%q: got %s, want %s", c.src, got, c.want)
		}
	}
}

// random returns a random expression with at most the given number of levels.
func random(r *rand.Rand, levels int) Expr {
	if levels == 0 || r.IntN(6) == 0 {
		if r.IntN(2) == 0 {
			return &Name{Name: []string{"x1", "y", "β", "pi", "e", "漢", "x\u0304"}[r.IntN(7)]}
		}
		values := []float64{0, 1, 2, 0.5, 1e-3, 1e21, 123456789, math.Pi, math.MaxFloat64, math.SmallestNonzeroFloat64, r.Float64()}
		return &Number{Value: values[r.IntN(len(values))]}
	}
	switch r.IntN(6) {
	case 0:
		return &Unary{Op: []Op{Neg, Not}[r.IntN(2)], X: random(r, levels-1)}
	case 1:
		c := &Call{Function: []string{"sin", "max", "f"}[r.IntN(3)]}
		for range r.IntN(4) {
			c.Args = append(c.Args, random(r, levels-1))
		}
		return c
	}
	op := Or + Op(r.IntN(int(Pow-Or)+1))
	return &Binary{Op: op, X: random(r, levels-1), Y: random(r, levels-1)}
}

// TestPrintParsesBack checks on random trees that canonical text parses back to
// the same tree, and that no pair of its parentheses can be left out.
func TestPrintParsesBack(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	dropped := 0
	for i := range 20000 {
		e := random(r, 1+i%6)
		text := Format(e)
		prog, err := Parse(text)
		if err != nil {
			t.Fatalf("%s\n%v", text, err)
		}
		if got := prog.Statements[0].Expr; !Equal(got, e) {
			t.Fatalf("%s: read as %s, was %s", text, tree(got), tree(e))
		}
		if i%20 != 0 {
			continue
		}
		for open, close := range pairs(text) {
			shorter := text[:open] + " " + text[open+1:close] + " " + text[close+1:]
			prog, err := Parse(shorter)
			if err == nil && Equal(prog.Statements[0].Expr, e) {
				t.Fatalf("%s: the parentheses at %d and %d are not needed", text, open, close)
			}
			dropped++
		}
	}
	if dropped < 1000 {
		t.Errorf("only %d pairs of parentheses tried", dropped)
	}
}

// pairs maps the place of every opening parenthesis that does not follow a name to the one that closes it.
func pairs(text string) map[int]int {
	found := map[int]int{}
	var open []int
	for i := range len(text) {
		switch text[i] {
		case '(':
			open = append(open, i)
		case ')':
			start := open[len(open)-1]
			open = open[:len(open)-1]
			if start == 0 || strings.IndexByte(" (-!*/^", text[start-1]) >= 0 {
				found[start] = i
			}
		}
	}
	return found
}

// TestEqual checks that Equal tells trees apart by every field that counts.
func TestEqual(t *testing.T) {
	texts := []string{"1", "2", "a", "b", "-a", "!a", "-b", "a+b", "a-b", "b+a", "a+b+c", "a+(b+c)", "f(a)", "f(b)", "g(a)", "f(a, b)", "f()"}
	for i, a := range texts {
		for j, b := range texts {
			x, y := mustParse(t, a), mustParse(t, b)
			if got := Equal(x.Statements[0].Expr, y.Statements[0].Expr); got != (i == j) {
				t.Errorf("Equal(%s, %s) = %v", a, b, got)
			}
		}
	}
}

func mustParse(t testing.TB, src string) *Program {
	t.Helper()
	prog, err := Parse(src)
	if err != nil {
		t.Fatalf("%s: %v", src, err)
	}
	return prog
}

// TestLongSource checks that a very long chain is read and printed.
func TestLongSource(t *testing.T) {
	for _, src := range []string{
		"x" + strings.Repeat("+x", MaxLength/16-1),
		"x" + strings.Repeat("*x", MaxLength/16-1),
		"(x)" + strings.Repeat("(x)", MaxLength/16),
		"f(x" + strings.Repeat(",x", MaxLength/16) + ")",
		"x = 1" + strings.Repeat(";", MaxLength-10),
		strings.Repeat("(", MaxDepth) + "x" + strings.Repeat(")", MaxDepth),
		strings.Repeat("-", MaxDepth) + "x",
		strings.Repeat("x^", MaxDepth) + "x",
	} {
		prog := mustParse(t, src)
		text := prog.String()
		if len(text) > MaxLength {
			continue
		}
		if back := mustParse(t, text); !Equal(back.Statements[0].Expr, prog.Statements[0].Expr) {
			t.Errorf("%s…: another tree", src[:20])
		}
	}
}

func ExampleProgram_String() {
	prog, err := Parse("u = x₁·x₂; z = sin(u)² + (2u)")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(prog)
	// Output: u = x1*x2; z = sin(u)^2 + 2*u
}
