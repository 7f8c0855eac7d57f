package onnx

import (
	"slices"

	"github.com/adjoint-go/adjoint/graph"
)

// convolutions.
var convolutions = []operator{
	{name: "CausalConvWithState", in: causalConv},
	{name: "Col2Im", in: col2im},
	{name: "Conv", in: func(c *call) []value {
		y := c.conv(c.x(0), c.x(1))
		if c.has(2) {
			y = graph.Add(y, channels(c.x(2), y.Shape().Rank()))
		}
		return c.out(y)
	}},
	{name: "ConvInteger", in: func(c *call) []value {
		return c.as(kindInt32, graph.Cast(c.conv(c.lessZero(0, 2, 1), c.lessZero(1, 3, 0)), graph.Int32))
	}},
	{name: "ConvTranspose", in: convTranspose},
	{name: "DeformConv", in: deformConv, why: "two spatial dimensions"},
}

// channels returns a vector as [C, 1, …], to be added to [N, C, …].
func channels(x *graph.Node, rank int) *graph.Node {
	s := make([]int, rank-1)
	for i := range s {
		s[i] = 1
	}
	if x.Valid() {
		s[0] = x.Shape().Size()
	}
	return graph.Reshape(x, s...)
}

// window is how a window moves over spatial dimensions.
type window struct {
	kernel, strides, dilations, low, high []int
	ceil                                  bool
}

// window reads the attributes of convolutions and pools for the spatial extents of an operand.
func (c *call) window(spatial, kernel []int) window {
	n := len(spatial)
	ones := slices.Repeat([]int{1}, n)
	read := func(name string, least int, otherwise []int) []int {
		v := c.ints(name)
		if v == nil {
			return slices.Clone(otherwise)
		}
		if len(v) != len(otherwise) {
			c.fail("%d %s for %d spatial dimensions", len(v), name, n)
		}
		for _, e := range v {
			if e < least || e > 1<<24 {
				c.fail("%s %v", name, v)
			}
		}
		return v
	}
	w := window{kernel: read("kernel_shape", 1, kernel), strides: read("strides", 1, ones), dilations: read("dilations", 1, ones), ceil: c.bool("ceil_mode", false)}
	pads := read("pads", 0, make([]int, 2*n))
	w.low, w.high = pads[:n:n], pads[n:]
	auto := c.string("auto_pad", "NOTSET")
	for i := range n {
		reach := (w.kernel[i]-1)*w.dilations[i] + 1
		switch auto {
		case "NOTSET", "":
		case "VALID":
			w.low[i], w.high[i] = 0, 0
		case "SAME_UPPER", "SAME_LOWER":
			out := (spatial[i] + w.strides[i] - 1) / w.strides[i]
			all := max(0, (out-1)*w.strides[i]+reach-spatial[i])
			w.low[i] = all / 2
			if auto == "SAME_LOWER" {
				w.low[i] = all - all/2
			}
			w.high[i] = all - w.low[i]
			w.ceil = false
		default:
			c.fail("auto_pad %q", auto)
		}
	}
	return w
}

// outputs returns the extents of the result.
func (w window) outputs(c *call, spatial []int) []int {
	out := make([]int, len(spatial))
	for i, e := range spatial {
		reach := (w.kernel[i]-1)*w.dilations[i] + 1
		room := e + w.low[i] + w.high[i] - reach
		if room < 0 {
			c.fail("a window of %d over the extent %d", reach, e+w.low[i]+w.high[i])
		}
		out[i] = room/w.strides[i] + 1
		if w.ceil && room%w.strides[i] > 0 && out[i]*w.strides[i] < e+w.low[i] {
			out[i]++ // the last window begins within the operand or the padding before it
		}
	}
	return out
}

// pairs interleaves the padding before and after each dimension.
func pairs(low, high []int) []int {
	p := make([]int, 0, 2*len(low))
	for i := range low {
		p = append(p, low[i], high[i])
	}
	return p
}

func (c *call) conv(x, k *graph.Node) *graph.Node {
	s, t := x.Shape(), k.Shape()
	if len(s) < 3 || len(t) != len(s) {
		c.fail("filters %v for %v", k.Type(), x.Type())
	}
	w := c.window(s[2:], t[2:])
	if !slices.Equal(w.kernel, []int(t[2:])) {
		c.fail("kernel_shape %v of the filters %v", w.kernel, k.Type())
	}
	return graph.Conv(x, k, graph.Window{Strides: w.strides, Dilation: w.dilations, Padding: pairs(w.low, w.high), Groups: c.int("group", 1)})
}

func convTranspose(c *call) []value {
	x, k := c.x(0), c.x(1)
	s, t := x.Shape(), k.Shape()
	if len(s) < 3 || len(t) != len(s) {
		c.fail("filters %v for %v", k.Type(), x.Type())
	}
	n := len(s) - 2
	group := c.int("group", 1)
	ones, zeros := slices.Repeat([]int{1}, n), make([]int, n)
	read := func(name string, otherwise []int) []int {
		v := c.ints(name)
		if v == nil {
			return otherwise
		}
		if len(v) != len(otherwise) {
			c.fail("%d %s for %d spatial dimensions", len(v), name, n)
		}
		for _, e := range v {
			if e < 0 || e > 1<<24 {
				c.fail("%s %v", name, v)
			}
		}
		return v
	}
	strides, dilations := read("strides", ones), read("dilations", ones)
	extra, pads := read("output_padding", zeros), read("pads", make([]int, 2*n))
	auto := c.string("auto_pad", "NOTSET")
	want := c.ints("output_shape")
	if len(want) == n+2 {
		want = want[2:]
	}
	low, high := make([]int, n), make([]int, n)
	full := make([]int, n)
	for i := range n {
		full[i] = (s[2+i]-1)*strides[i] + (t[2+i]-1)*dilations[i] + 1
		low[i], high[i] = pads[i], pads[n+i]
		var all int
		switch {
		case want != nil:
			if len(want) != n {
				c.fail("output_shape %v", want)
			}
			all = full[i] + extra[i] - want[i]
		case auto == "SAME_UPPER" || auto == "SAME_LOWER":
			all = full[i] + extra[i] - s[2+i]*strides[i]
		case auto == "VALID":
			low[i], high[i] = 0, 0
			continue
		default:
			continue
		}
		if all < 0 { // zeros behind what there is
			low[i], high[i] = 0, all
			continue
		}
		low[i] = all / 2
		if auto == "SAME_LOWER" || want != nil && auto != "SAME_UPPER" {
			low[i] = all - all/2
		}
		high[i] = all - low[i]
	}
	// The whole result, then what the padding takes away, and zeros where less than nothing is taken away.
	y := graph.ConvTranspose(x, k, graph.Window{Strides: strides, Dilation: dilations, Groups: group})
	ranges := []graph.Range{{Limit: graph.All}, {Limit: graph.All}}
	padLow, padHigh := []int{0, 0}, []int{0, 0}
	grows := false
	for i := range n {
		after := high[i] - extra[i]
		from, to := max(0, low[i]), full[i]-max(0, after)
		if from >= to {
			c.fail("padding %v takes all of the result away", pads)
		}
		ranges = append(ranges, graph.Range{Start: from, Limit: to})
		padLow, padHigh = append(padLow, max(0, -low[i])), append(padHigh, max(0, -after))
		grows = grows || low[i] < 0 || after < 0
	}
	y = graph.Slice(y, ranges...)
	if grows {
		y = graph.Pad(y, padLow, padHigh, 0)
	}
	if c.has(2) {
		y = graph.Add(y, channels(c.x(2), len(s)))
	}
	return c.out(y)
}

// col2im adds columns of blocks to where they lie in images.
func col2im(c *call) []value {
	x := c.x(0)
	image, block := c.positive(c.wanted(1)), c.positive(c.wanted(2))
	s := x.Shape()
	n := len(image)
	if len(s) != 3 || len(block) != n || s[1]%graph.Shape(block).Size() != 0 {
		c.fail("blocks %v of images %v in %v", block, image, x.Type())
	}
	w := c.window(image, block)
	out := w.outputs(c, image)
	if graph.Shape(out).Size() != s[2] {
		c.fail("%d blocks in %v, %v expected", s[2], x.Type(), out)
	}
	channels := s[1] / graph.Shape(block).Size()
	// The transpose of taking blocks: a scatter of all elements into the padded images.
	padded := make([]int, n)
	for i := range n {
		padded[i] = image[i] + w.low[i] + w.high[i]
	}
	at := make([]int, 0, s[1]/channels*s[2])
	for b := range graph.Shape(block).Size() {
		for o := range s[2] {
			flat, rb, ro := 0, b, o
			stride := 1
			for i := n - 1; i >= 0; i-- {
				flat += stride * (ro%out[i]*w.strides[i] + rb%block[i]*w.dilations[i])
				ro, rb, stride = ro/out[i], rb/block[i], stride*padded[i]
			}
			at = append(at, flat)
		}
	}
	y := graph.ScatterAdd(graph.Constant(c.g(), at, len(at)), graph.Reshape(x, s[0]*channels, len(at)), 1, s[0]*channels, graph.Shape(padded).Size())
	y = graph.Reshape(y, append([]int{s[0], channels}, padded...)...)
	ranges := []graph.Range{{Limit: graph.All}, {Limit: graph.All}}
	for i := range n {
		ranges = append(ranges, graph.Range{Start: w.low[i], Limit: w.low[i] + image[i]})
	}
	return c.out(graph.Slice(y, ranges...))
}

// causalConv is a convolution of each channel with what came before, of which a state holds the last elements.
func causalConv(c *call) []value {
	x, k := c.x(0), c.x(1)
	s, t := x.Shape(), k.Shape()
	if len(s) != 3 || len(t) != 3 {
		c.fail("filters %v for %v", k.Type(), x.Type())
	}
	before := t[2] - 1
	all := x
	if c.has(3) {
		all = graph.Concat(2, c.x(3), x)
	} else if before > 0 {
		all = graph.Pad(x, []int{0, 0, before}, []int{0, 0, 0}, 0)
	}
	y := graph.Conv(all, k, graph.Window{Groups: s[1]})
	if c.has(2) {
		y = graph.Add(y, channels(c.x(2), 3))
	}
	switch a := c.string("activation", "none"); a {
	case "none", "":
	case "silu", "swish":
		y = graph.Silu(y)
	default:
		c.fail("the activation %q", a)
	}
	e := all.Shape()[2]
	return c.out(y, along(all, 2, e-before, e))
}

// deformConv is a convolution of which each element of the window is moved by offsets, and multiplied by a mask.
func deformConv(c *call) []value {
	x, k, offset := c.x(0), c.x(1), c.x(2)
	s, t := x.Shape(), k.Shape()
	if len(s) != 4 || len(t) != 4 {
		c.fail("filters %v for %v: two spatial dimensions are supported", k.Type(), x.Type())
	}
	groups, offsets := c.int("group", 1), c.int("offset_group", 1)
	w := c.window(s[2:], t[2:])
	out := w.outputs(c, s[2:])
	taps := t[2] * t[3]
	if offsets < 1 || s[1]%offsets != 0 || groups < 1 || s[1]%groups != 0 || !offset.Shape().Equal(graph.Shape{s[0], offsets * taps * 2, out[0], out[1]}) {
		c.fail("offsets %v in %d groups for %v", offset.Type(), offsets, x.Type())
	}
	// positions [N, offsets, taps, H, W] of each dimension
	moved := graph.Reshape(offset, s[0], offsets, taps, 2, out[0], out[1])
	position := func(d int) *graph.Node {
		base := make([]float64, 0, taps*out[0]*out[1])
		for tap := range taps {
			for i := range out[0] {
				for j := range out[1] {
					at, step := i, tap/t[3]
					if d == 1 {
						at, step = j, tap%t[3]
					}
					base = append(base, float64(at*w.strides[d]-w.low[d]+step*w.dilations[d]))
				}
			}
		}
		b := graph.Cast(graph.Constant(c.g(), base, taps, out[0], out[1]), x.DType())
		part := graph.Reshape(along(moved, 3, d, d+1), s[0], offsets, taps, out[0], out[1])
		return graph.Add(part, b)
	}
	points := taps * out[0] * out[1]
	flat := func(p *graph.Node) *graph.Node { return graph.Reshape(p, s[0]*offsets, points) }
	images := graph.Reshape(x, s[0]*offsets, s[1]/offsets, s[2], s[3])
	v := graph.GridSample(images, graph.Stack(2, flat(position(1)), flat(position(0))), graph.GridSampleOptions{Elements: true}) // [N·offsets, C/offsets, points]
	v = graph.Reshape(v, s[0], offsets, s[1]/offsets, taps, out[0], out[1])
	if c.has(4) {
		v = graph.Mul(v, graph.Reshape(c.x(4), s[0], offsets, 1, taps, out[0], out[1]))
	}
	v = graph.Reshape(v, s[0], groups, s[1]/groups*taps, out[0]*out[1])
	f := graph.Reshape(k, groups, t[0]/groups, s[1]/groups*taps)
	y := graph.Reshape(graph.MatMul(f, v), s[0], t[0], out[0], out[1])
	if c.has(3) {
		y = graph.Add(y, channels(c.x(3), 4))
	}
	return c.out(y)
}
