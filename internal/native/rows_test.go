//go:build linux || darwin

package native

import (
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
)

// fenced returns n bytes between pages that nothing may read, at the first of them or at the last.
func fenced(t *testing.T, n int, atEnd bool) []byte {
	page := syscall.Getpagesize()
	size := (n + page - 1) / page * page
	all, err := syscall.Mmap(-1, 0, size+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Munmap(all) })
	for _, fence := range [][]byte{all[:page], all[page+size:]} {
		if err := syscall.Mprotect(fence, syscall.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	if atEnd {
		return all[page+size-n : page+size : page+size]
	}
	return all[page : page+n : page+n]
}

// rowStream is the array of a stream.
type rowStream struct {
	t      dtype.DType
	repeat bool
	lo, hi int // what is read of a row, from the pointer on
	step   int // elements from row to row
	data   []byte
	shared bool
}

// checkRows compares native code over rows with the reference, with windows of random columns at random places.
func checkRows(t *testing.T, r *rand.Rand, l *micro.Loop, columns, rows int) {
	var streams []rowStream
	inputs := make([]RowInput, len(l.In))
	for k, a := range l.In {
		in := &inputs[k]
		*in = RowInput{Stream: len(streams), Repeat: a.Strides[0] == 0, Hi: columns}
		if r.IntN(3) > 0 {
			in.Lo, in.Hi = r.IntN(columns), 1+r.IntN(columns)
			if in.Lo >= in.Hi {
				in.Lo, in.Hi = 0, r.IntN(2)
			}
			in.Shift = []int{0, r.IntN(11) - 5, (r.IntN(3) - 1) * 70000}[r.IntN(3)]
		}
		for i := range streams {
			if s := &streams[i]; s.t == a.Type && s.repeat == in.Repeat && r.IntN(2) == 0 {
				in.Stream, s.shared = i, true
			}
		}
		if in.Stream == len(streams) {
			streams = append(streams, rowStream{t: a.Type, repeat: in.Repeat})
		}
		if s := &streams[in.Stream]; in.Lo < in.Hi {
			lo, hi := in.Lo+in.Shift, in.Hi+in.Shift
			if in.Repeat {
				lo, hi = in.Shift, in.Shift+1
			}
			if s.lo == s.hi {
				s.lo, s.hi = lo, hi
			}
			s.lo, s.hi = min(s.lo, lo), max(s.hi, hi)
		}
	}
	code, err := CompileRows(l, columns, len(streams), inputs)
	if err != nil {
		t.Fatal(err)
	}
	defer code.Close()
	var addresses []uintptr
	var steps []int
	point := func(data []byte, first, step int, d dtype.DType) {
		addresses = append(addresses, uintptr(unsafe.Pointer(unsafe.SliceData(data)))-uintptr(first*d.Size()))
		steps = append(steps, step*d.Size())
	}
	for i := range streams {
		s := &streams[i]
		s.step = s.hi - s.lo + r.IntN(4)
		n := 0
		if s.lo < s.hi {
			n = (rows-1)*s.step + s.hi - s.lo
		}
		s.data = fenced(t, n*s.t.Size(), r.IntN(2) == 0)
		for j := range n {
			putElement(s.data, s.t, j, randomBits(r, s.t))
		}
		point(s.data, s.lo, s.step, s.t)
	}
	flat := *l
	flat.In = nil
	in := make([][]byte, len(l.In))
	for k, a := range l.In {
		flat.In = append(flat.In, micro.Access{Type: a.Type, Strides: []int{1}})
		in[k] = make([]byte, rows*columns*a.Type.Size())
		s := &streams[inputs[k].Stream]
		for i := range rows * columns {
			row, column := i/columns, i%columns
			if column < inputs[k].Lo || column >= inputs[k].Hi {
				continue
			}
			if inputs[k].Repeat {
				column = 0
			}
			putElement(in[k], a.Type, i, getElement(s.data, s.t, row*s.step+column+inputs[k].Shift-s.lo))
		}
	}
	want, got := make([][]byte, len(l.Out)), make([][]byte, len(l.Out))
	for k, a := range l.Out {
		want[k] = make([]byte, rows*columns*a.Type.Size())
		got[k] = fenced(t, len(want[k]), r.IntN(2) == 0)
		if k == 0 { // in an input's place
			for i, in := range inputs {
				if s := &streams[in.Stream]; s.t == a.Type && !s.shared && !in.Repeat && in.Shift == 0 && in.Lo == 0 && in.Hi == columns && s.step == columns && l.In[i].Type == a.Type {
					got[k] = s.data
					break
				}
			}
		}
		point(got[k], 0, columns, a.Type)
	}
	referenceLoop(&flat, rows*columns, in, want)
	w := code.NewWork()
	vectors, _ := code.Vectors()
	cut := r.IntN(vectors + 1)
	code.Run(0, cut, rows, addresses, steps, w)
	code.Run(cut, vectors, rows, addresses, steps, w)
	runtime.KeepAlive(streams)
	for k, a := range l.Out {
		for i := range rows * columns {
			if x, y := getElement(want[k], a.Type, i), getElement(got[k], a.Type, i); !sameBits(a.Type, x, y) {
				t.Fatalf("%d columns, inputs %+v: output %d (%s), row %d, column %d: %#x instead of %#x\n%v\n%s", columns, inputs, k, a.Type, i/columns, i%columns, y, x, l.Code, code.Listing())
			}
		}
	}
}

// TestRowsRandom compares random loops over rows with the reference: no element beside a window or behind an array is read, and none is written.
func TestRowsRandom(t *testing.T) {
	needLoops(t)
	level := BestLevel()
	plain := func(op micro.Op, d, to dtype.DType) bool {
		in := micro.Instr{Op: op, Type: d, To: to}
		for k := range op.Arity() {
			if in.OperandType(k) == dtype.Bool {
				return false
			}
		}
		return in.Result() != dtype.Bool && Supported(op, d, to) && (level != cpu.AVX2 || op != micro.Cast || d != dtype.Int64 && to != dtype.Int64)
	}
	families := [][]typedOp{everyOp(plain)}
	for _, d := range []dtype.DType{dtype.Float32, dtype.Float64, dtype.Int32} {
		families = append(families, everyOp(func(op micro.Op, x, to dtype.DType) bool { return x == d && (to == 0 || to == d) && plain(op, x, to) }))
	}
	for seed := range uint64(300 / raceSlowdown) {
		r := rand.New(rand.NewPCG(seed, 5))
		l := newRandomLoop(r, 1+r.IntN(8), families[seed%uint64(len(families))], micro.NoReduce)
		for more := r.IntN(20); seed%5 == 0 && more > 0; more-- { // more arrays than there are registers for pointers
			k := r.IntN(len(l.In))
			l.In = slices.Insert(l.In, k, l.In[k])
			renumber(l, uint32(k))
		}
		checkRows(t, r, l, 1+r.IntN([]int{8, 60}[seed%2]), 1+r.IntN(4))
	}
}

// renumber makes room for an input behind input k, which half of the operands of k are then.
func renumber(l *micro.Loop, k uint32) {
	move := func(r *uint32, n int) {
		if *r > k || *r == k && n%2 == 0 {
			*r++
		}
	}
	for i := range l.Code {
		in := &l.Code[i]
		move(&in.A, i)
		move(&in.B, i+1)
		move(&in.C, i)
		move(&in.Dst, i)
	}
	for i := range l.OutRegs {
		move(&l.OutRegs[i], i)
	}
}

// Loops read and write nothing behind their arrays, which may end where memory does, and write all of the last elements.
func TestLoopsEndWithMemory(t *testing.T) {
	r := rand.New(rand.NewPCG(30, 1))
	page := syscall.Getpagesize()
	for _, level := range levels(t) {
		ops := everyOp(func(op micro.Op, d, to dtype.DType) bool { return Supported(op, d, to) })
		loops := 0
		for range 60 {
			l := newRandomLoop(r, 1+r.IntN(6), []typedOp{ops[r.IntN(len(ops))], ops[r.IntN(len(ops))]}, micro.ReduceKind(r.IntN(5)))
			code, err := CompileLoop(l, LoopOptions{Level: level, Rows: r.IntN(2) == 0})
			if errors.As(err, new(*ErrUnsupported)) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			loops++
			var ends []unsafe.Pointer
			var outputs [][]byte
			for _, a := range slices.Concat(l.In, l.Out) {
				all := fenced(t, page, true)
				for i := range page / a.Type.Size() {
					putElement(all, a.Type, i, randomBits(r, a.Type))
				}
				ends = append(ends, unsafe.Add(base(all), page))
				outputs = append(outputs, all)
			}
			for n := 1; n < 2*code.step+3; n++ {
				var ptrs []unsafe.Pointer
				for k, a := range slices.Concat(l.In, l.Out) {
					count := n
					if a.Strides[0] == 0 {
						count = 1
					}
					if l.Reduce != micro.NoReduce && k == len(l.In)+len(l.Out)-1 {
						count = code.Blocks(n)
					}
					ptrs = append(ptrs, unsafe.Add(ends[k], -count*a.Type.Size()))
				}
				var before [][]byte
				for k, a := range l.Out {
					all := outputs[len(l.In)+k]
					before = append(before, slices.Clone(all[:page-max(n, code.Blocks(n))*a.Type.Size()]))
				}
				code.Run(n, ptrs, code.NewWork())
				for k := range before {
					if all := outputs[len(l.In)+k]; !slices.Equal(all[:len(before[k])], before[k]) {
						t.Fatalf("%s, n %d: written before output %d", level, n, k)
					}
				}
			}
		}
		if loops < 40 {
			t.Errorf("%s: only %d loops have code", level, loops)
		}
	}
}

// TestRunRows compares code that goes through rows with other code that is called for each: rows of any length and distance, inputs that are the same in each row, and scalars that are not.
func TestRunRows(t *testing.T) {
	r := rand.New(rand.NewPCG(40, 1))
	for _, level := range levels(t) {
		ops := everyOp(func(op micro.Op, d, to dtype.DType) bool { return Supported(op, d, to) })
		rowwise := 0
		for i := range 120 {
			l := newRandomLoop(r, 1+r.IntN(6), []typedOp{ops[r.IntN(len(ops))], ops[r.IntN(len(ops))]}, micro.NoReduce)
			overlaid := make([][]int, len(l.Out))
			plain, err := CompileLoop(l, LoopOptions{Level: level})
			if errors.As(err, new(*ErrUnsupported)) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			code, err := CompileLoop(l, LoopOptions{Level: level, Overlaid: overlaid, Rows: true})
			if err != nil {
				t.Fatal(err)
			}
			n, rows := 1+r.IntN(3*code.step), 1+r.IntN(9)
			if i%40 == 0 {
				n, rows = RunElements/2-r.IntN(100), 5
			}
			if code.rowwise {
				rowwise++
			}
			var ptrs []unsafe.Pointer
			var bytes []int
			var arrays, want [][]byte
			for k, a := range slices.Concat(l.In, l.Out) {
				length := n
				if a.Strides[0] == 0 {
					length = 1
				}
				step := (length + r.IntN(2)*r.IntN(40)) * a.Type.Size()
				if k < len(l.In) && r.IntN(4) == 0 {
					step = 0
				}
				b := make([]byte, (rows-1)*step+length*a.Type.Size())
				for i := range len(b) / a.Type.Size() {
					putElement(b, a.Type, i, randomBits(r, a.Type))
				}
				arrays, want = append(arrays, b), append(want, slices.Clone(b))
				ptrs, bytes = append(ptrs, base(b)), append(bytes, step)
			}
			work := plain.NewWork()
			for row := range rows {
				at := make([]unsafe.Pointer, len(want))
				for k := range want {
					at[k] = unsafe.Pointer(&want[k][row*bytes[k]])
				}
				plain.Run(n, at, work)
			}
			code.RunRows(n, rows, ptrs, bytes, code.NewWork())
			for k := range want {
				if !slices.Equal(arrays[k], want[k]) {
					t.Fatalf("%s: %d rows of %d elements: array %d differs\n%s", level, rows, n, k, code.Listing())
				}
			}
		}
		if want := 60; level > cpu.NEON && rowwise < want {
			t.Errorf("%s: only %d loops go through rows", level, rowwise)
		}
	}
}
