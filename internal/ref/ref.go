// Package ref interprets graphs node by node in the plainest way: the oracle that compiled
// programs are compared with. It shares no code with the kernels, the compiler or the machine.
package ref

import (
	"fmt"
	"math"

	"github.com/adjoint-go/adjoint/graph"
)

// Value is a tensor's value: row-major elements in the one slice that suits the dtype. Float32 elements
// are float64 numbers that float32 holds exactly.
type Value struct {
	Type graph.Type
	F    []float64 // Float64 and Float32
	I    []int64   // Int64 and Int32
	B    []bool    // Bool

	Results []Value // of an operator with several results; then the other fields are empty
}

// New returns zeros of the type.
func New(t graph.Type) Value {
	v, n := Value{Type: t}, t.Shape.Size()
	switch {
	case t.DType.IsFloat():
		v.F = make([]float64, n)
	case t.DType.IsInt():
		v.I = make([]int64, n)
	default:
		v.B = make([]bool, n)
	}
	return v
}

// Of returns a value of the type from numbers, converted as a cast from float64 does.
func Of(t graph.Type, numbers ...float64) Value {
	v := New(t)
	if len(numbers) != t.Shape.Size() {
		panic(fmt.Sprintf("BUG: %d numbers for %v", len(numbers), t))
	}
	for i, x := range numbers {
		v.setNumber(i, x)
	}
	return v
}

// Len returns the number of elements.
func (v Value) Len() int { return v.Type.Shape.Size() }

// Number returns element i as float64; a bool is 0 or 1.
func (v Value) Number(i int) float64 {
	switch {
	case v.F != nil:
		return v.F[i]
	case v.I != nil:
		return float64(v.I[i])
	case v.B[i]:
		return 1
	}
	return 0
}

// setNumber stores a number with the conversion of a cast from float64.
func (v Value) setNumber(i int, x float64) {
	switch v.Type.DType {
	case graph.Float64:
		v.F[i] = x
	case graph.Float32:
		v.F[i] = float64(float32(x))
	case graph.Int64:
		v.I[i] = saturate(x, 63)
	case graph.Int32:
		v.I[i] = saturate(x, 31)
	default:
		v.B[i] = x != 0
	}
}

// saturate truncates to a signed integer of the given number of bits without sign.
func saturate(x float64, bits int) int64 {
	limit := math.Ldexp(1, bits)
	switch {
	case x != x:
		return 0
	case x >= limit:
		return int64(uint64(1)<<bits - 1)
	case x < -limit:
		return -1 << bits
	}
	return int64(math.Trunc(x))
}

// setInt stores an integer, wrapped to the dtype.
func (v Value) setInt(i int, x int64) {
	if v.Type.DType == graph.Int32 {
		x = int64(int32(x))
	}
	v.I[i] = x
}

// copyElement stores element j of w, which has the same dtype, as element i.
func (v Value) copyElement(i int, w Value, j int) {
	switch {
	case v.F != nil:
		v.F[i] = w.F[j]
	case v.I != nil:
		v.I[i] = w.I[j]
	default:
		v.B[i] = w.B[j]
	}
}

// Interpreter evaluates some outputs of a graph.
type Interpreter struct {
	nodes   []*graph.Node
	outputs []*graph.Node
	values  map[*graph.Node]Value
	fixed   map[*graph.Node]Value       // what does not depend on inputs
	stands  map[*graph.Node]*graph.Node // expansions, by the nodes that they stand for
}

// Make returns an interpreter for the outputs. Operators without a definition here are expanded, which appends nodes to
// the graph.
func Make(outputs ...*graph.Node) (*Interpreter, error) {
	x := &Interpreter{outputs: outputs, values: map[*graph.Node]Value{}, fixed: map[*graph.Node]Value{}, stands: map[*graph.Node]*graph.Node{}}
	seen := map[*graph.Node]bool{}
	var visit func(n *graph.Node) error
	visit = func(n *graph.Node) error {
		if seen[n] {
			return nil
		}
		seen[n] = true
		if !n.Valid() {
			return fmt.Errorf("ref: invalid node")
		}
		varies := n.IsInput()
		operands := n.Inputs()
		if n.Op().Expand != nil && !Defined(n.Op().Name) {
			// The expansion is made of nodes that are appended to the graph.
			e := n.Op().Expand(n)
			if err := n.Graph().Err(); err != nil {
				return fmt.Errorf("ref: expanding %s: %w", n.Op().Name, err)
			}
			x.stands[n] = e
			operands = []*graph.Node{e}
		}
		for _, in := range operands {
			if err := visit(in); err != nil {
				return err
			}
			if _, ok := x.fixed[in]; !ok {
				varies = true
			}
		}
		if varies {
			x.nodes = append(x.nodes, n)
			return nil
		}
		v, err := x.eval(n, x.fixed)
		if err != nil {
			return err
		}
		x.fixed[n] = v
		return nil
	}
	for _, o := range outputs {
		if err := visit(o); err != nil {
			return nil, err
		}
	}
	return x, nil
}

// Run evaluates the outputs for the inputs' values. Inputs that no output depends on may be left out.
func (x *Interpreter) Run(inputs map[*graph.Node]Value) ([]Value, error) {
	clear(x.values)
	for n, v := range x.fixed {
		x.values[n] = v
	}
	for _, n := range x.nodes {
		if n.IsInput() {
			v, ok := inputs[n]
			if !ok {
				return nil, fmt.Errorf("ref: input %v has no value", n)
			}
			if !v.Type.Equal(n.Type()) {
				return nil, fmt.Errorf("ref: input %v is %v, not %v", n, n.Type(), v.Type)
			}
			x.values[n] = v
			continue
		}
		v, err := x.eval(n, x.values)
		if err != nil {
			return nil, err
		}
		x.values[n] = v
	}
	out := make([]Value, len(x.outputs))
	for i, o := range x.outputs {
		out[i] = x.values[o]
	}
	return out, nil
}

// Eval evaluates outputs once.
func Eval(inputs map[*graph.Node]Value, outputs ...*graph.Node) ([]Value, error) {
	x, err := Make(outputs...)
	if err != nil {
		return nil, err
	}
	return x.Run(inputs)
}

// evaluators are the operators that are not elementwise. Those with several results fill Value.Results.
var evaluators = map[string]func(n *graph.Node, in []Value) (Value, error){}

func (x *Interpreter) eval(n *graph.Node, values map[*graph.Node]Value) (Value, error) {
	if e := x.stands[n]; e != nil {
		return values[e], nil
	}
	in := make([]Value, len(n.Inputs()))
	for i, o := range n.Inputs() {
		in[i] = values[o]
	}
	name := n.Op().Name
	var v Value
	var err error
	if name == "each_step" {
		v, err = x.eachStep(n, values)
	} else if f := evaluators[name]; f != nil {
		v, err = f(n, in)
	} else if n.Op().Elementwise {
		v, err = elementwise(n, in)
	} else {
		err = fmt.Errorf("no definition")
	}
	if err != nil {
		return Value{}, fmt.Errorf("ref: %s (%v): %w", name, n.Position(), err)
	}
	types, results := []graph.Type{n.Type()}, []Value{v}
	if n.Results() != nil {
		types, results = n.Results(), v.Results
	}
	if len(types) != len(results) {
		return Value{}, fmt.Errorf("ref: %s gives %d results, its node has %d", name, len(results), len(types))
	}
	for k, r := range results {
		if !r.Type.Equal(types[k]) && !(name == "each_step" && endless(n.Input(0))) {
			return Value{}, fmt.Errorf("ref: result %d of %s is %v, its node's is %v", k, name, r.Type, types[k])
		}
		if r.Type.DType == graph.Float32 {
			for i, f := range r.F {
				r.F[i] = float64(float32(f))
			}
		}
	}
	return v, nil
}

// Defined reports whether the operator with the given name has a definition here. Others are evaluated by their expansion
// if they have one.
func Defined(name string) bool {
	_, f := floatOps[name]
	_, p := predicates[name]
	_, i := intOps[name]
	return evaluators[name] != nil || f || p || i
}
