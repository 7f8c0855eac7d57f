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
}

func init() {
	for _, s := range []struct {
		name, doc string
		plan      segmentPlan
	}{
		{"segment_sum", "Sums; an empty segment gives 0.", segmentPlan{micro.ReduceSum, scatterSum}},
		{"segment_prod", "Products; an empty segment gives 1.", segmentPlan{micro.ReduceProd, scatterMul}},
		{"segment_max", "Largest elements (NaN wins); an empty segment gives −Inf or the smallest integer.", segmentPlan{micro.ReduceMax, scatterMax}},
		{"segment_min", "Smallest elements (NaN wins); an empty segment gives +Inf or the largest integer.", segmentPlan{micro.ReduceMin, scatterMin}},
	} {
		Register(&Kernel{
			Name:  s.name,
			Plain: true,
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
			Prepare: func(in, out []Type, a attr.List) any { return &s.plan },
			Workspace: func(in, out []Type, a attr.List) int {
				if s.plan.mode != scatterSum {
					return 0
				}
				return scatterScratch(out[0], 0, shape.Size(in[1].Shape))
			},
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
	if p.mode == scatterSum {
		return scatterSums(c, dst, data[T](&c.In[0]), 0, &c.In[1])
	}
	id := elem.Identity[T](p.kind)
	for i := range dst {
		dst[i] = id
	}
	return scatterParts(dst, data[T](&c.In[0]), c.Out[0].Shape, 0, &c.In[1], p.mode)
}
