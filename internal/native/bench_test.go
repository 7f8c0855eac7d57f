package native

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
)

// programBuilder writes float64 programs with temporaries reused by liveness.
type programBuilder struct {
	code   []micro.Instr
	next   uint32 // next cell outside of the temporaries
	consts map[uint32]float64
	free   []uint32
	temps  uint32
}

const tempFlag = 1 << 31 // a temporary, until finish knows where they lie

func newProgramBuilder() *programBuilder { return &programBuilder{consts: map[uint32]float64{}} }

func (b *programBuilder) cell() uint32 {
	b.next += 2
	return b.next - 2
}

func (b *programBuilder) constant(x float64) uint32 {
	c := b.cell()
	b.consts[c] = x
	return c
}

func (b *programBuilder) temp() uint32 {
	if n := len(b.free); n > 0 {
		c := b.free[n-1]
		b.free = b.free[:n-1]
		return c
	}
	b.temps += 2
	return (b.temps - 2) | tempFlag
}

func (b *programBuilder) drop(cells ...uint32) { b.free = append(b.free, cells...) }

func (b *programBuilder) op(op micro.Op, dst uint32, operands ...uint32) uint32 {
	in := micro.Instr{Op: op, Type: dtype.Float64, Dst: dst}
	for k, c := range operands {
		switch k {
		case 0:
			in.A = c
		case 1:
			in.B = c
		case 2:
			in.C = c
		}
	}
	b.code = append(b.code, in)
	return dst
}

func (b *programBuilder) finish() (*micro.Straight, []float64) {
	lo := b.next
	fix := func(c uint32) uint32 {
		if c&tempFlag != 0 {
			return c&^tempFlag + lo
		}
		return c
	}
	for i := range b.code {
		in := &b.code[i]
		in.Dst, in.A, in.B, in.C = fix(in.Dst), fix(in.A), fix(in.B), fix(in.C)
	}
	arena := make([]float64, (lo+b.temps)/2)
	for c, x := range b.consts {
		arena[c/2] = x
	}
	return &micro.Straight{Code: b.code, TempLo: lo, TempHi: lo + b.temps}, arena
}

// seedProgram is z = x1² + x2² + x1·x2 with its gradient.
func seedProgram() (*micro.Straight, []float64) {
	b := newProgramBuilder()
	x1, x2, z, d1, d2, two := b.cell(), b.cell(), b.cell(), b.cell(), b.cell(), b.constant(2)
	b.consts[x1], b.consts[x2] = 3, 4
	t := b.op(micro.Mul, b.temp(), x1, x2)
	t = b.op(micro.FMA, t, x2, x2, t)
	b.op(micro.FMA, z, x1, x1, t)
	b.op(micro.FMA, d1, two, x1, x2)
	b.op(micro.FMA, d2, two, x2, x1)
	return b.finish()
}

// rosenbrockProgram is Σ 100(x[i+1] − x[i]²)² + (1 − x[i])² over n variables with its gradient:
// 14 instructions a term, in the order that keeps few values alive. It returns the cells of
// x[0], the value and the first derivative.
func rosenbrockProgram(n int) (s *micro.Straight, arena []float64, x0, value, g0 uint32) {
	b := newProgramBuilder()
	one, hundred, twoHundred, minusTwo, zero := b.constant(1), b.constant(100), b.constant(200), b.constant(-2), b.constant(0)
	x0 = b.next
	for range n {
		b.cell()
	}
	value = b.cell()
	g0 = b.next
	for range n {
		b.cell()
	}
	var acc, carry uint32
	for i := range n - 1 {
		x, y := x0+uint32(2*i), x0+uint32(2*i+2)
		sq := b.op(micro.Mul, b.temp(), x, x)
		d := b.op(micro.Sub, b.temp(), y, sq)
		dd := b.op(micro.Mul, sq, d, d)
		s := b.op(micro.Sub, b.temp(), one, x)
		term := b.op(micro.Mul, dd, hundred, dd)
		ss := b.op(micro.Mul, b.temp(), s, s)
		b.op(micro.Add, term, term, ss)
		b.drop(ss)
		if i == 0 {
			acc = b.op(micro.Add, b.temp(), zero, term)
		} else {
			b.op(micro.Add, acc, acc, term)
		}
		b.drop(term)
		e := b.op(micro.Mul, d, twoHundred, d)
		ex := b.op(micro.Mul, b.temp(), e, x)
		b.op(micro.Mul, ex, minusTwo, ex)
		b.op(micro.Mul, s, minusTwo, s)
		b.op(micro.Add, ex, ex, s)
		b.drop(s)
		g := g0 + uint32(2*i)
		if i == 0 {
			b.op(micro.Mov, g, ex)
		} else {
			b.op(micro.Add, g, ex, carry)
			b.drop(carry)
		}
		b.drop(ex)
		carry = e
	}
	b.op(micro.Mov, g0+uint32(2*(n-1)), carry)
	b.op(micro.Mov, value, acc)
	s, arena = b.finish()
	for i := range n {
		arena[int(x0)/2+i] = math.Sin(float64(i)) * 0.5
	}
	return s, arena, x0, value, g0
}

// irregularProgram is a random DAG of n additions, subtractions, products and FMAs. Operands
// are mostly recent values; a value that nothing used becomes an output.
func irregularProgram(n int) (*micro.Straight, []float64) {
	r := rand.New(rand.NewPCG(5, uint64(n)))
	const window = 40
	type node struct {
		op      micro.Op
		operand [3]int
		last    int // last user
	}
	inputs := max(16, n/50)
	nodes := make([]node, inputs+n)
	for i := range nodes {
		nodes[i].last = -1
	}
	for i := inputs; i < len(nodes); i++ {
		nd := &nodes[i]
		nd.op = []micro.Op{micro.Add, micro.Sub, micro.Mul, micro.Mul, micro.Add, micro.FMA, micro.Neg}[r.IntN(7)]
		for k := 0; k < nd.op.Arity(); k++ {
			p := i - 1 - int(math.Abs(r.NormFloat64())*window)
			if r.IntN(12) == 0 || p < inputs {
				p = r.IntN(inputs)
			}
			nd.operand[k] = p
			nodes[p].last = i
		}
	}
	b := newProgramBuilder()
	cell := make([]uint32, len(nodes))
	for i := range inputs {
		cell[i] = b.cell()
		b.consts[cell[i]] = r.Float64()*2 - 1
	}
	for i := inputs; i < len(nodes); i++ {
		nd := &nodes[i]
		var ops []uint32
		var dead []uint32
		for k := 0; k < nd.op.Arity(); k++ {
			p := nd.operand[k]
			ops = append(ops, cell[p])
			if nodes[p].last == i && p >= inputs {
				nodes[p].last = i + 1<<30
				dead = append(dead, cell[p])
			}
		}
		b.drop(dead...)
		if nd.last < 0 {
			cell[i] = b.cell()
		} else {
			cell[i] = b.temp()
		}
		b.op(nd.op, cell[i], ops...)
	}
	return b.finish()
}

// runSwitch is the portable loop that the figures are compared with.
func runSwitch(code []micro.Instr, v []float64) {
	for i := range code {
		in := &code[i]
		a, b := v[in.A/2], v[in.B/2]
		switch in.Op {
		case micro.Add:
			v[in.Dst/2] = a + b
		case micro.Sub:
			v[in.Dst/2] = a - b
		case micro.Mul:
			v[in.Dst/2] = float64(a * b)
		case micro.Neg:
			v[in.Dst/2] = -a
		case micro.Mov:
			v[in.Dst/2] = a
		case micro.FMA:
			v[in.Dst/2] = math.FMA(a, b, v[in.C/2])
		}
	}
}

func floatBytes(v []float64) (unsafe.Pointer, int) {
	return unsafe.Pointer(unsafe.SliceData(v)), 8 * len(v)
}

func benchmarkProgram(b *testing.B, s *micro.Straight, arena []float64) {
	needNative(b)
	p, n := floatBytes(arena)
	code, err := CompileStraight(s, StraightOptions{ArenaBytes: n})
	if err != nil {
		b.Fatal(err)
	}
	instr := float64(len(s.Code))
	plain, err := CompileStraight(s, StraightOptions{ArenaBytes: n, NoLanes: true})
	if err != nil {
		b.Fatal(err)
	}
	scratch := make([]byte, max(code.ScratchBytes(), plain.ScratchBytes()))
	b.Run("native", func(b *testing.B) {
		for b.Loop() {
			code.Run(p, n, scratch)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/instr, "ns/instr")
		b.ReportMetric(float64(code.CodeBytes())/instr, "B/instr")
	})
	b.Run("nolanes", func(b *testing.B) {
		for b.Loop() {
			plain.Run(p, n, scratch)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/instr, "ns/instr")
		b.ReportMetric(float64(plain.CodeBytes())/instr, "B/instr")
	})
	b.Run("switch", func(b *testing.B) {
		for b.Loop() {
			runSwitch(s.Code, arena)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/instr, "ns/instr")
	})
	b.Run("compile", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := CompileStraight(s, StraightOptions{ArenaBytes: n}); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/instr, "ns/instr")
	})
}

func BenchmarkSeed(b *testing.B) {
	s, arena := seedProgram()
	benchmarkProgram(b, s, arena)
}

func BenchmarkRosenbrock(b *testing.B) {
	for _, n := range []int{1000, 100000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s, arena, _, _, _ := rosenbrockProgram(n)
			benchmarkProgram(b, s, arena)
		})
	}
}

func BenchmarkIrregular(b *testing.B) {
	for _, n := range []int{13185, 1300000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s, arena := irregularProgram(n)
			benchmarkProgram(b, s, arena)
		})
	}
}

// twoPhaseProgram is the value and gradient of the chained Rosenbrock function in the order
// in which reverse mode makes it: all terms, then all derivatives, with the differences alive in between.
func twoPhaseProgram(n int) (*micro.Straight, []float64) {
	b := newProgramBuilder()
	one, hundred, two := b.constant(1), b.constant(100), b.constant(2)
	x0 := b.next
	for range n {
		b.cell()
	}
	value, g0 := b.cell(), b.next
	for range n {
		b.cell()
	}
	u, s := make([]uint32, n-1), make([]uint32, n-1)
	var acc uint32
	for i := range n - 1 {
		x, y := x0+uint32(2*i), x0+uint32(2*i+2)
		u[i] = b.op(micro.Neg, b.temp(), x)
		b.op(micro.FMA, u[i], u[i], x, y)
		uu := b.op(micro.Mul, b.temp(), u[i], u[i])
		s[i] = b.op(micro.Sub, b.temp(), one, x)
		term := b.op(micro.Mul, b.temp(), s[i], s[i])
		b.op(micro.FMA, term, hundred, uu, term)
		b.drop(uu)
		if i == 0 {
			acc = term
			continue
		}
		next := b.op(micro.Add, b.temp(), acc, term)
		b.drop(acc, term)
		acc = next
	}
	b.op(micro.Mov, value, acc)
	var v uint32
	for i := range n - 1 {
		x := x0 + uint32(2*i)
		b.op(micro.Mul, u[i], u[i], two)
		w := b.op(micro.Mul, u[i], hundred, u[i])
		minus := b.op(micro.Neg, b.temp(), w)
		x2 := b.op(micro.Mul, b.temp(), x, two)
		b.op(micro.Mul, s[i], s[i], two)
		b.op(micro.Neg, s[i], s[i])
		b.op(micro.FMA, s[i], minus, x2, s[i])
		b.drop(minus, x2)
		if i == 0 {
			b.op(micro.Mov, g0, s[i])
		} else {
			b.op(micro.Add, g0+uint32(2*i), v, s[i])
			b.drop(v)
		}
		b.drop(s[i])
		v = w
	}
	b.op(micro.Mov, g0+uint32(2*(n-1)), v)
	p, arena := b.finish()
	for i := range n {
		arena[int(x0)/2+i] = math.Sin(float64(i)) * 0.5
	}
	return p, arena
}

func BenchmarkTwoPhase(b *testing.B) {
	for _, n := range []int{1000, 100000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s, arena := twoPhaseProgram(n)
			benchmarkProgram(b, s, arena)
		})
	}
}
