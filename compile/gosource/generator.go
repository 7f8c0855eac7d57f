package gosource

import (
	"fmt"
	"go/token"
	"path"
	"slices"
	"strings"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/vm"
)

// storage is where a value lies in the generated function: a variable or expression for a scalar, part of an array for others.
type storage struct {
	array    bool
	value    expression // of a scalar
	variable string     // of an array, or of a scalar that is yet to be assigned
	declared bool       // an assignment of the scalar does not declare it
	alias    bool       // a variable that is assigned to the scalar is it
	offset   int        // of element 0 in the array
	length   int        // of the array
}

// instance is a block at a place where its instructions are written.
type instance struct {
	*plan
	store map[int32]*storage // by root
}

// generator writes one function.
type generator struct {
	code    *vm.Code
	plans   map[int]*plan // of the blocks that are called
	names   map[string]bool
	lines   []string
	imports map[string]bool
	helpers map[string]bool
	carried map[string]bool
	folds   map[string]string // reductions by name

	arrays    []array // in the order of their declaration
	arena     map[dtype.DType]int
	constants []string // declarations
	constant  map[string]string
	kernels   []string // expressions that make them
	fails     bool
	counter   map[string]int
	line      string // of the last comment
	written   int    // micro-instructions
	depth     int    // loops around

	instead map[int]expression // inputs of the loop that are not in memory
	loaded  map[string]string  // variables that have elements, where elements of a loop stand one after the other

	// of assembly
	assembly    bool
	calling     bool // loops are written as calls of machine code
	withoutNEON bool // a loop has none
	vectors     []*vectorLoop
	byCode      map[string]*vectorLoop
	stretches   map[stretch]*vectorLoop
}

// array is a part of the memory for elements of its type.
type array struct {
	name   string
	typ    dtype.DType
	offset int
	length int
}

// maxWritten bounds the micro-instructions and calls of a file: blocks stand at each place that calls them.
const maxWritten = 1 << 19

// fresh returns a name that nothing else in the file has.
func (g *generator) fresh(prefix string) string {
	for {
		g.counter[prefix]++
		n := fmt.Sprint(prefix, g.counter[prefix])
		if !g.names[n] {
			g.names[n] = true
			return n
		}
	}
}

// identifier returns a Go identifier like the name that nothing else in the file has.
func (g *generator) identifier(n, otherwise string) string {
	n = identifierLike(n)
	if n == "" {
		n = otherwise
	}
	for g.names[n] || token.IsKeyword(n) || predeclared[n] || sources().reserved(n) {
		n += "_"
	}
	g.names[n] = true
	return n
}

// identifierLike makes an identifier of a name by leaving out, or replacing by _, what identifiers have no place for.
func identifierLike(n string) string {
	var b strings.Builder
	for _, r := range n {
		switch {
		case r == '_' || r < 128 && (r|32 >= 'a' && r|32 <= 'z'):
			b.WriteRune(r)
		case r >= '0' && r <= '9' && b.Len() > 0:
			b.WriteRune(r)
		case b.Len() > 0:
			b.WriteByte('_')
		}
	}
	return strings.TrimRight(b.String(), "_")
}

var predeclared = map[string]bool{
	"any": true, "append": true, "bool": true, "byte": true, "cap": true, "clear": true, "close": true, "comparable": true, "complex": true, "copy": true, "delete": true, "error": true, "false": true,
	"float32": true, "float64": true, "imag": true, "init": true, "int": true, "int32": true, "int64": true, "iota": true, "len": true, "make": true, "max": true, "min": true, "new": true, "nil": true, "panic": true,
	"print": true, "println": true, "real": true, "recover": true, "rune": true, "string": true, "true": true, "uint": true, "uint32": true, "uint64": true, "uint8": true, "uintptr": true,
	"math": true, "errors": true, "kernels": true, "err": true, "m": true, "choose": true, "oneIf": true, "toInt32": true, "toInt64": true,
}

// put appends a line.
func (g *generator) put(format string, args ...any) {
	g.lines = append(g.lines, fmt.Sprintf(format, args...))
}

// where returns the base name of the user's file and the line of a debug node, "" if they are not known.
func (g *generator) where(in *vm.Instr, k int) string {
	if k >= len(in.Nodes) || in.Nodes[k] < 0 || int(in.Nodes[k]) >= len(g.code.Debug.Nodes) {
		return ""
	}
	n := g.code.Debug.Nodes[in.Nodes[k]]
	if n.File <= 0 {
		return ""
	}
	return fmt.Sprintf("%s:%d", path.Base(strings.ReplaceAll(g.code.Debug.Strings[n.File], `\`, "/")), n.Line)
}

// comment returns a comment of the user's line, "" if the line before has it too.
func (g *generator) comment(in *vm.Instr, k int) string {
	w := g.where(in, k)
	if w == "" || w == g.line {
		return ""
	}
	g.line = w
	return " // " + w
}

// fail writes a return with an error of the text.
func (g *generator) fail(text string) {
	g.fails = true
	g.imports["errors"] = true
	g.put("err = errors.New(%q)", text)
	g.put("return")
}

// region makes an array of so many elements.
func (g *generator) region(t dtype.DType, offset, n int) *storage {
	name := g.fresh("t")
	g.arrays = append(g.arrays, array{name, t, offset, n})
	return &storage{array: true, variable: name, length: n}
}

// extra makes an array in memory of its own.
func (g *generator) extra(t dtype.DType, n int) *storage {
	at := g.arena[t]
	g.arena[t] += n
	return g.region(t, at, n)
}

// instance prepares to write a block whose inputs, and maybe outputs, are bound already: all other values get their places.
func (g *generator) instance(p *plan, bound map[int32]*storage) (*instance, error) {
	x := &instance{plan: p, store: bound}
	type interval struct {
		root int32
		v    *value
	}
	byType := map[dtype.DType][]interval{}
	for i := range p.values {
		v := &p.values[i]
		if v.parent != int32(i) || bound[int32(i)] != nil {
			continue
		}
		switch {
		case v.kind == constant:
			s, err := g.constantStorage(p, v)
			if err != nil {
				return nil, err
			}
			x.store[int32(i)] = s
		case v.kind == temporary && (v.slice || v.elements() != 1):
			byType[v.typ] = append(byType[v.typ], interval{int32(i), v})
		case v.kind == temporary:
			x.store[int32(i)] = &storage{}
		}
	}
	for t := dtype.Bool; t < dtype.Count; t++ {
		list := byType[t]
		slices.SortStableFunc(list, func(a, b interval) int { return int(min(1, max(-1, a.v.lo-b.v.lo))) })
		// Gaps between intervals are left out; what overlaps goes on doing so.
		lo, end, at := int64(0), int64(-1), g.arena[t]
		for _, v := range list {
			if v.v.lo >= end {
				at += int(max(0, end-lo) / int64(t.Size()))
				lo, end = v.v.lo, v.v.lo
			}
			x.store[v.root] = g.region(t, at+int((v.v.lo-lo)/int64(t.Size())), v.v.elements())
			end = max(end, v.v.hi)
		}
		if len(list) > 0 {
			g.arena[t] = at + int((end-lo)/int64(t.Size()))
		}
	}
	return x, nil
}

// maxConstants bounds the elements of a constant array.
const maxConstants = 1 << 22

// constantStorage returns a literal, or an array that the file declares.
func (g *generator) constantStorage(p *plan, v *value) (*storage, error) {
	n, size := v.elements(), v.typ.Size()
	data := p.b.Const[v.lo-p.b.ConstOffset:]
	bits := func(i int) uint64 {
		b := uint64(0)
		for k := size - 1; k >= 0; k-- {
			b = b<<8 | uint64(data[i*size+k])
		}
		return b
	}
	if n == 1 && !v.slice {
		return &storage{value: g.literal(v.typ, bits(0))}, nil
	}
	if n > maxConstants {
		return nil, fmt.Errorf("a constant of %d elements is too large for source: make it an input", n)
	}
	var b strings.Builder
	for i := range n {
		if i > 0 && i%8 == 0 {
			b.WriteString("\n\t")
		}
		fmt.Fprintf(&b, "%s, ", g.literal(v.typ, bits(i)).text)
	}
	key := fmt.Sprintf("[%d]%s{%s}", n, goType(v.typ), b.String())
	name := g.constant[key]
	if name == "" {
		name = g.fresh("constant")
		g.constant[key] = name
		g.constants = append(g.constants, fmt.Sprintf("var %s = [%d]%s{\n\t%s\n}\n", name, n, goType(v.typ), strings.TrimRight(b.String(), " ")))
	}
	return &storage{array: true, variable: name, length: n}, nil
}

// at returns the storage of a ref, and its element there.
func (x *instance) at(r ref) (s *storage, v *value, element int) {
	v, number, element := x.root(r)
	s = x.store[number]
	if s == nil {
		panic("BUG: a value without storage")
	}
	return s, v, element + s.offset
}

// read returns the scalar at a ref.
func (x *instance) read(r ref) expression {
	s, _, e := x.at(r)
	if s.array {
		return name(fmt.Sprintf("%s[%d]", s.variable, e))
	}
	if s.value.text == "" {
		panic("BUG: a scalar is read before it is written")
	}
	return s.value
}

// assign writes an assignment of the scalar at a ref, unless nobody reads it.
func (g *generator) assign(x *instance, r ref, e expression, comment string) {
	s, v, k := x.at(r)
	switch {
	case s.array:
		g.put("%s[%d] = %s%s", s.variable, k, e.text, comment)
	case s.declared:
		g.put("%s = %s%s", s.variable, e.text, comment)
		s.value = name(s.variable)
	case v.uses == 0:
	case s.alias && token.IsIdentifier(e.text):
		s.value = e
	default:
		s.variable = g.fresh("t")
		g.put("%s := %s%s", s.variable, e.typed(v.typ), comment)
		s.value, s.declared = name(s.variable), true
	}
}

// part returns n elements at a ref as a slice.
func (x *instance) part(r ref, n int) string {
	s, _, k := x.at(r)
	if k == 0 && n == s.length {
		return s.variable + "[:]"
	}
	return fmt.Sprintf("%s[%d:%d]", s.variable, k, k+n)
}

// block writes the instructions of a block.
func (g *generator) block(x *instance) error {
	for i := 0; i < len(x.instrs); i++ {
		in := &x.instrs[i]
		var err error
		if next := g.follower(x, i); next != nil {
			g.written += 2
			fused := func() error { return g.flat(x, in, &x.steps[i], joined(in.Loop), next) }
			if g.anyVectors(in) || g.anyVectors(next.in) {
				err = g.either(x, i, i+2, func() error {
					if err := g.loop(x, in, &x.steps[i]); err != nil {
						return err
					}
					return g.loop(x, next.in, next.st)
				}, fused)
			} else {
				err = fused()
			}
			i++
		} else {
			err = g.instr(x, in, i)
		}
		if err != nil {
			if _, ok := err.(*instrError); ok {
				return err
			}
			return &instrError{in, err}
		}
	}
	return nil
}

func (g *generator) instr(x *instance, in *vm.Instr, i int) error {
	g.written++
	if in.Straight != nil {
		g.written += len(in.Straight.Code)
	}
	if g.written > maxWritten {
		return fmt.Errorf("the source would have more than %d operations", maxWritten)
	}
	switch in.Op {
	case vm.OpStraight:
		return g.straight(x, in, i)
	case vm.OpLoop:
		write := func() error { return g.loop(x, in, &x.steps[i]) }
		if g.anyVectors(in) {
			return g.either(x, i, i+1, write, write)
		}
		return write()
	case vm.OpKernel:
		return g.kernel(x, in, &x.steps[i])
	case vm.OpCall:
		return g.call(x, in, &x.steps[i])
	}
	return fmt.Errorf("instruction %v has no form in Go source", in.Op)
}

// inlined is the number of operations up to which an expression that is used once stands where it is used.
const inlined = 6

// straight writes scalar code.
func (g *generator) straight(x *instance, in *vm.Instr, i int) error {
	pairs := pairsOf(in.Straight.Code, func(k int) ref { return x.steps[i].cells[k][0] })
	known := map[int]expression{}
	for k := range in.Straight.Code {
		c := &in.Straight.Code[k]
		refs := x.steps[i].cells[k]
		var args []expression
		for o := range c.Op.Arity() {
			args = append(args, x.read(refs[o]))
		}
		result := &x.values[refs[3].v]
		s, v, _ := x.at(refs[3])
		if !s.array && !s.declared && v.uses == 0 && !c.Traps() {
			continue
		}
		if c.Traps() {
			g.trap(in, k, args[1])
		}
		g.varied(c.OperandType(0), args)
		if other, ok := pairs[k]; ok {
			known[k], known[other] = g.sineAndCosine(c, args[0], g.comment(in, k))
		}
		if e, ok := known[k]; ok {
			if !s.array && !s.declared {
				s.value = e
			} else {
				g.assign(x, refs[3], e, "")
			}
			continue
		}
		e, err := g.operation(c, args, !result.product)
		if err != nil {
			return &instrError{&vm.Instr{Nodes: nodeOf(in, k)}, err}
		}
		if !s.array && !s.declared && v.uses == 1 && v.reader == i && e.size <= inlined {
			s.value = e
			continue
		}
		g.assign(x, refs[3], e, g.comment(in, k))
	}
	return nil
}

// pairsOf returns, of sines and cosines of one value, the instruction of the other one by that of the first.
func pairsOf[K comparable](code []micro.Instr, operand func(k int) K) map[int]int {
	type key struct {
		operand K
		op      micro.Op
	}
	var pairs map[int]int
	seen := map[key]int{}
	for k := range code {
		op, other := code[k].Op, micro.Cos
		switch op {
		case micro.Sin:
		case micro.Cos:
			other = micro.Sin
		default:
			continue
		}
		x := operand(k)
		if first, ok := seen[key{x, other}]; ok {
			if pairs == nil {
				pairs = map[int]int{}
			}
			if _, ok := pairs[first]; !ok {
				pairs[first] = k
			}
		}
		seen[key{x, op}] = k
	}
	return pairs
}

// sineAndCosine writes a call for both, and returns that which the instruction asks for and the other one.
func (g *generator) sineAndCosine(c *micro.Instr, x expression, comment string) (own, other expression) {
	function := "sincos64"
	if c.Type == dtype.Float32 {
		function = "sincos32"
	}
	g.carry(function)
	s, cos := g.fresh("t"), g.fresh("t")
	g.put("%s, %s := %s%s", s, cos, call(function, x).text, comment)
	if c.Op == micro.Sin {
		return name(s), name(cos)
	}
	return name(cos), name(s)
}

func nodeOf(in *vm.Instr, k int) []int32 {
	if k < len(in.Nodes) {
		return in.Nodes[k : k+1]
	}
	return nil
}

// varied makes a variable of the first operand if all are constants, with which Go would calculate otherwise than with floats.
func (g *generator) varied(t dtype.DType, args []expression) {
	for _, a := range args {
		if !a.constant {
			return
		}
	}
	if len(args) == 0 {
		return
	}
	n := g.fresh("t")
	g.put("%s := %s", n, args[0].typed(t))
	args[0] = name(n)
	if len(args) > 1 && args[0].text == "" {
		panic("BUG: an operand without text")
	}
}

// trap writes the check of an integer divisor.
func (g *generator) trap(in *vm.Instr, k int, divisor expression) {
	if divisor.constant && divisor.text != "0" {
		return
	}
	text := "integer division by zero"
	if w := g.where(in, k); w != "" {
		text = w + ": " + text
	}
	g.put("if %s == 0 {", divisor.in(precedenceCompare+1))
	g.fail(text)
	g.put("}")
}
