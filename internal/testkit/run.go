// Package testkit holds what tests of several packages share: running programs on plain values,
// comparing values, differences of high order, and the universal operator test.
package testkit

import (
	"fmt"
	"math"
	"strings"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/ref"
	"github.com/adjoint-go/adjoint/internal/sysmem"
	"github.com/adjoint-go/adjoint/vm"
)

// Point gives values to inputs.
type Point = map[*graph.Node]ref.Value

// GraphHooks are checks that every graph built by the kit must pass: printing and reading back.
var GraphHooks = []func(g *graph.Graph, outputs []*graph.Node) error{TextRoundTrip}

// ProgramHooks are checks that every program compiled by the kit must pass: encoding and decoding.
var ProgramHooks = []func(p *vm.Program) error{BinaryRoundTrip}

// Compile compiles with verification and runs the program hooks.
func Compile(c compile.Config, outputs ...*graph.Node) (*vm.Program, error) {
	c.Verify = true
	p, err := c.Compile(outputs...)
	if err != nil {
		return nil, err
	}
	for _, hook := range ProgramHooks {
		if err := hook(p); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// Set stores the values of a point in the machine's views. Inputs without a value are left alone.
func Set(m *vm.Machine, at Point) error {
	for n, v := range at {
		ok := false
		switch n.DType() {
		case graph.Float64:
			ok = fill(m.Float64(n.Name()), v, func(i int) float64 { return v.F[i] })
		case graph.Float32:
			ok = fill(m.Float32(n.Name()), v, func(i int) float32 { return float32(v.F[i]) })
		case graph.Int64:
			ok = fill(m.Int64(n.Name()), v, func(i int) int64 { return v.I[i] })
		case graph.Int32:
			ok = fill(m.Int32(n.Name()), v, func(i int) int32 { return int32(v.I[i]) })
		case graph.Bool:
			ok = fill(m.Bool(n.Name()), v, func(i int) bool { return v.B[i] })
		}
		if !ok {
			return fmt.Errorf("input %v has no view of %v", n, v.Type)
		}
	}
	return nil
}

func fill[T any](view []T, v ref.Value, at func(i int) T) bool {
	if len(view) != v.Len() {
		return false
	}
	for i := range view {
		view[i] = at(i)
	}
	return true
}

// Run sets the inputs, runs the machine and returns copies of the outputs.
func Run(m *vm.Machine, at Point) ([]ref.Value, error) {
	if err := Set(m, at); err != nil {
		return nil, err
	}
	arrays, err := m.Call()
	if err != nil {
		return nil, err
	}
	out := make([]ref.Value, len(arrays))
	for i, a := range arrays {
		out[i] = fromArray(a)
	}
	return out, nil
}

func fromArray(a vm.Array) ref.Value {
	t := a.Type()
	v := ref.New(graph.Type{DType: t.DType, Shape: t.Shape})
	switch d := a.Data.(type) {
	case []float64:
		copy(v.F, d)
	case []float32:
		for i, x := range d {
			v.F[i] = float64(x)
		}
	case []int64:
		copy(v.I, d)
	case []int32:
		for i, x := range d {
			v.I[i] = int64(x)
		}
	case []bool:
		copy(v.B, d)
	}
	return v
}

func init() { sysmem.Garbage = true }

// CompileAndRun compiles the outputs and runs the program once.
func CompileAndRun(c compile.Config, at Point, outputs ...*graph.Node) ([]ref.Value, error) {
	p, err := Compile(c, outputs...)
	if err != nil {
		return nil, err
	}
	return Run(vm.NewMachine(p), at)
}

// Close compares two values of one type: integers and bools exactly, floats to tol relative to the larger of the
// element and the largest finite element; NaN equals NaN and infinities equal themselves. It names the first
// difference.
func Close(got, want ref.Value, tol float64) error { return CloseTo(got, want, tol, 0) }

// CloseTo is Close with an absolute bound in addition, for values of which nothing but roundings is left.
func CloseTo(got, want ref.Value, tol, absolute float64) error {
	if !got.Type.Equal(want.Type) {
		return fmt.Errorf("type %v, want %v", got.Type, want.Type)
	}
	scale := 0.0
	for _, w := range want.F {
		if !math.IsInf(w, 0) && !math.IsNaN(w) {
			scale = max(scale, math.Abs(w))
		}
	}
	for i := range want.Len() {
		var ok bool
		switch {
		case want.F != nil:
			g, w := got.F[i], want.F[i]
			ok = g == w || g != g && w != w || math.Abs(g-w) <= tol*scale+absolute
		case want.I != nil:
			ok = got.I[i] == want.I[i]
		default:
			ok = got.B[i] == want.B[i]
		}
		if !ok {
			return fmt.Errorf("element %d is %v, want %v", i, element(got, i), element(want, i))
		}
	}
	return nil
}

// SameBits compares bit by bit; any NaN equals any other.
func SameBits(got, want ref.Value) error {
	if err := Close(got, want, 0); err != nil {
		return err
	}
	for i, w := range want.F {
		if w == 0 && math.Signbit(w) != math.Signbit(got.F[i]) {
			return fmt.Errorf("element %d is %v, want %v", i, got.F[i], w)
		}
	}
	return nil
}

func element(v ref.Value, i int) any {
	switch {
	case v.F != nil:
		return v.F[i]
	case v.I != nil:
		return v.I[i]
	}
	return v.B[i]
}

// Dot returns Σ aᵢ·bᵢ.
func Dot(a, b ref.Value) float64 {
	s := 0.0
	for i, x := range a.F {
		s += x * b.F[i]
	}
	return s
}

// Finite reports whether all float elements are finite.
func Finite(v ref.Value) bool {
	for _, x := range v.F {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return false
		}
	}
	return true
}

// Spread returns a value of a float type whose elements are spread over [lo, hi], never the same twice; seed shifts them.
func Spread(t graph.Type, lo, hi float64, seed int) ref.Value {
	v := ref.New(t)
	const golden = 0.6180339887498949
	for i := range v.F {
		_, f := math.Modf(float64(0.137*float64(seed+1)) + float64(golden*float64(i+1)))
		x := lo + float64((hi-lo)*f) // the same on processors that fuse
		if t.DType == graph.Float32 {
			x = float64(float32(x))
		}
		v.F[i] = x
	}
	return v
}

// Shifted returns the point moved by h along the directions.
func Shifted(at, along Point, h float64) Point {
	out := make(Point, len(at))
	for n, v := range at {
		d, ok := along[n]
		if !ok {
			out[n] = v
			continue
		}
		w := ref.New(v.Type)
		for i := range w.F {
			w.F[i] = v.F[i] + h*d.F[i]
		}
		out[n] = w
	}
	return out
}

// Derivative returns the directional derivatives of the interpreter's outputs at a point: central
// differences with steps h, h/2 and h/4, extrapolated twice (Richardson), so that the error is of order h⁶.
func Derivative(x *ref.Interpreter, at, along Point, h float64) ([][]float64, error) {
	var level [3][][]float64
	for k := range level {
		step := h / float64(int(1)<<k)
		plus, err := x.Run(Shifted(at, along, step))
		if err != nil {
			return nil, err
		}
		minus, err := x.Run(Shifted(at, along, -step))
		if err != nil {
			return nil, err
		}
		for o := range plus {
			d := make([]float64, len(plus[o].F))
			for i := range d {
				if plus[o].F[i] != minus[o].F[i] { // which may be the same infinity
					d[i] = (plus[o].F[i] - minus[o].F[i]) / (2 * step)
				}
			}
			level[k] = append(level[k], d)
		}
	}
	out := level[0]
	for o := range out {
		for i := range out[o] {
			a := (4*level[1][o][i] - level[0][o][i]) / 3
			b := (4*level[2][o][i] - level[1][o][i]) / 3
			out[o][i] = (16*b - a) / 15
		}
	}
	return out, nil
}

// describe prints the operator, its sample and dtype for messages.
func describe(op *graph.Op, s graph.Sample, d graph.DType) string {
	var in []string
	for _, i := range s.In {
		in = append(in, i.Type.String())
	}
	return fmt.Sprintf("%s(%s){%v}/%v", op.Name, strings.Join(in, ", "), s.Attrs, d)
}
