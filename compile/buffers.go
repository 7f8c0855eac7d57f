package compile

import (
	"cmp"
	"slices"
)

// buffers are blocks of memory that are taken and given back as the instructions go on. Each has an offset of its own until layout decides which share memory.
type buffers struct {
	list   []buffer
	events []int32 // the buffer that is taken, or the complement of the one that is given back
	next   int64   // the offset of the next one
	pos    int32   // of the instruction at hand
}

type buffer struct {
	offset, size int64
	first, last  int32 // instructions at which it is in use
	at           int64 // where it lies at last
}

// maxBuffers is the number of buffers up to which each is compared with all others.
const maxBuffers = 2048

// take returns the offset of a buffer of the given size, which is in use from the instruction at hand on.
func (b *buffers) take(size int64) int64 {
	size = roundUp(size, align)
	b.events = append(b.events, int32(len(b.list)))
	b.list = append(b.list, buffer{offset: b.next, size: size, first: b.pos, last: never})
	b.next += size
	return b.next - size
}

// of returns the number of the buffer that an offset lies in, −1 for what lies in front of them.
func (b *buffers) of(offset int64) int {
	i, found := slices.BinarySearchFunc(b.list, offset, func(x buffer, offset int64) int { return cmp.Compare(x.offset, offset) })
	if !found {
		i--
	}
	return i
}

// release says that the instruction at hand is the last that uses the buffer at the offset.
func (b *buffers) release(offset int64) {
	i := b.of(offset)
	b.list[i].last = b.pos
	b.events = append(b.events, ^int32(i))
}

// layout decides where the buffers lie, from base on. It returns where an offset is at last, and the end of all.
func (b *buffers) layout(base int64) (at func(offset int64) int64, end int64) {
	high := b.bestFit()
	if len(b.list) <= maxBuffers {
		online := slices.Clone(b.list)
		if other := b.bySize(); other < high {
			high = other
		} else {
			b.list = online
		}
	}
	return func(offset int64) int64 {
		if offset < base || len(b.list) == 0 { // the latter where what has no elements lies
			return offset
		}
		x := &b.list[b.of(offset)]
		return base + x.at + offset - x.offset
	}, base + high
}

// bestFit gives each buffer in turn the smallest free block that fits. It returns the end of all.
func (b *buffers) bestFit() int64 {
	var f freeList
	for _, e := range b.events {
		if e < 0 {
			x := &b.list[^e]
			f.release(x.at, x.size)
		} else {
			b.list[e].at = f.take(b.list[e].size)
		}
	}
	return f.high
}

// bySize gives each buffer, the largest first, the lowest place that is free while it is in use (Pisarchyk and Lee, Efficient memory management for deep neural net inference, 2020, algorithm 3). It returns the end of all.
func (b *buffers) bySize() int64 {
	order := make([]int32, len(b.list))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortStableFunc(order, func(i, j int32) int { return cmp.Compare(b.list[j].size, b.list[i].size) })
	var placed []int32 // by place
	high := int64(0)
	for _, i := range order {
		x := &b.list[i]
		x.at = 0
		for _, j := range placed {
			y := &b.list[j]
			if y.first > x.last || x.first > y.last {
				continue
			}
			if y.at >= x.at+x.size {
				break
			}
			x.at = max(x.at, y.at+y.size)
		}
		k, _ := slices.BinarySearchFunc(placed, x.at, func(j int32, at int64) int { return cmp.Compare(b.list[j].at, at) })
		placed = slices.Insert(placed, k, i)
		high = max(high, x.at+x.size)
	}
	return high
}

// freeList is the free memory below an end that grows.
type freeList struct {
	free []freeBlock
	high int64
}

type freeBlock struct{ offset, size int64 }

// take returns the offset of a block of the given size.
func (f *freeList) take(size int64) int64 {
	best := -1
	for i, b := range f.free {
		if b.size >= size && (best < 0 || b.size < f.free[best].size) {
			best = i
		}
	}
	if best >= 0 {
		b := &f.free[best]
		off := b.offset
		b.offset += size
		if b.size -= size; b.size == 0 {
			f.free = slices.Delete(f.free, best, best+1)
		}
		return off
	}
	// A free block at the end grows.
	if k := len(f.free) - 1; k >= 0 && f.free[k].offset+f.free[k].size == f.high {
		off := f.free[k].offset
		f.high = off + size
		f.free = f.free[:k]
		return off
	}
	off := f.high
	f.high += size
	return off
}

// release gives a block back and joins it with its neighbours.
func (f *freeList) release(offset, size int64) {
	i, _ := slices.BinarySearchFunc(f.free, offset, func(b freeBlock, off int64) int { return cmp.Compare(b.offset, off) })
	f.free = slices.Insert(f.free, i, freeBlock{offset, size})
	if i+1 < len(f.free) && f.free[i].offset+f.free[i].size == f.free[i+1].offset {
		f.free[i].size += f.free[i+1].size
		f.free = slices.Delete(f.free, i+1, i+2)
	}
	if i > 0 && f.free[i-1].offset+f.free[i-1].size == f.free[i].offset {
		f.free[i-1].size += f.free[i].size
		f.free = slices.Delete(f.free, i, i+1)
	}
}
