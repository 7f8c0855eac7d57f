package viz

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/adjoint-go/adjoint/graph"
)

// Values without a name of their own get one, as in v₃, that no value of the user's has, and that is the same in every view of a graph: with
// chains folded or not, scopes collapsed, parts left out, with the gradient and after a pass. So they are given to the whole graph, before
// anything is left out of it.

// automatic gives names.
type automatic struct {
	value, gradient, output string         // letters
	used                    map[string]int // by letter, the largest number
}

// The letters that are tried, the best first.
const (
	valueLetters    = "vutsrq"
	gradientLetters = "wghdpb"
	outputLetters   = "yzfqco"
)

// newAutomatic chooses letters that none of the names shows, alone or with a number.
func newAutomatic(names []string) *automatic {
	taken := map[string]bool{}
	for _, name := range names {
		taken[strings.TrimRight(plain(nameRuns(name)), "₀₁₂₃₄₅₆₇₈₉")] = true
	}
	choose := func(letters string) string {
		for repeat := 1; ; repeat++ {
			for _, letter := range letters {
				if text := strings.Repeat(string(letter), repeat); !taken[text] {
					taken[text] = true
					return text
				}
			}
		}
	}
	return &automatic{value: choose(valueLetters), gradient: choose(gradientLetters), output: choose(outputLetters), used: map[string]int{}}
}

// graphNames returns the names of a graph's nodes, those in bodies included, whether they are drawn or not.
func graphNames(g *graph.Graph) []string {
	var names []string
	seen := map[*graph.Graph]bool{}
	var add func(g *graph.Graph)
	add = func(g *graph.Graph) {
		if seen[g] {
			return
		}
		seen[g] = true
		for i := range g.Len() {
			n := g.Node(i)
			if name := n.Name(); name != "" {
				names = append(names, name)
			}
			for _, b := range graph.Bodies(n) {
				add(b.Graph())
			}
		}
	}
	add(g)
	return names
}

// note counts a name that is given already.
func (a *automatic) note(name string) {
	letter := strings.TrimRight(name, "0123456789")
	if n, err := strconv.Atoi(name[len(letter):]); err == nil {
		a.used[letter] = max(a.used[letter], n)
	}
}

// nodes names the operators that have no automatic name yet. Those that chains of + and × hide when they are folded come last, so that numbers
// of drawings with folded chains have no gaps, and those in bodies come after all others, the smaller ones first, since not every drawing shows them.
func (a *automatic) nodes(m *Model) {
	for i := range m.Nodes {
		a.note(m.Nodes[i].Auto) // of a model that others made
	}
	outputs := make([]bool, len(m.Nodes))
	for _, o := range m.Outputs {
		outputs[o.Node] = outputs[o.Node] || o.Of == ""
	}
	folded := foldedNodes(m.Nodes, usesOf(m.Nodes, false), outputs)
	call := func(n *Node) {
		if n.Auto != "" || n.Op == "input" || n.Op == "const" || n.Collapsed > 0 {
			return
		}
		n.Auto = a.letter(n) + strconv.Itoa(a.used[a.letter(n)]+1)
		a.used[a.letter(n)]++
	}
	var inner []int
	for _, hidden := range []bool{false, true} {
		for i := range m.Nodes {
			if n := &m.Nodes[i]; n.path == "" && folded[i] == hidden {
				call(n)
			}
		}
	}
	// Bodies that are not drawn keep as many names as they would need.
	for i := range m.Nodes {
		if n := &m.Nodes[i]; n.path != "" || n.unnamed > 0 {
			inner = append(inner, i)
		}
	}
	slices.SortStableFunc(inner, func(i, j int) int { return m.Nodes[i].bodySize - m.Nodes[j].bodySize })
	for _, i := range inner {
		n := &m.Nodes[i]
		if n.unnamed > 0 {
			a.used[a.letter(n)] += n.unnamed
		}
		if n.path != "" {
			call(n)
		}
	}
}

// letter returns what names of a node begin with.
func (a *automatic) letter(n *Node) string {
	if n.Gradient {
		return a.gradient
	}
	return a.value
}

// outputs names the results that have no name: y, or y₁, y₂ where there are several.
func (a *automatic) outputs(m *Model) {
	primal := 0
	for _, o := range m.Outputs {
		if o.Of == "" {
			primal++
		}
	}
	for k := range m.Outputs {
		if o := &m.Outputs[k]; o.Of == "" && o.Auto == "" {
			o.Auto = a.outputName(k, primal)
		}
	}
}

func (a *automatic) outputName(k, count int) string {
	if count == 1 {
		return a.output
	}
	return a.output + strconv.Itoa(k+1)
}

// complete returns the model with names for what has none: a model that is not made by Describe has none.
func (m *Model) complete() *Model {
	named := func(n Node) bool { return n.Auto != "" || n.Op == "input" || n.Op == "const" || n.Collapsed > 0 }
	if !slices.ContainsFunc(m.Nodes, func(n Node) bool { return !named(n) }) && !slices.ContainsFunc(m.Outputs, func(o Output) bool { return o.Of == "" && o.Auto == "" }) {
		return m
	}
	c := *m
	c.Nodes, c.Outputs = slices.Clone(m.Nodes), slices.Clone(m.Outputs)
	c.callAll()
	return &c
}

// callAll names what has no name, in the letters of the graph where they are known.
func (m *Model) callAll() {
	if m.automatic == nil {
		var names []string
		for i := range m.Nodes {
			names = append(names, m.Nodes[i].Name)
		}
		for _, o := range m.Outputs {
			names = append(names, o.Name)
		}
		m.automatic = newAutomatic(names)
	} else { // the model that it comes from stays as it is
		a := *m.automatic
		a.used = maps.Clone(a.used)
		m.automatic = &a
	}
	m.automatic.nodes(m)
	m.automatic.outputs(m)
}

// CallAs gives the values the automatic names that equal values have in the model of another stage of the same graph, to outputs those of its
// outputs, and to others names that it does not have.
//
// Models that cannot be drawn stay as they are.
func (m *Model) CallAs(other *Model) {
	if m.Check() != nil || other.Check() != nil {
		return
	}
	m.automatic = other.automatic
	c := &comparison{before: other, after: m, partner: make([]int, len(m.Nodes)), taken: make([]bool, len(other.Nodes))}
	for i := range c.partner {
		c.partner[i] = -1
	}
	c.pairEqual()
	for i := range m.Nodes {
		m.Nodes[i].Auto = ""
	}
	used := map[string]bool{}
	call := func(i int, name string) {
		if n := &m.Nodes[i]; name != "" && n.Op != "input" && n.Op != "const" && !used[name] {
			n.Auto, used[name] = name, true
		}
	}
	for i, b := range c.partner {
		if b >= 0 {
			call(i, other.Nodes[b].Auto)
		}
	}
	for k := range m.Outputs {
		if k < len(other.Outputs) {
			m.Outputs[k].Auto = other.Outputs[k].Auto
			if at := m.Outputs[k].Node; m.Nodes[at].Auto == "" {
				call(at, other.Nodes[other.Outputs[k].Node].Auto)
			}
		}
	}
	m.callAll()
}

// OutputNames returns what drawings call the outputs: by their names, or by automatic ones that no node of the graph has; "" for an invalid one.
func OutputNames(outputs []*graph.Node) []string {
	names := make([]string, len(outputs))
	var a *automatic
	for k, n := range outputs {
		if !n.Valid() {
			continue
		}
		if names[k] = n.Name(); names[k] == "" {
			if a == nil {
				a = newAutomatic(graphNames(n.Graph()))
			}
			names[k] = a.outputName(k, len(outputs))
		}
	}
	return names
}
