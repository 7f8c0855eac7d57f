package native

import (
	"cmp"
	"slices"

	"github.com/adjoint-go/adjoint/internal/native/isa"
)

// joinFixes lets FixZeros that follow one another without reading one another ask together whether their products are NaN: most of all those of two vectors of an iteration. One comparison tells that of two products; of
// four, with two, is slower, as more registers wait for the test.
func (c *loopCompiler) joinFixes() {
	if !slices.ContainsFunc(c.Code, func(in isa.Instr) bool { return in.Op == isa.FixZeros }) {
		return
	}
	code, ok := c.besides()
	if !ok {
		return
	}
	c.Code = make([]isa.Instr, 0, len(c.Code))
	var first isa.Instr     // a FixZeros that has not been appended
	var waiting []isa.Instr // stores of its result
	hold := func(fix isa.Instr) isa.Instr {
		return isa.Instr{Op: isa.Hold, Type: fix.Type, Dst: isa.None, A: fix.Extra, B: isa.None, C: isa.None}
	}
	flush := func(fixes ...isa.Instr) {
		for _, fix := range fixes {
			c.Code = append(c.Code, fix, hold(fix))
		}
		c.Code = append(c.Code, waiting...)
		first, waiting = isa.Instr{}, waiting[:0]
	}
	for _, in := range code {
		pending := first.Op == isa.FixZeros
		reads := pending && (in.A == first.Dst || in.B == first.Dst || in.C == first.Dst || in.Op == isa.FixZeros && in.Extra == first.Dst)
		switch {
		case reads && in.Op == isa.Store:
			waiting = append(waiting, in)
			continue
		case reads || pending && in.Op == isa.FixZeros && in.Type != first.Type:
			flush(first)
			pending = false
		}
		switch {
		case in.Op != isa.FixZeros:
			c.Code = append(c.Code, in)
		case !pending:
			first = in
		default:
			mask := c.NewValue(isa.KindMask)
			c.Code = append(c.Code, isa.Instr{Op: isa.Cmp, Type: in.Type, Imm: isa.CmpUnordered, Dst: mask, A: first.A, B: in.A, C: isa.None, Part: in.Part})
			first.B, in.B, in.Imm = mask, mask, isa.Joined
			flush(first, in)
		}
	}
	if first.Op == isa.FixZeros {
		flush(first)
	}
	c.DropUnread() // masks of single products
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
