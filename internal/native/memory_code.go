//go:build (amd64 && (linux || darwin || windows)) || (arm64 && (linux || darwin))

package native

import (
	"errors"
	"unsafe"
)

// mapCode copies code into fresh executable pages. The pages are never writable and
// executable at once. The result may be longer than the code.
func mapCode(code []byte) ([]byte, error) {
	if len(code) == 0 {
		return nil, errors.New("native: no code to map")
	}
	pages, err := mapPages(len(code))
	if err != nil {
		return nil, err
	}
	copy(pages, code)
	if err := sealPages(pages); err != nil {
		unmapCode(pages)
		return nil, err
	}
	makeCoherent(unsafe.Pointer(&pages[0]), len(code))
	return pages, nil
}

// probe maps and calls a function of one return instruction.
func probe() error {
	pages, err := mapCode(returnCode)
	if err != nil {
		return err
	}
	callStraight(unsafe.Pointer(&pages[0]), nil, nil, nil)
	unmapCode(pages)
	return nil
}

// callStraight calls scalar code with the arena, the constants and the scratch block in the registers of their bases.
//
//go:noescape
func callStraight(code, arena, consts, scratch unsafe.Pointer)

// callSteps calls a loop around scalar code: callStraight with the table of pointers and the first step in their registers, and the step after the last
// where the machine looks for it.
//
//go:noescape
func callSteps(code, arena, consts, scratch, table unsafe.Pointer, from, to int) (end int)

// callLoop calls vector code with the table of base pointers in the place of the arena and the number of elements.
//
//go:noescape
func callLoop(code, pointers, consts, scratch unsafe.Pointer, n int)
