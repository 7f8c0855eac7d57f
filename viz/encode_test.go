package viz

import (
	"bytes"
	"testing"
)

func TestEncode(t *testing.T) {
	p, err := NewFromModel(chainModel(5, false))
	if err != nil {
		t.Fatal(err)
	}
	for format, begins := range map[string]string{"svg": "<svg", "png": "\x89PNG", "pdf": "%PDF", "html": "<!", "dot": "digraph", "json": "{", "mermaid": "flowchart", "text": "", "tikz": "% Comp", "latex": `\RequirePackage`} {
		data, err := p.Encode(format)
		if err != nil || len(data) == 0 {
			t.Errorf("%s: %d bytes, %v", format, len(data), err)
		}
		if !bytes.HasPrefix(bytes.TrimSpace(data), []byte(begins)) {
			t.Errorf("%s begins with %q", format, data[:min(len(data), 20)])
		}
	}
	if _, err := p.Encode("jpeg"); err == nil {
		t.Error("an unknown format was accepted")
	}
}
