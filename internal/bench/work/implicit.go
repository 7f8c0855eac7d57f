package work

import (
	"math"
	"time"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/compile/implicit"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/bench/protocol"
)

func init() {
	register("kepler", "float64", kepler)
	register("poisson100", "float64", func() (*protocol.Item, error) { return poisson(100, 2) })
	register("poisson10000", "float64", func() (*protocol.Item, error) { return poisson(10_000, 1) })
}

// kepler solves E − e·sin E = M for 1e5 pairs M, e by Newton's method, with both derivatives.
func kepler() (*protocol.Item, error) {
	const n = 100_000
	start := time.Now()
	g := graph.New()
	mean, ecc := g.Input("m", graph.Float64, n), g.Input("e", graph.Float64, n)
	sine := graph.Sin(mean)
	// The first value is that of Danby's textbook: two terms of a series for small e.
	first := graph.Add(mean, graph.Div(graph.Mul(ecc, sine), graph.Add(graph.Sub(graph.Like(mean, 1), graph.Sin(graph.Add(mean, ecc))), sine)))
	e, err := implicit.Root(func(x *graph.Node) *graph.Node {
		return graph.Sub(graph.Sub(x, graph.Mul(ecc, graph.Sin(x))), mean)
	}, first, implicit.Options{Lanes: 1})
	if err != nil {
		return nil, err
	}
	info := map[string]float64{"build": time.Since(start).Seconds()}
	start = time.Now()
	d, err := compile.Gradient(graph.Sum(e), mean, ecc)
	if err != nil {
		return nil, err
	}
	info["gradient"] = time.Since(start).Seconds()
	m, err := machine(info, e.Named("x"), d[0].Named("dm"), d[1].Named("de"))
	if err != nil {
		return nil, err
	}
	for i := range n {
		m.Float64("m")[i], m.Float64("e")[i] = 2*math.Pi*(float64(i)+0.5)/n, 0.9*math.Mod(0.618033988749895*float64(i), 1)
	}
	return item(m, info, func() []float64 {
		// The largest residual in units of 2e-15, if it is more than that.
		check := []float64{0, 0, 0, 1}
		for i, x := range m.Float64("x") {
			mean, ecc, dm, de := m.Float64("m")[i], m.Float64("e")[i], m.Float64("dm")[i], m.Float64("de")[i]
			check[0], check[1], check[2] = check[0]+x, check[1]+dm*dm, check[2]+de*de
			check[3] = max(check[3], math.Abs(x-ecc*math.Sin(x)-mean)/2e-15)
		}
		return check
	})
}

// poisson is −div(a·grad u) = f on n inner points of the unit interval, or n×n of the unit square, with u = 0 at the boundary, by differences between neighbours, where a = exp(m) between two points is the mean; the cost is
// half the integral of (u − o)², and the gradient that by m.
func poisson(n, dims int) (*protocol.Item, error) {
	start := time.Now()
	g := graph.New()
	h := 1 / float64(n+1)
	unknowns, points, shape := n, n+2, []int{n + 2}
	if dims == 2 {
		unknowns, points, shape = n*n, (n+2)*(n+2), []int{n + 2, n + 2}
	}
	logA := g.Input("m", graph.Float64, shape...)
	m, f, observed := make([]float64, points), make([]float64, unknowns), make([]float64, unknowns)
	var u *graph.Node
	a := graph.Exp(logA)
	half := g.Const(0.5 / (h * h))
	faces := func(left, right *graph.Node) *graph.Node { return graph.Mul(half, graph.Add(left, right)) }
	from := func(start, limit int) graph.Range { return graph.Range{Start: start, Limit: limit} }
	if dims == 1 {
		for i := range points {
			x := float64(i) * h
			m[i] = 0.5 * math.Sin(3*x)
			if i > 0 && i <= n {
				f[i-1], observed[i-1] = 1+x, 0.1*x*(1-x)
			}
		}
		face := faces(graph.Slice(a, from(0, n+1)), graph.Slice(a, from(1, n+2)))
		left, right := graph.Slice(face, from(0, n)), graph.Slice(face, from(1, n+1))
		// The first entry of the lower diagonal and the last of the upper one are not read.
		u = graph.TridiagonalSolve(graph.Neg(left), graph.Add(left, right), graph.Neg(right), graph.Constant(g, f, n))
	} else {
		for i := range n + 2 {
			for j := range n + 2 {
				x, y := float64(i)*h, float64(j)*h
				m[i*(n+2)+j] = 0.5*math.Sin(3*x)*math.Cos(2*y) + 0.3*math.Sin(7*x*y)
				if i > 0 && i <= n && j > 0 && j <= n {
					f[(i-1)*n+j-1], observed[(i-1)*n+j-1] = 1+x*y, 0.1*x*(1-x)*y*(1-y)
				}
			}
		}
		within := from(1, n+1)
		down := faces(graph.Slice(a, from(0, n+1), within), graph.Slice(a, from(1, n+2), within))
		across := faces(graph.Slice(a, within, from(0, n+1)), graph.Slice(a, within, from(1, n+2)))
		all := from(0, n)
		diagonal := graph.Add(graph.Add(graph.Slice(down, from(0, n), all), graph.Slice(down, from(1, n+1), all)), graph.Add(graph.Slice(across, all, from(0, n)), graph.Slice(across, all, from(1, n+1))))
		flat := func(x *graph.Node) *graph.Node { return graph.Reshape(x, x.Shape().Size()) }
		below, right := graph.Neg(flat(graph.Slice(down, from(1, n), all))), graph.Neg(flat(graph.Slice(across, all, from(1, n))))
		var rows, cols []int
		at := func(i, j, k, l int) { rows, cols = append(rows, i*n+j), append(cols, k*n+l) }
		for i := range n {
			for j := range n {
				at(i, j, i, j)
			}
		}
		for pass := range 2 {
			for i := range n - 1 {
				for j := range n {
					at(i+pass, j, i+1-pass, j)
				}
			}
		}
		for pass := range 2 {
			for i := range n {
				for j := range n - 1 {
					at(i, j+pass, i, j+1-pass)
				}
			}
		}
		u = graph.CSRFromCOO(unknowns, unknowns, rows, cols, graph.Concat(0, flat(diagonal), below, below, right, right)).Solve(graph.Constant(g, f, unknowns))
	}
	u = u.Named("u")
	volume := h
	if dims == 2 {
		volume *= h
	}
	cost := graph.Mul(g.Const(0.5*volume), graph.Sum(graph.Square(graph.Sub(u, graph.Constant(g, observed, unknowns)))))
	machine, info, err := valueAndGradient(start, cost, logA)
	if err != nil {
		return nil, err
	}
	if err := fill(machine, "m", m); err != nil {
		return nil, err
	}
	run, err := item(machine, info, func() []float64 {
		var product, squares float64
		for k, d := range machine.Float64(gradientName("m")) {
			product, squares = product+d*math.Cos(0.01*float64(k)), squares+d*d
		}
		return []float64{machine.Float64(valueName)[0], product, math.Sqrt(squares)}
	})
	if err == nil {
		// Each run has another matrix.
		steps := run.Run
		run.Run = func(times int) error {
			for range times {
				machine.Float64("m")[points/2] += 0x1p-40
				if err := steps(1); err != nil {
					return err
				}
			}
			return nil
		}
	}
	return run, err
}
