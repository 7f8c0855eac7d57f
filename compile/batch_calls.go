package compile

import (
	"fmt"
	"slices"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/attr"
)

// opBatchedCall is a function applied to each element of a batch, which is kept as it is for those who differentiate what Batch returns: a reverse sweep over a while loop without a limit is differentiated by what it is,
// and once batched it is no longer to be seen that it is one.
var opBatchedCall *graph.Op

func init() {
	opBatchedCall = graph.Register(&graph.Op{
		Name: "batched_call", Pattern: graph.Dense, Family: graph.FamilyControl, MinArity: 1, MaxArity: -1, OfBodies: true,
		Attrs: []graph.AttrSpec{
			{Key: "bodies", Kind: attr.Functions, Doc: "the function"},
			{Key: "operands", Kind: attr.Ints, Doc: "the operands that have the batch dimension"},
		},
		Doc:     "The results of a function for each element of a batch, which is the leading dimension of some operands and of all results.",
		Formula: "the function's derivative, for each element; of operands without the batch dimension the sum over it",
		InferMany: func(in []*graph.Node, a attr.List) ([]graph.Type, error) {
			n, types, err := elementTypes(in, a)
			if err != nil {
				return nil, err
			}
			f, ok := a.Functions("bodies"), false
			var body *graph.Body
			if len(f) == 1 {
				body, ok = f[0].(*graph.Body)
			}
			if !ok || len(body.Params()) != len(types) {
				return nil, fmt.Errorf("needs one function of %d values", len(types))
			}
			for i, p := range body.Params() {
				if !p.Type().Equal(types[i]) {
					return nil, fmt.Errorf("the function takes %v as parameter %d, not %v", p.Type(), i, types[i])
				}
			}
			var out []graph.Type
			for _, r := range body.Results() {
				out = append(out, graph.Type{DType: r.DType(), Shape: append(graph.Shape{n}, r.Shape()...)})
			}
			return out, nil
		},
		Samples: []graph.Sample{{NoDifferences: "covered by the tests of loops without a limit"}},
		Expand: func(n *graph.Node) *graph.Node {
			return n.Graph().Apply(opSwitch, append([]*graph.Node{n.Graph().Scalar(graph.Int32, 0)}, n.Inputs()...), attr.Make(attr.Fn("bodies", calledBody(n))))
		},
	})
}

// lanes reports which operands have the batch dimension: those of n, if it is a batched call, and then more of them, as those of n that like lists; adjoints of results, which all have it, if it is nil.
func lanes(n *graph.Node, operands []*graph.Node, like []int) paramSet {
	set := newParamSet(len(operands))
	if n.Op() != opBatchedCall {
		return set
	}
	for _, i := range n.Attrs().Ints("operands") {
		set.add(i)
	}
	own := len(n.Inputs())
	for k := range operands[own:] {
		if like == nil || set.has(like[k]) {
			set.add(own + k)
		}
	}
	return set
}

// calledBody returns the function that a call or batched call is of all of its operands.
func calledBody(n *graph.Node) *graph.Body {
	body := graph.Bodies(n)[0]
	if n.Op() != opBatchedCall {
		return body
	}
	b := newBatcher(n.Graph(), n.Input(n.Attrs().Ints("operands")[0]).Shape()[0])
	b.last = true
	return b.within(body, lanes(n, n.Inputs(), nil), nil).lifted()
}

// batchedCallOf makes a batched call.
func batchedCallOf(g *graph.Graph, body *graph.Body, operands []*graph.Node, batched paramSet) *graph.Node {
	var list []int
	for i := range operands {
		if batched.has(i) {
			list = append(list, i)
		}
	}
	return g.Apply(opBatchedCall, operands, attr.Make(attr.Fn("bodies", body), attr.L("operands", list)))
}

// function returns the sweep as a function of the while loop's operands and of the seeds, which runs the loop itself.
func (s *adjointScan) function() *graph.Body {
	g := graph.New()
	var params, seeds []*graph.Node
	input := func(t graph.Type) *graph.Node {
		p := g.Input(fmt.Sprintf("@%d", len(params)), t.DType, t.Shape...)
		params = append(params, p)
		return p
	}
	for _, o := range s.of.operands {
		input(o.Type())
	}
	for j := range s.carries {
		seeds = append(seeds, input(s.seed(j).Type()))
	}
	loop := g.Apply(opWhile, params[:len(s.of.operands):len(s.of.operands)], s.of.n.Attrs())
	operands := []*graph.Node{graph.Result(loop, s.of.carries)}
	for _, x := range s.operands[:s.captured] {
		operands = append(operands, params[slices.Index(s.of.operands, x)])
	}
	operands = append(operands, seeds...)
	for _, x := range s.operands[s.captured+s.carries:] {
		operands = append(operands, g.Apply(opEachStep, []*graph.Node{loop}, x.Attrs()))
	}
	return mustBody(g, params, resultsOf(g.Apply(opScan, operands, s.n.Attrs()), s.carries))
}

// sweep batches a reverse sweep over a while loop without a limit as a function that can be differentiated; nil for other nodes.
func (b *batcher) sweep(n *graph.Node) []*graph.Node {
	s := adjointScanOf(n)
	if s == nil || b.last || s.of.length > 0 || len(b.steps[n]) > 0 {
		return nil
	}
	operands := slices.Concat(s.of.operands, s.operands[s.captured:s.captured+s.carries])
	batched := newParamSet(len(operands))
	some := false
	for i, o := range operands {
		if operands[i] = b.shared(o); b.Has(o) && operands[i] == b.Image[o] {
			batched.add(i)
			some = true
		}
	}
	if !some {
		return nil
	}
	return resultsOf(batchedCallOf(b.Graph, s.function(), operands, batched), s.carries)
}

// batchOfBatch batches a batched call.
func (b *batcher) batchOfBatch(n *graph.Node) []*graph.Node {
	own, batched := lanes(n, n.Inputs(), nil), newParamSet(len(n.Inputs()))
	operands := slices.Clone(n.Inputs())
	for i, o := range n.Inputs() {
		if !b.Has(o) {
			continue
		}
		batched.add(i)
		if operands[i] = b.Image[o]; own.has(i) {
			operands[i] = exchanged(operands[i])
		}
	}
	body := b.within(graph.Bodies(n)[0], batched, nil).lifted()
	out := resultsOf(batchedCallOf(b.Graph, body, operands, own), len(n.Results()))
	for k, r := range out {
		out[k] = exchanged(r)
	}
	return out
}
