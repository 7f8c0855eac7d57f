package stablehlo

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/adjoint-go/adjoint/graph"
)

const (
	// maxSteps bounds the operations that are converted, those of functions as often as they are called.
	maxSteps = 1 << 20
	// maxCalls bounds how deep calls are nested.
	maxCalls = 64
)

// Options say how a module becomes part of a graph.
type Options struct {
	// Inputs are nodes of the graph for parameters by name, without the percent sign; the others become inputs of the graph that are called so.
	Inputs map[string]*graph.Node
	// LoopLimit bounds the steps of while loops that are not seen to count up to a constant (see graph.While); 0 is graph.NoLimit.
	LoopLimit int
}

// Result is a module as part of a graph: the parameters of its function, given or made, and what it returns.
type Result struct {
	Inputs, Outputs []*graph.Node
}

// builder is one call of Build.
type builder struct {
	m       *Model
	o       Options
	g       *graph.Graph
	err     error // the first one
	steps   int
	calls   int
	regions int
}

// value is a node, and what its elements are if graphs do not have them.
type value struct {
	n  *graph.Node
	in *narrow
}

// scope maps names to nodes.
type scope struct {
	outer  *scope
	values map[string]value
	// lifted is set within a function of scalars that is applied to all elements of arrays at once.
	lifted bool
}

func (s *scope) child() *scope {
	return &scope{outer: s, values: map[string]value{}, lifted: s.lifted}
}

func (s *scope) lookup(name string) (v value) {
	for ; s != nil && v.n == nil; s = s.outer {
		v = s.values[name]
	}
	return v
}

// Build adds the module's function to a graph; functions that it calls are inlined. The first mistake ends it: an *Error.
//
// A while loop that counts from a constant up to another in steps of one has the limit that follows, so that it can be differentiated in reverse (see graph.While).
func (m *Model) Build(g *graph.Graph, o Options) (*Result, error) {
	if m == nil || m.main == nil {
		return nil, errors.New("stablehlo: no module: read one")
	}
	if g == nil {
		return nil, errors.New("stablehlo: the graph is nil")
	}
	b := &builder{m: m, o: o, g: g}
	s := &scope{values: map[string]value{}}
	r := &Result{}
	known := map[string]bool{}
	for _, p := range m.main.body.params {
		name := p.name[1:]
		known[name] = true
		n := o.Inputs[name]
		if n == nil {
			n = g.Input(name, p.typ.DType, p.typ.Shape...)
		}
		if !n.Valid() || n.Graph() != g {
			return nil, &Error{m.name, m.main.line, "", errors.Join(fmt.Errorf("the node for the parameter %q is no valid node of the graph", name), g.Err())}
		}
		if !n.Type().Equal(p.typ.Type) {
			return nil, &Error{m.name, m.main.line, "", fmt.Errorf("the node for the parameter %q is %v, not %v", name, n.Type(), p.typ.Type)}
		}
		s.values[p.name] = value{n, p.typ.in}
		r.Inputs = append(r.Inputs, n)
	}
	for name := range o.Inputs {
		if !known[name] {
			return nil, &Error{m.name, m.main.line, "", fmt.Errorf("there is no parameter %q", name)}
		}
	}
	r.Outputs = b.region(m.main.body, s)
	if b.err != nil {
		return nil, b.err
	}
	if err := g.Err(); err != nil {
		return nil, err
	}
	if len(r.Outputs) == 0 {
		return nil, &Error{m.name, m.main.line, "", errors.New("the function returns nothing")}
	}
	return r, nil
}

func (b *builder) fail(op *operation, err error) {
	if b.err == nil {
		b.err = &Error{b.m.name, op.line, op.name, err}
	}
}

// bad returns an invalid node.
func (b *builder) bad() *graph.Node { return b.g.Fail("stablehlo", b.err) }

// region converts the operations of a region and returns what it returns.
func (b *builder) region(r *region, s *scope) []*graph.Node {
	if b.regions++; b.regions > maxNesting*4 {
		b.err = errors.Join(b.err, errors.New("stablehlo: regions nested too deep"))
		return nil
	}
	defer func() { b.regions-- }()
	for _, op := range r.ops {
		if b.err != nil {
			return nil
		}
		if b.steps++; b.steps > maxSteps {
			b.fail(op, fmt.Errorf("more than %d operations, those of functions counted as often as they are called", maxSteps))
			return nil
		}
		in, kinds := make([]*graph.Node, 0, len(op.operands)), make([]*narrow, 0, len(op.operands))
		for _, name := range op.operands {
			v := s.lookup(name)
			if v.n == nil {
				b.fail(op, fmt.Errorf("no operation before it makes %s", name))
				return nil
			}
			in, kinds = append(in, v.n), append(kinds, v.in)
		}
		switch op.name {
		case "return", "func.return", "stablehlo.return":
			return in
		}
		c := &call{b: b, op: op, in: in, kinds: kinds, s: s}
		var results []*graph.Node
		b.g.At(graph.Position{File: b.m.name, Line: op.line}, func() { results = c.run() })
		if b.err != nil {
			return nil
		}
		if err := c.check(results); err != nil {
			b.fail(op, err)
			return nil
		}
		for i, name := range op.results {
			v := value{results[i], op.result(i, len(results))}
			if !inRange[op.name] {
				b.g.At(graph.Position{File: b.m.name, Line: op.line}, func() { v.n = wrapped(v.n, v.in) })
			}
			s.values[name] = v
		}
	}
	if len(r.ops) > 0 {
		b.fail(r.ops[len(r.ops)-1], errors.New("the last operation of a region returns nothing"))
	}
	return nil
}

// function converts a region with arguments for its parameters.
func (b *builder) function(op *operation, r *region, args []*graph.Node, outer *scope) []*graph.Node {
	s := &scope{outer: outer, values: map[string]value{}, lifted: outer != nil && outer.lifted}
	if len(args) != len(r.params) {
		b.fail(op, fmt.Errorf("%d arguments for %d parameters", len(args), len(r.params)))
		return nil
	}
	for i, p := range r.params {
		if !args[i].Valid() {
			b.fail(op, errors.Join(b.g.Err(), errors.New("an argument that is invalid")))
			return nil
		}
		if t := args[i].Type(); !s.lifted && !t.Equal(p.typ.Type) || t.DType != p.typ.DType {
			b.fail(op, fmt.Errorf("the argument for %s is %v, not %v", p.name, t, p.typ.Type))
			return nil
		}
		s.values[p.name] = value{args[i], p.typ.in}
	}
	return b.region(r, s)
}

// call is the conversion of one operation.
type call struct {
	b     *builder
	op    *operation
	in    []*graph.Node
	kinds []*narrow // of the operands
	s     *scope
}

// mistake is thrown by the functions below and caught by run, at most through functions of this package.
type mistake struct{ err error }

func (c *call) fail(format string, args ...any) { panic(mistake{fmt.Errorf(format, args...)}) }

func (c *call) run() (results []*graph.Node) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case mistake:
			c.b.fail(c.op, r.err)
		default:
			panic(r)
		}
	}()
	f := operations[c.op.name]
	if f == nil {
		if why := refused[strings.TrimPrefix(c.op.name, "stablehlo.")]; why != "" {
			c.fail("%s", why)
		}
		c.fail("this operation is not supported")
	}
	c.checkNarrow()
	return f(c)
}

// check compares results with their declared types.
func (c *call) check(results []*graph.Node) error {
	if len(results) < len(c.op.results) {
		return fmt.Errorf("%d names for %d results", len(c.op.results), len(results))
	}
	for i, n := range results {
		if !n.Valid() {
			return errors.Join(errors.New("an operator of the graph refuses it"), c.b.g.Err())
		}
		if len(c.op.out) != len(results) || c.s.lifted {
			continue
		}
		if !n.Type().Equal(c.op.out[i].Type) {
			return fmt.Errorf("result %d is %v, and %v is declared", i, n.Type(), c.op.out[i].Type)
		}
	}
	return nil
}

// need checks the number of operands.
func (c *call) need(n int) {
	if len(c.in) != n {
		c.fail("%d operands where %d are expected", len(c.in), n)
	}
}

// out is the declared type of the one result.
func (c *call) out() graph.Type {
	if len(c.op.out) == 0 {
		c.fail("no type is declared")
	}
	return c.op.out[len(c.op.out)-1].Type
}

// ints returns a list among the attributes, of n numbers unless n is negative.
func (c *call) ints(key string, n int) []int {
	a, ok := c.op.attributes[key]
	if !ok {
		c.fail("%s is missing", key)
	}
	v := a.ints()
	if n >= 0 && len(v) != n {
		c.fail("%s has %d numbers where %d are expected", key, len(v), n)
	}
	return v
}

// optional is ints with a value for all where the attribute is missing.
func (c *call) optional(key string, n, value int) []int {
	if _, ok := c.op.attributes[key]; !ok {
		v := make([]int, n)
		for i := range v {
			v[i] = value
		}
		return v
	}
	v := c.ints(key, -1)
	if len(v) == 1 && n > 1 && c.op.attributes[key].literal != nil {
		for len(v) < n {
			v = append(v, v[0])
		}
	}
	if len(v) != n {
		c.fail("%s has %d numbers where %d are expected", key, len(v), n)
	}
	return v
}

// distinct returns the list if it has different dimensions below rank.
func (c *call) distinct(key string, v []int, rank int) []int {
	seen := map[int]bool{}
	for _, a := range v {
		if a < 0 || a >= rank || seen[a] {
			c.fail("%s %v of %d dimensions", key, v, rank)
		}
		seen[a] = true
	}
	return v
}

// axis returns a dimension below rank.
func (c *call) axis(rank int, keys ...string) int {
	for _, k := range keys {
		if a, ok := c.op.attributes[k]; ok {
			if a.number < 0 || a.number >= rank {
				c.fail("%s %d of %d dimensions", k, a.number, rank)
			}
			return a.number
		}
	}
	c.fail("%s is missing", keys[0])
	return 0
}

// constant returns the node of a literal. One element for all is not repeated in memory.
func (c *call) constant(l *literal) *graph.Node {
	t := l.typ.Type
	if l.splat {
		t.Shape = nil
	}
	lit, err := graph.NewLiteral(t, l.bytes)
	if err != nil {
		c.fail("%v", err)
	}
	n := c.b.g.Literal(lit)
	if l.splat {
		return graph.BroadcastTo(n, l.typ.Shape...)
	}
	return n
}

// region returns region i of n.
func (c *call) region(i, n int) *region {
	if len(c.op.regions) != n {
		c.fail("%d regions where %d are expected", len(c.op.regions), n)
	}
	return c.op.regions[i]
}

// inlined converts the function that is called.
func (c *call) inlined(key string) []*graph.Node {
	name := c.op.attributes[key].text
	f := c.b.m.functions[name]
	if f == nil {
		c.fail("there is no function @%s", name)
	}
	if c.b.calls++; c.b.calls > maxCalls {
		c.fail("calls nested deeper than %d", maxCalls)
	}
	defer func() { c.b.calls-- }()
	return c.b.function(c.op, f.body, c.in, nil)
}

// applied applies a function of scalars to all elements of arrays.
func (c *call) applied(r *region, args []*graph.Node) []*graph.Node {
	s := c.s.child()
	s.lifted = true
	return c.b.function(c.op, r, args, s)
}

// branches converts regions without parameters to a choice.
func (c *call) branches(index *graph.Node) []*graph.Node {
	var functions []func(args []*graph.Node) []*graph.Node
	for _, r := range c.op.regions {
		functions = append(functions, func([]*graph.Node) []*graph.Node {
			return c.orBad(c.b.function(c.op, r, nil, c.s), len(c.op.out))
		})
	}
	if len(functions) == 0 {
		c.fail("no branches")
	}
	return graph.Switch(index, nil, functions...)
}

// orBad stands in for results that a mistake has prevented: functions of loops and branches have to return nodes.
func (c *call) orBad(results []*graph.Node, n int) []*graph.Node {
	if c.b.err == nil && len(results) != n {
		c.b.fail(c.op, fmt.Errorf("a region returns %d values where %d are expected", len(results), n))
	}
	if c.b.err == nil {
		return results
	}
	results = make([]*graph.Node, n)
	for i := range results {
		results[i] = c.b.bad()
	}
	return results
}

func (c *call) while() []*graph.Node {
	cond, body := c.region(0, 2), c.region(1, 2)
	for _, r := range c.op.regions {
		if len(r.params) != len(c.in) || len(c.in) == 0 {
			c.fail("%d values for a region of %d parameters", len(c.in), len(r.params))
		}
	}
	limit := c.count(cond, body)
	if limit == 0 {
		limit = c.b.o.LoopLimit
	}
	final, _ := graph.While(limit, c.in, func(carry []*graph.Node) *graph.Node {
		return c.orBad(c.b.function(c.op, cond, carry, c.s), 1)[0]
	}, func(carry []*graph.Node) []*graph.Node {
		return c.orBad(c.b.function(c.op, body, carry, c.s), len(c.in))
	})
	return final
}

// count returns the number of steps of a loop that is seen to count from a constant to another, else 0.
func (c *call) count(cond, body *region) int {
	if len(cond.ops) < 2 || len(body.ops) == 0 {
		return 0
	}
	test, last := cond.ops[len(cond.ops)-2], cond.ops[len(cond.ops)-1]
	if test.name != "stablehlo.compare" || len(test.operands) != 2 || len(last.operands) != 1 || len(test.results) != 1 || last.operands[0] != test.results[0] || direction(test) != "LT" {
		return 0
	}
	number := func(r *region, name string) (int64, bool) {
		for _, op := range r.ops {
			if l := op.attributes["value"].literal; len(op.results) == 1 && op.results[0] == name && op.name == "stablehlo.constant" && l != nil {
				return integer(l.typ.DType, l.bytes)
			}
		}
		if n := c.s.lookup(name).n; n.Valid() && n.IsConst() {
			return integer(n.DType(), n.Literal().Bytes())
		}
		return 0, false
	}
	end, ok := number(cond, test.operands[1])
	if !ok {
		return 0
	}
	for k, p := range cond.params {
		if p.name != test.operands[0] || !c.in[k].IsConst() || !c.in[k].Type().IsScalar() {
			continue
		}
		begin, ok := integer(c.in[k].DType(), c.in[k].Literal().Bytes())
		next := body.ops[len(body.ops)-1].operands
		if !ok || k >= len(next) || end <= begin || end-begin > 1<<31-1 {
			return 0
		}
		for _, op := range body.ops {
			if len(op.results) != 1 || op.results[0] != next[k] || op.name != "stablehlo.add" || len(op.operands) != 2 || op.operands[0] != body.params[k].name {
				continue
			}
			if one, ok := number(body, op.operands[1]); ok && one == 1 {
				return int(end - begin)
			}
		}
	}
	return 0
}

// integer reads a literal of one integer.
func integer(d graph.DType, data []byte) (int64, bool) {
	switch {
	case d == graph.Int64 && len(data) == 8:
		return int64(binary.LittleEndian.Uint64(data)), true
	case d == graph.Int32 && len(data) == 4:
		return int64(int32(binary.LittleEndian.Uint32(data))), true
	}
	return 0, false
}

// direction returns LT, EQ, … of a comparison.
func direction(op *operation) string {
	if len(op.words) > 0 {
		return op.words[0]
	}
	return op.attributes["comparison_direction"].text
}

// fingerprint describes what a region computes: its operations without types, values numbered in order, constants as their bytes, whether they stand in the region or around it.
func (c *call) fingerprint(r *region) string {
	values := map[string]string{}
	count := 0
	number := func(name string) {
		values[name] = strconv.Itoa(count)
		count++
	}
	for _, p := range r.params {
		number(p.name)
	}
	var text strings.Builder
	for _, op := range r.ops {
		if l := op.attributes["value"].literal; l != nil && len(op.results) == 1 {
			values[op.results[0]] = fmt.Sprintf("c%x", l.bytes)
			continue
		}
		text.WriteString(strings.TrimPrefix(op.name, "stablehlo."))
		if op.name == "stablehlo.compare" {
			text.WriteString("." + direction(op))
		}
		text.WriteString("(")
		for i, name := range op.operands {
			if i > 0 {
				text.WriteString(",")
			}
			v, ok := values[name]
			if n := c.s.lookup(name).n; !ok && n.Valid() && n.IsConst() && n.Type().IsScalar() {
				v = fmt.Sprintf("c%x", n.Literal().Bytes())
			} else if !ok {
				v = "?"
			}
			text.WriteString(v)
		}
		text.WriteString(")")
		for _, name := range op.results {
			number(name)
		}
	}
	return text.String()
}

// combination returns the operation that a region of two parameters is, such as stablehlo.add, or "".
func (c *call) combination(r *region) string {
	if len(r.params) != 2 || len(r.ops) != 2 {
		return ""
	}
	name := strings.TrimPrefix(r.ops[0].name, "stablehlo.")
	switch c.fingerprint(r) {
	case name + "(0,1)return(2)", name + "(1,0)return(2)":
		return name
	}
	return ""
}
