package stablehlo

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/emit"
)

// WriteOptions change what Write writes.
type WriteOptions struct {
	// Name is the module's; "" is adjoint.
	Name string
}

// Write writes what the outputs compute as a module whose function main takes the inputs of the graph that they depend on, in their order. Operators of the graph become operations of StableHLO and CHLO, or several of
// them; loops become while, branches case. An operator that they cannot express is an error with the line of the node. A loop that goes beyond its limit, and an index out of range, are errors of the run in a graph and
// not in a module.
func Write(w io.Writer, outputs []*graph.Node, o WriteOptions) error {
	text, err := module(outputs, o)
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, text)
	return err
}

// WriteFile is Write to a file.
func WriteFile(path string, outputs []*graph.Node, o WriteOptions) (err error) {
	text, err := module(outputs, o)
	if err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	_, err = io.WriteString(f, text)
	return err
}

// val is a value of the text.
type val struct {
	name string
	t    graph.Type
}

// writer writes the nodes of a graph, or of the body of a loop or branch.
type writer struct {
	*emit.Emitter[val]
	text   *strings.Builder
	count  *int
	indent int
}

func newWriter(text *strings.Builder, count *int, indent int) *writer {
	w := &writer{text: text, count: count, indent: indent}
	w.Emitter = emit.New(emit.Format[val]{Package: "stablehlo", Name: "StableHLO", Literal: w.literal, Rule: func(n *graph.Node) []val {
		if why := unwritten[n.Op().Name]; why != "" {
			w.Refuse(n, "%s", why)
		}
		if f := writers[n.Op().Name]; f != nil {
			return f(w, n)
		}
		return nil
	}})
	return w
}

// identifier is what names of parameters look like.
var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.$-]*$`)

func module(outputs []*graph.Node, o WriteOptions) (string, error) {
	name := o.Name
	if name == "" {
		name = "adjoint"
	}
	if !identifier.MatchString(name) {
		return "", fmt.Errorf("stablehlo: the name %q of a module: letters, digits and underscores", name)
	}
	return emit.Write("stablehlo", outputs, func(g *graph.Graph, outputs []*graph.Node) (string, error) {
		return newModule(name, g, outputs), nil
	})
}

func newModule(name string, g *graph.Graph, outputs []*graph.Node) string {
	var b strings.Builder
	w := newWriter(&b, new(int), 2)
	needed := g.Needed(outputs...)
	var params, types []string
	taken := map[string]bool{}
	for _, in := range g.Inputs() {
		if identifier.MatchString(in.Name()) {
			taken[in.Name()] = true
		}
	}
	for i, in := range g.Inputs() {
		if !needed[in.ID()] {
			continue
		}
		p := in.Name()
		for k := i; !identifier.MatchString(p) || p != in.Name() && taken[p]; k++ {
			p = fmt.Sprintf("arg%d", k)
		}
		taken[p] = true
		w.Set(in, val{"%" + p, in.Type()})
		params = append(params, "%"+p+": "+typeText(in.Type()))
	}
	for _, n := range outputs {
		types = append(types, typeText(n.Type()))
	}
	fmt.Fprintf(&b, "module @%s {\n  func.func public @main(%s) -> (%s) {\n", name, strings.Join(params, ", "), strings.Join(types, ", "))
	w.All(g, outputs)
	w.line("return %s : %s", names(w.Of(outputs...)), strings.Join(types, ", "))
	b.WriteString("  }\n}\n")
	return b.String()
}

func (w *writer) line(format string, args ...any) {
	w.text.WriteString(strings.Repeat("  ", w.indent))
	fmt.Fprintf(w.text, format, args...)
	w.text.WriteString("\n")
}

// fresh returns a new name.
func (w *writer) fresh() string {
	*w.count++
	return "%" + strconv.Itoa(*w.count-1)
}

var elementNames = map[graph.DType]string{graph.Float64: "f64", graph.Float32: "f32", graph.Int64: "i64", graph.Int32: "i32", graph.Bool: "i1"}

func typeText(t graph.Type) string {
	var b strings.Builder
	b.WriteString("tensor<")
	for _, e := range t.Shape {
		b.WriteString(strconv.Itoa(e) + "x")
	}
	b.WriteString(elementNames[t.DType] + ">")
	return b.String()
}

func names(v []val) string {
	var all []string
	for _, x := range v {
		all = append(all, x.name)
	}
	return strings.Join(all, ", ")
}

func types(v []val) string {
	var all []string
	for _, x := range v {
		all = append(all, typeText(x.t))
	}
	return strings.Join(all, ", ")
}

// list writes [1, 2].
func list(v []int) string {
	var all []string
	for _, i := range v {
		all = append(all, strconv.Itoa(i))
	}
	return "[" + strings.Join(all, ", ") + "]"
}

// array writes array<i64: 1, 2>.
func array(v []int) string {
	if len(v) == 0 {
		return "array<i64>"
	}
	return "array<i64: " + strings.Trim(list(v), "[]") + ">"
}

// put writes an operation with one result; rest goes between operands and types.
func (w *writer) put(t graph.Type, op, rest string, in ...val) val {
	r := val{w.fresh(), t}
	w.line("%s = stablehlo.%s %s%s : (%s) -> %s", r.name, op, names(in), rest, types(in), typeText(t))
	return r
}

// chlo writes an operation of CHLO.
func (w *writer) chlo(t graph.Type, op string, in ...val) val {
	r := val{w.fresh(), t}
	w.line("%s = chlo.%s %s : %s -> %s", r.name, op, names(in), types(in), typeText(t))
	return r
}

// generic writes an operation in the generic form, whose regions body writes, each with its own parameters.
func (w *writer) generic(results []graph.Type, op, attributes string, in []val, regions ...func(w *writer) (params, out []val)) []val {
	all := make([]val, len(results))
	name := w.fresh()
	var outs []string
	for i, t := range results {
		all[i] = val{name, t}
		if len(results) > 1 {
			all[i].name = fmt.Sprintf("%s#%d", name, i)
		}
		outs = append(outs, typeText(t))
	}
	head := name
	if len(results) > 1 {
		head = fmt.Sprintf("%s:%d", name, len(results))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s = \"stablehlo.%s\"(%s)", head, op, names(in))
	if attributes != "" {
		fmt.Fprintf(&b, " <{%s}>", attributes)
	}
	for i, region := range regions {
		if i == 0 {
			b.WriteString(" (")
		} else {
			b.WriteString(", ")
		}
		b.WriteString("{\n" + w.block(region) + strings.Repeat("  ", w.indent) + "}")
	}
	if len(regions) > 0 {
		b.WriteString(")")
	}
	fmt.Fprintf(&b, " : (%s) -> ", types(in))
	if len(outs) == 1 {
		b.WriteString(outs[0])
	} else {
		b.WriteString("(" + strings.Join(outs, ", ") + ")")
	}
	w.line("%s", b.String())
	return all
}

// block returns the text of a region.
func (w *writer) block(region func(w *writer) (params, out []val)) string {
	var b strings.Builder
	in := newWriter(&b, w.count, w.indent+1)
	params, out := region(in)
	in.line("stablehlo.return %s : %s", names(out), types(out))
	var head strings.Builder
	if len(params) > 0 {
		head.WriteString(strings.Repeat("  ", w.indent) + "^bb0(")
		for i, p := range params {
			if i > 0 {
				head.WriteString(", ")
			}
			head.WriteString(p.name + ": " + typeText(p.t))
		}
		head.WriteString("):\n")
	}
	return head.String() + b.String()
}

// params makes parameters of a region.
func (w *writer) params(types ...graph.Type) []val {
	var all []val
	for _, t := range types {
		all = append(all, val{w.fresh(), t})
	}
	return all
}

// literal writes a constant.
func (w *writer) literal(l *graph.Literal) val {
	t := l.Type()
	var b strings.Builder
	element := func(i int) { b.WriteString(elementText(t.DType, l, i)) }
	if _, ok := l.Uniform(); ok && t.Shape.Size() > 0 {
		element(0)
	} else if t.Shape.Size() > 0 {
		k := 0
		var nested func(d int)
		nested = func(d int) {
			if d == len(t.Shape) {
				element(k)
				k++
				return
			}
			b.WriteString("[")
			for i := range t.Shape[d] {
				if i > 0 {
					b.WriteString(", ")
				}
				nested(d + 1)
			}
			b.WriteString("]")
		}
		nested(0)
	}
	return w.dense(t, b.String())
}

func (w *writer) dense(t graph.Type, text string) val {
	r := val{w.fresh(), t}
	w.line("%s = stablehlo.constant dense<%s> : %s", r.name, text, typeText(t))
	return r
}

func elementText(d graph.DType, l *graph.Literal, i int) string {
	switch {
	case d == graph.Bool:
		return strconv.FormatBool(l.Bits(i) != 0)
	case d == graph.Int32:
		return strconv.FormatInt(int64(int32(l.Bits(i))), 10)
	case d == graph.Int64:
		return strconv.FormatInt(int64(l.Bits(i)), 10)
	}
	return floatText(d, l.Float(i), l.Bits(i))
}

// floatText writes a float: with a point, as MLIR wants it, and the bits of what is not finite.
func floatText(d graph.DType, v float64, bits uint64) string {
	if math.IsInf(v, 0) || v != v {
		return fmt.Sprintf("0x%0*X", 2*d.Size(), bits)
	}
	s := strconv.FormatFloat(v, 'e', -1, 8*d.Size())
	if mantissa, exponent, _ := strings.Cut(s, "e"); !strings.Contains(mantissa, ".") {
		return mantissa + ".0e" + exponent
	}
	return s
}

// number writes an array all of whose elements are v.
func (w *writer) number(t graph.Type, v float64) val {
	switch {
	case t.DType == graph.Bool:
		return w.dense(t, strconv.FormatBool(v != 0))
	case t.DType.IsInt():
		switch {
		case v >= math.MaxInt64: // the largest number rounds up
			return w.dense(t, strconv.FormatInt(math.MaxInt64, 10))
		default:
			return w.dense(t, strconv.FormatInt(int64(v), 10))
		}
	}
	return w.dense(t, floatText(t.DType, v, graph.BitsOfFloat(t.DType, v)))
}

// fit broadcasts a value to a shape.
func (w *writer) fit(x val, shape graph.Shape) val {
	if x.t.Shape.Equal(shape) {
		return x
	}
	var dims []int
	for i := range x.t.Shape {
		dims = append(dims, len(shape)-len(x.t.Shape)+i)
	}
	return w.put(graph.Type{DType: x.t.DType, Shape: shape}, "broadcast_in_dim", ", dims = "+list(dims), x)
}

// spread broadcasts a value whose dimensions become the given ones of the shape.
func (w *writer) spread(x val, shape graph.Shape, dims ...int) val {
	return w.put(graph.Type{DType: x.t.DType, Shape: shape}, "broadcast_in_dim", ", dims = "+list(dims), x)
}

func (w *writer) reshape(x val, shape graph.Shape) val {
	if x.t.Shape.Equal(shape) {
		return x
	}
	return w.put(graph.Type{DType: x.t.DType, Shape: slices.Clone(shape)}, "reshape", "", x)
}

func (w *writer) transpose(x val, perm ...int) val {
	s := graph.Shape{}
	for _, p := range perm {
		s = append(s, x.t.Shape[p])
	}
	return w.put(graph.Type{DType: x.t.DType, Shape: s}, "transpose", ", dims = "+list(perm), x)
}

func (w *writer) convert(x val, d graph.DType) val {
	if x.t.DType == d {
		return x
	}
	return w.put(graph.Type{DType: d, Shape: x.t.Shape}, "convert", "", x)
}

// compare writes a comparison of values of one shape.
func (w *writer) compare(direction string, x, y val) val {
	kind := "FLOAT"
	switch {
	case x.t.DType.IsInt():
		kind = "SIGNED"
	case x.t.DType == graph.Bool:
		kind = "UNSIGNED"
	}
	r := val{w.fresh(), graph.Type{DType: graph.Bool, Shape: x.t.Shape}}
	w.line("%s = stablehlo.compare %s, %s, %s, %s : (%s) -> %s", r.name, direction, x.name, y.name, kind, types([]val{x, y}), typeText(r.t))
	return r
}

// do writes an operation on values of one type, which is the result's.
func (w *writer) do(op string, in ...val) val { return w.put(in[0].t, op, "", in...) }

// choose writes a selection.
func (w *writer) choose(condition, x, y val) val { return w.put(x.t, "select", "", condition, x, y) }

// like writes an array of a value's type all of whose elements are v.
func (w *writer) like(x val, v float64) val { return w.number(x.t, v) }

func (w *writer) iota(d graph.DType, shape graph.Shape, axis int) val {
	r := val{w.fresh(), graph.Type{DType: d, Shape: shape}}
	w.line("%s = stablehlo.iota dim = %d : %s", r.name, axis, typeText(r.t))
	return r
}

// slice takes ranges of all dimensions.
func (w *writer) slice(x val, begin, end, step []int) val {
	var parts []string
	s := graph.Shape{}
	for i := range begin {
		parts = append(parts, fmt.Sprintf("%d:%d:%d", begin[i], end[i], step[i]))
		s = append(s, max(0, (end[i]-begin[i]+step[i]-1)/step[i]))
	}
	return w.put(graph.Type{DType: x.t.DType, Shape: s}, "slice", " ["+strings.Join(parts, ", ")+"]", x)
}

// cut takes a range along an axis.
func (w *writer) cut(x val, axis, from, to int) val {
	begin, end := make([]int, len(x.t.Shape)), slices.Clone([]int(x.t.Shape))
	begin[axis], end[axis] = from, to
	return w.slice(x, begin, end, slices.Repeat([]int{1}, len(begin)))
}

// pad puts elements around, and between, those of a value.
func (w *writer) pad(x, fill val, low, high, inner []int) val {
	s := graph.Shape{}
	for i, e := range x.t.Shape {
		s = append(s, low[i]+e+max(0, e-1)*inner[i]+high[i])
	}
	return w.put(graph.Type{DType: x.t.DType, Shape: s}, "pad", fmt.Sprintf(", low = %s, high = %s, interior = %s", list(low), list(high), list(inner)), x, fill)
}

// reduce writes a reduction over dimensions.
func (w *writer) reduce(op string, x val, start float64, axes []int) val {
	s := graph.Shape{}
	for i, e := range x.t.Shape {
		if !slices.Contains(axes, i) {
			s = append(s, e)
		}
	}
	init := w.number(graph.Type{DType: x.t.DType, Shape: graph.Shape{}}, start)
	r := val{w.fresh(), graph.Type{DType: x.t.DType, Shape: s}}
	w.line("%s = stablehlo.reduce(%s init: %s) applies stablehlo.%s across dimensions = %s : (%s) -> %s", r.name, x.name, init.name, op, list(axes), types([]val{x, init}), typeText(r.t))
	return r
}

// combine is the region of one operation on two scalars.
func combine(op string, d graph.DType) func(w *writer) (params, out []val) {
	return func(w *writer) (params, out []val) {
		t := graph.Type{DType: d, Shape: graph.Shape{}}
		params = w.params(t, t)
		return params, []val{w.do(op, params...)}
	}
}

// windows writes a reduction under every position of a window.
func (w *writer) windows(op string, x val, start float64, size, strides, dilation, padding []int, shape graph.Shape) val {
	init := w.number(graph.Type{DType: x.t.DType, Shape: graph.Shape{}}, start)
	var pairs []string
	for i := range size {
		pairs = append(pairs, list(padding[2*i:2*i+2]))
	}
	attributes := fmt.Sprintf("base_dilations = %s, padding = dense<[%s]> : tensor<%dx2xi64>, window_dilations = %s, window_dimensions = %s, window_strides = %s",
		array(slices.Repeat([]int{1}, len(size))), strings.Join(pairs, ", "), len(size), array(dilation), array(size), array(strides))
	return w.generic([]graph.Type{{DType: x.t.DType, Shape: shape}}, "reduce_window", attributes, []val{x, init}, combine(op, x.t.DType))[0]
}
