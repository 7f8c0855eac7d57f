package eager

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// Tensor is a value, or the record of how to compute one.
type Tensor struct {
	n       *node
	grad    *Tensor
	retains bool
	hooks   []func(gradient *Tensor) *Tensor
}

// node is a value or a recorded operation. Nodes do not change, but for the value that is found and what Backward and the walks note.
type node struct {
	site   *site // of an operation; nil of a value
	in     []*node
	result int32 // of the operation
	typ    *typeOf
	err    error
	value  *vm.Array
	// needs says that gradients flow to it, tensor for whom they are kept: a leaf, or one with RetainGrad or a hook.
	needs  bool
	tensor *Tensor
	freed  bool // by a Backward that did not retain the graph
	number bool // a Go number, whose value may become a constant of programs
	depth  int  // of operations since the last value

	mark  uint64 // of the last walk that came here
	index int32  // in it
}

// maxDepth bounds how many operations that need no gradient are recorded before they are computed, so that a loop that asks for no value doesn't keep its history.
const maxDepth = 256

// errNil is the error of a nil tensor.
var errNil = errors.New("eager: the tensor is nil, or none that this package made")

// nodeOf returns the tensor's node, one with an error if there is none.
func (t *Tensor) nodeOf() *node {
	if t == nil || t.n == nil {
		return &node{err: errNil, typ: noType}
	}
	return t.n
}

func failed(err error) *Tensor { return &Tensor{n: &node{err: err, typ: noType}} }

// Of returns a tensor of a Go value: whatever vm.ArrayOf takes (numbers, slices, slices of slices, gonum matrices, *tensor.Dense), which is copied. Go's int becomes an int64.
// A *Tensor is returned as it is.
func Of(v any) *Tensor {
	if t, ok := v.(*Tensor); ok {
		return t
	}
	a, err := vm.ArrayOf(v)
	if err != nil {
		return failed(mistake("of", err))
	}
	return ofArray(a.Clone())
}

func ofArray(a vm.Array) *Tensor {
	t := a.Type()
	return &Tensor{n: &node{typ: internType(graph.Type{DType: t.DType, Shape: t.Shape}), value: &a}}
}

// New returns a tensor of the elements in row-major order and the shape; it is an error if they do not agree.
func New[T float64 | float32 | int64 | int32 | bool](elements []T, shape ...int) *Tensor {
	a := vm.Array{Shape: slices.Clone(shape), Data: slices.Clone(elements)}
	if a.Type().DType == 0 {
		return failed(mistake("new", fmt.Errorf("%d elements for the shape %v", len(elements), shape)))
	}
	return ofArray(a)
}

// Full returns a float64 tensor of the shape whose elements are v.
func Full(v float64, shape ...int) *Tensor { return full(v, shape) }

// Zeros returns a float64 tensor of zeros of the shape.
func Zeros(shape ...int) *Tensor { return full(0, shape) }

// Ones returns a float64 tensor of ones of the shape.
func Ones(shape ...int) *Tensor { return full(1, shape) }

// full records the tensor, so that it is a machine's limit that bounds its memory.
func full(v float64, shape []int) *Tensor {
	shape = slices.Clone(shape)
	return record(fnFull, appendInts(nil, shape), func(_ *graph.Graph, in []*graph.Node) []*graph.Node {
		return []*graph.Node{graph.BroadcastTo(in[0], shape...)}
	}, caller(1), []any{v})[0]
}

// caller returns where the function was called that is so many calls above the one that asks.
func caller(above int) uintptr {
	var pc [1]uintptr
	runtime.Callers(above+3, pc[:])
	return pc[0]
}

const (
	pkg      = "github.com/adjoint-go/adjoint/compile/eager."
	deepCall = 16 // more calls than one within this package from the user's
)

// mistake returns an error with the user's line: the first that is not of this package.
func mistake(op string, err error) error {
	var pcs [deepCall]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		f, more := frames.Next()
		if !strings.HasPrefix(f.Function, pkg) || !more {
			return &graph.Error{Pos: positionOf(f), Op: op, Err: err}
		}
	}
}

func positionOf(f runtime.Frame) graph.Position {
	return graph.Position{File: f.File, Line: f.Line}
}

// RequiresGrad makes Backward find the gradient by the tensor, and returns the tensor. What was computed with it before is not concerned. A value that is not known yet is computed first; a tensor
// that is computed from others that require gradients requires one already: it is RetainGrad that keeps it. Only floating-point tensors have gradients.
func (t *Tensor) RequiresGrad() *Tensor {
	n := t.nodeOf()
	switch {
	case n.err != nil:
		return failed(n.err)
	case n.needs:
		return t
	case !n.typ.DType.IsFloat():
		return failed(mistake("requires_grad", fmt.Errorf("a tensor of %v has no gradient", n.typ.DType)))
	}
	if err := evaluate(n); err != nil {
		return failed(err)
	}
	t.n = &node{typ: n.typ, value: n.value, needs: true, tensor: t}
	return t
}

// RetainGrad makes Backward keep the gradient by a tensor that is computed from others, and returns the tensor.
func (t *Tensor) RetainGrad() *Tensor {
	if n := t.nodeOf(); n.needs {
		if n.tensor == nil {
			n.tensor = t
		}
		n.tensor.retains = true
	}
	return t
}

// Hook makes Backward call f with the gradient by the tensor, and returns the tensor. What f returns goes on in its place, unless that is nil; its type must be the tensor's. Hooks are called in the order in
// which they were given, each with the result of the one before.
func (t *Tensor) Hook(f func(gradient *Tensor) *Tensor) *Tensor {
	if n := t.nodeOf(); n.needs && f != nil {
		if n.tensor == nil {
			n.tensor = t
		}
		n.tensor.hooks = append(n.tensor.hooks, f)
	}
	return t
}

// Detach returns the tensor's value as a tensor that no gradient flows to.
func (t *Tensor) Detach() *Tensor {
	n := t.nodeOf()
	switch {
	case n.err != nil || !n.needs:
		return &Tensor{n: n}
	case n.value != nil:
		return &Tensor{n: &node{typ: n.typ, value: n.value}}
	}
	d := record1(fnDetach, nil, func(_ *graph.Graph, in []*graph.Node) []*graph.Node { return []*graph.Node{graph.StopGradient(in[0])} }, t)
	d.n.needs = false
	return d
}

// NoGrad calls f, in which operations with the given tensors record nothing for Backward: those that require a gradient do not while f runs. It is for one goroutine, as they are.
func NoGrad(f func(), tensors ...*Tensor) {
	if f == nil {
		return
	}
	before := make([]*node, len(tensors))
	for i, t := range tensors {
		if t == nil || t.n == nil {
			continue
		}
		before[i] = t.n
		t.n = t.Detach().n
	}
	inside := make([]*node, len(tensors))
	for i, t := range tensors {
		if t != nil {
			inside[i] = t.n
		}
	}
	defer func() {
		for i, t := range tensors {
			if before[i] != nil && t.n == inside[i] { // else f has assigned it
				t.n = before[i]
			}
		}
	}()
	f()
}

// Assign gives the tensor a new value, of its type: a parameter after a step of descent. v is a tensor, or a value as Of takes it. What was computed with the old value keeps it.
// The tensor requires a gradient as it did, and keeps its gradient.
func (t *Tensor) Assign(v any) error { return Assign([]*Tensor{t}, []any{v}) }

// Assign gives tensors new values as the method does, and computes all of them at once.
func Assign(tensors []*Tensor, values []any) error {
	if len(tensors) != len(values) {
		return fmt.Errorf("eager: %d values for %d tensors", len(values), len(tensors))
	}
	nodes := make([]*node, len(values))
	for i, v := range values {
		to := tensors[i].nodeOf()
		if to.err != nil {
			return to.err
		}
		nodes[i] = operand(v, to.typ.DType).nodeOf()
		switch {
		case nodes[i].err != nil:
			return nodes[i].err
		case nodes[i].typ != to.typ:
			return mistake("assign", fmt.Errorf("a value of %v for a tensor of %v", nodes[i].typ, to.typ))
		case to.needs && to.site != nil:
			return mistake("assign", errors.New("the tensor is computed from others: only values are assigned"))
		}
	}
	if err := evaluate(nodes...); err != nil {
		return err
	}
	for i, t := range tensors {
		n := &node{typ: t.n.typ, value: nodes[i].value, needs: t.n.needs}
		if n.needs {
			n.tensor = t
		}
		t.n = n
	}
	return nil
}

// Grad returns the gradient that Backward has added up for the tensor, nil if there is none.
func (t *Tensor) Grad() *Tensor {
	if t == nil {
		return nil
	}
	return t.grad
}

// ZeroGrad forgets the gradient.
func (t *Tensor) ZeroGrad() {
	if t != nil {
		t.grad = nil
	}
}

// Err returns the mistake that made the tensor, or nil.
func (t *Tensor) Err() error { return t.nodeOf().err }

// DType returns the dtype; 0 of a mistake.
func (t *Tensor) DType() graph.DType { return t.nodeOf().typ.DType }

// Shape returns the shape; nil of scalars and mistakes.
func (t *Tensor) Shape() graph.Shape { return slices.Clone(t.nodeOf().typ.Shape) }

// Evaluate computes the values of tensors in one program. There is no need to call it but to say when.
func Evaluate(tensors ...*Tensor) error {
	nodes := make([]*node, len(tensors))
	for i, t := range tensors {
		nodes[i] = t.nodeOf()
	}
	return evaluate(nodes...)
}

// Value computes the value and returns a copy.
func (t *Tensor) Value() (vm.Array, error) {
	n := t.nodeOf()
	if err := evaluate(n); err != nil {
		return vm.Array{}, err
	}
	return n.value.Clone(), nil
}

// Float64s computes the value and returns its elements as vm.Array.Float64s does, in a copy.
func (t *Tensor) Float64s() ([]float64, error) {
	a, err := t.Value()
	return a.Float64s(), err
}

// Item computes the value of a tensor of one element and returns it as a float64.
func (t *Tensor) Item() (float64, error) {
	n := t.nodeOf()
	if err := evaluate(n); err != nil {
		return math.NaN(), err
	}
	if n.typ.Shape.Size() != 1 {
		return math.NaN(), mistake("item", fmt.Errorf("a tensor of shape %v has not one element", n.typ.Shape))
	}
	return n.value.Item(), nil
}

// String computes the value and returns it as text, or the mistake.
func (t *Tensor) String() string {
	n := t.nodeOf()
	if err := evaluate(n); err != nil {
		return err.Error()
	}
	return n.value.String()
}

// exactInts are the integers that float64 holds with their neighbours.
const exactInts = 1 << 53

// operand returns what an operator was given as a tensor. Go numbers have dtype d.
func operand(v any, d graph.DType) *Tensor {
	var x float64
	switch n := v.(type) {
	case *Tensor:
		return n
	case float64:
		x = n
	case int:
		if x = float64(n); x > exactInts || x < -exactInts {
			return Of(v)
		}
	default:
		return Of(v)
	}
	var data any
	switch d {
	case graph.Float64:
		data = []float64{x}
	case graph.Float32:
		data = []float32{float32(x)}
	case graph.Int64:
		data = []int64{int64(x)}
	case graph.Int32:
		data = []int32{int32(x)}
	default:
		return Of(v)
	}
	a := vm.Array{Data: data}
	if d.IsInt() && a.Item() != x {
		return failed(mistake("number", fmt.Errorf("%v is no %v", v, d)))
	}
	return &Tensor{n: &node{typ: scalarTypes[d], value: &a, number: true}}
}

// records is record for so many results, of which each carries a mistake. With 0 they are as many as build returns, for invalid operands too.
func records(count int, fn uint16, statics []byte, build builder, operands ...any) []*Tensor {
	list := record(fn, statics, build, caller(1), operands)
	if count == 0 && len(list) > 0 && list[0].nodeOf().err != nil {
		count = len(build(graph.New(), make([]*graph.Node, len(operands))))
	}
	for len(list) < count {
		list = append(list, list[0])
	}
	return list
}

// record1 records an operation with one result. The caller of its caller is the user.
func record1(fn uint16, statics []byte, build builder, operands ...any) *Tensor {
	return record(fn, statics, build, caller(1), operands)[0]
}

// record records an operation: statics tell it apart from those of the same function with other arguments.
func record(fn uint16, statics []byte, build builder, pc uintptr, operands []any) []*Tensor {
	var d graph.DType
	for _, v := range operands {
		if t, ok := v.(*Tensor); ok && t.DType() != 0 && (d == 0 || d == graph.Bool) {
			d = t.DType()
		}
	}
	in := make([]*node, len(operands))
	needs, depth := false, 0
	for i, v := range operands {
		in[i] = operand(v, d).nodeOf()
		if in[i].err != nil {
			return []*Tensor{failed(in[i].err)}
		}
		needs, depth = needs || in[i].needs, max(depth, in[i].depth)
	}
	s := siteFor(fn, statics, build, pc, in)
	if s.err != nil {
		return []*Tensor{failed(s.err)}
	}
	out := make([]*Tensor, len(s.types))
	for k, t := range s.types {
		out[k] = &Tensor{n: &node{site: s, in: in, result: int32(k), typ: t, needs: needs && t.DType.IsFloat(), depth: depth + 1}}
	}
	if depth >= maxDepth && !needs {
		if err := Evaluate(out...); err != nil {
			return []*Tensor{failed(err)}
		}
	}
	return out
}

// Func returns a function of nodes as an operator of tensors: f is called once for operands of given types, as compile.Function says, and must build the same nodes each time. Each Func is an
// operator of its own: make it once, not in a loop.
func Func(f func(g *graph.Graph, in []*graph.Node) []*graph.Node) func(operands ...*Tensor) []*Tensor {
	id := customs.Add(1)
	return func(operands ...*Tensor) []*Tensor {
		list := make([]any, len(operands))
		for i, t := range operands {
			list[i] = t
		}
		pc := caller(0)
		if f == nil {
			return []*Tensor{failed(mistake("func", errors.New("the function is nil")))}
		}
		return record(fnCustom, appendInt(nil, int(id)), f, pc, list)
	}
}
