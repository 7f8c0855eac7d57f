package ref

import (
	"math"

	"github.com/adjoint-go/adjoint/graph"
)

func init() {
	for name, s := range map[string]struct {
		start float64
		join  func(elements []float64) float64
	}{
		"cumsum":       {0, sum},
		"cumprod":      {1, reducers["reduce_prod"]},
		"cummax":       {math.Inf(-1), reducers["reduce_max"]},
		"cummin":       {math.Inf(1), reducers["reduce_min"]},
		"cumlogsumexp": {math.Inf(-1), logSumExp},
	} {
		evaluators[name] = func(n *graph.Node, in []Value) (Value, error) {
			out := New(n.Type())
			for _, run := range lines(n, in[0].Type.Shape) {
				var seen []float64
				for _, i := range run {
					if !n.Attrs().Bool("exclusive") {
						seen = append(seen, in[0].Number(i))
					}
					if len(seen) == 0 {
						out.setNumber(i, s.start)
					} else {
						out.setNumber(i, s.join(seen))
					}
					if n.Attrs().Bool("exclusive") {
						seen = append(seen, in[0].Number(i))
					}
				}
			}
			return out, nil
		}
	}
	evaluators["linear_recurrence"] = func(n *graph.Node, in []Value) (Value, error) {
		out := New(n.Type())
		for _, run := range lines(n, n.Shape()) {
			for k, i := range run {
				if k == 0 {
					out.copyElement(i, in[1], i)
				} else if out.I != nil {
					out.setInt(i, in[0].I[i]*out.I[run[k-1]]+in[1].I[i])
				} else {
					out.F[i] = in[0].F[i]*out.F[run[k-1]] + in[1].F[i]
				}
			}
		}
		return out, nil
	}
}

// lines lists the elements of each line along the axis of n in the order of a scan.
func lines(n *graph.Node, shape graph.Shape) [][]int {
	all := runs(shape, []int{n.Attrs().Int("axis")})
	if n.Attrs().Bool("reverse") {
		for _, run := range all {
			for i, j := 0, len(run)-1; i < j; i, j = i+1, j-1 {
				run[i], run[j] = run[j], run[i]
			}
		}
	}
	return all
}
