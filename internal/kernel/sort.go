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
		Name:  "sort",
		Plain: true,
		Doc:   "The operand's elements sorted along axis, ascending or descending; NaN counts as the largest. Equal elements keep their order. Numeric dtypes.",
		Check: func(in, out []Type, a attr.List) error {
			s, err := checkSort(in, out, a, 1, option("descending", attr.Bool), option("stable", attr.Bool))
			if err != nil {
				return err
			}
			return firstOf(checkDType(in[0].DType, out[0]), wantShape("result", out[0].Shape, s))
		},
		Workspace: sortWorkspace,
		Work:      timesElements(sortWork),
		Run: func(c *Call) error {
			return pickNumeric(c.In[0].DType, sortRun[float64], sortRun[float32], sortRun[int64], sortRun[int32])(c)
		},
	})
	Register(&Kernel{
		Name:  "argsort",
		Plain: true,
		Doc:   "The int64 indices that sort the operand along axis, ascending or descending; NaN counts as the largest. Equal elements keep their order. Numeric dtypes.",
		Check: func(in, out []Type, a attr.List) error {
			s, err := checkSort(in, out, a, 1, option("descending", attr.Bool), option("stable", attr.Bool))
			if err != nil {
				return err
			}
			return firstOf(checkDType(dtype.Int64, out[0]), wantShape("result", out[0].Shape, s))
		},
		Workspace: sortWorkspace,
		Work:      timesElements(sortWork),
		Run: func(c *Call) error {
			return pickNumeric(c.In[0].DType, argsortRun[float64], argsortRun[float32], argsortRun[int64], argsortRun[int32])(c)
		},
	})
	Register(&Kernel{
		Name:  "top_k",
		Plain: true,
		Doc: "The k largest elements along axis in descending order (the smallest in ascending order if smallest) and their int64 indices; " +
			"NaN counts as the largest; of equal elements the first come first. Numeric dtypes.",
		Check: func(in, out []Type, a attr.List) error {
			s, err := checkSort(in, out, a, 2, need("k", attr.Int), option("smallest", attr.Bool))
			if err != nil {
				return err
			}
			return firstOf(checkDType(in[0].DType, out[0]), checkDType(dtype.Int64, out[1]), wantShape("result", out[0].Shape, s), wantShape("result 1", out[1].Shape, s))
		},
		Workspace: sortWorkspace,
		Work:      timesElements(sortWork),
		Run: func(c *Call) error {
			return pickNumeric(c.In[0].DType, topK[float64], topK[float32], topK[int64], topK[int32])(c)
		},
	})
	Register(&Kernel{
		Name:  "searchsorted",
		Plain: true,
		Doc: "For each element of operand 1 the int64 position at which it would be inserted into operand 0, which is sorted in ascending order along its last dimension: " +
			"before equal elements, after them if right. Operand 0 is a vector, or its leading extents are those of operand 1. NaN counts as the largest. Numeric dtypes.",
		Check: func(in, out []Type, a attr.List) error {
			if err := checkCall(in, out, a, 2, 1, option("right", attr.Bool)); err != nil {
				return err
			}
			s, q := in[0].Shape, in[1].Shape
			if len(s) < 1 || len(s) > 1 && (len(s) != len(q) || !slices.Equal(s[:len(s)-1], q[:len(q)-1])) {
				return fmt.Errorf("sequences %v do not suit the elements %v", s, q)
			}
			return firstOf(checkAmong(numericSet, in[0]), checkDType(in[0].DType, in[1]), checkDType(dtype.Int64, out[0]), wantShape("result", out[0].Shape, q))
		},
		Run: func(c *Call) error {
			return pickNumeric(c.In[0].DType, searchRun[float64], searchRun[float32], searchRun[int64], searchRun[int32])(c)
		},
	})
}

// checkSort checks the operand and the attributes of a sort along axis, and returns the shape of its results: k, if there is one, is the number of elements that are left.
func checkSort(in, out []Type, a attr.List, results int, rules ...attrRule) (shapes []int, err error) {
	if err := checkCall(in, out, a, 1, results, append(rules, need("axis", attr.Int))...); err != nil {
		return nil, err
	}
	s, axis := in[0].Shape, a.Int("axis")
	if err := firstOf(checkAmong(numericSet, in[0]), checkAxis(axis, len(s))); err != nil || !a.Has("k") {
		return s, err
	}
	k := a.Int("k")
	if k < 0 || k > s[axis] {
		return nil, fmt.Errorf("k = %d of %d elements", k, s[axis])
	}
	return shape.Replaced(s, axis, k), nil
}

func sortWorkspace(in, out []Type, a attr.List) int {
	n := in[0].Shape[a.Int("axis")]
	return 2*scratchSize(n, in[0].DType.Size()) + 2*scratchSize(n, 8)
}

// sorter holds the buffers for one line.
type sorter[T number] struct {
	key, keyTmp []T
	idx, idxTmp []int64
}

func newSorter[T number](work []byte, n int) sorter[T] {
	return sorter[T]{take[T](&work, n), take[T](&work, n), take[int64](&work, n), take[int64](&work, n)}
}

// sortLine loads the line that begins at base and sorts it.
func sortLine[T number](s *sorter[T], src []T, base, stride int, descending bool) {
	for i := range s.key {
		s.key[i] = src[base+i*stride]
		s.idx[i] = int64(i)
	}
	s.sort(descending)
}

// before reports whether a comes before b; NaN counts as the largest.
func before[T number](a, b T, descending bool) bool {
	if descending {
		return a > b || (a != a && b == b)
	}
	return a < b || (b != b && a == a)
}

// sort sorts keys and indices, stably: insertion in runs, then merges from the bottom up.
func (s *sorter[T]) sort(descending bool) {
	const run = 12
	n := len(s.key)
	for lo := 0; lo < n; lo += run {
		for i := lo + 1; i < min(lo+run, n); i++ {
			k, x := s.key[i], s.idx[i]
			j := i
			for ; j > lo && before(k, s.key[j-1], descending); j-- {
				s.key[j], s.idx[j] = s.key[j-1], s.idx[j-1]
			}
			s.key[j], s.idx[j] = k, x
		}
	}
	for width := run; width < n; width *= 2 {
		for lo := 0; lo < n; lo += 2 * width {
			mid, hi := min(lo+width, n), min(lo+2*width, n)
			a, b := lo, mid
			for o := lo; o < hi; o++ {
				from := a
				if a == mid || b < hi && before(s.key[b], s.key[a], descending) {
					from = b
					b++
				} else {
					a++
				}
				s.keyTmp[o], s.idxTmp[o] = s.key[from], s.idx[from]
			}
		}
		s.key, s.keyTmp = s.keyTmp, s.key
		s.idx, s.idxTmp = s.idxTmp, s.idx
	}
}

// sortWork is about the number of operations for each element of a line.
const sortWork = 50

func sortRun[T number](c *Call) error {
	src, dst := data[T](&c.In[0]), data[T](&c.Out[0])
	outer, n, inner := shape.Split(c.In[0].Shape, c.Attrs.Int("axis"))
	s := newSorter[T](c.Work, n)
	for o := range outer {
		for j := range inner {
			base := o*n*inner + j
			c.Poll(sortWork * n)
			sortLine(&s, src, base, inner, c.Attrs.Bool("descending"))
			for i, k := range s.key {
				dst[base+i*inner] = k
			}
		}
	}
	return nil
}

func argsortRun[T number](c *Call) error {
	src, dst := data[T](&c.In[0]), c.Out[0].I64
	outer, n, inner := shape.Split(c.In[0].Shape, c.Attrs.Int("axis"))
	s := newSorter[T](c.Work, n)
	for o := range outer {
		for j := range inner {
			base := o*n*inner + j
			c.Poll(sortWork * n)
			sortLine(&s, src, base, inner, c.Attrs.Bool("descending"))
			for i, x := range s.idx {
				dst[base+i*inner] = x
			}
		}
	}
	return nil
}

func topK[T number](c *Call) error {
	src, values, indices := data[T](&c.In[0]), data[T](&c.Out[0]), c.Out[1].I64
	k := c.Attrs.Int("k")
	outer, n, inner := shape.Split(c.In[0].Shape, c.Attrs.Int("axis"))
	s := newSorter[T](c.Work, n)
	for o := range outer {
		for j := range inner {
			c.Poll(sortWork * n)
			sortLine(&s, src, o*n*inner+j, inner, !c.Attrs.Bool("smallest"))
			for i := range k {
				values[(o*k+i)*inner+j] = s.key[i]
				indices[(o*k+i)*inner+j] = s.idx[i]
			}
		}
	}
	return nil
}

func searchRun[T number](c *Call) error {
	seq, values, dst := data[T](&c.In[0]), data[T](&c.In[1]), c.Out[0].I64
	n := c.In[0].Shape[len(c.In[0].Shape)-1]
	per := len(values) // elements for each sequence
	if len(c.In[0].Shape) > 1 {
		per = c.In[1].Shape[len(c.In[1].Shape)-1]
	}
	right := c.Attrs.Bool("right")
	for e, v := range values {
		line := seq[e/per*n : (e/per+1)*n]
		lo, hi := 0, n
		for lo < hi {
			mid := int(uint(lo+hi) / 2)
			if before(line[mid], v, false) || right && !before(v, line[mid], false) {
				lo = mid + 1
			} else {
				hi = mid
			}
		}
		dst[e] = int64(lo)
	}
	return nil
}
