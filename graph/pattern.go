package graph

import "github.com/adjoint-go/adjoint/internal/shape"

// Pattern says on which elements of its operands an element of an operator's result can depend: the sparsity of the operator's Jacobian. It may have
// too many entries, never too few. It is Dense, Lines, Matrices, Columns, Moves or AsExpansion, or a Combines, an ElementPattern, a SumPattern or, of operators of several results, an OfResults.
type Pattern interface{ isPattern() }

// CommonPattern is a pattern that needs nothing but its name.
type CommonPattern uint8

// The common patterns.
const (
	// Dense: each element of the result depends on all elements of all operands.
	Dense CommonPattern = iota + 1
	// Lines is for AlongAxis operators of one operand whose result has the operand's dimensions, of whatever extent along the axes, or lacks the axes: each element
	// depends on the elements of the operand that have the same indices in the other dimensions.
	Lines
	// Matrices is for LeadingBatch operators whose last operand is a matrix or a batch of them: each element of each result depends on all elements of all operands that
	// belong to the same matrix of the batch.
	Matrices
	// Columns: each element of the result, which has the rows of the last operand, depends on all elements of that operand that have the same indices behind the first one, and on all
	// elements of the other operands, as a solution depends on its right-hand side and the matrix.
	Columns
	// Moves: each element of the result is an element of an operand that is a float, or depends on none. Which one follows from the shapes, the attributes
	// and the operands that are integers: the operator's kernel, run on the numbers of the elements, tells. It is dense where these integers
	// are not constant.
	Moves
	// AsExpansion: what follows from the operator's expansion. Operators that are differentiated through it need not say so.
	AsExpansion
)

// Combines is the pattern of operators that combine the elements of one operand by places, which another operand holds. It is dense where
// the places are not constant.
type Combines struct {
	// Elements is the operand whose elements are combined, with one another and, if it is not the first, with the element of operand 0 at the place.
	Elements int
	// Take returns for a node of the operator the elements of another node, of the type of its result, at the places, in the shape of the operand
	// Elements. It applies an operator that Moves.
	Take func(n, result *Node) *Node
}

// ElementPattern returns for a node of the operator the function that gives t the elements of operands on which element i of the result
// depends, in row-major order; nil: dense.
type ElementPattern func(n *Node, t Terms) func(i int)

// SumPattern is an ElementPattern of operators of which each element of the result is the sum of the elements that it adds, in that order, 0 for none: such an element
// can be computed without the others.
type SumPattern func(n *Node, t Terms) func(i int)

// OfResults is the pattern of an operator of several results, an ElementPattern for each; nil: dense, or an integer.
type OfResults []ElementPattern

// Terms takes what one element of a result depends on. Its methods panic for operands and elements that do not exist.
type Terms interface {
	// Add adds an element of an operand.
	Add(operand, element int)
	// Product adds element i of operand a and element j of operand b, which count for nothing if one of them is the constant 0.
	Product(a, i, b, j int)
	// Literal returns the operand's value if it is computed from constants alone, else nil.
	Literal(operand int) *Literal
}

func (CommonPattern) isPattern()  {}
func (Combines) isPattern()       {}
func (ElementPattern) isPattern() {}
func (SumPattern) isPattern()     {}
func (OfResults) isPattern()      {}

// checkPattern reports a pattern that is missing or does not suit the operator.
func (op *Op) checkPattern() string {
	switch p := op.Pattern.(type) {
	case nil:
		if op.Differentiable() && !op.Elementwise && !op.ThroughExpand && op.Family != FamilyUser {
			return "has a derivative and needs a pattern"
		}
		return ""
	case Combines:
		if p.Take == nil || p.Elements < 0 || op.MaxArity >= 0 && p.Elements >= op.MaxArity {
			return "combines the elements of an operand that it lacks, or does not say where"
		}
	case ElementPattern:
		if p == nil {
			return "has a pattern that is nil"
		}
	case SumPattern:
		if p == nil {
			return "has a pattern that is nil"
		}
	case OfResults:
		if op.InferMany == nil || len(p) != len(op.ResultNames) {
			return "has a pattern of several results that it lacks"
		}
		return ""
	case CommonPattern:
		switch {
		case p < Dense || p > AsExpansion:
			return "has an unknown pattern"
		case p == Lines && (!op.AlongAxis || op.MinArity != 1 || op.MaxArity != 1):
			return "has the pattern of lines and does not act along axes of one operand"
		case p == Matrices && !op.LeadingBatch:
			return "has the pattern of matrices and says that it does not take a batch of them"
		case p == Moves && op.Kernel == "" && op.View == nil:
			return "moves elements, and needs a kernel or views to tell where"
		case p == AsExpansion && op.Expand == nil:
			return "has the pattern of an expansion that it lacks"
		}
	}
	if op.Elementwise || !op.Differentiable() || op.InferMany != nil && op.Pattern != Dense && op.Pattern != Matrices {
		return "states a pattern that nobody asks for: it is elementwise, has no derivative, or is dense because it has several results"
	}
	return ""
}

// chains lists items by a key: for k := last[key]; k != 0; k = next[k-1], item[k-1].
type chains[T any] struct {
	last []int32 // by key: 1 + its last item
	item []T
	next []int32 // by item: 1 + the one before it with the same key
}

func newChains[T any](keys, items int) *chains[T] {
	return &chains[T]{make([]int32, keys), make([]T, 0, items), make([]int32, 0, items)}
}

func (c *chains[T]) add(key int, x T) {
	c.item, c.next = append(c.item, x), append(c.next, c.last[key])
	c.last[key] = int32(len(c.item))
}

// combinesAlong is the pattern of operators that combine the elements of one operand by the indices along an axis in another.
func combinesAlong(indices, elements int, axis func(n *Node) int) Combines {
	return Combines{elements, func(n, result *Node) *Node { return Gather(result, n.Input(indices), axis(n)) }}
}

func axisOfNode(n *Node) int { return n.extra.attrs.Int("axis") }

// sameElement is the pattern of kernels that act element by element on operands of the result's shape, and have no derivative by others.
func sameElement(n *Node, t Terms) func(i int) {
	return func(i int) {
		for k, in := range n.Inputs() {
			if in.typ.Shape.Equal(n.typ.Shape) {
				t.Add(k, i)
			}
		}
	}
}

// mixedAlong is the pattern of operators of one operand of which each element depends on all elements of the operand along the dimensions that the function gives,
// ascending, at its own indices in the others, which result and operand have at the same places.
func mixedAlong(dims func(n *Node) []int) ElementPattern {
	return func(n *Node, t Terms) func(i int) {
		in, out := n.Input(0).typ.Shape, n.typ.Shape
		mixed, stride := make([]bool, max(len(in), len(out))), make([]int, len(in))
		for _, d := range dims(n) {
			mixed[d] = true
		}
		step, block := 1, []int{0}
		for d := len(in) - 1; d >= 0; d-- {
			stride[d] = step
			step *= in[d]
			if !mixed[d] {
				continue
			}
			first := block
			for k := 1; k < in[d]; k++ {
				for _, at := range first {
					block = append(block, at+k*stride[d])
				}
			}
		}
		return func(i int) {
			base := 0
			for d := len(out) - 1; d >= 0; d-- {
				if d < len(in) && !mixed[d] {
					base += i % out[d] * stride[d]
				}
				i /= out[d]
			}
			for _, at := range block {
				t.Add(0, base+at)
			}
		}
	}
}

// maxTerms bounds the pairs of elements of which the patterns of recurrences and selections are made; larger ones count as dense.
const maxTerms = 1 << 24

// selectedPattern: which element of a line is taken depends on all of them.
func selectedPattern(n *Node, t Terms) func(i int) {
	in, out, axis := n.Input(0).typ.Shape, n.extra.results[0].Shape, axisOfNode(n)
	inner := in[axis+1:].Size()
	if out.Size()*in[axis] > maxTerms {
		return nil
	}
	return func(i int) {
		first := i/(inner*out[axis])*inner*in[axis] + i%inner
		for k := range in[axis] {
			t.Add(0, first+k*inner)
		}
	}
}

// recurrencePattern: each element comes from those before it along the axis, and its own.
func recurrencePattern(n *Node, t Terms) func(i int) {
	s, axis, reverse := n.typ.Shape, axisOfNode(n), n.extra.attrs.Bool("reverse")
	extent, inner := s[axis], s[axis+1:].Size()
	if s.Size()*extent > maxTerms {
		return nil
	}
	return func(i int) {
		at, step := i/inner%extent, inner
		if reverse {
			at, step = extent-1-at, -inner
		}
		first := i - at*step
		for k := range at + 1 {
			if k > 0 {
				t.Add(0, first+k*step)
			}
			t.Add(1, first+k*step)
		}
	}
}

// slicePattern: a slice may be a small part of its operand, so that its kernel, which needs the numbers of all elements, is not asked.
func slicePattern(n *Node, t Terms) func(i int) {
	starts, strides := n.extra.attrs.Ints("starts"), n.extra.attrs.Ints("strides")
	return func(i int) { t.Add(0, shape.StridedIndex(i, n.typ.Shape, n.Input(0).typ.Shape, starts, strides)) }
}

// broadcastPattern: few elements may become very many.
func broadcastPattern(n *Node, t Terms) func(i int) {
	return func(i int) { t.Add(0, shape.BroadcastIndex(i, n.typ.Shape, n.Input(0).typ.Shape)) }
}

// concatPattern: operands may be many and small.
func concatPattern(n *Node, t Terms) func(i int) {
	s, axis := n.typ.Shape, axisOfNode(n)
	parts, inner := partsOfConcat(n, axis), s[axis+1:].Size()
	of := make([]int32, 0, s[axis]) // the operand at an index of the axis
	for k, in := range n.Inputs() {
		for range in.typ.Shape[axis] {
			of = append(of, int32(k))
		}
	}
	return func(i int) {
		outer, at := i/inner/s[axis], i/inner%s[axis]
		k := int(of[at])
		first := parts.start[k]
		t.Add(k, (outer*(parts.start[k+1]-first)+at-first)*inner+i%inner)
	}
}

// indexTransposePattern: operands may be many and small, and do not overlap.
func indexTransposePattern(n *Node, t Terms) func(i int) {
	s, indices := n.typ.Shape, n.extra.attrs.Ints("indices")
	m := len(indices) / len(n.Inputs())
	at, rest := make([]int32, s[:m].Size()), s[m:].Size() // the operand at a place, counted from 1
	for k := range n.Inputs() {
		flat := 0
		for d, i := range indices[k*m : (k+1)*m] {
			flat = flat*s[d] + i
		}
		at[flat] = int32(k) + 1
	}
	return func(i int) {
		if k := int(at[i/rest]); k > 0 {
			t.Add(k-1, i%rest)
		}
	}
}

// sliceTransposePattern: operands may overlap.
func sliceTransposePattern(n *Node, t Terms) func(i int) {
	s, r := n.typ.Shape, n.typ.Shape.Rank()
	by := newChains[[2]int32](s.Size(), s.Size())
	for k, in := range n.Inputs() {
		starts, strides := n.extra.attrs.Ints("starts")[k*r:(k+1)*r], n.extra.attrs.Ints("strides")[k*r:(k+1)*r]
		for i := range in.typ.Shape.Size() {
			by.add(shape.StridedIndex(i, in.typ.Shape, s, starts, strides), [2]int32{int32(k), int32(i)})
		}
	}
	return func(i int) {
		for k := by.last[i]; k != 0; k = by.next[k-1] {
			from := by.item[k-1]
			t.Add(int(from[0]), int(from[1]))
		}
	}
}

// matmulPattern: a row and a column.
func matmulPattern(n *Node, t Terms) func(i int) {
	a, b, s, r := n.Input(0).typ.Shape, n.Input(1).typ.Shape, n.typ.Shape, n.typ.Shape.Rank()
	ta, tb := n.extra.attrs.Bool("transpose_a"), n.extra.attrs.Bool("transpose_b")
	rows, inner := lastTwo(a, ta)
	columns := s[r-1]
	batchA, batchB := a[:len(a)-2], b[:len(b)-2]
	return func(i int) {
		m, row, column := i/(rows*columns), i/columns%rows, i%columns
		p, stepP := shape.BroadcastIndex(m, s[:r-2], batchA)*rows*inner+row*inner, 1
		if ta {
			p, stepP = p-row*inner+row, rows
		}
		q, stepQ := shape.BroadcastIndex(m, s[:r-2], batchB)*inner*columns+column, columns
		if tb {
			q, stepQ = q-column+column*inner, 1
		}
		for range inner {
			t.Product(0, p, 1, q)
			p, q = p+stepP, q+stepQ
		}
	}
}

// csrPatternOf is the pattern of products with a sparse matrix at constant places, operands 0 and 1: csr_matmul, from entries and right operand, and
// csr_sampled_matmul, from its two factors. Places out of range count as dense.
func csrPatternOf(sampled bool) ElementPattern {
	return func(n *Node, t Terms) func(i int) {
		start, column := t.Literal(0), t.Literal(1)
		if start == nil || column == nil {
			return nil
		}
		transpose := !sampled && n.extra.attrs.Bool("transpose")
		rows, entries := n.Input(0).typ.Shape.Size()-1, n.Input(1).typ.Shape.Size()
		x := n.Input(3).typ.Shape
		columns, width := x[0], x[1:].Size()
		if transpose {
			columns = n.typ.Shape[0]
		}
		keys := n.typ.Shape[0] // the entry, the column or the row
		type place struct{ entry, row, column int32 }
		by := newChains[place](keys, entries)
		for row := range rows {
			for e := int(start.Float(row)); e < int(start.Float(row+1)); e++ {
				if e < 0 || e >= entries {
					return nil
				}
				col := int(column.Float(e))
				if col < 0 || col >= columns {
					return nil
				}
				key := row
				switch {
				case sampled:
					key = e
				case transpose:
					key = col
				}
				by.add(key, place{int32(e), int32(row), int32(col)})
			}
		}
		if sampled {
			return func(i int) {
				for k := by.last[i]; k != 0; k = by.next[k-1] {
					p := by.item[k-1]
					for c := range width {
						t.Product(2, int(p.row)*width+c, 3, int(p.column)*width+c)
					}
				}
			}
		}
		return func(i int) {
			c := i % width
			for k := by.last[i/width]; k != 0; k = by.next[k-1] {
				p := by.item[k-1]
				from := p.column
				if transpose {
					from = p.row
				}
				t.Product(2, int(p.entry), 3, int(from)*width+c)
			}
		}
	}
}

// maxConvTerms bounds the products of which a convolution's pattern is made one by one; larger ones count as dense.
const maxConvTerms = 1 << 26

// Of what a convolution is made.
const (
	convInput = iota
	convFilters
	convOutput
)

// convPattern is the pattern of convolution and its two transposes: each sums products of elements of operands a and b, which are two of
// input, filters and output, to elements of the third.
func convPattern(a, b, result int) ElementPattern {
	return func(n *Node, t Terms) func(i int) {
		var shapes [3]Shape
		shapes[a], shapes[b], shapes[result] = n.Input(0).typ.Shape, n.Input(1).typ.Shape, n.typ.Shape
		in, filter, out := shapes[convInput], shapes[convFilters], shapes[convOutput]
		if out.Size()*(filter.Size()/filter[0]) > maxConvTerms {
			return nil
		}
		strides, dilation, padding := n.extra.attrs.Ints("strides"), n.extra.attrs.Ints("dilation"), n.extra.attrs.Ints("padding")
		perGroup := filter[0] / n.extra.attrs.Int("groups") // filters
		extents := [3]int{in[2:].Size(), filter[2:].Size(), out[2:].Size()}
		// The pixels of the input, taps of the filters and places of the output that meet, by that of the result.
		by := newChains[[3]int32](extents[result], extents[convOutput])
		for place := range extents[convOutput] {
			for tap := range extents[convFilters] {
				pixel, stride, p, k := 0, 1, place, tap
				for d := len(in) - 1; d >= 2 && pixel >= 0; d-- {
					i := p%out[d]*strides[d-2] + k%filter[d]*dilation[d-2] - padding[2*(d-2)]
					if i < 0 || i >= in[d] {
						pixel = -1
						break
					}
					pixel += i * stride
					stride, p, k = stride*in[d], p/out[d], k/filter[d]
				}
				if at := [3]int32{int32(pixel), int32(tap), int32(place)}; pixel >= 0 {
					by.add(int(at[result]), at)
				}
			}
		}
		return func(i int) {
			outer, own := i/extents[result], i%extents[result]
			first, second := outer/shapes[result][1], outer%shapes[result][1]
			type span struct{ lo, hi int }
			images, filters, channels := span{0, in[0]}, span{0, filter[0]}, span{0, filter[1]} // the channels are those of a group
			switch result {
			case convInput:
				images, channels = span{first, first + 1}, span{second % filter[1], second%filter[1] + 1}
				group := second / filter[1]
				filters = span{group * perGroup, (group + 1) * perGroup}
			case convFilters:
				filters, channels = span{first, first + 1}, span{second, second + 1}
			case convOutput:
				images, filters = span{first, first + 1}, span{second, second + 1}
			}
			for image := images.lo; image < images.hi; image++ {
				for f := filters.lo; f < filters.hi; f++ {
					for c := channels.lo; c < channels.hi; c++ {
						channel := f/perGroup*filter[1] + c
						base := [3]int{(image*in[1] + channel) * extents[0], (f*filter[1] + c) * extents[1], (image*out[1] + f) * extents[2]}
						for k := by.last[own]; k != 0; k = by.next[k-1] {
							at := by.item[k-1]
							t.Product(0, base[a]+int(at[a]), 1, base[b]+int(at[b]))
						}
					}
				}
			}
		}
	}
}
