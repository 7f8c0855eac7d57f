package viz

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// encoders are the formats of Encode.
var encoders = []struct {
	name  string
	paint func(*Picture, io.Writer) error
}{
	{"svg", (*Picture).SVG}, {"png", (*Picture).PNG}, {"pdf", (*Picture).PDF}, {"html", (*Picture).HTML},
	{"dot", (*Picture).DOT}, {"json", (*Picture).JSON}, {"mermaid", (*Picture).Mermaid}, {"text", (*Picture).Text},
	{"tikz", (*Picture).TikZ}, {"latex", (*Picture).LaTeX},
}

// Encode returns the picture in the format "svg", "png", "pdf", "html", "dot", "json", "mermaid", "text", "tikz" or "latex". Notebooks that show images and HTML
// take it as it is: gonbui.DisplayPNG(png), gonbui.DisplayHTML(string(html)).
func (p *Picture) Encode(format string) ([]byte, error) {
	var names []string
	for _, e := range encoders {
		if e.name == format {
			var b bytes.Buffer
			err := e.paint(p, &b)
			return b.Bytes(), err
		}
		names = append(names, e.name)
	}
	return nil, fmt.Errorf("viz: there is no format %q: expected %s", format, strings.Join(names, ", "))
}
