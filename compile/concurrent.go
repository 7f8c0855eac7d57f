package compile

import (
	"slices"

	"github.com/adjoint-go/adjoint/vm"
)

const (
	// concurrentWork is the least number of operations of a call that is moved.
	concurrentWork = 1 << 16
	// concurrentWindow is how far a call is moved, in instructions.
	concurrentWindow = 512
	// concurrentMemory is the memory that moves may cost, as a part of what is in use where most is.
	concurrentMemory = 1. / 8
)

// concurrent is the pass that has calls of loops which do not depend on one another follow one another, so that a machine may run them at once. Until the last of them ends, none gives its memory to another. A program that is to keep within a memory limit is left as it is.
func concurrent(l *lowering) error {
	if l.config.MemoryLimit > 0 {
		return nil
	}
	long := map[int32]bool{}
	for _, k := range l.order {
		if l.concurrentCall(k) {
			long[k] = true
		}
	}
	if len(long) < 2 {
		return nil
	}
	order, sets := slices.Clone(l.order), map[int32]int32{}
	number := int32(0)
	for from := 0; from < len(order); from++ {
		if k := order[from]; sets[k] == 0 && long[k] {
			if set := l.moveTogether(order[from:min(len(order), from+concurrentWindow)], long, sets); len(set) > 1 {
				number++
				for _, k := range set {
					sets[k] = number
				}
			}
		}
	}
	if number == 0 {
		return nil
	}
	h := newHastener(l)
	before, _ := h.use(l.order)
	if after, _ := h.use(order); float64(after) > (1+concurrentMemory)*float64(before) {
		return nil
	}
	l.order, l.sets = order, sets
	l.fired["concurrent"] += int(number)
	return nil
}

// concurrentCall reports whether an instruction is a call that leaves other goroutines nothing to do, and long enough to be run beside another one. The steps of a scan without carries are shared as they are.
func (l *lowering) concurrentCall(k int32) bool {
	c := l.calls[l.groups[k].nodes[0]]
	if c == nil || c.code.Cond != nil || c.code.Scan != nil && c.code.Scan.Carries == 0 {
		return false
	}
	work, _ := (&vm.Code{Blocks: l.blocks.list}).CallWork(&c.code)
	return work >= concurrentWork
}

// moveTogether finds the long calls that do not depend on the first of the instructions, nor on one another, and has them follow it. What they depend on comes before, the rest behind. It returns the calls.
func (l *lowering) moveTogether(order []int32, long map[int32]bool, sets map[int32]int32) []int32 {
	at := map[int32]int{}
	for i, k := range order {
		at[k] = i
	}
	set := []int32{order[0]}
	behind := make([]bool, len(order)) // it depends on one of the set
	before := make([]bool, len(order)) // one of the set depends on it
	end := 1
	for i, k := range order {
		if sets[k] != 0 {
			break // nothing is moved past calls that follow one another already
		}
		for _, p := range l.preds[k] {
			if j, ok := at[p]; ok && (behind[j] || slices.Contains(set, p)) {
				behind[i] = true
			}
		}
		if i == 0 || behind[i] || !long[k] {
			continue
		}
		set, end = append(set, k), i+1
		var mark func(k int32)
		mark = func(k int32) {
			for _, p := range l.preds[k] {
				if j, ok := at[p]; ok && !before[j] {
					before[j] = true
					mark(p)
				}
			}
		}
		mark(k)
	}
	if len(set) < 2 {
		return set
	}
	list := make([]int32, 0, end)
	for i, k := range order[:end] {
		if before[i] {
			list = append(list, k)
		}
	}
	list = append(list, set...)
	for i, k := range order[:end] {
		if !before[i] && !slices.Contains(set, k) {
			list = append(list, k)
		}
	}
	copy(order, list)
	return set
}
