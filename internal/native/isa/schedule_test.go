package isa

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// newScheduleTest returns a generator of vector code with so many inputs in arrays, of two parts in turns, and an accumulator.
func newScheduleTest(inputs int) (g *Generator, accumulator int32) {
	g = &Generator{Mode: ModeMasked}
	g.Files[FileVector].All, g.Files[FileMask].All = 1<<32-1, 0xFE
	for k := range inputs {
		v := g.NewValue(Kind64)
		g.Vals[v].Home, g.Vals[v].Stored, g.Vals[v].Array, g.Vals[v].Part = SpaceArray, true, uint8(k), uint8(k%2)
	}
	accumulator = g.NewValue(Kind64)
	g.Vals[accumulator].Pinned = true
	return g, accumulator
}

func (g *Generator) add(op Op, k Kind, a, b, c int32) int32 {
	v := g.NewValue(k)
	g.Code = append(g.Code, Instr{Op: op, Dst: v, A: a, B: b, C: c, Extra: None})
	return v
}

// Chains that wait for nothing of one another run side by side.
func TestScheduleChains(t *testing.T) {
	for _, length := range []int{16, 100} {
		g, _ := newScheduleTest(2)
		chain := map[int32]int{}
		for k := range 2 {
			x := int32(k)
			for range length {
				x = g.add(FMA, Kind64, x, x, int32(k))
				chain[x] = k
			}
		}
		before := slices.Clone(g.Code)
		g.Schedule()
		turns := 0
		for i := range g.Code[1:] {
			if chain[g.Code[i].Dst] != chain[g.Code[i+1].Dst] {
				turns++
			}
		}
		if short := len(before) < scheduled; short && !slices.Equal(g.Code, before) || !short && turns < length {
			t.Errorf("chains of %d: %d turns", length, turns)
		}
		if c := g.LongestChain(); c != 4*length {
			t.Errorf("the longest chain of %d multiply-adds takes %d cycles", length, c)
		}
	}
}

// Whatever moves, everything is computed once, from what it was computed from before: operands come first, a value is held until its guard has used it, accumulators change in their order, and no output is stored before
// the inputs of its part are read.
func TestScheduleOrder(t *testing.T) {
	moved := 0
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		g, accumulator := newScheduleTest(6)
		if seed%2 == 1 {
			g.Overlaid = make([][]uint8, 256)
			for k := range g.Overlaid {
				if r.IntN(2) == 0 {
					g.Overlaid[k] = []uint8{uint8(r.IntN(6))}
				}
			}
		}
		values := []int32{0, 1, 2, 3, 4, 5}
		var masks []int32
		var last []Instr // stores to the place of what is read
		pick := func() int32 { return values[max(len(values)-1-r.IntN(12), 0)] }
		for len(g.Code) < 64+r.IntN(200) {
			switch n := r.IntN(12); {
			case n == 0:
				masks = append(masks, g.add(Cmp, KindMask, pick(), pick(), None))
			case n == 1 && len(masks) > 0:
				x, y := pick(), pick()
				values = append(values, g.add([]Op{Guard, GuardAll}[r.IntN(2)], Kind64, x, masks[r.IntN(len(masks))], pick()))
				g.Code[len(g.Code)-1].Extra = y
				g.Code = append(g.Code, Instr{Op: Hold, Dst: None, A: y, B: None, C: None, Extra: int32(len(g.Code))})
			case n == 2:
				g.Code = append(g.Code, Instr{Op: Add, Dst: accumulator, A: accumulator, B: pick(), C: None})
			case n == 3:
				g.Code = append(g.Code, Instr{Op: Merge, Dst: None, A: pick(), B: None, C: accumulator})
			case n == 4 && len(g.Code) > 50:
				in := Instr{Op: Store, Dst: None, A: pick(), B: None, C: None, Part: uint8(r.IntN(2)), Imm: uint8(len(g.Code))}
				if g.Overlaid != nil && len(g.Overlaid[in.Imm]) > 0 {
					last = append(last, in)
				} else {
					g.Code = append(g.Code, in)
				}
			default:
				values = append(values, g.add([]Op{FMA, Mul, Div, Xor}[r.IntN(4)], Kind64, pick(), pick(), pick()))
			}
		}
		g.Code = append(g.Code, last...)
		before := slices.Clone(g.Code)
		g.Schedule()
		if !slices.Equal(before, g.Code) {
			moved++
		}
		checkSchedule(t, g, before, accumulator)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	if moved < 290 {
		t.Errorf("only %d programs of 300 changed", moved)
	}
}

func checkSchedule(t *testing.T, g *Generator, before []Instr, accumulator int32) {
	places := map[Instr][]int{} // equal instructions may change places
	for i, in := range g.Code {
		places[in] = append(places[in], i)
	}
	var accumulating []Instr
	reads := map[ArrayPart]int{} // the last place of each
	defined := map[int32]int{}
	for i, in := range g.Code {
		if in.Dst != None && in.Dst != accumulator {
			defined[in.Dst] = i
		}
		for _, v := range []int32{in.A, in.B, in.C, in.Extra} {
			if v != None && v < 6 && in.Op != Store && (v != in.Extra || in.fourth() != None) {
				reads[ArrayPart{uint8(v), uint8(v % 2)}] = i
			}
		}
	}
	for i, in := range before {
		if len(places[in]) == 0 {
			t.Fatalf("%v is lost", in)
		}
		at := places[in][0]
		places[in] = places[in][1:]
		for _, v := range []int32{in.A, in.B, in.C, in.fourth()} {
			if d, ok := defined[v]; ok && d >= at {
				t.Errorf("%v at %d reads what is computed at %d", in, at, d)
			}
		}
		if in.A == accumulator || in.C == accumulator {
			accumulating = append(accumulating, in)
		}
		for array := range uint8(6) {
			overlaid := g.Overlaid == nil || slices.Contains(g.Overlaid[in.Imm], array)
			if last := reads[ArrayPart{array, in.Part}]; in.Op == Store && overlaid && at < last {
				t.Errorf("%v at %d, before an input of its part is read at %d", in, at, last)
			}
		}
		if in.Op == Hold && at < defined[before[i-1].Dst] {
			t.Errorf("%v at %d, before its guard at %d", in, at, defined[before[i-1].Dst])
		}
	}
	for _, in := range g.Code {
		if in.A == accumulator || in.C == accumulator {
			if in != accumulating[0] {
				t.Errorf("%v instead of %v", in, accumulating[0])
			}
			accumulating = accumulating[1:]
		}
	}
}
