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

func resize(c *call) []value {
	x := c.x(0)
	o := graph.ResizeOptions{Mode: c.string("mode", "nearest"), CubicSlope: new(c.float("cubic_coeff_a", -0.75)), ExcludeOutside: c.bool("exclude_outside", false), Outside: c.float("extrapolation_value", 0)}
	switch {
	case c.op.name == "Upsample" && c.version < 9:
		o.Scales = c.floats("scales")
	case c.op.name == "Upsample" || c.version < 11:
		o.Scales = c.floatsOf(1, "the scales")
	default:
		o.Region, o.Axes = c.floatsOf(1, "the region"), c.ints("axes")
		if c.has(3) && !c.in[3].shape().Empty() {
			o.Sizes, o.KeepAspectRatio = c.wanted(3), c.string("keep_aspect_ratio_policy", "stretch")
		} else {
			o.Scales = c.floatsOf(2, "the scales")
		}
	}
	if c.version < 11 || c.op.name == "Upsample" {
		o.Coordinates, o.Rounding = "asymmetric", "floor"
		if o.Mode == "bilinear" || o.Mode == "trilinear" {
			o.Mode = "linear"
		}
	} else {
		o.Coordinates, o.Rounding = c.string("coordinate_transformation_mode", "half_pixel"), c.string("nearest_mode", "round_prefer_floor")
	}
	o.Antialias = c.bool("antialias", false) && o.Mode != "nearest" // which has no filter
	if o.Axes == nil {
		for i := range x.Shape() {
			o.Axes = append(o.Axes, i)
		}
	}
	return c.out(graph.ResizeWith(x, o))
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
