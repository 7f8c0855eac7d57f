package vm

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/kernel"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/internal/shape"
)

// epilogueOp is OpEpilogue: a kernel and a loop over its result, each of which is an instruction of its own for the rules that it must obey.
type epilogueOp struct{}

// Parts returns the instructions that an instruction consists of: of OpEpilogue the kernel's and the loop's, of others itself. They share memory with it.
func (in *Instr) Parts() []Instr {
	if in == nil || in.Op != OpEpilogue || in.Loop == nil || len(in.Loop.In) == 0 || len(in.Loop.In)-1 > len(in.In) || len(in.Out) == 0 {
		if in == nil {
			return nil
		}
		return []Instr{*in}
	}
	own := len(in.In) - (len(in.Loop.In) - 1) // the kernel's
	k := Instr{Op: OpKernel, Kernel: in.Kernel, Attrs: in.Attrs, In: in.In[:own:own], Out: in.Out[:1:1]}
	l := Instr{Op: OpLoop, Loop: in.Loop, In: append([]Operand{in.Out[0]}, in.In[own:]...), Out: in.Out[1:]}
	if len(in.Nodes) > 0 {
		k.Nodes, l.Nodes = in.Nodes[:1:1], in.Nodes[1:]
	}
	return []Instr{k, l}
}

func (epilogueOp) name() string { return "EPILOGUE" }

func (epilogueOp) set(in *Instr) bool { return in.Kernel != "" && in.Loop != nil }

func (epilogueOp) clone(in *Instr) {
	loopOp{}.clone(in)
	kernelOp{}.clone(in)
}

func (epilogueOp) executor(p *Program, b *Block, in *Instr, threads int) executor {
	return newEpilogueCall(p, b, in, threads)
}

func (epilogueOp) verify(v *verifier, in *Instr) (int, error) {
	parts := in.Parts()
	if len(parts) != 2 {
		return 0, fmt.Errorf("%d operands and %d results for a loop over the result of a kernel with %d inputs", len(in.In), len(in.Out), len(in.Loop.In))
	}
	k, l := &parts[0], &parts[1]
	if _, err := (kernelOp{}).verify(v, k); err != nil {
		return 0, err
	}
	nodes, err := loopOp{}.verify(v, l)
	if err != nil {
		return 0, err
	}
	kern := kernel.Lookup(in.Kernel)
	switch {
	case kern.Finishes == nil || !kern.Finishes(operandTypes(k.In), operandTypes(k.Out), in.Attrs):
		return 0, fmt.Errorf("%s {%v} has no epilogue", in.Kernel, in.Attrs)
	case in.Loop.Reduce != micro.NoReduce:
		return 0, fmt.Errorf("an epilogue with a reduction")
	case slices.ContainsFunc(in.Loop.Code, micro.Instr.Traps):
		return 0, fmt.Errorf("an epilogue that can fail")
	case slices.ContainsFunc(in.Loop.In, func(a micro.Access) bool { return a.Window != nil }):
		return 0, fmt.Errorf("an epilogue with a window")
	case shape.Size(in.Loop.Dims) != in.Out[0].Size() || !sameWalk(in.Loop.Dims, in.Loop.In[0], shape.Strides(in.Loop.Dims)):
		return 0, fmt.Errorf("the loop does not go through the kernel's result element by element")
	}
	// Of the kernel's operands, and of the loop's inputs in other parts, others elements are read later.
	never := func(int, int) bool { return false }
	for _, lists := range [3][2][]Operand{{k.In, k.Out}, {k.In, l.Out}, {l.In[1:], k.Out}} {
		if err := checkOverlap(lists[0], lists[1], never); err != nil {
			return 0, fmt.Errorf("kernel and loop: %w", err)
		}
	}
	return 1 + nodes, nil
}

func (epilogueOp) scalars(*Instr, func(int64, dtype.DType)) {}

func (epilogueOp) fixed(*Code, *Instr, func(lo, hi int64, write bool)) {}

func (epilogueOp) workspace(in *Instr) int64 { return kernelOp{}.workspace(&in.Parts()[0]) }

func (epilogueOp) work(in *Instr, blocks []float64) float64 {
	parts := in.Parts()
	return kernelOp{}.work(&parts[0], blocks) + loopOp{}.work(&parts[1], blocks)
}

func (epilogueOp) parts(in *Instr, blocks []int64, f func(index int, flops int64)) {
	parts := in.Parts()
	kernelOp{}.parts(&parts[0], blocks, f)
	loopOp{}.parts(&parts[1], blocks, func(index int, flops int64) { f(1+index, flops) })
}

// bytes takes the kernel's result off if it lies in the place of another: it does not leave the cache.
func (epilogueOp) bytes(in *Instr) int64 {
	for _, o := range in.Out[1:] {
		if o.Ref == in.Out[0].Ref {
			return -bytesOf(o.Type)
		}
	}
	return 0
}

func (epilogueOp) describe(in *Instr) (string, string) { return in.Kernel, in.Attrs.String() }

func (epilogueOp) list(w *lister, in *Instr) {
	parts := in.Parts()
	kernelOp{}.list(w, &parts[0])
	fmt.Fprintf(w, "      on each part, over %v", in.Loop.Dims)
	listLoop(w, &parts[1])
}

func (epilogueOp) appendText(in *Instr, b []byte) []byte {
	parts := in.Parts()
	b = strconv.AppendQuote(append(b, "epilogue "...), in.Kernel)
	if len(in.Attrs) > 0 {
		b = append(append(append(b, " {"...), in.Attrs.String()...), '}')
	}
	b = appendList(append(parts[0].appendOperands(b), " then "...), in.Loop.Dims, ',')
	return appendLoopLines(&parts[1], parts[0].appendNode(b, 0))
}

func (epilogueOp) keywords() []string { return []string{"epilogue"} }

func (epilogueOp) parse(t *textParser, _ string) error {
	in := Instr{Op: OpEpilogue, Loop: &micro.Loop{}}
	var err error
	if in.Kernel, err = t.Quoted("the kernel's name", math.MaxInt32); err != nil {
		return err
	}
	if in.Attrs, _, err = attr.Scan(&t.Scanner); err != nil {
		return err
	}
	if err = t.operandLists(&in); err != nil {
		return err
	}
	if err = t.Expect("then"); err != nil {
		return err
	}
	if in.Loop.Dims, err = t.list(true); err != nil {
		return err
	}
	if err = t.node(&in); err != nil {
		return err
	}
	product := in.Out
	t.open(in, func(word string, at int) error {
		// The loop's first input is the kernel's result, which is an operand already.
		first := len(t.in.Loop.In) == 0
		if err := t.loopLine(word, at); err != nil {
			return err
		}
		if x := t.block.Instrs[len(t.block.Instrs)-1]; first && len(x.Loop.In) == 1 {
			last := len(x.In) - 1
			if len(product) != 1 || !sameOperand(x.In[last], product[0]) {
				return fmt.Errorf("the loop of an epilogue reads the kernel's result first")
			}
			t.in.In = t.in.In[:last]
		}
		return nil
	})
	return nil
}

func sameOperand(a, b Operand) bool {
	return a.Ref == b.Ref && a.DType == b.DType && slices.Equal(a.Shape, b.Shape)
}

func (epilogueOp) encode(e *encoder, in *Instr) {
	kernelOp{}.encode(e, in)
	loopOp{}.encode(e, in)
}

func (epilogueOp) decode(d *decoder, in *Instr) {
	kernelOp{}.decode(d, in)
	loopOp{}.decode(d, in)
}
