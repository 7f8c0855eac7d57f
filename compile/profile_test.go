package compile

import (
	"strings"
	"testing"

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
	if r := prof.Rows[1]; r.Flops != 8*4*(20+1) || len(r.Nodes) != 2 || !strings.Contains(r.Where, "profile_test.go:14") {
		t.Errorf("loop: %+v", r)
	}
	if s := prof.String(); !strings.Contains(s, "matmul") || !strings.Contains(s, "5 runs") {
		t.Errorf("table:\n%s", s)
	}
	if share := prof.Rows[0].Roofline(1e9, 1e9); share <= 0 {
		t.Errorf("roofline share %v", share)
	}
}
