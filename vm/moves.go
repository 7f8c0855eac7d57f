package vm

import (
	"cmp"
	"slices"
	"sort"
	"unsafe"
)

// area is where a place that is moved to or from lies.
type area int32

const (
	areaBody area = iota // the arena of a loop's body
	areaTemp             // memory of the machine
	areaElse             // areaElse+k: other memory, which nothing is moved from
)

// place is an offset in an area.
type place struct {
	area area
	at   int64
}

// transfer is a copy of n bytes.
type transfer struct {
	dst, src place
	n        int64
}

// fewOverlaps bounds the destinations that a source may overlap before it is saved at once, so that time stays linear.
const fewOverlaps = 4

// sequence orders transfers so that one after the other they do what all at once would do, and returns the bytes of temporary memory that this takes.
// Sources lie in the body; destinations do not overlap. A transfer comes before those that overwrite its source; where that goes round in a circle, a
// source is saved first.
func sequence(list []transfer) (order []transfer, temp int64) {
	list = slices.DeleteFunc(slices.Clone(list), func(t transfer) bool { return t.dst == t.src })
	overwriting := bodyOverlaps(list)
	// later[i] are those that overwrite the source of i; before[k] is the number of those whose source k overwrites.
	later := make([][]int, len(list))
	before := make([]int, len(list))
	done := make([]bool, len(list))
	var saves, moves []transfer
	save := func(i int) {
		t := &list[i]
		to := place{areaTemp, temp}
		temp += (t.n + 7) &^ 7
		saves = append(saves, transfer{to, t.src, t.n})
		t.src = to
		later[i] = nil
	}
	for i := range list {
		t := &list[i]
		for _, k := range overwriting(t.src.at, t.n) {
			if k == i {
				continue
			}
			if later[i] = append(later[i], k); len(later[i]) > fewOverlaps {
				save(i)
				break
			}
		}
	}
	for i := range list {
		for _, k := range later[i] {
			before[k]++
		}
	}
	var ready []int
	release := func(i int) {
		for _, k := range later[i] {
			if before[k]--; before[k] == 0 && !done[k] {
				ready = append(ready, k)
			}
		}
		later[i] = nil
	}
	for i := range list {
		if before[i] == 0 {
			ready = append(ready, i)
		}
	}
	for next := 0; len(moves) < len(list); {
		if len(ready) == 0 {
			for done[next] || len(later[next]) == 0 {
				next++
			}
			circle := later[next]
			save(next)
			later[next] = circle
			release(next)
			continue
		}
		i := ready[len(ready)-1]
		ready = ready[:len(ready)-1]
		done[i] = true
		moves = append(moves, list[i])
		release(i)
	}
	return append(saves, moves...), temp
}

// bodyOverlaps returns a function that lists the transfers to the body, by destination, which overwrite some of n bytes of it.
func bodyOverlaps(list []transfer) func(at, n int64) []int {
	var body []int
	for i := range list {
		if list[i].dst.area == areaBody {
			body = append(body, i)
		}
	}
	slices.SortFunc(body, func(i, k int) int { return cmp.Compare(list[i].dst.at, list[k].dst.at) })
	return func(at, n int64) []int {
		first := sort.Search(len(body), func(k int) bool { return list[body[k]].dst.at+list[body[k]].n > at })
		end := sort.Search(len(body), func(k int) bool { return list[body[k]].dst.at >= at+n })
		return body[first:max(first, end)]
	}
}

// move copies n bytes, which may overlap.
func move(dst, src unsafe.Pointer, n int64) {
	switch n {
	case 8:
		*(*uint64)(dst) = *(*uint64)(src)
	case 4:
		*(*uint32)(dst) = *(*uint32)(src)
	case 1:
		*(*uint8)(dst) = *(*uint8)(src)
	default:
		copy(unsafe.Slice((*byte)(dst), n), unsafe.Slice((*byte)(src), n))
	}
}
