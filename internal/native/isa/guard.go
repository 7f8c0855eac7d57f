package isa

// stub is the way from a guard to what rare lanes need and back.
type stub struct {
	jump int // place of the jump to patch
	back int // where to go on
	body func()
}

// functionCall is a call to patch.
type functionCall struct{ place, function int }

// FixedSlot returns where slot k of the reserved part of the scratch block lies: arguments come first, then the result, then registers.
func (g *Generator) FixedSlot(k int) int32 {
	return g.SlotBase - int32(g.FixedBytes()) + int32(k)*g.SlotBytes
}

// FixedResult is the slot of a result, behind those of arguments.
const (
	FixedResult = 2
	fixedSaved  = 3
	fixedSlots  = fixedSaved + 32 + 8
)

// FixedBytes returns the size of the reserved part.
func (g *Generator) FixedBytes() int { return fixedSlots * int(g.SlotBytes) }

// emitGuard tests the guard. The result keeps its register on both ways.
func (g *Generator) emitGuard(in *Instr, u *NextUses) {
	guard := g.InRegister(in.B)
	result := g.Guarded(in, u)
	k, function := in.Type.Kind(), int(in.Imm)
	var args []Operand
	for _, v := range []int32{in.C, in.Extra} {
		if v == None {
			continue
		}
		val := &g.Vals[v]
		if val.Home == SpaceArray {
			g.InRegister(v)
		}
		if val.Reg == NoRegister {
			args = append(args, Operand{Reg: NoRegister, Memory: g.AddressOf(val)})
		} else {
			args = append(args, Operand{Reg: val.Reg})
		}
	}
	g.Unlikely(g.Machine.JumpIfAny(guard, in), func() {
		for i, o := range args {
			r := o.Reg
			if r == NoRegister {
				r = result // about to be overwritten anyway
				g.Machine.LoadFrom(k, o.Memory, r)
			}
			g.Machine.StoreAt(k, SpaceFixed, r, At(BaseScratch, g.FixedSlot(i)))
		}
		g.calls = append(g.calls, functionCall{g.Machine.Call(), function})
		g.Machine.LoadFrom(k, At(BaseScratch, g.FixedSlot(FixedResult)), result)
	})
	g.TakeOver(in, u, result)
}

// Guarded returns the register in which A becomes the result.
func (g *Generator) Guarded(in *Instr, u *NextUses) uint8 {
	r := g.InRegister(in.A)
	if u.A == Never {
		return r
	}
	kind := g.Vals[in.A].Kind // used elsewhere without the guard
	result := g.Take(g.FileOf(kind))
	g.Machine.CopyRegister(kind, result, r)
	return result
}

// EachJoined calls do for the FixZeros being emitted and those that have its test.
func (g *Generator) EachJoined(do func(in *Instr, u *NextUses)) {
	for i := g.current; i == g.current || i < len(g.Code) && g.Code[i].joined(); i += 2 { // each has a Hold behind it
		do(&g.Code[i], &g.uses[i])
	}
}

// TakeOver ends an instruction whose result is in a register of an operand that dies, or in one that was taken for it.
func (g *Generator) TakeOver(in *Instr, u *NextUses, r uint8) {
	g.AdvanceAll(in, u)
	val := &g.Vals[in.Dst]
	val.Next = u.Dst
	file := g.FileOf(val.Kind)
	file.Free &^= 1 << r
	g.Own(file, r, in.Dst)
}

// Unlikely says what code the jump at a place goes to, out of the way; it goes back to here.
func (g *Generator) Unlikely(jump int, body func()) {
	g.stubs = append(g.stubs, stub{jump, len(g.Buf), body})
}

// EmitStubs appends the stubs of the guards so far.
func (g *Generator) EmitStubs() {
	for _, s := range g.stubs {
		g.Machine.Patch(s.jump, len(g.Buf))
		s.body()
		g.Machine.Patch(g.Machine.JumpAlways(), s.back)
	}
	g.stubs = g.stubs[:0]
}

// PatchCalls makes the calls go to where the functions start.
func (g *Generator) PatchCalls(starts []int) {
	for _, c := range g.calls {
		g.Machine.Patch(c.place, starts[c.function])
	}
}

// EachRegister calls do for every register that code may use, with a place to save it.
func (g *Generator) EachRegister(do func(r uint8, k Kind, slot Mem)) {
	for f, kind := range []Kind{Kind64, KindMask} {
		for r := uint8(0); r < 32; r++ {
			if g.Saved[f]>>r&1 != 0 {
				do(r, kind, At(BaseScratch, g.FixedSlot(fixedSaved+32*f+int(r))))
			}
		}
	}
}
