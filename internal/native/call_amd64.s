//go:build linux || darwin || windows

#include "textflag.h"

// func callStraight(code, arena, consts, scratch unsafe.Pointer)
// All registers but SP and BP belong to the callee, as Go's ABI0 has it on every system; the caller's wrapper restores R14 and X15. XMM6 to
// XMM15, which Windows functions preserve for their callers, are no exception: only Go calls this code, and where Windows calls into Go, the
// runtime saves them. The three bases are raised by 128, which a one-byte
// displacement takes back.
TEXT ·callStraight(SB), NOSPLIT, $0-32
	MOVQ code+0(FP), AX
	MOVQ arena+8(FP), DI
	MOVQ consts+16(FP), SI
	MOVQ scratch+24(FP), DX
	SUBQ $-128, DI
	SUBQ $-128, SI
	SUBQ $-128, DX
	CALL AX
	RET

// func callSteps(code, arena, consts, scratch, table unsafe.Pointer, from, to int) (end int)
// As callStraight. R14 and R15 are used by no other generated code.
TEXT ·callSteps(SB), NOSPLIT, $8-64
	MOVQ to+48(FP), AX
	MOVQ AX, 0(SP)
	MOVQ code+0(FP), AX
	MOVQ arena+8(FP), DI
	MOVQ consts+16(FP), SI
	MOVQ scratch+24(FP), DX
	MOVQ table+32(FP), R14
	MOVQ from+40(FP), R15
	SUBQ $-128, DI
	SUBQ $-128, SI
	SUBQ $-128, DX
	CALL AX
	MOVQ R15, end+56(FP)
	RET

// func callLoop(code, pointers, consts, scratch unsafe.Pointer, n int)
TEXT ·callLoop(SB), NOSPLIT, $0-40
	MOVQ code+0(FP), AX
	MOVQ pointers+8(FP), DI
	MOVQ consts+16(FP), SI
	MOVQ scratch+24(FP), DX
	MOVQ n+32(FP), CX
	CALL AX
	RET
