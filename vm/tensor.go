//go:build !notensor

package vm

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"unsafe"

	// tensor's init panics on current Go with the version of this module that it asks for itself.
	_ "go4.org/unsafe/assume-no-moving-gc"
	"gorgonia.org/tensor"

	"github.com/adjoint-go/adjoint/internal/dtype"
)

// shownOutputs are the tensors that Run returns.
type shownOutputs = []*tensor.Dense

// Run is Call that returns the outputs as tensors, which share the machine's memory: the next run overwrites them (Clone to keep).
func (m *Machine) Run(args ...any) ([]*tensor.Dense, error) {
	return m.RunContext(context.Background(), args...)
}

// RunContext is Run that stops with the context's error soon after it is cancelled (see StepContext).
func (m *Machine) RunContext(ctx context.Context, args ...any) (out []*tensor.Dense, err error) {
	if err := m.unusable(); err != nil {
		return nil, err
	}
	for i := range m.p.code.Outputs {
		if t := m.p.code.Outputs[i].Type; t.Size() == 0 {
			return nil, fmt.Errorf("run: output %d is %s, and no *tensor.Dense has no elements: use Call", i, typeText(t))
		}
	}
	err = m.runWith(ctx, args, func() { out = m.showOutputs() })
	return out, err
}

// showOutputs returns the tensors that show the outputs, which are made in the first run.
func (m *Machine) showOutputs() []*tensor.Dense {
	if m.outputs == nil {
		m.outputs = make([]*tensor.Dense, len(m.p.code.Outputs))
		for i := range m.outputs {
			m.outputs[i] = m.outputTensor(i)
		}
	}
	for i, t := range m.outputs {
		if t.Shape().IsScalar() {
			// A scalar tensor has its own copy of the value.
			m.refreshScalar(i, t)
		}
	}
	return m.outputs
}

var tensorTypes = map[dtype.DType]tensor.Dtype{
	dtype.Float64: tensor.Float64, dtype.Float32: tensor.Float32,
	dtype.Int64: tensor.Int64, dtype.Int32: tensor.Int32, dtype.Bool: tensor.Bool,
}

// setTensors sets the inputs if v is a map of tensors.
func (m *Machine) setTensors(v any) (known bool, err error) {
	named, ok := v.(map[string]*tensor.Dense)
	if !ok {
		return false, nil
	}
	return true, setNamed(m, named)
}

// setTensor binds a tensor to input i, if v is one: in place if it is contiguous and row-major, else copied.
func (m *Machine) setTensor(i int, v any) (known bool, err error) {
	t, ok := v.(*tensor.Dense)
	if !ok {
		return false, nil
	}
	s := &m.p.code.Inputs[i]
	if t == nil {
		return true, fmt.Errorf("run: input %q is %s: got a nil tensor", s.Name, typeText(s.Type))
	}
	if t.Dtype().Type == nil {
		return true, fmt.Errorf("run: input %q is %s: got an empty tensor", s.Name, typeText(s.Type))
	}
	if t.Dtype() != tensorTypes[s.DType] || !sameShape(t.Shape(), s.Shape) {
		return true, fmt.Errorf("run: input %q is %s: got a tensor of %v with shape %v", s.Name, typeText(s.Type), t.Dtype(), []int(t.Shape()))
	}
	if rowMajor(t, s.Type) {
		err = m.setMemory(i, dataPointer(t, s.DType), t)
	} else {
		err = m.copyStrided(i, t)
	}
	if err != nil {
		err = fmt.Errorf("run: %w", err)
	}
	return true, err
}

// ofTensor returns v as an array, if it is a tensor.
func ofTensor(v any) (a Array, known bool, err error) {
	t, ok := v.(*tensor.Dense)
	if !ok {
		return Array{}, false, nil
	}
	if t == nil || t.Dtype().Type == nil {
		return Array{}, true, errors.New("got a nil or empty tensor")
	}
	for d, of := range tensorTypes {
		if of != t.Dtype() {
			continue
		}
		typ := Type{DType: d, Shape: t.Shape()}
		if t.Shape().IsScalar() {
			typ.Shape = nil
		}
		p := dataPointer(t, d)
		if !rowMajor(t, typ) {
			strides, err := stridesIn(t, typ)
			if err != nil {
				return Array{}, true, fmt.Errorf("got %w", err)
			}
			copied := unsafe.Pointer(unsafe.SliceData(alignedBytes(bytesOf(typ))))
			in := loopInput{size: d.Size(), walk: newStrided(typ.Shape, strides)}
			in.copy(copied, p, 0, typ.Size())
			runtime.KeepAlive(t)
			p = copied
		}
		return arrayAt(p, typ), true, nil
	}
	return Array{}, true, fmt.Errorf("got a tensor of %v", t.Dtype())
}

// dataPointer returns the address of the tensor's first element. The typed accessors do not allocate.
func dataPointer(t *tensor.Dense, d dtype.DType) unsafe.Pointer {
	switch d {
	case dtype.Float64:
		return unsafe.Pointer(unsafe.SliceData(t.Float64s()))
	case dtype.Float32:
		return unsafe.Pointer(unsafe.SliceData(t.Float32s()))
	case dtype.Int64:
		return unsafe.Pointer(unsafe.SliceData(t.Int64s()))
	case dtype.Int32:
		return unsafe.Pointer(unsafe.SliceData(t.Int32s()))
	}
	return unsafe.Pointer(unsafe.SliceData(t.Bools()))
}

func sameShape(a tensor.Shape, b []int) bool {
	if a.IsScalar() && len(b) == 0 {
		return true
	}
	return slices.Equal([]int(a), b)
}

// rowMajor reports whether a tensor of the type lies in row-major order: views and transposes do not, and column-major tensors say so themselves.
func rowMajor(t *tensor.Dense, typ Type) bool {
	return !t.RequiresIterator() && !t.DataOrder().IsColMajor() && int64(t.MemSize()) == bytesOf(typ)
}

// stridesIn returns the strides of a tensor of the type in elements, or an error if they lead out of its memory.
func stridesIn(t *tensor.Dense, typ Type) ([]int, error) {
	// The first element of a view is where its pointer points; strides count elements.
	strides, room := t.Strides(), int64(t.MemSize())
	wrong := func(what string) error {
		return fmt.Errorf("a view of shape %v with strides %v %s: clone it first", []int(t.Shape()), strides, what)
	}
	if len(strides) != len(typ.Shape) {
		return nil, wrong("cannot be read")
	}
	lo, hi := 0, 0
	for d, k := range typ.Shape {
		if k > 1 && (strides[d] > int(room)/(k-1) || strides[d] < -int(room)/(k-1)) {
			return nil, wrong("leaves its memory")
		}
		lo, hi = lo+min(0, (k-1)*strides[d]), hi+max(0, (k-1)*strides[d])
	}
	if lo < 0 || int64(hi+1)*int64(typ.DType.Size()) > room {
		return nil, wrong("leaves its memory")
	}
	return strides, nil
}

// copyStrided copies the elements of a tensor that is not row-major to the machine's memory of input i.
func (m *Machine) copyStrided(i int, t *tensor.Dense) error {
	s := &m.p.code.Inputs[i]
	size, n, room := s.DType.Size(), bytesOf(s.Type), int64(t.MemSize())
	strides, err := stridesIn(t, s.Type)
	if err != nil {
		return fmt.Errorf("input %q: %w", s.Name, err)
	}
	to, err := m.inputMemory(i)
	if err != nil {
		return err
	}
	src := dataPointer(t, s.DType)
	if uintptr(src) < uintptr(to)+uintptr(n) && uintptr(to) < uintptr(src)+uintptr(room) {
		// A view of the memory that it is copied to.
		if err := m.reserve(room); err != nil {
			return err
		}
		before := alignedBytes(room)
		copy(before, unsafe.Slice((*byte)(src), room))
		src = unsafe.Pointer(&before[0])
		defer func() { _ = m.reserve(-room) }()
	}
	in := loopInput{size: size, walk: newStrided(s.Shape, strides)}
	in.copy(to, src, 0, s.Size())
	runtime.KeepAlive(t)
	return nil
}

// outputTensor makes the tensor that shows output i.
func (m *Machine) outputTensor(i int) *tensor.Dense {
	s := &m.p.code.Outputs[i]
	a := arrayAt(unsafe.Add(m.entry.base, s.Offset), s.Type)
	if len(s.Shape) == 0 {
		return tensor.New(tensor.FromScalar(reflect.ValueOf(a.Data).Index(0).Interface()))
	}
	return tensor.New(tensor.WithShape(s.Shape...), tensor.WithBacking(a.Data))
}

// refreshScalar copies scalar output i into its tensor.
func (m *Machine) refreshScalar(i int, t *tensor.Dense) {
	s := &m.p.code.Outputs[i]
	size := int64(s.DType.Size())
	copy(unsafe.Slice((*byte)(dataPointer(t, s.DType)), size), unsafe.Slice((*byte)(unsafe.Add(m.entry.base, s.Offset)), size))
}
