package graph

// Samples of loops and branches, which make one value of all results, so that every derivative of every operand is checked.

func sampleOf(build func(in []*Node) *Node, in ...Type) Sample {
	s := Sample{Build: build}
	for i, t := range in {
		s.In = append(s.In, SampleInput{Type: t, Lo: float64(0.25*float64(i)) - 1.25, Hi: 1.5})
	}
	return s
}

// joined is one vector of all elements.
func joined(nodes ...[]*Node) *Node {
	var flat []*Node
	for _, list := range nodes {
		for _, n := range list {
			if !n.Valid() {
				return n
			}
			flat = append(flat, Reshape(n, n.typ.Shape.Size()))
		}
	}
	return Concat(0, flat...)
}

func scanSamples() []Sample {
	scalar, three, steps := Type{DType: Float64}, Type{Float64, Shape{3}}, Type{Float64, Shape{5, 3}}
	recurrence := func(opts ...ScanOption) func(in []*Node) *Node {
		return func(in []*Node) *Node {
			final, ys := Scan(5, in[:1], in[1:2], func(carry, x []*Node) (next, ys []*Node) {
				h := Tanh(Add(Mul(in[2], carry[0]), x[0]))
				return []*Node{h}, []*Node{Mul(h, x[0]), carry[0]}
			}, opts...)
			return joined(final, ys)
		}
	}
	return []Sample{
		sampleOf(recurrence(), three, steps, three),
		sampleOf(recurrence(Reverse), three, steps, scalar),
		sampleOf(func(in []*Node) *Node { // carries that change places, one that is also captured, and an integer beside them
			init := []*Node{in[0], in[1], in[0].g.Scalar(Int64, 1)}
			final, _ := Scan(3, init, nil, func(c, _ []*Node) (next, ys []*Node) {
				return []*Node{Mul(c[1], in[1]), Sin(Add(c[0], Cast(c[2], in[0].typ.DType))), Add(c[2], Like(c[2], 1))}, nil
			})
			return joined(final[:2])
		}, scalar, scalar),
		sampleOf(func(in []*Node) *Node { // a loop within a loop
			final, ys := Scan(3, in[:1], nil, func(c, _ []*Node) (next, ys []*Node) {
				inner, each := Scan(2, c, nil, func(d, _ []*Node) (next, ys []*Node) {
					y := Sin(Mul(in[1], d[0]))
					return []*Node{Sub(y, Mul(c[0], Like(c[0], 0.5)))}, []*Node{y}
				})
				return inner, []*Node{ReduceSum(each[0], nil)}
			})
			return joined(final, ys)
		}, scalar, scalar),
	}
}

func whileSamples() []Sample {
	scalar, three := Type{DType: Float64}, Type{Float64, Shape{3}}
	return []Sample{
		sampleOf(func(in []*Node) *Node { // x, x·w, x·w², … while the count is below 4
			zero := in[0].g.Scalar(Int32, 0)
			final, _ := While(7, []*Node{zero, in[0]},
				func(c []*Node) *Node { return Less(c[0], Like(c[0], 4)) },
				func(c []*Node) []*Node { return []*Node{Add(c[0], Like(c[0], 1)), Sin(Mul(c[1], in[1]))} })
			return final[1]
		}, three, three),
		sampleOf(func(in []*Node) *Node { // no step at all
			final, _ := While(3, in[:1], func(c []*Node) *Node { return Less(Add(Square(c[0]), Like(c[0], 1)), Like(c[0], 0)) },
				func(c []*Node) []*Node { return []*Node{Mul(c[0], in[1])} })
			return final[0]
		}, scalar, scalar),
	}
}

func switchSamples() []Sample {
	scalar, three := Type{DType: Float64}, Type{Float64, Shape{3}}
	return []Sample{
		sampleOf(func(in []*Node) *Node {
			return joined(Cond(Greater(ReduceSum(in[0], nil), Like(in[0], 0.125)), in[:1],
				func(a []*Node) []*Node { return []*Node{Mul(a[0], in[1]), Exp(a[0])} },
				func(a []*Node) []*Node { return []*Node{Sin(a[0]), Mul(in[1], Like(in[1], 2))} }))
		}, three, three),
		sampleOf(func(in []*Node) *Node {
			return joined(Switch(in[0].g.Scalar(Int32, 1), in,
				func(a []*Node) []*Node { return []*Node{Mul(a[0], a[1])} },
				func(a []*Node) []*Node { return []*Node{Sin(Mul(a[0], a[1]))} },
				func(a []*Node) []*Node { return []*Node{a[0]} }))
		}, scalar, scalar),
	}
}

func checkpointSamples() []Sample {
	three := Type{Float64, Shape{3}}
	return []Sample{
		sampleOf(func(in []*Node) *Node {
			return joined(Checkpoint(in[:1], func(a []*Node) []*Node {
				y := Tanh(Mul(a[0], in[1]))
				return []*Node{Mul(y, a[0]), Sin(y)}
			}))
		}, three, three),
	}
}

func callSamples() []Sample {
	scalar, three := Type{DType: Float64}, Type{Float64, Shape{3}}
	return []Sample{
		sampleOf(func(in []*Node) *Node { // called twice, the second time with what the first call gives
			f := Function(in[:1], func(a []*Node) []*Node {
				y := Tanh(Mul(a[0], in[1]))
				return []*Node{Mul(y, a[0]), Sin(y)}
			})
			first := f(in[0])
			return joined(first, f(first[1]))
		}, three, scalar),
		sampleOf(func(in []*Node) *Node { // called by another function, and in a loop
			square := Function(in[:1], func(a []*Node) []*Node { return []*Node{Mul(a[0], Cos(a[0]))} })
			f := Function(in, func(a []*Node) []*Node { return []*Node{Add(square(a[0])[0], square(a[1])[0])} })
			final, _ := Scan(2, in, nil, func(c, _ []*Node) (next, ys []*Node) { return []*Node{f(c...)[0], c[0]}, nil })
			return joined(final, f(in[1], in[0]))
		}, scalar, scalar),
	}
}
