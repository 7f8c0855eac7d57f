package compile_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// Arrays without elements go into programs and out of them as plain slices, in every form that a program has.
func TestProgramsOfNothing(t *testing.T) {
	g := graph.New()
	x, w := g.Input("x", graph.Float32, 0, 3), g.Input("w", graph.Float32, 3, 2)
	y := graph.Tanh(graph.MatMul(x, w)).Named("y")
	loss := graph.Sum(y).Named("loss")
	d, err := compile.Gradient(loss, x, w)
	if err != nil {
		t.Fatal(err)
	}
	p, err := compile.Config{Verify: true}.Compile(y, loss, d[0], d[1])
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := p.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	again, err := vm.Decode(encoded)
	if err != nil {
		t.Fatal(err)
	}
	fromText, err := vm.ParseText(p.Text())
	if err != nil {
		t.Fatal(err)
	}
	weights := []float32{1, 2, 3, 4, 5, 6}
	for name, p := range map[string]*vm.Program{"compiled": p, "decoded": again, "parsed": fromText} {
		for _, batch := range []any{[][]float32{}, []float32{}, vm.Array{Shape: []int{0, 3}, Data: []float32{}}} {
			m := vm.NewMachine(p)
			out, err := m.Call(map[string]any{"x": batch, "w": weights})
			if err != nil {
				t.Fatalf("%s, %T: %v", name, batch, err)
			}
			for k, shape := range [][]int{{0, 2}, nil, {0, 3}, {3, 2}} {
				if !slices.Equal(out[k].Shape, shape) || slices.ContainsFunc(out[k].Data.([]float32), func(v float32) bool { return v != 0 }) {
					t.Errorf("%s, %T: output %d is %v of shape %v, want zeros of shape %v", name, batch, k, out[k].Data, out[k].Shape, shape)
				}
			}
			if v := m.Float32("x"); v == nil || len(v) != 0 {
				t.Errorf("%s: the view of an input without elements is %v", name, v)
			}
			if _, err := m.Run(map[string]any{"x": batch, "w": weights}); err == nil || !strings.Contains(err.Error(), "use Call") {
				t.Errorf("%s: a tensor without elements: %v", name, err)
			}
			if _, err := m.Call(map[string]any{"x": [][]float32{{}}, "w": weights}); err == nil {
				t.Errorf("%s: x of shape [1×0] is taken for [0×3]", name)
			}
		}
	}
	if anew, err := again.MarshalBinary(); err != nil || !bytes.Equal(encoded, anew) {
		t.Errorf("the program changes on its way through bytes, error %v", err)
	}
	trace, err := compile.TraceValues(map[string]any{"x": vm.Array{Shape: []int{0, 3}, Data: []float32{}}, "w": weights}, loss)
	if err != nil {
		t.Fatal(err)
	}
	if a, ok := trace.Value(loss); !ok || a.Float64s()[0] != 0 {
		t.Errorf("the trace has %v for the loss", a)
	}
}

// A function that is called with a batch of none is compiled for it as for any other.
func TestFunctionOfNothing(t *testing.T) {
	f := compile.Function(func(x *graph.Node) *graph.Node { return graph.Sum(graph.Square(x)) })
	for _, n := range []int{3, 0} {
		r, err := f.ValueAndGrad(0).Call(make([]float64, n))
		if err != nil {
			t.Fatal(err)
		}
		if r[0].Float64s()[0] != 0 || len(r[1].Float64s()) != n {
			t.Errorf("%d elements: %v", n, r)
		}
	}
}
