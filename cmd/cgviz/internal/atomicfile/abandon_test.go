package atomicfile

import (
	"os"
	"path/filepath"
	"testing"
)

// A write under way leaves nothing behind when the process ends, and none begins after that.
func TestAbandon(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "a.svg")
	f, err := begin(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	Abandon()
	defer func() { pending = map[string]bool{} }()
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if err := Write(name, []byte("x")); err == nil {
		t.Error("a write began after the end")
	}
}
