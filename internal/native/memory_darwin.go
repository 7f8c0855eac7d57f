//go:build amd64 || arm64

package native

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// mapPages maps writable memory for size bytes.
func mapPages(size int) ([]byte, error) {
	p, err := unix.MmapPtr(-1, 0, nil, uintptr(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return nil, err
	}
	return unsafe.Slice((*byte)(p), size), nil
}

// sealPages makes pages executable and no longer writable. A process with a hardened runtime needs an entitlement for it; without one the
// system refuses, and the portable loop runs.
func sealPages(pages []byte) error {
	return unix.Mprotect(pages, unix.PROT_READ|unix.PROT_EXEC)
}

func unmapCode(pages []byte) { _ = unix.MunmapPtr(unsafe.Pointer(&pages[0]), uintptr(len(pages))) }
