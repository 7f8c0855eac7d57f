// Command gen writes the kernel of package asm with avo.
//
//	go run ./internal/philox/asm/gen
package main

import (
	"unsafe"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/adjoint-go/adjoint/internal/asmgen"
	"github.com/adjoint-go/adjoint/internal/philox/asm"
)

const folder = "internal/philox/asm"

func main() { asmgen.Main(folder, generate) }

// generate returns the text of the kernel. A lane has a block, 16 at a time: lane 4g + j block 4j + g, so that words lie in their order once four by four of them are transposed in
// 16-byte lanes.
func generate() (map[string][]byte, error) {
	w := build.NewContext()
	w.StaticGlobal("blocks")
	w.DataAttributes(attr.RODATA | attr.NOPTR)
	for i := range 16 {
		w.AddDatum(4*i, operand.U32(4*(i%4)+i/4))
	}
	w.Function("WordsAVX512")
	w.Attributes(attr.NOSPLIT)
	w.SignatureExpr("func(r *byte)")
	w.Load(w.Param("r"), reg.RDI)
	var r asm.Run
	at := func(offset uintptr) operand.Mem { return operand.Mem{Base: reg.RDI, Disp: int(offset)} }
	constant := func(v uint32, to reg.VecPhysical) {
		w.MOVL(operand.U32(v), reg.EAX)
		w.VPBROADCASTD(reg.EAX, to)
	}
	constant(0xD2511F53, reg.Z16)
	constant(0xCD9E8D57, reg.Z17)
	constant(0x9E3779B9, reg.Z18)
	constant(0xBB67AE85, reg.Z19)
	w.VPBROADCASTD(at(unsafe.Offsetof(r.Key)), reg.Z20)
	w.VPBROADCASTD(at(unsafe.Offsetof(r.Key)+4), reg.Z21)
	w.VPBROADCASTD(at(unsafe.Offsetof(r.Stream)), reg.Z22)
	w.VPBROADCASTD(at(unsafe.Offsetof(r.Stream)+4), reg.Z23)
	w.VPBROADCASTD(at(unsafe.Offsetof(r.High)), reg.Z24)
	w.VPBROADCASTD(at(unsafe.Offsetof(r.Block)), reg.Z25)
	w.VPADDD(operand.NewDataAddr(operand.NewStaticSymbol("blocks"), 0), reg.Z25, reg.Z25)
	constant(16, reg.Z26)
	constant(0x33800000, reg.Z27) // 2⁻²⁴
	w.MOVQ(operand.U64(0x3CA0000000000000), reg.RAX)
	w.VPBROADCASTQ(reg.RAX, reg.Z28) // 2⁻⁵³
	w.MOVL(operand.U32(0xAAAA), reg.EAX)
	w.KMOVW(reg.EAX, reg.K1)
	w.MOVQ(at(unsafe.Offsetof(r.To)), reg.RSI)
	w.MOVQ(at(unsafe.Offsetof(r.Groups)), reg.RCX)
	w.MOVQ(at(unsafe.Offsetof(r.Kind)), reg.RDX)
	w.Label("group")
	c := [4]reg.VecPhysical{reg.Z0, reg.Z1, reg.Z2, reg.Z3}
	free := []reg.VecPhysical{reg.Z6, reg.Z7, reg.Z8, reg.Z9, reg.Z10, reg.Z11}
	for i, from := range []reg.VecPhysical{reg.Z25, reg.Z24, reg.Z22, reg.Z23, reg.Z20, reg.Z21} {
		w.VMOVDQA32(from, []reg.VecPhysical{c[0], c[1], c[2], c[3], reg.Z4, reg.Z5}[i])
	}
	// product has the upper and the lower words of x times a factor, and destroys x.
	product := func(x, factor, even, odd, high reg.VecPhysical) {
		w.VPMULUDQ(factor, x, even)
		w.VPSRLQ(operand.U8(32), x, x)
		w.VPMULUDQ(factor, x, odd)
		w.VPSRLQ(operand.U8(32), even, high)
		w.VMOVDQA32(odd, reg.K1, high)
		w.VPSLLQ(operand.U8(32), odd, odd)
		w.VMOVDQA32(odd, reg.K1, even)
	}
	for round := range 10 {
		low0, odd0, high0, low1, odd1, high1 := free[0], free[1], free[2], free[3], free[4], free[5]
		product(c[0], reg.Z16, low0, odd0, high0)
		product(c[2], reg.Z17, low1, odd1, high1)
		const xor3 = 0x96
		w.VPTERNLOGD(operand.U8(xor3), reg.Z4, high1, c[1])
		w.VPTERNLOGD(operand.U8(xor3), reg.Z5, high0, c[3])
		if round < 9 {
			w.VPADDD(reg.Z18, reg.Z4, reg.Z4)
			w.VPADDD(reg.Z19, reg.Z5, reg.Z5)
		}
		used := [4]reg.VecPhysical{c[1], low1, c[3], low0}
		free = []reg.VecPhysical{c[0], odd0, high0, c[2], odd1, high1}
		c = used
	}
	t, v := free[:4], [4]reg.VecPhysical{}
	w.VPUNPCKLDQ(c[1], c[0], t[0])
	w.VPUNPCKHDQ(c[1], c[0], t[1])
	w.VPUNPCKLDQ(c[3], c[2], t[2])
	w.VPUNPCKHDQ(c[3], c[2], t[3])
	v = c
	w.VPUNPCKLQDQ(t[2], t[0], v[0])
	w.VPUNPCKHQDQ(t[2], t[0], v[1])
	w.VPUNPCKLQDQ(t[3], t[1], v[2])
	w.VPUNPCKHQDQ(t[3], t[1], v[3])
	w.CMPQ(reg.RDX, operand.I8(asm.Float32))
	w.JLT(operand.LabelRef("store"))
	w.JG(operand.LabelRef("double"))
	for _, x := range v {
		w.VPSRLD(operand.U8(8), x, x)
		w.VCVTDQ2PS(x, x)
		w.VMULPS(reg.Z27, x, x)
	}
	w.JMP(operand.LabelRef("store"))
	w.Label("double")
	for _, x := range v {
		w.VPSRLQ(operand.U8(11), x, x)
		w.VCVTUQQ2PD(x, x)
		w.VMULPD(reg.Z28, x, x)
	}
	w.Label("store")
	for i, x := range v {
		w.VMOVDQU32(x, operand.Mem{Base: reg.RSI, Disp: 64 * i})
	}
	w.ADDQ(operand.I32(256), reg.RSI)
	w.VPADDD(reg.Z26, reg.Z25, reg.Z25)
	w.DECQ(reg.RCX)
	w.JNZ(operand.LabelRef("group"))
	w.VZEROUPPER()
	w.RET()

	text, err := asmgen.Text(w, folder)
	return map[string][]byte{"words_avx512_amd64.s": text}, err
}
