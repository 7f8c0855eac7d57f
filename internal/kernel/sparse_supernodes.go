package kernel

import (
	"math"
	"slices"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/gemm"
)

// supernodes decompose sparse matrices with a fixed pattern, its diagonal as pivots, in dense blocks (Ng & Peyton, Block sparse Cholesky algorithms on advanced uniprocessor computers, SIAM J. Sci. Comput. 14, 1993). A
// supernode is a run of columns of the factor that have entries in the same rows. Its block holds a row for each of its columns: those of U, over its columns and its rows below; L is kept transposed, in blocks of the
// same form, and not at all for a symmetric matrix, where U = D·Lᵀ. A block is decomposed as a dense matrix, and its product is taken off those of the supernodes that its rows belong to.
type supernodes struct {
	n        int
	sequence []int       // row k of the order is this row of the matrix
	first    []int32     // by supernode: its first column; n behind the last
	begin    []int       // by supernode: where its block begins
	rowBegin []int       // by supernode: where its rows begin
	rows     []int32     // below a supernode's own, ascending
	of       []int32     // by column: its supernode
	parts    []ownerPart // of rows, by the supernode that they belong to
	partOf   []int       // by supernode: where its parts begin
	places   []int32     // of parts
	chain    []int32     // by supernode: how many beginning with it have one column and one row, which is the next one's column
	place    []int       // by entry: where it goes in upper, or, complemented, in lower
	pairs    []pair      // of a symmetric pattern without two entries at one place: those that go in upper
	diagonal []int       // by column: where it is in upper
	widest   int         // the most columns of a supernode; longest: the most columns and rows
	longest  int

	upper, lower []float64
	whole        []float64 // the diagonal of the matrix
	inverse      []float64 // of pivots
	left, right  []float64 // the block transposed and negated, as a factor of products
	sum          []float64
	columns      []float64 // right-hand sides, in the order of the sequence
	vectors      []float64 // of a supernode: parts of solutions, or sums
	below        []float64 // and what belongs to its rows
	triangle     [2 * gemm.TriangleRows * gemm.TriangleRows]float64
	symmetric    bool // what was decomposed
	pieces       *gemm.Plan
	micro        *gemm.Rows
}

// ownerPart is a run of a supernode's rows that belong to one supernode. places are where the columns of its block lie that are the rows from the part on.
type ownerPart struct {
	to, from, end int32
	places        int
}

// pair is an entry, the one at the transposed place, and where the entry goes.
type pair struct {
	entry, mate int32
	place       int
}

const (
	// threshold is the least pivot over the largest entry of its column.
	threshold = 0.1
	// rounding is the part of an entry of the diagonal below which what is left of it counts as rounding.
	rounding = 0x1p-46
	// sumRows is the number of rows of a product that are computed at once.
	sumRows = 32
)

// analyse finds the supernodes for a pattern and an order of its rows, which it changes to an equivalent one; nil if an entry of the diagonal is missing, or hold refuses memory. poll is told of work done.
func analyse(rows, cols []int64, sequence []int, poll func(work int), hold func(bytes int64) error) *supernodes {
	n := len(rows) - 1
	place := make([]int32, n)
	for k, row := range sequence {
		place[row] = int32(k)
	}
	lists := make([][]int32, n) // of the symmetric pattern, above the diagonal: by column
	onDiagonal := 0
	for i := range n {
		found := false
		for _, j := range cols[rows[i]:rows[i+1]] {
			a, b := place[i], place[j]
			if a == b {
				found = true
			} else {
				lists[max(a, b)] = append(lists[max(a, b)], min(a, b))
			}
		}
		if found {
			onDiagonal++
		}
	}
	poll(len(cols))
	if onDiagonal < n {
		return nil
	}
	// The elimination tree (Liu, ACM TOMS 12, 1986), and an order in which children come before parents, the subtree of each in one piece.
	parent, root := make([]int32, n), make([]int32, n)
	for j := range n {
		parent[j], root[j] = -1, -1
		for _, i := range lists[j] {
			for r := i; r >= 0 && r != int32(j); {
				next := root[r]
				root[r] = int32(j)
				if next < 0 {
					parent[r] = int32(j)
				}
				r = next
			}
		}
	}
	child, sibling := make([]int32, n), make([]int32, n)
	for j := range child {
		child[j] = -1
	}
	var stack []int32
	for j := n - 1; j >= 0; j-- {
		if p := parent[j]; p >= 0 {
			sibling[j], child[p] = child[p], int32(j)
		}
	}
	after := make([]int, 0, n)
	for j := range n {
		if parent[j] < 0 {
			stack = append(stack, int32(j))
			for len(stack) > 0 {
				top := stack[len(stack)-1]
				if c := child[top]; c >= 0 {
					child[top] = sibling[c]
					stack = append(stack, c)
				} else {
					stack = stack[:len(stack)-1]
					after = append(after, int(top))
				}
			}
		}
	}
	moved := make([]int, n)
	for k, j := range after {
		moved[k] = sequence[j]
	}
	copy(sequence, moved)
	f := &supernodes{n: n, sequence: sequence}
	for k, row := range sequence {
		place[row] = int32(k)
	}
	if f.findSupernodes(rows, cols, place, poll, hold) != nil || f.findParts(hold) != nil {
		return nil
	}
	f.findPlaces(rows, cols, place)
	return f
}

// findSupernodes finds the rows of each column, and which columns are taken together.
func (f *supernodes) findSupernodes(rows, cols []int64, place []int32, poll func(work int), hold func(bytes int64) error) error {
	n := f.n
	below := make([][]int32, n)
	for i := range n {
		for _, j := range cols[rows[i]:rows[i+1]] {
			if a, b := place[i], place[j]; a != b {
				below[min(a, b)] = append(below[min(a, b)], max(a, b))
			}
		}
	}
	waiting, next := make([]int32, n), make([]int32, n) // children of a column that have been found
	mark := make([]int32, n)
	for j := range waiting {
		waiting[j], mark[j] = -1, -1
	}
	type node struct {
		first, end int32
		rows       []int32
		zeros      int
	}
	var nodes []node
	for j := range int32(n) {
		list := below[j][:0:0]
		add := func(rows []int32) {
			for _, r := range rows {
				if r > j && mark[r] != j {
					mark[r] = j
					list = append(list, r)
				}
			}
		}
		add(below[j])
		for c := waiting[j]; c >= 0; c = next[c] {
			add(below[c])
		}
		poll(len(list))
		if err := hold(8 * int64(len(list))); err != nil { // once more as rows
			return err
		}
		slices.Sort(list)
		below[j] = list
		if len(list) > 0 {
			next[j], waiting[list[0]] = waiting[list[0]], j
		}
		own := node{first: j, end: j + 1, rows: list}
		// Joined with those before it that end at its columns, where few zeros are stored for that.
		for len(nodes) > 0 {
			last := nodes[len(nodes)-1]
			if len(last.rows) == 0 || last.rows[0] >= own.end || len(last.rows) == 1 && len(own.rows) > 0 {
				break
			}
			width, more := int(last.end-last.first), int(own.end-own.first)
			zeros := last.zeros + own.zeros + width*(more+len(own.rows)-len(last.rows))
			total := width + more
			size := total*(total+1)/2 + total*len(own.rows)
			if !(zeros == 0 || total <= 4 && 2*zeros <= size || total <= 16 && 5*zeros <= size || total <= 48 && 10*zeros <= size || 20*zeros <= size) {
				break
			}
			own.first, own.zeros = last.first, zeros
			nodes = nodes[:len(nodes)-1]
		}
		nodes = append(nodes, own)
	}
	f.of = make([]int32, n)
	entries := 0
	for s, d := range nodes {
		f.first, f.begin, f.rowBegin = append(f.first, d.first), append(f.begin, entries), append(f.rowBegin, len(f.rows))
		f.rows = append(f.rows, d.rows...)
		width := int(d.end - d.first)
		entries += width * (width + len(d.rows))
		f.widest, f.longest = max(f.widest, width), max(f.longest, width+len(d.rows))
		for j := d.first; j < d.end; j++ {
			f.of[j] = int32(s)
		}
	}
	f.first, f.begin, f.rowBegin = append(f.first, int32(n)), append(f.begin, entries), append(f.rowBegin, len(f.rows))
	return nil
}

// findParts finds where products of blocks go.
func (f *supernodes) findParts(hold func(bytes int64) error) error {
	count := len(f.first) - 1
	f.chain = make([]int32, count)
	for s := range count {
		f.partOf = append(f.partOf, len(f.parts))
		rows := f.rows[f.rowBegin[s]:f.rowBegin[s+1]]
		for from := 0; from < len(rows); {
			to := f.of[rows[from]]
			p := ownerPart{to: to, from: int32(from), places: len(f.places)}
			own := f.rows[f.rowBegin[to]:f.rowBegin[to+1]]
			width := f.first[to+1] - f.first[to]
			at := 0
			end := from
			for _, r := range rows[from:] {
				if r < f.first[to+1] {
					f.places = append(f.places, r-f.first[to])
					end++
					continue
				}
				for own[at] != r {
					at++
				}
				f.places = append(f.places, width+int32(at))
			}
			p.end = int32(end)
			if err := hold(4*int64(len(rows)-from) + int64(unsafe.Sizeof(p))); err != nil {
				return err
			}
			f.parts = append(f.parts, p)
			from = end
		}
	}
	f.partOf = append(f.partOf, len(f.parts))
	for s := count - 1; s >= 0; s-- {
		if f.first[s+1] == f.first[s]+1 && f.rowBegin[s+1] == f.rowBegin[s]+1 && f.rows[f.rowBegin[s]] == f.first[s+1] {
			f.chain[s] = 1
			if s+1 < count {
				f.chain[s] += f.chain[s+1]
			}
		}
	}
	return nil
}

// findPlaces finds where the matrix's entries go.
func (f *supernodes) findPlaces(rows, cols []int64, place []int32) {
	f.place, f.diagonal = make([]int, len(cols)), make([]int, f.n)
	mates := make([]int32, len(cols))
	by := make([]int32, f.n) // where a column's entry of row i is
	for i := range by {
		by[i] = -1
	}
	at := func(a, b int32) int { // of row a ≤ b of U
		s := f.of[a]
		first, end := f.first[s], f.first[s+1]
		own := f.rows[f.rowBegin[s]:f.rowBegin[s+1]]
		col := int(b - first)
		if b >= end {
			k, _ := slices.BinarySearch(own, b)
			col = int(end-first) + k
		}
		return f.begin[s] + int(a-first)*(int(end-first)+len(own)) + col
	}
	for i := range f.n {
		f.diagonal[i] = at(int32(i), int32(i))
		for e := rows[i]; e < rows[i+1]; e++ {
			a, b := place[i], place[cols[e]]
			f.place[e] = at(min(a, b), max(a, b))
			if a > b {
				f.place[e] = ^f.place[e]
			}
		}
	}
	// Entries sorted by column and row, beside those by row and column, are at transposed places.
	start := make([]int, f.n+1)
	for _, j := range cols {
		start[j+1]++
	}
	for j := range f.n {
		start[j+1] += start[j]
	}
	turned := make([]int32, len(cols))
	for i := range f.n {
		for e := rows[i]; e < rows[i+1]; e++ {
			turned[start[cols[e]]] = int32(e)
			start[cols[e]]++
		}
	}
	row := func(e int32) int { r, _ := slices.BinarySearch(rows, int64(e)+1); return r - 1 }
	for i, k := 0, 0; i < f.n; i++ {
		for e := rows[i]; e < rows[i+1]; e++ {
			by[cols[e]] = int32(e)
		}
		for ; k < len(turned) && cols[turned[k]] == int64(i); k++ {
			j := row(turned[k])
			e := by[j]
			if e < int32(rows[i]) || by[j] >= int32(rows[i+1]) || e < 0 {
				return
			}
			mates[turned[k]] = e
		}
	}
	// Of entries with one place, only the last one has a mate, which is not the mate of the others.
	for e, m := range mates {
		if mates[m] != int32(e) {
			f.pairs = nil
			return
		}
		if p := f.place[e]; p >= 0 {
			f.pairs = append(f.pairs, pair{int32(e), m, p})
		}
	}
}

// allocated is what the heap takes for a slice.
func allocated[T any](x []T) int64 {
	var zero T
	return heapSize(int64(cap(x)) * int64(unsafe.Sizeof(zero)))
}

// heapSize bounds what the heap takes for so many bytes: whole pages, or a class of sizes.
func heapSize(bytes int64) int64 {
	if bytes >= 32<<10 {
		return (bytes + 8191) &^ 8191
	}
	return bytes + bytes/4
}

// bytes is the memory of what analyse has made.
func (f *supernodes) bytes() int64 {
	return heapSize(int64(unsafe.Sizeof(*f))) + allocated(f.first) + allocated(f.rows) + allocated(f.of) + allocated(f.places) + allocated(f.chain) + allocated(f.begin) + allocated(f.rowBegin) + allocated(f.partOf) +
		allocated(f.place) + allocated(f.diagonal) + allocated(f.parts) + allocated(f.pairs)
}

// needs is the memory that prepare takes.
func (f *supernodes) needs(lower bool) int64 {
	bytes := int64(0)
	own := heapSize(8*int64(f.begin[len(f.begin)-1])) + heapSize(8*int64(f.longest*f.widest))
	if f.upper == nil {
		bytes += own + heapSize(8*int64(sumRows*f.longest)) + 2*heapSize(8*int64(f.n)) + gemm.StateBytes(piecesOfBlocks) + heapSize(int64(unsafe.Sizeof(gemm.Rows{})))
	}
	if lower && f.lower == nil {
		bytes += own
	}
	return bytes
}

// prepare makes room for a decomposition.
func (f *supernodes) prepare(lower bool) {
	size, block := f.begin[len(f.begin)-1], f.longest*f.widest
	if f.upper == nil {
		f.upper, f.left, f.sum = make([]float64, size), make([]float64, block), make([]float64, sumRows*f.longest)
		f.whole, f.inverse = make([]float64, f.n), make([]float64, f.n)
		f.pieces, f.micro = gemm.NewPlan(piecesOfBlocks, cpu.Best()), gemm.NewRows(dtype.Float64, cpu.Best())
	}
	if lower && f.lower == nil {
		f.lower, f.right = make([]float64, size), make([]float64, block)
	}
}

// prepareColumns makes room for so many right-hand sides at once.
func (f *supernodes) prepareColumns(hold func(bytes int64) error, count int) error {
	if count*f.n <= len(f.columns) {
		return nil
	}
	bytes := -allocated(f.columns) - allocated(f.vectors) - allocated(f.below)
	for _, size := range [3]int{f.n, f.widest, f.longest} {
		bytes += heapSize(8 * int64(count*size))
	}
	if err := hold(bytes); err != nil {
		return err
	}
	f.columns, f.vectors, f.below = make([]float64, count*f.n), make([]float64, count*f.widest), make([]float64, count*f.longest)
	return nil
}

var piecesOfBlocks = gemm.Product{DType: dtype.Float64, B: gemm.Strides{Col: 1}, Block: true}

// assembleSymmetric puts the matrix into the blocks. It reports false where the values are not, bit for bit, those of a symmetric matrix.
func assembleSymmetric[T float](f *supernodes, values []T) bool {
	if f.pairs == nil {
		return false
	}
	clear(f.upper)
	for _, p := range f.pairs {
		v := values[p.entry]
		if v != values[p.mate] {
			return false
		}
		f.upper[p.place] = float64(v)
	}
	f.begun(true)
	return true
}

// assemble puts a matrix into the blocks that need not be symmetric.
func assemble[T float](f *supernodes, values []T) {
	clear(f.upper)
	clear(f.lower)
	for e, p := range f.place {
		if p >= 0 {
			f.upper[p] += float64(values[e])
		} else {
			f.lower[^p] += float64(values[e])
		}
	}
	f.begun(false)
}

func (f *supernodes) begun(symmetric bool) {
	f.symmetric = symmetric
	for k, p := range f.diagonal {
		f.whole[k] = f.upper[p]
	}
}

// factor decomposes what is in the blocks. It gives up where a pivot is too small against its column, or, in a symmetric matrix, not positive.
func (f *supernodes) factor(c *Call) bool {
	for s := 0; s < len(f.first)-1; s++ {
		if m := int(f.chain[s]); m > 0 {
			if !f.factorChain(s, m) {
				return false
			}
			c.Poll(8 * m)
			s += m - 1
			continue
		}
		first := int(f.first[s])
		width, long := int(f.first[s+1])-first, f.begin[s+1]-f.begin[s]
		long /= width
		u := f.upper[f.begin[s]:f.begin[s+1]]
		var l []float64
		if !f.symmetric {
			l = f.lower[f.begin[s]:f.begin[s+1]]
		}
		if !f.block(c, u, l, first, width, long) {
			return false
		}
		f.takeOff(c, s, u, l, width, long)
		c.Poll(width * long * width)
	}
	return true
}

// pivot keeps a pivot of column k and reports whether it can be one.
func (f *supernodes) pivot(k int, d float64) bool {
	f.inverse[k] = 1 / d
	if !f.symmetric {
		d = math.Abs(d)
	}
	return d > rounding*math.Abs(f.whole[k]) && d <= math.MaxFloat64
}

// factorChain is factor for m supernodes of one column and one row from s on, each of which is the next one's column.
func (f *supernodes) factorChain(s, m int) bool {
	at, k := f.begin[s], int(f.first[s])
	u := f.upper[at : at+2*m]
	off := 0.0
	largest := 0.0
	if f.symmetric {
		for i := 0; i+1 < len(u); i += 2 {
			e := u[i+1]
			d := u[i] - off
			if !f.pivot(k, d) {
				return false
			}
			u[i] = d
			off = float64(float64(e*e) * f.inverse[k])
			k++
		}
	} else {
		l := f.lower[at : at+2*m]
		for i := 0; i+1 < len(u); i += 2 {
			d := u[i] - off
			if !f.pivot(k, d) {
				return false
			}
			u[i] = d
			e := float64(l[i+1] * f.inverse[k])
			l[i+1] = e
			largest = max(largest, math.Abs(e))
			off = float64(e * u[i+1])
			k++
		}
		if !(largest <= 1/threshold) {
			return false
		}
	}
	f.upper[f.diagonal[k]] -= off
	return true
}

// block decomposes a block of so many rows, long elements each. l is nil for a symmetric matrix.
func (f *supernodes) block(c *Call, u, l []float64, first, width, long int) bool {
	const inner = gemm.TriangleRows
	left, right := f.left[:long*width], f.right
	t, tl := f.triangle[:inner*inner], f.triangle[inner*inner:]
	for i0 := 0; i0 < width; i0 += inner {
		rows := min(inner, width-i0)
		if i0 > 0 {
			f.product(c, left[i0*width:], width, u[i0:], u[i0*long+i0:], long, long, rows, long-i0, i0)
			if l != nil {
				f.product(c, right[i0*width:], width, l[i0:], l[i0*long+i0:], long, long, rows, long-i0, i0)
			}
		}
		for k := range rows {
			row := u[(i0+k)*long+i0 : (i0+k)*long+i0+rows]
			d := row[k]
			if !f.pivot(first+i0+k, d) {
				return false
			}
			inverse := f.inverse[first+i0+k]
			if l == nil {
				for i := k + 1; i < rows; i++ {
					m := float64(row[i] * inverse)
					t[i*inner+k] = m
					for j := i; j < rows; j++ {
						u[(i0+i)*long+i0+j] = math.FMA(-m, row[j], u[(i0+i)*long+i0+j])
					}
				}
				continue
			}
			other := l[(i0+k)*long+i0 : (i0+k)*long+i0+rows]
			tl[k*inner+k] = d
			for i := k + 1; i < rows; i++ {
				other[i] /= d
				t[i*inner+k], tl[i*inner+k] = other[i], row[i]
				if !(math.Abs(other[i]) <= 1/threshold) {
					return false
				}
			}
			for i := k + 1; i < rows; i++ {
				for j := i; j < rows; j++ {
					u[(i0+i)*long+i0+j] = math.FMA(-other[i], row[j], u[(i0+i)*long+i0+j])
				}
				for j := i + 1; j < rows; j++ {
					l[(i0+i)*long+i0+j] = math.FMA(-row[i], other[j], l[(i0+i)*long+i0+j])
				}
			}
		}
		i1 := i0 + rows
		if i1 == long {
			return true
		}
		if rows > 1 {
			f.substitute(c, u[i0*long+i1:], long, t, rows, long-i1, true)
		}
		if l != nil {
			f.substitute(c, l[i0*long+i1:], long, tl, rows, long-i1, false)
		}
		for k := i0; k < i1; k++ {
			row := u[k*long+i1 : (k+1)*long]
			at := i1*width + k
			if l == nil {
				inverse := -f.inverse[first+k]
				for _, v := range row {
					left[at] = float64(v * inverse)
					at += width
				}
				continue
			}
			largest := 0.0
			for i, v := range l[k*long+i1 : (k+1)*long] {
				left[at], right[at] = -v, -row[i]
				largest = max(largest, math.Abs(v))
				at += width
			}
			if !(largest <= 1/threshold) {
				return false
			}
		}
	}
	return true
}

// takeOff takes the product of a block off those that its rows belong to.
func (f *supernodes) takeOff(c *Call, s int, u, l []float64, width, long int) {
	below := long - width
	rows := f.rows[f.rowBegin[s]:f.rowBegin[s+1]]
	for _, p := range f.parts[f.partOf[s]:f.partOf[s+1]] {
		first := f.first[p.to]
		size := int(f.first[p.to+1]-first) + f.rowBegin[p.to+1] - f.rowBegin[p.to]
		places := f.places[p.places : p.places+below-int(p.from)]
		for from := int(p.from); from < int(p.end); from += sumRows {
			end := min(int(p.end), from+sumRows)
			for pass, a := range [2][]float64{f.left, f.right} {
				b, to := u, f.upper
				if pass == 1 {
					if l == nil {
						break
					}
					b, to = l, f.lower
				}
				n := below - from
				if width == 1 {
					b := b[1+from : long]
					for i := from; i < end; i++ {
						row := to[f.begin[p.to]+int(rows[i]-first)*size:][:size]
						v := a[1+i]
						b := b[i-from:]
						for j, q := range places[i-int(p.from):] {
							row[q] = math.FMA(v, b[j], row[q])
						}
					}
					continue
				}
				sum := f.sum[:(end-from)*n]
				clear(sum)
				f.product(c, a[(width+from)*width:], width, b[width+from:], sum, long, n, end-from, n, width)
				for i := from; i < end; i++ {
					row := to[f.begin[p.to]+int(rows[i]-first)*size:][:size]
					terms := sum[(i-from)*n+i-from : (i-from+1)*n]
					for j, q := range places[i-int(p.from):] {
						row[q] += terms[j]
					}
				}
				c.Poll((end - from) * n * width)
			}
		}
	}
}

// product adds a·b to sums: m×terms with aRow elements from row to row, terms×n, and m×n.
func (f *supernodes) product(c *Call, a []float64, aRow int, b, sums []float64, bRow, sumRow, m, n, terms int) {
	f.pieces.Continue(c.Work[rowsScratch:], &gemm.Piece{A: unsafe.Pointer(&a[0]), ARow: aRow, B: unsafe.Pointer(&b[0]), BRow: bRow, C: unsafe.Pointer(&sums[0]), CRow: sumRow, M: m, N: n, K: terms}, false)
}

func (f *supernodes) substitute(c *Call, x []float64, xRow int, t []float64, rows, n int, unit bool) {
	f.micro.Substitute((*gemm.Scratch)(unsafe.Pointer(unsafe.SliceData(c.Work))), unsafe.Pointer(&x[0]), xRow, unsafe.Pointer(&t[0]), rows, n, unit)
}

const rowsScratch = (int(unsafe.Sizeof(gemm.Scratch{})) + 63) &^ 63

// scratchOfSupernodes is the size of a call's scratch.
func scratchOfSupernodes() int {
	return rowsScratch + gemm.NewPlan(piecesOfBlocks, cpu.Best()).Each()
}

// What is done with the pivots in a solution.
const (
	unitPivots   = iota
	dividePivots // the row is divided by its pivot
	scalePivots  // what is taken off a row is divided by its pivot: that of D⁻¹·U
)

// solve replaces columns of right-hand sides, each n elements of x in the order of the sequence, by the solutions with the matrix, or its transpose.
func (f *supernodes) solve(c *Call, x []float64, columns int, transposed bool) {
	c.Poll(len(f.upper) * columns)
	x = x[:f.n*columns]
	switch {
	case f.symmetric: // A = Uᵀ·D⁻¹·U
		f.forward(c, f.upper, x, true)
		f.backward(c, f.upper, x, scalePivots)
	case transposed: // Aᵀ = Uᵀ·Lᵀ
		f.forward(c, f.upper, x, true)
		f.backward(c, f.lower, x, unitPivots)
	default:
		f.forward(c, f.lower, x, false)
		f.backward(c, f.upper, x, dividePivots)
	}
}

const (
	// solveColumns is the number of right-hand sides that are solved for at once.
	solveColumns = 8
	// solveProduct is the number of elements of a block below its own columns from which they are taken as a product.
	solveProduct = 48
)

// forward solves with the transpose of the blocks.
func (f *supernodes) forward(c *Call, blocks, all []float64, divide bool) {
	n, columns := f.n, len(all)/f.n
	for s := 0; s < len(f.first)-1; s++ {
		first, end := int(f.first[s]), int(f.first[s+1])
		if m := int(f.chain[s]); m > 0 {
			block, inverse := blocks[f.begin[s]:f.begin[s]+2*m], f.inverse[first:first+m]
			for at := first; at < len(all); at += n {
				x := all[at : at+m+1]
				v := x[0]
				for i, d := range inverse {
					e := block[2*i+1]
					if divide {
						e = float64(e * d)
						x[i] = float64(v * d)
					}
					v = math.FMA(-e, v, x[i+1])
					x[i+1] = v
				}
			}
			s += m - 1
			continue
		}
		rows, width := f.rows[f.rowBegin[s]:f.rowBegin[s+1]], end-first
		block := blocks[f.begin[s]:f.begin[s+1]]
		long := width + len(rows)
		product := width > 1 && width*len(rows) >= solveProduct
		for col := range columns {
			x := all[col*n : (col+1)*n]
			for k := range width {
				v := x[first+k]
				if divide {
					v = float64(v * f.inverse[first+k])
					x[first+k] = v
				}
				row := block[k*long+k+1 : (k+1)*long]
				own := x[first+k+1 : end]
				for i, e := range row[:len(own)] {
					own[i] = math.FMA(-e, v, own[i])
				}
				if product {
					f.vectors[col*width+k] = -v
					continue
				}
				row = row[len(own):]
				for i, r := range rows {
					x[r] = math.FMA(-row[i], v, x[r])
				}
			}
			if product {
				for i, r := range rows {
					f.below[col*len(rows)+i] = x[r]
				}
			}
		}
		if product {
			f.product(c, f.vectors, width, block[width:], f.below, long, len(rows), columns, len(rows), width)
			for col := range columns {
				x := all[col*n : (col+1)*n]
				for i, r := range rows {
					x[r] = f.below[col*len(rows)+i]
				}
			}
		}
	}
}

// backward solves with the blocks.
func (f *supernodes) backward(c *Call, blocks, all []float64, pivots int) {
	n, columns := f.n, len(all)/f.n
	for s := len(f.first) - 2; s >= 0; s-- {
		first, end := int(f.first[s]), int(f.first[s+1])
		if f.chain[s] > 0 {
			m := 1
			for s-m >= 0 && f.chain[s-m] == f.chain[s]+int32(m) {
				m++
			}
			s -= m - 1
			first = int(f.first[s])
			block, inverse := blocks[f.begin[s]:f.begin[s]+2*m], f.inverse[first:first+m]
			for at := first; at < len(all); at += n {
				x := all[at : at+m+1]
				v := x[m]
				for i := m - 1; i >= 0; i-- {
					e := block[2*i+1]
					switch pivots {
					case scalePivots:
						v = math.FMA(-float64(e*inverse[i]), v, x[i])
					case dividePivots:
						v = float64(math.FMA(-e, v, x[i]) * inverse[i])
					default:
						v = math.FMA(-e, v, x[i])
					}
					x[i] = v
				}
			}
			continue
		}
		rows, width := f.rows[f.rowBegin[s]:f.rowBegin[s+1]], end-first
		block := blocks[f.begin[s]:f.begin[s+1]]
		long := width + len(rows)
		sums := f.vectors[:width*columns]
		clear(sums)
		product := width > 1 && width*len(rows) >= solveProduct
		if product {
			for col := range columns {
				x := all[col*n : (col+1)*n]
				for i, r := range rows {
					f.below[i*columns+col] = x[r]
				}
			}
			f.product(c, block[width:], long, f.below, sums, columns, columns, width, columns, len(rows))
		}
		for col := range columns {
			x := all[col*n : (col+1)*n]
			for k := width - 1; k >= 0; k-- {
				row := block[k*long+k+1 : (k+1)*long]
				own := x[first+k+1 : end]
				sum := sums[k*columns+col]
				for i, v := range own {
					sum = math.FMA(row[i], v, sum)
				}
				if !product {
					row = row[len(own):]
					for i, r := range rows {
						sum = math.FMA(row[i], x[r], sum)
					}
				}
				at := first + k
				switch pivots {
				case unitPivots:
					x[at] -= sum
				case dividePivots:
					x[at] = float64((x[at] - sum) * f.inverse[at])
				case scalePivots:
					x[at] = math.FMA(-sum, f.inverse[at], x[at])
				}
			}
		}
	}
}
