package main

import (
	"bytes"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/adjoint-go/adjoint/graph"
)

// constructor is an exported function or method of package graph that makes nodes of an operator.
type constructor struct{ name, signature, doc string }

// elsewhere are the constructors that constructors cannot see from the sources.
var elsewhere = map[string]string{
	"const": "Constant", "logical_and": "LogicalAnd", "logical_or": "LogicalOr", "logical_xor": "LogicalXor", "logical_not": "LogicalNot", "csr_matmul": "CSR.MatMul", "csr_solve": "CSR.Solve",
}

// inDerivatives are the operators without a constructor: derivatives or expansions of others are made of them, or the compiler makes them.
var inDerivatives = map[string]bool{
	"overlay": true, "snapshots": true, "reverse_sweep": true, "scatter_add_to": true,
	"atan2_derivative": true, "atan_derivative": true, "avg_pool_grad": true, "batched": true, "bessel_i0e_derivative": true, "betainc_derivative": true, "cofactor_derivative": true, "conv_filter_grad": true,
	"hypot_second_derivative": true, "hypot_derivative": true, "hypot_mixed_derivative": true, "igamma_derivative": true, "logsumexp_derivative": true, "lyapunov": true, "norm_of_squares": true, "nuclear_norm": true, "polar_factor": true, "pow_derivative": true, "reduce_inverse_rms": true, "sigmoid_derivative": true, "unit_rms": true,
}

// function is what the sources say of a function of package graph.
type function struct {
	constructor
	receiver  string // of a method, with a dot
	exported  bool
	operators []string // that it names by their variables
	calls     []string // functions of the package
}

// constructors reads the sources of package graph below the repository's root and returns the constructors of each operator: those that
// name the operator's variable, else those that call an unexported function which does. If one bears the operator's name, it is the only one.
func constructors(root string) (map[string][]constructor, error) {
	names, err := filepath.Glob(filepath.Join(root, "graph", "*.go"))
	if err != nil {
		return nil, err
	}
	fset := token.NewFileSet()
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, name, nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	variables := operatorVariables(files)
	functions := map[string]*function{}
	var exported []*function
	for _, f := range files {
		for _, d := range f.Decls {
			if d, ok := d.(*ast.FuncDecl); ok && d.Name.Name != "init" {
				fn := readFunction(fset, d, variables)
				if functions[d.Name.Name] == nil {
					functions[d.Name.Name] = fn
				}
				if fn.exported {
					exported = append(exported, fn)
				}
			}
		}
	}
	out := map[string][]constructor{}
	for _, fn := range exported {
		for _, op := range fn.operators {
			out[op] = append(out[op], fn.constructor)
		}
	}
	for _, fn := range exported {
		for _, call := range fn.calls {
			helper := functions[call]
			if helper == nil || helper.exported {
				continue
			}
			for _, op := range helper.operators {
				if !slices.ContainsFunc(exported, func(e *function) bool { return slices.Contains(e.operators, op) }) && !slices.Contains(out[op], fn.constructor) {
					out[op] = append(out[op], fn.constructor)
				}
			}
		}
	}
	for op, name := range elsewhere {
		out[op] = nil
		for _, fn := range exported {
			if fn.receiver+fn.name == name {
				out[op] = []constructor{fn.constructor}
			}
		}
	}
	for op := range inDerivatives {
		delete(out, op) // functions that ask for the operator
	}
	for op, list := range out {
		plain := strings.ReplaceAll(op, "_", "")
		for _, c := range list {
			if strings.EqualFold(c.name, plain) && strings.HasPrefix(c.signature, "func "+c.name) { // not a method of the same name
				out[op] = []constructor{c}
			}
		}
	}
	return out, nil
}

// operatorVariables maps variables to the operators that are assigned to them: a literal with their name stands first on the right.
func operatorVariables(files []*ast.File) map[string]string {
	variables := map[string]string{}
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			a, ok := n.(*ast.AssignStmt)
			if !ok || len(a.Lhs) != len(a.Rhs) {
				return true
			}
			for i, l := range a.Lhs {
				id, ok := l.(*ast.Ident)
				if !ok || !strings.HasPrefix(id.Name, "op") || variables[id.Name] != "" {
					continue
				}
				ast.Inspect(a.Rhs[i], func(n ast.Node) bool {
					if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING && variables[id.Name] == "" {
						if s, err := strconv.Unquote(lit.Value); err == nil && graph.LookupOp(s) != nil {
							variables[id.Name] = s
						}
					}
					return true
				})
			}
			return true
		})
	}
	return variables
}

func readFunction(fset *token.FileSet, d *ast.FuncDecl, variables map[string]string) *function {
	fn := &function{exported: d.Name.IsExported()}
	fn.name, fn.doc = d.Name.Name, strings.Join(strings.Fields(d.Doc.Text()), " ")
	if d.Recv != nil {
		t := d.Recv.List[0].Type
		if star, ok := t.(*ast.StarExpr); ok {
			t = star.X
		}
		if id, ok := t.(*ast.Ident); ok {
			fn.receiver = id.Name + "."
		}
	}
	var b bytes.Buffer
	if err := format.Node(&b, fset, &ast.FuncDecl{Recv: d.Recv, Name: d.Name, Type: d.Type}); err == nil {
		fn.signature = b.String()
	}
	if d.Body == nil {
		return fn
	}
	ast.Inspect(d.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Ident:
			if op := variables[n.Name]; op != "" && !slices.Contains(fn.operators, op) {
				fn.operators = append(fn.operators, op)
			}
		case *ast.CallExpr:
			switch f := n.Fun.(type) {
			case *ast.Ident:
				fn.calls = append(fn.calls, f.Name)
			case *ast.SelectorExpr:
				fn.calls = append(fn.calls, f.Sel.Name)
			}
		}
		return true
	})
	return fn
}
