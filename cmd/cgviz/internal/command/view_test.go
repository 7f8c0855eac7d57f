package command

import (
	"fmt"
	"strings"
	"testing"
)

// scoped is a graph with two scopes, one in the other.
const scoped = `adjoint graph 1
%0 "x" = input : f64[64]
%1 "w" = input : f64[64]
%2 "a" = mul %0, %1 : f64[64] in "layer"
%3 "b" = exp %2 : f64[64] in "layer/inner"
%4 "c" = sin %3 : f64[64] in "layer/inner"
%5 "d" = add %4, %0 : f64[64]
%6 "loss" = reduce_sum %5 {axes=[0], keepdims=false} : f64
output %6
`

// TestView checks which nodes are drawn and what stands in them, by the drawing as text.
func TestView(t *testing.T) {
	cg := graphFile(t, scoped)
	for _, c := range []struct {
		args        []string
		has, hasnot []string
	}{
		{nil, []string{"a = x × w", "b = exp", "c = sin"}, []string{"flop", "GB"}},
		{[]string{"--focus", "b", "--radius", "1"}, []string{"a = x × w", "b = exp", "c = sin"}, []string{"loss", "○"}},
		{[]string{"--focus", "%5", "--radius", "1"}, []string{"d = c + x", "c"}, []string{"exp"}},
		{[]string{"--path", "a..c"}, []string{"a = x × w", "b", "c"}, []string{"loss", "○", "+"}},
		{[]string{"--depth", "0"}, []string{"layer"}, []string{"exp", "sin", "inner"}},
		{[]string{"--depth", "1"}, []string{"inner", "x × w"}, []string{"exp", "sin"}},
		{[]string{"--depth", "0", "--expand", "layer/inner"}, []string{"exp", "x × w"}, nil},
		{[]string{"--collapse", "layer/inner"}, []string{"inner", "x × w"}, []string{"exp", "sin"}},
		{[]string{"--collapse", "*/in*"}, []string{"inner", "x × w"}, []string{"exp", "sin"}},
		{[]string{"--collapse", "l?y*"}, []string{"layer"}, []string{"exp", "sin", "inner"}},
		{[]string{"--depth", "0", "--expand", "*/inner"}, []string{"exp", "x × w"}, nil},
		{[]string{"--show", "cost,memory"}, []string{"cost 1.3 kflop", "memory 512 B", "cost 64 flop"}, []string{"f64[64]"}},
		{[]string{"--show", "+cost"}, []string{"cost 1.3 kflop", "f64[64]"}, nil},
		{[]string{"--show", "time"}, []string{"time "}, []string{"f64[64]", "cost"}},
		{[]string{"--show", "line"}, []string{"graph.cg:"}, nil},
		{[]string{"--opt", "after", "--show", "cost"}, []string{"cost 1.3 kflop"}, nil},
		{[]string{"--max-nodes", "4"}, []string{"part 1"}, []string{"exp"}},
	} {
		r := run("", append(append([]string{"-T", "text"}, c.args...), cg)...)
		if r.status != 0 {
			t.Errorf("%v: status %d: %s", c.args, r.status, r.err)
			continue
		}
		for _, w := range c.has {
			if !strings.Contains(r.out, w) {
				t.Errorf("%v lacks %q:\n%s", c.args, w, r.out)
			}
		}
		for _, w := range c.hasnot {
			if strings.Contains(r.out, w) {
				t.Errorf("%v has %q:\n%s", c.args, w, r.out)
			}
		}
	}
}

// looped is a graph with a loop and a branch in it, and a loop whose body is large.
var looped = `adjoint graph 1
%0 "w" = input : f64
%1 "h" = input : f64
%2 "x" = input : f64[3]
%3 = scan %0, %1, %2 {bodies=functions[1], captured=1, carries=1, length=3, reverse=true} : (f64)
  body
    %0 "@0" = input : f64
    %1 "@1" = input : f64
    %2 "@2" = input : f64
    %3 = lt %1, %2 : bool
    %4 = switch %3, %1, %0 {bodies=functions[2]} : (f64)
      body
        %0 "@0" = input : f64
        %1 "@1" = input : f64
        %2 = mul %0, %1 : f64
        output %2
      end
      body
        %0 "@0" = input : f64
        %1 "@1" = input : f64
        %2 = sin %0 : f64
        output %2
      end
    %5 = result %4 {index=0} : f64
    %6 = tanh %5 : f64
    output %5
    output %6
  end
%4 = result %3 {index=0} : f64
%5 = each_step %3 {value=6} : f64[3]
%6 "y" = reduce_sum %5 {axes=[0], keepdims=false} : f64
%7 = scan %4 {bodies=functions[1], captured=0, carries=1, length=5, reverse=false} : (f64)
  body
    %0 "@0" = input : f64
` + manyCosines(70) + `
  end
%8 "z" = result %7 {index=0} : f64
output %6
output %8
`

func manyCosines(n int) string {
	var lines []string
	for i := range n {
		lines = append(lines, fmt.Sprintf("    %%%d = cos %%%d : f64", i+1, i))
	}
	return strings.Join(append(lines, fmt.Sprintf("    output %%%d", n)), "\n")
}

// TestBodies checks which bodies are open, and that everything works on graphs with them.
func TestBodies(t *testing.T) {
	cg := graphFile(t, looped)
	for _, c := range []struct {
		args        []string
		has, hasnot []string
	}{
		{nil, []string{"scan × 3 (reverse):", "cond:", "then:", "carry(h), then ", "= captured(w)", "= element(x)", " at each step", "length=5"}, []string{"cos", "scan × 5:"}},
		{[]string{"--expand", "scan%7"}, []string{"scan × 3 (reverse):", "scan × 5:", "cos"}, []string{"length="}},
		{[]string{"--collapse", "scan%3"}, []string{"scan(w, h, x, length=3, reverse=true)"}, []string{"captured", "cond", "tanh"}},
		{[]string{"--collapse", "scan%3/switch%4"}, []string{"scan × 3", "switch("}, []string{"cond", "sin"}},
		{[]string{"--depth", "0"}, []string{"length=3", "length=5"}, []string{"tanh"}},
		{[]string{"--depth", "1"}, []string{"tanh", "cos", "switch("}, []string{"sin"}},
		{[]string{"--at", "w=0.5,h=0.25,x=[1,2,3]"}, []string{"w = 0.5", "y = "}, nil},
		{[]string{"--grad", "overlay", "--at", "w=0.5,h=0.25,x=[1,2,3]"}, []string{"w\u0304 = ", "tanh"}, nil},
		{[]string{"--grad", "split", "--expand", "scan%7"}, []string{"∂y/∂w", "scan × 3:", "length=5, reverse=true"}, nil},
		{[]string{"--focus", "y", "--radius", "2"}, []string{"at each step", "tanh"}, []string{"carry"}},
		{[]string{"--opt", "both"}, []string{"captured"}, nil},
		{[]string{"--max-nodes", "9"}, []string{"length=3"}, []string{"tanh"}},
		{[]string{"--show", "+cost", "--color-by", "op"}, []string{"captured", "flop"}, nil},
	} {
		r := run("", append(append([]string{"-T", "text"}, c.args...), cg)...)
		if r.status != 0 {
			t.Errorf("%v: status %d: %s", c.args, r.status, r.err)
			continue
		}
		for _, w := range c.has {
			if !strings.Contains(r.out, w) {
				t.Errorf("%v lacks %q:\n%s", c.args, w, r.out)
			}
		}
		for _, w := range c.hasnot {
			if strings.Contains(r.out, w) {
				t.Errorf("%v has %q:\n%s", c.args, w, r.out)
			}
		}
	}
	for _, format := range []string{"dot", "json", "svg", "png", "pdf", "html", "mermaid", "text", "tikz", "latex"} {
		for _, more := range [][]string{nil, {"--grad", "overlay"}, {"--grad", "split"}} {
			if r := run("", append(more, "-T", format, "-o", t.TempDir()+"/o."+format, cg)...); r.status != 0 {
				t.Errorf("%s %v: status %d: %s", format, more, r.status, r.err)
			}
		}
	}
}

// TestDiffOfBodies compares what loops run.
func TestDiffOfBodies(t *testing.T) {
	a, b := graphFile(t, looped), graphFile(t, strings.Replace(looped, "sin %0", "exp %0", 1))
	if r := run("", "diff", "--exit-code", a, a); r.status != 0 || r.out != "" {
		t.Errorf("a graph and itself: status %d: %s%s", r.status, r.out, r.err)
	}
	r := run("", "diff", a, b)
	_, got, _ := strings.Cut(r.out, "\n+++")
	_, got, _ = strings.Cut(got, "\n")
	want := `  %3 = scan(w, h, x) {bodies=functions[1], captured=1, carries=1, length=3, reverse=true} : (f64)
    scan × 3 (reverse)
      %4 = switch(%3, @1, @0) {bodies=functions[2]} : (f64)
        then
-         %2 = sin(@0) : f64
+         %2 = exp(@0) : f64
3 nodes in common, 0 renamed, 1 changed, 5 affected, 0 removed, 0 added
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if r := run("", "diff", "-T", "text", a, b); r.status != 0 || !strings.Contains(r.out, "exp(") || !strings.Contains(r.out, "sin(") {
		t.Errorf("status %d: %s%s", r.status, r.out, r.err)
	}
}

// TestColours checks that every colouring has its legend, for graphs and for programs, with and without gradients.
func TestColours(t *testing.T) {
	cg := graphFile(t, scoped)
	for by, legend := range map[string]string{"op": "operator: ", "scope": "scope: ", "cost": "flops from 0", "memory": "bytes from 0", "time": "µs from 0"} {
		for _, more := range [][]string{nil, {"--grad", "split"}, {"--opt", "after"}, {"--opt", "both"}, {"--style", "mono"}, {"--theme", "dark"}} {
			r := run("", append(append([]string{"-T", "svg", "--color-by", by}, more...), cg)...)
			if r.status != 0 || !strings.Contains(r.out, legend) {
				t.Errorf("--color-by %s %v: status %d, legend %q: %s", by, more, r.status, legend, r.err)
			}
		}
	}
}

// An overlay of the gradient by a node in the middle ends there.
func TestOverlayByIntermediate(t *testing.T) {
	r := run("", "-T", "text", "--grad", "overlay", "--wrt", "u", "--at", "x=2", "u = x*x; z = u^2")
	if r.status != 0 || !strings.Contains(r.out, "u = x") || !strings.Contains(r.out, "8") {
		t.Errorf("status %d: %s%s", r.status, r.out, r.err)
	}
	for _, line := range strings.Split(r.out, "\n") {
		if strings.Contains(line, "○") && strings.Contains(line, "\u0304") {
			t.Errorf("the input has an adjoint: %s", line)
		}
	}
}

func TestScheduleCommand(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{{[]string{"10"}, " 9 steps forward"}, {[]string{"--states", "3", "10"}, " 15 steps forward"}, {[]string{"--every", "4", "10"}, " 15 steps forward"},
		{[]string{"--states", "3", "--mixed", "10"}, " 19 steps forward"}} { // 10 steps with 3 states take 15 steps forward: figure 2 of Griewank & Walther; 9 + 2·3; Maddison's recurrence
		r := run("", append([]string{"schedule"}, c.args...)...)
		if r.status != 0 || !strings.Contains(r.out, c.want) || !strings.Contains(r.out, "<svg") {
			t.Errorf("%v: status %d: %s %s", c.args, r.status, r.err, r.out)
		}
	}
	for _, format := range []string{"png", "pdf"} {
		if r := run("", "schedule", "--states", "5", "-T", format, "-o", t.TempDir()+"/s."+format, "--title", "Sweep", "100"); r.status != 0 {
			t.Errorf("%s: status %d: %s", format, r.status, r.err)
		}
	}
}

func TestMemoryCommand(t *testing.T) {
	cg := graphFile(t, scoped)
	for _, args := range [][]string{{cg}, {"--gradient", cg}, {"--gradient", "--wrt", "w", "--style", "mono", cg}, {"-T", "pdf", "-o", t.TempDir() + "/m.pdf", cg}} {
		r := run("", append([]string{"memory"}, args...)...)
		if r.status != 0 || len(args) < 5 && !strings.Contains(r.out, "peak") {
			t.Errorf("%v: status %d: %s", args, r.status, r.err)
		}
	}
}
