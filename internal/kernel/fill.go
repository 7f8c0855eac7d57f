package kernel

import (
	"fmt"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/shape"
)

func init() {
	Register(&Kernel{
		Name: "iota",
		Doc:  "0, 1, 2, … along axis, repeated along the others; no operands. The result has the shape of attribute shape and any numeric dtype (attribute dtype, if given, repeats its name).",
		Check: func(in, out []Type, a attr.List) error {
			if err := checkCall(in, out, a, 0, 1, need("shape", attr.Ints), need("axis", attr.Int), option("dtype", attr.String)); err != nil {
				return err
			}
			if a.Has("dtype") && a.Str("dtype") != out[0].DType.String() {
				return fmt.Errorf("attribute dtype is %q, the result %v", a.Str("dtype"), out[0].DType)
			}
			return firstOf(checkAmong(numericSet, out[0]), wantAttrShape(a, "shape", out[0].Shape), checkAxis(a.Int("axis"), len(out[0].Shape)))
		},
		Run: func(c *Call) error {
			return pickNumeric(c.Out[0].DType, countAlong[float64], countAlong[float32], countAlong[int64], countAlong[int32])(c)
		},
	})
	Register(&Kernel{
		Name: "one_hot",
		Doc: "A new dimension of extent depth at axis of the result that holds 1 (true) at the index that the operand (int32 or int64) names " +
			"and 0 elsewhere; an index outside [0, depth) gives zeros only (JAX). Any result dtype (attribute dtype, if given, repeats its name).",
		Check: func(in, out []Type, a attr.List) error {
			if err := checkCall(in, out, a, 1, 1, need("depth", attr.Int), need("axis", attr.Int), option("dtype", attr.String)); err != nil {
				return err
			}
			if a.Has("dtype") && a.Str("dtype") != out[0].DType.String() {
				return fmt.Errorf("attribute dtype is %q, the result %v", a.Str("dtype"), out[0].DType)
			}
			axis, s := a.Int("axis"), in[0].Shape
			if err := firstOf(checkAmong(intSet, in[0]), checkAxis(axis, len(s)+1)); err != nil {
				return err
			}
			want := append(append(append([]int{}, s[:axis]...), a.Int("depth")), s[axis:]...)
			return wantShape("result", out[0].Shape, want)
		},
		Run: func(c *Call) error {
			return pickAny(c.Out[0].DType, oneHotNumber[float64], oneHotNumber[float32], oneHotNumber[int64], oneHotNumber[int32], oneHotBool)(c)
		},
	})
	Register(&Kernel{
		Name:    "pad",
		Instead: "conv and pooling take padding as an attribute; elementwise operators read the padded array without a copy if nothing else does",
		Doc: "The operand with low[d] elements added before and high[d] after dimension d. mode is \"constant\" (attribute value, 0 by default, converted to the dtype), " +
			"\"edge\" (the outermost element) or \"reflect\" (mirrored without repeating the outermost element, again and again if needed). Any dtype.",
		Check:   checkPad,
		Prepare: preparePad,
		StateBytes: func(in, out []Type, a attr.List) int64 {
			total := int64(0)
			for _, n := range out[0].Shape {
				total += 8 * int64(n)
			}
			return total
		},
		Run: func(c *Call) error {
			return pickAny(c.Out[0].DType, pad[float64], pad[float32], pad[int64], pad[int32], pad[bool])(c)
		},
	})
}

func countAlong[T number](c *Call) error {
	dst := data[T](&c.Out[0])
	_, n, inner := shape.Split(c.Out[0].Shape, c.Attrs.Int("axis"))
	for at := 0; at < len(dst); {
		for i := range n {
			v := T(i)
			for range inner {
				dst[at] = v
				at++
			}
		}
	}
	return nil
}

func oneHotNumber[T number](c *Call) error {
	oneHot(c, data[T](&c.Out[0]), 1)
	return nil
}

func oneHotBool(c *Call) error {
	oneHot(c, c.Out[0].Bool, true)
	return nil
}

func oneHot[T anyElement](c *Call, dst []T, one T) {
	clear(dst)
	_, depth, inner := shape.Split(c.Out[0].Shape, c.Attrs.Int("axis"))
	for i := range c.In[0].Size() {
		if k := indexAt(&c.In[0], i); k >= 0 && k < depth {
			dst[(i/inner*depth+k)*inner+i%inner] = one
		}
	}
}

func checkPad(in, out []Type, a attr.List) error {
	if err := checkCall(in, out, a, 1, 1, need("low", attr.Ints), need("high", attr.Ints), option("mode", attr.String), option("value", attr.Float)); err != nil {
		return err
	}
	s, t, low, high := in[0].Shape, out[0].Shape, a.Ints("low"), a.Ints("high")
	if len(low) != len(s) || len(high) != len(s) || len(t) != len(s) {
		return fmt.Errorf("low, high and the result need %d entries each", len(s))
	}
	for d, n := range s {
		if low[d] < 0 || low[d] > maxElements || high[d] < 0 || high[d] > maxElements || n+low[d]+high[d] != t[d] {
			return fmt.Errorf("padding %d, %d of extent %d does not give %d", low[d], high[d], n, t[d])
		}
	}
	switch m := a.Str("mode"); m {
	case "", "constant", "edge", "reflect":
	default:
		return fmt.Errorf("unknown padding mode %q", m)
	}
	return checkDType(in[0].DType, out[0])
}

// padState holds, for each dimension, the operand's index for each index of the result, −1 for the constant.
type padState struct {
	from    [][]int
	strides []int
	counter []int
	low, n  int // of the last dimension
}

func preparePad(in, out []Type, a attr.List) any {
	// Scalars are padded as vectors of one element.
	s, t := append([]int{1}, in[0].Shape...), append([]int{1}, out[0].Shape...)
	low := append([]int{0}, a.Ints("low")...)
	last := len(s) - 1
	p := &padState{from: make([][]int, len(s)), strides: shape.Strides(s), counter: make([]int, last), low: low[last], n: s[last]}
	for d := range s {
		p.from[d] = make([]int, t[d])
		for i := range p.from[d] {
			p.from[d][i] = paddedIndex(i-low[d], s[d], a.Str("mode"))
		}
	}
	return p
}

// paddedIndex returns the index within [0, n) that position i shows, or −1 for the constant.
func paddedIndex(i, n int, mode string) int {
	if i >= 0 && i < n {
		return i
	}
	switch mode {
	case "edge":
		return min(max(i, 0), n-1)
	case "reflect":
		if n == 1 {
			return 0
		}
		period := 2 * (n - 1)
		i = ((i % period) + period) % period
		return min(i, period-i)
	}
	return -1
}

func pad[T anyElement](c *Call) error {
	p, dst, src := c.State.(*padState), data[T](&c.Out[0]), data[T](&c.In[0])
	fill := constantOf[T](c.Attrs.Float("value"))
	last := len(p.from) - 1
	cols := p.from[last]
	for at := 0; at < len(dst); at += len(cols) {
		row, base := dst[at:at+len(cols)], 0
		for d, i := range p.counter {
			k := p.from[d][i]
			if k < 0 {
				base = -1
				break
			}
			base += k * p.strides[d]
		}
		for j, k := range cols[:p.low] {
			row[j] = padValue(src, base, k, fill)
		}
		if base >= 0 {
			copy(row[p.low:p.low+p.n], src[base:base+p.n])
		} else {
			for j := range p.n {
				row[p.low+j] = fill
			}
		}
		for j, k := range cols[p.low+p.n:] {
			row[p.low+p.n+j] = padValue(src, base, k, fill)
		}
		for d := last - 1; d >= 0; d-- {
			if p.counter[d]++; p.counter[d] < len(p.from[d]) {
				break
			}
			p.counter[d] = 0
		}
	}
	return nil
}

func padValue[T anyElement](src []T, base, k int, fill T) T {
	if base < 0 || k < 0 {
		return fill
	}
	return src[base+k]
}

// constantOf converts a float attribute to T: truncating and saturating for integers, v ≠ 0 for bool.
func constantOf[T anyElement](v float64) T {
	var t T
	switch p := any(&t).(type) {
	case *float64:
		*p = v
	case *float32:
		*p = float32(v)
	case *int64:
		*p = dtype.FloatToInt64(v)
	case *int32:
		*p = dtype.FloatToInt32(v)
	case *bool:
		*p = v != 0
	}
	return t
}
