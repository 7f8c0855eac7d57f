package compile_test

import (
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// A program keeps what it is when the attributes that a node hands out are changed.
func TestProgramsShareNoAttributes(t *testing.T) {
	n := graph.Transpose(graph.New().Input("x", graph.Float64, 2, 3, 4), 2, 0, 1)
	p := must[*vm.Program](t)(compile.Compile(n))
	before := p.Text()
	perm := n.Attrs().Ints("perm")
	perm[0], perm[1] = perm[1], perm[0]
	if after := p.Text(); after != before {
		t.Errorf("it changed with its node:\n%s\nwas\n%s", after, before)
	}
}
