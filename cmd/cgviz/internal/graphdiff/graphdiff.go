// Package graphdiff compares two graphs: what they have in common, what was changed,
// removed and added.
package graphdiff

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/adjoint-go/adjoint/cmd/cgviz/internal/evaluate"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/viz"
)

// Pair is a node of the first graph and the one of the second that stands in its place.
type Pair struct{ A, B *graph.Node }

// Diff is the difference between two graphs. Places in the source and scopes do not count.
type Diff struct {
	// Common are the nodes that compute the same from the same inputs.
	Common []Pair
	// Renamed are those of them that have different names.
	Renamed []Pair
	// Changed are nodes that stand in the same place but differ in operator, attributes, value, type or in which operands they take.
	Changed []Pair
	// Affected are nodes that are the same but for changed nodes among what they depend on.
	Affected []Pair
	// Removed and Added are the other nodes of the first and the second graph.
	Removed, Added []*graph.Node

	outputsA, outputsB []*graph.Node
	nodesA, nodesB     []*graph.Node
	partner            map[*graph.Node]*graph.Node // of B's nodes in A, also common ones
	// twin is, for a node that the other graph has too, a node there that computes the same. Nodes that
	// one graph has under more names than the other have twins without being common.
	twin map[*graph.Node]*graph.Node
	// bodies are, for a changed node of the first graph that runs as many bodies as its partner, what differs in each.
	bodies map[*graph.Node][]*Diff
}

// Compare compares what the outputs of two graphs depend on.
func Compare(a, b []*graph.Node) *Diff {
	d := &Diff{outputsA: a, outputsB: b, nodesA: evaluate.Reachable(a...), nodesB: evaluate.Reachable(b...),
		partner: map[*graph.Node]*graph.Node{}, twin: map[*graph.Node]*graph.Node{},
		bodies: map[*graph.Node][]*Diff{}}
	classes := map[string]int{}
	inA, inB := classify(d.nodesA, classes), classify(d.nodesB, classes)
	byClass, left := map[int][]*graph.Node{}, map[int][]*graph.Node{}
	for _, n := range d.nodesA {
		byClass[inA[n]] = append(byClass[inA[n]], n)
	}
	for class, nodes := range byClass {
		left[class] = slices.Clone(nodes)
	}
	taken := map[*graph.Node]bool{} // of A
	for _, n := range d.nodesB {
		class := inB[n]
		for i, m := range byClass[class] {
			d.twin[m] = n
			if i == 0 {
				d.twin[n] = m
			}
		}
		same := left[class]
		if len(same) == 0 {
			continue
		}
		// Of several equal nodes, those with equal names belong together.
		k := max(0, slices.IndexFunc(same, func(m *graph.Node) bool { return m.Name() == n.Name() }))
		m := same[k]
		left[class] = slices.Delete(same, k, k+1)
		d.partner[n], taken[m] = m, true
		d.Common = append(d.Common, Pair{m, n})
		if m.Name() != n.Name() {
			d.Renamed = append(d.Renamed, Pair{m, n})
		}
	}
	for _, p := range d.pair(taken) {
		if d.sameButOperands(p) {
			d.Affected = append(d.Affected, p)
		} else {
			d.Changed = append(d.Changed, p)
			d.compareBodies(p)
		}
	}
	for _, n := range d.nodesA {
		if !taken[n] {
			d.Removed = append(d.Removed, n)
		}
	}
	for _, n := range d.nodesB {
		if d.partner[n] == nil {
			d.Added = append(d.Added, n)
		}
	}
	return d
}

// compareBodies compares what a changed pair runs.
func (d *Diff) compareBodies(p Pair) {
	a, b := graph.Bodies(p.A), graph.Bodies(p.B)
	if len(a) != len(b) {
		return
	}
	for k := range a {
		d.bodies[p.A] = append(d.bodies[p.A], Compare(a[k].Results(), b[k].Results()))
	}
}

// describe returns what distinguishes a node, apart from its operands.
func describe(n *graph.Node) string {
	text := n.Op().Name + "\x00" + n.Attrs().String() + "\x00" + n.Type().String()
	for _, t := range n.Results() {
		text += "\x00" + t.String()
	}
	for _, b := range graph.Bodies(n) {
		text += fmt.Sprintf("\x00%x", b.Hash())
	}
	if n.IsInput() {
		text += "\x00" + n.Name()
	}
	if l := n.Literal(); l != nil {
		text += "\x00" + string(l.Bytes())
	}
	return text
}

// classify numbers nodes so that equal numbers mean equal computations.
func classify(nodes []*graph.Node, classes map[string]int) map[*graph.Node]int {
	of := make(map[*graph.Node]int, len(nodes))
	for _, n := range nodes {
		key := describe(n)
		for _, in := range n.Inputs() {
			key += "\x01" + strconv.Itoa(of[in])
		}
		class, ok := classes[key]
		if !ok {
			class = len(classes)
			classes[key] = class
		}
		of[n] = class
	}
	return of
}

// pair finds the nodes of B, beyond the common ones, that stand in the place of one of A: with
// the same name, as the same output, as the same operand of such a pair, or as the only ones left of their operator.
func (d *Diff) pair(taken map[*graph.Node]bool) []Pair {
	var pairs []Pair
	match := func(a, b *graph.Node) {
		if d.partner[b] == nil && !taken[a] && d.twin[a] == nil && d.twin[b] == nil {
			d.partner[b], taken[a] = a, true
			pairs = append(pairs, Pair{a, b})
		}
	}
	named := map[string]*graph.Node{}
	for _, n := range d.nodesA {
		if n.Name() != "" && !taken[n] {
			named[n.Name()] = n
		}
	}
	for _, n := range d.nodesB {
		if a := named[n.Name()]; a != nil && n.Name() != "" {
			match(a, n)
		}
	}
	for k := range min(len(d.outputsA), len(d.outputsB)) {
		match(d.outputsA[k], d.outputsB[k])
	}
	// Operands of one operator come first: only what they leave is taken for a change of the operator.
	same, any := 0, 0
	for {
		for ; same < len(pairs); same++ {
			eachOperand(pairs[same], func(a, b *graph.Node) {
				if a.Op() == b.Op() {
					match(a, b)
				}
			})
		}
		d.matchUnique(taken, match)
		if same < len(pairs) {
			continue
		}
		if any == len(pairs) {
			break
		}
		eachOperand(pairs[any], func(a, b *graph.Node) {
			if len(a.Inputs()) == len(b.Inputs()) && !a.IsInput() && !b.IsInput() {
				match(a, b)
			}
		})
		any++
	}
	slices.SortFunc(pairs, func(p, q Pair) int { return p.A.ID() - q.A.ID() })
	return pairs
}

// eachOperand visits the operands of a pair by their places.
func eachOperand(p Pair, visit func(a, b *graph.Node)) {
	a, b := p.A.Inputs(), p.B.Inputs()
	if len(a) == len(b) {
		for k := range a {
			visit(a[k], b[k])
		}
	}
}

// matchUnique pairs nodes that are the only ones of their operator and type among those left on either side.
func (d *Diff) matchUnique(taken map[*graph.Node]bool, match func(a, b *graph.Node)) {
	type kind struct{ op, typ string }
	left := func(nodes []*graph.Node, gone func(*graph.Node) bool) map[kind]*graph.Node {
		only := map[kind]*graph.Node{}
		for _, n := range nodes {
			if gone(n) || n.IsInput() || n.IsConst() {
				continue
			}
			k := kind{n.Op().Name, n.Type().String()}
			if _, several := only[k]; several {
				only[k] = nil
			} else {
				only[k] = n
			}
		}
		return only
	}
	inB := left(d.nodesB, func(n *graph.Node) bool { return d.partner[n] != nil })
	inA := left(d.nodesA, func(n *graph.Node) bool { return taken[n] })
	for _, n := range d.nodesA {
		k := kind{n.Op().Name, n.Type().String()}
		if inA[k] == n && inB[k] != nil {
			match(n, inB[k])
		}
	}
}

// sameButOperands reports whether the nodes differ only through what they depend on.
func (d *Diff) sameButOperands(p Pair) bool {
	a, b := p.A.Inputs(), p.B.Inputs()
	if describe(p.A) != describe(p.B) || p.A.Name() != p.B.Name() || len(a) != len(b) {
		return false
	}
	for k := range a {
		if d.partner[b[k]] != a[k] {
			return false
		}
	}
	return true
}

// Equal reports whether the graphs compute the same outputs under the same names.
func (d *Diff) Equal() bool {
	if len(d.Renamed)+len(d.Changed)+len(d.Affected)+len(d.Removed)+len(d.Added) > 0 || len(d.outputsA) != len(d.outputsB) {
		return false
	}
	for k := range d.outputsA {
		if d.partner[d.outputsB[k]] != d.outputsA[k] {
			return false
		}
	}
	return true
}

// Write writes the difference as text, removed lines with - and added lines with +, and nothing for equal
// graphs. Nodes without a name are shown by their number in the first graph, with ' by that in the second.
func (d *Diff) Write(w io.Writer, nameA, nameB string) error {
	if d.Equal() {
		return nil
	}
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "--- %s\n+++ %s\n", nameA, nameB)
	d.write(b, "")
	fmt.Fprintf(b, "%d nodes in common, %d renamed, %d changed, %d affected, %d removed, %d added\n",
		len(d.Common), len(d.Renamed), len(d.Changed), len(d.Affected), len(d.Removed), len(d.Added))
	return b.Flush()
}

// write writes what differs, in lines that begin with the sign and the inset. Bodies follow their node, inset further.
func (d *Diff) write(b *bufio.Writer, inset string) {
	type change struct{ minus, plus string }
	at := map[*graph.Node]change{}
	for _, p := range d.Changed {
		at[p.A] = change{d.line(p.A, false), d.line(p.B, true)}
	}
	for _, p := range d.Renamed {
		at[p.A] = change{d.line(p.A, false), d.line(p.B, true)}
	}
	for _, n := range d.Removed {
		at[n] = change{minus: d.line(n, false)}
	}
	for _, n := range d.nodesA {
		if c, ok := at[n]; ok {
			if c.minus == c.plus { // but for its bodies
				fmt.Fprintf(b, "  %s%s\n", inset, c.minus)
			} else {
				fmt.Fprintf(b, "- %s%s\n", inset, c.minus)
				if c.plus != "" {
					fmt.Fprintf(b, "+ %s%s\n", inset, c.plus)
				}
			}
			for k, body := range d.bodies[n] {
				if !body.Equal() {
					fmt.Fprintf(b, "  %s  %s\n", inset, viz.BodyName(n, k))
					body.write(b, inset+"    ")
				}
			}
		}
	}
	for _, n := range d.Added {
		fmt.Fprintf(b, "+ %s%s\n", inset, d.line(n, true))
	}
	for k := range max(len(d.outputsA), len(d.outputsB)) {
		var minus, plus string
		if k < len(d.outputsA) {
			minus = d.label(d.outputsA[k], false)
		}
		if k < len(d.outputsB) {
			plus = d.label(d.outputsB[k], true)
		}
		if k < len(d.outputsA) && k < len(d.outputsB) && d.partner[d.outputsB[k]] == d.outputsA[k] {
			continue
		}
		if minus != "" {
			fmt.Fprintf(b, "- %soutput %s\n", inset, minus)
		}
		if plus != "" {
			fmt.Fprintf(b, "+ %soutput %s\n", inset, plus)
		}
	}
}

// label returns how lines call a node.
func (d *Diff) label(n *graph.Node, second bool) string {
	if n.Name() != "" {
		return n.Name()
	}
	if l := n.Literal(); l != nil && n.Type().IsScalar() {
		return strconv.FormatFloat(l.Float(0), 'g', -1, 64)
	}
	if second {
		a := d.partner[n]
		if a == nil {
			return fmt.Sprintf("%%%d'", n.ID())
		}
		n = a
		if n.Name() != "" {
			return n.Name()
		}
	}
	return fmt.Sprintf("%%%d", n.ID())
}

// line returns a node with its operands on one line.
func (d *Diff) line(n *graph.Node, second bool) string {
	var operands []string
	for _, in := range n.Inputs() {
		operands = append(operands, d.label(in, second))
	}
	text := d.label(n, second) + " = " + n.Op().Name
	if len(operands) > 0 {
		text += "(" + strings.Join(operands, ", ") + ")"
	}
	if len(n.Attrs()) > 0 {
		text += " {" + n.Attrs().String() + "}"
	}
	if n.IsConst() && !n.Type().IsScalar() {
		text += " […]"
	}
	if types := n.Results(); types != nil {
		var list []string
		for _, t := range types {
			list = append(list, t.String())
		}
		return text + " : (" + strings.Join(list, ", ") + ")"
	}
	return text + " : " + n.Type().String()
}

// The scopes of nodes that only one of the graphs has.
const (
	onlyFirst  = "only in the first"
	onlySecond = "only in the second"
)

// marks says which nodes are removed, added and changed, in bodies too. What differs only through what it depends on bears no mark.
func (d *Diff) marks(of map[*graph.Node]viz.Change) {
	for _, n := range d.Removed {
		of[n] = viz.Removed
	}
	for _, n := range d.Added {
		of[n] = viz.Added
	}
	for _, p := range d.Changed {
		of[p.A], of[p.B] = viz.Changed, viz.Changed
		for _, body := range d.bodies[p.A] {
			body.marks(of)
		}
	}
}

// side is one of the graphs, described with its bodies.
type side struct {
	model *viz.Model
	spans map[*graph.Node][2]int // by node, where those of its bodies and itself stand
	at    []int                  // by node of the model: its place in the union
}

func describeSide(outputs, nodes []*graph.Node, marks map[*graph.Node]viz.Change) (*side, error) {
	m, err := viz.Describe(outputs, viz.WithBodies(math.MaxInt), viz.WithChanges(marks))
	if err != nil {
		return nil, err
	}
	s := &side{m, map[*graph.Node][2]int{}, make([]int, len(m.Nodes))}
	end := 0
	for _, n := range nodes {
		start := end
		for m.Nodes[end].ID != n.ID() { // nodes of bodies stand before their operator, and have other IDs
			end++
		}
		end++
		s.spans[n] = [2]int{start, end}
	}
	return s, nil
}

// Model describes both graphs as one: common nodes once, the others in a scope for each graph.
func (d *Diff) Model() (*viz.Model, error) {
	marks := map[*graph.Node]viz.Change{}
	d.marks(marks)
	a, err := describeSide(d.outputsA, d.nodesA, marks)
	if err != nil {
		return nil, err
	}
	b, err := describeSide(d.outputsB, d.nodesB, marks)
	if err != nil {
		return nil, err
	}
	m := &viz.Model{}
	at := map[*graph.Node]int{}
	// add adds a node with its bodies, in a scope.
	add := func(s *side, n *graph.Node, scope string) {
		for i := s.spans[n][0]; i < s.spans[n][1]; i++ {
			node := s.model.Nodes[i]
			if s == b {
				node.Auto = "" // the first graph's values have theirs
			}
			node.ID = len(m.Nodes)
			if scope != "" {
				node.Scope = strings.TrimSuffix(scope+"/"+node.Scope, "/")
			}
			inputs := node.Inputs
			node.Inputs = nil
			for _, in := range inputs {
				node.Inputs = append(node.Inputs, s.at[in])
			}
			s.at[i] = len(m.Nodes)
			m.Nodes = append(m.Nodes, node)
		}
		at[n] = s.at[s.spans[n][1]-1]
	}
	// Nodes that both have depend on such nodes alone: they come first.
	for _, n := range d.nodesA {
		if d.twin[n] != nil {
			add(a, n, "")
		}
	}
	for _, n := range d.nodesA {
		if d.twin[n] == nil {
			add(a, n, onlyFirst)
		}
	}
	for _, n := range d.nodesB {
		same := d.twin[n]
		if same == nil {
			add(b, n, onlySecond)
			continue
		}
		if d.partner[n] != nil {
			same = d.partner[n]
		}
		at[n] = at[same]
		from, to := b.spans[n], a.spans[same]
		for i := from[0]; i < from[1]; i++ {
			b.at[i] = a.at[to[0]+i-from[0]]
		}
	}
	done := map[viz.Output]bool{}
	output := func(n *graph.Node) {
		o := viz.Output{Node: at[n], Name: n.Name()}
		if !done[o] {
			done[o] = true
			m.Outputs = append(m.Outputs, o)
		}
	}
	for _, n := range d.outputsA {
		output(n)
	}
	for _, n := range d.outputsB {
		output(n)
	}
	return m, nil
}
