package main

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

func TestOperatorsAreFresh(t *testing.T) {
	want, err := operators(filepath.Join("..", "..", "..", "graph"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join("..", "operators_gen.go"))
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Error("operators_gen.go is stale: run go generate ./compile/eager")
	}
	if n := len(regexp.MustCompile(`(?m)^func `).FindAll(want, -1)); n < 200 {
		t.Errorf("%d operators: some are lost", n)
	}
}
