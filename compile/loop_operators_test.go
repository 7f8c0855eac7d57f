package compile_test

import (
	"fmt"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/ref"
	"github.com/adjoint-go/adjoint/internal/testkit"
)

// Every operator, with every sample, in the body of a scan that goes through its float operands, or of a switch, checkpoint or function that captures some: values and derivatives are those
// of the operator by itself, interpreted and compiled.
func TestOperatorsInBodies(t *testing.T) {
	checked := 0
	for _, op := range graph.Ops() {
		if op.Family == graph.FamilyUser || op.Builtin && op.MinArity == 0 {
			continue
		}
		for k, s := range op.Samples {
			if len(s.In) == 0 {
				continue
			}
			kind := []string{"scan", "switch", "checkpoint", "call"}[checked%4]
			operatorInBody(t, fmt.Sprintf("%s, sample %d, in a %s", op.Name, k, kind), op, s, kind)
			checked++
		}
	}
	t.Logf("%d bodies", checked)
	if checked < 400 {
		t.Errorf("only %d bodies", checked)
	}
}

func operatorInBody(t *testing.T, what string, op *graph.Op, s graph.Sample, kind string) {
	t.Helper()
	g, at := graph.New(), testkit.Point{}
	var in, wrt, along list
	for i, si := range s.In {
		v := testkit.SampleValue(si, i, graph.Float64)
		x := g.Input(fmt.Sprintf("x%d", i), v.Type.DType, v.Type.Shape...)
		at[x] = v
		in = append(in, x)
		if !si.Constant && v.F != nil {
			wrt = append(wrt, x)
			along = append(along, testkit.Literal(g, testkit.Spread(x.Type(), -1, 1, 23+i)))
		}
	}
	apply := func(in list) list {
		y := testkit.Build(g, op, s, in) // in the body, while there is one
		var results list
		for i := range max(1, len(y.Results())) {
			results = append(results, graph.Result(y, i))
		}
		if y.Results() != nil && len(y.Results()) == 0 {
			return nil
		}
		return results
	}
	plain := apply(in)
	if len(plain) == 0 {
		return
	}
	var inBody list
	switch kind {
	case "scan":
		var xs list
		for _, x := range in {
			if x.DType().IsFloat() {
				xs = append(xs, graph.Stack(0, x, x))
			}
		}
		// A carry beside it, so that there is something to hand on.
		_, ys := graph.Scan(2, list{g.Const(1)}, xs, func(c, e list) (next, ys list) {
			var args list
			for _, x := range in {
				if x.DType().IsFloat() {
					args, e = append(args, e[0]), e[1:]
				} else {
					args = append(args, x)
				}
			}
			return list{graph.Add(c[0], c[0])}, apply(args)
		}, graph.Reverse)
		for i, y := range ys {
			last := graph.Slice(y, graph.Range{Start: 1, Limit: 2})
			inBody = append(inBody, graph.Reshape(last, plain[i].Shape()...))
		}
	case "switch":
		inBody = graph.Switch(g.Scalar(graph.Int64, 1), in[:1], func(a list) list { return apply(append(a, in[1:]...)) }, func(a list) list {
			return graph.Checkpoint(in, apply)
		})
	case "call":
		inBody = graph.Function(in[:1], func(a list) list { return apply(append(a, in[1:]...)) })(in[0])
	default:
		inBody = graph.Checkpoint(in[len(in)-1:], func(a list) list { return apply(append(in[:len(in)-1:len(in)-1], a...)) })
	}
	if err := g.Err(); err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	all := func(ys list) (list, error) {
		out := append(list{}, ys...)
		var floats, weights list
		for i, y := range ys {
			if y.DType().IsFloat() {
				floats, weights = append(floats, y), append(weights, testkit.Literal(g, testkit.Spread(y.Type(), -1, 1, 11+i)))
			}
		}
		if len(floats) == 0 || len(wrt) == 0 {
			return out, nil
		}
		vjp, err := compile.VJP(floats, wrt, weights)
		if err != nil {
			return nil, fmt.Errorf("VJP: %w", err)
		}
		jvp, err := compile.JVP(floats, wrt, along)
		if err != nil {
			return nil, fmt.Errorf("JVP: %w", err)
		}
		second, err := compile.JVP(vjp, wrt, along)
		if err != nil {
			return nil, fmt.Errorf("JVP of VJP: %w", err)
		}
		return append(append(append(out, vjp...), jvp...), second...), nil
	}
	want, err := all(plain)
	if err != nil {
		t.Errorf("%s: by itself: %v", what, err)
		return
	}
	got, err := all(inBody)
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	values, err := ref.Eval(at, append(got, want...)...)
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	run, err := testkit.CompileAndRun(compile.Config{}, at, got...)
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	for i := range got {
		w, wide := values[len(got)+i], 1.0
		if w.Type.DType == graph.Float32 {
			wide = 1 << 20
		}
		if err := testkit.CloseTo(values[i], w, 1e-11*wide, 1e-13*wide); err != nil {
			t.Errorf("%s: interpreted: output %d of %d values and %d: %v", what, i, len(plain), len(got), err)
			return
		}
		if err := testkit.CloseTo(run[i], w, 1e-10*wide, 1e-12*wide); err != nil {
			t.Errorf("%s: compiled: output %d of %d values and %d: %v", what, i, len(plain), len(got), err)
			return
		}
	}
}
