package compile_test

import (
	"math"
	"slices"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// steppers are bodies of loops: the next carries from those before and a captured vector.
var steppers = map[string]func(g *graph.Graph, c list, w *graph.Node) list{
	"scalars": func(g *graph.Graph, c list, w *graph.Node) list {
		a, b := graph.Index(w, 0), graph.Index(w, 1)
		return list{graph.Add(graph.Sin(graph.Mul(c[0], a)), graph.Mul(c[1], g.Const(0.3))), graph.Mul(c[1], graph.Exp(graph.Mul(graph.Sub(b, c[0]), g.Const(0.2))))}
	},
	"linear": func(g *graph.Graph, c list, w *graph.Node) list {
		return list{graph.Mul(c[0], graph.Index(w, 0)), graph.Add(c[1], c[0])}
	},
	"exchanged": func(g *graph.Graph, c list, w *graph.Node) list {
		return list{c[1], graph.Tanh(graph.Mul(graph.Add(c[0], graph.Index(w, 1)), c[1]))}
	},
	"a scan in it": func(g *graph.Graph, c list, w *graph.Node) list {
		inner, ys := graph.Scan(2, c[:1], list{w}, func(c, e list) (list, list) {
			h := graph.Tanh(graph.Add(graph.Mul(c[0], e[0]), g.Const(0.1)))
			return list{h}, list{graph.Square(h)}
		})
		return list{inner[0], graph.Add(c[1], graph.Sum(ys[0]))}
	},
	"a loop in it": func(g *graph.Graph, c list, w *graph.Node) list {
		inner, _ := graph.While(graph.NoLimit, list{c[0], g.Scalar(graph.Int64, 0)}, func(d list) *graph.Node { return graph.Less(d[1], graph.Like(d[1], 2)) }, func(d list) list {
			return list{graph.Sin(graph.Mul(d[0], graph.Index(w, 0))), graph.Add(d[1], graph.Like(d[1], 1))}
		})
		return list{graph.Add(inner[0], g.Const(0.1)), graph.Mul(c[1], graph.Cos(inner[0]))}
	},
	"a branch in it": func(g *graph.Graph, c list, w *graph.Node) list {
		out := graph.Cond(graph.Greater(c[0], g.Const(0.4)), c, func(c list) list { return list{graph.Mul(c[0], graph.Mul(c[1], graph.Index(w, 0)))} }, func(c list) list { return list{graph.Exp(graph.Mul(c[0], graph.Index(w, 1)))} })
		return list{graph.Sin(out[0]), graph.Add(c[1], graph.Square(c[0]))}
	},
}

// nestings are derivatives of higher order, by the modes from the inside out: of a cost by wrt along v.
var nestings = map[string]func(t *testing.T, y *graph.Node, wrt, v list) list{}

func init() {
	square := func(all list) *graph.Node {
		sum := graph.Sum(graph.Square(all[0]))
		for _, d := range all[1:] {
			sum = graph.Add(sum, graph.Sum(graph.Mul(d, graph.Sin(d))))
		}
		return sum
	}
	for _, order := range []string{"rr", "fr", "rf", "ff", "rrr", "rrf", "rfr", "frr", "frf", "ffr", "rff", "rrrr", "rfrf"} {
		nestings[order] = func(t *testing.T, y *graph.Node, wrt, v list) (out list) {
			for i, mode := range order {
				if i > 0 {
					y = square(out)
				}
				if mode == 'r' {
					out = grad(t, y, wrt...)
				} else {
					out = must[[]*graph.Node](t)(compile.JVP(list{y}, wrt, v))
				}
			}
			return out
		}
	}
	nestings["rr along v, and r"] = func(t *testing.T, y *graph.Node, wrt, v list) list { // two sweeps over the states of one loop
		d := grad(t, y, wrt...)
		along := graph.Add(graph.Sum(graph.Mul(d[0], v[1])), graph.Sum(graph.Mul(d[1], v[1])))
		return append(grad(t, along, wrt...), d...)
	}
}

// Derivatives of loops without a limit, to any order and in any order of modes, are those of their steps written out; states are kept for none of it but few.
func TestHigherDerivativesWithoutLimit(t *testing.T) {
	compared := 0
	for name, step := range steppers {
		for order, of := range nestings {
			if len(order) == 4 && (testing.Short() || name != "scalars") {
				continue
			}
			build := func(run func(g *graph.Graph, init list, w *graph.Node) list) (*vm.Program, error) {
				g := graph.New()
				x, w := g.Input("x", graph.Float64, 2), g.Input("w", graph.Float64, 2)
				final := run(g, list{graph.Index(x, 0), graph.Index(x, 1)}, w)
				y := graph.Add(graph.Square(final[0]), graph.Mul(final[0], final[1]))
				return compile.Config{Checkpoints: compile.Checkpoints{States: 2}}.Compile(of(t, y, list{x, w}, list{graph.Square(w), graph.Stack(0, g.Const(0.5), g.Const(-1))})...)
			}
			values := func(p *vm.Program, n int) (all []float64) {
				m := vm.NewMachine(p)
				copy(m.Float64("x"), []float64{0.6, 0.4})
				copy(m.Float64("w"), []float64{0.9, 0.7})
				if n >= 0 {
					m.Int64("n")[0] = int64(n)
				}
				if err := m.Step(); err != nil {
					t.Fatal(err)
				}
				for i := range p.Outputs() {
					all = append(all, m.OutputFloat64(i)...)
				}
				return all
			}
			loop, err := build(func(g *graph.Graph, init list, w *graph.Node) list {
				final, _ := counting(graph.NoLimit, g.Input("n", graph.Int64), init, func(c list) list { return step(g, c, w) })
				return final
			})
			if err != nil {
				t.Errorf("%s, %s: %v", name, order, err)
				continue
			}
			for _, n := range []int{4, 0, 1} {
				plain := must[*vm.Program](t)(build(func(g *graph.Graph, c list, w *graph.Node) list {
					for range n {
						c = step(g, c, w)
					}
					return c
				}))
				got, want := values(loop, n), values(plain, -1)
				if len(got) != len(want) || len(got) == 0 {
					t.Fatalf("%d values of %d", len(got), len(want))
				}
				for i := range got {
					if compared++; !(math.Abs(got[i]-want[i]) <= 1e-10*(1+math.Abs(want[i]))) {
						t.Errorf("%s, %s, %d steps: %v, written out %v", name, order, n, got, want)
						break
					}
				}
			}
		}
	}
	if compared < 600 {
		t.Errorf("%d values compared", compared)
	}
}

// Matrices of derivatives of loops without a limit are those of their steps written out, and so are the derivatives of Jacobians, products with Hessians and Taylor coefficients: what is the same for all directions of a batch
// stays one loop's.
func TestMatricesWithoutLimit(t *testing.T) {
	const steps = 3
	for name, of := range map[string]func(y, x *graph.Node) *graph.Node{
		"Jacobian": func(y, x *graph.Node) *graph.Node { return must[*graph.Node](t)(compile.Jacobian(y, x)) },
		"Hessian": func(y, x *graph.Node) *graph.Node {
			return must[*graph.Node](t)(compile.Hessian(graph.Sum(graph.Square(y)), x))
		},
		"sparse Hessian": func(y, x *graph.Node) *graph.Node {
			return must[*compile.SparseMatrix](t)(compile.SparseHessian(graph.Sum(graph.Square(y)), x)).Values
		},
		"batch of a product with the Hessian": func(y, x *graph.Node) *graph.Node {
			v := graph.Exp(graph.StopGradient(x))
			hv := must[list](t)(compile.HVP(graph.Sum(graph.Square(y)), list{x}, list{v}))
			return must[list](t)(compile.Batch(hv, list{v}, list{graph.Stack(0, x, graph.Square(x))}))[0]
		},
		"gradient of a Jacobian": func(y, x *graph.Node) *graph.Node {
			return grad(t, graph.Sum(graph.Square(must[*graph.Node](t)(compile.Jacobian(y, x)))), x)[0]
		},
		"gradient of a Hessian": func(y, x *graph.Node) *graph.Node {
			return grad(t, graph.Sum(graph.Sin(must[*graph.Node](t)(compile.Hessian(graph.Sum(graph.Square(y)), x)))), x)[0]
		},
		"Hessian of a sum of the Hessian": func(y, x *graph.Node) *graph.Node {
			return must[*graph.Node](t)(compile.Hessian(graph.Sum(graph.Sin(must[*graph.Node](t)(compile.Hessian(graph.Sum(graph.Square(y)), x)))), x))
		},
		"gradient of a sparse Hessian": func(y, x *graph.Node) *graph.Node {
			return grad(t, graph.Sum(graph.Sin(must[*compile.SparseMatrix](t)(compile.SparseHessian(graph.Sum(graph.Square(y)), x)).Values)), x)[0]
		},
		"gradient of a batch of gradients": func(y, x *graph.Node) *graph.Node {
			xs := graph.Stack(0, x, graph.Square(x))
			return grad(t, graph.Sum(graph.Sin(must[list](t)(compile.Batch(grad(t, graph.Sum(graph.Square(y)), x), list{x}, list{xs}))[0])), x)[0]
		},
		"batch of gradients of a batch of gradients": func(y, x *graph.Node) *graph.Node {
			inner := must[list](t)(compile.Batch(grad(t, graph.Sum(graph.Square(y)), x), list{x}, list{graph.Stack(0, x, graph.Square(x))}))
			return must[list](t)(compile.Batch(grad(t, graph.Sum(graph.Sin(inner[0])), x), list{x}, list{graph.Stack(0, graph.Cos(x), x, graph.Square(x))}))[0]
		},
		"Jacobian of a batch of vector products": func(y, x *graph.Node) *graph.Node {
			v := graph.Exp(graph.StopGradient(x))
			back := must[list](t)(compile.VJP(list{y}, list{x}, list{v}))
			batch := must[list](t)(compile.Batch(back, list{v}, list{graph.Stack(0, graph.Sin(x), graph.Square(x))}))[0]
			return must[*graph.Node](t)(compile.Jacobian(graph.Sum(batch), x))
		},
		"Taylor coefficient of a Hessian": func(y, x *graph.Node) *graph.Node {
			h := must[*graph.Node](t)(compile.Hessian(graph.Sum(graph.Square(y)), x))
			return must[[]list](t)(compile.Taylor(2, list{h}, list{x}, []list{{graph.Square(x)}}))[2][0]
		},
		"sparse Jacobian of a batch of gradients": func(y, x *graph.Node) *graph.Node {
			batch := must[list](t)(compile.Batch(grad(t, graph.Sum(graph.Square(y)), x), list{x}, list{graph.Stack(0, x, graph.Square(x))}))[0]
			return must[*compile.SparseMatrix](t)(compile.SparseJacobian(batch, x)).Values
		},
		"gradient of a product with the Hessian": func(y, x *graph.Node) *graph.Node {
			return grad(t, graph.Sum(must[list](t)(compile.HVP(graph.Sum(graph.Square(y)), list{x}, list{graph.Square(x)}))[0]), x)[0]
		},
		"gradient of a Taylor coefficient": func(y, x *graph.Node) *graph.Node {
			return grad(t, graph.Sum(must[[]list](t)(compile.Taylor(3, list{y}, list{x}, []list{{graph.Square(x)}}))[3][0]), x)[0]
		},
	} {
		g := graph.New()
		x, k := g.Input("x", graph.Float64, 3), g.Input("k", graph.Int64)
		step := func(c *graph.Node) *graph.Node { return graph.Sin(graph.Mul(c, graph.Add(x, graph.Sum(c)))) }
		final, _ := counting(graph.NoLimit, k, list{x}, func(c list) list { return list{step(c[0])} })
		p, err := compile.Config{Checkpoints: compile.Checkpoints{States: 1}}.Compile(of(final[0], x), of(repeated(steps, x, func(c *graph.Node, _ int) *graph.Node { return step(c) }), x))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		m := vm.NewMachine(p)
		copy(m.Float64("x"), []float64{0.7, 0.2, 0.4})
		m.Int64("k")[0] = steps
		if err := m.Step(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, want := m.OutputFloat64(0), m.OutputFloat64(1)
		for i := range want {
			if !(math.Abs(got[i]-want[i]) <= 1e-11*(1+math.Abs(want[i]))) {
				t.Errorf("%s: %v, written out %v", name, got, want)
				break
			}
		}
	}
}

// Sweeps over one loop without a limit of which one needs the other's results have runs of the loop of their own, and those that do not need them share one.
func TestSweepsInTurnWithoutLimit(t *testing.T) {
	const steps = 4
	for name, c := range map[string]struct {
		of   func(y, x, w *graph.Node) list
		runs int
	}{
		"two at once": {func(y, x, w *graph.Node) list {
			return append(grad(t, graph.Sum(y), x), grad(t, graph.Sum(graph.Square(y)), w)...)
		}, 1},
		"one after the other": {func(y, x, w *graph.Node) list {
			d := grad(t, graph.Sum(y), x)
			return append(d, must[list](t)(compile.VJP(list{y}, list{x, w}, d))...)
		}, 2},
		"three": {func(y, x, w *graph.Node) list {
			d := list{y}
			for range 3 {
				d = must[list](t)(compile.VJP(list{y}, list{x}, list{graph.Sin(d[0])}))
			}
			return d
		}, 3},
		"the gradient times JᵀJ": {func(y, x, w *graph.Node) list {
			d := grad(t, graph.Sum(graph.Square(y)), x)
			return must[list](t)(compile.VJP(list{y}, list{x}, must[list](t)(compile.JVP(list{y}, list{x}, d))))
		}, 3}, // one of them with tangents
		"their gradient": {func(y, x, w *graph.Node) list {
			d := grad(t, graph.Sum(y), x)
			return grad(t, graph.Sum(graph.Square(must[list](t)(compile.VJP(list{y}, list{w}, d))[0])), x, w)
		}, 0}, // several with tangents
	} {
		g := graph.New()
		x, w, k := g.Input("x", graph.Float64, 3), g.Input("w", graph.Float64), g.Input("k", graph.Int64)
		step := func(c *graph.Node) *graph.Node { return graph.Sin(graph.Mul(c, graph.Add(w, graph.Sum(c)))) }
		final, _ := counting(graph.NoLimit, k, list{x}, func(c list) list { return list{step(c[0])} })
		loops := c.of(final[0], x, w)
		plain := c.of(repeated(steps, x, func(c *graph.Node, _ int) *graph.Node { return step(c) }), x, w)
		p, err := compile.Config{Checkpoints: compile.Checkpoints{States: 2}}.Compile(slices.Concat(loops, plain)...)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		runs := 0
		for _, in := range p.Code().Instrs {
			if in.Call != nil && in.Call.While != nil {
				runs++
			}
		}
		if c.runs > 0 && runs != c.runs {
			t.Errorf("%s: %d runs, not %d", name, runs, c.runs)
		}
		m := vm.NewMachine(p)
		copy(m.Float64("x"), []float64{0.7, 0.2, 0.4})
		m.Float64("w")[0] = 0.9
		m.Int64("k")[0] = steps
		if err := m.Step(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for i := range loops {
			got, want := m.OutputFloat64(i), m.OutputFloat64(len(loops)+i)
			for j := range want {
				if !(math.Abs(got[j]-want[j]) <= 1e-11*(1+math.Abs(want[j]))) {
					t.Errorf("%s: output %d is %v, written out %v", name, i, got, want)
					break
				}
			}
		}
	}
}

// Elements of a batch that do different numbers of steps have the derivatives, of sweeps of the batch too, that loops with a limit have, which are differentiated as any scan is.
func TestBatchesOfSweepsWithoutLimit(t *testing.T) {
	var values [2][]float64
	for i, limit := range []int{40, graph.NoLimit} {
		g := graph.New()
		x, w := g.Input("x", graph.Float64), g.Input("w", graph.Float64)
		final, _ := graph.While(limit, list{x}, func(c list) *graph.Node { return graph.Less(c[0], graph.Add(g.Const(9), w)) }, func(c list) list {
			return list{graph.Add(graph.Mul(c[0], w), graph.Sin(c[0]))}
		})
		d := grad(t, graph.Square(final[0]), x, w)
		lanes := graph.Stack(0, x, graph.Mul(x, g.Const(9)), graph.Mul(x, graph.Square(w)), g.Const(12))
		batch := must[list](t)(compile.Batch(append(d, final[0]), list{x}, list{lanes}))
		cost := graph.Sum(graph.Sin(graph.Add(batch[0], graph.Mul(batch[1], batch[2]))))
		out := append(grad(t, cost, x, w), must[list](t)(compile.HVP(cost, list{x, w}, list{w, x}))...)
		wide := must[list](t)(compile.Batch(out, list{w}, list{graph.Stack(0, w, graph.Add(w, g.Const(0.25)))}))
		out = append(append(out, wide...), batch...)
		c := compile.Config{}
		if limit == graph.NoLimit {
			c.Checkpoints.States = 2
		}
		m := vm.NewMachine(must[*vm.Program](t)(c.Compile(out...)))
		m.Float64("x")[0], m.Float64("w")[0] = 0.7, 1.25
		if err := m.Step(); err != nil {
			t.Fatal(err)
		}
		for k := range out {
			values[i] = append(values[i], m.OutputFloat64(k)...)
		}
		if _, err := (compile.Config{Checkpoints: c.Checkpoints, Unoptimized: true}).Compile(out...); err != nil {
			t.Error(err)
		}
	}
	for k, want := range values[0] {
		if got := values[1][k]; !(math.Abs(got-want) <= 1e-9*(1+math.Abs(want))) {
			t.Errorf("value %d is %v, with a limit %v", k, got, want)
		}
	}
	if len(values[0]) != 4+8+12 {
		t.Errorf("%d values", len(values[0]))
	}
}
