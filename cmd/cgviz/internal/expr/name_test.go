package expr

import (
	"strings"
	"testing"
)

func TestNormalizeName(t *testing.T) {
	for _, c := range []struct {
		text, want string
		ok         bool
	}{
		{"x1", "x1", true}, {"x₁", "x1", true}, {"xₐᵦ", "xaβ", true}, {"π", "pi", true}, {"\u00B5", "μ", true},
		{"", "", false}, {" x", " x", false}, {"x ", "x ", false}, {"1x", "1x", false}, {"x+y", "x+y", false},
		{strings.Repeat("x", 100000), strings.Repeat("x", 100000), false},
	} {
		if got, ok := NormalizeName(c.text); got != c.want || ok != c.ok {
			t.Errorf("%.20q: got %.20q, %v", c.text, got, ok)
		}
	}
}

func TestClosest(t *testing.T) {
	for _, c := range []struct{ name, want string }{
		{"x3", "x1"}, {"wieght", "weight"}, {"weights", "weight"}, {"bias", ""}, {"", ""},
	} {
		if got := Closest(c.name, []string{"x1", "x2", "weight"}); got != c.want {
			t.Errorf("%q: got %q, want %q", c.name, got, c.want)
		}
	}
}
