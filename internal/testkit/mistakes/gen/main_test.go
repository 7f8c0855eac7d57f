package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestTableIsFresh(t *testing.T) {
	made := filepath.Join(t.TempDir(), "table_test.go")
	if err := run("../../../..", made); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(made)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../table_test.go")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("table_test.go is stale: run go generate ./internal/testkit/mistakes")
	}
}
