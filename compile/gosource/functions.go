package gosource

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/elem"
	"github.com/adjoint-go/adjoint/internal/micro"
)

// Generated files carry the functions that they call, with the bits of Adjoint's own: their source is that of package elem, and what it refers to.

// library is package elem's source by declared name.
type library struct {
	files *token.FileSet
	decls map[string]*declaration
	// tables hold the expression of each operation's function, by table (unary64, …) and name of the operation's constant.
	tables map[string]map[string]ast.Expr
}

// declaration is what a name stands for.
type declaration struct {
	name  string
	node  ast.Node // *ast.FuncDecl, or a *ast.GenDecl of one specification
	order int
}

var sources = sync.OnceValue(func() *library {
	l := &library{files: token.NewFileSet(), decls: map[string]*declaration{}, tables: map[string]map[string]ast.Expr{}}
	names, err := fs.Glob(elem.Source, "*.go")
	if err != nil {
		panic("BUG: " + err.Error())
	}
	for _, name := range names {
		text, err := fs.ReadFile(elem.Source, name)
		if err != nil {
			panic("BUG: " + err.Error())
		}
		f, err := parser.ParseFile(l.files, name, text, parser.ParseComments)
		if err != nil {
			panic("BUG: " + err.Error())
		}
		if !strings.HasSuffix(name, "_test.go") && plain(f) {
			l.addFile(f)
		}
	}
	l.unexport()
	return l
})

// plain reports whether a file has functions of numbers: it imports package math at the most, and the operations' names for its tables.
func plain(f *ast.File) bool {
	for _, i := range f.Imports {
		if p := i.Path.Value; p != `"math"` && !strings.HasSuffix(p, `/internal/micro"`) {
			return false
		}
	}
	return true
}

// unexport gives exported names a small initial: users' packages are not to export them.
func (l *library) unexport() {
	renamed := map[string]string{}
	for n, d := range l.decls {
		if !ast.IsExported(n) || strings.Contains(n, ".") {
			continue
		}
		to := strings.ToLower(n[:1]) + n[1:]
		if l.decls[to] != nil { // what other packages call, to which no function refers
			delete(l.decls, n)
			continue
		}
		renamed[n], d.name = to, to
	}
	seen := map[*ast.Ident]bool{}
	rename := func(n ast.Node) {
		ast.Inspect(n, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok && renamed[id.Name] != "" && !seen[id] {
				seen[id] = true
				id.Name = renamed[id.Name]
			}
			return true
		})
	}
	for _, d := range l.decls {
		rename(d.node)
	}
	for n, to := range renamed {
		l.decls[to] = l.decls[n]
		delete(l.decls, n)
	}
	methods := map[string]*declaration{}
	for n, d := range l.decls {
		if of, method, ok := strings.Cut(n, "."); ok && renamed[of] != "" {
			methods[renamed[of]+"."+method] = d
			delete(l.decls, n)
		}
	}
	maps.Copy(l.decls, methods)
}

func (l *library) add(name string, node ast.Node) {
	l.decls[name] = &declaration{name: name, node: node, order: len(l.decls)}
}

func (l *library) addFile(f *ast.File) {
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			name := d.Name.Name
			if d.Recv != nil {
				name = receiver(d) + "." + name
			}
			l.add(name, d)
		case *ast.GenDecl:
			if d.Tok == token.IMPORT {
				continue
			}
			for _, s := range d.Specs {
				l.addSpec(d, s)
			}
		}
	}
}

func receiver(d *ast.FuncDecl) string {
	t := d.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	return t.(*ast.Ident).Name
}

func (l *library) addSpec(d *ast.GenDecl, s ast.Spec) {
	one := &ast.GenDecl{Tok: d.Tok, Specs: []ast.Spec{s}}
	switch s := s.(type) {
	case *ast.TypeSpec:
		l.add(s.Name.Name, one)
	case *ast.ValueSpec:
		for _, name := range s.Names {
			l.add(name.Name, one)
		}
		if len(s.Values) != 1 {
			return
		}
		table, ok := s.Values[0].(*ast.CompositeLit)
		if !ok || !strings.HasSuffix(strings.ToLower(s.Names[0].Name), "ary64") && !strings.HasSuffix(strings.ToLower(s.Names[0].Name), "ary32") {
			return
		}
		entries := map[string]ast.Expr{}
		for _, e := range table.Elts {
			if kv, ok := e.(*ast.KeyValueExpr); ok {
				if key, ok := kv.Key.(*ast.SelectorExpr); ok {
					entries[key.Sel.Name] = kv.Value
				}
			}
		}
		l.tables[s.Names[0].Name] = entries
	}
}

// constantName is the name of an operation's constant, as tables have it: MulNoNan of mul_no_nan.
func constantName(op micro.Op) string {
	if op == micro.IGamma {
		return "IGamma"
	}
	var b strings.Builder
	for _, word := range strings.Split(op.String(), "_") {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}

// function returns an expression for the function that defines an operation on floats, and the names that it refers to.
func (l *library) function(op micro.Op, d dtype.DType) (text string, refers []string, ok bool) {
	bits := "64"
	if d == dtype.Float32 {
		bits = "32"
	}
	for _, table := range [4]string{"unary", "plainUnary", "binary", "plainBinary"} {
		if e := l.tables[table+bits][constantName(op)]; e != nil {
			var b bytes.Buffer
			if err := format.Node(&b, l.files, e); err != nil {
				panic("BUG: " + err.Error())
			}
			return b.String(), l.references(e), true
		}
	}
	return "", nil, false
}

// references returns the declared names that a piece of source refers to, in the order of their declaration.
func (l *library) references(n ast.Node) []string {
	seen := map[string]bool{}
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr: // a field or method, or a name of package math
			ast.Inspect(n.X, func(x ast.Node) bool {
				if id, ok := x.(*ast.Ident); ok && l.decls[id.Name] != nil {
					seen[id.Name] = true
				}
				return true
			})
			return false
		case *ast.Ident:
			if l.decls[n.Name] != nil {
				seen[n.Name] = true
			}
		}
		return true
	})
	return slices.Sorted(maps.Keys(seen))
}

// closure returns the source of the named declarations and of all that they refer to, in the order of package elem.
func (l *library) closure(names []string) (string, error) {
	done := map[string]bool{}
	var list []*declaration
	for todo := slices.Clone(names); len(todo) > 0; {
		name := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		d := l.decls[name]
		if done[name] || d == nil {
			continue
		}
		done[name] = true
		list = append(list, d)
		todo = append(todo, l.references(d.node)...)
		for method := range l.decls {
			if strings.HasPrefix(method, name+".") {
				todo = append(todo, method)
			}
		}
	}
	slices.SortFunc(list, func(a, b *declaration) int { return a.order - b.order })
	var b bytes.Buffer
	b.WriteString("\n// The functions below are Adjoint's own, which have the same bits on every machine.\n")
	printed := map[ast.Spec]bool{}
	for _, d := range list {
		if g, ok := d.node.(*ast.GenDecl); ok {
			if printed[g.Specs[0]] {
				continue
			}
			printed[g.Specs[0]] = true
		}
		b.WriteByte('\n')
		if err := format.Node(&b, l.files, d.node); err != nil {
			return "", fmt.Errorf("function %s: %w", d.name, err)
		}
		b.WriteByte('\n')
	}
	return b.String(), nil
}

// reserved reports whether the functions that generated files may carry have the name.
func (l *library) reserved(name string) bool { return l.decls[name] != nil }
