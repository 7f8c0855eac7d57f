package gosource

import (
	"fmt"
	"slices"
	"strings"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/internal/native"
	"github.com/adjoint-go/adjoint/vm"
)

// vectorLoop is a loop over elements that lie one after the other, in machine code.
type vectorLoop struct {
	name    string
	arrays  []micro.Access // inputs, then outputs without the result of a reduction
	inputs  int
	reduced dtype.DType // of the results of a reduction's blocks
	code    map[cpu.Level]*native.LoopCode
	micro   []string // what is done for an element
	lines   []string // of the user
}

// stretch is a part of a loop: where its elements begin, and its code.
type stretch struct {
	in *vm.Instr
	lo int
}

// leastWork is the number of operations, reads and writes of a loop that pays for a call: one takes some 5 ns, and 5 more if elements do not fill a vector.
const leastWork = 64

// vectorsOf returns the code for the elements [lo, hi) of the innermost dimension of a loop, nil if they stay plain Go. Operands of which nothing is read there are zeros; kept are the others.
func (g *generator) vectorsOf(in *vm.Instr, s *space, lo, hi int) (v *vectorLoop, kept []int) {
	l, last := in.Loop, len(s.dims)-1
	for k := range l.In {
		if s.lo[k] == nil || s.lo[k][0] < s.hi[k][0] {
			kept = append(kept, k)
		}
	}
	if !g.assembly || last < 0 {
		return nil, nil
	}
	if v, ok := g.stretches[stretch{in, lo}]; ok {
		return v, kept
	}
	v = g.compile(in, s, hi-lo, kept)
	g.stretches[stretch{in, lo}] = v
	return v, kept
}

func (g *generator) compile(in *vm.Instr, s *space, n int, kept []int) *vectorLoop {
	l, last := in.Loop, len(s.dims)-1
	windows := slices.ContainsFunc(l.In, func(a micro.Access) bool { return a.Window != nil })
	reduces := l.Reduce != micro.NoReduce
	if windows && (last > 0 || reduces) || s.reduced > 1 || reduces != (s.reduced == 1) || slices.ContainsFunc(l.Code, func(c micro.Instr) bool { return c.Traps() }) {
		return nil
	}
	line := &micro.Loop{Dims: []int{n}, Consts: slices.Clone(l.Consts), Temps: l.Temps, Code: slices.Clone(l.Code), Reduce: l.Reduce, ReduceDims: s.reduced, Flush: l.Flush}
	// Registers: inputs that are read, constants, inputs that are zeros, temporaries.
	first := len(l.In) + len(l.Consts)
	register := make([]uint32, first+l.Temps)
	for r := range register {
		register[r] = uint32(r)
	}
	for k := range l.Consts {
		register[len(l.In)+k] = uint32(len(kept) + k)
	}
	streams, work := false, len(l.Out)
	for k, a := range l.In {
		if !slices.Contains(kept, k) {
			register[k] = uint32(len(kept) + len(line.Consts))
			line.Consts = append(line.Consts, micro.Const{Type: a.Type})
			continue
		}
		work++
		register[k] = uint32(len(line.In))
		stride := s.strides[k][last]
		if stride != 0 && stride != 1 {
			return nil
		}
		streams = streams || stride == 1
		line.In = append(line.In, micro.Access{Type: a.Type, Strides: []int{stride}})
	}
	for k, a := range l.Out {
		stride := s.strides[len(l.In)+k][last]
		if result := reduces && k == len(l.Out)-1; stride != 1 && !result {
			return nil
		} else if result {
			stride = 0
		}
		streams = streams || stride == 1
		line.Out = append(line.Out, micro.Access{Type: a.Type, Strides: []int{stride}})
		line.OutRegs = append(line.OutRegs, register[l.OutRegs[k]])
	}
	for k := range line.Code {
		c := &line.Code[k]
		c.A, c.B, c.C, c.Dst = register[c.A], register[c.B], register[c.C], register[c.Dst]
		work += int(c.Op.Info().Flops)
	}
	if work*n < leastWork || !streams {
		return nil
	}
	return g.vectorLoop(line, in)
}

// vectorLoop returns the code of a loop, which others may have too, nil if one of amd64's instruction sets has none.
func (g *generator) vectorLoop(line *micro.Loop, in *vm.Instr) *vectorLoop {
	v := &vectorLoop{arrays: slices.Concat(line.In, line.Out), inputs: len(line.In), code: map[cpu.Level]*native.LoopCode{}}
	if line.Reduce != micro.NoReduce {
		v.reduced = v.arrays[len(v.arrays)-1].Type
		v.arrays = v.arrays[:len(v.arrays)-1]
	}
	var key strings.Builder
	for _, level := range []cpu.Level{cpu.AVX512, cpu.AVX2, cpu.NEON} {
		code, err := native.CodeOfLoop(line, level)
		switch {
		case err == nil:
			v.code[level] = code
		case level == cpu.NEON:
			g.withoutNEON = true
			continue
		default:
			return nil
		}
		for _, i := range code.Instructions {
			key.Write(i.Bytes)
		}
		key.Write(code.Constants)
	}
	fmt.Fprint(&key, v.arrays, v.inputs, v.reduced)
	if same := g.byCode[key.String()]; same != nil {
		v = same
	} else {
		g.byCode[key.String()] = v
		v.name = g.fresh("loop")
		g.vectors = append(g.vectors, v)
		v.micro = microText(line, func(k int) string { return g.where(in, k) })
	}
	for k := range in.Nodes {
		if w := g.where(in, k); w != "" && !slices.Contains(v.lines, w) {
			v.lines = append(v.lines, w)
		}
	}
	return v
}

// microText returns what a loop does for an element, a line each: a0, a1, … are inputs, b0, b1, … outputs. where is the user's line of an instruction.
func microText(l *micro.Loop, where func(k int) string) (lines []string) {
	operand := func(r uint32) string {
		switch k := int(r); {
		case k < len(l.In):
			return fmt.Sprint("a", k)
		case k < len(l.In)+len(l.Consts):
			c := l.Consts[k-len(l.In)]
			return dtype.FormatBits(c.Type, c.Bits)
		}
		return fmt.Sprint("r", r)
	}
	last := ""
	for k := range l.Code {
		c := &l.Code[k]
		ops := c.Operands()
		text := fmt.Sprintf("%s = %s.%s", operand(c.Dst), c.Op, c.Type.Short())
		if c.To != dtype.Invalid {
			text += "." + c.To.Short()
		}
		for o := range c.Op.Arity() {
			text += strings.Repeat(",", min(o, 1)) + " " + operand(ops[o])
		}
		if w := where(k); w != "" && w != last {
			text, last = fmt.Sprintf("%-32s // %s", text, w), w
		}
		lines = append(lines, text)
	}
	for k, r := range l.OutRegs {
		text := fmt.Sprintf("b%d = %s", k, operand(r))
		if l.Reduce != micro.NoReduce && k == len(l.Out)-1 {
			text = fmt.Sprintf("blocks: %s of %s over %d elements each", l.Reduce.Op(), operand(r), micro.BlockLanes)
		}
		lines = append(lines, text)
	}
	return lines
}

// anyVectors reports whether a part of the loop is machine code.
func (g *generator) anyVectors(in *vm.Instr) bool {
	s := joined(in.Loop)
	if len(s.dims) == 0 || !g.assembly {
		return false
	}
	found := false
	each := func(lo, hi int, piece *space) {
		v, _ := g.vectorsOf(in, piece, lo, hi)
		found = found || v != nil
	}
	if s.windows1() {
		s.stretches(0, each)
	} else {
		each(0, s.dims[len(s.dims)-1], s)
	}
	return found
}

// either writes loops twice: by calls of machine code where the processor can run it, and in plain Go.
func (g *generator) either(x *instance, from, to int, vectors, plain func() error) error {
	for i := from; i < to; i++ {
		for k, r := range x.steps[i].out {
			if s, v, _ := x.at(r); !s.array && !s.declared && v.uses > 0 {
				s.variable, s.declared = g.fresh("t"), true
				g.put("var %s %s", s.variable, goType(x.instrs[i].Out[k].DType))
			}
		}
	}
	g.put("if vectors {")
	g.calling = true
	err := vectors()
	g.calling, g.line = false, ""
	if err != nil {
		return err
	}
	g.put("} else {")
	err = plain()
	g.put("}")
	return err
}

// callVectors writes the call of machine code for the elements [lo, hi) of the innermost dimension, in loops over the others. It reports false if these stay plain Go.
func (g *generator) callVectors(x *instance, in *vm.Instr, st *step, s *space, lo, hi int) bool {
	v, kept := g.vectorsOf(in, s, lo, hi)
	if v == nil {
		return false
	}
	l, last := in.Loop, len(s.dims)-1
	comment := g.comment(in, 0)
	blocks, results := (hi-lo+micro.BlockLanes-1)/micro.BlockLanes, ""
	if l.Reduce != micro.NoReduce {
		results = g.fresh("r")
		g.put("var %sblocks [%d]%s", results, blocks, goType(v.reduced))
	}
	indices := make([]string, last, last+1)
	for d := range indices {
		indices[d] = g.index(g.depth)
		g.put("for %s := range %d {", indices[d], s.dims[d])
		g.depth++
	}
	from, to := fmt.Sprint(lo), fmt.Sprint(hi)
	pieces := hi-lo > native.RunElements
	if pieces {
		from, to = g.index(g.depth), g.fresh("t")
		g.put("for %[1]s := %[2]d; %[1]s < %[3]d; %[1]s += %[4]d { // machine code is not preempted", from, lo, hi, native.RunElements)
		g.depth++
		g.put("%s := min(%s+%d, %d)", to, from, native.RunElements, hi)
	}
	array := func(r ref, offset int, strides []int, repeat bool) string {
		a, _, e := x.at(r)
		if !a.array {
			return fmt.Sprintf("[]%s{%s}", goType(x.values[r.v].typ), x.read(r).text)
		}
		begin := linear(e+offset, strides, append(indices, from))
		end := linear(e+offset, strides, append(indices, to))
		if repeat {
			end = linear(e+offset+1, strides, append(indices, from))
		}
		if begin == "0" && end == fmt.Sprint(a.length) {
			return a.variable + "[:]"
		}
		return fmt.Sprintf("%s[%s:%s]", a.variable, begin, end)
	}
	var args []string
	for _, k := range kept {
		offset := 0
		if w := l.In[k].Window; w != nil {
			offset = w.Offset
		}
		args = append(args, array(st.in[k], offset, s.strides[k], s.strides[k][last] == 0))
	}
	for k := range len(v.arrays) - v.inputs {
		args = append(args, array(st.out[k], 0, s.strides[len(l.In)+k], false))
	}
	switch {
	case results != "" && pieces && lo == 0:
		args = append(args, fmt.Sprintf("%sblocks[%s/%d:]", results, from, micro.BlockLanes))
	case results != "":
		args = append(args, results+"blocks[:]")
	}
	g.put("%s(%s)%s", v.name, strings.Join(args, ", "), comment)
	if pieces {
		g.put("}")
		g.depth--
	}
	if results != "" {
		k := len(l.Out) - 1
		value := g.joinBlocks(l.Reduce, v.reduced, results, blocks)
		if a, _, e := x.at(st.out[k]); a.array {
			g.put("%s[%s] = %s", a.variable, linear(e, s.strides[len(l.In)+k][:last], indices), value)
		} else {
			g.assign(x, st.out[k], name(value), "")
		}
	}
	for range indices {
		g.put("}")
		g.depth--
	}
	return true
}

// mostJoined bounds the blocks whose results are joined by one expression.
const mostJoined = 8

// joinBlocks returns the reduction of the results of a variable's blocks.
func (g *generator) joinBlocks(kind micro.ReduceKind, t dtype.DType, variable string, blocks int) string {
	var join func(from, n int) string
	join = func(from, n int) string {
		if n == 1 {
			return fmt.Sprintf("%sblocks[%d]", variable, from)
		}
		first := 1
		for 2*first < n {
			first *= 2
		}
		a, b := join(from, first), join(from+first, n-first)
		switch kind {
		case micro.ReduceMax:
			return fmt.Sprintf("max(%s, %s)", a, b)
		case micro.ReduceMin:
			return fmt.Sprintf("min(%s, %s)", a, b)
		case micro.ReduceProd:
			return fmt.Sprintf("(%s * %s)", a, b)
		}
		return fmt.Sprintf("(%s + %s)", a, b)
	}
	if blocks <= mostJoined {
		text := join(0, blocks)
		if strings.HasPrefix(text, "(") {
			text = text[1 : len(text)-1]
		}
		return text
	}
	r := g.reduction(kind, t, blocks, false)
	r.variable = variable
	if r.plain {
		r.begin()
		g.put("for _, x := range %sblocks {", variable)
		r.add(name("x"), "", "")
		g.put("}")
		return variable
	}
	g.put("var %s %s", variable, r.fold())
	g.put("%s.reset()", variable)
	g.put("for _, x := range %sblocks {", variable)
	g.put("%s.join(x)", variable)
	g.put("}")
	return variable + ".result()"
}
