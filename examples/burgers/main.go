// Command burgers finds the coefficients of Burgers' equation from snapshots of its solution, a problem of fluid dynamics in one dimension, in which a wave steepens to a thin shock:
//
//	∂u/∂t + a·u·∂u/∂x = ν·∂²u/∂x²,  u = −sin πx at the beginning,  on a circle from −1 to 1.
//
// Snapshots are values of the exact solution (E. Hopf, The partial differential equation uₜ + uuₓ = μuₓₓ, Comm. Pure Appl. Math. 3, 1950; J. D. Cole, Quart. Appl. Math. 9, 1951) for a = 1 and ν = 0.01/π, at some places and times, with and without
// errors: the equation, the beginning and the viscosity of M. Raissi, P. Perdikaris and G. E. Karniadakis, Physics-informed neural networks, J. Comput. Phys. 378 (2019).
//
//	go run ./examples/burgers           both fits
//	go run ./examples/burgers -o /tmp   snapshots.png and graph.png too
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"math"
	"math/rand/v2"
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

const (
	points    = 768 // of the grid, which has three to the thickness of the shock
	speed     = 1.0
	viscosity = 0.01 / math.Pi
)

// times are those of the snapshots.
var times = []float64{0.25, 0.5, 0.75, 0.99}

func main() {
	out := flag.String("o", "", "the folder where snapshots.png and graph.png are written")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if _, err := run(ctx, os.Stdout, *out); err != nil {
		log.Fatal(err)
	}
}

// place is that of grid point i.
func place(i int) float64 { return 2*float64(i)/points - 1 }

// exact is the solution of a = 1, by the transformation of Cole and Hopf: a quotient of integrals over normal densities, by the trapezoidal rule, whose error falls exponentially with the number of points.
func exact(x, t, nu float64) float64 {
	const n = 2000
	var above, below float64
	for k := -n; k <= n; k++ {
		z := 20 * float64(k) / n
		y := x - 2*math.Sqrt(nu*t)*z
		w := math.Exp(-z*z - (1+math.Cos(math.Pi*y))/(2*math.Pi*nu))
		above, below = above+w*math.Sin(math.Pi*y), below+w
	}
	return -above / below
}

// change is ∂u/∂t on the grid, with the transport as the derivative of a·u²/2.
func change(u, a, nu *graph.Node) *graph.Node {
	d := graph.Differences{Accuracy: 6, Spacing: []float64{2.0 / points}, Boundary: graph.PeriodicBoundary}
	flux := graph.Mul(graph.Mul(graph.Like(u, 0.5), a), graph.Square(u))
	return graph.Sub(graph.Mul(nu, d.Derivative(u, 0, 2)), d.Derivative(flux, 0, 1))
}

// states are those at the times, [times×points].
func states(a, nu *graph.Node) *graph.Node {
	g := a.Graph()
	start := make([]float64, points)
	for i := range start {
		start[i] = -math.Sin(math.Pi * place(i))
	}
	s := ode.Solve(func(_ *graph.Node, u []*graph.Node) []*graph.Node { return []*graph.Node{change(u[0], a, nu)} },
		g.Const(0), graph.Constant(g, times, len(times)), []*graph.Node{graph.Constant(g, start, points)}, ode.Options{Method: ode.Tsit5, RTol: 1e-7, ATol: 1e-7})
	return s.Y[0]
}

// snapshots are values of u at points of the grid, the same at all times.
type snapshots struct {
	at     []int64
	values []float64 // [times×at]
}

// observed are so many of each snapshot, with normally distributed errors of a standard deviation.
func observed(count int, deviation float64) snapshots {
	random := rand.New(rand.NewPCG(19, 50))
	var s snapshots
	for _, i := range random.Perm(points)[:count] {
		s.at = append(s.at, int64(i))
	}
	for _, t := range times {
		for _, i := range s.at {
			s.values = append(s.values, exact(place(int(i)), t, viscosity)+deviation*random.NormFloat64())
		}
	}
	return s
}

// fit finds both coefficients.
func fit(ctx context.Context, s snapshots) (found, errors optimize.Values, err error) {
	g := graph.New()
	a, nu := g.Input("a", graph.Float64), g.Input("nu", graph.Float64)
	seen := graph.Gather(states(a, nu), graph.Constant(g, s.at, len(s.at)), 1)
	r, err := optimize.Problem{
		Residuals:  []*graph.Node{graph.Sub(seen, graph.Constant(g, s.values, len(times), len(s.at)))},
		Parameters: []*graph.Node{a, nu},
		Lower:      optimize.Values{"nu": {1e-3}}, Upper: optimize.Values{"nu": {0.02}},
	}.Solve(ctx, optimize.Values{"a": {0.8}, "nu": {0.01}}, optimize.Options{StepTolerance: 1e-9, Callback: progress.Bar(os.Stderr)})
	if err != nil {
		return nil, nil, err
	}
	errors, err = r.StandardErrors()
	return r.X, errors, err
}

func run(ctx context.Context, w io.Writer, out string) (found [2]optimize.Values, err error) {
	const count = 100
	for k, deviation := range []float64{0, 0.01} {
		x, errors, err := fit(ctx, observed(count, deviation))
		if err != nil {
			return found, err
		}
		fmt.Fprintf(w, "errors of %.0f %%: a = %.6f ± %.6f, ν = %.8f ± %.8f\n", 100*deviation, x["a"][0], errors["a"][0], x["nu"][0], errors["nu"][0])
		found[k] = x
	}
	fmt.Fprintf(w, "truth:          a = %.6f,            ν = %.8f\n", speed, viscosity)
	if out == "" {
		return found, nil
	}
	return found, draw(found[1], observed(count, 0.01), out)
}

// draw draws the first and the last snapshot and the states that were fitted to them, and the graph of the equation.
func draw(x optimize.Values, s snapshots, out string) error {
	g := graph.New()
	a, nu := g.Input("a", graph.Float64), g.Input("nu", graph.Float64)
	p, err := compile.Compile(states(a, nu))
	if err != nil {
		return err
	}
	m := vm.NewMachine(p)
	m.Float64("a")[0], m.Float64("nu")[0] = x["a"][0], x["nu"][0]
	if err := m.Step(); err != nil {
		return err
	}
	at, seenAt := make([]float64, points), make([]float64, len(s.at))
	for i := range at {
		at[i] = place(i)
	}
	for i, k := range s.at {
		seenAt[i] = place(int(k))
	}
	var list []fitplot.Series
	for _, k := range []int{0, len(times) - 1} {
		list = append(list, fitplot.Series{Name: fmt.Sprint("t = ", times[k]), X: seenAt, Y: s.values[k*len(s.at) : (k+1)*len(s.at)], CurveX: at, CurveY: m.OutputFloat64(0)[k*points : (k+1)*points]})
	}
	if err := fitplot.Save(filepath.Join(out, "snapshots.png"), "Burgers' equation", "x", "u", list...); err != nil {
		return err
	}
	equation := graph.New()
	input := func(name string, shape ...int) *graph.Node { return equation.Input(name, graph.Float64, shape...) }
	return fitplot.SaveGraph(filepath.Join(out, "graph.png"), change(input("u", points), input("a"), input("ν")).Named("change"))
}
