package main

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const folder = "../../../docs/gallery"

// The committed pictures are what the generator makes now; go generate ./viz renews them.
func TestGalleryIsCurrent(t *testing.T) {
	list, err := pictures()
	if err != nil {
		t.Fatal(err)
	}
	files, err := render(list, false, "")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Error(err)
			continue
		}
		if len(got) > 1<<20 {
			t.Errorf("%s has %d bytes: too large for a page", name, len(got))
		}
		if strings.HasSuffix(name, ".png") {
			if share := difference(t, got, want); share > 0.002 {
				t.Errorf("%s is stale: %.4f of its pixels differ; run go generate ./viz", name, share)
			}
		} else if !bytes.Equal(got, want) {
			t.Errorf("%s is stale; run go generate ./viz", name)
		}
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if _, found := files[e.Name()]; !found && !e.IsDir() {
			t.Errorf("%s is not made by the generator", e.Name())
		}
	}
}

// difference returns the share of pixels that differ visibly: the last bits of a colour depend on the processor and
// compression on the library.
func difference(t *testing.T, a, b []byte) float64 {
	t.Helper()
	var images [2]image.Image
	for k, data := range [][]byte{a, b} {
		var err error
		if images[k], err = png.Decode(bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
	}
	r := images[0].Bounds()
	if r != images[1].Bounds() {
		return 1
	}
	different := 0
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			p, q := color.GrayModel.Convert(images[0].At(x, y)).(color.Gray).Y, color.GrayModel.Convert(images[1].At(x, y)).(color.Gray).Y
			if max(p, q)-min(p, q) > 16 {
				different++
			}
		}
	}
	return float64(different) / float64(r.Dx()*r.Dy())
}
