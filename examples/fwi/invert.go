package main

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"gonum.org/v1/gonum/optimize"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// Survey is where and how waves are made and recorded. All shots have the same receivers.
type Survey struct {
	Sources, Receivers []Place
	Wavelet            []float64 // by time step
}

// Regularisation weighs the roughness of the model.
type Regularisation struct {
	Tikhonov  float64
	Variation float64 // total variation
	Scale     float64 // velocity differences below which it is smooth, in m/s
}

// Inversion computes traces of a survey, and misfits with their gradients by the velocities, several shots at once.
type Inversion struct {
	scheme   Scheme
	survey   Survey
	forward  *vm.Program // of one shot: traces
	gradient *vm.Program // of one shot: misfit and gradient
	rough    *vm.Program // roughness and its gradient, nil without regularisation
	workers  []*worker
}

// worker computes one shot after the other.
type worker struct {
	forward, gradient *vm.Machine
}

// NewInversion compiles the programs. memory bounds what a worker keeps of states of the waves, in bytes; 0 keeps all.
func NewInversion(s Scheme, survey Survey, m misfit, r Regularisation, memory int64, workers int) (*Inversion, error) {
	if err := survey.check(&s); err != nil {
		return nil, err
	}
	x := &Inversion{scheme: s, survey: survey}
	build := func() (traces, velocity, observed *graph.Node) {
		g := graph.New()
		velocity = g.Input("velocity", s.DType, s.NZ, s.NX)
		wavelet := g.Input("wavelet", s.DType, s.Steps)
		source, receivers := g.Input("source", graph.Int64, 1), g.Input("receivers", graph.Int64, len(survey.Receivers))
		observed = g.Input("observed", s.DType, s.Steps, len(survey.Receivers))
		return s.traces(velocity, wavelet, source, receivers).Named("traces"), velocity, observed
	}
	// Amplitudes in front of the waves are subnormal numbers, with which processors are slow: fast-math takes them for 0.
	c := compile.Config{FastMath: true, Checkpoints: compile.Checkpoints{Bytes: memory}}
	traces, _, _ := build()
	var err error
	if x.forward, err = c.Compile(traces); err != nil {
		return nil, err
	}
	traces, velocity, observed := build()
	value := m(traces, observed, s.Step)
	d, err := compile.Gradient(value, velocity)
	if err != nil {
		return nil, err
	}
	if x.gradient, err = c.Compile(value.Named("misfit"), d[0].Named("gradient")); err != nil {
		return nil, err
	}
	if r.Tikhonov > 0 || r.Variation > 0 {
		g := graph.New()
		v := g.Input("velocity", graph.Float64, s.NZ, s.NX)
		sum := graph.Add(graph.Mul(roughness(v, 0), g.Const(r.Tikhonov)), graph.Mul(roughness(v, r.Scale), g.Const(r.Variation)))
		d, err := compile.Gradient(sum, v)
		if err != nil {
			return nil, err
		}
		if x.rough, err = compile.Compile(sum.Named("misfit"), d[0].Named("gradient")); err != nil {
			return nil, err
		}
	}
	machines := max(1, min(workers, len(survey.Sources)))
	threads := vm.WithThreads(max(1, workers/machines)) // of a shot, if there are fewer shots than workers
	for range machines {
		w := &worker{vm.NewMachine(x.forward, threads), vm.NewMachine(x.gradient, threads)}
		for _, m := range []*vm.Machine{w.forward, w.gradient} {
			set(m, s.DType, "wavelet", survey.Wavelet)
			for k, p := range survey.Receivers {
				m.Int64("receivers")[k] = s.index(p)
			}
		}
		x.workers = append(x.workers, w)
	}
	return x, nil
}

func (survey *Survey) check(s *Scheme) error {
	if len(survey.Sources) == 0 || len(survey.Receivers) == 0 || len(survey.Wavelet) != s.Steps {
		return fmt.Errorf("%d sources, %d receivers, and a wavelet of %d samples for %d time steps", len(survey.Sources), len(survey.Receivers), len(survey.Wavelet), s.Steps)
	}
	for k, list := range [][]Place{survey.Sources, survey.Receivers} {
		for i, p := range list {
			if p.Z < 0 || p.Z >= s.NZ || p.X < 0 || p.X >= s.NX {
				return fmt.Errorf("%s %d at depth %d, distance %d is not on the grid of %d×%d points", []string{"source", "receiver"}[k], i, p.Z, p.X, s.NZ, s.NX)
			}
		}
	}
	return nil
}

// set fills an input of floats.
func set(m *vm.Machine, d graph.DType, name string, values []float64) {
	if d == graph.Float64 {
		copy(m.Float64(name), values)
		return
	}
	to := m.Float32(name)
	for i, v := range values {
		to[i] = float32(v)
	}
}

// get adds a value of floats to a slice.
func get(to []float64, m *vm.Machine, d graph.DType, name string) {
	if d == graph.Float64 {
		for i, v := range m.Float64(name) {
			to[i] += v
		}
		return
	}
	for i, v := range m.Float32(name) {
		to[i] += float64(v)
	}
}

// each runs f for every shot, with as many at once as there are workers.
func (x *Inversion) each(f func(w *worker, shot int) error) error {
	shots := make(chan int)
	errs := make([]error, len(x.workers))
	var wait sync.WaitGroup
	for k, w := range x.workers {
		wait.Go(func() {
			for shot := range shots {
				if errs[k] == nil {
					errs[k] = f(w, shot)
				}
			}
		})
	}
	for shot := range x.survey.Sources {
		shots <- shot
	}
	close(shots)
	wait.Wait()
	return errors.Join(errs...)
}

// Traces returns the traces of each shot, by time step and receiver.
func (x *Inversion) Traces(velocity []float64) ([][]float64, error) {
	if err := x.scheme.Check(velocity); err != nil {
		return nil, err
	}
	all := make([][]float64, len(x.survey.Sources))
	err := x.each(func(w *worker, shot int) error {
		m := w.forward
		set(m, x.scheme.DType, "velocity", velocity)
		m.Int64("source")[0] = x.scheme.index(x.survey.Sources[shot])
		if err := m.Step(); err != nil {
			return err
		}
		all[shot] = make([]float64, x.scheme.Steps*len(x.survey.Receivers))
		get(all[shot], m, x.scheme.DType, "traces")
		return nil
	})
	return all, err
}

// Misfit returns the misfit of all shots with the regularisation, and adds its gradient to gradient. The sum over shots is in their order, whatever the number of workers.
func (x *Inversion) Misfit(velocity []float64, observed [][]float64, gradient []float64) (float64, error) {
	if err := x.scheme.Check(velocity); err != nil {
		return 0, err
	}
	parts, values := make([][]float64, len(observed)), make([]float64, len(observed))
	err := x.each(func(w *worker, shot int) error {
		m, d := w.gradient, x.scheme.DType
		set(m, d, "velocity", velocity)
		set(m, d, "observed", observed[shot])
		m.Int64("source")[0] = x.scheme.index(x.survey.Sources[shot])
		if err := m.Step(); err != nil {
			return err
		}
		get(values[shot:shot+1], m, d, "misfit")
		parts[shot] = make([]float64, len(velocity))
		get(parts[shot], m, d, "gradient")
		return nil
	})
	if err != nil {
		return 0, err
	}
	sum := 0.0
	for shot, part := range parts {
		sum += values[shot]
		for i, v := range part {
			gradient[i] += v
		}
	}
	if x.rough != nil {
		m := vm.NewMachine(x.rough, vm.WithThreads(1))
		set(m, graph.Float64, "velocity", velocity)
		if err := m.Step(); err != nil {
			return 0, err
		}
		sum += m.Float64("misfit")[0]
		get(gradient, m, graph.Float64, "gradient")
	}
	return sum, nil
}

// Bounds are what velocities are kept between, in m/s.
type Bounds struct{ Slowest, Fastest float64 }

// Invert minimises the misfit from a start by L-BFGS with so many iterations at the most. Velocities are v = slowest + (fastest − slowest)/(1 + e^(−b − w·q)) with b from the start, the unknowns q, and weights w below 1 within some quiet grid points
// of sources and receivers, where the gradient is far larger than elsewhere. progress is called after each iteration; an error of it ends the inversion.
func (x *Inversion) Invert(start []float64, observed [][]float64, bounds Bounds, quiet float64, iterations int, progress func(iteration int, misfit float64, velocity []float64) error) ([]float64, error) {
	width := bounds.Fastest - bounds.Slowest
	b, weight := make([]float64, len(start)), x.quiet(quiet)
	for i, v := range start {
		if !(v > bounds.Slowest && v < bounds.Fastest) {
			return nil, fmt.Errorf("the start has %v m/s, which is not between %v and %v", v, bounds.Slowest, bounds.Fastest)
		}
		b[i] = math.Log((v - bounds.Slowest) / (bounds.Fastest - v))
	}
	velocity := func(q []float64) []float64 {
		v := make([]float64, len(q))
		for i := range v {
			v[i] = bounds.Slowest + width/(1+math.Exp(-b[i]-weight[i]*q[i]))
		}
		return v
	}
	var (
		failed error
		at     []float64 // where value and slope are known
		value  float64
		slope  = make([]float64, len(start))
		scale  float64 // so that the first value is 1
	)
	eval := func(q []float64) {
		if failed != nil || at != nil && slices.Equal(at, q) {
			return
		}
		clear(slope)
		v := velocity(q)
		if value, failed = x.Misfit(v, observed, slope); failed != nil {
			return
		}
		if scale == 0 && value > 0 {
			scale = 1 / value
		}
		value *= scale
		for i := range slope {
			slope[i] *= scale * weight[i] * (v[i] - bounds.Slowest) * (bounds.Fastest - v[i]) / width
		}
		at = append(at[:0], q...)
	}
	problem := optimize.Problem{
		Func: func(q []float64) float64 { eval(q); return value },
		Grad: func(g, q []float64) { eval(q); copy(g, slope) },
		Status: func() (optimize.Status, error) {
			if failed != nil {
				return optimize.Failure, failed
			}
			return optimize.NotTerminated, nil
		},
	}
	record := recorder(func(op optimize.Operation, l *optimize.Location, s *optimize.Stats) error {
		if op&optimize.MajorIteration == 0 || s.MajorIterations == 0 || progress == nil {
			return nil
		}
		return progress(s.MajorIterations, l.F/scale, velocity(l.X))
	})
	settings := &optimize.Settings{MajorIterations: iterations, GradientThreshold: 1e-12, Recorder: record}
	result, err := optimize.Minimize(problem, make([]float64, len(start)), settings, &optimize.LBFGS{Store: 10})
	switch {
	case failed != nil:
		return nil, failed
	case err != nil && (result == nil || result.MajorIterations == 0 || !errors.Is(err, optimize.ErrLinesearcherFailure)):
		return nil, err // but a line search that finds nothing better is the end
	}
	return velocity(result.X), nil
}

// recorder is an optimize.Recorder.
type recorder func(optimize.Operation, *optimize.Location, *optimize.Stats) error

func (recorder) Init() error { return nil }

func (r recorder) Record(l *optimize.Location, op optimize.Operation, s *optimize.Stats) error {
	return r(op, l, s)
}

// quiet is 1 − exp(−(distance/radius)²) for the distance of each grid point from the nearest source or receiver.
func (x *Inversion) quiet(radius float64) []float64 {
	w := make([]float64, x.scheme.NZ*x.scheme.NX)
	for i := range w {
		w[i] = 1
		if radius <= 0 {
			continue
		}
		for _, list := range [][]Place{x.survey.Sources, x.survey.Receivers} {
			for _, p := range list {
				d := math.Hypot(float64(i/x.scheme.NX-p.Z), float64(i%x.scheme.NX-p.X)) / radius
				w[i] = min(w[i], 1-math.Exp(-d*d))
			}
		}
	}
	return w
}
