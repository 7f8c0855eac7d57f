package viz

import "strings"

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
	return m.merge(group)
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

// merge returns the model with each group as one node.
func (m *Model) merge(group []string) *Model {
	// The nodes are emitted in an order in which operands come first.
	type unit struct {
		members []int
		waiting int
		users   []int
	}
	unitOf := make([]int, len(m.Nodes))
	named := map[string]int{}
	var units []unit
	for i := range m.Nodes {
		u, found := named[group[i]]
		if group[i] == "" || !found {
			u = len(units)
			units = append(units, unit{})
			if group[i] != "" {
				named[group[i]] = u
			}
		}
		unitOf[i] = u
		units[u].members = append(units[u].members, i)
	}
	for i := range m.Nodes {
		for _, in := range m.Nodes[i].Inputs {
			if a, b := unitOf[in], unitOf[i]; a != b {
				units[a].users = append(units[a].users, b)
				units[b].waiting++
			}
		}
	}
	var order []int
	for u := range units {
		if units[u].waiting == 0 {
			order = append(order, u)
		}
	}
	for k := 0; k < len(order); k++ {
		for _, v := range units[order[k]].users {
			if units[v].waiting--; units[v].waiting == 0 {
				order = append(order, v)
			}
		}
	}
	if len(order) < len(units) {
		return m // groups that still enclose each other stay open
	}
	out := &Model{HeatTitle: m.HeatTitle, CategoryTitle: m.CategoryTitle}
	place := make([]int, len(units))
	for _, u := range order {
		place[u] = len(out.Nodes)
		members := units[u].members
		last := m.Nodes[members[len(members)-1]]
		if group[members[0]] == "" {
			n := last
			n.Inputs, n.Former = nil, nil
			for _, in := range last.Inputs {
				n.Inputs = append(n.Inputs, place[unitOf[in]])
			}
			out.Nodes = append(out.Nodes, n)
			continue
		}
		path := strings.TrimPrefix(group[members[0]], "gradient:")
		scope, name := "", path
		if k := strings.LastIndexByte(path, '/'); k >= 0 {
			scope, name = path[:k], path[k+1:]
		}
		n := Node{ID: last.ID, Origin: last.Origin, Op: "scope", Symbol: name, Scope: scope, DType: last.DType, Type: last.Type, Shape: last.Shape,
			Value: last.Value, Adjoint: last.Adjoint, Gradient: last.Gradient}
		seen := map[int]bool{}
		for _, i := range members {
			n.Collapsed += max(1, m.Nodes[i].Collapsed)
			n.Heat += m.Nodes[i].Heat
			for _, in := range m.Nodes[i].Inputs {
				if p := place[unitOf[in]]; unitOf[in] != u && !seen[p] {
					seen[p] = true
					n.Inputs = append(n.Inputs, p)
				}
			}
		}
		out.Nodes = append(out.Nodes, n)
	}
	for _, o := range m.Outputs {
		o.Node = place[unitOf[o.Node]]
		out.Outputs = append(out.Outputs, o)
	}
	return out
}

// Keep returns the model with only the nodes for which keep holds. Operands and
// outputs that are left out are no longer drawn.
func (m *Model) Keep(keep func(i int) bool) *Model {
	if m.Check() != nil || keep == nil {
		return m
	}
	out := &Model{HeatTitle: m.HeatTitle, CategoryTitle: m.CategoryTitle}
	place := make([]int, len(m.Nodes))
	for i := range m.Nodes {
		place[i] = -1
		if !keep(i) {
			continue
		}
		n := m.Nodes[i]
		n.Inputs, n.Partials, n.Former = nil, nil, nil
		for _, in := range m.Nodes[i].Former {
			if place[in] >= 0 {
				n.Former = append(n.Former, place[in])
			}
		}
		for k, in := range m.Nodes[i].Inputs {
			if place[in] < 0 {
				continue
			}
			n.Inputs = append(n.Inputs, place[in])
			var p *Value
			if k < len(m.Nodes[i].Partials) {
				p = m.Nodes[i].Partials[k]
			}
			n.Partials = append(n.Partials, p)
		}
		place[i] = len(out.Nodes)
		out.Nodes = append(out.Nodes, n)
	}
	for _, o := range m.Outputs {
		if place[o.Node] >= 0 {
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
