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
	"graph/nn":           {"graph"},
	"graph/ode":          {"graph"},
	"graph/onnx":         {"graph"},
	"graph/stablehlo":    {"graph"},
	"vm":                 {},
	"vm/shard":           {"vm"},
	"vm/kernels":         {},
	"compile":            {"graph", "vm"},
	"compile/continuous": {"graph", "compile"},
	"compile/eager":      {"graph", "compile", "vm"},
	"compile/gosource":   {"vm"},
	"compile/gradcheck":  {"graph", "compile", "vm"},
	"compile/implicit":   {"graph", "compile"},
	"compile/optimize":   {"graph", "compile", "vm"},
	"compile/stiff":      {"graph", "compile"},
	"compile/train":      {"graph", "compile", "vm", "vm/shard"},
	"internal/agreement": {"graph", "compile"},
	"internal/emit":      {"graph"},
	"internal/jet":       {"graph"},
	"internal/ref":       {"graph"},
	"internal/testkit":   {"graph", "compile", "vm"},
	"viz":                {"graph", "compile", "vm"}, // it reads what the compiler records
}

// internalImports lists which internal packages a package below the public ones may import, lowest first: what gives micro-operations their
// bits (elem) knows no whole-tensor kernel, machine code knows neither, and all take definitions and the processor's level from one place.
var internalImports = map[string][]string{
	"internal/linescan":         {},
	"internal/dtype":            {},
	"internal/npy":              {"dtype"},
	"internal/shape":            {"dtype"},
	"internal/asmgen":           {},
	"internal/browser":          {},
	"internal/pool":             {},
	"internal/moves":            {"cpu"},
	"internal/prefetch":         {},
	"internal/handover":         {},
	"internal/sysmem":           {},
	"internal/checkpoint":       {},
	"internal/switches":         {"linescan"},
	"internal/attr":             {"dtype", "linescan"},
	"internal/cpu":              {"switches"},
	"internal/micro":            {"dtype"},
	"internal/elem/def":         {"dtype", "micro"},
	"internal/elem/asm":         {},
	"internal/elem":             {"cpu", "dtype", "micro", "elem/asm"},
	"internal/elem/ulp":         {"dtype", "micro", "elem"},
	"internal/gemm/asm":         {},
	"internal/gemm":             {"cpu", "dtype", "elem", "pool", "gemm/asm", "native", "native/isa/arm64"},
	"internal/native/isa":       {},
	"internal/native/isa/amd64": {"cpu", "native/isa"},
	"internal/native/isa/arm64": {"cpu", "native/isa"},
	"internal/native":           {"cpu", "dtype", "micro", "prefetch", "switches", "elem/def", "native/isa", "native/isa/amd64", "native/isa/arm64"},
	"internal/linalg":           {"cpu", "dtype", "micro", "elem", "gemm"},
	"internal/winograd/asm":     {},
	"internal/winograd":         {"cpu", "elem", "winograd/asm"},
	"internal/philox/asm":       {},
	"internal/philox":           {"cpu", "philox/asm"},
	"internal/kernel":           {"attr", "cpu", "dtype", "micro", "prefetch", "philox", "pool", "shape", "elem", "gemm", "linalg", "winograd"},
	"internal/ref":              {}, // the oracle is independent
	"internal/jet":              {"ref"},
	"internal/testkit":          {"ref", "sysmem"},
	"internal/docgen":           {"dtype", "kernel", "micro"},

	"internal/testkit/mistakes": {},
}

// cpuDetectors are the only packages that ask the processor what it can do; compare prints its name.
var cpuDetectors = []string{"internal/cpu", "internal/bench/compare"}

func isPublic(p string) bool {
	return p == "graph" || p == "vm" || p == "compile" || p == "viz" || p == "compile/gradcheck"
}

// tensorImporters are the only files that see the tensor library.
var tensorImporters = []string{"vm/tensor.go"}

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
		for _, imp := range f.Imports {
			if p := strings.Trim(imp.Path.Value, `"`); (p == "golang.org/x/sys/cpu" || strings.Contains(p, "/cpuid")) && !slices.Contains(cpuDetectors, dir) {
				t.Errorf("%s imports %s", rel, p)
			}
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
				below, listed := internalImports[dir]
				if p, internal := strings.CutPrefix(p, "internal/"); internal && listed && !slices.Contains(below, p) {
					t.Errorf("%s imports %s", rel, p)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range []map[string][]string{publicImports, internalImports} {
		for dir := range table {
			if !seen[dir] {
				t.Errorf("package %s is gone", dir)
			}
		}
	}
	for dir := range seen {
		_, public := publicImports[dir]
		if _, listed := internalImports[dir]; !public && !listed && strings.HasPrefix(dir, "internal/") {
			t.Errorf("package %s is new: say in internalImports what it may import", dir)
		}
	}
}
