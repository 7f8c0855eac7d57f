package optimize_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/compile/optimize"
	"github.com/adjoint-go/adjoint/examples/nist/strd"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
	"github.com/adjoint-go/adjoint/vm/shard"
)

// inShards is a problem whose Gram matrix is summed over so many shards.
func inShards(t *testing.T, p *strd.Problem, shards int) optimize.Squares {
	t.Helper()
	block := max(1, len(p.Y)/10)
	g := graph.New()
	b, y, w := g.Input("b", graph.Float64, len(p.Certified)), g.Input("y", graph.Float64, block), g.Input("weight", graph.Float64, block)
	rows, data := []string{"y"}, map[string]any{"y": p.Y}
	var x []*graph.Node
	for k, v := range p.X {
		name := fmt.Sprint("x", k)
		x, rows, data[name] = append(x, g.Input(name, graph.Float64, block)), append(rows, name), v
	}
	if p.Name == "Nelson" {
		y = graph.Log(y)
	}
	gram, err := optimize.GramMatrix(graph.Mul(w, graph.Sub(y, p.Model(b, x))), b)
	if err != nil {
		t.Fatal(p.Name, err)
	}
	program, err := compile.Compile(gram)
	if err != nil {
		t.Fatal(p.Name, err)
	}
	source, err := shard.Arrays(data)
	if err != nil {
		t.Fatal(p.Name, err)
	}
	pool, err := shard.NewPool(shard.Job{Program: program, Rows: rows, Weight: "weight"}, source, shard.Options{Shards: shards})
	if err != nil {
		t.Fatal(p.Name, err)
	}
	return optimize.Squares{Evaluate: shard.GramMatrix(pool.Sum), Parameters: []string{"b"}, Residuals: len(p.Y)}
}

// Fits to data in shards have the certified parameters and standard deviations, and the same bits for any number of shards.
func TestSquaresNIST(t *testing.T) {
	problems, err := strd.Problems()
	if err != nil {
		t.Fatal(err)
	}
	fits := 0
	for _, p := range problems {
		for k, start := range p.Starts {
			if k == 0 && testing.Short() {
				continue
			}
			var first *optimize.Result
			for _, shards := range []int{1, 2, 7} {
				r, err := optimize.MinimizeSquares(context.Background(), inShards(t, p, shards), optimize.Values{"b": start}, optimize.Options{})
				if err != nil {
					t.Errorf("%s from start %d in %d shards: %v", p.Name, k+1, shards, err)
					break
				}
				if first != nil {
					for i, v := range r.X["b"] {
						if math.Float64bits(v) != math.Float64bits(first.X["b"][i]) {
							t.Errorf("%s in %d shards: b[%d] is %v, in one %v", p.Name, shards, i, v, first.X["b"][i])
						}
					}
					continue
				}
				first = r
				deviations, err := r.StandardErrors()
				if err != nil {
					t.Errorf("%s: %v", p.Name, err)
				}
				fits++
				digits, squares, errors := strd.Digits(r.X["b"], p.Certified), strd.Digits([]float64{r.Value}, []float64{p.Square}), strd.Digits(deviations["b"], p.Deviations)
				t.Logf("%-9s %d: %4.1f digits, sum of squares %4.1f, deviations %4.1f; %v, %d iterations", p.Name, k+1, digits, squares, errors, r.Status, r.Iterations)
				if digits < 8 {
					t.Errorf("%s from start %d: %.1f digits", p.Name, k+1, digits)
				}
				if p.Name != "Lanczos1" && (squares < 8 || errors < 6) { // Lanczos1: see TestNIST
					t.Errorf("%s from start %d: sum of squares %.1f digits, standard deviations %.1f", p.Name, k+1, squares, errors)
				}
			}
		}
	}
	if fits < 27 {
		t.Errorf("%d fits", fits)
	}
}

// Parameters in bounds are where the Jacobian itself leads, in several arrays in an order of their own.
func TestSquaresBounds(t *testing.T) {
	g := graph.New()
	rate, amount := g.Input("rate", graph.Float64), g.Input("amount", graph.Float64, 2)
	at, measured := []float64{0, 0.5, 1, 2, 3, 5}, []float64{4, 3.1, 2.6, 1.9, 1.4, 1.2}
	n := len(at)
	decay := graph.Exp(graph.Neg(graph.Mul(graph.BroadcastTo(rate, n), graph.Constant(g, at, n))))
	model := graph.Add(graph.Mul(graph.BroadcastTo(graph.Index(amount, 0), n), decay), graph.BroadcastTo(graph.Index(amount, 1), n))
	r := graph.Sub(model, graph.Constant(g, measured, n))
	start := optimize.Values{"rate": {0.3}, "amount": {1, 0}}
	for _, upper := range []optimize.Values{nil, {"amount": {2.5, 10}}, {"amount": {10, 0.25}, "rate": {0.4}}} {
		want, err := optimize.Problem{Residuals: []*graph.Node{r}, Parameters: []*graph.Node{rate, amount}, Upper: upper}.Solve(context.Background(), start, optimize.Options{})
		if err != nil {
			t.Fatal(err)
		}
		gram, err := optimize.GramMatrix(r, rate, amount)
		if err != nil {
			t.Fatal(err)
		}
		p, err := compile.Compile(gram)
		if err != nil {
			t.Fatal(err)
		}
		m := vm.NewMachine(p)
		points := map[string]bool{}
		f := optimize.Squares{Parameters: []string{"rate", "amount"}, Residuals: n, Upper: upper, Evaluate: func(_ context.Context, x map[string][]float64) ([]float64, error) {
			if at := fmt.Sprint(x); points[at] {
				t.Errorf("%s is evaluated twice", at)
			} else {
				points[at] = true
			}
			out, err := m.Call(map[string]any{"rate": x["rate"][0], "amount": x["amount"]})
			if err != nil {
				return nil, err
			}
			return out[0].Float64s(), nil
		}}
		got, err := optimize.MinimizeSquares(context.Background(), f, start, optimize.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got.DegreesOfFreedom() != want.DegreesOfFreedom() || got.Residuals != nil || math.Abs(got.Value/want.Value-1) > 1e-10 {
			t.Errorf("bounds %v: %+v, want %+v", upper, got, want)
		}
		a, err := got.Covariance()
		if err != nil {
			t.Fatal(err)
		}
		b, err := want.Covariance()
		if err != nil {
			t.Fatal(err)
		}
		for i := range b {
			for k, v := range b[i] {
				if math.Abs(a[i][k]-v) > 1e-6*math.Sqrt(b[i][i]*b[k][k]) {
					t.Errorf("bounds %v: covariance [%d][%d] is %v, want %v", upper, i, k, a[i][k], v)
				}
			}
		}
		for name, v := range want.X {
			for i, x := range v {
				if math.Abs(got.X[name][i]-x) > 1e-7*math.Abs(x) {
					t.Errorf("bounds %v: %s[%d] is %v, want %v", upper, name, i, got.X[name][i], x)
				}
			}
		}
	}
}

func TestSquaresMistakes(t *testing.T) {
	lost := errors.New("lost")
	returns := func(gram []float64, err error) func(context.Context, map[string][]float64) ([]float64, error) {
		return func(context.Context, map[string][]float64) ([]float64, error) { return gram, err }
	}
	for want, f := range map[string]optimize.Squares{
		"no function":           {Parameters: []string{"a"}},
		"no parameters":         {Evaluate: returns(nil, nil)},
		"-1 residuals":          {Evaluate: returns(nil, nil), Parameters: []string{"a"}, Residuals: -1},
		"3 numbers: needs 4":    {Evaluate: returns([]float64{1, 2, 3}, nil), Parameters: []string{"a"}},
		"lost":                  {Evaluate: returns(nil, lost), Parameters: []string{"a"}},
		"not finite at":         {Evaluate: returns([]float64{1, 0, 0, math.NaN()}, nil), Parameters: []string{"a"}},
		"which is no parameter": {Evaluate: returns(nil, nil), Parameters: []string{"a"}, Lower: optimize.Values{"c": {1}}},
	} {
		if r, err := optimize.MinimizeSquares(context.Background(), f, optimize.Values{"a": {1}}, optimize.Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q: %+v, %v", want, r, err)
		}
	}
	// Two parameters of which only the sum is determined: a solution, but no covariance.
	r, err := optimize.MinimizeSquares(context.Background(), optimize.Squares{Parameters: []string{"a"}, Residuals: 5, Evaluate: func(_ context.Context, x map[string][]float64) ([]float64, error) {
		d := x["a"][0] + x["a"][1] - 3
		return []float64{5, 5, 5 * d, 5, 5, 5 * d, 5 * d, 5 * d, 5*d*d + 1}, nil
	}}, optimize.Values{"a": {1, 1}}, optimize.Options{})
	if err != nil || math.Abs(r.X["a"][0]+r.X["a"][1]-3) > 1e-9 {
		t.Fatalf("%+v, %v", r, err)
	}
	if _, err := r.Covariance(); err == nil || !strings.Contains(err.Error(), "singular") {
		t.Error(err)
	}
}
