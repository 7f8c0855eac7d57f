package onnx

import (
	"math"
	"slices"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/graph/onnx/internal/pb"
)

// shapes are constants and operators that move elements by rules that do not depend on values.
var shapes = []operator{
	{name: "CenterCropPad", in: centerCropPad},
	{name: "Concat", in: concat},
	{name: "Constant", in: constant},
	{name: "ConstantOfShape", in: func(c *call) []value {
		s := c.wanted(0)
		one := value{node: c.g().Scalar(graph.Float32, 0), kind: kindFloat}
		if a := c.attribute("value", pb.AttributeProto_TENSOR); a != nil {
			v, err := tensor(c.g(), a.GetT(), nil)
			if err != nil || v.node == nil || v.shape().Size() != 1 {
				c.fail("attribute value: needs one element")
			}
			one = v
		}
		return c.filled(one.kind, graph.Reshape(one.node), s)
	}},
	{name: "DepthToSpace", in: depthToSpace},
	{name: "Expand", in: func(c *call) []value {
		x := c.x(0)
		s, err := graph.BroadcastShapes(x.Shape(), c.wanted(1))
		if err != nil {
			c.fail("%w", err)
		}
		return c.out(graph.BroadcastTo(x, s...))
	}},
	{name: "EyeLike", in: func(c *call) []value {
		x := c.x(0)
		if x.Shape().Rank() != 2 {
			c.fail("the operand is %v: needs a matrix", x.Type())
		}
		k := c.kindAttr("dtype", c.in[0].kind)
		s := x.Shape()
		i, j := graph.Iota(c.g(), graph.Int64, 0, s...), graph.Iota(c.g(), graph.Int64, 1, s...)
		return c.as(k, graph.Cast(graph.Equal(j, graph.Add(i, graph.Like(i, float64(c.int("k", 0))))), k.dtype()))
	}},
	{name: "Flatten", in: func(c *call) []value {
		return c.out(c.matrix(c.x(0)))
	}},
	{name: "Pad", in: pad},
	{name: "Range", in: rangeOf, why: "of constants, as all that decides shapes"},
	{name: "Reshape", in: reshape},
	{name: "ReverseSequence", in: reverseSequence},
	{name: "Shape", in: func(c *call) []value {
		s := c.arg(0).shape()
		bound := func(name string, otherwise int) int {
			i := c.int(name, otherwise)
			if i < 0 {
				i += len(s)
			}
			return max(0, min(i, len(s)))
		}
		from, to := bound("start", 0), bound("end", len(s))
		return c.vector(s[from:max(from, to)])
	}},
	{name: "Size", in: func(c *call) []value {
		n := 1
		for _, e := range c.arg(0).shape() {
			n *= e
		}
		return c.as(kindInt64, graph.Constant(c.g(), []int{n}))
	}},
	{name: "Slice", in: slice},
	{name: "SpaceToDepth", in: func(c *call) []value {
		x, b := c.x(0), c.int("blocksize", 0)
		s := x.Shape()
		if len(s) != 4 || b < 1 || s[2]%b != 0 || s[3]%b != 0 {
			c.fail("blocks of %d of %v", b, x.Type())
		}
		x = graph.Reshape(x, s[0], s[1], s[2]/b, b, s[3]/b, b)
		return c.out(graph.Reshape(graph.Transpose(x, 0, 3, 5, 1, 2, 4), s[0], s[1]*b*b, s[2]/b, s[3]/b))
	}},
	{name: "Split", in: split},
	{name: "Squeeze", in: func(c *call) []value {
		v := c.arg(0)
		s := v.shape()
		axes, given := c.axesOf(1, 13)
		if !given {
			for i, e := range s {
				if e == 1 {
					axes = append(axes, i)
				}
			}
		}
		var to []int
		axes = c.axes(axes, len(s))
		for i, e := range s {
			if !slices.Contains(axes, i) {
				to = append(to, e)
			} else if e != 1 {
				c.fail("dimension %d of %v is not 1", i, v.Type())
			}
		}
		return c.reshaped(v, to)
	}},
	{name: "Tile", in: func(c *call) []value {
		x := c.x(0)
		reps := c.wanted(1)
		if len(reps) != x.Shape().Rank() {
			c.fail("%d repeats for %v", len(reps), x.Type())
		}
		if slices.Contains(reps, 0) {
			s := slices.Clone(x.Shape())
			for i, r := range reps {
				s[i] *= r
			}
			return []value{none(c.g(), c.in[0].kind, s)}
		}
		return c.out(graph.Tile(x, reps...))
	}},
	{name: "Transpose", in: func(c *call) []value {
		v := c.arg(0)
		perm := c.ints("perm")
		if perm == nil {
			for i := range v.shape() {
				perm = append(perm, len(v.shape())-1-i)
			}
		}
		perm = c.axes(perm, len(v.shape()))
		if len(perm) != len(v.shape()) {
			c.fail("a permutation of %d dimensions for %v", len(perm), v.Type())
		}
		if len(perm) == 0 {
			return []value{v}
		}
		return c.out(graph.Transpose(c.x(0), perm...))
	}},
	{name: "Trilu", in: trilu},
	{name: "Unsqueeze", in: func(c *call) []value {
		v := c.arg(0)
		axes, given := c.axesOf(1, 13)
		if !given {
			c.fail("needs axes")
		}
		rank := len(v.shape()) + len(axes)
		if rank > graph.MaxRank {
			c.fail("%d dimensions: %d are the most", rank, graph.MaxRank)
		}
		axes = c.axes(axes, rank)
		to, k := make([]int, rank), 0
		for i := range to {
			if to[i] = 1; !slices.Contains(axes, i) {
				to[i] = v.shape()[k]
				k++
			}
		}
		return c.reshaped(v, to)
	}},
}

// vector returns integers as the one result.
func (c *call) vector(v []int) []value {
	return c.as(kindInt64, graph.Constant(c.g(), v, len(v)))
}

// filled returns an array of the shape whose elements are all the scalar x.
func (c *call) filled(k kind, x *graph.Node, s []int) []value {
	return c.as(k, graph.BroadcastTo(x, s...))
}

// none returns an array of the shape, of which an extent is 0.
func none(g *graph.Graph, k kind, s graph.Shape) value {
	l, err := graph.NewLiteral(graph.Type{DType: k.dtype(), Shape: s}, []byte{})
	if err != nil {
		panic(mistake{err})
	}
	return value{node: g.Literal(l), kind: k}
}

// wanted returns operand i, a shape or other numbers ≥ 0 for dimensions.
func (c *call) wanted(i int) []int {
	s, ok := c.intsOf(i, "the shape")
	if !ok {
		c.fail("operand %d is missing", i)
	}
	for _, e := range s {
		if e < 0 {
			c.fail("an extent of %d", e)
		}
	}
	return s
}

// positive fails for extents of 0.
func (c *call) positive(s []int) []int {
	if slices.Contains(s, 0) {
		c.fail("an array of the shape %v has no elements", s)
	}
	return s
}

// axesOf returns axes that are operand i since a version, and an attribute before it.
func (c *call) axesOf(i, since int) ([]int, bool) {
	if c.version >= since {
		return c.intsOf(i, "axes")
	}
	axes := c.ints("axes")
	return axes, axes != nil
}

// reshaped returns v in another shape of as many elements.
func (c *call) reshaped(v value, s []int) []value {
	return []value{{node: graph.Reshape(c.b.here(v.node), s...), kind: v.kind}}
}

func constant(c *call) []value {
	if a := c.attribute("value", pb.AttributeProto_TENSOR); a != nil {
		v, err := tensor(c.g(), a.GetT(), nil)
		if err != nil {
			c.fail("attribute value: %w", err)
		}
		return []value{v}
	}
	if a := c.attribute("sparse_value", pb.AttributeProto_SPARSE_TENSOR); a != nil {
		v, err := sparse(c.g(), a.GetSparseTensor())
		if err != nil {
			c.fail("attribute sparse_value: %w", err)
		}
		return []value{v}
	}
	if a := c.attribute("value_float", pb.AttributeProto_FLOAT); a != nil {
		return c.as(kindFloat, graph.Constant(c.g(), []float32{a.GetF()}))
	}
	if a := c.attribute("value_int", pb.AttributeProto_INT); a != nil {
		return c.as(kindInt64, graph.Constant(c.g(), []int64{a.GetI()}))
	}
	if a := c.attribute("value_floats", pb.AttributeProto_FLOATS); a != nil {
		return c.as(kindFloat, graph.Constant(c.g(), a.GetFloats(), len(a.GetFloats())))
	}
	if a := c.attribute("value_ints", pb.AttributeProto_INTS); a != nil {
		return c.vector(c.ints("value_ints"))
	}
	c.fail("a constant without a value, or of strings")
	return nil
}

func concat(c *call) []value {
	xs := c.xs()
	if len(xs) == 1 {
		return c.out(xs[0])
	}
	return c.out(graph.Concat(c.axis(c.int("axis", 0), xs[0].Shape().Rank()), xs...))
}

func reshape(c *call) []value {
	v := c.arg(0)
	s, ok := c.intsOf(1, "the shape")
	if !ok {
		c.fail("needs a shape")
	}
	s = slices.Clone(s)
	size, known, open := 1, 1, -1
	for _, e := range v.shape() {
		size *= e
	}
	for i, e := range s {
		switch {
		case e == 0 && !c.bool("allowzero", false):
			if i >= len(v.shape()) {
				c.fail("the shape %v takes over dimension %d of %v", s, i, v.Type())
			}
			s[i] = v.shape()[i]
		case e == -1:
			if open >= 0 {
				c.fail("two open extents in %v", s)
			}
			open = i
			continue
		case e < 0:
			c.fail("an extent of %d", e)
		}
		if s[i] > 0 && known > graph.MaxElements/s[i] {
			c.fail("the shape %v has too many elements", s)
		}
		known *= s[i]
	}
	if open >= 0 {
		if known == 0 || size%known != 0 {
			c.fail("%v has no shape like %v", v.Type(), s)
		}
		s[open] = size / known
		known *= s[open]
	}
	if known != size {
		c.fail("%v has %d elements, the shape %v %d", v.Type(), size, s, known)
	}
	return c.reshaped(v, s)
}

// limits returns for one dimension what a slice of NumPy takes: first index, number of elements and step.
func limits(extent, start, end, step int) (first, count int) {
	low, high := 0, extent
	if step < 0 {
		low, high = -1, extent-1
	}
	clamp := func(i int) int {
		if i < 0 {
			i += extent
		}
		return max(low, min(i, high))
	}
	start, end = clamp(start), clamp(end)
	if step > 0 {
		return start, max(0, (end-start+step-1)/step)
	}
	return start, max(0, (start-end-step-1)/-step)
}

func slice(c *call) []value {
	v := c.arg(0)
	var starts, ends, axes, steps []int
	if c.version < 10 {
		starts, ends, axes = c.ints("starts"), c.ints("ends"), c.ints("axes")
	} else {
		starts, _ = c.intsOf(1, "starts")
		ends, _ = c.intsOf(2, "ends")
		axes, _ = c.intsOf(3, "axes")
		steps, _ = c.intsOf(4, "steps")
	}
	if axes == nil {
		for i := range starts {
			axes = append(axes, i)
		}
	}
	if len(ends) != len(starts) || len(axes) != len(starts) || steps != nil && len(steps) != len(starts) {
		c.fail("%d starts, %d ends, %d axes, %d steps", len(starts), len(ends), len(axes), len(steps))
	}
	s := v.shape()
	axes = c.axes(axes, len(s))
	ranges := make([]graph.Range, len(s))
	for i := range ranges {
		ranges[i] = graph.Range{Limit: graph.All}
	}
	for i, a := range axes {
		step := 1
		if steps != nil {
			step = steps[i]
		}
		if step == 0 {
			c.fail("a step of 0")
		}
		step = max(-math.MaxInt32, min(step, math.MaxInt32))
		first, count := limits(s[a], starts[i], ends[i], step)
		if count == 1 {
			step = 1
		}
		ranges[a] = graph.Range{Start: first, Limit: first + count*step, Step: step}
		if step < 0 && ranges[a].Limit < 0 {
			ranges[a].Limit = graph.All
		}
		if count == 0 {
			ranges[a] = graph.Range{}
		}
	}
	for i, e := range v.shape() { // the last step may go beyond the end
		if r := &ranges[i]; r.Step > 0 && r.Limit > e {
			r.Limit = e
		}
	}
	return c.out(graph.Slice(c.x(0), ranges...))
}

func split(c *call) []value {
	v := c.arg(0)
	s := v.shape()
	axis := c.axis(c.int("axis", 0), len(s))
	n := len(c.p.GetOutput())
	var parts []int
	given := false
	if c.version >= 13 {
		parts, given = c.intsOf(1, "the extents")
	} else {
		parts = c.ints("split")
		given = parts != nil
	}
	if !given {
		n = c.int("num_outputs", n)
		if n < 1 || n > max(1, len(c.p.GetOutput())) {
			c.fail("%d parts for %d results", n, len(c.p.GetOutput()))
		}
		each := (s[axis] + n - 1) / n
		for i := range n {
			parts = append(parts, max(0, min(each, s[axis]-i*each)))
		}
	}
	sum := 0
	for _, p := range parts {
		if p < 0 || p > s[axis] {
			c.fail("a part of %d", p)
		}
		sum += p
	}
	if sum != s[axis] {
		c.fail("parts of %v of the extent %d", parts, s[axis])
	}
	results := make([]value, len(parts))
	at := 0
	for i, p := range parts {
		results[i] = value{node: along(c.x(0), axis, at, at+p), kind: v.kind}
		at += p
	}
	return results
}

// along returns the elements from one index to another of one dimension.
func along(x *graph.Node, axis, from, to int) *graph.Node {
	ranges := make([]graph.Range, axis+1)
	for i := range ranges {
		ranges[i].Limit = graph.All
	}
	ranges[axis] = graph.Range{Start: from, Limit: to}
	return graph.Slice(x, ranges...)
}

func depthToSpace(c *call) []value {
	x, b := c.x(0), c.int("blocksize", 0)
	s := x.Shape()
	if len(s) != 4 || b < 1 || b > 1<<16 || s[1]%(b*b) != 0 {
		c.fail("blocks of %d of %v", b, x.Type())
	}
	if c.string("mode", "DCR") == "CRD" {
		x = graph.Transpose(graph.Reshape(x, s[0], s[1]/(b*b), b, b, s[2], s[3]), 0, 1, 4, 2, 5, 3)
	} else {
		x = graph.Transpose(graph.Reshape(x, s[0], b, b, s[1]/(b*b), s[2], s[3]), 0, 3, 4, 1, 5, 2)
	}
	return c.out(graph.Reshape(x, s[0], s[1]/(b*b), s[2]*b, s[3]*b))
}

func pad(c *call) []value {
	x := c.x(0)
	s := x.Shape()
	mode := c.string("mode", "constant")
	var pads, axes []int
	var fill *graph.Node
	if c.version < 11 {
		pads = c.ints("pads")
		fill = graph.Like(x, c.float("value", 0))
	} else {
		pads, _ = c.intsOf(1, "pads")
		if fill = graph.Like(x, 0); c.has(2) {
			fill = c.scalar(2)
		}
		axes, _ = c.intsOf(3, "axes")
	}
	if axes == nil {
		for i := range s {
			axes = append(axes, i)
		}
	}
	axes = c.axes(axes, len(s))
	if len(pads) != 2*len(axes) {
		c.fail("%d pads for %d axes", len(pads), len(axes))
	}
	low, high := make([]int, len(s)), make([]int, len(s))
	for i, a := range axes {
		low[a], high[a] = pads[i], pads[len(axes)+i]
	}
	// Negative pads take elements away.
	ranges := make([]graph.Range, len(s))
	for i, e := range s {
		ranges[i] = graph.Range{Start: max(0, -low[i]), Limit: e - max(0, -high[i])}
		if low[i] <= -e || high[i] <= -e || ranges[i].Start >= ranges[i].Limit {
			c.fail("pads of %d and %d take all of the extent %d away", low[i], high[i], e)
		}
		low[i], high[i] = max(0, low[i]), max(0, high[i])
	}
	x = graph.Slice(x, ranges...)
	switch mode {
	case "constant":
		return c.out(c.padded(x, low, high, fill))
	case "edge", "reflect", "wrap":
		return c.out(graph.PadMode(x, low, high, mode))
	}
	c.fail("the mode %q", mode)
	return nil
}

// padded surrounds x with a scalar.
func (c *call) padded(x *graph.Node, low, high []int, fill *graph.Node) *graph.Node {
	if fill.IsConst() && (fill.DType().IsFloat() || fill.Literal().Float(0) == math.Trunc(fill.Literal().Float(0))) && math.Abs(fill.Literal().Float(0)) < 1<<53 || fill.IsConst() && fill.DType().IsFloat() {
		return graph.Pad(x, low, high, fill.Literal().Float(0))
	}
	inside := graph.Pad(graph.FullLike(x, 1), low, high, 0)
	return graph.Where(graph.NotEqual(inside, graph.Like(inside, 0)), graph.Pad(x, low, high, 0), fill)
}

func rangeOf(c *call) []value {
	var v [3]*graph.Literal
	for i := range v {
		if v[i] = c.literal(i, "start, limit and step"); v[i].Type().Shape.Size() != 1 {
			c.fail("operand %d is %v: needs one number", i, v[i].Type())
		}
	}
	d := v[0].Type().DType
	start, limit, delta := v[0].Float(0), v[1].Float(0), v[2].Float(0)
	if delta == 0 || delta != delta {
		c.fail("a step of %v", delta)
	}
	n := math.Ceil((limit - start) / delta)
	if !(n > 0) {
		return []value{none(c.g(), c.in[0].kind, graph.Shape{0})}
	}
	if n > graph.MaxElements {
		c.fail("more than %d elements", graph.MaxElements)
	}
	x := graph.Iota(c.g(), d, 0, int(n))
	return c.out(graph.Add(c.g().Literal(scalarOf(v[0])), graph.Mul(x, c.g().Literal(scalarOf(v[2])))))
}

// scalarOf returns one element without dimensions.
func scalarOf(l *graph.Literal) *graph.Literal {
	s, err := graph.NewLiteral(graph.Type{DType: l.Type().DType}, l.Bytes())
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return s
}

func reverseSequence(c *call) []value {
	x, lens := c.x(0), c.x(1)
	s := x.Shape()
	c.need(x, 2)
	batch, time := c.axis(c.int("batch_axis", 1), len(s)), c.axis(c.int("time_axis", 0), len(s))
	if batch > 1 || time > 1 || batch == time || lens.Shape().Rank() != 1 || lens.Shape()[0] != s[batch] {
		c.fail("batch axis %d, time axis %d, lengths %v", batch, time, lens.Type())
	}
	// element t of a sequence of n comes from n − 1 − t, elements behind it stay
	t := graph.Iota(c.g(), lens.DType(), time, s[:2]...)
	n := graph.ExpandDims(lens, time)
	from := graph.Where(graph.Less(t, n), graph.Sub(graph.Sub(n, t), graph.Like(t, 1)), t)
	for i := 2; i < len(s); i++ {
		from = graph.ExpandDims(from, i)
	}
	return c.out(graph.TakeAlongAxis(x, graph.BroadcastTo(from, s...), time))
}

func trilu(c *call) []value {
	v := c.arg(0)
	if v.shape().Empty() {
		return []value{v}
	}
	x := c.x(0)
	c.need(x, 2)
	s := x.Shape()
	k := graph.Constant(c.g(), []int{0})
	if c.has(1) {
		k = c.scalar(1)
	}
	m := s[len(s)-2:]
	i, j := graph.Add(graph.Iota(c.g(), graph.Int64, 0, m...), k), graph.Iota(c.g(), graph.Int64, 1, m...)
	keep := graph.LessEqual(j, i)
	if c.bool("upper", true) {
		keep = graph.GreaterEqual(j, i)
	}
	return c.out(graph.Where(keep, x, graph.Cast(graph.Like(i, 0), x.DType())))
}

func centerCropPad(c *call) []value {
	x := c.x(0)
	s := x.Shape()
	want := c.positive(c.wanted(1))
	axes := c.ints("axes")
	if axes == nil {
		for i := range s {
			axes = append(axes, i)
		}
	}
	axes = c.axes(axes, len(s))
	if len(want) != len(axes) {
		c.fail("%d extents for %d axes", len(want), len(axes))
	}
	low, high := make([]int, len(s)), make([]int, len(s))
	for i, a := range axes {
		if d := want[i] - s[a]; d > 0 {
			low[a], high[a] = d/2, d-d/2
		} else if d < 0 {
			x = along(x, a, -d/2, -d/2+want[i])
		}
	}
	return c.out(c.padded(x, low, high, graph.Like(x, 0)))
}

// sparse makes a constant of a sparse tensor.
func sparse(g *graph.Graph, p *pb.SparseTensorProto) (value, error) {
	values, err := tensor(g, p.GetValues(), nil)
	if err != nil {
		return value{}, err
	}
	at, err := tensor(g, p.GetIndices(), nil)
	if err != nil {
		return value{}, err
	}
	s, size, err := dims(p.GetDims())
	if err != nil {
		return value{}, err
	}
	return sparseOf(g, values, at, s, size)
}
