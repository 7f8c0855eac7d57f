// Package notebook makes Jupyter notebooks of test files in Go, so that a tutorial has one source, which go test compiles and runs.
//
// A tutorial is a folder with one file, tutorial_test.go: comments between slashes and stars at the top level are its text, in Markdown;
// the declarations between two texts are a cell of code; and an Example is what the cell runs, its Output what it prints.
package notebook

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// SourceName is the name of a tutorial's file.
const SourceName = "tutorial_test.go"

// A Cell is one of a tutorial's: text, or code.
type Cell struct {
	Text    string // in Markdown; empty for code
	Code    string // as the kernel takes it
	Example string // the name of the Example that it runs, or ""
	Output  string // what it prints
}

// setup makes a workspace of the kernel's module and this one, so that the kernel shares what the Go command has compiled for this one, and
// adds the package that shows pictures. Dependencies are known then, and symbols for debuggers would cost half of the time of each cell.
const setup = `!*go work init . "$GONB_DIR/../.." && go get github.com/janpfeifer/gonb/gonbui@v0.11.4 2>/dev/null
%noautoget
%goflags -ldflags=-s
`

// display hands pictures to the kernel; a program that ends without Sync loses them.
const display = `

var _ = show.In(func(png []byte) { gonbui.DisplayPng(png); gonbui.Sync() })`

// Folders lists the tutorials in a folder, in their order.
func Folders(root string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(root, "[0-9][0-9]-*", SourceName))
	for i := range files {
		files[i] = filepath.Dir(files[i])
	}
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("%s holds no tutorials", root)
	}
	return files, err
}

// Read returns the cells of the tutorial in a folder.
func Read(folder string) ([]Cell, error) {
	path := filepath.Join(folder, SourceName)
	source, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return parse(path, source)
}

func parse(path string, source []byte) ([]Cell, error) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	r := reader{files: files, source: string(source), comments: file.Comments, declared: map[string]int{}}
	var imports string
	var inside []ast.Node // what holds comments that are not text
	for _, d := range file.Decls {
		inside = append(inside, d)
	}
	type item struct {
		at token.Pos
		do func()
	}
	var items []item
	for _, c := range file.Comments {
		if c.Pos() < file.Package || slices.ContainsFunc(inside, func(n ast.Node) bool { return start(n) <= c.Pos() && c.End() <= r.end(n) }) {
			continue
		}
		items = append(items, item{c.Pos(), func() { r.addText(c) }})
	}
	for _, d := range file.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.IMPORT {
			imports = strings.Replace(r.text(d.Pos(), d.End()), "import (\n", "import (\n\t\"github.com/janpfeifer/gonb/gonbui\"\n\n", 1)
			continue
		}
		items = append(items, item{start(d), func() { r.addDeclaration(d) }})
	}
	slices.SortStableFunc(items, func(a, b item) int { return int(a.at - b.at) })
	for _, i := range items {
		i.do()
	}
	r.endCode()
	r.checkOrder()
	if len(r.cells) < 2 || r.cells[0].Text == "" || imports == "" {
		r.mistake(file.Package, "a tutorial has imports, and begins with text")
		return nil, errors.Join(r.mistakes...)
	}
	// What prepares the kernel is a cell of its own.
	r.cells = slices.Insert(r.cells, 1, Cell{Code: setup + imports + display, Output: `%goflags=["-ldflags=-s"]`})
	return r.cells, errors.Join(r.mistakes...)
}

// start is where a declaration begins, with its comment.
func start(n ast.Node) token.Pos {
	switch n := n.(type) {
	case *ast.GenDecl:
		if n.Doc != nil {
			return n.Doc.Pos()
		}
	case *ast.FuncDecl:
		if n.Doc != nil {
			return n.Doc.Pos()
		}
	}
	return n.Pos()
}

// end is where a declaration ends, with the comment behind it in its line.
func (r *reader) end(n ast.Node) token.Pos {
	for _, c := range r.comments {
		if n.End() <= c.Pos() && r.files.Position(c.Pos()).Line == r.files.Position(n.End()).Line {
			return c.End()
		}
	}
	return n.End()
}

type reader struct {
	files    *token.FileSet
	source   string
	comments []*ast.CommentGroup
	cells    []Cell
	from, to token.Pos      // the declarations of the cell that is being read
	declared map[string]int // the cell of each declaration
	uses     []use
	mistakes []error
}

// use is a name in a cell.
type use struct {
	name *ast.Ident
	cell int
}

func (r *reader) mistake(at token.Pos, format string, args ...any) {
	r.mistakes = append(r.mistakes, fmt.Errorf("%s: %s", r.files.Position(at), fmt.Sprintf(format, args...)))
}

func (r *reader) text(from, to token.Pos) string {
	return r.source[r.files.Position(from).Offset:r.files.Position(to).Offset]
}

func (r *reader) addText(c *ast.CommentGroup) {
	text := r.text(c.Pos(), c.End())
	if !strings.HasPrefix(text, "/*") || len(c.List) > 1 {
		r.mistake(c.Pos(), "a comment that belongs to nothing; text stands between /* and */")
		return
	}
	r.endCode()
	r.cells = append(r.cells, Cell{Text: strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(text, "/*"), "*/"))})
}

func (r *reader) addDeclaration(d ast.Decl) {
	r.addNames(d)
	if f, ok := d.(*ast.FuncDecl); ok && strings.HasPrefix(f.Name.Name, "Example") && f.Recv == nil {
		r.addExample(f)
		return
	}
	if doc := r.text(start(d), d.Pos()); strings.HasPrefix(doc, "/*") {
		r.mistake(start(d), "an empty line belongs between text and a declaration")
	}
	if r.from == token.NoPos {
		r.from = start(d)
	}
	r.to = r.end(d)
}

// takeCode returns the declarations that were read.
func (r *reader) takeCode() string {
	if r.from == token.NoPos {
		return ""
	}
	code := r.text(r.from, r.to)
	r.from = token.NoPos
	return code
}

func (r *reader) endCode() {
	if code := r.takeCode(); code != "" {
		r.cells = append(r.cells, Cell{Code: code})
	}
}

// addExample ends a cell with what it runs.
func (r *reader) addExample(f *ast.FuncDecl) {
	c := Cell{Example: f.Name.Name, Code: r.takeCode()}
	end := f.Body.Rbrace
	for _, comment := range r.comments {
		if f.Body.Lbrace < comment.Pos() && comment.End() <= f.Body.Rbrace {
			if output, ok := strings.CutPrefix(comment.Text(), "Output:"); ok {
				c.Output, end = strings.TrimSpace(output), comment.Pos()
			}
		}
	}
	if end == f.Body.Rbrace {
		r.mistake(f.Pos(), "%s states no output, so that go test would not run it", f.Name.Name)
	}
	body := strings.ReplaceAll("\n"+strings.TrimSpace(r.text(f.Body.Lbrace+1, end)), "\n\t", "\n")
	if c.Code != "" {
		c.Code += "\n\n"
	}
	c.Code += "%%" + body
	r.cells = append(r.cells, c)
}

// addNames notes what a declaration declares and which names stand in it.
func (r *reader) addNames(d ast.Decl) {
	at := len(r.cells)
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			r.declared[d.Name.Name] = at
		}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.ValueSpec:
				for _, n := range s.Names {
					r.declared[n.Name] = at
				}
			case *ast.TypeSpec:
				r.declared[s.Name.Name] = at
			}
		}
	}
	var visit func(n ast.Node) bool
	visit = func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			ast.Inspect(n.X, visit)
			return false
		case *ast.KeyValueExpr: // keys are mostly fields
			ast.Inspect(n.Value, visit)
			return false
		case *ast.Ident:
			r.uses = append(r.uses, use{n, at})
		}
		return true
	}
	ast.Inspect(d, visit)
}

// SetOutput returns a tutorial's source with another output of an Example, which states one.
func SetOutput(source []byte, example, output string) ([]byte, error) {
	text := string(source)
	from := strings.Index(text, "\nfunc "+example+"() {\n")
	if from < 0 {
		return nil, fmt.Errorf("there is no %s", example)
	}
	to := from + strings.Index(text[from:], "\n}\n")
	at := strings.LastIndex(text[from:max(from, to)], "\n\t// Output:")
	if at < 0 {
		return nil, fmt.Errorf("%s states no output", example)
	}
	var b strings.Builder
	b.WriteString(text[:from+at] + "\n\t// Output:")
	for line := range strings.Lines(strings.TrimSpace(output)) {
		b.WriteString("\n\t// " + strings.TrimRight(line, " \n"))
	}
	return []byte(b.String() + text[to:]), nil
}

// checkOrder reports what a cell uses before it is declared: Go does not mind, the kernel does.
func (r *reader) checkOrder() {
	for _, u := range r.uses {
		if at, ok := r.declared[u.name.Name]; ok && at > u.cell {
			r.mistake(u.name.Pos(), "%s is declared in a later cell", u.name.Name)
		}
	}
}
