package vm

import "slices"

// concurrentShare is how much of the work of calls that run at once others than the longest must do at least, as a part of all.
const concurrentShare = 1. / 8

// mostConcurrent is the most calls that run at once.
const mostConcurrent = 64

// stepShared is the work of an instruction from which several goroutines share it well.
const stepShared = 1 << 17

// concurrentCall is one of a few calls that follow one another and have no memory in common that any of them writes. They run at once, each on one goroutine and with what it shares in a machine of its own: steps that depend on
// one another and are short leave other goroutines nothing to do.
type concurrentCall struct {
	executor
	in  *Instr
	set *concurrentSet
	k   int    // its number in the set
	f   *frame // of its machine, holds the call alone
}

type concurrentSet struct {
	p       *Program
	workers int // goroutines
	calls   []*concurrentCall
	err     []error // by call
}

// joinCalls replaces the executors of calls that run at once.
func joinCalls(m *Machine, b *Block, exec []executor) {
	single := func(i int) bool {
		_, parts := exec[i].(*parallelScan)
		return b.Instrs[i].Call != nil && !parts
	}
	joins := func(from, to int) bool {
		if !single(to) || to-from == mostConcurrent {
			return false
		}
		for i := from; i < to; i++ {
			if m.p.code.conflict(&b.Instrs[i], &b.Instrs[to]) {
				return false
			}
		}
		return true
	}
	for from, to := 0, 0; from < len(exec); from = max(to, from+1) {
		for to = from; to < len(exec) && joins(from, to); to++ {
		}
		if to-from < 2 || !worthJoining(m, b.Instrs[from:to]) {
			continue
		}
		set := &concurrentSet{p: m.p, workers: min(m.threads, to-from), err: make([]error, to-from)}
		for i := from; i < to; i++ {
			x := &concurrentCall{executor: newCall(m.p, &b.Instrs[i], 1), in: &b.Instrs[i], set: set, k: i - from}
			set.calls = append(set.calls, x)
			exec[i] = x
		}
	}
}

// conflict reports whether one of two calls writes what the other reads or writes.
func (c *Code) conflict(x, y *Instr) bool {
	type region struct {
		lo, hi int64
		writes bool
	}
	regions := func(in *Instr) []region {
		list := []region{{in.Call.Frame, in.Call.Frame + c.FrameBytes(in.Call), true}}
		snapshots, captured := 0, 0
		if s := in.Call.Sweep; s != nil { // which overwrites the snapshots that it reads
			_, snapshots, captured, _, _ = s.parts(c.Blocks)
		}
		for k, o := range in.In {
			if o.Space == 0 {
				list = append(list, region{o.Offset, o.Offset + bytesOf(o.Type), snapshots <= k && k < captured})
			}
		}
		for _, o := range in.Out {
			list = append(list, region{o.Offset, o.Offset + bytesOf(o.Type), true})
		}
		return list
	}
	others := regions(y)
	for _, a := range regions(x) {
		for _, b := range others {
			if (a.writes || b.writes) && a.lo < b.hi && b.lo < a.hi {
				return true
			}
		}
	}
	return false
}

// worthJoining reports whether calls are done earlier at once than one after another with what goroutines share in each of them.
func worthJoining(m *Machine, calls []Instr) bool {
	total, longest, instrs := 0., 0., 0.
	for i := range calls {
		work, n := m.p.code.CallWork(calls[i].Call)
		total, longest, instrs = total+work, max(longest, work), instrs+n
	}
	if total-longest < max(workOfParts, concurrentShare*total) {
		return false
	}
	return total/instrs < stepShared || m.threads <= len(calls) && longest*float64(m.threads) < 1.25*total
}

// CallWork returns about how many operations the blocks of a call do, as Program.Work bounds them, and how many instructions they run; 0 and 0 for a nil call, one of nothing, and one of a block
// that is not there.
func (c *Code) CallWork(call *Call) (operations, instrs float64) {
	if c == nil || call.Kind() == "" || slices.ContainsFunc(call.callees(), func(k int) bool { return k < 0 || k >= len(c.Blocks) }) {
		return 0, 0
	}
	works, counts := make([]float64, len(c.Blocks)), make([]float64, len(c.Blocks))
	for _, k := range c.reached(call) {
		for i := range c.Blocks[k].Instrs {
			in := &c.Blocks[k].Instrs[i]
			works[k] += in.op().work(in, works)
			if counts[k]++; in.Call != nil {
				counts[k] += callOp{}.work(in, counts)
			}
		}
	}
	in := &Instr{Call: call}
	return callOp{}.work(in, works), callOp{}.work(in, counts)
}

// reached returns the blocks that a call runs, also through others, in ascending order: those that they call come before them.
func (c *Code) reached(call *Call) (list []int) {
	seen := map[int]bool{}
	var visit func(call *Call)
	visit = func(call *Call) {
		for _, k := range call.callees() {
			if seen[k] {
				continue
			}
			seen[k] = true
			list = append(list, k)
			for i := range c.Blocks[k].Instrs {
				visit(c.Blocks[k].Instrs[i].Call)
			}
		}
	}
	visit(call)
	slices.Sort(list)
	return list
}

// needsAlone returns what a machine for one goroutine takes that runs one call.
func needsAlone(p *Program, in *Instr, e executor) needs {
	n := needs{workers: 1, blocks: make([]needs, len(p.code.Blocks))}
	m := &Machine{p: p, threads: 1}
	for _, k := range p.code.reached(in.Call) {
		m.planBlock(n.blocks, k)
	}
	e.need(&n)
	n.blocks = nil
	n.add(machineBytes, heapBytes(n.scratch), heapBytes(n.worker), heapBytes(n.zeros), int64(len(in.Out))*operandBytes)
	return n
}

// alone returns a machine for one goroutine that runs a call of this one's program, and shares nothing with it that a run writes.
func (m *Machine) alone(need needs) *Machine {
	x := &Machine{p: m.p, limit: m.limit, threads: 1, of: m, watch: m.watch, watchInf: m.watchInf, ahead: m.ahead, touch: m.touch, noNative: m.noNative, noKept: true, needs: need}
	x.allocateScratch()
	return x
}

// follow has the machine run as the one of which it runs a part.
func (m *Machine) follow(of *Machine) { m.ctx, m.done, m.timer = of.ctx, of.done, of.timer }

func (x *concurrentCall) need(n *needs) {
	own := needsAlone(x.set.p, x.in, x.executor)
	n.addAlone(own, 1)
	n.kept = min(n.kept+own.kept, maxTotal)
	n.workers = max(n.workers, x.set.workers)
}

func (x *concurrentCall) prepare(f *frame) {
	f.m.job.Prepare(x.set.workers)
	x.f = &frame{m: f.m.alone(needsAlone(x.set.p, x.in, x.executor)), base: f.base}
	x.f.m.noKept = f.m.noKept
	x.executor.prepare(x.f)
}

func (x *concurrentCall) compile(*frame) { x.executor.compile(x.f) }

func (x *concurrentCall) watch(f *frame) (int, error) {
	x.f.m.follow(f.m)
	return x.executor.watch(x.f)
}

// run of the first call runs all of them, unless they are timed; that of another says how it went.
func (x *concurrentCall) run(f *frame) error {
	s := x.set
	switch {
	case f.m.timer != nil:
		x.f.m.follow(f.m)
		return x.executor.run(x.f)
	case x.k == 0:
		for _, c := range s.calls {
			c.f.m.follow(f.m)
		}
		if err := f.m.job.Run(s, len(s.calls), s.workers, true); err != nil {
			return err
		}
	}
	return s.err[x.k]
}

// Do runs a call: it is a pool.Task.
func (s *concurrentSet) Do(_, k int) {
	x := s.calls[k]
	s.err[k] = x.executor.run(x.f)
}
