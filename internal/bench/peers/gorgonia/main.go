// Command gorgonia runs the workloads on Gorgonia's tape machine.
package main

import (
	"fmt"
	"os"
	"runtime/debug"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/adjoint-go/adjoint/internal/bench/peers/inputs"
	"github.com/adjoint-go/adjoint/internal/bench/peers/protocol"
)

func main() {
	entries := []protocol.Entry{
		{Row: protocol.Row{Work: "seed", DType: "float64"}, Prepare: seed},
		{Row: protocol.Row{Work: "chain", DType: "float64"}, Prepare: chain[float64]},
		{Row: protocol.Row{Work: "chain", DType: "float32"}, Prepare: chain[float32]},
		{Row: protocol.Row{Work: "mlp", DType: "float32"}, Prepare: mlp},
	}
	for _, n := range []int{64, 256, 1024} {
		entries = append(entries,
			protocol.Entry{Row: protocol.Row{Work: fmt.Sprintf("gemm%d", n), DType: "float64"}, Prepare: func() (*protocol.Item, error) { return gemm[float64](n) }},
			protocol.Entry{Row: protocol.Row{Work: fmt.Sprintf("gemm%d", n), DType: "float32"}, Prepare: func() (*protocol.Item, error) { return gemm[float32](n) }})
	}
	if err := protocol.Serve("gorgonia", version("gorgonia.org/gorgonia"), entries, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func version(path string) string {
	info, _ := debug.ReadBuildInfo()
	for _, d := range info.Deps {
		if d.Path == path {
			return d.Version
		}
	}
	return "unknown"
}

func dtypeOf[T inputs.Float]() tensor.Dtype {
	if any(T(0)) == any(float64(0)) {
		return tensor.Float64
	}
	return tensor.Float32
}

// run returns a function that runs the machine once.
func run(vm G.VM) func() error {
	return func() error {
		err := vm.RunAll()
		vm.Reset()
		return err
	}
}

// loop runs once n times.
func loop(once func() error) func(int) error {
	return func(n int) error {
		for range n {
			if err := once(); err != nil {
				return err
			}
		}
		return nil
	}
}

func seed() (*protocol.Item, error) {
	g := G.NewGraph()
	x1 := G.NewScalar(g, tensor.Float64, G.WithName("x1"), G.WithValue(3.0))
	x2 := G.NewScalar(g, tensor.Float64, G.WithName("x2"), G.WithValue(4.0))
	z := G.Must(G.Add(G.Must(G.Add(G.Must(G.Mul(x1, x1)), G.Must(G.Mul(x2, x2)))), G.Must(G.Mul(x1, x2))))
	if _, err := G.Grad(z, x1, x2); err != nil {
		return nil, err
	}
	var value G.Value
	G.Read(z, &value)
	vm := G.NewTapeMachine(g, G.BindDualValues(x1, x2))
	if err := vm.RunAll(); err != nil {
		return nil, err
	}
	check := []float64{value.Data().(float64)}
	for _, x := range []*G.Node{x1, x2} {
		d, err := x.Grad()
		if err != nil {
			return nil, err
		}
		check = append(check, d.Data().(float64))
	}
	vm.Reset()
	return &protocol.Item{Run: loop(run(vm)), Check: check}, nil
}

func chain[T inputs.Float]() (*protocol.Item, error) {
	const n = 1_000_000
	g := G.NewGraph()
	x := G.NewVector(g, dtypeOf[T](), G.WithShape(n), G.WithName("x"),
		G.WithValue(tensor.New(tensor.WithShape(n), tensor.WithBacking(inputs.Linspace[T](-4, 4, n)))))
	one := G.NewConstant(T(1))
	square := G.Must(G.Square(x))
	left := G.Must(G.HadamardProd(G.Must(G.Exp(G.Must(G.Neg(square)))), G.Must(G.Sin(x))))
	right := G.Must(G.HadamardDiv(x, G.Must(G.Add(square, one))))
	y := G.Must(G.Sum(G.Must(G.Add(left, right))))
	if _, err := G.Grad(y, x); err != nil {
		return nil, err
	}
	var value G.Value
	G.Read(y, &value)
	vm := G.NewTapeMachine(g, G.BindDualValues(x))
	if err := vm.RunAll(); err != nil {
		return nil, err
	}
	d, err := x.Grad()
	if err != nil {
		return nil, err
	}
	check := []float64{float64(value.Data().(T)), inputs.SumOfSquares(d.Data().([]T))}
	vm.Reset()
	return &protocol.Item{Run: loop(run(vm)), Check: check}, nil
}

// mlp is 784-128-10 with relu and mean cross entropy, batch 64, and a step of gradient descent with rate 0.01.
func mlp() (*protocol.Item, error) {
	const batch, in, hidden, out = 64, 784, 128, 10
	g := G.NewGraph()
	matrix := func(name string, rows, columns int, values []float32) *G.Node {
		return G.NewMatrix(g, tensor.Float32, G.WithShape(rows, columns), G.WithName(name),
			G.WithValue(tensor.New(tensor.WithShape(rows, columns), tensor.WithBacking(values))))
	}
	x := matrix("x", batch, in, inputs.Wave[float32](batch*in, 1, 0.17, 0.1))
	labels := make([]float32, batch*out)
	for i := range batch {
		labels[i*out+i%out] = 1
	}
	y := matrix("y", batch, out, labels)
	w1 := matrix("w1", in, hidden, inputs.Wave[float32](in*hidden, 0.05, 0.31, 0.1))
	b1 := matrix("b1", 1, hidden, make([]float32, hidden))
	w2 := matrix("w2", hidden, out, inputs.Wave[float32](hidden*out, 0.1, 0.53, 0.1))
	b2 := matrix("b2", 1, out, make([]float32, out))

	h := G.Must(G.Rectify(G.Must(G.BroadcastAdd(G.Must(G.Mul(x, w1)), b1, nil, []byte{0}))))
	logits := G.Must(G.BroadcastAdd(G.Must(G.Mul(h, w2)), b2, nil, []byte{0}))
	// Cross entropy by its definition; the logits are small, so that no shift is needed.
	total := G.Must(G.Sum(G.Must(G.Exp(logits)), 1))
	picked := G.Must(G.Sum(G.Must(G.HadamardProd(logits, y)), 1))
	loss := G.Must(G.Mean(G.Must(G.Sub(G.Must(G.Log(total)), picked))))
	parameters := G.Nodes{w1, b1, w2, b2}
	if _, err := G.Grad(loss, parameters...); err != nil {
		return nil, err
	}
	var value G.Value
	G.Read(loss, &value)
	vm := G.NewTapeMachine(g, G.BindDualValues(parameters...))
	solver := G.NewVanillaSolver(G.WithLearnRate(0.01))
	once := func() error {
		if err := vm.RunAll(); err != nil {
			return err
		}
		if err := solver.Step(G.NodesToValueGrads(parameters)); err != nil {
			return err
		}
		vm.Reset()
		return nil
	}
	var check []float64
	for range 3 {
		if err := once(); err != nil {
			return nil, err
		}
		check = append(check, float64(value.Data().(float32)))
	}
	return &protocol.Item{Run: loop(once), Check: check}, nil
}

func gemm[T inputs.Float](n int) (*protocol.Item, error) {
	a := tensor.New(tensor.WithShape(n, n), tensor.WithBacking(inputs.Wave[T](n*n, 1, 0.37, 0.1)))
	b := tensor.New(tensor.WithShape(n, n), tensor.WithBacking(inputs.Wave[T](n*n, 1, 0.11, 0.1)))
	c := tensor.New(tensor.WithShape(n, n), tensor.Of(dtypeOf[T]()))
	once := func() error {
		_, err := a.MatMul(b, tensor.WithReuse(c))
		return err
	}
	if err := once(); err != nil {
		return nil, err
	}
	return &protocol.Item{Run: loop(once), Check: []float64{inputs.Trace(c.Data().([]T), n)}}, nil
}
