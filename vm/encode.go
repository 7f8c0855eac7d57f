package vm

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"math"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
)

// The binary form of a program: this comment is the reference.
//
// Numbers are unsigned LEB128 varints of the shortest length unless said otherwise; signed ones are zigzag-coded first. "name" is a
// varint index into the strings. Everything that has a name is stored by it, so that files survive renumbering.
//
//	file     = "ADJP" version section… checksum
//	version  = number, 3; a file of version 1 has no blocks, and tags 3 to 6 for memory to debug; before 3 an access has no window
//	section  = tag (byte) length payload; each tag once and in ascending order
//	checksum = CRC-32C (Castagnoli) of all bytes before, 4 bytes, little-endian
//
//	1 strings: count, then length and bytes of each
//	2 names:   count and name of the dtypes in use; count and name of the micro-operations in use.
//	           "dtype" and "op" below are indices into these tables
//	3 blocks:  count, then memory, slots and code of each
//	4 memory:  arena bytes, offset of the constants, length and bytes of the constants
//	5 slots:   count and slots of the inputs, count and slots of the outputs
//	6 code:    count and instructions
//	7 debug:   count and names; count and nodes: signed number of the node, then the indices of operator, name
//	           and file in these names, signed line
//
//	type     = dtype, count and extents
//	ref      = space, offset
//	slot     = name, type, ref, flags (byte): 1 used, 2 more names follow, 4 it has an update; if so their count and names, and 1 + the output
//	instr    = opcode (name), count and operands read, count and operands written, payload, count and nodes
//	           (each signed, relative to the one before)
//	operand  = type, ref
//	payload of STRAIGHT: first and last+1 temporary cell, code
//	payload of LOOP: count and extents; count and accesses of the inputs; count and constants; temporaries; code;
//	           count, accesses and registers of the outputs; reduction (name, "none" for none), reduced dimensions; flush (byte 0 or 1, from version 3 on)
//	payload of KERNEL: kernel (name), count and attributes
//	payload of CALL: frame, "scan" (name), body, length, captured, carries, reverse, counted and unread (each byte 0 or 1), whether there are snapshots (likewise) and if so their slots,
//	           every and recorded; or frame, "sweep", body, forward, length, captured and states of forward, captured, carries, count and sources (each + 1), reverse, counted, online, slots, every, recorded; or
//	           frame, "while", cond, body, limit, captured, carries, unread, snapshots likewise; or frame, "cond", count and blocks
//	code     = count and micro-instructions
//	micro    = op, dtype, for cast the result's dtype, then the result relative to the result before and the operands relative to
//	           the result (all signed)
//	access   = dtype, signed stride of each dimension, window (byte 0 or 1) and if so signed offset, first index and index behind the last of each dimension
//	constant = dtype, as many bytes as the dtype has, little-endian
//	attribute = key (name), kind (byte), value:
//	           'i' signed, 'b' byte 0 or 1, 's' name, 'f' 8 bytes, 'I' count and signed, 'F' count and 8 bytes each

const (
	fileMagic   = "ADJP"
	fileVersion = 3
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// MarshalBinary returns the program's binary form, which Decode reads. Equal programs give equal bytes. It is an error if there is no
// program.
func (p *Program) MarshalBinary() ([]byte, error) {
	if p == nil {
		return nil, errors.New("program: there is none to write")
	}
	e := encoder{strings: map[string]uint64{}}
	blocks := e.section(func() {
		e.uint(uint64(len(p.code.Blocks)))
		for k := range p.code.Blocks {
			e.memory(&p.code.Blocks[k])
			e.slots(&p.code.Blocks[k])
			e.instrs(&p.code.Blocks[k])
		}
	})
	memory := e.section(func() { e.memory(&p.code.Block) })
	slots := e.section(func() { e.slots(&p.code.Block) })
	code := e.section(func() { e.instrs(&p.code.Block) })
	debug := e.section(func() {
		e.uint(uint64(len(p.code.Debug.Strings)))
		for _, s := range p.code.Debug.Strings {
			e.name(s)
		}
		e.uint(uint64(len(p.code.Debug.Nodes)))
		for _, n := range p.code.Debug.Nodes {
			e.int(int64(n.ID))
			for _, s := range [3]int32{n.Op, n.Name, n.File} {
				e.uint(uint64(s))
			}
			e.int(int64(n.Line))
		}
	})
	names := e.section(func() {
		e.uint(uint64(len(e.dtypeList)))
		for _, d := range e.dtypeList {
			e.name(d.String())
		}
		e.uint(uint64(len(e.opList)))
		for _, op := range e.opList {
			e.name(op.String())
		}
	})
	strings := e.section(func() {
		e.uint(uint64(len(e.stringList)))
		for _, s := range e.stringList {
			e.uint(uint64(len(s)))
			e.buf = append(e.buf, s...)
		}
	})
	e.buf = append(make([]byte, 0, len(strings)+len(names)+len(blocks)+len(memory)+len(slots)+len(code)+len(debug)+64), fileMagic...)
	e.uint(fileVersion)
	for i, s := range [][]byte{strings, names, blocks, memory, slots, code, debug} {
		e.buf = append(e.buf, byte(1+i))
		e.uint(uint64(len(s)))
		e.buf = append(e.buf, s...)
	}
	return binary.LittleEndian.AppendUint32(e.buf, crc32.Checksum(e.buf, castagnoli)), nil
}

// WriteTo writes the program's binary form: it implements io.WriterTo.
func (p *Program) WriteTo(w io.Writer) (int64, error) {
	data, err := p.MarshalBinary()
	if err != nil {
		return 0, err
	}
	n, err := w.Write(data)
	return int64(n), err
}

type encoder struct {
	buf        []byte
	strings    map[string]uint64
	stringList []string
	dtypes     [dtype.Count]uint64 // 1 + index
	dtypeList  []dtype.DType
	ops        [micro.Count]uint64 // 1 + index
	opList     []micro.Op
}

// section returns what write appends to an empty buffer.
func (e *encoder) section(write func()) []byte {
	e.buf = nil
	write()
	return e.buf
}

func (e *encoder) uint(v uint64) { e.buf = binary.AppendUvarint(e.buf, v) }
func (e *encoder) int(v int64)   { e.buf = binary.AppendVarint(e.buf, v) }

func (e *encoder) name(s string) {
	i, ok := e.strings[s]
	if !ok {
		i = uint64(len(e.stringList))
		e.strings[s] = i
		e.stringList = append(e.stringList, s)
	}
	e.uint(i)
}

func (e *encoder) dtype(d dtype.DType) {
	if e.dtypes[d] == 0 {
		e.dtypeList = append(e.dtypeList, d)
		e.dtypes[d] = uint64(len(e.dtypeList))
	}
	e.uint(e.dtypes[d] - 1)
}

func (e *encoder) op(op micro.Op) {
	if e.ops[op] == 0 {
		e.opList = append(e.opList, op)
		e.ops[op] = uint64(len(e.opList))
	}
	e.uint(e.ops[op] - 1)
}

func (e *encoder) extents(dims []int) {
	e.uint(uint64(len(dims)))
	for _, d := range dims {
		e.uint(uint64(d))
	}
}

func (e *encoder) typ(t Type) {
	e.dtype(t.DType)
	e.extents(t.Shape)
}

func (e *encoder) ref(r Ref) {
	e.uint(uint64(r.Space))
	e.uint(uint64(r.Offset))
}

func (e *encoder) bool(b bool) {
	if b {
		e.buf = append(e.buf, 1)
	} else {
		e.buf = append(e.buf, 0)
	}
}

func (e *encoder) memory(b *Block) {
	e.uint(uint64(b.ArenaBytes))
	e.uint(uint64(b.ConstOffset))
	e.uint(uint64(len(b.Const)))
	e.buf = append(e.buf, b.Const...)
}

func (e *encoder) instrs(b *Block) {
	e.uint(uint64(len(b.Instrs)))
	for i := range b.Instrs {
		e.instr(&b.Instrs[i])
	}
}

func (e *encoder) slots(b *Block) {
	e.slotList(b.Inputs)
	e.slotList(b.Outputs)
}

func (e *encoder) slotList(list []Slot) {
	e.uint(uint64(len(list)))
	for i := range list {
		s := &list[i]
		e.name(s.Name)
		e.typ(s.Type)
		e.ref(s.Ref)
		flags := byte(0)
		if s.Used {
			flags |= slotUsed
		}
		if len(s.Also) > 0 {
			flags |= slotAlso
		}
		if s.Update > 0 {
			flags |= slotUpdate
		}
		e.buf = append(e.buf, flags)
		if len(s.Also) > 0 {
			e.uint(uint64(len(s.Also)))
			for _, name := range s.Also {
				e.name(name)
			}
		}
		if s.Update > 0 {
			e.uint(uint64(s.Update))
		}
	}
}

// Flags of a slot.
const (
	slotUsed = 1 << iota
	slotAlso
	slotUpdate
)

func (e *encoder) operands(list []Operand) {
	e.uint(uint64(len(list)))
	for _, o := range list {
		e.typ(o.Type)
		e.ref(o.Ref)
	}
}

func (e *encoder) instr(in *Instr) {
	e.name(in.Op.String())
	e.operands(in.In)
	e.operands(in.Out)
	in.op().encode(e, in)
	e.uint(uint64(len(in.Nodes)))
	last := int32(0)
	for _, n := range in.Nodes {
		e.int(int64(n) - int64(last))
		last = n
	}
}

func (e *encoder) accesses(list []micro.Access) {
	e.uint(uint64(len(list)))
	for _, a := range list {
		e.dtype(a.Type)
		for _, s := range a.Strides {
			e.int(int64(s))
		}
		w := a.Window
		if e.bool(w != nil); w == nil {
			continue
		}
		e.int(int64(w.Offset))
		for d := range w.Lo {
			e.uint(uint64(w.Lo[d]))
			e.uint(uint64(w.Hi[d]))
		}
	}
}

func (e *encoder) loop(l *micro.Loop) {
	e.extents(l.Dims)
	e.accesses(l.In)
	e.uint(uint64(len(l.Consts)))
	for _, c := range l.Consts {
		e.dtype(c.Type)
		for i := range c.Type.Size() {
			e.buf = append(e.buf, byte(c.Bits>>(8*i)))
		}
	}
	e.uint(uint64(l.Temps))
	e.code(l.Code)
	e.accesses(l.Out)
	for _, r := range l.OutRegs {
		e.uint(uint64(r))
	}
	e.name(reduceNames[l.Reduce])
	e.uint(uint64(l.ReduceDims))
	e.bool(l.Flush)
}

func (e *encoder) code(code []micro.Instr) {
	e.uint(uint64(len(code)))
	last := uint32(0)
	for i := range code {
		c := &code[i]
		e.op(c.Op)
		e.dtype(c.Type)
		if c.Op == micro.Cast {
			e.dtype(c.To)
		}
		e.int(int64(c.Dst) - int64(last))
		ops := c.Operands()
		for _, o := range ops[:c.Op.Arity()] {
			e.int(int64(o) - int64(c.Dst))
		}
		last = c.Dst
	}
}

func (e *encoder) attrs(list attr.List) {
	e.uint(uint64(len(list)))
	for _, a := range list {
		e.name(a.Key)
		v := a.Value
		e.buf = append(e.buf, attrKinds[v.Kind])
		switch v.Kind {
		case attr.Int:
			e.int(v.Int)
		case attr.Bool:
			e.bool(v.Int != 0)
		case attr.String:
			e.name(v.String)
		case attr.Float:
			e.float(v.Float)
		case attr.Ints:
			e.uint(uint64(len(v.Ints)))
			for _, x := range v.Ints {
				e.int(int64(x))
			}
		case attr.Floats:
			e.uint(uint64(len(v.Floats)))
			for _, x := range v.Floats {
				e.float(x)
			}
		}
	}
}

// attrKinds are the letters of the kinds of attributes.
var attrKinds = [...]byte{attr.None: 0, attr.Int: 'i', attr.Float: 'f', attr.Bool: 'b', attr.String: 's', attr.Ints: 'I', attr.Floats: 'F'}

func (e *encoder) float(v float64) {
	e.buf = binary.LittleEndian.AppendUint64(e.buf, math.Float64bits(v))
}
