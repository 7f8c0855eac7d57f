package graph

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/adjoint-go/adjoint/internal/attr"
)

var opEinsum *Op

func init() {
	opEinsum = Register(&Op{
		Name: "einsum", Family: FamilyLinalg, MinArity: 1, MaxArity: -1,
		Attrs: []AttrSpec{{Key: "equation", Kind: attr.String, Doc: "letters for the dimensions of each operand, commas between, then -> and those of the result"}},
		Doc: "Products of the operands, summed over the letters that the result does not have (NumPy einsum): a letter that occurs twice in an operand takes the " +
			"diagonal, extents of 1 broadcast, … stands for leading dimensions, and without -> the result has the letters that occur once, in alphabetical order. " +
			"Operands are contracted in pairs, the pair with the smallest result first.",
		Formula: "the adjoint and the other operands under the equation with the operand's letters as result", ThroughExpand: true,
		Infer: func(in []*Node, a attr.List) (Type, error) {
			e, err := parseEinsum(a.Str("equation"), in)
			if err != nil {
				return Type{}, err
			}
			s := Shape{}
			for _, l := range e.out {
				s = append(s, e.extents[l])
			}
			return Type{in[0].typ.DType, s}, nil
		},
		Expand: expandEinsum,
		Samples: []Sample{
			einsumSample("ij,jk->ik", Shape{2, 3}, Shape{3, 4}), einsumSample("ii->i", Shape{3, 3}), einsumSample("ii", Shape{3, 3}),
			einsumSample("bij,bjk,bkl->bil", Shape{2, 2, 3}, Shape{2, 3, 1}, Shape{2, 1, 2}), einsumSample("...ij,...j->...i", Shape{2, 2, 3}, Shape{3}),
			einsumSample("ij->ji", Shape{2, 3}), einsumSample("i,j", Shape{2}, Shape{3}), einsumSample("i,i->", Shape{5}, Shape{5}), einsumSample("iji->j", Shape{2, 3, 2}),
			einsumSample("i...,i...->...", Shape{2, 3, 1}, Shape{2, 2}), einsumSample("ij,k->", Shape{2, 2}, Shape{2}), einsumSample(",i->i", nil, Shape{3}),
			einsumSample("ij,jk->ik", Shape{2, 1}, Shape{3, 4}), einsumSample("ij,ij->ij", Shape{1, 3}, Shape{2, 1}),
		},
	})
}

func einsumSample(equation string, shapes ...Shape) Sample {
	s := operands(shapes...)
	s.Attrs = attr.Make(attr.S("equation", equation))
	return s
}

// einsum is a parsed equation. Labels above 0 are letters, those below 0 dimensions of the ellipsis, −1 the last one.
type einsum struct {
	in      [][]int
	out     []int
	extents map[int]int
}

func parseEinsum(equation string, operands []*Node) (*einsum, error) {
	left, right, explicit := strings.Cut(strings.ReplaceAll(equation, " ", ""), "->")
	terms := strings.Split(left, ",")
	if len(terms) != len(operands) {
		return nil, fmt.Errorf("the equation %q has %d operands, not %d", equation, len(terms), len(operands))
	}
	e := &einsum{extents: map[int]int{}}
	uses, widest := map[int]int{}, 0
	for i, term := range terms {
		t := operands[i].typ
		if t.DType != operands[0].typ.DType || !Numbers.Has(t.DType) {
			return nil, fmt.Errorf("operand %d is %v beside %v: need the same of %v", i, t.DType, operands[0].typ.DType, Numbers)
		}
		letters := len(term)
		if strings.Contains(term, "...") {
			letters -= 3
		}
		dots := len(t.Shape) - letters
		labels, err := einsumLabels(term, max(dots, 0))
		if err != nil {
			return nil, err
		}
		if len(labels) != len(t.Shape) {
			return nil, fmt.Errorf("%q names %d dimensions of operand %d, which is %v", term, letters, i, t)
		}
		for d, l := range labels {
			uses[l]++
			widest = min(widest, l)
			extent := t.Shape[d]
			if first := position(labels, l); t.Shape[first] != extent {
				return nil, fmt.Errorf("dimensions %d and %d of operand %d have the extents %d and %d", first, d, i, t.Shape[first], extent)
			}
			switch old, known := e.extents[l]; {
			case !known || old == 1:
				e.extents[l] = extent
			case old != extent && extent != 1:
				return nil, fmt.Errorf("dimension %d of operand %d has the extent %d, not %d", d, i, extent, old)
			}
		}
		e.in = append(e.in, labels)
	}
	if !explicit {
		for l := widest; l < 0; l++ {
			e.out = append(e.out, l)
		}
		first := len(e.out)
		for l, n := range uses {
			if l > 0 && n == 1 {
				e.out = append(e.out, l)
			}
		}
		slices.Sort(e.out[first:])
		return e, nil
	}
	var err error
	if e.out, err = einsumLabels(right, -widest); err != nil {
		return nil, err
	}
	if widest < 0 && !strings.Contains(right, "...") {
		return nil, fmt.Errorf("the result's term %q lacks the ellipsis of the operands", right)
	}
	for i, l := range e.out {
		if uses[l] == 0 {
			return nil, fmt.Errorf("the result's letter %q belongs to no operand", rune(l))
		}
		if contains(e.out[:i], l) {
			return nil, fmt.Errorf("the result has the letter %q twice", rune(l))
		}
	}
	return e, nil
}

// einsumLabels reads the letters of one term, in which an ellipsis stands for the given number of dimensions.
func einsumLabels(term string, dots int) ([]int, error) {
	var labels []int
	seen := false
	for i := 0; i < len(term); i++ {
		c := term[i]
		switch {
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			labels = append(labels, int(c))
		case strings.HasPrefix(term[i:], "...") && !seen:
			seen = true
			for l := -dots; l < 0; l++ {
				labels = append(labels, l)
			}
			i += 2
		default:
			return nil, fmt.Errorf("%q is not made of letters and one ellipsis", term)
		}
	}
	return labels, nil
}

func expandEinsum(n *Node) *Node {
	e, err := parseEinsum(n.extra.attrs.Str("equation"), n.Inputs())
	if err != nil {
		panic("BUG: einsum: " + err.Error())
	}
	var all []labelled
	for i, x := range n.Inputs() {
		// Dimensions that are narrower than those of other operands are not there.
		var s Shape
		var labels []int
		for d, l := range e.in[i] {
			if extent := x.typ.Shape[d]; extent == e.extents[l] {
				s, labels = append(s, extent), append(labels, l)
			}
		}
		all = append(all, diagonals(labelled{Reshape(x, s...), labels}))
	}
	for len(all) > 1 {
		i, j := cheapestPair(all, e)
		keep := func(l int) bool {
			for k, v := range all {
				if k != i && k != j && contains(v.labels, l) {
					return true
				}
			}
			return contains(e.out, l)
		}
		c := contractPair(all[i], all[j], keep)
		all = append(slices.Delete(slices.Delete(slices.Clone(all), j, j+1), i, i+1), c)
	}
	return arrange(sumOut(all[0], func(l int) bool { return contains(e.out, l) }), e.out)
}

// diagonals makes one dimension of all that have the same label.
func diagonals(v labelled) labelled {
	for i := 0; i < len(v.labels); i++ {
		j := position(v.labels[i+1:], v.labels[i])
		if j < 0 {
			continue
		}
		j += i + 1
		var perm, labels []int
		for d, l := range v.labels {
			if d != i && d != j {
				perm, labels = append(perm, d), append(labels, l)
			}
		}
		v = labelled{diagonalOf(Transpose(v.x, append(perm, i, j)...)), append(labels, v.labels[i])}
		i = -1
	}
	return v
}

// cheapestPair finds the pair, the first of equal ones, whose product is smallest compared with its operands.
func cheapestPair(all []labelled, e *einsum) (int, int) {
	bestI, bestJ, best := 0, 1, 0.0
	labels := slices.Sorted(maps.Keys(e.extents))
	for i := range all {
		for j := i + 1; j < len(all); j++ {
			size := 1.0
			for _, l := range labels {
				wanted := contains(e.out, l)
				for k, v := range all {
					wanted = wanted || k != i && k != j && contains(v.labels, l)
				}
				if wanted && (contains(all[i].labels, l) || contains(all[j].labels, l)) {
					size *= float64(e.extents[l])
				}
			}
			size -= float64(all[i].x.typ.Shape.Size()) + float64(all[j].x.typ.Shape.Size())
			if i == 0 && j == 1 || size < best {
				bestI, bestJ, best = i, j, size
			}
		}
	}
	return bestI, bestJ
}

// Einsum returns the sum of products that the equation describes (NumPy einsum): "ij,jk->ik" is the matrix product, "ii" the trace,
// "bi,bj->bij" outer products in a batch.
func Einsum(equation string, operands ...*Node) *Node {
	return applyAll(opEinsum, operands, attr.S("equation", equation))
}
