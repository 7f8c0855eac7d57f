package compile_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/ref"
	"github.com/adjoint-go/adjoint/internal/testkit"
	"github.com/adjoint-go/adjoint/vm"
)

// grids grows random loops over grids, whose steps read neighbours, as schemes for partial differential equations do.
type grids struct {
	*rand.Rand
	g     *graph.Graph
	d     graph.DType
	at    testkit.Point
	wrt   []*graph.Node
	depth int
}

func (b *grids) input(shape ...int) *graph.Node {
	x := b.g.Input(fmt.Sprint("x", len(b.wrt)), b.d, shape...)
	b.at[x] = testkit.Spread(x.Type(), -1, 1, len(b.wrt))
	b.wrt = append(b.wrt, x)
	return x
}

func (b *grids) any(list []*graph.Node) *graph.Node { return list[b.IntN(len(list))] }

// moved shows the neighbours of elements along an axis, in one of the ways in which such schemes are written.
func (b *grids) moved(x *graph.Node) *graph.Node {
	s := x.Shape()
	if len(s) == 0 || s.Size() == 0 {
		return x
	}
	axis := b.IntN(len(s))
	n := s[axis]
	by := 1 + b.IntN(min(3, n))
	part := func(from, to int) *graph.Node {
		ranges := slices.Repeat([]graph.Range{{Limit: graph.All}}, len(s))
		ranges[axis] = graph.Range{Start: from, Limit: to}
		return graph.Slice(x, ranges...)
	}
	pad := func(x *graph.Node, before, behind int, v float64) *graph.Node {
		low, high := make([]int, len(s)), make([]int, len(s))
		low[axis], high[axis] = before, behind
		return graph.Pad(x, low, high, v)
	}
	switch k := b.IntN(8); {
	case k == 0:
		return pad(part(0, n-by), by, 0, float64(b.IntN(2)))
	case k == 1:
		return pad(part(by, n), 0, by, 0)
	case k == 2:
		return graph.Roll(x, by*(1-2*b.IntN(2)), axis)
	case k == 3:
		return graph.Concat(axis, part(0, by), part(0, n-by))
	case k == 4:
		return graph.Flip(x, axis)
	case n < 3:
		return graph.Neg(x)
	case k == 5: // one after the other
		return graph.Concat(axis, graph.Concat(axis, part(n-1, n), part(2, n)), part(0, 1))
	case k == 6:
		return pad(graph.Sub(graph.Add(part(0, n-2), part(2, n)), part(1, n-1).Mul(2)), 1, 1, 0)
	default:
		return pad(graph.Sin(graph.Add(part(0, n-1), part(1, n))), 0, 1, 0)
	}
}

func (b *grids) tame(x *graph.Node) *graph.Node {
	switch b.IntN(3) {
	case 0:
		return graph.Tanh(x)
	case 1:
		return x.Mul(0.25)
	}
	return graph.Div(x, graph.Square(x).Add(1.5))
}

// like gives x a shape.
func (b *grids) like(x *graph.Node, s graph.Shape) *graph.Node {
	if all, err := graph.BroadcastShapes(x.Shape(), s); err == nil && all.Equal(s) {
		return graph.BroadcastTo(x, s...)
	}
	return graph.BroadcastTo(graph.Tanh(graph.Sum(x)), s...)
}

func (b *grids) step(pool []*graph.Node) *graph.Node {
	x := b.any(pool)
	y := b.like(b.any(pool), x.Shape())
	switch b.IntN(8) {
	case 0:
		return graph.Mul(b.moved(x), y)
	case 1:
		return graph.Add(x, b.moved(y))
	case 2:
		return graph.Mul(x, graph.Tanh(graph.Sum(y)))
	case 3:
		return graph.Sub(b.moved(x), b.moved(b.moved(y)))
	case 4:
		if b.depth < 2 {
			return b.any(b.loop(pool))
		}
	case 5:
		return b.tame(x)
	}
	return b.moved(x)
}

// loop makes a scan or a while loop, whose carries may change places, and returns values of the type b.d.
func (b *grids) loop(pool []*graph.Node) []*graph.Node {
	b.depth++
	defer func() { b.depth-- }()
	init := []*graph.Node{b.any(pool), b.any(pool), b.any(pool)}[:1+b.IntN(3)]
	next := func(carry []*graph.Node, pool ...*graph.Node) (next, all []*graph.Node) {
		pool = append(pool, carry...)
		for range 1 + b.IntN(5) {
			pool = append(pool, b.step(pool))
		}
		for _, c := range carry {
			switch y := b.like(pool[len(pool)-1-b.IntN(2)], c.Shape()); b.IntN(4) {
			case 0:
				next = append(next, b.like(b.any(carry), c.Shape())) // as delay lines do
			case 1:
				next = append(next, graph.Add(c, b.tame(y).Mul(0.1)))
			default:
				next = append(next, b.tame(y))
			}
		}
		return next, pool
	}
	steps := []int{0, 1, 2, 5, 9}[b.IntN(5)]
	if b.IntN(3) == 0 {
		final, _ := graph.While(9, append(init, b.g.Scalar(graph.Int64, 0)), func(c []*graph.Node) *graph.Node {
			k := c[len(c)-1]
			return graph.Less(k, graph.Like(k, float64(steps)))
		}, func(c []*graph.Node) []*graph.Node {
			last := len(c) - 1
			values, _ := next(c[:last:last], b.any(pool))
			return append(values, graph.Add(c[last], graph.Like(c[last], 1)))
		})
		return final[:len(init)]
	}
	x := b.any(pool)
	xs := graph.BroadcastTo(graph.ExpandDims(x, 0), append([]int{steps}, x.Shape()...)...)
	var opts []graph.ScanOption
	if b.IntN(2) == 0 {
		opts = append(opts, graph.Reverse)
	}
	final, ys := graph.Scan(steps, init, []*graph.Node{xs}, func(c, x []*graph.Node) (values, ys []*graph.Node) {
		values, all := next(c, x[0], b.any(pool))
		return values, []*graph.Node{b.any(all), graph.Sum(graph.Square(b.any(all)))}[:b.IntN(3)]
	}, opts...)
	for _, y := range ys {
		final = append(final, graph.ReduceSum(y, []int{0}))
	}
	return final
}

// Random loops over grids, and their gradients, have the interpreter's values, and the same bits whatever states are kept and however they are run.
func TestRandomGrids(t *testing.T) {
	sweeps := 0
	for seed := range *loopSeeds {
		b := &grids{Rand: rand.New(rand.NewPCG(100+seed, 7)), g: graph.New(), d: graph.Float64, at: testkit.Point{}}
		shape := [][]int{{17}, {1100}, {5, 7}, {33, 40}, {3, 9, 7}, {2, 520}, {1, 1030}, {0}, {1}}[b.IntN(9)]
		pool := []*graph.Node{b.input(shape...), b.input(shape...), b.input()}
		values := b.loop(pool)
		values = append(values, b.loop(append(values, pool...))...)
		var cost *graph.Node
		for _, y := range values {
			w := graph.Cos(graph.Reshape(graph.Iota(b.g, b.d, 0, y.Shape().Size()), y.Shape()...))
			if term := graph.Sum(graph.Mul(w, b.tame(y))); cost == nil {
				cost = term
			} else {
				cost = graph.Add(cost, term)
			}
		}
		outputs := grad(t, cost, b.wrt...)
		want, err := ref.Eval(b.at, outputs...)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		first := uint64(0)
		for i, c := range []compile.Checkpoints{{}, {States: 1}, {Every: 2}, {States: 2, Mixed: true}} {
			p, err := testkit.Compile(compile.Config{Checkpoints: c}, outputs...)
			if err != nil {
				t.Errorf("seed %d, %+v: %v", seed, c, err)
				break
			}
			for _, in := range p.Code().Instrs {
				if in.Op == vm.OpCall && in.Call.Sweep != nil {
					sweeps++
				}
			}
			got, err := testkit.Run(vm.NewMachine(p, [][]vm.Option{{vm.WithThreads(2)}, {vm.WithNativeAhead()}, {vm.WithoutNative()}}[i%3]...), b.at)
			if err != nil {
				t.Fatalf("seed %d, %+v: %v", seed, c, err)
			}
			if d := digest(got); i == 0 {
				first = d
			} else if d != first {
				t.Errorf("seed %d, %+v: other bits", seed, c)
			}
			for k := range want {
				if err := testkit.CloseTo(got[k], want[k], 1e-9, 1e-12); err != nil && testkit.Finite(want[k]) {
					t.Errorf("seed %d, %+v: output %d: %v", seed, c, k, err)
				}
			}
		}
	}
	t.Logf("%d sweeps that keep few states", sweeps)
	if sweeps < int(*loopSeeds/4) {
		t.Errorf("only %d sweeps keep few states", sweeps)
	}
}
