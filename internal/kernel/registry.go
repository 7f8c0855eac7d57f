// Package kernel holds whole-tensor kernels, which programs import by name.
package kernel

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/pool"
	"github.com/adjoint-go/adjoint/internal/shape"
)

// Type is the dtype and shape of a kernel's operand or result.
type Type struct {
	DType dtype.DType
	Shape []int
}

// Size returns the number of elements, 1 for a scalar.
func (t Type) Size() int { return shape.Size(t.Shape) }

// Tensor is a kernel's view of an operand or result: contiguous, row-major, with
// exactly the slice set that Type.DType names, of length Size().
type Tensor struct {
	Type
	F64  []float64
	F32  []float32
	I64  []int64
	I32  []int32
	Bool []bool
}

// Call is one invocation of a kernel. In a machine it is made once and its slices
// are bound again before a run when a buffer moved, so Run must not keep them.
type Call struct {
	In    []Tensor
	Out   []Tensor
	Attrs attr.List
	Work  []byte // scratch of Kernel.Workspace bytes, 64-byte aligned, not cleared
	State any    // what Kernel.Prepare returned
	Host  Host   // nil: no limits
	// Kept is memory of Kernel.KeptBytes bytes, 64-byte aligned, that holds what Kernel.Keep has put there.
	Kept []byte
	// Then is what follows on each part of the result, nil for nothing; it is set only for kernels with Finishes.
	Then Epilogue
	// Workers is scratch of Kernel.Each bytes, 64-byte aligned, not cleared, for each goroutine of Parallel.
	Workers [][]byte
	work    int // since Poll last asked
}

// Epilogue is elementwise work on a kernel's result that is done on each part as soon as it is complete, while it is in the cache.
type Epilogue interface {
	// Finish goes on with rows of cols elements each, row elements apart from at on, of the first result. They are final and may be overwritten: the kernel neither
	// reads nor writes them any more. It is called once for each element, by any goroutine of Call.Parallel with the number that it has there, by the
	// caller's with 0.
	Finish(worker, at, rows, cols, row int)
}

// Host is what runs a call.
type Host interface {
	// Reserve counts bytes that a call is about to allocate, or with a negative number has given up, as the host's; an error means that
	// it may not have them.
	Reserve(bytes int64) error
	// Cancelled reports whether the call is to end. It takes some ten nanoseconds, and any goroutine may ask.
	Cancelled() bool
	// Parallel runs the items of a task on up to so many goroutines, and returns when all are done. If the call is to end,
	// items are left out.
	Parallel(task pool.Task, items, workers int) error
}

// pollWork is the number of operations after which Poll asks: a tenth of a millisecond or so.
const pollWork = 1 << 17

// Cancelled is the panic with which Poll ends a call; the host recovers from it. Results then hold anything.
type Cancelled struct{}

// Poll is called between pieces of long work, with the number of operations of a piece. It ends the call if the host wants it to end.
func (c *Call) Poll(work int) {
	if c.work += work; c.work >= pollWork || work < 0 {
		c.poll()
	}
}

func (c *Call) poll() {
	c.work = 0
	if c.Host != nil && c.Host.Cancelled() {
		panic(Cancelled{})
	}
}

// Parallel runs the items of a task, each of a millisecond at most, on the goroutines that the call may use; its Do gets the number of one of
// Workers. It ends the call as Poll does. Who runs which item is left to chance: results must not depend on it.
func (c *Call) Parallel(task pool.Task, items int) {
	if items == 1 || len(c.Workers) <= 1 || c.Host == nil {
		for i := range items {
			if c.Host != nil && i > 0 && c.Host.Cancelled() {
				panic(Cancelled{})
			}
			task.Do(0, i)
		}
		return
	}
	if err := c.Host.Parallel(task, items, len(c.Workers)); err != nil {
		panic(err)
	}
	if c.Host.Cancelled() {
		panic(Cancelled{})
	}
}

// Reserve is for memory whose size depends on the data; what follows from the types belongs to Kernel.StateBytes. The call returns the error.
func (c *Call) Reserve(bytes int64) error {
	if c.Host == nil {
		return nil
	}
	return c.Host.Reserve(bytes)
}

// Kernel is a whole-tensor operation. Programs name it, so names are never reused
// with another meaning.
type Kernel struct {
	// Name is the operator's name (ONNX, NumPy or JAX).
	Name string
	// Doc gives operands, attributes and behaviour at the edges, for the bytecode reference.
	Doc string
	// Check validates operand types, result types and attributes completely: after a nil
	// error Run cannot read or write out of bounds. It must survive hostile input.
	Check func(in, out []Type, a attr.List) error
	// Workspace returns the bytes of scratch that Run needs; nil means none. Called after Check.
	Workspace func(in, out []Type, a attr.List) int
	// Each returns the bytes of scratch that each goroutine of Call.Parallel needs; nil means that the kernel runs on one goroutine. Called after Check.
	Each func(in, out []Type, a attr.List) int
	// Prepare returns state computed once per machine (decoded attributes, strides, plans); may be nil.
	// After the first Run, Run must not allocate, so what would be allocated belongs here. After a run that Poll has ended the state is
	// prepared again, or its method Reset called if it has one.
	Prepare func(in, out []Type, a attr.List) any
	// Share names the state that a call has: calls of one machine with the same name share it, since they run one after another. nil means that each has its own. Called after Check.
	Share func(in, out []Type, a attr.List) string
	// StateBytes bounds what Prepare allocates besides a few numbers for each dimension of each operand. Called after Check.
	StateBytes func(in, out []Type, a attr.List) int64
	// Keep makes, once per machine after Prepare, what helps runs from operands that are constants: constant tells which, and only those are bound. It is not
	// called where memory is short; KeptBytes is what it takes. Called after Check.
	Keep      func(c *Call, constant []bool)
	KeptBytes func(in, out []Type, a attr.List, constant []bool) int
	// Flushes tells that attribute flush, a Bool, lets a float kernel take subnormal numbers as 0.
	Flushes bool
	// FirstOnly tells that attribute first_only, a Bool, lets a call leave results behind the first unwritten: nobody reads them.
	FirstOnly bool
	// Finishes reports whether a call may have an epilogue: Run then calls Call.Then.Finish for the elements of the only result. nil means never. Called after Check.
	Finishes func(in, out []Type, a attr.List) bool
	// Work bounds the operations of a run, if they may be more than the elements of operands and results. Called after Check.
	Work func(in, out []Type, a attr.List) float64
	// Instead says, of a kernel that only copies elements, what does without the copy.
	Instead string
	// Plain tells that Run works element by element, without SIMD.
	Plain bool
	// Run computes Out from In. Errors are for data-dependent failures (singular matrix, index out of range);
	// the machine adds operator, shapes and the user's line.
	Run func(c *Call) error
	// InPlace lists the inputs whose buffer Out[0] may share (same size in bytes); usually nil.
	InPlace []int
}

// Operations returns a bound of the operations of a run; a transcendental function is one.
func (k *Kernel) Operations(in, out []Type, a attr.List) float64 {
	total := 1.0
	for _, list := range [2][]Type{in, out} {
		for _, t := range list {
			total += float64(t.Size())
		}
	}
	if k.Work != nil {
		total += k.Work(in, out, a)
	}
	return total
}

// timesElements is the Work of kernels that do so much for each element of the first result.
func timesElements(operations float64) func(in, out []Type, a attr.List) float64 {
	return func(in, out []Type, a attr.List) float64 {
		return operations * float64(max(in[0].Size(), out[0].Size()))
	}
}

// State returns a bound of what Prepare allocates, in bytes.
func (k *Kernel) State(in, out []Type, a attr.List) int64 {
	if k.Prepare == nil {
		return 0
	}
	total := int64(1 << 10)
	for _, list := range [2][]Type{in, out} {
		for _, t := range list {
			total += 256 + 128*int64(len(t.Shape))
		}
	}
	if k.StateBytes != nil {
		total += k.StateBytes(in, out, a)
	}
	return total
}

var (
	kernels      = map[string]*Kernel{}
	kernelsMutex sync.RWMutex
)

// Register adds a kernel of the system; missing fields or a second kernel of that name are bugs.
func Register(k *Kernel) {
	if err := RegisterUser(k); err != nil {
		panic(fmt.Sprintf("BUG: kernel %q %v", k.Name, err))
	}
}

// RegisterUser adds a kernel and reports missing fields or a second kernel of that name.
func RegisterUser(k *Kernel) error {
	if k.Name == "" || k.Doc == "" || k.Check == nil || k.Run == nil {
		return errors.New("registered without name, doc, check or run")
	}
	kernelsMutex.Lock()
	defer kernelsMutex.Unlock()
	if kernels[k.Name] != nil {
		return errors.New("registered twice")
	}
	kernels[k.Name] = k
	return nil
}

// Lookup returns the kernel with the given name, or nil.
func Lookup(name string) *Kernel {
	kernelsMutex.RLock()
	defer kernelsMutex.RUnlock()
	return kernels[name]
}

// Names returns the registered names in ascending order.
func Names() []string {
	kernelsMutex.RLock()
	defer kernelsMutex.RUnlock()
	return slices.Sorted(maps.Keys(kernels))
}
