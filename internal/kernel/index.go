package kernel

import (
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/shape"
)

func init() {
	Register(&Kernel{
		Name:    "gather",
		Instead: "a slice, if the indices are consecutive",
		Doc: "The parts of operand 0 along axis at the indices of operand 1 (int32 or int64, any shape), whose dimensions replace the axis (NumPy take). " +
			"Negative indices count from the end; an index out of range is an error. Any dtype.",
		Check: func(in, out []Type, a attr.List) error {
			if err := checkCall(in, out, a, 2, 1, need("axis", attr.Int)); err != nil {
				return err
			}
			s, axis := in[0].Shape, a.Int("axis")
			if err := firstOf(checkAxis(axis, len(s)), checkAmong(intSet, in[1]), checkDType(in[0].DType, out[0])); err != nil {
				return err
			}
			return wantShape("result", out[0].Shape, shape.Replaced(s, axis, in[1].Shape...))
		},
		Each:    func(in, out []Type, a attr.List) int { return 0 },
		Prepare: func(in, out []Type, a attr.List) any { return newGatherPlan(in[0], a.Int("axis"), in[1].Size()) },
		Run:     runGather,
	})
	Register(&Kernel{
		Name: "scatter_add",
		Doc: "Zeros of the given shape to which the updates (operand 1) are added along axis at the indices (operand 0): the linear transpose of gather. " +
			"Repeated indices add up in ascending order of the updates" + sumNote + "; negative indices count from the end; an index out of range is an error. Numeric dtypes.",
		Check: func(in, out []Type, a attr.List) error {
			if err := checkCall(in, out, a, 2, 1, need("axis", attr.Int), need("shape", attr.Ints)); err != nil {
				return err
			}
			s, axis := out[0].Shape, a.Int("axis")
			if err := firstOf(checkAxis(axis, len(s)), checkAmong(intSet, in[0]), checkAmong(numericSet, out[0]),
				checkDType(out[0].DType, in[1]), wantAttrShape(a, "shape", s)); err != nil {
				return err
			}
			return wantShape("updates", in[1].Shape, shape.Replaced(s, axis, in[0].Shape...))
		},
		Workspace: func(in, out []Type, a attr.List) int {
			return newScatterPlan(out[0], a.Int("axis"), in[0].Size()).work()
		},
		Each:    scatterEach,
		Prepare: func(in, out []Type, a attr.List) any { return newScatterPlan(out[0], a.Int("axis"), in[0].Size()) },
		Run: func(c *Call) error {
			return pickNumeric(c.Out[0].DType, scatterAddRun[float64], scatterAddRun[float32], scatterAddRun[int64], scatterAddRun[int32])(c)
		},
	})
	for _, m := range []struct {
		name, doc string
		mode      scatterMode
		set       dtypeSet
	}{
		{"scatter_set", "replaced by the updates, the last one if an index is repeated", scatterSet, anySet},
		{"scatter_add_to", "with the updates added, in ascending order", scatterSum, numericSet},
		{"scatter_mul", "multiplied by the updates, in ascending order", scatterMul, numericSet},
		{"scatter_max", "replaced by updates that are larger (NaN wins)", scatterMax, numericSet},
		{"scatter_min", "replaced by updates that are smaller (NaN wins)", scatterMin, numericSet},
	} {
		Register(&Kernel{
			Name: m.name,
			Doc: "Operand 0 with its parts along axis at the indices (operand 1) " + m.doc + " (operand 2, shaped as gather's result). " +
				"Negative indices count from the end; an index out of range is an error.",
			Check: func(in, out []Type, a attr.List) error {
				if err := checkCall(in, out, a, 3, 1, need("axis", attr.Int)); err != nil {
					return err
				}
				s, axis := in[0].Shape, a.Int("axis")
				if err := firstOf(checkAxis(axis, len(s)), checkAmong(intSet, in[1]), checkAmong(m.set, out[0]),
					checkDType(out[0].DType, in[0], in[2]), wantShape("result", out[0].Shape, s)); err != nil {
					return err
				}
				return wantShape("updates", in[2].Shape, shape.Replaced(s, axis, in[1].Shape...))
			},
			Prepare: func(in, out []Type, a attr.List) any { return m.mode },
			Run: func(c *Call) error {
				return pickAny(c.Out[0].DType, scatterInto[float64], scatterInto[float32], scatterInto[int64], scatterInto[int32], scatterBool)(c)
			},
			InPlace: []int{0},
		})
	}
	Register(&Kernel{
		Name:    "take_along_axis",
		Instead: "a slice, if the indices are consecutive",
		Doc: "Element i of a line along axis of the result is element indices[i] of the operand's line (NumPy take_along_axis); operand 1 holds the indices, " +
			"int32 or int64, with the operand's extents but for the axis. Negative indices count from the end, and with from_start are out of range; an index out of range is an error. Any dtype.",
		Check: func(in, out []Type, a attr.List) error {
			if err := checkCall(in, out, a, 2, 1, need("axis", attr.Int), option("from_start", attr.Bool)); err != nil {
				return err
			}
			return firstOf(checkAmong(intSet, in[1]), checkDType(in[0].DType, out[0]), wantShape("result", out[0].Shape, in[1].Shape),
				checkSameBut(in[0].Shape, in[1].Shape, a.Int("axis")))
		},
		Run: func(c *Call) error {
			return pickAny(c.Out[0].DType, takeAlong[float64], takeAlong[float32], takeAlong[int64], takeAlong[int32], takeAlong[bool])(c)
		},
	})
	Register(&Kernel{
		Name:  "scatter_along_axis_add",
		Plain: true,
		Doc: "Zeros of the given shape to whose lines along axis each update (operand 1) is added at its index (operand 0): the linear transpose of take_along_axis. " +
			"Repeated indices add up in ascending order" + sumNote + "; negative indices count from the end; an index out of range is an error. Numeric dtypes.",
		Check: func(in, out []Type, a attr.List) error {
			if err := checkCall(in, out, a, 2, 1, need("axis", attr.Int), need("shape", attr.Ints)); err != nil {
				return err
			}
			return firstOf(checkAmong(intSet, in[0]), checkAmong(numericSet, out[0]), checkDType(out[0].DType, in[1]),
				wantShape("updates", in[1].Shape, in[0].Shape), wantAttrShape(a, "shape", out[0].Shape),
				checkSameBut(out[0].Shape, in[0].Shape, a.Int("axis")))
		},
		Workspace: func(in, out []Type, a attr.List) int {
			_, n, inner := shape.Split(out[0].Shape, a.Int("axis"))
			return scratchSize(n*inner, 8)
		},
		Run: func(c *Call) error {
			return pickNumeric(c.Out[0].DType, scatterAlong[float64, float64], scatterAlong[float32, float64], scatterAlong[int64, int64], scatterAlong[int32, int32])(c)
		},
	})
	Register(&Kernel{
		Name:    "dynamic_slice",
		Instead: "a slice, if the place is known, or a loop over the array, which reads its elements where they lie",
		Doc: "The part of operand 0 of the extents sizes that begins at the indices in operand 1 (int32 or int64 vector with one entry per dimension); " +
			"a beginning is moved into range so that the part fits (JAX). Any dtype.",
		Check: func(in, out []Type, a attr.List) error {
			if err := checkCall(in, out, a, 2, 1, need("sizes", attr.Ints)); err != nil {
				return err
			}
			return firstOf(checkDType(in[0].DType, out[0]), wantAttrShape(a, "sizes", out[0].Shape), checkWindow(in[0].Shape, out[0].Shape, in[1]))
		},
		Prepare: func(in, out []Type, a attr.List) any {
			return newStridedCopy(out[0].Shape, shape.Strides(out[0].Shape), shape.Strides(in[0].Shape), 0, 0)
		},
		Run: func(c *Call) error {
			c.State.(*stridedCopy).srcOff = windowOffset(c.In[0].Shape, c.Out[0].Shape, &c.In[1])
			return runStridedCopy(c)
		},
	})
	Register(&Kernel{
		Name:    "dynamic_update_slice",
		Instead: "carry the array in a loop, and update it once in a step",
		Doc: "Operand 0 with operand 1 written over the part that begins at the indices in operand 2 (int32 or int64 vector with one entry per dimension); " +
			"a beginning is moved into range so that the part fits (JAX). Any dtype.",
		Check: func(in, out []Type, a attr.List) error {
			if err := checkCall(in, out, a, 3, 1); err != nil {
				return err
			}
			return firstOf(checkDType(out[0].DType, in[0], in[1]), wantShape("result", out[0].Shape, in[0].Shape),
				checkWindow(in[0].Shape, in[1].Shape, in[2]))
		},
		Prepare: func(in, out []Type, a attr.List) any {
			return newStridedCopy(in[1].Shape, shape.Strides(out[0].Shape), shape.Strides(in[1].Shape), 0, 0)
		},
		Run: func(c *Call) error {
			c.State.(*stridedCopy).dstOff = windowOffset(c.In[0].Shape, c.In[1].Shape, &c.In[2])
			return pickAny(c.Out[0].DType, updateSlice[float64], updateSlice[float32], updateSlice[int64], updateSlice[int32], updateSlice[bool])(c)
		},
		InPlace: []int{0},
	})
}

// resolveIndex returns index i of an axis of extent n, counted from the end if negative; −1 if it is out of range.
func resolveIndex(i, n int) int {
	if i < 0 {
		i += n
	}
	if i < 0 || i >= n {
		return -1
	}
	return i
}

func indexError(i, at, n, axis int) error {
	return fmt.Errorf("index %d (element %d of the indices) is out of range for the extent %d of axis %d", i, at, n, axis)
}

// gatherPlan takes parts of an array by pieces of the indices.
type gatherPlan struct {
	axis, outer, n, inner, m int
	perItem                  int // indices
	lines                    int // what lies before the axis, of an item with all indices
	call                     *Call
	bad                      atomic.Int64 // the first index found that is out of range, m for none
	do                       func(p *gatherPlan, item int)
}

func newGatherPlan(in Type, axis, m int) *gatherPlan {
	p := &gatherPlan{axis: axis, m: m, do: gatherers[in.DType]}
	p.outer, p.n, p.inner = shape.Split(in.Shape, axis)
	p.perItem = max(1, min(m, reduceItem/max(1, p.inner)))
	p.lines = 1
	if p.perItem >= m {
		p.lines = max(1, reduceItem/max(1, m*p.inner))
	}
	return p
}

var gatherers = map[dtype.DType]func(p *gatherPlan, item int){
	dtype.Float64: gatherItem[float64], dtype.Float32: gatherItem[float32], dtype.Int64: gatherItem[int64], dtype.Int32: gatherItem[int32], dtype.Bool: gatherItem[bool],
}

func runGather(c *Call) error {
	p := c.State.(*gatherPlan)
	p.call = c
	p.bad.Store(int64(p.m))
	c.Parallel(p, ceil(p.outer, p.lines)*ceil(p.m, p.perItem))
	p.call = nil
	if bad := int(p.bad.Load()); bad < p.m {
		return indexError(indexAt(&c.In[1], bad), bad, p.n, p.axis)
	}
	return nil
}

// Do implements pool.Task.
func (p *gatherPlan) Do(_, item int) { p.do(p, item) }

func gatherItem[T anyElement](p *gatherPlan, item int) {
	src, dst, idx := data[T](&p.call.In[0]), data[T](&p.call.Out[0]), &p.call.In[1]
	pieces := ceil(p.m, p.perItem)
	line, first := item/pieces*p.lines, item%pieces*p.perItem
	last := min(p.m, first+p.perItem)
	for o := line; o < min(p.outer, line+p.lines); o++ {
		from, to := src[o*p.n*p.inner:(o+1)*p.n*p.inner], dst[(o*p.m+first)*p.inner:(o*p.m+last)*p.inner]
		bad := -1
		switch {
		case p.inner != 1:
			bad = gatherParts(to, from, p.inner, p.n, idx, first, last)
		case idx.DType == dtype.Int64:
			bad = gatherLine(to, from, idx.I64[first:last])
		default:
			bad = gatherLine(to, from, idx.I32[first:last])
		}
		if bad >= 0 {
			for at := int64(first + bad); ; {
				known := p.bad.Load()
				if known <= at || p.bad.CompareAndSwap(known, at) {
					return
				}
			}
		}
	}
}

// gatherParts takes parts of n at the indices from number first to last. It returns the position, from there, of the first index out of range, −1 if there is none.
func gatherParts[T anyElement](dst, src []T, inner, n int, idx *Tensor, first, last int) int {
	for j := range last - first {
		k := resolveIndex(indexAt(idx, first+j), n)
		if k < 0 {
			return j
		}
		copy(dst[j*inner:(j+1)*inner], src[k*inner:(k+1)*inner])
	}
	return -1
}

// gatherLine gathers single elements of a line. It returns the position of the first index out of range, −1 if there is none.
func gatherLine[T anyElement, I int32 | int64](dst, src []T, idx []I) int {
	dst = dst[:len(idx)]
	n := int64(len(src))
	for j, i := range idx {
		k := int64(i)
		if k < 0 {
			k += n
		}
		if uint64(k) >= uint64(n) {
			return j
		}
		dst[j] = src[k]
	}
	return -1
}

func scatterAddRun[T number](c *Call) error {
	return scatterSums[T](c, c.State.(*scatterPlan), &c.In[1], &c.In[0])
}

// addParts adds part j of the updates to the part of sums at index j.
func addParts[A, T number](sums []A, updates []T, n, inner, axis int, idx *Tensor) error {
	bad := -1
	switch {
	case inner > 1:
		for j := range idx.Size() {
			k := resolveIndex(indexAt(idx, j), n)
			if k < 0 {
				bad = j
				break
			}
			part := sums[k*inner : (k+1)*inner]
			for i, v := range updates[j*inner : (j+1)*inner] {
				part[i] += A(v)
			}
		}
	case idx.DType == dtype.Int64:
		bad = addLine(sums, updates, idx.I64)
	default:
		bad = addLine(sums, updates, idx.I32)
	}
	if bad >= 0 {
		return indexError(indexAt(idx, bad), bad, n, axis)
	}
	return nil
}

// addLine adds single elements. It returns the position of the first index out of range, −1 if there is none.
func addLine[A, T number, I int32 | int64](sums []A, updates []T, idx []I) int {
	updates = updates[:len(idx)]
	n := len(sums)
	for j, i := range idx {
		k := int(i)
		if k < 0 {
			k += n
		}
		if uint(k) >= uint(n) {
			return j
		}
		sums[k] += A(updates[j])
	}
	return -1
}

// scatterMode says what an update does to the element at its index.
type scatterMode uint8

const (
	scatterSet scatterMode = iota
	scatterSum
	scatterMul
	scatterMax
	scatterMin
)

// scatterParts combines part j of the updates with the part of dst along the axis at index j, for ascending j.
func scatterParts[T number](dst, updates []T, extents []int, axis int, idx *Tensor, mode scatterMode) error {
	outer, n, inner := shape.Split(extents, axis)
	m := idx.Size()
	for j := range m {
		k := resolveIndex(indexAt(idx, j), n)
		if k < 0 {
			return indexError(indexAt(idx, j), j, n, axis)
		}
		for o := range outer {
			to, from := dst[(o*n+k)*inner:(o*n+k+1)*inner], updates[(o*m+j)*inner:(o*m+j+1)*inner]
			switch mode {
			case scatterSet:
				copy(to, from)
			case scatterSum:
				for i, v := range from {
					to[i] += v
				}
			case scatterMul:
				for i, v := range from {
					to[i] *= v
				}
			case scatterMax:
				for i, v := range from {
					to[i] = max(to[i], v)
				}
			case scatterMin:
				for i, v := range from {
					to[i] = min(to[i], v)
				}
			}
		}
	}
	return nil
}

func scatterInto[T number](c *Call) error {
	dst := data[T](&c.Out[0])
	copy(dst, data[T](&c.In[0]))
	return scatterParts(dst, data[T](&c.In[2]), c.Out[0].Shape, c.Attrs.Int("axis"), &c.In[1], c.State.(scatterMode))
}

// scatterBool is scatter_set for bools.
func scatterBool(c *Call) error {
	dst, updates, idx, axis := c.Out[0].Bool, c.In[2].Bool, &c.In[1], c.Attrs.Int("axis")
	copy(dst, c.In[0].Bool)
	outer, n, inner := shape.Split(c.Out[0].Shape, axis)
	m := idx.Size()
	for j := range m {
		k := resolveIndex(indexAt(idx, j), n)
		if k < 0 {
			return indexError(indexAt(idx, j), j, n, axis)
		}
		for o := range outer {
			copy(dst[(o*n+k)*inner:(o*n+k+1)*inner], updates[(o*m+j)*inner:(o*m+j+1)*inner])
		}
	}
	return nil
}

// checkSameBut reports shapes that differ in more than the axis.
func checkSameBut(s, t []int, axis int) error {
	if err := checkAxis(axis, len(s)); err != nil {
		return err
	}
	if len(t) != len(s) || !slices.Equal(s[:axis], t[:axis]) || !slices.Equal(s[axis+1:], t[axis+1:]) {
		return fmt.Errorf("shapes %v and %v differ in more than axis %d", s, t, axis)
	}
	return nil
}

func takeAlong[T anyElement](c *Call) error {
	src, dst, idx, axis := data[T](&c.In[0]), data[T](&c.Out[0]), &c.In[1], c.Attrs.Int("axis")
	_, n, inner := shape.Split(c.In[0].Shape, axis)
	group := c.Out[0].Shape[axis] * inner // elements of one index of the axes before
	fromStart := c.Attrs.Bool("from_start")
	from, column, left := 0, 0, group // of src: where the group begins; of dst: the place behind the axis, and elements of the group
	for e := range dst {
		i := indexAt(idx, e)
		k := resolveIndex(i, n)
		if k < 0 || fromStart && i < 0 {
			return indexError(i, e, n, axis)
		}
		dst[e] = src[from+k*inner+column]
		if column++; column == inner {
			column = 0
		}
		if left--; left == 0 {
			from, left = from+n*inner, group
		}
	}
	return nil
}

// scatterAlong adds as numbers of type A.
func scatterAlong[T, A number](c *Call) error {
	dst, updates, idx, axis := data[T](&c.Out[0]), data[T](&c.In[1]), &c.In[0], c.Attrs.Int("axis")
	outer, n, inner := shape.Split(c.Out[0].Shape, axis)
	m, work := c.In[0].Shape[axis], c.Work
	sums := take[A](&work, n*inner)
	for o := range outer {
		c.Poll(m * inner)
		clear(sums)
		for e := o * m * inner; e < (o+1)*m*inner; e++ {
			k := resolveIndex(indexAt(idx, e), n)
			if k < 0 {
				return indexError(indexAt(idx, e), e, n, axis)
			}
			sums[k*inner+e%inner] += A(updates[e])
		}
		for i, v := range sums {
			dst[o*n*inner+i] = T(v)
		}
	}
	return nil
}

// checkWindow reports a part that does not fit into the shape, or beginnings that are not a vector of integers.
func checkWindow(shape, part []int, begin Type) error {
	if len(part) != len(shape) || len(shape) == 0 {
		return fmt.Errorf("part %v of shape %v", part, shape)
	}
	for d, n := range part {
		if n > shape[d] {
			return fmt.Errorf("part %v does not fit into shape %v", part, shape)
		}
	}
	return firstOf(checkAmong(intSet, begin), wantShape("the beginnings", begin.Shape, []int{len(shape)}))
}

// windowOffset returns the element offset of a part whose beginnings are moved into range.
func windowOffset(shape, part []int, begin *Tensor) int {
	off, stride := 0, 1
	for d := len(shape) - 1; d >= 0; d-- {
		off += stride * max(0, min(indexAt(begin, d), shape[d]-part[d]))
		stride *= shape[d]
	}
	return off
}

func updateSlice[T anyElement](c *Call) error {
	dst := data[T](&c.Out[0])
	copy(dst, data[T](&c.In[0]))
	copyStrided(dst, data[T](&c.In[1]), c.State.(*stridedCopy))
	return nil
}
