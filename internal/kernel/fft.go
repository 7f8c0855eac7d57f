package kernel

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/dsp/fourier"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/shape"
)

const fftNote = " Complex numbers are pairs (real, imaginary) in a trailing dimension of extent 2. Any length: mixed radices, " +
	"and Bluestein's algorithm where a prime factor exceeds 50. Computed in float64. Float dtypes."

func init() {
	for _, f := range []struct {
		name, doc string
		inverse   bool
	}{
		{"fft", "Discrete Fourier transform Σ x_j·exp(−2πi·jk/n) along each of the axes.", false},
		{"ifft", "Inverse discrete Fourier transform Σ x_k·exp(2πi·jk/n)/n along each of the axes.", true},
	} {
		Register(&Kernel{
			Name:    f.name,
			Plain:   true,
			Doc:     f.doc + fftNote,
			Check:   checkFFT,
			Prepare: func(in, out []Type, a attr.List) any { return newFFTAxes(in[0].Shape, a.Ints("axes"), f.inverse) },
			Work: func(in, out []Type, a attr.List) float64 {
				return fftWork * float64(in[0].Size()) * float64(len(a.Ints("axes")))
			},
			StateBytes: func(in, out []Type, a attr.List) int64 {
				total := int64(0)
				for i, x := range a.Ints("axes") {
					n := in[0].Shape[x]
					if !slices.ContainsFunc(a.Ints("axes")[:i], func(y int) bool { return in[0].Shape[y] == n }) {
						total += fftPlanBytes(n)
					}
				}
				return total
			},
			Run: func(c *Call) error { return pickFloat(c.Out[0].DType, runFFT[float64], runFFT[float32])(c) },
		})
	}
	Register(&Kernel{
		Name:  "rfft",
		Plain: true,
		Doc:   "Discrete Fourier transform of a real operand along axis: the first n/2+1 coefficients, the others are their conjugates." + fftNote,
		Check: func(in, out []Type, a attr.List) error {
			if err := checkCall(in, out, a, 1, 1, need("axis", attr.Int)); err != nil {
				return err
			}
			return checkRealFFT(in[0], out[0], a.Int("axis"))
		},
		Prepare:    func(in, out []Type, a attr.List) any { return newFFTPlan(in[0].Shape[a.Int("axis")]) },
		Work:       timesElements(fftWork),
		StateBytes: func(in, out []Type, a attr.List) int64 { return fftPlanBytes(in[0].Shape[a.Int("axis")]) },
		Run:        func(c *Call) error { return pickFloat(c.Out[0].DType, runRFFT[float64], runRFFT[float32])(c) },
	})
	Register(&Kernel{
		Name:  "irfft",
		Plain: true,
		Doc: "Real inverse of rfft along axis, of length n; the operand has n/2+1 coefficients there. The imaginary parts of the first and, " +
			"for even n, the last coefficient are not read." + fftNote,
		Check: func(in, out []Type, a attr.List) error {
			if err := checkCall(in, out, a, 1, 1, need("axis", attr.Int), need("n", attr.Int)); err != nil {
				return err
			}
			if err := checkRealFFT(out[0], in[0], a.Int("axis")); err != nil {
				return err
			}
			if n := out[0].Shape[a.Int("axis")]; n != a.Int("n") {
				return fmt.Errorf("n is %d, the result has %d elements", a.Int("n"), n)
			}
			return nil
		},
		Prepare:    func(in, out []Type, a attr.List) any { return newFFTPlan(a.Int("n")) },
		Work:       timesElements(fftWork),
		StateBytes: func(in, out []Type, a attr.List) int64 { return fftPlanBytes(a.Int("n")) },
		Run:        func(c *Call) error { return pickFloat(c.Out[0].DType, runIRFFT[float64], runIRFFT[float32])(c) },
	})
}

// maxFFTLength bounds the length of one transform, so that the plan's tables can be allocated.
const maxFFTLength = 1 << 28

func checkFFT(in, out []Type, a attr.List) error {
	if err := checkCall(in, out, a, 1, 1, need("axes", attr.Ints)); err != nil {
		return err
	}
	s := in[0].Shape
	if len(s) < 1 || s[len(s)-1] != 2 {
		return fmt.Errorf("operand %v has no trailing dimension of extent 2", s)
	}
	if err := checkAxes(a.Ints("axes"), len(s)-1); err != nil {
		return err
	}
	for _, x := range a.Ints("axes") {
		if s[x] > maxFFTLength {
			return fmt.Errorf("transforms of length %d: at most %d", s[x], maxFFTLength)
		}
	}
	return firstOf(checkAmong(floatSet, in[0]), checkDType(in[0].DType, out[0]), wantShape("result", out[0].Shape, s))
}

// checkRealFFT checks the real and the complex side of a real transform.
func checkRealFFT(r, z Type, axis int) error {
	if err := firstOf(checkAmong(floatSet, r), checkDType(r.DType, z), checkAxis(axis, len(r.Shape))); err != nil {
		return err
	}
	if n := r.Shape[axis]; n > maxFFTLength {
		return fmt.Errorf("transforms of length %d: at most %d", n, maxFFTLength)
	}
	return wantShape("the complex side", z.Shape, append(shape.Replaced(r.Shape, axis, r.Shape[axis]/2+1), 2))
}

// fftPlan transforms sequences of one length in its buffer.
type fftPlan struct {
	seq []complex128
	fft *fourier.CmplxFFT
	// Bluestein's algorithm: the transform as a convolution with a chirp, of a length that is a power of two.
	chirp, chirpFFT, padded []complex128
}

func newFFTPlan(n int) *fftPlan {
	p := &fftPlan{seq: make([]complex128, n)}
	if largestFactor(n) <= 50 {
		p.fft = fourier.NewCmplxFFT(n)
		return p
	}
	m := 1
	for m < 2*n-1 {
		m *= 2
	}
	p.fft = fourier.NewCmplxFFT(m)
	p.chirp, p.chirpFFT, p.padded = make([]complex128, n), make([]complex128, m), make([]complex128, m)
	for k := range n {
		// exp(−πi·k²/n); k² is taken modulo 2n, so the angle is exact.
		sin, cos := math.Sincos(math.Pi * float64(k*k%(2*n)) / float64(n))
		p.chirp[k] = complex(cos, -sin)
		p.chirpFFT[k] = complex(cos, sin)
		if k > 0 {
			p.chirpFFT[m-k] = complex(cos, sin)
		}
	}
	p.fft.Coefficients(p.chirpFFT, p.chirpFFT)
	return p
}

// fftPlanBytes returns what newFFTPlan allocates: complex numbers, and gonum's plan, which has 48 bytes for each element.
func fftPlanBytes(n int) int64 {
	if largestFactor(n) <= 50 {
		return 64 * int64(n)
	}
	m := int64(1)
	for m < 2*int64(n)-1 {
		m *= 2
	}
	return 32*int64(n) + 80*m
}

// largestFactor returns the largest prime factor of n, 1 for 1.
func largestFactor(n int) int {
	largest := 1
	for f := 2; f*f <= n; f++ {
		for n%f == 0 {
			n /= f
			largest = f
		}
	}
	return max(largest, n)
}

// transform replaces p.seq by its transform, the inverse one without the factor 1/n.
func (p *fftPlan) transform(inverse bool) {
	switch {
	case p.chirp == nil && inverse:
		p.fft.Sequence(p.seq, p.seq)
	case p.chirp == nil:
		p.fft.Coefficients(p.seq, p.seq)
	default:
		p.bluestein(inverse)
	}
}

// times is x·y without fused operations, which other processors have.
func times(x, y complex128) complex128 {
	return complex(float64(real(x)*real(y))-float64(imag(x)*imag(y)), float64(real(x)*imag(y))+float64(imag(x)*real(y)))
}

func (p *fftPlan) bluestein(inverse bool) {
	if inverse {
		conjugate(p.seq)
	}
	clear(p.padded)
	for k, x := range p.seq {
		p.padded[k] = times(x, p.chirp[k])
	}
	p.fft.Coefficients(p.padded, p.padded)
	for k, x := range p.chirpFFT {
		p.padded[k] = times(p.padded[k], x)
	}
	p.fft.Sequence(p.padded, p.padded)
	scale := complex(1/float64(len(p.padded)), 0)
	for k, x := range p.chirp {
		p.seq[k] = times(times(p.padded[k], x), scale)
	}
	if inverse {
		conjugate(p.seq)
	}
}

func conjugate(x []complex128) {
	for i, z := range x {
		x[i] = complex(real(z), -imag(z))
	}
}

// fftWork is about the number of operations for each element of a transform.
const fftWork = 500

// fftAxis is the transform along one axis: inner is the number of complex numbers between neighbours.
type fftAxis struct {
	plan     *fftPlan
	n, inner int
}

type fftAxes struct {
	axes    []fftAxis
	inverse bool
}

func newFFTAxes(extents, axes []int, inverse bool) *fftAxes {
	s := &fftAxes{inverse: inverse}
	for _, x := range axes {
		_, n, inner := shape.Split(extents[:len(extents)-1], x)
		a := fftAxis{n: n, inner: inner}
		if k := slices.IndexFunc(s.axes, func(o fftAxis) bool { return o.n == n }); k >= 0 {
			a.plan = s.axes[k].plan
		} else {
			a.plan = newFFTPlan(n)
		}
		s.axes = append(s.axes, a)
	}
	return s
}

func runFFT[T float](c *Call) error {
	s, dst := c.State.(*fftAxes), data[T](&c.Out[0])
	copy(dst, data[T](&c.In[0]))
	for _, a := range s.axes {
		scale := 1.0
		if s.inverse {
			scale = 1 / float64(a.n)
		}
		for o := 0; o < len(dst)/2; o += a.n * a.inner {
			for j := range a.inner {
				c.Poll(fftWork * a.n)
				for i := range a.plan.seq {
					e := 2 * (o + j + i*a.inner)
					a.plan.seq[i] = complex(float64(dst[e]), float64(dst[e+1]))
				}
				a.plan.transform(s.inverse)
				for i, z := range a.plan.seq {
					e := 2 * (o + j + i*a.inner)
					dst[e], dst[e+1] = T(real(z)*scale), T(imag(z)*scale)
				}
			}
		}
	}
	return nil
}

func runRFFT[T float](c *Call) error {
	p, src, dst := c.State.(*fftPlan), data[T](&c.In[0]), data[T](&c.Out[0])
	outer, n, inner := shape.Split(c.In[0].Shape, c.Attrs.Int("axis"))
	half := n/2 + 1
	for o := range outer {
		for j := range inner {
			c.Poll(fftWork * n)
			for i := range p.seq {
				p.seq[i] = complex(float64(src[(o*n+i)*inner+j]), 0)
			}
			p.transform(false)
			for i, z := range p.seq[:half] {
				e := 2 * ((o*half+i)*inner + j)
				dst[e], dst[e+1] = T(real(z)), T(imag(z))
			}
		}
	}
	return nil
}

func runIRFFT[T float](c *Call) error {
	p, src, dst := c.State.(*fftPlan), data[T](&c.In[0]), data[T](&c.Out[0])
	outer, n, inner := shape.Split(c.Out[0].Shape, c.Attrs.Int("axis"))
	half := n/2 + 1
	scale := 1 / float64(n)
	for o := range outer {
		for j := range inner {
			c.Poll(fftWork * n)
			for i := range half {
				e := 2 * ((o*half+i)*inner + j)
				re, im := float64(src[e]), float64(src[e+1])
				if i == 0 || 2*i == n {
					im = 0
				} else {
					p.seq[n-i] = complex(re, -im)
				}
				p.seq[i] = complex(re, im)
			}
			p.transform(true)
			for i, z := range p.seq {
				dst[(o*n+i)*inner+j] = T(real(z) * scale)
			}
		}
	}
	return nil
}
