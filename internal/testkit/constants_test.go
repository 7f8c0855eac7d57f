package testkit

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/ref"
)

// Derivatives by a constant of the graph are those by an input of the same value, at orders 1 and 2 in all nestings: no rule and no sweep takes an operand's value for a
// fact, and constants of rules are other nodes than equal ones of the user.
func TestDerivativesByConstants(t *testing.T) {
	count := 0
	for _, op := range graph.Ops() {
		if op.Family == graph.FamilyUser || !op.Differentiable() {
			continue
		}
		for i, s := range op.Samples {
			what := fmt.Sprintf("%s%s#%d", op.Name, s.Attrs, i)
			in := make([]ref.Value, len(s.In))
			for k, x := range s.In {
				in[k] = SampleValue(x, k, graph.Float64)
			}
			count += checkConstants(t, what, op, s, in)
			if !op.Elementwise || s.Build != nil || i > 0 || slices.ContainsFunc(s.In, func(x graph.SampleInput) bool { return x.Constant }) {
				continue
			}
			// Constants that rules make too.
			for k := range s.In {
				if s.In[k].Type.DType != graph.Float64 {
					continue
				}
				for _, c := range []float64{-1, 0, 0.5, 1, 2, 3} {
					for j, x := range s.In {
						typ := x.Type
						if typ.Shape = nil; j != k && typ.DType == graph.Float64 {
							typ.Shape = graph.Shape{3}
						}
						in[j] = SampleValue(graph.SampleInput{Type: typ, Lo: 0.25, Hi: 2}, j, graph.Float64)
					}
					in[k] = ref.Of(graph.Type{DType: graph.Float64}, c)
					count += checkConstants(t, fmt.Sprintf("%s, operand %d = %v", what, k, c), op, s, in)
				}
			}
		}
	}
	t.Logf("%d derivatives by constants", count)
	if count < 3000 {
		t.Errorf("only %d derivatives by constants", count)
	}
}

// checkConstants makes each float operand in turn a constant, and returns the number of derivatives compared.
func checkConstants(t *testing.T, what string, op *graph.Op, s graph.Sample, in []ref.Value) int {
	t.Helper()
	inputs, names, err := constantDerivatives(op, s, in, -1)
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return 0
	}
	count := 0
	for k := range in {
		if s.In[k].Constant || in[k].Type.DType != graph.Float64 {
			continue
		}
		got, _, err := constantDerivatives(op, s, in, k)
		if err != nil && op.OfBodies && strings.Contains(err.Error(), "make it an input") {
			continue // scalar constants are copied into bodies
		}
		if err != nil {
			t.Errorf("%s, operand %d as a constant: %v", what, k, err)
			continue
		}
		for i, v := range got {
			if err := CloseTo(v, inputs[i], 1e-11, 1e-13); err != nil {
				t.Errorf("%s, operand %d as a constant: %s: %v", what, k, names[i], err)
				break
			}
			count++
		}
	}
	return count
}

// constantDerivatives evaluates the derivatives of an operator of which operand k is a constant, none if k < 0.
func constantDerivatives(op *graph.Op, s graph.Sample, in []ref.Value, k int) (values []ref.Value, names []string, err error) {
	g, at := graph.New(), Point{}
	operands := make([]*graph.Node, len(in))
	var wrt []*graph.Node
	for i, v := range in {
		if i == k || s.In[i].Constant {
			operands[i] = Literal(g, v)
		} else {
			operands[i] = g.Input(fmt.Sprintf("x%d", i), v.Type.DType, v.Type.Shape...)
			at[operands[i]] = v
		}
		if v.Type.DType == graph.Float64 && !s.In[i].Constant && !slices.Contains(wrt, operands[i]) {
			wrt = append(wrt, operands[i])
		}
	}
	if len(wrt) == 0 {
		return nil, nil, nil
	}
	seeds := make([][]*graph.Node, 2)
	for j := range seeds {
		for i, w := range wrt {
			d := g.Input(fmt.Sprintf("d%d_%d", j, i), graph.Float64, w.Shape()...)
			at[d] = ref.Of(d.Type(), direction(d.Type(), j, i)...)
			seeds[j] = append(seeds[j], d)
		}
	}
	n := Build(g, op, s, operands)
	results := []*graph.Node{n}
	if types := n.Results(); types != nil {
		results = nil
		for i := range types {
			results = append(results, graph.Result(n, i))
		}
	}
	var f *graph.Node
	weigh := func(i int, y *graph.Node) {
		w := g.Input(fmt.Sprintf("w%d", len(at)), graph.Float64, y.Shape()...)
		at[w] = ref.Of(w.Type(), direction(w.Type(), 2, i)...)
		if y = graph.Sum(graph.Mul(w, y)); f != nil {
			y = graph.Add(f, y)
		}
		f = y
	}
	for i, y := range results {
		if y.DType() == graph.Float64 {
			weigh(i, y)
		}
	}
	if f == nil {
		return nil, nil, g.Err()
	}
	modes := []struct {
		name string
		of   func(f *graph.Node, seeds []*graph.Node) (*graph.Node, error)
	}{
		{"r", func(f *graph.Node, seeds []*graph.Node) (*graph.Node, error) {
			a, err := compile.Gradient(f, wrt...)
			if err != nil {
				return nil, err
			}
			var sum *graph.Node
			for i, x := range a {
				if x = graph.Sum(graph.Mul(seeds[i], x)); sum != nil {
					x = graph.Add(sum, x)
				}
				sum = x
			}
			return sum, nil
		}},
		{"f", func(f *graph.Node, seeds []*graph.Node) (*graph.Node, error) {
			d, err := compile.JVP([]*graph.Node{f}, wrt, seeds)
			if err != nil {
				return nil, err
			}
			return d[0], nil
		}},
	}
	var outputs []*graph.Node
	for _, one := range modes {
		d, err := one.of(f, seeds[0])
		if err != nil {
			return nil, nil, err
		}
		outputs, names = append(outputs, d), append(names, one.name)
		for _, two := range modes {
			dd, err := two.of(d, seeds[1])
			if err != nil {
				return nil, nil, err
			}
			outputs, names = append(outputs, dd), append(names, one.name+two.name)
		}
	}
	if err := g.Err(); err != nil {
		return nil, nil, err
	}
	values, err = ref.Eval(at, outputs...)
	return values, names, err
}
