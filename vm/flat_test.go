package vm_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/native"
	"github.com/adjoint-go/adjoint/vm"
)

// TestCopyStrided compares pieces of random walks with the walk element by element.
func TestCopyStrided(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	pieces := 0
	for range 400 {
		rank := 1 + r.IntN(4)
		dims, strides, total := make([]int, rank), make([]int, rank), 1
		for d := rank - 1; d >= 0; d-- {
			dims[d] = 1 + r.IntN(7)
			switch r.IntN(4) {
			case 0:
				dims[d] = 20
			case 1:
				strides[d] = 0
			case 2:
				strides[d] = r.IntN(5)
			default:
				strides[d] = total
			}
			total *= dims[d]
		}
		offsets, most := make([]int, total), 0
		for i := range offsets {
			for d, k := rank-1, i; d >= 0; d-- {
				offsets[i] += k % dims[d] * strides[d]
				k /= dims[d]
			}
			most = max(most, offsets[i])
		}
		src := make([]uint64, most+1)
		for i := range src {
			src[i] = r.Uint64()
		}
		for range 8 {
			lo := r.IntN(total)
			n := 1 + r.IntN(total-lo)
			size := []int{1, 4, 8}[r.IntN(3)]
			for _, level := range cpu.Levels() {
				dst := make([]byte, (n+2)*8)
				for i := range dst {
					dst[i] = 0xA5
				}
				vm.CopyStrided(unsafe.Pointer(&dst[8]), unsafe.Pointer(&src[0]), size, dims, strides, lo, n, level)
				bytesOf := unsafe.Slice((*byte)(unsafe.Pointer(&src[0])), len(src)*8)
				want := bytes.Repeat([]byte{0xA5}, 8)
				for _, o := range offsets[lo : lo+n] {
					want = append(want, bytesOf[o*size:(o+1)*size]...)
				}
				want = append(want, bytes.Repeat([]byte{0xA5}, len(dst)-len(want))...)
				if !bytes.Equal(dst, want) {
					t.Fatalf("dims %v, strides %v, %v: %d elements of %d bytes from %d differ", dims, strides, level, n, size, lo)
				}
				pieces++
			}
		}
	}
	if pieces < 3000 {
		t.Errorf("only %d pieces", pieces)
	}
}

// TestFlatLoops runs loops over short axes as a whole and line by line, by every executor: the bits are the same.
func TestFlatLoops(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	flat, copied, runs := 0, 0, 0
	extents := []int{1, 2, 3, 4, 5, 8, 9, 17, 40, 100, 513, 700}
	for k := range 60 {
		shape, size := graph.Shape{}, 1
		for range 2 + r.IntN(3) {
			n := extents[r.IntN(len(extents))]
			if size*n > 60_000 {
				n = 3
			}
			shape, size = append(shape, n), size*n
		}
		dtype := []graph.DType{graph.Float64, graph.Float32}[r.IntN(2)]
		g := graph.New()
		var y *graph.Node
		inputs := 2 + r.IntN(3)
		for i := range inputs {
			part := append(graph.Shape{}, shape...)
			for d := range part {
				if r.IntN(3) == 0 {
					part[d] = 1
				}
			}
			x := g.Input(fmt.Sprint("x", i), dtype, part...)
			switch {
			case y == nil:
				y = x
			case r.IntN(2) == 0:
				y = graph.Mul(graph.Sin(x), y)
			default:
				y = graph.Sub(y, x)
			}
		}
		y = graph.BroadcastTo(y, shape...)
		z := graph.Exp(graph.Neg(graph.Square(y)))
		axes := []int{}
		for d := len(shape) - 1 - r.IntN(len(shape)); d < len(shape); d++ {
			axes = append(axes, d)
		}
		reduce := []func(*graph.Node, []int, ...graph.ReduceOption) *graph.Node{graph.ReduceSum, graph.ReduceMax, graph.ReduceProd}[r.IntN(3)]
		outputs := []*graph.Node{reduce(z, axes)}
		if r.IntN(2) == 0 {
			outputs = append(outputs, y)
		}
		program := func() *vm.Program {
			p, err := compile.Compile(outputs...)
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		var want [][]byte
		check := func(p *vm.Program, how string, opts ...vm.Option) {
			m := vm.NewGuardedMachine(p, 0x5A, opts...)
			values := rand.New(rand.NewPCG(uint64(k), 5))
			for i := range inputs {
				name := fmt.Sprint("x", i)
				if dtype == graph.Float64 {
					for j, v := 0, m.Float64(name); j < len(v); j++ {
						v[j] = values.NormFloat64()
					}
				} else {
					v := m.Float32(name)
					for j := range v {
						v[j] = float32(values.NormFloat64())
					}
					v[0] = float32(math.Copysign(0, -1))
				}
			}
			if err := m.Step(); err != nil {
				t.Fatal(err)
			}
			loops, inputs := vm.FlatLoops(m.Machine)
			flat, copied, runs = flat+loops, copied+inputs, runs+1
			if !m.Intact() {
				t.Fatalf("case %d, %v, %s: wrote out of bounds", k, shape, how)
			}
			for i := range outputs {
				switch got := m.Output(i); {
				case len(want) <= i:
					want = append(want, got)
				case !bytes.Equal(got, want[i]):
					t.Fatalf("case %d, %v %v over %v, output %d: bits differ, %s", k, dtype, shape, axes, i, how)
				}
			}
		}
		vm.WithLinesFrom(0, func() {
			p := program()
			check(p, "lines in blocks", vm.WithoutNative())
			check(p, "lines in machine code")
			check(p, "lines in blocks, three threads", vm.WithoutNative(), vm.WithThreads(3))
			check(p, "lines in machine code, three threads", vm.WithThreads(3))
		})
		p := program()
		check(p, "flat in blocks", vm.WithoutNative())
		check(p, "flat in blocks, three threads", vm.WithoutNative(), vm.WithThreads(3))
		check(p, "flat in machine code")
		check(p, "flat in machine code, three threads", vm.WithThreads(3))
	}
	if flat < 150 || copied < 200 {
		t.Errorf("only %d flat loops with %d copied inputs in %d runs", flat, copied, runs)
	}
	t.Logf("%d flat loops with %d copied inputs in %d runs", flat, copied, runs)
}

// TestWholeOfLines sums what is computed line by line: all of it is one result, in machine code and in chunks that go on from line to line; rows with results of
// their own stay items.
func TestWholeOfLines(t *testing.T) {
	for _, c := range []struct {
		rows  int
		axes  []int
		items int
	}{
		{40, []int{0, 1}, 4},
		{10, []int{0, 1}, 1},
		{10, []int{1}, 1},
		{45, []int{1}, 5},
	} {
		g := graph.New()
		x, m := g.Input("x", graph.Float32, c.rows, 1500), g.Input("m", graph.Float32, c.rows, 1)
		p, err := compile.Compile(graph.ReduceSum(graph.Square(graph.Sub(x, m)), c.axes))
		if err != nil {
			t.Fatal(err)
		}
		machine := vm.NewMachine(p, vm.WithThreads(2), vm.WithNativeAhead())
		if items := vm.Items(machine); len(items) != 1 || items[0] != c.items {
			t.Errorf("%d rows over %v: items %v, not %d", c.rows, c.axes, items, c.items)
		}
		if ok, _ := native.Available(); ok && machine.Executors()[0] != vm.ExecutorNative {
			t.Errorf("%d rows over %v: %v", c.rows, c.axes, machine.Executors())
		}
		if apart := vm.WorkersApart(machine); apart < 64 {
			t.Errorf("%d rows over %v: workers write %d bytes apart", c.rows, c.axes, apart)
		}
	}
}

// TestRowsInPlace reduces rows of an array where they lie, with the bits of the line by line walk, but not those of what is computed or repeated.
func TestRowsInPlace(t *testing.T) {
	for _, columns := range []int{2, 7, 50, 511, 512, 513, 700, 1000} {
		for kind, of := range []func(x, m *graph.Node) *graph.Node{
			func(x, _ *graph.Node) *graph.Node { return x },
			func(x, m *graph.Node) *graph.Node { return graph.Sub(x, m) },
		} {
			for _, dtype := range []graph.DType{graph.Float64, graph.Float32} {
				for name, reduce := range map[string]func(*graph.Node, []int, ...graph.ReduceOption) *graph.Node{"sum": graph.ReduceSum, "max": graph.ReduceMax} {
					g := graph.New()
					p, err := compile.Compile(reduce(of(g.Input("x", dtype, 300, columns), g.Input("m", dtype, 300, 1)), []int{1}))
					if err != nil {
						t.Fatal(err)
					}
					var want []byte
					check := func(how string, opts ...vm.Option) *vm.Machine {
						m := vm.NewGuardedMachine(p, 0x5A, opts...)
						r := rand.New(rand.NewPCG(8, 9))
						for i := range 300 * columns {
							if dtype == graph.Float64 {
								m.Float64("x")[i] = r.NormFloat64()
							} else {
								m.Float32("x")[i] = float32(r.NormFloat64())
							}
						}
						if err := m.Step(); err != nil {
							t.Fatal(err)
						}
						got := m.Output(0)
						if want == nil {
							want = got
						}
						if !bytes.Equal(got, want) || !m.Intact() {
							t.Errorf("%s of %d columns, %v, %s: bits differ", name, columns, dtype, how)
						}
						return m.Machine
					}
					vm.WithLinesFrom(0, func() { check("lines", vm.WithoutNative()) })
					for _, threads := range []int{1, 3} {
						m := check(fmt.Sprint(threads, " threads"), vm.WithThreads(threads))
						if got, fires := vm.RowsInPlace(m), kind == 0; got > 0 != fires {
							t.Errorf("%s of %d columns, kind %d: %d loops in place", name, columns, kind, got)
						}
					}
				}
			}
		}
	}
}
