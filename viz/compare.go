package viz

import (
	"fmt"
	"strconv"

	"github.com/adjoint-go/adjoint/viz/internal/scene"
)

// Change is what a comparison with an earlier graph says of a node.
type Change uint8

// The changes.
const (
	Unchanged = Change(scene.Unchanged)
	// Added nodes have nothing in their place in the earlier graph.
	Added = Change(scene.Added)
	// Changed nodes have another operator, other attributes or other operands.
	Changed = Change(scene.Changed)
	// Removed nodes were there before. They are drawn as ghosts.
	Removed = Change(scene.Removed)
)

// String returns the change in lower case; an unchanged node has none.
func (c Change) String() string {
	names := [...]string{Unchanged: "", Added: "added", Changed: "changed", Removed: "removed"}
	if int(c) >= len(names) {
		return fmt.Sprintf("Change(%d)", uint8(c))
	}
	return names[c]
}

// match names the node across drawings.
func (n *Node) match() string {
	if n.Match != "" {
		return n.Match
	}
	return "n" + strconv.Itoa(n.Origin)
}

// origin names what the node was made for in an earlier graph.
func (n *Node) origin() string {
	if n.path != "" {
		return n.Match
	}
	return strconv.Itoa(n.Origin)
}

// Compare returns the model of after in which nodes are marked that are not as they were in before, together
// with the nodes of before that are gone. Nodes that were there keep the Match of before.
//
// Nodes are the same when they compute the same from the same operands. Of the others, those that were made for
// the same node of an earlier graph, as Origin says, are the same node changed.
func Compare(before, after *Model) (*Model, error) {
	for _, m := range []*Model{before, after} {
		if err := m.Check(); err != nil {
			return nil, err
		}
	}
	c := &comparison{before: before, after: after, partner: make([]int, len(after.Nodes)), taken: make([]bool, len(before.Nodes))}
	for i := range c.partner {
		c.partner[i] = -1
	}
	c.pairEqual()
	c.pairByOrigin()
	return c.union(), nil
}

type comparison struct {
	before, after *Model
	partner       []int  // by node of after: its node of before, −1 for none
	taken         []bool // by node of before
}

func (c *comparison) pair(b, a int) { c.partner[a], c.taken[b] = b, true }

// kind returns what a node computes, apart from its operands.
func (n *Node) kind() string {
	text := n.Op + "\x00" + n.Attributes + "\x00" + n.Type
	if n.exit == nil {
		text += "\x00" + n.bodies
	}
	if n.port != nil {
		text += "\x00" + strconv.Itoa(n.port.operand)
	}
	if n.Op == "input" {
		text += "\x00" + n.Name
	}
	if n.Constant != nil {
		text += fmt.Sprintf("\x00%x", n.Constant.Data)
	}
	return text
}

// pairEqual pairs nodes that compute the same from the same operands, those of one origin first.
func (c *comparison) pairEqual() {
	classes := map[string]int{}
	classify := func(m *Model) []int {
		of := make([]int, len(m.Nodes))
		for i := range m.Nodes {
			key := m.Nodes[i].kind()
			for _, in := range m.Nodes[i].Inputs {
				key += "\x01" + strconv.Itoa(of[in])
			}
			class, known := classes[key]
			if !known {
				class = len(classes)
				classes[key] = class
			}
			of[i] = class
		}
		return of
	}
	type place struct {
		class  int
		origin string
	}
	old, now := classify(c.before), classify(c.after)
	byOrigin, byClass := map[place][]int{}, map[int][]int{}
	for i, class := range old {
		at := place{class, c.before.Nodes[i].origin()}
		byOrigin[at] = append(byOrigin[at], i)
	}
	for i, class := range now {
		if list := byOrigin[place{class, c.after.Nodes[i].origin()}]; len(list) > 0 {
			c.pair(list[0], i)
			byOrigin[place{class, c.after.Nodes[i].origin()}] = list[1:]
		}
	}
	for i, class := range old {
		if !c.taken[i] {
			byClass[class] = append(byClass[class], i)
		}
	}
	for i, class := range now {
		if list := byClass[class]; c.partner[i] < 0 && len(list) > 0 {
			c.pair(list[0], i)
			byClass[class] = list[1:]
		}
	}
}

// pairByOrigin pairs what is left: nodes of one origin, those of one operator first.
func (c *comparison) pairByOrigin() {
	for _, sameOperator := range []bool{true, false} {
		left := map[string][]int{}
		for i := range c.before.Nodes {
			if n := &c.before.Nodes[i]; !c.taken[i] && n.Op != "const" && n.Op != "input" {
				left[n.origin()] = append(left[n.origin()], i)
			}
		}
		for i := range c.after.Nodes {
			n := &c.after.Nodes[i]
			if c.partner[i] >= 0 || n.Op == "const" || n.Op == "input" {
				continue
			}
			list := left[n.origin()]
			for k, b := range list {
				if !sameOperator || c.before.Nodes[b].Op == n.Op {
					c.pair(b, i)
					left[n.origin()] = append(append([]int(nil), list[:k]...), list[k+1:]...)
					break
				}
			}
		}
	}
}

// change returns how a paired node differs from what it was.
func (c *comparison) change(a int) Change {
	b := c.partner[a]
	if b < 0 {
		return Added
	}
	now, old := &c.after.Nodes[a], &c.before.Nodes[b]
	if now.kind() != old.kind() || len(now.Inputs) != len(old.Inputs) {
		return Changed
	}
	for k, in := range now.Inputs {
		if c.partner[in] != old.Inputs[k] {
			return Changed
		}
	}
	return Unchanged
}

// union lists the nodes of after in their order, and those that are gone as soon as their operands stand.
func (c *comparison) union() *Model {
	heir := make([]int, len(c.before.Nodes)) // by node of before: its node of after
	for a, b := range c.partner {
		if b >= 0 {
			heir[b] = a
		}
	}
	// A node that is gone stands behind the last node of after that it depends on.
	behind := make([]int, len(c.before.Nodes))
	gone := make([][]int, len(c.after.Nodes)+1) // by that node plus 1
	largest := 0
	for b := range c.before.Nodes {
		if c.taken[b] {
			behind[b] = heir[b]
			continue
		}
		behind[b] = -1
		for _, in := range c.before.Nodes[b].Inputs {
			behind[b] = max(behind[b], behind[in])
		}
		gone[behind[b]+1] = append(gone[behind[b]+1], b)
	}
	for a := range c.after.Nodes {
		largest = max(largest, c.after.Nodes[a].ID)
	}
	// Values keep their names, and new ones have those that follow.
	out := c.after.like()
	if c.before.automatic != nil {
		out.automatic = c.before.automatic
	}
	place, ghost := make([]int, len(c.after.Nodes)), make([]int, len(c.before.Nodes))
	old := func(b int) int { // where a node of before stands in the union
		if c.taken[b] {
			return place[heir[b]]
		}
		return ghost[b]
	}
	addGone := func(list []int) {
		for _, b := range list {
			n := c.before.Nodes[b]
			n.Match, n.Change, n.Former = n.match(), Removed, nil
			largest++
			n.ID, n.path, n.Heat = largest, "", 0
			n.Inputs = nil
			for _, in := range c.before.Nodes[b].Inputs {
				n.Inputs = append(n.Inputs, old(in))
			}
			ghost[b] = len(out.Nodes)
			out.Nodes = append(out.Nodes, n)
		}
	}
	addGone(gone[0])
	for a := range c.after.Nodes {
		n := c.after.Nodes[a]
		n.Change, n.Former = c.change(a), nil
		n.Inputs, n.Auto = nil, ""
		for _, in := range c.after.Nodes[a].Inputs {
			n.Inputs = append(n.Inputs, place[in])
		}
		if b := c.partner[a]; b >= 0 {
			n.Match, n.Auto = c.before.Nodes[b].match(), c.before.Nodes[b].Auto
			for _, in := range c.before.Nodes[b].Inputs {
				if !c.taken[in] && behind[in] < a {
					n.Former = append(n.Former, ghost[in])
				}
			}
		}
		place[a] = len(out.Nodes)
		out.Nodes = append(out.Nodes, n)
		addGone(gone[a+1])
	}
	for _, o := range c.after.Outputs {
		o.Node = place[o.Node]
		out.Outputs = append(out.Outputs, o)
	}
	out.callAll()
	return out
}

// changeLegend explains the marks of a comparison.
func (b *builder) changeLegend() {
	found := map[Change]bool{}
	for i := range b.model.Nodes {
		found[b.model.Nodes[i].Change] = true
	}
	for _, e := range []struct {
		change Change
		text   string
		colour scene.Role
	}{{Added, "+ added", scene.OutputText}, {Changed, "~ changed", scene.WarnLine}, {Removed, "− removed", scene.AdjointText}} {
		if found[e.change] {
			b.scene.Legend = append(b.scene.Legend, scene.LegendEntry{Text: scene.TextLine{Runs: upright(e.text), Size: scene.LegendSize, Colour: e.colour}})
		}
	}
}
