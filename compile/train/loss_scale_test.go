package train_test

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/adjoint-go/adjoint/compile/train"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/graph/nn"
)

// scaled is a trainer of a quadratic whose gradients are of the given size.
func scaled(t *testing.T, size float64, c train.Config) *train.Trainer {
	t.Helper()
	g := graph.New()
	s := nn.New(g, graph.Float32)
	p := s.Parameter("p", nn.Values(1.5, -0.75, 0.25), 3)
	d := graph.Sub(p, g.Input("x", graph.Float32, 3))
	tr, err := train.New(s, graph.Mul(graph.Sum(graph.Square(d)), graph.Like(d, size)), c)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// A scale that overflows falls until gradients are finite, in steps that leave everything else as it was; then it grows. What is learnt has the bits of training without a scale.
func TestLossScale(t *testing.T) {
	optimizer := train.Adam{}
	plain := scaled(t, 4, train.Config{Optimizer: optimizer, Rate: train.Exponential(0.1, 0.9)})
	tr := scaled(t, 4, train.Config{Optimizer: optimizer, Rate: train.Exponential(0.1, 0.9), Average: train.ExponentialAverage(0.5), LossScale: &train.LossScale{Start: 0x1p127, Interval: 3}})
	scale, skipped, good := 0x1p127, 0, 0
	for step := range 40 {
		if tr.LossScale() != scale || tr.Skipped() != int64(skipped) || tr.Steps() != int64(step) {
			t.Fatalf("step %d: scale %v, %d left out of %d; want %v, %d", step, tr.LossScale(), tr.Skipped(), tr.Steps(), scale, skipped)
		}
		overflows := step < 3 || step == 20 // by the scale, or by the data
		for _, m := range []*train.Trainer{tr, plain} {
			x := []float32{0, 0.5, 1}
			if step == 20 {
				x[1] = float32(math.Inf(1))
			}
			if err := m.Set("x", x); err != nil {
				t.Fatal(err)
			}
		}
		before := tr.State()
		if _, err := tr.Step(); err != nil {
			t.Fatal(err)
		}
		after := tr.State()
		for name := range before {
			if same := cmp.Equal(before[name], after[name]); name == "p" && same != (tr.Skipped() > int64(skipped)) {
				t.Fatalf("step %d: the parameter stays: %v", step, same)
			} else if tr.Skipped() > int64(skipped) && !same && name != "train/step" && name != "train/loss_scale" && name != "train/good_steps" && name != "train/skipped_steps" {
				t.Fatalf("step %d is left out, and changes %s", step, name)
			}
		}
		if tr.Skipped() > int64(skipped) {
			if !overflows && scale < 0x1p120 {
				t.Errorf("step %d is left out with the scale %v", step, scale)
			}
			skipped++
			scale, good = scale/2, 0
			continue
		}
		if overflows {
			t.Fatalf("step %d is not left out", step)
		}
		if good++; good == 3 {
			if grown := 2 * scale; !math.IsInf(float64(float32(grown)), 0) {
				scale = grown
			}
			good = 0
		}
		if _, err := plain.Step(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(plain.Values(), tr.Values()); diff != "" || plain.Rate() != tr.Rate() {
			t.Fatalf("step %d: %s, rates %v and %v", step, diff, plain.Rate(), tr.Rate())
		}
	}
	if skipped < 5 || skipped > 20 {
		t.Errorf("%d steps of 40 are left out", skipped)
	}
}

// Gradients below the least numbers of float32 are lost without a scale, and kept with one that does not change.
func TestLossScaleKeepsSmallGradients(t *testing.T) {
	for _, c := range []struct {
		scale *train.LossScale
		moves bool
	}{{nil, false}, {&train.LossScale{Start: 0x1p60, Growth: 1, Backoff: 1}, true}} {
		g := graph.New()
		s := nn.New(g, graph.Float32)
		p := s.Parameter("p", nn.Values(1.5), 1)
		times := func(x *node, v float64) *node { return graph.Mul(x, graph.Like(x, v)) }
		loss := graph.Sum(times(times(times(p, 1e25), 1e-25), 1e-25)) // its derivative is 1e-25, by way of 1e-50
		tr, err := train.New(s, loss, train.Config{Optimizer: train.Lion{}, LossScale: c.scale})
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if _, err := tr.Step(); err != nil {
				t.Fatal(err)
			}
		}
		if moved := floats(tr.Values()["p"])[0] != 1.5; moved != c.moves {
			t.Errorf("scale %v: the parameter moves: %v", tr.LossScale(), moved)
		}
	}
}

func TestLossScaleErrors(t *testing.T) {
	for _, c := range []train.LossScale{{Start: -1}, {Start: math.Inf(1)}, {Growth: 0.5}, {Backoff: 2}, {Backoff: -1}, {Interval: -1}, {Start: math.NaN()}} {
		g := graph.New()
		s := nn.New(g, graph.Float32)
		loss := graph.Sum(s.Parameter("p", nn.Ones(), 3))
		if _, err := train.New(s, loss, train.Config{LossScale: &c}); err == nil {
			t.Errorf("%+v is taken", c)
		}
		if _, err := train.New(s, loss, train.Config{LossScale: &train.LossScale{}, Gradients: nodes{graph.Like(s.Parameters()[0], 1)}}); err == nil {
			t.Error("given gradients are taken")
		}
	}
}
