package vm

import (
	"fmt"
	"strings"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/kernel"
)

// Tensor is what a Go kernel sees of an operand or result: contiguous, row-major, with exactly the one of the slices F64, F32, I64, I32
// and Bool set that its dtype names.
type Tensor = kernel.Tensor

// Attrs are the attributes of a kernel call: its methods Int, Float, Bool, Str, Ints and Floats return the value of a key.
type Attrs = attr.List

// Kernel is a user's Go function that programs call by name.
type Kernel struct {
	// Name begins with "user_".
	Name string
	// Doc says in one sentence what it computes; optional.
	Doc string
	// Check validates the types of operands and results and the attributes completely; programs that it refuses are not loaded. It must
	// survive anything, since programs may come from files; a panic counts as refusal.
	Check func(in, out []Type, a Attrs) error
	// Run computes out from in, which it must not modify or keep. Results hold old values at first. An error stops the run; it is
	// reported with the operator, the shapes and the user's line. A panic is reported as an error. Kernels of one program may run at the same time on
	// different machines.
	Run func(in, out []Tensor, a Attrs) error
}

// userCall is what a user's kernel gets: whatever it does to its arguments, the program and other machines do not see.
type userCall struct {
	in, out []Tensor
	attrs   Attrs
}

func newUserCall(in, out []Type, a Attrs) *userCall {
	tensors := func(types []Type) []Tensor {
		list := make([]Tensor, len(types))
		for i, t := range types {
			list[i].Type = cloneType(t)
		}
		return list
	}
	return &userCall{tensors(in), tensors(out), a.Clone()}
}

// refresh sets the tensors to those of the call.
func (u *userCall) refresh(c *kernel.Call) {
	for _, lists := range [2][2][]Tensor{{u.in, c.In}, {u.out, c.Out}} {
		for i, t := range lists[1] {
			shape := append(lists[0][i].Shape[:0], t.Shape...)
			lists[0][i] = t
			lists[0][i].Shape = shape
		}
	}
}

// RegisterKernel enters a user's kernel, so that programs that name it can be compiled, loaded and run. Register it before such a
// program is loaded, for example in an init function.
func RegisterKernel(k Kernel) error {
	if rest, ok := strings.CutPrefix(k.Name, "user_"); !ok || rest == "" {
		return fmt.Errorf("kernel %q: the name does not begin with %q", k.Name, "user_")
	}
	if k.Check == nil || k.Run == nil {
		return fmt.Errorf("kernel %s: has no check or no run function", k.Name)
	}
	if k.Doc == "" {
		k.Doc = "A kernel defined by the user."
	}
	err := kernel.RegisterUser(&kernel.Kernel{
		Name: k.Name, Doc: k.Doc,
		Check: func(in, out []Type, a Attrs) (err error) {
			defer func() {
				if r := recover(); r != nil {
					err = fmt.Errorf("the check of kernel %s panicked: %v", k.Name, r)
				}
			}()
			return k.Check(cloneEach(in, cloneType), cloneEach(out, cloneType), a.Clone())
		},
		Prepare: func(in, out []Type, a Attrs) any { return newUserCall(in, out, a) },
		Run: func(c *kernel.Call) (err error) {
			defer func() {
				if r := recover(); r != nil {
					err = fmt.Errorf("kernel %s panicked: %v", k.Name, r)
				}
			}()
			u := c.State.(*userCall)
			u.refresh(c)
			return k.Run(u.in, u.out, u.attrs)
		},
	})
	if err != nil {
		return fmt.Errorf("kernel %s: %w", k.Name, err)
	}
	return nil
}
