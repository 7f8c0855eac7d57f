package agreement

import (
	"bufio"
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/ref"
	"github.com/adjoint-go/adjoint/internal/testkit"
)

//go:embed testdata/vectors.jsonl
var vectors string

// versions are those of the peers.
type versions struct{ JAX, Torch, NumPy string }

// vector is what a peer computed.
type vector struct {
	Name, Peer string
	Operands   []struct {
		DType string
		Shape []int
		Data  []float64
	}
	Value            []float64
	Gradient, Second [][]float64
}

func load() (versions, []vector, error) {
	var v versions
	var list []vector
	s := bufio.NewScanner(strings.NewReader(vectors))
	s.Buffer(nil, 1<<20)
	for line := 0; s.Scan(); line++ {
		if line == 0 {
			if err := json.Unmarshal(s.Bytes(), &v); err != nil {
				return v, nil, err
			}
			continue
		}
		var x vector
		if err := json.Unmarshal(s.Bytes(), &x); err != nil {
			return v, nil, fmt.Errorf("line %d: %w", line+1, err)
		}
		list = append(list, x)
	}
	return v, list, s.Err()
}

// weight is element i of the vectors that results (phase 0) and gradients (phase 1) are multiplied by.
func weight(i int, phase float64) float64 { return 0.75 + 0.5*math.Sin(0.9*float64(i)+phase) }

// Errors are the largest differences of a case from the peer, relative to the largest element of each array (at least 1). One that is
// negative was not compared.
type Errors struct{ Value, Gradient, Second float64 }

// compare runs a case in the dtype with all tiers of the compiler and returns how far it is from the peer.
func compare(v vector, d graph.DType) (Errors, error) {
	e := Errors{-1, -1, -1}
	c, ok := cases[v.Name]
	if !ok {
		return e, fmt.Errorf("no case has the name %s", v.Name)
	}
	g, at := graph.New(), testkit.Point{}
	var operands, floats nodes
	for i, o := range v.Operands {
		t := map[string]graph.DType{"f64": d, "i64": graph.Int64, "bool": graph.Bool}[o.DType]
		x := g.Input(fmt.Sprintf("x%d", i), t, o.Shape...)
		at[x] = ref.New(x.Type())
		for k, f := range o.Data {
			switch t {
			case graph.Bool:
				at[x].B[k] = f != 0
			case graph.Int64:
				at[x].I[k] = int64(f)
			default:
				at[x].F[k] = f
			}
		}
		operands = append(operands, x)
		if t == d {
			floats = append(floats, x)
		}
	}
	weighted := func(list nodes, phase func(k int) float64, joined bool) node {
		var cost node
		at := 0
		for k, y := range list {
			if !joined {
				at = 0
			}
			w := make([]float64, y.Shape().Size())
			for i := range w {
				w[i] = weight(at+i, phase(k))
			}
			at += len(w)
			term := graph.Sum(graph.Mul(graph.Cast(graph.Constant(g, w, y.Shape()...), d), y))
			if cost == nil {
				cost = term
			} else {
				cost = graph.Add(cost, term)
			}
		}
		return cost
	}
	outputs := c.build(operands)
	results := len(outputs)
	if v.Gradient != nil {
		gradient, err := compile.Gradient(weighted(outputs, func(int) float64 { return 0 }, true), floats...)
		if err != nil {
			return e, err
		}
		outputs = append(outputs, gradient...)
		if v.Second != nil {
			second, err := compile.Gradient(weighted(gradient, func(int) float64 { return 1 }, false), floats...)
			if err != nil {
				return e, err
			}
			outputs = append(outputs, second...)
		}
	}
	got, err := testkit.CompileAndRun(compile.Config{}, at, outputs...)
	if err != nil {
		return e, err
	}
	var value []float64
	for _, y := range got[:results] {
		value = append(value, numbers(y)...)
	}
	if e.Value, err = distance(value, v.Value); err != nil {
		return e, fmt.Errorf("value: %w", err)
	}
	for k, want := range v.Gradient {
		far, err := distance(numbers(got[results+k]), want)
		if err != nil {
			return e, fmt.Errorf("gradient %d: %w", k, err)
		}
		e.Gradient = max(e.Gradient, far)
	}
	for k, want := range v.Second {
		far, err := distance(numbers(got[results+len(floats)+k]), want)
		if err != nil {
			return e, fmt.Errorf("second derivative %d: %w", k, err)
		}
		e.Second = max(e.Second, far)
	}
	return e, nil
}

// numbers returns the elements of any dtype.
func numbers(v ref.Value) []float64 {
	switch {
	case v.Type.DType.IsFloat():
		return v.F
	case v.Type.DType == graph.Bool:
		list := make([]float64, len(v.B))
		for i, b := range v.B {
			if b {
				list[i] = 1
			}
		}
		return list
	}
	list := make([]float64, len(v.I))
	for i, k := range v.I {
		list[i] = float64(k)
	}
	return list
}

// distance is the largest difference, relative to the largest element.
func distance(got, want []float64) (float64, error) {
	if len(got) != len(want) {
		return 0, fmt.Errorf("%d elements instead of %d", len(got), len(want))
	}
	scale, far := 1.0, 0.0
	for _, w := range want {
		scale = max(scale, math.Abs(w))
	}
	for i, w := range want {
		d := math.Abs(got[i] - w)
		if math.IsNaN(d) {
			return 0, fmt.Errorf("element %d is %v instead of %v", i, got[i], w)
		}
		far = max(far, d/scale)
	}
	return far, nil
}
