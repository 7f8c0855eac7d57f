package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestGeneratedFileIsCurrent regenerates the kernel in memory.
func TestGeneratedFileIsCurrent(t *testing.T) {
	want, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join("..", fileName)); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is stale: run go run ./internal/philox/asm/gen (%v)", fileName, err)
	}
}
