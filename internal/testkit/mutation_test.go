package testkit

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/ref"
)

// mutant is an application of an operator near one of its samples: one operand's type or one attribute is another.
type mutant struct {
	what  string
	types []graph.Type
	attrs attr.List
}

// application finds the operator in the graph of a sample.
func application(op *graph.Op, s graph.Sample) (types []graph.Type, attrs attr.List, ok bool) {
	sg, err := buildSample(op, s, graph.Float64, false)
	if err != nil {
		return nil, nil, false
	}
	for i := range sg.g.Len() {
		if n := sg.g.Node(i); n.Op() == op {
			for _, in := range n.Inputs() {
				types = append(types, in.Type())
			}
			return types, n.Attrs(), true
		}
	}
	return nil, nil, false
}

func mutants(types []graph.Type, attrs attr.List) []mutant {
	var all []mutant
	withType := func(k int, t graph.Type) {
		m := slices.Clone(types)
		m[k] = t
		all = append(all, mutant{fmt.Sprintf("operand %d is %v", k, t), m, attrs})
	}
	for k, t := range types {
		for d := graph.Bool; d <= graph.Float64; d++ {
			if d != t.DType {
				withType(k, graph.Type{DType: d, Shape: t.Shape})
			}
		}
		s := t.Shape
		shapes := []graph.Shape{append(slices.Clone(s), 1), append(graph.Shape{2}, s...), {}, {1}, {7}, {1, 1}, {3, 3}, {2, 5}}
		for d := range s {
			for _, n := range []int{1, s[d] + 1} {
				c := slices.Clone(s)
				c[d] = n
				shapes = append(shapes, c)
			}
			shapes = append(shapes, slices.Delete(slices.Clone(s), d, d+1))
		}
		for _, c := range shapes {
			withType(k, graph.Type{DType: t.DType, Shape: c})
		}
	}
	for i, a := range attrs {
		withAttr := func(v attr.Named) {
			m := slices.Clone(attrs)
			m[i] = v
			all = append(all, mutant{"attribute " + attr.List{v}.String(), types, m})
		}
		numbers := []int{-1, 0, 1, 2, 3, 99, -99, graph.MaxElements, math.MaxInt, math.MinInt}
		switch a.Value.Kind {
		case attr.Int:
			for _, n := range numbers {
				withAttr(attr.I(a.Key, n))
			}
		case attr.Ints:
			old := a.Value.Ints
			withAttr(attr.L(a.Key, append(slices.Clone(old), 0)))
			withAttr(attr.L(a.Key, nil))
			for k := range old {
				for _, n := range numbers {
					c := slices.Clone(old)
					c[k] = n
					withAttr(attr.L(a.Key, c))
				}
			}
		case attr.Bool:
			withAttr(attr.B(a.Key, a.Value.Int == 0))
		case attr.Float:
			for _, x := range []float64{math.NaN(), math.Inf(1), -1, 0, 1e300} {
				withAttr(attr.F(a.Key, x))
			}
		case attr.String:
			for _, s := range []string{"", "nonsense"} {
				withAttr(attr.S(a.Key, s))
			}
		}
		all = append(all, mutant{"attribute " + a.Key + " is missing", types, slices.Delete(slices.Clone(attrs), i, i+1)})
	}
	for k := range types {
		all = append(all, mutant{fmt.Sprintf("operand %d is missing", k), slices.Delete(slices.Clone(types), k, k+1), attrs})
	}
	return append(all, mutant{"another operand", append(slices.Clone(types), graph.Type{DType: graph.Float64}), attrs})
}

// Every operator with every operand and every attribute replaced, one at a time: what its type rule refuses is an error of this file that names
// it; what it accepts compiles, runs, and gives what the interpreter gives.
func TestOperatorsOfOtherOperands(t *testing.T) {
	refused, ran, failed := 0, 0, 0
	for _, op := range graph.Ops() {
		if unsampled[op.Name] != "" || op.Family == graph.FamilyUser || len(op.Samples) == 0 {
			continue
		}
		t.Run(op.Name, func(t *testing.T) {
			mine := 0
			for _, s := range op.Samples {
				types, attrs, ok := application(op, s)
				if !ok {
					continue
				}
				for _, m := range mutants(types, attrs) {
					switch checkMutant(t, op, m) {
					case wasRefused:
						mine++
					case hasRun:
						ran++
					case hasFailed:
						failed++
					}
				}
			}
			if mine == 0 {
				t.Errorf("%s accepts whatever it is given", op.Name)
			}
			refused += mine
		})
	}
	atLeast(t, 12000, refused, "refused")
	atLeast(t, 6000, ran, "ran")
	atLeast(t, 100, failed, "ended in errors of the run")
}

type outcome int

const (
	skipped outcome = iota
	wasRefused
	hasRun
	hasFailed
)

func checkMutant(t *testing.T, op *graph.Op, m mutant) (result outcome) {
	defer func() {
		if r := recover(); r != nil {
			t.Errorf("%s, %s: panic: %v", op.Name, m.what, r)
		}
	}()
	g, at := graph.New(), Point{}
	var in []*graph.Node
	for i, typ := range m.types {
		x := g.Input(fmt.Sprintf("x%d", i), typ.DType, typ.Shape...)
		at[x] = SampleValue(graph.SampleInput{Type: typ}, i, graph.Float64)
		if op.Name == "searchsorted" && i == 0 {
			sortLines(at[x]) // as it says that they must be
		}
		in = append(in, x)
	}
	y := g.Apply(op, in, m.attrs)
	if err := g.Err(); err != nil {
		var e *graph.Error
		if !errors.As(err, &e) || e.Op != op.Name || !strings.HasSuffix(e.Pos.File, "testkit/mutation_test.go") || strings.Contains(err.Error(), "BUG") {
			t.Errorf("%s, %s: %v", op.Name, m.what, err)
		}
		return wasRefused
	}
	if m.attrs.Int("length") > 1000 || m.attrs.Int("limit") > 1000 {
		return skipped // a loop of so many steps
	}
	outs := []*graph.Node{y}
	if rs := y.Results(); rs != nil {
		outs = nil
		for i := range rs {
			outs = append(outs, graph.Result(y, i))
		}
	}
	for _, o := range outs {
		if o.Shape().Size() > 10000 {
			return skipped
		}
	}
	got, err := CompileAndRun(compile.Config{}, at, outs...)
	want, refErr := ref.Eval(at, outs...)
	switch {
	case err != nil && strings.Contains(err.Error(), "BUG"), err == nil && refErr != nil, err != nil && refErr == nil:
		t.Errorf("%s, %s: error %v, interpreted %v", op.Name, m.what, err, refErr)
	case err != nil:
		if !strings.Contains(err.Error(), "mutation_test.go:") {
			t.Errorf("%s, %s: error without a line: %v", op.Name, m.what, err)
		}
		return hasFailed
	default:
		for i := range outs {
			if op.Name == "eigh" || op.Name == "svd" { // the signs of vectors are any
				dropSigns(got[i])
				dropSigns(want[i])
			}
			if err := CloseTo(got[i], want[i], bound32, 1e-12); err != nil {
				t.Errorf("%s, %s: %v", op.Name, m.what, err)
			}
		}
	}
	return hasRun
}

// Derivatives with other shapes and attributes than those of the samples: both modes against each other, and forward mode against differences, at
// random points. The derivative of random_gamma is not that of its sampling procedure, and both modes of with_vjp agree only where its operand is the function that its body is the derivative of.
func TestDerivativesOfOtherOperands(t *testing.T) {
	checked := 0
	for _, op := range graph.Ops() {
		if unsampled[op.Name] != "" || op.Family == graph.FamilyUser || !op.Differentiable() || op.Name == "random_gamma" || op.Name == "with_vjp" {
			continue
		}
		t.Run(op.Name, func(t *testing.T) {
			for _, s := range op.Samples {
				types, attrs, ok := application(op, s)
				if !ok {
					continue
				}
				for _, m := range mutants(types, attrs) {
					if checkDerivatives(t, op, m) {
						checked++
					}
				}
			}
		})
	}
	atLeast(t, 4000, checked, "checked")
}

func checkDerivatives(t *testing.T, op *graph.Op, m mutant) bool {
	random := rand.New(rand.NewPCG(uint64(len(m.what)), uint64(len(op.Name))))
	g, at, along := graph.New(), Point{}, Point{}
	var in, wrt, dirs []*graph.Node
	for i, typ := range m.types {
		x := g.Input(fmt.Sprintf("x%d", i), typ.DType, typ.Shape...)
		at[x] = SampleValue(graph.SampleInput{Type: typ}, i, graph.Float64)
		in = append(in, x)
		if typ.DType != graph.Float64 {
			continue
		}
		u := g.Input(fmt.Sprintf("u%d", i), typ.DType, typ.Shape...)
		at[u] = ref.New(typ)
		for k := range at[u].F {
			at[x].F[k], at[u].F[k] = 4*random.Float64()-2, 2*random.Float64()-1
		}
		if op.Name == "interp" && i == 1 {
			sortLines(at[x])
		}
		wrt, dirs, along[x] = append(wrt, x), append(dirs, u), at[u]
	}
	y := g.Apply(op, in, m.attrs)
	if g.Err() != nil || len(wrt) == 0 || y.Results() != nil || y.DType() != graph.Float64 || y.Shape().Size() > 2000 {
		return false
	}
	w := g.Input("w", graph.Float64, y.Shape()...)
	at[w] = Spread(y.Type(), -1, 1, 5)
	jvp, err := compile.JVP([]*graph.Node{y}, wrt, dirs)
	if err != nil {
		t.Errorf("%s, %s: %v", op.Name, m.what, err)
		return false
	}
	vjp, err := compile.VJP([]*graph.Node{y}, wrt, []*graph.Node{w})
	if err != nil {
		t.Errorf("%s, %s: %v", op.Name, m.what, err)
		return false
	}
	got, err := ref.Eval(at, append(jvp, vjp...)...)
	if err != nil {
		return false // a run that ends in an error, such as indices out of range
	}
	scale := 1.0
	for _, v := range got {
		if !Finite(v) {
			return false
		}
		for _, x := range v.F {
			scale = max(scale, math.Abs(x))
		}
	}
	if a, b := Dot(at[w], got[0]), pairing(at, dirs, got[1:]); math.Abs(a-b) > 1e-9*scale*float64(len(got[0].F)) {
		t.Errorf("%s, %s: ⟨w, Ju⟩ = %v, ⟨Jᵀw, u⟩ = %v", op.Name, m.what, a, b)
	}
	compiled, err := CompileAndRun(compile.Config{}, at, append(jvp, vjp...)...)
	if err != nil {
		t.Errorf("%s, %s: %v", op.Name, m.what, err)
		return false
	}
	for i, v := range compiled {
		if err := CloseTo(v, got[i], 1e-9, 1e-12*scale); err != nil {
			t.Errorf("%s, %s: compiled derivative %d: %v", op.Name, m.what, i, err)
		}
	}
	checkSecond(t, op, m, at, wrt, dirs, vjp)
	if op.Name == "implicit" {
		return true // differences tell nothing where the operand is no solution
	}
	value, err := ref.Make(y)
	if err != nil {
		t.Errorf("%s, %s: %v", op.Name, m.what, err)
		return false
	}
	diff, err := Derivative(value, at, along, 1e-5)
	finer, err2 := Derivative(value, at, along, 2e-6)
	if err != nil || err2 != nil {
		return false
	}
	for i, d := range diff[0] {
		if !near(d, finer[0][i], scale*scale, 1e-6) {
			continue // a kink or a step, or next to a pole
		}
		if math.Abs(d-got[0].F[i]) > 1e-5*scale*scale {
			t.Errorf("%s, %s: JVP[%d] = %v, differences give %v", op.Name, m.what, i, got[0].F[i], d)
			break
		}
	}
	return true
}

// checkSecond compares both modes of the second derivative, as bilinear forms of the directions and of the inputs themselves.
func checkSecond(t *testing.T, op *graph.Op, m mutant, at Point, wrt, dirs, vjp []*graph.Node) {
	var along *graph.Node
	for i, v := range vjp {
		term := graph.Sum(graph.Mul(v, dirs[i]))
		if along == nil {
			along = term
		} else {
			along = graph.Add(along, term)
		}
	}
	reverse, err := compile.Gradient(along, wrt...)
	if err != nil {
		t.Errorf("%s, %s: %v", op.Name, m.what, err)
		return
	}
	forward, err := compile.JVP(vjp, wrt, wrt)
	if err != nil {
		t.Errorf("%s, %s: %v", op.Name, m.what, err)
		return
	}
	got, err := ref.Eval(at, append(reverse, forward...)...)
	if err != nil {
		return
	}
	scale := 1.0
	for _, v := range got {
		if !Finite(v) {
			return
		}
		for _, x := range v.F {
			scale = max(scale, math.Abs(x))
		}
	}
	a, b := pairing(at, wrt, got[:len(wrt)]), pairing(at, dirs, got[len(wrt):])
	if math.Abs(a-b) > 1e-8*scale*float64(len(at)) {
		t.Errorf("%s, %s: second order: reverse %v, forward %v", op.Name, m.what, a, b)
	}
}

// sortLines sorts along the last dimension.
func sortLines(v ref.Value) {
	s := v.Type.Shape
	if v.F == nil || len(s) == 0 {
		return
	}
	for n := s[len(s)-1]; len(v.F) >= n && n > 0; v.F = v.F[n:] {
		slices.Sort(v.F[:n])
	}
}

func dropSigns(v ref.Value) {
	for i, x := range v.F {
		v.F[i] = math.Abs(x)
	}
}
