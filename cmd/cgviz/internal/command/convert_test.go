package command

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile/train"
	"github.com/adjoint-go/adjoint/vm"
)

func TestGen(t *testing.T) {
	file := filepath.Join(t.TempDir(), "energy.go")
	r := run("", "gen", "--gradient", "--package", "energy", "--func", "Energy", "-o", file, seed)
	if r.status != 0 || r.err != "" {
		t.Fatalf("status %d: %s", r.status, r.err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"package energy\n", "func Energy(x1, x2 float64) (z, dz_dx1, dz_dx2 float64) {\n", "z = float64(x1*x1) + float64(x2*x2) + float64(x1*x2)\n"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if r := run("", "gen", "--fma", seed); !strings.Contains(r.out, "math.FMA(") {
		t.Errorf("--fma has no effect: %s%s", r.out, r.err)
	}
}

// Assembly stands in files beside the Go file, where there are loops over arrays.
func TestGenAssembly(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "m.cg")
	if err := os.WriteFile(file, []byte("adjoint graph 1\n%0 \"x\" = input : f64[500]\n%1 \"y\" = exp %0 : f64[500]\noutput %1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if r := run("", "gen", "--assembly", file, "-o", filepath.Join(dir, "m.go")); r.status != 0 || r.out != "" || r.err != "" {
		t.Fatalf("status %d: %s%s", r.status, r.out, r.err)
	}
	for name, want := range map[string]string{
		"m.go": "if vectors {\n", "m_amd64.go": "func loop1AVX512(a0, b0 *float64, n int)\n", "m_amd64.s": "\nTEXT ·loop1AVX2(SB)", "m_arm64.go": "const vectors = true\n",
		"m_arm64.s": "\nTEXT ·loop1NEON(SB)", "m_generic.go": "purego",
	} {
		if text, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s: %v, no %q in\n%s", name, err, want, text)
		}
	}
}

func TestRun(t *testing.T) {
	dir := t.TempDir()
	program := programFile(t, dir, "z = x^2 + y")
	for _, c := range []struct{ arg, want string }{{"z = x^2 + y", "z = 12\n"}, {program, "z = 12\n"}} {
		if r := run("", "run", c.arg, "--input", "x=3,y=3"); r.status != 0 || r.out != c.want {
			t.Errorf("%s: status %d, %q, %s", c.arg, r.status, r.out, r.err)
		}
	}
	graph := filepath.Join(dir, "m.cg")
	if err := os.WriteFile(graph, []byte("adjoint graph 1\n%0 \"w\" = input : f64[2,2]\n%1 \"y\" = neg %0 : f64[2,2]\noutput %1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if r := run("", "run", graph, "--input", "w=[1,2,3,4]"); r.out != "y f64[2×2] =\n[[-1 -2]\n [-3 -4]]\n" {
		t.Errorf("%q %s", r.out, r.err)
	}
	// What goes out comes in again, as an array, an archive, or a file of values.
	values := filepath.Join(dir, "w.safetensors")
	if err := (train.Values{"w": vm.Array{Shape: []int{2, 2}, Data: []float64{1, 2, 3, 4}}}).Save(values); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"y.npy", "y.npz", "y.safetensors"} {
		file := filepath.Join(dir, name)
		if r := run("", "run", graph, "--values", values, "-o", file); r.status != 0 {
			t.Fatalf("%s: %s", name, r.err)
		}
		if name == "y.npy" {
			if r := run("", "run", graph, "--input", "w="+file); !strings.HasSuffix(r.out, "=\n[[1 2]\n [3 4]]\n") {
				t.Errorf("%s: %q %s", name, r.out, r.err)
			}
			continue
		}
		v, err := train.Load(file)
		if err != nil {
			t.Fatal(err)
		}
		if got := v["y"].String(); got != "[[-1 -2]\n [-3 -4]]" {
			t.Errorf("%s: %s", name, got)
		}
		if r := run("", file); r.status != 0 || r.out != "y  f64[2×2]\n1 values of 4 elements\n" {
			t.Errorf("%s: status %d, %q, %s", name, r.status, r.out, r.err)
		}
	}
}

func TestConvert(t *testing.T) {
	dir := t.TempDir()
	model, text, program, listing := filepath.Join(dir, "z.onnx"), filepath.Join(dir, "z.cg"), filepath.Join(dir, "z.adjp"), filepath.Join(dir, "z.txt")
	from := "z = sin(x)*exp(x)"
	for _, to := range []string{model, text, program, listing} {
		if r := run("", "convert", from, "-o", to); r.status != 0 {
			t.Fatalf("%s to %s: %s", from, to, r.err)
		}
		if to == listing {
			data, err := os.ReadFile(to)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := vm.ParseText(string(data)); err != nil {
				t.Error(err)
			}
			break
		}
		if r := run("", "run", to, "--input", "x=1"); !strings.HasPrefix(r.out, "z = 2.28735528717884") {
			t.Errorf("%s: %q %s", to, r.out, r.err)
		}
		from = to
	}
}
