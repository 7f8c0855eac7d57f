package stablehlo

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/adjoint-go/adjoint/graph"
)

// maxFile bounds the bytes of a text.
const maxFile = 1 << 30

// Error is a mistake in a text, or an operation that cannot be expressed.
type Error struct {
	Model string // the file's name
	Line  int    // the line in it, from 1
	Op    string // the operation, "" where it is not one's
	Err   error
}

// Error returns "file:line: operation: reason".
func (e *Error) Error() string {
	if e.Op == "" {
		return fmt.Sprintf("%s:%d: %v", e.Model, e.Line, e.Err)
	}
	return fmt.Sprintf("%s:%d: %s: %v", e.Model, e.Line, e.Op, e.Err)
}

// Unwrap returns the reason.
func (e *Error) Unwrap() error { return e.Err }

// Model is a module as read from a text. Nothing modifies it; Build may be called any number of times.
type Model struct {
	name      string
	functions map[string]*function
	main      *function
}

// ValueInfo describes an input.
type ValueInfo struct {
	Name    string // without the percent sign
	Type    graph.Type
	Element string // the text's name of the elements' type, such as f32 or ui8, which Type holds
}

// Inputs describes the parameters of the module's function, which is called main or is the only one.
func (m *Model) Inputs() []ValueInfo {
	if m == nil || m.main == nil {
		return nil
	}
	var all []ValueInfo
	for _, p := range m.main.body.params {
		element := elementNames[p.typ.DType]
		if p.typ.in != nil {
			element = p.typ.in.name
		}
		all = append(all, ValueInfo{p.name[1:], p.typ.Type, element})
	}
	return all
}

// ReadFile reads a module from a file. See Read.
func ReadFile(path string) (*Model, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return read(f, filepath.Base(path))
}

// Read reads a module as jax prints it, or in MLIR's generic form. Errors are *Error. Operations are looked at by Build. Nothing in the text is trusted: memory stays in proportion to its length.
func Read(r io.Reader) (*Model, error) { return read(r, "stablehlo") }

func read(r io.Reader, name string) (*Model, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxFile {
		return nil, fmt.Errorf("%s: has more than %d bytes", name, maxFile)
	}
	return parse(string(text), name)
}
