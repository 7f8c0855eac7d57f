// Package moves copies lists of small pieces of memory, as a loop does between its steps and the arrays of their elements: a call of copy for each takes longer than the copying.
package moves

import "unsafe"

// Item is a copy of some bytes from Src to Dst.
type Item struct {
	Dst, Src unsafe.Pointer
	Bytes    int64
}

// Elements copies element from of each array Src to element to of Dst, one after the other; the elements do not overlap. Of arrays of more than eight bytes an element it asks for element next of Src, which need not exist: steps that
// walk along many arrays at once, and backwards, would wait for each of them.
func Elements(items []Item, from, to, next int) {
	if len(items) == 0 {
		return
	}
	if quick {
		elements(&items[0], len(items), from, to, next, rows)
		return
	}
	for k := range items {
		p := &items[k]
		copy(unsafe.Slice((*byte)(unsafe.Add(p.Dst, int64(to)*p.Bytes)), p.Bytes), unsafe.Slice((*byte)(unsafe.Add(p.Src, int64(from)*p.Bytes)), p.Bytes))
	}
}

// Step moves pointers on by so many bytes each.
type Step struct {
	At *[4]unsafe.Pointer
	By [4]uintptr
}

// Pointers makes the steps. What the pointers point into is kept alive by others.
func Pointers(steps []Step) {
	if len(steps) == 0 {
		return
	}
	if quick {
		pointers(&steps[0], len(steps))
		return
	}
	for k := range steps {
		s := &steps[k]
		for j, by := range s.By {
			if by != 0 {
				s.At[j] = unsafe.Add(s.At[j], int(by))
			}
		}
	}
}

// Ask asks for the first two lines of element at of each Dst, which need not exist, to write to them. Processors that write to many arrays at once do not see far enough ahead.
func Ask(items []Item, at int) {
	if quick && len(items) > 0 {
		ask(&items[0], len(items), at)
	}
}
