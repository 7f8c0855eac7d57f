package compile

import "github.com/adjoint-go/adjoint/graph"

// maxConvTerms bounds the products of which a convolution's pattern is made one by one; larger ones count as dense.
const maxConvTerms = 1 << 26

// convSets handles convolution and its two transposes: each sums products of elements of two of input, filters and output to elements
// of the third. The zeros of a constant factor are left out, so that stencils written as filters are tight. It returns nil for very large ones.
func convSets(n *graph.Node, sets *nodeSets, out *indexSets) *indexSets {
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
		return nil
	}
	x, y := sets.get(n.Input(0)), sets.get(n.Input(1))
	parts := make([][][]int32, n.Shape().Size())
	zero := func(in *graph.Node, i int) bool { return in.IsConst() && in.Literal().Float(i) == 0 }
	convTerms(n, shapes, func(at [3]int) {
		i, j := at[a], at[b]
		if zero(n.Input(0), i) || zero(n.Input(1), j) {
			return
		}
		to := &parts[at[result]]
		if x != nil {
			*to = append(*to, x.of(i))
		}
		if y != nil {
			*to = append(*to, y.of(j))
		}
	})
	for _, p := range parts {
		out.addUnion(p...)
	}
	return out
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
