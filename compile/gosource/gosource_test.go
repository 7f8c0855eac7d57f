package gosource_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/compile/gosource"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

var update = flag.Bool("update", false, "rewrite the files that sources are compared with")

func must[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// The sources of the programs are the packages of internal/samples, the same each time, which other tests and benchmarks call.
func TestSamples(t *testing.T) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p, _ := c.build(t)
			config := gosource.Config{Package: strings.ToLower(c.name), Func: c.name, Doc: c.doc}
			generate := func() []gosource.File {
				if c.assembly {
					return must[[]gosource.File](t)(config.GenerateAssembly(p, config.Package))
				}
				return []gosource.File{{Name: config.Package + ".go", Text: must[[]byte](t)(config.Generate(p))}}
			}
			files := generate()
			if again := generate(); !reflect.DeepEqual(again, files) {
				t.Error("another source the second time")
			}
			for _, f := range files {
				file, got := filepath.Join("internal", "samples", config.Package, f.Name), f.Text
				if *update {
					if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(file, got, 0o666); err != nil {
						t.Fatal(err)
					}
				}
				want := must[[]byte](t)(os.ReadFile(file))
				if string(want) != string(got) {
					t.Errorf("%s differs (-update rewrites it):\n%s", file, got)
				}
			}
		})
	}
}

// What has no form in Go is refused with the operator and the user's line.
func TestRefused(t *testing.T) {
	g := graph.New()
	x0 := g.Input("x0", graph.Float64, 4)
	final, _ := graph.Scan(100, []*graph.Node{x0}, nil, func(c, _ []*graph.Node) (next, ys []*graph.Node) {
		return []*graph.Node{graph.Sin(c[0])}, nil
	})
	d := must[[]*graph.Node](t)(compile.Gradient(graph.Sum(final[0]), x0))
	p := must[*vm.Program](t)(compile.Config{Checkpoints: compile.Checkpoints{States: 5}}.Compile(d[0]))
	_, err := gosource.Generate(p)
	if err == nil || !strings.Contains(err.Error(), "gosource_test.go:") || !strings.Contains(err.Error(), "scan") || !strings.Contains(err.Error(), "checkpoints") {
		t.Errorf("error %v", err)
	}
	for _, c := range []gosource.Config{{Package: "a-b"}, {Func: "func"}, {Func: "len"}, {Package: "9"}} {
		p, _ := buildSeed(t)
		if _, err := c.Generate(p); err == nil {
			t.Errorf("%+v is accepted", c)
		}
	}
}

// Files of several functions are one package, with assembly too.
func TestFunctionsShareAPackage(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write("go.mod", "module shared\n\ngo 1.26\n")
	var calls strings.Builder
	for k, name := range []string{"Energy", "Force", ""} {
		g := graph.New()
		x := g.Input("energyExp64", graph.Float64, 500)
		weights := make([]float64, 500)
		for i := range weights {
			weights[i] = float64(i%7) + float64(k)
		}
		p := must[*vm.Program](t)(compile.Compile(graph.Sum(graph.Exp(x).Mul(graph.Constant(g, weights, 500))), graph.Sin(x)))
		config := gosource.Config{Package: "main", Func: name}
		for _, f := range must[[]gosource.File](t)(config.GenerateAssembly(p, "part"+string(rune('a'+k)))) {
			write(f.Name, string(f.Text))
		}
		in := make([]float64, 500)
		for i := range in {
			in[i] = float64(i) / 500
		}
		want := must[[]vm.Array](t)(vm.NewMachine(p).Call(in))[0].Item()
		called := name + "(&x, new([500]float64))"
		if name == "" {
			called = "Run(&x, new([500]float64))"
		}
		fmt.Fprintf(&calls, "if v := %s; v != %v {\nprintln(%q, v)\n}\n", called, want, name)
	}
	write("main.go", "package main\n\nfunc main() {\nvar x [500]float64\nfor i := range x {\nx[i] = float64(i) / 500\n}\n"+calls.String()+"}\n")
	for _, args := range [][]string{{"vet", "."}, {"run", "."}, {"run", "-tags", "purego", "."}} {
		cmd := exec.Command("go", args...)
		cmd.Dir = folder
		if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("go %v: %v\n%s", args, err, out)
		}
	}
}
