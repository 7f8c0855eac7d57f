//go:build amd64 || arm64

package native

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// hugePage is the size of the processor's large pages, and manyPages the size of code from which they are asked for: code
// of about the size of the second-level cache stays in it only if its pages do not happen to meet in the same sets,
// and larger code saves walks through the page tables.
const (
	hugePage  = 2 << 20
	manyPages = 512 << 10
)

// mapPages maps writable memory for size bytes, in large pages if there are enough.
func mapPages(size int) ([]byte, error) {
	const access, kind = unix.PROT_READ | unix.PROT_WRITE, unix.MAP_PRIVATE | unix.MAP_ANON
	if size < manyPages {
		p, err := unix.MmapPtr(-1, 0, nil, uintptr(size), access, kind)
		if err != nil {
			return nil, err
		}
		return unsafe.Slice((*byte)(p), size), nil
	}
	size = (size + hugePage - 1) &^ (hugePage - 1)
	p, err := unix.MmapPtr(-1, 0, nil, uintptr(size+hugePage), access, kind)
	if err != nil {
		return nil, err
	}
	before := -uintptr(p) & (hugePage - 1)
	if before > 0 {
		_ = unix.MunmapPtr(p, before)
	}
	aligned := unsafe.Add(p, before)
	_ = unix.MunmapPtr(unsafe.Add(aligned, size), hugePage-before)
	pages := unsafe.Slice((*byte)(aligned), size)
	_ = unix.Madvise(pages, unix.MADV_HUGEPAGE) // without it the pages are small
	return pages, nil
}

// sealPages makes pages executable and no longer writable.
func sealPages(pages []byte) error {
	return unix.Mprotect(pages, unix.PROT_READ|unix.PROT_EXEC)
}

func unmapCode(pages []byte) { _ = unix.MunmapPtr(unsafe.Pointer(&pages[0]), uintptr(len(pages))) }
