package expr

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// tree renders e with every operation in parentheses, so that a test sees the grouping.
func tree(e Expr) string {
	switch e := e.(type) {
	case *Number:
		return fmt.Sprint(e.Value)
	case *Name:
		return e.Name
	case *Unary:
		return "(" + e.Op.String() + tree(e.X) + ")"
	case *Binary:
		return "(" + tree(e.X) + e.Op.String() + tree(e.Y) + ")"
	case *Call:
		args := make([]string, len(e.Args))
		for i, a := range e.Args {
			args[i] = tree(a)
		}
		return e.Function + "[" + strings.Join(args, ",") + "]"
	}
	panic("unknown expression")
}

func TestParseGrouping(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		// Precedence and associativity.
		{"a+b*c", "(a+(b*c))"},
		{"a*b+c", "((a*b)+c)"},
		{"a-b-c", "((a-b)-c)"},
		{"a/b/c", "((a/b)/c)"},
		{"a/b*c", "((a/b)*c)"},
		{"a^b^c", "(a^(b^c))"},
		{"a**b**c", "(a^(b^c))"},
		{"-x^2", "(-(x^2))"},
		{"-x**2", "(-(x^2))"},
		{"(-x)^2", "((-x)^2)"},
		{"2^-1", "(2^(-1))"},
		{"2^-x^2", "(2^(-(x^2)))"},
		{"2^-x*y", "((2^(-x))*y)"},
		{"2^+x", "(2^x)"},
		{"-a*b", "((-a)*b)"},
		{"a*-b", "(a*(-b))"},
		{"a - -b", "(a-(-b))"},
		{"--a", "(-(-a))"},
		{"+a", "a"},
		{"-+-a", "(-(-a))"},
		{"a<b+1", "(a<(b+1))"},
		{"a<b && c>=d || e==f", "(((a<b)&&(c>=d))||(e==f))"},
		{"a || b && c", "(a||(b&&c))"},
		{"!a && b", "((!a)&&b)"},
		{"!a == b", "((!a)==b)"},
		{"!(a == b)", "(!(a==b))"},
		{"a != b", "(a!=b)"},
		{"(a<b) == (c<d)", "((a<b)==(c<d))"},
		{"a && b && c", "((a&&b)&&c)"},
		{"-sin(x)^2", "(-(sin[x]^2))"},
		{"((((x))))+1", "(x+1)"},

		// Numbers.
		{"1", "1"}, {"1.5", "1.5"}, {".5", "0.5"}, {"1.", "1"}, {"1e-3", "0.001"}, {"1E+2", "100"}, {"1.5e3", "1500"},
		{"0", "0"}, {"007", "7"}, {"0e5", "0"}, {"4.9e-324", "5e-324"},

		// Implicit multiplication.
		{"2x", "(2*x)"},
		{"2x1", "(2*x1)"},
		{"2 x", "(2*x)"},
		{"2x^2", "(2*(x^2))"},
		{"-2x", "((-2)*x)"},
		{"2(x+1)", "(2*(x+1))"},
		{"(a)(b)", "(a*b)"},
		{"(a+b)(a-b)", "((a+b)*(a-b))"},
		{"(a)b", "(a*b)"},
		{"2sin(x)cos(x)", "((2*sin[x])*cos[x])"},
		{"2pi", "(2*pi)"},
		{"2e", "(2*e)"},
		{"2e3x", "(2000*x)"},
		{"2e-x", "((2*e)-x)"},
		{"x^2y", "((x^2)*y)"},
		{"x²y", "((x^2)*y)"},
		{"2²x", "((2^2)*x)"},
		{"(x+1)²(y)", "(((x+1)^2)*y)"},
		{"a*2b/c", "(((a*2)*b)/c)"},
		{"x(y)", "x[y]"},

		// Functions.
		{"sin(u)", "sin[u]"},
		{"where(c, a, b)", "where[c,a,b]"},
		{"max(a,b)", "max[a,b]"},
		{"pow(x,2)", "pow[x,2]"},
		{"f()", "f[]"},
		{"f(g(x),-y)", "f[g[x],(-y)]"},
		{"sin (x)", "sin[x]"},

		// Unicode.
		{"x₁² + x₂² + x₁·x₂", "(((x1^2)+(x2^2))+(x1*x2))"},
		{"x³", "(x^3)"},
		{"x¹⁰", "(x^10)"},
		{"x⁻¹", "(x^(-1))"},
		{"x⁺²", "(x^2)"},
		{"-x²", "(-(x^2))"},
		{"2^x²", "(2^(x^2))"},
		{"x²^3", "((x^2)^3)"},
		{"(x+1)²", "((x+1)^2)"},
		{"sin(x)²", "(sin[x]^2)"},
		{"a × b ÷ c − d", "(((a*b)/c)-d)"},
		{"a ⋅ b ∗ c ∕ d", "(((a*b)*c)/d)"},
		{"−x", "(-x)"},
		{"a ≤ b ∧ ¬c", "((a<=b)&&(!c))"},
		{"a ≥ b ∨ c ≠ d", "((a>=b)||(c!=d))"},
		{"α + β_2 + Δt", "((α+β_2)+Δt)"},
		{"\u00B5 + \u2126", "(μ+Ω)"},
		{"xᵢ + xₙ₊₁", ""},
		{"x₁₂", "x12"},
		{"vₘₐₓ", "vmax"},
		{"σᵦ", "σβ"},
		{"2π", "(2*pi)"},
		{"名 + 前", "(名+前)"},
		{"x\u0304 + 1", "(x\u0304+1)"},
		{"a\u00A0+\u2009b", "(a+b)"},
		{"\uFEFFx", "x"},

		// Space, newlines, comments.
		{" \t x\r\n", "x"},
		{"a +\n b", "(a+b)"},
		{"a *\n\n-\nb", "(a*(-b))"},
		{"(a\n+ b\n)", "(a+b)"},
		{"max(a,\n b)", "max[a,b]"},
		{"max(\na\n,\nb\n)", "max[a,b]"},
		{"a # the first\n", "a"},
		{"# only\na + # more\nb", "(a+b)"},
		{";;x;;", "x"},
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
		if len(prog.Statements) != 1 {
			t.Errorf("%q: %d statements", c.src, len(prog.Statements))
			continue
		}
		if got := tree(prog.Statements[0].Expr); got != c.want {
			t.Errorf("%q: got %s, want %s", c.src, got, c.want)
		}
	}
}

func TestParseStatements(t *testing.T) {
	prog, err := Parse("u = x1*x2; z = sin(u) + u\nw = z*pi\n\n w^2 + y + x1")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range prog.Statements {
		got = append(got, s.Name+":"+tree(s.Expr))
	}
	want := "u:(x1*x2) z:(sin[u]+u) w:(z*pi) :(((w^2)+y)+x1)"
	if s := strings.Join(got, " "); s != want {
		t.Errorf("got %s, want %s", s, want)
	}
	var inputs []string
	for _, n := range prog.Inputs {
		inputs = append(inputs, n.Name)
	}
	if s := strings.Join(inputs, " "); s != "x1 x2 y" {
		t.Errorf("inputs %s", s)
	}
	meanings := map[string]Meaning{"x1": Input, "x2": Input, "y": Input, "u": Variable, "z": Variable, "w": Variable, "pi": Constant}
	statements := map[string]int{"u": 0, "z": 1, "w": 2}
	for _, s := range prog.Statements {
		walk(s.Expr, func(e Expr) {
			n, ok := e.(*Name)
			if !ok {
				return
			}
			if n.Meaning != meanings[n.Name] {
				t.Errorf("%s has meaning %d, want %d", n.Name, n.Meaning, meanings[n.Name])
			}
			want, assigned := statements[n.Name]
			if !assigned {
				want = -1
			}
			if n.Statement != want {
				t.Errorf("%s is of statement %d, want %d", n.Name, n.Statement, want)
			}
		})
	}
}

func TestParsePiAssigned(t *testing.T) {
	prog, err := Parse("π = 3; 2pi")
	if err != nil {
		t.Fatal(err)
	}
	if prog.Statements[0].Name != "pi" || len(prog.Inputs) != 0 {
		t.Errorf("first statement assigns %q, inputs %d", prog.Statements[0].Name, len(prog.Inputs))
	}
	n := prog.Statements[1].Expr.(*Binary).Y.(*Name)
	if n.Meaning != Variable {
		t.Errorf("an assigned pi has meaning %d", n.Meaning)
	}
}

func TestSpans(t *testing.T) {
	src := "z = (α + b)*sin(x₁²)\n  - 2y"
	src = strings.Replace(src, "\n", "", 1)
	prog, err := Parse(src)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	walk(prog.Statements[0].Expr, func(e Expr) { got = append(got, src[e.Span().Start:e.Span().End]) })
	want := []string{"α", "b", "(α + b)", "x₁", "²", "x₁²", "sin(x₁²)", "(α + b)*sin(x₁²)", "2", "y", "2y", "(α + b)*sin(x₁²)  - 2y"}
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// TestErrors has for each mistake its kind, place and a part of its message.
func TestErrors(t *testing.T) {
	for _, c := range []struct {
		src    string
		kind   Kind
		line   int
		column int // in characters
		part   string
	}{
		{"", Syntax, 1, 1, "no expression"},
		{" \n;# nothing", Syntax, 2, 2, "no expression"},
		{"z =", Syntax, 1, 4, `after "=", found the end`},
		{"z = ; y", Syntax, 1, 5, `after "="`},
		{"z = x +* y", Syntax, 1, 8, `after "+", found "*"`},
		{"z = x +", Syntax, 1, 8, "found the end"},
		{"* x", Syntax, 1, 1, `found "*"`},
		{"z = (x + 1", Syntax, 1, 11, `expected ")", found the end`},
		{"z = x + y)", Syntax, 1, 10, `no "(" for`},
		{")", Syntax, 1, 1, `no "(" for`},
		{"()", Syntax, 1, 2, "nothing in these parentheses"},
		{"(x +)", Syntax, 1, 5, `found ")"`},
		{"max(2,)", Syntax, 1, 7, "expected an argument"},
		{"max(,2)", Syntax, 1, 5, `found ","`},
		{"max(2 3)", Syntax, 1, 7, "found the number 3"},
		{"(1,2)", Syntax, 1, 3, "a comma"},
		{"1,2", Syntax, 1, 2, "a comma"},
		{"x y", Syntax, 1, 3, `between "x" and "y"`},
		{"x₁x₂", Syntax, 1, 3, `between "x₁" and "x₂"`},
		{"x₁_a", Syntax, 1, 3, "between"},
		{"x 2", Syntax, 1, 3, "between"},
		{"sin x", Syntax, 1, 5, "between"},
		{"sin²(x)", Syntax, 1, 5, `between "²" and "("`},
		{"(x) 2", Syntax, 1, 5, "expected an operator"},
		{"2 3", Syntax, 1, 3, "expected an operator"},
		{"1/2x", Syntax, 1, 4, "two ways"},
		{"1/2(x)", Syntax, 1, 4, "two ways"},
		{"a/(b)(c)", Syntax, 1, 6, "two ways"},
		{"a<b<c", Syntax, 1, 4, "chained"},
		{"a==b!=c", Syntax, 1, 5, "chained"},
		{"x!", Syntax, 1, 2, "unexpected"},
		{"²", Syntax, 1, 1, "a superscript must follow"},
		{"x² ³", Syntax, 1, 4, "second superscript"},
		{"f(x) = x", Syntax, 1, 6, "cannot be defined"},
		{"x^2 = 4", Syntax, 1, 5, "left of"},
		{"a = b = c", Syntax, 1, 7, "only one"},
		{"x += 1", Syntax, 1, 4, "expected a number"},
		{"(x;y)", Syntax, 1, 3, `expected ")"`},
		{"a; b", Syntax, 1, 1, "not used"},
		{"z = x\n + y", Syntax, 2, 2, "two ways"},
		{"z = x\n -y", Syntax, 2, 2, "two ways"},
		{"(a\n(b)\n c)", Syntax, 2, 1, "expected an operator"},

		{"x = x + 1", Assignment, 1, 1, "after its use"},
		{"a = 1; a = 2", Assignment, 1, 8, "second time"},
		{"z = u; u = 1", Assignment, 1, 8, "after its use"},
		{"x1 = 1; x₁ = 2", Assignment, 1, 9, "second time"},
		{"z = 2pi; pi = 3", Assignment, 1, 10, "after its use"},

		{"1.2.3", Lexical, 1, 1, "malformed number"},
		{"1..2", Lexical, 1, 1, "malformed number"},
		{"1_000", Lexical, 1, 1, "malformed number"},
		{"0x1F + 2", Lexical, 1, 1, "malformed number"},
		{"0b1", Lexical, 1, 1, "malformed number"},
		{"1e999", Lexical, 1, 1, "out of range"},
		{"1e-999", Lexical, 1, 1, "out of range"},
		{"x¹" + strings.Repeat("⁰", 400), Lexical, 1, 2, "out of range"},
		{"x⁻", Lexical, 1, 2, "superscript"},
		{"xⁿ", Lexical, 1, 2, "unexpected character"},
		{"₁x", Lexical, 1, 1, "subscript"},
		{"x $ y", Lexical, 1, 3, "U+0024"},
		{"x & y", Lexical, 1, 3, "unexpected character"},
		{"a – b", Lexical, 1, 3, "U+2013"},
		{"x + \x80", Lexical, 1, 5, "0x80"},
		{"x + \xE2\x82", Lexical, 1, 5, "0xe2"},
		{"x\x00", Lexical, 1, 2, "U+0000"},
		{"x\u202E", Lexical, 1, 2, "U+202E"},
		{"x + \u0304", Lexical, 1, 5, "U+0304"},
		{"漢字 + é $ 3", Lexical, 1, 8, "U+0024"},
		{strings.Repeat("a", 201), Lexical, 1, 1, "too long"},

		{strings.Repeat("(", MaxDepth+1), Limit, 1, MaxDepth + 2, "deep"},
		{strings.Repeat("-", MaxDepth+1) + "x", Limit, 1, MaxDepth + 1, "deep"},
		{strings.Repeat("!", MaxDepth+1) + "x", Limit, 1, MaxDepth + 1, "deep"},
		{strings.Repeat("x^", MaxDepth+1) + "x", Limit, 1, 2*MaxDepth + 2, "deep"},
		{strings.Repeat("f(", MaxDepth+1), Limit, 1, 2*MaxDepth + 3, "deep"},
		{strings.Repeat("x", MaxLength+1), Limit, 1, MaxLength + 1, "at most"},
	} {
		prog, err := Parse(c.src)
		name := c.src[:min(len(c.src), 40)]
		var list ErrorList
		if !errors.As(err, &list) {
			t.Errorf("%q: got %v and error %v", name, prog, err)
			continue
		}
		if prog != nil {
			t.Errorf("%q: a program beside the error", name)
		}
		e := list[0]
		if e.Kind != c.kind || e.Pos.Line != c.line || e.Pos.Rune != c.column || !strings.Contains(e.Message, c.part) {
			t.Errorf("%q: got %s error %v", name, e.Kind, e)
		}
		if len(list) > 1 && c.kind != Lexical {
			t.Errorf("%q: more than one error:\n%v", name, err)
		}
	}
}

func TestErrorsCollected(t *testing.T) {
	_, err := Parse("a = x +* 2; b = (y; c = 1.2.3 + $\nd = b; d = 4 5\nok = 3")
	var list ErrorList
	if !errors.As(err, &list) {
		t.Fatal(err)
	}
	var places []string
	for _, e := range list {
		places = append(places, fmt.Sprintf("%s@%d:%d", e.Kind, e.Pos.Line, e.Pos.Column))
	}
	want := "syntax@1:8 syntax@1:19 lexical@1:25 lexical@1:33 syntax@2:14"
	if got := strings.Join(places, " "); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if var1 := new(Error); !errors.As(err, &var1) || var1 != list[0] {
		t.Error("errors.As finds no *Error in the list")
	}

	for n, want := range map[int]string{maxErrors: "", maxErrors + 1: "1 more mistake", 5000: "4990 more mistakes"} {
		_, err = Parse(strings.Repeat("$\n", n))
		list := err.(ErrorList)
		if len(list) != min(n, maxErrors+1) || list[0].Pos.Line != 1 || list[maxErrors-1].Pos.Line != maxErrors {
			t.Errorf("%d errors, first %v", len(list), list[0])
		}
		if last := list[len(list)-1]; want != "" && (last.Message != want || last.Pos.Line != maxErrors+1) {
			t.Errorf("%d mistakes end in %v", n, last)
		}
	}
}

func TestReport(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{"z = x +* y", `
line 1, column 8: expected a number, a name or "(" after "+", found "*"
    z = x +* y
           ^`},
		{"a = 1\nb = 2; a = 33", `
line 2, column 8: a is assigned a second time
    b = 2; a = 33
           ^
  line 1, column 1: the first assignment
    a = 1
    ^
  hint: use another name`},
		{"z = 漢字 $ x", `
line 1, column 8: unexpected character '$' (U+0024)
    z = 漢字 $ x
             ^`},
		{"x\u0304\u0301 + 12.3.4", "\nline 1, column 7: malformed number\n    x\u0304\u0301 + 12.3.4\n        ^^^^^^\n" +
			"  hint: write digits, one decimal point and an exponent only, such as 1234.5e-3"},
		{"\ta\t$", "\nline 1, column 4: unexpected character '$' (U+0024)\n     a $\n       ^"},
		{"a + \x1b[31m", "\nline 1, column 5: unexpected character U+001B\n    a + \uFFFD[31m\n        ^\n" +
			"line 1, column 6: unexpected character '[' (U+005B)\n    a + \uFFFD[31m\n         ^\n  hint: write ( )"},
		{"", `
line 1, column 1: there is no expression
  hint: write for example z = x1^2 + x2^2 + x1*x2`},
	} {
		_, err := Parse(c.src)
		var list ErrorList
		if !errors.As(err, &list) {
			t.Errorf("%q: error %v", c.src, err)
			continue
		}
		if got := "\n" + list.Report(); got != c.want {
			t.Errorf("%q: got %s\nwant %s", c.src, got, c.want)
		}
	}
}

// TestReportLongLine checks that the caret of a long line stays under its character.
func TestReportLongLine(t *testing.T) {
	long := strings.Repeat("x + ", 60000)
	for _, src := range []string{long + "$", "$ " + long, long + "$ + " + long, strings.Repeat("字 + ", 30000) + "$ + " + long} {
		_, err := Parse(src)
		lines := strings.Split(err.(ErrorList)[0].Report(), "\n")
		if len(lines) < 3 {
			t.Fatalf("report %q", lines)
		}
		width := func(s string) int {
			w := 0
			for _, r := range s {
				w += runeWidth(r)
			}
			return w
		}
		before, _, found := strings.Cut(lines[1], "$")
		if !found || width(before) != strings.Index(lines[2], "^") || width(lines[1]) > excerptWidth+4 {
			t.Errorf("%s\n%s", lines[1], lines[2])
		}
	}
}

func TestKindNames(t *testing.T) {
	seen := map[string]bool{}
	for k := Lexical; k <= Semantic; k++ {
		if s := k.String(); s == "" || seen[s] {
			t.Errorf("kind %d is named %q", k, s)
		}
		seen[k.String()] = true
	}
}
