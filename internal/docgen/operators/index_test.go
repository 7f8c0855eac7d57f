package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Each function of the index exists, once, and each name of ONNX in its schema. Functions that are not in the index are few.
func TestNamesExist(t *testing.T) {
	systems, functions, err := readNames(names)
	if err != nil {
		t.Fatal(err)
	}
	exported := map[string]bool{}
	for prefix, dir := range map[string]string{"graph.": "graph", "nn.": "graph/nn", "compile.": "compile"} {
		files, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatal(files, err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range f.Decls {
				switch d := d.(type) {
				case *ast.FuncDecl:
					exported[prefix+d.Name.Name] = exported[prefix+d.Name.Name] || d.Recv == nil
				case *ast.GenDecl:
					for _, s := range d.Specs {
						if s, ok := s.(*ast.TypeSpec); ok {
							exported[prefix+s.Name.Name] = true
						}
					}
				}
			}
		}
	}
	for i, f := range functions {
		if !exported[f] {
			t.Errorf("%s does not exist", f)
		}
		if slices.Contains(functions[:i], f) {
			t.Errorf("%s is there twice", f)
		}
	}
	schema, err := os.ReadFile(root + "/graph/onnx/schema.txt")
	if err != nil {
		t.Fatal(err)
	}
	operators := map[string]bool{}
	for line := range strings.Lines(string(schema)) {
		operators[strings.Fields(line)[1]] = true
	}
	for name := range systems[3].called {
		if !operators[name] {
			t.Errorf("ONNX has no operator %s", name)
		}
	}
	for _, s := range systems {
		if len(s.called) < 80 {
			t.Errorf("%d names of %s", len(s.called), s.title)
		}
	}
}
