package gosource

import (
	"fmt"
	"slices"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/vm"
)

// A program says where in memory an instruction reads and writes, and uses the same memory for one value after the other. Go source wants the values: a plan finds
// them by going through the instructions of a block and noting for each piece of memory which value lies there. Values that are read together, as the
// rows that two instructions have written are by a third, become one.

type kind uint8

const (
	temporary kind = iota
	input
	constant
)

// value is what lies in [lo, hi) of a space for some time.
type value struct {
	parent int32 // in the union; of a root its own number
	kind   kind
	input  int // which one
	space  uint32
	lo, hi int64
	typ    dtype.DType

	uses    int   // how often it is read
	reader  int   // the only instruction that reads it, several if there are more
	slice   bool  // a kernel reads or writes it, and needs an array for that
	product bool  // it is the product of two floats and nothing but products and calls read it
	writers int32 // instructions and slots that write it
}

const several = -1

// ref is a place in a value.
type ref struct {
	v  int32
	at int64 // byte offset in the space
}

// step is what a plan knows of an instruction.
type step struct {
	in, out []ref    // operands and results, in the order of the instruction's
	cells   [][4]ref // of scalar code by micro-instruction: operands, then the result
}

// plan is what a block does with its values.
type plan struct {
	b       *vm.Block
	instrs  []vm.Instr // of the block, kernels apart from the loops over their results
	values  []value
	steps   []step
	inputs  []int32 // the value of each input, none if it is not used
	outputs []ref
}

const none = int32(-1)

// access is a read or write of memory.
type access struct {
	space  uint32
	lo, hi int64
	typ    dtype.DType
}

func accessOf(t vm.Type, r vm.Ref) access {
	return access{r.Space, r.Offset, r.Offset + int64(t.Size())*int64(t.DType.Size()), t.DType}
}

func cell(c uint32, d dtype.DType) access {
	return access{0, int64(c) * 4, int64(c)*4 + int64(d.Size()), d}
}

// planner builds a plan.
type planner struct {
	*plan
	// segments are the pieces that accesses cut spaces into, and owners the values in them.
	bounds    map[uint32][]int64
	owners    map[uint32][]int32
	constants map[access]int32
	at        int // the instruction
}

// newPlan makes the plan of a block of a verified program. An error says what of the block cannot be stated in Go's types.
func newPlan(b *vm.Block) (*plan, error) {
	p := &planner{plan: &plan{b: b}, bounds: map[uint32][]int64{}, owners: map[uint32][]int32{}, constants: map[access]int32{}}
	for i := range b.Instrs {
		p.instrs = append(p.instrs, b.Instrs[i].Parts()...)
	}
	p.cut()
	for i := range b.Inputs {
		s := &b.Inputs[i]
		if !s.Used {
			p.inputs = append(p.inputs, none)
			continue
		}
		v := p.write(accessOf(s.Type, s.Ref))
		p.values[v].kind, p.values[v].input = input, i
		p.inputs = append(p.inputs, v)
	}
	for i := range p.instrs {
		p.at = i
		if err := p.instr(&p.instrs[i]); err != nil {
			return nil, &instrError{&p.instrs[i], err}
		}
	}
	p.at = len(p.instrs)
	for i := range b.Outputs {
		s := &b.Outputs[i]
		r, err := p.read(accessOf(s.Type, s.Ref))
		if err != nil {
			return nil, err
		}
		p.outputs = append(p.outputs, r)
	}
	for v := range p.values {
		if root := &p.values[p.find(int32(v))]; int32(v) != p.find(int32(v)) {
			from := &p.values[v]
			if root.kind != temporary || from.kind != temporary {
				return nil, fmt.Errorf("an array that is an input or a constant in part")
			}
			root.lo, root.hi = min(root.lo, from.lo), max(root.hi, from.hi)
			root.uses += from.uses
			root.writers += from.writers
			root.slice = root.slice || from.slice
			root.reader = several
		}
	}
	return p.plan, nil
}

// instrError is an error of an instruction of the block.
type instrError struct {
	in  *vm.Instr
	err error
}

func (e *instrError) Error() string { return e.err.Error() }

// accesses yields what an instruction reads and writes, in order.
func accesses(in *vm.Instr, yield func(access)) {
	for _, list := range [2][]vm.Operand{in.In, in.Out} {
		for _, o := range list {
			yield(accessOf(o.Type, o.Ref))
		}
	}
	if in.Straight != nil {
		for i := range in.Straight.Code {
			c := &in.Straight.Code[i]
			ops := c.Operands()
			for k := range c.Op.Arity() {
				yield(cell(ops[k], c.OperandType(k)))
			}
			yield(cell(c.Dst, c.Result()))
		}
	}
}

// cut finds the pieces of memory.
func (p *planner) cut() {
	add := func(a access) { p.bounds[a.space] = append(p.bounds[a.space], a.lo, a.hi) }
	for _, slots := range [2][]vm.Slot{p.b.Inputs, p.b.Outputs} {
		for i := range slots {
			add(accessOf(slots[i].Type, slots[i].Ref))
		}
	}
	for i := range p.instrs {
		accesses(&p.instrs[i], add)
	}
	for space, list := range p.bounds {
		slices.Sort(list)
		list = slices.Compact(list)
		p.bounds[space] = list
		p.owners[space] = slices.Repeat([]int32{none}, len(list))
	}
}

// pieces returns the owners of the pieces of an access.
func (p *planner) pieces(a access) []int32 {
	list := p.bounds[a.space]
	lo, _ := slices.BinarySearch(list, a.lo)
	hi, _ := slices.BinarySearch(list, a.hi)
	return p.owners[a.space][lo:hi]
}

func (p *planner) find(v int32) int32 {
	for p.values[v].parent != v {
		p.values[v].parent = p.values[p.values[v].parent].parent
		v = p.values[v].parent
	}
	return v
}

func (p *planner) add(a access) int32 {
	v := int32(len(p.values))
	p.values = append(p.values, value{parent: v, space: a.space, lo: a.lo, hi: a.hi, typ: a.typ, product: true})
	return v
}

func (p *planner) write(a access) int32 {
	v := p.add(a)
	p.values[v].writers = 1
	owners := p.pieces(a)
	for i := range owners {
		owners[i] = v
	}
	return v
}

// inConst reports whether the access lies in the block's constants.
func (p *planner) inConst(a access) bool {
	at := a.lo - p.b.ConstOffset
	return a.space == 0 && at >= 0 && at+a.hi-a.lo <= int64(len(p.b.Const))
}

func (p *planner) read(a access) (ref, error) {
	owners := p.pieces(a)
	if len(owners) == 0 || owners[0] == none && p.inConst(a) {
		v, ok := p.constants[a]
		if !ok {
			v = p.add(a)
			p.values[v].kind = constant
			p.constants[a] = v
		}
		p.used(v)
		return ref{v, a.lo}, nil
	}
	first := owners[0]
	for _, v := range owners {
		if v == none || p.values[v].typ != a.typ {
			return ref{}, fmt.Errorf("elements of another type are read as %v", a.typ)
		}
		if x, y := p.find(first), p.find(v); x != y {
			p.values[y].parent = x
		}
	}
	p.used(first)
	return ref{first, a.lo}, nil
}

func (p *planner) used(v int32) {
	x := &p.values[v]
	if x.uses == 0 {
		x.reader = p.at
	} else if x.reader != p.at {
		x.reader = several
	}
	x.uses++
}

func (p *planner) instr(in *vm.Instr) error {
	var s step
	if in.Straight != nil {
		for i := range in.Straight.Code {
			c := &in.Straight.Code[i]
			ops := c.Operands()
			var refs [4]ref
			for k := range c.Op.Arity() {
				r, err := p.read(cell(ops[k], c.OperandType(k)))
				if err != nil {
					return err
				}
				refs[k] = r
				if !keepsProduct(c.Op) {
					p.values[r.v].product = false
				}
			}
			v := p.write(cell(c.Dst, c.Result()))
			refs[3] = ref{v, int64(c.Dst) * 4}
			s.cells = append(s.cells, refs)
		}
	}
	array := in.Op == vm.OpKernel
	for _, o := range in.In {
		r, err := p.read(accessOf(o.Type, o.Ref))
		if err != nil {
			return err
		}
		p.values[r.v].slice = p.values[r.v].slice || array
		s.in = append(s.in, r)
	}
	for _, o := range in.Out {
		v := p.write(accessOf(o.Type, o.Ref))
		p.values[v].slice = array
		s.out = append(s.out, ref{v, o.Offset})
	}
	p.steps = append(p.steps, s)
	return nil
}

// keepsProduct reports whether an operation reads a product of floats in a way that compilers cannot round together with the product.
func keepsProduct(op micro.Op) bool {
	switch op {
	case micro.Add, micro.Sub, micro.Neg, micro.Mov, micro.Select, micro.Abs, micro.Copysign, micro.BitwiseOr:
		return false
	}
	return true
}

// root returns the value that a ref is a place in, and the element there.
func (p *plan) root(r ref) (v *value, number int32, element int) {
	number = r.v
	for p.values[number].parent != number {
		number = p.values[number].parent
	}
	v = &p.values[number]
	return v, number, int((r.at - v.lo) / int64(v.typ.Size()))
}

// elements is the number of elements of a root.
func (v *value) elements() int { return int((v.hi - v.lo) / int64(v.typ.Size())) }
