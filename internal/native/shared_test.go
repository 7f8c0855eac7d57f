package native

import (
	"math"
	"regexp"
	"testing"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
)

var multiplyAdd = regexp.MustCompile(`(?i)vfn?m(add|sub)|fml[as]|fn?m(add|sub)`)

// TestLoopShares compiles functions of one argument alone and together: what both compute is there once.
func TestLoopShares(t *testing.T) {
	for _, d := range []dtype.DType{dtype.Float64, dtype.Float32} {
		instr := func(op micro.Op, dst, a uint32) micro.Instr { return micro.Instr{Op: op, Type: d, Dst: dst, A: a} }
		const x, two, result, other = 0, 1, 2, 3
		bits := uint64(math.Float32bits(2))
		if d == dtype.Float64 {
			bits = math.Float64bits(2)
		}
		decay := []micro.Instr{instr(micro.Abs, other, x), instr(micro.Neg, other, other), instr(micro.Exp, other, other)} // e^−|x|
		decay2 := append([]micro.Instr{{Op: micro.Mul, Type: d, Dst: other, A: two, B: x}, instr(micro.Abs, other, other)}, decay[1:]...)
		growth := []micro.Instr{instr(micro.Exp, other, x)}
		sigmoid, tanh := []micro.Instr{instr(micro.Sigmoid, result, x)}, []micro.Instr{instr(micro.Tanh, result, x)}
		for _, c := range []struct {
			name   string
			a, b   []micro.Instr
			shares bool
		}{
			{"sigmoid before e^-|x|", sigmoid, decay, true},
			{"sigmoid behind e^-|x|", decay, sigmoid, true},
			{"sigmoid and e^x", sigmoid, growth, false},
			{"tanh before e^-|2x|", tanh, decay2, true},
			{"tanh behind e^-|2x|", decay2, tanh, true},
			{"tanh and e^-|x|", tanh, decay, false},
		} {
			for _, level := range []cpu.Level{cpu.NEON, cpu.AVX2, cpu.AVX512} {
				fused := func(code ...micro.Instr) float64 { // multiply-adds for an element, of which polynomials are
					of := micro.Access{Type: d, Strides: []int{1}}
					l := &micro.Loop{Dims: []int{1000}, In: []micro.Access{of}, Consts: []micro.Const{{Type: d, Bits: bits}}, Temps: 2, Code: code}
					for _, in := range code {
						if in.Op.Info().Flops > 1 {
							l.Out, l.OutRegs = append(l.Out, of), append(l.OutRegs, in.Dst)
						}
					}
					text, step, err := LoopText(l, level)
					if err != nil {
						t.Fatal(err)
					}
					return float64(len(multiplyAdd.FindAllString(text, -1))) / float64(step)
				}
				both, apart := fused(append(append([]micro.Instr(nil), c.a...), c.b...)...), fused(c.a...)+fused(c.b...)
				if shares := both < apart; shares != c.shares || apart == 0 {
					t.Errorf("%s of %v for %v: %g multiply-adds, apart %g", c.name, d, level, both, apart)
				}
			}
		}
	}
}
