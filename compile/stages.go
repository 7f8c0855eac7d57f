package compile

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// Stage is what a pass of the compiler left: the graph, and what is known so far of how it will run. Drawings
// show it.
type Stage struct {
	Pass string // "" for the graph as it was given
	Doc  string // what the pass does, in a phrase
	Took time.Duration
	// Rewrites are those that fired in this pass, by name.
	Rewrites []RewriteCount
	// Nodes stand with operands before their users, and in the order of the program once the pass schedule has run.
	Nodes   []StageNode
	Outputs []int // indices into Nodes
	// Program is the result of the last pass, nil before.
	Program *vm.Program
}

// RewriteCount says how often a rewrite fired.
type RewriteCount struct {
	Name  string
	Count int
}

// StageNode is a node with what the passes decided about it. Strings are empty and Instruction is −1 as long as
// nothing is decided.
type StageNode struct {
	Node *graph.Node
	// Operator is the operator's name, or that of the machine's operation which replaces it, as fma.
	Operator string
	Operands []int  // indices into Stage.Nodes
	Class    string // how it runs: "scalar code", "loop", "reduction", "kernel", "view", …
	// Instruction that computes it: a number without meaning after the pass group, the position in the program after schedule.
	Instruction int
	// Place is where its value lies in memory, as "arena 64–128", or "temporary" within scalar code.
	Place string
}

var classNames = map[class]string{classView: "view", classScalar: "scalar code", classAssemble: "scalar code", classLoop: "loop",
	classReduce: "reduction", classKernel: "kernel", classTuple: "kernel", classResult: "kernel's result"}

// Stages compiles and returns the graph as it was given and as each pass left it, also where a pass changed nothing.
func (c Config) Stages(outputs ...*graph.Node) ([]Stage, error) {
	var stages []Stage
	fired := map[string]int{}
	observe := func(u *unit, l *lowering, ps *pass, took time.Duration) error {
		s := Stage{Took: took}
		if ps != nil {
			s.Pass, s.Doc = ps.name, ps.doc
		}
		for name, n := range u.fired {
			if n > fired[name] {
				s.Rewrites = append(s.Rewrites, RewriteCount{name, n - fired[name]})
				fired[name] = n
			}
		}
		slices.SortFunc(s.Rewrites, func(a, b RewriteCount) int { return cmp.Compare(a.Name, b.Name) })
		s.Program = u.program
		record(u, l, &s)
		stages = append(stages, s)
		return nil
	}
	if _, err := c.compile(outputs, observe); err != nil {
		return nil, err
	}
	return stages, nil
}

// record lists the nodes that the outputs depend on; l is nil before there is a lowering.
func record(u *unit, l *lowering, s *Stage) {
	at := map[int32]int{}
	operands := func(id int32) []int32 {
		if l != nil {
			return l.in(id)
		}
		var list []int32
		for _, in := range u.g.Node(int(id)).Inputs() {
			list = append(list, int32(in.ID()))
		}
		return list
	}
	type frame struct {
		id   int32
		next int
	}
	var position []int // by group
	if l != nil && len(l.order) > 0 {
		position = slices.Repeat([]int{-1}, len(l.groups))
		at := 0
		for _, k := range l.order {
			if n := l.instructions(k); n > 0 {
				position[k] = at
				at += n
			}
		}
	}
	// add appends a node behind its operands, without recursion: graphs may be deep.
	add := func(id int32) {
		stack := []frame{{id, 0}}
		for len(stack) > 0 {
			f := &stack[len(stack)-1]
			if _, done := at[f.id]; done {
				stack = stack[:len(stack)-1]
				continue
			}
			if in := operands(f.id); f.next < len(in) {
				f.next++
				stack = append(stack, frame{in[f.next-1], 0})
				continue
			}
			n := stageNode(u, l, f.id, position)
			for _, in := range operands(f.id) {
				n.Operands = append(n.Operands, at[in])
			}
			at[f.id] = len(s.Nodes)
			s.Nodes = append(s.Nodes, n)
			stack = stack[:len(stack)-1]
		}
	}
	if l == nil || len(l.order) == 0 {
		for id, needed := range u.g.Needed(u.outputs...) {
			if needed && (l == nil || l.class[id] != classNone) { // but for products that are part of a sum
				add(int32(id))
			}
		}
	} else {
		for pos, k := range l.order {
			ids := l.groups[k].nodes
			if len(l.temps.code) > 0 && l.groups[k].kind == classScalar {
				ids = l.temps.code[pos].order(l.groups[k])
			}
			for _, id := range ids {
				add(id)
			}
		}
	}
	for _, o := range u.outputs {
		add(int32(o.ID()))
		s.Outputs = append(s.Outputs, at[int32(o.ID())])
	}
}

// stageNode describes a node; position holds the places of the groups in the program, once they have any.
func stageNode(u *unit, l *lowering, id int32, position []int) StageNode {
	n := u.g.Node(int(id))
	s := StageNode{Node: n, Operator: n.Op().Name, Instruction: -1}
	if l == nil {
		return s
	}
	s.Class = classNames[l.class[id]]
	if c := l.class[id]; (c == classScalar || c == classLoop) && len(l.in(id)) != len(n.Inputs()) {
		s.Operator = l.op[id].String() // a product was joined with it
	}
	root := l.root[id]
	if k := l.groupOf[root]; k >= 0 && l.class[id] != classView {
		s.Instruction = int(k)
		if position != nil {
			s.Instruction = position[k]
		}
	}
	if l.plan.pos == nil {
		return s
	}
	if s.Class == classNames[classScalar] && !l.place[root].known {
		s.Place = "temporary"
	}
	if l.place[root].known {
		p := l.place[root]
		space := "arena"
		if p.space != 0 {
			space = fmt.Sprintf("input %d", p.space)
		}
		from := p.offset + l.offset[id]
		s.Place = fmt.Sprintf("%s %d–%d", space, from, from+int64(n.Shape().Size()*n.DType().Size()))
	}
	return s
}
