package compile

import (
	"fmt"
	"slices"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/checkpoint"
)

var (
	opEachStep     = graph.LookupOp("each_step")
	opSnapshots    = graph.LookupOp("snapshots")
	opReverseSweep = graph.LookupOp("reverse_sweep")
)

// Checkpoints says how much of the states of a loop a reverse sweep keeps; what it does not keep it computes once more. Results have the same bits whatever is kept, but with FastMath.
// The zero value keeps all. One of the fields at most is set.
type Checkpoints struct {
	// States is the number of states that are kept at once, at least 1, beside one at hand. They are chosen so that the fewest steps are run again (Griewank &
	// Walther, Algorithm 799: Revolve, ACM TOMS 26, 2000). A while loop, whose steps are counted as it runs, keeps states at multiples of a power of two on its way, which are thinned as
	// it goes on, and the schedule begins from these; memory does not depend on the limit.
	States int
	// Bytes bounds the memory of the states of each loop; as many are kept as it holds, one and one at hand at least.
	Bytes int64
	// Every keeps the state at each so many steps, and all states between two of these while the steps between them are reversed: each step is run
	// once more at the most. The states are as many as the steps, or a while loop's limit, have such places: a loop without a limit needs States or Bytes.
	Every int
}

func (c Checkpoints) check() error {
	set := 0
	for _, x := range []int64{int64(c.States), c.Bytes, int64(c.Every)} {
		if x < 0 {
			return fmt.Errorf("checkpoints of %d states, %d bytes, or at every %d steps", c.States, c.Bytes, c.Every)
		}
		if x > 0 {
			set++
		}
	}
	if set > 1 {
		return fmt.Errorf("checkpoints are given in several ways: %+v", c)
	}
	return nil
}

// schedule returns the attributes of the schedule for a loop of so many steps at the most, 0 for no bound, whose states have so many bytes; nil if all are kept.
func (c Checkpoints) schedule(steps int, bytes int64) []attr.Named {
	slots, every := c.States, c.Every
	if c.Bytes > 0 {
		slots = int(max(1, min(c.Bytes/max(1, bytes)-1, graph.MaxElements)))
	}
	switch {
	case slots == 0 && every == 0 || steps > 0 && max(slots, every) >= steps:
		return nil
	case every > 0 && (steps == 0 || checkpoint.Slots(steps, 0, every) > graph.MaxElements): // no array has so many
		return nil
	}
	return []attr.Named{attr.I("slots", slots), attr.I("every", every)}
}

// checkpointAll is the pass that lets reverse sweeps keep few states: a scan that reads the carries which came into each step of another loop, and goes the
// opposite way, becomes a reverse_sweep. It refuses values at each of any number of steps that are left.
func checkpointAll(u *unit) error {
	if u.config.Checkpoints != (Checkpoints{}) {
		if err := u.checkpoints(); err != nil {
			return err
		}
	}
	for id, needed := range u.g.Needed(u.outputs...) {
		n := u.g.Node(id)
		of := n
		switch {
		case !needed:
			continue
		case n.Op() == opEachStep:
			of = n.Input(0)
		case n.Op() != opScan || len(loopOf(n).body.Params()) == n.Attrs().Int("captured")+n.Attrs().Int("carries"): // it goes through nothing
			continue
		}
		if loopOf(of).length == 0 {
			advice := "or set Config.Checkpoints to a number of States or Bytes"
			if c := u.config.Checkpoints; c.States > 0 || c.Bytes > 0 {
				advice = "since they are read otherwise than by one reverse sweep over it, which could keep few states"
			}
			return userError(of, of.Op().Name, fmt.Errorf("has no limit below 2^31, and values at each of its steps are needed: give it one, %s", advice))
		}
	}
	return nil
}

func (u *unit) checkpoints() error {
	c := u.config.Checkpoints
	readers := make([][]*graph.Node, u.g.Len())
	for id, needed := range u.g.Needed(u.outputs...) {
		if !needed {
			continue
		}
		n := u.g.Node(id)
		for _, in := range n.Inputs() {
			if r := readers[in.ID()]; len(r) == 0 || r[len(r)-1] != n {
				readers[in.ID()] = append(r, n)
			}
		}
	}
	of := map[*graph.Node]*graph.Node{} // the scan whose states a reverse scan reads
	for i := range u.g.Len() {
		n := u.g.Node(i)
		if s := u.statesOf(n, readers); s != nil {
			of[n] = s
		}
	}
	if len(of) == 0 {
		return nil
	}
	u.g, u.outputs = u.g.Rebuild(u.outputs, func(to *graph.Graph, n *graph.Node, in []*graph.Node) *graph.Node {
		if of[n] == nil {
			return nil
		}
		return sweepOf(to, n, of[n], in, c)
	})
	return u.g.Err()
}

// statesOf returns the loop whose states n reads, and nobody else; nil if n is no such reverse scan.
func (u *unit) statesOf(n *graph.Node, readers [][]*graph.Node) *graph.Node {
	if n.Op() != opScan || len(readers[n.ID()]) == 0 {
		return nil
	}
	l := loopOf(n)
	var from *graph.Node
	for _, x := range l.operands[l.captured+l.carries:] {
		of, _ := stateRead(x)
		switch {
		case of == nil && l.length == 0, of != nil && from != nil && of != from:
			return nil
		case of != nil:
			from = of
		}
	}
	if from == nil {
		return nil
	}
	s := loopOf(from)
	reverse := n.Attrs().Bool("reverse")
	if from.Op() == opWhile {
		if of, k, ok := graph.ResultOf(l.count); !ok || of != from || k != s.carries || !reverse {
			return nil
		}
	} else if s.count != nil || l.count != nil || from.Attrs().Bool("reverse") == reverse {
		return nil
	}
	for _, r := range readers[from.ID()] {
		if of, _ := stateRead(r); of != nil && (slices.Contains(u.outputs, r) || slices.ContainsFunc(readers[r.ID()], func(m *graph.Node) bool { return m != n })) {
			return nil // stored for somebody else anyway
		}
	}
	if s.length != l.length || u.config.Checkpoints.schedule(s.most(), s.stateBytes()) == nil {
		return nil
	}
	return from
}

// stateRead returns the loop and the carry which came into each of its steps that a node is; nil for other nodes.
func stateRead(n *graph.Node) (of *graph.Node, carry int) {
	if n.Op() != opEachStep || n.Input(0).Op() != opScan && n.Input(0).Op() != opWhile {
		return nil, 0
	}
	l := loopOf(n.Input(0))
	i := slices.IndexFunc(l.body.Params(), func(p *graph.Node) bool { return p.ID() == n.Attrs().Int("value") })
	if i < 0 || !l.isCarry(i) {
		return nil, 0
	}
	return n.Input(0), i - l.captured
}

// most is the number of steps that the loop does at the most, 0 for no bound.
func (l *loop) most() int {
	if l.n.Op() == opWhile {
		return l.n.Attrs().Int("limit")
	}
	return l.length
}

// stateBytes is the size of all carries.
func (l *loop) stateBytes() int64 {
	bytes := int64(0)
	for _, c := range l.operands[l.captured : l.captured+l.carries] {
		bytes += int64(c.Shape().Size()) * int64(c.DType().Size())
	}
	return bytes
}

// sweepOf makes the reverse_sweep that stands for n, which reads the states of another loop, from the images of n's operands.
func sweepOf(to *graph.Graph, n, from *graph.Node, in []*graph.Node, c Checkpoints) *graph.Node {
	l, s := loopOf(n), loopOf(from)
	schedule := c.schedule(s.most(), s.stateBytes())
	count, in := in[:l.first()], in[l.first():]
	var image *graph.Node // of the loop
	var sources []int
	var elements []*graph.Node
	first := l.captured + l.carries
	for i, x := range l.operands[first:] {
		if of, carry := stateRead(x); of != nil {
			image = in[first+i].Input(0)
			sources = append(sources, carry)
		} else {
			sources = append(sources, -1)
			elements = append(elements, in[first+i])
		}
	}
	forward := loopOf(image)
	operands := slices.Concat(count, forward.operands[:s.captured], forward.operands[s.captured+s.carries:])
	for k := range s.carries {
		operands = append(operands, to.Apply(opSnapshots, []*graph.Node{image}, attr.Make(append([]attr.Named{attr.I("carry", k)}, schedule...)...)))
	}
	operands = slices.Concat(operands, in[:first], elements)
	attrs := append([]attr.Named{
		attr.Fn("bodies", forward.body, l.body), attr.I("forward", s.captured), attr.I("states", s.carries), attr.I("elements", len(s.operands)-s.captured-s.carries),
		attr.I("captured", l.captured), attr.I("carries", l.carries), attr.I("length", s.most()), attr.B("reverse", from.Op() == opScan && from.Attrs().Bool("reverse")), attr.L("sources", sources),
	}, schedule...)
	if l.count != nil {
		attrs = append(attrs, attr.B("counted", true))
	}
	return to.Apply(opReverseSweep, operands, attr.Make(attrs...))
}
