package main

import (
	"math"
	"testing"
)

// modelA has nine layers of 10 km.
func modelA() Layers {
	m := Layers{Vs: []float64{3.5, 3.4, 3.5, 3.8, 4.2, 4.5, 4.7, 4.8, 4.75}}
	for _, v := range m.Vs {
		m.Thickness, m.Vp, m.Density = append(m.Thickness, 10), append(m.Vp, 2*v), append(m.Density, 2)
	}
	return m
}

func TestPhaseVelocities(t *testing.T) {
	periods := []float64{2, 10, 20, 40, 100}
	want := map[Wave][2][]float64{
		RayleighWave: {{3.2634158, 3.2403059, 3.4239315, 3.9684519, 4.2554635}, {3.4622159, 4.1835674, 4.7292514, math.NaN(), math.NaN()}},
		LoveWave:     {{3.4504437, 3.5471196, 3.7084460, 4.0795908, 4.5819882}, {3.5271781, 4.2069997, math.NaN(), math.NaN(), math.NaN()}},
	}
	for w, table := range want {
		for mode, values := range table {
			f, err := NewForward(w, 9, len(periods), false)
			if err != nil {
				t.Fatal(err)
			}
			if err := f.Set([]int{mode, mode, mode, mode, mode}, periods); err != nil {
				t.Fatal(err)
			}
			c, err := f.Run(modelA())
			if err != nil {
				t.Fatal(err)
			}
			for i, got := range c.Phase {
				if math.IsNaN(values[i]) != math.IsNaN(got) || math.Abs(got-values[i]) > 6e-8 {
					t.Errorf("%v %d at %v s: %.9f, want %.9f", w, mode, periods[i], got, values[i])
				}
			}
		}
	}
}

// value runs the model of a test.
func value(t *testing.T, w Wave, l Layers, modes []int, periods []float64) *Curve {
	t.Helper()
	f, err := NewForward(w, len(l.Vs), len(periods), true)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Set(modes, periods); err != nil {
		t.Fatal(err)
	}
	c, err := f.Run(l)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func all(mode, n int) []int {
	modes := make([]int, n)
	for i := range modes {
		modes[i] = mode
	}
	return modes
}

// The published derivatives of model A, and a crust's velocities (exp-matrix solution in the reference, to 8 digits).
func TestKernelsAndModelB(t *testing.T) {
	c := value(t, RayleighWave, modelA(), []int{0}, []float64{20})
	for i, want := range []float64{.126736, .264391, .293841, .179049, .079224, .030793, .011004, .003740, .001836} {
		if got := c.Vs[i][0]; math.Abs(got-want) > 1e-6 {
			t.Errorf("∂c/∂Vs of layer %d: %.7f, want %v", i+1, got, want)
		}
	}
	crust, _, err := synthetic(0, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		w            Wave
		period, want float64
	}{{RayleighWave, 10, 3.16386912}, {RayleighWave, 40, 3.81202986}, {LoveWave, 10, 3.43397674}} {
		if got := value(t, c.w, crust, []int{0}, []float64{c.period}).Phase[0]; math.Abs(got-c.want) > 1e-6 {
			t.Errorf("%v at %v s: %.8f, want %v", c.w, c.period, got, c.want)
		}
	}
}

// Closed forms: a half-space in two equal parts, and Love waves of one layer.
func TestClosedForms(t *testing.T) {
	same := Layers{Thickness: []float64{7, 0}, Vs: []float64{3, 3}, Vp: []float64{3 * math.Sqrt(3), 3 * math.Sqrt(3)}, Density: []float64{2.5, 2.5}}
	periods := []float64{0.3, 1, 3, 10, 100}
	for i, c := range value(t, RayleighWave, same, all(0, 5), periods).Phase {
		if want := math.Sqrt(2-2/math.Sqrt(3)) * 3; math.Abs(c-want) > 1e-12 {
			t.Errorf("a Poisson solid at %v s: %.15f, want %.15f", periods[i], c, want)
		}
	}
	one := Layers{Thickness: []float64{35, 0}, Vs: []float64{3.5, 4.5}, Vp: []float64{6, 8}, Density: []float64{2.7, 3.3}}
	got := value(t, LoveWave, one, []int{0, 1, 2}, []float64{10, 10, 10}).Phase
	for i, want := range []float64{3.588552207, 4.356351373, math.NaN()} {
		if math.IsNaN(want) != math.IsNaN(got[i]) || math.Abs(got[i]-want) > 1e-9 {
			t.Errorf("Love %d at 10 s: %.10f, want %v", i, got[i], want)
		}
	}
	for i, c := range got[:2] { // tan(ω·h·√(1/β1² − 1/c²)) = μ2·√(1/c² − 1/β2²)/(μ1·√(1/β1² − 1/c²))
		a, b := math.Sqrt(1/(3.5*3.5)-1/(c*c)), math.Sqrt(1/(c*c)-1/(4.5*4.5))
		phase := 2 * math.Pi / 10 * 35 * a
		if r := math.Sin(phase)*2.7*3.5*3.5*a - math.Cos(phase)*3.3*4.5*4.5*b; math.Abs(r) > 1e-12 {
			t.Errorf("Love %d: residual %v", i, r)
		}
	}
}

// Scaling all densities changes nothing; scaling lengths and velocities scales c; and group velocities are differences of the curve.
func TestInvariants(t *testing.T) {
	l, periods := gradual()
	for _, w := range []Wave{RayleighWave, LoveWave} {
		for mode := range 2 {
			c := value(t, w, l, all(mode, len(periods)), periods)
			for j, v := range c.Phase {
				if math.IsNaN(v) {
					continue
				}
				byDensity, byScale := 0.0, 0.0
				for i := range l.Vs {
					byDensity += l.Density[i] * c.Density[i][j]
					byScale += l.Thickness[i]*c.Thickness[i][j] + l.Vp[i]*c.Vp[i][j] + l.Vs[i]*c.Vs[i][j]
				}
				if math.Abs(byDensity) > 1e-8 || math.Abs(byScale-v) > 1e-8 {
					t.Errorf("%v %d at %v s: Σρ·∂c/∂ρ = %v; Σ(h·∂h + α·∂α + β·∂β)c − c = %v", w, mode, periods[j], byDensity, byScale-v)
				}
			}
			// k and ω of neighbouring periods
			const h = 1e-4
			near := make([]float64, 2*len(periods))
			for j, p := range periods {
				near[2*j], near[2*j+1] = p*(1-h), p*(1+h)
			}
			d := value(t, w, l, all(mode, len(near)), near)
			for j, u := range c.Group {
				a, b := 2*math.Pi/near[2*j], 2*math.Pi/near[2*j+1]
				want := (a - b) / (a/d.Phase[2*j] - b/d.Phase[2*j+1])
				if !math.IsNaN(want) && math.Abs(u-want) > 1e-6 {
					t.Errorf("%v %d at %v s: group velocity %v, from differences %v", w, mode, periods[j], u, want)
				}
			}
		}
	}
}

// Kernels against differences of fourth order.
func TestKernelsAgainstDifferences(t *testing.T) {
	l, periods := gradual()
	periods = periods[5:35:35]
	periods = []float64{periods[0], periods[10], periods[20], periods[29]}
	for _, w := range []Wave{RayleighWave, LoveWave} {
		c := value(t, w, l, all(0, 4), periods)
		f, err := NewForward(w, len(l.Vs), 4, false)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Set(all(0, 4), periods); err != nil {
			t.Fatal(err)
		}
		for _, p := range []struct {
			name   string
			values []float64
			by     [][]float64
		}{{"h", l.Thickness, c.Thickness}, {"vp", l.Vp, c.Vp}, {"vs", l.Vs, c.Vs}, {"density", l.Density, c.Density}} {
			for i := range l.Vs {
				at, h := p.values[i], 1e-3*p.values[i]
				sum := make([]float64, 4)
				for _, s := range []struct{ step, weight float64 }{{-2, 1. / 12}, {-1, -2. / 3}, {1, 2. / 3}, {2, -1. / 12}} {
					p.values[i] = at + s.step*h
					d, err := f.Run(l)
					if err != nil {
						t.Fatal(err)
					}
					for j := range sum {
						sum[j] += s.weight * d.Phase[j] / h
					}
				}
				p.values[i] = at
				for j, want := range sum {
					if math.Abs(p.by[i][j]-want) > 3e-8 {
						t.Errorf("%v at %v s by %s of layer %d: %v, from differences %v", w, periods[j], p.name, i+1, p.by[i][j], want)
					}
				}
			}
		}
	}
}

// A thick slow layer has hundreds of modes, some of them nearly at one velocity with those of another: all are found, in order, and between them there is none.
func TestNoModeIsSkipped(t *testing.T) {
	l := Layers{Thickness: []float64{2, 6, 3, 5, 0}, Vs: []float64{1.5, 3.2, 1.4, 3, 4}, Vp: []float64{3, 5.5, 2.6, 5.4, 7}, Density: []float64{2, 2.5, 2, 2.5, 3}}
	const n = 12
	for _, w := range []Wave{RayleighWave, LoveWave} {
		modes, periods := make([]int, n), make([]float64, n)
		for i := range modes {
			modes[i], periods[i] = i, 0.5
		}
		c := value(t, w, l, modes, periods)
		// The secular function of each velocity between the first two dozen, on a fine net, has as many changes of sign.
		signs := 0
		last := math.NaN()
		step := (c.Phase[n-1] - 1.0) / 40000
		g := newSecular(t, w, len(l.Vs), 40000)
		for _, f := range g(l, 1.0, step, 0.5) {
			if last*f < 0 {
				signs++
			}
			last = f
		}
		for i := range n {
			if math.IsNaN(c.Phase[i]) || i > 0 && c.Phase[i] <= c.Phase[i-1] {
				t.Errorf("%v mode %d has %v km/s after %v", w, i, c.Phase[i], c.Phase[max(0, i-1)])
			}
		}
		if signs != n-1 {
			t.Errorf("%v: %d changes of sign below mode %d", w, signs, n-1)
		}
	}
}
