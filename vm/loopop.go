package vm

import (
	"fmt"
	"slices"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/linescan"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/internal/shape"
)

// loopOp is OpLoop.
type loopOp struct{}

func (loopOp) name() string { return "LOOP" }

func (loopOp) set(in *Instr) bool { return in.Loop != nil && in.Kernel == "" }

func (loopOp) clone(in *Instr) {
	l := *in.Loop
	l.Dims, l.Consts, l.Code, l.OutRegs = slices.Clone(l.Dims), slices.Clone(l.Consts), slices.Clone(l.Code), slices.Clone(l.OutRegs)
	l.In, l.Out = cloneEach(l.In, cloneAccess), cloneEach(l.Out, cloneAccess)
	in.Loop = &l
}

func cloneAccess(a micro.Access) micro.Access {
	a.Strides = slices.Clone(a.Strides)
	if w := a.Window; w != nil {
		a.Window = &micro.Window{Offset: w.Offset, Lo: slices.Clone(w.Lo), Hi: slices.Clone(w.Hi)}
	}
	return a
}

func (loopOp) executor(p *Program, _ *Block, in *Instr, threads int) executor {
	return newLoop(p, in, threads)
}

func (loopOp) verify(_ *verifier, in *Instr) (int, error) {
	l := in.Loop
	if err := checkLoop(l, in.In, in.Out); err != nil {
		return 0, err
	}
	return len(l.Code) + 1, checkOverlap(in.In, in.Out, func(i, o int) bool {
		return !(l.Reduce != micro.NoReduce && o == len(in.Out)-1) && in.In[i].DType == in.Out[o].DType && sameWalk(l.Dims, l.In[i], l.Out[o].Strides)
	})
}

func (loopOp) scalars(*Instr, func(int64, dtype.DType)) {}

func (loopOp) fixed(*Code, *Instr, func(lo, hi int64, write bool)) {}

func (loopOp) workspace(*Instr) int64 { return 0 }

func (loopOp) work(in *Instr, _ []float64) float64 {
	elements := 1.0
	for _, d := range in.Loop.Dims {
		elements *= float64(d)
	}
	return elements * float64(1+len(in.Loop.Code))
}

func (loopOp) parts(in *Instr, _ []int64, f func(index int, flops int64)) {
	n := int64(shape.Size(in.Loop.Dims))
	for k, c := range in.Loop.Code {
		f(k, int64(c.Op.Info().Flops)*n)
	}
	if in.Loop.Reduce != micro.NoReduce {
		f(len(in.Loop.Code), n)
	}
}

func (loopOp) bytes(*Instr) int64 { return 0 }

func (loopOp) describe(*Instr) (string, string) { return "loop", "" }

func (loopOp) list(w *lister, in *Instr) {
	fmt.Fprintf(w, "  over %v", in.Loop.Dims)
	if in.Loop.Flush {
		w.WriteString(", flushing subnormal numbers")
	}
	listLoop(w, in)
}

// listLoop lists what follows the iteration space.
func listLoop(w *lister, in *Instr) {
	l := in.Loop
	for k, a := range l.In {
		fmt.Fprintf(w, "  r%d=%s%s%v%s", k, a.Type.Short(), in.In[k].Ref, a.Strides, appendWindow(nil, a.Window))
	}
	for k, c := range l.Consts {
		fmt.Fprintf(w, "  r%d=%s", len(l.In)+k, constText(c))
	}
	w.WriteByte('\n')
	reg := func(r uint32, _ dtype.DType) string { return fmt.Sprintf("r%d", r) }
	for k, c := range l.Code {
		w.line(in, k, microText(c, reg))
	}
	for k := range l.Out {
		if l.Reduce != micro.NoReduce && k == len(l.Out)-1 {
			w.line(in, len(l.Code), fmt.Sprintf("%s ← reduce_%s r%d over %d dimensions", in.Out[k].Ref, reduceNames[l.Reduce], l.OutRegs[k], l.ReduceDims))
		} else {
			fmt.Fprintf(w, "      %s ← r%d\n", in.Out[k].Ref, l.OutRegs[k])
		}
	}
}

var reduceNames = [...]string{"none", "sum", "prod", "max", "min"}

func (loopOp) appendText(in *Instr, b []byte) []byte {
	b = appendList(append(b, "loop "...), in.Loop.Dims, ',')
	if l := in.Loop; l.Reduce != micro.NoReduce {
		b = fmt.Appendf(b, " %s %d", reduceNames[l.Reduce], l.ReduceDims)
	}
	if in.Loop.Flush {
		b = append(b, " flush"...)
	}
	return appendLoopLines(in, append(b, '\n'))
}

// appendLoopLines appends the lines behind the first.
func appendLoopLines(in *Instr, b []byte) []byte {
	l := in.Loop
	for k, a := range l.In {
		b = appendOperand(fmt.Appendf(b, "  r%d = load ", k), in.In[k])
		b = append(appendWindow(appendList(append(b, ' '), a.Strides, ' '), a.Window), '\n')
	}
	for k, c := range l.Consts {
		b = fmt.Appendf(b, "  r%d = const %s ", len(l.In)+k, c.Type.Short())
		b = append(dtype.AppendBits(b, c.Type, c.Bits), '\n')
	}
	b = fmt.Appendf(b, "  temporaries %d\n", l.Temps)
	b = in.appendCode(b, l.Code, 'r')
	for k, a := range l.Out {
		b = appendOperand(fmt.Appendf(b, "  store r%d ", l.OutRegs[k]), in.Out[k])
		b = append(appendList(append(b, ' '), a.Strides, ' '), '\n')
	}
	return in.appendNode(append(b, "end"...), len(l.Code))
}

// appendWindow appends a window, if there is one: the element at index 0, and the first indices and those behind the last.
func appendWindow(b []byte, w *micro.Window) []byte {
	if w == nil {
		return b
	}
	b = fmt.Appendf(b, " from %d ", w.Offset)
	return appendList(append(appendList(b, w.Lo, ' '), ' '), w.Hi, ' ')
}

func (loopOp) keywords() []string { return []string{"loop"} }

func (loopOp) parse(t *textParser, _ string) error {
	l := &micro.Loop{}
	var err error
	if l.Dims, err = t.list(true); err != nil {
		return err
	}
	if l.Flush = t.Keyword("flush"); !l.Flush && !t.End() {
		at := t.Start()
		name := t.Word()
		k := slices.Index(reduceNames[:], name)
		if k <= int(micro.NoReduce) {
			return linescan.Errorf(at, "no reduction is named %.40q", name)
		}
		n, err := t.number("the reduced dimensions", maxRank)
		if err != nil {
			return err
		}
		l.Reduce, l.ReduceDims = micro.ReduceKind(k), int(n)
	}
	t.open(Instr{Op: OpLoop, Loop: l}, t.loopLine)
	return nil
}

func (loopOp) encode(e *encoder, in *Instr) { e.loop(in.Loop) }

func (loopOp) decode(d *decoder, in *Instr) { in.Loop = d.loop() }
