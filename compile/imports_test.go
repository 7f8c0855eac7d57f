package compile_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/adjoint-go/adjoint/"

// publicImports lists which public packages of the module a package may import (test files and commands aside). The data flow
// goes graph → compile → vm, drawings only read, and what is internal knows none of them unless it is listed here.
var publicImports = map[string][]string{
	"graph":              {},
	"vm":                 {},
	"compile":            {"graph", "vm"},
	"compile/gradcheck":  {"graph", "compile", "vm"},
	"internal/agreement": {"graph", "compile"},
	"internal/jet":       {"graph"},
	"internal/ref":       {"graph"},
	"internal/testkit":   {"graph", "compile", "vm"},
	"viz":                {"graph", "compile", "vm"}, // it reads what the compiler records
}

func isPublic(p string) bool {
	return p == "graph" || p == "vm" || p == "compile" || p == "viz" || p == "compile/gradcheck"
}

// tensorImporters are the only files that see the tensor library.
var tensorImporters = []string{"vm/tensor.go", "vm/machine.go"}

func TestImportDirection(t *testing.T) {
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if path != root && (strings.HasPrefix(name, ".") || name == "testdata") {
				return filepath.SkipDir
			}
			if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil && path != root {
				return filepath.SkipDir // another module
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		dir := strings.TrimSuffix(rel, "/"+name)
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		if f.Name.Name == "main" {
			return nil // generators
		}
		for _, user := range []string{"cmd/", "examples/", "internal/bench/", "docs/"} {
			if strings.HasPrefix(rel, user) {
				return nil
			}
		}
		seen[dir] = true
		for _, imp := range f.Imports {
			p, err := strconv.Unquote(imp.Path.Value)
			if err != nil {
				return err
			}
			if strings.HasPrefix(p, "gorgonia.org/") && !slices.Contains(tensorImporters, rel) && dir != "internal/testkit" {
				t.Errorf("%s imports %s", rel, p)
			}
			if p == "C" {
				t.Errorf("%s uses cgo", rel)
			}
			if p, ours := strings.CutPrefix(p, module); ours {
				if isPublic(p) && !slices.Contains(publicImports[dir], p) {
					t.Errorf("%s imports %s", rel, p)
				}
				if dir == "internal/ref" && strings.HasPrefix(p, "internal/") {
					t.Errorf("%s imports %s: the oracle is independent", rel, p)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"graph", "vm", "compile", "viz", "internal/ref"} {
		if !seen[dir] {
			t.Errorf("package %s is gone", dir)
		}
	}
}
