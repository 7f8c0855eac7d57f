package vm

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/pool"
)

// ProfileRow is what one instruction costs.
type ProfileRow struct {
	Block    int // the block of the instruction, an index into Code.Blocks; −1 for the program itself
	Instr    int
	Op       Opcode
	Kernel   string // of OpKernel
	Call     string // of OpCall: scan, while or cond
	Count    int64  // how often it runs in a run of the program
	Executor Executor
	Nodes    []NodeInfo    // the user's nodes that it computes, at most 16
	Where    string        // the first of them, with the user's file:line
	Time     time.Duration // median of the runs; of an instruction in a block the sum over a run of the program
	Bytes    int64         // operands and results, each counted once for each time that it runs; without the temporaries of scalar code
	Flops    int64         // see Profile

	parts []profilePart // all of the user's nodes that it computes
}

// profilePart is one of the user's nodes in an instruction.
type profilePart struct {
	node  int32   // an index into Debug.Nodes, −1 if it is not known
	share float64 // of the instruction's operations
}

// Profile is the cost of a program's instructions on a machine.
//
// Flops count one for each arithmetic operation, comparison and selection, two for a fused
// multiply-add, and 20 for a transcendental function (about the length of their polynomials); whole-tensor kernels count
// one for each element read, matrix products two for each term.
//
// The row of a call has the time of all that its blocks do, and no flops; the instructions of blocks have rows of their own, each the sum over all calls and steps.
// Their times are those of one run in which the clock is read around each; they are corrected for that, and cut to what the call takes without it.
type Profile struct {
	Runs  int
	Total time.Duration // sum of the medians of the program's own instructions
	Rows  []ProfileRow  // of the program's own instructions in their order, then those of blocks that ran

	code *Code
}

// shortTime is the time below which an instruction is repeated, as reading the clock takes some 30 ns.
const shortTime = 3 * time.Microsecond

// Profile runs the program the given number of times (at least 1) on the inputs as they are set, and times every instruction.
// Short instructions are repeated unless they overwrite an operand. It runs a loop of its own: Step pays nothing for it.
// Code that will be native after some runs is made so first.
func (m *Machine) Profile(ctx context.Context, runs int) (*Profile, error) {
	if err := m.unusable(); err != nil {
		return nil, err
	}
	if !m.enter() {
		return nil, errBusy
	}
	defer m.leave()
	if err := m.step(ctx); err != nil {
		return nil, err
	}
	for _, s := range m.p.code.Inputs { // what follows overwrites them again and again
		if s.Update > 0 {
			at := unsafe.Slice((*byte)(unsafe.Add(m.entry.base, s.Offset)), bytesOf(s.Type))
			after := bytes.Clone(at)
			defer func() { copy(at, after) }()
		}
	}
	m.setContext(ctx)
	defer m.forgetContext()
	if m.needs.workers > 1 { // helpers wait awake between instructions, as in a run
		pool.Begin()
		defer pool.End()
	}
	for _, e := range m.entry.exec {
		e.compile(m.entry)
	}
	runs = max(1, runs)
	times := make([][]time.Duration, len(m.entry.exec))
	repeats := make([]int, len(m.entry.exec))
	measure := func(i, repeats int) (time.Duration, error) {
		start := time.Now()
		for range repeats {
			if err := m.entry.exec[i].run(m.entry); err != nil {
				return 0, m.entry.fail(i, err)
			}
		}
		return time.Since(start), nil
	}
	for range runs {
		for i := range m.entry.exec {
			if m.cancelled() {
				return nil, ctx.Err()
			}
			if repeats[i] == 0 {
				repeats[i] = 1
				if !overwrites(&m.p.code.Instrs[i]) {
					d, err := measure(i, 1)
					if err != nil {
						return nil, err
					}
					repeats[i] = max(1, int(shortTime/max(d, shortTime/100)))
				}
			}
			d, err := measure(i, repeats[i])
			if err != nil {
				return nil, err
			}
			times[i] = append(times[i], d/time.Duration(repeats[i]))
		}
	}
	timer := newTimer(&m.p.code)
	if m.p.code.hasCalls() {
		m.timer = timer
		err := m.entry.run()
		m.timer = nil
		if err != nil {
			return nil, err
		}
	}
	p := &Profile{Runs: runs, code: &m.p.code}
	executors := m.Executors()
	for i := range m.p.code.Instrs {
		slices.Sort(times[i])
		t := times[i][runs/2]
		p.Rows = append(p.Rows, m.p.code.profileRow(entryBlock, i, executors[i], 1, t))
		p.Total += t
	}
	p.Rows = append(p.Rows, timer.rows(p.Rows)...)
	return p, nil
}

// profileRow returns the row of instruction i of a block.
func (c *Code) profileRow(block, i int, e Executor, count int64, t time.Duration) ProfileRow {
	in := &c.block(block).Instrs[i]
	row := ProfileRow{Block: block, Instr: i, Op: in.Op, Kernel: in.Kernel, Executor: e, Count: count, Time: t}
	bytes, flops := cost(in)
	row.Bytes, row.Flops = times(int(count), bytes), times(int(count), flops)
	if in.Call != nil {
		row.Call = in.Call.Kind()
	}
	for _, n := range in.Nodes {
		if n >= 0 && len(row.Nodes) < 16 {
			if row.Where == "" {
				row.Where = c.Debug.Where(n)
			}
			row.Nodes = append(row.Nodes, c.Debug.Nodes[n])
		}
	}
	row.parts = c.profileParts(in)
	return row
}

// profileParts returns the parts of an instruction by their flops; one more flop for each, as moves take time too.
func (c *Code) profileParts(in *Instr) []profilePart {
	if in.Call != nil {
		node := int32(-1)
		if len(in.Nodes) > 0 {
			node = in.Nodes[0]
		}
		return []profilePart{{node, 1}}
	}
	var parts []profilePart
	total := 0.0
	in.op().parts(in, nil, func(k int, flops int64) {
		p := profilePart{-1, 1 + float64(flops)}
		if k < len(in.Nodes) {
			p.node = in.Nodes[k]
		}
		total += p.share
		parts = append(parts, p)
	})
	for k := range parts {
		parts[k].share /= total
	}
	return parts
}

// ProfileTotal is the time of a run that belongs to one line, operator or scope.
type ProfileTotal struct {
	Name string
	Time time.Duration
}

// ByLine sums the times by the user's line, file:line, the longest first. The time of an instruction is that of its nodes, in proportion to their flops; "?" is what belongs to
// no line. What a derivative or a pass adds has the line of the node that it was added for.
func (p *Profile) ByLine() []ProfileTotal {
	return p.totals(func(d *Debug, n NodeInfo) string {
		if n.File == 0 {
			return "?"
		}
		return fmt.Sprintf("%s:%d", d.Strings[n.File], n.Line)
	})
}

// ByOperator sums the times by operator, as ByLine does by line.
func (p *Profile) ByOperator() []ProfileTotal {
	return p.totals(func(d *Debug, n NodeInfo) string { return d.Strings[n.Op] })
}

// ByNode sums the times by the names that the function gives to the nodes of the user's graph, as ByLine does by line. By scope it is
//
//	p.ByNode(func(id int) string { return g.Node(id).ScopePath() })
func (p *Profile) ByNode(name func(id int) string) []ProfileTotal {
	if name == nil {
		return nil
	}
	return p.totals(func(_ *Debug, n NodeInfo) string { return name(int(n.ID)) })
}

// totals sums the times of all rows; that of a call without those of the blocks that it runs.
func (p *Profile) totals(name func(d *Debug, n NodeInfo) string) []ProfileTotal {
	if p == nil || p.code == nil {
		return nil
	}
	inBlock := make([]time.Duration, len(p.code.Blocks)) // by block: the time of its instructions,
	ofCalls := make([]time.Duration, len(p.code.Blocks)) // and of the calls that run it
	callees := func(r *ProfileRow) []int {
		call := p.code.block(r.Block).Instrs[r.Instr].Call
		if call == nil {
			return nil
		}
		return slices.Compact(slices.Sorted(slices.Values(call.callees())))
	}
	for i := range p.Rows {
		r := &p.Rows[i]
		if r.Block != entryBlock {
			inBlock[r.Block] += r.Time
		}
		for _, k := range callees(r) {
			ofCalls[k] += r.Time
		}
	}
	sums := map[string]time.Duration{}
	for i := range p.Rows {
		r := &p.Rows[i]
		own := r.Time
		for _, k := range callees(r) {
			if ofCalls[k] > 0 {
				own -= time.Duration(float64(inBlock[k]) * float64(r.Time) / float64(ofCalls[k]))
			}
		}
		for _, part := range r.parts {
			key := "?"
			if part.node >= 0 && int(part.node) < len(p.code.Debug.Nodes) {
				key = name(&p.code.Debug, p.code.Debug.Nodes[part.node])
			}
			sums[key] += time.Duration(float64(max(0, own)) * part.share)
		}
	}
	var list []ProfileTotal
	for name, t := range sums {
		list = append(list, ProfileTotal{name, t})
	}
	slices.SortFunc(list, func(a, b ProfileTotal) int { return cmp.Or(cmp.Compare(b.Time, a.Time), cmp.Compare(a.Name, b.Name)) })
	return list
}

// timer adds up the times of the instructions of blocks.
type timer struct {
	code   *Code
	blocks [][]timed
	clock  time.Duration // what a measurement takes
}

// timed is what an instruction of a block took, in all calls.
type timed struct {
	executor Executor
	count    int64
	time     time.Duration
}

func newTimer(c *Code) *timer {
	t := &timer{code: c, blocks: make([][]timed, len(c.Blocks)), clock: time.Hour}
	for k := range c.Blocks {
		t.blocks[k] = make([]timed, len(c.Blocks[k].Instrs))
	}
	for range 100 {
		t.clock = min(t.clock, time.Since(time.Now()))
	}
	return t
}

// run is executor.run with a measurement.
func (t *timer) run(f *frame, i int, e executor) error {
	if f.number == entryBlock {
		return e.run(f)
	}
	start := time.Now()
	err := e.run(f)
	x := &t.blocks[f.number][i]
	x.time += max(0, time.Since(start)-t.clock)
	x.executor, x.count = e.kind(), x.count+1
	return err
}

// rows returns the rows of all blocks that ran, given those of the entry. The time of a block is cut to that of the calls that run it, each of which it shares
// with the call's other blocks.
func (t *timer) rows(entry []ProfileRow) (rows []ProfileRow) {
	total := make([]time.Duration, len(t.blocks))
	for k := range t.blocks {
		for _, x := range t.blocks[k] {
			total[k] += x.time
		}
	}
	allowed := make([]time.Duration, len(t.blocks))
	allow := func(in *Instr, d time.Duration) {
		if in.Call == nil {
			return
		}
		list := slices.Compact(slices.Sorted(slices.Values(in.Call.callees())))
		all := time.Duration(0)
		for _, k := range list {
			all += total[k]
		}
		for _, k := range list {
			if all > 0 {
				allowed[k] += time.Duration(float64(d) * float64(total[k]) / float64(all))
			}
		}
	}
	for i := range entry {
		allow(&t.code.Instrs[i], entry[i].Time)
	}
	for k := len(t.blocks) - 1; k >= 0; k-- {
		scale := 1.0
		if total[k] > allowed[k] {
			scale = float64(allowed[k]) / float64(total[k])
		}
		for i, x := range t.blocks[k] {
			if x.count == 0 {
				continue
			}
			row := t.code.profileRow(k, i, x.executor, x.count, time.Duration(float64(x.time)*scale))
			rows = append(rows, row)
			allow(&t.code.Blocks[k].Instrs[i], row.Time)
		}
	}
	slices.SortStableFunc(rows, func(a, b ProfileRow) int { return cmp.Compare(a.Block, b.Block) })
	return rows
}

// overwrites reports whether a result lies in an operand's place.
func overwrites(in *Instr) bool {
	for _, o := range in.Out {
		for _, a := range in.In {
			if a.Space == o.Space && a.Offset < o.Offset+bytesOf(o.Type) && o.Offset < a.Offset+bytesOf(a.Type) {
				return true
			}
		}
	}
	return false
}

// cost counts an instruction's bytes and flops, those of blocks that it calls not among them.
func cost(in *Instr) (bytes, flops int64) {
	for _, list := range [][]Operand{in.In, in.Out} {
		for _, o := range list {
			bytes += bytesOf(o.Type)
		}
	}
	bytes += in.op().bytes(in)
	if in.Call == nil {
		in.op().parts(in, nil, func(_ int, n int64) { flops = plus(flops, n) })
	}
	return bytes, flops
}

// Roofline returns the share of the attainable speed that a row reaches on a processor with the given peak of
// flops and of bytes per second: the time that the slower of the two alone would take, over the row's.
// Source: Williams, Waterman & Patterson, Roofline, CACM 52 (2009).
func (r *ProfileRow) Roofline(flopsPerSecond, bytesPerSecond float64) float64 {
	if r.Time <= 0 {
		return 0
	}
	least := max(float64(r.Flops)/flopsPerSecond, float64(r.Bytes)/bytesPerSecond)
	return least / r.Time.Seconds()
}

// String returns the profile as a table, the most expensive instruction first. 2:5 is instruction 5 of block 2, whose time is within that of the calls of the block.
func (p *Profile) String() string {
	if p == nil {
		return "no profile"
	}
	rows := slices.Clone(p.Rows)
	slices.SortStableFunc(rows, func(a, b ProfileRow) int { return int(b.Time - a.Time) })
	var b strings.Builder
	fmt.Fprintf(&b, "%d runs, %v a run\n%5s %9s %6s %9s %9s %9s  %s\n", p.Runs, p.Total, "instr", "time", "share", "GB/s", "Gflop/s", "executor", "what")
	for _, r := range rows {
		s := max(r.Time.Seconds(), 1e-9)
		what := r.Op.String()
		switch {
		case r.Kernel != "":
			what = r.Kernel
		case r.Call != "":
			what = r.Call
		}
		instr := fmt.Sprint(r.Instr)
		if r.Block != entryBlock {
			instr = fmt.Sprintf("%d:%d", r.Block, r.Instr)
		}
		fmt.Fprintf(&b, "%5s %9v %5.1f%% %9.2f %9.2f %9s  %s %s\n", instr, r.Time, 100*float64(r.Time)/float64(max(1, p.Total)),
			float64(r.Bytes)/s/1e9, float64(r.Flops)/s/1e9, r.Executor, what, r.Where)
	}
	return b.String()
}
