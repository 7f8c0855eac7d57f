// Command gmm evaluates ADBench's Gaussian mixture objective and its gradient.
//
//	go run ./examples/gmm                    a small instance of closed formulas
//	go run ./examples/gmm -data test.txt     an instance in ADBench's format (data/gmm there)
//
// For data/gmm/test.txt of ADBench the objective is 8.07380408004975791; the gradient, in the file's order of parameters,
// begins with 0.108662855508652 and ends with −0.994640930466323.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"os"

	"gorgonia.org/tensor"

	"github.com/adjoint-go/adjoint/vm"
)

func main() {
	data := flag.String("data", "", "an instance in ADBench's format")
	flag.Parse()
	if err := run(os.Stdout, *data); err != nil {
		log.Fatal(err)
	}
}

func run(w io.Writer, path string) error {
	p := generated(2, 3, 5)
	if path != "" {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		if p, err = read(f); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	value, gradient, err := evaluate(p)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "d = %d, k = %d, n = %d\nobjective %.17g\n", p.d, p.k, p.n, value)
	fmt.Fprintf(w, "gradient  %d entries, first %.15g, last %.15g\n", len(gradient), gradient[0], gradient[len(gradient)-1])
	return nil
}

// evaluate returns the objective and its gradient by alpha, mu, and for each component q and l: the file's order.
func evaluate(p *problem) (float64, []float64, error) {
	m, err := build(p.d, p.k, p.n)
	if err != nil {
		return 0, nil, err
	}
	dense := func(v []float64, shape ...int) *tensor.Dense {
		return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(v))
	}
	t := p.d * (p.d - 1) / 2
	out, err := vm.NewMachine(m.program).Run(map[string]any{
		"alpha": dense(p.alpha, p.k), "mu": dense(p.mu, p.k, p.d), "q": dense(p.q, p.k, p.d), "l": dense(p.l, p.k, t),
		"x": dense(p.x, p.n, p.d), "gamma": p.gamma, "m": float64(p.m), "constant": constant(p),
	})
	if err != nil {
		return 0, nil, err
	}
	part := func(i int) []float64 { return out[i].Data().([]float64) }
	gradient := append(append([]float64{}, part(1)...), part(2)...)
	dq, dl := part(3), part(4)
	for i := range p.k {
		gradient = append(gradient, dq[i*p.d:(i+1)*p.d]...)
		gradient = append(gradient, dl[i*t:(i+1)*t]...)
	}
	return out[0].Data().(float64), gradient, nil
}
