package gemm

import (
	"math"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/elem"
	"github.com/adjoint-go/adjoint/internal/gemm/asm"
)

// kernels are the micro-kernels for a dtype at a level.
type kernels struct {
	portable         bool // all but tiles is Go, and tiles have any width: those in Go, and those of arm64
	rows, lanes      int
	tiles, indexed   [][4]func(t *asm.Tile) // by rows and the binary logarithm of vectors
	columns, lines   func(c *asm.Columns)
	transposed       func(c *asm.Columns)
	blocks           func(b *asm.Blocks)
	dots             []func(d *asm.Dots)   // by the number of vectors; the first one takes two blocks of rows
	streams          []func(s *asm.Stream) // by the number of rows
	everySecond      func(h *asm.Halves)
	interleave       func(h *asm.Halves)
	filters          func(f *asm.Filters)
	fetch            func(g *asm.Gather)
	slides           [][asm.SlideLines + 1][3]func(s *asm.Slide) // by neighbouring taps, lines of them, and vectors
	gathers          []func(g *asm.Gather)                       // by the number of runs; none without AVX-512
	correlate        [][7]func(c *asm.Correlation)
	widen            func(l *asm.Lanes)
	portableTile     func(t *asm.Tile, rows, cols int)
	portableIndexed  func(t *asm.Tile, rows, cols int)
	portableFlushing func(t *asm.Tile, rows, cols int)
}

func kernelsOf(d dtype.DType, level cpu.Level) kernels {
	if k, ok := vectorKernels(d, level); ok {
		return k
	}
	k := kernels{portable: true, rows: 4, lanes: 4, portableTile: tileFloat64, portableIndexed: indexed[float64], portableFlushing: flushing[float64]}
	if d == dtype.Float32 {
		k.portableTile, k.portableIndexed, k.portableFlushing = tileFloat32, indexed[float32], flushing[float32]
	}
	if level == cpu.NEON {
		k.useNEON(d)
	}
	return k
}

// widest returns the binary logarithm of the vectors of the widest tile of so many rows.
func (k *kernels) widest(rows int) int {
	log := 1
	if !k.portable {
		for log+1 < 4 && k.tiles[rows][log+1] != nil {
			log++
		}
	}
	return log
}

// run computes a tile of so many rows, and of cols columns in 1<<log vectors.
func (k *kernels) run(t *asm.Tile, rows, log, cols int, indexed bool) {
	switch {
	case !k.portable && indexed:
		k.indexed[rows][log](t)
	case !k.portable:
		k.tiles[rows][log](t)
	case t.Flush[0] != 0 && !indexed:
		k.portableFlushing(t, rows, cols)
	case indexed:
		k.portableIndexed(t, rows, cols)
	default:
		k.portableTile(t, rows, cols)
	}
}

// part returns how many of some columns a tile takes of which only the last vector need not be whole, and the binary logarithm of its vectors.
func (k *kernels) part(columns, widest int) (n, log int) {
	for log < widest && k.lanes<<log < columns {
		log++
	}
	if log > 0 && columns <= k.lanes<<log-k.lanes {
		log--
	}
	return min(columns, k.lanes<<log), log
}

const portableColumns = 4

// tileFloat64 is the micro-kernel in Go.
func tileFloat64(t *asm.Tile, rows, cols int) {
	for i := range rows {
		row := t.A + uintptr(i)*t.ARow
		c := unsafe.Slice((*float64)(pointer(t.C+uintptr(i)*t.CRow)), cols)
		for j := 0; j < cols; j += portableColumns {
			to := c[j:min(j+portableColumns, cols)]
			var s [portableColumns]float64
			if t.Mode == asm.Continue {
				copy(s[:], to)
			}
			a, b := row, add(t.B, 8*j)
			if len(to) == portableColumns {
				s0, s1, s2, s3 := s[0], s[1], s[2], s[3]
				for range t.K {
					x, y := *(*float64)(pointer(a)), (*[portableColumns]float64)(pointer(b))
					s0, s1, s2, s3 = math.FMA(x, y[0], s0), math.FMA(x, y[1], s1), math.FMA(x, y[2], s2), math.FMA(x, y[3], s3)
					a, b = a+t.AStep, b+t.BStep
				}
				s = [portableColumns]float64{s0, s1, s2, s3}
			} else {
				for range t.K {
					x := *(*float64)(pointer(a))
					for l, y := range unsafe.Slice((*float64)(pointer(b)), len(to)) {
						s[l] = math.FMA(x, y, s[l])
					}
					a, b = a+t.AStep, b+t.BStep
				}
			}
			finish(t.Mode, to, s[:])
		}
	}
}

// tileFloat32 is the micro-kernel in Go.
func tileFloat32(t *asm.Tile, rows, cols int) {
	for i := range rows {
		row := t.A + uintptr(i)*t.ARow
		c := unsafe.Slice((*float32)(pointer(t.C+uintptr(i)*t.CRow)), cols)
		for j := 0; j < cols; j += portableColumns {
			to := c[j:min(j+portableColumns, cols)]
			var s [portableColumns]float32
			if t.Mode == asm.Continue {
				copy(s[:], to)
			}
			a, b := row, add(t.B, 4*j)
			if len(to) == portableColumns {
				chains4(t, a, b, &s)
			} else {
				for range t.K {
					x := *(*float32)(pointer(a))
					for l, y := range unsafe.Slice((*float32)(pointer(b)), len(to)) {
						s[l] = elem.FMA32(x, y, s[l])
					}
					a, b = a+t.AStep, b+t.BStep
				}
			}
			finish(t.Mode, to, s[:])
		}
	}
}

// indexed is the indexed micro-kernel in Go.
func indexed[T float32 | float64](t *asm.Tile, rows, cols int) {
	table := unsafe.Slice((*asm.Term)(pointer(t.BStep)), t.K)
	for i := range rows {
		a := t.A + uintptr(i)*t.ARow
		c := unsafe.Slice((*T)(pointer(t.C+uintptr(i)*t.CRow)), cols)
		for j := 0; j < cols; j += portableColumns {
			to := c[j:min(j+portableColumns, cols)]
			var s [portableColumns]T
			if t.Mode == asm.Continue {
				copy(s[:], to)
			}
			var size T
			from := add(t.B, j*int(unsafe.Sizeof(size)))
			switch s := any(&s).(type) {
			case *[portableColumns]float64:
				for _, term := range table {
					x := *(*float64)(pointer(a + uintptr(term.A)))
					for l, y := range unsafe.Slice((*float64)(pointer(from+uintptr(term.B))), len(to)) {
						s[l] = math.FMA(x, y, s[l])
					}
				}
			case *[portableColumns]float32:
				for _, term := range table {
					x := *(*float32)(pointer(a + uintptr(term.A)))
					for l, y := range unsafe.Slice((*float32)(pointer(from+uintptr(term.B))), len(to)) {
						s[l] = elem.FMA32(x, y, s[l])
					}
				}
			}
			finish(t.Mode, to, s[:])
		}
	}
}

// flushing is the micro-kernel in Go that takes subnormal numbers as 0.
func flushing[T float32 | float64](t *asm.Tile, rows, cols int) {
	for i := range rows {
		c := unsafe.Slice((*T)(pointer(t.C+uintptr(i)*t.CRow)), cols)
		for j := range c {
			var s T
			if t.Mode == asm.Continue {
				s = c[j]
			}
			a, b := t.A+uintptr(i)*t.ARow, add(t.B, j*int(unsafe.Sizeof(s)))
			for range t.K {
				s = elem.Flush(fma(elem.Flush(*(*T)(pointer(a))), elem.Flush(*(*T)(pointer(b))), elem.Flush(s)))
				a, b = a+t.AStep, b+t.BStep
			}
			if t.Mode == asm.Add {
				s = elem.Flush(elem.Flush(c[j]) + s)
			}
			c[j] = s
		}
	}
}

func fma[T float32 | float64](x, y, z T) T {
	if _, single := any(z).(float32); single {
		return T(elem.FMA32(float32(x), float32(y), float32(z)))
	}
	return T(math.FMA(float64(x), float64(y), float64(z)))
}

// chains4 goes on with four chains. It works with float32 values held as float64, in which products are exact; a step whose sum may round twice is taken again
// with care.
func chains4(t *asm.Tile, a, b uintptr, s *[portableColumns]float32) {
	c0, c1, c2, c3 := float64(s[0]), float64(s[1]), float64(s[2]), float64(s[3])
	for range t.K {
		x, y := *(*float32)(pointer(a)), (*[portableColumns]float32)(pointer(b))
		w := float64(x)
		s0, s1, s2, s3 := float64(w*float64(y[0]))+c0, float64(w*float64(y[1]))+c1, float64(w*float64(y[2]))+c2, float64(w*float64(y[3]))+c3
		if mayRoundTwice(s0) || mayRoundTwice(s1) || mayRoundTwice(s2) || mayRoundTwice(s3) {
			for l, c := range [...]float64{c0, c1, c2, c3} {
				s[l] = elem.FMA32(x, y[l], float32(c))
			}
			c0, c1, c2, c3 = float64(s[0]), float64(s[1]), float64(s[2]), float64(s[3])
		} else {
			c0, c1, c2, c3 = float64(float32(s0)), float64(float32(s1)), float64(float32(s2)), float64(float32(s3))
		}
		a, b = a+t.AStep, b+t.BStep
	}
	*s = [portableColumns]float32{float32(c0), float32(c1), float32(c2), float32(c3)}
}

// mayRoundTwice reports whether rounding the float64 sum s to float32 may differ from rounding
// the exact sum: if s lies in the middle between two float32 values, or if 0 < |s| < 2⁻¹²⁶.
func mayRoundTwice(s float64) bool {
	u := math.Float64bits(s)
	return u&(1<<29-1) == 1<<28 || u<<1-1 < 897<<53-1
}

// finish puts chains where they belong.
func finish[T float32 | float64](mode int, to, chains []T) {
	for l := range to {
		if mode == asm.Add {
			to[l] += chains[l]
		} else {
			to[l] = chains[l]
		}
	}
}
