package main

import (
	"bytes"
	"os"
	"testing"

	"github.com/adjoint-go/adjoint/graph"
)

const root = "../../.."

func TestFresh(t *testing.T) {
	got, err := os.ReadFile(root + "/docs/OPERATORS.md")
	if err != nil {
		t.Fatal(err)
	}
	want, err := document(root)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("docs/OPERATORS.md is stale: run go generate ./graph")
	}
}

// No entry lacks what a reader looks for.
func TestEntriesAreComplete(t *testing.T) {
	all, err := entries(root)
	if err != nil {
		t.Fatal(err)
	}
	// Operators without operands have no dtypes of operands, and those that stand for others no types of their own.
	alone := map[string]bool{"input": true, "const": true, "placeholder": true, "result": true, "each_step": true, "snapshots": true, "reverse_sweep": true, "batched": true}
	elementary := map[string]bool{"erfinv": true, "logaddexp": true, "sinc": true, "xlogy": true, "xlog1py": true, "log_ndtr": true}
	sourced := map[graph.Family]bool{graph.FamilySpecial: true, graph.FamilyRandom: true}
	for _, e := range all {
		for what, missing := range map[string]bool{
			"constructor":   len(e.constructors) == 0 != inDerivatives[e.op.Name],
			"documentation": len(e.op.Doc) < 3,
			"derivative":    e.derivative == "" && e.op.MaxArity != 0,
			"dtypes":        e.dtypes == "" && e.op.MaxArity != 0 && !alone[e.op.Name],
			"example":       e.example == "" && e.op.MaxArity != 0 && !alone[e.op.Name],
			"source":        e.op.Source == "" && sourced[e.op.Family] && !elementary[e.op.Name],
		} {
			if missing {
				t.Errorf("%s: %s", e.op.Name, what)
			}
		}
		for _, c := range e.constructors {
			if c.signature == "" || len(c.doc) < 8 {
				t.Errorf("%s: the constructor %s lacks its signature or comment", e.op.Name, c.name)
			}
		}
		for _, a := range e.op.Attrs {
			if a.Doc == "" {
				t.Errorf("%s: attribute %s is not documented", e.op.Name, a.Key)
			}
		}
	}
}
