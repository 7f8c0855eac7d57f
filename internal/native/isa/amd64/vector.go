package amd64

import (
	"slices"

	"github.com/adjoint-go/adjoint/internal/native/isa"
)

// Vector code on amd64. Arrays are addressed by their pointers and an index.
//
// Truth values in vector code: a bit of a k register with EVEX; with VEX all bits of an element,
// which is as wide as the widest of the loop. In arrays they are bytes.

// loadMaskBytes reads the bytes of one vector of a Bool array.
func (g machine) loadMaskBytes(v *isa.Value, r uint8, p isa.Mem) {
	if g.Mode == isa.ModeMasked {
		t := g.Temporary(isa.Kind64)
		e := evexBits{}
		if g.Tail {
			e = evexBits{mask: g.TailMasks[v.Part], zero: true}
		}
		if g.Lanes == 8 && !g.Tail {
			g.evexRRM(vmovsdLoad, isa.Len128, t, 0, p, e)
		} else {
			g.evexRRM(vmovdqu8Load, isa.Len128, t, 0, p, e)
		}
		g.evexRRR(vptestmb, isa.Len128, r, t, t, evexBits{})
		return
	}
	if g.Lanes == 4 {
		g.rrm(vpmovzxbq, isa.Len256, r, 0, p)
		g.rrm(vpcmpeqq, isa.Len256, r, r, isa.At(isa.BaseConst, g.Consts.Place(1, isa.Kind64)))
		return
	}
	g.rrm(vpmovzxbd, isa.Len256, r, 0, p)
	g.rrm(vpcmpeqd, isa.Len256, r, r, isa.At(isa.BaseConst, g.Consts.Place(1, isa.Kind32)))
}

// storeMaskBytes writes the bytes of one vector of a Bool array.
func (g machine) storeMaskBytes(part, r uint8, p isa.Mem) {
	t := g.Temporary(isa.Kind64)
	if g.Mode == isa.ModeMasked {
		g.evexRRM(vmovdqu8Load, isa.Len128, t, 0, isa.At(isa.BaseConst, g.Consts.ByteOnes()), evexBits{mask: r, zero: true})
		switch {
		case g.Tail:
			g.evexRRM(vmovdqu8Store, isa.Len128, t, 0, p, evexBits{mask: g.TailMasks[part]})
		case g.Lanes == 8:
			g.evexRRM(vmovsdStore, isa.Len128, t, 0, p, evexBits{})
		default:
			g.evexRRM(vmovdqu8Store, isa.Len128, t, 0, p, evexBits{})
		}
		return
	}
	if g.Lanes == 4 {
		g.narrow(t, r)
		g.rrr(vpackssdw, isa.Len128, t, t, t)
	} else {
		g.rrrImm(vextractf128, isa.Len256, r, 0, t, 1)
		g.rrr(vpackssdw, isa.Len128, t, r, t)
	}
	g.rrr(vpacksswb, isa.Len128, t, t, t)
	g.rrr(vpabsb, isa.Len128, t, 0, t)
	if g.Lanes == 4 {
		g.rrm(vmovssStore, isa.Len128, t, 0, p)
	} else {
		g.rrm(vmovsdStore, isa.Len128, t, 0, p)
	}
}

// narrow halves the elements of a VEX mask: 4 of 64 bits become 4 of 32.
func (g machine) narrow(dst, src uint8) {
	g.rrrImm(vextractf128, isa.Len256, src, 0, dst, 1)
	g.rrrImm(vshufps, isa.Len128, dst, src, dst, 0x88)
}

func (g machine) narrowMask(r uint8) uint8 {
	t := g.Temporary(isa.Kind64)
	g.narrow(t, r)
	return t
}

// emitVector emits the operations that only loops have.
func (g machine) emitVector(in *isa.Instr, u *isa.NextUses) {
	switch in.Op {
	case isa.Store:
		r := g.InRegister(in.A)
		k := g.Vals[in.A].Kind
		p := g.ArrayOperand(in.Imm, in.Extra)
		switch {
		case k == isa.KindMask:
			g.storeMaskBytes(in.Part, r, p)
		case g.Mode == isa.ModeMasked && g.Tail:
			m, l := vmovupdStore, g.Len64
			if k == isa.Kind32 {
				m, l = vmovupsStore, g.Len32
			}
			g.evexRRM(m, l, r, 0, p, evexBits{mask: g.TailMasks[in.Part]})
		case g.Edge && g.Rest > 0:
			g.storeMasked(k, r, g.edgeMask(k, 0), p)
		case g.Tail && g.TailTable != nil:
			g.storeTail(in, k, r, p)
		default:
			g.StoreAt(k, isa.SpaceArray, r, p)
		}
		g.AdvanceAll(in, u)
	case isa.Merge:
		r := g.InRegister(in.A)
		acc := g.Vals[in.C].Reg
		m, l := vmovapd, g.Len64
		if g.Vals[in.C].Kind == isa.Kind32 {
			m, l = vmovaps, g.Len32
		}
		if g.Mode == isa.ModeMasked {
			g.evexRRR(m, l, acc, 0, r, evexBits{mask: g.TailMasks[in.Part]})
		} else {
			blend := vblendvpd
			if m == vmovaps {
				blend = vblendvps
			}
			g.rrrImm(blend, l, acc, acc, r, g.TailMasks[in.Part]<<4)
		}
		g.AdvanceAll(in, u)
	case isa.Fold:
		r := g.InRegister(in.A)
		g.AdvanceAll(in, u)
		dst := g.Define(in.Dst, u.Dst)
		switch in.Imm {
		case isa.FoldHalf512:
			g.evexRRRImm(vextractf64x4, isa.Len512, r, 0, dst, evexBits{}, 1)
		case isa.FoldHalf256:
			if g.Mode == isa.ModeMasked {
				g.evexRRRImm(vextractf64x2, isa.Len256, r, 0, dst, evexBits{}, 1)
			} else {
				g.rrrImm(vextractf128, isa.Len256, r, 0, dst, 1)
			}
		case isa.FoldHalf128:
			g.op3(vpermilpd, isa.Len128, dst, 0, r)
			g.Buf = append(g.Buf, 1)
		case isa.FoldHalf64:
			g.op3(vmovshdup, isa.Len128, dst, 0, r)
		}
	}
}

// loadMasked reads the elements for which a mask is true, and zeros in the places of the others.
func (g machine) loadMasked(k isa.Kind, r, mask uint8, p isa.Mem) {
	m := vmaskmovpdLoad
	if k == isa.Kind32 {
		m = vmaskmovpsLoad
	}
	g.rrm(m, g.LenOf(k), r, mask, p)
}

// storeMasked stores the elements of a register for which a mask is true.
func (g machine) storeMasked(k isa.Kind, r, mask uint8, p isa.Mem) {
	m := vmaskmovpdStore
	if k == isa.Kind32 {
		m = vmaskmovpsStore
	}
	g.rrm(m, g.LenOf(k), r, mask, p)
}

// storeTail stores a part of the last elements: a vector that is there as a whole at once, since a masked store takes ten times as long.
func (g machine) storeTail(in *isa.Instr, k isa.Kind, r uint8, p isa.Mem) {
	mask, array, disp, first := g.Temporary(k), in.Imm, in.Extra, int32(in.Part)*int32(g.Lanes)
	from := g.tailMask(k, in.Part)
	g.CmpImm(g.TailLeft, -first-int32(g.Lanes))
	cut := g.Jump(isa.CondGreater)
	g.StoreAt(k, isa.SpaceArray, r, p)
	g.Unlikely(cut, func() {
		g.CmpImm(g.TailLeft, -first)
		none := g.Jump(isa.CondGreaterEqual)
		g.rrm(vmovupsLoad, g.LenOf(k), mask, 0, from)
		g.storeMasked(k, r, mask, g.ArrayOperand(array, disp))
		g.Patch(none, len(g.Buf))
	})
}

// tailMask addresses the mask of a part of the last elements.
func (g machine) tailMask(k isa.Kind, part uint8) isa.Mem {
	scale := uint8(3)
	if k == isa.Kind32 {
		scale = 2
	}
	return isa.Mem{Base: isa.BaseConst, Index: g.TailLeft, Scale: scale, Disp: g.TailTable[k] + int32(part)*int32(g.Lanes)<<scale}
}

func (g machine) VectorFiles() (vectors, masks uint32) {
	if g.Mode == isa.ModeMasked {
		return 0xFFFFFFFF, 0xFE
	}
	return 0xFFFF, 0
}

func (g machine) PointerRegisters() []uint8 { return []uint8{8, 9, 10, 11, 12, 13} }

func (g machine) StartArrays(offset int32) {
	for k, r := range g.ArrayRegs {
		if !g.Near(k) {
			g.LoadReg(r, isa.At(isa.BaseArena, offset+8*int32(k)))
		}
	}
	if k := slices.Index(g.ArrayNear, 0); k >= 0 {
		g.LoadReg(g.BaseReg, isa.At(isa.BaseArena, 8*int32(k)))
	}
	if offset != 0 && len(g.ArrayScale) > len(g.ArrayRegs) {
		g.AddImm(isa.BaseArena, offset)
	}
	g.Clear(isa.RegIndex)
}

func (g machine) NextElements(n int32) { g.AddImm(isa.RegIndex, n) }

func (g machine) NextRow(array int, step isa.Mem) {
	if array == 0 {
		g.Clear(isa.RegIndex)
	}
	if array < len(g.ArrayRegs) {
		g.AddMemory(g.ArrayRegs[array], step)
		return
	}
	place := isa.At(isa.BaseArena, 8*int32(array))
	g.LoadReg(isa.RegTemp, step)
	g.AddMemory(isa.RegTemp, place)
	g.StoreReg(place, isa.RegTemp)
}

func (g machine) Repeat(k isa.Kind, p, to isa.Mem) {
	const r = 0
	switch {
	case k == isa.KindMask:
		g.rrm(vpbroadcastb, isa.Len256, r, 0, p)
		if g.Mode == isa.ModeMasked {
			g.evexRRR(vptestmb, isa.Len128, 1, r, r, evexBits{})
			g.rrm(kmovwStore, isa.Len128, 1, 0, to)
			return
		}
		g.rrm(vpcmpeqb, isa.Len256, r, r, isa.At(isa.BaseConst, g.Consts.ByteOnes()))
		g.rrm(vmovupsStore, isa.Len256, r, 0, to)
		return
	case k == isa.Kind64:
		g.op3Mem(vbroadcastsd, g.Len64, r, 0, p)
	default:
		g.op3Mem(vbroadcastss, g.Len32, r, 0, p)
	}
	g.StoreAt(k, isa.SpaceFixed, r, to)
}

func (g machine) StoreFirst(k isa.Kind, r uint8, p isa.Mem) {
	m := vmovsdStore
	if k == isa.Kind32 {
		m = vmovssStore
	}
	g.op3Mem(m, isa.Len128, r, 0, p)
}

func (g machine) TailMask(k isa.Kind, r, left uint8, element int, size, disp int32) {
	g.Clear(isa.RegTemp)
	g.SubReg(isa.RegTemp, left)
	scale := map[int32]uint8{4: 2, 8: 3}[size]
	g.rrm(vmovupsLoad, g.LenOf(k), r, 0, isa.Mem{Base: isa.BaseConst, Index: isa.RegTemp, Scale: scale, Disp: disp + size*int32(element)})
}

// controlWords are what MXCSR holds with the bits for subnormal results and operands, and what it holds in Go.
var controlWords = []uint64{0x1F80 | 1<<15 | 1<<6, 0x1F80}

func (g machine) Flush(on bool) {
	control := g.Consts.PlaceTable(controlWords, 4)
	if !on {
		control += 4
	}
	g.ldmxcsr(isa.At(isa.BaseConst, control))
}
