package gemm

import (
	"math"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/gemm/asm"
)

// kernels are the micro-kernels for a dtype at a level.
type kernels struct {
	portable            bool
	rows, lanes         int
	tiles               [][4]func(t *asm.Tile) // by rows and the binary logarithm of vectors
	columns, transposed func(c *asm.Columns)
	portableTile        func(t *asm.Tile, rows, cols int)
}

func kernelsOf(d dtype.DType, level cpu.Level) kernels {
	if k, ok := vectorKernels(d, level); ok {
		return k
	}
	k := kernels{portable: true, rows: 4, lanes: 4, portableTile: tileFloat64}
	if d == dtype.Float32 {
		k.portableTile = tileFloat32
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
func (k *kernels) run(t *asm.Tile, rows, log, cols int) {
	if k.portable {
		k.portableTile(t, rows, cols)
	} else {
		k.tiles[rows][log](t)
	}
}

const portableColumns = 4

// tileFloat64 is the micro-kernel in Go.
func tileFloat64(t *asm.Tile, rows, cols int) {
	for i := range rows {
		a := unsafe.Add(t.A, uintptr(i)*t.ARow)
		c := unsafe.Slice((*float64)(unsafe.Add(t.C, uintptr(i)*t.CRow)), cols)
		for j := 0; j < cols; j += portableColumns {
			to := c[j:min(j+portableColumns, cols)]
			var s [portableColumns]float64
			if t.Mode == asm.Continue {
				copy(s[:], to)
			}
			pa, pb := a, unsafe.Add(t.B, 8*j)
			if len(to) == portableColumns {
				s0, s1, s2, s3 := s[0], s[1], s[2], s[3]
				for range t.K {
					x, b := *(*float64)(pa), (*[portableColumns]float64)(pb)
					s0, s1, s2, s3 = math.FMA(x, b[0], s0), math.FMA(x, b[1], s1), math.FMA(x, b[2], s2), math.FMA(x, b[3], s3)
					pa, pb = unsafe.Add(pa, t.AStep), unsafe.Add(pb, t.BStep)
				}
				s = [portableColumns]float64{s0, s1, s2, s3}
			} else {
				for range t.K {
					x := *(*float64)(pa)
					for l, b := range unsafe.Slice((*float64)(pb), len(to)) {
						s[l] = math.FMA(x, b, s[l])
					}
					pa, pb = unsafe.Add(pa, t.AStep), unsafe.Add(pb, t.BStep)
				}
			}
			finish(t.Mode, to, s[:])
		}
	}
}

// finish puts chains where they belong.
func finish[T float32 | float64](mode int, to []T, chains []float64) {
	for l := range to {
		if mode == asm.Add {
			to[l] += T(chains[l])
		} else {
			to[l] = T(chains[l])
		}
	}
}

// tileFloat32 is the micro-kernel in Go. It works with float32 values held as float64; a step that may round twice is taken again with care.
func tileFloat32(t *asm.Tile, rows, cols int) {
	for i := range rows {
		a := unsafe.Add(t.A, uintptr(i)*t.ARow)
		c := unsafe.Slice((*float32)(unsafe.Add(t.C, uintptr(i)*t.CRow)), cols)
		for j := 0; j < cols; j += portableColumns {
			to := c[j:min(j+portableColumns, cols)]
			var s [portableColumns]float64
			if t.Mode == asm.Continue {
				for l, v := range to {
					s[l] = float64(v)
				}
			}
			pa, pb := a, unsafe.Add(t.B, 4*j)
			if len(to) == portableColumns {
				c0, c1, c2, c3 := s[0], s[1], s[2], s[3]
				for range t.K {
					x, b := float64(*(*float32)(pa)), (*[portableColumns]float32)(pb)
					b0, b1, b2, b3 := float64(b[0]), float64(b[1]), float64(b[2]), float64(b[3])
					s0, s1, s2, s3 := float64(x*b0)+c0, float64(x*b1)+c1, float64(x*b2)+c2, float64(x*b3)+c3
					if mayRoundTwice(s0) || mayRoundTwice(s1) || mayRoundTwice(s2) || mayRoundTwice(s3) {
						c0, c1, c2, c3 = FMA32(x, b0, c0), FMA32(x, b1, c1), FMA32(x, b2, c2), FMA32(x, b3, c3)
					} else {
						c0, c1, c2, c3 = float64(float32(s0)), float64(float32(s1)), float64(float32(s2)), float64(float32(s3))
					}
					pa, pb = unsafe.Add(pa, t.AStep), unsafe.Add(pb, t.BStep)
				}
				s = [portableColumns]float64{c0, c1, c2, c3}
			} else {
				for range t.K {
					x := float64(*(*float32)(pa))
					for l, b := range unsafe.Slice((*float32)(pb), len(to)) {
						s[l] = FMA32(x, float64(b), s[l])
					}
					pa, pb = unsafe.Add(pa, t.AStep), unsafe.Add(pb, t.BStep)
				}
			}
			finish(t.Mode, to, s[:])
		}
	}
}

// mayRoundTwice reports whether rounding the float64 sum s to float32 may differ from rounding
// the exact sum: if s lies in the middle between two float32 values, or if 0 < |s| < 2⁻¹²⁶.
func mayRoundTwice(s float64) bool {
	u := math.Float64bits(s)
	return u&(1<<29-1) == 1<<28 || u<<1-1 < 897<<53-1
}

// FMA32 returns a·b + c rounded once to float32, for operands that are float32 values.
// The product is exact in float64. The sum is rounded to odd there, after which rounding to float32 is right
// (Boldo and Melquiond, Emulation of FMA and correctly rounded sums, IEEE Trans. Comput. 57, 2008).
func FMA32(a, b, c float64) float64 {
	p := float64(a * b)
	s := p + c
	if !mayRoundTwice(s) {
		return float64(float32(s))
	}
	t := s - p
	e := (p - (s - t)) + (c - t)
	if bits := math.Float64bits(s); e != 0 && e-e == 0 && bits&1 == 0 {
		if (e > 0) == (s > 0) {
			s = math.Float64frombits(bits + 1)
		} else {
			s = math.Float64frombits(bits - 1)
		}
	}
	return float64(float32(s))
}
