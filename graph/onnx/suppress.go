package onnx

import (
	"cmp"
	"math"
	"slices"

	"github.com/adjoint-go/adjoint/graph"
)

// suppress chooses boxes by score, leaving out those that overlap with better ones. All operands are known.
func suppress(c *call) []value {
	boxes, scores := c.literal(0, "the boxes"), c.literal(1, "the scores")
	s, t := boxes.Type().Shape, scores.Type().Shape
	if len(s) != 3 || s[2] != 4 || len(t) != 3 || t[0] != s[0] || t[2] != s[1] {
		c.fail("boxes %v and scores %v", boxes.Type(), scores.Type())
	}
	most := c.scalarOf(2, "the number of boxes", 0)
	overlap, least := c.scalarOf(3, "the overlap", 0), c.scalarOf(4, "the least score", math.Inf(-1))
	center := c.bool("center_point_box", false)
	corners := func(batch, i int) (y1, x1, y2, x2 float64) {
		at := func(k int) float64 { return boxes.Float((batch*s[1]+i)*4 + k) }
		a, b, d, e := at(0), at(1), at(2), at(3)
		if center { // x, y, width, height
			return b - e/2, a - d/2, b + e/2, a + d/2
		}
		return math.Min(a, d), math.Min(b, e), math.Max(a, d), math.Max(b, e)
	}
	union := func(batch, i, j int) float64 { // intersection over union
		a1, b1, a2, b2 := corners(batch, i)
		c1, d1, c2, d2 := corners(batch, j)
		both := math.Max(0, math.Min(a2, c2)-math.Max(a1, c1)) * math.Max(0, math.Min(b2, d2)-math.Max(b1, d1))
		if both <= 0 {
			return 0
		}
		return both / ((a2-a1)*(b2-b1) + (c2-c1)*(d2-d1) - both)
	}
	var rows []int
	for batch := range t[0] {
		for class := range t[1] {
			score := func(i int) float64 { return scores.Float((batch*t[1]+class)*t[2] + i) }
			var order []int
			for i := range t[2] {
				if !c.has(4) || score(i) > least {
					order = append(order, i)
				}
			}
			slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(score(j), score(i)) })
			var kept []int
			for _, i := range order {
				if float64(len(kept)) >= most {
					break
				}
				if !slices.ContainsFunc(kept, func(j int) bool { return union(batch, i, j) > overlap }) {
					kept = append(kept, i)
					rows = append(rows, batch, class, i)
				}
			}
		}
	}
	return c.as(kindInt64, graph.Constant(c.g(), rows, len(rows)/3, 3))
}
