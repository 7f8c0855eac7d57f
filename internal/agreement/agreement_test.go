package agreement

import (
	"fmt"
	"os"
	"testing"

	"github.com/adjoint-go/adjoint/graph"
)

// Values, gradients and second derivatives are those of the peers, in both float dtypes.
func TestAgreement(t *testing.T) {
	_, list, err := load()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, v := range list {
		seen[v.Name] = true
		for d, bound := range map[graph.DType]Errors{graph.Float64: bounds64, graph.Float32: bounds32} {
			e, err := compare(v, d)
			if err != nil {
				t.Errorf("%s, %v: %v", v.Name, d, err)
				continue
			}
			t.Logf("%-24s %v  value %.1e  gradient %.1e  second %.1e", v.Name, d, e.Value, e.Gradient, e.Second)
			if w, ok := wider[v.Name]; ok {
				bound = Errors{w * bound.Value, w * bound.Gradient, w * bound.Second}
			}
			if e.Value > bound.Value || e.Gradient > bound.Gradient || e.Second > bound.Second {
				t.Errorf("%s, %v: value %.1e, gradient %.1e, second derivative %.1e are too far from %s", v.Name, d, e.Value, e.Gradient, e.Second, v.Peer)
			}
		}
	}
	if len(cases) < 150 {
		t.Errorf("only %d cases", len(cases))
	}
	for name := range cases {
		if !seen[name] {
			t.Errorf("the vectors have no case %s", name)
		}
	}
}

// The bounds are a small multiple of the rounding of the largest element; wider multiplies them for functions that
// both sides compute by longer ways.
var (
	bounds64 = Errors{4e-15, 1e-14, 1e-13}
	bounds32 = Errors{1e-6, 4e-6, 2e-5}
	wider    = map[string]float64{"qr": 8, "log_ndtr": 2} // JAX's second derivative of log_ndtr cancels
)

// A wrong derivative does not agree.
func TestDisagreement(t *testing.T) {
	_, list, err := load()
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range list {
		if v.Name != "tanh" {
			continue
		}
		v.Gradient[0][3] *= 1.001
		e, err := compare(v, graph.Float64)
		if err != nil {
			t.Fatal(err)
		}
		if e.Gradient < 1e-6 || e.Value > bounds64.Value {
			t.Errorf("an error in the gradient gives %+v", e)
		}
		v.Name = "exp"
		if e, err = compare(v, graph.Float64); err != nil || e.Value < 1e-3 {
			t.Errorf("another function gives %+v, %v", e, err)
		}
	}
}

// docs/AGREEMENT.md is what Document writes.
func TestDocumentIsCurrent(t *testing.T) {
	want, err := Document()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../docs/AGREEMENT.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("docs/AGREEMENT.md is stale: run go generate ./internal/agreement")
	}
}

func Example_bound() {
	fmt.Println(bound(3e-16, 1e-15), bound(1.1e-13, 1e-15), bound(-1, 1e-15))
	// Output: 1e-15 1e-12 –
}
