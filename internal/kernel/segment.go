package kernel

import (
	"fmt"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/elem"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/internal/shape"
)

// segmentPlan says how a segment operation starts and combines.
type segmentPlan struct {
	kind micro.ReduceKind
	mode scatterMode
	sums *scatterPlan // of a sum
}

func init() {
	for _, s := range []struct {
		name, doc string
		plan      segmentPlan
	}{
		{"segment_sum", "Sums; an empty segment gives 0.", segmentPlan{kind: micro.ReduceSum, mode: scatterSum}},
		{"segment_prod", "Products; an empty segment gives 1.", segmentPlan{kind: micro.ReduceProd, mode: scatterMul}},
		{"segment_max", "Largest elements (NaN wins); an empty segment gives −Inf or the smallest integer.", segmentPlan{kind: micro.ReduceMax, mode: scatterMax}},
		{"segment_min", "Smallest elements (NaN wins); an empty segment gives +Inf or the largest integer.", segmentPlan{kind: micro.ReduceMin, mode: scatterMin}},
	} {
		Register(&Kernel{
			Name:  s.name,
			Plain: s.plan.mode != scatterSum,
			Doc: s.doc + " Of the parts of operand 0 along its first dimension that have the same segment in operand 1 (int32 or int64 vector, any order); " +
				"segments outside [0, num_segments) are an error. Parts are taken in ascending order, sums as those of scatter_add. Numeric dtypes.",
			Check: func(in, out []Type, a attr.List) error {
				if err := checkCall(in, out, a, 2, 1, need("num_segments", attr.Int)); err != nil {
					return err
				}
				if len(in[0].Shape) < 1 {
					return fmt.Errorf("operand 0 is a scalar")
				}
				return firstOf(checkAmong(numericSet, in[0]), checkDType(in[0].DType, out[0]), checkAmong(intSet, in[1]),
					wantShape("the segments", in[1].Shape, in[0].Shape[:1]),
					wantShape("result", out[0].Shape, shape.Replaced(in[0].Shape, 0, a.Int("num_segments"))))
			},
			Prepare: func(in, out []Type, a attr.List) any {
				p := s.plan
				if p.mode == scatterSum {
					p.sums = newScatterPlan(out[0], 0, in[1].Size())
				}
				return &p
			},
			Workspace: func(in, out []Type, a attr.List) int {
				if s.plan.mode != scatterSum {
					return 0
				}
				return newScatterPlan(out[0], 0, in[1].Size()).work()
			},
			Each: scatterEach,
			Run: func(c *Call) error {
				return pickNumeric(c.Out[0].DType, segment[float64], segment[float32], segment[int64], segment[int32])(c)
			},
		})
	}
}

func segment[T number](c *Call) error {
	p, dst := c.State.(*segmentPlan), data[T](&c.Out[0])
	n := c.Out[0].Shape[0]
	for i := range c.In[1].Size() {
		if k := indexAt(&c.In[1], i); k < 0 || k >= n {
			return fmt.Errorf("segment %d (element %d) is outside of [0, %d)", k, i, n)
		}
	}
	if p.sums != nil {
		return scatterSums[T](c, p.sums, &c.In[0], &c.In[1])
	}
	id := elem.Identity[T](p.kind)
	for i := range dst {
		dst[i] = id
	}
	return scatterParts(dst, data[T](&c.In[0]), c.Out[0].Shape, 0, &c.In[1], p.mode)
}
