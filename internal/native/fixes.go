package native

import (
	"cmp"
	"slices"

	"github.com/adjoint-go/adjoint/internal/native/isa"
)

// joinedFixes bounds the products that have a test in common: the masks of two, each of two products, are tested by one instruction.
const joinedFixes = 2

// fixJoiner gives products, of which FixZeros tests whether they are NaN, tests in common.
type fixJoiner struct {
	*lowering
	code    []isa.Instr
	fixes   []isa.Instr // FixZeros that have not been appended
	holds   []isa.Instr // by fix
	waiting []isa.Instr // stores of their results
}

// joinFixes joins tests of products that follow one another without reading one another, most of all those of the vectors of an iteration.
func (c *loopCompiler) joinFixes() {
	if !slices.ContainsFunc(c.Code, func(in isa.Instr) bool { return in.Op == isa.FixZeros }) {
		return
	}
	code, ok := c.besides()
	if !ok {
		return
	}
	j := fixJoiner{lowering: &c.lowering, code: make([]isa.Instr, 0, len(code))}
	for i := 0; i < len(code); i++ {
		in := code[i]
		reads := slices.ContainsFunc(j.fixes, func(f isa.Instr) bool {
			return in.A == f.Dst || in.B == f.Dst || in.C == f.Dst || in.Op == isa.FixZeros && (in.Extra == f.Dst || in.Type != f.Type)
		})
		switch {
		case reads && in.Op == isa.Store:
			j.waiting = append(j.waiting, in)
			continue
		case reads:
			j.flush()
		}
		if in.Op != isa.FixZeros {
			j.code = append(j.code, in)
			continue
		}
		j.fixes, j.holds = append(j.fixes, in), append(j.holds, isa.Instr{Op: isa.Hold, Type: in.Type, Dst: isa.None, A: in.Extra, B: isa.None, C: isa.None})
		if len(j.fixes) == joinedFixes {
			j.flush()
		}
	}
	j.flush()
	c.Code = j.code
	c.DropUnread() // masks of single products
}

// flush appends what waits.
func (j *fixJoiner) flush() {
	var masks [joinedFixes / 2]int32
	if n := len(j.fixes); n > 1 {
		for k := 0; k < n; k += 2 {
			v := j.NewValue(isa.KindMask)
			j.code = append(j.code, isa.Instr{Op: isa.Cmp, Type: j.fixes[k].Type, Imm: isa.CmpUnordered, Dst: v, A: j.fixes[k].A, B: j.fixes[min(k+1, n-1)].A, C: isa.None, Part: j.fixes[k].Part})
			masks[k/2] = v
		}
	}
	for k, in := range j.fixes {
		if len(j.fixes) > 1 {
			in.B = masks[k/2]
		}
		if k > 0 {
			in.Imm = isa.Joined
		}
		j.code = append(j.code, in, j.holds[k])
	}
	j.code = append(j.code, j.waiting...)
	j.fixes, j.holds, j.waiting = j.fixes[:0], j.holds[:0], j.waiting[:0]
}

// besides returns the code without the Holds of fixes, with what an operation is for the vectors of an iteration beside one another. It reports false if a vector needs what another makes later.
func (c *loopCompiler) besides() ([]isa.Instr, bool) {
	var code []isa.Instr
	for i, in := range c.Code {
		if in.Op != isa.Hold || i == 0 || c.Code[i-1].Op != isa.FixZeros {
			code = append(code, in)
		}
	}
	slices.SortStableFunc(code, func(a, b isa.Instr) int { return cmp.Compare(a.Unit%c.units(), b.Unit%c.units()) })
	made := make([]bool, len(c.Vals))
	for _, in := range c.Code {
		if in.Dst != isa.None && !c.Vals[in.Dst].Pinned {
			made[in.Dst] = true
		}
	}
	later := func(v int32) bool { return v != isa.None && made[v] }
	for _, in := range code {
		if later(in.A) || later(in.B) || later(in.C) || in.Op == isa.FixZeros && later(in.Extra) {
			return nil, false
		}
		if in.Dst != isa.None {
			made[in.Dst] = false
		}
	}
	return code, true
}

// units is how many numbers of units a part has: one for each operation, and one for what comes behind them.
func (c *loopCompiler) units() int32 { return int32(len(c.loop.Code)) + 1 }
