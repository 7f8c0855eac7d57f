package compile

import (
	"fmt"
	"slices"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/linescan"
)

// opBatched is an operator over a batch that has a derivative beside its expansion and no rule for batches, such as a user's. Its derivative, which need not be that of the expansion, is kept for those
// who differentiate what Batch returns.
var opBatched *graph.Op

func init() {
	opBatched = graph.Register(&graph.Op{
		Name: "batched", Pattern: graph.Dense, Family: graph.FamilyUser, MinArity: 1, MaxArity: -1,
		Doc: "An operator with a derivative and an expansion, such as a user's, applied to each element of a batch, which is the leading dimension of some operands and of the result.",
		Attrs: []graph.AttrSpec{
			{Key: "attributes", Kind: attr.String, Optional: true, Doc: "the operator's attributes, as text"},
			{Key: "operands", Kind: attr.Ints, Doc: "the operands that have the batch dimension"},
			{Key: "operator", Kind: attr.String, Doc: "the operator's name"},
		},
		Formula: "the operator's own, for each element",
		Infer: func(in []*graph.Node, a attr.List) (graph.Type, error) {
			op, attrs, err := batchedOperator(a)
			if err != nil {
				return graph.Type{}, err
			}
			n, types, err := elementTypes(in, a)
			if err != nil {
				return graph.Type{}, err
			}
			scratch := graph.New()
			stand := make([]*graph.Node, len(in))
			for i, t := range types {
				stand[i] = scratch.Placeholder(t.DType, t.Shape...)
			}
			y := scratch.Apply(op, stand, attrs)
			if err := scratch.Err(); err != nil {
				return graph.Type{}, err
			}
			return graph.Type{DType: y.DType(), Shape: append([]int{n}, y.Shape()...)}, nil
		},
		Expand: func(n *graph.Node) *graph.Node {
			e := newElement(n)
			y := e.b.Graph.Expand(graph.Term{Op: e.op, Inputs: e.operands, Attrs: e.attrs, Type: e.typ})
			return e.b.imageOf(y, e.stands)
		},
		VJP: func(n *graph.Node, ct []*graph.Node) []*graph.Node {
			e := newElement(n)
			y := e.apply(n)
			seed := e.stand(e.typ, ct[0])
			adjoints := adjointsOf(e.b.Graph, y, []*graph.Node{seed})
			for i, a := range adjoints {
				if a == nil || !a.Valid() {
					continue
				}
				adjoints[i] = e.b.imageOf(a, e.stands)
				if !slices.Contains(n.Attrs().Ints("operands"), i) {
					adjoints[i] = graph.ReduceSum(adjoints[i], []int{0})
				}
			}
			return adjoints
		},
		JVP: func(n *graph.Node, dot []*graph.Node) []*graph.Node {
			e := newElement(n)
			y := e.apply(n)
			dots := slices.Clone(dot)
			for i, d := range dots {
				if d != nil && slices.Contains(n.Attrs().Ints("operands"), i) {
					dots[i] = e.stand(e.operands[i].Type(), d)
				}
			}
			t := tangentsOf(e.b.Graph, y, dots)
			if t[0] != nil && t[0].Valid() {
				t[0] = e.b.imageOf(t[0], e.stands)
			}
			return t
		},
	})
}

// keepsDerivative reports whether a batch of the operator must not be differentiated through the operator's expansion.
func keepsDerivative(op *graph.Op) bool {
	return (op.VJP != nil || op.JVP != nil || op.Transpose != nil) && op.Expand != nil
}

// batchedCall returns opBatched for a node whose operands' images exist.
func (b *batcher) batchedCall(n *graph.Node) *graph.Node {
	var operands []int
	in := make([]*graph.Node, len(n.Inputs()))
	for i, o := range n.Inputs() {
		in[i] = b.Of(o)
		if b.Has(o) {
			operands = append(operands, i)
		}
	}
	items := []attr.Named{attr.L("operands", operands), attr.S("operator", n.Op().Name)}
	if len(n.Attrs()) > 0 {
		items = append([]attr.Named{attr.S("attributes", "{"+n.Attrs().String()+"}")}, items...)
	}
	return b.Graph.Apply(opBatched, in, attr.Make(items...))
}

// batchedOperator reads the attributes of opBatched.
func batchedOperator(a attr.List) (*graph.Op, attr.List, error) {
	op := graph.LookupOp(a.Str("operator"))
	if op == nil || !keepsDerivative(op) {
		return nil, nil, fmt.Errorf("no operator with a derivative and an expansion is named %q: was it registered?", a.Str("operator"))
	}
	text := &linescan.Scanner{Line: a.Str("attributes")}
	attrs, _, err := attr.Scan(text)
	if err == nil {
		err = text.ExpectEnd()
	}
	return op, attrs, err
}

// elementTypes returns the extent of the batch and the operands' types without it.
func elementTypes(in []*graph.Node, a attr.List) (n int, types []graph.Type, err error) {
	for _, x := range in {
		types = append(types, x.Type())
	}
	operands := a.Ints("operands")
	if len(operands) == 0 || !slices.IsSorted(operands) || len(slices.Compact(slices.Clone(operands))) != len(operands) {
		return 0, nil, fmt.Errorf("the operands with a batch are %v: needs one or more, ascending", operands)
	}
	for k, i := range operands {
		if i < 0 || i >= len(in) || len(types[i].Shape) == 0 || k > 0 && types[i].Shape[0] != n {
			return 0, nil, fmt.Errorf("operand %d has no batch dimension of the same extent as the others", i)
		}
		n, types[i].Shape = types[i].Shape[0], types[i].Shape[1:]
	}
	return n, types, nil
}

// element is one application of a batched operator, with placeholders for what has the batch dimension.
type element struct {
	b        *batcher
	op       *graph.Op
	attrs    attr.List
	operands []*graph.Node
	typ      graph.Type // of the result
	stands   []*graph.Node
}

func newElement(n *graph.Node) *element {
	op, attrs, err := batchedOperator(n.Attrs())
	if err != nil {
		panic("BUG: batched: " + err.Error())
	}
	extent, types, err := elementTypes(n.Inputs(), n.Attrs())
	if err != nil {
		panic("BUG: batched: " + err.Error())
	}
	e := &element{b: newBatcher(n.Graph(), extent), op: op, attrs: attrs,
		operands: slices.Clone(n.Inputs()), typ: graph.Type{DType: n.DType(), Shape: n.Shape()[1:]}}
	for _, i := range n.Attrs().Ints("operands") {
		e.operands[i] = e.stand(types[i], n.Input(i))
	}
	return e
}

// stand returns a placeholder whose image is the given node.
func (e *element) stand(t graph.Type, image *graph.Node) *graph.Node {
	p := e.b.Graph.Placeholder(t.DType, t.Shape...)
	e.b.Image[p] = image
	e.stands = append(e.stands, p)
	return p
}

// apply returns the operator's node, whose image is n.
func (e *element) apply(n *graph.Node) *graph.Node {
	y := e.b.Graph.Apply(e.op, e.operands, e.attrs)
	e.b.Image[y] = n
	return y
}

// imageOf returns the image of a node that may depend on those of from, whose images exist.
func (b *batcher) imageOf(n *graph.Node, from []*graph.Node) *graph.Node {
	b.all(dependents([]*graph.Node{n}, from))
	return b.Lift(n)
}
