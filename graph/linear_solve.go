package graph

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// gmresRestart is the number of steps after which GMRES begins anew.
const gmresRestart = 30

// LinearSolve returns the solution x of a(x) = b, where a is linear and gives a value of the type of b: the matrix is applied, never formed. o.Method is ConjugateGradient, BiCGSTAB or GMRES, which "" is
// too. The run fails, with the node, the steps and the residual, if ‖b − a(x)‖ > tolerance·‖b‖ after so many steps as o.Limit says; a b of zeros gives zeros.
//
// Derivatives of every order, by b and by what a uses from outside, are solutions with a and its transpose by the same method. With o.Lanes leading dimensions each element along them has a system of
// its own, which stops for itself.
func LinearSolve(a func(x *Node) *Node, b *Node, o ImplicitOptions) *Node {
	const op = "linear_solve"
	g, in, ok := operandsOfLoop(op, []*Node{b})
	if !ok {
		return g.invalid()
	}
	b = in[0][0]
	if o.Method == "" {
		o.Method = GMRES
	}
	o = o.withDefaults(b.typ)
	switch {
	case a == nil:
		return g.Fail(op, errors.New("needs a function"))
	case !b.typ.DType.IsFloat():
		return g.Fail(op, fmt.Errorf("the right-hand side is %v: needs floats", b.typ))
	case o.Lanes < 0 || o.Lanes > len(b.typ.Shape):
		return g.Fail(op, fmt.Errorf("%d dimensions of lanes, and the right-hand side is %v", o.Lanes, b.typ))
	case !(o.Tolerance > 0 && o.Tolerance < 1) || o.Limit < 1 || o.Limit > math.MaxInt32:
		return g.Fail(op, fmt.Errorf("a tolerance of %v and %d steps", o.Tolerance, o.Limit))
	}
	s := &linearSolver{a: a, b: b, o: o, m: o.Precondition}
	if s.m == nil {
		s.m = func(r *Node) *Node { return r }
	}
	for k := o.Lanes; k < len(b.typ.Shape); k++ {
		s.axes = append(s.axes, k)
	}
	var x, rr *Node
	switch o.Method {
	case ConjugateGradient:
		x, rr = s.conjugateGradient()
	case BiCGSTAB:
		x, rr = s.biCGSTAB()
	case GMRES:
		x, rr = s.gmres()
	default:
		return g.Fail(op, fmt.Errorf("no method %q that applies the matrix", o.Method))
	}
	if g.Err() != nil {
		return g.invalid()
	}
	message := fmt.Sprintf("%s does not converge in %d steps: the residual relative to the right-hand side", o.Method, o.Limit)
	x = Require(x, LogicalNot(s.active(rr)), message, Sqrt(Div(rr, s.bb())))
	return Implicit(x, func(x *Node) *Node { return Sub(a(x), b) }, o)
}

// linearSolver is what the methods share.
type linearSolver struct {
	a, m func(x *Node) *Node
	b    *Node
	o    ImplicitOptions
	axes []int // of a lane's elements
}

// dot is the inner product in each lane, with extents of 1 for the lane's dimensions.
func (s *linearSolver) dot(x, y *Node) *Node {
	p := Mul(x, y)
	if len(s.axes) == 0 {
		return p
	}
	return ReduceSum(p, s.axes, KeepDims)
}

func (s *linearSolver) bb() *Node { return s.dot(s.b, s.b) }

// active says for each lane whether a squared norm of the residual is still too large; NaN is.
func (s *linearSolver) active(rr *Node) *Node {
	bb := s.bb()
	return LogicalNot(LessEqual(rr, Mul(bb, Like(bb, s.o.Tolerance*s.o.Tolerance))))
}

// quotient is x/y where the lane is active and y is not 0, else 0.
func quotient(active, x, y *Node) *Node {
	zero := Like(y, 0)
	use := LogicalAnd(active, NotEqual(y, zero))
	return Where(use, Div(x, Where(use, y, Like(y, 1))), Like(x, 0))
}

// iterate goes on with the carries, of which the first is x and the second the squared norm of the residual, until all lanes have converged, or something is NaN, or there are no steps left; each
// iteration takes so many.
func (s *linearSolver) iterate(init []*Node, steps int, step func(c []*Node) []*Node) (x, rr *Node) {
	g := graphOf(init...)
	count := g.Scalar(Int64, 0)
	final, _ := While(s.o.Limit/steps+2, append([]*Node{count}, init...),
		func(c []*Node) *Node {
			going := LogicalAnd(s.active(c[2]), LogicalNot(IsNaN(c[2])))
			return LogicalAnd(ReduceAny(going, nil), Less(c[0], Like(c[0], float64(s.o.Limit))))
		},
		func(c []*Node) []*Node {
			return append([]*Node{Add(c[0], Like(c[0], float64(steps)))}, step(c[1:])...)
		})
	return final[1], final[2]
}

func (s *linearSolver) conjugateGradient() (x, rr *Node) {
	z := s.m(s.b)
	return s.iterate([]*Node{FullLike(s.b, 0), s.bb(), s.b, z, s.dot(s.b, z)}, 1, func(c []*Node) []*Node {
		x, rr, r, p, rz := c[0], c[1], c[2], c[3], c[4]
		active := s.active(rr)
		ap := s.a(p)
		alpha := quotient(active, rz, s.dot(p, ap))
		x, r = Add(x, Mul(alpha, p)), Sub(r, Mul(alpha, ap))
		z := s.m(r)
		next := s.dot(r, z)
		return []*Node{x, s.dot(r, r), r, Add(z, Mul(quotient(active, next, rz), p)), next}
	})
}

func (s *linearSolver) biCGSTAB() (x, rr *Node) {
	zero, bb := FullLike(s.b, 0), s.bb()
	one := FullLike(bb, 1)
	return s.iterate([]*Node{zero, bb, s.b, s.b, zero, zero, one, one, one}, 1, func(c []*Node) []*Node {
		x, rr, r, shadow, p, v, rho, alpha, omega := c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7], c[8]
		active := s.active(rr)
		next := s.dot(shadow, r)
		// Begins anew where the shadow has become orthogonal to the residual.
		lost := LessEqual(Square(next), Mul(Mul(s.dot(shadow, shadow), rr), Like(rr, 1e-24)))
		shadow, next = Where(lost, r, shadow), Where(lost, rr, next)
		beta := Mul(quotient(active, next, rho), quotient(active, alpha, omega))
		beta = Where(lost, Like(beta, 0), beta)
		p = Add(r, Mul(beta, Sub(p, Mul(omega, v))))
		y := s.m(p)
		v = s.a(y)
		alpha = quotient(active, next, s.dot(shadow, v))
		half := Sub(r, Mul(alpha, v))
		z := s.m(half)
		t := s.a(z)
		omega = quotient(active, s.dot(t, half), s.dot(t, t))
		x, r = Add(x, Add(Mul(alpha, y), Mul(omega, z))), Sub(half, Mul(omega, t))
		return []*Node{x, s.dot(r, r), r, shadow, p, v, next, alpha, omega}
	})
}

func (s *linearSolver) gmres() (x, rr *Node) {
	shape := s.b.typ.Shape
	lanes, size := shape[:s.o.Lanes], shape[s.o.Lanes:].Size()
	m := min(gmresRestart, size, s.o.Limit)
	basis := append([]int{m + 1}, shape...)
	weights := slices.Concat([]int{m}, lanes, slices.Repeat([]int{1}, len(s.axes))) // one for each vector of a lane
	inner := make([]int, len(s.axes))
	for i, a := range s.axes {
		inner[i] = a + 1
	}
	perLane := func(products *Node) *Node {
		if len(inner) == 0 {
			return products
		}
		return ReduceSum(products, inner, KeepDims)
	}
	return s.iterate([]*Node{FullLike(s.b, 0), s.bb(), s.b}, m, func(c []*Node) []*Node {
		x, rr, r := c[0], c[1], c[2]
		g := x.g
		active := s.active(rr)
		norm := Sqrt(rr)
		first := Mul(r, quotient(active, Like(norm, 1), norm))
		rows := Reshape(Iota(g, Int64, 0, m+1), append([]int{m + 1}, slices.Repeat([]int{1}, len(shape))...)...)
		v := Where(Equal(rows, Like(rows, 0)), ExpandDims(first, 0), BroadcastTo(Like(first, 0), basis...))
		final, columns := Scan(m, []*Node{v, g.Scalar(Int64, 0), first}, nil, func(c, _ []*Node) (next, ys []*Node) {
			v, j, last := c[0], c[1], c[2]
			w := s.a(s.m(last))
			before := s.dot(w, w)
			var h *Node
			for range 2 { // twice is enough (Giraud, Langou & Rozložník, 2005)
				part := perLane(Mul(v, ExpandDims(w, 0)))
				w = Sub(w, ReduceSum(Mul(part, v), []int{0}))
				if h == nil {
					h = part
				} else {
					h = Add(h, part)
				}
			}
			ww := s.dot(w, w)
			// What is left of an invariant space is rounding.
			ww = Where(LessEqual(ww, Mul(before, Like(before, 1e-28))), Like(ww, 0), ww)
			norm := Sqrt(ww)
			w = Mul(w, quotient(active, Like(norm, 1), norm))
			at := Equal(rows, Add(j, Like(j, 1)))
			h = Where(at, ExpandDims(norm, 0), h)
			return []*Node{Where(at, ExpandDims(w, 0), v), Add(j, Like(j, 1)), w}, []*Node{h}
		})
		v = final[0]
		// Least squares ‖βe₁ − Hy‖ by QR; columns behind an invariant space are 0 and have y = 0.
		perm := []int{}
		for k := range lanes {
			perm = append(perm, k+2)
		}
		h := Transpose(Reshape(columns[0], append([]int{m, m + 1}, lanes...)...), append(perm, 1, 0)...)
		q, u := QR(h)
		beta := Reshape(norm, append(slices.Clone(lanes), 1)...)
		row := make([]Range, s.o.Lanes, s.o.Lanes+2)
		for k := range row {
			row[k] = Range{Limit: All}
		}
		rhs := Mul(beta, Reshape(Slice(q, append(row, Range{Limit: 1})...), append(slices.Clone(lanes), m)...))
		diagonal := DiagPart(u, 0)
		none := LessEqual(Abs(diagonal), Mul(ReduceMax(Abs(diagonal), []int{-1}, KeepDims), Like(diagonal, 1e-15)))
		u = Add(u, Diag(Where(none, Sub(Like(diagonal, 1), diagonal), Like(diagonal, 0)), 0))
		rhs = Where(none, Like(rhs, 0), rhs)
		y := TriangularSolve(u, ExpandDims(rhs, -1), UpperTriangle)
		perm = []int{s.o.Lanes}
		for k := range lanes {
			perm = append(perm, k)
		}
		y = Transpose(Reshape(y, append(slices.Clone(lanes), m)...), perm...)
		x = Add(x, s.m(ReduceSum(Mul(Reshape(y, weights...), Slice(v, Range{Limit: m})), []int{0})))
		r = Sub(s.b, s.a(x))
		return []*Node{x, s.dot(r, r), r}
	})
}
