package dtype

import (
	"math/bits"
	"unsafe"
)

// MaxElements bounds the elements of one tensor, so that its size in bytes is an int and sums of such sizes are an int64.
const MaxElements = 1 << (27 + 13*(bits.UintSize/64))

// Store writes a value's bits to memory that holds an element of the given size, 1, 4 or 8 bytes, in the processor's byte order.
func Store(p unsafe.Pointer, size int, bits uint64) {
	switch size {
	case 8:
		*(*uint64)(p) = bits
	case 4:
		*(*uint32)(p) = uint32(bits)
	default:
		*(*uint8)(p) = uint8(bits)
	}
}

// Load reads what Store writes.
func Load(p unsafe.Pointer, size int) uint64 {
	switch size {
	case 8:
		return *(*uint64)(p)
	case 4:
		return uint64(*(*uint32)(p))
	}
	return uint64(*(*uint8)(p))
}
