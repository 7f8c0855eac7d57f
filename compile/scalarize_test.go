package compile_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/ref"
	"github.com/adjoint-go/adjoint/internal/testkit"
	"github.com/adjoint-go/adjoint/vm"
)

func rosenbrockOfScalars(n int) (*graph.Node, *graph.Node) {
	g := graph.New()
	x := g.Input("x", graph.Float64, n)
	e := make([]*graph.Node, n)
	for i := range e {
		e[i] = graph.Index(x, i)
	}
	s := g.Const(0)
	for i := 0; i+1 < n; i++ {
		s = s.Add(e[i+1].Sub(e[i].Mul(e[i])).Pow(2).Mul(100)).Add(e[i].Sub(1).Pow(2))
	}
	return s, x
}

func residualsOfScalars(n int) (*graph.Node, *graph.Node) {
	g := graph.New()
	x := g.Input("x", graph.Float64, n)
	e := make([]*graph.Node, n)
	for i := range e {
		e[i] = graph.Index(x, i)
	}
	var r []*graph.Node
	for i := 0; i+1 < n; i++ {
		r = append(r, e[i+1].Sub(e[i].Mul(e[i])).Mul(10), e[i].Sub(1))
	}
	return graph.Stack(0, r...), x
}

func benchmarkSmall(b *testing.B, outs ...*graph.Node) {
	p, err := compile.Compile(outs...)
	if err != nil {
		b.Fatal(err)
	}
	m := vm.NewMachine(p)
	for _, in := range p.Inputs() {
		v := m.Float64(in.Name)
		for i := range v {
			v[i] = 0.3 + 0.01*float64(i)
		}
	}
	for range 100 {
		if err := m.Step(); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if err := m.Step(); err != nil {
			b.Fatal(err)
		}
	}
}

// lotkaVolterra is the sum of the two species after 200 steps of RK4, and the four parameters.
func lotkaVolterra(vector bool) (cost, parameters *graph.Node) {
	g := graph.New()
	p := g.Input("p", graph.Float64, 4)
	y := g.Input("y", graph.Float64, 2)
	f := func(u, v *graph.Node) (du, dv *graph.Node) {
		return u.Mul(graph.Index(p, 0)).Sub(u.Mul(v).Mul(graph.Index(p, 1))), u.Mul(v).Mul(graph.Index(p, 2)).Sub(v.Mul(graph.Index(p, 3)))
	}
	const h = 0.01
	if vector {
		fv := func(y *graph.Node) *graph.Node {
			du, dv := f(graph.Index(y, 0), graph.Index(y, 1))
			return graph.Stack(0, du, dv)
		}
		final, _ := graph.Scan(200, []*graph.Node{y}, nil, func(c, _ []*graph.Node) ([]*graph.Node, []*graph.Node) {
			y := c[0]
			k1 := fv(y)
			k2 := fv(y.Add(k1.Mul(h / 2)))
			k3 := fv(y.Add(k2.Mul(h / 2)))
			k4 := fv(y.Add(k3.Mul(h)))
			return []*graph.Node{y.Add(k1.Add(k2.Mul(2)).Add(k3.Mul(2)).Add(k4).Mul(h / 6))}, nil
		})
		cost = graph.Sum(final[0])
	} else {
		final, _ := graph.Scan(200, []*graph.Node{graph.Index(y, 0), graph.Index(y, 1)}, nil, func(c, _ []*graph.Node) ([]*graph.Node, []*graph.Node) {
			u, v := c[0], c[1]
			a1, b1 := f(u, v)
			a2, b2 := f(u.Add(a1.Mul(h/2)), v.Add(b1.Mul(h/2)))
			a3, b3 := f(u.Add(a2.Mul(h/2)), v.Add(b2.Mul(h/2)))
			a4, b4 := f(u.Add(a3.Mul(h)), v.Add(b3.Mul(h)))
			return []*graph.Node{u.Add(a1.Add(a2.Mul(2)).Add(a3.Mul(2)).Add(a4).Mul(h / 6)), v.Add(b1.Add(b2.Mul(2)).Add(b3.Mul(2)).Add(b4).Mul(h / 6))}, nil
		})
		cost = final[0].Add(final[1])
	}
	return cost, p
}

// With fast-math, zeros and ones of small matrices are left out of their products, which without it they are part of for the sake of bits.
func TestScalarizeLeavesOutZeros(t *testing.T) {
	g := graph.New()
	a, b := g.Input("a", graph.Float64), g.Input("b", graph.Float64)
	m := graph.Reshape(graph.Stack(0, a, g.Const(0), g.Const(1), b), 2, 2)
	y := graph.MatMul(graph.MatMul(m, m), m)
	count := func(c compile.Config) (n int) {
		p, err := c.Compile(y)
		if err != nil {
			t.Fatal(err)
		}
		code := p.Code()
		for i := range code.Instrs {
			if s := code.Instrs[i].Straight; s != nil {
				n += len(s.Code)
			}
		}
		return n
	}
	exact, fast := count(compile.Config{}), count(compile.Config{FastMath: true})
	if exact == 0 || fast == 0 || fast*2 > exact {
		t.Errorf("%d operations with fast-math, %d without", fast, exact)
	}
}

// BenchmarkSmallArrays has dense derivatives of scalar code beside the sparse ones, an arm's residual, Jacobian, gradient and Hessian in one program, and Lotka and Volterra's equations by RK4 with a state of two
// scalars or one vector.
func BenchmarkSmallArrays(b *testing.B) {
	b.Run("hessian", func(b *testing.B) {
		s, x := rosenbrockOfScalars(30)
		h, err := compile.Hessian(s, x)
		if err != nil {
			b.Fatal(err)
		}
		benchmarkSmall(b, h)
	})
	b.Run("sparsehessian", func(b *testing.B) {
		s, x := rosenbrockOfScalars(30)
		h, err := compile.SparseHessian(s, x)
		if err != nil {
			b.Fatal(err)
		}
		benchmarkSmall(b, h.Values)
	})
	b.Run("jacobian", func(b *testing.B) {
		s, x := residualsOfScalars(30)
		h, err := compile.Jacobian(s, x)
		if err != nil {
			b.Fatal(err)
		}
		benchmarkSmall(b, h)
	})
	b.Run("sparsejacobian", func(b *testing.B) {
		s, x := residualsOfScalars(30)
		h, err := compile.SparseJacobian(s, x)
		if err != nil {
			b.Fatal(err)
		}
		benchmarkSmall(b, h.Values)
	})
	b.Run("arm", func(b *testing.B) {
		r, q := testkit.SixJointArm()
		j, err := compile.Jacobian(r, q)
		if err != nil {
			b.Fatal(err)
		}
		cost := graph.Sum(graph.Square(r))
		h, err := compile.Hessian(cost, q)
		if err != nil {
			b.Fatal(err)
		}
		d, _ := compile.Gradient(cost, q)
		benchmarkSmall(b, r, j, d[0], h)
	})
	for _, vector := range []bool{false, true} {
		b.Run(map[bool]string{false: "lv scalars", true: "lv vector"}[vector], func(b *testing.B) {
			cost, p := lotkaVolterra(vector)
			d, err := compile.Gradient(cost, p)
			if err != nil {
				b.Fatal(err)
			}
			benchmarkSmall(b, cost, d[0])
		})
	}
}

// smallPrograms are values and derivatives of small arrays.
func smallPrograms(t *testing.T) map[string][]*graph.Node {
	programs := map[string][]*graph.Node{}
	r, q := testkit.SixJointArm()
	cost := graph.Sum(graph.Square(r))
	j, err := compile.Jacobian(r, q)
	if err != nil {
		t.Fatal(err)
	}
	h, err := compile.Hessian(cost, q)
	if err != nil {
		t.Fatal(err)
	}
	programs["arm"] = []*graph.Node{r, j, grad(t, cost, q)[0], h}
	final, p := lotkaVolterra(true)
	programs["lotka-volterra"] = []*graph.Node{final, grad(t, final, p)[0]}
	for _, d := range []graph.DType{graph.Float64, graph.Float32} {
		g := graph.New()
		a, b, x := g.Input("a", d, 3, 3), g.Input("b", d, 2, 3), g.Input("x", d, 3)
		y := graph.MatMul(graph.MatMul(b, graph.Transpose(a)), graph.Transpose(graph.MatMul(b, a)))
		z := graph.MatMul(graph.Transpose(graph.MatMul(a, a)), x)
		padded := graph.MatMul(graph.MatMul(graph.Pad(b, []int{1, 0}, []int{0, 0}, 0.7), a), a)
		programs["products of "+d.String()] = []*graph.Node{y, z, padded}
	}
	return programs
}

// Products, and what moves elements, have the same bits as scalars; sums of rows are rounded in another order.
func TestScalarizeKeepsBits(t *testing.T) {
	for name, outputs := range smallPrograms(t) {
		var results [2][][]float64
		for k, off := range [][]string{nil, {"scalarize"}} {
			p, err := compile.Config{Disable: off}.Compile(outputs...)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			m := vm.NewMachine(p)
			for _, in := range p.Inputs() {
				v, err := m.View(in.Name)
				if err != nil {
					t.Fatal(err)
				}
				values := vm.Array{Shape: v.Shape}
				switch v.Data.(type) {
				case []float64:
					list := make([]float64, in.Size())
					for i := range list {
						list[i] = 0.3 + 0.1*math.Sin(float64(i+len(in.Name)))
					}
					values.Data = list
				case []float32:
					list := make([]float32, in.Size())
					for i := range list {
						list[i] = 0.3 + 0.1*float32(math.Sin(float64(i+len(in.Name))))
					}
					values.Data = list
				}
				if err := v.Set(values); err != nil {
					t.Fatal(err)
				}
			}
			got, err := m.Call()
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			for _, a := range got {
				results[k] = append(results[k], a.Float64s())
			}
		}
		exact := strings.HasPrefix(name, "products")
		for i, with := range results[0] {
			for e, v := range with {
				without := results[1][i][e]
				if exact && math.Float64bits(v) != math.Float64bits(without) || !exact && math.Abs(v-without) > 1e-12*max(1, math.Abs(without)) {
					t.Errorf("%s, output %d, element %d: %v, and %v without the pass", name, i, e, v, without)
				}
			}
		}
	}
}

// Every operator of small arrays has the values, and the gradient, that it has when its elements do not become scalars. Its operands are put together from scalars.
func TestScalarizeOperators(t *testing.T) {
	checked, became := 0, 0
	for _, op := range graph.Ops() {
		if op.Family == graph.FamilyUser {
			continue
		}
	samples:
		for k, s := range op.Samples {
			g, at := graph.New(), testkit.Point{}
			var in, wrt []*graph.Node
			for i, si := range s.In {
				v := testkit.SampleValue(si, i, graph.Float64)
				if v.Len() > 16 {
					continue samples
				}
				if v.F == nil || v.Len() == 0 {
					in = append(in, testkit.Literal(g, v))
					continue
				}
				x := g.Input(fmt.Sprint("x", i), graph.Float64, v.Len())
				at[x] = ref.Value{Type: x.Type(), F: v.F}
				elements := make([]*graph.Node, v.Len())
				for e := range elements {
					elements[e] = graph.Index(x, e)
				}
				in = append(in, graph.Reshape(graph.Stack(0, elements...), v.Type.Shape...))
				if !si.Constant {
					wrt = append(wrt, x)
				}
			}
			y := testkit.Build(g, op, s, in)
			if !y.Valid() || len(y.Results()) > 0 || !y.DType().IsFloat() || y.Shape().Size() > 16 {
				continue
			}
			outputs := []*graph.Node{graph.Square(y)}
			if op.Differentiable() && len(wrt) > 0 {
				outputs = append(outputs, grad(t, graph.Sum(outputs[0]), wrt...)...)
			}
			what := fmt.Sprintf("%s, sample %d", op.Name, k)
			var results [2][]ref.Value
			var length [2]int
			for k, off := range [][]string{nil, {"scalarize"}} {
				p, err := compile.Config{Disable: off}.Compile(outputs...)
				if err != nil {
					t.Fatalf("%s: %v", what, err)
				}
				length[k] = len(p.Code().Instrs)
				if results[k], err = testkit.Run(vm.NewMachine(p), at); err != nil {
					t.Fatalf("%s: %v", what, err)
				}
			}
			for i, want := range results[1] {
				if err := testkit.CloseTo(results[0][i], want, 1e-12, 1e-14); err != nil {
					t.Errorf("%s: output %d with scalars: %v", what, i, err)
				}
			}
			checked++
			if length[0] != length[1] {
				became++
			}
		}
	}
	t.Logf("%d samples, %d with another program", checked, became)
	if checked < 300 || became < 100 {
		t.Errorf("%d samples, %d with another program", checked, became)
	}
}

// Dense derivatives of scalar code are those of the batched sweep, whatever their size.
func TestDenseDerivativesOfScalars(t *testing.T) {
	for _, n := range []int{20, 80} { // the larger is scattered, not stacked
		cost, x := rosenbrockOfScalars(n)
		r, y := residualsOfScalars(n)
		h, err := compile.Hessian(cost, x)
		if err != nil {
			t.Fatal(err)
		}
		j, err := compile.Jacobian(r, y)
		if err != nil {
			t.Fatal(err)
		}
		at := make([]float64, n)
		for i := range at {
			at[i] = 0.5 + 0.1*math.Cos(float64(i))
		}
		value := func(n *graph.Node) []float64 {
			p, err := compile.Compile(n)
			if err != nil {
				t.Fatal(err)
			}
			out, err := vm.NewMachine(p).Call(at)
			if err != nil {
				t.Fatal(err)
			}
			return out[0].Float64s()
		}
		hessian, jacobian := value(h), value(j)
		wantH, wantJ := make([]float64, n*n), make([]float64, 2*(n-1)*n)
		for i := range n - 1 {
			u, v := at[i], at[i+1]
			wantH[i*n+i] += 1200*u*u - 400*v + 2
			wantH[i*n+i+1] -= 400 * u
			wantH[(i+1)*n+i] -= 400 * u
			wantH[(i+1)*n+i+1] += 200
			wantJ[2*i*n+i], wantJ[2*i*n+i+1], wantJ[(2*i+1)*n+i] = -20*u, 10, 1
		}
		for i, want := range wantH {
			if math.Abs(hessian[i]-want) > 1e-11*max(1, math.Abs(want)) {
				t.Fatalf("Hessian of %d, element %d: %v, want %v", n, i, hessian[i], want)
			}
		}
		for i, want := range wantJ {
			if math.Abs(jacobian[i]-want) > 1e-12*max(1, math.Abs(want)) {
				t.Fatalf("Jacobian of %d, element %d: %v, want %v", n, i, jacobian[i], want)
			}
		}
	}
}
