package draw_test

import (
	"fmt"
	"math/rand"

	"github.com/adjoint-go/adjoint/viz/internal/layout"
	"github.com/adjoint-go/adjoint/viz/internal/scene"
)

// randomScene makes a scene of n nodes with edges to nearby earlier nodes and
// a few far ones. Labels, reverse edges and clusters come in as asked for.
func randomScene(seed int64, n int, density float64, reverse, labels bool, clusters int, direction layout.Direction) *scene.Scene {
	r := rand.New(rand.NewSource(seed))
	s := &scene.Scene{Direction: direction}
	for c := 0; c < clusters; c++ {
		parent := -1
		if c > 1 && r.Intn(2) == 0 {
			parent = r.Intn(c)
		}
		s.Clusters = append(s.Clusters, scene.Cluster{ID: fmt.Sprintf("c%d", c), Title: fmt.Sprintf("layer %d", c), Parent: parent})
	}
	for i := 0; i < n; i++ {
		node := scene.Node{ID: fmt.Sprintf("n%d", i), Cluster: -1, Fill: scene.Paper, Stroke: scene.Line, Class: "operator",
			Lines: []scene.TextLine{{Runs: []scene.Run{{Text: fmt.Sprintf("f%d", i), Italic: true}}, Size: 20, Colour: scene.Ink},
				{Runs: []scene.Run{{Text: "v", Italic: true, Bar: true}, {Text: fmt.Sprint(i), Script: scene.Sub}, {Text: " = 1.25"}}, Size: 13.5, Colour: scene.Muted}}}
		switch r.Intn(6) {
		case 0:
			node.Shape = scene.Circle
		case 1:
			node.Shape, node.Lines = scene.Dot, node.Lines[:1]
		case 2:
			node.Lines[1].Runs = append(node.Lines[1].Runs, scene.Run{Text: " of a longer line"})
		}
		if clusters > 0 && r.Intn(4) > 0 {
			node.Cluster = (i*clusters/n + r.Intn(2)) % clusters
		}
		s.Nodes = append(s.Nodes, node)
	}
	for i := 1; i < n; i++ {
		degree := 1
		for r.Float64() < density {
			degree++
		}
		for k := 0; k < degree; k++ {
			from := max(0, i-1-r.Intn(8))
			if r.Intn(12) == 0 {
				from = r.Intn(i)
			}
			id := fmt.Sprintf("e%d-%d", i, k)
			s.Edges = append(s.Edges, scene.Edge{ID: id, From: from, To: i})
			if reverse && r.Intn(4) > 0 {
				e := scene.Edge{ID: id + "r", From: i, To: from, Kind: scene.Reverse}
				if labels && r.Intn(4) > 0 {
					e.Label = scene.TextLine{Runs: []scene.Run{{Text: "2x", Italic: true}, {Text: fmt.Sprintf(" = %d", r.Intn(1000))}}, Size: 14, Colour: scene.AdjointText}
				}
				s.Edges = append(s.Edges, e)
			}
		}
	}
	return s
}
