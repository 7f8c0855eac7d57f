package graph

import (
	"fmt"

	"github.com/adjoint-go/adjoint/internal/attr"
)

// The operators of this file; init fills them in because their derivatives refer to one another.
var opStopGradient, opResult, opPlaceholder *Op

func init() {
	opStopGradient = Register(&Op{
		Name: "stop_gradient", Family: FamilyControl, MinArity: 1, MaxArity: 1, Builtin: true, View: whole, Elementwise: true, DTypes: AnyDType,
		Doc: "The operand itself; no derivative passes.", NoDerivative: "its purpose is to have the derivative 0",
		Samples: []Sample{over(-2, 2)},
	})
	opPlaceholder = Register(&Op{
		Name: "placeholder", Family: FamilyControl, Builtin: true,
		Doc:          "A value that a transformation of the graph puts in its place.",
		NoDerivative: "it depends on nothing",
		Infer: func([]*Node, attr.List) (Type, error) {
			return Type{}, fmt.Errorf("a placeholder was left in the graph")
		},
	})
	opResult = Register(&Op{
		Name: "result", Pattern: Dense, Family: FamilyControl, MinArity: 1, MaxArity: 1, Builtin: true,
		Attrs: []AttrSpec{{Key: "index", Kind: attr.Int, Doc: "which result"}},
		Doc:   "One result of an operator that has several.", Formula: "the adjoint of that result",
		Infer: func(in []*Node, a attr.List) (Type, error) {
			i, all := a.Int("index"), in[0].extra.results
			if i < 0 || i >= len(all) {
				return Type{}, fmt.Errorf("result %d of an operator with %d results", i, len(all))
			}
			return all[i], nil
		},
		JointlyLinear: true,
		Transpose: func(_ *Node, _ int, _ *Node) *Node {
			panic("BUG: results are differentiated with their operator")
		},
		Samples: []Sample{{NoDifferences: "covered by the operators with several results"}},
	})
}

// StopGradient returns x with derivative 0.
func StopGradient(x *Node) *Node { return apply1(opStopGradient, x) }

// Result returns result i of a node whose operator has several; x itself if it has one and i is 0.
func Result(x *Node, i int) *Node {
	if x.Valid() && x.extra.results == nil && i == 0 {
		return x
	}
	return applyAll(opResult, []*Node{x}, attr.I("index", i))
}

// Placeholder adds a node that stands for a value which compile.Batch, or another transformation, puts in its place.
// It is not an input, it is never shared, and a graph in which it is left cannot be compiled.
func (g *Graph) Placeholder(dtype DType, shape ...int) *Node {
	g = g.ready()
	s := append(Shape(nil), shape...)
	if err := s.check(); err != nil {
		return g.Fail("placeholder", err)
	}
	if !dtype.Valid() {
		return g.Fail("placeholder", fmt.Errorf("a placeholder needs a dtype"))
	}
	return g.newNode(g.kindOf(opPlaceholder, &Type{dtype, s}), nil)
}

// ResultOf reports whether n is one of several values that another node has, and which: k counts its results, and behind them for a loop the values of its body
// at each step, by their IDs, and then snapshots.
func ResultOf(n *Node) (of *Node, k int, ok bool) {
	if !n.Valid() {
		return nil, 0, false
	}
	switch n.op {
	case opResult:
		return n.Input(0), n.extra.attrs.Int("index"), true
	case opEachStep:
		of = n.Input(0)
		return of, len(of.extra.results) + n.extra.attrs.Int("value"), true
	case opSnapshots:
		of = n.Input(0)
		return of, len(of.extra.results) + bodiesOf(of.extra.attrs)[0].g.Len() + n.extra.attrs.Int("carry"), true
	}
	return nil, 0, false
}
