package compile

import (
	"slices"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/internal/prefetch"
)

// instruction is a group of nodes that becomes one machine instruction.
type instruction struct {
	kind  class // classScalar, classLoop or classKernel
	nodes []int32
	// stage counts how often the way from the inputs changes from array to scalar code; the scalar nodes of
	// one stage form one instruction.
	stage int32
	// depth is the longest way through array instructions within the stage: every instruction depends only on those
	// with a smaller (stage, depth), scalar code coming first in its stage. This keeps grouping free of cycles.
	depth int32
	// of a loop:
	dims   graph.Shape
	tail   int32 // the reduction, −1 for none
	joined bool  // the first node is a kernel's, over whose result the loop runs part by part
	fusing bool  // may take more nodes
	// again is, of an instruction that computes values once more, which it stores; the others of its nodes are on the way to them.
	again []int32
}

// maxLoopNodes bounds a loop's micro-instructions, so that its buffers stay in cache.
const maxLoopNodes = 256

// briefElements is the number of elements up to which it takes about as long to begin a loop as to do one of its operations: such loops are joined even if they
// have no data in common.
const briefElements = 1024

// grouper holds the state of the group pass.
type grouper struct {
	*lowering
	straight []int32          // by stage: the group of its scalar code, −1 for none
	lastUse  map[int32]int32  // root → the last loop that reads it
	brief    map[string]int32 // dimensions of few elements → the last loop over them
	alone    bool             // no fusion
}

// group is the pass that forms instructions.
func group(l *lowering) error {
	gr := &grouper{lowering: l, lastUse: map[int32]int32{}, brief: map[string]int32{}, alone: l.config.Unoptimized}
	if n := l.onlyScalars(); n >= manyNodes {
		l.linked = prefetch.Soon[straightNode](n)
	}
	gr.resolve()
	for i := range l.g.Len() {
		id := int32(i)
		if i+nodesAhead < len(gr.class) {
			gr.groupsAhead(id + nodesAhead)
		}
		switch gr.class[i] {
		case classScalar, classAssemble:
			gr.scalar(id)
		case classLoop:
			gr.loop(id)
		case classReduce:
			gr.reduce(id)
		case classKernel, classTuple:
			gr.kernel(id)
		case classResult:
			gr.groupOf[i] = gr.groupOf[l.g.Node(i).Input(0).ID()]
		}
	}
	gr.listScalars()
	return nil
}

// onlyScalars returns the number of nodes of scalar code if there are no other instructions, 0 otherwise.
func (l *lowering) onlyScalars() (n int) {
	for _, c := range l.class {
		switch c {
		case classScalar, classAssemble:
			n++
		case classLoop, classReduce, classKernel, classTuple, classResult:
			return 0
		}
	}
	return n
}

// listScalars lists the nodes of scalar code, which may be many, once it is known how many there are.
func (gr *grouper) listScalars() {
	isScalar := func(c class) bool { return c == classScalar || c == classAssemble }
	counts := make([]int32, len(gr.groups))
	for i, c := range gr.class {
		if isScalar(c) {
			counts[gr.groupOf[i]]++
		}
	}
	for k, n := range counts {
		if n > 0 {
			gr.groups[k].nodes = prefetch.Pages(make([]int32, 0, n))
		}
	}
	for i, c := range gr.class {
		if isScalar(c) {
			x := gr.groups[gr.groupOf[i]]
			x.nodes = append(x.nodes, int32(i))
		}
	}
}

// after returns the stage of an array instruction that reads the node's operands, and the depth behind them in that stage.
func (gr *grouper) after(id int32) (stage, depth int32) {
	for _, in := range gr.in(id) {
		if h := gr.producer(in); h != nil {
			stage = max(stage, h.stage)
		}
	}
	for _, in := range gr.in(id) {
		if h := gr.producer(in); h != nil && h.stage == stage && h.kind != classScalar {
			depth = max(depth, h.depth+1)
		}
	}
	return stage, depth
}

// producer returns the instruction that computes the node's memory, nil for inputs and constants.
func (gr *grouper) producer(id int32) *instruction {
	return gr.writer(gr.root[id])
}

// writer is producer for a root.
func (gr *grouper) writer(root int32) *instruction {
	if g := gr.groupOf[root]; g >= 0 {
		return gr.groups[g]
	}
	return nil
}

func (gr *grouper) open(x *instruction, id int32) int32 {
	k := int32(len(gr.groups))
	gr.groups = append(gr.groups, x)
	gr.join(k, id)
	return k
}

func (gr *grouper) join(k, id int32) {
	gr.groups[k].nodes = append(gr.groups[k].nodes, id)
	gr.groupOf[id] = k
}

func (gr *grouper) scalar(id int32) {
	stage := int32(0)
	for _, r := range gr.inRoots(id) {
		if h := gr.writer(r); h != nil {
			s := h.stage
			if h.kind != classScalar {
				s++
			}
			stage = max(stage, s)
		}
	}
	for int(stage) >= len(gr.straight) {
		gr.straight = append(gr.straight, -1)
	}
	k := &gr.straight[stage]
	if *k < 0 {
		*k = int32(len(gr.groups))
		gr.groups = append(gr.groups, &instruction{kind: classScalar, stage: stage, depth: -1, tail: -1})
	}
	gr.groupOf[id] = *k // see listScalars
}

func (gr *grouper) kernel(id int32) {
	stage, depth := gr.after(id)
	gr.open(&instruction{kind: classKernel, stage: stage, depth: depth, tail: -1}, id)
}

// fits reports whether the node may be computed inside loop k: same iteration space, and every operand comes from the
// loop itself or is complete before it starts.
func (gr *grouper) fits(k, id int32, dims graph.Shape, stage int32) bool {
	x := gr.groups[k]
	if !x.fusing || x.stage != stage || len(x.nodes) >= maxLoopNodes || !x.dims.Equal(dims) || x.tail >= 0 && gr.readsWindow(id) {
		return false
	}
	for _, in := range gr.in(id) {
		h := gr.producer(in)
		if h == nil || h.stage < stage || h.kind == classScalar {
			continue
		}
		if h == x {
			// Only values of the loop's own iteration are at hand: no reduction, no view of another element.
			if in == x.tail || gr.root[in] != in {
				return false
			}
		} else if h.depth >= x.depth {
			return false
		}
	}
	return true
}

func (gr *grouper) loop(id int32) {
	n := gr.g.Node(int(id))
	stage, depth := gr.after(id)
	best := int32(-1)
	consider := func(k int32) {
		if k > best && gr.fits(k, id, n.Shape(), stage) {
			best = k
		}
	}
	if !gr.alone {
		for _, in := range gr.in(id) {
			r := gr.root[in]
			if k := gr.groupOf[r]; k >= 0 && gr.groups[k].kind == classLoop {
				consider(k)
			}
			if k, ok := gr.lastUse[r]; ok {
				consider(k)
			}
		}
	}
	isBrief := !gr.alone && n.Shape().Size() <= briefElements
	dims := ""
	if isBrief {
		dims = n.Shape().String()
		if k, ok := gr.brief[dims]; ok {
			consider(k)
		}
	}
	if best >= 0 {
		gr.join(best, id)
	} else {
		best = gr.open(&instruction{kind: classLoop, stage: stage, depth: depth, dims: n.Shape(), tail: -1, fusing: true}, id)
		if isBrief {
			gr.brief[dims] = best
		}
	}
	gr.use(best, id)
}

// use remembers which loop read the operands last, so that loops over the same data can be joined.
func (gr *grouper) use(k, id int32) {
	for _, in := range gr.in(id) {
		if !gr.g.Node(int(in)).Type().IsScalar() {
			gr.lastUse[gr.root[in]] = k
		}
	}
}

// reduce puts a reduction at the tail of the loop that computes its operand, or of a loop of its own.
func (gr *grouper) reduce(id int32) {
	n := gr.g.Node(int(id))
	in := n.Input(0)
	if k := gr.groupOf[in.ID()]; k >= 0 && !gr.alone && gr.class[in.ID()] == classLoop {
		if x := gr.groups[k]; x.tail < 0 && x.dims.Equal(in.Shape()) && !slices.ContainsFunc(x.nodes, gr.readsWindow) {
			x.tail = id
			gr.join(k, id)
			return
		}
	}
	stage, depth := gr.after(id)
	k := gr.open(&instruction{kind: classLoop, stage: stage, depth: depth, dims: in.Shape(), tail: id, fusing: true}, id)
	gr.use(k, id)
}

// schedule is the pass that orders the instructions depth first from the outputs.
func schedule(l *lowering) error {
	if len(l.groups) < 2 {
		if slices.ContainsFunc(l.outputs, func(o *graph.Node) bool { return l.groupOf[l.root[o.ID()]] >= 0 }) {
			l.order = []int32{0}
		}
		return nil
	}
	preds := make([][]int32, len(l.groups))
	for k, x := range l.groups {
		var list []int32
		for _, id := range x.nodes {
			for _, r := range l.inRoots(id) {
				if h := l.groupOf[r]; h >= 0 && h != int32(k) {
					if len(list) == 0 || list[len(list)-1] != h {
						list = append(list, h)
					}
				}
			}
		}
		slices.Sort(list)
		preds[k] = slices.Compact(list)
	}
	l.readsBeforeUpdates(preds)
	l.preds = preds
	// Larger subtrees first: they need most memory while little else is alive (Sethi & Ullman 1970).
	weight := make([]int64, len(l.groups))
	byRank := make([]int32, len(l.groups))
	for k := range byRank {
		byRank[k] = int32(k)
	}
	slices.SortStableFunc(byRank, func(a, b int32) int {
		x, y := l.groups[a], l.groups[b]
		if x.stage != y.stage {
			return int(x.stage - y.stage)
		}
		return int(x.depth - y.depth)
	})
	for _, k := range byRank {
		var sum int64
		for _, id := range l.groups[k].nodes {
			if l.class[id] == classScalar {
				sum++
			} else {
				sum += int64(l.g.Node(int(id)).Shape().Size())
			}
		}
		for _, p := range preds[k] {
			sum = max(sum, weight[p]+1)
		}
		weight[k] = sum
	}
	state := make([]uint8, len(l.groups))
	var visit func(k int32)
	type frame struct {
		k    int32
		next int
	}
	visit = func(k int32) {
		stack := []frame{{k, 0}}
		state[k] = 1
		for len(stack) > 0 {
			f := &stack[len(stack)-1]
			ps := preds[f.k]
			if f.next == 0 {
				slices.SortStableFunc(ps, func(a, b int32) int {
					switch {
					case weight[a] > weight[b]:
						return -1
					case weight[a] < weight[b]:
						return 1
					}
					return int(a - b)
				})
			}
			if f.next == len(ps) {
				state[f.k] = 2
				l.order = append(l.order, f.k)
				stack = stack[:len(stack)-1]
				continue
			}
			p := ps[f.next]
			f.next++
			switch state[p] {
			case 0:
				state[p] = 1
				stack = append(stack, frame{p, 0})
			case 1:
				panic("BUG: instructions depend on one another in a cycle")
			}
		}
	}
	for _, o := range l.outputs {
		if k := l.groupOf[l.root[o.ID()]]; k >= 0 && state[k] == 0 {
			visit(k)
		}
	}
	if !l.config.Unoptimized {
		l.hasten(preds)
	}
	return nil
}

// readsBeforeUpdates lets what computes an input's new value come after all that reads the old one, so that it may overwrite it, unless some of that needs the new one. preds are the groups that each
// group comes after.
func (l *lowering) readsBeforeUpdates(preds [][]int32) {
	if l.updates == nil {
		return
	}
	users := make([][]int32, len(preds))
	readers := map[int32][]int32{} // by updated input
	for i, in := range l.g.Inputs() {
		if l.updates[i] > 0 {
			readers[int32(in.ID())] = nil
		}
	}
	for k, x := range l.groups {
		for _, h := range preds[k] {
			users[h] = append(users[h], int32(k))
		}
		for _, id := range x.nodes {
			for _, r := range l.inRoots(id) {
				if list, ok := readers[r]; ok && (len(list) == 0 || list[len(list)-1] != int32(k)) {
					readers[r] = append(list, int32(k))
				}
			}
		}
	}
	for i, in := range l.g.Inputs() {
		if l.updates[i] == 0 {
			continue
		}
		k := l.groupOf[l.root[l.outputs[l.updates[i]-1].ID()]]
		if k < 0 {
			continue
		}
		behind := map[int32]bool{k: true} // what needs the new value, or comes after it for another reason
		for queue := []int32{k}; len(queue) > 0; queue = queue[1:] {
			for _, h := range users[queue[0]] {
				if !behind[h] {
					behind[h] = true
					queue = append(queue, h)
				}
			}
		}
		for _, h := range readers[int32(in.ID())] {
			if !behind[h] && !slices.Contains(preds[k], h) {
				preds[k] = append(preds[k], h)
				users[h] = append(users[h], k)
			}
		}
	}
}

// microInstr returns the micro-instruction of an elementwise node, without operands.
func (l *lowering) microInstr(id int32) micro.Instr {
	c := micro.Instr{Op: l.op[id], Type: l.dtype[id]}
	switch {
	case c.Op == micro.Cast:
		c.Type, c.To = l.dtype[l.in(id)[0]], c.Type
	case c.Op.Info().Bool:
		c.Type = l.dtype[l.in(id)[0]]
	}
	return c
}
