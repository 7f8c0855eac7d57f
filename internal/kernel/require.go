package kernel

import (
	"errors"
	"fmt"
	"math"

	"github.com/adjoint-go/adjoint/internal/attr"
)

func init() {
	Register(&Kernel{
		Name: "require",
		Doc: "Operand 0, floats, if all elements of operand 1, bools, are true; else the run fails with attribute message and the largest element of each further operand, floats, which is NaN " +
			"if one is.",
		Check: func(in, out []Type, a attr.List) error {
			if len(in) < 3 {
				return fmt.Errorf("%d operands: needs 3 or more", len(in))
			}
			if err := checkCall(in, out, a, len(in), 1, need("message", attr.String)); err != nil {
				return err
			}
			for _, measure := range in[2:] {
				if err := checkAmong(floatSet, measure); err != nil {
					return err
				}
			}
			return firstOf(checkAmong(floatSet, in[0]), checkAmong(boolSet, in[1]), checkDType(in[0].DType, out[0]), wantShape("result", out[0].Shape, in[0].Shape))
		},
		InPlace: []int{0},
		Run: func(c *Call) error {
			for _, ok := range c.In[1].Bool {
				if !ok {
					message := c.Attrs.Str("message")
					for k, measure := range c.In[2:] {
						most := math.Inf(-1)
						for _, v := range measure.F64 {
							most = math.Max(most, v)
						}
						for _, v := range measure.F32 {
							most = math.Max(most, float64(v))
						}
						message += fmt.Sprintf("%s %.6g", [2]string{":", ","}[min(k, 1)], most)
					}
					return errors.New(message)
				}
			}
			copy(c.Out[0].F64, c.In[0].F64)
			copy(c.Out[0].F32, c.In[0].F32)
			return nil
		},
	})
}
