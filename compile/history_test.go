package compile_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/ref"
	"github.com/adjoint-go/adjoint/internal/testkit"
)

// Derivatives do not depend on those taken before on the same graph, whose nodes they share: for every operator, all kinds are taken on a
// fresh graph, and twice in the opposite order on another.
func TestDerivativesDoNotDependOnHistory(t *testing.T) {
	if testing.Short() {
		t.Skip("derivatives are the same with every executor")
	}
	checked := 0
	for _, op := range graph.Ops() {
		if op.Family == graph.FamilyUser || op.Builtin && op.MinArity == 0 || op.Name == "result" || !op.Differentiable() {
			continue
		}
		for k, s := range op.Samples {
			what := fmt.Sprintf("%s, sample %d", op.Name, k)
			fresh, later := kindsOfDerivatives(t, what, op, s, false), kindsOfDerivatives(t, what, op, s, true)
			if len(fresh) != len(later) {
				t.Errorf("%s: %d and %d derivatives", what, len(fresh), len(later))
				continue
			}
			for i := range fresh {
				checked++
				if err := testkit.Close(later[i], fresh[i], 1e-9); err != nil {
					t.Errorf("%s: derivative %d after others: %v", what, i, err)
				}
			}
		}
	}
	t.Logf("%d derivatives checked", checked)
	if checked < 2000 {
		t.Errorf("only %d derivatives were checked", checked)
	}
}

// kindsOfDerivatives returns the derivatives of a sample of each kind, taken once, or twice from the last kind to the first.
func kindsOfDerivatives(t *testing.T, what string, op *graph.Op, s graph.Sample, again bool) []ref.Value {
	t.Helper()
	outputs, wrt, at := sampleNodes(op, s, true)
	if len(outputs) == 0 || len(wrt) == 0 {
		return nil
	}
	cost := graph.Sum(graph.Sin(outputs[0]))
	list, single := must[[]*graph.Node](t), must[*graph.Node](t)
	kinds := []func() []*graph.Node{
		func() []*graph.Node { return list(compile.Gradient(cost, wrt...)) },
		func() []*graph.Node { return list(compile.JVP(outputs, wrt, nil)) },
		func() []*graph.Node { return []*graph.Node{single(compile.Hessian(cost, wrt[0]))} },
		func() []*graph.Node { return list(compile.HVP(cost, wrt, wrt)) },
		func() []*graph.Node { return list(compile.GaussNewton(outputs, wrt, wrt)) },
		func() []*graph.Node { return []*graph.Node{single(compile.Jacobian(outputs[0], wrt[0]))} },
		func() []*graph.Node {
			return slices.Concat(must[[][]*graph.Node](t)(compile.Directional(3, []*graph.Node{cost}, wrt, nil))...)
		},
	}
	results := make([][]*graph.Node, len(kinds))
	if again {
		for range 2 {
			for i := len(kinds) - 1; i >= 0; i-- {
				results[i] = kinds[i]()
			}
		}
	} else {
		for i, kind := range kinds {
			results[i] = kind()
		}
	}
	all := slices.Concat(results...)
	values, err := testkit.CompileAndRun(compile.Config{}, used(at, all), all...)
	if err != nil {
		t.Errorf("%s: %v", what, err)
	}
	return values
}
