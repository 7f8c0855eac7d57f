package gosource

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// own puts the function's name, unless it is the default, in front of what the files declare beside it, so that several functions may share a package.
func (c *Config) own(files []File) []File {
	if c.Func == defaultFunc {
		return files
	}
	set := token.NewFileSet()
	names, used := map[string]string{}, map[string]bool{}
	for _, f := range files {
		if filepath.Ext(f.Name) != ".go" {
			continue
		}
		tree, err := parser.ParseFile(set, f.Name, f.Text, 0)
		if err != nil {
			panic("BUG: generated source cannot be read: " + err.Error())
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok {
				used[id.Name] = true
			}
			return true
		})
		declare := func(id *ast.Ident) {
			if id.Name != c.Func && id.Name != "New"+c.Func {
				names[id.Name] = ""
			}
		}
		for _, d := range tree.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil {
					declare(d.Name)
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					switch s := s.(type) {
					case *ast.ValueSpec:
						for _, id := range s.Names {
							declare(id)
						}
					case *ast.TypeSpec:
						declare(s.Name)
					}
				}
			}
		}
	}
	first, size := utf8.DecodeRuneInString(c.Func)
	prefix := string(unicode.ToLower(first)) + c.Func[size:]
	for name := range names {
		first, size := utf8.DecodeRuneInString(name)
		own := prefix + string(unicode.ToUpper(first)) + name[size:]
		for used[own] {
			own += "_"
		}
		names[name] = own
	}
	out := slices.Clone(files)
	for k, f := range out {
		if filepath.Ext(f.Name) == ".go" {
			out[k].Text = formatted(renamed(f.Text, names))
		} else {
			out[k].Text = symbols.ReplaceAllFunc(f.Text, func(symbol []byte) []byte {
				m := symbols.FindSubmatch(symbol)
				if own := names[string(m[2])]; own != "" {
					return append(slices.Clip(m[1]), own...)
				}
				return symbol
			})
		}
	}
	return out
}

// symbols are names of functions in assembly, and in the comments above them.
var symbols = regexp.MustCompile(`(·|// func )(\w+)`)

// renamed replaces identifiers, but for those behind a point, and first words of comments.
func renamed(text []byte, names map[string]string) []byte {
	var s scanner.Scanner
	set := token.NewFileSet()
	file := set.AddFile("", set.Base(), len(text))
	s.Init(file, text, nil, scanner.ScanComments)
	var out bytes.Buffer
	done := 0
	replace := func(at int, name string) {
		if own := names[name]; own != "" {
			out.Write(text[done:at])
			out.WriteString(own)
			done = at + len(name)
		}
	}
	for last := token.ILLEGAL; ; {
		pos, t, literal := s.Scan()
		at := file.Offset(pos)
		switch {
		case t == token.EOF:
			out.Write(text[done:])
			return out.Bytes()
		case t == token.IDENT && last != token.PERIOD && last != token.PACKAGE:
			replace(at, literal)
		case t == token.COMMENT && strings.HasPrefix(literal, "// "):
			word, _, _ := strings.Cut(literal[3:], " ")
			replace(at+3, word)
		}
		last = t
	}
}
