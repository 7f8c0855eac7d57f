package viz

import (
	"container/heap"
	"strings"
)

// The methods that return a part of a model return a model that cannot be drawn (see Check) as it is.

// Collapse returns the model with scopes drawn as one node each: those listed,
// as a/b/c, and those nested deeper than depth, where depth is not negative.
// Inputs that only nodes of such a scope use vanish into it. A scope whose
// nodes lie on both sides of a node outside stays open, because it would be an
// operand of itself.
func (m *Model) Collapse(depth int, scopes map[string]bool) *Model {
	return m.CollapseExcept(depth, scopes, nil)
}

// CollapseExcept is Collapse that leaves the scopes in open, and those around them, open whatever their depth is.
func (m *Model) CollapseExcept(depth int, scopes, open map[string]bool) *Model {
	if m.Check() != nil {
		return m
	}
	around := map[string]bool{}
	for path := range open {
		for ; path != "" && !around[path]; path = parentScope(path) {
			around[path] = true
		}
	}
	group := make([]string, len(m.Nodes))
	for i := range m.Nodes {
		group[i] = m.Nodes[i].collapsedScope(depth, scopes, around)
	}
	return m.mergeGroups(group)
}

// parentScope returns a/b for a/b/c, and "" for a.
func parentScope(path string) string { return path[:max(0, strings.LastIndexByte(path, '/'))] }

// mergeGroups draws each group as one node. Groups that would be operands of themselves stay apart.
func (m *Model) mergeGroups(group []string) *Model {
	group, scopes := m.constants(group)
	for again := true; again; {
		again = false
		for scope := range m.cyclic(group) {
			for i := range group {
				if group[i] == scope {
					group[i], again = "", true
				}
			}
		}
	}
	return m.merge(group, scopes)
}

// collapsedScope returns the outermost scope of a node that is to be collapsed.
func (n *Node) collapsedScope(depth int, scopes, open map[string]bool) string {
	if n.Scope == "" {
		return ""
	}
	parts := strings.Split(n.Scope, "/")
	side := ""
	if n.Gradient {
		side = "gradient:"
	}
	for k := range parts {
		path := strings.Join(parts[:k+1], "/")
		if scopes[path] || depth >= 0 && k >= depth && !open[path] {
			return side + path
		}
	}
	return ""
}

// groupScope returns the scope that a group of nodes is.
func groupScope(group string) string { return strings.TrimPrefix(group, "gradient:") }

// cyclic returns the groups that a path leaves and enters again.
func (m *Model) cyclic(group []string) map[string]bool {
	bad := map[string]bool{}
	// outside[i] holds the groups that node i depends on through a node outside.
	outside := make([]map[string]bool, len(m.Nodes))
	for i := range m.Nodes {
		outside[i] = map[string]bool{}
		for _, in := range m.Nodes[i].Inputs {
			for g := range outside[in] {
				outside[i][g] = true
			}
			if group[in] != "" && group[in] != group[i] {
				outside[i][group[in]] = true
			}
		}
		if outside[i][group[i]] {
			bad[group[i]] = true
		}
	}
	// Groups may also form a cycle with each other.
	if len(bad) == 0 {
		reach := map[string]map[string]bool{}
		for i := range m.Nodes {
			if group[i] == "" {
				continue
			}
			for g := range outside[i] {
				if reach[group[i]] == nil {
					reach[group[i]] = map[string]bool{}
				}
				reach[group[i]][g] = true
			}
		}
		for a := range reach {
			for b := range reach[a] {
				if reach[b][a] {
					bad[max(a, b)] = true
				}
			}
		}
	}
	return bad
}

// constants takes what depends on no input out of groups that merely were the first to use it. A constant is drawn at each use; it is part of
// a group if all of its uses are. Operators on constants that several groups use stand in the scope around these, unless their own group holds
// nothing else.
func (m *Model) constants(group []string) (out []string, scopes []string) {
	fixed, computes := make([]bool, len(m.Nodes)), map[string]bool{}
	for i := range m.Nodes {
		n := &m.Nodes[i]
		fixed[i] = n.Op != "input" && n.Collapsed == 0 && !n.Cut && n.port == nil && n.exit == nil
		for _, in := range n.Inputs {
			fixed[i] = fixed[i] && fixed[in]
		}
		if !fixed[i] && group[i] != "" {
			computes[group[i]] = true
		}
	}
	isOutput := make([]bool, len(m.Nodes))
	for _, o := range m.Outputs {
		isOutput[o.Node] = true
	}
	type user struct {
		node   int
		enters bool
	}
	users := make([][]user, len(m.Nodes))
	for i := range m.Nodes {
		for k, in := range m.Nodes[i].Inputs {
			if fixed[in] {
				users[in] = append(users[in], user{i, m.Nodes[i].enters(k)})
			}
		}
	}
	out, scopes = append([]string(nil), group...), make([]string, len(m.Nodes))
	// where returns the group and the scope in which a use lies.
	where := func(u user) (string, string) {
		switch scope := scopes[u.node]; {
		case !u.enters:
			return out[u.node], scope
		case groupScope(out[u.node]) == scope:
			return "", parentScope(scope)
		default:
			return out[u.node], parentScope(scope)
		}
	}
	for i := len(m.Nodes) - 1; i >= 0; i-- {
		scopes[i] = m.Nodes[i].Scope
		constant := m.Nodes[i].Op == "const"
		if !fixed[i] || isOutput[i] || len(users[i]) == 0 || !constant && !computes[group[i]] {
			continue
		}
		common, scope := where(users[i][0])
		for _, u := range users[i] {
			in, at := where(u)
			if in != common {
				common = ""
			}
			for scope != "" && at != scope && !strings.HasPrefix(at, scope+"/") {
				scope = parentScope(scope)
			}
		}
		if constant || common != group[i] {
			out[i], scopes[i] = common, scope
		}
	}
	return out, scopes
}

// like returns an empty model with the titles and letters of this one.
func (m *Model) like() *Model {
	return &Model{HeatTitle: m.HeatTitle, CategoryTitle: m.CategoryTitle, automatic: m.automatic}
}

// merging draws each group of a model as one node. A unit is a group, or a node that is in none.
type merging struct {
	*Model
	group, scopes []string // by node; group and scopes are those of constants
	unitOf        []int    // by node
	units         []unit
	exits         map[int]int // by unit, the operator whose bodies the unit is
	leaves        [][]*Node   // by unit, the values that leave it, in the order of their use
	place         []int       // by unit, where it stands in the new model
}

type unit struct {
	members []int
	waiting int // for units whose values it takes
	users   []int
}

// merge returns the model with each group as one node; group and scopes are those of constants.
func (m *Model) merge(group, scopes []string) *Model {
	g := &merging{Model: m, group: group, scopes: scopes, unitOf: make([]int, len(m.Nodes)), exits: map[int]int{}}
	named := map[string]int{}
	for i := range m.Nodes {
		u, found := named[group[i]]
		if group[i] == "" || !found {
			u = len(g.units)
			g.units = append(g.units, unit{})
			if group[i] != "" {
				named[group[i]] = u
			}
		}
		g.unitOf[i] = u
		g.units[u].members = append(g.units[u].members, i)
		if m.Nodes[i].exit != nil && group[i] != "" && m.Nodes[i].Scope == groupScope(group[i]) {
			g.exits[u] = i
		}
	}
	order := g.order()
	if len(order) < len(g.units) {
		return m // groups that still enclose each other stay open
	}
	g.leave()
	out := m.like()
	g.place = make([]int, len(g.units))
	for _, u := range order {
		first := g.units[u].members[0]
		alone := group[first] == ""
		if alone && m.Nodes[first].Op == "const" && len(g.leaves[u]) == 0 {
			continue // nothing needs it
		}
		g.place[u] = len(out.Nodes)
		var n Node
		if at, found := g.exits[u]; found {
			n = m.closed(g.units[u].members, at, g.from)
		} else if alone {
			n = g.node(first)
		} else {
			n = g.scope(u)
		}
		out.Nodes = append(out.Nodes, n)
	}
	for k, o := range m.Outputs {
		if g.stands(o.Node) {
			o.part = m.result(&m.Outputs[k])
		}
		o.Node = g.place[g.unitOf[o.Node]]
		out.Outputs = append(out.Outputs, o)
	}
	return out
}

// operand reports whether operand k of node i counts: a group's constants are no operands of it, but for those that an operator with bodies takes.
func (g *merging) operand(i, k int) bool {
	n := &g.Nodes[i]
	return g.group[i] == "" || g.Nodes[n.Inputs[k]].Op != "const" || n.enters(k) && n.Scope == groupScope(g.group[i])
}

// value is what node i takes as operand k.
func (g *merging) value(i, k int) *Node { return g.part(&g.Nodes[i], k) }

// stands reports whether the unit of a node is one that stands for others.
func (g *merging) stands(i int) bool {
	_, operator := g.exits[g.unitOf[i]]
	return g.group[i] != "" && !operator || g.Nodes[i].Collapsed > 0
}

// from is where operand k of node i stands, and which of the values that come from there it is.
func (g *merging) from(i, k int) (place int, part *Node) {
	in := g.Nodes[i].Inputs[k]
	if g.stands(in) {
		part = g.value(i, k)
	}
	return g.place[g.unitOf[in]], part
}

// order lists units behind those whose values they take: where their last node stood, as far as these let them. Units that take values of one another are missing.
func (g *merging) order() (order []int) {
	for i := range g.Nodes {
		for k, in := range g.Nodes[i].Inputs {
			if a, b := g.unitOf[in], g.unitOf[i]; a != b && g.operand(i, k) {
				g.units[a].users = append(g.units[a].users, b)
				g.units[b].waiting++
			}
		}
	}
	last := func(u int) int { return g.units[u].members[len(g.units[u].members)-1] }
	ready := &queue{before: func(a, b int) bool { return last(a) < last(b) }}
	for u := range g.units {
		if g.units[u].waiting == 0 {
			heap.Push(ready, u)
		}
	}
	for ready.Len() > 0 {
		u := heap.Pop(ready).(int)
		order = append(order, u)
		for _, v := range g.units[u].users {
			if g.units[v].waiting--; g.units[v].waiting == 0 {
				heap.Push(ready, v)
			}
		}
	}
	return order
}

// leave finds the values that leave units.
func (g *merging) leave() {
	g.leaves = make([][]*Node, len(g.units))
	left := map[*Node]bool{}
	leave := func(unit int, v *Node) {
		if !left[v] {
			left[v] = true
			g.leaves[unit] = append(g.leaves[unit], v)
		}
	}
	for i := range g.Nodes {
		for k, in := range g.Nodes[i].Inputs {
			if g.unitOf[in] != g.unitOf[i] && g.operand(i, k) {
				leave(g.unitOf[in], g.value(i, k))
			}
		}
	}
	for k := range g.Outputs {
		leave(g.unitOf[g.Outputs[k].Node], g.result(&g.Outputs[k]))
	}
}

// node returns a node that is in no group.
func (g *merging) node(i int) Node {
	n := g.Nodes[i]
	n.Scope = g.scopes[i]
	n.Inputs, n.Former, n.parts = nil, nil, nil
	for k := range g.Nodes[i].Inputs {
		place, part := g.from(i, k)
		n.Inputs, n.parts = append(n.Inputs, place), append(n.parts, part)
	}
	return n
}

// scope returns the node that stands for a group.
func (g *merging) scope(u int) Node {
	members := g.units[u].members
	last := &g.Nodes[members[len(members)-1]]
	path := groupScope(g.group[members[0]])
	n := Node{ID: last.ID, Origin: last.Origin, Op: "scope", Symbol: lastPart(path), Scope: parentScope(path), Gradient: last.Gradient, Inert: true, results: len(g.leaves[u])}
	if len(g.leaves[u]) == 1 {
		v := g.leaves[u][0]
		n.DType, n.Type, n.Shape, n.Value, n.Adjoint, n.Auto = v.DType, v.Type, v.Shape, v.Value, v.Adjoint, v.Auto
		if v.Name != "" {
			n.Auto = v.Name
		}
	}
	seen := map[*Node]bool{}
	count := map[int]int{} // by operand's place, how many values come from there
	for _, i := range members {
		member := &g.Nodes[i]
		if member.path == "" || last.path != "" { // bodies are part of their operator
			n.Collapsed += max(1, member.Collapsed)
		}
		n.Heat += member.Heat
		n.Inert = n.Inert && member.Inert
		n.Variable = n.Variable || member.Variable || member.Op == "input" && !member.Inert
		for k, in := range member.Inputs {
			if v := g.value(i, k); g.unitOf[in] != u && g.operand(i, k) && !seen[v] {
				seen[v] = true
				place, part := g.from(i, k)
				count[place] += max(1, v.bundled)
				n.Inputs, n.parts = append(n.Inputs, place), append(n.parts, part)
			}
		}
	}
	n.bundle(count)
	return n
}

// queue is a heap of numbers.
type queue struct {
	list   []int
	before func(a, b int) bool
}

// The methods of heap.Interface.
func (q *queue) Len() int           { return len(q.list) }
func (q *queue) Less(i, j int) bool { return q.before(q.list[i], q.list[j]) }
func (q *queue) Swap(i, j int)      { q.list[i], q.list[j] = q.list[j], q.list[i] }
func (q *queue) Push(x any)         { q.list = append(q.list, x.(int)) }
func (q *queue) Pop() any {
	x := q.list[len(q.list)-1]
	q.list = q.list[:len(q.list)-1]
	return x
}

// mostEdges is the number of values from one node to another that are drawn as an edge each.
const mostEdges = 3

// bundle joins operands that come from the same node, where they are many; from counts them.
func (n *Node) bundle(from map[int]int) {
	inputs, parts := n.Inputs, n.parts
	n.Inputs, n.parts = nil, nil
	done := map[int]bool{}
	for k, in := range inputs {
		part := parts[k]
		if from[in] > mostEdges {
			if done[in] {
				continue
			}
			done[in] = true
			part = &Node{Op: "values", bundled: from[in]}
		}
		n.Inputs, n.parts = append(n.Inputs, in), append(n.parts, part)
	}
}

// Keep returns the model with only the nodes for which keep holds, and their constants. Other operands that are left out stay as values of which
// nothing is drawn but the name, where they are used. Outputs that are left out are no longer drawn.
func (m *Model) Keep(keep func(i int) bool) *Model {
	if m.Check() != nil || keep == nil {
		return m
	}
	out := m.like()
	place, kept := make([]int, len(m.Nodes)), make([]bool, len(m.Nodes))
	operand, reached := make([]bool, len(m.Nodes)), make([]bool, len(m.Nodes))
	for i := range m.Nodes {
		n := &m.Nodes[i]
		kept[i], place[i] = keep(i), -1
		reached[i] = (n.Op == "input" || n.Cut) && !n.Inert || n.Variable
		for _, in := range n.Inputs {
			operand[in] = operand[in] || kept[i]
			reached[i] = reached[i] || reached[in] && !n.Inert
		}
	}
	for i := range m.Nodes {
		if !kept[i] && !operand[i] {
			continue
		}
		n := m.Nodes[i]
		if !kept[i] && n.Op != "const" {
			n.Cut, n.Inert, n.Heat, n.Category = true, !reached[i], 0, ""
		}
		n.Inputs, n.Partials, n.Former, n.parts = nil, nil, nil, nil
		for _, in := range m.Nodes[i].Former {
			if kept[i] && place[in] >= 0 && kept[in] {
				n.Former = append(n.Former, place[in])
			}
		}
		if kept[i] {
			n.Partials, n.parts = m.Nodes[i].Partials, m.Nodes[i].parts
			for _, in := range m.Nodes[i].Inputs {
				n.Inputs = append(n.Inputs, place[in])
			}
		}
		place[i] = len(out.Nodes)
		out.Nodes = append(out.Nodes, n)
	}
	for _, o := range m.Outputs {
		if kept[o.Node] {
			o.Node = place[o.Node]
			out.Outputs = append(out.Outputs, o)
		}
	}
	return out
}

// Focus returns the model with only the nodes that are at most radius edges
// away from one of the given ones.
func (m *Model) Focus(radius int, centres ...int) *Model {
	if m.Check() != nil {
		return m
	}
	exists := func(i int) bool { return i >= 0 && i < len(m.Nodes) }
	near := make([][]int, len(m.Nodes))
	for i := range m.Nodes {
		for _, in := range m.Nodes[i].Inputs {
			near[i] = append(near[i], in)
			near[in] = append(near[in], i)
		}
	}
	distance := map[int]int{}
	var queue []int
	for _, c := range centres {
		if exists(c) {
			distance[c] = 0
			queue = append(queue, c)
		}
	}
	for k := 0; k < len(queue); k++ {
		if distance[queue[k]] == radius {
			continue
		}
		for _, i := range near[queue[k]] {
			if _, seen := distance[i]; !seen {
				distance[i] = distance[queue[k]] + 1
				queue = append(queue, i)
			}
		}
	}
	return m.Keep(func(i int) bool { _, found := distance[i]; return found })
}

// Path returns the model with only the nodes on paths from one node to another.
func (m *Model) Path(from, to int) *Model {
	if m.Check() != nil {
		return m
	}
	if n := len(m.Nodes); from < 0 || from >= n || to < 0 || to >= n {
		return m.Keep(func(int) bool { return false })
	}
	after, before := make([]bool, len(m.Nodes)), make([]bool, len(m.Nodes))
	after[from] = true
	for i := range m.Nodes {
		for _, in := range m.Nodes[i].Inputs {
			after[i] = after[i] || after[in]
		}
	}
	before[to] = true
	for i := len(m.Nodes) - 1; i >= 0; i-- {
		if before[i] {
			for _, in := range m.Nodes[i].Inputs {
				before[in] = true
			}
		}
	}
	return m.Keep(func(i int) bool { return after[i] && before[i] })
}
