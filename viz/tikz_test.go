package viz

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/graph"
)

// Every character of every operator's symbol, and of those that drawings compose, has a command of TeX.
func TestTikZKnowsAllSymbols(t *testing.T) {
	m := &Model{Nodes: []Node{{Op: "input", Name: "x", Value: Scalar(-1e-30)}}}
	for _, op := range graph.Ops() {
		m.Nodes = append(m.Nodes, Node{ID: len(m.Nodes), Op: op.Name, Inputs: []int{0}, Type: "f32[8×16]"})
	}
	for name := range greek {
		m.Nodes = append(m.Nodes, Node{ID: len(m.Nodes), Op: "input", Name: name})
	}
	m.Outputs = []Output{{Node: len(m.Nodes) - 1}}
	p, err := NewFromModel(m, WithGradients(Overlay))
	if err != nil {
		t.Fatal(err)
	}
	if warnings, err := p.Warnings("tikz"); err != nil || len(warnings) > 0 {
		t.Errorf("warnings %q, %v", warnings, err)
	}
	for _, format := range []string{"tikz", "latex"} {
		g := graph.New()
		p, err := New([]*graph.Node{g.Input("权", graph.Float64)})
		if err != nil {
			t.Fatal(err)
		}
		if warnings, err := p.Warnings(format); err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], "权") {
			t.Errorf("%s: warnings %q, %v", format, warnings, err)
		}
	}
}

// A document holds the picture that stands alone in the other format.
func TestTikZInDocument(t *testing.T) {
	outputs, options := seed(Overlay)
	var picture, document bytes.Buffer
	if err := TikZ(&picture, outputs, options...); err != nil {
		t.Fatal(err)
	}
	if err := LaTeX(&document, outputs, options...); err != nil {
		t.Fatal(err)
	}
	if _, after, found := strings.Cut(document.String(), "\\begin{document}\n"); !found || after != picture.String()+"\\end{document}\n" {
		t.Errorf("the document is\n%s", document.String())
	}
}

// Where the braces of a picture close, whatever its names hold, no name has left its formula.
func TestTikZEscapes(t *testing.T) {
	for _, c := range corpus() {
		depth := 0
		for _, line := range strings.Split(string(render(t, c, (*Picture).LaTeX)), "\n") {
			if strings.HasPrefix(line, "% ") {
				continue
			}
			for i := 0; i < len(line); i++ {
				switch b := line[i]; {
				case b == '\\':
					i++
				case b == '{':
					depth++
				case b == '}':
					depth--
				case b == '%' && i < len(line)-1 && !strings.HasSuffix(line, "any size"), b == '$' && !strings.Contains(line, `\hbox{$`), b < ' ', b > '~':
					t.Fatalf("%s: byte %#x stands bare in %q", c.name, b, line)
				}
			}
			if depth < 0 || depth > 0 && strings.HasSuffix(line, ";") {
				t.Fatalf("%s: braces do not close in %q", c.name, line)
			}
		}
		if depth != 0 {
			t.Errorf("%s: %d braces stay open", c.name, depth)
		}
	}
}

// pdfTeX sets the drawings in a document around them, and each in one of its own whose page is as large as the drawing, without a complaint.
func TestTikZCompiles(t *testing.T) {
	program, err := exec.LookPath("pdflatex")
	if err != nil {
		t.Skip("LaTeX is not installed")
	}
	dir := t.TempDir()
	write := func(name string, data []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	compiled := func(name string, pages int) {
		command := exec.Command(program, "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", name+".tex")
		command.Dir = dir
		out, err := command.CombinedOutput()
		if err != nil || regexp.MustCompile(`Missing character|Overfull|Warning`).Match(out) || !strings.Contains(string(out), fmt.Sprintf("(%d page", pages)) {
			t.Errorf("%s: %v: pdfTeX says\n%s", name, err, out)
		}
	}
	// Many drawings are set in one run: TeX starts slowly.
	chosen := []string{"odd-names", "seed-split"}
	if !testing.Short() {
		chosen = append(chosen, "perceptron-overlay", "corner-cases", "constant", "recurrent-split", "nested-half")
	}
	list := slices.DeleteFunc(corpus(), func(c drawing) bool { return !slices.Contains(chosen, c.name) })
	all := "\\RequirePackage{fix-cm}\\documentclass{article}\\usepackage{tikz,amsmath}\\DeclareFontShape{OMX}{cmex}{m}{n}{<->cmex10}{}\\begin{document}\n"
	for _, c := range list {
		write(c.name+".tikz", render(t, c, (*Picture).TikZ))
		all += "\\noindent\\resizebox{0.9\\linewidth}{10cm}{\\input{" + c.name + ".tikz}}\\clearpage\n"
	}
	write("all.tex", []byte(all+"\\end{document}\n"))
	compiled("all", len(list))

	outputs, options := seed(Overlay)
	c := drawing{name: "one", outputs: outputs, options: append(options, WithScale(1.5))}
	write("one.tex", append([]byte("\\pdfcompresslevel=0\\pdfobjcompresslevel=0\n"), render(t, c, (*Picture).LaTeX)...))
	compiled("one", 1)
	page, err := os.ReadFile(filepath.Join(dir, "one.pdf"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := c.picture()
	if err != nil {
		t.Fatal(err)
	}
	d, err := p.laid()
	if err != nil {
		t.Fatal(err)
	}
	box := regexp.MustCompile(`/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]`).FindSubmatch(page)
	if box == nil {
		t.Fatal("the page has no size")
	}
	for i, side := range []float64{d.W, d.H} {
		if got, _ := strconv.ParseFloat(string(box[i+1]), 64); math.Abs(got-side*0.75*1.5) > 0.5 {
			t.Errorf("side %d of the page is %v points, that of the drawing %v units", i, got, side)
		}
	}
}
