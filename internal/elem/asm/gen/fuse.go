package main

import "github.com/adjoint-go/adjoint/internal/elem/def"

// fusion is what one instruction does for two nodes.
type fusion struct {
	operands []def.Ref
	truth    uint8 // VPTERNLOG's truth table over the three operands
	inverse  bool  // a comparison with the opposite outcome
}

// fuse finds nodes that one instruction computes together with an operand that nobody
// else uses: with AVX-512 two bitwise operations (VPTERNLOG), and everywhere the negation of
// a comparison. The operands taken in are listed as absorbed.
func fuse(f *def.Func, l level) (fused map[def.Ref]fusion, absorbed map[def.Ref]bool) {
	fused, absorbed = map[def.Ref]fusion{}, map[def.Ref]bool{}
	users := make([]int, len(f.Nodes))
	for _, n := range f.Nodes {
		for _, r := range n.Operands() {
			if r != def.None {
				users[r]++
			}
		}
	}
	for _, r := range f.Results {
		users[r]++
	}
	if f.Guard != def.None {
		users[f.Guard]++
	}
	logic := func(k def.Kind) bool { return k >= def.And && k <= def.AndNot }
	for i, n := range f.Nodes {
		r := def.Ref(i)
		if n.Kind == def.MaskNot && users[n.A] == 1 {
			if k := f.Nodes[n.A].Kind; k >= def.CmpEq && k <= def.CmpLe {
				fused[r] = fusion{operands: []def.Ref{f.Nodes[n.A].A, f.Nodes[n.A].B}, inverse: true}
				absorbed[n.A] = true
			}
			continue
		}
		if l != avx512 || !logic(n.Kind) {
			continue
		}
		for k, o := range [2]def.Ref{n.A, n.B} {
			inner := f.Nodes[o]
			if _, done := fused[o]; done || !logic(inner.Kind) || users[o] != 1 || n.A == n.B {
				continue
			}
			other := [2]def.Ref{n.B, n.A}[k]
			var truth uint8
			for c := range 8 {
				x := apply(inner.Kind, c>>2&1, c>>1&1)
				y := c & 1
				v := apply(n.Kind, x, y)
				if k == 1 {
					v = apply(n.Kind, y, x)
				}
				truth |= uint8(v) << c
			}
			fused[r] = fusion{operands: []def.Ref{inner.A, inner.B, other}, truth: truth}
			absorbed[o] = true
			break
		}
	}
	return fused, absorbed
}

func apply(k def.Kind, x, y int) int {
	switch k {
	case def.And:
		return x & y
	case def.Or:
		return x | y
	case def.Xor:
		return x ^ y
	}
	return (x ^ 1) & y
}

// permute returns the truth table after exchanging operands i and j (0 is the most significant).
func permute(truth uint8, i, j int) uint8 {
	var out uint8
	for c := range 8 {
		bits := [3]int{c >> 2 & 1, c >> 1 & 1, c & 1}
		bits[i], bits[j] = bits[j], bits[i]
		from := bits[0]<<2 | bits[1]<<1 | bits[2]
		out |= truth >> from & 1 << c
	}
	return out
}
