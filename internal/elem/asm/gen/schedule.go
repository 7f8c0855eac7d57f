package main

import (
	"slices"

	"github.com/adjoint-go/adjoint/internal/elem/def"
)

// twice returns a function that does f's work for two vectors: arguments and results
// of the second follow those of the first, and the guard is that of either.
func twice(f *def.Func) *def.Func {
	g := &def.Func{Name: f.Name, Op: f.Op, Type: f.Type, Args: 2 * f.Args, Tables: f.Tables, Guard: def.None}
	constants := map[uint64]def.Ref{}
	guards := []def.Ref{}
	for copy := range 2 {
		to := make([]def.Ref, len(f.Nodes))
		move := func(r def.Ref) def.Ref {
			if r == def.None {
				return def.None
			}
			return to[r]
		}
		for i, n := range f.Nodes {
			if c, ok := constants[n.Imm]; ok && n.Kind == def.Const {
				to[i] = c
				continue
			}
			if n.Kind == def.Arg {
				n.Imm += uint64(copy * f.Args)
			}
			n.A, n.B, n.C = move(n.A), move(n.B), move(n.C)
			to[i] = def.Ref(len(g.Nodes))
			g.Nodes = append(g.Nodes, n)
			if n.Kind == def.Const {
				constants[n.Imm] = to[i]
			}
		}
		for _, r := range f.Results {
			g.Results = append(g.Results, to[r])
		}
		if f.Guard != def.None {
			guards = append(guards, to[f.Guard])
		}
	}
	if len(guards) == 2 {
		g.Guard = def.Ref(len(g.Nodes))
		g.Nodes = append(g.Nodes, def.Node{Kind: def.MaskOr, A: guards[0], B: guards[1], C: def.None})
	}
	return g
}

// besideDivision returns a function that also divides its second argument by the third: the unit that divides is idle in f, and other units while a quotient is under way.
func besideDivision(f *def.Func) *def.Func {
	g := *f
	g.Name, g.Args = f.Name+"_div", 3
	at := def.Ref(len(f.Nodes))
	g.Nodes = append(slices.Clip(f.Nodes),
		def.Node{Kind: def.Arg, Imm: 1, A: def.None, B: def.None, C: def.None},
		def.Node{Kind: def.Arg, Imm: 2, A: def.None, B: def.None, C: def.None},
		def.Node{Kind: def.Div, A: at, B: at + 1, C: def.None})
	g.Results = append(slices.Clip(f.Results), at+2)
	return &g
}

// latency is the number of cycles until a result can be used, about as on Zen 4 and 5.
func latency(k def.Kind) int {
	switch k {
	case def.Div:
		return 13
	case def.Sqrt:
		return 21
	case def.Gather:
		return 20
	case def.Add, def.Sub, def.RoundEven, def.Floor, def.Ceil, def.Trunc:
		return 3
	case def.Mul, def.FMA, def.FMS, def.FNMA, def.Scale:
		return 4
	case def.CmpEq, def.CmpNe, def.CmpLt, def.CmpLe, def.Bit:
		return 3
	case def.Min, def.Max:
		return 2
	}
	return 1
}

// heavy operations share two pipes.
func heavy(k def.Kind) bool {
	return k == def.Mul || k == def.FMA || k == def.FMS || k == def.FNMA || k == def.Div || k == def.Sqrt || k == def.Scale
}

// listSchedule orders the nodes for a machine that issues four operations a cycle, two of
// them multiplications, taking the longest path to the end first, as long as no more than limit
// values are alive; beyond, it prefers what ends lives.
func (b *body) listSchedule(limit int) []def.Ref {
	f := b.f
	n := len(f.Nodes)
	needed := make([]bool, n)
	for _, r := range f.Results {
		needed[r] = true
	}
	if f.Guard != def.None {
		needed[f.Guard] = true
	}
	users := make([]int, n)
	height := make([]int, n)
	isOp := func(r def.Ref) bool { k := f.Nodes[r].Kind; return k != def.Const && k != def.Arg }
	for i := n - 1; i >= 0; i-- {
		r := def.Ref(i)
		if !needed[i] {
			continue
		}
		height[i] += latency(f.Nodes[i].Kind)
		if !isOp(r) {
			continue
		}
		for _, o := range b.operands(r) {
			needed[o] = true
			users[o]++
			height[o] = max(height[o], height[i])
		}
	}
	for _, r := range f.Results {
		users[r]++
	}
	waiting := make([]int, n)
	readyAt := make([]int, n)
	consumers := make([][]def.Ref, n)
	total := 0
	var ready []def.Ref
	for i := range n {
		r := def.Ref(i)
		if !needed[i] || !isOp(r) {
			continue
		}
		total++
		for _, o := range b.operands(r) {
			if isOp(o) {
				waiting[i]++
				consumers[o] = append(consumers[o], r)
			}
		}
		if waiting[i] == 0 {
			ready = append(ready, r)
		}
	}
	left := append([]int(nil), users...)
	alive := 0
	frees := func(r def.Ref) int {
		d := -1 // the result becomes alive
		if f.Nodes[r].Kind.Info().Mask && b.level == avx512 {
			d = 0
		}
		seen := map[def.Ref]bool{}
		for _, o := range b.operands(r) {
			uses := 0
			for _, p := range b.operands(r) {
				if p == o {
					uses++
				}
			}
			if isOp(o) && !seen[o] && left[o] == uses && !(f.Nodes[o].Kind.Info().Mask && b.level == avx512) {
				d++
			}
			seen[o] = true
		}
		return d
	}
	var order []def.Ref
	for cycle := 0; len(order) < total; cycle++ {
		slots, mults := 4, 2
		for slots > 0 {
			best := -1
			score := func(r def.Ref) (s int) {
				s = height[r]
				if alive >= limit {
					s += 10000 * frees(r)
				}
				return s
			}
			for i, r := range ready {
				if alive < limit && (readyAt[r] > cycle || heavy(f.Nodes[r].Kind) && mults == 0) {
					continue
				}
				if best < 0 || score(r) > score(ready[best]) || score(r) == score(ready[best]) && r < ready[best] {
					best = i
				}
			}
			if best < 0 {
				break
			}
			r := ready[best]
			ready = append(ready[:best], ready[best+1:]...)
			alive -= frees(r)
			for _, o := range b.operands(r) {
				left[o]--
			}
			order = append(order, r)
			slots--
			if heavy(f.Nodes[r].Kind) {
				mults--
			}
			for _, c := range consumers[r] {
				readyAt[c] = max(readyAt[c], cycle+latency(f.Nodes[r].Kind))
				if waiting[c]--; waiting[c] == 0 {
					ready = append(ready, c)
				}
			}
		}
	}
	return order
}
