package gosource

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/elem"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/vm"
)

// space is the iteration space of a loop with neighbouring dimensions joined where every array is walked as if they were one.
type space struct {
	dims    []int
	reduced int     // of dims, the last ones
	strides [][]int // by array, inputs first
	lo, hi  [][]int // windows of inputs, nil for none
}

func joined(l *micro.Loop) *space {
	s := &space{strides: make([][]int, len(l.In)+len(l.Out)), lo: make([][]int, len(l.In)), hi: make([][]int, len(l.In))}
	accesses := slices.Concat(l.In, l.Out)
	windows := slices.ContainsFunc(l.In, func(a micro.Access) bool { return a.Window != nil })
	last := false
	for d, n := range l.Dims {
		reduced := d >= len(l.Dims)-l.ReduceDims
		if n == 1 && !windows {
			continue
		}
		k := len(s.dims) - 1
		join := k >= 0 && reduced == last && !windows
		for i, a := range accesses {
			join = join && s.strides[i][k] == n*a.Strides[d]
		}
		for i, a := range accesses {
			if join {
				s.strides[i][k] = a.Strides[d]
			} else {
				s.strides[i] = append(s.strides[i], a.Strides[d])
			}
		}
		switch {
		case join:
			s.dims[k] *= n
		default:
			s.dims = append(s.dims, n)
			if reduced {
				s.reduced++
			}
			for i, a := range l.In {
				if a.Window != nil {
					s.lo[i], s.hi[i] = append(s.lo[i], a.Window.Lo[d]), append(s.hi[i], a.Window.Hi[d])
				}
			}
		}
		last = reduced
	}
	return s
}

var indexNames = []string{"i", "j", "k", "l"}

// index returns the name of the index of the loop at the depth.
func (g *generator) index(depth int) string {
	if depth < len(indexNames) {
		return indexNames[depth]
	}
	return fmt.Sprint("i", depth)
}

// linear returns offset + Σ strides·indices.
func linear(offset int, strides []int, indices []string) string {
	var b strings.Builder
	for d, s := range strides {
		if s == 0 {
			continue
		}
		if i, err := strconv.Atoi(indices[d]); err == nil {
			offset += s * i
			continue
		}
		index, more, _ := strings.Cut(indices[d], "+")
		if i, err := strconv.Atoi(more); err == nil {
			offset += s * i
		}
		if b.Len() > 0 {
			b.WriteByte('+')
		}
		if s != 1 {
			fmt.Fprintf(&b, "%d*", s)
		}
		b.WriteString(index)
	}
	switch {
	case b.Len() == 0:
		return fmt.Sprint(offset)
	case offset > 0:
		fmt.Fprintf(&b, "+%d", offset)
	case offset < 0:
		fmt.Fprintf(&b, "%d", offset)
	}
	return b.String()
}

// element returns the element of the array, or the scalar, at a ref.
func (x *instance) element(r ref, offset int, strides []int, indices []string) expression {
	s, _, e := x.at(r)
	if !s.array {
		return x.read(r)
	}
	return name(s.variable + "[" + linear(e+offset, strides, indices) + "]")
}

// definition is a value of a register.
type definition struct {
	uses    int
	product bool
	value   expression
}

// loop writes an elementwise loop.
func (g *generator) loop(x *instance, in *vm.Instr, st *step) error {
	l := in.Loop
	s := joined(l)
	outer := len(s.dims) - s.reduced
	indices := make([]string, len(s.dims))
	open := func(from, to int) {
		for d := from; d < to; d++ {
			indices[d] = g.index(g.depth)
			comment := ""
			if d == 0 {
				comment = g.comment(in, 0)
			}
			g.put("for %s := range %d {%s", indices[d], s.dims[d], comment)
			g.depth++
		}
	}
	shut := func(from, to int) {
		for range to - from {
			g.put("}")
			g.depth--
		}
	}
	if l.Reduce == micro.NoReduce && s.windows1() {
		return g.pieces(x, in, st, s, 0)
	}
	if g.calling && len(s.dims) > 0 && g.callVectors(x, in, st, s, 0, s.dims[len(s.dims)-1]) {
		return nil
	}
	if l.Reduce == micro.ReduceSum && len(s.dims) == 1 && s.reduced == 1 && !slices.ContainsFunc(l.In, func(a micro.Access) bool { return a.Window != nil }) {
		return g.flat(x, in, st, s, nil)
	}
	var r *reduction
	if l.Reduce != micro.NoReduce {
		n := 1
		for _, d := range s.dims[outer:] {
			n *= d
		}
		r = g.reduction(l.Reduce, l.Out[len(l.Out)-1].Type, n, s.reduced == 1)
	}
	open(0, outer)
	if r != nil {
		r.begin()
	}
	open(outer, len(s.dims))
	result, err := g.body(x, in, st, s, indices)
	if err != nil {
		return err
	}
	if r != nil {
		position, n := make([]int, len(s.dims)), 1
		for d := len(s.dims) - 1; d >= outer; d-- {
			position[d], n = n, n*s.dims[d]
		}
		at := linear(0, position, indices)
		r.add(result, at, "")
		r.endBlock(at, 1)
	}
	shut(outer, len(s.dims))
	if r != nil {
		g.total(x, in, st, s, r, indices[:outer])
	}
	shut(0, outer)
	return nil
}

// total stores the result of a reduction.
func (g *generator) total(x *instance, in *vm.Instr, st *step, s *space, r *reduction, indices []string) {
	if r.blocks && r.n%micro.BlockLanes != 0 {
		r.join()
	}
	k := len(in.Loop.Out) - 1
	to, _, e := x.at(st.out[k])
	value := r.result()
	if to.array {
		g.put("%s[%s] = %s", to.variable, linear(e, s.strides[len(in.Loop.In)+k][:len(indices)], indices), value.text)
	} else {
		g.assign(x, st.out[k], value, "")
	}
}

// windows1 reports whether a loop goes through one dimension and reads windows there.
func (s *space) windows1() bool {
	return len(s.dims) == 1 && slices.ContainsFunc(s.lo, func(lo []int) bool { return lo != nil })
}

// stretches calls do for each stretch of a loop over one dimension, from an element on, in which every element lies either in a window or out of it: piece has windows that are all of it or nothing.
func (s *space) stretches(from int, do func(lo, hi int, piece *space)) {
	cuts := []int{from, s.dims[0]}
	for k := range s.lo {
		if s.lo[k] != nil {
			cuts = append(cuts, max(from, s.lo[k][0]), max(from, s.hi[k][0]))
		}
	}
	slices.Sort(cuts)
	cuts = slices.Compact(cuts)
	for c, lo := range cuts[:len(cuts)-1] {
		hi := cuts[c+1]
		piece := &space{dims: []int{hi}, strides: s.strides, lo: slices.Clone(s.lo), hi: slices.Clone(s.hi)}
		for k := range s.lo {
			if s.lo[k] == nil {
				continue
			}
			piece.lo[k], piece.hi[k] = []int{0}, []int{hi}
			if lo < s.lo[k][0] || lo >= s.hi[k][0] {
				piece.hi[k] = []int{0}
			}
		}
		do(lo, hi, piece)
	}
}

// pieces writes a loop over one dimension with windows, from an element on, as one for each stretch.
func (g *generator) pieces(x *instance, in *vm.Instr, st *step, s *space, from int) (err error) {
	s.stretches(from, func(lo, hi int, piece *space) {
		if err != nil || g.calling && g.callVectors(x, in, st, piece, lo, hi) {
			return
		}
		i := g.index(g.depth)
		switch {
		case hi-lo == 1:
			i = strconv.Itoa(lo)
		case lo == 0:
			g.put("for %s := range %d {%s", i, hi, g.comment(in, 0))
		default:
			g.put("for %[1]s := %[2]d; %[1]s < %[3]d; %[1]s++ {%[4]s", i, lo, hi, g.comment(in, 0))
		}
		g.depth++
		_, err = g.body(x, in, st, piece, []string{i})
		g.depth--
		if hi-lo > 1 {
			g.put("}")
		}
	})
	return err
}

// body writes what a loop does for one element, and returns what is reduced.
func (g *generator) body(x *instance, in *vm.Instr, st *step, s *space, indices []string) (expression, error) {
	l := in.Loop
	defs := make([]definition, len(l.In)+len(l.Consts))
	register := make([]int, len(l.In)+len(l.Consts)+l.Temps)
	for k := range defs {
		register[k] = k
	}
	// How often each value of a register is read.
	read := make([][3]int, len(l.Code))
	for k := range l.Code {
		c := &l.Code[k]
		ops := c.Operands()
		for o := range c.Op.Arity() {
			d := register[ops[o]]
			read[k][o] = d
			defs[d].uses++
			if !keepsProduct(c.Op) {
				defs[d].product = false
			}
		}
		register[c.Dst] = len(defs)
		defs = append(defs, definition{product: true})
	}
	stored := make([]int, len(l.Out))
	for k, r := range l.OutRegs {
		stored[k] = register[r]
		defs[stored[k]].uses++
		defs[stored[k]].product = false
	}
	first := len(l.In) + len(l.Consts)
	for k, a := range l.In {
		d := &defs[k]
		if d.uses == 0 {
			continue
		}
		if e, ok := g.instead[k]; ok && (s.lo[k] == nil || s.lo[k][0] < s.hi[k][0]) {
			d.value = e
			continue
		}
		if a.Window != nil {
			uses := d.uses
			if len(l.Out) > 1 {
				uses = several
			}
			d.value = g.window(x, st.in[k], a, s, k, uses, indices)
			continue
		}
		d.value = x.element(st.in[k], 0, s.strides[k], indices)
		if from, _, _ := x.at(st.in[k]); from.array && (d.uses > 1 || len(l.Out) > 1) {
			text := d.value.text
			v, ok := g.loaded[text]
			if !ok {
				v = g.fresh("t")
				g.put("%s := %s%s", v, text, g.comment(in, 0))
			}
			if g.loaded != nil && !slices.ContainsFunc(st.out, func(r ref) bool { to, _, _ := x.at(r); return to.variable == from.variable }) {
				g.loaded[text] = v
			}
			d.value = name(v)
		}
	}
	for k, c := range l.Consts {
		defs[len(l.In)+k].value = g.literal(c.Type, c.Bits)
	}
	pairs, known := pairsOf(l.Code, func(k int) int { return read[k][0] }), map[int]expression{}
	for k := range l.Code {
		c := &l.Code[k]
		d := &defs[first+k]
		if d.uses == 0 && !c.Traps() {
			continue
		}
		args := make([]expression, c.Op.Arity())
		flush := l.Flush && c.Flushes()
		for o := range args {
			args[o] = defs[read[k][o]].value
			if flush {
				args[o] = g.flushed(c.OperandType(o), args[o])
			}
		}
		if c.Traps() {
			g.trap(in, k, args[1])
		}
		g.varied(c.OperandType(0), args)
		if other, ok := pairs[k]; ok {
			known[k], known[other] = g.sineAndCosine(c, args[0], g.comment(in, k))
		}
		if e, ok := known[k]; ok {
			d.value = e
			continue
		}
		e, err := g.operation(c, args, !d.product)
		if err != nil {
			return expression{}, &instrError{&vm.Instr{Nodes: nodeOf(in, k)}, err}
		}
		if flush {
			e = g.flushed(c.Type, e)
		}
		if d.uses == 0 {
			continue
		}
		if d.uses > 1 || e.size > inlined {
			v := g.fresh("t")
			g.put("%s := %s%s", v, e.typed(c.Result()), g.comment(in, k))
			e = name(v)
		}
		d.value = e
	}
	elements := len(l.Out)
	if l.Reduce != micro.NoReduce {
		elements--
	}
	for k := range elements {
		to, _, e := x.at(st.out[k])
		if !to.array {
			g.assign(x, st.out[k], defs[stored[k]].value, "")
			continue
		}
		g.put("%s[%s] = %s", to.variable, linear(e, s.strides[len(l.In)+k], indices), defs[stored[k]].value.text)
	}
	if l.Reduce != micro.NoReduce {
		return defs[stored[elements]].value, nil
	}
	return expression{}, nil
}

// window writes the read of an element that may lie outside of the array.
func (g *generator) window(x *instance, r ref, a micro.Access, s *space, k, uses int, indices []string) expression {
	var conditions []string
	for d, n := range s.dims {
		if s.lo[k][d] >= s.hi[k][d] {
			return g.literal(a.Type, 0)
		}
		if lo := s.lo[k][d]; lo > 0 {
			conditions = append(conditions, fmt.Sprintf("%s >= %d", indices[d], lo))
		}
		if hi := s.hi[k][d]; hi < n {
			conditions = append(conditions, fmt.Sprintf("%s < %d", indices[d], hi))
		}
	}
	e := x.element(r, a.Window.Offset, s.strides[k], indices)
	if len(conditions) == 0 && len(s.dims) == 1 && uses == 1 {
		return e
	}
	v := g.fresh("t")
	if len(conditions) == 0 {
		g.put("%s := %s", v, e.text)
		return name(v)
	}
	g.put("var %s %s", v, goType(a.Type))
	g.put("if %s {", strings.Join(conditions, " && "))
	g.put("%s = %s", v, e.text)
	g.put("}")
	return name(v)
}

// reduction writes a reduction of n elements.
type reduction struct {
	g        *generator
	kind     micro.ReduceKind
	typ      dtype.DType
	n        int
	variable string
	plain    bool // in whatever order
	blocks   bool // of a sum along one dimension, each of which is added by accumulators that take turns
}

func (g *generator) reduction(kind micro.ReduceKind, t dtype.DType, n int, flat bool) *reduction {
	r := &reduction{g: g, kind: kind, typ: t, n: n}
	r.plain = t.IsInt() || kind == micro.ReduceMax || kind == micro.ReduceMin || n == 1
	r.blocks = flat && !r.plain && !r.oneBlock() && kind == micro.ReduceSum
	r.variable = g.fresh("r")
	return r
}

// accumulators is the number of accumulators of a block.
func accumulators(t dtype.DType) int { return 64 / t.Size() }

func (r *reduction) begin() {
	g := r.g
	if r.plain {
		g.put("%s := %s", r.variable, g.literal(r.typ, identity(r.kind, r.typ)).typed(r.typ))
		return
	}
	if !r.oneBlock() {
		g.put("var %s %s", r.variable, r.fold())
		g.put("%s.reset()", r.variable)
	}
	if r.turns() {
		g.put("var %s [%d]%s", r.accumulator(), accumulators(r.typ), goType(r.typ))
	}
}

// oneBlock reports whether the accumulators of one block are enough.
func (r *reduction) oneBlock() bool { return r.kind == micro.ReduceSum && r.n <= micro.BlockLanes }

// turns reports whether accumulators take turns.
func (r *reduction) turns() bool { return !r.plain && r.oneBlock() || r.blocks }

// fold returns the name of the type that calculates the reduction.
func (r *reduction) fold() string {
	what, operator, one := "sum", "+", "0"
	if r.kind == micro.ReduceProd {
		what, operator, one = "product", "*", "1"
	}
	w := accumulators(r.typ)
	n := fmt.Sprint(what, 8*r.typ.Size())
	if r.g.folds[n] == "" {
		r.g.folds[n] = fmt.Sprintf(foldText, n, goType(r.typ), w, operator, one, what, w-1)
	}
	return n
}

// add adds the element at a position, to the accumulator whose turn it is: "" is that of the position.
func (r *reduction) add(e expression, position, accumulator string) {
	g := r.g
	switch {
	case r.plain && r.kind == micro.ReduceSum:
		g.put("%s += %s", r.variable, e.text)
	case r.plain && r.kind == micro.ReduceProd:
		g.put("%s *= %s", r.variable, e.text)
	case r.plain && r.kind == micro.ReduceMax:
		g.put("%[1]s = max(%[1]s, %[2]s)", r.variable, e.text)
	case r.plain:
		g.put("%[1]s = min(%[1]s, %[2]s)", r.variable, e.text)
	case r.turns():
		if strings.ContainsAny(position, "+*") {
			position = "(" + position + ")"
		}
		if accumulator == "" {
			accumulator = fmt.Sprintf("%s&%d", position, accumulators(r.typ)-1)
		}
		g.put("%s[%s] += %s", r.accumulator(), accumulator, e.text)
	default:
		g.put("%s.add(%s)", r.variable, e.text)
	}
}

// accumulator returns the name of the array of accumulators.
func (r *reduction) accumulator() string {
	if r.blocks {
		return r.variable + "turns"
	}
	return r.variable
}

// join enters the result of a block.
func (r *reduction) join() { r.g.put("%[1]s.join(%[2]s(&%[1]sturns))", r.variable, r.total()) }

// endBlock joins a block that ends with the element at an index, or with so many from there on.
func (r *reduction) endBlock(index string, elements int) {
	if !r.blocks {
		return
	}
	r.g.put("if %s&%d == %d {", index, micro.BlockLanes-1, micro.BlockLanes-elements)
	r.join()
	r.g.put("clear(%sturns[:])", r.variable)
	r.g.put("}")
}

// total returns the name of the function that adds accumulators.
func (r *reduction) total() string {
	n := fmt.Sprint("total", 8*r.typ.Size())
	r.g.folds[n] = fmt.Sprintf(totalText, n, goType(r.typ), accumulators(r.typ))
	return n
}

func (r *reduction) result() expression {
	switch {
	case r.plain:
		return name(r.variable)
	case r.oneBlock():
		return name(r.total() + "(&" + r.variable + ")")
	}
	return name(r.variable + ".result()")
}

// totalText is the sum of the accumulators of a block. %[1]s: name, %[2]s: type, %[3]d: accumulators.
const totalText = `
// %[1]s adds sums of which each has every %[3]dth element of an array: in this order processors with vectors and those without have the same bits.
func %[1]s(sums *[%[3]d]%[2]s) %[2]s {
	for half := %[3]d / 2; half > 0; half /= 2 {
		for i := 0; i < half; i++ {
			sums[i] += sums[i+half]
		}
	}
	return sums[0]
}
`

func identity(kind micro.ReduceKind, t dtype.DType) uint64 {
	switch t {
	case dtype.Float64:
		return elem.Bits(elem.Identity[float64](kind))
	case dtype.Float32:
		return elem.Bits(elem.Identity[float32](kind))
	case dtype.Int64:
		return elem.Bits(elem.Identity[int64](kind))
	}
	return elem.Bits(elem.Identity[int32](kind))
}
