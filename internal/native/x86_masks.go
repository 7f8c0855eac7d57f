package native

// Vector code on amd64. Arrays are addressed by their pointers and an index.
//
// Truth values in vector code: a bit of a k register with EVEX; with VEX all bits of an element,
// which is as wide as the widest of the loop. In arrays they are bytes.

// loadMaskBytes reads the bytes of one vector of a Bool array.
func (g x86) loadMaskBytes(v *value, r uint8, p mem) {
	if g.mode == modeEVEX {
		t := g.temporary(kind64)
		e := evexBits{}
		if g.tail {
			e = evexBits{mask: g.tailMasks[v.part], zero: true}
		}
		if g.lanes == 8 && !g.tail {
			g.evexRRM(vmovsdLoad, len128, t, 0, p, e)
		} else {
			g.evexRRM(vmovdqu8Load, len128, t, 0, p, e)
		}
		g.evexRRR(vptestmb, len128, r, t, t, evexBits{})
		return
	}
	if g.lanes == 4 {
		g.rrm(vpmovzxbq, len256, r, 0, p)
		g.rrm(vpcmpeqq, len256, r, r, at(baseConst, g.consts.place(constKey{1, kind64})))
		return
	}
	g.rrm(vpmovzxbd, len256, r, 0, p)
	g.rrm(vpcmpeqd, len256, r, r, at(baseConst, g.consts.place(constKey{1, kind32})))
}

// storeMaskBytes writes the bytes of one vector of a Bool array.
func (g x86) storeMaskBytes(part, r uint8, p mem) {
	t := g.temporary(kind64)
	if g.mode == modeEVEX {
		g.evexRRM(vmovdqu8Load, len128, t, 0, at(baseConst, g.consts.byteOnes()), evexBits{mask: r, zero: true})
		switch {
		case g.tail:
			g.evexRRM(vmovdqu8Store, len128, t, 0, p, evexBits{mask: g.tailMasks[part]})
		case g.lanes == 8:
			g.evexRRM(vmovsdStore, len128, t, 0, p, evexBits{})
		default:
			g.evexRRM(vmovdqu8Store, len128, t, 0, p, evexBits{})
		}
		return
	}
	if g.lanes == 4 {
		g.narrow(t, r)
		g.rrr(vpackssdw, len128, t, t, t)
	} else {
		g.rrrImm(vextractf128, len256, r, 0, t, 1)
		g.rrr(vpackssdw, len128, t, r, t)
	}
	g.rrr(vpacksswb, len128, t, t, t)
	g.rrr(vpabsb, len128, t, 0, t)
	if g.lanes == 4 {
		g.rrm(vmovssStore, len128, t, 0, p)
	} else {
		g.rrm(vmovsdStore, len128, t, 0, p)
	}
}

// narrow halves the elements of a VEX mask: 4 of 64 bits become 4 of 32.
func (g x86) narrow(dst, src uint8) {
	g.rrrImm(vextractf128, len256, src, 0, dst, 1)
	g.rrrImm(vshufps, len128, dst, src, dst, 0x88)
}

func (g x86) narrowMask(r uint8) uint8 {
	t := g.temporary(kind64)
	g.narrow(t, r)
	return t
}

// emitVector emits the operations that only loops have.
func (g x86) emitVector(in *lowIns, u *nextUses) {
	switch in.op {
	case lStore:
		r := g.inRegister(in.a)
		k := g.vals[in.a].kind
		p := g.arrayOperand(in.imm, in.extra)
		switch {
		case k == kindMask:
			g.storeMaskBytes(in.part, r, p)
		case g.mode == modeEVEX && g.tail:
			m, l := vmovupdStore, g.len64
			if k == kind32 {
				m, l = vmovupsStore, g.len32
			}
			g.evexRRM(m, l, r, 0, p, evexBits{mask: g.tailMasks[in.part]})
		case g.edge && g.ragged:
			m, l := vmaskmovpdStore, g.len64
			if k == kind32 {
				m, l = vmaskmovpsStore, g.len32
			}
			g.rrm(m, l, r, g.edgeMask(k, 0), p)
		default:
			g.storeAt(k, spaceArray, r, p)
		}
		g.advanceAll(in, u)
	case lMerge:
		r := g.inRegister(in.a)
		acc := g.vals[in.c].reg
		m, l := vmovapd, g.len64
		if g.vals[in.c].kind == kind32 {
			m, l = vmovaps, g.len32
		}
		if g.mode == modeEVEX {
			g.evexRRR(m, l, acc, 0, r, evexBits{mask: g.tailMasks[in.part]})
		} else {
			blend := vblendvpd
			if m == vmovaps {
				blend = vblendvps
			}
			g.rrrImm(blend, l, acc, acc, r, g.tailMasks[in.part]<<4)
		}
		g.advanceAll(in, u)
	case lFold:
		r := g.inRegister(in.a)
		g.advanceAll(in, u)
		dst := g.define(in.dst, u.dst)
		switch in.imm {
		case foldHalf512:
			g.evexRRRImm(vextractf64x4, len512, r, 0, dst, evexBits{}, 1)
		case foldHalf256:
			if g.mode == modeEVEX {
				g.evexRRRImm(vextractf64x2, len256, r, 0, dst, evexBits{}, 1)
			} else {
				g.rrrImm(vextractf128, len256, r, 0, dst, 1)
			}
		case foldHalf128:
			g.op3(vpermilpd, len128, dst, 0, r)
			g.buf = append(g.buf, 1)
		case foldHalf64:
			g.op3(vmovshdup, len128, dst, 0, r)
		}
	}
}

// What lFold brings down: the upper 256 bits of 512, 128 of 256, 64 of 128, 32 of 64.
const (
	foldHalf512 uint8 = iota
	foldHalf256
	foldHalf128
	foldHalf64
)

func (g x86) vectorFiles() (vectors, masks uint32) {
	if g.mode == modeEVEX {
		return 0xFFFFFFFF, 0xFE
	}
	return 0xFFFF, 0
}

func (g x86) pointerRegisters() []uint8 { return []uint8{8, 9, 10, 11, 12, 13} }

func (g x86) startArrays(offset int32) {
	for k, r := range g.arrayRegs {
		g.loadReg(r, at(baseArena, offset+8*int32(k)))
	}
	if offset != 0 && len(g.arrayScale) > len(g.arrayRegs) {
		g.addImm(baseArena, offset)
	}
	g.clear(regIndex)
}

func (g x86) nextElements(n int32) { g.addImm(regIndex, n) }

func (g x86) repeat(k valueKind, p, to mem) {
	const r = 0
	p.index = noReg
	switch {
	case k == kindMask:
		g.rrm(vpbroadcastb, len256, r, 0, p)
		if g.mode == modeEVEX {
			g.evexRRR(vptestmb, len128, 1, r, r, evexBits{})
			g.rrm(kmovwStore, len128, 1, 0, to)
			return
		}
		g.rrm(vpcmpeqb, len256, r, r, at(baseConst, g.consts.byteOnes()))
		g.rrm(vmovupsStore, len256, r, 0, to)
		return
	case k == kind64:
		g.op3Mem(vbroadcastsd, g.len64, r, 0, p)
	default:
		g.op3Mem(vbroadcastss, g.len32, r, 0, p)
	}
	g.storeAt(k, spaceFixed, r, to)
}

func (g x86) storeFirst(k valueKind, r uint8, p mem) {
	m := vmovsdStore
	if k == kind32 {
		m = vmovssStore
	}
	g.op3Mem(m, len128, r, 0, p)
}

func (g x86) tailMask(k valueKind, r, left uint8, element int, size, disp int32) {
	g.clear(regTemp)
	g.subReg(regTemp, left)
	scale := map[int32]uint8{4: 2, 8: 3}[size]
	g.rrm(vmovupsLoad, g.lenOf(k), r, 0, mem{base: baseConst, index: regTemp, scale: scale, disp: disp + size*int32(element)})
}

// flush loads one of two words into MXCSR.
func (g x86) flush(on bool, control int32) {
	if !on {
		control += 4
	}
	g.ldmxcsr(at(baseConst, control))
}
