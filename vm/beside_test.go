package vm

import (
	"fmt"
	"math/rand"
	"testing"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
)

// TestOrderOfCalls holds that calls in the order of a block executor compute what the code does, on expressions for values.
func TestOrderOfCalls(t *testing.T) {
	rng := rand.New(rand.NewSource(8))
	ops := []micro.Op{micro.Exp, micro.Log, micro.Sin, micro.Cos, micro.Div, micro.Div, micro.Add, micro.Neg}
	beside := 0
	for range 2000 {
		l := &micro.Loop{Dims: []int{1000}, In: make([]micro.Access, 2), Temps: 1 + rng.Intn(8)}
		registers := len(l.In) + l.Temps
		for r := range registers { // every register is written before it is read
			if r >= len(l.In) {
				l.Code = append(l.Code, micro.Instr{Op: micro.Neg, Type: dtype.Float64, Dst: uint32(r)})
			}
		}
		for range rng.Intn(30) {
			c := micro.Instr{Op: ops[rng.Intn(len(ops))], Type: dtype.Float64, Dst: uint32(len(l.In) + rng.Intn(l.Temps))}
			if rng.Intn(8) == 0 {
				c.Type = dtype.Float32
			}
			c.A, c.B = uint32(rng.Intn(registers)), uint32(rng.Intn(registers))
			l.Code = append(l.Code, c)
		}
		x := &loop{l: l, calls: make([]blockCall, len(l.Code)), pairs: sinCosPairs(l.Code)}
		for i := range x.calls {
			x.calls[i].second = -1
		}
		level := cpu.Best()
		x.pairSinCos(level)
		x.orderCalls(level)
		want, got := expressions(registers), expressions(registers)
		for i := range l.Code {
			want[l.Code[i].Dst] = expression(&l.Code[i], want)
		}
		buffers := map[int32]string{}
		for _, s := range x.steps {
			c, call := &l.Code[s.call], &x.calls[s.call]
			v := expression(c, got)
			if call.second >= 0 && call.pair == nil {
				v = buffers[call.second]
			} else if call.pair != nil {
				other := *c
				other.Op = micro.Sin + micro.Cos - c.Op
				buffers[call.second] = expression(&other, got)
			}
			if s.kernel != nil {
				beside++
				d := &l.Code[s.division]
				if d.Type != c.Type || d.Dst == c.Dst {
					t.Fatal("a division of another dtype or to the same place")
				}
				got[d.Dst] = expression(d, got)
			}
			got[c.Dst] = v
		}
		for r := range want {
			if got[r] != want[r] {
				t.Fatalf("register %d is %s, want %s\n%v\n%v", r, got[r], want[r], l.Code, x.steps)
			}
		}
	}
	if level := cpu.Best(); (beside > 500) != (level > cpu.Portable) {
		t.Errorf("%d divisions beside others at %s", beside, level)
	}
}

func expressions(registers int) []string {
	v := make([]string, registers)
	for r := range v {
		v[r] = fmt.Sprint("r", r)
	}
	return v
}

func expression(c *micro.Instr, v []string) string {
	if c.Op.Arity() == 1 {
		return fmt.Sprint(c.Op, c.Type, "(", v[c.A], ")")
	}
	return fmt.Sprint(c.Op, c.Type, "(", v[c.A], ",", v[c.B], ")")
}
