package testkit

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/ref"
	"github.com/adjoint-go/adjoint/vm"
)

// specials are operands at the edges: NaN, infinities, zeros, denormals, the largest numbers.
func specials(d graph.DType, arity int) []float64 {
	tiny, subnormal, huge := math.SmallestNonzeroFloat64, 1e-310, math.MaxFloat64
	if d == graph.Float32 {
		tiny, subnormal, huge = float64(float32(math.SmallestNonzeroFloat32)), float64(float32(1e-40)), float64(float32(math.MaxFloat32))
	}
	inf := math.Inf(1)
	list := []float64{math.NaN(), inf, -inf, 0, math.Copysign(0, -1), tiny, -tiny, huge, -huge, 1, -1}
	if arity < 3 {
		list = append(list, subnormal, -subnormal, 0.5, -0.5, 2, -2, 2.5, -2.5, 3, 100.25, -100.25)
	}
	return list
}

// specialOperands returns all combinations of special operands of an operator, of which some are bools.
func specialOperands(op *graph.Op, s graph.Sample, dtype graph.DType) (combos [][]float64, bools []bool) {
	arity := len(s.In)
	bools = make([]bool, arity)
	for k, in := range s.In {
		bools[k] = in.Type.DType == graph.Bool
	}
	list := specials(dtype, arity)
	switch {
	case op.Expand != nil && dtype == graph.Float32:
		// The interpreter's intermediate values do not overflow and underflow where those of float32 do.
		list = slices.DeleteFunc(list, func(x float64) bool { return x != 0 && math.Abs(x) < 1e-30 || math.Abs(x) > 1e30 && !math.IsInf(x, 0) })
	case op.Family == graph.FamilySpecial && arity > 1:
		// Denormal and huge operands of special functions of several arguments are beyond what the interpreter can sum.
		list = []float64{math.NaN(), math.Inf(1), math.Inf(-1), 0, math.Copysign(0, -1), 1, -1, 0.5, 2, 2.5, 3}
	}
	combos = [][]float64{nil}
	for k := range arity {
		var next [][]float64
		values := list
		if bools[k] {
			values = []float64{0, 1}
		}
		for _, c := range combos {
			for _, v := range values {
				next = append(next, append(append([]float64(nil), c...), v))
			}
		}
		combos = next
	}
	return combos, bools
}

// CheckSpecials pushes all combinations of special operands through an elementwise operator in a float
// dtype: the array program, optimised and not, and the scalar program, interpreted and as native code, must give
// the same bits, and those of the interpreter's class: the same NaN, infinity or signed zero, else the
// same number to a few roundings.
func CheckSpecials(t testing.TB, op *graph.Op, s graph.Sample, dtype graph.DType) {
	t.Helper()
	what := describe(op, s, dtype)
	combos, bools := specialOperands(op, s, dtype)
	arity := len(s.In)
	composite := op.Family == graph.FamilySpecial || op.Expand != nil
	build := func(shape ...int) (*graph.Node, []*graph.Node) {
		g := graph.New()
		var in []*graph.Node
		for k := range arity {
			d := dtype
			if bools[k] {
				d = graph.Bool
			}
			in = append(in, g.Input(fmt.Sprintf("x%d", k), d, shape...))
		}
		y := g.Apply(op, in, s.Attrs)
		if err := g.Err(); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		return y, in
	}
	y, in := build(len(combos))
	at := Point{}
	for k, x := range in {
		v := ref.New(x.Type())
		for i, c := range combos {
			if v.F != nil {
				v.F[i] = c[k]
			} else {
				v.B[i] = c[k] != 0
			}
		}
		at[x] = v
	}
	want, err := ref.Eval(at, y)
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	got, err := CompileAndRun(compile.Config{}, at, y)
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	plain, err := CompileAndRun(compile.Config{Unoptimized: true}, at, y)
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	if err := SameBits(got[0], plain[0]); err != nil {
		t.Errorf("%s: optimised and not: %v", what, err)
	}
	for i, c := range combos {
		if !sameClass(got[0], want[0], i, composite) {
			t.Errorf("%s at %v: %v, want %v", what, c, element(got[0], i), element(want[0], i))
			return
		}
	}
	z, sin := build()
	p, err := Compile(compile.Config{}, z)
	if err != nil {
		t.Errorf("%s: scalar: %v", what, err)
		return
	}
	m := vm.NewMachine(p)
	for round := range 2 {
		for i, c := range combos {
			sat := Point{}
			for k, x := range sin {
				sat[x] = ref.Of(x.Type(), c[k])
			}
			v, err := Run(m, sat)
			if err != nil {
				t.Errorf("%s: scalar at %v: %v", what, c, err)
				return
			}
			one := ref.New(v[0].Type)
			switch {
			case one.F != nil:
				one.F[0] = got[0].F[i]
			case one.I != nil:
				one.I[0] = got[0].I[i]
			default:
				one.B[0] = got[0].B[i]
			}
			if err := SameBits(v[0], one); err != nil {
				t.Errorf("%s: scalar and array at %v, round %d: %v", what, c, round, err)
				return
			}
		}
		if len(combos) > 600 {
			break
		}
	}
}

// sameClass compares element i: the same NaN, infinity, signed zero, or number to a few roundings, more for those that many
// operations make.
func sameClass(got, want ref.Value, i int, composite bool) bool {
	if want.F == nil {
		return element(got, i) == element(want, i)
	}
	g, w := got.F[i], want.F[i]
	switch {
	case w != w || g != g:
		return w != w && g != g
	case w == 0 && g == 0:
		return math.Signbit(w) == math.Signbit(g)
	case math.IsInf(w, 0) || math.IsInf(g, 0):
		return w == g
	}
	rel, ulp := 1e-14, 4*math.SmallestNonzeroFloat64
	if want.Type.DType == graph.Float32 {
		rel, ulp = 1e-6, 4*float64(float32(math.SmallestNonzeroFloat32))
	}
	if composite {
		rel, ulp = 100*rel, 100*ulp
	}
	return math.Abs(g-w) <= rel*math.Abs(w)+ulp
}

// CheckIntegers compares an elementwise operator on integers with the interpreter, around zero and where results wrap.
func CheckIntegers(t testing.TB, op *graph.Op, s graph.Sample, dtype graph.DType) {
	t.Helper()
	limit := int64(math.MaxInt32)
	if dtype == graph.Int64 {
		limit = math.MaxInt64
	}
	list := []int64{1, -1, 2, -2, 3, -7, 10, limit, -limit}
	if len(s.In) == 1 {
		list = append(list, 0, -limit-1)
	}
	n := len(list)
	size := 1
	for range s.In {
		size *= n
	}
	if op.Name == "pow" {
		list[7], list[8] = 31, -31
	}
	g, at := graph.New(), Point{}
	var in []*graph.Node
	step := 1
	for k := range s.In {
		x := g.Input(fmt.Sprintf("x%d", k), dtype, size)
		v := ref.New(x.Type())
		for i := range v.I {
			v.I[i] = list[i/step%n]
		}
		step *= n
		at[x] = v
		in = append(in, x)
	}
	y := g.Apply(op, in, s.Attrs)
	want, err := ref.Eval(at, y)
	if err != nil {
		t.Errorf("%s/%v: %v", op.Name, dtype, err)
		return
	}
	for _, c := range []compile.Config{{}, {Unoptimized: true}} {
		got, err := CompileAndRun(c, at, y)
		if err != nil {
			t.Errorf("%s/%v: %v", op.Name, dtype, err)
			return
		}
		if err := Close(got[0], want[0], 0); err != nil {
			t.Errorf("%s/%v: %v", op.Name, dtype, err)
		}
	}
}
