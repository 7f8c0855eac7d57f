package vm

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unsafe"

	"gonum.org/v1/gonum/mat"

	"github.com/adjoint-go/adjoint/internal/dtype"
)

// Call sets the inputs, runs the program and returns copies of the outputs in order.
//
// The arguments are either one map from input names to values (map[string]any, map[string]float64, map[string]Array or of tensors) or the values of all inputs in the order of
// Program.Inputs. A value is what ArrayOf takes or a *tensor.Dense, of the input's shape; a slice of numbers may be the elements, in row-major order, of an
// input of any shape. Tensors, arrays, and slices of int64 or bool have the input's dtype; int, float64 and what is made of them become the input's dtype, where whole
// numbers must be such that it holds them, and float64 is rounded to float32. Inputs that have a view, or that an earlier run set, may be left out of a map
// and keep their value; unused inputs may always be left out.
//
// A contiguous row-major tensor or slice of the input's dtype is read in place and must not be modified during the run; others are copied, and so is what lies in
// this machine's memory.
func (m *Machine) Call(args ...any) ([]Array, error) {
	return m.CallContext(context.Background(), args...)
}

// CallContext is Call that stops with the context's error soon after it is cancelled (see StepContext).
func (m *Machine) CallContext(ctx context.Context, args ...any) (out []Array, err error) {
	err = m.runWith(ctx, args, func() {
		out = make([]Array, len(m.p.code.Outputs))
		for i := range out {
			s := &m.p.code.Outputs[i]
			out[i] = arrayAt(unsafe.Add(m.entry.base, s.Offset), s.Type).Clone()
		}
	})
	return out, err
}

// runWith sets the inputs and runs, and has the outputs read before another run may begin.
func (m *Machine) runWith(ctx context.Context, args []any, read func()) error {
	if err := m.unusable(); err != nil {
		return err
	}
	if !m.enter() {
		return errBusy
	}
	defer m.leave()
	if err := m.setInputs(args); err != nil {
		return err
	}
	if err := m.step(ctx); err != nil {
		return err
	}
	read()
	return nil
}

// View returns the memory of the input or output with the given name, of any dtype, without copying, as Float64 does; an error says that there is none or why the machine cannot run.
func (m *Machine) View(name string) (Array, error) {
	if err := m.unusable(); err != nil {
		return Array{}, err
	}
	if i := m.inputIndex(name); i >= 0 {
		if !m.enter() {
			return Array{}, errBusy
		}
		defer m.leave()
		p, err := m.inputMemory(i)
		if err != nil {
			return Array{}, fmt.Errorf("run: the view of %w", err)
		}
		return arrayAt(p, m.p.code.Inputs[i].Type), nil
	}
	for i := range m.p.code.Outputs {
		if name != "" && m.p.code.Outputs[i].named(name) {
			return m.OutputView(i)
		}
	}
	return Array{}, noSuchName(m, name)
}

// OutputView returns the memory of output i, of any dtype, without copying: the next run overwrites it.
func (m *Machine) OutputView(i int) (Array, error) {
	if err := m.unusable(); err != nil {
		return Array{}, err
	}
	if i < 0 || i >= len(m.p.code.Outputs) {
		return Array{}, noSuchOutput(m, i)
	}
	s := &m.p.code.Outputs[i]
	return arrayAt(unsafe.Add(m.entry.base, s.Offset), s.Type), nil
}

func (m *Machine) setInputs(args []any) error {
	if len(args) == 1 {
		switch named := args[0].(type) {
		case map[string]any:
			return setNamed(m, named)
		case map[string]float64:
			return setNamed(m, named)
		case map[string]Array:
			return setNamed(m, named)
		}
		if known, err := m.setTensors(args[0]); known {
			return err
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
		return fmt.Errorf("run: no input is named %q (inputs: %s)", slices.Min(unknown), slotNames(m.p.code.Inputs))
	}
	return nil
}

func (m *Machine) setInput(i int, v any) error {
	s := &m.p.code.Inputs[i]
	wrong := func(what error) error {
		return fmt.Errorf("run: input %q is %s: %w", s.Name, typeText(s.Type), what)
	}
	if known, err := m.setTensor(i, v); known {
		return err
	}
	// Scalars and slices of the input's own dtype are the common ones: they allocate nothing.
	if x, ok := v.(float64); ok && s.DType == dtype.Float64 && len(s.Shape) == 0 {
		p, err := m.inputMemory(i)
		if err != nil {
			return fmt.Errorf("run: %w", err)
		}
		*(*float64)(p) = x
		return nil
	}
	a, err := ArrayOf(v)
	if err != nil {
		return wrong(err)
	}
	_, strict := v.(Array)
	if t, _ := a.check(); !fits(v, t, s.Type) {
		return wrong(fmt.Errorf("got %T of shape %v", v, t.Shape))
	}
	own := a.dtype() == s.DType
	if strict && !own {
		return wrong(fmt.Errorf("got an array of %v", a.dtype()))
	}
	if a, err = a.as(s.DType); err != nil {
		return wrong(err)
	}
	if err := m.setMemory(i, a.pointer(), a.Data); err != nil {
		return fmt.Errorf("run: %w", err)
	}
	return nil
}

// fits reports whether a value that was given as v and is an array of type a is one for an input: of its shape, or its elements one after another.
func fits(v any, a, in Type) bool {
	if slices.Equal(a.Shape, in.Shape) {
		return true
	}
	if _, ok := v.(mat.Matrix); ok && len(a.Shape)+len(in.Shape) == 3 { // a vector, or a matrix of one column
		return a.Size() == in.Size() && a.Shape[0] == in.Shape[0]
	}
	if _, ok := v.(Array); ok {
		return false
	}
	if a.Size() == 0 && in.Size() == 0 { // slices of slices do not tell the extents behind one of 0
		k := slices.Index(a.Shape, 0)
		return len(a.Shape) == len(in.Shape) && slices.Equal(a.Shape[:k+1], in.Shape[:k+1]) || len(a.Shape) == 1
	}
	return len(a.Shape) == 1 && a.Size() == in.Size()
}

// setMemory gives input i the elements at p, which keep owns and which have its dtype and size: in place, or copied if they lie in the arena, which the next run
// writes while it reads its inputs.
func (m *Machine) setMemory(i int, p unsafe.Pointer, keep any) error {
	s := &m.p.code.Inputs[i]
	if at := uintptr(p); s.Space == 0 || at >= uintptr(m.entry.base) && at < uintptr(m.entry.base)+uintptr(m.p.code.ArenaBytes) {
		to, err := m.inputMemory(i)
		if err != nil {
			return err
		}
		copy(unsafe.Slice((*byte)(to), bytesOf(s.Type)), unsafe.Slice((*byte)(p), bytesOf(s.Type)))
		return nil
	}
	if uintptr(p)%uintptr(s.DType.Size()) != 0 {
		return fmt.Errorf("input %q: the tensor's memory is not aligned", s.Name)
	}
	m.bind(i, p, keep)
	return nil
}
