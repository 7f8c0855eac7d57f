package testkit

import (
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/ref"
)

type (
	node      = *graph.Node
	inputCase struct {
		name, python string
		in           []ref.Value
		f            func(g *graph.Graph, x []node) node
		flags        []string
	}
)

var dumpInputs = flag.String("inputs", "", "write operands and Python expressions of the inputs that users bring to this file, for testdata/inputs.py")

func wave(scale, shift float64, shape ...int) ref.Value {
	v := ref.New(graph.Type{DType: graph.Float64, Shape: shape})
	for i := range v.F {
		v.F[i] = scale * math.Sin(1.3*float64(i)+0.5+shift)
	}
	return v
}

func floats(shape []int, v ...float64) ref.Value {
	return ref.Of(graph.Type{DType: graph.Float64, Shape: shape}, v...)
}

func ints(shape []int, v ...float64) ref.Value {
	return ref.Of(graph.Type{DType: graph.Int64, Shape: shape}, v...)
}

func bools(shape []int, v ...float64) ref.Value {
	return ref.Of(graph.Type{DType: graph.Bool, Shape: shape}, v...)
}

// numbersOf are the elements of a value as float64, as text where JSON has no number.
func numbersOf(v ref.Value) []any {
	out := make([]any, v.Len())
	for i := range out {
		switch e := element(v, i).(type) {
		case bool:
			out[i] = 0.0
			if e {
				out[i] = 1.0
			}
		case float64:
			if out[i] = e; math.IsNaN(e) || math.IsInf(e, 0) {
				out[i] = fmt.Sprint(e)
			}
		default:
			out[i] = e
		}
	}
	return out
}

// inputVectors reads testdata/inputs.txt, which inputs.py beside it writes: by name the kind of dtype (f, i or b), the shape and the value, and the gradients of Σ wᵢ·yᵢ, wᵢ = cos(0.7·i), by the operands of floating point.
func inputVectors(t *testing.T) map[string][][]string {
	t.Helper()
	text, err := os.ReadFile("testdata/inputs.txt")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][][]string{}
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		parts := strings.Split(line, "|")
		var fields [][]string
		for _, p := range parts[1:] {
			fields = append(fields, strings.Fields(p))
		}
		all[parts[0]] = fields
	}
	return all
}

// like makes a value of a type of numbers as text.
func like(t *testing.T, typ graph.Type, words []string) ref.Value {
	t.Helper()
	v := make([]float64, len(words))
	for i, w := range words {
		var err error
		if v[i], err = strconv.ParseFloat(w, 64); err != nil {
			t.Fatal(err)
		}
	}
	if len(v) != typ.Shape.Size() {
		t.Errorf("%d numbers for %v", len(v), typ)
		return ref.New(typ)
	}
	return ref.Of(typ, v...)
}

// stacked puts values along a new first dimension.
func stacked(parts []ref.Value) ref.Value {
	out := ref.Value{Type: graph.Type{DType: parts[0].Type.DType, Shape: append(graph.Shape{len(parts)}, parts[0].Type.Shape...)}}
	for _, p := range parts {
		out.F, out.I, out.B = append(out.F, p.F...), append(out.I, p.I...), append(out.B, p.B...)
	}
	return out
}

// part is element k of n along the first dimension.
func part(v ref.Value, k, n int) ref.Value {
	out := ref.Value{Type: graph.Type{DType: v.Type.DType, Shape: v.Type.Shape[1:]}}
	of := out.Type.Shape.Size()
	switch {
	case v.F != nil:
		out.F = v.F[k*of : (k+1)*of]
	case v.I != nil:
		out.I = v.I[k*of : (k+1)*of]
	default:
		out.B = v.B[k*of : (k+1)*of]
	}
	return out
}

// Inputs that users of other systems bring: values and gradients of PyTorch 2 and NumPy 2, both modes and second derivatives, differences, batches by each operand and by all, and sparse Jacobians.
func TestInputsThatUsersBring(t *testing.T) {
	want := inputVectors(t)
	var dump []map[string]any
	seen := map[string]int{}
	compared := 0
	for _, c := range inputCases() {
		if seen[c.name]++; seen[c.name] > 1 {
			c.name = fmt.Sprintf("%s %d", c.name, seen[c.name])
		}
		t.Run(c.name, func(t *testing.T) {
			x := inputGraph(t, c)
			if t.Failed() {
				return
			}
			if c.python != "" {
				var operands []any
				for _, v := range c.in {
					operands = append(operands, map[string]any{"dtype": v.Type.DType.String(), "shape": append([]int{}, v.Type.Shape...), "data": numbersOf(v)})
				}
				dump = append(dump, map[string]any{"name": c.name, "python": c.python, "in": operands})
			}
			got := x.check(t, c)
			if w := want[c.name]; c.python != "" && *dumpInputs == "" && got != nil {
				compared++
				x.compare(t, w, got)
			}
			if !slices.Contains(c.flags, "nobatch") {
				x.checkBatches(t, c)
			}
			x.checkSparse(t)
		})
	}
	if *dumpInputs == "" {
		atLeast(t, 500, compared, "inputs compared")
	}
	if *dumpInputs != "" {
		text, err := json.Marshal(dump)
		if err == nil {
			err = os.WriteFile(*dumpInputs, text, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// inputOf is an input with its derivatives, which are missing where there are none.
type inputOf struct {
	g                 *graph.Graph
	at                Point
	in, wrt, u        []node
	y, w              node
	vjp, jvp, hvp, vv []node
}

func inputGraph(t *testing.T, c inputCase) *inputOf {
	t.Helper()
	x := &inputOf{g: graph.New(), at: Point{}}
	for i, v := range c.in {
		n := x.g.Input(fmt.Sprintf("x%d", i), v.Type.DType, v.Type.Shape...)
		x.at[n], x.in = v, append(x.in, n)
		if v.F != nil || v.Type.DType == graph.Float64 {
			x.wrt = append(x.wrt, n)
		}
	}
	x.y = c.f(x.g, x.in)
	if err := x.g.Err(); err != nil {
		t.Error(err)
		return x
	}
	for i, n := range x.g.Inputs() { // parameters of a layer
		if _, ok := x.at[n]; !ok {
			x.at[n] = Spread(n.Type(), 0.1, 1, i)
		}
	}
	if !x.y.DType().IsFloat() || len(x.wrt) == 0 {
		return x
	}
	x.w = x.g.Input("w", x.y.DType(), x.y.Shape()...)
	w := ref.New(x.y.Type())
	for i := range w.F {
		w.F[i] = math.Cos(0.7 * float64(i))
	}
	x.at[x.w] = w
	for i, n := range x.wrt {
		u := x.g.Input(fmt.Sprintf("u%d", i), n.DType(), n.Shape()...)
		x.at[u], x.u = Spread(n.Type(), -1, 1, i+3), append(x.u, u)
	}
	var err error
	take := func(n []node, e error) []node {
		if err == nil {
			err = e
		}
		return n
	}
	x.vjp = take(compile.VJP([]node{x.y}, x.wrt, []node{x.w}))
	x.jvp = take(compile.JVP([]node{x.y}, x.wrt, x.u))
	x.hvp = take(compile.JVP(x.vjp, x.wrt, x.u))
	x.vv = take(compile.VJP(x.vjp, x.wrt, x.u))
	if err != nil {
		t.Error(err)
	}
	return x
}

func (x *inputOf) outputs() []node {
	return slices.Concat([]node{x.y}, x.vjp, x.jvp, x.hvp, x.vv)
}

// check runs everything in every way and returns the optimised program's results.
func (x *inputOf) check(t *testing.T, c inputCase) []ref.Value {
	t.Helper()
	outs := x.outputs()
	if err := TextRoundTrip(x.g, outs); err != nil {
		t.Error(err)
	}
	want, err := ref.Eval(x.at, outs...)
	if err != nil {
		t.Error(err)
		return nil
	}
	var got []ref.Value
	for _, config := range []compile.Config{{Unoptimized: true}, {}} {
		if got, err = CompileAndRun(config, x.at, outs...); err != nil {
			t.Error(err)
			return nil
		}
		for i := range got {
			if err := CloseTo(got[i], want[i], 1e-11, 1e-13); err != nil {
				t.Errorf("output %d, interpreted: %v", i, err)
			}
		}
	}
	if x.w == nil {
		return got
	}
	n := len(x.wrt)
	vjp, jvp, hvp, vv := got[1:1+n], got[1+n], got[2+n:2+2*n], got[2+2*n:]
	if a, b := Dot(x.at[x.w], jvp), pairing(x.at, x.u, vjp); !near(a, b, 1, pairingBound) && !(a != a && b != b) {
		t.Errorf("⟨w, Ju⟩ = %v, ⟨Jᵀw, u⟩ = %v", a, b)
	}
	for i := range hvp {
		if err := CloseTo(hvp[i], vv[i], 1e-9, 1e-11); err != nil && !slices.Contains(c.flags, "nosym") {
			t.Errorf("second derivatives, forward and in reverse: %v", err)
		}
	}
	if slices.Contains(c.flags, "nodiff") {
		return got
	}
	value, err := ref.Make(x.y)
	if err != nil {
		t.Error(err)
		return got
	}
	along := Point{}
	for i, n := range x.wrt {
		along[n] = x.at[x.u[i]]
	}
	d, err := Derivative(value, x.at, along, differenceStep)
	if err != nil {
		t.Error(err)
		return got
	}
	for i, v := range d[0] {
		if !near(jvp.F[i], v, 0, 1e-7) && !(v != v && jvp.F[i] != jvp.F[i]) {
			t.Errorf("JVP[%d] = %v, differences give %v", i, jvp.F[i], v)
		}
	}
	return got
}

// compare holds results against those of other systems.
func (x *inputOf) compare(t *testing.T, want [][]string, got []ref.Value) {
	t.Helper()
	if len(want) < 3 {
		t.Error("testdata/inputs.txt has no values")
		return
	}
	typ := x.y.Type()
	kind := map[graph.DType]string{graph.Bool: "b", graph.Int32: "i", graph.Int64: "i", graph.Float32: "f", graph.Float64: "f"}[typ.DType]
	if shape := strings.Join(want[1], " "); kind != want[0][0] || shape != strings.Trim(fmt.Sprint([]int(typ.Shape)), "[]") {
		t.Errorf("%v, want %s[%s]", typ, want[0][0], shape)
		return
	}
	if err := CloseTo(got[0], like(t, typ, want[2]), 1e-11, 1e-12); err != nil {
		t.Error(err)
	}
	for i, words := range want[3:] {
		if len(words) == 1 && words[0] == "-" {
			continue // PyTorch has no gradient there
		}
		if err := CloseTo(got[1+i], like(t, x.wrt[i].Type(), words), 1e-10, 1e-11); err != nil {
			t.Errorf("gradient %d: %v", i, err)
		}
	}
}

// checkBatches compares batches of three, by each operand and by all of them, with the elements one by one.
func (x *inputOf) checkBatches(t *testing.T, c inputCase) {
	t.Helper()
	outs := slices.Concat([]node{x.y}, x.vjp, x.jvp, x.hvp)
	all := make([]int, len(x.in))
	for i := range all {
		all[i] = i
	}
	sets := [][]int{all}
	if len(all) > 1 {
		for i := range all {
			sets = append(sets, []int{i})
		}
	}
	for s, set := range sets {
		var from, to []node
		at, each := Point{}, []Point{{}, {}, {}}
		for n, v := range x.at {
			at[n], each[0][n], each[1][n], each[2][n] = v, v, v, v
		}
		for _, i := range set {
			var values []ref.Value
			for k := range each {
				e := ref.New(c.in[i].Type)
				copy(e.F, c.in[i].F)
				copy(e.I, c.in[i].I)
				copy(e.B, c.in[i].B)
				if !slices.Contains(c.flags, "same") {
					for j := range e.F {
						e.F[j] += 0.01 * float64(k) * math.Sin(float64(j+2))
					}
					if k == 1 {
						slices.Reverse(e.I)
					}
				}
				values, each[k][x.in[i]] = append(values, e), e
			}
			v := stacked(values)
			n := x.g.Input(fmt.Sprintf("batch%d_%d", s, i), v.Type.DType, v.Type.Shape...)
			at[n], from, to = v, append(from, x.in[i]), append(to, n)
		}
		batched, err := compile.Batch(outs, from, to)
		if err != nil {
			t.Errorf("batch by %v: %v", set, err)
			continue
		}
		got, err := CompileAndRun(compile.Config{}, at, batched...)
		if err != nil {
			t.Errorf("batch by %v: %v", set, err)
			continue
		}
		for k := range each {
			want, err := ref.Eval(each[k], outs...)
			if err != nil {
				t.Error(err)
				continue
			}
			for i := range want {
				if err := CloseTo(part(got[i], k, 3), want[i], 1e-10, 1e-11); err != nil {
					t.Errorf("batch by %v, element %d, output %d: %v", set, k, i, err)
				}
			}
		}
	}
}

// checkSparse compares sparse Jacobians with dense ones.
func (x *inputOf) checkSparse(t *testing.T) {
	t.Helper()
	if x.w == nil || x.y.Shape().Empty() {
		return
	}
	for i, n := range x.wrt {
		if n.Shape().Empty() {
			continue
		}
		dense, err := compile.Jacobian(x.y, n)
		if err != nil {
			t.Errorf("Jacobian %d: %v", i, err)
			continue
		}
		sparse, err := compile.SparseJacobian(x.y, n)
		if err != nil {
			t.Errorf("sparse Jacobian %d: %v", i, err)
			continue
		}
		got, err := CompileAndRun(compile.Config{}, x.at, dense, sparse.Values)
		if err != nil {
			t.Errorf("Jacobians %d: %v", i, err)
			continue
		}
		placed := ref.New(got[0].Type)
		for r := range sparse.Rows {
			for e := sparse.Start[r]; e < sparse.Start[r+1]; e++ {
				placed.F[r*sparse.Columns+int(sparse.Cols[e])] = got[1].F[e]
			}
		}
		if err := CloseTo(placed, got[0], 1e-11, 1e-13); err != nil {
			t.Errorf("sparse Jacobian %d: %v", i, err)
		}
	}
}

// Inputs that other systems take, or some of them, and that are mistakes here: docs/LIMITS.md has the reasons.
func TestInputsThatAreRefused(t *testing.T) {
	g := graph.New()
	in := func(name string, d graph.DType, shape ...int) node { return g.Input(name, d, shape...) }
	f, i, b := in("f", graph.Float64, 2, 3), in("i", graph.Int64, 2, 3), in("b", graph.Bool, 2, 3)
	image, none, half := in("image", graph.Float64, 2, 5, 4), in("none", graph.Float64, 0), in("half", graph.Float32, 2, 3)
	for reason, apply := range map[string]func() node{
		"operands are float64 and int64: cast operand 1 to float64":                                                func() node { return graph.Add(f, i) },
		"operands are float32 and int64: cast operands 0, 1 to float64":                                            func() node { return graph.Mul(half, i) },
		"exp: operands are int64: needs one of float32, float64: cast operand 0 to float64":                        func() node { return graph.Exp(i) },
		"add: operands are bool: needs one of int32, int64, float32, float64: cast operands 0, 1 to int64":         func() node { return graph.Add(b, b) },
		"operands are bool and bool: need the same of int32, int64, float32, float64: cast operands 0, 1 to int64": func() node { return graph.MatMul(b, graph.Transpose(b)) },
		"the indices are float64: need int32 or int64: cast operand 1 to int64":                                    func() node { return graph.Gather(f, graph.Index(f, 0), 0) },
		"the condition is int64: needs bool: cast operand 0 to bool":                                               func() node { return graph.Where(i, f, f) },
		"ddof -1 is below 0":                                           func() node { return graph.ReduceVar(f, nil, -1) },
		"need [N, C, spatial] of float32, float64":                     func() node { return graph.Resize(image, "linear", []int{7, 2}) },
		"a window of 9 with dilation 1 does not fit into the extent 5": func() node { v, _ := graph.MaxPool(image, []int{9, 1}, graph.Window{}); return v },
		"-4 and 3 take more away from dimension 1 than its extent 3":   func() node { return graph.Pad(f, []int{0, -4}, []int{0, 3}, 0) },
		"shape [2 -1] has an extent below 0":                           func() node { return graph.BroadcastTo(f, 2, -1) },
		"needs a last dimension of 3":                                  func() node { return graph.Cross(graph.Slice(f, graph.Range{Limit: 2}, graph.Range{Limit: 2}), f) },
		"dimension 0 has extent 2":                                     func() node { return graph.Squeeze(f, 0) },
		"reduce_max: operand 0 is f64[0]: needs an element":            func() node { return graph.ReduceMax(none, nil) },
		"index 5 is out of range for the extent 2 of dimension 0":      func() node { return graph.Index(f, 5) },
	} {
		before := fmt.Sprint(g.Err())
		n := apply()
		if mistake := strings.TrimPrefix(fmt.Sprint(g.Err()), before); n.Valid() || !strings.Contains(mistake, reason) {
			t.Errorf("%q lacks %q", mistake, reason)
		}
	}
}
