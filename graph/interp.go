package graph

import (
	"fmt"

	"github.com/adjoint-go/adjoint/internal/attr"
)

// The operators of this file; init fills them in because their derivatives refer to one another.
var opInterp, opBSpline, opBSplineCoefficients *Op

func init() {
	knots := SampleInput{Type: Type{Float64, Shape{4}}, Values: []float64{-1, 0.2, 1, 3}}
	opInterp = Register(&Op{
		Name: "interp", OperandNames: []string{"x", "abscissae", "values"}, Family: FamilyIndex, MinArity: 3, MaxArity: 3,
		Doc: "Piecewise linear interpolation (NumPy interp): operands x of any shape, abscissae in ascending order and their values (vectors of one extent ≥ 2). " +
			"Outside of the abscissae the outermost value. The derivative by x is the slope of the piece to the right of an abscissa, to the left of the last one, 0 outside.",
		Formula:       "the slope of the piece; the weights of both ends of the piece, by the abscissae times −slope",
		ThroughExpand: true,
		Infer: func(in []*Node, _ attr.List) (Type, error) {
			x, xp, fp := in[0].typ, in[1].typ, in[2].typ
			if !x.DType.IsFloat() || xp.DType != x.DType || fp.DType != x.DType {
				return Type{}, fmt.Errorf("operands are %v, %v and %v: need the same dtype, one of %v", x, xp, fp, Floats)
			}
			if len(xp.Shape) != 1 || xp.Shape[0] < 2 || !fp.Shape.Equal(xp.Shape) {
				return Type{}, fmt.Errorf("abscissae %v and values %v: need two vectors of the same extent, 2 or more", xp, fp)
			}
			return *x, nil
		},
		Expand: func(n *Node) *Node {
			x, xp, fp := n.Input(0), n.Input(1), n.Input(2)
			last := xp.typ.Shape[0] - 1
			k := Searchsorted(xp, x, true)
			k = Clip(Sub(k, Like(k, 1)), Like(k, 0), Like(k, float64(last-1)))
			next := Add(k, Like(k, 1))
			x0, x1, f0, f1 := Gather(xp, k, 0), Gather(xp, next, 0), Gather(fp, k, 0), Gather(fp, next, 0)
			y := Add(f0, Mul(Sub(x, x0), Div(Sub(f1, f0), Sub(x1, x0))))
			first, end := Index(xp, 0), Index(xp, last)
			return Where(Less(x, first), Index(fp, 0), Where(Greater(x, end), Index(fp, last), y))
		},
		Samples: []Sample{
			{In: []SampleInput{{Type: Type{Float64, Shape{2, 4}}, Values: []float64{-0.7, 0.9, 2.5, -0.1, 0.5, 1.5, 0.3, -2}}, knots, {Type: Type{Float64, Shape{4}}}}},
			{NoDifferences: "kinks at the abscissae", In: []SampleInput{{Type: Type{Float64, Shape{4}}, Values: []float64{-1, 0.2, 3, 4}}, knots, {Type: Type{Float64, Shape{4}}}}},
		},
	})
	bounds := []AttrSpec{{Key: "low", Kind: attr.Float, Doc: "abscissa of the first coefficient"}, {Key: "high", Kind: attr.Float, Doc: "abscissa of the last coefficient, above low"}}
	opBSpline = Register(&Op{
		Name: "bspline", OperandNames: []string{"x", "coefficients"}, Family: FamilyIndex, MinArity: 2, MaxArity: 2, Attrs: bounds,
		Doc: "The natural cubic spline with given B-spline coefficients (second operand, a vector of 2 or more) at uniform knots from low to high, at the points " +
			"of the first operand. Twice continuously differentiable; outside of the knots the outermost cubic pieces go on.",
		Formula: "the spline's derivative; the four B-splines at the point", Source: "de Boor, A Practical Guide to Splines, chapter IX",
		ThroughExpand: true,
		Infer: func(in []*Node, a attr.List) (Type, error) {
			x, c := in[0].typ, in[1].typ
			if !x.DType.IsFloat() || c.DType != x.DType {
				return Type{}, fmt.Errorf("operands are %v and %v: need the same dtype, one of %v", x, c, Floats)
			}
			if len(c.Shape) != 1 || c.Shape[0] < 2 {
				return Type{}, fmt.Errorf("the coefficients are %v: need a vector of 2 or more", c)
			}
			if !(a.Float("low") < a.Float("high")) {
				return Type{}, fmt.Errorf("knots from %v to %v", a.Float("low"), a.Float("high"))
			}
			return *x, nil
		},
		Expand: expandBSpline,
		Samples: []Sample{{Attrs: attr.Make(attr.F("low", -1), attr.F("high", 3)), In: []SampleInput{
			{Type: Type{Float64, Shape{2, 3}}, Values: []float64{-0.9, 0.1, 1.2, 2.7, -1.3, 3.4}}, {Type: Type{Float64, Shape{6}}}}}},
	})
	opBSplineCoefficients = Register(&Op{
		Name: "bspline_coefficients", AlongAxis: true, Family: FamilyIndex, MinArity: 1, MaxArity: 1,
		Doc: "The B-spline coefficients of the natural cubic spline (second derivative 0 at both ends) that takes the operand's values along an axis at uniform knots. " +
			"The tridiagonal system (c_(i−1) + 4c_i + c_(i+1))/6 = f_i is solved by elimination.",
		Attrs: []AttrSpec{axisAttr}, Formula: "the same system, transposed", ThroughExpand: true,
		Infer:   func(in []*Node, a attr.List) (Type, error) { return numberAlongAxis(Floats, in, a) },
		Expand:  expandBSplineCoefficients,
		Samples: []Sample{shapeSample(Shape{6}, attr.I("axis", 0)), shapeSample(Shape{5, 2}, attr.I("axis", 0)), shapeSample(Shape{2, 2}, attr.I("axis", 1))},
	})
}

// expandBSpline evaluates the four cubic B-splines that are not 0 on a piece.
func expandBSpline(n *Node) *Node {
	x, c := n.Input(0), n.Input(1)
	low, high := n.extra.attrs.Float("low"), n.extra.attrs.Float("high")
	last := c.typ.Shape[0] - 1
	t := Mul(Sub(x, Like(x, low)), Like(x, float64(last)/(high-low)))
	k := Clip(Floor(t), Like(t, 0), Like(t, float64(last-1)))
	u := Sub(t, k)
	// The second derivative is 0 at the ends: c₋₁ = 2c₀ − c₁.
	two := Like(c, 2)
	before := Sub(Mul(two, sliceAxis(c, 0, 0, 1)), sliceAxis(c, 0, 1, 2))
	after := Sub(Mul(two, sliceAxis(c, 0, last, last+1)), sliceAxis(c, 0, last-1, last))
	wide := Concat(0, before, c, after)
	at := Cast(k, Int64)
	at4 := func(j int) *Node { return Gather(wide, Add(at, Like(at, float64(j))), 0) }
	one, v := Like(u, 1), Sub(Like(u, 1), u)
	u2, u3 := Square(u), Mul(Square(u), u)
	w := []*Node{
		Mul(Square(v), v),
		Add(Sub(Mul(Like(u, 3), u3), Mul(Like(u, 6), u2)), Like(u, 4)),
		Add(Mul(Like(u, 3), Sub(Add(u2, u), u3)), one),
		u3,
	}
	sum := Mul(w[0], at4(0))
	for j := 1; j < 4; j++ {
		sum = Add(sum, Mul(w[j], at4(j)))
	}
	return Mul(sum, Like(sum, 1./6))
}

func expandBSplineCoefficients(n *Node) *Node {
	f, axis := n.Input(0), n.extra.attrs.Int("axis")
	e := f.typ.Shape[axis]
	if e < 3 {
		return Mul(f, Like(f, 1))
	}
	// The ends are c₀ = f₀ and c_(e−1) = f_(e−1); rows 1 … e−2 are c_(i−1) + 4c_i + c_(i+1) = 6f_i. Elimination leaves
	// c_i + r_i·c_(i+1) = d_i with r_i = 1/(4 − r_(i−1)) and d_i = r_i·(6f_i − d_(i−1)).
	r := make([]float64, e)
	forward, scale := make([]float64, e), make([]float64, e)
	scale[0] = 1
	for i := 1; i < e-1; i++ {
		r[i] = 1 / (4 - r[i-1])
		forward[i], scale[i] = -r[i], 6*r[i]
	}
	scale[e-1] = 1
	along := func(v []float64) *Node {
		s := make(Shape, f.typ.Shape.Rank())
		for i := range s {
			s[i] = 1
		}
		s[axis] = e
		return Reshape(Cast(Constant(n.g, v, e), f.typ.DType), s...)
	}
	back := make([]float64, e)
	for i := range back {
		back[i] = -r[i]
	}
	d := linearRecurrence(along(forward), Mul(f, along(scale)), axis, false)
	return linearRecurrence(along(back), d, axis, true)
}

// Interp returns the piecewise linear interpolation at x of values at ascending abscissae (NumPy interp).
func Interp(x, abscissae, values *Node) *Node { return apply3(opInterp, x, abscissae, values) }

// BSpline returns the natural cubic spline with the coefficients at uniform knots from low to high, at the points x.
func BSpline(x, coefficients *Node, low, high float64) *Node {
	return applyAll(opBSpline, []*Node{x, coefficients}, attr.F("low", low), attr.F("high", high))
}

// BSplineCoefficients returns the coefficients for BSpline of the natural cubic spline that takes the values along the axis.
func BSplineCoefficients(values *Node, axis int) *Node {
	return alongAxis(opBSplineCoefficients, values, axis)
}
