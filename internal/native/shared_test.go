package native

import (
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
)

// TestLoopShares compiles functions of one argument alone and together: what both compute is there once.
func TestLoopShares(t *testing.T) {
	for _, d := range []dtype.DType{dtype.Float64, dtype.Float32} {
		instr := func(op micro.Op, dst, a uint32) micro.Instr { return micro.Instr{Op: op, Type: d, Dst: dst, A: a} }
		decay := []micro.Instr{instr(micro.Abs, 2, 0), instr(micro.Neg, 2, 2), instr(micro.Exp, 2, 2)} // e^−|x|
		growth := []micro.Instr{instr(micro.Exp, 2, 0)}
		sigmoid := []micro.Instr{instr(micro.Sigmoid, 1, 0)}
		for _, c := range []struct {
			name   string
			a, b   []micro.Instr
			shares bool
		}{
			{"sigmoid before e^-|x|", sigmoid, decay, true},
			{"sigmoid behind e^-|x|", decay, sigmoid, true},
			{"sigmoid and e^x", sigmoid, growth, false},
		} {
			for _, level := range []cpu.Level{cpu.NEON, cpu.AVX2, cpu.AVX512} {
				lines := func(code ...micro.Instr) int {
					of := micro.Access{Type: d, Strides: []int{1}}
					l := &micro.Loop{Dims: []int{1000}, In: []micro.Access{of}, Temps: 2, Code: code}
					for _, in := range code {
						if in.Op.Info().Flops > 1 {
							l.Out, l.OutRegs = append(l.Out, of), append(l.OutRegs, in.Dst)
						}
					}
					text, step, err := LoopText(l, level)
					if err != nil {
						t.Fatal(err)
					}
					return 1000 * strings.Count(text, "\n") / step
				}
				both, apart := lines(append(append([]micro.Instr(nil), c.a...), c.b...)...), lines(c.a...)+lines(c.b...)
				if shares := 5*both < 4*apart; shares != c.shares {
					t.Errorf("%s of %v for %v: %d lines, apart %d for 1000 elements", c.name, d, level, both, apart)
				}
			}
		}
	}
}
