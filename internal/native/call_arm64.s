//go:build linux || darwin

#include "textflag.h"

// func makeCoherent(code unsafe.Pointer, n int)
// Lines have 64 bytes at least on every processor that Go runs on. These instructions are allowed outside of the system on Linux and macOS.
TEXT ·makeCoherent(SB), NOSPLIT, $0-16
	MOVD code+0(FP), R0
	MOVD n+8(FP), R1
	ADD R0, R1, R1
	AND $~63, R0, R0
	MOVD R0, R2
clean:
	WORD $0xD50B7B22 // DC CVAU, R2
	ADD $64, R2, R2
	CMP R1, R2
	BLO clean
	DSB $11
invalidate:
	WORD $0xD50B7520 // IC IVAU, R0
	ADD $64, R0, R0
	CMP R1, R0
	BLO invalidate
	DSB $11
	ISB $15
	RET

// func callStraight(code, arena, consts, scratch unsafe.Pointer)
// Go's ABI0 leaves all registers to the callee but R18, which belongs to the system, R27, R28 (the goroutine), R29 and the stack.
TEXT ·callStraight(SB), NOSPLIT, $0-32
	MOVD code+0(FP), R16
	MOVD arena+8(FP), R7
	MOVD consts+16(FP), R6
	MOVD scratch+24(FP), R2
	CALL (R16)
	RET

// func callSteps(code, arena, consts, scratch, table unsafe.Pointer, from, to int) (end int)
TEXT ·callSteps(SB), NOSPLIT, $0-64
	MOVD code+0(FP), R16
	MOVD arena+8(FP), R7
	MOVD consts+16(FP), R6
	MOVD scratch+24(FP), R2
	MOVD table+32(FP), R14
	MOVD from+40(FP), R15
	MOVD to+48(FP), R20
	CALL (R16)
	MOVD R15, end+56(FP)
	RET

// func callLoop(code, pointers, consts, scratch unsafe.Pointer, n int)
TEXT ·callLoop(SB), NOSPLIT, $0-40
	MOVD code+0(FP), R16
	MOVD pointers+8(FP), R7
	MOVD consts+16(FP), R6
	MOVD scratch+24(FP), R2
	MOVD n+32(FP), R1
	CALL (R16)
	RET
