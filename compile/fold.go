package compile

import (
	"encoding/binary"
	"unsafe"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/elem"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/internal/shape"
)

// foldLimit bounds the elements of a folded constant.
const foldLimit = 1024

// foldTerm evaluates an elementwise term whose operands are constants, with the kernels that would run it.
// An integer division by zero stays for the run to report.
func foldTerm(t term) *graph.Node {
	if t.op.Micro == "" || t.typ.Shape.Size() > foldLimit {
		return nil
	}
	for _, in := range t.in {
		if !in.IsConst() {
			return nil
		}
	}
	op := micro.ByName(t.op.Micro)
	c := micro.Instr{Op: op, Type: t.typ.DType}
	switch {
	case op == micro.Cast:
		c.Type, c.To = t.in[0].DType(), t.typ.DType
	case op.Info().Bool:
		c.Type = t.in[0].DType()
	}
	if c.Traps() {
		for i := range t.in[1].Shape().Size() {
			if t.in[1].Literal().Bits(i) == 0 {
				return nil
			}
		}
	}
	fn := elem.BlockKernel(c.Op, c.Type, c.To, cpu.Portable)
	size := t.typ.Shape.Size()
	data := make([]byte, 0, size*t.typ.DType.Size())
	var ops [4]uint64 // memory of the operands and of the result
	at := func(k int) unsafe.Pointer { return unsafe.Pointer(&ops[k]) }
	for i := range size {
		for k, in := range t.in {
			dtype.Store(at(k), in.DType().Size(), in.Literal().Bits(shape.BroadcastIndex(i, t.typ.Shape, in.Shape())))
		}
		fn(at(3), at(0), at(1), at(2), 1)
		out := dtype.Load(at(3), t.typ.DType.Size())
		switch t.typ.DType.Size() {
		case 8:
			data = binary.LittleEndian.AppendUint64(data, out)
		case 4:
			data = binary.LittleEndian.AppendUint32(data, uint32(out))
		default:
			data = append(data, byte(out))
		}
	}
	lit, err := graph.NewLiteral(t.typ, data)
	if err != nil {
		panic("BUG: folding: " + err.Error())
	}
	return t.g.Literal(lit)
}
