package testkit

import (
	"os"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/graph"
)

func TestOne(t *testing.T) {
	for _, name := range strings.Fields(os.Getenv("OPS")) {
		op := graph.LookupOp(name)
		t.Run(name, func(t *testing.T) {
			for _, s := range op.Samples {
				for _, d := range []graph.DType{graph.Float64, graph.Float32} {
					CheckOp(t, op, s, d)
				}
			}
		})
	}
}
