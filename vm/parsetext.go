package vm

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/linescan"
	"github.com/adjoint-go/adjoint/internal/micro"
)

// ParseText reads the text form that Text returns, and verifies the program. The error gives line and column. Text from
// untrusted sources is safe in the same way as data for Decode.
func ParseText(text string) (*Program, error) {
	t := textParser{p: &Code{}}
	t.block = &t.p.Block
	if err := t.parse(text); err != nil {
		column := 1
		if at := (*linescan.Error)(nil); errors.As(err, &at) {
			column = linescan.Column(t.Line, at.Offset)
		}
		return nil, fmt.Errorf("program text: line %d, column %d: %w", t.line, column, err)
	}
	return seal(*t.p)
}

type textParser struct {
	linescan.Scanner
	p     *Code
	block *Block // whose statements come
	line  int
	in    *Instr // the instruction whose lines come, and what reads one
	lines func(word string, at int) error
}

func (t *textParser) parse(text string) error {
	header := false
	for line := range lines(text) {
		t.line++
		t.Scanner = linescan.Scanner{Line: line}
		if t.End() {
			continue
		}
		if !header {
			header = true
			if !t.Keyword("adjoint") || !t.Keyword("program") {
				return linescan.Errorf(0, "not the text form of a program: its first line is %q", textHeader)
			}
			if v, err := t.Uint("the format's version", math.MaxInt32); err != nil {
				return err
			} else if v < 1 || v > fileVersion {
				return linescan.Errorf(0, "version %d of the format is not known, only 1 to %d", v, fileVersion)
			}
		} else if err := t.statement(); err != nil {
			return err
		}
		if err := t.ExpectEnd(); err != nil {
			return err
		}
	}
	if !header {
		return linescan.Errorf(0, "the text is empty: its first line is %q", textHeader)
	}
	if t.in != nil {
		return linescan.Errorf(0, "the last instruction has no end")
	}
	if t.block != &t.p.Block {
		return linescan.Errorf(0, "the last block has no end")
	}
	return nil
}

// lines yields the lines of a text without their ends.
func lines(text string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for text != "" {
			n := 0
			for n < len(text) && text[n] != '\n' {
				n++
			}
			if !yield(text[:n]) {
				return
			}
			text = text[min(n+1, len(text)):]
		}
	}
}

func (t *textParser) statement() error {
	at := t.Start()
	word, err := t.ExpectWord("a statement")
	if err != nil {
		return err
	}
	if t.in != nil {
		return t.lines(word, at)
	}
	switch word {
	case "arena":
		t.block.ArenaBytes, err = t.number("the size", maxBytes)
	case "const":
		if err = t.Expect("@"); err == nil {
			t.block.ConstOffset, err = t.number("the offset", maxBytes)
		}
	case "data":
		at := t.Start()
		data, bad := hex.DecodeString(t.Word())
		if bad != nil {
			return linescan.Errorf(at, "not hexadecimal digits of bytes")
		}
		t.block.Const = append(t.block.Const, data...)
	case "input":
		err = t.slot(&t.block.Inputs)
	case "output":
		err = t.slot(&t.block.Outputs)
	case "block":
		return t.openBlock(at)
	case "end":
		if t.block == &t.p.Block {
			return linescan.Errorf(at, "there is nothing to end")
		}
		t.block = &t.p.Block
	case "string":
		return t.debugString()
	case "node":
		return t.debugNode()
	default:
		for o := range opcodeCount {
			if op := o.known(); op != nil && slices.Contains(op.keywords(), word) {
				return op.parse(t, word)
			}
		}
		return linescan.Errorf(at, "no statement is named %.40q", word)
	}
	return err
}

func (t *textParser) openBlock(at int) error {
	if t.block != &t.p.Block {
		return linescan.Errorf(at, "a block within a block")
	}
	at = t.Start()
	if k, err := t.number("the block's number", math.MaxInt32); err != nil {
		return err
	} else if k != int64(len(t.p.Blocks)) {
		return linescan.Errorf(at, "block %d comes where %d is due", k, len(t.p.Blocks))
	}
	t.p.Blocks = append(t.p.Blocks, Block{})
	t.block = &t.p.Blocks[len(t.p.Blocks)-1]
	return nil
}

// open begins an instruction of several lines, which the function reads.
func (t *textParser) open(in Instr, lines func(word string, at int) error) {
	t.block.Instrs = append(t.block.Instrs, in)
	t.in, t.lines = &t.block.Instrs[len(t.block.Instrs)-1], lines
}

// operands reads the operands and results, and the node, of an instruction of one line.
func (t *textParser) operands(in *Instr) error {
	if err := t.operandLists(in); err != nil {
		return err
	}
	if err := t.node(in); err != nil {
		return err
	}
	t.block.Instrs = append(t.block.Instrs, *in)
	return nil
}

// operandLists reads the operands and results.
func (t *textParser) operandLists(in *Instr) error {
	for _, list := range [2]*[]Operand{&in.In, &in.Out} {
		for c := t.Peek(); c != '-' && c != ';' && c != 0; {
			o, err := t.operand()
			if err != nil {
				return err
			}
			*list = append(*list, o)
			if !t.Accept(",") {
				break
			}
		}
		if list == &in.In {
			if err := t.Expect("->"); err != nil {
				return err
			}
		}
	}
	return nil
}

// number reads a number from 0 to limit.
func (t *textParser) number(what string, limit uint64) (int64, error) {
	v, err := t.Uint(what, limit)
	return int64(v), err
}

// list reads [1,2] or [1 2]; with commas the numbers are extents.
func (t *textParser) list(commas bool) ([]int, error) {
	if err := t.Expect("["); err != nil {
		return nil, err
	}
	var list []int
	for !t.Accept("]") {
		if commas && len(list) > 0 {
			if err := t.Expect(","); err != nil {
				return nil, err
			}
		}
		at := t.Start()
		v, err := t.Int("a number")
		if err != nil {
			return nil, err
		}
		if len(list) == maxRank || v > maxBytes || v < -maxBytes {
			return nil, linescan.Errorf(at, "more than %d dimensions, or a number out of range", maxRank)
		}
		list = append(list, int(v))
	}
	return list, nil
}

func (t *textParser) dtype() (dtype.DType, error) {
	at := t.Start()
	word, err := t.ExpectWord("a dtype")
	if err != nil {
		return 0, err
	}
	d, ok := dtype.Parse(word)
	if !ok {
		return 0, linescan.Errorf(at, "no dtype is named %.40q", word)
	}
	return d, nil
}

// operand reads a type and a place.
func (t *textParser) operand() (o Operand, err error) {
	if o.DType, err = t.dtype(); err != nil {
		return o, err
	}
	if t.Peek() == '[' {
		if o.Shape, err = t.list(true); err != nil {
			return o, err
		}
	}
	if !t.Accept("@") {
		if err = t.Expect("in"); err != nil {
			return o, err
		}
		space, err := t.number("the input's index", math.MaxUint32-1)
		if err != nil {
			return o, err
		}
		o.Space = uint32(space) + 1
		if err = t.Expect("+"); err != nil {
			return o, err
		}
	}
	o.Offset, err = t.number("the offset", maxBytes)
	return o, err
}

func (t *textParser) slot(to *[]Slot) error {
	name, err := t.Quoted("the name", math.MaxInt32)
	if err != nil {
		return err
	}
	var also []string
	for t.Peek() == '"' {
		more, err := t.Quoted("the name", math.MaxInt32)
		if err != nil {
			return err
		}
		also = append(also, more)
	}
	o, err := t.operand()
	if err != nil {
		return err
	}
	s := Slot{Name: name, Also: also, Type: o.Type, Ref: o.Ref, Used: !t.Accept("(unused)")}
	if t.Accept("(then output") {
		k, err := t.number("the output", math.MaxInt32-1)
		if err != nil {
			return err
		}
		s.Update = int(k) + 1
		if err := t.Expect(")"); err != nil {
			return err
		}
	}
	*to = append(*to, s)
	return nil
}

// node reads the debug node that may end a line.
func (t *textParser) node(in *Instr) error {
	if !t.Accept(";") {
		return nil
	}
	at := t.Start()
	v, err := t.Int("a debug node")
	if err == nil && int64(int32(v)) != v {
		err = linescan.Errorf(at, "the debug node is out of range")
	}
	in.Nodes = append(in.Nodes, int32(v))
	return err
}

func (t *textParser) straightLine(word string, at int) error {
	if word == "end" {
		t.in = nil
		return nil
	}
	c, err := t.microInstr(word, at, 'c')
	if err != nil {
		return err
	}
	t.in.Straight.Code = append(t.in.Straight.Code, c)
	return t.node(t.in)
}

// numbered reads the digits behind the prefix of a cell or register.
func numbered(word string, at int, prefix byte) (uint32, error) {
	if len(word) < 2 || word[0] != prefix || len(word) > 2 && word[1] == '0' {
		return 0, linescan.Errorf(at, "expected %c with a number, found %.40q", prefix, word)
	}
	v, err := strconv.ParseUint(word[1:], 10, 32)
	if err != nil {
		return 0, linescan.Errorf(at, "expected %c with a number, found %.40q", prefix, word)
	}
	return uint32(v), nil
}

// microInstr reads the rest of "c8 = add.f64 c0, c2" behind its first word.
func (t *textParser) microInstr(word string, at int, prefix byte) (c micro.Instr, err error) {
	if c.Dst, err = numbered(word, at, prefix); err != nil {
		return c, err
	}
	if err = t.Expect("="); err != nil {
		return c, err
	}
	at = t.Start()
	name := t.Word()
	if c.Op = micro.ByName(name); c.Op == micro.Invalid {
		return c, linescan.Errorf(at, "no micro-operation is named %.40q", name)
	}
	if err = t.Expect("."); err != nil {
		return c, err
	}
	if c.Type, err = t.dtype(); err != nil {
		return c, err
	}
	if t.Accept(".") {
		if c.To, err = t.dtype(); err != nil {
			return c, err
		}
	}
	for k, o := range [3]*uint32{&c.A, &c.B, &c.C} {
		if k == c.Op.Arity() {
			break
		}
		if k > 0 {
			if err = t.Expect(","); err != nil {
				return c, err
			}
		}
		at = t.Start()
		if *o, err = numbered(t.Word(), at, prefix); err != nil {
			return c, err
		}
	}
	return c, nil
}

func (t *textParser) loopLine(word string, at int) error {
	l := t.in.Loop
	switch word {
	case "end":
		in := t.in
		t.in = nil
		return t.node(in)
	case "temporaries":
		n, err := t.number("the temporaries", math.MaxInt32)
		l.Temps = int(n)
		return err
	case "store":
		at := t.Start()
		r, err := numbered(t.Word(), at, 'r')
		if err != nil {
			return err
		}
		o, a, err := t.access()
		t.in.Out, l.Out, l.OutRegs = append(t.in.Out, o), append(l.Out, a), append(l.OutRegs, r)
		return err
	}
	rest := t.Scanner
	if t.Accept("=") {
		switch {
		case t.Keyword("load"):
			if r, err := numbered(word, at, 'r'); err != nil || int64(r) != int64(len(l.In)) || len(l.Consts) > 0 {
				return linescan.Errorf(at, "inputs are loaded into r0, r1, … before the constants")
			}
			o, a, err := t.access()
			t.in.In, l.In = append(t.in.In, o), append(l.In, a)
			return err
		case t.Keyword("const"):
			if r, err := numbered(word, at, 'r'); err != nil || int64(r) != int64(len(l.In)+len(l.Consts)) {
				return linescan.Errorf(at, "constants take the registers behind the inputs")
			}
			d, err := t.dtype()
			if err != nil {
				return err
			}
			at := t.Start()
			bits, err := dtype.ParseBits(d, t.Literal())
			if err != nil {
				return &linescan.Error{Offset: at, Err: err}
			}
			l.Consts = append(l.Consts, micro.Const{Type: d, Bits: bits})
			return nil
		}
	}
	t.Scanner = rest
	c, err := t.microInstr(word, at, 'r')
	if err != nil {
		return err
	}
	l.Code = append(l.Code, c)
	return t.node(t.in)
}

// access reads an operand with its strides.
func (t *textParser) access() (Operand, micro.Access, error) {
	o, err := t.operand()
	if err != nil {
		return o, micro.Access{}, err
	}
	a := micro.Access{Type: o.DType}
	if a.Strides, err = t.list(false); err != nil || !t.Keyword("from") {
		return o, a, err
	}
	a.Window = &micro.Window{}
	at := t.Start()
	offset, err := t.Int("the element at index 0")
	if err != nil {
		return o, a, err
	}
	if offset > maxBytes || offset < -maxBytes {
		return o, a, linescan.Errorf(at, "the element at index 0 is out of range")
	}
	a.Window.Offset = int(offset)
	if a.Window.Lo, err = t.list(false); err != nil {
		return o, a, err
	}
	a.Window.Hi, err = t.list(false)
	return o, a, err
}

func (t *textParser) debugString() error {
	d := &t.p.Debug
	at := t.Start()
	if k, err := t.number("the string's number", math.MaxInt32); err != nil {
		return err
	} else if k != int64(len(d.Strings)) {
		return linescan.Errorf(at, "string %d comes where %d is due", k, len(d.Strings))
	}
	s, err := t.Quoted("the string", math.MaxInt32)
	d.Strings = append(d.Strings, s)
	return err
}

func (t *textParser) debugNode() error {
	d := &t.p.Debug
	at := t.Start()
	if k, err := t.number("the node's number", math.MaxInt32); err != nil {
		return err
	} else if k != int64(len(d.Nodes)) {
		return linescan.Errorf(at, "node %d comes where %d is due", k, len(d.Nodes))
	}
	if err := t.Expect("="); err != nil {
		return err
	}
	if err := t.Expect("%"); err != nil {
		return err
	}
	var n NodeInfo
	for _, f := range [5]*int32{&n.ID, &n.Op, &n.Name, &n.File, &n.Line} {
		at := t.Start()
		v, err := t.Int("a number")
		if err != nil {
			return err
		}
		if *f = int32(v); int64(*f) != v {
			return linescan.Errorf(at, "%d is out of range", v)
		}
	}
	d.Nodes = append(d.Nodes, n)
	return nil
}
