package byhand

import (
	"fmt"

	"github.com/adjoint-go/adjoint/internal/bench/dag"
	"github.com/adjoint-go/adjoint/internal/bench/inputs"
	"github.com/adjoint-go/adjoint/internal/bench/protocol"
)

// The opcodes of the switch loop.
const (
	opAdd = iota // dst = a + b
	opSub
	opMul
	opHalf // dst = a / 2
	opNeg
)

type instruction struct {
	op        uint32
	dst, a, b uint32
}

// switchLoop prepares value and gradient of a graph: the nodes in order, then
// their adjoints in reverse, each as one instruction on an array of slots, which are used again when their value is dead.
func switchLoop(g *dag.Graph) (*protocol.Item, error) {
	slots := g.Inputs + len(g.Nodes)
	code := make([]instruction, 0, 6*slots)
	fresh := func() uint32 { slots++; return uint32(slots - 1) }
	emit := func(op, dst, a, b uint32) uint32 {
		code = append(code, instruction{op, dst, a, b})
		return dst
	}
	adjoint := make([]uint32, slots)

	// A node is half of the sum, difference or product of two others.
	for i, n := range g.Nodes {
		op := map[dag.Op]uint32{dag.Add: opAdd, dag.Sub: opSub, dag.Mul: opMul}[n.Op]
		t := emit(op, fresh(), uint32(n.A), uint32(n.B))
		emit(opHalf, uint32(g.Inputs+i), t, 0)
	}
	value := uint32(g.Sinks[0])
	for _, s := range g.Sinks[1:] {
		value = emit(opAdd, fresh(), value, uint32(s))
	}

	one := fresh()
	for _, s := range g.Sinks {
		adjoint[s] = one
	}
	accumulate := func(node int, term uint32) {
		if adjoint[node] == 0 {
			adjoint[node] = term
		} else {
			adjoint[node] = emit(opAdd, fresh(), adjoint[node], term)
		}
	}
	for i := len(g.Nodes) - 1; i >= 0; i-- {
		n := g.Nodes[i]
		half := emit(opHalf, fresh(), adjoint[g.Inputs+i], 0)
		switch n.Op {
		case dag.Add:
			accumulate(n.A, half)
			accumulate(n.B, half)
		case dag.Sub:
			accumulate(n.A, half)
			accumulate(n.B, emit(opNeg, fresh(), half, 0))
		case dag.Mul:
			accumulate(n.A, emit(opMul, fresh(), half, uint32(n.B)))
			accumulate(n.B, emit(opMul, fresh(), half, uint32(n.A)))
		}
	}
	keep := []uint32{value}
	for _, s := range adjoint[:g.Inputs] {
		if s != 0 {
			keep = append(keep, s)
		}
	}
	fixed := make([]uint32, 0, g.Inputs+1) // written before the run
	for i := range g.Inputs {
		fixed = append(fixed, uint32(i))
	}
	place, count := reuseSlots(code, slots, append(fixed, one), keep)
	value, one = place[value], place[one]
	for i, s := range adjoint[:g.Inputs] {
		if s != 0 {
			adjoint[i] = place[s]
		}
	}
	m := make([]float64, count)
	for i, v := range g.InputValues() {
		m[place[i]] = v
	}
	m[one] = 1
	gradient := make([]float64, g.Inputs)
	once := func() error {
		if err := interpret(code, m); err != nil {
			return err
		}
		for i := range gradient {
			gradient[i] = 0
			if s := adjoint[i]; s != 0 {
				gradient[i] = m[s]
			}
		}
		return nil
	}
	if err := once(); err != nil {
		return nil, err
	}
	run := func(n int) error {
		for range n {
			if err := once(); err != nil {
				return err
			}
		}
		return nil
	}
	return &protocol.Item{Run: run, Check: []float64{m[value], inputs.SumOfSquares(gradient)}, Info: map[string]float64{"instructions": float64(len(code))}}, nil
}

// reuseSlots gives the values of the code slots anew, each again after the last reader of its value, and returns those of all
// values and their number. Fixed values and those to keep have slots of their own throughout.
func reuseSlots(code []instruction, values int, fixed, keep []uint32) (place []uint32, count int) {
	const never = -1
	last := make([]int, values)
	for i := range last {
		last[i] = never
	}
	unary := func(op uint32) bool { return op == opHalf || op == opNeg }
	for i, in := range code {
		last[in.a] = i
		if !unary(in.op) {
			last[in.b] = i
		}
	}
	for _, list := range [][]uint32{fixed, keep} {
		for _, v := range list {
			last[v] = len(code)
		}
	}
	place = make([]uint32, values)
	var free []uint32
	take := func(v uint32) {
		if n := len(free); n > 0 {
			place[v], free = free[n-1], free[:n-1]
		} else {
			place[v] = uint32(count)
			count++
		}
	}
	for _, v := range fixed {
		take(v)
	}
	for i := range code {
		in := &code[i]
		a, b, dst := in.a, in.b, in.dst
		in.a = place[a]
		if last[a] == i {
			free = append(free, place[a])
		}
		if !unary(in.op) {
			in.b = place[b]
			if last[b] == i && b != a {
				free = append(free, place[b])
			}
		}
		take(dst)
		in.dst = place[dst]
		if last[dst] == never {
			free = append(free, place[dst])
		}
	}
	return place, count
}

func interpret(code []instruction, m []float64) error {
	for _, in := range code {
		switch in.op {
		case opAdd:
			m[in.dst] = m[in.a] + m[in.b]
		case opSub:
			m[in.dst] = m[in.a] - m[in.b]
		case opMul:
			m[in.dst] = m[in.a] * m[in.b]
		case opHalf:
			m[in.dst] = 0.5 * m[in.a]
		case opNeg:
			m[in.dst] = -m[in.a]
		default:
			return fmt.Errorf("unknown opcode %d", in.op)
		}
	}
	return nil
}
