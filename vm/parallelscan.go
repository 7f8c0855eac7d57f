package vm

import (
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/native"
)

// What a Scan without carries must be for its steps to be run by several goroutines: for each so many steps that a share which is one step longer does not matter, as many
// operations in all as pay for the memory of the others, and a frame that stays in a cache.
const (
	stepsPerPart  = 4
	workOfParts   = 1 << 18
	parallelFrame = 8 << 20
)

// parallelScan runs a Scan whose steps do not depend on one another in parts, each with a frame of its own. Steps of a part follow one another on one goroutine, so that what
// one instruction of the body writes lies in that processor's cache when the next one reads it.
type parallelScan struct {
	in    *Instr
	parts []scanPart
	err   []error // by part
}

// scanPart is a part of the steps. Its machine shares nothing with the others' that a run writes.
type scanPart struct {
	*scanCall
	from int    // the first element
	f    *frame // of the part's machine, holds the frame of the call alone
}

// partsOf returns in how many parts a machine with so many goroutines runs a scan, 1 for one after another.
func partsOf(p *Program, in *Instr, threads int) int {
	s := in.Call.Scan
	if threads == 1 || s.Carries > 0 || s.Snapshots != nil || s.Counted || s.Length < stepsPerPart*threads {
		return 1
	}
	if bytes := p.code.FrameBytes(in.Call); bytes > parallelFrame || bytes*int64(threads) > 8*parallelFrame {
		return 1
	}
	work := 0.0
	for i := range p.code.Blocks[s.Body].Instrs {
		in := &p.code.Blocks[s.Body].Instrs[i]
		if in.Call != nil { // which may share its own steps
			return 1
		}
		work += in.op().work(in, nil)
	}
	if work*float64(s.Length) < workOfParts {
		return 1
	}
	return threads
}

func newParallelScan(p *Program, in *Instr, parts int) *parallelScan {
	x := &parallelScan{in: in, parts: make([]scanPart, parts), err: make([]error, parts)}
	for k := range x.parts {
		length := in.Call.Scan.Length
		from, to := int(int64(length)*int64(k)/int64(parts)), int(int64(length)*int64(k+1)/int64(parts))
		scan := *in.Call.Scan
		scan.Length = to - from
		call := &Instr{Op: OpCall, Call: &Call{Scan: &scan}, In: in.In, Out: make([]Operand, len(in.Out)), Nodes: in.Nodes}
		for k, o := range in.Out {
			call.Out[k] = Operand{Type: o.Type}
		}
		x.parts[k] = scanPart{scanCall: newScan(caller{p: p, in: call}, &scan), from: from}
		x.parts[k].key, x.parts[k].origin = in.Call.Scan, from
	}
	return x
}

// needOfPart is the memory of a part.
func (x *parallelScan) needOfPart() needs {
	n := needsAlone(x.parts[0].p, x.in, x.parts[0].scanCall)
	n.add(heapBytes(x.parts[0].p.code.FrameBytes(x.in.Call)))
	return n
}

func (x *parallelScan) need(n *needs) {
	n.addAlone(x.needOfPart(), int64(len(x.parts)))
	n.workers = max(n.workers, len(x.parts))
}

func (x *parallelScan) prepare(f *frame) {
	f.m.job.Prepare(len(x.parts))
	need := x.needOfPart()
	for k := range x.parts {
		p := &x.parts[k]
		m := f.m.alone(need)
		p.f = &frame{m: m, base: unsafe.Pointer(unsafe.SliceData(m.touched(alignedBytes(p.p.code.FrameBytes(x.in.Call)))))}
		p.prepare(p.f)
	}
}

func (x *parallelScan) bind(k int, at unsafe.Pointer) {
	s := x.in.Call.Scan
	for i := range x.parts {
		p, to := &x.parts[i], at
		switch out := k - len(x.in.In); {
		case out >= 0:
			to = unsafe.Add(to, int64(p.from)*p.callees[0].out[out].n)
		case k >= s.first()+s.Captured:
			to = unsafe.Add(to, int64(p.from)*p.callees[0].in[k-s.first()].n)
		}
		p.bind(k, to)
	}
}

func (x *parallelScan) compile(*frame) {
	for k := range x.parts {
		x.parts[k].compile(x.parts[k].f)
	}
}

func (x *parallelScan) watch(f *frame) (int, error) { return -1, x.run(f) }

func (x *parallelScan) run(f *frame) error {
	for k := range x.parts {
		x.parts[k].f.m.follow(f.m)
	}
	if f.m.timer != nil {
		for k := range x.parts {
			x.Do(0, k)
		}
	} else if err := f.m.job.Run(x, len(x.parts), len(x.parts), true); err != nil {
		return err
	}
	for k := range x.parts { // the error of the step that comes first
		if x.in.Call.Scan.Reverse {
			k = len(x.parts) - 1 - k
		}
		if err := x.err[k]; err != nil {
			return err
		}
	}
	return nil
}

// Do runs a part: it is a pool.Task.
func (x *parallelScan) Do(_, k int) {
	p := &x.parts[k]
	x.err[k] = p.run(p.f)
}

func (x *parallelScan) kind() Executor { return x.parts[0].kind() }

func (x *parallelScan) alone() *native.Straight { return nil }

func (x *parallelScan) listing() string { return x.parts[0].listing() }

func (x *parallelScan) codeBytes() int { return x.parts[0].codeBytes() }

func (x *parallelScan) types(*microError) string {
	return operandsText(x.in.In) + " → " + operandsText(x.in.Out)
}
