//go:build !race

package native

import "unsafe"

const raceEnabled = false

func raceArena(unsafe.Pointer, int) {}

func raceRead(unsafe.Pointer, int) {}
