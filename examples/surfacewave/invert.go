package main

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"

	"github.com/adjoint-go/adjoint/compile/optimize"
	"github.com/adjoint-go/adjoint/examples/internal/surface"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// Misfit is what an inversion makes small.
type Misfit int

const (
	// Roots are the differences of computed and measured phase velocities, over their errors.
	Roots Misfit = iota
	// Determinants are the secular function at the measured phase velocities, which is 0 for a model that has them. It needs no roots, and is defined for every model, also one that does not
	// have a mode that was measured; but it does not tell modes apart, and weighs errors of the data in its own way.
	Determinants
)

// Inversion looks for S velocities that explain picks, by Levenberg and Marquardt's method with exact derivatives.
type Inversion struct {
	Picks []Pick
	// Start has the layers, of which the thicknesses, and the ratios of P to S velocities, are kept. Densities follow from P velocities where Berteussen is set.
	Start      Layers
	Berteussen bool
	Misfit     Misfit
	// Smooth is the weight of second differences of S velocities (km/s) as further residuals.
	Smooth float64
	// Starts is the number of models from which it begins: Start itself, and others whose S velocities are up to Spread (a part of 1) larger or smaller, from Seed.
	Starts int
	Spread float64
	Seed   uint64
	// Progress is called after each start that has ended.
	Progress func()
}

// Solution is a model that was found from a start.
type Solution struct {
	Layers Layers
	Errors []float64 // standard errors of S velocities, km/s; nil if the picks do not determine them
	// RMS is the root mean square of computed less measured velocities, over their errors where these are known, else in km/s. Infinite if the model does not have the modes.
	RMS        float64
	Iterations int
	Status     string
}

// Result is all solutions, the best first, and what they have in common.
type Result struct {
	Solutions []Solution
	// Mean and Spread are the mean and the standard deviation of S velocities over the solutions whose RMS is within a tenth of the best one's; Agreeing is their number.
	Mean, Spread []float64
	Agreeing     int
}

// residuals returns the misfit of picks for layers.
func residuals(g *graph.Graph, picks []Pick, m Model, misfit Misfit) ([]*node, error) {
	var all []*node
	for _, w := range []Wave{RayleighWave, LoveWave} {
		var mode, period, velocity, scale []float64
		for _, p := range picks {
			if p.Wave != w {
				continue
			}
			s := 1.0
			if p.Error > 0 {
				s = 1 / p.Error
			}
			mode, period, velocity, scale = append(mode, float64(p.Mode)), append(period, p.Period), append(velocity, p.Velocity), append(scale, s)
		}
		n := len(mode)
		if n == 0 {
			continue
		}
		constant := func(v []float64) *node { return graph.Constant(g, v, n) }
		if misfit == Determinants {
			omega := graph.Div(g.Const(2*math.Pi), constant(period))
			all = append(all, w.Secular(constant(velocity), omega, m))
			continue
		}
		c, err := surface.PhaseVelocity(w, constant(mode), constant(period), m)
		if err != nil {
			return nil, err
		}
		all = append(all, graph.Mul(graph.Sub(c, constant(velocity)), constant(scale)))
	}
	return all, nil
}

// fastest is the largest velocity that was measured.
func (v Inversion) fastest() float64 {
	return slices.MaxFunc(v.Picks, func(a, b Pick) int { return cmp.Compare(a.Velocity, b.Velocity) }).Velocity
}

// problem is the least-squares problem in the input vs.
func (v Inversion) problem(misfit Misfit) (optimize.Problem, error) {
	g := graph.New()
	n := len(v.Start.Vs)
	vs := g.Input("vs", graph.Float64, n)
	ratio := make([]float64, n)
	lower, upper := make([]float64, n), make([]float64, n)
	for i, s := range v.Start.Vs {
		ratio[i], lower[i], upper[i] = v.Start.Vp[i]/s, s/4, 4*s
	}
	// A wave that was measured is slower than S waves in the half-space.
	lower[n-1] = max(lower[n-1], v.fastest()*(1+1e-6))
	upper[n-1] = max(upper[n-1], 2*lower[n-1])
	vp := graph.Mul(graph.Constant(g, ratio, n), vs)
	density := graph.Constant(g, v.Start.Density, n)
	if v.Berteussen {
		density = graph.Add(graph.Mul(g.Const(0.32), vp), g.Const(0.77))
	}
	m := Model{Thickness: graph.Constant(g, v.Start.Thickness, n), Vp: vp, Vs: vs, Density: density}
	all, err := residuals(g, v.Picks, m, misfit)
	if err != nil {
		return optimize.Problem{}, err
	}
	if v.Smooth > 0 && n > 2 {
		part := func(i int) *node { return graph.Slice(vs, graph.Range{Start: i, Limit: n - 2 + i}) }
		bend := graph.Add(graph.Sub(part(0), graph.Mul(g.Const(2), part(1))), part(2))
		all = append(all, graph.Mul(g.Const(v.Smooth), bend))
	}
	known := true
	for _, p := range v.Picks {
		known = known && p.Error > 0
	}
	return optimize.Problem{
		Residuals: all, Parameters: []*node{vs}, KnownErrors: known && misfit == Roots,
		Lower: optimize.Values{"vs": lower}, Upper: optimize.Values{"vs": upper},
		Machine: []vm.Option{vm.WithThreads(1)},
	}, nil
}

// Run solves the problem from all starts, on all processors.
func (v Inversion) Run(ctx context.Context) (*Result, error) {
	if err := v.Start.Check(); err != nil {
		return nil, err
	}
	if len(v.Picks) == 0 {
		return nil, fmt.Errorf("there are no picks")
	}
	type solvers struct{ roots, determinants *optimize.Solver }
	ready := func() (s solvers, err error) {
		for _, f := range []struct {
			misfit Misfit
			to     **optimize.Solver
		}{{Roots, &s.roots}, {Determinants, &s.determinants}} {
			if f.misfit == Roots && v.Misfit == Determinants {
				continue
			}
			p, err := v.problem(f.misfit)
			if err != nil {
				return s, err
			}
			if *f.to, err = p.Compile(); err != nil {
				return s, err
			}
		}
		return s, nil
	}
	starts := v.startModels()
	solutions := make([]Solution, len(starts))
	errs := make([]error, len(starts))
	next := make(chan int, len(starts))
	for i := range starts {
		next <- i
	}
	close(next)
	var all sync.WaitGroup
	var progress sync.Mutex
	for range min(len(starts), runtime.GOMAXPROCS(0)) {
		all.Go(func() {
			s, err := ready()
			for i := range next {
				if errs[i] = err; err == nil {
					solutions[i], errs[i] = v.solve(ctx, s.roots, s.determinants, starts[i])
				}
				if v.Progress != nil {
					progress.Lock()
					v.Progress()
					progress.Unlock()
				}
			}
		})
	}
	all.Wait()
	r := &Result{}
	var first error
	for i, s := range solutions {
		if errs[i] == nil {
			r.Solutions = append(r.Solutions, s)
		} else if first == nil {
			first = fmt.Errorf("start %d: %w", i+1, errs[i])
		}
	}
	if len(r.Solutions) == 0 || ctx.Err() != nil {
		return nil, first
	}
	slices.SortStableFunc(r.Solutions, func(a, b Solution) int { return cmp.Compare(a.RMS, b.RMS) })
	r.summarise()
	return r, nil
}

// startModels returns the S velocities to begin with.
func (v Inversion) startModels() [][]float64 {
	random := rand.New(rand.NewPCG(v.Seed, 0))
	starts := [][]float64{slices.Clone(v.Start.Vs)}
	for len(starts) < v.Starts {
		vs := slices.Clone(v.Start.Vs)
		for i := range vs {
			vs[i] *= 1 + v.Spread*(2*random.Float64()-1)
		}
		starts = append(starts, vs)
	}
	return starts
}

// solve begins with determinants where a mode that was measured does not exist in the start model, or where they are asked for.
func (v Inversion) solve(ctx context.Context, roots, determinants *optimize.Solver, start []float64) (Solution, error) {
	at := slices.Clone(start)
	n := len(at)
	at[n-1] = max(at[n-1], v.fastest()*(1+1e-5))
	solver := roots
	if v.Misfit == Determinants {
		solver = determinants
	}
	fit, err := solver.Solve(ctx, optimize.Values{"vs": at}, optimize.Options{})
	if fit == nil && solver == roots {
		first := err
		if fit, _ = determinants.Solve(ctx, optimize.Values{"vs": at}, optimize.Options{}); fit != nil {
			fit, _ = roots.Solve(ctx, fit.X, optimize.Options{})
		}
		if fit == nil {
			return Solution{}, fmt.Errorf("%w%s; nor was a model found from it that has the modes", first, v.missing(at))
		}
	}
	if fit == nil {
		return Solution{}, err
	}
	s := Solution{Layers: v.with(fit.X["vs"]), Iterations: fit.Iterations, Status: fit.Status.String()}
	if e, err := fit.StandardErrors(); err == nil {
		s.Errors = e["vs"]
	}
	s.RMS, err = rms(v.Picks, s.Layers)
	return s, err
}

// missing says which pick a model with the S velocities does not have, "" if it has all.
func (v Inversion) missing(vs []float64) string {
	c, err := Predict(v.Picks, v.with(vs))
	if err != nil {
		return ""
	}
	for i, p := range v.Picks {
		if math.IsNaN(c[i]) {
			return fmt.Sprintf(": it has no mode %d at the period %v s", p.Mode, p.Period)
		}
	}
	return ""
}

// with returns the start's layers with other S velocities.
func (v Inversion) with(vs []float64) Layers {
	l := Layers{Thickness: v.Start.Thickness, Vs: vs, Vp: make([]float64, len(vs)), Density: slices.Clone(v.Start.Density)}
	for i := range vs {
		l.Vp[i] = vs[i] * v.Start.Vp[i] / v.Start.Vs[i]
		if v.Berteussen {
			l.Density[i] = densityOf(l.Vp[i])
		}
	}
	return l
}

// eachWave computes the curves of a model where there are picks, one for each kind of wave, with the numbers of the picks that are in it.
func eachWave(picks []Pick, l Layers, kernels bool, use func(c *Curve, picks []int)) error {
	for _, w := range []Wave{RayleighWave, LoveWave} {
		var at, modes []int
		var periods []float64
		for i, p := range picks {
			if p.Wave == w {
				at, modes, periods = append(at, i), append(modes, p.Mode), append(periods, p.Period)
			}
		}
		if len(at) == 0 {
			continue
		}
		f, err := NewForward(w, len(l.Vs), len(at), kernels)
		if err != nil {
			return err
		}
		if err := f.Set(modes, periods); err != nil {
			return err
		}
		c, err := f.Run(l)
		if err != nil {
			return err
		}
		use(c, at)
	}
	return nil
}

// Predict returns the phase velocities of a model where there are picks.
func Predict(picks []Pick, l Layers) ([]float64, error) {
	out := make([]float64, len(picks))
	err := eachWave(picks, l, false, func(c *Curve, at []int) {
		for k, i := range at {
			out[i] = c.Phase[k]
		}
	})
	return out, err
}

func rms(picks []Pick, l Layers) (float64, error) {
	c, err := Predict(picks, l)
	if err != nil {
		return 0, err
	}
	sum := 0.0
	for i, p := range picks {
		r := c[i] - p.Velocity
		if p.Error > 0 {
			r /= p.Error
		}
		sum += r * r
	}
	if math.IsNaN(sum) {
		return math.Inf(1), nil
	}
	return math.Sqrt(sum / float64(len(picks))), nil
}

func (r *Result) summarise() {
	n := len(r.Solutions[0].Layers.Vs)
	r.Mean, r.Spread = make([]float64, n), make([]float64, n)
	for _, s := range r.Solutions {
		if s.RMS <= 1.1*r.Solutions[0].RMS+1e-9 {
			r.Agreeing++
		}
	}
	for i := range n {
		for _, s := range r.Solutions[:r.Agreeing] {
			r.Mean[i] += s.Layers.Vs[i] / float64(r.Agreeing)
		}
		for _, s := range r.Solutions[:r.Agreeing] {
			r.Spread[i] += (s.Layers.Vs[i] - r.Mean[i]) * (s.Layers.Vs[i] - r.Mean[i])
		}
		if r.Agreeing > 1 {
			r.Spread[i] = math.Sqrt(r.Spread[i] / float64(r.Agreeing-1))
		}
	}
}
