package testkit

import (
	"errors"
	"flag"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/jet"
	"github.com/adjoint-go/adjoint/internal/ref"
	"github.com/adjoint-go/adjoint/vm"
)

var fullNet = flag.Bool("net", false, "check derivatives of every composition at every order in TestDerivativeNet, for minutes")

// TestDerivativeNet checks derivatives where derivative rules tend to be wrong: at whole numbers, zeros of both signs, ones and ties, at orders 1 to 4, in every
// nesting of reverse and forward mode (2ᵏ at order k), and by Taylor coefficients, HVP, Hessian, sparse Hessian, sparse Jacobian and Batch. The truth is internal/jet,
// which knows definitions and power series and no derivative rule; where it has none, the nestings are compared with one another.
func TestDerivativeNet(t *testing.T) {
	n := &net{t: t, used: map[*exclusion]int{}}
	for _, op := range graph.Ops() {
		if op.Family == graph.FamilyUser || !op.Differentiable() || unsampled[op.Name] != "" || op.Name == "identity" {
			continue
		}
		n.operator(op)
	}
	for _, c := range compositions(*fullNet) {
		n.subject(c)
	}
	t.Logf("%d (subject, point, nesting) with a truth, %d compared with one another, %d excluded; %d subjects, %d without a truth: %s",
		n.checked, n.paired, n.excluded, n.subjects, len(n.unknown), strings.Join(n.unknown, ", "))
	for i := range exclusions {
		if n.used[&exclusions[i]] == 0 && (*fullNet || !exclusions[i].full) {
			t.Errorf("the exclusion %q of %s excludes nothing", exclusions[i].reason, exclusions[i].name)
		}
	}
	if n.checked < 200000 || n.paired < 5000 || n.subjects < 900 {
		t.Errorf("the net has holes: %d checked, %d compared, %d subjects", n.checked, n.paired, n.subjects)
	}
}

// subject is a function whose derivatives are checked.
type subject struct {
	name     string
	operands []graph.SampleInput
	build    func(in []*graph.Node) *graph.Node
	// pointwise results depend on the operands' elements at the same place alone: each element is a point.
	pointwise bool
	points    []netPoint
	order     int
}

// netPoint gives the operands' values by their position.
type netPoint []ref.Value

// exclusion is what the net leaves out, with the reason.
type exclusion struct {
	name   string // of the subject; * stands for anything
	order  int    // and above
	at     func(x []float64) bool
	reason string
	full   bool // meets only what -net adds
}

var exclusions = []exclusion{
	{"atan2*", 1, origin, "the angle of the origin has no derivative", false},
	{"qr*", 1, nil, "matrices without full rank have no derivative", false},
	{"pinv*", 2, nil, "at a matrix without full rank the derivative is that along matrices of the same rank: a second one in other directions is not symmetric", false},
	{"polar_factor*", 2, nil, "the factor is not unique where two singular values are 0", false},
	{"matrix_norm*", 2, nil, "forward mode differentiates all singular vectors, and refuses where some that are not used belong to equal singular values", false},
	{"(*)^(x^x)", 3, origin, "x^y at x = 0 where both change: infinities of both signs meet", true},
	{"pow_derivative*", 1, func(x []float64) bool { return x[0] == 0 }, "the expansion has a constant for the convention at (0, 0), where derivatives are infinite", false},
	{"x^x/x^x", 1, func(x []float64) bool { return x[0] <= 0 }, "a base that is not positive has no derivative by the exponent; in reverse mode its adjoint is 0 and wins", true},
}

func origin(x []float64) bool {
	for _, v := range x {
		if v != 0 {
			return false
		}
	}
	return true
}

type net struct {
	t                                   *testing.T
	checked, paired, excluded, subjects int
	unknown                             []string
	used                                map[*exclusion]int
}

// grids are the values of elementwise operators' operands, by their number.
var grids = map[int][]float64{
	1: {-3, -2, -1, -0.5, math.Copysign(0, -1), 0, 0.25, 0.5, 1, 2, 3},
	2: {-2, -1, math.Copysign(0, -1), 0, 0.5, 1, 2, 3},
	3: {-1, 0, 0.5, 1, 2},
}

// operator checks an operator at the samples' shapes and attributes; elementwise ones at all combinations of a grid.
func (n *net) operator(op *graph.Op) {
	seen := map[string]bool{}
	for k, s := range op.Samples {
		key := s.Attrs.String()
		if op.Elementwise && s.Build == nil && seen[key] {
			continue
		}
		seen[key] = true
		c := subject{name: fmt.Sprintf("%s%s", op.Name, key), order: jet.Order}
		c.build = func(in []*graph.Node) *graph.Node {
			return Build(in[0].Graph(), op, s, in)
		}
		if op.Elementwise && s.Build == nil {
			c.pointwise = true
			c.operands, c.points = gridPoints(s.In)
			n.subject(c)
			n.literals(c, s.In)
			continue
		}
		c.name = fmt.Sprintf("%s#%d", c.name, k)
		c.operands = s.In
		c.points = patterns(s.In)
		if !*fullNet {
			c.order = 3
		}
		n.subject(c)
	}
}

// literals checks an operator with two operands where one is a constant of the graph: rules and rewrites know its value.
func (n *net) literals(c subject, in []graph.SampleInput) {
	if len(in) != 2 || in[0].Constant || in[1].Constant {
		return
	}
	for k := range in {
		for _, v := range []float64{-1, 0, 0.5, 1, 2, 3} {
			l := c
			l.name = fmt.Sprintf("%s with operand %d = %v", c.name, k, v)
			l.operands, l.points = gridPoints(in[:1])
			l.build = func(x []*graph.Node) *graph.Node {
				both := []*graph.Node{x[0], x[0]}
				both[k] = graph.Like(x[0], v)
				return c.build(both)
			}
			if !*fullNet {
				l.order = 3
			}
			n.subject(l)
		}
	}
}

// gridPoints spreads operands over all combinations of the grid.
func gridPoints(in []graph.SampleInput) ([]graph.SampleInput, []netPoint) {
	grid := grids[len(in)]
	size := 1
	for range in {
		size *= len(grid)
	}
	operands := make([]graph.SampleInput, len(in))
	p := make(netPoint, len(in))
	step := 1
	for k, x := range in {
		operands[k] = x
		operands[k].Type.Shape = graph.Shape{size}
		v := ref.New(operands[k].Type)
		for i := range size {
			g := grid[i/step%len(grid)]
			switch {
			case v.B != nil:
				v.B[i] = g > 0.5
			case v.I != nil:
				v.I[i] = int64(g)
			case x.Constant:
				v.F[i] = math.Abs(math.Round(g))
			default:
				v.F[i] = g
			}
		}
		p[k] = v
		step *= len(grid)
	}
	return operands, []netPoint{p}
}

// patterns gives float operands zeros, ones, ties and whole numbers beside the sample's own values.
func patterns(in []graph.SampleInput) []netPoint {
	fills := []func(k, i int, s graph.Shape) float64{
		nil,
		func(int, int, graph.Shape) float64 { return 0 },
		func(int, int, graph.Shape) float64 { return 1 },
		func(k, i int, _ graph.Shape) float64 { return []float64{1, 1, 2, 2, 0, 0}[(i+k)%6] },
		func(k, i int, _ graph.Shape) float64 { return float64((i*7+k)%5 - 2) },
		func(k, i int, _ graph.Shape) float64 {
			return []float64{0, 1, 0, 0.5, 2, math.Copysign(0, -1), -1}[(i*3+k)%7]
		},
		// Multiples of the unit matrix.
		func(k, i int, s graph.Shape) float64 {
			if r := len(s); r >= 2 && i/s[r-1]%s[r-2] != i%s[r-1] {
				return 0
			}
			return float64(k + 1)
		},
	}
	var points []netPoint
	for _, fill := range fills {
		p := make(netPoint, len(in))
		for k, x := range in {
			p[k] = SampleValue(x, k, graph.Float64)
			if fill == nil || x.Constant || p[k].F == nil {
				continue
			}
			v := ref.New(p[k].Type)
			for i := range v.F {
				v.F[i] = fill(k, i, v.Type.Shape)
			}
			p[k] = v
		}
		points = append(points, p)
	}
	return points
}

// direction is operand k's along infinitesimal i: generic numbers of size 1.
func direction(t graph.Type, i, k int) []float64 {
	v := make([]float64, t.Shape.Size())
	for j := range v {
		_, f := math.Modf(float64(i*31+k*17+j*7+1) * 0.6180339887498949)
		v[j] = math.Copysign(0.4+f, math.Cos(float64(3*i+5*k+2*j)))
	}
	return v
}

// built is the graph of a subject with all its derivatives along fixed directions.
type built struct {
	y       *graph.Node
	in      []*graph.Node
	wrt     []*graph.Node
	index   []int // of wrt among the operands
	seeds   [][]*graph.Node
	outputs []*graph.Node
	what    []string
	orders  []int
	same    []bool // all directions are the first one
}

func (n *net) subject(c subject) {
	n.subjects++
	b, err := c.derive()
	if err != nil {
		n.t.Errorf("%s: %v", c.name, err)
		return
	}
	if b == nil {
		n.subjects--
		return
	}
	p, err := compile.Config{}.Compile(b.outputs...)
	if err != nil {
		n.t.Errorf("%s: %v", c.name, err)
		return
	}
	m := vm.NewMachine(p)
	unknown := false
	value, err := ref.Make(b.y)
	if err != nil {
		n.t.Errorf("%s: %v", c.name, err)
		return
	}
	for _, point := range c.points {
		at := Point{}
		for k, x := range b.in {
			at[x] = point[k]
		}
		if v, err := value.Run(at); err != nil || !c.pointwise && !Finite(v[0]) {
			continue // outside the domain
		}
		mixed, same, err := b.truth(point, c.order)
		var u jet.Unknown
		if unknown = errors.As(err, &u); err != nil && !unknown {
			n.t.Errorf("%s: %v", c.name, err)
			continue
		}
		for _, seeds := range b.seeds {
			for k, s := range seeds {
				at[s] = ref.Of(s.Type(), direction(s.Type(), seedNumber(s), b.index[k])...)
			}
		}
		for k := range at {
			if !usedBy(p, k.Name()) {
				delete(at, k)
			}
		}
		got, err := Run(m, at)
		if err != nil {
			n.refused(c, b, point, at, mixed, same, unknown)
			continue
		}
		n.compare(c, b, point, got, mixed, same, unknown)
		if c.pointwise && !unknown {
			n.matrices(c, b, point, mixed)
		}
	}
	if unknown {
		n.unknown = append(n.unknown, c.name)
	}
}

// refused checks a point at which the run of some derivative ends in an error, order by order: all nestings refuse, or none does.
func (n *net) refused(c subject, b *built, point netPoint, at Point, mixed, same jet.Value, unknown bool) {
	for k := 1; k <= 2; k++ {
		var some built
		var got []ref.Value
		var refusals []string
		for o, y := range b.outputs {
			if b.orders[o] != k {
				continue
			}
			p, err := compile.Config{}.Compile(y)
			if err != nil {
				n.t.Errorf("%s: %v", c.name, err)
				return
			}
			here := Point{}
			for x, v := range at {
				if usedBy(p, x.Name()) {
					here[x] = v
				}
			}
			v, err := Run(vm.NewMachine(p), here)
			if err != nil {
				refusals = append(refusals, b.what[o]+": "+err.Error())
				continue
			}
			some.add(y, b.what[o], k, b.same[o])
			got = append(got, v[0])
		}
		switch {
		case len(refusals) > 0 && len(got) > 0:
			if !n.skip(c.name, k, elementsAt(point, 0, c.pointwise)) {
				n.t.Errorf("%s: at %v, order %d: %s gives %v, %s", c.name, elementsAt(point, 0, c.pointwise), k, some.what[0], got[0].F[0], refusals[0])
			}
			return
		case len(refusals) > 0:
			n.paired += len(refusals)
			return
		}
		n.compare(c, &some, point, got, mixed, same, unknown)
	}
}

func usedBy(p *vm.Program, name string) bool {
	for _, s := range p.Inputs() {
		if s.Name == name {
			return true
		}
	}
	return false
}

func seedNumber(s *graph.Node) (i int) {
	fmt.Sscanf(s.Name(), "d%d_", &i)
	return i
}

// derive appends the derivatives in all nestings.
func (c subject) derive() (*built, error) {
	g, b := graph.New(), &built{}
	for k, o := range c.operands {
		t := o.Type
		x := g.Input(fmt.Sprintf("x%d", k), t.DType, t.Shape...)
		b.in = append(b.in, x)
		if t.DType.IsFloat() && !o.Constant {
			b.wrt, b.index = append(b.wrt, x), append(b.index, k)
		}
	}
	y := c.build(b.in)
	if err := g.Err(); err != nil {
		return nil, err
	}
	y = c.scalar(g, y)
	if y == nil || len(b.wrt) == 0 {
		return nil, nil
	}
	b.y = y
	for i := range c.order {
		var seeds []*graph.Node
		for k, x := range b.wrt {
			seeds = append(seeds, g.Input(fmt.Sprintf("d%d_%d", i, k), x.DType(), x.Shape()...))
		}
		b.seeds = append(b.seeds, seeds)
	}
	level, names := []*graph.Node{y}, []string{""}
	for i := range c.order {
		var next []*graph.Node
		var nextNames []string
		for j, f := range level {
			r, err := c.reverse(f, b.wrt, b.seeds[i])
			if err != nil {
				return nil, fmt.Errorf("reverse of %q: %w", names[j], err)
			}
			d, err := compile.JVP([]*graph.Node{f}, b.wrt, b.seeds[i])
			if err != nil {
				return nil, fmt.Errorf("forward of %q: %w", names[j], err)
			}
			next = append(next, r, d[0])
			nextNames = append(nextNames, names[j]+"r", names[j]+"f")
		}
		level, names = next, nextNames
		for j, f := range level {
			b.add(f, names[j], i+1, false)
		}
	}
	rows, err := compile.Taylor(c.order, []*graph.Node{y}, b.wrt, [][]*graph.Node{b.seeds[0]})
	if err != nil {
		return nil, fmt.Errorf("Taylor: %w", err)
	}
	factorial := 1.0
	for k := 1; k <= c.order; k++ {
		factorial *= float64(k)
		b.add(graph.Mul(rows[k][0], graph.Like(rows[k][0], factorial)), "Taylor", k, true)
	}
	if c.order >= 2 {
		cost := y
		if c.pointwise {
			cost = graph.Sum(y)
		}
		h, err := compile.HVP(cost, b.wrt, b.seeds[1])
		if err != nil {
			return nil, fmt.Errorf("HVP: %w", err)
		}
		b.add(c.dot(h, b.seeds[0]), "HVP", 2, false)
		if err := c.arrays(b); err != nil {
			return nil, err
		}
	}
	return b, g.Err()
}

// arrays appends the second derivative by the Hessian, the sparse Hessian and a batch of two equal points.
func (c subject) arrays(b *built) error {
	if c.pointwise || len(b.wrt) != 1 {
		return nil
	}
	x, d, e := b.wrt[0], b.seeds[0][0], b.seeds[1][0]
	size := x.Shape().Size()
	along := func(h *graph.Node) *graph.Node {
		hd := graph.MatMul(graph.Reshape(h, size, size), graph.Reshape(d, size, 1))
		return graph.Sum(graph.Mul(graph.Reshape(hd, size), graph.Reshape(e, size)))
	}
	h, err := compile.Hessian(b.y, x)
	if err != nil {
		return fmt.Errorf("Hessian: %w", err)
	}
	b.add(along(h), "Hessian", 2, false)
	// A cost that is linear has no entries.
	if s, err := compile.SparseHessian(b.y, x); err == nil && s.NonZeros() > 0 {
		b.add(graph.Sum(graph.Mul(s.CSR().MatMul(graph.Reshape(d, size, 1)), graph.Reshape(e, size, 1))), "sparse Hessian", 2, false)
	}
	for i, what := range b.what {
		if b.orders[i] == 2 && len(what) == 2 {
			y, err := compile.Batch(b.outputs[i:i+1], []*graph.Node{x}, []*graph.Node{graph.Stack(0, x, x)})
			if err != nil {
				return fmt.Errorf("Batch: %w", err)
			}
			b.add(graph.Index(y[0], 1), "batched "+what, 2, false)
		}
	}
	return nil
}

// matrices checks the Hessian and the sparse derivatives of the sum of a pointwise subject at the points where it is smooth, and batches of scalars.
func (n *net) matrices(c subject, b *built, point netPoint, truth jet.Value) {
	var picks []int
	for i := range truth.C[0].F {
		smooth := true
		for s := range 4 {
			x := truth.C[s].F[i]
			smooth = smooth && x-x == 0
		}
		if smooth && !n.excludes(c.name, 2, elementsAt(point, i, true)) {
			picks = append(picks, i)
		}
	}
	for len(picks) > 24 { // every other one: a dense matrix has many entries
		for i := range len(picks) / 2 {
			picks[i] = picks[2*i+i%2]
		}
		picks = picks[:len(picks)/2]
	}
	m := len(picks)
	if m == 0 {
		return
	}
	g, at := graph.New(), Point{}
	r := len(b.wrt)
	packed := make([]float64, 0, r*m)
	batch, scalars := []*graph.Node{}, []*graph.Node{}
	input := func(name string, values []float64) *graph.Node {
		x := g.Input(name, graph.Float64, len(values))
		at[x] = ref.Of(x.Type(), values...)
		return x
	}
	add := func(name string, values []float64) *graph.Node {
		batch = append(batch, input(name, values))
		s := g.Input(name+"_", graph.Float64)
		scalars = append(scalars, s)
		return s
	}
	batched := true
	var d [2][][]float64
	var in, single, wrt []*graph.Node
	var seeds [2][]*graph.Node
	for k, v := range point {
		picked := ref.New(graph.Type{DType: v.Type.DType, Shape: graph.Shape{m}})
		for j, i := range picks {
			switch {
			case v.F != nil:
				picked.F[j] = v.F[i]
			case v.I != nil:
				picked.I[j] = v.I[i]
			default:
				picked.B[j] = v.B[i]
			}
		}
		differentiated := false
		for _, i := range b.index {
			differentiated = differentiated || i == k
		}
		if !differentiated {
			// A constant of the scalar graph cannot differ from point to point.
			l := Literal(g, picked)
			in, single = append(in, l), append(single, graph.Index(l, 0))
			batched = batched && m == 1
			continue
		}
		packed = append(packed, picked.F...)
		in = append(in, nil)
		s := add(fmt.Sprintf("x%d", k), picked.F)
		single, wrt = append(single, s), append(wrt, s)
		for o := range d {
			all, some := direction(v.Type, o, k), make([]float64, m)
			for j, i := range picks {
				some[j] = all[i]
			}
			d[o] = append(d[o], some)
			seeds[o] = append(seeds[o], add(fmt.Sprintf("d%d_%d", o, k), some))
		}
	}
	x := input("x", packed)
	j := 0
	for k := range in {
		if in[k] == nil {
			in[k] = graph.Slice(x, graph.Range{Start: j * m, Limit: (j + 1) * m, Step: 1})
			j++
		}
	}
	y := c.build(in)
	var outputs []*graph.Node
	var what []string
	var patterns []*compile.SparseMatrix
	h, err := compile.Hessian(graph.Sum(y), x)
	if err != nil {
		n.t.Errorf("%s: Hessian: %v", c.name, err)
		return
	}
	outputs, what, patterns = append(outputs, h), append(what, "Hessian"), append(patterns, nil)
	if s, err := compile.SparseHessian(graph.Sum(y), x); err == nil && s.NonZeros() > 0 {
		outputs, what, patterns = append(outputs, s.Values), append(what, "sparse Hessian"), append(patterns, s)
	}
	if s, err := compile.SparseJacobian(y, x); err == nil && s.NonZeros() > 0 {
		outputs, what, patterns = append(outputs, s.Values), append(what, "sparse Jacobian"), append(patterns, s)
	}
	if batched {
		f := c.build(single)
		c.pointwise = false
		for i, name := range []string{"rr", "rf", "fr", "ff"} {
			f := f
			for o := range 2 {
				if i>>(1-o)&1 == 0 {
					f, err = c.reverse(f, wrt, seeds[o])
				} else {
					var dots []*graph.Node
					if dots, err = compile.JVP([]*graph.Node{f}, wrt, seeds[o]); err == nil {
						f = dots[0]
					}
				}
				if err != nil {
					n.t.Errorf("%s: %s of scalars: %v", c.name, name, err)
					return
				}
			}
			v, err := compile.Batch([]*graph.Node{f}, scalars, batch)
			if err != nil {
				n.t.Errorf("%s: Batch: %v", c.name, err)
				return
			}
			outputs, what, patterns = append(outputs, v[0]), append(what, "batched "+name), append(patterns, nil)
		}
	}
	p, err := compile.Config{}.Compile(outputs...)
	if err != nil {
		n.t.Errorf("%s: %v", c.name, err)
		return
	}
	for k := range at {
		if !usedBy(p, k.Name()) {
			delete(at, k)
		}
	}
	got, err := Run(vm.NewMachine(p), at)
	if err != nil {
		n.t.Errorf("%s: %v", c.name, err)
		return
	}
	for o, v := range got {
		failed := 0
		sums, order := make([]float64, m), 2
		entry := func(i, j int, v float64) {
			switch p, q := i%m, j%m; {
			case p != q && v != 0:
				if failed++; failed == 1 {
					n.t.Errorf("%s: %s: entry (%d, %d) of different points is %v", c.name, what[o], i, j, v)
				}
			case p != q:
			case what[o] == "sparse Jacobian":
				order = 1
				sums[p] += v * d[0][j/m][p]
			default:
				sums[p] += d[0][i/m][p] * v * d[1][j/m][p]
			}
		}
		switch s := patterns[o]; {
		case s != nil:
			for i := range s.Rows {
				for e := s.Start[i]; e < s.Start[i+1]; e++ {
					entry(i, int(s.Cols[e]), v.F[e])
				}
			}
			if what[o] == "sparse Jacobian" {
				order = 1
			}
		case what[o] == "Hessian":
			for i, h := range v.F {
				entry(i/(r*m), i%(r*m), h)
			}
		default:
			copy(sums, v.F)
		}
		for j, i := range picks {
			if want := truth.C[1<<order-1].F[i]; !closeTo(sums[j], want) {
				if failed++; failed <= 3 {
					n.t.Errorf("%s: at %v, %s: %v, want %v", c.name, elementsAt(point, i, true), what[o], sums[j], want)
				}
			} else {
				n.checked++
			}
		}
	}
}

func (b *built) add(y *graph.Node, what string, order int, same bool) {
	b.outputs, b.what, b.orders, b.same = append(b.outputs, y), append(b.what, what), append(b.orders, order), append(b.same, same)
}

// scalar is the weighted sum of all float results, or the result of a pointwise subject.
func (c subject) scalar(g *graph.Graph, y *graph.Node) *graph.Node {
	if c.pointwise {
		if !y.DType().IsFloat() {
			return nil
		}
		return y
	}
	var sum *graph.Node
	for i := range max(1, len(y.Results())) {
		r := graph.Result(y, i)
		if r.DType().IsFloat() {
			w := graph.Constant(g, direction(r.Type(), 9, i), r.Shape()...)
			term := graph.Sum(graph.Mul(r, w))
			if sum == nil {
				sum = term
			} else {
				sum = graph.Add(sum, term)
			}
		}
	}
	return sum
}

func (c subject) reverse(f *graph.Node, wrt, seeds []*graph.Node) (*graph.Node, error) {
	a, err := compile.VJP([]*graph.Node{f}, wrt, nil)
	if err != nil {
		return nil, err
	}
	return c.dot(a, seeds), nil
}

func (c subject) dot(a, seeds []*graph.Node) *graph.Node {
	var sum *graph.Node
	for k, x := range a {
		term := graph.Mul(x, seeds[k])
		if !c.pointwise {
			term = graph.Sum(term)
		}
		if sum == nil {
			sum = term
		} else {
			sum = graph.Add(sum, term)
		}
	}
	return sum
}

// truth evaluates the subject over polynomials, with different directions and with the first one only.
func (b *built) truth(point netPoint, order int) (mixed, same jet.Value, err error) {
	for pass := range 2 {
		e := jet.New(order)
		for k, x := range b.in {
			var dirs [][]float64
			for j, i := range b.index {
				if i != k {
					continue
				}
				for o := range order {
					if pass == 1 {
						o = 0
					}
					dirs = append(dirs, direction(b.wrt[j].Type(), o, k))
				}
			}
			e.Input(x, point[k], dirs...)
		}
		v, err := e.Eval(b.y)
		if err != nil {
			return mixed, same, err
		}
		if pass == 0 {
			mixed = v
		} else {
			same = v
		}
	}
	return mixed, same, nil
}

// compare checks the outputs at one point, or for pointwise subjects at the points that the elements are.
func (n *net) compare(c subject, b *built, point netPoint, got []ref.Value, mixed, same jet.Value, unknown bool) {
	failed := 0
	fail := func(format string, args ...any) {
		if failed++; failed <= 3 {
			n.t.Errorf(c.name+": "+format, args...)
		}
	}
	elements := got[0].Len()
	for i := range elements {
		x := elementsAt(point, i, c.pointwise)
		first := map[int]int{} // output that others of the order are compared with
		var singular [jet.Order + 1]bool
		for o, v := range got {
			g, k := v.F[i], b.orders[o]
			want := math.NaN()
			if !unknown {
				truth := mixed
				if b.same[o] {
					truth = same
				}
				if !regular(truth, k, i) {
					continue
				}
				want = truth.C[1<<k-1].F[i]
			}
			if want == want {
				if !closeTo(g, want) {
					if !n.skip(c.name, k, x) {
						fail("at %v, order %d, %s: %v, want %v", x, k, b.what[o], g, want)
					}
				} else {
					n.checked++
				}
				continue
			}
			if b.same[o] {
				continue
			}
			if singular[k-1] {
				singular[k] = true
				continue
			}
			singular[k] = singular[k] || g-g != 0
			f, ok := first[k]
			if !ok {
				first[k] = o
				continue
			}
			if w := got[f].F[i]; !closeTo(g, w) {
				if !n.skip(c.name, k, x) {
					fail("at %v, order %d, %s: %v, %s: %v", x, k, b.what[o], g, b.what[f], w)
				}
			} else {
				n.paired++
			}
		}
	}
	if failed > 3 {
		n.t.Errorf("%s: %d failures in all", c.name, failed)
	}
}

// regular reports whether the value and the derivatives of orders below k are finite, or unknown: past the first infinite one, and at poles, nothing is promised.
func regular(truth jet.Value, k, i int) bool {
	if x := truth.C[0].F[i]; x-x != 0 {
		return false
	}
	for s := range 1<<k - 1 {
		if math.IsInf(truth.C[s].F[i], 0) {
			return false
		}
	}
	return true
}

// elementsAt returns the operands at a point of a pointwise subject, or the first elements of all.
func elementsAt(point netPoint, i int, pointwise bool) []float64 {
	var x []float64
	for _, v := range point {
		switch {
		case pointwise:
			x = append(x, v.Number(i))
		default:
			for k := range min(v.Len(), 4) {
				x = append(x, v.Number(k))
			}
		}
	}
	return x
}

func closeTo(got, want float64) bool {
	return got == want || got != got && want != want || math.Abs(got-want) <= 1e-9*(1+math.Abs(want))
}

// skip reports whether a failure is excluded with a reason.
func (n *net) skip(name string, order int, x []float64) bool {
	if n.excludes(name, order, x) {
		n.excluded++
		return true
	}
	return false
}

func (n *net) excludes(name string, order int, x []float64) bool {
	for i := range exclusions {
		e := &exclusions[i]
		prefix, suffix, wild := strings.Cut(e.name, "*")
		match := e.name == name || wild && strings.HasPrefix(name, prefix) && strings.HasSuffix(name, suffix)
		if match && order >= e.order && (e.at == nil || e.at(x)) {
			n.used[e]++
			return true
		}
	}
	return false
}

// compositions are functions of one operand at which whole and zero values of factors, bases, exponents and adjoints meet.
func compositions(full bool) []subject {
	like := graph.Like
	type unary struct {
		name string
		f    func(x *graph.Node) *graph.Node
	}
	base := []unary{
		{"x", func(x *graph.Node) *graph.Node { return x }},
		{"x+1", func(x *graph.Node) *graph.Node { return graph.Add(x, like(x, 1)) }},
		{"x-1", func(x *graph.Node) *graph.Node { return graph.Sub(x, like(x, 1)) }},
		{"x²", graph.Square},
		{"ln", graph.Log},
		{"√", graph.Sqrt},
		{"1/x", graph.Reciprocal},
		{"exp", graph.Exp},
		{"sin", graph.Sin},
		{"tanh", graph.Tanh},
		{"x^x", func(x *graph.Node) *graph.Node { return graph.Pow(x, x) }},
		{"x^3", func(x *graph.Node) *graph.Node { return graph.Pow(x, like(x, 3)) }},
		{"2^x", func(x *graph.Node) *graph.Node { return graph.Pow(like(x, 2), x) }},
		{"|x|", graph.Abs},
		{"σ", graph.Sigmoid},
		{"gelu", graph.Gelu},
		{"sinc", graph.Sinc},
		{"0·x", func(x *graph.Node) *graph.Node { return graph.Mul(like(x, 0), x) }},
	}
	joins := []struct {
		name string
		f    func(a, b *graph.Node) *graph.Node
	}{
		{"%s·%s", graph.Mul}, {"%s/%s", graph.Div}, {"(%s)^(%s)", graph.Pow}, {"xlogy(%s, %s)", graph.Xlogy}, {"%s ×₀ %s", graph.MulNoNan},
		{"where(x>½, %s, %s)", nil},
		{"logaddexp(%s, %s)", graph.LogAddExp}, {"hypot(%s, %s)", graph.Hypot},
	}
	var all []subject
	add := func(name string, f func(x *graph.Node) *graph.Node) {
		c := subject{name: name, order: jet.Order, pointwise: true, build: func(in []*graph.Node) *graph.Node { return f(in[0]) }}
		c.operands, c.points = gridPoints([]graph.SampleInput{{Type: graph.Type{DType: graph.Float64}}})
		if !full {
			c.order = 3
		}
		all = append(all, c)
	}
	k := 0
	pick := func() bool { k++; return full || k%7 == 0 }
	for _, a := range base {
		for _, b := range base {
			if pick() {
				add(a.name+"∘"+b.name, func(x *graph.Node) *graph.Node { return a.f(b.f(x)) })
			}
			for _, j := range joins {
				if j.f == nil {
					if pick() {
						add(fmt.Sprintf(j.name, a.name, b.name), func(x *graph.Node) *graph.Node {
							return graph.Where(graph.Greater(x, like(x, 0.5)), a.f(x), b.f(x))
						})
					}
				} else if pick() {
					add(fmt.Sprintf(j.name, a.name, b.name), func(x *graph.Node) *graph.Node { return j.f(a.f(x), b.f(x)) })
				}
			}
		}
	}
	return all
}
