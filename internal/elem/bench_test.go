package elem

import (
	"math/rand"
	"testing"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
)

// BenchmarkBlock times every kernel on 512 elements in L1; ns/elem is the time of one.
func BenchmarkBlock(b *testing.B) {
	const n = micro.BlockLanes
	for _, typ := range []dtype.DType{dtype.Float64, dtype.Float32, dtype.Int64, dtype.Int32} {
		for op := micro.Op(1); int(op) < micro.Count; op++ {
			for _, level := range levels() {
				if (typ.IsFloat() && !op.Info().Float) || BlockKernel(op, typ, typ, cpu.Portable) == nil || BlockPath(op, typ, typ, level) != level {
					continue
				}
				b.Run(typ.Short()+"/"+op.String()+"/"+level.String(), func(b *testing.B) {
					in := benchOperands(op, typ, n)
					dst := newGuarded(dtype.Float64, n)
					k := BlockKernel(op, typ, typ, level)
					for b.Loop() {
						k(dst.ptr(), in[0].ptr(), in[1].ptr(), in[2].ptr(), n)
					}
					b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/elem")
				})
			}
		}
	}
}

// BenchmarkSinCos times the pair kernel.
func BenchmarkSinCos(b *testing.B) {
	const n = micro.BlockLanes
	for _, typ := range []dtype.DType{dtype.Float64, dtype.Float32} {
		for _, level := range levels() {
			b.Run(typ.Short()+"/"+level.String(), func(b *testing.B) {
				in := benchOperands(micro.Sin, typ, n)
				s, c := newGuarded(dtype.Float64, n), newGuarded(dtype.Float64, n)
				k := SinCosBlock(typ, level)
				for b.Loop() {
					k(s.ptr(), c.ptr(), in[0].ptr(), n)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/elem")
			})
		}
	}
}

// BenchmarkBesideDivision times the kernels that divide as well.
func BenchmarkBesideDivision(b *testing.B) {
	const n = micro.BlockLanes
	for _, typ := range []dtype.DType{dtype.Float64, dtype.Float32} {
		for _, level := range levels() {
			for _, op := range []micro.Op{micro.Exp, micro.Log, micro.Sin} {
				k := BesideDivision(op, typ, level)
				if k == nil {
					continue
				}
				b.Run(typ.Short()+"/"+op.String()+"/"+level.String(), func(b *testing.B) {
					in := benchOperands(op, typ, n)
					d, d2, d3 := newGuarded(dtype.Float64, n), newGuarded(dtype.Float64, n), newGuarded(dtype.Float64, n)
					for b.Loop() {
						k(d.ptr(), d2.ptr(), d3.ptr(), in[0].ptr(), in[1].ptr(), in[2].ptr(), n)
					}
					b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/elem")
				})
			}
		}
	}
}

// benchOperands are numbers in (0.1, 0.9), or above 1 for acosh.
func benchOperands(op micro.Op, t dtype.DType, n int) [3]*guarded {
	rng := rand.New(rand.NewSource(5))
	var out [3]*guarded
	for k := range out {
		g := newGuarded(operandType(op, t, k), n)
		for i := range n {
			v := 0.1 + 0.8*rng.Float64()
			if op == micro.Acosh {
				v++
			}
			d := g.data()
			switch g.t {
			case dtype.Bool:
				d[i] = byte(rng.Intn(2))
			case dtype.Float32:
				*(*float32)(unsafe.Pointer(&d[4*i])) = float32(v)
			case dtype.Int32:
				*(*int32)(unsafe.Pointer(&d[4*i])) = int32(1000 * v)
			default:
				*(*float64)(unsafe.Pointer(&d[8*i])) = v
			}
		}
		out[k] = g
	}
	return out
}
