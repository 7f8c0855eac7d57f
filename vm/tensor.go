package vm

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sort"
	"strings"
	"unsafe"

	// tensor's init panics on current Go with the version of this module that it asks for itself.
	_ "go4.org/unsafe/assume-no-moving-gc"
	"gorgonia.org/tensor"

	"github.com/adjoint-go/adjoint/internal/dtype"
)

// Run sets the inputs, runs the program and returns the outputs in order.
//
// The arguments are either one map from input names to values (map[string]any, map[string]float64 or
// map[string]*tensor.Dense) or the values of all inputs in the order of Program.Inputs. A value is a
// *tensor.Dense of the input's dtype and shape, or for a scalar input the Go value of its dtype. Inputs that
// have a view, or that an earlier run set, may be left out of a map and keep their value; unused inputs may always be left out.
//
// A contiguous row-major tensor is read in place and must not be modified during the run; others are
// copied, as are tensors that this machine returned. The returned tensors share the machine's memory: the next run overwrites them
// (Clone to keep).
func (m *Machine) Run(args ...any) ([]*tensor.Dense, error) {
	return m.RunContext(context.Background(), args...)
}

// RunContext is Run that stops with the context's error soon after it is cancelled (see StepContext).
func (m *Machine) RunContext(ctx context.Context, args ...any) ([]*tensor.Dense, error) {
	if err := m.unusable(); err != nil {
		return nil, err
	}
	if !m.enter() {
		return nil, errBusy
	}
	defer m.leave()
	if err := m.setInputs(args); err != nil {
		return nil, err
	}
	if err := m.step(ctx); err != nil {
		return nil, err
	}
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
	return m.outputs, nil
}

func (m *Machine) setInputs(args []any) error {
	if len(args) == 1 {
		switch named := args[0].(type) {
		case map[string]any:
			return setNamed(m, named)
		case map[string]float64:
			return setNamed(m, named)
		case map[string]*tensor.Dense:
			return setNamed(m, named)
		}
	}
	if len(args) == 0 && !slices.Contains(m.set, false) {
		return nil
	}
	if len(args) != len(m.p.code.Inputs) {
		return fmt.Errorf("run: %d values for %d inputs (%s)", len(args), len(m.p.code.Inputs), slotNames(m.p.code.Inputs))
	}
	for i, v := range args {
		if err := m.setInput(i, v); err != nil {
			return err
		}
	}
	return nil
}

// slotNames lists the names of slots, the first few if there are many.
func slotNames(list []Slot) string {
	var names []string
	for i := range list {
		if len(names) == 8 {
			names = append(names, "…")
			break
		}
		if name := list[i].Name; name != "" {
			names = append(append(names, name), list[i].Also...)
		}
	}
	if names == nil {
		return "none"
	}
	return strings.Join(names, ", ")
}

func setNamed[V any](m *Machine, named map[string]V) error {
	found := 0
	for i := range m.p.code.Inputs {
		s, as := &m.p.code.Inputs[i], ""
		for k := range 1 + len(s.Also) {
			name := s.Name
			if k > 0 {
				name = s.Also[k-1]
			}
			v, ok := named[name]
			if !ok {
				continue
			}
			if as != "" {
				return fmt.Errorf("run: input %q has two values: it is %q too", as, name)
			}
			found, as = found+1, name
			if err := m.setInput(i, v); err != nil {
				return err
			}
		}
	}
	if found < len(named) {
		var unknown []string
		for name := range named {
			if m.inputIndex(name) < 0 {
				unknown = append(unknown, name)
			}
		}
		sort.Strings(unknown)
		return fmt.Errorf("run: no input is named %q (inputs: %s)", unknown[0], slotNames(m.p.code.Inputs))
	}
	return nil
}

func (m *Machine) setInput(i int, v any) error {
	s := &m.p.code.Inputs[i]
	wrong := func(what string) error {
		return fmt.Errorf("run: input %q is %s: got %s", s.Name, typeText(s.Type), what)
	}
	if t, ok := v.(*tensor.Dense); ok {
		if t == nil {
			return wrong("a nil tensor")
		}
		return m.setTensor(i, t)
	}
	if len(s.Shape) != 0 {
		return wrong(fmt.Sprintf("%T, not a *tensor.Dense", v))
	}
	var ok bool
	var err error
	switch x := v.(type) {
	case float64:
		ok, err = setScalar(m, i, dtype.Float64, x)
	case float32:
		ok, err = setScalar(m, i, dtype.Float32, x)
	case int64:
		ok, err = setScalar(m, i, dtype.Int64, x)
	case int32:
		ok, err = setScalar(m, i, dtype.Int32, x)
	case bool:
		ok, err = setScalar(m, i, dtype.Bool, x)
	}
	switch {
	case err != nil:
		return fmt.Errorf("run: %w", err)
	case !ok:
		return wrong(fmt.Sprintf("a value of type %T", v))
	}
	return nil
}

func setScalar[T any](m *Machine, i int, d dtype.DType, v T) (ok bool, err error) {
	if m.p.code.Inputs[i].DType != d {
		return false, nil
	}
	p, err := m.inputMemory(i)
	if err == nil {
		*(*T)(p) = v
	}
	return true, err
}

var tensorTypes = map[dtype.DType]tensor.Dtype{
	dtype.Float64: tensor.Float64, dtype.Float32: tensor.Float32,
	dtype.Int64: tensor.Int64, dtype.Int32: tensor.Int32, dtype.Bool: tensor.Bool,
}

// setTensor binds a tensor to input i: in place if it is contiguous and row-major, else copied.
func (m *Machine) setTensor(i int, t *tensor.Dense) error {
	s := &m.p.code.Inputs[i]
	if t.Dtype().Type == nil {
		return fmt.Errorf("run: input %q is %s: got an empty tensor", s.Name, typeText(s.Type))
	}
	if t.Dtype() != tensorTypes[s.DType] || !sameShape(t.Shape(), s.Shape) {
		return fmt.Errorf("run: input %q is %s: got a tensor of %v with shape %v", s.Name, typeText(s.Type), t.Dtype(), []int(t.Shape()))
	}
	// Views and transposes do not lie in row-major order, and column-major tensors say so themselves.
	if t.RequiresIterator() || t.DataOrder().IsColMajor() || int64(t.MemSize()) != bytesOf(s.Type) {
		if err := m.copyStrided(i, t); err != nil {
			return fmt.Errorf("run: %w", err)
		}
		return nil
	}
	p := dataPointer(t, s.DType)
	// What a run of this machine returned lies in the arena, which the next run writes while it reads its inputs.
	if at := uintptr(p); s.Space == 0 || at >= uintptr(m.entry.base) && at < uintptr(m.entry.base)+uintptr(m.p.code.ArenaBytes) {
		to, err := m.inputMemory(i)
		if err != nil {
			return fmt.Errorf("run: %w", err)
		}
		copy(unsafe.Slice((*byte)(to), bytesOf(s.Type)), unsafe.Slice((*byte)(p), bytesOf(s.Type)))
		return nil
	}
	if uintptr(p)%uintptr(s.DType.Size()) != 0 {
		return fmt.Errorf("run: input %q: the tensor's memory is not aligned", s.Name)
	}
	m.bind(i, p, t)
	return nil
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

// copyStrided copies the elements of a tensor that is not row-major to the machine's memory of input i.
func (m *Machine) copyStrided(i int, t *tensor.Dense) error {
	s := &m.p.code.Inputs[i]
	size, n, room := s.DType.Size(), bytesOf(s.Type), int64(t.MemSize())
	// The first element of a view is where its pointer points; strides count elements.
	strides := t.Strides()
	wrong := func(what string) error {
		return fmt.Errorf("input %q: a view of shape %v with strides %v %s: clone it first", s.Name, []int(t.Shape()), strides, what)
	}
	if len(strides) != len(s.Shape) {
		return wrong("cannot be read")
	}
	lo, hi := 0, 0
	for d, k := range s.Shape {
		if k > 1 && (strides[d] > int(room)/(k-1) || strides[d] < -int(room)/(k-1)) {
			return wrong("leaves its memory")
		}
		lo, hi = lo+min(0, (k-1)*strides[d]), hi+max(0, (k-1)*strides[d])
	}
	if lo < 0 || int64(hi+1)*int64(size) > room {
		return wrong("leaves its memory")
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
	p := unsafe.Add(m.entry.base, s.Offset)
	n := s.Size()
	var backing any
	switch s.DType {
	case dtype.Float64:
		backing = unsafe.Slice((*float64)(p), n)
	case dtype.Float32:
		backing = unsafe.Slice((*float32)(p), n)
	case dtype.Int64:
		backing = unsafe.Slice((*int64)(p), n)
	case dtype.Int32:
		backing = unsafe.Slice((*int32)(p), n)
	default:
		backing = unsafe.Slice((*bool)(p), n)
	}
	if len(s.Shape) == 0 {
		switch b := backing.(type) {
		case []float64:
			backing = b[0]
		case []float32:
			backing = b[0]
		case []int64:
			backing = b[0]
		case []int32:
			backing = b[0]
		case []bool:
			backing = b[0]
		}
		return tensor.New(tensor.FromScalar(backing))
	}
	return tensor.New(tensor.WithShape(s.Shape...), tensor.WithBacking(backing))
}

// refreshScalar copies scalar output i into its tensor.
func (m *Machine) refreshScalar(i int, t *tensor.Dense) {
	s := &m.p.code.Outputs[i]
	size := int64(s.DType.Size())
	copy(unsafe.Slice((*byte)(dataPointer(t, s.DType)), size), unsafe.Slice((*byte)(unsafe.Add(m.entry.base, s.Offset)), size))
}
