//go:build !((amd64 && (linux || darwin || windows)) || (arm64 && (linux || darwin)))

package native

import (
	"errors"
	"unsafe"
)

var errPlatform = errors.New("native code is made for amd64 under Linux, macOS and Windows, and for arm64 under Linux and macOS")

func mapCode([]byte) ([]byte, error) { return nil, errPlatform }

func unmapCode([]byte) {}

func probe() error { return errPlatform }

func callStraight(code, arena, consts, scratch unsafe.Pointer) {
	panic("BUG: native code called without executable memory")
}

func callSteps(code, arena, consts, scratch, table unsafe.Pointer, from, to int) (end int) {
	panic("BUG: native code called without executable memory")
}

func callLoop(code, pointers, consts, scratch unsafe.Pointer, n int) {
	panic("BUG: native code called without executable memory")
}
