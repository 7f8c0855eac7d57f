package def

// ExpandScale returns the function with every Scale written out as
// (A·2^h)·2^(B−h), h = ⌊B/2⌋, for executors without VSCALEF: same bits. B and twice the bias of exponents are
// the low bits of a float, which integers halve.
func (f *Func) ExpandScale() *Func {
	b := NewBuilder(f.Name, f.Op, f.Type, f.Args)
	b.f.Tables = f.Tables
	to := make([]Ref, len(f.Nodes))
	for i, n := range f.Nodes {
		var operands []Ref
		for _, r := range n.Operands() {
			if r != None {
				operands = append(operands, to[r])
			}
		}
		if n.Kind != Scale {
			to[i] = b.node(n.Kind, n.Imm, operands...)
			continue
		}
		x, k := operands[0], operands[1]
		sum := b.Add(k, b.K2(3<<51+2*1023, 3<<22+2*127))
		h := b.Shr(sum, 1)
		shift := b.mantissaBits()
		to[i] = b.Mul(b.times(x, b.Shl(h, shift)), b.Shl(b.ISub(sum, h), shift))
	}
	for _, r := range f.Rare {
		b.f.Rare = append(b.f.Rare, to[r])
	}
	for _, r := range f.Underflow {
		b.f.Underflow = append(b.f.Underflow, to[r])
	}
	if f.Guard != None {
		b.f.Guard = to[f.Guard]
	}
	results := make([]Ref, len(f.Results))
	for i, r := range f.Results {
		results[i] = to[r]
	}
	return b.Finish(results...)
}

// times returns x·s for a power of two s that rounds nothing: a sum with 1 is multiplied by the operation that makes it, since
// s·(1 + t) and s + s·t are rounded alike.
func (b *Builder) times(x, s Ref) Ref {
	one, zero := b.K(1), b.K(0)
	switch n := b.f.Nodes[x]; {
	case n.Kind == Add && n.B == one:
		return b.FMA(n.A, s, s)
	case n.Kind == FMA && n.C == one:
		return b.FMA(b.Mul(n.A, s), n.B, s)
	case n.Kind == Select && n.B == zero:
		return b.Select(n.A, zero, b.times(n.C, s))
	}
	return b.Mul(x, s)
}
