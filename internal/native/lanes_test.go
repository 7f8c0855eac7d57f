package native

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
)

// newRegularProgram repeats a random body over neighbouring cells: shifted reads, shared
// constants, values handed to the next repetition, chains, neighbouring and interleaved outputs,
// and single instructions in between that spoil the rhythm.
func newRegularProgram(r *rand.Rand, repeats int) *randomProgram {
	const shifts, manySteps = 3, 100
	b := newProgramBuilder()
	arrays := make([]uint32, 1+r.IntN(3))
	p := &randomProgram{}
	input := func(c uint32) uint32 {
		p.inputs = append(p.inputs, typedCell{c, dtype.Float64})
		return c
	}
	for k := range arrays {
		arrays[k] = b.next
		for range repeats + shifts {
			input(b.cell())
		}
	}
	consts := []uint32{input(b.cell()), input(b.cell())}
	type step struct {
		op    micro.Op
		from  [3]int // −1 array, −2 constant, −3 carried from the repetition before, else a step
		array [3]int
		shift [3]int
		swap  bool
	}
	ops := []micro.Op{micro.Add, micro.Sub, micro.Mul, micro.Div, micro.FMA, micro.Neg, micro.Abs, micro.Sqrt, micro.Min, micro.Round, micro.Add, micro.Mul, micro.FMA, micro.FMS, micro.FNMA}
	if r.IntN(4) == 0 {
		ops = append(ops, micro.Max, micro.Exp, micro.Sign)
	}
	count := 2 + r.IntN(14)
	if r.IntN(6) == 0 {
		count = manySteps // more live vectors than registers
		repeats = 8 + r.IntN(12)
		ops = []micro.Op{micro.Add, micro.Sub, micro.Mul}
	}
	steps := make([]step, count)
	for k := range steps {
		s := &steps[k]
		s.op = ops[r.IntN(len(ops))]
		s.swap = r.IntN(4) == 0
		for j := range s.from {
			s.array[j], s.shift[j] = r.IntN(len(arrays)), r.IntN(shifts)
			switch x := r.IntN(10); {
			case k > 0 && x < 6:
				s.from[j] = r.IntN(k)
			case x < 8:
				s.from[j] = -1
			case x < 9 || k == 0 || count == manySteps:
				s.from[j] = -2
			default:
				s.from[j] = -3
			}
		}
	}
	outs := make([]uint32, len(steps)) // first cell of each step's outputs, with a stride
	strides := make([]uint32, len(steps))
	for k := range steps {
		if strides[k] = []uint32{0, 0, 2, 2, 4}[r.IntN(5)]; strides[k] != 0 || k == len(steps)-1 {
			strides[k] = max(strides[k], 2)
			outs[k] = b.next
			for range repeats {
				for range strides[k] / 2 {
					b.cell()
				}
			}
		}
	}
	acc := b.op(micro.Mov, b.temp(), consts[0])
	carried := b.op(micro.Mov, b.temp(), consts[1])
	chained := r.IntN(len(steps))
	for i := range repeats {
		cells := make([]uint32, len(steps))
		for k, s := range steps {
			var v [3]uint32
			for j := range v {
				switch s.from[j] {
				case -1:
					v[j] = arrays[s.array[j]] + uint32(2*(i+s.shift[j]))
				case -2:
					v[j] = consts[j%2]
				case -3:
					v[j] = carried
				default:
					v[j] = cells[s.from[j]]
				}
			}
			if s.swap && i%2 == 1 && (s.op == micro.Add || s.op == micro.Mul) {
				v[0], v[1] = v[1], v[0]
			}
			var dst uint32
			if strides[k] != 0 {
				dst = outs[k] + uint32(i)*strides[k]
				p.outputs = append(p.outputs, typedCell{dst, dtype.Float64})
			} else {
				dst = b.temp()
			}
			cells[k] = b.op(s.op, dst, v[:s.op.Arity()]...)
		}
		if r.IntN(40) == 0 {
			c := b.cell()
			p.outputs = append(p.outputs, typedCell{b.op(micro.Sub, c, acc, carried), dtype.Float64})
		}
		next := b.op([]micro.Op{micro.Add, micro.Mul}[chained%2], b.temp(), acc, cells[chained])
		b.drop(acc, carried)
		acc = next
		carried = b.op(micro.Neg, b.temp(), cells[len(cells)-1])
		for k, c := range cells {
			if strides[k] == 0 {
				b.drop(c)
			}
		}
	}
	last := b.cell()
	p.outputs = append(p.outputs, typedCell{b.op(micro.Add, last, acc, carried), dtype.Float64})
	s, arena := b.finish()
	p.code = *s
	p.arena = make([]byte, 8*len(arena))
	p.scatterInputs(r)
	return p
}

// TestLanesRandom compares programs with repeated parts with the reference.
func TestLanesRandom(t *testing.T) {
	needNative(t)
	if BestLevel() < cpu.AVX512 {
		t.Skip("lanes need AVX-512")
	}
	withLanes := 0
	const programs = 400 / raceSlowdown
	for seed := range uint64(programs) {
		r := rand.New(rand.NewPCG(seed, 11))
		p := newRegularProgram(r, 8+r.IntN(60))
		o := StraightOptions{}
		if seed%3 == 0 {
			o.Chunk = 40 + r.IntN(200)
		}
		checkProgram(t, p, o)
		o.ArenaBytes = len(p.arena)
		code, err := CompileStraight(&p.code, o)
		if err != nil {
			t.Fatal(err)
		}
		if code.packs > 0 {
			withLanes++
		}
		plain, err := CompileStraight(&p.code, StraightOptions{ArenaBytes: len(p.arena), NoLanes: true})
		if err != nil {
			t.Fatal(err)
		}
		if plain.packs > 0 {
			t.Fatal("NoLanes is ignored")
		}
	}
	if withLanes < programs/4 {
		t.Errorf("only %d of %d programs have vector instructions", withLanes, programs)
	}
	t.Logf("lanes: %d random programs agree with the reference, %d of them with vector instructions", programs, withLanes)
}

// TestLanesRosenbrock expects most of a regular program in vector instructions.
func TestLanesRosenbrock(t *testing.T) {
	needNative(t)
	if BestLevel() < cpu.AVX512 {
		t.Skip("lanes need AVX-512")
	}
	s, arena, _, _, _ := rosenbrockProgram(2000)
	_, n := floatBytes(arena)
	code, err := CompileStraight(s, StraightOptions{ArenaBytes: n})
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(code.Listing(), "\n"); lines > len(s.Code)/3 {
		t.Errorf("%d machine instructions for %d micro-instructions", lines, len(s.Code))
	}
}
