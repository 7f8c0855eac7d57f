package main

import (
	"math"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// model is the graph of the objective and its gradient.
type model struct {
	program *vm.Program
	order   []string // of the gradients: alpha, mu, q, l
}

// build makes the log-posterior of a Gaussian mixture for n points in d dimensions and k components, as in ADBench
// (Šrajer, Kukelova, Fitzgibbon: A benchmark of selected algorithmic differentiation tools, 2018, §3.1):
//
//	Σₙ logsumexp_k(α_k + Σ q_k − ½‖Q_k(x_n − μ_k)‖²) − N·D/2·ln 2π − N·logsumexp(α) + log-Wishart prior
//
// Q_k is lower triangular with the diagonal exp(q_k) and l_k below it, by columns.
//
// Inputs: alpha [k], mu [k×d], q [k×d], l [k×d(d−1)/2], x [n×d], and the scalars gamma, m and constant (see
// the function constant).
func build(d, k, n int) (*model, error) {
	g := graph.New()
	alpha := g.Input("alpha", graph.Float64, k)
	mu := g.Input("mu", graph.Float64, k, d)
	q := g.Input("q", graph.Float64, k, d)
	l := g.Input("l", graph.Float64, k, d*(d-1)/2)
	x := g.Input("x", graph.Float64, n, d)
	gamma := g.Input("gamma", graph.Float64)
	m := g.Input("m", graph.Float64)
	constant := g.Input("constant", graph.Float64)

	diagonal := graph.Exp(q)
	factor := lower(g, diagonal, l, d, k)

	// z[k, n, :] = Q_k (x_n − μ_k)
	centred := graph.Sub(graph.ExpandDims(x, 0), graph.ExpandDims(mu, 1))
	z := graph.MatMul(centred, graph.Transpose(factor, 0, 2, 1))
	distance := graph.ReduceSum(graph.Square(z), []int{2})
	sumQ := graph.ReduceSum(q, []int{1})
	weight := graph.Add(alpha, sumQ)
	inner := graph.Sub(graph.ExpandDims(weight, 1), graph.Mul(g.Const(0.5), distance))
	likelihood := graph.Sub(graph.Sum(graph.LogSumExp(inner, []int{0})), graph.Mul(g.Const(float64(n)), graph.LogSumExp(alpha, nil)))

	norm := graph.Add(graph.Sum(graph.Square(diagonal)), graph.Sum(graph.Square(l)))
	prior := graph.Sub(graph.Mul(graph.Mul(g.Const(0.5), graph.Square(gamma)), norm), graph.Mul(m, graph.Sum(sumQ)))
	objective := graph.Add(graph.Add(likelihood, prior), constant).Named("objective")

	grads, err := compile.Gradient(objective, alpha, mu, q, l)
	if err != nil {
		return nil, err
	}
	p, err := compile.Compile(append([]*graph.Node{objective}, grads...)...)
	if err != nil {
		return nil, err
	}
	return &model{program: p, order: []string{"alpha", "mu", "q", "l"}}, nil
}

// lower builds the k lower triangular matrices [k×d×d].
func lower(g *graph.Graph, diagonal, l *graph.Node, d, k int) *graph.Node {
	at := make([]int64, 0, d*(d-1)/2)
	for col := range d {
		for row := col + 1; row < d; row++ {
			at = append(at, int64(row*d+col))
		}
	}
	on := make([]int64, d)
	for i := range on {
		on[i] = int64(i*d + i)
	}
	below := graph.ScatterAdd(graph.Constant(g, at, len(at)), l, 1, k, d*d)
	flat := graph.Add(below, graph.ScatterAdd(graph.Constant(g, on, d), diagonal, 1, k, d*d))
	return graph.Reshape(flat, k, d, d)
}

// constant is the part of the objective that depends on no parameter: −N·D/2·ln 2π of the likelihood, and
// −K·C of the prior with C = n'·D·(ln γ − ½ ln 2) − ln Γ_D(n'/2), n' = D + m + 1.
func constant(p *problem) float64 {
	dof := float64(p.d + p.m + 1)
	multigamma := 0.25 * float64(p.d*(p.d-1)) * math.Log(math.Pi)
	for j := 1; j <= p.d; j++ {
		v, _ := math.Lgamma(0.5*dof + 0.5*float64(1-j))
		multigamma += v
	}
	c := dof*float64(p.d)*(math.Log(p.gamma)-0.5*math.Ln2) - multigamma
	return -0.5*float64(p.n*p.d)*math.Log(2*math.Pi) - float64(p.k)*c
}
