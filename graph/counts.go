package graph

import "fmt"

// Histogram returns how many elements of x lie between ascending edges [n+1], int64, or with weights, of x's shape, the sum of those: n of them, each without its upper edge but the last one
// (numpy.histogram). Elements beyond the edges and NaN are in none; without weights these are nil.
func Histogram(x, edges, weights *Node) *Node {
	if !x.Valid() || !edges.Valid() {
		return apply2(opAdd, x, edges)
	}
	if edges.typ.Shape.Rank() != 1 || edges.typ.Shape[0] < 2 || edges.typ.DType != x.typ.DType {
		return x.g.Fail("histogram", fmt.Errorf("the operands are %v and %v: needs two edges or more, of the same dtype, with one dimension", x.typ, edges.typ))
	}
	n := edges.typ.Shape[0] - 1
	low, high := Index(edges, 0), Index(edges, n)
	inside := LogicalAnd(GreaterEqual(x, low), LessEqual(x, high)) // NaN is not
	above := Searchsorted(edges, x, true)
	k := Where(inside, Min(Sub(above, Like(above, 1)), Like(above, float64(n-1))), Like(above, float64(n)))
	return sliceAxis(Bincount(k, weights, n+1), 0, 0, n)
}

// Mode returns the element that occurs most often along an axis, the smallest of several, and how often, int64, without the axis (scipy.stats.mode). NaN is like no other element. The
// derivative is shared by none: it goes to one of the equal elements.
func Mode(x *Node, axis int) (value, count *Node) {
	if !x.Valid() {
		bad := apply1(opIdentity, x)
		return bad, bad
	}
	x = withOneAxis(x, axis)
	a, err := axisOf(axis, x.typ.Shape.Rank())
	if err == nil && x.typ.Shape[a] == 0 {
		err = fmt.Errorf("the operand is %v: there is no element along axis %d", x.typ, a)
	}
	if err != nil {
		bad := x.g.Fail("mode", err)
		return bad, bad
	}
	n := x.typ.Shape[a]
	s := Sort(x, a)
	ahead, behind := sliceAxis(s, a, 1, n), sliceAxis(s, a, 0, n-1)
	first := append(Shape{}, x.typ.Shape...)
	first[a] = 1
	position := Iota(x.g, Int64, a, x.typ.Shape...)
	changes := Concat(a, Zeros(x.g, Int64, first...), Where(NotEqual(ahead, behind), sliceAxis(position, a, 1, n), Like(position, 0)))
	length := Add(Sub(position, Cummax(changes, a)), Like(position, 1)) // of the run so far
	at := ExpandDims(Argmax(length, a), a)
	return Squeeze(TakeAlongAxis(s, at, a), a), Squeeze(TakeAlongAxis(length, at, a), a)
}

// LocalResponseNorm returns x divided by (k + α/size·s)^β, s the sum of the squares of the element and of those around it along an axis: size of them with before in front of it. torch.nn.LocalResponseNorm
// has the axis 1 and before = size/2, ONNX's LRN (size − 1)/2.
func LocalResponseNorm(x *Node, size, before, axis int, alpha, beta, k float64) *Node {
	if !x.Valid() {
		return apply1(opSquare, x)
	}
	rank := x.typ.Shape.Rank()
	a, err := axisOf(axis, rank)
	if err == nil && (size < 1 || before < 0 || before >= size) {
		err = fmt.Errorf("%d elements, %d of them in front", size, before)
	}
	if err != nil {
		return x.g.Fail("local_response_norm", err)
	}
	low, high := make([]int, rank), make([]int, rank)
	low[a], high[a] = before, size-1-before
	squares := Pad(Square(x), low, high, 0)
	if !squares.Valid() {
		return squares
	}
	sum := sliceAxis(squares, a, 0, x.typ.Shape[a])
	for i := 1; i < size; i++ {
		sum = Add(sum, sliceAxis(squares, a, i, i+x.typ.Shape[a]))
	}
	base := Add(Like(x, k), Mul(sum, Like(x, alpha/float64(size))))
	return Div(x, Pow(base, Like(x, beta)))
}

// EmbeddingBag returns for each of n bags the "sum", "mean" or "max" of the rows of a table [rows, width] at the indices [m] that are in it: bags [m] are their numbers, from 0 on. An empty bag
// is 0 (torch.nn.functional.embedding_bag, whose offsets are where the bags begin). Weights [m], of sums only, multiply the rows; nil for none.
func EmbeddingBag(table, indices, bags, weights *Node, n int, mode string) *Node {
	rows := Gather(table, indices, 0)
	if !rows.Valid() || !bags.Valid() || weights != nil && !weights.Valid() {
		return apply2(opAdd, rows, bags)
	}
	fail := func(format string, args ...any) *Node {
		return rows.g.Fail("embedding_bag", fmt.Errorf(format, args...))
	}
	if table.typ.Shape.Rank() != 2 || indices.typ.Shape.Rank() != 1 {
		return fail("the table is %v and the indices %v: needs two dimensions and one", table.typ, indices.typ)
	}
	if weights != nil {
		if mode != "sum" || !weights.typ.Shape.Equal(indices.typ.Shape) {
			return fail("weights %v of a %s over %v: needs the shape of the indices and the mode sum", weights.typ, mode, indices.typ)
		}
		rows = Mul(rows, ExpandDims(weights, 1))
	}
	count := func() *Node { return ExpandDims(Bincount(bags, nil, n), 1) }
	switch mode {
	case "sum":
		return SegmentSum(rows, bags, n)
	case "mean":
		c := count()
		return Div(SegmentSum(rows, bags, n), Cast(Max(c, Like(c, 1)), rows.typ.DType))
	case "max":
		m, c := SegmentMax(rows, bags, n), count()
		return Where(Equal(c, Like(c, 0)), Like(m, 0), m)
	}
	return fail("the mode is %q: needs sum, mean or max", mode)
}
