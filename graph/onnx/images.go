package onnx

import (
	"math"
	"math/bits"
	"slices"

	"github.com/adjoint-go/adjoint/graph"
)

// images are interpolations.
var images = []operator{
	{name: "AffineGrid", in: affineGrid},
	{name: "GridSample", in: gridSample},
	{name: "Resize", in: resize},
	{name: "RoiAlign", in: roiAlign, why: "with sampling_ratio 0 the regions have to be constant"},
	{name: "Upsample", in: resize},
}

// tap is an element of the operand with its weight.
type tap struct {
	at     int
	weight float64
}

// resampling describes Resize along one axis.
type resampling struct {
	mode, coordinates, nearest string
	in, out                    int
	scale                      float64
	from, to                   float64 // the region of tf_crop_and_resize
	cubic                      float64
	exclude, antialias         bool
	target                     float64 // scale·in, before it is rounded to an extent
}

// position returns where an element of the result lies in the operand; outside reports one beyond it.
func (r resampling) position(i int) (x float64, outside bool) {
	o, in, out := float64(i), float64(r.in), float64(r.out)
	switch r.coordinates {
	case "align_corners":
		if r.out == 1 || r.target <= 1 {
			return 0, false
		}
		return o * (in - 1) / (r.target - 1), false
	case "asymmetric":
		return o / r.scale, false
	case "pytorch_half_pixel":
		if r.target <= 1 {
			return 0, false // from −0.5, which is clamped
		}
		return (o+0.5)/r.scale - 0.5, false
	case "tf_half_pixel_for_nn":
		return (o + 0.5) / r.scale, false
	case "half_pixel_symmetric":
		adjust := out / r.target
		center := in / 2
		return center*(1-adjust) + (o+0.5)/r.scale - 0.5, false
	case "tf_crop_and_resize":
		if r.out == 1 {
			x = 0.5 * (r.from + r.to) * (in - 1)
		} else {
			x = r.from*(in-1) + o*(r.to-r.from)*(in-1)/(out-1)
		}
		return x, x < 0 || x > in-1
	}
	return (o+0.5)/r.scale - 0.5, false
}

// taps returns the elements that make element i of the result; nil where it lies outside.
func (r resampling) taps(i int) []tap {
	x, outside := r.position(i)
	if outside {
		return nil
	}
	clamp := func(k int) int { return max(0, min(k, r.in-1)) }
	if r.mode == "nearest" {
		var k float64
		switch r.nearest {
		case "floor":
			k = math.Floor(x)
		case "ceil":
			k = math.Ceil(x)
		case "round_prefer_ceil":
			k = math.Floor(x + 0.5)
		default:
			k = math.Ceil(x - 0.5)
		}
		return []tap{{clamp(int(k)), 1}}
	}
	shrink := 1.0
	if r.antialias && r.scale < 1 {
		shrink = r.scale
	}
	var weight func(d float64) float64
	reach := 1.0
	if r.mode == "cubic" {
		a := r.cubic
		reach = 2
		weight = func(d float64) float64 {
			d = math.Abs(d)
			switch {
			case d <= 1:
				return ((a+2)*d-(a+3))*d*d + 1
			case d < 2:
				return ((a*d-5*a)*d+8*a)*d - 4*a
			}
			return 0
		}
	} else {
		weight = func(d float64) float64 { return math.Max(0, 1-math.Abs(d)) }
	}
	first, last := int(math.Floor(x-reach/shrink))+1, int(math.Ceil(x+reach/shrink))-1
	if shrink == 1 { // as many as the kernel has
		first = int(math.Floor(x)) + 1 - int(reach)
		last = int(math.Floor(x)) + int(reach)
	}
	var all []tap
	sum := 0.0
	for k := first; k <= last; k++ {
		w := weight((float64(k) - x) * shrink)
		if r.exclude && (k < 0 || k >= r.in) {
			continue
		}
		sum += w
		all = append(all, tap{clamp(k), w})
	}
	if r.antialias || r.exclude {
		for k := range all {
			all[k].weight /= sum
		}
	}
	return all
}

// resample applies the same weights along one axis: gathered neighbours where they are few, else a matrix.
func (c *call) resample(x *graph.Node, axis int, r resampling, outside float64) *graph.Node {
	rank := x.Shape().Rank()
	all := make([][]tap, r.out)
	most, beyond := 1, false
	for i := range all {
		all[i] = r.taps(i)
		most = max(most, len(all[i]))
		beyond = beyond || len(all[i]) == 0
	}
	shape := slices.Repeat([]int{1}, rank)
	shape[axis] = r.out
	column := func(v []float64) *graph.Node {
		return graph.Cast(graph.Reshape(graph.Constant(c.g(), v, r.out), shape...), x.DType())
	}
	var y *graph.Node
	if most <= 4 {
		for k := range most {
			at, w := make([]int, r.out), make([]float64, r.out)
			plain := true
			for i, t := range all {
				if k < len(t) {
					at[i], w[i] = t[k].at, t[k].weight
				}
				plain = plain && w[i] == 1
			}
			part := graph.Gather(x, graph.Constant(c.g(), at, r.out), axis)
			if !plain {
				part = graph.Mul(part, column(w))
			}
			if y == nil {
				y = part
			} else {
				y = graph.Add(y, part)
			}
		}
	} else {
		if r.in > (1<<26)/r.out {
			c.fail("a filter of %d×%d", r.out, r.in)
		}
		m := make([]float64, r.out*r.in)
		for i, ts := range all {
			for _, t := range ts {
				m[i*r.in+t.at] += t.weight
			}
		}
		w := graph.Cast(graph.Constant(c.g(), m, r.out, r.in), x.DType())
		y = moved(graph.DotGeneral(w, x, []int{1}, []int{axis}, nil, nil), 0, axis)
	}
	if beyond {
		in := make([]bool, r.out)
		for i := range in {
			in[i] = len(all[i]) > 0
		}
		y = graph.Where(graph.Reshape(graph.Constant(c.g(), in, r.out), shape...), y, graph.Like(x, outside))
	}
	return y
}

func resize(c *call) []value {
	x := c.x(0)
	s := x.Shape()
	rank := len(s)
	mode := c.string("mode", "nearest")
	r := resampling{mode: mode, coordinates: c.string("coordinate_transformation_mode", "half_pixel"), nearest: c.string("nearest_mode", "round_prefer_floor"),
		cubic: c.float("cubic_coeff_a", -0.75), exclude: c.bool("exclude_outside", false), antialias: c.bool("antialias", false)}
	var scales []float64
	var sizes, axes []int
	var roi []float64
	switch {
	case c.op.name == "Upsample" && c.version < 9:
		scales = c.floats("scales")
	case c.op.name == "Upsample" || c.version < 11:
		scales = c.floatsOf(1, "the scales")
	default:
		roi, scales = c.floatsOf(1, "the region"), c.floatsOf(2, "the scales")
		if c.has(3) && !c.in[3].shape().Empty() {
			sizes = c.positive(c.wanted(3))
		}
		axes = c.ints("axes")
	}
	if c.version < 11 || c.op.name == "Upsample" {
		r.coordinates, r.nearest = "asymmetric", "floor"
		if mode == "bilinear" || mode == "trilinear" {
			r.mode = "linear"
		}
	}
	if r.mode != "nearest" && r.mode != "linear" && r.mode != "cubic" {
		c.fail("the mode %q", mode)
	}
	if axes == nil {
		for i := range s {
			axes = append(axes, i)
		}
	}
	axes = c.axes(axes, rank)
	if sizes == nil && len(scales) != len(axes) || sizes != nil && len(sizes) != len(axes) || r.coordinates == "tf_crop_and_resize" && len(roi) != 2*len(axes) {
		c.fail("%d scales, %d sizes and a region of %d numbers for %d axes", len(scales), len(sizes), len(roi), len(axes))
	}
	policy := c.string("keep_aspect_ratio_policy", "stretch")
	if sizes != nil && policy != "stretch" {
		best := math.NaN()
		for i, a := range axes {
			q := float64(sizes[i]) / float64(s[a])
			if best != best || policy == "not_larger" && q < best || policy == "not_smaller" && q > best {
				best = q
			}
		}
		scales = slices.Repeat([]float64{best}, len(axes))
		sizes = nil
		for _, a := range axes {
			sizes = append(sizes, max(1, int(math.Floor(best*float64(s[a])+0.5))))
		}
	}
	outside := c.float("extrapolation_value", 0)
	for i, a := range axes {
		q := r
		q.in = s[a]
		switch {
		case sizes != nil && policy == "stretch":
			q.out, q.scale = sizes[i], float64(sizes[i])/float64(s[a])
		case sizes != nil:
			q.out, q.scale = sizes[i], scales[i]
		default:
			q.scale = scales[i]
			if e := math.Floor(q.scale * float64(q.in)); !(q.scale > 0) || !(e >= 1 && e <= 1<<30) {
				c.fail("a scale of %v of the extent %d", q.scale, q.in)
			} else {
				q.out = int(e)
			}
		}
		if q.target = q.scale * float64(q.in); r.coordinates == "tf_crop_and_resize" {
			q.from, q.to = roi[i], roi[len(axes)+i]
		}
		if q.out == q.in && q.scale == 1 && r.coordinates != "tf_crop_and_resize" {
			continue
		}
		x = c.resample(x, a, q, outside)
	}
	return c.out(x)
}

func affineGrid(c *call) []value {
	theta := c.x(0)
	size := c.positive(c.wanted(1))
	n := len(size) - 2
	if t := theta.Shape(); n < 2 || n > 3 || len(t) != 3 || t[0] != size[0] || t[1] != n || t[2] != n+1 {
		c.fail("matrices %v for the size %v", theta.Type(), size)
	}
	spatial := size[2:]
	points := graph.Shape(spatial).Size()
	if points > 1<<26 {
		c.fail("a grid of %d points", points)
	}
	at := func(i, extent int) float64 {
		if !c.bool("align_corners", false) {
			return (2*float64(i)+1)/float64(extent) - 1
		}
		if extent == 1 {
			return -1
		}
		return 2*float64(i)/float64(extent-1) - 1
	}
	v := make([]float64, 0, points*(n+1)) // x, y, (z,) 1
	for p := range points {
		index, rest := make([]int, n), p
		for k := n - 1; k >= 0; k-- {
			index[k], rest = rest%spatial[k], rest/spatial[k]
		}
		for k := n - 1; k >= 0; k-- {
			v = append(v, at(index[k], spatial[k]))
		}
		v = append(v, 1)
	}
	grid := graph.Cast(graph.Constant(c.g(), v, points, n+1), theta.DType())
	y := graph.MatMul(grid, graph.Transpose(theta, 0, 2, 1))
	return c.out(graph.Reshape(y, slices.Concat([]int{size[0]}, spatial, []int{n})...))
}

func gridSample(c *call) []value {
	x, grid := c.x(0), c.x(1)
	mode := c.string("mode", "linear")
	switch mode {
	case "bilinear":
		mode = "linear"
	case "bicubic":
		mode = "cubic"
	}
	return c.out(graph.GridSample(x, graph.Cast(grid, x.DType()), graph.GridSampleOptions{Mode: mode, Padding: c.string("padding_mode", "zeros"), AlignCorners: c.bool("align_corners", false)}))
}

func roiAlign(c *call) []value {
	x, rois, batch := c.x(0), c.x(1), c.x(2)
	s := x.Shape()
	if len(s) != 4 || rois.Shape().Rank() != 2 || rois.Shape()[1] != 4 {
		c.fail("regions %v of %v", rois.Type(), x.Type())
	}
	n, h, w := rois.Shape()[0], c.int("output_height", 1), c.int("output_width", 1)
	scale := c.float("spatial_scale", 1)
	ratio := c.int("sampling_ratio", 0)
	half := c.version >= 16 && c.string("coordinate_transformation_mode", "half_pixel") == "half_pixel"
	if h < 1 || w < 1 || ratio < 0 || bits.Len(uint(h*w*max(1, ratio*ratio)*n)) > 30 {
		c.fail("%d×%d cells with %d² points", h, w, ratio)
	}
	known := ratio == 0
	var l *graph.Literal
	if known {
		l = c.literal(1, "the regions, where the number of points depends on them,")
	}
	image := graph.Gather(x, batch, 0) // [n, C, H, W]
	var rows []*graph.Node
	column := func(i int, k int) *graph.Node {
		v := graph.Mul(graph.Reshape(along(along(rois, 0, i, i+1), 1, k, k+1)), graph.Like(rois, scale))
		if half {
			v = graph.Sub(v, graph.Like(v, 0.5))
		}
		return v
	}
	for i := range n {
		x1, y1, x2, y2 := column(i, 0), column(i, 1), column(i, 2), column(i, 3)
		width, height := graph.Sub(x2, x1), graph.Sub(y2, y1)
		if !half {
			width, height = graph.Max(width, graph.Like(width, 1)), graph.Max(height, graph.Like(height, 1))
		}
		nx, ny := ratio, ratio
		if known {
			side := func(a, b int, cells int) int {
				e := (l.Float(4*i+b) - l.Float(4*i+a)) * scale
				if !half {
					e = math.Max(e, 1)
				}
				return int(math.Max(1, math.Min(math.Ceil(e/float64(cells)), 1<<10)))
			}
			nx, ny = side(0, 2, w), side(1, 3, h)
		}
		line := func(start, extent *graph.Node, cells, each int) *graph.Node {
			v := make([]float64, 0, cells*each)
			for p := range cells {
				for q := range each {
					v = append(v, (float64(p)+(float64(q)+0.5)/float64(each))/float64(cells))
				}
			}
			return graph.Add(start, graph.Mul(extent, graph.Cast(graph.Constant(c.g(), v, len(v)), x.DType())))
		}
		ys, xs := line(y1, height, h, ny), line(x1, width, w, nx)
		rowsOf, columnsOf := h*ny, w*nx
		py := graph.Reshape(graph.BroadcastTo(graph.ExpandDims(ys, 1), rowsOf, columnsOf), 1, rowsOf*columnsOf)
		px := graph.Reshape(graph.BroadcastTo(graph.ExpandDims(xs, 0), rowsOf, columnsOf), 1, rowsOf*columnsOf)
		outside := func(p *graph.Node, e int) *graph.Node {
			return graph.LogicalOr(graph.Less(p, graph.Like(p, -1)), graph.Greater(p, graph.Like(p, float64(e))))
		}
		out := graph.LogicalOr(outside(py, s[2]), outside(px, s[3]))
		clamp := func(p *graph.Node, e int) *graph.Node {
			return graph.Clip(p, graph.Like(p, 0), graph.Like(p, float64(e-1)))
		}
		at := []*graph.Node{clamp(py, s[2]), clamp(px, s[3])}
		one := along(image, 0, i, i+1)
		var v *graph.Node
		if c.string("mode", "avg") == "max" {
			v = largestCorner(one, at)
		} else {
			v = graph.GridSample(one, graph.Stack(2, at[1], at[0]), graph.GridSampleOptions{Padding: "border", Elements: true})
		}
		v = graph.Where(graph.ExpandDims(out, 1), graph.Like(v, 0), v)
		v = graph.Reshape(v, s[1], h, ny, w, nx)
		if c.string("mode", "avg") == "max" {
			v = graph.ReduceMax(v, []int{2, 4})
		} else {
			v = graph.ReduceMean(v, []int{2, 4})
		}
		rows = append(rows, v)
	}
	return c.out(graph.Stack(0, rows...))
}

// largestCorner is the largest of the four weighted corners around positions, as the standard's max mode has it.
func largestCorner(x *graph.Node, at []*graph.Node) *graph.Node {
	var best *graph.Node
	low := []*graph.Node{graph.Floor(at[0]), graph.Floor(at[1])}
	s := x.Shape()
	flat := graph.Reshape(x, s[0], s[1], s[2]*s[3])
	for k := range 4 {
		var index, weight *graph.Node
		for d := range 2 {
			f := graph.Sub(at[d], low[d])
			i, w := low[d], graph.Sub(graph.Like(f, 1), f)
			if k>>d&1 == 1 {
				i, w = graph.Min(graph.Add(i, graph.Like(i, 1)), graph.Like(i, float64(s[2+d]-1))), f
			}
			j := graph.Cast(i, graph.Int64)
			if index == nil {
				index, weight = j, w
			} else {
				index, weight = graph.Add(graph.Mul(index, graph.Like(index, float64(s[3]))), j), graph.Mul(weight, w)
			}
		}
		v := graph.TakeAlongAxis(flat, graph.BroadcastTo(graph.ExpandDims(index, 1), s[0], s[1], index.Shape()[1]), 2)
		v = graph.Mul(v, graph.ExpandDims(weight, 1))
		if best == nil {
			best = v
		} else {
			best = graph.Max(best, v)
		}
	}
	return best
}
