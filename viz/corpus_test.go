package viz

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/viz/internal/verify"
)

// drawing is a graph of the corpus with options.
type drawing struct {
	name    string
	outputs []*graph.Node
	options []Option
	model   *Model // in place of outputs
	derived bool   // holds derivatives, whose graph is as differentiation makes it
}

func (c drawing) picture(options ...Option) (*Picture, error) {
	options = append(options, c.options...)
	if c.model != nil {
		return NewFromModel(c.model, options...)
	}
	return New(c.outputs, options...)
}

// corpus lists the graphs that every format is tested on.
func corpus() []drawing {
	var list []drawing
	add := func(name string, outputs []*graph.Node, options ...Option) {
		list = append(list, drawing{name: name, outputs: outputs, options: options})
	}
	for mode, name := range []string{NoGradients: "seed-forward", Overlay: "seed-overlay", Split: "seed-split"} {
		outputs, options := seed(GradientMode(mode))
		add(name, outputs, options...)
	}
	add("perceptron", perceptron())
	add("perceptron-overlay", perceptron(), WithGradients(Overlay))
	add("lstm", lstm())
	add("scalars60", scalars(60))
	add("scalars60-overlay", scalars(60), WithGradients(Overlay))
	add("scalars200", scalars(200))
	list = append(list, drawing{name: "odd-names", options: []Option{WithTitle(`<&>"\`)}, model: oddNames()})
	add("corner-cases", cornerCases(), WithGradients(Overlay))
	add("unfolded", scalars(30), WithFolding(false), WithTypes(true))
	add("constant", []*graph.Node{graph.New().Const(2)})
	g := graph.New()
	add("input", []*graph.Node{g.Input("x", graph.Float64)}, WithGradients(Overlay))
	loops := compiledLoops()
	for _, name := range slices.Sorted(maps.Keys(loops)) {
		add(name, loops[name], WithBodies(100))
		list[len(list)-1].derived = strings.HasPrefix(name, "gradient")
	}
	y, wrt, dy := recurrent()
	add("recurrent-overlay", y, WithGradients(Overlay))
	add("recurrent-split", y, WithGradients(Split), WithRespectTo(wrt...), WithGradientOutputs(dy...))
	list[len(list)-1].derived = true
	add("nested-closed", loops["nested"], WithBodies(0))
	add("nested-half", loops["nested"], WithDepth(4))
	return list
}

// oddNames describes a graph whose names hold what file formats treat specially.
func oddNames() *Model {
	m := &Model{}
	for i, name := range []string{`<b>`, `a&b`, `"quoted"`, `back\\slash`, `node`, `x[3]`, `数`, `a_very_long_name_of_a_variable_that_goes_on_and_on`,
		`x₁₂`, `beta_2`, `-->`, `]]>`, `{x|y}`, `#tag;`, "é\u0301", "line\nbreak", "nul\x00", "\xff", "", " ", "&lt;", `\\N`} {
		m.Nodes = append(m.Nodes, Node{ID: 2 * i, Op: "input", Name: name, Source: name, Scope: name})
		if i > 0 {
			m.Nodes = append(m.Nodes, Node{ID: 2*i + 1, Op: name, Name: name, Attributes: name, Inputs: []int{len(m.Nodes) - 2, len(m.Nodes) - 1}})
		}
	}
	m.Outputs = []Output{{Node: len(m.Nodes) - 1, Name: `out<&>"`}}
	return m
}

// cornerCases builds a graph with repeated operands, several outputs, an output
// that is an input, an output used further, and operators without a gradient.
func cornerCases() []*graph.Node {
	g := graph.New()
	x, y := g.Input("x", graph.Float64), g.Input("y", graph.Float64)
	square := graph.Mul(x, x)
	cube := graph.Mul(square, x).Named("cube")
	sum := graph.Add(graph.Add(cube, cube), graph.StopGradient(y))
	choice := graph.Where(graph.Greater(x, y), sum, graph.Pow(x, g.Const(3)))
	return []*graph.Node{choice, cube, x, graph.Sqrt(graph.Abs(y)).Named("r")}
}

func TestDrawingsHaveNoFlaws(t *testing.T) {
	for _, c := range corpus() {
		for direction := LeftToRight; direction <= BottomToTop; direction++ {
			t.Run(fmt.Sprintf("%s/%d", c.name, direction), func(t *testing.T) {
				p, err := c.picture(WithDirection(direction))
				if err != nil {
					t.Fatal(err)
				}
				d, err := p.laid()
				if err != nil {
					t.Fatal(err)
				}
				for _, flaw := range verify.Check(d) {
					t.Error(flaw)
				}
			})
		}
	}
}
