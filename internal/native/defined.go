package native

import (
	"math"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/elem/def"
	"github.com/adjoint-go/adjoint/internal/micro"
)

// Functions that package def defines as graphs of lane operations are inlined in their
// fast form. Its guard, almost never true, jumps to a stub behind the code: it hands the
// arguments to the complete form, which is compiled once and keeps every register, and takes the
// result from it.

type definedKey struct {
	op micro.Op
	t  dtype.DType
}

type definedForms struct{ complete, fast *def.Func }

// lowerDefined appends an operation that package def defines.
func (g *generator) lowerDefined(in *micro.Instr, dst, a, b, c int32) bool {
	key := definedKey{in.Op, in.Type}
	forms, ok := g.fastOf[key]
	if !ok {
		if in.Type.IsInt() {
			forms.complete = def.Integer(in.Op, in.Type)
		} else {
			forms.complete = def.Lookup(in.Op, in.Type)
		}
		if forms.complete != nil {
			forms.fast = forms.complete.Fast()
		}
		if g.fastOf == nil {
			g.fastOf = map[definedKey]definedForms{}
		}
		g.fastOf[key] = forms
	}
	f, fast := forms.complete, forms.fast
	if f == nil {
		return false
	}
	args := [3]int32{a, b, c}
	shareKey := lowKey{lGuard, elemOf(in.Type), uint8(in.Op), a, b, c}
	if g.shared != nil {
		if v, ok := g.shared[shareKey]; ok {
			g.put(lMov, elemOf(in.Type), 0, dst, kindOf(in.Type), v, none, none)
			return true
		}
		g.shared[shareKey] = dst
	}
	if fast.Guard == def.None {
		g.lowerNodes(fast, args, dst)
		return true
	}
	t := elemOf(in.Type)
	result, guard := g.lowerNodes(fast, args, none)
	if g.vals[result].home != spaceNone { // an argument or a constant: the guard wants a register of its own
		result = g.op1(lMov, t, none, result)
	}
	extra := none
	if f.Args > 1 {
		extra = b
	}
	g.code = append(g.code, lowIns{op: lGuard, typ: t, imm: uint8(g.function(f)), dst: dst, a: result, b: guard, c: a, extra: extra, part: g.part})
	if extra != none {
		g.code = append(g.code, lowIns{op: lHold, typ: t, dst: none, a: extra, b: none, c: none})
	}
	return true
}

// function returns the number of a complete form.
func (g *generator) function(f *def.Func) int {
	if n, ok := g.functionOf[f]; ok {
		return n
	}
	n := len(g.functions)
	if g.functionOf == nil {
		g.functionOf = map[*def.Func]int{}
	}
	g.functionOf[f] = n
	g.functions = append(g.functions, f)
	return n
}

var directNodes = map[def.Kind]lowOp{def.Add: lAdd, def.Sub: lSub, def.Mul: lMul, def.Div: lDiv, def.FMA: lFMA, def.FMS: lFMS, def.FNMA: lFNMA,
	def.Sqrt: lSqrt, def.Min: lMin, def.Max: lMax, def.And: lAnd, def.Or: lOr, def.Xor: lXor, def.AndNot: lAndn}

var integerNodes = map[def.Kind]lowOp{def.IAdd: lIAdd, def.ISub: lISub, def.IMul: lIMul, def.MulU32: lMulU32, def.Shl: lShl, def.Shr: lShr}

var roundNodes = map[def.Kind]uint8{def.RoundEven: roundEven, def.Floor: roundFloor, def.Ceil: roundCeil, def.Trunc: roundTrunc}

var compareNodes = map[def.Kind]uint8{def.CmpEq: cmpEqual, def.CmpNe: cmpNotEqual, def.CmpLt: cmpLess, def.CmpLe: cmpLessEqual}

var maskNodes = map[def.Kind]lowOp{def.MaskAnd: lMAnd, def.MaskOr: lMOr, def.MaskXor: lMXor, def.MaskNot: lMNot}

// lowerNodes appends the nodes of a function with one result and returns the values of
// result and guard.
func (g *generator) lowerNodes(f *def.Func, args [3]int32, dst int32) (result, guard int32) {
	t := elemOf(f.Type)
	k := t.kind()
	v := make([]int32, len(f.Nodes))
	guard = none
	for i, n := range f.Nodes {
		to := none
		if def.Ref(i) == f.Results[0] {
			to = dst
		}
		a, b, c := none, none, none
		if n.A != def.None {
			a = v[n.A]
		}
		if n.B != def.None {
			b = v[n.B]
		}
		if n.C != def.None {
			c = v[n.C]
		}
		switch n.Kind {
		case def.Arg:
			v[i] = args[n.Imm]
		case def.Const:
			v[i] = g.constant(n.Imm, k)
		case def.RoundEven, def.Floor, def.Ceil, def.Trunc:
			v[i] = g.put(lRound, t, roundNodes[n.Kind], to, k, a, none, none)
		case def.CmpEq, def.CmpNe, def.CmpLt, def.CmpLe:
			v[i] = g.compare(t, compareNodes[n.Kind], to, a, b)
		case def.MaskAnd, def.MaskOr, def.MaskXor, def.MaskNot:
			v[i] = g.maskOp(maskNodes[n.Kind], to, a, b)
		case def.IAdd, def.ISub, def.IMul, def.MulU32, def.Shl, def.Shr:
			v[i] = g.put(integerNodes[n.Kind], t.integer(), uint8(n.Imm), to, k, a, b, none)
		case def.Bit:
			bit := g.constant(1<<n.Imm, k)
			if g.isa.has(lTest, t.integer()) {
				v[i] = g.put(lTest, t.integer(), 0, to, kindMask, a, bit, none)
				break
			}
			v[i] = g.put(lIEq, t.integer(), 0, to, kindMask, g.op2(lAnd, t, none, a, bit), bit, none)
		case def.Select:
			v[i] = g.blend(t, to, a, b, c)
		case def.Scale:
			v[i] = g.scale(t, to, a, b)
		case def.Gather:
			table := g.consts.placeTable(f.Tables[n.Imm].Data, t.kind().bytes())
			v[i] = g.put(lGather, t, 0, to, k, a, none, none)
			g.code[len(g.code)-1].extra = table
		default:
			op, ok := directNodes[n.Kind]
			if !ok {
				panic("BUG: no low-level operation for lane operation " + n.Kind.String())
			}
			v[i] = g.put(op, t, 0, to, k, a, b, c)
		}
		if def.Ref(i) == f.Guard {
			guard = v[i]
		}
	}
	result = v[f.Results[0]]
	if dst != none && result != dst { // the result is an argument or a constant
		g.op1(lMov, t, dst, result)
	}
	return result, guard
}

// bytes returns the size of an element of the kind.
func (k valueKind) bytes() int {
	if k == kind32 {
		return 4
	}
	return 8
}

// scale appends x·2^y for whole y: by VSCALEF, or in two steps whose factors are normal
// numbers, made by adding the exponent's bias in the last places of a float and shifting.
func (g *generator) scale(t elem, dst, x, y int32) int32 {
	if g.isa.has(lScalef, t) {
		return g.op2(lScalef, t, dst, x, y)
	}
	magic, shift := 3*math.Exp2(51)+1023, uint8(52)
	if t == tF32 {
		magic, shift = 3*math.Exp2(22)+127, 23
	}
	power := func(k int32) int32 {
		bits := g.op2(lAdd, t, none, k, g.float(t, magic))
		return g.put(lShl, t.integer(), shift, none, t.kind(), bits, none, none)
	}
	half := g.put(lRound, t, roundFloor, none, t.kind(), g.op2(lMul, t, none, y, g.float(t, 0.5)), none, none)
	first := g.op2(lMul, t, none, x, power(half))
	return g.op2(lMul, t, dst, first, power(g.op2(lSub, t, none, y, half)))
}

// stub is the way from a guard to what rare lanes need and back.
type stub struct {
	jump int // place of the jump to patch
	back int // where to go on
	body func()
}

// functionCall is a call to patch.
type functionCall struct{ place, function int }

// Layout of the reserved part of the scratch block, from its start: arguments, result, registers.
func (g *generator) fixedSlot(k int) int32 {
	return g.slotBase - int32(g.fixedBytes()) + int32(k)*g.slotBytes
}

const (
	fixedResult = 2
	fixedSaved  = 3
	fixedSlots  = fixedSaved + 32 + 8
)

func (g *generator) fixedBytes() int { return fixedSlots * int(g.slotBytes) }

// emitGuard tests the guard. The result keeps its register on both ways.
func (g *generator) emitGuard(in *lowIns, u *nextUses) {
	guard := g.inRegister(in.b)
	result := g.guarded(in, u)
	k, function := in.typ.kind(), int(in.imm)
	var args []operand
	for _, v := range []int32{in.c, in.extra} {
		if v == none {
			continue
		}
		val := &g.vals[v]
		if val.home == spaceArray {
			g.inRegister(v)
		}
		if val.reg == noRegister {
			args = append(args, operand{noRegister, g.addressOf(val)})
		} else {
			args = append(args, operand{reg: val.reg})
		}
	}
	g.unlikely(g.isa.jumpIfAny(guard, in), func() {
		for i, o := range args {
			r := o.reg
			if r == noRegister {
				r = result // about to be overwritten anyway
				g.isa.loadFrom(k, o.memory, r)
			}
			g.isa.storeAt(k, spaceFixed, r, at(baseScratch, g.fixedSlot(i)))
		}
		g.calls = append(g.calls, functionCall{g.isa.call(), function})
		g.isa.loadFrom(k, at(baseScratch, g.fixedSlot(fixedResult)), result)
	})
	g.takeOver(in, u, result)
}

// guarded returns the register in which A becomes the result.
func (g *generator) guarded(in *lowIns, u *nextUses) uint8 {
	r := g.inRegister(in.a)
	if u.a == never {
		return r
	}
	kind := g.vals[in.a].kind // used elsewhere without the guard
	result := g.take(g.fileOf(kind))
	g.isa.copyRegister(kind, result, r)
	return result
}

// takeOver ends an instruction whose result is in a register of an operand that dies, or in one that was taken for it.
func (g *generator) takeOver(in *lowIns, u *nextUses, r uint8) {
	g.advanceAll(in, u)
	val := &g.vals[in.dst]
	val.next = u.dst
	file := g.fileOf(val.kind)
	file.free &^= 1 << r
	g.own(file, r, in.dst)
}

// unlikely says what code the jump at a place goes to, out of the way; it goes back to here.
func (g *generator) unlikely(jump int, body func()) {
	g.stubs = append(g.stubs, stub{jump, len(g.buf), body})
}

// emitStubs appends the stubs of the guards so far.
func (g *generator) emitStubs() {
	for _, s := range g.stubs {
		g.isa.patch(s.jump, len(g.buf))
		s.body()
		g.isa.patch(g.isa.jumpAlways(), s.back)
	}
	g.stubs = g.stubs[:0]
}

// emitFunctions appends the complete forms and patches the calls to them. The slots of the
// code before are left alone.
func (g *generator) emitFunctions() {
	starts := make([]int, len(g.functions))
	for n, f := range g.functions {
		g.isa.align(16)
		starts[n] = len(g.buf)
		g.emitFunction(f)
	}
	for _, c := range g.calls {
		g.isa.patch(c.place, starts[c.function])
	}
}

func (g *generator) emitFunction(f *def.Func) {
	g.vals, g.code = g.vals[:0], g.code[:0]
	clear(g.constIDs)
	g.slotFree = g.slotFree[:0]
	t := elemOf(f.Type)
	var args [3]int32
	for i := range f.Args {
		args[i] = g.newValue(t.kind())
		val := &g.vals[args[i]]
		val.home, val.disp, val.stored = spaceFixed, g.fixedSlot(i), true
	}
	dst := g.newValue(t.kind())
	val := &g.vals[dst]
	val.home, val.disp, val.output = spaceFixed, g.fixedSlot(fixedResult), true
	g.lowerNodes(f, args, dst)
	g.findNextUses()
	g.resetRegisters()
	g.eachRegister(func(r uint8, k valueKind, slot mem) { g.isa.storeAt(k, spaceFixed, r, slot) })
	g.generate()
	g.eachRegister(func(r uint8, k valueKind, slot mem) { g.isa.loadFrom(k, slot, r) })
	g.isa.leave(false)
}

// eachRegister calls do for every register that code may use, with a place to save it.
func (g *generator) eachRegister(do func(r uint8, k valueKind, slot mem)) {
	for f, kind := range []valueKind{kind64, kindMask} {
		for r := uint8(0); r < 32; r++ {
			if g.saved[f]>>r&1 != 0 {
				do(r, kind, at(baseScratch, g.fixedSlot(fixedSaved+32*f+int(r))))
			}
		}
	}
}
