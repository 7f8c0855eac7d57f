package ref

import (
	"math"
	"math/cmplx"

	"github.com/adjoint-go/adjoint/graph"
)

// fourierSum is Σ xⱼ·exp(sign·2πi·jk/n).
func fourierSum(x []complex128, sign float64, k int) complex128 {
	n := len(x)
	var s complex128
	for j, v := range x {
		s += v * cmplx.Rect(1, sign*2*math.Pi*float64(j*k%n)/float64(n))
	}
	return s
}

func init() {
	transform := func(sign float64) func(n *graph.Node, in []Value) (Value, error) {
		return func(n *graph.Node, in []Value) (Value, error) {
			s := n.Shape()[:n.Shape().Rank()-1]
			z := make([]complex128, s.Size())
			for i := range z {
				z[i] = complex(in[0].F[2*i], in[0].F[2*i+1])
			}
			for _, axis := range n.Attrs().Ints("axes") {
				for _, run := range runs(s, []int{axis}) {
					line := make([]complex128, len(run))
					for j, i := range run {
						line[j] = z[i]
					}
					for k, i := range run {
						z[i] = fourierSum(line, sign, k)
						if sign > 0 {
							z[i] /= complex(float64(len(run)), 0)
						}
					}
				}
			}
			out := New(n.Type())
			for i, v := range z {
				out.F[2*i], out.F[2*i+1] = real(v), imag(v)
			}
			return out, nil
		}
	}
	evaluators["fft"], evaluators["ifft"] = transform(-1), transform(1)
	evaluators["rfft"] = func(n *graph.Node, in []Value) (Value, error) {
		out, axis := New(n.Type()), n.Attrs().Int("axis")
		half := n.Shape()[:n.Shape().Rank()-1]
		to := runs(half, []int{axis})
		for r, run := range runs(in[0].Type.Shape, []int{axis}) {
			line := make([]complex128, len(run))
			for j, i := range run {
				line[j] = complex(in[0].F[i], 0)
			}
			for k, i := range to[r] {
				z := fourierSum(line, -1, k)
				out.F[2*i], out.F[2*i+1] = real(z), imag(z)
			}
		}
		return out, nil
	}
	evaluators["irfft"] = func(n *graph.Node, in []Value) (Value, error) {
		out, axis := New(n.Type()), n.Attrs().Int("axis")
		s := in[0].Type.Shape
		from := runs(s[:s.Rank()-1], []int{axis})
		for r, run := range runs(n.Shape(), []int{axis}) {
			line := make([]complex128, len(run))
			for k, i := range from[r] {
				z := complex(in[0].F[2*i], in[0].F[2*i+1])
				if k == 0 || 2*k == len(run) {
					z = complex(real(z), 0)
				} else {
					line[len(run)-k] = cmplx.Conj(z)
				}
				line[k] = z
			}
			for j, i := range run {
				out.F[i] = real(fourierSum(line, 1, j)) / float64(len(run))
			}
		}
		return out, nil
	}
}
