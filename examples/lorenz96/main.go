// Command lorenz96 assimilates observations into a model of weather by 4D-Var: the state at the beginning of each window of time is the one whose forecast is nearest to the observations in the window, and to what was forecast
// before, in a least-squares sense. The model is that of E. N. Lorenz (Predictability – a problem partly solved, ECMWF 1996): 40 places on a circle of latitude, xᵢ′ = (xᵢ₊₁ − xᵢ₋₂)·xᵢ₋₁ − xᵢ + 8, which is chaotic: errors double in
// 0.42 units of time, two days.
//
//	go run ./examples/lorenz96           ten windows
//	go run ./examples/lorenz96 -o /tmp   states.png, errors.png and graph.png too
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
	"github.com/adjoint-go/adjoint/examples/internal/curve"
	"github.com/adjoint-go/adjoint/examples/internal/fitplot"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/graph/ode"
	"github.com/adjoint-go/adjoint/vm"
)

const (
	places  = 40
	step    = 0.05 // units of time, six hours
	window  = 10   // steps
	windows = 10
	// Every second place is observed at every second step.
	every = 2
	// Standard deviations of the errors of observations, and of the forecast at the beginning of a window.
	observationError, forecastError = 1.0, 1.0
)

func main() {
	out := flag.String("o", "", "the folder where states.png, errors.png and graph.png are written")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if _, err := run(ctx, os.Stdout, *out); err != nil {
		log.Fatal(err)
	}
}

// tendency is the state's derivative.
func tendency(x *graph.Node) *graph.Node {
	rolled := func(by int) *graph.Node { return graph.Roll(x, by, 0) }
	return graph.Add(graph.Sub(graph.Mul(graph.Sub(rolled(-1), rolled(2)), rolled(1)), x), graph.Like(x, 8))
}

// trajectory are the states after each of so many steps of the classical Runge–Kutta method, [steps×places].
func trajectory(x *graph.Node, steps int) *graph.Node {
	g := x.Graph()
	times := graph.Mul(g.Const(step), graph.Iota(g, graph.Float64, 0, steps+1))
	s := ode.Solve(func(_ *graph.Node, y []*graph.Node) []*graph.Node { return []*graph.Node{tendency(y[0])} }, g.Const(0), graph.Slice(times, graph.Range{Start: 1, Limit: graph.All}), []*graph.Node{x}, ode.Options{Method: ode.RK4, Steps: 1})
	return s.Y[0]
}

// forecast returns the states from the given one on, after 0 to so many steps.
func forecast(x []float64, steps int) ([][]float64, error) {
	g := graph.New()
	p, err := compile.Compile(trajectory(g.Input("x", graph.Float64, places), steps))
	if err != nil {
		return nil, err
	}
	m := vm.NewMachine(p)
	copy(m.Float64("x"), x)
	if err := m.Step(); err != nil {
		return nil, err
	}
	states := [][]float64{x}
	for k := range steps {
		states = append(states, m.OutputFloat64(0)[k*places:(k+1)*places])
	}
	return states, nil
}

// observe picks what is observed of a trajectory.
func observe(states *graph.Node) *graph.Node {
	picked := graph.Range{Start: every - 1, Limit: graph.All, Step: every}
	return graph.Slice(states, picked, picked)
}

// analysis is a state that was found from observations.
type analysis struct {
	state      []float64 // at the beginning of the window
	cost       float64
	iterations int
}

// assimilate returns the state x with the least |x − background|²/2σ² + Σ |observations − forecast of x|²/2σ².
func assimilate(ctx context.Context, background, observations []float64) (*analysis, error) {
	g := graph.New()
	x, before := g.Input("x", graph.Float64, places), g.Input("background", graph.Float64, places)
	seen := g.Input("observations", graph.Float64, window/every, places/every)
	distance := func(a, b *graph.Node, deviation float64) *graph.Node {
		return graph.Mul(g.Const(0.5/(deviation*deviation)), graph.Sum(graph.Square(graph.Sub(a, b))))
	}
	r, err := optimize.Problem{
		Objective:  graph.Add(distance(x, before, forecastError), distance(observe(trajectory(x, window)), seen, observationError)),
		Parameters: []*graph.Node{x},
		Inputs:     map[string]any{"background": background, "observations": observations},
	}.Solve(ctx, optimize.Values{"x": background}, optimize.Options{})
	if err != nil {
		return nil, err
	}
	return &analysis{r.X["x"], r.Value, r.Iterations}, nil
}

// distance is the root of the mean square of differences.
func distance(a, b []float64) float64 {
	sum := 0.0
	for i := range a {
		sum += (a[i] - b[i]) * (a[i] - b[i])
	}
	return math.Sqrt(sum / float64(len(a)))
}

// errors are the distances of states from the truth at all steps: of the analyses and their forecasts within each window, and of a forecast without observations.
type errors struct{ assimilated, free []float64 }

// run makes a truth and its observations, and follows it window by window.
func run(ctx context.Context, w io.Writer, out string) (*errors, error) {
	x := make([]float64, places)
	for i := range x {
		x[i] = 8
	}
	x[0] += 0.01
	spin, err := forecast(x, 1000)
	if err != nil {
		return nil, err
	}
	truth, err := forecast(spin[1000], windows*window)
	if err != nil {
		return nil, err
	}
	random := rand.New(rand.NewPCG(4, 96))
	background := make([]float64, places)
	for i, v := range truth[0] {
		background[i] = v + forecastError*random.NormFloat64()
	}
	free, err := forecast(background, windows*window)
	if err != nil {
		return nil, err
	}
	e := &errors{}
	var estimate [][]float64
	var seen, times []float64 // of one place, for the picture
	for k := range windows {
		var observations []float64
		for t := every; t <= window; t += every {
			for i := every - 1; i < places; i += every {
				observations = append(observations, truth[k*window+t][i]+observationError*random.NormFloat64())
			}
			seen, times = append(seen, observations[len(observations)-places/every]), append(times, step*float64(k*window+t))
		}
		a, err := assimilate(ctx, background, observations)
		if err != nil {
			return nil, err
		}
		states, err := forecast(a.state, window)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(w, "window %2d: error of the forecast %.3f, of the analysis %.3f, at the end %.3f; cost %.1f after %d iterations\n", k+1, distance(background, truth[k*window]), distance(a.state, truth[k*window]), distance(states[window], truth[(k+1)*window]), a.cost, a.iterations)
		background = states[window]
		estimate = append(estimate, states[:window]...)
	}
	at := make([]float64, len(estimate))
	for k, s := range estimate {
		at[k] = step * float64(k)
		e.assimilated, e.free = append(e.assimilated, distance(s, truth[k])), append(e.free, distance(free[k], truth[k]))
	}
	if out == "" {
		return e, nil
	}
	of := func(states [][]float64, i int) []float64 {
		line := make([]float64, len(at))
		for k := range line {
			line[k] = states[k][i]
		}
		return line
	}
	if err := fitplot.Save(filepath.Join(out, "states.png"), "A place that is observed, and its neighbour that is not", "time", "x", fitplot.Series{Name: "analysis and observations", X: times, Y: seen, CurveX: at, CurveY: of(estimate, every-1)},
		fitplot.Series{Name: "analysis and truth of the neighbour", X: at, Y: of(truth, every), CurveX: at, CurveY: of(estimate, every)}); err != nil {
		return nil, err
	}
	if err := curve.Save(filepath.Join(out, "errors.png"), "Root mean square error of the state", "time", "error", curve.Line{Name: "without observations", X: at, Y: e.free}, curve.Line{Name: "4D-Var", X: at, Y: e.assimilated}); err != nil {
		return nil, err
	}
	return e, fitplot.SaveGraph(filepath.Join(out, "graph.png"), tendency(graph.New().Input("x", graph.Float64, places)).Named("tendency"))
}
