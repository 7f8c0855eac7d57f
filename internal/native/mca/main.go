// Command mca prints a table of what loops cost on processors of arm64 according to llvm-mca: ours, and those that clang makes of the same formulas. For functions it has what a call of
// glibc's takes, from a trace of the instructions that the call executes in an emulator. It needs clang, llvm-mca, qemu-user, and the GNU tools and C library for arm64; on Debian
//
//	apt-get install clang-19 llvm-19 qemu-user-static binutils-aarch64-linux-gnu libc6-dev-arm64-cross libgcc-12-dev-arm64-cross
//	go run ./internal/native/mca -suffix -19
//
// LLVM describes apple-m2 as it does all processors of Apple: as the Cyclone of 2013.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/gemm"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/internal/native"
)

var suffix = flag.String("suffix", "", "what follows clang and llvm-mca in the names of the commands")

// processors with the number of their units for multiply-adds of vectors of float64 and of float32, in LLVM's models.
var processors = []struct {
	name, features string
	units          map[dtype.DType]float64
}{
	{"neoverse-v2", "+nosve", map[dtype.DType]float64{dtype.Float64: 4, dtype.Float32: 4}},
	{"apple-m2", "", map[dtype.DType]float64{dtype.Float64: 2, dtype.Float32: 3}},
}

// formulas of inputs x, y and w. Functions of libm are compared with a call, the others with clang's loop.
var formulas = []struct {
	name, c string
	libm    bool
	code    []micro.Instr // registers 0 to 2 are inputs, the last one written is the output
}{
	{"x + y", "x[i] + y[i]", false, []micro.Instr{{Op: micro.Add, Dst: 3, A: 0, B: 1}}},
	{"fma(x, y, w)", "FMA(x[i], y[i], w[i])", false, []micro.Instr{{Op: micro.FMA, Dst: 3, A: 0, B: 1, C: 2}}},
	{"x / y", "x[i] / y[i]", false, []micro.Instr{{Op: micro.Div, Dst: 3, A: 0, B: 1}}},
	{"√(x·y + w)", "SQRT(x[i]*y[i] + w[i])", false, []micro.Instr{{Op: micro.Mul, Dst: 3, A: 0, B: 1}, {Op: micro.Add, Dst: 4, A: 3, B: 2}, {Op: micro.Sqrt, Dst: 5, A: 4}}},
	{"exp", "exp", true, []micro.Instr{{Op: micro.Exp, Dst: 3, A: 0}}},
	{"sin", "sin", true, []micro.Instr{{Op: micro.Sin, Dst: 3, A: 0}}},
	{"log", "log", true, []micro.Instr{{Op: micro.Log, Dst: 3, A: 0}}},
	{"tanh", "tanh", true, []micro.Instr{{Op: micro.Tanh, Dst: 3, A: 0}}},
	{"pow", "pow", true, []micro.Instr{{Op: micro.Pow, Dst: 3, A: 0, B: 1}}},
}

func main() {
	flag.Parse()
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	dir, err := os.MkdirTemp("", "mca")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	fmt.Printf("%-12s %-4s %-14s %9s %9s %6s\n", "processor", "type", "formula", "ours", "other", "ratio")
	for _, p := range processors {
		for _, d := range []dtype.DType{dtype.Float64, dtype.Float32} {
			for k := range formulas {
				f := &formulas[k]
				text, step, err := ours(f.code, d)
				if err != nil {
					return err
				}
				cycles, err := analyse(p.name, text)
				if err != nil {
					return err
				}
				var other float64
				if f.libm {
					other, err = libmCall(dir, p.name, f.c, d, f.code[0].Op.Arity() == 2)
				} else {
					other, err = clangLoop(dir, p.name, p.features, f.c, d)
				}
				if err != nil {
					return err
				}
				row(p.name, d, f.name, cycles/float64(step), other)
			}
			text, count := gemm.NEONStep(d)
			cycles, err := analyse(p.name, text)
			if err != nil {
				return err
			}
			other, err := clangTile(dir, p.name, p.features, d)
			if err != nil {
				return err
			}
			row(p.name, d, "tile, per k", cycles, other)
			fmt.Printf("%35s %d multiply-adds of vectors: %.0f %% of the units\n", "", count, 100*float64(count)/(cycles*p.units[d]))
		}
	}
	return nil
}

func row(processor string, d dtype.DType, name string, ours, other float64) {
	fmt.Printf("%-12s %-4s %-14s %9.2f %9.2f %6.2f\n", processor, d.Short(), name, ours, other, ours/other)
}

// ours returns the text of our loop over vectors, and the elements of an iteration.
func ours(code []micro.Instr, d dtype.DType) (text string, step int, err error) {
	l := &micro.Loop{Dims: []int{1000}, Out: []micro.Access{{Type: d, Strides: []int{1}}}}
	inputs := uint32(0)
	for _, in := range code {
		operands := in.Operands()
		for _, v := range operands[:in.Op.Arity()] {
			if v < 3 {
				inputs = max(inputs, v+1)
			}
		}
	}
	place := func(r uint32) uint32 {
		if r >= 3 {
			r += inputs - 3
		}
		return r
	}
	for range inputs {
		l.In = append(l.In, micro.Access{Type: d, Strides: []int{1}})
	}
	for _, in := range code {
		in.Type, in.Dst, in.A, in.B, in.C = d, place(in.Dst), place(in.A), place(in.B), place(in.C)
		l.Code = append(l.Code, in)
		l.Temps++
		l.OutRegs = []uint32{in.Dst}
	}
	listing, step, err := native.LoopText(l, cpu.NEON)
	if err != nil {
		return "", 0, err
	}
	lines := strings.Split(listing, "\n")
	for k, line := range lines {
		if at := strings.Index(line, "b.ge "); at >= 0 {
			if target, _ := strconv.Atoi(line[at+5:]); target < 4*k {
				return strings.Join(lines[target/4:k+1], "\n"), step, nil
			}
		}
	}
	return "", 0, fmt.Errorf("no loop in\n%s", listing)
}

var (
	offsets = regexp.MustCompile(`(?m)^\s*[0-9a-f]+:?\s+[0-9a-f]{8}\s+`)
	jumps   = regexp.MustCompile(`(?m)^(\s*)(b|b\.\w+|cbn?z \w+,|tbn?z \w+, #\w+,)\s+\S+.*$`)
	total   = regexp.MustCompile(`Total Cycles:\s+(\d+)`)
)

const iterations = 200

// analyse returns the cycles of an iteration of the code.
func analyse(processor, text string) (float64, error) {
	text = jumps.ReplaceAllString(offsets.ReplaceAllString(text, ""), "$1$2 .Lsomewhere")
	cmd := exec.Command("llvm-mca"+*suffix, "-mtriple=aarch64", "-mcpu="+processor, fmt.Sprintf("-iterations=%d", iterations))
	cmd.Stdin = strings.NewReader(text)
	out, err := cmd.Output()
	m := total.FindSubmatch(out)
	if err != nil || m == nil {
		return 0, fmt.Errorf("llvm-mca: %v\n%s", err, text)
	}
	cycles, err := strconv.ParseFloat(string(m[1]), 64)
	return cycles / iterations, err
}

func command(name string, arguments ...string) (string, error) {
	out, err := exec.Command(name, arguments...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", name, err, out)
	}
	return string(out), nil
}

// compile returns the assembly of C.
func compile(dir, processor, features, source string) (string, error) {
	c := filepath.Join(dir, "loop.c")
	if err := os.WriteFile(c, []byte(source), 0o644); err != nil {
		return "", err
	}
	return command("clang"+*suffix, "--target=aarch64-linux-gnu", "-mcpu="+processor+features, "-O3", "-fno-math-errno", "-ffp-contract=off", "-ffreestanding", "-S", "-o", "-", c)
}

func types(d dtype.DType) (name, f string, lanes int) {
	if d == dtype.Float32 {
		return "float", "f", 4
	}
	return "double", "", 2
}

var stores = regexp.MustCompile(`(?m)^\s+(str|stp)\s+q`)

// clangLoop returns the cycles per element of the loop over vectors that clang makes of a formula.
func clangLoop(dir, processor, features, formula string, d dtype.DType) (float64, error) {
	t, f, lanes := types(d)
	asm, err := compile(dir, processor, features, fmt.Sprintf(`#define FMA __builtin_fma%s
#define SQRT __builtin_sqrt%s
void loop(%s *restrict z, const %s *restrict x, const %s *restrict y, const %s *restrict w, long n) { for (long i = 0; i < n; i++) z[i] = %s; }
`, f, f, t, t, t, t, formula))
	if err != nil {
		return 0, err
	}
	body, err := widestLoop(asm)
	if err != nil {
		return 0, err
	}
	vectors := 0
	for _, m := range stores.FindAllStringSubmatch(body, -1) {
		vectors += map[string]int{"str": 1, "stp": 2}[m[1]]
	}
	cycles, err := analyse(processor, body)
	return cycles / float64(vectors*lanes), err
}

var labels = regexp.MustCompile(`(?m)^(\.LBB\w+):.*$`)

// widestLoop returns the innermost loop of assembly that has the most instructions on vectors.
func widestLoop(asm string) (body string, err error) {
	most := 0
	for _, m := range labels.FindAllStringSubmatchIndex(asm, -1) {
		rest := asm[m[1]:]
		if next := labels.FindStringIndex(rest); next != nil {
			rest = rest[:next[0]]
		}
		name := asm[m[2]:m[3]]
		if end := regexp.MustCompile(`(?m)^\s+b\.\w+\s+` + regexp.QuoteMeta(name) + `$`).FindStringIndex(rest); end != nil {
			if n := strings.Count(rest[:end[1]], "\tv") + strings.Count(rest[:end[1]], "q"); n > most {
				most, body = n, rest[:end[1]]
			}
		}
	}
	if body == "" {
		return "", fmt.Errorf("no loop over vectors in\n%s", asm)
	}
	return body, nil
}

// clangTile returns the cycles of a step of a tile like ours, in C with the processor's intrinsic functions.
func clangTile(dir, processor, features string, d dtype.DType) (float64, error) {
	t, _, lanes := types(d)
	vector := map[int]string{2: "float64x2_t", 4: "float32x4_t"}[lanes]
	fma := map[int]string{2: "vfmaq_n_f64", 4: "vfmaq_n_f32"}[lanes]
	asm, err := compile(dir, processor, features, fmt.Sprintf(`#include <arm_neon.h>
typedef %[2]s vector;
void tile(%[1]s *c, long crow, const %[1]s *a, long arow, long astep, const %[1]s *b, long bstep, long k) {
	vector s[6][4];
	for (int i = 0; i < 6; i++) for (int j = 0; j < 4; j++) s[i][j] = *(vector *)(c + i*crow + j*%[4]d);
#pragma clang loop unroll(disable)
	for (; k > 0; k--) {
		for (int i = 0; i < 6; i++) for (int j = 0; j < 4; j++) s[i][j] = %[3]s(s[i][j], *(vector *)(b + j*%[4]d), a[i*arow]);
		a += astep, b += bstep;
	}
	for (int i = 0; i < 6; i++) for (int j = 0; j < 4; j++) *(vector *)(c + i*crow + j*%[4]d) = s[i][j];
}
`, t, vector, fma, lanes))
	if err != nil {
		return 0, err
	}
	body, err := widestLoop(asm)
	if err != nil {
		return 0, err
	}
	return analyse(processor, body)
}

var (
	traced = regexp.MustCompile(`(?m)^Trace \d+: \S+ \[[0-9a-f]+/([0-9a-f]+)/`)
	listed = regexp.MustCompile(`(?m)^\s+([0-9a-f]+):\t([0-9a-f]{8})\s+(.*)$`)
	symbol = regexp.MustCompile(`(?m)^([0-9a-f]+) <(begin|end)>:$`)
	adr    = regexp.MustCompile(`^(adrp?\s+\w+,).*`)
)

// libmCall returns the cycles of a call of a function of glibc for usual arguments, when calls follow one another: of the instructions that an emulator executes from the loading of the
// arguments to the storing of the result, with calls and returns taken as jumps, all predicted.
func libmCall(dir, processor, name string, d dtype.DType, two bool) (float64, error) {
	t, f, _ := types(d)
	c, bin, trace := filepath.Join(dir, "call.c"), filepath.Join(dir, "call"), filepath.Join(dir, "trace")
	arguments, parameters := "x", t
	if two {
		arguments, parameters = "x, y", t+", "+t
	}
	source := fmt.Sprintf(`%[1]s %[2]s(%[4]s);
__attribute__((noinline)) void begin(void) { __asm__ volatile(""); }
__attribute__((noinline)) void end(void) { __asm__ volatile(""); }
volatile %[1]s x = 1.37, y = 2.3, z;
int main(void) { z = %[2]s(%[3]s); begin(); z = %[2]s(%[3]s); end(); return 0; }
`, t, name+f, arguments, parameters)
	if err := os.WriteFile(c, []byte(source), 0o644); err != nil {
		return 0, err
	}
	library, err := filepath.Glob("/usr/lib/gcc-cross/aarch64-linux-gnu/*")
	if err != nil || len(library) == 0 {
		return 0, fmt.Errorf("no libgcc for arm64")
	}
	gcc := library[0]
	const sys = "/usr/aarch64-linux-gnu/lib"
	object := filepath.Join(dir, "call.o")
	if _, err := command("clang"+*suffix, "--target=aarch64-linux-gnu", "-mcpu="+processor, "-O2", "-fno-builtin", "-c", "-o", object, c); err != nil {
		return 0, err
	}
	if _, err := command("aarch64-linux-gnu-ld", "-static", "-o", bin, sys+"/crt1.o", sys+"/crti.o", gcc+"/crtbeginT.o", object, "-L"+sys, "-L"+gcc, "--start-group", "-lm", "-lgcc", "-lgcc_eh", "-lc", "--end-group",
		gcc+"/crtend.o", sys+"/crtn.o"); err != nil {
		return 0, err
	}
	if _, err := command("qemu-aarch64-static", "-singlestep", "-d", "exec,nochain", "-D", trace, bin); err != nil {
		return 0, err
	}
	listing, err := command("aarch64-linux-gnu-objdump", "-d", bin)
	if err != nil {
		return 0, err
	}
	text := map[uint64]string{}
	for _, m := range listed.FindAllStringSubmatch(listing, -1) {
		at, _ := strconv.ParseUint(m[1], 16, 64)
		text[at], _, _ = strings.Cut(m[3], "//")
	}
	places := map[string]uint64{}
	for _, m := range symbol.FindAllStringSubmatch(listing, -1) {
		places[m[2]], _ = strconv.ParseUint(m[1], 16, 64)
	}
	log, err := os.ReadFile(trace)
	if err != nil {
		return 0, err
	}
	var code []string
	inside := false
	for _, m := range traced.FindAllSubmatch(log, -1) {
		at, _ := strconv.ParseUint(string(m[1]), 16, 64)
		if at == places["end"] {
			break
		}
		inside = inside || at == places["begin"]
		if inside {
			line := strings.ReplaceAll(text[at], "\t", " ")
			if line == "ret" || strings.HasPrefix(line, "bl ") || strings.HasPrefix(line, "blr") || strings.HasPrefix(line, "br ") || strings.HasPrefix(line, "ret") {
				line = "b somewhere"
			}
			line = adr.ReplaceAllString(line, "$1 somewhere")
			code = append(code, line)
		}
	}
	if len(code) < 10 {
		return 0, fmt.Errorf("a trace of %d instructions of %s", len(code), name)
	}
	return analyse(processor, strings.Join(code, "\n")+"\n")
}
