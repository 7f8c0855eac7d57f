//go:build amd64 && (linux || darwin || windows)

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
	return pages, nil
}

// probe maps and calls a function of one return instruction.
func probe() error {
	pages, err := mapCode([]byte{0xC3})
	if err != nil {
		return err
	}
	callStraight(unsafe.Pointer(&pages[0]), nil, nil, nil)
	unmapCode(pages)
	return nil
}

// callStraight calls scalar code with the arena in DI, the constants in SI and the scratch
// block in DX.
//
//go:noescape
func callStraight(code, arena, consts, scratch unsafe.Pointer)

// callSteps calls a loop around scalar code: callStraight with the table of pointers in R14, the first step in R15 and the step after the last on the stack.
//
//go:noescape
func callSteps(code, arena, consts, scratch, table unsafe.Pointer, from, to int) (end int)

// callLoop calls vector code with the table of base pointers in DI, the constants in SI, the
// scratch block in DX and the number of elements in CX.
//
//go:noescape
func callLoop(code, pointers, consts, scratch unsafe.Pointer, n int)
