package vm_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

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
	"portable": {vm.WithoutNative()}, "native": {vm.WithNativeAhead()}, "tier-up": {}, "threads": {vm.WithThreads(3), vm.WithNativeAhead()}, "watch": {vm.WithNaNWatch()},
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
				product := a * k
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
	return []*vm.Code{mixedScan(1, false), mixedScan(7, true), wave(5, 4, false), wave(9, 3, true), nested, collatz(0), textSample().Code()}
}
