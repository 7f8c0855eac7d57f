package testkit

import (
	"fmt"
	"slices"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/ref"
)

// Loops and branches of random graphs, whose bodies have loops and branches in turn. What decides over steps and branches is made of integers and truth
// values, so that it does not depend on rounding.

// maxControlDepth bounds bodies within bodies.
const maxControlDepth = 3

// addSwitches adds the inputs that decide over steps and branches.
func (b *builder) addSwitches() {
	for i := range 2 {
		k := b.g.Input(fmt.Sprintf("k%d", i), graph.Int64)
		b.at[k] = ref.Value{Type: k.Type(), I: []int64{int64(b.r.IntN(6) - 1)}}
		b.ints = append(b.ints, k)
	}
	c := b.g.Input("c", graph.Bool)
	b.at[c] = ref.Value{Type: c.Type(), B: []bool{b.r.IntN(2) == 0}}
	b.bools = append(b.bools, c)
}

func (b *builder) integer() *graph.Node { return b.ints[b.r.IntN(len(b.ints))] }

func (b *builder) truth() *graph.Node {
	if b.r.IntN(2) == 0 {
		k := b.integer()
		return graph.Less(k, graph.Like(k, float64(b.r.IntN(4))))
	}
	return b.bools[b.r.IntN(len(b.bools))]
}

// conform makes a float value of a shape out of another one.
func (b *builder) conform(x *graph.Node, s graph.Shape) *graph.Node {
	if !x.Shape().Equal(s) {
		x = graph.BroadcastTo(graph.ReduceMean(x, nil), s...)
	}
	return x
}

// inBody grows a body: build is called with the pools of the values that are at hand in it, of which some come from outside.
func (b *builder) inBody(params []*graph.Node, build func()) {
	pool, ints, bools := b.pool, b.ints, b.bools
	defer func() { b.pool, b.ints, b.bools = pool, ints, bools; b.depth-- }()
	b.depth++
	b.pool, b.ints, b.bools = nil, slices.Clone(ints), slices.Clone(bools)
	for range 1 + b.r.IntN(3) {
		b.pool = append(b.pool, pool[b.r.IntN(len(pool))])
	}
	for _, p := range params {
		b.keep(p)
	}
	for range 1 + b.r.IntN(4) {
		b.keep(b.step())
	}
	build()
}

// keep adds a value to its pool, if it is not too large.
func (b *builder) keep(n *graph.Node) {
	switch {
	case !n.Valid():
	case n.DType() == graph.Bool:
		b.bools = append(b.bools, n)
	case !n.DType().IsFloat():
		b.ints = append(b.ints, n)
	case n.Shape().Size() <= b.c.MaxSize:
		b.pool = append(b.pool, n)
	}
}

// control makes a loop or branch and returns one of its values.
func (b *builder) control() *graph.Node {
	b.Loops++
	b.Deepest = max(b.Deepest, b.depth+1)
	var out []*graph.Node
	switch b.r.IntN(9) {
	case 0, 1, 2:
		out = b.scan()
	case 3, 4:
		out = b.while()
	case 5:
		args := b.some(1, 2)
		shapes := b.shapes()
		out = graph.Cond(b.truth(), args, b.branch(shapes), b.branch(shapes))
	case 6:
		args := b.some(0, 2)
		shapes := b.shapes()
		branches := []func([]*graph.Node) []*graph.Node{b.branch(shapes), b.branch(shapes), b.branch(shapes)}
		out = graph.Switch(b.integer(), args, branches[:1+b.r.IntN(3)]...)
	case 7:
		out = graph.Checkpoint(b.some(1, 2), b.branch(b.shapes()))
	default:
		args := b.some(1, 2)
		f := graph.Function(args, b.branch(b.shapes()))
		out = f(args...)
		for i, x := range args {
			args[i] = b.conform(out[0], x.Shape())
		}
		out = append(out, f(args...)...)
	}
	for _, n := range out {
		b.keep(n)
		if n.Valid() && n.DType() == graph.Int64 {
			b.keep(graph.Cast(n, b.c.DType))
		}
	}
	for range 4 {
		if n := out[b.r.IntN(len(out))]; !n.Valid() || n.DType().IsFloat() {
			return n
		}
	}
	return b.any()
}

func (b *builder) some(least, most int) []*graph.Node {
	var list []*graph.Node
	for range least + b.r.IntN(most-least+1) {
		list = append(list, b.any())
	}
	return list
}

func (b *builder) shapes() []graph.Shape {
	shapes := []graph.Shape{b.any().Shape()}
	if b.r.IntN(2) == 0 {
		shapes = append(shapes, b.any().Shape())
	}
	return shapes
}

// branch returns a function that gives values of the shapes.
func (b *builder) branch(shapes []graph.Shape) func(args []*graph.Node) []*graph.Node {
	return func(args []*graph.Node) (out []*graph.Node) {
		b.inBody(args, func() {
			for _, s := range shapes {
				out = append(out, b.conform(b.recent(), s))
			}
		})
		return out
	}
}

// carries returns initial values of a loop, floats and then an integer and a truth value.
func (b *builder) carries() []*graph.Node {
	init := b.some(1, 3)
	if b.r.IntN(2) == 0 {
		init = append(init, b.integer())
	}
	if b.r.IntN(2) == 0 {
		init = append(init, b.bools[b.r.IntN(len(b.bools))])
	}
	return init
}

// next returns the next values of carries.
func (b *builder) next(carry []*graph.Node) []*graph.Node {
	var next []*graph.Node
	for _, c := range carry {
		switch {
		case c.DType() == graph.Bool:
			next = append(next, graph.NotEqual(graph.Cast(c, graph.Int64), graph.Cast(b.truth(), graph.Int64)))
		case !c.DType().IsFloat():
			k := graph.Add(c, graph.Like(c, float64(b.r.IntN(4)-1)))
			if b.r.IntN(3) == 0 {
				k = graph.Max(graph.Min(b.integer(), graph.Like(c, 4)), graph.Like(c, -2))
			}
			next = append(next, k)
		case b.r.IntN(8) == 0:
			next = append(next, b.conform(b.any(), c.Shape())) // any of them in its place, or what does not change
		default:
			y := b.conform(b.recent(), c.Shape())
			if b.r.IntN(3) == 0 {
				y = graph.Mul(y, graph.Like(y, 0.5))
			} else {
				y = b.tame(y)
			}
			next = append(next, y)
		}
	}
	return next
}

func (b *builder) scan() []*graph.Node {
	length, most := b.r.IntN(5), b.c.MaxSize
	if b.c.Long && b.depth == 0 && b.r.IntN(2) == 0 {
		length = 30 + b.r.IntN(300)
		most = max(most, 2000)
	}
	var init, xs []*graph.Node
	if length == 0 || b.r.IntN(5) > 0 {
		init = b.carries()
	}
	if length > 0 {
		for i := range b.r.IntN(3) {
			if x := b.any(); x.Shape().Size()*length <= most {
				weights := make([]float64, length)
				for j := range weights {
					weights[j] = float64(1+j%7*(i+1)) / 4
				}
				w := graph.Cast(graph.Constant(b.g, weights, append([]int{length}, slices.Repeat([]int{1}, x.Shape().Rank())...)...), b.c.DType)
				xs = append(xs, graph.Mul(graph.ExpandDims(x, 0), w))
			}
		}
		if len(init)+len(xs) == 0 {
			init = b.carries()
		}
	}
	var opts []graph.ScanOption
	if b.r.IntN(2) == 0 {
		opts = append(opts, graph.Reverse)
	}
	final, ys := graph.Scan(length, init, xs, func(carry, x []*graph.Node) (next, ys []*graph.Node) {
		b.inBody(slices.Concat(carry, x), func() {
			next = b.next(carry)
			if length == 0 {
				return
			}
			for range b.r.IntN(3) {
				if y := b.recent(); y.Shape().Size()*length <= most {
					ys = append(ys, y)
				}
			}
			if len(carry) == 0 && len(ys) == 0 {
				ys = append(ys, graph.Mul(b.integerAsFloat(), graph.ReduceMean(x[0], nil)))
			}
		})
		return next, ys
	}, opts...)
	for i, y := range ys {
		if y.Valid() && y.Shape().Size() > b.c.MaxSize && y.DType().IsFloat() {
			ys[i] = graph.ReduceMean(y, []int{0})
		}
	}
	return slices.Concat(final, ys)
}

func (b *builder) integerAsFloat() *graph.Node { return graph.Cast(b.integer(), b.c.DType) }

func (b *builder) while() []*graph.Node {
	k := b.integer()
	init := append([]*graph.Node{graph.Like(k, 0)}, b.carries()...)
	final, steps := graph.While(4+b.r.IntN(3), init, func(carry []*graph.Node) *graph.Node {
		bound := graph.Min(b.integer(), graph.Like(k, float64(b.r.IntN(5))))
		going := graph.Less(carry[0], bound)
		if last := carry[len(carry)-1]; last.DType() == graph.Bool {
			going = graph.LogicalAnd(going, last)
		}
		return going
	}, func(carry []*graph.Node) (next []*graph.Node) {
		b.inBody(carry, func() {
			next = append([]*graph.Node{graph.Add(carry[0], graph.Like(carry[0], 1))}, b.next(carry[1:])...)
		})
		return next
	})
	return append(final, steps)
}
