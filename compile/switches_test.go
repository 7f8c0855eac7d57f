package compile_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// thisProgram is another process of these tests, by the emulator that runs them if there is one (.ci/arm64).
func thisProgram(args ...string) *exec.Cmd {
	args = append([]string{os.Args[0]}, args...)
	if emulator := os.Getenv("EMULATOR"); emulator != "" {
		args = append([]string{emulator}, args...)
	}
	return exec.Command(args[0], args[1:]...)
}

// A switch with a value that it does not have is an error of the compiler and of machines; one that it has is not.
func TestSwitches(t *testing.T) {
	const child = "ADJOINT_TEST_SWITCHES"
	if os.Getenv(child) != "" {
		_, err := compile.Compile(graph.Sin(graph.New().Input("x", graph.Float64)))
		fmt.Printf("compile: %v\n", err)
		p, err := vm.NewProgram(&vm.Code{})
		if err != nil {
			t.Fatal(err)
		}
		_, run := vm.NewMachine(p).Run()
		fmt.Printf("machine: %v, %v\n", run, vm.NewMachine(p).Step())
		return
	}
	for setting, want := range map[string]string{
		"ADJOINT_SIMD=bogus": `ADJOINT_SIMD to "bogus"`, "ADJOINT_NATIVE=OFF": `ADJOINT_NATIVE to "OFF"`, "ADJOINT_VERIFY=yes": `ADJOINT_VERIFY to "yes"`,
		"ADJOINT_NATVE=off": "did you mean ADJOINT_NATIVE", "ADJOINT_NATIVE=off": "", "ADJOINT_SIMD=": "",
	} {
		cmd := thisProgram("-test.run=^TestSwitches$")
		cmd.Env = append(os.Environ(), child+"=1", setting)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", setting, err, out)
		}
		compiled, ran, _ := strings.Cut(string(out), "machine: ")
		ran, _, _ = strings.Cut(ran, "\n")
		if want == "" {
			if !strings.HasPrefix(compiled, "compile: <nil>") || ran != "<nil>, <nil>" {
				t.Errorf("%s:\n%s", setting, out)
			}
		} else if !strings.Contains(compiled, want) || strings.Count(ran, want) != 2 {
			t.Errorf("%s: want %q in\n%s", setting, want, out)
		}
	}
}
