package prefetch

import "unsafe"

// line asks for the cache line at p.
//
//go:noescape
func line(p unsafe.Pointer)

// lines asks for LinesBytes from p on.
func lines(p uintptr)
