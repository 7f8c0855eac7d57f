package vm

import (
	"fmt"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/kernel"
	"github.com/adjoint-go/adjoint/internal/native"
	"github.com/adjoint-go/adjoint/internal/pool"
)

// kernelCall runs OpKernel.
type kernelCall struct {
	b    *Block
	in   *Instr
	k    *kernel.Kernel
	call kernel.Call
	// threads is the number of goroutines that may work on it; 0 if the kernel does not use the scratch of goroutines.
	threads int
	wake    bool // goroutines that sleep, too
	m       *Machine
	task    pool.Task // that is running
}

// Reserve implements kernel.Host.
func (c *kernelCall) Reserve(bytes int64) error { return c.m.reserve(bytes) }

// Cancelled implements kernel.Host.
func (c *kernelCall) Cancelled() bool { return c.m.cancelled() }

// Parallel implements kernel.Host.
func (c *kernelCall) Parallel(task pool.Task, items, workers int) error {
	c.task = task
	err := c.m.job.Run(c, items, workers, c.wake)
	c.task = nil
	return err
}

// Do runs an item of the kernel's task: it is a pool.Task.
func (c *kernelCall) Do(worker, item int) {
	if !c.m.cancelled() {
		c.task.Do(worker, item)
	}
}

// Numbers of operations of a call from which goroutines that are awake help, and from which others are woken: some and some ten microseconds. An element
// that is read or written takes the time of some operations, which matters where there are few others.
const (
	parallelWork = 400e3
	wakeWork     = 8e6
	elementWork  = 8
)

func newKernelCall(b *Block, in *Instr, threads int) *kernelCall {
	c := &kernelCall{b: b, in: in, k: kernel.Lookup(in.Kernel)}
	if c.k.Each != nil {
		c.threads = 1
		work := c.k.Operations(operandTypes(in.In), operandTypes(in.Out), in.Attrs)
		for _, list := range [2][]Operand{in.In, in.Out} {
			for _, o := range list {
				work += (elementWork - 1) * float64(o.Type.Size())
			}
		}
		if work >= parallelWork {
			c.threads, c.wake = threads, work >= wakeWork
		}
	}
	return c
}

// each is the scratch of a goroutine.
func (c *kernelCall) each() int64 {
	if c.threads == 0 {
		return 0
	}
	return int64(c.k.Each(operandTypes(c.in.In), operandTypes(c.in.Out), c.in.Attrs))
}

func (c *kernelCall) workspace() int64 {
	if c.k.Workspace == nil {
		return 0
	}
	return int64(c.k.Workspace(operandTypes(c.in.In), operandTypes(c.in.Out), c.in.Attrs))
}

// constant returns which operands are constants, nil if none is.
func (c *kernelCall) constant() []bool {
	var list []bool
	for k, o := range c.in.In {
		if at, n := o.Offset-c.b.ConstOffset, bytesOf(o.Type); o.Space == 0 && n > 0 && at >= 0 && at+n <= int64(len(c.b.Const)) {
			if list == nil {
				list = make([]bool, len(c.in.In))
			}
			list[k] = true
		}
	}
	return list
}

// kept is the memory for what the kernel keeps of constants.
func (c *kernelCall) kept() int64 {
	constant := c.constant()
	if constant == nil || c.k.Keep == nil {
		return 0
	}
	return int64(c.k.KeptBytes(operandTypes(c.in.In), operandTypes(c.in.Out), c.in.Attrs, constant))
}

// makeState makes the kernel's state, and what it keeps of constants.
func (c *kernelCall) makeState() {
	if c.k.Prepare == nil {
		return
	}
	in, out := operandTypes(c.in.In), operandTypes(c.in.Out)
	if c.k.Share == nil {
		c.call.State = c.k.Prepare(in, out, c.in.Attrs)
	} else {
		name := c.k.Name + " " + c.k.Share(in, out, c.in.Attrs)
		if c.m.states[name] == nil {
			if c.m.states == nil {
				c.m.states = map[string]any{}
			}
			c.m.states[name] = c.k.Prepare(in, out, c.in.Attrs)
		}
		c.call.State = c.m.states[name]
	}
	if c.call.Kept != nil {
		c.k.Keep(&c.call, c.constant())
	}
}

func (c *kernelCall) need(n *needs) {
	operands := int64(len(c.in.In) + len(c.in.Out))
	n.add(int64(unsafe.Sizeof(*c))+operands*int64(unsafe.Sizeof(kernel.Tensor{})), heapBytes(c.k.State(operandTypes(c.in.In), operandTypes(c.in.Out), c.in.Attrs)))
	n.scratch = max(n.scratch, c.workspace())
	n.workers = max(n.workers, c.threads)
	n.worker = max(n.worker, c.each())
	n.add(int64(c.threads) * int64(unsafe.Sizeof([]byte(nil))))
	if kept := c.kept(); kept > 0 {
		n.kept = min(n.kept+heapBytes(kept), maxTotal)
	}
}

func (c *kernelCall) prepare(f *frame) {
	c.m = f.m
	inT, outT := operandTypes(c.in.In), operandTypes(c.in.Out)
	c.call = kernel.Call{In: make([]kernel.Tensor, len(inT)), Out: make([]kernel.Tensor, len(outT)), Attrs: c.in.Attrs, Host: c}
	for i, t := range inT {
		c.call.In[i].Type = t
	}
	for i, t := range outT {
		c.call.Out[i].Type = t
	}
	if kept := c.kept(); kept > 0 && !f.m.noKept {
		c.call.Kept = alignedBytes(kept)
		for k, constant := range c.constant() {
			if constant {
				bindTensor(&c.call.In[k], unsafe.Pointer(&f.consts[c.in.In[k].Offset-c.b.ConstOffset]))
			}
		}
	}
	c.makeState()
	n := c.workspace()
	c.call.Work = f.m.scratch[:n:n]
	if c.threads > 0 {
		each := c.each()
		c.call.Workers = make([][]byte, c.threads)
		for i := range c.call.Workers {
			c.call.Workers[i] = f.m.workers[i][:each:each]
		}
		if c.threads > 1 {
			f.m.job.Prepare(c.threads)
		}
	}
}

func (c *kernelCall) compile(*frame) {}

func (c *kernelCall) kind() Executor { return ExecutorKernel }

func (c *kernelCall) listing() string { return "" }

func (c *kernelCall) alone() *native.Straight { return nil }

func (c *kernelCall) codeBytes() int { return 0 }

func (c *kernelCall) types(*microError) string {
	return operandsText(c.in.In) + " → " + operandsText(c.in.Out)
}

func (c *kernelCall) watch(f *frame) (int, error) {
	old := f.anyNaN(c.in.In) // the result may overwrite an operand
	if err := c.run(f); err != nil {
		return -1, err
	}
	if !old && f.anyNaN(c.in.Out) {
		return 0, nil
	}
	return -1, nil
}

func (c *kernelCall) bind(k int, p unsafe.Pointer) {
	t := &c.call.In
	if n := len(c.in.In); k >= n {
		t, k = &c.call.Out, k-n
	}
	bindTensor(&(*t)[k], p)
}

func bindTensor(t *kernel.Tensor, p unsafe.Pointer) {
	n := t.Size()
	switch t.DType {
	case dtype.Float64:
		t.F64 = unsafe.Slice((*float64)(p), n)
	case dtype.Float32:
		t.F32 = unsafe.Slice((*float32)(p), n)
	case dtype.Int64:
		t.I64 = unsafe.Slice((*int64)(p), n)
	case dtype.Int32:
		t.I32 = unsafe.Slice((*int32)(p), n)
	case dtype.Bool:
		t.Bool = unsafe.Slice((*bool)(p), n)
	}
}

// again makes the kernel's state as it was before its first run, since a run has ended in the middle.
func (c *kernelCall) again() {
	if r, ok := c.call.State.(interface{ Reset() }); ok {
		r.Reset()
	} else {
		c.makeState()
	}
}

// run turns a kernel's panic into an error: a bug in a kernel does not end the user's process.
func (c *kernelCall) run(f *frame) (err error) {
	defer func() {
		switch r := recover(); r {
		case nil:
		case kernel.Cancelled{}:
			c.again()
			err = f.m.ctx.Err()
		default:
			c.again()
			err = fmt.Errorf("internal error in kernel %s: %v", c.k.Name, r)
		}
	}()
	return c.k.Run(&c.call)
}
