package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/adjoint-go/adjoint/internal/elem/def"
)

// run emits all nodes. onGuard is called once the guard's value is known.
func (b *body) run(onGuard func()) {
	for p, r := range b.order {
		b.at = p
		for _, o := range b.operands(r) {
			if b.inReg[o] >= 0 {
				b.pinned[b.inReg[o]] = true
			}
		}
		b.lower(r)
		b.finishInstruction()
		if r == b.f.Guard && onGuard != nil {
			b.at = p + 1
			onGuard()
			b.at = p
		}
	}
	b.at = len(b.order) - 1
}

// name of the instruction with an element suffix: PD or PS.
func (fn *function) op(stem string) string {
	if fn.wide {
		return stem + "D"
	}
	return stem + "S"
}

// intOp names a lane-wise integer instruction.
func (fn *function) intOp(stem string) string {
	if fn.wide {
		return stem + "Q"
	}
	return stem + "D"
}

// logicOp names a bitwise instruction: EVEX ones carry the element width.
func (fn *function) logicOp(stem string) string {
	if fn.level == avx512 {
		return fn.intOp(stem)
	}
	return stem
}

func (b *body) emitSource(name string, src operand.Op, broadcast bool, rest ...operand.Op) {
	if broadcast {
		name += "_BCST"
	}
	b.emit(name, append([]operand.Op{src}, rest...)...)
}

// binary emits dst = x op y, y possibly from memory.
func (b *body) binary(name string, r, x, y def.Ref, commutes bool) {
	if commutes && b.prefersMemory(x) && !b.prefersMemory(y) {
		x, y = y, x
	}
	i := b.use(x)
	src, bc := b.source(y)
	d := b.result(r, x, y)
	b.emitSource(name, src, bc, b.vec(i), b.vec(d))
}

func (b *body) lower(r def.Ref) {
	n := b.f.Nodes[r]
	if u, ok := b.fused[r]; ok {
		if u.inverse {
			inner := b.f.Nodes[n.A]
			b.compare(r, inner.A, inner.B, inversePredicate[inner.Kind])
		} else {
			b.ternary(r, u)
		}
		return
	}
	switch n.Kind {
	case def.Add:
		b.binary(b.op("VADDP"), r, n.A, n.B, true)
	case def.Mul:
		b.binary(b.op("VMULP"), r, n.A, n.B, true)
	case def.Sub:
		b.binary(b.op("VSUBP"), r, n.A, n.B, false)
	case def.Div:
		b.binary(b.op("VDIVP"), r, n.A, n.B, false)
	case def.Min:
		b.binary(b.op("VMINP"), r, n.A, n.B, false)
	case def.Max:
		b.binary(b.op("VMAXP"), r, n.A, n.B, false)
	case def.FMA:
		b.fma("VFMADD", r, n)
	case def.FMS:
		b.fma("VFMSUB", r, n)
	case def.FNMA:
		b.fma("VFNMADD", r, n)
	case def.Sqrt:
		src, bc := b.source(n.A)
		d := b.result(r, n.A)
		b.emitSource(b.op("VSQRTP"), src, bc, b.vec(d))
	case def.RoundEven:
		b.round(r, n.A, 8)
	case def.Floor:
		b.round(r, n.A, 9)
	case def.Ceil:
		b.round(r, n.A, 10)
	case def.Trunc:
		b.round(r, n.A, 11)
	case def.Scale:
		b.binary(b.op("VSCALEFP"), r, n.A, n.B, false)
	case def.And:
		b.binary(b.logicOp("VPAND"), r, n.A, n.B, true)
	case def.Or:
		b.binary(b.logicOp("VPOR"), r, n.A, n.B, true)
	case def.Xor:
		b.binary(b.logicOp("VPXOR"), r, n.A, n.B, true)
	case def.AndNot:
		if c := b.f.Nodes[n.A]; c.Kind == def.Const {
			i := b.use(n.B)
			src, bc := b.constant(b.laneBits(^c.Imm))
			d := b.result(r, n.B)
			b.emitSource(b.logicOp("VPAND"), src, bc, b.vec(i), b.vec(d))
			return
		}
		b.binary(b.logicOp("VPANDN"), r, n.A, n.B, false)
	case def.IAdd:
		b.binary(b.intOp("VPADD"), r, n.A, n.B, true)
	case def.ISub:
		b.binary(b.intOp("VPSUB"), r, n.A, n.B, false)
	case def.IMul:
		b.binary("VPMULLD", r, n.A, n.B, true)
	case def.MulU32:
		b.binary("VPMULUDQ", r, n.A, n.B, true)
	case def.Shl:
		b.shift(b.intOp("VPSLL"), r, n.A, n.Imm)
	case def.Shr:
		b.shift(b.intOp("VPSRL"), r, n.A, n.Imm)
	case def.CmpEq, def.CmpNe, def.CmpLt, def.CmpLe:
		b.compare(r, n.A, n.B, predicate[n.Kind])
	case def.Bit:
		b.bit(r, n)
	case def.MaskAnd:
		b.mask("AND", r, n)
	case def.MaskOr:
		b.mask("OR", r, n)
	case def.MaskXor:
		b.mask("XOR", r, n)
	case def.MaskNot:
		if b.level == avx512 {
			x := b.k(n.A)
			b.emit("KNOT"+b.kSuffix(), x, b.allocK(r))
			return
		}
		i := b.use(n.A)
		src, bc := b.constant(b.laneBits(^uint64(0)))
		d := b.result(r, n.A)
		b.emitSource("VPXOR", src, bc, b.vec(i), b.vec(d))
	case def.Select:
		b.choose(r, n)
	case def.Gather:
		b.gather(r, n)
	default:
		panic("BUG: no machine form of lane operation " + n.Kind.String())
	}
}

// Quiet comparison predicates of VCMPPD, and their opposites.
var (
	predicate        = map[def.Kind]uint8{def.CmpEq: 0x00, def.CmpNe: 0x04, def.CmpLt: 0x11, def.CmpLe: 0x12}
	inversePredicate = map[def.Kind]uint8{def.CmpEq: 0x04, def.CmpNe: 0x00, def.CmpLt: 0x15, def.CmpLe: 0x16}
)

// ternary emits VPTERNLOG, which overwrites its first operand and may take the third from memory.
func (b *body) ternary(r def.Ref, u fusion) {
	o, truth := u.operands, u.truth
	swap := func(i, j int) {
		o[i], o[j] = o[j], o[i]
		truth = permute(truth, i, j)
	}
	o = append([]def.Ref(nil), o...)
	for i := range 2 {
		if b.prefersMemory(o[i]) && !b.prefersMemory(o[2]) {
			swap(i, 2)
		}
	}
	dying := func(x def.Ref) bool {
		i := b.inReg[x]
		return i >= 0 && b.holder[i] == x && b.dies(x)
	}
	if !dying(o[0]) && dying(o[1]) && o[0] != o[1] {
		swap(0, 1)
	} else if !dying(o[0]) && dying(o[2]) {
		swap(0, 2)
	}
	second := b.use(o[1])
	src, bc := b.source(o[2])
	var d int
	if o[0] == o[1] || o[0] == o[2] {
		from := b.use(o[0])
		d = b.alloc()
		b.emit(b.op("VMOVUP"), b.vec(from), b.vec(d))
		b.inReg[r], b.holder[d] = d, r
	} else {
		d = b.destructive(r, o[0])
	}
	name := b.intOp("VPTERNLOG")
	if bc {
		name += "_BCST"
	}
	b.emit(name, operand.U8(truth), src, b.vec(second), b.vec(d))
}

func (b *body) round(r, x def.Ref, mode uint8) {
	name := b.op("VROUNDP")
	if b.level == avx512 {
		name = b.op("VRNDSCALEP")
	}
	i := b.use(x)
	d := b.result(r, x)
	b.emit(name, operand.U8(mode), b.vec(i), b.vec(d))
}

func (b *body) shift(name string, r, x def.Ref, count uint64) {
	i := b.use(x)
	d := b.result(r, x)
	b.emit(name, operand.U8(uint8(count)), b.vec(i), b.vec(d))
}

// fma chooses the form by the operand whose register may be overwritten:
// 231 adds to C, 213 and 132 replace a factor. At most one operand comes from memory.
func (b *body) fma(stem string, r def.Ref, n def.Node) {
	name := func(form string) string { return b.op(stem + form + "P") }
	free := func(o def.Ref) bool {
		i := b.inReg[o]
		return i >= 0 && b.holder[i] == o && b.dies(o)
	}
	A, B, C := n.A, n.B, n.C
	if b.prefersMemory(A) && !b.prefersMemory(B) {
		A, B = B, A
	}
	// Now, if one factor is in memory, it is B.
	switch {
	case free(C) && A != C && B != C:
		a := b.use(A)
		src, bc := b.source(B)
		d := b.destructive(r, C)
		b.emitSource(name("231"), src, bc, b.vec(a), b.vec(d))
	case free(A) && A != B && A != C && !b.prefersMemory(B):
		o := b.use(B)
		src, bc := b.source(C)
		d := b.destructive(r, A)
		b.emitSource(name("213"), src, bc, b.vec(o), b.vec(d))
	case free(B) && A != B && B != C && !b.prefersMemory(A):
		o := b.use(A)
		src, bc := b.source(C)
		d := b.destructive(r, B)
		b.emitSource(name("213"), src, bc, b.vec(o), b.vec(d))
	case free(A) && A != B && A != C:
		c := b.use(C)
		src, bc := b.source(B)
		d := b.destructive(r, A)
		b.emitSource(name("132"), src, bc, b.vec(c), b.vec(d))
	default:
		// Nothing dies: copy, or better load, one of the operands.
		a := b.use(A)
		if b.prefersMemory(B) && !b.prefersMemory(C) && b.f.Nodes[B].Kind == def.Const && A != B {
			c := b.use(C)
			d := b.destructive(r, B)
			b.emit(name("213"), b.vec(c), b.vec(a), b.vec(d))
			return
		}
		src, bc := b.source(B)
		d := b.destructive(r, C)
		b.emitSource(name("231"), src, bc, b.vec(a), b.vec(d))
	}
}

func (b *body) compare(r, x, y def.Ref, predicate uint8) {
	i := b.use(x)
	src, bc := b.source(y)
	name := b.op("VCMPP")
	if bc {
		name += "_BCST"
	}
	if b.level == avx512 {
		b.emit(name, operand.U8(predicate), src, b.vec(i), b.allocK(r))
		return
	}
	d := b.result(r, x, y)
	b.emit(name, operand.U8(predicate), src, b.vec(i), b.vec(d))
}

// bit makes a mask of one bit. In AVX2 only the sign bit of a mask's lane counts.
func (b *body) bit(r def.Ref, n def.Node) {
	top := uint64(b.f.Width() - 1)
	i := b.use(n.A)
	switch {
	case b.level == avx512 && n.Imm == top:
		name := map[bool]string{true: "VPMOVQ2M", false: "VPMOVD2M"}[b.wide]
		b.emit(name, b.vec(i), b.allocK(r))
	case b.level == avx512:
		src, bc := b.constant(1 << n.Imm)
		b.emitSource(b.intOp("VPTESTM"), src, bc, b.vec(i), b.allocK(r))
	default:
		d := b.result(r, n.A)
		b.emit(b.intOp("VPSLL"), operand.U8(uint8(top-n.Imm)), b.vec(i), b.vec(d))
	}
}

func (b *body) mask(stem string, r def.Ref, n def.Node) {
	if b.level == avx512 {
		x, y := b.k(n.A), b.k(n.B)
		b.emit("K"+stem+b.kSuffix(), x, y, b.allocK(r))
		return
	}
	b.binary("VP"+stem, r, n.A, n.B, true)
}

func (b *body) choose(r def.Ref, n def.Node) {
	if b.level == avx512 {
		m := b.k(n.A)
		if c := b.f.Nodes[n.C]; c.Kind == def.Const && c.Imm == 0 && b.inReg[n.B] >= 0 {
			i := b.use(n.B)
			d := b.result(r, n.B)
			b.emit(b.op("VMOVUP")+"_Z", b.vec(i), m, b.vec(d))
			return
		}
		i := b.use(n.C)
		src, bc := b.source(n.B)
		d := b.result(r, n.C, n.B)
		b.emitSource(b.op("VBLENDMP"), src, bc, b.vec(i), m, b.vec(d))
		return
	}
	m := b.use(n.A)
	i := b.use(n.C)
	src, _ := b.source(n.B)
	d := b.result(r, n.C, n.B, n.A)
	b.emit(b.op("VBLENDVP"), b.vec(m), src, b.vec(i), b.vec(d))
}

func (b *body) gather(r def.Ref, n def.Node) {
	i := b.use(n.A)
	d := b.alloc()
	b.inReg[r], b.holder[d] = d, r
	symbol := b.table(b.f.Tables[n.Imm])
	b.emit("LEAQ", symbol, reg.R11)
	at := operand.Mem{Base: reg.R11, Index: b.vec(i), Scale: 8}
	name := "VGATHERQPD"
	if !b.wide {
		at.Scale = 4
		name = "VGATHERDPS"
	}
	// The instruction merges into its destination: clear it to break the dependence.
	b.emit(b.logicOp("VPXOR"), b.vec(d), b.vec(d), b.vec(d))
	if b.level == avx512 {
		k := b.allocK(r)
		b.emit("KXNORW", k, k, k)
		b.emit(name, at, k, b.vec(d))
		b.kHold[b.inK[r]] = unused
		b.inK[r] = -1
		return
	}
	m := b.alloc()
	b.emit("VPCMPEQD", b.vec(m), b.vec(m), b.vec(m))
	b.emit(name, b.vec(m), at, b.vec(d))
}

func (fn *function) kSuffix() string {
	if fn.wide {
		return "B"
	}
	return "W"
}

func opmask(i int) reg.OpmaskPhysical {
	return [...]reg.OpmaskPhysical{reg.K0, reg.K1, reg.K2, reg.K3, reg.K4, reg.K5, reg.K6, reg.K7}[i]
}

func (fn *function) vec(i int) reg.VecPhysical {
	z := [...]reg.VecPhysical{reg.Z0, reg.Z1, reg.Z2, reg.Z3, reg.Z4, reg.Z5, reg.Z6, reg.Z7, reg.Z8, reg.Z9, reg.Z10, reg.Z11, reg.Z12, reg.Z13, reg.Z14, reg.Z15,
		reg.Z16, reg.Z17, reg.Z18, reg.Z19, reg.Z20, reg.Z21, reg.Z22, reg.Z23, reg.Z24, reg.Z25, reg.Z26, reg.Z27, reg.Z28, reg.Z29, reg.Z30, reg.Z31}
	if fn.level == avx512 {
		return z[i]
	}
	y := [...]reg.VecPhysical{reg.Y0, reg.Y1, reg.Y2, reg.Y3, reg.Y4, reg.Y5, reg.Y6, reg.Y7, reg.Y8, reg.Y9, reg.Y10, reg.Y11, reg.Y12, reg.Y13, reg.Y14, reg.Y15}
	if i >= len(y) {
		panic(fmt.Sprintf("BUG: AVX2 register %d", i))
	}
	return y[i]
}
