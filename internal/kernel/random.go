package kernel

import (
	"math"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/elem"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/internal/philox"
)

const randomNote = " From a key (operand 0, int64 vector of 2: key and stream) by Philox 4x32-10 (Salmon, Moraes, Dror and Shaw, " +
	"Parallel random numbers: as easy as 1, 2, 3, SC 2011): element i depends on the key, the stream and i alone. " +
	"Block b of four 32-bit words has the counter (low b, high b, low stream, high stream) and the key (low key, high key)."

func init() {
	Register(&Kernel{
		Name:  "random_bits",
		Doc:   "Random bits: int32 element i is word i mod 4 of block i/4, int64 element i the words 2·(i mod 2) (low) and 2·(i mod 2)+1 of block i/2." + randomNote,
		Check: func(in, out []Type, a attr.List) error { return checkRandom(in, out, a, intSet) },
		Prepare: func(in, out []Type, a attr.List) any {
			if out[0].DType == dtype.Int64 {
				return &randomFill{kind: philox.Bits64}
			}
			return &randomFill{kind: philox.Bits}
		},
		Each: func(in, out []Type, a attr.List) int { return 0 },
		Run:  runRandomFill,
	})
	Register(&Kernel{
		Name:  "random_uniform",
		Doc:   "Uniform numbers in [0, 1): the upper 24 (float32) or 53 (float64) bits of the element of random_bits with the same size, times 2⁻²⁴ or 2⁻⁵³." + randomNote,
		Check: func(in, out []Type, a attr.List) error { return checkRandom(in, out, a, floatSet) },
		Prepare: func(in, out []Type, a attr.List) any {
			if out[0].DType == dtype.Float64 {
				return &randomFill{kind: philox.Float64}
			}
			return &randomFill{kind: philox.Float32}
		},
		Each: func(in, out []Type, a attr.List) int { return 0 },
		Run:  runRandomFill,
	})
}

// randomFill is a run that fills memory with words, or with numbers that come of them, in items of randomItem bytes.
type randomFill struct {
	kind        philox.Kind
	key, stream uint64
	dst         []byte
}

const randomItem = 1 << 16

func runRandomFill(c *Call) error {
	p, out := c.State.(*randomFill), &c.Out[0]
	p.key, p.stream = uint64(c.In[0].I64[0]), uint64(c.In[0].I64[1])
	p.dst = unsafe.Slice((*byte)(addressOf(out)), out.Size()*out.DType.Size())
	c.Parallel(p, ceil(len(p.dst), randomItem))
	p.dst = nil
	return nil
}

// Do implements pool.Task.
func (p *randomFill) Do(_, item int) {
	at := item * randomItem
	philox.Fill(p.dst[at:min(at+randomItem, len(p.dst))], p.kind, p.key, p.stream, uint64(at/16), cpu.Best())
}

func init() {
	Register(&Kernel{
		Name:  "random_gamma",
		Plain: true,
		Doc: "Gamma-distributed numbers with scale 1 for each shape parameter (operand 1, > 0; others give NaN), by Marsaglia and Tsang " +
			"(A simple method for generating gamma variables, ACM TOMS 26, 2000), with their step U^(1/a) for a < 1. Attempt t for element i takes block i + t·2⁴⁰. " +
			"Computed in float64; very small parameters give 0. Float dtypes." + randomNote,
		Check: func(in, out []Type, a attr.List) error {
			if err := checkCall(in, out, a, 2, 1); err != nil {
				return err
			}
			return firstOf(checkDType(dtype.Int64, in[0]), wantShape("the key", in[0].Shape, []int{2}), checkAmong(floatSet, in[1]),
				checkDType(in[1].DType, out[0]), wantShape("result", out[0].Shape, in[1].Shape))
		},
		Run: func(c *Call) error {
			return pickFloat(c.Out[0].DType, randomGamma[float64], randomGamma[float32])(c)
		},
	})
}

func randomGamma[T float](c *Call) error {
	key, stream := uint64(c.In[0].I64[0]), uint64(c.In[0].I64[1])
	dst := data[T](&c.Out[0])
	for i, a := range data[T](&c.In[1]) {
		dst[i] = T(gammaSample(float64(a), key, stream, uint64(i)))
	}
	return nil
}

// openUnit maps 52 random bits to the open interval (0, 1).
func openUnit(low, high uint32) float64 {
	return float64((float64((uint64(low)|uint64(high)<<32)>>12) + 0.5) * 0x1p-52)
}

func gammaSample(a float64, key, stream, i uint64) float64 {
	if !(a > 0) || math.IsInf(a, 1) {
		if a > 0 {
			return a
		}
		return math.NaN()
	}
	log, exp, erfinv := elem.Unary64(micro.Log), elem.Unary64(micro.Exp), elem.Unary64(micro.Erfinv)
	boost, block := 1.0, i
	if a < 1 {
		w := philox.Block(key, stream, block)
		boost = exp(log(openUnit(w[0], w[1])) / a)
		a++
	}
	d := a - 1.0/3
	s := 1 / math.Sqrt(9*d)
	for {
		block += 1 << 40
		w := philox.Block(key, stream, block)
		x := math.Sqrt2 * erfinv(float64(2*openUnit(w[0], w[1]))-1)
		v := 1 + float64(s*x) // explicit roundings forbid fused multiply-adds, which not all machines have
		if v <= 0 {
			continue
		}
		v = v * v * v
		if log(openUnit(w[2], w[3])) < float64(0.5*x*x)+d-float64(d*v)+float64(d*log(v)) {
			return boost * d * v
		}
	}
}

func checkRandom(in, out []Type, a attr.List, set dtypeSet) error {
	if err := checkCall(in, out, a, 1, 1, need("shape", attr.Ints), option("dtype", attr.String)); err != nil {
		return err
	}
	return firstOf(checkDType(dtype.Int64, in[0]), wantShape("the key", in[0].Shape, []int{2}),
		checkAmong(set, out[0]), wantAttrShape(a, "shape", out[0].Shape))
}
