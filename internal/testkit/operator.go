package testkit

import (
	"fmt"
	"math"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/ref"
)

// sampleGraph is a sample as a graph with everything that CheckOp looks at.
type sampleGraph struct {
	g    *graph.Graph
	node *graph.Node
	ys   []*graph.Node // the results
	at   Point

	// Of differentiable float results by float operands that are not constant; empty without such.
	outs, wrt    []*graph.Node
	w, u, d      []*graph.Node // cotangents of outs; two directions of wrt
	vjp, jvp     []*graph.Node
	vjpvjp       []*graph.Node // ∇ₓ ⟨vjp, u⟩
	jvpvjp       []*graph.Node // derivative of vjp along d
	contractions *graph.Node   // ⟨vjp, u⟩
}

// Steps and bounds of the checks. Differences of values of size 1 have an error of about 10⁻¹²/step.
const (
	differenceStep  = 1e-3
	differenceBound = 2e-8
	pairingBound    = 1e-10
	// Compiled against interpreted values: relative to the largest element, and a hundredth of it where terms cancel.
	bound64 = 1e-11
	bound32 = 3e-5
)

// CheckOp tests one operator on one sample in one float dtype:
//
//   - values of the compiled program (optimised, not optimised, fast-math) against the interpreter;
//   - VJP and JVP, and the VJP and JVP of the VJP, compiled and interpreted; in float64
//     against extrapolated central differences, entry by entry;
//   - ⟨w, J u⟩ = ⟨Jᵀ w, u⟩ and its counterpart for the second derivative;
//   - the hooks.
//
// Operands that the sample calls constant enter once as inputs and once as constants of the graph.
func CheckOp(t testing.TB, op *graph.Op, s graph.Sample, dtype graph.DType) {
	t.Helper()
	constants := false
	for _, in := range s.In {
		constants = constants || in.Constant
	}
	checkSample(t, op, s, dtype, false)
	if constants {
		checkSample(t, op, s, dtype, true)
	}
}

func checkSample(t testing.TB, op *graph.Op, s graph.Sample, dtype graph.DType, literal bool) {
	t.Helper()
	what := describe(op, s, dtype)
	sg, err := buildSample(op, s, dtype, literal)
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	all := append(append(append(append(append([]*graph.Node{}, sg.ys...), sg.vjp...), sg.jvp...), sg.vjpvjp...), sg.jvpvjp...)
	for _, hook := range GraphHooks {
		if err := hook(sg.g, all); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	want, err := ref.Eval(sg.at, all...)
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	configs := []compile.Config{{}, {Unoptimized: true}, {FastMath: true}}
	if s.NoDifferences != "" {
		configs = configs[:2] // fast-math may change infinities and NaN
	}
	for _, c := range configs {
		got, err := CompileAndRun(c, sg.at, all...)
		if err != nil {
			t.Errorf("%s: %+v: %v", what, c, err)
			continue
		}
		for i, n := range all {
			bound := bound64
			if dtype == graph.Float32 || n.DType() == graph.Float32 {
				bound = bound32
			}
			if err := CloseTo(got[i], want[i], bound, bound*1e-2); err != nil {
				t.Errorf("%s: %s, unoptimized %v, fast-math %v: %v", what, sg.part(i), c.Unoptimized, c.FastMath, err)
			}
		}
	}
	if len(sg.wrt) == 0 || dtype != graph.Float64 {
		return
	}
	if !op.Differentiable() {
		for i, z := range want[len(sg.ys):] {
			for k, x := range z.F {
				if x != 0 {
					t.Errorf("%s: %s[%d] = %v without a derivative", what, sg.part(len(sg.ys)+i), k, x)
					return
				}
			}
		}
		return
	}
	checkPairings(t, what, sg, want)
	if s.NoDifferences == "" {
		checkDifferences(t, what, sg, want)
	}
}

// part names output i of the sample's graph.
func (sg *sampleGraph) part(i int) string {
	for _, p := range []struct {
		name string
		n    int
	}{{"value", len(sg.ys)}, {"VJP", len(sg.vjp)}, {"JVP", len(sg.jvp)}, {"VJP of VJP", len(sg.vjpvjp)}, {"JVP of VJP", len(sg.jvpvjp)}} {
		if i < p.n {
			return fmt.Sprintf("%s %d", p.name, i)
		}
		i -= p.n
	}
	return "?"
}

// Build applies an operator to operands as a sample of it does.
func Build(g *graph.Graph, op *graph.Op, s graph.Sample, in []*graph.Node) *graph.Node {
	if s.Build != nil {
		return s.Build(in)
	}
	return g.Apply(op, in, s.Attrs)
}

// SampleValue returns the value of operand i of a sample in the dtype.
func SampleValue(in graph.SampleInput, i int, dtype graph.DType) ref.Value {
	t := in.Type
	if t.DType == graph.Float64 {
		t.DType = dtype
	}
	switch {
	case in.Values != nil:
		return ref.Of(t, in.Values...)
	case !t.DType.IsFloat():
		v := ref.New(t)
		for k := range v.Len() {
			if v.I != nil {
				v.I[k] = int64(k)%5 - 2
			} else {
				v.B[k] = k%3 == 0
			}
		}
		return v
	case in.Lo == 0 && in.Hi == 0:
		return Spread(t, -2, 2, i)
	}
	return Spread(t, in.Lo, in.Hi, i)
}

// Literal makes a constant of the graph from a value.
func Literal(g *graph.Graph, v ref.Value) *graph.Node {
	s := v.Type.Shape
	switch v.Type.DType {
	case graph.Float64:
		return graph.Constant(g, v.F, s...)
	case graph.Float32:
		f := make([]float32, len(v.F))
		for i, x := range v.F {
			f[i] = float32(x)
		}
		return graph.Constant(g, f, s...)
	case graph.Int64:
		return graph.Constant(g, v.I, s...)
	case graph.Int32:
		n := make([]int32, len(v.I))
		for i, x := range v.I {
			n[i] = int32(x)
		}
		return graph.Constant(g, n, s...)
	}
	return graph.Constant(g, v.B, s...)
}

func buildSample(op *graph.Op, s graph.Sample, dtype graph.DType, literal bool) (*sampleGraph, error) {
	sg := &sampleGraph{g: graph.New(), at: Point{}}
	input := func(name string, v ref.Value) *graph.Node {
		n := sg.g.Input(name, v.Type.DType, v.Type.Shape...)
		sg.at[n] = v
		return n
	}
	var in []*graph.Node
	for i, si := range s.In {
		v := SampleValue(si, i, dtype)
		if si.Constant && literal {
			in = append(in, Literal(sg.g, v))
			continue
		}
		n := input(fmt.Sprintf("x%d", i), v)
		in = append(in, n)
		if !si.Constant && v.F != nil {
			sg.wrt = append(sg.wrt, n)
		}
	}
	if s.Build != nil {
		sg.node = s.Build(in)
	} else {
		sg.node = sg.g.Apply(op, in, s.Attrs)
	}
	if err := sg.g.Err(); err != nil {
		return nil, err
	}
	if rs := sg.node.Results(); rs != nil {
		for i := range rs {
			sg.ys = append(sg.ys, graph.Result(sg.node, i))
		}
	} else {
		sg.ys = []*graph.Node{sg.node}
	}
	for _, y := range sg.ys {
		if y.DType().IsFloat() {
			sg.outs = append(sg.outs, y)
		}
	}
	if len(sg.wrt) == 0 || len(sg.outs) == 0 {
		sg.wrt, sg.outs = nil, nil
		return sg, nil
	}
	for i, y := range sg.outs {
		sg.w = append(sg.w, input(fmt.Sprintf("w%d", i), Spread(y.Type(), -1, 1, 11+i)))
	}
	for i, x := range sg.wrt {
		sg.u = append(sg.u, input(fmt.Sprintf("u%d", i), Spread(x.Type(), -1, 1, 23+i)))
		sg.d = append(sg.d, input(fmt.Sprintf("d%d", i), Spread(x.Type(), -1, 1, 37+i)))
	}
	var err error
	if sg.vjp, err = compile.VJP(sg.outs, sg.wrt, sg.w); err != nil {
		return nil, fmt.Errorf("VJP: %w", err)
	}
	if sg.jvp, err = compile.JVP(sg.outs, sg.wrt, sg.u); err != nil {
		return nil, fmt.Errorf("JVP: %w", err)
	}
	for i, v := range sg.vjp {
		term := graph.Sum(graph.Mul(v, sg.u[i]))
		if sg.contractions == nil {
			sg.contractions = term
		} else {
			sg.contractions = graph.Add(sg.contractions, term)
		}
	}
	if sg.vjpvjp, err = compile.Gradient(sg.contractions, sg.wrt...); err != nil {
		return nil, fmt.Errorf("VJP of VJP: %w", err)
	}
	if sg.jvpvjp, err = compile.JVP(sg.vjp, sg.wrt, sg.d); err != nil {
		return nil, fmt.Errorf("JVP of VJP: %w", err)
	}
	return sg, nil
}

func near(a, b, scale, tol float64) bool {
	return math.Abs(a-b) <= tol*max(1, scale, math.Abs(a), math.Abs(b))
}

// values cuts the evaluated parts.
func (sg *sampleGraph) values(all []ref.Value) (y, vjp, jvp, vjpvjp, jvpvjp []ref.Value) {
	cut := func(n int) []ref.Value {
		part := all[:n]
		all = all[n:]
		return part
	}
	return cut(len(sg.ys)), cut(len(sg.vjp)), cut(len(sg.jvp)), cut(len(sg.vjpvjp)), cut(len(sg.jvpvjp))
}

func pairing(at Point, nodes []*graph.Node, values []ref.Value) float64 {
	s := 0.0
	for i, n := range nodes {
		s += Dot(at[n], values[i])
	}
	return s
}

func checkPairings(t testing.TB, what string, sg *sampleGraph, want []ref.Value) {
	t.Helper()
	for _, v := range want {
		if !Finite(v) {
			return
		}
	}
	_, vjp, jvp, vjpvjp, jvpvjp := sg.values(want)
	if a, b := pairing(sg.at, sg.w, jvp), pairing(sg.at, sg.u, vjp); !near(a, b, 1, pairingBound) {
		t.Errorf("%s: ⟨w, Ju⟩ = %v, ⟨Jᵀw, u⟩ = %v", what, a, b)
	}
	if a, b := pairing(sg.at, sg.d, vjpvjp), pairing(sg.at, sg.u, jvpvjp); !near(a, b, 1, pairingBound) {
		t.Errorf("%s: second order: ⟨d, ∇⟨Jᵀw, u⟩⟩ = %v, ⟨u, ∂(Jᵀw)·d⟩ = %v", what, a, b)
	}
}

func checkDifferences(t testing.TB, what string, sg *sampleGraph, want []ref.Value) {
	t.Helper()
	_, vjp, jvp, vjpvjp, jvpvjp := sg.values(want)
	value, err := ref.Make(sg.outs...)
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	first, err := ref.Make(sg.vjp...)
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	along := func(dirs []*graph.Node) Point {
		p := Point{}
		for i, x := range sg.wrt {
			p[x] = sg.at[dirs[i]]
		}
		return p
	}
	compare := func(name string, got ref.Value, diff []float64) {
		for i, d := range diff {
			if !near(got.F[i], d, 0, differenceBound) {
				t.Errorf("%s: %s[%d] = %v, differences give %v", what, name, i, got.F[i], d)
				return
			}
		}
	}
	diff := func(x *ref.Interpreter, dir Point) [][]float64 {
		d, err := Derivative(x, sg.at, dir, differenceStep)
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		return d
	}
	for i, d := range diff(value, along(sg.u)) {
		compare("JVP", jvp[i], d)
	}
	for i, d := range diff(first, along(sg.d)) {
		compare("JVP of VJP", jvpvjp[i], d)
	}
	for k, x := range sg.wrt {
		e := ref.New(x.Type())
		for i := range e.F {
			e.F[i] = 1
			dir := Point{x: e}
			s := 0.0
			for o, d := range diff(value, dir) {
				for j, v := range d {
					s += v * sg.at[sg.w[o]].F[j]
				}
			}
			if !near(vjp[k].F[i], s, 0, differenceBound) {
				t.Errorf("%s: VJP of operand %d, entry %d = %v, differences give %v", what, k, i, vjp[k].F[i], s)
				return
			}
			s = 0
			for o, d := range diff(first, dir) {
				for j, v := range d {
					s += v * sg.at[sg.u[o]].F[j]
				}
			}
			if !near(vjpvjp[k].F[i], s, 0, differenceBound) {
				t.Errorf("%s: VJP of VJP by operand %d, entry %d = %v, differences give %v", what, k, i, vjpvjp[k].F[i], s)
				return
			}
			e.F[i] = 0
		}
	}
}
