package main

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"

	"golang.org/x/image/draw"
)

// compared are the pictures drawn side by side with Graphviz, with what there is to say of them.
var compared = []struct{ file, verdict string }{
	{"seed-overlay", "Ours is better: every local partial stands beside its own edge, forward and reverse edges form lenses, and nothing crosses a label. Graphviz sets labels on lines and lets a value cross an adjoint."},
	{"seed-split", "Ours is better: the variables of both halves stand in one column, exponents are raised, and the gradient is above what it is the gradient of. Graphviz moves the copy of x₂ one layer to the right and bends an edge around the picture."},
	{"perceptron-overlay", "Ours reads better: adjoints run beside the values, where Graphviz draws them on one line and through their labels. Graphviz uses a page better: ours is a tall strip."},
	{"lstm", "Graphviz is a little better: it is more compact, with three gates in one row close to their inputs. Ours needs longer edges from the state above; it keeps the way from the gates to the new state straight."},
	{"attention", "Ours is better: the input stands above what it feeds, and the residual connections run outside of the boxes. Graphviz leads an edge through the middle of the attention block."},
}

// sideBySide draws some pictures of the gallery twice, by this package and from its DOT by Graphviz, and writes a page that shows both.
func sideBySide(folder string) error {
	list, err := pictures()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	version, err := exec.Command("dot", "-V").CombinedOutput()
	if err != nil {
		return fmt.Errorf("the command dot: %w", err)
	}
	var page bytes.Buffer
	fmt.Fprintf(&page, "<!-- Written by go run ./viz/internal/gallery -graphviz docs/gallery/graphviz; DO NOT EDIT. -->\n# Side by side with Graphviz\n\n"+
		"The same graphs, above by package `viz`, below by Graphviz (%s) from the DOT that `viz` writes.\n", bytes.TrimSpace(version))
	for _, c := range compared {
		for _, p := range list {
			if p.file != c.file {
				continue
			}
			var ours, dot bytes.Buffer
			if err := p.paint(&ours); err != nil {
				return err
			}
			if err := p.dot(&dot); err != nil {
				return err
			}
			graphviz := exec.Command("dot", "-Tpng", "-Gdpi=80")
			graphviz.Stdin, graphviz.Stderr = &dot, os.Stderr
			theirs, err := graphviz.Output()
			if err != nil {
				return fmt.Errorf("dot: %s: %w", p.file, err)
			}
			small, err := halved(ours.Bytes())
			if err != nil {
				return err
			}
			for name, data := range map[string][]byte{p.file + ".png": small, p.file + "-graphviz.png": theirs} {
				if err := os.WriteFile(filepath.Join(folder, name), data, 0o644); err != nil {
					return err
				}
			}
			fmt.Fprintf(&page, "\n## %s\n\n%s\n\n![%[1]s by viz](%[1]s.png)\n\n![%[1]s by Graphviz](%[1]s-graphviz.png)\n", p.file, c.verdict)
		}
	}
	return os.WriteFile(filepath.Join(folder, "README.md"), page.Bytes(), 0o644)
}

// halved returns a PNG at half its size.
func halved(data []byte) ([]byte, error) {
	large, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	r := large.Bounds()
	small := image.NewRGBA(image.Rect(0, 0, (r.Dx()+1)/2, (r.Dy()+1)/2))
	draw.CatmullRom.Scale(small, small.Bounds(), large, r, draw.Src, nil)
	var b bytes.Buffer
	err = png.Encode(&b, small)
	return b.Bytes(), err
}
