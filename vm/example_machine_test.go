package vm_test

import (
	"errors"
	"fmt"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// program is y = Σ √x and its gradient.
func program() *vm.Program {
	g := graph.New()
	x := g.Input("x", graph.Float64, 3)
	y := graph.Sum(graph.Sqrt(x)).Named("y")
	d, err := compile.Gradient(y, x)
	if err != nil {
		panic(err)
	}
	p, err := compile.Config{Names: []string{"y", "dx"}}.Compile(y, d[0])
	if err != nil {
		panic(err)
	}
	return p
}

// Call takes the inputs in order, or by name, and returns copies.
func ExampleMachine_Call() {
	m := vm.NewMachine(program())
	out, err := m.Call([]float64{1, 4, 16})
	fmt.Println(out[0], out[1], err)
	out, err = m.Call(map[string]any{"x": []int{1, 1, 1}})
	fmt.Println(out[0].Item(), out[1].Float64s(), err)
	// Output:
	// 7 [0.5 0.25 0.125] <nil>
	// 3 [0.5 0.5 0.5] <nil>
}

// Step runs on the machine's own memory, through views of it, and allocates nothing.
func ExampleMachine_Step() {
	m := vm.NewMachine(program())
	x, y := m.Float64("x"), m.Float64("y")
	for i := range 2 {
		x[0], x[1], x[2] = float64(i), 1, 4
		if err := m.Step(); err != nil {
			fmt.Println(err)
		}
		fmt.Println(y[0])
	}
	// Output:
	// 3
	// 4
}

// View finds inputs and outputs of any dtype by name, and says what is wrong with a name.
func ExampleMachine_View() {
	m := vm.NewMachine(program())
	v, err := m.View("dx")
	fmt.Println(v.Shape, err)
	_, err = m.View("dy")
	fmt.Println(err)
	// Output:
	// [3] <nil>
	// vm: no input or output is named "dy" (inputs: x; outputs: y, dx)
}

// A program is saved without the graph and the compiler, and verified when it is read.
func ExampleDecode() {
	data, err := program().MarshalBinary()
	if err != nil {
		fmt.Println(err)
	}
	p, err := vm.Decode(data)
	if err != nil {
		fmt.Println(err)
	}
	out, err := vm.NewMachine(p).Call([]float64{1, 4, 9})
	fmt.Println(out[0], err)
	data[len(data)/2] ^= 1
	_, err = vm.Decode(data)
	fmt.Println(errors.Is(err, vm.ErrChecksum))
	// Output:
	// 6 <nil>
	// true
}

// A machine that watches stops where the first NaN is made.
func ExampleWithNaNWatch() {
	m := vm.NewMachine(program(), vm.WithNaNWatch())
	_, err := m.Call([]float64{1, -4, 9})
	var nan *vm.NaNError
	fmt.Println(errors.As(err, &nan))
	// Output: true
}

// What a program needs is known before it runs.
func ExampleWithMemoryLimit() {
	m := vm.NewMachine(program(), vm.WithMemoryLimit(100))
	_, err := m.Call([]float64{1, 4, 9})
	fmt.Println(errors.Is(err, vm.ErrMemoryLimit))
	// Output: true
}

// ArrayOf takes numbers, slices, slices of slices and gonum's matrices.
func ExampleArrayOf() {
	a, err := vm.ArrayOf([][]float32{{1, 2}, {3, 4}})
	fmt.Println(a.Type().Shape, a.Data, err)
	_, err = vm.ArrayOf([][]float32{{1, 2}, {3}})
	fmt.Println(err != nil)
	// Output:
	// [2 2] [1 2 3 4] <nil>
	// true
}
