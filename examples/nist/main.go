// Command nist solves all nonlinear regression problems of NIST's Statistical Reference Datasets, each from both of its starts, and compares parameters and standard deviations with the certified ones.
//
//	go run ./examples/nist                        the table
//	go run ./examples/nist -o /tmp -plot Gauss2  fit.png and graph.png too
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
	"time"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/compile/optimize"
	"github.com/adjoint-go/adjoint/examples/internal/fitplot"
	"github.com/adjoint-go/adjoint/examples/nist/strd"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

func main() {
	name := flag.String("plot", "Thurber", "the problem that is drawn")
	out := flag.String("o", "", "the folder where fit.png and graph.png are written")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if _, err := run(ctx, os.Stdout, *name, *out); err != nil {
		log.Fatal(err)
	}
}

// fits counts fits by the digits of their least exact parameter.
type fits struct{ all, six, eight int }

// run solves all problems, and writes a table and if out is a folder the pictures.
func run(ctx context.Context, w io.Writer, drawn, out string) (n fits, err error) {
	problems, err := strd.Problems()
	if err != nil {
		return n, err
	}
	fmt.Fprintf(w, "%-9s %-8s %-10s %5s %7s %7s %11s %10s  %s\n", "problem", "level", "parameters", "start", "digits", "errors", "evaluations", "time", "sum of squares")
	var total time.Duration
	found := false
	for _, p := range problems {
		solver, err := p.Problem().Compile()
		if err != nil {
			return n, fmt.Errorf("%s: %w", p.Name, err)
		}
		for k, start := range p.Starts {
			began := time.Now()
			fit, err := solver.Solve(ctx, optimize.Values{"b": start}, optimize.Options{})
			took := time.Since(began)
			if err != nil {
				return n, fmt.Errorf("%s from start %d: %w", p.Name, k+1, err)
			}
			deviations, err := fit.StandardErrors()
			if err != nil {
				return n, fmt.Errorf("%s from start %d: %w", p.Name, k+1, err)
			}
			digits := strd.Digits(fit.X["b"], p.Certified)
			fmt.Fprintf(w, "%-9s %-8s %10d %5d %7.1f %7.1f %11d %10s  %.10e\n", p.Name, p.Difficulty, len(p.Certified), k+1, digits, strd.Digits(deviations["b"], p.Deviations),
				fit.Evaluations.Values+fit.Evaluations.Jacobians, took.Round(time.Microsecond), fit.Value)
			total += took
			if n.all++; digits >= 6 {
				n.six++
			}
			if digits >= 8 {
				n.eight++
			}
			if p.Name == drawn && k == 0 && out != "" {
				if err := draw(p, fit.X["b"], out); err != nil {
					return n, err
				}
			}
		}
		found = found || p.Name == drawn
	}
	if !found {
		return n, fmt.Errorf("there is no problem %q", drawn)
	}
	fmt.Fprintf(w, "%d of %d fits have 6 digits and more, %d have 8, in %v\n", n.six, n.all, n.eight, total.Round(time.Millisecond))
	return n, nil
}

// draw draws the observations by the first predictor with the fitted curve, and the model's graph.
func draw(p *strd.Problem, b []float64, out string) error {
	low, high := p.X[0][0], p.X[0][0]
	for _, v := range p.X[0] {
		low, high = min(low, v), max(high, v)
	}
	const n = 500
	at := make([]float64, n)
	for i := range at {
		at[i] = low + (high-low)*float64(i)/(n-1)
	}
	if len(p.X) > 1 {
		return fmt.Errorf("%s has %d predictors: the curve of one is drawn", p.Name, len(p.X))
	}
	g := graph.New()
	parameters, x := g.Input("b", graph.Float64, len(b)), g.Input("x", graph.Float64, n)
	model := p.Model(parameters, []*graph.Node{x}).Named("model")
	program, err := compile.Compile(model)
	if err != nil {
		return err
	}
	m := vm.NewMachine(program)
	copy(m.Float64("b"), b)
	copy(m.Float64("x"), at)
	if err := m.Step(); err != nil {
		return err
	}
	err = fitplot.Save(filepath.Join(out, "fit.png"), p.Name, "x", "y", fitplot.Series{Name: "least squares", X: p.X[0], Y: p.Y, CurveX: at, CurveY: m.Float64("model")})
	if err != nil {
		return err
	}
	return fitplot.SaveGraph(filepath.Join(out, "graph.png"), model)
}
