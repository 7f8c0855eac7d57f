package viz

import (
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/viz/internal/scene"
)

// Names that differ look different, and keep the part that differs.
func TestNamesStayApart(t *testing.T) {
	const kernel = "/attention/self/query_projection_kernel_float32"
	for _, c := range []struct{ names, want []string }{
		{[]string{"model/layers.11" + kernel, "model/layers.12" + kernel}, []string{"layers.11", "layers.12"}},
		{[]string{"a/b/w", "c/b/w"}, []string{"a/…/w", "c/…/w"}},
		{[]string{"a/b/w", "a/c/w"}, []string{"b/w", "c/w"}},
		{[]string{"w", "a/w"}, []string{"w", "a/w"}},
		{[]string{"the_output_of_layer_number_11_before_dropout_and_sum", "the_output_of_layer_number_12_before_dropout_and_sum"}, []string{"11", "12"}},
		{[]string{"x1", "x_1", "x₁"}, []string{"x1", "x_1", "x₁"}},
		{[]string{"alpha", "α"}, []string{"alpha", "α"}},
		{[]string{"transformer_kernel_of_the_first_head"}, []string{"transformer_"}},
		{[]string{"transformer_kernel_of_the_first_head"}, []string{"first_head"}},
	} {
		set, seen := newTypesetter(c.names), map[string]bool{}
		for i, name := range c.names {
			look := scene.TextLine{Runs: set.name(name)}.Plain()
			if seen[look] || !strings.Contains(look, c.want[i]) {
				t.Errorf("%q among %q looks as %q, want %q in it", name, c.names, look, c.want[i])
			}
			seen[look] = true
		}
	}
	// Whatever the names: none looks as another one does.
	alphabet := []string{"a", "b", "1", "_", "/", "₁", "alpha", "long_long_long_long"}
	var names []string
	for _, a := range alphabet {
		for _, b := range alphabet {
			for _, c := range alphabet {
				names = append(names, a+b+c+"_kernel")
			}
		}
	}
	set, seen := newTypesetter(names), map[string]string{}
	for _, name := range names {
		look := scene.TextLine{Runs: set.name(name)}.Plain()
		if other, found := seen[look]; found && other != name {
			t.Errorf("%q and %q both look as %q", other, name, look)
		}
		seen[look] = name
	}
	if len(seen) < 400 {
		t.Errorf("%d names were compared", len(seen))
	}
}
