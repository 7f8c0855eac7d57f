package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A few epochs come below 30 nats, from more than 40 at the start, and digits are drawn.
func TestRun(t *testing.T) {
	var b strings.Builder
	out := filepath.Join(t.TempDir(), "vae")
	held, err := run(context.Background(), &b, 15, out)
	if err != nil {
		t.Fatal(err)
	}
	if held > 30 {
		t.Errorf("the bound is %v", held)
	}
	if info, err := os.Stat(out + "_digits.png"); err != nil || info.Size() < 1000 {
		t.Errorf("digits: %v", err)
	}
}
