package compile

import "github.com/adjoint-go/adjoint/graph"

// The patterns of products: of matrices, of sparse matrices, and of images with filters.

// matmulSets unites a row's and a column's sets; the zeros of a constant factor are left out.
func matmulSets(n *graph.Node, sets *nodeSets, out *setBuilder, size int) error {
	a, b := n.Input(0), n.Input(1)
	batch := func(s graph.Shape) graph.Shape { return s[:len(s)-2] }
	at := func(x *graph.Node, first, i, j int, transposed bool) int {
		if transposed {
			i, j = j, i
		}
		s := x.Shape()
		return (first*s[len(s)-2]+i)*s[len(s)-1] + j
	}
	ta, tb := n.Attrs().Bool("transpose_a"), n.Attrs().Bool("transpose_b")
	rows, columns := n.Shape()[n.Shape().Rank()-2], n.Shape()[n.Shape().Rank()-1]
	inner := a.Shape()[a.Shape().Rank()-1]
	if ta {
		inner = a.Shape()[a.Shape().Rank()-2]
	}
	zeroA, zeroB := sets.zeros(a), sets.zeros(b)
	x, y := sets.get(a), sets.get(b)
	var parts [][]int32
	for m := range size / max(1, rows*columns) {
		firstA, firstB := broadcastIndex(m, batch(n.Shape()), batch(a.Shape())), broadcastIndex(m, batch(n.Shape()), batch(b.Shape()))
		for i := range rows {
			for j := range columns {
				parts = parts[:0]
				for k := range inner {
					p, q := at(a, firstA, i, k, ta), at(b, firstB, k, j, tb)
					if zeroA(p) || zeroB(q) {
						continue
					}
					if x != nil {
						parts = append(parts, x[p])
					}
					if y != nil {
						parts = append(parts, y[q])
					}
				}
				out.addUnion(parts...)
			}
			if out.made > maxPattern {
				return tooLarge(n)
			}
		}
	}
	return nil
}

// csrSets handles products with a sparse matrix at constant places: csr_matmul, from entries and right operand, and csr_sampled_matmul, from its
// two factors. Constant entries that are zero are left out. It reports false if the places are not constant or out of range.
func csrSets(n *graph.Node, sets *nodeSets, out *setBuilder) bool {
	start, column := sets.value(n.Input(0)), sets.value(n.Input(1))
	if start == nil || column == nil {
		return false
	}
	a, b := n.Input(2), n.Input(3)
	sampled := n.Op().Name == "csr_sampled_matmul"
	transpose := !sampled && n.Attrs().Bool("transpose")
	rows, entries := n.Input(0).Shape().Size()-1, n.Input(1).Shape().Size()
	zero := sets.zeros(a)
	columns := b.Shape()[0]
	if transpose {
		columns = n.Shape()[0]
	}
	width := b.Shape()[1:].Size()
	parts := make([][][]int32, n.Shape().Size())
	add := func(to int, x *graph.Node, i int) {
		if s := sets.get(x); s != nil {
			parts[to] = append(parts[to], s[i])
		}
	}
	for row := range rows {
		for e := int(start.Float(row)); e < int(start.Float(row+1)); e++ {
			if e < 0 || e >= entries {
				return false
			}
			col := int(column.Float(e))
			if col < 0 || col >= columns {
				return false
			}
			if !sampled && zero(e) {
				continue
			}
			for k := range width {
				switch {
				case sampled:
					add(e, a, row*width+k)
					add(e, b, col*width+k)
				case transpose:
					add(col*width+k, a, e)
					add(col*width+k, b, row*width+k)
				default:
					add(row*width+k, a, e)
					add(row*width+k, b, col*width+k)
				}
			}
		}
	}
	for _, p := range parts {
		out.addUnion(p...)
	}
	return true
}

// maxConvTerms bounds the products of which a convolution's pattern is made one by one; larger ones count as dense.
const maxConvTerms = 1 << 26

// convSets handles convolution and its two transposes: each sums products of elements of two of input, filters and output to elements
// of the third. The zeros of a constant factor are left out, so that stencils written as filters are tight. It reports false for very large ones.
func convSets(n *graph.Node, sets *nodeSets, out *setBuilder) bool {
	// Which of input, filters and output each operand is, and the result.
	a, b, result := 0, 1, 2
	switch n.Op().Name {
	case "conv_input_grad":
		a, b, result = 2, 1, 0
	case "conv_filter_grad":
		a, b, result = 0, 2, 1
	}
	var shapes [3]graph.Shape
	shapes[a], shapes[b], shapes[result] = n.Input(0).Shape(), n.Input(1).Shape(), n.Shape()
	if terms := shapes[2].Size() * (shapes[1].Size() / shapes[1][0]); terms > maxConvTerms {
		return false
	}
	x, y := sets.get(n.Input(0)), sets.get(n.Input(1))
	parts := make([][][]int32, n.Shape().Size())
	zeroA, zeroB := sets.zeros(n.Input(0)), sets.zeros(n.Input(1))
	convTerms(n, shapes, func(at [3]int) {
		i, j := at[a], at[b]
		if zeroA(i) || zeroB(j) {
			return
		}
		to := &parts[at[result]]
		if x != nil {
			*to = append(*to, x[i])
		}
		if y != nil {
			*to = append(*to, y[j])
		}
	})
	for _, p := range parts {
		out.addUnion(p...)
	}
	return true
}

// convTerms calls visit with the flat indices into input, filters and output of each product of a convolution.
func convTerms(n *graph.Node, shapes [3]graph.Shape, visit func(at [3]int)) {
	in, filter, out := shapes[0], shapes[1], shapes[2]
	strides, dilation, padding := n.Attrs().Ints("strides"), n.Attrs().Ints("dilation"), n.Attrs().Ints("padding")
	perGroup := filter[0] / n.Attrs().Int("groups") // filters
	dims := len(in) - 2
	taps, places := filter[2:].Size(), out[2:].Size()
	// spatial is the flat position in the input of a tap at a place of the output, −1 in the padding.
	spatial := func(place, tap int) int {
		flat, stride := 0, 1
		for d := dims - 1; d >= 0; d-- {
			i := place%out[2+d]*strides[d] + tap%filter[2+d]*dilation[d] - padding[2*d]
			if i < 0 || i >= in[2+d] {
				return -1
			}
			flat += i * stride
			stride *= in[2+d]
			place /= out[2+d]
			tap /= filter[2+d]
		}
		return flat
	}
	size := in[2:].Size()
	for place := range places {
		for tap := range taps {
			from := spatial(place, tap)
			if from < 0 {
				continue
			}
			for image := range in[0] {
				for o := range filter[0] {
					for c := range filter[1] {
						channel := o/perGroup*filter[1] + c
						visit([3]int{(image*in[1]+channel)*size + from, (o*filter[1]+c)*taps + tap, (image*out[1]+o)*places + place})
					}
				}
			}
		}
	}
}
