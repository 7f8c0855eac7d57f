package compile_test

import (
	"math"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/testkit"
)

// ofEigenvalues is V·h(w)·V⁻¹.
func ofEigenvalues(a *graph.Node, h func(graph.Complex) graph.Complex) graph.Complex {
	w, v := graph.Eig(a)
	n := a.Shape()[0]
	// V⁻¹ by the real matrix [[Re, −Im], [Im, Re]] of twice the size.
	inverse := graph.Inv(graph.Concat(0, graph.Concat(1, v.Re, graph.Neg(v.Im)), graph.Concat(1, v.Im, v.Re)))
	part := func(row int) *graph.Node {
		return graph.Slice(inverse, graph.Range{Start: row * n, Limit: (row + 1) * n}, graph.Range{Limit: n})
	}
	hw := h(w)
	return v.Mul(graph.Complex{Re: graph.ExpandDims(hw.Re, 0), Im: graph.ExpandDims(hw.Im, 0)}).MatMul(graph.Complex{Re: part(0), Im: part(1)})
}

var generalMatrices = map[string][]float64{
	"a pair":     {1, 2, 0.3, 0.1, -1.5, 0.5, 0.4, 0.2, 0.2, -0.7, 3, 0.5, 0.3, 0.1, -0.2, -1},
	"two pairs":  {0, 1, 0.2, 0.1, -2, 0.3, -0.1, 0.4, 0.1, -0.3, 2, 3, 0.2, 0.5, -1, 1.5},
	"all real":   {4, 1, 0.2, 0.1, 0.3, -2, 0.1, 0.4, 0.1, -0.3, 1, 0.3, 0.2, 0.5, -0.1, 2.5},
	"a triangle": {1, 2, 3, 4, 0, 2, 3, 4, 0, 0, 3, 4, 0, 0, 0, 4},
}

// Functions of matrices do not depend on how vectors are normalised: values, gradients and Hessians of V·h(w)·V⁻¹ are those of the same functions without eigenvectors, in both modes.
func TestFunctionsOfGeneralMatrices(t *testing.T) {
	for name, values := range generalMatrices {
		t.Run(name, func(t *testing.T) {
			g := graph.New()
			a, c := g.Input("a", graph.Float64, 4, 4), g.Input("c", graph.Float64, 4, 4)
			at := point(a, values)
			at[c] = testkit.Spread(c.Type(), -1, 1, 3)
			w, v := graph.Eig(a)
			weighed := func(x *graph.Node) *graph.Node {
				return graph.Sum(graph.Mul(x, graph.Sin(graph.Add(graph.Mul(graph.Iota(g, graph.Float64, 0, 4, 4), g.Const(5)), graph.Iota(g, graph.Float64, 1, 4, 4)))))
			}
			along := func(x *graph.Node) *graph.Node { return graph.Sum(graph.Mul(x, c)) }
			forward := func(y *graph.Node) *graph.Node {
				return must[[]*graph.Node](t)(compile.JVP([]*graph.Node{y}, []*graph.Node{a}, []*graph.Node{c}))[0]
			}
			product := graph.Complex{Re: graph.Index(w.Re, 0), Im: graph.Index(w.Im, 0)}
			for i := 1; i < 4; i++ {
				product = product.Mul(graph.Complex{Re: graph.Index(w.Re, i), Im: graph.Index(w.Im, i)})
			}
			exponential := ofEigenvalues(a, graph.Complex.Exp)
			for _, f := range []struct {
				name      string
				got, want *graph.Node
			}{
				{"the sum of squares", graph.Sum(w.Mul(w).Re), graph.Trace(graph.MatMul(a, a))},
				{"the product", product.Re, graph.Det(a)},
				{"the exponential", weighed(graph.Add(exponential.Re, exponential.Im)), weighed(graph.Expm(a))}, // whose imaginary part is 0
				{"absolute values of elements", weighed(v.Mul(graph.Complex{Re: graph.ExpandDims(graph.Square(w.Re), 0), Im: graph.ExpandDims(graph.Mul(w.Re, w.Im), 0)}).Abs()), nil},
			} {
				if f.want == nil { // depends on the phases in no way: both modes, and orders, agree with one another
					d := grad(t, f.got, a)[0]
					same(t, f.name, at, along(d), forward(f.got))
					same(t, f.name, at, along(grad(t, along(d), a)[0]), forward(forward(f.got)))
					continue
				}
				same(t, f.name, at, f.got, f.want)
				first, wanted := grad(t, f.got, a)[0], grad(t, f.want, a)[0]
				same(t, "gradient of "+f.name, at, first, wanted)
				same(t, "tangent of "+f.name, at, forward(f.got), along(wanted))
				second := grad(t, along(wanted), a)[0]
				same(t, "reverse over reverse of "+f.name, at, grad(t, along(first), a)[0], second)
				same(t, "forward over reverse of "+f.name, at, forward(first), second)
				same(t, "forward over forward of "+f.name, at, forward(forward(f.got)), along(second))
			}
		})
	}
}

// At equal eigenvalues functions that treat them alike have derivatives; those of vectors, and those in which both meet, are refused, and so are matrices without enough vectors.
func TestEqualGeneralEigenvalues(t *testing.T) {
	g := graph.New()
	a := g.Input("a", graph.Float64, 3, 3)
	w, v := graph.Eig(a)
	identity := []float64{1, 0, 0, 0, 1, 0, 0, 0, 1}
	squares := grad(t, graph.Sum(w.Mul(w).Re), a)[0]
	same(t, "Σw²", point(a, identity), squares, graph.Mul(graph.Transpose(a), g.Const(2)))
	same(t, "Σw² at a triangle", point(a, []float64{2, 0, 1, 0, 2, 3, 0, 0, 5}), squares, graph.Mul(graph.Transpose(a), g.Const(2)))
	refused(t, "a vector", point(a, identity), grad(t, inner(v.Re), a)[0])
	refused(t, "the exponential", point(a, identity), grad(t, inner(ofEigenvalues(a, graph.Complex.Exp).Re), a)[0])
	refused(t, "Hessian of Σw²", point(a, identity), grad(t, inner(squares), a)[0])
	_, err := testkit.CompileAndRun(compile.Config{}, point(a, []float64{1, 0, 0, 0, 1, 0, 0, 0, math.NaN()}), w.Re)
	if err == nil {
		t.Error("NaN has eigenvalues")
	}
	// A Jordan block whose vectors are the same to the last digit, and one where they are not: the derivative is near 1/ε, as it is in truth of what rounding makes of it.
	if got, err := testkit.CompileAndRun(compile.Config{}, point(a, []float64{1, 1, 0, 0, 1, 1, 0, 0, 1}), grad(t, graph.Index(w.Re, 0), a)[0]); err == nil {
		largest := 0.0
		for _, x := range got[0].F {
			largest = max(largest, math.Abs(x))
		}
		if largest < 1e8 {
			t.Errorf("a defective eigenvalue has the derivative %v", got[0].F)
		}
	}
}
