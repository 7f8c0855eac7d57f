package graph

import (
	"fmt"
	"math"
	"slices"

	"github.com/adjoint-go/adjoint/internal/shape"
)

// Interpolation and pooling to given extents, made of gathers along one dimension after another.

// Bounds of what is resampled by sums: extents, whose places are constants, and elements in one sum, of which each is a node.
const (
	maxResampled = 1 << 20
	maxTaps      = 1 << 12
)

// checkResampled reports extents from which, or to which, nothing is resampled.
func checkResampled(n, size int) error {
	if size < 1 || n < 1 {
		return fmt.Errorf("from %d elements to %d: needs one at least", n, size)
	}
	if n > maxResampled || size > maxResampled || n%size != 0 && n/size > maxTaps {
		return fmt.Errorf("from %d elements to %d: %d are the most, of which %d make one", n, size, maxResampled, maxTaps)
	}
	return nil
}

// tap is an element of a line, and its weight in a sum.
type tap struct {
	at     int
	weight float64
}

// resample makes each element of the lines along the axis a weighted sum of elements of those of x.
func resample(x *Node, axis int, places [][]tap) *Node {
	var sum *Node
	overTaps(x, axis, places, func(element, used *Node, weights []float64) {
		along := slices.Repeat([]int{1}, x.typ.Shape.Rank())
		along[axis] = len(places)
		if used != nil {
			element = Where(used, element, Like(x, 0))
		}
		term := Mul(element, Cast(Reshape(Constant(x.g, weights, len(weights)), along...), x.typ.DType))
		if sum == nil {
			sum = term
		} else {
			sum = Add(sum, term)
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
			along := slices.Repeat([]int{1}, x.typ.Shape.Rank())
			along[axis] = len(places)
			used = Reshape(Constant(x.g, has, len(has)), along...)
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

// placesOf returns where the elements of a line of n elements come from when it is resized to size, nil if the mode is not known.
func placesOf(mode string, n, size int, corners, antialias bool) [][]tap {
	places := make([][]tap, size)
	scale := float64(n) / float64(size)
	for i := range places {
		at := float64((float64(i)+0.5)*scale) - 0.5
		if corners {
			at = float64(i*(n-1)) / float64(max(size-1, 1))
		}
		switch {
		case antialias && (mode == "linear" || mode == "cubic"):
			places[i] = antialiased(mode, at+0.5, scale, n)
		case mode == "cubic":
			low := math.Floor(at)
			for k, w := range cubic(cubicSlope, at-low) {
				places[i] = append(places[i], tap{min(max(int(low)-1+k, 0), n-1), w})
			}
		case mode == "area":
			first, end := i*n/size, ((i+1)*n+size-1)/size
			for k := first; k < end; k++ {
				places[i] = append(places[i], tap{k, 1 / float64(end-first)})
			}
		case mode == "nearest_floor":
			places[i] = []tap{{min(i*n/size, n-1), 1}}
		default:
			return nil
		}
	}
	return places
}

// antialiased returns the elements under a filter around a centre that is as wide as an element of the result, if that is wider than one of the operand.
func antialiased(mode string, centre, scale float64, n int) []tap {
	wide := math.Max(scale, 1)
	reach := wide // of a triangle
	if mode == "cubic" {
		reach = 2 * wide
	}
	first, end := max(int(centre-reach+0.5), 0), min(int(centre+reach+0.5), n)
	var taps []tap
	sum := 0.0
	for k := first; k < end; k++ {
		d := math.Abs((float64(k) - centre + 0.5) / wide)
		w := math.Max(1-d, 0)
		if mode == "cubic" {
			switch c := cubic(antialiasedSlope, d-math.Floor(d)); {
			case d < 1:
				w = c[1]
			case d < 2:
				w = c[0]
			default:
				w = 0
			}
		}
		taps = append(taps, tap{k, w})
		sum += w
	}
	for k := range taps {
		taps[k].weight /= sum
	}
	return taps
}

// resizeBySums is Resize for modes that weight more than two elements.
func resizeBySums(x *Node, mode string, size []int, corners, antialias bool) *Node {
	const op = "resize"
	s := x.typ.Shape
	switch {
	case !x.typ.DType.IsFloat() || len(size) == 0 || len(size) != len(s)-2:
		return x.g.Fail(op, fmt.Errorf("the operand is %v, the size %v: need [N, C, spatial] of %v and as many entries as spatial dimensions", x.typ, size, Floats))
	case corners && (antialias || mode != "cubic"):
		return x.g.Fail(op, fmt.Errorf("corners are aligned in the modes nearest, linear and cubic without antialiasing"))
	}
	for i, n := range size {
		if err := checkResampled(s[i+2], n); err != nil {
			return x.g.Fail(op, err)
		}
		if n == s[i+2] {
			continue
		}
		if mode == "area" {
			x = overAreas(x, i+2, n, ReduceMean, resample)
			continue
		}
		if antialias && s[i+2]/n > maxTaps/4 {
			return x.g.Fail(op, fmt.Errorf("from %d elements to %d: a filter of more than %d", s[i+2], n, maxTaps))
		}
		places := placesOf(mode, s[i+2], n, corners, antialias)
		if places == nil {
			return x.g.Fail(op, fmt.Errorf("the mode is %q: need nearest, nearest_floor, linear, cubic or area, of which linear and cubic antialias", mode))
		}
		x = resample(x, i+2, places)
	}
	return x
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
	return pool(x, axis, placesOf("area", x.typ.Shape[axis], size, false, false))
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
		if err := checkResampled(x.typ.Shape[first+i], n); err != nil {
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
