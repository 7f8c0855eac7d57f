package kernel

import (
	"fmt"
	"slices"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/shape"
)

func init() {
	Register(&Kernel{
		Name: "max_pool",
		Doc: "Largest element under each position of a window (result 0; NaN wins) and its int64 row-major index within the spatial dimensions of the operand (result 1; the first of equal ones). " +
			"Operand (N, C, spatial), 1 to 3 spatial dimensions; attributes window, strides, dilation and padding (before and after each spatial dimension in turn; " +
			"never taken, smaller than the window, 0 where the dilation is not 1). Numeric dtypes.",
		Check: func(in, out []Type, a attr.List) error {
			if err := checkCall(in, out, a, 1, 2, need("window", attr.Ints), need("strides", attr.Ints), need("dilation", attr.Ints), need("padding", attr.Ints)); err != nil {
				return err
			}
			return firstOf(checkAmong(numericSet, in[0]), checkDType(in[0].DType, out[0]), checkDType(dtype.Int64, out[1]),
				wantShape("result 1", out[1].Shape, out[0].Shape), checkPool(in[0].Shape, out[0].Shape, a))
		},
		Work: func(in, out []Type, a attr.List) float64 {
			return float64(shape.Size(a.Ints("window"))) * float64(min(in[0].Size(), out[0].Size()))
		},
		Prepare: func(in, out []Type, a attr.List) any { return newPoolGeometry(in[0].Shape, out[0].Shape, a) },
		Run: func(c *Call) error {
			return pickNumeric(c.In[0].DType, maxPool[float64], maxPool[float32], maxPool[int64], maxPool[int32])(c)
		},
	})
	Register(&Kernel{
		Name: "avg_pool",
		Doc: "Mean under each position of a window: the sum in row-major order (float32 in float64) divided by the number of elements, those of the padding included only if count_include_pad. " +
			"Operand (N, C, spatial), 1 to 3 spatial dimensions; attributes window, strides and padding (before and after each spatial dimension in turn, smaller than the window). Float dtypes.",
		Check: func(in, out []Type, a attr.List) error {
			if err := checkCall(in, out, a, 1, 1, avgPoolRules...); err != nil {
				return err
			}
			return firstOf(checkAmong(floatSet, in[0]), checkDType(in[0].DType, out[0]), checkPool(in[0].Shape, out[0].Shape, a))
		},
		Work: func(in, out []Type, a attr.List) float64 {
			return float64(shape.Size(a.Ints("window"))) * float64(min(in[0].Size(), out[0].Size()))
		},
		Prepare: func(in, out []Type, a attr.List) any { return newPoolGeometry(in[0].Shape, out[0].Shape, a) },
		Run:     func(c *Call) error { return pickFloat(c.In[0].DType, avgPool[float64], avgPool[float32])(c) },
	})
	Register(&Kernel{
		Name: "avg_pool_grad",
		Doc: "The linear transpose of avg_pool, with its attributes: each element of the result's adjoint, divided by the number of elements of its window, " +
			"is added to them in a tensor of the given shape, float32 in float64. Float dtypes.",
		Check: func(in, out []Type, a attr.List) error {
			if err := checkCall(in, out, a, 1, 1, append(avgPoolRules, need("shape", attr.Ints))...); err != nil {
				return err
			}
			return firstOf(checkAmong(floatSet, in[0]), checkDType(in[0].DType, out[0]), wantAttrShape(a, "shape", out[0].Shape),
				checkPool(out[0].Shape, in[0].Shape, a))
		},
		Work: func(in, out []Type, a attr.List) float64 {
			return float64(shape.Size(a.Ints("window"))) * float64(min(in[0].Size(), out[0].Size()))
		},
		Prepare: func(in, out []Type, a attr.List) any { return newPoolGeometry(out[0].Shape, in[0].Shape, a) },
		Workspace: func(in, out []Type, a attr.List) int {
			if out[0].DType == dtype.Float64 {
				return 0
			}
			return scratchSize(shape.Size(out[0].Shape[2:]), 8)
		},
		Run: func(c *Call) error { return pickFloat(c.In[0].DType, avgPoolGrad[float64], avgPoolGrad[float32])(c) },
	})
}

var avgPoolRules = []attrRule{need("window", attr.Ints), need("strides", attr.Ints), need("padding", attr.Ints), option("count_include_pad", attr.Bool)}

func poolDilation(x []int, a attr.List) []int {
	if a.Has("dilation") {
		return a.Ints("dilation")
	}
	return slices.Repeat([]int{1}, len(x)-2)
}

func checkPool(x, y []int, a attr.List) error {
	if len(x) < 3 || len(x) > 5 || len(y) != len(x) || x[0] != y[0] || x[1] != y[1] {
		return fmt.Errorf("operand %v and result %v do not belong together", x, y)
	}
	window, dilation, padding := a.Ints("window"), poolDilation(x, a), a.Ints("padding")
	if err := checkWindows(x[2:], window, y[2:], a.Ints("strides"), dilation, padding); err != nil {
		return err
	}
	for i, p := range padding {
		if p >= window[i/2] || p > 0 && dilation[i/2] > 1 {
			return fmt.Errorf("padding %d of a window of %d with dilation %d", p, window[i/2], dilation[i/2])
		}
	}
	return nil
}

// poolState is the geometry of a pooling and its number of planes.
type poolState struct {
	convGeometry
	planes int
	padded bool // elements of the padding count
}

func newPoolGeometry(x, y []int, a attr.List) *poolState {
	p := &poolState{planes: x[0] * x[1], padded: a.Bool("count_include_pad")}
	p.setSpatial(x[2:], a.Ints("window"), y[2:], a.Ints("strides"), poolDilation(x, a), a.Ints("padding"))
	return p
}

// tapRange returns, for result index o along a dimension, the input index of the window's first tap
// and the taps first ≤ k < end that lie within the input.
func (g *convGeometry) tapRange(dim, o int) (begin, first, end int) {
	begin = o*g.stride[dim] - g.low[dim]
	end = g.window[dim]
	if begin < 0 {
		first = (-begin + g.dilation[dim] - 1) / g.dilation[dim]
	}
	if begin+(end-1)*g.dilation[dim] >= g.in[dim] {
		end = (g.in[dim]-1-begin)/g.dilation[dim] + 1
	}
	return begin, first, end
}

func maxPool[T number](c *Call) error {
	p := c.State.(*poolState)
	src, dst, idx := data[T](&c.In[0]), data[T](&c.Out[0]), c.Out[1].I64
	for n := range p.planes {
		plane := src[n*p.ins : (n+1)*p.ins]
		for o := range p.outs {
			bd, d0, d1 := p.tapRange(0, o/(p.out[1]*p.out[2]))
			bh, h0, h1 := p.tapRange(1, o/p.out[2]%p.out[1])
			bw, w0, w1 := p.tapRange(2, o%p.out[2])
			at := ((bd+d0*p.dilation[0])*p.in[1]+bh+h0*p.dilation[1])*p.in[2] + bw + w0*p.dilation[2]
			best := plane[at]
			for d := d0; d < d1; d++ {
				for h := h0; h < h1; h++ {
					row := ((bd+d*p.dilation[0])*p.in[1] + bh + h*p.dilation[1]) * p.in[2]
					for w := w0; w < w1; w++ {
						i := row + bw + w*p.dilation[2]
						if v := plane[i]; v > best || v != v && best == best {
							best, at = v, i
						}
					}
				}
			}
			dst[n*p.outs+o], idx[n*p.outs+o] = best, int64(at)
		}
	}
	return nil
}

// elements returns how many elements the mean of position o is taken over.
func (p *poolState) elements(o int) int {
	if p.padded {
		return p.taps
	}
	_, d0, d1 := p.tapRange(0, o/(p.out[1]*p.out[2]))
	_, h0, h1 := p.tapRange(1, o/p.out[2]%p.out[1])
	_, w0, w1 := p.tapRange(2, o%p.out[2])
	return (d1 - d0) * (h1 - h0) * (w1 - w0)
}

func avgPool[T float](c *Call) error {
	p := c.State.(*poolState)
	src, dst := data[T](&c.In[0]), data[T](&c.Out[0])
	for n := range p.planes {
		plane := src[n*p.ins : (n+1)*p.ins]
		for o := range p.outs {
			bd, d0, d1 := p.tapRange(0, o/(p.out[1]*p.out[2]))
			bh, h0, h1 := p.tapRange(1, o/p.out[2]%p.out[1])
			bw, w0, w1 := p.tapRange(2, o%p.out[2])
			sum := 0.0
			for d := d0; d < d1; d++ {
				for h := h0; h < h1; h++ {
					row := ((bd+d)*p.in[1] + bh + h) * p.in[2]
					for _, v := range plane[row+bw+w0 : row+bw+w1] {
						sum += float64(v)
					}
				}
			}
			dst[n*p.outs+o] = T(sum / float64(p.elements(o)))
		}
	}
	return nil
}

func avgPoolGrad[T float](c *Call) error {
	p := c.State.(*poolState)
	gy, gx := data[T](&c.In[0]), data[T](&c.Out[0])
	work := c.Work
	all, double := any(gx).([]float64)
	var plane []float64
	if !double {
		plane = take[float64](&work, p.ins)
	}
	for n := range p.planes {
		if double {
			plane = all[n*p.ins : (n+1)*p.ins]
		}
		clear(plane)
		for o := range p.outs {
			bd, d0, d1 := p.tapRange(0, o/(p.out[1]*p.out[2]))
			bh, h0, h1 := p.tapRange(1, o/p.out[2]%p.out[1])
			bw, w0, w1 := p.tapRange(2, o%p.out[2])
			share := float64(gy[n*p.outs+o]) / float64(p.elements(o))
			for d := d0; d < d1; d++ {
				for h := h0; h < h1; h++ {
					row := ((bd+d)*p.in[1] + bh + h) * p.in[2]
					to := plane[row+bw+w0 : row+bw+w1]
					for j := range to {
						to[j] += share
					}
				}
			}
		}
		if !double {
			for i, v := range plane {
				gx[n*p.ins+i] = T(v)
			}
		}
	}
	return nil
}
