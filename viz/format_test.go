package viz

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"image/png"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/awalterschulze/gographviz"

	"github.com/adjoint-go/adjoint/graph"
)

var update = flag.Bool("update", false, "write the golden files anew")

func render(t *testing.T, c drawing, format func(*Picture, io.Writer) error) []byte {
	t.Helper()
	p, err := c.picture()
	if err != nil {
		t.Fatal(c.name, err)
	}
	var b bytes.Buffer
	if err := format(p, &b); err != nil {
		t.Fatal(c.name, err)
	}
	return b.Bytes()
}

func TestGolden(t *testing.T) {
	for mode, name := range map[GradientMode]string{NoGradients: "forward", Overlay: "overlay", Split: "split"} {
		outputs, options := seed(mode)
		for extension, format := range map[string]func(*Picture, io.Writer) error{
			"svg": (*Picture).SVG, "dot": (*Picture).DOT, "json": (*Picture).JSON, "tikz": (*Picture).TikZ} {
			got := render(t, drawing{name: name, outputs: outputs, options: options}, format)
			path := filepath.Join("testdata", name+"."+extension)
			if *update {
				if err := os.WriteFile(path, got, 0o644); err != nil {
					t.Fatal(err)
				}
				continue
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s differs; look at it and run go test -update", path)
			}
		}
	}
}

func TestSVGIsWellFormedAndAccessible(t *testing.T) {
	for _, c := range corpus() {
		for _, outlines := range []bool{false, true} {
			c.options = append(c.options, WithOutlines(outlines))
			data := render(t, c, (*Picture).SVG)
			ids := map[string]bool{}
			var titles, descriptions int
			for d := xml.NewDecoder(bytes.NewReader(data)); ; {
				token, err := d.Token()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(c.name, err)
				}
				e, ok := token.(xml.StartElement)
				if !ok {
					continue
				}
				switch e.Name.Local {
				case "title":
					titles++
				case "desc":
					descriptions++
				}
				for _, a := range e.Attr {
					if a.Name.Local != "id" {
						continue
					}
					if ids[a.Value] {
						t.Errorf("%s: id %q appears twice", c.name, a.Value)
					}
					ids[a.Value] = true
				}
				for _, a := range e.Attr {
					if a.Name.Local == "href" && !ids[strings.TrimPrefix(a.Value, "#")] {
						t.Errorf("%s: nothing has id %q", c.name, a.Value)
					}
				}
			}
			if titles < 2 || descriptions != 1 {
				t.Errorf("%s: %d titles, %d descriptions", c.name, titles, descriptions)
			}
		}
	}
}

func TestEqualGraphsGiveEqualDrawings(t *testing.T) {
	first, second := corpus(), corpus()
	named := map[string]drawing{}
	for _, c := range second {
		named[c.name] = c
	}
	for _, c := range first {
		for _, format := range []func(*Picture, io.Writer) error{(*Picture).SVG, (*Picture).DOT} {
			a, b := render(t, c, format), render(t, named[c.name], format)
			if !bytes.Equal(a, b) {
				t.Errorf("%s: two drawings differ", c.name)
			}
		}
	}
}

func TestPNG(t *testing.T) {
	outputs, options := seed(Overlay)
	small := render(t, drawing{name: "seed", outputs: outputs, options: append(options, WithScale(1))}, (*Picture).PNG)
	large := render(t, drawing{name: "seed", outputs: outputs, options: append(options, WithDPI(192))}, (*Picture).PNG)
	a, err := png.Decode(bytes.NewReader(small))
	if err != nil {
		t.Fatal(err)
	}
	b, err := png.Decode(bytes.NewReader(large))
	if err != nil {
		t.Fatal(err)
	}
	if b.Bounds().Dx() != 2*a.Bounds().Dx() || b.Bounds().Dy() != 2*a.Bounds().Dy() {
		t.Errorf("sizes %v and %v", a.Bounds(), b.Bounds())
	}
	// The colours of inputs, outputs and adjoints are all there.
	found := map[[3]uint32]bool{}
	for y := 0; y < b.Bounds().Dy(); y++ {
		for x := 0; x < b.Bounds().Dx(); x++ {
			r, g, bl, _ := b.At(x, y).RGBA()
			found[[3]uint32{r >> 8, g >> 8, bl >> 8}] = true
		}
	}
	for _, want := range [][3]uint32{{0xDC, 0xEA, 0xF7}, {0xD9, 0xF0, 0xE5}, {0xC2, 0x41, 0x0C}, {0x66, 0x73, 0x7D}, {0xFF, 0xFF, 0xFF}} {
		if !found[want] {
			t.Errorf("no pixel has the colour %x", want)
		}
	}
	// One that would be too large is drawn smaller, and says so.
	p, err := New(outputs, append(options, WithScale(1000))...)
	if err != nil {
		t.Fatal(err)
	}
	warnings, err := p.Warnings("png")
	if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], "too large") {
		t.Errorf("the warnings are %q, %v", warnings, err)
	}
	huge, err := p.Encode("png")
	if err != nil {
		t.Fatal(err)
	}
	if c, err := png.DecodeConfig(bytes.NewReader(huge)); err != nil || c.Width*c.Height > 64_000_000 || c.Width*c.Height < 60_000_000 {
		t.Errorf("a huge image has the size %d×%d, %v", c.Width, c.Height, err)
	}
}

// Formats that embed typefaces warn of characters that these lack; the others take them from the reader's.
func TestMissingGlyphsWarn(t *testing.T) {
	g := graph.New()
	y := graph.Mul(g.Input("权重", graph.Float64), g.Input("מ", graph.Float64))
	p, err := New([]*graph.Node{y}, WithOutlines(true))
	if err != nil {
		t.Fatal(err)
	}
	for format, want := range map[string]int{"png": 1, "pdf": 1, "svg": 1, "html": 0, "dot": 0} {
		list, err := p.Warnings(format)
		if err != nil || len(list) != want || want == 1 && !strings.Contains(list[0], "מ权重") {
			t.Errorf("%s warns %q, %v", format, list, err)
		}
	}
}

// DOT is read back by gographviz's own parser, and by Graphviz where it is
// installed, which must not even warn.
func TestDOTIsAccepted(t *testing.T) {
	program, missing := exec.LookPath("dot")
	for _, c := range corpus() {
		data := render(t, c, (*Picture).DOT)
		if _, err := gographviz.Parse(data); err != nil {
			t.Errorf("%s: gographviz: %v", c.name, err)
		}
		if missing != nil {
			continue
		}
		command := exec.Command(program, "-Tsvg")
		command.Stdin = bytes.NewReader(data)
		var complaints bytes.Buffer
		command.Stderr = &complaints
		out, err := command.Output()
		if err != nil || complaints.Len() > 0 || !bytes.Contains(out, []byte("</svg>")) {
			t.Errorf("%s: dot: %v: %s", c.name, err, complaints.String())
		}
	}
}

func TestJSON(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64, 2, 3)
	y := graph.Sum(graph.Exp(x)).Named("y")
	e := y.Input(0)
	var b bytes.Buffer
	err := JSON(&b, []*graph.Node{y}, WithValues(map[*graph.Node]*Value{
		x: Tensor([]float64{0.1, 1e300, math.NaN(), math.Inf(1), math.Inf(-1), -0.5}, 2, 3), e: Scalar(1.0 / 3)}))
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Nodes []struct {
			ID     int
			Op     string
			Name   string
			Dtype  string
			Shape  []int
			Inputs []int
			Value  any
		}
		Outputs []struct{ ID int }
	}
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err, b.String())
	}
	if len(got.Nodes) != 3 || got.Nodes[0].Op != "input" || got.Nodes[0].Name != "x" || got.Nodes[0].Dtype != "float64" || got.Outputs[0].ID != y.ID() {
		t.Fatalf("%s", b.String())
	}
	rows := got.Nodes[0].Value.([]any)
	first, second := rows[0].([]any), rows[1].([]any)
	if first[0] != 0.1 || first[1] != 1e300 || first[2] != "NaN" || second[0] != "+Inf" || second[1] != "-Inf" || second[2] != -0.5 {
		t.Errorf("values %v", rows)
	}
	if got.Nodes[1].Value != 1.0/3 || got.Nodes[1].Inputs[0] != x.ID() {
		t.Errorf("%+v", got.Nodes[1])
	}
}

func TestMistakes(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64)
	bad := graph.Add(x, graph.New().Const(1))
	for name, outputs := range map[string][]*graph.Node{"none": nil, "invalid": {bad}, "nil": {nil}} {
		if err := SVG(io.Discard, outputs); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := SVG(io.Discard, scalars(50), WithMaxNodes(10)); err == nil || !strings.Contains(err.Error(), "WithMaxNodes") {
		t.Errorf("too many nodes gave %v", err)
	}
	if _, err := NewFromModel(&Model{Nodes: []Node{{Op: "neg", Inputs: []int{0}}}}); err == nil {
		t.Error("a node that is its own operand is accepted")
	}
	if err := SVG(failing{}, []*graph.Node{x}); !errors.Is(err, errFull) {
		t.Errorf("a failing writer gave %v", err)
	}
}

var errFull = errors.New("full")

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errFull }
