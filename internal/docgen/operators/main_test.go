package main

import (
	"os"
	"testing"
)

func TestFresh(t *testing.T) {
	got, err := os.ReadFile("../../../docs/OPERATORS.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != document() {
		t.Error("docs/OPERATORS.md is stale: run go generate ./graph")
	}
}
