// Command gomlx runs the workloads on GoMLX's pure Go backend. Built with
// GOEXPERIMENT=simd the backend uses its SIMD matrix product.
package main

import (
	"fmt"
	"os"
	"runtime/debug"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	_ "github.com/gomlx/compute/gobackend"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/adjoint-go/adjoint/internal/bench/peers/inputs"
	"github.com/adjoint-go/adjoint/internal/bench/peers/protocol"
)

func main() {
	backend, err := compute.NewWithConfig("go")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	p := peer{backend}
	entries := []protocol.Entry{
		{Row: protocol.Row{Work: "seed", DType: "float64"}, Prepare: p.seed},
		{Row: protocol.Row{Work: "chain", DType: "float64"}, Prepare: func() (*protocol.Item, error) { return chain[float64](p) }},
		{Row: protocol.Row{Work: "chain", DType: "float32"}, Prepare: func() (*protocol.Item, error) { return chain[float32](p) }},
		{Row: protocol.Row{Work: "mlp", DType: "float32"}, Prepare: p.mlp},
	}
	for _, n := range []int{64, 256, 1024} {
		entries = append(entries,
			protocol.Entry{Row: protocol.Row{Work: fmt.Sprintf("gemm%d", n), DType: "float64"}, Prepare: func() (*protocol.Item, error) { return gemm[float64](p, n) }},
			protocol.Entry{Row: protocol.Row{Work: fmt.Sprintf("gemm%d", n), DType: "float32"}, Prepare: func() (*protocol.Item, error) { return gemm[float32](p, n) }})
	}
	if err := protocol.Serve(peerName, version(), entries, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func version() string {
	info, _ := debug.ReadBuildInfo()
	found := ""
	for _, d := range info.Deps {
		switch d.Path {
		case "github.com/gomlx/gomlx":
			found = d.Version + found
		case "github.com/gomlx/compute":
			found += " with compute " + d.Version
		}
	}
	return found
}

type peer struct{ backend compute.Backend }

// item runs the executor on fixed arguments.
func item(exec *graph.Exec, check []float64, arguments ...any) *protocol.Item {
	return &protocol.Item{Check: check, Run: func(n int) error {
		for range n {
			out, err := exec.Call(arguments...)
			if err != nil {
				return err
			}
			for _, t := range out {
				if err := t.FinalizeAll(); err != nil {
					return err
				}
			}
		}
		return nil
	}}
}

func (p peer) seed() (*protocol.Item, error) {
	exec, err := graph.NewExec(p.backend, func(x1, x2 *graph.Node) []*graph.Node {
		z := graph.Add(graph.Add(graph.Mul(x1, x1), graph.Mul(x2, x2)), graph.Mul(x1, x2))
		return append([]*graph.Node{z}, graph.Gradient(z, x1, x2)...)
	})
	if err != nil {
		return nil, err
	}
	x1, x2 := tensors.FromScalar(3.0), tensors.FromScalar(4.0)
	out, err := exec.Call(x1, x2)
	if err != nil {
		return nil, err
	}
	var check []float64
	for _, t := range out {
		check = append(check, tensors.ToScalar[float64](t))
	}
	return item(exec, check, x1, x2), nil
}

func chain[T inputs.Float](p peer) (*protocol.Item, error) {
	const n = 1_000_000
	exec, err := graph.NewExec(p.backend, func(x *graph.Node) []*graph.Node {
		square := graph.Mul(x, x)
		left := graph.Mul(graph.Exp(graph.Neg(square)), graph.Sin(x))
		y := graph.ReduceAllSum(graph.Add(left, graph.Div(x, graph.OnePlus(square))))
		return append([]*graph.Node{y}, graph.Gradient(y, x)...)
	})
	if err != nil {
		return nil, err
	}
	x := tensors.FromFlatDataAndDimensions(inputs.Linspace[T](-4, 4, n), n)
	out, err := exec.Call(x)
	if err != nil {
		return nil, err
	}
	check := []float64{float64(tensors.ToScalar[T](out[0])), inputs.SumOfSquares(tensors.MustCopyFlatData[T](out[1]))}
	return item(exec, check, x), nil
}

// mlp is 784-128-10 with relu and mean cross entropy, batch 64, and a step of gradient descent with rate 0.01.
func (p peer) mlp() (*protocol.Item, error) {
	const batch, in, hidden, out = 64, 784, 128, 10
	exec, err := graph.NewExec(p.backend, func(nodes []*graph.Node) []*graph.Node {
		x, labels, parameters := nodes[0], nodes[1], nodes[2:]
		w1, b1, w2, b2 := parameters[0], parameters[1], parameters[2], parameters[3]
		h := graph.MaxScalar(graph.Add(graph.MatMul(x, w1), b1), 0)
		logits := graph.Add(graph.MatMul(h, w2), b2)
		oneHot := graph.OneHot(labels, out, dtypes.Float32)
		loss := graph.MulScalar(graph.ReduceAllSum(graph.Mul(oneHot, graph.LogSoftmax(logits))), -1.0/batch)
		results := []*graph.Node{loss}
		for i, g := range graph.Gradient(loss, parameters...) {
			results = append(results, graph.Sub(parameters[i], graph.MulScalar(g, 0.01)))
		}
		return results
	})
	if err != nil {
		return nil, err
	}
	labels := make([]int32, batch)
	for i := range labels {
		labels[i] = int32(i % out)
	}
	state := []*tensors.Tensor{
		tensors.FromFlatDataAndDimensions(inputs.Wave[float32](batch*in, 1, 0.17, 0.1), batch, in),
		tensors.FromFlatDataAndDimensions(labels, batch),
		tensors.FromFlatDataAndDimensions(inputs.Wave[float32](in*hidden, 0.05, 0.31, 0.1), in, hidden),
		tensors.FromFlatDataAndDimensions(make([]float32, hidden), 1, hidden),
		tensors.FromFlatDataAndDimensions(inputs.Wave[float32](hidden*out, 0.1, 0.53, 0.1), hidden, out),
		tensors.FromFlatDataAndDimensions(make([]float32, out), 1, out),
	}
	step := func() (float64, error) {
		arguments := []any{state[0], state[1]}
		for _, t := range state[2:] {
			b, err := graph.DonateTensorBuffer(t, p.backend, 0)
			if err != nil {
				return 0, err
			}
			arguments = append(arguments, b)
		}
		out, err := exec.Call(arguments...)
		if err != nil {
			return 0, err
		}
		copy(state[2:], out[1:])
		loss := float64(tensors.ToScalar[float32](out[0]))
		return loss, out[0].FinalizeAll()
	}
	var check []float64
	for range 3 {
		loss, err := step()
		if err != nil {
			return nil, err
		}
		check = append(check, loss)
	}
	return &protocol.Item{Check: check, Run: func(n int) error {
		for range n {
			if _, err := step(); err != nil {
				return err
			}
		}
		return nil
	}}, nil
}

func gemm[T inputs.Float](p peer, n int) (*protocol.Item, error) {
	exec, err := graph.NewExec(p.backend, func(a, b *graph.Node) *graph.Node { return graph.MatMul(a, b) })
	if err != nil {
		return nil, err
	}
	a := tensors.FromFlatDataAndDimensions(inputs.Wave[T](n*n, 1, 0.37, 0.1), n, n)
	b := tensors.FromFlatDataAndDimensions(inputs.Wave[T](n*n, 1, 0.11, 0.1), n, n)
	out, err := exec.Call(a, b)
	if err != nil {
		return nil, err
	}
	return item(exec, []float64{inputs.Trace(tensors.MustCopyFlatData[T](out[0]), n)}, a, b), nil
}
