package work

import (
	"math"
	"slices"
	"time"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/bench/inputs"
	"github.com/adjoint-go/adjoint/internal/bench/protocol"
	"github.com/adjoint-go/adjoint/vm"
)

func init() { register("gmm", "float64", gmm) }

// gmm is ADBench's Gaussian mixture (Šrajer, Kukelova, Fitzgibbon 2018): the
// negative of its objective is not taken, the Wishart prior has γ = 1, m = 0.
func gmm() (*protocol.Item, error) {
	const d, k, n = 64, 25, 1000
	start := time.Now()
	g := graph.New()
	alpha := g.Input("alpha", graph.Float64, k)
	mu := g.Input("mu", graph.Float64, k, d)
	q := g.Input("q", graph.Float64, k, d)
	l := g.Input("l", graph.Float64, k, d*(d-1)/2)
	x := g.Input("x", graph.Float64, n, d)

	// The lower triangular factors: column by column from l, with exp(q) on the diagonal. Entry
	// (i, j) of every factor is taken from the concatenation of l, exp(q) and one zero.
	zero := int64(d*(d-1)/2 + d)
	index := slices.Repeat([]int64{zero}, d*d)
	next := int64(0)
	for j := range d {
		index[j*d+j] = int64(d*(d-1)/2 + j)
		for i := j + 1; i < d; i++ {
			index[i*d+j] = next
			next++
		}
	}
	diagonal := graph.Exp(q)
	entries := graph.Concat(1, l, diagonal, graph.BroadcastTo(g.Const(0), k, 1))
	factors := graph.Gather(entries, graph.Constant(g, index, d, d), 1) // k×d×d

	centred := graph.Sub(graph.Reshape(x, 1, n, d), graph.Reshape(mu, k, 1, d))                   // k×n×d
	z := graph.MatMul(centred, graph.Transpose(factors, 0, 2, 1))                                 // k×n×d
	distance := graph.ReduceSum(graph.Square(z), []int{2})                                        // k×n
	weight := graph.Reshape(graph.Add(alpha, graph.ReduceSum(q, []int{1})), k, 1)                 // k×1
	likelihood := graph.LogSumExp(graph.Sub(weight, graph.Mul(g.Const(0.5), distance)), []int{0}) // n
	prior := graph.Mul(g.Const(-0.5), graph.Add(graph.Sum(graph.Square(diagonal)), graph.Sum(graph.Square(l))))
	y := graph.Add(g.Const(gmmConstant(n, d, k)),
		graph.Add(graph.Sub(graph.Sum(likelihood), graph.Mul(g.Const(n), graph.LogSumExp(alpha, nil))), prior))

	m, info, err := valueAndGradient(start, y, alpha, mu, q, l)
	if err != nil {
		return nil, err
	}
	set := func(m *vm.Machine) {
		copy(m.Float64("alpha"), inputs.Wave[float64](k, 1, 0.9, 0.1))
		for i, v := range inputs.Wave[float64](k*d, 0.5, 0.71, 0.1) {
			m.Float64("mu")[i] = v + 0.5
		}
		copy(m.Float64("q"), inputs.Wave[float64](k*d, 0.3, 0.83, 0.1))
		copy(m.Float64("l"), inputs.Wave[float64](k*d*(d-1)/2, 0.1, 0.57, 0.1))
		copy(m.Float64("x"), inputs.Wave[float64](n*d, 1, 0.63, 0.1))
	}
	set(m)
	p, err := compile.Compile(y)
	if err != nil {
		return nil, err
	}
	objective := vm.NewMachine(p)
	set(objective)
	times, err := protocol.Time(&protocol.Item{Run: steps(objective)}, 0.1)
	if err != nil {
		return nil, err
	}
	slices.Sort(times)
	info["objective"] = times[len(times)/2]
	return item(m, info, func() []float64 {
		check := []float64{m.Float64(valueName)[0]}
		for _, name := range []string{"alpha", "mu", "q", "l"} {
			check = append(check, inputs.SumOfSquares(m.Float64(gradientName(name))))
		}
		return check
	})
}

// gmmConstant is what does not depend on the parameters: the likelihood's −n·d/2·ln 2π
// and the prior's normalisation for each of the k factors.
func gmmConstant(n, d, k int) float64 {
	freedom := float64(d + 1)
	multigamma := float64(d*(d-1)) / 4 * math.Log(math.Pi)
	for j := range d {
		v, _ := math.Lgamma(freedom/2 - float64(j)/2)
		multigamma += v
	}
	return -float64(n*d)/2*math.Log(2*math.Pi) - float64(k)*(freedom*float64(d)/2*math.Ln2+multigamma)
}
