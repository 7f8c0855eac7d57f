package main

import (
	"bytes"
	"cmp"
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// names are the functions here by the names of other systems; the file says how it is to be read.
//
//go:embed names.txt
var names string

// system is another system whose names the index has.
type system struct {
	title  string
	full   func(name string) string
	called map[string][]string // by name there the functions here
}

// readNames returns the systems in the order of their columns, and the functions here.
func readNames(text string) ([]system, []string, error) {
	within := func(module string) func(name string) string {
		return func(name string) string { return module + "." + name }
	}
	systems := []system{
		{title: "NumPy and SciPy", full: func(name string) string {
			if strings.HasPrefix(name, "scipy.") {
				return name
			}
			return "numpy." + name
		}},
		{title: "PyTorch", full: func(name string) string {
			if rest, ok := strings.CutPrefix(name, "F."); ok {
				name = "nn.functional." + rest
			}
			return "torch." + name
		}},
		{title: "JAX", full: within("jax")},
		{title: "ONNX", full: func(name string) string { return name }},
	}
	for i := range systems {
		systems[i].called = map[string][]string{}
	}
	var functions []string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		columns := strings.Split(strings.TrimSpace(line), "|")
		if len(columns) != 1+len(systems) {
			return nil, nil, fmt.Errorf("names.txt: %q has %d columns", line, len(columns))
		}
		function := strings.TrimSpace(columns[0])
		functions = append(functions, function)
		for i, s := range systems {
			for _, name := range strings.Fields(columns[1+i]) {
				switch name {
				case "-":
				case "=":
					for _, same := range strings.Fields(columns[1]) {
						if same != "-" && !strings.HasPrefix(same, "scipy.") {
							s.called["jax.numpy."+same] = append(s.called["jax.numpy."+same], function)
						}
					}
				default:
					s.called[s.full(name)] = append(s.called[s.full(name)], function)
				}
			}
		}
	}
	return systems, functions, nil
}

// index writes the functions under the names that other systems give them.
func index(b *bytes.Buffer) error {
	systems, _, err := readNames(names)
	if err != nil {
		return err
	}
	b.WriteString("\n## Index by the names of other systems\n\nWhat does the same or most of it; the comment of the function says what differs. docs/ONNX.md has all operators of ONNX that are read.\n")
	for _, s := range systems {
		fmt.Fprintf(b, "\n### Names of %s\n\n| there | here |\n|---|---|\n", s.title)
		for _, name := range slices.SortedFunc(maps.Keys(s.called), func(a, b string) int {
			return cmp.Or(cmp.Compare(strings.ToLower(a), strings.ToLower(b)), cmp.Compare(a, b))
		}) {
			fmt.Fprintf(b, "| `%s` | `%s` |\n", name, strings.Join(s.called[name], "`, `"))
		}
	}
	return nil
}
