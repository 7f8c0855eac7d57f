//go:build !race

#include "textflag.h"

// func elements(items *Item, n, from, to, next int)
TEXT ·elements(SB), NOSPLIT, $0-40
	MOVQ items+0(FP), SI
	MOVQ n+8(FP), CX
	MOVQ from+16(FP), R8
	MOVQ to+24(FP), R9
	MOVQ next+32(FP), R10

item:
	MOVQ  0(SI), DI
	MOVQ  8(SI), AX
	MOVQ  16(SI), BX
	ADDQ  $24, SI
	MOVQ  R9, DX
	IMULQ BX, DX
	ADDQ  DX, DI
	MOVQ  R8, DX
	IMULQ BX, DX
	CMPQ  BX, $8
	JEQ   eight
	MOVQ  R10, R11
	IMULQ BX, R11
	ADDQ  AX, R11
	ADDQ  DX, AX
	LEAQ  (R11)(BX*1), R12

ask:
	PREFETCHT0 (R11)
	ADDQ       $64, R11
	CMPQ       R11, R12
	JLT        ask
	CMPQ       BX, $32
	JLT        short

	// The last 32 bytes, which may overlap those before.
	VMOVDQU -32(AX)(BX*1), Y1
	LEAQ    -32(DI)(BX*1), R11

long:
	VMOVDQU (AX), Y0
	VMOVDQU Y0, (DI)
	ADDQ    $32, AX
	ADDQ    $32, DI
	SUBQ    $32, BX
	CMPQ    BX, $32
	JGE     long
	VMOVDQU Y1, (R11)
	JMP     done

eight:
	MOVQ (AX)(DX*1), R11
	MOVQ R11, (DI)
	JMP  done

short:
	BTQ  $4, BX
	JCC  half
	MOVOU (AX), X0
	MOVOU X0, (DI)
	ADDQ $16, AX
	ADDQ $16, DI

half:
	BTQ  $3, BX
	JCC  quarter
	MOVQ (AX), R11
	MOVQ R11, (DI)
	ADDQ $8, AX
	ADDQ $8, DI

quarter:
	ANDQ $7, BX
	JEQ  done

byte:
	MOVB (AX), R11
	MOVB R11, (DI)
	INCQ AX
	INCQ DI
	DECQ BX
	JNE  byte

done:
	DECQ CX
	JNE  item
	VZEROUPPER
	RET
