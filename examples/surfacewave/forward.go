package main

import (
	"fmt"
	"math"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/examples/internal/surface"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// Curve is what a model says of modes at periods: phase and group velocities (km/s), NaN where a mode does not exist, and the derivatives of phase velocities, kernels, by everything in the
// model: Vs[i][j] is that of velocity j by layer i.
type Curve struct {
	Phase, Group               []float64
	Thickness, Vp, Vs, Density [][]float64
}

// Forward computes curves of one kind of wave, for models of so many layers.
type Forward struct {
	machine   *vm.Machine
	wave      Wave
	layers, n int
	kernels   bool
}

// NewForward prepares for n velocities at once. With kernels all derivatives come from one sweep back.
func NewForward(w Wave, layers, n int, kernels bool, options ...vm.Option) (*Forward, error) {
	g := graph.New()
	l := Layers{Vs: make([]float64, layers)}.Inputs(g)
	period, mode := g.Input("period", graph.Float64, n), g.Input("mode", graph.Float64, n)
	columns := l
	if kernels { // each velocity has a model of its own, so that the gradient of their sum has all derivatives
		column := func(v *node) *node { return graph.BroadcastTo(graph.ExpandDims(v, 1), layers, n) }
		columns = Model{Thickness: column(l.Thickness), Vp: column(l.Vp), Vs: column(l.Vs), Density: column(l.Density)}
	}
	c, err := surface.PhaseVelocity(w, mode, period, columns)
	if err != nil {
		return nil, err
	}
	outputs := []*node{c.Named("phase")}
	if kernels {
		u, err := surface.GroupVelocity(c, period)
		if err != nil {
			return nil, err
		}
		d, err := compile.Gradient(graph.Sum(c), columns.Thickness, columns.Vp, columns.Vs, columns.Density)
		if err != nil {
			return nil, err
		}
		outputs = append(outputs, u.Named("group"))
		for i, name := range []string{"by_thickness", "by_vp", "by_vs", "by_density"} {
			outputs = append(outputs, d[i].Named(name))
		}
	}
	p, err := compile.Compile(outputs...)
	if err != nil {
		return nil, err
	}
	return &Forward{vm.NewMachine(p, options...), w, layers, n, kernels}, nil
}

// Set sets the modes and periods.
func (f *Forward) Set(modes []int, periods []float64) error {
	if len(modes) != f.n || len(periods) != f.n {
		return fmt.Errorf("%d modes and %d periods: needs %d", len(modes), len(periods), f.n)
	}
	for i, t := range periods {
		if !(t > 0) || math.IsInf(t, 0) || modes[i] < 0 {
			return fmt.Errorf("mode %d at a period of %v s: needs a mode of 0, 1, 2 … and a positive period", modes[i], t)
		}
		f.machine.Float64("mode")[i] = float64(modes[i])
	}
	copy(f.machine.Float64("period"), periods)
	return nil
}

// Run computes the curve of a model.
func (f *Forward) Run(l Layers) (*Curve, error) {
	if err := l.Check(); err != nil {
		return nil, err
	}
	if len(l.Vs) != f.layers {
		return nil, fmt.Errorf("%d layers: needs %d", len(l.Vs), f.layers)
	}
	m := f.machine
	for name, v := range map[string][]float64{"thickness": l.Thickness, "vp": l.Vp, "vs": l.Vs, "density": l.Density} {
		copy(m.Float64(name), v)
	}
	if err := m.Step(); err != nil {
		return nil, err
	}
	c := &Curve{Phase: append([]float64{}, m.Float64("phase")...)}
	if f.kernels {
		c.Group = append([]float64{}, m.Float64("group")...)
		for i, to := range []*[][]float64{&c.Thickness, &c.Vp, &c.Vs, &c.Density} {
			all := m.Float64([]string{"by_thickness", "by_vp", "by_vs", "by_density"}[i])
			for k := range f.layers {
				*to = append(*to, append([]float64{}, all[k*f.n:(k+1)*f.n]...))
			}
		}
	}
	return c, nil
}
