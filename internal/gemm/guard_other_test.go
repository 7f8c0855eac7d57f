//go:build !linux

package gemm

import (
	"testing"
	"unsafe"
)

// guards are memory without guard pages.
type guards struct{}

func (g *guards) free() {}

func (g *guards) memory(_ testing.TB, n int, _ bool) unsafe.Pointer {
	return unsafe.Pointer(unsafe.SliceData(make([]uint64, n/8+1)))
}
