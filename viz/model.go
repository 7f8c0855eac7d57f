package viz

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Value is a number or a tensor to show, row-major. A scalar has no shape.
type Value struct {
	Shape []int
	Data  []float64
}

// Scalar returns the value of one number.
func Scalar(x float64) *Value { return &Value{Data: []float64{x}} }

// Tensor returns the value of a tensor with its elements in row-major order. The
// slices are kept, not copied.
func Tensor(data []float64, shape ...int) *Value { return &Value{Shape: shape, Data: data} }

// IsScalar reports whether the value has no dimensions.
func (v *Value) IsScalar() bool { return len(v.Shape) == 0 && len(v.Data) == 1 }

// Node describes one value of a graph for drawing. It is independent of where
// the graph comes from: a graph.Graph, a compiled program or a trace.
type Node struct {
	ID         int    // as the source numbers it
	Origin     int    // the id of the node that it was made for in an earlier graph, its own where there is none
	Op         string // "input", "const", or the operator's name
	Symbol     string // how the operator is drawn; empty means as the table of operators says, or Op
	Name       string
	DType      string // "float64"
	Type       string // short: "f64", "f32[8×16]"
	Shape      []int
	Inputs     []int // indices into Model.Nodes, each less than the node's own
	Attributes string
	Formula    string // the derivative as text
	Source     string // file:line that made the node
	Scope      string // a/b/c
	Constant   *Value // of a constant; nil when it is too large to show
	Value      *Value // at the point drawn; nil when unknown
	Adjoint    *Value
	// Partials are the local partial derivatives by operand at the point, where
	// they are numbers; nil or short where they are unknown.
	Partials []*Value
	// Notes are further facts, listed on hovering.
	Notes []Note
	// Heat is a number to colour the node by, with Model.HeatTitle.
	Heat float64
	// Category is what the node is coloured by, with Model.CategoryTitle; empty for none.
	Category string
	// Collapsed is the number of nodes that this one stands for, 0 for an
	// ordinary node.
	Collapsed int
	// Match names the node across the drawings of several graphs; empty means its Origin.
	Match string
	// Auto is the name that drawings give to a value without one, as in v3; empty stands for the next one that is free.
	Auto string
	// Step is the node's place in the execution, for the walk through it; where nodes have equal ones, and all have 0,
	// they are computed in the order of the model.
	Step int
	// Change is what a comparison with an earlier graph says of it.
	Change Change
	// Former are operands that it had in the earlier graph, as indices into Model.Nodes.
	Former []int
	// Gradient marks a node of the gradient's graph.
	Gradient bool
	// Variable marks a node that is no input and yet is differentiated by: adjoints flow down to it.
	Variable bool
	// Inert marks a node through which no adjoint flows: integers, stopped
	// gradients, and what depends on no variable of interest.
	Inert bool
	// Cut marks a value that is drawn only as an operand, because what computes it is left out.
	Cut bool
	// parts are, by operand, the value that it is where the operand's node stands for several.
	parts []*Node
	// results is the number of values that leave a node that stands for several.
	results int
	// bundled is the number of values that an operand is which is drawn as one edge.
	bundled int
	// path names a node in a body: see describer.
	path string
	// port and exit are those of an operator whose bodies are drawn.
	port *port
	exit *exit
	// folds is the scope that a node with bodies stands for while these are not drawn; empty where there is nothing to open.
	folds string
	// bodies tells a node's bodies from others.
	bodies string
	// bodySize is the number of nodes in the bodies of the outermost operator with bodies that the node is or lies in.
	bodySize int
	// unnamed is the number of values in the node's bodies that would have an automatic name if they were drawn.
	unnamed int
}

// part returns the value that an operand is: that of its node, or one of those that the node stands for.
func (m *Model) part(n *Node, operand int) *Node {
	if operand < len(n.parts) && n.parts[operand] != nil {
		return n.parts[operand]
	}
	return &m.Nodes[n.Inputs[operand]]
}

// result returns the value that an output is.
func (m *Model) result(o *Output) *Node {
	if o.part != nil {
		return o.part
	}
	return &m.Nodes[o.Node]
}

// Output names a node as a result.
type Output struct {
	Node int // index into Model.Nodes
	Name string
	// A result that is ∂Of/∂By; both are empty for a primal output.
	Of, By string
	// Auto is the name that drawings give to a primal output without one.
	Auto string
	// part is the value that it is, where Node stands for several.
	part *Node
}

// Model is a graph described for drawing. Nodes stand in topological order.
type Model struct {
	Nodes   []Node
	Outputs []Output
	// HeatTitle says what Heat is; empty means that nodes are not coloured by it.
	HeatTitle string
	// CategoryTitle says what Category is; empty means that nodes are not coloured by it.
	CategoryTitle string

	automatic *automatic // of the graph that it describes
	// whole is the model with the bodies open that are closed at first, the scopes shut; nil where there are none.
	whole *Model
	shut  []string
}

// Check reports the first reason why the model cannot be drawn: an operand that
// does not stand before its user, or an output that does not exist.
func (m *Model) Check() error {
	if m == nil {
		return errors.New("viz: the model is nil")
	}
	for i := range m.Nodes {
		for _, in := range m.Nodes[i].Inputs {
			if in < 0 || in >= i {
				return fmt.Errorf("viz: node %d has operand %d, which does not stand before it", i, in)
			}
		}
	}
	for i := range m.Nodes {
		for _, in := range m.Nodes[i].Former {
			if in < 0 || in >= i {
				return fmt.Errorf("viz: node %d had operand %d, which does not stand before it", i, in)
			}
		}
	}
	for i, o := range m.Outputs {
		if o.Node < 0 || o.Node >= len(m.Nodes) {
			return fmt.Errorf("viz: output %d is node %d of %d", i, o.Node, len(m.Nodes))
		}
	}
	return nil
}

// digits is the number of significant digits of numbers in drawings.
const digits = 6

// FormatNumber returns a number as drawings show it: six significant digits, a
// true minus sign, and powers of ten as in 1.5×10^−7.
func FormatNumber(x float64) string {
	switch {
	case math.IsNaN(x):
		return "NaN"
	case math.IsInf(x, 1):
		return "∞"
	case math.IsInf(x, -1):
		return "−∞"
	}
	s := strconv.FormatFloat(x, 'g', digits, 64)
	mantissa, exponent, scientific := strings.Cut(s, "e")
	if scientific && len(exponent) > 0 {
		e, _ := strconv.Atoi(exponent)
		if 0 <= e && e < 9 && x == math.Trunc(x) {
			mantissa, scientific = strconv.FormatFloat(x, 'f', 0, 64), false
		} else {
			mantissa += "×10^" + strconv.Itoa(e)
		}
	}
	return strings.ReplaceAll(mantissa, "-", "−")
}

// Text returns a value as drawings show it: a number, a short vector, else the range of its elements; "" for nil.
func (v *Value) Text() string { return plain(numberRuns(v.summary())) }

// summary returns a value as text: numbers, short vectors, else its range.
func (v *Value) summary() string {
	if v == nil || len(v.Data) == 0 {
		return ""
	}
	if v.IsScalar() {
		return FormatNumber(v.Data[0])
	}
	if len(v.Data) <= 4 {
		parts := make([]string, len(v.Data))
		for i, x := range v.Data {
			parts[i] = FormatNumber(round3(x))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	low, high := math.Inf(1), math.Inf(-1)
	for _, x := range v.Data {
		low, high = math.Min(low, x), math.Max(high, x)
	}
	return FormatNumber(round3(low)) + " … " + FormatNumber(round3(high))
}

// round3 rounds to four significant digits, for values that share a line.
func round3(x float64) float64 {
	r, err := strconv.ParseFloat(strconv.FormatFloat(x, 'g', 4, 64), 64)
	if err != nil {
		return x
	}
	return r
}

// plural returns a number with its noun.
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
