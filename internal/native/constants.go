package native

import "encoding/binary"

// constKey is a constant's bits and size.
type constKey struct {
	bits uint64
	kind valueKind
}

// constBlock collects constants: in scalar code the value, in vector code the value
// repeated over a whole register.
type constBlock struct {
	width  int // bytes of an entry
	bias   int32
	data   []byte
	index  map[constKey]int32
	tables map[*uint64]int32
}

func newConstBlock(width int, bias int32) constBlock {
	return constBlock{width: width, bias: bias, index: map[constKey]int32{}, tables: map[*uint64]int32{}}
}

// place returns the displacement of a constant.
func (c *constBlock) place(k constKey) int32 {
	if d, ok := c.index[k]; ok {
		return d
	}
	d := int32(len(c.data)) - c.bias
	width := c.width
	if k.kind == kindVector {
		width = 8 * laneCount
	}
	for n := 0; n < width; n += 8 {
		v := k.bits
		if k.kind == kind32 {
			v = k.bits&0xFFFFFFFF | k.bits<<32
		}
		c.data = binary.LittleEndian.AppendUint64(c.data, v)
	}
	c.index[k] = d
	return d
}

// placeTable returns the displacement of a table of elements of the given size.
func (c *constBlock) placeTable(data []uint64, size int) int32 {
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

// placeWords returns the displacement of a table of 16-bit words.
func (c *constBlock) placeWords(words []uint64) int32 {
	d := int32(len(c.data)) - c.bias
	for _, w := range words {
		c.data = binary.LittleEndian.AppendUint16(c.data, uint16(w))
	}
	for len(c.data)%64 != 0 {
		c.data = append(c.data, 0)
	}
	return d
}

// byteOnes and allOnes are read with 16 bytes at least.
func (c *constBlock) byteOnes() int32 { return c.wide(0x0101010101010101) }
func (c *constBlock) allOnes() int32  { return c.wide(^uint64(0)) }

func (c *constBlock) wide(v uint64) int32 {
	k := constKey{v, kindMask}
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

// sealed returns the block with room behind it for packed reads of the last entry.
func (c *constBlock) sealed() []byte {
	return append(c.data, make([]byte, 64)...)
}
