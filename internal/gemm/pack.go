package gemm

import (
	"runtime"
	"unsafe"
)

// panelA reports whether A is packed tile by tile.
func (x *Plan) panelA() bool {
	return x.sizes.panelsA > 0 && x.p.A.Col != 1 && x.p.N > x.sizes.panelsA*x.nr && !x.kernels.portable
}

// aPanel is the bytes of a tile of k terms of A. What is copied for a term may reach beyond it by less than a line.
func (x *Plan) aPanel(k int) int { return roundUp(k*x.mr*x.size, alignment) + alignment }

// packRows copies a block of A that begins at row i, so that its lines lie at a distance that is good for the cache, and returns the strides of the copy in bytes. panel is that from tile to tile if each tile
// has its terms to itself: lines of a whole block would not stay in the first-level cache beside a panel of B.
func (x *Plan) packRows(w *worker, to, from uintptr, i, rows, k int) (row, step, panel int) {
	if x.panelA() {
		panel = x.aPanel(k)
		x.packTiles(w, to, from, i, rows, k)
		return x.size, x.mr * x.size, panel
	}
	lines, n, far := rows, k, x.p.A.Row
	if x.p.A.Col != 1 {
		lines, n, far = k, rows, x.p.A.Col
	}
	lead := x.leadingA(n)
	if x.kernels.portable {
		for range lines {
			copy(unsafe.Slice((*byte)(pointer(to)), n*x.size), unsafe.Slice((*byte)(pointer(from)), n*x.size))
			to, from = add(to, lead), add(from, far*x.size)
		}
		lines = 0
	}
	for i := 0; i < lines; i += packRowsOf {
		x.copyLines(w, add(to, i*lead), lead, add(from, i*far*x.size), far*x.size, n, min(packRowsOf, lines-i))
	}
	if x.p.A.Col != 1 {
		return x.size, lead, 0
	}
	return lead, x.size, 0
}

// packTiles copies a block of A that begins at row i, whose rows are contiguous in each term, tile by tile as byColumns cuts it.
func (x *Plan) packTiles(w *worker, to, from uintptr, i, rows, k int) {
	c := &w.cols
	c.Row, c.Step = uintptr(x.mr*x.size), uintptr(x.p.A.Col*x.size)
	vectors, kernel := ceil(x.mr, x.lanes), x.kernels.columns
	if vectors == 1 {
		kernel = x.kernels.lines
	}
	n, panel := ceil(rows, x.mr), x.aPanel(k)
	base, more := rows/n, rows%n
	for k0 := 0; k0 < k; k0 += cacheWays { // terms may lie at distances at which no more of them stay in the cache until the next tile
		c.K = min(cacheWays, k-k0)
		at := 0
		for t := range n {
			h := base
			if t < more {
				h++
			}
			c.To, c.From = add(to, t*panel+k0*x.mr*x.size), add(from, k0*x.p.A.Col*x.size+at*x.size)
			if i+at+vectors*x.lanes <= x.p.M {
				c.Last = x.lanes // whole vectors are copied faster; what is too much of them the next term overwrites
				kernel(c)
			} else if rest := h - (vectors-1)*x.lanes; rest > 0 {
				c.Last = rest
				kernel(c)
			} else {
				c.Last = h
				x.kernels.lines(c)
			}
			at += h
		}
	}
}

// packColumns copies columns of B into panels as wide as a tile, one row of a panel behind the other. What a narrower panel holds beside its columns is not defined.
func (x *Plan) packColumns(w *worker, to, from uintptr, columns, k int) {
	row, col := x.p.B.Row*x.size, x.p.B.Col*x.size
	if whole := columns / x.nr; x.p.B.Col == 1 && !x.kernels.portable && whole > 0 {
		c := &w.cols
		c.Row, c.Step, c.Last = uintptr(x.nr*x.size), uintptr(row), x.lanes
		for i := 0; i < k; i += packRowsOf {
			c.K = min(packRowsOf, k-i)
			for j := range whole {
				c.To, c.From = add(to, (j*k+i)*x.nr*x.size), add(from, i*row+j*x.nr*x.size)
				x.kernels.columns(c)
			}
		}
		to, from, columns = add(to, whole*k*x.nr*x.size), add(from, whole*x.nr*x.size), columns-whole*x.nr
	}
	for j := 0; j < columns; j += x.nr {
		width := min(x.nr, columns-j)
		done := 0 // columns
		c := &w.cols
		c.To, c.Row, c.From, c.K = to, uintptr(x.nr*x.size), from, k
		switch {
		case x.kernels.portable:
		case x.p.B.Col == 1 && width > x.lanes:
			c.Step, c.Last = uintptr(row), width-x.lanes
			x.kernels.columns(c)
			done = width
		case x.p.B.Row == 1:
			whole := k &^ (16/x.size - 1)
			c.Step, c.K = uintptr(col), whole
			for ; done+x.lanes <= width; done += x.lanes {
				x.kernels.transposed(c)
				c.To, c.From = add(c.To, x.lanes*x.size), add(c.From, x.lanes*col)
			}
			if whole < k {
				x.copyColumns(add(to, whole*x.nr*x.size), add(from, whole*row), done, k-whole)
			}
		}
		x.copyColumns(add(to, done*x.size), add(from, done*col), width-done, k)
		to, from = add(to, x.nr*x.size*k), add(from, width*col)
	}
}

// CopyLines copies lines of so many contiguous elements, distances in elements apart.
func (x *Plan) CopyLines(scratch []byte, to unsafe.Pointer, toLine int, from unsafe.Pointer, fromLine, width, lines int) {
	w, _ := workerIn(scratch)
	if x.kernels.portable || width > x.nr {
		w.first[0] = 0
		x.CopyBlocks(scratch, to, 0, toLine, from, w.first[:], fromLine, width, lines)
		return
	}
	x.copyLines(w, uintptr(to), toLine*x.size, uintptr(from), fromLine*x.size, width, lines)
	runtime.KeepAlive(to)
	runtime.KeepAlive(from)
}

// CopyBlocks copies blocks of lines of so many contiguous elements. Distances are in elements, besides those of a table, which has how far each block is behind from, in bytes.
func (x *Plan) CopyBlocks(scratch []byte, to unsafe.Pointer, toBlock, toLine int, from unsafe.Pointer, table []int64, fromLine, width, lines int) {
	if width == 0 || lines == 0 || len(table) == 0 {
		return
	}
	w, _ := workerIn(scratch)
	bytes := width * x.size
	switch {
	case x.kernels.portable || bytes > copyBytes:
		for i, at := range table {
			for l := range lines {
				copy(unsafe.Slice((*byte)(unsafe.Add(to, (i*toBlock+l*toLine)*x.size)), bytes), unsafe.Slice((*byte)(unsafe.Add(from, int(at)+l*fromLine*x.size)), bytes))
			}
		}
	case width <= x.lanes:
		for i, at := range table {
			x.copyLines(w, uintptr(to)+uintptr(i*toBlock*x.size), toLine*x.size, uintptr(from)+uintptr(at), fromLine*x.size, width, lines)
		}
	default:
		vector, b := x.lanes*x.size, &w.blocks
		b.To, b.ToBlock, b.ToLine = uintptr(to), uintptr(toBlock*x.size), uintptr(toLine*x.size)
		b.From, b.FromLine, b.At = uintptr(from), uintptr(fromLine*x.size), uintptr(unsafe.Pointer(unsafe.SliceData(table)))
		b.Blocks, b.Lines, b.N = len(table), lines, (bytes-1)/vector
		if b.Last = (bytes - b.N*vector) / 4; vector == 32 {
			b.Last = bytes - vector
		}
		x.kernels.blocks(b)
	}
	runtime.KeepAlive(to)
	runtime.KeepAlive(from)
	runtime.KeepAlive(table)
}

// copyLines copies lines of so many contiguous elements, distances in bytes apart, piece by piece.
func (x *Plan) copyLines(w *worker, to uintptr, toLine int, from uintptr, fromLine, width, lines int) {
	c := &w.cols
	c.Row, c.Step, c.K = uintptr(toLine), uintptr(fromLine), lines
	for j := 0; j < width; j += x.nr {
		c.To, c.From, c.Last = add(to, j*x.size), add(from, j*x.size), min(x.nr, width-j)
		if c.Last > x.lanes {
			c.Last -= x.lanes
			x.kernels.columns(c)
		} else {
			x.kernels.lines(c)
		}
	}
}

// copyColumns copies k elements each of some columns of B into a panel.
func (x *Plan) copyColumns(to, from uintptr, columns, k int) {
	if columns == 0 || k == 0 {
		return
	}
	if x.double {
		copyColumns((*uint64)(pointer(to)), (*uint64)(pointer(from)), columns, k, x.nr, x.p.B)
	} else {
		copyColumns((*uint32)(pointer(to)), (*uint32)(pointer(from)), columns, k, x.nr, x.p.B)
	}
}

func copyColumns[T uint32 | uint64](to, from *T, columns, k, nr int, b Strides) {
	dst := unsafe.Slice(to, (k-1)*nr+columns)
	src := unsafe.Slice(from, (k-1)*b.Row+(columns-1)*b.Col+1)
	if b.Col == 1 {
		for i := range k {
			copy(dst[i*nr:i*nr+columns], src[i*b.Row:])
		}
		return
	}
	for j := range columns {
		at := j * b.Col
		for i := j; i < len(dst); i += nr {
			dst[i] = src[at]
			at += b.Row
		}
	}
}
