package main

import (
	"math"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// gradual has nine layers that become faster downwards.
func gradual() (l Layers, periods []float64) {
	for k := range 9 {
		vs := 1.5 + 0.35*float64(k)
		l.Thickness, l.Vs, l.Vp, l.Density = append(l.Thickness, 1+0.5*float64(k)), append(l.Vs, vs), append(l.Vp, 1.8*vs), append(l.Density, 1.7+0.2*float64(k))
	}
	for j := range 40 {
		periods = append(periods, 0.5*math.Pow(40, float64(j)/39))
	}
	return l, periods
}

// forward prepares modes from 0 on at the periods, on one thread.
func forward(tb testing.TB, w Wave, layers int, periods []float64, modes int, kernels bool) *Forward {
	f, err := NewForward(w, layers, modes*len(periods), kernels, vm.WithThreads(1))
	if err != nil {
		tb.Fatal(err)
	}
	var number []int
	var all []float64
	for mode := range modes {
		for _, t := range periods {
			number, all = append(number, mode), append(all, t)
		}
	}
	if err := f.Set(number, all); err != nil {
		tb.Fatal(err)
	}
	return f
}

func BenchmarkDispersion(b *testing.B) {
	l, periods := gradual()
	for _, c := range []struct {
		name    string
		w       Wave
		modes   int
		kernels bool
	}{{"R0R1", RayleighWave, 2, false}, {"L0L1", LoveWave, 2, false}, {"R0", RayleighWave, 1, false}, {"R0kernels", RayleighWave, 1, true}} {
		b.Run(c.name, func(b *testing.B) {
			f := forward(b, c.w, len(l.Vs), periods, c.modes, c.kernels)
			var curve *Curve
			for b.Loop() {
				var err error
				if curve, err = f.Run(l); err != nil {
					b.Fatal(err)
				}
			}
			sum := 0.0
			for _, x := range curve.Phase {
				if !math.IsNaN(x) {
					sum += x
				}
			}
			b.ReportMetric(sum, "Σc")
		})
	}
}

// newSecular returns the secular function at n velocities: from the first one on, with a step, at a period.
func newSecular(tb testing.TB, w Wave, layers, n int) func(l Layers, first, step, period float64) []float64 {
	g := graph.New()
	m := Layers{Vs: make([]float64, layers)}.Inputs(g)
	c, omega := g.Input("c", graph.Float64, n), g.Input("omega", graph.Float64, n)
	p, err := compile.Compile(w.Secular(c, omega, m).Named("f"))
	if err != nil {
		tb.Fatal(err)
	}
	v := vm.NewMachine(p)
	return func(l Layers, first, step, period float64) []float64 {
		copy(v.Float64("thickness"), l.Thickness)
		copy(v.Float64("vp"), l.Vp)
		copy(v.Float64("vs"), l.Vs)
		copy(v.Float64("density"), l.Density)
		for i := range n {
			v.Float64("c")[i], v.Float64("omega")[i] = first+float64(i)*step, 2*math.Pi/period
		}
		if err := v.Step(); err != nil {
			tb.Fatal(err)
		}
		return v.Float64("f")
	}
}
