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

// String returns the listing of the program for people: the blocks, each before those that call it, the program itself last, of each the memory, the
// inputs and outputs, and every instruction with its micro-code and the places in the user's source. Cells go by the names of inputs and outputs, by the
// values of constants, and as t0, t1, … for temporaries; long code is cut. Text is the exact form that can be read back.
func (p *Program) String() string {
	c := p.data()
	l := &lister{debug: &c.Debug}
	for k := range c.Blocks {
		fmt.Fprintf(l, "block %d: ", k)
		l.list(&c.Blocks[k])
		l.WriteByte('\n')
	}
	l.list(&c.Block)
	return l.String()
}

// lister writes a listing.
type lister struct {
	strings.Builder
	debug *Debug
	block *Block // in hand
}

func (l *lister) list(b *Block) {
	l.block = b
	fmt.Fprintf(l, "arena %d bytes, constants %d bytes at %d\n", b.ArenaBytes, len(b.Const), b.ConstOffset)
	for kind, list := range [2][]Slot{b.Inputs, b.Outputs} {
		for i := range list {
			s := &list[i]
			name := plain(s.allNames())
			if name == "" {
				name = "-"
			}
			fmt.Fprintf(l, "%-6s %-12s %-12s %s", [2]string{"input", "output"}[kind], name, typeText(s.Type), s.Ref)
			if !s.Used {
				l.WriteString("  unused")
			}
			if s.Update > 0 {
				fmt.Fprintf(l, "  then output %d", s.Update-1)
			}
			l.WriteByte('\n')
		}
	}
	for i := range b.Instrs {
		in := &b.Instrs[i]
		fmt.Fprintf(l, "%4d  %v", i, in.Op)
		in.op().list(l, in)
	}
}

// line writes a line of part k of the instruction, and what the user's graph says of it.
func (l *lister) line(in *Instr, k int, text string) {
	where := ""
	if k < len(in.Nodes) {
		where = plain(l.debug.Where(in.Nodes[k]))
	}
	if where == "" {
		fmt.Fprintf(l, "      %s\n", text)
	} else {
		fmt.Fprintf(l, "      %-44s ; %s\n", text, where)
	}
}

// operands writes the line "results ← operands".
func (l *lister) operands(in *Instr) {
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
	l.line(in, 0, text.String())
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
func (b *Block) cellName(s *micro.Straight, c uint32, d dtype.DType) string {
	if c >= s.TempLo && c < s.TempHi {
		return fmt.Sprintf("t%d", (c-s.TempLo)/2)
	}
	at := int64(c) * 4
	for _, list := range [][]Slot{b.Inputs, b.Outputs} {
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
	if off := at - b.ConstOffset; off >= 0 && off+int64(d.Size()) <= int64(len(b.Const)) {
		var bits uint64
		for i := range d.Size() {
			bits |= uint64(b.Const[off+int64(i)]) << (8 * i)
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
