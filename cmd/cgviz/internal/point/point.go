// Package point reads the values of inputs at which a graph is evaluated, in the
// form of cgviz's flag --at:
//
//	x1=3, x2=-1e-3, n=7, ok=true, w=[1, 2, 3], a=[[1, 2], [3, 4]], b=[0], image=photo.npy
//
// The elements of a tensor stand in row-major order, nested by its shape or in one
// flat list; a list of one element fills the whole tensor. The name of a file that
// ends in .npy stands for the array in it.
package point

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/adjoint-go/adjoint/cmd/cgviz/internal/expr"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/dtype"
)

// Point holds the elements of inputs, row-major, as bits of the input's dtype.
type Point map[*graph.Node][]uint64

// Error is a mistake in the text of a point.
type Error struct {
	Text    string
	Span    expr.Span // the place of the mistake in Text
	Message string
	Flag    string // that the text belongs to; "" is --at
}

// Error returns the message with its column.
func (e *Error) Error() string {
	return fmt.Sprintf("%s, column %d: %s", cmp.Or(e.Flag, "--at"), e.column(), e.Message)
}

// Report returns the message and, below it, the text with carets under the mistake.
func (e *Error) Report() string { return e.Error() + expr.Excerpt(e.Text, e.Span) }

func (e *Error) column() int {
	return utf8.RuneCountInString(e.Text[:min(e.Span.Start, len(e.Text))]) + 1
}

// maxText bounds the length of a text; larger tensors come from files.
const maxText = 1 << 20

// Parse reads the texts, which add up to one point, for the given inputs. Inputs
// may be missing from it. The error is an *Error.
func Parse(texts []string, inputs []*graph.Node) (Point, error) {
	p := Point{}
	byName := map[string]*graph.Node{}
	for _, n := range inputs {
		byName[n.Name()] = n
	}
	for _, text := range texts {
		s := &scanner{text: text, inputs: inputs, byName: byName, point: p}
		if len(text) > maxText {
			return nil, s.fail(0, 0, "the text has %d bytes, at most %d are allowed; put large tensors in .npy files", len(text), maxText)
		}
		if !utf8.ValidString(text) {
			return nil, s.fail(0, 0, "the text is not UTF-8")
		}
		if err := s.assignments(); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// scanner reads one text.
type scanner struct {
	text   string
	pos    int
	inputs []*graph.Node
	byName map[string]*graph.Node
	point  Point
}

func (s *scanner) fail(start, end int, format string, args ...any) error {
	return &Error{Text: s.text, Span: expr.Span{Start: start, End: end}, Message: fmt.Sprintf(format, args...)}
}

func (s *scanner) space() {
	for s.pos < len(s.text) && strings.IndexByte(" \t\r\n", s.text[s.pos]) >= 0 {
		s.pos++
	}
}

// assignments reads name = value, separated by commas; one may stand at the end.
func (s *scanner) assignments() error {
	for {
		s.space()
		if s.pos == len(s.text) {
			return nil
		}
		n, err := s.name()
		if err != nil {
			return err
		}
		if p := s.point[n]; p != nil {
			return s.fail(s.pos, s.pos, "%s is given twice", n.Name())
		}
		s.space()
		values, err := s.value(n)
		if err != nil {
			return err
		}
		s.point[n] = values
		s.space()
		if s.pos < len(s.text) && s.text[s.pos] != ',' {
			return s.fail(s.pos, len(s.text), "a comma is missing before this")
		}
		s.pos++
		if s.pos > len(s.text) {
			return nil
		}
	}
}

// name reads an input's name and the = after it.
func (s *scanner) name() (*graph.Node, error) {
	start := s.pos
	rest := s.text[start:]
	// Names of inputs may hold = and commas: the longest that fits is meant.
	var found *graph.Node
	after := 0
	for _, n := range s.inputs {
		tail, ok := strings.CutPrefix(rest, n.Name())
		if !ok || found != nil && len(n.Name()) < len(found.Name()) {
			continue
		}
		trimmed := strings.TrimLeft(tail, " \t")
		if strings.HasPrefix(trimmed, "=") {
			found, after = n, len(rest)-len(trimmed)+1
		}
	}
	if found == nil {
		text, _, ok := strings.Cut(rest, "=")
		if !ok || strings.Contains(text, ",") {
			text, _, _ = strings.Cut(rest, ",")
			return nil, s.fail(start, start+len(strings.TrimRight(text, " \t")), "this has no value; write %s", s.form())
		}
		after = len(text) + 1
		text = strings.TrimRight(text, " \t")
		if text == "" {
			return nil, s.fail(start, start+1, "a name is missing; write %s", s.form())
		}
		name, _ := expr.NormalizeName(text)
		if found = s.byName[name]; found == nil {
			return nil, s.fail(start, start+len(text), "%s", s.unknown(text))
		}
	}
	if s.point[found] != nil {
		return nil, s.fail(start, start+len(strings.TrimRight(rest[:after-1], " \t")), "%s is given twice", found.Name())
	}
	s.pos = start + after
	return found, nil
}

// form returns an example of what is expected.
func (s *scanner) form() string {
	if len(s.inputs) > 0 {
		n := s.inputs[0]
		if n.Type().IsScalar() {
			return n.Name() + "=1"
		}
		return n.Name() + "=[…]"
	}
	return "x=1"
}

func (s *scanner) unknown(name string) string {
	message := fmt.Sprintf("there is no input %q", name)
	const few = 8
	switch {
	case len(s.inputs) == 0:
		return message + "; there are no inputs at all"
	case len(s.inputs) <= few:
		return message + "; the inputs are " + Names(s.inputs)
	}
	names := make([]string, len(s.inputs))
	for i, n := range s.inputs {
		names[i] = n.Name()
	}
	if c := expr.Closest(name, names); c != "" {
		message += fmt.Sprintf("; did you mean %s?", c)
	}
	return message
}

// Names lists the names of inputs for a message, with their types unless they are
// float64 scalars; of many it counts the rest.
func Names(inputs []*graph.Node) string {
	const most = 20
	var parts []string
	for i, n := range inputs {
		if i == most {
			parts = append(parts, fmt.Sprintf("and %d more", len(inputs)-most))
			break
		}
		text := n.Name()
		if t := n.Type(); !t.IsScalar() || t.DType != graph.Float64 {
			text += " (" + t.String() + ")"
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}

// value reads what stands for the elements of input n.
func (s *scanner) value(n *graph.Node) ([]uint64, error) {
	if s.pos < len(s.text) && s.text[s.pos] == '[' {
		return s.list(n)
	}
	start := s.pos
	word := s.word(",")
	if strings.HasSuffix(strings.ToLower(word), ".npy") {
		values, err := readFile(word, n.Type())
		if err != nil {
			return nil, s.fail(start, s.pos, "%v", err)
		}
		return values, nil
	}
	if word == "" {
		return nil, s.fail(start, start+1, "%s needs a value: %s", n.Name(), wanted(n.Type()))
	}
	if !n.Type().IsScalar() {
		return nil, s.fail(start, s.pos, "%s is a tensor of type %v: write a list such as [1, 2], or the name of an .npy file", n.Name(), n.Type())
	}
	bits, err := element(n.DType(), word)
	if err != nil && strings.Contains(word, "=") {
		err = fmt.Errorf("%w; a comma separates one input from the next", err)
	}
	if err != nil {
		return nil, s.fail(start, s.pos, "%s: %v", n.Name(), err)
	}
	return []uint64{bits}, nil
}

// word reads up to one of the given bytes or the end, without spaces at the end.
func (s *scanner) word(until string) string {
	end := len(s.text)
	if i := strings.IndexAny(s.text[s.pos:], until); i >= 0 {
		end = s.pos + i
	}
	w := strings.TrimRight(s.text[s.pos:end], " \t\r\n")
	s.pos += len(w)
	return w
}

func wanted(t graph.Type) string {
	if !t.IsScalar() {
		return fmt.Sprintf("a list for %v", t)
	}
	switch {
	case t.DType == graph.Bool:
		return "true or false"
	case t.DType.IsInt():
		return "an integer"
	}
	return "a number"
}

// element reads one element. Besides what dtype.ParseBits reads it takes other
// spellings of infinity and NaN and the true minus sign.
func element(d graph.DType, text string) (uint64, error) {
	plain := strings.ReplaceAll(text, "−", "-")
	if d.IsFloat() {
		switch strings.ToLower(plain) {
		case "inf", "+inf", "infinity", "+infinity", "∞", "+∞":
			plain = "+Inf"
		case "-inf", "-infinity", "-∞":
			plain = "-Inf"
		case "nan":
			plain = "NaN"
		}
	}
	return dtype.ParseBits(d, plain)
}

// list reads nested lists of elements.
func (s *scanner) list(n *graph.Node) ([]uint64, error) {
	start := s.pos
	var values []uint64
	shape := graph.Shape{} // extents by depth, as the lists show them
	var counts []int       // elements so far in each open list
	leaf := -1             // depth at which elements stand
	close := func(open int) error {
		d := len(counts) - 1
		switch {
		case d >= len(shape):
			shape = append(shape, make(graph.Shape, d+1-len(shape))...)
			shape[d] = counts[d]
		case shape[d] == 0:
			shape[d] = counts[d]
		case shape[d] != counts[d]:
			return s.fail(open, s.pos, "a list of %d beside lists of %d", counts[d], shape[d])
		}
		counts = counts[:d]
		return nil
	}
	const deepest = 64
	var opens []int
	expectPart := true
	for {
		s.space()
		if s.pos == len(s.text) {
			return nil, s.fail(start, start+1, "this list is not closed")
		}
		switch c := s.text[s.pos]; {
		case c == '[' && expectPart:
			if len(counts) == deepest {
				return nil, s.fail(s.pos, s.pos+1, "lists are nested more than %d deep", deepest)
			}
			if leaf >= 0 && len(counts) >= leaf {
				return nil, s.fail(s.pos, s.pos+1, "a list stands beside numbers")
			}
			counts = append(counts, 0)
			opens = append(opens, s.pos)
			s.pos++
		case c == ']' && (!expectPart || counts[len(counts)-1] == 0):
			if counts[len(counts)-1] == 0 {
				return nil, s.fail(opens[len(opens)-1], s.pos+1, "an empty list: every extent is at least 1")
			}
			s.pos++
			if err := close(opens[len(opens)-1]); err != nil {
				return nil, err
			}
			opens = opens[:len(opens)-1]
			if len(counts) == 0 {
				return s.fit(n, values, shape, start)
			}
			counts[len(counts)-1]++
			expectPart = false
		case c == ',' && !expectPart:
			s.pos++
			expectPart = true
		case expectPart && c != ',' && c != ']':
			at := s.pos
			bits, err := element(n.DType(), s.word(",[]"))
			if err != nil {
				return nil, s.fail(at, s.pos, "%s: %v", n.Name(), err)
			}
			if leaf < 0 {
				leaf = len(counts)
			}
			if len(counts) != leaf {
				return nil, s.fail(at, s.pos, "a number stands beside lists")
			}
			values = append(values, bits)
			counts[len(counts)-1]++
			expectPart = false
		default:
			what := "a comma or ] is missing before this"
			if expectPart {
				what = fmt.Sprintf("%s expected", wanted(graph.Type{DType: n.DType()}))
			}
			return nil, s.fail(s.pos, s.pos+1, "%s", what)
		}
	}
}

// fit checks the list at start against the input's shape.
func (s *scanner) fit(n *graph.Node, values []uint64, shape graph.Shape, start int) ([]uint64, error) {
	want := n.Shape()
	switch {
	case len(want) == 0:
		return nil, s.fail(start, s.pos, "%s is a scalar: write %s without a list", n.Name(), wanted(n.Type()))
	case shape.Equal(want), len(shape) == 1 && len(values) == want.Size():
		return values, nil
	case len(values) == 1 && len(shape) == 1:
		if want.Size() > maxElements {
			return nil, s.fail(start, s.pos, "%s has %d elements, more than the %d that can be evaluated here", n.Name(), want.Size(), maxElements)
		}
		all := make([]uint64, want.Size())
		for i := range all {
			all[i] = values[0]
		}
		return all, nil
	}
	return nil, s.fail(start, s.pos, "%s has shape %v (%d elements), the list has shape %v", n.Name(), want, want.Size(), shape)
}

// maxElements bounds the elements of one input.
const maxElements = 1 << 28

// readFile reads an .npy file as the elements of a tensor of the given type.
func readFile(name string, t graph.Type) ([]uint64, error) {
	f, err := os.Open(name)
	var path *fs.PathError
	if errors.As(err, &path) {
		return nil, fmt.Errorf("%s: %w", name, path.Err)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	values, err := readNPY(f, t)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return values, nil
}

// Value reads what stands for the elements of one input: a number, a truth value, or nested lists.
func Value(n *graph.Node, text string) ([]uint64, error) {
	if len(text) > maxText {
		return nil, fmt.Errorf("%s: the text has %d bytes, at most %d are allowed", n.Name(), len(text), maxText)
	}
	s := &scanner{text: text, inputs: []*graph.Node{n}}
	s.space()
	values, err := s.value(n)
	if s.space(); err == nil && s.pos < len(s.text) {
		err = s.fail(s.pos, len(s.text), "%s: this stands behind the value", n.Name())
	}
	return values, err
}
