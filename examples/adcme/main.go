// Command adcme solves the inverse problems with which ADCME introduces itself (Kailai Xu and Eric Darve, ADCME: Learning spatially-varying physical fields using deep neural networks, arXiv:2011.11955): on static graphs, as it
// does on TensorFlow's.
//
//	go run ./examples/adcme           all five, in a second
//	go run ./examples/adcme -o /tmp   function.png and graph.png too
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/adjoint-go/adjoint/examples/internal/fitplot"
	"github.com/adjoint-go/adjoint/graph"
)

func main() {
	out := flag.String("o", "", "the folder where function.png and graph.png are written")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, *out); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, w io.Writer, out string) error {
	const n = 101
	fmt.Fprintln(w, "a coefficient from one measurement: −b·u″ + u = 8 + 4x − 4x², u(½) = 1")
	for _, at := range []int{50, 51} {
		b, evaluations, err := fitCoefficient(ctx, n, at, 10)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "  measured at x = %.2f: b = %.13f after %d evaluations\n", float64(at)/(n-1), b, evaluations)
	}
	fmt.Fprintln(w, "  (ADCME's page takes the second point for the middle, and so finds 0.9995582304494.)")

	fmt.Fprintln(w, "conductivities of both halves of a plate from three sensors: u′ = div(κ·grad u), sparse decompositions")
	kappa, evaluations, err := fitHeat(ctx, 20, 25, []float64{0.04, 0.1}, []float64{0.07, 0.07})
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "  κ = %.10f, %.10f after %d evaluations\n", kappa[0], kappa[1], evaluations)

	fmt.Fprintln(w, "a function from its effect: −(b(x)·u′)′ + u = 8 + 4x − 4x², b a network with 10 hidden units")
	f, err := fitFunction(ctx, n)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "  largest error of b %.5f, after %d iterations\n", f.worst(), f.iterations)

	x := []float64{8, 27, 64}
	fmt.Fprintln(w, "roots of y³ = x, by Newton's method and by an operator with a kernel of its own")
	for _, method := range []func(x *graph.Node) (*graph.Node, error){newton, custom} {
		y, slope, err := slopes(method, x)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "  y = %.12g, dy/dx = %.12g\n", y, slope)
	}
	if out == "" {
		return nil
	}
	err = fitplot.Save(filepath.Join(out, "function.png"), "A coefficient that depends on x", "x", "b", fitplot.Series{X: f.x, Y: f.found, CurveX: f.x, CurveY: f.truth})
	if err != nil {
		return err
	}
	_, residual := misfit(n, 50)
	return fitplot.SaveGraph(filepath.Join(out, "graph.png"), residual.Named("misfit"))
}
