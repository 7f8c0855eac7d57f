package compile

import (
	"cmp"
	"slices"

	"github.com/adjoint-go/adjoint/internal/kernel"
)

// joinEpilogues is the pass that joins a kernel whose result an elementwise loop reads in its order, and that can hand out its result in parts, with the loop: bias,
// activation, C + A·B and the like then find the product in the cache.
//
// Instructions are ordered by stage and depth, and each depends only on lower ones. A joined one takes the loop's place in this order. It needs nothing that is not below,
// and whatever else reads the kernel's result must be above: so no cycle arises.
func joinEpilogues(l *lowering) error {
	j := &joiner{lowering: l, readers: map[int32][]int32{}, stored: make([]bool, l.g.Len())}
	var kernels []int32 // groups
	for k, x := range l.groups {
		if x.kind == classKernel && l.finishes(x) {
			kernels = append(kernels, int32(k))
			j.readers[x.nodes[0]] = nil
		}
	}
	if len(kernels) == 0 {
		return nil
	}
	for _, o := range l.outputs {
		j.stored[l.root[o.ID()]] = true
	}
	for k, x := range l.groups {
		for _, id := range x.nodes {
			for _, r := range l.inRoots(id) {
				j.stored[r] = j.stored[r] || l.groupOf[r] != int32(k)
				if list, ok := j.readers[r]; ok && (len(list) == 0 || list[len(list)-1] != int32(k)) {
					j.readers[r] = append(list, int32(k))
				}
			}
		}
	}
	// Of several products that a loop reads it waits for the last.
	slices.SortStableFunc(kernels, func(a, b int32) int { return l.groups[b].compare(l.groups[a]) })
	for _, k := range kernels {
		if of := j.loopOf(l.groups[k].nodes[0]); of >= 0 {
			j.join(k, of)
			l.fired["epilogue"]++
		}
	}
	return nil
}

type joiner struct {
	*lowering
	readers map[int32][]int32 // by kernel's node: the instructions that read its result
	stored  []bool            // by root: another instruction reads it, or it is an output
}

// compare orders by stage and depth.
func (x *instruction) compare(y *instruction) int {
	return cmp.Or(cmp.Compare(x.stage, y.stage), cmp.Compare(x.depth, y.depth))
}

// finishes reports whether the instruction's kernel can have an epilogue.
func (l *lowering) finishes(x *instruction) bool {
	n := l.g.Node(int(x.nodes[0]))
	k := kernel.Lookup(n.Op().Kernel)
	if l.class[x.nodes[0]] != classKernel || k == nil || k.Finishes == nil {
		return false
	}
	in := make([]kernel.Type, len(n.Inputs()))
	for i, o := range n.Inputs() {
		in[i] = vmType(o)
	}
	return k.Finishes(in, []kernel.Type{vmType(n)}, n.Attrs())
}

// loopOf returns the loop that a kernel's result is for, −1 for none.
func (j *joiner) loopOf(id int32) int32 {
	first := int32(-1)
	for _, k := range j.readers[id] {
		if first < 0 || j.groups[k].compare(j.groups[first]) < 0 {
			first = k
		}
	}
	if first < 0 {
		return -1
	}
	x := j.groups[first]
	if x.kind != classLoop || x.joined || x.tail >= 0 && !j.splits(first) {
		return -1
	}
	for _, k := range j.readers[id] {
		if k != first && j.groups[k].compare(x) == 0 {
			return -1
		}
	}
	reads := false
	for _, node := range x.nodes {
		if node == x.tail {
			continue
		}
		if j.microInstr(node).Traps() {
			return -1
		}
		for _, in := range j.in(node) {
			if j.class[in] == classWindow {
				return -1
			}
			if j.root[in] != id {
				continue
			}
			whole := j.g.Node(int(in)).Shape().Size() == j.g.Node(int(id)).Shape().Size()
			if reads = true; !whole || j.offset[in] != 0 || !j.g.Node(int(in)).Shape().Equal(x.dims) {
				return -1
			}
		}
	}
	if !reads {
		return -1
	}
	return first
}

// splits reports whether the reduction at the tail of a loop may be a loop of its own without more values in memory.
func (j *joiner) splits(k int32) bool {
	x := j.groups[k]
	root := j.root[j.in(x.tail)[0]]
	if j.groupOf[root] != k {
		return len(x.nodes) > 1
	}
	return j.stored[root]
}

// join makes one instruction of a kernel and a loop.
func (j *joiner) join(of, loop int32) {
	x := j.groups[loop]
	if x.tail >= 0 {
		tail := &instruction{kind: classLoop, nodes: []int32{x.tail}, stage: x.stage, depth: x.depth, dims: x.dims, tail: x.tail}
		j.groupOf[x.tail] = int32(len(j.groups))
		j.groups = append(j.groups, tail)
		x.nodes = slices.DeleteFunc(x.nodes, func(id int32) bool { return id == x.tail })
		x.tail = -1
	}
	product := j.groups[of].nodes[0]
	x.nodes = slices.Insert(x.nodes, 0, product)
	x.joined = true
	j.groupOf[product] = loop
	j.groups[of].nodes = nil
}

// readOf returns the operand by which some nodes first read a root.
func (l *lowering) readOf(root int32, nodes []int32) int32 {
	for _, id := range nodes {
		for _, in := range l.in(id) {
			if l.root[in] == root {
				return in
			}
		}
	}
	panic("BUG: a loop does not read the product that it was joined with")
}
