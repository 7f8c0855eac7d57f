package compile_test

import (
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// Whatever is given to Run in place of a tensor of the input's type is an error that names the input.
func TestTensorsOfOtherTypes(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64, 2, 3)
	m := vm.NewMachine(must[*vm.Program](t)(compile.Compile(graph.Sin(x))))
	of := func(d tensor.Dtype, shape ...int) *tensor.Dense {
		return tensor.New(tensor.WithShape(shape...), tensor.Of(d))
	}
	for _, c := range []struct {
		value any
		text  string
	}{
		{nil, "got nil"}, {1.5, "got float64 of shape []"}, {[]float64{1}, "got []float64 of shape [1]"}, {(*tensor.Dense)(nil), "a nil tensor"}, {new(tensor.Dense), "an empty tensor"},
		{of(tensor.Float64, 3, 2), "shape [3 2]"}, {of(tensor.Float64, 6), "shape [6]"}, {of(tensor.Float32, 2, 3), "float32"}, {of(tensor.Bool, 2, 3), "bool"},
		{map[string]any{"y": of(tensor.Float64, 2, 3)}, `no input is named "y"`}, {map[string]any{}, `"x"`},
	} {
		_, err := m.Run(c.value)
		if err == nil || !strings.Contains(err.Error(), c.text) || !strings.Contains(err.Error(), "x") || strings.Contains(err.Error(), "PANIC") {
			t.Errorf("%T: error %v, want %q", c.value, err, c.text)
		}
	}
	if _, err := m.Run(of(tensor.Float64, 2, 3)); err != nil {
		t.Error(err)
	}
}
