package def

// Fast returns the function simplified for lanes in which no rare mask is true, with
// Guard set to the union of those masks, or f itself if it has none. Where the guard
// is false, the results have the same bits as f's.
func (f *Func) Fast() *Func {
	if len(f.Rare) == 0 {
		return f
	}
	return f.assume(f.Rare, true)
}

// LetUnderflow returns the function without the masks that only keep results from underflowing, for processors that
// take no longer for these: same bits.
func (f *Func) LetUnderflow() *Func {
	if len(f.Underflow) == 0 {
		return f
	}
	return f.assume(f.Underflow, false)
}

// assume returns the function simplified for lanes in which none of the masks is true, if guarded with their union as Guard.
func (f *Func) assume(masks []Ref, guarded bool) *Func {
	b := NewBuilder(f.Name, f.Op, f.Type, f.Args)
	b.f.Tables = f.Tables
	const yes, no = Ref(-2), Ref(-3) // masks known to be true or false
	assumed := make([]bool, len(f.Nodes))
	for _, r := range masks {
		assumed[r] = true
	}
	to := make([]Ref, len(f.Nodes))
	guard := None
	for i, n := range f.Nodes {
		A, B, C := None, None, None
		if n.A != None {
			A = to[n.A]
		}
		if n.B != None {
			B = to[n.B]
		}
		if n.C != None {
			C = to[n.C]
		}
		switch {
		case n.Kind == Select && A == yes:
			to[i] = B
			continue
		case n.Kind == Select && (A == no || B == C):
			to[i] = C
			continue
		case n.Kind == MaskNot && A == yes:
			to[i] = no
			continue
		case n.Kind == MaskNot && A == no:
			to[i] = yes
			continue
		case n.Kind == MaskAnd && (A == no || B == no), n.Kind == MaskXor && A == B:
			to[i] = no
			continue
		case n.Kind == MaskAnd && A == yes, n.Kind == MaskOr && A == no, n.Kind == MaskXor && A == no:
			to[i] = B
			continue
		case n.Kind == MaskAnd && B == yes, n.Kind == MaskOr && B == no, n.Kind == MaskXor && B == no:
			to[i] = A
			continue
		case n.Kind == MaskOr && (A == yes || B == yes):
			to[i] = yes
			continue
		case n.Kind == MaskXor && A == yes:
			to[i] = b.MaskNot(B)
			continue
		case n.Kind == MaskXor && B == yes:
			to[i] = b.MaskNot(A)
			continue
		}
		var operands []Ref
		for _, r := range []Ref{A, B, C} {
			if r != None {
				operands = append(operands, r)
			}
		}
		r := b.node(n.Kind, n.Imm, operands...)
		to[i] = r
		if assumed[i] {
			// The mask itself stays as a part of the guard, its users see false.
			switch {
			case !guarded:
			case guard == None:
				guard = r
			default:
				guard = b.either(guard, r)
			}
			to[i] = no
		}
	}
	g := b.f
	g.Results = nil
	for _, r := range f.Results {
		g.Results = append(g.Results, to[r])
	}
	if !guarded {
		for _, r := range f.Rare {
			if to[r] >= 0 {
				g.Rare = append(g.Rare, to[r])
			}
		}
	}
	g.Guard = guard
	g.prune()
	if err := g.Check(); err != nil {
		panic("BUG: " + err.Error())
	}
	return &g
}

// either is MaskOr with one negation instead of two.
func (b *Builder) either(x, y Ref) Ref {
	if m, n := b.f.Nodes[x], b.f.Nodes[y]; m.Kind == MaskNot && n.Kind == MaskNot {
		return b.MaskNot(b.MaskAnd(m.A, n.A))
	}
	return b.MaskOr(x, y)
}

// GuardAll returns the function with what its Guard is the negation of as Guard: it must not be used unless that is true. It reports
// whether Guard is one.
func (f *Func) GuardAll() (*Func, bool) {
	if f.Guard == None || f.Nodes[f.Guard].Kind != MaskNot {
		return f, false
	}
	g := *f
	g.Guard = f.Nodes[f.Guard].A
	g.prune()
	return &g, true
}
