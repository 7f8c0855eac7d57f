package native

import (
	"math"
	"math/bits"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/internal/native/isa"
)

// Reductions at the tail of a loop: accumulators in fixed registers, folded after each block.

// accumulators returns the number of vectors that hold the accumulators of a reduction.
func (c *loopCompiler) accumulators() int {
	if c.loop.Reduce == micro.NoReduce {
		return 0
	}
	w := 8
	if c.reduced.Size() == 4 {
		w = 16
	}
	return w / int(c.Lanes)
}

// reserveAccumulators takes the last registers for a reduction's accumulators and, in the tail, masks.
func (c *loopCompiler) reserveAccumulators() {
	for k := range c.accumulators() {
		c.Files[isa.FileVector].All &^= 1 << c.accRegister(k)
	}
}

func (c *loopCompiler) accRegister(k int) uint8 {
	vectors, _ := c.Machine.VectorFiles()
	return uint8(bits.Len32(vectors)-1) - uint8(k)
}

func (c *loopCompiler) reduceInstr() *micro.Instr {
	return &micro.Instr{Op: c.loop.Reduce.Op(), Type: c.reduced}
}

// accumulate adds a value to the part's accumulator.
func (c *loopCompiler) accumulate(part int, v int32) {
	acc := c.accs[part%len(c.accs)]
	if !c.Tail {
		c.lower(c.reduceInstr(), acc, acc, v, isa.None)
		return
	}
	sum := c.NewValue(kindOf(c.reduced))
	c.lower(c.reduceInstr(), sum, acc, v, isa.None)
	c.Code = append(c.Code, isa.Instr{Op: isa.Merge, Type: elemOf(c.reduced), Dst: isa.None, A: sum, B: isa.None, C: acc, Part: c.part, Unit: c.unit})
}

// startAccumulators sets the accumulators to the identity.
func (c *loopCompiler) startAccumulators() {
	for k := range c.accumulators() {
		v := isa.Value{Kind: kindOf(c.reduced), Home: isa.SpaceConst, Stored: true, Disp: c.Consts.Place(c.identity(), kindOf(c.reduced))}
		c.Machine.Load(&v, c.accRegister(k))
	}
}

// identity returns the bits of the reduction's identity.
func (c *loopCompiler) identity() uint64 {
	t := c.reduced
	var f float64
	var i int64
	switch c.loop.Reduce {
	case micro.ReduceProd:
		f, i = 1, 1
	case micro.ReduceMax:
		f, i = math.Inf(-1), math.MinInt64
		if t == dtype.Int32 {
			i = math.MinInt32
		}
	case micro.ReduceMin:
		f, i = math.Inf(1), math.MaxInt64
		if t == dtype.Int32 {
			i = math.MaxInt32
		}
	}
	switch t {
	case dtype.Float64:
		return math.Float64bits(f)
	case dtype.Float32:
		return uint64(math.Float32bits(float32(f)))
	case dtype.Int32:
		return uint64(uint32(i))
	}
	return uint64(i)
}

// emitFold folds the accumulators in halves and stores the block's result.
func (c *loopCompiler) emitFold() {
	c.beginCode()
	c.part = 0
	in := c.reduceInstr()
	kind := kindOf(c.reduced)
	accs := append([]int32(nil), c.accs...)
	for n := len(accs) / 2; n > 0; n /= 2 {
		for k := range n {
			sum := c.NewValue(kind)
			c.lower(in, sum, accs[k], accs[k+n], isa.None)
			accs[k] = sum
		}
	}
	x := accs[0]
	length := c.LenOf(kind)
	step := isa.FoldHalf512 + (isa.Len512 - length)
	end := isa.FoldHalf128
	if kind == isa.Kind32 {
		end = isa.FoldHalf64
	}
	for ; step <= end; step++ {
		upper := c.NewValue(kind)
		c.Code = append(c.Code, isa.Instr{Op: isa.Fold, Type: elemOf(c.reduced), Imm: step, Dst: upper, A: x, B: isa.None, C: isa.None})
		sum := c.NewValue(kind)
		c.lower(in, sum, x, upper, isa.None)
		x = sum
	}
	c.Vals[x].Next = int32(len(c.Code))
	c.FindNextUses()
	c.Generate()
	c.Machine.StoreFirst(kind, c.Vals[x].Reg, isa.At(isa.RegResult, 0))
}
