package vm

import "slices"

// Copies that share no memory with the original.

func cloneEach[T any](list []T, clone func(T) T) []T {
	if list == nil {
		return nil
	}
	out := make([]T, len(list))
	for i, v := range list {
		out[i] = clone(v)
	}
	return out
}

func (c *Code) clone() Code {
	return Code{
		Block: c.Block.clone(), Blocks: cloneEach(c.Blocks, Block.clone),
		Debug: Debug{Strings: slices.Clone(c.Debug.Strings), Nodes: slices.Clone(c.Debug.Nodes)},
	}
}

func (b Block) clone() Block {
	return Block{
		Inputs: cloneEach(b.Inputs, Slot.clone), Outputs: cloneEach(b.Outputs, Slot.clone), Instrs: cloneEach(b.Instrs, Instr.clone),
		ArenaBytes: b.ArenaBytes, Const: slices.Clone(b.Const), ConstOffset: b.ConstOffset,
	}
}

func (s Slot) clone() Slot {
	s.Type, s.Also = cloneType(s.Type), slices.Clone(s.Also)
	return s
}

func (o Operand) clone() Operand {
	o.Type = cloneType(o.Type)
	return o
}

func cloneType(t Type) Type {
	t.Shape = slices.Clone(t.Shape)
	return t
}

func (in Instr) clone() Instr {
	for o := range opcodeCount {
		if op := o.known(); op != nil && op.set(&in) {
			op.clone(&in)
		}
	}
	in.In, in.Out, in.Nodes = cloneEach(in.In, Operand.clone), cloneEach(in.Out, Operand.clone), slices.Clone(in.Nodes)
	return in
}
