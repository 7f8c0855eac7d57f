package graph

import (
	"fmt"
)

// Complex is an array of complex numbers, as two of real ones of the same shape and dtype. It is no dtype: programs know nothing of it, and its functions build on those of real numbers,
// with their broadcasting and, of the parts, their derivatives.
//
// The gradient of a real function L by a complex number x + iy consists of ∂L/∂x and ∂L/∂y, which compile.Gradient(L, z.Re, z.Im) returns. JAX's grad is ∂L/∂x − i·∂L/∂y, the derivative of a
// holomorphic function where L is its real part, and Complex{dx, Neg(dy)} here. PyTorch's is its conjugate ∂L/∂x + i·∂L/∂y, the direction of steepest ascent, and Complex{dx, dy}.
type Complex struct {
	Re, Im *Node
}

// ComplexPairs returns the complex numbers whose real and imaginary parts are the elements of the last dimension of x, of extent 2: what FFT and its like take and return.
func ComplexPairs(x *Node) Complex {
	if !x.Valid() {
		return Complex{x, x}
	}
	rank := x.typ.Shape.Rank()
	if rank == 0 || x.typ.Shape[rank-1] != 2 {
		bad := x.g.Fail("complex", fmt.Errorf("the operand is %v: needs a last dimension of extent 2", x.typ))
		return Complex{bad, bad}
	}
	part := func(k int) *Node { return Squeeze(sliceAxis(x, rank-1, k, k+1), rank-1) }
	return Complex{part(0), part(1)}
}

// Polar returns r·e^(iθ).
func Polar(r, theta *Node) Complex { return Complex{Mul(r, Cos(theta)), Mul(r, Sin(theta))} }

// RealNumbers returns the complex numbers without imaginary parts.
func RealNumbers(x *Node) Complex { return Complex{x, FullLike(x, 0)} }

// Pairs returns the numbers with their real and imaginary parts in a new last dimension.
func (z Complex) Pairs() *Node { return Stack(-1, z.Re, z.Im) }

// Add returns z + w.
func (z Complex) Add(w Complex) Complex { return Complex{Add(z.Re, w.Re), Add(z.Im, w.Im)} }

// Sub returns z − w.
func (z Complex) Sub(w Complex) Complex { return Complex{Sub(z.Re, w.Re), Sub(z.Im, w.Im)} }

// Neg returns −z.
func (z Complex) Neg() Complex { return Complex{Neg(z.Re), Neg(z.Im)} }

// Conj returns the conjugate.
func (z Complex) Conj() Complex { return Complex{z.Re, Neg(z.Im)} }

// Scale returns x·z for real x.
func (z Complex) Scale(x *Node) Complex { return Complex{Mul(x, z.Re), Mul(x, z.Im)} }

// Mul returns z·w.
func (z Complex) Mul(w Complex) Complex {
	return Complex{Sub(Mul(z.Re, w.Re), Mul(z.Im, w.Im)), Add(Mul(z.Re, w.Im), Mul(z.Im, w.Re))}
}

// Div returns z/w; NaN where w is 0. The square of |w| neither over- nor underflows.
func (z Complex) Div(w Complex) Complex {
	e := Neg(apply1(opExponent, Max(Abs(w.Re), Abs(w.Im))))
	u := Complex{Ldexp(w.Re, e), Ldexp(w.Im, e)}
	q := z.Mul(u.Conj())
	square := Add(Square(u.Re), Square(u.Im))
	return Complex{Ldexp(Div(q.Re, square), e), Ldexp(Div(q.Im, square), e)}
}

// Abs returns |z|; its derivative at 0 is 0.
func (z Complex) Abs() *Node { return Hypot(z.Re, z.Im) }

// Angle returns the argument of z in [−π, π], with the sign of zero imaginary parts.
func (z Complex) Angle() *Node { return Atan2(z.Im, z.Re) }

// Exp returns e^z.
func (z Complex) Exp() Complex { return Polar(Exp(z.Re), z.Im) }

// Log returns the logarithm with an imaginary part in [−π, π]: ln |z| + i·arg z.
func (z Complex) Log() Complex {
	r := z.Abs()
	if !r.Valid() {
		return Complex{r, r}
	}
	// Near the unit circle |z|² − 1 has more digits than |z|.
	a := Abs(z.Re)
	one := Like(r, 1)
	square := FMA(Sub(a, one), Add(a, one), Square(z.Im))
	near := Less(Abs(Sub(r, one)), Like(r, 0.25))
	square = Where(near, square, Like(r, 0))
	return Complex{Where(near, Mul(Like(r, 0.5), Log1p(square)), Log(r)), z.Angle()}
}

// Sqrt returns the square root with a real part ≥ 0, and the sign of the imaginary part that of z; 0 at 0, with the derivative 0.
func (z Complex) Sqrt() Complex {
	r := z.Abs()
	if !r.Valid() {
		return Complex{r, r}
	}
	zero := Equal(r, Like(r, 0))
	t := Sqrt(Where(zero, Like(r, 1), Mul(Like(r, 0.5), Add(r, Abs(z.Re))))) // the larger part
	other := Div(Mul(Like(r, 0.5), z.Im), t)
	right := GreaterEqual(z.Re, Like(z.Re, 0))
	none := Like(r, 0)
	return Complex{
		Where(zero, none, Where(right, t, Abs(other))),
		Where(zero, z.Im, Where(right, other, Copysign(t, z.Im)))}
}

// MatMul returns the product of complex matrices, as four real ones.
func (z Complex) MatMul(w Complex) Complex {
	return Complex{Sub(MatMul(z.Re, w.Re), MatMul(z.Im, w.Im)), Add(MatMul(z.Re, w.Im), MatMul(z.Im, w.Re))}
}

// FFT returns the discrete Fourier transform along the axes, the last one if there are none; negative ones count from the end.
func (z Complex) FFT(axes ...int) Complex { return z.transformed(FFT, axes) }

// IFFT returns the inverse of FFT.
func (z Complex) IFFT(axes ...int) Complex { return z.transformed(IFFT, axes) }

func (z Complex) transformed(f func(x *Node, axes ...int) *Node, axes []int) Complex {
	p := z.Pairs()
	if !p.Valid() {
		return Complex{p, p}
	}
	rank := p.typ.Shape.Rank() - 1
	if len(axes) == 0 {
		axes = []int{-1}
	}
	along := make([]int, len(axes))
	for i, a := range axes {
		if along[i] = a; a < 0 {
			along[i] += rank
		}
	}
	return ComplexPairs(f(p, along...))
}
