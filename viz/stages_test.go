package viz

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/viz/internal/verify"
)

// summary lists the operators of a model by change.
func changesOf(m *Model) map[Change][]string {
	list := map[Change][]string{}
	for i := range m.Nodes {
		if n := &m.Nodes[i]; n.Op != "input" && n.Op != "const" {
			list[n.Change] = append(list[n.Change], n.Op)
		}
	}
	for _, l := range list {
		slices.Sort(l)
	}
	return list
}

func modelOf(t *testing.T, outputs ...*graph.Node) *Model {
	t.Helper()
	m, err := Describe(outputs)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestCompare(t *testing.T) {
	g := graph.New()
	x, y := g.Input("x", graph.Float64), g.Input("y", graph.Float64)
	product := graph.Mul(graph.Sin(x), y)
	old := graph.Add(product, graph.Exp(graph.Cos(y)))

	same, err := Compare(modelOf(t, old), modelOf(t, old))
	if err != nil {
		t.Fatal(err)
	}
	if c := changesOf(same); len(c) != 1 || len(c[Unchanged]) != 5 {
		t.Errorf("a graph and itself: %v", c)
	}

	// exp(cos y) is gone and log x came.
	now := graph.Sub(product, graph.Log(x))
	union, err := Compare(modelOf(t, old), modelOf(t, now))
	if err != nil {
		t.Fatal(err)
	}
	if err := union.Check(); err != nil {
		t.Error(err)
	}
	c := changesOf(union)
	if !slices.Equal(c[Unchanged], []string{"mul", "sin"}) || !slices.Equal(c[Removed], []string{"add", "cos", "exp"}) || !slices.Equal(c[Added], []string{"log", "sub"}) {
		t.Errorf("changes: %v", c)
	}
	if len(union.Outputs) != 1 || union.Nodes[union.Outputs[0].Node].Op != "sub" {
		t.Errorf("outputs: %v", union.Outputs)
	}
	for i := range union.Nodes {
		if n := &union.Nodes[i]; n.Op == "exp" && (len(n.Inputs) != 1 || union.Nodes[n.Inputs[0]].Op != "cos") {
			t.Errorf("the ghost of exp has operands %v", n.Inputs)
		}
	}
}

// Nodes made for one node are that node changed, and keep the operands they had as ghosts.
func TestCompareFollowsOrigins(t *testing.T) {
	before := &Model{Nodes: []Node{{ID: 0, Op: "input", Name: "x"}, {ID: 1, Origin: 1, Op: "exp", Inputs: []int{0}},
		{ID: 2, Origin: 2, Op: "add", Inputs: []int{0, 1}}}, Outputs: []Output{{Node: 2}}}
	after := &Model{Nodes: []Node{{ID: 0, Op: "input", Name: "x"}, {ID: 1, Origin: 2, Op: "mul", Inputs: []int{0, 0}}}, Outputs: []Output{{Node: 1}}}
	union, err := Compare(before, after)
	if err != nil {
		t.Fatal(err)
	}
	last := union.Nodes[union.Outputs[0].Node]
	if last.Change != Changed || last.match() != "n2" || len(last.Former) != 1 || union.Nodes[last.Former[0]].Op != "exp" || union.Nodes[last.Former[0]].Change != Removed {
		t.Errorf("%+v", union)
	}
	if _, err := Compare(before, &Model{Nodes: []Node{{Op: "neg", Inputs: []int{4}}}}); err == nil {
		t.Error("a model that cannot be drawn is compared")
	}
}

// stagesOf compiles and describes.
func stagesOf(t *testing.T, outputs []*graph.Node, options ...Option) []Stage {
	t.Helper()
	recorded, err := compile.Config{}.Stages(outputs...)
	if err != nil {
		t.Fatal(err)
	}
	stages, err := DescribeStages(recorded, options...)
	if err != nil {
		t.Fatal(err)
	}
	return stages
}

// stageOf returns the number of the stage behind a pass.
func stageOf(pass string) int {
	return 1 + slices.IndexFunc(compile.Passes(), func(p compile.PassInfo) bool { return p.Name == pass })
}

// wasteful builds z = x·1 + sin(y)·sin(y) + 0, of which the compiler takes parts away.
func wasteful() []*graph.Node {
	g := graph.New()
	x, y := g.Input("x", graph.Float64), g.Input("y", graph.Float64)
	return []*graph.Node{graph.Add(graph.Add(graph.Mul(x, g.Const(1)), graph.Mul(graph.Sin(y), graph.Sin(y))), g.Const(0)).Named("z")}
}

func TestDescribeStages(t *testing.T) {
	stages := stagesOf(t, wasteful())
	if len(stages) != len(compile.Passes())+1 || stages[0].Name != "given" || stages[stageOf("rewrite")].Name != "rewrite" {
		t.Fatalf("%d stages", len(stages))
	}
	rewritten := changesOf(stages[stageOf("rewrite")].Model)
	if len(rewritten[Removed]) == 0 || !strings.Contains(stages[stageOf("rewrite")].Text, "×") {
		t.Errorf("rewrite: %v, %q", rewritten, stages[stageOf("rewrite")].Text)
	}
	byName := map[string]*Stage{}
	for i := range stages {
		byName[stages[i].Name] = &stages[i]
		if err := stages[i].Model.Check(); err != nil {
			t.Error(stages[i].Name, err)
		}
		seen := map[string]bool{}
		for k := range stages[i].Model.Nodes {
			n := &stages[i].Model.Nodes[k]
			if seen[n.match()] {
				t.Errorf("after %s, two nodes are called %s", stages[i].Name, n.match())
			}
			seen[n.match()] = true
		}
	}
	if c := changesOf(byName["contract"].Model); !slices.Equal(c[Changed], []string{"fma"}) || !slices.Equal(c[Removed], []string{"mul"}) {
		t.Errorf("contract: %v", c)
	}
	if c := changesOf(byName["emit"].Model); len(c) != 1 || !strings.Contains(byName["emit"].Text, "1 instruction") {
		t.Errorf("emit: %v, %q", c, byName["emit"].Text)
	}
	for _, n := range byName["memory"].Model.Nodes {
		if n.Op == "fma" && (n.Scope != "fused scalar code 0" || !slices.ContainsFunc(n.Notes, func(n Note) bool { return n.Key == "memory" })) {
			t.Errorf("the sum after memory: %+v", n)
		}
	}
}

// Bodies are drawn in every stage in which there are any, each node with a name of its own.
func TestBodiesInStages(t *testing.T) {
	for name, outputs := range loopGraphs() {
		open := 0
		for _, stage := range stagesOf(t, outputs) {
			if err := stage.Model.Check(); err != nil {
				t.Fatalf("%s after %s: %v", name, stage.Name, err)
			}
			seen := map[string]bool{}
			ports := 0
			for k := range stage.Model.Nodes {
				n := &stage.Model.Nodes[k]
				if n.port != nil {
					ports++
					if !strings.Contains(n.Scope, bodySign) {
						t.Errorf("%s after %s: a port in the scope %q", name, stage.Name, n.Scope)
					}
				}
				if id := n.id(); n.Change != Removed && seen[id] {
					t.Errorf("%s after %s: two nodes are called %s", name, stage.Name, id)
				} else if n.Change != Removed {
					seen[id] = true
				}
			}
			if ports > 0 {
				open++
			}
		}
		gone := 4 // the stage in which loops have been unrolled
		if name == "call" {
			gone = 2 // or functions inlined
		}
		if open < gone || strings.Contains(name, "nested") && open < len(compile.Passes())+1 {
			t.Errorf("%s: bodies are drawn in %d stages", name, open)
		}
	}
}

// Drawings of stages have no flaws, what stays keeps its place, and the page holds all of them.
func TestHTMLStages(t *testing.T) {
	for name, outputs := range map[string][]*graph.Node{"wasteful": wasteful(), "perceptron": perceptron(), "scalars": scalars(80), "loop": loopGraphs()["gradient of recurrent"], "while": loopGraphs()["gradient of while"]} {
		stages := stagesOf(t, outputs)
		var before *Picture
		for i := range stages {
			options := []Option{WithFolding(false)}
			if before != nil {
				options = append(options, WithReference(before))
			}
			p, err := NewFromModel(stages[i].Model, options...)
			if err != nil {
				t.Fatal(err)
			}
			d, err := p.laid()
			if err != nil {
				t.Fatal(err)
			}
			for _, flaw := range verify.Check(d) {
				t.Errorf("%s after %s: %s", name, stages[i].Name, flaw)
			}
			before = p
		}
		var b bytes.Buffer
		if err := HTMLStages(&b, stages, WithTitle("z")); err != nil {
			t.Fatal(err)
		}
		checkPage(t, name, b.String())
		views, pictures := viewsOf(t, b.String())
		if len(views) != len(stages) || !strings.Contains(pictures[stageOf("rewrite")], "former") && name == "wasteful" {
			t.Errorf("%s: %d views", name, len(views))
		}
		var again bytes.Buffer
		if err := HTMLStages(&again, stages, WithTitle("z")); err != nil || !bytes.Equal(b.Bytes(), again.Bytes()) {
			t.Errorf("%s: the page differs from run to run (%v)", name, err)
		}
	}
	if err := HTMLStages(&bytes.Buffer{}, nil); err == nil {
		t.Error("a page of no stages")
	}
}

// Derivatives are told from values, and steps say so.
func TestStagesOfGradients(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64)
	y := graph.Mul(graph.Sin(x), x).Named("y")
	dy, err := compile.Gradient(y, x)
	if err != nil {
		t.Fatal(err)
	}
	stages := stagesOf(t, []*graph.Node{y, dy[0]}, WithRespectTo(x), WithGradientOutputs(dy...))
	var b bytes.Buffer
	if err := HTMLStages(&b, stages); err != nil {
		t.Fatal(err)
	}
	views, _ := viewsOf(t, b.String())
	for k, v := range views {
		parts := map[string]int{}
		for _, s := range v.Steps {
			parts[s.Part]++
		}
		if parts["forward"] < 2 || parts["backward"] < 2 || parts["adjoint"] != 0 {
			t.Errorf("%s: steps %v", stages[k].Name, parts)
		}
	}
	if o := stages[stageOf("emit")].Model.Outputs[1]; o.Of != "y" || o.By != "x" {
		t.Errorf("the derivative is ∂%s/∂%s", o.Of, o.By)
	}
}

// Passes that change nothing leave everything in its place, and nodes keep their numbers.
func TestStagesKeepPlaces(t *testing.T) {
	var b bytes.Buffer
	if err := HTMLStages(&b, stagesOf(t, scalars(80))); err != nil {
		t.Fatal(err)
	}
	views, _ := viewsOf(t, b.String())
	type place struct{ x, y float64 }
	places := func(v htmlView) map[string]place {
		at := map[string]place{}
		for _, n := range v.Nodes {
			at[n.Match] = place{n.X, n.Y}
		}
		return at
	}
	for _, name := range []string{"loops", "checkpoints", "outputs", "classify", "schedule", "bodies", "memory", "emit"} {
		k := stageOf(name)
		if before, after := places(views[k-1]), places(views[k]); !maps.Equal(before, after) {
			t.Errorf("%s moves nodes", name)
		}
	}
	symbols := map[string]string{}
	for k, v := range views {
		for _, n := range v.Nodes {
			if _, second, found := strings.Cut(n.Label, " · "); found && n.Copy != 0 && strings.HasPrefix(second, "v") {
				if earlier, known := symbols[n.Match]; known && earlier != second {
					t.Errorf("view %d: %s was %s", k, second, earlier)
				}
				symbols[n.Match] = second
			}
		}
	}
	if len(symbols) < 50 {
		t.Errorf("%d nodes have numbers", len(symbols))
	}
}
