package vm

import (
	"encoding/binary"
	"slices"

	"github.com/adjoint-go/adjoint/internal/dtype"
)

// bigEndian is set where memory is.
var bigEndian = binary.NativeEndian.Uint16([]byte{1, 0}) != 1

// loadConst copies the constants, which are little-endian, to memory in the given byte order. What an element is follows from the instructions
// that read it: each constant has one dtype.
func (c *Block) loadConst(to []byte, order binary.ByteOrder) {
	copy(to, c.Const)
	if order.Uint16([]byte{1, 0}) == 1 {
		return
	}
	turned := make([]bool, len(c.Const))
	c.constReads(func(at, n int, d dtype.DType) {
		size := d.Size()
		for ; n > 0; at, n = at+size, n-1 {
			if !turned[at] {
				turned[at] = true
				slices.Reverse(to[at : at+size])
			}
		}
	})
}

// constReads calls read for every array of the constants that an instruction or output reads: the offset in Const, elements and dtype.
func (c *Block) constReads(read func(at, n int, d dtype.DType)) {
	array := func(offset int64, n int, d dtype.DType) {
		at := offset - c.ConstOffset
		if at >= 0 && at+int64(n)*int64(d.Size()) <= int64(len(c.Const)) {
			read(int(at), n, d)
		}
	}
	operand := func(t Type, r Ref) {
		if r.Space == 0 {
			array(r.Offset, t.Size(), t.DType)
		}
	}
	for i := range c.Instrs {
		in := &c.Instrs[i]
		for _, o := range in.In {
			operand(o.Type, o.Ref)
		}
		in.op().scalars(in, func(offset int64, d dtype.DType) { array(offset, 1, d) })
	}
	for i := range c.Outputs {
		operand(c.Outputs[i].Type, c.Outputs[i].Ref)
	}
}
