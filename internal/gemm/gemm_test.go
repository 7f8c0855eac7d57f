package gemm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/elem"
	"github.com/adjoint-go/adjoint/internal/gemm/asm"
	"github.com/adjoint-go/adjoint/internal/pool"
)

// pooled is a Runner on the pool.
type pooled struct {
	job     pool.Job
	workers int
}

func (p *pooled) Parallel(task pool.Task, items int) {
	if err := p.job.Run(task, items, p.workers, true); err != nil {
		panic(err)
	}
}

// array is memory of float32 or float64 elements.
type array struct {
	d dtype.DType
	p unsafe.Pointer
	n int
}

func newArray(d dtype.DType, n int) array {
	return array{d, unsafe.Pointer(unsafe.SliceData(make([]uint64, n*d.Size()/8+9))), n}
}

func (a array) at(i int) float64 {
	if i < 0 || i >= a.n {
		panic("out of range")
	}
	if a.d == dtype.Float64 {
		return *(*float64)(unsafe.Add(a.p, 8*i))
	}
	return float64(*(*float32)(unsafe.Add(a.p, 4*i)))
}

func (a array) set(i int, v float64) {
	if a.d == dtype.Float64 {
		*(*float64)(unsafe.Add(a.p, 8*i)) = v
	} else {
		*(*float32)(unsafe.Add(a.p, 4*i)) = float32(v)
	}
}

func (a array) fill(r *rand.Rand) {
	for i := range a.n {
		a.set(i, r.NormFloat64())
	}
}

// run runs the plan with new scratch between guard pages that is filled with NaN.
func run(t testing.TB, x *Plan, workers int, a, b, c array) {
	var pages guards
	defer pages.free()
	buffer := func(n int) []byte {
		p := pages.memory(t, roundUp(n, 64), true)
		all := unsafe.Slice((*byte)(p), n)
		for i := range all {
			all[i] = 0xff
		}
		return all
	}
	scratch := make([][]byte, workers)
	for i := range scratch {
		scratch[i] = buffer(x.Each())
	}
	var r Runner = Serial{}
	if workers > 1 {
		r = &pooled{workers: workers}
	}
	if finishing = !finishing; !finishing {
		x.Run(r, a.p, b.p, c.p, buffer(x.Shared()), scratch)
		return
	}
	f := &finished{t: t, turned: x.turned, c: c, row: x.p.CRow, times: make([]atomic.Int32, c.n), values: make([]float64, c.n)}
	x.RunThen(r, a.p, b.p, c.p, buffer(x.Shared()), scratch, f)
	f.check(t, x)
}

// finishing is set for every other run, which has a Finisher.
var finishing bool

// finished is a Finisher that takes down what it is told of.
type finished struct {
	t      testing.TB
	turned bool // the plan's rows are not those of the product
	c      array
	row    int
	times  []atomic.Int32
	values []float64
}

func (f *finished) Finish(_, at, rows, cols int) {
	if f.turned && rows > 1 {
		f.t.Errorf("%d rows of a product whose C is a column", rows)
	}
	for i := range rows {
		for j := at + i*f.row; j < at+i*f.row+cols; j++ {
			f.times[j].Add(1)
			f.values[j] = f.c.at(j)
		}
	}
}

// check holds that every element of C was told of once, no other was, and that none has changed since.
func (f *finished) check(t testing.TB, x *Plan) {
	t.Helper()
	want := make([]int32, f.c.n)
	for i := range x.count {
		_, _, off := x.offsets(i)
		for r := range x.p.M {
			for j := range x.p.N {
				want[off/x.size+r*x.p.CRow+j]++
			}
		}
	}
	for i, n := range want {
		if got := f.times[i].Load(); got != n {
			t.Fatalf("element %d of %v was finished %d times, not %d", i, x.p, got, n)
		}
		if n > 0 && math.Float64bits(f.values[i]) != math.Float64bits(f.c.at(i)) {
			t.Fatalf("element %d of %v was %v when it was finished and is %v", i, x.p, f.values[i], f.c.at(i))
		}
	}
}

// array returns an array that ends at a guard page, or begins behind one.
func (g *guards) array(t testing.TB, d dtype.DType, n int, end bool) array {
	return array{d, g.memory(t, n*d.Size(), end), n}
}

// fmaOf is x·y + z, rounded once to the dtype.
func fmaOf(d dtype.DType) func(x, y, z float64) float64 {
	if d == dtype.Float32 {
		return func(x, y, z float64) float64 { return float64(elem.FMA32(float32(x), float32(y), float32(z))) }
	}
	return math.FMA
}

// plainProduct is the definition of the bits: chains of fused multiply-adds in ascending k.
func plainProduct(p Product, a, b, c array) array {
	out := newArray(c.d, c.n)
	for i := range c.n {
		out.set(i, c.at(i))
	}
	fma, round := fmaOf(p.DType), func(x float64) float64 { return x }
	if p.DType == dtype.Float32 {
		round = func(x float64) float64 { return float64(float32(x)) }
	}
	if p.Flush {
		multiply, smallest := fma, math.Ldexp(1, -1022)
		if p.DType == dtype.Float32 {
			smallest = math.Ldexp(1, -126)
		}
		flush := func(x float64) float64 {
			if math.Abs(x) < smallest {
				return math.Copysign(0, x)
			}
			return x
		}
		fma = func(x, y, z float64) float64 { return flush(multiply(flush(x), flush(y), flush(z))) }
		to := round
		round = func(x float64) float64 { return flush(to(x)) }
		for _, x := range []array{c, out} { // it is an operand only
			for i := range x.n {
				x.set(i, flush(x.at(i)))
			}
		}
	}
	one := func(a0, b0, c0 int) {
		for i := range p.M {
			for j := range p.N {
				at := c0 + i*p.CRow + j
				sum, long := 0.0, 0.0
				started := p.Add
				if p.Add {
					sum = c.at(at)
				}
				if p.Add && p.DType == dtype.Float32 && p.K > Segment {
					sum, long, started = 0, sum, false
				}
				for k := 0; k < p.K; k += Chain {
					s := 0.0
					for q := k; q < min(k+Chain, p.K); q++ {
						s = fma(a.at(a0+i*p.A.Row+q*p.A.Col), b.at(b0+q*p.B.Row+j*p.B.Col), s)
					}
					if started {
						s = round(sum + s)
					}
					sum, started = s, true
					if end := k + Chain; p.DType == dtype.Float32 && p.K > Segment && (end%Segment == 0 || end >= p.K) {
						long += sum
						started = false
					}
				}
				if p.DType == dtype.Float32 && p.K > Segment {
					sum = round(long)
				}
				out.set(at, sum)
			}
		}
	}
	var walk func(dims []Dim, a0, b0, c0 int)
	walk = func(dims []Dim, a0, b0, c0 int) {
		if len(dims) == 0 {
			one(a0, b0, c0)
			return
		}
		for i := range dims[0].N {
			walk(dims[1:], a0+i*dims[0].A, b0+i*dims[0].B, c0+i*dims[0].C)
		}
	}
	walk(p.Batch, 0, 0, 0)
	return out
}

// sameBits compares all elements; NaNs are equal.
func sameBits(got, want array) error {
	for i := range got.n {
		x, y := got.at(i), want.at(i)
		if math.Float64bits(x) != math.Float64bits(y) && (x == x || y == y) {
			return fmt.Errorf("element %d is %v (%#x), want %v (%#x)", i, x, math.Float64bits(x), y, math.Float64bits(y))
		}
	}
	return nil
}

// extent is the number of elements from the first to the last.
func extent(rows, cols int, s Strides) int {
	if rows == 0 || cols == 0 {
		return 0
	}
	return (rows-1)*s.Row + (cols-1)*s.Col + 1
}

// form returns a product with operands transposed by the bits of f, and rows that lie gap elements further apart than they must.
func form(d dtype.DType, m, n, k, f, gap int) Product {
	p := Product{DType: d, M: m, N: n, K: k, A: Strides{k + gap, 1}, B: Strides{n + gap, 1}, CRow: n + gap}
	if f&1 != 0 {
		p.A = Strides{1, m + gap}
	}
	if f&2 != 0 {
		p.B = Strides{1, k + gap}
	}
	return p
}

// check runs a product by a plan of each size and number of workers at each level, and compares bits. It returns the number of runs.
func check(t *testing.T, r *rand.Rand, p Product, plans []sizes, workers []int, special bool) int {
	t.Helper()
	batchA, batchB, batchC := 0, 0, 0
	for _, d := range p.Batch {
		batchA, batchB, batchC = batchA+(d.N-1)*d.A, batchB+(d.N-1)*d.B, batchC+(d.N-1)*d.C
	}
	var pages guards
	defer pages.free()
	end := r.IntN(2) == 0
	a := pages.array(t, p.DType, batchA+extent(p.M, p.K, p.A), end)
	b := pages.array(t, p.DType, batchB+extent(p.K, p.N, p.B), end)
	c := pages.array(t, p.DType, batchC+extent(p.M, p.N, Strides{p.CRow, 1}), end)
	a.fill(r)
	b.fill(r)
	c.fill(r)
	if special {
		for _, x := range []array{a, b} {
			for range x.n / 20 {
				x.set(r.IntN(x.n), []float64{math.Inf(1), math.Inf(-1), math.NaN(), 0, math.Copysign(0, -1), 1e-310, 3e-39, 1e38}[r.IntN(8)])
			}
		}
	}
	before := newArray(c.d, c.n)
	for i := range c.n {
		before.set(i, c.at(i))
	}
	want := plainProduct(p, a, b, c)
	runs := 0
	for _, level := range cpu.Levels() {
		for _, s := range plans {
			for _, w := range workers {
				for i := range c.n {
					c.set(i, before.at(i))
				}
				x := newPlan(p, level, s)
				ahead := false
				if n, first := x.PrepackBytes(); n > 0 && r.IntN(2) == 0 {
					ahead = true
					x.Prepack(map[bool]array{false: b, true: a}[first].p, unsafe.Slice((*byte)(pages.memory(t, roundUp(n, 64), true)), n))
				}
				run(t, x, w, a, b, c)
				runs++
				if err := sameBits(c, want); err != nil {
					t.Fatalf("%+v, %v, %d workers, way %d, packed ahead %v: %v", p, level, w, x.how, ahead, err)
				}
			}
		}
	}
	return runs
}

// tiny makes small products go the ways of large ones, cut into many items.
var (
	tiny    = sizes{blockA: 4 << 10, columnsB: 256, sharedB: 200 << 10, ownA: 2 << 10, smallB: 1, streamB: 1, streamRows: 14, streamRow: 64, streamC: 64, streamPiece: 40, itemWork: 100, panelsA: 1, farStride: 32, nearStride: 600, nearPanels: 2, ownColumns: 32, singles: 2, singleTerms: 5}
	inItems = sizes{blockA: 4 << 10, columnsB: 256, smallB: 1 << 30, streamB: 1 << 30, streamRows: 14, streamRow: 64, streamC: 64, streamPiece: 40, itemWork: 100, farStride: 16, ownColumns: 16, singles: 2, singleTerms: 40}
)

var floats = []dtype.DType{dtype.Float64, dtype.Float32}

// TestTiles has every number of rows of a tile, every width of masks and every way of reading the operands, with guard pages around everything.
func TestTiles(t *testing.T) {
	runs := 0
	for _, d := range floats {
		t.Run(d.Short(), func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 2))
			for m := 1; m <= 15; m++ {
				for n := 1; n <= 34; n++ {
					k := []int{0, 1, 2, 3, 4, 5, 7, 9, 16, 19}[(m*34+n)%10]
					p := form(d, m, n, k, r.IntN(4), r.IntN(2)*r.IntN(5))
					p.Add = r.IntN(4) == 0
					runs += check(t, r, p, []sizes{usual, tiny}, []int{1}, false)
				}
			}
		})
	}
	if t.Logf("%d runs", runs); runs < 2000*len(cpu.Levels()) {
		t.Errorf("%d runs", runs)
	}
}

// TestForms has shapes that go each way, in all forms, with several workers, with sums of several chains, and with batches.
func TestForms(t *testing.T) {
	runs := 0
	r := rand.New(rand.NewPCG(3, 4))
	for _, d := range floats {
		for _, s := range [][3]int{{1, 1, 1}, {1, 300, 40}, {300, 1, 40}, {1, 70, 530}, {70, 1, 530}, {5, 130, 270}, {14, 33, 513}, {13, 97, 300}, {31, 100, 70}, {65, 77, 257}, {100, 31, 16}, {3, 4, 0}, {29, 65, 600}, {45, 70, 1100}} {
			for f := range 4 {
				for gap := range 2 {
					p := form(d, s[0], s[1], s[2], f, gap*7)
					p.Add = f == 3
					runs += check(t, r, p, []sizes{usual, tiny, inItems}, []int{1, 2, 3, 8}, gap == 1)
				}
			}
		}
		for _, batch := range [][]Dim{{{3, 1, 0, 1}}, {{2, 1, 1, 3}, {3, 0, 1, 1}}, {{2, 0, 1, 1}}, {{4, 1, 0, 1}, {1, 9, 9, 9}}} { // in matrices
			for _, s := range [][3]int{{5, 6, 7}, {3, 3, 3}, {2, 8, 5}, {4, 5, 40}, {1, 20, 9}, {20, 1, 9}, {17, 33, 8}, {1, 1, 5}} {
				for f := range 4 {
					p := form(d, s[0], s[1], s[2], f, 0)
					for _, dim := range batch {
						p.Batch = append(p.Batch, Dim{dim.N, dim.A * s[0] * s[2], dim.B * s[1] * s[2], dim.C * s[0] * s[1]})
					}
					runs += check(t, r, p, []sizes{usual, tiny, inItems}, []int{1, 2}, false)
				}
			}
		}
	}
	if t.Logf("%d runs", runs); runs < 3000*len(cpu.Levels()) {
		t.Errorf("%d runs", runs)
	}
}

// TestPieces has pieces of every number of rows and width of masks, whose terms lie at a distance or where a table says, between guard pages.
func TestPieces(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	runs := 0
	for _, d := range floats {
		for m := 1; m <= 15; m++ {
			for n := 1; n <= 34; n++ {
				k := []int{1, 2, 3, 8, 29}[(m+n)%5]
				gap := r.IntN(3)
				p := Product{DType: d, M: m, N: n, K: k, A: Strides{k + gap, 1}, B: Strides{n + gap, 1}, CRow: n + gap, Add: r.IntN(2) == 0}
				var pages guards
				end := r.IntN(2) == 0
				a, b := pages.array(t, d, extent(m, k, p.A), end), pages.array(t, d, extent(k, n, p.B), end)
				c := pages.array(t, d, extent(m, n, Strides{p.CRow, 1}), end)
				a.fill(r)
				b.fill(r)
				c.fill(r)
				before := newArray(d, c.n)
				for i := range c.n {
					before.set(i, c.at(i))
				}
				// The table has the terms of either in an order of its own; as the definition wants them they are in this one.
				rowsOfB, termsOfA := r.Perm(k), r.Perm(k)
				table := make([]Term, k)
				sortedA, sortedB := newArray(d, a.n), newArray(d, b.n)
				for i := range table {
					table[i] = Term{B: int64(rowsOfB[i] * p.B.Row * d.Size()), A: int64(termsOfA[i] * d.Size())}
					for j := range n {
						sortedB.set(i*p.B.Row+j, b.at(rowsOfB[i]*p.B.Row+j))
					}
					for j := range m {
						sortedA.set(j*p.A.Row+i, a.at(j*p.A.Row+termsOfA[i]))
					}
				}
				for _, level := range cpu.Levels() {
					q := p
					q.Block = true
					x := NewPlan(q, level)
					scratch := unsafe.Slice((*byte)(pages.memory(t, roundUp(x.Each(), 64), true)), x.Each())
					for _, tab := range [][]Term{nil, table} {
						for i := range c.n {
							c.set(i, before.at(i))
						}
						x.Piece(scratch, &Piece{A: a.p, ARow: p.A.Row, B: b.p, BRow: p.B.Row, Table: tab, C: c.p, CRow: p.CRow, M: m, N: n, K: k, Add: p.Add})
						left, right := a, b
						if tab != nil {
							left, right = sortedA, sortedB
						}
						if err := sameBits(c, plainProduct(p, left, right, before)); err != nil {
							t.Fatalf("%+v, %v, table %v: %v", p, level, tab != nil, err)
						}
						runs++
					}
				}
				pages.free()
			}
		}
	}
	if t.Logf("%d runs", runs); runs < 1000*len(cpu.Levels()) {
		t.Errorf("%d runs", runs)
	}
}

// TestDots has every remainder of terms and of rows of the kernels that transpose rows on the way, for each number of vectors and a few more.
func TestDots(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	runs := 0
	for _, d := range floats {
		for rows := 4; rows <= 35; rows++ {
			for vectors := 1; vectors <= maxDots+1; vectors++ {
				k := []int{2, 3, 4, 5, 6, 7, 8, 15, 16, 17, 31, 66, 257, 259, 514}[(rows*5+vectors)%15]
				p := form(d, rows, vectors, k, r.IntN(2)*2, r.IntN(3))
				if (rows+vectors)%2 == 0 {
					p = form(d, vectors, rows, k, 2+r.IntN(2), r.IntN(3))
				}
				p.Add = r.IntN(3) == 0
				runs += check(t, r, p, []sizes{usual, inItems}, []int{1, 2}, rows%3 == 0)
			}
		}
	}
	if t.Logf("%d runs", runs); runs < 1280 {
		t.Errorf("%d runs", runs)
	}
}

// TestDotsDown has few columns of a product whose A has contiguous columns: every remainder of rows, for each number of columns and one more.
func TestDotsDown(t *testing.T) {
	r := rand.New(rand.NewPCG(15, 16))
	runs := 0
	for _, d := range floats {
		for rows := 7; rows <= 150; rows += 1 + rows/40 {
			for columns := 1; columns <= maxDots+1; columns++ {
				p := form(d, rows, columns, []int{2, 4, 5, 64, 257, 514}[(rows*5+columns)%6], 1+r.IntN(2)*2, r.IntN(3))
				if columns == 1 {
					p.CRow = 3
				}
				p.Add = r.IntN(3) == 0
				runs += check(t, r, p, []sizes{usual, inItems}, []int{1, 2}, rows%3 == 0)
			}
		}
	}
	if t.Logf("%d runs", runs); runs < 1280 {
		t.Errorf("%d runs", runs)
	}
	if x := NewPlan(form(dtype.Float64, 20, 3, 64, 1, 0), cpu.Best()); x.down != (x.kernels.dots != nil) {
		t.Errorf("few columns go way %d", x.how)
	}
}

// TestSmallCaches has what is packed only for the caches of processors without AVX-512: terms of B that lie as far apart as places of the second-level cache, rows of B across lines, and
// columns of A tile by tile, each with shapes for which that does not pay.
func TestSmallCaches(t *testing.T) {
	if sizesOf(cpu.AVX512) != usual {
		t.Error("AVX-512 has sizes of its own")
	}
	r := rand.New(rand.NewPCG(19, 20))
	for _, d := range floats {
		far, across := 2048/d.Size(), 2000/d.Size()
		for _, c := range []struct {
			m, n, k, form int
			packA, packB  bool // with small caches
		}{
			{30, far, 130, 0, false, true}, {23, far, 130, 0, false, false}, {30, far, 127, 0, false, false},
			{150, across, 200, 0, false, true}, {140, across, 200, 0, false, false}, {150, across, 190, 0, false, false},
			{1200 / d.Size(), far + 3, 20, 1, true, false}, {1200 / d.Size(), 60, 20, 1, false, false}, {800 / d.Size(), far, 20, 1, false, false},
		} {
			p := form(d, c.m, c.n, c.k, c.form, 0)
			if x := newPlan(p, cpu.AVX2, sizesOf(cpu.AVX2)); cpu.Supported() >= cpu.AVX2 && ((x.packA && x.panelA()) != c.packA || (x.packB || x.how == shared) != c.packB) {
				t.Errorf("%v %+v goes way %d, packed %v, %v", d, c, x.how, x.packA, x.packB)
			}
			if x := newPlan(p, cpu.AVX2, usual); x.packA || x.packB || x.how != direct {
				t.Errorf("%v %+v goes way %d, packed %v, %v, with large caches", d, c, x.how, x.packA, x.packB)
			}
			check(t, r, p, []sizes{usual, sizesOf(cpu.AVX2)}, []int{1, 2}, true)
		}
	}
}

// TestStreams has every width of masks of the kernels that go along rows of B, for each number of rows and chains of one kernel's terms, of some more, and several chains.
func TestStreams(t *testing.T) {
	r := rand.New(rand.NewPCG(17, 18))
	runs := 0
	for _, d := range floats {
		for m := 1; m <= asm.StreamRows+1; m++ {
			for n := 10; n < 75; n++ {
				k := []int{7, 8, 9, 16, 23, 255, 256, 257, 264, 530}[(m*3+n)%10]
				p := form(d, m, n, k, r.IntN(2), r.IntN(2)*r.IntN(5))
				p.Add = r.IntN(3) == 0
				if x := newPlan(p, cpu.Best(), tiny); x.how != stream {
					t.Fatalf("%+v goes way %d", p, x.how)
				}
				runs += check(t, r, p, []sizes{tiny}, []int{1 + n%2}, n%3 == 0)
			}
		}
	}
	if t.Logf("%d runs", runs); runs < 650*len(cpu.Levels()) {
		t.Errorf("%d runs", runs)
	}
}

// TestFlush has products whose terms, sums and operands are often subnormal, on each way.
func TestFlush(t *testing.T) {
	r := rand.New(rand.NewPCG(15, 16))
	zeros, others := 0, 0
	for _, d := range floats {
		small := math.Ldexp(1, -513)
		if d == dtype.Float32 {
			small = math.Ldexp(1, -64)
		}
		for _, s := range [][4]int{{1, 1, 1, 0}, {5, 7, 9, 1}, {16, 1, 600, 0}, {3, 40, 37, 2}, {17, 33, 300, 3}, {1, 70, 530, 0}, {40, 30, 290, 2}, {2, 3, 17000, 0}} {
			for _, add := range []bool{false, true} {
				p := form(d, s[0], s[1], s[2], s[3], 0)
				p.Add, p.Flush = add, true
				for _, level := range cpu.Levels() {
					for _, plan := range []sizes{usual, tiny, inItems} {
						a, b, c := newArray(d, p.M*p.K), newArray(d, p.K*p.N), newArray(d, p.M*p.N)
						for _, x := range []array{a, b} {
							for i := range x.n {
								x.set(i, r.NormFloat64()*small*math.Ldexp(1, r.IntN(3)))
							}
						}
						for i := range c.n {
							c.set(i, r.NormFloat64()*small*small)
						}
						want := plainProduct(p, a, b, c)
						run(t, newPlan(p, level, plan), 2, a, b, c)
						if err := sameBits(c, want); err != nil {
							t.Fatalf("%+v, %v: %v", p, level, err)
						}
						for i := range c.n {
							if c.at(i) == 0 {
								zeros++
							} else {
								others++
							}
						}
					}
				}
			}
		}
	}
	if zeros < 100 || others < 100 {
		t.Errorf("%d zeros, %d others", zeros, others)
	}
	// Nothing is left of it when the product has been computed.
	x, y := math.Float32frombits(3), float32(r.Float64()+2)
	if x*y == 0 {
		t.Error("subnormal numbers are taken as 0 outside of products")
	}
}

// TestLong has more terms than a Segment.
func TestLong(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	runs := 0
	for _, d := range floats {
		for _, k := range []int{Segment - 1, Segment, Segment + 1, 2*Segment + 300} {
			for f := range 4 {
				p := form(d, 2, 3, k, f, 0)
				p.Add = f == 1
				runs += check(t, r, p, []sizes{usual, tiny}, []int{1, 2}, false)
			}
		}
	}
	if t.Logf("%d runs", runs); runs < 128*len(cpu.Levels()) {
		t.Errorf("%d runs", runs)
	}
}

// TestError holds the error of float32 products against the bound that the package states, with a sum in float64: random terms, and terms of one
// size, whose roundings in a chain all go the same way.
func TestError(t *testing.T) {
	const u = 0x1p-24
	worst := 0.0
	r := rand.New(rand.NewPCG(7, 8))
	for _, k := range []int{1, 17, 256, 1000, 4096, Segment, 1 << 17, 1 << 20} {
		for kind := range 3 {
			p := form(dtype.Float32, 1, 1, k, 0, 0)
			a, b, c := newArray(p.DType, k), newArray(p.DType, k), newArray(p.DType, 1)
			for i := range k {
				switch kind {
				case 0:
					a.set(i, r.NormFloat64())
					b.set(i, r.NormFloat64())
				case 1:
					a.set(i, 0.1)
					b.set(i, 1)
				case 2:
					a.set(i, 1+r.Float64()/1024)
					b.set(i, 0.7)
				}
			}
			sum, size := 0.0, 0.0
			for i := range k {
				sum += a.at(i) * b.at(i) // exact in float64, and 2⁻⁵³·k is far below the bound
				size += math.Abs(a.at(i) * b.at(i))
			}
			run(t, NewPlan(p, cpu.Best()), 1, a, b, c)
			e := math.Abs(c.at(0)-sum) / (u * size)
			if worst = max(worst, e); !(e <= 322) {
				t.Errorf("%d terms of kind %d: error of %v u·Σ|ab|", k, kind, e)
			}
		}
	}
	t.Logf("largest error: %.3g u·Σ|ab|", worst)
	if worst < 1 {
		t.Error("nothing was rounded")
	}
}

// TestPaths has every way of a product and every level taken by the sizes that are meant for it.
func TestPaths(t *testing.T) {
	for _, c := range []struct {
		m, n, k, form int
		want          how
	}{
		{64, 64, 64, 0, direct}, {256, 256, 256, 3, direct}, {1024, 1024, 1024, 0, shared}, {2048, 2048, 2048, 2, shared},
		{1, 4096, 4096, 0, stream}, {1, 4096, 4096, 2, dots}, {4096, 1, 4096, 1, stream}, {20, 1, 1000, 0, dots}, {4, 100, 64, 2, dots}, {64, 2, 64, 0, dots}, {5, 100, 64, 2, direct}, {64, 2, 64, 1, dots}, {64, 5, 64, 1, direct}, {8, 1, 1000, 0, direct}, {1000, 1000, 3, 0, direct},
	} {
		if x := NewPlan(form(dtype.Float32, c.m, c.n, c.k, c.form, 0), cpu.AVX512); x.how != c.want && cpu.Supported() >= cpu.AVX512 {
			t.Errorf("%+v goes way %d", c, x.how)
		}
	}
	for f := range 4 {
		p := form(dtype.Float64, 3, 3, 3, f, 0)
		p.Batch = []Dim{{100, 9, 9, 9}}
		if x := NewPlan(p, cpu.Best()); x.how != singles {
			t.Errorf("a hundred products of 3×3 matrices, form %d, go way %d", f, x.how)
		}
	}
	for _, d := range floats {
		for _, l := range cpu.Levels() {
			if x := NewPlan(form(d, 9, 9, 9, 0, 0), l); x.kernels.portable != (l < cpu.AVX2) || l > cpu.NEON && x.lanes*d.Size() != 8<<l {
				t.Errorf("%v: tiles of %d lanes, portable %v", l, x.lanes, x.kernels.portable)
			}
		}
	}
}

func BenchmarkProduct(b *testing.B) {
	for _, d := range []dtype.DType{dtype.Float32, dtype.Float64} {
		for _, s := range [][3]int{{64, 64, 64}, {256, 256, 256}, {1024, 1024, 1024}, {2048, 2048, 2048}, {1, 4096, 4096}, {4096, 1, 4096}, {7, 5, 13}, {1000, 1000, 3}, {128, 32, 64}, {784, 128, 64}, {64, 784, 128}} {
			for form := range 4 {
				for workers := 1; workers <= 2; workers++ {
					m, n, k := s[0], s[1], s[2]
					b.Run(fmt.Sprintf("%s/%dx%dx%d/%d/workers=%d", d.Short(), m, n, k, form, workers), func(b *testing.B) {
						p := Product{DType: d, M: m, N: n, K: k, A: Strides{k, 1}, B: Strides{n, 1}, CRow: n}
						if form&1 != 0 {
							p.A = Strides{1, m}
						}
						if form&2 != 0 {
							p.B = Strides{1, k}
						}
						x := NewPlan(p, cpu.Best())
						a, bb, c := newArray(d, m*k), newArray(d, n*k), newArray(d, m*n)
						r := rand.New(rand.NewPCG(1, 2))
						a.fill(r)
						bb.fill(r)
						var run Runner = Serial{}
						if workers > 1 {
							run = &pooled{workers: workers}
						}
						common, scratch := make([]byte, x.Shared()+64), [][]byte{make([]byte, x.Each()+64), make([]byte, x.Each()+64)}
						best := time.Duration(math.MaxInt64)
						for b.Loop() {
							start := time.Now()
							x.Run(run, a.p, bb.p, c.p, common, scratch)
							best = min(best, time.Since(start))
						}
						b.ReportMetric(2*float64(m)*float64(n)*float64(k)/best.Seconds()/1e9, "GFLOP/s")
						b.ReportMetric(float64(d.Size())*(float64(m)*float64(k)+float64(n)*float64(k)+float64(m)*float64(n))/best.Seconds()/1e9, "GB/s")
						b.ReportMetric(float64(best.Nanoseconds()), "ns/best")
					})
				}
			}
		}
	}
}
