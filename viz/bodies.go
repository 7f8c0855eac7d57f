package viz

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/checkpoint"
	"github.com/adjoint-go/adjoint/viz/internal/scene"
)

// A loop, branch, checkpoint or call whose bodies are drawn is a scope of its own. Each operand that the bodies take enters through a port, the nodes of the
// bodies follow, and the exit, which stands for the operator itself, takes their results. What a step hands to the next one is no operand of the port, or
// there would be a cycle: the drawing joins them by an edge of another kind. Values at each step are taken from the node of the body.

// bodyScope is what ports and exit of an operator have in common.
type bodyScope struct {
	title string
	parts []string // scopes within it, one for each of several bodies
	arity int      // number of operands of the operator
	size  int      // nodes of its bodies, those within them included
}

// bodySign stands between operator and number in the names of such scopes.
const bodySign = "%"

// port is a parameter of bodies.
type port struct {
	*bodyScope
	operand int // of the operator
	next    int // the operand of the exit that is its value at the next step, −1 for none
}

// exit is the operator itself behind its bodies.
type exit struct {
	*bodyScope
	outside  []int    // the operands of the operator that its own first ones are: those that no body takes
	operands []string // what it calls its operands
	partials []*Value
}

// The operators of ports.
const (
	capturedPort = "captured" // the same at every step
	carryPort    = "carry"    // handed from step to step
	elementPort  = "element"  // of what the loop goes through
	argumentPort = "argument" // of a branch, checkpoint or call
	snapshotPort = "snapshot" // of a state that is handed from step to step
)

// bodyPlan says how the bodies of an operator take its operands and return its results.
type bodyPlan struct {
	bodyScope
	ports   []string // operators of the ports, one for each of the last operands
	params  [][]int  // by body: the ports of its parameters
	next    [][2]int // pairs of a port and the result, counted over all bodies, that it is at the next step
	results []int    // by body: how many of its results go to the exit
	stepped int      // the body whose values each_step reads, −1 for none
	chooses string   // what the operand is called that no body takes
}

// exitOperands returns what the exit calls its operands.
func (p *bodyPlan) exitOperands() []string {
	var names []string
	if len(p.ports) < p.arity {
		names = append(names, p.chooses)
	}
	for k, count := range p.results {
		for i := range count {
			name := "result"
			if len(p.parts) > 0 {
				name = p.parts[k]
			}
			if len(p.next) > 0 && k == len(p.results)-1 {
				name = "next"
			}
			if count > 1 {
				name += " " + strconv.Itoa(i+1)
			}
			names = append(names, name)
		}
	}
	return names
}

// planOf returns the plan of a node, false if it has no bodies.
func planOf(n *graph.Node) (bodyPlan, bool) {
	bodies := graph.Bodies(n)
	if len(bodies) == 0 {
		return bodyPlan{}, false
	}
	a := n.Attrs()
	p := bodyPlan{stepped: -1, chooses: "choice"}
	p.title, p.arity = n.Op().Name, len(n.Inputs())
	params := len(bodies[0].Params())
	// add adds ports and returns the first one.
	add := func(role string, count int) int {
		p.ports = append(p.ports, slices.Repeat([]string{role}, count)...)
		return len(p.ports) - count
	}
	// carry adds the carries of a body whose results begin behind others.
	carry := func(role string, count, before int) int {
		first := add(role, count)
		for k := range count {
			p.next = append(p.next, [2]int{first + k, before + k})
		}
		return first
	}
	captured, carries := a.Int("captured"), a.Int("carries")
	switch n.Op().Name {
	case "scan":
		add(capturedPort, captured)
		carry(carryPort, carries, 0)
		add(elementPort, params-len(p.ports))
		p.results, p.stepped, p.chooses = []int{carries}, 0, "steps"
		p.title += loopText(a.Int("length"), a.Bool("counted"), a.Bool("reverse"))
	case "while":
		add(capturedPort, captured)
		carry(carryPort, carries, 1)
		p.results, p.stepped = []int{1, carries}, 1
		p.title += loopText(a.Int("limit"), true, false)
		p.parts = []string{"condition", "step"}
	case "reverse_sweep": // the steps of a scan once more, from snapshots of its carries, and those of the sweep
		states := a.Int("states")
		forward := add(capturedPort, a.Int("forward"))
		through := add(elementPort, a.Int("elements"))
		snapshots := carry(snapshotPort, states, 0)
		at, beside := recordedAt(bodies[0], states, a.Ints("recorded"))
		add(snapshotPort, beside)
		own := add(capturedPort, captured)
		carry(carryPort, carries, states)
		rest := p.arity - len(p.ports)
		if a.Bool("counted") {
			p.chooses = "steps"
			rest--
		}
		elements := add(elementPort, rest)
		p.params = [][]int{slices.Concat(numbers(forward, through), numbers(snapshots, snapshots+states), numbers(through, snapshots)), numbers(own, elements)}
		for _, from := range a.Ints("sources") {
			switch {
			case from >= 0 && at != nil:
				p.params[1] = append(p.params[1], snapshots+at[from])
			case from >= 0:
				p.params[1] = append(p.params[1], snapshots+from)
			default:
				p.params[1] = append(p.params[1], elements)
				elements++
			}
		}
		p.results, p.stepped, p.parts = []int{states, carries}, 1, []string{"forward", "reverse"}
		p.title = "reverse sweep" + loopText(a.Int("length"), a.Bool("counted"), !a.Bool("reverse"))
	case "switch", "checkpoint", "call", "batched_call":
		add(argumentPort, params)
		for k, b := range bodies {
			p.results = append(p.results, len(b.Results()))
			if len(bodies) > 1 {
				p.parts = append(p.parts, fmt.Sprintf("case %d", k))
			}
		}
		if len(bodies) == 2 && n.Inputs()[0].DType() == graph.Bool {
			p.title, p.parts = "cond", []string{"else", "then"}
		}
	default:
		return bodyPlan{}, false
	}
	for range bodies {
		if len(p.params) < len(bodies) {
			p.params = append(p.params, numbers(0, len(p.ports)))
		}
	}
	return p, true
}

// recordedAt returns in which snapshots of a loop the recorded values of its body lie, and how many there are of these beside those of the carries.
func recordedAt(b *graph.Body, carries int, recorded []int) (at []int, beside int) {
	bytes := func(n *graph.Node) int64 { return int64(n.Shape().Size()) * int64(n.DType().Size()) }
	var own, of []int64
	for _, c := range b.Results()[:carries] {
		own = append(own, bytes(c))
	}
	for _, v := range recorded {
		of = append(of, bytes(b.Graph().Node(v)))
	}
	return checkpoint.Places(own, of)
}

// numbers lists the numbers from first to before end.
func numbers(first, end int) []int {
	list := make([]int, 0, max(0, end-first))
	for k := first; k < end; k++ {
		list = append(list, k)
	}
	return list
}

// BodyName returns what drawings call a body, counted from 0, of an operator: "step" or "then", or where it is the only one, what they call the operator; ""
// where there is none.
func BodyName(n *graph.Node, index int) string {
	p, ok := planOf(n)
	switch {
	case !ok || index < 0 || index >= len(p.results):
		return ""
	case len(p.parts) == 0:
		return p.title
	}
	return p.parts[index]
}

// loopText says how often a loop runs: as often as the length, or at most so, unless that is 0.
func loopText(length int, most, reverse bool) string {
	text := " × " + strconv.Itoa(length)
	switch {
	case most && length == 0:
		text = ""
	case most:
		text = " ≤ " + strconv.Itoa(length)
	}
	if reverse {
		text += " (reverse)"
	}
	return text
}

// measure is what is drawn of bodies.
type measure struct {
	nodes int // those of bodies within them included
	names int // values among them, and ports, that get an automatic name
}

// measure returns the measure of a node's bodies, up to a bound. Bodies that stand at several places are looked at once.
func (d *describer) measure(n *graph.Node) measure {
	const most = 1 << 30
	plan, _ := planOf(n)
	all := measure{names: len(plan.ports)}
	for _, b := range graph.Bodies(n) {
		of, known := d.measures[b.Hash()]
		if !known {
			of.nodes = b.Graph().Len()
			for i := range of.nodes {
				m := b.Graph().Node(i)
				if !m.IsInput() && !m.IsConst() {
					of.names++
				}
				inner := d.measure(m)
				of = measure{min(of.nodes+inner.nodes, most), min(of.names+inner.names, most)}
			}
			d.measures[b.Hash()] = of
		}
		all = measure{min(all.nodes+of.nodes, most), min(all.names+of.names, most)}
	}
	return all
}

// describer lists the nodes of a graph, and those of bodies that are drawn.
type describer struct {
	model    *Model
	settings *settings
	interest map[*graph.Node]bool
	ids      map[*graph.Node]int  // the IDs of nodes in the model
	next     int                  // the next ID of a node in a body
	measures map[[32]byte]measure // of bodies, by their hash
}

// place is a graph, or a body at one place of it.
type place struct {
	index    map[*graph.Node]int                 // in the model
	steps    map[*graph.Node]map[*graph.Node]int // by loop: the values of a step, in the model
	path     string                              // IDs of the operators and numbers of the bodies around it, with a point behind each
	match    string                              // the same with the origins of the operators
	scope    string
	size     int // of the bodies of the outermost operator around it
	gradient func(*graph.Node) bool
}

// opens reports whether the bodies of an operator are drawn.
func (s *settings) opens(scope string, size int) bool {
	if size > s.maxNodes {
		return false
	}
	for path := range s.expanded {
		if path == scope || strings.HasPrefix(path, scope+"/") {
			return true
		}
	}
	return s.depth >= 0 || s.collapsed[scope] || size <= max(s.bodies, mostBodies)
}

// mostBodies is the number of nodes up to which bodies that are closed at first can be opened in a page.
const mostBodies = 2000

func joinPath(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), "/")
}

// nodes adds nodes of one graph, operands first.
func (d *describer) nodes(list []*graph.Node, at *place) {
	for _, n := range list {
		o := describeNode(n, d.settings, at.index, d.interest, at.gradient(n))
		scope := joinPath(at.scope, n.ScopePath())
		d.node(n, o, at, scope, func(size int) bool { return d.settings.opens(bodiesScope(scope, n), size) })
	}
}

// bodiesScope is the scope of a node's bodies in the node's.
func bodiesScope(scope string, n *graph.Node) string {
	return joinPath(scope, n.Op().Name+bodySign+strconv.Itoa(n.ID()))
}

// node adds a node to a scope, with its bodies if they are to be drawn, as their size says.
func (d *describer) node(n *graph.Node, o Node, at *place, scope string, opens func(size int) bool) {
	if plan, ok := planOf(n); ok {
		size := d.measure(n)
		if plan.size = size.nodes; opens(plan.size) {
			d.open(n, o, plan, at, bodiesScope(scope, n))
			return
		}
		o.bodySize, o.unnamed = size.nodes, size.names
	}
	if n.Op().Name == "each_step" {
		if value, found := at.steps[n.Inputs()[0]][stepValue(n)]; found {
			o.Inputs = []int{value}
		}
	}
	d.add(n, o, at, scope)
}

// stepValue returns the node of a loop's body that each_step reads.
func stepValue(n *graph.Node) *graph.Node {
	loop := n.Inputs()[0]
	plan, _ := planOf(loop)
	return graph.Bodies(loop)[plan.stepped].Graph().Node(n.Attrs().Int("value"))
}

// add adds a node and names it so that it has a name of its own among all of the drawing.
func (d *describer) add(n *graph.Node, o Node, at *place, scope string) int {
	o.Scope = scope
	if at.path != "" {
		o.path, o.Match = at.path+strconv.Itoa(n.ID()), "n"+at.match+strconv.Itoa(o.Origin)
		o.ID, o.Origin, o.bodySize = d.newID(), 0, at.size
		if o.Name != "" {
			o.Name = at.scope + "/" + o.Name
		}
	}
	if _, known := d.ids[n]; !known {
		d.ids[n] = o.ID
	}
	at.index[n] = len(d.model.Nodes)
	d.model.Nodes = append(d.model.Nodes, o)
	return at.index[n]
}

func (d *describer) newID() int {
	d.next++
	return d.next - 1
}

// open adds an operator, which is closed without its bodies, with them.
func (d *describer) open(n *graph.Node, closed Node, plan bodyPlan, at *place, scope string) {
	gradient := at.gradient(n)
	x := &exit{bodyScope: &plan.bodyScope, partials: closed.Partials, operands: plan.exitOperands()}
	first := plan.arity - len(plan.ports)
	bodies := graph.Bodies(n)
	out := closed
	out.Partials, out.Inputs, out.exit = nil, closed.Inputs[:first:first], x
	for k := range first {
		x.outside = append(x.outside, k)
	}
	ports := make([]int, len(plan.ports))
	for k, role := range plan.ports {
		t := typeOfPort(bodies, plan.params, k)
		path := fmt.Sprintf("%s%d.p%d", at.path, n.ID(), k)
		ports[k] = len(d.model.Nodes)
		d.model.Nodes = append(d.model.Nodes, Node{ID: d.newID(), path: path, Match: fmt.Sprintf("n%s%d.p%d", at.match, closed.Origin, k), Op: role, DType: t.DType.String(),
			Type: t.String(), Shape: t.Shape, Inputs: []int{closed.Inputs[first+k]}, Scope: scope, Source: closed.Source, Gradient: gradient,
			Inert: !t.DType.IsFloat(), port: &port{&plan.bodyScope, first + k, -1}, Notes: []Note{{"operand", strconv.Itoa(first+k+1) + " of " + plan.title}}})
	}
	for _, next := range plan.next {
		d.model.Nodes[ports[next[0]]].port.next = first + next[1]
	}
	steps := map[*graph.Node]int{}
	size := at.size
	if at.path == "" {
		size = plan.size
	}
	for k := range ports {
		d.model.Nodes[ports[k]].bodySize = size
	}
	for k, b := range bodies {
		inner := &place{index: map[*graph.Node]int{}, steps: map[*graph.Node]map[*graph.Node]int{}, scope: scope, size: size, gradient: func(*graph.Node) bool { return gradient },
			path: fmt.Sprintf("%s%d.%d.", at.path, n.ID(), k), match: fmt.Sprintf("%s%d.%d.", at.match, closed.Origin, k)}
		if len(plan.parts) > 0 {
			inner.scope += "/" + plan.parts[k]
		}
		for i, p := range b.Params() {
			inner.index[p] = ports[plan.params[k][i]]
		}
		var list []*graph.Node
		for i := range b.Graph().Len() {
			if m := b.Graph().Node(i); !m.IsInput() {
				list = append(list, m)
			}
		}
		d.nodes(list, inner)
		for _, r := range b.Results()[:plan.results[k]] {
			out.Inputs = append(out.Inputs, inner.index[r])
		}
		if k == plan.stepped {
			steps = inner.index
		}
	}
	at.steps[n] = steps
	d.add(n, out, at, scope)
}

// enters reports whether an operand comes from outside of the scope that the node's operator with bodies is.
func (n *Node) enters(k int) bool {
	return n.port != nil || n.exit != nil && k < len(n.exit.outside)
}

// typeOfPort returns the type of what comes out of a port.
func typeOfPort(bodies []*graph.Body, params [][]int, port int) graph.Type {
	for k, b := range bodies {
		if i := slices.Index(params[k], port); i >= 0 {
			return b.Params()[i].Type()
		}
	}
	return graph.Type{}
}

// id names a node among all of its model: a number, or for one in a body the path to it.
func (n *Node) id() string {
	if n.path != "" {
		return n.path
	}
	return strconv.Itoa(n.ID)
}

// apart returns the model with names for nodes in bodies that are different in all of it: one that was put together from several may have the same bodies twice.
func (m *Model) apart() *Model {
	seen := map[string]int{}
	c := m
	for i := range m.Nodes {
		path := m.Nodes[i].path
		if path == "" {
			continue
		}
		if seen[path]++; seen[path] == 1 {
			continue
		}
		if c == m {
			copied := *m
			copied.Nodes = slices.Clone(m.Nodes)
			c = &copied
		}
		c.Nodes[i].path = fmt.Sprintf("%s~%d", path, seen[path])
	}
	return c
}

// scopesOfBodies returns the scopes that stand for operators with bodies, by path.
func (m *Model) scopesOfBodies() map[string]*bodyScope {
	list := map[string]*bodyScope{}
	for i := range m.Nodes {
		switch n := &m.Nodes[i]; {
		case n.exit != nil:
			list[n.Scope] = n.exit.bodyScope
		case n.port != nil:
			list[n.Scope] = n.port.bodyScope
		}
	}
	return list
}

// LargeBodies returns the scopes of loops, branches and checkpoints that have more than n nodes in their bodies.
func (m *Model) LargeBodies(n int) []string {
	if m.Check() != nil {
		return nil
	}
	var list []string
	for scope, b := range m.scopesOfBodies() {
		if b.size > n {
			list = append(list, scope)
		}
	}
	slices.Sort(list)
	return list
}

// CloseBodies returns the model with the bodies of more than n nodes closed: see LargeBodies. Those in open, as WithExpanded has them, stay open. A page with a
// viewer shows them closed at first.
func (m *Model) CloseBodies(n int, open map[string]bool) *Model {
	closed := map[string]bool{}
	for _, scope := range m.LargeBodies(n) {
		inside := false
		for path := range open {
			inside = inside || path == scope || strings.HasPrefix(path, scope+"/")
		}
		if !inside {
			closed[scope] = true
		}
	}
	if len(closed) == 0 {
		return m
	}
	c := m.Collapse(-1, closed)
	if len(m.Nodes) <= mostBodies {
		c.whole = m
		for scope := range closed {
			outer := parentScope(scope)
			for outer != "" && !closed[outer] {
				outer = parentScope(outer)
			}
			if outer == "" {
				c.shut = append(c.shut, scope)
			}
		}
		slices.Sort(c.shut)
	}
	return c
}

// closed returns the one node that stands for an operator with bodies: the exit, with the operands of the operator. operand returns the image of a
// node's operand.
func (m *Model) closed(members []int, at int, operand func(i, k int) (int, *Node)) Node {
	n := m.Nodes[at]
	x := n.exit
	inputs, parts, known := make([]int, x.arity), make([]*Node, x.arity), make([]bool, x.arity)
	set := func(i, k, to int) {
		inputs[to], parts[to] = operand(i, k)
		known[to] = true
	}
	for k, to := range x.outside {
		if k < len(n.Inputs) {
			set(at, k, to)
		}
	}
	for _, i := range members {
		if p := &m.Nodes[i]; p.port != nil && p.port.bodyScope == x.bodyScope && len(p.Inputs) > 0 {
			set(i, 0, p.port.operand)
		}
	}
	n.Inputs, n.parts = nil, nil
	for k := range inputs {
		if known[k] {
			n.Inputs, n.parts = append(n.Inputs, inputs[k]), append(n.parts, parts[k])
		}
	}
	n.Partials, n.exit = x.partials, nil
	n.folds, n.Scope = n.Scope, parentScope(n.Scope)
	return n
}

// isBody reports whether a scope stands for an operator with bodies, or for one of its bodies.
func (b *builder) isBody(scope string) bool {
	around := b.bodies[parentScope(scope)]
	return b.bodies[scope] != nil || around != nil && slices.Contains(around.parts, lastPart(scope))
}

func (b *builder) scopeTitle(scope string) string {
	if s := b.bodies[scope]; s != nil {
		return s.title
	}
	return lastPart(scope)
}

// port draws a parameter of a body: what it is called, and below it what it is.
func (b *builder) port(n *Node, o *scene.Node) {
	o.Shape, o.Key, o.Class, o.Entry = scene.Capsule, "port", "port", true
	if n.Gradient {
		o.Class += " gradient"
	} else {
		o.Stroke = scene.Muted
	}
	lines := []scene.TextLine{{Runs: nameRuns(n.Auto), Size: scene.ValueSize + 2, Colour: scene.Ink},
		{Runs: upright(n.Op), Size: noteSize, Colour: scene.Muted}}
	if b.typed(n) {
		lines[1].Runs = upright(n.Op + " : " + n.Type)
	}
	o.Lines = append(lines, o.Lines[min(2, len(o.Lines)):]...)
}

// exits returns by scope the node that stands for an operator whose bodies are drawn. Of two, that of the earlier graph does not count.
func (m *Model) exits() map[string]int {
	list := map[string]int{}
	for i := range m.Nodes {
		if n := &m.Nodes[i]; n.exit != nil && (n.Change != Removed || list[n.Scope] == 0) {
			list[n.Scope] = i
		}
	}
	return list
}

// nextSteps draws, from the value that a step returns to the port where it enters the next one, edges that do not count for the order of the nodes. A
// value that is itself a port is drawn from the exit, which has it as an operand.
func (b *builder) nextSteps() {
	exits, drawn := b.model.exits(), false
	from := map[string]int{}
	for i := range b.scene.Edges {
		from[b.scene.Edges[i].ID] = b.scene.Edges[i].From
	}
	for i := range b.model.Nodes {
		n := &b.model.Nodes[i]
		at, found := b.model.nextStep(n, exits)
		if !found {
			continue
		}
		x := &b.model.Nodes[at.node]
		value := b.model.part(x, at.operand)
		edge := scene.Edge{ID: fmt.Sprintf("e%s-next", n.id()), To: b.forward[i], Kind: scene.Next, Weight: 1, Tooltip: "next step"}
		if edge.From, found = from[fmt.Sprintf("e%s-%d", x.id(), at.operand)]; !found || value.port != nil {
			edge.From = b.forward[at.node]
			edge.Label = b.carried(value)
		} else if b.model.Nodes[x.Inputs[at.operand]].results > 1 {
			edge.Label = b.carried(value)
		}
		b.scene.Edges = append(b.scene.Edges, edge)
		drawn = true
	}
	if drawn {
		b.scene.Legend = append(b.scene.Legend, scene.LegendEntry{Kind: scene.Next, Line: true,
			Text: scene.TextLine{Runs: upright("to the next step"), Size: scene.LegendSize, Colour: scene.Ink}})
	}
}

// nextStep returns where the operand is that is the value of a port at the next step, false where there is none; exits are those of the model.
func (m *Model) nextStep(n *Node, exits map[string]int) (use, bool) {
	if n.port == nil || n.port.next < 0 || n.Cut {
		return use{}, false
	}
	at, found := exits[n.Scope]
	return use{at, n.port.next}, found && n.port.next < len(m.Nodes[at].Inputs)
}

// stepOf reports whether the node is a value of a body, which is drawn, at each step.
func (n *Node) stepOf(m *Model) bool {
	return n.Op == "each_step" && len(n.Inputs) > 0 && m.Nodes[n.Inputs[0]].bodies == ""
}
