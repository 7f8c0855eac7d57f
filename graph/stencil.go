package graph

import (
	"fmt"
	"math"
	"math/big"
)

// Boundary says what a finite difference reads beyond the ends of an axis.
type Boundary uint8

// The boundaries.
const (
	ZeroBoundary     Boundary = iota // zeros
	PeriodicBoundary                 // the elements from the other end
	ReflectBoundary                  // the elements mirrored at the outermost one, which stands once ("reflect" of PadMode)
)

// Differences says how derivatives by coordinates are approximated on a regular grid.
type Differences struct {
	// Accuracy is the order of the error in the spacing: 2, 4, 6, … up to 32; 0 means 2.
	Accuracy int
	// Spacing is the distance of grid points along each axis in turn; the last one stands for the axes that follow, and none for 1.
	Spacing []float64
	// Boundary is what lies beyond the ends.
	Boundary Boundary
}

// mostAccurate bounds Differences.Accuracy.
const mostAccurate = 32

// DifferenceWeights returns the weights w for which Σ w[k]·f(points[k]) is the derivative of the given order of f at 0, exact for polynomials of a degree below the number of points (B. Fornberg, Generation of finite
// difference formulas on arbitrarily spaced grids, Math. Comp. 51, 1988). They are computed in rational numbers and rounded once. It returns nil if two points are equal, a point is not
// finite, or there are no more than order points.
func DifferenceWeights(order int, points ...float64) []float64 {
	n := len(points)
	if order < 0 || order >= n {
		return nil
	}
	x := make([]*big.Rat, n)
	for k, p := range points {
		if x[k] = new(big.Rat).SetFloat64(p); x[k] == nil {
			return nil
		}
	}
	// c[m][k] is the weight of point k in derivative m by the points so far.
	c := make([][]*big.Rat, order+1)
	for m := range c {
		c[m] = make([]*big.Rat, n)
		for k := range c[m] {
			c[m][k] = new(big.Rat)
		}
	}
	c[0][0].SetInt64(1)
	before := big.NewRat(1, 1) // Π of the last point's distances from those before it
	product := func(a, b *big.Rat) *big.Rat { return new(big.Rat).Mul(a, b) }
	for i := 1; i < n; i++ {
		now := big.NewRat(1, 1)
		for k := range i {
			d := new(big.Rat).Sub(x[i], x[k])
			if d.Sign() == 0 {
				return nil
			}
			now.Mul(now, d)
			if k == i-1 {
				ratio := new(big.Rat).Quo(before, now)
				for m := min(i, order); m >= 0; m-- {
					v := product(x[i-1], c[m][i-1])
					v.Neg(v)
					if m > 0 {
						v.Add(v, product(big.NewRat(int64(m), 1), c[m-1][i-1]))
					}
					c[m][i].Mul(v, ratio)
				}
			}
			for m := min(i, order); m >= 0; m-- {
				v := product(x[i], c[m][k])
				if m > 0 {
					v.Sub(v, product(big.NewRat(int64(m), 1), c[m-1][k]))
				}
				c[m][k].Quo(v, d)
			}
		}
		before = now
	}
	w := make([]float64, n)
	for k := range w {
		w[k], _ = c[order][k].Float64()
	}
	return w
}

// accuracy returns the order of accuracy.
func (d Differences) accuracy() (int, error) {
	switch a := d.Accuracy; {
	case a == 0:
		return 2, nil
	case a < 2 || a > mostAccurate || a%2 != 0:
		return 0, fmt.Errorf("the order of accuracy %d is not one of 2, 4, … %d", a, mostAccurate)
	default:
		return a, nil
	}
}

// spacing returns the distance of grid points along an axis.
func (d Differences) spacing(axis int) (float64, error) {
	h := 1.0
	if n := len(d.Spacing); n > 0 {
		h = d.Spacing[min(axis, n-1)]
	}
	if !(h > 0) || math.IsInf(h, 1) {
		return 0, fmt.Errorf("the spacing %v of axis %d", h, axis)
	}
	return h, nil
}

// Derivative returns the derivative of x of an order, 1 or more, along an axis (negative ones count from the end), by central differences; its shape is that of x. Its own derivatives, in both modes, are
// stencils as well.
func (d Differences) Derivative(x *Node, axis, order int) *Node {
	if !x.Valid() {
		return apply1(opIdentity, x)
	}
	accuracy, err := d.accuracy()
	if err == nil && (order < 1 || order > mostAccurate) {
		err = fmt.Errorf("a derivative of order %d", order)
	}
	if err != nil {
		return x.g.Fail("differences", err)
	}
	radius := (order+1)/2 + accuracy/2 - 1
	points := make([]float64, 2*radius+1)
	for k := range points {
		points[k] = float64(k - radius)
	}
	return d.along(x, axis, order, -radius, DifferenceWeights(order, points...))
}

// Staggered returns the first derivative of x along an axis at the places half a spacing behind each element, or with before half a spacing in front of it. The staggered derivatives
// of the two kinds are each other's negative transpose with ZeroBoundary and PeriodicBoundary.
func (d Differences) Staggered(x *Node, axis int, before bool) *Node {
	if !x.Valid() {
		return apply1(opIdentity, x)
	}
	accuracy, err := d.accuracy()
	if err != nil {
		return x.g.Fail("differences", err)
	}
	first := 1 - accuracy/2
	if before {
		first--
	}
	points := make([]float64, accuracy)
	for k := range points {
		points[k] = float64(k) - float64(float64(accuracy-1)/2)
	}
	return d.along(x, axis, 1, first, DifferenceWeights(1, points...))
}

// along returns Σ w[k]·x(i + first + k) / spacingᵒʳᵈᵉʳ along an axis.
func (d Differences) along(x *Node, axis, order, first int, w []float64) *Node {
	axis, err := axisOf(axis, x.typ.Shape.Rank())
	if err == nil && !x.typ.DType.IsFloat() {
		err = fmt.Errorf("the operand is %v: needs floats", x.typ.DType)
	}
	h := 1.0
	if err == nil {
		h, err = d.spacing(axis)
	}
	if err != nil {
		return x.g.Fail("differences", err)
	}
	scale := math.Pow(h, float64(order))
	reach := make([]int, x.typ.Shape.Rank())
	reach[axis] = max(-first, first+len(w)-1, 0)
	from := d.extended(x, reach)
	last := 2*first + len(w) - 1 // first + k and last − first − k have weights of the same size
	var sum *Node
	add := func(v float64, part *Node) {
		if v != 0 && part.Valid() {
			sum = plus(sum, Mul(part, Like(x, v/scale)))
		}
	}
	for k := range (len(w) + 1) / 2 {
		by := first + k
		a := d.neighbour(x, from, reach, axis, by)
		switch v, opposite := w[k], w[len(w)-1-k]; {
		case by == last-by:
			add(v, a)
		case opposite == -v:
			add(opposite, Sub(d.neighbour(x, from, reach, axis, last-by), a))
		default:
			add(v, Add(a, d.neighbour(x, from, reach, axis, last-by)))
		}
	}
	return sum
}

// Laplacian returns the sum of the second derivatives of x along the axes, all if there are none; its shape is that of x. Its transpose is itself with ZeroBoundary and PeriodicBoundary.
func (d Differences) Laplacian(x *Node, axes ...int) *Node {
	if !x.Valid() {
		return apply1(opIdentity, x)
	}
	accuracy, err := d.accuracy()
	rank := x.typ.Shape.Rank()
	if err == nil && !x.typ.DType.IsFloat() {
		err = fmt.Errorf("the operand is %v: needs floats", x.typ.DType)
	}
	if err == nil && rank == 0 {
		err = fmt.Errorf("the operand is a scalar")
	}
	if err == nil {
		axes, err = axesOf(axes, rank)
	}
	reach, scale := make([]int, rank), make([]float64, rank)
	for k := 0; err == nil && k < len(axes); k++ {
		var h float64
		h, err = d.spacing(axes[k])
		reach[axes[k]], scale[axes[k]] = accuracy/2, h*h
	}
	if err != nil {
		return x.g.Fail("differences", err)
	}
	points := make([]float64, accuracy+1)
	for k := range points {
		points[k] = float64(k - accuracy/2)
	}
	w := DifferenceWeights(2, points...)[accuracy/2:]
	from := d.extended(x, reach)
	centre := 0.0
	for _, axis := range axes {
		centre += w[0] / scale[axis]
	}
	sum := Mul(x, Like(x, centre))
	for k := 1; k < len(w); k++ {
		for i, axis := range axes {
			first := true // of the axes with its spacing, whose neighbours have one weight
			for _, before := range axes[:i] {
				first = first && scale[before] != scale[axis]
			}
			if !first {
				continue
			}
			var ring *Node
			for _, same := range axes[i:] {
				if scale[same] == scale[axis] {
					ring = plus(ring, Add(d.neighbour(x, from, reach, same, -k), d.neighbour(x, from, reach, same, k)))
				}
			}
			sum = Add(sum, Mul(ring, Like(x, w[k]/scale[axis])))
		}
	}
	return sum
}

// Gradient returns the first derivatives of x along each axis, each of the shape of x.
func (d Differences) Gradient(x *Node) []*Node {
	if !x.Valid() {
		return []*Node{apply1(opIdentity, x)}
	}
	parts := make([]*Node, x.typ.Shape.Rank())
	for axis := range parts {
		parts[axis] = d.Derivative(x, axis, 1)
	}
	return parts
}

// Divergence returns the sum of the first derivatives of parts[k] along axis k; the parts have one shape, and there is one for each axis.
func (d Differences) Divergence(parts ...*Node) *Node {
	var sum *Node
	for axis, part := range parts {
		if part.Valid() && part.typ.Shape.Rank() != len(parts) {
			return part.g.Fail("differences", fmt.Errorf("%d parts of rank %d", len(parts), part.typ.Shape.Rank()))
		}
		sum = plus(sum, d.Derivative(part, axis, 1))
	}
	return sum
}

// extended is x with reach[axis] elements more at both ends of each axis, if they are others than its own.
func (d Differences) extended(x *Node, reach []int) *Node {
	if d.Boundary == ZeroBoundary {
		return Pad(x, reach, reach, 0)
	}
	for axis, r := range reach {
		if r == 0 {
			continue
		}
		n := x.typ.Shape[axis]
		switch {
		case d.Boundary == PeriodicBoundary && r <= n:
			// each neighbour is x moved as a whole
		case d.Boundary == ReflectBoundary && r < n:
			x = Concat(axis, Flip(sliceAxis(x, axis, 1, r+1), axis), x, Flip(sliceAxis(x, axis, n-1-r, n-1), axis))
		case d.Boundary > ReflectBoundary:
			return x.g.Fail("differences", fmt.Errorf("boundary %d is not known", d.Boundary))
		default:
			return x.g.Fail("differences", fmt.Errorf("a stencil that reaches %d elements beyond the ends of axis %d, whose extent is %d", r, axis, n))
		}
		if !x.Valid() {
			break
		}
	}
	return x
}

// neighbour is x at the places that lie by further along an axis, as a part of what extended made of it.
func (d Differences) neighbour(x, from *Node, reach []int, axis, by int) *Node {
	switch {
	case by == 0 || !from.Valid():
		return x
	case d.Boundary == PeriodicBoundary:
		return Roll(x, -by, axis)
	}
	ranges := make([]Range, len(reach))
	for d, e := range x.typ.Shape {
		ranges[d] = Range{Start: reach[d], Limit: reach[d] + e}
	}
	ranges[axis].Start += by
	ranges[axis].Limit += by
	return Slice(from, ranges...)
}

// AbsorbingLayer says how waves are damped towards the ends of an axis, so that few come back.
type AbsorbingLayer struct {
	// Width is the number of elements at each end, at least 1.
	Width int
	// Spacing is the distance of grid points, in metres say.
	Spacing float64
	// Velocity is the largest velocity of the waves, in metres per second then.
	Velocity float64
	// Reflection is what is left of the amplitude of a wave that comes in at a right angle and goes back, in the limit of fine grids; 0 means 1/1000.
	Reflection float64
}

// Damping returns the coefficient of damping at each of n grid points, per second: 0 but for the layers at both ends, in which it grows with the square of the distance from their inner edge, up to
// 3·v·ln(1/R)/(2·width·spacing) (F. Collino and C. Tsogka, Geophysics 66, 2001). With a damping s of 2s·∂u/∂t in the wave equation, or a stretch by 1 + s/iω in a perfectly matched layer, a wave that
// crosses the layer and comes back has the amplitude R. It returns an error if the layers overlap or a number is out of range.
func (l AbsorbingLayer) Damping(n int) ([]float64, error) {
	r := l.Reflection
	if r == 0 {
		r = 1e-3
	}
	positive := func(v float64) bool { return v > 0 && !math.IsInf(v, 1) }
	switch {
	case l.Width < 1 || 2*l.Width > n:
		return nil, fmt.Errorf("absorbing layer: two layers of %d elements of %d", l.Width, n)
	case !positive(l.Spacing) || !positive(l.Velocity):
		return nil, fmt.Errorf("absorbing layer: spacing %v and velocity %v", l.Spacing, l.Velocity)
	case !(r > 0 && r < 1):
		return nil, fmt.Errorf("absorbing layer: the reflection %v is not between 0 and 1", r)
	}
	most := 3 * l.Velocity * math.Log(1/r) / (2 * float64(l.Width) * l.Spacing)
	s := make([]float64, n)
	for k := range l.Width {
		x := float64(l.Width-k) / float64(l.Width)
		s[k], s[n-1-k] = most*x*x, most*x*x
	}
	return s, nil
}
