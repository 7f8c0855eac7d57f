//go:build !amd64 || race

package moves

// The race detector sees what Go copies.
const quick, rows = false, 0

func elements(*Item, int, int, int, int, int) { panic("BUG: no vector instructions") }

func pointers(*Step, int) { panic("BUG: no vector instructions") }

func ask(*Item, int, int) { panic("BUG: no vector instructions") }
