package viz

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/adjoint-go/adjoint/viz/internal/scene"
)

// builder turns a model into a scene.
type builder struct {
	model    *Model
	settings *settings
	scene    *scene.Scene

	uses        []int // per node: how often it is an operand
	isOutput    []bool
	folded      []bool        // drawn as part of the node that uses it
	operands    [][]operand   // per node: what is drawn as its operands
	names       [][]scene.Run // per node: how other places call it
	active      []bool        // an adjoint flows through the node
	forward     map[int]int   // scene node of a model node
	ghosts      map[*Node]int // scene node of the copy of a value in the gradient's cluster
	scopes      map[string]int
	set         *typesetter
	inlined     []bool      // drawn as a line in the operators that read it
	referenced  []bool      // the gradient's graph refers to the node by its name
	gain        []float64   // of a folded node: the derivative by it of the node drawn; NaN where it is unknown
	derivative  map[int]int // by node: the output that says what it is the derivative of
	cluster     [2]int      // of forward and gradient in Split mode
	largestHeat float64
	stepDrawn   bool                  // a partial is drawn with Heaviside's step
	tints       map[string]scene.Role // by category
	bodies      map[string]*bodyScope // by scope
}

type use struct{ node, operand int }

// operand is an operand as drawn, with the place where it is one: of a folded chain, the innermost operator.
type operand struct {
	node int
	at   use
}

// build returns the scene of a model.
func build(m *Model, s *settings) (*scene.Scene, error) {
	if err := m.Check(); err != nil {
		return nil, err
	}
	if len(m.Nodes) == 0 {
		return nil, errors.New("viz: the graph is empty")
	}
	if s.direction > BottomToTop {
		return nil, fmt.Errorf("viz: there is no direction %d", s.direction)
	}
	if len(m.Nodes) > s.maxNodes {
		return nil, fmt.Errorf("viz: the graph has %d nodes, more than the %d allowed; raise the limit with WithMaxNodes", len(m.Nodes), s.maxNodes)
	}
	b := &builder{model: m, settings: s, scene: &scene.Scene{Direction: s.direction, AnyDirection: !s.directed && s.style != SurfaceWaveStyle, Wrap: s.wrap},
		forward: map[int]int{}, ghosts: map[*Node]int{}, scopes: map[string]int{}, cluster: [2]int{-1, -1}}
	b.survey()
	b.name()
	b.flow()
	b.inline()
	b.frame()
	for i := range m.Nodes {
		b.node(i)
	}
	b.nextSteps()
	b.former()
	b.outputs()
	b.execution()
	b.finish()
	return b.scene, nil
}

// survey counts uses and folds chains of + and ×.
func (b *builder) survey() {
	b.model = b.model.complete().apart()
	b.bodies = b.model.scopesOfBodies()
	nodes := b.model.Nodes
	n := len(nodes)
	b.isOutput = make([]bool, n)
	b.folded, b.operands = make([]bool, n), make([][]operand, n)
	b.derivative = map[int]int{}
	for k, o := range b.model.Outputs {
		b.isOutput[o.Node] = true
		if _, found := b.derivative[o.Node]; !found && o.By != "" {
			b.derivative[o.Node] = k
		}
	}
	b.uses = usesOf(nodes, true)
	if b.settings.fold {
		b.folded = foldedNodes(nodes, b.uses, b.isOutput)
	}
	user := make([]use, n) // of a folded node
	for i := range nodes {
		for k, in := range nodes[i].Inputs {
			user[in] = use{i, k}
		}
	}
	b.referenced, b.gain = make([]bool, n), make([]float64, n)
	var stack []operand
	for i := n - 1; i >= 0; i-- {
		b.gain[i] = 1
		if b.folded[i] {
			u := user[i]
			b.gain[i] = b.gain[u.node] * b.local(u)
			continue
		}
		push := func(j int) {
			for k := len(nodes[j].Inputs) - 1; k >= 0; k-- {
				stack = append(stack, operand{nodes[j].Inputs[k], use{j, k}})
			}
		}
		push(i)
		for len(stack) > 0 {
			o := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			if b.folded[o.node] {
				push(o.node)
				continue
			}
			b.operands[i] = append(b.operands[i], o)
			b.referenced[o.node] = b.referenced[o.node] || nodes[i].Gradient && !nodes[o.node].Gradient
		}
	}
	var names []string
	for i := range nodes {
		if nodes[i].Name != "" {
			names = append(names, nodes[i].Name)
		}
	}
	for _, o := range b.model.Outputs {
		for _, name := range []string{o.Name, o.Of, o.By} {
			if name != "" {
				names = append(names, name)
			}
		}
	}
	b.set = newTypesetter(names)
}

// usesOf counts, for each node, its uses as an operand: those in the gradient's graph too, or not.
func usesOf(nodes []Node, gradient bool) []int {
	uses := make([]int, len(nodes))
	for i := range nodes {
		for _, in := range nodes[i].Inputs {
			if gradient || !nodes[i].Gradient || nodes[in].Gradient {
				uses[in]++
			}
		}
	}
	return uses
}

// foldedNodes finds the sums and products that are drawn as part of the one that alone uses them.
func foldedNodes(nodes []Node, uses []int, isOutput []bool) []bool {
	folded := make([]bool, len(nodes))
	for i := range nodes {
		op := nodes[i].operator()
		if !op.Commutative || !isSum(op) && !isProduct(op) {
			continue
		}
		for _, in := range nodes[i].Inputs {
			inner := &nodes[in]
			folded[in] = folded[in] || inner.Op == op.Name && uses[in] == 1 && !inner.Cut && inner.Name == "" && !isOutput[in] &&
				inner.Scope == nodes[i].Scope && inner.Gradient == nodes[i].Gradient && sameShape(inner.Shape, nodes[i].Shape)
		}
	}
	return folded
}

// local returns the local derivative of an operator by an operand, NaN where it is unknown or no number.
func (b *builder) local(u use) float64 {
	if list := b.model.Nodes[u.node].Partials; u.operand < len(list) && list[u.operand] != nil && list[u.operand].IsScalar() {
		return list[u.operand].Data[0]
	}
	return math.NaN()
}

func sameShape(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// name gives every node the runs by which labels call it.
func (b *builder) name() {
	nodes := b.model.Nodes
	b.names = make([][]scene.Run, len(nodes))
	for i := range nodes {
		b.names[i] = b.called(&nodes[i], b.isOutput[i])
	}
}

// called returns the runs by which labels call a value: its own name, or the automatic one, which outputs have beside theirs.
func (b *builder) called(n *Node, isOutput bool) []scene.Run {
	switch {
	case n.bundled > 0:
		return upright(plural(n.bundled, "value"))
	case n.Op == "const":
		return numberRuns(constantText(n))
	case n.Op == "input", n.Name != "" && !isOutput:
		return b.set.name(n.Name)
	case n.Auto != "":
		return nameRuns(n.Auto)
	}
	return nil
}

// operandName returns the runs by which labels call what a node's operand is.
func (b *builder) operandName(u use) []scene.Run {
	n := &b.model.Nodes[u.node]
	if in := n.Inputs[u.operand]; &b.model.Nodes[in] == b.model.part(n, u.operand) {
		return b.names[in]
	}
	return b.called(b.model.part(n, u.operand), false)
}

// flow finds the nodes that an adjoint flows through: between a variable of
// interest and an output.
func (b *builder) flow() {
	nodes := b.model.Nodes
	b.active = make([]bool, len(nodes))
	if b.settings.gradients != Overlay {
		return
	}
	reached := make([]bool, len(nodes))
	for i := range nodes {
		n := &nodes[i]
		reached[i] = (n.Op == "input" || n.Cut) && !n.Inert || n.Variable
		for _, in := range n.Inputs {
			reached[i] = reached[i] || reached[in] && !n.Inert
		}
	}
	for _, o := range b.model.Outputs {
		if o.Of == "" {
			b.active[o.Node] = reached[o.Node]
		}
	}
	for i := len(nodes) - 1; i >= 0; i-- {
		if !b.active[i] {
			continue
		}
		for _, in := range nodes[i].Inputs {
			b.active[in] = b.active[in] || reached[in]
		}
	}
}

// frame adds title and the clusters of Split mode.
func (b *builder) frame() {
	s := b.scene
	if b.settings.title != "" {
		s.Title = scene.TextLine{Runs: mathRuns(b.settings.title, nil), Size: scene.TitleSize, Colour: scene.Ink}
	}
	if b.settings.gradients == Split {
		// The gradient stands first, above the graph that it is the gradient of.
		hasGradient := false
		for i := range b.model.Nodes {
			hasGradient = hasGradient || b.model.Nodes[i].Gradient
		}
		for _, o := range b.model.Outputs {
			hasGradient = hasGradient || o.Of != ""
		}
		if hasGradient {
			s.Clusters = append(s.Clusters,
				scene.Cluster{ID: "gradient", Title: "gradient", Parent: -1, Kind: scene.GradientCluster},
				scene.Cluster{ID: "forward", Title: "forward", Parent: -1, Kind: scene.ForwardCluster})
			b.cluster = [2]int{1, 0}
		}
	}
}

// home returns the cluster of a node: its scope within forward or gradient.
func (b *builder) home(n *Node) int {
	side := 0
	if n.Gradient && b.cluster[1] >= 0 {
		side = 1
	}
	return b.within(b.cluster[side], side, n.Scope)
}

// within returns the cluster of a scope.
func (b *builder) within(parent, side int, scope string) int {
	if scope == "" {
		return parent
	}
	body := b.isBody(scope)
	if !b.settings.clusters && !body {
		return b.within(parent, side, parentScope(scope))
	}
	path := strconv.Itoa(side) + "/" + scope
	at, found := b.scopes[path]
	if !found {
		parent = b.within(parent, side, parentScope(scope))
		at = len(b.scene.Clusters)
		c := scene.Cluster{ID: fmt.Sprintf("scope-%d", at), Title: b.scopeTitle(scope), Name: lastPart(scope), Parent: parent, Kind: scene.ScopeCluster}
		if body {
			c.Kind = scene.BodyCluster
		}
		b.scene.Clusters = append(b.scene.Clusters, c)
		b.scopes[path] = at
	}
	return at
}

func (b *builder) add(n scene.Node) int {
	b.scene.Nodes = append(b.scene.Nodes, n)
	return len(b.scene.Nodes) - 1
}

func (b *builder) node(i int) {
	n := &b.model.Nodes[i]
	if b.folded[i] || n.Op == "const" || n.Cut {
		return
	}
	if b.inlined[i] {
		return
	}
	if n.Op == "input" {
		b.forward[i] = b.input(i)
		return
	}
	o := scene.Node{ID: "n" + n.id(), Shape: scene.RoundedBox, Fill: scene.Paper, Stroke: scene.Line,
		Class: "operator op-" + identifier(n.Op), Cluster: b.home(n), Tooltip: tooltip(n), Key: "operator", Match: n.match(), Change: scene.Change(n.Change)}
	symbol, operands := b.symbol(i)
	o.Lines = append(o.Lines, scene.TextLine{Runs: symbol, Size: scene.SymbolSize, Colour: scene.Ink})
	colour := scene.Muted
	if n.Gradient {
		o.Stroke, colour = scene.AdjointLine, scene.AdjointText
		o.Class += " gradient"
	}
	if second := b.second(i); len(second) > 0 {
		o.Lines = append(o.Lines, scene.TextLine{Runs: second, Size: scene.ValueSize, Colour: colour})
	}
	if attributes := b.attributeLine(n); attributes != "" && b.shows("attributes") {
		o.Lines = append(o.Lines, scene.TextLine{Runs: upright(attributes), Size: noteSize, Colour: scene.Muted})
	}
	if b.active[i] && n.results < 2 {
		o.Lines = append(o.Lines, b.adjoint(b.names[i], n.Adjoint))
	}
	for _, x := range operands {
		if b.inlinedIn(x.node, n) {
			o.Lines = append(o.Lines, b.inlineLine(n, x.at.operand, x.node))
		}
	}
	o.Lines = append(o.Lines, b.shown(n)...)
	b.heat(n, &o)
	b.category(n, &o)
	if n.Collapsed > 0 {
		o.Fill, o.Stroke, o.Class = scene.ScopeTint, scene.Line, "scope"
		o.Scope = strings.TrimPrefix(n.Scope+"/"+n.Symbol, "/")
		o.Lines = append(o.Lines, scene.TextLine{Runs: upright(plural(n.Collapsed, "node")), Size: scene.ValueSize, Colour: scene.Muted})
	}
	if n.port != nil {
		b.port(n, &o)
	}
	o.Scope += n.folds
	if len([]rune(o.Lines[0].Plain())) > 7 {
		o.Lines[0].Size = 16
	}
	o.Marked = n.powerOfNames() && len(operands) > 1 || n.exit != nil && len(n.exit.parts) > 0
	at := b.add(o)
	b.forward[i] = at
	for k, x := range operands {
		b.operand(i, at, k, x)
	}
}

// symbol returns the first line of an operator and the operands to draw: a
// constant exponent is drawn in its place and not as an operand.
func (b *builder) symbol(i int) ([]scene.Run, []operand) {
	n := &b.model.Nodes[i]
	operands := b.operands[i]
	constant := func(k int) (string, bool) {
		c := &b.model.Nodes[operands[k].node]
		if c.Op != "const" || c.Constant == nil || !c.Constant.IsScalar() {
			return "", false
		}
		text := FormatNumber(c.Constant.Data[0])
		return text, len([]rune(text)) <= 5
	}
	op := n.operator()
	if op.Symbol == powerSymbol && len(operands) == 2 {
		if c, ok := constant(1); ok {
			return append(upright("( · )"), scene.Run{Text: c, Script: scene.Super}), operands[:1]
		}
		if c, ok := constant(0); ok {
			return append(upright(c), scene.Run{Text: "( · )", Script: scene.Super}), operands[1:]
		}
	}
	if n.Gradient && b.settings.gradients == Split && len(operands) == 2 && op.Infix && op.Partials != nil {
		if c, ok := constant(1); ok {
			return upright(op.Symbol + " " + c), operands[:1]
		}
		if c, ok := constant(0); ok {
			if op.Commutative {
				return upright(op.Symbol + " " + c), operands[1:]
			}
			return upright(c + " " + op.Symbol), operands[1:]
		}
	}
	return symbolRuns(n), operands
}

func (b *builder) input(i int) int {
	n := &b.model.Nodes[i]
	o := scene.Node{ID: "n" + n.id(), Shape: scene.Circle, Fill: scene.InputFill, Stroke: scene.InputLine,
		Class: "input", Cluster: b.home(n), Tooltip: tooltip(n), Key: "input", Order: i + 1, Match: n.match(), Change: scene.Change(n.Change)}
	o.Lines = append(o.Lines, scene.TextLine{Runs: b.set.name(n.Name), Size: scene.SymbolSize + 2, Colour: scene.Ink})
	if text := b.valueText(n); text != "" {
		o.Lines = append(o.Lines, scene.TextLine{Runs: b.valueRuns(n), Size: scene.ValueSize, Colour: scene.InputText})
	}
	if b.active[i] {
		o.Lines = append(o.Lines, b.adjoint(b.names[i], n.Adjoint))
	}
	o.Lines = append(o.Lines, b.shown(n)...)
	return b.add(o)
}

// shows reports whether a field that is drawn by default is to be drawn.
func (b *builder) shows(field string) bool { return b.settings.show == nil || b.settings.show[field] }

// typed reports whether the node's type is to be drawn.
func (b *builder) typed(n *Node) bool {
	return n.Type != "" && (b.settings.types || len(n.Shape) > 0 && b.shows("shape"))
}

// shown returns the lines that WithShow asks for.
func (b *builder) shown(n *Node) []scene.TextLine {
	var lines []scene.TextLine
	add := func(text string) {
		lines = append(lines, scene.TextLine{Runs: upright(text), Size: noteSize, Colour: scene.Muted})
	}
	if b.settings.show["line"] && n.Source != "" {
		add(n.Source[strings.LastIndexAny(n.Source, `/\\`)+1:])
	}
	for _, note := range n.Notes {
		if b.settings.show[note.Key] {
			add(note.Key + " " + note.Text)
		}
	}
	return lines
}

// noteSize is the font size of notes.
const noteSize = 12

// heat colours a node by its number.
func (b *builder) heat(n *Node, o *scene.Node) {
	if b.model.HeatTitle == "" {
		return
	}
	largest := b.hottest()
	step := 0
	if largest > 0 {
		step = int(math.Sqrt(math.Max(0, n.Heat)/largest) * scene.HeatSteps)
	}
	step = min(step, scene.HeatSteps-1)
	o.Fill = scene.Heat0 + scene.Role(step)
	text := scene.Ink
	if step >= darkHeat {
		text = scene.HeatText
	}
	for k := range o.Lines {
		o.Lines[k].Colour = text
	}
	if n.Heat > 0 {
		o.Tooltip += "\n" + b.model.HeatTitle + ": " + FormatNumber(n.Heat)
	}
}

// darkHeat is the first step of the scale that needs light text.
const darkHeat = 4

// hottest returns the largest heat of the model.
func (b *builder) hottest() float64 {
	if b.largestHeat == 0 {
		for i := range b.model.Nodes {
			b.largestHeat = math.Max(b.largestHeat, b.model.Nodes[i].Heat)
		}
	}
	return b.largestHeat
}

// operand draws the edge from an operand to the node that uses it.
func (b *builder) operand(user, at, place int, x operand) {
	n, in := &b.model.Nodes[user], &b.model.Nodes[x.node]
	kind := scene.Forward
	if n.Gradient {
		kind = scene.Gradient
	}
	if n.Change == Removed {
		kind = scene.Former
	}
	from := 0
	weight := 1
	switch {
	case b.inlinedIn(x.node, n):
		return
	case in.Op == "const":
		from = b.constant(in, user, place)
	case in.Cut:
		from = b.stub(x.node, user, place)
	case n.Gradient && !in.Gradient && b.cluster[1] >= 0:
		from = b.ghost(x.node, b.model.part(&b.model.Nodes[x.at.node], x.at.operand))
	default:
		from = b.forward[x.node]
		if in.Op != "input" {
			weight = mainWeight
		}
	}
	id := fmt.Sprintf("e%s-%d", n.id(), place)
	edge := scene.Edge{ID: id, From: from, To: at, Kind: kind, Weight: weight}
	if in.results > 1 && from == b.forward[x.node] {
		edge.Label = b.carried(b.model.part(&b.model.Nodes[x.at.node], x.at.operand))
	}
	if n.ordered() {
		edge.Operand = place + 1
		edge.Mark = scene.TextLine{Runs: n.operandName(x.at.operand), Size: scene.MarkSize, Colour: scene.Muted}
	}
	b.scene.Edges = append(b.scene.Edges, edge)
	if b.active[user] && b.active[x.node] && in.Op != "const" {
		b.scene.Edges = append(b.scene.Edges, scene.Edge{ID: id + "-adjoint", From: at, To: from, Kind: scene.Reverse,
			Label: b.partial(user, x), Weight: weight, Tooltip: "adjoint"})
	}
}

// stub draws an operand that is left out by its name, anew for each use.
func (b *builder) stub(i, user, place int) int {
	n := &b.model.Nodes[i]
	o := scene.Node{Match: fmt.Sprintf("%s-%d", b.model.Nodes[user].match(), place), ID: fmt.Sprintf("n%s-%s-%d", n.id(), b.model.Nodes[user].id(), place),
		Shape: scene.Capsule, Dashed: true, Fill: scene.Paper, Stroke: scene.Muted, Class: "stub", Tooltip: tooltip(n), Key: "stub",
		Lines:   []scene.TextLine{{Runs: b.names[i], Size: scene.ValueSize, Colour: scene.Muted}},
		Cluster: b.beside(&b.model.Nodes[user], place)}
	if text := n.Value.summary(); text != "" && n.Value.IsScalar() && b.shows("value") {
		o.Lines[0].Runs = joinRuns(b.names[i], shownLate(scene.ValuePart, upright(" = ")), shownLate(scene.ValuePart, numberRuns(text)))
	}
	if b.active[i] {
		o.Lines = append(o.Lines, b.adjoint(b.names[i], n.Adjoint))
	}
	return b.add(o)
}

// constant draws a constant anew for each use.
func (b *builder) constant(n *Node, user, place int) int {
	change := n.Change
	if b.model.Nodes[user].Change == Removed {
		change = Removed
	}
	return b.add(scene.Node{Change: scene.Change(change), Match: fmt.Sprintf("%s-%d", b.model.Nodes[user].match(), place), ID: fmt.Sprintf("n%s-%s-%d", n.id(), b.model.Nodes[user].id(), place), Shape: scene.Dot,
		Lines: []scene.TextLine{{Runs: numberRuns(constantText(n)), Size: scene.ValueSize, Colour: scene.ConstantText}},
		Fill:  scene.ConstantFill, Stroke: scene.ConstantFill, Class: "constant", Tooltip: tooltip(n),
		Cluster: b.beside(&b.model.Nodes[user], place)})
}

// beside returns the cluster in which an operand is drawn that is drawn for each use: that of the user, or the one around it where the operand enters there.
func (b *builder) beside(user *Node, operand int) int {
	n := *user
	if user.enters(operand) {
		n.Scope = parentScope(n.Scope)
	}
	return b.home(&n)
}

// carried returns the label of an edge from a node that stands for several values: which one it is.
func (b *builder) carried(n *Node) scene.TextLine {
	runs := b.called(n, false)
	if b.typed(n) {
		runs = joinRuns(runs, upright(" : "+n.Type))
	}
	return scene.TextLine{Runs: runs, Size: scene.ValueSize, Colour: scene.Muted}
}

// ghost draws the copy of a forward value in the gradient's cluster: of a node, or of one of those that it stands for.
func (b *builder) ghost(i int, n *Node) int {
	if at, found := b.ghosts[n]; found {
		return at
	}
	shape := scene.RoundedBox
	size := scene.SymbolSize - 2
	if n.Op == "input" {
		shape = scene.Circle
	} else {
		size = scene.ValueSize + 2
	}
	name, id := b.names[i], fmt.Sprintf("n%s-ghost", n.id())
	if n != &b.model.Nodes[i] {
		name = b.called(n, false)
	}
	lines := []scene.TextLine{{Runs: name, Size: size, Colour: scene.Ink}}
	if text := n.Value.summary(); text != "" && n.Value.IsScalar() {
		lines = append(lines, scene.TextLine{Runs: shownLate(scene.ValuePart, numberRuns(text)), Size: scene.ValueSize, Colour: scene.InputText})
	}
	at := b.add(scene.Node{ID: id, Shape: shape, Lines: lines, Fill: scene.Paper, Stroke: scene.InputLine,
		Dashed: true, Class: "ghost", Copy: "n" + b.model.Nodes[i].id(), Cluster: b.cluster[1], Tooltip: tooltip(n), Key: "ghost", Order: i + 1})
	b.ghosts[n] = at
	return at
}

// outputs draws a double circle per result.
func (b *builder) outputs() {
	for k, o := range b.model.Outputs {
		n := b.model.result(&o)
		gradient := o.Of != ""
		out := scene.Node{ID: fmt.Sprintf("out%d", k), Shape: scene.DoubleCircle, Fill: scene.OutputFill, Stroke: scene.OutputLine,
			Class: "output", Cluster: b.cluster[0], Tooltip: tooltip(n), Key: "output", Order: len(b.model.Nodes) + k + 1}
		name := b.outputName(k)
		size := scene.SymbolSize + 2
		colour := scene.OutputText
		if gradient {
			out.Fill, out.Stroke, out.Class, colour = scene.AdjointFill, scene.AdjointLine, "output gradient", scene.AdjointText
			out.Cluster, out.Key = b.cluster[1], "gradient output"
			name = joinRuns(upright("∂"), b.set.name(o.Of), upright("/∂"), b.set.name(o.By))
			size = 16
		}
		out.Lines = append(out.Lines, scene.TextLine{Runs: name, Size: size, Colour: scene.Ink})
		if text := b.valueText(n); text != "" {
			out.Lines = append(out.Lines, scene.TextLine{Runs: b.valueRuns(n), Size: scene.ValueSize, Colour: colour})
		}
		active := b.active[o.Node] && !gradient
		if active {
			seed := (*Value)(nil)
			if n.Adjoint != nil && n.Adjoint.IsScalar() {
				seed = Scalar(1)
			}
			out.Lines = append(out.Lines, b.adjoint(name, seed))
		}
		at := b.add(out)
		kind := scene.Forward
		if gradient {
			kind = scene.Gradient
		}
		from := 0
		switch {
		case n.Op == "const":
			from = b.add(scene.Node{ID: fmt.Sprintf("n%s-out%d", n.id(), k), Shape: scene.Dot,
				Lines: []scene.TextLine{{Runs: numberRuns(constantText(n)), Size: scene.ValueSize, Colour: scene.ConstantText}},
				Fill:  scene.ConstantFill, Stroke: scene.ConstantFill, Class: "constant", Tooltip: tooltip(n), Cluster: out.Cluster})
		case n.Cut:
			from = b.stub(o.Node, o.Node, len(b.model.Outputs)+k)
		case gradient && !n.Gradient && b.cluster[1] >= 0:
			from = b.ghost(o.Node, n)
		default:
			from = b.forward[o.Node]
		}
		b.scene.Nodes[at].Copy = b.scene.Nodes[from].ID
		b.scene.Edges = append(b.scene.Edges, scene.Edge{ID: fmt.Sprintf("e-out%d", k), From: from, To: at, Kind: kind, Weight: mainWeight})
		if active {
			b.scene.Edges = append(b.scene.Edges, scene.Edge{ID: fmt.Sprintf("e-out%d-adjoint", k), From: at, To: from, Kind: scene.Reverse, Weight: mainWeight,
				Label: scene.TextLine{Runs: upright("1"), Size: scene.LabelSize, Colour: scene.AdjointText}})
		}
	}
}

// crowded is the number of reverse edges above which labels that say 1 are left
// out.
const crowded = 60

// mainWeight is the weight of edges between operators. It keeps the main path
// straight against the pull of parameters.
const mainWeight = 6

// shortFormula is the number of nodes up to which a drawing counts as short.
const shortFormula = 40

// finish adds the legend and the description.
func (b *builder) finish() {
	s := b.scene
	scalarInputs := true
	for i := range b.model.Nodes {
		scalarInputs = scalarInputs && (b.model.Nodes[i].Op != "input" || len(b.model.Nodes[i].Shape) == 0)
	}
	reverse, labelled := 0, 0
	for i := range s.Edges {
		if s.Edges[i].Kind == scene.Reverse {
			reverse++
		}
	}
	for i := range s.Edges {
		e := &s.Edges[i]
		if reverse > crowded && e.Label.Plain() == "1" {
			e.Label = scene.TextLine{}
		}
		if !e.Label.Empty() {
			labelled++
		}
	}
	entry := func(kind scene.EdgeKind, line bool, text string, colour scene.Role) {
		s.Legend = append(s.Legend, scene.LegendEntry{Kind: kind, Line: line,
			Text: scene.TextLine{Runs: upright(text), Size: scene.LegendSize, Colour: colour}})
	}
	if reverse > 0 {
		entry(scene.Forward, true, "value, forward pass", scene.Ink)
		entry(scene.Reverse, true, "adjoint, reverse pass", scene.AdjointText)
		if labelled > 0 {
			entry(scene.Reverse, false, "on edge: local partial", scene.AdjointText)
			if b.stepDrawn {
				entry(scene.Reverse, false, "H: unit step, ½ at 0", scene.AdjointText)
			}
		}
	}
	// A short formula reads best with all of its variables at the left.
	if len(s.Nodes) <= shortFormula {
		for i := range s.Nodes {
			n := &s.Nodes[i]
			n.First = n.Class == "input" && scalarInputs || n.Class == "ghost"
		}
	}
	if b.model.HeatTitle != "" {
		// The scale is one of square roots, so that small numbers can be told.
		for step := 0; step < scene.HeatSteps; step++ {
			low := b.hottest() * float64(step*step) / (scene.HeatSteps * scene.HeatSteps)
			text := joinRuns(upright("from "), numberRuns(FormatNumber(round3(low))))
			if step == 0 {
				text = upright(b.model.HeatTitle + " from 0")
			}
			s.Legend = append(s.Legend, scene.LegendEntry{Fill: scene.Heat0 + scene.Role(step),
				Text: scene.TextLine{Runs: text, Size: scene.LegendSize, Colour: scene.Ink}})
		}
	}
	b.categoryLegend()
	b.changeLegend()
	if reverse > 0 {
		s.Options.NodeGap, s.Options.RankGap = 46, 64
	}
	if s.Summary = b.settings.summary; s.Summary == "" {
		s.Summary = b.describe()
	}
}
