package vm_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// A view of what the program does not have says so, with what it has.
func TestViewsOfOtherSlots(t *testing.T) {
	g := graph.New()
	x, k := g.Input("x", graph.Float32, 3), g.Input("k", graph.Int64)
	p, err := compile.Compile(graph.Sin(x).Named("y"), graph.Neg(k), graph.Cast(x, graph.Float64).Named("w"))
	if err != nil {
		t.Fatal(err)
	}
	m := vm.NewMachine(p)
	for _, c := range []struct {
		text string
		view func()
	}{
		{`no input or output is named "z" (inputs: x, k; outputs: y, w)`, func() { m.Float64("z") }},
		{`no input or output is named ""`, func() { m.Int64("") }},
		{`input "x" is f32[3]: it has no view of float64`, func() { m.Float64("x") }},
		{`output "y" is f32[3]: it has no view of int32`, func() { m.Int32("y") }},
		{`output "w" is f64[3]: it has no view of float32`, func() { m.Float32("w") }},
		{`input "k" is i64: it has no view of bool`, func() { m.Bool("k") }},
		{`output 0 is f32[3]: it has no view of float64`, func() { m.OutputFloat64(0) }},
		{`there is no output 3: the program has 3`, func() { m.OutputFloat64(3) }},
		{`there is no output -1`, func() { m.OutputFloat64(-1) }},
	} {
		said := func() (said string) {
			defer func() { said = fmt.Sprint(recover()) }()
			c.view()
			return ""
		}()
		if !strings.HasPrefix(said, "vm: ") || !strings.Contains(said, c.text) {
			t.Errorf("%q, want %q", said, c.text)
		}
	}
	if len(m.Float32("x")) != 3 || len(m.Int64("k")) != 1 || len(m.Float32("y")) != 3 || len(m.Float64("w")) != 3 || len(m.OutputFloat64(2)) != 3 {
		t.Error("a view has another length than its slot")
	}
}

// A machine that has no program, or too large a one, says so in every run and has no views.
func TestMachinesThatCannotRun(t *testing.T) {
	p, err := compile.Compile(graph.Sin(graph.New().Input("x", graph.Float64, 1<<26)))
	if err != nil {
		t.Fatal(err)
	}
	for name, m := range map[string]*vm.Machine{
		"program": vm.NewMachine(nil), "zero": new(vm.Machine), "nil": nil, "limit": vm.NewMachine(p, vm.WithMemoryLimit(1<<20)),
		"options": vm.NewMachine(nil, nil, vm.WithThreads(math.MinInt), vm.WithMemoryLimit(-1<<63)),
	} {
		want := "no program"
		if name == "limit" {
			want = vm.ErrMemoryLimit.Error()
		}
		_, run := m.Run(1.0)
		_, runContext := m.RunContext(context.Background())
		for _, err := range []error{run, runContext, m.Step(), m.StepContext(context.Background())} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", name, err, want)
			}
		}
		if m.Float64("x") != nil || m.OutputFloat64(0) != nil {
			t.Errorf("%s: has a view", name)
		}
		if (m.Program() == nil) != (name != "limit") {
			t.Errorf("%s: has the program %v", name, m.Program())
		}
	}
}
