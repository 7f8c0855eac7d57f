package amd64

// A form is one machine instruction of the VEX or EVEX kind as the Intel manual
// (volume 2) writes it: prefix, opcode map, W bit, opcode, and the roles of its operands.
type form struct {
	name  string
	pp    uint8  // 0 none, 1 = 66, 2 = F3, 3 = F2
	mm    uint8  // opcode map: 1 = 0F, 2 = 0F38, 3 = 0F3A
	op    uint8  // opcode
	vexW  int8   // W with VEX; -1 where there is no VEX form
	evexW int8   // W with EVEX; -1 where there is no EVEX form
	shape uint8  // where the operands lie
	ext   uint8  // opcode extension in the reg field (shapeVMI)
	kinds string // one letter an operand, see operandKind
	bcast uint8  // element size in bytes where EVEX allows an embedded broadcast, else 0
	imm   bool   // an immediate byte follows
	vexL  int8   // fixed L with VEX where the form has no vector length (-1: from the operands)
}

// Where a form's operands lie, in the order of the listing.
const (
	shapeRVM  uint8 = iota // reg, vvvv, rm
	shapeRM                // reg, rm
	shapeMR                // rm, reg
	shapeVMI               // vvvv, rm, imm
	shapeRVMR              // reg, vvvv, rm, register in the immediate's high half
	shapeMVR               // rm, vvvv, reg
)

// Letters of form.kinds: v a vector of the instruction's length, h, q and e a half, a quarter
// and an eighth of it, x an xmm register (memory of 16 bytes), S, s, w and b an xmm register
// whose memory operand has 8, 4, 2 or 1 bytes, k a mask register, d and r a general
// register of 32 and 64 bits, y a ymm register.

// mnem names a form.
type mnem uint16

// The forms. A suffix Load or Store tells the two directions of a move apart.
const (
	vaddsd mnem = iota
	vaddss
	vaddpd
	vaddps
	vsubsd
	vsubss
	vsubpd
	vsubps
	vmulsd
	vmulss
	vmulpd
	vmulps
	vdivsd
	vdivss
	vdivpd
	vdivps
	vminsd
	vminss
	vminpd
	vminps
	vmaxsd
	vmaxss
	vmaxpd
	vmaxps
	vsqrtsd
	vsqrtss
	vsqrtpd
	vsqrtps
	vandpd
	vandps
	vandnpd
	vandnps
	vorpd
	vorps
	vxorpd
	vxorps
	vcmpsd
	vcmpss
	vcmppd
	vcmpps
	vcmppdK
	vcmppsK
	vroundsd
	vroundss
	vroundpd
	vroundps
	vrndscalepd
	vrndscaleps
	vblendvpd
	vblendvps
	vblendmpd
	vblendmps
	vmovsdLoad
	vmovsdStore
	vmovssLoad
	vmovssStore
	vmovapd
	vmovaps
	vmovupdLoad
	vmovupdStore
	vmovupsLoad
	vmovupsStore
	vmovdqu8Load
	vmovdqu8Store
	vmovsldup
	vfmadd132sd
	vfmadd213sd
	vfmadd231sd
	vfmadd132ss
	vfmadd213ss
	vfmadd231ss
	vfmadd132pd
	vfmadd213pd
	vfmadd231pd
	vfmadd132ps
	vfmadd213ps
	vfmadd231ps
	vfmsub132sd
	vfmsub213sd
	vfmsub231sd
	vfmsub132ss
	vfmsub213ss
	vfmsub231ss
	vfmsub132pd
	vfmsub213pd
	vfmsub231pd
	vfmsub132ps
	vfmsub213ps
	vfmsub231ps
	vfnmadd132sd
	vfnmadd213sd
	vfnmadd231sd
	vfnmadd132ss
	vfnmadd213ss
	vfnmadd231ss
	vfnmadd132pd
	vfnmadd213pd
	vfnmadd231pd
	vfnmadd132ps
	vfnmadd213ps
	vfnmadd231ps
	vfnmsub132sd
	vfnmsub213sd
	vfnmsub231sd
	vfnmsub132ss
	vfnmsub213ss
	vfnmsub231ss
	vfnmsub132pd
	vfnmsub213pd
	vfnmsub231pd
	vfnmsub132ps
	vfnmsub213ps
	vfnmsub231ps
	vcvtsd2ss
	vcvtss2sd
	vcvtpd2ps
	vcvtps2pd
	vcvtdq2pd
	vcvtdq2ps
	vcvttpd2dq
	vcvttps2dq
	vcvtpd2dq
	vcvtps2dq
	vcvtqq2pd
	vcvtqq2ps
	vcvttpd2qq
	vcvttps2qq
	vcvtsi2sd
	vcvtsi2ss
	vcvttsd2si
	vcvttss2si
	vmovqToXmm
	vmovqFromXmm
	vmovdToXmm
	vmovdFromXmm
	vmovqLoad
	vmovqStore
	vpaddq
	vpaddd
	vpsubq
	vpsubd
	vpmullq
	vpmulld
	vpmuludq
	vpand
	vpor
	vpxor
	vpandn
	vpandq
	vporq
	vpxorq
	vpandnq
	vpcmpeqq
	vpcmpeqd
	vpcmpgtq
	vpcmpgtd
	vpcmpeqqK
	vpcmpeqdK
	vpcmpgtqK
	vpcmpgtdK
	vpminsd
	vpmaxsd
	vpminsq
	vpmaxsq
	vpsllq
	vpsrlq
	vpslld
	vpsrld
	vpsrad
	vpsraq
	vpsllvq
	vpsrlvq
	vpsllvd
	vpsrlvd
	vpsravd
	vscalefpd
	vscalefps
	vfixupimmpd
	vfixupimmps
	vscalefsd
	vscalefss
	vgetexppd
	vgetexpps
	vgetmantpd
	vgetmantps
	vpternlogq
	vbroadcastsd
	vbroadcastss
	vpbroadcastb
	vpabsb
	vpextrb
	vpmovzxbq
	vpmovzxbd
	vpmovsxdq
	vpmovzxdq
	vpmovqd
	vpshufd
	vshufps
	vpackssdw
	vpacksswb
	vextractf128
	vextractf64x4
	vextractf64x2
	vinsertf128
	vunpckhpd
	vmovshdup
	vpermilpd
	vptestmb
	vptestmq
	vptestmd
	vpcmpeqb
	vpcmpgtb
	kandw
	korw
	kxorw
	kxnorw
	kandnw
	knotw
	kortestw
	kortestb
	vmovmskps
	kmovwLoad
	kmovwStore
	kmovwToK
	kmovwFromK
	kmovbLoad
	kmovbStore
	vpermpd
	vpermi2pd
	vpermi2ps
	vgatherqpd
	vgatherdps
	vmaskmovpdLoad
	vmaskmovpsLoad
	vmaskmovpdStore
	vmaskmovpsStore
	mnemCount
)

const (
	noPrefix uint8 = iota
	prefix66
	prefixF3
	prefixF2
)

func rvm(name string, pp, mm, op uint8, vw, ew int8, kinds string, bcast uint8) form {
	return form{name: name, pp: pp, mm: mm, op: op, vexW: vw, evexW: ew, shape: shapeRVM, kinds: kinds, bcast: bcast, vexL: -1}
}

func rm(name string, pp, mm, op uint8, vw, ew int8, kinds string, bcast uint8) form {
	f := rvm(name, pp, mm, op, vw, ew, kinds, bcast)
	f.shape = shapeRM
	return f
}

func mr(name string, pp, mm, op uint8, vw, ew int8, kinds string) form {
	f := rvm(name, pp, mm, op, vw, ew, kinds, 0)
	f.shape = shapeMR
	return f
}

func withImm(f form) form { f.imm = true; return f }

func withL(f form, l int8) form { f.vexL = l; return f }

func shiftImm(name string, op, ext uint8, vw, ew int8, bcast uint8) form {
	f := rvm(name, prefix66, 1, op, vw, ew, "vv", bcast)
	f.shape, f.ext, f.imm = shapeVMI, ext, true
	return f
}

func blendv(name string, op uint8) form {
	f := rvm(name, prefix66, 3, op, 0, -1, "vvvv", 0)
	f.shape = shapeRVMR
	return f
}

func maskStore(name string, op uint8) form {
	f := rvm(name, prefix66, 2, op, 0, -1, "vvv", 0)
	f.shape = shapeMVR
	return f
}

var forms = buildForms()

func buildForms() [mnemCount]form {
	var t [mnemCount]form
	four := func(sd mnem, name string, op uint8) {
		t[sd] = rvm(name+"sd", prefixF2, 1, op, 0, 1, "xxS", 0)
		t[sd+1] = rvm(name+"ss", prefixF3, 1, op, 0, 0, "xxs", 0)
		t[sd+2] = rvm(name+"pd", prefix66, 1, op, 0, 1, "vvv", 8)
		t[sd+3] = rvm(name+"ps", noPrefix, 1, op, 0, 0, "vvv", 4)
	}
	four(vaddsd, "vadd", 0x58)
	four(vsubsd, "vsub", 0x5C)
	four(vmulsd, "vmul", 0x59)
	four(vdivsd, "vdiv", 0x5E)
	four(vminsd, "vmin", 0x5D)
	four(vmaxsd, "vmax", 0x5F)
	four(vsqrtsd, "vsqrt", 0x51)
	t[vsqrtpd] = rm("vsqrtpd", prefix66, 1, 0x51, 0, 1, "vv", 8)
	t[vsqrtps] = rm("vsqrtps", noPrefix, 1, 0x51, 0, 0, "vv", 4)
	two := func(pd mnem, name string, op uint8) {
		t[pd] = rvm(name+"pd", prefix66, 1, op, 0, 1, "vvv", 8)
		t[pd+1] = rvm(name+"ps", noPrefix, 1, op, 0, 0, "vvv", 4)
	}
	two(vandpd, "vand", 0x54)
	two(vandnpd, "vandn", 0x55)
	two(vorpd, "vor", 0x56)
	two(vxorpd, "vxor", 0x57)
	t[vcmpsd] = withImm(rvm("vcmpsd", prefixF2, 1, 0xC2, 0, -1, "xxS", 0))
	t[vcmpss] = withImm(rvm("vcmpss", prefixF3, 1, 0xC2, 0, -1, "xxs", 0))
	t[vcmppd] = withImm(rvm("vcmppd", prefix66, 1, 0xC2, 0, -1, "vvv", 0))
	t[vcmpps] = withImm(rvm("vcmpps", noPrefix, 1, 0xC2, 0, -1, "vvv", 0))
	t[vcmppdK] = withImm(rvm("vcmppd", prefix66, 1, 0xC2, -1, 1, "kvv", 8))
	t[vcmppsK] = withImm(rvm("vcmpps", noPrefix, 1, 0xC2, -1, 0, "kvv", 4))
	t[vroundsd] = withImm(rvm("vroundsd", prefix66, 3, 0x0B, 0, -1, "xxS", 0))
	t[vroundss] = withImm(rvm("vroundss", prefix66, 3, 0x0A, 0, -1, "xxs", 0))
	t[vroundpd] = withImm(rm("vroundpd", prefix66, 3, 0x09, 0, -1, "vv", 0))
	t[vroundps] = withImm(rm("vroundps", prefix66, 3, 0x08, 0, -1, "vv", 0))
	t[vrndscalepd] = withImm(rm("vrndscalepd", prefix66, 3, 0x09, -1, 1, "vv", 8))
	t[vfixupimmpd] = withImm(rvm("vfixupimmpd", prefix66, 3, 0x54, -1, 1, "vvv", 8))
	t[vfixupimmps] = withImm(rvm("vfixupimmps", prefix66, 3, 0x54, -1, 0, "vvv", 4))
	t[vrndscaleps] = withImm(rm("vrndscaleps", prefix66, 3, 0x08, -1, 0, "vv", 4))
	t[vblendvpd] = blendv("vblendvpd", 0x4B)
	t[vblendvps] = blendv("vblendvps", 0x4A)
	t[vmaskmovpdLoad] = rvm("vmaskmovpd", prefix66, 2, 0x2D, 0, -1, "vvv", 0)
	t[vmaskmovpsLoad] = rvm("vmaskmovps", prefix66, 2, 0x2C, 0, -1, "vvv", 0)
	t[vmaskmovpdStore] = maskStore("vmaskmovpd", 0x2F)
	t[vmaskmovpsStore] = maskStore("vmaskmovps", 0x2E)
	t[vblendmpd] = rvm("vblendmpd", prefix66, 2, 0x65, -1, 1, "vvv", 8)
	t[vblendmps] = rvm("vblendmps", prefix66, 2, 0x65, -1, 0, "vvv", 4)
	t[vmovsdLoad] = rm("vmovsd", prefixF2, 1, 0x10, 0, 1, "xS", 0)
	t[vmovsdStore] = mr("vmovsd", prefixF2, 1, 0x11, 0, 1, "Sx")
	t[vmovssLoad] = rm("vmovss", prefixF3, 1, 0x10, 0, 0, "xs", 0)
	t[vmovssStore] = mr("vmovss", prefixF3, 1, 0x11, 0, 0, "sx")
	t[vmovapd] = rm("vmovapd", prefix66, 1, 0x28, 0, 1, "vv", 0)
	t[vmovaps] = rm("vmovaps", noPrefix, 1, 0x28, 0, 0, "vv", 0)
	t[vmovupdLoad] = rm("vmovupd", prefix66, 1, 0x10, 0, 1, "vv", 0)
	t[vmovupdStore] = mr("vmovupd", prefix66, 1, 0x11, 0, 1, "vv")
	t[vmovupsLoad] = rm("vmovups", noPrefix, 1, 0x10, 0, 0, "vv", 0)
	t[vmovupsStore] = mr("vmovups", noPrefix, 1, 0x11, 0, 0, "vv")
	t[vmovdqu8Load] = rm("vmovdqu8", prefixF2, 1, 0x6F, -1, 0, "vv", 0)
	t[vmovdqu8Store] = mr("vmovdqu8", prefixF2, 1, 0x7F, -1, 0, "vv")
	t[vmovsldup] = rm("vmovsldup", prefixF3, 1, 0x12, 0, 0, "vv", 0)
	fma := func(first mnem, name string, low uint8, packedLow uint8) {
		for k, hi := range []uint8{0x90, 0xA0, 0xB0} {
			order := []string{"132", "213", "231"}[k]
			t[first+mnem(k)] = rvm(name+order+"sd", prefix66, 2, hi|low, 1, 1, "xxS", 0)
			t[first+3+mnem(k)] = rvm(name+order+"ss", prefix66, 2, hi|low, 0, 0, "xxs", 0)
			t[first+6+mnem(k)] = rvm(name+order+"pd", prefix66, 2, hi|packedLow, 1, 1, "vvv", 8)
			t[first+9+mnem(k)] = rvm(name+order+"ps", prefix66, 2, hi|packedLow, 0, 0, "vvv", 4)
		}
	}
	fma(vfmadd132sd, "vfmadd", 0x9, 0x8)
	fma(vfmsub132sd, "vfmsub", 0xB, 0xA)
	fma(vfnmadd132sd, "vfnmadd", 0xD, 0xC)
	fma(vfnmsub132sd, "vfnmsub", 0xF, 0xE)
	t[vcvtsd2ss] = rvm("vcvtsd2ss", prefixF2, 1, 0x5A, 0, 1, "xxS", 0)
	t[vcvtss2sd] = rvm("vcvtss2sd", prefixF3, 1, 0x5A, 0, 0, "xxs", 0)
	t[vcvtpd2ps] = rm("vcvtpd2ps", prefix66, 1, 0x5A, 0, 1, "hv", 8)
	t[vcvtps2pd] = rm("vcvtps2pd", noPrefix, 1, 0x5A, 0, 0, "vh", 4)
	t[vcvtdq2pd] = rm("vcvtdq2pd", prefixF3, 1, 0xE6, 0, 0, "vh", 4)
	t[vcvtdq2ps] = rm("vcvtdq2ps", noPrefix, 1, 0x5B, 0, 0, "vv", 4)
	t[vcvttpd2dq] = rm("vcvttpd2dq", prefix66, 1, 0xE6, 0, 1, "hv", 8)
	t[vcvttps2dq] = rm("vcvttps2dq", prefixF3, 1, 0x5B, 0, 0, "vv", 4)
	t[vcvtpd2dq] = rm("vcvtpd2dq", prefixF2, 1, 0xE6, 0, 1, "hv", 8)
	t[vcvtps2dq] = rm("vcvtps2dq", prefix66, 1, 0x5B, 0, 0, "vv", 4)
	t[vcvtqq2pd] = rm("vcvtqq2pd", prefixF3, 1, 0xE6, -1, 1, "vv", 8)
	t[vcvtqq2ps] = rm("vcvtqq2ps", noPrefix, 1, 0x5B, -1, 1, "hv", 8)
	t[vcvttpd2qq] = rm("vcvttpd2qq", prefix66, 1, 0x7A, -1, 1, "vv", 8)
	t[vcvttps2qq] = rm("vcvttps2qq", prefix66, 1, 0x7A, -1, 0, "vh", 4)
	t[vcvtsi2sd] = withL(rvm("vcvtsi2sd", prefixF2, 1, 0x2A, 1, -1, "xxr", 0), 0)
	t[vcvtsi2ss] = withL(rvm("vcvtsi2ss", prefixF3, 1, 0x2A, 1, -1, "xxr", 0), 0)
	t[vcvttsd2si] = withL(rm("vcvttsd2si", prefixF2, 1, 0x2C, 1, -1, "rS", 0), 0)
	t[vcvttss2si] = withL(rm("vcvttss2si", prefixF3, 1, 0x2C, 1, -1, "rs", 0), 0)
	t[vmovqToXmm] = withL(rm("vmovq", prefix66, 1, 0x6E, 1, -1, "xr", 0), 0)
	t[vmovqFromXmm] = withL(mr("vmovq", prefix66, 1, 0x7E, 1, -1, "rx"), 0)
	t[vmovdToXmm] = withL(rm("vmovd", prefix66, 1, 0x6E, 0, -1, "xd", 0), 0)
	t[vmovdFromXmm] = withL(mr("vmovd", prefix66, 1, 0x7E, 0, -1, "dx"), 0)
	t[vmovqLoad] = withL(rm("vmovq", prefixF3, 1, 0x7E, 0, -1, "xS", 0), 0)
	t[vmovqStore] = withL(mr("vmovq", prefix66, 1, 0xD6, 0, -1, "Sx"), 0)
	t[vpaddq] = rvm("vpaddq", prefix66, 1, 0xD4, 0, 1, "vvv", 8)
	t[vpaddd] = rvm("vpaddd", prefix66, 1, 0xFE, 0, 0, "vvv", 4)
	t[vpsubq] = rvm("vpsubq", prefix66, 1, 0xFB, 0, 1, "vvv", 8)
	t[vpsubd] = rvm("vpsubd", prefix66, 1, 0xFA, 0, 0, "vvv", 4)
	t[vpmullq] = rvm("vpmullq", prefix66, 2, 0x40, -1, 1, "vvv", 8)
	t[vpmulld] = rvm("vpmulld", prefix66, 2, 0x40, 0, 0, "vvv", 4)
	t[vpmuludq] = rvm("vpmuludq", prefix66, 1, 0xF4, 0, 1, "vvv", 8)
	t[vpand] = rvm("vpand", prefix66, 1, 0xDB, 0, -1, "vvv", 0)
	t[vpor] = rvm("vpor", prefix66, 1, 0xEB, 0, -1, "vvv", 0)
	t[vpxor] = rvm("vpxor", prefix66, 1, 0xEF, 0, -1, "vvv", 0)
	t[vpandn] = rvm("vpandn", prefix66, 1, 0xDF, 0, -1, "vvv", 0)
	t[vpandq] = rvm("vpandq", prefix66, 1, 0xDB, -1, 1, "vvv", 8)
	t[vporq] = rvm("vporq", prefix66, 1, 0xEB, -1, 1, "vvv", 8)
	t[vpxorq] = rvm("vpxorq", prefix66, 1, 0xEF, -1, 1, "vvv", 8)
	t[vpandnq] = rvm("vpandnq", prefix66, 1, 0xDF, -1, 1, "vvv", 8)
	t[vpcmpeqq] = rvm("vpcmpeqq", prefix66, 2, 0x29, 0, -1, "vvv", 0)
	t[vpcmpeqd] = rvm("vpcmpeqd", prefix66, 1, 0x76, 0, -1, "vvv", 0)
	t[vpcmpgtq] = rvm("vpcmpgtq", prefix66, 2, 0x37, 0, -1, "vvv", 0)
	t[vpcmpgtd] = rvm("vpcmpgtd", prefix66, 1, 0x66, 0, -1, "vvv", 0)
	t[vpcmpeqqK] = rvm("vpcmpeqq", prefix66, 2, 0x29, -1, 1, "kvv", 8)
	t[vpcmpeqdK] = rvm("vpcmpeqd", prefix66, 1, 0x76, -1, 0, "kvv", 4)
	t[vpcmpgtqK] = rvm("vpcmpgtq", prefix66, 2, 0x37, -1, 1, "kvv", 8)
	t[vpcmpgtdK] = rvm("vpcmpgtd", prefix66, 1, 0x66, -1, 0, "kvv", 4)
	t[vpminsd] = rvm("vpminsd", prefix66, 2, 0x39, 0, 0, "vvv", 4)
	t[vpmaxsd] = rvm("vpmaxsd", prefix66, 2, 0x3D, 0, 0, "vvv", 4)
	t[vpminsq] = rvm("vpminsq", prefix66, 2, 0x39, -1, 1, "vvv", 8)
	t[vpmaxsq] = rvm("vpmaxsq", prefix66, 2, 0x3D, -1, 1, "vvv", 8)
	t[vpsllq] = shiftImm("vpsllq", 0x73, 6, 0, 1, 8)
	t[vpsrlq] = shiftImm("vpsrlq", 0x73, 2, 0, 1, 8)
	t[vpslld] = shiftImm("vpslld", 0x72, 6, 0, 0, 4)
	t[vpsrld] = shiftImm("vpsrld", 0x72, 2, 0, 0, 4)
	t[vpsrad] = shiftImm("vpsrad", 0x72, 4, 0, 0, 4)
	t[vpsraq] = shiftImm("vpsraq", 0x72, 4, -1, 1, 8)
	t[vpsllvq] = rvm("vpsllvq", prefix66, 2, 0x47, 1, 1, "vvv", 8)
	t[vpsrlvq] = rvm("vpsrlvq", prefix66, 2, 0x45, 1, 1, "vvv", 8)
	t[vpsllvd] = rvm("vpsllvd", prefix66, 2, 0x47, 0, 0, "vvv", 4)
	t[vpsrlvd] = rvm("vpsrlvd", prefix66, 2, 0x45, 0, 0, "vvv", 4)
	t[vpsravd] = rvm("vpsravd", prefix66, 2, 0x46, 0, 0, "vvv", 4)
	t[vscalefpd] = rvm("vscalefpd", prefix66, 2, 0x2C, -1, 1, "vvv", 8)
	t[vscalefps] = rvm("vscalefps", prefix66, 2, 0x2C, -1, 0, "vvv", 4)
	t[vscalefsd] = rvm("vscalefsd", prefix66, 2, 0x2D, -1, 1, "xxS", 0)
	t[vscalefss] = rvm("vscalefss", prefix66, 2, 0x2D, -1, 0, "xxs", 0)
	t[vgetexppd] = rm("vgetexppd", prefix66, 2, 0x42, -1, 1, "vv", 8)
	t[vgetexpps] = rm("vgetexpps", prefix66, 2, 0x42, -1, 0, "vv", 4)
	t[vgetmantpd] = withImm(rm("vgetmantpd", prefix66, 3, 0x26, -1, 1, "vv", 8))
	t[vgetmantps] = withImm(rm("vgetmantps", prefix66, 3, 0x26, -1, 0, "vv", 4))
	t[vpternlogq] = withImm(rvm("vpternlogq", prefix66, 3, 0x25, -1, 1, "vvv", 8))
	t[vbroadcastsd] = rm("vbroadcastsd", prefix66, 2, 0x19, 0, 1, "vS", 0)
	t[vbroadcastss] = rm("vbroadcastss", prefix66, 2, 0x18, 0, 0, "vs", 0)
	t[vpbroadcastb] = rm("vpbroadcastb", prefix66, 2, 0x78, 0, 0, "vb", 0)
	t[vpabsb] = rm("vpabsb", prefix66, 2, 0x1C, 0, 0, "vv", 0)
	t[vpextrb] = withImm(mr("vpextrb", prefix66, 3, 0x14, 0, 0, "bx"))
	t[vpmovzxbq] = rm("vpmovzxbq", prefix66, 2, 0x32, 0, 0, "ve", 0)
	t[vpmovzxbd] = rm("vpmovzxbd", prefix66, 2, 0x31, 0, 0, "vq", 0)
	t[vpmovsxdq] = rm("vpmovsxdq", prefix66, 2, 0x25, 0, 0, "vh", 0)
	t[vpmovzxdq] = rm("vpmovzxdq", prefix66, 2, 0x35, 0, 0, "vh", 0)
	t[vpmovqd] = mr("vpmovqd", prefixF3, 2, 0x35, -1, 0, "hv")
	t[vpshufd] = withImm(rm("vpshufd", prefix66, 1, 0x70, 0, 0, "vv", 4))
	t[vshufps] = withImm(rvm("vshufps", noPrefix, 1, 0xC6, 0, 0, "vvv", 4))
	t[vpackssdw] = rvm("vpackssdw", prefix66, 1, 0x6B, 0, 0, "vvv", 4)
	t[vpacksswb] = rvm("vpacksswb", prefix66, 1, 0x63, 0, 0, "vvv", 0)
	t[vextractf128] = withImm(withL(mr("vextractf128", prefix66, 3, 0x19, 0, -1, "xy"), 1))
	t[vextractf64x4] = withImm(mr("vextractf64x4", prefix66, 3, 0x1B, -1, 1, "yv"))
	t[vextractf64x2] = withImm(mr("vextractf64x2", prefix66, 3, 0x19, -1, 1, "xv"))
	t[vinsertf128] = withImm(withL(rvm("vinsertf128", prefix66, 3, 0x18, 0, -1, "yyx", 0), 1))
	t[vunpckhpd] = rvm("vunpckhpd", prefix66, 1, 0x15, 0, 1, "vvv", 8)
	t[vmovshdup] = rm("vmovshdup", prefixF3, 1, 0x16, 0, 0, "vv", 0)
	t[vpermilpd] = withImm(rm("vpermilpd", prefix66, 3, 0x05, 0, 1, "vv", 8))
	t[vptestmb] = rvm("vptestmb", prefix66, 2, 0x26, -1, 0, "kvv", 0)
	t[vptestmq] = rvm("vptestmq", prefix66, 2, 0x27, -1, 1, "kvv", 8)
	t[vptestmd] = rvm("vptestmd", prefix66, 2, 0x27, -1, 0, "kvv", 4)
	t[vpcmpeqb] = rvm("vpcmpeqb", prefix66, 1, 0x74, 0, -1, "vvv", 0)
	t[vpcmpgtb] = rvm("vpcmpgtb", prefix66, 1, 0x64, 0, -1, "vvv", 0)
	t[kandw] = withL(rvm("kandw", noPrefix, 1, 0x41, 0, -1, "kkk", 0), 1)
	t[korw] = withL(rvm("korw", noPrefix, 1, 0x45, 0, -1, "kkk", 0), 1)
	t[kxorw] = withL(rvm("kxorw", noPrefix, 1, 0x47, 0, -1, "kkk", 0), 1)
	t[kxnorw] = withL(rvm("kxnorw", noPrefix, 1, 0x46, 0, -1, "kkk", 0), 1)
	t[kandnw] = withL(rvm("kandnw", noPrefix, 1, 0x42, 0, -1, "kkk", 0), 1)
	t[knotw] = withL(rm("knotw", noPrefix, 1, 0x44, 0, -1, "kk", 0), 0)
	t[kortestw] = withL(rm("kortestw", noPrefix, 1, 0x98, 0, -1, "kk", 0), 0)
	t[kortestb] = withL(rm("kortestb", prefix66, 1, 0x98, 0, -1, "kk", 0), 0)
	t[vmovmskps] = rm("vmovmskps", noPrefix, 1, 0x50, 0, -1, "dv", 0)
	t[kmovwLoad] = withL(rm("kmovw", noPrefix, 1, 0x90, 0, -1, "kK", 0), 0)
	t[kmovwStore] = withL(mr("kmovw", noPrefix, 1, 0x91, 0, -1, "Kk"), 0)
	t[kmovwToK] = withL(rm("kmovw", noPrefix, 1, 0x92, 0, -1, "kd", 0), 0)
	t[kmovwFromK] = withL(rm("kmovw", noPrefix, 1, 0x93, 0, -1, "dk", 0), 0)
	t[kmovbLoad] = withL(rm("kmovb", prefix66, 1, 0x90, 0, -1, "kJ", 0), 0)
	t[kmovbStore] = withL(mr("kmovb", prefix66, 1, 0x91, 0, -1, "Jk"), 0)
	t[vpermpd] = rvm("vpermpd", prefix66, 2, 0x16, -1, 1, "vvv", 8)
	t[vpermi2pd] = rvm("vpermi2pd", prefix66, 2, 0x77, -1, 1, "vvv", 8)
	t[vpermi2ps] = rvm("vpermi2ps", prefix66, 2, 0x77, -1, 0, "vvv", 4)
	t[vgatherqpd] = rvm("vgatherqpd", prefix66, 2, 0x93, 1, 1, "vvS", 0)
	t[vgatherdps] = rvm("vgatherdps", prefix66, 2, 0x92, 0, 0, "vvs", 0)
	for m := range t {
		if t[m].name == "" {
			panic("BUG: machine instruction without a form")
		}
	}
	return t
}

// memBytes returns the size of the form's memory operand for a vector of n bytes; it is also
// the unit of a compressed disp8 where there is no broadcast.
func (f *form) memBytes(n int) int {
	k := f.kinds[len(f.kinds)-1]
	switch f.shape {
	case shapeMR:
		k = f.kinds[0]
	case shapeRVMR:
		k = f.kinds[2]
	}
	switch k {
	case 'v':
		return n
	case 'h':
		return n / 2
	case 'q':
		return n / 4
	case 'e':
		return n / 8
	case 'x':
		return 16
	case 'y':
		return 32
	case 'S', 'r':
		return 8
	case 's', 'd':
		return 4
	case 'w', 'K':
		return 2
	}
	return 1
}
