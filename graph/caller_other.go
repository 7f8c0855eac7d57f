//go:build !amd64

package graph

import (
	"runtime"
	"unsafe"
)

// returnAddresses fills the n elements from buf on with the return addresses of its caller and of the frames above, as far as
// there are any.
func returnAddresses(buf *uintptr, n int) { runtime.Callers(3, unsafe.Slice(buf, n)) }
