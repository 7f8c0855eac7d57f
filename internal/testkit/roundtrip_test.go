package testkit

import (
	"bytes"
	"regexp"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
)

// origins are where instructions come from, with numbers of nodes and positions.
var origins = regexp.MustCompile(` ; .*`)

// TestTextIsTheSameProgram compiles random graphs, which hold nodes that no output depends on, and what is read back of their text, which does not: the programs are the same.
func TestTextIsTheSameProgram(t *testing.T) {
	for _, f := range bitsFamilies {
		for seed := range uint64(20) {
			_, outputs, err := f.program(seed)
			if err != nil {
				t.Fatalf("%s %d: %v", f.name, seed, err)
			}
			var text bytes.Buffer
			if err := graph.Format(&text, outputs...); err != nil {
				t.Fatal(err)
			}
			_, again, err := graph.Parse(text.Bytes(), "")
			if err != nil {
				t.Fatal(err)
			}
			var listing [2]string
			for k, outs := range [][]*graph.Node{outputs, again} {
				p, err := compile.Compile(outs...)
				if err != nil {
					t.Fatalf("%s %d: %v", f.name, seed, err)
				}
				listing[k] = origins.ReplaceAllString(p.String(), "")
			}
			if listing[0] != listing[1] {
				t.Errorf("%s %d: what is read back compiles to\n%s\nand not to\n%s", f.name, seed, listing[1], listing[0])
			}
		}
	}
}
