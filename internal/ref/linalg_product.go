package ref

import (
	"math"
	"slices"
	"strings"

	"github.com/adjoint-go/adjoint/graph"
)

func init() {
	evaluators["outer"] = func(n *graph.Node, in []Value) (Value, error) {
		r := n.Shape().Rank()
		return sumOfProducts(n, in, [][]int{append(counting(in[0], r-2, 1), r-2), append(counting(in[1], r-2, 1), r-1)}, countTo(r)), nil
	}
	evaluators["kron"] = func(n *graph.Node, in []Value) (Value, error) {
		out, a, b := New(n.Type()), in[0], in[1]
		r := n.Shape().Rank() - 2
		at := func(v Value, batch []int, i, j int) float64 {
			s := v.Type.Shape
			idx := append(slices.Clone(batch[r-(len(s)-2):]), i, j)
			for d := range len(s) - 2 {
				idx[d] %= s[d]
			}
			return v.Number(flat(idx, s))
		}
		p, q := b.Type.Shape[b.Type.Shape.Rank()-2], b.Type.Shape[b.Type.Shape.Rank()-1]
		for f := range out.Len() {
			idx := unflat(f, n.Shape())
			i, j := idx[r], idx[r+1]
			out.setNumber(f, at(a, idx[:r], i/p, j/q)*at(b, idx[:r], i%p, j%q))
		}
		return out, nil
	}
	evaluators["trace"] = func(n *graph.Node, in []Value) (Value, error) {
		out, s := New(n.Type()), in[0].Type.Shape
		for f := range in[0].Len() {
			if idx := unflat(f, s); idx[len(idx)-1] == idx[len(idx)-2] {
				k := flat(idx[:len(idx)-2], n.Shape())
				out.setNumber(k, out.Number(k)+in[0].Number(f))
			}
		}
		return out, nil
	}
	evaluators["matrix_norm"] = perMatrix([]int{2}, func(n *graph.Node, in []matrix) (matrix, error) {
		a := in[0]
		if a.m < a.n {
			a = a.transposed()
		}
		columns := func(a matrix) []float64 {
			sums := make([]float64, a.n)
			for k, x := range a.v {
				sums[k%a.n] += math.Abs(x)
			}
			return sums
		}
		var y float64
		switch ord := n.Attrs().Str("ord"); ord {
		case "fro":
			for _, x := range a.v {
				y += x * x
			}
			y = math.Sqrt(y)
		case "1":
			y = slices.Max(columns(in[0]))
		case "-1":
			y = slices.Min(columns(in[0]))
		case "inf":
			y = slices.Max(columns(in[0].transposed()))
		case "-inf":
			y = slices.Min(columns(in[0].transposed()))
		default:
			_, s, _ := jacobiSVD(a)
			switch ord {
			case "nuc":
				y = sum(s.v)
			case "2":
				y = slices.Max(s.v)
			case "-2":
				y = slices.Min(s.v)
			}
		}
		return matrix{1, 1, []float64{y}}, nil
	})
	evaluators["lstsq"] = perMatrix([]int{2, 2}, func(_ *graph.Node, in []matrix) (matrix, error) {
		a, t := in[0], in[0].transposed()
		if a.m >= a.n {
			return gauss(t.times(a), t.times(in[1])) // the normal equations
		}
		y, err := gauss(a.times(t), in[1])
		return t.times(y), err
	})
	evaluators["dot_general"] = func(n *graph.Node, in []Value) (Value, error) {
		at := n.Attrs()
		ba, bb, ca, cb := at.Ints("batch_a"), at.Ints("batch_b"), at.Ints("contract_a"), at.Ints("contract_b")
		la, lb := countTo(in[0].Type.Shape.Rank()), countTo(in[1].Type.Shape.Rank())
		for i := range lb {
			lb[i] += len(la)
		}
		for i := range bb {
			lb[bb[i]] = ba[i]
		}
		for i := range cb {
			lb[cb[i]] = ca[i]
		}
		out := slices.Clone(ba)
		for i, l := range la {
			if !slices.Contains(ba, i) && !slices.Contains(ca, i) {
				out = append(out, l)
			}
		}
		for i, l := range lb {
			if !slices.Contains(bb, i) && !slices.Contains(cb, i) {
				out = append(out, l)
			}
		}
		return sumOfProducts(n, in, [][]int{la, lb}, out), nil
	}
	evaluators["einsum"] = func(n *graph.Node, in []Value) (Value, error) {
		left, right, explicit := strings.Cut(strings.ReplaceAll(n.Attrs().Str("equation"), " ", ""), "->")
		const dots = 1000 // labels of the ellipsis, the last dimension's the largest
		widest := 0
		read := func(term string, rank int) []int {
			before, after, has := strings.Cut(term, "...")
			var labels []int
			for _, c := range before {
				labels = append(labels, int(c))
			}
			if has {
				for d := rank - len(before) - len(after); d > 0; d-- {
					labels = append(labels, dots-d)
					widest = max(widest, d)
				}
			}
			for _, c := range after {
				labels = append(labels, int(c))
			}
			return labels
		}
		var labels [][]int
		for i, term := range strings.Split(left, ",") {
			labels = append(labels, read(term, in[i].Type.Shape.Rank()))
		}
		var out []int
		if explicit {
			out = read(right, n.Shape().Rank())
		} else {
			for d := widest; d > 0; d-- {
				out = append(out, dots-d)
			}
			for c := 'A'; c <= 'z'; c++ {
				if strings.Count(left, string(c)) == 1 {
					out = append(out, int(c))
				}
			}
		}
		return sumOfProducts(n, in, labels, out), nil
	}
}

// countTo is 0 … n−1.
func countTo(n int) []int {
	v := make([]int, n)
	for i := range v {
		v[i] = i
	}
	return v
}

// counting labels the leading dimensions of v, all but the last inner ones, so that they end at label rank.
func counting(v Value, rank, inner int) []int {
	return slices.Clone(countTo(rank)[rank-(v.Type.Shape.Rank()-inner):])
}

// sumOfProducts multiplies, for every value of all the labels' indices, the operands' elements there and adds the product to the result's element.
// Extents of 1 broadcast.
func sumOfProducts(n *graph.Node, in []Value, labels [][]int, out []int) Value {
	extents := map[int]int{}
	var all []int
	for i, ls := range labels {
		for d, l := range ls {
			if _, ok := extents[l]; !ok {
				all = append(all, l)
			}
			extents[l] = max(extents[l], in[i].Type.Shape[d])
		}
	}
	space := graph.Shape{}
	for _, l := range all {
		space = append(space, extents[l])
	}
	y := New(n.Type())
	place := func(idx []int, labels []int, shape graph.Shape) int {
		at := make([]int, len(labels))
		for d, l := range labels {
			at[d] = idx[slices.Index(all, l)] % shape[d]
		}
		return flat(at, shape)
	}
	for f := range space.Size() {
		idx := unflat(f, space)
		p := 1.0
		for i, v := range in {
			p *= v.Number(place(idx, labels[i], v.Type.Shape))
		}
		k := place(idx, out, n.Shape())
		y.setNumber(k, y.Number(k)+p)
	}
	return y
}
