package vm

import (
	"slices"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/micro"
)

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
	if in.Straight != nil {
		s := *in.Straight
		s.Code = slices.Clone(s.Code)
		in.Straight = &s
	}
	if in.Loop != nil {
		l := *in.Loop
		l.Dims, l.Consts, l.Code, l.OutRegs = slices.Clone(l.Dims), slices.Clone(l.Consts), slices.Clone(l.Code), slices.Clone(l.OutRegs)
		l.In, l.Out = cloneEach(l.In, cloneAccess), cloneEach(l.Out, cloneAccess)
		in.Loop = &l
	}
	if in.Call != nil {
		c := in.Call.clone()
		in.Call = &c
	}
	in.Attrs = cloneAttrs(in.Attrs)
	in.In, in.Out, in.Nodes = cloneEach(in.In, Operand.clone), cloneEach(in.Out, Operand.clone), slices.Clone(in.Nodes)
	return in
}

func cloneAccess(a micro.Access) micro.Access {
	a.Strides = slices.Clone(a.Strides)
	return a
}

func cloneAttrs(list attr.List) attr.List {
	return cloneEach(list, func(a attr.Named) attr.Named {
		a.Value.Ints, a.Value.Floats = slices.Clone(a.Value.Ints), slices.Clone(a.Value.Floats)
		return a
	})
}
