package graph

// returnAddresses fills the n elements from buf on with the return addresses of its caller and of the frames above, as far as
// there are any. Following frame pointers takes a fiftieth of the time of runtime.Callers, which would take most of the time of
// building a large graph.
//
//go:noescape
func returnAddresses(buf *uintptr, n int)
