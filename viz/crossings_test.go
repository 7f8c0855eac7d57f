package viz

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/viz/internal/geom"
	"github.com/adjoint-go/adjoint/viz/internal/verify"
)

// graphvizCrossings lays a DOT file out with Graphviz and counts the crossings
// of its edges as verify.Crossings does ours.
func graphvizCrossings(t *testing.T, source []byte) int {
	t.Helper()
	command := exec.Command("dot", "-Tplain", "-y")
	command.Stdin = bytes.NewReader(source)
	out, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	var lines []verify.Line
	for _, row := range strings.Split(string(out), "\n") {
		fields := strings.Fields(row)
		if len(fields) < 4 || fields[0] != "edge" {
			continue
		}
		n, err := strconv.Atoi(fields[3])
		if err != nil {
			t.Fatal(err)
		}
		var points []geom.Point
		for k := 0; k < n; k++ {
			x, _ := strconv.ParseFloat(fields[4+2*k], 64)
			y, _ := strconv.ParseFloat(fields[5+2*k], 64)
			points = append(points, geom.Point{X: 72 * x, Y: 72 * y})
		}
		var path geom.Path
		for k := 0; k+3 < n; k += 3 {
			path = append(path, geom.Cubic{points[k], points[k+1], points[k+2], points[k+3]})
		}
		lines = append(lines, verify.Line{From: fields[1], To: fields[2], Points: path.Flatten(0.5)})
	}
	return verify.Crossings(lines)
}

// count is one row of testdata/crossings.json: the crossings in our drawing and
// in that of Graphviz 2.43 or later from our DOT.
type count struct {
	Name           string
	Ours, Graphviz int // −1: without a count
}

// The crossings of the corpus are recorded beside those of Graphviz, so that a
// change of the layout that costs crossings is seen.
func TestCrossings(t *testing.T) {
	path := filepath.Join("testdata", "crossings.json")
	recorded := map[string]count{}
	data, err := os.ReadFile(path)
	if err == nil {
		var list []count
		if err := json.Unmarshal(data, &list); err != nil {
			t.Fatal(err)
		}
		for _, c := range list {
			recorded[c.Name] = c
		}
	} else if !*update {
		t.Fatal(err)
	}
	_, missing := exec.LookPath("dot")
	var list []count
	ours, theirs := 0, 0
	for _, c := range corpus() {
		if c.derived {
			continue
		}
		p, err := c.picture()
		if err != nil {
			t.Fatal(err)
		}
		d, err := p.laid()
		if err != nil {
			t.Fatal(err)
		}
		before, known := recorded[c.name]
		if !known {
			before = count{Ours: -1, Graphviz: -1}
		}
		got := count{Name: c.name, Ours: verify.Crossings(verify.Lines(d)), Graphviz: before.Graphviz}
		if *update && missing == nil {
			got.Graphviz = graphvizCrossings(t, render(t, c, (*Picture).DOT))
		}
		list = append(list, got)
		if got.Graphviz >= 0 {
			ours += got.Ours
			theirs += got.Graphviz
		}
		if !*update && got.Ours > before.Ours {
			t.Errorf("%s: %d crossings, recorded are %d", c.name, got.Ours, before.Ours)
		}
	}
	if ours > theirs {
		t.Errorf("%d crossings in all, Graphviz has %d", ours, theirs)
	}
	if *update {
		data, err := json.MarshalIndent(list, "", "\t")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, append(data, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
