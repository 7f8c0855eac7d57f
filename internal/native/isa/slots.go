package isa

import "math/bits"

// Slots of scalar code: where temporaries lie that have left their registers, over the ends of chunks, until they are
// dead. They use the part of the arena that is reserved for temporaries, and the scratch block when that is full.
//
// Large programs run as fast as their code is fetched, so short displacements count. Slots come in windows of 32,
// which a short displacement reaches from a register. New slots are taken from one window until it is full, then
// from another that has become empty enough, so stores go through a window that moves over the slots. (Loads
// come back to a slot at any time later.) The first windows keep their registers. Where a machine has displacements of middle length, those registers
// are for the slots in their reach instead, as many windows as that are.

const (
	windowSlots = 32
	windowBytes = 8 * windowSlots
	// windowEnough is the number of free slots that pays for moving to a window.
	windowEnough = 4
	// fewInstructions is the length of a chunk below which windows do not earn registers.
	fewInstructions = 64
)

// windowRegisters are free in scalar code; those below 8 make shorter instructions.
var windowRegisters = [...]uint8{3, 1, 8, 9, 10, 11, 12, 13}

// movingRegisters is the number of windowRegisters, from the first on, that move to other windows.
const movingRegisters = 2

// slotWindow is 32 slots in a row.
type slotWindow struct {
	free uint32 // set of slots
	disp int32  // displacement of the first
	base uint8  // base register of their space
	near uint8  // register that holds the address of the first, raised like the bases, or NoRegister
}

// slotWindows are the slots of a program. The number of a slot is 32 times its window's number and its place there.
type slotWindows struct {
	windows   []slotWindow
	current   int32                    // window that gives out slots
	moved     bool                     // it is another one since followSlots
	enough    [windowSlots + 1][]int32 // windows by the number of their free slots; entries may be out of date
	temps     int32                    // displacement of the free rest of the arena's part for temporaries
	tempsEnd  int32
	mapped    [len(windowRegisters)]int32 // windows that the registers point to
	used      int                         // registers in use
	moving    int                         // register that moves next
	registers bool                        // this chunk uses windowRegisters
	middle    []slotMiddle                // what the registers point to that do not move, with displacements of middle length
}

// slotMiddle is a place among slots.
type slotMiddle struct {
	base uint8
	disp int32
}

// ResetSlots begins a program whose temporaries may lie between two displacements in the arena.
func (g *Generator) ResetSlots(temps, end int32) {
	g.slots = slotWindows{current: None, temps: temps, tempsEnd: end}
}

// slotAddress returns the memory operand of a slot.
func (g *Generator) slotAddress(slot int32) Mem {
	w := &g.slots.windows[slot/windowSlots]
	offset := slot % windowSlots * 8
	disp := w.disp + offset
	switch {
	case disp <= g.Reach:
	case w.near != NoRegister:
		return At(w.near, offset-g.Bias)
	case g.slots.registers:
		if k := g.middleOf(w.base, disp); k >= 0 {
			return At(windowRegisters[movingRegisters+k], disp-g.slots.middle[k].disp)
		}
	}
	return At(w.base, disp)
}

// middleOf returns which of the middles reaches a slot that its base does not, −1 for none.
func (g *Generator) middleOf(base uint8, disp int32) int {
	if disp <= g.MiddleReach {
		return -1
	}
	for k, m := range g.slots.middle {
		if d := disp - m.disp; m.base == base && d >= -g.MiddleReach && d <= g.MiddleReach {
			return k
		}
	}
	return -1
}

// newSlot takes a slot.
func (g *Generator) newSlot() int32 {
	s := &g.slots
	if s.current == None || s.windows[s.current].free == 0 {
		s.current, s.moved = g.nextWindow(), true
	}
	w := &s.windows[s.current]
	place := int32(bits.TrailingZeros32(w.free))
	w.free &= w.free - 1
	return s.current*windowSlots + place
}

func (g *Generator) freeSlot(slot int32) {
	n := slot / windowSlots
	w := &g.slots.windows[n]
	w.free |= 1 << (slot % windowSlots)
	if count := bits.OnesCount32(w.free); count >= windowEnough || len(g.slots.windows) <= len(windowRegisters) {
		g.slots.enough[count] = append(g.slots.enough[count], n)
	}
}

// nextWindow chooses the emptiest window, or adds one.
func (g *Generator) nextWindow() int32 {
	s := &g.slots
	for count := windowSlots; count > 0; count-- {
		for list := s.enough[count]; len(list) > 0; list = s.enough[count] {
			n := list[len(list)-1]
			s.enough[count] = list[:len(list)-1]
			if bits.OnesCount32(s.windows[n].free) == count {
				return n
			}
		}
	}
	w := slotWindow{free: 1<<windowSlots - 1, near: NoRegister}
	if room := (s.tempsEnd - s.temps) / 8; room > 0 {
		if room < windowSlots {
			w.free = 1<<room - 1
		}
		w.base, w.disp = BaseArena, s.temps
		s.temps += windowBytes
	} else {
		w.base, w.disp = BaseScratch, g.SlotBase+g.SlotTop
		g.SlotTop += windowBytes
	}
	s.windows = append(s.windows, w)
	return int32(len(s.windows) - 1)
}

// followSlots points a register at the current window if it is another one than before. This is done between
// instructions: one that is being emitted may have the address of an operand already.
func (g *Generator) followSlots() {
	s := &g.slots
	if !s.moved {
		return
	}
	s.moved = false
	w := &s.windows[s.current]
	if !s.registers || w.near != NoRegister || w.disp+windowBytes-8 <= g.Reach {
		return
	}
	near := len(windowRegisters)
	if g.MiddleReach > 0 {
		near = movingRegisters
		if k := len(s.middle); w.disp > g.MiddleReach && k < len(windowRegisters)-near && g.middleOf(w.base, w.disp) < 0 {
			s.middle = append(s.middle, slotMiddle{w.base, w.disp + g.MiddleReach})
			g.leaMiddle(k)
		}
	}
	k := s.used
	if k < near {
		s.used++
	} else {
		k = s.moving
		s.moving = (s.moving + 1) % movingRegisters
		s.windows[s.mapped[k]].near = NoRegister
	}
	s.mapped[k], w.near = s.current, windowRegisters[k]
	g.Machine.Lea(w.near, At(w.base, w.disp+g.Bias))
}

// leaMiddle loads the register of a middle.
func (g *Generator) leaMiddle(k int) {
	m := g.slots.middle[k]
	g.Machine.Lea(windowRegisters[movingRegisters+k], At(m.base, m.disp))
}

// MapWindows loads the registers again at the start of a chunk, if it is long enough to earn them.
func (g *Generator) MapWindows(instructions int) {
	s := &g.slots
	s.registers = instructions >= fewInstructions
	for k := range s.used {
		w := &s.windows[s.mapped[k]]
		if !s.registers {
			w.near = NoRegister
			continue
		}
		w.near = windowRegisters[k]
		g.Machine.Lea(w.near, At(w.base, w.disp+g.Bias))
	}
	for k := range s.middle {
		if s.registers {
			g.leaMiddle(k)
		}
	}
}
