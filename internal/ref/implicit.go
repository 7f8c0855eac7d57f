package ref

import (
	"fmt"
	"slices"

	"github.com/adjoint-go/adjoint/graph"
)

func init() {
	for _, name := range []string{"implicit", "with_vjp"} {
		evaluators[name] = func(_ *graph.Node, in []Value) (Value, error) { return in[len(in)-1], nil }
	}
	evaluators["require"] = func(n *graph.Node, in []Value) (Value, error) {
		if slices.Contains(in[1].B, false) {
			return Value{}, fmt.Errorf("%s: %v", n.Attrs().Str("message"), in[2].F)
		}
		return in[0], nil
	}
}
