package tutorials_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/docs/tutorials/internal/notebook"
)

// Notebooks hold the code, text and outputs of their sources, and are small; README.md lists them.
func TestNotebooks(t *testing.T) {
	folders, err := notebook.Folders(".")
	if err != nil {
		t.Fatal(err)
	}
	list, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range folders {
		if err := notebook.Check(f); err != nil {
			t.Error(err)
			continue
		}
		info, err := os.Stat(f + ".ipynb")
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() > 500_000 {
			t.Errorf("%s has %d bytes", info.Name(), info.Size())
		}
		if !strings.Contains(string(list), "("+info.Name()+")") {
			t.Errorf("README.md does not list %s", info.Name())
		}
	}
	books, err := filepath.Glob("*.ipynb")
	if err != nil {
		t.Fatal(err)
	}
	if len(books) != len(folders) {
		t.Errorf("%d notebooks of %d tutorials", len(books), len(folders))
	}
}
