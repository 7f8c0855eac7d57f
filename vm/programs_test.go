package vm_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/kernel"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/internal/testkit"
	"github.com/adjoint-go/adjoint/vm"
)

type namedProgram struct {
	name string
	*vm.Program
}

// programs returns compiled programs of all kinds: random graphs with derivatives of two orders, and every
// operator's samples, so that every micro-operation and kernel with its attributes is there.
var programs = sync.OnceValue(func() []namedProgram {
	var list []namedProgram
	add := func(name string, c compile.Config, outputs ...*graph.Node) {
		p, err := c.Compile(outputs...)
		if err != nil {
			panic(fmt.Sprintf("%s: %v", name, err))
		}
		list = append(list, namedProgram{name, p})
	}
	for family, rc := range []testkit.RandomConfig{
		{DType: graph.Float64, Operators: 16, MaxSize: 100, Order: 2},
		{DType: graph.Float64, Operators: 10, MaxSize: 3000, Order: 1},
		{DType: graph.Float64, Operators: 40, Scalars: true, MaxSize: 10, Order: 2},
		{DType: graph.Float32, Operators: 8, MaxSize: 100, Order: 1},
	} {
		for seed := range uint64(8) {
			r, err := testkit.Random(1000+seed, rc)
			if err != nil {
				panic(err)
			}
			c := compile.Config{NoDebug: seed%4 == 3, Unoptimized: seed%4 == 2}
			add(fmt.Sprintf("random/%d/%d", family, seed), c, r.Outputs...)
		}
	}
	g := graph.New()
	x, y, s := g.Input("x", graph.Float64, 3, 5), g.Input("y", graph.Float64, 3, 5), g.Input("s", graph.Float64)
	add("updates", compile.Config{Updates: []compile.Update{{Input: x, Value: graph.Sub(x, graph.Mul(s, y))}, {Input: y, Value: graph.Exp(x)}, {Input: s, Value: graph.Sum(y)}}}, graph.Sum(x))
	g = graph.New()
	x, k := g.Input("x", graph.Float32, 30, 40), g.Input("k", graph.Float32, 40)
	sum := graph.Mul(x, k)
	for _, by := range [][2]int{{0, 1}, {1, 0}, {-1, -40}} {
		far := []int{max(by[0], -by[0]), max(by[1], -by[1])}
		part := graph.Slice(graph.Pad(x, far, far, 0), graph.Range{Start: far[0] + by[0], Limit: far[0] + by[0] + 30}, graph.Range{Start: far[1] + by[1], Limit: far[1] + by[1] + 40})
		sum = graph.Add(graph.Mul(part, k), sum)
	}
	add("windows", compile.Config{FastMath: true}, sum)
	for k, c := range callPrograms() {
		list = append(list, namedProgram{fmt.Sprint("calls/", k), must(vm.NewProgram(c))})
	}
	for _, op := range graph.Ops() {
		for k, s := range op.Samples {
			g := graph.New()
			in := make([]*graph.Node, len(s.In))
			for i, v := range s.In {
				in[i] = g.Input(fmt.Sprintf("x%d", i), v.Type.DType, v.Type.Shape...)
			}
			n := testkit.Build(g, op, s, in)
			if !n.Valid() {
				continue
			}
			outputs := []*graph.Node{n}
			for i := range n.Results() {
				outputs = append(outputs[:i:i], graph.Result(n, i))
			}
			add(fmt.Sprintf("%s/%d", op.Name, k), compile.Config{}, outputs...)
		}
	}
	for _, k := range []struct {
		name    string
		attrs   attr.List
		in, out vm.Type
	}{ // kernels that no graph comes to
		{"copy", nil, typed(dtype.Int32, 2, 3), typed(dtype.Int32, 6)},
		{"broadcast_to", attr.Make(attr.L("shape", []int{2, 3})), typed(dtype.Float64, 3), typed(dtype.Float64, 2, 3)},
		{"reduce_prod", attr.Make(attr.L("axes", []int{0}), attr.B("keepdims", false)), typed(dtype.Float32, 2, 3), typed(dtype.Float32, 3)},
	} {
		in := vm.Instr{Op: vm.OpKernel, Kernel: k.name, Attrs: k.attrs, In: []vm.Operand{operand(k.in, 0)}, Out: []vm.Operand{operand(k.out, 64)}}
		b := vm.Block{ArenaBytes: 128, Inputs: []vm.Slot{slot("x", k.in, 0)}, Outputs: []vm.Slot{slot("", k.out, 64)}, Instrs: []vm.Instr{in}}
		list = append(list, namedProgram{"kernel " + k.name, must(vm.NewProgram(&vm.Code{Block: b}))})
	}
	return list
})

// TestProgramsHaveEverything holds that what is tried with all programs, such as round trips, mutations and runs between guards, is tried
// with every opcode, micro-operation and kernel.
func TestProgramsHaveEverything(t *testing.T) {
	opcodes, ops, kernels := map[vm.Opcode]bool{}, map[micro.Op]bool{}, map[string]bool{}
	see := func(list []vm.Instr) {
		for i := range list {
			in := &list[i]
			opcodes[in.Op], kernels[in.Kernel] = true, true
			if what, _ := in.Describe(); what == "" {
				t.Errorf("an instruction %v has no description", in.Op)
			}
			var code []micro.Instr
			if in.Straight != nil {
				code = in.Straight.Code
			}
			if in.Loop != nil {
				code = in.Loop.Code
			}
			for _, c := range code {
				ops[c.Op] = true
			}
		}
	}
	for _, p := range programs() {
		code := p.Code()
		see(code.Instrs)
		for i := range code.Blocks {
			see(code.Blocks[i].Instrs)
		}
	}
	for o := vm.OpInvalid + 1; o.String() != vm.OpInvalid.String(); o++ {
		if !opcodes[o] {
			t.Errorf("no program has the opcode %v", o)
		}
	}
	for op := micro.Mov; int(op) < micro.Count; op++ {
		if !ops[op] {
			t.Errorf("no program has the micro-operation %v", op)
		}
	}
	for _, name := range kernel.Names() {
		if !kernels[name] && !strings.HasPrefix(name, "user_") {
			t.Errorf("no program calls the kernel %s", name)
		}
	}
}

// difference describes how two programs differ, "" if they do not. Empty and nil lists are the same.
func difference(p, q *vm.Program) string {
	return cmp.Diff(p.Code(), q.Code(), cmpopts.EquateEmpty())
}

func TestProgramsVerify(t *testing.T) {
	if len(programs()) < 150 {
		t.Errorf("only %d programs", len(programs()))
	}
	for _, p := range programs() {
		if _, err := vm.NewProgram(p.Code()); err != nil {
			t.Errorf("%s: %v", p.name, err)
		}
	}
}
