// Command lynxhare fits the equations of Lotka and Volterra to the pelts of hares and lynxes that the Hudson's Bay Company collected from 1900 to 1920, with standard errors.
//
//	go run ./examples/lynxhare           the fit
//	go run ./examples/lynxhare -o /tmp   fit.png and graph.png too
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

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/compile/optimize"
	"github.com/adjoint-go/adjoint/compile/optimize/progress"
	"github.com/adjoint-go/adjoint/examples/internal/fitplot"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/graph/ode"
	"github.com/adjoint-go/adjoint/vm"
)

// Pelts in thousands, from 1900 on. Source: E. P. Odum, Fundamentals of Ecology (1953), as given by P. Howard, Modeling Basics (2009).
var (
	hares  = []float64{30, 47.2, 70.2, 77.4, 36.3, 20.6, 18.1, 21.4, 22, 25.4, 27.1, 40.3, 57, 76.6, 52.3, 19.5, 11.2, 7.6, 14.6, 16.2, 24.7}
	lynxes = []float64{4, 6.1, 9.8, 35.2, 59.4, 41.7, 19, 13, 8.3, 9.1, 7.4, 8, 12.3, 19.5, 45.7, 51.1, 29.7, 15.8, 9.7, 10.1, 8.6}
)

// parameters are the names of what is fitted, with what they mean and where the fit begins.
var parameters = []struct {
	name, meaning string
	start         float64
}{
	{"growth", "growth of hares alone, 1/year", 0.5},
	{"hunting", "loss of hares by a thousand lynxes, 1/year", 0.03},
	{"death", "loss of lynxes alone, 1/year", 0.8},
	{"feeding", "growth of lynxes by a thousand hares, 1/year", 0.03},
	{"hares", "thousand hares in 1900", 30},
	{"lynxes", "thousand lynxes in 1900", 5},
}

func main() {
	out := flag.String("o", "", "the folder where fit.png and graph.png are written")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if _, _, err := run(ctx, os.Stdout, *out); err != nil {
		log.Fatal(err)
	}
}

// change returns h′ = growth·h − hunting·h·l and l′ = feeding·h·l − death·l.
func change(p map[string]*graph.Node, h, l *graph.Node) []*graph.Node {
	met := graph.Mul(h, l)
	return []*graph.Node{
		graph.Sub(graph.Mul(p["growth"], h), graph.Mul(p["hunting"], met)),
		graph.Sub(graph.Mul(p["feeding"], met), graph.Mul(p["death"], l)),
	}
}

// populations returns hares and lynxes at times after 1900.
func populations(p map[string]*graph.Node, times *graph.Node) ode.Solution {
	return ode.Solve(func(_ *graph.Node, y []*graph.Node) []*graph.Node { return change(p, y[0], y[1]) }, graph.Like(p["hares"], 0), times, []*graph.Node{p["hares"], p["lynxes"]}, ode.Options{RTol: 1e-10, ATol: 1e-10})
}

// inputs adds the parameters to a graph.
func inputs(g *graph.Graph) (byName map[string]*graph.Node, list []*graph.Node) {
	byName = map[string]*graph.Node{}
	for _, p := range parameters {
		byName[p.name] = g.Input(p.name, graph.Float64)
		list = append(list, byName[p.name])
	}
	return byName, list
}

// run fits, and writes the parameters and if out is a folder the pictures. Errors of observations are relative: residuals are differences of logarithms.
func run(ctx context.Context, w io.Writer, out string) (fit *optimize.Result, deviations optimize.Values, err error) {
	g := graph.New()
	p, list := inputs(g)
	years := make([]float64, len(hares))
	for i := range years {
		years[i] = float64(i)
	}
	s := populations(p, graph.Constant(g, years, len(years)))
	residual := func(state *graph.Node, observed []float64) *graph.Node {
		return graph.Sub(graph.Log(graph.Constant(g, observed, len(observed))), graph.Log(state))
	}
	start, lower := optimize.Values{}, optimize.Values{}
	for _, p := range parameters {
		start[p.name], lower[p.name] = []float64{p.start}, []float64{1e-6}
	}
	problem := optimize.Problem{
		Residuals:  []*graph.Node{residual(s.Y[0], hares), residual(s.Y[1], lynxes)},
		Parameters: list,
		Lower:      lower,
	}
	if fit, err = problem.Solve(ctx, start, optimize.Options{Callback: progress.Bar(os.Stderr)}); err != nil {
		return nil, nil, err
	}
	if deviations, err = fit.StandardErrors(); err != nil {
		return nil, nil, err
	}
	for _, p := range parameters {
		fmt.Fprintf(w, "%-8s %9.5f ± %.5f  %s\n", p.name, fit.X[p.name][0], deviations[p.name][0], p.meaning)
	}
	fmt.Fprintf(w, "sum of squares %.6f of %d logarithms, %v after %d iterations\n", fit.Value, len(fit.Residuals), fit.Status, fit.Iterations)
	if out == "" {
		return fit, deviations, nil
	}
	return fit, deviations, draw(fit.X, out)
}

// draw draws observations with the fitted populations, and the graph of the equations.
func draw(x optimize.Values, out string) error {
	const n = 401
	g := graph.New()
	p, _ := inputs(g)
	at, years := make([]float64, n), make([]float64, len(hares))
	for i := range at {
		at[i] = 20 * float64(i) / (n - 1)
	}
	s := populations(p, graph.Constant(g, at, n))
	program, err := compile.Config{Names: []string{"h", "l"}}.Compile(s.Y...)
	if err != nil {
		return err
	}
	m := vm.NewMachine(program)
	for name, v := range x {
		m.Float64(name)[0] = v[0]
	}
	if err := m.Step(); err != nil {
		return err
	}
	for i := range years {
		years[i] = 1900 + float64(i)
	}
	for i := range at {
		at[i] += 1900
	}
	err = fitplot.Save(filepath.Join(out, "fit.png"), "Pelts of the Hudson's Bay Company", "year", "thousands",
		fitplot.Series{Name: "hares", X: years, Y: hares, CurveX: at, CurveY: m.Float64("h")}, fitplot.Series{Name: "lynxes", X: years, Y: lynxes, CurveX: at, CurveY: m.Float64("l")})
	if err != nil {
		return err
	}
	equations := graph.New()
	p, _ = inputs(equations)
	changes := change(p, p["hares"], p["lynxes"])
	return fitplot.SaveGraph(filepath.Join(out, "graph.png"), changes[0].Named("hares_change"), changes[1].Named("lynxes_change"))
}
