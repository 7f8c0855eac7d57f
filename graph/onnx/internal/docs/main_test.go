package main

import (
	"bytes"
	"os"
	"testing"
)

func TestPageIsFresh(t *testing.T) {
	const root = "../../../.."
	want, err := page(root)
	if err != nil {
		t.Fatal(err)
	}
	have, err := os.ReadFile(root + "/docs/ONNX.md")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, want) {
		t.Error("docs/ONNX.md is stale: go generate ./graph/onnx")
	}
}
