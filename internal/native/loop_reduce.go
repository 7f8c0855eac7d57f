package native

import (
	"math"
	"math/bits"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
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
	return w / int(c.lanes)
}

// reserveAccumulators takes the last registers for a reduction's accumulators and, in the tail, masks.
func (c *loopCompiler) reserveAccumulators() {
	for k := range c.accumulators() {
		c.files[fileVector].all &^= 1 << c.accRegister(k)
	}
}

func (c *loopCompiler) accRegister(k int) uint8 {
	vectors, _ := c.isa.vectorFiles()
	return uint8(bits.Len32(vectors)-1) - uint8(k)
}

func (c *loopCompiler) reduceInstr() *micro.Instr {
	return &micro.Instr{Op: c.loop.Reduce.Op(), Type: c.reduced}
}

// accumulate adds a value to the part's accumulator.
func (c *loopCompiler) accumulate(part int, v int32) {
	acc := c.accs[part%len(c.accs)]
	if !c.tail {
		c.lower(c.reduceInstr(), acc, acc, v, none)
		return
	}
	sum := c.newValue(kindOf(c.reduced))
	c.lower(c.reduceInstr(), sum, acc, v, none)
	c.code = append(c.code, lowIns{op: lMerge, typ: elemOf(c.reduced), dst: none, a: sum, b: none, c: acc, part: c.part})
}

// startAccumulators sets the accumulators to the identity.
func (c *loopCompiler) startAccumulators() {
	for k := range c.accumulators() {
		v := value{kind: kindOf(c.reduced), home: spaceConst, stored: true, disp: c.consts.place(constKey{c.identity(), kindOf(c.reduced)})}
		c.isa.load(&v, c.accRegister(k))
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
			sum := c.newValue(kind)
			c.lower(in, sum, accs[k], accs[k+n], none)
			accs[k] = sum
		}
	}
	x := accs[0]
	length := c.lenOf(kind)
	step := foldHalf512 + (len512 - length)
	end := foldHalf128
	if kind == kind32 {
		end = foldHalf64
	}
	for ; step <= end; step++ {
		upper := c.newValue(kind)
		c.code = append(c.code, lowIns{op: lFold, typ: elemOf(c.reduced), imm: step, dst: upper, a: x, b: none, c: none})
		sum := c.newValue(kind)
		c.lower(in, sum, x, upper, none)
		x = sum
	}
	c.vals[x].next = int32(len(c.code))
	c.findNextUses()
	c.generate()
	c.isa.storeFirst(kind, c.vals[x].reg, at(regResult, 0))
}
