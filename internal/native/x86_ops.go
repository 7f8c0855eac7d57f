package native

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

// x86Row says which forms an operation has for one element type.
type x86Row struct {
	scalar mnem // on the low lane, VEX
	vex    mnem // packed, VEX
	evex   mnem // packed, EVEX
}

type x86Op struct {
	name  string
	shape emitShape
	rows  [elemCount]x86Row
}

var x86Ops = buildX86Ops()

func buildX86Ops() [lowOpCount]x86Op {
	var t [lowOpCount]x86Op
	none := x86Row{noForm, noForm, noForm}
	set := func(op lowOp, name string, shape emitShape, rows map[elem]x86Row) {
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
	four := func(sd mnem) map[elem]x86Row {
		return map[elem]x86Row{tF64: {sd, sd + 2, sd + 2}, tF32: {sd + 1, sd + 3, sd + 3}}
	}
	fused := func(sd mnem) map[elem]x86Row {
		return map[elem]x86Row{tF64: {sd, sd + 6, sd + 6}, tF32: {sd + 3, sd + 9, sd + 9}}
	}
	packed := func(e elem, vex, evex mnem) map[elem]x86Row { return map[elem]x86Row{e: {noForm, vex, evex}} }
	both := func(q, d, qe, de mnem) map[elem]x86Row {
		return map[elem]x86Row{tI64: {noForm, q, qe}, tI32: {noForm, d, de}}
	}
	logic := func(pd, ps mnem) map[elem]x86Row {
		ps64 := x86Row{noForm, ps, pd}
		return map[elem]x86Row{tF64: ps64, tI64: ps64, tF32: {noForm, ps, ps}, tI32: {noForm, ps, ps}}
	}
	set(lMov, "mov", emitOther, nil)
	set(lAdd, "add", emitBinary, four(vaddsd))
	set(lSub, "sub", emitBinary, four(vsubsd))
	set(lMul, "mul", emitBinary, four(vmulsd))
	set(lDiv, "div", emitBinary, four(vdivsd))
	set(lMin, "min", emitBinary, four(vminsd))
	set(lMax, "max", emitBinary, four(vmaxsd))
	set(lMinimum, "minimum", emitOther, nil)
	set(lMaximum, "maximum", emitOther, nil)
	set(lFMA, "fma", emitFused, fused(vfmadd132sd))
	set(lFMS, "fms", emitFused, fused(vfmsub132sd))
	set(lFNMA, "fnma", emitFused, fused(vfnmadd132sd))
	set(lFNMS, "fnms", emitFused, fused(vfnmsub132sd))
	set(lSqrt, "sqrt", emitUnary, four(vsqrtsd))
	set(lRound, "round", emitUnary, map[elem]x86Row{tF64: {vroundsd, vroundpd, vrndscalepd}, tF32: {vroundss, vroundps, vrndscaleps}})
	set(lAnd, "and", emitBinary, logic(vandpd, vandps))
	set(lAndn, "andn", emitBinary, logic(vandnpd, vandnps))
	set(lOr, "or", emitBinary, logic(vorpd, vorps))
	set(lXor, "xor", emitBinary, logic(vxorpd, vxorps))
	set(lCmp, "cmp", emitCompare, map[elem]x86Row{tF64: {vcmpsd, vcmppd, vcmppdK}, tF32: {vcmpss, vcmpps, vcmppsK}})
	set(lBlend, "blend", emitBlend, map[elem]x86Row{tF64: {noForm, vblendvpd, vblendmpd}, tI64: {noForm, vblendvpd, vblendmpd},
		tF32: {noForm, vblendvps, vblendmps}, tI32: {noForm, vblendvps, vblendmps}})
	set(lMaskz, "maskz", emitMaskz, logic(vandpd, vandps))
	set(lFixZero, "fixzero", emitFixZero, map[elem]x86Row{tF64: {noForm, noForm, vfixupimmpd}, tF32: {noForm, noForm, vfixupimmps}})
	mask := func(vex, evex mnem) map[elem]x86Row {
		r := x86Row{noForm, vex, evex}
		return map[elem]x86Row{tF64: r, tF32: r, tI64: r, tI32: r}
	}
	set(lMAnd, "mand", emitBinary, mask(vandps, kandw))
	set(lMOr, "mor", emitBinary, mask(vorps, korw))
	set(lMXor, "mxor", emitBinary, mask(vxorps, kxorw))
	set(lMNot, "mnot", emitMaskNot, mask(vxorps, knotw))
	set(lIAdd, "iadd", emitBinary, both(vpaddq, vpaddd, vpaddq, vpaddd))
	set(lISub, "isub", emitBinary, both(vpsubq, vpsubd, vpsubq, vpsubd))
	set(lIMul, "imul", emitBinary, both(noForm, vpmulld, vpmullq, vpmulld))
	set(lIMin, "imin", emitBinary, both(noForm, vpminsd, vpminsq, vpminsd))
	set(lIMax, "imax", emitBinary, both(noForm, vpmaxsd, vpmaxsq, vpmaxsd))
	set(lIEq, "ieq", emitCompare, both(vpcmpeqq, vpcmpeqd, vpcmpeqqK, vpcmpeqdK))
	set(lIGt, "igt", emitCompare, both(vpcmpgtq, vpcmpgtd, vpcmpgtqK, vpcmpgtdK))
	set(lShl, "shl", emitShift, both(vpsllq, vpslld, vpsllq, vpslld))
	set(lShr, "shr", emitShift, both(vpsrlq, vpsrld, vpsrlq, vpsrld))
	set(lSar, "sar", emitShift, both(noForm, vpsrad, vpsraq, vpsrad))
	set(lShlV, "shlv", emitBinary, both(vpsllvq, vpsllvd, vpsllvq, vpsllvd))
	set(lShrV, "shrv", emitBinary, both(vpsrlvq, vpsrlvd, vpsrlvq, vpsrlvd))
	set(lCvtF64F32, "cvt.f64.f32", emitUnary, map[elem]x86Row{tF64: {vcvtsd2ss, vcvtpd2ps, vcvtpd2ps}})
	set(lCvtF32F64, "cvt.f32.f64", emitUnary, map[elem]x86Row{tF32: {vcvtss2sd, vcvtps2pd, vcvtps2pd}})
	set(lCvtI32F64, "cvt.i32.f64", emitUnary, packed(tI32, vcvtdq2pd, vcvtdq2pd))
	set(lCvtF64I32, "cvt.f64.i32", emitUnary, packed(tF64, vcvttpd2dq, vcvttpd2dq))
	set(lCvtI32F32, "cvt.i32.f32", emitUnary, packed(tI32, vcvtdq2ps, vcvtdq2ps))
	set(lCvtF32I32, "cvt.f32.i32", emitUnary, packed(tF32, vcvttps2dq, vcvttps2dq))
	set(lCvtI64F64, "cvt.i64.f64", emitOther, packed(tI64, noForm, vcvtqq2pd))
	set(lCvtF64I64, "cvt.f64.i64", emitOther, packed(tF64, noForm, vcvttpd2qq))
	set(lCvtI64F32, "cvt.i64.f32", emitOther, packed(tI64, noForm, vcvtqq2ps))
	set(lCvtF32I64, "cvt.f32.i64", emitOther, packed(tF32, noForm, vcvttps2qq))
	set(lCvtI32I64, "cvt.i32.i64", emitUnary, packed(tI32, vpmovsxdq, vpmovsxdq))
	set(lCvtI64I32, "cvt.i64.i32", emitOther, packed(tI64, noForm, vpmovqd))
	set(lScalef, "scalef", emitBinary, map[elem]x86Row{tF64: {vscalefsd, noForm, vscalefpd}, tF32: {vscalefss, noForm, vscalefps}})
	set(lMulU32, "mulu32", emitBinary, packed(tI64, vpmuludq, vpmuludq))
	set(lTest, "test", emitCompare, both(noForm, noForm, vptestmq, vptestmd))
	set(lGuard, "guard", emitOther, nil)
	set(lFixZeros, "fixzeros", emitOther, nil)
	set(lHold, "hold", emitOther, nil)
	set(lStore, "store", emitOther, nil)
	set(lMerge, "merge", emitOther, nil)
	set(lStoreLanes, "lanes", emitOther, nil)
	set(lBroadcast, "broadcast", emitOther, nil)
	set(lFold, "fold", emitOther, nil)
	set(lGather, "gather", emitOther, nil)
	for op := range t {
		if t[op].name == "" {
			panic("BUG: low-level operation without a row")
		}
	}
	return t
}
