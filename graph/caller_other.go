//go:build !amd64

package graph

import "runtime"

// returnAddresses fills buf with the return addresses of its caller and of the frames above, and returns how
// many there are.
func returnAddresses(buf *[callerDepth]uintptr) int { return runtime.Callers(3, buf[:]) }
