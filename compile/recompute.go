package compile

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/adjoint-go/adjoint/internal/kernel"
	"github.com/adjoint-go/adjoint/vm"
)

// mostAttempts bounds how often a program is compiled anew, for a smaller arena, until it keeps within the memory limit.
const mostAttempts = 6

// withinMemory compiles, with bounds for the arena that become smaller, until the program keeps within the memory limit. It returns the bound.
func (c Config) withinMemory(passes func(arena int64) (*vm.Program, error)) (p *vm.Program, arena int64, err error) {
	least := int64(math.MaxInt64)
	for range mostAttempts {
		if p, err = passes(arena); err != nil {
			return nil, 0, err
		}
		needs := p.MemoryBytes(vm.WithThreads(1), vm.WithoutNative())
		if needs <= c.MemoryLimit {
			return p, arena, nil
		}
		if arena > 0 && p.ArenaBytes() > arena && needs >= least {
			break // nothing is gained any more
		}
		least = min(least, needs)
		if arena == 0 {
			arena = p.ArenaBytes()
		}
		last := arena
		if arena = max(1, arena-(needs-c.MemoryLimit)); arena == last || c.Unoptimized || slices.Contains(c.Disable, "recompute") {
			break
		}
	}
	return nil, 0, fmt.Errorf("compile: %w: the program needs %d bytes of %d", vm.ErrMemoryLimit, least, c.MemoryLimit)
}

// recompute is the pass that keeps the arena within a bound: of the values that are alive where most memory is in use and not read there, it computes one after the other once more, right before the next instruction that reads
// it, and so everything on the way to it that is no longer there. Values go by the bytes and instructions for which they would be kept, over the time that it takes to compute them: the rule by which dynamic tensor rematerialization evicts
// (Kirisame et al. 2021), applied to what is known before the run. What does not lower the memory above the bound is left.
//
// The same instructions run again on the same operands, so no bit changes; where FastMath lets loops take subnormal numbers as 0, loops are repeated as a whole, since that follows from all of their operations.
func recompute(l *lowering) error {
	if l.arena == 0 {
		return nil
	}
	r := &recomputer{lowering: l, target: l.arena, original: len(l.order)}
	for {
		m := newMemoryPlanner(l)
		live := r.live(m)
		if peak := slices.Max(live); peak <= r.target {
			m.finish()
			if over := l.plan.arena + r.added() - l.arena; over > 0 && peak > over {
				r.target = peak - over // gaps between buffers
				continue
			}
			return nil
		}
		if !r.step(m, live) {
			return nil
		}
		l.fired["recompute"]++
	}
}

// instructionBytes is about what a machine takes for an instruction, beside the arena.
const instructionBytes = 16 << 10

// added is what a machine takes for the instructions that are there now and were not at first.
func (r *recomputer) added() int64 { return instructionBytes * int64(len(r.order)-r.original) }

// live returns the bytes in use at each instruction: those in front of the buffers are among them, and what is added.
func (r *recomputer) live(m *memoryPlanner) []int64 {
	change := make([]int64, len(m.order)+1)
	for _, b := range m.buffers.list {
		change[b.first] += b.size
		if b.last != never {
			change[b.last+1] -= b.size
		}
	}
	live, sum := make([]int64, max(1, len(m.order))), m.base+r.added()
	live[0] = sum
	for pos := range m.order {
		sum += change[pos]
		live[pos] = sum
	}
	return live
}

type recomputer struct {
	*lowering
	target   int64
	original int // the number of instructions that there were at first

	reads  [][]int32 // by root: the positions of the instructions that read it
	births [][]int32 // by root: the positions of those that compute it
	output []bool    // by root
}

// candidate is a value that may be computed once more.
type candidate struct {
	root  int32
	at    int32 // the position before which that happens
	chain []*instruction
	score float64
}

// step computes one value once more such that less memory is in use where most is, and reports whether it found one.
func (r *recomputer) step(m *memoryPlanner, live []int64) bool {
	peak := int32(0)
	for pos, n := range live {
		if n > live[peak] {
			peak = int32(pos)
		}
	}
	r.readings()
	var list []candidate
	for root := range int32(len(r.reads)) {
		list = r.candidates(list, m, root, peak)
	}
	slices.SortStableFunc(list, func(a, b candidate) int { return cmp.Compare(b.score, a.score) })
	level := max(r.target, live[peak]-live[peak]/16)
	order, groups, over := r.order, len(r.groups), above(level, live)
	for _, c := range list {
		r.groups = r.groups[:groups]
		r.order = slices.Clone(order[:c.at])
		for _, x := range c.chain {
			r.order = append(r.order, int32(len(r.groups)))
			r.groups = append(r.groups, x)
		}
		r.order = append(r.order, order[c.at:]...)
		r.prune()
		if above(level, r.live(newMemoryPlanner(r.lowering))) < over {
			return true
		}
	}
	r.order, r.groups = order, r.groups[:groups]
	return false
}

// above is the memory above a level, summed over the instructions.
func above(level int64, live []int64) (sum float64) {
	for _, n := range live {
		sum += float64(max(0, n-level))
	}
	return sum
}

// readings fills reads, births and output.
func (r *recomputer) readings() {
	r.reads, r.births, r.output = make([][]int32, r.g.Len()), make([][]int32, r.g.Len()), make([]bool, r.g.Len())
	for pos, k := range r.order {
		x := r.groups[k]
		for _, id := range x.nodes {
			for _, root := range r.inRoots(id) {
				if list := r.reads[root]; !r.within(k, root) && (len(list) == 0 || list[len(list)-1] != int32(pos)) {
					r.reads[root] = append(list, int32(pos))
				}
			}
		}
		for _, id := range r.stores(x) {
			r.births[id] = append(r.births[id], int32(pos))
			for _, result := range r.plan.tuples[id] {
				if result >= 0 {
					r.births[result] = append(r.births[result], int32(pos))
				}
			}
		}
	}
	for _, o := range r.outputs {
		r.output[r.root[o.ID()]] = true
	}
}

// stores returns the nodes whose values an instruction may store.
func (r *recomputer) stores(x *instruction) []int32 {
	if x.again != nil {
		return x.again
	}
	return x.nodes
}

// candidates appends what is gained by computing a root once more behind the peak, if it may be: with operands that are no longer there computed once more too, and with operands that are kept for it.
func (r *recomputer) candidates(list []candidate, m *memoryPlanner, root, peak int32) []candidate {
	reads, births := r.reads[root], r.births[root]
	if len(births) == 0 || r.output[root] || !r.repeats(root) {
		return list
	}
	i, read := slices.BinarySearch(reads, peak)
	j, born := slices.BinarySearch(births, peak)
	if read || born || i == len(reads) || j == 0 || j < len(births) && births[j] < reads[i] {
		return list
	}
	since := births[j-1]
	if i > 0 {
		since = max(since, reads[i-1])
	}
	for _, extend := range []bool{false, true} {
		c := &repetition{r: r, at: reads[i], extend: extend, wanted: map[int32][]int32{}}
		if !c.want(root, 0) || extend && c.kept == nil {
			continue
		}
		gained := m.bytes(root)
		for _, o := range c.kept {
			gained -= m.bytes(o)
		}
		if gained > 0 {
			chain, nanoseconds := c.instructions()
			list = append(list, candidate{root, c.at, chain, float64(gained) * float64(c.at-since) / nanoseconds})
		}
	}
	return list
}

// repeats reports whether a root's instruction can run again.
func (r *recomputer) repeats(root int32) bool {
	k := r.groupOf[root]
	if _, piece := r.pieces[root]; piece || r.wholes[root] != nil || k < 0 || r.root[root] != root || r.g.Node(int(root)).Type().IsScalar() {
		return false
	}
	switch x := r.groups[k]; r.class[root] {
	case classLoop, classReduce:
		return !r.config.FastMath || x.tail < 0
	case classKernel:
		n := r.g.Node(int(root))
		return r.calls[root] == nil && kernel.Lookup(n.Op().Kernel) != nil
	}
	return false
}

// there reports whether a value that lies in memory is read at a position or later, without being computed anew before.
func (r *recomputer) there(root, at int32) bool {
	if len(r.births[root]) == 0 || r.output[root] { // of inputs and constants
		return r.groupOf[root] < 0 || r.output[root] && r.births[root][0] < at
	}
	i, _ := slices.BinarySearch(r.reads[root], at)
	j, _ := slices.BinarySearch(r.births[root], at)
	return j > 0 && i < len(r.reads[root]) && (j == len(r.births[root]) || r.reads[root][i] <= r.births[root][j])
}

// mostChained bounds the instructions that run again for one value.
const mostChained = 64

// repetition finds the instructions that compute a value once more.
type repetition struct {
	r      *recomputer
	at     int32
	extend bool              // operands that are no longer there are kept, rather than computed once more too
	wanted map[int32][]int32 // by instruction: the nodes that it is to compute
	kept   []int32           // operands that are not there without being kept
}

// want adds what computes a root; false if that is not possible.
func (c *repetition) want(root int32, depth int) bool {
	k := c.r.groupOf[root]
	if slices.Contains(c.wanted[k], root) {
		return true
	}
	if depth > mostChained || len(c.wanted) > mostChained {
		return false
	}
	c.wanted[k] = append(c.wanted[k], root)
	for _, o := range c.operands(k) {
		switch {
		case c.r.there(o, c.at) || slices.Contains(c.wanted[c.r.groupOf[o]], o):
		case c.r.isCell(o): // has its memory throughout
		case !c.extend && c.r.repeats(o):
			if !c.want(o, depth+1) {
				return false
			}
		case !slices.Contains(c.kept, o):
			c.kept = append(c.kept, o)
		}
	}
	return true
}

// nodes returns the nodes of instruction k on the way to those that are wanted, in their order: the others are left out, and so is what is in memory, or is the product that a loop was joined with where operands are kept.
func (c *repetition) nodes(k int32) []int32 {
	x := c.r.groups[k]
	if c.r.config.FastMath {
		return x.nodes
	}
	need := map[int32]bool{}
	for _, id := range c.wanted[k] {
		need[id] = true
	}
	var out []int32
	for i := len(x.nodes) - 1; i >= 0; i-- {
		id := x.nodes[i]
		if !need[id] {
			continue
		}
		out = append(out, id)
		for _, root := range c.r.inRoots(id) {
			if c.r.groupOf[root] == k && !c.stored(root) {
				need[root] = true
			}
		}
	}
	slices.Reverse(out)
	return out
}

// stored reports whether a node of an instruction need not be computed by it again, as it lies in memory.
func (c *repetition) stored(root int32) bool {
	return c.r.there(root, c.at) || c.extend && c.r.class[root] == classKernel && len(c.r.reads[root]) > 0
}

// operands returns the roots that instruction k reads on the way to the nodes that are wanted.
func (c *repetition) operands(k int32) (roots []int32) {
	nodes := c.nodes(k)
	for _, id := range nodes {
		for _, root := range c.r.inRoots(id) {
			if !slices.Contains(nodes, root) && !slices.Contains(roots, root) {
				roots = append(roots, root)
			}
		}
	}
	return roots
}

// instructions returns the instructions in the order in which they ran first, and about how long they take.
func (c *repetition) instructions() (list []*instruction, nanoseconds float64) {
	var numbers []int32
	for k := range c.wanted {
		numbers = append(numbers, k)
	}
	slices.SortFunc(numbers, func(a, b int32) int { return cmp.Or(c.r.groups[a].compare(c.r.groups[b]), cmp.Compare(a, b)) }) // each behind those that it depends on
	for _, k := range numbers {
		x, nodes := c.r.groups[k], c.nodes(k)
		y := &instruction{kind: x.kind, nodes: nodes, stage: x.stage, depth: x.depth, dims: x.dims, tail: -1, again: slices.Clone(c.wanted[k])}
		if slices.Contains(nodes, x.tail) {
			y.tail = x.tail
		}
		if x.joined && nodes[0] == x.nodes[0] {
			if y.joined = len(nodes) > 1; !y.joined {
				y.kind = classKernel
			} else if !slices.Contains(y.again, nodes[0]) {
				y.again = append(y.again, nodes[0])
			}
		}
		list = append(list, y)
		nanoseconds += instructionTime + c.r.time(y)
	}
	return list, nanoseconds
}

// instructionTime is about what an instruction takes beside its operations, operationTime what an operation of a kernel takes, both in nanoseconds.
const (
	instructionTime = 100
	operationTime   = 0.05
)

// time is about how long an instruction takes, in nanoseconds.
func (r *recomputer) time(x *instruction) (nanoseconds float64) {
	for _, id := range x.nodes {
		n := r.g.Node(int(id))
		switch r.class[id] {
		case classKernel:
			in := make([]kernel.Type, len(n.Inputs()))
			for i, o := range n.Inputs() {
				in[i] = vmType(o)
			}
			nanoseconds += operationTime * kernel.Lookup(n.Op().Kernel).Operations(in, []kernel.Type{vmType(n)}, n.Attrs())
		case classReduce:
			nanoseconds += operationTime * float64(n.Input(0).Shape().Size())
		default:
			nanoseconds += r.op[id].Info().Cost * float64(x.dims.Size())
		}
	}
	return nanoseconds
}

// prune takes out of the order loops and kernels of whose values nobody reads any.
func (r *recomputer) prune() {
	need := make([]bool, r.g.Len())
	for _, o := range r.outputs {
		need[r.root[o.ID()]] = true
	}
	kept := len(r.order)
	for pos := len(r.order) - 1; pos >= 0; pos-- {
		k := r.order[pos]
		x := r.groups[k]
		stores := r.stores(x)
		wanted := x.kind == classScalar || r.class[x.nodes[0]] == classTuple || slices.ContainsFunc(stores, func(id int32) bool { return need[id] })
		if !wanted {
			continue
		}
		for _, id := range stores {
			need[id] = false
		}
		for _, id := range x.nodes {
			for _, root := range r.inRoots(id) {
				if !r.within(k, root) {
					need[root] = true
				}
			}
		}
		kept--
		r.order[kept] = k
	}
	r.order = slices.Delete(r.order, 0, kept)
}
