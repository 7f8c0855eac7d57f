package arm64

import (
	"encoding/binary"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var updateGolden = flag.Bool("update", false, "rewrite testdata/encodings.txt with the GNU assembler for arm64")

const goldenFile = "testdata/encodings.txt"

// samples returns encodings of every form, with low and high registers and the ends of what its fields hold.
func samples() []uint32 {
	var out []uint32
	for o := Op(1); int(o) < len(forms); o++ {
		f := &forms[o]
		last := ""
		if n := len(f.operands); n > 0 {
			last = f.operands[n-1].class
		}
		for k := range 3 {
			d, n, m, a := [3]uint8{1, 14, 23}[k], [3]uint8{6, 30, 0}[k], [3]uint8{10, 2, 29}[k], [3]uint8{0, 17, 28}[k]
			switch last {
			case "m8", "m16", "m32", "m64", "m128", "#imm", "#12":
				out = append(out, o.At(d, n, [3]int32{0, 5, 4095}[k]*int32(o.unit())))
			case "i32", "i64", "[x,x]":
				out = append(out, o.R3(d, n, m))
			case "[x]±":
				out = append(out, o.Unscaled(d, n, [3]int32{8, -UnscaledReach, UnscaledReach - 1}[k]))
			case "p128":
				out = append(out, o.Pair(d, a, n, [3]int32{0, 16, 63 * 16}[k]))
			case "x<<":
				out = append(out, o.Shifted(d, n, m, [3]uint8{1, 3, 63}[k]))
			case "#wide":
				out = append(out, o.Wide(d, [3]uint16{1, 0xABCD, 0xFFFF}[k], uint8(k+1)))
			case "#lsl":
				out = append(out, o.Shift(d, n, [3]uint8{1, 20, 31}[k]))
			case "#shr":
				out = append(out, o.Shift(d, n, [3]uint8{1, 20, 32}[k]))
			case "to19", "to26":
				register := uint8(0)
				if len(f.operands) > 1 {
					register = d
				}
				out = append(out, o.To(register, [3]int{4, -64, 1<<20 - 4}[k]))
			default:
				w := o.Word()
				for _, p := range f.operands {
					switch {
					case p.fields() == 0:
					case p.place == placeD:
						w |= uint32(d)
					case p.place == placeN:
						w |= uint32(n) << placeN
					case p.place == placeM:
						w |= uint32(m) << placeM
					default:
						w |= uint32(a) << placeA
					}
				}
				out = append(out, w)
				if w == o.Word() {
					k = 3
				}
			}
			if last == "" {
				break
			}
		}
	}
	return out
}

// TestEncodings compares encodings and their texts with the GNU assembler's, which are kept. With -update and aarch64-linux-gnu-as on the
// path the table is made anew.
func TestEncodings(t *testing.T) {
	words := samples()
	var ours strings.Builder
	var source strings.Builder
	seen := map[string]bool{}
	for i, w := range words {
		text := Text(w, 0)
		if text == "" {
			t.Fatalf("%08x has no text", w)
		}
		name, _, _ := strings.Cut(text, " ")
		seen[name] = true
		fmt.Fprintf(&ours, "%08x\t%s\n", w, text)
		if j := strings.LastIndexAny(text, " "); strings.HasPrefix(name, "b.") || name == "b" || name == "bl" || strings.HasPrefix(name, "cb") {
			text = text[:j] + " . + (" + text[j+1:] + ")" // a distance
		}
		fmt.Fprintf(&source, "%s // %d\n", text, i)
	}
	if *updateGolden {
		dir := t.TempDir()
		asm, obj, bin := filepath.Join(dir, "a.s"), filepath.Join(dir, "a.o"), filepath.Join(dir, "a.bin")
		if err := os.WriteFile(asm, []byte(source.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		for _, c := range [][]string{{"aarch64-linux-gnu-as", "-o", obj, asm}, {"aarch64-linux-gnu-objcopy", "-O", "binary", "-j", ".text", obj, bin}} {
			if out, err := exec.Command(c[0], c[1:]...).CombinedOutput(); err != nil {
				t.Fatalf("%s: %v\n%s", c[0], err, out)
			}
		}
		data, err := os.ReadFile(bin)
		if err != nil || len(data) != 4*len(words) {
			t.Fatalf("%d bytes for %d instructions: %v", len(data), len(words), err)
		}
		var golden strings.Builder
		for i, w := range words {
			fmt.Fprintf(&golden, "%08x\t%s\n", binary.LittleEndian.Uint32(data[4*i:]), Text(w, 0))
		}
		if err := os.WriteFile(goldenFile, []byte(golden.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	golden, err := os.ReadFile(goldenFile)
	if err != nil {
		t.Fatal(err)
	}
	want, got := strings.Split(string(golden), "\n"), strings.Split(ours.String(), "\n")
	if len(want) != len(got) || len(words) < 400 {
		t.Fatalf("%d encodings, %d in %s", len(got), len(want), goldenFile)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%s, want %s", got[i], want[i])
		}
	}
	for i := range forms[1:] {
		if !seen[forms[i+1].name] {
			t.Errorf("no sample of %s", forms[i+1].name)
		}
	}
}

// TestReach holds which distances one instruction reaches, and that foreign words have no text.
func TestReach(t *testing.T) {
	for _, c := range []struct {
		o        Op
		distance int32
		want     bool
	}{{LdrD, 0, true}, {LdrD, 32760, true}, {LdrD, 32768, false}, {LdrD, 4, false}, {LdrD, -8, false}, {LdrS, 4, true}, {LdrB, 4095, true}, {LdrB, 4096, false}} {
		if got := c.o.Reaches(c.distance); got != c.want {
			t.Errorf("%s at %d: %v", forms[c.o].name, c.distance, got)
		}
	}
	if text := Text(0xFFFFFFFF, 0); text != "" {
		t.Errorf("a word that is none is %q", text)
	}
	if l := Listing([]byte{0xC0, 0x03, 0x5F, 0xD6, 0xFF, 0xFF, 0xFF, 0xFF}); !strings.Contains(l, "ret") || !strings.Contains(l, "unreadable") {
		t.Errorf("listing %q", l)
	}
}
