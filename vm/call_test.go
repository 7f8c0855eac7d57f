package vm_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/vm"
)

// Hand-made blocks. A cell is four bytes, so the value at offset 8·k has the cell 2·k.

func op2(op micro.Op, d dtype.DType, dst, a, b uint32) micro.Instr {
	return micro.Instr{Op: op, Type: d, Dst: dst, A: a, B: b}
}

// straight returns an instruction with the temporaries of the bytes [lo, hi).
func straight(lo, hi uint32, code ...micro.Instr) vm.Instr {
	return vm.Instr{Op: vm.OpStraight, Straight: &micro.Straight{TempLo: lo / 4, TempHi: hi / 4, Code: code}}
}

// elementwise returns a loop over n elements of float64 that combines a and b to out.
func elementwise(op micro.Op, n int, a, b, out vm.Ref) vm.Instr {
	access := micro.Access{Type: dtype.Float64, Strides: []int{1}}
	at := func(r vm.Ref) vm.Operand { return vm.Operand{Type: f64(n), Ref: r} }
	return vm.Instr{Op: vm.OpLoop, In: []vm.Operand{at(a), at(b)}, Out: []vm.Operand{at(out)}, Loop: &micro.Loop{
		Dims: []int{n}, In: []micro.Access{access, access}, Temps: 1, Code: []micro.Instr{op2(op, dtype.Float64, 2, 0, 1)}, Out: []micro.Access{access}, OutRegs: []uint32{2}}}
}

func arena(offset int64) vm.Ref { return vm.Ref{Offset: offset} }

func named(list []vm.Slot, prefix string) []vm.Slot {
	out := append([]vm.Slot(nil), list...)
	for i := range out {
		out[i].Name = fmt.Sprint(prefix, i)
	}
	return out
}

// calling returns a program whose inputs are the operands of one call and whose outputs are its results; the frame lies behind them.
func calling(blocks []vm.Block, call vm.Call, in, out []vm.Type) *vm.Code {
	c := &vm.Code{Blocks: blocks}
	at := int64(0)
	place := func(types []vm.Type, prefix string) (slots []vm.Slot, operands []vm.Operand) {
		for i, t := range types {
			slots = append(slots, slot(fmt.Sprint(prefix, i), t, at))
			operands = append(operands, operand(t, at))
			at += (int64(t.Size()*t.DType.Size()) + 7) &^ 7
		}
		return slots, operands
	}
	instr := vm.Instr{Op: vm.OpCall, Call: &call}
	c.Inputs, instr.In = place(in, "in")
	c.Outputs, instr.Out = place(out, "out")
	call.Frame = (at + 63) &^ 63
	c.ArenaBytes = call.Frame + c.FrameBytes(&call)
	c.Instrs = []vm.Instr{instr}
	return c
}

// mixedBody has the captured k, the carries a, b, n (int64) and f (bool), and the element x; it computes
//
//	a, b, n, f = b, a·k + x, n + n, not f
//
// and gives the old a and b·x as elements of ys. The next a is given where the input b lies.
func mixedBody() vm.Block {
	d := dtype.Float64
	return vm.Block{
		Inputs: []vm.Slot{slot("", f64(), 0), slot("", f64(), 8), slot("", f64(), 16), slot("", typed(dtype.Int64), 24), slot("", typed(dtype.Bool), 32), slot("", f64(), 40)},
		Outputs: []vm.Slot{slot("", f64(), 16), slot("", f64(), 48), slot("", typed(dtype.Int64), 56), slot("", typed(dtype.Bool), 64), slot("", f64(), 8),
			slot("", f64(), 72)},
		Instrs: []vm.Instr{straight(80, 88, op2(micro.Mul, d, 20, 2, 0), op2(micro.Add, d, 12, 20, 10), op2(micro.Add, dtype.Int64, 14, 6, 6),
			op2(micro.Not, dtype.Bool, 16, 8, 0), op2(micro.Mul, d, 18, 4, 10))},
		ArenaBytes: 88,
	}
}

func mixedScan(length int, reverse bool) *vm.Code {
	i64, b := typed(dtype.Int64), typed(dtype.Bool)
	return calling([]vm.Block{mixedBody()}, vm.Call{Scan: &vm.Scan{Length: length, Captured: 1, Carries: 4, Reverse: reverse}},
		[]vm.Type{f64(), f64(), f64(), i64, b, f64(length)}, []vm.Type{f64(), f64(), i64, b, f64(length), f64(length)})
}

// executorOptions are the ways in which programs are run.
var executorOptions = map[string][]vm.Option{
	"portable": {vm.WithoutNative()}, "native": {vm.WithNativeAhead()}, "tier-up": {}, "threads": {vm.WithThreads(3), vm.WithNativeAhead(), vm.WithMemoryAhead()}, "watch": {vm.WithNaNWatch()},
}

// Carries of all dtypes that change places, forwards and backwards, against the same loop in Go.
func TestScanOfScalars(t *testing.T) {
	for _, length := range []int{1, 2, 3, 50, 500} {
		for _, reverse := range []bool{false, true} {
			p := must(vm.NewProgram(mixedScan(length, reverse)))
			k, a, b, n, f := 0.75, 1.5, -2.25, int64(3), true
			xs, y0, y1 := make([]float64, length), make([]float64, length), make([]float64, length)
			for i := range xs {
				xs[i] = float64(i%7) - 2.5
			}
			for i := range length {
				e := i
				if reverse {
					e = length - 1 - i
				}
				y0[e], y1[e] = a, b*xs[e]
				product := float64(a * k)
				a, b, n, f = b, product+xs[e], n+n, !f
			}
			for name, options := range executorOptions {
				m := vm.NewMachine(p, options...)
				m.Float64("in0")[0], m.Float64("in1")[0], m.Float64("in2")[0], m.Int64("in3")[0], m.Bool("in4")[0] = 0.75, 1.5, -2.25, 3, true
				copy(m.Float64("in5"), xs)
				for run := range 3 {
					if err := m.Step(); err != nil {
						t.Fatalf("%s: %v", name, err)
					}
					if g := m.Float64("out0")[0]; g != a {
						t.Errorf("%s, length %d, reverse %v, run %d: a = %v, want %v", name, length, reverse, run, g, a)
					}
					if g := m.Float64("out1")[0]; g != b {
						t.Errorf("%s, length %d, reverse %v, run %d: b = %v, want %v", name, length, reverse, run, g, b)
					}
					if m.Int64("out2")[0] != n || m.Bool("out3")[0] != f {
						t.Errorf("%s, length %d: n, f = %v, %v, want %v, %v", name, length, m.Int64("out2")[0], m.Bool("out3")[0], n, f)
					}
					for i := range y0 {
						if m.Float64("out4")[i] != y0[i] || m.Float64("out5")[i] != y1[i] {
							t.Fatalf("%s, length %d, reverse %v: ys[%d] = %v, %v, want %v, %v", name, length, reverse, i, m.Float64("out4")[i], m.Float64("out5")[i], y0[i], y1[i])
						}
					}
				}
			}
			if d := runGuarded(p); d != "" {
				t.Error(d)
			}
		}
	}
}

// Carries that go round in circles of several sizes, some beside each other, are moved as if all at once.
func TestCarriesInCircles(t *testing.T) {
	const count = 7
	for _, next := range [][count]int{{1, 0, 2, 3, 4, 5, 6}, {1, 2, 0, 4, 5, 6, 3}, {6, 0, 1, 2, 3, 4, 5}, {1, 1, 1, 0, 3, 3, 5}, {0, 0, 0, 0, 0, 0, 1}, {2, 2, 0, 0, 0, 0, 0}} {
		// All inputs lie in the body's arena, and outputs are the places of inputs: the body is empty.
		for _, width := range []int{1, 3} {
			body, types := vm.Block{ArenaBytes: 8 * 3 * count}, []vm.Type{}
			for i := range count {
				shape := []int{width}
				if width == 1 {
					shape = nil
				}
				types = append(types, f64(shape...))
				body.Inputs = append(body.Inputs, slot("", f64(shape...), int64(8*width*i)))
				body.Outputs = append(body.Outputs, slot("", f64(shape...), int64(8*width*next[i])))
			}
			const length = 11
			p := must(vm.NewProgram(calling([]vm.Block{body}, vm.Call{Scan: &vm.Scan{Length: length, Carries: count}}, types, types)))
			m := vm.NewMachine(p)
			var want [count]float64
			for i := range count {
				want[i] = float64(i + 1)
				for k := range m.Float64(fmt.Sprint("in", i)) {
					m.Float64(fmt.Sprint("in", i))[k] = want[i]
				}
			}
			for range length {
				var after [count]float64
				for i := range count {
					after[i] = want[next[i]]
				}
				want = after
			}
			if err := m.Step(); err != nil {
				t.Fatal(err)
			}
			for i := range count {
				for _, got := range m.Float64(fmt.Sprint("out", i)) {
					if got != want[i] {
						t.Errorf("%v: carry %d is %v, want %v", next, i, got, want[i])
					}
				}
			}
		}
	}
}

// wave returns a scan over arrays of n elements: u, v = v, (w − u) + x, with the captured w and the element x, and the next v as element of ys; in the
// arena of the body or in spaces of their own.
func wave(n, length int, spaces bool) *vm.Code {
	at := make([]vm.Ref, 4) // w, u, v, x
	body := vm.Block{}
	size := int64(8*n+63) &^ 63
	for i := range at {
		if spaces {
			at[i] = vm.Ref{Space: uint32(i + 1)}
		} else {
			at[i] = arena(body.ArenaBytes)
			body.ArenaBytes += size
		}
		body.Inputs = append(body.Inputs, vm.Slot{Type: f64(n), Ref: at[i], Used: true})
	}
	t, y, z := arena(body.ArenaBytes), arena(body.ArenaBytes+size), arena(body.ArenaBytes+2*size)
	body.ArenaBytes += 3 * size
	body.Instrs = []vm.Instr{elementwise(micro.Sub, n, at[0], at[1], t), elementwise(micro.Add, n, t, at[3], y), elementwise(micro.Max, n, at[2], at[2], z)}
	body.Outputs = []vm.Slot{slot("", f64(n), z.Offset), slot("", f64(n), y.Offset), slot("", f64(n), y.Offset)}
	c := calling([]vm.Block{body}, vm.Call{Scan: &vm.Scan{Length: length, Captured: 1, Carries: 2}},
		[]vm.Type{f64(n), f64(n), f64(n), f64(length, n)}, []vm.Type{f64(n), f64(n), f64(length, n)})
	if spaces {
		// Those of the program too.
		for i := range c.Inputs {
			c.Inputs[i].Ref = vm.Ref{Space: uint32(i + 1)}
			c.Instrs[0].In[i].Ref = c.Inputs[i].Ref
		}
	}
	return c
}

// Arrays that are copied to the frame or bound to the operands' memory.
func TestScanOfArrays(t *testing.T) {
	for _, n := range []int{3, 1000, 20000} {
		for _, length := range []int{1, 2, 9} {
			w, u, v, x := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n*length)
			fill := func(m *vm.Machine) {
				for i := range w {
					w[i], u[i], v[i] = float64(i%5), float64(i%11)-3, float64(i%3)
				}
				for i := range x {
					x[i] = float64(i%13) / 4
				}
				for i, list := range [][]float64{w, u, v, x} {
					copy(m.Float64(fmt.Sprint("in", i)), list)
				}
			}
			for _, spaces := range []bool{false, true} {
				p := must(vm.NewProgram(wave(n, length, spaces)))
				for name, options := range executorOptions {
					m := vm.NewMachine(p, options...)
					fill(m)
					if err := m.Step(); err != nil {
						t.Fatal(err)
					}
					for e := range length {
						for i := range n {
							next := (w[i] - u[i]) + x[e*n+i]
							u[i], v[i] = v[i], next
							if got := m.Float64("out2")[e*n+i]; got != next {
								t.Fatalf("%s, spaces %v: ys[%d, %d] = %v, want %v", name, spaces, e, i, got, next)
							}
						}
					}
					for i := range n {
						if m.Float64("out0")[i] != u[i] || m.Float64("out1")[i] != v[i] {
							t.Fatalf("%s, spaces %v: carries of %d: %v, %v, want %v, %v", name, spaces, i, m.Float64("out0")[i], m.Float64("out1")[i], u[i], v[i])
						}
					}
				}
				if n < 2000 {
					if d := runGuarded(p); d != "" {
						t.Error(d)
					}
				}
			}
		}
	}
}

// collatz returns a While that halves n or makes it 3n+1 until it is 1, by a Cond in its body; ys are the values of n.
func collatz(limit int) *vm.Code {
	i64, b := typed(dtype.Int64), typed(dtype.Bool)
	constant := func(values ...int64) (data []byte) {
		for _, v := range values {
			for k := range 8 {
				data = append(data, byte(v>>(8*k)))
			}
		}
		return data
	}
	triple := vm.Block{Inputs: []vm.Slot{slot("", i64, 0)}, Outputs: []vm.Slot{slot("", i64, 24)}, Const: constant(3, 1), ConstOffset: 8, ArenaBytes: 40,
		Instrs: []vm.Instr{straight(32, 40, op2(micro.Mul, dtype.Int64, 8, 0, 2), op2(micro.Add, dtype.Int64, 6, 8, 4))}}
	half := vm.Block{Inputs: []vm.Slot{slot("", i64, 0)}, Outputs: []vm.Slot{slot("", i64, 16)}, Const: constant(2), ConstOffset: 8, ArenaBytes: 24,
		Instrs: []vm.Instr{straight(0, 0, op2(micro.Div, dtype.Int64, 4, 0, 2))}}
	cond := vm.Block{Inputs: []vm.Slot{slot("", i64, 0)}, Outputs: []vm.Slot{slot("", b, 16)}, Const: constant(1), ConstOffset: 8, ArenaBytes: 24,
		Instrs: []vm.Instr{straight(0, 0, op2(micro.Ne, dtype.Int64, 4, 0, 2))}}
	body := vm.Block{Inputs: []vm.Slot{slot("", i64, 0)}, Outputs: []vm.Slot{slot("", i64, 24), slot("", i64, 0)}, Const: constant(2), ConstOffset: 8, ArenaBytes: 64 + 40,
		Instrs: []vm.Instr{straight(0, 0, op2(micro.Rem, dtype.Int64, 4, 0, 2)),
			{Op: vm.OpCall, Call: &vm.Call{Frame: 64, Cond: &vm.Cond{Blocks: []int{0, 1}}}, In: []vm.Operand{operand(i64, 16), operand(i64, 0)}, Out: []vm.Operand{operand(i64, 24)}}}}
	out := []vm.Type{i64, i64}
	if limit > 0 {
		out = append(out, typed(dtype.Int64, limit))
	} else {
		body.Outputs = body.Outputs[:1]
	}
	return calling([]vm.Block{half, triple, cond, body}, vm.Call{While: &vm.While{Cond: 2, Body: 3, Limit: limit, Carries: 1}}, []vm.Type{i64}, out)
}

// While with no steps, some, exactly the limit, and more.
func TestWhile(t *testing.T) {
	sequence := func(n int64) (list []int64) {
		for n != 1 {
			list = append(list, n)
			if n%2 == 0 {
				n /= 2
			} else {
				n = 3*n + 1
			}
		}
		return list
	}
	refused := 0
	for _, limit := range []int{0, 1, 16, 111, 200} {
		p := must(vm.NewProgram(collatz(limit)))
		for name, options := range executorOptions {
			m := vm.NewMachine(p, options...)
			for _, n := range []int64{1, 2, 7, 27, 1, 3} { // 27 takes 111 steps
				m.Int64("in0")[0] = n
				want := sequence(n)
				err := m.Step()
				if len(want) > limit {
					refused++
					var at *vm.RuntimeError
					if !errors.Is(err, vm.ErrStepLimit) || !errors.As(err, &at) || at.Block != -1 || len(at.Steps) != 0 || !strings.Contains(err.Error(), fmt.Sprintf("after %d", limit)) {
						t.Errorf("%s: %d within %d steps: %v", name, n, limit, err)
					}
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				if got, steps := m.Int64("out0")[0], m.Int64("out1")[0]; got != 1 || steps != int64(len(want)) {
					t.Errorf("%s: %d ends with %d after %d steps, want %d", name, n, got, steps, len(want))
				}
				for i := range limit {
					w := int64(0)
					if i < len(want) {
						w = want[i]
					}
					if got := m.Int64("out2")[i]; got != w {
						t.Errorf("%s: %d: ys[%d] = %d, want %d", name, n, i, got, w)
					}
				}
			}
		}
		if d := runGuarded(p); d != "" {
			t.Error(d)
		}
	}
	if refused != len(executorOptions)*(4+3+1) {
		t.Errorf("%d runs beyond the limit", refused)
	}
}

// A failure in the body names the step of each loop around it, and the node.
func TestFailureNamesTheStep(t *testing.T) {
	i64 := typed(dtype.Int64)
	inner := vm.Block{Inputs: []vm.Slot{slot("", i64, 0), slot("", i64, 8)}, Outputs: []vm.Slot{slot("", i64, 16)}, ArenaBytes: 24,
		Instrs: []vm.Instr{straight(0, 0, op2(micro.Div, dtype.Int64, 4, 0, 2))}}
	inner.Instrs[0].Nodes = []int32{0}
	outer := vm.Block{Inputs: []vm.Slot{slot("", i64, 0), slot("", typed(dtype.Int64, 5), 8)}, Outputs: []vm.Slot{slot("", i64, 48)}, ArenaBytes: 88,
		Instrs: []vm.Instr{{Op: vm.OpCall, Call: &vm.Call{Frame: 64, Scan: &vm.Scan{Length: 5, Carries: 1, Reverse: true}},
			In: []vm.Operand{operand(i64, 0), operand(typed(dtype.Int64, 5), 8)}, Out: []vm.Operand{operand(i64, 48)}}}}
	c := calling([]vm.Block{inner, outer}, vm.Call{Scan: &vm.Scan{Body: 1, Length: 3, Carries: 1}}, []vm.Type{i64, typed(dtype.Int64, 3, 5)}, []vm.Type{i64})
	c.Debug = vm.Debug{Strings: []string{"", "div", "model.go"}, Nodes: []vm.NodeInfo{{ID: 4, Op: 1, File: 2, Line: 17}}}
	p := must(vm.NewProgram(c))
	for name, options := range executorOptions {
		m := vm.NewMachine(p, options...)
		m.Int64("in0")[0] = 1 << 40
		for i := range m.Int64("in1") {
			m.Int64("in1")[i] = 2
		}
		if err := m.Step(); err != nil || m.Int64("out0")[0] != 1<<25 {
			t.Fatalf("%v, %d", err, m.Int64("out0")[0])
		}
		m.Int64("in1")[2*5+3] = 0
		err := m.Step()
		var at *vm.RuntimeError
		if !errors.Is(err, vm.ErrDivideByZero) || !errors.As(err, &at) {
			t.Fatalf("%s: %v", name, err)
		}
		if at.Block != 0 || at.Instr != 0 || fmt.Sprint(at.Steps) != "[2 3]" || err.Error() != "run: div %4 (model.go:17): step 2, 3: i64, i64 → i64: integer division by zero" {
			t.Errorf("%s: block %d, instruction %d, steps %v: %v", name, at.Block, at.Instr, at.Steps, err)
		}
		m.Int64("in1")[2*5+3] = 2
		if err := m.Step(); err != nil || m.Int64("out0")[0] != 1<<25 {
			t.Fatalf("after the failure: %v, %d", err, m.Int64("out0")[0])
		}
	}
}

// The NaN watch names the first step that makes a NaN.
func TestWatchNamesTheStep(t *testing.T) {
	p := must(vm.NewProgram(mixedScan(200, false)))
	m := vm.NewMachine(p, vm.WithNaNWatch())
	m.Float64("in0")[0], m.Float64("in1")[0], m.Float64("in2")[0] = 1, 1, 1
	m.Bool("in4")
	m.Int64("in3")
	m.Float64("in5")[77] = math.Inf(1) // b is −Inf after it if a·k is; so first of all a is
	m.Float64("in1")[0] = math.Inf(-1)
	err := m.Step()
	var at *vm.NaNError
	if !errors.As(err, &at) || len(at.Steps) != 1 || at.Block != 0 {
		t.Fatalf("%v", err)
	}
	// In Go.
	k, a, b, step := 1.0, math.Inf(-1), 1.0, -1
	for i := range 200 {
		x := m.Float64("in5")[i]
		if y := b * x; math.IsNaN(y) && step < 0 {
			step = i
		}
		a, b = b, a*k+x
		if math.IsNaN(b) && step < 0 {
			step = i
		}
	}
	if at.Steps[0] != step || !strings.Contains(err.Error(), fmt.Sprintf("step %d", step)) {
		t.Errorf("%v, want step %d", err, step)
	}
}

// callPrograms returns programs with calls of all kinds, some nested.
func callPrograms() []*vm.Code {
	nested := collatz(16)
	return []*vm.Code{mixedScan(1, false), mixedScan(7, true), wave(5, 4, false), wave(9, 3, true), nested, collatz(0), textSample().Code(), exchange(5, false), exchange(70, true), lorenzScan(200)}
}

// TestVerifyRefusesCalls gives the verifier calls that lie.
func TestVerifyRefusesCalls(t *testing.T) {
	type edit = func(c *vm.Code, in *vm.Instr)
	scan := func(want string, f edit) refused {
		return refused{change(mixedScan(4, false), func(c *vm.Code) { f(c, &c.Instrs[0]) }), want}
	}
	while := func(want string, f edit) refused {
		return refused{change(collatz(9), func(c *vm.Code) { f(c, &c.Instrs[0]) }), want}
	}
	cond := func(want string, f edit) refused {
		return refused{change(collatz(9), func(c *vm.Code) { f(c, &c.Blocks[3].Instrs[1]) }), want}
	}
	for depth := 1; depth <= 6; depth++ {
		p, err := vm.NewProgram(chain(depth, 3, true))
		if err != nil {
			t.Fatalf("depth %d: %v", depth, err)
		}
		if d := runGuarded(p); d != "" {
			t.Errorf("depth %d: %s", depth, d)
		}
	}
	const huge = math.MaxInt/2 + 1
	cases := []refused{
		{chain(300, 1, false), "nested deeper than 256"},

		scan("exactly one of scan, while, cond and sweep", func(_ *vm.Code, in *vm.Instr) { in.Call.Scan = nil }),
		scan("exactly one of scan, while, cond and sweep", func(_ *vm.Code, in *vm.Instr) { in.Call.Cond = &vm.Cond{Blocks: []int{0}} }),
		scan("needs exactly one payload", func(_ *vm.Code, in *vm.Instr) { in.Kernel = "transpose" }),
		scan("needs exactly one payload", func(_ *vm.Code, in *vm.Instr) { in.Op = vm.OpKernel }),
		scan("needs exactly one payload", func(_ *vm.Code, in *vm.Instr) { in.Call = nil }),
		scan("attributes are for kernels", func(_ *vm.Code, in *vm.Instr) { in.Attrs = called().Instrs[0].Attrs }),
		scan("2 debug nodes", func(_ *vm.Code, in *vm.Instr) { in.Nodes = []int32{-1, -1} }),

		scan("calls block -1", func(_ *vm.Code, in *vm.Instr) { in.Call.Scan.Body = -1 }),
		scan("calls block 1", func(_ *vm.Code, in *vm.Instr) { in.Call.Scan.Body = 1 }),
		while("calls block 9", func(_ *vm.Code, in *vm.Instr) { in.Call.While.Cond = 9 }),
		cond("calls block 3: block 3 may call those before it", func(_ *vm.Code, in *vm.Instr) { in.Call.Cond.Blocks[1] = 3 }),
		cond("calls block 9223372036854775807", func(_ *vm.Code, in *vm.Instr) { in.Call.Cond.Blocks[1] = math.MaxInt }),

		scan("frame of 88 bytes at offset -64", func(_ *vm.Code, in *vm.Instr) { in.Call.Frame = -64 }),
		scan("frame of 88 bytes at offset", func(_ *vm.Code, in *vm.Instr) { in.Call.Frame += 8 }),
		scan("frame of 88 bytes at offset", func(_ *vm.Code, in *vm.Instr) { in.Call.Frame += 64 }),
		scan("frame of 88 bytes at offset", func(_ *vm.Code, in *vm.Instr) { in.Call.Frame = math.MaxInt64 &^ 63 }),
		scan("operand 0 lies in the frame", func(_ *vm.Code, in *vm.Instr) { in.Call.Frame = 0 }),
		scan("lies in the frame", func(_ *vm.Code, in *vm.Instr) { in.Call.Frame -= 64 }),
		scan("frame of", func(c *vm.Code, in *vm.Instr) { c.Blocks[0].ArenaBytes = 1 << 43 }),
		scan("block 0: arena of", func(c *vm.Code, in *vm.Instr) { c.Blocks[0].ArenaBytes = math.MaxInt64 }),
		{change(mixedScan(4, false), func(c *vm.Code) { // a later instruction reads what lay in the frame
			c.Instrs = append(c.Instrs, straight(0, 0, op2(micro.Neg, dtype.Float64, uint32(c.ArenaBytes/4), uint32(c.Instrs[0].Call.Frame/4), 0)))
			c.ArenaBytes += 8
		}), "which hold no value yet"},
		scan("where an input or a constant lies", func(c *vm.Code, in *vm.Instr) { c.Const, c.ConstOffset = make([]byte, 8), in.Call.Frame+8 }),

		scan("-1 steps", func(_ *vm.Code, in *vm.Instr) { in.Call.Scan.Length = -1 }),
		scan("operands xs 0 is f64[4], the block's f64", func(_ *vm.Code, in *vm.Instr) { in.Call.Scan.Length = huge }),
		scan("operands xs 0 is f64[4], the block's f64", func(_ *vm.Code, in *vm.Instr) { in.Call.Scan.Length = 5 }),
		scan("operands xs 0 is f64[4], the block's f64", func(_ *vm.Code, in *vm.Instr) { in.Call.Scan.Length = 0 }),
		scan("-1 captured", func(_ *vm.Code, in *vm.Instr) { in.Call.Scan.Captured = -1 }),
		scan("-4 carries", func(_ *vm.Code, in *vm.Instr) { in.Call.Scan.Carries = -4 }),
		scan("captured values and 4 carries of 6 operands", func(_ *vm.Code, in *vm.Instr) { in.Call.Scan.Captured = huge }),
		scan("carries of 6 operands", func(_ *vm.Code, in *vm.Instr) { in.Call.Scan.Carries = huge }),
		scan("operands xs 0 is bool, the block's bool for each of 4 steps", func(_ *vm.Code, in *vm.Instr) { in.Call.Scan.Captured, in.Call.Scan.Carries = 2, 2 }),
		scan("carries 0 is f64, the block's i64", func(c *vm.Code, in *vm.Instr) {
			c.Inputs[1].DType, in.In[1].DType, c.Blocks[0].Inputs[1].DType = dtype.Int64, dtype.Int64, dtype.Int64
		}),
		scan("operands xs", func(_ *vm.Code, in *vm.Instr) { in.In = in.In[:5] }),
		scan("results ys", func(_ *vm.Code, in *vm.Instr) { in.Out = in.Out[:5] }),
		scan("operands 3 is i64, the block's f64", func(c *vm.Code, in *vm.Instr) { c.Blocks[0].Inputs[3].DType = dtype.Float64 }),
		scan("operand 5 and result 0 overlap", func(_ *vm.Code, in *vm.Instr) { in.Out[0].Offset = in.In[5].Offset + 8 }),
		scan("operand 2 and result 0 overlap", func(_ *vm.Code, in *vm.Instr) { in.Out[0].Offset = in.In[2].Offset }),
		scan("results 4 and 5 overlap", func(_ *vm.Code, in *vm.Instr) { in.Out[5].Offset = in.Out[4].Offset + 8 }),
		scan("overwrites its input 0, which is captured", func(c *vm.Code, in *vm.Instr) {
			c.Blocks[0].Instrs = append(c.Blocks[0].Instrs, straight(0, 0, op2(micro.Neg, dtype.Float64, 0, 4, 0)))
		}),
		scan("as bool, which hold other values", func(c *vm.Code, in *vm.Instr) { c.Blocks[0].Outputs[3].Offset = 48 }),
		scan("which hold no value yet", func(c *vm.Code, in *vm.Instr) { c.Blocks[0].Outputs[5].Offset = 80 }),
		scan("which hold no value yet", func(c *vm.Code, in *vm.Instr) { c.Blocks[0].Inputs[1].Used = false }),
		scan("outside of the arena", func(c *vm.Code, in *vm.Instr) {
			c.Blocks[0].Inputs[5].Ref, c.Blocks[0].Outputs[5].Ref = vm.Ref{Space: 6}, vm.Ref{Space: 6}
		}),
		scan("marked as unused", func(c *vm.Code, in *vm.Instr) { c.Blocks[0].Outputs[5].Used = false }),
		scan("block 0: input 5 overlaps another input", func(c *vm.Code, in *vm.Instr) { c.Blocks[0].Inputs[5].Offset = 8 }),
		scan("block 0: input 5 lies in a space that is not its own", func(c *vm.Code, in *vm.Instr) { c.Blocks[0].Inputs[5].Ref = vm.Ref{Space: 1} }),
		scan("block 0: constants lie outside", func(c *vm.Code, in *vm.Instr) { c.Blocks[0].ConstOffset = 1 << 40 }),

		while("-1 steps", func(_ *vm.Code, in *vm.Instr) { in.Call.While.Limit = -1 }),
		while("results ys 0 is i64[9], the block's i64", func(_ *vm.Code, in *vm.Instr) { in.Call.While.Limit = huge }),
		while("another output than one bool", func(_ *vm.Code, in *vm.Instr) { in.Call.While.Cond = 1 }),
		while("number of steps is not an i64 result", func(_ *vm.Code, in *vm.Instr) { in.Out = in.Out[:1] }),
		while("number of steps is not an i64 result", func(_ *vm.Code, in *vm.Instr) { in.Out[1].DType = dtype.Float64 }),
		while("operands, the block has", func(_ *vm.Code, in *vm.Instr) { in.In = append(in.In, in.In[0]) }),
		while("carries of 1 operands", func(_ *vm.Code, in *vm.Instr) { in.Call.While.Carries = 2 }),
		while("results ys 0 is i64, the block's i64", func(_ *vm.Code, in *vm.Instr) { in.Call.While.Captured, in.Call.While.Carries = 0, 0 }),

		cond("needs a bool, int32 or int64 scalar", func(_ *vm.Code, in *vm.Instr) { in.In = nil }),
		cond("needs a bool, int32 or int64 scalar", func(c *vm.Code, in *vm.Instr) { in.In[0].DType = dtype.Float64 }),
		cond("chooses among 0 blocks", func(_ *vm.Code, in *vm.Instr) { in.Call.Cond.Blocks = nil }),
		cond("chooses among 3 blocks by bool", func(c *vm.Code, in *vm.Instr) {
			in.In[0].DType, in.Call.Cond.Blocks = dtype.Bool, []int{0, 0, 0}
		}),
		cond("block 2: results 0 is i64, the block's bool", func(_ *vm.Code, in *vm.Instr) { in.Call.Cond.Blocks[1] = 2 }),
		cond("operands, the block has", func(_ *vm.Code, in *vm.Instr) { in.In = in.In[:1] }),
	}
	for i, c := range cases {
		if _, err := vm.NewProgram(c.p); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("case %d: got %v, want %s", i, err, c.want)
		}
	}
}

// chain returns blocks of which each scans the one before, once or twice; the first one negates its only input.
func chain(depth, length int, twice bool) *vm.Code {
	blocks := []vm.Block{{Inputs: []vm.Slot{slot("", f64(), 0)}, Outputs: []vm.Slot{slot("", f64(), 16)}, ArenaBytes: 64,
		Instrs: []vm.Instr{straight(0, 0, op2(micro.Neg, dtype.Float64, 4, 0, 0))}}}
	for k := range depth {
		call := func(from, to int64) vm.Instr {
			return vm.Instr{Op: vm.OpCall, Call: &vm.Call{Frame: 64, Scan: &vm.Scan{Body: k, Length: length, Carries: 1}}, In: []vm.Operand{operand(f64(), from)}, Out: []vm.Operand{operand(f64(), to)}}
		}
		b := vm.Block{Inputs: blocks[0].Inputs, Outputs: blocks[0].Outputs, Instrs: []vm.Instr{call(0, 16)}, ArenaBytes: 64 + blocks[k].ArenaBytes}
		if twice {
			b.Instrs = []vm.Instr{call(0, 8), call(8, 16)}
		}
		blocks = append(blocks, b)
	}
	return calling(blocks, vm.Call{Scan: &vm.Scan{Body: depth, Length: 1, Carries: 1}}, []vm.Type{f64()}, []vm.Type{f64()})
}

// TestCallsDoNotGrow states calls whose frames, unfolded, would be 2⁶⁰: they are counted, and refused before anything is allocated.
func TestCallsDoNotGrow(t *testing.T) {
	p := must(vm.NewProgram(chain(60, 2, true)))
	if n := p.MemoryBytes(); n < 1<<60 {
		t.Errorf("%d bytes", n)
	}
	if w := p.Work(); w < 0x1p120 {
		t.Errorf("%g operations", w)
	}
	if s := p.Shares(); len(s) != 1 || s[0].Flops != math.MaxInt64 {
		t.Errorf("shares %v", s)
	}
	if err := vm.NewMachine(p).Step(); !errors.Is(err, vm.ErrMemoryLimit) {
		t.Errorf("run: %v", err)
	}
	if err := vm.NewMachine(p, vm.WithWorkLimit(1e30)).Step(); !errors.Is(err, vm.ErrWorkLimit) && !errors.Is(err, vm.ErrMemoryLimit) {
		t.Errorf("run: %v", err)
	}
}

// TestCancelledLoops cancels scans and whiles of many short steps: they stop soon, and run afterwards as before.
func TestCancelledLoops(t *testing.T) {
	forever := collatz(math.MaxInt32 - 1)
	forever.Blocks[2].Instrs = []vm.Instr{straight(0, 0, op2(micro.Eq, dtype.Int64, 4, 0, 0))} // always
	forever.Blocks[3].Outputs = forever.Blocks[3].Outputs[:1]                                  // no ys
	forever.Outputs, forever.Instrs[0].Out = forever.Outputs[:2], forever.Instrs[0].Out[:2]
	end := (forever.Outputs[1].Offset + 8 + 63) &^ 63
	forever.Instrs[0].Call.Frame, forever.ArenaBytes = end, end+forever.FrameBytes(forever.Instrs[0].Call)
	long := lorenzScan(1)
	long.Blocks[0].Outputs = long.Blocks[0].Outputs[:3]
	long = calling(long.Blocks, vm.Call{Scan: &vm.Scan{Length: math.MaxInt, Carries: 3}}, []vm.Type{f64(), f64(), f64()}, []vm.Type{f64(), f64(), f64()})
	arrays := wave(1000, 1, true)
	arrays = calling(arrays.Blocks, vm.Call{Scan: &vm.Scan{Length: math.MaxInt, Captured: 2, Carries: 1}}, []vm.Type{f64(1000), f64(1000), f64(1000)}, []vm.Type{f64(1000)})
	arrays.Blocks[0].Inputs = arrays.Blocks[0].Inputs[:3]
	arrays.Blocks[0].Outputs = arrays.Blocks[0].Outputs[:1]
	arrays.Blocks[0].Instrs = arrays.Blocks[0].Instrs[2:]
	for name, c := range map[string]*vm.Code{"while": forever, "scan": long, "arrays": arrays} {
		p := must(vm.NewProgram(c))
		for kind, options := range executorOptions {
			m := vm.NewMachine(p, options...)
			fillViews(m)
			for range 2 {
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
				err := m.StepContext(ctx)
				cancel()
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%s, %s: %v", name, kind, err)
				}
			}
		}
	}
}

// TestProfileOfCalls checks the rows of instructions in blocks: how often they ran, that their times lie within those of their calls, and their flops.
func TestProfileOfCalls(t *testing.T) {
	p := must(vm.NewProgram(chain(2, 5, true)))
	m := vm.NewMachine(p)
	fillViews(m)
	profile, err := m.Profile(t.Context(), 3)
	if err != nil {
		t.Fatal(err)
	}
	if len(profile.Rows) != 1+1+2+2 || profile.Total != profile.Rows[0].Time || profile.Total <= 0 {
		t.Fatalf("%v", profile)
	}
	counts, flops := map[[2]int]int64{}, int64(0)
	for _, r := range profile.Rows {
		counts[[2]int{r.Block, r.Instr}] = r.Count
		flops += r.Flops
	}
	if want := map[[2]int]int64{{-1, 0}: 1, {2, 0}: 1, {2, 1}: 1, {1, 0}: 10, {1, 1}: 10, {0, 0}: 100}; !maps.Equal(counts, want) {
		t.Errorf("counts %v, want %v", counts, want)
	}
	if s := p.Shares(); len(s) != 1 || s[0].Flops != flops || flops != 100 {
		t.Errorf("%d flops in the profile, shares %v", flops, s)
	}
	time := func(block int) (sum time.Duration) {
		for _, r := range profile.Rows {
			if r.Block == block {
				sum += r.Time
			}
		}
		return sum
	}
	if time(0) > time(1)+10 || time(1) > time(2)+10 || time(2) > profile.Total+10 { // nanoseconds of rounding
		t.Errorf("a block takes longer than its calls:\n%v", profile)
	}
	for _, text := range []string{"scan", "0:0", "2:1"} {
		if !strings.Contains(profile.String(), text) {
			t.Errorf("no %q in\n%v", text, profile)
		}
	}
	// What did not run has no row.
	p = must(vm.NewProgram(collatz(9)))
	m = vm.NewMachine(p)
	m.Int64("in0")[0] = 1
	if profile, err = m.Profile(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	for _, r := range profile.Rows {
		if r.Block == 3 || r.Block == 2 && r.Count != 1 {
			t.Errorf("%+v", r)
		}
	}
	if len(profile.Rows) != 2 || profile.Rows[0].Call != "while" {
		t.Errorf("%v", profile)
	}
}

// circle returns a scan that gives each of its carries to the next: they lie where they lay, and a temporary array holds one.
func circle(carries, width int) *vm.Code {
	body, types := vm.Block{ArenaBytes: int64(8 * width * carries)}, []vm.Type{}
	for i := range carries {
		types = append(types, f64(width))
		body.Inputs = append(body.Inputs, slot("", f64(width), int64(8*width*i)))
		body.Outputs = append(body.Outputs, slot("", f64(width), int64(8*width*((i+1)%carries))))
	}
	return calling([]vm.Block{body}, vm.Call{Scan: &vm.Scan{Length: 3, Carries: carries}}, types, types)
}

// Kernels in a body: their scratch, threads, failures and step are as in a program.
func TestKernelsInBlocks(t *testing.T) {
	const n = 96
	matmul := func(a, b, out vm.Ref) vm.Instr {
		at := func(r vm.Ref) vm.Operand { return vm.Operand{Type: f64(n, n), Ref: r} }
		return vm.Instr{Op: vm.OpKernel, Kernel: "matmul", In: []vm.Operand{at(a), at(b)}, Out: []vm.Operand{at(out)}}
	}
	size := int64(8 * n * n)
	body := vm.Block{ArenaBytes: 2 * size, Inputs: []vm.Slot{{Type: f64(n, n), Ref: vm.Ref{Space: 1}, Used: true}, slot("", f64(n, n), 0)}, Outputs: []vm.Slot{slot("", f64(n, n), size)},
		Instrs: []vm.Instr{matmul(vm.Ref{Space: 1}, arena(0), arena(size))}}
	c := calling([]vm.Block{body}, vm.Call{Scan: &vm.Scan{Length: 5, Captured: 1, Carries: 1}}, []vm.Type{f64(n, n), f64(n, n)}, []vm.Type{f64(n, n)})
	p := must(vm.NewProgram(c))
	// The permutation i → i+1 five times.
	want := func(i, k int) float64 { return float64((i+5)%n*n + k) }
	for name, options := range executorOptions {
		m := vm.NewMachine(p, options...)
		for i := range n {
			m.Float64("in0")[i*n+(i+1)%n] = 1
			for k := range n {
				m.Float64("in1")[i*n+k] = float64(i*n + k)
			}
		}
		if err := m.Step(); err != nil {
			t.Fatal(err)
		}
		for i := range n * n {
			if got := m.Float64("out0")[i]; got != want(i/n, i%n) {
				t.Fatalf("%s: element %d is %v, want %v", name, i, got, want(i/n, i%n))
			}
		}
	}
	count := 0
	if err := vm.RegisterKernel(vm.Kernel{
		Name:  "user_fails_third",
		Check: func(in, out []vm.Type, _ vm.Attrs) error { return nil },
		Run: func(in, out []vm.Tensor, _ vm.Attrs) error {
			copy(out[0].F64, in[0].F64)
			if count++; count == 3 {
				return errors.New("tired")
			}
			return nil
		},
	}); err != nil {
		t.Fatal(err)
	}
	c.Blocks[0].Instrs[0].Kernel = "user_fails_third"
	m := vm.NewMachine(must(vm.NewProgram(c)))
	fillViews(m)
	err := m.Step()
	var at *vm.RuntimeError
	if err == nil || !errors.As(err, &at) || fmt.Sprint(at.Steps) != "[2]" || !strings.Contains(err.Error(), "step 2: f64[96×96], f64[96×96] → f64[96×96]: tired") {
		t.Errorf("%v", err)
	}
}

// exchange returns a scan of scalars of four dtypes whose carries go round in circles: machine code makes all of its steps.
//
//	a, b, c, d, e, f = b + x, a, d, c, f + e, e      (a, b: float64; c, d: float32; e, f: int64)
//
// with the elements x of xs, and old a, c and the next e as ys.
func exchange(length int, reverse bool) *vm.Code {
	f32, i64 := typed(dtype.Float32), typed(dtype.Int64)
	body := vm.Block{ArenaBytes: 96,
		Inputs:  []vm.Slot{slot("", f64(), 0), slot("", f64(), 8), slot("", f32, 16), slot("", f32, 20), slot("", i64, 24), slot("", i64, 32), slot("", f64(), 40)},
		Outputs: []vm.Slot{slot("", f64(), 48), slot("", f64(), 0), slot("", f32, 20), slot("", f32, 16), slot("", i64, 56), slot("", i64, 24), slot("", f64(), 0), slot("", f32, 16), slot("", i64, 56)},
		Instrs:  []vm.Instr{straight(0, 0, op2(micro.Add, dtype.Float64, 12, 2, 10), op2(micro.Add, dtype.Int64, 14, 8, 6))}}
	carries := []vm.Type{f64(), f64(), f32, f32, i64, i64}
	return calling([]vm.Block{body}, vm.Call{Scan: &vm.Scan{Length: length, Carries: 6, Reverse: reverse}}, append(carries[:6:6], f64(length)),
		append(carries[:6:6], f64(length), typed(dtype.Float32, length), typed(dtype.Int64, length)))
}

// Steps in machine code, which begins before the run, in its middle or never, give the same values.
func TestScanInMachineCode(t *testing.T) {
	native := 0
	for _, length := range []int{1, 2, 3, 64, 65, 200, 9000} {
		for _, reverse := range []bool{false, true} {
			p := must(vm.NewProgram(exchange(length, reverse)))
			a, b, c, d, e, f := 1.5, -2.5, float32(0.25), float32(7), int64(1), int64(2)
			y0, y1, y2 := make([]float64, length), make([]float32, length), make([]int64, length)
			x := func(i int) float64 { return float64(i%13) - 6.5 }
			for i := range length {
				k := i
				if reverse {
					k = length - 1 - i
				}
				y0[k], y1[k] = a, c
				a, b, c, d, e, f = b+x(k), a, d, c, f+e, e
				y2[k] = e
			}
			for name, options := range executorOptions {
				m := vm.NewMachine(p, options...)
				for run := range 2 {
					m.Float64("in0")[0], m.Float64("in1")[0], m.Float32("in2")[0], m.Float32("in3")[0], m.Int64("in4")[0], m.Int64("in5")[0] = 1.5, -2.5, 0.25, 7, 1, 2
					for i := range length {
						m.Float64("in6")[i] = x(i)
					}
					if err := m.Step(); err != nil {
						t.Fatal(err)
					}
					if m.Float64("out0")[0] != a || m.Float64("out1")[0] != b || m.Float32("out2")[0] != c || m.Float32("out3")[0] != d || m.Int64("out4")[0] != e || m.Int64("out5")[0] != f {
						t.Fatalf("%s, length %d, reverse %v, run %d: %v, %v, %v, %v, %v, %v, want %v, %v, %v, %v, %v, %v", name, length, reverse, run, m.Float64("out0"), m.Float64("out1"),
							m.Float32("out2"), m.Float32("out3"), m.Int64("out4"), m.Int64("out5"), a, b, c, d, e, f)
					}
					if !slices.Equal(m.Float64("out6"), y0) || !slices.Equal(m.Float32("out7"), y1) || !slices.Equal(m.Int64("out8"), y2) {
						t.Fatalf("%s, length %d, reverse %v, run %d: ys differ", name, length, reverse, run)
					}
				}
				isNative := m.Executors()[0] == vm.ExecutorNative
				if text := m.MachineCode(); isNative != strings.Contains(text, "loop around scalar code") || strings.Contains(text, "unreadable") {
					t.Errorf("%s: %v with the machine code\n%s", name, m.Executors(), text)
				}
				if isNative {
					native++
				}
				if want := name == "native" || name == "threads" || name == "tier-up" && length > 64; isNative && name == "portable" || machineCode() && isNative != want && name != "watch" {
					t.Errorf("%s, length %d: %v", name, length, m.Executors())
				}
			}
			if d := runGuarded(p); d != "" {
				t.Error(d)
			}
		}
	}
	if machineCode() && native < 2*(7*2+2) {
		t.Errorf("%d loops in machine code", native)
	}
}

// machineCode reports whether scalar code becomes machine code here.
func machineCode() bool {
	return vm.NewMachine(must(vm.NewProgram(scalars(add(6, 0, 4)))), vm.WithNativeAhead()).Executors()[0] == vm.ExecutorNative
}

// Buffers that a body writes to though they are a result already, or that lie in one another in part: values must be as if all were copied.
func TestBuffersInUse(t *testing.T) {
	const n, size, length = 100, 800, 6
	place := func(k int64) vm.Ref { return arena(size * k) }
	at := func(k int64) vm.Slot { return slot("", f64(n), size*k) }
	add, sub, max := micro.Add, micro.Sub, micro.Max
	op := func(o micro.Op, a, b, out vm.Ref) vm.Instr { return elementwise(o, n, a, b, out) }
	double := func(x float64) float64 { return x + x }
	for _, c := range []struct {
		name   string
		body   vm.Block
		step   func(u, v float64) (nextU, nextV float64, ys []float64)
		direct int
		ahead  int
	}{
		{"the next carry is an element of ys and its input is written",
			vm.Block{Inputs: []vm.Slot{at(0), at(1)}, Outputs: []vm.Slot{at(2), at(1), at(2), at(0)}, ArenaBytes: 3 * size,
				Instrs: []vm.Instr{op(sub, place(0), place(1), place(2)), op(add, place(0), place(0), place(0))}},
			func(u, v float64) (float64, float64, []float64) { return u - v, v, []float64{u - v, double(u)} }, 0, 0},
		{"the same, not written",
			vm.Block{Inputs: []vm.Slot{at(0), at(1)}, Outputs: []vm.Slot{at(2), at(1), at(2), at(3)}, ArenaBytes: 4 * size,
				Instrs: []vm.Instr{op(sub, place(0), place(1), place(2)), op(add, place(0), place(0), place(3))}},
			func(u, v float64) (float64, float64, []float64) { return u - v, v, []float64{u - v, double(u)} }, 2, 0},
		{"a carry is an element of ys and goes on to another, which is written",
			vm.Block{Inputs: []vm.Slot{at(0), at(1)}, Outputs: []vm.Slot{at(2), at(0), at(0), at(1)}, ArenaBytes: 3 * size,
				Instrs: []vm.Instr{op(sub, place(0), place(1), place(2)), op(add, place(1), place(1), place(1))}},
			func(u, v float64) (float64, float64, []float64) { return u - v, u, []float64{u, double(v)} }, 0, 0},
		{"the same, not written",
			vm.Block{Inputs: []vm.Slot{at(0), at(1)}, Outputs: []vm.Slot{at(2), at(0), at(0), at(3)}, ArenaBytes: 4 * size,
				Instrs: []vm.Instr{op(sub, place(0), place(1), place(2)), op(add, place(1), place(1), place(3))}},
			func(u, v float64) (float64, float64, []float64) { return u - v, u, []float64{u, double(v)} }, 1, 1},
		{"a carry is an element of ys, as it is after it was written",
			vm.Block{Inputs: []vm.Slot{at(0), at(1)}, Outputs: []vm.Slot{at(2), at(1), at(0), at(2)}, ArenaBytes: 3 * size,
				Instrs: []vm.Instr{op(sub, place(0), place(1), place(2)), op(add, place(0), place(0), place(0)), op(max, place(2), place(1), place(2))}},
			func(u, v float64) (float64, float64, []float64) {
				next := math.Max(u-v, v)
				return next, v, []float64{double(u), next}
			}, 0, 0},
		{"outputs that overlap in part",
			vm.Block{Inputs: []vm.Slot{at(0), at(1)}, Outputs: []vm.Slot{at(2), at(1), slot("", f64(n), 2*size), slot("", f64(n), 2*size+8*n)}, ArenaBytes: 4 * size,
				Instrs: []vm.Instr{op(add, place(0), place(1), place(2)), op(sub, place(0), place(1), place(3))}},
			func(u, v float64) (float64, float64, []float64) { return u + v, v, []float64{u + v, u - v} }, 2, 0},
	} {
		types := []vm.Type{f64(n), f64(n)}
		code := calling([]vm.Block{c.body}, vm.Call{Scan: &vm.Scan{Length: length, Carries: 2}}, types, append(types[:2:2], f64(length, n), f64(length, n)))
		run := func(code *vm.Code, shift int) {
			p := must(vm.NewProgram(code))
			m := vm.NewMachine(p)
			u, v := make([]float64, n), make([]float64, n)
			for i := range n {
				u[i], v[i] = float64(i%7)-2, float64(i%5)-1.5
			}
			for range 2 {
				copy(m.Float64("in0"), u)
				copy(m.Float64("in1"), v)
				if err := m.Step(); err != nil {
					t.Fatal(err)
				}
				for i := range n {
					a, b := u[i], v[i]
					for e := range length {
						var ys []float64
						a, b, ys = c.step(a, b)
						for k, want := range ys {
							if shift > 0 && k == 1 {
								continue
							}
							if got := m.OutputFloat64(2 + k)[e*n+i]; got != want {
								t.Fatalf("%s: ys %d, step %d, element %d is %v, want %v", c.name, k, e, i, got, want)
							}
						}
					}
					if m.OutputFloat64(0)[i] != a || m.OutputFloat64(1)[i] != b {
						t.Fatalf("%s: carries of %d: %v, %v, want %v, %v", c.name, i, m.OutputFloat64(0)[i], m.OutputFloat64(1)[i], a, b)
					}
				}
			}
			var handed vm.Handed
			if handed.Add(m); shift == 0 && (handed.Direct != c.direct || handed.Ahead != c.ahead) {
				t.Errorf("%s: %+v", c.name, handed)
			}
			if d := runGuarded(p); d != "" {
				t.Errorf("%s: %s", c.name, d)
			}
			if shift > 0 {
				// The second ys lies across two values.
				for e := range length {
					for i := range n {
						want := m.OutputFloat64(2)[e*n+min(i+shift, n-1)]
						if got := m.OutputFloat64(3)[e*n+i]; i+shift < n && got != want {
							t.Fatalf("element %d of step %d is %v, want %v", i, e, got, want)
						}
					}
				}
			}
		}
		run(code, 0)
		if c.name == "outputs that overlap in part" {
			code.Blocks[0].Outputs[3].Offset = 2*size + 8*30
			run(code, 30)
		}
	}
}
