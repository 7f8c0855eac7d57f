package vm

import (
	"reflect"
	"testing"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
)

// wholeCode returns code in which every list and pointer is set, at every depth.
func wholeCode() *Code {
	f64 := func(shape ...int) Type { return Type{DType: dtype.Float64, Shape: shape} }
	call := func(c *Call, operands ...Operand) Instr {
		return Instr{Op: OpCall, Call: c, Nodes: []int32{0}, In: append(operands, Operand{Type: f64(1), Ref: Ref{Offset: 0}}), Out: []Operand{{Type: f64(1), Ref: Ref{Offset: 176}}}}
	}
	return &Code{Block: Block{
		Inputs:  []Slot{{Name: "x", Also: []string{"a"}, Type: f64(2, 3), Used: true}},
		Outputs: []Slot{{Name: "y", Also: []string{"b"}, Type: f64(3, 2), Ref: Ref{Offset: 64}, Used: true}},
		Instrs: []Instr{
			{Op: OpKernel, Kernel: "transpose", Attrs: attr.Make(attr.L("perm", []int{1, 0})), Nodes: []int32{0},
				In: []Operand{{Type: f64(2, 3)}}, Out: []Operand{{Type: f64(3, 2), Ref: Ref{Offset: 64}}}},
			{Op: OpLoop, Nodes: []int32{0, 0}, In: []Operand{{Type: f64(6)}}, Out: []Operand{{Type: f64(6), Ref: Ref{Offset: 128}}},
				Loop: &micro.Loop{Dims: []int{6}, In: []micro.Access{{Type: dtype.Float64, Strides: []int{1}}},
					Consts: []micro.Const{{Type: dtype.Float64}}, Temps: 1, Code: []micro.Instr{{Op: micro.Add, Type: dtype.Float64, Dst: 2, A: 0, B: 1}},
					Out: []micro.Access{{Type: dtype.Float64, Strides: []int{1}}}, OutRegs: []uint32{2}}},
			{Op: OpStraight, Nodes: []int32{0}, Straight: &micro.Straight{TempLo: 60, TempHi: 60, Code: []micro.Instr{{Op: micro.Neg, Type: dtype.Float64, Dst: 46}}}},
			call(&Call{Frame: 256, Scan: &Scan{Length: 3, Carries: 1}}),
			call(&Call{Frame: 256, Cond: &Cond{Blocks: []int{0, 0}}}, Operand{Type: Type{DType: dtype.Int64}, Ref: Ref{Offset: 192}}),
		},
		ArenaBytes: 320, Const: make([]byte, 8), ConstOffset: 192,
	}, Blocks: []Block{{
		Inputs: []Slot{{Name: "c", Also: []string{"d"}, Type: f64(1), Used: true}}, Outputs: []Slot{{Name: "next", Also: []string{"e"}, Type: f64(1), Ref: Ref{Offset: 8}, Used: true}},
		Instrs:     []Instr{{Op: OpStraight, Nodes: []int32{0}, Straight: &micro.Straight{TempLo: 4, TempHi: 4, Code: []micro.Instr{{Op: micro.Neg, Type: dtype.Float64, Dst: 2}}}}},
		ArenaBytes: 32, Const: make([]byte, 8), ConstOffset: 24,
	}},
		Debug: Debug{Strings: []string{""}, Nodes: []NodeInfo{{}}},
	}
}

// TestProgramsShareNoMemory walks through a program, the code it was made of, and everything that it hands out: a change
// of one must not reach another. The walk fails for a list that wholeCode leaves empty, so a new field is not forgotten.
func TestProgramsShareNoMemory(t *testing.T) {
	given := wholeCode()
	p, err := NewProgram(given)
	if err != nil {
		t.Fatal(err)
	}
	owners := map[uintptr]string{}
	places := 0
	for _, x := range []struct {
		owner string
		value any
	}{
		{"the program", &p.code}, {"what it was made of", given}, {"a copy", p.Code()}, {"another copy", p.Code()},
		{"the inputs", p.Inputs()}, {"the outputs", p.Outputs()},
	} {
		memory(t, x.owner, reflect.ValueOf(x.value), func(at uintptr, what string) {
			places++
			if other, ok := owners[at]; ok {
				t.Errorf("%s: %s and %s share memory", what, other, x.owner)
			}
			owners[at] = x.owner
		})
	}
	if places < 4*30 {
		t.Errorf("only %d pieces of memory", places)
	}
}

// memory calls f with the address of each list and pointer in v.
func memory(t *testing.T, what string, v reflect.Value, f func(at uintptr, what string)) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			f(v.Pointer(), what)
			memory(t, what, v.Elem(), f)
		}
	case reflect.Slice:
		if v.Len() == 0 {
			if v.Type().Elem().Kind() != reflect.Float64 && v.Type().Elem().Kind() != reflect.Int && v.Type() != reflect.TypeFor[attr.List]() && v.Type() != reflect.TypeFor[[]Operand]() && v.Type() != reflect.TypeFor[[]attr.Function]() { // kernels take no functions
				t.Errorf("%s is empty", what)
			}
			return
		}
		f(v.Pointer(), what)
		for i := range v.Len() {
			memory(t, what, v.Index(i), f)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			memory(t, what+"."+v.Type().Field(i).Name, v.Field(i), f)
		}
	case reflect.Map, reflect.Interface, reflect.Chan, reflect.Func:
		t.Errorf("%s is a %v", what, v.Kind())
	}
}

// TestChangesDoNotReachAProgram changes the code that a program was made of and the copies that it gives to something that would leave
// the arena; the program runs as before.
func TestChangesDoNotReachAProgram(t *testing.T) {
	given := wholeCode()
	p, err := NewProgram(given)
	if err != nil {
		t.Fatal(err)
	}
	text := p.Text()
	m := NewMachine(p)
	for _, c := range []*Code{given, p.Code()} {
		c.ArenaBytes = 1 << 50
		c.Outputs[0].Offset, c.Outputs[0].Shape[0] = 1<<40, 1<<20
		for i := range c.Instrs {
			in := &c.Instrs[i]
			for _, list := range [][]Operand{in.In, in.Out} {
				for k := range list {
					list[k].Offset = 1 << 40
					if len(list[k].Shape) > 0 {
						list[k].Shape[0] = 1 << 20
					}
				}
			}
		}
		c.Instrs[0].Attrs[0].Value.Ints[0] = 1 << 20
		c.Instrs[1].Loop.Dims[0], c.Instrs[1].Loop.Code[0].Dst, c.Instrs[1].Loop.In[0].Strides[0] = 1<<20, 1<<20, 1<<20
		c.Instrs[2].Straight.Code[0].Dst = 1 << 30
		c.Blocks[0].Instrs[0].Straight.Code[0].Dst, c.Instrs[3].Call.Scan.Length, c.Instrs[4].Call.Cond.Blocks[1] = 1<<30, 1<<28, 7
		if _, err := NewProgram(c); err == nil {
			t.Error("the changed code verifies")
		}
	}
	p.Inputs()[0].Shape[0] = 1 << 30
	p.Outputs()[0].Offset = 1 << 40
	for _, m := range []*Machine{m, NewMachine(p)} {
		x := m.Float64("x")
		for i := range x {
			x[i] = float64(i)
		}
		if err := m.Step(); err != nil {
			t.Fatal(err)
		}
		if y := m.Float64("y"); len(x) != 6 || len(y) != 6 || y[1] != 3 || y[4] != 2 {
			t.Errorf("transpose of %v: %v", x, y)
		}
	}
	if p.Text() != text {
		t.Errorf("the program has changed:\n%s", p.Text())
	}
}

// TestNoProgram runs machines without a program, and with one that holds nothing.
func TestNoProgram(t *testing.T) {
	m := NewMachine(nil)
	if _, err := m.Run(); err == nil {
		t.Error("a machine without a program runs")
	}
	if err := m.Step(); err == nil || m.Float64("x") != nil || m.OutputFloat64(0) != nil || len(m.Executors()) != 0 || m.MachineCode() != "" {
		t.Error("a machine without a program does something")
	}
	if _, err := m.Profile(t.Context(), 1); err == nil {
		t.Error("a machine without a program has a profile")
	}
	if out, err := NewMachine(&Program{}).Run(); err != nil || len(out) != 0 {
		t.Errorf("the empty program gives %v, %v", out, err)
	}
	if _, err := NewProgram(nil); err == nil {
		t.Error("a program is made of nothing")
	}
}

// TestKernelsShareNoMemory registers a kernel that spoils all that it is given: later runs and programs must not see it.
func TestKernelsShareNoMemory(t *testing.T) {
	spoilTypes := func(list []Type) {
		for i := range list {
			list[i].DType = dtype.Bool
			for k := range list[i].Shape {
				list[i].Shape[k] = 1 << 30
			}
		}
	}
	spoilAttrs := func(a Attrs) {
		for i := range a {
			a[i].Key = "spoilt"
			for k := range a[i].Value.Ints {
				a[i].Value.Ints[k] = 1 << 30
			}
		}
	}
	runs := 0
	err := RegisterKernel(Kernel{
		Name: "user_spoils",
		Check: func(in, out []Type, a Attrs) error {
			spoilTypes(in)
			spoilTypes(out)
			spoilAttrs(a)
			return nil
		},
		Run: func(in, out []Tensor, a Attrs) error {
			if in[0].Shape[0] != 2 || len(in[0].F64) != 6 || len(out[0].F64) != 6 || runs == 0 && a.Ints("perm")[0] != 1 {
				t.Errorf("run %d gets %v, %v and %v", runs, in, out, a)
			}
			runs++
			for i, v := range in[0].F64 {
				out[0].F64[i] = v + 1
			}
			for _, list := range [][]Tensor{in, out} {
				for i := range list {
					list[i].Shape[0], list[i].F64 = 1<<30, nil
				}
			}
			spoilAttrs(a)
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	c := wholeCode()
	c.Instrs[0].Kernel = "user_spoils"
	p, err := NewProgram(c)
	if err != nil {
		t.Fatal(err)
	}
	text := p.Text()
	m := NewMachine(p)
	m.Float64("x")[5] = 3
	for range 3 {
		m.Float64("y")[5] = 0
		if err := m.Step(); err != nil {
			t.Fatal(err)
		}
		if y := m.Float64("y"); y[5] != 4 {
			t.Errorf("y = %v", y)
		}
	}
	if runs != 3 || p.Text() != text {
		t.Errorf("%d runs of\n%s", runs, p.Text())
	}
}
