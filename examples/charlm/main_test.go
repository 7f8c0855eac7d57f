package main

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
)

// Forty steps are much better than 4.6, what guessing is, and the text goes on behind the prompt.
func TestRun(t *testing.T) {
	var b strings.Builder
	loss, err := run(context.Background(), &b, 40, "**A loop", filepath.Join(t.TempDir(), "charlm"))
	if err != nil {
		t.Fatal(err)
	}
	if loss > 3 {
		t.Errorf("the loss is %v", loss)
	}
	_, continued, ok := strings.Cut(b.String(), "**A loop")
	if n := len([]rune(continued)); !ok || n != tokens-len("**A loop")+1 {
		t.Errorf("%d characters are written: %q", n, continued)
	}
}
