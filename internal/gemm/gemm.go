// Package gemm multiplies matrices of float64 and float32 numbers, at the speed of the processor.
//
// The bits of a result follow from the operands alone. Every element is a sum of chains: a chain is 256 fused multiply-adds in ascending k that begin
// at 0, and chains are added in ascending order. For float32 these sums are float32 over 64 chains, and the sums of so many are added in float64.
// Tiles, packing, vector instructions and the number of workers change when an element is computed and not how.
//
// The error of an element is at most (257 + k/256)·u·Σ|a·b| for k terms, for float32 322·u·Σ|a·b|.
//
// A product is cut into tiles of C that a micro-kernel keeps in registers (package asm, machine code made for arm64, or portable Go). A large one packs B for all workers,
// then blocks of A for each (Goto and van de Geijn, Anatomy of high-performance matrix multiplication, ACM Trans. Math. Softw. 34, 2008); a small one reads
// both where they are; few rows stream B once, some of its rows at a time along their length, or rows that are contiguous in k are
// transposed on the way.
package gemm

//go:generate go -C ../.. run ./internal/gemm/asm/gen

import (
	"runtime"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/elem"
	"github.com/adjoint-go/adjoint/internal/gemm/asm"
	"github.com/adjoint-go/adjoint/internal/pool"
)

// Chain is the number of multiply-adds of a chain, and Segment the number of terms that float32 chains are added for in float32.
const (
	Chain   = 256
	Segment = 64 * Chain
)

// Strides are the distances, in elements, from row to row and from column to column. One of them is 1, unless the matrix has a single row or column.
type Strides struct{ Row, Col int }

// Dim is a dimension of a batch of products: its extent, and the distances, in elements, from one to the next in each matrix.
type Dim struct{ N, A, B, C int }

// Product describes C = A·B, of an M×K and a K×N matrix, for each element of a batch.
type Product struct {
	DType   dtype.DType // Float64 or Float32
	M, N, K int
	A, B    Strides
	CRow    int   // C's rows are contiguous, so many elements apart
	Batch   []Dim // outermost first
	Add     bool  // C += A·B: the first chain is added to C
	Block   bool  // for Plan.Block, which takes no Batch
	Flush   bool  // subnormal operands and results of multiply-adds and sums are taken as 0 of their sign
}

// Runner runs the items of a task, on as many goroutines as there is scratch for, and returns when all are done.
type Runner interface {
	Parallel(task pool.Task, items int)
}

// Finisher is told of each part of C when its elements are final, while they are in the cache: rows as long as cols, the Product's CRow apart, of which the first begins
// at elements behind C. Each element of C is in one part. Worker is that of the Runner's task.
type Finisher interface {
	Finish(worker, at, rows, cols int)
}

// Serial is a Runner without other goroutines.
type Serial struct{}

// Parallel implements Runner.
func (Serial) Parallel(task pool.Task, items int) {
	for i := range items {
		task.Do(0, i)
	}
}

// sizes are where one way begins to be better than another, and how much is taken at once. They change no bit of a result.
type sizes struct {
	blockA      int // bytes of a packed block of A: a part of the second-level cache
	columnsB    int // bytes of a row of B that are packed at once for all workers
	sharedB     int // bytes of B that are packed at once for all workers, if these are more than one chain's: workers wait for one another less often. What items share of A is counted too
	ownA        int // bytes of A's rows of a chain up to which each worker packs B for itself
	smallB      int // bytes of B up to which it is read where it is, or packed by each worker for itself
	secondWay   int // bytes of a way of the second-level cache, for which a smaller B is packed too if its terms crowd the caches; 0 for never
	streamB     int // bytes of B from which few rows of A stream it
	streamRows  int // rows of A up to which it does
	streamRow   int // bytes of a row of B that are read at once, about
	streamC     int // bytes of C that stay in the first-level cache while B streams by
	streamPiece int // bytes of a row of B from which terms are added along it,
	streamTerms int // if a chain has more
	itemWork    int // bytes · multiply-adds of an item at least: a microsecond or so
	panelsA     int // panels of B beyond which columns of A are packed tile by tile; 0 for never
	farStride   int // bytes from row to row of A from which few rows hit the same lines of a cache
	nearStride  int // bytes from term to term of A below which many columns of B read it where it is: copying its short lines takes longer
	nearPanels  int // panels of B that are many
	ownColumns  int // columns of B that a worker packs for itself at once
	singles     int // products of one tile each that are taken in groups
	singleTerms int // and their terms at most
}

var usual = sizes{blockA: 224 << 10, columnsB: 16 << 10, sharedB: 512 << 10, ownA: 256 << 10, smallB: 640 << 10, streamB: 256 << 10, streamRows: 4, streamRow: 8 << 10, streamC: 32 << 10, streamPiece: 1 << 10, streamTerms: 4 * asm.StreamTerms, itemWork: 600e3, farStride: 4096, nearStride: 2048, nearPanels: 8, ownColumns: 128, singles: 8, singleTerms: 16}

// sizesOf returns the sizes for a level. Most processors with AVX2 but not AVX-512 have a second-level cache of half a megabyte or less.
func sizesOf(level cpu.Level) sizes {
	s := usual
	if level == cpu.AVX2 {
		s.secondWay, s.panelsA, s.nearStride = 64<<10, 8, 1<<10
	}
	return s
}

const (
	panelsItem   = 8        // panels of B that are packed in one item at most
	packRowsOf   = 16       // rows of B that are packed at once, over all panels of an item, and lines of A: they are contiguous for long
	panelAhead   = 64       // terms of panels packed ahead of all runs that are fetched ahead: they may be far away
	copyBytes    = 1 << 10  // of a line that are copied by vectors at most
	shortChain   = 64       // terms up to which C is written row by row
	shareOut     = 8        // number of blocks of a large product: most numbers of workers share it well
	alignment    = 64       // of scratch
	finishBytes  = 64 << 10 // of C that are finished at once, of whole rows
	finishCols   = 256      // columns that are, of some rows
	cacheWay     = 4 << 10  // bytes of a way of the first-level cache
	cacheWays    = 8        // of the second-level cache too
	packTiles    = 4        // tiles of rows from which B is packed only for its terms' distance
	acrossTiles  = 24       // those from which it is because rows of a panel lie across lines of the cache,
	acrossPanels = 8        // and panels
	pageBytes    = 4 << 10
	cachePages   = 128 // with a few cycles for each that is not in the cache's first level
)

// how is the way that a product goes.
type how int

const (
	direct  how = iota // items are blocks of C; each packs what it needs
	stream             // few rows: B is read once, as it lies in memory
	shared             // B is packed for all workers
	dots               // few rows and contiguous columns of B, or few columns and contiguous rows of A: one operand is read once, as it lies in memory
	singles            // many products of one tile each: items are groups of them
)

// Plan is a product with all choices made. One run at a time may use it.
type Plan struct {
	p            Product
	sizes        sizes
	how          how
	across       bool // the way of dots reads rows of A
	down         bool // or columns of A
	double       bool
	size         int // of an element
	lanes        int // of a vector
	mr, nr       int // rows and columns of a tile
	kernels      kernels
	count        int  // products
	turned       bool // A and B have changed places
	packA, packB bool
	rowBlocks    int
	colBlocks    int
	prepacked    uintptr // all of B, if it was packed ahead
	keep         []byte  // where it lies
	perWorker    int     // bytes
	group        int     // products of an item of singles
	rowsOfAll    bool    // the rows of C of all products lie CRow apart
	packedB      int     // bytes of B, packed for all
	phase        int     // terms of B that are packed for all at once: some chains
	panelsItem   int     // panels of B that are packed in one item
	sums         int     // bytes of the float64 sums of float32 segments

	// of a run
	a, b, c uintptr
	c0      uintptr // where the first product's C begins
	bufferB uintptr
	scratch [][]byte
	then    Finisher // nil for none
	set     bool     // the first chain sets C
	last    bool     // the phase of a shared product is the last one of its columns
	k0, kc  int      // of the phase of a shared product
	j0, nc  int
	packing bool
}

// worker is what a goroutine works with: it lies at the beginning of its scratch.
type worker struct {
	tile   asm.Tile
	cols   asm.Columns
	blocks asm.Blocks
	first  [1]int64 // the table of one block
	dots   asm.Dots
	stream asm.Stream
	halves asm.Halves
	planes asm.Filters
	gather asm.Gather
	slide  asm.Slide
	chains [maxChains * asm.LineBytes]byte
}

// workerIn returns the worker at the beginning of its scratch, and where the rest begins.
func workerIn(scratch []byte) (*worker, uintptr) {
	p := unsafe.Pointer(unsafe.SliceData(scratch))
	return (*worker)(p), uintptr(p) + uintptr(roundUp(int(unsafe.Sizeof(worker{})), alignment))
}

// StateBytes bounds the memory of a plan, besides its scratch.
func StateBytes(p Product) int64 {
	return int64(unsafe.Sizeof(Plan{})) + 2*int64(len(p.Batch))*int64(unsafe.Sizeof(Dim{})) + 256
}

// NewPlan makes the choices for a product.
func NewPlan(p Product, level cpu.Level) *Plan {
	return newPlan(p, level, sizesOf(min(level, cpu.Supported())))
}

func newPlan(p Product, level cpu.Level, s sizes) *Plan {
	x := &Plan{p: p, sizes: s, double: p.DType == dtype.Float64, size: p.DType.Size()}
	x.kernels = kernelsOf(p.DType, min(level, cpu.Supported()))
	x.lanes, x.mr, x.nr = x.kernels.lanes, x.kernels.rows, 2*x.kernels.lanes
	x.count = 1
	if p.Block {
		x.chooseBlock()
		return x
	}
	x.simplify()
	for _, d := range x.p.Batch {
		x.count *= d.N
	}
	if x.p.M == 0 || x.p.N == 0 {
		x.count = 0
	}
	x.choose()
	return x
}

// simplify makes one product of a batch whose A is one tall matrix, and lets a single column be a row.
func (x *Plan) simplify() {
	p := &x.p
	if p.K == 1 {
		p.A.Col = 1
	}
	if p.N == 1 {
		p.B.Col = 1
	}
	var batch []Dim
	for _, d := range p.Batch {
		if d.N != 1 {
			batch = append(batch, d)
		}
	}
	if p.M == 1 {
		p.A.Row, p.CRow = 1, 1
		if n := len(batch); n > 0 { // its rows may be any distance apart
			p.A.Row, p.CRow = batch[n-1].A, batch[n-1].C
		}
	}
	for n := len(batch); n > 0 && batch[n-1].B == 0 && batch[n-1].A == p.M*p.A.Row && batch[n-1].C == p.M*p.CRow; n-- {
		p.M *= batch[n-1].N
		batch = batch[:n-1]
	}
	p.Batch = batch
	if p.N == 1 && p.CRow == 1 {
		// Cᵀ = Bᵀ·Aᵀ
		for i, d := range batch {
			batch[i].A, batch[i].B = d.B, d.A
		}
		p.A, p.B = Strides{p.B.Col, p.B.Row}, Strides{p.A.Col, p.A.Row}
		p.M, p.N, p.CRow = 1, p.M, p.M
		x.turned = true
	}
}

// mostWork is the number of multiply-adds of an item at most, about: between items a run can be cancelled.
const mostWork = 1 << 25

// choose finds how the product goes and how much scratch that takes, from the shapes alone.
func (x *Plan) choose() {
	p := &x.p
	x.packB = p.B.Col != 1
	bytesB := p.K * p.N * x.size
	crowded := x.crowdsTerms()
	switch {
	case x.single():
		x.how = singles
	case x.useDots():
		x.how, x.packB = dots, false
	case !x.packB && p.M <= x.sizes.streamRows && bytesB > x.sizes.streamB:
		x.how = stream
	case (crowded || bytesB > x.sizes.smallB) && p.M*min(p.K, Chain)*x.size > x.sizes.ownA:
		x.how = shared
	case crowded, bytesB > x.sizes.smallB && p.M > x.mr && !x.holdsTerms():
		x.packB = true // more than one tile reads them
	}
	if !x.double && p.K > Segment {
		x.sums = roundUp(p.M*p.N*8*x.count, alignment)
	}
	tiles, columns := ceil(p.M, x.mr), ceil(p.N, x.nr)
	x.rowBlocks, x.colBlocks = 1, 1
	x.perWorker = roundUp(int(unsafe.Sizeof(worker{})), alignment)
	if x.count == 0 {
		return
	}
	// The number of items: enough for all workers and for some balance, none too small.
	work := float64(p.M) * float64(p.N) * float64(max(1, p.K)) * float64(x.count)
	want := 1
	if parts := work * float64(x.size) / float64(x.sizes.itemWork); parts >= 2 {
		want = int(max(min(parts, 32), work/mostWork))
	}
	switch x.how {
	case singles:
		x.group = ceil(x.count, want)
		if x.packB {
			x.perWorker += roundUp(p.K*x.nr*x.size, alignment)
		}
	case dots:
		// Blocks of the rows that are read, which are rows or columns of C.
		if each := ceil(want, x.count); x.across || x.down {
			x.rowBlocks = min(each, ceil(p.M, 2*x.lanes))
		} else {
			x.colBlocks = min(each, columns)
		}
	case direct:
		each := ceil(want, x.count) // blocks of a product
		if x.packB {
			x.colBlocks = min(each, ceil(columns, 4))
			x.rowBlocks = min(ceil(each, x.colBlocks), ceil(tiles, 8)) // each packs B again
		} else {
			x.rowBlocks = min(each, tiles)
			x.colBlocks = min(ceil(each, x.rowBlocks), columns)
		}
		stride := max(p.A.Row, p.A.Col) * x.size
		far := x.sizes.farStride
		x.packA = p.K > 1 && p.M > 1 && p.N > 2*x.nr && (stride >= far && stride%far < 256 || p.A.Col != 1 && stride >= 2*far || x.panelA() && stride >= x.sizes.nearStride)
		if x.packB {
			x.perWorker += x.ownB()
		}
		if x.packA {
			x.perWorker += x.packedABytes(ceil(tiles, x.rowBlocks) * x.mr)
		}
	case stream:
		x.colBlocks = max(1, min(max(want, ceil(p.N, x.streamColumns())), ceil(p.N*x.size, x.sizes.streamRow)))
		if p.K > Chain || p.Add {
			x.perWorker += p.M * x.streamColumns() * x.size
		}
	case shared:
		x.packA = p.A.Col == 1 || p.A.Col*x.size >= x.sizes.nearStride || columns < x.sizes.nearPanels
		most := max(1, x.sizes.blockA/(min(p.K, Chain)*x.size*x.mr)) // tiles of a block
		x.rowBlocks = min(roundUp(ceil(tiles, most), shareOut), ceil(tiles, 4))
		if x.rowBlocks < shareOut {
			x.colBlocks = min(ceil(2*shareOut, x.rowBlocks), ceil(min(p.N, x.sharedColumns()), x.nr))
		}
		if x.packA {
			x.perWorker += x.packedABytes(ceil(tiles, x.rowBlocks) * x.mr)
		}
		cols := roundUp(min(p.N, x.sharedColumns()), x.nr)
		row := cols * x.size // bytes of each term that items share, which stay in the cache
		if p.A.Col != 1 {
			row += p.M * x.size
		}
		x.phase = Chain * max(1, min(ceil(p.K, Chain), x.sizes.sharedB/(Chain*row)))
		x.packedB = min(p.K, x.phase) * cols * x.size
		x.panelsItem = min(panelsItem, ceil(cols/x.nr*ceil(min(p.K, x.phase), Chain), shareOut))
	}
}

// holdsTerms reports whether the first-level cache, and that of the addresses of pages, can hold what a chain of tiles reads of B where it lies: terms that are a multiple of a large power of 2
// apart drive each other out.
func (x *Plan) holdsTerms() bool {
	terms, row := min(x.p.K, Chain), x.p.B.Row*x.size
	period := max(1, cacheWay/max(1, row&-row))
	return max(ceil(terms, period), terms*x.nr*x.size/cacheWay) <= cacheWays && terms*min(row, pageBytes) <= cachePages*pageBytes
}

// crowdsTerms reports whether what a chain of tiles reads of B where it lies takes most of the first-level cache, since rows of a tile lie across lines, or more than half of the
// places that the second-level cache has for terms so far apart.
func (x *Plan) crowdsTerms() bool {
	if x.p.B.Col != 1 || x.sizes.secondWay == 0 || x.p.M <= packTiles*x.mr {
		return false
	}
	terms, row := min(x.p.K, Chain), x.p.B.Row*x.size
	across := x.p.M > acrossTiles*x.mr && x.p.N > acrossPanels*x.nr && row%alignment != 0 && terms*(x.nr*x.size+alignment) > cacheWays*cacheWay*3/4
	return across || 2*terms > cacheWays*max(1, x.sizes.secondWay/max(1, row&-row))
}

// single reports whether there are many products, each of one tile and so few terms that it takes longer to find a way for each than to go it.
func (x *Plan) single() bool {
	p := &x.p
	if x.count < max(2, x.sizes.singles) || p.M > x.mr || p.N > x.nr || p.K > x.sizes.singleTerms {
		return false
	}
	x.rowsOfAll = !x.turned // whose rows are columns of the caller's C
	rows := p.M
	for d := len(p.Batch) - 1; d >= 0; d-- {
		x.rowsOfAll = x.rowsOfAll && p.Batch[d].C == rows*p.CRow
		rows *= p.Batch[d].N
	}
	return true
}

// Term says where a term's row of B and elements of A are, in bytes from where B and the rows of A begin.
type Term = asm.Term

// Piece is a product of one chain, with C as it becomes. Strides are in elements.
type Piece struct {
	A       unsafe.Pointer
	ARow    int // from row to row
	AStep   int // from term to term, which are contiguous if it is 0
	B       unsafe.Pointer
	BRow    int    // from term to term; columns are contiguous
	Table   []Term // instead of BRow, and of A's terms being contiguous
	C       unsafe.Pointer
	CRow    int
	M, N, K int // K ≤ Chain
	Add     bool
	Ahead   int // elements that B is fetched ahead
	Fetch   *Fetching
}

// Piece computes a piece of the plan's dtype on the calling goroutine, with scratch of Each bytes. Any number of goroutines may do so at a time.
func (x *Plan) Piece(scratch []byte, p *Piece) {
	w, _ := workerIn(scratch)
	t := tiles{a: uintptr(p.A), aRow: p.ARow * x.size, aStep: x.size, b: uintptr(p.B), bStep: p.BRow * x.size, c: uintptr(p.C), cRow: p.CRow * x.size, k: p.K, mode: asm.Set, ahead: p.Ahead * x.size}
	if p.Add {
		t.mode = asm.Add
	}
	if p.AStep != 0 {
		t.aStep = p.AStep * x.size
	}
	if p.Table != nil {
		t.bStep, t.indexed = int(uintptr(unsafe.Pointer(unsafe.SliceData(p.Table)))), true
	}
	if f := p.Fetch; f != nil && x.kernels.fetch != nil {
		w.gather.From, w.gather.Next = add(uintptr(f.From), f.Away), uintptr(f.Next*x.size)
		t.fetch, t.sources, t.ofTile = &w.gather, f.N, ceil(f.N, ceil(p.M, x.mr))
	}
	x.tiles(w, &t, p.M, p.N)
	runtime.KeepAlive(p)
}

// PieceTime estimates the cycles of a piece, for choices between pieces of other shapes: chains wait some four cycles for each term, of which vectors take half a cycle.
func (x *Plan) PieceTime(m, n, k int) int {
	const piece, call, wait = 150, 60, 5
	tiles := ceil(m, x.mr)
	rows := ceil(m, tiles)
	widest := x.kernels.widest(rows)
	total := piece
	for n > 0 {
		width, log := min(x.nr, n), 1
		switch {
		case width <= x.lanes:
			log = 0
		case widest > 1:
			for log < widest && x.lanes<<(log+1) <= n {
				log++
			}
			width = min(x.lanes<<log, n)
		}
		total += tiles * (call + k*max(wait, rows<<log/2))
		n -= width
	}
	return total
}

// Panels packs n columns of k terms each, which are contiguous and col elements apart, into panels of Width columns, one behind the other.
func (x *Plan) Panels(scratch []byte, to, from unsafe.Pointer, n, k, col int) {
	w, _ := workerIn(scratch)
	y := *x
	y.p.B = Strides{Row: 1, Col: col}
	y.packColumns(w, uintptr(to), uintptr(from), n, k)
	runtime.KeepAlive(to)
	runtime.KeepAlive(from)
}

// Width is the number of columns of a panel, and of a tile.
func (x *Plan) Width() int { return x.nr }

// Height is the number of rows of a tile.
func (x *Plan) Height() int { return x.mr }

// chooseBlock is choose for products that one goroutine does as a part of something larger.
func (x *Plan) chooseBlock() {
	x.packB = x.p.B.Col != 1
	x.perWorker = roundUp(int(unsafe.Sizeof(worker{})), alignment)
	if x.packB {
		x.perWorker += x.ownB()
	}
	if !x.double && x.p.K > Segment {
		x.sums = roundUp(x.p.M*x.p.N*8, alignment)
		x.perWorker += x.sums
	}
}

// Block computes the first n columns of C from the first k terms on the calling goroutine, with scratch of Each bytes. Any number of goroutines may do so
// at a time.
func (x *Plan) Block(scratch []byte, a, b, c unsafe.Pointer, n, k int) {
	w, own := workerIn(scratch)
	defer runtime.KeepAlive(a)
	defer runtime.KeepAlive(b)
	defer runtime.KeepAlive(c)
	r := region{a: uintptr(a), b: uintptr(b), c: uintptr(c), i1: x.p.M, j1: n, kc: k, set: !x.p.Add}
	if x.double || k <= Segment {
		x.direct(w, own, r)
		return
	}
	sums := unsafe.Slice((*float64)(pointer(own)), x.p.M*n)
	own = add(own, x.sums)
	x.inSegments(sums, n, k, func(k, kc int) {
		r.k0, r.kc, r.set = k, kc, true
		x.direct(w, own, r)
	}, func(i int) []float32 { return unsafe.Slice((*float32)(pointer(add(uintptr(c), i*x.p.CRow*x.size))), n) })
}

// ownB is the memory for the columns of B that a worker packs for itself.
func (x *Plan) ownB() int {
	return roundUp(min(x.p.K, Chain)*roundUp(min(x.p.N, x.sizes.ownColumns), x.nr)*x.size, alignment)
}

// sharedColumns is the number of columns of B that are packed at once.
func (x *Plan) sharedColumns() int { return roundUp(x.sizes.columnsB/x.size, x.nr) }

// streamColumns is the number of columns for which C stays in the cache.
func (x *Plan) streamColumns() int {
	return min(roundUp(x.p.N, x.nr), max(8*x.lanes, x.sizes.streamC/(x.p.M*x.size)/(8*x.lanes)*(8*x.lanes)))
}

// packedABytes is the memory for a packed block of A of so many rows.
func (x *Plan) packedABytes(rows int) int {
	if x.panelA() {
		return ceil(rows, x.mr) * x.aPanel(min(x.p.K, Chain))
	}
	if x.p.A.Col == 1 {
		return roundUp(rows*x.leadingA(min(x.p.K, Chain)), alignment)
	}
	return roundUp(min(x.p.K, Chain)*x.leadingA(rows), alignment)
}

// leadingA is the distance in bytes between packed lines of so many elements, which is no multiple of 4096, nor near one.
func (x *Plan) leadingA(n int) int { return roundUp(n*x.size, alignment) + alignment }

// PrepackBytes returns the bytes that B takes when it is packed ahead of all runs, 0 if that does not help. first tells that the operand which is packed is the
// first one: A and B have changed places.
func (x *Plan) PrepackBytes() (bytes int, first bool) {
	for _, d := range x.p.Batch {
		if d.B != 0 {
			return 0, false
		}
	}
	if x.count == 0 || x.p.K == 0 || x.how == singles || !x.packB && x.how != shared {
		return 0, false
	}
	return x.p.K * roundUp(x.p.N, x.nr) * x.size, x.turned
}

// Prepack packs the operand that PrepackBytes names, which must not change any more, into memory that belongs to the plan from now on.
func (x *Plan) Prepack(operand unsafe.Pointer, memory []byte) {
	w := &worker{}
	x.prepacked = uintptr(unsafe.Pointer(unsafe.SliceData(memory)))
	for k := 0; k < x.p.K; k += Chain {
		to, _ := x.panels(k, min(Chain, x.p.K-k), 0)
		x.packColumns(w, to, x.at(uintptr(operand), k, 0, x.p.B), x.p.N, min(Chain, x.p.K-k))
	}
	x.keep = memory
	runtime.KeepAlive(operand)
}

// panels returns where the panels of the terms k ≤ i < k+kc begin at column j in B packed ahead, and the bytes of a panel.
func (x *Plan) panels(k, kc, j int) (at uintptr, panel int) {
	panel = x.nr * x.size * kc
	return add(x.prepacked, k*roundUp(x.p.N, x.nr)*x.size+j/x.nr*panel), panel
}

// Shared returns the bytes of scratch that all workers share, and Each those of one worker.
func (x *Plan) Shared() int { return x.packedB + x.sums }

// Each returns the bytes of scratch of a worker.
func (x *Plan) Each() int { return x.perWorker }

// Run computes the product. shared and the scratch of each worker have the bytes that the plan asks for and are aligned to 64.
func (x *Plan) Run(r Runner, a, b, c unsafe.Pointer, common []byte, scratch [][]byte) {
	x.RunThen(r, a, b, c, common, scratch, nil)
}

// RunThen is Run that tells a Finisher, if it is not nil, of each part of C that is done.
func (x *Plan) RunThen(r Runner, a, b, c unsafe.Pointer, common []byte, scratch [][]byte, then Finisher) {
	if x.count == 0 {
		return
	}
	if x.p.K == 0 && x.p.Add {
		x.finishAll(then)
		return
	}
	x.a, x.b, x.c, x.c0, x.scratch = uintptr(a), uintptr(b), uintptr(c), uintptr(c), scratch
	if x.turned {
		x.a, x.b = x.b, x.a
	}
	x.bufferB = uintptr(unsafe.Pointer(unsafe.SliceData(common))) + uintptr(x.sums)
	if x.sums > 0 {
		x.runSegments(r, common[:x.sums])
		x.finishAll(then)
	} else {
		x.set, x.then = !x.p.Add, then
		x.runTerms(r, 0, x.p.K)
	}
	x.scratch, x.then = nil, nil
	runtime.KeepAlive(a)
	runtime.KeepAlive(b)
	runtime.KeepAlive(c)
	runtime.KeepAlive(common)
}

// runTerms takes the terms k ≤ i < k+kc.
func (x *Plan) runTerms(r Runner, k, kc int) {
	x.k0, x.kc = k, kc
	end := k + kc
	switch x.how {
	case shared:
	case singles:
		r.Parallel(x, ceil(x.count, x.group))
		return
	default:
		r.Parallel(x, x.count*x.rowBlocks*x.colBlocks)
		return
	}
	a, b, c := x.a, x.b, x.c
	set := x.set
	for i := range x.count {
		offA, offB, offC := x.offsets(i)
		x.a, x.b, x.c = add(a, offA), add(b, offB), add(c, offC)
		for x.j0 = 0; x.j0 < x.p.N; x.j0 += x.nc {
			x.nc = min(x.sharedColumns(), x.p.N-x.j0)
			x.set = set
			for x.k0 = k; x.k0 < end; x.k0 += x.phase {
				x.kc = min(x.phase, end-x.k0)
				if x.prepacked == 0 {
					x.packing = true
					r.Parallel(x, x.packItems()*ceil(x.kc, Chain))
					x.packing = false
				}
				x.last = x.k0+x.kc == end
				r.Parallel(x, x.rowBlocks*x.colBlocks)
				x.set = false
			}
		}
	}
	x.a, x.b, x.c, x.set = a, b, c, set
}

// offsets returns where the matrices of product i begin, in bytes.
func (x *Plan) offsets(i int) (a, b, c int) {
	for d := len(x.p.Batch) - 1; d >= 0; d-- {
		dim := &x.p.Batch[d]
		at := i % dim.N
		i /= dim.N
		a, b, c = a+at*dim.A, b+at*dim.B, c+at*dim.C
	}
	return a * x.size, b * x.size, c * x.size
}

// Do runs an item: it is a pool.Task.
func (x *Plan) Do(number, item int) {
	w, own := workerIn(x.scratch[number])
	switch x.how {
	case shared:
		x.doShared(number, w, own, item)
		return
	case singles:
		x.doSingles(number, w, own, item)
		return
	}
	blocks := x.rowBlocks * x.colBlocks
	offA, offB, offC := x.offsets(item / blocks)
	item %= blocks
	r := region{a: add(x.a, offA), b: add(x.b, offB), c: add(x.c, offC), k0: x.k0, kc: x.kc, set: x.set}
	i, j := item/x.colBlocks, item%x.colBlocks
	if x.p.N > x.p.M { // workers begin with items that lie beside one another: let them share A rather than the larger B
		i, j = item%x.rowBlocks, item/x.rowBlocks
	}
	r.i0, r.i1 = cut(x.p.M, x.mr, x.rowBlocks, i)
	r.j0, r.j1 = cut(x.p.N, x.nr, x.colBlocks, j)
	rows := r.i1 - r.i0
	if x.then != nil && (!x.packB || x.prepacked != 0) {
		rows = min(rows, max(x.mr, finishBytes/max(1, (r.j1-r.j0)*x.size)/x.mr*x.mr))
	}
	for end := r.i1; r.i0 < end; r.i0 = r.i1 {
		r.i1 = min(end, r.i0+rows)
		switch x.how {
		case stream:
			x.stream(w, own, r)
		case dots:
			x.dots(w, r)
		default:
			x.direct(w, own, r)
		}
		x.finish(number, r.c, r.i0, r.j0, r.i1-r.i0, r.j1-r.j0)
	}
}

// doSingles computes a group of products of one tile each.
func (x *Plan) doSingles(number int, w *worker, own uintptr, item int) {
	p, u := &x.p, &w.tile
	u.Flush, u.K, u.Mode, u.Ahead = x.flushing(), x.kc, asm.Add, 0
	if x.set {
		u.Mode = asm.Set
	}
	u.ARow, u.AStep, u.BStep, u.CRow = uintptr(p.A.Row*x.size), uintptr(p.A.Col*x.size), uintptr(p.B.Row*x.size), uintptr(p.CRow*x.size)
	log := 1
	if p.N <= x.lanes && !x.kernels.portable {
		log = 0
	}
	u.Last = p.N - (1<<log-1)*x.lanes
	if x.packB {
		u.BStep = uintptr(p.N * x.size)
	}
	var inner Dim
	if n := len(p.Batch); n > 0 {
		inner = p.Batch[n-1]
	}
	first, end := item*x.group, min(x.count, (item+1)*x.group)
	for i := first; i < end; {
		a, b, c := x.offsets(i)
		u.A, u.B, u.C = add(x.a, a), add(x.b, b), add(x.c, c)
		run := min(end-i, inner.N-i%inner.N) // of the innermost dimension
		for range run {
			from := u.B
			if x.packB {
				x.packTile(own, from)
				u.B = own
			}
			x.kernels.run(u, p.M, log, p.N, false)
			if x.then != nil && !x.rowsOfAll {
				x.finish(number, u.C, 0, 0, p.M, p.N)
			}
			u.A, u.B, u.C = add(u.A, inner.A*x.size), add(from, inner.B*x.size), add(u.C, inner.C*x.size)
		}
		i += run
	}
	if x.rowsOfAll && first < end {
		_, _, c := x.offsets(first)
		x.finish(number, add(x.c, c), 0, 0, (end-first)*p.M, p.N)
	}
}

// packTile copies B of a product of one tile, row by row.
func (x *Plan) packTile(to, from uintptr) {
	row, col := x.p.B.Row*x.size, x.p.B.Col*x.size
	for range x.p.K {
		at := from
		for range x.p.N {
			if x.double {
				*(*uint64)(pointer(to)) = *(*uint64)(pointer(at))
			} else {
				*(*uint32)(pointer(to)) = *(*uint32)(pointer(at))
			}
			to, at = to+uintptr(x.size), at+uintptr(col)
		}
		from += uintptr(row)
	}
}

// finish tells the Finisher of rows and columns of a product whose result begins at c.
func (x *Plan) finish(number int, c uintptr, i, j, rows, cols int) {
	if x.then != nil {
		x.then.Finish(number, int(c-x.c0)/x.size+i*x.p.CRow+j, rows, cols)
	}
}

// finishAll tells of all products, on the calling goroutine.
func (x *Plan) finishAll(then Finisher) {
	if then == nil {
		return
	}
	for i := range x.count {
		_, _, off := x.offsets(i)
		then.Finish(0, off/x.size, x.p.M, x.p.N)
	}
}

// cut returns the bounds of part number of n, which is cut at multiples of unit into parts of nearly the same size.
func cut(n, unit, parts, number int) (lo, hi int) {
	units := ceil(n, unit)
	return min(n, units*number/parts*unit), min(n, units*(number+1)/parts*unit)
}

// region is a part of one product: rows and columns of C, and terms.
type region struct {
	a, b, c        uintptr // of the whole product
	i0, i1, j0, j1 int
	k0, kc         int
	set            bool // the first chain sets C
}

func (x *Plan) at(p uintptr, row, col int, s Strides) uintptr {
	return add(p, (row*s.Row+col*s.Col)*x.size)
}

// direct computes a region by tiles.
func (x *Plan) direct(w *worker, own uintptr, r region) {
	p := &x.p
	step, rowsAtOnce := r.j1-r.j0, r.i1-r.i0
	bufferA := own
	if x.packB {
		if x.prepacked == 0 {
			step = min(step, x.sizes.ownColumns)
		}
		bufferA = add(own, x.ownB())
	}
	mode := asm.Add
	if r.set {
		mode = asm.Set
	}
	for k, end := r.k0, r.k0+r.kc; ; k += Chain {
		kc := min(Chain, end-k)
		a, aRow, aStep, aPanel := x.at(r.a, r.i0, k, p.A), p.A.Row*x.size, p.A.Col*x.size, 0
		if x.packA {
			aRow, aStep, aPanel = x.packRows(w, bufferA, a, r.i0, rowsAtOnce, kc)
			a = bufferA
		}
		for j := r.j0; j < r.j1; j += step {
			nc := min(step, r.j1-j)
			t := tiles{a: a, aRow: aRow, aStep: aStep, aPanel: aPanel, b: x.at(r.b, k, j, p.B), bStep: p.B.Row * x.size, c: add(r.c, (r.i0*p.CRow+j)*x.size), cRow: p.CRow * x.size, k: kc, mode: mode}
			switch {
			case x.prepacked != 0:
				t.b, t.bPanel = x.panels(k, kc, j)
				t.bStep, t.ahead = x.nr*x.size, panelAhead*x.nr*x.size
			case x.packB:
				x.packColumns(w, own, t.b, nc, kc)
				t.b, t.bStep, t.bPanel = own, x.nr*x.size, x.nr*x.size*kc
			}
			x.tiles(w, &t, rowsAtOnce, nc)
		}
		mode = asm.Add
		if k+Chain >= end {
			return
		}
	}
}

// packItems is the number of items in which a chain of B is packed for all workers.
func (x *Plan) packItems() int { return ceil(ceil(x.nc, x.nr), x.panelsItem) }

// packed returns where the chain of B that begins k terms behind the phase's first is packed for all workers, and the bytes of its panels.
func (x *Plan) packed(k int) (b uintptr, panel int) {
	return add(x.bufferB, k*roundUp(x.nc, x.nr)*x.size), x.nr * x.size * min(Chain, x.kc-k)
}

// doShared packs some panels of B, or computes a block of C.
func (x *Plan) doShared(number int, w *worker, own uintptr, item int) {
	p := &x.p
	if x.packing {
		items := x.packItems()
		k, first := item/items*Chain, item%items*x.panelsItem
		j := first * x.nr
		to, panel := x.packed(k)
		x.packColumns(w, add(to, first*panel), x.at(x.b, x.k0+k, x.j0+j, p.B), min(x.panelsItem*x.nr, x.nc-j), min(Chain, x.kc-k))
		return
	}
	i, j := item/x.colBlocks, item%x.colBlocks
	if x.nc > p.M { // a worker takes the columns that it packed, about
		i, j = item%x.rowBlocks, item/x.rowBlocks
	}
	i0, i1 := cut(p.M, x.mr, x.rowBlocks, i)
	j0, j1 := cut(x.nc, x.nr, x.colBlocks, j)
	if j0 >= j1 {
		return
	}
	for k := 0; k < x.kc; k += Chain {
		kc := min(Chain, x.kc-k)
		a, aRow, aStep, aPanel := x.at(x.a, i0, x.k0+k, p.A), p.A.Row*x.size, p.A.Col*x.size, 0
		if x.packA {
			aRow, aStep, aPanel = x.packRows(w, own, a, i0, i1-i0, kc)
			a = own
		}
		b, panel := x.packed(k)
		b = add(b, j0/x.nr*panel)
		if x.prepacked != 0 {
			b, panel = x.panels(x.k0+k, kc, x.j0+j0)
		}
		t := tiles{a: a, aRow: aRow, aStep: aStep, aPanel: aPanel, b: b, bStep: x.nr * x.size, bPanel: panel,
			c: add(x.c, (i0*p.CRow+x.j0+j0)*x.size), cRow: p.CRow * x.size, k: kc, mode: asm.Add}
		if x.set && k == 0 {
			t.mode = asm.Set
		}
		if x.then == nil || !x.last || k+kc < x.kc {
			x.tiles(w, &t, i1-i0, j1-j0)
			continue
		}
		step := roundUp(finishCols, x.nr)
		for ; j0 < j1; j0 += step {
			cols := min(step, j1-j0)
			s := t
			x.tiles(w, &s, i1-i0, cols)
			x.finish(number, x.c, i0, x.j0+j0, i1-i0, cols)
			t.b, t.c = add(t.b, step/x.nr*panel), add(t.c, step*x.size)
		}
	}
}

// tiles describes a block that is computed tile by tile. Strides are in bytes.
type tiles struct {
	a           uintptr
	aRow, aStep int
	aPanel      int // from tile to tile of packed columns of A, 0 if they are not packed tile by tile
	b           uintptr
	bStep       int
	bPanel      int // from panel to panel of packed columns, 0 if they are not packed
	c           uintptr
	cRow        int
	k, mode     int
	ahead       int         // how far B is fetched ahead
	indexed     bool        // bStep is where a table of terms begins
	fetch       *asm.Gather // nil, or sources that are fetched,
	sources     int         // so many,
	ofTile      int         // and so many of them with each tile
}

// next is how far the elements of A of the next tile are behind those of a tile of h rows.
func (t *tiles) next(h int) int {
	if t.aPanel != 0 {
		return t.aPanel
	}
	return h * t.aRow
}

// tiles computes a block.
func (x *Plan) tiles(w *worker, t *tiles, rows, cols int) {
	n := ceil(rows, x.mr)
	if t.k > shortChain || n <= 2 || cols <= x.nr {
		x.byColumns(w, t, rows, cols)
		return
	}
	// Short chains write most of the time: rows of C in their order.
	s := *t
	for i := range n {
		h := rows / n
		if i < rows%n {
			h++
		}
		x.byColumns(w, &s, h, cols)
		s.a, s.c = add(s.a, t.next(h)), add(s.c, h*t.cRow)
	}
}

// byColumns computes a block, tiles below one another first.
func (x *Plan) byColumns(w *worker, t *tiles, rows, cols int) {
	u := &w.tile
	u.Flush = x.flushing()
	u.ARow, u.AStep, u.BStep, u.CRow, u.K, u.Mode, u.Ahead = uintptr(t.aRow), uintptr(t.aStep), uintptr(t.bStep), uintptr(t.cRow), t.k, t.mode, t.ahead
	n := ceil(rows, x.mr)
	base, more := rows/n, rows%n // tiles of base rows, the first ones of one more
	widest := 1
	if t.bPanel == 0 {
		widest = x.kernels.widest(ceil(rows, n))
	}
	for j := 0; j < cols; {
		width, log := min(x.nr, cols-j), 1
		switch {
		case x.kernels.portable:
		case width <= x.lanes:
			log = 0
		case widest > 1:
			for log < widest && x.lanes<<(log+1) <= cols-j {
				log++
			}
			width = min(x.lanes<<log, cols-j)
		}
		u.Last = width - (1<<log-1)*x.lanes
		b := add(t.b, j*x.size)
		if t.bPanel != 0 {
			b = add(t.b, j/x.nr*t.bPanel)
		}
		a, c := t.a, add(t.c, j*x.size)
		for i := range n {
			h := base
			if i < more {
				h++
			}
			u.A, u.B, u.C = a, b, c
			if t.sources > 0 {
				t.fetch.K = min(t.ofTile, t.sources)
				x.kernels.fetch(t.fetch)
				t.fetch.From, t.sources = add(t.fetch.From, t.fetch.K*int(t.fetch.Next)), t.sources-t.fetch.K
			}
			x.kernels.run(u, h, log, width, t.indexed)
			a, c = add(a, t.next(h)), add(c, h*t.cRow)
		}
		j += width
	}
}

// stream computes a region of few rows: chains of columns that stay in the cache, so that B is read in long pieces.
func (x *Plan) stream(w *worker, own uintptr, r region) {
	p := &x.p
	rows, most := r.i1-r.i0, x.streamColumns()
	for j := r.j0; j < r.j1; j += most {
		cols := min(most, r.j1-j)
		t := tiles{aRow: p.A.Row * x.size, aStep: p.A.Col * x.size, bStep: p.B.Row * x.size, c: add(r.c, (r.i0*p.CRow+j)*x.size), cRow: p.CRow * x.size, mode: asm.Add}
		if r.set {
			t.mode = asm.Set
		}
		for k, end := r.k0, r.k0+r.kc; k < end; k += Chain {
			t.k = min(Chain, end-k)
			t.a, t.b = x.at(r.a, r.i0, k, p.A), x.at(r.b, k, j, p.B)
			if rows < len(x.kernels.streams) && cols*x.size >= x.sizes.streamPiece && t.k > x.sizes.streamTerms {
				x.alongRows(w, own, t, rows, cols)
			} else {
				x.tiles(w, &t, rows, cols)
			}
			t.mode = asm.Add
		}
	}
}

// alongRows computes a chain of some rows of C, a few terms at a time along the rows of B: its columns lie far apart, where they drive each other out of the cache and nothing fetches them ahead.
func (x *Plan) alongRows(w *worker, own uintptr, t tiles, rows, cols int) {
	k, mode, c, cRow := t.k, t.mode, t.c, t.cRow
	t.k = (k-1)%asm.StreamTerms + 1
	if t.k < k && mode == asm.Add {
		t.mode, t.c, t.cRow = asm.Set, own, cols*x.size
	}
	x.tiles(w, &t, rows, cols)
	s := &w.stream
	s.Flush = x.flushing()
	s.ARow, s.AStep, s.BStep = uintptr(t.aRow), uintptr(t.aStep), uintptr(t.bStep)
	s.To, s.ToRow, s.C, s.CRow = t.c, uintptr(t.cRow), 0, uintptr(cRow)
	s.N = (cols - 1) / x.lanes
	s.Last = cols - s.N*x.lanes
	for done := t.k; done < k; done += asm.StreamTerms {
		s.A, s.B = add(t.a, done*t.aStep), add(t.b, done*t.bStep)
		if mode == asm.Add && done+asm.StreamTerms == k {
			s.C = c
		}
		x.kernels.streams[rows](s)
	}
}

// runSegments runs a product of float32 numbers with more terms than a segment.
func (x *Plan) runSegments(r Runner, memory []byte) {
	sums := unsafe.Slice((*float64)(unsafe.Pointer(unsafe.SliceData(memory))), x.p.M*x.p.N*x.count)
	x.inSegments(sums, x.p.N, x.p.K, func(k, kc int) {
		x.set = true
		x.runTerms(r, k, kc)
	}, func(i int) []float32 {
		_, _, off := x.offsets(i / x.p.M)
		return unsafe.Slice((*float32)(pointer(add(x.c, off+i%x.p.M*x.p.CRow*x.size))), x.p.N)
	})
}

// inSegments adds the segments of terms in float64: product computes the terms k ≤ i < k+kc of all rows of C, which row returns, of n elements each.
func (x *Plan) inSegments(sums []float64, n, terms int, product func(k, kc int), row func(i int) []float32) {
	clear(sums)
	gather := func() {
		for i := range len(sums) / n {
			to := sums[i*n : (i+1)*n]
			for j, v := range row(i) {
				if x.p.Flush {
					v = elem.Flush(v)
				}
				to[j] += float64(v)
			}
		}
	}
	if x.p.Add {
		gather()
	}
	for k := 0; k < terms; k += Segment {
		product(k, min(Segment, terms-k))
		gather()
	}
	for i := range len(sums) / n {
		to := row(i)
		for j, v := range sums[i*n : (i+1)*n] {
			to[j] = float32(v)
			if x.p.Flush {
				to[j] = elem.Flush(to[j])
			}
		}
	}
}

// flushing is what micro-kernels set MXCSR to.
func (x *Plan) flushing() (f [2]uint32) {
	if x.p.Flush {
		f = asm.Flushing
	}
	return f
}

// Addresses are numbers where they are counted with: an address beyond the end of an object must not look like a pointer to the garbage collector. What
// they lie in is kept alive by the one who runs the plan.

func add(p uintptr, n int) uintptr { return p + uintptr(n) }

// pointer makes an address that lies in an object a pointer.
func pointer(p uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&p)) }

func ceil(n, unit int) int { return (n + unit - 1) / unit }

func roundUp(n, unit int) int { return ceil(n, unit) * unit }
