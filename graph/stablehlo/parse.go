package stablehlo

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/adjoint-go/adjoint/graph"
)

// maxNesting bounds how deep regions and attributes may be nested.
const maxNesting = 64

// operation is one operation, whatever form it was printed in.
type operation struct {
	name       string // stablehlo.add
	line       int
	operands   []string
	results    []string
	attributes map[string]attribute
	words      []string // bare words of the pretty form: the direction of compare, or what reduce applies
	regions    []*region
	out        []tensor // declared types of the results; of the pretty form with one list of types, that list
}

// region is a block of operations that end in a return.
type region struct {
	params []param
	ops    []*operation
}

type param struct {
	name string
	typ  tensor
}

type function struct {
	line int
	body *region
}

// attribute is one of: a word or string, a number, a list, fields, or a literal.
type attribute struct {
	text    string
	number  int
	list    []attribute
	fields  map[string]attribute
	literal *literal
}

// literal is the value of a dense attribute: one element for all (splat) or as many as its type has.
type literal struct {
	typ   tensor
	bytes []byte
	splat bool
}

// ints returns a list of integers, whichever way it is written.
func (a attribute) ints() []int {
	if l := a.literal; l != nil && l.typ.DType == graph.Int64 {
		n := len(l.bytes) / 8
		v := make([]int, 0, n)
		for i := range n {
			v = append(v, int(int64(binary.LittleEndian.Uint64(l.bytes[8*i:]))))
		}
		if l.splat {
			if l.typ.Shape.Size() > 1<<10 {
				return nil
			}
			v = slices.Repeat(v, l.typ.Shape.Size())
		}
		return v
	}
	var v []int
	for _, e := range a.list {
		if e.list != nil {
			v = append(v, e.ints()...)
			continue
		}
		v = append(v, e.number)
	}
	return v
}

// isTrue reports whether the attribute is the word true.
func (a attribute) isTrue() bool { return a.text == "true" }

// parser reads MLIR. Mistakes are thrown as *Error and caught by parse.
type parser struct {
	name  string
	s     string
	at    int
	depth int
	// lines are counted up to counted.
	line, counted int
}

func parse(text, name string) (m *Model, err error) {
	p := &parser{name: name, s: text, line: 1}
	defer func() {
		switch r := recover().(type) {
		case nil:
		case *Error:
			m, err = nil, r
		default:
			panic(r)
		}
	}()
	m = &Model{name: name, functions: map[string]*function{}}
	p.top(m)
	m.main = m.functions["main"]
	if m.main == nil && len(m.functions) == 1 {
		for _, f := range m.functions {
			m.main = f
		}
	}
	if m.main == nil {
		p.fail("", "the module has no function main")
	}
	return m, nil
}

func (p *parser) lineNow() int {
	if p.at > p.counted {
		p.line += strings.Count(p.s[p.counted:min(p.at, len(p.s))], "\n")
		p.counted = p.at
	}
	return p.line
}

func (p *parser) fail(op, format string, args ...any) {
	panic(&Error{Model: p.name, Line: p.lineNow(), Op: op, Err: fmt.Errorf(format, args...)})
}

// space skips white space, comments, and locations.
func (p *parser) space() {
	for p.at < len(p.s) {
		switch c := p.s[p.at]; {
		case c == ' ' || c == '\n' || c == '\t' || c == '\r':
			p.at++
		case strings.HasPrefix(p.s[p.at:], "//"):
			n := strings.IndexByte(p.s[p.at:], '\n')
			if n < 0 {
				n = len(p.s) - p.at
			}
			p.at += n
		case strings.HasPrefix(p.s[p.at:], "loc(") && (p.at == 0 || !isWord(p.s[p.at-1])):
			p.at += len("loc")
			p.balanced()
		default:
			return
		}
	}
}

// balanced skips what is between parentheses.
func (p *parser) balanced() {
	for depth := 0; ; p.at++ {
		if p.at >= len(p.s) {
			p.fail("", "parentheses that do not close")
		}
		switch p.s[p.at] {
		case '"':
			p.quoted()
			p.at--
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				p.at++
				return
			}
		}
	}
}

func isWord(c byte) bool {
	return c == '_' || c == '$' || c == '.' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// peek returns the next character that counts, 0 at the end.
func (p *parser) peek() byte {
	p.space()
	if p.at < len(p.s) {
		return p.s[p.at]
	}
	return 0
}

// accept skips a token if it is next.
func (p *parser) accept(token string) bool {
	p.space()
	if !strings.HasPrefix(p.s[p.at:], token) {
		return false
	}
	if end := p.at + len(token); isWord(token[len(token)-1]) && end < len(p.s) && isWord(p.s[end]) {
		return false
	}
	p.at += len(token)
	return true
}

func (p *parser) expect(token string) {
	if !p.accept(token) {
		rest := p.s[p.at:min(len(p.s), p.at+20)]
		p.fail("", "%q where %q is expected", rest, token)
	}
}

// word returns the next word, "" if there is none.
func (p *parser) word() string {
	p.space()
	from := p.at
	for p.at < len(p.s) && isWord(p.s[p.at]) {
		p.at++
	}
	return p.s[from:p.at]
}

// quoted returns the string whose quote is next.
func (p *parser) quoted() string {
	from := p.at
	for p.at++; p.at < len(p.s) && p.s[p.at] != '"'; p.at++ {
		if p.s[p.at] == '\\' {
			p.at++
		}
	}
	if p.at >= len(p.s) {
		p.fail("", "a string that does not end")
	}
	p.at++
	return p.s[from+1 : p.at-1]
}

// value returns the name of a value, %x or %x#1.
func (p *parser) value() string {
	p.expect("%")
	from := p.at
	for p.at < len(p.s) && (isWord(p.s[p.at]) || p.s[p.at] == '-' || p.s[p.at] == '#') {
		p.at++
	}
	if from == p.at {
		p.fail("", "a value without a name")
	}
	return p.s[from-1 : p.at]
}

// symbol returns the name behind @.
func (p *parser) symbol() string {
	p.expect("@")
	if p.peek() == '"' {
		return p.quoted()
	}
	from := p.at
	for p.at < len(p.s) && (isWord(p.s[p.at]) || p.s[p.at] == '-') {
		p.at++
	}
	return p.s[from:p.at]
}

func (p *parser) enter() {
	if p.depth++; p.depth > maxNesting {
		p.fail("", "nested deeper than %d", maxNesting)
	}
}

var elements = map[string]graph.DType{"f64": graph.Float64, "f32": graph.Float32, "i64": graph.Int64, "i32": graph.Int32, "i1": graph.Bool}

// typ returns a tensor type.
func (p *parser) typ() tensor {
	if !p.accept("tensor<") {
		w := p.word()
		p.fail("", "the type %q: tensors are all there is here", w+p.s[p.at:min(len(p.s), p.at+12)])
	}
	n := strings.IndexByte(p.s[p.at:], '>')
	if n < 0 {
		p.fail("", "a type that does not end")
	}
	text := p.s[p.at : p.at+n]
	p.at += n + 1
	if strings.Contains(text, "complex<") {
		p.expect(">")
	}
	t := tensor{Type: graph.Type{Shape: graph.Shape{}}}
	size := 1
	for {
		e, rest, more := strings.Cut(text, "x")
		if !more {
			break
		}
		if e == "?" {
			p.fail("", "tensor<%s> leaves an extent open: export with static shapes", text)
		}
		v, err := strconv.Atoi(e)
		if err != nil || v < 0 {
			break
		}
		if v > 0 && size > graph.MaxElements/v || len(t.Shape) >= graph.MaxRank {
			p.fail("", "tensor<%s> is too large", text)
		}
		size *= max(v, 1)
		t.Shape = append(t.Shape, v)
		text = rest
	}
	d, ok := elements[text]
	if t.in = narrows[text]; t.in != nil {
		d, ok = t.in.dtype, true
	}
	if !ok {
		p.fail("", "elements of type %q: there are f64, f32, f16 and bf16, i1, and integers of 2 to 64 bits", text)
	}
	t.DType = d
	if t.in != nil && t.in.pair {
		if size > graph.MaxElements/2 || len(t.Shape) >= graph.MaxRank {
			p.fail("", "a type that is too large")
		}
		t.Shape = append(t.Shape, 2)
	}
	return t
}

// types returns a list of types, in parentheses or not.
func (p *parser) types() []tensor {
	var all []tensor
	if p.accept("(") {
		for !p.accept(")") {
			all = append(all, p.typ())
			if p.peek() == '{' {
				p.dict(nil)
			}
			if !p.accept(",") && p.peek() != ')' {
				p.expect(")")
			}
		}
		return all
	}
	all = append(all, p.typ())
	for p.accept(",") {
		all = append(all, p.typ())
	}
	return all
}

// attr returns the value of an attribute.
func (p *parser) attr() attribute {
	p.enter()
	defer func() { p.depth-- }()
	switch c := p.peek(); {
	case c == '[':
		p.at++
		a := attribute{list: []attribute{}}
		for !p.accept("]") {
			a.list = append(a.list, p.attr())
			if !p.accept(",") && p.peek() != ']' {
				p.expect("]")
			}
		}
		return a
	case c == '{':
		a := attribute{fields: map[string]attribute{}}
		p.dict(a.fields)
		return a
	case c == '"':
		return attribute{text: p.quoted()}
	case c == '@':
		return attribute{text: p.symbol()}
	case c == '(': // the type of a function
		p.balanced()
		if p.accept("->") {
			if p.peek() == '(' {
				p.balanced()
			} else {
				p.typ()
			}
		}
		return attribute{}
	case c == '-' || c >= '0' && c <= '9':
		from := p.at
		p.at++
		for p.at < len(p.s) && (isWord(p.s[p.at]) || (p.s[p.at] == '-' || p.s[p.at] == '+') && (p.s[p.at-1] == 'e' || p.s[p.at-1] == 'E')) {
			p.at++
		}
		text := p.s[from:p.at]
		n, err := strconv.Atoi(text)
		if err != nil {
			n = 0
		}
		behind := p.at
		if !p.accept(":") || !isElement(p.word()) { // the colon may end the attributes
			p.at = behind
		}
		return attribute{text: text, number: n}
	case c == '#':
		return p.dialect()
	case strings.HasPrefix(p.s[p.at:], "tensor<"):
		p.typ()
		return attribute{}
	case c == '!':
		p.fail("", "a type of another dialect")
	}
	switch w := p.word(); w {
	case "dense":
		return attribute{literal: p.dense()}
	case "dense_resource":
		p.fail("", "a resource: print constants as elements")
		return attribute{}
	case "array":
		p.expect("<")
		p.word()
		a := attribute{list: []attribute{}}
		if p.accept(":") {
			for p.peek() != '>' {
				a.list = append(a.list, p.attr())
				if !p.accept(",") && p.peek() != '>' {
					p.expect(">")
				}
			}
		}
		p.expect(">")
		return a
	case "":
		p.fail("", "%q where an attribute is expected", p.s[p.at:min(len(p.s), p.at+12)])
		return attribute{}
	default:
		return attribute{text: w}
	}
}

// isElement reports whether a word is the type of a number.
func isElement(w string) bool {
	w = strings.TrimLeft(w, "usi")
	w = strings.TrimPrefix(strings.TrimPrefix(w, "b"), "f")
	_, err := strconv.Atoi(w)
	return err == nil
}

// dialect returns #stablehlo.gather<k = v, …> as fields, #stablehlo<precision DEFAULT> as the last word, and #stablehlo.conv<…> as lists.
func (p *parser) dialect() attribute {
	p.expect("#")
	name := p.word()
	if !p.accept("<") {
		return attribute{text: name}
	}
	if name == "stablehlo.conv" {
		a := p.convDims()
		p.expect(">")
		return a
	}
	a := attribute{fields: map[string]attribute{}}
	for !p.accept(">") {
		k := p.word()
		if k == "" {
			p.fail("", "#%s<…> with %q in it", name, p.s[p.at:min(len(p.s), p.at+12)])
		}
		if p.accept("=") {
			a.fields[k] = p.attr()
		} else {
			a.text = k
		}
		p.accept(",")
	}
	return a
}

// convDims returns [b, f, 0, 1]x[o, i, 0, 1]->[b, f, 0, 1].
func (p *parser) convDims() attribute {
	a := attribute{}
	for i, before := range []string{"", "x", "->"} {
		if i > 0 {
			p.expect(before)
		}
		a.list = append(a.list, p.attr())
	}
	return a
}

// dict reads {k = v, k} into fields, which may be nil.
func (p *parser) dict(fields map[string]attribute) {
	p.expect("{")
	for !p.accept("}") {
		var k string
		if p.peek() == '"' {
			k = p.quoted()
		} else if k = p.word(); k == "" {
			p.fail("", "%q where the name of an attribute is expected", p.s[p.at:min(len(p.s), p.at+12)])
		}
		a := attribute{text: "true"}
		if p.accept("=") {
			a = p.attr()
		}
		if fields != nil {
			fields[k] = a
		}
		if !p.accept(",") && p.peek() != '}' {
			p.expect("}")
		}
	}
}

// dense reads <…> : type behind the word dense.
func (p *parser) dense() *literal {
	p.expect("<")
	from, line := p.at, p.lineNow()
	var tokens []string
	var raw string
	if p.peek() == '"' {
		raw = p.quoted()
		p.expect(">")
	} else {
		n := strings.IndexByte(p.s[p.at:], '>')
		if n < 0 {
			p.fail("", "a constant that does not end")
		}
		tokens = strings.FieldsFunc(p.s[from:p.at+n], func(r rune) bool { return strings.ContainsRune(" \n\t\r,[]", r) })
		p.at += n + 1
	}
	p.expect(":")
	t := p.typ()
	l := &literal{typ: t}
	size := t.Shape.Size()
	bad := func(err error) { panic(&Error{Model: p.name, Line: line, Op: "dense", Err: err}) }
	if raw != "" {
		h, ok := strings.CutPrefix(raw, "0x")
		data, err := hex.DecodeString(h)
		if !ok || err != nil {
			bad(errors.New("a string that is no hexadecimal number"))
		}
		if t.DType == graph.Bool {
			bad(errors.New("packed i1: print them as elements"))
		}
		if t.in != nil {
			if data, err = t.in.unpack(data); err != nil {
				bad(err)
			}
		}
		l.bytes, l.splat = data, len(data) == t.DType.Size() && size != 1
		if !l.splat && len(data)/t.DType.Size() != size || len(data)%t.DType.Size() != 0 {
			bad(fmt.Errorf("%d bytes for %v", len(data), t))
		}
		return l
	}
	if len(tokens) == 1 && size != 1 {
		l.splat = true
	} else if len(tokens) != size {
		bad(fmt.Errorf("%d elements for %v", len(tokens), t))
	}
	for _, e := range tokens {
		bits, err := elementBits(e, t)
		if err != nil {
			bad(err)
		}
		l.bytes = appendBits(l.bytes, t.DType, bits)
	}
	return l
}

// elementBits reads one element: hexadecimal floats are bits.
func elementBits(e string, t tensor) (uint64, error) {
	if t.in != nil {
		return t.in.parse(e)
	}
	d := t.DType
	size := 8 * d.Size()
	if d.IsFloat() {
		if h, ok := strings.CutPrefix(e, "0x"); ok {
			v, err := strconv.ParseUint(h, 16, size)
			return v, err
		}
		v, err := strconv.ParseFloat(e, size)
		if d == graph.Float32 {
			return uint64(math.Float32bits(float32(v))), err
		}
		return math.Float64bits(v), err
	}
	switch {
	case d == graph.Bool && (e == "true" || e == "1"):
		return 1, nil
	case d == graph.Bool && (e == "false" || e == "0"):
		return 0, nil
	case d == graph.Bool:
		return 0, fmt.Errorf("the element %q of i1", e)
	}
	v, err := strconv.ParseInt(e, 0, size)
	return uint64(v), err
}

// top reads the module.
func (p *parser) top(m *Model) {
	for p.peek() != 0 {
		switch {
		case p.peek() == '#': // an alias of a location or attribute
			n := strings.IndexByte(p.s[p.at:], '\n')
			if n < 0 {
				n = len(p.s) - p.at
			}
			p.at += n
		case p.accept("module"):
			if p.peek() == '@' {
				p.symbol()
			}
			if p.accept("attributes") {
				p.dict(nil)
			}
			p.expect("{")
		case p.accept("}"):
		case p.accept("func.func"):
			p.function(m)
		case p.peek() == '"':
			p.generic(m, p.operation())
		default:
			p.fail("", "%q where a function is expected", p.s[p.at:min(len(p.s), p.at+20)])
		}
	}
}

// generic takes the functions out of a module in the generic form.
func (p *parser) generic(m *Model, op *operation) {
	switch op.name {
	case "builtin.module":
		for _, r := range op.regions {
			for _, inner := range r.ops {
				p.generic(m, inner)
			}
		}
	case "func.func":
		if len(op.regions) != 1 {
			p.fail(op.name, "%d regions", len(op.regions))
		}
		p.define(m, op.attributes["sym_name"].text, op.line, op.regions[0])
	default:
		p.fail(op.name, "outside of a function")
	}
}

func (p *parser) define(m *Model, name string, line int, body *region) {
	if m.functions[name] != nil {
		p.fail("func.func", "@%s is there twice", name)
	}
	m.functions[name] = &function{line: line, body: body}
}

func (p *parser) function(m *Model) {
	line := p.lineNow()
	if !p.accept("public") {
		p.accept("private")
	}
	name := p.symbol()
	params := p.params()
	if p.accept("->") {
		p.types()
	}
	if p.accept("attributes") {
		p.dict(nil)
	}
	body := p.region()
	body.params = params
	p.define(m, name, line, body)
}

// params reads (%a: type {…}, …).
func (p *parser) params() []param {
	var all []param
	p.expect("(")
	for !p.accept(")") {
		v := param{name: p.value()}
		p.expect(":")
		v.typ = p.typ()
		if p.peek() == '{' {
			p.dict(nil)
		}
		all = append(all, v)
		if !p.accept(",") && p.peek() != ')' {
			p.expect(")")
		}
	}
	return all
}

// region reads { ^bb0(…): operations }.
func (p *parser) region() *region {
	p.enter()
	defer func() { p.depth-- }()
	r := &region{}
	p.expect("{")
	if p.accept("^") {
		p.word()
		if p.peek() == '(' {
			r.params = p.params()
		}
		p.expect(":")
	}
	for !p.accept("}") {
		if p.peek() == '^' {
			p.fail("", "a region of several blocks")
		}
		r.ops = append(r.ops, p.operation())
	}
	return r
}

// operation reads one operation in either form.
func (p *parser) operation() *operation {
	op := &operation{attributes: map[string]attribute{}}
	p.space()
	op.line = p.lineNow()
	if p.peek() == '%' {
		for {
			name := p.value()
			n := 1
			if p.accept(":") {
				v, err := strconv.Atoi(p.word())
				if err != nil || v < 1 || v > 1<<12 {
					p.fail("", "the number of results of %s", name)
				}
				n = v
			}
			if n == 1 {
				op.results = append(op.results, name)
			} else {
				for i := range n {
					op.results = append(op.results, fmt.Sprintf("%s#%d", name, i))
				}
			}
			if !p.accept(",") {
				break
			}
		}
		p.expect("=")
	}
	if p.peek() == '"' {
		op.name = p.quoted()
		p.genericRest(op)
		return op
	}
	if op.name = p.word(); op.name == "" {
		p.fail("", "%q where an operation is expected", p.s[p.at:min(len(p.s), p.at+20)])
	}
	p.pretty(op)
	return op
}

// genericRest reads ("name") (operands) <{properties}> ({regions}) {attributes} : (types) -> types.
func (p *parser) genericRest(op *operation) {
	p.expect("(")
	for !p.accept(")") {
		op.operands = append(op.operands, p.value())
		if !p.accept(",") && p.peek() != ')' {
			p.expect(")")
		}
	}
	if p.accept("<") {
		p.dict(op.attributes)
		p.expect(">")
	}
	if p.accept("(") {
		for !p.accept(")") {
			op.regions = append(op.regions, p.region())
			if !p.accept(",") && p.peek() != ')' {
				p.expect(")")
			}
		}
	}
	if p.peek() == '{' {
		p.dict(op.attributes)
	}
	p.expect(":")
	p.signature(op)
}

// signature reads the types behind the colon.
func (p *parser) signature(op *operation) {
	op.out = p.types()
	if p.accept("->") {
		op.out = p.types()
	}
}

// pretty reads the forms that operations of StableHLO, CHLO and func are printed in: operands, words, and attributes, with commas and parentheses between them, then types and regions.
func (p *parser) pretty(op *operation) {
	var iterators []param // of while
	var inits []string    // of reduce
	done := false
	for !done {
		switch c := p.peek(); c {
		case '(', ')', ',':
			p.at++
		case '%':
			v := p.value()
			if p.accept("=") {
				iterators = append(iterators, param{name: v})
				v = p.value()
			}
			op.operands = append(op.operands, v)
		case '@':
			op.attributes["callee"] = attribute{text: p.symbol()}
		case '"':
			op.words = append(op.words, p.quoted())
		case '[':
			p.ranges(op)
		case '{':
			p.dict(op.attributes)
		case ':':
			p.at++
			p.signature(op)
			done = true
		case '}', 0:
			done = true
		default:
			w := p.word()
			switch {
			case w == "":
				p.fail(op.name, "%q", p.s[p.at:min(len(p.s), p.at+12)])
			case w == "dense":
				op.attributes["value"] = attribute{literal: p.dense()}
				op.out = []tensor{op.attributes["value"].literal.typ}
				done = true
			case w == "init" && p.accept(":"):
				inits = append(inits, p.value())
			case w == "dim_numbers" && p.accept("="):
				op.attributes["dimension_numbers"] = p.convDims()
			case p.accept("="):
				op.attributes[w] = p.attr()
				if p.accept("x") {
					op.attributes[w+" of the second"] = p.attr()
				}
			default:
				op.words = append(op.words, w)
			}
		}
	}
	op.operands = append(op.operands, inits...)
	switch op.name {
	case "stablehlo.reduce":
		if p.accept("reducer") {
			var left, right []param
			for p.peek() == '(' {
				pair := p.params()
				if len(pair) != 2 {
					p.fail(op.name, "%d parameters where two are combined", len(pair))
				}
				left, right = append(left, pair[0]), append(right, pair[1])
			}
			r := p.region()
			r.params = append(left, right...)
			op.regions = append(op.regions, r)
		}
	case "stablehlo.while":
		if len(iterators) != len(op.out) {
			p.fail(op.name, "%d types for %d values", len(op.out), len(iterators))
		}
		for i := range iterators {
			iterators[i].typ = op.out[i]
		}
		if p.accept("attributes") {
			p.dict(op.attributes)
		}
		for _, w := range []string{"cond", "do"} {
			p.expect(w)
			r := p.region()
			r.params = iterators
			op.regions = append(op.regions, r)
		}
	}
}

// ranges reads the [0:1, 0:4:2] of a slice.
func (p *parser) ranges(op *operation) {
	var parts [3][]attribute
	p.expect("[")
	for !p.accept("]") {
		v := [3]int{2: 1}
		for i := range v {
			if i > 0 && !p.accept(":") {
				break
			}
			n, err := strconv.Atoi(p.word())
			if err != nil {
				p.fail(op.name, "a range that is no pair of numbers")
			}
			v[i] = n
		}
		for i := range v {
			parts[i] = append(parts[i], attribute{number: v[i]})
		}
		if !p.accept(",") && p.peek() != ']' {
			p.expect("]")
		}
	}
	for i, k := range []string{"start_indices", "limit_indices", "strides"} {
		op.attributes[k] = attribute{list: append([]attribute{}, parts[i]...)}
	}
}
