package vm_test

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gorgonia.org/tensor"

	"github.com/adjoint-go/adjoint/vm"
)

func TestArrayOf(t *testing.T) {
	transposed := tensor.New(tensor.WithShape(2, 3), tensor.WithBacking([]float32{1, 2, 3, 4, 5, 6}))
	if err := transposed.T(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		in    any
		shape []int
		data  any
	}{
		{2.5, nil, []float64{2.5}},
		{7, nil, []int64{7}},
		{true, nil, []bool{true}},
		{[]float32{1, 2}, []int{2}, []float32{1, 2}},
		{[]int{3, 4}, []int{2}, []int64{3, 4}},
		{[]uint8{3, 255}, []int{2}, []int64{3, 255}},
		{[2]float64{3, 4}, []int{2}, []float64{3, 4}},
		{[][]float64{{1, 2}, {3, 4}, {5, 6}}, []int{3, 2}, []float64{1, 2, 3, 4, 5, 6}},
		{[][][]int32{{{1}}, {{2}}}, []int{2, 1, 1}, []int32{1, 2}},
		{[][]bool{{true, false}}, []int{1, 2}, []bool{true, false}},
		{[][]float64{}, []int{0, 0}, []float64{}},
		{mat.NewDense(2, 3, []float64{1, 2, 3, 4, 5, 6}).T(), []int{3, 2}, []float64{1, 4, 2, 5, 3, 6}},
		{mat.NewVecDense(2, []float64{1, 2}), []int{2}, []float64{1, 2}},
		{mat.NewSymDense(2, []float64{1, 2, 2, 3}), []int{2, 2}, []float64{1, 2, 2, 3}},
		{tensor.New(tensor.WithShape(2), tensor.WithBacking([]int32{1, 2})), []int{2}, []int32{1, 2}},
		{tensor.New(tensor.FromScalar(3.5)), []int{}, []float64{3.5}},
		{transposed, []int{3, 2}, []float32{1, 4, 2, 5, 3, 6}},
		{vm.Array{Shape: []int{1, 2}, Data: []float64{1, 2}}, []int{1, 2}, []float64{1, 2}},
	} {
		a, err := vm.ArrayOf(c.in)
		if err != nil || !slices.Equal(a.Shape, c.shape) || !reflect.DeepEqual(a.Data, c.data) {
			t.Errorf("%T: %v %v, %v", c.in, a.Shape, a.Data, err)
		}
	}
	for _, bad := range []any{nil, "1", []string{"1"}, [][]float64{{1}, {}}, struct{}{}, []any{1.0}, (*mat.Dense)(nil), (*tensor.Dense)(nil), func() {}, 1i, vm.Array{},
		vm.Array{Shape: []int{3}, Data: []float64{1}}, vm.Array{Shape: []int{-1, -1}, Data: []float64{1}}, vm.Array{Shape: []int{math.MaxInt, math.MaxInt}, Data: []bool{true}}, vm.Array{Data: []int{1}}} {
		if a, err := vm.ArrayOf(bad); err == nil {
			t.Errorf("%T is %v", bad, a)
		}
	}
}

func TestArrayTexts(t *testing.T) {
	long := vm.Array{Shape: []int{1000}, Data: make([]int64, 1000)}
	for _, c := range []struct {
		a    vm.Array
		want string
	}{
		{vm.Array{Data: []float64{1.5}}, "1.5"},
		{vm.Array{Shape: []int{2, 2}, Data: []float64{1, 2, 3, 4}}, "[[1 2]\n [3 4]]"},
		{vm.Array{Shape: []int{0}, Data: []float64{}}, "[]"},
		{long, "[0 0 0 … 0 0 0]"},
		{vm.Array{Shape: []int{2}, Data: []bool{true}}, "(got an array of shape [2] with 1 elements)"},
	} {
		if got := c.a.String(); got != c.want && !strings.ContainsRune(got, '…') || strings.ContainsRune(c.want, '…') && got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestArrayMatrix(t *testing.T) {
	m, err := vm.Array{Shape: []int{2, 2}, Data: []float32{1, 2, 3, 4}}.Matrix()
	if err != nil || m.At(1, 0) != 3 {
		t.Error(m, err)
	}
	for _, bad := range []vm.Array{{Data: []float64{1}}, {Shape: []int{1, 1, 1}, Data: []float64{1}}, {Shape: []int{0, 2}, Data: []float64{}}, {}} {
		if _, err := bad.Matrix(); err == nil {
			t.Errorf("%v is a matrix", bad)
		}
	}
	if v := (vm.Array{Shape: []int{2}, Data: []float64{1, 2}}).Item(); !math.IsNaN(v) {
		t.Errorf("two elements are one: %v", v)
	}
}
