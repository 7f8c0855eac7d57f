package native

// lowOp is an operation of the low-level code: about one machine instruction each, on
// values that are not yet in registers.
type lowOp uint8

// The low-level operations. Float operations are those of the processor: lMin and lMax
// return B when an operand is NaN or both are zero.
const (
	lMov     lowOp = iota // A
	lAdd                  // A + B
	lSub                  // A − B
	lMul                  // A · B
	lDiv                  // A / B
	lMin                  // A < B ? A : B
	lMax                  // A > B ? A : B
	lFMA                  // A·B + C
	lFMS                  // A·B − C
	lFNMA                 // C − A·B
	lFNMS                 // −A·B − C
	lSqrt                 // √A
	lRound                // A rounded; Imm is the rounding mode of ROUNDSD
	lAnd                  // bits A and B
	lAndn                 // bits (not A) and B
	lOr                   // bits A or B
	lXor                  // bits A xor B
	lCmp                  // mask of a comparison of floats; Imm is the predicate of CMPSD
	lBlend                // A ? B : C, A a mask
	lMaskz                // A ? B : 0, A a mask
	lFixZero              // A, but +0 where the mask B is set and C is ±0; extra is where its table of classes lies in the constant block (AVX-512)
	lMAnd                 // masks A and B
	lMOr                  // masks A or B
	lMXor                 // masks A xor B
	lMNot                 // not A
	lIAdd                 // integers A + B
	lISub                 // A − B
	lIMul                 // A · B, low half
	lIMin                 // the smaller of two signed integers
	lIMax                 // the greater
	lIEq                  // mask A = B
	lIGt                  // mask A > B, signed
	lShl                  // A << Imm
	lShr                  // A >> Imm, zeros enter
	lSar                  // A >> Imm, sign enters
	lShlV                 // A << B, each lane by its own count
	lShrV                 // A >> B, zeros enter
	lCvtF64F32
	lCvtF32F64
	lCvtI32F64
	lCvtF64I32 // truncates; 1<<31 where it does not fit
	lCvtI32F32
	lCvtF32I32
	lCvtI64F64
	lCvtF64I64 // truncates; 1<<63 where it does not fit
	lCvtI64F32
	lCvtF32I64
	lCvtI32I64
	lCvtI64I32  // drops the high half
	lScalef     // A · 2^⌊B⌋ (AVX-512)
	lMulU32     // product of the low halves, unsigned, 64 bits
	lTest       // mask A and B ≠ 0 (AVX-512)
	lGather     // element A of a table
	lGuard      // A, unless the mask B is true somewhere: then the complete function of C
	lFixZeros   // A, but +0 where the mask B is set and C or the value in extra is ±0: one test where it is set nowhere (vector code, AVX-512)
	lHold       // keeps A alive until here
	lStore      // stores A into array imm
	lMerge      // accumulator C becomes A where the tail mask is set
	lStoreLanes // stores the vector A at displacement extra of space imm
	lBroadcast  // the vector of the scalar A
	lFold       // the upper half of A in the place of the lower; imm says of what
	lowOpCount
)

// elem is the element type of a low-level instruction's operands.
type elem uint8

const (
	tF64 elem = iota
	tF32
	tI64
	tI32
	elemCount
)

// size64 reports whether elements have 8 bytes.
func (e elem) size64() bool { return e == tF64 || e == tI64 }

// lowIns is one low-level instruction on value numbers; operands that it lacks are −1.
type lowIns struct {
	op           lowOp
	typ          elem
	imm          uint8
	dst, a, b, c int32
	// lGather: displacement of the table in the constant block. lGuard: the value of the
	// second argument, or none; imm is then the number of the function. lFixZeros: a value. lStore: displacement.
	extra  int32
	part   uint8 // vector code: which of the vectors of an iteration
	vector bool  // scalar code: a vector instruction among scalar ones
}

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

// lowRow says which forms an operation has for one element type.
type lowRow struct {
	scalar mnem // on the low lane, VEX
	vex    mnem // packed, VEX
	evex   mnem // packed, EVEX
}

type lowInfo struct {
	name    string
	shape   emitShape
	commute bool
	mask    bool // the result is a mask
	rows    [elemCount]lowRow
}

var lowInfos = buildLowInfos()

func buildLowInfos() [lowOpCount]lowInfo {
	var t [lowOpCount]lowInfo
	none := lowRow{noForm, noForm, noForm}
	set := func(op lowOp, name string, shape emitShape, commute bool, rows map[elem]lowRow) {
		in := &t[op]
		in.name, in.shape, in.commute = name, shape, commute
		for e := range in.rows {
			in.rows[e] = none
		}
		for e, r := range rows {
			in.rows[e] = r
		}
	}
	// sd, ss, pd, ps in that order
	four := func(sd mnem) map[elem]lowRow {
		return map[elem]lowRow{tF64: {sd, sd + 2, sd + 2}, tF32: {sd + 1, sd + 3, sd + 3}}
	}
	fused := func(sd mnem) map[elem]lowRow {
		return map[elem]lowRow{tF64: {sd, sd + 6, sd + 6}, tF32: {sd + 3, sd + 9, sd + 9}}
	}
	packed := func(e elem, vex, evex mnem) map[elem]lowRow { return map[elem]lowRow{e: {noForm, vex, evex}} }
	both := func(q, d, qe, de mnem) map[elem]lowRow {
		return map[elem]lowRow{tI64: {noForm, q, qe}, tI32: {noForm, d, de}}
	}
	logic := func(pd, ps mnem) map[elem]lowRow {
		ps64 := lowRow{noForm, ps, pd}
		return map[elem]lowRow{tF64: ps64, tI64: ps64, tF32: {noForm, ps, ps}, tI32: {noForm, ps, ps}}
	}
	set(lMov, "mov", emitOther, false, nil)
	set(lAdd, "add", emitBinary, true, four(vaddsd))
	set(lSub, "sub", emitBinary, false, four(vsubsd))
	set(lMul, "mul", emitBinary, true, four(vmulsd))
	set(lDiv, "div", emitBinary, false, four(vdivsd))
	set(lMin, "min", emitBinary, false, four(vminsd))
	set(lMax, "max", emitBinary, false, four(vmaxsd))
	set(lFMA, "fma", emitFused, true, fused(vfmadd132sd))
	set(lFMS, "fms", emitFused, true, fused(vfmsub132sd))
	set(lFNMA, "fnma", emitFused, true, fused(vfnmadd132sd))
	set(lFNMS, "fnms", emitFused, true, fused(vfnmsub132sd))
	set(lSqrt, "sqrt", emitUnary, false, four(vsqrtsd))
	set(lRound, "round", emitUnary, false, map[elem]lowRow{tF64: {vroundsd, vroundpd, vrndscalepd}, tF32: {vroundss, vroundps, vrndscaleps}})
	set(lAnd, "and", emitBinary, true, logic(vandpd, vandps))
	set(lAndn, "andn", emitBinary, false, logic(vandnpd, vandnps))
	set(lOr, "or", emitBinary, true, logic(vorpd, vorps))
	set(lXor, "xor", emitBinary, true, logic(vxorpd, vxorps))
	set(lCmp, "cmp", emitCompare, false, map[elem]lowRow{tF64: {vcmpsd, vcmppd, vcmppdK}, tF32: {vcmpss, vcmpps, vcmppsK}})
	set(lBlend, "blend", emitBlend, false, map[elem]lowRow{tF64: {noForm, vblendvpd, vblendmpd}, tI64: {noForm, vblendvpd, vblendmpd},
		tF32: {noForm, vblendvps, vblendmps}, tI32: {noForm, vblendvps, vblendmps}})
	set(lMaskz, "maskz", emitMaskz, false, logic(vandpd, vandps))
	set(lFixZero, "fixzero", emitFixZero, false, map[elem]lowRow{tF64: {noForm, noForm, vfixupimmpd}, tF32: {noForm, noForm, vfixupimmps}})
	mask := func(vex, evex mnem) map[elem]lowRow {
		r := lowRow{noForm, vex, evex}
		return map[elem]lowRow{tF64: r, tF32: r, tI64: r, tI32: r}
	}
	set(lMAnd, "mand", emitBinary, true, mask(vandps, kandw))
	set(lMOr, "mor", emitBinary, true, mask(vorps, korw))
	set(lMXor, "mxor", emitBinary, true, mask(vxorps, kxorw))
	set(lMNot, "mnot", emitMaskNot, false, mask(vxorps, knotw))
	set(lIAdd, "iadd", emitBinary, true, both(vpaddq, vpaddd, vpaddq, vpaddd))
	set(lISub, "isub", emitBinary, false, both(vpsubq, vpsubd, vpsubq, vpsubd))
	set(lIMul, "imul", emitBinary, true, both(noForm, vpmulld, vpmullq, vpmulld))
	set(lIMin, "imin", emitBinary, true, both(noForm, vpminsd, vpminsq, vpminsd))
	set(lIMax, "imax", emitBinary, true, both(noForm, vpmaxsd, vpmaxsq, vpmaxsd))
	set(lIEq, "ieq", emitCompare, true, both(vpcmpeqq, vpcmpeqd, vpcmpeqqK, vpcmpeqdK))
	set(lIGt, "igt", emitCompare, false, both(vpcmpgtq, vpcmpgtd, vpcmpgtqK, vpcmpgtdK))
	set(lShl, "shl", emitShift, false, both(vpsllq, vpslld, vpsllq, vpslld))
	set(lShr, "shr", emitShift, false, both(vpsrlq, vpsrld, vpsrlq, vpsrld))
	set(lSar, "sar", emitShift, false, both(noForm, vpsrad, vpsraq, vpsrad))
	set(lShlV, "shlv", emitBinary, false, both(vpsllvq, vpsllvd, vpsllvq, vpsllvd))
	set(lShrV, "shrv", emitBinary, false, both(vpsrlvq, vpsrlvd, vpsrlvq, vpsrlvd))
	set(lCvtF64F32, "cvt.f64.f32", emitUnary, false, map[elem]lowRow{tF64: {vcvtsd2ss, vcvtpd2ps, vcvtpd2ps}})
	set(lCvtF32F64, "cvt.f32.f64", emitUnary, false, map[elem]lowRow{tF32: {vcvtss2sd, vcvtps2pd, vcvtps2pd}})
	set(lCvtI32F64, "cvt.i32.f64", emitUnary, false, packed(tI32, vcvtdq2pd, vcvtdq2pd))
	set(lCvtF64I32, "cvt.f64.i32", emitUnary, false, packed(tF64, vcvttpd2dq, vcvttpd2dq))
	set(lCvtI32F32, "cvt.i32.f32", emitUnary, false, packed(tI32, vcvtdq2ps, vcvtdq2ps))
	set(lCvtF32I32, "cvt.f32.i32", emitUnary, false, packed(tF32, vcvttps2dq, vcvttps2dq))
	set(lCvtI64F64, "cvt.i64.f64", emitOther, false, packed(tI64, noForm, vcvtqq2pd))
	set(lCvtF64I64, "cvt.f64.i64", emitOther, false, packed(tF64, noForm, vcvttpd2qq))
	set(lCvtI64F32, "cvt.i64.f32", emitOther, false, packed(tI64, noForm, vcvtqq2ps))
	set(lCvtF32I64, "cvt.f32.i64", emitOther, false, packed(tF32, noForm, vcvttps2qq))
	set(lCvtI32I64, "cvt.i32.i64", emitUnary, false, packed(tI32, vpmovsxdq, vpmovsxdq))
	set(lCvtI64I32, "cvt.i64.i32", emitOther, false, packed(tI64, noForm, vpmovqd))
	set(lScalef, "scalef", emitBinary, false, map[elem]lowRow{tF64: {vscalefsd, noForm, vscalefpd}, tF32: {vscalefss, noForm, vscalefps}})
	set(lMulU32, "mulu32", emitBinary, true, packed(tI64, vpmuludq, vpmuludq))
	set(lTest, "test", emitCompare, true, both(noForm, noForm, vptestmq, vptestmd))
	set(lGuard, "guard", emitOther, false, nil)
	set(lFixZeros, "fixzeros", emitOther, false, nil)
	set(lHold, "hold", emitOther, false, nil)
	set(lStore, "store", emitOther, false, nil)
	set(lMerge, "merge", emitOther, false, nil)
	set(lStoreLanes, "lanes", emitOther, false, nil)
	set(lBroadcast, "broadcast", emitOther, false, nil)
	set(lFold, "fold", emitOther, false, nil)
	set(lGather, "gather", emitOther, false, nil)
	for op := range t {
		if t[op].name == "" {
			panic("BUG: low-level operation without a row")
		}
		switch lowOp(op) {
		case lCmp, lMAnd, lMOr, lMXor, lMNot, lIEq, lIGt, lTest:
			t[op].mask = true
		}
	}
	return t
}

// evexReach holds the operations that scalar code can do with registers 16 to 31 as well.
var evexReach = [lowOpCount]bool{lMov: true, lAdd: true, lSub: true, lMul: true, lDiv: true, lMin: true, lMax: true,
	lFMA: true, lFMS: true, lFNMA: true, lFNMS: true, lSqrt: true, lAnd: true, lAndn: true, lOr: true, lXor: true, lStoreLanes: true, lBroadcast: true}
