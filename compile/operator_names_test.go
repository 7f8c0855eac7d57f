package compile_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/graph"
)

// namingFiles are the files of the compiler and of drawings that name operators, with the names. What is true of an operator stands at the operator (graph.Op); names are
// for rules over certain operators, and for what the language of graphs itself has: inputs, constants, results, loops and branches.
var namingFiles = map[string]string{
	"compile/rules.go": "abs add broadcast_to cast concat div dynamic_update_slice exp identity index index_transpose log log1p logical_not lu matmul max min mul mul_no_nan neg overlay pad pow reshape result scatter_add scatter_add_to slice slice_transpose solve stop_gradient sub tanh transpose where",

	"compile/batch_calls.go":  "batched_call", // is that operator
	"compile/batch_custom.go": "batched",      // is that operator
	"compile/bodies.go":       "call scan switch while",
	"compile/checkpoints.go":  "each_step reverse_sweep snapshots",
	"compile/hoist_sums.go":   "add matmul", // is a rule over loops
	"compile/implicit.go":     "implicit with_vjp",
	"compile/overlay.go":      "concat dynamic_update_slice overlay pad", // is rules too
	"compile/pieces.go":       "concat index_transpose",                  // are what has pieces
	"compile/signs.go":        "div mul sub",                             // is a rule over sums and products
	"compile/uses.go":         "solve transpose",                         // is rules too
	"compile/scalarize.go":    "matmul reduce_sum",                       // writes their elements out
	"compile/trace.go":        "trace",                                   // is what errors call it

	"viz/bodies.go": "batched_call call checkpoint each_step result reverse reverse_sweep scan switch while",
	"viz/graph.go":  "each_step result while",
	"viz/names.go":  "abs acos asin atan atan2 cos cosh erf exp expm1 iota log log1p logsumexp matmul max min pow relu sigmoid sign sin sinh softmax softplus sqrt square tan tanh where zeta", // letters and functions in names of nodes

	"viz/attributes.go": "result", "viz/text.go": "const input result",
	"viz/automatic.go": "const input", "viz/build.go": "const input", "viz/category.go": "const input", "viz/compare.go": "const input", "viz/describe.go": "const input",
	"viz/execution.go": "const input", "viz/inline.go": "input", "viz/json.go": "const", "viz/limit.go": "input", "viz/memory.go": "input", "viz/reduce.go": "const input", "viz/schedule.go": "reverse", "viz/walk.go": "const input reverse",
}

// namedOperators returns the strings of a file that are names of operators, keys of attributes and names of kernels and imports aside.
func namedOperators(t *testing.T, file string) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	aside := map[ast.Node]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.SelectorExpr:
			if n.Sel.Name == "Family" {
				t.Errorf("%s asks for the family of an operator, which is for the reference", file)
			}
		case *ast.CallExpr:
			if s, ok := n.Fun.(*ast.SelectorExpr); ok && len(n.Args) > 0 {
				of, _ := s.X.(*ast.Ident)
				if of != nil && of.Name == "attr" || slices.Contains([]string{"Int", "Ints", "Bool", "Str", "Float", "Floats", "Has"}, s.Sel.Name) {
					aside[n.Args[0]] = true
				}
			}
		case *ast.KeyValueExpr:
			if key, ok := n.Key.(*ast.Ident); ok && (key.Name == "Kernel" || key.Name == "Key") {
				aside[n.Value] = true
			}
		case *ast.BasicLit:
			if s, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING && !aside[n] {
				if op := graph.LookupOp(s); op != nil && !strings.HasPrefix(s, "test_") {
					names[s] = true
				}
			}
		}
		return true
	})
	return slices.Sorted(maps.Keys(names))
}

func TestOperatorsAreNamedInRulesOnly(t *testing.T) {
	files := 0
	for _, dir := range []string{"compile", "viz"} {
		list, err := filepath.Glob(filepath.Join("..", dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range list {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			files++
			name := dir + "/" + filepath.Base(file)
			if got, want := strings.Join(namedOperators(t, file), " "), namingFiles[name]; got != want {
				t.Errorf("%s names the operators %q and should name %q: what is true of an operator is a field of graph.Op", name, got, want)
			}
		}
	}
	if files < 60 {
		t.Errorf("only %d files were read", files)
	}
}
