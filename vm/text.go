package vm

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
)

// textHeader is the first line of the text form. The number is the version of the format.
const textHeader = "adjoint program 2"

// dataBytes is the number of bytes of constants on one line.
const dataBytes = 32

// Text returns the exact text form of the program, which ParseText reads back to an equal program. String is the listing for
// people: shorter, with names instead of cells, and not meant to be read back.
//
// The text holds one thing a line; # begins a comment, as behind debug nodes. A place is @offset in the arena, or
// in0+offset in the tensor that input 0 is bound to. After ; stands an index of a debug node, −1 for none.
//
//	adjoint program 2
//	block 0                          # blocks, each with memory, slots and instructions of its own; then those of the program
//	  input "" f64 @0
//	  output "" f64 @0
//	end
//	arena 192
//	const @64
//	  data 0000000000000440
//	input "x" f64[2,3] @0
//	input "k" f64 @48 (unused)
//	input "w" f64[2] @192 (then output 0) # the input has its value after a run
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
//	scan 0 length 9 captured 0 carries 1 reverse counted frame @192 f64 @48 -> f64 @56 ; 4
//	sweep 1 forward 0 length 9 captured 0 states 1 captured 0 carries 1 sources 2 0 own snapshots 3 every 0 frame @256 f64[4] @0, f64 @48, f64[9] @64 -> f64 @56, f64[4] @0 # counted, online; recorded 1
//	while 1 do 0 limit 9 captured 0 carries 1 frame @192 f64 @48 -> f64 @56, i64 @64
//	cond 0 2 frame @192 bool @72, f64 @48 -> f64 @56
//	kernel "transpose" {perm=[1 0]} f64[2,3] @0 -> f64[3,2] @64 ; 4
//	epilogue "matmul" f64[2,3] @0, f64[3,2] @64 -> f64[2,2] @128 then [2,2] ; 4
//	  r0 = load f64[2,2] @128 [2 1]  # the kernel's result; the rest as in a loop
//	  temporaries 1
//	  r1 = tanh.f64 r0 ; 5
//	  store r1 f64[2,2] @128 [2 1]
//	end ; -1
//	string 1 "mul"                   # debug strings, from 0
//	node 0 = %7 1 0 2 31             # number in the user's graph; strings of operator, name and file; line
func (p *Program) Text() string {
	if p == nil {
		p = &Program{}
	}
	b := append([]byte(textHeader), '\n')
	for k := range p.code.Blocks {
		b = fmt.Appendf(b, "block %d\n", k)
		for line := range bytes.Lines(p.code.Blocks[k].appendText(nil)) {
			b = append(append(b, "  "...), line...)
		}
		b = append(b, "end\n"...)
	}
	b = p.code.Block.appendText(b)
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

func (c *Block) appendText(b []byte) []byte {
	b = fmt.Appendf(b, "arena %d\nconst @%d\n", c.ArenaBytes, c.ConstOffset)
	for chunk := range slices.Chunk(c.Const, dataBytes) {
		b = hex.AppendEncode(append(b, "  data "...), chunk)
		b = append(b, '\n')
	}
	for kind, list := range [2][]Slot{c.Inputs, c.Outputs} {
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
			if s.Update > 0 {
				b = fmt.Appendf(b, " (then output %d)", s.Update-1)
			}
			b = append(b, '\n')
		}
	}
	for i := range c.Instrs {
		in := &c.Instrs[i]
		b = in.op().appendText(in, b)
	}
	return b
}

// WithoutDebug returns the program without the mapping to the user's graph. The two share memory and machine code.
func (p *Program) WithoutDebug() *Program {
	if p == nil {
		return nil
	}
	q := &Program{code: p.code, native: p.native}
	q.code.Debug = Debug{}
	q.code.Blocks = slices.Clone(p.code.Blocks)
	for b := range q.code.blocks() {
		b.Instrs = slices.Clone(b.Instrs)
		for i := range b.Instrs {
			b.Instrs[i].Nodes = nil
		}
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

// appendOperands writes " operands -> results".
func (in *Instr) appendOperands(b []byte) []byte {
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
