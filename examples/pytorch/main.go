// Command pytorch does what the first example of PyTorch's autograd tutorial does, with its numbers beside ours:
//
//	x = torch.ones(2, 2, requires_grad=True)
//	y = x + 2
//	z = y * y * 3
//	out = z.mean()                                        # 27
//	g, = torch.autograd.grad(out, x, create_graph=True)   # 4.5 in every cell
//	h, = torch.autograd.grad(g.sum(), x)                  # 1.5 in every cell
package main

import (
	"fmt"
	"io"
	"log"
	"os"

	"gorgonia.org/tensor"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

func main() {
	if err := run(os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(w io.Writer) error {
	g := graph.New()
	x := g.Input("x", graph.Float64, 2, 2)
	y := graph.Add(x, g.Const(2))
	z := graph.Mul(g.Const(3), graph.Square(y))
	out := graph.Mean(z).Named("out")

	first, err := compile.Gradient(out, x)
	if err != nil {
		return err
	}
	second, err := compile.Gradient(graph.Sum(first[0]), x)
	if err != nil {
		return err
	}
	p, err := compile.Compile(out, first[0], second[0])
	if err != nil {
		return err
	}
	ones := tensor.New(tensor.WithShape(2, 2), tensor.WithBacking([]float64{1, 1, 1, 1}))
	values, err := vm.NewMachine(p).Run(ones)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%-28s %-20s %s\n", "", "Adjoint", "PyTorch 1.13")
	fmt.Fprintf(w, "%-28s %-20v %v\n", "out", values[0].Data(), "27")
	fmt.Fprintf(w, "%-28s %-20s %v\n", "∂out/∂x", fmt.Sprint(values[1].Data()), "4.5 in every cell")
	fmt.Fprintf(w, "%-28s %-20s %v\n", "∂(Σ ∂out/∂x)/∂x", fmt.Sprint(values[2].Data()), "1.5 in every cell")
	return nil
}
