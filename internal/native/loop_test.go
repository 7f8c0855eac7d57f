package native

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
)

func levels(t testing.TB) []cpu.Level {
	needLoops(t)
	if BestLevel() == cpu.AVX512 {
		return []cpu.Level{cpu.AVX2, cpu.AVX512}
	}
	return []cpu.Level{BestLevel()}
}

// getElement and putElement access element i of an array.
func getElement(a []byte, t dtype.DType, i int) uint64 {
	if t == dtype.Bool {
		return uint64(a[i])
	}
	return readCell(a, uint32(i*t.Size()/4), t)
}

func putElement(a []byte, t dtype.DType, i int, v uint64) {
	if t == dtype.Bool {
		a[i] = byte(v)
		return
	}
	writeCell(a, uint32(i*t.Size()/4), t, v)
}

// referenceLoop runs a one-dimensional loop of n elements; the result of a reduction is an array
// of block results.
func referenceLoop(l *micro.Loop, n int, in, out [][]byte) {
	regs := make([]uint64, len(l.In)+len(l.Consts)+l.Temps)
	var accs []uint64
	var red micro.Instr
	if l.Reduce != micro.NoReduce {
		t := l.Out[len(l.Out)-1].Type
		red = micro.Instr{Op: l.Reduce.Op(), Type: t}
		accs = make([]uint64, map[int]int{8: 8, 4: 16}[t.Size()])
	}
	results := make([][]uint64, n)
	for i := range n {
		for k, a := range l.In {
			regs[k] = getElement(in[k], a.Type, i*a.Strides[0])
		}
		for k, c := range l.Consts {
			regs[len(l.In)+k] = c.Bits
		}
		for _, ins := range l.Code {
			var v [3]uint64
			ops := ins.Operands()
			for k := 0; k < ins.Op.Arity(); k++ {
				v[k] = regs[ops[k]]
			}
			regs[ins.Dst] = reference(ins, v[0], v[1], v[2])
		}
		for _, r := range l.OutRegs {
			results[i] = append(results[i], regs[r])
		}
	}
	for k := range l.Out {
		if l.Reduce == micro.NoReduce || k < len(l.Out)-1 {
			for i := range n {
				putElement(out[k], l.Out[k].Type, i, results[i][k])
			}
			continue
		}
		for block := 0; block*micro.BlockLanes < n; block++ {
			identity := (&loopCompiler{loop: l, reduced: red.Type}).identity()
			for j := range accs {
				accs[j] = identity
			}
			for i := block * micro.BlockLanes; i < min(n, (block+1)*micro.BlockLanes); i++ {
				accs[i%len(accs)] = reference(red, accs[i%len(accs)], results[i][k], 0)
			}
			for w := len(accs) / 2; w > 0; w /= 2 {
				for j := range w {
					accs[j] = reference(red, accs[j], accs[j+w], 0)
				}
			}
			putElement(out[k], red.Type, block, accs[0])
		}
	}
}

// newRandomLoop makes a loop of n instructions from ops.
func newRandomLoop(r *rand.Rand, n int, ops []typedOp, reduce micro.ReduceKind) *micro.Loop {
	l := &micro.Loop{Dims: []int{1}, Reduce: reduce, ReduceDims: 1}
	byType := map[dtype.DType][]uint32{}
	used := map[dtype.DType]bool{}
	for _, o := range ops {
		in := micro.Instr{Op: o.op, Type: o.t, To: o.to}
		for k := 0; k < o.op.Arity(); k++ {
			used[in.OperandType(k)] = true
		}
	}
	reg := uint32(0)
	for t := dtype.Bool; t < dtype.Count; t++ {
		if !used[t] {
			continue
		}
		for k := range 1 + r.IntN(3) {
			stride := 1
			if k > 0 && r.IntN(2) == 0 {
				stride = 0
			}
			l.In = append(l.In, micro.Access{Type: t, Strides: []int{stride}})
			byType[t] = append(byType[t], reg)
			reg++
		}
	}
	for t := dtype.Bool; t < dtype.Count; t++ {
		if used[t] && r.IntN(2) == 0 {
			l.Consts = append(l.Consts, micro.Const{Type: t, Bits: randomBits(r, t)})
			byType[t] = append(byType[t], reg)
			reg++
		}
	}
	type result struct {
		reg uint32
		t   dtype.DType
	}
	var results []result
	last := map[dtype.DType]uint32{}
	for range n {
		o := ops[r.IntN(len(ops))]
		in := micro.Instr{Op: o.op, Type: o.t, To: o.to, Dst: reg}
		var v [3]uint32
		for k := 0; k < o.op.Arity(); k++ {
			c := byType[in.OperandType(k)]
			v[k] = c[r.IntN(len(c))]
			if k == 1 && o.op == micro.Copysign { // the sign of a computed NaN is not defined
				v[k] = c[0]
			}
		}
		in.A, in.B, in.C = v[0], v[1], v[2]
		l.Code = append(l.Code, in)
		byType[in.Result()] = append(byType[in.Result()], reg)
		results = append(results, result{reg, in.Result()})
		last[in.Result()] = reg
		reg++
		l.Temps++
	}
	outs := append([]result(nil), results...)
	if r.IntN(2) == 0 { // inputs can be outputs
		k := r.IntN(len(l.In))
		outs = append(outs, result{uint32(k), l.In[k].Type})
	}
	for k := range min(len(outs), 1+r.IntN(4)) {
		x := outs[len(outs)-1-k]
		l.Out = append(l.Out, micro.Access{Type: x.t, Strides: []int{1}})
		l.OutRegs = append(l.OutRegs, x.reg)
	}
	if reduce != micro.NoReduce {
		for k := len(results) - 1; ; k-- {
			if k < 0 {
				l.Reduce = micro.NoReduce
				break
			}
			x := results[k]
			if in := r.IntN(len(l.In)); r.IntN(3) == 0 {
				x = result{uint32(in), l.In[in].Type}
			}
			if x.t != dtype.Bool && (x.t != dtype.Int64 || reduce != micro.ReduceProd) {
				l.Out = append(l.Out, micro.Access{Type: x.t, Strides: []int{0}})
				l.OutRegs = append(l.OutRegs, x.reg)
				break
			}
		}
	}
	return l
}

// checkLoop compares native code with the reference for n elements. With inPlace an output lies on
// an input of its type. Half of the loops are compiled for just these places.
func checkLoop(t *testing.T, r *rand.Rand, l *micro.Loop, n int, o LoopOptions, inPlace bool) bool {
	t.Helper()
	return checkLoopOf(t, r, l, n, o, inPlace, randomBits)
}

// checkLoopOf is checkLoop with inputs that draw makes.
func checkLoopOf(t *testing.T, r *rand.Rand, l *micro.Loop, n int, o LoopOptions, inPlace bool, draw func(*rand.Rand, dtype.DType) uint64) bool {
	t.Helper()
	overlaid := make([][]int, len(l.Out))
	taken := map[int]bool{}
	for k, a := range l.Out {
		for j, b := range l.In {
			if inPlace && b.Type == a.Type && b.Strides[0] == 1 && !taken[j] && (l.Reduce == micro.NoReduce || k < len(l.Out)-1) {
				overlaid[k], taken[j] = []int{j}, true
				break
			}
		}
	}
	if r.IntN(2) == 0 {
		o.Overlaid = overlaid
	}
	o.Rows = r.IntN(3) == 0
	code, err := CompileLoop(l, o)
	var unsupported *ErrUnsupported
	if errors.As(err, &unsupported) && o.Level == cpu.AVX2 {
		return false
	}
	if err != nil {
		t.Fatal(err)
	}
	var in, want [][]byte
	var got []guarded
	var ptrs []unsafe.Pointer
	var guards []guarded
	for _, a := range l.In {
		count := 1
		if a.Strides[0] == 1 {
			count = n
		}
		b := make([]byte, count*a.Type.Size())
		for i := range count {
			putElement(b, a.Type, i, draw(r, a.Type))
		}
		in = append(in, b)
		g := newGuarded(b)
		guards = append(guards, g)
		ptrs = append(ptrs, base(g.arena))
	}
	for k, a := range l.Out {
		count := n
		if l.Reduce != micro.NoReduce && k == len(l.Out)-1 {
			count = code.Blocks(n)
		}
		want = append(want, make([]byte, count*a.Type.Size()))
		g := newGuarded(make([]byte, count*a.Type.Size()))
		for _, j := range overlaid[k] {
			g = guards[j]
		}
		got = append(got, g)
		guards = append(guards, g)
		ptrs = append(ptrs, base(g.arena))
	}
	referenceLoop(l, n, in, want)
	if w := code.NewWork(); n > 0 && n <= RunElements && !code.rowwise && r.IntN(2) == 0 {
		for k, p := range ptrs {
			code.Point(w, k, p)
		}
		code.RunPointed(n, w)
	} else {
		code.Run(n, ptrs, w)
	}
	for _, g := range guards {
		if !g.intact() {
			t.Fatalf("%s: written outside of an array\n%s", o.Level, code.Listing())
		}
	}
	for k, a := range l.Out {
		for i := range len(want[k]) / a.Type.Size() {
			x, y := getElement(want[k], a.Type, i), getElement(got[k].arena, a.Type, i)
			if !sameBits(a.Type, x, y) {
				for j, ins := range l.Code {
					t.Logf("%d: %v", j, ins)
				}
				t.Fatalf("%s, n %d, unroll %d: output %d (%s, register %d), element %d: %#x instead of %#x\n%s", o.Level, n, code.unroll, k, a.Type, l.OutRegs[k], i, y, x, code.Listing())
			}
		}
	}
	return true
}

// TestLoopEveryOp runs every supported operation alone in a loop.
func TestLoopEveryOp(t *testing.T) {
	for _, level := range levels(t) {
		count, missing := 0, []string{}
		for _, o := range everyOp(Supported) {
			r := rand.New(rand.NewPCG(uint64(o.op), uint64(o.t)<<8|uint64(o.to)))
			l := newRandomLoop(r, 1, []typedOp{o}, micro.NoReduce)
			ok := checkLoop(t, r, l, 300+r.IntN(40), LoopOptions{Level: level}, false)
			if ok {
				count++
			} else {
				missing = append(missing, fmt.Sprint(o.op, " ", o.t.Short(), " ", o.to.Short()))
			}
		}
		t.Logf("%s: %d operations agree with the reference; without a form: %s", level, count, strings.Join(missing, ", "))
		if count < 170 {
			t.Errorf("%s: only %d operations", level, count)
		}
		if level != cpu.AVX2 && len(missing) > 0 {
			t.Errorf("operations without a form for %s", level)
		}
	}
}

// TestLoopRandom compares random loops with the reference.
func TestLoopRandom(t *testing.T) {
	for _, level := range levels(t) {
		ops := everyOp(func(op micro.Op, d, to dtype.DType) bool {
			return Supported(op, d, to) && (level != cpu.AVX2 || op != micro.Cast || d != dtype.Int64 && to != dtype.Int64)
		})
		families := [][]typedOp{ops}
		for d := dtype.Int32; d < dtype.Count; d++ {
			families = append(families, everyOp(func(op micro.Op, x, to dtype.DType) bool {
				return (x == d || x == dtype.Bool) && (to == 0 || to == d) && (op != micro.Cast || x == d) && Supported(op, x, to)
			}))
		}
		programs := 0
		for seed := range uint64(300 / raceSlowdown) {
			r := rand.New(rand.NewPCG(seed, 3))
			reduce := micro.ReduceKind(0)
			if r.IntN(2) == 0 {
				reduce = micro.ReduceKind(r.IntN(5))
			}
			size := 1 + r.IntN(12)
			if seed%20 == 0 {
				size = 60
			}
			l := newRandomLoop(r, size, families[int(seed)%len(families)], reduce)
			o := LoopOptions{Level: level, Unroll: []int{0, 1, 2, 4}[r.IntN(4)]}
			n := 1 + r.IntN(40)
			if seed%7 == 0 {
				n = 1 + r.IntN(1400)
			}
			l.Dims[0] = n // by which it is unrolled
			if checkLoop(t, r, l, n, o, seed%2 == 0) {
				programs++
			}
		}
		t.Logf("%s: %d random loops agree with the reference", level, programs)
		if programs < 290/raceSlowdown {
			t.Errorf("%s: only %d random loops have code", level, programs)
		}
	}
}

// TestLoopUnrolled holds that a loop whose instructions wait for one another goes on with several vectors at once, as many as it has, and one whose instructions do not with one.
func TestLoopUnrolled(t *testing.T) {
	f := micro.Access{Type: dtype.Float64, Strides: []int{1}}
	loop := func(n int, code ...micro.Instr) *micro.Loop {
		l := &micro.Loop{Dims: []int{n}, In: []micro.Access{f}, Code: code, Temps: len(code), Out: []micro.Access{f}, OutRegs: []uint32{uint32(len(code))}}
		for i := range code {
			code[i].Type, code[i].Dst = dtype.Float64, uint32(i+1)
		}
		return l
	}
	var chain, wide []micro.Instr
	for k := range uint32(6) {
		chain = append(chain, micro.Instr{Op: micro.Tanh, A: k})
	}
	for _, op := range []micro.Op{micro.Exp, micro.Log, micro.Sin, micro.Erf, micro.Tanh, micro.Sigmoid, micro.Expm1, micro.Log1p} {
		wide = append(wide, micro.Instr{Op: op, A: 0})
	}
	for k := range uint32(7) {
		wide = append(wide, micro.Instr{Op: micro.Add, A: 1 + 2*k, B: 2 + 2*k})
	}
	for _, level := range levels(t) {
		for _, c := range []struct {
			name    string
			l       *micro.Loop
			several bool
		}{
			{"chain", loop(1000, chain...), true},
			{"short chain", loop(3, chain...), false},
			{"wide", loop(1000, wide...), false},
		} {
			code, err := CompileLoop(c.l, LoopOptions{Level: level})
			if err != nil {
				t.Fatal(err)
			}
			if several := code.unroll > 1; several != c.several && level != cpu.NEON { // whose vectors are short
				t.Errorf("%s, %s: %d vectors at once", level, c.name, code.unroll)
			}
			checkLoop(t, rand.New(rand.NewPCG(1, 1)), c.l, c.l.Dims[0], LoopOptions{Level: level}, false)
		}
	}
}

// TestLoopSpills runs loops with more live values than there are registers. An input was once read again, for a reduction,
// after an output had been stored in its place.
func TestLoopSpills(t *testing.T) {
	for _, level := range levels(t) {
		for _, d := range []dtype.DType{dtype.Float64, dtype.Float32} {
			ops := everyOp(func(op micro.Op, x, to dtype.DType) bool {
				return x == d && to == 0 && (op == micro.Add || op == micro.Sub || op == micro.Mul || fusedOps[op] != 0 || op == micro.Lt || op == micro.Select)
			})
			for seed := range uint64(30 / raceSlowdown) {
				r := rand.New(rand.NewPCG(seed, 31))
				l := newRandomLoop(r, 150+r.IntN(150), ops, micro.ReduceKind(r.IntN(2)))
				checkLoop(t, r, l, 20+r.IntN(30), LoopOptions{Level: level, Unroll: 1 + r.IntN(2)}, seed%2 == 1)
			}
		}
	}
}

// Products of which one test asks whether they are NaN are each what they are alone, wherever NaN, infinities and zeros of both signs meet.
func TestLoopProductsTestedTogether(t *testing.T) {
	for _, level := range levels(t) {
		for _, types := range [][]dtype.DType{{dtype.Float64}, {dtype.Float32}, {dtype.Float64, dtype.Float32}} {
			var ops []typedOp
			for _, d := range types {
				for _, op := range []micro.Op{micro.MulNoNan, micro.MulNoNan, micro.MulNoNan, micro.MulNoNan, micro.MulNoNan, micro.MulNoNan, micro.Mul, micro.Add, micro.Neg, micro.Sigmoid} {
					ops = append(ops, typedOp{op, d, 0})
				}
			}
			for n := range 41 {
				for k, unroll := range []int{0, 1, 2, 4} {
					r := rand.New(rand.NewPCG(uint64(n), uint64(k)))
					rare := []int{1, 10, 100}[r.IntN(3)]
					size, reduce := 1+r.IntN(12), micro.NoReduce
					if r.IntN(8) == 0 {
						size = 100 + r.IntN(100)
					}
					if r.IntN(4) == 0 {
						reduce = micro.ReduceSum
					}
					l := newRandomLoop(r, size, ops, reduce)
					l.Dims[0] = n
					checkLoopOf(t, r, l, n, LoopOptions{Level: level, Unroll: unroll}, r.IntN(2) == 0, func(r *rand.Rand, d dtype.DType) uint64 {
						if r.IntN(rare) == 0 {
							return fromFloat(d, []float64{0, math.Copysign(0, -1), math.Inf(1), math.Inf(-1), math.NaN()}[r.IntN(5)])
						}
						return fromFloat(d, []float64{0, -1, 2, -0.5}[r.IntN(4)])
					})
				}
			}
		}
		if level != cpu.AVX512 {
			continue
		}
		for unroll, tests := range map[int]int{1: 1, 2: 1, 4: 2} {
			code, err := CompileLoop(oneOpLoop(micro.MulNoNan, dtype.Float64), LoopOptions{Level: level, Unroll: unroll})
			if err != nil {
				t.Fatal(err)
			}
			text := code.Listing()
			if got := strings.Count(text, "kortest"); got != 2*tests { // and for what remains
				t.Errorf("%d vectors of a product have %d tests, instead of %d:\n%s", unroll, got, 2*tests, text)
			}
		}
	}
}

// Outputs that lie in no input's place are stored as soon as they are known, so that registers do not run out.
func TestLoopStoresEarly(t *testing.T) {
	of := micro.Access{Type: dtype.Float64, Strides: []int{1}}
	l := &micro.Loop{Dims: []int{1000}, In: []micro.Access{of}, Temps: 40}
	for k := range uint32(40) {
		l.Code = append(l.Code, micro.Instr{Op: micro.Exp, Type: dtype.Float64, Dst: 1 + k, A: k})
		l.Out, l.OutRegs = append(l.Out, of), append(l.OutRegs, 1+k)
	}
	for _, level := range levels(t) {
		spilled := func(overlaid [][]int) int {
			code, err := CompileLoop(l, LoopOptions{Level: level, Overlaid: overlaid})
			if err != nil {
				t.Fatal(err)
			}
			return code.scratch - code.fixed
		}
		if any, none := spilled(nil), spilled(make([][]int, len(l.Out))); none > any/2 {
			t.Errorf("%s: %d bytes of values leave their registers, %d if outputs may lie anywhere", level, none, any)
		}
	}
}

// TestLoopReductions checks every kind, type and length around the sizes that matter.
func TestLoopReductions(t *testing.T) {
	for _, level := range levels(t) {
		for d := dtype.Int32; d < dtype.Count; d++ {
			for kind := micro.ReduceSum; kind <= micro.ReduceMin; kind++ {
				for _, n := range []int{1, 7, 8, 9, 15, 16, 17, 31, 33, 511, 512, 513, 1024, 1300} {
					r := rand.New(rand.NewPCG(uint64(n), uint64(kind)))
					l := &micro.Loop{Dims: []int{n}, In: []micro.Access{{Type: d, Strides: []int{1}}}, Temps: 1,
						Code:    []micro.Instr{{Op: micro.Mov, Type: d, Dst: 1, A: 0}},
						Out:     []micro.Access{{Type: d, Strides: []int{0}}},
						OutRegs: []uint32{1}, Reduce: kind, ReduceDims: 1}
					checkLoop(t, r, l, n, LoopOptions{Level: level}, false)
				}
			}
		}
	}
}

// TestLoopLong crosses the pieces in which Run hands work to generated code.
func TestLoopLong(t *testing.T) {
	for _, level := range levels(t) {
		r := rand.New(rand.NewPCG(1, 2))
		l := &micro.Loop{Dims: []int{1}, In: []micro.Access{{Type: dtype.Float64, Strides: []int{1}}, {Type: dtype.Float64, Strides: []int{0}}}, Temps: 1,
			Code:    []micro.Instr{{Op: micro.Mul, Type: dtype.Float64, Dst: 2, A: 0, B: 1}},
			Out:     []micro.Access{{Type: dtype.Float64, Strides: []int{1}}, {Type: dtype.Float64, Strides: []int{0}}},
			OutRegs: []uint32{2, 2}, Reduce: micro.ReduceSum, ReduceDims: 1}
		checkLoop(t, r, l, 3*RunElements+1234, LoopOptions{Level: level}, true)
	}
}

// TestLoopUnderPressure runs loops from several goroutines during garbage collections.
func TestLoopUnderPressure(t *testing.T) {
	var stop atomic.Bool
	var wg sync.WaitGroup
	wg.Go(func() {
		for !stop.Load() {
			_ = make([]byte, 1<<16)
			runtime.GC()
		}
	})
	for _, level := range levels(t) {
		r := rand.New(rand.NewPCG(9, 9))
		l := newRandomLoop(r, 20, everyOp(func(op micro.Op, x, to dtype.DType) bool {
			return x == dtype.Float64 && to == 0 && Supported(op, x, to)
		}), micro.ReduceSum)
		code, err := CompileLoop(l, LoopOptions{Level: level})
		if err != nil {
			t.Fatal(err)
		}
		const n = 3000
		in := make([][]byte, len(l.In))
		for k := range in {
			in[k] = make([]byte, 8*n)
			for i := range n {
				if l.In[k].Type == dtype.Bool {
					in[k][i] = byte(i & 1)
				} else {
					putElement(in[k], l.In[k].Type, i, math.Float64bits(r.NormFloat64()))
				}
			}
		}
		outputs := func() [][]byte {
			out := make([][]byte, len(l.Out))
			for k := range out {
				out[k] = make([]byte, 8*n)
			}
			return out
		}
		want := outputs()
		referenceLoop(l, n, in, want)
		var workers sync.WaitGroup
		for range 3 {
			workers.Go(func() {
				for range 30 {
					got := outputs()
					var ptrs []unsafe.Pointer
					for _, a := range append(append([][]byte(nil), in...), got...) {
						ptrs = append(ptrs, base(a))
					}
					code.Run(n, ptrs, code.NewWork())
					for k, a := range l.Out {
						for i := range n {
							if !sameBits(a.Type, getElement(want[k], a.Type, i), getElement(got[k], a.Type, i)) {
								t.Errorf("%s: output %d, element %d differs", level, k, i)
								return
							}
						}
					}
				}
			})
		}
		workers.Wait()
	}
	stop.Store(true)
	wg.Wait()
}

// TestLoopRejects gives loops that must not be compiled.
func TestLoopRejects(t *testing.T) {
	needLoops(t)
	f := func(stride int) micro.Access { return micro.Access{Type: dtype.Float64, Strides: []int{stride}} }
	neg := []micro.Instr{{Op: micro.Neg, Type: dtype.Float64, Dst: 1, A: 0}}
	cases := map[string]micro.Loop{
		"input stride":       {Dims: []int{4}, In: []micro.Access{f(2)}, Temps: 1, Code: neg, Out: []micro.Access{f(1)}, OutRegs: []uint32{1}},
		"output stride":      {Dims: []int{4}, In: []micro.Access{f(1)}, Temps: 1, Code: neg, Out: []micro.Access{f(0)}, OutRegs: []uint32{1}},
		"register":           {Dims: []int{4}, In: []micro.Access{f(1)}, Code: neg, Out: []micro.Access{f(1)}, OutRegs: []uint32{1}},
		"output register":    {Dims: []int{4}, In: []micro.Access{f(1)}, Temps: 1, Code: neg, Out: []micro.Access{f(1)}, OutRegs: []uint32{9}},
		"undefined register": {Dims: []int{4}, In: []micro.Access{f(1)}, Temps: 2, Code: neg, Out: []micro.Access{f(1)}, OutRegs: []uint32{2}},
		"writes an input":    {Dims: []int{4}, In: []micro.Access{f(1)}, Temps: 1, Code: []micro.Instr{{Op: micro.Neg, Type: dtype.Float64}}, Out: []micro.Access{f(1)}, OutRegs: []uint32{0}},
		"type":               {Dims: []int{4}, In: []micro.Access{f(1)}, Temps: 1, Code: []micro.Instr{{Op: micro.Neg, Type: dtype.Float32, Dst: 1}}, Out: []micro.Access{f(1)}, OutRegs: []uint32{1}},
		"operation":          {Dims: []int{4}, In: []micro.Access{f(1)}, Temps: 1, Code: []micro.Instr{{Op: 200, Type: dtype.Float64, Dst: 1}}, Out: []micro.Access{f(1)}, OutRegs: []uint32{1}},
		"reduction":          {Dims: []int{4}, In: []micro.Access{f(1)}, Temps: 1, Code: neg, Reduce: micro.ReduceSum},
	}
	for name, l := range cases {
		if _, err := CompileLoop(&l, LoopOptions{}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestCodeOfLoop reads the code of every operation for every instruction set, also with subnormal numbers flushed: it is that which CompileLoop makes, each instruction has its text, and constants and scratch memory are as large as they are there.
func TestCodeOfLoop(t *testing.T) {
	here := levels(t)
	for _, level := range []cpu.Level{cpu.NEON, cpu.AVX2, cpu.AVX512} {
		count := 0
		for _, o := range everyOp(Supported) {
			for _, flush := range []bool{false, true} {
				r := rand.New(rand.NewPCG(uint64(o.op), uint64(o.t)<<8|uint64(o.to)))
				l := newRandomLoop(r, 1, []typedOp{o}, micro.ReduceKind(r.IntN(2)))
				l.Flush = flush
				code, err := CodeOfLoop(l, level)
				if err != nil {
					continue
				}
				count++
				var all []byte
				for _, i := range code.Instructions {
					if i.Offset != len(all) || len(i.Bytes) == 0 || i.Text == "" {
						t.Fatalf("%s, %s: instruction %+v at %d", level, o.op, i, len(all))
					}
					all = append(all, i.Bytes...)
				}
				if !slices.Contains(here, level) {
					continue
				}
				loop, err := CompileLoop(l, LoopOptions{Level: level})
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(all, loop.pages.code) || !bytes.Equal(code.Constants, loop.consts) || code.Step != loop.step || code.Padded != loop.padded ||
					code.Slots != max(0, loop.scratch-loop.fixed) || code.Fixed != 0 && code.Fixed != loop.fixed {
					t.Fatalf("%s, %s: not the code of CompileLoop", level, o.op)
				}
				loop.Close()
			}
		}
		if count < 170 {
			t.Errorf("%s: only %d loops", level, count)
		}
	}
}
