package viz

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/awalterschulze/gographviz"
	"github.com/awalterschulze/gographviz/ast"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/viz/internal/scene"
)

// recurrent is h ← tanh(w·h + x), the sum of its squares, and the derivatives by w, h and x.
func recurrent() (outputs, wrt, derivatives []*graph.Node) {
	g := graph.New()
	w, h, x := g.Input("w", graph.Float64), g.Input("h", graph.Float64), g.Input("x", graph.Float64, 10)
	_, ys := graph.Scan(10, []*graph.Node{h}, []*graph.Node{x}, func(c, x []*graph.Node) (next, ys []*graph.Node) {
		v := graph.Tanh(graph.Add(graph.Mul(w, c[0]), x[0]))
		return []*graph.Node{v}, []*graph.Node{v}
	})
	y := graph.ReduceSum(graph.Square(ys[0]), nil)
	wrt = []*graph.Node{w, h, x}
	derivatives, err := compile.VJP([]*graph.Node{y}, wrt, nil)
	if err != nil {
		panic(err)
	}
	return []*graph.Node{y}, wrt, derivatives
}

// loopGraphs lists graphs with loops, branches and checkpoints.
func loopGraphs() map[string][]*graph.Node {
	list := map[string][]*graph.Node{}
	y, _, dy := recurrent()
	list["recurrent"], list["gradient of recurrent"] = y, append(y, dy...)

	g := graph.New()
	x, w := g.Input("x", graph.Float64), g.Input("w", graph.Float64)
	count := func(c *graph.Node) *graph.Node { return graph.Add(c, graph.Like(c, 1)) }
	root, steps := graph.While(50, []*graph.Node{x, g.Scalar(graph.Int32, 0)},
		func(c []*graph.Node) *graph.Node {
			return graph.Greater(graph.Abs(graph.Sub(graph.Square(c[0]), w)), graph.Like(c[0], 1e-9))
		},
		func(c []*graph.Node) []*graph.Node {
			return []*graph.Node{graph.Mul(graph.Add(c[0], graph.Div(w, c[0])), graph.Like(c[0], 0.5)).Named("x"), count(c[1])}
		})
	d, err := compile.VJP(root[:1], []*graph.Node{w}, nil)
	if err != nil {
		panic(err)
	}
	list["while"] = []*graph.Node{root[0], steps}
	list["gradient of while"] = []*graph.Node{root[0], d[0]}

	two := []*graph.Node{x, w}
	branch := graph.Cond(graph.Less(x, w), two, func(a []*graph.Node) []*graph.Node { return []*graph.Node{graph.Sin(a[0]), a[1]} },
		func(a []*graph.Node) []*graph.Node { return []*graph.Node{graph.Mul(a[0], a[1]), graph.Like(a[0], 2)} })
	list["cond"] = branch
	list["switch"] = graph.Switch(graph.Cast(x, graph.Int32), two, func(a []*graph.Node) []*graph.Node { return a[:1] },
		func(a []*graph.Node) []*graph.Node { return []*graph.Node{graph.Exp(a[0])} }, func(a []*graph.Node) []*graph.Node { return []*graph.Node{graph.Sqrt(w)} })
	list["checkpoint"] = graph.Checkpoint(two, func(a []*graph.Node) []*graph.Node { return []*graph.Node{graph.Sin(graph.Mul(a[0], a[1]))} })
	hypotenuse := graph.Function(two, func(a []*graph.Node) []*graph.Node {
		return []*graph.Node{graph.Sqrt(graph.Add(graph.Square(a[0]), graph.Square(a[1])))}
	})
	list["call"] = hypotenuse(w, hypotenuse(x, w)[0])
	// Carries that change places, one that stays, one that becomes a constant.
	list["places"], _ = graph.Scan(7, []*graph.Node{x, w, w, g.Const(1)}, nil, func(c, _ []*graph.Node) (next, ys []*graph.Node) {
		return []*graph.Node{c[1], c[0], c[2], graph.Like(c[0], 3)}, nil
	})
	v := g.Input("v", graph.Float64, 6)
	list["map"] = graph.Map([]*graph.Node{v}, func(e []*graph.Node) []*graph.Node { return []*graph.Node{graph.Exp(graph.Mul(e[0], w))} })
	// Loops in branches in loops, with a name and a scope that are outside too.
	var nested []*graph.Node
	g.Scope("block", func() {
		nested, _ = graph.Scan(4, []*graph.Node{graph.Sin(x).Named("state")}, []*graph.Node{graph.Slice(v, graph.Range{Limit: 4, Step: 1})}, func(c, e []*graph.Node) (next, ys []*graph.Node) {
			c[0].Graph().Scope("block", func() {
				next = graph.Cond(graph.Less(e[0], x), c, func(a []*graph.Node) []*graph.Node {
					inner, _ := graph.While(9, a, func(d []*graph.Node) *graph.Node { return graph.Less(d[0], w) },
						func(d []*graph.Node) []*graph.Node {
							return []*graph.Node{graph.Add(d[0], graph.Exp(e[0])).Named("state")}
						})
					return inner
				}, func(a []*graph.Node) []*graph.Node {
					return graph.Checkpoint(a, func(b []*graph.Node) []*graph.Node {
						return []*graph.Node{graph.Cos(graph.Mul(b[0], w)).Named("state")}
					})
				})
			})
			return next, nil
		}, graph.Reverse)
	})
	list["nested"] = nested
	dn, err := compile.VJP(nested, []*graph.Node{x, w}, nil)
	if err != nil {
		panic(err)
	}
	list["gradient of nested"] = append(nested, dn...)
	if err := g.Err(); err != nil {
		panic(err)
	}
	return list
}

// compiledLoops lists loopGraphs and some with a reverse sweep that keeps few states, which is what the compiler makes of gradients.
func compiledLoops() map[string][]*graph.Node {
	list := loopGraphs()
	y, _, dy := recurrent()
	g := graph.New()
	x := g.Input("x", graph.Float64)
	endless, _ := graph.While(graph.NoLimit, []*graph.Node{x}, func(c []*graph.Node) *graph.Node { return graph.Less(c[0], g.Const(9)) }, func(c []*graph.Node) []*graph.Node {
		return []*graph.Node{graph.Exp(c[0])}
	})
	de, err := compile.Gradient(endless[0], x)
	if err != nil {
		panic(err)
	}
	m := graph.New()
	h, w := m.Input("h", graph.Float64, 8, 16), m.Input("w", graph.Float64, 16, 16)
	gated, _ := graph.Scan(9, []*graph.Node{m.Scalar(graph.Int64, 0), h}, nil, func(c, _ []*graph.Node) (next, ys []*graph.Node) {
		wide := graph.Tanh(graph.MatMul(c[1], graph.Concat(1, w, graph.Sin(w)))) // no carry is as large
		return []*graph.Node{graph.Add(c[0], graph.Like(c[0], 1)), graph.Sigmoid(graph.MatMul(wide, graph.Concat(0, w, w)))}, nil
	})
	dm, err := compile.Gradient(graph.Sum(gated[1]), h, w)
	if err != nil {
		panic(err)
	}
	for name, outputs := range map[string][]*graph.Node{"gradient by checkpoints": append(y, dy...), "gradient of a loop without a limit": append(endless, de...), "gradient by mixed checkpoints": dm} {
		keep := compile.Checkpoints{States: 3, Mixed: name == "gradient by mixed checkpoints"}
		stages, err := compile.Config{Checkpoints: keep, Disable: []string{"unroll"}}.Stages(outputs...)
		if err != nil {
			panic(err)
		}
		for _, s := range stages {
			if s.Pass == "checkpoints" {
				for _, o := range s.Outputs {
					list[name] = append(list[name], s.Nodes[o].Node)
				}
			}
		}
	}
	return list
}

// bodyEdges lists the edges that a drawing of nodes with open bodies has to have, by the names of nodes in the scene, from the graph alone; at is the path
// of the graph, names those of what comes from around it.
func bodyEdges(nodes []*graph.Node, at string, names map[*graph.Node]string, values map[*graph.Node]map[*graph.Node]string, edges map[string]int) {
	join := func(from, to string) { edges[from+" → "+to]++ }
	for _, n := range nodes {
		own := at + strconv.Itoa(n.ID())
		names[n] = own
		operands := n.Inputs()
		bodies := graph.Bodies(n)
		switch {
		case n.IsConst():
			continue
		case n.Op().Name == "each_step":
			loop := operands[0]
			bodies := graph.Bodies(loop)
			join(values[loop][bodies[len(bodies)-1].Graph().Node(n.Attrs().Int("value"))], own)
			continue
		case bodies == nil:
			for _, in := range operands {
				join(names[in], own)
			}
			continue
		}
		if n.Op().Name == "reverse_sweep" {
			sweepEdges(n, at, own, names, values, join, edges)
			continue
		}
		params := len(bodies[0].Params())
		outside := len(operands) - params
		for k, in := range operands {
			if k < outside {
				join(names[in], own)
			} else {
				join(names[in], fmt.Sprintf("%s.p%d", own, k-outside))
			}
		}
		captured, carries := n.Attrs().Int("captured"), n.Attrs().Int("carries")
		if n.Attrs().Bool("counted") {
			captured = params - carries - (len(operands) - 1 - captured - carries)
		}
		for k, b := range bodies {
			inner := map[*graph.Node]string{}
			for i, p := range b.Params() {
				inner[p] = fmt.Sprintf("%s.p%d", own, i)
			}
			var list []*graph.Node
			for i := range b.Graph().Len() {
				if m := b.Graph().Node(i); !m.IsInput() {
					list = append(list, m)
				}
			}
			bodyEdges(list, fmt.Sprintf("%s.%d.", own, k), inner, map[*graph.Node]map[*graph.Node]string{}, edges)
			loop := n.Op().Name == "scan" || n.Op().Name == "while"
			for i, r := range b.Results() {
				if !loop || k < len(bodies)-1 || i < carries {
					join(inner[r], own)
				}
				if loop && k == len(bodies)-1 && i < carries {
					from := inner[r]
					if r.IsInput() {
						from = own
					}
					join(from, fmt.Sprintf("%s.p%d, next", own, captured+i))
				}
			}
			if loop {
				values[n] = inner
			}
		}
	}
}

// sweepEdges adds those of a reverse sweep: its first body runs steps of a scan once more, from snapshots of its carries.
func sweepEdges(n *graph.Node, at, own string, names map[*graph.Node]string, values map[*graph.Node]map[*graph.Node]string, join func(from, to string), edges map[string]int) {
	port := func(k int) string { return fmt.Sprintf("%s.p%d", own, k) }
	operands := n.Inputs()
	if n.Attrs().Bool("counted") {
		join(names[operands[0]], own)
		operands = operands[1:]
	}
	for k, in := range operands {
		join(names[in], port(k))
	}
	a, bodies := n.Attrs(), graph.Bodies(n)
	forward, states, elements := a.Int("forward"), a.Int("states"), a.Int("elements")
	captured, carries := a.Int("captured"), a.Int("carries")
	snapshots := forward + elements
	rest := snapshots + states
	var recorded []int // the snapshots in which values lie
	taken := map[int]bool{}
	for _, v := range a.Ints("recorded") {
		bytes := func(n *graph.Node) int { return n.Shape().Size() * n.DType().Size() }
		c := slices.IndexFunc(numbers(0, states), func(c int) bool {
			return !taken[c] && bytes(bodies[0].Results()[c]) == bytes(bodies[0].Graph().Node(v))
		})
		if taken[c] = true; c < 0 {
			c = rest - snapshots
			rest++
		}
		recorded = append(recorded, c)
	}
	params := [2][]string{}
	for k := range bodies[0].Params() {
		switch {
		case k < forward:
			params[0] = append(params[0], port(k))
		case k < forward+states:
			params[0] = append(params[0], port(snapshots+k-forward))
		default:
			params[0] = append(params[0], port(k-states))
		}
	}
	through := rest + captured + carries
	for k := range bodies[1].Params() {
		switch {
		case k < captured+carries:
			params[1] = append(params[1], port(rest+k))
		case a.Ints("sources")[k-captured-carries] >= 0 && recorded != nil:
			params[1] = append(params[1], port(snapshots+recorded[a.Ints("sources")[k-captured-carries]]))
		case a.Ints("sources")[k-captured-carries] >= 0:
			params[1] = append(params[1], port(snapshots+a.Ints("sources")[k-captured-carries]))
		default:
			params[1] = append(params[1], port(through))
			through++
		}
	}
	for k, b := range bodies {
		inner := map[*graph.Node]string{}
		for i, p := range b.Params() {
			inner[p] = params[k][i]
		}
		var list []*graph.Node
		for i := range b.Graph().Len() {
			if m := b.Graph().Node(i); !m.IsInput() {
				list = append(list, m)
			}
		}
		bodyEdges(list, fmt.Sprintf("%s.%d.", own, k), inner, map[*graph.Node]map[*graph.Node]string{}, edges)
		count, first := states, snapshots
		if k == 1 {
			count, first = carries, rest+captured
		}
		for i, r := range b.Results()[:count] {
			join(inner[r], own)
			from := inner[r]
			if r.IsInput() {
				from = own
			}
			join(from, port(first+i)+", next")
		}
		values[n] = inner
	}
}

// The edges of a drawing are those of the graph, its bodies included, and the ways from a step to the next one.
func TestEdgesOfBodies(t *testing.T) {
	total, next, steps := 0, 0, 0
	for name, outputs := range compiledLoops() {
		p, err := New(outputs, WithBodies(1000), WithFolding(false))
		if err != nil {
			t.Fatal(name, err)
		}
		want := map[string]int{}
		names := map[*graph.Node]string{}
		bodyEdges(sorted(reachable(outputs)), "", names, map[*graph.Node]map[*graph.Node]string{}, want)
		for k, o := range outputs {
			want[fmt.Sprintf("%s → out%d", names[o], k)]++
		}
		got := map[string]int{}
		id := func(i int) string { // a constant is drawn for each use
			id, _, _ := strings.Cut(strings.TrimPrefix(p.scene.Nodes[i].ID, "n"), "-")
			return id
		}
		for i := range p.scene.Edges {
			e := &p.scene.Edges[i]
			text := id(e.From) + " → " + id(e.To)
			if e.Kind == scene.Next {
				text += ", next"
				next++
			}
			if p.scene.Nodes[e.To].Lines[0].Plain() == "each step" {
				steps++
			}
			got[text]++
			total++
		}
		for edge, n := range want {
			if got[edge] != n {
				t.Errorf("%s: %d edges %s, want %d", name, got[edge], edge, n)
			}
		}
		for edge, n := range got {
			if want[edge] != n {
				t.Errorf("%s: %d edges %s, want %d", name, n, edge, want[edge])
			}
		}
		checkDOT(t, name, p)
	}
	t.Logf("%d edges, %d to the next step, %d values at each step", total, next, steps)
	if total < 250 || next < 15 || steps < 5 {
		t.Errorf("only %d edges, %d to the next step, %d values at each step", total, next, steps)
	}
}

// checkDOT checks that gographviz reads the nodes, edges and nested clusters of a picture back.
func checkDOT(t *testing.T, name string, p *Picture) {
	t.Helper()
	var b bytes.Buffer
	if err := p.DOT(&b); err != nil {
		t.Fatal(err)
	}
	g, err := gographviz.Parse(b.Bytes())
	if err != nil {
		t.Fatal(name, err)
	}
	edges, dashed := 0, 0
	parents := map[string]string{}
	var walk func(list ast.StmtList, inside string)
	walk = func(list ast.StmtList, inside string) {
		for _, s := range list {
			switch s := s.(type) {
			case *ast.SubGraph:
				parents[string(s.ID)] = inside
				walk(s.StmtList, string(s.ID))
			case *ast.EdgeStmt:
				edges++
				attributes := s.Attrs.GetMap()
				if attributes["style"] == "dashed" {
					dashed++
					if attributes["constraint"] != "false" {
						t.Errorf("%s: the edge to the next step counts for the layers", name)
					}
				}
			}
		}
	}
	walk(g.StmtList, "")
	if edges != len(p.scene.Edges) || len(parents) != len(p.scene.Clusters) {
		t.Errorf("%s: DOT has %d edges and %d clusters, the scene %d and %d", name, edges, len(parents), len(p.scene.Edges), len(p.scene.Clusters))
	}
	for k := range p.scene.Clusters {
		c, want := &p.scene.Clusters[k], ""
		if c.Parent >= 0 {
			want = fmt.Sprintf("cluster_%d", c.Parent)
		}
		if got := parents[fmt.Sprintf("cluster_%d", k)]; got != want {
			t.Errorf("%s: cluster %d lies in %q, want %q", name, k, got, want)
		}
	}
	next := 0
	for i := range p.scene.Edges {
		if p.scene.Edges[i].Kind == scene.Next {
			next++
		}
	}
	if dashed != next {
		t.Errorf("%s: DOT has %d dashed edges of %d", name, dashed, next)
	}
}

// nodesOf lists the nodes of a model as JSON shows them, without an order.
func nodesOf(t *testing.T, m *Model) []string {
	t.Helper()
	var b bytes.Buffer
	if err := m.JSON(&b); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(b.String(), "\n")
	for i := range lines {
		lines[i] = strings.TrimSuffix(lines[i], ",")
	}
	slices.Sort(lines)
	return lines
}

// What is collapsed is the node that is drawn without bodies.
func TestBodiesCollapseToTheirOperator(t *testing.T) {
	nodes := 0
	for name, outputs := range compiledLoops() {
		open, err := Describe(outputs, WithBodies(1000))
		if err != nil {
			t.Fatal(err)
		}
		closed, err := Describe(outputs, WithBodies(0))
		if err != nil {
			t.Fatal(err)
		}
		closed = closed.Collapse(-1, nil) // moves constants to where they are used
		all := map[string]bool{}
		for _, scope := range open.LargeBodies(0) {
			all[scope] = true
		}
		got, want := nodesOf(t, open.Collapse(-1, all)), nodesOf(t, closed)
		nodes += len(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: collapsed\n%s\nwithout bodies\n%s", name, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		// One after the other, the innermost first.
		m := open
		for _, scope := range slices.Backward(open.LargeBodies(0)) {
			m = m.Collapse(-1, map[string]bool{scope: true})
		}
		if got := nodesOf(t, m); !slices.Equal(got, want) {
			t.Errorf("%s: collapsed one by one\n%s\nwithout bodies\n%s", name, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	if nodes < 100 {
		t.Errorf("only %d nodes", nodes)
	}
}

// Titles, ports and the places where bodies stand.
func TestTitlesOfBodies(t *testing.T) {
	for name, want := range map[string]string{
		"nested":                  "block, block/scan × 4 (reverse), block/scan × 4 (reverse)/block, block/scan × 4 (reverse)/block/cond, block/scan × 4 (reverse)/block/cond/else, block/scan × 4 (reverse)/block/cond/else/checkpoint, block/scan × 4 (reverse)/block/cond/then, block/scan × 4 (reverse)/block/cond/then/while ≤ 9, block/scan × 4 (reverse)/block/cond/then/while ≤ 9/condition, block/scan × 4 (reverse)/block/cond/then/while ≤ 9/step",
		"recurrent":               "scan × 10",
		"gradient by checkpoints": "reverse sweep × 10 (reverse), reverse sweep × 10 (reverse)/forward, reverse sweep × 10 (reverse)/reverse, scan × 10",
		"switch":                  "switch, switch/case 1, switch/case 2",
	} {
		p, err := New(compiledLoops()[name], WithBodies(100))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for k := range p.scene.Clusters {
			title := p.scene.Clusters[k].Title
			for c := p.scene.Clusters[k].Parent; c >= 0; c = p.scene.Clusters[c].Parent {
				title = p.scene.Clusters[c].Title + "/" + title
			}
			got = append(got, title)
		}
		slices.Sort(got)
		if text := strings.Join(got, ", "); text != want {
			t.Errorf("%s: %s, want %s", name, text, want)
		}
	}
	// The text view has the same, and what enters where.
	var b bytes.Buffer
	if err := Text(&b, loopGraphs()["recurrent"]); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"scan × 10:", "v₅ = captured(w)", "v₆ = carry(h), then v₁₀", "v₇ = element(x)", "v₁ = scan(v₁₀)", "v₂ = v₁₀ at each step : f64[10]"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is missing in\n%s", want, b.String())
		}
	}
}

// largeAndSmall is a loop whose body is large, and behind it one whose body is small.
func largeAndSmall() []*graph.Node {
	g := graph.New()
	x := g.Input("x", graph.Float64)
	chain := func(n int) func(c, _ []*graph.Node) (next, ys []*graph.Node) {
		return func(c, _ []*graph.Node) (next, ys []*graph.Node) {
			y := c[0]
			for range n {
				y = graph.Sin(y)
			}
			return []*graph.Node{y}, nil
		}
	}
	large, _ := graph.Scan(3, []*graph.Node{x}, nil, chain(OpenBodies))
	small, _ := graph.Scan(4, large, nil, chain(5), graph.Reverse)
	return small
}

// Large bodies are closed unless they are asked for, and what is closed keeps the names of its values free.
func TestLargeBodies(t *testing.T) {
	small := largeAndSmall()
	large := small[0].Inputs()[0].Inputs()[0].Inputs()[0]
	auto := func(options ...Option) (map[string]string, int) {
		m, err := Describe(small, options...)
		if err != nil {
			t.Fatal(err)
		}
		names := map[string]string{}
		for i := range m.Nodes {
			names[m.Nodes[i].id()] = m.Nodes[i].Auto
		}
		return names, len(m.Nodes)
	}
	scope := fmt.Sprintf("scan%%%d", large.ID())
	standard, few := auto()
	expanded, most := auto(WithExpanded(scope))
	everything, all := auto(WithBodies(1000))
	_, none := auto(WithDepth(0))
	closed, _ := auto(WithBodies(0))
	if none != 5 || few != 5+6 || most != few+OpenBodies+1 || all != most {
		t.Errorf("%d nodes closed, %d as they are, %d with one expanded, %d with all", none, few, most, all)
	}
	for _, names := range []map[string]string{standard, expanded, closed} {
		for id, name := range names {
			if everything[id] != name {
				t.Errorf("%s is called %s and %s", id, name, everything[id])
			}
		}
	}
}

// A comparison marks what is different in bodies.
func TestCompareBodies(t *testing.T) {
	build := func(f func(*graph.Node) *graph.Node) []*graph.Node {
		g := graph.New()
		x, w := g.Input("x", graph.Float64), g.Input("w", graph.Float64)
		final, _ := graph.Scan(3, []*graph.Node{x}, nil, func(c, _ []*graph.Node) (next, ys []*graph.Node) {
			return []*graph.Node{graph.Mul(f(c[0]), w)}, nil
		})
		return final
	}
	for _, bodies := range []int{1000, 0} {
		before, err := Describe(build(graph.Sin), WithBodies(bodies))
		if err != nil {
			t.Fatal(err)
		}
		after, err := Describe(build(graph.Cos), WithBodies(bodies))
		if err != nil {
			t.Fatal(err)
		}
		same, err := Compare(before, before)
		if err != nil {
			t.Fatal(err)
		}
		for i := range same.Nodes {
			if same.Nodes[i].Change != Unchanged {
				t.Errorf("%s is marked in a comparison with itself", same.Nodes[i].Op)
			}
		}
		m, err := Compare(before, after)
		if err != nil {
			t.Fatal(err)
		}
		changed := map[string]Change{}
		for i := range m.Nodes {
			if m.Nodes[i].Change != Unchanged {
				changed[m.Nodes[i].Op] = m.Nodes[i].Change
			}
		}
		if bodies == 0 && (len(changed) != 1 || changed["scan"] != Changed) || bodies > 0 && (len(changed) != 1 || changed["cos"] != Changed) {
			t.Errorf("with bodies up to %d: %v", bodies, changed)
		}
	}
}
