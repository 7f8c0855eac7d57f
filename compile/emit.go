package compile

import (
	"fmt"
	"slices"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/handover"
	"github.com/adjoint-go/adjoint/internal/kernel"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/internal/prefetch"
	"github.com/adjoint-go/adjoint/vm"
)

// emit is the pass that writes the program.
func emit(l *lowering) error {
	e := &emitter{lowering: l, debug: !l.config.NoDebug}
	b := vm.Block{ArenaBytes: l.plan.arena, Const: l.plan.consts, ConstOffset: l.plan.constAt}
	for _, in := range l.g.Inputs() {
		b.Inputs = append(b.Inputs, vm.Slot{Name: in.Name(), Also: moreNames(in.Names()), Type: vmType(in), Ref: e.ref(in), Used: l.plan.lastUse[in.ID()] >= 0})
	}
	for i, k := range l.updates {
		b.Inputs[i].Update = k
	}
	for i, o := range l.outputs {
		b.Outputs = append(b.Outputs, vm.Slot{Name: l.names[i][0], Also: moreNames(l.names[i]), Type: vmType(o), Ref: e.ref(o), Used: true})
	}
	for pos, k := range l.order {
		x := l.groups[k]
		for _, v := range l.plan.again[pos] {
			l.place[v.root] = v.place
		}
		switch x.kind {
		case classScalar:
			b.Instrs = append(b.Instrs, e.straight(x, l.temps.code[pos]))
		case classLoop:
			in := e.loop(x)
			if x.joined {
				in = e.epilogue(x.nodes[0], in)
			}
			b.Instrs = append(b.Instrs, in)
		default:
			if id := x.nodes[0]; e.wholes[id] != nil {
				b.Instrs = append(b.Instrs, e.rest(id)...)
			} else {
				b.Instrs = append(b.Instrs, e.kernel(id))
			}
		}
	}
	l.block = b
	if l.site >= 0 {
		return nil
	}
	code := &vm.Code{Block: b, Blocks: l.blocks.list, Debug: vm.Debug{Strings: e.labels.list, Nodes: e.labels.nodes}}
	if !e.debug {
		code.Debug = vm.Debug{Strings: []string{""}}
	}
	p, err := handover.NewProgram(code)
	if err != nil {
		return err
	}
	l.program = p.(*vm.Program)
	return nil
}

type emitter struct {
	*lowering
	debug  bool
	cellAt []uint32 // by node: 1 + the temporary cell of a scalar, 0 for none
}

// debugLabels collects what the program says about nodes.
type debugLabels struct {
	strings map[string]int32
	list    []string
	nodes   []vm.NodeInfo

	last      [2]string // the strings looked up last
	lastIndex [2]int32
	turn      int
}

func newDebugLabels() *debugLabels {
	return &debugLabels{strings: map[string]int32{"": 0}, list: []string{""}}
}

func (d *debugLabels) str(s string) int32 {
	if s == "" {
		return 0
	}
	if s == d.last[0] {
		return d.lastIndex[0]
	}
	if s == d.last[1] {
		return d.lastIndex[1]
	}
	i := d.lookup(s)
	d.last[d.turn], d.lastIndex[d.turn] = s, i
	d.turn = 1 - d.turn
	return i
}

func (d *debugLabels) lookup(s string) int32 {
	i, ok := d.strings[s]
	if !ok {
		i = int32(len(d.list))
		d.strings[s] = i
		d.list = append(d.list, s)
	}
	return i
}

// label returns what the debug information says of a node.
func (e *emitter) label(id int32) vm.NodeInfo {
	n := e.g.Node(int(id))
	pos := n.Position()
	origin := n.Origin()
	if origin < 0 {
		origin = n.ID()
	}
	if e.site >= 0 {
		origin = int(e.site)
	}
	return vm.NodeInfo{ID: int32(origin), Op: e.labels.str(n.Op().Name), Name: e.labels.str(n.Name()), File: e.labels.str(pos.File), Line: int32(pos.Line)}
}

// addLabel adds a node to the debug information and returns its index.
func (e *emitter) addLabel(id int32) int32 {
	e.labels.nodes = append(e.labels.nodes, e.label(id))
	return int32(len(e.labels.nodes) - 1)
}

func vmType(n *graph.Node) vm.Type {
	return vm.Type{DType: n.DType(), Shape: slices.Clone([]int(n.Shape()))}
}

// moreNames returns all names but the first.
func moreNames(names []string) []string {
	if len(names) < 2 {
		return nil
	}
	return names[1:]
}

// ref returns where a node's value lies.
func (e *emitter) ref(n *graph.Node) vm.Ref {
	p := e.place[e.root[n.ID()]]
	if !p.known {
		panic(fmt.Sprintf("BUG: node %v (%s) has no memory", n, n.Op().Name))
	}
	return vm.Ref{Space: p.space, Offset: p.offset + e.offset[n.ID()]}
}

func (e *emitter) operand(n *graph.Node) vm.Operand {
	return vm.Operand{Type: vmType(n), Ref: e.ref(n)}
}

// straight emits scalar code. It goes through the nodes by ID and puts each into its place, so that of all that is known of nodes only the cells
// of operands lie anywhere.
func (e *emitter) straight(x *instruction, code straightCode) vm.Instr {
	s := &micro.Straight{TempLo: e.cellOf(e.temps.lo, x.nodes[0]), TempHi: e.cellOf(e.temps.hi, x.nodes[0])}
	if e.cellAt == nil {
		e.cellAt = prefetch.Pages(make([]uint32, e.g.Len()))
	}
	for i, id := range x.nodes {
		if slot := code.nodes[i].slot; slot >= 0 {
			e.cellAt[id] = s.TempLo + 2*uint32(slot) + 1
		}
	}
	arrays, stores := e.assemblies(x, code)
	s.Code = prefetch.Pages(make([]micro.Instr, len(x.nodes)+stores))
	in := vm.Instr{Op: vm.OpStraight, Straight: s}
	// place returns where the micro-instructions of node i are: at[0] up to at[1].
	place := func(i int) (at [2]int) {
		at[0] = int(code.nodes[i].at)
		at[1] = at[0] + 1
		if len(arrays) > 0 && at[0] >= arrays[0].at {
			k, found := slices.BinarySearchFunc(arrays, at[0], func(a assembly, at int) int { return a.at - at })
			at[0] += arrays[k].before
			if at[1] += arrays[k].before; found {
				at[1] += arrays[k+1].before - arrays[k].before
			}
		}
		return at
	}
	var labels []int32
	labelled := func() {}
	if e.debug {
		labelled = alongside(len(x.nodes), func() { labels = e.labelAll(x, code, len(s.Code), place) })
	}
	for i, id := range x.nodes {
		if i+emitAhead < len(x.nodes) {
			for _, o := range e.in(x.nodes[i+emitAhead]) {
				prefetch.At(e.cellAt, o)
			}
			prefetch.At(s.Code, code.nodes[i+emitAhead].at)
		}
		at := place(i)[0]
		if e.class[id] == classAssemble {
			e.assemble(id, func(c micro.Instr) {
				s.Code[at] = c
				at++
			})
			continue
		}
		c := e.microInstr(id)
		var ops [3]uint32
		for k, o := range e.in(id) {
			ops[k] = e.cell(o)
		}
		c.Dst, c.A, c.B, c.C = e.cell(id), ops[0], ops[1], ops[2]
		s.Code[at] = c
	}
	labelled()
	in.Nodes = labels
	return in
}

// emitAhead is the number of nodes by which emission asks for memory in advance.
const emitAhead = 16

// labelAll adds the debug information of the micro-instructions of an instruction and returns their indices in it.
func (e *emitter) labelAll(x *instruction, code straightCode, length int, place func(i int) [2]int) []int32 {
	base := len(e.labels.nodes)
	indices := prefetch.Pages(make([]int32, length))
	for k := range indices {
		indices[k] = int32(base + k)
	}
	e.labels.nodes = slices.Grow(e.labels.nodes, length)[:base+length]
	labels := prefetch.Pages(e.labels.nodes[base:])
	for i, id := range x.nodes {
		if i+emitAhead < len(x.nodes) {
			prefetch.At(labels, code.nodes[i+emitAhead].at)
		}
		if at := place(i); at[0] < at[1] {
			label := e.label(id)
			for k := at[0]; k < at[1]; k++ {
				labels[k] = label
			}
		}
	}
	return indices
}

// manyNodes is the number of nodes from which on work goes to another processor.
const manyNodes = 1 << 14

// alongside does work on so many nodes, if these are many beside what the caller does until it calls wait, which panics if the work did.
func alongside(nodes int, work func()) (wait func()) {
	if nodes < manyNodes {
		work()
		return func() {}
	}
	done := make(chan any, 1)
	go func() {
		defer func() { done <- recover() }()
		work()
	}()
	return func() {
		if bug := <-done; bug != nil {
			panic(bug)
		}
	}
}

// cell returns the cell of a scalar that scalar code reads or writes.
func (e *emitter) cell(id int32) uint32 {
	if c := e.cellAt[id]; c != 0 {
		return c - 1
	}
	r := e.root[id]
	if c := e.cellAt[r]; c != 0 {
		return c - 1
	}
	p := e.place[r]
	switch {
	case !p.known:
		panic(fmt.Sprintf("BUG: scalar %v is read before it is computed", e.g.Node(int(id))))
	case p.space != 0:
		panic("BUG: scalar code reads outside the arena")
	}
	return e.cellOf(p.offset+e.offset[id], id)
}

// assembly is an array that scalar code puts together: its place in the order of nodes, and by how many micro-instructions there are more before
// it than nodes.
type assembly struct{ at, before int }

// assemblies returns the arrays of an instruction in their order, with one behind all nodes, and by how many micro-instructions the code is longer than
// the list of nodes.
func (e *emitter) assemblies(x *instruction, code straightCode) (list []assembly, more int) {
	for i, id := range x.nodes {
		if e.class[id] == classAssemble {
			stores := -1
			e.assemble(id, func(micro.Instr) { stores++ })
			list = append(list, assembly{int(code.nodes[i].at), stores})
		}
	}
	if list == nil {
		return nil, 0
	}
	slices.SortFunc(list, func(a, b assembly) int { return a.at - b.at })
	for k := range list {
		list[k].before, more = more, more+list[k].before
	}
	return append(list, assembly{len(x.nodes), more}), more
}

// assemble stores the pieces that do not lie in the array already, and zeros where there is no piece.
func (e *emitter) assemble(id int32, add func(micro.Instr)) {
	n := e.g.Node(int(id))
	size := int64(n.DType().Size())
	base := e.place[id].offset
	covered := make([]bool, n.Shape().Size())
	move := func(i int, from uint32) {
		if dst := e.cellOf(base+int64(i)*size, id); dst != from {
			add(micro.Instr{Op: micro.Mov, Type: n.DType(), Dst: dst, A: from})
		}
	}
	place := e.places(id)
	for k, in := range e.in(id) {
		i := place(k)
		covered[i] = true
		move(i, e.cell(in))
	}
	for i, c := range covered {
		if !c {
			move(i, e.cell(e.zeros[n.DType()]))
		}
	}
}

// loop emits an elementwise loop.
func (e *emitter) loop(x *instruction) vm.Instr {
	l := &micro.Loop{Dims: slices.Clone([]int(x.dims))}
	in := vm.Instr{Op: vm.OpLoop, Loop: l}
	if len(l.Dims) == 0 {
		l.Dims = []int{1}
	}
	b := &loopBuilder{e: e, x: x, l: l, instr: &in, regs: map[int32]uint32{}, inputs: map[inputKey]uint32{}, consts: map[micro.Const]uint32{}}
	b.build()
	l.Flush = e.config.FastMath && l.Flushes()
	return in
}

// epilogue emits a kernel with a loop over its result, which is the loop's first input.
func (e *emitter) epilogue(id int32, loop vm.Instr) vm.Instr {
	in := e.kernel(id)
	in.Op, in.Loop = vm.OpEpilogue, loop.Loop
	in.In, in.Out = append(in.In, loop.In[1:]...), append(in.Out, loop.Out...)
	in.Nodes = append(in.Nodes, loop.Nodes...)
	return in
}

// viewCopy emits a view that cannot share its operand's memory here: a slice of the operand as a vector.
func (e *emitter) viewCopy(n *graph.Node) vm.Instr {
	first, _ := n.Op().View(n)
	from, out := e.operand(n.Input(0)), e.operand(n)
	from.Shape, out.Shape = []int{n.Input(0).Shape().Size()}, []int{n.Shape().Size()}
	in := vm.Instr{
		Op: vm.OpKernel, Kernel: "slice", In: []vm.Operand{from}, Out: []vm.Operand{out},
		Attrs: attr.Make(attr.L("starts", []int{first}), attr.L("limits", []int{first + out.Shape[0]}), attr.L("strides", []int{1})),
	}
	if e.debug {
		in.Nodes = []int32{e.addLabel(int32(n.ID()))}
	}
	return in
}

// kernel emits a call.
func (e *emitter) kernel(id int32) vm.Instr {
	n := e.g.Node(int(id))
	in := vm.Instr{Op: vm.OpKernel, Kernel: n.Op().Kernel, Attrs: n.Attrs().Clone()}
	if n.Op().Kernel == "" && n.Op().View != nil {
		return e.viewCopy(n)
	}
	k := kernel.Lookup(in.Kernel)
	if e.config.FastMath && k != nil && k.Flushes && n.DType().IsFloat() {
		in.Attrs = attr.Make(append([]attr.Named{attr.B("flush", true)}, in.Attrs...)...)
	}
	if r := e.plan.tuples[id]; k != nil && k.FirstOnly && !slices.ContainsFunc(r[1:], func(id int32) bool { return id >= 0 }) {
		in.Attrs = attr.Make(append([]attr.Named{attr.B("first_only", true)}, in.Attrs...)...)
	}
	if c := e.calls[id]; c != nil {
		in = vm.Instr{Op: vm.OpCall, Call: &c.code}
	} else if n.Op().Kernel == "" {
		panic("BUG: operator " + n.Op().Name + " reached emission without a way to run")
	}
	for _, o := range n.Inputs() {
		in.In = append(in.In, e.operand(o))
	}
	if e.class[id] == classTuple {
		for i, r := range e.plan.tuples[id] {
			if r >= 0 {
				in.Out = append(in.Out, e.operand(e.g.Node(int(r))))
				continue
			}
			t := e.slots(id)[i]
			in.Out = append(in.Out, vm.Operand{Type: vm.Type{DType: t.DType, Shape: slices.Clone([]int(t.Shape))},
				Ref: vm.Ref{Offset: e.plan.scratch[[2]int32{id, int32(i)}]}})
		}
	} else {
		in.Out = []vm.Operand{e.operand(n)}
	}
	if e.debug {
		in.Nodes = []int32{e.addLabel(id)}
	}
	return in
}
