package compile_test

import (
	"slices"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/compile/implicit"
	"github.com/adjoint-go/adjoint/graph"
)

// userCube is a user's operator with a derivative of its own, that of x³.
var userCube = func() *graph.Op {
	op, err := graph.CustomVJP("user_loop_cube", 1, func(in []*graph.Node) *graph.Node { return graph.Mul(in[0], graph.Square(in[0])) },
		func(in []*graph.Node, _, ct *graph.Node) []*graph.Node {
			return []*graph.Node{graph.Mul(ct, graph.Mul(graph.Like(in[0], 3), graph.Square(in[0])))}
		})
	if err != nil {
		panic(err)
	}
	return op
}()

// More of knownLoops, of the kinds of JAX's lax_control_flow_test.py: bodies that update and decompose arrays, sort, draw random numbers, solve equations, and have operators of users; conditions that are loops.
func init() {
	add := func(name string, loop, plain func(in *loopInputs) *graph.Node) {
		knownLoops = append(knownLoops, struct {
			name        string
			loop, plain func(in *loopInputs) *graph.Node
		}{name, loop, plain})
	}
	index := func(at ...*graph.Node) *graph.Node { return graph.Stack(0, at...) }
	outer := func(in *loopInputs) *graph.Node { // [5, 5]
		return graph.Add(graph.Mul(graph.Reshape(in.xs, 5, 1), graph.Sin(in.xs)), in.x)
	}
	add("the lower triangle is copied by two loops, one in the other", func(in *loopInputs) *graph.Node { // testNestedWhileWithDynamicUpdateSlice
		a := graph.Mul(outer(in), in.w)
		zero := graph.Like(in.k, 0)
		rows, _ := graph.While(9, list{zero, graph.FullLike(a, 0)}, func(c list) *graph.Node { return graph.Less(c[0], graph.Like(c[0], 5)) }, func(c list) list {
			columns, _ := graph.While(9, list{graph.Like(c[0], 0), c[1]}, func(d list) *graph.Node { return graph.LessEqual(d[0], c[0]) }, func(d list) list {
				at := index(c[0], d[0])
				return list{graph.Add(d[0], graph.Like(d[0], 1)), graph.DynamicUpdateSlice(d[1], graph.DynamicSlice(a, at, 1, 1), at)}
			})
			return list{graph.Add(c[0], graph.Like(c[0], 1)), columns[1]}
		})
		return graph.Sum(graph.Square(rows[1]))
	}, func(in *loopInputs) *graph.Node {
		return graph.Sum(graph.Square(graph.Tril(graph.Mul(outer(in), in.w), 0)))
	})
	add("a sum of the first elements, of which there may be fewer", func(in *loopInputs) *graph.Node { // testLoopWithConjunctionCondition
		final, _ := graph.While(20, list{graph.Like(in.k, 0), in.x}, func(c list) *graph.Node {
			return graph.LogicalAnd(graph.Less(c[0], in.k), graph.Less(c[0], graph.Like(c[0], 5)))
		}, func(c list) list {
			e := graph.Reshape(graph.DynamicSlice(in.xs, graph.Reshape(c[0], 1), 1))
			return list{graph.Add(c[0], graph.Like(c[0], 1)), graph.Add(graph.Mul(c[1], in.w), graph.Square(e))}
		})
		return final[1]
	}, func(in *loopInputs) *graph.Node {
		return repeated(in.steps, in.x, func(c *graph.Node, i int) *graph.Node {
			return graph.Add(graph.Mul(c, in.w), graph.Square(graph.Index(in.xs, i)))
		})
	})
	add("many carries, each of which is the next one's", func(in *loopInputs) *graph.Node { // testWhileWithManyArgs
		init := list{}
		for i := range 40 {
			init = append(init, graph.Mul(in.x, graph.Like(in.x, 1+float64(i)/8)))
		}
		final, _ := counting(9, in.k, init, func(c list) list {
			return append(slices.Clone(c[1:]), graph.Sin(graph.Add(graph.Mul(c[0], in.w), c[20])))
		})
		return graph.Add(final[39], graph.Mul(final[0], final[38]))
	}, func(in *loopInputs) *graph.Node {
		c := list{}
		for i := range 40 {
			c = append(c, graph.Mul(in.x, graph.Like(in.x, 1+float64(i)/8)))
		}
		for range in.steps {
			c = append(slices.Clone(c[1:]), graph.Sin(graph.Add(graph.Mul(c[0], in.w), c[20])))
		}
		return graph.Add(c[39], graph.Mul(c[0], c[38]))
	})
	add("a condition that is a loop with a branch", func(in *loopInputs) *graph.Node {
		final, _ := graph.While(9, list{in.x, graph.Like(in.k, 0)}, func(c list) *graph.Node {
			sum, _ := graph.Scan(3, list{graph.Like(c[1], 0)}, nil, step1(func(s *graph.Node) *graph.Node { // 3·c[1]
				return graph.Cond(in.b, list{s}, func(a list) list { return list{graph.Add(a[0], c[1])} }, func(a list) list { return list{graph.Add(c[1], a[0])} })[0]
			}))
			return graph.Less(sum[0], graph.Mul(in.k, graph.Like(in.k, 3)))
		}, func(c list) list {
			return list{graph.Mul(graph.Cos(c[0]), in.w), graph.Add(c[1], graph.Like(c[1], 1))}
		})
		return final[0]
	}, func(in *loopInputs) *graph.Node {
		return repeated(in.steps, in.x, func(c *graph.Node, _ int) *graph.Node { return graph.Mul(graph.Cos(c), in.w) })
	})
	add("decompositions and systems in the steps", func(in *loopInputs) *graph.Node { // a Kalman filter's
		final, ys := graph.Scan(3, list{graph.Mul(in.xs, in.x)}, nil, func(c, _ list) (next, ys list) {
			a := graph.Add(graph.Mul(graph.Reshape(c[0], 5, 1), c[0]), graph.Mul(graph.Eye(in.x.Graph(), graph.Float64, 5), graph.Add(graph.Square(in.w), graph.Like(in.w, 1))))
			y := graph.Solve(a, graph.Add(in.xs, c[0]))
			return list{graph.Sin(y)}, list{graph.Sum(graph.Log(graph.DiagPart(graph.Cholesky(a), 0)))}
		})
		return graph.Add(graph.Sum(graph.Square(final[0])), graph.Sum(ys[0]))
	}, func(in *loopInputs) *graph.Node {
		sum := graph.Like(in.x, 0)
		c := repeated(3, graph.Mul(in.xs, in.x), func(c *graph.Node, _ int) *graph.Node {
			a := graph.Add(graph.Mul(graph.Reshape(c, 5, 1), c), graph.Mul(graph.Eye(in.x.Graph(), graph.Float64, 5), graph.Add(graph.Square(in.w), graph.Like(in.w, 1))))
			sum = graph.Add(sum, graph.Sum(graph.Log(graph.DiagPart(graph.Cholesky(a), 0))))
			return graph.Sin(graph.Solve(a, graph.Add(in.xs, c)))
		})
		return graph.Add(graph.Sum(graph.Square(c)), sum)
	})
	add("what is sorted at each step, and its smallest elements", func(in *loopInputs) *graph.Node {
		final, ys := graph.Scan(4, list{in.xs}, nil, func(c, _ list) (next, ys list) {
			s := graph.Sort(graph.Sin(graph.Mul(c[0], graph.Add(in.w, graph.Like(in.w, 2)))), 0)
			_, at := graph.TopK(c[0], 2, 0)
			return list{graph.Add(s, graph.Mul(in.x, graph.ScatterAddTo(c[0], at, graph.Gather(s, at, 0), 0)))}, list{graph.Index(s, 0)}
		})
		return graph.Add(graph.Sum(graph.Mul(final[0], in.xs)), graph.Sum(ys[0]))
	}, func(in *loopInputs) *graph.Node {
		sum := graph.Like(in.x, 0)
		c := repeated(4, in.xs, func(c *graph.Node, _ int) *graph.Node {
			s := graph.Sort(graph.Sin(graph.Mul(c, graph.Add(in.w, graph.Like(in.w, 2)))), 0)
			_, at := graph.TopK(c, 2, 0)
			sum = graph.Add(sum, graph.Index(s, 0))
			return graph.Add(s, graph.Mul(in.x, graph.ScatterAddTo(c, at, graph.Gather(s, at, 0), 0)))
		})
		return graph.Add(graph.Sum(graph.Mul(c, in.xs)), sum)
	})
	add("an operator of a user's in a step, a branch and a checkpoint", func(in *loopInputs) *graph.Node {
		final, _ := counting(9, in.k, list{in.x}, func(c list) list {
			y := graph.Call(userCube, graph.Mul(c[0], in.w))
			return graph.Cond(in.b, list{y}, func(a list) list {
				return graph.Checkpoint(a, func(a list) list { return list{graph.Add(graph.Call(userCube, a[0]), c[0])} })
			}, func(a list) list { return a })
		})
		return final[0]
	}, func(in *loopInputs) *graph.Node {
		cube := func(x *graph.Node) *graph.Node { return graph.Mul(x, graph.Square(x)) }
		return repeated(in.steps, in.x, func(c *graph.Node, _ int) *graph.Node {
			return graph.Add(cube(cube(graph.Mul(c, in.w))), c)
		})
	})
	add("an equation is solved at each step", func(in *loopInputs) *graph.Node { // y + y³ = c + e, an implicit step
		final, _ := graph.Scan(5, list{in.x}, list{in.xs}, func(c, e list) (next, ys list) {
			y, err := implicit.Root(func(y *graph.Node) *graph.Node {
				return graph.Sub(graph.Add(y, graph.Mul(in.w, graph.Mul(y, graph.Square(y)))), graph.Add(c[0], e[0]))
			}, graph.StopGradient(c[0]), implicit.Options{})
			if err != nil {
				panic(err)
			}
			return list{y}, nil
		})
		return final[0]
	}, func(in *loopInputs) *graph.Node {
		return repeated(5, in.x, func(c *graph.Node, i int) *graph.Node { // Newton's method, whose last steps have the derivatives
			rhs := graph.Add(c, graph.Index(in.xs, i))
			return repeated(12, rhs, func(y *graph.Node, _ int) *graph.Node {
				f := graph.Sub(graph.Add(y, graph.Mul(in.w, graph.Mul(y, graph.Square(y)))), rhs)
				return graph.Sub(y, graph.Div(f, graph.Add(graph.Like(y, 1), graph.Mul(graph.Like(y, 3), graph.Mul(in.w, graph.Square(y))))))
			})
		})
	})
	add("numbers of a generator whose key is carried", func(in *loopInputs) *graph.Node {
		g := in.x.Graph()
		final, _ := graph.Scan(4, list{graph.Constant(g, []int64{7, 8}, 2), in.x}, nil, func(c, _ list) (next, ys list) {
			noise := graph.RandomNormal(c[0], graph.Float64, 5)
			return list{graph.Add(c[0], graph.Like(c[0], 1)), graph.Tanh(graph.Add(graph.Mul(c[1], in.w), graph.Sum(graph.Mul(noise, in.xs))))}, nil
		})
		return final[1]
	}, func(in *loopInputs) *graph.Node {
		g := in.x.Graph()
		return repeated(4, in.x, func(c *graph.Node, i int) *graph.Node {
			return graph.Tanh(graph.Add(graph.Mul(c, in.w), graph.Sum(graph.Mul(graph.RandomNormal(graph.Constant(g, []int64{7 + int64(i), 8 + int64(i)}, 2), graph.Float64, 5), in.xs))))
		})
	})
	add("elements of three axes, with values at each step of two", func(in *loopInputs) *graph.Node {
		a := graph.Mul(graph.Reshape(in.xs, 5, 1, 1), graph.Add(graph.Constant(in.x.Graph(), []float64{0.25, 0.5, -0.25, 0.125, 0.375, -0.5}, 2, 3), in.x))
		final, ys := graph.Scan(5, list{graph.FullLike(graph.Index(a, 0), 1)}, list{a}, func(c, e list) (next, ys list) {
			y := graph.Sin(graph.Mul(graph.Transpose(graph.MatMul(graph.Transpose(c[0], 1, 0), e[0]), 1, 0), in.w)) // [3, 3]
			return list{graph.MatMul(c[0], y)}, list{graph.Transpose(y, 1, 0), graph.Greater(y, graph.Like(y, 0))}
		}, graph.Reverse)
		return graph.Add(graph.Sum(graph.Square(final[0])), graph.Sum(graph.Where(ys[1], ys[0], graph.Square(ys[0]))))
	}, func(in *loopInputs) *graph.Node {
		a := graph.Mul(graph.Reshape(in.xs, 5, 1, 1), graph.Add(graph.Constant(in.x.Graph(), []float64{0.25, 0.5, -0.25, 0.125, 0.375, -0.5}, 2, 3), in.x))
		c, sum := graph.FullLike(graph.Index(a, 0), 1), graph.Like(in.x, 0)
		for i := 4; i >= 0; i-- {
			y := graph.Sin(graph.Mul(graph.Transpose(graph.MatMul(graph.Transpose(c, 1, 0), graph.Index(a, i)), 1, 0), in.w))
			z := graph.Transpose(y, 1, 0)
			sum = graph.Add(sum, graph.Sum(graph.Where(graph.Greater(y, graph.Like(y, 0)), z, graph.Square(z))))
			c = graph.MatMul(c, y)
		}
		return graph.Add(graph.Sum(graph.Square(c)), sum)
	})
	add("derivatives in a step: Newton's method, and a tangent", func(in *loopInputs) *graph.Node {
		final, _ := counting(9, in.k, list{in.x}, func(c list) list {
			f := graph.Sub(graph.Exp(c[0]), graph.Mul(in.w, graph.Like(c[0], 3)))
			d, err := compile.Gradient(f, c[0])
			if err != nil {
				panic(err)
			}
			y := graph.Sub(c[0], graph.Div(f, d[0]))
			dots, err := compile.JVP(list{graph.Sin(graph.Mul(y, c[0]))}, list{c[0]}, nil)
			if err != nil {
				panic(err)
			}
			return list{graph.Add(y, graph.Mul(dots[0], graph.Like(y, 0.125)))}
		})
		return final[0]
	}, func(in *loopInputs) *graph.Node {
		return repeated(in.steps, in.x, func(c *graph.Node, _ int) *graph.Node {
			e, v := graph.Exp(c), graph.Mul(in.w, graph.Like(c, 3))
			y := graph.Add(graph.Sub(c, graph.Like(c, 1)), graph.Div(v, e))
			dy := graph.Sub(graph.Like(c, 1), graph.Div(v, e))
			return graph.Add(y, graph.Mul(graph.Like(y, 0.125), graph.Mul(graph.Cos(graph.Mul(y, c)), graph.Add(y, graph.Mul(dy, c)))))
		})
	})
	add("a while loop's values at each step, and a scan over as many", func(in *loopInputs) *graph.Node {
		final, steps := counting(5, in.k, list{in.x}, func(c list) list { return list{graph.Sin(graph.Mul(c[0], in.w))} })
		loop, _, _ := graph.ResultOf(final[0])
		ys := graph.EachStep(loop, graph.Bodies(loop)[1].Results()[0])
		going := graph.Less(graph.Iota(in.x.Graph(), graph.Int64, 0, 5), steps)
		_, zs := graph.Scan(5, list{in.x}, list{ys, going}, func(c, e list) (next, ys list) {
			y := graph.Where(e[1], graph.Mul(c[0], e[0]), c[0])
			return list{y}, list{graph.Where(e[1], graph.Exp(y), graph.Like(y, 0))}
		})
		return graph.Sum(zs[0])
	}, func(in *loopInputs) *graph.Node {
		y, c, sum := in.x, in.x, graph.Like(in.x, 0)
		for range in.steps {
			y = graph.Sin(graph.Mul(y, in.w))
			c = graph.Mul(c, y)
			sum = graph.Add(sum, graph.Exp(c))
		}
		return sum
	})
	add("a chosen function of a table that calls the next one", func(in *loopInputs) *graph.Node { // several switches in one another, whose operands have several types
		choose := func(by *graph.Node, a list) list {
			return graph.Switch(by, a, func(a list) list { return list{graph.Mul(a[0], in.x), graph.Cast(a[1], graph.Float64)} },
				func(a list) list { return list{graph.Exp(graph.Neg(a[0])), graph.Mul(a[0], a[0])} }, func(a list) list { return list{a[0], in.w} })
		}
		final, _ := graph.Scan(5, list{in.w}, list{in.xs, graph.Iota(in.x.Graph(), graph.Int64, 0, 5)}, func(c, e list) (next, ys list) {
			by := graph.Mod(e[1], graph.Like(e[1], 3))
			first := choose(by, list{graph.Mul(c[0], e[0]), e[1]})
			second := choose(graph.Sub(graph.Like(by, 2), by), list{first[1], e[1]})
			return list{graph.Tanh(graph.Add(first[0], second[0]))}, nil
		})
		return final[0]
	}, func(in *loopInputs) *graph.Node {
		choose := func(by int, a *graph.Node, i int) (p, q *graph.Node) {
			switch by {
			case 0:
				return graph.Mul(a, in.x), graph.Like(a, float64(i))
			case 1:
				return graph.Exp(graph.Neg(a)), graph.Mul(a, a)
			}
			return a, in.w
		}
		return repeated(5, in.w, func(c *graph.Node, i int) *graph.Node {
			p, q := choose(i%3, graph.Mul(c, graph.Index(in.xs, i)), i)
			r, _ := choose(2-i%3, q, i)
			return graph.Tanh(graph.Add(p, r))
		})
	})
}
