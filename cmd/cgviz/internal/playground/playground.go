// Package playground draws what a page asks for: a formula or a graph's text form at a point, with values, adjoints and local partials, as a gradient
// of its own, or at each pass of the compiler, with the steps of a walk through the execution. The page is docs/playground.
package playground

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/adjoint-go/adjoint/cmd/cgviz/internal/evaluate"
	"github.com/adjoint-go/adjoint/cmd/cgviz/internal/point"
	"github.com/adjoint-go/adjoint/cmd/cgviz/internal/source"
	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/viz"
)

// Request says what to draw.
type Request struct {
	Source string            `json:"source"` // an expression, or a graph's text form
	At     map[string]string `json:"at"`     // values by the name of the input; inputs without one get a default
	View   string            `json:"view"`   // "overlay" (values, adjoints and partials), "values", "split" or "passes"
	Narrow bool              `json:"narrow"` // there is more room below than beside: edges point down
	Pass   int               `json:"pass"`   // which of the compiler's passes, from 0, the graph as it is given
}

// Response is a drawing with what the page shows beside it.
type Response struct {
	SVG     string  `json:"svg,omitempty"` // bare: see viz.WithStyleSheet
	Summary string  `json:"summary,omitempty"`
	Inputs  []Input `json:"inputs"`
	Rows    []Row   `json:"rows"`
	Steps   []Step  `json:"steps"`
	Passes  []Pass  `json:"passes,omitempty"`
	// Listing is the compiled program, in the view "passes".
	Listing string `json:"listing,omitempty"`
	// Note says what is not shown.
	Note string `json:"note,omitempty"`
	// Error is what is wrong with the source, with carets below the places, in lines.
	Error string `json:"error,omitempty"`
}

// Input is an input of the graph.
type Input struct {
	Name  string `json:"name"`
	Type  string `json:"type"` // "f64", "f32[8×16]"
	Kind  string `json:"kind"` // "number" for a scalar of floats, "integer", "truth" or, for tensors, "list"
	Text  string `json:"text"` // its value
	Error string `json:"error,omitempty"`
}

// Row is a line of the table of values.
type Row struct {
	ID      string `json:"id"`   // of the group in SVG
	Text    string `json:"text"` // "v₁ = x₁² = 4"
	Adjoint string `json:"adjoint,omitempty"`
}

// Step is a step of the walk through the execution: see viz.Step.
type Step struct {
	Part    string   `json:"part"`
	Node    string   `json:"node"`
	Text    string   `json:"text"`
	Outputs []string `json:"outputs,omitempty"`
	Flows   []Flow   `json:"flows,omitempty"`
}

// Flow is a part of an adjoint that is passed on: see viz.Flow.
type Flow struct {
	Edge     string `json:"edge"`
	To       string `json:"to"`
	Text     string `json:"text"`
	Sum      string `json:"sum"`
	Complete bool   `json:"complete"`
}

// Pass is a pass of the compiler.
type Pass struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// Session draws one request after the other, and keeps what they have in common.
type Session struct {
	examined *examined
	source   string
	reason   error      // why the source cannot be read
	model    *viz.Model // that was drawn last
	options  []viz.Option
}

// examined is a source with its derivatives.
type examined struct {
	*source.Source
	inputs, wrt []*graph.Node
	nodes       []*graph.Node // of the graph as it is given
	// Of the overlay; nil until it is asked for.
	overlay *overlay
	// The gradient as nodes of the graph, and all nodes with them; nil until they are asked for.
	derivatives []evaluate.Derivative
	whole       []*graph.Node
	stages      []compile.Stage
}

type overlay struct {
	active, adjoints []*graph.Node
	values           *evaluate.Program
	partials         *evaluate.PartialProgram
}

// mostNodes bounds a drawing: parts of larger graphs are drawn as one node each.
const mostNodes = 400

// Draw answers a request.
func (s *Session) Draw(r Request) Response {
	if s.examined == nil && s.reason == nil || s.source != r.Source {
		s.source, s.examined = r.Source, nil
		if s.examined, s.reason = examine(r.Source); s.reason != nil {
			s.examined = nil
		}
	}
	s.model = nil
	if s.reason != nil {
		return Response{Error: report(s.reason)}
	}
	var a Response
	at, ok := s.examined.point(r.At, &a)
	if !ok {
		return a
	}
	if err := s.draw(r, at, &a); err != nil {
		a.Error = report(err)
	}
	return a
}

// Encode returns the last drawing as a file: see viz.Picture.Encode.
func (s *Session) Encode(format string) ([]byte, error) {
	if s.model == nil {
		return nil, errors.New("there is no drawing")
	}
	p, err := viz.NewFromModel(s.model, s.options...)
	if err != nil {
		return nil, err
	}
	return p.Encode(format)
}

func report(err error) string {
	var with interface{ Report() string }
	if errors.As(err, &with) {
		return with.Report()
	}
	return err.Error()
}

func examine(text string) (*examined, error) {
	if strings.TrimSpace(text) == "" {
		return nil, errors.New("type a formula, such as z = x1^2 + x1*x2 + x2^2")
	}
	src, err := source.Parse(text)
	if err != nil {
		return nil, err
	}
	if len(src.Outputs) == 0 {
		return nil, errors.New("the graph has no outputs")
	}
	x := &examined{Source: src, nodes: evaluate.Reachable(src.Outputs...)}
	x.inputs = evaluate.Inputs(x.nodes)
	for _, n := range x.inputs {
		if n.DType().IsFloat() {
			x.wrt = append(x.wrt, n)
		}
	}
	for _, o := range src.Outputs {
		if o.DType().IsFloat() {
			return x, nil
		}
	}
	x.wrt = nil // there is nothing to differentiate
	return x, nil
}

// point reads the values of the inputs, and lists these.
func (x *examined) point(given map[string]string, a *Response) (point.Point, bool) {
	at, ok := point.Point{}, true
	for k, n := range x.inputs {
		in := Input{Name: n.Name(), Type: n.Type().String(), Kind: "list", Text: given[n.Name()]}
		switch {
		case !n.Type().IsScalar():
		case n.DType() == graph.Bool:
			in.Kind = "truth"
		case n.DType().IsInt():
			in.Kind = "integer"
		default:
			in.Kind = "number"
		}
		if strings.TrimSpace(in.Text) == "" {
			in.Text = standard(n, k)
		}
		bits, err := point.Value(n, in.Text)
		if err != nil {
			in.Error, ok = err.Error(), false
		}
		at[n] = bits
		a.Inputs = append(a.Inputs, in)
	}
	return at, ok
}

// standard is the value of an input that is given none.
func standard(n *graph.Node, k int) string {
	const few = 12
	scalars := []float64{2, 3, 0.5, 1.5, -1}
	switch size := n.Shape().Size(); {
	case n.DType() == graph.Bool && n.Type().IsScalar():
		return "true"
	case n.DType() == graph.Bool:
		return "[true]"
	case n.DType().IsInt() && n.Type().IsScalar():
		return "2"
	case n.DType().IsInt():
		return "[1]"
	case n.Type().IsScalar():
		return strconv.FormatFloat(scalars[k%len(scalars)], 'g', -1, 64)
	case size > few:
		return "[0.5]"
	default:
		var list []string
		for i := range size {
			list = append(list, strconv.FormatFloat(float64((3*i+k)%7)/4-0.5, 'g', -1, 64))
		}
		return "[" + strings.Join(list, ", ") + "]"
	}
}

func (s *Session) draw(r Request, at point.Point, a *Response) error {
	x := s.examined
	options := []viz.Option{viz.WithMaxNodes(math.MaxInt)}
	const longestTitle = 100
	if x.Expression != "" && len([]rune(x.Expression)) <= longestTitle {
		options = append(options, viz.WithTitle(x.Expression))
	}
	if r.Narrow {
		options = append(options, viz.WithDirection(viz.TopToBottom))
	}
	view := r.View
	if len(x.wrt) == 0 && view != "passes" {
		view = "values"
		a.Note = "no output is a float that depends on an input: there is nothing to differentiate"
	}
	var m *viz.Model
	var err error
	switch view {
	case "passes":
		return s.passes(r.Pass, at, a, options)
	case "split":
		m, err = x.split(at)
		options = append(options, viz.WithGradients(viz.Split))
	case "values":
		m, err = x.plain(at)
	default:
		m, err = x.adjoints(at)
		options = append(options, viz.WithGradients(viz.Overlay))
	}
	if err != nil {
		return err
	}
	x.hideLines(m)
	limited := ""
	m, limited = m.CloseBodies(viz.OpenBodies, nil).Limit(mostNodes)
	if limited != "" {
		a.Note = "the graph has " + limited
	}
	return s.answer(m, a, options)
}

// answer writes the picture, the table and the walk.
func (s *Session) answer(m *viz.Model, a *Response, options []viz.Option) error {
	picture, err := viz.NewFromModel(m, append(options[:len(options):len(options)], viz.WithStyleSheet(false))...)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := picture.SVG(&b); err != nil {
		return err
	}
	s.model, s.options = m, options
	a.SVG = b.String()
	_, rest, _ := strings.Cut(a.SVG, `<desc id="summary">`)
	a.Summary, _, _ = strings.Cut(rest, "</desc>")
	steps, err := picture.Walk()
	if err != nil {
		return err
	}
	adjoint := map[string]string{}
	for i := range m.Nodes {
		n := &m.Nodes[i]
		id := "n" + strconv.Itoa(n.ID)
		adjoint[id] = n.Adjoint.Text()
		if n.Op == "input" {
			text := n.Name
			if v := n.Value.Text(); v != "" {
				text += " = " + v
			}
			a.Rows = append(a.Rows, Row{ID: id, Text: text, Adjoint: adjoint[id]})
		}
	}
	for _, x := range steps {
		step := Step{Part: x.Part, Node: x.Node, Text: x.Text, Outputs: x.Outputs}
		for _, f := range x.Flows {
			step.Flows = append(step.Flows, Flow(f))
		}
		a.Steps = append(a.Steps, step)
		if x.Part != "reverse" {
			a.Rows = append(a.Rows, Row{ID: x.Node, Text: x.Text, Adjoint: adjoint[x.Node]})
		}
	}
	return nil
}

// plain describes the graph with its values.
func (x *examined) plain(at point.Point) (*viz.Model, error) {
	values, err := evaluate.Values(context.Background(), x.nodes, at)
	if err != nil {
		return nil, err
	}
	return viz.Describe(x.Outputs, viz.WithBodies(math.MaxInt), viz.WithValues(values))
}

// adjoints describes the graph with values, adjoints and local partials.
func (x *examined) adjoints(at point.Point) (*viz.Model, error) {
	ctx := context.Background()
	o := x.overlay
	if o == nil {
		o = &overlay{active: evaluate.Active(x.nodes, x.wrt)}
		var err error
		if o.adjoints, err = evaluate.Adjoints(x.Outputs, o.active); err != nil {
			return nil, err
		}
		if o.values, err = evaluate.Compile(append(x.nodes[:len(x.nodes):len(x.nodes)], o.adjoints...)); err != nil {
			return nil, err
		}
		if o.partials, err = evaluate.CompilePartials(x.nodes, o.active); err != nil {
			return nil, err
		}
		x.overlay = o
	}
	values, err := o.values.Values(ctx, at)
	if err != nil {
		return nil, err
	}
	adjoints := make(map[*graph.Node]*viz.Value, len(o.active))
	for i, n := range o.active {
		adjoints[n] = values[o.adjoints[i]]
	}
	partials, err := o.partials.At(ctx, values)
	if err != nil {
		return nil, err
	}
	return viz.Describe(x.Outputs, viz.WithGradients(viz.Overlay), viz.WithRespectTo(x.wrt...), viz.WithBodies(math.MaxInt),
		viz.WithValues(values), viz.WithAdjoints(adjoints), viz.WithPartials(partials))
}

// differentiate appends the gradient to the graph.
func (x *examined) differentiate() (results []*graph.Node, gradients []*graph.Node, err error) {
	if x.derivatives == nil && len(x.wrt) > 0 {
		if x.derivatives, err = evaluate.Derivatives(x.Outputs, x.wrt); err != nil {
			return nil, nil, err
		}
	}
	for _, d := range x.derivatives {
		gradients = append(gradients, d.Node)
	}
	results = append(x.Outputs[:len(x.Outputs):len(x.Outputs)], gradients...)
	if x.whole == nil {
		x.whole = evaluate.Reachable(results...)
	}
	return results, gradients, nil
}

// split describes the graph and its gradient.
func (x *examined) split(at point.Point) (*viz.Model, error) {
	_, gradients, err := x.differentiate()
	if err != nil {
		return nil, err
	}
	values, err := evaluate.Values(context.Background(), x.whole, at)
	if err != nil {
		return nil, err
	}
	m, err := viz.Describe(x.Outputs, viz.WithGradients(viz.Split), viz.WithRespectTo(x.wrt...), viz.WithGradientOutputs(gradients...), viz.WithBodies(math.MaxInt),
		viz.WithValues(values))
	if err == nil {
		evaluate.Label(m, x.derivatives)
	}
	return m, err
}

// passes draws what one of the compiler's passes makes of the graph and its gradient. Nodes stand where they stood before it, as far as it lets them.
func (s *Session) passes(pass int, at point.Point, a *Response, options []viz.Option) error {
	x := s.examined
	results, gradients, err := x.differentiate()
	if err != nil {
		return err
	}
	if x.stages == nil {
		if x.stages, err = (compile.Config{}).Stages(results...); err != nil {
			return err
		}
	}
	for i := range x.stages {
		if n := len(x.stages[i].Nodes); n > mostNodes {
			return fmt.Errorf("a pass of the compiler has %d nodes, more than the %d that this page draws; cgviz passes draws larger ones", n, mostNodes)
		}
	}
	values := map[*graph.Node]*viz.Value{}
	if err := evaluate.Stages(context.Background(), x.stages, at, values); err != nil {
		return err
	}
	drawn, err := viz.DescribeStages(x.stages, viz.WithValues(values), viz.WithRespectTo(x.wrt...), viz.WithGradientOutputs(gradients...))
	if err != nil {
		return err
	}
	pass = max(0, min(pass, len(drawn)-1))
	options = append(options, viz.WithFolding(false))
	var before *viz.Picture
	for i := range drawn {
		a.Passes = append(a.Passes, Pass{drawn[i].Name, drawn[i].Text})
		if p := x.stages[i].Program; p != nil {
			a.Listing = p.String()
		}
		m := drawn[i].Model
		evaluate.Label(m, x.derivatives)
		x.hideLines(m)
		if i < pass {
			if before, err = viz.NewFromModel(m, append(options[:len(options):len(options)], viz.WithReference(before))...); err != nil {
				return err
			}
		}
	}
	return s.answer(drawn[pass].Model, a, append(options, viz.WithReference(before)))
}

// hideLines drops the places in the source of an expression of one line, which tell nothing.
func (x *examined) hideLines(m *viz.Model) {
	for i := range m.Nodes {
		if x.OneLine {
			m.Nodes[i].Source = ""
		}
	}
}
