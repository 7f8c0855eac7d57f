package compile

import (
	"slices"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/shape"
)

// Index sets through loops and branches. A body's sets follow from those of its operands; a loop's, step by step where that is little work, and else from the fixed point of its
// carries' sets, which grow and are finite, so that it is reached.

// maxSteppedElements bounds the elements of values of a loop's body, times steps, whose sets are found step by step.
const maxSteppedElements = 1 << 23

// maxFixedPointSteps bounds the steps to a fixed point. Sets that still grow then are replaced by all that they may come to hold.
const maxFixedPointSteps = 64

// bodySets propagates sets through a body, as often as is asked for.
type bodySets struct {
	sets     *nodeSets
	g        *graph.Graph // a copy, since operators' rules may add nodes
	params   []*graph.Node
	list     []*graph.Node // of what depends on the parameters that have sets
	last     []int32       // the last reader of each node's sets, -1 for those that are asked for
	elements int           // of the list's nodes
}

// body prepares sets of values of a body of n, for parameters some of which have sets.
func (s *nodeSets) body(b *graph.Body, operands []*graph.Node, active func(i int) bool, values []*graph.Node) *bodySets {
	bs := &bodySets{}
	bs.g, bs.params, _ = b.Open()
	c := newConstants()
	sub := &nodeSets{index: newNodeIndex(bs.g, false), unions: s.unions, constants: c}
	for i := range bs.g.Len() {
		n := bs.g.Node(i)
		depends := false
		if n.IsInput() {
			k := slices.Index(bs.params, n)
			depends = active(k)
			if k < len(operands) && !n.DType().IsFloat() {
				c.values[n] = s.constants.value(operands[k])
			}
		} else if n.Op().Differentiable() && (n.DType().IsFloat() || n.Results() != nil) {
			for k := range n.Inputs() {
				if _, depends = sub.index.ofInput(n, k); depends {
					break
				}
			}
		}
		if depends {
			sub.index.set(n, len(bs.list))
			bs.list = append(bs.list, n)
			bs.elements += n.Shape().Size()
		}
	}
	bs.last = make([]int32, len(bs.list))
	for k, n := range bs.list {
		for i := range n.Inputs() {
			if j, ok := sub.index.ofInput(n, i); ok {
				bs.last[j] = int32(k)
			}
		}
	}
	for _, v := range values {
		if j, ok := sub.index.get(bs.g.Node(v.ID())); ok {
			bs.last[j] = -1
		}
	}
	sub.steps = stepValues(bs.list)
	bs.sets = sub
	return bs
}

// run returns the sets of values from those of the parameters.
func (bs *bodySets) run(params []indexSets, values []*graph.Node) ([]indexSets, error) {
	s := bs.sets
	s.of, s.values = make([]indexSets, len(bs.list)), nil
	for k, n := range bs.list {
		if n.IsInput() {
			s.of[k] = params[slices.Index(bs.params, n)]
			continue
		}
		if !slices.ContainsFunc(n.Inputs(), s.has) {
			continue // what has sets in another step
		}
		var err error
		if s.of[k], err = propagate(n, s); err != nil {
			return nil, err
		}
		for i := range n.Inputs() {
			if j, ok := s.index.ofInput(n, i); ok && bs.last[j] == int32(k) {
				s.of[j] = nil
			}
		}
	}
	out := make([]indexSets, len(values))
	for k, v := range values {
		out[k] = s.get(bs.g.Node(v.ID()))
	}
	return out, bs.g.Err()
}

// has reports whether a node, or a value of a node with several, has sets.
func (s *nodeSets) has(n *graph.Node) bool {
	return s.get(n) != nil || s.values[n] != nil
}

// bodies returns the sets of the values of a node with bodies: see graph.ResultOf.
func (s *nodeSets) bodies(n *graph.Node) ([]indexSets, error) {
	if n.Op() == opScan || n.Op() == opWhile {
		l := loopOf(n)
		return s.loop(&l)
	}
	var all []indexSets
	operands := n.Inputs()[branchFirst(n):]
	params := make([]indexSets, len(operands))
	for i, o := range operands {
		params[i] = s.get(o)
	}
	bodies := graph.Bodies(n)
	if n.Op() == opBatchedCall {
		bodies = []*graph.Body{calledBody(n)}
	}
	for k, b := range bodies {
		bs := s.body(b, operands, func(i int) bool { return params[i] != nil }, b.Results())
		out, err := bs.run(params, b.Results())
		if err != nil {
			return nil, err
		}
		if k == 0 {
			all = out
			continue
		}
		for i := range all {
			all[i] = s.unite(all[i], out[i])
		}
	}
	return all, nil
}

// unite returns the elements' unions; a if that holds all of b.
func (s *nodeSets) unite(a, b indexSets) indexSets {
	switch {
	case b == nil:
		return a
	case a == nil:
		return b
	}
	out := a
	for i := range a {
		if u := s.union(a[i], b[i]); !sameSet(u, a[i]) {
			if &out[0] == &a[0] {
				out = slices.Clone(a)
			}
			out[i] = u
		}
	}
	return out
}

func sameSets(a, b indexSets) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !sameSet(a[i], b[i]) && !slices.Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

// loopSets finds the sets of a loop's values: step by step where that is little work, and else from those that any step may get.
type loopSets struct {
	*nodeSets
	l      *loop
	length int  // the most steps
	open   bool // how many are done is not known: a carry's last value is that of any step
	params []indexSets
	wanted []*graph.Node // of the body: the carries' results, and what is read at each step
	each   []indexSets   // what is read, of all steps
	bs     *bodySets
}

// loop returns the sets of a loop's values.
func (s *nodeSets) loop(l *loop) ([]indexSets, error) {
	n, length := l.n, shape.StepsExtent(l.length)
	active := newParamSet(len(l.operands))
	params := make([]indexSets, len(l.operands))
	for i, o := range l.operands {
		if params[i] = s.get(o); params[i] != nil {
			active.add(i)
		}
	}
	l.spread(active, dependence(l.body, true))
	wanted := slices.Clone(l.body.Results()[:l.carries])
	taps := s.steps[n]
	each := make([]indexSets, len(taps))
	for k, v := range taps {
		wanted = append(wanted, l.body.Graph().Node(v))
		size := l.body.Graph().Node(v).Shape().Size()
		if size > maxPattern/length {
			return nil, tooLarge(n)
		}
		each[k] = make(indexSets, length*size)
	}
	x := &loopSets{s, l, length, l.count != nil || n.Op() == opWhile, params, wanted, each, s.body(l.body, l.operands[:l.captured], active.has, wanted)}
	of := x.anyStep
	if l.length > 0 && x.bs.elements <= maxSteppedElements/length {
		of = x.stepByStep
	}
	final, err := of()
	if err != nil {
		return nil, err
	}
	return s.valuesOf(l, final, each), nil
}

func (x *loopSets) carries() []indexSets {
	return x.params[x.l.captured : x.l.captured+x.l.carries]
}

// xs are the sets of what the loop goes through.
func (x *loopSets) xs() []indexSets { return x.params[x.l.captured+x.l.carries:] }

// tap takes what is read at step t.
func (x *loopSets) tap(t int, out []indexSets) {
	for k, e := range out[x.l.carries:] {
		copy(x.each[k][t*len(x.each[k])/x.length:], e)
	}
}

// stepByStep returns the sets of the carries behind the last step.
func (x *loopSets) stepByStep() ([]indexSets, error) {
	l, reverse := x.l, x.l.n.Attrs().Bool("reverse")
	carries, final := x.carries(), slices.Clone(x.carries())
	moving := slices.ContainsFunc(x.xs(), func(s indexSets) bool { return s != nil })
	step := slices.Clone(x.params)
	at := func(k int) int {
		if reverse {
			return x.length - 1 - k
		}
		return k
	}
	for k := range x.length {
		if x.open && reverse { // it may begin with any element
			carries = slices.Clone(carries)
			for i := range carries {
				carries[i] = x.unite(carries[i], x.carries()[i])
			}
		}
		copy(step[l.captured:], carries)
		for i, s := range x.xs() {
			if s != nil {
				size := len(s) / x.length
				step[l.captured+l.carries+i] = s[at(k)*size : (at(k)+1)*size]
			}
		}
		out, err := x.bs.run(step, x.wanted)
		if err != nil {
			return nil, err
		}
		x.tap(at(k), out)
		same := !moving && slices.EqualFunc(carries, out[:l.carries], sameSets)
		carries = out[:l.carries]
		if x.open {
			for i := range final {
				final[i] = x.unite(final[i], carries[i])
			}
		}
		if same { // and so will all other steps be
			for ; k < x.length; k++ {
				x.tap(at(k), out)
			}
			break
		}
	}
	if x.open {
		return final, nil
	}
	return carries, nil
}

// anyStep returns sets that hold those of the carries behind any number of steps.
func (x *loopSets) anyStep() ([]indexSets, error) {
	l, step := x.l, slices.Clone(x.params)
	for i, s := range x.xs() {
		if s == nil {
			continue
		}
		size := len(s) / x.length
		all := slices.Clone(s[:size])
		for e := range all {
			parts := make([][]int32, x.length)
			for t := range parts {
				parts[t] = s[t*size+e]
			}
			all[e] = x.union(parts...)
		}
		step[l.captured+l.carries+i] = all
	}
	carries := slices.Clone(x.carries())
	for k := 0; ; k++ {
		copy(step[l.captured:], carries)
		out, err := x.bs.run(step, x.wanted)
		if err != nil {
			return nil, err
		}
		grown := false
		for i := range carries {
			if u := x.unite(carries[i], out[i]); !sameSets(u, carries[i]) {
				carries[i], grown = u, true
			}
		}
		if !grown {
			if len(x.each) > 0 { // else there may be any number of steps
				for t := range x.length {
					x.tap(t, out)
				}
			}
			return carries, nil
		}
		if k == maxFixedPointSteps {
			var parts [][]int32
			for _, p := range step {
				parts = append(parts, p...)
			}
			all := x.union(parts...)
			for i := range carries {
				if carries[i] != nil {
					carries[i] = indexSets(slices.Repeat([][]int32{all}, len(carries[i])))
				}
			}
		}
	}
}

// valuesOf returns the sets of a loop's values by their numbers.
func (s *nodeSets) valuesOf(l *loop, final, each []indexSets) []indexSets {
	out := make([]indexSets, len(l.n.Results())+l.body.Graph().Len())
	copy(out, final)
	for k, v := range s.steps[l.n] {
		out[len(l.n.Results())+v] = each[k]
	}
	return out
}
