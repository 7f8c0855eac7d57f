package sysmem

import (
	"unsafe"

	"golang.org/x/sys/windows"
)

func total() int64 {
	// MEMORYSTATUSEX of the Windows API.
	var status struct {
		length, load                                                        uint32
		physical, free, pageFile, freePageFile, virtual, freeVirtual, extra uint64
	}
	status.length = uint32(unsafe.Sizeof(status))
	call := windows.NewLazySystemDLL("kernel32.dll").NewProc("GlobalMemoryStatusEx")
	if ok, _, _ := call.Call(uintptr(unsafe.Pointer(&status))); ok == 0 {
		return 0
	}
	return int64(status.physical)
}
