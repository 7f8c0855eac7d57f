package viz

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Step is one step of the walk through an execution: a value is computed, or a node passes its adjoint on.
type Step struct {
	// Part is "forward" for a value, "gradient" for a value of the gradient's graph, and "reverse" for an adjoint that is passed on.
	Part string
	Node string // id of the group in SVG
	Text string // what happens, as "v₁ = x₁² = 4"
	// Outputs are the ids of the outputs that show the value.
	Outputs []string
	// Flows are what an adjoint is passed on to; none for a value.
	Flows []Flow
}

// Flow is the part of an adjoint that goes along one reverse edge.
type Flow struct {
	Edge, To string // ids of the groups in SVG
	Text     string // what happens, as "x̄₁ gets v̄₁ · 2x₁ = 1 · 4, in all 7"
	// Sum is the text of the receiver's adjoint with all that has come so far; empty where that is not a number, or not known.
	Sum string
	// Complete: nothing more is to come.
	Complete bool
}

// Walk lists the steps of the execution as a reader follows them in the picture: values first, in the order in which they are computed, those of the
// gradient's graph in Split mode too; in Overlay mode then the reverse sweep, from the outputs on, in which adjoints are summed.
func (p *Picture) Walk() ([]Step, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	w := &walker{railWriter: &railWriter{builder: newTextBuilder(p)}}
	return append(w.forward(), w.reverse()...), nil
}

type walker struct {
	*railWriter
	order    []int // the operators that are drawn, as they are computed
	expected []int // per node: how many parts of its adjoint are to come
	sums     []float64
}

func (w *walker) forward() []Step {
	b := w.builder
	for i := range b.model.Nodes {
		if n := &b.model.Nodes[i]; !b.folded[i] && n.Op != "const" && n.Op != "input" && !n.Cut && n.Change != Removed {
			w.order = append(w.order, i)
		}
	}
	slices.SortStableFunc(w.order, func(i, j int) int { return b.model.Nodes[i].Step - b.model.Nodes[j].Step })
	var list []Step
	for _, i := range w.order {
		n := &b.model.Nodes[i]
		s := Step{Part: "forward", Node: "n" + n.id(), Text: w.formula(i)}
		if n.Gradient {
			s.Part = "gradient"
		}
		if name := plain(b.names[i]); name != "" {
			s.Text = name + " = " + s.Text
		}
		if value := n.Value.summary(); value != "" {
			s.Text += " = " + n.Value.Text()
		}
		for k := range b.model.Outputs {
			if b.model.Outputs[k].Node == i {
				s.Outputs = append(s.Outputs, fmt.Sprintf("out%d", k))
			}
		}
		list = append(list, s)
	}
	return list
}

// received is a part of an adjoint on its way.
type received struct {
	flow   Flow
	node   int
	amount float64
	text   string // of the product
}

func (w *walker) reverse() []Step {
	b := w.builder
	w.expected, w.sums = make([]int, len(b.model.Nodes)), make([]float64, len(b.model.Nodes))
	var list []Step
	var parts [][]received
	add := func(node, text string, r []received) {
		if len(r) == 0 {
			return
		}
		for i := range r {
			w.expected[r[i].node]++
		}
		list = append(list, Step{Part: "reverse", Node: node, Text: text})
		parts = append(parts, r)
	}
	for k, o := range b.model.Outputs {
		if b.active[o.Node] && o.Of == "" && !b.model.Nodes[o.Node].Cut {
			add(fmt.Sprintf("out%d", k), plain(barred(b.outputName(k)))+" = 1", []received{{amount: 1, text: "1", node: o.Node,
				flow: Flow{Edge: fmt.Sprintf("e-out%d-adjoint", k), To: "n" + b.model.Nodes[o.Node].id()}}})
		}
	}
	for _, i := range slices.Backward(w.order) {
		if b.active[i] {
			text := plain(barred(b.names[i]))
			if sum := b.model.Nodes[i].Adjoint.summary(); sum != "" {
				text += " = " + b.model.Nodes[i].Adjoint.Text()
			}
			add("n"+b.model.Nodes[i].id(), text, w.parts(i))
		}
	}
	for k := range list {
		for _, r := range parts[k] {
			w.receive(&list[k], r)
		}
	}
	return list
}

// parts lists what goes from a node to its operands.
func (w *walker) parts(i int) []received {
	b := w.builder
	n := &b.model.Nodes[i]
	own := math.NaN()
	if n.Adjoint != nil && n.Adjoint.IsScalar() {
		own = n.Adjoint.Data[0]
	}
	_, operands := b.symbol(i)
	var list []received
	for place, x := range operands {
		in := &b.model.Nodes[x.node]
		if !b.active[x.node] || in.Op == "const" || in.Cut {
			continue
		}
		partial := b.gain[x.at.node] * b.local(x.at)
		r := received{node: x.node, amount: own * partial, flow: Flow{Edge: fmt.Sprintf("e%s-%d-adjoint", n.id(), place), To: "n" + in.id()}}
		if label := b.partial(i, x).Plain(); label != "" {
			symbolic, _, _ := strings.Cut(label, " = ")
			r.text = plain(barred(b.names[i])) + " · " + symbolic
		}
		if !math.IsNaN(r.amount) {
			number := plain(numberRuns(FormatNumber(own))) + " · " + plain(numberRuns(FormatNumber(partial)))
			if r.text == "" {
				r.text = number
			} else {
				r.text += " = " + number
			}
		}
		list = append(list, r)
	}
	return list
}

// receive adds a part to its node's sum, and says so.
func (w *walker) receive(s *Step, r received) {
	b := w.builder
	n := &b.model.Nodes[r.node]
	w.expected[r.node]--
	w.sums[r.node] += r.amount
	f := r.flow
	f.Complete = w.expected[r.node] == 0
	switch sum := w.sums[r.node]; {
	case f.Complete && n.Adjoint != nil:
		f.Sum = n.Adjoint.summary()
	case !math.IsNaN(sum) && n.Adjoint != nil:
		f.Sum = FormatNumber(sum)
	}
	f.Sum = plain(numberRuns(f.Sum))
	f.Text = plain(barred(b.names[r.node])) + " gets " + r.text
	if r.text == "" {
		f.Text += "its part"
	}
	if f.Sum != "" {
		f.Text += map[bool]string{false: ", so far ", true: ", in all "}[f.Complete] + f.Sum
	}
	s.Flows = append(s.Flows, f)
}
