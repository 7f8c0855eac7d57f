package progress_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile/optimize"
	"github.com/adjoint-go/adjoint/compile/optimize/progress"
	"github.com/adjoint-go/adjoint/graph"
)

// A bar is full at the end; a file gets nothing.
func TestBar(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64, 4)
	p := optimize.Problem{Objective: graph.Sum(graph.Sub(graph.Exp(x), x)), Parameters: []*graph.Node{x}}
	var b bytes.Buffer
	file, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r, err := p.Solve(context.Background(), optimize.Values{"x": {1, 2, 3, 4}}, optimize.Options{Callback: progress.Bar(&b)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Solve(context.Background(), optimize.Values{"x": {1, 2, 3, 4}}, optimize.Options{Callback: progress.Bar(file)}); err != nil {
		t.Fatal(err)
	}
	if text := b.String(); !strings.Contains(text, "100%") || !strings.Contains(text, "iteration") || !strings.HasSuffix(text, "\n") || r.Iterations < 3 {
		t.Errorf("the bar is %q after %d iterations", text, r.Iterations)
	}
	if text, err := os.ReadFile(file.Name()); err != nil || len(text) > 0 {
		t.Errorf("%v: the file has %q", err, text)
	}
}
