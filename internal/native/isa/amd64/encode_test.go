package amd64

import (
	"bufio"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/internal/native/isa"
)

var updateGolden = flag.Bool("update", false, "rewrite testdata/encodings.txt with the GNU assembler")

const goldenFile = "testdata/encodings.txt"

// sampleEncodings returns one encoding or more of every form: low and high registers, memory
// with every length of displacement, with an index, masks and broadcasts.
func sampleEncodings() [][]byte {
	var out [][]byte
	add := func(f func(a machine)) {
		a := machine{Generator: &isa.Generator{}}
		f(a)
		out = append(out, a.Buf)
	}
	mems := []isa.Mem{isa.At(regDI, 0), isa.At(regSI, 64), isa.At(regDX, -128), isa.At(9, 128), isa.At(13, 0), isa.At(12, 8), isa.At(regSP, 40), isa.At(regDI, 1<<20), isa.At(regDI, 8192),
		{Base: regSI, Index: regAX, Scale: 3, Disp: 16}, {Base: 13, Index: 9, Scale: 2, Disp: 0}, {Base: regDI, Index: 12, Scale: 0, Disp: 4096}}
	for m := mnem(0); m < mnemCount; m++ {
		f := &forms[m]
		classMax := func(k byte, evex bool) uint8 {
			switch k {
			case 'k', 'K', 'J':
				return 7
			case 'd', 'r':
				return 15
			}
			if evex {
				return 31
			}
			return 15
		}
		tail := func(a machine) {
			switch {
			case f.shape == shapeRVMR:
				a.Buf = append(a.Buf, 0xB0)
			case f.imm:
				a.Buf = append(a.Buf, 9)
			}
		}
		regOf := func(evex bool, k int) (reg, v, rm uint8) {
			pick := func(i int, seed uint8) uint8 { return seed % (classMax(f.kinds[i], evex) + 1) }
			s := []uint8{1, 12, 23}[k]
			switch f.shape {
			case shapeRVM, shapeRVMR:
				return pick(0, s), pick(1, s+5), pick(2, s+9)
			case shapeRM:
				return pick(0, s), 0, pick(1, s+7)
			case shapeMR:
				return pick(1, s), 0, pick(0, s+7)
			case shapeMVR:
				return pick(2, s), pick(1, s+5), 0
			}
			return f.ext, pick(0, s), pick(1, s+3)
		}
		registerForm := !strings.HasPrefix(f.name, "vmaskmov") && !strings.ContainsAny(f.kinds, "KJ") && !gather(m) && m != vmovqLoad && m != vmovqStore &&
			m != vpextrb && m != vmovsdLoad && m != vmovsdStore && m != vmovssLoad && m != vmovssStore
		memoryForm := !strings.ContainsAny(f.kinds[len(f.kinds)-1:]+f.kinds[:1], "d") && m != vmovqToXmm && m != vmovqFromXmm &&
			!gather(m) && !strings.HasPrefix(f.name, "k") || strings.ContainsAny(f.kinds, "KJ")
		if f.shape == shapeVMI {
			memoryForm = false
		}
		store := f.shape == shapeMR && !f.imm && m != vpmovqd
		scalar := strings.Trim(f.kinds, "xSswbrdkyKJ") == ""
		if f.vexW >= 0 && !gather(m) {
			lengths := []uint8{isa.Len128, isa.Len256}
			if scalar || f.vexL >= 0 {
				lengths = lengths[:1]
			}
			if m == vbroadcastsd {
				lengths = lengths[1:]
			}
			for _, l := range lengths {
				for k := 0; k < 3; k++ {
					reg, v, rm := regOf(false, k)
					if registerForm && !(store && strings.HasPrefix(f.name, "vmovu")) {
						add(func(a machine) { a.rrr(m, l, reg, v, rm); tail(a) })
					}
				}
				for k, p := range few(mems, int(m)) {
					reg, v, _ := regOf(false, k%3)
					if memoryForm {
						add(func(a machine) { a.rrm(m, l, reg, v, p); tail(a) })
					}
				}
			}
		}
		if f.evexW >= 0 && !gather(m) {
			lengths := []uint8{isa.Len128, isa.Len256, isa.Len512}
			if scalar {
				lengths = lengths[:1]
			}
			if m == vextractf64x4 || m == vpermpd {
				lengths = lengths[2:]
			}
			if m == vbroadcastsd || m == vextractf64x2 {
				lengths = lengths[1:]
			}
			for _, l := range lengths {
				for k := 0; k < 3; k++ {
					reg, v, rm := regOf(true, k)
					if registerForm && !(store && strings.HasPrefix(f.name, "vmovu")) && m != vmovdqu8Store && m != vpextrb {
						e := evexBits{mask: uint8(k)}
						if k == 2 && f.kinds[0] != 'k' {
							e.zero = true
						}
						if strings.HasPrefix(f.name, "vpmovqd") && k == 0 {
							e = evexBits{}
						}
						add(func(a machine) { a.evexRRR(m, l, reg, v, rm, e); tail(a) })
					}
				}
				for k, p := range few(mems, int(m)) {
					reg, v, _ := regOf(true, k%3)
					e := evexBits{bcast: f.bcast != 0 && k%2 == 1}
					if memoryForm || f.shape == shapeVMI {
						add(func(a machine) { a.evexRRM(m, l, reg, v, p, e); tail(a) })
					}
				}
			}
		}
	}
	for _, p := range mems {
		for _, r := range []uint8{regAX, 10} {
			add(func(a machine) { a.LoadReg(r, p) })
			add(func(a machine) { a.Lea(r, p) })
		}
	}
	for _, r := range []uint8{regCX, 11} {
		add(func(a machine) { a.MoveReg(r, 9) })
		add(func(a machine) { a.SubReg(r, regAX) })
		add(func(a machine) { a.Clear(r) })
		for _, i := range []int32{8, -128, 128, 100000} {
			add(func(a machine) { a.AddImm(r, i) })
			add(func(a machine) { a.SubImm(r, i) })
			add(func(a machine) { a.CmpImm(r, i) })
		}
	}
	for _, m := range []mnem{vgatherqpd, vgatherdps} {
		p := isa.Mem{Base: regSI, Index: 9, Scale: 3, Disp: 64}
		add(func(a machine) { a.rrm(m, isa.Len256, 2, 3, p) })
		add(func(a machine) { a.evexRRM(m, isa.Len512, 17, 0, p, evexBits{mask: 1}) })
		p.Index = 27
		add(func(a machine) { a.evexRRM(m, isa.Len512, 1, p.Index&16, p, evexBits{mask: 2}) })
	}
	for _, p := range mems {
		add(func(a machine) { a.movStoreByte(p, regBX) })
		add(func(a machine) { a.cmpByte(p, 0) })
		add(func(a machine) { a.ldmxcsr(p) })
	}
	add(func(a machine) { a.testReg32(regAX) })
	add(func(a machine) { a.ret() })
	add(func(a machine) { a.vzeroupper() })
	return out
}

func gather(m mnem) bool { return m == vgatherqpd || m == vgatherdps }

// few returns three of the operands, others for each start.
func few(all []isa.Mem, start int) []isa.Mem {
	var out []isa.Mem
	for k := range 3 {
		out = append(out, all[(start+5*k)%len(all)])
	}
	return out
}

// TestEncodings compares every sample with the bytes that the GNU assembler gives for the
// text of our disassembler, so that encoder and disassembler are both checked. With -update
// and an `as` on the path the golden table is made anew.
func TestEncodings(t *testing.T) {
	samples := sampleEncodings()
	texts := make([]string, len(samples))
	for i, s := range samples {
		text, n := decode(s, 0)
		if n != len(s) {
			t.Fatalf("sample %d: % x decodes to %q with %d bytes of %d", i, s, text, n, len(s))
		}
		texts[i] = text
	}
	if *updateGolden {
		writeGolden(t, samples, texts)
	}
	f, err := os.Open(goldenFile)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	golden := map[string]bool{}
	lines := 0
	for sc := bufio.NewScanner(f); sc.Scan(); lines++ {
		golden[sc.Text()] = true
	}
	bad := 0
	for i, s := range samples {
		if line := hex.EncodeToString(s) + "\t" + texts[i]; !golden[line] {
			t.Errorf("not in %s: %s", goldenFile, line)
			if bad++; bad > 40 {
				t.FailNow()
			}
		}
	}
	seen := map[mnem]bool{}
	for i := range samples {
		for m := range forms {
			if strings.HasPrefix(texts[i], forms[m].name+" ") {
				seen[mnem(m)] = true
			}
		}
	}
	for m := range forms {
		if !seen[mnem(m)] {
			t.Errorf("no sample of %s", forms[m].name)
		}
	}
	t.Logf("%d encodings compared with %d lines", len(samples), lines)
	if len(samples) < 4000 || lines != len(samples) {
		t.Errorf("%d encodings compared with %d lines", len(samples), lines)
	}
}

// writeGolden assembles the texts with the GNU assembler. Where it offers a choice of
// encodings (EVEX for what VEX can say) the text gets a prefix that asks for ours.
func writeGolden(t *testing.T, samples [][]byte, texts []string) {
	dir := t.TempDir()
	var src strings.Builder
	src.WriteString(".intel_syntax noprefix\n")
	for i, s := range samples {
		text := texts[i]
		switch s[0] {
		case 0x62:
			text = "{evex} " + text
		case 0xC4:
			text = "{vex3} " + text
		case 0xC5:
			text = "{vex} " + text
		}
		if text == "{vex} vzeroupper" {
			text = "vzeroupper"
		}
		fmt.Fprintf(&src, "%s\n.byte 0xF1,0xF1,0xF1,0xF1\n", text)
	}
	asm, obj, bin := filepath.Join(dir, "a.s"), filepath.Join(dir, "a.o"), filepath.Join(dir, "a.bin")
	if err := os.WriteFile(asm, []byte(src.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("as", "-o", obj, asm).CombinedOutput(); err != nil {
		t.Fatalf("as: %v\n%s", err, out)
	}
	if out, err := exec.Command("objcopy", "-O", "binary", "-j", ".text", obj, bin).CombinedOutput(); err != nil {
		t.Fatalf("objcopy: %v\n%s", err, out)
	}
	data, err := os.ReadFile(bin)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(string(data), "\xF1\xF1\xF1\xF1")
	var b strings.Builder
	for i, text := range texts {
		fmt.Fprintf(&b, "%x\t%s\n", parts[i], text)
	}
	if err := os.WriteFile(goldenFile, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}
