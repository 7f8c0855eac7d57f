package compile

import (
	"cmp"
	"slices"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/internal/prefetch"
)

// class says how a node is run.
type class uint8

const (
	classNone     class = iota // not needed
	classInput                 // lies in an input's memory
	classConst                 // lies in the constants
	classView                  // a part of its operand's memory
	classWindow                // a part of an array, with zeros around it, that loops read where it lies
	classScalar                // a micro-instruction of a Straight
	classAssemble              // scalar pieces that scalar code stores into one array
	classLoop                  // micro-instructions of a Loop
	classReduce                // a reduction over trailing axes, at the tail of a Loop
	classKernel                // a call of a whole-tensor kernel
	classTuple                 // a kernel call with several results, each of which is a node of class classResult
	classResult
)

// lowering is the state that the passes behind the graph rewrites work on: what they find out, by node ID. The graph and the outputs do not change any more.
type lowering struct {
	*unit
	class    []class
	root     []int32 // for views: the node whose memory it lies in; else the node itself
	offset   []int64 // for views: byte offset into the root's memory
	op       []micro.Op
	dtype    []graph.DType
	operands []int32 // the IDs of all operands, so that passes over large graphs need not follow pointers to nodes
	first    []int32 // by node: where its operands begin; one more for the end
	roots    []int32 // the roots of all operands, beside them: see resolve

	woven []int32 // by sum: when scalar code that goes on with several chains comes to it, 0 where it does not; nil for none. See weave

	groups  []*instruction
	groupOf []int32         // the instruction that computes the node, −1 for none
	order   []int32         // groups in order of execution
	preds   [][]int32       // by group: those that it comes after
	sets    map[int32]int32 // of groups that may run at once, the set's number

	windows map[int32]*window // of nodes of classWindow

	pieces map[int32]piece // of roots that are computed where they lie in another array
	wholes map[int32][]int // the arrays that they lie in: where each operand begins

	zeros map[graph.DType]int32 // the constants 0 that scalar code stores into arrays which it fills in part

	steps map[int32][]int32 // by loop: the nodes that read a value of its body at each step
	calls map[int32]*call   // by node with bodies

	linked func() []straightNode // memory for the scheduler of scalar code that is a whole graph; nil for none, or where it was taken

	place []place // of roots
	plan  memoryPlan
	temps tempRegion
}

// in returns the IDs of the node's operands.
func (l *lowering) in(id int32) []int32 { return l.operands[l.first[id]:l.first[id+1]] }

// inRoots returns the roots of the node's operands.
func (l *lowering) inRoots(id int32) []int32 { return l.roots[l.first[id]:l.first[id+1]] }

// resolve fills roots once the operands are final.
func (l *lowering) resolve() {
	l.roots = prefetch.Pages(make([]int32, len(l.operands)))
	for k, in := range l.operands {
		if ahead := k + 2*nodesAhead; ahead < len(l.operands) {
			prefetch.At(l.root, l.operands[ahead])
		}
		l.roots[k] = l.root[in]
	}
}

// nodesAhead is the number of nodes by which passes ask for what they look up of operands.
const nodesAhead = 16

// groupsAhead asks for the instructions of the roots of a node's operands.
func (l *lowering) groupsAhead(id int32) {
	for _, r := range l.inRoots(id) {
		prefetch.At(l.groupOf, r)
	}
}

// viewOf reports whether the node's value is a contiguous part of its operand's memory, and the operand's element at which it begins.
func viewOf(n *graph.Node) (first int, ok bool) {
	view := n.Op().View
	if view == nil {
		return 0, false
	}
	if first, ok = view(n); ok && n.DType() == graph.Bool && n.Shape().Size() != n.Input(0).Shape().Size() {
		return 0, false // scalar code addresses cells of 4 bytes, so single bools are copied
	}
	return first, ok
}

// classify is the pass that begins the lowering and fills what is by node: class, root, offset, op, dtype and operands.
func classify(u *unit) (*lowering, error) {
	zeros := map[graph.DType]int32{}
	if u.g.Has(func(op *graph.Op) bool { return op.Places != nil }) {
		for i := range u.g.Len() {
			if node := u.g.Node(i); node.Op().Places != nil && leavesZeros(node) {
				zeros[node.DType()] = int32(graph.Like(node, 0).ID())
			}
		}
	}
	n := u.g.Len()
	l := &lowering{
		unit: u, zeros: zeros, class: make([]class, n), root: prefetch.Pages(make([]int32, n)), offset: prefetch.Pages(make([]int64, n)), op: make([]micro.Op, n), groupOf: prefetch.Pages(make([]int32, n)),
		dtype: make([]graph.DType, n), operands: prefetch.Pages(make([]int32, 0, 2*n)), first: prefetch.Pages(make([]int32, n+1)),
	}
	var need []bool
	needed := alongside(n, func() { need = u.g.Needed(u.outputs...) })
	for i := range n {
		node := u.g.Node(i)
		for k := range node.Inputs() {
			l.operands = append(l.operands, int32(node.InputID(k)))
		}
		l.first[i+1] = int32(len(l.operands))
	}
	needed()
	operations := &operations{}
	for i := range n {
		node := u.g.Node(i)
		l.root[i], l.groupOf[i], l.dtype[i] = int32(i), -1, node.DType()
		switch {
		case node.IsInput():
			l.class[i] = classInput
		case !need[i]:
		case node.IsConst():
			l.class[i] = classConst
		default:
			if first, ok := viewOf(node); ok {
				l.class[i] = classView
				in := l.in(int32(i))[0]
				l.root[i] = l.root[in]
				l.offset[i] = l.offset[in] + int64(first)*int64(node.DType().Size())
			} else {
				l.class[i], l.op[i] = classOf(node, operations)
				if of, k, ok := graph.ResultOf(node); ok && k >= len(of.Results()) {
					if l.steps == nil {
						l.steps = map[int32][]int32{}
					}
					l.steps[int32(of.ID())] = append(l.steps[int32(of.ID())], int32(i))
				}
			}
		}
	}
	for _, list := range l.steps { // values at each step before snapshots
		slices.SortStableFunc(list, func(a, b int32) int {
			return cmp.Compare(rankOfStep(u.g.Node(int(a))), rankOfStep(u.g.Node(int(b))))
		})
	}
	return l, nil
}

// rankOfStep orders what a loop stores: values at each step, then snapshots by carry.
func rankOfStep(n *graph.Node) int {
	if n.Op() == opSnapshots {
		return 1 + n.Attrs().Int("carry")
	}
	return 0
}

// operations finds the micro-operations of operators, of which a graph has few.
type operations struct {
	of  []*graph.Op
	are []micro.Op
}

func (o *operations) find(op *graph.Op) micro.Op {
	k := slices.Index(o.of, op)
	if k < 0 {
		m := micro.ByName(op.Micro)
		if m == micro.Invalid {
			panic("BUG: operator " + op.Name + " names the unknown micro-operation " + op.Micro)
		}
		k = len(o.of)
		o.of, o.are = append(o.of, op), append(o.are, m)
	}
	return o.are[k]
}

func classOf(n *graph.Node, operations *operations) (class, micro.Op) {
	op := n.Op()
	_, _, result := graph.ResultOf(n)
	switch {
	case result:
		return classResult, 0
	case n.Results() != nil:
		return classTuple, 0
	case op.Micro != "":
		m := operations.find(op)
		if n.Type().IsScalar() {
			return classScalar, m
		}
		return classLoop, m
	case op.Broadcasts:
		return classLoop, micro.Mov
	case op.Places != nil && assembles(n):
		return classAssemble, micro.Mov
	case reduceKind(n) != micro.NoReduce && trailing(n):
		return classReduce, 0
	}
	return classKernel, 0
}

// assembles reports whether scalar pieces fill enough of an array to store them one by one.
func assembles(n *graph.Node) bool {
	return n.Input(0).Type().IsScalar() && n.DType() != graph.Bool && 2*len(n.Inputs()) >= n.Shape().Size()
}

// leavesZeros reports whether an array has elements that no piece is.
func leavesZeros(n *graph.Node) bool { return len(n.Inputs()) < n.Shape().Size() }

// places returns the function that gives the element which a piece of an array is.
func (l *lowering) places(id int32) func(piece int) (element int) {
	n := l.g.Node(int(id))
	return n.Op().Places(n)
}

func reduceKind(n *graph.Node) micro.ReduceKind {
	if n.DType() == graph.Bool || n.Op().Reduction == "" {
		return micro.NoReduce
	}
	return micro.ReduceBy(micro.ByName(n.Op().Reduction))
}

// trailing reports whether a reduction is over the innermost dimensions and over at least one.
func trailing(n *graph.Node) bool {
	axes, rank := n.Attrs().Ints("axes"), n.Input(0).Shape().Rank()
	if len(axes) == 0 {
		return false
	}
	for i, a := range axes {
		if a != rank-len(axes)+i {
			return false
		}
	}
	return true
}

// slots returns the types of the values of a node with several, in the order of its instruction's results: its results, behind them for a loop those at each step and the snapshots of all
// carries, if some are read, and for a reverse sweep the snapshots, which it overwrites.
func (l *lowering) slots(tuple int32) []graph.Type {
	n := l.g.Node(int(tuple))
	types := slices.Clone(n.Results())
	for _, id := range l.steps[tuple] {
		step := l.g.Node(int(id))
		if step.Op() == opSnapshots {
			of := loopOf(n)
			for _, part := range of.slotTypes(step.Attrs().Ints("recorded")) {
				types = append(types, graph.Type{DType: part.DType, Shape: slices.Concat(step.Shape()[:1], part.Shape)})
			}
			break
		}
		types = append(types, step.Type())
	}
	for _, s := range snapshotsOf(n) {
		types = append(types, s.Type())
	}
	return types
}

// snapshotsOf returns the operands of a reverse_sweep that it overwrites, nil of other nodes.
func snapshotsOf(n *graph.Node) []*graph.Node {
	if n.Op() != opReverseSweep {
		return nil
	}
	a := n.Attrs()
	first, end := a.Int("forward")+a.Int("elements"), len(n.Inputs())-a.Int("captured")-a.Int("carries")
	if a.Bool("counted") {
		first++
	}
	for _, from := range a.Ints("sources") {
		if from < 0 {
			end--
		}
	}
	return n.Inputs()[first:end]
}

// slot returns the node with several values of which id is one, and which of its slots.
func (l *lowering) slot(id int32) (tuple int32, k int) {
	of, k, _ := graph.ResultOf(l.g.Node(int(id)))
	tuple = int32(of.ID())
	if n := len(of.Results()); k >= n {
		k = n + slices.IndexFunc(l.steps[tuple], func(s int32) bool { return s == id || l.g.Node(int(s)).Op() == opSnapshots })
		if m := l.g.Node(int(id)); m.Op() == opSnapshots {
			k += m.Attrs().Int("carry")
		}
	}
	return tuple, k
}
