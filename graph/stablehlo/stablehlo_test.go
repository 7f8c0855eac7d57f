package stablehlo

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// numbers is an array in the files beside the texts.
type numbers struct {
	DType string   `json:"dtype"`
	Shape []int    `json:"shape"`
	Data  []string `json:"data"`
}

func (n numbers) array(t *testing.T) vm.Array {
	t.Helper()
	a := vm.Array{Shape: n.Shape}
	var f []float64
	var whole []int64
	for _, s := range n.Data {
		if i, err := strconv.ParseInt(s, 10, 64); err == nil {
			whole = append(whole, i)
		}
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			t.Fatal(err)
		}
		f = append(f, v)
	}
	switch n.DType {
	case "float64":
		a.Data = f
	case "float32":
		a.Data = convert[float32](f)
	case "int64":
		if len(whole) < len(f) {
			whole = convert[int64](f)
		}
		a.Data = whole
	case "int32":
		a.Data = convert[int32](f)
	case "bool":
		b := make([]bool, len(f))
		for i := range f {
			b[i] = f[i] != 0
		}
		a.Data = b
	default:
		t.Fatalf("dtype %s", n.DType)
	}
	return a
}

func convert[T float32 | int64 | int32](f []float64) []T {
	r := make([]T, len(f))
	for i := range f {
		r[i] = T(f[i])
	}
	return r
}

// results runs a graph.
func results(outputs []*graph.Node, args map[string]any) ([]vm.Array, error) {
	p, err := compile.Compile(outputs...)
	if err != nil {
		return nil, err
	}
	return vm.NewMachine(p).Call(args)
}

// agree reports the first element in which arrays differ by more than the bound for their dtype, relative to the largest element.
func agree(got, want []vm.Array, bound64, bound32 float64) error {
	if len(got) != len(want) {
		return fmt.Errorf("%d outputs, expected %d", len(got), len(want))
	}
	for k, w := range want {
		g := got[k]
		if !graph.Shape(g.Shape).Equal(w.Shape) || fmt.Sprintf("%T", g.Data) != fmt.Sprintf("%T", w.Data) {
			return fmt.Errorf("output %d is %T%v, expected %T%v", k, g.Data, g.Shape, w.Data, w.Shape)
		}
		if b, ok := w.Data.([]bool); ok {
			for i := range b {
				if g.Data.([]bool)[i] != b[i] {
					return fmt.Errorf("output %d, element %d is %v", k, i, !b[i])
				}
			}
			continue
		}
		bound := bound64
		switch w.Data.(type) {
		case []float32:
			bound = bound32
		case []int32, []int64:
			bound = 0
		}
		x, y := g.Float64s(), w.Float64s()
		largest := 0.0
		for _, v := range y {
			if !math.IsInf(v, 0) && v == v {
				largest = math.Max(largest, math.Abs(v))
			}
		}
		for i := range y {
			if x[i] != y[i] && !(x[i] != x[i] && y[i] != y[i]) && !(math.Abs(x[i]-y[i]) <= bound*(1+largest)) {
				return fmt.Errorf("output %d, element %d is %v, expected %v", k, i, x[i], y[i])
			}
		}
	}
	return nil
}

// TestJAX runs programs that jax has written, and gradients of them, and compares them with what jax computes.
func TestJAX(t *testing.T) {
	files, err := filepath.Glob("testdata/*.mlir")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".mlir"), func(t *testing.T) {
			data, err := os.ReadFile(strings.TrimSuffix(file, ".mlir") + ".json")
			if err != nil {
				t.Fatal(err)
			}
			var golden struct {
				Inputs, Outputs []numbers
				Gradient        *numbers
			}
			if err := json.Unmarshal(data, &golden); err != nil {
				t.Fatal(err)
			}
			m, err := ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			r, err := m.Build(graph.New(), Options{})
			if err != nil {
				t.Fatal(err)
			}
			args := map[string]any{}
			for i, in := range golden.Inputs {
				args[m.Inputs()[i].Name] = in.array(t)
			}
			var want []vm.Array
			for _, out := range golden.Outputs {
				want = append(want, out.array(t))
			}
			outputs := r.Outputs
			if golden.Gradient != nil {
				var sum *graph.Node
				for _, n := range r.Outputs {
					if n.DType() != r.Inputs[0].DType() {
						continue
					}
					if s := graph.Sum(n); sum == nil {
						sum = s
					} else {
						sum = graph.Add(sum, s)
					}
				}
				d, err := compile.Gradient(sum, r.Inputs[0])
				if err != nil {
					t.Fatal(err)
				}
				outputs = append(outputs, d...)
				want = append(want, golden.Gradient.array(t))
			}
			got, err := results(outputs, args)
			if err != nil {
				t.Fatal(err)
			}
			if err := agree(got, want, 1e-12, 1e-5); err != nil {
				t.Error(err)
			}
		})
	}
}
