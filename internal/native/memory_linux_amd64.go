package native

import (
	"errors"
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

// mapCode copies code into fresh executable pages. The pages are never writable and
// executable at once. The result may be longer than the code.
func mapCode(code []byte) ([]byte, error) {
	if len(code) == 0 {
		return nil, errors.New("native: no code to map")
	}
	pages, err := mapPages(len(code))
	if err != nil {
		return nil, err
	}
	copy(pages, code)
	if err := unix.Mprotect(pages, unix.PROT_READ|unix.PROT_EXEC); err != nil {
		unmapCode(pages)
		return nil, err
	}
	return pages, nil
}

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

func unmapCode(pages []byte) { _ = unix.MunmapPtr(unsafe.Pointer(&pages[0]), uintptr(len(pages))) }

// probe maps and calls a function of one return instruction.
func probe() error {
	pages, err := mapCode([]byte{0xC3})
	if err != nil {
		return err
	}
	callStraight(unsafe.Pointer(&pages[0]), nil, nil, nil)
	unmapCode(pages)
	return nil
}

// callStraight calls scalar code with the arena in DI, the constants in SI and the scratch
// block in DX.
//
//go:noescape
func callStraight(code, arena, consts, scratch unsafe.Pointer)

// callLoop calls vector code with the table of base pointers in DI, the constants in SI, the
// scratch block in DX and the number of elements in CX.
//
//go:noescape
func callLoop(code, pointers, consts, scratch unsafe.Pointer, n int)
