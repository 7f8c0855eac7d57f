package main

import (
	"errors"
	"fmt"
	"math"

	"github.com/adjoint-go/adjoint/graph"
)

// Scheme is how waves are computed: differences of second order in time, and of a higher one in space, on a grid with absorbing layers around it, beyond which the pressure is 0. With layers that damp,
//
//	∂²u/∂t² + 2·(p + q)·∂u/∂t = v²·(Δu + w·δ),
//
// where p and q are the damping by depth and by distance, outside of the layers 0. A perfectly matched layer, which waves enter without an echo at any angle, has two fields more (M. Grote and I. Sim, Efficient PML for
// the wave equation, arXiv:1001.0319):
//
//	∂²u/∂t² + (p + q)·∂u/∂t + p·q·u = v²·(Δu + w·δ) + ∂f/∂z + ∂g/∂x,
//	∂f/∂t + p·f = v²·(q − p)·∂u/∂z,
//	∂g/∂t + q·g = v²·(p − q)·∂u/∂x.
type Scheme struct {
	NZ, NX     int     // grid points in depth and along the surface, without layers
	Spacing    float64 // h, in metres
	Step       float64 // Δt, in seconds
	Steps      int
	Layer      int     // grid points of a layer
	Matched    bool    // perfectly matched layers, not those that damp alone
	Accuracy   int     // order of the differences in space
	Reflection float64 // see graph.AbsorbingLayer
	Fastest    float64 // the largest velocity for which the layers are made, in m/s
	DType      graph.DType
}

// Place is a grid point: depth, distance.
type Place struct{ Z, X int }

// limit is the largest v·Δt/h for which the scheme is stable (by von Neumann): the eigenvalues of −h²·Δ reach at most Σ|weights| for each dimension, and (v·Δt/h)² times the sum must not exceed 4.
func (s *Scheme) limit() float64 {
	points := make([]float64, s.Accuracy+1)
	for k := range points {
		points[k] = float64(k - s.Accuracy/2)
	}
	sum := 0.0
	for _, w := range graph.DifferenceWeights(2, points...) {
		sum += math.Abs(w)
	}
	return 2 / math.Sqrt(2*sum)
}

// errUnstable is wrapped by the error for a time step that is too long.
var errUnstable = errors.New("the time step is too long")

// Check reports numbers that cannot be, and a time step for which waves as fast as those of the model grow without bounds (Courant, Friedrichs and Lewy).
func (s *Scheme) Check(velocity []float64) error {
	switch {
	case s.NZ < 1 || s.NX < 1 || s.Steps < 1 || s.Layer < 1:
		return fmt.Errorf("a grid of %d×%d points with layers of %d, and %d time steps", s.NZ, s.NX, s.Layer, s.Steps)
	case !(s.Spacing > 0) || !(s.Step > 0):
		return fmt.Errorf("a spacing of %v m and a time step of %v s", s.Spacing, s.Step)
	case s.Accuracy < 2 || s.Accuracy > 16 || s.Accuracy%2 != 0:
		return fmt.Errorf("differences of order %d", s.Accuracy)
	case len(velocity) != s.NZ*s.NX:
		return fmt.Errorf("%d velocities for %d×%d grid points", len(velocity), s.NZ, s.NX)
	}
	most := s.limit() * s.Spacing / s.Step
	for k, v := range velocity {
		if !(v > 0) {
			return fmt.Errorf("the velocity %v at depth %d, distance %d", v, k/s.NX, k%s.NX)
		}
		if v > most {
			return fmt.Errorf("%w: with %g s and a grid of %g m, waves may have %.4g m/s at most, and those at depth %d, distance %d have %.4g; with them it may have %.3g s",
				errUnstable, s.Step, s.Spacing, most, k/s.NX, k%s.NX, v, s.limit()*s.Spacing/v)
		}
	}
	return nil
}

// Ricker returns the samples of Ricker's wavelet with a peak frequency in hertz, whose middle is at a time: (1 − 2a)·e⁻ᵃ, a = (π·f·(t − delay))².
func Ricker(frequency, delay, step float64, steps int) []float64 {
	w := make([]float64, steps)
	for n := range w {
		a := math.Pow(math.Pi*frequency*(float64(n)*step-delay), 2)
		w[n] = (1 - 2*a) * math.Exp(-a)
	}
	return w
}

// index is where a place lies in the grid with its layers.
func (s *Scheme) index(p Place) int64 { return int64((p.Z+s.Layer)*(s.NX+2*s.Layer) + p.X + s.Layer) }

// axisFields are the factors of a perfectly matched layer's field along an axis.
type axisFields struct{ keep, grow *graph.Node }

// traces adds the simulation of one shot to the graph of velocity f[NZ, NX]: the pressure at receivers after each step, f[steps, receivers], for a source at flat index source, i64[1], of the grid with layers, whose
// amplitudes are wavelet, f[steps]. receivers are flat indices as well.
func (s *Scheme) traces(velocity, wavelet, source, receivers *graph.Node) *graph.Node {
	g := velocity.Graph()
	nz, nx, l := s.NZ+2*s.Layer, s.NX+2*s.Layer, s.Layer
	layer := graph.AbsorbingLayer{Width: l, Spacing: s.Spacing, Velocity: s.Fastest, Reflection: s.Reflection}
	down, errDown := layer.Damping(nz)
	along, errAlong := layer.Damping(nx)
	if err := errors.Join(errDown, errAlong); err != nil {
		return g.Fail("fwi", err)
	}
	fixed := func(f func(p, q float64) float64) *graph.Node {
		v := make([]float64, nz*nx)
		for i := range v {
			v[i] = f(s.Step*down[i/nx], s.Step*along[i%nx])
		}
		return graph.Cast(graph.Constant(g, v, nz, nx), s.DType)
	}
	damped := func(p, q float64) float64 { return p + q } // Δt times half the coefficient of ∂u/∂t
	if s.Matched {
		damped = func(p, q float64) float64 { return (p + q) / 2 }
	}
	after := fixed(func(p, q float64) float64 { return 1 / (1 + damped(p, q)) })
	before := fixed(func(p, q float64) float64 { return (1 - damped(p, q)) / (1 + damped(p, q)) })
	wide := graph.PadMode(velocity, []int{l, l}, []int{l, l}, "edge")
	number := graph.Square(graph.Mul(wide, graph.Like(wide, s.Step/s.Spacing))) // (v·Δt/h)²
	scale, twice := graph.Mul(after, number), graph.Mul(after, graph.Like(wide, 2))
	atSource := graph.Gather(graph.Reshape(scale, nz*nx), source, 0)
	still := graph.BroadcastTo(graph.Like(wide, 0), nz, nx)
	d := graph.Differences{Accuracy: s.Accuracy} // in units of the spacing
	start := []*graph.Node{still, still}
	var axes [2]axisFields
	if s.Matched {
		start = append(start, still, still)
		// Half a spacing further the damping is nearly the mean of the neighbours'.
		mean := func(x []float64, i int) float64 { return (x[i] + x[min(i+1, len(x)-1)]) / 2 * s.Step }
		for axis := range axes {
			at := func(i int) (own, other float64) { // Δt·p or Δt·q half a spacing further along the axis, and the other one
				if axis == 0 {
					return mean(down, i/nx), s.Step * along[i%nx]
				}
				return mean(along, i%nx), s.Step * down[i/nx]
			}
			keep, grow := make([]float64, nz*nx), make([]float64, nz*nx)
			for i := range keep {
				own, other := at(i)
				keep[i], grow[i] = (1-own/2)/(1+own/2), (other-own)/(1+own/2)
			}
			axes[axis] = axisFields{graph.Cast(graph.Constant(g, keep, nz, nx), s.DType), graph.Mul(graph.Cast(graph.Constant(g, grow, nz, nx), s.DType), number)}
		}
		twice = fixed(func(p, q float64) float64 { return (2 - p*q) / (1 + (p+q)/2) })
	}
	_, ys := graph.Scan(s.Steps, start, []*graph.Node{wavelet}, func(u, w []*graph.Node) (next, ys []*graph.Node) {
		step := graph.Sub(graph.Mul(twice, u[0]), graph.Mul(before, u[1]))
		step = graph.Add(step, graph.Mul(scale, d.Laplacian(u[0])))
		next = []*graph.Node{nil, u[0]}
		for axis, f := range axes[:len(u)-2] { // fields at half steps of time and space, in units of (h/Δt)²; their mean is that at the step
			field := graph.Add(graph.Mul(f.keep, u[2+axis]), graph.Mul(f.grow, d.Staggered(u[0], axis, false)))
			mean := graph.Mul(graph.Add(field, u[2+axis]), graph.Like(field, 0.5))
			step = graph.Add(step, graph.Mul(after, d.Staggered(mean, axis, true)))
			next = append(next, field)
		}
		flat := graph.ScatterAddTo(graph.Reshape(step, nz*nx), source, graph.Mul(atSource, w[0]), 0)
		next[0] = graph.Reshape(flat, nz, nx)
		return next, []*graph.Node{graph.Gather(flat, receivers, 0)}
	})
	return ys[0]
}
