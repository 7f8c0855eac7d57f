package compile_test

import (
	"math"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/testkit"
	"github.com/adjoint-go/adjoint/vm"
)

// Equal gradients are one node. Each name that it is given, and each that Compile is given, leads to its value.
func TestNamesOfEqualGradients(t *testing.T) {
	build := func() (z *graph.Node, d []*graph.Node) {
		g := graph.New()
		a, b := g.Input("a", graph.Float64), g.Input("b", graph.Float64)
		z = graph.Sin(graph.Add(a, b)).Named("z")
		d, err := compile.Gradient(z, a, b)
		if err != nil {
			t.Fatal(err)
		}
		if d[0] != d[1] {
			t.Fatal("the gradients are two nodes: the test needs equal ones")
		}
		d[0].Named("da")
		d[1].Named("db") // the results are not used
		return z, d
	}
	for name, c := range map[string]struct {
		outputs func(z *graph.Node, d []*graph.Node) []*graph.Node
		names   []string // given to Compile
		want    string   // names with a view of the gradient
		slots   string   // first names
	}{
		"both":     {func(z *graph.Node, d []*graph.Node) []*graph.Node { return []*graph.Node{z, d[0], d[1]} }, nil, "da db", "z da db"},
		"one":      {func(z *graph.Node, d []*graph.Node) []*graph.Node { return []*graph.Node{z, d[0]} }, nil, "da db", "z da"},
		"thrice":   {func(z *graph.Node, d []*graph.Node) []*graph.Node { return []*graph.Node{d[0], d[1], d[0], z} }, nil, "da db", "da db da z"},
		"given":    {func(z *graph.Node, d []*graph.Node) []*graph.Node { return []*graph.Node{z, d[0], d[1]} }, []string{"", "first", "second"}, "first second da db", "z first second"},
		"one too":  {func(z *graph.Node, d []*graph.Node) []*graph.Node { return []*graph.Node{d[1], z} }, []string{"only"}, "only da db", "only z"},
		"the same": {func(z *graph.Node, d []*graph.Node) []*graph.Node { return []*graph.Node{d[1], d[0]} }, []string{"da", "db"}, "da db", "da db"},
	} {
		z, d := build()
		p, err := testkit.Compile(compile.Config{Names: c.names}, c.outputs(z, d)...)
		if err != nil {
			t.Fatal(err)
		}
		var slots []string
		for _, s := range p.Outputs() {
			slots = append(slots, s.Name)
		}
		if got := strings.Join(slots, " "); got != c.slots {
			t.Errorf("%s: the outputs are %s, want %s", name, got, c.slots)
		}
		m := vm.NewMachine(p)
		m.Float64("a")[0], m.Float64("b")[0] = 0.5, 0.25
		if err := m.Step(); err != nil {
			t.Fatal(err)
		}
		for _, view := range strings.Fields(c.want) {
			if got := m.Float64(view)[0]; math.Abs(got-0.7316888688738209) > 1e-15 { // cos ¾
				t.Errorf("%s: %s is %v", name, view, got)
			}
		}
	}
}

// An input, a constant and an intermediate value have several names too, and keep them where a graph is rebuilt or read back.
func TestSeveralNames(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64).Named("ex")
	if x.Named("y") != x || g.Lookup("ex") != x || g.Lookup("y") != x || x.Name() != "x" || strings.Join(x.Names(), " ") != "x ex y" {
		t.Errorf("the input's names are %v", x.Names())
	}
	two := g.Const(2).Named("two").Named("deux")
	z := graph.Mul(x, two).Named("z").Named("zed")
	p := must[*vm.Program](t)(testkit.Compile(compile.Config{}, z, x, two))
	m := vm.NewMachine(p)
	out, err := m.Run(map[string]float64{"ex": 3})
	if err != nil || out[0].Data() != 6.0 || out[1].Data() != 3.0 || out[2].Data() != 2.0 {
		t.Fatal(out, err)
	}
	for name, want := range map[string]float64{"x": 3, "ex": 3, "y": 3, "two": 2, "deux": 2, "z": 6, "zed": 6} {
		if got := m.Float64(name)[0]; got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	if _, err := m.Run(map[string]float64{"x": 1, "y": 2}); err == nil || !strings.Contains(err.Error(), "two values") {
		t.Errorf("two values for an input: %v", err)
	}
	for _, c := range []struct {
		names []string
		text  string
	}{
		{[]string{"a", "b", "c", "d"}, "4 names for 3 outputs"}, {[]string{"x"}, `the name "x" is that of`}, {[]string{"", "z"}, `the name "z" is that of`},
		{[]string{"a", "a"}, `the name "a" is that of`}, {[]string{"two words"}, "space"},
	} {
		if _, err := (compile.Config{Names: c.names}).Compile(z, x, two); err == nil || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%q: %v, want %q", c.names, err, c.text)
		}
	}
	if graph.Sin(x).Named("s").Twin() == graph.Sin(x) || x.Twin().Op().Name != "identity" {
		t.Error("a twin is no node of its own")
	}
}
