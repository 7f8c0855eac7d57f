package kernel

import (
	"fmt"
	"math"
	"slices"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/shape"
)

func init() {
	Register(&Kernel{
		Name: "matmul",
		Doc: "Matrix products of the last two dimensions, NumPy broadcasting of the leading ones; transpose_a and transpose_b read an operand's last two dimensions swapped. " +
			"Operands have rank ≥ 2. Each element of a float result is a chain of fused multiply-adds in ascending k that starts at 0 for every 256 of them; these are added in ascending order, for float32 in float64; integers wrap. With no_nan a factor 0 wins over infinities and NaN. Numeric dtypes.",
		Check: checkMatmul,
		Workspace: func(in, out []Type, a attr.List) int {
			m, n, k := matmulSizes(in, out, a)
			return gemmScratch(m, n, k)
		},
		Prepare: func(in, out []Type, a attr.List) any { return newMatmulPlan(in, out, a) },
		Work: func(in, out []Type, a attr.List) float64 {
			_, _, k := matmulSizes(in, out, a)
			return 2 * float64(out[0].Size()) * float64(k)
		},
		Run: func(c *Call) error {
			return pickNumeric(c.Out[0].DType, matmul[float64], matmul[float32], matmul[int64], matmul[int32])(c)
		},
	})
}

func checkMatmul(in, out []Type, a attr.List) error {
	if err := checkCall(in, out, a, 2, 1, option("no_nan", attr.Bool), option("transpose_a", attr.Bool), option("transpose_b", attr.Bool)); err != nil {
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
	aRow, aCol       int // element strides of operand A
	bRow, bCol       int
	batchA, batchB   odometer
	count            int
	sizeA, sizeB, sz int
}

func newMatmulPlan(in, out []Type, a attr.List) *matmulPlan {
	p := &matmulPlan{}
	p.m, p.n, p.k = matmulSizes(in, out, a)
	p.aRow, p.aCol = p.k, 1
	if a.Bool("transpose_a") {
		p.aRow, p.aCol = 1, p.m
	}
	p.bRow, p.bCol = p.n, 1
	if a.Bool("transpose_b") {
		p.bRow, p.bCol = 1, p.k
	}
	p.sizeA, p.sizeB, p.sz = p.m*p.k, p.k*p.n, p.m*p.n
	z := out[0].Shape
	batch := z[:len(z)-2]
	p.count = shape.Size(batch)
	x, y := in[0].Shape, in[1].Shape
	sa := shape.BroadcastStrides(x[:len(x)-2], len(batch))
	sb := shape.BroadcastStrides(y[:len(y)-2], len(batch))
	for d, n := range batch {
		p.batchA.push(n, sa[d]*p.sizeA)
		p.batchB.push(n, sb[d]*p.sizeB)
	}
	return p
}

func matmul[T number](c *Call) error {
	p := c.State.(*matmulPlan)
	a, b, z := data[T](&c.In[0]), data[T](&c.In[1]), data[T](&c.Out[0])
	zeroWins := c.Attrs.Bool("no_nan") && !(allFinite(a) && allFinite(b))
	for i := range p.count {
		x := matrixView[T]{a[p.batchA.offset : p.batchA.offset+p.sizeA], p.aRow, p.aCol}
		y := matrixView[T]{b[p.batchB.offset : p.batchB.offset+p.sizeB], p.bRow, p.bCol}
		if zeroWins {
			productNoNaN(c, p.m, p.n, p.k, x, y, z[i*p.sz:(i+1)*p.sz])
		} else {
			gemm(c, p.m, p.n, p.k, x, y, z[i*p.sz:(i+1)*p.sz], p.n, c.Work)
		}
		p.batchA.next()
		p.batchB.next()
	}
	return nil
}

func allFinite[T number](x []T) bool {
	for _, v := range x {
		if v-v != 0 {
			return false
		}
	}
	return true
}

// productNoNaN is the product x·y without the terms in which a factor is 0. Only operands with infinities or NaN come here, so it is plain; the
// other terms are chained as gemm does.
func productNoNaN[T number](c *Call, m, n, k int, x, y matrixView[T], z []T) {
	_, single := any(z).([]float32)
	for i := range m {
		for j := range n {
			c.Poll(k)
			s, sum := 0.0, 0.0
			for l := range k {
				if l > 0 && l%gemmBlockK == 0 {
					s, sum = 0, sum+s
				}
				switch a, b := float64(x.data[i*x.row+l*x.col]), float64(y.data[l*y.row+j*y.col]); {
				case a == 0 || b == 0:
				case single:
					s = fmaSingle(a, b, s)
				default:
					s = math.FMA(a, b, s)
				}
			}
			if k > gemmBlockK {
				s += sum
			}
			z[i*n+j] = T(s)
		}
	}
}

// matrixView reads element (i, j) at data[i·row + j·col].
type matrixView[T number] struct {
	data     []T
	row, col int
}

// Block sizes of gemm. gemmBlockK is the length of chains; the others move work between caches and do not change a bit of the result.
const (
	gemmTileM  = 2
	gemmTileN  = 4
	gemmBlockK = 256
	gemmBlockM = 64
	gemmBlockN = 256
)

// gemmSumRows is the number of rows for which sums of several chains are kept at once.
const gemmSumRows = 512

// gemmScratch returns the bytes of scratch that gemm needs for an m×k by k×n product.
func gemmScratch(m, n, k int) int {
	kb, sums := min(k, gemmBlockK), 0
	if k > gemmBlockK {
		sums = scratchSize(min(m, gemmSumRows)*min(n, gemmBlockN), 8)
	}
	return sums + scratchSize(gemmTileM*gemmTileN, 8) + scratchSize(roundUp(min(m, gemmBlockM), gemmTileM)*kb, 8) + scratchSize(roundUp(min(n, gemmBlockN), gemmTileN)*kb, 8)
}

func roundUp(n, unit int) int { return (n + unit - 1) / unit * unit }

// gemm sets z = a·b, where z is row-major with leading dimension ldz: the sums, in ascending order and for float32 in float64, of
// chains of gemmBlockK multiply-adds.
func gemm[T number](c *Call, m, n, k int, a, b matrixView[T], z []T, ldz int, work []byte) {
	var zero T
	switch any(zero).(type) {
	case float64:
		gemmBlocked(c, m, n, k, a, b, z, ldz, work, tileFloat64)
	case float32:
		gemmBlocked(c, m, n, k, a, b, z, ldz, work, tileFloat32)
	default:
		gemmBlocked(c, m, n, k, a, b, z, ldz, work, tileInt[T])
	}
}

type gemmTile[P number] func(a, b []P, acc *[gemmTileM * gemmTileN]P)

// gemmBlocked computes with numbers of type P.
func gemmBlocked[T, P number](c *Call, m, n, k int, a, b matrixView[T], z []T, ldz int, work []byte, tile gemmTile[P]) {
	if k <= gemmBlockK {
		gemmChains(c, m, n, k, a, b, z, ldz, false, work, tile)
		return
	}
	rows, cols := min(m, gemmSumRows), min(n, gemmBlockN)
	sums := take[P](&work, rows*cols)
	for j := 0; j < n; j += cols {
		for i := 0; i < m; i += rows {
			h, w := min(rows, m-i), min(cols, n-j)
			clear(sums)
			gemmChains(c, h, w, k, matrixView[T]{a.data[i*a.row:], a.row, a.col}, matrixView[T]{b.data[j*b.col:], b.row, b.col}, sums, cols, true, work, tile)
			for r := range h {
				for s, v := range sums[r*cols : r*cols+w] {
					z[(i+r)*ldz+j+s] = T(v)
				}
			}
		}
	}
}

// gemmChains sets z to the chains, or adds them to z, block by block: it packs both operands as P, then works tile by tile.
func gemmChains[T, P, Z number](c *Call, m, n, k int, a, b matrixView[T], z []Z, ldz int, add bool, work []byte, tile gemmTile[P]) {
	kb := min(k, gemmBlockK)
	packA := take[P](&work, roundUp(min(m, gemmBlockM), gemmTileM)*kb)
	packB := take[P](&work, roundUp(min(n, gemmBlockN), gemmTileN)*kb)
	acc := (*[gemmTileM * gemmTileN]P)(take[P](&work, gemmTileM*gemmTileN))
	for j0 := 0; j0 < n; j0 += gemmBlockN {
		nb := min(gemmBlockN, n-j0)
		for k0 := 0; k0 < k; k0 += gemmBlockK {
			kb := min(gemmBlockK, k-k0)
			pack(packB, gemmTileN, nb, kb, b.data[j0*b.col+k0*b.row:], b.col, b.row)
			for i0 := 0; i0 < m; i0 += gemmBlockM {
				mb := min(gemmBlockM, m-i0)
				c.Poll(mb * nb * kb)
				pack(packA, gemmTileM, mb, kb, a.data[i0*a.row+k0*a.col:], a.row, a.col)
				for j := 0; j < nb; j += gemmTileN {
					w := min(gemmTileN, nb-j)
					for i := 0; i < mb; i += gemmTileM {
						h := min(gemmTileM, mb-i)
						clear(acc[:])
						tile(packA[i*kb:(i+gemmTileM)*kb], packB[j*kb:(j+gemmTileN)*kb], acc)
						for r := range h {
							to := z[(i0+i+r)*ldz+j0+j:][:w]
							if add {
								for s := range to {
									to[s] += Z(acc[r*gemmTileN+s])
								}
								continue
							}
							for s := range to {
								to[s] = Z(acc[r*gemmTileN+s])
							}
						}
					}
				}
			}
		}
	}
}

// pack copies rows of length k into panels of width rows each, k-major, short panels filled with 0.
func pack[T, P number](dst []P, width, rows, k int, src []T, row, col int) {
	at := 0
	for i := 0; i < rows; i += width {
		w := min(width, rows-i)
		panel := dst[at : at+width*k]
		at += width * k
		if w < width {
			clear(panel)
		}
		for r := range w {
			from := (i + r) * row
			for q := r; q < len(panel); q += width {
				panel[q] = P(src[from])
				from += col
			}
		}
	}
}

func tileFloat64(a, b []float64, acc *[gemmTileM * gemmTileN]float64) {
	c00, c01, c02, c03 := acc[0], acc[1], acc[2], acc[3]
	c10, c11, c12, c13 := acc[4], acc[5], acc[6], acc[7]
	for len(a) >= 2 && len(b) >= 4 {
		a0, a1 := a[0], a[1]
		b0, b1, b2, b3 := b[0], b[1], b[2], b[3]
		c00 = math.FMA(a0, b0, c00)
		c01 = math.FMA(a0, b1, c01)
		c02 = math.FMA(a0, b2, c02)
		c03 = math.FMA(a0, b3, c03)
		c10 = math.FMA(a1, b0, c10)
		c11 = math.FMA(a1, b1, c11)
		c12 = math.FMA(a1, b2, c12)
		c13 = math.FMA(a1, b3, c13)
		a, b = a[2:], b[4:]
	}
	*acc = [8]float64{c00, c01, c02, c03, c10, c11, c12, c13}
}

// tileFloat32 works on float32 values held as float64. A step that may round twice is taken again with care.
func tileFloat32(a, b []float64, acc *[gemmTileM * gemmTileN]float64) {
	for i := 0; i < gemmTileM; i++ {
		c0, c1, c2, c3 := acc[i*gemmTileN], acc[i*gemmTileN+1], acc[i*gemmTileN+2], acc[i*gemmTileN+3]
		a, b := a[i:], b
		for len(b) >= gemmTileN && len(a) > 0 {
			x := a[0]
			s0, s1, s2, s3 := float64(x*b[0])+c0, float64(x*b[1])+c1, float64(x*b[2])+c2, float64(x*b[3])+c3
			if mayRoundTwice(s0) || mayRoundTwice(s1) || mayRoundTwice(s2) || mayRoundTwice(s3) {
				c0, c1, c2, c3 = fmaSingle(x, b[0], c0), fmaSingle(x, b[1], c1), fmaSingle(x, b[2], c2), fmaSingle(x, b[3], c3)
			} else {
				c0, c1, c2, c3 = float64(float32(s0)), float64(float32(s1)), float64(float32(s2)), float64(float32(s3))
			}
			b = b[gemmTileN:]
			a = a[min(gemmTileM, len(a)):]
		}
		acc[i*gemmTileN], acc[i*gemmTileN+1], acc[i*gemmTileN+2], acc[i*gemmTileN+3] = c0, c1, c2, c3
	}
}

func tileInt[T number](a, b []T, acc *[gemmTileM * gemmTileN]T) {
	for len(a) >= 2 && len(b) >= 4 {
		for j, v := range b[:4] {
			acc[j] += a[0] * v
			acc[4+j] += a[1] * v
		}
		a, b = a[2:], b[4:]
	}
}

// mayRoundTwice reports whether rounding the float64 sum s to float32 may differ from rounding
// the exact sum: if s lies in the middle between two float32 values, or if 0 < |s| < 2⁻¹²⁶.
func mayRoundTwice(s float64) bool {
	u := math.Float64bits(s)
	return u&(1<<29-1) == 1<<28 || u<<1-1 < 897<<53-1
}

// fmaSingle returns a·b + c rounded once to float32, for operands that are float32 values.
// The product is exact in float64. The sum is rounded to odd there, after which rounding to float32 is right
// (Boldo and Melquiond, Emulation of FMA and correctly rounded sums, IEEE Trans. Comput. 57, 2008).
func fmaSingle(a, b, c float64) float64 {
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
