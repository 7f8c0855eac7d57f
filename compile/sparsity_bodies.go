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
	var wanted []*graph.Node
	for i := range l.carries {
		wanted = append(wanted, l.body.Results()[i])
	}
	taps := s.steps[n]
	each := make([]indexSets, len(taps))
	for k, v := range taps {
		wanted = append(wanted, l.body.Graph().Node(v))
		if size := l.body.Graph().Node(v).Shape().Size(); size > maxPattern/length {
			return nil, tooLarge(n)
		} else {
			each[k] = make(indexSets, length*size)
		}
	}
	bs := s.body(l.body, l.operands[:l.captured], active.has, wanted)
	// The number of steps is not known: a carry's last value is that of any step.
	open := l.count != nil || n.Op() == opWhile
	final := slices.Clone(params[l.captured : l.captured+l.carries])
	at := func(step int) int {
		if n.Attrs().Bool("reverse") {
			return length - 1 - step
		}
		return step
	}
	tap := func(t int, out []indexSets) {
		for k, e := range out[l.carries:] {
			copy(each[k][t*len(each[k])/length:], e)
		}
	}
	carries := params[l.captured : l.captured+l.carries]
	xs := params[l.captured+l.carries:]
	stepped := l.length > 0 && bs.elements <= maxSteppedElements/length
	step := slices.Clone(params)
	element := func(t int) {
		for i, x := range xs {
			if x != nil {
				size := len(x) / length
				step[l.captured+l.carries+i] = x[t*size : (t+1)*size]
			}
		}
	}
	if stepped {
		moving := slices.ContainsFunc(xs, func(x indexSets) bool { return x != nil })
		for k := range length {
			if open && n.Attrs().Bool("reverse") { // it may begin with any element
				carries = slices.Clone(carries)
				for i := range carries {
					carries[i] = s.unite(carries[i], params[l.captured+i])
				}
			}
			copy(step[l.captured:], carries)
			element(at(k))
			out, err := bs.run(step, wanted)
			if err != nil {
				return nil, err
			}
			tap(at(k), out)
			same := !moving && slices.EqualFunc(carries, out[:l.carries], sameSets)
			carries = out[:l.carries]
			if open {
				for i := range final {
					final[i] = s.unite(final[i], carries[i])
				}
			}
			if same { // and so will all other steps be
				for ; k < length; k++ {
					tap(at(k), out)
				}
				break
			}
		}
		if !open {
			final = carries
		}
		return s.valuesOf(l, final, each), nil
	}
	// What any step may get.
	for i, x := range xs {
		if x == nil {
			continue
		}
		size := len(x) / length
		all := slices.Clone(x[:size])
		for e := range all {
			parts := make([][]int32, length)
			for t := range parts {
				parts[t] = x[t*size+e]
			}
			all[e] = s.union(parts...)
		}
		step[l.captured+l.carries+i] = all
	}
	any := slices.Clone(carries) // behind any number of steps
	for k := 0; ; k++ {
		copy(step[l.captured:], any)
		out, err := bs.run(step, wanted)
		if err != nil {
			return nil, err
		}
		grown := false
		for i := range any {
			if u := s.unite(any[i], out[i]); !sameSets(u, any[i]) {
				any[i], grown = u, true
			}
		}
		if !grown {
			for t := range length {
				if len(taps) == 0 {
					break // however many steps there are
				}
				tap(t, out)
			}
			break
		}
		if k == maxFixedPointSteps {
			var parts [][]int32
			for _, p := range step {
				parts = append(parts, p...)
			}
			all := s.union(parts...)
			for i := range any {
				if any[i] != nil {
					any[i] = indexSets(slices.Repeat([][]int32{all}, len(any[i])))
				}
			}
		}
	}
	return s.valuesOf(l, any, each), nil
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
