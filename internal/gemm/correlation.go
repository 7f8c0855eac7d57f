package gemm

import (
	"math"
	"runtime"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/elem"
	"github.com/adjoint-go/adjoint/internal/gemm/asm"
)

// Correlator computes sums of products by position. One may be used by any number of goroutines at a time.
type Correlator struct {
	kernels kernels
	double  bool
	size    int
	filters int // of a tile
}

// CorrelationTaps is the most taps of a Correlation.
const CorrelationTaps = 6

// NewCorrelator returns the Correlator of a float dtype.
func NewCorrelator(d dtype.DType, level cpu.Level) *Correlator {
	c := &Correlator{kernels: kernelsOf(d, min(level, cpu.Supported())), double: d == dtype.Float64, size: d.Size(), filters: 2}
	if !c.kernels.portable {
		c.filters = len(c.kernels.correlate) - 1
	}
	return c
}

// Filters is the most filters of a Correlation.
func (c *Correlator) Filters() int { return c.filters }

// Size is the bytes of an element.
func (c *Correlator) Size() int { return c.size }

// Lanes is the number of positions that have sums of their own.
func (c *Correlator) Lanes() int { return asm.LineBytes / c.size }

// Correlation describes sums, for each filter and tap, of products of A and B over the positions of slices of rows. Position p of a row goes to sum p modulo Lanes: products of a
// call are chained by fused multiply-adds in ascending (slice, row, position), from 0, and the chain is added to the sum. Strides are in elements.
type Correlation struct {
	A                     unsafe.Pointer
	AFilter, ARow, ASlice int
	B                     unsafe.Pointer
	BRow, BSlice          int
	Taps                  []int64 // the distance of each tap's elements from B, in bytes
	Filters               int
	Slices, Rows, Width   int       // at least 1 each
	Sums                  []float64 // by filter, tap and lane
}

// correlationScratch is what a goroutine works with.
type correlationScratch struct {
	chains [4 * CorrelationTaps * asm.LineBytes]byte
	call   asm.Correlation
	widen  asm.Lanes
}

// Each returns the bytes of scratch of a goroutine.
func (c *Correlator) Each() int { return roundUp(int(unsafe.Sizeof(correlationScratch{})), alignment) }

// Add adds to the sums, with scratch of Each bytes.
func (c *Correlator) Add(scratch []byte, p *Correlation) {
	s := (*correlationScratch)(unsafe.Pointer(unsafe.SliceData(scratch)))
	taps, groups := len(p.Taps), ceil(p.Width, c.Lanes())
	n := p.Filters * taps * c.Lanes()
	k := &s.call
	*k = asm.Correlation{
		A: uintptr(p.A), AFilter: uintptr(p.AFilter * c.size), ASkip: uintptr(p.ARow*c.size - groups*asm.LineBytes), ASliceSkip: uintptr((p.ASlice - p.Rows*p.ARow) * c.size),
		B: uintptr(p.B), BSkip: uintptr(p.BRow*c.size - groups*asm.LineBytes), BSliceSkip: uintptr((p.BSlice - p.Rows*p.BRow) * c.size),
		Taps: uintptr(unsafe.Pointer(unsafe.SliceData(p.Taps))), Rows: p.Rows, Slices: p.Slices, N: groups, Last: p.Width - (groups-1)*c.Lanes(), To: uintptr(unsafe.Pointer(&s.chains)),
	}
	switch {
	case !c.kernels.portable:
		c.kernels.correlate[p.Filters][taps](k)
		l := &s.widen
		l.To, l.From, l.N = uintptr(unsafe.Pointer(unsafe.SliceData(p.Sums[:n]))), k.To, n
		c.kernels.widen(l)
	case c.double:
		correlate(k, p.Filters, taps, p.Sums[:n], (*[4 * CorrelationTaps * asm.LineBytes / 8]float64)(unsafe.Pointer(&s.chains))[:n], math.FMA)
	default:
		correlate(k, p.Filters, taps, p.Sums[:n], (*[4 * CorrelationTaps * asm.LineBytes / 4]float32)(unsafe.Pointer(&s.chains))[:n], elem.FMA32)
	}
	runtime.KeepAlive(p)
}

// correlate is the kernel in Go.
func correlate[T float32 | float64](c *asm.Correlation, filters, taps int, sums []float64, chains []T, fma func(x, y, z T) T) {
	var zero T
	size := int(unsafe.Sizeof(zero))
	lanes := asm.LineBytes / size
	table := unsafe.Slice((*int64)(pointer(c.Taps)), taps)
	clear(chains)
	a, b := c.A, c.B
	for range c.Slices {
		for range c.Rows {
			for g := range c.N {
				n := lanes
				if g == c.N-1 {
					n = c.Last
				}
				for f := range filters {
					y := unsafe.Slice((*T)(pointer(a+uintptr(f)*c.AFilter)), n)
					for t, off := range table {
						x := unsafe.Slice((*T)(pointer(b+uintptr(off))), n)
						to := chains[(f*taps+t)*lanes:][:n]
						for i, v := range x {
							to[i] = fma(y[i], v, to[i])
						}
					}
				}
				a, b = a+asm.LineBytes, b+asm.LineBytes
			}
			a, b = a+c.ASkip, b+c.BSkip
		}
		a, b = a+c.ASliceSkip, b+c.BSliceSkip
	}
	for i, v := range chains {
		sums[i] += float64(v)
	}
}
