package testkit

import (
	"math/rand/v2"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/ref"
)

// TestRandomMovingWindows compares operators of moving windows and their derivatives with the reference: extents of one, strides beyond the window and padding that nothing reads are frequent, where
// elements of a derivative are read by no window.
func TestRandomMovingWindows(t *testing.T) {
	done := map[string]int{}
	for seed := range uint64(1500) {
		rng := rand.New(rand.NewPCG(seed, 5))
		g := graph.New()
		dtype := []graph.DType{graph.Float64, graph.Float32}[rng.IntN(2)]
		window := graph.Window{Groups: 1 + rng.IntN(2)}
		chans := 1 + rng.IntN(2)
		extents, size := []int{1 + rng.IntN(3), window.Groups * chans}, []int{}
		for range 1 + rng.IntN(3) {
			extents, size = append(extents, 1+rng.IntN(1+rng.IntN(16))), append(size, 1+rng.IntN(4))
			window.Strides, window.Dilation = append(window.Strides, 1+rng.IntN(4)), append(window.Dilation, 1+rng.IntN(2))
			window.Padding = append(window.Padding, rng.IntN(3), rng.IntN(3))
		}
		x := g.Input("x", dtype, extents...)
		wrt := []*graph.Node{x}
		filters := func(outer, inner int) *graph.Node {
			w := g.Input("w", dtype, append([]int{outer, inner}, size...)...)
			wrt = append(wrt, w)
			return w
		}
		var name string
		var y *graph.Node
		switch rng.IntN(5) {
		case 0:
			name = "conv"
			y = graph.Conv(x, filters(window.Groups*(1+rng.IntN(3)), chans), window)
		case 1:
			name = "conv_transpose"
			y = graph.ConvTranspose(x, filters(window.Groups*chans, 1+rng.IntN(3)), window)
		case 2:
			name, window.Groups = "max_pool", 0
			y, _ = graph.MaxPool(x, size, window)
		case 3:
			name, window.Groups, window.Dilation = "avg_pool", 0, nil
			y = graph.AvgPool(x, size, window, rng.IntN(2) == 0)
		case 4:
			name, window.Groups = "unfold", 0
			y = graph.Unfold(x, size, window)
		}
		if g.Err() != nil {
			continue // windows that do not fit
		}
		cotangent := g.Input("cotangent", dtype, y.Shape()...)
		adjoints, err := compile.VJP([]*graph.Node{y}, wrt, []*graph.Node{cotangent})
		if err != nil {
			t.Fatalf("%d: %s: %v", seed, name, err)
		}
		at := Point{cotangent: Spread(cotangent.Type(), -1, 1, 3)}
		for i, n := range wrt {
			at[n] = Spread(n.Type(), -1, 1, 1+i)
		}
		outputs := append([]*graph.Node{y}, adjoints...)
		want, err := ref.Eval(at, outputs...)
		if err != nil {
			t.Fatalf("%d: %s: %v", seed, name, err)
		}
		got, err := CompileAndRun(compile.Config{}, at, outputs...)
		if err != nil {
			t.Fatalf("%d: %s: %v", seed, name, err)
		}
		tolerance := 1e-12
		if dtype == graph.Float32 {
			tolerance = 1e-5
		}
		for i := range got {
			if err := CloseTo(got[i], want[i], tolerance, tolerance); err != nil {
				t.Errorf("%d: %s of %v, window %v %+v, output %d: %v", seed, name, x.Type(), size, window, i, err)
			}
		}
		done[name]++
	}
	t.Log(done)
	for _, name := range []string{"conv", "conv_transpose", "max_pool", "avg_pool", "unfold"} {
		if done[name] < 80 {
			t.Errorf("%s: %d applications", name, done[name])
		}
	}
}
