// Package programview describes compiled programs for drawing: a node for every
// micro-instruction, kernel call, call of blocks and reduction, with the instructions that hold
// several of them as scopes.
package programview

import (
	"fmt"
	"slices"
	"sort"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/viz"
	"github.com/adjoint-go/adjoint/vm"
)

// Place says which part of which instruction a node of the model is, as vm.Share does; Instr is −1 for inputs, constants and views.
type Place struct{ Instr, Index int }

// Describe returns the model of a verified program, and the place of each of its nodes in the program. Programs whose model would have
// more than maxNodes nodes are an error.
func Describe(p *vm.Program, maxNodes int) (*viz.Model, []Place, error) {
	code := p.Code()
	d := &describer{p: code, m: &viz.Model{}, written: map[uint32][]write{}, constants: map[constant]int{}, limit: maxNodes}
	for i := range code.Inputs {
		s := &code.Inputs[i]
		if !s.Used {
			continue
		}
		n := d.node("input", s.Type.DType, s.Type.Shape)
		n.Name = s.Name
		d.write(s.Ref, size(s.Type), d.last())
	}
	for i := range code.Instrs {
		if len(d.m.Nodes) > maxNodes {
			break
		}
		d.instr, d.first = i, 0
		for _, in := range code.Instrs[i].Parts() {
			switch {
			case in.Straight != nil:
				d.straight(i, &in)
			case in.Loop != nil:
				d.loop(i, &in)
			default:
				d.calls(&in)
			}
			d.first++ // of a kernel with an epilogue, the loop's is behind the kernel's
		}
	}
	if len(d.m.Nodes) > maxNodes {
		return nil, nil, fmt.Errorf("the program has more than the %d nodes that are drawn; --max-nodes changes that", maxNodes)
	}
	for i := range code.Outputs {
		s := &code.Outputs[i]
		d.m.Outputs = append(d.m.Outputs, viz.Output{Node: d.whole(s.Ref, s.Type), Name: s.Name})
	}
	return d.m, d.places, nil
}

// write is a piece of memory that a node has written.
type write struct {
	start, end int64
	node       int
}

type constant struct {
	d    dtype.DType
	bits uint64
}

type describer struct {
	p *vm.Code
	m *viz.Model
	// written lists, by space, the pieces of memory that hold a node's value, by
	// address and without overlap.
	written   map[uint32][]write
	constants map[constant]int
	limit     int
	instr     int     // in hand
	first     int     // index of the first of the part in hand among the instruction's nodes
	places    []Place // by node
}

func (d *describer) last() int { return len(d.m.Nodes) - 1 }

// node appends a node.
func (d *describer) node(op string, t dtype.DType, shape []int) *viz.Node {
	d.places = append(d.places, Place{Instr: -1})
	d.m.Nodes = append(d.m.Nodes, viz.Node{ID: len(d.m.Nodes), Op: op, DType: t.String(),
		Type: graph.Type{DType: t, Shape: shape}.String(), Shape: shape, Inert: !t.IsFloat()})
	return &d.m.Nodes[d.last()]
}

// debug adds what is known of the node of the user's graph.
func (d *describer) debug(n *viz.Node, in *vm.Instr, k int) {
	d.places[n.ID] = Place{d.instr, d.first + k}
	if k >= len(in.Nodes) {
		return
	}
	at := in.Nodes[k]
	if at < 0 || int(at) >= len(d.p.Debug.Nodes) {
		return
	}
	info := d.p.Debug.Nodes[at]
	text := func(i int32) string {
		if i < 0 || int(i) >= len(d.p.Debug.Strings) {
			return ""
		}
		return d.p.Debug.Strings[i]
	}
	n.Name = text(info.Name)
	if file := text(info.File); file != "" {
		n.Source = fmt.Sprintf("%s:%d", file, info.Line)
	}
}

func size(t vm.Type) int64 { return int64(t.DType.Size()) * int64(t.Size()) }

// write records that the node's value fills n bytes at r, in place of what was there.
func (d *describer) write(r vm.Ref, n int64, node int) {
	list := d.written[r.Space]
	start, end := r.Offset, r.Offset+n
	first := sort.Search(len(list), func(i int) bool { return list[i].end > start })
	after := first
	for after < len(list) && list[after].start < end {
		after++
	}
	fresh := make([]write, 0, 3)
	if first < after && list[first].start < start {
		fresh = append(fresh, write{list[first].start, start, list[first].node})
	}
	fresh = append(fresh, write{start, end, node})
	if first < after && list[after-1].end > end {
		fresh = append(fresh, write{end, list[after-1].end, list[after-1].node})
	}
	d.written[r.Space] = slices.Replace(list, first, after, fresh...)
}

// read returns the nodes whose values lie in an array, by address; it is never empty.
func (d *describer) read(r vm.Ref, t vm.Type) []int {
	list := d.written[r.Space]
	start, end := r.Offset, r.Offset+size(t)
	var found []int
	for i := sort.Search(len(list), func(i int) bool { return list[i].end > start }); i < len(list) && list[i].start < end; i++ {
		if len(found) == 0 || found[len(found)-1] != list[i].node {
			found = append(found, list[i].node)
		}
	}
	if len(found) > 0 {
		return found
	}
	return []int{d.fromConstants(r, t)}
}

// whole returns one node for an array, which several nodes may have written.
func (d *describer) whole(r vm.Ref, t vm.Type) int {
	from := d.read(r, t)
	if len(from) > 1 {
		n := d.node("view", t.DType, t.Shape)
		n.Inputs = from
		return d.last()
	}
	return from[0]
}

// fromConstants returns a node for memory that no node has written: the program's constants.
func (d *describer) fromConstants(r vm.Ref, t vm.Type) int {
	at, elements := r.Offset-d.p.ConstOffset, size(t)/int64(t.DType.Size())
	const shown = 16
	var v *viz.Value
	if r.Space == 0 && at >= 0 && at+size(t) <= int64(len(d.p.Const)) && elements <= shown {
		v = &viz.Value{Shape: t.Shape}
		for i := range elements {
			var bits uint64
			for k := range int64(t.DType.Size()) {
				bits |= uint64(d.p.Const[at+i*int64(t.DType.Size())+k]) << (8 * k)
			}
			v.Data = append(v.Data, graph.FloatOfBits(t.DType, bits))
			if elements == 1 && len(t.Shape) == 0 {
				return d.scalar(t.DType, bits)
			}
		}
	}
	n := d.node("const", t.DType, t.Shape)
	n.Constant = v
	return d.last()
}

// scalar returns the node of a constant.
func (d *describer) scalar(t dtype.DType, bits uint64) int {
	if i, ok := d.constants[constant{t, bits}]; ok {
		return i
	}
	n := d.node("const", t, nil)
	n.Constant = viz.Scalar(graph.FloatOfBits(t, bits))
	d.constants[constant{t, bits}] = d.last()
	return d.last()
}

// operators names the graph's operators whose micro-operations have other names.
var operators = func() map[string]string {
	m := map[string]string{"mov": "copy"}
	for _, op := range graph.Ops() {
		if op.Micro != "" {
			m[op.Micro] = op.Name
		}
	}
	return m
}()

// reductions names the graph's operators at which loops end.
var reductions = func() map[micro.ReduceKind]string {
	m := map[micro.ReduceKind]string{}
	for _, op := range graph.Ops() {
		if op.Reduction != "" {
			m[micro.ReduceBy(micro.ByName(op.Reduction))] = op.Name
		}
	}
	return m
}()

// operator returns the name under which a micro-operation is drawn.
func operator(op micro.Op) string {
	name := op.String()
	if n, ok := operators[name]; ok {
		name = n
	}
	return name
}

// scope is the name of an instruction that holds several nodes.
func scope(i int, in *vm.Instr, nodes int) string {
	if nodes < 2 {
		return ""
	}
	what, _ := in.Describe()
	return fmt.Sprintf("fused %s %d", what, i)
}

// straight adds scalar code.
func (d *describer) straight(i int, in *vm.Instr) {
	s := in.Straight
	name := scope(i, in, len(s.Code))
	for k, c := range s.Code {
		if len(d.m.Nodes) > d.limit {
			return
		}
		var operands []int
		cells := c.Operands()
		for o := range c.Op.Arity() {
			t := vm.Type{DType: c.OperandType(o)}
			operands = append(operands, d.read(vm.Ref{Offset: int64(cells[o]) * 4}, t)...)
		}
		n := d.node(operator(c.Op), c.Result(), nil)
		n.Inputs, n.Scope = operands, name
		d.debug(n, in, k)
		d.write(vm.Ref{Offset: int64(c.Dst) * 4}, int64(c.Result().Size()), d.last())
	}
}

// loop adds the code of a loop over arrays.
func (d *describer) loop(i int, in *vm.Instr) {
	l := in.Loop
	registers := make([]int, len(l.In)+len(l.Consts)+l.Temps)
	for k := range l.In {
		registers[k] = d.whole(in.In[k].Ref, in.In[k].Type)
	}
	for k, c := range l.Consts {
		registers[len(l.In)+k] = d.scalar(c.Type, c.Bits)
	}
	nodes := len(l.Code)
	if l.Reduce != micro.NoReduce {
		nodes++
	}
	name := scope(i, in, nodes)
	for k, c := range l.Code {
		var operands []int
		regs := c.Operands()
		for o := range c.Op.Arity() {
			operands = append(operands, registers[regs[o]])
		}
		n := d.node(operator(c.Op), c.Result(), l.Dims)
		n.Inputs, n.Scope = operands, name
		d.debug(n, in, k)
		registers[c.Dst] = d.last()
	}
	results := make([]int, len(l.Out))
	for k := range l.Out {
		results[k] = registers[l.OutRegs[k]]
		if l.Reduce != micro.NoReduce && k == len(l.Out)-1 {
			n := d.node(reductions[l.Reduce], in.Out[k].DType, in.Out[k].Shape)
			n.Inputs, n.Scope = []int{results[k]}, name
			d.debug(n, in, len(l.Code))
			results[k] = d.last()
		}
	}
	for k := range l.Out {
		d.write(in.Out[k].Ref, size(in.Out[k].Type), results[k])
	}
}

// calls adds what is one node, a kernel or a call of blocks, with a node more for each result after the first.
func (d *describer) calls(in *vm.Instr) {
	name, attributes := in.Describe()
	var operands []int
	for _, o := range in.In {
		operands = append(operands, d.whole(o.Ref, o.Type))
	}
	var t vm.Type
	if len(in.Out) > 0 {
		t = in.Out[0].Type
	}
	n := d.node(name, t.DType, t.Shape)
	n.Inputs, n.Attributes = operands, attributes
	d.debug(n, in, 0)
	call := d.last()
	for k, o := range in.Out {
		at := call
		if k > 0 {
			r := d.node("result", o.DType, o.Shape)
			r.Inputs, r.Attributes, r.Symbol = []int{call}, fmt.Sprintf("index=%d", k), viz.ResultName(name, k)
			at = d.last()
		}
		d.write(o.Ref, size(o.Type), at)
	}
}
