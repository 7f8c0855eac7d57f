package tutorial

import (
	"context"
	"fmt"
	"math"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/compile/optimize"
	"github.com/adjoint-go/adjoint/compile/train"
	"github.com/adjoint-go/adjoint/docs/tutorials/show"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/graph/nn"
	"github.com/adjoint-go/adjoint/viz"
	"github.com/adjoint-go/adjoint/vm"
)

/*
# 6. Fit a curve, train a network

Both are the same problem: a model with parameters, a number that says how bad it is, and a gradient that says where it gets better. They differ in size, and so in what else one does with the gradient.
This tutorial fits two parameters to fourteen measurements, with error bars, and then trains a thousand parameters to tell two spirals apart.

## A curve

The data are from the National Institute of Standards and Technology: *Misra1a*, a measurement of dental research (adsorption $y$ against pressure $x$), published together with parameters that are certified to 11 digits. The model is

$$y = b_1 \left(1 - e^{-b_2 x}\right).$$
*/

var pressure = []float64{77.6, 114.9, 141.1, 190.8, 239.9, 289.0, 332.8, 378.4, 434.8, 477.3, 536.8, 593.1, 689.1, 760.0}
var volume = []float64{10.07, 14.73, 17.94, 23.93, 29.61, 35.18, 40.02, 44.82, 50.76, 55.05, 61.01, 66.40, 75.47, 81.78}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

/*
What we give is a graph of **residuals**, observation minus model, and the parameters. `optimize.Problem` differentiates, compiles, and chooses a method: of residuals it minimises the sum of squares, by *Levenberg and Marquardt's* method, which
needs the Jacobian of the residuals. That is exact here; most programs take finite differences.
*/

func fit() *optimize.Result {
	g := graph.New()
	b1, b2 := g.Input("b1", graph.Float64), g.Input("b2", graph.Float64)
	x := graph.Constant(g, pressure, len(pressure))
	y := graph.Constant(g, volume, len(volume))
	curve := b1.Mul(graph.Sub(g.Const(1), graph.Exp(graph.Neg(b2.Mul(x)))))
	return must(optimize.Problem{
		Residuals:  []*graph.Node{graph.Sub(y, curve)},
		Parameters: []*graph.Node{b1, b2},
	}.Solve(context.Background(), optimize.Values{"b1": {500}, "b2": {0.0001}}, optimize.Options{}))
}

func Example_curve() {
	r := fit()
	errors := must(r.StandardErrors())
	b1, b2 := r.X["b1"][0], r.X["b2"][0]
	fmt.Printf("b1 = %.8f ± %.4f   certified 238.94212918 ± 2.7070\n", b1, errors["b1"][0])
	fmt.Printf("b2 = %.8e ± %.4e   certified 5.5015643181e-04 ± 7.2669e-06\n", b2, errors["b2"][0])
	fmt.Printf("sum of squares %.10f   certified 0.12455138894\n", r.Value)
	var lineX, lineY []float64
	for x := 0.0; x <= 800; x += 10 {
		lineX, lineY = append(lineX, x), append(lineY, b1*(1-math.Exp(-b2*x)))
	}
	show.Axes{Title: "Misra1a", X: "pressure", Y: "volume"}.Chart(
		show.Series{Name: "fitted", X: lineX, Y: lineY},
		show.Series{Name: "measured", X: pressure, Y: volume, Points: true})
	// Output:
	// b1 = 238.94212918 ± 2.7070   certified 238.94212918 ± 2.7070
	// b2 = 5.50156432e-04 ± 7.2669e-06   certified 5.5015643181e-04 ± 7.2669e-06
	// sum of squares 0.1245513889   certified 0.12455138894
}

/*
The **standard errors** follow from the Jacobian $J$ at the solution: the covariance of the parameters is $s^2 (J^{\mathsf T} J)^{-1}$, with the variance $s^2$ of the residuals.

## A network

Two spirals, each with a hundred points, that wind around each other. No line separates them, nor any simple curve.
*/

const perClass = 100

// spirals returns points [200, 2] and the class of each.
func spirals() (points []float32, class []int64) {
	for c := range 2 {
		for i := range perClass {
			t := float64(i) / perClass
			angle := 1.75*2*math.Pi*t + float64(c)*math.Pi
			points = append(points, float32((0.1+t)*math.Cos(angle)), float32((0.1+t)*math.Sin(angle)))
			class = append(class, int64(c))
		}
	}
	return points, class
}

/*
A model is a function of nodes. Layers make their parameters in a *scope*, with names such as `first/weight`; called again in another graph, the same function has the same parameters, which is how training and prediction share them.
*/

func model(s *nn.Scope, x *graph.Node) *graph.Node {
	h := graph.Tanh(nn.Linear(s.In("first"), x, 32))
	h = graph.Tanh(nn.Linear(s.In("second"), h, 32))
	return nn.Linear(s.In("out"), h, 2) // one number for each class
}

func Example_graph() {
	g := graph.New()
	s := nn.New(g, graph.Float32)
	x, y := g.Input("x", graph.Float32, 2*perClass, 2), g.Input("class", graph.Int64, 2*perClass)
	loss := nn.Classification(model(s, x), y, 0)
	parameters := 0
	for _, p := range s.Parameters() {
		fmt.Println(p.Name(), p.Shape())
		size := 1
		for _, extent := range p.Shape() {
			size *= extent
		}
		parameters += size
	}
	fmt.Println("parameters:", parameters)
	show.Graph([]*graph.Node{loss}, viz.WithInline("*/weight", "*/bias"))
	// Output:
	// first/weight [32×2]
	// first/bias [32]
	// second/weight [32×32]
	// second/bias [32]
	// out/weight [2×32]
	// out/bias [2]
	// parameters: 1218
}

/*
The loss is the *cross-entropy* of the classes. `train.New` differentiates it, adds an optimiser, and compiles all of it into **one program**, whose run is one step of training: forward, backward, and new parameters in the place of the old ones.
We use Adam with a rate that falls along a cosine.
*/

// trained trains for a number of steps on all points at once, and returns the parameters and the losses on the way.
func trained(steps int) (train.Values, []float64) {
	g := graph.New()
	s := nn.New(g, graph.Float32)
	x, y := g.Input("x", graph.Float32, 2*perClass, 2), g.Input("class", graph.Int64, 2*perClass)
	loss := nn.Classification(model(s, x), y, 0)
	config := train.Config{Optimizer: train.Adam{}, Rate: train.Cosine(0.01, 0, 50, steps), Seed: 1}
	t := must(train.New(s, loss, config))
	points, class := spirals()
	for name, v := range map[string]any{"x": points, "class": class} {
		if err := t.Set(name, v); err != nil {
			panic(err)
		}
	}
	losses := make([]float64, steps)
	for i := range losses {
		losses[i] = must(t.Step())
	}
	return t.Values(), losses
}

// predict returns the class that the model gives each point.
func predict(values train.Values, points []float32) []int64 {
	g := graph.New()
	x := g.Input("x", graph.Float32, len(points)/2, 2)
	p := must(compile.Config{Names: []string{"class"}}.Compile(graph.Argmax(model(nn.New(g, graph.Float32), x), 1)))
	m := vm.NewMachine(p)
	if err := values.Fill(m); err != nil {
		panic(err)
	}
	copy(m.Float32("x"), points)
	if err := m.Step(); err != nil {
		panic(err)
	}
	return m.Int64("class")
}

func Example_training() {
	values, losses := trained(1500)
	fmt.Printf("loss at the beginning %.2f, at the end below 0.01: %v\n", losses[0], losses[len(losses)-1] < 0.01)
	points, class := spirals()
	right := 0
	for i, c := range predict(values, points) {
		if c == class[i] {
			right++
		}
	}
	fmt.Println("points told apart:", right, "of", len(class))
	var steps []float64
	for i := range losses {
		steps = append(steps, float64(i+1))
	}
	show.Axes{Title: "Training", X: "step", Y: "loss", LogY: true}.Chart(show.Series{X: steps, Y: losses})
	// Output:
	// loss at the beginning 0.69, at the end below 0.01: true
	// points told apart: 200 of 200
}

/*
What has the network learnt between the points? We ask it on a fine grid. Blue and orange dots are the points, small grey ones the places that it takes for class 1:
*/

func Example_boundary() {
	values, _ := trained(1500)
	var grid []float32
	for i := range 60 {
		for j := range 60 {
			grid = append(grid, float32(j)/25-1.2, float32(i)/25-1.2)
		}
	}
	region := show.Series{Name: "taken for class 1", Faint: true}
	for i, c := range predict(values, grid) {
		if c == 1 {
			region.X, region.Y = append(region.X, float64(grid[2*i])), append(region.Y, float64(grid[2*i+1]))
		}
	}
	points, class := spirals()
	drawn := []show.Series{{Name: "class 0", Points: true}, {Name: "class 1", Points: true}}
	for i, c := range class {
		s := &drawn[c]
		s.X, s.Y = append(s.X, float64(points[2*i])), append(s.Y, float64(points[2*i+1]))
	}
	fmt.Println("classes on the grid: both:", len(region.X) > 0 && len(region.X) < 3600)
	show.Axes{Title: "Two spirals", X: "x", Y: "y"}.Chart(append(drawn, region)...)
	// Output:
	// classes on the grid: both: true
}

/*
## Which method when

| problem | what | method |
|---|---|---|
| a few parameters, residuals | `optimize.Problem{Residuals: …}` | Levenberg–Marquardt; standard errors follow |
| up to millions of parameters, a smooth cost computed exactly | `optimize.Problem{Objective: …}` | L-BFGS-B, with bounds; Newton-CG with products of the Hessian |
| constraints | `Zero`, `NonNegative` | sequential quadratic programming |
| many examples, taken in batches at random | `train.New` | SGD, Adam, AdamW, RMSProp, Adagrad, Lion |

Larger models are in `examples/`: `digits` (a convolutional network), `charlm` (a transformer), `vae` (an autoencoder).

**Try it:** replace `train.Adam{}` by `train.SGD{Momentum: 0.9}`. Which rate does it need?

Next: [loops and checkpointing](07-loops-and-checkpointing.ipynb).
*/
