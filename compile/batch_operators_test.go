package compile_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/ref"
	"github.com/adjoint-go/adjoint/internal/testkit"
	"github.com/adjoint-go/adjoint/vm"
)

// A batch of every operator, over each operand of its samples alone, be it floats, integers or masks, and over all floats, is the same as
// one application after another; so are the gradients. A batch of batches is the same as one large batch, and the gradient of a batch is the
// batch of gradients.
func TestBatchOfEveryOperator(t *testing.T) {
	const n = 4
	checked := 0
	for _, op := range graph.Ops() {
		if op.Family == graph.FamilyUser || op.Builtin && op.MinArity == 0 || op.Name == "result" {
			continue
		}
		for k, s := range op.Samples {
			var floats []int
			for i, in := range s.In {
				if in.Type.DType == graph.Float64 {
					floats = append(floats, i)
				}
			}
			choices := [][]int{floats}
			for i, in := range s.In {
				if len(s.In) > 1 || in.Type.DType != graph.Float64 {
					choices = append(choices, []int{i})
				}
			}
			for _, c := range choices {
				if len(c) > 0 {
					batchSample(t, fmt.Sprintf("%s, sample %d, operands %v", op.Name, k, c), op, s, c, n)
					checked++
				}
			}
		}
	}
	t.Logf("%d batches", checked)
	if checked < 700 {
		t.Errorf("only %d batches", checked)
	}
}

// inOrder lists operators whose integer operands must stay in order.
var inOrder = map[string]bool{"csr_matmul": true, "csr_sampled_matmul": true, "csr_solve": true}

func batchSample(t *testing.T, what string, op *graph.Op, s graph.Sample, choice []int, n int) {
	t.Helper()
	g, at := graph.New(), testkit.Point{}
	var in, wrt, from, to []*graph.Node
	singles := make([]testkit.Point, n)
	for i := range singles {
		singles[i] = testkit.Point{}
	}
	for i, si := range s.In {
		v := testkit.SampleValue(si, i, graph.Float64)
		x := g.Input(fmt.Sprintf("x%d", i), v.Type.DType, v.Type.Shape...)
		in = append(in, x)
		batched := false
		for _, c := range choice {
			batched = batched || c == i
		}
		if si.Type.DType == graph.Float64 && !si.Constant {
			wrt = append(wrt, x)
		}
		if !batched {
			at[x] = v
			for _, p := range singles {
				p[x] = v
			}
			continue
		}
		xs := g.Input(fmt.Sprintf("xs%d", i), v.Type.DType, append([]int{n}, v.Type.Shape...)...)
		all := ref.New(xs.Type())
		for b := range n {
			one := ref.New(v.Type)
			for e, f := range v.F {
				one.F[e] = f * (1 + 0.01*float64(b))
			}
			// Indices and masks are turned, where any order will do.
			turn := b
			if inOrder[op.Name] {
				turn = 0
			}
			for e := range v.I {
				one.I[e] = v.I[(e+turn)%len(v.I)]
			}
			for e := range v.B {
				one.B[e] = v.B[(e+turn)%len(v.B)]
			}
			copy(all.F[b*len(v.F):], one.F)
			copy(all.I[b*len(v.I):], one.I)
			copy(all.B[b*len(v.B):], one.B)
			singles[b][x] = one
		}
		at[xs], from, to = all, append(from, x), append(to, xs)
	}
	y := testkit.Build(g, op, s, in)
	var outputs []*graph.Node
	var cost *graph.Node
	for i := range max(1, len(y.Results())) {
		r := graph.Result(y, i)
		outputs = append(outputs, r)
		if r.DType().IsFloat() {
			w := testkit.Literal(g, testkit.Spread(r.Type(), 0.5, 1.5, i))
			term := graph.Sum(graph.Mul(w, r))
			if cost == nil {
				cost = term
			} else {
				cost = graph.Add(cost, term)
			}
		}
	}
	for _, r := range outputs { // a loop behind the operator, whose values at each step are read
		if r.DType().IsFloat() {
			_, ys := graph.Scan(2, []*graph.Node{r}, nil, func(c, _ []*graph.Node) (next, ys []*graph.Node) {
				return []*graph.Node{graph.Tanh(c[0])}, []*graph.Node{graph.Add(c[0], r)}
			})
			outputs = append(outputs, ys[0])
			break
		}
	}
	first := len(outputs)
	if cost != nil && len(wrt) > 0 {
		outputs = append(append(outputs, grad(t, cost, wrt...)...), cost)
	}
	batched, err := compile.Batch(outputs, from, to)
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	batchTwice(t, what, at, outputs, batched, from, to)
	if len(outputs) > first {
		gradientOfBatch(t, what, at, batched[first:], wrt, from, to)
	}
	many, err := testkit.CompileAndRun(compile.Config{}, used(at, batched), batched...)
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	p, err := testkit.Compile(compile.Config{}, outputs...)
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	m := vm.NewMachine(p)
	for b := range n {
		one, err := testkit.Run(m, used(singles[b], outputs))
		if err != nil {
			t.Errorf("%s: %v", what, err)
			return
		}
		for k, want := range one {
			size, all := want.Len(), many[k]
			got := ref.Value{Type: want.Type}
			switch {
			case all.Len() == size: // it does not depend on what is batched
				got.F, got.I, got.B = all.F, all.I, all.B
			case want.F != nil:
				got.F = all.F[size*b : size*b+size]
			case want.I != nil:
				got.I = all.I[size*b : size*b+size]
			default:
				got.B = all.B[size*b : size*b+size]
			}
			if err := testkit.Close(got, want, 1e-11); err != nil {
				t.Errorf("%s: element %d of the batch, output %d: %v", what, b, k, err)
				return
			}
		}
	}
}

// used returns the part of a point that the outputs depend on.
func used(p testkit.Point, outputs []*graph.Node) testkit.Point {
	q := testkit.Point{}
	for x, v := range p {
		for _, o := range outputs {
			if reaches(o, x) {
				q[x] = v
			}
		}
	}
	return q
}

// batchTwice compares a batch of batches with one batch.
func batchTwice(t *testing.T, what string, at testkit.Point, outputs, batched, from, to []*graph.Node) {
	t.Helper()
	g := outputs[0].Graph()
	var rows, all []*graph.Node
	for i, x := range from {
		rows = append(rows, g.Placeholder(x.DType(), append([]int{2}, x.Shape()...)...))
		all = append(all, graph.Reshape(to[i], append([]int{to[i].Shape()[0] / 2, 2}, x.Shape()...)...))
	}
	inner, err := compile.Batch(outputs, from, rows)
	if err == nil {
		inner, err = compile.Batch(inner, rows, all)
	}
	if err != nil {
		t.Errorf("%s: batch of batches: %v", what, err)
		return
	}
	var got []*graph.Node
	for i, n := range inner {
		got = append(got, graph.Reshape(n, batched[i].Shape()...))
	}
	equal(t, what+", batch of batches", at, got, batched)
}

// gradientOfBatch compares the gradient of the sum of batched costs, which come last, with the batched gradients before them.
func gradientOfBatch(t *testing.T, what string, at testkit.Point, batched, wrt, from, to []*graph.Node) {
	t.Helper()
	gradients, costs := batched[:len(wrt)], batched[len(wrt)]
	var by, want []*graph.Node
	for i, x := range wrt {
		if k := slices.Index(from, x); k >= 0 {
			by, want = append(by, to[k]), append(want, gradients[i])
		} else {
			by, want = append(by, x), append(want, graph.ReduceSum(gradients[i], []int{0}))
		}
	}
	equal(t, what+", gradient of the batch", at, grad(t, graph.Sum(costs), by...), want)
}

// equal runs nodes and those that they must be equal to.
func equal(t *testing.T, what string, at testkit.Point, got, want []*graph.Node) {
	t.Helper()
	all := slices.Concat(got, want)
	values, err := testkit.CompileAndRun(compile.Config{}, used(at, all), all...)
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	for i := range got {
		if err := testkit.Close(values[i], values[len(got)+i], 1e-11); err != nil {
			t.Errorf("%s: output %d: %v", what, i, err)
			return
		}
	}
}

// A batch of scalars is not reduced over by the moments of one scalar.
func TestBatchOfScalarMoments(t *testing.T) {
	g := graph.New()
	x, xs := g.Input("x", graph.Float64), g.Input("xs", graph.Float64, 3)
	batched := must[[]*graph.Node](t)(compile.Batch([]*graph.Node{graph.ReduceVar(x, nil, 0), graph.ReduceStd(x, nil, 0), graph.ReduceL2(x, nil)}, []*graph.Node{x}, []*graph.Node{xs}))
	expect(t, point(xs, []float64{1, 2, -4}), 0, [][]float64{{0, 0, 0}, {0, 0, 0}, {1, 2, 4}}, batched...)
}
