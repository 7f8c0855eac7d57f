package graph_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/graph"
)

// here returns the caller's line.
func here() int {
	_, _, n, _ := runtime.Caller(1)
	return n
}

// badInput holds mistakes of every family of operators. Each build makes one mistake on the line that it returns; the
// operator and the text are what the error must say.
var badInput = []struct {
	op, text string
	build    func(g *graph.Graph, in inputs) int
}{
	{"input", `the name "x" is taken`, func(g *graph.Graph, _ inputs) int { g.Input("x", graph.Float64); return here() }},
	{"input", "may not be empty", func(g *graph.Graph, _ inputs) int { g.Input("", graph.Float64); return here() }},
	{"input", "space, quote, control", func(g *graph.Graph, _ inputs) int { g.Input("a b", graph.Float64); return here() }},
	{"input", "no valid dtype", func(g *graph.Graph, _ inputs) int { g.Input("z", 0); return here() }},
	{"input", "extent below 0", func(g *graph.Graph, _ inputs) int { g.Input("z", graph.Float64, 2, -1); return here() }},
	{"input", fmt.Sprintf("more than %d elements", graph.MaxElements), func(g *graph.Graph, _ inputs) int { g.Input("z", graph.Float64, 1<<30, 1<<30); return here() }},
	{"name", `the name "x" is taken`, func(_ *graph.Graph, in inputs) int { graph.Sin(in.x).Named("x"); return here() }},
	{"const", "5 values for the shape [2×2]", func(g *graph.Graph, _ inputs) int { graph.Constant(g, []float64{1, 2, 3, 4, 5}, 2, 2); return here() }},
	{"const", "needs a dtype", func(g *graph.Graph, _ inputs) int { g.Scalar(0, 1); return here() }},
	{"const", "extent below 0", func(g *graph.Graph, _ inputs) int { graph.Constant(g, []bool{}, -1); return here() }},

	{"add", "operands are float64 and float32: cast operand 1 to float64", func(_ *graph.Graph, in inputs) int { graph.Add(in.x, in.f); return here() }},
	{"mul", "[2×3] and [4] do not broadcast", func(_ *graph.Graph, in inputs) int { graph.Mul(in.x, in.four); return here() }},
	{"sub", "operand 1 is nil", func(_ *graph.Graph, in inputs) int { graph.Sub(in.x, nil); return here() }},
	{"where", "got int and int: one of the two needs to be a node", func(_ *graph.Graph, in inputs) int { in.x.Greater(1).Where(0, 1); return here() }},
	{"clip", "got string beside an operand of float64", func(_ *graph.Graph, in inputs) int { in.x.Clip("0", nil); return here() }},
	{"div", "operand 1 belongs to another graph", func(_ *graph.Graph, in inputs) int {
		graph.Div(in.x, graph.New().Const(1))
		return here() - 1
	}},
	{"add", "operands are bool", func(_ *graph.Graph, in inputs) int { graph.Add(in.b, in.b); return here() }},
	{"pow", "operands are float64 and int64", func(_ *graph.Graph, in inputs) int { graph.Pow(in.x, in.i); return here() }},
	{"fma", "operands are int64: needs one of float32, float64", func(_ *graph.Graph, in inputs) int { graph.FMA(in.i, in.i, in.i); return here() }},
	{"neg", "operands are bool", func(_ *graph.Graph, in inputs) int { in.b.Neg(); return here() }},

	{"sin", "operands are int64: needs one of float32, float64", func(_ *graph.Graph, in inputs) int { graph.Sin(in.i); return here() }},
	{"sqrt", "operands are bool", func(_ *graph.Graph, in inputs) int { graph.Sqrt(in.b); return here() }},
	{"atan2", "do not broadcast", func(_ *graph.Graph, in inputs) int { graph.Atan2(in.four, in.x); return here() }},

	{"lt", "operands are bool and float64: cast operand 0 to float64", func(_ *graph.Graph, in inputs) int { graph.Less(in.b, in.x); return here() }},
	{"eq", "operands are float64 and bool", func(_ *graph.Graph, in inputs) int { graph.Equal(in.x, in.b); return here() }},
	{"logical_and", "operands are float64", func(_ *graph.Graph, in inputs) int {
		graph.Call(graph.LookupOp("logical_and"), in.x, in.x)
		return here() - 1
	}},
	{"is_nan", "operands are int64", func(_ *graph.Graph, in inputs) int { graph.Call(graph.LookupOp("is_nan"), in.i); return here() }},
	{"where", "the condition is float64: needs bool", func(_ *graph.Graph, in inputs) int { graph.Where(in.x, in.x, in.x); return here() }},
	{"where", "the branches are float64 and float32", func(_ *graph.Graph, in inputs) int { graph.Where(in.b, in.x, in.f); return here() }},
	{"where", "do not broadcast", func(_ *graph.Graph, in inputs) int { graph.Where(in.b, in.four, in.four); return here() }},
	{"cast", "no dtype is named", func(_ *graph.Graph, in inputs) int { graph.Cast(in.x, 77); return here() }},

	{"reduce_sum", "axis 2 is out of range for rank 2", func(_ *graph.Graph, in inputs) int { graph.ReduceSum(in.x, []int{2}); return here() }},
	{"reduce_mean", "axis -3 is out of range for rank 2", func(_ *graph.Graph, in inputs) int { graph.ReduceMean(in.x, []int{-3}); return here() }},
	{"reduce_max", "axis -1 is given twice", func(_ *graph.Graph, in inputs) int { graph.ReduceMax(in.x, []int{1, -1}); return here() }},
	{"reduce_any", "axis 7 is out of range", func(_ *graph.Graph, in inputs) int { graph.ReduceAny(in.x, []int{7}); return here() }},
	{"argmax", "axis 5 is out of range", func(_ *graph.Graph, in inputs) int { graph.Argmax(in.x, 5); return here() }},
	{"softmax", "axis 1 is out of range for rank 1", func(g *graph.Graph, _ inputs) int { graph.Softmax(graph.Ones(g, graph.Float64, 1), 1); return here() }},
	{"log_softmax", "the operand is int64", func(_ *graph.Graph, in inputs) int { graph.LogSoftmax(in.i, 0); return here() }},

	{"matmul", "inner extents 3 and 2", func(_ *graph.Graph, in inputs) int { graph.MatMul(in.x, in.x); return here() }},
	{"matmul", "operands are float64 and int64", func(_ *graph.Graph, in inputs) int { graph.MatMul(in.x, in.i); return here() }},
	{"matmul", "scalars multiply with Mul", func(g *graph.Graph, in inputs) int { graph.MatMul(in.x, g.Const(2)); return here() }},
	{"matmul", "do not broadcast", func(g *graph.Graph, _ inputs) int {
		graph.MatMul(g.Input("p", graph.Float64, 2, 3, 3), g.Input("q", graph.Float64, 4, 3, 3))
		return here() - 1
	}},

	{"reshape", "holds 5 elements, not the 6", func(_ *graph.Graph, in inputs) int { graph.Reshape(in.x, 5); return here() }},
	{"reshape", "6 elements do not fill the shape", func(_ *graph.Graph, in inputs) int { graph.Reshape(in.x, 4, -1); return here() }},
	{"reshape", "extent below 0", func(_ *graph.Graph, in inputs) int { graph.Reshape(in.x, -1, -1); return here() }},
	{"reshape", "too large", func(_ *graph.Graph, in inputs) int { graph.Reshape(in.x, 1<<27, 1<<27); return here() }},
	{"broadcast_to", "shapes [2×3] and [2×4] do not broadcast", func(_ *graph.Graph, in inputs) int { graph.BroadcastTo(in.x, 2, 4); return here() }},
	{"broadcast_to", "does not broadcast to [3]", func(_ *graph.Graph, in inputs) int { graph.BroadcastTo(in.x, 3); return here() }},
	{"broadcast_to", "extent below 0", func(_ *graph.Graph, in inputs) int { graph.BroadcastTo(in.x, -1, 2, 3); return here() }},
	{"transpose", "perm [0 0] is not a permutation", func(_ *graph.Graph, in inputs) int { graph.Transpose(in.x, 0, 0); return here() }},
	{"transpose", "3 entries for rank 2", func(_ *graph.Graph, in inputs) int { graph.Transpose(in.x, 0, 1, 2); return here() }},
	{"transpose", "1 entries for rank 2", func(_ *graph.Graph, in inputs) int { graph.Transpose(in.x, 1); return here() }},
	{"concat", "axis 2 is out of range", func(_ *graph.Graph, in inputs) int { graph.Concat(2, in.x, in.x); return here() }},
	{"concat", "operand 1 is f64[4]", func(_ *graph.Graph, in inputs) int { graph.Concat(0, in.x, in.four); return here() }},
	{"concat", "at least 1 operand", func(_ *graph.Graph, in inputs) int { graph.Add(in.x, graph.Concat(0)); return -1 }},
	{"expand_dims", "axis 4 is out of range for rank 3", func(_ *graph.Graph, in inputs) int { graph.ExpandDims(in.x, 4); return here() }},
	{"squeeze", "dimension 1 has extent 3", func(_ *graph.Graph, in inputs) int { graph.Squeeze(in.x, 1); return here() }},
	{"slice", "3 ranges for rank 2", func(_ *graph.Graph, in inputs) int {
		graph.Slice(in.x, graph.Range{}, graph.Range{}, graph.Range{})
		return here() - 1
	}},
	{"split", "do not add up to the extent 3", func(_ *graph.Graph, in inputs) int { graph.Split(in.x, 1, -1, 4); return here() }},
	{"split", "add up to the extent 3", func(_ *graph.Graph, in inputs) int { graph.Split(in.x, 1, 1, 1); return here() }},
	{"slice_transpose", "leaves the shape", func(_ *graph.Graph, in inputs) int {
		graph.SliceTranspose(graph.Shape{3, 3}, []int{2, 0}, []int{1, 1}, in.x)
		return here() - 1
	}},

	{"index", "index 2 is out of range for the extent 2", func(_ *graph.Graph, in inputs) int { graph.Index(in.x, 2); return here() }},
	{"index", "index -1 is out of range", func(_ *graph.Graph, in inputs) int { graph.Index(in.x, -3); return here() }},
	{"index", "3 indices for shape [2×3]", func(_ *graph.Graph, in inputs) int { graph.Index(in.x, 0, 0, 0); return here() }},
	{"index_transpose", "two operands have the indices", func(_ *graph.Graph, in inputs) int {
		graph.IndexTranspose(graph.Shape{4, 4}, []int{1, 1}, in.four, in.four)
		return here() - 1
	}},
	{"gather", "the indices are float64", func(_ *graph.Graph, in inputs) int { graph.Gather(in.x, in.x, 0); return here() }},
	{"gather", "axis 2 is out of range", func(_ *graph.Graph, in inputs) int { graph.Gather(in.x, in.i, 2); return here() }},
	{"scatter_add", "need the shape [2×3×4]", func(_ *graph.Graph, in inputs) int { graph.ScatterAdd(in.i, in.x, 0, 9, 4); return here() }},
	{"scatter_add", "axis 3 is out of range", func(_ *graph.Graph, in inputs) int { graph.ScatterAdd(in.i, in.x, 3, 9, 4); return here() }},
	{"iota", "axis 1 is out of range", func(g *graph.Graph, _ inputs) int { graph.Iota(g, graph.Int64, 1, 4); return here() }},
	{"iota", `dtype "bool" does not count`, func(g *graph.Graph, _ inputs) int { graph.Iota(g, graph.Bool, 0, 4); return here() }},
	{"lgamma", "operands are int64", func(_ *graph.Graph, in inputs) int { graph.Lgamma(in.i); return here() }},
	{"igamma", "operands are float64 and float32", func(_ *graph.Graph, in inputs) int { graph.IGamma(in.x, in.f); return here() }},
	{"cumsum", "axis 2 is out of range for rank 2", func(_ *graph.Graph, in inputs) int { graph.Cumsum(in.x, 2); return here() }},
	{"softmax", "the operand is bool", func(_ *graph.Graph, in inputs) int { graph.Softmax(in.b, 0); return here() }},
	{"avg_pool", "means are taken without dilation", func(_ *graph.Graph, in inputs) int {
		graph.AvgPool(graph.Reshape(in.x, 1, 1, 6), []int{2}, graph.Window{Dilation: []int{2}}, false)
		return here() - 1
	}},
	{"dropout", "", func(_ *graph.Graph, in inputs) int { graph.Dropout(in.x, in.x, 0.5); return here() }},
	{"fft", "axis 5 is out of range", func(_ *graph.Graph, in inputs) int { graph.FFT(in.x, 5); return here() }},
	{"mse", "operands are float64 and float32", func(_ *graph.Graph, in inputs) int { graph.MSE(in.x, in.f); return here() }},
	{"result", "result 1 of an operator with 0 results", func(_ *graph.Graph, in inputs) int { graph.Result(in.x, 1); return here() }},
	{"scope", "contains a slash", func(g *graph.Graph, _ inputs) int { g.Scope("a/b", func() {}); return here() }},
}

type inputs struct{ x, f, four, i, b *graph.Node }

func TestBadInput(t *testing.T) {
	families := map[graph.Family]bool{}
	for _, c := range badInput {
		g := graph.New()
		in := inputs{
			g.Input("x", graph.Float64, 2, 3), g.Input("f", graph.Float32, 2, 3), g.Input("four", graph.Float64, 4),
			g.Input("i", graph.Int64, 2, 3), g.Input("b", graph.Bool, 2, 3),
		}
		before := g.Len()
		line := c.build(g, in)
		err := g.Err()
		if line < 0 {
			// The mistake has no graph to go to; the node that uses it reports it.
			if err == nil {
				t.Errorf("%s: no error", c.op)
			}
			continue
		}
		var at *graph.Error
		if !errors.As(err, &at) {
			t.Errorf("%s, %q: no error", c.op, c.text)
			continue
		}
		if at.Op != c.op || !strings.Contains(at.Error(), c.text) {
			t.Errorf("%q: want %s: … %s", at, c.op, c.text)
		}
		if !strings.Contains(at.Pos.File, "graph/errors_") || at.Pos.Line != line {
			t.Errorf("%s, %q: position %v, want line %d", c.op, c.text, at.Pos, line)
		}
		if all := err.(interface{ Unwrap() []error }).Unwrap(); len(all) != 1 {
			t.Errorf("%s: one mistake gives %d errors: %v", c.op, len(all), err)
		}
		for i := before; i < g.Len(); i++ {
			if !g.Node(i).Valid() {
				t.Errorf("%s: the graph holds an invalid node", c.op)
			}
		}
		if op := graph.LookupOp(c.op); op != nil {
			families[op.Family] = true
		}
	}
	for _, op := range graph.Ops() {
		if f := op.Family; !families[f] && f != graph.FamilyControl && f != graph.FamilyUser {
			families[f] = true
			t.Errorf("no bad input of the family %q (%s) is tested: add one to the table", f, op.Name)
		}
	}
}

// Every constructor accepts an invalid operand silently, whatever the mistake that made it.
func TestMistakesAreReportedOnce(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64, 3)
	bad := graph.Add(x, g.Input("y", graph.Float64, 4))
	for _, y := range []*graph.Node{
		graph.Exp(bad), graph.Mul(x, bad), graph.Sum(bad), graph.Softmax(bad, 7), graph.MatMul(bad, x), graph.Reshape(bad, 9), graph.Transpose(bad),
		graph.Concat(0, bad, x), graph.Concat(0, x, bad), graph.Stack(1, x, bad), graph.Slice(bad, graph.Range{Start: 9}), graph.Split(bad, 0, 1, 2)[1],
		graph.Index(bad, 9), graph.Gather(bad, x, 3), graph.Where(bad, x, x), graph.Cast(bad, graph.Int32), graph.BroadcastTo(bad, 2), graph.Squeeze(bad),
		graph.ExpandDims(bad, 1), graph.Argmax(bad, 3), graph.LogSumExp(bad, []int{4}), bad.Named("n"), graph.Result(bad, 3), graph.SumTo(bad, graph.Shape{1}), graph.Like(bad, 1),
		graph.StopGradient(bad), graph.Identity(bad), graph.AddN(bad, x, x), graph.FMA(x, bad, x), graph.ScatterAdd(bad, x, 0, 3),
	} {
		if y.Valid() {
			t.Errorf("%v is valid", y)
		}
	}
	if err := g.Err(); err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("Err() = %v, want one mistake", err)
	}
}

func TestManyMistakes(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64, 3)
	for i := range 50 {
		graph.Reshape(x, i+4)
	}
	lines := strings.Split(g.Err().Error(), "\n")
	if len(lines) != 21 || lines[20] != "30 more errors" {
		t.Errorf("%d lines, the last one %q", len(lines), lines[len(lines)-1])
	}
}
