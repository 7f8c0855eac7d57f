package vm

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/kernel"
)

// kernelOp is OpKernel.
type kernelOp struct{}

func (kernelOp) name() string { return "KERNEL" }

func (kernelOp) set(in *Instr) bool { return in.Kernel != "" && in.Loop == nil }

func (kernelOp) clone(in *Instr) { in.Attrs = in.Attrs.Clone() }

func (kernelOp) executor(_ *Program, b *Block, in *Instr, threads int) executor {
	return newKernelCall(b, in, threads)
}

func (kernelOp) verify(_ *verifier, in *Instr) (int, error) {
	if err := checkKernel(in); err != nil {
		return 0, fmt.Errorf("%s: %w", in.Kernel, err)
	}
	return 1, nil
}

func (kernelOp) scalars(*Instr, func(int64, dtype.DType)) {}

func (kernelOp) fixed(*Code, *Instr, func(lo, hi int64, write bool)) {}

func (kernelOp) workspace(in *Instr) int64 { return newKernelCall(nil, in, 1).workspace() }

func (kernelOp) work(in *Instr, _ []float64) float64 {
	return kernel.Lookup(in.Kernel).Operations(operandTypes(in.In), operandTypes(in.Out), in.Attrs)
}

// parts counts what the kernel says that it does, and else one for each element that it reads.
func (kernelOp) parts(in *Instr, _ []int64, f func(index int, flops int64)) {
	if k := kernel.Lookup(in.Kernel); k.Work != nil {
		f(0, int64(min(k.Work(operandTypes(in.In), operandTypes(in.Out), in.Attrs), 1<<62)))
		return
	}
	flops := int64(0)
	for _, o := range in.In {
		flops += int64(o.Size())
	}
	f(0, flops)
}

func (kernelOp) bytes(*Instr) int64 { return 0 }

func (kernelOp) describe(in *Instr) (string, string) { return in.Kernel, in.Attrs.String() }

func (kernelOp) list(l *lister, in *Instr) {
	fmt.Fprintf(l, "  %s", in.Kernel)
	if len(in.Attrs) > 0 {
		fmt.Fprintf(l, " {%v}", in.Attrs)
	}
	l.WriteByte('\n')
	l.operands(in)
}

func (kernelOp) appendText(in *Instr, b []byte) []byte {
	b = strconv.AppendQuote(append(b, "kernel "...), in.Kernel)
	if len(in.Attrs) > 0 {
		b = append(append(append(b, " {"...), in.Attrs.String()...), '}')
	}
	return in.appendNode(in.appendOperands(b), 0)
}

func (kernelOp) keywords() []string { return []string{"kernel"} }

func (kernelOp) parse(t *textParser, _ string) error {
	in := Instr{Op: OpKernel}
	var err error
	if in.Kernel, err = t.Quoted("the kernel's name", math.MaxInt32); err != nil {
		return err
	}
	if in.Attrs, _, err = attr.Scan(&t.Scanner); err != nil {
		return err
	}
	return t.operands(&in)
}

func (kernelOp) encode(e *encoder, in *Instr) {
	e.name(in.Kernel)
	e.attrs(in.Attrs)
}

func (kernelOp) decode(d *decoder, in *Instr) { in.Kernel, in.Attrs = d.name(), d.attrs() }

// checkKernel runs the kernel's own check; hostile attributes must not get a panic past it.
func checkKernel(in *Instr) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("internal error: %v", r)
		}
	}()
	k := kernel.Lookup(in.Kernel)
	if k == nil {
		return fmt.Errorf("unknown kernel")
	}
	if err := checkAttrs(in.Attrs); err != nil {
		return err
	}
	if err := k.Check(operandTypes(in.In), operandTypes(in.Out), in.Attrs); err != nil {
		return err
	}
	return checkOverlap(in.In, in.Out, func(i, o int) bool {
		return o == 0 && slices.Contains(k.InPlace, i) && onlyReader(in.In, i)
	})
}
