package kernel

import (
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/gemm"
)

// convPacked is how convolutions by rows go whose filters are many: what they read for two vectors of positions is packed for one chain after another, so that vectors are full whatever the length of rows, and results are written where they belong. Without strides
// padding is left out by masks, and the input is read where it lies.
type convPacked struct {
	direct   bool   // without planes with padding
	source   [3]int // extents of a plane that is read
	taps     []convTap
	last     int // bytes from a position to what the last tap reads
	ofVector int // runs of a vector
	panels   int // of an item
	lanes    int
	size     int
}

// convTap is what a tap reads: how far it is from a position, along each dimension, and in bytes from the position of the same index.
type convTap struct {
	away [3]int
	at   int
}

const (
	packedFilters = 768 << 10 // bytes of filters of an item: they stay in the second-level cache
	packedResults = 4         // tiles of an item at least: what is packed is shared by them
	packedTaps    = 128       // at most
	packedLeast   = 3         // tiles of results,
	packedTerms   = 64        // and terms, from which packing is worth it
)

// newConvPacked returns nil where rows are better, whose time is given in cycles for an image and group.
func newConvPacked(g *convGeometry, r *convRows, offsets [3][]tapOffset, rowsTime int, product *gemm.Plan) *convPacked {
	most := product.MostRuns()
	if most == 0 || r.apart != [3]int{1, 1, 1} || r.single || g.taps > packedTaps || r.rows*r.width < product.Width() || r.sources*g.taps < packedTerms {
		return nil
	}
	least := packedLeast * product.Height()
	if !r.joined && r.width <= product.Width()/2 {
		least, rowsTime = least-product.Height(), rowsTime+rowsTime/3 // tiles of one vector read as many elements of filters
	}
	if r.results < least {
		return nil
	}
	q := &convPacked{direct: r.step == [3]int{1, 1, 1}, source: r.padded, lanes: product.Width() / 2, size: r.size}
	if q.direct {
		q.source = r.source
	}
	for _, z := range offsets[0] {
		for _, y := range offsets[1] {
			for _, x := range offsets[2] {
				t := convTap{at: r.reads(z, y, x)}
				if q.direct {
					t.away = [3]int{z.shift - r.shift[0], y.shift - r.shift[1], x.shift - r.shift[2]}
					t.at = (t.away[0]*q.source[1]+t.away[1])*q.source[2] + t.away[2]
				}
				t.at *= r.size
				q.taps, q.last = append(q.taps, t), max(q.last, t.at)
			}
		}
	}
	// A vector has runs of neighbours that are neighbours in the source too.
	if q.ofVector = 1; q.source[1] != r.result[1] && r.result[0] > 1 || q.source[2] != r.result[2] && r.rows > 1 {
		q.ofVector = (q.lanes-2)/r.width + 2
	}
	if q.ofVector > most {
		return nil
	}
	positions, terms := r.rows*r.width, r.sources*g.taps
	all := ceil(positions, product.Width())
	blocks := ceil(r.results*terms*r.size, packedFilters)
	work := max(convItemLeast, min(convItemWork, g.images*g.groups*r.results*positions*terms/convItems))
	if n := work / (terms * product.Width()); n < r.results {
		blocks = max(blocks, r.results/max(n, packedResults*product.Height()))
	}
	units := ceil(r.results, product.Height())
	results := min(r.results, evenly(units, max(packedResults, units/max(1, blocks)))*product.Height())
	blocks = ceil(r.results, results)
	if r.joined {
		rowsTime += 70 * r.results * r.rows // lines that are copied to a result wait for memory
	}
	if product.PieceTime(r.results, positions, terms)+all*(blocks*q.cycles(blocks)*terms+20*q.ofVector*g.taps) > rowsTime {
		return nil
	}
	q.panels = evenly(all, max(1, work/(results*terms*product.Width())))
	r.resultsItem, r.blocks, r.parts, r.joined, r.ld = results, blocks, ceil(all, q.panels), false, 0
	if q.direct {
		r.copied, r.plane = false, r.length
	}
	return q
}

// cycles is what packing a term of a panel takes, as often as there are blocks of results.
func (q *convPacked) cycles(blocks int) int { return 2 + 6*q.ofVector + 2*min(1, blocks-1) }

// each is the scratch of a goroutine besides that of products.
func (q *convPacked) each() int {
	return scratchSize(gemm.Chain*2*q.lanes, q.size) + scratchSize(2*q.ofVector*len(q.taps), int(unsafe.Sizeof(gemm.Run{})))
}

// place is the element of a source with the index of a position.
func (q *convPacked) place(r *convRows, position int) int {
	row := position / r.width
	return (row/r.result[1]*q.source[1]+row%r.result[1])*q.source[2] + position%r.width
}

// runs finds where taps read for a panel of positions from the first one on.
func (q *convPacked) runs(to []gemm.Run, r *convRows, first, positions int) {
	clear(to)
	for v := range 2 {
		number, last := 0, 0 // of the run, and how far its source is from the position of the same index
		for lane := 0; lane < q.lanes && first < positions; {
			row, w := first/r.width, first%r.width
			d, h := row/r.result[1], row%r.result[1]
			n := min(r.width-w, q.lanes-lane)
			from := q.place(r, first) - lane
			if lane > 0 && from != last {
				number++
			}
			last = from
			for t := range q.taps {
				tap := &q.taps[t]
				lo, hi := lane, lane+n
				if q.direct {
					if z, y := d+tap.away[0], h+tap.away[1]; z < 0 || z >= q.source[0] || y < 0 || y >= q.source[1] {
						continue
					}
					lo, hi = max(lo, lane-w-tap.away[2]), min(hi, lane-w-tap.away[2]+q.source[2])
				}
				if lo < hi {
					run := &to[(t*2+v)*q.ofVector+number]
					run.From = int64(from*q.size + tap.at)
					run.Mask |= 1<<hi - 1<<lo
				}
			}
			lane, first = lane+n, first+n
		}
	}
}

// packedItem computes some results of an image and group, which begin at an element of the result, at the positions of some panels.
func packedItem[T float](p *convPlan, worker, number, plane, results int, filters []T, to int) {
	r, q, work := p.rows, p.rows.packed, p.call.Workers[worker]
	panel := take[T](&work, gemm.Chain*2*q.lanes)
	runs := takeRuns(&work, 2*q.ofVector*len(q.taps))
	positions, terms := r.rows*r.width, r.sources*p.taps
	first, end := number*q.panels*2*q.lanes, min(positions, (number+1)*q.panels*2*q.lanes)
	y := data[T](&p.call.Out[0])[to:]
	from := rowsSource[T](p, &p.call.In[0], plane)
	gather := gemm.Gathering{To: address(panel), Next: r.plane, Runs: runs, OfVector: q.ofVector}
	fetch := gemm.Fetching{Next: r.plane} // what the next panel reads: its pieces lie far from one another
	piece := gemm.Piece{ARow: terms, B: address(panel), BRow: 2 * q.lanes, CRow: positions, M: results, Fetch: &fetch}
	for at := first; at < end; at += 2 * q.lanes {
		q.runs(runs, r, at, positions)
		piece.C, piece.N = address(y[at:]), min(2*q.lanes, end-at)
		fetch.Away = q.last + q.place(r, min(at+2*q.lanes, positions-1))*q.size
		for k := 0; k < terms; k += gemm.Chain {
			source := k / p.taps
			gather.From, gather.First, gather.K = address(from[source*r.plane:]), k%p.taps, min(gemm.Chain, terms-k)
			p.product.Gather(work, &gather)
			fetch.From, fetch.N = gather.From, min(r.sources-source, ceil(gemm.Chain, p.taps))
			piece.A, piece.K, piece.Add = address(filters[k:]), gather.K, k > 0
			p.product.Piece(work, &piece)
		}
	}
	if c := p.call; c.Then != nil {
		c.Then.Finish(worker, to+first, results, end-first, positions)
	}
}

// takeRuns is take for runs.
func takeRuns(w *[]byte, n int) []gemm.Run {
	words := take[int](w, n*int(unsafe.Sizeof(gemm.Run{})/unsafe.Sizeof(0)))
	return unsafe.Slice((*gemm.Run)(unsafe.Pointer(unsafe.SliceData(words))), n)
}
