package compile

import (
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/internal/shape"
	"github.com/adjoint-go/adjoint/vm"
)

// piece is where a value lies in an array that it is a part of.
type piece struct {
	whole  int32 // the root of the array
	offset int64 // in bytes
}

// findPieces is the pass that finds the arrays which are put together from values that lie one after the other, as concats along the first axis and index_transposes do, and the values that need not be copied to
// them: those are computed where they lie in the array.
func findPieces(l *lowering) error {
	if l.config.Unoptimized {
		return nil
	}
	output := map[int32]bool{}
	for _, o := range l.outputs {
		output[l.root[o.ID()]] = true
	}
	updated := map[int32]bool{} // takes over an input's memory
	for _, k := range l.updates {
		if k > 0 {
			updated[l.root[l.outputs[k-1].ID()]] = true
		}
	}
	l.pieces, l.wholes = map[int32]piece{}, map[int32][]int{}
	for _, k := range l.order {
		id := l.groups[k].nodes[0]
		if l.groups[k].kind != classKernel || updated[id] {
			continue
		}
		places := placesOf(l.g.Node(int(id)))
		found := map[int32]piece{}
		var bytes int64
		for i, at := range places {
			in := l.in(id)[i]
			r := l.root[in]
			_, taken := l.pieces[r]
			_, twice := found[r]
			if whole := l.bytes(r) == l.bytes(in); whole && !taken && !twice && !output[r] && l.ownsMemory(r) {
				found[r] = l.pieceAt(id, at)
				bytes += l.bytes(r)
			}
		}
		if left := len(places) - len(found) + len(l.gaps(id, places)); left < len(found) && 2*bytes >= l.bytes(id) {
			l.wholes[id] = places
			for r, p := range found {
				l.pieces[r] = p
			}
			l.fired["pieces"] += len(found)
		}
	}
	return nil
}

// ownsMemory reports whether a root is an array that a loop or kernel computes, and that no instruction is bound to keep elsewhere.
func (l *lowering) ownsMemory(r int32) bool {
	k := l.groupOf[r]
	if k < 0 || l.dtype[r] == graph.Bool || l.g.Node(int(r)).Type().IsScalar() {
		return false
	}
	switch l.class[r] {
	case classLoop, classReduce:
		return true
	case classKernel:
		return !l.groups[k].joined && l.calls[r] == nil
	}
	return false
}

// placesOf returns the element at which each operand begins in what a node makes of them, if these lie there as they are, one behind the other; else nil.
func placesOf(n *graph.Node) (places []int) {
	if n.DType() == graph.Bool {
		return nil
	}
	switch n.Op().Name {
	case "concat":
		if axis := n.Attrs().Int("axis"); n.Shape()[:axis].Size() != 1 {
			return nil
		}
		at := 0
		for _, x := range n.Inputs() {
			places = append(places, at)
			at += x.Shape().Size()
		}
	case "index_transpose":
		size := n.Input(0).Shape().Size()
		m := n.Shape().Rank() - n.Input(0).Shape().Rank()
		indices := n.Attrs().Ints("indices")
		for k := range n.Inputs() {
			places = append(places, size*shape.Index(indices[k*m:(k+1)*m], n.Shape()[:m]))
		}
	}
	return places
}

// gap is a run of elements of an array that no piece is.
type gap struct{ first, end int }

// gaps returns the gaps between pieces.
func (l *lowering) gaps(id int32, places []int) (gaps []gap) {
	n := l.g.Node(int(id))
	sizes := map[int]int{}
	for i, at := range places {
		sizes[at] = n.Input(i).Shape().Size()
	}
	for at := 0; places != nil && at < n.Shape().Size(); {
		if size := sizes[at]; size > 0 {
			at += size
			continue
		}
		first := at
		for at < n.Shape().Size() && sizes[at] == 0 {
			at += n.Input(0).Shape().Size()
		}
		gaps = append(gaps, gap{first, at})
	}
	return gaps
}

// outermost returns where a root lies in the array that is no piece of another one.
func (l *lowering) outermost(root int32) (whole int32, offset int64) {
	for {
		p, ok := l.pieces[root]
		if !ok {
			return root, offset
		}
		root, offset = p.whole, offset+p.offset
	}
}

// left returns the pieces of an array that do not lie in it already, and its gaps.
func (l *lowering) left(id int32) (copied []int, gaps []gap) {
	places := l.wholes[id]
	for i, r := range l.inRoots(id) {
		if p, ok := l.pieces[r]; !ok || p != l.pieceAt(id, places[i]) {
			copied = append(copied, i)
		}
	}
	return copied, l.gaps(id, places)
}

func (l *lowering) pieceAt(id int32, element int) piece {
	return piece{id, int64(element) * int64(l.dtype[id].Size())}
}

// instructions is the number of instructions that a group becomes.
func (l *lowering) instructions(k int32) int {
	if id := l.groups[k].nodes[0]; l.wholes[id] != nil {
		copied, gaps := l.left(id)
		return len(copied) + len(gaps)
	}
	return 1
}

// rest emits what is left to do for an array of which most pieces lie in it: the others are copied, and what is no piece is 0.
func (e *emitter) rest(id int32) (instrs []vm.Instr) {
	n := e.g.Node(int(id))
	places := e.wholes[id]
	part := func(first, size int) []vm.Operand {
		out := e.operand(n)
		out.Shape, out.Offset = []int{size}, out.Offset+e.pieceAt(id, first).offset
		return []vm.Operand{out}
	}
	copied, gaps := e.left(id)
	for _, i := range copied {
		in := vm.Instr{Op: vm.OpKernel, Kernel: "copy", In: []vm.Operand{e.operand(n.Input(i))}, Out: part(places[i], n.Input(i).Shape().Size())}
		if e.debug {
			in.Nodes = []int32{e.addLabel(id)}
		}
		instrs = append(instrs, in)
	}
	for _, g := range gaps {
		t := n.DType()
		in := vm.Instr{Op: vm.OpLoop, Out: part(g.first, g.end-g.first), Loop: &micro.Loop{
			Dims: []int{g.end - g.first}, Consts: []micro.Const{{Type: t}}, Temps: 1, Code: []micro.Instr{{Op: micro.Mov, Type: t, Dst: 1}},
			Out: []micro.Access{{Type: t, Strides: []int{1}}}, OutRegs: []uint32{1},
		}}
		if e.debug {
			in.Nodes = []int32{e.addLabel(id), -1}
		}
		instrs = append(instrs, in)
	}
	return instrs
}
