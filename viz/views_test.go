package viz

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/viz/internal/scene"
	"github.com/adjoint-go/adjoint/viz/internal/verify"
)

// scopesOf builds a graph with three scopes: several values of different types leave the first one, a constant and an expression of constants
// are used in all.
func scopesOf() []*graph.Node {
	g := graph.New()
	x := g.Input("x", graph.Float32, 4, 3)
	var a, sum, mask, b *graph.Node
	half := func() *graph.Node { return graph.Sqrt(graph.Iota(g, graph.Float32, 0, 4, 3)) }
	g.Scope("first", func() {
		a = graph.Mul(graph.Sin(x), half())
		sum = graph.ReduceSum(a, []int{1})
		mask = graph.Less(graph.Mul(x, graph.Like(x, 0.125)), a)
	})
	g.Scope("second", func() { b = graph.Add(graph.Mul(graph.Mul(x, graph.Like(x, 0.125)), half()), graph.Like(x, 0.125)) })
	return []*graph.Node{graph.Where(mask, a, b), graph.Exp(sum).Named("e")}
}

func labels(t *testing.T, p *Picture) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	name := func(i int) string { return p.scene.Nodes[i].Lines[0].Plain() }
	for i := range p.scene.Edges {
		e := &p.scene.Edges[i]
		key := name(e.From) + " → " + name(e.To)
		found[key] = append(found[key], e.Label.Plain())
	}
	d, err := p.laid()
	if err != nil {
		t.Fatal(err)
	}
	for _, flaw := range verify.Check(d) {
		t.Error(flaw)
	}
	return found
}

// Edges that leave a collapsed scope carry the name and type of their own value, and constants do not join scopes.
func TestCollapsedScopesStateTheirValues(t *testing.T) {
	p, err := New(scopesOf(), WithDepth(0))
	if err != nil {
		t.Fatal(err)
	}
	edges := labels(t, p)
	for key, want := range map[string]string{"first → exp": "v₅ : f32[4]", "first → where": "v₇ : bool[4×3], v₄ : f32[4×3]", "first → second": "v₆ : f32[4×3]"} {
		if got := strings.Join(edges[key], ", "); got != want {
			t.Errorf("%s carries %q, want %q (%v)", key, got, want, edges)
		}
	}
	for i := range p.model.Nodes {
		if n := &p.model.Nodes[i]; n.Symbol == "first" && (n.Type != "" || n.results != 4) {
			t.Errorf("a scope that four values leave has type %q and %d results", n.Type, n.results)
		}
	}
	for key := range edges {
		if strings.HasPrefix(key, "0.125") {
			t.Errorf("a constant inside of a scope is an operand of it: %v", edges)
		}
	}
	// A scope with one result is like one operator.
	p, err = New(scopesOf(), WithCollapsed("second"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range p.scene.Nodes {
		if n := &p.scene.Nodes[i]; n.Class == "scope" && !strings.Contains(n.Lines[1].Plain(), "f32[4×3]") {
			t.Errorf("the second scope shows %q", n.Lines[1].Plain())
		}
	}
}

// A constant that several scopes use belongs to each of them.
func TestSharedConstantJoinsNoScopes(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64)
	for _, shared := range []func() *graph.Node{
		func() *graph.Node { return graph.Like(x, 0.125) },
		func() *graph.Node { return graph.Exp(graph.Sin(graph.Like(x, 3))) },
	} {
		var a, b *graph.Node
		g.Scope("block0", func() { a = graph.Sin(graph.Mul(x, shared())) })
		g.Scope("block1", func() { b = graph.Cos(graph.Div(x, shared())) })
		outputs := []*graph.Node{a, b}
		for _, option := range []Option{WithDepth(0), WithCollapsed("block0"), WithCollapsed("block1"), WithLimit(3)} {
			p, err := New(outputs, option)
			if err != nil {
				t.Fatal(err)
			}
			labels(t, p)
			for i := range p.scene.Edges {
				e := &p.scene.Edges[i]
				from, to := &p.scene.Nodes[e.From], &p.scene.Nodes[e.To]
				if from.Class == "scope" && from.Scope == "block0" && to.Shape != scene.DoubleCircle {
					t.Errorf("an edge leads from block0 to %s", to.Lines[0].Plain())
				}
			}
		}
	}
}

// Operands whose computation is left out are drawn by name.
func TestCutOperandsAreDrawn(t *testing.T) {
	g := graph.New()
	x, y := g.Input("x", graph.Float64), g.Input("y", graph.Float64)
	z := graph.Sub(graph.Div(graph.Sin(x), graph.Cos(y)), g.Const(2)).Named("z")
	for _, c := range []struct {
		option Option
		want   string
	}{
		{WithFocus(0, z), "v₃ 2 − z"}, // the constant and the operand in front of the operator
		{WithFocus(1, z), "v₁ v₂ ÷ 2 − z"},
		{WithPath(x, z), "x v₂ sin ÷ 2 − z"},
	} {
		p, err := New([]*graph.Node{z}, c.option, WithGradients(Overlay))
		if err != nil {
			t.Fatal(err)
		}
		edges := labels(t, p)
		drawn := map[string]bool{}
		for i := range p.scene.Nodes {
			drawn[p.scene.Nodes[i].Lines[0].Plain()] = true
		}
		for _, name := range strings.Fields(c.want) {
			if !drawn[name] {
				t.Errorf("%s is not drawn: %v", name, edges)
			}
		}
		if len(drawn) != len(strings.Fields(c.want)) {
			t.Errorf("%v are drawn, want %s", drawn, c.want)
		}
		var b bytes.Buffer
		if err := p.JSON(&b); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), `"cut":true`) {
			t.Errorf("JSON does not say which values are cut: %s", b.String())
		}
	}
}

// caseGraphs reads the graphs of testdata/cases and adds those of the corpus.
func caseGraphs(t *testing.T) map[string][]*graph.Node {
	t.Helper()
	list := loopGraphs()
	maps.Copy(list, map[string][]*graph.Node{"scopes": scopesOf(), "perceptron": perceptron(), "lstm": lstm(), "scalars60": scalars(60), "corner cases": cornerCases()})
	files, err := filepath.Glob(filepath.Join("testdata", "cases", "*.cg"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 3 {
		t.Fatalf("only %d files", len(files))
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, outputs, err := graph.Parse(text, file)
		if err != nil {
			t.Fatal(err)
		}
		list[filepath.Base(file)] = outputs
	}
	return list
}

// A value has the same name in every view of a graph, no other value of the view has it, and none that the user gave is like it.
func TestAutomaticNamesAreOneInAllViews(t *testing.T) {
	names, views := 0, 0
	for file, outputs := range caseGraphs(t) {
		g := outputs[0].Graph()
		user := map[string]bool{}
		for _, name := range graphNames(g) {
			user[plain(nameRuns(name))] = true
		}
		last := outputs[len(outputs)-1]
		options := map[string][]Option{
			"plain": nil, "overlay": {WithGradients(Overlay)}, "unfolded": {WithFolding(false)}, "depth 0": {WithDepth(0)}, "depth 1": {WithDepth(1)},
			"focus": {WithFocus(2, last)}, "limit": {WithLimit(6)}, "types": {WithTypes(true)},
			"boxes": {WithBodies(0)}, "bodies": {WithBodies(1000)}, "depth 2": {WithDepth(2)},
		}
		var wrt, derivatives []*graph.Node
		if outputs[0].DType().IsFloat() {
			for _, n := range g.Inputs() {
				if n.DType().IsFloat() && reachable(outputs[:1])[n] {
					wrt = append(wrt, n)
				}
			}
			var err error
			if derivatives, err = compile.VJP(outputs[:1], wrt, nil); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			options["split"] = []Option{WithGradients(Split), WithRespectTo(wrt...), WithGradientOutputs(derivatives...)}
		}
		known := map[string]string{}
		for view, list := range options {
			views++
			p, err := New(outputs, list...)
			if err != nil {
				t.Fatalf("%s, %s: %v", file, view, err)
			}
			d, err := p.laid()
			if err != nil {
				t.Fatalf("%s, %s: %v", file, view, err)
			}
			for _, flaw := range verify.Check(d) {
				t.Errorf("%s, %s: %s", file, view, flaw)
			}
			b := newTextBuilder(p)
			seen := map[string]string{}
			check := func(id string, n *Node, isOutput bool) {
				if n.Op == "input" || n.Op == "const" || n.Name != "" && !isOutput {
					return
				}
				name := plain(nameRuns(n.Auto))
				if before, found := known[id]; found && before != name {
					t.Errorf("%s, %s: %%%s is called %s, and %s in another view", file, view, id, name, before)
				}
				known[id] = name
				names++
				if other, found := seen[name]; found && other != id {
					t.Errorf("%s, %s: %%%s and %%%s are both called %s", file, view, id, other, name)
				}
				seen[name] = id
				if user[name] {
					t.Errorf("%s, %s: %%%s is called %s, as a value of the user's is", file, view, id, name)
				}
			}
			for i := range p.model.Nodes {
				n := &b.model.Nodes[i]
				if n.Collapsed == 0 {
					check(n.id(), n, b.isOutput[i])
				}
				for k := range n.Inputs {
					if v := b.model.part(n, k); v.Collapsed == 0 {
						check(v.id(), v, v.Auto != "" && v.Name == "")
					}
				}
			}
			for k, o := range b.model.Outputs {
				name := plain(b.outputName(k))
				if o.Of != "" || o.Name != "" || b.model.result(&o).Name != "" {
					continue
				}
				if user[name] {
					t.Errorf("%s, %s: an output is called %s, as a value of the user's is", file, view, name)
				}
				at := "output " + b.model.result(&o).id()
				if _, repeated := known[at]; !repeated {
					known[at] = name
				}
			}
		}
	}
	t.Logf("%d names in %d views", names, views)
	if names < 2000 || views < 60 {
		t.Errorf("only %d names in %d views", names, views)
	}
}

// The stages of compilation call a value by one name.
func TestStagesKeepNames(t *testing.T) {
	for _, name := range OutputNames(scopesOf()) {
		if name != "y1" && name != "e" {
			t.Errorf("an output is called %s", name)
		}
	}
	g := graph.New()
	y := g.Input("y1", graph.Float64)
	v := g.Input("v", graph.Float64)
	outputs := []*graph.Node{graph.Sin(y), graph.Mul(graph.Cos(y), v)}
	if got := strings.Join(OutputNames(outputs), " "); got != "z1 z2" {
		t.Errorf("the outputs are called %s beside the user's y1", got)
	}
	m, err := Describe(outputs)
	if err != nil {
		t.Fatal(err)
	}
	for i := range m.Nodes {
		if strings.HasPrefix(m.Nodes[i].Auto, "v") {
			t.Errorf("%%%d is called %s beside the user's v", m.Nodes[i].ID, m.Nodes[i].Auto)
		}
	}
	// Another stage of the graph, with one operator more and others in another order.
	other, err := Describe([]*graph.Node{graph.Neg(graph.Neg(graph.Sin(y))), graph.Mul(graph.Cos(y), v)})
	if err != nil {
		t.Fatal(err)
	}
	for i := range other.Nodes {
		other.Nodes[i].Auto = ""
	}
	other.CallAs(m)
	names := map[string]string{}
	for i := range m.Nodes {
		names[m.Nodes[i].Op] = m.Nodes[i].Auto
	}
	used := map[string]bool{}
	for i := range other.Nodes {
		n := &other.Nodes[i]
		if n.Auto != "" && used[n.Auto] {
			t.Errorf("two values are called %s", n.Auto)
		}
		used[n.Auto] = true
		if want := names[n.Op]; want != "" && n.Auto != want {
			t.Errorf("%s is called %s, before %s", n.Op, n.Auto, want)
		}
	}
}

// In what Compare and DescribeStages return, values that were there keep their names, and no two have one.
func TestComparedValuesHaveTheirNames(t *testing.T) {
	names := 0
	check := func(what string, m *Model, known map[string]string) {
		seen := map[string]int{}
		for i := range m.Nodes {
			n := &m.Nodes[i]
			if n.Op == "input" || n.Op == "const" {
				continue
			}
			names++
			if other, found := seen[n.Auto]; found || n.Auto == "" {
				t.Errorf("%s: %s and %s are both called %q", what, n.Op, m.Nodes[other].Op, n.Auto)
			}
			seen[n.Auto] = i
			if before := known[n.match()]; before != "" && before != n.Auto && n.Change != Added {
				t.Errorf("%s: %s is called %s, before %s", what, n.match(), n.Auto, before)
			}
			known[n.match()] = n.Auto
		}
	}
	for file, outputs := range caseGraphs(t) {
		known := map[string]string{}
		stages := stagesOf(t, outputs)
		given := map[string]string{}
		check(file+", given", stages[0].Model, given)
		check(file, modelOf(t, outputs...), given) // which is the graph
		for _, s := range stages {
			check(file+", "+s.Name, s.Model, known)
		}
		last := stages[len(stages)-1].Model
		known = map[string]string{}
		before := modelOf(t, outputs...)
		check(file, before, known)
		for range 2 { // a comparison changes nothing in what it compares
			union, err := Compare(before, last)
			if err != nil {
				t.Fatal(err)
			}
			check(file+", compared", union, maps.Clone(known))
		}
	}
	t.Logf("%d names", names)
	if names < 2000 {
		t.Errorf("only %d names", names)
	}
}

// Many values between two scopes are one edge that counts them.
func TestManyValuesAreOneEdge(t *testing.T) {
	p, err := New(scalars(200), WithLimit(12))
	if err != nil {
		t.Fatal(err)
	}
	labels(t, p)
	counted, edges := 0, map[[2]int]int{}
	for i := range p.scene.Edges {
		e := &p.scene.Edges[i]
		edges[[2]int{e.From, e.To}]++
		if strings.HasSuffix(e.Label.Plain(), " values") {
			counted++
		}
	}
	for pair, n := range edges {
		if n > mostEdges {
			t.Errorf("%d edges from %s to %s", n, p.scene.Nodes[pair[0]].ID, p.scene.Nodes[pair[1]].ID)
		}
	}
	if counted < 5 {
		t.Errorf("only %d edges count their values", counted)
	}
}
