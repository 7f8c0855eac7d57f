package main

import (
	"bytes"
	"errors"
	"fmt"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// reference is a survey of one shot on 200×200 points whose misfit and gradient were computed by other programs, hand-written C among them, to all digits: a velocity of 1500 + 5·depth, and
// observations with 20 m/s more and a bulge of 150 m/s.
func reference(d graph.DType, steps int) (s Scheme, survey Survey, truth, start []float64) {
	s = Scheme{NZ: 200, NX: 200, Spacing: 10, Step: 1e-3, Steps: steps, Layer: 20, Accuracy: 4, Fastest: 3000, DType: d}
	survey = Survey{Sources: []Place{{2, 100}}, Wavelet: Ricker(10, 0.15, s.Step, steps)}
	for r := range 8 {
		survey.Receivers = append(survey.Receivers, Place{2, 12 + 25*r})
	}
	truth, start = make([]float64, 200*200), make([]float64, 200*200)
	for i := range start {
		z, x := float64(i/200), float64(i%200)
		start[i] = 1500 + 5*z
		truth[i] = start[i] + 20 + 150*math.Exp(-((z-30)*(z-30)+(x-100)*(x-100))/288)
	}
	return s, survey, truth, start
}

func TestReference(t *testing.T) {
	for _, c := range []struct {
		d           graph.DType
		memory      int64
		bound, slip float64
	}{{graph.Float64, 0, 1e-11, 1e-11}, {graph.Float32, 20 << 20, 1e-4, 1e-4}} {
		s, survey, truth, start := reference(c.d, 500)
		x, err := NewInversion(s, survey, misfits["l2"], Regularisation{}, c.memory, 1)
		if err != nil {
			t.Fatal(err)
		}
		observed, err := x.Traces(truth)
		if err != nil {
			t.Fatal(err)
		}
		g := make([]float64, len(start))
		value, err := x.Misfit(start, observed, g)
		if err != nil {
			t.Fatal(err)
		}
		along := 0.0
		for i, v := range g {
			along += v * math.Sin(0.1*float64(i/200)) * math.Cos(0.07*float64(i%200))
		}
		if want := 0.00851764925376037; math.Abs(value/want-1) > c.bound {
			t.Errorf("%v: misfit %.15g, want %.15g", c.d, value, want)
		}
		if want := -3.792650670602e-05; math.Abs(along/want-1) > c.slip {
			t.Errorf("%v: derivative %.13g, want %.13g", c.d, along, want)
		}
		if c.memory > 0 {
			if bytes := x.gradient.MemoryBytes(vm.WithThreads(1)); bytes > 40e6 {
				t.Errorf("a shot takes %d bytes", bytes)
			}
		}
	}
}

// TestCheckpoints: what is kept of the waves changes no bit.
func TestCheckpoints(t *testing.T) {
	s, survey, truth, start := problem(30, 2, 120, 0.002)
	s.DType = graph.Float64
	var first []float64
	for _, memory := range []int64{0, 4 << 20, 400 << 10} {
		x, err := NewInversion(s, survey, misfits["l2"], Regularisation{}, memory, 2)
		if err != nil {
			t.Fatal(err)
		}
		observed, err := x.Traces(truth)
		if err != nil {
			t.Fatal(err)
		}
		g := make([]float64, len(start)+1)
		if g[len(start)], err = x.Misfit(start, observed, g[:len(start)]); err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = g
		}
		if !slices.Equal(first, g) {
			t.Errorf("%d bytes: other bits", memory)
		}
	}
}

// TestDot: ⟨J·p, r⟩ = ⟨p, Jᵀ·r⟩ for the derivative J of the traces by the velocities.
func TestDot(t *testing.T) {
	s, survey, _, start := problem(24, 1, 150, 0.002)
	s.DType = graph.Float64
	g := graph.New()
	v, p := g.Input("velocity", graph.Float64, s.NZ, s.NX), g.Input("p", graph.Float64, s.NZ, s.NX)
	r := g.Input("r", graph.Float64, s.Steps, len(survey.Receivers))
	indices := make([]int64, len(survey.Receivers))
	for k, at := range survey.Receivers {
		indices[k] = s.index(at)
	}
	d := s.traces(v, graph.Constant(g, survey.Wavelet, s.Steps), graph.Constant(g, []int64{s.index(survey.Sources[0])}, 1), graph.Constant(g, indices, len(indices)))
	forward, err := compile.JVP([]*graph.Node{d}, []*graph.Node{v}, []*graph.Node{p})
	if err != nil {
		t.Fatal(err)
	}
	back, err := compile.VJP([]*graph.Node{d}, []*graph.Node{v}, []*graph.Node{r})
	if err != nil {
		t.Fatal(err)
	}
	program, err := compile.Compile(graph.Sum(graph.Mul(forward[0], r)).Named("left"), graph.Sum(graph.Mul(back[0], p)).Named("right"))
	if err != nil {
		t.Fatal(err)
	}
	m := vm.NewMachine(program)
	copy(m.Float64("velocity"), start)
	for i := range m.Float64("p") {
		m.Float64("p")[i] = math.Sin(float64(i))
	}
	for i := range m.Float64("r") {
		m.Float64("r")[i] = math.Cos(1.7 * float64(i))
	}
	if err := m.Step(); err != nil {
		t.Fatal(err)
	}
	if l, r := m.Float64("left")[0], m.Float64("right")[0]; l == 0 || math.Abs(l-r) > 1e-12*math.Abs(l) {
		t.Errorf("%.16g and %.16g", l, r)
	}
}

// TestGreen compares traces in a homogeneous ground with the solution for a line source, u = ∫w(t − (R/c)·cosh θ)dθ/2π (Aki & Richards, Quantitative Seismology): Green's function H(t − R/c)/(2π√(t² − R²/c²)) with the wavelet.
func TestGreen(t *testing.T) {
	const c, step, n = 2000.0, 1e-3, 90
	s := Scheme{NZ: n, NX: n, Spacing: 5, Step: step, Steps: 400, Layer: 20, Matched: true, Accuracy: 8, Fastest: c, DType: graph.Float64}
	survey := Survey{Sources: []Place{{45, 35}}, Receivers: []Place{{45, 75}, {75, 65}, {2, 35}}, Wavelet: Ricker(15, 0.1, step, s.Steps)}
	x, err := NewInversion(s, survey, misfits["l2"], Regularisation{}, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	v := make([]float64, n*n)
	for i := range v {
		v[i] = c
	}
	traces, err := x.Traces(v)
	if err != nil {
		t.Fatal(err)
	}
	wavelet := func(t float64) float64 {
		a := math.Pow(math.Pi*15*(t-0.1), 2)
		return (1 - 2*a) * math.Exp(-a)
	}
	for k, p := range survey.Receivers {
		distance := 5 * math.Hypot(float64(p.Z-45), float64(p.X-35))
		var off, size float64
		for i := range s.Steps {
			at := float64(i+1) * step
			want := 0.0
			if end := at * c / distance; end > 1 {
				const parts = 4000
				h := math.Acosh(end) / parts
				for j := range parts {
					want += wavelet(at-distance/c*math.Cosh((float64(j)+0.5)*h)) * h / (2 * math.Pi)
				}
			}
			got := traces[0][i*len(survey.Receivers)+k]
			off, size = off+(got-want)*(got-want), size+want*want
		}
		e := math.Sqrt(off / size)
		t.Logf("%.0f m away: off by %.2f %%", distance, 100*e)
		if e > 0.015 {
			t.Errorf("%.0f m away: off by %.2f %%", distance, 100*e)
		}
	}
}

// TestMisfits compares the gradient of each misfit, with regularisation, with differences.
func TestMisfits(t *testing.T) {
	s, survey, truth, start := problem(20, 2, 140, 0.002)
	s.DType = graph.Float64
	for name, m := range misfits {
		x, err := NewInversion(s, survey, m, Regularisation{Tikhonov: 1e-6, Variation: 1e-5, Scale: 5}, 0, 2)
		if err != nil {
			t.Fatal(err)
		}
		observed, err := x.Traces(truth)
		if err != nil {
			t.Fatal(err)
		}
		value := func(h float64) (float64, []float64) {
			v, g := slices.Clone(start), make([]float64, len(start))
			for i := range v {
				v[i] += 20*math.Sin(float64(i)/7) + h*math.Cos(float64(i)/5)
			}
			f, err := x.Misfit(v, observed, g)
			if err != nil {
				t.Fatal(err)
			}
			return f, g
		}
		_, g := value(0)
		along := 0.0
		for i, v := range g {
			along += v * math.Cos(float64(i)/5)
		}
		const h = 1e-3
		up, _ := value(h)
		down, _ := value(-h)
		if want := (up - down) / (2 * h); math.Abs(along-want) > 2e-5*math.Abs(want) {
			t.Errorf("%s: derivative %v, differences %v", name, along, want)
		}
		plain, err := NewInversion(s, survey, m, Regularisation{}, 0, 2)
		if err != nil {
			t.Fatal(err)
		}
		f, err := plain.Misfit(truth, observed, g)
		if err != nil {
			t.Fatal(err)
		}
		if other, err := plain.Misfit(start, observed, g); err != nil || f > 1e-3*other {
			t.Errorf("%s: the true model has the misfit %v, the start %v (%v)", name, f, other, err)
		}
	}
	if _, err := misfitOf("l3"); err == nil || !strings.Contains(err.Error(), `"huber"`) {
		t.Errorf("an unknown misfit: %v", err)
	}
}

// TestEnvelope: that of a sine with whole periods is its amplitude.
func TestEnvelope(t *testing.T) {
	for _, n := range []int{64, 65} {
		g := graph.New()
		x := g.Input("x", graph.Float64, n, 1)
		p, err := compile.Compile(envelope(x, x).Named("e"))
		if err != nil {
			t.Fatal(err)
		}
		m := vm.NewMachine(p)
		for i := range n {
			m.Float64("x")[i] = 3 * math.Sin(2*math.Pi*5*float64(i)/float64(n)+0.3)
		}
		if err := m.Step(); err != nil {
			t.Fatal(err)
		}
		for i, e := range m.Float64("e") {
			if math.Abs(e-3) > 1e-6 {
				t.Errorf("%d elements: envelope %v at %d", n, e, i)
			}
		}
	}
}

func TestErrors(t *testing.T) {
	s, survey, truth, _ := problem(20, 1, 10, 0.004)
	if err := s.Check(truth); !errors.Is(err, errUnstable) || !strings.Contains(err.Error(), "waves may have 1531 m/s at most") || !strings.Contains(err.Error(), "depth 0, distance 0 have 2000; with them it may have 0.00306 s") {
		t.Errorf("a long step: %v", err)
	}
	if _, err := NewInversion(s, Survey{Sources: []Place{{20, 3}}, Receivers: survey.Receivers, Wavelet: survey.Wavelet}, misfits["l2"], Regularisation{}, 0, 1); err == nil || !strings.Contains(err.Error(), "source 0 at depth 20") {
		t.Errorf("a source outside: %v", err)
	}
	if _, err := NewInversion(s, Survey{Wavelet: survey.Wavelet}, misfits["l2"], Regularisation{}, 0, 1); err == nil {
		t.Error("no sources")
	}
	s.Step = 0.002
	x, err := NewInversion(s, survey, misfits["l2"], Regularisation{}, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	bad := slices.Clone(truth)
	bad[21] = -1
	if _, err := x.Traces(bad); err == nil || !strings.Contains(err.Error(), "velocity -1 at depth 1, distance 1") {
		t.Errorf("a negative velocity: %v", err)
	}
	observed, err := x.Traces(truth)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := x.Invert(truth, observed, Bounds{2100, 2500}, 1, 3, nil); err == nil || !strings.Contains(err.Error(), "not between 2100 and 2500") {
		t.Errorf("a start beyond the bounds: %v", err)
	}
	stop := errors.New("enough")
	start := slices.Clone(truth)
	for i := range start {
		start[i] = 2001 + float64(i%3)
	}
	if _, err := x.Invert(start, observed, Bounds{1900, 2500}, 1, 3, func(int, float64, []float64) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("progress that ends it: %v", err)
	}
}

// TestCircle finds a circle in a small model, and draws it.
func TestCircle(t *testing.T) {
	s, survey, truth, start := problem(44, 6, 220, 0.002)
	x, err := NewInversion(s, survey, misfits["l2"], Regularisation{}, 8<<20, 2)
	if err != nil {
		t.Fatal(err)
	}
	observed, err := x.Traces(truth)
	if err != nil {
		t.Fatal(err)
	}
	g := make([]float64, len(start))
	before, err := x.Misfit(start, observed, g)
	if err != nil {
		t.Fatal(err)
	}
	after := before
	v, err := x.Invert(start, observed, Bounds{1600, 2500}, 2, 14, func(_ int, value float64, _ []float64) error {
		after = value
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if after > before/30 {
		t.Errorf("misfit %v after %v", after, before)
	}
	if _, correlation := compare(v, truth); correlation < 0.85 {
		t.Errorf("correlation %v", correlation)
	}
	name := filepath.Join(t.TempDir(), "model.png")
	if err := write(name, picture([][]float64{truth, v}, s.NZ, s.NX, 1900, 2250, &survey)); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil || img.Bounds().Dx() != 2*44*zoom+gap || img.Bounds().Dy() != 44*zoom {
		t.Errorf("a picture of %v: %v", img.Bounds(), err)
	}
}

// BenchmarkShots is the reference of one shot, and of four from sources side by side, with as many workers as processors (-test.cpu): traces, and the gradient with all waves kept or some of them.
func BenchmarkShots(b *testing.B) {
	for _, shots := range []int{1, 4} {
		s, survey, truth, start := reference(graph.Float32, 500)
		for k := 1; k < shots; k++ {
			survey.Sources = append(survey.Sources, Place{2, 100 + 20*k})
		}
		for _, memory := range []int64{0, 20 << 20} {
			x, err := NewInversion(s, survey, misfits["l2"], Regularisation{}, memory, runtime.GOMAXPROCS(0))
			if err != nil {
				b.Fatal(err)
			}
			observed, err := x.Traces(truth)
			if err != nil {
				b.Fatal(err)
			}
			run := func(name string, f func() error) {
				b.Run(fmt.Sprintf("%s,shots=%d,memory=%d", name, shots, memory), func(b *testing.B) {
					least := time.Hour
					for b.Loop() {
						begin := time.Now()
						if err := f(); err != nil {
							b.Fatal(err)
						}
						least = min(least, time.Since(begin))
					}
					b.ReportMetric(float64(least.Nanoseconds()), "least-ns")
				})
			}
			if memory == 0 {
				run("traces", func() error { _, err := x.Traces(start); return err })
			}
			gradient := make([]float64, len(start))
			run("gradient", func() error { _, err := x.Misfit(start, observed, gradient); return err })
		}
	}
}
