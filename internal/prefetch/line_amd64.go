package prefetch

import "unsafe"

// line asks for the cache line at p.
//
//go:noescape
func line(p unsafe.Pointer)

// lines asks for LinesBytes from p on.
func lines(p uintptr)

// span asks for the lines of n bytes from p on.
//
//go:noescape
func span(p unsafe.Pointer, n uintptr)
