package compile_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/ref"
	"github.com/adjoint-go/adjoint/internal/testkit"
	"github.com/adjoint-go/adjoint/vm"
)

// More of knownLoops: nestings, mixed types, and closures over several levels.
func init() {
	add := func(name string, loop, plain func(in *loopInputs) *graph.Node) {
		knownLoops = append(knownLoops, struct {
			name        string
			loop, plain func(in *loopInputs) *graph.Node
		}{name, loop, plain})
	}
	until := func(in *loopInputs, init list, body func(c list) list) list { // in.k times
		final, _ := counting(9, in.k, init, body)
		return final
	}
	add("a branch in a scan in a while loop", func(in *loopInputs) *graph.Node {
		return until(in, list{in.x}, func(c list) list {
			final, _ := graph.Scan(5, c, list{in.xs}, func(d, e list) (next, ys list) {
				return graph.Cond(graph.Less(e[0], graph.Like(e[0], 0)), list{d[0], e[0]}, func(a list) list { return list{graph.Mul(a[0], graph.Exp(a[1]))} },
					func(a list) list { return list{graph.Sin(graph.Add(graph.Mul(a[0], in.w), a[1]))} }), nil
			})
			return final
		})[0]
	}, func(in *loopInputs) *graph.Node {
		return repeated(in.steps, in.x, func(c *graph.Node, _ int) *graph.Node {
			return repeated(5, c, func(d *graph.Node, i int) *graph.Node {
				e := graph.Index(in.xs, i)
				return graph.Where(graph.Less(e, graph.Like(e, 0)), graph.Mul(d, graph.Exp(e)), graph.Sin(graph.Add(graph.Mul(d, in.w), e)))
			})
		})
	})
	add("the outer step is the number of inner steps", func(in *loopInputs) *graph.Node {
		final, _ := graph.Scan(4, list{in.x}, list{graph.Iota(in.x.Graph(), graph.Int64, 0, 4)}, func(c, e list) (next, ys list) {
			inner, _ := counting(6, e[0], c, func(d list) list { return list{graph.Mul(graph.Cos(d[0]), in.w)} })
			return list{graph.Add(inner[0], c[0])}, nil
		})
		return final[0]
	}, func(in *loopInputs) *graph.Node {
		return repeated(4, in.x, func(c *graph.Node, i int) *graph.Node {
			return graph.Add(repeated(i, c, func(d *graph.Node, _ int) *graph.Node { return graph.Mul(graph.Cos(d), in.w) }), c)
		})
	})
	add("a value of each level is captured in the innermost", func(in *loopInputs) *graph.Node {
		a := graph.Exp(in.w)
		outer, _ := graph.Scan(2, list{in.x}, nil, func(c, _ list) (next, ys list) {
			b := graph.Mul(a, c[0])
			mid := until(in, c, func(d list) list {
				e := graph.Add(b, d[0])
				inner, _ := graph.Scan(2, d, nil, func(f, _ list) (next, ys list) {
					return list{graph.Sin(graph.Add(graph.Mul(a, b), graph.Mul(e, f[0])))}, nil
				})
				return inner
			})
			return list{graph.Mul(mid[0], b)}, nil
		})
		return outer[0]
	}, func(in *loopInputs) *graph.Node {
		a := graph.Exp(in.w)
		return repeated(2, in.x, func(c *graph.Node, _ int) *graph.Node {
			b := graph.Mul(a, c)
			return graph.Mul(repeated(in.steps, c, func(d *graph.Node, _ int) *graph.Node {
				e := graph.Add(b, d)
				return repeated(2, d, func(f *graph.Node, _ int) *graph.Node {
					return graph.Sin(graph.Add(graph.Mul(a, b), graph.Mul(e, f)))
				})
			}), b)
		})
	})
	add("choices below the first and beyond the last in a map", func(in *loopInputs) *graph.Node {
		index := graph.Sub(graph.Iota(in.x.Graph(), graph.Int64, 0, 5), graph.Like(in.k, 1)) // −1 to 3 of 0 to 2
		ys := graph.Map(list{in.xs, index}, func(e list) list {
			return graph.Switch(e[1], e[:1], func(a list) list { return list{graph.Mul(a[0], in.x)} }, func(a list) list { return list{graph.Square(a[0])} }, func(a list) list { return list{graph.Sin(graph.Mul(a[0], in.w))} })
		})
		return graph.Sum(ys[0])
	}, func(in *loopInputs) *graph.Node {
		at := func(i int) *graph.Node { return graph.Index(in.xs, i) }
		sum := graph.Mul(graph.Add(at(0), at(1)), in.x)
		sum = graph.Add(sum, graph.Square(at(2)))
		return graph.Add(sum, graph.Add(graph.Sin(graph.Mul(at(3), in.w)), graph.Sin(graph.Mul(at(4), in.w))))
	})
	add("what a scan stacks is gone through backwards, and its last value begins", func(in *loopInputs) *graph.Node { // a smoother
		final, ys := graph.Scan(5, list{in.x}, list{in.xs}, func(c, e list) (next, ys list) {
			y := graph.Tanh(graph.Add(graph.Mul(c[0], in.w), e[0]))
			return list{y}, list{y, graph.Mul(y, e[0])}
		})
		back, zs := graph.Scan(5, final, ys, func(c, e list) (next, ys list) {
			y := graph.Add(graph.Mul(c[0], e[0]), graph.Mul(in.w, e[1]))
			return list{y}, list{graph.Sin(y)}
		}, graph.Reverse)
		return graph.Add(back[0], graph.Sum(graph.Mul(zs[0], ys[1])))
	}, func(in *loopInputs) *graph.Node {
		var u, v [5]*graph.Node
		c := in.x
		for i := range 5 {
			e := graph.Index(in.xs, i)
			c = graph.Tanh(graph.Add(graph.Mul(c, in.w), e))
			u[i], v[i] = c, graph.Mul(c, e)
		}
		sum := graph.Like(c, 0)
		for i := 4; i >= 0; i-- {
			c = graph.Add(graph.Mul(c, u[i]), graph.Mul(in.w, v[i]))
			sum = graph.Add(sum, graph.Mul(graph.Sin(c), v[i]))
		}
		return graph.Add(c, sum)
	})
	add("an element is chosen by a carry", func(in *loopInputs) *graph.Node {
		final, _ := graph.Scan(6, list{in.x, graph.Like(in.k, 4)}, nil, func(c, _ list) (next, ys list) {
			e := graph.Gather(in.xs, c[1], 0)
			return list{graph.Add(graph.Mul(c[0], e), graph.Sin(graph.Mul(e, in.w))), graph.Mod(graph.Add(graph.Mul(c[1], graph.Like(c[1], 2)), graph.Like(c[1], 1)), graph.Like(c[1], 5))}, nil
		})
		return final[0]
	}, func(in *loopInputs) *graph.Node {
		k := 4
		return repeated(6, in.x, func(c *graph.Node, _ int) *graph.Node {
			e := graph.Index(in.xs, k)
			k = (2*k + 1) % 5
			return graph.Add(graph.Mul(c, e), graph.Sin(graph.Mul(e, in.w)))
		})
	})
	add("a bool that changes at each step chooses the branch", func(in *loopInputs) *graph.Node {
		return until(in, list{in.x, in.b}, func(c list) list {
			y := graph.Cond(c[1], nil, func(list) list { return list{graph.Mul(c[0], in.w)} }, func(list) list { return list{graph.Exp(graph.Neg(c[0]))} })
			return list{y[0], graph.LogicalNot(c[1])}
		})[0]
	}, func(in *loopInputs) *graph.Node {
		return repeated(in.steps, in.x, func(c *graph.Node, i int) *graph.Node {
			if i%2 == 0 {
				return graph.Mul(c, in.w)
			}
			return graph.Exp(graph.Neg(c))
		})
	})
	add("branches without operands, in one another", func(in *loopInputs) *graph.Node {
		positive := func(n *graph.Node) *graph.Node { return graph.Greater(n, graph.Like(n, 0)) }
		return graph.Cond(positive(in.x), nil, func(list) list {
			y := graph.Mul(in.x, in.w)
			return graph.Cond(positive(y), nil, func(list) list {
				z := graph.Sin(y)
				return graph.Cond(positive(graph.Neg(z)), nil, func(list) list { return list{graph.Log(graph.Neg(z))} }, func(list) list { return list{graph.Mul(z, graph.Add(y, in.x))} })
			}, func(list) list { return list{graph.Sqrt(graph.Neg(y))} })
		}, func(list) list { return list{graph.Log(graph.Neg(in.x))} })[0]
	}, func(in *loopInputs) *graph.Node {
		y := graph.Mul(in.x, in.w)
		return graph.Mul(graph.Sin(y), graph.Add(y, in.x))
	})
	add("a step after the last one would divide by zero", func(in *loopInputs) *graph.Node { // in a batch, lanes that are done must not be touched
		k := graph.Cast(in.k, graph.Float64)
		final := until(in, list{in.x, graph.Like(in.x, 0)}, func(c list) list {
			left := graph.Sub(k, c[1])
			return list{graph.Add(graph.Sqrt(graph.Mul(c[0], c[0])), graph.Mul(graph.Div(in.w, left), graph.Log(left))), graph.Add(c[1], graph.Like(c[1], 1))}
		})
		return graph.Mul(final[0], graph.Sin(final[0]))
	}, func(in *loopInputs) *graph.Node {
		y := repeated(in.steps, in.x, func(c *graph.Node, i int) *graph.Node {
			left := graph.Like(c, float64(in.steps-i))
			return graph.Add(graph.Sqrt(graph.Mul(c, c)), graph.Mul(graph.Div(in.w, left), graph.Log(left)))
		})
		return graph.Mul(y, graph.Sin(y))
	})
	add("a result that counts for nothing", func(in *loopInputs) *graph.Node {
		final, ys := graph.Scan(5, list{in.x}, list{in.xs}, func(c, e list) (next, ys list) {
			return list{graph.Mul(graph.Sin(c[0]), e[0])}, list{graph.Mul(c[0], in.w)}
		})
		return graph.Add(graph.Mul(in.x, in.w), graph.Add(graph.Mul(final[0], graph.Like(final[0], 0)), graph.StopGradient(graph.Sum(ys[0]))))
	}, func(in *loopInputs) *graph.Node {
		sum, c := graph.Like(in.x, 0), in.x
		for i := range 5 {
			sum = graph.Add(sum, graph.Mul(c, in.w))
			c = graph.Mul(graph.Sin(c), graph.Index(in.xs, i))
		}
		return graph.Add(graph.Mul(in.x, in.w), graph.StopGradient(sum))
	})
	add("one value is each of the results", func(in *loopInputs) *graph.Node {
		final, ys := graph.Scan(4, list{in.x, in.x}, nil, func(c, _ list) (next, ys list) {
			y := graph.Sin(graph.Mul(c[0], graph.Add(c[1], in.w)))
			return list{y, y}, list{y, y, in.w}
		})
		return graph.Add(graph.Mul(final[0], final[1]), graph.Sum(graph.Mul(ys[0], graph.Mul(ys[1], ys[2]))))
	}, func(in *loopInputs) *graph.Node {
		sum := graph.Like(in.x, 0)
		y := repeated(4, in.x, func(c *graph.Node, _ int) *graph.Node {
			y := graph.Sin(graph.Mul(c, graph.Add(c, in.w)))
			sum = graph.Add(sum, graph.Mul(y, graph.Mul(y, in.w)))
			return y
		})
		return graph.Add(graph.Square(y), sum)
	})
	add("a power of a matrix that begins as one", func(in *loopInputs) *graph.Node {
		m := graph.Reshape(graph.Concat(0, graph.Slice(in.xs, graph.Range{Limit: 3}), graph.Reshape(in.x, 1)), 2, 2)
		final := until(in, list{graph.Mul(graph.Constant(in.x.Graph(), []float64{1, 0, 0, 1}, 2, 2), in.w)}, func(c list) list { return list{graph.MatMul(c[0], graph.Transpose(m))} })
		return graph.Sum(graph.Mul(final[0], m))
	}, func(in *loopInputs) *graph.Node {
		m := graph.Reshape(graph.Concat(0, graph.Slice(in.xs, graph.Range{Limit: 3}), graph.Reshape(in.x, 1)), 2, 2)
		p := graph.Mul(graph.Constant(in.x.Graph(), []float64{1, 0, 0, 1}, 2, 2), in.w)
		return graph.Sum(graph.Mul(repeated(in.steps, p, func(c *graph.Node, _ int) *graph.Node { return graph.MatMul(c, graph.Transpose(m)) }), m))
	})
	add("what it goes through is captured too, and carried", func(in *loopInputs) *graph.Node {
		final, ys := graph.Scan(5, list{in.xs, in.x}, list{in.xs}, func(c, e list) (next, ys list) {
			return list{graph.Mul(c[0], graph.Add(in.xs, e[0])), graph.Mul(c[1], graph.Sum(graph.Mul(c[0], in.xs)))}, list{graph.Mul(c[0], in.w)}
		})
		return graph.Add(graph.Mul(final[1], graph.Like(final[1], 1.0/64)), graph.Add(graph.Sum(final[0]), graph.Sum(ys[0])))
	}, func(in *loopInputs) *graph.Node {
		u, v, sum := in.xs, in.x, graph.Like(in.x, 0)
		for i := range 5 {
			sum = graph.Add(sum, graph.Sum(graph.Mul(u, in.w)))
			u, v = graph.Mul(u, graph.Add(in.xs, graph.Index(in.xs, i))), graph.Mul(v, graph.Sum(graph.Mul(u, in.xs)))
		}
		return graph.Add(graph.Mul(v, graph.Like(v, 1.0/64)), graph.Add(graph.Sum(u), sum))
	})
	add("two of the values at each step alone are read, and the last carry", func(in *loopInputs) *graph.Node {
		final, ys := graph.Scan(5, list{in.x}, list{in.xs}, func(c, e list) (next, ys list) {
			y := graph.Sin(graph.Add(graph.Mul(c[0], in.w), e[0]))
			return list{y}, list{graph.Square(y)}
		})
		return graph.Mul(graph.Index(ys[0], 1), graph.Add(graph.Index(ys[0], 3), final[0]))
	}, func(in *loopInputs) *graph.Node {
		var of [5]*graph.Node
		y := repeated(5, in.x, func(c *graph.Node, i int) *graph.Node {
			of[i] = graph.Sin(graph.Add(graph.Mul(c, in.w), graph.Index(in.xs, i)))
			return of[i]
		})
		return graph.Mul(graph.Square(of[1]), graph.Add(graph.Square(of[3]), y))
	})
	add("an inner loop that is the same in every outer step", func(in *loopInputs) *graph.Node {
		final, _ := graph.Scan(4, list{in.x}, nil, func(c, _ list) (next, ys list) {
			same := until(in, list{in.w}, func(d list) list { return list{graph.Sin(graph.Add(d[0], graph.Sum(in.xs)))} })
			return list{graph.Mul(c[0], same[0])}, nil
		})
		return final[0]
	}, func(in *loopInputs) *graph.Node {
		same := repeated(in.steps, in.w, func(d *graph.Node, _ int) *graph.Node { return graph.Sin(graph.Add(d, graph.Sum(in.xs))) })
		return repeated(4, in.x, func(c *graph.Node, _ int) *graph.Node { return graph.Mul(c, same) })
	})
	add("the largest of what it captures, by a carry", func(in *loopInputs) *graph.Node {
		final, _ := graph.Scan(3, list{in.x}, nil, func(c, _ list) (next, ys list) {
			scaled := graph.Mul(in.xs, c[0])
			return list{graph.Sin(graph.Mul(graph.Gather(scaled, graph.Argmax(scaled, 0), 0), in.w))}, nil
		})
		return final[0]
	}, func(in *loopInputs) *graph.Node {
		return repeated(3, in.x, func(c *graph.Node, _ int) *graph.Node {
			return graph.Sin(graph.Mul(graph.Mul(graph.Index(in.xs, 2), c), in.w))
		})
	})
	add("part of a step is not differentiated", func(in *loopInputs) *graph.Node {
		return until(in, list{in.x}, func(c list) list {
			return list{graph.Add(graph.Mul(graph.StopGradient(c[0]), in.w), graph.Sin(c[0]))}
		})[0]
	}, func(in *loopInputs) *graph.Node {
		return repeated(in.steps, in.x, func(c *graph.Node, _ int) *graph.Node {
			return graph.Add(graph.Mul(graph.StopGradient(c), in.w), graph.Sin(c))
		})
	})
	add("numbers of half the precision are carried and stacked", func(in *loopInputs) *graph.Node {
		small := graph.Cast(graph.StopGradient(in.w), graph.Float32)
		final, ys := graph.Scan(3, list{in.x, small, graph.Cast(in.k, graph.Int32)}, nil, func(c, _ list) (next, ys list) {
			next1 := graph.Mul(c[1], graph.Like(c[1], 0.5))
			return list{graph.Mul(graph.Sin(c[0]), graph.Cast(c[1], graph.Float64)), next1, graph.Sub(c[2], graph.Like(c[2], 1))}, list{c[1], graph.Cast(c[2], graph.Float32)}
		})
		return graph.Mul(final[0], graph.Add(graph.Cast(final[2], graph.Float64), graph.Sum(graph.Cast(graph.Mul(ys[0], ys[1]), graph.Float64))))
	}, func(in *loopInputs) *graph.Node {
		w, k := graph.StopGradient(in.w), graph.Cast(in.k, graph.Float64)
		sum := graph.Like(in.x, 0)
		y := repeated(3, in.x, func(c *graph.Node, i int) *graph.Node {
			v := graph.Mul(w, graph.Like(w, 1/float64(int(1)<<i)))
			sum = graph.Add(sum, graph.Mul(v, graph.Sub(k, graph.Like(k, float64(i)))))
			return graph.Mul(graph.Sin(c), v)
		})
		return graph.Mul(y, graph.Add(graph.Sub(k, graph.Like(k, 3)), sum))
	})
	add("a map in a scan in a map", func(in *loopInputs) *graph.Node {
		ys := graph.Map(list{in.xs}, func(e list) list {
			final, _ := graph.Scan(3, list{graph.Mul(e[0], in.x)}, nil, func(c, _ list) (next, ys list) {
				zs := graph.Map(list{in.xs}, func(f list) list { return list{graph.Sin(graph.Add(graph.Mul(c[0], f[0]), e[0]))} })
				return list{graph.Mul(graph.Sum(zs[0]), graph.Mul(in.w, graph.Like(in.w, 0.25)))}, nil
			})
			return final
		})
		return graph.Sum(ys[0])
	}, func(in *loopInputs) *graph.Node {
		sum := graph.Like(in.x, 0)
		for i := range 5 {
			e := graph.Index(in.xs, i)
			sum = graph.Add(sum, repeated(3, graph.Mul(e, in.x), func(c *graph.Node, _ int) *graph.Node {
				return graph.Mul(graph.Sum(graph.Sin(graph.Add(graph.Mul(c, in.xs), e))), graph.Mul(in.w, graph.Like(in.w, 0.25)))
			}))
		}
		return sum
	})
	add("a loop of no steps with arrays, in loops", func(in *loopInputs) *graph.Node {
		final, _ := graph.Scan(3, list{in.xs}, nil, func(c, _ list) (next, ys list) {
			none, _ := graph.Scan(0, c, nil, func(d, _ list) (next, ys list) { return list{graph.Exp(d[0])}, nil })
			never, n := graph.While(5, none, func(d list) *graph.Node { return graph.Less(graph.Sum(graph.Square(d[0])), in.w.Graph().Const(0)) }, func(d list) list { return list{graph.Log(graph.Mul(d[0], in.w))} })
			return list{graph.Add(graph.Mul(never[0], in.x), graph.Cast(n, graph.Float64))}, nil
		})
		return graph.Sum(graph.Mul(final[0], graph.Sin(in.xs)))
	}, func(in *loopInputs) *graph.Node {
		y := repeated(3, in.xs, func(c *graph.Node, _ int) *graph.Node { return graph.Mul(c, in.x) })
		return graph.Sum(graph.Mul(y, graph.Sin(in.xs)))
	})
	add("one item, through a map, a scan and a while loop", func(in *loopInputs) *graph.Node {
		one := graph.Reshape(in.x, 1)
		a := graph.Map(list{one}, func(e list) list { return list{graph.Sin(e[0])} })
		b, ys := graph.Scan(1, list{in.w}, a, func(c, e list) (next, ys list) { return list{graph.Mul(c[0], e[0])}, list{graph.Mul(e[0], in.w)} })
		c, _ := graph.While(1, b, func(c list) *graph.Node { return graph.Less(c[0], graph.Like(c[0], 10)) }, func(c list) list {
			return list{graph.Add(graph.Mul(c[0], graph.Index(ys[0], 0)), graph.Like(c[0], 10))}
		})
		return c[0]
	}, func(in *loopInputs) *graph.Node {
		a := graph.Sin(in.x)
		return graph.Add(graph.Mul(graph.Mul(in.w, a), graph.Mul(a, in.w)), graph.Like(a, 10))
	})
}

// Functions that are called at several places: small ones are inlined, large ones are not.
func init() {
	add := func(name string, loop, plain func(in *loopInputs) *graph.Node) {
		knownLoops = append(knownLoops, struct {
			name        string
			loop, plain func(in *loopInputs) *graph.Node
		}{name, loop, plain})
	}
	for name, steps := range map[string]int{"small": 2, "large": 30} {
		body := func(in *loopInputs) func(a list) list {
			return func(a list) list {
				y := a[0]
				for i := range steps {
					y = graph.Sin(graph.Add(graph.Mul(y, in.w), graph.Div(a[1], graph.Like(y, float64(i+1)))))
				}
				return list{y, graph.Mul(y, a[0])}
			}
		}
		add("a "+name+" function in a loop, a branch and outside", func(in *loopInputs) *graph.Node {
			f := graph.Function(list{in.x, in.w}, body(in))
			final, ys := graph.Scan(5, list{in.x}, list{in.xs}, func(c, e list) (next, ys list) {
				y := f(c[0], e[0])
				return y[:1], y[1:]
			})
			z := graph.Cond(in.b, final, func(a list) list { return f(a[0], a[0])[:1] }, func(a list) list { return a })
			return graph.Add(f(z[0], in.x)[1], graph.Sum(ys[0]))
		}, func(in *loopInputs) *graph.Node {
			f := body(in)
			c, sum := in.x, graph.Like(in.x, 0)
			for i := range 5 {
				y := f(list{c, graph.Index(in.xs, i)})
				c, sum = y[0], graph.Add(sum, y[1])
			}
			return graph.Add(f(list{f(list{c, c})[0], in.x})[1], sum)
		})
		add("a "+name+" function that takes nodes of a loop and is called within another one", func(in *loopInputs) *graph.Node {
			final, _ := graph.Scan(2, list{in.x}, nil, func(c, _ list) (next, ys list) {
				v := graph.Cos(c[0])
				of := body(in)
				f := graph.Function(list{in.x}, func(a list) list { return of(list{a[0], v}) })
				twice := graph.Function(list{in.x}, func(a list) list { return f(f(a[0])[1]) })
				inner, _ := counting(9, in.k, list{twice(v)[0]}, func(d list) list { return f(d[0])[:1] })
				return list{graph.Mul(inner[0], c[0])}, nil
			})
			return final[0]
		}, func(in *loopInputs) *graph.Node {
			of := body(in)
			return repeated(2, in.x, func(c *graph.Node, _ int) *graph.Node {
				v := graph.Cos(c)
				y := of(list{of(list{v, v})[1], v})[0]
				return graph.Mul(repeated(in.steps, y, func(d *graph.Node, _ int) *graph.Node { return of(list{d, v})[0] }), c)
			})
		})
	}
}

// Taylor coefficients, Jacobians and sparse second derivatives of loops are those of the functions without loops.
func TestLoopCasesInOtherModes(t *testing.T) {
	for _, c := range knownLoops {
		g := graph.New()
		in := &loopInputs{x: g.Input("x", graph.Float64), w: g.Input("w", graph.Float64), xs: g.Input("xs", graph.Float64, 5), k: g.Input("k", graph.Int64), b: g.Input("b", graph.Bool), steps: 3}
		at := testkit.Point{in.x: ref.Of(in.x.Type(), 0.75), in.w: ref.Of(in.w.Type(), 0.875), in.xs: ref.Of(in.xs.Type(), 0.5, -0.25, 1.25, 0.75, -1.5),
			in.k: {Type: in.k.Type(), I: []int64{3}}, in.b: {Type: in.b.Type(), B: []bool{true}}}
		wrt := list{in.x, in.w, in.xs}
		curve := make([]list, 2)
		for k := range curve {
			for i, x := range wrt {
				curve[k] = append(curve[k], graph.Constant(g, testkit.Spread(x.Type(), -1, 1, i+3*k).F, x.Shape()...))
			}
		}
		values := func(y *graph.Node) (dense list, sparse []*compile.SparseMatrix) {
			for _, c := range must[[]list](t)(compile.Taylor(3, list{y}, wrt, curve)) {
				dense = append(dense, c[0])
			}
			d := grad(t, y, wrt...)
			all := graph.Concat(0, graph.Reshape(y, 1), graph.Reshape(d[0], 1), graph.Reshape(d[1], 1), d[2])
			hessian := must[*graph.Node](t)(compile.Hessian(y, in.xs))
			jacobian := must[*graph.Node](t)(compile.Jacobian(all, in.xs))
			return append(dense, hessian, jacobian), []*compile.SparseMatrix{must[*compile.SparseMatrix](t)(compile.SparseHessian(y, in.xs)), must[*compile.SparseMatrix](t)(compile.SparseJacobian(all, in.xs))}
		}
		dense, sparse := values(c.loop(in))
		plain, _ := values(c.plain(in))
		if err := g.Err(); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		want := refEval(t, at, plain...)
		out := dense
		for _, m := range sparse {
			out = append(out, m.Values)
		}
		for _, config := range []compile.Config{{}, {Unoptimized: true}} {
			got, err := testkit.CompileAndRun(config, at, out...)
			if err != nil {
				t.Errorf("%s, %+v: %v", c.name, config, err)
				continue
			}
			for k, m := range sparse {
				full := make([]float64, m.Rows*m.Columns)
				for i := range m.Rows {
					for e := m.Start[i]; e < m.Start[i+1]; e++ {
						full[i*m.Columns+int(m.Cols[e])] = got[len(dense)+k].F[e]
					}
				}
				got[len(dense)+k] = ref.Value{Type: want[len(dense)-2+k].Type, F: full}
			}
			for i, w := range append(want[:len(dense):len(dense)], want[len(dense)-2:]...) {
				if err := testkit.CloseTo(got[i], w, 1e-11, 1e-13); err != nil {
					t.Errorf("%s, %+v: %s: %v", c.name, config, []string{"value", "order 1", "order 2", "order 3", "Hessian", "Jacobian", "sparse Hessian", "sparse Jacobian"}[i], err)
				}
			}
		}
	}
}

// Bodies have copies of constants without a shape: by these nothing is differentiated, and they are not replaced.
func TestConstantsOfBodies(t *testing.T) {
	g := graph.New()
	x, c, other, vector := g.Input("x", graph.Float64), g.Const(0.5), g.Const(0.25), graph.Constant(g, []float64{0.5, 0.25}, 2)
	final, _ := graph.Scan(3, list{x}, nil, func(d, _ list) (next, ys list) {
		return graph.Cond(graph.Less(d[0], x), d, func(a list) list { return list{graph.Mul(a[0], graph.Mul(c, graph.Sum(vector)))} }, func(a list) list { return a }), nil
	})
	y := graph.Mul(final[0], other)
	for name, of := range map[string]func(w *graph.Node) error{
		"gradient": func(w *graph.Node) error { _, err := compile.Gradient(y, w); return err },
		"jvp":      func(w *graph.Node) error { _, err := compile.JVP(list{y}, list{w}, nil); return err },
		"taylor": func(w *graph.Node) error {
			_, err := compile.Taylor(2, list{y}, list{w}, []list{{graph.FullLike(w, 1)}})
			return err
		},
		"batch": func(w *graph.Node) error {
			_, err := compile.Batch(list{y}, list{w}, list{graph.Stack(0, w, w)})
			return err
		},
	} {
		if err := of(c); err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "make it an input") || !strings.Contains(err.Error(), "loop_nestings_test.go") {
			t.Errorf("%s by a constant of which a body has a copy: %v", name, err)
		}
		for _, w := range []*graph.Node{other, vector} {
			if err := of(w); err != nil {
				t.Errorf("%s by %v, of which no body has a copy: %v", name, w, err)
			}
		}
	}
}

// Elements of large values that loops hand on are read by scalar code in bodies and conditions.
func TestElementsOfLargeValues(t *testing.T) {
	const n, steps = 3000, 5
	g := graph.New()
	x, k := g.Input("x", graph.Float64, n), g.Input("k", graph.Int64)
	small := graph.Mul(graph.Sin(x), g.Const(0.25))
	step := func(u, v, s *graph.Node) list {
		s = graph.Sin(graph.Add(s, graph.Mul(graph.Index(u, 7), graph.Index(v, n-1))))
		return list{graph.Add(v, graph.Mul(u, s)), u, s}
	}
	start := list{x, small, g.Const(0.5)}
	plain := func(steps int) list {
		c := start
		for range steps {
			c = step(c[0], c[1], c[2])
		}
		return c
	}
	scan, _ := graph.Scan(steps, start, nil, func(c, _ list) (next, ys list) { return step(c[0], c[1], c[2]), nil })
	while, _ := graph.While(10, append(start[:3:3], graph.Like(k, 0)), func(c list) *graph.Node {
		return graph.LogicalAnd(graph.Less(c[3], k), graph.Less(graph.Mul(graph.Index(c[0], 0), graph.Index(c[1], 1)), g.Const(1e6)))
	}, func(c list) list { return append(step(c[0], c[1], c[2]), graph.Add(c[3], graph.Like(c[3], 1))) })
	xs := graph.Mul(graph.BroadcastTo(x, 4, n), graph.Reshape(graph.Constant(g, []float64{1, 2, 3, 4}, 4), 4, 1))
	each, ys := graph.Scan(4, list{g.Const(0.5), x}, list{xs}, func(c, e list) (next, ys list) {
		s := graph.Sin(graph.Add(c[0], graph.Mul(graph.Index(e[0], 3), graph.Index(c[1], n/2))))
		return list{s, graph.Add(c[1], graph.Mul(e[0], s))}, list{s}
	}, graph.Reverse)
	s, u := g.Const(0.5), x
	sum := g.Const(0)
	for i := 3; i >= 0; i-- {
		e := graph.Mul(x, g.Const(float64(i+1)))
		s = graph.Sin(graph.Add(s, graph.Mul(graph.Index(e, 3), graph.Index(u, n/2))))
		u, sum = graph.Add(u, graph.Mul(e, s)), graph.Add(sum, s)
	}
	values := func(a, b, s *graph.Node) list {
		return append(list{a, s}, grad(t, graph.Add(graph.Mul(graph.Sum(graph.Mul(a, b)), g.Const(1.0/n)), s), x)...)
	}
	loops := slices.Concat(values(scan[0], scan[1], scan[2]), values(while[0], while[1], while[2]), values(each[1], x, graph.Add(each[0], graph.Sum(ys[0]))))
	c := plain(steps)
	want := slices.Concat(values(c[0], c[1], c[2]), values(c[0], c[1], c[2]), values(u, x, graph.Add(s, sum)))
	at := testkit.Point{x: testkit.Spread(x.Type(), -1, 1, 1), k: {Type: k.Type(), I: []int64{steps}}}
	expected := refEval(t, at, want...)
	for _, config := range []compile.Config{{}, {Unoptimized: true}, {Checkpoints: compile.Checkpoints{States: 2}}, {Disable: []string{"unroll"}}} {
		p, err := testkit.Compile(config, loops...)
		if err != nil {
			t.Fatal(err)
		}
		first := uint64(0)
		for name, options := range fuzzOptions() {
			got, err := testkit.Run(vm.NewMachine(p, options...), at)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			for i := range expected {
				if err := testkit.CloseTo(got[i], expected[i], 1e-11, 1e-12); err != nil {
					t.Errorf("%+v, %s: output %d: %v", config, name, i, err)
				}
			}
			if d := digest(got); first == 0 {
				first = d
			} else if d != first {
				t.Errorf("%+v, %s: other bits", config, name)
			}
		}
	}
}
