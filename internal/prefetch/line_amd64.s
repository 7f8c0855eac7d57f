#include "textflag.h"

// func line(p unsafe.Pointer)
TEXT ·line(SB), NOSPLIT, $0-8
	MOVQ        p+0(FP), AX
	PREFETCHT0  (AX)
	RET

// func lines(p unsafe.Pointer, n int64)
TEXT ·lines(SB), NOSPLIT, $0-16
	MOVQ p+0(FP), AX
	MOVQ n+8(FP), CX
	ADDQ AX, CX
	ANDQ $-64, AX

next:
	CMPQ        AX, CX
	JGE         done
	PREFETCHT0  (AX)
	ADDQ        $64, AX
	JMP         next

done:
	RET
