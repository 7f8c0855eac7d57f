package isa

import "encoding/binary"

// constKey is a constant's bits and size.
type constKey struct {
	bits uint64
	kind Kind
}

// Constants collects constants: in scalar code the value, in vector code the value
// repeated over a whole register.
type Constants struct {
	width  int // bytes of an entry
	bias   int32
	data   []byte
	index  map[constKey]int32
	tables map[*uint64]int32
}

// NewConstants returns an empty block of entries of so many bytes, whose register is raised by bias.
func NewConstants(width int, bias int32) Constants {
	return Constants{width: width, bias: bias, index: map[constKey]int32{}, tables: map[*uint64]int32{}}
}

// At returns what lies at a displacement.
func (c *Constants) At(disp int32) []byte { return c.data[disp+c.bias:] }

// Place returns the displacement of a constant.
func (c *Constants) Place(bits uint64, kind Kind) int32 {
	k := constKey{bits, kind}
	if d, ok := c.index[k]; ok {
		return d
	}
	d := int32(len(c.data)) - c.bias
	width := c.width
	if k.kind == KindVector {
		width = 8 * LaneCount
	}
	for n := 0; n < width; n += 8 {
		v := k.bits
		if k.kind == Kind32 {
			v = k.bits&0xFFFFFFFF | k.bits<<32
		}
		c.data = binary.LittleEndian.AppendUint64(c.data, v)
	}
	c.index[k] = d
	return d
}

// PlaceTable returns the displacement of a table of elements of the given size.
func (c *Constants) PlaceTable(data []uint64, size int) int32 {
	if d, ok := c.tables[&data[0]]; ok {
		return d
	}
	d := int32(len(c.data)) - c.bias
	for _, x := range data {
		if size == 8 {
			c.data = binary.LittleEndian.AppendUint64(c.data, x)
		} else {
			c.data = binary.LittleEndian.AppendUint32(c.data, uint32(x))
		}
	}
	for len(c.data)%64 != 0 {
		c.data = append(c.data, 0)
	}
	c.tables[&data[0]] = d
	return d
}

// PlaceWords returns the displacement of a table of 16-bit words.
func (c *Constants) PlaceWords(words []uint64) int32 {
	d := int32(len(c.data)) - c.bias
	for _, w := range words {
		c.data = binary.LittleEndian.AppendUint16(c.data, uint16(w))
	}
	for len(c.data)%64 != 0 {
		c.data = append(c.data, 0)
	}
	return d
}

// ByteOnes returns the displacement of 16 bytes or more that are 1.
func (c *Constants) ByteOnes() int32 { return c.wide(0x0101010101010101) }

// AllOnes returns the displacement of 16 bytes or more whose bits are all 1.
func (c *Constants) AllOnes() int32 { return c.wide(^uint64(0)) }

func (c *Constants) wide(v uint64) int32 {
	k := constKey{v, KindMask}
	if d, ok := c.index[k]; ok {
		return d
	}
	d := int32(len(c.data)) - c.bias
	for n := 0; n < max(16, c.width); n += 8 {
		c.data = binary.LittleEndian.AppendUint64(c.data, v)
	}
	c.index[k] = d
	return d
}

// Sealed returns the block with room behind it for packed reads of the last entry.
func (c *Constants) Sealed() []byte {
	return append(c.data, make([]byte, 64)...)
}
