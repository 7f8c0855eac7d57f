package stablehlo

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/graph"
)

// within is a function of x and y, both f64[2], around operations.
func within(ops string) string {
	return "module {\n  func.func public @main(%x: tensor<2xf64>, %y: tensor<2xf64>) -> tensor<2xf64> {\n    " + ops + "\n  }\n}\n"
}

func build(text string) error {
	m, err := Read(strings.NewReader(text))
	if err != nil {
		return err
	}
	_, err = m.Build(graph.New(), Options{})
	return err
}

func TestMistakes(t *testing.T) {
	for _, c := range []struct{ text, line, want string }{
		{"", "stablehlo:1", "no function main"},
		{within("%0 = stablehlo.add %x, %z : tensor<2xf64>\n return %0 : tensor<2xf64>"), "stablehlo:3: stablehlo.add", "no operation before it makes %z"},
		{within("%0 = stablehlo.add %x, %y : tensor<3xf64>\n return %0 : tensor<3xf64>"), "stablehlo:3", "f64[2], and f64[3] is declared"},
		{within("%0 = stablehlo.add %x, %y : tensor<2xf8E5M2>\n return %0 : tensor<2xf8E5M2>"), "stablehlo:3", `"f8E5M2"`},
		{within("%0 = stablehlo.add %x, %y : tensor<?xf64>\n return %0 : tensor<2xf64>"), "stablehlo:3", "static shapes"},
		{within("%0 = stablehlo.custom_call @foo(%x) : (tensor<2xf64>) -> tensor<2xf64>\n return %0 : tensor<2xf64>"), "stablehlo:3: stablehlo.custom_call", "code that is not in the text"},
		{within("%0 = stablehlo.mystery %x : tensor<2xf64>\n return %0 : tensor<2xf64>"), "stablehlo:3: stablehlo.mystery", "not supported"},
		{within("%0 = stablehlo.slice %x [0:9] : (tensor<2xf64>) -> tensor<9xf64>\n return %0 : tensor<9xf64>"), "stablehlo:3: stablehlo.slice", "0:9:1 of 2"},
		{within("%0 = stablehlo.constant dense<[1.0, 2.0, 3.0]> : tensor<2xf64>\n return %0 : tensor<2xf64>"), "stablehlo:3: dense", "3 elements for f64[2]"},
		{within("%0 = stablehlo.add %x : tensor<2xf64>\n return %0 : tensor<2xf64>"), "stablehlo:3", "1 operands where 2"},
		{within("%0 = call @main(%x, %y) : (tensor<2xf64>, tensor<2xf64>) -> tensor<2xf64>\n return %0 : tensor<2xf64>"), "stablehlo:3: call", "nested deeper"},
		{within("%0 = call @f(%x) : (tensor<2xf64>) -> tensor<2xf64>\n return %0 : tensor<2xf64>"), "stablehlo:3: call", "no function @f"},
		{within("%0 = stablehlo.add %x, %y : tensor<2xf64>"), "stablehlo:3", "returns nothing"},
		{within("%c = stablehlo.constant dense<0.0> : tensor<f64>\n %0 = stablehlo.reduce(%x init: %c) applies add across dimensions = [0] : (tensor<2xf64>, tensor<f64>) -> tensor<2xf64>\n return %0 : tensor<2xf64>"), "stablehlo:4: stablehlo.reduce", "f64, and f64[2] is declared"},
		{strings.Repeat("(", 1000), "stablehlo:1", "a function is expected"},
		{within(`%0 = stablehlo.add %x, %y {a = ` + strings.Repeat("[", 1000) + "} : tensor<2xf64>"), "stablehlo:3", "nested deeper"},
	} {
		err := build(c.text)
		var e *Error
		if err == nil || !errors.As(err, &e) || !strings.HasPrefix(err.Error(), c.line) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.90q: %v", c.text, err)
		}
	}
	if err := build(within("return %x : tensor<2xf64>")); err != nil {
		t.Error(err)
	}
}

// TestGeneric reads the form that names every operation in quotes, with locations.
func TestGeneric(t *testing.T) {
	text := `#loc1 = loc("x")
"builtin.module"() <{sym_name = "m"}> ({
  "func.func"() <{function_type = (tensor<2xf64>) -> tensor<f64>, sym_name = "main", sym_visibility = "public"}> ({
  ^bb0(%arg0: tensor<2xf64> loc("x")):
    %0 = "stablehlo.constant"() <{value = dense<0x0000000000000000> : tensor<f64>}> : () -> tensor<f64> loc(#loc1)
    %1 = "stablehlo.compare"(%arg0, %arg0) <{compare_type = #stablehlo<comparison_type FLOAT>, comparison_direction = #stablehlo<comparison_direction EQ>}> : (tensor<2xf64>, tensor<2xf64>) -> tensor<2xi1> loc(callsite("a(" at "b"))
    %2 = "stablehlo.select"(%1, %arg0, %arg0) : (tensor<2xi1>, tensor<2xf64>, tensor<2xf64>) -> tensor<2xf64>
    %3 = "stablehlo.slice"(%2) <{limit_indices = array<i64: 2>, start_indices = array<i64: 1>, strides = array<i64: 1>}> : (tensor<2xf64>) -> tensor<1xf64>
    %4 = "stablehlo.reduce"(%3, %0) <{dimensions = array<i64: 0>}> ({
    ^bb0(%a: tensor<f64>, %b: tensor<f64>):
      %9 = "stablehlo.add"(%a, %b) : (tensor<f64>, tensor<f64>) -> tensor<f64>
      "stablehlo.return"(%9) : (tensor<f64>) -> ()
    }) : (tensor<1xf64>, tensor<f64>) -> tensor<f64>
    "func.return"(%4) : (tensor<f64>) -> ()
  }) {arg_attrs = [{}]} : () -> ()
}) {mhlo.num_partitions = 1 : i32} : () -> ()
`
	m, err := Read(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	r, err := m.Build(graph.New(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := results(r.Outputs, map[string]any{"arg0": []float64{3, 4}})
	if err != nil || got[0].Float64s()[0] != 4 {
		t.Fatal(got, err)
	}
	if pos := r.Outputs[0].Position(); pos.File != "stablehlo" || pos.Line == 0 {
		t.Errorf("the node's position is %v", pos)
	}
}

// FuzzRead reads, and builds, what programs of jax become when bytes of them change. Nothing may panic, take long, or take much memory.
func FuzzRead(f *testing.F) {
	files, err := filepath.Glob("testdata/*.mlir")
	if err != nil || len(files) == 0 {
		f.Fatal(files, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data))
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, err := Read(strings.NewReader(text))
		if err != nil {
			return
		}
		g := graph.New()
		if r, err := m.Build(g, Options{}); err == nil && (g.Err() != nil || len(r.Outputs) == 0) {
			t.Fatalf("%d outputs, %v", len(r.Outputs), g.Err())
		}
	})
}

// TestUncommon reads operations that neither jax's programs beside this file nor Write use, or not in all forms.
func TestUncommon(t *testing.T) {
	for _, c := range []struct {
		params, op, result string
		args               map[string]any
		want               []float64
	}{
		{"%a: tensor<2x2xf64>", "stablehlo.cholesky %a, lower = false", "(tensor<2x2xf64>) -> tensor<2x2xf64>", map[string]any{"a": []float64{4, 2, -9, 5}}, []float64{2, 1, 0, 2}},
		{"%a: tensor<2x2xf64>, %b: tensor<1x2xf64>", `"stablehlo.triangular_solve"(%a, %b) <{left_side = false, lower = true, unit_diagonal = false, transpose_a = #stablehlo<transpose NO_TRANSPOSE>}>`,
			"(tensor<2x2xf64>, tensor<1x2xf64>) -> tensor<1x2xf64>", map[string]any{"a": []float64{2, 9, 1, 4}, "b": []float64{5, 8}}, []float64{1.5, 2}},
		{"%a: tensor<1x2xf64>, %s: tensor<2xf64>", `"stablehlo.batch_norm_inference"(%a, %s, %s, %s, %s) <{epsilon = 7.0e+00 : f32, feature_index = 1 : i64}>`,
			"(tensor<1x2xf64>, tensor<2xf64>, tensor<2xf64>, tensor<2xf64>, tensor<2xf64>) -> tensor<1x2xf64>", map[string]any{"a": []float64{6, 11}, "s": []float64{2, 9}}, []float64{2 + 8./3, 13.5}},
		{"%a: tensor<2xf64>, %s: tensor<2xf64>", `"stablehlo.map"(%a, %s) <{dimensions = array<i64: 0>}> ({
 ^bb0(%p: tensor<f64>, %q: tensor<f64>):
  %m = stablehlo.multiply %p, %q : tensor<f64>
  stablehlo.return %m : tensor<f64>
 })`, "(tensor<2xf64>, tensor<2xf64>) -> tensor<2xf64>", map[string]any{"a": []float64{2, 3}, "s": []float64{4, 5}}, []float64{8, 15}},
		{"%a: tensor<3xf64>", "stablehlo.round_nearest_afz %a", "tensor<3xf64>", map[string]any{"a": []float64{0.5, -2.5, 0.49999999999999994}}, []float64{1, -3, 0}},
	} {
		out := c.result[strings.LastIndex(c.result, "tensor"):]
		m, err := Read(strings.NewReader("func.func @f(" + c.params + ") -> " + out + " {\n %0 = " + c.op + " : " + c.result + "\n return %0 : " + out + "\n}"))
		if err != nil {
			t.Error(err)
			continue
		}
		r, err := m.Build(graph.New(), Options{})
		if err != nil {
			t.Error(err)
			continue
		}
		got, err := results(r.Outputs, c.args)
		if err != nil {
			t.Error(err)
			continue
		}
		for i, v := range got[0].Float64s() {
			if math.Abs(v-c.want[i]) > 1e-12 {
				t.Errorf("%s: %v, expected %v", c.op, got[0].Float64s(), c.want)
				break
			}
		}
	}
}

// TestBatchNormTraining has a mean of 2 and a variance of 1.
func TestBatchNormTraining(t *testing.T) {
	const vector = "tensor<1xf64>"
	m, err := Read(strings.NewReader("func.func @f(%x: tensor<2x1xf64>, %s: " + vector + ", %o: " + vector + ") -> (tensor<2x1xf64>, " + vector + ", " + vector + `) {
  %0:3 = "stablehlo.batch_norm_training"(%x, %s, %o) <{epsilon = 3.0 : f32, feature_index = 1 : i64}> : (tensor<2x1xf64>, ` + vector + ", " + vector + ") -> (tensor<2x1xf64>, " + vector + ", " + vector + `)
  return %0#0, %0#1, %0#2 : tensor<2x1xf64>, ` + vector + ", " + vector + "\n}"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := m.Build(graph.New(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := results(r.Outputs, map[string]any{"x": []float64{1, 3}, "s": []float64{2}, "o": []float64{5}})
	if err != nil {
		t.Fatal(err)
	}
	for k, want := range [][]float64{{4, 6}, {2}, {1}} {
		for i, v := range got[k].Float64s() {
			if math.Abs(v-want[i]) > 1e-12 {
				t.Errorf("result %d is %v, expected %v", k, got[k].Float64s(), want)
			}
		}
	}
}

// TestUnsigned refuses what the bits of a ui64 do not tell.
func TestUnsigned(t *testing.T) {
	text := func(op string) string {
		return "func.func @f(%x: tensor<2xui64>, %z: tensor<2xcomplex<f64>>) -> tensor<2xui64> {\n " + op + "\n return %0 : tensor<2xui64>\n}"
	}
	if err := build(text("%0 = stablehlo.multiply %x, %x : tensor<2xui64>")); err != nil {
		t.Error(err)
	}
	for op, want := range map[string]string{
		"%0 = stablehlo.divide %x, %x : tensor<2xui64>":                                                  "their bits in int64",
		"%0 = stablehlo.maximum %x, %x : tensor<2xui64>":                                                 "their bits in int64",
		"%1 = stablehlo.convert %x : (tensor<2xui64>) -> tensor<2xf64>":                                  "their bits in int64",
		"%1 = stablehlo.compare LT, %x, %x, UNSIGNED : (tensor<2xui64>, tensor<2xui64>) -> tensor<2xi1>": "their bits in int64",
		"%1 = stablehlo.multiply %z, %z : tensor<2xcomplex<f64>>":                                        "pairs of their parts",
		"%1 = stablehlo.constant dense<300> : tensor<2xui8>":                                             "out of range",
	} {
		if err := build(text(op)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", op, err)
		}
	}
}
