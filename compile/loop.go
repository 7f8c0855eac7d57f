package compile

import (
	"fmt"
	"slices"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/internal/shape"
	"github.com/adjoint-go/adjoint/vm"
)

// loopBuilder turns a group of elementwise nodes into a micro.Loop. Registers are first numbered by value; numbering
// by liveness follows when inputs and constants are known.
type loopBuilder struct {
	e      *emitter
	x      *instruction
	l      *micro.Loop
	instr  *vm.Instr
	regs   map[int32]uint32 // by node: its value number
	inputs map[inputKey]uint32
	consts map[micro.Const]uint32
}

// inputKey names an access: the same memory may be walked in several ways.
type inputKey struct {
	ref   vm.Ref
	dtype graph.DType
	walk  string
}

// Value numbers are tagged until the number of inputs and constants is known.
const (
	tagInput = 1 << 30
	tagConst = 2 << 30
	tagMask  = 3 << 30
)

func (b *loopBuilder) build() {
	e, x, l := b.e, b.x, b.l
	inLoop := map[int32]bool{}
	loopNodes := x.nodes
	if x.joined {
		loopNodes = loopNodes[1:]
		b.external(e.g.Node(int(e.readOf(x.nodes[0], loopNodes)))) // is input 0
	}
	for _, id := range loopNodes {
		inLoop[id] = id != x.tail
	}
	values := uint32(0)
	var nodes []int32
	for _, id := range loopNodes {
		if id == x.tail {
			continue
		}
		c := e.microInstr(id)
		var ops [3]uint32
		for k, o := range e.in(id) {
			if inLoop[o] {
				ops[k] = b.regs[o]
			} else {
				ops[k] = b.external(e.g.Node(int(o)))
			}
		}
		c.A, c.B, c.C = ops[0], ops[1], ops[2]
		c.Dst = values
		b.regs[id] = values
		values++
		l.Code = append(l.Code, c)
		nodes = append(nodes, id)
	}
	for _, id := range loopNodes {
		if id != x.tail && e.place[id].known && (x.again == nil || slices.Contains(x.again, id)) {
			n := e.g.Node(int(id))
			b.output(n, b.regs[id], 0)
		}
	}
	if x.tail >= 0 {
		n := e.g.Node(int(x.tail))
		in := n.Input(0)
		l.Reduce, l.ReduceDims = reduceKind(n), len(n.Attrs().Ints("axes"))
		r, ok := b.regs[int32(in.ID())]
		if !ok || !inLoop[int32(in.ID())] {
			r = b.external(in)
		}
		b.output(n, r, l.ReduceDims)
		nodes = append(nodes, x.tail)
	} else {
		nodes = append(nodes, -1)
	}
	b.number()
	if e.debug {
		for _, id := range nodes {
			if id < 0 {
				b.instr.Nodes = append(b.instr.Nodes, -1)
			} else {
				b.instr.Nodes = append(b.instr.Nodes, e.addLabel(id))
			}
		}
	}
}

// external returns the register of a value from outside the loop.
func (b *loopBuilder) external(n *graph.Node) uint32 {
	e := b.e
	r := e.root[n.ID()]
	if w := e.windows[int32(n.ID())]; w != nil {
		array := e.g.Node(int(w.of))
		a := w.access(array.Shape(), n.Shape(), b.l.Dims)
		return b.input(array, a)
	}
	if bits, uniform := e.g.Node(int(r)).Literal().Uniform(); uniform && e.class[r] == classConst && !e.place[r].known {
		return b.constant(micro.Const{Type: n.DType(), Bits: bits})
	} else if uniform && e.class[r] == classConst && n.Type().IsScalar() {
		return b.constant(micro.Const{Type: n.DType(), Bits: bits})
	}
	return b.input(n, micro.Access{Strides: shape.BroadcastStrides(n.Shape(), len(b.l.Dims))})
}

// input returns the register of an access to an array.
func (b *loopBuilder) input(n *graph.Node, a micro.Access) uint32 {
	a.Type = n.DType()
	key := inputKey{b.e.ref(n), a.Type, fmt.Sprint(a.Strides, a.Window)}
	reg, ok := b.inputs[key]
	if !ok {
		reg = tagInput | uint32(len(b.l.In))
		b.inputs[key] = reg
		b.l.In = append(b.l.In, a)
		b.instr.In = append(b.instr.In, b.e.operand(n))
	}
	return reg
}

func (b *loopBuilder) constant(c micro.Const) uint32 {
	reg, ok := b.consts[c]
	if !ok {
		reg = tagConst | uint32(len(b.l.Consts))
		b.consts[c] = reg
		b.l.Consts = append(b.l.Consts, c)
	}
	return reg
}

// output stores a register; the innermost reduced dimensions have stride 0.
func (b *loopBuilder) output(n *graph.Node, reg uint32, reduced int) {
	strides := append(shape.Strides(b.l.Dims[:len(b.l.Dims)-reduced]), make([]int, reduced)...)
	b.l.Out = append(b.l.Out, micro.Access{Type: n.DType(), Strides: strides})
	b.l.OutRegs = append(b.l.OutRegs, reg)
	b.instr.Out = append(b.instr.Out, b.e.operand(n))
}

// number gives the temporaries registers by liveness, and all registers their final numbers.
func (b *loopBuilder) number() {
	l := b.l
	last := make([]int, len(l.Code))
	for v := range last {
		last[v] = -1
	}
	for i, c := range l.Code {
		ops := c.Operands()
		for k := range c.Op.Arity() {
			if ops[k]&tagMask == 0 {
				last[ops[k]] = i
			}
		}
	}
	for _, r := range l.OutRegs {
		if r&tagMask == 0 {
			last[r] = len(l.Code)
		}
	}
	firstTemp := uint32(len(l.In) + len(l.Consts))
	temp := make([]uint32, len(l.Code))
	var free []uint32
	final := func(r uint32) uint32 {
		switch r & tagMask {
		case tagInput:
			return r &^ tagMask
		case tagConst:
			return uint32(len(l.In)) + r&^tagMask
		}
		return temp[r]
	}
	for i := range l.Code {
		c := &l.Code[i]
		ops := c.Operands()
		// The result may take the register of an operand that dies only if their elements have the same size:
		// an executor goes through a block in order and would overwrite narrower elements that it has yet to read.
		var dying []uint32
		for k := range c.Op.Arity() {
			if r := ops[k]; r&tagMask == 0 && last[r] == i {
				if c.OperandType(k).Size() == c.Result().Size() {
					free = append(free, temp[r])
				} else {
					dying = append(dying, temp[r])
				}
				last[r] = -1
			}
			ops[k] = final(ops[k])
		}
		c.A, c.B, c.C = ops[0], ops[1], ops[2]
		v := c.Dst
		if len(free) > 0 {
			temp[v] = free[len(free)-1]
			free = free[:len(free)-1]
		} else {
			temp[v] = firstTemp + uint32(l.Temps)
			l.Temps++
		}
		c.Dst = temp[v]
		free = append(free, dying...)
		if last[v] < 0 { // nobody reads it
			free = append(free, temp[v])
		}
	}
	for k, r := range l.OutRegs {
		l.OutRegs[k] = final(r)
	}
}
