package vm

import (
	"fmt"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/native"
	"github.com/adjoint-go/adjoint/internal/pool"
	"github.com/adjoint-go/adjoint/internal/sysmem"
)

// defaultLimit is the memory that a machine may have without WithMemoryLimit.
func defaultLimit() int64 {
	n := sysmem.Total()
	if n <= 0 {
		n = maxBytes
	}
	return n
}

// needs is the memory that a program's executors take.
type needs struct {
	own     int64 // of executors, each its own
	scratch int64 // of kernels: the most
	worker  int64 // of a goroutine: the most
	workers int   // goroutines
	code    int64 // machine code, that of blocks which are called not counted
	runs    int64 // of runs of machine code, each executor its own
	making  int64 // while machine code is made: the most
	kept    int64 // what kernels keep of constants
	zeros   int64 // a row of zeros: the longest
	// blocks is what the blocks before take, each for one frame.
	blocks []needs
}

// addFrame counts a frame of the block with the number. Its machine code is that of all frames.
func (n *needs) addFrame(number int) {
	b := &n.blocks[number]
	n.add(b.own)
	n.scratch, n.worker, n.workers = max(n.scratch, b.scratch), max(n.worker, b.worker), max(n.workers, b.workers)
	n.zeros = max(n.zeros, b.zeros)
	n.making = max(n.making, b.making)
	n.addRuns(b.runs)
	n.kept = min(n.kept+b.kept, maxTotal)
}

// addBlock counts what a frame of a block takes, whose executors are given.
func (n *needs) addBlock(b *Block, exec []executor) {
	n.add(int64(unsafe.Sizeof(frame{})), int64(len(b.Instrs))*instrBytes, int64(len(b.Inputs)+len(b.Outputs))*slotBytes)
	if bigEndian {
		n.add(heapBytes(int64(len(b.Const))))
	}
	for i, e := range exec {
		n.add(int64(len(b.Instrs[i].In)+len(b.Instrs[i].Out)) * operandBytes)
		e.need(n)
	}
}

// add counts memory of an executor's own. Sums stay far below overflow.
func (n *needs) add(bytes ...int64) {
	for _, b := range bytes {
		n.own = min(n.own+min(b, maxTotal), maxTotal)
	}
}

// heapBytes returns what n bytes at a multiple of 64 take on the heap, whose sizes come in steps.
func heapBytes(n int64) int64 { return n + 64 + min(n/8+64, 16<<10) }

// addCode counts machine code, and what making it takes.
func (n *needs) addCode(code, making int64) {
	n.code, n.making = min(n.code+code, maxTotal), max(n.making, min(making, maxTotal))
}

// addAlone counts what so many machines take that each run a call (see needsAlone).
func (n *needs) addAlone(call needs, machines int64) {
	n.add(call.own * machines)
	n.addRuns(call.runs * machines)
	n.addCode(call.code, call.making)
}

// addRuns counts memory that an executor's machine code takes when it runs.
func (n *needs) addRuns(bytes int64) { n.runs = min(n.runs+bytes, maxTotal) }

// maxTotal stands for more than any machine has.
const maxTotal = 1 << 60

// instrBytes and inputBytes bound what the machine itself keeps for each instruction, and for each input and output.
const (
	machineBytes = 2 << 10
	instrBytes   = 32
	operandBytes = 32
	slotBytes    = 256
)

// planBlock finds what a frame of block k takes, after those that it calls.
func (m *Machine) planBlock(blocks []needs, k int) {
	b, n := &m.p.code.Blocks[k], needs{workers: 1, blocks: blocks[:k]}
	n.addBlock(b, newFrame(m, b, k).exec)
	n.blocks = nil
	blocks[k] = n
}

// plan finds the memory that the machine takes and whether it may make machine code.
func (m *Machine) plan() {
	c := &m.p.code
	blocks := make([]needs, len(c.Blocks))
	for k := range blocks {
		m.planBlock(blocks, k)
	}
	n := needs{workers: 1, blocks: blocks}
	n.add(machineBytes)
	n.addBlock(&c.Block, m.entry.exec)
	n.blocks = nil
	for k := range blocks {
		n.addCode(blocks[k].code, 0)
	}
	n.add(heapBytes(c.ArenaBytes), heapBytes(n.scratch), heapBytes(n.zeros), (heapBytes(n.worker)+int64(pool.ShareBytes))*int64(n.workers))
	m.needs, m.taken = n, n.own
	if ok, _ := native.Available(); !ok {
		m.noNative = true
	}
	if !m.noNative {
		if with := min(n.code+n.runs+n.making, maxTotal) + m.taken; with <= m.limit {
			m.taken = with
		} else {
			m.noNative = true
		}
	}
	if with := m.taken + n.kept; with <= m.limit {
		m.taken = with
	} else {
		m.noKept = true
	}
	if m.workLimit > 0 {
		if work := m.p.Work(); !(work <= m.workLimit) {
			m.err = fmt.Errorf("%w: a run may take %.3g operations of %.3g", ErrWorkLimit, work, m.workLimit)
		}
	}
	if m.taken > m.limit {
		m.err = fmt.Errorf("%w: the program needs %d bytes of %d", ErrMemoryLimit, m.taken, m.limit)
	}
}

// allocateScratch makes the memory that executors share.
func (m *Machine) allocateScratch() {
	m.scratch, m.zeros = m.touched(alignedBytes(m.needs.scratch)), m.touched(alignedBytes(m.needs.zeros))
	m.workers = make([][]byte, m.needs.workers)
	for i := range m.workers {
		m.workers[i] = m.touched(alignedBytes(m.needs.worker))
	}
}

// reserve counts bytes that the machine is about to take, or has given back.
func (m *Machine) reserve(bytes int64) error {
	if m.of != nil {
		m.of.parts.Lock()
		defer m.of.parts.Unlock()
		return m.of.reserve(bytes)
	}
	if bytes > m.limit-m.taken {
		return fmt.Errorf("%w: %d bytes more than the %d that the machine has, of %d", ErrMemoryLimit, bytes, m.taken, m.limit)
	}
	m.taken += bytes
	return nil
}

// MemoryBytes returns the most bytes that a machine with the options takes: the arena, constants included; the scratch of kernels and of each of its
// goroutines, buffers of loops among it; plans and tables of kernels; bookkeeping for each instruction; and, if there is room for them within the machine's
// limit, machine code and the tables while it is made, and what kernels keep of constants.
//
// Two things are not known before they are used; the machine counts them when it takes them (Machine.MemoryBytes) and refuses to go
// beyond its limit: its own copy of a large input that Run did not bind in place, because its view was asked for or its tensor is not
// contiguous; and the factors of sparse solves, whose number of entries depends on the data.
//
// Without options the number depends on the processors and on whether they can run machine code; with WithThreads and WithoutNative it does not. Go's
// heap takes up to twice as much before it collects garbage.
func (p *Program) MemoryBytes(opts ...Option) int64 { return newMachine(p, opts).taken }

// MemoryBytes returns the bytes that the machine has taken, with the bound of Program.MemoryBytes for what is still to come. Machine code
// that machines of one program share is counted in each.
func (m *Machine) MemoryBytes() int64 {
	if m == nil {
		return 0
	}
	return m.taken
}
