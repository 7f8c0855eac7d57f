package gemm

import (
	"syscall"
	"testing"
	"unsafe"
)

// guards are mappings with pages at both ends that may not be touched.
type guards struct{ mappings [][]byte }

func (g *guards) free() {
	for _, m := range g.mappings {
		_ = syscall.Munmap(m)
	}
}

// memory returns n bytes between guard pages: they end at one of them, or begin behind the other.
func (g *guards) memory(t testing.TB, n int, end bool) unsafe.Pointer {
	page := syscall.Getpagesize()
	inner := roundUp(max(n, 1), page)
	m, err := syscall.Mmap(-1, 0, inner+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	g.mappings = append(g.mappings, m)
	for _, p := range [][]byte{m[:page], m[page+inner:]} {
		if err := syscall.Mprotect(p, syscall.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	at := page
	if end {
		at += inner - n
	}
	return unsafe.Pointer(&m[at : at+1][0])
}
