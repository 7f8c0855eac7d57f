package compile_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gorgonia.org/tensor"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
)

func ExampleFunction() {
	norm := compile.Function(func(x *graph.Node) *graph.Node { return graph.Sqrt(graph.Sum(graph.Square(x))) })
	y, err := norm.Call([]float64{3, 4})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(y[0])
	// The same function of a matrix, with its gradient.
	y, err = norm.ValueAndGrad().Call([][]float64{{1, 1}, {1, 1}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(y[0])
	fmt.Println(y[1])
	// Output:
	// 5
	// 2
	// [[0.5 0.5]
	//  [0.5 0.5]]
}

func TestFunctions(t *testing.T) {
	square := func(x *graph.Node) *graph.Node { return graph.Square(x) }
	affine := func(g *graph.Graph, x, w *graph.Node) []*graph.Node {
		return []*graph.Node{graph.Sum(graph.Mul(x, w)), graph.Add(x, g.Const(1))}
	}
	for _, c := range []struct {
		name string
		f    *compile.Func
		args []any
		want [][]float64
	}{
		{"scalar", compile.Function(square), []any{3.0}, [][]float64{{9}}},
		{"float32", compile.Function(square), []any{[]float32{2}}, [][]float64{{4}}},
		{"ints", compile.Function(square), []any{[]int{2, 3}}, [][]float64{{4, 9}}},
		{"gonum", compile.Function(square), []any{mat.NewDense(1, 2, []float64{5, 6})}, [][]float64{{25, 36}}},
		{"tensor", compile.Function(square), []any{tensor.New(tensor.WithShape(2), tensor.WithBacking([]float64{1, 2}))}, [][]float64{{1, 4}}},
		{"gradient", compile.Function(square).ValueAndGrad(), []any{3.0}, [][]float64{{9}, {6}}},
		{"gradient of the gradient", compile.Function(square).Hessian(), []any{3.0}, [][]float64{{2}}},
		{"auxiliary", compile.Function(affine).ValueAndGrad(1), []any{[]float64{1, 2}, []float64{3, 4}}, [][]float64{{11}, {2, 3}, {1, 2}}},
		{"jacobian", compile.Function(square).Jacobian(), []any{[]float64{1, 2}}, [][]float64{{2, 0, 0, 4}}},
		{"vmap", compile.Function(affine).Vmap(0), []any{[][]float64{{1, 2}, {0, 1}}, []float64{3, 4}}, [][]float64{{11, 4}, {2, 3, 1, 2}}},
		{"vmap of the gradient", compile.Function(square).ValueAndGrad().Vmap(), []any{[]float64{1, 2, 3}}, [][]float64{{1, 4, 9}, {2, 4, 6}}},
		{"variadic", compile.Function(func(x ...*graph.Node) *graph.Node { return graph.AddN(x[0], x[1:]...) }), []any{1.0, 2.0, 3.0}, [][]float64{{6}}},
		{"a list, and an error", compile.Function(func(a *graph.Node, x []*graph.Node) ([]*graph.Node, error) {
			return []*graph.Node{graph.Mul(a, x[0])}, nil
		}), []any{2.0, 3.0}, [][]float64{{6}}},
	} {
		got, err := c.f.Call(c.args...)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		for i, want := range c.want {
			if len(got) != len(c.want) || !slices.Equal(got[i].Float64s(), want) {
				t.Errorf("%s: result %d of %d is %v, want %v", c.name, i, len(got), got, want)
				break
			}
		}
	}
}

func TestFunctionMistakes(t *testing.T) {
	ok := compile.Function(func(x *graph.Node) *graph.Node { return graph.Exp(x) })
	other := graph.New().Input("x", graph.Float64)
	for _, c := range []struct {
		f    *compile.Func
		args []any
		want string
	}{
		{compile.Function(3), nil, "int"},
		{compile.Function(nil), nil, "<nil>"},
		{compile.Function(func(x int) *graph.Node { return nil }), []any{1}, "func(int)"},
		{compile.Function(func(x *graph.Node) {}), []any{1}, "func(*graph.Node)"},
		{compile.Function(func(x *graph.Node) *graph.Node { return nil }), []any{1.0}, "nil"},
		{compile.Function(func(x *graph.Node) *graph.Node { return other }), []any{1.0}, "another graph"},
		{compile.Function(func(x *graph.Node) (*graph.Node, error) { return nil, errors.New("no luck") }), []any{1.0}, "no luck"},
		{compile.Function(func(x *graph.Node) *graph.Node { return graph.MatMul(x, x) }), []any{[][]float64{{1, 2}}}, "function_test.go:"},
		{compile.Function(func(a *graph.Node, x ...*graph.Node) *graph.Node { return a }), nil, "at least 1"},
		{ok, []any{1.0, 2.0}, "2 arguments for a function of 1"},
		{ok, []any{"one"}, "argument 0"},
		{ok, []any{nil}, "argument 0"},
		{ok, []any{[][]float64{{1}, {2, 3}}}, "different lengths"},
		{ok.ValueAndGrad(1), []any{1.0}, "argument 1 of 1"},
		{ok.ValueAndGrad(), []any{1}, "floating point"},
		{ok.Hessian(), []any{[]float64{1, 2}}, "scalar"},
		{ok.Vmap(), []any{1.0}, "scalar"},
		{ok.Vmap(-1), []any{1.0}, "argument -1"},
		{new(compile.Func), nil, "nil"},
		{new(compile.Func).Vmap().ValueAndGrad(), []any{1.0}, "nil"},
		{(*compile.Func)(nil), nil, "nil"},
		{(*compile.Func)(nil).Jacobian(), nil, "nil"},
	} {
		if _, err := c.f.Call(c.args...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("want an error with %q, got %v", c.want, err)
		}
	}
}

// One function at several shapes from several goroutines.
func TestFunctionShared(t *testing.T) {
	traced := 0
	f := compile.Function(func(x *graph.Node) *graph.Node {
		traced++ // while the specialization is locked
		return graph.Sum(graph.Square(x))
	}).ValueAndGrad()
	var group sync.WaitGroup
	for k := range 6 {
		group.Go(func() {
			for i := range 20 {
				x := slices.Repeat([]float64{float64(i)}, 8)
				y, err := f.Call(x)
				if err != nil || y[0].Item() != 8*float64(i*i) || y[1].Float64s()[7] != 2*float64(i) {
					t.Error(k, i, y, err)
					return
				}
			}
		})
	}
	group.Wait()
	if traced != 1 {
		t.Errorf("built %d times for one shape", traced)
	}
	if y, err := f.Call([]float64{math.Inf(1)}); err != nil || !math.IsInf(y[0].Item(), 1) || traced != 2 {
		t.Error(y, err, traced)
	}
}
