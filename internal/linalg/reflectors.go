package linalg

import "math"

// reflectorBlock is the number of reflectors that are applied at once.
const reflectorBlock = 32

// reflectors are Householder's I − τ·v·vᵀ, the block of so many of them being I − V·T·Vᵀ. Vector q begins with zeros, then a one.
type reflectors struct {
	v, vt    []float64 // rows of the matrix of vectors, and its negative columns
	ldv, ldt int       // distances of rows of v and vt
	t, tt    []float64 // T of each block, and Tᵀ
	tau      []float64
}

// reflectorsBytes is the memory for k reflectors of vectors with m elements.
func reflectorsBytes(m, k, ldv, ldt int) int {
	return bytes[float64](m*ldv) + bytes[float64](k*ldt) + 2*bytes[float64](blocksOf(k)*reflectorBlock*reflectorBlock) + bytes[float64](k)
}

func blocksOf(k int) int { return ceil(k, reflectorBlock) }

func (f *reflectors) take(work *[]byte, m, k, ldv, ldt int) {
	f.ldv, f.ldt = ldv, ldt
	f.v, f.vt = take[float64](work, m*ldv), take[float64](work, k*ldt)
	f.t, f.tt = take[float64](work, blocksOf(k)*reflectorBlock*reflectorBlock), take[float64](work, blocksOf(k)*reflectorBlock*reflectorBlock)
	f.tau = take[float64](work, k)
}

// reflector replaces x by the vector, with a leading one, of the reflection that makes it a multiple of the first unit vector, and returns the factor and τ: 0 if there is nothing to do.
func reflector(x []float64) (beta, tau float64) {
	largest := 0.0
	for _, v := range x[1:] {
		largest = max(largest, math.Abs(v))
	}
	alpha := x[0]
	if largest == 0 {
		x[0] = 1
		return alpha, 0
	}
	scale := 1.0
	switch largest = max(largest, math.Abs(alpha)); {
	case largest < 0x1p-400:
		scale = 0x1p600
	case largest > 0x1p400:
		scale = 0x1p-600
	}
	if scale != 1 {
		for i := range x {
			x[i] *= scale
		}
		alpha = x[0]
	}
	beta = -math.Copysign(math.Sqrt(dot(x, x)), alpha)
	tau = (beta - alpha) / beta
	by := 1 / (alpha - beta)
	for i := range x {
		x[i] *= by
	}
	x[0] = 1
	return beta / scale, tau
}

// dot is the inner product, in four chains.
func dot(x, y []float64) float64 {
	var s [4]float64
	y = y[:len(x)]
	i := 0
	for ; i+4 <= len(x); i += 4 {
		s[0], s[1], s[2], s[3] = math.FMA(x[i], y[i], s[0]), math.FMA(x[i+1], y[i+1], s[1]), math.FMA(x[i+2], y[i+2], s[2]), math.FMA(x[i+3], y[i+3], s[3])
	}
	for ; i < len(x); i++ {
		s[0] = math.FMA(x[i], y[i], s[0])
	}
	return (s[0] + s[1]) + (s[2] + s[3])
}

// times adds a vector times a matrix to c: some rows at a time, so that they are read in long pieces.
func (k *kit[T]) times(g *goroutine[T], v, a []T, ld int, c []T, columns int) {
	const rows = 32
	for i := 0; i < len(v); i += rows {
		k.chain(g, v[i:], 0, a[i*ld:], ld, c, 0, 1, columns, min(rows, len(v)-i))
	}
}

// keep stores reflector number q, whose vector begins at a row, after zeros in the rows from the block's first one on.
func (f *reflectors) keep(q, block, row int, v []float64) {
	for i := block; i < row; i++ {
		f.v[i*f.ldv+q], f.vt[q*f.ldt+i] = 0, 0
	}
	for i, x := range v {
		f.v[(row+i)*f.ldv+q], f.vt[q*f.ldt+row+i] = x, -x
	}
}

// ldc is the distance of rows of a block of columns that is multiplied.
const ldc = reflectorBlock + 8

// blockScratch is the memory that combine and apply use of a goroutine's.
const blockScratch = 3 * reflectorBlock * (reflectorBlock + 8) * 8

// combine computes T of the reflectors from ≤ q < to, whose vectors lie in the rows first ≤ i < n. It uses the goroutine's memory.
func (f *reflectors) combine(k *kit[float64], g *goroutine[float64], from, to, first, n int) {
	count := to - from
	if count <= 0 {
		return
	}
	memory := g.memory
	products := take[float64](&memory, reflectorBlock*reflectorBlock)
	clear(products)
	k.chain(g, f.vt[from*f.ldt+first:], f.ldt, f.v[first*f.ldv+from:], f.ldv, products, reflectorBlock, count, count, n-first) // −Vᵀ·V
	t, tt := f.t[from*reflectorBlock:], f.tt[from*reflectorBlock:]
	for q := range count {
		tau := f.tau[from+q]
		row := tt[q*reflectorBlock : (q+1)*reflectorBlock]
		clear(row)
		clear(t[q*reflectorBlock : q*reflectorBlock+q])
		row[q], t[q*reflectorBlock+q] = tau, tau
		// Column q of T: −τ·T·Vᵀ·v.
		for i := range q {
			s := 0.0
			for j := i; j < q; j++ {
				s = math.FMA(t[i*reflectorBlock+j], products[j*reflectorBlock+q], s)
			}
			row[i] = tau * s
			t[i*reflectorBlock+q] = row[i]
		}
	}
}

// apply multiplies columns, at most reflectorBlock, of the rows first ≤ i < n of x with the block of the reflectors from ≤ q < to, or its transposed, from the left. It uses the goroutine's memory.
func (f *reflectors) apply(k *kit[float64], g *goroutine[float64], from, to, first, n int, x []float64, ld, columns int, transposed bool) {
	count := to - from
	memory := g.memory
	one, two := take[float64](&memory, reflectorBlock*ldc), take[float64](&memory, reflectorBlock*ldc)
	clear(one)
	clear(two)
	t := f.t
	if transposed {
		t = f.tt
	}
	k.chain(g, f.vt[from*f.ldt+first:], f.ldt, x[first*ld:], ld, one, ldc, count, columns, n-first)
	k.chain(g, t[from*reflectorBlock:], reflectorBlock, one, ldc, two, ldc, count, columns, count)
	k.chain(g, f.v[first*f.ldv+from:], f.ldv, two, ldc, x[first*ld:], ld, n-first, columns, count)
}
