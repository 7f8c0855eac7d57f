package native

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
)

// TestStepsRandom compares loops around random programs with the same loops in Go: arrays loaded and stored forwards and backwards, carries, and moves through
// temporary memory, in one run and in pieces.
func TestStepsRandom(t *testing.T) {
	needNative(t)
	ops := everyOp(func(op micro.Op, d, to dtype.DType) bool { return op != micro.Copysign && Supported(op, d, to) })
	compiled, moved, saved, ended := 0, 0, 0, 0
	for seed := range uint64(200 / raceSlowdown) {
		r := rand.New(rand.NewPCG(seed, 77))
		p := newRandomProgram(r, 1+r.IntN(80), 4+r.IntN(30), ops)
		const steps = 7
		l := &StepLoop{Reverse: r.IntN(2) == 0}
		var arrays [][]byte
		array := func(size int) int {
			b := make([]byte, steps*size)
			for i := range steps {
				d := map[int]dtype.DType{4: dtype.Float32, 8: dtype.Float64}[size]
				writeCell(b, uint32(i*size/4), d, randomBits(r, d))
			}
			arrays = append(arrays, b)
			return len(arrays) - 1
		}
		fits := func(c typedCell) bool { return c.t.Size() >= 4 }
		taken := map[uint32]bool{}
		for range r.IntN(30) {
			if c := p.inputs[r.IntN(len(p.inputs))]; fits(c) && !taken[c.cell] && (c.t == dtype.Float64 || c.t == dtype.Float32) {
				taken[c.cell] = true
				l.Loads = append(l.Loads, StepCopy{array(c.t.Size()), int64(4 * c.cell), c.t.Size()})
			}
		}
		if len(p.outputs) > 0 {
			for range r.IntN(30) {
				if c := p.outputs[r.IntN(len(p.outputs))]; fits(c) {
					l.Stores = append(l.Stores, StepCopy{array(c.t.Size()), int64(4 * c.cell), c.t.Size()})
				}
			}
			for range r.IntN(30) {
				from, to := p.outputs[r.IntN(len(p.outputs))], p.inputs[r.IntN(len(p.inputs))]
				if from.t != to.t || !fits(from) || taken[to.cell] {
					continue
				}
				taken[to.cell] = true
				m := StepMove{Dst: int64(4 * to.cell), Src: int64(4 * from.cell), Bytes: from.t.Size()}
				if r.IntN(3) == 0 {
					at := int64(8 * len(l.Moves))
					l.Moves = append(l.Moves, StepMove{Dst: at, DstTemp: true, Src: m.Src, Bytes: m.Bytes})
					m.Src, m.SrcTemp = at, true
					saved++
				}
				moved++
				l.Moves = append(l.Moves, m)
			}
		}
		for _, c := range p.outputs {
			if c.t == dtype.Bool && r.IntN(2) == 0 {
				l.Test, l.TestAt = true, int64(4*c.cell)
			}
		}
		l.Arrays = len(arrays)
		code, err := CompileSteps(&p.code, l, StraightOptions{ArenaBytes: len(p.arena)})
		if err != nil {
			t.Fatal(err)
		}
		compiled++
		if text := code.Listing(); strings.Contains(text, "unreadable") || !strings.Contains(text, "jne") && !strings.Contains(text, "cmp x15, x20") {
			t.Fatalf("seed %d: the listing is\n%s", seed, text)
		}
		code2, making := StepsMemory(&p.code, l, int64(len(p.arena)))
		if took := int64(len(code.pages.mapped) + len(code.consts) + code.ScratchBytes()); took > code2 || making <= 0 {
			t.Errorf("seed %d: %d bytes of at most %d", seed, took, code2)
		}
		// In Go.
		want, wantArrays := append([]byte(nil), p.arena...), clone(arrays)
		temp := make([]byte, 8*len(l.Moves)+8)
		first, last, by := 0, steps, 1
		if l.Reverse {
			first, last, by = steps-1, -1, -1
		}
		end := last
		for k := first; k != last; k += by {
			for _, c := range l.Loads {
				copy(want[c.At:][:c.Bytes], wantArrays[c.Array][k*c.Bytes:])
			}
			runReference(&p.code, want)
			for _, c := range l.Stores {
				copy(wantArrays[c.Array][k*c.Bytes:][:c.Bytes], want[c.At:])
			}
			if l.Test && want[l.TestAt] == 0 {
				end = k
				ended++
				break
			}
			for _, m := range l.Moves {
				dst, src := want, want
				if m.DstTemp {
					dst = temp
				}
				if m.SrcTemp {
					src = temp
				}
				copy(dst[m.Dst:][:m.Bytes], src[m.Src:])
			}
		}
		for _, piece := range []int{steps, 1, 3} {
			got := newGuarded(p.arena)
			var table []unsafe.Pointer
			var guards []guarded
			for _, a := range arrays {
				guards = append(guards, newGuarded(a))
				table = append(table, base(guards[len(guards)-1].arena))
			}
			scratch := newGuarded(make([]byte, len(temp)))
			table = append(table, base(scratch.arena))
			for at := 0; at < steps; at += piece {
				to := first + min(at+piece, steps)*by
				stopped := code.Run(base(got.arena), len(got.arena), make([]byte, code.ScratchBytes()), table, first+at*by, to)
				if stopped != to || to == last {
					if stopped != end {
						t.Errorf("seed %d, pieces of %d: ends at step %d, want %d", seed, piece, stopped, end)
					}
					break
				}
			}
			if !got.intact() || !scratch.intact() {
				t.Fatalf("seed %d: written outside of the arena", seed)
			}
			for _, c := range append(append([]typedCell(nil), p.inputs...), p.outputs...) {
				if x, y := readCell(want, c.cell, c.t), readCell(got.arena, c.cell, c.t); !sameBits(c.t, x, y) {
					t.Fatalf("seed %d, pieces of %d: cell %d (%s) is %#x, want %#x\n%s", seed, piece, c.cell, c.t, y, x, code.Listing())
				}
			}
			for _, c := range l.Stores {
				d := map[int]dtype.DType{4: dtype.Float32, 8: dtype.Float64}[c.Bytes]
				for k := range steps {
					x, y := readCell(wantArrays[c.Array], uint32(k*c.Bytes/4), d), readCell(guards[c.Array].arena, uint32(k*c.Bytes/4), d)
					if !sameBits(d, x, y) || !guards[c.Array].intact() {
						t.Fatalf("seed %d, pieces of %d: array %d, element %d is %#x, want %#x", seed, piece, c.Array, k, y, x)
					}
				}
			}
		}
		code.Close()
	}
	t.Logf("%d loops, %d moves, %d of them through temporary memory, %d ended by a test", compiled, moved, saved, ended)
	if compiled < 20 || moved < 50 || saved < 15 || ended < 5 {
		t.Error("too little is tested")
	}
}

func clone(list [][]byte) [][]byte {
	out := make([][]byte, len(list))
	for i, b := range list {
		out[i] = append([]byte(nil), b...)
	}
	return out
}

// TestStepsRefused gives the compiler copies that would leave the arena.
func TestStepsRefused(t *testing.T) {
	needNative(t)
	s := &micro.Straight{Code: []micro.Instr{{Op: micro.Neg, Type: dtype.Float64, Dst: 2}}}
	for i, l := range []StepLoop{
		{Arrays: 1, Loads: []StepCopy{{Array: 1, Bytes: 8}}},
		{Arrays: 1, Loads: []StepCopy{{Array: -1, Bytes: 8}}},
		{Arrays: 1, Loads: []StepCopy{{At: 60, Bytes: 8}}},
		{Arrays: 1, Stores: []StepCopy{{At: -4, Bytes: 4}}},
		{Arrays: 1, Stores: []StepCopy{{Bytes: 1}}},
		{Moves: []StepMove{{Dst: 64, Bytes: 4}}},
		{Moves: []StepMove{{Src: 64, Bytes: 4}}},
		{Moves: []StepMove{{Dst: -8, DstTemp: true, Bytes: 8}}},
		{Moves: []StepMove{{Bytes: 3}}},
		{Arrays: 1 << 30},
	} {
		if _, err := CompileSteps(s, &l, StraightOptions{ArenaBytes: 64}); err == nil {
			t.Errorf("case %d compiles", i)
		}
	}
	if _, err := CompileSteps(s, &StepLoop{Arrays: 1, Loads: []StepCopy{{At: 56, Bytes: 8}}, Moves: []StepMove{{Dst: 0, Src: 8, Bytes: 8}}}, StraightOptions{ArenaBytes: 64}); err != nil {
		t.Error(err)
	}
}
