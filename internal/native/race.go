//go:build race

package native

import (
	"runtime"
	"unsafe"
)

const raceEnabled = true

// raceArena tells the race detector that generated code reads and writes the arena.
func raceArena(arena unsafe.Pointer, n int) {
	if n > 0 {
		runtime.RaceWriteRange(arena, n)
	}
}

func raceRead(p unsafe.Pointer, n int) {
	if n > 0 {
		runtime.RaceReadRange(p, n)
	}
}
