package viz

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/viz/internal/draw"
	"github.com/adjoint-go/adjoint/viz/internal/html"
)

// Stage is a graph at one point of its way through the compiler, as a page with a slider shows it.
type Stage struct {
	Name string // a word or two
	Text string // lines that say what happened
	// Model is what Compare returns for the stage before and this one.
	Model *Model
}

// DescribeStages returns what compile.Config.Stages recorded for drawing: each stage with what it changed marked,
// and what it removed as ghosts. From the pass group on, the instructions are the scopes.
//
// Of the options those count that Describe knows. The nodes of WithValues and WithNotes are those of the stages.
// WithGradientOutputs says, by its length, how many of the last outputs are derivatives of the first by the nodes of
// WithRespectTo.
func DescribeStages(stages []compile.Stage, options ...Option) ([]Stage, error) {
	s := collect(options)
	var list []Stage
	var before *Model
	names := map[string]string{} // a node keeps its automatic name from stage to stage
	var a *automatic
	for k := range stages {
		stage := &stages[k]
		if err := checkStage(stage); err != nil {
			return nil, fmt.Errorf("viz: stage %d: %w", k, err)
		}
		m := describeStage(stage, s)
		out := Stage{Name: stage.Pass, Model: m}
		if stage.Pass == "" {
			out.Name = "given"
		}
		if before != nil {
			union, err := Compare(before, m)
			if err != nil {
				return nil, err
			}
			for i := range union.Nodes {
				if n := &union.Nodes[i]; n.Change == Added {
					n.Match = fmt.Sprintf("%s-n%d", stage.Pass, n.ID)
				}
			}
			out.Model = union
		}
		if a == nil && len(stage.Nodes) > 0 {
			a = newAutomatic(graphNames(stage.Nodes[0].Node.Graph()))
		}
		if a != nil {
			a.stage(out.Model, names)
		}
		out.Text = stageText(stage, out.Model)
		before = out.Model.Keep(func(i int) bool { return out.Model.Nodes[i].Change != Removed })
		for i := range before.Nodes {
			before.Nodes[i].Change, before.Nodes[i].Former = Unchanged, nil
		}
		list = append(list, out)
	}
	return list, nil
}

// stage gives nodes the names that they have had, and new ones those that come next.
func (a *automatic) stage(m *Model, known map[string]string) {
	for i := range m.Nodes {
		m.Nodes[i].Auto = known[m.Nodes[i].match()]
	}
	a.nodes(m)
	a.outputs(m)
	for i := range m.Nodes {
		if n := &m.Nodes[i]; n.Auto != "" {
			known[n.match()] = n.Auto
		}
	}
}

// checkStage reports a stage that the compiler did not make.
func checkStage(stage *compile.Stage) error {
	for i := range stage.Nodes {
		n := &stage.Nodes[i]
		if !n.Node.Valid() {
			return fmt.Errorf("node %d is not a valid node", i)
		}
		for _, in := range n.Operands {
			if in < 0 || in >= i {
				return fmt.Errorf("node %d has operand %d, which does not stand before it", i, in)
			}
		}
	}
	for _, o := range stage.Outputs {
		if o < 0 || o >= len(stage.Nodes) {
			return fmt.Errorf("output %d does not exist", o)
		}
	}
	return nil
}

// describeStage returns the model of a stage, without marks.
func describeStage(stage *compile.Stage, s *settings) *Model {
	m := &Model{}
	derivatives := min(len(s.gradientOutputs), len(stage.Outputs))
	primal := make([]bool, len(stage.Nodes))
	for _, o := range stage.Outputs[:len(stage.Outputs)-derivatives] {
		primal[o] = true
	}
	for i := len(primal) - 1; i >= 0; i-- {
		if primal[i] {
			for _, in := range stage.Nodes[i].Operands {
				primal[in] = true
			}
		}
	}
	members := map[int]int{}
	d := &describer{model: m, settings: s, ids: map[*graph.Node]int{}, measures: map[[32]byte]measure{}}
	for i := range stage.Nodes {
		members[stage.Nodes[i].Instruction]++
		d.next = max(d.next, stage.Nodes[i].Node.Graph().Len())
	}
	instructions := members[-1] < len(stage.Nodes)
	index := make([]int, len(stage.Nodes)) // in the model
	at := &place{index: map[*graph.Node]int{}, steps: map[*graph.Node]map[*graph.Node]int{}}
	for i := range stage.Nodes {
		from := &stage.Nodes[i]
		n := describeNode(from.Node, s, nil, nil, !primal[i])
		n.Inputs, n.Partials = nil, nil
		for _, in := range from.Operands {
			n.Inputs = append(n.Inputs, index[in])
		}
		if from.Operator != n.Op {
			n.Op, n.Formula = from.Operator, ""
		}
		if instructions {
			n.Scope = ""
			if from.Instruction >= 0 && members[from.Instruction] > 1 {
				kind := from.Class
				if kind == "reduction" {
					kind = "loop" // that it is the tail of
				}
				n.Scope = fmt.Sprintf("fused %s %d", kind, from.Instruction)
			}
		}
		for _, note := range []Note{{"runs as", from.Class}, {"memory", from.Place}} {
			if note.Text != "" {
				n.Notes = append(n.Notes[:len(n.Notes):len(n.Notes)], note)
			}
		}
		at.gradient = func(*graph.Node) bool { return !primal[i] }
		d.node(from.Node, n, at, n.Scope, func(size int) bool { return size <= s.bodies && len(from.Operands) == len(from.Node.Inputs()) })
		index[i] = at.index[from.Node]
	}
	var nodes []*graph.Node
	for _, o := range stage.Outputs[:len(stage.Outputs)-derivatives] {
		nodes = append(nodes, stage.Nodes[o].Node)
	}
	first := OutputNames(nodes)
	for k, o := range stage.Outputs {
		out := Output{Node: index[o], Name: stage.Nodes[o].Node.Name()}
		if d := k - (len(stage.Outputs) - derivatives); d >= 0 {
			out.Of, out.By = "y", "x"
			if len(first) > 0 {
				out.Of = first[0]
			}
			if d < len(s.wrt) && s.wrt[d].Name() != "" {
				out.By = s.wrt[d].Name()
			}
		}
		m.Outputs = append(m.Outputs, out)
	}
	return m
}

// stageText says what a pass did.
func stageText(stage *compile.Stage, m *Model) string {
	if stage.Pass == "" {
		return fmt.Sprintf("the graph as it is given: %d nodes", len(m.Nodes))
	}
	lines := []string{stage.Doc}
	for _, r := range stage.Rewrites {
		lines = append(lines, fmt.Sprintf("%s ×%d", r.Name, r.Count))
	}
	if p := stage.Program; p != nil {
		lines = append(lines, plural(p.Len(), "instruction")+", "+formatBytes(p.ArenaBytes()+p.ScratchBytes())+" of memory")
	}
	return strings.Join(lines, "\n")
}

// HTMLStages writes stages as one page with a slider that goes through them. Nodes stand where they stood in the
// stage before as far as the change allows.
func HTMLStages(w io.Writer, stages []Stage, options ...Option) error {
	if len(stages) == 0 {
		return errors.New("viz: there are no stages")
	}
	s := collect(options)
	s.fold = false // what is folded differs from stage to stage
	page := html.Page{Theme: s.palette()}
	var before *Picture
	for i := range stages {
		p, err := prepare(stages[i].Model, s)
		if err != nil {
			return err
		}
		if before != nil {
			// What shows the same is not laid out anew.
			if p.drawing = draw.Like(before.drawing, p.scene); p.drawing == nil {
				if err := before.place(p.scene); err != nil {
					return err
				}
			}
		}
		d, err := p.laid()
		if err != nil {
			return err
		}
		before = p
		page.Views = append(page.Views, html.View{Name: stages[i].Name, Text: stages[i].Text, Drawing: d})
	}
	return html.Write(w, &page)
}
