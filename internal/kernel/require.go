package kernel

import (
	"fmt"
	"math"

	"github.com/adjoint-go/adjoint/internal/attr"
)

func init() {
	Register(&Kernel{
		Name: "require",
		Doc: "Operand 0, floats, if all elements of operand 1, bools, are true; else the run fails with attribute message and the largest element of operand 2, floats, which is NaN if one " +
			"is.",
		Check: func(in, out []Type, a attr.List) error {
			if err := checkCall(in, out, a, 3, 1, need("message", attr.String)); err != nil {
				return err
			}
			return firstOf(checkAmong(floatSet, in[0]), checkAmong(boolSet, in[1]), checkAmong(floatSet, in[2]), checkDType(in[0].DType, out[0]), wantShape("result", out[0].Shape, in[0].Shape))
		},
		InPlace: []int{0},
		Run: func(c *Call) error {
			for _, ok := range c.In[1].Bool {
				if !ok {
					most := math.Inf(-1)
					for _, v := range c.In[2].F64 {
						most = math.Max(most, v)
					}
					for _, v := range c.In[2].F32 {
						most = math.Max(most, float64(v))
					}
					return fmt.Errorf("%s: %.6g", c.Attrs.Str("message"), most)
				}
			}
			copy(c.Out[0].F64, c.In[0].F64)
			copy(c.Out[0].F32, c.In[0].F32)
			return nil
		},
	})
}
