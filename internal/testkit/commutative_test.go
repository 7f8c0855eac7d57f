package testkit

import (
	"math"
	"testing"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/ref"
)

// What operators say of the order of their operands holds: a commutative one gives the same bits in both orders, at ordinary and at special
// values, and one that is not differs somewhere.
func TestCommutativeOperators(t *testing.T) {
	special := []float64{-2, math.Copysign(0, -1), 0, 0.5, 1, 3, math.Inf(1), math.Inf(-1), math.NaN()}
	commutative, ordered := 0, 0
	for _, op := range graph.Ops() {
		if op.MinArity != 2 || op.MaxArity != 2 {
			if op.Commutative {
				t.Errorf("%s: commutative with %d to %d operands", op.Name, op.MinArity, op.MaxArity)
			}
			continue
		}
		tried, differs := false, false
		for _, s := range op.Samples {
			if s.Build != nil {
				continue
			}
			a, b := SampleValue(s.In[0], 0, graph.Float64), SampleValue(s.In[1], 1, graph.Float64)
			if a.Type.DType != b.Type.DType {
				continue
			}
			points := [][2]ref.Value{{a, b}}
			if a.Type.DType == graph.Float64 && op.Elementwise {
				x, y := ref.New(graph.Type{DType: graph.Float64, Shape: graph.Shape{81}}), ref.New(graph.Type{DType: graph.Float64, Shape: graph.Shape{81}})
				for i := range 81 {
					x.F[i], y.F[i] = special[i/9], special[i%9]
				}
				points = append(points, [2]ref.Value{x, y})
			}
			for _, p := range points {
				g := graph.New()
				x, y := Literal(g, p[0]), Literal(g, p[1])
				one, other := g.Apply(op, []*graph.Node{x, y}, s.Attrs), g.Apply(op, []*graph.Node{y, x}, s.Attrs)
				if g.Err() != nil {
					if op.Commutative {
						t.Errorf("%s: %v", op.Name, g.Err())
					}
					continue // the operands play different parts
				}
				got, err := ref.Eval(nil, one, other)
				if err != nil {
					t.Fatalf("%s: %v", op.Name, err)
				}
				tried = true
				if err := SameBits(got[0], got[1]); err != nil {
					differs = true
					if op.Commutative {
						t.Errorf("%s is called commutative: %v", op.Name, err)
					}
				}
			}
		}
		if tried && !differs && !op.Commutative {
			t.Errorf("%s gives the same in both orders of its operands and is not called commutative", op.Name)
		}
		switch {
		case op.Commutative && tried:
			commutative++
		case tried:
			ordered++
		}
	}
	t.Logf("%d commutative operators, %d in which the order matters", commutative, ordered)
	if commutative < 10 || ordered < 20 {
		t.Errorf("only %d commutative operators and %d others", commutative, ordered)
	}
}
