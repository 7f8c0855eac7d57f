package testkit

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/ref"
)

// RandomCase is a random graph with a cost and its derivatives.
type RandomCase struct {
	Graph *graph.Graph
	At    Point
	// Outputs are some values of the graph, the cost, its gradient, and the Hessian times a direction, in both
	// orders of modes.
	Outputs []*graph.Node
	// Cost, Wrt, Gradient and HVP (forward over reverse) are among the outputs.
	Cost          *graph.Node
	Wrt           []*graph.Node
	Gradient, HVP []*graph.Node
	// Loops and branches, and how deep bodies lie within one another.
	Loops, Deepest int
}

// RandomConfig bounds random graphs.
type RandomConfig struct {
	DType     graph.DType
	Operators int
	Scalars   bool // scalars and elements of small arrays only: straight-line code
	MaxSize   int  // elements of one value
	Order     int  // derivatives: 0, 1 or 2
	Control   bool // loops and branches
	Long      bool // some loops of many steps
}

// builder grows a random graph.
type builder struct {
	c    RandomConfig
	r    *rand.Rand
	g    *graph.Graph
	at   Point
	pool []*graph.Node // floats
	wrt  []*graph.Node

	ints, bools    []*graph.Node // scalars
	depth          int           // bodies around what is made
	Loops, Deepest int
}

// Random returns the random graph with the given seed. Equal seeds and bounds give equal graphs.
func Random(seed uint64, c RandomConfig) (*RandomCase, error) {
	b := &builder{c: c, r: rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15)), g: graph.New(), at: Point{}}
	shapes := []graph.Shape{{}, {}, {3}, {2, 3}, {2, 1}, {1, 3}, {2, 2, 3}, {3, 3}}
	if c.Scalars {
		shapes = []graph.Shape{{}, {}, {}, {}, {4}, {2, 2}}
	} else if b.r.IntN(6) == 0 {
		shapes = []graph.Shape{{}, {700}, {2, 700}, {700}, {1, 1}, {2, 1}}
	}
	for i := range 2 + b.r.IntN(4) {
		s := shapes[b.r.IntN(len(shapes))]
		x := b.input(fmt.Sprintf("x%d", i), graph.Type{DType: c.DType, Shape: s})
		b.pool = append(b.pool, x)
		b.wrt = append(b.wrt, x)
	}
	if c.Control {
		b.addSwitches()
	}
	for range c.Operators {
		y := b.step()
		if err := b.g.Err(); err != nil {
			return nil, fmt.Errorf("seed %d: %w", seed, err)
		}
		if y.Shape().Size() <= c.MaxSize {
			b.pool = append(b.pool, y)
		}
	}
	rc := &RandomCase{Graph: b.g, At: b.at, Wrt: b.wrt, Loops: b.Loops, Deepest: b.Deepest}
	for range 1 + b.r.IntN(3) {
		rc.Outputs = append(rc.Outputs, b.any())
	}
	terms := []*graph.Node{b.pool[len(b.pool)-1], b.any(), b.any()}
	for i, y := range terms {
		w := b.input(fmt.Sprintf("w%d", i), y.Type())
		term := graph.Sum(graph.Mul(w, b.tame(y)))
		if rc.Cost == nil {
			rc.Cost = term
		} else {
			rc.Cost = graph.Add(rc.Cost, term)
		}
	}
	rc.Outputs = append(rc.Outputs, rc.Cost)
	if c.Order == 0 {
		return rc, b.g.Err()
	}
	var err error
	if rc.Gradient, err = compile.Gradient(rc.Cost, b.wrt...); err != nil {
		return nil, fmt.Errorf("seed %d: %w", seed, err)
	}
	rc.Outputs = append(rc.Outputs, rc.Gradient...)
	if c.Order == 1 {
		return rc, b.g.Err()
	}
	var d []*graph.Node
	var s *graph.Node
	for i, x := range b.wrt {
		d = append(d, b.input(fmt.Sprintf("d%d", i), x.Type()))
		term := graph.Sum(graph.Mul(d[i], rc.Gradient[i]))
		if s == nil {
			s = term
		} else {
			s = graph.Add(s, term)
		}
	}
	if rc.HVP, err = compile.JVP(rc.Gradient, b.wrt, d); err != nil {
		return nil, fmt.Errorf("seed %d: %w", seed, err)
	}
	reverse, err := compile.Gradient(s, b.wrt...)
	if err != nil {
		return nil, fmt.Errorf("seed %d: %w", seed, err)
	}
	rc.Outputs = append(append(rc.Outputs, rc.HVP...), reverse...)
	return rc, b.g.Err()
}

func (b *builder) input(name string, t graph.Type) *graph.Node {
	x := b.g.Input(name, t.DType, t.Shape...)
	b.at[x] = Spread(t, -1.5, 1.5, b.r.IntN(1000))
	return x
}

func (b *builder) any() *graph.Node { return b.pool[b.r.IntN(len(b.pool))] }

// recent prefers values made late, so that graphs grow deep.
func (b *builder) recent() *graph.Node {
	if k := len(b.pool); b.r.IntN(2) == 0 {
		return b.pool[k-1-b.r.IntN(min(k, 4))]
	}
	return b.any()
}

// tame bounds a value.
func (b *builder) tame(x *graph.Node) *graph.Node {
	if b.r.IntN(2) == 0 {
		return graph.Sin(x)
	}
	return graph.Tanh(x)
}

var randomUnary = []func(x *graph.Node) *graph.Node{
	graph.Sin, graph.Cos, graph.Tanh, graph.Neg, graph.Square, graph.Sigmoid, graph.Softplus, graph.Atan, graph.Erf, graph.Abs, graph.Relu,
	func(x *graph.Node) *graph.Node { return graph.Exp(graph.Neg(graph.Square(x))) },
	func(x *graph.Node) *graph.Node { return graph.Log(graph.Add(graph.Like(x, 1.25), graph.Square(x))) },
	func(x *graph.Node) *graph.Node { return graph.Sqrt(graph.Add(graph.Like(x, 2), graph.Sin(x))) },
	func(x *graph.Node) *graph.Node { return graph.Rsqrt(graph.Add(graph.Like(x, 1.5), graph.Square(x))) },
	func(x *graph.Node) *graph.Node { return graph.Mul(graph.Like(x, -0.5), x) },
	func(x *graph.Node) *graph.Node { return graph.Div(x, graph.Like(x, 4)) },
	func(x *graph.Node) *graph.Node { return graph.Sub(graph.Like(x, 1), x) },
	func(x *graph.Node) *graph.Node { return graph.Add(x, graph.Like(x, 0)) },
	func(x *graph.Node) *graph.Node { return graph.Pow(graph.Tanh(x), graph.Like(x, 3)) },
	func(x *graph.Node) *graph.Node { return graph.StopGradient(x) },
	func(x *graph.Node) *graph.Node { return graph.Identity(x) },
}

var randomBinary = []func(x, y *graph.Node) *graph.Node{
	graph.Add, graph.Sub, graph.Mul, graph.Mul, graph.Add, graph.Max, graph.Min, graph.MulNoNan,
	func(x, y *graph.Node) *graph.Node { return graph.Div(x, graph.Add(graph.Like(y, 2.5), graph.Sin(y))) },
	func(x, y *graph.Node) *graph.Node { return graph.Sub(x, graph.Neg(y)) },
	func(x, y *graph.Node) *graph.Node {
		return graph.Hypot(x, graph.Add(graph.Like(y, 1.5), graph.Tanh(y)))
	},
	func(x, y *graph.Node) *graph.Node {
		return graph.Pow(graph.Add(graph.Like(x, 2), graph.Sin(x)), graph.Tanh(y))
	},
	func(x, y *graph.Node) *graph.Node { return graph.FMA(x, y, graph.Neg(x)) },
}

func (b *builder) step() *graph.Node {
	if b.c.Control && b.depth < maxControlDepth && b.r.IntN(5) == 0 {
		return b.control()
	}
	x := b.recent()
	if b.c.Scalars {
		switch {
		case !x.Type().IsScalar():
			return b.element(x)
		case b.r.IntN(12) == 0:
			return b.assembled()
		}
	}
	switch b.r.IntN(20) {
	case 0, 1, 2, 3, 4:
		return randomUnary[b.r.IntN(len(randomUnary))](x)
	case 5, 6, 7, 8, 9:
		return b.binary(x)
	case 10:
		return b.where(x)
	}
	if x.Type().IsScalar() || b.c.Scalars {
		if b.c.Scalars {
			return b.binary(x)
		}
		return graph.BroadcastTo(x, []graph.Shape{{3}, {2, 3}, {1, 1}, {2, 1, 3}}[b.r.IntN(4)]...)
	}
	return b.structural(x)
}

func (b *builder) element(x *graph.Node) *graph.Node {
	idx := make([]int, x.Shape().Rank())
	for d := range idx {
		idx[d] = b.r.IntN(x.Shape()[d])
	}
	return graph.Index(x, idx...)
}

// assembled makes an array of scalars.
func (b *builder) assembled() *graph.Node {
	n := 2 + b.r.IntN(3)
	var pieces []*graph.Node
	for range 64 {
		if p := b.any(); p.Type().IsScalar() {
			if pieces = append(pieces, p); len(pieces) == n {
				break
			}
		}
	}
	if len(pieces) == 0 {
		return b.element(b.pool[0])
	}
	indices := b.r.Perm(5)[:len(pieces)]
	return graph.IndexTranspose(graph.Shape{5}, indices, pieces...)
}

// partner returns a value that broadcasts with x.
func (b *builder) partner(x *graph.Node) *graph.Node {
	for range 8 {
		y := b.any()
		if s, err := graph.BroadcastShapes(x.Shape(), y.Shape()); err == nil && s.Size() <= b.c.MaxSize {
			return y
		}
	}
	if b.r.IntN(2) == 0 {
		return graph.Like(x, []float64{0, 1, -1, 2, 0.75}[b.r.IntN(5)])
	}
	return x
}

func (b *builder) binary(x *graph.Node) *graph.Node {
	y := b.partner(x)
	if b.r.IntN(2) == 0 {
		x, y = y, x
	}
	z := randomBinary[b.r.IntN(len(randomBinary))](x, y)
	if b.r.IntN(4) == 0 {
		z = b.tame(z)
	}
	return z
}

// where selects by a comparison of inputs: those of computed values would depend on their rounding.
func (b *builder) where(x *graph.Node) *graph.Node {
	y := b.partner(x)
	var c *graph.Node
	for range 8 {
		w := b.wrt[b.r.IntN(len(b.wrt))]
		s, err := graph.BroadcastShapes(x.Shape(), y.Shape(), w.Shape())
		if err == nil && s.Size() <= b.c.MaxSize {
			c = graph.Less(w, graph.Like(w, b.r.Float64()-0.5))
			break
		}
	}
	if c == nil {
		c = graph.Constant(b.g, []bool{b.r.IntN(2) == 0})
	}
	if b.r.IntN(3) == 0 {
		c = graph.LogicalNot(c)
	}
	if b.r.IntN(3) == 0 {
		return graph.Where(c, graph.Where(c, x, y), graph.Mul(x, y))
	}
	return graph.Where(c, x, y)
}

func (b *builder) structural(x *graph.Node) *graph.Node {
	s := x.Shape()
	rank := s.Rank()
	axis := b.r.IntN(rank)
	var opts []graph.ReduceOption
	if b.r.IntN(2) == 0 {
		opts = append(opts, graph.KeepDims)
	}
	axes := slices.Clone(b.r.Perm(rank)[:b.r.IntN(rank+1)])
	switch b.r.IntN(16) {
	case 0:
		return graph.ReduceSum(x, axes, opts...)
	case 1:
		return graph.ReduceMean(x, axes, opts...)
	case 2:
		if s.Size() <= 40 {
			return graph.ReduceProd(x, axes, opts...)
		}
		return graph.ReduceMin(x, axes, opts...)
	case 3:
		return graph.ReduceMax(x, axes, opts...)
	case 4:
		return graph.LogSumExp(x, axes, opts...)
	case 5:
		return graph.Softmax(x, axis)
	case 6:
		return graph.Transpose(x, b.r.Perm(rank)...)
	case 7:
		if b.r.IntN(2) == 0 {
			return graph.ExpandDims(x, b.r.IntN(rank+1))
		}
		return graph.Reshape(x, -1)
	case 8:
		if s.Size() > b.c.MaxSize/2 {
			return graph.Neg(x)
		}
		return graph.Concat(axis, x, graph.Sin(x))
	case 9, 10:
		ranges := make([]graph.Range, rank)
		for d, e := range s {
			switch lo := b.r.IntN(e); b.r.IntN(3) {
			case 0:
				ranges[d] = graph.Range{Start: lo, Limit: lo + 1 + b.r.IntN(e-lo)}
			case 1:
				ranges[d] = graph.Range{Start: lo, Limit: graph.All, Step: 1 + b.r.IntN(2)}
			default:
				ranges[d] = graph.Range{Start: lo, Limit: graph.All, Step: -1}
			}
		}
		return graph.Slice(x, ranges...)
	case 11:
		idx := make([]int64, 2+b.r.IntN(2))
		for i := range idx {
			idx[i] = int64(b.r.IntN(2*s[axis]) - s[axis])
		}
		return graph.Gather(x, graph.Constant(b.g, idx, len(idx)), axis)
	case 12:
		idx := make([]int, 1+b.r.IntN(rank))
		for d := range idx {
			idx[d] = b.r.IntN(s[d])
		}
		return graph.Index(x, idx...)
	case 13, 14:
		if rank >= 2 && s.Size() <= 40 {
			return graph.MatMul(x, graph.Transpose(b.tame(x), swapLast(rank)...))
		}
		return graph.LogSoftmax(x, axis)
	}
	return graph.BroadcastTo(x, append([]int{2}, s...)...)
}

func swapLast(rank int) []int {
	p := make([]int, rank)
	for i := range p {
		p[i] = i
	}
	p[rank-1], p[rank-2] = rank-2, rank-1
	return p
}

// CheckRandom evaluates the case and compares the programs of the configurations with the interpreter, to
// a relative bound and, where terms cancel, a hundred roundings of terms of size 1.
func CheckRandom(rc *RandomCase, bound float64, configs ...compile.Config) error {
	for _, hook := range GraphHooks {
		if err := hook(rc.Graph, rc.Outputs); err != nil {
			return err
		}
	}
	want, err := ref.Eval(rc.At, rc.Outputs...)
	if err != nil {
		return err
	}
	cancelled := 100 * 0x1p-53
	if rc.Cost.DType() == graph.Float32 {
		cancelled = 100 * 0x1p-24
	}
	for _, c := range configs {
		got, err := CompileAndRun(c, rc.At, rc.Outputs...)
		if err != nil {
			return fmt.Errorf("%+v: %w", c, err)
		}
		for i := range want {
			if err := CloseTo(got[i], want[i], bound, cancelled); err != nil {
				return fmt.Errorf("%+v: output %d (%v): %w", c, i, rc.Outputs[i].Op().Name, err)
			}
		}
	}
	return nil
}
