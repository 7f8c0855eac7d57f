package compile

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

func TestProfile(t *testing.T) {
	g := graph.New()
	x, w := g.Input("x", graph.Float64, 8, 16), g.Input("w", graph.Float64, 16, 4)
	y := graph.Sum(graph.Tanh(graph.MatMul(x, w)))
	p, err := Compile(y)
	if err != nil {
		t.Fatal(err)
	}
	m := vm.NewMachine(p)
	m.Float64("x")[0], m.Float64("w")[0] = 1, 1
	prof, err := m.Profile(t.Context(), 5)
	if err != nil {
		t.Fatal(err)
	}
	if len(prof.Rows) != 2 || prof.Rows[0].Flops != 2*8*4*16 || prof.Rows[0].Bytes != 8*(8*16+16*4+8*4) {
		t.Errorf("rows %+v", prof.Rows)
	}
	if r := prof.Rows[1]; r.Flops != 8*4*(20+1) || len(r.Nodes) != 2 || !strings.Contains(r.Where, "profile_test.go:16") {
		t.Errorf("loop: %+v", r)
	}
	if s := prof.String(); !strings.Contains(s, "matmul") || !strings.Contains(s, "5 runs") {
		t.Errorf("table:\n%s", s)
	}
	if share := prof.Rows[0].Roofline(1e9, 1e9); share <= 0 {
		t.Errorf("roofline share %v", share)
	}
}

// TestProfileScalars counts what scalar code reads and writes outside of its temporaries, and finds the user's nodes.
func TestProfileScalars(t *testing.T) {
	g := graph.New()
	x, y := g.Input("x", graph.Float64), g.Input("y", graph.Float64)
	z := graph.Add(graph.Mul(x, y), graph.Sin(graph.Mul(x, x)))
	p, err := Compile(z)
	if err != nil {
		t.Fatal(err)
	}
	m := vm.NewMachine(p)
	m.Float64("x")[0], m.Float64("y")[0] = 0.5, 0.25
	want := 0.125 + math.Sin(0.25)
	prof, err := m.Profile(t.Context(), 3)
	if err != nil {
		t.Fatal(err)
	}
	if len(prof.Rows) != 1 || prof.Rows[0].Bytes != 3*8 || prof.Rows[0].Flops < 20+2 {
		t.Fatalf("rows %+v", prof.Rows)
	}
	var names []string
	for _, n := range prof.Rows[0].Nodes {
		names = append(names, p.Code().Debug.Strings[n.Op])
	}
	if s := strings.Join(names, " "); !strings.Contains(s, "sin") || !strings.Contains(s, "add") || !strings.Contains(prof.Rows[0].Where, "profile_test.go") {
		t.Errorf("nodes %s at %s", s, prof.Rows[0].Where)
	}
	if got := m.OutputFloat64(0)[0]; math.Abs(got-want) > 1e-15 {
		t.Errorf("after profiling the output is %v, want %v", got, want)
	}
}

// Profiles count what kernels say that they do: two operations for each term of a convolution, of which those at the border count too.
func TestProfileCountsTermsOfKernels(t *testing.T) {
	g := graph.New()
	x, w := g.Input("x", graph.Float64, 1, 2, 5, 5), g.Input("w", graph.Float64, 3, 2, 3, 3)
	p, err := Compile(graph.Conv(x, w, graph.Window{Padding: []int{1, 1, 1, 1}}))
	if err != nil {
		t.Fatal(err)
	}
	if s := p.Shares(); len(s) != 1 || s[0].Flops != 2*(3*5*5)*(2*3*3) {
		t.Errorf("shares %+v", s)
	}
}

// The sums by line, operator and scope are those of all instructions, in loops too.
func TestProfileTotals(t *testing.T) {
	g := graph.New()
	x, w := g.Input("x", graph.Float64, 8), g.Input("w", graph.Float64, 8, 8)
	var y *graph.Node
	g.Scope("loop", func() {
		final, _ := graph.Scan(20, []*graph.Node{x}, nil, func(c, _ []*graph.Node) (next, ys []*graph.Node) {
			h := graph.MatMul(w, c[0])
			return []*graph.Node{graph.Tanh(h)}, nil
		})
		y = final[0]
	})
	g.Scope("loss", func() { y = graph.Sum(graph.Square(y)) })
	p, err := Compile(y)
	if err != nil {
		t.Fatal(err)
	}
	m := vm.NewMachine(p)
	m.Float64("x")[0], m.Float64("w")[0] = 1, 1
	prof, err := m.Profile(t.Context(), 3)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		by    string
		sums  []vm.ProfileTotal
		names []string
	}{
		{"line", prof.ByLine(), []string{"profile_test.go:92", "profile_test.go:93", "profile_test.go:97"}},
		{"operator", prof.ByOperator(), []string{"matmul", "tanh", "reduce_sum"}},
		{"scope", prof.ByNode(func(id int) string { return g.Node(id).ScopePath() }), []string{"loop", "loss"}},
	} {
		total, found := time.Duration(0), map[string]bool{}
		for i, s := range c.sums {
			total += s.Time
			for _, name := range c.names {
				found[name] = found[name] || strings.HasSuffix(s.Name, name)
			}
			if i > 0 && s.Time > c.sums[i-1].Time {
				t.Errorf("by %s: %v stands behind %v", c.by, s, c.sums[i-1])
			}
		}
		for _, name := range c.names {
			if !found[name] {
				t.Errorf("by %s there is no %s among %v", c.by, name, c.sums)
			}
		}
		if lost := prof.Total - total; lost < -time.Microsecond || lost > time.Microsecond {
			t.Errorf("by %s: %v in all, of %v", c.by, total, prof.Total)
		}
	}
	if (*vm.Profile)(nil).ByLine() != nil || prof.ByNode(nil) != nil {
		t.Error("sums of nothing")
	}
}
