// Docs writes docs/STABLEHLO.md: what of StableHLO is read and written.
package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"github.com/adjoint-go/adjoint/graph/stablehlo"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: docs FILE")
		os.Exit(2)
	}
	if err := os.WriteFile(os.Args[1], page(), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func page() []byte {
	operations, operators := stablehlo.Operations(), stablehlo.Operators()
	count := func(all []stablehlo.Support) (n int) {
		for _, s := range all {
			if s.OK {
				n++
			}
		}
		return n
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, `# StableHLO

Package `+"`graph/stablehlo`"+` reads modules of StableHLO, as jax prints them or in MLIR's generic form, into graphs, and writes graphs as modules. It reads %d operations of StableHLO, CHLO and func, and writes %d of %d operators. This page is generated
(`+"`go generate ./graph/stablehlo`"+`).

| elements | held as |
|---|---|
| f64, f32, i64, i32, i1 | what they are; all that is written |
| i2, i4, i8, i16, ui2, ui4, ui8, ui16 | int32, wrapped as their type does |
| ui32 | int64, wrapped |
| ui64 | int64 with the same bits; operations whose result depends on more than the bits, such as comparing or dividing, are refused |
| f16, bf16 | float32, computed without rounding to half precision |
| complex<f64>, complex<f32> | a last dimension of two; transforms, parts, sums and differences are read |

Shapes are static. Functions that are called are inlined; loops become `+"`graph.While` or `graph.Scan`"+`, branches `+"`graph.Switch`"+`. Comparators of sorts are orders by one operand, or by several where those before are equal. A start of a dynamic
slice is an operand, before and after.

Programs of jax in `+"`graph/stablehlo/testdata`"+` and gradients of them are compared with what jax computes (`+"`TestJAX`"+`). The samples of all operators, with their gradients, are written, read back and compared (`+"`TestWrittenOperators`"+`: 852 modules), and run in
jaxlib 0.10.2, with the same values for all 852, by `+"`go test ./graph/stablehlo -run Written -args -dump FOLDER`, `python graph/stablehlo/written.py FOLDER`"+`.

## Operations

| operation | read | remarks |
|---|---|---|
`, count(operations), count(operators), len(operators))
	table(&b, operations)
	b.WriteString(`
## Operators of graphs

| operator | written | remarks |
|---|---|---|
`)
	table(&b, operators)
	return b.Bytes()
}

func table(b *bytes.Buffer, all []stablehlo.Support) {
	for _, s := range all {
		mark := "yes"
		if !s.OK {
			mark = "no"
		}
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", s.Name, mark, strings.ReplaceAll(s.Note, "|", "\\|"))
	}
}
