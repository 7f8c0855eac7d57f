package ref

import (
	"math"

	"github.com/adjoint-go/adjoint/graph"
)

// philox4x32 gives the four words of block b for a key and a stream by ten rounds of Philox 4x32 (Salmon et al., SC 2011).
func philox4x32(key Value, block uint64) [4]uint32 {
	stream := uint64(key.I[1])
	c := [4]uint32{uint32(block), uint32(block >> 32), uint32(stream), uint32(stream >> 32)}
	k0, k1 := uint32(key.I[0]), uint32(uint64(key.I[0])>>32)
	for range 10 {
		p, q := uint64(0xD2511F53)*uint64(c[0]), uint64(0xCD9E8D57)*uint64(c[2])
		c = [4]uint32{uint32(q>>32) ^ c[1] ^ k0, uint32(q), uint32(p>>32) ^ c[3] ^ k1, uint32(p)}
		k0, k1 = k0+0x9E3779B9, k1+0xBB67AE85
	}
	return c
}

func init() {
	bits64 := func(key Value, i int) uint64 {
		w := philox4x32(key, uint64(i/2))
		return uint64(w[2*(i%2)]) | uint64(w[2*(i%2)+1])<<32
	}
	evaluators["random_bits"] = func(n *graph.Node, in []Value) (Value, error) {
		out := New(n.Type())
		for i := range out.I {
			if n.DType() == graph.Int32 {
				out.I[i] = int64(int32(philox4x32(in[0], uint64(i/4))[i%4]))
			} else {
				out.I[i] = int64(bits64(in[0], i))
			}
		}
		return out, nil
	}
	evaluators["random_uniform"] = func(n *graph.Node, in []Value) (Value, error) {
		out := New(n.Type())
		for i := range out.F {
			if n.DType() == graph.Float32 {
				out.F[i] = math.Ldexp(float64(philox4x32(in[0], uint64(i/4))[i%4]>>8), -24)
			} else {
				out.F[i] = math.Ldexp(float64(bits64(in[0], i)>>11), -53)
			}
		}
		return out, nil
	}
	// Marsaglia and Tsang's method with the words of attempt t for element i in block i + t·2⁴⁰.
	evaluators["random_gamma"] = func(n *graph.Node, in []Value) (Value, error) {
		out := New(n.Type())
		unit := func(low, high uint32) float64 {
			return math.Ldexp(float64((uint64(high)<<32|uint64(low))>>12)+0.5, -52)
		}
		for i, a := range in[1].F {
			if !(a > 0) {
				out.F[i] = math.NaN()
				continue
			}
			if math.IsInf(a, 1) {
				out.F[i] = a
				continue
			}
			factor := 1.0
			if a < 1 {
				w := philox4x32(in[0], uint64(i))
				factor = math.Pow(unit(w[0], w[1]), 1/a)
				a++
			}
			for t := 1; out.F[i] == 0; t++ {
				w := philox4x32(in[0], uint64(i)+uint64(t)<<40)
				x := math.Sqrt2 * math.Erfinv(2*unit(w[0], w[1])-1)
				d := a - 1./3
				v := math.Pow(1+x/math.Sqrt(9*d), 3)
				if v > 0 && math.Log(unit(w[2], w[3])) < x*x/2+d-d*v+d*math.Log(v) {
					out.F[i] = factor * d * v
					break
				}
			}
		}
		return out, nil
	}
}
