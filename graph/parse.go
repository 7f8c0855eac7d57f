package graph

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/linescan"
)

// maxScopePath bounds the bytes of a scope path in text.
const maxScopePath = 4096

// Parse reads the text form that Format writes and documents, and returns the graph with its outputs. Operators' lines may leave
// out the type, numbers need not be dense, and inputs may come later, but before their use. The nodes carry filename and
// line as their position; "text" stands for an empty filename.
//
// The error joins all mistakes, of which each is an *Error with file, line and column; graph and outputs
// are nil then. Input from untrusted sources is safe: memory and time grow with the length of the text, whatever
// sizes it states.
func Parse(text []byte, filename string) (*Graph, []*Node, error) {
	if filename == "" {
		filename = "text"
	}
	p := parser{source: &source{rest: string(text)}, g: New(), file: filename, nodes: map[uint64]parsedNode{}}
	p.parse()
	if err := p.g.Err(); err != nil {
		return nil, nil, err
	}
	p.g.fixedPosition, p.g.scope = -1, 0
	return p.g, p.outputs, nil
}

type parsedNode struct {
	n    *Node // invalid after a mistake
	line int
}

type parser struct {
	linescan.Scanner
	*source
	g       *Graph
	file    string
	nodes   map[uint64]parsedNode
	outputs []*Node
	op      string // operator of the line, "" if it is not known
	scopes  map[string]int32
	opNames []string
}

// source is what is left of the text. Parsers of bodies share it with those around them.
type source struct {
	rest  string
	last  string // rest before the line that was read last
	line  int    // the number of the one read last
	depth int    // bodies that are being read
}

// next reads the next line, and reports whether there is one.
func (p *parser) next() bool {
	for p.rest != "" {
		var line string
		p.last = p.rest
		line, p.rest, _ = strings.Cut(p.rest, "\n")
		p.line++
		p.Scanner, p.op = linescan.Scanner{Line: line}, ""
		if utf8.ValidString(line) {
			return true
		}
		p.fail(linescan.Errorf(0, "the line is not valid UTF-8"))
	}
	return false
}

func (p *parser) parse() {
	header := false
	for p.next() {
		switch {
		case p.End():
		case !header:
			if header = true; !p.header() {
				return
			}
		default:
			p.statement()
		}
	}
	if len(p.g.errs) > 0 {
		return
	}
	p.Scanner, p.op = linescan.Scanner{}, ""
	p.line = max(1, p.line)
	if !header {
		p.fail(linescan.Errorf(0, "the text is empty: its first line is %q", textHeader))
	} else if len(p.outputs) == 0 {
		p.fail(linescan.Errorf(0, "there is no output line"))
	}
}

// fail records a mistake at the offset that a *linescan.Error carries, and returns an invalid node.
func (p *parser) fail(err error) *Node {
	offset := p.Pos
	if at := (*linescan.Error)(nil); errors.As(err, &at) {
		offset, err = at.Offset, at.Err
	}
	p.at(offset)
	return p.g.Fail(p.op, err)
}

// at makes nodes and mistakes carry the position of an offset in the line.
func (p *parser) at(offset int) {
	p.g.positions = append(p.g.positions, Position{p.file, p.line, linescan.Column(p.Line, offset)})
	p.g.fixedPosition = int32(len(p.g.positions) - 1)
}

// header reads the first line. What follows a wrong one is not worth reading.
func (p *parser) header() bool {
	const name, version = "adjoint graph", " 1"
	for word := range strings.SplitSeq(name, " ") {
		if at := p.Start(); p.Word() != word {
			p.fail(linescan.Errorf(at, "not the text form of a graph: its first line is %q", textHeader))
			return false
		}
	}
	at := p.Start()
	v, err := p.Uint("the format's version", math.MaxInt32)
	if err == nil && v != 1 {
		err = linescan.Errorf(at, "version %d of the format is not known, only 1", v)
	}
	if err == nil {
		err = p.ExpectEnd()
	}
	if err != nil {
		p.fail(err)
	}
	return err == nil
}

// statement reads one line behind the header. A panic while reading hostile text is our bug, but not the end of the caller.
func (p *parser) statement() {
	defer func() {
		if r := recover(); r != nil {
			p.fail(fmt.Errorf("internal error: %v", r))
		}
	}()
	var err error
	if p.Peek() == '%' {
		err = p.definition()
	} else if at := p.Start(); p.Keyword("output") {
		err = p.output()
	} else if p.Keyword("body") {
		if len(p.g.root().errs) == 0 {
			err = linescan.Errorf(at, "a body stands behind the node that has it")
		} else {
			p.skipBody() // of a node that is wrong
		}
	} else {
		err = linescan.Errorf(at, "expected a node, such as %%0, or output")
	}
	if err != nil {
		p.fail(err)
	}
}

func (p *parser) output() error {
	n, at, err := p.reference()
	if err == nil {
		err = p.ExpectEnd()
	}
	if err == nil && n.Valid() && n.Results() != nil {
		err = linescan.Errorf(at, "the node has %d results: an output is one of them, taken with the operator result", len(n.Results()))
	}
	if err == nil {
		p.outputs = append(p.outputs, n)
	}
	return err
}

// reference reads %number of a node that is defined already.
func (p *parser) reference() (n *Node, at int, err error) {
	at = p.Start()
	if err = p.Expect("%"); err != nil {
		return nil, at, err
	}
	id, err := p.Uint("the node's number", math.MaxInt32)
	if err != nil {
		return nil, at, err
	}
	d, ok := p.nodes[id]
	if !ok {
		return nil, at, linescan.Errorf(at, "%%%d is not defined on a line above", id)
	}
	return d.n, at, nil
}

// definition reads a node's line. After a mistake the number stands for an invalid node, so that its uses are no mistakes.
func (p *parser) definition() error {
	at := p.Start()
	p.Accept("%")
	id, err := p.Uint("the node's number", math.MaxInt32)
	if err != nil {
		return err
	}
	if d, ok := p.nodes[id]; ok {
		return linescan.Errorf(at, "%%%d is defined on line %d already", id, d.line)
	}
	n, err := p.node()
	if err != nil {
		n = p.fail(err)
	}
	p.nodes[id] = parsedNode{n, p.line}
	return nil
}

func (p *parser) node() (*Node, error) {
	var names []string
	for at := p.Start(); p.Peek() == '"'; at = p.Start() {
		name, err := p.Verbatim("the name")
		if err != nil {
			return nil, err
		}
		if err := p.checkName(name, at); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	if err := p.Expect("="); err != nil {
		return nil, err
	}
	opAt := p.Start()
	opName, err := p.ExpectWord("an operator")
	if err != nil {
		return nil, err
	}
	op := LookupOp(opName)
	if op == nil {
		return nil, p.unknownOp(opName, opAt)
	}
	p.op = opName
	var build func() *Node
	switch op {
	case opInput:
		if names == nil {
			return nil, linescan.Errorf(opAt, `an input needs a name: %%0 "x" = input : f64`)
		}
		build, err = p.input(names[0])
	case opConst:
		build, err = p.constant()
	default:
		build, err = p.operator(op, opAt)
	}
	if err != nil {
		return nil, err
	}
	if p.g.scope, err = p.scope(); err != nil {
		return nil, err
	}
	if err := p.ExpectEnd(); err != nil {
		return nil, err
	}
	p.at(opAt)
	before := p.g.nodes.len()
	n := build()
	p.op = ""
	if n.Valid() && int(n.id) < before {
		n = n.copy() // two lines are two nodes, even if they say the same
	}
	for _, name := range names {
		n = n.Named(name)
	}
	return n, nil
}

func (p *parser) checkName(name string, at int) error {
	if err := CheckName(name); err != nil {
		return &linescan.Error{Offset: at, Err: err}
	}
	if other := p.g.names[name]; other != nil {
		return linescan.Errorf(at, "the name %q is taken by the node on line %d", name, other.Position().Line)
	}
	return nil
}

func (p *parser) unknownOp(name string, at int) error {
	if len(p.g.errs) >= maxErrors {
		return linescan.Errorf(at, "no operator is named so") // which is counted only
	}
	if p.opNames == nil {
		for _, op := range Ops() {
			p.opNames = append(p.opNames, op.Name)
		}
	}
	if c := linescan.Closest(name, p.opNames); c != "" {
		return linescan.Errorf(at, "no operator is named %q: did you mean %s?", shorten(name), c)
	}
	return linescan.Errorf(at, "no operator is named %q", shorten(name))
}

// shorten keeps hostile words out of messages.
func shorten(word string) string {
	if len(word) > 40 {
		return word[:40] + "…"
	}
	return word
}

// scope reads in "path", if it comes next.
func (p *parser) scope() (int32, error) {
	if !p.Keyword("in") {
		return 0, nil
	}
	at := p.Start()
	path, err := p.Verbatim("the scope")
	if err != nil {
		return 0, err
	}
	if known, ok := p.scopes[path]; ok {
		return known, nil
	}
	if len(path) > maxScopePath {
		return 0, linescan.Errorf(at, "a scope may have %d bytes at the most", maxScopePath)
	}
	if err := checkScope(path); err != nil {
		return 0, &linescan.Error{Offset: at, Err: err}
	}
	if p.scopes == nil {
		p.scopes = map[string]int32{}
	}
	i := int32(len(p.g.scopes))
	p.g.scopes = append(p.g.scopes, path)
	p.scopes[path] = i
	return i, nil
}

// typ reads f64 or f32[2,3].
func (p *parser) typ() (Type, error) {
	at := p.Start()
	word, err := p.ExpectWord("a type, such as f64[3,4]")
	if err != nil {
		return Type{}, err
	}
	t := Type{}
	var ok bool
	if t.DType, ok = dtype.Parse(word); !ok {
		return Type{}, linescan.Errorf(at, "no dtype is named %q: they are f64, f32, i64, i32 and bool", shorten(word))
	}
	if !p.Accept("[") {
		return t, nil
	}
	for {
		e, err := p.Uint("the extent", MaxElements)
		if err != nil {
			return Type{}, err
		}
		if len(t.Shape) == MaxRank {
			return Type{}, linescan.Errorf(at, "a type of more than %d dimensions", MaxRank)
		}
		t.Shape = append(t.Shape, int(e))
		if p.Accept(",") {
			continue
		}
		if err := p.Expect("]"); err != nil {
			return Type{}, err
		}
		if err := t.Shape.check(); err != nil {
			return Type{}, &linescan.Error{Offset: at, Err: err}
		}
		return t, nil
	}
}

func (p *parser) input(name string) (func() *Node, error) {
	if err := p.Expect(":"); err != nil {
		return nil, err
	}
	t, err := p.typ()
	return func() *Node {
		build := p.g.build
		p.g.build = nil // of a body: its inputs are the parameters
		defer func() { p.g.build = build }()
		return p.g.Input(name, t.DType, t.Shape...)
	}, err
}

// constant reads the elements behind the type that follows them.
func (p *parser) constant() (func() *Node, error) {
	first := p.Start()
	for c := p.Peek(); c != ':' && c != 0; c = p.Peek() {
		if p.Literal() == "" {
			p.Pos++
		}
	}
	if err := p.Expect(":"); err != nil {
		return nil, err
	}
	t, err := p.typ()
	if err != nil {
		return nil, err
	}
	end := p.Pos
	p.Pos = first
	if !t.IsScalar() {
		if err := p.Expect("["); err != nil {
			return nil, err
		}
	}
	var data []byte
	n, size := 0, t.Shape.Size()
	for ; p.Peek() != ']' && p.Peek() != ':'; n++ {
		at := p.Start()
		bits, err := dtype.ParseBits(t.DType, p.Literal())
		if err != nil {
			return nil, &linescan.Error{Offset: at, Err: err}
		}
		if n == size {
			return nil, linescan.Errorf(at, "more than the %d elements of %v", size, t)
		}
		data = appendBits(data, t.DType, bits)
	}
	if n != size {
		return nil, linescan.Errorf(p.Pos, "%d elements for %v, which has %d", n, t, size)
	}
	if !t.IsScalar() {
		if err := p.Expect("]"); err != nil {
			return nil, err
		}
	}
	if err := p.Expect(":"); err != nil {
		return nil, err
	}
	p.Pos = end
	lit, err := NewLiteral(t, data)
	if err != nil {
		return nil, err
	}
	return func() *Node { return p.g.written(lit) }, nil
}

// written returns the constant that a text has. One that a text has twice is once a number of the rules of derivatives, which texts do not tell from others.
func (g *Graph) written(l *Literal) *Node {
	return g.literal(l.as(g.find(opConst, nil, nil, l) != nil))
}

// operator reads operands, attributes and types.
func (p *parser) operator(op *Op, opAt int) (func() *Node, error) {
	var in []*Node
	for p.Peek() == '%' {
		n, _, err := p.reference()
		if err != nil {
			return nil, err
		}
		in = append(in, n)
		if !p.Accept(",") {
			break
		}
		if p.Peek() != '%' {
			return nil, p.Expect("%")
		}
	}
	attrs, offsets, err := attr.Scan(&p.Scanner)
	if err != nil {
		return nil, err
	}
	bodies := 0
	for _, a := range attrs {
		bodies += len(a.Value.Funcs)
	}
	if err := op.checkKinds(attrs, offsets); err != nil {
		return nil, err
	}
	var stated []Type
	typed, many, typeAt := false, false, 0
	if p.Accept(":") {
		typed, typeAt = true, p.Start()
		many = p.Accept("(")
		for !many || len(stated) > 0 || p.Peek() != ')' { // a loop without carries has no result
			t, err := p.typ()
			if err != nil {
				return nil, err
			}
			stated = append(stated, t)
			if !many || !p.Accept(",") {
				break
			}
		}
		if many {
			if err := p.Expect(")"); err != nil {
				return nil, err
			}
		}
	}
	return func() *Node {
		line, number, position := p.Scanner, p.line, p.g.fixedPosition
		for i, a := range attrs {
			for k := range a.Value.Funcs {
				b := p.body()
				if b == nil {
					return p.g.invalid()
				}
				attrs[i].Value.Funcs[k] = b
			}
		}
		if p.Scanner, p.op = line, op.Name; bodies > 0 {
			p.g.fixedPosition = position
		}
		for _, n := range in {
			if !n.Valid() {
				return n
			}
		}
		n := p.g.Apply(op, in, attrs)
		if !typed || !n.Valid() || sameTypes(n, stated, many) {
			return n
		}
		defer func(now int) { p.line = now }(p.line)
		p.line = number
		return p.fail(linescan.Errorf(typeAt, "the type is stated as %s, but the operator gives %s", typesText(stated, many), appendTypes(nil, n)))
	}, nil
}

// body reads the lines from "body" to "end"; nil after a mistake, which is on record.
func (p *parser) body() *Body {
	for more := true; more && p.End(); { // blank lines
		if more = p.next(); !more {
			p.fail(linescan.Errorf(p.Pos, "the text ends where a body has to follow"))
			return nil
		}
	}
	if at := p.Start(); !p.Keyword("body") {
		p.fail(linescan.Errorf(at, "a body has to follow: a line body, the body's nodes and outputs, and a line end"))
		p.rest, p.Scanner = p.last, linescan.Scanner{} // the line may be a statement
		p.line--
		return nil
	}
	if err := p.ExpectEnd(); err != nil {
		p.fail(err)
	}
	if p.depth++; p.depth > maxBodyDepth {
		p.fail(fmt.Errorf("more than %d bodies within one another", maxBodyDepth))
		p.skipBody()
		p.depth--
		return nil
	}
	defer func() { p.depth-- }()
	sub := parser{source: p.source, g: New(), file: p.file, nodes: map[uint64]parsedNode{}, opNames: p.opNames}
	root := p.g.root()
	sub.g.build = &bodyBuilder{outer: root, op: "text"}
	before := len(root.errs) + root.dropped
	for sub.next() {
		if sub.End() {
			continue
		}
		if sub.Keyword("end") {
			if err := sub.ExpectEnd(); err != nil {
				sub.fail(err)
			}
			p.Scanner = linescan.Scanner{}
			if len(root.errs)+root.dropped > before {
				return nil
			}
			sub.g.build = nil
			b, err := NewBody(sub.g.inputs, sub.outputs)
			if err != nil {
				p.fail(linescan.Errorf(0, "the body that ends here: %w", err))
				return nil
			}
			return b
		}
		sub.Pos = 0
		sub.statement()
	}
	sub.fail(linescan.Errorf(0, "the text ends within a body"))
	return nil
}

// skipBody reads on to the end of the body whose first line was read.
func (p *parser) skipBody() {
	for depth := 1; depth > 0 && p.next(); {
		switch {
		case p.Keyword("body"):
			depth++
		case p.Keyword("end"):
			depth--
		}
	}
	p.Scanner = linescan.Scanner{}
}

func sameTypes(n *Node, stated []Type, many bool) bool {
	have := n.Results()
	if many != (have != nil) {
		return false
	}
	if !many {
		have = []Type{n.Type()}
	}
	return slices.EqualFunc(have, stated, Type.Equal)
}

func typesText(ts []Type, many bool) string {
	var b []byte
	for i, t := range ts {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = appendType(b, t)
	}
	if many {
		return "(" + string(b) + ")"
	}
	return string(b)
}

// checkKinds reports, where they stand, attributes that the operator does not have and values of the wrong kind.
func (op *Op) checkKinds(attrs attr.List, offsets []int) error {
	for k, a := range attrs {
		var spec *AttrSpec
		keys := make([]string, len(op.Attrs))
		for i := range op.Attrs {
			keys[i] = op.Attrs[i].Key
			if keys[i] == a.Key {
				spec = &op.Attrs[i]
			}
		}
		if spec == nil {
			hint := ""
			if c := linescan.Closest(a.Key, keys); c != "" {
				hint = fmt.Sprintf(": did you mean %s?", c)
			} else if len(keys) > 0 {
				hint = ": it has " + strings.Join(keys, ", ")
			}
			return linescan.Errorf(offsets[k], "the operator has no attribute %s%s", shorten(a.Key), hint)
		}
		if spec.Kind != a.Value.Kind {
			return linescan.Errorf(offsets[k], "attribute %s is %v, needs %v", a.Key, a.Value.Kind, spec.Kind)
		}
	}
	return nil
}
