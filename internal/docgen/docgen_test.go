package docgen

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/internal/kernel"
	"github.com/adjoint-go/adjoint/internal/micro"
)

func TestBytecodeIsFresh(t *testing.T) {
	root := filepath.Join("..", "..")
	want, err := Bytecode(root)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(BytecodePath)))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is stale: run go generate ./vm", BytecodePath)
	}
	for op := micro.Mov; int(op) < micro.Count; op++ {
		if !strings.Contains(string(want), "| `"+op.String()+"` |") {
			t.Errorf("no row for the micro-operation %v", op)
		}
	}
	for _, name := range kernel.Names() {
		if !strings.Contains(string(want), "| `"+name+"` |") {
			t.Errorf("no row for the kernel %s", name)
		}
	}
}

func TestBytecodeNeedsSources(t *testing.T) {
	if _, err := Bytecode(t.TempDir()); err == nil {
		t.Error("no error without sources")
	}
}
