package compile

import (
	"cmp"
	"slices"
)

// hastenedBytes is the least memory that an instruction must give back to be moved.
const hastenedBytes = 4096

// hasten moves instructions forward that give back at least as much memory as they take, to where their operands are there, if less memory is then in use where most is. Depth first from the outputs, the gradient by the first layer's weights
// comes first, which needs the adjoints of all layers, and those by the others wait behind it; so what all layers computed, and its adjoints, would live to the end of the sweep. preds are the instructions that each one comes after.
func (l *lowering) hasten(preds [][]int32) {
	h := newHastener(l)
	if h.total < 2*hastenedBytes {
		return
	}
	users, left := make([][]int32, len(preds)), make([]int, len(preds))
	for _, k := range l.order {
		left[k] = len(preds[k])
		for _, p := range preds[k] {
			users[p] = append(users[p], k)
		}
	}
	unread := make([]int, len(h.bytes)) // by root: the readers to come
	for _, k := range l.order {
		for _, r := range h.reads[k] {
			unread[r]++
		}
	}
	done := make([]bool, len(preds))
	order := make([]int32, 0, len(l.order))
	// gain is the memory that an instruction gives back less what it takes, −1 for one that is not to be moved.
	gain := func(k int32) int64 {
		freed := int64(0)
		for _, r := range h.reads[k] {
			if unread[r] == 1 && !h.kept[r] {
				freed += h.bytes[r]
			}
		}
		if done[k] || left[k] > 0 || freed < hastenedBytes {
			return -1
		}
		return freed - h.takes[k]
	}
	var ready []int32 // to be looked at
	for _, k := range l.order {
		for ready = ready[:0]; !done[k]; {
			done[k] = true
			order = append(order, k)
			for _, r := range h.reads[k] {
				if unread[r]--; unread[r] == 1 {
					ready = append(ready, h.readers[r]...)
				}
			}
			for _, u := range users[k] {
				left[u]--
				ready = append(ready, u)
			}
			ready = slices.DeleteFunc(ready, func(u int32) bool { return gain(u) < 0 })
			if len(ready) > 0 {
				k = slices.MaxFunc(ready, func(a, b int32) int { return cmp.Or(cmp.Compare(gain(a), gain(b)), cmp.Compare(b, a)) })
			}
		}
	}
	if len(order) != len(l.order) {
		panic("BUG: instructions were lost when they were moved forward")
	}
	before, sumBefore := h.use(l.order)
	if most, sum := h.use(order); most < before || most == before && sum < sumBefore {
		l.order = order
	}
}

// hastener is what instructions take and give back.
type hastener struct {
	*lowering
	bytes   []int64   // by root, of what instructions compute and store
	kept    []bool    // by root: it is needed behind the last instruction
	reads   [][]int32 // by instruction: the roots that it reads and others compute
	readers [][]int32 // by root
	takes   []int64   // by instruction: the bytes that it stores
	total   int64
}

func newHastener(l *lowering) *hastener {
	n := l.g.Len()
	h := &hastener{lowering: l, bytes: make([]int64, n), kept: make([]bool, n), reads: make([][]int32, len(l.groups)), readers: make([][]int32, n), takes: make([]int64, len(l.groups))}
	size := func(r int32) {
		if h.bytes[r] == 0 {
			t := l.g.Node(int(r)).Type()
			h.bytes[r] = int64(t.Shape.Size()) * int64(t.DType.Size())
			h.takes[l.groupOf[r]] += h.bytes[r]
			h.total += h.bytes[r]
		}
	}
	for _, k := range l.order {
		for _, id := range l.groups[k].nodes {
			for _, r := range l.inRoots(id) {
				if of := l.groupOf[r]; of < 0 || of == k || slices.Contains(h.reads[k], r) {
					continue
				}
				h.reads[k], h.readers[r] = append(h.reads[k], r), append(h.readers[r], k)
				size(r)
			}
		}
	}
	updates := map[int]bool{}
	for _, k := range l.updates {
		updates[k-1] = true
	}
	for i, o := range l.outputs {
		if r := l.root[o.ID()]; l.groupOf[r] >= 0 {
			if h.kept[r] = true; !updates[i] { // which lie in place of inputs
				size(r)
			}
		}
	}
	return h
}

// use returns the most bytes that are in use at an instruction, if they run in the given order, and the bytes in use summed over all instructions.
func (h *hastener) use(order []int32) (most, sum int64) {
	unread := make([]int, len(h.bytes))
	for r := range unread {
		unread[r] = len(h.readers[r])
	}
	now := int64(0)
	for _, k := range order {
		now += h.takes[k]
		most, sum = max(most, now), sum+now
		for _, r := range h.reads[k] {
			if unread[r]--; unread[r] == 0 && !h.kept[r] {
				now -= h.bytes[r]
			}
		}
	}
	return most, sum
}
