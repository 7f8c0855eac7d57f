package compile_test

import (
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/ref"
	"github.com/adjoint-go/adjoint/internal/testkit"
)

// solvedWeights are the weights as the solution of Σ w[k]·pointᵏʲ = j! for j = order, else 0, by elimination in rational numbers.
func solvedWeights(order int, points []float64) []*big.Rat {
	n := len(points)
	rows := make([][]*big.Rat, n)
	for j := range rows {
		rows[j] = make([]*big.Rat, n+1)
		for k, p := range points {
			v := big.NewRat(1, 1)
			for range j {
				v.Mul(v, new(big.Rat).SetFloat64(p))
			}
			rows[j][k] = v
		}
		rows[j][n] = new(big.Rat)
		if j == order {
			rows[j][n].SetInt(new(big.Int).MulRange(1, int64(order)))
		}
	}
	for c := range rows {
		for r := c; ; r++ {
			if rows[r][c].Sign() != 0 {
				rows[c], rows[r] = rows[r], rows[c]
				break
			}
		}
		for r := range rows {
			if r == c {
				continue
			}
			f := new(big.Rat).Quo(rows[r][c], rows[c][c])
			for k := range rows[r] {
				rows[r][k].Sub(rows[r][k], new(big.Rat).Mul(f, rows[c][k]))
			}
		}
	}
	w := make([]*big.Rat, n)
	for c := range w {
		w[c] = rows[c][n].Quo(rows[c][n], rows[c][c])
	}
	return w
}

func TestDifferenceWeights(t *testing.T) {
	check := func(order int, points ...float64) {
		t.Helper()
		got, want := graph.DifferenceWeights(order, points...), solvedWeights(order, points)
		for k := range want {
			if exact, _ := want[k].Float64(); len(got) != len(want) || got[k] != exact {
				t.Fatalf("derivative %d at %v: %v, want %v", order, points, got, want)
			}
		}
	}
	for radius := 1; radius <= 8; radius++ {
		var points, halves []float64
		for k := -radius; k <= radius; k++ {
			points = append(points, float64(k))
			if k > -radius {
				halves = append(halves, float64(k)-0.5)
			}
		}
		for order := 0; order <= min(4, 2*radius); order++ {
			check(order, points...)
		}
		check(1, halves...)
	}
	check(2, 0, 1, 3, 4.5, -2, 7)
	check(0, 5)
	for _, c := range []struct {
		order int
		want  []float64 // B. Fornberg, Math. Comp. 51 (1988), table 1
	}{{1, []float64{1. / 12, -2. / 3, 0, 2. / 3, -1. / 12}}, {2, []float64{-1. / 12, 4. / 3, -5. / 2, 4. / 3, -1. / 12}}, {3, []float64{-1. / 2, 1, 0, -1, 1. / 2}}} {
		for k, v := range graph.DifferenceWeights(c.order, -2, -1, 0, 1, 2) {
			if v != c.want[k] {
				t.Errorf("derivative %d: %v, want %v", c.order, v, c.want[k])
			}
		}
	}
	for _, w := range [][]float64{graph.DifferenceWeights(1, 0, 1, 0), graph.DifferenceWeights(2, 0, 1), graph.DifferenceWeights(-1, 0), graph.DifferenceWeights(1, 0, math.NaN()), graph.DifferenceWeights(0)} {
		if w != nil {
			t.Errorf("weights %v of nothing", w)
		}
	}
}

// neighbourOf is element i + by along an axis of an array with a boundary.
func neighbourOf(x []float64, s graph.Shape, at []int, axis, by int, b graph.Boundary) float64 {
	n, k := s[axis], at[axis]+by
	switch {
	case k >= 0 && k < n:
	case b == graph.PeriodicBoundary:
		k = (k + n) % n
	case b == graph.ReflectBoundary && k < 0:
		k = -k
	case b == graph.ReflectBoundary:
		k = 2*(n-1) - k
	default:
		return 0
	}
	flat := 0
	for d, e := range s {
		i := at[d]
		if d == axis {
			i = k
		}
		flat = flat*e + i
	}
	return x[flat]
}

func eachIndex(s graph.Shape, f func(flat int, at []int)) {
	at := make([]int, len(s))
	for flat := range s.Size() {
		rest := flat
		for d := len(s) - 1; d >= 0; d-- {
			at[d], rest = rest%s[d], rest/s[d]
		}
		f(flat, at)
	}
}

// TestDifferences compares derivatives and Laplacians with loops over the definition.
func TestDifferences(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 1))
	for _, s := range []graph.Shape{{11}, {9, 13}, {7, 8, 9}, {1, 40}, {5, 7, 6, 8}} {
		for _, b := range []graph.Boundary{graph.ZeroBoundary, graph.PeriodicBoundary, graph.ReflectBoundary} {
			for _, accuracy := range []int{2, 4, 8} {
				d := graph.Differences{Accuracy: accuracy, Spacing: []float64{0.5, 0.25}, Boundary: b}
				spacing := func(axis int) float64 { return d.Spacing[min(axis, 1)] }
				g := graph.New()
				x := g.Input("x", graph.Float64, s...)
				at := testkit.Point{x: testkit.Spread(x.Type(), -1, 1, r.IntN(100))}
				radius := accuracy / 2
				fits := true
				for _, e := range s {
					fits = fits && (b == graph.ZeroBoundary || radius < e || b == graph.PeriodicBoundary && radius == e)
				}
				axis, order := r.IntN(len(s)), 1+r.IntN(2)
				derivative, staggered, laplacian := d.Derivative(x, axis, order), d.Staggered(x, axis, true), d.Laplacian(x)
				if !fits {
					if err := g.Err(); err == nil || !strings.Contains(err.Error(), "beyond the ends") {
						t.Errorf("%v, boundary %d, accuracy %d: error %v", s, b, accuracy, err)
					}
					continue
				}
				got := must[[]ref.Value](t)(testkit.CompileAndRun(compile.Config{}, at, derivative, staggered, laplacian))
				var points, halves []float64
				for k := -radius; k <= radius; k++ {
					points = append(points, float64(k))
					if k > -radius {
						halves = append(halves, float64(k)-0.5)
					}
				}
				w, ws, wl := graph.DifferenceWeights(order, points...), graph.DifferenceWeights(1, halves...), graph.DifferenceWeights(2, points...)
				eachIndex(s, func(flat int, at0 []int) {
					var want [3]float64
					for k := range w {
						want[0] += w[k] * neighbourOf(at[x].F, s, at0, axis, k-radius, b) / math.Pow(spacing(axis), float64(order))
						for a := range s {
							want[2] += wl[k] * neighbourOf(at[x].F, s, at0, a, k-radius, b) / (spacing(a) * spacing(a))
						}
					}
					for k := range ws {
						want[1] += ws[k] * neighbourOf(at[x].F, s, at0, axis, k-radius, b) / spacing(axis)
					}
					for k, v := range want {
						if math.Abs(got[k].F[flat]-v) > 1e-11*max(1, math.Abs(v)) {
							t.Fatalf("%v, boundary %d, accuracy %d, axis %d, order %d: result %d at %v is %v, want %v", s, b, accuracy, axis, order, k, at0, got[k].F[flat], v)
						}
					}
				})
			}
		}
	}
}

// TestDifferencesOfPolynomials: away from the ends, derivatives are exact up to the degree that the accuracy promises.
func TestDifferencesOfPolynomials(t *testing.T) {
	const n, h = 33, 0.125
	for accuracy := 2; accuracy <= 8; accuracy += 2 {
		for order := 1; order <= 3; order++ {
			degree := accuracy + order - 1
			g := graph.New()
			x := g.Input("x", graph.Float64, n)
			f := make([]float64, n)
			for i := range f {
				f[i] = math.Pow(float64(i-n/2)*h, float64(degree))
			}
			d := graph.Differences{Accuracy: accuracy, Spacing: []float64{h}}
			got := must[[]ref.Value](t)(testkit.CompileAndRun(compile.Config{}, testkit.Point{x: ref.Of(x.Type(), f...)}, d.Derivative(x, 0, order)))[0].F
			for i := 6; i < n-6; i++ {
				want := math.Pow(float64(i-n/2)*h, float64(degree-order))
				for k := range order {
					want *= float64(degree - k)
				}
				if math.Abs(got[i]-want) > 1e-9*max(1, math.Abs(want)) {
					t.Errorf("accuracy %d, derivative %d of x^%d at %d: %v, want %v", accuracy, order, degree, i, got[i], want)
				}
			}
		}
	}
}

// TestDifferencesBackwards: the two modes give ⟨D·x, y⟩ = ⟨x, Dᵀ·y⟩ to rounding, staggered differences are each other's negative transpose, and the Laplacian is its own; second derivatives of a function of a
// Laplacian agree with differences.
func TestDifferencesBackwards(t *testing.T) {
	for _, s := range []graph.Shape{{50}, {12, 31}, {7, 6, 9}} {
		for _, b := range []graph.Boundary{graph.ZeroBoundary, graph.PeriodicBoundary, graph.ReflectBoundary} {
			d := graph.Differences{Accuracy: 4, Spacing: []float64{0.5}, Boundary: b}
			g := graph.New()
			x, y := g.Input("x", graph.Float64, s...), g.Input("y", graph.Float64, s...)
			at := testkit.Point{x: testkit.Spread(x.Type(), -1, 1, 1), y: testkit.Spread(y.Type(), -1, 1, 2)}
			for name, f := range map[string]func(*graph.Node) *graph.Node{
				"laplacian":  func(x *graph.Node) *graph.Node { return d.Laplacian(x) },
				"derivative": func(x *graph.Node) *graph.Node { return d.Derivative(x, -1, 1) },
				"staggered":  func(x *graph.Node) *graph.Node { return d.Staggered(x, 0, false) },
				"divergence": func(x *graph.Node) *graph.Node {
					return d.Divergence(d.Gradient(x)...)
				},
			} {
				back := grad(t, graph.Sum(graph.Mul(f(x), y)), x)[0]
				out := must[[]ref.Value](t)(testkit.CompileAndRun(compile.Config{}, at, graph.Sum(graph.Mul(f(x), y)), graph.Sum(graph.Mul(x, back))))
				if l, r := out[0].F[0], out[1].F[0]; math.Abs(l-r) > 1e-12*max(1, math.Abs(l)) {
					t.Errorf("%s of %v, boundary %d: %v and %v", name, s, b, l, r)
				}
				if b == graph.ReflectBoundary {
					continue
				}
				transposed, sign := f(y), 1.0
				switch name {
				case "derivative":
					sign = -1
				case "staggered":
					transposed, sign = d.Staggered(y, 0, true), -1
				}
				both := must[[]ref.Value](t)(testkit.CompileAndRun(compile.Config{}, at, back, transposed))
				for i := range both[0].F {
					if math.Abs(both[0].F[i]-sign*both[1].F[i]) > 1e-12*max(1, math.Abs(both[0].F[i])) {
						t.Errorf("%s of %v, boundary %d: element %d of the transpose is %v, want %v", name, s, b, i, both[0].F[i], sign*both[1].F[i])
						break
					}
				}
			}
			cost := graph.Sum(graph.Square(graph.Tanh(d.Laplacian(graph.Mul(x, x)))))
			first := graph.Sum(graph.Mul(grad(t, cost, x)[0], y))
			second := grad(t, first, x)[0]
			const h = 1e-5
			value := func(by float64) float64 {
				return must[[]ref.Value](t)(testkit.CompileAndRun(compile.Config{}, testkit.Shifted(at, testkit.Point{x: at[y]}, by), first))[0].F[0]
			}
			curvature := must[[]ref.Value](t)(testkit.CompileAndRun(compile.Config{}, at, graph.Sum(graph.Mul(second, y))))[0].F[0]
			if want := (value(h) - value(-h)) / (2 * h); math.Abs(curvature-want) > 1e-5*max(1, math.Abs(want)) {
				t.Errorf("%v, boundary %d: curvature %v, differences %v", s, b, curvature, want)
			}
		}
	}
}

func TestDifferencesErrors(t *testing.T) {
	for want, f := range map[string]func(x, i *graph.Node) *graph.Node{
		"accuracy 3":  func(x, _ *graph.Node) *graph.Node { return graph.Differences{Accuracy: 3}.Laplacian(x) },
		"accuracy 34": func(x, _ *graph.Node) *graph.Node { return graph.Differences{Accuracy: 34}.Derivative(x, 0, 1) },
		"spacing -1":  func(x, _ *graph.Node) *graph.Node { return graph.Differences{Spacing: []float64{1, -1}}.Laplacian(x) },
		"spacing 0": func(x, _ *graph.Node) *graph.Node {
			return graph.Differences{Spacing: []float64{0}}.Staggered(x, 1, true)
		},
		"out of range": func(x, _ *graph.Node) *graph.Node { return graph.Differences{}.Derivative(x, 2, 1) },
		"of order 0":   func(x, _ *graph.Node) *graph.Node { return graph.Differences{}.Derivative(x, 0, 0) },
		"needs floats": func(_, i *graph.Node) *graph.Node { return graph.Differences{}.Laplacian(i) },
		"boundary 7":   func(x, _ *graph.Node) *graph.Node { return graph.Differences{Boundary: 7}.Laplacian(x) },
		"whose extent is": func(x, _ *graph.Node) *graph.Node {
			return graph.Differences{Accuracy: 12, Boundary: graph.ReflectBoundary}.Laplacian(x)
		},
		"2 parts of rank": func(x, i *graph.Node) *graph.Node { return graph.Differences{}.Divergence(graph.Index(x, 0), x) },
		"is a scalar":     func(x, _ *graph.Node) *graph.Node { return graph.Differences{}.Laplacian(graph.Sum(x)) },
		"axis 1 is given": func(x, _ *graph.Node) *graph.Node { return graph.Differences{}.Laplacian(x, 1, 1) },
	} {
		g := graph.New()
		x, i := g.Input("x", graph.Float64, 5, 6), g.Input("i", graph.Int64, 5)
		if f(x, i); g.Err() == nil || !strings.Contains(g.Err().Error(), want) {
			t.Errorf("%s: %v", want, g.Err())
		}
	}
	for _, l := range []graph.AbsorbingLayer{{}, {Width: 6, Spacing: 1, Velocity: 1}, {Width: 2, Spacing: 0, Velocity: 1}, {Width: 2, Spacing: 1, Velocity: math.Inf(1)}, {Width: 2, Spacing: 1, Velocity: 1, Reflection: 1}} {
		if s, err := l.Damping(11); err == nil {
			t.Errorf("%+v gives %v", l, s)
		}
	}
}

// TestAbsorbingLayer: a wave along a string that runs through the layer, is reflected and comes back has the amplitude that was asked for.
func TestAbsorbingLayer(t *testing.T) {
	l := graph.AbsorbingLayer{Width: 100, Spacing: 0.5, Velocity: 2, Reflection: 0.02}
	const n = 400
	s, err := l.Damping(n)
	if err != nil {
		t.Fatal(err)
	}
	integral := 0.0 // the amplitude decays by exp(−∫s/v) on the way there, and on the way back
	for _, v := range s[:l.Width] {
		integral += v * l.Spacing / l.Velocity
	}
	if got := math.Exp(-2 * integral); math.Abs(got/l.Reflection-1) > 0.07 {
		t.Errorf("reflection %v, want %v", got, l.Reflection)
	}
	for k, v := range s {
		if v != s[n-1-k] || (v == 0) != (k >= l.Width && k < n-l.Width) {
			t.Errorf("damping %v at %d", v, k)
		}
	}
}
