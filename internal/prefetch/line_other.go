//go:build !amd64

package prefetch

import "unsafe"

func line(unsafe.Pointer) {}

func lines(uintptr) {}

func span(unsafe.Pointer, uintptr) {}
