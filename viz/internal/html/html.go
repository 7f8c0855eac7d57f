// Package html writes drawings as one self-contained page: the drawings themselves
// as SVG, and a viewer that pans, zooms, shows a minimap, searches, collapses scopes, traces
// dependencies, and steps through the compiler's passes and the execution. The page
// loads nothing.
package html

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/adjoint-go/adjoint/viz/internal/draw"
	"github.com/adjoint-go/adjoint/viz/internal/svg"
)

//go:embed viewer
var viewer embed.FS

// scripts are the parts of the viewer in the order in which they run. They share one scope.
var scripts = []string{"data.js", "camera.js", "canvas.js", "minimap.js", "collapse.js", "select.js", "steps.js", "passes.js", "input.js"}

// Page is one drawing, or several of one graph at different times.
type Page struct {
	Views []View
	Theme *draw.Theme // colours to fix; nil for light and dark as the reader likes
}

// View is a drawing with its name and text on the slider between several.
type View struct {
	Name, Text string
	Drawing    *draw.Drawing
	States     []State
	Shut       []string // scopes that are collapsed at first
}

// State is a view's drawing with some scopes collapsed.
type State struct {
	Collapsed []string // paths of the scopes, none within another, in ascending order
	Drawing   *draw.Drawing
}

// entry says where a drawing stands in the page.
type entry struct {
	Name      string   `json:"name,omitempty"`
	Text      string   `json:"text,omitempty"`
	Collapsed []string `json:"collapsed,omitempty"`
	View      string   `json:"view"`    // id of its data
	Drawing   string   `json:"drawing"` // id of its SVG; empty where it stands in the page
	States    []entry  `json:"states,omitempty"`
	Shut      []string `json:"shut,omitempty"` // at first
}

// staticNodes is the number of nodes up to which the first drawing stands in the page as it is, so that those see
// it who run no scripts. All else is packed: large drawings shrink to a tenth.
const staticNodes = 1500

// Write writes the page. Equal drawings give equal bytes.
func Write(to io.Writer, page *Page) error {
	w := bufio.NewWriter(to)
	// Output errors stick to the bufio.Writer and come back from Flush.
	text := func(parts ...string) {
		for _, p := range parts {
			_, _ = w.WriteString(p)
		}
	}
	first := page.Views[0].Drawing
	title := first.Title
	if title == "" {
		title = "Computational graph"
	}
	drawings := page.drawings()
	light, dark := &draw.Light, &draw.Dark
	if page.Theme != nil {
		light, dark = page.Theme, page.Theme
	}
	text("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
		`<meta name="viewport" content="width=device-width, initial-scale=1">`, "\n",
		"<title>", svg.Escape(title), "</title>\n<style>\n",
		svg.Faces(drawings...),
		":root{color-scheme:light dark;", svg.Variables(light), "}\n",
		"@media (prefers-color-scheme:dark){:root{", svg.Variables(dark), "}}\n",
		":root[data-theme=light]{color-scheme:light;", svg.Variables(light), "}\n",
		":root[data-theme=dark]{color-scheme:dark;", svg.Variables(dark), "}\n",
		svg.Rules(light), part("viewer.css"), "</style>\n</head>\n<body>\n")
	before, after, found := strings.Cut(part("body.html"), "<!--drawing-->")
	if !found {
		panic("BUG: the page has no place for the drawing")
	}
	pictures, index, err := paint(drawings, page.Theme)
	if err != nil {
		return err
	}
	text(strings.Replace(before, "<!--title-->", svg.Escape(title), 1))
	static := len(first.Scene.Nodes) <= staticNodes
	if static {
		text(pictures[0])
	}
	text(after)
	next := 0
	place := func() entry {
		e := entry{View: fmt.Sprintf("view-%d", next), Drawing: fmt.Sprintf("drawing-%d", index[next])}
		if next == 0 && static {
			e.Drawing = ""
		}
		next++
		return e
	}
	var list []entry
	for _, v := range page.Views {
		e := place()
		e.Name, e.Text, e.Shut = v.Name, v.Text, v.Shut
		for _, s := range v.States {
			state := place()
			state.Collapsed = s.Collapsed
			e.States = append(e.States, state)
		}
		list = append(list, e)
	}
	if err := data(w, "views", list); err != nil {
		return err
	}
	for i, p := range pictures {
		if i > 0 || !static || slices.Contains(index[1:], 0) {
			packed(w, fmt.Sprintf("drawing-%d", i), []byte(p))
		}
	}
	for i, d := range drawings {
		id := fmt.Sprintf("view-%d", i)
		content := describe(d)
		if i == 0 && static {
			if err := data(w, id, content); err != nil {
				return err
			}
			continue
		}
		plain, err := json.Marshal(content)
		if err != nil {
			return fmt.Errorf("html: %w", err)
		}
		packed(w, id, plain)
	}
	text("<script>\n\"use strict\";\n(() => {\n")
	for _, name := range scripts {
		text(part(name))
	}
	text("})();\n</script>\n</body>\n</html>\n")
	return w.Flush()
}

func part(name string) string {
	b, err := viewer.ReadFile("viewer/" + name)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return string(b)
}

// drawings lists the drawings of all views, each followed by those of its states.
func (page *Page) drawings() []*draw.Drawing {
	var list []*draw.Drawing
	for _, v := range page.Views {
		list = append(list, v.Drawing)
		for _, s := range v.States {
			list = append(list, s.Drawing)
		}
	}
	return list
}

// paint returns the drawings as SVG, equal ones once, and where each stands among them.
func paint(drawings []*draw.Drawing, theme *draw.Theme) (pictures []string, index []int, err error) {
	known := map[string]int{}
	for _, d := range drawings {
		var b bytes.Buffer
		if err := svg.Write(&b, d, svg.Options{Theme: theme, Bare: true}); err != nil {
			return nil, nil, err
		}
		at, found := known[b.String()]
		if !found {
			at = len(pictures)
			known[b.String()] = at
			pictures = append(pictures, b.String())
		}
		index = append(index, at)
	}
	return pictures, index, nil
}

// data writes JSON. json.Marshal escapes < and >, so that no text can end the script.
func data(w *bufio.Writer, id string, content any) error {
	b, err := json.Marshal(content)
	if err != nil {
		return fmt.Errorf("html: %w", err)
	}
	_, err = fmt.Fprintf(w, "<script id=%q type=\"application/json\">%s</script>\n", id, b)
	return err
}

// packed writes content compressed.
func packed(w *bufio.Writer, id string, content []byte) {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	// A buffer takes all.
	_, _ = z.Write(content)
	_ = z.Close()
	// Output errors stick to w.
	_, _ = fmt.Fprintf(w, "<script id=%q type=\"text/plain\">%s</script>\n", id, base64.StdEncoding.EncodeToString(b.Bytes()))
}
