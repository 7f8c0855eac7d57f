package onnx

import (
	"cmp"
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/adjoint-go/adjoint/graph"
)

// operator is what is known of an operator of ONNX: one row in a table of its family.
type operator struct {
	name   string
	domain string // "": the standard
	// in converts a node to nodes of the graph. It panics with a mistake (see call.fail).
	in func(c *call) []value
	// why says why there is no converter, or what of the operator is not supported.
	why string
	// random operators are not computed while the graph is built.
	random bool
	// out names the operator of the graph that is written as this one, without attributes and with the same operands.
	out string

	since []int // versions at which the definition changed, from schema.txt
}

type opKey struct{ domain, name string }

// operators has all operators of the schema.
var operators = map[opKey]*operator{}

//go:embed schema.txt
var schema string

// Newest is the newest version of the standard operators that is read and the one that is written.
var newest int

func init() {
	for line := range strings.Lines(schema) {
		f := strings.Fields(line)
		op := &operator{name: f[1], domain: domain(f[0])}
		for _, v := range strings.Split(f[2], ",") {
			n, err := strconv.Atoi(v)
			if err != nil {
				panic("BUG: schema.txt: " + err.Error())
			}
			op.since = append(op.since, n)
			if op.domain == "" {
				newest = max(newest, n)
			}
		}
		operators[opKey{op.domain, op.name}] = op
	}
	for _, family := range [][]operator{elementwise, shapes, indexing, reductions, products, convolutions, pools, normalisations, activations, losses, recurrent, controls, sequences, attention, spectral, quantised, images, randoms, training, classical} {
		for _, row := range family {
			op := operators[opKey{row.domain, row.name}]
			if op == nil || op.in != nil || op.why != "" || row.in == nil && row.why == "" {
				panic(fmt.Sprintf("BUG: operator %s of %q", row.name, row.domain))
			}
			row.since = op.since
			*op = row
		}
	}
	for _, op := range operators {
		if op.in == nil && op.why == "" {
			panic("BUG: operator " + op.name + " is in no table")
		}
	}
}

// OperatorInfo says what of an operator of ONNX is supported.
type OperatorInfo struct {
	Domain, Name string // the domain of the standard is ""
	Versions     []int  // opsets at which the definition changed
	Reads        bool   // models with it are read
	Note         string // why not, or what of it is left out
	Writes       string // the operator of graphs that is written as this one with the same operands, ""
}

// Operators lists all operators that the Python package onnx 1.22.0 knows, by domain and name.
func Operators() []OperatorInfo {
	all := make([]OperatorInfo, 0, len(operators))
	for _, op := range operators {
		all = append(all, OperatorInfo{op.domain, op.name, slices.Clone(op.since), op.in != nil, op.why, op.out})
	}
	slices.SortFunc(all, func(a, b OperatorInfo) int {
		return cmp.Or(strings.Compare(a.Domain, b.Domain), strings.Compare(a.Name, b.Name))
	})
	return all
}

// versionAt returns the version of the operator in an opset, 0 if that is older than the operator.
func (op *operator) versionAt(opset int) int {
	i, found := slices.BinarySearch(op.since, opset)
	switch {
	case found:
		return opset
	case i == 0:
		return 0
	}
	return op.since[i-1]
}

// unary converts an operator of one operand.
func unary(f func(x *graph.Node) *graph.Node) func(c *call) []value {
	return func(c *call) []value { return c.out(f(c.x(0))) }
}

// two converts an operator of two operands, which broadcast.
func two(f func(x, y *graph.Node) *graph.Node) func(c *call) []value {
	return func(c *call) []value { return c.out(f(c.x(0), c.x(1))) }
}

// arithmetic is two where narrow integers wrap.
func arithmetic(f func(x, y *graph.Node) *graph.Node) func(c *call) []value {
	return func(c *call) []value { return c.wrapped(f(c.x(0), c.x(1))) }
}

// variadic combines any number of operands from the left.
func variadic(f func(x, y *graph.Node) *graph.Node) func(c *call) []value {
	return func(c *call) []value {
		xs := c.xs()
		y := xs[0]
		for _, x := range xs[1:] {
			y = f(y, x)
		}
		return c.wrapped(y)
	}
}
