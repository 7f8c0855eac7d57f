//go:build !amd64 || race

package moves

// The race detector sees what Go copies.
const quick = false

func elements(*Item, int, int, int, int) { panic("BUG: no vector instructions") }
