package amd64

import "github.com/adjoint-go/adjoint/internal/native/isa"

// How an operation is turned into a machine instruction.
type emitShape uint8

const (
	emitNone emitShape = iota
	emitBinary
	emitUnary
	emitFused
	emitCompare
	emitBlend
	emitMaskz
	emitFixZero
	emitShift
	emitMaskNot
	emitOther
)

// noForm marks a combination without a machine instruction.
const noForm = mnemCount

// row says which forms an operation has for one element type.
type row struct {
	scalar mnem // on the low lane, VEX
	vex    mnem // packed, VEX
	evex   mnem // packed, EVEX
}

type op struct {
	name  string
	shape emitShape
	rows  [isa.ElemCount]row
}

var ops = buildOps()

func buildOps() [isa.OpCount]op {
	var t [isa.OpCount]op
	none := row{noForm, noForm, noForm}
	set := func(op isa.Op, name string, shape emitShape, rows map[isa.Elem]row) {
		in := &t[op]
		in.name, in.shape = name, shape
		for e := range in.rows {
			in.rows[e] = none
		}
		for e, r := range rows {
			in.rows[e] = r
		}
	}
	// sd, ss, pd, ps in that order
	four := func(sd mnem) map[isa.Elem]row {
		return map[isa.Elem]row{isa.F64: {sd, sd + 2, sd + 2}, isa.F32: {sd + 1, sd + 3, sd + 3}}
	}
	fused := func(sd mnem) map[isa.Elem]row {
		return map[isa.Elem]row{isa.F64: {sd, sd + 6, sd + 6}, isa.F32: {sd + 3, sd + 9, sd + 9}}
	}
	packed := func(e isa.Elem, vex, evex mnem) map[isa.Elem]row { return map[isa.Elem]row{e: {noForm, vex, evex}} }
	both := func(q, d, qe, de mnem) map[isa.Elem]row {
		return map[isa.Elem]row{isa.I64: {noForm, q, qe}, isa.I32: {noForm, d, de}}
	}
	logic := func(pd, ps mnem) map[isa.Elem]row {
		ps64 := row{noForm, ps, pd}
		return map[isa.Elem]row{isa.F64: ps64, isa.I64: ps64, isa.F32: {noForm, ps, ps}, isa.I32: {noForm, ps, ps}}
	}
	set(isa.Mov, "mov", emitOther, nil)
	set(isa.Add, "add", emitBinary, four(vaddsd))
	set(isa.Sub, "sub", emitBinary, four(vsubsd))
	set(isa.Mul, "mul", emitBinary, four(vmulsd))
	set(isa.Div, "div", emitBinary, four(vdivsd))
	set(isa.Min, "min", emitBinary, four(vminsd))
	set(isa.Max, "max", emitBinary, four(vmaxsd))
	set(isa.Minimum, "minimum", emitOther, nil)
	set(isa.Maximum, "maximum", emitOther, nil)
	set(isa.FMA, "fma", emitFused, fused(vfmadd132sd))
	set(isa.FMS, "fms", emitFused, fused(vfmsub132sd))
	set(isa.FNMA, "fnma", emitFused, fused(vfnmadd132sd))
	set(isa.FNMS, "fnms", emitFused, fused(vfnmsub132sd))
	set(isa.Sqrt, "sqrt", emitUnary, four(vsqrtsd))
	set(isa.Round, "round", emitUnary, map[isa.Elem]row{isa.F64: {vroundsd, vroundpd, vrndscalepd}, isa.F32: {vroundss, vroundps, vrndscaleps}})
	set(isa.And, "and", emitBinary, logic(vandpd, vandps))
	set(isa.Andn, "andn", emitBinary, logic(vandnpd, vandnps))
	set(isa.Or, "or", emitBinary, logic(vorpd, vorps))
	set(isa.Xor, "xor", emitBinary, logic(vxorpd, vxorps))
	set(isa.Cmp, "cmp", emitCompare, map[isa.Elem]row{isa.F64: {vcmpsd, vcmppd, vcmppdK}, isa.F32: {vcmpss, vcmpps, vcmppsK}})
	set(isa.Blend, "blend", emitBlend, map[isa.Elem]row{isa.F64: {noForm, vblendvpd, vblendmpd}, isa.I64: {noForm, vblendvpd, vblendmpd},
		isa.F32: {noForm, vblendvps, vblendmps}, isa.I32: {noForm, vblendvps, vblendmps}})
	set(isa.Maskz, "maskz", emitMaskz, logic(vandpd, vandps))
	set(isa.FixZero, "fixzero", emitFixZero, map[isa.Elem]row{isa.F64: {noForm, noForm, vfixupimmpd}, isa.F32: {noForm, noForm, vfixupimmps}})
	mask := func(vex, evex mnem) map[isa.Elem]row {
		r := row{noForm, vex, evex}
		return map[isa.Elem]row{isa.F64: r, isa.F32: r, isa.I64: r, isa.I32: r}
	}
	set(isa.MAnd, "mand", emitBinary, mask(vandps, kandw))
	set(isa.MOr, "mor", emitBinary, mask(vorps, korw))
	set(isa.MXor, "mxor", emitBinary, mask(vxorps, kxorw))
	set(isa.MNot, "mnot", emitMaskNot, mask(vxorps, knotw))
	set(isa.IAdd, "iadd", emitBinary, both(vpaddq, vpaddd, vpaddq, vpaddd))
	set(isa.ISub, "isub", emitBinary, both(vpsubq, vpsubd, vpsubq, vpsubd))
	set(isa.IMul, "imul", emitBinary, both(noForm, vpmulld, vpmullq, vpmulld))
	set(isa.IMin, "imin", emitBinary, both(noForm, vpminsd, vpminsq, vpminsd))
	set(isa.IMax, "imax", emitBinary, both(noForm, vpmaxsd, vpmaxsq, vpmaxsd))
	set(isa.IEq, "ieq", emitCompare, both(vpcmpeqq, vpcmpeqd, vpcmpeqqK, vpcmpeqdK))
	set(isa.IGt, "igt", emitCompare, both(vpcmpgtq, vpcmpgtd, vpcmpgtqK, vpcmpgtdK))
	set(isa.Shl, "shl", emitShift, both(vpsllq, vpslld, vpsllq, vpslld))
	set(isa.Shr, "shr", emitShift, both(vpsrlq, vpsrld, vpsrlq, vpsrld))
	set(isa.Sar, "sar", emitShift, both(noForm, vpsrad, vpsraq, vpsrad))
	set(isa.ShlV, "shlv", emitBinary, both(vpsllvq, vpsllvd, vpsllvq, vpsllvd))
	set(isa.ShrV, "shrv", emitBinary, both(vpsrlvq, vpsrlvd, vpsrlvq, vpsrlvd))
	set(isa.CvtF64F32, "cvt.f64.f32", emitUnary, map[isa.Elem]row{isa.F64: {vcvtsd2ss, vcvtpd2ps, vcvtpd2ps}})
	set(isa.CvtF32F64, "cvt.f32.f64", emitUnary, map[isa.Elem]row{isa.F32: {vcvtss2sd, vcvtps2pd, vcvtps2pd}})
	set(isa.CvtI32F64, "cvt.i32.f64", emitUnary, packed(isa.I32, vcvtdq2pd, vcvtdq2pd))
	set(isa.CvtF64I32, "cvt.f64.i32", emitUnary, packed(isa.F64, vcvttpd2dq, vcvttpd2dq))
	set(isa.CvtI32F32, "cvt.i32.f32", emitUnary, packed(isa.I32, vcvtdq2ps, vcvtdq2ps))
	set(isa.CvtF32I32, "cvt.f32.i32", emitUnary, packed(isa.F32, vcvttps2dq, vcvttps2dq))
	set(isa.CvtI64F64, "cvt.i64.f64", emitOther, packed(isa.I64, noForm, vcvtqq2pd))
	set(isa.CvtF64I64, "cvt.f64.i64", emitOther, packed(isa.F64, noForm, vcvttpd2qq))
	set(isa.CvtI64F32, "cvt.i64.f32", emitOther, packed(isa.I64, noForm, vcvtqq2ps))
	set(isa.CvtF32I64, "cvt.f32.i64", emitOther, packed(isa.F32, noForm, vcvttps2qq))
	set(isa.CvtI32I64, "cvt.i32.i64", emitUnary, packed(isa.I32, vpmovsxdq, vpmovsxdq))
	set(isa.CvtI64I32, "cvt.i64.i32", emitOther, packed(isa.I64, noForm, vpmovqd))
	set(isa.Scalef, "scalef", emitBinary, map[isa.Elem]row{isa.F64: {vscalefsd, noForm, vscalefpd}, isa.F32: {vscalefss, noForm, vscalefps}})
	set(isa.MulU32, "mulu32", emitBinary, packed(isa.I64, vpmuludq, vpmuludq))
	set(isa.Test, "test", emitCompare, both(noForm, noForm, vptestmq, vptestmd))
	set(isa.Guard, "guard", emitOther, nil)
	set(isa.GuardAll, "guardall", emitOther, nil)
	set(isa.FixZeros, "fixzeros", emitOther, nil)
	set(isa.Hold, "hold", emitOther, nil)
	set(isa.Store, "store", emitOther, nil)
	set(isa.Merge, "merge", emitOther, nil)
	set(isa.StoreLanes, "lanes", emitOther, nil)
	set(isa.Broadcast, "broadcast", emitOther, nil)
	set(isa.Fold, "fold", emitOther, nil)
	set(isa.Gather, "gather", emitOther, nil)
	for op := range t {
		if t[op].name == "" {
			panic("BUG: low-level operation without a row")
		}
	}
	return t
}
