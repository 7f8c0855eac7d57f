package command

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"flag"
	"fmt"
	"image/png"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// result is what one run of the command leaves.
type result struct {
	status   int
	out, err string
}

// run runs cgviz with captured streams.
func run(stdin string, args ...string) result {
	var out, errs bytes.Buffer
	status := Main(args, Streams{In: strings.NewReader(stdin), Out: &out, Err: &errs})
	return result{status, out.String(), errs.String()}
}

// golden compares with a file of testdata, or rewrites it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (run with -update after a look):\n%s", path, firstDifference(string(want), got))
	}
}

func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range w {
		if i >= len(g) || w[i] != g[i] {
			return fmt.Sprintf("line %d\nwant %s\ngot  %s", i+1, w[i], strings.Join(g[min(i, len(g)):min(i+1, len(g))], ""))
		}
	}
	return fmt.Sprintf("line %d: %s", len(w)+1, g[len(w)])
}

// shell returns the command line as one would type it.
func shell(args []string) string {
	line := "$ cgviz"
	for _, a := range args {
		if a == "" || strings.ContainsAny(a, " ;*()^'<>&|$#[]{}\n") {
			a = "'" + a + "'"
		}
		line += " " + a
	}
	return line
}

const seed = "z = x1^2 + x2^2 + x1*x2"

type document struct {
	Nodes []struct {
		ID             int
		Op, Name       string
		DType          string
		Shape, Inputs  []int
		Value, Adjoint any
		Gradient       bool
	}
	Outputs []struct {
		ID           int
		Name, Of, By string
		Value        any
	}
}

func parse(t *testing.T, r result) document {
	t.Helper()
	if r.status != 0 || r.err != "" {
		t.Fatalf("status %d, stderr %s", r.status, r.err)
	}
	var d document
	if err := json.Unmarshal([]byte(r.out), &d); err != nil {
		t.Fatalf("%v in %s", err, r.out)
	}
	return d
}

// TestJSON checks documents as a whole: the fields, their order and all digits.
func TestJSON(t *testing.T) {
	cg := graphFile(t, everyType)
	for i, args := range [][]string{
		{"-T", "json", "--at", "x1=3,x2=4", "--grad", "overlay", seed},
		{"-T", "json", seed},
		{"-T", "json", "--at", "x1=3", "--at", "x2=4", "--wrt", "x2", "--grad", "overlay", seed},
		{"-T", "json", "--at", "x1=3,x2=4", "--grad", "split", seed},
		{"-T", "json", "--at", "x1=1,x2=2,x3=3", "--grad", "overlay", "sin(x1+x2)+x2^2*x3"},
		{"-T", "json", "2 + 3"},
		{"-T", "json", "--at", "x=0", "a = 1/x; b = -1/x; c = 0/x; d = x > 1; s = -x"},
		{"-T", "json", "--at", "x₁=1", "a = x₁\nb = 2a"},
		{"-T", "json", "--at", "x=[[1,2,3],[4,5,6]],f=0.5,n=-3,ok=true,i=[7,8]", "--grad", "overlay", cg},
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			r := run("", args...)
			parse(t, r)
			text := strings.ReplaceAll(r.out, filepath.ToSlash(cg), "FILE.cg")
			golden(t, fmt.Sprintf("json%d.golden", i), strings.ReplaceAll(shell(args), cg, "FILE.cg")+"\n"+text)
		})
	}
}

const everyType = `adjoint graph 1
%0 "x" = input : f64[2,3]
%1 "f" = input : f32
%2 "n" = input : i64
%3 "ok" = input : bool
%4 "i" = input : i32[2]
%5 "unused" = input : f64[9]
%6 = const 2 : f64
%7 = mul %0, %6 : f64[2,3] in "layer"
%8 "loss" = reduce_sum %7 {axes=[0 1], keepdims=false} : f64
%9 "g" = square %1 : f32
%10 = neg %2 : i64
%11 = logical_not %3 : bool
%12 = add %4, %4 : i32[2]
output %8
output %9
output %10
output %11
output %12
`

// graphFile writes a .cg file and returns its name.
func graphFile(t testing.TB, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "graph.cg")
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestNumbers checks values and gradients against published ones.
func TestNumbers(t *testing.T) {
	for _, c := range []struct {
		at, expression string
		value          float64
		gradient       map[string]float64
	}{
		{"x1=3,x2=4", seed, 37, map[string]float64{"x1": 10, "x2": 11}},
		// K. Xu and E. Darve, ADCME documentation, "Inverse Modeling": the gradient of sin(x1+x2) + x2²x3 at (1, 2, 3).
		{"x1=1,x2=2,x3=3", "sin(x1+x2)+x2^2*x3", math.Sin(3) + 12, map[string]float64{"x1": math.Cos(3), "x2": math.Cos(3) + 12, "x3": 4}},
		{"x1=1,x2=2,x3=3", "sin(x1+x2)+x2^2*x3", 12.141120008, map[string]float64{"x1": -0.9899924966, "x2": 11.0100075034, "x3": 4}},
	} {
		d := parse(t, run("", "-T", "json", "--at", c.at, "--grad", "overlay", c.expression))
		near := func(what string, got any, want float64) {
			if x, ok := got.(float64); !ok || math.Abs(x-want) > 1e-10*max(1, math.Abs(want)) {
				t.Errorf("%s: %s is %v, want %v", c.expression, what, got, want)
			}
		}
		near("the value", d.Outputs[0].Value, c.value)
		found := 0
		for _, n := range d.Nodes {
			if want, ok := c.gradient[n.Name]; ok {
				near("∂/∂"+n.Name, n.Adjoint, want)
				found++
			}
		}
		if found != len(c.gradient) {
			t.Errorf("%s: %d of %d inputs found", c.expression, found, len(c.gradient))
		}
		// The other form of the gradient has the same values.
		d = parse(t, run("", "-T", "json", "--at", c.at, "--grad", "split", c.expression))
		for _, o := range d.Outputs {
			if o.By != "" {
				near("∂"+o.Of+"/∂"+o.By, o.Value, c.gradient[o.By])
			}
		}
	}
}

// TestIntermediate differentiates by a node that is no input.
func TestIntermediate(t *testing.T) {
	const expression = "u = 3x; z = u^2 + x"
	d := parse(t, run("", "-T", "json", "--at", "x=2", "--grad", "overlay", "--wrt", "u", expression))
	for _, n := range d.Nodes {
		want, checked := map[string]any{"u": 12.0, "x": nil}[n.Name]
		if checked && n.Adjoint != want {
			t.Errorf("the adjoint of %s is %v, want %v", n.Name, n.Adjoint, want)
		}
	}
	d = parse(t, run("", "-T", "json", "--at", "x=2", "--grad", "split", "--wrt", "u", expression))
	if o := d.Outputs[len(d.Outputs)-1]; o.By != "u" || o.Value != 12.0 {
		t.Errorf("%+v", o)
	}
}

// TestOverlayTotal checks adjoints where a node reaches the output on several ways, and that
// partials are local all the same.
func TestOverlayTotal(t *testing.T) {
	// b depends on a; the product's local partial by a is b alone.
	r := run("", "-T", "dot", "--at", "x=2", "--grad", "overlay", "a = 3x; b = a^2; z = a*b")
	if r.status != 0 {
		t.Fatal(r.err)
	}
	for _, text := range []string{"= 36", "= 6", "= 12", "= 108", "= 324"} {
		if !strings.Contains(r.out, text) {
			t.Errorf("no label %q in\n%s", text, r.out)
		}
	}
}

func TestFormats(t *testing.T) {
	dir := t.TempDir()
	for _, grad := range []string{"none", "overlay", "split"} {
		for _, extension := range []string{"svg", "png", "dot", "gv", "json", "pdf", "html", "htm", "mmd", "mermaid", "txt", "SVG", "tikz", "tex"} {
			name := filepath.Join(dir, grad+"."+extension)
			r := run("", "-o", name, "--grad", grad, "--at", "x1=2,x2=3", seed)
			if r.status != 0 || r.err != "" || r.out != "" {
				t.Fatalf("%s: status %d, out %q, stderr %s", name, r.status, r.out, r.err)
			}
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			checkFormat(t, name, strings.ToLower(extension), data)
			short := map[string]string{"SVG": "svg", "gv": "dot", "htm": "html", "mmd": "mermaid", "txt": "text", "tex": "latex"}[extension]
			if short == "" {
				short = extension
			}
			r = run("", "-T", short, "--grad", grad, "--at", "x1=2,x2=3", seed)
			if r.out != string(data) {
				t.Errorf("%s: standard output differs from the file", name)
			}
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 42 {
		t.Errorf("%d files, %v", len(entries), err)
	}
	if r := run("", seed); !strings.Contains(r.out, "<svg") {
		t.Errorf("the default format is not SVG: %.80s", r.out)
	}
	name := filepath.Join(dir, "plain")
	if r := run("", "-o", name, seed); r.status != 0 {
		t.Error(r.err)
	} else if data, err := os.ReadFile(name); err != nil || !bytes.Contains(data, []byte("<svg")) {
		t.Errorf("the format of a file without extension is not SVG: %v", err)
	}
}

func checkFormat(t *testing.T, name, format string, data []byte) {
	t.Helper()
	switch format {
	case "svg":
		d := xml.NewDecoder(bytes.NewReader(data))
		for {
			if _, err := d.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Errorf("%s: %v", name, err)
				break
			}
		}
	case "png":
		picture, err := png.Decode(bytes.NewReader(data))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if b := picture.Bounds(); b.Dx() < 200 || b.Dy() < 100 {
			t.Errorf("%s is %v", name, b)
		}
	case "json":
		if !json.Valid(data) {
			t.Errorf("%s is not JSON", name)
		}
	case "pdf":
		if !bytes.HasPrefix(data, []byte("%PDF-")) || !bytes.Contains(data[len(data)-20:], []byte("%%EOF")) {
			t.Errorf("%s is not PDF", name)
		}
	case "html", "htm":
		if !bytes.Contains(data, []byte("<svg")) || !bytes.HasSuffix(bytes.TrimSpace(data), []byte("</html>")) {
			t.Errorf("%s is not HTML with a drawing", name)
		}
	case "tikz", "tex":
		if !bytes.Contains(data, []byte(`\begin{tikzpicture}`)) || bytes.Contains(data, []byte(`\begin{document}`)) != (format == "tex") {
			t.Errorf("%s holds no tikzpicture, or no document where it should", name)
		}
	case "mmd", "mermaid":
		if !bytes.Contains(data, []byte("flowchart")) {
			t.Errorf("%s holds no flowchart", name)
		}
	case "txt":
		if !bytes.Contains(data, []byte("x₁²")) {
			t.Errorf("%s shows no square", name)
		}
	case "dot", "gv":
		if !bytes.HasPrefix(bytes.TrimSpace(data), []byte("digraph")) {
			t.Errorf("%s begins with %.20q", name, data)
		}
	}
}

// TestGraphviz feeds the DOT text to Graphviz, which must accept it without a warning.
func TestGraphviz(t *testing.T) {
	dot, err := exec.LookPath("dot")
	if err != nil {
		t.Skip("Graphviz is not installed")
	}
	for _, args := range [][]string{
		{"--grad", "overlay", "--at", "x1=2,x2=3", seed},
		{"--grad", "split", "--at", "x1=1,x2=2,x3=3", "--rankdir", "TB", "sin(x1+x2)+x2^2*x3"},
		{"where(x>0 && !(y<=1), max(x,y), atan2(y,x))"},
		{"--grad", "overlay", graphFile(t, everyType)},
	} {
		r := run("", append([]string{"-T", "dot"}, args...)...)
		if r.status != 0 {
			t.Fatal(r.err)
		}
		cmd := exec.Command(dot, "-Tsvg")
		cmd.Stdin = strings.NewReader(r.out)
		var errs, out bytes.Buffer
		cmd.Stderr, cmd.Stdout = &errs, &out
		if err := cmd.Run(); err != nil || errs.Len() > 0 || !strings.Contains(out.String(), "</svg>") {
			t.Errorf("%v: dot: %v %s", args, err, errs.String())
		}
	}
}

// TestDirections checks that --rankdir turns the picture.
func TestDirections(t *testing.T) {
	extents := func(direction string) (dx, dy int) {
		r := run("", "-T", "png", "--rankdir", direction, "sin(cos(exp(tanh(x))))")
		config, err := png.DecodeConfig(strings.NewReader(r.out))
		if err != nil {
			t.Fatal(direction, err, r.err)
		}
		return config.Width, config.Height
	}
	for _, direction := range []string{"LR", "RL", "lr"} {
		if dx, dy := extents(direction); dx < 2*dy {
			t.Errorf("%s gives %d×%d", direction, dx, dy)
		}
	}
	for _, direction := range []string{"TB", "BT"} {
		if dx, dy := extents(direction); dy < 2*dx {
			t.Errorf("%s gives %d×%d", direction, dx, dy)
		}
	}
}

func TestStandardInput(t *testing.T) {
	d := parse(t, run("u = x*y # a comment\nz = sin(u)\n", "-T", "json", "-"))
	if len(d.Nodes) != 4 || d.Outputs[0].Name != "z" {
		t.Errorf("expression: %+v", d)
	}
	d = parse(t, run("# a comment\n\n"+everyType, "-T", "json", "-"))
	if len(d.Outputs) != 5 || d.Outputs[0].Name != "loss" {
		t.Errorf("graph: %+v", d.Outputs)
	}
}

func TestArrayFiles(t *testing.T) {
	dir := t.TempDir()
	array := func(name, header string, data ...byte) string {
		name = filepath.Join(dir, name)
		text := append([]byte("\x93NUMPY\x01\x00"), byte(len(header)), byte(len(header)>>8))
		if err := os.WriteFile(name, append(append(text, header...), data...), 0o644); err != nil {
			t.Fatal(err)
		}
		return name
	}
	i := array("i.npy", "{'descr': '<i4', 'fortran_order': False, 'shape': (2,), }\n", 7, 0, 0, 0, 0xff, 0xff, 0xff, 0xff)
	x := array("x.npy", "{'descr': '|b1', 'fortran_order': False, 'shape': (2,), }\n", 1, 0)
	cg := graphFile(t, everyType)
	d := parse(t, run("", "-T", "json", "--at", "x=[1],f=1,n=1,ok=false,i="+i, cg))
	for _, o := range d.Outputs {
		if o.ID == 12 && fmt.Sprint(o.Value) != "[14 -2]" {
			t.Errorf("i + i is %v", o.Value)
		}
		if o.Name == "loss" && o.Value != 12.0 {
			t.Errorf("the sum of 6 elements 2·1 is %v", o.Value)
		}
	}
	r := run("", "-T", "json", "--at", "x=[1],f=1,n=1,ok=false,i="+x, cg)
	if r.status != 1 || !strings.Contains(r.err, "the array is bool, the input is i32[2]") {
		t.Errorf("status %d: %s", r.status, r.err)
	}
}

// TestLarge runs all steps on a graph of 20000 nodes; only drawings have a limit.
func TestLarge(t *testing.T) {
	var text strings.Builder
	text.WriteString("adjoint graph 1\n%0 \"x\" = input : f64\n")
	const n = 20000
	for i := 1; i < n; i++ {
		fmt.Fprintf(&text, "%%%d = sin %%%d\n", i, i-1)
	}
	fmt.Fprintf(&text, "output %%%d\n", n-1)
	cg := graphFile(t, text.String())
	d := parse(t, run("", "-T", "json", "--max-nodes", "10", "--at", "x=1", "--grad", "overlay", cg))
	if len(d.Nodes) != n || d.Nodes[n-1].Adjoint != 1.0 {
		t.Errorf("%d nodes, the last is %+v", len(d.Nodes), d.Nodes[len(d.Nodes)-1])
	}
	if d := parse(t, run("", "-T", "json", "--max-nodes", "10", "--opt", "after", cg)); len(d.Nodes) != n {
		t.Errorf("%d nodes in the program", len(d.Nodes))
	}
	r := run("", "-T", "svg", "--max-nodes", "300", cg)
	if r.status != 0 || !strings.HasPrefix(r.err, "warning: ") || !strings.Contains(r.err, "runs of up to 68") {
		t.Errorf("status %d: %s", r.status, r.err)
	}
	if boxes := strings.Count(r.out, "68 nodes"); boxes < 250 || boxes > 700 {
		t.Errorf("%d boxes", boxes)
	}
}
