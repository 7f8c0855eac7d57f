//go:build !race

#include "textflag.h"

// func elements(items *Item, n, from, to, next, rows int)
TEXT ·elements(SB), NOSPLIT, $0-48
	MOVQ items+0(FP), SI
	MOVQ n+8(FP), CX
	MOVQ from+16(FP), R8
	MOVQ to+24(FP), R9
	MOVQ next+32(FP), R10
	MOVQ rows+40(FP), R14

item:
	MOVQ  0(SI), DI
	MOVQ  8(SI), AX
	MOVQ  16(SI), BX
	LEAQ  -64(BX), R12
	CMPQ  R12, R14
	JCS   rows
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

	// Rows of small networks: all that follow one another with one size, in two vectors each, which may overlap. These are at offset DX of Src and R13 of Dst; R11 is the offset of what is asked for.
rows:
	MOVQ  BX, DX
	IMULQ R8, DX
	MOVQ  BX, R13
	IMULQ R9, R13
	MOVQ  BX, R11
	IMULQ R10, R11

row:
	VMOVDQU64  (AX)(DX*1), Z0
	PREFETCHT0 (AX)(R11*1)
	PREFETCHT0 64(AX)(R11*1)
	ADDQ       R12, AX
	VMOVDQU64  (AX)(DX*1), Z1
	VMOVDQU64  Z0, (DI)(R13*1)
	ADDQ       R12, DI
	VMOVDQU64  Z1, (DI)(R13*1)
	ADDQ       $24, SI
	DECQ       CX
	JEQ        end
	MOVQ       0(SI), DI
	MOVQ       8(SI), AX
	CMPQ       16(SI), BX
	JEQ        row
	JMP        item

end:
	VZEROUPPER
	RET

// func pointers(steps *Step, n int)
TEXT ·pointers(SB), NOSPLIT, $0-16
	MOVQ steps+0(FP), SI
	MOVQ n+8(FP), CX

four:
	MOVQ    (SI), DI
	VMOVDQU 8(SI), Y0
	VPADDQ  (DI), Y0, Y0
	VMOVDQU Y0, (DI)
	ADDQ    $40, SI
	DECQ    CX
	JNE     four
	VZEROUPPER
	RET

// func ask(items *Item, n, at int)
TEXT ·ask(SB), NOSPLIT, $0-24
	MOVQ items+0(FP), SI
	MOVQ n+8(FP), CX
	MOVQ at+16(FP), R8

item:
	MOVQ  16(SI), BX
	MOVQ  BX, DX
	IMULQ R8, DX

same:
	MOVQ 0(SI), AX
	BYTE $0x0F; BYTE $0x0D; BYTE $0x0C; BYTE $0x10             // PREFETCHW (AX)(DX*1)
	BYTE $0x0F; BYTE $0x0D; BYTE $0x4C; BYTE $0x10; BYTE $0x40 // PREFETCHW 64(AX)(DX*1)
	ADDQ $24, SI
	DECQ CX
	JEQ  done
	CMPQ 16(SI), BX
	JEQ  same
	JMP  item

done:
	RET
