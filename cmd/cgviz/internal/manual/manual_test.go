package manual

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestFresh checks that the pages in the repository are those of the commands.
func TestFresh(t *testing.T) {
	pages, err := Pages()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"cgviz.1", "cgviz-diff.1", "cgviz-passes.1", "cgviz-disasm.1", "cgviz-completion.1"} {
		if pages[name] == nil {
			t.Errorf("there is no %s", name)
		}
	}
	folder := filepath.Join("..", "..", "..", "..", filepath.FromSlash(Folder))
	files, err := filepath.Glob(filepath.Join(folder, "*.1"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(pages) {
		t.Errorf("%d files for %d pages: run go generate ./cmd/cgviz", len(files), len(pages))
	}
	for name, want := range pages {
		got, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is stale (%v): run go generate ./cmd/cgviz", name, err)
		}
	}
}

// TestGroff checks that groff reads the pages without a warning.
func TestGroff(t *testing.T) {
	groff, err := exec.LookPath("groff")
	if err != nil {
		t.Skip("groff is not installed")
	}
	pages, err := Pages()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range pages {
		cmd := exec.Command(groff, "-man", "-Kutf8", "-Tutf8", "-ww", "-z")
		cmd.Stdin = bytes.NewReader(text)
		if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s: %v %s", name, err, out)
		}
	}
}
