//go:build amd64

package native

import (
	"unsafe"

	"golang.org/x/sys/windows"
)

// mapPages maps writable memory for size bytes.
func mapPages(size int) ([]byte, error) {
	p, err := windows.VirtualAlloc(0, uintptr(size), windows.MEM_RESERVE|windows.MEM_COMMIT, windows.PAGE_READWRITE)
	if err != nil {
		return nil, err
	}
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&p)), size), nil // not memory of Go's, so the number is as good as a pointer
}

// sealPages makes pages executable and no longer writable.
func sealPages(pages []byte) error {
	var before uint32
	return windows.VirtualProtect(uintptr(unsafe.Pointer(&pages[0])), uintptr(len(pages)), windows.PAGE_EXECUTE_READ, &before)
}

func unmapCode(pages []byte) {
	_ = windows.VirtualFree(uintptr(unsafe.Pointer(&pages[0])), 0, windows.MEM_RELEASE)
}
