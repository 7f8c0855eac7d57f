package tutorial

import (
	"context"
	"fmt"
	"math"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/compile/implicit"
	"github.com/adjoint-go/adjoint/compile/optimize"
	"github.com/adjoint-go/adjoint/docs/tutorials/show"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

/*
# 8. An inverse problem: surface waves

After an earthquake, waves run along the earth's surface. Long periods reach deeper than short ones, where rock is stiffer, and so they are faster: the velocity depends on the period, which is called *dispersion*.
Seismologists measure it and ask the inverse question: **what is down there?**

The *forward problem* computes velocities from a model of the ground; the *inverse problem* looks for the model that explains measured velocities. For the second we need derivatives of the first. Here they go through the
root of an equation, which is what makes this example interesting.

## The forward problem

We take the simplest ground that has dispersion: a layer (the crust) over a half-space (the mantle), and *Love waves*, which shake horizontally. Each has a shear velocity $\beta$ and a density $\rho$, and the layer a thickness $h$. With the
rigidities $\mu = \rho\beta^2$, the wave number $k = \omega/c$ and

$$\nu_1 = k\sqrt{c^2/\beta_1^2 - 1}, \qquad \nu_2 = k\sqrt{1 - c^2/\beta_2^2},$$

a Love wave of period $T = 2\pi/\omega$ can travel with velocity $c$ if (Aki and Richards, *Quantitative Seismology*, chapter 7)

$$F(c) = \mu_2 \nu_2 \cos(\nu_1 h) - \mu_1 \nu_1 \sin(\nu_1 h) = 0.$$
*/

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func nodes(list ...*graph.Node) []*graph.Node { return list }

// Ground is a layer of thickness h (km) and shear velocity b1 (km/s) over a half-space of b2.
type Ground struct{ h, b1, b2 *graph.Node }

const density1, density2 = 2.7, 3.3 // g/cm³, known

// secular is F, without its factor k, for velocities c and frequencies omega of the same shape.
func secular(c, omega *graph.Node, m Ground) *graph.Node {
	one := c.Graph().Const(1)
	root := func(x *graph.Node) *graph.Node { return graph.Sqrt(graph.Max(x, graph.Like(x, 0))) }
	nu1 := root(graph.Square(c.Div(m.b1)).Sub(1))
	nu2 := root(graph.Sub(one, graph.Square(c.Div(m.b2))))
	mu1, mu2 := graph.Square(m.b1).Mul(density1), graph.Square(m.b2).Mul(density2)
	phase := nu1.Mul(omega).Div(c).Mul(m.h)
	return mu2.Mul(nu2).Mul(graph.Cos(phase)).Sub(mu1.Mul(nu1).Mul(graph.Sin(phase)))
}

/*
For a crust of 35 km, with 3.5 and 4.5 km/s, and a period of 10 s, the function looks like this:
*/

func Example_secular() {
	f := compile.Function(func(c, omega, h, b1, b2 *graph.Node) *graph.Node {
		return secular(c, omega, Ground{h, b1, b2})
	})
	var c, zero []float64
	for v := 3.5; v <= 4.5; v += 0.005 {
		c, zero = append(c, v), append(zero, 0)
	}
	out := must(f.Call(c, 2*math.Pi/10, 35.0, 3.5, 4.5))
	show.Axes{Title: "F at a period of 10 s", X: "c (km/s)", Y: "F"}.Chart(
		show.Series{X: c, Y: out[0].Float64s()},
		show.Series{X: c, Y: zero})
	fmt.Println("drawn for", len(c), "velocities")
	// Output:
	// drawn for 201 velocities
}

/*
Two velocities are possible. The slower is the *fundamental mode*, the other a higher one. We use the fundamental mode: it lies where the phase $\nu_1 h$ is between 0 and $\pi/2$, and there
$F$ changes its sign once. So there is an interval that surely holds it, and a solver for roots in intervals finds it.

## A root as a node

`implicit.RootBracketed` is that solver, as a node. What about derivatives? The solver's steps are of no interest; what counts is that $F(c(m), m) = 0$ for *all* models $m$. Differentiate that by $m$:

$$\frac{\partial F}{\partial c}\frac{\partial c}{\partial m} + \frac{\partial F}{\partial m} = 0 \quad\Rightarrow\quad \frac{\partial c}{\partial m} = -\frac{\partial F/\partial m}{\partial F/\partial c}.$$

This is the *implicit function theorem*, and package `implicit` applies it whenever its results are differentiated. The ends of the interval depend on the model too, but only to find the root, so they are behind `StopGradient`.
*/

// velocity returns the fundamental mode's velocity for periods, a vector.
func velocity(period *graph.Node, m Ground) *graph.Node {
	omega := graph.Div(graph.Like(period, 2*math.Pi), period)
	stop := graph.StopGradient
	h, b1, b2 := stop(m.h), stop(m.b1), stop(m.b2)
	// The phase is π/2 where 1/c² = 1/b1² − (π/2ωh)²; slower than b2 it is in any case.
	low := graph.BroadcastTo(b1, period.Shape()...)
	turn := graph.Reciprocal(omega.Mul(h)).Mul(math.Pi / 2)
	slowness2 := graph.Reciprocal(graph.Square(b1)).Sub(graph.Square(turn))
	high := graph.Reciprocal(graph.Sqrt(graph.Max(slowness2, graph.Reciprocal(graph.Square(b2)))))
	equation := func(c *graph.Node) *graph.Node { return secular(c, omega, m) }
	return must(implicit.RootBracketed(equation, low, high, implicit.Options{}))
}

var dispersion = compile.Function(func(period, h, b1, b2 *graph.Node) *graph.Node {
	return velocity(period, Ground{h, b1, b2})
})

// periods are those of the measurements, in s.
func periods() []float64 {
	var list []float64
	for t := 5.0; t <= 60; t *= 1.18 {
		list = append(list, t)
	}
	return list
}

func Example_dispersion() {
	out := must(dispersion.Call([]float64{10}, 35.0, 3.5, 4.5))
	fmt.Printf("T = 10 s: %.9f km/s, published 3.588552207\n", out[0].Float64s()[0])
	t := periods()
	var curves []show.Series
	for _, h := range []float64{25, 35, 45} {
		c := must(dispersion.Call(t, h, 3.5, 4.5))[0].Float64s()
		curves = append(curves, show.Series{Name: fmt.Sprintf("%v km", h), X: t, Y: c})
	}
	show.Axes{Title: "Dispersion by the crust's thickness", X: "period (s)", Y: "c (km/s)"}.Chart(curves...)
	// Output:
	// T = 10 s: 3.588552207 km/s, published 3.588552207
}

/*
Short waves see the crust alone and have its velocity; long ones see the mantle. In between, the thickness decides: that is where the information is.

## Sensitivities

Which measurement says what? The derivatives of the velocities by each parameter tell. There are three parameters and many velocities: a case for forward mode, one sweep for each ([tutorial 2](02-forward-and-reverse-mode.ipynb)); `Jacobian` chooses it. We trust it after a look at differences:
*/

func Example_sensitivities() {
	t := periods()
	jacobian := must(dispersion.Jacobian(1, 2, 3).Call(t, 35.0, 3.5, 4.5))
	byH, byB1, byB2 := jacobian[0].Float64s(), jacobian[1].Float64s(), jacobian[2].Float64s()

	step := 1e-5
	above := must(dispersion.Call(t, 35.0, 3.5+step, 4.5))[0].Float64s()
	below := must(dispersion.Call(t, 35.0, 3.5-step, 4.5))[0].Float64s()
	worst := 0.0
	for i := range t {
		worst = max(worst, math.Abs((above[i]-below[i])/(2*step)-byB1[i]))
	}
	fmt.Println("largest difference to central differences below 1e-8:", worst < 1e-8)

	tenfold := make([]float64, len(byH))
	for i, v := range byH {
		tenfold[i] = 10 * v
	}
	show.Axes{Title: "Sensitivities", X: "period (s)", Y: "derivative of c"}.Chart(
		show.Series{Name: "by b1", X: t, Y: byB1},
		show.Series{Name: "by b2", X: t, Y: byB2},
		show.Series{Name: "by h, for 10 km", X: t, Y: tenfold})
	// Output:
	// largest difference to central differences below 1e-8: true
}

/*
## The inverse problem

Now somebody has measured velocities, each with an error of 0.02 km/s. (We make them up, for a crust of 35 km with 3.5 and 4.5 km/s, and some noise, so that we know what should come out.) We ask for all three parameters at once. What
we give is a graph of residuals in units of their errors, and `optimize` does the rest, as in [tutorial 6](06-fit-and-train.ipynb): Levenberg and Marquardt's method with exact derivatives.
*/

const uncertainty = 0.02

// measured returns velocities with noise.
func measured() []float64 {
	c := must(dispersion.Call(periods(), 35.0, 3.5, 4.5))[0].Float64s()
	noisy := make([]float64, len(c))
	noise := []float64{0.4, -1.1, 0.7, 1.3, -0.6, -0.2, 0.9, -1.4,
		0.3, 0.1, -0.8, 1.0, 0.5, -0.3, -0.9, 0.6}
	for i := range c {
		noisy[i] = c[i] + uncertainty*noise[i%len(noise)]
	}
	return noisy
}

func Example_inversion() {
	t, c := periods(), measured()
	g := graph.New()
	m := Ground{g.Input("h", graph.Float64), g.Input("b1", graph.Float64), g.Input("b2", graph.Float64)}
	predicted := velocity(graph.Constant(g, t, len(t)), m)
	residuals := graph.Sub(graph.Constant(g, c, len(c)), predicted).Div(uncertainty)
	r := must(optimize.Problem{
		Residuals:   nodes(residuals),
		Parameters:  nodes(m.h, m.b1, m.b2),
		Lower:       optimize.Values{"h": {5}, "b1": {2.5}, "b2": {4.1}},
		Upper:       optimize.Values{"h": {80}, "b1": {4}, "b2": {5.5}},
		KnownErrors: true,
	}.Solve(context.Background(), optimize.Values{"h": {20}, "b1": {3.2}, "b2": {5}}, optimize.Options{}))
	errors := must(r.StandardErrors())
	fmt.Println("parameter  found       error   true")
	truth := []float64{35, 3.5, 4.5}
	for i, name := range []string{"h", "b1", "b2"} {
		fmt.Printf("%-9s %6.3f  ± %8.3f  %5.1f\n", name, r.X[name][0], errors[name][0], truth[i])
	}
	fmt.Printf("sum of squares %.1f for %d degrees of freedom\n", r.Value, r.DegreesOfFreedom())
	covariance := must(r.Covariance())
	fmt.Printf("correlation of h and b1: %.2f\n", covariance[0][1]/math.Sqrt(covariance[0][0]*covariance[1][1]))

	start := must(dispersion.Call(t, 20.0, 3.2, 5.0))[0].Float64s()
	found := must(dispersion.Call(t, r.X["h"][0], r.X["b1"][0], r.X["b2"][0]))[0].Float64s()
	show.Axes{Title: "Inversion", X: "period (s)", Y: "c (km/s)"}.Chart(
		show.Series{Name: "start", X: t, Y: start},
		show.Series{Name: "measured", X: t, Y: c, Points: true},
		show.Series{Name: "found", X: t, Y: found})
	// Output:
	// parameter  found       error   true
	// h         35.135  ±    1.227   35.0
	// b1         3.502  ±    0.010    3.5
	// b2         4.502  ±    0.025    4.5
	// sum of squares 9.9 for 13 degrees of freedom
	// correlation of h and b1: 0.79
}

/*
The truth lies within the errors. And the errors say more than the numbers: thickness and crustal velocity are *correlated*, since a thicker and faster crust gives nearly the same curve; the mantle's velocity is known less well, because only the longest periods reach it.

## Another measurement

How well would *another* measurement, at 100 s, help? The velocity's derivatives at 100 s say what it would see. A sweep in reverse gives all three, for one number:
*/

func Example_another() {
	f := dispersion.ValueAndGrad(1, 2, 3)
	_, err := f.Call([]float64{10, 100}, 35.0, 3.5, 4.5)
	fmt.Println("of a vector there is no gradient:", err != nil)
	g := graph.New()
	m := Ground{g.Input("h", graph.Float64), g.Input("b1", graph.Float64), g.Input("b2", graph.Float64)}
	c := graph.Index(velocity(graph.Constant(g, []float64{100}, 1), m), 0)
	d := must(compile.Gradient(c, m.h, m.b1, m.b2))
	out := must(vm.NewMachine(must(compile.Compile(append(nodes(c), d...)...))).Call(35.0, 3.5, 4.5))
	fmt.Printf("c = %.4f, by h %.4f, by b1 %.4f, by b2 %.4f\n", out[0].Item(), out[1].Item(), out[2].Item(), out[3].Item())
	// Output:
	// of a vector there is no gradient: true
	// c = 4.4436, by h -0.0032, by b1 0.1035, by b2 0.9321
}

/*
## What to remember

- What an equation defines is a node, and its derivatives come from the equation, not from the solver.
- Residuals and parameters are all that least squares needs; exact Jacobians and error bars follow.
- Sensitivities show which data say what, before one measures.

The real thing is `examples/surfacewave`: any number of layers, Rayleigh waves too, any mode, derivatives by all parameters of every layer, inversion of measured curves from many starts.

```
go run ./examples/surfacewave demo -o out
```

![the model that was found, the one it began with, and the true one](../../examples/surfacewave/images/model.png)

**Try it:** leave out all periods above 30 s. Which error bar grows?

Next: [drawing and debugging](09-drawing-and-debugging.ipynb).
*/
