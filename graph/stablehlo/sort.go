package stablehlo

import (
	"math"

	"github.com/adjoint-go/adjoint/graph"
)

// key is an operand that sort orders by.
type key struct {
	operand    int
	descending bool
}

// term is a value in a comparator.
type term struct {
	param   int     // a parameter, from 1: two for each operand
	number  float64 // a constant
	is      string  // compare with the direction, of the two parameters of the operand; zero or nan of a parameter; or keys
	operand int
	keys    []key // of is keys: the order; of after: that among equal ones of the operand
}

// keys returns what a comparator orders by: the first pair of parameters, and among equal ones another pair, and so on. As jax does, zeros may be made equal and NaNs the largest, which is the order here.
func (c *call) keys(r *region) []key {
	terms := map[string]term{}
	for i, p := range r.params {
		terms[p.name] = term{param: i + 1, operand: i / 2}
	}
	of := func(name string) term {
		if n := c.s.lookup(name).n; terms[name].is == "" && terms[name].param == 0 && n.Valid() && n.IsConst() && n.Type().IsScalar() {
			return term{is: "number", number: n.Literal().Float(0)}
		}
		return terms[name]
	}
	for _, op := range r.ops {
		var in [3]term
		for i, name := range op.operands {
			if i < len(in) {
				in[i] = of(name)
			}
		}
		a, b := in[0], in[1]
		var t term
		switch op.name {
		case "return", "stablehlo.return":
			if len(op.operands) != 1 {
				return nil
			}
			return a.order()
		case "stablehlo.constant":
			l := op.attributes["value"].literal
			if l == nil || l.typ.Shape.Size() != 1 {
				return nil
			}
			t = term{is: "number", number: c.constant(l).Literal().Float(0)}
		case "stablehlo.compare":
			d := direction(op)
			switch {
			case a.param > 0 && b.param == a.param+1 && a.operand == b.operand:
				t = term{is: "compare " + d, operand: a.operand}
			case d == "EQ" && a.param > 0 && b.is == "number" && b.number == 0:
				t = term{is: "zero", operand: a.param}
			case d == "NE" && a.param > 0 && b.param == a.param:
				t = term{is: "nan", operand: a.param}
			}
		case "stablehlo.select":
			if v := in[2]; v.param > 0 && v.param == a.operand && b.is == "number" && (a.is == "zero" && b.number == 0 || a.is == "nan" && math.IsNaN(b.number)) {
				t = v
			}
		case "stablehlo.and":
			if b.is == "compare EQ" {
				a, b = b, a
			}
			if keys := b.order(); a.is == "compare EQ" && keys != nil {
				t = term{is: "after", operand: a.operand, keys: keys}
			}
		case "stablehlo.or":
			if a.is == "after" {
				a, b = b, a
			}
			if keys := a.order(); b.is == "after" && len(keys) == 1 && keys[0].operand == b.operand {
				t = term{is: "keys", keys: append(keys, b.keys...)}
			}
		}
		if len(op.results) != 1 || t.is == "" && t.param == 0 {
			return nil
		}
		terms[op.results[0]] = t
	}
	return nil
}

// order returns the keys of a term that is an order, or nil.
func (t term) order() []key {
	switch t.is {
	case "compare LT", "compare LE":
		return []key{{t.operand, false}}
	case "compare GT", "compare GE":
		return []key{{t.operand, true}}
	case "keys":
		return t.keys
	}
	return nil
}

func (c *call) sort() []*graph.Node {
	if len(c.in) == 0 {
		c.fail("no operands")
	}
	axis := c.axis(c.in[0].Shape().Rank(), "dimension")
	r := c.region(0, 1)
	if len(r.params) != 2*len(c.in) {
		c.fail("a comparator of %d parameters for %d operands", len(r.params), len(c.in))
	}
	for _, x := range c.in[1:] {
		if !x.Shape().Equal(c.in[0].Shape()) {
			c.fail("operands %v and %v", c.in[0].Type(), x.Type())
		}
	}
	keys := c.keys(r)
	if keys == nil {
		c.fail("a comparator that is not less-than or greater-than of one pair, or of more pairs where those before are equal")
	}
	options := func(k key) []graph.SortOption {
		if k.descending {
			return []graph.SortOption{graph.Descending}
		}
		return nil
	}
	if len(c.in) == 1 {
		return []*graph.Node{graph.Sort(c.in[0], axis, options(keys[0])...)}
	}
	var order *graph.Node
	for i := len(keys) - 1; i >= 0; i-- { // the last key first: sorting by one before keeps the order of equal ones
		x := c.in[keys[i].operand]
		if order == nil {
			order = graph.Argsort(x, axis, options(keys[i])...)
			continue
		}
		by := graph.Argsort(graph.TakeAlongAxis(x, order, axis), axis, options(keys[i])...)
		order = graph.TakeAlongAxis(order, by, axis)
	}
	var results []*graph.Node
	for i, x := range c.in {
		if i == keys[0].operand {
			results = append(results, graph.Sort(x, axis, options(keys[0])...))
		} else {
			results = append(results, graph.TakeAlongAxis(x, order, axis))
		}
	}
	return results
}
