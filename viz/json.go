package viz

import (
	"bufio"
	"encoding/json"
	"io"
	"math"
	"strconv"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/shape"
	"github.com/adjoint-go/adjoint/viz/internal/dot"
)

// JSON writes the model, not its layout:
//
//	{"nodes":[{"id":0,"op":"input","name":"x1","dtype":"float64","shape":[],"inputs":[],"value":3,"adjoint":10},…],"outputs":[…]}
//
// Nodes carry the source's ids and inputs and outputs refer to them. A value
// is a number, or nested arrays for a tensor, with all digits that a float64
// needs; NaN and infinities are the strings "NaN", "+Inf" and "-Inf". Unknown
// values, empty names, attributes, scopes and sources are left out. The nodes
// of a body stand before its operator, whose inputs are then their results;
// "captured", "carry", "element" and "argument" are what a body takes, and
// "next" is the id of a carry's value at the next step.
func (p *Picture) JSON(w io.Writer) error {
	if err := p.check(); err != nil {
		return err
	}
	return p.model.JSON(w)
}

// JSON writes the model as Picture.JSON does.
func (m *Model) JSON(w io.Writer) error {
	if err := m.Check(); err != nil {
		return err
	}
	b := &jsonWriter{Writer: bufio.NewWriter(w)}
	exits := m.exits()
	b.raw(`{"nodes":[`)
	for i := range m.Nodes {
		if i > 0 {
			b.raw(",")
		}
		b.raw("\n")
		b.node(m, &m.Nodes[i], exits)
	}
	b.raw("\n],\"outputs\":[")
	for k, o := range m.Outputs {
		if k > 0 {
			b.raw(",")
		}
		n := m.result(&o)
		b.raw("\n{\"id\":" + strconv.Itoa(m.Nodes[o.Node].ID))
		name := o.Name
		if name == "" {
			name = n.Name
		}
		b.member("name", name)
		b.member("of", o.Of)
		b.member("by", o.By)
		b.value("value", n.Value)
		b.raw("}")
	}
	b.raw("\n]}\n")
	return b.Flush()
}

type jsonWriter struct{ *bufio.Writer }

// Output errors stick to the bufio.Writer and come back from Flush.
func (b *jsonWriter) raw(s string) { _, _ = b.WriteString(s) }

func (b *jsonWriter) member(key, text string) {
	if text == "" {
		return
	}
	quoted, err := json.Marshal(text)
	if err != nil {
		panic("BUG: a string cannot be written as JSON: " + err.Error())
	}
	b.raw(`,"` + key + `":` + string(quoted))
}

func (b *jsonWriter) integers(key string, list []int) {
	b.raw(`,"` + key + `":[`)
	for i, v := range list {
		if i > 0 {
			b.raw(",")
		}
		b.raw(strconv.Itoa(v))
	}
	b.raw("]")
}

func (b *jsonWriter) node(m *Model, n *Node, exits map[string]int) {
	b.raw(`{"id":` + strconv.Itoa(n.ID))
	b.member("op", n.Op)
	b.member("name", n.Name)
	if n.results < 2 {
		b.member("dtype", n.DType)
		b.integers("shape", n.Shape)
	}
	inputs := make([]int, len(n.Inputs))
	for i, in := range n.Inputs {
		inputs[i] = m.Nodes[in].ID
	}
	b.integers("inputs", inputs)
	if next, found := m.nextStep(n, exits); found {
		x := &m.Nodes[next.node]
		b.raw(`,"next":` + strconv.Itoa(m.Nodes[x.Inputs[next.operand]].ID))
	}
	b.member("attributes", n.Attributes)
	b.member("scope", n.Scope)
	b.member("source", n.Source)
	if n.Gradient {
		b.raw(`,"gradient":true`)
	}
	if n.Cut {
		b.raw(`,"cut":true`)
	}
	value := n.Value
	if value == nil && n.Op == "const" {
		value = n.Constant
	}
	b.value("value", value)
	b.value("adjoint", n.Adjoint)
	b.raw("}")
}

func (b *jsonWriter) value(key string, v *Value) {
	if v == nil || len(v.Data) == 0 {
		return
	}
	b.raw(`,"` + key + `":`)
	b.elements(v.Data, v.Shape)
}

// elements writes row-major data as nested arrays; data that does not fit the
// shape as one flat array.
func (b *jsonWriter) elements(data []float64, extents []int) {
	if shape.Size(extents) != len(data) {
		extents = []int{len(data)}
	}
	if len(extents) == 0 {
		b.number(data[0])
		return
	}
	step := len(data) / extents[0]
	b.raw("[")
	for i := 0; i < extents[0]; i++ {
		if i > 0 {
			b.raw(",")
		}
		b.elements(data[i*step:(i+1)*step], extents[1:])
	}
	b.raw("]")
}

func (b *jsonWriter) number(x float64) {
	switch {
	case math.IsNaN(x):
		b.raw(`"NaN"`)
	case math.IsInf(x, 1):
		b.raw(`"+Inf"`)
	case math.IsInf(x, -1):
		b.raw(`"-Inf"`)
	default:
		b.raw(strconv.FormatFloat(x, 'g', -1, 64))
	}
}

// DOT writes the picture in the DOT language. Graphviz lays it out anew.
func (p *Picture) DOT(w io.Writer) error {
	if err := p.check(); err != nil {
		return err
	}
	return dot.Write(w, p.scene)
}

// JSON describes the outputs and all that they depend on as JSON, see Picture.JSON.
func JSON(w io.Writer, outputs []*graph.Node, options ...Option) error {
	m, err := Describe(outputs, options...)
	if err != nil {
		return err
	}
	return m.JSON(w)
}

// DOT draws the outputs and all that they depend on in the DOT language.
func DOT(w io.Writer, outputs []*graph.Node, options ...Option) error {
	return paint(w, outputs, options, (*Picture).DOT)
}
