package native

import (
	"math"
	"math/rand/v2"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
)

// randomProgram is a Straight over an arena with its inputs set.
type randomProgram struct {
	code    micro.Straight
	arena   []byte
	inputs  []typedCell
	outputs []typedCell
}

// scatterInputs draws new inputs.
func (p *randomProgram) scatterInputs(r *rand.Rand) {
	for _, i := range p.inputs {
		writeCell(p.arena, i.cell, i.t, randomBits(r, i.t))
	}
}

// typedCell is a cell and what it holds.
type typedCell struct {
	cell uint32
	t    dtype.DType
}

// randomBits draws from ordinary and from difficult values.
func randomBits(r *rand.Rand, t dtype.DType) uint64 {
	switch t {
	case dtype.Bool:
		return uint64(r.IntN(2))
	case dtype.Int32, dtype.Int64:
		x := []int64{0, 1, -1, 2, 7, -100, math.MaxInt32, math.MinInt32, math.MaxInt64, math.MinInt64, int64(r.Uint64()), int64(int32(r.Uint32()))}[r.IntN(12)]
		return fromInt(t, x)
	}
	var x float64
	switch r.IntN(12) {
	case 0:
		x = []float64{0, math.Copysign(0, -1), math.Inf(1), math.Inf(-1), math.NaN(), 5e-324, -1e-310, math.MaxFloat64, 1e-40, -math.MaxFloat32}[r.IntN(10)]
	case 1:
		x = float64(r.IntN(20) - 10)
	case 2:
		x = math.Ldexp(r.NormFloat64(), r.IntN(200)-100)
	case 3:
		x = r.NormFloat64() * 1e10
	default:
		x = r.NormFloat64() * 3
	}
	return fromFloat(t, x)
}

type typedOp struct {
	op    micro.Op
	t, to dtype.DType
}

// everyOp lists the operations that keep accepts, for all types.
func everyOp(keep func(op micro.Op, t, to dtype.DType) bool) []typedOp {
	var out []typedOp
	for op := micro.Mov; int(op) < micro.Count; op++ {
		for t := dtype.Bool; t < dtype.Count; t++ {
			if op != micro.Cast {
				if keep(op, t, 0) {
					out = append(out, typedOp{op, t, 0})
				}
				continue
			}
			for to := dtype.Bool; to < dtype.Count; to++ {
				if keep(op, t, to) {
					out = append(out, typedOp{op, t, to})
				}
			}
		}
	}
	return out
}

// liveCell is a cell that a random program may read.
type liveCell struct {
	cell uint32
	temp bool
}

// newRandomProgram makes n instructions from ops over cells of all types. Up to maxLive
// temporaries live at a time, so that registers run out; cells are reused by liveness.
func newRandomProgram(r *rand.Rand, n, maxLive int, ops []typedOp) *randomProgram {
	p := &randomProgram{}
	inputs, outputs := 3+r.IntN(10), 0
	live := map[dtype.DType][]liveCell{}
	next := uint32(0)
	place := func(t dtype.DType) uint32 {
		if t.Size() == 8 {
			next = (next + 1) &^ 1
		}
		c := next
		next += uint32(max(1, t.Size()/4))
		return c
	}
	var init []typedCell
	for t := dtype.Bool; t < dtype.Count; t++ {
		for range inputs {
			c := place(t)
			init = append(init, typedCell{c, t})
			live[t] = append(live[t], liveCell{c, false})
		}
	}
	// Temporaries: pools of free cells for each size.
	next = (next + 1) &^ 1
	p.code.TempLo = next
	free := map[int][]uint32{}
	for _, size := range []int{8, 4, 1} {
		t := map[int]dtype.DType{8: dtype.Float64, 4: dtype.Float32, 1: dtype.Bool}[size]
		for range maxLive {
			free[size] = append(free[size], place(t))
		}
	}
	next = (next + 1) &^ 1
	p.code.TempHi = next
	next += uint32(r.IntN(40)) * 2
	temps := 0
	pick := func(t dtype.DType) uint32 {
		l := live[t]
		k := r.IntN(len(l))
		if r.IntN(3) != 0 { // prefer what is young
			k = len(l) - 1 - r.IntN(min(len(l), 6))
		}
		return l[k].cell
	}
	for range n {
		for temps >= maxLive || temps > 2 && r.IntN(4) == 0 {
			// A temporary dies.
			t := dtype.Bool + dtype.DType(r.IntN(int(dtype.Count)-1))
			for k, l := range live[t] {
				if l.temp {
					live[t] = append(live[t][:k:k], live[t][k+1:]...)
					free[t.Size()] = append(free[t.Size()], l.cell)
					temps--
					break
				}
			}
		}
		o := ops[r.IntN(len(ops))]
		in := micro.Instr{Op: o.op, Type: o.t, To: o.to}
		var v [3]uint32
		for k := 0; k < o.op.Arity(); k++ {
			v[k] = pick(in.OperandType(k))
			if k > 0 && r.IntN(8) == 0 && in.OperandType(k) == in.OperandType(k-1) {
				v[k] = v[k-1]
			}
		}
		if o.op == micro.Copysign { // the sign of a computed NaN is not defined
			v[1] = init[r.IntN(inputs)+inputs*int(o.t-dtype.Bool)].cell
		}
		in.A, in.B, in.C = v[0], v[1], v[2]
		res := in.Result()
		if f := free[res.Size()]; r.IntN(6) != 0 && len(f) > 0 {
			in.Dst = f[len(f)-1]
			free[res.Size()] = f[:len(f)-1]
			live[res] = append(live[res], liveCell{in.Dst, true})
			temps++
		} else {
			in.Dst = place(res)
			outputs++
			live[res] = append(live[res], liveCell{in.Dst, false})
			p.outputs = append(p.outputs, typedCell{in.Dst, res})
		}
		p.code.Code = append(p.code.Code, in)
	}
	next = (next + 1) &^ 1
	p.arena = make([]byte, next*4)
	p.inputs = init
	p.scatterInputs(r)
	return p
}
