package native

import (
	"fmt"
	"math"
	"testing"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
)

// chainLoop is Σ exp(−x²)·sin x + x/(1+x²) with the gradient as an output, 15 micro-instructions.
func chainLoop(d dtype.DType) *micro.Loop {
	one, minusTwo := uint64(math.Float32bits(1)), uint64(math.Float32bits(-2))
	if d == dtype.Float64 {
		one, minusTwo = math.Float64bits(1), math.Float64bits(-2)
	}
	l := &micro.Loop{Dims: []int{1}, In: []micro.Access{{Type: d, Strides: []int{1}}},
		Consts: []micro.Const{{Type: d, Bits: one}, {Type: d, Bits: minusTwo}}}
	const x, unit, two = 0, 1, 2
	next := uint32(3)
	op := func(o micro.Op, operands ...uint32) uint32 {
		in := micro.Instr{Op: o, Type: d, Dst: next}
		operands = append(operands, 0, 0)
		in.A, in.B, in.C = operands[0], operands[1], operands[2]
		l.Code = append(l.Code, in)
		l.Temps++
		next++
		return next - 1
	}
	sq := op(micro.Mul, x, x, 0)
	e := op(micro.Exp, op(micro.Neg, sq))
	s, c := op(micro.Sin, x), op(micro.Cos, x)
	den := op(micro.Add, sq, unit)
	q := op(micro.Div, x, den)
	y := op(micro.FMA, e, s, q)
	inv := op(micro.Div, unit, den)
	x2 := op(micro.Mul, two, x) // −2x
	es := op(micro.Mul, e, s)
	g := op(micro.Mul, e, c)
	g = op(micro.FMA, x2, es, g)
	xq := op(micro.Mul, x2, q)
	g = op(micro.FMA, xq, inv, op(micro.Add, g, inv))
	l.Out = []micro.Access{{Type: d, Strides: []int{1}}, {Type: d, Strides: []int{0}}}
	l.OutRegs = []uint32{g, y}
	l.Reduce, l.ReduceDims = micro.ReduceSum, 1
	return l
}

func oneOpLoop(op micro.Op, d dtype.DType) *micro.Loop {
	l := &micro.Loop{Dims: []int{1}, Temps: 1}
	in := micro.Instr{Op: op, Type: d, Dst: uint32(op.Arity())}
	for k := 0; k < op.Arity(); k++ {
		l.In = append(l.In, micro.Access{Type: d, Strides: []int{1}})
	}
	in.B, in.C = 1, 2
	if op.Arity() < 3 {
		in.C = 0
	}
	if op.Arity() < 2 {
		in.B = 0
	}
	l.Code = []micro.Instr{in}
	l.Out = []micro.Access{{Type: d, Strides: []int{1}}}
	l.OutRegs = []uint32{in.Dst}
	return l
}

func benchmarkLoop(b *testing.B, l *micro.Loop, n int, o LoopOptions) {
	code, err := CompileLoop(l, o)
	if err != nil {
		b.Fatal(err)
	}
	var ptrs []unsafe.Pointer
	var keep [][]byte
	for k, a := range append(append([]micro.Access(nil), l.In...), l.Out...) {
		buf := make([]byte, n*a.Type.Size())
		keep = append(keep, buf)
		ptrs = append(ptrs, base(buf))
		if k < len(l.In) {
			for i := range n {
				x := -4 + 8*float64(i)/float64(n)
				if l.Code[0].Op >= micro.Log && l.Code[0].Op <= micro.Log1p || l.Code[0].Op == micro.Pow {
					x = math.Abs(x) + 0.01
				}
				putElement(buf, a.Type, i, fromFloat(a.Type, x))
			}
		}
	}
	work := code.NewWork()
	for b.Loop() {
		code.Run(n, ptrs, work)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/element")
	_ = keep
}

func BenchmarkChain(b *testing.B) {
	for _, level := range levels(b) {
		for _, d := range []dtype.DType{dtype.Float64, dtype.Float32} {
			for _, u := range []int{1, 2} {
				b.Run(fmt.Sprintf("%s/%s/unroll%d", level, d, u), func(b *testing.B) {
					benchmarkLoop(b, chainLoop(d), 1_000_000, LoopOptions{Level: level, Unroll: u})
				})
			}
		}
	}
}

func BenchmarkLoopOps(b *testing.B) {
	for _, level := range levels(b) {
		for _, op := range []micro.Op{micro.Add, micro.Exp, micro.Sin, micro.Log, micro.Tanh, micro.Erf, micro.Pow} {
			for _, u := range []int{1, 2, 4} {
				b.Run(fmt.Sprintf("%s/%s/unroll%d", level, op, u), func(b *testing.B) {
					benchmarkLoop(b, oneOpLoop(op, dtype.Float64), 2048, LoopOptions{Level: level, Unroll: u})
				})
			}
		}
	}
}

func BenchmarkLoopSmall(b *testing.B) {
	for _, n := range []int{1, 8, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			benchmarkLoop(b, oneOpLoop(micro.Add, dtype.Float64), n, LoopOptions{})
		})
	}
}
