package vm_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/vm"
)

func f64(shape ...int) vm.Type { return vm.Type{DType: dtype.Float64, Shape: shape} }

func typed(d dtype.DType, shape ...int) vm.Type { return vm.Type{DType: d, Shape: shape} }

func operand(t vm.Type, offset int64) vm.Operand {
	return vm.Operand{Type: t, Ref: vm.Ref{Offset: offset}}
}

func slot(name string, t vm.Type, offset int64) vm.Slot {
	return vm.Slot{Name: name, Type: t, Ref: vm.Ref{Offset: offset}, Used: true}
}

// scalars returns a program with the inputs x at 0 and n (int64) at 8, a constant 2.5 at 16, the output at 24 and
// temporaries from 32 to 64.
func scalars(code ...micro.Instr) *vm.Code {
	return &vm.Code{Block: vm.Block{
		Inputs:      []vm.Slot{slot("x", f64(), 0), slot("n", typed(dtype.Int64), 8)},
		Outputs:     []vm.Slot{slot("y", f64(), 24)},
		Instrs:      []vm.Instr{{Op: vm.OpStraight, Straight: &micro.Straight{Code: code, TempLo: 8, TempHi: 16}}},
		ArenaBytes:  64,
		Const:       []byte{0, 0, 0, 0, 0, 0, 4, 64},
		ConstOffset: 16,
	}}
}

func add(dst, a, b uint32) micro.Instr {
	return micro.Instr{Op: micro.Add, Type: dtype.Float64, Dst: dst, A: a, B: b}
}

func mov(d dtype.DType, dst, a uint32) micro.Instr {
	return micro.Instr{Op: micro.Mov, Type: d, Dst: dst, A: a}
}

// arrays returns a program that computes y = −x·k over 6 elements: x at 0, y at 64, a spare array at 128.
func arrays() *vm.Code {
	return &vm.Code{Block: vm.Block{
		Inputs:  []vm.Slot{slot("x", f64(6), 0)},
		Outputs: []vm.Slot{slot("y", f64(6), 64)},
		Instrs: []vm.Instr{{
			Op: vm.OpLoop, In: []vm.Operand{operand(f64(6), 0)}, Out: []vm.Operand{operand(f64(6), 64)},
			Loop: &micro.Loop{
				Dims: []int{6}, In: []micro.Access{{Type: dtype.Float64, Strides: []int{1}}},
				Consts: []micro.Const{{Type: dtype.Float64, Bits: math.Float64bits(2)}}, Temps: 1,
				Code: []micro.Instr{{Op: micro.Neg, Type: dtype.Float64, Dst: 2, A: 0}, {Op: micro.Mul, Type: dtype.Float64, Dst: 2, A: 2, B: 1}},
				Out:  []micro.Access{{Type: dtype.Float64, Strides: []int{1}}}, OutRegs: []uint32{2},
			},
		}},
		ArenaBytes: 192,
	}}
}

// reduced returns a program that sums x over the inner of two dimensions.
func reduced() *vm.Code {
	p := arrays()
	l := p.Instrs[0].Loop
	l.Dims, l.In[0].Strides, l.Out[0].Strides = []int{2, 3}, []int{3, 1}, []int{1, 0}
	l.Reduce, l.ReduceDims = micro.ReduceSum, 1
	p.Instrs[0].Out[0] = operand(f64(2), 64)
	p.Outputs[0] = slot("y", f64(2), 64)
	return p
}

// called returns a program that transposes x.
func called() *vm.Code {
	return &vm.Code{Block: vm.Block{
		Inputs:  []vm.Slot{slot("x", f64(2, 3), 0)},
		Outputs: []vm.Slot{slot("y", f64(3, 2), 64)},
		Instrs: []vm.Instr{{Op: vm.OpKernel, Kernel: "transpose", Attrs: attr.Make(attr.L("perm", []int{1, 0})),
			In: []vm.Operand{operand(f64(2, 3), 0)}, Out: []vm.Operand{operand(f64(3, 2), 64)}}},
		ArenaBytes: 192,
	}}
}

func TestVerifyAccepts(t *testing.T) {
	for name, p := range map[string]*vm.Code{
		"scalars":              scalars(add(8, 0, 4), add(8, 8, 8), add(6, 8, 0)),
		"temporary as int64":   scalars(mov(dtype.Float64, 8, 0), mov(dtype.Int64, 8, 2), mov(dtype.Float64, 6, 4)),
		"constant at two uses": scalars(add(8, 4, 4), add(6, 4, 8)),
		"arrays":               arrays(), "reduced": reduced(), "called": called(),
		"in place": change(arrays(), func(p *vm.Code) {
			// y is computed again from y, in place.
			again := arrays().Instrs[0]
			again.In[0].Offset = 64
			p.Instrs = append(p.Instrs, again)
		}),
		"window": change(arrays(), func(p *vm.Code) {
			l := p.Instrs[0].Loop
			l.In[0].Window, l.Flush = &micro.Window{Offset: -2, Lo: []int{2}, Hi: []int{6}}, true
		}),
		"window of nothing": change(arrays(), func(p *vm.Code) {
			p.Instrs[0].Loop.In[0].Window = &micro.Window{Offset: 100, Lo: []int{3}, Hi: []int{3}}
		}),
		"extents of 1": change(arrays(), func(p *vm.Code) {
			l := p.Instrs[0].Loop
			l.Dims, l.In[0].Strides, l.Out[0].Strides = []int{1, 6}, []int{0, 1}, []int{6, 1}
		}),
		"bool constant": change(scalars(), func(p *vm.Code) {
			p.Const = []byte{1, 0, 2, 0, 0, 0, 0, 0}
			p.Outputs[0] = slot("y", typed(dtype.Bool), 24)
			p.Instrs[0].Straight.Code = []micro.Instr{mov(dtype.Bool, 6, 4)}
		}),
	} {
		program, err := vm.NewProgram(p)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if d := runGuarded(program); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func change(p *vm.Code, f func(p *vm.Code)) *vm.Code {
	f(p)
	return p
}

// TestVerifyRefuses gives the verifier programs that lie.
func TestVerifyRefuses(t *testing.T) {
	loop := func(want string, f func(p *vm.Code, in *vm.Instr, l *micro.Loop)) refused {
		return refused{change(arrays(), func(p *vm.Code) { f(p, &p.Instrs[0], p.Instrs[0].Loop) }), want}
	}
	sum := func(want string, f func(p *vm.Code, in *vm.Instr, l *micro.Loop)) refused {
		return refused{change(reduced(), func(p *vm.Code) { f(p, &p.Instrs[0], p.Instrs[0].Loop) }), want}
	}
	call := func(want string, f func(p *vm.Code, in *vm.Instr)) refused {
		return refused{change(called(), func(p *vm.Code) { f(p, &p.Instrs[0]) }), want}
	}
	ok := add(6, 0, 4)
	edit := func(want string, f func(p *vm.Code)) refused { return refused{change(scalars(ok), f), want} }
	code := func(want string, code ...micro.Instr) refused { return refused{scalars(code...), want} }
	for i, c := range []refused{
		loop("input 0: reaches elements -1 to 4 of 6", func(_ *vm.Code, _ *vm.Instr, l *micro.Loop) {
			l.In[0].Window = &micro.Window{Offset: -1, Lo: []int{0}, Hi: []int{6}}
		}),
		loop("input 0: reaches elements 3 to 6 of 6", func(_ *vm.Code, _ *vm.Instr, l *micro.Loop) {
			l.In[0].Window = &micro.Window{Offset: 2, Lo: []int{1}, Hi: []int{5}}
		}),
		loop("window from 0 to 7", func(_ *vm.Code, _ *vm.Instr, l *micro.Loop) {
			l.In[0].Window = &micro.Window{Lo: []int{0}, Hi: []int{7}}
		}),
		loop("window from -1 to 3", func(_ *vm.Code, _ *vm.Instr, l *micro.Loop) {
			l.In[0].Window = &micro.Window{Lo: []int{-1}, Hi: []int{3}}
		}),
		loop("over 1 dimensions", func(_ *vm.Code, _ *vm.Instr, l *micro.Loop) { l.In[0].Window = &micro.Window{} }),
		loop("output 0 has a window", func(_ *vm.Code, _ *vm.Instr, l *micro.Loop) {
			l.Out[0].Window = &micro.Window{Lo: []int{0}, Hi: []int{6}}
		}),
		loop("overlap", func(p *vm.Code, in *vm.Instr, l *micro.Loop) {
			l.In[0].Window = &micro.Window{Offset: 1, Lo: []int{0}, Hi: []int{5}}
			in.Out[0].Offset, p.Outputs[0].Offset = 0, 0
		}),
		loop("flushes", func(_ *vm.Code, _ *vm.Instr, l *micro.Loop) { l.Code[0].Op, l.Flush = micro.Sqrt, true }),
		// The program as a whole.
		edit("arena of -1 bytes", func(p *vm.Code) { p.ArenaBytes = -1 }),
		edit("arena of", func(p *vm.Code) { p.ArenaBytes = math.MaxInt64 }),
		edit("constants lie outside", func(p *vm.Code) { p.ConstOffset = 64 }),
		edit("constants lie outside", func(p *vm.Code) { p.ConstOffset = 12 }),
		edit("input 1 has no name of its own", func(p *vm.Code) { p.Inputs[1].Name = "x" }),
		edit("a space that is not its own", func(p *vm.Code) { p.Inputs[1].Space = 1 }),
		edit("overlaps another input or the constants", func(p *vm.Code) { p.Inputs[1].Offset = 0 }),
		edit("overlaps another input or the constants", func(p *vm.Code) { p.Inputs[1].Offset = 16 }),
		edit("8 bytes at offset 64 of 64", func(p *vm.Code) { p.Inputs[1].Offset = 64 }),
		edit("at offset 4 of", func(p *vm.Code) { p.Inputs[1].Offset = 4 }),
		edit("at offset -8 of", func(p *vm.Code) { p.Inputs[1].Offset = -8 }),
		edit("shape", func(p *vm.Code) { p.Inputs[1].Shape = []int{dtype.MaxElements, dtype.MaxElements} }),
		edit("shape", func(p *vm.Code) { p.Inputs[1].Shape = []int{-1} }),
		edit("rank", func(p *vm.Code) { p.Inputs[1].Shape = make([]int, 33) }),
		edit("invalid dtype", func(p *vm.Code) { p.Inputs[1].DType = 77 }),
		edit("lies outside of the arena", func(p *vm.Code) {
			p.Inputs[0].Ref, p.Outputs[0].Ref = vm.Ref{Space: 1}, vm.Ref{Space: 1}
		}),
		edit("output 0 lies in an input", func(p *vm.Code) { p.Outputs[0].Offset = 0 }),
		edit("output 0 lies in an input or a constant", func(p *vm.Code) { p.Outputs[0].Offset = 16 }),
		edit("output 0: it reads bytes 32 to 40", func(p *vm.Code) { p.Outputs[0].Offset = 32 }),
		edit("output 0: it reads bytes 24 to 28 of the arena as bool", func(p *vm.Code) { p.Outputs[0].Type = typed(dtype.Bool, 4) }),
		edit("is updated with output 1 of 1", func(p *vm.Code) { p.Inputs[0].Update = 2 }),
		edit("is updated with output -2 of 1", func(p *vm.Code) { p.Inputs[0].Update = -1 }),
		edit("is updated and lies outside of the arena", func(p *vm.Code) { p.Inputs[0].Ref, p.Inputs[0].Update = vm.Ref{Space: 1}, 1 }),
		edit("input \"x\" is f64, and is updated with f32[2]", func(p *vm.Code) { p.Inputs[0].Update, p.Outputs[0].Type = 1, typed(dtype.Float32, 2) }),
		edit("output 0 lies in an input that another one updates", func(p *vm.Code) {
			p.Inputs[0].Update, p.Outputs = 2, append(p.Outputs, p.Outputs[0])
			p.Outputs[0].Offset = 0
		}),
		edit("debug string 0", func(p *vm.Code) { p.Debug.Strings = []string{"x"} }),
		edit("debug node 0 names string 1 of 1", func(p *vm.Code) {
			p.Debug = vm.Debug{Strings: []string{""}, Nodes: []vm.NodeInfo{{File: 1}}}
		}),
		edit("debug node 3 of 0", func(p *vm.Code) { p.Instrs[0].Nodes = []int32{3} }),
		edit("2 debug nodes for 1 micro-instructions", func(p *vm.Code) { p.Instrs[0].Nodes = []int32{-1, -1} }),
		edit("exactly one payload", func(p *vm.Code) { p.Instrs[0].Kernel = "transpose" }),
		edit("needs exactly one payload", func(p *vm.Code) { p.Instrs[0].Op = vm.OpLoop }),
		edit("unknown opcode", func(p *vm.Code) { p.Instrs[0].Op = 99 }),
		edit("has operands", func(p *vm.Code) { p.Instrs[0].In = []vm.Operand{operand(f64(), 0)} }),
		edit("attributes are for kernels", func(p *vm.Code) { p.Instrs[0].Attrs = attr.Make(attr.I("a", 1)) }),

		// Scalar code.
		code("cell 4294967294 of 16", add(6, 4294967294, 0)),
		code("float64 at cell 1 of 16", add(6, 1, 0)),
		code("float64 at cell 16 of 16", add(16, 0, 0)),
		code("undefined micro-operation 255", micro.Instr{Op: 255, Type: dtype.Float64, Dst: 6}),
		code("fma is not defined for int64", micro.Instr{Op: micro.FMA, Type: dtype.Int64, Dst: 6}),
		code("add has the result dtype float32", micro.Instr{Op: micro.Add, Type: dtype.Float64, To: dtype.Float32, Dst: 6}),
		code("cast has the result dtype invalid", micro.Instr{Op: micro.Cast, Type: dtype.Float64, Dst: 6}),
		code("neg has more than 1 operands", micro.Instr{Op: micro.Neg, Type: dtype.Float64, Dst: 6, B: 4}),
		code("temporary 8 is read before it is written", add(6, 8, 0)),
		code("cell 6 is written again", add(6, 0, 0), add(6, 0, 0)),
		code("cell 6 was read before", add(8, 6, 0), add(6, 0, 0)),
		code("reads bytes 24 to 32 of the arena, which hold no value yet", add(8, 6, 0)),
		code("writes bytes 0 to 8 of the arena, where an input or a constant lies", add(6, 4, 4), add(0, 4, 4)),
		code("writes bytes 16 to 32 of the arena, where an input or a constant lies", add(6, 0, 0), add(4, 0, 0)),
		code("cell 8 holds float64, not int64", add(8, 0, 0), mov(dtype.Int64, 10, 8), ok),
		code("cell 8 as float32 overlaps", add(8, 0, 0), mov(dtype.Float32, 10, 8), ok),
		code("cell 9 as float32 overlaps", add(8, 0, 0), mov(dtype.Float32, 10, 9), ok),
		code("cell 8 as float64 overlaps", micro.Instr{Op: micro.Cast, Type: dtype.Float64, To: dtype.Float32, Dst: 9, A: 0}, add(8, 0, 0), ok),
		code("cell 8 as int32 overlaps", micro.Instr{Op: micro.Cast, Type: dtype.Float64, To: dtype.Bool, Dst: 8, A: 0},
			micro.Instr{Op: micro.Cast, Type: dtype.Float64, To: dtype.Int32, Dst: 8, A: 0}, ok),
		code("cell 0 is read as float64 and as int64", add(8, 0, 0), mov(dtype.Int64, 10, 0), ok),
		code("overlaps a value of another size", add(8, 0, 0), mov(dtype.Float32, 10, 0), ok),
		code("as bool, which hold other values", mov(dtype.Bool, 8, 0), add(6, 4, 4)),
		edit("as bool, which hold other values", func(p *vm.Code) {
			p.Const, p.Instrs[0].Straight.Code = []byte{2, 0, 0, 0, 0, 0, 0, 0}, []micro.Instr{mov(dtype.Bool, 8, 4), add(6, 0, 0)}
		}),
		edit("temporaries [8, 15)", func(p *vm.Code) { p.Instrs[0].Straight.TempHi = 15 }),
		edit("temporaries [8, 18)", func(p *vm.Code) { p.Instrs[0].Straight.TempHi = 18 }),
		edit("temporaries [18, 16)", func(p *vm.Code) { p.Instrs[0].Straight.TempLo = 18 }),
		edit("where an input or a constant lies", func(p *vm.Code) {
			p.Instrs[0].Straight.TempLo, p.Instrs[0].Straight.Code = 4, []micro.Instr{add(6, 0, 0)}
		}),
		edit("output 0: it reads bytes 24 to 32", func(p *vm.Code) { p.Instrs[0].Straight.TempLo = 6 }),
		edit("marked as unused", func(p *vm.Code) { p.Outputs[0].Used = false }),
		edit("reads bytes 0 to 8", func(p *vm.Code) { p.Inputs[0].Used = false }),
		edit("instruction 1 (STRAIGHT): reads bytes 32 to 40", func(p *vm.Code) {
			// The temporaries of the first instruction are dead in the second.
			p.Instrs[0].Straight.Code = []micro.Instr{add(8, 0, 0), ok}
			p.Instrs = append(p.Instrs, vm.Instr{Op: vm.OpStraight, Straight: &micro.Straight{
				Code: []micro.Instr{add(12, 8, 0)}, TempLo: 10, TempHi: 12}})
		}),

		// Loops.
		loop("0 inputs and 1 outputs for 1 and 1 accesses", func(_ *vm.Code, in *vm.Instr, _ *micro.Loop) { in.In = nil }),
		loop("without output", func(_ *vm.Code, in *vm.Instr, l *micro.Loop) { in.Out, l.Out, l.OutRegs = nil, nil, nil }),
		loop("has no elements", func(_ *vm.Code, _ *vm.Instr, l *micro.Loop) { l.Dims[0] = 0 }),
		loop("reaches elements 0 to 6 of 6", func(_ *vm.Code, _ *vm.Instr, l *micro.Loop) { l.Dims[0] = 7 }),
		loop("the loop writes 5 of 6 elements", func(_ *vm.Code, _ *vm.Instr, l *micro.Loop) { l.Dims[0] = 5 }),
		loop("reaches elements -5 to 0", func(_ *vm.Code, _ *vm.Instr, l *micro.Loop) { l.In[0].Strides[0] = -1 }),
		loop("stride", func(_ *vm.Code, _ *vm.Instr, l *micro.Loop) { l.In[0].Strides[0] = math.MinInt }),
		loop("stride", func(_ *vm.Code, _ *vm.Instr, l *micro.Loop) { l.In[0].Strides[0] = math.MaxInt / 4 }),
		loop("with 2 strides", func(_ *vm.Code, _ *vm.Instr, l *micro.Loop) { l.In[0].Strides = []int{1, 1} }),
		loop("output 0: stride 0 of dimension 0", func(_ *vm.Code, _ *vm.Instr, l *micro.Loop) { l.Out[0].Strides[0] = 0 }),
		loop("access as float32", func(_ *vm.Code, _ *vm.Instr, l *micro.Loop) { l.In[0].Type = dtype.Float32 }),
		loop("writes register 0", func(_ *vm.Code, _ *vm.Instr, l *micro.Loop) { l.Code[0].Dst = 0 }),
		loop("writes register 1", func(_ *vm.Code, _ *vm.Instr, l *micro.Loop) { l.Code[0].Dst = 1 }),
		loop("writes register 3", func(_ *vm.Code, _ *vm.Instr, l *micro.Loop) { l.Code[0].Dst = 3 }),
		loop("register 2 does not hold float64", func(_ *vm.Code, _ *vm.Instr, l *micro.Loop) { l.Code[0].A = 2 }),
		loop("register 9 does not hold float64", func(_ *vm.Code, _ *vm.Instr, l *micro.Loop) { l.OutRegs[0] = 9 }),
		loop("2 temporaries for 1 micro", func(_ *vm.Code, _ *vm.Instr, l *micro.Loop) { l.Temps, l.Code = 2, l.Code[:1] }),
		loop("more than 4096", func(_ *vm.Code, _ *vm.Instr, l *micro.Loop) { l.Consts = make([]micro.Const, 5000) }),
		loop("constant 0 has no dtype", func(_ *vm.Code, _ *vm.Instr, l *micro.Loop) { l.Consts[0].Type = 0 }),
		loop("0x2 are not the bits of a bool", func(_ *vm.Code, _ *vm.Instr, l *micro.Loop) { l.Consts[0] = micro.Const{Type: dtype.Bool, Bits: 2} }),
		loop("are not the bits of a float32", func(_ *vm.Code, _ *vm.Instr, l *micro.Loop) {
			l.Consts[0] = micro.Const{Type: dtype.Float32, Bits: 1 << 32}
		}),
		loop("overwrites its operand with elements of another size", func(_ *vm.Code, _ *vm.Instr, l *micro.Loop) {
			l.Code = append(l.Code, micro.Instr{Op: micro.Cast, Type: dtype.Float64, To: dtype.Float32, Dst: 2, A: 2})
		}),
		loop("operand 0 and result 0 overlap", func(_ *vm.Code, in *vm.Instr, l *micro.Loop) { in.Out[0].Offset = 8 }),
		loop("writes bytes 0 to 48", func(_ *vm.Code, in *vm.Instr, l *micro.Loop) { in.Out[0].Offset = 0 }),
		loop("operand 0 and result 0 overlap", func(p *vm.Code, _ *vm.Instr, _ *micro.Loop) {
			// In place, but the input is walked as a transposed matrix.
			p.Instrs = append(p.Instrs, arrays().Instrs[0])
			p.Instrs[1].In[0].Offset = 64
			l := p.Instrs[1].Loop
			l.Dims, l.In[0].Strides, l.Out[0].Strides = []int{2, 3}, []int{1, 2}, []int{3, 1}
		}),
		loop("results 0 and 1 overlap", func(_ *vm.Code, in *vm.Instr, l *micro.Loop) {
			in.Out = append(in.Out, operand(f64(6), 72))
			l.Out, l.OutRegs = append(l.Out, l.Out[0]), []uint32{2, 2}
		}),
		loop("reads bytes 128 to 176", func(_ *vm.Code, in *vm.Instr, _ *micro.Loop) { in.In[0].Offset = 128 }),
		loop("space 1, but input", func(_ *vm.Code, in *vm.Instr, _ *micro.Loop) { in.In[0].Space = 1 }),
		loop("space 7 of 1", func(_ *vm.Code, in *vm.Instr, _ *micro.Loop) { in.In[0].Space = 7 }),
		loop("which is marked as unused", func(p *vm.Code, in *vm.Instr, _ *micro.Loop) {
			p.Inputs[0].Space, p.Inputs[0].Used, in.In[0].Space = 1, false, 1
		}),
		loop("writes to an input", func(p *vm.Code, in *vm.Instr, _ *micro.Loop) {
			p.Inputs[0].Space, in.In[0].Space, in.Out[0].Ref = 1, 1, vm.Ref{Space: 1}
		}),
		loop("as bool, which hold other values", func(_ *vm.Code, in *vm.Instr, l *micro.Loop) {
			in.In[0].Type, l.In[0].Type = typed(dtype.Bool, 6), dtype.Bool
			l.Code[0] = micro.Instr{Op: micro.Cast, Type: dtype.Bool, To: dtype.Float64, Dst: 2}
		}),
		sum("reduction 1 over 0 of 2 dimensions", func(_ *vm.Code, _ *vm.Instr, l *micro.Loop) { l.ReduceDims = 0 }),
		sum("reduction 1 over 3 of 2 dimensions", func(_ *vm.Code, _ *vm.Instr, l *micro.Loop) { l.ReduceDims = 3 }),
		sum("reduction 9 over", func(_ *vm.Code, _ *vm.Instr, l *micro.Loop) { l.Reduce = 9 }),
		sum("output 0: stride 0 of dimension 0", func(_ *vm.Code, _ *vm.Instr, l *micro.Loop) { l.Out[0].Strides = []int{0, 0} }),
		sum("operand 0 and result 0 overlap", func(p *vm.Code, in *vm.Instr, l *micro.Loop) {
			l.Dims, l.In[0].Strides, l.Out[0].Strides = []int{6, 1}, []int{1, 0}, []int{1, 0}
			in.In[0].Offset, in.Out[0].Type = 64, f64(6)
			p.Outputs[0].Type = f64(6)
			p.Inputs[0].Offset = 0
			p.Instrs = append([]vm.Instr{arrays().Instrs[0]}, p.Instrs...)
		}),

		// Kernels.
		call("unknown kernel", func(_ *vm.Code, in *vm.Instr) { in.Kernel = "no such" }),
		call("transpose: ", func(_ *vm.Code, in *vm.Instr) { in.Attrs = nil }),
		call("transpose: ", func(_ *vm.Code, in *vm.Instr) { in.Attrs[0].Value.Ints[0] = math.MinInt }),
		call("no value of one kind", func(_ *vm.Code, in *vm.Instr) { in.Attrs[0].Value.Int = 1 }),
		call("not in order", func(_ *vm.Code, in *vm.Instr) { in.Attrs = append(in.Attrs, in.Attrs[0]) }),
		call("operand 0 and result 0 overlap", func(p *vm.Code, in *vm.Instr) { in.Out[0].Offset, p.Outputs[0].Offset = 40, 40 }),
		call("operand 0 and result 0 overlap", func(_ *vm.Code, in *vm.Instr) { in.In[0].Offset = 64 }),
		call("dtype", func(_ *vm.Code, in *vm.Instr) { in.Out[0].DType = dtype.Int64 }),
		call("2 debug nodes", func(_ *vm.Code, in *vm.Instr) { in.Nodes = []int32{-1, -1} }),
	} {
		if _, err := vm.NewProgram(c.p); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("case %d: got %v, want %s", i, err, c.want)
		}
	}
}

type refused struct {
	p    *vm.Code
	want string
}

// TestVerifyCostsTheProgramOnly checks that sizes which a program states cost nothing.
func TestVerifyCostsTheProgramOnly(t *testing.T) {
	p := scalars(add(6, 0, 4))
	p.ArenaBytes = 1 << 43
	p.Instrs[0].Straight.Code = append(p.Instrs[0].Straight.Code, add(1<<32-4, 0, 0))
	if n := testing.AllocsPerRun(1, func() {
		if _, err := vm.NewProgram(p); err != nil {
			t.Fatal(err)
		}
	}); n > 100 {
		t.Errorf("%v allocations", n)
	}
	// Many pieces in an unfavourable order.
	const n = 20000
	p = scalars()
	p.Instrs = nil
	p.ArenaBytes = 64 + 16*n
	for i := range uint32(n) {
		p.Instrs = append(p.Instrs, vm.Instr{Op: vm.OpStraight, Straight: &micro.Straight{Code: []micro.Instr{add(16+4*(n-1-i), 0, 0)}}})
	}
	p.Outputs[0].Offset = 64
	if _, err := vm.NewProgram(p); err != nil {
		t.Fatal(err)
	}
}

// TestVerifyFieldMutations changes fields of programs at random to values that stand elsewhere in them; what
// still verifies must run within its memory and not depend on garbage.
func TestVerifyFieldMutations(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	ran := 0
	for range 6 {
		for _, p := range programs() {
			code := p.Code()
			for range 1 + r.IntN(2) {
				mutate(r, code)
			}
			q, err := vm.NewProgram(code)
			if err != nil || !runnable(q) {
				continue
			}
			ran++
			if d := runGuarded(q); d != "" {
				t.Fatalf("%s mutated: %s\n%v", p.name, d, q)
			}
		}
	}
	t.Logf("%d mutated programs ran", ran)
	if ran < 150 {
		t.Errorf("only %d mutated programs ran", ran)
	}
}

func mutate(r *rand.Rand, p *vm.Code) {
	pick := func(n int) int { return r.IntN(max(1, n)) }
	b := &p.Block
	if k := r.IntN(len(p.Blocks) + 1); k < len(p.Blocks) {
		b = &p.Blocks[k]
	}
	if len(b.Instrs) == 0 {
		return
	}
	in, other := &b.Instrs[pick(len(b.Instrs))], &b.Instrs[pick(len(b.Instrs))]
	ops := append(append([]vm.Operand{}, other.In...), other.Out...)
	for _, s := range b.Inputs {
		ops = append(ops, vm.Operand{Type: s.Type, Ref: s.Ref})
	}
	switch r.IntN(6) {
	case 5: // of an input or output of a block
		if slots := append(b.Inputs[:len(b.Inputs):len(b.Inputs)], b.Outputs...); len(slots) > 0 && len(ops) > 0 && b != &p.Block {
			i := pick(len(slots))
			to := slots[pick(len(slots))].Ref
			if i < len(b.Inputs) {
				b.Inputs[i].Ref, b.Inputs[i].Used = to, r.IntN(4) > 0
			} else {
				b.Outputs[i-len(b.Inputs)].Ref = to
			}
		}
	case 0: // another place
		if len(in.In) > 0 && len(ops) > 0 {
			in.In[pick(len(in.In))].Ref = ops[pick(len(ops))].Ref
		}
	case 1:
		if len(in.Out) > 0 && len(ops) > 0 {
			in.Out[pick(len(in.Out))].Ref = ops[pick(len(ops))].Ref
		}
	case 2: // another order
		*in, *other = *other, *in
	case 3:
		if s := &b.Outputs[pick(len(b.Outputs))]; len(ops) > 0 {
			s.Type, s.Ref = ops[pick(len(ops))].Type, ops[pick(len(ops))].Ref
		}
	}
	switch {
	case in.Straight != nil:
		c := in.Straight.Code
		a, b := &c[pick(len(c))], &c[pick(len(c))]
		switch r.IntN(6) {
		case 0:
			a.Dst = b.Dst
		case 1:
			a.A = b.Dst
		case 2:
			a.A, b.A = b.A, a.A
		case 3:
			*a, *b = *b, *a
		case 4:
			in.Straight.TempLo = a.Dst &^ 1
		case 5:
			in.Straight.TempHi = a.Dst &^ 1
		}
	case in.Loop != nil:
		l := in.Loop
		switch r.IntN(6) {
		case 0:
			if len(l.Code) > 0 {
				l.Code[pick(len(l.Code))].Dst = l.Code[pick(len(l.Code))].Dst
			}
		case 1:
			if len(l.Code) > 0 {
				l.Code[pick(len(l.Code))].A = uint32(pick(len(l.In) + len(l.Consts) + l.Temps))
			}
		case 2:
			l.OutRegs[pick(len(l.OutRegs))] = uint32(pick(len(l.In) + len(l.Consts) + l.Temps))
		case 3:
			if a := l.In; len(a) > 0 {
				a[pick(len(a))].Strides[pick(len(l.Dims))] = r.IntN(9) - 4
			}
		case 4:
			l.Dims[pick(len(l.Dims))] = 1 + r.IntN(5)
		case 5:
			l.Reduce = micro.ReduceKind(1 + r.IntN(4))
		}
	case in.Call != nil:
		near := func(n *int) { *n += []int{-1, 1, 1 << 30, math.MinInt, math.MaxInt}[r.IntN(5)] }
		if r.IntN(4) == 0 {
			in.Call.Frame += 64 * int64(r.IntN(5)-2)
		}
		switch c := in.Call; {
		case c.Scan != nil && r.IntN(3) == 0:
			c.Scan.Reverse = !c.Scan.Reverse
		case c.Scan != nil:
			near([]*int{&c.Scan.Body, &c.Scan.Length, &c.Scan.Captured, &c.Scan.Carries}[r.IntN(4)])
		case c.While != nil:
			near([]*int{&c.While.Cond, &c.While.Body, &c.While.Limit, &c.While.Captured, &c.While.Carries}[r.IntN(5)])
		default:
			near(&c.Cond.Blocks[pick(len(c.Cond.Blocks))])
		}
	case len(in.Attrs) > 0:
		v := &in.Attrs[pick(len(in.Attrs))].Value
		switch v.Kind {
		case attr.Int:
			v.Int += int64(r.IntN(5) - 2)
		case attr.Bool:
			v.Int ^= 1
		case attr.Ints:
			if len(v.Ints) > 0 {
				v.Ints[pick(len(v.Ints))] += []int{-1, 1, 2, math.MaxInt, math.MinInt, dtype.MaxElements}[r.IntN(6)]
			}
		case attr.Float:
			v.Float = []float64{0, math.NaN(), math.Inf(1), -1}[r.IntN(4)]
		}
	}
}

// BenchmarkVerify verifies a million micro-instructions.
func BenchmarkVerify(b *testing.B) {
	const n = 1 << 20
	code := make([]micro.Instr, n)
	for i := range code {
		code[i] = add(16+2*uint32(i), 0, 4)
	}
	p := scalars(code...)
	p.ArenaBytes = 64 + 8*n
	p.Outputs[0].Offset = 64
	for b.Loop() {
		if _, err := vm.NewProgram(p); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/instr")
}
