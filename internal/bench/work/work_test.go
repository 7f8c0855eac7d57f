package work

import (
	"testing"

	"github.com/adjoint-go/adjoint/internal/bench/definition"
)

// large are the workloads that take too long, or too much memory, for a test; the comparison checks them as well.
var large = map[string]bool{"add1e7": true, "mul1e7": true, "dag1000000": true, "gemm1024": true, "gemm2048": true,
	"rosenbrock100000": true, "rosenbrock100000.hessian": true, "gmm": true}

// long are those that take a second or more.
var long = map[string]bool{"transformer": true, "lstm": true, "gru": true}

// TestChecksums checks that our workloads give the results that the definition asks for.
func TestChecksums(t *testing.T) {
	defined := map[string]definition.Work{}
	for _, w := range definition.Works {
		defined[w.Name] = w
	}
	for _, e := range Entries() {
		w, ok := defined[e.Work]
		if !ok {
			t.Errorf("%s is not defined", e.Work)
			continue
		}
		if large[e.Work] || long[e.Work] && testing.Short() {
			continue
		}
		t.Run(e.Work+"/"+e.DType, func(t *testing.T) {
			item, err := e.Prepare()
			if err != nil {
				t.Fatal(err)
			}
			if !w.Agrees(e.DType, item.Check) {
				t.Errorf("checksum %v, want %v", item.Check, w.Check)
			}
			if err := item.Run(2); err != nil {
				t.Error(err)
			}
		})
	}
}
