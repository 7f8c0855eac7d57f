package native

import (
	"fmt"
	"runtime"
	"unsafe"
)

// Code is machine code that the caller has made: functions of the address of their arguments, which the register baseArena holds. They may use every register that the
// compilers of this package use.
type Code struct{ pages *codePages }

// NewCode makes code executable, where that can be had; ErrUnavailable is wrapped otherwise.
func NewCode(code []byte) (*Code, error) {
	if av := detect(); !av.ok {
		return nil, fmt.Errorf("%w: %s", ErrUnavailable, av.reason)
	}
	pages, err := newCodePages(code)
	if err != nil {
		return nil, err
	}
	return &Code{pages}, nil
}

// Call calls the function that begins at an offset. It must end within some 20 µs.
func (c *Code) Call(offset int, arguments unsafe.Pointer) {
	callStraight(unsafe.Pointer(&c.pages.code[offset]), arguments, nil, nil)
	runtime.KeepAlive(c)
}
