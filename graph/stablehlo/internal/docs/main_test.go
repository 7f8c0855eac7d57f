package main

import (
	"bytes"
	"os"
	"testing"
)

func TestPageIsFresh(t *testing.T) {
	have, err := os.ReadFile("../../../../docs/STABLEHLO.md")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, page()) {
		t.Error("docs/STABLEHLO.md is stale: go generate ./graph/stablehlo")
	}
}
