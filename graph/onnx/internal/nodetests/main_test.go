package main

import (
	"archive/zip"
	"flag"
	"os"
	"strings"
	"testing"
)

var dirOfTests = flag.String("nodes", "", "folder of the tests of the Python package onnx (onnx/backend/test/data/node)")

// TestSomeNodes runs tests that lie beside this file.
func TestSomeNodes(t *testing.T) {
	z, err := zip.OpenReader("testdata/nodes.zip")
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	s, err := runAll(z, "*")
	if err != nil {
		t.Fatal(err)
	}
	for name, reason := range s.failed {
		t.Errorf("%s: %s", name, reason)
	}
	if n := s.passed[0] + s.passed[1]; n < 60 {
		t.Errorf("%d tests", n)
	}
}

// TestAllNodes runs all tests of the Python package and compares with results.txt: what passes may not become less, and the page says what is true.
func TestAllNodes(t *testing.T) {
	if *dirOfTests == "" {
		t.Skip("go test ./graph/onnx/internal/nodetests -args -nodes …/site-packages/onnx/backend/test/data/node")
	}
	s, err := runAll(os.DirFS(*dirOfTests), "*")
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("results.txt")
	if err != nil {
		t.Fatal(err)
	}
	if s.file() != string(want) {
		t.Errorf("results differ from results.txt, which -update writes:\n%s", s)
	}
	for name, reason := range s.failed {
		if strings.HasPrefix(reason, "PANIC") {
			t.Errorf("%s: %s", name, reason)
		}
	}
}
