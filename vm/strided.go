package vm

import (
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/elem"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/internal/shape"
)

// loopInput says how a line of a loop finds an input's elements.
type loopInput struct {
	form          inputForm
	size          int // bytes of an element
	walk          strided
	window        *micro.Window // over dims and strides, which then replace walk
	dims, strides []int
	repeat        elem.RepeatFunc
}

type inputForm uint8

const (
	inputScalar  inputForm = iota // one element for the whole line
	inputDirect                   // the line's elements lie one after the other
	inputStrided                  // the line's elements, or those of a window, are copied to a buffer, piece by piece
)

// newLoopInput is an input that a line walks over the dimensions.
func newLoopInput(a micro.Access, dims, strides []int, window *micro.Window) loopInput {
	in := loopInput{size: a.Type.Size(), walk: newStrided(dims, strides), window: window, dims: dims, strides: strides}
	in.repeat = elem.Repeat(in.size, cpu.Best())
	switch w := &in.walk; {
	case window != nil:
		in.form = inputStrided
	case len(w.dims) > 1:
		in.form = inputStrided
	case w.strides[0] == 1:
		in.form = inputDirect
	case w.strides[0] != 0:
		in.form = inputStrided
	}
	return in
}

// stride is the element stride of what an executor is given.
func (in *loopInput) stride() int {
	if in.form == inputScalar {
		return 0
	}
	return 1
}

// copy copies n elements from position lo of the line that begins at base.
func (in *loopInput) copy(dst, base unsafe.Pointer, lo, n int) {
	switch {
	case in.window == nil:
	case in.size == 8:
		copyWindow(in, unsafe.Slice((*uint64)(dst), n), base, lo)
		return
	case in.size == 4:
		copyWindow(in, unsafe.Slice((*uint32)(dst), n), base, lo)
		return
	default:
		copyWindow(in, unsafe.Slice((*uint8)(dst), n), base, lo)
		return
	}
	switch in.size {
	case 8:
		copyStrided(&in.walk, 0, unsafe.Slice((*uint64)(dst), n), base, lo, in.repeat)
	case 4:
		copyStrided(&in.walk, 0, unsafe.Slice((*uint32)(dst), n), base, lo, in.repeat)
	default:
		copyStrided(&in.walk, 0, unsafe.Slice((*uint8)(dst), n), base, lo, in.repeat)
	}
}

// copyWindow copies the elements of a window from position lo on.
func copyWindow[T uint64 | uint32 | uint8](in *loopInput, dst []T, base unsafe.Pointer, lo int) {
	w, last := in.window, len(in.dims)-1
	inner, stride := in.dims[last], in.strides[last]
	for len(dst) > 0 {
		row, column := lo/inner, lo%inner
		n := min(inner-column, len(dst))
		from, to := 0, 0
		if first, inside := rowOf(in.dims, in.strides, w, row); inside {
			from = min(max(w.Lo[last]-column, 0), n)
			to = min(max(w.Hi[last]-column, from), n)
			if from < to {
				src := unsafe.Add(base, (first+(column+from)*stride)*in.size)
				copyRun(dst[from:to], src, stride*in.size, in.repeat)
			}
		}
		clear(dst[:from])
		clear(dst[to:n])
		lo, dst = lo+n, dst[n:]
	}
}

// rowOf returns which element a window reads at the beginning of a row, that is at one index of all dimensions but the last, and whether it reads anything there.
func rowOf(dims, strides []int, w *micro.Window, row int) (first int, inside bool) {
	first = w.Offset
	for d := len(dims) - 2; d >= 0; d-- {
		i := row % dims[d]
		row /= dims[d]
		if i < w.Lo[d] || i >= w.Hi[d] {
			return 0, false
		}
		first += i * strides[d]
	}
	return first, true
}

// strided is a walk through an array: its dimensions, of which neighbours that can be walked as one are joined.
type strided struct {
	dims, strides []int // in elements, innermost last; at least one dimension
	below         []int // positions of an index of each dimension
}

func newStrided(dims, strides []int) strided {
	var w strided
	for d, n := range dims {
		if n == 1 {
			continue
		}
		if k := len(w.dims) - 1; k >= 0 && w.strides[k] == n*strides[d] {
			w.dims[k], w.strides[k] = w.dims[k]*n, strides[d]
		} else {
			w.dims, w.strides = append(w.dims, n), append(w.strides, strides[d])
		}
	}
	if len(w.dims) == 0 {
		w.dims, w.strides = []int{1}, []int{1}
	}
	w.below = shape.Strides(w.dims)
	return w
}

// copyStrided copies the elements from position lo of dimension d and those inside it.
func copyStrided[T uint64 | uint32 | uint8](w *strided, d int, dst []T, src unsafe.Pointer, lo int, repeat elem.RepeatFunc) {
	size := int(unsafe.Sizeof(T(0)))
	stride, below := w.strides[d]*size, w.below[d]
	if d == len(w.dims)-1 {
		copyRun(dst, unsafe.Add(src, lo*stride), stride, repeat)
		return
	}
	if stride == 0 && len(dst) > below {
		// One period, whose copies double.
		r := lo % below
		copyStrided(w, d+1, dst[:below-r], src, r, repeat)
		if r > 0 {
			copyStrided(w, d+1, dst[below-r:below], src, 0, repeat)
		}
		for k := below; k < len(dst); k *= 2 {
			copy(dst[k:], dst[:k])
		}
		return
	}
	src = unsafe.Add(src, lo/below*stride)
	for r := lo % below; len(dst) > 0; r = 0 {
		if runs := len(dst) / below; r == 0 && d == len(w.dims)-2 && runs > 0 {
			inner := w.strides[d+1] * size
			switch {
			case inner == 0:
				repeat(unsafe.Pointer(&dst[0]), src, below, runs, stride)
			case below <= shortRun:
				copyShort(dst[:runs*below], src, below, stride, inner)
			default:
				runs = 0
			}
			if dst, src = dst[runs*below:], unsafe.Add(src, runs*stride); len(dst) == 0 {
				return
			}
		}
		n := min(below-r, len(dst))
		copyStrided(w, d+1, dst[:n], src, r, repeat)
		dst, src = dst[n:], unsafe.Add(src, stride)
	}
}

// shortRun is the length up to which runs are copied without a call for each.
const shortRun = 16

// copyShort copies runs of n elements; step and inner are the bytes between runs and between the elements of a run.
func copyShort[T uint64 | uint32 | uint8](dst []T, src unsafe.Pointer, n, step, inner int) {
	for ; len(dst) >= n; dst, src = dst[n:], unsafe.Add(src, step) {
		run, p := dst[:n], src
		for i := range run {
			run[i] = *(*T)(p)
			p = unsafe.Add(p, inner)
		}
	}
}

// copyRun copies elements that lie step bytes apart.
func copyRun[T uint64 | uint32 | uint8](dst []T, src unsafe.Pointer, step int, repeat elem.RepeatFunc) {
	switch step {
	case 0:
		repeat(unsafe.Pointer(&dst[0]), src, len(dst), 1, 0)
	case int(unsafe.Sizeof(T(0))):
		copy(dst, unsafe.Slice((*T)(src), len(dst)))
	default:
		for i := range dst {
			dst[i] = *(*T)(unsafe.Add(src, i*step))
		}
	}
}
