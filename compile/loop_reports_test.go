package compile_test

import (
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/ref"
	"github.com/adjoint-go/adjoint/internal/testkit"
	"github.com/adjoint-go/adjoint/vm"
)

// repeated applies f n times.
func repeated(n int, y *graph.Node, f func(y *graph.Node, i int) *graph.Node) *graph.Node {
	for i := range n {
		y = f(y, i)
	}
	return y
}

func step1(f func(c *graph.Node) *graph.Node) func(c, _ list) (next, ys list) {
	return func(c, _ list) (next, ys list) { return list{f(c[0])}, nil }
}

// More of knownLoops, of the kinds that tests and reports of JAX's control flow are about.
func init() {
	add := func(name string, loop, plain func(in *loopInputs) *graph.Node) {
		knownLoops = append(knownLoops, struct {
			name        string
			loop, plain func(in *loopInputs) *graph.Node
		}{name, loop, plain})
	}
	add("a scan of no steps", func(in *loopInputs) *graph.Node {
		final, _ := graph.Scan(0, list{in.x, in.w}, nil, func(c, _ list) (next, ys list) {
			return list{graph.Mul(c[0], in.w), graph.Exp(c[1])}, nil
		})
		return graph.Mul(final[0], graph.Sin(final[1]))
	}, func(in *loopInputs) *graph.Node { return graph.Mul(in.x, graph.Sin(in.w)) })
	add("carries of four types", func(in *loopInputs) *graph.Node {
		g := in.x.Graph()
		final, _ := graph.Scan(4, list{in.x, g.Scalar(graph.Int32, 0), in.b, graph.Cast(in.w, graph.Float32)}, nil, func(c, _ list) (next, ys list) {
			y := graph.Where(c[2], graph.Mul(c[0], in.w), graph.Sin(c[0]))
			return list{graph.Add(y, graph.Cast(c[1], graph.Float64)), graph.Add(c[1], graph.Like(c[1], 1)), graph.LogicalNot(c[2]), graph.Mul(c[3], graph.Like(c[3], 0.5))}, nil
		})
		return graph.Mul(final[0], graph.Add(graph.Cast(final[3], graph.Float64), graph.Cast(final[1], graph.Float64)))
	}, func(in *loopInputs) *graph.Node {
		y := repeated(4, in.x, func(y *graph.Node, i int) *graph.Node {
			taken := in.b
			if i%2 == 1 {
				taken = graph.LogicalNot(in.b)
			}
			return graph.Add(graph.Where(taken, graph.Mul(y, in.w), graph.Sin(y)), graph.Like(y, float64(i)))
		})
		w := graph.Cast(graph.Mul(graph.Cast(in.w, graph.Float32), graph.Like(graph.Cast(in.w, graph.Float32), 1.0/16)), graph.Float64)
		return graph.Mul(y, graph.Add(w, graph.Like(w, 4)))
	})
	add("branches with different residuals", func(in *loopInputs) *graph.Node {
		return graph.Cond(in.b, list{in.x}, func(a list) list {
			return list{graph.Sum(graph.Exp(graph.Mul(in.xs, a[0])))}
		}, func(a list) list { return list{graph.Square(a[0])} })[0]
	}, func(in *loopInputs) *graph.Node { return graph.Sum(graph.Exp(graph.Mul(in.xs, in.x))) })
	add("branches that return what they get, exchanged", func(in *loopInputs) *graph.Node {
		out := graph.Cond(in.b, list{in.x, in.w}, func(a list) list { return list{a[1], a[0], in.x} }, func(a list) list { return list{a[0], a[1], graph.Like(a[0], 2)} })
		return graph.Mul(graph.Sin(out[0]), graph.Mul(out[1], out[2]))
	}, func(in *loopInputs) *graph.Node { return graph.Mul(graph.Sin(in.w), graph.Mul(in.x, in.x)) })
	add("a while loop in a scan in a branch", func(in *loopInputs) *graph.Node {
		return graph.Cond(in.b, list{in.x}, func(a list) list {
			final, _ := graph.Scan(2, a, nil, step1(func(c *graph.Node) *graph.Node {
				inner, _ := graph.While(7, list{c, graph.Like(in.k, 0)}, func(d list) *graph.Node { return graph.Less(d[1], in.k) }, func(d list) list {
					return list{graph.Sin(graph.Mul(d[0], in.w)), graph.Add(d[1], graph.Like(d[1], 1))}
				})
				return graph.Mul(inner[0], c)
			}))
			return final
		}, func(a list) list { return list{graph.Log(graph.Neg(a[0]))} })[0]
	}, func(in *loopInputs) *graph.Node {
		return repeated(2, in.x, func(c *graph.Node, _ int) *graph.Node {
			return graph.Mul(repeated(in.steps, c, func(d *graph.Node, _ int) *graph.Node { return graph.Sin(graph.Mul(d, in.w)) }), c)
		})
	})
	add("a branch in a while loop in a scan", func(in *loopInputs) *graph.Node {
		final, _ := graph.Scan(5, list{in.x}, list{in.xs}, func(c, e list) (next, ys list) {
			inner, n := graph.While(9, list{c[0], graph.Like(in.k, 0)}, func(d list) *graph.Node { return graph.Less(d[1], in.k) }, func(d list) list {
				y := graph.Cond(graph.Less(e[0], graph.Like(e[0], 0)), list{d[0]}, func(a list) list { return list{graph.Mul(a[0], in.w)} }, func(a list) list { return list{graph.Cos(graph.Add(a[0], e[0]))} })
				return list{y[0], graph.Add(d[1], graph.Like(d[1], 1))}
			})
			return list{graph.Add(inner[0], graph.Cast(n, graph.Float64))}, nil
		})
		return final[0]
	}, func(in *loopInputs) *graph.Node {
		return repeated(5, in.x, func(c *graph.Node, i int) *graph.Node {
			e := graph.Index(in.xs, i)
			y := repeated(in.steps, c, func(d *graph.Node, _ int) *graph.Node {
				return graph.Where(graph.Less(e, graph.Like(e, 0)), graph.Mul(d, in.w), graph.Cos(graph.Add(d, e)))
			})
			return graph.Add(y, graph.Like(y, float64(in.steps)))
		})
	})
	add("a choice out of range in every step", func(in *loopInputs) *graph.Node {
		final, _ := graph.Scan(4, list{in.x, graph.Like(in.k, -2)}, nil, func(c, _ list) (next, ys list) { // −2, 0, 2, 4 of 0 to 2
			y := graph.Switch(c[1], list{c[0]}, func(a list) list { return list{graph.Mul(a[0], in.w)} }, func(a list) list { return list{graph.Exp(a[0])} }, func(a list) list { return list{graph.Sin(a[0])} })
			return list{y[0], graph.Add(c[1], graph.Like(c[1], 2))}, nil
		})
		return final[0]
	}, func(in *loopInputs) *graph.Node {
		return graph.Sin(graph.Sin(graph.Mul(graph.Mul(in.x, in.w), in.w)))
	})
	add("in reverse over what is reversed", func(in *loopInputs) *graph.Node {
		final, ys := graph.Scan(5, list{in.x}, list{graph.Flip(in.xs, 0)}, func(c, e list) (next, ys list) {
			y := graph.Sin(graph.Add(graph.Mul(c[0], in.w), e[0]))
			return list{y}, list{graph.Mul(y, e[0])}
		}, graph.Reverse)
		return graph.Add(final[0], graph.Sum(graph.Mul(graph.Flip(ys[0], 0), in.xs)))
	}, func(in *loopInputs) *graph.Node {
		sum := graph.Like(in.x, 0)
		y := repeated(5, in.x, func(c *graph.Node, i int) *graph.Node {
			e := graph.Index(in.xs, i)
			y := graph.Sin(graph.Add(graph.Mul(c, in.w), e))
			sum = graph.Add(sum, graph.Mul(graph.Mul(y, e), e))
			return y
		})
		return graph.Add(y, sum)
	})
	add("carries that go round, one unused and one constant", func(in *loopInputs) *graph.Node {
		final, _ := graph.Scan(7, list{in.x, in.w, graph.Square(in.x), in.w, in.x}, nil, func(c, _ list) (next, ys list) {
			return list{c[1], c[2], graph.Sin(graph.Mul(c[0], c[3])), c[3], graph.Exp(c[4])}, nil
		})
		return graph.Mul(final[0], graph.Mul(final[1], graph.Mul(final[2], final[3])))
	}, func(in *loopInputs) *graph.Node {
		a, b, c := in.x, in.w, graph.Square(in.x)
		for range 7 {
			a, b, c = b, c, graph.Sin(graph.Mul(a, in.w))
		}
		return graph.Mul(a, graph.Mul(b, graph.Mul(c, in.w)))
	})
	add("values at each step alone", func(in *loopInputs) *graph.Node {
		_, ys := graph.Scan(5, list{in.x}, list{in.xs}, func(c, e list) (next, ys list) {
			return list{graph.Mul(c[0], in.w)}, list{c[0], graph.Mul(e[0], in.w), in.w, graph.Like(c[0], 3)}
		})
		y := graph.Sum(graph.Mul(ys[0], ys[1]))
		return graph.Mul(y, graph.Sum(graph.Mul(ys[2], ys[3])))
	}, func(in *loopInputs) *graph.Node {
		sum, c := graph.Like(in.x, 0), in.x
		for i := range 5 {
			sum = graph.Add(sum, graph.Mul(c, graph.Mul(graph.Index(in.xs, i), in.w)))
			c = graph.Mul(c, in.w)
		}
		return graph.Mul(sum, graph.Mul(in.w, graph.Like(in.w, 15)))
	})
	add("a table filled step by step", func(in *loopInputs) *graph.Node {
		g := in.x.Graph()
		final, _ := graph.Scan(5, list{graph.Mul(in.xs, graph.Like(in.xs, 0)), graph.Like(in.k, 0), in.x}, nil, func(c, _ list) (next, ys list) {
			at := graph.Cast(graph.Equal(graph.Constant(g, []float64{0, 1, 2, 3, 4}, 5), graph.Cast(c[1], graph.Float64)), graph.Float64)
			y := graph.Sin(graph.Mul(c[2], in.w))
			return list{graph.Add(c[0], graph.Mul(at, y)), graph.Add(c[1], graph.Like(c[1], 1)), y}, nil
		})
		return graph.Sum(graph.Mul(final[0], in.xs))
	}, func(in *loopInputs) *graph.Node {
		sum, y := graph.Like(in.x, 0), in.x
		for i := range 5 {
			y = graph.Sin(graph.Mul(y, in.w))
			sum = graph.Add(sum, graph.Mul(y, graph.Index(in.xs, i)))
		}
		return sum
	})
	add("a branch that is not taken would be NaN", func(in *loopInputs) *graph.Node {
		final, _ := graph.Scan(3, list{in.x}, nil, step1(func(c *graph.Node) *graph.Node {
			return graph.Cond(graph.Less(c, graph.Like(c, 0)), list{c}, func(a list) list { return list{graph.Log(a[0])} }, func(a list) list { return list{graph.Sqrt(graph.Mul(a[0], in.w))} })[0]
		}))
		return final[0]
	}, func(in *loopInputs) *graph.Node {
		return repeated(3, in.x, func(c *graph.Node, _ int) *graph.Node { return graph.Sqrt(graph.Mul(c, in.w)) })
	})
	add("no step of a while loop, and one", func(in *loopInputs) *graph.Node {
		loop := func(limit int, below float64) *graph.Node {
			final, _ := graph.While(limit, list{in.x, graph.Like(in.k, 0)}, func(c list) *graph.Node { return graph.Less(graph.Cast(c[1], graph.Float64), graph.Like(in.x, below)) }, func(c list) list {
				return list{graph.Mul(graph.Exp(c[0]), in.w), graph.Add(c[1], graph.Like(c[1], 1))}
			})
			return final[0]
		}
		return graph.Mul(loop(1, 0.5), loop(4, -1))
	}, func(in *loopInputs) *graph.Node { return graph.Mul(graph.Mul(graph.Exp(in.x), in.w), in.x) })
	add("a checkpoint in a scan in a checkpoint", func(in *loopInputs) *graph.Node {
		return graph.Checkpoint(list{in.x}, func(a list) list {
			final, _ := graph.Scan(4, a, nil, step1(func(c *graph.Node) *graph.Node {
				return graph.Checkpoint(list{c}, func(a list) list { return list{graph.Sin(graph.Mul(graph.Exp(a[0]), in.w))} })[0]
			}))
			return list{graph.Mul(final[0], in.w)}
		})[0]
	}, func(in *loopInputs) *graph.Node {
		return graph.Mul(repeated(4, in.x, func(c *graph.Node, _ int) *graph.Node { return graph.Sin(graph.Mul(graph.Exp(c), in.w)) }), in.w)
	})
	add("a condition that reads what is differentiated", func(in *loopInputs) *graph.Node {
		final, n := graph.While(20, list{in.x}, func(c list) *graph.Node { return graph.Less(c[0], graph.Add(in.w, graph.Like(in.w, 2))) }, func(c list) list {
			return list{graph.Add(c[0], graph.Mul(in.w, graph.Square(c[0])))}
		})
		return graph.Mul(final[0], graph.Cast(n, graph.Float64))
	}, func(in *loopInputs) *graph.Node { // 0.75, 1.24…, 2.59…, 8.4…
		y := repeated(3, in.x, func(c *graph.Node, _ int) *graph.Node { return graph.Add(c, graph.Mul(in.w, graph.Square(c))) })
		return graph.Mul(y, graph.Like(y, 3))
	})
	add("a map over a scan over what the outer one goes through", func(in *loopInputs) *graph.Node {
		ys := graph.Map(list{in.xs}, func(e list) list {
			final, _ := graph.Scan(5, list{e[0]}, list{in.xs}, func(c, f list) (next, ys list) { return list{graph.Sin(graph.Add(graph.Mul(c[0], in.w), f[0]))}, nil })
			return final
		})
		return graph.Mul(graph.Sum(ys[0]), in.x)
	}, func(in *loopInputs) *graph.Node {
		sum := graph.Like(in.x, 0)
		for i := range 5 {
			sum = graph.Add(sum, repeated(5, graph.Index(in.xs, i), func(c *graph.Node, k int) *graph.Node {
				return graph.Sin(graph.Add(graph.Mul(c, in.w), graph.Index(in.xs, k)))
			}))
		}
		return graph.Mul(sum, in.x)
	})
	add("a checkpoint around a while loop, another one in it", func(in *loopInputs) *graph.Node {
		return graph.Checkpoint(list{in.x, in.w}, func(a list) list {
			final, n := graph.While(9, list{a[0], graph.Like(in.k, 0)}, func(c list) *graph.Node { return graph.Less(c[1], in.k) }, func(c list) list {
				y := graph.Checkpoint(c[:1], func(b list) list { return list{graph.Sin(graph.Mul(graph.Exp(b[0]), a[1]))} })
				return list{y[0], graph.Add(c[1], graph.Like(c[1], 1))}
			})
			return list{graph.Mul(final[0], graph.Add(a[1], graph.Cast(n, graph.Float64)))}
		})[0]
	}, func(in *loopInputs) *graph.Node {
		y := repeated(in.steps, in.x, func(c *graph.Node, _ int) *graph.Node { return graph.Sin(graph.Mul(graph.Exp(c), in.w)) })
		return graph.Mul(y, graph.Add(in.w, graph.Like(in.w, float64(in.steps))))
	})
	add("one function is the body of three loops", func(in *loopInputs) *graph.Node {
		f := func(c *graph.Node) *graph.Node { return graph.Tanh(graph.Add(graph.Mul(c, in.w), graph.Like(c, 0.5))) }
		a, _ := graph.Scan(2, list{in.x}, nil, step1(f))
		b, _ := graph.Scan(3, list{graph.Mul(in.x, a[0])}, nil, step1(f))
		c, _ := graph.While(8, list{b[0], graph.Like(in.k, 0)}, func(c list) *graph.Node { return graph.Less(c[1], in.k) }, func(c list) list {
			return list{f(c[0]), graph.Add(c[1], graph.Like(c[1], 1))}
		})
		return graph.Mul(a[0], graph.Mul(b[0], c[0]))
	}, func(in *loopInputs) *graph.Node {
		f := func(c *graph.Node, _ int) *graph.Node {
			return graph.Tanh(graph.Add(graph.Mul(c, in.w), graph.Like(c, 0.5)))
		}
		a := repeated(2, in.x, f)
		b := repeated(3, graph.Mul(in.x, a), f)
		return graph.Mul(a, graph.Mul(b, repeated(in.steps, b, f)))
	})
	add("a scan in a branch in a while loop", func(in *loopInputs) *graph.Node {
		final, _ := graph.While(9, list{in.x, graph.Like(in.k, 0)}, func(c list) *graph.Node { return graph.Less(c[1], in.k) }, func(c list) list {
			y := graph.Cond(graph.Greater(c[1], graph.Like(c[1], 0)), c[:1], func(a list) list {
				inner, ys := graph.Scan(5, a, list{in.xs}, func(d, e list) (next, ys list) {
					return list{graph.Sin(graph.Add(graph.Mul(d[0], in.w), e[0]))}, list{graph.Mul(d[0], e[0])}
				})
				return list{graph.Add(inner[0], graph.Sum(ys[0]))}
			}, func(a list) list { return list{graph.Mul(a[0], in.x)} })
			return list{y[0], graph.Add(c[1], graph.Like(c[1], 1))}
		})
		return final[0]
	}, func(in *loopInputs) *graph.Node {
		return repeated(in.steps, in.x, func(c *graph.Node, i int) *graph.Node {
			if i == 0 {
				return graph.Mul(c, in.x)
			}
			sum := graph.Like(c, 0)
			d := repeated(5, c, func(d *graph.Node, k int) *graph.Node {
				e := graph.Index(in.xs, k)
				sum = graph.Add(sum, graph.Mul(d, e))
				return graph.Sin(graph.Add(graph.Mul(d, in.w), e))
			})
			return graph.Add(d, sum)
		})
	})
	add("from one bound to another, both given, in loops in one another", func(in *loopInputs) *graph.Node { // JAX's fori_loop
		final, _ := graph.While(20, list{in.x, graph.Sub(in.k, graph.Like(in.k, 2))}, func(c list) *graph.Node { return graph.Less(c[1], graph.Add(in.k, graph.Like(in.k, 1))) }, func(c list) list {
			inner, _ := graph.While(20, list{c[0], graph.Like(in.k, 0)}, func(d list) *graph.Node { return graph.Less(d[1], c[1]) }, func(d list) list {
				return list{graph.Sin(graph.Add(graph.Mul(d[0], in.w), graph.Cast(c[1], graph.Float64))), graph.Add(d[1], graph.Like(d[1], 1))}
			})
			return list{inner[0], graph.Add(c[1], graph.Like(c[1], 1))}
		})
		return final[0]
	}, func(in *loopInputs) *graph.Node {
		y := in.x
		for i := in.steps - 2; i <= in.steps; i++ {
			y = repeated(i, y, func(d *graph.Node, _ int) *graph.Node {
				return graph.Sin(graph.Add(graph.Mul(d, in.w), graph.Like(d, float64(i))))
			})
		}
		return y
	})
	add("linear loops in one another", func(in *loopInputs) *graph.Node {
		final, _ := graph.Scan(3, list{in.x, in.x}, nil, func(c, _ list) (next, ys list) {
			inner, ys := graph.Scan(5, c[:1], list{in.xs}, func(d, e list) (next, ys list) {
				return list{graph.Add(graph.Mul(d[0], e[0]), d[0])}, list{graph.Mul(d[0], graph.Like(d[0], 0.25))}
			})
			return list{inner[0], graph.Add(c[1], graph.Sum(ys[0]))}, nil
		})
		return graph.Add(final[0], graph.Mul(final[1], in.w))
	}, func(in *loopInputs) *graph.Node {
		sum := in.x
		y := repeated(3, in.x, func(c *graph.Node, _ int) *graph.Node {
			return repeated(5, c, func(d *graph.Node, k int) *graph.Node {
				sum = graph.Add(sum, graph.Mul(d, graph.Like(d, 0.25)))
				return graph.Add(graph.Mul(d, graph.Index(in.xs, k)), d)
			})
		})
		return graph.Add(y, graph.Mul(sum, in.w))
	})
	add("a map of checkpoints and of branches by what is differentiated", func(in *loopInputs) *graph.Node {
		ys := graph.Map(list{in.xs}, func(e list) list {
			y := graph.Checkpoint(list{e[0]}, func(a list) list { return list{graph.Exp(graph.Sin(graph.Mul(a[0], in.w)))} })
			return graph.Cond(graph.Less(e[0], in.x), y, func(a list) list { return list{graph.Mul(a[0], in.x)} }, func(a list) list { return list{graph.Square(a[0])} })
		})
		return graph.Sum(ys[0])
	}, func(in *loopInputs) *graph.Node {
		sum := graph.Like(in.x, 0)
		for i := range 5 {
			e := graph.Index(in.xs, i)
			y := graph.Exp(graph.Sin(graph.Mul(e, in.w)))
			sum = graph.Add(sum, graph.Where(graph.Less(e, in.x), graph.Mul(y, in.x), graph.Square(y)))
		}
		return sum
	})
	add("arrays in a while loop, in one another's places, with a norm as the condition", func(in *loopInputs) *graph.Node {
		wide := graph.Mul(graph.BroadcastTo(in.x, 100), graph.Constant(in.x.Graph(), testkit.Spread(graph.Type{DType: graph.Float64, Shape: graph.Shape{100}}, 0.5, 1, 1).F, 100))
		final, _ := graph.While(50, list{wide, graph.Mul(wide, in.w), graph.Like(in.k, 0)}, func(c list) *graph.Node {
			return graph.LogicalAnd(graph.Less(c[2], graph.Add(in.k, in.k)), graph.Less(graph.ReduceMax(c[0], nil), graph.Like(in.x, 1e6)))
		}, func(c list) list {
			return list{c[1], graph.Add(graph.Sin(graph.Mul(c[0], in.w)), graph.Mul(graph.Cumsum(c[1], 0), graph.Like(c[1], 0.01))), graph.Add(c[2], graph.Like(c[2], 1))}
		})
		return graph.Sum(graph.Mul(final[0], graph.Square(final[1])))
	}, func(in *loopInputs) *graph.Node {
		a := graph.Mul(graph.BroadcastTo(in.x, 100), graph.Constant(in.x.Graph(), testkit.Spread(graph.Type{DType: graph.Float64, Shape: graph.Shape{100}}, 0.5, 1, 1).F, 100))
		b := graph.Mul(a, in.w)
		for range 2 * in.steps {
			a, b = b, graph.Add(graph.Sin(graph.Mul(a, in.w)), graph.Mul(graph.Cumsum(b, 0), graph.Like(b, 0.01)))
		}
		return graph.Sum(graph.Mul(a, graph.Square(b)))
	})
}

// Batches of loops and their gradients, over what they begin with and what they capture, give what their elements give one by one; with few states kept, too.
func TestLoopCasesInBatches(t *testing.T) {
	const lanes = 3
	for _, c := range knownLoops {
		g := graph.New()
		in := &loopInputs{x: g.Input("x", graph.Float64), w: g.Input("w", graph.Float64), xs: g.Input("xs", graph.Float64, 5), k: g.Input("k", graph.Int64), b: g.Input("b", graph.Bool), steps: 3}
		y := c.loop(in)
		d, err := compile.Gradient(y, in.x, in.w, in.xs)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		of, by := append(list{y}, d...), list{in.x, in.w, in.k, in.b}
		wide := list{g.Input("xl", graph.Float64, lanes), g.Input("wl", graph.Float64, lanes), g.Input("kl", graph.Int64, lanes), g.Input("bl", graph.Bool, lanes)}
		batch, err := compile.Batch(of, by, wide)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		xs, ws, ks, bs := []float64{0.75, 0.5, 0.875}, []float64{0.875, 0.625, 0.75}, []int64{3, 0, 5}, []bool{true, true, false}
		if c.name == "branches with different residuals" || c.name == "carries of four types" {
			bs[1] = false
		} else {
			bs[2] = true // the other branch may be NaN there
		}
		at := testkit.Point{in.xs: ref.Of(in.xs.Type(), 0.5, -0.25, 1.25, 0.75, -1.5), wide[0]: ref.Of(wide[0].Type(), xs...), wide[1]: ref.Of(wide[1].Type(), ws...),
			wide[2]: {Type: wide[2].Type(), I: ks}, wide[3]: {Type: wide[3].Type(), B: bs}}
		single, err := compile.Config{}.Compile(of...)
		if err != nil {
			t.Fatal(err)
		}
		for _, config := range []compile.Config{{}, {Unoptimized: true}, {Checkpoints: compile.Checkpoints{States: 1}}, {Checkpoints: compile.Checkpoints{States: 2, Mixed: true}}} {
			got, err := testkit.CompileAndRun(config, at, batch...)
			if err != nil {
				t.Errorf("%s, %+v: %v", c.name, config, err)
				continue
			}
			for lane := range lanes {
				point := testkit.Point{in.xs: at[in.xs], in.x: ref.Of(in.x.Type(), xs[lane]), in.w: ref.Of(in.w.Type(), ws[lane]),
					in.k: {Type: in.k.Type(), I: ks[lane : lane+1]}, in.b: {Type: in.b.Type(), B: bs[lane : lane+1]}}
				want, err := testkit.Run(vm.NewMachine(single), point)
				if err != nil {
					t.Fatalf("%s: %v", c.name, err)
				}
				for i := range want {
					n := want[i].Type.Shape.Size()
					part := ref.Of(want[i].Type, got[i].F[lane*n:(lane+1)*n]...)
					if err := testkit.CloseTo(part, want[i], 1e-12, 1e-14); err != nil {
						t.Errorf("%s, %+v: lane %d of output %d: %v", c.name, config, lane, i, err)
					}
				}
			}
		}
	}
}
