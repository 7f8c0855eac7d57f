package command

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestModule(t *testing.T) {
	path := filepath.Join(t.TempDir(), "z.mlir")
	if r := run("", "convert", "z = sin(x)*exp(x)", "-o", path); r.status != 0 {
		t.Fatal(r)
	}
	if r := run("", "-T", "text", path); r.status != 0 || !strings.Contains(r.out, "sin(x)") {
		t.Error(r)
	}
	if err := os.WriteFile(path, []byte("no module"), 0o644); err != nil {
		t.Fatal(err)
	}
	if r := run("", path); r.status == 0 || !strings.Contains(r.err, "z.mlir:1: ") {
		t.Error(r)
	}
}
