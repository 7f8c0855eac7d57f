package prefetch

import "unsafe"

// line asks for the cache line at p.
//
//go:noescape
func line(p unsafe.Pointer)

// lines asks for the cache lines of n bytes at p.
//
//go:noescape
func lines(p unsafe.Pointer, n int64)
