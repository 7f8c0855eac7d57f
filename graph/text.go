package graph

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/adjoint-go/adjoint/internal/dtype"
)

// textHeader is the first line of the text form. The number is the version of the format.
const textHeader = "adjoint graph 1"

// Format writes the text form of what the outputs depend on, and of all inputs, for *.cg files. Parse
// reads it back to an equal graph.
//
// The first line is "adjoint graph 1". Each further line defines a node or names an output:
//
//	%0 "x" = input : f64[3]
//	%1 = const 2.5 : f64
//	%2 "y" = mul %0, %1 : f64[3] in "layer1/scale"
//	%3 = reduce_sum %2 {axes=[0], keepdims=false} : f64
//	%4 = some_operator %3 : (f64, i64)
//	%5 = result %4 {index=1} : i64
//	output %3
//
// After % stands the node's number, then its names if it has any, the operator, the operands, the
// attributes, after the colon the type (several in parentheses for an operator with several results), and the scopes.
// Names and scopes stand verbatim between quotes. Types are f64, f32, i64, i32 and bool, with the extents in brackets.
// A constant's elements stand in row-major order: "const [1 2 3 4] : f32[2,2]", with exact values: the
// shortest decimal that is read back as the same float, -0, +Inf, -Inf, NaN, or NaN(0x…) with the bits of any other NaN.
// Outputs come last and in order. A # outside of quotes begins a comment.
//
// Behind the line of a node with bodies, such as a loop, each body stands between the lines "body" and "end", with numbers and names of its own. Its
// inputs are the parameters and its outputs the results:
//
//	%2 = scan %0, %1 {bodies=functions[1], captured=1, carries=1, length=10, reverse=false} : (f64)
//	  body
//	    %0 "@0" = input : f64
//	    %1 "@1" = input : f64
//	    %2 = mul %0, %1 : f64
//	    output %2
//	  end
//
// Nodes are numbered from 0 in the order of their creation, which a compiler may go by where a sum rounds only one of its products: what is read back
// compiles to the same program.
//
// It is an error if there is no output, if an output is invalid, of another graph, or has several results,
// or if a scope set by SetScope cannot be printed.
func Format(w io.Writer, outputs ...*Node) error {
	if len(outputs) == 0 {
		return fmt.Errorf("format: no outputs")
	}
	for k, o := range outputs {
		switch {
		case !o.Valid():
			return fmt.Errorf("format: output %d is invalid", k)
		case o.g != outputs[0].g:
			return fmt.Errorf("format: output %d belongs to another graph", k)
		case o.g.InBody():
			return fmt.Errorf("format: output %d belongs to the body of a loop or branch, which is written with the graph around it", k)
		case o.Results() != nil:
			return fmt.Errorf("format: output %d has %d results", k, len(o.Results()))
		}
	}
	f := formatter{w: bufio.NewWriter(w), number: make([]int32, outputs[0].g.nodes.len())}
	f.w.WriteString(textHeader + "\n")
	g := outputs[0].g
	for id, needed := range g.Needed(outputs...) {
		if n := g.Node(id); needed || n.IsInput() {
			f.line(n)
		}
	}
	for _, o := range outputs {
		f.output(o)
	}
	if f.err != nil {
		return fmt.Errorf("format: %w", f.err)
	}
	return f.w.Flush()
}

type formatter struct {
	w      *bufio.Writer
	number []int32 // by node ID: 1 + number in the text, 0 if not written yet
	next   int32
	buf    []byte
	scope  string // the last one that was checked
	err    error
}

func (f *formatter) ref(n *Node) {
	f.buf = append(f.buf, '%')
	f.buf = strconv.AppendInt(f.buf, int64(f.number[n.id]-1), 10)
}

func (f *formatter) output(n *Node) {
	f.buf = append(f.buf[:0], "output "...)
	f.ref(n)
	f.buf = append(f.buf, '\n')
	f.w.Write(f.buf)
}

func (f *formatter) line(n *Node) {
	f.next++
	f.number[n.id] = f.next
	f.buf = f.buf[:0]
	f.ref(n)
	for _, name := range n.Names() {
		f.buf = append(append(append(f.buf, ` "`...), name...), '"')
	}
	f.buf = append(append(f.buf, " = "...), n.op.Name...)
	for i, in := range n.Inputs() {
		if i > 0 {
			f.buf = append(f.buf, ',')
		}
		f.buf = append(f.buf, ' ')
		f.ref(in)
	}
	if l := n.Literal(); l != nil {
		f.buf = appendElements(append(f.buf, ' '), l)
	}
	if a := n.Attrs(); len(a) > 0 {
		f.buf = append(append(append(f.buf, " {"...), a.String()...), '}')
	}
	f.buf = appendTypes(append(f.buf, " : "...), n)
	if scope := n.ScopePath(); scope != "" {
		if scope != f.scope && f.err == nil {
			f.scope, f.err = scope, checkScope(scope)
		}
		f.buf = append(append(append(f.buf, ` in "`...), scope...), '"')
	}
	f.buf = append(f.buf, '\n')
	for _, b := range Bodies(n) {
		f.buf = append(f.buf, "  body\n"...)
		for line := range bytes.Lines(b.text) {
			f.buf = append(append(f.buf, "    "...), line...)
		}
		f.buf = append(f.buf, "  end\n"...)
	}
	f.w.Write(f.buf)
}

// appendBody appends the text form of a body.
func appendBody(text []byte, b *Body) ([]byte, error) {
	out := bytes.NewBuffer(text)
	f := formatter{w: bufio.NewWriter(out), number: make([]int32, b.g.nodes.len())}
	for _, n := range b.g.nodes.all() {
		f.line(n)
	}
	for _, r := range b.results {
		f.output(r)
	}
	if err := errors.Join(f.err, f.w.Flush()); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// checkScope reports scope paths that the text form cannot hold.
func checkScope(path string) error {
	for name := range strings.SplitSeq(path, "/") {
		if err := CheckName(name); err != nil {
			return fmt.Errorf("scope %q: %w", path, err)
		}
	}
	return nil
}

// appendTypes appends the node's type, or those of its results in parentheses.
func appendTypes(b []byte, n *Node) []byte {
	results := n.Results()
	if results == nil {
		return appendType(b, n.Type())
	}
	b = append(b, '(')
	for i, t := range results {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = appendType(b, t)
	}
	return append(b, ')')
}

// appendType appends f64 or f32[2,3].
func appendType(b []byte, t Type) []byte {
	b = append(b, t.DType.Short()...)
	for i, d := range t.Shape {
		if i == 0 {
			b = append(b, '[')
		} else {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(d), 10)
	}
	if len(t.Shape) > 0 {
		b = append(b, ']')
	}
	return b
}

// appendElements appends a constant's elements: one for a scalar, a list for an array.
func appendElements(b []byte, l *Literal) []byte {
	d := l.typ.DType
	if l.typ.IsScalar() {
		return dtype.AppendBits(b, d, l.Bits(0))
	}
	b = append(b, '[')
	for i := range len(l.data) / d.Size() {
		if i > 0 {
			b = append(b, ' ')
		}
		b = dtype.AppendBits(b, d, l.Bits(i))
	}
	return append(b, ']')
}
