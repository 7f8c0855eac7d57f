package point

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/graph"
)

// inputs returns inputs of several types, some with awkward names.
func inputs() []*graph.Node {
	g := graph.New()
	return []*graph.Node{
		g.Input("x", graph.Float64), g.Input("x1", graph.Float64), g.Input("f", graph.Float32), g.Input("n", graph.Int64),
		g.Input("k", graph.Int32), g.Input("ok", graph.Bool), g.Input("w", graph.Float64, 2, 3), g.Input("v", graph.Int32, 3),
		g.Input("a=b,c", graph.Float64), g.Input("layer/w[0]", graph.Float64), g.Input("β", graph.Float64),
	}
}

// show prints a point's elements in the order of the inputs.
func show(p Point, inputs []*graph.Node) string {
	var parts []string
	for _, n := range inputs {
		if p[n] == nil {
			continue
		}
		var values []string
		for _, b := range p[n] {
			values = append(values, fmt.Sprint(graph.FloatOfBits(n.DType(), b)))
		}
		parts = append(parts, n.Name()+":"+strings.Join(values, " "))
	}
	return strings.Join(parts, "; ")
}

func TestParse(t *testing.T) {
	for _, c := range []struct {
		texts []string
		want  string
	}{
		{[]string{"x=3"}, "x:3"},
		{[]string{"x=3,x1=4"}, "x:3; x1:4"},
		{[]string{" x1 = 4 , x=-3e-2, "}, "x:-0.03; x1:4"},
		{[]string{"x=1", "x1=2"}, "x:1; x1:2"},
		{[]string{"x₁=.5"}, "x1:0.5"},
		{[]string{"x=−2"}, "x:-2"},
		{[]string{"x=inf,x1=-Infinity,f=nan"}, "x:+Inf; x1:-Inf; f:NaN"},
		{[]string{"f=0.1"}, "f:0.10000000149011612"},
		{[]string{"n=-9007199254740993,k=-7,ok=true"}, "n:-9.007199254740992e+15; k:-7; ok:1"},
		{[]string{"w=[[1,2,3],[4,5,6]]"}, "w:1 2 3 4 5 6"},
		{[]string{"w=[1, 2, 3, 4, 5, 6],v=[ 7,8 ,9]"}, "w:1 2 3 4 5 6; v:7 8 9"},
		{[]string{"w=[0.5]"}, "w:0.5 0.5 0.5 0.5 0.5 0.5"},
		{[]string{"a=b,c=1,layer/w[0]=2,β=3"}, "a=b,c:1; layer/w[0]:2; β:3"},
		{[]string{""}, ""},
		{nil, ""},
	} {
		in := inputs()
		p, err := Parse(c.texts, in)
		if err != nil {
			t.Errorf("%q: %v", c.texts, err)
			continue
		}
		if got := show(p, in); got != c.want {
			t.Errorf("%q: got %s, want %s", c.texts, got, c.want)
		}
	}
	in := inputs()
	p, err := Parse([]string{"n=-9007199254740993,x=-0"}, in)
	if err != nil || int64(p[in[3]][0]) != -9007199254740993 || p[in[0]][0] != 1<<63 {
		t.Errorf("an int64 or −0 lost bits: %v, %v", p, err)
	}
}

func TestParseErrors(t *testing.T) {
	for _, c := range []struct {
		texts   []string
		message string
		column  int
	}{
		{[]string{"y=1"}, `no input "y"`, 1},
		{[]string{"x=1,"}, "", 0},
		{[]string{",x=1"}, "this has no value", 1},
		{[]string{"x=1,,x1=2"}, "this has no value", 5},
		{[]string{"x"}, "no value", 1},
		{[]string{"x=1,x1"}, "no value", 5},
		{[]string{"x="}, "needs a value: a number", 3},
		{[]string{"ok="}, "needs a value: true or false", 4},
		{[]string{"k="}, "needs a value: an integer", 3},
		{[]string{"w="}, "needs a value: a list for f64[2×3]", 3},
		{[]string{"=1"}, "a name is missing", 1},
		{[]string{"x=1,x=2"}, "x is given twice", 5},
		{[]string{"x1=1", " x₁=2"}, "x1 is given twice", 2},
		{[]string{"x=0x10"}, "not a number", 3},
		{[]string{"x=1_000"}, "not a number", 3},
		{[]string{"x=1.5.2"}, "not a number", 3},
		{[]string{"f=1e39"}, "beyond the range", 3},
		{[]string{"k=2147483648"}, "out of the range", 3},
		{[]string{"n=1.0"}, "not an integer", 3},
		{[]string{"ok=1"}, "neither true nor false", 4},
		{[]string{"w=5"}, "w is a tensor", 3},
		{[]string{"x=[5]"}, "x is a scalar", 3},
		{[]string{"w=[1,2]"}, "6 elements), the list has shape [2]", 3},
		{[]string{"w=[[1,2],[3,4],[5,6]]"}, "the list has shape [3×2]", 3},
		{[]string{"w=[[1,2],3]"}, "a number stands beside lists", 10},
		{[]string{"w=[1,[2]]"}, "a list stands beside numbers", 6},
		{[]string{"w=[[1,2,3],[4]]"}, "a list of 1 beside lists of 3", 12},
		{[]string{"w=[[[1],[2,3]]]"}, "a list of 2 beside lists of 1", 9},
		{[]string{"w=[1 2]"}, "not a number", 4},
		{[]string{"w=[1,2"}, "not closed", 3},
		{[]string{"w=[1]]"}, "a comma is missing", 6},
		{[]string{"w=[,]"}, "a number expected", 4},
		{[]string{"w=[1,]"}, "a number expected", 6},
		{[]string{"w=[[],[]]"}, "an empty list", 4},
		{[]string{"w=" + strings.Repeat("[", 100)}, "nested more than 64 deep", 67},
		{[]string{"x=\xff"}, "not UTF-8", 1},
		{[]string{strings.Repeat("x=1,", maxText)}, "bytes, at most", 1},
		{[]string{"w=no-such-file.npy"}, "no such file", 3},
	} {
		_, err := Parse(c.texts, inputs())
		if c.message == "" {
			if err != nil {
				t.Errorf("%.60q: %v", c.texts, err)
			}
			continue
		}
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%.60q: error %v", c.texts, err)
			continue
		}
		if !strings.Contains(e.Message, c.message) || e.column() != c.column {
			t.Errorf("%.60q: column %d: %s; want %d: %s", c.texts, e.column(), e.Message, c.column, c.message)
		}
		if report := e.Report(); !strings.HasPrefix(report, e.Error()) || !strings.Contains(report, "\n") {
			t.Errorf("%.60q: report %q", c.texts, report)
		}
	}
}

// npyFile returns an .npy file.
func npyFile(version byte, header string, data []byte) []byte {
	b := []byte{0x93, 'N', 'U', 'M', 'P', 'Y', version, 0}
	if version == 1 {
		b = binary.LittleEndian.AppendUint16(b, uint16(len(header)))
	} else {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(header)))
	}
	return append(append(b, header...), data...)
}

func header(descr string, fortran bool, shape string) string {
	order := "False"
	if fortran {
		order = "True"
	}
	return "{'descr': '" + descr + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }          \n"
}

func TestReadNPY(t *testing.T) {
	float := func(order binary.AppendByteOrder, values ...float64) []byte {
		var b []byte
		for _, v := range values {
			b = order.AppendUint64(b, math.Float64bits(v))
		}
		return b
	}
	matrix := graph.Type{DType: graph.Float64, Shape: graph.Shape{2, 3}}
	six := float(binary.LittleEndian, 1, 2, 3, 4, 5, 6)
	for _, c := range []struct {
		name string
		data []byte
		typ  graph.Type
		want string // elements, or the error's text after !
	}{
		{"row-major", npyFile(1, header("<f8", false, "(2, 3)"), six), matrix, "1 2 3 4 5 6"},
		{"version 2", npyFile(2, header("<f8", false, "(2, 3)"), six), matrix, "1 2 3 4 5 6"},
		{"column-major", npyFile(1, header("<f8", true, "(2, 3)"), float(binary.LittleEndian, 1, 4, 2, 5, 3, 6)), matrix, "1 2 3 4 5 6"},
		{"big-endian", npyFile(1, header(">f8", false, "(2, 3)"), float(binary.BigEndian, 1, 2, 3, 4, 5, 6)), matrix, "1 2 3 4 5 6"},
		{"scalar", npyFile(1, header("<f8", false, "()"), six[:8]), graph.Type{DType: graph.Float64}, "1"},
		{"vector", npyFile(1, header("<i4", false, "(2,)"), []byte{1, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff}), graph.Type{DType: graph.Int32, Shape: graph.Shape{2}}, "1 -2"},
		{"bools", npyFile(1, header("|b1", false, "(3,)"), []byte{0, 1, 255}), graph.Type{DType: graph.Bool, Shape: graph.Shape{3}}, "0 1 1"},
		{"shape", npyFile(1, header("<f8", false, "(3, 2)"), six), matrix, "!shape [3×2]"},
		{"dtype", npyFile(1, header("<i8", false, "(2, 3)"), six), matrix, "!the array is int64"},
		{"unknown dtype", npyFile(1, header("<c16", false, "(2, 3)"), six), matrix, "!not supported"},
		{"objects", npyFile(1, header("|O", false, "(2, 3)"), six), matrix, "!not supported"},
		{"records", npyFile(1, "{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (2, 3), }", six), matrix, "!plain array"},
		{"huge shape", npyFile(1, header("<f8", false, "(99999999999999999999,)"), six), matrix, "!malformed"},
		{"short", npyFile(1, header("<f8", false, "(2, 3)"), six[:40]), matrix, "!5 of 6"},
		{"long", npyFile(1, header("<f8", false, "(2, 3)"), append(six, 0)), matrix, "!goes on"},
		{"long header", npyFile(2, strings.Repeat(" ", 1<<16+1), six), matrix, "!the header has"},
		{"cut header", npyFile(1, header("<f8", false, "(2, 3)"), nil)[:30], matrix, "!within its header"},
		{"no header", []byte("\x93NUMPY\x01\x00"), matrix, "!within its header"},
		{"text", []byte("1 2 3 4 5 6\n"), matrix, "!not an .npy file"},
		{"empty", nil, matrix, "!not an .npy file"},
	} {
		values, err := readNPY(bytes.NewReader(c.data), c.typ)
		if message, bad := strings.CutPrefix(c.want, "!"); bad {
			if err == nil || !strings.Contains(err.Error(), message) {
				t.Errorf("%s: error %v, want %s", c.name, err, message)
			}
			continue
		}
		var got []string
		for _, b := range values {
			got = append(got, fmt.Sprint(graph.FloatOfBits(c.typ.DType, b)))
		}
		if err != nil || strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v, %v", c.name, got, err)
		}
	}
}

func TestParseFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "v.npy")
	if err := os.WriteFile(name, npyFile(1, header("<i4", false, "(3,)"), make([]byte, 12)), 0o644); err != nil {
		t.Fatal(err)
	}
	in := inputs()
	p, err := Parse([]string{"x=1, v = " + name + " ,x1=2"}, in)
	if err != nil || show(p, in) != "x:1; x1:2; v:0 0 0" {
		t.Errorf("%s, %v", show(p, in), err)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"x=3,x1=4", "w=[[1,2,3],[4,5,6]]", "v=[7, 8, 9],ok=true", "a=b,c=1", "x₁=−∞", "w=[", "=", "x=1,x=2", "w=[1,[2]]", "\xff"} {
		f.Add(s)
	}
	in := inputs()
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(strings.ToLower(text), ".npy") {
			return // reads files
		}
		p, err := Parse([]string{text}, in)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Report() == "" || e.Message == "" {
				t.Fatalf("error %#v", err)
			}
			if e.Span.Start < 0 || e.Span.End < e.Span.Start {
				t.Fatalf("place %v in %d bytes", e.Span, len(text))
			}
			return
		}
		for n, values := range p {
			if len(values) != n.Shape().Size() {
				t.Fatalf("%d elements for %v", len(values), n.Type())
			}
		}
	})
}

func FuzzReadNPY(f *testing.F) {
	f.Add(npyFile(1, header("<f8", true, "(2, 3)"), make([]byte, 48)))
	f.Add(npyFile(2, header(">f8", false, "(2, 3)"), make([]byte, 47)))
	f.Add([]byte("\x93NUMPY"))
	f.Fuzz(func(t *testing.T, data []byte) {
		values, err := readNPY(bytes.NewReader(data), graph.Type{DType: graph.Float64, Shape: graph.Shape{2, 3}})
		if err == nil && len(values) != 6 {
			t.Fatalf("%d elements", len(values))
		}
	})
}
