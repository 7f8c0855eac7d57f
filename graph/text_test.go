package graph

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// everyKind returns outputs of a graph that has every feature of the text form.
func everyKind() []*Node {
	g := New()
	x := g.Input("x₁", Float64)
	g.Input("unused", Bool, 2)
	w := g.Input("w\\#[0]", Float32, 3, 4)
	var y *Node
	g.Scope("layer1", func() {
		y = Mul(Sin(x), Add(x, g.Const(0.1))).Named("y")
		g.Scope("α", func() { y = Add(y, g.Const(math.Copysign(0, -1))) })
	})
	Sin(x).Named("a").Named("also_a")
	twin := Sin(x).Twin().Named("b")
	special := Constant(g, []float64{math.NaN(), math.Inf(1), math.Inf(-1), math.Float64frombits(0xfff8000000000000), 5e-324, 1e300}, 2, 3)
	half := Constant(g, []float32{0.1, 1, -2.5}, 3, 1)
	mask := Constant(g, []bool{true, false}, 2)
	big := Constant(g, []int64{math.MinInt64, 0, 7}, 3)
	small := Constant(g, []int32{-3}, 1)
	s := reduce(opReduceSum, Mul(w, half), []int{1}, true)
	return []*Node{y, s, twin, special, mask, big, small, x, twin, Reshape(Slice(w, Range{0, 2, 1}), -1), Cast(big, Float32)}
}

func format(t testing.TB, outputs ...*Node) string {
	t.Helper()
	var b bytes.Buffer
	if err := Format(&b, outputs...); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// sameStructure reports how the graphs behind two lists of outputs differ, "" if they do not.
func sameStructure(a, b []*Node) string {
	if len(a) != len(b) {
		return fmt.Sprintf("%d and %d outputs", len(a), len(b))
	}
	ga, gb := a[0].g, b[0].g
	if len(ga.inputs) != len(gb.inputs) {
		return fmt.Sprintf("%d and %d inputs", len(ga.inputs), len(gb.inputs))
	}
	ab, ba := map[*Node]*Node{}, map[*Node]*Node{}
	var same func(x, y *Node) string
	same = func(x, y *Node) string {
		if ab[x] != nil || ba[y] != nil {
			if ab[x] != y || ba[y] != x {
				return fmt.Sprintf("%v and %v are shared differently", x, y)
			}
			return ""
		}
		ab[x], ba[y] = y, x
		switch {
		case x.Op() != y.Op() || len(x.Inputs()) != len(y.Inputs()) || x.Name() != y.Name() || x.ScopePath() != y.ScopePath():
			return fmt.Sprintf("%v and %v differ in operator, arity, name or scope", x, y)
		case !x.Type().Equal(y.Type()) || len(x.Results()) != len(y.Results()) || !x.Attrs().Equal(y.Attrs()) || !bytes.Equal(x.Literal().Bytes(), y.Literal().Bytes()):
			return fmt.Sprintf("%v and %v differ in type, attributes or value", x, y)
		}
		for i := range x.Inputs() {
			if d := same(x.Input(i), y.Input(i)); d != "" {
				return d
			}
		}
		return ""
	}
	for i := range ga.inputs {
		if d := same(ga.inputs[i], gb.inputs[i]); d != "" {
			return "input: " + d
		}
	}
	for i := range a {
		if d := same(a[i], b[i]); d != "" {
			return d
		}
	}
	return ""
}

// checkRoundTrip prints, parses and prints again.
func checkRoundTrip(t testing.TB, outputs ...*Node) {
	t.Helper()
	text := format(t, outputs...)
	_, back, err := Parse([]byte(text), "round.cg")
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if d := sameStructure(outputs, back); d != "" {
		t.Fatalf("%s\n%s", d, text)
	}
	if again := format(t, back...); again != text {
		t.Fatalf("printed\n%s\nparsed and printed again\n%s", text, again)
	}
}

func TestFormatGolden(t *testing.T) {
	outputs := everyKind()
	text := format(t, outputs...)
	path := filepath.Join("testdata", "every_kind.cg")
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if text != string(want) {
		t.Errorf("got\n%swant\n%s", text, want)
	}
	checkRoundTrip(t, outputs...)
}

// TestRoundTripOperators prints and parses each operator's samples, with their derivatives' operators where
// those are made by the operator itself.
func TestRoundTripOperators(t *testing.T) {
	done := 0
	for _, op := range Ops() {
		for k, s := range op.Samples {
			g := New()
			in := make([]*Node, len(s.In))
			for i, v := range s.In {
				in[i] = g.Input(fmt.Sprintf("x%d", i), v.Type.DType, v.Type.Shape...)
			}
			var n *Node
			if s.Build != nil {
				n = s.Build(in)
			} else {
				n = g.Apply(op, in, s.Attrs)
			}
			if !n.Valid() {
				continue // samples of operators with prepared operands belong to the universal test
			}
			outputs := []*Node{n}
			if r := n.Results(); r != nil {
				outputs = outputs[:0]
				for i := range r {
					outputs = append(outputs, Result(n, i))
				}
			}
			t.Run(fmt.Sprintf("%s/%d", op.Name, k), func(t *testing.T) { checkRoundTrip(t, outputs...) })
			done++
		}
	}
	if done < 100 {
		t.Errorf("only %d samples", done)
	}
}

// TestFormatKeepsOrder builds one graph with and without nodes that the outputs do not depend on, and in another order.
func TestFormatKeepsOrder(t *testing.T) {
	build := func(more, swap bool) string {
		g := New()
		x := g.Input("x", Float64)
		if more {
			Exp(x)
		}
		var a, b *Node
		if swap {
			b, a = Cos(x), Sin(x)
		} else {
			a, b = Sin(x), Cos(x)
		}
		return format(t, Add(a, b), b)
	}
	if a, b := build(false, false), build(true, false); a != b {
		t.Errorf("%s\n%s", a, b)
	}
	if a, b := build(false, false), build(false, true); a == b {
		t.Errorf("in both orders it is\n%s", a)
	}
}

func TestParsePositions(t *testing.T) {
	g, out, err := Parse([]byte("adjoint graph 1\n\n%0 \"x\" = input : f64\n%7 = sin %0 # no type\noutput %7\n"), "dir/a.cg")
	if err != nil {
		t.Fatal(err)
	}
	if p := out[0].Position(); p != (Position{"dir/a.cg", 4, 6}) || p.String() != "dir/a.cg:4:6" {
		t.Errorf("position %v", p)
	}
	// The graph can be built on, with the caller's lines.
	y := Add(out[0], g.Lookup("x"))
	if p := y.Position(); !strings.HasSuffix(p.File, "text_test.go") || p.Column != 0 {
		t.Errorf("position %v", p)
	}
}

func TestFormatErrors(t *testing.T) {
	g := New()
	x := g.Input("x", Float64)
	h := New()
	h.SetScope("a\"b")
	y := h.Input("y", Float64)
	for _, c := range []struct {
		outputs []*Node
		want    string
	}{
		{nil, "no outputs"},
		{[]*Node{nil}, "output 0 is invalid"},
		{[]*Node{x, y}, "output 1 belongs to another graph"},
		{[]*Node{y}, "has a space, quote"},
	} {
		if err := Format(&bytes.Buffer{}, c.outputs...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	const head = "adjoint graph 1\n%0 \"x\" = input : f64[2]\n%1 = const 1 : f32\n"
	for _, c := range []struct{ text, want string }{
		{"", "f.cg:1:1: the text is empty"},
		{"\n# only\n", "f.cg:2:1: the text is empty"},
		{"digraph {}", "f.cg:1:1: not the text form of a graph"},
		{"adjoint graph 2\nwhatever", "f.cg:1:15: version 2 of the format is not known"},
		{"adjoint graph 1 x", "f.cg:1:17: expected the end of the line, found \"x\""},
		{head, "there is no output line"},
		{head + "output %3", "f.cg:4:8: %3 is not defined on a line above"},
		{head + "output 0", `f.cg:4:8: expected "%", found "0"`},
		{head + "output %0 %1", "f.cg:4:11: expected the end"},
		{head + "foo", "f.cg:4:1: expected a node"},
		{head + "%2 = snh %0\noutput %2", "f.cg:4:6: no operator is named \"snh\": did you mean "},
		{head + "%2 = sin %0, %0\noutput %2", "f.cg:4:6: sin: takes 1 operand, not 2"},
		{head + "%2 = add %0, %1\noutput %2", "f.cg:4:6: add: operands are float64 and float32"},
		{head + "%2 = sin %0,\noutput %2", "f.cg:4:13: sin: expected \"%\", found the end of the line"},
		{head + "%2 = sin %0 : f64[3]\noutput %2", "f.cg:4:15: sin: the type is stated as f64[3], but the operator gives f64[2]"},
		{head + "%2 = sin %0 : (f64[2])\noutput %2", "stated as (f64[2])"},
		{head + "%0 = sin %1\noutput %0", "f.cg:4:1: %0 is defined on line 2 already"},
		{head + "%02 = sin %1", "has a leading zero"},
		{head + "%99999999999999999999999 = sin %1", "f.cg:4:2: the node's number is above 2147483647"},
		{head + "%2 = sin %3\n%3 = sin %0\noutput %2", "f.cg:4:10: sin: %3 is not defined"},
		{head + "%2 \"x\" = sin %0", "f.cg:4:4: the name \"x\" is taken by the node on line 2"},
		{head + "%2 \"a b\" = sin %0", "f.cg:4:4: the name \"a b\" has a space"},
		{head + "%2 \"\" = sin %0", "may not be empty"},
		{head + "%2 \"a = sin %0", "f.cg:4:4: the quote of the name is not closed"},
		{head + "%2 = input : f64", "f.cg:4:6: input: an input needs a name"},
		{head + "%2 \"y\" = input : f16", "f.cg:4:18: input: no dtype is named \"f16\""},
		{head + "%2 \"y\" = input", "expected \":\", found the end of the line"},
		{head + "%2 \"y\" = input : f64[1000000,1000000,1000000]", fmt.Sprintf("more than %d elements", MaxElements)},
		{head + "%2 \"y\" = input : f64[18446744073709551616]", "f.cg:4:22: input: the extent is above"},
		{head + "%2 \"y\" = input : f64[2", "expected \"]\""},
		{head + "%2 = const 1e400 : f64", "f.cg:4:12: const: 1e400 is beyond the range of float64"},
		{head + "%2 = const 1.5 : i32", "f.cg:4:12: const: \"1.5\" is not an integer"},
		{head + "%2 = const 0x10 : f64", "is not a number"},
		{head + "%2 = const [1 2 : f64[2]", "f.cg:4:17: const: expected \"]\", found \":\""},
		{head + "%2 = const [1 2] : f64[3]", "f.cg:4:16: const: 2 elements for f64[3], which has 3"},
		{head + "%2 = const [1 2] : f64[1]", "f.cg:4:15: const: more than the 1 elements"},
		{head + "%2 = const [1] : f64[1099511627776]", "1 elements for f64[1099511627776]"},
		{head + "%2 = const 1", "expected \":\""},
		{head + "%2 = const 1 2 : f64", "more than the 1 elements"},
		{head + "%2 = const " + strings.Repeat("1", 5000) + " : f64", "a number of 5000 characters"},
		{head + "%2 = reduce_sum %0 {axes=0, keepdims=false}", "f.cg:4:21: reduce_sum: attribute axes is an integer, needs a list of integers"},
		{head + "%2 = reduce_sum %0 {axes=floats[], keepdims=false}", "attribute axes is a list of floats"},
		{head + "%2 = reduce_sum %0 {axis=[0]}", "the operator has no attribute axis: did you mean axes?"},
		{head + "%2 = reduce_sum %0 {axes=[0]}", "f.cg:4:6: reduce_sum: attribute keepdims is missing"},
		{head + "%2 = reduce_sum %0 {axes=[9], keepdims=false}", "f.cg:4:6: reduce_sum: axes [9] do not ascend"},
		{head + "%2 = reduce_sum %0 {keepdims=false, axes=[0]}", "not in alphabetical order"},
		{head + "%2 = sin %0 in \"a//b\"", "a name may not be empty"},
		{head + "%2 = sin %0 in a", "expected the scope in double quotes"},
		{head + "%2 = sin %0 \xff", "f.cg:4:1: the line is not valid UTF-8"},
	} {
		g, out, err := Parse([]byte(c.text), "f.cg")
		if err == nil || !strings.Contains(err.Error(), c.want) || g != nil || out != nil {
			t.Errorf("%q:\n  got  %v\n  want %s", c.text, err, c.want)
		}
		var e *Error
		if err != nil && !errors.As(err, &e) {
			t.Errorf("%q: %v is not an *Error", c.text, err)
		}
	}
}

// TestParseCollects reports several mistakes at once, and none for uses of a node that is wrong itself.
func TestParseCollects(t *testing.T) {
	_, _, err := Parse([]byte("adjoint graph 1\n%0 = sqart\n%1 = sin %0\n%2 = cos %1\n%3 \"a\" = input : f65\noutput %2\noutput %9\n"), "")
	want := "text:2:6: no operator is named \"sqart\": did you mean sqrt?\n" +
		"text:5:18: input: no dtype is named \"f65\": they are f64, f32, i64, i32 and bool\n" +
		"text:7:8: %9 is not defined on a line above"
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	for n, want := range map[int]string{20: "expected a node, such as %0, or output", 21: "1 more error", 22: "2 more errors", 500: "480 more errors"} {
		for _, line := range []string{"?\n", "%0 = sqart\n", "%0 = const 1 : f65\n"} {
			_, _, err = Parse([]byte("adjoint graph 1\n"+strings.Repeat(line, n)), "")
			lines := strings.Split(err.Error(), "\n")
			if last := lines[len(lines)-1]; len(lines) != min(n, maxErrors+1) || n > maxErrors && last != want {
				t.Errorf("%d mistakes: %d lines of errors, the last %q", n, len(lines), last)
			}
		}
	}
}

// TestParseLong checks that time and memory stay in proportion on long hostile lines.
func TestParseLong(t *testing.T) {
	for _, text := range []string{
		"adjoint graph 1\n%0 = const [" + strings.Repeat("1 ", 200000) + "] : f64[3]",
		"adjoint graph 1\n%0 \"x\" = input : f64[" + strings.Repeat("1,", 200000) + "0]",
		"adjoint graph 1\n%0 = const 1 : f64\n%1 = concat " + strings.Repeat("%0,", 200000) + "%0 {axis=0}",
		"adjoint graph 1\n" + strings.Repeat("{", 500000),
		"adjoint graph 1\n%0 = " + strings.Repeat("a", 500000),
	} {
		if _, _, err := Parse([]byte(text), ""); err == nil || len(err.Error()) > 2000 {
			t.Errorf("error %.200v of %.40q", err, text)
		}
	}
}

func FuzzParse(f *testing.F) {
	var b bytes.Buffer
	if err := Format(&b, everyKind()...); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	for _, op := range Ops() {
		for _, s := range op.Samples {
			g := New()
			in := make([]*Node, len(s.In))
			for i, v := range s.In {
				in[i] = g.Input(fmt.Sprintf("x%d", i), v.Type.DType, v.Type.Shape...)
			}
			n := (*Node)(nil)
			if s.Build != nil {
				n = s.Build(in)
			} else {
				n = g.Apply(op, in, s.Attrs)
			}
			if n.Results() != nil {
				n = Result(n, 0)
			}
			b.Reset()
			if Format(&b, n) == nil {
				f.Add(bytes.Clone(b.Bytes()))
			}
		}
	}
	f.Add([]byte(loopText))
	f.Add([]byte("adjoint graph 1\n%0 = iota {axis=0, dtype=\"i64\", shape=[4]}\noutput %0 # comment\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		_, out, err := Parse(text, "fuzz.cg")
		if err != nil {
			if strings.Contains(err.Error(), "internal error") {
				t.Fatal(err)
			}
			return
		}
		checkRoundTrip(t, out...)
	})
}
