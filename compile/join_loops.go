package compile

import (
	"fmt"
	"slices"

	"github.com/adjoint-go/adjoint/graph"
)

// joinLoops is the pass that makes one loop of several that go the same steps and share work, as a loop does with the one that has tangents beside it, and one carry of
// those that are equal at every step. What is shared is found by its structure: see loopJoiner.bucket.
func joinLoops(u *unit) error {
	j := &loopJoiner{u: u, reads: readsOfLoops(u), left: map[int32]int{}, waiting: map[int32][]*joinedLoop{}, values: map[*graph.Node][]*graph.Node{}}
	stages, worth := j.stages()
	if !worth {
		return nil
	}
	u.g, u.outputs = u.g.RebuildInStages(u.outputs, stages, func(to *graph.Graph, n *graph.Node, in []*graph.Node) *graph.Node {
		return j.replace(to, n, in, stages[n.ID()])
	})
	return u.g.Err()
}

// readsOfLoops lists by loop the nodes that are its values and that the outputs depend on; loops that something depends on have at least one.
func readsOfLoops(u *unit) map[*graph.Node][]*graph.Node {
	reads := map[*graph.Node][]*graph.Node{}
	if !hasLoops(u.g) {
		return reads // most graphs, and large ones
	}
	for id, needed := range u.g.Needed(u.outputs...) {
		if n := u.g.Node(id); needed {
			if of, _, ok := graph.ResultOf(n); ok && (of.Op() == opScan || of.Op() == opWhile) {
				reads[of] = append(reads[of], n)
			}
		}
	}
	return reads
}

// readAtSteps lists the values of a loop's body, by ID, that the nodes among reads take at each step.
func readAtSteps(loop *graph.Node, reads []*graph.Node) []int {
	var values []int
	for _, r := range reads {
		if _, k, _ := graph.ResultOf(r); k >= len(loop.Results()) {
			values = append(values, k-len(loop.Results()))
		}
	}
	return values
}

// hasLoops reports whether there is a scan or while loop in the graph, needed or not.
func hasLoops(g *graph.Graph) bool {
	return g.Has(func(op *graph.Op) bool { return op == opScan || op == opWhile })
}

type loopJoiner struct {
	u       *unit
	reads   map[*graph.Node][]*graph.Node
	left    map[int32]int                 // by stage: how many of its loops are to come
	waiting map[int32][]*joinedLoop       // by stage: the loops that have come
	values  map[*graph.Node][]*graph.Node // by loop that was replaced: its values in the new graph, see graph.ResultOf
}

// joinedLoop is a loop that may be joined with others.
type joinedLoop struct {
	n      *graph.Node // in the old graph
	l      loop        // its copy in the new one
	class  []int       // by carry
	args   []*graph.Node
	images []*graph.Node // of the body's nodes, by ID, in the common body
	test   *graph.Node   // that of the condition of a while loop
}

// candidate reports whether a loop may be joined. Snapshots are read by the number of the carry.
func (j *loopJoiner) candidate(n *graph.Node) bool {
	reads := j.reads[n]
	return len(reads) > 0 && len(loopOf(n).operands) > 0 && !slices.ContainsFunc(reads, func(r *graph.Node) bool { return r.Op() == opSnapshots })
}

// stages returns by node a number that is odd for loops, and no less than that of any operand: two loops of one stage do not depend on one another, and
// neither do loops that are made of loops of one stage. worth says whether there is anything to join.
func (j *loopJoiner) stages() (stages []int32, worth bool) {
	if len(j.reads) == 0 {
		return nil, false
	}
	stages = make([]int32, j.u.g.Len())
	type steps struct {
		op      *graph.Op
		stage   int32
		length  int
		reverse bool
		counted bool
	}
	seen := map[steps]bool{}
	for i := range stages {
		n := j.u.g.Node(i)
		for k := range n.Inputs() {
			s := stages[n.InputID(k)]
			stages[i] = max(stages[i], s+s%2)
		}
		if (n.Op() != opScan && n.Op() != opWhile) || !j.candidate(n) {
			continue
		}
		stages[i]++
		j.left[stages[i]]++
		l := loopOf(n)
		key := steps{n.Op(), stages[i], l.most(), n.Op() == opScan && n.Attrs().Bool("reverse"), l.count != nil}
		inits := l.operands[l.captured : l.captured+l.carries]
		for k, init := range inits {
			worth = worth || slices.Contains(inits[:k], init)
		}
		worth = worth || seen[key]
		seen[key] = true
	}
	return stages, worth
}

func (j *loopJoiner) replace(to *graph.Graph, n *graph.Node, in []*graph.Node, stage int32) *graph.Node {
	if of, k, ok := graph.ResultOf(n); ok {
		if values := j.values[of]; values != nil {
			return values[k]
		}
		return nil
	}
	if stage%2 == 0 {
		return nil
	}
	m := to.Apply(n.Op(), in, n.Attrs())
	if !m.Valid() {
		panic("BUG: a loop cannot be copied: " + to.Err().Error())
	}
	j.waiting[stage] = append(j.waiting[stage], &joinedLoop{n: n, l: loopOf(m)})
	if j.left[stage]--; j.left[stage] == 0 {
		var order []string
		buckets := map[string][]*joinedLoop{}
		for _, x := range j.waiting[stage] {
			count := -1
			if x.l.count != nil {
				count = x.l.count.ID()
			}
			key := fmt.Sprint(x.n.Op().Name, x.l.most(), x.n.Op() == opScan && x.n.Attrs().Bool("reverse"), count)
			if buckets[key] == nil {
				order = append(order, key)
			}
			buckets[key] = append(buckets[key], x)
		}
		for _, key := range order {
			j.bucket(to, buckets[key])
		}
	}
	return m
}

// commonBody is a graph for the bodies of several loops, in which equal nodes are one.
type commonBody struct {
	g                     *graph.Graph
	captured, carries, xs list // the carries' operands are the initial values
}

// paramFor returns the parameter for an operand.
func (c *commonBody) paramFor(l *list, operand *graph.Node, t graph.Type) *graph.Node {
	if i := slices.Index(l.operands, operand); i >= 0 {
		return l.params[i]
	}
	p := c.g.Input(fmt.Sprintf("@common%d", len(c.g.Inputs())), t.DType, t.Shape...)
	l.add(p, operand)
	return p
}

// common puts the bodies of loops into one graph. Carries of one class are one parameter.
func common(loops []*joinedLoop) *commonBody {
	c := &commonBody{g: graph.New()}
	var classes []*graph.Node
	for _, x := range loops {
		x.args = nil
		for i, p := range x.l.body.Params() {
			switch o := x.l.operands[i]; {
			case x.l.isCaptured(i):
				x.args = append(x.args, c.paramFor(&c.captured, o, p.Type()))
			case !x.l.isCarry(i):
				x.args = append(x.args, c.paramFor(&c.xs, o, p.Type()))
			default:
				k := x.class[i-x.l.captured]
				for len(classes) <= k {
					classes = append(classes, nil)
				}
				if classes[k] == nil {
					classes[k] = c.g.Input(fmt.Sprintf("@common%d", len(c.g.Inputs())), p.DType(), p.Shape()...)
					c.carries.add(classes[k], o)
				}
				x.args = append(x.args, classes[k])
			}
		}
		x.images = inlinedAll(x.l.body, x.args)
		if x.n.Op() == opWhile {
			test := graph.Bodies(x.l.n)[0]
			x.test = inlinedAll(test, x.args)[test.Results()[0].ID()]
		}
	}
	return c
}

// inlinedAll returns the images of all nodes of a body for arguments.
func inlinedAll(body *graph.Body, in []*graph.Node) []*graph.Node {
	all, err := body.InlineAll(in)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return all
}

// next is the image of what becomes a carry.
func (x *joinedLoop) next(carry int) *graph.Node { return x.images[x.l.body.Results()[carry].ID()] }

// bucket joins those of the loops, which go the same steps, that share work. Two carries are equal at every step if they start equal and if one step makes them equal from
// equal carries; so the classes of equal carries are those of equal initial values, split until the next values of each class are one node (partition
// refinement, as Hopcroft's for automata).
func (j *loopJoiner) bucket(to *graph.Graph, loops []*joinedLoop) {
	classes := 0
	type key struct{ class, next int }
	refine := func(of func(x *joinedLoop, carry int) key) {
		numbers := map[key]int{}
		for _, x := range loops {
			class := make([]int, x.l.carries)
			for k := range class {
				at := of(x, k)
				n, ok := numbers[at]
				if !ok {
					n = len(numbers)
					numbers[at] = n
				}
				class[k] = n
			}
			x.class = class
		}
		classes = len(numbers)
	}
	refine(func(x *joinedLoop, carry int) key { return key{next: x.l.operands[x.l.captured+carry].ID()} })
	if all := 0; len(loops) == 1 {
		if all = loops[0].l.carries; all == classes {
			return
		}
	}
	var c *commonBody
	for before := -1; before != classes; {
		before = classes
		c = common(loops)
		if test := loops[0].test; slices.ContainsFunc(loops, func(x *joinedLoop) bool { return x.test != test }) {
			var same, other []*joinedLoop // loops that end by other conditions are others
			for _, x := range loops {
				if x.test == test {
					same = append(same, x)
				} else {
					other = append(other, x)
				}
			}
			j.bucket(to, same)
			j.bucket(to, other)
			return
		}
		refine(func(x *joinedLoop, carry int) key { return key{x.class[carry], x.next(carry).ID()} })
	}
	// The first of the loops that do a piece of work stands for all that are connected. Sweeps over a loop without a limit are, by its states, which only one can read.
	owner := make([]int, c.g.Len())
	first := make([]int, len(loops))
	root := func(i int) int {
		for first[i] != i {
			i = first[i]
		}
		return i
	}
	for i := range owner {
		owner[i] = -1
	}
	for i, x := range loops {
		first[i] = i
		for _, n := range append(slices.Clone(x.images), x.test) {
			if n == nil || n.IsConst() || n.Op().View != nil || n.Op().Broadcasts || n.IsInput() && (x.l.length > 0 || !slices.Contains(c.xs.params, n)) {
				continue
			}
			if o := owner[n.ID()]; o >= 0 {
				a, b := root(o), root(i)
				first[max(a, b)] = min(a, b)
			}
			owner[n.ID()] = i
		}
	}
	for i := range loops {
		var members []*joinedLoop
		for k, x := range loops {
			if root(k) == i {
				members = append(members, x)
			}
		}
		if len(members) > 0 {
			j.join(to, c, members)
		}
	}
}

// join makes one loop of the members, whose bodies are in c. One that would be the same as before is left alone.
func (j *loopJoiner) join(to *graph.Graph, c *commonBody, members []*joinedLoop) {
	lead := members[0]
	b := &bodyBuilder{g: c.g, captured: c.captured, xs: c.xs}
	place := map[int]int{} // by class: its carry
	carries := 0
	for _, x := range members {
		carries += x.l.carries
		for k, class := range x.class {
			if _, ok := place[class]; !ok {
				place[class] = len(b.out)
				p := x.args[x.l.captured+k]
				b.carries.add(p, x.l.operands[x.l.captured+k])
				b.out = append(b.out, x.next(k))
			}
		}
	}
	if len(members) == 1 && len(b.out) == carries {
		return
	}
	for _, x := range members {
		for _, v := range readAtSteps(x.n, j.reads[x.n]) {
			b.more = append(b.more, x.images[v])
		}
	}
	defer to.AtNode(lead.l.n)()
	var m *graph.Node
	var body *graph.Body
	if lead.n.Op() == opWhile {
		test := graph.New() // the condition as a graph of its own, from the parameters of the common body
		inputs := map[*graph.Node]*graph.Node{}
		var in []*graph.Node
		for i, p := range graph.Bodies(lead.l.n)[0].Params() {
			of := lead.args[i]
			if inputs[of] == nil {
				inputs[of] = test.Input(fmt.Sprintf("@test%d", i), p.DType(), p.Shape()...)
			}
			in = append(in, inputs[of])
		}
		condition := graph.Bodies(lead.l.n)[0]
		m, body = b.while(to, lead.l.most(), test, inputs, inlinedAll(condition, in)[condition.Results()[0].ID()])
	} else {
		m, body = b.scan(to, lead.l.length, lead.n.Attrs().Bool("reverse"), lead.l.count)
	}
	more := len(b.out)
	for _, x := range members {
		results := len(x.n.Results())
		values := make([]*graph.Node, results+x.l.body.Graph().Len())
		for k, class := range x.class {
			values[k] = graph.Result(m, place[class])
		}
		if lead.n.Op() == opWhile {
			values[x.l.carries] = graph.Result(m, len(b.out))
		}
		for _, v := range readAtSteps(x.n, j.reads[x.n]) {
			values[results+v] = graph.EachStep(m, body.Results()[more])
			more++
		}
		j.values[x.n] = values
	}
	j.u.fired["join"] += len(members) - 1
	j.u.fired["equal_carry"] += carries - len(b.out)
}
