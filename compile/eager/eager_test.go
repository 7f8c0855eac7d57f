package eager_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/adjoint-go/adjoint/compile/eager"
	"github.com/adjoint-go/adjoint/graph"
)

func Example() {
	x := eager.Ones(2, 2).RequiresGrad()
	y := x.Add(2)
	z := y.Mul(y).Mul(3)
	out := z.Mean()
	if err := out.Backward(); err != nil {
		fmt.Println(err)
	}
	fmt.Println(out)
	fmt.Println(x.Grad())
	// Output:
	// 27
	// [[4.5 4.5]
	//  [4.5 4.5]]
}

// Branches and loops are Go's: the record follows them.
func ExampleTensor_Backward() {
	for _, v := range []float64{2, -3} {
		x := eager.Of(v).RequiresGrad()
		y := x.Mul(x)
		if v < 0 {
			y = x.Mul(5)
		}
		if err := y.Backward(); err != nil {
			fmt.Println(err)
		}
		fmt.Println(y, x.Grad())
	}
	// Output:
	// 4 4
	// -15 5
}

func ExampleGrad() {
	x := eager.Of(2.0).RequiresGrad()
	y := x.Pow(3)
	first, err := eager.Grad(y, []*eager.Tensor{x}, eager.CreateGraph())
	if err != nil {
		fmt.Println(err)
		return
	}
	second, err := eager.Grad(first[0], []*eager.Tensor{x})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(first[0], second[0])
	// Output: 12 12
}

// A line through points by descent: parameters are assigned, what was computed before keeps its values.
func ExampleAssign() {
	x, y := eager.Of([]float64{0, 1, 2, 3}), eager.Of([]float64{1, 3, 5, 7})
	a, b := eager.Of(0.0).RequiresGrad(), eager.Of(0.0).RequiresGrad()
	for range 500 {
		loss := x.Mul(a).Add(b).Sub(y).Square().Mean()
		if err := loss.Backward(); err != nil {
			fmt.Println(err)
			return
		}
		err := eager.Assign([]*eager.Tensor{a, b}, []any{a.Sub(a.Grad().Mul(0.1)), b.Sub(b.Grad().Mul(0.1))})
		if err != nil {
			fmt.Println(err)
			return
		}
		a.ZeroGrad()
		b.ZeroGrad()
	}
	slope, _ := a.Item()
	offset, _ := b.Item()
	fmt.Printf("%.4f %.4f\n", slope, offset)
	// Output: 2.0000 1.0000
}

func item(t *testing.T, x *eager.Tensor) float64 {
	t.Helper()
	v, err := x.Item()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func values(t *testing.T, x *eager.Tensor) []float64 {
	t.Helper()
	v, err := x.Float64s()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func near(got, want []float64) bool {
	return slices.EqualFunc(got, want, func(a, b float64) bool { return math.Abs(a-b) <= 1e-13*math.Abs(b) })
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestGradientsAddUp(t *testing.T) {
	x := eager.Of([]float64{1, 2}).RequiresGrad()
	for k := range 3 {
		must(t, x.Mul(x).Sum().Backward())
		want := []float64{2 * float64(k+1), 4 * float64(k+1)}
		if got := values(t, x.Grad()); !slices.Equal(got, want) {
			t.Errorf("after %d: %v, want %v", k+1, got, want)
		}
	}
	x.ZeroGrad()
	if x.Grad() != nil {
		t.Error("there is a gradient after ZeroGrad")
	}
}

func TestSecondBackward(t *testing.T) {
	x := eager.Of(3.0).RequiresGrad()
	y := x.Mul(x)
	must(t, y.Backward(eager.RetainGraph()))
	must(t, y.Backward())
	if got := item(t, x.Grad()); got != 12 {
		t.Errorf("two passes gave %v, want 12", got)
	}
	if err := y.Backward(); err == nil || !strings.Contains(err.Error(), "second time") || !strings.Contains(err.Error(), "eager_test.go") {
		t.Errorf("a pass over what was freed: %v", err)
	}
	if err := y.Add(1).Backward(); err == nil {
		t.Error("a pass through what was freed was allowed")
	}
	if got := item(t, y); got != 9 {
		t.Errorf("the value is %v after the pass", got)
	}
}

func TestWithoutScalar(t *testing.T) {
	x := eager.Of([]float64{1, 2, 3}).RequiresGrad()
	if err := x.Mul(2).Backward(); err == nil || !strings.Contains(err.Error(), "Seed") {
		t.Errorf("a vector's pass without a seed: %v", err)
	}
	must(t, x.Mul(x).Backward(eager.Seed(eager.Of([]float64{1, 0, -1}))))
	if got := values(t, x.Grad()); !slices.Equal(got, []float64{2, 0, -6}) {
		t.Errorf("%v", got)
	}
	if err := x.Backward(eager.Seed(eager.Of([]float64{1}))); err == nil {
		t.Error("a seed of another shape was taken")
	}
}

func TestWhatNeedsNoGradient(t *testing.T) {
	x, c := eager.Of(2.0).RequiresGrad(), eager.Of(5.0)
	if err := c.Mul(3).Backward(); err == nil || !strings.Contains(err.Error(), "RequiresGrad") {
		t.Errorf("%v", err)
	}
	must(t, x.Mul(x.Detach()).Mul(c).Backward())
	if got := item(t, x.Grad()); got != 10 {
		t.Errorf("through one of two factors: %v, want 10", got)
	}
	if c.Grad() != nil {
		t.Error("a constant has a gradient")
	}
	var inside *eager.Tensor
	eager.NoGrad(func() { inside = x.Mul(7) }, x)
	if err := inside.Backward(); err == nil {
		t.Error("NoGrad recorded")
	}
	must(t, x.Mul(7).Backward())
	if got := item(t, x.Grad()); got != 17 {
		t.Errorf("after NoGrad: %v, want 17", got)
	}
	if err := eager.Of([]int64{1}).RequiresGrad().Err(); err == nil {
		t.Error("integers require a gradient")
	}
}

func TestRetainGradAndHooks(t *testing.T) {
	x := eager.Of([]float64{1, 2}).RequiresGrad()
	var seen []float64
	h := x.Mul(3).RetainGrad()
	h.Hook(func(g *eager.Tensor) *eager.Tensor {
		seen = append(seen, values(t, g)...)
		return g.Mul(10)
	})
	before := h.Exp().Hook(func(g *eager.Tensor) *eager.Tensor { return eager.Of([]float64{1, 1}) })
	x.Hook(func(g *eager.Tensor) *eager.Tensor { return g.Neg() })
	must(t, before.Mul(100).Add(h).Sum().Backward())
	e3, e6 := math.Exp(3), math.Exp(6)
	if want := []float64{1 + e3, 1 + e6}; !near(seen, want) {
		t.Errorf("the hook saw %v, want %v", seen, want)
	}
	if got, want := values(t, h.Grad()), []float64{10 * (1 + e3), 10 * (1 + e6)}; !near(got, want) {
		t.Errorf("h's gradient is %v, want %v", got, want)
	}
	if got, want := values(t, x.Grad()), []float64{-30 * (1 + e3), -30 * (1 + e6)}; !near(got, want) {
		t.Errorf("x's gradient is %v, want %v", got, want)
	}
	if before.Grad() != nil {
		t.Error("a hook alone retains the gradient")
	}
}

func TestAssignKeepsTheRecord(t *testing.T) {
	w := eager.Of(2.0).RequiresGrad()
	y := w.Mul(w)
	must(t, w.Assign(5.0))
	if got := item(t, y); got != 4 {
		t.Errorf("what was computed before is %v after the assignment, want 4", got)
	}
	z := w.Mul(w)
	must(t, z.Backward())
	if got := item(t, w.Grad()); got != 10 {
		t.Errorf("%v, want 10", got)
	}
	if err := w.Assign([]float64{1, 2}); err == nil {
		t.Error("a value of another shape was assigned")
	}
	if err := z.Assign(1.0); err == nil {
		t.Error("a computed tensor was assigned to")
	}
}

func TestHigherOrders(t *testing.T) {
	x := eager.Of(1.5).RequiresGrad()
	y := x.Sin().Mul(x)
	want := []float64{math.Sin(1.5) + 1.5*math.Cos(1.5), 2*math.Cos(1.5) - 1.5*math.Sin(1.5), -3*math.Sin(1.5) - 1.5*math.Cos(1.5)}
	for k, w := range want {
		d, err := eager.Grad(y, []*eager.Tensor{x}, eager.CreateGraph())
		must(t, err)
		if y = d[0]; math.Abs(item(t, y)-w) > 1e-14 {
			t.Errorf("derivative %d is %v, want %v", k+1, item(t, y), w)
		}
	}
	// A penalty on the gradient, as PyTorch's create_graph is used for.
	v := eager.Of([]float64{1, -2}).RequiresGrad()
	cost := v.Mul(v).Mul(v).Sum()
	must(t, cost.Backward(eager.CreateGraph()))
	penalty := v.Grad().Square().Sum() // 9 Σ v⁴
	v.ZeroGrad()
	must(t, penalty.Backward())
	if got := values(t, v.Grad()); !slices.Equal(got, []float64{36, -288}) {
		t.Errorf("%v, want [36 -288]", got)
	}
}

func TestMistakes(t *testing.T) {
	bad := eager.Ones(2, 3).MatMul(eager.Ones(2, 3))
	for name, err := range map[string]error{
		"shapes":          bad.Err(),
		"what comes then": bad.Add(1).Exp().Backward(),
		"value":           func() error { _, err := bad.Value(); return err }(),
		"several results": func() error { _, _, v := bad.SVD(); return v.Err() }(),
		"other operand":   eager.Ones(2).Add("two").Err(),
		"number":          eager.Of([]int64{1, 2}).Mul(0.5).Err(),
		"ragged":          eager.Of([][]float64{{1}, {2, 3}}).Err(),
		"elements":        eager.New([]float64{1, 2, 3}, 2, 2).Err(),
		"negative":        eager.Zeros(2, -1).Err(),
		"item":            func() error { _, err := eager.Ones(3).Item(); return err }(),
		"dtypes":          eager.Of([]float32{1}).Add(eager.Of([]float64{1})).Err(),
		"unused": func() error {
			_, err := eager.Grad(eager.Of(1.0).RequiresGrad().Exp(), []*eager.Tensor{eager.Of(2.0).RequiresGrad()})
			return err
		}(),
	} {
		if err == nil || !strings.Contains(err.Error(), "eager_test.go:") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, parts := range map[string][]*eager.Tensor{"split": eager.Ones(3).Split(0, 1, 1, 5), "split of a mistake": bad.Split(0, 1, 1, 5), "keys": eager.Ones(3).RandomSplit(3)} {
		if len(parts) != 3 {
			t.Fatalf("%s: %d results of 3", name, len(parts))
		}
		for _, part := range parts {
			if err := part.Err(); err == nil || !strings.Contains(err.Error(), "eager_test.go:") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	var none *eager.Tensor
	for _, err := range []error{none.Err(), none.Add(1).Err(), none.Backward(), none.Assign(1.0), eager.Ones(1).Add(none).Err(), new(eager.Tensor).Exp().Err(), eager.Evaluate(none)} {
		if err == nil {
			t.Error("nothing was taken for a tensor")
		}
	}
	none.ZeroGrad()
	if none.Grad() != nil || none.String() == "" {
		t.Error("a nil tensor has a gradient or no text")
	}
}

// Passes of one structure use one program, at any number of goroutines, whatever the Go numbers in them.
func TestManyGoroutines(t *testing.T) {
	var group sync.WaitGroup
	for k := range 4 {
		group.Go(func() {
			x := eager.Of(float64(k)).RequiresGrad()
			for i := range 30 {
				x.ZeroGrad()
				if err := x.Mul(float64(i)).Add(x.Square()).Backward(); err != nil {
					t.Error(err)
					return
				}
				if got, _ := x.Grad().Item(); got != float64(i)+2*float64(k) {
					t.Errorf("%v at %d, %d", got, k, i)
				}
			}
		})
	}
	group.Wait()
}

func TestLongHistory(t *testing.T) {
	x, w := eager.Of(1.0), eager.Of(1.0).RequiresGrad()
	y := w
	for range 2000 {
		x = x.Mul(1.0001)
		y = y.Mul(0.9999)
	}
	must(t, y.Backward())
	if got, want := item(t, x), math.Pow(1.0001, 2000); math.Abs(got-want) > 1e-12 {
		t.Errorf("%v, want %v", got, want)
	}
	if got, want := item(t, w.Grad()), math.Pow(0.9999, 2000); math.Abs(got-want) > 1e-12 {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestFunc(t *testing.T) {
	scan := eager.Func(func(g *graph.Graph, in []*graph.Node) []*graph.Node {
		final, _ := graph.Scan(10, in[:1], nil, func(c, _ []*graph.Node) ([]*graph.Node, []*graph.Node) {
			return []*graph.Node{graph.Mul(c[0], in[1])}, nil
		})
		return final
	})
	x, a := eager.Of(3.0).RequiresGrad(), eager.Of(2.0).RequiresGrad()
	y := scan(x, a)[0]
	must(t, y.Backward())
	if item(t, y) != 3072 || item(t, x.Grad()) != 1024 || item(t, a.Grad()) != 15360 {
		t.Errorf("%v, %v, %v", y, x.Grad(), a.Grad())
	}
	if err := eager.Func(nil)(x)[0].Err(); err == nil {
		t.Error("no function is a function")
	}
}

// Tensors without elements take part like any others, and have gradients without.
func TestTensorsWithoutElements(t *testing.T) {
	x, w := eager.New([]float64{}, 0, 3).RequiresGrad(), eager.Ones(3, 2).RequiresGrad()
	y := x.MatMul(w).Tanh()
	for range 2 { // the second pass runs compiled programs
		if err := y.Square().Sum().Backward(eager.RetainGraph()); err != nil {
			t.Fatal(err)
		}
	}
	if s := y.Shape(); !slices.Equal(s, []int{0, 2}) {
		t.Errorf("the result has the shape %v", s)
	}
	if g := x.Grad(); g == nil || !slices.Equal(g.Shape(), []int{0, 3}) {
		t.Errorf("the gradient by nothing is %v", g)
	}
	if g := w.Grad(); g == nil || g.Err() != nil || fmt.Sprint(g) != "[[0 0]\n [0 0]\n [0 0]]" {
		t.Errorf("the gradient by the weights is %v", g)
	}
}
