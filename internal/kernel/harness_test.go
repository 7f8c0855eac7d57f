package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/dtype"
)

// arg is an operand or an expected result of a case.
type arg struct {
	dt    dtype.DType // Invalid: the dtype under test
	shape []int
	vals  []float64
}

func v(shape []int, vals ...float64) arg     { return arg{dtype.Invalid, shape, vals} }
func ints(shape []int, vals ...float64) arg  { return arg{dtype.Int64, shape, vals} }
func bools(shape []int, vals ...float64) arg { return arg{dtype.Bool, shape, vals} }
func sh(dims ...int) []int                   { return append([]int{}, dims...) }
func attrs(items ...attr.Named) attr.List    { return attr.Make(items...) }
func (a arg) as(d dtype.DType) arg           { a.dt = d; return a }
func (a arg) typ(test dtype.DType) Type      { return Type{a.dtypeFor(test), a.shape} }
func (a arg) dtypeFor(test dtype.DType) dtype.DType {
	if a.dt == dtype.Invalid {
		return test
	}
	return a.dt
}

// kernelCase runs one kernel on given values for each of the dtypes.
type kernelCase struct {
	name    string
	what    string
	dtypes  []dtype.DType
	in, out []arg
	attrs   attr.List
	tol     float64 // relative to the largest expected magnitude; for float32 at least 1e-5 if tol > 0
	err     string  // part of the runtime error's text
}

var (
	allDTypes     = []dtype.DType{dtype.Float64, dtype.Float32, dtype.Int64, dtype.Int32, dtype.Bool}
	numericDTypes = allDTypes[:4]
	floatDTypes   = allDTypes[:2]
	fixedDType    = []dtype.DType{dtype.Float64}
)

// cases holds the cases of all test files of this package's whole-tensor kernels.
var cases []kernelCase

func addCases(c ...kernelCase) bool {
	cases = append(cases, c...)
	return true
}

const guardElements = 8

// newTensor makes a tensor whose slice has exactly its length within a longer guarded buffer.
func newTensor(t Type) Tensor {
	n := t.Size()
	x := Tensor{Type: t}
	switch t.DType {
	case dtype.Float64:
		x.F64 = make([]float64, n+guardElements)[:n:n]
	case dtype.Float32:
		x.F32 = make([]float32, n+guardElements)[:n:n]
	case dtype.Int64:
		x.I64 = make([]int64, n+guardElements)[:n:n]
	case dtype.Int32:
		x.I32 = make([]int32, n+guardElements)[:n:n]
	case dtype.Bool:
		x.Bool = make([]bool, n+guardElements)[:n:n]
	}
	return x
}

func (t *Tensor) setValue(i int, x float64) {
	switch t.DType {
	case dtype.Float64:
		t.F64[i] = x
	case dtype.Float32:
		t.F32[i] = float32(x)
	case dtype.Int64:
		t.I64[i] = int64(x)
	case dtype.Int32:
		t.I32[i] = int32(x)
	case dtype.Bool:
		t.Bool[i] = x != 0
	}
}

func (t *Tensor) value(i int) float64 {
	switch t.DType {
	case dtype.Float64:
		return t.F64[i]
	case dtype.Float32:
		return float64(t.F32[i])
	case dtype.Int64:
		return float64(t.I64[i])
	case dtype.Int32:
		return float64(t.I32[i])
	}
	if t.Bool[i] {
		return 1
	}
	return 0
}

// poison fills a result with values that a kernel must overwrite.
func poison(t *Tensor) {
	for i := range t.Size() {
		t.setValue(i, 77)
	}
}

// prepareCall makes the call of a kernel whose Check has passed.
func prepareCall(k *Kernel, in, out []Tensor, a attr.List) *Call {
	ti, to := make([]Type, len(in)), make([]Type, len(out))
	for i := range in {
		ti[i] = in[i].Type
	}
	for i := range out {
		to[i] = out[i].Type
	}
	c := &Call{In: in, Out: out, Attrs: a}
	if k.Workspace != nil {
		if n := k.Workspace(ti, to, a); n > 0 {
			c.Work = alignedBytes(n)
			for i := range c.Work {
				c.Work[i] = 0x5a
			}
		}
	}
	if k.Each != nil {
		each := alignedBytes(k.Each(ti, to, a))
		for i := range each {
			each[i] = 0x5a
		}
		c.Workers = [][]byte{each}
	}
	if k.Prepare != nil {
		c.State = k.Prepare(ti, to, a)
	}
	return c
}

func alignedBytes(n int) []byte {
	b := make([]byte, n+scratchAlign)
	skip := int(-uintptr(unsafe.Pointer(&b[0])) % scratchAlign)
	return b[skip : skip+n : skip+n]
}

func typesOf(args []arg, d dtype.DType) []Type {
	ts := make([]Type, len(args))
	for i, a := range args {
		ts[i] = a.typ(d)
	}
	return ts
}

func tensorsOf(args []arg, d dtype.DType) []Tensor {
	ts := make([]Tensor, len(args))
	for i, a := range args {
		ts[i] = newTensor(a.typ(d))
		for j, x := range a.vals {
			ts[i].setValue(j, x)
		}
	}
	return ts
}

func TestKernels(t *testing.T) {
	for _, tc := range cases {
		for _, d := range tc.dtypes {
			t.Run(strings.Join([]string{tc.name, tc.what, d.Short()}, "/"), func(t *testing.T) { runCase(t, tc, d) })
		}
	}
}

func runCase(t *testing.T, tc kernelCase, d dtype.DType) {
	k := Lookup(tc.name)
	if k == nil {
		t.Fatalf("no kernel %s", tc.name)
	}
	if err := k.Check(typesOf(tc.in, d), typesOf(tc.out, d), tc.attrs); err != nil {
		t.Fatalf("check: %v", err)
	}
	in, out := tensorsOf(tc.in, d), make([]Tensor, len(tc.out))
	for i, o := range tc.out {
		out[i] = newTensor(o.typ(d))
		poison(&out[i])
	}
	before := tensorsOf(tc.in, d)
	c := prepareCall(k, in, out, tc.attrs)
	err := k.Run(c)
	if tc.err != "" {
		if err == nil || !strings.Contains(err.Error(), tc.err) {
			t.Fatalf("error %v, want one with %q", err, tc.err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for i := range out {
			compareValues(t, fmt.Sprintf("result %d", i), &out[i], tc.out[i].vals, tc.tol)
			poison(&out[i])
		}
		if err := k.Run(c); err != nil {
			t.Fatalf("second run: %v", err)
		}
	}
	if k.Finishes != nil && k.Finishes(typesOf(tc.in, d), typesOf(tc.out, d), tc.attrs) {
		e := &overwriting{out: &out[0], values: make([]float64, out[0].Size()), times: make([]int, out[0].Size())}
		c.Then = e
		if err := k.Run(c); err != nil {
			t.Fatalf("run with an epilogue: %v", err)
		}
		c.Then = nil
		for i, n := range e.times {
			if n != 1 || out[0].value(i) != overwritten {
				t.Fatalf("element %d was finished %d times, and is then %v", i, n, out[0].value(i))
			}
			out[0].setValue(i, e.values[i])
		}
		compareValues(t, "result with an epilogue", &out[0], tc.out[0].vals, tc.tol)
	}
	if k.FirstOnly {
		list := attr.Make(append([]attr.Named{attr.B("first_only", true)}, tc.attrs...)...)
		if err := k.Check(typesOf(tc.in, d), typesOf(tc.out, d), list); err != nil {
			t.Fatalf("check with first_only: %v", err)
		}
		poison(&out[0])
		if err := k.Run(prepareCall(k, in, out, list)); err != nil {
			t.Fatalf("run with first_only: %v", err)
		}
		compareValues(t, "result 0 with first_only", &out[0], tc.out[0].vals, tc.tol)
	}
	if n := testing.AllocsPerRun(3, func() { _ = k.Run(c) }); n != 0 {
		t.Errorf("%v allocations per run", n)
	}
	for i := range in {
		compareValues(t, fmt.Sprintf("operand %d after the run", i), &in[i], valuesOf(&before[i]), 0)
		checkGuard(t, &in[i])
	}
	for i := range out {
		checkGuard(t, &out[i])
	}
}

// overwriting is an Epilogue that takes down the elements and overwrites them.
type overwriting struct {
	out    *Tensor
	values []float64
	times  []int
}

const overwritten = 55

func (e *overwriting) Finish(_, at, rows, cols, row int) {
	for range rows {
		for i := at; i < at+cols; i++ {
			e.times[i]++
			e.values[i] = e.out.value(i)
			e.out.setValue(i, overwritten)
		}
		at += row
	}
}

func valuesOf(t *Tensor) []float64 {
	x := make([]float64, t.Size())
	for i := range x {
		x[i] = t.value(i)
	}
	return x
}

func checkGuard(t *testing.T, x *Tensor) {
	t.Helper()
	n := x.Size()
	full := Tensor{Type: Type{x.DType, []int{n + guardElements}}}
	switch x.DType {
	case dtype.Float64:
		full.F64 = unsafe.Slice(unsafe.SliceData(x.F64), n+guardElements)
	case dtype.Float32:
		full.F32 = unsafe.Slice(unsafe.SliceData(x.F32), n+guardElements)
	case dtype.Int64:
		full.I64 = unsafe.Slice(unsafe.SliceData(x.I64), n+guardElements)
	case dtype.Int32:
		full.I32 = unsafe.Slice(unsafe.SliceData(x.I32), n+guardElements)
	case dtype.Bool:
		full.Bool = unsafe.Slice(unsafe.SliceData(x.Bool), n+guardElements)
	}
	for i := n; i < n+guardElements; i++ {
		if full.value(i) != 0 {
			t.Errorf("written beyond the end")
		}
	}
}

func compareValues(t *testing.T, what string, got *Tensor, want []float64, tol float64) {
	t.Helper()
	if len(want) != got.Size() {
		t.Fatalf("%s has %d elements, the case gives %d", what, got.Size(), len(want))
	}
	if tol > 0 && got.DType == dtype.Float32 {
		tol = max(tol, 1e-5)
	}
	scale := 0.0
	for _, w := range want {
		if !math.IsInf(w, 0) && !math.IsNaN(w) {
			scale = max(scale, math.Abs(w))
		}
	}
	expect := newTensor(got.Type)
	for i, w := range want {
		expect.setValue(i, w)
		g, e := got.value(i), expect.value(i)
		if g == e && math.Signbit(g) == math.Signbit(e) || g != g && e != e {
			continue
		}
		if tol > 0 && math.Abs(g-e) <= tol*scale {
			continue
		}
		t.Fatalf("%s: element %d is %v, want %v\ngot  %v\nwant %v", what, i, g, e, valuesOf(got), want)
	}
}

// spread returns n reproducible whole numbers in [−9, 9], the same for a given seed.
func spread(seed uint64, n int) []float64 {
	r := rand.New(rand.NewPCG(seed, 5))
	x := make([]float64, n)
	for i := range x {
		x[i] = float64(r.IntN(19) - 9)
	}
	return x
}

// TestEveryKernelHasCases holds that each whole-tensor kernel is tested.
func TestEveryKernelHasCases(t *testing.T) {
	for _, name := range Names() {
		if !slices.ContainsFunc(cases, func(c kernelCase) bool { return c.name == name }) {
			t.Errorf("kernel %s has no case", name)
		}
	}
}

var hostileInts = []int{0, 1, 2, 3, -1, -2, 5, 1 << 30, math.MaxInt, math.MinInt, math.MaxInt - 1, maxElements, math.MaxInt/2 + 1, -maxElements}

// TestHostileChecks mutates the types and attributes of every case: Check may refuse, and if it
// does not, Run may fail with an error, but neither may panic or write outside.
func TestHostileChecks(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	rounds := 60
	if testing.Short() {
		rounds = 10
	}
	tried, ran := 0, 0
	for _, tc := range cases {
		k := Lookup(tc.name)
		for _, d := range tc.dtypes {
			for range rounds {
				in, out, a := cloneTypes(typesOf(tc.in, d)), cloneTypes(typesOf(tc.out, d)), cloneAttrs(tc.attrs)
				for range 1 + r.IntN(3) {
					in, out, a = mutate(r, in, out, a)
				}
				tried++
				if tryHostile(t, k, tc, d, in, out, a, r) {
					ran++
				}
			}
		}
	}
	t.Logf("%d of %d calls are accepted and ran", ran, tried)
	if 50*ran < tried || ran == tried {
		t.Errorf("%d of %d calls are accepted and ran", ran, tried)
	}
}

func tryHostile(t *testing.T, k *Kernel, tc kernelCase, d dtype.DType, in, out []Type, a attr.List, r *rand.Rand) (ran bool) {
	t.Helper()
	defer func() {
		if p := recover(); p != nil {
			t.Fatalf("%s panics: %v\nin %v out %v attrs %v", k.Name, p, in, out, a)
		}
	}()
	if k.Check(in, out, a) != nil {
		return false
	}
	total := 0
	for _, x := range append(append([]Type{}, in...), out...) {
		total += x.Size()
	}
	if total > 1<<16 {
		return false
	}
	ins, outs := make([]Tensor, len(in)), make([]Tensor, len(out))
	for i, x := range in {
		ins[i] = newTensor(x)
		for j := range x.Size() {
			switch {
			case i < len(tc.in) && j < len(tc.in[i].vals) && r.IntN(4) > 0:
				ins[i].setValue(j, tc.in[i].vals[j])
			case x.DType.IsInt() && r.IntN(8) == 0:
				ins[i].setValue(j, float64(hostileInts[r.IntN(len(hostileInts))]))
			default:
				ins[i].setValue(j, float64(r.IntN(5)-1))
			}
		}
	}
	for i, x := range out {
		outs[i] = newTensor(x)
	}
	_ = k.Run(prepareCall(k, ins, outs, a))
	for i := range outs {
		checkGuard(t, &outs[i])
	}
	return true
}

func cloneTypes(ts []Type) []Type {
	out := make([]Type, len(ts))
	for i, x := range ts {
		out[i] = Type{x.DType, slices.Clone(x.Shape)}
	}
	return out
}

func cloneAttrs(a attr.List) attr.List {
	out := slices.Clone(a)
	for i := range out {
		out[i].Value.Ints = slices.Clone(out[i].Value.Ints)
	}
	return out
}

func mutate(r *rand.Rand, in, out []Type, a attr.List) ([]Type, []Type, attr.List) {
	hostile := func() int { return hostileInts[r.IntN(len(hostileInts))] }
	all := make([]*Type, 0, len(in)+len(out))
	for i := range in {
		all = append(all, &in[i])
	}
	for i := range out {
		all = append(all, &out[i])
	}
	switch x := r.IntN(12); {
	case x < 3 && len(all) > 0:
		if s := all[r.IntN(len(all))].Shape; len(s) > 0 {
			s[r.IntN(len(s))] = hostile()
		}
	case x == 3 && len(all) > 0:
		y := all[r.IntN(len(all))]
		y.Shape = append(y.Shape, 1+r.IntN(2))
	case x == 4 && len(all) > 0:
		if y := all[r.IntN(len(all))]; len(y.Shape) > 0 {
			y.Shape = y.Shape[1:]
		}
	case x == 5 && len(all) > 0:
		all[r.IntN(len(all))].DType = dtype.DType(r.IntN(8))
	case x == 6 && len(in) > 0:
		in = in[1:]
	case x == 7 && len(a) > 0:
		a = append(a[:0:0], a[1:]...)
	case len(a) > 0:
		n := &a[r.IntN(len(a))].Value
		switch n.Kind {
		case attr.Int:
			n.Int = int64(hostile())
		case attr.Bool:
			n.Int = 1 - n.Int
		case attr.String:
			n.String += "x"
		case attr.Ints:
			switch {
			case len(n.Ints) > 0 && r.IntN(3) > 0:
				n.Ints[r.IntN(len(n.Ints))] = hostile()
			case r.IntN(2) == 0:
				n.Ints = append(n.Ints, hostile())
			default:
				n.Ints = nil
			}
		}
		if r.IntN(10) == 0 {
			n.Kind = attr.Kind(r.IntN(8))
		}
	}
	return in, out, a
}
