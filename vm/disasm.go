package vm

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
)

// String returns the listing of the program for people: the memory, the inputs and outputs, and every instruction with
// its micro-code and the places in the user's source. Cells go by the names of inputs and outputs, by the values of constants, and as
// t0, t1, … for temporaries; long code is cut. Text is the exact form that can be read back.
func (p *Program) String() string {
	if p == nil {
		p = &Program{}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "arena %d bytes, constants %d bytes at %d\n", p.code.ArenaBytes, len(p.code.Const), p.code.ConstOffset)
	for i := range p.code.Inputs {
		s := &p.code.Inputs[i]
		fmt.Fprintf(&b, "input  %-12s %-12s %s", plain(s.allNames()), typeText(s.Type), s.Ref)
		if !s.Used {
			b.WriteString("  unused")
		}
		b.WriteByte('\n')
	}
	for i := range p.code.Outputs {
		s := &p.code.Outputs[i]
		name := plain(s.allNames())
		if name == "" {
			name = "-"
		}
		fmt.Fprintf(&b, "output %-12s %-12s %s\n", name, typeText(s.Type), s.Ref)
	}
	for i := range p.code.Instrs {
		p.listInstr(&b, i)
	}
	return b.String()
}

// String returns the place as @offset in the arena, or input k+offset.
func (r Ref) String() string {
	if r.Space == 0 {
		return fmt.Sprintf("@%d", r.Offset)
	}
	return fmt.Sprintf("in%d+%d", r.Space-1, r.Offset)
}

// maxListed bounds the micro-instructions that a listing shows of one instruction.
const maxListed = 2000

// allNames returns the slot's names for people.
func (s *Slot) allNames() string { return strings.Join(append([]string{s.Name}, s.Also...), ", ") }

func (p *Program) listInstr(b *strings.Builder, i int) {
	in := &p.code.Instrs[i]
	fmt.Fprintf(b, "%4d  %v", i, in.Op)
	line := func(k int, text string) {
		where := ""
		if k < len(in.Nodes) {
			where = plain(p.code.Debug.Where(in.Nodes[k]))
		}
		if where == "" {
			fmt.Fprintf(b, "      %s\n", text)
		} else {
			fmt.Fprintf(b, "      %-44s ; %s\n", text, where)
		}
	}
	switch in.Op {
	case OpStraight:
		s := in.Straight
		fmt.Fprintf(b, "  %d micro-instructions, temporaries c%d…c%d\n", len(s.Code), s.TempLo, s.TempHi)
		cell := func(c uint32, d dtype.DType) string { return p.cellName(s, c, d) }
		for k, c := range s.Code {
			if k == maxListed {
				fmt.Fprintf(b, "      … %d more\n", len(s.Code)-k)
				break
			}
			line(k, microText(c, cell))
		}
	case OpLoop:
		l := in.Loop
		fmt.Fprintf(b, "  over %v", l.Dims)
		for k, a := range l.In {
			fmt.Fprintf(b, "  r%d=%s%s%v", k, a.Type.Short(), in.In[k].Ref, a.Strides)
		}
		for k, c := range l.Consts {
			fmt.Fprintf(b, "  r%d=%s", len(l.In)+k, constText(c))
		}
		b.WriteByte('\n')
		reg := func(r uint32, _ dtype.DType) string { return fmt.Sprintf("r%d", r) }
		for k, c := range l.Code {
			line(k, microText(c, reg))
		}
		for k := range l.Out {
			if l.Reduce != micro.NoReduce && k == len(l.Out)-1 {
				line(len(l.Code), fmt.Sprintf("%s ← reduce_%s r%d over %d dimensions", in.Out[k].Ref, reduceNames[l.Reduce], l.OutRegs[k], l.ReduceDims))
			} else {
				fmt.Fprintf(b, "      %s ← r%d\n", in.Out[k].Ref, l.OutRegs[k])
			}
		}
	case OpKernel:
		fmt.Fprintf(b, "  %s", in.Kernel)
		if len(in.Attrs) > 0 {
			fmt.Fprintf(b, " {%v}", in.Attrs)
		}
		b.WriteByte('\n')
		var text strings.Builder
		for k, o := range in.Out {
			if k > 0 {
				text.WriteString(", ")
			}
			fmt.Fprintf(&text, "%s%s", typeText(o.Type), o.Ref)
		}
		text.WriteString(" ←")
		for k, o := range in.In {
			if k > 0 {
				text.WriteByte(',')
			}
			fmt.Fprintf(&text, " %s%s", typeText(o.Type), o.Ref)
		}
		line(0, text.String())
	}
}

var reduceNames = [...]string{"none", "sum", "prod", "max", "min"}

// plain returns the text as it is if it is printable, else with escapes: programs from files may hold anything.
func plain(s string) string {
	for _, r := range s {
		if !unicode.IsPrint(r) || r == utf8.RuneError {
			return strconv.Quote(s)
		}
	}
	return s
}

// cellName names a cell that holds a value of the dtype: t for temporaries, a constant by its value, inputs and outputs by name.
func (p *Program) cellName(s *micro.Straight, c uint32, d dtype.DType) string {
	if c >= s.TempLo && c < s.TempHi {
		return fmt.Sprintf("t%d", (c-s.TempLo)/2)
	}
	at := int64(c) * 4
	for _, list := range [][]Slot{p.code.Inputs, p.code.Outputs} {
		if len(list) > 64 {
			continue
		}
		for i := range list {
			if sl := &list[i]; sl.Space == 0 && sl.Name != "" && at >= sl.Offset && at < sl.Offset+bytesOf(sl.Type) {
				if len(sl.Shape) == 0 {
					return plain(sl.Name)
				}
				return fmt.Sprintf("%s+%d", plain(sl.Name), at-sl.Offset)
			}
		}
	}
	if off := at - p.code.ConstOffset; off >= 0 && off+int64(d.Size()) <= int64(len(p.code.Const)) {
		var bits uint64
		for i := range d.Size() {
			bits |= uint64(p.code.Const[off+int64(i)]) << (8 * i)
		}
		return dtype.FormatBits(d, bits)
	}
	return fmt.Sprintf("c%d", c)
}

func constText(c micro.Const) string {
	return fmt.Sprintf("%s(%s)", c.Type.Short(), dtype.FormatBits(c.Type, c.Bits))
}

func microText(c micro.Instr, name func(uint32, dtype.DType) string) string {
	s := fmt.Sprintf("%s = %s.%s", name(c.Dst, c.Result()), c.Op, c.Type.Short())
	if c.To != 0 {
		s += "." + c.To.Short()
	}
	ops := c.Operands()
	for k := range c.Op.Arity() {
		if k > 0 {
			s += ","
		}
		s += " " + name(ops[k], c.OperandType(k))
	}
	return s
}
