package native

import (
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/elem/def"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/internal/native/isa"
)

// Functions that package def defines as graphs of lane operations are inlined in their
// fast form. Its guard, almost never true, jumps to a stub behind the code: it hands the
// arguments to the complete form, which is compiled once and keeps every register, and takes the
// result from it.

type definedKey struct {
	op micro.Op
	t  dtype.DType
}

type definedForms struct {
	complete, fast *def.Func
	guard          isa.Op // how the fast form's is tested
}

// lowerDefined appends an operation that package def defines.
func (g *lowering) lowerDefined(in *micro.Instr, dst, a, b, c int32) bool {
	key := definedKey{in.Op, in.Type}
	forms, ok := g.fastOf[key]
	if !ok {
		if in.Type.IsInt() {
			forms.complete = def.Integer(in.Op, in.Type)
		} else {
			forms.complete = def.Lookup(in.Op, in.Type)
		}
		if forms.complete != nil {
			if !g.Machine.SlowUnderflow() {
				forms.complete = forms.complete.LetUnderflow()
			}
			if !g.Machine.Has(isa.Scalef, elemOf(in.Type)) {
				forms.complete = forms.complete.ExpandScale()
			}
			forms.fast, forms.guard = forms.complete.Fast(), isa.Guard
			if g.Machine.Has(isa.GuardAll, elemOf(in.Type)) {
				if all, ok := forms.fast.GuardAll(); ok {
					forms.fast, forms.guard = all, isa.GuardAll
				}
			}
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
	shareKey := lowKey{isa.Guard, elemOf(in.Type), uint8(in.Op), a, b, c}
	if g.shared != nil {
		if v, ok := g.shared[shareKey]; ok {
			g.put(isa.Mov, elemOf(in.Type), 0, dst, kindOf(in.Type), v, isa.None, isa.None)
			return true
		}
		g.shared[shareKey] = dst
	}
	if fast.Guard == def.None {
		g.lowerNodes(fast, args, dst)
		return true
	}
	t := elemOf(in.Type)
	result, guard := g.lowerNodes(fast, args, isa.None)
	if g.Vals[result].Home != isa.SpaceNone { // an argument or a constant: the guard wants a register of its own
		result = g.op1(isa.Mov, t, isa.None, result)
	}
	extra := isa.None
	if f.Args > 1 {
		extra = b
	}
	g.Code = append(g.Code, isa.Instr{Op: forms.guard, Type: t, Imm: uint8(g.function(f)), Dst: dst, A: result, B: guard, C: a, Extra: extra, Part: g.part})
	if extra != isa.None {
		g.Code = append(g.Code, isa.Instr{Op: isa.Hold, Type: t, Dst: isa.None, A: extra, B: isa.None, C: isa.None})
	}
	return true
}

// function returns the number of a complete form.
func (g *lowering) function(f *def.Func) int {
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

var directNodes = map[def.Kind]isa.Op{def.Add: isa.Add, def.Sub: isa.Sub, def.Mul: isa.Mul, def.Div: isa.Div, def.FMA: isa.FMA, def.FMS: isa.FMS, def.FNMA: isa.FNMA,
	def.Sqrt: isa.Sqrt, def.Min: isa.Min, def.Max: isa.Max, def.And: isa.And, def.Or: isa.Or, def.Xor: isa.Xor, def.AndNot: isa.Andn}

var integerNodes = map[def.Kind]isa.Op{def.IAdd: isa.IAdd, def.ISub: isa.ISub, def.IMul: isa.IMul, def.MulU32: isa.MulU32, def.Shl: isa.Shl, def.Shr: isa.Shr}

var roundNodes = map[def.Kind]uint8{def.RoundEven: isa.RoundEven, def.Floor: isa.RoundFloor, def.Ceil: isa.RoundCeil, def.Trunc: isa.RoundTrunc}

var compareNodes = map[def.Kind]uint8{def.CmpEq: isa.CmpEqual, def.CmpNe: isa.CmpNotEqual, def.CmpLt: isa.CmpLess, def.CmpLe: isa.CmpLessEqual}

var maskNodes = map[def.Kind]isa.Op{def.MaskAnd: isa.MAnd, def.MaskOr: isa.MOr, def.MaskXor: isa.MXor, def.MaskNot: isa.MNot}

// lowerNodes appends the nodes of a function with one result and returns the values of
// result and guard.
func (g *lowering) lowerNodes(f *def.Func, args [3]int32, dst int32) (result, guard int32) {
	t := elemOf(f.Type)
	k := t.Kind()
	v := make([]int32, len(f.Nodes))
	guard = isa.None
	for i, n := range f.Nodes {
		to := isa.None
		if def.Ref(i) == f.Results[0] {
			to = dst
		}
		a, b, c := isa.None, isa.None, isa.None
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
			v[i] = g.put(isa.Round, t, roundNodes[n.Kind], to, k, a, isa.None, isa.None)
		case def.CmpEq, def.CmpNe, def.CmpLt, def.CmpLe:
			v[i] = g.compare(t, compareNodes[n.Kind], to, a, b)
		case def.MaskAnd, def.MaskOr, def.MaskXor, def.MaskNot:
			v[i] = g.maskOp(maskNodes[n.Kind], to, a, b)
		case def.IAdd, def.ISub, def.IMul, def.MulU32, def.Shl, def.Shr:
			v[i] = g.put(integerNodes[n.Kind], t.Integer(), uint8(n.Imm), to, k, a, b, isa.None)
		case def.Bit:
			bit := g.constant(1<<n.Imm, k)
			if g.Machine.Has(isa.Test, t.Integer()) {
				v[i] = g.put(isa.Test, t.Integer(), 0, to, isa.KindMask, a, bit, isa.None)
				break
			}
			v[i] = g.put(isa.IEq, t.Integer(), 0, to, isa.KindMask, g.op2(isa.And, t, isa.None, a, bit), bit, isa.None)
		case def.Select:
			v[i] = g.blend(t, to, a, b, c)
		case def.Scale:
			v[i] = g.op2(isa.Scalef, t, to, a, b)
		case def.Gather:
			table := g.Consts.PlaceTable(f.Tables[n.Imm].Data, t.Kind().Bytes())
			v[i] = g.put(isa.Gather, t, 0, to, k, a, isa.None, isa.None)
			g.Code[len(g.Code)-1].Extra = table
		default:
			op, ok := directNodes[n.Kind]
			if !ok {
				panic("BUG: no low-level operation for lane operation " + n.Kind.String())
			}
			if n.Kind == def.Min && to == isa.None && g.negative[b] && f.Nodes[n.A].Kind == def.Const && !isNegative(f, n.A) {
				v[i] = b // NaN too
				break
			}
			v[i] = g.put(op, t, 0, to, k, a, b, c)
			if n.Kind == def.Or && g.shared != nil && (isNegative(f, n.A) || isNegative(f, n.B)) {
				g.negative[v[i]] = true
			}
		}
		if def.Ref(i) == f.Guard {
			guard = v[i]
		}
	}
	result = v[f.Results[0]]
	if dst != isa.None && result != dst { // the result is an argument or a constant
		g.op1(isa.Mov, t, dst, result)
	}
	return result, guard
}

// isNegative reports whether a node is a constant whose sign bit is set.
func isNegative(f *def.Func, r def.Ref) bool {
	n := f.Nodes[r]
	if f.Type == dtype.Float64 {
		return n.Kind == def.Const && n.Imm>>63 == 1
	}
	return n.Kind == def.Const && n.Imm>>31&1 == 1
}

// emitFunctions appends the complete forms and patches the calls to them. The slots of the
// code before are left alone.
func (g *lowering) emitFunctions() {
	starts := make([]int, len(g.functions))
	for n, f := range g.functions {
		g.Machine.Align(16)
		starts[n] = len(g.Buf)
		g.emitFunction(f)
	}
	g.PatchCalls(starts)
}

func (g *lowering) emitFunction(f *def.Func) {
	g.Vals, g.Code = g.Vals[:0], g.Code[:0]
	clear(g.constIDs)
	g.SlotFree = g.SlotFree[:0]
	t := elemOf(f.Type)
	var args [3]int32
	for i := range f.Args {
		args[i] = g.NewValue(t.Kind())
		val := &g.Vals[args[i]]
		val.Home, val.Disp, val.Stored = isa.SpaceFixed, g.FixedSlot(i), true
	}
	dst := g.NewValue(t.Kind())
	val := &g.Vals[dst]
	val.Home, val.Disp, val.Output = isa.SpaceFixed, g.FixedSlot(isa.FixedResult), true
	g.lowerNodes(f, args, dst)
	g.FindNextUses()
	g.ResetRegisters()
	g.EachRegister(func(r uint8, k isa.Kind, slot isa.Mem) { g.Machine.StoreAt(k, isa.SpaceFixed, r, slot) })
	g.Generate()
	g.EachRegister(func(r uint8, k isa.Kind, slot isa.Mem) { g.Machine.LoadFrom(k, slot, r) })
	g.Machine.Leave(false)
}
