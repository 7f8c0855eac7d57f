package graph

import (
	"errors"
	"fmt"
	"slices"

	"github.com/adjoint-go/adjoint/internal/attr"
)

// Functions that are called at several places.

// The operator of this file.
var opCall *Op

func init() {
	opCall = Register(&Op{
		Name: "call", Family: FamilyControl, MinArity: 1, MaxArity: -1, OfBodies: true, Pattern: Dense,
		Attrs: []AttrSpec{bodiesAttr},
		// What the compiler has not put in the place of the call is code of its own, which all calls run.
		Expand:  switchAmongOne,
		Doc:     "The results of a function, which is compiled once for all of its calls, and differentiated once in a sweep. The compiler puts small functions, and those with one call, in the place of the call.",
		Formula: "a call of the body's derivative, which computes the body once more from the operands", InferMany: inferCheckpoint, Samples: callSamples(),
	})
}

// switchAmongOne is an expansion by which nothing that the body of n computes is shared with what is around it.
func switchAmongOne(n *Node) *Node {
	return n.g.Apply(opSwitch, slices.Concat([]*Node{n.g.Scalar(Int32, 0)}, n.Inputs()), n.extra.attrs)
}

// Function returns f as a function that may be called at any number of places, in bodies of loops too (CasADi's Function, or a call of JAX's jit within another one). f is called once, to build it, with
// parameters of the types of like. It may use nodes from outside, as in Scan. Each call takes as many nodes of these types, and
// returns as many results as f. However often it is called, the function is compiled once and differentiated once in a sweep, so that a graph, and the time to compile it, do not grow with it;
// reverse sweeps compute it once more from the arguments. The compiler puts small functions, and those with one call, in the place of the call, where nothing is computed twice.
func Function(like []*Node, f func(params []*Node) []*Node) func(args ...*Node) []*Node {
	const op = "function"
	g, in, ok := operandsOfLoop(op, like)
	if len(like) == 0 || f == nil {
		g.Fail(op, errors.New("needs a function and a parameter"))
		ok = false
	}
	if !ok {
		count := g.countResults(op, len(like), f)
		return func(...*Node) []*Node { return g.invalidNodes(count) }
	}
	types := typesOf(in[0])
	built := g.trace(op, types, f)
	count := len(built.results)
	if count == 0 {
		g.Fail(op, errors.New("the function returns nothing"))
	}
	bodies, captured, ok := g.seal(op, built)
	if !ok {
		return func(...*Node) []*Node { return g.invalidNodes(count) }
	}
	results, read := typesOf(built.results), len(withElements(built.results))
	return func(args ...*Node) []*Node {
		const op = "call"
		to, in, ok := operandsOfLoop(op, args, captured)
		if !ok {
			return to.invalidNodes(count)
		}
		args, outer := in[0], in[1]
		if given := typesOf(args); !slices.EqualFunc(given, types, Type.Equal) {
			to.Fail(op, fmt.Errorf("takes %s, not %s", typesText(types, true), typesText(given, true)))
			return to.invalidNodes(count)
		}
		operands := slices.Concat(outer, withElements(args))
		switch {
		case read == 0:
			return to.besideNothing(results, nil)
		case len(operands) == 0: // all of it is a constant
			return f(args)
		}
		n := to.Apply(opCall, operands, attr.Make(attr.Fn("bodies", bodies...)))
		if !n.Valid() {
			return to.invalidNodes(count)
		}
		return to.besideNothing(results, resultsOf(n, read))
	}
}
