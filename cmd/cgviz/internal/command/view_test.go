package command

import (
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

func TestMemoryCommand(t *testing.T) {
	cg := graphFile(t, scoped)
	for _, args := range [][]string{{cg}, {"--gradient", cg}, {"--gradient", "--wrt", "w", "--style", "mono", cg}, {"-T", "pdf", "-o", t.TempDir() + "/m.pdf", cg}} {
		r := run("", append([]string{"memory"}, args...)...)
		if r.status != 0 || len(args) < 5 && !strings.Contains(r.out, "peak") {
			t.Errorf("%v: status %d: %s", args, r.status, r.err)
		}
	}
}
