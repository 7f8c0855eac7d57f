//go:build linux || darwin

package native

import "unsafe"

var returnCode = []byte{0xC0, 0x03, 0x5F, 0xD6}

// makeCoherent lets the processors fetch n bytes that were written as data.
//
//go:noescape
func makeCoherent(code unsafe.Pointer, n int)
