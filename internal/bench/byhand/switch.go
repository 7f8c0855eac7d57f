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
// their adjoints in reverse, each as one instruction on an array of slots.
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
	m := make([]float64, slots)
	copy(m, g.InputValues())
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
