package native

import (
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
)

// allocated returns the bytes that f allocates, freed ones included.
func allocated(f func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

// TestMemoryBounds compares what machine code takes, and making it, with the bounds: each operation alone and many times over few
// and over many temporaries, and scalars far apart in a large arena.
func TestMemoryBounds(t *testing.T) {
	if ok, why := Available(); !ok {
		t.Skip(why)
	}
	if raceSlowdown > 1 {
		t.Skip("the race detector allocates")
	}
	r := rand.New(rand.NewPCG(5, 6))
	tight, compiled := 0, 0
	check := func(what string, s *micro.Straight, arena int) {
		t.Helper()
		code, making := StraightMemory(s, int64(arena))
		var c *Straight
		var err error
		used := allocated(func() { c, err = CompileStraight(s, StraightOptions{ArenaBytes: arena}) })
		if err != nil {
			return // without a native form
		}
		compiled++
		took := int64(len(c.pages.mapped) + len(c.consts) + c.ScratchBytes())
		if took > code || used-took > making {
			t.Errorf("%s: %d bytes of code of at most %d, %d made it of at most %d", what, took, code, used, making)
		}
		if len(s.Code) > 100 && took > code/16 {
			tight++
		}
		c.Close()
	}
	for _, in := range everyInstr() {
		for _, n := range []int{1, 300} {
			for _, temps := range []int{2, n} {
				s := &micro.Straight{TempLo: 16, TempHi: uint32(16 + 2*temps)}
				for i := range n {
					c := in
					c.Dst, c.A, c.B, c.C = 16+2*uint32(i%temps), 0, 2, 4
					s.Code = append(s.Code, c)
				}
				check(in.Op.String()+"."+in.Type.String(), s, 64+8*temps)
			}
		}
		l := &micro.Loop{Dims: []int{10000}, Temps: 1, OutRegs: []uint32{3}, Out: []micro.Access{{Type: in.Result(), Strides: []int{1}}}}
		for k := range 3 {
			a := micro.Access{Type: in.Type, Strides: []int{1}}
			if k < in.Op.Arity() {
				a.Type = in.OperandType(k)
			}
			l.In = append(l.In, a)
		}
		for _, n := range []int{1, 20} {
			l.Code = nil
			for range n {
				c := in
				c.Dst, c.A, c.B, c.C = 3, 0, 1, 2
				l.Code = append(l.Code, c)
			}
			code, runs, making := LoopMemory(l, 1)
			code += runs
			var c *Loop
			var err error
			used := allocated(func() { c, err = CompileLoop(l, LoopOptions{}) })
			if err != nil {
				continue
			}
			compiled++
			took := int64(len(c.pages.mapped)+len(c.consts)) + allocated(func() { c.NewWork() })
			if took > code || used > making {
				t.Errorf("loop of %d %v.%v: %d bytes of code of at most %d, %d made it of at most %d", n, in.Op, in.Type, took, code, used, making)
			}
			c.Close()
		}
	}
	for _, n := range []int{20000, 100000} {
		for _, temps := range []int{4, n} {
			s := &micro.Straight{TempLo: 16, TempHi: uint32(16 + 2*temps)}
			for i := range n {
				from := uint32(0)
				if i > 0 {
					from = 16 + 2*uint32(r.IntN(min(i, temps)))
				}
				s.Code = append(s.Code, micro.Instr{Op: micro.Add, Type: dtype.Float64, Dst: 16 + 2*uint32(i%temps), A: from, B: from})
			}
			check("many additions", s, 64+8*temps)
		}
	}
	far := &micro.Straight{TempLo: 16, TempHi: 16 + 1<<27, Code: []micro.Instr{
		{Op: micro.Add, Type: dtype.Float64, Dst: 16, A: 0, B: 1 << 28}, {Op: micro.Add, Type: dtype.Float64, Dst: 1<<28 + 2, A: 16, B: 0}}}
	for range DefaultChunk {
		far.Code = append(far.Code, micro.Instr{Op: micro.Add, Type: dtype.Float64, Dst: 16 + 2*uint32(r.IntN(1<<26)), A: 0, B: 0})
	}
	check("cells far apart", far, 1<<30+64)
	t.Logf("%d programs compiled, %d near their bound", compiled, tight)
	if compiled < 500 || tight < 100 {
		t.Errorf("%d programs compiled, %d near their bound", compiled, tight)
	}
}

// everyInstr returns an instruction of each operation and type that has one.
func everyInstr() (list []micro.Instr) {
	for op := micro.Op(1); int(op) < micro.Count; op++ {
		for d := dtype.DType(1); d < dtype.Count; d++ {
			for to := dtype.DType(0); to < dtype.Count; to++ {
				if in := (micro.Instr{Op: op, Type: d, To: to}); (op == micro.Cast) == (to != 0) && Supported(op, d, to) {
					list = append(list, in)
				}
			}
		}
	}
	return list
}
