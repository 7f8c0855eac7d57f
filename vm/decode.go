package vm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"slices"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
)

// ErrChecksum is returned by Decode for data that was damaged after it was written.
var ErrChecksum = errors.New("the checksum does not match")

// Decode reads the binary form of a program and verifies it. Data from untrusted sources is safe: memory and time
// grow with the length of the data, whatever sizes it states, and a program that is returned keeps to its arena and inputs. How large
// that arena is and how long a run takes, is for the caller to limit (WithMemoryLimit, WithWorkLimit, RunContext).
//
// Data of another format or version, damaged data (ErrChecksum), operations and kernels that this version does not know,
// and programs that do not verify give an error.
func Decode(data []byte) (*Program, error) {
	c, err := decode(data)
	if err != nil {
		return nil, fmt.Errorf("decode: %w", err)
	}
	p, err := seal(*c)
	if err != nil {
		return nil, fmt.Errorf("decode: %w", err)
	}
	return p, nil
}

// Read decodes the program that r holds up to its end (see Decode).
func Read(r io.Reader) (*Program, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	return Decode(data)
}

func decode(data []byte) (p *Code, err error) {
	if len(data) < len(fileMagic) || string(data[:len(fileMagic)]) != fileMagic {
		return nil, fmt.Errorf("not a program: it does not begin with %q", fileMagic)
	}
	d := decoder{data: data, pos: len(fileMagic)}
	defer func() {
		if r := recover(); r != nil {
			bad, ok := r.(decodeError)
			if !ok {
				panic(r)
			}
			p, err = nil, fmt.Errorf("byte %d: %s", bad.at, bad.what)
		}
	}()
	version := d.uint()
	if version < 1 || version > fileVersion {
		return nil, fmt.Errorf("format version %d is not known, only 1 to %d", version, fileVersion)
	}
	end := len(data) - 4
	if end < d.pos || crc32.Checksum(data[:end], castagnoli) != binary.LittleEndian.Uint32(data[end:]) {
		return nil, ErrChecksum
	}
	d.data, d.version = data[:end], version
	p = &Code{}
	d.section(d.stringTable)
	d.section(d.names)
	if version >= 2 {
		d.section(func() {
			if n := d.count(6); n > 0 {
				p.Blocks = make([]Block, n)
			}
			for k := range p.Blocks {
				d.memory(&p.Blocks[k])
				d.slots(&p.Blocks[k])
				d.instrs(&p.Blocks[k])
			}
		})
	}
	d.section(func() { d.memory(&p.Block) })
	d.section(func() { d.slots(&p.Block) })
	d.section(func() { d.instrs(&p.Block) })
	d.section(func() { d.debug(&p.Debug) })
	if d.pos != len(d.data) {
		d.fail("%d bytes behind the last section", len(d.data)-d.pos)
	}
	return p, nil
}

// decodeError is the panic that ends decoding.
type decodeError struct {
	at   int
	what string
}

type decoder struct {
	data    []byte
	pos     int
	tag     byte // of the section before
	version uint64
	strings []string
	dtypes  []dtype.DType
	ops     []micro.Op
}

func (d *decoder) fail(format string, args ...any) {
	panic(decodeError{d.pos, fmt.Sprintf(format, args...)})
}

// section reads the next tag and a length and has read consume exactly so many bytes.
func (d *decoder) section(read func()) {
	d.tag++
	if got := d.byte(); got != d.tag {
		d.fail("section %d instead of %d", got, d.tag)
	}
	n := d.count(1)
	whole := d.data
	end := d.pos + n
	d.data = whole[:end]
	read()
	if d.pos != end {
		d.fail("%d bytes left in section %d", end-d.pos, d.tag)
	}
	d.data = whole
}

func (d *decoder) stringTable() {
	d.strings = make([]string, d.count(1))
	for i := range d.strings {
		d.strings[i] = string(d.bytes(d.count(1)))
	}
}

func (d *decoder) memory(b *Block) {
	b.ArenaBytes = int64(d.below(maxBytes))
	b.ConstOffset = int64(d.below(maxBytes))
	if n := d.count(1); n > 0 {
		b.Const = slices.Clone(d.bytes(n))
	}
}

func (d *decoder) slots(b *Block) {
	b.Inputs = d.slotList()
	b.Outputs = d.slotList()
}

func (d *decoder) instrs(b *Block) {
	if n := d.count(6); n > 0 {
		b.Instrs = make([]Instr, n)
	}
	for i := range b.Instrs {
		d.instr(&b.Instrs[i])
	}
}

func (d *decoder) debug(to *Debug) {
	if n := d.count(1); n > 0 {
		to.Strings = make([]string, n)
	}
	for i := range to.Strings {
		to.Strings[i] = d.name()
	}
	if n := d.count(5); n > 0 {
		to.Nodes = make([]NodeInfo, n)
	}
	for i := range to.Nodes {
		n := &to.Nodes[i]
		n.ID = d.int32()
		for _, s := range [3]*int32{&n.Op, &n.Name, &n.File} {
			*s = int32(d.below(math.MaxInt32))
		}
		n.Line = d.int32()
	}
}

func (d *decoder) bytes(n int) []byte {
	if n > len(d.data)-d.pos {
		d.fail("%d bytes needed, %d left", n, len(d.data)-d.pos)
	}
	b := d.data[d.pos : d.pos+n]
	d.pos += n
	return b
}

func (d *decoder) byte() byte { return d.bytes(1)[0] }

func (d *decoder) uint() uint64 {
	v, n := binary.Uvarint(d.data[d.pos:])
	if n <= 0 || n > 1 && d.data[d.pos+n-1] == 0 {
		d.fail("not a number of the shortest form")
	}
	d.pos += n
	return v
}

func (d *decoder) int() int64 {
	v := d.uint()
	return int64(v>>1) ^ -int64(v&1)
}

// below reads a number that is at most limit.
func (d *decoder) below(limit uint64) uint64 {
	v := d.uint()
	if v > limit {
		d.fail("%d is above %d", v, limit)
	}
	return v
}

// count reads the number of things of which each takes at least size bytes, all of which must be there.
func (d *decoder) count(size int) int {
	v := d.uint()
	if left := len(d.data) - d.pos; v > uint64(left/size) {
		d.fail("%d things of %d bytes or more in %d bytes", v, size, left)
	}
	return int(v)
}

func (d *decoder) int32() int32 {
	v := d.int()
	if v != int64(int32(v)) {
		d.fail("%d is out of range", v)
	}
	return int32(v)
}

func (d *decoder) bool() bool {
	b := d.byte()
	if b > 1 {
		d.fail("%d is neither 0 nor 1", b)
	}
	return b == 1
}

func (d *decoder) name() string {
	i := d.uint()
	if i >= uint64(len(d.strings)) {
		d.fail("string %d of %d", i, len(d.strings))
	}
	return d.strings[i]
}

func (d *decoder) names() {
	d.dtypes = make([]dtype.DType, d.count(1))
	for i := range d.dtypes {
		name := d.name()
		var ok bool
		if d.dtypes[i], ok = dtype.Parse(name); !ok {
			d.fail("this version does not know the dtype %.40q", name)
		}
	}
	d.ops = make([]micro.Op, d.count(1))
	for i := range d.ops {
		name := d.name()
		if d.ops[i] = micro.ByName(name); d.ops[i] == micro.Invalid {
			d.fail("this version does not know the micro-operation %.40q", name)
		}
	}
}

func (d *decoder) dtype() dtype.DType {
	i := d.uint()
	if i >= uint64(len(d.dtypes)) {
		d.fail("dtype %d of %d", i, len(d.dtypes))
	}
	return d.dtypes[i]
}

func (d *decoder) extents() []int {
	n := d.count(1)
	if n > maxRank {
		d.fail("%d dimensions", n)
	}
	if n == 0 {
		return nil
	}
	dims := make([]int, n)
	for i := range dims {
		dims[i] = int(d.below(maxBytes))
	}
	return dims
}

func (d *decoder) typ() Type { return Type{DType: d.dtype(), Shape: d.extents()} }

func (d *decoder) ref() Ref {
	return Ref{Space: uint32(d.below(math.MaxUint32)), Offset: int64(d.below(maxBytes))}
}

func (d *decoder) slotList() []Slot {
	n := d.count(6)
	if n == 0 {
		return nil
	}
	list := make([]Slot, n)
	for i := range list {
		s := &list[i]
		*s = Slot{Name: d.name(), Type: d.typ(), Ref: d.ref()}
		flags := d.below(slotUsed | slotAlso | slotUpdate)
		s.Used = flags&slotUsed != 0
		if flags&slotAlso != 0 {
			s.Also = make([]string, d.count(1))
			for k := range s.Also {
				s.Also[k] = d.name()
			}
			if len(s.Also) == 0 {
				d.fail("more names of a slot are announced, but there are none")
			}
		}
		if flags&slotUpdate != 0 {
			if s.Update = int(d.below(math.MaxInt32)); s.Update == 0 {
				d.fail("an update is announced, but there is none")
			}
		}
	}
	return list
}

func (d *decoder) operands() []Operand {
	n := d.count(4)
	if n == 0 {
		return nil
	}
	list := make([]Operand, n)
	for i := range list {
		list[i] = Operand{Type: d.typ(), Ref: d.ref()}
	}
	return list
}

func (d *decoder) instr(in *Instr) {
	name := d.name()
	in.In = d.operands()
	in.Out = d.operands()
	for o := range opcodeCount {
		if op := o.known(); op != nil && op.name() == name {
			in.Op = o
			op.decode(d, in)
		}
	}
	if in.Op == OpInvalid {
		d.fail("this version does not know the opcode %.40q", name)
	}
	n := d.count(1)
	if n == 0 {
		return
	}
	in.Nodes = make([]int32, n)
	last := int64(0)
	for i := range in.Nodes {
		step := d.int()
		if step < -math.MaxInt32-1 || step > math.MaxInt32+1 || last+step < -1 || last+step > math.MaxInt32 {
			d.fail("debug node %d behind %d", step, last)
		}
		last += step
		in.Nodes[i] = int32(last)
	}
}

func (d *decoder) accesses(rank int) []micro.Access {
	n := d.count(1 + rank)
	if n == 0 {
		return nil
	}
	list := make([]micro.Access, n)
	strides := make([]int, n*rank)
	for i := range list {
		list[i].Type = d.dtype()
		if rank > 0 {
			list[i].Strides = strides[i*rank : (i+1)*rank : (i+1)*rank]
		}
		for k := range rank {
			v := d.int()
			if v < -maxBytes || v > maxBytes {
				d.fail("stride %d", v)
			}
			list[i].Strides[k] = int(v)
		}
		if d.version >= 3 && d.bool() {
			list[i].Window = d.window(rank)
		}
	}
	return list
}

func (d *decoder) window(rank int) *micro.Window {
	v := d.int()
	if v < -maxBytes || v > maxBytes {
		d.fail("window from element %d", v)
	}
	w := &micro.Window{Offset: int(v), Lo: make([]int, rank), Hi: make([]int, rank)}
	for k := range rank {
		w.Lo[k], w.Hi[k] = int(d.below(maxBytes)), int(d.below(maxBytes))
	}
	return w
}

func (d *decoder) loop() *micro.Loop {
	l := &micro.Loop{Dims: d.extents()}
	l.In = d.accesses(len(l.Dims))
	if n := d.count(2); n > 0 {
		l.Consts = make([]micro.Const, n)
	}
	for i := range l.Consts {
		c := &l.Consts[i]
		c.Type = d.dtype()
		for k, b := range d.bytes(c.Type.Size()) {
			c.Bits |= uint64(b) << (8 * k)
		}
	}
	l.Temps = int(d.below(math.MaxInt32))
	l.Code = d.code()
	l.Out = d.accesses(len(l.Dims))
	if len(l.Out) > 0 {
		l.OutRegs = make([]uint32, len(l.Out))
	}
	for i := range l.OutRegs {
		l.OutRegs[i] = uint32(d.below(math.MaxUint32))
	}
	name := d.name()
	k := slices.Index(reduceNames[:], name)
	if k < 0 {
		d.fail("this version does not know the reduction %.40q", name)
	}
	l.Reduce = micro.ReduceKind(k)
	l.ReduceDims = int(d.below(maxRank))
	l.Flush = d.version >= 3 && d.bool()
	return l
}

func (d *decoder) code() []micro.Instr {
	n := d.count(4)
	if n == 0 {
		return nil
	}
	code := make([]micro.Instr, n)
	last := uint32(0)
	near := func(base uint32) uint32 {
		step := d.int()
		if step < -int64(base) || step > math.MaxUint32-int64(base) {
			d.fail("cell or register %d behind %d", step, base)
		}
		return uint32(int64(base) + step)
	}
	for i := range code {
		c := &code[i]
		k := d.uint()
		if k >= uint64(len(d.ops)) {
			d.fail("micro-operation %d of %d", k, len(d.ops))
		}
		c.Op = d.ops[k]
		c.Type = d.dtype()
		if c.Op == micro.Cast {
			c.To = d.dtype()
		}
		c.Dst = near(last)
		for k, o := range [3]*uint32{&c.A, &c.B, &c.C} {
			if k < c.Op.Arity() {
				*o = near(c.Dst)
			}
		}
		last = c.Dst
	}
	return code
}

func (d *decoder) attrs() attr.List {
	n := d.count(3)
	if n == 0 {
		return nil
	}
	list := make(attr.List, n)
	for i := range list {
		list[i].Key = d.name()
		v := &list[i].Value
		switch k := d.byte(); k {
		case 'i':
			*v = attr.Value{Kind: attr.Int, Int: d.int()}
		case 'b':
			*v = attr.B("", d.bool()).Value
		case 's':
			*v = attr.Value{Kind: attr.String, String: d.name()}
		case 'f':
			*v = attr.Value{Kind: attr.Float, Float: d.float()}
		case 'I':
			v.Kind, v.Ints = attr.Ints, make([]int, d.count(1))
			for k := range v.Ints {
				v.Ints[k] = int(d.int())
			}
		case 'F':
			v.Kind, v.Floats = attr.Floats, make([]float64, d.count(8))
			for k := range v.Floats {
				v.Floats[k] = d.float()
			}
		default:
			d.fail("attribute of kind %q", k)
		}
	}
	return list
}

func (d *decoder) float() float64 {
	return math.Float64frombits(binary.LittleEndian.Uint64(d.bytes(8)))
}
