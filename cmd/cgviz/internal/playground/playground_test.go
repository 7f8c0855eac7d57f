package playground

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

func rows(a Response) string {
	var list []string
	for _, r := range a.Rows {
		list = append(list, r.Text+" | "+r.Adjoint)
	}
	return strings.Join(list, "\n")
}

func TestViews(t *testing.T) {
	s := &Session{}
	r := Request{Source: "z = x1^2 + x1*x2 + x2^2"}
	a := s.Draw(r)
	want := "x1 = 2 | 7\nx2 = 3 | 8\nv₁ = x₁² = 4 | 1\nv₂ = x₁ × x₂ = 6 | 1\nv₃ = x₂² = 9 | 1\nv₄ = v₁ + v₂ + v₃ = 19 | 1"
	if a.Error != "" || rows(a) != want || len(a.Steps) != 9 || len(a.Inputs) != 2 || a.Inputs[1] != (Input{Name: "x2", Type: "f64", Kind: "number", Text: "3"}) {
		t.Errorf("%+v\n%s", a, rows(a))
	}
	if !strings.Contains(a.SVG, `class="f-adjoint-text adjoint-value"`) || strings.Contains(a.SVG, "<style") || !strings.Contains(a.Summary, "z = 19") {
		t.Errorf("the drawing is %.300s, its summary %s", a.SVG, a.Summary)
	}
	r.At = map[string]string{"x1": "-1"}
	if a = s.Draw(r); rows(a) != strings.NewReplacer("x1 = 2 | 7", "x1 = −1 | 1", "= 3 | 8", "= 3 | 5", "= 4 |", "= 1 |", "= 6", "= −3", "= 19", "= 7").Replace(want) {
		t.Errorf("at another point:\n%s", rows(a))
	}
	for _, format := range []string{"svg", "png", "tikz"} {
		if data, err := s.Encode(format); err != nil || format == "svg" && !bytes.Contains(data, []byte("<style>")) {
			t.Errorf("%s: %d bytes, %v", format, len(data), err)
		}
	}
	r.View = "split"
	if a = s.Draw(r); a.Error != "" || !strings.Contains(a.SVG, "cluster gradient") || !strings.Contains(rows(a), "= 5 | ") {
		t.Errorf("the gradient: %s\n%s", a.Error, rows(a))
	}
	r.View = "passes"
	for _, pass := range []int{0, 3, 6, 50} {
		r.Pass = pass
		a = s.Draw(r)
		if a.Error != "" || a.SVG == "" || len(a.Passes) < 10 || !strings.Contains(a.Listing, "input  x1") {
			t.Fatalf("pass %d: %s, %d passes, %s", pass, a.Error, len(a.Passes), a.Listing)
		}
	}
	if _, err := s.Encode("svg"); err != nil {
		t.Error(err)
	}
}

// A source with mistakes says where, a value with mistakes at its input, and both are forgotten when they are mended.
func TestMistakes(t *testing.T) {
	s := &Session{}
	for text, want := range map[string]string{"": "type a formula", "z = sin(": "    z = sin(\n", "adjoint graph 1\n%0 = nothing : f64\noutput %0": "nothing"} {
		if a := s.Draw(Request{Source: text}); !strings.Contains(a.Error, want) || a.SVG != "" {
			t.Errorf("%q: %q", text, a.Error)
		}
		if _, err := s.Encode("svg"); err == nil {
			t.Errorf("%q: a drawing that is not there is encoded", text)
		}
	}
	r := Request{Source: "z = x*y", At: map[string]string{"x": "1", "y": "two"}}
	if a := s.Draw(r); a.Error != "" || a.SVG != "" || len(a.Inputs) != 2 || a.Inputs[0].Error != "" || !strings.Contains(a.Inputs[1].Error, "two") {
		t.Errorf("%+v", a)
	}
	r.At["y"] = "2 3"
	if a := s.Draw(r); a.Inputs[1].Error == "" {
		t.Errorf("%+v", a.Inputs)
	}
	r.At["y"] = "2"
	if a := s.Draw(r); a.SVG == "" || !strings.Contains(rows(a), "= 2 | 1") {
		t.Errorf("%+v", a)
	}
}

// Inputs of all types have a value to begin with, and what has no derivative is drawn without.
func TestInputs(t *testing.T) {
	a := (&Session{}).Draw(Request{Source: `adjoint graph 1
%0 "x" = input : f64[2,3]
%1 "W" = input : f64[3,2]
%2 = matmul %0, %1 {transpose_a=false, transpose_b=false} : f64[2,2]
%3 "loss" = reduce_sum %2 {axes=[0 1], keepdims=false} : f64
output %3`})
	if a.Error != "" || a.Inputs[0].Kind != "list" || a.Inputs[0].Text != "[-0.5, 0.25, 1, 0, 0.75, -0.25]" || !strings.Contains(rows(a), "matmul(x, W, ") {
		t.Errorf("%s %+v\n%s", a.Error, a.Inputs, rows(a))
	}
	a = (&Session{}).Draw(Request{Source: "adjoint graph 1\n%0 \"c\" = input : bool\n%1 \"k\" = input : i64\n%2 \"n\" = input : i64\n%3 = where %0, %1, %2 : i64\noutput %3"})
	if a.Error != "" || a.Note == "" || a.SVG == "" || a.Inputs[0].Kind != "truth" || a.Inputs[1].Kind != "integer" {
		t.Errorf("%+v", a)
	}
	a = (&Session{}).Draw(Request{Source: "z = log(x)", At: map[string]string{"x": "0"}})
	if a.Error != "" || !strings.Contains(rows(a), "−∞") || !strings.Contains(rows(a), "| ∞") {
		t.Errorf("at a pole: %s\n%s", a.Error, rows(a))
	}
}

// Large graphs are drawn in part, and say so.
func TestLarge(t *testing.T) {
	text := "a0 = sin(x)"
	for i := range 450 {
		text += fmt.Sprintf("; a%d = sin(a%d)*x", i+1, i)
	}
	a := (&Session{}).Draw(Request{Source: text})
	if a.Error != "" || a.SVG == "" || !strings.Contains(a.Note, "nodes") {
		t.Errorf("neither a drawing nor a reason: %s, %s", a.Error, a.Note)
	}
	if a = (&Session{}).Draw(Request{Source: text, View: "passes"}); !strings.Contains(a.Error, "more than the 400") {
		t.Errorf("passes of a large graph: %s", a.Error)
	}
}
