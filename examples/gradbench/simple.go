package main

import (
	"errors"
	"fmt"
	"math/bits"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// hello is x² and its derivative.
func hello(w what) function {
	return spec[float64]{
		shape: func(*float64) string { return "" },
		build: func(g *graph.Graph, _ *float64) ([]*graph.Node, error) {
			x := g.Input("x", graph.Float64)
			return w.of(graph.Square(x), x)
		},
		fill:   func(m *vm.Machine, x *float64) error { return set(m, "x", []float64{*x}) },
		output: number[float64],
	}.function()
}

// logSumExp is log Σ exp(xᵢ), made stable by the largest x, which is a constant to the derivative as it drops out.
func logSumExp(w what) function {
	type input struct{ X []float64 }
	s := spec[input]{
		check: func(in *input) error {
			if len(in.X) == 0 {
				return errors.New("x has no elements")
			}
			return nil
		},
		shape: func(in *input) string { return fmt.Sprint(len(in.X)) },
		build: func(g *graph.Graph, in *input) ([]*graph.Node, error) {
			x := g.Input("x", graph.Float64, len(in.X))
			a := graph.StopGradient(graph.ReduceMax(x, nil))
			return w.of(graph.Add(a, graph.Log(graph.ReduceSum(graph.Exp(graph.Sub(x, a)), nil))), x)
		},
		fill:   func(m *vm.Machine, in *input) error { return set(m, "x", in.X) },
		output: number[input],
	}
	if w == gradient {
		s.output = vector[input]
	}
	return s.function()
}

// leastSquares is ½ Σᵢ (sᵢ − Σⱼ xⱼ·tᵢʲ)² with tᵢ from −1 to 1 and sᵢ their signs; the polynomial by Horner's rule.
func leastSquares(w what) function {
	type input struct {
		X []float64
		N int
	}
	s := spec[input]{
		check: func(in *input) error {
			if in.N < 2 || len(in.X) == 0 {
				return fmt.Errorf("%d points and %d coefficients", in.N, len(in.X))
			}
			return nil
		},
		shape: func(in *input) string { return fmt.Sprint(len(in.X), in.N) },
		build: func(g *graph.Graph, in *input) ([]*graph.Node, error) {
			x := g.Input("x", graph.Float64, len(in.X))
			t := graph.Iota(g, graph.Float64, 0, in.N).Mul(2).Div(in.N - 1).Sub(1) // exactly 0 in the middle
			p, _ := graph.Scan(len(in.X), []*graph.Node{graph.Zeros(g, graph.Float64, in.N)}, []*graph.Node{x}, func(p, x []*graph.Node) (next, ys []*graph.Node) {
				return []*graph.Node{graph.Add(graph.Mul(p[0], t), x[0])}, nil
			}, graph.Reverse)
			return w.of(graph.ReduceSum(graph.Square(graph.Sub(graph.Sign(t), p[0])), nil).Mul(0.5), x)
		},
		fill:   func(m *vm.Machine, in *input) error { return set(m, "x", in.X) },
		output: number[input],
	}
	if w == gradient {
		s.output = vector[input]
	}
	return s.function()
}

// ode is y(2) of y₀′ = x₀, yᵢ′ = xᵢ·yᵢ₋₁, y(0) = 0, by the classical Runge–Kutta method; its derivative is that of the last element.
func ode(w what) function {
	type input struct {
		X []float64
		S int
	}
	return spec[input]{
		check: func(in *input) error {
			if in.S < 1 || len(in.X) == 0 {
				return fmt.Errorf("%d steps for %d variables", in.S, len(in.X))
			}
			return nil
		},
		shape: func(in *input) string { return fmt.Sprint(len(in.X), in.S) },
		build: func(g *graph.Graph, in *input) ([]*graph.Node, error) {
			n, h := len(in.X), 2/float64(in.S)
			x := g.Input("x", graph.Float64, n)
			first := graph.Pad(graph.Slice(x, graph.Range{Limit: 1}), []int{0}, []int{n - 1}, 0)
			slope := func(y *graph.Node) *graph.Node {
				return graph.Add(graph.Mul(x, graph.Pad(graph.Slice(y, graph.Range{Limit: n - 1}), []int{1}, []int{0}, 0)), first)
			}
			y, _ := graph.Scan(in.S, []*graph.Node{graph.Zeros(g, graph.Float64, n)}, nil, func(c, _ []*graph.Node) (next, ys []*graph.Node) {
				y := c[0]
				k1 := slope(y)
				k2 := slope(graph.Add(y, k1.Mul(h/2)))
				k3 := slope(graph.Add(y, k2.Mul(h/2)))
				k4 := slope(graph.Add(y, k3.Mul(h)))
				sum := graph.Add(graph.Add(k1, graph.Add(k2, k3).Mul(2)), k4)
				return []*graph.Node{graph.Add(y, sum.Mul(h/6))}, nil
			})
			if w == value {
				return y, nil
			}
			return w.of(graph.Index(y[0], n-1), x)
		},
		fill:   func(m *vm.Machine, in *input) error { return set(m, "x", in.X) },
		output: vector[input],
	}.function()
}

// determinant is that of A by expansion by minors. In a graph a minor is one node however often it occurs: it has the last rows, and is known by its columns.
func determinant(w what) function {
	type input struct {
		A   []float64
		Ell int
	}
	s := spec[input]{
		check: func(in *input) error {
			if in.Ell < 1 || in.Ell > 20 || len(in.A) != in.Ell*in.Ell {
				return fmt.Errorf("%d elements are no matrix of %d rows, 1 to 20", len(in.A), in.Ell)
			}
			return nil
		},
		shape: func(in *input) string { return fmt.Sprint(in.Ell) },
		build: func(g *graph.Graph, in *input) ([]*graph.Node, error) {
			n := in.Ell
			a := g.Input("A", graph.Float64, n*n)
			minors := make([]*graph.Node, 1<<n)
			var minor func(columns uint) *graph.Node
			minor = func(columns uint) *graph.Node {
				if minors[columns] != nil {
					return minors[columns]
				}
				row := n - bits.OnesCount(columns)
				var sum *graph.Node
				sign := 1
				for rest := columns; rest != 0; rest &= rest - 1 {
					column := bits.TrailingZeros(rest)
					term := graph.Index(a, row*n+column)
					if below := columns &^ (1 << column); below != 0 {
						term = graph.Mul(term, minor(below))
					}
					switch {
					case sum == nil:
						sum = term
					case sign > 0:
						sum = graph.Add(sum, term)
					default:
						sum = graph.Sub(sum, term)
					}
					sign = -sign
				}
				minors[columns] = sum
				return sum
			}
			return w.of(minor(1<<n-1), a)
		},
		fill:   func(m *vm.Machine, in *input) error { return set(m, "A", in.A) },
		output: number[input],
	}
	if w == gradient {
		s.output = vector[input]
	}
	return s.function()
}

// clusters is Σᵢ minⱼ |Cⱼ − Pᵢ|², and the step of Newton's method by the centroids C: the gradient over the diagonal of the Hessian, which has no other elements.
func clusters(w what) function {
	type input struct{ Points, Centroids [][]float64 }
	s := spec[input]{
		check: func(in *input) error {
			if len(in.Points) == 0 || len(in.Centroids) == 0 || len(in.Points[0]) == 0 {
				return fmt.Errorf("%d points and %d centroids, or of no coordinates", len(in.Points), len(in.Centroids))
			}
			return nil
		},
		shape: func(in *input) string { return fmt.Sprint(len(in.Points), len(in.Centroids), len(in.Points[0])) },
		build: func(g *graph.Graph, in *input) ([]*graph.Node, error) {
			n, k, d := len(in.Points), len(in.Centroids), len(in.Points[0])
			points, centroids := g.Input("points", graph.Float64, n, d), g.Input("centroids", graph.Float64, k, d)
			// |C − P|² is least where |C|² − 2·C·P is.
			squares := graph.ReduceSum(graph.Square(centroids), []int{1})
			nearest := graph.Argmin(graph.Sub(squares, graph.MatMul(points, graph.Transpose(centroids)).Mul(2)), 1)
			cost := graph.Sum(graph.Square(graph.Sub(graph.Gather(centroids, nearest, 0), points)))
			if w == value {
				return []*graph.Node{cost}, nil
			}
			return newtonStep(cost, centroids)
		},
		fill: func(m *vm.Machine, in *input) error {
			points, err1 := flat(in.Points, len(in.Points[0]))
			centroids, err2 := flat(in.Centroids, len(in.Points[0]))
			return firstError(err1, err2, set(m, "points", points), set(m, "centroids", centroids))
		},
		output: number[input],
	}
	if w == gradient {
		s.output = func(m *vm.Machine, in *input) any { return rows(m.OutputFloat64(0), len(in.Centroids)) }
	}
	return s.function()
}
