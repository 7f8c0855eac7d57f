package testkit

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/ref"
	"github.com/adjoint-go/adjoint/vm"
)

// recorder is a testing.TB that keeps errors.
type recorder struct {
	testing.TB
	errors []string
}

func (r *recorder) Helper() {}
func (r *recorder) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

// clone returns an unregistered operator that works as the named one, under its name.
func clone(name string) *graph.Op {
	op := *graph.LookupOp(name)
	return &op
}

// The kit must notice every kind of mistake in an operator.
func TestMistakesAreNoticed(t *testing.T) {
	sin, matmul, where := clone("sin"), clone("matmul"), clone("where")
	wrongSecond, wrongValue, wrongTangent := clone("sin"), clone("cos"), clone("where")
	sin.Partial = func(n *graph.Node, _ int) *graph.Node { return graph.Neg(graph.Cos(n.Input(0))) }
	matmul.Transpose = func(n *graph.Node, i int, ct *graph.Node) *graph.Node {
		return graph.LookupOp("matmul").Transpose(n, i, graph.Mul(ct, graph.Like(ct, 2)))
	}
	where.VJP = func(n *graph.Node, ct []*graph.Node) []*graph.Node {
		a := graph.LookupOp("where").VJP(n, ct)
		return []*graph.Node{nil, a[1], graph.Neg(a[2])}
	}
	wrongSecond.Partial = func(n *graph.Node, _ int) *graph.Node { return graph.StopGradient(graph.Cos(n.Input(0))) }
	wrongValue.Micro = "sin"
	wrongTangent.JVP = func(n *graph.Node, dot []*graph.Node) []*graph.Node {
		return []*graph.Node{graph.Where(graph.LogicalNot(n.Input(0)), dot[1], dot[2])}
	}
	for _, c := range []struct {
		what string
		op   *graph.Op
		want string
	}{
		{"partial of sin", sin, "differences"},
		{"transpose of matmul", matmul, "⟨w, Ju⟩"},
		{"VJP of where", where, "⟨w, Ju⟩"},
		{"JVP of where", wrongTangent, "⟨w, Ju⟩"},
		{"second derivative of sin", wrongSecond, "JVP of VJP"},
		{"value of cos", wrongValue, "value 0"},
	} {
		r := &recorder{TB: t}
		CheckOp(r, c.op, c.op.Samples[0], graph.Float64)
		if !strings.Contains(strings.Join(r.errors, "\n"), c.want) {
			t.Errorf("a wrong %s was reported as %q", c.what, r.errors)
		}
	}
}

// Hooks see every graph and program.
func TestHooksAreCalled(t *testing.T) {
	graphs, programs := GraphHooks, ProgramHooks
	defer func() { GraphHooks, ProgramHooks = graphs, programs }()
	GraphHooks = append(graphs[:len(graphs):len(graphs)], func(*graph.Graph, []*graph.Node) error { return errors.New("graph hook") })
	ProgramHooks = append(programs[:len(programs):len(programs)], func(*vm.Program) error { return errors.New("program hook") })
	r := &recorder{TB: t}
	op := graph.LookupOp("sin")
	CheckOp(r, op, op.Samples[0], graph.Float64)
	for _, want := range []string{"graph hook", "program hook"} {
		if !strings.Contains(strings.Join(r.errors, "\n"), want) {
			t.Errorf("%q lacks the failure of the %s", r.errors, want)
		}
	}
}

func TestClose(t *testing.T) {
	f := func(v ...float64) ref.Value {
		return ref.Of(graph.Type{DType: graph.Float64, Shape: graph.Shape{len(v)}}, v...)
	}
	if Close(f(1, 2), f(1, 2+1e-9), 1e-8) != nil || Close(f(1, 2), f(1, 2.1), 1e-8) == nil {
		t.Error("Close does not compare to the bound")
	}
	nan := f(0)
	nan.F[0] /= nan.F[0]
	if Close(nan, nan, 0) != nil || Close(nan, f(1), 1) == nil || Close(f(1), nan, 1) == nil {
		t.Error("Close: NaN")
	}
	if SameBits(f(0), f(0)) != nil || SameBits(ref.Of(f(0).Type, 0), f(negativeZero)) == nil {
		t.Error("SameBits: zeros")
	}
}

var negativeZero = 1 / negativeInfinity()

func negativeInfinity() float64 {
	zero := 0.0
	return -1 / zero
}
