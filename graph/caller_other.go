//go:build !amd64

package graph

import "runtime"

// returnAddresses fills buf with the return addresses of its caller and of the frames above, as far as
// there are any.
func returnAddresses(buf *[callerDepth]uintptr) { runtime.Callers(3, buf[:]) }
