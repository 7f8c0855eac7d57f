package compile_test

import (
	"slices"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/ref"
	"github.com/adjoint-go/adjoint/internal/testkit"
	"github.com/adjoint-go/adjoint/vm"
)

// Random numbers, and derivatives with respect to the parameters of their distributions, depend on the key and the place alone: not on threads,
// executors or what else is in the program.
func TestRandomNumbersOfAnyNumberOfThreads(t *testing.T) {
	const n = 100_003
	g := graph.New()
	key, a := g.Input("key", graph.Int64, 2), g.Input("a", graph.Float64, n)
	p := graph.Sigmoid(a)
	gamma := graph.RandomGamma(key, graph.AddN(graph.Square(a), graph.Like(a, 0.25)))
	dropped := graph.Dropout(key, a, 0.3)
	outputs := []*graph.Node{
		graph.RandomUniform(key, graph.Float64, n), graph.RandomNormal(key, graph.Float32, n), graph.RandomGumbel(key, graph.Float64, n), graph.RandomBits(key, graph.Int32, n), graph.RandomExponential(key, graph.Float64, n),
		graph.RandomBernoulli(key, p), graph.RandomCategorical(key, graph.Reshape(graph.Slice(a, graph.Range{Limit: 99_999}), 33_333, 3), 1), gamma, dropped, graph.RandomBeta(key, p, p),
	}
	outputs = append(outputs, grad(t, graph.Sum(gamma), a)[0], grad(t, graph.Sum(graph.Square(dropped)), a)[0])
	program := must[*vm.Program](t)(compile.Compile(outputs...))
	run := func(seed float64, opts ...vm.Option) []ref.Value {
		at := testkit.Point{key: ref.Of(key.Type(), seed, 0), a: testkit.Spread(a.Type(), -2, 2, 3)}
		return must[[]ref.Value](t)(testkit.Run(vm.NewMachine(program, opts...), at))
	}
	want := run(42, vm.WithThreads(1), vm.WithoutNative())
	for _, threads := range []int{1, 2, 3, 5, 8} {
		for what, opts := range map[string][]vm.Option{"blocks": {vm.WithoutNative()}, "native": {vm.WithNativeAhead()}} {
			got := run(42, append(slices.Clone(opts), vm.WithThreads(threads))...)
			for i := range want {
				if err := testkit.SameBits(got[i], want[i]); err != nil {
					t.Errorf("%s, %d threads, output %d: %v", what, threads, i, err)
				}
			}
		}
	}
	other := run(43, vm.WithThreads(2))
	alone := must[[]ref.Value](t)(testkit.CompileAndRun(compile.Config{Unoptimized: true}, testkit.Point{key: ref.Of(key.Type(), 42, 0)}, outputs[:5]...))
	for i := range want {
		if i < len(alone) {
			if err := testkit.SameBits(alone[i], want[i]); err != nil {
				t.Errorf("alone, output %d: %v", i, err)
			}
		}
		if testkit.SameBits(other[i], want[i]) == nil {
			t.Errorf("another key gives the same output %d", i)
		}
	}
}
