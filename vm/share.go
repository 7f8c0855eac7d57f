package vm

// Share is what a part of an instruction does: a micro-instruction, the reduction at a loop's tail, a whole kernel call, or a call of blocks.
type Share struct {
	Instr int   // the instruction
	Index int   // of the part, as in Instr.Nodes
	Node  int32 // the user's node, an index into Debug.Nodes; −1 if it is not known
	Flops int64 // as Profile counts them
}

// Shares lists the parts of all instructions in their order. Their flops add up to those of the profile. A call counts all that its blocks do: a
// While as if it went to its limit, a Cond as the block that does most.
func (p *Program) Shares() []Share {
	var list []Share
	flops := p.data().flops()
	for i := range p.data().Instrs {
		in := &p.code.Instrs[i]
		in.op().parts(in, flops, func(k int, flops int64) {
			s := Share{Instr: i, Index: k, Node: -1, Flops: flops}
			if k < len(in.Nodes) {
				s.Node = in.Nodes[k]
			}
			list = append(list, s)
		})
	}
	return list
}

// flops returns the flops of each block.
func (c *Code) flops() []int64 {
	flops := make([]int64, 0, len(c.Blocks))
	for k := range c.Blocks {
		total := int64(0)
		for i := range c.Blocks[k].Instrs {
			in := &c.Blocks[k].Instrs[i]
			in.op().parts(in, flops, func(_ int, n int64) { total = plus(total, n) })
		}
		flops = append(flops, total)
	}
	return flops
}

// Work bounds the operations of a run: one for each micro-instruction of each element, and for whole-tensor kernels what their definition takes
// at most (two for each term of a matrix product, n³ for a sparse solve of n rows, whose factors may fill in), each as often as loops may run them. It says
// how long a run takes within some orders of magnitude, and does not count what a user's kernel does.
func (p *Program) Work() float64 {
	total := 0.0
	var blocks []float64
	for b := range p.data().blocks() {
		total = 0
		for i := range b.Instrs {
			total += b.Instrs[i].op().work(&b.Instrs[i], blocks)
		}
		blocks = append(blocks, total)
	}
	return total
}
