package compile

import (
	"fmt"
	"slices"
)

// pass is one step of compilation: on the graph, or, behind the one that begins it, on the lowering.
type pass struct {
	name    string
	doc     string
	graph   func(*unit) error
	lower   func(*unit) (*lowering, error)
	lowered func(*lowering) error
	// required passes cannot be disabled.
	required bool
}

// run applies the pass to the graph or to the lowering, which is nil before there is one, and returns the lowering.
func (p *pass) run(u *unit, l *lowering) (*lowering, error) {
	switch {
	case p.graph != nil:
		return l, p.graph(u)
	case p.lower != nil:
		return p.lower(u)
	}
	return l, p.lowered(l)
}

// passOrder is the pipeline.
var passOrder = []pass{
	{name: "inline", doc: "put small functions, and those with one call, in the place of the call", graph: inlineCalls},
	{name: "join", doc: "make one loop of those that go the same steps and share work, and one carry of equal ones", graph: joinLoops},
	{name: "round-once", doc: "let sums of a product in loops round once wherever they are computed, if reverse scans had better read what is made of them", graph: roundOnce},
	{name: "residuals", doc: "let reverse scans read values that the loop computed already, where that is cheaper than to compute them again", graph: residuals},
	{name: "loops", doc: "unroll short loops over scalars, leave out carries that nothing depends on, compute what is the same at every step once", graph: simplifyLoops},
	{name: "scalarize", doc: "make scalars of the elements of small arrays that are put together from scalars, taken apart, or multiplied", graph: scalarize},
	{name: "rewrite", doc: "copy what the outputs depend on, expanding operators without a kernel, folding constants, applying the rules and sharing equal nodes", graph: rewriteAll},
	{name: "expand", doc: "expand what is left of operators without a kernel", graph: expandAll, required: true},
	{name: "signs", doc: "compute scalars once that are equal but for their sign (FastMath)", graph: shareSigns},
	{name: "uses", doc: "apply the rules that see how often a node is used, and which of several results", graph: applyUses},
	{name: "bands", doc: "compute large matrix products, and what is made of the same rows or matrices around them, by bands, which stay in a cache; and rows that are reduced and read again one by one", graph: bands},
	{name: "restencil", doc: "compute cheap values once more where loops read a few parts of them, as stages of a method over a grid do of the stage before, so that these are one loop", graph: restencil},
	{name: "checkpoints", doc: "let reverse sweeps over loops keep few states and compute the others once more, if Config.Checkpoints asks for it", graph: checkpointAll, required: true},
	{name: "outputs", doc: "give every output memory of its own", graph: materializeOutputs, required: true},
	{name: "classify", doc: "decide how each node is run, and which nodes are views of others' memory", lower: classify, required: true},
	{name: "windows", doc: "let loops read slices and pads where they lie, if nothing else reads them", lowered: findWindows},
	{name: "contract", doc: "join a product used once and a sum or difference into one operation that rounds once", lowered: contract},
	{name: "group", doc: "group nodes into instructions: scalar code by stage, elementwise loops with reductions at the tail", lowered: group, required: true},
	{name: "sink", doc: "move a loop whose results a later loop alone reads, in the same order, into that loop", lowered: sinkLoops},
	{name: "epilogue", doc: "let a loop over a matrix product or convolution run on each part of it that is complete", lowered: joinEpilogues},
	{name: "tails", doc: "let a loop that reads an array anyway make a reduction of it", lowered: joinTails},
	{name: "schedule", doc: "order the instructions depth first from the outputs, so that values die early", lowered: schedule, required: true},
	{name: "pieces", doc: "compute values that concats and the like put together where they lie in the whole, without a copy", lowered: findPieces},
	{name: "bodies", doc: "compile the bodies of loops and branches to blocks", lowered: compileBodies, required: true},
	{name: "concurrent", doc: "let long calls that do not depend on one another follow one another, so that they may run at once", lowered: concurrent},
	{name: "recompute", doc: "compute values once more where they are read late, if the program takes more than Config.MemoryLimit", lowered: recompute},
	{name: "memory", doc: "place every value in the arena; reuse memory of dead values, in place where possible", lowered: planMemory, required: true},
	{name: "emit", doc: "emit the program", lowered: emit, required: true},
}

// constraint says that one pass runs before another, and why.
type constraint struct{ before, after, reason string }

var constraints = []constraint{
	{"inline", "join", "loops of functions that are inlined are joined as others are"},
	{"join", "round-once", "as for residuals"},
	{"round-once", "residuals", "values of a loop are read where they have the same bits"},
	{"join", "residuals", "what a reverse scan computes again is found in the one loop whose states it reads"},
	{"residuals", "loops", "what is computed outside of loops is no longer found in them"},
	{"join", "loops", "what is joined may have carries that nothing depends on any more"},
	{"loops", "scalarize", "what unrolled loops leave are scalars"},
	{"scalarize", "rewrite", "rules see the scalars"},
	{"loops", "rewrite", "rules see what loops have become"},
	{"rewrite", "expand", "rules see composite operators before their parts"},
	{"rewrite", "contract", "a multiply-add hides its product from the rules and from sharing"},
	{"expand", "signs", "what an expansion makes may be the opposite of something"},
	{"signs", "uses", "what is shared has more uses"},
	{"expand", "uses", "uses are those of the nodes that are run"},
	{"uses", "bands", "products have taken up transpositions and factors"},
	{"uses", "restencil", "rules make parts of what is put together, and join products of which a part is read"},
	{"restencil", "outputs", "a copy for an output is a use of its own"},
	{"bands", "outputs", "bands are put together to outputs"},
	{"uses", "outputs", "a copy for an output is a use of its own"},
	{"expand", "checkpoints", "expansions make the loops that are run"},
	{"expand", "outputs", "expansions make new outputs"},
	{"outputs", "classify", "classification sees the final graph"},
	{"classify", "windows", "which parts of arrays are copied, and what reads them, follows from classes"},
	{"windows", "group", "a part that loops read where it lies belongs to no instruction"},
	{"classify", "contract", "which products are run, and how, follows from classes"},
	{"contract", "group", "a product that is no longer run belongs to no instruction"},
	{"group", "sink", "loops are what is moved"},
	{"sink", "epilogue", "what a loop reads of a kernel is known when it has taken up others"},
	{"group", "epilogue", "loops are what kernels and loops are joined from"},
	{"sink", "tails", "a loop with a reduction is not moved"},
	{"epilogue", "tails", "a reduction runs on parts of a product rather than in another loop"},
	{"tails", "schedule", "instructions are what is ordered"},
	{"epilogue", "schedule", "a kernel that is joined with a loop runs when the loop does"},
	{"group", "schedule", "instructions are what is ordered"},
	{"epilogue", "pieces", "what is computed part by part has a place of its own"},
	{"schedule", "pieces", "only what is run is put together"},
	{"pieces", "recompute", "what lies in another array is not computed once more"},
	{"pieces", "memory", "pieces have no memory of their own"},
	{"schedule", "memory", "live ranges follow from the order"},
	{"bodies", "memory", "a call needs memory for the blocks that it runs"},
	{"bodies", "concurrent", "how long a call takes follows from its blocks"},
	{"schedule", "concurrent", "calls are moved in the order"},
	{"concurrent", "memory", "calls that run at once share no memory"},
	{"schedule", "recompute", "how long values live follows from the order"},
	{"bodies", "recompute", "the frames of calls are part of the memory that is taken"},
	{"recompute", "memory", "what is computed once more has memory of its own"},
	{"memory", "emit", "instructions name addresses"},
}

func init() {
	at := map[string]int{}
	lowered := false // behind the pass that begins the lowering
	for i, p := range passOrder {
		_, twice := at[p.name]
		if twice || p.doc == "" || (p.graph != nil) == lowered && p.lower == nil || (p.lowered != nil) != lowered || p.lower != nil && p.graph != nil {
			panic("BUG: pass " + p.name + " is incomplete, out of place or given twice")
		}
		at[p.name] = i
		lowered = lowered || p.lower != nil
	}
	for _, c := range constraints {
		b, ok1 := at[c.before]
		a, ok2 := at[c.after]
		if !ok1 || !ok2 || b >= a {
			panic(fmt.Sprintf("BUG: pass %s must run before %s: %s", c.before, c.after, c.reason))
		}
	}
}

// known reports whether name is a pass that can be disabled, or a rewrite.
func known(name string) bool {
	for _, p := range passOrder {
		if p.name == name {
			return !p.required
		}
	}
	return name == "fold" || name == "hoist" || name == "hoist_sum" || name == "unroll" || slices.ContainsFunc(rules, func(r rule) bool { return r.name == name })
}

// PassInfo describes a pass or rewrite.
type PassInfo struct{ Name, Doc string }

// Passes lists the passes in their order.
func Passes() []PassInfo {
	var out []PassInfo
	for _, p := range passOrder {
		out = append(out, PassInfo{p.name, p.doc})
	}
	return out
}
