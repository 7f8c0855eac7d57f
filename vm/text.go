package vm

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
)

// textHeader is the first line of the text form. The number is the version of the format.
const textHeader = "adjoint program 1"

// dataBytes is the number of bytes of constants on one line.
const dataBytes = 32

// Text returns the exact text form of the program, which ParseText reads back to an equal program. String is the listing for
// people: shorter, with names instead of cells, and not meant to be read back.
//
// The text holds one thing a line; # begins a comment, as behind debug nodes. A place is @offset in the arena, or
// in0+offset in the tensor that input 0 is bound to. After ; stands an index of a debug node, −1 for none.
//
//	adjoint program 1
//	arena 192
//	const @64
//	  data 0000000000000440
//	input "x" f64[2,3] @0
//	input "k" f64 @48 (unused)
//	output "y" f64[2] @128
//	straight 18 22                   # temporaries: the first cell, and the one behind the last
//	  c18 = mul.f64 c0, c2 ; 0
//	  c20 = cast.f64.f32 c18 ; 1
//	end
//	loop [2,3] sum 1                 # iteration space; reduction and reduced dimensions, if any
//	  r0 = load f64[2,3] @0 [3 1]    # operand and its strides
//	  r1 = const f64 2.5
//	  temporaries 1
//	  r2 = add.f64 r0, r1 ; 2
//	  store r2 f64[2] @128 [1 0]
//	end ; 3                          # debug node of the reduction
//	kernel "transpose" {perm=[1 0]} f64[2,3] @0 -> f64[3,2] @64 ; 4
//	string 1 "mul"                   # debug strings, from 0
//	node 0 = %7 1 0 2 31             # number in the user's graph; strings of operator, name and file; line
func (p *Program) Text() string {
	if p == nil {
		p = &Program{}
	}
	b := fmt.Appendf(nil, "%s\narena %d\nconst @%d\n", textHeader, p.code.ArenaBytes, p.code.ConstOffset)
	for chunk := range slices.Chunk(p.code.Const, dataBytes) {
		b = hex.AppendEncode(append(b, "  data "...), chunk)
		b = append(b, '\n')
	}
	for kind, list := range [2][]Slot{p.code.Inputs, p.code.Outputs} {
		for i := range list {
			s := &list[i]
			b = append(b, [2]string{"input ", "output "}[kind]...)
			for _, name := range append([]string{s.Name}, s.Also...) {
				b = append(strconv.AppendQuote(b, name), ' ')
			}
			b = appendOperand(b, Operand{s.Type, s.Ref})
			if !s.Used {
				b = append(b, " (unused)"...)
			}
			b = append(b, '\n')
		}
	}
	for i := range p.code.Instrs {
		b = p.code.Instrs[i].appendText(b)
	}
	for i, s := range p.code.Debug.Strings {
		b = strconv.AppendQuote(fmt.Appendf(b, "string %d ", i), s)
		b = append(b, '\n')
	}
	for i, n := range p.code.Debug.Nodes {
		b = fmt.Appendf(b, "node %d = %%%d %d %d %d %d", i, n.ID, n.Op, n.Name, n.File, n.Line)
		if s := strconv.Quote(p.code.Debug.Where(int32(i))); len(s) > 2 {
			b = append(append(b, " # "...), s[1:len(s)-1]...)
		}
		b = append(b, '\n')
	}
	return string(b)
}

// WithoutDebug returns the program without the mapping to the user's graph. The two share memory and machine code.
func (p *Program) WithoutDebug() *Program {
	if p == nil {
		return nil
	}
	q := &Program{code: p.code, native: p.native}
	q.code.Debug = Debug{}
	q.code.Instrs = slices.Clone(p.code.Instrs)
	for i := range q.code.Instrs {
		q.code.Instrs[i].Nodes = nil
	}
	return q
}

func appendList(b []byte, list []int, separator byte) []byte {
	b = append(b, '[')
	for i, v := range list {
		if i > 0 {
			b = append(b, separator)
		}
		b = strconv.AppendInt(b, int64(v), 10)
	}
	return append(b, ']')
}

func appendOperand(b []byte, o Operand) []byte {
	b = append(b, o.DType.Short()...)
	if len(o.Shape) > 0 {
		b = appendList(b, o.Shape, ',')
	}
	return append(append(b, ' '), o.Ref.String()...)
}

// appendNode ends a line with debug node k, if there is one.
func (in *Instr) appendNode(b []byte, k int) []byte {
	if k < len(in.Nodes) {
		b = strconv.AppendInt(append(b, " ; "...), int64(in.Nodes[k]), 10)
	}
	return append(b, '\n')
}

func (in *Instr) appendText(b []byte) []byte {
	switch in.Op {
	case OpStraight:
		s := in.Straight
		b = fmt.Appendf(b, "straight %d %d\n", s.TempLo, s.TempHi)
		b = in.appendCode(b, s.Code, 'c')
		b = append(b, "end\n"...)
	case OpLoop:
		l := in.Loop
		b = appendList(append(b, "loop "...), l.Dims, ',')
		if l.Reduce != micro.NoReduce {
			b = fmt.Appendf(b, " %s %d", reduceNames[l.Reduce], l.ReduceDims)
		}
		b = append(b, '\n')
		for k, a := range l.In {
			b = appendOperand(fmt.Appendf(b, "  r%d = load ", k), in.In[k])
			b = append(appendList(append(b, ' '), a.Strides, ' '), '\n')
		}
		for k, c := range l.Consts {
			b = fmt.Appendf(b, "  r%d = const %s ", len(l.In)+k, c.Type.Short())
			b = append(dtype.AppendBits(b, c.Type, c.Bits), '\n')
		}
		b = fmt.Appendf(b, "  temporaries %d\n", l.Temps)
		b = in.appendCode(b, l.Code, 'r')
		for k, a := range l.Out {
			b = appendOperand(fmt.Appendf(b, "  store r%d ", l.OutRegs[k]), in.Out[k])
			b = append(appendList(append(b, ' '), a.Strides, ' '), '\n')
		}
		b = in.appendNode(append(b, "end"...), len(l.Code))
	case OpKernel:
		b = strconv.AppendQuote(append(b, "kernel "...), in.Kernel)
		if len(in.Attrs) > 0 {
			b = append(append(append(b, " {"...), in.Attrs.String()...), '}')
		}
		for side, list := range [2][]Operand{in.In, in.Out} {
			if side == 1 {
				b = append(b, " ->"...)
			}
			for k, o := range list {
				if k > 0 {
					b = append(b, ',')
				}
				b = appendOperand(append(b, ' '), o)
			}
		}
		b = in.appendNode(b, 0)
	}
	return b
}

func (in *Instr) appendCode(b []byte, code []micro.Instr, prefix byte) []byte {
	operand := func(o uint32) { b = strconv.AppendUint(append(b, prefix), uint64(o), 10) }
	for i := range code {
		c := &code[i]
		b = append(b, ' ', ' ')
		operand(c.Dst)
		b = append(append(append(append(b, " = "...), c.Op.String()...), '.'), c.Type.Short()...)
		if c.To != dtype.Invalid {
			b = append(append(b, '.'), c.To.Short()...)
		}
		ops := c.Operands()
		for k, o := range ops[:c.Op.Arity()] {
			if k > 0 {
				b = append(b, ',')
			}
			b = append(b, ' ')
			operand(o)
		}
		b = in.appendNode(b, i)
	}
	return b
}
