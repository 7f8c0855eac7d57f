package elem

import (
	"bytes"
	"fmt"
	"math"
	"math/rand"
	"slices"
	"testing"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
)

// guarded is an array between guard bytes.
type guarded struct {
	t     dtype.DType
	n     int
	bytes []byte
}

const guardBytes = 64

func newGuarded(t dtype.DType, n int) *guarded {
	g := &guarded{t, n, make([]byte, n*t.Size()+2*guardBytes)}
	for i := range g.bytes {
		g.bytes[i] = 0xa5
	}
	return g
}

func (g *guarded) ptr() unsafe.Pointer { return unsafe.Pointer(&g.bytes[guardBytes]) }
func (g *guarded) data() []byte        { return g.bytes[guardBytes : guardBytes+g.n*g.t.Size()] }

func (g *guarded) intact() bool {
	for i := range guardBytes {
		if g.bytes[i] != 0xa5 || g.bytes[len(g.bytes)-1-i] != 0xa5 {
			return false
		}
	}
	return true
}

func (g *guarded) copy() *guarded { return &guarded{g.t, g.n, bytes.Clone(g.bytes)} }

// canonical replaces the bits of every NaN by one NaN: its sign and payload are not defined.
func (g *guarded) canonical() []byte {
	d := bytes.Clone(g.data())
	for i := range g.n {
		switch g.t {
		case dtype.Float64:
			if p := (*float64)(unsafe.Pointer(&d[8*i])); *p != *p {
				*p = math.NaN()
			}
		case dtype.Float32:
			if p := (*float32)(unsafe.Pointer(&d[4*i])); *p != *p {
				*p = float32(math.NaN())
			}
		}
	}
	return d
}

// fill puts edge values and random values of all magnitudes into the array.
func (g *guarded) fill(rng *rand.Rand, edges []float64) {
	for i := range g.n {
		var v float64
		kind := rng.Intn(6)
		switch kind {
		case 0:
			v = edges[rng.Intn(len(edges))]
		case 1:
			v = math.Float64frombits(rng.Uint64())
		case 2:
			v = rng.NormFloat64()
		case 3:
			v = (rng.Float64()*2 - 1) * 100
		case 4:
			v = rng.Float64()
		case 5:
			v = 1 + rng.NormFloat64()*math.Exp(-20*rng.Float64())
		}
		d := g.data()
		switch g.t {
		case dtype.Bool:
			d[i] = byte(rng.Intn(2))
		case dtype.Int32:
			u := int32(v)
			if kind == 1 {
				u = int32(rng.Uint32())
			}
			*(*int32)(unsafe.Pointer(&d[4*i])) = u
		case dtype.Int64:
			u := int64(v)
			if kind == 1 {
				u = int64(rng.Uint64())
			}
			*(*int64)(unsafe.Pointer(&d[8*i])) = u
		case dtype.Float32:
			f := float32(v)
			if kind == 1 {
				f = math.Float32frombits(rng.Uint32())
			}
			*(*float32)(unsafe.Pointer(&d[4*i])) = f
		case dtype.Float64:
			*(*float64)(unsafe.Pointer(&d[8*i])) = v
		}
	}
}

func operandType(op micro.Op, t dtype.DType, k int) dtype.DType {
	return micro.Instr{Op: op, Type: t}.OperandType(k)
}

func testLengths() []int {
	var n []int
	for i := 0; i <= 70; i++ {
		n = append(n, i)
	}
	return append(n, 511, 512, 513)
}

// levels are those for which there are block kernels: on arm64 vector code is made for whole loops only.
func levels() []cpu.Level {
	return slices.DeleteFunc(cpu.Levels(), func(l cpu.Level) bool { return l == cpu.NEON })
}

// TestBlocksAgree runs every kernel of every level against the portable one: all
// lengths, guard bytes around every array, in place too.
func TestBlocksAgree(t *testing.T) {
	rng := rand.New(rand.NewSource(2))
	served := map[cpu.Level]int{}
	for op := micro.Op(1); int(op) < micro.Count; op++ {
		for typ := dtype.Bool; typ < dtype.Count; typ++ {
			for _, level := range levels()[1:] {
				for to := dtype.Bool; to < dtype.Count; to++ {
					if op != micro.Cast && to != typ || BlockKernel(op, typ, to, cpu.Portable) == nil || BlockPath(op, typ, to, level) != level {
						continue
					}
					served[level]++
					for _, n := range testLengths() {
						checkBlock(t, rng, op, typ, to, level, n)
					}
				}
			}
		}
	}
	for _, level := range levels()[1:] {
		for _, typ := range []dtype.DType{dtype.Float64, dtype.Float32} {
			for op := micro.Add; op <= micro.Hypot; op++ {
				scalar := op == micro.Mod || op == micro.Rem || op == micro.Erfinv || op == micro.Lgamma || op == micro.Digamma
				if path := BlockPath(op, typ, 0, level); path != level && !scalar {
					t.Errorf("%s %s at level %s is served by %s", op, typ, level, path)
				}
			}
		}
		if served[level] < 100 {
			t.Errorf("level %s serves %d kernels", level, served[level])
		}
	}
}

// checkBlock compares one kernel with the portable one on n random elements, edge values among them.
func checkBlock(t *testing.T, rng *rand.Rand, op micro.Op, typ, to dtype.DType, level cpu.Level, n int) {
	t.Helper()
	in := micro.Instr{Op: op, Type: typ, To: to}
	var args [3]*guarded
	ptrs := [3]unsafe.Pointer{}
	for k := range args {
		args[k] = newGuarded(operandType(op, typ, k), n)
		if k < op.Arity() {
			args[k].fill(rng, edgeValues)
		}
		ptrs[k] = args[k].ptr()
	}
	want, got := newGuarded(in.Result(), n), newGuarded(in.Result(), n)
	BlockKernel(op, typ, to, cpu.Portable)(want.ptr(), ptrs[0], ptrs[1], ptrs[2], n)
	BlockKernel(op, typ, to, level)(got.ptr(), ptrs[0], ptrs[1], ptrs[2], n)
	fail := func(what string, got *guarded) {
		t.Helper()
		w, g := want.canonical(), got.canonical()
		size := in.Result().Size()
		for i := range n {
			if !bytes.Equal(w[i*size:(i+1)*size], g[i*size:(i+1)*size]) {
				t.Fatalf("%s %s %s, n = %d, %s: lane %d of operands %v: got %x, want %x", op, typ, level, n, what, i, elements(args, op.Arity(), i), g[i*size:(i+1)*size], w[i*size:(i+1)*size])
			}
		}
	}
	fail("out of place", got)
	if !got.intact() || !want.intact() {
		t.Fatalf("%s %s %s, n = %d: wrote outside of the result", op, typ, level, n)
	}
	for k := range op.Arity() {
		if args[k].t.Size() != in.Result().Size() {
			continue
		}
		place := args[k].copy()
		p := ptrs
		p[k] = place.ptr()
		BlockKernel(op, typ, to, level)(place.ptr(), p[0], p[1], p[2], n)
		place.t = in.Result()
		fail(fmt.Sprintf("in place of operand %d", k), place)
		if !place.intact() {
			t.Fatalf("%s %s %s, n = %d: wrote outside in place", op, typ, level, n)
		}
	}
}

func elements(args [3]*guarded, arity, i int) []any {
	var out []any
	for _, a := range args[:arity] {
		d := a.data()
		switch a.t {
		case dtype.Bool:
			out = append(out, d[i])
		case dtype.Int32:
			out = append(out, *(*int32)(unsafe.Pointer(&d[4*i])))
		case dtype.Int64:
			out = append(out, *(*int64)(unsafe.Pointer(&d[8*i])))
		case dtype.Float32:
			out = append(out, *(*float32)(unsafe.Pointer(&d[4*i])))
		case dtype.Float64:
			out = append(out, *(*float64)(unsafe.Pointer(&d[8*i])))
		}
	}
	return out
}

// TestSinCosBlocks holds that the pair kernel has the bits of Sin and Cos at every level.
func TestSinCosBlocks(t *testing.T) {
	rng := rand.New(rand.NewSource(3))
	for _, typ := range []dtype.DType{dtype.Float64, dtype.Float32} {
		for _, level := range levels() {
			if SinCosPath(typ, level) != level {
				t.Errorf("sincos %s: level %s falls back to %s", typ, level, SinCosPath(typ, level))
			}
			for _, n := range testLengths() {
				a := newGuarded(typ, n)
				a.fill(rng, edgeValues)
				wantSin, wantCos, sin, cos := newGuarded(typ, n), newGuarded(typ, n), newGuarded(typ, n), newGuarded(typ, n)
				BlockKernel(micro.Sin, typ, 0, cpu.Portable)(wantSin.ptr(), a.ptr(), nil, nil, n)
				BlockKernel(micro.Cos, typ, 0, cpu.Portable)(wantCos.ptr(), a.ptr(), nil, nil, n)
				SinCosBlock(typ, level)(sin.ptr(), cos.ptr(), a.ptr(), n)
				if !bytes.Equal(sin.canonical(), wantSin.canonical()) || !bytes.Equal(cos.canonical(), wantCos.canonical()) {
					t.Fatalf("sincos %s %s, n = %d differs from sin and cos", typ, level, n)
				}
				if !sin.intact() || !cos.intact() {
					t.Fatalf("sincos %s %s, n = %d wrote outside", typ, level, n)
				}
			}
		}
	}
}

// TestBesideDivision holds that the kernels with a division have the bits of the operations one by one, also where they overwrite their operands.
func TestBesideDivision(t *testing.T) {
	rng := rand.New(rand.NewSource(6))
	for _, typ := range []dtype.DType{dtype.Float64, dtype.Float32} {
		for _, level := range levels() {
			for _, op := range []micro.Op{micro.Exp, micro.Log, micro.Sin, micro.Cos} {
				k := BesideDivision(op, typ, level)
				if (k != nil) != (level > cpu.Portable && op != micro.Cos) {
					t.Fatalf("%s %s at %s: there is a kernel: %v", op, typ, level, k != nil)
				}
				if k == nil {
					continue
				}
				for _, n := range testLengths() {
					a, b, c := newGuarded(typ, n), newGuarded(typ, n), newGuarded(typ, n)
					for _, g := range []*guarded{a, b, c} {
						g.fill(rng, edgeValues)
					}
					want := []*guarded{newGuarded(typ, n), newGuarded(typ, n)}
					BlockKernel(op, typ, 0, cpu.Portable)(want[0].ptr(), a.ptr(), nil, nil, n)
					if op == micro.Sin {
						want = append(want, newGuarded(typ, n))
						BlockKernel(micro.Cos, typ, 0, cpu.Portable)(want[1].ptr(), a.ptr(), nil, nil, n)
					}
					BlockKernel(micro.Div, typ, 0, cpu.Portable)(want[len(want)-1].ptr(), b.ptr(), c.ptr(), nil, n)
					for _, place := range [][6]int{{0, 1, 2, 3, 4, 5}, {3, 4, 5, 3, 4, 5}, {4, 5, 3, 3, 4, 5}, {5, 3, 4, 3, 4, 5}} {
						at := [6]*guarded{newGuarded(typ, n), newGuarded(typ, n), newGuarded(typ, n), a.copy(), b.copy(), c.copy()}
						var p [6]unsafe.Pointer
						for i, j := range place {
							p[i] = at[j].ptr()
						}
						k(p[0], p[1], p[2], p[3], p[4], p[5], n)
						for i, w := range want {
							if g := at[place[i]]; !bytes.Equal(g.canonical(), w.canonical()) || !g.intact() {
								t.Fatalf("%s %s at %s, n = %d, operands at %v: result %d differs", op, typ, level, n, place, i)
							}
						}
					}
				}
			}
		}
	}
}

// TestSumsOfBlocks holds that sums of operations have the bits of the operation and the sum after it.
func TestSumsOfBlocks(t *testing.T) {
	rng := rand.New(rand.NewSource(7))
	plain := []float64{0, math.Copysign(0, -1), 1, -1, 2, 0.5, 1e10, -3}
	for _, op := range []micro.Op{micro.Add, micro.Sub, micro.Mul, micro.Div} {
		for _, typ := range []dtype.DType{dtype.Float64, dtype.Float32, dtype.Int64} {
			for _, level := range levels() {
				sum := SumOf(op, typ, level)
				if (sum != nil) != (level > cpu.Portable && op != micro.Div && typ.IsFloat()) {
					t.Fatalf("%s %s at %s: there is a sum: %v", op, typ, level, sum != nil)
				}
				if sum == nil {
					continue
				}
				for _, n := range testLengths() {
					for _, edges := range [][]float64{plain[:2], plain, edgeValues} {
						a, b, results := newGuarded(typ, n), newGuarded(typ, n), newGuarded(typ, n)
						a.fillFrom(rng, edges)
						b.fillFrom(rng, edges)
						BlockKernel(op, typ, 0, cpu.Portable)(results.ptr(), a.ptr(), b.ptr(), nil, n)
						want := ReduceBlock(micro.ReduceSum, typ, cpu.Portable)(results.ptr(), n)
						got := sum(a.ptr(), b.ptr(), n)
						if got != want && !(isNaNBits(typ, got) && isNaNBits(typ, want)) {
							t.Fatalf("sum of %s %s[%d] at %s: %#x, want %#x", op, typ, n, level, got, want)
						}
					}
				}
			}
		}
	}
}

// TestReduceBlocks compares every reduction with the portable one and, for n = 21, with the
// order written out.
func TestReduceBlocks(t *testing.T) {
	rng := rand.New(rand.NewSource(4))
	plain := []float64{0, math.Copysign(0, -1), 1, -1, 2, 0.5, 1e10, -3}
	for kind := micro.ReduceSum; kind <= micro.ReduceMin; kind++ {
		for typ := dtype.Int32; typ < dtype.Count; typ++ {
			for _, level := range levels() {
				if typ.IsFloat() && ReducePath(kind, typ, level) != level {
					t.Errorf("reduction %d of %s: level %s falls back", kind, typ, level)
				}
				for _, n := range testLengths() {
					for _, edges := range [][]float64{plain[:2], plain, edgeValues} {
						a := newGuarded(typ, n)
						a.fill(rng, edges)
						if len(edges) < 10 && typ.IsFloat() {
							a.fillFrom(rng, edges)
						}
						want := ReduceBlock(kind, typ, cpu.Portable)(a.ptr(), n)
						got := ReduceBlock(kind, typ, level)(a.ptr(), n)
						if got != want && !(isNaNBits(typ, got) && isNaNBits(typ, want)) {
							t.Fatalf("reduction %d of %s[%d] at %s: %#x, want %#x", kind, typ, n, level, got, want)
						}
					}
				}
			}
		}
	}
	v := make([]float64, 21)
	var acc [8]float64
	for i := range v {
		v[i] = rng.NormFloat64()
		acc[i%8] += v[i]
	}
	want := ((acc[0] + acc[4]) + (acc[2] + acc[6])) + ((acc[1] + acc[5]) + (acc[3] + acc[7]))
	if got := math.Float64frombits(ReduceBlock(micro.ReduceSum, dtype.Float64, cpu.Best())(unsafe.Pointer(&v[0]), 21)); got != want {
		t.Errorf("sum of 21 = %v, want %v", got, want)
	}
}

func (g *guarded) fillFrom(rng *rand.Rand, edges []float64) {
	for i := range g.n {
		v := edges[rng.Intn(len(edges))]
		if g.t == dtype.Float64 {
			*(*float64)(unsafe.Pointer(&g.data()[8*i])) = v
		} else {
			*(*float32)(unsafe.Pointer(&g.data()[4*i])) = float32(v)
		}
	}
}

func isNaNBits(t dtype.DType, u uint64) bool {
	switch t {
	case dtype.Float64:
		v := math.Float64frombits(u)
		return v != v
	case dtype.Float32:
		v := math.Float32frombits(uint32(u))
		return v != v
	}
	return false
}
