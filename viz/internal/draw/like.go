package draw

import (
	"fmt"

	"github.com/adjoint-go/adjoint/viz/internal/geom"
	"github.com/adjoint-go/adjoint/viz/internal/layout"
	"github.com/adjoint-go/adjoint/viz/internal/scene"
)

// Like draws a scene that shows the same as an earlier drawing, with every thing in its earlier place. The nodes, edges
// and clusters may be listed in another order and have other ids and details. It returns nil where the scenes differ.
func Like(before *Drawing, s *scene.Scene) *Drawing {
	old := before.Scene
	if len(s.Nodes) != len(old.Nodes) || len(s.Edges) != len(old.Edges) || len(s.Clusters) != len(old.Clusters) || len(s.Legend) != len(old.Legend) ||
		s.Direction != old.Direction || s.Options != old.Options || s.Title.Plain() != old.Title.Plain() {
		return nil
	}
	sizes := make([]scene.Size, len(s.Nodes))
	result := &layout.Result{Nodes: make([]geom.Point, len(s.Nodes)), Across: make([]float64, len(s.Nodes)), Marked: make([]bool, len(s.Nodes)), Edges: make([]layout.Route, len(s.Edges)), Clusters: make([]geom.Rect, len(s.Clusters)),
		Bounds: before.Layout.Bounds, Layers: before.Layout.Layers, Crossings: before.Layout.Crossings}
	clusters, nodes, edges := pair(clusterKeys(s), clusterKeys(old)), pair(nodeKeys(s), nodeKeys(old)), pair(edgeKeys(s), edgeKeys(old))
	if clusters == nil || nodes == nil || edges == nil {
		return nil
	}
	for i, k := range clusters {
		result.Clusters[i] = before.Layout.Clusters[k]
	}
	for i, k := range nodes {
		result.Across[i] = before.Layout.Across[k]
		result.Nodes[i], sizes[i], result.Marked[i] = before.Layout.Nodes[k], before.Sizes[k], before.Layout.Marked[k]
	}
	for i, k := range edges {
		result.Edges[i] = before.Layout.Edges[k]
	}
	d := &Drawing{Scene: s, Layout: result, Sizes: sizes, Summary: s.Summary, Title: s.Title.Plain()}
	d.compose()
	return d
}

// pair returns, for each key of a list, its place in another list, and nil unless both hold the same keys, those that occur
// several times in the same order.
func pair(keys, old []string) []int {
	at := map[string][]int{}
	for i, k := range old {
		at[k] = append(at[k], i)
	}
	list := make([]int, len(keys))
	for i, k := range keys {
		if len(at[k]) == 0 {
			return nil
		}
		list[i], at[k] = at[k][0], at[k][1:]
	}
	return list
}

func clusterKeys(s *scene.Scene) []string {
	keys := make([]string, len(s.Clusters))
	for i, c := range s.Clusters {
		parent := ""
		if c.Parent >= 0 {
			parent = keys[c.Parent]
		}
		keys[i] = fmt.Sprintf("%s/%d %s", parent, c.Kind, c.Title)
	}
	return keys
}

func nodeKeys(s *scene.Scene) []string {
	clusters := clusterKeys(s)
	keys := make([]string, len(s.Nodes))
	for i := range s.Nodes {
		n := &s.Nodes[i]
		cluster := ""
		if n.Cluster >= 0 {
			cluster = clusters[n.Cluster]
		}
		keys[i] = fmt.Sprint(n.MatchOrID(), "\x00", cluster, "\x00", n.Shape, n.Fill, n.Stroke, n.Dashed, n.Class, n.Change, n.Lines)
	}
	return keys
}

func edgeKeys(s *scene.Scene) []string {
	keys := make([]string, len(s.Edges))
	for i := range s.Edges {
		e := &s.Edges[i]
		keys[i] = fmt.Sprint(s.Nodes[e.From].MatchOrID(), "\x00", s.Nodes[e.To].MatchOrID(), "\x00", e.Kind, e.Label, e.Operand, e.Mark)
	}
	return keys
}
