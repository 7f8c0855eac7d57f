package vm_test

import (
	"testing"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/vm"
)

// lorenz is an Euler step of the Lorenz system with step 2⁻¹⁰, whose three carries are the three ys: 13 operations.
func lorenz() vm.Block {
	d := dtype.Float64
	b := vm.Block{ArenaBytes: 128, Const: []byte{
		0, 0, 0, 0, 0, 0, 0x24, 0x40, // 10
		0, 0, 0, 0, 0, 0, 0x3c, 0x40, // 28
		0, 0, 0, 0, 0, 0, 0x04, 0x40, // 2.5
		0, 0, 0, 0, 0, 0, 0x50, 0x3f, // 2⁻¹⁰
	}, ConstOffset: 48}
	for k := range int64(3) {
		b.Inputs = append(b.Inputs, slot("", f64(), 8*k))
		b.Outputs = append(b.Outputs, slot("", f64(), 24+8*k))
	}
	b.Outputs = append(b.Outputs, b.Outputs...)
	fma := func(dst, a, x, c uint32) micro.Instr {
		return micro.Instr{Op: micro.FMA, Type: d, Dst: dst, A: a, B: x, C: c}
	}
	const x, y, z, sigma, rho, beta, h, t, u, v = 0, 2, 4, 12, 14, 16, 18, 20, 22, 24
	b.Instrs = []vm.Instr{straight(80, 104,
		op2(micro.Sub, d, t, y, x), op2(micro.Mul, d, t, t, sigma), // x' = σ(y − x)
		op2(micro.Sub, d, u, rho, z), micro.Instr{Op: micro.FMS, Type: d, Dst: u, A: x, B: u, C: y}, // y' = x(ρ − z) − y
		op2(micro.Mul, d, v, beta, z), micro.Instr{Op: micro.FMS, Type: d, Dst: v, A: x, B: y, C: v}, // z' = xy − βz
		fma(6, h, t, x), fma(8, h, u, y), fma(10, h, v, z))}
	return b
}

func lorenzScan(length int) *vm.Code {
	s, ys := f64(), f64(length)
	return calling([]vm.Block{lorenz()}, vm.Call{Scan: &vm.Scan{Length: length, Carries: 3}}, []vm.Type{s, s, s}, []vm.Type{s, s, s, ys, ys, ys})
}

// BenchmarkScanStep gives the time of a step of a scan, and of what the step does when it stands alone.
func BenchmarkScanStep(b *testing.B) {
	perStep := func(b *testing.B, length int, m *vm.Machine) {
		fillViews(m)
		for b.Loop() {
			if err := m.Step(); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(length), "ns/step")
	}
	alone := func(block vm.Block) *vm.Code {
		c := &vm.Code{Block: block}
		c.Inputs, c.Outputs = named(c.Inputs, "in"), named(c.Outputs, "out")
		return c
	}
	b.Run("scalars", func(b *testing.B) {
		perStep(b, 10000, vm.NewMachine(must(vm.NewProgram(lorenzScan(10000))), vm.WithNativeAhead()))
	})
	b.Run("scalars/alone", func(b *testing.B) {
		perStep(b, 1, vm.NewMachine(must(vm.NewProgram(alone(lorenz()))), vm.WithNativeAhead()))
	})
	b.Run("in place", func(b *testing.B) {
		perStep(b, 500, vm.NewMachine(must(vm.NewProgram(inPlace(1000, 500))), vm.WithThreads(1), vm.WithNativeAhead()))
	})
	b.Run("short", func(b *testing.B) {
		perStep(b, 500, vm.NewMachine(must(vm.NewProgram(inPlace(14, 500))), vm.WithThreads(1), vm.WithNativeAhead()))
	})
	b.Run("in place/alone", func(b *testing.B) {
		c := alone(inPlace(1000, 500).Blocks[0])
		c.Instrs[2].Out[0].Offset, c.Outputs[0].Offset, c.ArenaBytes = 24576, 24576, 32768
		perStep(b, 1, vm.NewMachine(must(vm.NewProgram(c)), vm.WithThreads(1), vm.WithNativeAhead()))
	})
	for _, spaces := range []bool{false, true} {
		name := "arrays"
		if spaces {
			name = "spaces"
		}
		c := wave(1000, 500, spaces)
		b.Run(name, func(b *testing.B) {
			perStep(b, 500, vm.NewMachine(must(vm.NewProgram(c)), vm.WithThreads(1), vm.WithNativeAhead()))
		})
		b.Run(name+"/alone", func(b *testing.B) {
			perStep(b, 1, vm.NewMachine(must(vm.NewProgram(alone(c.Blocks[0]))), vm.WithThreads(1), vm.WithNativeAhead()))
		})
	}
}

// inPlace returns a scan whose carry of n elements is overwritten by its next value in three operations, with a captured array.
func inPlace(n, length int) *vm.Code {
	w, u, t := vm.Ref{Space: 1}, arena(0), arena(8192)
	body := vm.Block{ArenaBytes: 16384, Inputs: []vm.Slot{{Type: f64(n), Ref: w, Used: true}, slot("", f64(n), 0)}, Outputs: []vm.Slot{slot("", f64(n), 0)},
		Instrs: []vm.Instr{elementwise(micro.Sub, n, w, u, t), elementwise(micro.Mul, n, t, t, t), elementwise(micro.Add, n, u, t, u)}}
	return calling([]vm.Block{body}, vm.Call{Scan: &vm.Scan{Length: length, Captured: 1, Carries: 1}}, []vm.Type{f64(n), f64(n)}, []vm.Type{f64(n)})
}

// BenchmarkWhileStep gives the time of a step of a While of scalars: a counter and a product.
func BenchmarkWhileStep(b *testing.B) {
	d, steps := dtype.Float64, 10000
	one := []byte{0, 0, 0, 0, 0, 0, 0xf0, 0x3f}
	body := vm.Block{ArenaBytes: 64, Inputs: []vm.Slot{slot("", f64(), 0), slot("", f64(), 8), slot("", f64(), 16)}, Outputs: []vm.Slot{slot("", f64(), 24), slot("", f64(), 32)},
		Const: one, ConstOffset: 40, Instrs: []vm.Instr{straight(0, 0, op2(micro.Add, d, 6, 2, 10), op2(micro.Mul, d, 8, 4, 10))}}
	cond := vm.Block{ArenaBytes: 64, Inputs: body.Inputs, Outputs: []vm.Slot{slot("", typed(dtype.Bool), 24)}, Instrs: []vm.Instr{straight(0, 0, op2(micro.Lt, d, 6, 2, 0))}}
	cond.Inputs = append([]vm.Slot(nil), cond.Inputs...)
	cond.Inputs[2].Used = false
	p := must(vm.NewProgram(calling([]vm.Block{cond, body}, vm.Call{While: &vm.While{Cond: 0, Body: 1, Limit: 1 << 30, Captured: 1, Carries: 2}},
		[]vm.Type{f64(), f64(), f64()}, []vm.Type{f64(), f64(), typed(dtype.Int64)})))
	m := vm.NewMachine(p, vm.WithNativeAhead())
	m.Float64("in0")[0], m.Float64("in1")[0], m.Float64("in2")[0] = float64(steps), 0, 1
	for b.Loop() {
		if err := m.Step(); err != nil {
			b.Fatal(err)
		}
	}
	if m.Int64("out2")[0] != int64(steps) {
		b.Fatal(m.Int64("out2")[0])
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(steps), "ns/step")
}
