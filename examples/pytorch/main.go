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
	"strings"

	"github.com/adjoint-go/adjoint/compile/eager"
)

func main() {
	if err := run(os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(w io.Writer) error {
	x := eager.Ones(2, 2).RequiresGrad()
	y := x.Add(2)
	z := y.Mul(y).Mul(3)
	out := z.Mean()
	first, err := eager.Grad(out, []*eager.Tensor{x}, eager.CreateGraph())
	if err != nil {
		return err
	}
	second, err := eager.Grad(first[0].Sum(), []*eager.Tensor{x})
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%-28s %-24s %s\n", "", "Adjoint", "PyTorch 1.13")
	for _, row := range []struct {
		name  string
		value *eager.Tensor
		torch string
	}{
		{"out", out, "27"},
		{"∂out/∂x", first[0], "4.5 in every cell"},
		{"∂(Σ ∂out/∂x)/∂x", second[0], "1.5 in every cell"},
	} {
		fmt.Fprintf(w, "%-28s %-24s %s\n", row.name, strings.ReplaceAll(row.value.String(), "\n", ""), row.torch)
	}
	return nil
}
