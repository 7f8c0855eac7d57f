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

// Taylor coefficients and sparse derivatives by arrays without elements, and of such arrays, are there and have their shapes.
func TestDerivativesOfNothing(t *testing.T) {
	for _, rows := range []int{0, 2} {
		g := graph.New()
		x, w := g.Input("x", graph.Float64, rows, 3), g.Input("w", graph.Float64, 3, 2)
		y := graph.Tanh(graph.MatMul(x, w))
		loss := graph.Sum(graph.Square(y))
		one := func(n *graph.Node) *graph.Node { return graph.FullLike(n, 1) }
		series := must[[][]*graph.Node](t)(compile.Taylor(3, []*graph.Node{y, loss}, []*graph.Node{x, w}, [][]*graph.Node{{one(x), one(w)}}))
		outputs := []*graph.Node{}
		for _, c := range series {
			outputs = append(outputs, c...)
		}
		jacobian := must[*compile.SparseMatrix](t)(compile.SparseJacobian(y, x))
		ofLoss := must[*compile.SparseMatrix](t)(compile.SparseJacobian(loss, x))
		hessian := must[*compile.SparseMatrix](t)(compile.SparseHessian(loss, x))
		ofWeights := must[*compile.SparseMatrix](t)(compile.SparseHessian(loss, w))
		for i, c := range []struct {
			m             *compile.SparseMatrix
			rows, columns int
			entries       int
		}{{jacobian, 2 * rows, 3 * rows, 6 * rows}, {ofLoss, 1, 3 * rows, 3 * rows}, {hessian, 3 * rows, 3 * rows, 9 * rows}, {ofWeights, 6, 6, 18 * min(rows, 1)}} {
			if c.m.Rows != c.rows || c.m.Columns != c.columns || c.m.NonZeros() != c.entries {
				t.Errorf("%d rows: matrix %d is %d×%d with %d entries, want %d×%d with %d", rows, i, c.m.Rows, c.m.Columns, c.m.NonZeros(), c.rows, c.columns, c.entries)
			}
			outputs = append(outputs, c.m.Values)
		}
		p := must[*vm.Program](t)(compile.Config{Verify: true}.Compile(outputs...))
		out := must[[]vm.Array](t)(vm.NewMachine(p).Call(map[string]any{"x": vm.Array{Shape: []int{rows, 3}, Data: make([]float64, 3*rows)}, "w": []float64{1, 2, 3, 4, 5, 6}}))
		for k := range 2 * len(series) {
			if want := outputs[k].Shape(); !slices.Equal(out[k].Shape, want) || k%2 == 1 && rows == 0 && out[k].Float64s()[0] != 0 {
				t.Errorf("%d rows: coefficient %d is %v of shape %v, want the shape %v and zeros of none", rows, k, out[k].Data, out[k].Shape, want)
			}
		}
		// x = 0 on the line x = t·1, w + t·1: the elements of y are t·(9, 12), to first order.
		if first := out[2].Float64s(); rows == 2 && !slices.Equal(first, []float64{9, 12, 9, 12}) {
			t.Errorf("the first coefficients are %v", first)
		}
	}
}

// Loops whose carries and elements are all without elements still give a value at each step.
func TestLoopsOfNothing(t *testing.T) {
	for _, steps := range []int{1, 3, 1000} {
		for _, c := range []compile.Config{{Verify: true}, {Verify: true, Disable: []string{"unroll"}}, {Unoptimized: true}} {
			g := graph.New()
			x, w := g.Input("x", graph.Float64, 2, 0), g.Input("w", graph.Float64)
			final, ys := graph.Scan(steps, []*graph.Node{x}, []*graph.Node{graph.BroadcastTo(x, steps, 2, 0)}, func(c, e []*graph.Node) (next, ys []*graph.Node) {
				return []*graph.Node{graph.Add(c[0], e[0])}, []*graph.Node{graph.Add(graph.Sum(e[0]), graph.Cos(graph.Sum(c[0])))}
			})
			cost := graph.Mul(w, graph.Sum(ys[0]))
			out := append(grad(t, cost, x, w), cost, final[0])
			p, err := c.Compile(out...)
			if err != nil {
				t.Errorf("%d steps, %+v: %v", steps, c, err)
				continue
			}
			r, err := vm.NewMachine(p).Call(map[string]any{"x": vm.Array{Shape: []int{2, 0}, Data: []float64{}}, "w": 2.0})
			if err != nil {
				t.Fatal(err)
			}
			if d, y := r[1].Float64s()[0], r[2].Float64s()[0]; d != float64(steps) || y != 2*float64(steps) || len(r[0].Float64s())+len(r[3].Float64s()) != 0 {
				t.Errorf("%d steps, %+v: %v", steps, c, r)
			}
		}
	}
}
