// Package html writes drawings as one self-contained page: the drawing itself
// as SVG, and a viewer that pans, zooms, searches, traces dependencies and steps
// through the execution. The page loads nothing.
package html

import (
	"bufio"
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/adjoint-go/adjoint/viz/internal/draw"
	"github.com/adjoint-go/adjoint/viz/internal/scene"
	"github.com/adjoint-go/adjoint/viz/internal/svg"
)

//go:embed viewer.css
var style string

//go:embed viewer.js
var script string

//go:embed body.html
var body string

// node is what the viewer knows of a node of the scene.
type node struct {
	ID      string `json:"id"`
	Label   string `json:"label"`
	Details string `json:"details"`
	Class   string `json:"class"`
	// Step counts the nodes in the order of execution.
	Step int `json:"step"`
}

type edge struct {
	ID    string `json:"id"`
	From  int    `json:"from"`
	To    int    `json:"to"`
	Kind  string `json:"kind"`
	Label string `json:"label,omitempty"`
}

type data struct {
	Nodes []node `json:"nodes"`
	Edges []edge `json:"edges"`
}

// Write writes the page. Equal drawings give equal bytes.
func Write(to io.Writer, d *draw.Drawing, options svg.Options) error {
	content, err := json.Marshal(describe(d.Scene)) // escapes < and >, so that no text can end the script
	if err != nil {
		return fmt.Errorf("html: %w", err)
	}
	var picture bytes.Buffer
	if err := svg.Write(&picture, d, options); err != nil {
		return err
	}
	title := d.Title
	if title == "" {
		title = "Computational graph"
	}
	w := bufio.NewWriter(to)
	// Output errors stick to the bufio.Writer and come back from Flush.
	text := func(parts ...string) {
		for _, p := range parts {
			_, _ = w.WriteString(p)
		}
	}
	text("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
		`<meta name="viewport" content="width=device-width, initial-scale=1">`, "\n",
		"<title>", svg.Escape(title), "</title>\n<style>\n",
		":root{", svg.Variables(&draw.Light), "}\n",
		"@media (prefers-color-scheme:dark){:root{", svg.Variables(&draw.Dark), "}}\n",
		":root[data-theme=light],:root[data-theme=light] .adjoint{color-scheme:light;", svg.Variables(&draw.Light), "}\n",
		":root[data-theme=dark],:root[data-theme=dark] .adjoint{color-scheme:dark;", svg.Variables(&draw.Dark), "}\n",
		style, "</style>\n</head>\n<body>\n")
	before, after, found := strings.Cut(body, "<!--drawing-->")
	if !found {
		panic("BUG: the page has no place for the drawing")
	}
	text(before)
	_, _ = w.Write(picture.Bytes())
	text(after, "<script id=\"graph\" type=\"application/json\">")
	_, _ = w.Write(content)
	text("</script>\n<script>\n", script, "</script>\n</body>\n</html>\n")
	return w.Flush()
}

func describe(s *scene.Scene) data {
	kinds := [...]string{scene.Forward: "forward", scene.Reverse: "reverse", scene.Gradient: "gradient", scene.Ghost: "ghost"}
	d := data{Nodes: []node{}, Edges: []edge{}}
	for i := range s.Nodes {
		n := &s.Nodes[i]
		var label []string
		for _, l := range n.Lines {
			label = append(label, l.Plain())
		}
		d.Nodes = append(d.Nodes, node{ID: n.ID, Label: strings.Join(label, " · "), Details: n.Tooltip, Class: n.Class})
	}
	for step, i := range execution(s) {
		d.Nodes[i].Step = step
	}
	for i := range s.Edges {
		e := &s.Edges[i]
		d.Edges = append(d.Edges, edge{ID: e.ID, From: e.From, To: e.To, Kind: kinds[e.Kind], Label: e.Label.Plain()})
	}
	return d
}

// execution returns the nodes in an order in which they can be computed: the
// order of the scene as far as edges allow.
func execution(s *scene.Scene) []int {
	waiting := make([]int, len(s.Nodes))
	next := make([][]int, len(s.Nodes))
	for i := range s.Edges {
		e := &s.Edges[i]
		if e.Kind != scene.Reverse {
			waiting[e.To]++
			next[e.From] = append(next[e.From], e.To)
		}
	}
	var order []int
	for i, w := range waiting {
		if w == 0 {
			order = append(order, i)
		}
	}
	for k := 0; k < len(order); k++ {
		for _, to := range next[order[k]] {
			if waiting[to]--; waiting[to] == 0 {
				order = append(order, to)
			}
		}
	}
	return order
}
