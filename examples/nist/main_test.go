package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// All fits have eight certified digits, from both starts, and the pictures are drawn.
func TestRun(t *testing.T) {
	var b strings.Builder
	out := t.TempDir()
	n, err := run(context.Background(), &b, "Thurber", out)
	if err != nil {
		t.Fatal(err)
	}
	if n != (fits{54, 54, 54}) {
		t.Errorf("%+v\n%s", n, b.String())
	}
	for _, name := range []string{"fit.png", "graph.png"} {
		if info, err := os.Stat(filepath.Join(out, name)); err != nil || info.Size() < 1000 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := run(context.Background(), &b, "Nobody", ""); err == nil || !strings.Contains(err.Error(), `no problem "Nobody"`) {
		t.Error(err)
	}
}
