package native

import (
	"fmt"
	"runtime"
	"slices"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/micro"
)

// Loop is the machine code of a micro.Loop's innermost dimension. It may be run by several
// goroutines at once.
type Loop struct {
	pages      *codePages
	consts     []byte
	fixed      int // bytes of scratch before the spill slots
	scratch    int // bytes
	arrays     []loopArray
	inputs     int // arrays that are inputs
	reduce     micro.ReduceKind
	reduceSize int // bytes of a block's result
	step       int // elements of an iteration
	unroll     int
	level      cpu.Level
	overlaid   [][]int // as in LoopOptions
	padded     bool    // the last elements are copied to buffers of a whole iteration, since the code has no masks
	rowwise    bool    // the code goes through rows by itself
}

// RunElements is the number of elements between two returns to Go, since generated code cannot be
// preempted. It is a multiple of BlockLanes.
const RunElements = 16 << 10

// LoopWork is what a run needs besides the code. No two runs may use it at once.
type LoopWork struct {
	table   []unsafe.Pointer // base pointers, pointers of the padded ends, pointer of the block results
	scratch []byte
	ends    []byte    // padded copies of the last elements (without masks)
	rows    []uintptr // the table of code that goes through rows
}

// endBytes is room for an iteration's elements of one array.
const endBytes = 256

// Run executes the loop over n elements. ptrs holds the base pointers of the inputs and then
// of the outputs, as in the micro.Loop. With a reduction, the last pointer receives the results of
// ⌈n/BlockLanes⌉ blocks one after the other (the caller combines them in PairwiseSum order); n must
// then be positive. The arrays must have n elements of their type (1 where the stride is 0). w is from NewWork.
func (l *Loop) Run(n int, ptrs []unsafe.Pointer, w *LoopWork) {
	want := len(l.arrays)
	if l.reduce != micro.NoReduce {
		want++
	}
	if len(ptrs) != want || n < 0 {
		panic("BUG: native loop run with the wrong arrays")
	}
	if n == 0 {
		return
	}
	if raceEnabled {
		l.raceArrays(n, ptrs)
	}
	if l.rowwise {
		l.runRows(n, 1, ptrs, nil, w)
		return
	}
	if l.short(n) {
		l.runShort(n, ptrs)
		return
	}
	m := len(l.arrays)
	base := unsafe.Pointer(&l.pages.code[0])
	for at := 0; at < n; at += RunElements {
		count := min(RunElements, n-at)
		for k := range l.arrays {
			a := &l.arrays[k]
			w.table[k] = ptrs[k]
			if !a.scalar {
				w.table[k] = unsafe.Add(ptrs[k], at*a.t.Size())
			}
		}
		if l.reduce != micro.NoReduce {
			w.table[2*m] = unsafe.Add(ptrs[m], at/micro.BlockLanes*l.reduceSize)
		}
		end := 0
		if l.padded {
			if end = count % l.step; end != 0 {
				l.padEnds(w, count, end)
			}
		}
		callLoop(base, unsafe.Pointer(&w.table[0]), unsafe.Pointer(&l.consts[0]), unsafe.Pointer(&w.scratch[l.fixed]), count)
		if end != 0 {
			l.copyEnds(w, count, end)
		}
	}
	clear(w.table)
	runtime.KeepAlive(l.pages)
	for _, p := range ptrs {
		runtime.KeepAlive(p)
	}
}

// Point makes p the base pointer of array k for RunPointed: inputs, then outputs, then the results of a reduction's blocks.
func (l *Loop) Point(w *LoopWork, k int, p unsafe.Pointer) {
	if k == len(l.arrays) {
		k = ResultPointer(k)
	}
	w.table[k] = p
}

// ResultPointer is where Pointers has the pointer of the results of a reduction's blocks, of a loop with so many arrays.
func ResultPointer(arrays int) int { return 2 * arrays }

// Pointers returns the base pointers that Point sets, those of the arrays first, with more memory behind them than one vector takes. Whoever changes one by other means than Point keeps
// what it points into alive.
func (w *LoopWork) Pointers() []unsafe.Pointer { return w.table }

// RunPointed is Run over at most RunElements elements of the arrays that Point was last called with, which w keeps. Between Point and RunPointed there must be
// no Run with w.
func (l *Loop) RunPointed(n int, w *LoopWork) {
	m := len(l.arrays)
	if n <= 0 || n > RunElements || l.rowwise {
		panic("BUG: native loop over pointed arrays of the wrong length")
	}
	if raceEnabled {
		ptrs := w.table[:m:m]
		if l.reduce != micro.NoReduce {
			ptrs = append(ptrs, w.table[2*m])
		}
		l.raceArrays(n, ptrs)
	}
	end := 0
	if l.padded {
		if end = n % l.step; end != 0 {
			l.padEnds(w, n, end)
		}
	}
	callLoop(unsafe.Pointer(&l.pages.code[0]), unsafe.Pointer(&w.table[0]), unsafe.Pointer(&l.consts[0]), unsafe.Pointer(&w.scratch[l.fixed]), n)
	if end != 0 {
		l.copyEnds(w, n, end)
	}
	runtime.KeepAlive(l.pages)
}

// fewArrays is the number of arrays up to which the table of pointers lies on the stack.
const fewArrays = 8

// short reports whether a run of n elements is one piece, needs no scratch block and ends without padded buffers.
func (l *Loop) short(n int) bool {
	return n <= RunElements && len(l.arrays) <= fewArrays && l.scratch == 0 && (!l.padded || n%l.step == 0)
}

// runShort runs code that needs no scratch block over one piece.
func (l *Loop) runShort(n int, ptrs []unsafe.Pointer) {
	var table [2*fewArrays + 1]unsafe.Pointer
	m := len(l.arrays)
	copy(table[:m], ptrs)
	if l.reduce != micro.NoReduce {
		table[2*m] = ptrs[m]
	}
	callLoop(unsafe.Pointer(&l.pages.code[0]), unsafe.Pointer(&table[0]), unsafe.Pointer(&l.consts[0]), nil, n)
	runtime.KeepAlive(l.pages)
}

// RunRows is Run without a reduction for some rows of n elements each: from row to row each base pointer goes on by so many bytes. It changes ptrs.
func (l *Loop) RunRows(n, rows int, ptrs []unsafe.Pointer, bytes []int, w *LoopWork) {
	if len(ptrs) != len(l.arrays) || len(bytes) != len(l.arrays) || l.reduce != micro.NoReduce {
		panic("BUG: rows of a native loop with the wrong arrays")
	}
	if n <= 0 || rows <= 0 {
		return
	}
	if l.rowwise && !raceEnabled {
		l.runRows(n, rows, ptrs, bytes, w)
		return
	}
	if raceEnabled || !l.short(n) {
		for i := range rows {
			if i > 0 {
				step(ptrs, bytes)
			}
			l.Run(n, ptrs, w)
		}
		return
	}
	var table [2*fewArrays + 1]unsafe.Pointer
	at := table[:copy(table[:], ptrs)]
	for i := range rows {
		if i > 0 {
			step(at, bytes)
		}
		callLoop(unsafe.Pointer(&l.pages.code[0]), unsafe.Pointer(&table[0]), unsafe.Pointer(&l.consts[0]), nil, n)
	}
	runtime.KeepAlive(l.pages)
}

// runRows is RunRows by code that goes through rows by itself. Bytes may be nil for one row.
func (l *Loop) runRows(n, rows int, ptrs []unsafe.Pointer, bytes []int, w *LoopWork) {
	m, t := len(l.arrays), w.rows
	together := max(1, RunElements/n)
	for row := 0; row < rows; row += together {
		for at := 0; at < n; at += RunElements {
			for k := range l.arrays {
				a := &l.arrays[k]
				t[k] = uintptr(ptrs[k])
				if !a.scalar {
					t[k] += uintptr(at * a.t.Size())
				}
				if bytes != nil {
					t[k] += uintptr(row * bytes[k])
					t[m+k] = uintptr(bytes[k])
				}
			}
			t[2*m+loopRows], t[2*m+loopColumns] = uintptr(min(together, rows-row)), uintptr(min(RunElements, n-at))
			callLoop(unsafe.Pointer(&l.pages.code[0]), unsafe.Pointer(&t[0]), unsafe.Pointer(&l.consts[0]), unsafe.Pointer(&w.scratch[l.fixed]), 0)
		}
	}
	runtime.KeepAlive(l.pages)
	for _, p := range ptrs {
		runtime.KeepAlive(p)
	}
}

func step(ptrs []unsafe.Pointer, bytes []int) {
	bytes = bytes[:len(ptrs)]
	for k := range ptrs {
		ptrs[k] = unsafe.Add(ptrs[k], bytes[k])
	}
}

// NewWork returns the memory for runs of the loop.
func (l *Loop) NewWork() *LoopWork {
	w := &LoopWork{table: cpu.Apart[unsafe.Pointer](2*len(l.arrays) + 1), scratch: make([]byte, max(l.scratch, l.fixed)+2*64)}
	if l.padded {
		w.ends = make([]byte, endBytes*max(1, len(l.arrays)))
	}
	if l.rowwise {
		w.rows = cpu.Apart[uintptr](2*len(l.arrays) + loopEntries)
	}
	return w
}

// padEnds copies the last elements of the inputs to buffers of a whole iteration; the last element
// fills them, so that no lane meets a value that the array does not hold.
func (l *Loop) padEnds(w *LoopWork, count, end int) {
	m := len(l.arrays)
	for k := range l.arrays {
		a := &l.arrays[k]
		buf := w.ends[k*endBytes : (k+1)*endBytes]
		w.table[m+k] = unsafe.Pointer(&buf[0])
		size := a.t.Size()
		if a.scalar {
			continue
		}
		switch src := unsafe.Add(w.table[k], (count-end)*size); size {
		case 8:
			padEnd[uint64](&buf[0], src, end, l.step)
		case 4:
			padEnd[uint32](&buf[0], src, end, l.step)
		default:
			padEnd[uint8](&buf[0], src, end, l.step)
		}
	}
}

// padEnd copies the elements at src, and the last of them into the rest of an iteration. They are too few for calls of copy.
func padEnd[T uint8 | uint32 | uint64](to *byte, src unsafe.Pointer, end, step int) {
	in, out := unsafe.Slice((*T)(src), end), unsafe.Slice((*T)(unsafe.Pointer(to)), step)
	var x T
	for i := range in {
		x = in[i]
		out[i] = x
	}
	for i := end; i < step; i++ {
		out[i] = x
	}
}

// copyEnds copies the last elements of the outputs from the buffers.
func (l *Loop) copyEnds(w *LoopWork, count, end int) {
	for k := l.inputs; k < len(l.arrays); k++ {
		size := l.arrays[k].t.Size()
		switch dst, from := unsafe.Add(w.table[k], (count-end)*size), &w.ends[k*endBytes]; size {
		case 8:
			copyEnd[uint64](dst, from, end)
		case 4:
			copyEnd[uint32](dst, from, end)
		default:
			copyEnd[uint8](dst, from, end)
		}
	}
}

func copyEnd[T uint8 | uint32 | uint64](dst unsafe.Pointer, from *byte, end int) {
	in, out := unsafe.Slice((*T)(unsafe.Pointer(from)), end), unsafe.Slice((*T)(dst), end)
	//lint:ignore S1001 a call takes longer than to copy so few elements
	for i := range in {
		out[i] = in[i]
	}
}

// raceArrays tells the race detector what the run reads and writes. Where that may take time it is also checked that no output lies in the place of an input that it was not compiled for.
func (l *Loop) raceArrays(n int, ptrs []unsafe.Pointer) {
	if l.overlaid != nil {
		l.checkOverlaid(n, ptrs)
	}
	for k := range l.arrays {
		a := &l.arrays[k]
		switch {
		case k >= l.inputs:
			raceArena(ptrs[k], n*a.t.Size())
		case a.scalar:
			raceRead(ptrs[k], a.t.Size())
		default:
			raceRead(ptrs[k], n*a.t.Size())
		}
	}
	if l.reduce != micro.NoReduce {
		raceArena(ptrs[len(ptrs)-1], (n+micro.BlockLanes-1)/micro.BlockLanes*l.reduceSize)
	}
}

func (l *Loop) checkOverlaid(n int, ptrs []unsafe.Pointer) {
	for k := l.inputs; k < len(l.arrays); k++ {
		out, end := uintptr(ptrs[k]), uintptr(ptrs[k])+uintptr(n*l.arrays[k].t.Size())
		for i := range l.inputs {
			a, size := &l.arrays[i], n
			if a.scalar {
				size = 1
			}
			if in := uintptr(ptrs[i]); in < end && out < in+uintptr(size*a.t.Size()) && !(in == out && slices.Contains(l.overlaid[k-l.inputs], i)) {
				panic(fmt.Sprintf("BUG: output %d of a loop lies in the place of input %d", k-l.inputs, i))
			}
		}
	}
}

// Blocks returns the number of block results that a reduction over n elements writes.
func (l *Loop) Blocks(n int) int {
	if l.reduce == micro.NoReduce {
		return 0
	}
	return (n + micro.BlockLanes - 1) / micro.BlockLanes
}

// Level returns the instruction set of the code.
func (l *Loop) Level() cpu.Level { return l.level }

// CodeBytes returns the size of the machine code.
func (l *Loop) CodeBytes() int { return len(l.pages.code) }

// Listing returns the code as text, one line an instruction: offset, bytes, and the text of the processor's assembler, for amd64 in Intel's syntax. There rdi
// is the table of pointers, rsi the constants, rdx the scratch block, rax the element and rcx the elements left; on arm64 x7, x6, x2 and x1 are, and pointers move on.
func (l *Loop) Listing() string { return l.pages.listing() }

// Close frees the code at once instead of when it is no longer reachable. No Run may be under
// way, and none may follow.
func (l *Loop) Close() { l.pages.close() }
