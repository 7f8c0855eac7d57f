package kernel

import (
	"math/bits"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/dtype"
)

const randomNote = " From a key (operand 0, int64 vector of 2: key and stream) by Philox 4x32-10 (Salmon, Moraes, Dror and Shaw, " +
	"Parallel random numbers: as easy as 1, 2, 3, SC 2011): element i depends on the key, the stream and i alone. " +
	"Block b of four 32-bit words has the counter (low b, high b, low stream, high stream) and the key (low key, high key)."

func init() {
	Register(&Kernel{
		Name:  "random_bits",
		Doc:   "Random bits: int32 element i is word i mod 4 of block i/4, int64 element i the words 2·(i mod 2) (low) and 2·(i mod 2)+1 of block i/2." + randomNote,
		Check: func(in, out []Type, a attr.List) error { return checkRandom(in, out, a, intSet) },
		Run: func(c *Call) error {
			key, stream := uint64(c.In[0].I64[0]), uint64(c.In[0].I64[1])
			if c.Out[0].DType == dtype.Int32 {
				for i := 0; i < len(c.Out[0].I32); i += 4 {
					w := philoxBlock(key, stream, uint64(i/4))
					for j := range c.Out[0].I32[i:min(i+4, len(c.Out[0].I32))] {
						c.Out[0].I32[i+j] = int32(w[j])
					}
				}
				return nil
			}
			for i := range c.Out[0].I64 {
				w := philoxBlock(key, stream, uint64(i/2))
				c.Out[0].I64[i] = int64(uint64(w[2*(i%2)]) | uint64(w[2*(i%2)+1])<<32)
			}
			return nil
		},
	})
	Register(&Kernel{
		Name:  "random_uniform",
		Doc:   "Uniform numbers in [0, 1): the upper 24 (float32) or 53 (float64) bits of the element of random_bits with the same size, times 2⁻²⁴ or 2⁻⁵³." + randomNote,
		Check: func(in, out []Type, a attr.List) error { return checkRandom(in, out, a, floatSet) },
		Run: func(c *Call) error {
			key, stream := uint64(c.In[0].I64[0]), uint64(c.In[0].I64[1])
			if c.Out[0].DType == dtype.Float32 {
				for i := 0; i < len(c.Out[0].F32); i += 4 {
					w := philoxBlock(key, stream, uint64(i/4))
					for j := range c.Out[0].F32[i:min(i+4, len(c.Out[0].F32))] {
						c.Out[0].F32[i+j] = float32(w[j]>>8) * 0x1p-24
					}
				}
				return nil
			}
			for i := range c.Out[0].F64 {
				w := philoxBlock(key, stream, uint64(i/2))
				u := uint64(w[2*(i%2)]) | uint64(w[2*(i%2)+1])<<32
				c.Out[0].F64[i] = float64(u>>11) * 0x1p-53
			}
			return nil
		},
	})
}

func checkRandom(in, out []Type, a attr.List, set dtypeSet) error {
	if err := checkCall(in, out, a, 1, 1, need("shape", attr.Ints), option("dtype", attr.String)); err != nil {
		return err
	}
	return firstOf(checkDType(dtype.Int64, in[0]), wantShape("the key", in[0].Shape, []int{2}),
		checkAmong(set, out[0]), wantAttrShape(a, "shape", out[0].Shape))
}

func philoxBlock(key, stream, block uint64) [4]uint32 {
	return philox([4]uint32{uint32(block), uint32(block >> 32), uint32(stream), uint32(stream >> 32)}, [2]uint32{uint32(key), uint32(key >> 32)})
}

// philox returns the four words of Philox 4x32-10 for a counter and a key.
func philox(c [4]uint32, k [2]uint32) [4]uint32 {
	for range 10 {
		h0, l0 := bits.Mul32(0xD2511F53, c[0])
		h1, l1 := bits.Mul32(0xCD9E8D57, c[2])
		c = [4]uint32{h1 ^ c[1] ^ k[0], l1, h0 ^ c[3] ^ k[1], l0}
		k[0] += 0x9E3779B9
		k[1] += 0xBB67AE85
	}
	return c
}
