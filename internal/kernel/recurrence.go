package kernel

import (
	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/shape"
)

func init() {
	Register(&Kernel{
		Name:  "linear_recurrence",
		Plain: true,
		Doc: "y_i = a_i·y_(i−1) + b_i along axis, from its end if reverse, with y = b at the beginning: operands a, b of one type. " +
			"One element after another, float32 with the state in float64; the first a counts for nothing. Integers wrap. Numeric dtypes.",
		Check: func(in, out []Type, a attr.List) error {
			if err := checkCall(in, out, a, 2, 1, need("axis", attr.Int), option("reverse", attr.Bool)); err != nil {
				return err
			}
			return firstOf(checkAmong(numericSet, in[0]), checkDType(in[0].DType, in[1], out[0]), wantShape("operand 1", in[1].Shape, in[0].Shape),
				wantShape("result", out[0].Shape, in[0].Shape), checkAxis(a.Int("axis"), len(in[0].Shape)))
		},
		Workspace: func(in, out []Type, a attr.List) int {
			_, _, inner := shape.Split(in[0].Shape, a.Int("axis"))
			return scratchSize(inner, 8)
		},
		Run: func(c *Call) error {
			return pickNumeric(c.Out[0].DType, linearRecurrence[float64, float64], linearRecurrence[float32, float64], linearRecurrence[int64, int64], linearRecurrence[int32, int32])(c)
		},
	})
}

// linearRecurrence keeps the state as numbers of type A.
func linearRecurrence[T, A number](c *Call) error {
	a, b, y := data[T](&c.In[0]), data[T](&c.In[1]), data[T](&c.Out[0])
	outer, n, inner := shape.Split(c.In[0].Shape, c.Attrs.Int("axis"))
	work := c.Work
	state := take[A](&work, inner)
	for o := range outer {
		c.Poll(n * inner)
		at, step := o*n*inner, inner
		if c.Attrs.Bool("reverse") {
			at, step = ((o+1)*n-1)*inner, -inner
		}
		for j := range state {
			state[j] = A(b[at+j])
			y[at+j] = b[at+j]
		}
		for range n - 1 {
			at += step
			as, bs, to := a[at:at+inner], b[at:at+inner], y[at:at+inner]
			for j, s := range state {
				s = A(A(as[j])*s) + A(bs[j]) // the conversion forbids a fused multiply-add, which not all machines have
				state[j], to[j] = s, T(s)
			}
		}
	}
	return nil
}
