package vm

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
)

// Constants of every size, read by every kind of instruction, alone and twice, have their values in memory of either byte order. What
// no instruction reads stays as it is.
func TestConstantsInBothByteOrders(t *testing.T) {
	typ := func(d dtype.DType, shape ...int) Type { return Type{DType: d, Shape: shape} }
	at := func(offset int64) Ref { return Ref{Offset: offset} }
	c := &Block{ArenaBytes: 512, ConstOffset: 128, Const: make([]byte, 136)}
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range c.Const {
		c.Const[i] = byte(rng.Uint32())
	}
	elements := []struct {
		offset int64
		n      int
		d      dtype.DType
	}{
		{128, 6, dtype.Float64}, {176, 3, dtype.Float32}, {192, 2, dtype.Int64}, {208, 1, dtype.Int32}, {216, 1, dtype.Float64}, {224, 2, dtype.Bool}, {232, 1, dtype.Bool}, {240, 1, dtype.Float32},
	}
	for k := range 3 { // bools are 0 or 1
		c.Const[[]int{96, 97, 104}[k]] = byte(k & 1)
	}
	c.Instrs = []Instr{
		{Op: OpKernel, Kernel: "transpose", Attrs: attr.Make(attr.L("perm", []int{1, 0})), In: []Operand{{typ(dtype.Float64, 2, 3), at(128)}}, Out: []Operand{{typ(dtype.Float64, 3, 2), at(320)}}},
		{Op: OpKernel, Kernel: "transpose", Attrs: attr.Make(attr.L("perm", []int{1, 0})), In: []Operand{{typ(dtype.Float64, 2, 3), at(128)}}, Out: []Operand{{typ(dtype.Float64, 3, 2), at(384)}}},
		{Op: OpLoop, In: []Operand{{typ(dtype.Float32, 3), at(176)}, {typ(dtype.Int64, 2), at(192)}, {typ(dtype.Bool, 2), at(224)}}},
		{Op: OpStraight, Straight: &micro.Straight{Code: []micro.Instr{
			{Op: micro.Neg, Type: dtype.Int32, Dst: 0, A: 208 / 4}, {Op: micro.Add, Type: dtype.Float64, Dst: 2, A: 216 / 4, B: 128 / 4},
			{Op: micro.Select, Type: dtype.Float32, Dst: 4, A: 232 / 4, B: 240 / 4, C: 240 / 4},
		}}},
	}
	read := func(order binary.ByteOrder, b []byte, size int) uint64 {
		switch size {
		case 8:
			return order.Uint64(b)
		case 4:
			return uint64(order.Uint32(b))
		}
		return uint64(b[0])
	}
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		memory := make([]byte, len(c.Const))
		c.loadConst(memory, order)
		seen := make([]bool, len(memory))
		for _, e := range elements {
			for i := range e.n {
				p := int(e.offset-c.ConstOffset) + i*e.d.Size()
				if got, want := read(order, memory[p:], e.d.Size()), read(binary.LittleEndian, c.Const[p:], e.d.Size()); got != want {
					t.Errorf("%v: element %d at %d is %#x, want %#x", order, i, e.offset, got, want)
				}
				for k := range e.d.Size() {
					seen[p+k] = true
				}
			}
		}
		unread := 0
		for i, s := range seen {
			if !s && memory[i] != c.Const[i] {
				t.Errorf("%v: byte %d, which nothing reads, was changed", order, i)
			}
			if !s {
				unread++
			}
		}
		if unread < 10 {
			t.Errorf("%d bytes are read by nothing: the test needs some", unread)
		}
	}
}
