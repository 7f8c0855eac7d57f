package command

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/graph/onnx"
)

func TestModel(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float32, 2, 3)
	path := filepath.Join(t.TempDir(), "model.onnx")
	if err := onnx.WriteFile(path, []*graph.Node{graph.Softmax(x, 1).Named("p")}, onnx.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	if r := run("", "-T", "text", path); r.status != 0 || !strings.Contains(r.out, "softmax(x, axis=1) : f32[2×3]") {
		t.Error(r)
	}
	if err := os.WriteFile(path, []byte("no model"), 0o644); err != nil {
		t.Fatal(err)
	}
	if r := run("", path); r.status == 0 || !strings.Contains(r.err, "model.onnx: ") {
		t.Error(r)
	}
}
