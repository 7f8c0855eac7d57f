package kernel

import (
	"fmt"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/elem"
	"github.com/adjoint-go/adjoint/internal/gemm"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/internal/shape"
)

func init() {
	Register(&Kernel{
		Name:    "copy",
		Instead: "an output that is an input, a constant, a part or another output is copied: leave it away",
		Doc:     "The operand's elements, in row-major order, in a result of the same dtype and size; shapes may differ.",
		Check: func(in, out []Type, a attr.List) error {
			if err := checkCall(in, out, a, 1, 1); err != nil {
				return err
			}
			if in[0].Size() != out[0].Size() {
				return fmt.Errorf("operand has %d elements, result %d", in[0].Size(), out[0].Size())
			}
			return checkDType(in[0].DType, out[0])
		},
		Run: func(c *Call) error {
			copy(c.Out[0].F64, c.In[0].F64)
			copy(c.Out[0].F32, c.In[0].F32)
			copy(c.Out[0].I64, c.In[0].I64)
			copy(c.Out[0].I32, c.In[0].I32)
			copy(c.Out[0].Bool, c.In[0].Bool)
			return nil
		},
		InPlace: []int{0},
	})
	Register(&Kernel{
		Name:    "transpose",
		Instead: "matmul, dot_general and einsum read operands transposed without a copy; or keep the array in this order from the start",
		Doc:     "The operand with its dimensions permuted: result dimension i is operand dimension perm[i]. Any dtype.",
		Check:   checkTranspose,
		Prepare: prepareTranspose,
		StateBytes: func(in, out []Type, a attr.List) int64 {
			return int64(min(mostParts, out[0].Size()/partItem)) * (int64(unsafe.Sizeof(stridedCopy{})+unsafe.Sizeof(inRegisters{})) + 4*int64(unsafe.Sizeof(gemm.Rows{})) + 64*int64(len(out[0].Shape)))
		},
		Each: func(in, out []Type, a attr.List) int { return 0 },
		Run:  runParts,
	})
	Register(&Kernel{
		Name:    "broadcast_to",
		Instead: "elementwise operators and matmul repeat operands without a copy",
		Doc:     "The operand repeated along dimensions of extent 1 and along new leading dimensions, to the shape of attribute shape. Any dtype.",
		Check:   checkBroadcastTo,
		Prepare: prepareBroadcastTo,
		Run:     runStridedCopy,
	})
	Register(&Kernel{
		Name:    "slice",
		Instead: "parts along the first dimension are views; or let elementwise operators alone read the part, which they do where it lies",
		Doc:     "Elements starts[d] + i·strides[d], before limits[d], of each dimension d; a negative stride walks backwards and its limit may be −1. Any dtype.",
		Check:   checkSlice,
		Prepare: prepareSlice,
		Run:     runStridedCopy,
	})
	Register(&Kernel{
		Name:    "reverse",
		Instead: "a scan in reverse reads arrays from their ends",
		Doc:     "The operand with the order of its elements reversed along the axes. Any dtype.",
		Check: func(in, out []Type, a attr.List) error {
			if err := checkCall(in, out, a, 1, 1, need("axes", attr.Ints)); err != nil {
				return err
			}
			return firstOf(checkDType(in[0].DType, out[0]), wantShape("result", out[0].Shape, in[0].Shape),
				checkAxes(a.Ints("axes"), len(in[0].Shape)))
		},
		Prepare: func(in, out []Type, a attr.List) any {
			src := shape.Strides(in[0].Shape)
			off := 0
			for _, x := range a.Ints("axes") {
				off += src[x] * (in[0].Shape[x] - 1)
				src[x] = -src[x]
			}
			return newStridedCopy(out[0].Shape, shape.Strides(out[0].Shape), src, 0, off)
		},
		Run: runStridedCopy,
	})
	Register(&Kernel{
		Name:    "concat",
		Instead: "compute on the parts, or make the whole at once",
		Doc:     "The operands, one after another along axis; their other extents are equal. Any dtype, at least one operand.",
		Check:   checkConcat,
		Prepare: prepareConcat,
		Run:     runConcat,
	})
	Register(&Kernel{
		Name: "slice_transpose",
		Doc: "The linear transpose of slice for one or more pieces: the sum over k of operand k placed into zeros of the given shape, " +
			"its element i of dimension d at starts[k·rank+d] + i·strides[k·rank+d]. Overlapping elements are added in the order of the operands. Numeric dtypes.",
		Check:   checkSliceTranspose,
		Prepare: prepareSliceTranspose,
		Run: func(c *Call) error {
			return pickNumeric(c.Out[0].DType, runPlacedSum[float64], runPlacedSum[float32], runPlacedSum[int64], runPlacedSum[int32])(c)
		},
	})
	Register(&Kernel{
		Name: "index_transpose",
		Doc: "The sum over k of operand k placed into zeros of the given shape at the leading indices " +
			"indices[k·m : (k+1)·m], where m is the rank of shape less that of the operands. Numeric dtypes.",
		Check:   checkIndexTranspose,
		Prepare: prepareIndexTranspose,
		Each:    func(in, out []Type, a attr.List) int { return 0 },
		Run: func(c *Call) error {
			p := c.State.(*placedBlocks)
			p.call = c
			c.Parallel(p, ceil(c.Out[0].Size(), partItem))
			p.call = nil
			return nil
		},
	})
	Register(&Kernel{
		Name: "tril",
		Doc:  "The operand with the elements above diagonal k (0 = main, positive to the right) of its last two dimensions set to 0. Any dtype.",
		Check: func(in, out []Type, a attr.List) error {
			return checkTriangle(in, out, a)
		},
		Run: runTriangle(false),
	})
	Register(&Kernel{
		Name: "triu",
		Doc:  "The operand with the elements below diagonal k (0 = main, positive to the right) of its last two dimensions set to 0. Any dtype.",
		Check: func(in, out []Type, a attr.List) error {
			return checkTriangle(in, out, a)
		},
		Run: runTriangle(true),
	})
	Register(&Kernel{
		Name:    "diag",
		Instead: "multiply by the vector, row by row or column by column",
		Doc:     "Square matrices that hold the operand's last dimension on diagonal k (0 = main, positive to the right) and 0 elsewhere. Any dtype.",
		Check:   checkDiag,
		Prepare: prepareDiag,
		Run: func(c *Call) error {
			clearTensor(&c.Out[0])
			return runStridedCopy(c)
		},
	})
	Register(&Kernel{
		Name:    "diag_part",
		Doc:     "Diagonal k (0 = main, positive to the right) of the operand's last two dimensions. Any dtype.",
		Check:   checkDiagPart,
		Prepare: prepareDiagPart,
		Run:     runStridedCopy,
	})
}

// clearTensor sets every element to 0 or false.
func clearTensor(t *Tensor) {
	clear(t.F64)
	clear(t.F32)
	clear(t.I64)
	clear(t.I32)
	clear(t.Bool)
}

// runStridedCopy runs the plan in c.State from operand 0 to result 0.
func runStridedCopy(c *Call) error {
	return pickAny(c.Out[0].DType, stridedRun[float64], stridedRun[float32], stridedRun[int64], stridedRun[int32], stridedRun[bool])(c)
}

func stridedRun[T anyElement](c *Call) error {
	copyStrided(data[T](&c.Out[0]), data[T](&c.In[0]), c.State.(*stridedCopy))
	return nil
}

func checkTranspose(in, out []Type, a attr.List) error {
	if err := checkCall(in, out, a, 1, 1, need("perm", attr.Ints)); err != nil {
		return err
	}
	perm, s := a.Ints("perm"), in[0].Shape
	if len(perm) != len(s) || len(out[0].Shape) != len(s) {
		return fmt.Errorf("perm %v, operand of rank %d, result of rank %d", perm, len(s), len(out[0].Shape))
	}
	if err := checkAxes(perm, len(s)); err != nil {
		return err
	}
	for i, p := range perm {
		if out[0].Shape[i] != s[p] {
			return fmt.Errorf("result %v is not operand %v permuted by %v", out[0].Shape, s, perm)
		}
	}
	return checkDType(in[0].DType, out[0])
}

func prepareTranspose(in, out []Type, a attr.List) any {
	from := shape.Strides(in[0].Shape)
	src := make([]int, len(from))
	for i, p := range a.Ints("perm") {
		src[i] = from[p]
	}
	return newStridedParts(newStridedCopy(out[0].Shape, shape.Strides(out[0].Shape), src, 0, 0), out[0].DType)
}

func checkBroadcastTo(in, out []Type, a attr.List) error {
	if err := checkCall(in, out, a, 1, 1, need("shape", attr.Ints)); err != nil {
		return err
	}
	s, t := in[0].Shape, out[0].Shape
	if len(s) > len(t) {
		return fmt.Errorf("operand of rank %d does not broadcast to rank %d", len(s), len(t))
	}
	for i, n := range s {
		if n != 1 && n != t[len(t)-len(s)+i] {
			return fmt.Errorf("shape %v does not broadcast to %v", s, t)
		}
	}
	return firstOf(checkDType(in[0].DType, out[0]), wantAttrShape(a, "shape", t))
}

func prepareBroadcastTo(in, out []Type, a attr.List) any {
	return newStridedCopy(out[0].Shape, shape.Strides(out[0].Shape), shape.BroadcastStrides(in[0].Shape, len(out[0].Shape)), 0, 0)
}

func checkSlice(in, out []Type, a attr.List) error {
	if err := checkCall(in, out, a, 1, 1, need("starts", attr.Ints), need("limits", attr.Ints), need("strides", attr.Ints)); err != nil {
		return err
	}
	s, t := in[0].Shape, out[0].Shape
	starts, limits, strides := a.Ints("starts"), a.Ints("limits"), a.Ints("strides")
	if len(starts) != len(s) || len(limits) != len(s) || len(strides) != len(s) || len(t) != len(s) {
		return fmt.Errorf("starts, limits, strides and the result need %d entries each", len(s))
	}
	for d, n := range s {
		b, l, st := starts[d], limits[d], strides[d]
		if b < 0 || b >= n || l < -1 || l > n || st == 0 {
			return fmt.Errorf("slice %d:%d:%d is out of range for the extent %d of dimension %d", b, l, st, n, d)
		}
		count := 0
		if st > 0 && l > b {
			count = (l-b-1)/st + 1
		} else if st < 0 && l < b {
			count = (l-b+1)/st + 1
		}
		if count != t[d] {
			return fmt.Errorf("slice %d:%d:%d of dimension %d has %d elements, the result %d", b, l, st, d, count, t[d])
		}
	}
	return checkDType(in[0].DType, out[0])
}

func prepareSlice(in, out []Type, a attr.List) any {
	src, off := placement(in[0].Shape, out[0].Shape, a.Ints("starts"), a.Ints("strides"))
	return newStridedCopy(out[0].Shape, shape.Strides(out[0].Shape), src, 0, off)
}

// placement returns the strides and offset within a contiguous tensor of the given shape of the
// part that begins at starts and steps by strides; dimensions in which the part has one element step by 0.
func placement(extents, part, starts, strides []int) (steps []int, off int) {
	steps = shape.Strides(extents)
	for d := range steps {
		off += starts[d] * steps[d]
		if part[d] == 1 {
			steps[d] = 0
		} else {
			steps[d] *= strides[d]
		}
	}
	return steps, off
}

func checkConcat(in, out []Type, a attr.List) error {
	if err := checkCall(in, out, a, -1, 1, need("axis", attr.Int)); err != nil {
		return err
	}
	t, axis := out[0].Shape, a.Int("axis")
	if err := firstOf(checkAxis(axis, len(t)), checkDType(out[0].DType, in...)); err != nil {
		return err
	}
	sum := 0
	for k, x := range in {
		if len(x.Shape) != len(t) {
			return fmt.Errorf("operand %d has rank %d, the result %d", k, len(x.Shape), len(t))
		}
		for d, n := range x.Shape {
			if d != axis && n != t[d] {
				return fmt.Errorf("operand %d has shape %v, the result %v: only axis %d may differ", k, x.Shape, t, axis)
			}
		}
		if sum += x.Shape[axis]; sum > t[axis] {
			break
		}
	}
	if sum != t[axis] {
		return fmt.Errorf("operands do not fill the extent %d of axis %d", t[axis], axis)
	}
	return nil
}

// concatState holds the length of operand k's contiguous runs.
type concatState struct {
	outer int
	runs  []int
}

func prepareConcat(in, out []Type, a attr.List) any {
	axis := a.Int("axis")
	s := &concatState{outer: shape.Size(out[0].Shape[:axis]), runs: make([]int, len(in))}
	for k, x := range in {
		s.runs[k] = shape.Size(x.Shape[axis:])
	}
	return s
}

func runConcat(c *Call) error {
	return pickAny(c.Out[0].DType, concat[float64], concat[float32], concat[int64], concat[int32], concat[bool])(c)
}

func concat[T anyElement](c *Call) error {
	s, dst := c.State.(*concatState), data[T](&c.Out[0])
	row := len(dst) / s.outer
	at := 0
	for k := range c.In {
		src, n := data[T](&c.In[k]), s.runs[k]
		for o := range s.outer {
			copy(dst[o*row+at:o*row+at+n], src[o*n:(o+1)*n])
		}
		at += n
	}
	return nil
}

func checkSliceTranspose(in, out []Type, a attr.List) error {
	if err := checkCall(in, out, a, -1, 1, need("shape", attr.Ints), need("starts", attr.Ints), need("strides", attr.Ints)); err != nil {
		return err
	}
	s, starts, strides := out[0].Shape, a.Ints("starts"), a.Ints("strides")
	r := len(s)
	if len(starts) != r*len(in) || len(strides) != r*len(in) {
		return fmt.Errorf("starts and strides need %d entries each", r*len(in))
	}
	for k, x := range in {
		if len(x.Shape) != r {
			return fmt.Errorf("operand %d has rank %d, needs %d", k, len(x.Shape), r)
		}
		for d, n := range x.Shape {
			b, st := starts[k*r+d], strides[k*r+d]
			if b < 0 || b >= s[d] || st == 0 {
				return fmt.Errorf("start %d or stride %d of operand %d is out of range in dimension %d", b, st, k, d)
			}
			if n == 1 {
				continue
			}
			fits := st > 0 && n-1 <= (s[d]-1-b)/st || st < 0 && st > -maxElements && n-1 <= b/-st
			if !fits {
				return fmt.Errorf("operand %d leaves the result in dimension %d", k, d)
			}
		}
	}
	return firstOf(checkAmong(numericSet, out[0]), checkDType(out[0].DType, in...), wantAttrShape(a, "shape", s))
}

func prepareSliceTranspose(in, out []Type, a attr.List) any {
	s, starts, strides := out[0].Shape, a.Ints("starts"), a.Ints("strides")
	r := len(s)
	plans := make([]*stridedCopy, len(in))
	sum := &placedSum{plans, elem.BlockKernel(micro.Add, out[0].DType, out[0].DType, cpu.Best())}
	for k, x := range in {
		dst, off := placement(s, x.Shape, starts[k*r:(k+1)*r], strides[k*r:(k+1)*r])
		plans[k] = newStridedCopy(x.Shape, dst, shape.Strides(x.Shape), off, 0)
	}
	return sum
}

// placedSum says where each operand of a sum goes, and what adds.
type placedSum struct {
	plans []*stridedCopy
	add   elem.Block
}

// runPlacedSum adds each operand to the cleared result by its plan.
func runPlacedSum[T number](c *Call) error {
	dst := data[T](&c.Out[0])
	clear(dst)
	sum := c.State.(*placedSum)
	for k, p := range sum.plans {
		addStrided(dst, data[T](&c.In[k]), p, sum.add)
	}
	return nil
}

func checkIndexTranspose(in, out []Type, a attr.List) error {
	if err := checkCall(in, out, a, -1, 1, need("shape", attr.Ints), need("indices", attr.Ints)); err != nil {
		return err
	}
	s, idx := out[0].Shape, a.Ints("indices")
	m := len(s) - len(in[0].Shape)
	if m < 0 || len(idx) != m*len(in) {
		return fmt.Errorf("%d indices for %d operands of rank %d and shape %v", len(idx), len(in), len(in[0].Shape), s)
	}
	for _, x := range in {
		if err := wantShape("operand", x.Shape, s[m:]); err != nil {
			return err
		}
	}
	for k, i := range idx {
		if n := s[k%m]; i < 0 || i >= n {
			return fmt.Errorf("index %d of operand %d is out of range for the extent %d", i, k/m, n)
		}
	}
	return firstOf(checkAmong(numericSet, out[0]), checkDType(out[0].DType, in...), wantAttrShape(a, "shape", s))
}

func prepareIndexTranspose(in, out []Type, a attr.List) any {
	s, idx := out[0].Shape, a.Ints("indices")
	m := len(s) - len(in[0].Shape)
	strides := shape.Strides(s)
	d := out[0].DType
	p := &placedBlocks{offsets: make([]int, len(in)), n: in[0].Size(), add: elem.BlockKernel(micro.Add, d, d, cpu.Best()), do: blockPlacers[d]}
	for k := range in {
		for d, i := range idx[k*m : (k+1)*m] {
			p.offsets[k] += i * strides[d]
		}
	}
	seen := map[int]bool{}
	for _, off := range p.offsets {
		p.overlap = p.overlap || seen[off]
		seen[off] = true
	}
	return p
}

// placedBlocks is a sum of operands that are each a block of the result. Items are parts of the result.
type placedBlocks struct {
	offsets []int // by operand: where it begins in the result
	n       int   // elements of an operand
	overlap bool  // two operands have the same place; else they are copied, and a zero keeps its sign
	add     elem.Block
	do      func(p *placedBlocks, item int)
	call    *Call // of a run
}

// Do implements pool.Task.
func (p *placedBlocks) Do(_, item int) { p.do(p, item) }

var blockPlacers = map[dtype.DType]func(p *placedBlocks, item int){dtype.Float64: placeBlocks[float64], dtype.Float32: placeBlocks[float32], dtype.Int64: placeBlocks[int64], dtype.Int32: placeBlocks[int32]}

// placeBlocks puts into a cleared part of the result, or adds to it, what lies there of the operands, in their order.
func placeBlocks[T number](p *placedBlocks, item int) {
	dst := data[T](&p.call.Out[0])
	lo, hi := item*partItem, min(len(dst), (item+1)*partItem)
	clear(dst[lo:hi])
	for k, off := range p.offsets {
		from, to := max(lo, off), min(hi, off+p.n)
		switch {
		case from >= to:
		case !p.overlap:
			copy(dst[from:to], data[T](&p.call.In[k])[from-off:])
		default:
			combineRow(p.add, dst[from:to], data[T](&p.call.In[k])[from-off:])
		}
	}
}

func checkTriangle(in, out []Type, a attr.List) error {
	if err := checkCall(in, out, a, 1, 1, option("k", attr.Int)); err != nil {
		return err
	}
	if len(in[0].Shape) < 2 {
		return fmt.Errorf("operand has rank %d, needs at least 2", len(in[0].Shape))
	}
	return firstOf(checkDType(in[0].DType, out[0]), wantShape("result", out[0].Shape, in[0].Shape))
}

func runTriangle(upper bool) runFunc {
	return func(c *Call) error {
		f := pickAny(c.Out[0].DType, triangle[float64], triangle[float32], triangle[int64], triangle[int32], triangle[bool])
		if upper {
			f = pickAny(c.Out[0].DType, triangleUpper[float64], triangleUpper[float32], triangleUpper[int64], triangleUpper[int32], triangleUpper[bool])
		}
		return f(c)
	}
}

func triangle[T anyElement](c *Call) error      { maskTriangle[T](c, false); return nil }
func triangleUpper[T anyElement](c *Call) error { maskTriangle[T](c, true); return nil }

func maskTriangle[T anyElement](c *Call, upper bool) {
	shape := c.In[0].Shape
	m, n := shape[len(shape)-2], shape[len(shape)-1]
	k := max(-m, min(n, c.Attrs.Int("k")))
	dst, src := data[T](&c.Out[0]), data[T](&c.In[0])
	for r := 0; r*n < len(dst); r++ {
		to, from := dst[r*n:(r+1)*n], src[r*n:(r+1)*n]
		if upper {
			cut := max(0, min(n, r%m+k))
			clear(to[:cut])
			copy(to[cut:], from[cut:])
		} else {
			cut := max(0, min(n, r%m+k+1))
			copy(to[:cut], from[:cut])
			clear(to[cut:])
		}
	}
}

func checkDiag(in, out []Type, a attr.List) error {
	if err := checkCall(in, out, a, 1, 1, option("k", attr.Int)); err != nil {
		return err
	}
	r, k := len(in[0].Shape), a.Int("k")
	if r < 1 || k < -maxElements || k > maxElements {
		return fmt.Errorf("operand of rank %d, k = %d", r, k)
	}
	n := in[0].Shape[r-1] + max(k, -k)
	return firstOf(checkDType(in[0].DType, out[0]), wantShape("result", out[0].Shape, shape.Replaced(in[0].Shape, r-1, n, n)))
}

// diagonal returns the extents, strides and offset of diagonal k of the last two dimensions.
func diagonal(matrices []int, k, length int) (extents, strides []int, off int) {
	r := len(matrices)
	s := shape.Strides(matrices)
	n := matrices[r-1]
	extents = append(append([]int{}, matrices[:r-2]...), length)
	strides = append(s[:r-2:r-2], n+1)
	if k >= 0 {
		return extents, strides, k
	}
	return extents, strides, -k * n
}

func prepareDiag(in, out []Type, a attr.List) any {
	extents, dst, off := diagonal(out[0].Shape, a.Int("k"), in[0].Shape[len(in[0].Shape)-1])
	return newStridedCopy(extents, dst, shape.Strides(in[0].Shape), off, 0)
}

func checkDiagPart(in, out []Type, a attr.List) error {
	if err := checkCall(in, out, a, 1, 1, option("k", attr.Int)); err != nil {
		return err
	}
	r, k := len(in[0].Shape), a.Int("k")
	if r < 2 {
		return fmt.Errorf("operand has rank %d, needs at least 2", r)
	}
	m, n := in[0].Shape[r-2], in[0].Shape[r-1]
	if k <= -m || k >= n {
		return fmt.Errorf("diagonal %d lies outside of %d×%d", k, m, n)
	}
	length := min(m+min(k, 0), n-max(k, 0))
	return firstOf(checkDType(in[0].DType, out[0]), wantShape("result", out[0].Shape, shape.Replaced(in[0].Shape[:r-1], r-2, length)))
}

func prepareDiagPart(in, out []Type, a attr.List) any {
	length := out[0].Shape[len(out[0].Shape)-1]
	extents, src, off := diagonal(in[0].Shape, a.Int("k"), length)
	return newStridedCopy(extents, shape.Strides(out[0].Shape), src, 0, off)
}
