//go:build ignore

// Command platforms checks types of the module's packages as they are on other platforms, from source and so without compiling what they import:
//
//	go run .ci/platforms.go OS/ARCH[:TAGS] PATTERN…
//
// Functions of the standard library have no bodies here: nothing of ours depends on them.
package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/tools/go/packages"
)

var library = filepath.Join(runtime.GOROOT(), "src") + string(filepath.Separator)

func parse(fset *token.FileSet, name string, src []byte) (*ast.File, error) {
	syntax, err := parser.ParseFile(fset, name, src, parser.AllErrors|parser.ParseComments|parser.SkipObjectResolution)
	if err == nil && strings.HasPrefix(name, library) {
		for _, d := range syntax.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil {
				at := f.Body.Lbrace
				f.Body.List = []ast.Stmt{&ast.ExprStmt{X: &ast.CallExpr{Fun: &ast.Ident{NamePos: at, Name: "panic"}, Args: []ast.Expr{&ast.BasicLit{ValuePos: at, Kind: token.INT, Value: "0"}}}}}
			}
		}
	}
	return syntax, err
}

func main() {
	platform, tags, _ := strings.Cut(os.Args[1], ":")
	system, processor, _ := strings.Cut(platform, "/")
	list, err := packages.Load(&packages.Config{
		Mode: packages.LoadAllSyntax, Tests: true, BuildFlags: []string{"-tags=" + tags}, ParseFile: parse,
		Env: append(os.Environ(), "GOOS="+system, "GOARCH="+processor, "CGO_ENABLED=0"),
	}, os.Args[2:]...)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	files := 0
	for _, p := range list {
		files += len(p.Syntax)
	}
	fmt.Printf("%s: %d packages, %d files\n", os.Args[1], len(list), files)
	errors := 0
	packages.Visit(list, nil, func(p *packages.Package) {
		for _, e := range p.Errors {
			if !strings.HasPrefix(e.Pos, library) { // where imports are not used now
				fmt.Fprintln(os.Stderr, e)
				errors++
			}
		}
	})
	if errors > 0 || files == 0 {
		os.Exit(1)
	}
}
