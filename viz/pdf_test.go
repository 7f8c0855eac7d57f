package viz

import (
	"bytes"
	"compress/zlib"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"testing"
)

// The file's cross-reference table points at its objects, every stream unpacks,
// and the text can be found through the character maps.
func TestPDF(t *testing.T) {
	for _, c := range corpus() {
		data := render(t, c, (*Picture).PDF)
		if !bytes.Equal(data, render(t, c, (*Picture).PDF)) {
			t.Errorf("%s: two files differ", c.name)
		}
		start := regexp.MustCompile(`startxref\n(\d+)\n%%EOF\n$`).FindSubmatch(data)
		if start == nil {
			t.Fatalf("%s: no end of file", c.name)
		}
		at, _ := strconv.Atoi(string(start[1]))
		if !bytes.HasPrefix(data[at:], []byte("xref\n")) {
			t.Errorf("%s: startxref points at %q", c.name, data[at:at+10])
		}
		entries := regexp.MustCompile(`(\d{10}) 00000 n `).FindAllSubmatch(data[at:], -1)
		for i, e := range entries {
			offset, _ := strconv.Atoi(string(e[1]))
			if !bytes.HasPrefix(data[offset:], []byte(strconv.Itoa(i+1)+" 0 obj\n")) {
				t.Errorf("%s: object %d is not at %d", c.name, i+1, offset)
			}
		}
		streams := regexp.MustCompile(`/Length (\d+) >>\nstream\n`).FindAllSubmatchIndex(data, -1)
		if len(streams) < 3 {
			t.Errorf("%s: %d streams", c.name, len(streams))
		}
		for _, s := range streams {
			length, _ := strconv.Atoi(string(data[s[2]:s[3]]))
			r, err := zlib.NewReader(bytes.NewReader(data[s[1] : s[1]+length]))
			if err != nil {
				t.Fatal(c.name, err)
			}
			if _, err := io.Copy(io.Discard, r); err != nil {
				t.Error(c.name, err)
			}
			if !bytes.HasPrefix(data[s[1]+length:], []byte("\nendstream")) {
				t.Errorf("%s: a stream is longer than it says", c.name)
			}
		}
	}
}

// A page beyond 14400 units, which readers refuse, has larger units: their product is the size of the drawing.
func TestLargePDF(t *testing.T) {
	c := corpus()[0]
	sides := func(scale float64) (w, h, unit float64) {
		t.Helper()
		d := c
		d.options = append(slices.Clone(c.options), WithScale(scale))
		data := render(t, d, (*Picture).PDF)
		m := regexp.MustCompile(`/MediaBox \[0 0 ([\d.]+) ([\d.]+)\](?: /UserUnit (\d+))?`).FindSubmatch(data)
		if m == nil {
			t.Fatal("the page has no size")
		}
		unit = 1
		if len(m[3]) > 0 {
			unit, _ = strconv.ParseFloat(string(m[3]), 64)
		}
		w, _ = strconv.ParseFloat(string(m[1]), 64)
		h, _ = strconv.ParseFloat(string(m[2]), 64)
		return w, h, unit
	}
	w, h, unit := sides(1)
	if unit != 1 {
		t.Errorf("a small page has the unit %v", unit)
	}
	W, H, large := sides(97)
	if large < 2 || W > 14400 || H > 14400 || math.Abs(W*large-97*w) > 1 || math.Abs(H*large-97*h) > 1 {
		t.Errorf("a page of %v×%v units at scale 97 is %v×%v units of %v points", w, h, W, H, large)
	}
}
