package vm

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// ProfileRow is what one instruction costs.
type ProfileRow struct {
	Instr    int
	Op       Opcode
	Kernel   string // of OpKernel
	Executor Executor
	Nodes    []NodeInfo    // the user's nodes that it computes, at most 16
	Where    string        // the first of them, with the user's file:line
	Time     time.Duration // median of the runs
	Bytes    int64         // operands and results, each counted once; without the temporaries of scalar code
	Flops    int64         // see Profile
}

// Profile is the cost of a program's instructions on a machine.
//
// Flops count one for each arithmetic operation, comparison and selection, two for a fused
// multiply-add, and 20 for a transcendental function (about the length of their polynomials); whole-tensor kernels count
// one for each element read, matrix products two for each term.
type Profile struct {
	Runs  int
	Total time.Duration // sum of the medians
	Rows  []ProfileRow
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
	m.setContext(ctx)
	defer m.forgetContext()
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
	p := &Profile{Runs: runs}
	executors := m.Executors()
	for i := range m.p.code.Instrs {
		in := &m.p.code.Instrs[i]
		slices.Sort(times[i])
		row := ProfileRow{Instr: i, Op: in.Op, Kernel: in.Kernel, Executor: executors[i], Time: times[i][runs/2]}
		row.Bytes, row.Flops = cost(in, m.p.code.flops())
		for _, n := range in.Nodes {
			if n >= 0 && len(row.Nodes) < 16 {
				if row.Where == "" {
					row.Where = m.p.code.Debug.Where(n)
				}
				row.Nodes = append(row.Nodes, m.p.code.Debug.Nodes[n])
			}
		}
		p.Total += row.Time
		p.Rows = append(p.Rows, row)
	}
	return p, nil
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

// cost counts an instruction's bytes and flops, given those of the blocks.
func cost(in *Instr, blocks []int64) (bytes, flops int64) {
	for _, list := range [][]Operand{in.In, in.Out} {
		for _, o := range list {
			bytes += bytesOf(o.Type)
		}
	}
	bytes += in.op().bytes(in)
	in.op().parts(in, blocks, func(_ int, n int64) { flops = plus(flops, n) })
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

// String returns the profile as a table, the most expensive instruction first.
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
		if r.Kernel != "" {
			what = r.Kernel
		}
		fmt.Fprintf(&b, "%5d %9v %5.1f%% %9.2f %9.2f %9s  %s %s\n", r.Instr, r.Time, 100*float64(r.Time)/float64(max(1, p.Total)),
			float64(r.Bytes)/s/1e9, float64(r.Flops)/s/1e9, r.Executor, what, r.Where)
	}
	return b.String()
}
