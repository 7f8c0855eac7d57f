package kernel

import (
	"fmt"
	"math"
	"slices"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/elem"
	"github.com/adjoint-go/adjoint/internal/gemm"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/internal/shape"
)

func init() {
	Register(&Kernel{
		Name: "matmul",
		Doc: "Matrix products of the last two dimensions, NumPy broadcasting of the leading ones; transpose_a and transpose_b read an operand's last two dimensions swapped. " +
			"Operands have rank ≥ 2. Each element of a float result is a chain of fused multiply-adds in ascending k that starts at 0 for every 256 of them; these are added in ascending order, for float32 " +
			"in float64 after every 64; integers wrap. With no_nan a factor 0 wins over infinities and NaN. With flush, for floats, subnormal operands and results of these operations are taken as 0 of their sign. Numeric dtypes.",
		Check: checkMatmul,
		Workspace: func(in, out []Type, a attr.List) int {
			if p := newMatmulPlan(in, out, a); p.floats != nil {
				return p.floats.Shared()
			}
			return 0
		},
		Each: func(in, out []Type, a attr.List) int {
			if p := newMatmulPlan(in, out, a); p.floats != nil {
				return p.floats.Each()
			}
			return 0
		},
		Flushes:  true,
		Prepare:  func(in, out []Type, a attr.List) any { return newMatmulPlan(in, out, a) },
		Finishes: func(in, out []Type, a attr.List) bool { return out[0].DType.IsFloat() },
		StateBytes: func(in, out []Type, a attr.List) int64 {
			return gemm.StateBytes(gemm.Product{Batch: make([]gemm.Dim, len(out[0].Shape))})
		},
		KeptBytes: func(in, out []Type, a attr.List, constant []bool) int {
			if p := newMatmulPlan(in, out, a); p.floats != nil {
				if n, k := p.kept(); constant[k] {
					return n
				}
			}
			return 0
		},
		Keep: func(c *Call, constant []bool) {
			p := c.State.(*matmulPlan)
			if n, k := p.kept(); n > 0 && constant[k] {
				p.floats.Prepack(addressOf(&c.In[k]), c.Kept)
			}
		},
		Work: func(in, out []Type, a attr.List) float64 {
			_, _, k := matmulSizes(in, out, a)
			return 2 * float64(out[0].Size()) * float64(k)
		},
		Run: func(c *Call) error {
			return pickNumeric(c.Out[0].DType, matmulFloats[float64], matmulFloats[float32], matmulIntegers[int64], matmulIntegers[int32])(c)
		},
	})
}

func checkMatmul(in, out []Type, a attr.List) error {
	if err := checkCall(in, out, a, 2, 1, option("no_nan", attr.Bool), option("flush", attr.Bool), option("transpose_a", attr.Bool), option("transpose_b", attr.Bool)); err != nil {
		return err
	}
	x, y, z := in[0].Shape, in[1].Shape, out[0].Shape
	if len(x) < 2 || len(y) < 2 {
		return fmt.Errorf("operands have ranks %d and %d, need at least 2", len(x), len(y))
	}
	m, kx := lastTwo(x, a.Bool("transpose_a"))
	ky, n := lastTwo(y, a.Bool("transpose_b"))
	if kx != ky {
		return fmt.Errorf("inner extents %d and %d differ (operands %v and %v)", kx, ky, x, y)
	}
	batch, err := shape.Broadcast(x[:len(x)-2], y[:len(y)-2])
	if err != nil {
		return fmt.Errorf("leading %w", err)
	}
	return firstOf(checkAmong(numericSet, out[0]), checkDType(out[0].DType, in...), wantShape("result", z, slices.Concat(batch, []int{m, n})))
}

// lastTwo returns the last two extents, swapped if transposed.
func lastTwo(s []int, transposed bool) (rows, cols int) {
	rows, cols = s[len(s)-2], s[len(s)-1]
	if transposed {
		return cols, rows
	}
	return rows, cols
}

func matmulSizes(in, out []Type, a attr.List) (m, n, k int) {
	z := out[0].Shape
	m, n = z[len(z)-2], z[len(z)-1]
	_, k = lastTwo(in[0].Shape, a.Bool("transpose_a"))
	return m, n, k
}

// matmulPlan holds the sizes of one product and the walks over the batches of both operands.
type matmulPlan struct {
	m, n, k          int
	a, b             gemm.Strides
	batchA, batchB   odometer
	count            int
	sizeA, sizeB, sz int
	floats           *gemm.Plan // nil for integers
	sum              elem.ReduceFunc
	zeroWins         bool  // no_nan
	call             *Call // of a run whose parts are looked at
}

func newMatmulPlan(in, out []Type, a attr.List) *matmulPlan {
	p := &matmulPlan{zeroWins: a.Bool("no_nan")}
	p.m, p.n, p.k = matmulSizes(in, out, a)
	p.a = gemm.Strides{Row: p.k, Col: 1}
	if a.Bool("transpose_a") {
		p.a = gemm.Strides{Row: 1, Col: p.m}
	}
	p.b = gemm.Strides{Row: p.n, Col: 1}
	if a.Bool("transpose_b") {
		p.b = gemm.Strides{Row: 1, Col: p.k}
	}
	p.sizeA, p.sizeB, p.sz = p.m*p.k, p.k*p.n, p.m*p.n
	z := out[0].Shape
	batch := z[:len(z)-2]
	p.count = shape.Size(batch)
	x, y := in[0].Shape, in[1].Shape
	sa := shape.BroadcastStrides(x[:len(x)-2], len(batch))
	sb := shape.BroadcastStrides(y[:len(y)-2], len(batch))
	dims := make([]gemm.Dim, 0, len(batch))
	step := p.count
	for d, n := range batch {
		p.batchA.push(n, sa[d]*p.sizeA)
		p.batchB.push(n, sb[d]*p.sizeB)
		step /= max(1, n)
		dims = append(dims, gemm.Dim{N: n, A: sa[d] * p.sizeA, B: sb[d] * p.sizeB, C: step * p.sz})
	}
	if d := out[0].DType; d.IsFloat() {
		p.floats = gemm.NewPlan(gemm.Product{DType: d, M: p.m, N: p.n, K: p.k, A: p.a, B: p.b, CRow: p.n, Batch: dims, Flush: a.Bool("flush")}, cpu.Best())
		p.sum = elem.ReduceBlock(micro.ReduceSum, d, cpu.Best())
	}
	return p
}

// kept returns the bytes of an operand that is packed once, and which one that is.
func (p *matmulPlan) kept() (bytes, operand int) {
	n, first := p.floats.PrepackBytes()
	if first {
		return n, 0
	}
	return n, 1
}

func matmulFloats[T float](c *Call) error {
	p := c.State.(*matmulPlan)
	a, b, z := data[T](&c.In[0]), data[T](&c.In[1]), data[T](&c.Out[0])
	if c.Then == nil && !p.zeroWins {
		p.floats.Run(c, address(a), address(b), address(z), c.Work, c.Workers)
		return nil
	}
	p.call = c
	p.floats.RunThen(c, address(a), address(b), address(z), c.Work, c.Workers, p)
	p.call = nil
	return nil
}

// Finish implements gemm.Finisher.
func (p *matmulPlan) Finish(worker, at, rows, cols int) {
	c := p.call
	if p.zeroWins {
		if c.Out[0].DType == dtype.Float64 {
			zeroWins[float64](p, c, at, rows, cols)
		} else {
			zeroWins[float32](p, c, at, rows, cols)
		}
	}
	if c.Then != nil {
		c.Then.Finish(worker, at, rows, cols, p.n)
	}
}

// zeroWins takes the terms in which a factor is 0 out of the elements of a part of the result that are not finite.
func zeroWins[T float](p *matmulPlan, c *Call, at, rows, cols int) {
	a, b, z := data[T](&c.In[0]), data[T](&c.In[1]), data[T](&c.Out[0])
	for range rows {
		if part := z[at : at+cols]; !allFinite(part, p.sum) {
			if c.Host != nil && c.Host.Cancelled() {
				return
			}
			flush := func(v T) T { return v }
			if c.Attrs.Bool("flush") {
				flush = elem.Flush[T]
			}
			for i, v := range part {
				if v-v != 0 {
					n := at + i
					x := matrixView[T]{a[p.batchA.offsetOf(n/p.sz):], p.a}
					y := matrixView[T]{b[p.batchB.offsetOf(n/p.sz):], p.b}
					part[i] = productNoNaN(p.k, n%p.sz/p.n, n%p.n, x, y, flush)
				}
			}
		}
		at += p.n
	}
}

// allFinite reports false if an infinity or NaN is among the elements: their sum then is one too. It may report false if a sum overflows.
func allFinite[T float](z []T, sum elem.ReduceFunc) bool {
	const piece = 1 << 12
	_, double := any(z).([]float64)
	for len(z) > 0 {
		n := min(piece, len(z))
		var s float64
		if bits := sum(address(z), n); double {
			s = math.Float64frombits(bits)
		} else {
			s = float64(math.Float32frombits(uint32(bits)))
		}
		if s-s != 0 {
			return false
		}
		z = z[n:]
	}
	return true
}

// productNoNaN is element (i, j) of x·y, of k terms, without those in which a factor is 0. The other terms are chained as package gemm does.
func productNoNaN[T float](k, i, j int, x, y matrixView[T], flush func(v T) T) T {
	var s, sum T
	_, single := any(s).(float32)
	long := 0.0
	for l := range k {
		if l > 0 && l%gemm.Chain == 0 {
			s, sum = 0, flush(sum+s)
		}
		if single && l > 0 && l%gemm.Segment == 0 {
			sum, long = 0, long+float64(sum)
		}
		switch a, b := flush(x.data[i*x.Row+l*x.Col]), flush(y.data[l*y.Row+j*y.Col]); {
		case a == 0 || b == 0:
		case single:
			s = flush(T(elem.FMA32(float32(a), float32(b), float32(s))))
		default:
			s = flush(T(math.FMA(float64(a), float64(b), float64(s))))
		}
	}
	if sum = flush(sum + s); k > gemm.Segment && single {
		sum = flush(T(long + float64(sum)))
	}
	return sum
}

// matrixView reads element (i, j) at data[i·Row + j·Col].
type matrixView[T number] struct {
	data []T
	gemm.Strides
}

func matmulIntegers[T int64 | int32](c *Call) error {
	p := c.State.(*matmulPlan)
	a, b, z := data[T](&c.In[0]), data[T](&c.In[1]), data[T](&c.Out[0])
	clear(z)
	for i := range p.count {
		x, y := matrixView[T]{a[p.batchA.offset:], p.a}, matrixView[T]{b[p.batchB.offset:], p.b}
		for r := range p.m {
			row := z[i*p.sz+r*p.n:][:p.n]
			for l := range p.k {
				c.Poll(p.n)
				f, at := x.data[r*x.Row+l*x.Col], l*y.Row
				for j := range row {
					row[j] += f * y.data[at]
					at += y.Col
				}
			}
		}
		p.batchA.next()
		p.batchB.next()
	}
	return nil
}
