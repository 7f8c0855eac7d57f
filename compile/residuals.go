package compile

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/checkpoint"
	"github.com/adjoint-go/adjoint/internal/kernel"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/vm"
)

// Residuals are the values of a loop's steps that its reverse sweep needs. The sweep finds all of them again from the carries that came into each step; where that costs
// more time than to store them, the loop stores them instead. What to store is a minimal cut of the sweep's body between what is given and what the
// adjoints need, in which to store a value and to compute it again have their prices (as of Jain et al., Checkmate, MLSys 2020, for the case of one step).

// residualsBytes bounds the residuals that are stored of one loop, if its states take less than a quarter of it; else they may take four times as much as these.
const residualsBytes = 64 << 20

// prices are those in picoseconds to store a value.
type prices struct {
	byte  int64
	array int64 // for the copies and the bookkeeping of a step
}

// Values are written, and read later, mostly from beyond the caches; but small arrays stay in them if they are not many. Tests change the prices.
var far, near = prices{250, 20_000}, prices{40, 2_000}

const (
	nearArray = 4 << 10  // bytes below which an array is small
	nearBytes = 16 << 20 // bounds the residuals of a loop that stay in the caches
)

// Prices in picoseconds to compute a value.
const (
	kernelWork  = 25   // for one operation of a whole-tensor kernel
	expandWork  = 1000 // for one element of an operator without a kernel
	scalarLanes = 8    // a scalar takes as long as so many elements of an array
	uncuttable  = math.MaxInt64 / 4
)

// residual is a value of a reverse scan's body that is read from the loop which computed it.
type residual struct {
	id    int         // in the body of the reverse scan
	state int         // the operand of the reverse scan that is a state of the loop of
	of    *graph.Node // the loop
	value int         // in its body
	once  bool        // has the same bits wherever it is computed only if sums of products round once
}

// residuals is the pass that lets reverse scans read values of the loop instead of computing them again. Where checkpoints are asked for, states are
// all that may be kept, but for mixed ones, which record these values; so it leaves values alone that might not have the same bits in another body.
func residuals(u *unit) error {
	keep := u.config.Checkpoints
	if keep != (Checkpoints{}) && !keep.Mixed {
		return nil
	}
	reads := readsOfLoops(u)
	if len(reads) == 0 {
		return nil
	}
	var readers [][]*graph.Node
	if keep.Mixed {
		readers = u.readers()
	}
	cuts, more := map[*graph.Node][]residual{}, map[*graph.Node][]int{}
	for i := range u.g.Len() {
		if n := u.g.Node(i); len(reads[n]) > 0 && n.Op() == opScan {
			var only *graph.Node // the loop that may record values
			if keep.Mixed {
				s := u.sweepOver(n, readers)
				if s == nil || s.of.Op() != opScan {
					continue
				}
				only = s.of
			}
			if cut := u.residualsOf(n, only, reads, false); len(cut) > 0 {
				cuts[n] = cut
				for _, r := range cut {
					more[r.of] = append(more[r.of], r.value)
				}
			}
		}
	}
	if len(cuts) == 0 {
		return nil
	}
	u.rebuildScans(reads, more, func(n *graph.Node) bool { return cuts[n] != nil }, func(b *bodyBuilder, l *loop, in, outputs []*graph.Node, values map[*graph.Node][]*graph.Node) []*graph.Node {
		var inside, stored []*graph.Node
		for _, r := range cuts[l.n] {
			inside = append(inside, l.body.Graph().Node(r.id))
			if v := values[r.of]; v != nil {
				stored = append(stored, v[len(r.of.Results())+r.value])
			} else {
				image := in[r.state].Input(0)
				bodies := graph.Bodies(image)
				stored = append(stored, graph.EachStep(image, bodies[len(bodies)-1].Graph().Node(r.value)))
			}
		}
		u.fired["residual"] += len(stored)
		return b.substituted(l, outputs, inside, func(i int, p *graph.Node) { b.xs.add(p, stored[i]) })
	})
	return u.g.Err()
}

// rebuildScans copies the graph with other scans in the place of those that are replaced. The function body makes the copy of a body's graph, as far as the outputs depend on it, and returns the images of these; in are those of the
// scan's operands, and values, by scan that was replaced, all that it has, see graph.ResultOf. more lists values of a body, by ID, that are read at each step by what is made.
func (u *unit) rebuildScans(reads map[*graph.Node][]*graph.Node, more map[*graph.Node][]int, replaced func(n *graph.Node) bool,
	body func(b *bodyBuilder, l *loop, in, outputs []*graph.Node, values map[*graph.Node][]*graph.Node) []*graph.Node) {
	values := map[*graph.Node][]*graph.Node{}
	u.g, u.outputs = u.g.Rebuild(u.outputs, func(to *graph.Graph, n *graph.Node, in []*graph.Node) *graph.Node {
		if of, k, ok := graph.ResultOf(n); ok {
			if v := values[of]; v != nil {
				return v[k]
			}
			return nil
		}
		if !replaced(n) {
			return nil
		}
		l := loopOf(n)
		steps := slices.Concat(more[n], readAtSteps(n, reads[n]))
		outputs := slices.Clone(l.body.Results()[:l.carries])
		for _, v := range steps {
			outputs = append(outputs, l.body.Graph().Node(v))
		}
		b := &bodyBuilder{}
		images := body(b, &l, in, outputs, values)
		operands := in[l.first():]
		for i, p := range b.params {
			b.part(&l, i).add(p, operands[i])
		}
		b.out, b.more = images[:l.carries:l.carries], images[l.carries:]
		var count *graph.Node
		if l.count != nil {
			count = in[0]
		}
		m, made := b.scan(to, l.length, n.Attrs().Bool("reverse"), count)
		v := make([]*graph.Node, len(n.Results())+l.body.Graph().Len())
		for k := range n.Results() {
			v[k] = graph.Result(m, k)
		}
		for k, step := range steps {
			v[len(n.Results())+step] = graph.EachStep(m, made.Results()[l.carries+k])
		}
		values[n] = v
		return m
	})
}

// rebuild makes the builder's graph of a loop's body, as far as the outputs depend on it, as graph.Rebuild does.
func (b *bodyBuilder) rebuild(l *loop, outputs []*graph.Node, replace func(to *graph.Graph, n *graph.Node, in []*graph.Node) *graph.Node) (images []*graph.Node) {
	b.g, images = l.body.Graph().Rebuild(outputs, replace)
	b.params = b.g.Inputs()[:len(l.operands):len(l.operands)]
	return images
}

// substituted is rebuild with new parameters in the place of the nodes inside; given gets these.
func (b *bodyBuilder) substituted(l *loop, outputs, inside []*graph.Node, given func(i int, p *graph.Node)) (images []*graph.Node) {
	return b.rebuild(l, outputs, func(body *graph.Graph, m *graph.Node, _ []*graph.Node) *graph.Node {
		i := slices.Index(inside, m)
		if i < 0 {
			return nil
		}
		p := body.Input(fmt.Sprintf("@outside%d", i), m.DType(), m.Shape()...)
		given(i, p)
		return p
	})
}

// counterparts returns by node of the body of a loop s, of whose states l reads, the node of b, a copy of l's body, that computes the same from them, if there was one, and the operand of l that is the last of
// the states.
func (b *bodyBuilder) counterparts(l, s *loop) (images []*graph.Node, state int) {
	var args []*graph.Node
	for i, p := range s.body.Params() {
		at := slices.IndexFunc(l.operands, func(x *graph.Node) bool { return x == s.operands[i] })
		if s.isCarry(i) {
			at = slices.IndexFunc(l.operands, func(x *graph.Node) bool {
				from, k, ok := graph.ResultOf(x)
				return ok && from == s.n && k == len(s.n.Results())+p.ID()
			})
			if at >= 0 {
				state = l.first() + at
			}
		}
		if at < 0 || l.isCarry(at) || l.isCaptured(at) != s.isCaptured(i) {
			args = append(args, b.input(p.Type())) // what needs it is not in the body
		} else {
			args = append(args, b.params[at])
		}
	}
	return inlinedAll(s.body, args), state
}

// residualsOf returns what the scan n had better read from the loops whose states it reads, or from the only one that may record it. With round, sums of a product are taken to round once wherever they are
// computed.
func (u *unit) residualsOf(n, only *graph.Node, reads map[*graph.Node][]*graph.Node, round bool) []residual {
	mixed := only != nil
	l := loopOf(n)
	b := open(l.body)
	known := b.g.Len()
	known0 := func(n *graph.Node) bool { return n.ID() < known }
	found := map[int]residual{} // by ID in the body: what a loop computes too
	states := map[int]bool{}    // parameters that are states
	var history int64
	var loops []*graph.Node
	for i, x := range l.operands {
		of, k, ok := graph.ResultOf(x)
		if !ok || l.isCaptured(i) || l.isCarry(i) || k < len(of.Results()) || of.Op() != opScan && of.Op() != opWhile {
			continue
		}
		s := loopOf(of)
		v := k - len(of.Results())
		p := slices.IndexFunc(s.body.Params(), func(p *graph.Node) bool { return p.ID() == v })
		if p < 0 || !s.isCarry(p) || !sameSteps(&s, &l) || mixed && of != only {
			continue
		}
		states[b.params[i].ID()] = true
		found[b.params[i].ID()] = residual{id: b.params[i].ID(), state: l.first() + i, of: of, value: v}
		history += int64(x.Shape().Size() * x.DType().Size())
		if !slices.Contains(loops, of) {
			loops = append(loops, of)
		}
	}
	once := false // something is alike only if sums round once
	for _, of := range loops {
		s := loopOf(of)
		images, state := b.counterparts(&l, &s)
		fixed := dependence(s.body, false)
		safe := roundedAlike(s.body, b.g, images, nil)
		alike := safe
		if round {
			alike = roundedAlike(s.body, b.g, images, productSums(&s, reads[of]))
		}
		for v, m := range images {
			if _, ok := found[m.ID()]; ok || !known0(m) || m.IsInput() || m.IsConst() {
				continue
			}
			r := residual{id: m.ID(), state: state, of: of, value: v, once: !safe[v]}
			changes := false // from step to step
			for i := s.captured; i < len(s.operands); i++ {
				changes = changes || fixed[v].has(i)
			}
			if m.Results() != nil || !alike[v] || !changes {
				r.of = nil // to be computed again in any case
			}
			once = once || r.once && r.of != nil
			found[m.ID()] = r
		}
	}
	if len(found) == len(states) || round && !once {
		return nil
	}
	needed := newResidualCut(b.g, found)
	for _, r := range b.results[:l.carries] {
		needed.require(r)
	}
	for _, v := range readAtSteps(n, reads[n]) {
		needed.require(b.g.Node(v))
	}
	budget := max(4*history, residualsBytes)
	if limit := u.config.MemoryLimit; limit > 0 && !round { // how sums round depends on no limit
		budget = min(budget, limit/4)
	}
	var best []residual
	least := math.Inf(1)
	price, most := near, min(budget, nearBytes)
	if mixed {
		price = far
	}
	for ; price.byte < 1<<20; price, most = price.next(), budget {
		var cut []residual
		var read []int // of the loop's body
		bytes := int64(0)
		ids, again := needed.cut(price, !mixed)
		for _, id := range ids {
			if read = append(read, found[id].value); !states[id] {
				cut = append(cut, found[id])
				bytes += bytesOf(b.g.Node(id)) * int64(l.length)
			}
		}
		if !mixed {
			if bytes <= most {
				return cut
			}
			continue
		}
		s := loopOf(only)
		if len(cut) == 0 {
			read = nil
		}
		if work := u.config.Checkpoints.work(&s, read, again); work < least {
			best, least = cut, work
		}
		if len(cut) == 0 {
			break
		}
	}
	return best
}

// work estimates the work of a schedule over a loop that records values of its body, nil if it keeps states, and whose reversal does so much work again at each step.
func (c Checkpoints) work(s *loop, recorded []int, again float64) float64 {
	step := 0.0
	for i := range s.body.Graph().Len() {
		if n := s.body.Graph().Node(i); !n.IsInput() && !n.IsConst() {
			step += float64(computeCost(n))
		}
	}
	bytes, _ := s.slotBytes(recorded)
	forwards := float64(s.length)
	if schedule := c.schedule(s.length, bytes, recorded); recorded != nil {
		forwards = checkpoint.ForwardsMixed(s.length, attr.Make(schedule...).Int("slots"))
	} else if schedule != nil {
		forwards = checkpoint.Forwards(s.length, attr.Make(schedule...).Int("slots"), 0)
	}
	return forwards*step + float64(s.length)*again
}

// sameSteps reports whether what the loop s stores at each step is there at all steps that l does.
func sameSteps(s, l *loop) bool {
	count := s.count
	if s.n.Op() == opWhile {
		of, k, ok := graph.ResultOf(l.count)
		return ok && of == s.n && k == s.carries
	}
	return count == nil || count == l.count
}

// roundOnce is the pass that makes operations which round once of sums of a product in loops, and in the scans that compute the same again, if that lets the latter read values which they had better not compute again. Which sums round
// once is decided late, and by the uses that a product has there.
func roundOnce(u *unit) error {
	reads := readsOfLoops(u)
	sums := map[*graph.Node]map[int]int{} // by loop
	var scans []*graph.Node
	for i := range u.g.Len() {
		if n := u.g.Node(i); len(reads[n]) > 0 && n.Op() == opScan {
			scans = append(scans, n)
			for _, r := range u.residualsOf(n, nil, reads, true) {
				if r.once && sums[r.of] == nil && r.of.Op() == opScan {
					l := loopOf(r.of)
					sums[r.of] = productSums(&l, reads[r.of])
				}
			}
		}
	}
	if len(sums) == 0 {
		return nil
	}
	once := map[*graph.Node]map[int]int{} // by scan: the sums of its body, by ID, and which operand is the product
	for _, n := range scans {
		once[n] = maps.Clone(sums[n])
		l := loopOf(n)
		for _, x := range l.operands {
			of, _, ok := graph.ResultOf(x)
			if !ok || sums[of] == nil {
				continue
			}
			if once[n] == nil {
				once[n] = map[int]int{}
			}
			b, s := open(l.body), loopOf(of)
			known := b.g.Len()
			images, _ := b.counterparts(&l, &s)
			for v, k := range sums[of] {
				if m := images[v]; m.ID() < known {
					product := images[s.body.Graph().Node(v).InputID(k)]
					if at := slices.Index(m.Inputs(), product); at >= 0 {
						once[n][m.ID()] = at
					}
				}
			}
		}
	}
	u.rebuildScans(reads, nil, func(n *graph.Node) bool { return len(once[n]) > 0 }, func(b *bodyBuilder, l *loop, _, outputs []*graph.Node, _ map[*graph.Node][]*graph.Node) []*graph.Node {
		return b.rebuild(l, outputs, func(_ *graph.Graph, m *graph.Node, in []*graph.Node) *graph.Node {
			k, ok := once[l.n][m.ID()]
			if !ok {
				return nil
			}
			u.fired["round-once"]++
			return graph.FMA(in[k].Input(0), in[k].Input(1), in[1-k])
		})
	})
	return u.g.Err()
}

// productSums returns the sums of arrays in a loop's body, by ID, of which an operand is a product that nothing else reads, and which operand that is.
func productSums(l *loop, reads []*graph.Node) map[int]int {
	g := l.body.Graph()
	outputs := slices.Clone(l.body.Results()[:l.carries])
	for _, v := range readAtSteps(l.n, reads) {
		outputs = append(outputs, g.Node(v))
	}
	uses := usesIn(g, outputs)
	sums := map[int]int{}
	for i := range g.Len() {
		n := g.Node(i)
		if micro.ByName(n.Op().Micro) != micro.Add || n.Type().IsScalar() || !n.DType().IsFloat() || n.InputID(0) == n.InputID(1) || uses.count[i] == 0 {
			continue
		}
		for k, x := range n.Inputs() {
			if micro.ByName(x.Op().Micro) == micro.Mul && uses.once(x) && x.Shape().Equal(n.Shape()) {
				sums[i] = k
				break
			}
		}
	}
	return sums
}

// roundedAlike reports by node of a body whether its value has the same bits wherever it is computed from the same parameters, and whether others have the same bits wherever it is
// read from memory: a product and a sum become one operation that rounds once, or not, as the product is used elsewhere, and so may long sums of scalars. image maps
// the nodes to those of another body that are the same. The sums in once round once everywhere.
func roundedAlike(b *graph.Body, other *graph.Graph, image []*graph.Node, once map[int]int) []bool {
	g := b.Graph()
	alike, here, there := make([]bool, g.Len()), inSums(g), inSums(other)
	for i := range alike {
		n := g.Node(i)
		op := n.Op()
		code := micro.ByName(op.Micro)
		sum := op.Micro != "" && (code == micro.Add || code == micro.Sub)
		alike[i] = op.Micro != "" || op.Kernel != "" || op.View != nil || op.Reduction != "" || op.Broadcasts || n.IsInput() || n.IsConst()
		if sum {
			alike[i] = !n.Type().IsScalar()
		} else if !n.IsInput() && !n.IsConst() && op.Kernel == "" && op.View == nil && (op.Micro == "" || code.Info().Flops <= 1 || code == micro.Pow) {
			alike[i] = alike[i] && !here[i] && !there[image[i].ID()]
		}
		product, joined := once[i]
		for k, x := range n.Inputs() {
			if joined && k == product {
				alike[i] = alike[i] && alike[x.InputID(0)] && alike[x.InputID(1)]
			} else {
				alike[i] = alike[i] && alike[x.ID()]
			}
		}
	}
	return alike
}

// inSums reports by node whether it may become part of a sum: all but what only whole-tensor kernels, transcendental functions and products read.
func inSums(g *graph.Graph) []bool {
	in := make([]bool, g.Len())
	for i := g.Len() - 1; i >= 0; i-- {
		n := g.Node(i)
		op := n.Op()
		code := micro.ByName(op.Micro)
		apart := op.Kernel != "" || op.Micro != "" && code.Info().Flops > 1
		if code == micro.Mul || code == micro.MulNoNan { // no rule makes a sum of a product but by a constant
			apart = !n.Input(0).IsConst() && !n.Input(1).IsConst()
		}
		for k := range n.Inputs() {
			if !apart && (op.View == nil || in[i]) {
				in[n.InputID(k)] = true
			}
		}
	}
	return in
}

// residualCut finds the cheapest way to have values: each is stored, or computed from others that are needed then.
type residualCut struct {
	g        *graph.Graph
	found    map[int]residual // by ID: the values that can be computed again, and stored if they have a loop; parameters can be stored only
	required map[int]bool
	seen     map[int]bool
}

func newResidualCut(g *graph.Graph, found map[int]residual) *residualCut {
	return &residualCut{g: g, found: found, required: map[int]bool{}, seen: map[int]bool{}}
}

// require notes what n needs: itself if it is found, else all that it is made of.
func (c *residualCut) require(n *graph.Node) {
	stack := []*graph.Node{n}
	for len(stack) > 0 {
		n := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if _, ok := c.found[n.ID()]; ok {
			c.required[n.ID()] = true
			continue
		}
		if !c.seen[n.ID()] {
			c.seen[n.ID()] = true
			stack = append(stack, n.Inputs()...)
		}
	}
}

// next are the prices at which fewer values are stored.
func (p prices) next() prices {
	if p.byte < far.byte {
		return far
	}
	return prices{2*p.byte + 1, p.array}
}

// cut returns in order the values to store at a price, and the work to compute the others; free are those that are stored anyway. In the network a value has two nodes, needed and computed, on the source's side if they are true.
func (c *residualCut) cut(price prices, free bool) (stored []int, again float64) {
	var ids []int
	for id := range c.g.Len() {
		if _, ok := c.found[id]; ok {
			ids = append(ids, id)
		}
	}
	f := &flow{}
	source, sink := f.node(), f.node()
	needed, computed := map[int]int{}, map[int]int{}
	for _, id := range ids {
		needed[id], computed[id] = f.node(), f.node()
	}
	for _, id := range ids {
		n, price := c.g.Node(id), price
		if c.required[id] {
			f.edge(source, needed[id], uncuttable)
		}
		store, compute := int64(uncuttable), int64(uncuttable)
		if c.found[id].of != nil {
			bytes := int64(n.Shape().Size() * n.DType().Size())
			if price == near && (n.Type().IsScalar() || bytes >= nearArray) {
				price = far
			}
			store = price.byte * bytes
			if !n.Type().IsScalar() {
				store += price.array
			}
		}
		if !n.IsInput() {
			compute = computeCost(n)
		} else if free && c.required[id] {
			store = 0 // is stored anyway
		}
		f.edge(needed[id], computed[id], store)
		f.edge(computed[id], sink, compute)
		for k := range n.Inputs() {
			if to, ok := needed[n.InputID(k)]; ok {
				f.edge(computed[id], to, uncuttable)
			}
		}
	}
	side := f.sourceSide(source, sink)
	for _, id := range ids {
		switch {
		case side[computed[id]]:
			again += float64(computeCost(c.g.Node(id)))
		case side[needed[id]]:
			stored = append(stored, id)
		}
	}
	return stored, again
}

// computeCost estimates the time to compute a node from its operands, in picoseconds.
func computeCost(n *graph.Node) int64 {
	size := n.Shape().Size()
	for _, in := range n.Inputs() {
		size = max(size, in.Shape().Size())
	}
	elements := float64(size)
	cost := elements * expandWork
	_, _, part := graph.ResultOf(n)
	switch op := n.Op(); {
	case op.View != nil || op.Broadcasts || part:
		cost = 0
	case op.Micro != "":
		cost = 1000 * micro.ByName(op.Micro).Info().Cost
		if n.Type().IsScalar() {
			cost *= scalarLanes
		} else {
			cost *= elements
		}
	case op.Reduction != "":
		cost = 200 * elements
	case op.Kernel != "":
		var in, out []kernel.Type
		for _, x := range n.Inputs() {
			in = append(in, vm.Type{DType: x.DType(), Shape: x.Shape()})
		}
		out = append(out, vm.Type{DType: n.DType(), Shape: n.Shape()})
		cost = kernelWork * kernel.Lookup(op.Kernel).Operations(in, out, n.Attrs())
	case len(graph.Bodies(n)) > 0:
		cost = 0
		for _, b := range graph.Bodies(n) {
			for i := range b.Graph().Len() {
				if m := b.Graph().Node(i); !m.IsInput() && !m.IsConst() {
					cost += float64(computeCost(m))
				}
			}
		}
		if n.Op() == opScan || n.Op() == opWhile {
			l := loopOf(n)
			steps := l.most()
			if steps == 0 { // no limit
				steps = math.MaxInt32
			}
			cost *= float64(steps)
		}
	}
	return int64(min(cost, uncuttable/1e6))
}
