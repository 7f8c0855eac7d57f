package vm

// Call is what OpCall runs: blocks of the program, in a frame. A frame is memory in the arena of the block that calls, which holds the
// callees' arenas and lives only during the call. Exactly one of Scan, While and Cond is set.
//
// Operands, results, and the inputs and outputs of blocks correspond in order, and their types agree. A block's input that lies in the block's
// arena is copied there; one in a space of its own is bound to the memory of the value, which must not be needed to change during a step; one
// that is not used is skipped. A block may overwrite its inputs in the arena, since they are copies, but those that are captured. Results overlap
// neither operands nor the frame.
type Call struct {
	// Frame is the offset of the frame in the arena, a multiple of 64. Code.FrameBytes says how long it is.
	Frame int64
	Scan  *Scan
	While *While
	Cond  *Cond
}

// Scan runs Blocks[Body] Length times.
//
// Operands are the captured values, the initial carries, and xs, each [Length]+shape. The body's inputs are the captured values, the
// carries, and the elements of xs; its outputs are the next carries and the elements of ys. Results are the final carries and ys, each [Length]+shape. A body
// may give the carries out in each other's places, or where an input lies.
type Scan struct {
	Body              int
	Length            int // 0 only without xs and ys: the results are the initial carries then
	Captured, Carries int
	// Reverse goes from the last element of xs to the first, and writes ys at the same places.
	Reverse bool
	// Counted: operand 0, in front of the captured values, is an int64 scalar, the number of steps that are done: the elements of xs from there on are left out, and
	// 0 in ys. It is clamped to 0 to Length.
	Counted bool
}

// first is the number of operands in front of those that are the body's inputs.
func (s *Scan) first() int {
	if s.Counted {
		return 1
	}
	return 0
}

// While runs Blocks[Body] as long as Blocks[Cond] says true.
//
// Operands are the captured values and the initial carries, which are the inputs of both blocks. Cond has one output, a bool. The outputs of the body
// are the next carries and the elements of ys. Results are the final carries, the number of steps (an int64 scalar), and ys, each [Limit]+shape; what
// lies beyond the steps is 0. A run that needs more than Limit steps fails with ErrStepLimit.
type While struct {
	Cond, Body        int
	Limit             int // 0 only without ys
	Captured, Carries int
}

// Cond runs one of Blocks.
//
// Operand 0 names it: a bool, of which false is the first of two blocks and true the second, or an int32 or int64, which is clamped into range. The other
// operands are the inputs of each block, and its outputs are the results.
type Cond struct {
	Blocks []int
}

// frameAlign is the alignment of frames and of the arenas in them.
const frameAlign = 64

// callees returns the blocks that the call runs, and where the arena of each lies in the frame.
func (c *Call) callees() []int {
	switch {
	case c == nil:
	case c.Scan != nil:
		return []int{c.Scan.Body}
	case c.While != nil:
		return []int{c.While.Cond, c.While.Body}
	case c.Cond != nil:
		return c.Cond.Blocks
	}
	return nil
}

// Kind returns scan, while or cond; "" for a call of nothing.
func (c *Call) Kind() string {
	switch {
	case c == nil:
		return ""
	case c.Scan != nil:
		return "scan"
	case c.While != nil:
		return "while"
	case c.Cond != nil:
		return "cond"
	}
	return ""
}

// places returns the offset in the frame of each callee's arena, and the length of the frame. The two blocks of a While live at the same time, those
// of a Cond do not.
func (c *Call) places(blocks []Block) (offsets []int64, bytes int64) {
	list := c.callees()
	offsets = make([]int64, len(list))
	for i, k := range list {
		n := blocks[k].ArenaBytes
		if c.While != nil {
			offsets[i] = bytes
			bytes += (n + frameAlign - 1) &^ (frameAlign - 1)
		} else {
			bytes = max(bytes, n)
		}
	}
	return offsets, bytes
}

// FrameBytes returns the length of the call's frame: the largest arena of the blocks that it runs, for a While the sum of both, each rounded up
// to 64 bytes. It is 0 for a call of nothing, or of blocks that there are not.
func (c *Code) FrameBytes(call *Call) int64 {
	for _, k := range call.callees() {
		if k < 0 || k >= len(c.Blocks) {
			return 0
		}
	}
	_, n := call.places(c.Blocks)
	return n
}

func (c Call) clone() Call {
	if c.Scan != nil {
		s := *c.Scan
		c.Scan = &s
	}
	if c.While != nil {
		w := *c.While
		c.While = &w
	}
	if c.Cond != nil {
		c.Cond = &Cond{Blocks: append([]int(nil), c.Cond.Blocks...)}
	}
	return c
}
