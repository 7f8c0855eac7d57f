package kernel

import (
	"slices"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/elem"
	"github.com/adjoint-go/adjoint/internal/gemm"
	"github.com/adjoint-go/adjoint/internal/shape"
)

// stridedCopy is a plan for moving elements between two strided views with the same
// extents. Dimensions of extent 1 are dropped and adjacent ones merged where possible.
type stridedCopy struct {
	extents        []int // outermost first, never empty
	dst, src       []int // element strides
	dstOff, srcOff int
	counter        []int // of the outer dimensions
	tiled          bool  // the last two dimensions are a transposition
	registers      *inRegisters
}

// inRegisters transposes elements of 4 and 8 bytes in the registers of vectors, the widest ones first.
type inRegisters struct {
	four, eight [2]*gemm.Rows
	scratch     gemm.Scratch
}

func newInRegisters() *inRegisters {
	r := &inRegisters{}
	for i, level := range [2]cpu.Level{cpu.Best(), min(cpu.Best(), cpu.AVX2)} {
		r.four[i], r.eight[i] = gemm.NewRows(dtype.Float32, level), gemm.NewRows(dtype.Float64, level)
	}
	return r
}

// tileSize is the edge of the square in which transpositions are done, so that the lines of
// both sides stay in L1 cache.
const tileSize = 32

func newStridedCopy(extents, dst, src []int, dstOff, srcOff int) *stridedCopy {
	p := &stridedCopy{dstOff: dstOff, srcOff: srcOff}
	for i, n := range extents {
		if n == 1 {
			continue
		}
		if k := len(p.extents) - 1; k >= 0 && p.dst[k] == n*dst[i] && p.src[k] == n*src[i] {
			p.extents[k] *= n
			p.dst[k], p.src[k] = dst[i], src[i]
			continue
		}
		p.extents = append(p.extents, n)
		p.dst = append(p.dst, dst[i])
		p.src = append(p.src, src[i])
	}
	if len(p.extents) == 0 {
		p.extents, p.dst, p.src = []int{1}, []int{1}, []int{1}
	}
	last := len(p.extents) - 1
	if q := slices.Index(p.src, 1); q >= 0 && q < last && p.dst[last] == 1 && p.src[last] > 1 && p.dst[q] > 0 {
		// The order of the outer dimensions is free: bring the one that is contiguous in src next to the last.
		for _, s := range [][]int{p.extents, p.dst, p.src} {
			v := s[q]
			copy(s[q:], s[q+1:last])
			s[last-1] = v
		}
		p.tiled = true
		if cpu.Best() != cpu.Portable {
			p.registers = newInRegisters()
		}
	}
	outer := last
	if p.tiled {
		outer--
	}
	p.counter = make([]int, outer)
	return p
}

// stridedParts is a copy that is cut along its outermost dimension, for all threads.
type stridedParts struct {
	parts []*stridedCopy
	call  *Call // of a run
	do    func(c *Call, p *stridedCopy)
}

// Elements of a part, at least, and the most parts.
const (
	partItem  = 1 << 14
	mostParts = 16
)

func newStridedParts(p *stridedCopy, d dtype.DType) *stridedParts {
	n := p.extents[0]
	unit := 1
	if p.tiled && len(p.extents) == 2 {
		unit = tileSize
	}
	count := max(1, min(mostParts, shape.Size(p.extents)/partItem, n/unit))
	if count == 1 {
		return &stridedParts{parts: []*stridedCopy{p}, do: copyParts[d]}
	}
	s := &stridedParts{do: copyParts[d]}
	for i := range count {
		lo, hi := n/unit*i/count*unit, n/unit*(i+1)/count*unit
		if i == count-1 {
			hi = n
		}
		extents := append([]int{hi - lo}, p.extents[1:]...)
		s.parts = append(s.parts, newStridedCopy(extents, p.dst, p.src, p.dstOff+lo*p.dst[0], p.srcOff+lo*p.src[0]))
	}
	return s
}

// Do implements pool.Task.
func (s *stridedParts) Do(_, item int) { s.do(s.call, s.parts[item]) }

func runParts(c *Call) error {
	s := c.State.(*stridedParts)
	s.call = c
	c.Parallel(s, len(s.parts))
	s.call = nil
	return nil
}

var copyParts = map[dtype.DType]func(c *Call, p *stridedCopy){dtype.Float64: copyPart[float64], dtype.Float32: copyPart[float32], dtype.Int64: copyPart[int64], dtype.Int32: copyPart[int32], dtype.Bool: copyPart[bool]}

func copyPart[T anyElement](c *Call, p *stridedCopy) {
	copyStrided(data[T](&c.Out[0]), data[T](&c.In[0]), p)
}

// copyStrided moves the elements of src to dst as planned. The views lie within the slices
// and the elements of dst are distinct, or a kernel's Check was wrong.
func copyStrided[T anyElement](dst, src []T, p *stridedCopy) {
	d, s := p.dstOff, p.srcOff
	last := len(p.extents) - 1
	n, ds, ss := p.extents[last], p.dst[last], p.src[last]
	for {
		switch {
		case p.tiled:
			copyTransposed(dst[d:], src[s:], p.extents[last-1], n, p.dst[last-1], ss, p.registers)
		case ds == 1 && ss == 1:
			copy(dst[d:d+n], src[s:s+n])
		case ds == 1 && ss == 0:
			v, to := src[s], dst[d:d+n]
			for i := range to {
				to[i] = v
			}
		default:
			for i, a, b := 0, d, s; i < n; i, a, b = i+1, a+ds, b+ss {
				dst[a] = src[b]
			}
		}
		if !advance(p, &d, &s) {
			return
		}
	}
}

// copyTransposed sets dst[i·ds + j] = src[i + j·ss] for i < m, j < n. Of narrow matrices the lines are too short for registers.
func copyTransposed[T anyElement](dst, src []T, m, n, ds, ss int, r *inRegisters) {
	var zero T
	var rows *gemm.Rows
	if size := unsafe.Sizeof(zero); r != nil && m >= 4 && (size == 4 || size == 8) {
		kinds := &r.eight
		if size == 4 {
			kinds = &r.four
		}
		rows = kinds[0]
		if n < rows.Lanes() {
			rows = kinds[1]
		}
	}
	if rows == nil || n < rows.Lanes() {
		copyTiles(dst, src, m, n, ds, ss)
		return
	}
	// Blocks whose lines of both sides stay in the first-level cache.
	_ = dst[(m-1)*ds+n-1]
	_ = src[m-1+(n-1)*ss]
	for i := 0; i < m; i += 4 * tileSize {
		rows.Transpose(&r.scratch, unsafe.Pointer(&dst[i*ds]), ds, unsafe.Pointer(&src[i]), ss, n, min(4*tileSize, m-i))
	}
}

// copyTiles sets dst[i·ds + j] = src[i + j·ss] for i < m, j < n.
func copyTiles[T anyElement](dst, src []T, m, n, ds, ss int) {
	for i0 := 0; i0 < m; i0 += tileSize {
		i1 := min(i0+tileSize, m)
		for j0 := 0; j0 < n; j0 += tileSize {
			j1 := min(j0+tileSize, n)
			for i := i0; i < i1; i++ {
				row := dst[i*ds+j0 : i*ds+j1]
				b := i + j0*ss
				for j := range row {
					row[j] = src[b]
					b += ss
				}
			}
		}
	}
}

// shortRun is the length of runs below which a loop takes less time than the call of a kernel.
const shortRun = 24

// addStrided adds the elements of src to those of dst as planned, in the plan's order, runs of them by the kernel that adds.
func addStrided[T number](dst, src []T, p *stridedCopy, add elem.Block) {
	d, s := p.dstOff, p.srcOff
	last := len(p.extents) - 1
	n, ds, ss := p.extents[last], p.dst[last], p.src[last]
	for {
		switch {
		case p.tiled:
			for k := range p.extents[last-1] {
				for i, a, b := 0, d+k*p.dst[last-1], s+k*p.src[last-1]; i < n; i, a, b = i+1, a+ds, b+ss {
					dst[a] += src[b]
				}
			}
		case ds == 1 && ss == 1 && n < shortRun:
			to, from := dst[d:d+n], src[s:s+n]
			for i := range to {
				to[i] += from[i]
			}
		case ds == 1 && ss == 1:
			combineRow(add, dst[d:d+n], src[s:])
		default:
			for i, a, b := 0, d, s; i < n; i, a, b = i+1, a+ds, b+ss {
				dst[a] += src[b]
			}
		}
		if !advance(p, &d, &s) {
			return
		}
	}
}

// advance moves both offsets to the next inner run; after the last one it leaves the plan
// ready for the next use and returns false.
func advance(p *stridedCopy, d, s *int) bool {
	for i := len(p.counter) - 1; i >= 0; i-- {
		p.counter[i]++
		*d += p.dst[i]
		*s += p.src[i]
		if p.counter[i] < p.extents[i] {
			return true
		}
		*d -= p.dst[i] * p.extents[i]
		*s -= p.src[i] * p.extents[i]
		p.counter[i] = 0
	}
	return false
}
