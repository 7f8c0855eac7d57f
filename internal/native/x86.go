package native

// x86 is amd64: VEX scalar instructions in scalar code, AVX2 or AVX-512 in vector code.
type x86 struct{ *generator }

// storeAt writes register r, which holds a value of kind k, to memory. In the arena a mask is
// a byte.
func (g x86) storeAt(k valueKind, home space, r uint8, p mem) {
	switch {
	case g.scalarKind(k) && k == kindMask && home == spaceArena:
		g.rrr(vmovdFromXmm, len128, r, 0, regAX)
		g.aluImm(4, regAX, 1)
		g.movStoreByte(p, regAX)
	case g.scalarKind(k) && k == kind32:
		g.op3Mem(vmovssStore, len128, r, 0, p)
	case g.scalarKind(k):
		g.op3Mem(vmovsdStore, len128, r, 0, p)
	case k == kindMask && g.mode == modeEVEX:
		g.rrm(kmovwStore, len128, r, 0, p)
	case k == kindVector || g.mode == modeEVEX && k == kind64:
		g.evexRRM(vmovupdStore, g.len64, r, 0, p, evexBits{})
	case g.mode == modeEVEX:
		g.evexRRM(vmovupsStore, g.len32, r, 0, p, evexBits{})
	default:
		g.rrm(vmovupsStore, g.lenOf(k), r, 0, p)
	}
}

// load reads a value from its home into register r.
func (g x86) load(v *value, r uint8) {
	if v.home == spaceNone || !v.stored {
		panic("BUG: load of a value that is not in memory")
	}
	p := g.addressOf(v)
	switch {
	case g.scalarKind(v.kind) && v.kind == kindMask && v.home == spaceArena:
		g.rrm(vpbroadcastb, len128, r, 0, p)
		g.rrm(vpcmpeqb, len128, r, r, at(baseConst, g.consts.byteOnes()))
	case v.kind == kindMask && v.home == spaceArray:
		g.loadMaskBytes(v, r, p)
	case v.home == spaceArray && g.mode == modeVEX && (g.edge || v.repeat):
		g.loadEdge(v, r, p)
	case v.home == spaceArray && g.mode == modeEVEX && (g.tail || v.repeat):
		m, l := vmovupdLoad, g.len64
		switch {
		case v.kind == kind32 && v.repeat:
			m, l = vbroadcastss, g.len32
		case v.kind == kind32:
			m, l = vmovupsLoad, g.len32
		case v.repeat:
			m = vbroadcastsd
		}
		e := evexBits{}
		switch {
		case g.tail && v.span > 0:
			g.rrm(kmovwLoad, len128, spanMask, 0, at(regSpans, 2*int32(v.span)))
			e = evexBits{mask: spanMask, zero: true}
		case g.tail && !v.repeat:
			e = evexBits{mask: g.tailMasks[v.part], zero: true}
		}
		g.evexRRM(m, l, r, 0, p, e)
	default:
		g.loadFrom(v.kind, p, r)
	}
}

// loadEdge reads a vector of a row without EVEX.
func (g x86) loadEdge(v *value, r uint8, p mem) {
	broadcast, load, and, l := vbroadcastsd, vmaskmovpdLoad, vandpd, g.len64
	if v.kind == kind32 {
		broadcast, load, and, l = vbroadcastss, vmaskmovpsLoad, vandps, g.len32
	}
	masked := g.edge && (v.span > 0 || g.ragged && !v.repeat)
	switch {
	case v.repeat && v.absent:
		g.rrr(vxorps, l, r, r, r) // the element may not be there
	case v.repeat:
		g.rrm(broadcast, l, r, 0, p)
		if masked {
			g.rrr(and, l, r, r, g.edgeMask(v.kind, v.span))
		}
	case masked:
		g.rrm(load, l, r, g.edgeMask(v.kind, v.span), p)
	default:
		g.rrm(vmovupsLoad, l, r, 0, p)
	}
}

// edgeMask loads the mask of a span of columns, of which memory has 32 bits an element.
func (g x86) edgeMask(k valueKind, span uint8) uint8 {
	t, p := g.temporary(k), at(regSpans, g.maskBytes*int32(span))
	if k == kind64 {
		g.rrm(vpmovsxdq, g.len64, t, 0, p)
	} else {
		g.rrm(vmovupsLoad, g.len32, t, 0, p)
	}
	return t
}

// loadFrom reads a value as storeAt leaves it outside of the arena and of arrays.
func (g x86) loadFrom(k valueKind, p mem, r uint8) {
	switch {
	case g.scalarKind(k) && k == kind32:
		g.op3Mem(vmovssLoad, len128, r, 0, p)
	case g.scalarKind(k):
		g.op3Mem(vmovsdLoad, len128, r, 0, p)
	case k == kindMask && g.mode == modeEVEX:
		g.rrm(kmovwLoad, len128, r, 0, p)
	case k == kindVector || g.mode == modeEVEX && k == kind64:
		g.evexRRM(vmovupdLoad, g.len64, r, 0, p, evexBits{})
	case g.mode == modeEVEX:
		g.evexRRM(vmovupsLoad, g.len32, r, 0, p, evexBits{})
	default:
		g.rrm(vmovupsLoad, g.lenOf(k), r, 0, p)
	}
}

// copyRegister copies a whole register.
func (g x86) copyRegister(k valueKind, dst, src uint8) {
	switch {
	case dst == src:
	case k == kindMask && g.mode == modeEVEX:
		g.rrr(korw, len128, dst, src, src)
	case k == kindVector || g.mode == modeEVEX && k == kind64:
		g.evexRRR(vmovapd, g.len64, dst, 0, src, evexBits{})
	case g.mode == modeEVEX:
		g.evexRRR(vmovaps, g.len32, dst, 0, src, evexBits{})
	case g.scalarKind(k):
		g.op3(vmovaps, len128, dst, 0, src)
	default:
		g.rrr(vmovaps, g.lenOf(k), dst, 0, src)
	}
}

// rowOf returns the form and the vector length for an instruction, and whether the form is a scalar one.
func (g x86) rowOf(in *lowIns) (m mnem, l uint8, scalarForm bool) {
	row := &x86Ops[in.op].rows[in.typ]
	l = g.len32
	if in.typ.size64() {
		l = g.len64
	}
	switch g.mode {
	case modeScalar:
		if row.scalar != noForm {
			return row.scalar, len128, true
		}
		return row.vex, len128, false
	case modeVEX:
		return row.vex, l, false
	}
	return row.evex, l, false
}

// op3 appends reg, vvvv, rm with the prefix of the mode.
func (g x86) op3(m mnem, l, reg, v, rm uint8) {
	if forms[m].vexW < 0 || (reg|v|rm) >= 16 || g.mode == modeEVEX && forms[m].evexW >= 0 {
		g.evexRRR(m, l, reg, v, rm, evexBits{})
		return
	}
	g.rrr(m, l, reg, v, rm)
}

func (g x86) op3Mem(m mnem, l, reg, v uint8, p mem) {
	if forms[m].vexW < 0 || (reg|v) >= 16 || g.mode == modeEVEX && forms[m].evexW >= 0 {
		g.evexRRM(m, l, reg, v, p, evexBits{})
		return
	}
	g.rrm(m, l, reg, v, p)
}

// memoryOperand reports whether an instruction may take v from memory as an operand of
// bytes width (0: a whole vector).
func (g x86) memoryOperand(v int32, scalarForm bool) bool {
	val := &g.vals[v]
	if val.reg != noRegister || !val.stored || val.kind == kindMask {
		return false
	}
	switch g.mode {
	case modeScalar:
		// A packed form reads 16 bytes, of which only constants are sure to exist.
		return scalarForm || val.home == spaceConst
	default:
		return val.home != spaceNone && !((g.tail || val.repeat) && val.home == spaceArray)
	}
}

// wantsRegister reports whether an operand that could come from memory should be loaded:
// it is used again and a register is free.
func (g x86) wantsRegister(v, next int32) bool {
	return next != never && g.fileOf(g.vals[v].kind).free != 0
}

// operand is where an instruction finds an operand: a register, or memory.
type operand struct {
	reg    uint8 // noRegister when in memory
	memory mem
}

// rmOperand resolves the operand that may lie in memory.
func (g x86) rmOperand(v, next int32, scalarForm bool) operand {
	if g.memoryOperand(v, scalarForm) && !g.wantsRegister(v, next) {
		return operand{noRegister, g.addressOf(&g.vals[v])}
	}
	return operand{reg: g.inRegister(v)}
}

// op3rm appends reg, vvvv and an operand of either kind.
func (g x86) op3rm(m mnem, l, reg, v uint8, o operand) {
	if o.reg == noRegister {
		g.op3Mem(m, l, reg, v, o.memory)
		return
	}
	g.op3(m, l, reg, v, o.reg)
}

func (g x86) emit(in *lowIns, u *nextUses) {
	info := &x86Ops[in.op]
	switch info.shape {
	case emitBinary:
		g.emitBinary(in, u, commutes[in.op])
	case emitFused:
		g.emitFused(in, u)
	case emitUnary:
		g.emitUnary(in, u)
	case emitCompare:
		g.emitCompare(in, u)
	case emitBlend:
		g.emitBlend(in, u)
	case emitMaskz:
		g.emitMaskz(in, u)
	case emitFixZero:
		g.emitFixZero(in, u)
	case emitShift:
		g.emitShift(in, u)
	case emitMaskNot:
		g.emitMaskNot(in, u)
	default:
		g.emitOther(in, u)
	}
}

func (g x86) emitBinary(in *lowIns, u *nextUses, commute bool) {
	m, l, scalarForm := g.rowOf(in)
	a, b, ua, ub := in.a, in.b, u.a, u.b
	if commute && g.vals[a].reg == noRegister && (g.vals[b].reg != noRegister || ub < ua) {
		a, b, ub = b, a, ua
	}
	ra := g.inRegister(a)
	o := g.rmOperand(b, ub, scalarForm)
	if commute && g.mode != modeEVEX && o.reg != noRegister && o.reg >= 8 && ra < 8 {
		ra, o.reg = o.reg, ra // the shorter prefix
	}
	g.advanceAll(in, u)
	g.op3rm(m, l, g.define(in.dst, u.dst), ra, o)
}

// emitFused chooses the operand that the result overwrites: one that dies in a register, else
// one that must be loaded anyway, else a copy; and the form that lets another operand stay in memory.
func (g x86) emitFused(in *lowIns, u *nextUses) {
	m, l, scalarForm := g.rowOf(in)
	ids := [3]int32{in.a, in.b, in.c}
	next := [3]int32{u.a, u.b, u.c}
	victim, absent := -1, -1
	for k, v := range ids {
		if g.vals[v].reg == noRegister {
			if absent < 0 || next[k] == never {
				absent = k
			}
		} else if next[k] == never && !g.vals[v].pinned {
			victim = k
		}
	}
	copied := false
	if victim < 0 {
		victim, copied = 2, true
		if absent >= 0 {
			victim = absent
		}
	}
	// The operand that may come from memory: any but the victim.
	fromMemory := -1
	for k, v := range ids {
		if k != victim && v != ids[victim] && g.memoryOperand(v, scalarForm) && !g.wantsRegister(v, next[k]) {
			if fromMemory >= 0 && ids[fromMemory] == v {
				fromMemory = -1 // both multiplicands: load it
				break
			}
			fromMemory = k
		}
	}
	var ops [3]operand
	for k, v := range ids {
		if k != fromMemory && (k != victim || !copied) {
			ops[k] = operand{reg: g.inRegister(v)}
		}
	}
	if copied && g.vals[ids[victim]].reg != noRegister {
		ops[victim].reg = g.inRegister(ids[victim])
	}
	var dst uint8
	if copied {
		file := g.fileOf(g.vals[in.dst].kind)
		loaded := g.vals[ids[victim]].reg == noRegister
		dst = g.take(file)
		file.lock |= 1 << dst
		if loaded {
			g.load(&g.vals[ids[victim]], dst)
		} else {
			g.copyRegister(g.vals[in.dst].kind, dst, ops[victim].reg)
		}
		if fromMemory >= 0 {
			ops[fromMemory] = operand{noRegister, g.addressOf(&g.vals[ids[fromMemory]])}
		}
		g.advanceAll(in, u)
		g.vals[in.dst].next = u.dst
		g.own(file, dst, in.dst)
	} else {
		dst = ops[victim].reg
		if fromMemory >= 0 {
			ops[fromMemory] = operand{noRegister, g.addressOf(&g.vals[ids[fromMemory]])}
		}
		g.advanceAll(in, u)
		file := g.fileOf(g.vals[in.dst].kind)
		file.free &^= 1 << dst
		g.vals[in.dst].next = u.dst
		g.own(file, dst, in.dst)
	}
	// m is the 132 form, m+1 is 213, m+2 is 231.
	switch {
	case victim == 2:
		x, y := 0, 1
		if fromMemory == 0 || ops[1].reg != noRegister && ops[1].reg >= 8 && fromMemory != 1 {
			x, y = 1, 0
		}
		g.op3rm(m+2, l, dst, ops[x].reg, ops[y])
	case fromMemory == 1-victim:
		g.op3rm(m, l, dst, ops[2].reg, ops[1-victim])
	default:
		g.op3rm(m+1, l, dst, ops[1-victim].reg, ops[2])
	}
}

func (g x86) emitUnary(in *lowIns, u *nextUses) {
	m, l, scalarForm := g.rowOf(in)
	if scalarForm && forms[m].shape == shapeRVM {
		// The upper lanes come from vvvv: taking them from the operand itself avoids
		// waiting for an unrelated register.
		r := g.inRegister(in.a)
		g.advanceAll(in, u)
		g.op3(m, len128, g.define(in.dst, u.dst), r, r)
	} else {
		if in.op == lCvtI32F64 || in.op == lCvtF32F64 || in.op == lCvtI32I64 {
			l = g.len64
		}
		o := g.rmOperand(in.a, u.a, scalarForm)
		if g.mode != modeScalar && o.reg == noRegister && in.op == lCvtF64F32 {
			o = operand{reg: g.inRegister(in.a)} // sizes of the two sides differ
		}
		g.advanceAll(in, u)
		g.op3rm(m, l, g.define(in.dst, u.dst), 0, o)
	}
	if in.op == lRound {
		g.buf = append(g.buf, in.imm)
	}
}

func (g x86) emitCompare(in *lowIns, u *nextUses) {
	m, l, scalarForm := g.rowOf(in)
	ra := g.inRegister(in.a)
	o := g.rmOperand(in.b, u.b, scalarForm)
	g.advanceAll(in, u)
	dst := g.define(in.dst, u.dst)
	g.op3rm(m, l, dst, ra, o)
	if in.op == lCmp {
		g.buf = append(g.buf, in.imm)
	}
	if g.mode == modeScalar && !in.typ.size64() {
		g.rrr(vmovsldup, len128, dst, 0, dst) // a mask has 64 bits
	}
	if g.mode == modeVEX && !in.typ.size64() && g.len32 != g.len64 {
		g.rrr(vpmovsxdq, g.len64, dst, 0, dst)
	}
}

func (g x86) emitBlend(in *lowIns, u *nextUses) {
	m, l, _ := g.rowOf(in)
	rm := g.inRegister(in.a)
	rc := g.inRegister(in.c)
	o := g.rmOperand(in.b, u.b, false)
	if g.mode == modeVEX && !in.typ.size64() && g.len32 != g.len64 {
		rm = g.narrowMask(rm)
	}
	g.advanceAll(in, u)
	dst := g.define(in.dst, u.dst)
	if g.mode == modeEVEX {
		if o.reg == noRegister {
			g.evexRRM(m, l, dst, rc, o.memory, evexBits{mask: rm})
		} else {
			g.evexRRR(m, l, dst, rc, o.reg, evexBits{mask: rm})
		}
		return
	}
	g.op3rm(m, l, dst, rc, o)
	g.buf = append(g.buf, rm<<4)
}

func (g x86) emitMaskz(in *lowIns, u *nextUses) {
	m, l, _ := g.rowOf(in)
	rm := g.inRegister(in.a)
	if g.mode == modeEVEX {
		o := g.rmOperand(in.b, u.b, false)
		g.advanceAll(in, u)
		dst := g.define(in.dst, u.dst)
		move := vmovupdLoad
		if !in.typ.size64() {
			move = vmovupsLoad
		}
		if o.reg == noRegister {
			g.evexRRM(move, l, dst, 0, o.memory, evexBits{mask: rm, zero: true})
		} else {
			g.evexRRR(move, l, dst, 0, o.reg, evexBits{mask: rm, zero: true})
		}
		return
	}
	o := g.rmOperand(in.b, u.b, false)
	if g.mode == modeVEX && !in.typ.size64() && g.len32 != g.len64 {
		rm = g.narrowMask(rm)
	}
	g.advanceAll(in, u)
	g.op3rm(m, l, g.define(in.dst, u.dst), rm, o)
}

// emitFixZero overwrites A where it dies, else a copy of it.
func (g x86) emitFixZero(in *lowIns, u *nextUses) {
	m, l, _ := g.rowOf(in)
	rm, rc, dst := g.inRegister(in.b), g.inRegister(in.c), g.inRegister(in.a)
	if u.a != never || g.vals[in.a].pinned || in.a == in.c {
		from, kind := dst, g.vals[in.dst].kind
		dst = g.take(g.fileOf(kind))
		g.copyRegister(kind, dst, from)
	}
	g.takeOver(in, u, dst)
	g.evexRRM(m, l, dst, rc, at(baseConst, in.extra), evexBits{mask: rm})
	g.buf = append(g.buf, 0)
}

// emitFixZeros tests the mask. The result keeps its register on both ways.
func (g x86) emitFixZeros(in *lowIns, u *nextUses) {
	m, l := x86Ops[lFixZero].rows[in.typ].evex, g.len32
	if in.typ.size64() {
		l = g.len64
	}
	y, z, mask := g.inRegister(in.c), g.inRegister(in.extra), g.inRegister(in.b)
	x := g.guarded(in, u)
	g.rrr(g.kortest(), len128, mask, 0, mask)
	table := g.consts.place(constKey{zeroToZero, in.typ.kind()})
	g.unlikely(g.jump(condNotEqual), func() {
		for _, r := range []uint8{y, z} {
			g.evexRRM(m, l, x, r, at(baseConst, table), evexBits{mask: mask})
			g.buf = append(g.buf, 0)
		}
	})
	g.takeOver(in, u, x)
}

func (g x86) emitShift(in *lowIns, u *nextUses) {
	m, l, _ := g.rowOf(in)
	r := g.inRegister(in.a)
	g.advanceAll(in, u)
	dst := g.define(in.dst, u.dst)
	g.op3(m, l, forms[m].ext, dst, r)
	g.buf = append(g.buf, in.imm)
}

func (g x86) emitMaskNot(in *lowIns, u *nextUses) {
	r := g.inRegister(in.a)
	if g.mode == modeEVEX {
		g.advanceAll(in, u)
		g.rrr(knotw, len128, g.define(in.dst, u.dst), 0, r)
		return
	}
	g.advanceAll(in, u)
	l := g.len64
	if g.mode == modeScalar {
		l = len128
	}
	g.rrm(vxorps, l, g.define(in.dst, u.dst), r, at(baseConst, g.consts.allOnes()))
}

func (g x86) emitOther(in *lowIns, u *nextUses) {
	switch in.op {
	case lGather:
		g.emitGather(in, u)
		return
	case lFixZeros:
		g.emitFixZeros(in, u)
		return
	case lStoreLanes:
		r := g.inRegister(in.a)
		g.storeAt(kindVector, space(in.imm), r, g.addressOf(&value{home: space(in.imm), disp: in.extra}))
		g.advanceAll(in, u)
		return
	case lBroadcast:
		// The operand is a scalar and its memory eight bytes wide.
		val := &g.vals[in.a]
		o := operand{reg: val.reg}
		if val.reg == noRegister {
			o.memory = g.addressOf(val)
		}
		g.advanceAll(in, u)
		g.op3rm(vbroadcastsd, g.len64, g.define(in.dst, u.dst), 0, o)
		return
	case lStore, lMerge, lFold:
		g.emitVector(in, u)
		return
	}
	r := g.inRegister(in.a)
	g.advanceAll(in, u)
	dst := g.define(in.dst, u.dst)
	if g.mode == modeEVEX {
		m, l, _ := g.rowOf(in)
		switch in.op {
		case lCvtF32I64:
			g.evexRRR(m, g.len64, dst, 0, r, evexBits{})
		case lCvtI64I32:
			g.evexRRR(m, g.len64, r, 0, dst, evexBits{}) // the destination is the rm operand
		default:
			g.evexRRR(m, l, dst, 0, r, evexBits{})
		}
		return
	}
	if g.mode == modeScalar {
		switch in.op {
		case lCvtI64F64, lCvtI64F32:
			m := vcvtsi2sd
			if in.op == lCvtI64F32 {
				m = vcvtsi2ss
			}
			g.rrr(vmovqFromXmm, len128, r, 0, regAX)
			g.rrr(m, len128, dst, r, regAX)
			return
		case lCvtF64I64, lCvtF32I64:
			m := vcvttsd2si
			if in.op == lCvtF32I64 {
				m = vcvttss2si
			}
			g.rrr(m, len128, regAX, 0, r)
			g.rrr(vmovqToXmm, len128, dst, 0, regAX)
			return
		case lCvtI64I32:
			g.copyRegister(kind64, dst, r) // the low half is what counts
			return
		}
	}
	panic("BUG: low-level operation " + x86Ops[in.op].name + " has no machine code in this mode")
}

// has reports whether the generator's mode has a machine instruction for op.
func (g x86) has(op lowOp, t elem) bool {
	row := x86Ops[op].rows[t]
	switch g.mode {
	case modeScalar:
		if row.scalar != noForm {
			return forms[row.scalar].vexW >= 0 || g.evexScalar
		}
		return row.vex != noForm
	case modeVEX:
		return row.vex != noForm
	}
	return row.evex != noForm
}

// jumpIfAny jumps if a guard is true in some lane.
func (g x86) jumpIfAny(guard uint8, in *lowIns) int {
	switch {
	case g.mode == modeEVEX && g.tail:
		// Lanes beyond the end must not call the complete form.
		spare := g.temporary(kindMask)
		g.rrr(kandw, len128, spare, guard, g.tailMasks[in.part])
		g.rrr(g.kortest(), len128, spare, 0, spare)
	case g.mode == modeEVEX:
		g.rrr(g.kortest(), len128, guard, 0, guard)
	case g.mode == modeVEX:
		g.rrr(vmovmskps, g.maskLen(), regBX, 0, guard)
		g.testReg32(regBX)
	default:
		g.rrr(vmovdFromXmm, len128, guard, 0, regAX)
		g.testReg32(regAX)
	}
	return g.jump(condNotEqual)
}

// kortest tests as many mask bits as there are lanes; those above hold anything.
func (g x86) kortest() mnem {
	if g.lanes == 8 {
		return kortestb
	}
	return kortestw
}

// maskLen is the length of mask vectors without EVEX.
func (g x86) maskLen() uint8 {
	if g.mode == modeScalar {
		return len128
	}
	return max(g.len64, g.len32)
}

// emitGather reads a table at the lanes' indices.
func (g x86) emitGather(in *lowIns, u *nextUses) {
	index := g.inRegister(in.a)
	wide := in.typ.size64()
	m, l, scale := vgatherqpd, g.len64, uint8(3)
	if !wide {
		m, l, scale = vgatherdps, g.len32, 2
	}
	p := mem{base: baseConst, index: regAX, scale: scale, disp: in.extra}
	if g.mode == modeScalar {
		g.advanceAll(in, u)
		dst := g.define(in.dst, u.dst)
		if wide {
			g.rrr(vmovqFromXmm, len128, index, 0, regAX)
			g.rrm(vmovsdLoad, len128, dst, 0, p)
		} else {
			g.rrr(vmovdFromXmm, len128, index, 0, regAX)
			g.rrm(vmovssLoad, len128, dst, 0, p)
		}
		return
	}
	// The processor wants index, mask and result in different registers.
	mask := g.temporary(kindMask)
	dst := g.define(in.dst, u.dst)
	p.index = index
	if g.mode == modeEVEX {
		g.rrr(kxnorw, len128, mask, mask, mask)
		g.evexRRM(m, l, dst, index&16, p, evexBits{mask: mask})
	} else {
		g.rrr(vpcmpeqd, l, mask, mask, mask)
		g.rrm(m, l, dst, mask, p)
	}
	g.advanceAll(in, u)
}

// leave returns to the caller, after vector instructions if vectors is true.
func (g x86) leave(vectors bool) {
	if vectors {
		g.vzeroupper()
	}
	g.ret()
}

func (g x86) registers() (every, some uint32) {
	if g.evexScalar {
		return 0xFFFF, 0xFFFFFFFF
	}
	return 0xFFFF, 0xFFFF
}

func (g x86) callBody(target int) { g.patch(g.call(), target) }

func (g x86) arrayPointer(array int) uint8 {
	g.loadReg(regCX, at(regTable, 8*int32(array)))
	return regCX
}

func (g x86) jumpIfFalse(p mem) int {
	g.cmpByte(p, 0)
	return g.jump(condEqual)
}

// nextStep compares with the step after the last, which lies on the stack.
func (g x86) nextStep(by int32, top int) {
	g.addImm(regStep, by)
	g.loadReg(regAX, at(regSP, 8))
	g.rexReg(0x39, regAX, regStep)
	g.patch(g.jump(condNotEqual), top)
}

// arrayOperand addresses an array at the current element. Arrays beyond the base registers
// get their pointer loaded first.
func (g x86) arrayOperand(array uint8, disp int32) mem {
	base := uint8(regBX)
	if int(array) < len(g.arrayRegs) {
		base = g.arrayRegs[array]
	} else {
		g.loadReg(regBX, at(baseArena, 8*int32(array)))
	}
	return mem{base: base, index: regIndex, scale: g.arrayScale[array], disp: disp}
}
