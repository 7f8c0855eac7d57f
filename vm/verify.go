package vm

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/shape"
)

// maxRank bounds the dimensions of an array in a program.
const maxRank = 32

// maxBytes bounds the arena and every array (2⁴³ bytes), so that sums of sizes never overflow.
const maxBytes = 1 << 43

// verify checks everything that running the program relies on, so that no program that passes can touch memory outside of its
// arena and inputs, or depend on what an earlier run left behind:
//
//   - types, ranges and alignment of all operands; kernels accept their operands and attributes;
//   - the rules of micro.Straight and micro.Loop;
//   - results overlap operands only where the executor allows it: exactly in place;
//   - what an instruction reads is an input that is marked as used, a constant, or was written before in the same run;
//   - constants and inputs are never written, but inputs that have an update; temporaries of scalar code are dead after it;
//   - what is read as bool holds the bytes 0 and 1: it is a bool input, was written as bool, or is a constant of such bytes.
//
// Each block is verified by itself, before those that may call it. Blocks that are called may overwrite their inputs, and their outputs may lie in
// inputs and constants.
//
// Time is O(n log n) in the size of the program, memory O(n), whatever sizes the program states.
func (c *Code) verify() error {
	if err := c.verifyDebug(); err != nil {
		return fmt.Errorf("program: %w", err)
	}
	v := verifier{code: c, facts: make([]blockFacts, len(c.Blocks))}
	for k := range c.Blocks {
		if err := v.verifyBlock(k, &c.Blocks[k]); err != nil {
			return fmt.Errorf("program: block %d: %w", k, err)
		}
	}
	if err := v.verifyBlock(len(c.Blocks), &c.Block); err != nil {
		return fmt.Errorf("program: %w", err)
	}
	return nil
}

// verifyBlock verifies the block of the number, which the entry has as if it were the last of Blocks.
func (v *verifier) verifyBlock(number int, b *Block) error {
	v.number, v.block, v.events, v.depth = number, b, v.events[:0], 0
	if b.ArenaBytes < 0 || b.ArenaBytes > maxBytes {
		return fmt.Errorf("arena of %d bytes", b.ArenaBytes)
	}
	if b.ConstOffset < 0 || b.ConstOffset%8 != 0 || b.ConstOffset > b.ArenaBytes-int64(len(b.Const)) {
		return fmt.Errorf("constants lie outside the arena")
	}
	names := map[string]bool{}
	for i, s := range b.Inputs {
		if !v.called() && (s.Name == "" || names[s.Name]) {
			return fmt.Errorf("input %d has no name of its own", i)
		}
		names[s.Name] = true
		if s.Space != 0 && (int64(s.Space) != int64(i)+1 || s.Offset != 0) {
			return fmt.Errorf("input %s lies in a space that is not its own", b.inputName(i))
		}
		if err := v.slot(s); err != nil {
			return fmt.Errorf("input %s: %w", b.inputName(i), err)
		}
	}
	for i, s := range b.Outputs {
		err := v.slot(s)
		switch {
		case err != nil:
		case s.Space != 0:
			err = fmt.Errorf("it lies outside of the arena")
		case !s.Used:
			err = fmt.Errorf("it is marked as unused")
		}
		if err != nil {
			return fmt.Errorf("output %d: %w", i, err)
		}
	}
	if err := v.updates(); err != nil {
		return err
	}
	for i := range b.Instrs {
		v.at = int32(i)
		in := &b.Instrs[i]
		if err := v.instr(in); err != nil {
			return fmt.Errorf("instruction %d (%v): %w", i, in.Op, err)
		}
	}
	overwritten, err := v.checkMemory()
	if v.called() {
		v.facts[number] = blockFacts{overwritten, v.depth + 1}
	}
	return err
}

// updates verifies the inputs that have the value of an output after a run. An output may lie in such an input only as its new value, so that none is
// overwritten before it is copied.
func (v *verifier) updates() error {
	b := v.block
	var ends []Operand // inputs that are updated, with the places of their outputs
	var places []Ref
	for i, s := range b.Inputs {
		if s.Update == 0 {
			continue
		}
		switch {
		case v.called() || s.Update < 0 || s.Update > len(b.Outputs):
			return fmt.Errorf("input %s is updated with output %d of %d", b.inputName(i), s.Update-1, len(b.Outputs))
		case s.Space != 0:
			return fmt.Errorf("input %s is updated and lies outside of the arena", b.inputName(i))
		case s.DType != b.Outputs[s.Update-1].DType || !slices.Equal(s.Shape, b.Outputs[s.Update-1].Shape):
			return fmt.Errorf("input %s is %s, and is updated with %s", b.inputName(i), typeText(s.Type), typeText(b.Outputs[s.Update-1].Type))
		}
		ends, places = append(ends, Operand{s.Type, s.Ref}), append(places, b.Outputs[s.Update-1].Ref)
	}
	if ends == nil {
		return nil
	}
	order := make([]int, len(ends))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(ends[i].Offset, ends[j].Offset) })
	for k, o := range b.Outputs {
		// Inputs do not overlap (see checkMemory): where any of those that begin before the output's end reaches into it, the last does.
		n, _ := slices.BinarySearchFunc(order, o.Offset+bytesOf(o.Type), func(i int, end int64) int { return cmp.Compare(ends[i].Offset, end) })
		if n == 0 {
			continue
		}
		last := order[n-1]
		if in := ends[last]; in.Offset+bytesOf(in.Type) > o.Offset && (in.Ref != o.Ref || places[last] != o.Ref || bytesOf(in.Type) != bytesOf(o.Type)) {
			return fmt.Errorf("output %d lies in an input that another one updates", k)
		}
	}
	return nil
}

// called reports whether the block in hand is one that calls run.
func (v *verifier) called() bool { return v.number < len(v.code.Blocks) }

// slot verifies an input or output of the block. Those of the program itself may have no elements.
func (v *verifier) slot(s Slot) error {
	o := Operand{s.Type, s.Ref}
	if v.called() {
		return v.operand(o)
	}
	if err := checkType(s.Type); err != nil {
		return err
	}
	return v.place(o)
}

// inputName returns the quoted name of input i, or its number.
func (b *Block) inputName(i int) string {
	if name := b.Inputs[i].Name; name != "" {
		return strconv.Quote(name)
	}
	return strconv.Itoa(i)
}

func (c *Code) verifyDebug() error {
	if len(c.Debug.Strings) > 0 && c.Debug.Strings[0] != "" {
		return fmt.Errorf("debug string 0 is not empty")
	}
	for i, n := range c.Debug.Nodes {
		for _, s := range []int32{n.Op, n.Name, n.File} {
			if s < 0 || int(s) >= len(c.Debug.Strings) {
				return fmt.Errorf("debug node %d names string %d of %d", i, s, len(c.Debug.Strings))
			}
		}
	}
	return nil
}

type verifier struct {
	code   *Code
	facts  []blockFacts // of the blocks that are verified
	number int          // of the block in hand
	block  *Block
	at     int32 // the instruction in hand
	depth  int   // of the calls in the block so far
	cells  cellMap
	events []memoryEvent
}

// blockFacts is what a call must know of a verified block.
type blockFacts struct {
	overwritten []bool // inputs in the arena that the block writes to
	depth       int    // of calls: 1 for a block without any
}

func checkType(t Type) error {
	if !t.DType.Valid() {
		return fmt.Errorf("invalid dtype %d", t.DType)
	}
	if len(t.Shape) > maxRank {
		return fmt.Errorf("rank %d", len(t.Shape))
	}
	return shape.Check(t.Shape)
}

// checkElements is checkType that refuses types without elements too, which only a program's own inputs and outputs may have.
func checkElements(t Type) error {
	if t.Size() == 0 {
		return fmt.Errorf("%s has no elements", typeText(t))
	}
	return checkType(t)
}

func (v *verifier) operand(o Operand) error {
	if err := checkElements(o.Type); err != nil {
		return err
	}
	return v.place(o)
}

// place verifies that there is memory where an operand lies.
func (v *verifier) place(o Operand) error {
	size := bytesOf(o.Type)
	room := v.block.ArenaBytes
	if o.Space != 0 {
		if int64(o.Space) > int64(len(v.block.Inputs)) {
			return fmt.Errorf("space %d of %d", o.Space, len(v.block.Inputs))
		}
		s := v.block.Inputs[o.Space-1]
		if s.Space != o.Space {
			return fmt.Errorf("space %d, but input %s lies in the arena", o.Space, v.block.inputName(int(o.Space-1)))
		}
		if err := checkType(s.Type); err != nil {
			return err
		}
		room = bytesOf(s.Type)
	}
	if o.Offset < 0 || o.Offset%int64(o.DType.Size()) != 0 || o.Offset > room-size {
		return fmt.Errorf("%d bytes at offset %d of %d", size, o.Offset, room)
	}
	return nil
}

func (v *verifier) instr(in *Instr) error {
	for _, o := range in.In {
		if err := v.operand(o); err != nil {
			return fmt.Errorf("operand: %w", err)
		}
		if o.Space != 0 && !v.block.Inputs[o.Space-1].Used {
			return fmt.Errorf("reads input %s, which is marked as unused", v.block.inputName(int(o.Space-1)))
		}
	}
	for _, o := range in.Out {
		if err := v.operand(o); err != nil {
			return fmt.Errorf("result: %w", err)
		}
		if o.Space != 0 {
			return fmt.Errorf("writes to an input")
		}
	}
	for _, n := range in.Nodes {
		if n < -1 || int(n) >= len(v.code.Debug.Nodes) {
			return fmt.Errorf("debug node %d of %d", n, len(v.code.Debug.Nodes))
		}
	}
	op, set := in.Op.known(), 0
	if op == nil {
		return fmt.Errorf("unknown opcode %d", in.Op)
	}
	for o := range opcodeCount {
		if other := o.known(); other != nil && other.set(in) {
			set++
		}
	}
	if set != 1 || !op.set(in) {
		return fmt.Errorf("needs exactly one payload, its own")
	}
	if in.Kernel == "" && len(in.Attrs) > 0 {
		return fmt.Errorf("attributes are for kernels")
	}
	want, err := op.verify(v, in)
	if err == nil && len(in.Nodes) != 0 && len(in.Nodes) != want {
		err = fmt.Errorf("%d debug nodes for %d micro-instructions", len(in.Nodes), want)
	}
	if err == nil {
		v.operandEvents(in)
	}
	return err
}

func operandTypes(list []Operand) []Type {
	ts := make([]Type, len(list))
	for i, o := range list {
		ts[i] = o.Type
	}
	return ts
}

// onlyReader reports whether no other operand overlaps operand i.
func onlyReader(in []Operand, i int) bool {
	for k, o := range in {
		if k != i && o.Space == in[i].Space && o.Offset < in[i].Offset+bytesOf(in[i].Type) && in[i].Offset < o.Offset+bytesOf(o.Type) {
			return false
		}
	}
	return true
}

// checkAttrs checks the form of a list: ascending keys, known kinds, and nothing set beside the value.
func checkAttrs(list attr.List) error {
	for i, a := range list {
		if a.Key == "" || i > 0 && a.Key <= list[i-1].Key {
			return fmt.Errorf("attributes are not in order")
		}
		v, rest := a.Value, a.Value
		ok := false
		switch v.Kind {
		case attr.Int:
			rest.Int, ok = 0, true
		case attr.Bool:
			rest.Int, ok = 0, v.Int == 0 || v.Int == 1
		case attr.Float:
			rest.Float, ok = 0, true
		case attr.String:
			rest.String, ok = "", true
		case attr.Ints:
			rest.Ints, ok = nil, true
		case attr.Floats:
			rest.Floats, ok = nil, true
		}
		if !ok || rest.Int != 0 || math.Float64bits(rest.Float) != 0 || rest.String != "" || len(rest.Ints)+len(rest.Floats) != 0 {
			return fmt.Errorf("attribute %s has no value of one kind", a.Key)
		}
	}
	return nil
}
