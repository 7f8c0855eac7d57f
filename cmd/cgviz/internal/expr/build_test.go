package expr

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/graph"
)

// show renders the expression that a node computes; named nodes below the root are shown by name.
func show(n *graph.Node, root bool) string {
	switch {
	case n.IsConst():
		return fmt.Sprint(n.Literal().Float(0))
	case n.IsInput(), n.Name() != "" && !root:
		return n.Name()
	}
	var args []string
	for _, in := range n.Inputs() {
		args = append(args, show(in, false))
	}
	return n.Op().Name + "(" + strings.Join(args, ",") + ")"
}

func TestBuild(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{"z = x1^2 + x2^2 + x1*x2", "x1 x2; z=add(add(square(x1),square(x2)),mul(x1,x2))"},
		{"z = x₁² + x₂² + x₁·x₂", "x1 x2; z=add(add(square(x1),square(x2)),mul(x1,x2))"},
		{"u = x1*x2; z = sin(u) + u", "x1 x2; z=add(sin(u),u)"},
		{"z = sin(x1+x2) + x2²x3", "x1 x2 x3; z=add(sin(add(x1,x2)),mul(square(x2),x3))"},
		{"b*a; ", "b a; =mul(b,a)"},
		{"x^0.5", "x; =pow(x,0.5)"},
		{"x^-1", "x; =pow(x,-1)"},
		{"x^3", "x; =pow(x,3)"},
		{"2^x", "x; =pow(2,x)"},
		{"pow(x,2)", "x; =pow(x,2)"},
		{"(x+1)^2^3", "x; =pow(add(x,1),pow(2,3))"},
		{"-x^2", "x; =neg(square(x))"},
		{"-3*x", "x; =mul(-3,x)"},
		{"-0*x", "x; =mul(-0,x)"},
		{"2pi*r", "r; =mul(mul(2,3.141592653589793),r)"},
		{"pi = 3; y = pi*r", "r; y=mul(3,r)"},
		{"a-b/c", "a b c; =sub(a,div(b,c))"},
		{"where(x>0 && !(y<=1) || x==y, max(x,y), atan2(y,x))",
			"x y; =where(logical_or(logical_and(gt(x,0),logical_not(le(y,1))),eq(x,y)),max(x,y),atan2(y,x))"},
		{"a >= b", "a b; =ge(a,b)"},
		{"(a<b) != (c<a)", "a b c; =ne(lt(a,b),lt(c,a))"},
		{"lt(a,b)", "a b; =lt(a,b)"},
		// Outputs.
		{"a = x; b = 2x", "x; a=identity(x) b=mul(2,x)"},
		{"a = x+1; b = a*2; c = x*3; b", "x; c=mul(x,3) b=mul(a,2)"},
		{"a = x+1; a", "x; a=add(x,1)"},
		{"a = x+1; x+1", "x; a=add(x,1)"},
		{"a = x*y; b = x*y", "x y; a=mul(x,y) b=mul(x,y)"},
		{"u = x+1; v = u*2; w = u*3", "x; v=mul(u,2) w=mul(u,3)"},
		{"x", "x; =x"},
		{"7", "; =7"},
	} {
		g := graph.New()
		out, err := Build(g, mustParse(t, c.src))
		if err != nil {
			t.Errorf("%q: %v", c.src, err)
			continue
		}
		if g.Err() != nil {
			t.Errorf("%q: the graph has errors: %v", c.src, g.Err())
		}
		var inputs, outputs []string
		for _, n := range g.Inputs() {
			inputs = append(inputs, n.Name())
			if n.DType() != graph.Float64 || len(n.Shape()) != 0 {
				t.Errorf("%q: input %s is %v%v", c.src, n.Name(), n.DType(), n.Shape())
			}
		}
		for _, n := range out {
			name := n.Name()
			if n.IsInput() {
				name = ""
			}
			outputs = append(outputs, name+"="+show(n, true))
		}
		if got := strings.Join(inputs, " ") + "; " + strings.Join(outputs, " "); got != c.want {
			t.Errorf("%q: got  %s\nwant %s", c.src, got, c.want)
		}
	}
}

func TestBuildPositions(t *testing.T) {
	g := graph.New()
	out, err := Build(g, mustParse(t, "u = sin(x)\n\nz = u*y"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"x": "expression:1", "u": "expression:1", "y": "expression:3", "z": "expression:3"} {
		if got := g.Lookup(name).Position().String(); got != want {
			t.Errorf("%s was made at %s, want %s", name, got, want)
		}
	}
	if len(out) != 1 || out[0] != g.Lookup("z") {
		t.Errorf("outputs %v", out)
	}
}

func TestBuildErrors(t *testing.T) {
	for _, c := range []struct {
		src, message, hint string
		kind               Kind
		column             int
	}{
		{"sine(x)", `no function "sine"`, "did you mean sin", Function, 1},
		{"1 + sni(x)", `no function "sni"`, "did you mean sin", Function, 5},
		{"arctan(x)", `no function "arctan"`, "did you mean atan?", Function, 1},
		{"ln(x)", `no function "ln"`, "did you mean log?", Function, 1},
		{"Exp(x)", `no function "Exp"`, "did you mean exp", Function, 1},
		{"qqqqqqq(x)", `no function "qqqqqqq"`, "", Function, 1},
		{"x + x(y)", `no function "x"`, "x is a variable; for the product write x*(…)", Function, 5},
		{"u = 2y; u(y)", `no function "u"`, "u is a variable; for the product write u*(…)", Function, 9},
		{"sin()", "sin takes 1 argument, not 0", "write sin(x)", Function, 1},
		{"sin(x, y)", "sin takes 1 argument, not 2", "write sin(x)", Function, 1},
		{"2 + pow(x)", "pow takes 2 arguments, not 1", "write pow(x, y)", Function, 5},
		{"max(a,b,c)", "max takes 2 arguments, not 3", "write max(x, y)", Function, 1},
		{"where(a<b)", "where takes 3 arguments, not 1", "write where(condition, x, y)", Function, 1},
		{"softmax(x)", "softmax cannot be used in an expression", "", Function, 1},
		{"input(x)", "input cannot be used in an expression", "", Function, 1},
		{"!x", `"!" needs a condition, this is a number`, "a comparison", Semantic, 2},
		{"x && y>0", `"&&" needs a condition, this is a number`, "a comparison", Semantic, 1},
		{"1 + (x>y)", `"+" needs a number, this is a condition`, "where(", Semantic, 5},
		{"(x>y)^2", `"^" needs a number, this is a condition`, "where(", Semantic, 1},
		{"-(x>y)", `"-" needs a number`, "where(", Semantic, 2},
		{"(x>y) == 1", `"==" stands between a condition and a number`, "where(", Semantic, 1},
		{"where(x, 1, 2)", "where: the condition is float64", "", Semantic, 1},
		{"sin(x>y)", "sin: operands are bool", "", Semantic, 1},
	} {
		_, err := Build(graph.New(), mustParse(t, c.src))
		var list ErrorList
		if !errors.As(err, &list) || len(list) != 1 {
			t.Errorf("%q: error %v", c.src, err)
			continue
		}
		e := list[0]
		if e.Kind != c.kind || !strings.Contains(e.Message, c.message) || e.Pos.Column != c.column ||
			!strings.Contains(e.Hint, c.hint) || c.hint == "" && e.Hint != "" {
			t.Errorf("%q: %s error at column %d: %q, hint %q", c.src, e.Kind, e.Pos.Column, e.Message, e.Hint)
		}
	}

	_, err := Build(graph.New(), mustParse(t, "sine(cosi(x)) + pow(tam(y))"))
	var list ErrorList
	if !errors.As(err, &list) || len(list) != 4 {
		t.Errorf("not all mistakes are reported: %v", err)
	}
}

// TestBuildDeep checks that the largest programs build.
func TestBuildDeep(t *testing.T) {
	for _, src := range []string{
		"x" + strings.Repeat("+x", 100000),
		strings.Repeat("sin(", MaxDepth-1) + "x" + strings.Repeat(")", MaxDepth-1),
		strings.Repeat("!", MaxDepth-1) + "(x<y)",
	} {
		if _, err := Build(graph.New(), mustParse(t, src)); err != nil {
			t.Errorf("%.20s…: %v", src, err)
		}
	}
}

// TestFunctionNames checks that every sign and every synonym leads to an operator of the graph.
func TestFunctionNames(t *testing.T) {
	for o := Or; o < opCount; o++ {
		if graph.LookupOp(opInfos[o].function) == nil {
			t.Errorf("%s stands for the unknown operator %q", o, opInfos[o].function)
		}
	}
	for from, to := range synonyms {
		if graph.LookupOp(from) != nil {
			t.Errorf("%q is an operator and needs no synonym", from)
		}
		if op := graph.LookupOp(to); op == nil || !callable(op) {
			t.Errorf("%q leads to %q, which cannot be called", from, to)
		}
	}
}

func TestEditDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"sin", "sin", 0}, {"", "abc", 3}, {"sin", "sine", 1}, {"sni", "sin", 1}, {"cos", "sin", 3}, {"kitten", "sitting", 3},
	} {
		if got := editDistance(c.a, c.b); got != c.want {
			t.Errorf("editDistance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
		if got := editDistance(c.b, c.a); got != c.want {
			t.Errorf("editDistance(%q, %q) = %d, want %d", c.b, c.a, got, c.want)
		}
	}
}
