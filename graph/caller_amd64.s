#include "textflag.h"

// func returnAddresses(buf *[callerDepth]uintptr)
//
// The frame is empty, so BP is the caller's frame pointer: each frame has the caller's frame
// pointer at 0 and the return address at 8.
TEXT ·returnAddresses(SB), NOSPLIT, $0-8
	MOVQ buf+0(FP), DI
	MOVQ BP, SI
	XORQ CX, CX

next:
	TESTQ SI, SI
	JZ    done
	MOVQ  8(SI), AX
	MOVQ  AX, (DI)(CX*8)
	MOVQ  (SI), SI
	INCQ  CX
	CMPQ  CX, $6
	JLT   next

done:
	RET
