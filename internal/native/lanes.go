package native

import (
	"cmp"
	"slices"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/internal/native/isa"
)

// Lanes: scalar code that does the same for eight neighbours runs as one vector instruction.
//
// Within a chunk, eight instructions with one operation and one level (longest path from the chunk's
// inputs, so that they cannot depend on one another) form a pack if their operands do as well: packs,
// eight neighbouring cells, or one value for all. Packs grow from seeds towards the operands
// (superword-level parallelism, Larsen and Amarasinghe 2000). Seeds are neighbouring outputs, and
// the terms of a chain like s = s + t, which itself stays in order. Every element is computed by
// the same operations as before, so no bit of a result changes.

type laneTuple [isa.LaneCount]int32

// packOperand is where a pack's operand comes from; exactly one of the fields is not none.
type packOperand struct {
	pack   int32 // number of a pack
	single int32 // value for all lanes
	first  int32 // value of the first of eight neighbouring cells
}

type lanePack struct {
	instr   laneTuple // indices relative to the chunk
	operand [3]packOperand
	value   int32 // vector value, none before it is emitted
	used    bool
}

// laneFinder is the state of packing a chunk.
type laneFinder struct {
	packs   []lanePack
	byLanes map[laneTuple]int32 // number of a pack, none if it cannot be made
	packOf  []int32             // by instruction: a used pack, or none
	laneOf  []uint8
	done    []bool
	single  map[int32]int32 // by value: vector of it
	cells   map[int32]int32 // by displacement: vector of the cells from there on
	tried   int
	rows    []laneRow
}

// ssaInstr holds the values of an instruction's result and operands.
type ssaInstr struct{ dst, a, b, c int32 }

func (s *ssaInstr) operand(k int) int32 {
	switch k {
	case 0:
		return s.a
	case 1:
		return s.b
	}
	return s.c
}

var laneOps = [micro.Count]bool{micro.Add: true, micro.Sub: true, micro.Mul: true, micro.Div: true, micro.FMA: true, micro.FMS: true, micro.FNMA: true, micro.Neg: true,
	micro.Abs: true, micro.Sqrt: true, micro.Min: true, micro.Copysign: true, micro.Floor: true, micro.Ceil: true, micro.Trunc: true, micro.Round: true}

// findLanes looks for packs among the instructions of the chunk that begins at lo, and
// reports whether there are enough of them.
func (c *straightCompiler) findLanes(lo int) bool {
	f := &c.lanesFound
	code := c.program.Code[lo : lo+len(c.named.ssa)]
	f.packs, f.byLanes, f.tried = f.packs[:0], nil, 0
	var seeds []int32
	seeds = c.outputSeeds(code, seeds)
	seeds = c.chainSeeds(code, seeds)
	if len(seeds) == 0 {
		return false
	}
	covered := 0
	f.packOf = resize(f.packOf, len(code))
	f.laneOf = resize(f.laneOf, len(code))
	for i := range f.packOf {
		f.packOf[i] = isa.None
	}
	var mark func(p int32)
	mark = func(p int32) {
		pack := &f.packs[p]
		if pack.used {
			return
		}
		pack.used = true
		for lane, i := range pack.instr {
			if f.packOf[i] == isa.None {
				f.packOf[i], f.laneOf[i] = p, uint8(lane)
				covered++
			}
		}
		for k := range pack.operand {
			if q := pack.operand[k].pack; q != isa.None {
				mark(q)
			}
		}
	}
	for _, p := range seeds {
		mark(p)
	}
	return covered*8 >= len(code)
}

// findChains fills what lanes are found by: where values come from, levels, and the chains that are long enough.
func (x *named) findChains(code []micro.Instr) {
	x.producer = resize(x.producer, len(x.vals))
	for i := range x.producer {
		x.producer[i] = isa.None
	}
	x.level, x.length, x.follow, x.chains = resize(x.level, len(code)), resize(x.length, len(code)), resize(x.follow, len(code)), x.chains[:0]
	for i := range x.ssa {
		s := &x.ssa[i]
		level := int32(0)
		for k := range code[i].Op.Arity() {
			if p := x.producer[s.operand(k)]; p != isa.None {
				level = max(level, x.level[p])
			}
		}
		x.level[i] = level + 1
		x.producer[s.dst] = int32(i)
		x.length[i], x.follow[i] = 0, isa.None
	}
	for i := range code {
		if slot, p := x.link(code, int32(i)); slot >= 0 {
			x.length[i] = x.length[p] + 1
			if x.follow[p] == isa.None {
				x.follow[p] = int32(i)
			}
		}
	}
	for i := range code {
		if x.length[i] != 1 {
			continue
		}
		links := 0
		for j := int32(i); j != isa.None && links < isa.LaneCount; j = x.follow[j] {
			links++
		}
		if links == isa.LaneCount {
			x.chains = append(x.chains, int32(i))
		}
	}
}

// link returns the slot of the operand by which instruction i goes on with a chain, and the link before it.
func (x *named) link(code []micro.Instr, i int32) (slot int, from int32) {
	op := code[i].Op
	if code[i].Type != dtype.Float64 || op != micro.Add && op != micro.Sub && op != micro.Mul && fusedOps[op] == 0 {
		return -1, isa.None
	}
	for k := op.Arity() - 1; k >= 0; k-- {
		p := x.producer[x.ssa[i].operand(k)]
		if p != isa.None && code[p].Op == op && x.level[p] == x.level[i]-1 {
			return k, p
		}
	}
	return -1, isa.None
}

func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		s = make([]T, n+n/4)
	}
	return s[:n]
}

// outputSeeds makes packs of instructions whose results are neighbouring outputs.
func (c *straightCompiler) outputSeeds(code []micro.Instr, seeds []int32) []int32 {
	run := 0
	for i := range code {
		if code[i].Type != dtype.Float64 || !laneOps[code[i].Op] || !c.Vals[c.named.ssa[i].dst].Output {
			continue
		}
		c.outputs = append(c.outputs, int32(i))
	}
	list := c.outputs
	slices.SortFunc(list, func(i, j int32) int { return cmp.Compare(code[i].Dst, code[j].Dst) })
	c.outputs = c.outputs[:0]
	for run+isa.LaneCount <= len(list) {
		var t laneTuple
		n := 0
		for ; n < isa.LaneCount; n++ {
			if i := list[run+n]; code[i].Dst == code[list[run]].Dst+uint32(2*n) {
				t[n] = i
				continue
			}
			break
		}
		if n < isa.LaneCount {
			run += max(1, n)
			continue
		}
		if p := c.tryPack(code, t); p != isa.None {
			seeds = append(seeds, p)
			run += isa.LaneCount
		} else {
			run++
		}
	}
	return seeds
}

// chainSeeds makes packs of the terms of chains.
func (c *straightCompiler) chainSeeds(code []micro.Instr, seeds []int32) []int32 {
	x := &c.named
	for _, i := range x.chains {
		links := c.chainLinks[:0]
		for j := i; j != isa.None; j = x.follow[j] {
			links = append(links, j)
		}
		c.chainLinks = links
		for slot := 0; slot < code[i].Op.Arity(); slot++ {
			terms := make([]int32, 0, len(links))
			for _, j := range links {
				s, _ := x.link(code, j)
				k := slot
				if fusedOps[code[i].Op] == 0 {
					if slot == 1 {
						break
					}
					k = 1 - s
				}
				p := isa.None
				if k != s {
					p = x.producer[x.ssa[j].operand(k)]
				}
				terms = append(terms, p)
			}
			misses := 0
			for at := 0; at+isa.LaneCount <= len(terms); {
				t := laneTuple(terms[at : at+isa.LaneCount])
				if p := c.tryPack(code, t); p != isa.None {
					seeds = append(seeds, p)
					at += isa.LaneCount
					misses = 0
				} else if misses++; misses < 2*isa.LaneCount {
					at++ // the first terms may be special
				} else {
					at += isa.LaneCount
				}
			}
		}
	}
	return seeds
}

// tryPack returns the number of the pack of the given instructions, or none.
func (c *straightCompiler) tryPack(code []micro.Instr, t laneTuple) int32 {
	f := &c.lanesFound
	if t[0] == isa.None {
		return isa.None
	}
	first := &code[t[0]]
	if first.Type != dtype.Float64 || !laneOps[first.Op] {
		return isa.None
	}
	for lane := 1; lane < isa.LaneCount; lane++ {
		i := t[lane]
		if i == isa.None || code[i].Op != first.Op || code[i].Type != dtype.Float64 || c.named.level[i] != c.named.level[t[0]] || i == t[lane-1] {
			return isa.None
		}
	}
	if p, ok := f.byLanes[t]; ok {
		return p
	}
	if f.tried > len(code)/2 { // keeps the search linear
		return isa.None
	}
	f.tried++
	if f.byLanes == nil {
		f.byLanes = map[laneTuple]int32{}
	}
	pack := lanePack{instr: t, value: isa.None}
	for k := range pack.operand {
		pack.operand[k] = packOperand{isa.None, isa.None, isa.None}
	}
	var v [3]laneTuple
	arity := first.Op.Arity()
	for lane, i := range t {
		for k := range arity {
			v[k][lane] = c.named.ssa[i].operand(k)
		}
	}
	if first.Op.Info().Commutes {
		c.alignOperands(code, &v[0], &v[1])
	}
	result := isa.None
	ok := true
	for k := 0; k < arity && ok; k++ {
		pack.operand[k], ok = c.packOperandOf(code, v[k])
	}
	if ok {
		result = int32(len(f.packs))
		f.packs = append(f.packs, pack)
	}
	f.byLanes[t] = result
	return result
}

// alignOperands exchanges operands of commutative lanes so that each side is like the first lane's.
func (c *straightCompiler) alignOperands(code []micro.Instr, x, y *laneTuple) {
	like := func(v, model int32, lane int) bool {
		p, q := c.named.producer[v], c.named.producer[model]
		if (p == isa.None) != (q == isa.None) {
			return false
		}
		if p != isa.None {
			return v == model || code[p].Op == code[q].Op && c.named.level[p] == c.named.level[q]
		}
		return v == model || c.Vals[v].Disp == c.Vals[model].Disp+int32(8*lane)
	}
	for lane := 1; lane < isa.LaneCount; lane++ {
		if like(x[lane], x[0], lane) && like(y[lane], y[0], lane) {
			continue
		}
		if like(y[lane], x[0], lane) && like(x[lane], y[0], lane) {
			x[lane], y[lane] = y[lane], x[lane]
		}
	}
}

func (c *straightCompiler) packOperandOf(code []micro.Instr, v laneTuple) (packOperand, bool) {
	same, produced := true, true
	for _, x := range v {
		same = same && x == v[0]
		produced = produced && c.named.producer[x] != isa.None
	}
	switch {
	case same:
		return packOperand{isa.None, v[0], isa.None}, true
	case produced:
		var t laneTuple
		for lane, x := range v {
			t[lane] = c.named.producer[x]
		}
		p := c.tryPack(code, t)
		return packOperand{p, isa.None, isa.None}, p != isa.None
	}
	for lane, x := range v {
		val := &c.Vals[x]
		if c.named.producer[x] != isa.None || val.Kind != isa.Kind64 || val.Home != isa.SpaceArena || val.Disp != c.Vals[v[0]].Disp+int32(8*lane) {
			return packOperand{isa.None, isa.None, isa.None}, false
		}
	}
	return packOperand{isa.None, isa.None, v[0]}, true
}

// lowerLanes appends the low-level code of a chunk with packs: in the order of the program, but
// with everything that a pack needs before it.
func (c *straightCompiler) lowerLanes(lo int) error {
	f := &c.lanesFound
	code := c.program.Code[lo : lo+len(c.named.ssa)]
	f.done = resize(f.done, len(code))
	clear(f.done)
	f.rows = f.rows[:0]
	f.single, f.cells = map[int32]int32{}, map[int32]int32{}
	for i := range code {
		if err := c.emitUnit(lo, code, int32(i)); err != nil {
			return err
		}
	}
	for k := range c.named.lasting {
		l := &c.named.lasting[k]
		if val := &c.Vals[l.value]; val.Home == isa.SpaceFixed {
			// Rows are not kept.
			kind := val.Kind
			out := c.NewValue(kind)
			c.put(isa.Mov, typeOfKind(kind), 0, out, kind, l.value, isa.None, isa.None)
			l.value = out
		}
	}
	c.placeRows()
	return nil
}

func typeOfKind(k isa.Kind) isa.Elem {
	if k == isa.Kind32 {
		return isa.F32
	}
	return isa.F64
}

// emitUnit appends instruction i, or the pack that computes it, after its operands.
func (c *straightCompiler) emitUnit(lo int, code []micro.Instr, i int32) error {
	f := &c.lanesFound
	if p := f.packOf[i]; p != isa.None {
		return c.emitPack(lo, code, p)
	}
	if f.done[i] {
		return nil
	}
	f.done[i] = true
	s := &c.named.ssa[i]
	for k := 0; k < code[i].Op.Arity(); k++ {
		if err := c.emitOperand(lo, code, s.operand(k)); err != nil {
			return err
		}
	}
	if !c.lower(&code[i], s.dst, s.a, s.b, s.c) {
		return &ErrUnsupported{Op: code[i].Op, Type: code[i].Type, To: code[i].To, Instr: lo + int(i)}
	}
	return nil
}

func (c *straightCompiler) emitOperand(lo int, code []micro.Instr, v int32) error {
	if p := c.named.producer[v]; p != isa.None {
		return c.emitUnit(lo, code, p)
	}
	return nil
}

// emitPack appends a pack after its operands, and stores it where its lanes are outputs or have
// scalar users.
func (c *straightCompiler) emitPack(lo int, code []micro.Instr, p int32) error {
	f := &c.lanesFound
	if f.packs[p].value != isa.None {
		return nil
	}
	first := &code[f.packs[p].instr[0]]
	v := [3]int32{isa.None, isa.None, isa.None}
	for k := 0; k < first.Op.Arity(); k++ {
		o := f.packs[p].operand[k]
		switch {
		case o.pack != isa.None:
			if err := c.emitPack(lo, code, o.pack); err != nil {
				return err
			}
			v[k] = f.packs[o.pack].value
		case o.single != isa.None:
			if err := c.emitOperand(lo, code, o.single); err != nil {
				return err
			}
			v[k] = c.broadcast(o.single)
		default:
			v[k] = c.neighbours(c.Vals[o.first].Disp)
		}
	}
	c.Mode, c.vector = isa.ModeMasked, true
	dst := c.NewValue(isa.KindVector)
	c.lower(first, dst, v[0], v[1], v[2])
	c.Mode, c.vector = isa.ModeScalar, false
	pack := &f.packs[p]
	pack.value = dst
	c.packCount++
	row, wanted := true, false
	for lane, i := range pack.instr {
		val := &c.Vals[c.named.ssa[i].dst]
		row = row && val.Output && code[i].Dst == first.Dst+uint32(2*lane)
		// Only the pack that stands for an instruction serves its scalar users.
		wanted = wanted || f.packOf[i] == p && (c.hasScalarUser[i] || val.Output)
	}
	if !row && !wanted {
		return nil
	}
	home, disp := isa.SpaceArena, int32(first.Dst)*4-c.Bias
	if !row {
		home, disp = isa.SpaceFixed, 0 // see placeRows
		f.rows = append(f.rows, laneRow{store: int32(len(c.Code))})
	}
	c.Code = append(c.Code, isa.Instr{Op: isa.StoreLanes, Type: isa.F64, Imm: uint8(home), Dst: isa.None, A: dst, B: isa.None, C: isa.None, Extra: disp, Vector: true})
	for lane, i := range pack.instr {
		if f.packOf[i] != p {
			continue
		}
		id := c.named.ssa[i].dst
		if val := &c.Vals[id]; row {
			val.Output, val.Stored = false, true
			continue
		} else if val.Output {
			// An output without neighbours: copied from the scratch block.
			from := c.NewValue(isa.Kind64)
			c.inRow(from, lane)
			c.put(isa.Mov, isa.F64, 0, id, isa.Kind64, from, isa.None, isa.None)
			continue
		}
		c.inRow(id, lane)
	}
	return nil
}

// broadcast returns the vector of one value.
func (c *straightCompiler) broadcast(v int32) int32 {
	f := &c.lanesFound
	if x, ok := f.single[v]; ok {
		return x
	}
	x := c.NewValue(isa.KindVector)
	c.Code = append(c.Code, isa.Instr{Op: isa.Broadcast, Type: isa.F64, Dst: x, A: v, B: isa.None, C: isa.None, Vector: true})
	f.single[v] = x
	return x
}

// neighbours returns the vector of the cells from a displacement on.
func (c *straightCompiler) neighbours(disp int32) int32 {
	f := &c.lanesFound
	if x, ok := f.cells[disp]; ok {
		return x
	}
	x := c.NewValue(isa.KindVector)
	val := &c.Vals[x]
	val.Home, val.Disp, val.Stored = isa.SpaceArena, disp, true
	f.cells[disp] = x
	return x
}

// findScalarUsers marks the instructions whose value is read outside of packs, or outlives the chunk.
func (c *straightCompiler) findScalarUsers(code []micro.Instr) {
	f := &c.lanesFound
	c.hasScalarUser = resize(c.hasScalarUser, len(code))
	clear(c.hasScalarUser)
	mark := func(v int32) {
		if int(v) < len(c.named.producer) && c.named.producer[v] != isa.None {
			c.hasScalarUser[c.named.producer[v]] = true
		}
	}
	for i := range code {
		if f.packOf[i] != isa.None {
			continue
		}
		for k := 0; k < code[i].Op.Arity(); k++ {
			mark(c.named.ssa[i].operand(k))
		}
	}
	for p := range f.packs {
		if !f.packs[p].used {
			continue
		}
		for _, o := range f.packs[p].operand {
			if o.single != isa.None {
				mark(o.single)
			}
		}
	}
	for _, l := range c.named.lasting {
		mark(l.value)
	}
}
