package kernel

import (
	"fmt"

	"github.com/adjoint-go/adjoint/internal/attr"
)

func init() {
	Register(&Kernel{
		Name:  "gap_divide",
		Plain: true,
		Doc: "Operand 0 divided by operand 1, elementwise, of the same shape; where the divisor is 0 the result is 0 if the dividend is 0 too, else the run ends with an error. " +
			"Derivatives of eigen- and singular vectors are made of it. Float dtypes.",
		Check: func(in, out []Type, a attr.List) error {
			if err := checkCall(in, out, a, 2, 1); err != nil {
				return err
			}
			return firstOf(checkAmong(floatSet, in[0]), checkDType(in[0].DType, in[1], out[0]),
				wantShape("operand 1", in[1].Shape, in[0].Shape), wantShape("result", out[0].Shape, in[0].Shape))
		},
		Run: func(c *Call) error { return pickFloat(c.Out[0].DType, gapDivide[float64], gapDivide[float32])(c) },
	})
}

func gapDivide[T float](c *Call) error {
	num, gap, out := data[T](&c.In[0]), data[T](&c.In[1]), data[T](&c.Out[0])
	for i, d := range gap {
		switch {
		case d != 0:
			out[i] = num[i] / d
		case num[i] == 0:
			out[i] = 0
		default:
			return fmt.Errorf("element %d is %v/0: the derivative does not exist, or does not follow from those of values and vectors, at equal (or zero) eigenvalues or singular values", i, num[i])
		}
	}
	return nil
}
