//go:build ignore

// Command platforms checks types of the module's packages as they are on other platforms, from source and so without compiling what they import:
//
//	go run .ci/platforms.go OS/ARCH[:TAGS],… PATTERN… [OS/ARCH[:TAGS],… PATTERN…]…
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
	"regexp"
	"runtime"
	"strings"
	"sync"

	"golang.org/x/tools/go/packages"
)

var (
	library  = filepath.Join(runtime.GOROOT(), "src") + string(filepath.Separator)
	fset     = token.NewFileSet()
	parsed   sync.Map // of names of files: most belong to all platforms
	platform = regexp.MustCompile(`^\w+/\w+(:\w+)?(,|$)`)
)

type file struct {
	syntax *ast.File
	err    error
}

func parse(_ *token.FileSet, name string, src []byte) (*ast.File, error) {
	if f, ok := parsed.Load(name); ok {
		return f.(file).syntax, f.(file).err
	}
	syntax, err := parser.ParseFile(fset, name, src, parser.AllErrors|parser.ParseComments|parser.SkipObjectResolution)
	if err == nil && strings.HasPrefix(name, library) {
		for _, d := range syntax.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil {
				stop := &ast.CallExpr{Fun: &ast.Ident{NamePos: f.Body.Lbrace, Name: "panic"}, Args: []ast.Expr{&ast.BasicLit{ValuePos: f.Body.Lbrace, Kind: token.INT, Value: "0"}}}
				f.Body.List = []ast.Stmt{&ast.ExprStmt{X: stop}}
			}
		}
		syntax.Comments = nil
	}
	parsed.Store(name, file{syntax, err})
	return syntax, err
}

// check returns whether the packages of patterns have types on a platform.
func check(name string, patterns []string) bool {
	platform, tags, _ := strings.Cut(name, ":")
	system, processor, _ := strings.Cut(platform, "/")
	list, err := packages.Load(&packages.Config{
		Mode: packages.LoadAllSyntax, Tests: true, BuildFlags: []string{"-tags=" + tags}, Fset: fset, ParseFile: parse,
		Env: append(os.Environ(), "GOOS="+system, "GOARCH="+processor, "CGO_ENABLED=0"),
	}, patterns...)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return false
	}
	files, errors := 0, 0
	for _, p := range list {
		files += len(p.Syntax)
	}
	packages.Visit(list, nil, func(p *packages.Package) {
		for _, e := range p.Errors {
			if !strings.HasPrefix(e.Pos, library) { // imports are not used there
				fmt.Fprintln(os.Stderr, e)
				errors++
			}
		}
	})
	fmt.Printf("%s: %d packages, %d files\n", name, len(list), files)
	return errors == 0 && files > 0
}

func main() {
	ok := true
	for args := os.Args[1:]; len(args) > 0; {
		n := 1
		for n < len(args) && !platform.MatchString(args[n]) {
			n++
		}
		for _, name := range strings.Split(args[0], ",") {
			ok = check(name, args[1:n]) && ok
		}
		args = args[n:]
	}
	if !ok {
		os.Exit(1)
	}
}
