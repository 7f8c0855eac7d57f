package native

import (
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
)

func needNative(t testing.TB) {
	if ok, reason := Available(); !ok {
		t.Skip(reason)
	}
}

// needLoops skips where vector code is not made.
func needLoops(t testing.TB) {
	needNative(t)
	if BestLevel() == cpu.Portable {
		t.Skip("no vector code")
	}
}

const guardWord = 0xA5

// Guarded is an arena between two guard zones.
type guarded struct {
	all   []byte
	arena []byte
}

func newGuarded(content []byte) guarded {
	all := make([]byte, len(content)+512)
	for i := range all {
		all[i] = guardWord
	}
	g := guarded{all, all[256 : 256+len(content)]}
	copy(g.arena, content)
	return g
}

func (g guarded) intact() bool {
	for i, b := range g.all {
		if (i < 256 || i >= 256+len(g.arena)) && b != guardWord {
			return false
		}
	}
	return true
}

func base(arena []byte) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(arena)) }

// checkProgram compares native code with the reference on all cells that stay visible.
func checkProgram(t *testing.T, p *randomProgram, o StraightOptions) {
	t.Helper()
	o.ArenaBytes = len(p.arena)
	code, err := CompileStraight(&p.code, o)
	if err != nil {
		t.Fatal(err)
	}
	want := append([]byte(nil), p.arena...)
	runReference(&p.code, want)
	got := newGuarded(p.arena)
	code.Run(base(got.arena), len(got.arena), make([]byte, code.ScratchBytes()))
	if !got.intact() {
		t.Fatal("written outside of the arena")
	}
	temp := func(i int) bool { c := uint32(i / 4); return c >= p.code.TempLo && c < p.code.TempHi }
	isOutput := make([]bool, len(want))
	for _, out := range p.outputs {
		x, y := readCell(want, out.cell, out.t), readCell(got.arena, out.cell, out.t)
		if !sameBits(out.t, x, y) {
			for k, in := range p.code.Code {
				t.Logf("%d: %v", k, in)
				if in.Dst == out.cell {
					break
				}
			}
			t.Fatalf("cell %d (%s): %#x instead of %#x\n%s", out.cell, out.t, y, x, code.Listing())
		}
		for i := 0; i < out.t.Size(); i++ {
			isOutput[int(out.cell)*4+i] = true
		}
	}
	for i := range want {
		if !isOutput[i] && !temp(i) && got.arena[i] != p.arena[i] {
			t.Fatalf("byte %d is no output but was changed", i)
		}
	}
}

// TestStraightRandom compares native code with the reference on random programs of every
// supported operation.
func TestStraightRandom(t *testing.T) {
	needNative(t)
	all := everyOp(Supported)
	plain := everyOp(func(op micro.Op, d, to dtype.DType) bool {
		return d == dtype.Float64 && (op <= micro.Div || fusedOps[op] != 0 || op == micro.Neg) && op != micro.Mov && Supported(op, d, to)
	})
	programs := 0
	for seed := range uint64(400 / raceSlowdown) {
		r := rand.New(rand.NewPCG(seed, 1))
		ops := all
		if seed%2 == 0 {
			ops = plain
		}
		p := newRandomProgram(r, 1+r.IntN(400), 4+r.IntN(60), ops)
		o := StraightOptions{}
		if seed%3 == 0 {
			o.Chunk = 1 + r.IntN(50)
		}
		if seed%5 == 0 {
			o.Level = cpu.AVX2
		}
		checkProgram(t, p, o)
		programs++
	}
	t.Logf("scalar native code: %d random programs over %d operations agree with the reference", programs, len(all))
	if programs < 400/raceSlowdown || len(all) < 170 || len(plain) < 8 {
		t.Errorf("only %d programs over %d operations, %d of them plain", programs, len(all), len(plain))
	}
}

// manyLiveProgram computes n values from a number of temporaries, each time in the place of one of
// them, and copies all that are left to outputs. Halving keeps them within [−1, 1], so that every mistake shows.
func manyLiveProgram(r *rand.Rand, n, live int) *randomProgram {
	cell := func(i int) uint32 { return uint32(2 * i) }
	const inputs = 20
	half, temps := cell(inputs), inputs+1
	outputs := temps + live + 1
	p := &randomProgram{arena: make([]byte, 8*(outputs+live))}
	p.code.TempLo, p.code.TempHi = cell(temps), cell(outputs)
	emit := func(op micro.Op, dst, a, b, c uint32) {
		p.code.Code = append(p.code.Code, micro.Instr{Op: op, Type: dtype.Float64, Dst: dst, A: a, B: b, C: c})
	}
	for i := range inputs {
		writeCell(p.arena, cell(i), dtype.Float64, math.Float64bits(2*r.Float64()-1))
	}
	writeCell(p.arena, half, dtype.Float64, math.Float64bits(0.5))
	for i := range live {
		emit(micro.Mul, cell(temps+i), cell(r.IntN(inputs)), cell(r.IntN(inputs)), 0)
	}
	any := func() uint32 { return cell(temps + r.IntN(live)) }
	sum := cell(temps + live)
	for range n {
		a, b, dst := any(), any(), any()
		switch r.IntN(4) {
		case 0:
			emit(micro.Add, sum, a, b, 0)
		case 1:
			emit(micro.Sub, sum, a, b, 0)
		case 2:
			emit(micro.Mul, sum, a, b, 0)
		case 3:
			emit(micro.FMA, sum, half, a, b)
			emit(micro.Mul, sum, sum, half, 0)
		}
		emit(micro.Mul, dst, sum, half, 0)
	}
	for i := range live {
		emit(micro.Mov, cell(outputs+i), cell(temps+i), 0, 0)
		p.outputs = append(p.outputs, typedCell{cell(outputs + i), dtype.Float64})
	}
	return p
}

// TestStraightManyLive keeps hundreds of values alive, over the ends of chunks, so that slots take more windows than
// there are registers for them. The address of an operand was once found before the register in it moved on.
func TestStraightManyLive(t *testing.T) {
	needNative(t)
	programs := 0
	for seed := range uint64(max(4, 40/raceSlowdown)) {
		r := rand.New(rand.NewPCG(seed, 2))
		live := 2 + r.IntN(1200)
		p := manyLiveProgram(r, 20*live, live)
		o := StraightOptions{Chunk: 50 + r.IntN(9000)}
		if seed%5 == 0 {
			o.Level = cpu.AVX2
		}
		checkProgram(t, p, o)
		programs++
	}
	// Code in large pages, of which the next chunk is read ahead.
	p := manyLiveProgram(rand.New(rand.NewPCG(1, 3)), 60000, 1000)
	checkProgram(t, p, StraightOptions{})
	if code, err := CompileStraight(&p.code, StraightOptions{ArenaBytes: len(p.arena)}); err != nil || code.CodeBytes() < largeCode {
		t.Errorf("the largest program has %d bytes of code: %v", code.CodeBytes(), err)
	}
	t.Logf("scalar native code: %d programs with many live values agree with the reference", programs+1)
}

// TestShortDisplacements reads scalars near the arena's base register, farther, where EVEX has a byte of displacement, and beyond.
func TestShortDisplacements(t *testing.T) {
	needNative(t)
	if BestLevel() < cpu.AVX512 {
		t.Skip("no EVEX")
	}
	for _, c := range []struct {
		typ   dtype.DType
		level cpu.Level
		at    uint32 // in bytes; the base register is 128 beyond the arena
		bytes int
	}{
		{dtype.Float64, cpu.AVX512, 248, 5}, {dtype.Float64, cpu.AVX512, 256, 7}, {dtype.Float64, cpu.AVX512, 128 + 127*8, 7}, {dtype.Float64, cpu.AVX512, 128 + 128*8, 8},
		{dtype.Float64, cpu.AVX2, 256, 8},
		{dtype.Float32, cpu.AVX512, 252, 5}, {dtype.Float32, cpu.AVX512, 128 + 127*4, 7}, {dtype.Float32, cpu.AVX512, 128 + 128*4, 8},
	} {
		s := &micro.Straight{Code: []micro.Instr{{Op: micro.Mov, Type: c.typ, Dst: 0, A: c.at / 4}}}
		code, err := CompileStraight(s, StraightOptions{ArenaBytes: 4096, Level: c.level})
		if err != nil {
			t.Fatal(err)
		}
		load := strings.Fields(code.Listing())[1]
		if len(load)/2 != c.bytes {
			t.Errorf("%v at %d with %v: %s has %d bytes, want %d", c.typ, c.at, c.level, load, len(load)/2, c.bytes)
		}
		code.Close()
	}
	// Registers point to places among 1000 temporaries so that most are within reach.
	p := manyLiveProgram(rand.New(rand.NewPCG(1, 4)), 5000, 1000)
	code, err := CompileStraight(&p.code, StraightOptions{ArenaBytes: len(p.arena), NoLanes: true})
	if err != nil {
		t.Fatal(err)
	}
	defer code.Close()
	slots, far := 0, 0 // accesses, and those with a displacement of four bytes
	for line := range strings.Lines(code.Listing()) {
		if f := strings.Fields(line); strings.Contains(line, "[") && !strings.Contains(line, "lea") {
			slots++
			if len(f[1]) > 2*7 {
				far++
			}
		}
	}
	if 10*far > slots {
		t.Errorf("%d of %d accesses have long displacements", far, slots)
	}
}

// TestStraightEveryOp runs every supported operation alone on many values.
func TestStraightEveryOp(t *testing.T) {
	needNative(t)
	for _, o := range everyOp(Supported) {
		r := rand.New(rand.NewPCG(uint64(o.op), uint64(o.t)))
		p := newRandomProgram(r, 60, 20, []typedOp{o})
		p.scatterInputs(r)
		checkProgram(t, p, StraightOptions{})
	}
}

// TestStraightUnderPressure runs native code while the collector, the profiler and other
// goroutines are busy.
func TestStraightUnderPressure(t *testing.T) {
	needNative(t)
	if err := pprof.StartCPUProfile(io.Discard); err != nil {
		t.Skip(err)
	}
	defer pprof.StopCPUProfile()
	var stop atomic.Bool
	var wg sync.WaitGroup
	wg.Go(func() {
		var keep [][]byte
		for !stop.Load() {
			keep = append(keep, make([]byte, 1<<14))
			if len(keep) > 100 {
				keep = nil
				runtime.GC()
			}
		}
	})
	ops := everyOp(Supported)
	var workers sync.WaitGroup
	for w := range uint64(3) {
		workers.Go(func() {
			r := rand.New(rand.NewPCG(w, 7))
			p := newRandomProgram(r, 3000, 80, ops)
			want := append([]byte(nil), p.arena...)
			runReference(&p.code, want)
			for k := range max(1, 8/raceSlowdown) {
				code, err := CompileStraight(&p.code, StraightOptions{ArenaBytes: len(p.arena), Chunk: 500 * (1 + k%4)})
				if err != nil {
					t.Error(err)
					return
				}
				for range 10 {
					g := newGuarded(p.arena)
					code.Run(base(g.arena), len(g.arena), make([]byte, code.ScratchBytes()))
					for _, out := range p.outputs {
						if !sameBits(out.t, readCell(want, out.cell, out.t), readCell(g.arena, out.cell, out.t)) || !g.intact() {
							t.Errorf("cell %d differs", out.cell)
							return
						}
					}
				}
			}
		})
	}
	workers.Wait()
	stop.Store(true)
	wg.Wait()
}

// TestStraightRejects gives programs whose cells must not be trusted.
func TestStraightRejects(t *testing.T) {
	needNative(t)
	add := func(dst, a, b uint32) micro.Instr {
		return micro.Instr{Op: micro.Add, Type: dtype.Float64, Dst: dst, A: a, B: b}
	}
	cases := map[string]micro.Straight{
		"operand outside":      {Code: []micro.Instr{add(2, 0, 16)}},
		"last cell of 8 bytes": {Code: []micro.Instr{{Op: micro.Neg, Type: dtype.Float64, Dst: 0, A: 15}}},
		"result outside":       {Code: []micro.Instr{add(1<<30, 0, 2)}},
		"far outside":          {Code: []micro.Instr{add(0, 1<<32-2, 2)}},
		"odd":                  {Code: []micro.Instr{add(3, 0, 2)}},
		"overlap":              {Code: []micro.Instr{add(4, 0, 2), {Op: micro.Neg, Type: dtype.Float32, Dst: 6, A: 5}}},
		"overlap of a result":  {Code: []micro.Instr{{Op: micro.Neg, Type: dtype.Float32, Dst: 6, A: 5}, add(4, 0, 2)}},
		"temporaries outside":  {Code: []micro.Instr{add(4, 0, 2)}, TempLo: 8, TempHi: 40},
		"reversed temporaries": {Code: []micro.Instr{add(4, 0, 2)}, TempLo: 8, TempHi: 4},
	}
	for name, s := range cases {
		if _, err := CompileStraight(&s, StraightOptions{ArenaBytes: 64}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	_, err := CompileStraight(&micro.Straight{Code: []micro.Instr{add(4, 0, 2), {Op: micro.Polygamma, Type: dtype.Float64, Dst: 6, A: 0, B: 2}}}, StraightOptions{ArenaBytes: 64})
	var unsupported *ErrUnsupported
	if !errors.As(err, &unsupported) || unsupported.Op != micro.Polygamma || unsupported.Instr != 1 {
		t.Errorf("polygamma: %v", err)
	}
	for _, in := range []micro.Instr{{}, {Op: 255, Type: dtype.Float64}, {Op: micro.Add, Type: 77}, {Op: micro.Cast, Type: dtype.Float64, To: 99}, {Op: micro.Sin, Type: dtype.Bool}} {
		if _, err := CompileStraight(&micro.Straight{Code: []micro.Instr{in}}, StraightOptions{ArenaBytes: 64}); !errors.As(err, &unsupported) {
			t.Errorf("%v: %v", in, err)
		}
	}
	if _, err := CompileStraight(&micro.Straight{}, StraightOptions{}); err != nil {
		t.Errorf("empty program: %v", err)
	}
}

// TestStraightPrograms compares the programs of the benchmarks with the reference.
func TestStraightPrograms(t *testing.T) {
	needNative(t)
	check := func(name string, s *micro.Straight, arena []float64) {
		p, n := floatBytes(arena)
		want := append([]float64(nil), arena...)
		q, _ := floatBytes(want)
		runReference(s, unsafe.Slice((*byte)(q), n))
		code, err := CompileStraight(s, StraightOptions{ArenaBytes: n})
		if err != nil {
			t.Fatal(err)
		}
		code.Run(p, n, make([]byte, code.ScratchBytes()))
		for i := range want {
			if c := uint32(2 * i); (c < s.TempLo || c >= s.TempHi) && !sameBits(dtype.Float64, math.Float64bits(want[i]), math.Float64bits(arena[i])) {
				t.Fatalf("%s: element %d is %v instead of %v", name, i, arena[i], want[i])
			}
		}
	}
	s, arena := seedProgram()
	check("seed", s, arena)
	if arena[2] != 37 || arena[3] != 10 || arena[4] != 11 {
		t.Errorf("seed: %v", arena)
	}
	s, arena, _, _, _ = rosenbrockProgram(3000)
	check("rosenbrock", s, arena)
	s, arena = twoPhaseProgram(3000)
	check("two phases", s, arena)
	s, arena = irregularProgram(20000)
	check("irregular", s, arena)
}
