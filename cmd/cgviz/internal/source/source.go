// Package source reads what cgviz draws: an expression, a graph in its text form
// (*.cg), a compiled program, or standard input with one of them.
package source

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/adjoint-go/adjoint/cmd/cgviz/internal/expr"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// Source is a graph with its outputs, or a compiled program.
type Source struct {
	Graph   *graph.Graph
	Outputs []*graph.Node
	// Program is set, and Graph nil, for the binary form of a compiled program.
	Program *vm.Program
	// Name is what messages call the source: the file's name, "expression", or "standard input".
	Name string
	// Hint says what else the argument may have meant, "" for nothing.
	Hint string
	// Expression is the canonical text of an expression, "" for other sources.
	Expression string
	// OneLine is true for an expression of one line, whose nodes' positions tell nothing.
	OneLine bool
}

// Error is a mistake in a source.
type Error struct {
	err    error
	report string
}

// Error returns the mistakes, one a line.
func (e *Error) Error() string { return e.err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.err }

// Report returns the mistakes with the lines that they are in and carets under the columns.
func (e *Error) Report() string { return e.report }

// maxBytes bounds the text of a graph.
const maxBytes = 1 << 30

// Extension ends the names of files with the text form of a graph.
const Extension = ".cg"

// Read reads the source that the argument gives: "-" stands for stdin, a name that ends in .cg for a
// file with a graph, and so does the name of a file that holds a compiled program; anything else is an expression. The error is an *Error if the source has mistakes.
func Read(argument string, stdin io.Reader) (*Source, error) {
	switch {
	case argument == "-":
		text, err := readAll(stdin)
		if err != nil {
			return nil, fmt.Errorf("standard input: %w", err)
		}
		if isGraph(text) {
			return parseGraph(text, "standard input")
		}
		if IsProgram(text) {
			return decode(text, "standard input")
		}
		if len(text) > expr.MaxLength {
			return nil, fmt.Errorf("standard input: %d bytes are neither a graph's text nor an expression", len(text))
		}
		return parseExpression(string(text))
	case strings.HasSuffix(argument, Extension):
		return readFile(argument)
	}
	if holdsProgram(argument) {
		return ReadProgram(argument)
	}
	s, err := parseExpression(argument)
	switch {
	case err != nil && filepath.Ext(argument) != "" && IsFile(argument):
		return nil, fmt.Errorf("%s: the file holds no compiled program, and its name does not end in %s; a graph under another name can be given as - < %[1]s", argument, Extension)
	case IsFile(argument + Extension):
		return s, hinted(s, err, fmt.Sprintf("the file %s is there too: give its whole name to draw it", argument+Extension))
	case IsFile(argument):
		return s, hinted(s, err, fmt.Sprintf("%s is taken for an expression; the file of this name can be given as - < %[1]s", argument))
	}
	return s, err
}

// hinted adds a hint to a source that may not be what was meant, or to its error.
func hinted(s *Source, err error, hint string) error {
	if err == nil {
		s.Hint = hint
		return nil
	}
	var wrong *Error
	if errors.As(err, &wrong) {
		return &Error{err: wrong.err, report: wrong.report + "\n  hint: " + hint}
	}
	return err
}

// ReadText reads a graph's text form.
func ReadText(text []byte, name string) (*Source, error) { return parseGraph(text, name) }

// Parse reads an expression or the text form of a graph.
func Parse(text string) (*Source, error) {
	if isGraph([]byte(text)) {
		return parseGraph([]byte(text), "graph")
	}
	return parseExpression(text)
}

// magic begins the binary form of a program.
const magic = "ADJP"

// IsProgram reports whether the data begins as the binary form of a program does.
func IsProgram(data []byte) bool {
	return strings.HasPrefix(string(data[:min(len(data), len(magic))]), magic)
}

// holdsProgram reports whether the argument is the name of a file that begins as a program does.
func holdsProgram(argument string) bool {
	if !IsFile(argument) {
		return false
	}
	f, err := os.Open(argument)
	if err != nil {
		return false
	}
	defer f.Close()
	start := make([]byte, len(magic))
	n, _ := io.ReadFull(f, start)
	return IsProgram(start[:n])
}

// ReadProgram reads a file with the binary form of a program.
func ReadProgram(name string) (*Source, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := readAll(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return decode(data, filepath.ToSlash(name))
}

func decode(data []byte, name string) (*Source, error) {
	p, err := vm.Decode(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &Source{Program: p, Name: name}, nil
}

func readFile(name string) (*Source, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := readAll(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return parseGraph(text, filepath.ToSlash(name))
}

func readAll(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxBytes+1))
	text = bytes.TrimPrefix(text, []byte("\uFEFF")) // which some editors write before a text
	if err == nil && len(text) > maxBytes {
		err = fmt.Errorf("more than %d bytes", maxBytes)
	}
	return text, err
}

// IsFile reports whether an argument is the name of a regular file.
func IsFile(argument string) bool {
	const longestName = 1000
	if argument == "" || len(argument) > longestName {
		return false
	}
	info, err := os.Stat(argument)
	return err == nil && info.Mode().IsRegular()
}

var header = regexp.MustCompile(`^(?:[ \t\r]*(?:#[^\n]*)?\n)*[ \t]*adjoint[ \t]+graph\b`)

// isGraph reports whether the text begins as the text form of a graph does.
func isGraph(text []byte) bool { return header.Match(text[:min(len(text), 1<<16)]) }

func parseExpression(text string) (*Source, error) {
	prog, err := expr.Parse(text)
	s := &Source{Graph: graph.New(), Name: "expression"}
	if err == nil {
		s.Expression = prog.String()
		s.OneLine = !strings.Contains(strings.TrimSpace(text), "\n")
		s.Outputs, err = expr.Build(s.Graph, prog)
	}
	if err != nil {
		e := &Error{err: err, report: err.Error()}
		var list expr.ErrorList
		if errors.As(err, &list) {
			e.report = list.Report()
		}
		return nil, e
	}
	return s, nil
}

func parseGraph(text []byte, name string) (*Source, error) {
	g, outputs, err := graph.Parse(text, name)
	if err != nil {
		return nil, &Error{err: err, report: graphReport(err, string(text))}
	}
	return &Source{Graph: g, Outputs: outputs, Name: name}, nil
}

// graphReport shows each mistake of a graph's text with its line.
func graphReport(err error, text string) string {
	list := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		list = joined.Unwrap()
	}
	var parts []string
	for _, err := range list {
		part := err.Error()
		var e *graph.Error
		if errors.As(err, &e) {
			part += excerpt(text, e.Pos)
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, "\n")
}

// excerpt returns the line of the text at the position, with a caret.
func excerpt(text string, at graph.Position) string {
	line, rest := "", text
	for i := 0; i < at.Line; i++ {
		var found bool
		if line, rest, found = strings.Cut(rest, "\n"); !found && i < at.Line-1 {
			return ""
		}
	}
	offset := 0
	for range at.Column - 1 {
		_, size := utf8.DecodeRuneInString(line[offset:])
		offset += size
	}
	return expr.Excerpt(line, expr.Span{Start: offset, End: offset + 1})
}

// Node returns the node with the given name, also as expressions may write it.
func (s *Source) Node(name string) (*graph.Node, error) {
	n := s.Graph.Lookup(name)
	if n == nil {
		normal, _ := expr.NormalizeName(name)
		n = s.Graph.Lookup(normal)
	}
	if n != nil {
		return n, nil
	}
	var known []string
	for id := range s.Graph.Len() {
		if name := s.Graph.Node(id).Name(); name != "" {
			known = append(known, name)
		}
	}
	const few = 8
	switch {
	case len(known) == 0:
		return nil, fmt.Errorf("there is no node %q; no node has a name", name)
	case len(known) <= few:
		return nil, fmt.Errorf("there is no node %q; the names are %s", name, strings.Join(known, ", "))
	}
	if c := expr.Closest(name, known); c != "" {
		return nil, fmt.Errorf("there is no node %q; did you mean %s?", name, c)
	}
	return nil, fmt.Errorf("there is no node %q", name)
}
