// Package prefetch asks the processor for memory that is used soon. Passes over graphs that are larger than its caches spend most of their
// time waiting for operands that lie anywhere; asked for some nodes ahead, many of them are under way at once.
package prefetch

import "unsafe"

// At asks for the beginning of element i of a slice, which need not exist. Nothing but time depends on it.
func At[E any, I int | int32](s []E, i I) {
	if uint(i) < uint(len(s)) {
		line(unsafe.Pointer(&s[i]))
	}
}

// To asks for the beginning of what p points to; p may be nil.
func To[E any](p *E) { line(unsafe.Pointer(p)) }

// LinesBytes is what Lines asks for: a part of what processors have under way.
const LinesBytes = 16 * 64

// Range asks for the cache lines of n bytes from p on.
func Range(p unsafe.Pointer, n int) { span(p, uintptr(n)) }

// Lines asks for LinesBytes from address p on, which need not be memory of anything.
func Lines(p uintptr) { lines(p) }
