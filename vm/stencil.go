package vm

import (
	"runtime"
	"slices"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/internal/native"
)

// stencil runs a loop some of whose inputs are windows row by row, without copying them: machine code goes through rows on which each window lies either within its array or outside of it, where its pointer is that
// of a row of zeros, and masks what lies beside the array in a row.
type stencil struct {
	dims    []int // collapsed, innermost last
	inputs  []native.RowInput
	streams []stream
	outputs []int // element strides of the last but one dimension
	cuts    []int // of the last but one dimension: between neighbours, the same streams lie within their arrays
	before  int   // elements of zeros that are read before column 0
	zeros   int   // bytes of zeros

	rows, perItem int // rows, and of an item
	pieces        int // items of a row, if one is longer than an item
	code          *native.Rows
	work          []stencilWork // by worker
}

// stream is an array, or the part of a window, that one pointer goes through.
type stream struct {
	input   int // whose memory it is
	size    int // bytes of an element
	strides []int
	window  *micro.Window // of which Offset is that of column 0; nil for none
}

type stencilWork struct {
	addresses []uintptr
	steps     []int
	table     *native.RowWork
}

// farthest bounds how far a window's columns lie from its stream's pointer, in elements.
const farthest = 1 << 26

// mostStreams bounds the pointers of code over rows.
const mostStreams = 48

// newStencil makes the stencil of a loop whose dimensions are collapsed; nil if machine code over rows cannot run it, or if it has no window.
func newStencil(x *loop) *stencil {
	if x.window == nil || x.reduces() {
		return nil
	}
	last := len(x.dims) - 1
	s := &stencil{dims: slices.Clone(x.dims)}
	for k, a := range x.l.In {
		if a.Type == dtype.Bool || x.in[k][last] != 0 && x.in[k][last] != 1 || !s.addInput(x, k) {
			return nil
		}
	}
	for k, a := range x.l.Out {
		step := 0
		if a.Type == dtype.Bool {
			return nil
		}
		if last > 0 {
			step = x.out[k][last-1]
		}
		s.outputs = append(s.outputs, step)
	}
	if len(s.streams)+len(s.outputs) > mostStreams {
		return nil
	}
	for k := range x.l.Code {
		if x.l.Code[k].Traps() {
			return nil
		}
	}
	s.cutItems()
	return s
}

// addInput gives an input its stream.
func (s *stencil) addInput(x *loop, k int) bool {
	last := len(s.dims) - 1
	w := x.windowOf(k)
	in := native.RowInput{Repeat: x.in[k][last] == 0, Hi: s.dims[last]}
	offset := 0
	if w != nil {
		offset, in.Lo, in.Hi = w.Offset, w.Lo[last], w.Hi[last]
		if in.Lo >= in.Hi {
			in.Lo, in.Hi = 0, 0
		}
	}
	for i := range s.streams {
		t := &s.streams[i]
		if w == nil || t.window == nil || x.instr.In[t.input].Ref != x.instr.In[k].Ref || x.l.In[t.input].Type != x.l.In[k].Type || !slices.Equal(t.strides, x.in[k]) ||
			!slices.Equal(t.window.Lo[:last], w.Lo[:last]) || !slices.Equal(t.window.Hi[:last], w.Hi[:last]) {
			continue
		}
		if shift := offset - t.window.Offset; shift > -farthest && shift < farthest {
			in.Stream, in.Shift = i, shift
			s.inputs = append(s.inputs, in)
			return true
		}
	}
	in.Stream = len(s.streams)
	s.inputs = append(s.inputs, in)
	s.streams = append(s.streams, stream{input: k, size: x.l.In[k].Type.Size(), strides: x.in[k], window: w})
	return true
}

// cutItems cuts rows into items, and where streams enter or leave their arrays.
func (s *stencil) cutItems() {
	last := len(s.dims) - 1
	columns := s.dims[last]
	s.rows = 1
	for _, n := range s.dims[:last] {
		s.rows *= n
	}
	const chunk = chunkBlocks * lanes
	s.pieces = (columns + chunk - 1) / chunk
	s.perItem = max(1, s.rows/((s.rows*columns+chunk-1)/chunk))
	if last == 0 {
		return
	}
	s.cuts = []int{0, s.dims[last-1]}
	after := 0
	for _, in := range s.inputs {
		w := s.streams[in.Stream].window
		if w == nil {
			continue
		}
		s.cuts = append(s.cuts, w.Lo[last-1], w.Hi[last-1])
		s.before, after = max(s.before, -in.Shift), max(after, in.Shift)
	}
	slices.Sort(s.cuts)
	s.cuts = slices.Compact(s.cuts)
	s.zeros = (s.before + columns + after) * 8
}

func (s *stencil) items() int { return (s.rows + s.perItem - 1) / s.perItem * s.pieces }

func (s *stencil) need(n *needs, workers int) {
	streams := int64(len(s.streams) + len(s.outputs))
	n.zeros = max(n.zeros, int64(s.zeros))
	n.add(heapBytes(int64(unsafe.Sizeof(*s))), int64(len(s.inputs))*(heapBytes(64)+8*int64(len(s.dims))), streams*heapBytes(128), heapBytes(8*int64(len(s.cuts))))
	n.add(heapBytes(2*int64(s.dims[len(s.dims)-1]) + 512))
	n.add(int64(workers) * (streams*64 + 6*8*cpu.LineWords + heapBytes(8<<10)))
}

// compile makes the machine code, if it can be made.
func (s *stencil) compile(x *loop) bool {
	s.code = x.p.nativeRows(x.l, s)
	if s.code == nil {
		return false
	}
	s.work = make([]stencilWork, len(x.workers))
	for i := range s.work {
		n := len(s.streams) + len(s.outputs)
		s.work[i] = stencilWork{cpu.Apart[uintptr](n), cpu.Apart[int](n), s.code.NewWork()}
	}
	return true
}

// do runs an item.
func (s *stencil) do(x *loop, worker, item int) error {
	if x.m.cancelled() {
		return x.m.ctx.Err()
	}
	vectors, _ := s.code.Vectors()
	first, end := 0, vectors
	if s.pieces > 1 {
		piece := item % s.pieces
		first, end = piece*vectors/s.pieces, (piece+1)*vectors/s.pieces
	}
	from := item / s.pieces * s.perItem
	to := min(s.rows, from+s.perItem)
	if last := len(s.dims) - 1; last > 0 {
		plane := s.dims[last-1]
		for from < to {
			at := from % plane
			n := min(to-from, plane-at)
			for _, cut := range s.cuts {
				if cut > at {
					n = min(n, cut-at)
					break
				}
			}
			s.run(x, worker, from, n, first, end)
			from += n
		}
		return nil
	}
	s.run(x, worker, 0, 1, first, end)
	return nil
}

// run runs the vectors [first, end) of n rows on which the same streams lie within their arrays.
func (s *stencil) run(x *loop, worker, row, n, first, end int) {
	last := len(s.dims) - 1
	w := &s.work[worker]
	for k := range s.streams {
		t := &s.streams[k]
		w.steps[k] = 0
		offset, inside := 0, true
		if t.window != nil {
			offset, inside = rowOf(s.dims, t.strides, t.window, row)
		} else {
			for d, r := last-1, row; d >= 0; d-- {
				offset += r % s.dims[d] * t.strides[d]
				r /= s.dims[d]
			}
		}
		if !inside {
			w.addresses[k] = uintptr(unsafe.Pointer(unsafe.SliceData(x.m.zeros))) + uintptr(s.before*t.size)
			continue
		}
		w.addresses[k] = uintptr(x.inPtr[t.input]) + uintptr(offset*t.size)
		if last > 0 {
			w.steps[k] = t.strides[last-1] * t.size
		}
	}
	for k, step := range s.outputs {
		size, i := x.l.Out[k].Type.Size(), len(s.streams)+k
		w.addresses[i] = uintptr(x.outPtr[k]) + uintptr(row*s.dims[last]*size)
		w.steps[i] = step * size
	}
	s.code.Run(first, end, n, w.addresses, w.steps, w.table)
	runtime.KeepAlive(x)
}
