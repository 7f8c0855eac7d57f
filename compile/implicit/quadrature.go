package implicit

import (
	"fmt"
	"math"
	"slices"

	"github.com/adjoint-go/adjoint/graph"
)

// Abscissae and weights of the Gauss-Kronrod rule of 15 points on [−1, 1], from the middle outwards, and the weights of the Gauss rule of 7 points at every second one (Piessens et al., QUADPACK, 1983, qk15).
var (
	kronrodPoints  = [8]float64{0, .207784955007898467600689403773245, .405845151377397166906606412076961, .586087235467691130294144445693013, .741531185599394439863864773280788, .864864423359769072789712788640926, .949107912342758524526189684047851, .991455371120812639206854697526329}
	kronrodWeights = [8]float64{.209482141084727828012999174891714, .204432940075298892414161999234649, .190350578064785409913256402421014, .169004726639267902826583426598550, .140653259715525918745189590510238, .104790010322250183839876322541518, .063092092629978553290700663189204, .022935322010529224963732008058970}
	gaussWeights   = [8]float64{.417959183673469387755102040816327, 0, .381830050505118944950369775488975, 0, .279705391489276667901467771423780, 0, .129484966168869693270611432679082, 0}
)

// rule returns points, and weights of both rules, in ascending order, for [0, 1].
func rule() (points, kronrod, gauss []float64) {
	for i := -7; i <= 7; i++ {
		k := max(i, -i)
		points = append(points, (1+math.Copysign(kronrodPoints[k], float64(i)))/2)
		kronrod, gauss = append(kronrod, kronrodWeights[k]/2), append(gauss, gaussWeights[k]/2)
	}
	return points, kronrod, gauss
}

// Quadrature returns the integral of f from a to b, scalars of one dtype, by the adaptive Gauss-Kronrod rule of 15 points: the panel with the largest error is halved until the sum of errors, estimated by the rule of 7
// points, is at most o.Tolerance times the integral of |f|, or the run fails after o.Limit panels (0: 64). f maps a vector of points to the vector of its values there.
//
// The derivatives are those of the rule on the panels that were found, at the ends of the interval and by everything that f uses. Panels are chosen for f alone: where a derivative of f varies faster, it is less accurate than the
// value, and needs a smaller tolerance. b < a gives the negative integral. o.Lanes and o.Method are not looked at.
func Quadrature(f func(x *node) *node, a, b *node, o Options) (*node, error) {
	const op = "quadrature"
	p, err := newProblem(op, a, o, 64)
	if err != nil {
		return nil, err
	}
	if !b.Valid() || !a.Type().IsScalar() || !b.Type().Equal(a.Type()) {
		if err := p.g.Err(); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("%s: the interval is from %v to %v at %v: needs scalars of one dtype", op, a.Type(), b.Type(), a.Position())
	}
	panels := p.o.Limit
	points, kronrod, gauss := rule()
	vector := func(v []float64) *node { return graph.Cast(graph.Constant(p.g, v, len(v)), a.DType()) }
	u, wk, wd := vector(points), vector(kronrod), vector(differences(kronrod, gauss))
	var bad error
	// values of f at the points of panels that begin at the fractions left of the interval from lo to hi and are width long, [panels 15]
	values := func(lo, hi, left, width *node) *node {
		n := left.Shape()[0]
		at := graph.Add(graph.ExpandDims(left, 1), graph.Mul(graph.ExpandDims(width, 1), u))
		x := graph.Add(lo, graph.Mul(graph.Sub(hi, lo), at))
		y := f(graph.Reshape(x, n*15))
		if y.Valid() && !(y.DType() == a.DType() && y.Shape().Equal(graph.Shape{n * 15})) {
			if bad == nil {
				bad = fmt.Errorf("%s: the function gives %v for %d points at %v: needs as many values of the dtype", op, y.Type(), n*15, a.Position())
			}
			return graph.FullLike(x, 0)
		}
		return graph.Reshape(y, n, 15)
	}
	lo, hi := graph.StopGradient(a), graph.StopGradient(b)
	// measure returns for panels the estimated error and the integral of |f|, as shares of an interval of length 1.
	measure := func(left, width *node) (estimates, sizes *node) {
		y := values(lo, hi, left, width)
		sum := func(w *node) *node { return graph.ReduceSum(graph.Mul(y, w), []int{1}) }
		return graph.Mul(width, graph.Abs(sum(wd))), graph.Mul(width, graph.ReduceSum(graph.Mul(graph.Abs(y), wk), []int{1}))
	}
	numbers := graph.Iota(p.g, graph.Int64, 0, panels)
	first := graph.Equal(numbers, graph.Like(numbers, 0))
	spread := func(v *node) *node { return graph.Where(first, v, graph.BroadcastTo(graph.Like(v, 0), panels)) }
	whole := graph.BroadcastTo(graph.Like(a, 1), 1)
	estimates, sizes := measure(graph.FullLike(whole, 0), whole)
	open := func(c nodes) *node { // left, width, estimates, sizes, number of panels
		total, size := graph.ReduceSum(c[2], nil), graph.ReduceSum(c[3], nil)
		return graph.LogicalNot(graph.LessEqual(total, graph.Mul(size, graph.Like(size, p.o.Tolerance))))
	}
	final, _ := graph.While(panels, nodes{spread(graph.FullLike(whole, 0)), spread(whole), spread(estimates), spread(sizes), p.g.Scalar(graph.Int64, 1)},
		func(c nodes) *node {
			return graph.LogicalAnd(graph.LogicalAnd(open(c), graph.LogicalNot(graph.IsNaN(graph.ReduceSum(c[2], nil)))), graph.Less(c[4], graph.Like(c[4], float64(panels))))
		},
		func(c nodes) nodes {
			left, width, count := c[0], c[1], c[4]
			worst := graph.Argmax(c[2], 0)
			here, there := graph.Equal(numbers, graph.Cast(worst, graph.Int64)), graph.Equal(numbers, count)
			of := func(v *node) *node { return graph.ReduceSum(graph.Where(here, v, graph.Like(v, 0)), nil) }
			half := graph.Mul(of(width), graph.Like(width, 0.5))
			begin := graph.Stack(0, of(left), graph.Add(of(left), half))
			halves := graph.Stack(0, half, half)
			estimates, sizes := measure(begin, halves)
			put := func(v, pair *node) *node {
				return graph.Where(here, graph.Index(pair, 0), graph.Where(there, graph.Index(pair, 1), v))
			}
			return nodes{put(left, begin), put(width, halves), put(c[2], estimates), put(c[3], sizes), graph.Add(count, graph.Like(count, 1))}
		})
	y := values(a, b, graph.StopGradient(final[0]), graph.StopGradient(final[1]))
	panel := graph.Mul(final[1], graph.ReduceSum(graph.Mul(y, wk), []int{1}))
	// Panels that were not needed have no length; what f is there does not matter.
	panel = graph.Where(graph.Less(numbers, final[4]), panel, graph.Like(panel, 0))
	integral := graph.Mul(graph.Sub(b, a), graph.ReduceSum(panel, nil))
	if bad != nil {
		return nil, bad
	}
	if err := p.g.Err(); err != nil {
		return nil, err
	}
	measured := graph.Mul(graph.Abs(graph.Sub(hi, lo)), graph.ReduceSum(final[2], nil))
	return graph.Require(integral, graph.LogicalNot(open(final)), fmt.Sprintf("%s does not converge with %d panels: the estimated error", op, panels), measured), p.g.Err()
}

// differences returns the differences of two lists.
func differences(a, b []float64) []float64 {
	d := slices.Clone(a)
	for i := range d {
		d[i] -= b[i]
	}
	return d
}
