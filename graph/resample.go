package graph

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/adjoint-go/adjoint/internal/shape"
)

// Interpolation and pooling to given extents, made of gathers along one dimension after another.

// Bounds of what is resampled by sums: extents, whose places are constants, and elements in one sum, of which each is a node.
const (
	maxResampled = 1 << 22
	maxTaps      = 1 << 12
)

// checkResampled reports extents from which, or to which, nothing is resampled.
func checkResampled(n, size int) error {
	if size < 1 || n < 1 {
		return fmt.Errorf("from %d elements to %d: needs one at least", n, size)
	}
	if n > maxResampled || size > maxResampled {
		return fmt.Errorf("from %d elements to %d: %d are the most", n, size, maxResampled)
	}
	return nil
}

// checkAreas is checkResampled for areas, of which each element is a node if they are not side by side.
func checkAreas(n, size int) error {
	if err := checkResampled(n, size); err != nil || n%size == 0 || n/size <= maxTaps {
		return err
	}
	return fmt.Errorf("from %d elements to %d: more than %d make one", n, size, maxTaps)
}

// tap is an element of a line, and its weight in a sum.
type tap struct {
	at     int
	weight float64
}

// vectorAlong gives a vector the rank of x, of which it is broadcast along all but one axis.
func vectorAlong(v *Node, axis int, x *Node) *Node {
	shape := slices.Repeat([]int{1}, x.typ.Shape.Rank())
	shape[axis] = -1
	return Reshape(v, shape...)
}

// resample makes each element of the lines along the axis a weighted sum of elements of those of x.
func resample(x *Node, axis int, places [][]tap) *Node {
	var sum *Node
	overTaps(x, axis, places, func(element, used *Node, weights []float64) {
		if used != nil {
			element = Where(used, element, Like(x, 0))
		}
		if slices.ContainsFunc(weights, func(w float64) bool { return w != 1 }) {
			element = Mul(element, Cast(vectorAlong(Constant(x.g, weights, len(weights)), axis, x), x.typ.DType))
		}
		if sum == nil {
			sum = element
		} else {
			sum = Add(sum, element)
		}
	})
	return sum
}

// overTaps calls do with the k-th elements of all sums, for each k, and where there is one, nil if everywhere.
func overTaps(x *Node, axis int, places [][]tap, do func(element, used *Node, weights []float64)) {
	most := 0
	for _, p := range places {
		most = max(most, len(p))
	}
	for k := range most {
		at, weights, has := make([]int64, len(places)), make([]float64, len(places)), make([]bool, len(places))
		for i, p := range places {
			t := p[min(k, len(p)-1)]
			at[i] = int64(t.at)
			if has[i] = k < len(p); has[i] {
				weights[i] = t.weight
			}
		}
		var used *Node
		if slices.Contains(has, false) {
			used = vectorAlong(Constant(x.g, has, len(has)), axis, x)
		}
		do(Gather(x, Constant(x.g, at, len(at)), axis), used, weights)
	}
}

// cubic returns the weights of the four elements around a place t behind the second (Keys, Cubic convolution interpolation for digital image processing, 1981), with the slope a at distance 1.
func cubic(a, t float64) [4]float64 {
	near := func(x float64) float64 { return float64((float64((a+2)*x)-(a+3))*x*x) + 1 }
	far := func(x float64) float64 {
		return float64((float64((float64(a*x)-float64(5*a))*x)+float64(8*a))*x) - float64(4*a)
	}
	return [4]float64{far(1 + t), near(t), near(1 - t), far(2 - t)}
}

// cubicSlope is that of PyTorch, OpenCV and ONNX, antialiasedSlope that of PIL, which PyTorch and JAX use to antialias.
const (
	cubicSlope       = -0.75
	antialiasedSlope = -0.5
)

// ResizeOptions say what ResizeWith makes, and from which elements. The texts are those of ONNX's Resize.
type ResizeOptions struct {
	// Mode is "linear" (also ""), "nearest", or "cubic" (Keys 1981).
	Mode string
	// Axes are those that are resized, negative ones from the end; nil means the spatial ones of [N, C, spatial].
	Axes []int
	// Sizes are the extents of the result along the axes, and the scale of each is its extent over the operand's. Or Scales are given, which are above 0 and need not be ratios of whole
	// numbers: the extents are ⌊scale·extent⌋ then. One of the two is nil.
	Sizes  []int
	Scales []float64
	// KeepAspectRatio has all axes have one scale, with which none gets larger than in Sizes, "not_larger", or none smaller, "not_smaller"; extents are rounded half up. "" and
	// "stretch" take Sizes as they are.
	KeepAspectRatio string
	// Coordinates say at which place x of the operand's elements (0 is the centre of the first) element i of the result lies, for the extents n and m of the operand and of the result:
	//
	//	half_pixel (also "")    (i + ½)/scale − ½
	//	pytorch_half_pixel      the same, but 0 if m is 1
	//	half_pixel_symmetric    the same, moved so that the centres of both are at one place where ⌊scale·n⌋ is not scale·n
	//	align_corners           i·(n − 1)/(scale·n − 1)
	//	asymmetric              i/scale
	//	tf_half_pixel_for_nn    (i + ½)/scale
	//	tf_crop_and_resize      start·(n − 1) + i·(end − start)·(n − 1)/(m − 1), or (start + end)/2·(n − 1) if m is 1
	Coordinates string
	// Region has the starts of tf_crop_and_resize along all axes and then the ends, of which 0 is the centre of the first element and 1 that of the last one.
	Region []float64
	// Outside is what elements of tf_crop_and_resize have whose places are beyond the first or last element. All other coordinates go on beyond the edge with the element there.
	Outside float64
	// Rounding of a place is what nearest takes: "round_prefer_ceil" (halves up, also ""), "round_prefer_floor", "floor" or "ceil".
	Rounding string
	// CubicSlope is cubic's slope at distance 1, nil for −¾ (PyTorch, OpenCV); TensorFlow and PIL have −½.
	CubicSlope *float64
	// ExcludeOutside gives the elements beyond an edge no weight, and divides the others by their sum.
	ExcludeOutside bool
	// Antialias widens the filter of linear and cubic along axes whose scale is below 1, by 1/scale, so that all of the operand's elements count.
	Antialias bool
}

// resampling makes lines of out elements from lines of in.
type resampling struct {
	ResizeOptions
	in, out    int
	num, den   float64 // the scale is num/den, of which both are whole numbers if an extent was given: so quotients that are whole numbers are exact
	start, end float64
	slope      float64
}

// place returns where element i of the result lies; outside reports one that has no elements.
func (r *resampling) place(i int) (x float64, outside bool) {
	o, n := float64(i), float64(r.in)
	wanted := r.num * n / r.den // the extent before it was rounded
	half := float64((o+0.5)*r.den)/r.num - 0.5
	switch r.Coordinates {
	case "align_corners":
		if r.out == 1 || wanted <= 1 {
			return 0, false
		}
		return float64(o*(n-1)) / (wanted - 1), false
	case "asymmetric":
		return float64(o*r.den) / r.num, false
	case "pytorch_half_pixel":
		if wanted <= 1 {
			return 0, false
		}
	case "tf_half_pixel_for_nn":
		return float64((o+0.5)*r.den) / r.num, false
	case "half_pixel_symmetric":
		return half + float64(n/2*(1-float64(r.out)/wanted)), false
	case "tf_crop_and_resize":
		if r.out == 1 {
			x = 0.5 * (r.start + r.end) * (n - 1)
		} else {
			x = float64(r.start*(n-1)) + float64(o*(r.end-r.start)*(n-1))/float64(r.out-1)
		}
		return x, !(x >= 0 && x <= n-1)
	}
	return half, false
}

// taps returns the elements of element i of the result; none if it lies outside.
func (r *resampling) taps(i int) []tap {
	x, outside := r.place(i)
	if outside {
		return nil
	}
	inside := func(k float64) int { return int(min(max(k, 0), float64(r.in-1))) }
	if r.Mode == "nearest" {
		round := map[string]func(x float64) float64{
			"floor": math.Floor, "ceil": math.Ceil, "round_prefer_floor": func(x float64) float64 { return math.Ceil(x - 0.5) }, "round_prefer_ceil": func(x float64) float64 { return math.Floor(x + 0.5) },
		}[r.Rounding]
		return []tap{{inside(round(x)), 1}}
	}
	reach, wide := 1.0, 1.0
	if r.Mode == "cubic" {
		reach = 2
	}
	first, last := math.Floor(x)+1-reach, math.Floor(x)+reach
	if r.Antialias && r.num < r.den {
		wide = r.den / r.num
		first, last = math.Floor(x-float64(reach*wide))+1, math.Ceil(x+float64(reach*wide))-1
	}
	var taps []tap
	sum := 0.0
	for k := first; k <= last; k++ {
		if r.ExcludeOutside && (k < 0 || k >= float64(r.in)) {
			continue
		}
		d := math.Abs(k-x) / wide
		w := max(0, 1-d)
		if r.Mode == "cubic" {
			w = cubic(r.slope, d-1)[0]
			if d < 1 {
				w = cubic(r.slope, d)[1]
			}
		}
		taps = append(taps, tap{inside(k), w})
		sum += w
	}
	if r.Antialias || r.ExcludeOutside {
		for k := range taps {
			taps[k].weight /= sum
		}
	}
	return taps
}

// ResizeWith is Resize with options: the axes of x, of any rank, are interpolated one after another, and the result has x's dtype. The mode nearest takes all dtypes, the others those of Resize. Errors are texts that are not in the
// lists, lists that have not an entry for each axis (Region two), an axis that is not there or is given twice, extents below 1 or beyond 2²², numbers that are not finite, Antialias with nearest or where it widens a filter
// more than 1024 times, and KeepAspectRatio with Scales. What another mode or transformation reads is not looked at.
func ResizeWith(x *Node, o ResizeOptions) *Node {
	if !x.Valid() {
		return apply1(opIdentity, x)
	}
	y, err := resized(x, o)
	if err != nil {
		return x.g.Fail("resize", err)
	}
	return y
}

// oneOf reports a text that is none of a list, whose first is what "" means.
func oneOf(what string, text *string, list ...string) error {
	if *text == "" {
		*text = list[0]
	}
	if !slices.Contains(list, *text) {
		return fmt.Errorf("the %s is %q: need %s or %s", what, *text, strings.Join(list[:len(list)-1], ", "), list[len(list)-1])
	}
	return nil
}

func resized(x *Node, o ResizeOptions) (*Node, error) {
	err := errors.Join(oneOf("mode", &o.Mode, "linear", "nearest", "cubic"),
		oneOf("transformation of coordinates", &o.Coordinates, "half_pixel", "pytorch_half_pixel", "half_pixel_symmetric", "align_corners", "asymmetric", "tf_half_pixel_for_nn", "tf_crop_and_resize"),
		oneOf("rounding", &o.Rounding, "round_prefer_ceil", "round_prefer_floor", "floor", "ceil"),
		oneOf("policy of the aspect ratio", &o.KeepAspectRatio, "stretch", "not_larger", "not_smaller"))
	if err != nil {
		return nil, err
	}
	if o.Axes == nil {
		for i := 2; i < x.typ.Shape.Rank(); i++ {
			o.Axes = append(o.Axes, i)
		}
	}
	if _, err := axesOf(o.Axes, x.typ.Shape.Rank()); err != nil {
		return nil, err
	}
	crops, keeps := o.Coordinates == "tf_crop_and_resize", o.KeepAspectRatio != "stretch"
	r := resampling{ResizeOptions: o, slope: cubicSlope}
	if o.CubicSlope != nil {
		r.slope = *o.CubicSlope
	}
	given := append([]float64{r.slope}, o.Scales...)
	if crops {
		given = append(given, o.Region...)
	}
	switch axes := len(o.Axes); {
	case axes == 0 || x.typ.IsScalar() || (o.Sizes == nil) == (o.Scales == nil) || max(len(o.Sizes), len(o.Scales)) != axes:
		return nil, fmt.Errorf("%d sizes and %d scales for %d axes of %v: need one of both, for each of one axis or more", len(o.Sizes), len(o.Scales), axes, x.typ)
	case crops && len(o.Region) != 2*axes:
		return nil, fmt.Errorf("the region has %d numbers: needs the starts and the ends of %d axes", len(o.Region), axes)
	case o.Mode != "nearest" && !x.typ.DType.IsFloat():
		return nil, fmt.Errorf("the operand is %v: the mode %s needs %v", x.typ, o.Mode, Floats)
	case o.Mode == "nearest" && o.Antialias:
		return nil, fmt.Errorf("the mode nearest has no filter to antialias")
	case keeps && o.Sizes == nil:
		return nil, fmt.Errorf("the aspect ratio is kept within sizes, not with scales")
	case slices.ContainsFunc(given, func(v float64) bool { return v-v != 0 }):
		return nil, fmt.Errorf("the scales are %v, the cubic's slope is %v, and the region is %v: need finite numbers", o.Scales, r.slope, o.Region)
	}
	lines := make([]resampling, len(o.Axes)) // all are checked before the first is resized
	for i, a := range o.Axes {
		r.in = x.typ.Shape[inAxes(a, x)]
		if o.Sizes != nil {
			r.out = o.Sizes[i]
			r.num, r.den = float64(r.out), float64(r.in)
		} else {
			r.num, r.den = o.Scales[i], 1
			r.out = int(min(max(r.num*float64(r.in), 0), maxResampled+1))
		}
		if err := checkResampled(r.in, r.out); err != nil {
			return nil, err
		}
		if crops {
			r.start, r.end = o.Region[i], o.Region[len(o.Axes)+i]
		}
		lines[i] = r
	}
	common := slices.MaxFunc(lines, func(a, b resampling) int {
		larger := cmp.Compare(a.num*b.den, b.num*a.den)
		if o.KeepAspectRatio == "not_larger" {
			return -larger
		}
		return larger
	})
	shape := slices.Clone(x.typ.Shape)
	for i := range lines {
		l := &lines[i]
		if keeps {
			l.num, l.den = common.num, common.den
			l.out = max(1, int(l.num*float64(l.in)/l.den+0.5))
			if err := checkResampled(l.in, l.out); err != nil {
				return nil, err
			}
		}
		if o.Antialias && l.den/l.num > maxTaps/4 {
			return nil, fmt.Errorf("from %d elements to %d: a filter of more than %d", l.in, l.out, maxTaps)
		}
		shape[inAxes(o.Axes[i], x)] = l.out
		if err := shape.check(); err != nil {
			return nil, err
		}
	}
	for i, l := range lines {
		if l.in != l.out || l.num != l.den || crops {
			x = l.along(x, inAxes(o.Axes[i], x))
		}
	}
	return x, nil
}

// inAxes is an axis of x that is there, which may be given from the end.
func inAxes(axis int, x *Node) int { return (axis + x.typ.Shape.Rank()) % x.typ.Shape.Rank() }

// along resizes x along an axis.
func (r *resampling) along(x *Node, axis int) *Node {
	places, inside := make([][]tap, r.out), make([]bool, r.out)
	for i := range places {
		if places[i] = r.taps(i); places[i] == nil {
			places[i] = []tap{{0, 1}}
		} else {
			inside[i] = true
		}
	}
	y := resample(x, axis, places)
	if slices.Contains(inside, false) {
		y = Where(vectorAlong(Constant(x.g, inside, r.out), axis, x), y, Like(x, r.Outside))
	}
	return y
}

// areas returns the elements that each of size windows touches that cut a line of n.
func areas(n, size int) [][]tap {
	places := make([][]tap, size)
	for i := range places {
		first, end := i*n/size, ((i+1)*n+size-1)/size
		for k := first; k < end; k++ {
			places[i] = append(places[i], tap{k, 1 / float64(end-first)})
		}
	}
	return places
}

// resizeBySums is Resize for what the operator of this name does not do.
func resizeBySums(x *Node, mode string, size []int, corners, antialias bool) *Node {
	const op = "resize"
	o := ResizeOptions{Mode: mode, Sizes: size, Antialias: antialias, ExcludeOutside: antialias}
	switch {
	case !x.typ.DType.IsFloat() || len(size) == 0 || len(size) != len(x.typ.Shape)-2:
		return x.g.Fail(op, fmt.Errorf("the operand is %v, the size %v: need [N, C, spatial] of %v and as many entries as spatial dimensions", x.typ, size, Floats))
	case corners && (antialias || mode != "cubic"):
		return x.g.Fail(op, fmt.Errorf("corners are aligned in the modes nearest, linear and cubic without antialiasing"))
	case corners:
		o.Coordinates = "align_corners"
	case antialias && (mode == "linear" || mode == "cubic"):
		o.CubicSlope = new(antialiasedSlope)
	case mode == "cubic":
	case mode == "nearest_floor" && !antialias:
		o.Mode, o.Coordinates, o.Rounding = "nearest", "asymmetric", "floor"
	case mode == "area" && !antialias:
		return adaptive(op, x, size, ReduceMean, resample)
	default:
		return x.g.Fail(op, fmt.Errorf("the mode is %q: need nearest, nearest_floor, linear, cubic or area, of which linear and cubic antialias", mode))
	}
	return ResizeWith(x, o)
}

// AdaptiveAvgPool returns the means of x over windows that cut its last dimensions, as many as size has, into the extents in size (PyTorch's adaptive_avg_pool): window i goes from ⌊i·n/size⌋ to ⌈(i+1)·n/size⌉.
func AdaptiveAvgPool(x *Node, size ...int) *Node {
	return adaptive("adaptive_avg_pool", x, size, ReduceMean, resample)
}

// AdaptiveMaxPool returns the largest elements under the windows of AdaptiveAvgPool. Equal ones share the adjoint.
func AdaptiveMaxPool(x *Node, size ...int) *Node {
	return adaptive("adaptive_max_pool", x, size, ReduceMax, func(x *Node, axis int, places [][]tap) *Node {
		var all []*Node
		overTaps(x, axis, places, func(element, used *Node, _ []float64) {
			if used != nil {
				element = Where(used, element, Like(x, -posInf))
			}
			all = append(all, element)
		})
		return ReduceMax(Stack(0, all...), []int{0})
	})
}

// overAreas pools the areas of the axis: by a reduction where they are of one size, side by side.
func overAreas(x *Node, axis, size int, reduction func(x *Node, axes []int, opts ...ReduceOption) *Node, pool func(x *Node, axis int, places [][]tap) *Node) *Node {
	if n := x.typ.Shape[axis]; n%size == 0 {
		return reduction(Reshape(x, shape.Replaced(x.typ.Shape, axis, size, n/size)...), []int{axis + 1})
	}
	return pool(x, axis, areas(x.typ.Shape[axis], size))
}

func adaptive(op string, x *Node, size []int, reduction func(x *Node, axes []int, opts ...ReduceOption) *Node, pool func(x *Node, axis int, places [][]tap) *Node) *Node {
	if !x.Valid() {
		return apply1(opIdentity, x)
	}
	first := len(x.typ.Shape) - len(size)
	if !x.typ.DType.IsFloat() || first < 0 {
		return x.g.Fail(op, fmt.Errorf("the operand is %v, the size %v: need one of %v, and a dimension for each entry", x.typ, size, Floats))
	}
	for i, n := range size {
		if err := checkAreas(x.typ.Shape[first+i], n); err != nil {
			return x.g.Fail(op, err)
		}
		if n != x.typ.Shape[first+i] {
			if x = overAreas(x, first+i, n, reduction, pool); !x.Valid() {
				break
			}
		}
	}
	return x
}

// GridSampleOptions change GridSample.
type GridSampleOptions struct {
	Mode         string // linear (""), nearest or cubic
	Padding      string // beyond the edge: zeros (""), border (the edge), or reflection
	AlignCorners bool   // −1 and 1 are the centres of the first and last elements, else their outer edges
	Elements     bool   // coordinates count elements, the centre of the first of which is 0, instead of going from −1 to 1 (SciPy's map_coordinates)
}

// GridSample interpolates x [N, C, spatial] at the places in grid [N, …, d], for 1 to 3 spatial dimensions d: [N, C, …] (PyTorch's grid_sample). A place has d coordinates from −1 to 1, that of the last dimension first. It is
// differentiable by both; where an element ends it takes the derivative of one side.
func GridSample(x, grid *Node, o GridSampleOptions) *Node {
	const op = "grid_sample"
	if !x.Valid() || !grid.Valid() {
		return Mul(x, grid)
	}
	s, t := x.typ.Shape, grid.typ.Shape
	d := len(s) - 2
	switch {
	case d < 1 || d > 3 || len(t) < 2 || t[len(t)-1] != d || t[0] != s[0] || s[2:].Empty() || x.typ.DType != grid.typ.DType || !x.typ.DType.IsFloat():
		return x.g.Fail(op, fmt.Errorf("operands are %v and %v: need [N, C, spatial] and [N, …, d] of the same of %v, for d spatial dimensions, 1 to 3", x.typ, grid.typ, Floats))
	case !slices.Contains([]string{"", "linear", "nearest", "cubic"}, o.Mode):
		return x.g.Fail(op, fmt.Errorf("the mode is %q: need linear, nearest or cubic", o.Mode))
	case !slices.Contains([]string{"", "zeros", "border", "reflection"}, o.Padding):
		return x.g.Fail(op, fmt.Errorf("the padding is %q: need zeros, border or reflection", o.Padding))
	}
	places := t[1 : len(t)-1].Size()
	grid = Reshape(grid, s[0], 1, places, d)
	// The taps of each dimension, as places [N, 1, P] that are whole numbers, and weights, nil for 1.
	type gridTap struct{ at, weight *Node }
	taps := make([][]gridTap, d)
	for k := range d {
		n := s[2+k]
		g := Reshape(sliceAxis(grid, 3, d-1-k, d-k), s[0], 1, places)
		c := g
		switch {
		case o.Elements:
		case o.AlignCorners:
			c = Mul(Add(g, Like(g, 1)), Like(g, float64(n-1)/2))
		default:
			c = Sub(Mul(Add(g, Like(g, 1)), Like(g, float64(n)/2)), Like(g, 0.5))
		}
		if o.Mode != "cubic" {
			c = intoGrid(c, n, o)
		}
		low := StopGradient(Floor(c))
		f := Sub(c, low)
		switch o.Mode {
		case "nearest":
			taps[k] = []gridTap{{StopGradient(Round(c)), nil}}
		case "cubic":
			for j, w := range cubicNodes(f) {
				taps[k] = append(taps[k], gridTap{intoGrid(Add(low, Like(low, float64(j-1))), n, o), w})
			}
		default:
			taps[k] = []gridTap{{low, Sub(Like(f, 1), f)}, {Add(low, Like(low, 1)), f}}
		}
	}
	flat := Reshape(x, s[0], s[1], s[2:].Size())
	var sum *Node
	all := 1
	for _, list := range taps {
		all *= len(list)
	}
	for k := range all {
		index := Zeros(x.g, Int64, s[0], 1, places)
		var weight, inside *Node
		for dim, list := range taps {
			t := list[k%len(list)]
			k /= len(list)
			last := Like(t.at, float64(s[2+dim]-1))
			in := LogicalAnd(LessEqual(Like(last, 0), t.at), LessEqual(t.at, last))
			at := Cast(Clip(t.at, Like(last, 0), last), Int64)
			index = Add(Mul(index, Like(index, float64(s[2+dim]))), at)
			if inside == nil {
				inside, weight = in, t.weight
				continue
			}
			inside = LogicalAnd(inside, in)
			if t.weight != nil {
				weight = Mul(weight, t.weight)
			}
		}
		v := Where(inside, TakeAlongAxis(flat, index, 2), Like(x, 0))
		if weight != nil {
			v = Mul(v, weight)
		}
		if sum == nil {
			sum = v
		} else {
			sum = Add(sum, v)
		}
	}
	return Reshape(sum, append(Shape{s[0], s[1]}, t[1:len(t)-1]...)...)
}

// cubicNodes are cubic's weights of a node.
func cubicNodes(t *Node) [4]*Node {
	const a = cubicSlope
	one := Like(t, 1)
	near := func(x *Node) *Node {
		return Add(Mul(Sub(Mul(Like(x, a+2), x), Like(x, a+3)), Square(x)), one)
	}
	far := func(x *Node) *Node {
		return Sub(Mul(Add(Mul(Sub(Mul(Like(x, a), x), Like(x, 5*a)), x), Like(x, 8*a)), x), Like(x, 4*a))
	}
	return [4]*Node{far(Add(one, t)), near(t), near(Sub(one, t)), far(Sub(Like(t, 2), t))}
}

// intoGrid moves places along a dimension of n elements to within it, as the padding says.
func intoGrid(c *Node, n int, o GridSampleOptions) *Node {
	zero, last := Like(c, 0), Like(c, float64(n-1))
	switch o.Padding {
	case "border":
		return Clip(c, zero, last)
	case "reflection":
		low, span := -0.5, float64(n)
		if o.AlignCorners {
			low, span = 0, float64(n-1)
		}
		if span == 0 {
			return Mul(c, zero)
		}
		from := Abs(Sub(c, Like(c, low)))
		times := StopGradient(Floor(Div(from, Like(c, span))))
		rest := Sub(from, Mul(times, Like(c, span)))
		even := Equal(Mod(times, Like(c, 2)), zero)
		return Clip(Add(Where(even, rest, Sub(Like(c, span), rest)), Like(c, low)), zero, last)
	}
	return c
}
