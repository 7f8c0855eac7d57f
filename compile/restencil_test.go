package compile

import (
	"math"
	"slices"
	"testing"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// shift is x, each element of which is that so many places before along the last axis, with zeros in front.
func shift(x *graph.Node, by int) *graph.Node {
	last := len(x.Shape()) - 1
	part := slices.Repeat([]graph.Range{{Limit: graph.All}}, last+1)
	low, high := make([]int, last+1), make([]int, last+1)
	if by > 0 {
		part[last].Limit, low[last] = x.Shape()[last]-by, by
	} else {
		part[last].Start, high[last] = -by, -by
	}
	return graph.Pad(graph.Slice(x, part...), low, high, 0)
}

// rungeKutta is a step of the classical method for y′ = x·y, each element of y that before or behind it.
func rungeKutta(x, y *graph.Node, by int) *graph.Node {
	slope := func(y *graph.Node) *graph.Node { return graph.Mul(x, shift(y, by)) }
	k1 := slope(y)
	k2 := slope(graph.Add(y, k1.Mul(0.5)))
	k3 := slope(graph.Add(y, k2.Mul(0.5)))
	k4 := slope(graph.Add(y, k3))
	return graph.Add(y, graph.Add(graph.Add(k1, graph.Add(k2, k3).Mul(2)), k4).Div(6))
}

// Stages of which a few neighbours are read become one loop, with the same bits, and its gradient too.
func TestRestencil(t *testing.T) {
	type build func(x, y *graph.Node) []*graph.Node
	gradientOf := func(step build) build {
		return func(x, y *graph.Node) []*graph.Node {
			grad, err := Gradient(graph.ReduceSum(graph.Square(step(x, y)[0]), nil), x, y)
			if err != nil {
				t.Fatal(err)
			}
			return grad
		}
	}
	forward := func(x, y *graph.Node) []*graph.Node { return []*graph.Node{rungeKutta(x, y, 1)} }
	backward := func(x, y *graph.Node) []*graph.Node { return []*graph.Node{rungeKutta(x, y, -1)} }
	middle := graph.Range{Start: 1, Limit: 1999}
	one := func(y *graph.Node) []*graph.Node { return []*graph.Node{y} }
	for _, c := range []struct {
		name  string
		d     graph.DType
		shape []int
		build build
		fires bool
	}{
		{"step", graph.Float64, []int{3001}, forward, true},
		{"step to the left", graph.Float32, []int{2000}, backward, true},
		{"step of rows", graph.Float64, []int{40, 61}, forward, true},
		{"gradient", graph.Float64, []int{3001}, gradientOf(forward), true},
		{"gradient of rows", graph.Float32, []int{40, 61}, gradientOf(backward), true},
		{"part without zeros around it", graph.Float64, []int{2000}, func(x, y *graph.Node) []*graph.Node {
			return one(graph.Mul(graph.Slice(graph.Exp(graph.Sub(x, y)), middle), graph.Slice(y, middle)))
		}, true},
		{"negative zero", graph.Float64, []int{2000}, func(x, y *graph.Node) []*graph.Node {
			return one(graph.Div(x, shift(graph.Neg(y), 1)))
		}, false},
		{"not zero", graph.Float64, []int{2000}, func(x, y *graph.Node) []*graph.Node { return one(graph.Mul(x, shift(graph.Exp(y), 1))) }, false},
		{"dear", graph.Float64, []int{2000}, func(x, y *graph.Node) []*graph.Node {
			z := graph.Tanh(y)
			return one(graph.Mul(shift(z, 1), graph.Mul(shift(z, -1), shift(z, 2))))
		}, false},
		{"many parts", graph.Float64, []int{2000}, func(x, y *graph.Node) []*graph.Node {
			z := graph.Mul(x, y)
			sum := z
			for k := range 9 {
				sum = graph.Add(sum, shift(z, k+1))
			}
			return one(sum)
		}, false},
		{"output too", graph.Float64, []int{2000}, func(x, y *graph.Node) []*graph.Node {
			z := graph.Mul(x, y)
			return []*graph.Node{graph.Add(x, shift(z, 1)), z}
		}, false},
		{"read by a kernel", graph.Float64, []int{2000}, func(x, y *graph.Node) []*graph.Node {
			z := graph.Mul(x, y)
			return []*graph.Node{graph.Add(x, shift(z, 1)), graph.Cumsum(z, 0)}
		}, false},
		{"rows that each read it", graph.Float64, []int{2000}, func(x, y *graph.Node) []*graph.Node {
			return one(graph.Add(graph.Reshape(graph.Concat(0, x, y), 2, 2000), shift(graph.Mul(x, y), 1)))
		}, false},
		{"few elements", graph.Float64, []int{200}, forward, false},
	} {
		g := graph.New()
		x, y := g.Input("x", c.d, c.shape...), g.Input("y", c.d, c.shape...)
		out := c.build(x, y)
		if err := g.Err(); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if fired := firings(t, Config{}, out...)["restencil"] > 0; fired != c.fires {
			t.Errorf("%s: fired is %v", c.name, fired)
		}
		if !c.fires {
			continue
		}
		run := func(disable ...string) (bits []uint64, loops int) {
			p, err := Config{Disable: disable}.Compile(out...)
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			m := vm.NewMachine(p)
			for i := range x.Shape().Size() {
				a, b := math.Sin(float64(i)), math.Cos(float64(3*i))
				if c.d == graph.Float32 {
					m.Float32("x")[i], m.Float32("y")[i] = float32(a), float32(b)
				} else {
					m.Float64("x")[i], m.Float64("y")[i] = a, b
				}
			}
			if err := m.Step(); err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			for k := range out {
				v, err := m.OutputView(k)
				if err != nil {
					t.Fatalf("%s: %v", c.name, err)
				}
				switch data := v.Data.(type) {
				case []float32:
					for _, x := range data {
						bits = append(bits, uint64(math.Float32bits(x)))
					}
				case []float64:
					for _, x := range data {
						bits = append(bits, math.Float64bits(x))
					}
				}
			}
			return bits, p.Len()
		}
		with, loops := run("contract") // which products are joined with sums follows from how often they are read
		without, more := run("contract", "restencil")
		if len(with) == 0 || !slices.Equal(with, without) {
			t.Errorf("%s: other bits than without", c.name)
		}
		if loops >= more {
			t.Errorf("%s: %d instructions, and %d without", c.name, loops, more)
		}
	}
}
