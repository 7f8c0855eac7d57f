package compile

import (
	"errors"
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

// Checkpoints says how much of the states of a loop a reverse sweep keeps; what it does not keep it computes once more. Results have the same bits whatever is kept, but with FastMath. A reverse sweep over a
// reverse sweep keeps few states of the latter, and stores those of the loop below.
// The zero value keeps all. One of States, Bytes and Every at most is set.
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
	// Mixed lets what States or Bytes allow be, for each of them, a state, or what the reversal of one step reads, which a run forward over the step records on its way, so that the reversal computes none of it
	// again (Maddison, Step-based checkpointing with high-level algorithmic differentiation, J. Comput. Sci. 82, 2024). Beside these there are one such record and one state at hand. Of 1000 steps with States: 20,
	// 2823 are run forward, and none is in reversals. What is recorded of a step may be larger than a state. Loops of which nothing can be recorded that has the same bits wherever it is computed, and while loops, keep
	// states as without it.
	Mixed bool
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
	switch {
	case set > 1:
		return fmt.Errorf("checkpoints are given in several ways: %+v", c)
	case c.Mixed && c.States == 0 && c.Bytes == 0:
		return errors.New("mixed checkpoints need a number of States or Bytes")
	}
	return nil
}

// schedule returns the attributes of the schedule for a loop of so many steps at the most, 0 for no bound, whose states have so many bytes; nil if all are kept. recorded are the values that a mixed schedule records of
// a step, nil for another one; bytes are those of a slot then.
func (c Checkpoints) schedule(steps int, bytes int64, recorded []int) []attr.Named {
	slots, every, atHand := c.States, c.Every, int64(1)
	if recorded != nil {
		atHand = 2
	}
	if c.Bytes > 0 {
		slots = int(max(1, min(c.Bytes/max(1, bytes)-atHand, graph.MaxElements)))
	}
	switch {
	case recorded != nil:
		return []attr.Named{attr.I("slots", slots), attr.I("every", 0), attr.L("recorded", recorded)}
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
	if err := u.checkSnapshots(); err != nil {
		return err
	}
	if !u.g.Has(func(op *graph.Op) bool { return op == opScan || op == opEachStep }) {
		return nil
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
				advice = "since they are read otherwise than by reverse sweeps over it, which could keep few states"
			}
			if loop, _, ok := graph.ResultOf(loopOf(of).count); ok { // whose steps it repeats
				of = loop
			}
			return userError(of, of.Op().Name, fmt.Errorf("has no limit below 2^31, and values at each of its steps are needed: give it one, %s", advice))
		}
	}
	return nil
}

// checkSnapshots refuses snapshots and reverse sweeps, which graphs that are read from text may have, that do not belong together.
func (u *unit) checkSnapshots() error {
	if !u.g.Has(func(op *graph.Op) bool { return op == opSnapshots || op == opReverseSweep }) {
		return nil
	}
	var readers [][]*graph.Node
	kept := map[*graph.Node]*graph.Node{} // by loop, one of its snapshots
	for id, needed := range u.g.Needed(u.outputs...) {
		n := u.g.Node(id)
		if !needed || n.Op() != opSnapshots && n.Op() != opReverseSweep {
			continue
		}
		if readers == nil {
			readers = u.readers()
		}
		if n.Op() == opSnapshots {
			of := n.Input(0)
			if kept[of] == nil {
				kept[of] = n
			}
			if !sameSchedule(n, kept[of]) {
				return userError(n, n.Op().Name, fmt.Errorf("the loop keeps its states by another schedule for %v", kept[of].Position()))
			}
			continue
		}
		var of *graph.Node
		for k, s := range snapshotsOf(n) {
			if s.Op() != opSnapshots || s.Attrs().Int("carry") != k || of != nil && s.Input(0) != of || !sameSchedule(s, n) {
				return userError(n, n.Op().Name, fmt.Errorf("%v is not what one loop keeps of carry %d by the same schedule", s, k))
			}
			if of = s.Input(0); len(readers[s.ID()]) > 1 || slices.Contains(u.outputs, s) {
				return userError(n, n.Op().Name, fmt.Errorf("%v is read by others too, and overwritten here", s))
			}
		}
		l, a := loopOf(of), n.Attrs()
		if l.body.Hash() != graph.Bodies(n)[0].Hash() || l.most() != a.Int("length") || a.Bool("online") != (of.Op() == opWhile) || a.Bool("counted") != (of.Op() == opWhile || l.count != nil) || a.Bool("reverse") != of.Attrs().Bool("reverse") {
			return userError(n, n.Op().Name, errors.New("the snapshots are those of another loop than the first body's"))
		}
	}
	return nil
}

// sameSchedule reports whether two nodes keep states by the same schedule.
func sameSchedule(m, n *graph.Node) bool {
	a, b := m.Attrs(), n.Attrs()
	return a.Int("slots") == b.Int("slots") && a.Int("every") == b.Int("every") && slices.Equal(a.Ints("recorded"), b.Ints("recorded"))
}

// readers lists, by node, who reads it of those that are needed.
func (u *unit) readers() [][]*graph.Node {
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
	return readers
}

// runsPerSweep gives each of several sweeps over a loop whose states nobody else reads a run of the loop of its own, if few of them are to be kept: one overwrites those that are, and what is left is read after it by others.
func (u *unit) runsPerSweep() error {
	type run struct {
		of *graph.Node
		k  int
	}
	readers := u.readers()
	alone := map[*graph.Node]bool{} // by loop that sweeps read: whether nobody else reads its states
	sweeps := map[*graph.Node][]*graph.Node{}
	for id, needed := range u.g.Needed(u.outputs...) {
		n := u.g.Node(id)
		if of, _ := stateRead(n); needed && of != nil && slices.Contains(u.outputs, n) {
			alone[of] = false
		}
		if !needed || n.Op() != opScan {
			continue
		}
		l := loopOf(n)
		var loops []*graph.Node
		for _, x := range l.operands[l.captured+l.carries:] {
			if of, _ := stateRead(x); of != nil && !slices.Contains(loops, of) {
				loops = append(loops, of)
			}
		}
		for k, of := range loops {
			_, known := alone[of]
			if alone[of] = (alone[of] || !known) && k == 0 && u.mayKeepFew(n, of, readers); k == 0 {
				sweeps[of] = append(sweeps[of], n)
			}
		}
	}
	by := map[*graph.Node]run{} // by sweep
	several := false
	for of, list := range sweeps {
		if l := loopOf(of); len(list) > 1 && (alone[of] || l.length == 0) {
			for k, n := range list {
				by[n] = run{of, k}
			}
			several = true
		}
	}
	if !several {
		return nil
	}
	u.g, u.outputs = u.g.Rebuild(u.outputs, func(to *graph.Graph, n *graph.Node, in []*graph.Node) *graph.Node {
		r := by[n]
		if r.k == 0 {
			return nil
		}
		l := loopOf(n)
		own := slices.Clone(in)
		for i, x := range n.Inputs() {
			if of, _, _ := graph.ResultOf(x); of == r.of && (i < l.first() || i >= l.first()+l.captured+l.carries) {
				loop := in[i].Input(0)
				loop = to.Apply(loop.Op(), loop.Inputs(), attr.Make(append(slices.Clone(loop.Attrs()), attr.I("run", r.k))...))
				own[i] = to.Apply(x.Op(), []*graph.Node{loop}, x.Attrs())
			}
		}
		return to.Apply(opScan, own, n.Attrs())
	})
	return u.g.Err()
}

// mayKeepFew reports whether a scan is a sweep over a loop of which few states are to be kept, if nobody else reads them.
func (u *unit) mayKeepFew(n, of *graph.Node, readers [][]*graph.Node) bool {
	l := loopOf(of)
	bytes, _ := l.slotBytes(nil)
	s := u.sweepOf(n, of, func(*graph.Node) bool { return false }, readers)
	return s != nil && u.config.Checkpoints.schedule(l.most(), bytes, s.read) != nil
}

func (u *unit) checkpoints() error {
	if err := u.runsPerSweep(); err != nil {
		return err
	}
	readers := u.readers()
	of := map[*graph.Node]*sweep{}
	swept := map[*graph.Node]bool{} // loops that have a schedule: what other sweeps read of them is stored
	for i := range u.g.Len() {
		n := u.g.Node(i)
		s := u.sweepOver(n, readers)
		if s == nil || of[s.of] != nil || swept[s.of] { // a sweep keeps no states itself
			continue
		}
		l := loopOf(s.of)
		bytes, _ := l.slotBytes(s.read)
		if s.schedule = u.config.Checkpoints.schedule(l.most(), bytes, s.read); s.schedule != nil {
			of[n], swept[s.of] = s, true
		}
	}
	if len(of) == 0 {
		return nil
	}
	u.g, u.outputs = u.g.Rebuild(u.outputs, func(to *graph.Graph, n *graph.Node, in []*graph.Node) *graph.Node {
		if of[n] == nil {
			return nil
		}
		return of[n].node(to, in)
	})
	return u.g.Err()
}

// sweep is a reverse scan that is to keep few states of the loop whose steps it reverses.
type sweep struct {
	n, of    *graph.Node // the scan, and the loop
	read     []int       // values of the loop's body that it reads, nil unless some of them are to be recorded
	schedule []attr.Named
}

// sweepOver returns what n may become, but for the schedule, if it is a scan that reads the states of another loop, which goes the same steps in opposite order and whose states nobody else reads; else nil. What it reads of
// further loops is stored.
func (u *unit) sweepOver(n *graph.Node, readers [][]*graph.Node) *sweep {
	if n.Op() != opScan || len(readers[n.ID()]) == 0 {
		return nil
	}
	l := loopOf(n)
	var loops, recorded []*graph.Node
	for _, x := range l.operands[l.captured+l.carries:] {
		switch of, _ := stateRead(x); {
		case of != nil:
			loops = append(loops, of)
		case l.length == 0:
			return nil
		case u.config.Checkpoints.Mixed && x.Op() == opEachStep && x.Input(0).Op() == opScan:
			recorded = append(recorded, x.Input(0))
		}
	}
	others := func(r *graph.Node) bool { // whether somebody else reads a value, which is stored then anyway
		return slices.Contains(u.outputs, r) || slices.ContainsFunc(readers[r.ID()], func(m *graph.Node) bool { return m != n })
	}
	for _, of := range append(loops, recorded...) {
		if w := u.sweepOf(n, of, others, readers); w != nil {
			return w
		}
	}
	return nil
}

// sweepOf is sweepOver for one of the loops that n reads values of.
func (u *unit) sweepOf(n, from *graph.Node, others func(r *graph.Node) bool, readers [][]*graph.Node) *sweep {
	l, s := loopOf(n), loopOf(from)
	reverse := n.Attrs().Bool("reverse")
	if from.Op() == opWhile {
		if of, k, ok := graph.ResultOf(l.count); !ok || of != from || k != s.carries || !reverse {
			return nil
		}
	} else if s.count != l.count || from.Attrs().Bool("reverse") == reverse {
		return nil
	}
	if s.length != l.length || s.carries == 0 {
		return nil
	}
	elements := l.operands[l.captured+l.carries:]
	if s.length == 0 && slices.ContainsFunc(elements, func(x *graph.Node) bool { of, _ := stateRead(x); return of != from }) {
		return nil
	}
	for _, r := range readers[from.ID()] {
		if of, _ := stateRead(r); of != nil && others(r) {
			return nil
		}
	}
	w := &sweep{n: n, of: from}
	if !u.config.Checkpoints.Mixed || from.Op() != opScan {
		return w
	}
	states := true // alone
	for _, x := range elements {
		if x.Op() == opEachStep && x.Input(0) == from && !others(x) {
			of, _ := stateRead(x)
			states = states && of != nil
			w.read = append(w.read, x.Attrs().Int("value"))
		}
	}
	switch {
	case len(w.read) == 0:
		return nil
	case states:
		w.read = nil
	}
	return w
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

// slotTypes returns the types of what holds all carries, or values of the body.
func (l *loop) slotTypes(values []int) []graph.Type {
	var types []graph.Type
	var carries, recorded []int64
	for _, c := range l.operands[l.captured : l.captured+l.carries] {
		types, carries = append(types, c.Type()), append(carries, bytesOf(c))
	}
	for _, v := range values {
		recorded = append(recorded, bytesOf(l.body.Graph().Node(v)))
	}
	at, _ := checkpoint.Places(carries, recorded)
	for i, part := range at {
		if part >= len(carries) {
			types = append(types, l.body.Graph().Node(values[i]).Type())
		}
	}
	return types
}

// slotBytes returns the size of what holds all carries, or values of the body, and how many parts it has.
func (l *loop) slotBytes(values []int) (bytes int64, parts int) {
	types := l.slotTypes(values)
	for _, t := range types {
		bytes += int64(t.Shape.Size()) * int64(t.DType.Size())
	}
	return bytes, len(types)
}

func bytesOf(n *graph.Node) int64 { return int64(n.Shape().Size()) * int64(n.DType().Size()) }

// node makes the reverse_sweep from the images of the scan's operands.
func (w *sweep) node(to *graph.Graph, in []*graph.Node) *graph.Node {
	l, s := loopOf(w.n), loopOf(w.of)
	count, in := in[:l.first()], in[l.first():]
	var image *graph.Node // of the loop
	var sources []int
	var elements []*graph.Node
	first := l.captured + l.carries
	for i, x := range l.operands[first:] {
		of, source := stateRead(x)
		if w.read != nil {
			if source = -1; x.Op() == opEachStep && x.Input(0) == w.of {
				source = slices.Index(w.read, x.Attrs().Int("value"))
			}
		} else if of != w.of {
			source = -1
		}
		if sources = append(sources, source); source >= 0 {
			image = in[first+i].Input(0)
		} else {
			elements = append(elements, in[first+i])
		}
	}
	forward := loopOf(image)
	operands := slices.Concat(count, forward.operands[:s.captured], forward.operands[s.captured+s.carries:])
	_, parts := s.slotBytes(w.read)
	for k := range parts {
		operands = append(operands, to.Apply(opSnapshots, []*graph.Node{image}, attr.Make(append([]attr.Named{attr.I("carry", k)}, w.schedule...)...)))
	}
	operands = slices.Concat(operands, in[:first], elements)
	attrs := append([]attr.Named{
		attr.Fn("bodies", forward.body, l.body), attr.I("forward", s.captured), attr.I("states", s.carries), attr.I("elements", len(s.operands)-s.captured-s.carries),
		attr.I("captured", l.captured), attr.I("carries", l.carries), attr.I("length", s.most()), attr.B("reverse", w.of.Op() == opScan && w.of.Attrs().Bool("reverse")), attr.L("sources", sources),
	}, w.schedule...)
	if l.count != nil {
		attrs = append(attrs, attr.B("counted", true))
	}
	if w.of.Op() == opWhile {
		attrs = append(attrs, attr.B("online", true))
	}
	return to.Apply(opReverseSweep, operands, attr.Make(attrs...))
}
