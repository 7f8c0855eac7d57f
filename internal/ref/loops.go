package ref

import (
	"fmt"
	"math"
	"slices"

	"github.com/adjoint-go/adjoint/graph"
)

// Loops and branches by their definitions: bodies are interpreted step by step, and each_step does the whole loop once more.

func init() {
	evaluators["scan"] = func(n *graph.Node, in []Value) (Value, error) { return loop(n, in, nil, nil) }
	evaluators["while"] = evaluators["scan"]
	evaluators["switch"] = func(n *graph.Node, in []Value) (Value, error) {
		bodies := graph.Bodies(n)
		k := int64(0)
		if in[0].B != nil {
			if in[0].B[0] {
				k = 1
			}
		} else {
			k = min(max(in[0].I[0], 0), int64(len(bodies)-1))
		}
		out, err := function(bodies[k], bodies[k].Results())(in[1:])
		return Value{Results: out}, err
	}
	evaluators["checkpoint"] = func(n *graph.Node, in []Value) (Value, error) {
		b := graph.Bodies(n)[0]
		out, err := function(b, b.Results())(in)
		return Value{Results: out}, err
	}
	evaluators["call"] = evaluators["checkpoint"]
	evaluators["batched_call"] = func(n *graph.Node, in []Value) (Value, error) {
		b, batched := graph.Bodies(n)[0], n.Attrs().Ints("operands")
		f := function(b, b.Results())
		var out []Value
		for _, t := range n.Results() {
			out = append(out, New(t))
		}
		for lane := range n.Results()[0].Shape[0] {
			args := slices.Clone(in)
			for _, i := range batched {
				args[i] = elementAt(in[i], lane)
			}
			results, err := f(args)
			if err != nil {
				return Value{}, err
			}
			for k, r := range results {
				size := r.Type.Shape.Size()
				for e := range size {
					out[k].copyElement(lane*size+e, r, e)
				}
			}
		}
		return Value{Results: out}, nil
	}
}

// function returns the function that evaluates nodes of a body, for arguments.
func function(b *graph.Body, nodes []*graph.Node) func(args []Value) ([]Value, error) {
	g, params, _ := b.Open()
	open := make([]*graph.Node, len(nodes))
	for i, n := range nodes {
		open[i] = g.Node(n.ID())
	}
	x, err := Make(open...)
	return func(args []Value) ([]Value, error) {
		if err != nil {
			return nil, err
		}
		values := map[*graph.Node]Value{}
		for i, p := range params {
			values[p] = args[i]
		}
		return x.Run(values)
	}
}

// elementAt returns element i of v along its first axis.
func elementAt(v Value, i int) Value {
	s := v.Type.Shape[1:]
	out := New(graph.Type{DType: v.Type.DType, Shape: s})
	for k := range s.Size() {
		out.copyElement(k, v, i*s.Size()+k)
	}
	return out
}

// loop runs a scan or while loop, and stacks the given value of its body at each step in values.
func loop(n *graph.Node, in []Value, value *graph.Node, stacked *Value) (Value, error) {
	a, bodies := n.Attrs(), graph.Bodies(n)
	body := bodies[len(bodies)-1]
	captured, carries := a.Int("captured"), a.Int("carries")
	length := a.Int("length")
	if a.Bool("counted") {
		count := max(in[0].I[0], 0)
		if length > 0 {
			count = min(count, int64(length))
		}
		length, in = int(count), in[1:]
	}
	nodes := body.Results()
	if value != nil {
		nodes = append(nodes[:len(nodes):len(nodes)], value)
	}
	step := function(body, nodes)
	c := in[captured : captured+carries]
	do := func(at int, more ...Value) error {
		out, err := step(append(append(append([]Value{}, in[:captured]...), c...), more...))
		if err != nil {
			return err
		}
		c = out[:carries]
		if value != nil {
			v := out[len(out)-1]
			for k := range v.Len() {
				stacked.copyElement(at*v.Len()+k, v, k)
			}
		}
		return nil
	}
	if n.Op().Name == "scan" {
		for t := range length {
			if a.Bool("reverse") {
				t = length - 1 - t
			}
			var xs []Value
			for _, x := range in[captured+carries:] {
				xs = append(xs, elementAt(x, t))
			}
			if err := do(t, xs...); err != nil {
				return Value{}, err
			}
		}
		return Value{Results: c}, nil
	}
	test := function(bodies[0], bodies[0].Results())
	steps := int64(0)
	for {
		on, err := test(append(append([]Value{}, in[:captured]...), c...))
		if err != nil {
			return Value{}, err
		}
		if !on[0].B[0] {
			return Value{Results: append(append([]Value{}, c...), Value{Type: graph.Type{DType: graph.Int64}, I: []int64{steps}})}, nil
		}
		if limit := int64(a.Int("limit")); limit > 0 && steps == limit {
			return Value{}, fmt.Errorf("more than %d steps", steps)
		}
		if err := do(int(steps)); err != nil {
			return Value{}, err
		}
		steps++
	}
}

// endless reports whether the steps of a loop have no bound, so that the type of what is stacked at each of them does not say how many there are.
func endless(n *graph.Node) bool {
	a := n.Attrs()
	limit := a.Int("limit")
	return n.Op().Name == "while" && (limit == 0 || limit > math.MaxInt32) || n.Op().Name == "scan" && a.Int("length") == 0
}

// eachStep evaluates a value of the loop's body at each step.
func (x *Interpreter) eachStep(n *graph.Node, values map[*graph.Node]Value) (Value, error) {
	of := n.Input(0)
	bodies := graph.Bodies(of)
	in := make([]Value, len(of.Inputs()))
	for i, o := range of.Inputs() {
		in[i] = values[o]
	}
	t := n.Type()
	if endless(of) { // as many as are done
		done, err := loop(of, in, nil, nil)
		if err != nil {
			return Value{}, err
		}
		steps := in[0]
		if of.Op().Name == "while" {
			steps = done.Results[len(done.Results)-1]
		}
		t.Shape = append(graph.Shape{int(max(steps.I[0], 0))}, t.Shape[1:]...)
	}
	out := New(t)
	_, err := loop(of, in, bodies[len(bodies)-1].Graph().Node(n.Attrs().Int("value")), &out)
	return out, err
}
