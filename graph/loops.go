package graph

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/shape"
)

// Loops and branches: operators that run bodies. Their operands are what the bodies take from around them (captured), then the values that the caller gives.
// The values that a body computes at every step of a loop are read by each_step from the loop's node, so that derivatives and users can ask for any of
// them, and none is stored that nobody reads.

// The operators of this file.
var opScan, opWhile, opSwitch, opCheckpoint, opEachStep *Op

var (
	capturedAttr = AttrSpec{Key: "captured", Kind: attr.Int, Doc: "how many operands, the first ones, are the same at every step"}
	runAttr      = AttrSpec{Key: "run", Kind: attr.Int, Optional: true, Doc: "of a loop that is run more than once, since few of its states are kept for each of several reverse sweeps: which run it is"}
	carriesAttr  = AttrSpec{Key: "carries", Kind: attr.Int, Doc: "how many operands, the next ones, are values that a step hands to the next one"}
)

func init() {
	opScan = Register(&Op{
		Name: "scan", Family: FamilyControl, MinArity: 0, MaxArity: -1, Builtin: true, OfBodies: true, Pattern: Dense,
		Attrs: []AttrSpec{bodiesAttr, capturedAttr, carriesAttr, {Key: "length", Kind: attr.Int, Doc: "the number of steps; 0 if it is counted and has no bound"},
			{Key: "counted", Kind: attr.Bool, Optional: true, Doc: "the first operand, an int64 from 0 to length, is the number of steps that are done: elements from there on are left out, and 0 in what is stacked"},
			{Key: "reverse", Kind: attr.Bool, Doc: "run from the last elements to the first"}, runAttr,
			{Key: "adjoints", Kind: attr.Ints, Optional: true, Doc: "of a reverse sweep over a while loop: by carry, the operand of the loop whose adjoint it is"}},
		Doc: "A loop of a known number of steps. Its body takes the captured values, the carries and one element of each remaining operand, along the first axis, and " +
			"returns the next carries, and more; the results are the carries behind the last step.",
		Formula:   "the chain rule through the steps: the body's Jacobian-vector product beside it, or its vector-Jacobian product in the opposite order",
		InferMany: inferScan, Samples: scanSamples(),
	})
	opWhile = Register(&Op{
		Name: "while", Family: FamilyControl, MinArity: 1, MaxArity: -1, Builtin: true, OfBodies: true, Pattern: Dense,
		Attrs: []AttrSpec{bodiesAttr, capturedAttr, carriesAttr, {Key: "limit", Kind: attr.Int, Doc: "the most steps, more are a run's error; 0 for none"},
			runAttr},
		Doc: "A loop whose first body, the condition, decides before each step whether there is one. Both bodies take the captured values and the carries; the second one returns " +
			"the next carries, and more. The results are the carries behind the last step, and the number of steps as int64.",
		Formula:   "as scan, over the steps that were done",
		InferMany: inferWhile, Samples: whileSamples(),
	})
	opSwitch = Register(&Op{
		Name: "switch", Family: FamilyControl, MinArity: 1, MaxArity: -1, Builtin: true, OfBodies: true, Pattern: Dense,
		Attrs: []AttrSpec{bodiesAttr},
		Doc: "The results of one of several bodies, to which all operands but the first are given. The first one is a bool (false: the first body, true: the second), or an integer, " +
			"which is clamped into range. Only that body is run, and the others contribute exactly 0 to derivatives.",
		Formula:   "a switch over the bodies' derivatives",
		InferMany: inferSwitch, Samples: switchSamples(),
	})
	opCheckpoint = Register(&Op{
		Name: "checkpoint", Family: FamilyControl, MinArity: 1, MaxArity: -1, OfBodies: true, Pattern: Dense,
		Attrs: []AttrSpec{bodiesAttr},
		// A switch among one, so that what it computes is not shared with what is around it.
		Expand:  switchAmongOne,
		Doc:     "The results of a body. Its reverse sweep keeps nothing but the operands, and computes everything else once more.",
		Formula: "the body's derivative", InferMany: inferCheckpoint, Samples: checkpointSamples(),
	})
	opEachStep = Register(&Op{
		Name: "each_step", Pattern: Dense, Family: FamilyControl, MinArity: 1, MaxArity: 1, Builtin: true,
		Attrs: []AttrSpec{{Key: "value", Kind: attr.Int, Doc: "the number of the value in the loop's body"}},
		Doc: "A value of a loop's body at every step, stacked along a new first axis: element t is that of step t; in a reverse scan, that of element t of its operands. " +
			"Of a while loop, elements beyond the steps that were done are 0.",
		Formula: "the adjoint of that value at each step", JointlyLinear: true,
		Transpose: func(_ *Node, _ int, _ *Node) *Node {
			panic("BUG: values at each step are differentiated with their loop")
		},
		Infer:   inferEachStep,
		Samples: []Sample{{NoDifferences: "covered by the loops"}},
	})
}

// takesTuple reports whether the operator reads nodes with several results.
func (op *Op) takesTuple() bool { return op == opResult || op == opEachStep || op == opSnapshots }

func typesOf(nodes []*Node) []Type {
	ts := make([]Type, len(nodes))
	for i, n := range nodes {
		ts[i] = *n.typ
	}
	return ts
}

// checkBodies returns the node's bodies, as many as count (0 for any number), which take parameters of the given types.
func checkBodies(a attr.List, count int, params []Type) ([]*Body, error) {
	bodies := bodiesOf(a)
	if len(bodies) == 0 || count > 0 && len(bodies) != count {
		return nil, fmt.Errorf("has %d bodies", len(bodies))
	}
	for k, b := range bodies {
		if len(b.params) != len(params) {
			return nil, fmt.Errorf("body %d takes %d values of %d", k, len(b.params), len(params))
		}
		for i, p := range b.params {
			if !p.typ.Equal(params[i]) {
				return nil, fmt.Errorf("body %d takes %v as parameter %d, not %v", k, p.typ, i, params[i])
			}
		}
	}
	return bodies, nil
}

// loopOperands splits a loop's operands into captured, carries and the rest.
func loopOperands(in []*Node, a attr.List) (captured, carries, rest []*Node, err error) {
	k, c := a.Int("captured"), a.Int("carries")
	if k < 0 || c < 0 || k > len(in) || c > len(in)-k {
		return nil, nil, nil, fmt.Errorf("%d captured values and %d carries of %d operands", k, c, len(in))
	}
	return in[:k], in[k : k+c], in[k+c:], nil
}

// checkCarries reports results of a step that are not the next carries.
func checkCarries(carries []*Node, next []*Node) error {
	if len(next) < len(carries) {
		return fmt.Errorf("%d carries go into a step and %d come out", len(carries), len(next))
	}
	for i, c := range carries {
		if !next[i].typ.Equal(*c.typ) {
			return fmt.Errorf("carry %d is %v at the start and %v behind a step", i, c.typ, next[i].typ)
		}
	}
	return nil
}

// element returns the type of an element along the first axis.
func element(t Type) Type { return Type{t.DType, slices.Clone(t.Shape[1:])} }

// stacked returns the type of n values.
func stacked(t Type, n int) Type { return Type{t.DType, append(Shape{n}, t.Shape...)} }

func inferScan(in []*Node, a attr.List) ([]Type, error) {
	if a.Bool("counted") {
		if len(in) == 0 || !in[0].typ.Equal(Type{DType: Int64}) {
			return nil, errors.New("needs the number of steps, an int64 without a shape, as first operand")
		}
		in = in[1:]
	}
	captured, carries, xs, err := loopOperands(in, a)
	if err != nil {
		return nil, err
	}
	length := a.Int("length")
	if length < 0 || length == 0 && !a.Bool("counted") {
		return nil, fmt.Errorf("a length of %d", length)
	}
	params := append(typesOf(captured), typesOf(carries)...)
	for i, x := range xs {
		if extent := shape.StepsExtent(length); len(x.typ.Shape) == 0 || x.typ.Shape[0] != extent {
			return nil, fmt.Errorf("operand %d to go through is %v: its first axis needs the extent %d, the length", i, x.typ, extent)
		}
		params = append(params, element(*x.typ))
	}
	bodies, err := checkBodies(a, 1, params)
	if err != nil {
		return nil, err
	}
	if err := checkCarries(carries, bodies[0].results); err != nil {
		return nil, err
	}
	if of := a.Ints("adjoints"); of != nil && len(of) != len(carries) {
		return nil, fmt.Errorf("%d carries that are adjoints of %d operands", len(carries), len(of))
	}
	return typesOf(carries), nil
}

func inferWhile(in []*Node, a attr.List) ([]Type, error) {
	captured, carries, rest, err := loopOperands(in, a)
	if err != nil {
		return nil, err
	}
	if limit := a.Int("limit"); limit < 0 || limit > maxLimit || len(rest) > 0 {
		return nil, fmt.Errorf("a limit of %d steps and %d operands too many", limit, len(rest))
	}
	bodies, err := checkBodies(a, 2, append(typesOf(captured), typesOf(carries)...))
	if err != nil {
		return nil, err
	}
	if c := bodies[0].results; len(c) != 1 || !c[0].typ.Equal(Type{DType: Bool}) {
		return nil, fmt.Errorf("the condition gives %d values, the first %v: needs one bool", len(c), c[0].typ)
	}
	if err := checkCarries(carries, bodies[1].results); err != nil {
		return nil, err
	}
	return append(typesOf(carries), Type{DType: Int64}), nil
}

func inferSwitch(in []*Node, a attr.List) ([]Type, error) {
	index := in[0].typ
	if !index.IsScalar() || index.DType.IsFloat() {
		return nil, fmt.Errorf("the choice is %v: needs a bool or an integer without a shape", index)
	}
	bodies, err := checkBodies(a, 0, typesOf(in[1:]))
	if err != nil {
		return nil, err
	}
	if index.DType == Bool && len(bodies) != 2 {
		return nil, fmt.Errorf("a bool chooses between two bodies, not %d", len(bodies))
	}
	types := typesOf(bodies[0].results)
	for k, b := range bodies[1:] {
		if other := typesOf(b.results); !slices.EqualFunc(types, other, Type.Equal) {
			return nil, fmt.Errorf("body 0 gives %s and body %d %s", typesText(types, true), k+1, typesText(other, true))
		}
	}
	return types, nil
}

func inferCheckpoint(in []*Node, a attr.List) ([]Type, error) {
	bodies, err := checkBodies(a, 1, typesOf(in))
	if err != nil {
		return nil, err
	}
	return typesOf(bodies[0].results), nil
}

// stepsOf returns the body whose values each_step reads from a loop, and the extent of the new axis; nil for other nodes.
func stepsOf(loop *Node) (*Body, int) {
	a := loop.extra.attrs
	switch loop.op {
	case opScan:
		return Bodies(loop)[0], shape.StepsExtent(a.Int("length"))
	case opWhile:
		return Bodies(loop)[1], shape.StepsExtent(shape.StackedSteps(a.Int("limit")))
	case opReverseSweep:
		n := a.Int("length")
		if a.Bool("counted") {
			n = shape.StackedSteps(n)
		}
		return Bodies(loop)[1], shape.StepsExtent(n)
	}
	return nil, 0
}

func inferEachStep(in []*Node, a attr.List) (Type, error) {
	b, n := stepsOf(in[0])
	if b == nil {
		return Type{}, fmt.Errorf("%s has no steps", in[0].op.Name)
	}
	v := a.Int("value")
	if v < 0 || v >= b.g.nodes.len() || b.g.nodes.at(v).extra.results != nil {
		return Type{}, fmt.Errorf("the body has no value %d", v)
	}
	t := stacked(*b.g.nodes.at(v).typ, n)
	if err := t.Shape.check(); err != nil && in[0].op == opWhile {
		return Type{}, fmt.Errorf("%w; with NoLimit and compile.Config's Checkpoints a while loop's reverse sweep does not keep them all", err)
	}
	return t, nil
}

// EachStep returns a value of a loop's body at every step, stacked along a new first axis. loop is a node of the operator scan or while, and value a node of
// its body: Bodies(loop), for a while loop the second one.
func EachStep(loop, value *Node) *Node {
	if !loop.Valid() {
		return loop
	}
	if b, _ := stepsOf(loop); b == nil || !value.Valid() || value.g != b.g {
		return loop.g.Fail("each_step", errors.New("the value is not one of the loop's body"))
	}
	return loop.g.Apply(opEachStep, []*Node{loop}, attr.Make(attr.I("value", int(value.id))))
}

// function is a body under construction.
type function struct {
	g       *Graph
	params  []*Node
	results []*Node
}

// call calls the user's function, whose nodes go into the body.
func (f *function) call(build func(params []*Node) []*Node) []*Node {
	leave := f.g.Enter()
	defer leave()
	return build(slices.Clone(f.params))
}

// trace lets the user's function build a body for parameters of the given types. Those without elements are constants of the body.
func (g *Graph) trace(op string, types []Type, build func(params []*Node) []*Node) *function {
	f := &function{g: g.child(op)}
	for _, t := range types {
		if t.Shape.Empty() {
			f.params = append(f.params, f.g.nothing(t))
		} else {
			f.params = append(f.params, f.g.parameter(t))
		}
	}
	for i, r := range f.call(build) {
		local, err := f.g.Local(r)
		switch {
		case r == nil:
			local = f.g.Fail(op, fmt.Errorf("result %d of the body is nil", i))
		case err != nil:
			local = f.g.Fail(op, fmt.Errorf("result %d of the body %w", i, err))
		case local.extra.results != nil:
			local = f.g.Fail(op, fmt.Errorf("result %d of the body has %d results: take one with Result", i, len(local.extra.results)))
		}
		f.results = append(f.results, local)
	}
	return f
}

// seal makes bodies of the functions, all of which take what any of them takes from around it, which it returns, and then their parameters. Parameters and results without elements are left out. It
// fails, with the mistake on record, if there is one in a body.
func (g *Graph) seal(op string, functions ...*function) (bodies []attr.Function, captured []*Node, ok bool) {
	at := g.positions[g.position()]
	for _, f := range functions {
		f.g.closed = fmt.Sprintf("the body of the %s made at %v", op, at)
		for _, n := range f.g.build.takes {
			if !slices.Contains(captured, n) {
				captured = append(captured, n)
			}
		}
	}
	if g.Err() != nil {
		return nil, nil, false
	}
	for _, f := range functions {
		f.g.closed = ""
		var params []*Node
		for _, n := range captured {
			p, err := f.g.Local(n)
			if err != nil {
				panic("BUG: " + err.Error())
			}
			params = append(params, p)
		}
		results := withElements(f.results)
		if len(results) == 0 {
			results = f.results[:min(1, len(f.results))] // which nobody reads: a body has a result
		}
		f.g.closed = fmt.Sprintf("the body of the %s made at %v", op, at)
		b, err := NewBody(append(params, withElements(f.params)...), results)
		if err != nil {
			g.Fail(op, fmt.Errorf("the body: %w", err))
			return nil, nil, false
		}
		bodies = append(bodies, b)
	}
	return bodies, captured, true
}

// operandsOfLoop returns the graph of the operands, and what stands for them there; false if one is invalid.
func operandsOfLoop(op string, lists ...[]*Node) (*Graph, [][]*Node, bool) {
	g := graphOf(slices.Concat(lists...)...)
	out := make([][]*Node, len(lists))
	if g.closed != "" {
		g.Fail(op, g.Closed())
		for k, list := range lists {
			out[k] = g.invalidNodes(len(list))
		}
		return g, out, false
	}
	ok := true
	for k, list := range lists {
		for i, n := range list {
			local, err := g.Local(n)
			switch {
			case n == nil:
				g.Fail(op, fmt.Errorf("operand %d is nil", i))
				ok = false
			case err != nil:
				g.Fail(op, fmt.Errorf("operand %d %w", i, err))
				ok = false
			case n.extra.results != nil:
				g.Fail(op, fmt.Errorf("operand %d has %d results: take one with Result", i, len(n.extra.results)))
				ok = false
			case !local.Valid():
				ok = false
			}
			out[k] = append(out[k], local)
		}
	}
	return g, out, ok
}

// invalidNodes returns n nodes that stand for a mistake which is on record.
func (g *Graph) invalidNodes(n int) []*Node {
	out := make([]*Node, n)
	for i := range out {
		out[i] = g.invalid()
	}
	return out
}

// failed records a mistake, if there is one that is not on record yet, and returns as many invalid nodes as f, a function of n nodes, returns, so that the user's program goes on.
func (g *Graph) failed(op string, err error, n int, f func([]*Node) []*Node) []*Node {
	if err != nil {
		g.Fail(op, err)
	}
	return g.invalidNodes(g.countResults(op, n, f))
}

// countResults returns how many nodes f returns for n invalid ones. Where that is too little for it, they are none.
func (g *Graph) countResults(op string, n int, f func([]*Node) []*Node) int {
	if f == nil {
		return 0
	}
	defer func() { _ = recover() }()
	c := g.child(op)
	leave := c.Enter()
	defer leave()
	return len(f(c.invalidNodes(n)))
}

func resultsOf(n *Node, count int) []*Node {
	out := make([]*Node, count)
	for i := range out {
		out[i] = Result(n, i)
	}
	return out
}

// Scan is a loop of length steps (JAX's lax.scan). The body is called once, to build a step: from the carries, which have the types of init, and one element of each of xs
// along its first axis, whose extent is length, it returns the next carries, of the same types, and any number of further values. Scan returns the carries
// behind the last step, and the further values of all steps stacked along a new first axis.
//
// The body may use nodes from outside; they keep their value through all steps. All nodes that are made while it runs belong to the body, and do not exist outside: return them. A scan of length 0
// returns init, and ys without elements. With the option Reverse it goes from the last elements of xs to the first, and puts ys where their xs are.
func Scan(length int, init, xs []*Node, body func(carry, x []*Node) (next, ys []*Node), opts ...ScanOption) (final, ys []*Node) {
	const op = "scan"
	g, in, ok := operandsOfLoop(op, init, xs)
	fail := func(err error) (final, ys []*Node) {
		var step func([]*Node) []*Node
		if body != nil {
			step = func(params []*Node) []*Node {
				_, ys := body(params[:len(init):len(init)], params[len(init):])
				return ys
			}
		}
		return g.invalidNodes(len(init)), g.failed(op, err, len(init)+len(xs), step)
	}
	if !ok {
		return fail(nil)
	}
	init, xs = in[0], in[1]
	types := typesOf(init)
	for i, x := range xs {
		if len(x.typ.Shape) == 0 || x.typ.Shape[0] != length {
			return fail(fmt.Errorf("xs[%d] is %v: its first axis needs the extent %d, the length", i, x.typ, length))
		}
		types = append(types, element(*x.typ))
	}
	switch {
	case slices.ContainsFunc(opts, func(o ScanOption) bool { return o != Reverse }):
		return fail(errors.New("a loop has no option but Reverse"))
	case length < 0:
		return fail(fmt.Errorf("a length of %d", length))
	case body == nil:
		return fail(errors.New("the body is nil"))
	case len(init)+len(xs) == 0:
		return fail(errors.New("needs a carry or something to go through"))
	}
	carries := 0
	f := g.trace(op, types, func(params []*Node) []*Node {
		next, more := body(params[:len(init):len(init)], params[len(init):])
		carries = len(next)
		return slices.Concat(next, more)
	})
	bad := func(err error) (final, ys []*Node) {
		if err != nil {
			g.Fail(op, err)
		}
		return g.invalidNodes(len(init)), g.invalidNodes(len(f.results) - carries)
	}
	if carries != len(init) {
		return bad(fmt.Errorf("%d carries go into a step and %d come out", len(init), carries))
	}
	bodies, captured, ok := g.seal(op, f)
	if !ok {
		return bad(nil)
	}
	if err := checkCarries(init, f.results); err != nil {
		return bad(err)
	}
	types = nil // of what is stacked
	for _, r := range f.results[carries:] {
		types = append(types, stacked(*r.typ, length))
	}
	moving := withElements(init)
	if length == 0 || len(moving)+len(withElements(f.results[carries:])) == 0 {
		return init, g.besideNothing(types, nil)
	}
	n := g.Apply(opScan, slices.Concat(captured, moving, withElements(xs)), attr.Make(attr.Fn("bodies", bodies...), attr.I("captured", len(captured)),
		attr.I("carries", len(moving)), attr.I("length", length), attr.B("reverse", len(opts) > 0)))
	if !n.Valid() {
		return bad(nil)
	}
	for _, r := range Bodies(n)[0].results[len(moving):] { // which is that of an equal loop, if there was one
		ys = append(ys, EachStep(n, r))
	}
	return g.besideNothing(typesOf(init), resultsOf(n, len(moving))), g.besideNothing(types, ys)
}

// Map applies f to each element of xs along their first axis, which all have in common, one after the other, and returns its results stacked along a new first axis
// (JAX's lax.map). It is Scan without carries: where memory does not matter, compile.Batch is faster.
func Map(xs []*Node, f func(x []*Node) []*Node) []*Node {
	if len(xs) == 0 || !xs[0].Valid() || len(xs[0].typ.Shape) == 0 || f == nil {
		g := graphOf(xs...)
		if len(xs) == 0 || xs[0] == nil || xs[0].Valid() {
			g.Fail("map", errors.New("needs a function, and something to go through that has a first axis"))
		}
		return g.failed("map", nil, len(xs), f)
	}
	_, ys := Scan(xs[0].typ.Shape[0], nil, xs, func(_, x []*Node) (next, ys []*Node) { return nil, f(x) })
	return ys
}

// NoLimit is the limit of a While that may do any number of steps.
const NoLimit = 0

// maxLimit bounds a While's limit, so that numbers of steps may be added up.
const maxLimit = math.MaxInt / 4

// While is a loop that goes on as long as a condition holds (JAX's lax.while_loop). Condition and body are called once, to build what is run before and at each
// step: from the carries, which have the types of init, cond returns a bool without a shape and body the next carries. More than limit steps
// are an error of the run, never a wrong result. While returns the carries behind the last step and the number of steps, an int64.
//
// Derivatives in reverse keep the carries of all steps, and memory for as many as the limit; with the option Checkpoints of compile.Config they keep few, whatever the limit is. They need that
// option if there is NoLimit, or one above 2³¹−1. Derivatives forward need neither.
//
// Both functions may use nodes from outside, which keep their value through all steps; what they make belongs to them, as in Scan.
func While(limit int, init []*Node, cond func(carry []*Node) *Node, body func(carry []*Node) []*Node) (final []*Node, steps *Node) {
	const op = "while"
	g, in, ok := operandsOfLoop(op, init)
	fail := func(err error) ([]*Node, *Node) {
		if err != nil {
			g.Fail(op, err)
		}
		bad := g.invalidNodes(len(init) + 1)
		return bad[:len(init):len(init)], bad[len(init)]
	}
	init = in[0]
	switch {
	case !ok:
		return fail(nil)
	case limit < 0 || limit > maxLimit:
		return fail(fmt.Errorf("a limit of %d steps: needs 1 to %d, or NoLimit", limit, maxLimit))
	case cond == nil || body == nil:
		return fail(errors.New("the condition or the body is nil"))
	case len(init) == 0:
		return fail(errors.New("needs a carry"))
	}
	test := g.trace(op, typesOf(init), func(carry []*Node) []*Node { return []*Node{cond(carry)} })
	step := g.trace(op, typesOf(init), body)
	if len(step.results) != len(init) {
		return fail(fmt.Errorf("%d carries go into a step and %d come out", len(init), len(step.results)))
	}
	bodies, captured, ok := g.seal(op, test, step)
	if !ok {
		return fail(nil)
	}
	if err := checkCarries(init, step.results); err != nil {
		return fail(err)
	}
	moving := withElements(init)
	n := g.Apply(opWhile, slices.Concat(captured, moving), attr.Make(attr.Fn("bodies", bodies...), attr.I("captured", len(captured)),
		attr.I("carries", len(moving)), attr.I("limit", limit)))
	if !n.Valid() {
		return fail(nil)
	}
	all := resultsOf(n, len(moving)+1)
	return g.besideNothing(typesOf(init), all[:len(moving)]), all[len(moving)]
}

// Cond returns the results of one of two functions of args, as pred, a bool without a shape, says (JAX's lax.cond). Both are called once, to build what is run,
// and return results of the same types; the one that is not chosen is not run, and contributes exactly 0 to derivatives. They may use nodes from
// outside, and what they make is run with them, as in Scan.
func Cond(pred *Node, args []*Node, then, els func(args []*Node) []*Node) []*Node {
	return branches("cond", pred, args, []func([]*Node) []*Node{els, then})
}

// Switch returns the results of one of several functions of args, as index, an integer without a shape that is clamped into range, says (JAX's lax.switch). See Cond.
func Switch(index *Node, args []*Node, functions ...func(args []*Node) []*Node) []*Node {
	return branches("switch", index, args, functions)
}

func branches(op string, index *Node, args []*Node, functions []func([]*Node) []*Node) []*Node {
	g, in, ok := operandsOfLoop(op, []*Node{index}, args)
	fail := func(err error) []*Node {
		if i := slices.IndexFunc(functions, func(f func([]*Node) []*Node) bool { return f != nil }); i >= 0 {
			return g.failed(op, err, len(args), functions[i])
		}
		return g.failed(op, err, 0, nil)
	}
	if !ok {
		return fail(nil)
	}
	index, args = in[0][0], in[1]
	if len(functions) == 0 || slices.ContainsFunc(functions, func(f func([]*Node) []*Node) bool { return f == nil }) {
		return fail(errors.New("needs functions to choose from, none of which is nil"))
	}
	if (index.typ.DType == Bool) != (op == "cond") || !index.typ.IsScalar() || index.typ.DType.IsFloat() {
		want := "an integer"
		if op == "cond" {
			want = "a bool"
		}
		return fail(fmt.Errorf("the choice is %v: needs %s without a shape", index.typ, want))
	}
	var fs []*function
	for _, f := range functions {
		fs = append(fs, g.trace(op, typesOf(args), f))
	}
	which := func(k int) string {
		if op == "cond" {
			return [...]string{"the function for false", "the function for true"}[k]
		}
		return fmt.Sprintf("function %d", k)
	}
	count := 0
	for _, f := range fs {
		count = max(count, len(f.results))
	}
	for k, f := range fs {
		if len(f.results) != len(fs[0].results) || len(f.results) == 0 {
			g.Fail(op, fmt.Errorf("%s returns %d values and %s %d: needs as many, and one at least", which(0), len(fs[0].results), which(k), len(f.results)))
			return g.invalidNodes(count)
		}
	}
	bodies, captured, ok := g.seal(op, fs...)
	if !ok {
		return g.invalidNodes(count)
	}
	types := typesOf(fs[0].results)
	for k, f := range fs[1:] {
		if other := typesOf(f.results); !slices.EqualFunc(types, other, Type.Equal) {
			g.Fail(op, fmt.Errorf("%s gives %s and %s %s", which(0), typesText(types, true), which(k+1), typesText(other, true)))
			return g.invalidNodes(count)
		}
	}
	read := len(withElements(fs[0].results))
	if read == 0 {
		return g.besideNothing(types, nil)
	}
	n := g.Apply(opSwitch, slices.Concat([]*Node{index}, captured, withElements(args)), attr.Make(attr.Fn("bodies", bodies...)))
	if !n.Valid() {
		return g.invalidNodes(count)
	}
	return g.besideNothing(types, resultsOf(n, read))
}

// Checkpoint returns the results of a function of args (JAX's checkpoint, or remat). A reverse sweep keeps none of the values in between, but computes them once more
// from args and from what the function uses from outside: less memory for more work.
func Checkpoint(args []*Node, f func(args []*Node) []*Node) []*Node {
	const op = "checkpoint"
	g, in, ok := operandsOfLoop(op, args)
	switch {
	case !ok:
		return g.failed(op, nil, len(args), f)
	case len(args) == 0 || f == nil:
		return g.failed(op, errors.New("needs a function and an argument"), len(args), f)
	}
	body := g.trace(op, typesOf(in[0]), f)
	if len(body.results) == 0 {
		g.Fail(op, errors.New("the function returns nothing"))
		return nil
	}
	bodies, captured, ok := g.seal(op, body)
	if !ok {
		return g.invalidNodes(len(body.results))
	}
	types, read := typesOf(body.results), len(withElements(body.results))
	operands := append(captured, withElements(in[0])...)
	switch {
	case read == 0:
		return g.besideNothing(types, nil)
	case len(operands) == 0: // all of it is a constant
		return f(args)
	}
	n := g.Apply(opCheckpoint, operands, attr.Make(attr.Fn("bodies", bodies...)))
	if !n.Valid() {
		return g.invalidNodes(len(body.results))
	}
	return g.besideNothing(types, resultsOf(n, read))
}
