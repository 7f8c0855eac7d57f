// Package kernels runs the kernels of programs, such as matrix products, convolutions, sorts and decompositions, without a program: source that package
// compile/gosource generates calls them. It needs neither the compiler nor machines.
package kernels

import (
	"fmt"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/kernel"
	"github.com/adjoint-go/adjoint/internal/linescan"
)

// Tensor is an operand or result: contiguous and row-major, with the one of the slices F64, F32, I64, I32 and Bool set that its dtype names.
type Tensor = kernel.Tensor

// Call is a kernel with the memory that its runs need. Set the slices of its operands and results, each of exactly as many elements as its type has, before each run; results
// overlap operands only where the kernel allows it. A Call is for one goroutine at a time, on which it runs; after its first run it allocates nothing. Results have the
// bits that machines of package vm give them.
type Call struct {
	In, Out []Tensor

	kernel *kernel.Kernel
	call   kernel.Call
	where  string
}

// New returns a call of the kernel with the name, attributes ("{axis=1, keepdims=false}", "" for none), and types of operands and results ("f64[8,4] f64[4,3]"), as programs'
// texts have them; where, the user's file and line, is part of errors. It panics if there is no such kernel or it does not accept the types: generated source has what a program was verified with.
func New(name, attributes, in, out, where string) *Call {
	c, err := newCall(name, attributes, in, out)
	if err != nil {
		panic(fmt.Sprintf("kernels: %s: %v; the source was generated with another version", name, err))
	}
	c.where = where
	return c
}

func newCall(name, attributes, in, out string) (*Call, error) {
	k := kernel.Lookup(name)
	if k == nil {
		return nil, fmt.Errorf("there is no such kernel")
	}
	s := &linescan.Scanner{Line: attributes}
	attrs, _, err := attr.Scan(s)
	if err == nil {
		err = s.ExpectEnd()
	}
	if err != nil {
		return nil, err
	}
	ins, err := parseTypes(in)
	if err != nil {
		return nil, err
	}
	outs, err := parseTypes(out)
	if err != nil {
		return nil, err
	}
	if err := k.Check(ins, outs, attrs); err != nil {
		return nil, err
	}
	c := &Call{kernel: k, In: tensors(ins), Out: tensors(outs)}
	c.call = kernel.Call{In: c.In, Out: c.Out, Attrs: attrs}
	if k.Workspace != nil {
		c.call.Work = aligned(k.Workspace(ins, outs, attrs))
	}
	if k.Each != nil {
		c.call.Workers = [][]byte{aligned(k.Each(ins, outs, attrs))}
	}
	if k.Prepare != nil {
		c.call.State = k.Prepare(ins, outs, attrs)
	}
	return c, nil
}

func tensors(types []kernel.Type) []Tensor {
	list := make([]Tensor, len(types))
	for i, t := range types {
		list[i].Type = t
	}
	return list
}

// parseTypes reads types such as "f64[8,4] i32".
func parseTypes(text string) ([]kernel.Type, error) {
	var list []kernel.Type
	s := &linescan.Scanner{Line: text}
	for !s.End() {
		word := s.Word()
		d, ok := dtype.Parse(word)
		if !ok {
			return nil, fmt.Errorf("%q is no dtype", word)
		}
		t := kernel.Type{DType: d}
		if s.Accept("[") {
			for {
				n, err := s.Uint("an extent", 1<<31-1)
				if err != nil {
					return nil, err
				}
				t.Shape = append(t.Shape, int(n))
				if !s.Accept(",") {
					break
				}
			}
			if err := s.Expect("]"); err != nil {
				return nil, err
			}
		}
		list = append(list, t)
	}
	return list, nil
}

// aligned returns n bytes at a multiple of 64.
func aligned(n int) []byte {
	if n == 0 {
		return nil
	}
	b := make([]byte, n+63)
	at := int(-uintptr(unsafe.Pointer(&b[0])) & 63)
	return b[at : at+n : at+n]
}

// Run computes Out from In. Its errors are those that depend on data, such as a singular matrix or an index out of range, with the user's line.
func (c *Call) Run() error {
	if err := c.kernel.Run(&c.call); err != nil {
		if c.where != "" {
			return fmt.Errorf("%s: %s: %w", c.where, c.kernel.Name, err)
		}
		return fmt.Errorf("%s: %w", c.kernel.Name, err)
	}
	return nil
}
