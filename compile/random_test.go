package compile_test

import (
	"math/rand/v2"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/testkit"
)

var randomFamilies = []struct {
	name   string
	config testkit.RandomConfig
	seeds  uint64
	bound  float64
}{
	{"tensors", testkit.RandomConfig{DType: graph.Float64, Operators: 16, MaxSize: 100, Order: 2}, 150, 1e-9},
	{"wide", testkit.RandomConfig{DType: graph.Float64, Operators: 10, MaxSize: 3000, Order: 1}, 60, 1e-9},
	{"scalars", testkit.RandomConfig{DType: graph.Float64, Operators: 40, Scalars: true, MaxSize: 10, Order: 2}, 100, 1e-9},
	{"float32", testkit.RandomConfig{DType: graph.Float32, Operators: 8, MaxSize: 100, Order: 1}, 80, 2e-3},
	{"loops", testkit.RandomConfig{DType: graph.Float64, Operators: 6, MaxSize: 60, Order: 2, Control: true}, 60, 1e-9},
	{"loops of scalars", testkit.RandomConfig{DType: graph.Float64, Operators: 8, Scalars: true, MaxSize: 10, Order: 2, Control: true, Long: true}, 40, 1e-8},
	{"float32 loops", testkit.RandomConfig{DType: graph.Float32, Operators: 5, MaxSize: 60, Order: 1, Control: true}, 40, 2e-3},
}

// someOff is a random choice of the rewrites and optional passes: few, half or most of them.
func someOff(seed uint64) []string {
	r := rand.New(rand.NewPCG(seed, 17))
	share := []float64{0.05, 0.5, 0.95}[r.IntN(3)]
	var off []string
	for _, name := range compile.RewriteNames() {
		if r.Float64() < share {
			off = append(off, name)
		}
	}
	return off
}

// TestRandomGraphs compiles random graphs in all ways, and without some rewrites and passes, and compares with the interpreter.
func TestRandomGraphs(t *testing.T) {
	for _, f := range randomFamilies {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			seeds := f.seeds
			if testing.Short() {
				seeds /= 3
			}
			for seed := range seeds {
				rc, err := testkit.Random(seed, f.config)
				if err != nil {
					t.Errorf("seed %d: %v", seed, err)
					continue
				}
				some := compile.Config{FastMath: seed%2 == 0, Disable: someOff(seed)}
				if err := testkit.CheckRandom(rc, f.bound, compile.Config{}, compile.Config{Unoptimized: true}, compile.Config{FastMath: true}, some); err != nil {
					t.Errorf("seed %d: %v", seed, err)
				}
			}
		})
	}
}

// Over all seeds, someOff leaves every rewrite out of many programs, and out of many others not.
func TestSomeOffVaries(t *testing.T) {
	count, seeds := map[string]int{}, 150
	for seed := range uint64(seeds) {
		for _, name := range someOff(seed) {
			count[name]++
		}
	}
	for _, name := range compile.RewriteNames() {
		if n := count[name]; n < seeds/4 || n > 3*seeds/4 {
			t.Errorf("%s is left out of %d programs of %d", name, n, seeds)
		}
	}
}

// Every rewrite and optional pass is left out of some compilations, alone.
func TestRandomGraphsWithoutOneRewrite(t *testing.T) {
	if testing.Short() {
		t.Skip("rewrites are the same with every executor")
	}
	names := compile.RewriteNames()
	for k := range 3 * len(names) {
		f := randomFamilies[k%len(randomFamilies)]
		seed := uint64(1000 + k)
		rc, err := testkit.Random(seed, f.config)
		if err != nil {
			t.Fatal(err)
		}
		name := names[k%len(names)]
		for _, fast := range []bool{false, true} {
			if err := testkit.CheckRandom(rc, f.bound, compile.Config{FastMath: fast, Disable: []string{name}}); err != nil {
				t.Errorf("%s, seed %d without %s: %v", f.name, seed, name, err)
			}
		}
	}
}
