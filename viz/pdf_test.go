package viz

import (
	"bytes"
	"compress/zlib"
	"io"
	"regexp"
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
