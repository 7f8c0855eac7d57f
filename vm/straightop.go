package vm

import (
	"fmt"
	"math"
	"slices"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
)

// straightOp is OpStraight.
type straightOp struct{}

func (straightOp) name() string { return "STRAIGHT" }

func (straightOp) set(in *Instr) bool { return in.Straight != nil }

func (straightOp) clone(in *Instr) {
	s := *in.Straight
	s.Code = slices.Clone(s.Code)
	in.Straight = &s
}

func (straightOp) executor(p *Program, b *Block, in *Instr, _ int) executor {
	return newStraight(p, b, in.Straight)
}

func (straightOp) verify(v *verifier, in *Instr) (int, error) {
	if len(in.In) > 0 || len(in.Out) > 0 {
		return 0, fmt.Errorf("has operands")
	}
	return len(in.Straight.Code), v.straight(in.Straight)
}

func (straightOp) scalars(in *Instr, read func(offset int64, d dtype.DType)) {
	for i := range in.Straight.Code {
		c := &in.Straight.Code[i]
		operands := c.Operands()
		for k := range c.Op.Arity() {
			read(4*int64(operands[k]), c.OperandType(k))
		}
	}
}

func (straightOp) fixed(_ *Code, in *Instr, touch func(lo, hi int64, write bool)) {
	s := in.Straight
	touch(4*int64(s.TempLo), 4*int64(s.TempHi), true)
	for i := range s.Code {
		c := &s.Code[i]
		operands := c.Operands()
		for k := range c.Op.Arity() {
			touch(4*int64(operands[k]), 4*int64(operands[k])+int64(c.OperandType(k).Size()), false)
		}
		touch(4*int64(c.Dst), 4*int64(c.Dst)+int64(c.Result().Size()), true)
	}
}

func (straightOp) workspace(*Instr) int64 { return 0 }

func (straightOp) work(in *Instr, _ []float64) float64 { return float64(len(in.Straight.Code)) }

func (straightOp) parts(in *Instr, _ []int64, f func(index int, flops int64)) {
	for k, c := range in.Straight.Code {
		f(k, int64(c.Op.Info().Flops))
	}
}

// bytes counts each cell once, without the temporaries.
func (straightOp) bytes(in *Instr) int64 {
	s, bytes := in.Straight, int64(0)
	seen := map[uint32]bool{}
	count := func(cell uint32, size int) {
		if temp := cell >= s.TempLo && cell < s.TempHi; !temp && !seen[cell] {
			seen[cell] = true
			bytes += int64(size)
		}
	}
	for _, c := range s.Code {
		operands := c.Operands()
		for k := range c.Op.Arity() {
			count(operands[k], c.OperandType(k).Size())
		}
		count(c.Dst, c.Result().Size())
	}
	return bytes
}

func (straightOp) describe(*Instr) (string, string) { return "scalar code", "" }

func (straightOp) list(l *lister, in *Instr) {
	s := in.Straight
	fmt.Fprintf(l, "  %d micro-instructions, temporaries c%d…c%d\n", len(s.Code), s.TempLo, s.TempHi)
	cell := func(c uint32, d dtype.DType) string { return l.block.cellName(s, c, d) }
	for k, c := range s.Code {
		if k == maxListed {
			fmt.Fprintf(l, "      … %d more\n", len(s.Code)-k)
			break
		}
		l.line(in, k, microText(c, cell))
	}
}

func (straightOp) appendText(in *Instr, b []byte) []byte {
	b = fmt.Appendf(b, "straight %d %d\n", in.Straight.TempLo, in.Straight.TempHi)
	b = in.appendCode(b, in.Straight.Code, 'c')
	return append(b, "end\n"...)
}

func (straightOp) keywords() []string { return []string{"straight"} }

func (straightOp) parse(t *textParser, _ string) error {
	lo, err := t.number("a cell", math.MaxUint32)
	if err != nil {
		return err
	}
	hi, err := t.number("a cell", math.MaxUint32)
	t.open(Instr{Op: OpStraight, Straight: &micro.Straight{TempLo: uint32(lo), TempHi: uint32(hi)}}, t.straightLine)
	return err
}

func (straightOp) encode(e *encoder, in *Instr) {
	e.uint(uint64(in.Straight.TempLo))
	e.uint(uint64(in.Straight.TempHi))
	e.code(in.Straight.Code)
}

func (straightOp) decode(d *decoder, in *Instr) {
	in.Straight = &micro.Straight{TempLo: uint32(d.below(math.MaxUint32)), TempHi: uint32(d.below(math.MaxUint32)), Code: d.code()}
}
