package main

import (
	"bytes"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	dir := t.TempDir()
	var b strings.Builder
	if err := run(&b, dir); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"z      = 37", "∂z/∂x1 = 10", "∂z/∂x2 = 11", "STRAIGHT"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("output lacks %q:\n%s", want, b.String())
		}
	}
	for name, start := range map[string]string{"z.svg": "<svg", "z.dot": "digraph", "z.png": "\x89PNG"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !bytes.Contains(data[:min(len(data), 400)], []byte(start)) {
			t.Errorf("%s does not look like what it is named: %v", name, err)
		}
		if name == "z.png" {
			if _, err := png.Decode(bytes.NewReader(data)); err != nil {
				t.Errorf("z.png: %v", err)
			}
		}
	}
}
