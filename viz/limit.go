package viz

import (
	"fmt"
	"strings"
)

// Limit returns the model with parts drawn as one node each until it has at most n nodes (n ≥ 1), and says what was done; "" if nothing.
// Scopes are collapsed first, the deepest before those around them. If that does not do, runs of nodes that follow one
// another are joined: a run never is an operand of itself.
func (m *Model) Limit(n int) (*Model, string) {
	n = max(1, n)
	if m.Check() != nil || len(m.Nodes) <= n {
		return m, ""
	}
	deepest := 0
	for i := range m.Nodes {
		if s := m.Nodes[i].Scope; s != "" {
			deepest = max(deepest, strings.Count(s, "/")+1)
		}
	}
	smallest := m
	for depth := deepest - 1; depth >= 0; depth-- {
		c := m.Collapse(depth, nil)
		if len(c.Nodes) <= n {
			return c, fmt.Sprintf("%d nodes: scopes deeper than %d are drawn as one node each", len(m.Nodes), depth)
		}
		if len(c.Nodes) < len(smallest.Nodes) {
			smallest = c
		}
	}
	// Inputs, and outputs that nothing reads, stay by themselves as long as they leave room.
	alone, apart := make([]bool, len(smallest.Nodes)), 0
	mark := func(i int) {
		if !alone[i] {
			alone[i] = true
			apart++
		}
	}
	read := make([]bool, len(smallest.Nodes))
	for i := range smallest.Nodes {
		if smallest.Nodes[i].Op == "input" {
			mark(i)
		}
		for _, in := range smallest.Nodes[i].Inputs {
			read[in] = true
		}
	}
	for _, o := range smallest.Outputs {
		if !read[o.Node] {
			mark(o.Node)
		}
	}
	if 2*apart > n {
		clear(alone)
		apart = 0
	}
	room := max(1, n-apart)
	size := (len(smallest.Nodes) - apart + room - 1) / room
	return smallest.joinRuns(size, alone), fmt.Sprintf("%d nodes: runs of up to %d that follow one another are drawn as one node each", len(m.Nodes), size)
}

// joinRuns joins runs of size nodes each; those that stand alone are left out of them.
func (m *Model) joinRuns(size int, alone []bool) *Model {
	group := make([]string, len(m.Nodes))
	count := 0
	for i := range m.Nodes {
		if !alone[i] {
			group[i] = fmt.Sprintf("part %d", count/size+1)
			count++
		}
	}
	return m.merge(m.constants(group)) // without a search for cycles: operands stand before their users
}
