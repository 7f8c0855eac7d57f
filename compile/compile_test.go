package compile

import (
	"fmt"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

func TestSeed(t *testing.T) {
	g := graph.New()
	x1, x2 := g.Input("x1", graph.Float64), g.Input("x2", graph.Float64)
	z := graph.Add(graph.Add(graph.Square(x1), graph.Square(x2)), graph.Mul(x1, x2)).Named("z")
	dz, err := Gradient(z, x1, x2)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Config{Verify: true}.Compile(z, dz[0], dz[1])
	if err != nil {
		t.Fatal(err)
	}
	t.Log(p)
	out, err := vm.NewMachine(p).Run(3.0, 4.0)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{37, 10, 11} {
		if got := out[i].Data().(float64); got != want {
			t.Errorf("output %d = %v, want %v", i, got, want)
		}
	}
}

// TestFirstOnly has maxima without indices where nobody reads these, and with them where a gradient does.
func TestFirstOnly(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float32, 1, 2, 6, 6)
	y, at := graph.MaxPool(x, []int{2, 2}, graph.Window{})
	d, err := Gradient(graph.Sum(y), x)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		outputs []*graph.Node
		want    bool
	}{{[]*graph.Node{y}, true}, {[]*graph.Node{y, at}, false}, {[]*graph.Node{at}, false}, {[]*graph.Node{y, d[0]}, false}} {
		p, err := Config{Verify: true}.Compile(c.outputs...)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(fmt.Sprint(p), "first_only=true"); got != c.want {
			t.Errorf("%v: maxima only: %v\n%v", c.outputs, got, p)
		}
	}
}
