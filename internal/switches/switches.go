// Package switches reads the environment variables that change how programs are compiled and run: docs/DEVELOPERS.md lists them.
package switches

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/adjoint-go/adjoint/internal/linescan"
)

// Values are the settings of all switches.
type Values struct {
	SIMD   string // "off", "avx2" or "avx512" caps the instruction set; "" does not
	Native bool   // machine code is made
	Verify bool   // graph and program are verified after every pass
}

// prefix begins the names of all switches, and of variables that are none.
const prefix = "ADJOINT_"

var table = []struct {
	name   string
	values []string
	set    func(v *Values, value string)
}{
	{"ADJOINT_SIMD", []string{"off", "avx2", "avx512"}, func(v *Values, value string) { v.SIMD = value }},
	{"ADJOINT_NATIVE", []string{"off", "on"}, func(v *Values, value string) { v.Native = value == "on" }},
	{"ADJOINT_VERIFY", []string{"0", "1"}, func(v *Values, value string) { v.Verify = value == "1" }},
}

// Parse reads the switches from an environment, as os.Environ returns it. A switch that is missing or empty has its default; other values,
// and names that are nearly a switch's, are errors.
func Parse(environment []string) (Values, error) {
	v := Values{Native: true}
	var errs []error
	names := make([]string, len(table))
	for i, s := range table {
		names[i] = strings.TrimPrefix(s.name, prefix)
	}
	for _, variable := range environment {
		name, value, _ := strings.Cut(variable, "=")
		rest, ok := strings.CutPrefix(name, prefix)
		if !ok {
			continue
		}
		i := slices.Index(names, rest)
		switch {
		case i >= 0 && slices.Contains(table[i].values, value):
			table[i].set(&v, value)
		case i >= 0 && value != "":
			errs = append(errs, fmt.Errorf("the environment sets %s to %q: it is one of %s", name, value, strings.Join(table[i].values, ", ")))
		case i < 0:
			if c := linescan.Closest(rest, names); c != "" {
				errs = append(errs, fmt.Errorf("the environment sets %s, which is no switch: did you mean %s?", name, prefix+c))
			}
		}
	}
	return v, errors.Join(errs...)
}

var process = sync.OnceValues(func() (Values, error) { return Parse(os.Environ()) })

// Get returns the settings of the process, read once. Where the environment is wrong, they are the defaults for what is.
func Get() Values {
	v, _ := process()
	return v
}

// Err returns what is wrong with the environment: compilers and machines refuse to work then.
func Err() error {
	_, err := process()
	return err
}
