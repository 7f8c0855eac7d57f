package docgen

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

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

// TestDevelopersNamesFiles holds that the files and folders that docs/DEVELOPERS.md names are there.
func TestDevelopersNamesFiles(t *testing.T) {
	root := filepath.Join("..", "..")
	text, err := os.ReadFile(filepath.Join(root, "docs", "DEVELOPERS.md"))
	if err != nil {
		t.Fatal(err)
	}
	top := map[string]bool{}
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		top[e.Name()] = true
	}
	seen := 0
	for _, word := range strings.FieldsFunc(string(text), func(r rune) bool {
		return !strings.ContainsRune("./_-", r) && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}) {
		path := strings.Trim(strings.TrimPrefix(word, "./"), ".")
		first, _, inside := strings.Cut(path, "/")
		if !inside || !top[first] {
			continue
		}
		seen++
		if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(path))); err != nil {
			t.Errorf("%s is not there", path)
		}
	}
	if seen < 50 {
		t.Errorf("%d files named", seen)
	}
}
