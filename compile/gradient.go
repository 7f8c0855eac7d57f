package compile

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/prefetch"
)

// Gradient appends the gradient of a scalar float cost by each of the nodes wrt to the graph and returns it
// in their order and shapes. A node that the cost does not depend on gets zeros. wrt may be inputs or intermediate nodes.
// The errors are those of the graph and of the arguments, joined.
//
// Method: reverse accumulation (Griewank & Walther, Evaluating Derivatives, 2nd ed., §3.2), one sweep
// for all of wrt. Adjoints live in the call, so gradients of gradients and several costs on one graph are right.
func Gradient(cost *graph.Node, wrt ...*graph.Node) ([]*graph.Node, error) {
	if cost.Valid() && !cost.Type().IsScalar() {
		return nil, userError(cost, "gradient", fmt.Errorf("the cost is %v: needs a scalar (sum it, or use VJP)", cost.Type()))
	}
	return VJP([]*graph.Node{cost}, wrt, nil)
}

// GradientStrict is Gradient that gives an error, instead of zeros, for nodes that the cost does not depend on.
func GradientStrict(cost *graph.Node, wrt ...*graph.Node) ([]*graph.Node, error) {
	costs := []*graph.Node{cost}
	g, leave, err := checkDerivative("gradient", &costs, nil, &wrt, &wrt)
	if err != nil {
		return nil, err
	}
	defer leave()
	_, index := between(g, costs, wrt, false)
	for i, w := range wrt {
		if _, ok := index.get(w); !ok {
			return nil, userError(w, "gradient", fmt.Errorf("the cost does not depend on node %v, number %d to differentiate by", w, i))
		}
	}
	return Gradient(costs[0], wrt...)
}

// VJP appends Σ_k ∂outputs_kᵀ/∂wrt · cotangents_k for each of wrt: the vector-Jacobian product. A
// cotangent has its output's type; nil cotangents, or a nil slice, mean ones. As for JVP, HVP and their like, what is multiplied comes last.
func VJP(outputs, wrt, cotangents []*graph.Node) (adjoints []*graph.Node, err error) {
	g, leave, err := checkDerivative("gradient", &outputs, &cotangents, &wrt, &wrt)
	if err != nil {
		return nil, err
	}
	defer leave()
	defer recoverBug("gradient", &err)
	cts := make([]*graph.Node, len(outputs))
	for i, o := range outputs {
		if i < len(cotangents) && cotangents[i] != nil {
			cts[i] = cotangents[i]
		} else {
			restore := g.AtNode(o)
			cts[i] = graph.FullLike(o, 1)
			restore()
		}
	}
	adjoints = reverse(g, elementsOfGradients(outputs, wrt), cts, wrt, false, false)
	for i, w := range wrt {
		if adjoints[i] == nil {
			restore := g.AtNode(w)
			adjoints[i] = graph.FullLike(w, 0)
			restore()
		}
	}
	return adjoints, g.Err()
}

// JVP appends Σ_i ∂outputs/∂wrt_i · tangents_i for each output: the Jacobian-vector product. A tangent has its
// node's type; nil tangents mean ones. An output that depends on none of wrt gets zeros.
//
// Method: forward accumulation (Griewank & Walther, §3.1).
func JVP(outputs, wrt, tangents []*graph.Node) (dots []*graph.Node, err error) {
	g, leave, err := checkDerivative("jvp", &wrt, &tangents, &outputs, &wrt)
	if err != nil {
		return nil, err
	}
	defer leave()
	defer recoverBug("jvp", &err)
	seeds := make([]*graph.Node, len(wrt))
	for i, w := range wrt {
		if i < len(tangents) && tangents[i] != nil {
			seeds[i] = tangents[i]
		} else {
			restore := g.AtNode(w)
			seeds[i] = graph.FullLike(w, 1)
			restore()
		}
	}
	dots = forward(g, elementsOfGradients(outputs, wrt), wrt, seeds, false, false)
	for i, o := range outputs {
		if dots[i] == nil {
			restore := g.AtNode(o)
			dots[i] = graph.FullLike(o, 0)
			restore()
		}
	}
	return dots, g.Err()
}

// checkDerivative validates from (whose seeds are given) and to, of which by are differentiated by, and enters their common graph: see commonGraph.
func checkDerivative(what string, from, seeds, to, by *[]*graph.Node) (g *graph.Graph, leave func(), err error) {
	if len(*from) == 0 || len(*to) == 0 {
		return nil, nil, fmt.Errorf("%s: needs at least one node to differentiate and one to differentiate by", what)
	}
	if seeds == nil {
		seeds = new([]*graph.Node)
	}
	if len(*seeds) > len(*from) {
		return nil, nil, fmt.Errorf("%s: %d seeds for %d nodes", what, len(*seeds), len(*from))
	}
	wrt := *by
	if g, leave, err = commonGraph(what, from, to); err != nil {
		return nil, nil, err
	}
	refuse := func(err error) (*graph.Graph, func(), error) {
		leave()
		return nil, nil, err
	}
	if err := g.Closed(); err != nil {
		return refuse(userError((*from)[0], what, err))
	}
	for _, n := range slices.Concat(*from, *to) {
		if !n.DType().IsFloat() {
			return refuse(userError(n, what, fmt.Errorf("node %v is %v: only floats have derivatives", n, n.Type())))
		}
	}
	for i, s := range *seeds {
		if s == nil {
			continue
		}
		local, err := g.Local(s)
		if err != nil || !local.Valid() {
			return refuse(userError((*from)[i], what, fmt.Errorf("the seed of node %v is invalid or belongs to another graph", (*from)[i])))
		}
		if !s.Type().Equal((*from)[i].Type()) {
			return refuse(userError(s, what, fmt.Errorf("the seed is %v for a node of type %v", s.Type(), (*from)[i].Type())))
		}
		if local = numberOf(local); local != s {
			*seeds = slices.Clone(*seeds)
			(*seeds)[i] = local
		}
	}
	outputs := *from
	if by == from {
		outputs = *to
	}
	if err := hiddenDependence(what, outputs, wrt, smoothlyDepends); err != nil {
		return refuse(err)
	}
	for _, w := range wrt {
		if w.IsConst() && w.Type().IsScalar() && !w.IsNumber() {
			if n := holdsNumber(g, outputs, w.Literal()); n != nil {
				return refuse(userError(n, what, fmt.Errorf("a body of %v has the constant %v as a number of its own, by which there is no derivative: make it an input", n, w)))
			}
		}
	}
	return g, leave, nil
}

// holdsNumber returns a node that the outputs depend on with a body that has a constant equal to the literal: scalar constants from around a body are copied into it.
func holdsNumber(g *graph.Graph, outputs []*graph.Node, l *graph.Literal) *graph.Node {
	for id, needed := range g.Needed(outputs...) {
		if n := g.Node(id); needed && slices.ContainsFunc(graph.Bodies(n), func(b *graph.Body) bool { return bodyHolds(b, l) }) {
			return n
		}
	}
	return nil
}

func bodyHolds(b *graph.Body, l *graph.Literal) bool {
	for i := range b.Graph().Len() {
		n := b.Graph().Node(i)
		if n.IsConst() && !n.IsNumber() && n.Type().Equal(l.Type()) && bytes.Equal(n.Literal().Bytes(), l.Bytes()) {
			return true
		}
		if slices.ContainsFunc(graph.Bodies(n), func(inner *graph.Body) bool { return bodyHolds(inner, l) }) {
			return true
		}
	}
	return false
}

// smoothlyDepends reports whether output can have a derivative by w.
func smoothlyDepends(g *graph.Graph, output, w *graph.Node) bool {
	_, index := between(g, []*graph.Node{output}, []*graph.Node{w}, false)
	_, ok := index.get(output)
	return ok
}

// commonGraph returns the graph that all nodes of the lists belong to, or the mistakes made on the way, and makes nodes be added to it until leave is called. Among
// nodes of a body under construction, those from around it are replaced in the lists by what stands for them in the body.
func commonGraph(what string, lists ...*[]*graph.Node) (g *graph.Graph, leave func(), err error) {
	i := 0
	for _, list := range lists {
		for _, n := range *list {
			if n == nil {
				return nil, nil, fmt.Errorf("%s: node %d is nil", what, i)
			}
			if g == nil {
				g = n.Graph()
			}
			if err := n.Graph().Err(); err != nil {
				return nil, nil, err
			}
			if !n.Valid() {
				return nil, nil, fmt.Errorf("%s: node %d is invalid", what, i)
			}
			if n.Results() != nil {
				return nil, nil, userError(n, what, fmt.Errorf("node %v has %d results: take one with Result", n, len(n.Results())))
			}
			if n.Graph() != g {
				if _, err := g.Local(n); err != nil {
					g = n.Graph() // within that of the others, or another one
				}
			}
			i++
		}
	}
	for _, list := range lists {
		for i, n := range *list {
			local, err := g.Local(n)
			if err != nil {
				return nil, nil, userError(n, what, fmt.Errorf("the nodes belong to different graphs: node %v %w", n, err))
			}
			if !local.Valid() {
				return nil, nil, g.Err()
			}
			if local != n {
				*list = slices.Clone(*list)
				(*list)[i] = local
			}
		}
	}
	return g, g.Enter(), nil
}

// hiddenDependence refuses to replace or differentiate by nodes from around a body under construction on which outputs of the body depend through other nodes from around it
// too: within the body that dependence is not to be seen.
func hiddenDependence(what string, outputs, wrt []*graph.Node, depends func(g *graph.Graph, output, w *graph.Node) bool) error {
	g := outputs[0].Graph()
	if err := copiedConstant(what, g, outputs, wrt); err != nil {
		return err
	}
	outer, params := g.Captured()
	for _, w := range wrt {
		if w.Graph() == g || len(outer) == 0 {
			continue
		}
		around := outer[0].Graph()
		local, err := around.Local(w)
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		for i, m := range outer {
			if m == local || !slices.ContainsFunc(outputs, func(o *graph.Node) bool { return depends(g, o, params[i]) }) {
				continue
			}
			if depends(around, m, local) {
				return userError(w, what, fmt.Errorf("the body takes %v from outside, made at %v, which depends on %v: compute it in the body, or differentiate outside", m, m.Position(), w))
			}
			if err := hiddenDependence(what, []*graph.Node{m}, []*graph.Node{w}, depends); err != nil {
				return err
			}
		}
	}
	return nil
}

// copiedConstant refuses to replace or differentiate by a constant without a shape of which bodies of loops and branches have copies: see graph.Graph.Local.
func copiedConstant(what string, g *graph.Graph, outputs, wrt []*graph.Node) error {
	for _, w := range wrt {
		if !w.IsConst() || !w.Type().IsScalar() {
			continue
		}
		var copied func(b *graph.Body) bool
		among := func(g *graph.Graph, needed func(id int) bool) *graph.Node {
			for id := range g.Len() {
				if n := g.Node(id); needed(id) && slices.ContainsFunc(graph.Bodies(n), copied) {
					return n
				}
			}
			return nil
		}
		copied = func(b *graph.Body) bool {
			for id := range b.Graph().Len() {
				if n := b.Graph().Node(id); n.IsConst() && n.Type().Equal(w.Type()) && bytes.Equal(n.Literal().Bytes(), w.Literal().Bytes()) {
					return true
				}
			}
			return among(b.Graph(), func(int) bool { return true }) != nil
		}
		needed := g.Needed(outputs...)
		if n := among(g, func(id int) bool { return needed[id] }); n != nil {
			return userError(w, what, fmt.Errorf("%v is a constant, of which the %s made at %v has a copy: make it an input", w, n.Op().Name, n.Position()))
		}
	}
	return nil
}

func userError(n *graph.Node, op string, err error) error {
	return &graph.Error{Pos: n.Position(), Op: op, Err: err}
}

// recoverBug turns a panic of ours into an error that names the pass.
func recoverBug(pass string, err *error) {
	switch r := recover().(type) {
	case nil:
	case refusal:
		*err = r.error
	default:
		*err = fmt.Errorf("internal error in %s: %v", pass, r)
	}
}

// times multiplies an adjoint or tangent by a local partial. Where either may be infinite or NaN (see zeroMayWin), a 0 in the other one wins.
func times(n, partial, ct *graph.Node, masked bool) *graph.Node {
	shape := n.Shape()
	switch {
	case isNumber(partial, 1):
		return graph.BroadcastTo(ct, shape...)
	case isNumber(ct, 1):
		return graph.BroadcastTo(partial, shape...)
	case isNumber(partial, -1):
		return graph.BroadcastTo(graph.Neg(ct), shape...)
	case isNumber(ct, -1):
		return graph.BroadcastTo(graph.Neg(partial), shape...)
	case (masked || n.Op().SingularPartials) && !plainFactor(partial) && !plainFactor(ct):
		return graph.BroadcastTo(graph.MulNoNan(partial, ct), shape...)
	}
	return graph.BroadcastTo(graph.Mul(partial, ct), shape...)
}

// zeroWins returns n, or for operators that let a zero win a twin whose transposes multiply adjoints so that a 0 wins over infinite and
// NaN operands.
func zeroWins(g *graph.Graph, n *graph.Node) *graph.Node {
	if !n.Op().ZeroWins || n.Attrs().Bool("no_nan") {
		return n
	}
	return g.Apply(n.Op(), n.Inputs(), attr.Make(append(slices.Clone(n.Attrs()), attr.B("no_nan", true))...))
}

// zeroMayWin reports whether adjoints in front of the operator, and tangents behind it, can be exactly 0 where what they are multiplied by is
// infinite or NaN (the branches of a where), or infinite where what they are multiplied by is 0 (singular partials). The product is then 0 in both
// modes, so that they agree.
func zeroMayWin(n *graph.Node) bool { return n.Op().SingularPartials || n.Op().Masks }

// reverse returns the adjoints of wrt (nil for zero) given those of the outputs, which may be masked.
func reverse(g *graph.Graph, outputs, cts, wrt []*graph.Node, masked, stop bool) []*graph.Node {
	list, index := between(g, outputs, wrt, stop)
	isWrt := map[*graph.Node]bool{}
	for _, w := range wrt {
		isWrt[w] = stop
	}
	adj := newAdjoints(g, len(list))
	give := func(to, ct *graph.Node) {
		if i, ok := index.get(to); ok && ct != nil {
			if ct = elementOfConstant(ct); !isNumber(ct, 0) {
				adj.add(i, ct, masked)
			}
		}
	}
	for i, o := range outputs {
		give(o, cts[i])
	}
	isWanted := func(n *graph.Node) bool { _, ok := index.get(n); return ok }
	second := map[*graph.Node][]*secondSweep{} // by while loop
	derived := derivedBodies{}
	total := prefetch.Pages(make([]*graph.Node, len(list)))
	for i := len(list) - 1; i >= 0; i-- {
		n := list[i]
		adj.ahead(list, &index, i)
		restore := g.AtNode(n)
		if n.Results() == nil {
			total[i] = adj.sum(i)
			if total[i] == nil || stop && isWrt[n] {
				restore()
				continue
			}
		}
		op := n.Op()
		masked = adj.of[i].masked || zeroMayWin(n)
		of, result, several := graph.ResultOf(n)
		switch {
		case several:
			tuple, _ := index.get(of)
			adj.addResult(tuple, result, total[i], masked)
		case op.OfBodies:
			cts := adj.results[i]
			if n.Results() == nil {
				cts = total[i : i+1]
			}
			for k, s := range second[n] {
				if k == 0 && len(cts) < len(n.Results()) { // without values at each step
					s.take(cts)
					cts = nil
				}
				s.sweep(isWanted, masked, give)
			}
			if cts == nil {
				break
			}
			if s := adjointScanOf(n); s != nil && len(cts) <= s.carries {
				switch sweep := s.adjoints(cts, masked, give); {
				case sweep == nil:
				case isWanted(s.of.n):
					second[s.of.n] = append(second[s.of.n], sweep)
				default:
					sweep.sweep(isWanted, masked, give)
				}
				break
			}
			wanted := make([]bool, len(n.Inputs()))
			for k := range wanted {
				_, wanted[k] = index.ofInput(n, k)
			}
			for k, a := range adjointsOfBodies(n, cts, wanted, masked, derived) {
				give(n.Input(k), a)
			}
		case op.Partial != nil:
			for k, in := range n.Inputs() {
				if _, ok := index.ofInput(n, k); !ok {
					continue
				}
				if p := op.Partial(n, k); p != nil {
					give(in, graph.SumTo(times(n, p, total[i], masked), in.Shape()))
				}
			}
		case op.Transpose != nil:
			if masked {
				n = zeroWins(g, n)
			}
			for k, in := range n.Inputs() {
				if _, ok := index.ofInput(n, k); ok {
					give(in, op.Transpose(n, k, total[i]))
				}
			}
		case op.VJP != nil || op.JVP != nil:
			ct := []*graph.Node{total[i]}
			if n.Results() != nil {
				if ct = adj.results[i]; ct == nil {
					break
				}
				ct = append(ct, make([]*graph.Node, len(n.Results())-len(ct))...)
			}
			for k, a := range adjointsOf(g, n, ct) {
				give(n.Input(k), a)
			}
		case op.ThroughExpand:
			if ops := uniq(n.Inputs()); len(ops) > 0 {
				for k, a := range reverse(g, []*graph.Node{op.Expand(n)}, []*graph.Node{total[i]}, ops, masked, true) {
					give(ops[k], a)
				}
			}
		}
		restore()
	}
	out := make([]*graph.Node, len(wrt))
	for k, w := range wrt {
		if i, ok := index.get(w); ok {
			out[k] = total[i]
		}
	}
	return out
}

func uniq(nodes []*graph.Node) []*graph.Node {
	var out []*graph.Node
	for _, n := range nodes {
		if n.DType().IsFloat() && !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}
