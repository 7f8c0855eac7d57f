package onnx

import (
	"slices"

	"github.com/adjoint-go/adjoint/graph"
)

// sequences are lists of tensors whose lengths are known while the graph is built, and optional values. They disappear with it.
var sequences = []operator{
	{name: "ConcatFromSequence", in: func(c *call) []value {
		items := c.seq(0)
		if len(items) == 0 {
			c.fail("the sequence has no tensors")
		}
		d := *c
		d.in = slices.Clone(items)
		rank := len(items[0].shape())
		if c.bool("new_axis", false) {
			axis := c.axis(c.int("axis", 0), rank+1)
			nodes := make([]*graph.Node, len(items))
			for i := range items {
				nodes[i] = d.x(i)
			}
			return []value{{node: graph.Stack(axis, nodes...), kind: items[0].kind}}
		}
		return concat(&d)
	}},
	{name: "Optional", in: func(c *call) []value {
		if len(c.in) == 0 {
			c.fail("an optional value without one")
		}
		return []value{c.in[0]}
	}},
	{name: "OptionalGetElement", in: func(c *call) []value { return []value{c.arg(0)} }},
	{name: "OptionalHasElement", in: func(c *call) []value {
		return c.as(kindBool, graph.Constant(c.g(), []bool{c.has(0)}))
	}},
	{name: "SequenceAt", in: func(c *call) []value {
		items := c.seq(0)
		return []value{items[c.place(1, len(items), len(items)-1)]}
	}},
	{name: "SequenceConstruct", in: func(c *call) []value {
		return []value{{seq: &sequence{slices.Clone(c.in)}}}
	}},
	{name: "SequenceEmpty", in: func(c *call) []value { return []value{{seq: &sequence{}}} }},
	{name: "SequenceErase", in: func(c *call) []value {
		items := c.seq(0)
		at := len(items) - 1
		if c.has(1) {
			at = c.place(1, len(items), len(items)-1)
		}
		if len(items) == 0 {
			c.fail("the sequence has no tensors")
		}
		return []value{{seq: &sequence{slices.Delete(slices.Clone(items), at, at+1)}}}
	}},
	{name: "SequenceInsert", in: func(c *call) []value {
		items := c.seq(0)
		at := len(items)
		if c.has(2) {
			at = c.place(2, len(items), len(items))
		}
		return []value{{seq: &sequence{slices.Insert(slices.Clone(items), at, c.arg(1))}}}
	}},
	{name: "SequenceLength", in: func(c *call) []value {
		return c.as(kindInt64, graph.Constant(c.g(), []int{len(c.seq(0))}))
	}},
	{name: "SequenceMap", in: func(c *call) []value {
		body := c.graph("body")
		var out []*sequence
		for range body.GetOutput() {
			out = append(out, &sequence{})
		}
		for i := range c.seq(0) {
			var in []value
			for k, v := range c.in {
				if v.seq != nil {
					if i >= len(v.seq.items) {
						c.fail("operand %d has %d tensors, the first one more", k, len(v.seq.items))
					}
					v = v.seq.items[i]
				}
				in = append(in, v)
			}
			for k, v := range c.inline(body, in) {
				out[k].items = append(out[k].items, v)
			}
		}
		var results []value
		for _, s := range out {
			results = append(results, value{seq: s})
		}
		return results
	}},
	{name: "SplitToSequence", in: func(c *call) []value {
		x := c.x(0)
		s := x.Shape()
		axis := c.axis(c.int("axis", 0), len(s))
		var parts []int
		squeeze := false
		switch {
		case !c.has(1):
			parts = slices.Repeat([]int{1}, s[axis])
			squeeze = !c.bool("keepdims", true)
		case len(c.in[1].shape()) == 0:
			n := int(c.scalarOf(1, "the extent of parts", 0))
			if n < 1 {
				c.fail("parts of %d", n)
			}
			for at := 0; at < s[axis]; at += n {
				parts = append(parts, min(n, s[axis]-at))
			}
		default:
			parts, _ = c.intsOf(1, "the extents of parts")
		}
		var items []value
		at := 0
		for _, p := range parts {
			if p < 1 || at+p > s[axis] {
				c.fail("parts %v of the extent %d", parts, s[axis])
			}
			n := along(x, axis, at, at+p)
			if squeeze {
				n = graph.Squeeze(n, axis)
			}
			items = append(items, value{node: n, kind: c.in[0].kind})
			at += p
		}
		return []value{{seq: &sequence{items}}}
	}},
	{name: "RegexFullMatch", why: noStrings},
	{name: "StringConcat", why: noStrings},
	{name: "StringNormalizer", why: noStrings},
	{name: "StringSplit", why: noStrings},
	{name: "ImageDecoder", why: "decodes files of images, which Go's package image does"},
}

const noStrings = "arrays of strings have no counterpart here"

// seq returns the tensors of operand i.
func (c *call) seq(i int) []value {
	v := c.arg(i)
	if v.seq == nil {
		c.fail("operand %d is no sequence", i)
	}
	return v.seq.items
}

// place returns operand i, an index of a sequence of n tensors; the largest is given.
func (c *call) place(i, n, most int) int {
	at := int(c.scalarOf(i, "the position", 0))
	if at < 0 {
		at += n
	}
	if at < 0 || at > most {
		c.fail("position %d in a sequence of %d", at, n)
	}
	return at
}
