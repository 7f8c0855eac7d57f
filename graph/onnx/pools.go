package onnx

import (
	"math"
	"slices"

	"github.com/adjoint-go/adjoint/graph"
)

// pools combine the elements under a window.
var pools = []operator{
	{name: "AveragePool", in: averagePool},
	{name: "LpPool", in: func(c *call) []value {
		x := c.x(0)
		p := float64(c.int("p", 2))
		powers := graph.Pow(graph.Abs(x), graph.Like(x, p))
		sum, _ := c.sums(powers, c.kernelWindow(x))
		return c.out(graph.Pow(sum, graph.Like(x, 1/p)))
	}},
	{name: "MaxPool", in: maxPool},
	{name: "MaxRoiPool", in: maxRoiPool, why: "the regions have to be constant"},
	{name: "MaxUnpool", in: maxUnpool},
}

func (c *call) kernelWindow(x *graph.Node) window {
	c.need(x, 3)
	k := c.ints("kernel_shape")
	if len(k) != x.Shape().Rank()-2 {
		c.fail("kernel_shape %v for %v", k, x.Type())
	}
	return c.window(x.Shape()[2:], k)
}

// sums returns the sums under the windows over x, and the elements under each that lie in x and in x and its padding.
func (c *call) sums(x *graph.Node, w window) (sum *graph.Node, counts [2][]float64) {
	s := x.Shape()
	spatial := s[2:]
	out := w.outputs(c, spatial)
	low, high := []int{0, 0}, []int{0, 0}
	for i, e := range spatial {
		need := (out[i]-1)*w.strides[i] + (w.kernel[i]-1)*w.dilations[i] + 1
		low, high = append(low, w.low[i]), append(high, max(0, need-e-w.low[i]))
	}
	padded := graph.Pad(x, low, high, 0)
	// separable: a sum of slices for each dimension in turn
	for i := range spatial {
		var total *graph.Node
		for k := range w.kernel[i] {
			ranges := make([]graph.Range, len(s))
			for d := range ranges {
				ranges[d].Limit = graph.All
			}
			first := k * w.dilations[i]
			ranges[2+i] = graph.Range{Start: first, Limit: first + (out[i]-1)*w.strides[i] + 1, Step: w.strides[i]}
			part := graph.Slice(padded, ranges...)
			if total == nil {
				total = part
			} else {
				total = graph.Add(total, part)
			}
		}
		padded = total
	}
	for kind := range counts {
		counts[kind] = []float64{1}
		for i, e := range spatial {
			var next []float64
			for _, n := range counts[kind] {
				for o := range out[i] {
					m := 0
					for k := range w.kernel[i] {
						at := o*w.strides[i] + k*w.dilations[i] - w.low[i]
						if at >= 0 && at < e || kind == 1 && at >= -w.low[i] && at < e+w.high[i] {
							m++
						}
					}
					next = append(next, n*float64(m))
				}
			}
			counts[kind] = next
		}
	}
	return padded, counts
}

func averagePool(c *call) []value {
	x := c.x(0)
	w := c.kernelWindow(x)
	s := x.Shape()
	include := c.bool("count_include_pad", false)
	plain := len(s) <= 5 && x.DType().IsFloat() && slices.Max(w.dilations) == 1
	out := w.outputs(c, s[2:])
	for i, e := range s[2:] {
		plain = plain && (out[i]-1)*w.strides[i]+w.kernel[i] <= e+w.low[i]+w.high[i] && w.low[i] < w.kernel[i] && w.high[i] < w.kernel[i]
	}
	if plain {
		return c.out(graph.AvgPool(x, w.kernel, graph.Window{Strides: w.strides, Padding: pairs(w.low, w.high)}, include))
	}
	sum, counts := c.sums(x, w)
	n := counts[0]
	if include {
		n = counts[1]
	}
	for i, m := range n {
		n[i] = 1 / m
	}
	return c.out(graph.Mul(sum, graph.Cast(graph.Constant(c.g(), n, out...), x.DType())))
}

func maxPool(c *call) []value {
	x := c.x(0)
	w := c.kernelWindow(x)
	s := x.Shape()
	spatial := s[2:]
	out := w.outputs(c, spatial)
	wantsIndices := len(c.p.GetOutput()) > 1 && c.p.GetOutput()[1] != ""
	high := make([]int, len(spatial))
	suits := len(s) <= 5
	for i, e := range spatial {
		need := (out[i]-1)*w.strides[i] + (w.kernel[i]-1)*w.dilations[i] + 1
		high[i] = max(0, need-e-w.low[i])
		suits = suits && max(w.low[i], high[i]) <= (w.kernel[i]-1)*w.dilations[i]
	}
	window := graph.Window{Strides: w.strides, Dilation: w.dilations, Padding: pairs(w.low, high)}
	var y, at *graph.Node
	if suits {
		y, at = graph.MaxPool(x, w.kernel, window)
	} else {
		if wantsIndices && slices.Max(high)+slices.Max(w.low) > 0 {
			c.fail("indices of a pool with padding and dilation")
		}
		least := math.Inf(-1)
		if x.DType().IsInt() {
			least = math.MinInt32
		}
		window.Padding = nil
		y, at = graph.MaxPool(graph.Pad(x, append([]int{0, 0}, w.low...), append([]int{0, 0}, high...), least), w.kernel, window)
	}
	if !wantsIndices {
		return []value{{node: y, kind: c.in[0].kind}}
	}
	size := spatial.Size()
	if c.int("storage_order", 0) == 1 { // column-major
		rest, flat := at, graph.FullLike(at, 0)
		stride := size
		for _, e := range slices.Backward(spatial) {
			stride /= e
			n := graph.Like(at, float64(e))
			flat = graph.Add(flat, graph.Mul(graph.Mod(rest, n), graph.Like(at, float64(stride))))
			rest = graph.Div(rest, n)
		}
		at = flat
	}
	// ONNX counts through the whole operand
	planes := graph.Reshape(graph.Iota(c.g(), graph.Int64, 0, s[0]*s[1]), append([]int{s[0], s[1]}, slices.Repeat([]int{1}, len(spatial))...)...)
	at = graph.Add(at, graph.Mul(planes, graph.Like(at, float64(size))))
	return []value{{node: y, kind: c.in[0].kind}, {node: at, kind: kindInt64}}
}

// maxUnpool places elements where a pool found them.
func maxUnpool(c *call) []value {
	x, at := c.x(0), c.x(1)
	s := x.Shape()
	w := c.kernelWindow(x)
	to := []int{s[0], s[1]}
	for i, e := range s[2:] {
		to = append(to, (e-1)*w.strides[i]-w.low[i]-w.high[i]+w.kernel[i])
	}
	for _, e := range to {
		if e < 1 {
			c.fail("pads take all of the result away")
		}
	}
	y := graph.Reshape(graph.ScatterAdd(graph.Reshape(at, s.Size()), graph.Reshape(x, s.Size()), 0, graph.Shape(to).Size()), to...)
	if !c.has(2) {
		return c.out(y)
	}
	// the indices are those of the extents that follow from the window; the wanted ones may be larger
	want := c.positive(c.wanted(2))
	high := make([]int, len(to))
	if len(want) != len(to) {
		c.fail("output_shape %v for %v", want, x.Type())
	}
	for i, e := range want {
		if high[i] = e - to[i]; high[i] < 0 {
			c.fail("output_shape %v is less than %v", want, to)
		}
	}
	return c.out(graph.Pad(y, make([]int, len(to)), high, 0))
}

// maxRoiPool pools the cells of a grid in known regions.
func maxRoiPool(c *call) []value {
	x := c.x(0)
	s := x.Shape()
	l := c.literal(1, "the regions")
	size := c.ints("pooled_shape")
	if len(s) != 4 || l.Type().Shape.Rank() != 2 || l.Type().Shape[1] != 5 || len(size) != 2 || size[0] < 1 || size[1] < 1 {
		c.fail("regions %v of %v, pooled_shape %v", l.Type(), x.Type(), size)
	}
	scale := c.float("spatial_scale", 1)
	var regions []*graph.Node
	for r := range l.Type().Shape[0] {
		at := func(k int) float64 { return l.Float(5*r + k) }
		n := int(at(0))
		if n < 0 || n >= s[0] {
			c.fail("a region of image %d of %d", n, s[0])
		}
		cells := func(from, to float64, parts, extent int) [][2]int {
			first, last := int(math.Round(from*scale)), int(math.Round(to*scale))
			step := float64(max(1, last-first+1)) / float64(parts)
			var all [][2]int
			for p := range parts {
				a := int(math.Floor(float64(p)*step)) + first
				b := int(math.Ceil(float64(p+1)*step)) + first
				all = append(all, [2]int{max(0, min(a, extent)), max(0, min(b, extent))})
			}
			return all
		}
		image := graph.Index(x, n)
		var rows []*graph.Node
		for _, h := range cells(at(2), at(4), size[0], s[2]) {
			for _, v := range cells(at(1), at(3), size[1], s[3]) {
				if h[0] >= h[1] || v[0] >= v[1] {
					rows = append(rows, graph.BroadcastTo(graph.Like(x, 0), s[1]))
					continue
				}
				rows = append(rows, graph.ReduceMax(along(along(image, 1, h[0], h[1]), 2, v[0], v[1]), []int{1, 2}))
			}
		}
		regions = append(regions, graph.Reshape(graph.Stack(1, rows...), s[1], size[0], size[1]))
	}
	return c.out(graph.Stack(0, regions...))
}
