package compile_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/testkit"
)

// The pattern of every operator, by each of its float operands, holds all entries of the dense Jacobian that are not zero, and the
// compressed Jacobian is the dense one. Operands that samples call constant enter as inputs and as constants of the graph.
func TestPatternOfEveryOperator(t *testing.T) {
	checked, entries, nonzeros := 0, 0, 0
	var loose []string
	for _, op := range graph.Ops() {
		if op.Family == graph.FamilyUser || op.Builtin && op.MinArity == 0 || op.Name == "result" {
			continue
		}
		excess := false
		for k, s := range op.Samples {
			for _, literal := range []bool{false, true} {
				if literal && !slices.ContainsFunc(s.In, func(in graph.SampleInput) bool { return in.Constant }) {
					continue
				}
				n, e, z := patternSample(t, fmt.Sprintf("%s, sample %d, constants %v", op.Name, k, literal), op, s, literal)
				checked, entries, nonzeros = checked+n, entries+e, nonzeros+z
				excess = excess || e > z
			}
		}
		if excess {
			loose = append(loose, op.Name)
		}
	}
	t.Logf("%d Jacobians, %d of %d entries of their patterns are not zero; operators with entries that are zero: %s", checked, nonzeros, entries, strings.Join(loose, ", "))
	if checked < 300 {
		t.Errorf("only %d Jacobians were checked", checked)
	}
}

// patternSample returns the number of Jacobians of the sample, of entries of their patterns, and of those that are not zero.
func patternSample(t *testing.T, what string, op *graph.Op, s graph.Sample, literal bool) (checked, entries, nonzeros int) {
	t.Helper()
	outputs, wrt, at := sampleNodes(op, s, literal)
	for _, out := range outputs {
		for _, x := range wrt {
			p, err := compile.JacobianPattern(out, x)
			if err != nil {
				t.Errorf("%s: %v", what, err)
				continue
			}
			all := []*graph.Node{must[*graph.Node](t)(compile.Jacobian(out, x)), must[*compile.SparseMatrix](t)(compile.SparseJacobian(out, x)).Values}
			values, err := testkit.CompileAndRun(compile.Config{}, used(at, all), all...)
			if err != nil {
				t.Errorf("%s: %v", what, err)
				continue
			}
			checked, entries = checked+1, entries+p.NonZeros()
			dense := values[0].F
			for i := range p.Rows {
				row := p.Row(i)
				for j := range p.Columns {
					d := dense[i*p.Columns+j]
					k, found := slices.BinarySearch(row, int32(j))
					if d != 0 {
						nonzeros++
					}
					switch {
					case d != 0 && !found:
						t.Errorf("%s: the pattern lacks (%d, %d), which is %v", what, i, j, d)
						return checked, entries, nonzeros
					case found && !near(values[1].F[p.Start[i]+k], d, 1e-12):
						t.Errorf("%s: entry (%d, %d) is %v in the compressed Jacobian and %v in the dense one", what, i, j, values[1].F[p.Start[i]+k], d)
						return checked, entries, nonzeros
					}
				}
			}
		}
	}
	return checked, entries, nonzeros
}

// sampleNodes builds a sample: its float results, the inputs to differentiate by, and the values of all inputs.
func sampleNodes(op *graph.Op, s graph.Sample, literal bool) (outputs, wrt []*graph.Node, at testkit.Point) {
	g := graph.New()
	at = testkit.Point{}
	var in []*graph.Node
	for i, si := range s.In {
		v := testkit.SampleValue(si, i, graph.Float64)
		if si.Constant && literal {
			in = append(in, testkit.Literal(g, v))
			continue
		}
		x := g.Input(fmt.Sprintf("x%d", i), v.Type.DType, v.Type.Shape...)
		at[x] = v
		in = append(in, x)
		if si.Type.DType == graph.Float64 && !si.Constant {
			wrt = append(wrt, x)
		}
	}
	y := testkit.Build(g, op, s, in)
	for i := range max(1, len(y.Results())) {
		if r := graph.Result(y, i); r.DType().IsFloat() {
			outputs = append(outputs, r)
		}
	}
	return outputs, wrt, at
}

// The Hessian by star colouring of a weighted sum of every operator's results, by each operand, is the dense one: so the patterns of
// gradients, and of the operators that they are made of, are right too.
func TestSparseHessianOfEveryOperator(t *testing.T) {
	checked, entries, all := 0, 0, 0
	for _, op := range graph.Ops() {
		if op.Family == graph.FamilyUser || op.Builtin && op.MinArity == 0 || op.Name == "result" || !op.Differentiable() {
			continue
		}
		for k, s := range op.Samples {
			outputs, wrt, at := sampleNodes(op, s, true)
			if len(outputs) == 0 || len(wrt) == 0 {
				continue
			}
			var cost *graph.Node
			for i, y := range outputs {
				term := graph.Sum(graph.Mul(testkit.Literal(y.Graph(), testkit.Spread(y.Type(), 0.5, 1.5, i)), y))
				if cost == nil {
					cost = term
				} else {
					cost = graph.Add(cost, term)
				}
			}
			for i, x := range wrt {
				what := fmt.Sprintf("%s, sample %d, operand %d", op.Name, k, i)
				n := x.Shape().Size()
				sparse := must[*compile.SparseMatrix](t)(compile.SparseHessian(cost, x))
				both := []*graph.Node{must[*graph.Node](t)(compile.Hessian(cost, x)), sparse.Values}
				values, err := testkit.CompileAndRun(compile.Config{}, used(at, both), both...)
				if err != nil {
					t.Errorf("%s: %v", what, err)
					continue
				}
				checked, entries, all = checked+1, entries+sparse.NonZeros(), all+n*n
				full := make([]float64, n*n)
				for i := range n {
					for e, j := range sparse.Row(i) {
						full[i*n+int(j)] = values[1].F[sparse.Start[i]+e]
					}
				}
				for e, want := range values[0].F {
					if !near(full[e], want, 1e-9) {
						t.Errorf("%s: entry (%d, %d) is %v by %d colours, %v in the dense Hessian", what, e/n, e%n, full[e], sparse.Colors, want)
						break
					}
				}
			}
		}
	}
	t.Logf("%d Hessians, %d of %d entries in their patterns", checked, entries, all)
	if checked < 200 {
		t.Errorf("only %d Hessians were checked", checked)
	}
}

// near reports whether a is b, or close to it.
func near(a, b, tol float64) bool {
	return a == b || math.IsNaN(a) && math.IsNaN(b) || math.Abs(a-b) <= tol*(1+math.Abs(b))
}

// Operators that move elements, or are made of others, have tight patterns, so that stencils in any notation need few colours.
func TestTightPatterns(t *testing.T) {
	const n = 12
	for _, c := range []struct {
		name            string
		nonzeros, color int
		build           func(g *graph.Graph, x *graph.Node) *graph.Node
	}{
		{"periodic stencil by roll", 3 * n, 3, func(_ *graph.Graph, x *graph.Node) *graph.Node {
			return graph.Mul(x, graph.Sub(graph.Roll(x, 1, 0), graph.Roll(x, -1, 0)))
		}},
		{"stencil by padding", 3*n - 2, 3, func(_ *graph.Graph, x *graph.Node) *graph.Node {
			padded := graph.Square(graph.Pad(x, []int{1}, []int{1}, 7))
			return graph.Add(graph.Slice(padded, graph.Range{Limit: n}), graph.Mul(x, graph.Slice(padded, graph.Range{Start: 2, Limit: graph.All})))
		}},
		{"elements and their sums by index", 2 * n, 2, func(g *graph.Graph, x *graph.Node) *graph.Node {
			to := make([]int64, 2*n)
			for i := range to {
				to[i] = int64(i / 2)
			}
			pairs := graph.Concat(0, graph.Square(x), graph.Sin(x))
			return graph.ScatterAdd(graph.Constant(g, to, 2*n), pairs, 0, n)
		}},
		{"sums by segment", n, 1, func(g *graph.Graph, x *graph.Node) *graph.Node {
			return graph.SegmentSum(graph.Square(x), graph.Constant(g, []int64{0, 0, 0, 0, 1, 1, 1, 2, 2, 3, 3, 3}, n), 4)
		}},
		{"a gather", 4, 1, func(g *graph.Graph, x *graph.Node) *graph.Node {
			return graph.Exp(graph.Gather(x, graph.Constant(g, []int32{3, 0, 7, 11}, 4), 0))
		}},
		{"products of a batch of matrices", 3 * 4 * 2, 2, func(_ *graph.Graph, x *graph.Node) *graph.Node {
			m := graph.Reshape(x, 3, 2, 2)
			return graph.Reshape(graph.MatMul(m, graph.StopGradient(m)), n)
		}},
		{"five-point stencil as a filter", 12 + 2*(3*3+2*4), 6, func(g *graph.Graph, x *graph.Node) *graph.Node {
			stencil := graph.Constant(g, []float64{0, 1, 0, 1, -4, 1, 0, 1, 0}, 1, 1, 3, 3)
			return graph.Reshape(graph.Conv(graph.Reshape(graph.Square(x), 1, 1, 3, 4), stencil, graph.Window{Padding: []int{1, 1, 1, 1}}), n)
		}},
		{"a sparse matrix", 2 * n, 2, func(_ *graph.Graph, x *graph.Node) *graph.Node {
			start, column, values := []int64{0}, []int64(nil), make([]float64, 2*n)
			for i := range int64(n) {
				start, column = append(start, 2*i+2), append(column, i, (i+1)%n)
				values[2*i], values[2*i+1] = 1, -0.5
			}
			return graph.NewCSR(n, n, start, column, graph.Constant(x.Graph(), values, 2*n)).MatMul(graph.Square(x))
		}},
		{"means under windows", 6 * 4, 4, func(_ *graph.Graph, x *graph.Node) *graph.Node {
			return graph.Reshape(graph.AvgPool(graph.Reshape(graph.Square(x), 1, 1, 3, 4), []int{2, 2}, graph.Window{Strides: []int{1, 1}}, false), 6)
		}},
		{"the largest under windows", n, 1, func(_ *graph.Graph, x *graph.Node) *graph.Node {
			y, _ := graph.MaxPool(graph.Reshape(graph.Square(x), 2, 1, 6), []int{2}, graph.Window{Strides: []int{2}})
			return graph.Reshape(y, n/2)
		}},
		{"the largest of each row", 3 * 2 * 4, 2, func(_ *graph.Graph, x *graph.Node) *graph.Node {
			y, _ := graph.TopK(graph.Reshape(graph.Square(x), 3, 4), 2, 1)
			return graph.Reshape(y, 6)
		}},
		{"a diagonal", n, 1, func(_ *graph.Graph, x *graph.Node) *graph.Node {
			return graph.ReduceSum(graph.Diag(graph.Tanh(x), 0), []int{0})
		}},
	} {
		g := graph.New()
		x := g.Input("x", graph.Float64, n)
		m, err := compile.SparseJacobian(c.build(g, x), x)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if m.NonZeros() != c.nonzeros || m.Colors != c.color {
			t.Errorf("%s: %d entries and %d colours, want %d and %d", c.name, m.NonZeros(), m.Colors, c.nonzeros, c.color)
		}
	}
}

// Matrices of a batch have nothing to do with one another in the patterns of the operators that act on each of them.
func TestPatternsOfMatrices(t *testing.T) {
	checked := map[string]bool{}
	for _, op := range graph.Ops() {
		if op.Pattern != graph.Matrices {
			continue
		}
		for _, s := range op.Samples {
			last := s.In[len(s.In)-1].Type.Shape
			if s.Build != nil || len(last) < 3 {
				continue
			}
			batch := last[:len(last)-2].Size()
			outputs, wrt, _ := sampleNodes(op, s, false)
			for _, out := range outputs {
				for _, x := range wrt {
					p := must[*compile.Pattern](t)(compile.JacobianPattern(out, x))
					if want := out.Shape().Size() * x.Shape().Size() / batch; p.NonZeros() != want && p.NonZeros() != 0 {
						t.Errorf("%s of a batch of %d matrices: the pattern of %v by %v has %d entries, want %d", op.Name, batch, out.Type(), x.Type(), p.NonZeros(), want)
					}
					checked[op.Name] = true
				}
			}
		}
	}
	if len(checked) < 12 {
		t.Errorf("only %d operators have samples with a batch: %v", len(checked), checked)
	}
}
