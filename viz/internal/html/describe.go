package html

import (
	"math"
	"slices"
	"strings"

	"github.com/adjoint-go/adjoint/viz/internal/draw"
	"github.com/adjoint-go/adjoint/viz/internal/scene"
)

// node is what the viewer knows of a node.
type node struct {
	ID      string  `json:"id"`
	Match   string  `json:"match"` // names it across views
	Label   string  `json:"label"`
	Details string  `json:"details"`
	Class   string  `json:"class"`
	X       float64 `json:"x"` // of its centre
	Y       float64 `json:"y"`
	W       float64 `json:"w"`
	H       float64 `json:"h"`
	Radius  float64 `json:"radius"` // of its corners
	Fill    string  `json:"fill"`
	Stroke  string  `json:"stroke"`
	Cluster int     `json:"cluster"`
	Scope   string  `json:"scope,omitempty"` // that it stands for
	Change  int     `json:"change,omitempty"`
	// Copy is the index of the node whose value it shows, its own for a value of its own.
	Copy int `json:"copy"`
}

type edge struct {
	ID    string `json:"id"`
	From  int    `json:"from"`
	To    int    `json:"to"`
	Kind  string `json:"kind"`
	Label string `json:"label,omitempty"`
}

type cluster struct {
	ID     string  `json:"id"`
	Title  string  `json:"title"`
	Name   string  `json:"name"` // the last part of the scope's path
	Parent int     `json:"parent"`
	Kind   string  `json:"kind"`
	X      float64 `json:"x"` // of its upper left corner
	Y      float64 `json:"y"`
	W      float64 `json:"w"`
	H      float64 `json:"h"`
}

// step is one step of the execution.
type step struct {
	Node int `json:"node"`
	// Part is "forward" for a value, "backward" for a value of the gradient's graph, and "adjoint" where a node
	// passes its adjoint on to its operands.
	Part string `json:"part"`
}

type content struct {
	W        float64   `json:"w"`
	H        float64   `json:"h"`
	Nodes    []node    `json:"nodes"`
	Edges    []edge    `json:"edges"`
	Clusters []cluster `json:"clusters"`
	Steps    []step    `json:"steps"`
}

var kinds = [...]string{scene.Forward: "forward", scene.Reverse: "reverse", scene.Gradient: "gradient", scene.Ghost: "ghost", scene.Former: "former", scene.Next: "next"}

func round(v float64) float64 { return math.Round(v*100) / 100 }

func describe(d *draw.Drawing) content {
	s := d.Scene
	c := content{W: d.W, H: d.H, Nodes: []node{}, Edges: []edge{}, Clusters: []cluster{}, Steps: steps(s)}
	byID := map[string]int{}
	for i := range s.Nodes {
		byID[s.Nodes[i].ID] = i
	}
	for i := range s.Nodes {
		n, size, at := &s.Nodes[i], &d.Sizes[i], d.Layout.Nodes[i].Add(d.Offset)
		var label []string
		for _, l := range n.Lines {
			label = append(label, l.Plain())
		}
		o := node{ID: n.ID, Match: n.MatchOrID(), Label: strings.Join(label, " · "), Details: n.Tooltip, Class: n.Class,
			X: round(at.X), Y: round(at.Y), W: round(size.W), H: round(size.H), Radius: round(size.Radius),
			Fill: n.Fill.String(), Stroke: n.Stroke.String(), Cluster: n.Cluster, Scope: n.Scope, Change: int(n.Change), Copy: i}
		if size.Shape == scene.Circle || size.Shape == scene.DoubleCircle || size.Shape == scene.Dot {
			o.Radius = round(math.Min(size.W, size.H) / 2)
		}
		if n.Change != scene.Unchanged {
			o.Stroke = draw.ChangeRole(n.Change).String()
		}
		if k, found := byID[n.Copy]; found {
			o.Copy = k
		}
		c.Nodes = append(c.Nodes, o)
	}
	for i := range s.Edges {
		e := &s.Edges[i]
		c.Edges = append(c.Edges, edge{ID: e.ID, From: e.From, To: e.To, Kind: kinds[e.Kind], Label: e.Label.Plain()})
	}
	for i := range s.Clusters {
		k, r := &s.Clusters[i], d.Layout.Clusters[i]
		kind := map[scene.ClusterKind]string{scene.ScopeCluster: "scope", scene.ForwardCluster: "forward", scene.GradientCluster: "gradient", scene.BodyCluster: "scope"}[k.Kind]
		c.Clusters = append(c.Clusters, cluster{ID: k.ID, Title: k.Title, Name: k.Name, Parent: k.Parent, Kind: kind,
			X: round(r.Min.X + d.Offset.X), Y: round(r.Min.Y + d.Offset.Y), W: round(r.W()), H: round(r.H())})
	}
	return c
}

// steps lists the execution in the order of the scene, which is that of the graph or program: values first, those
// of the gradient as they come; then, where adjoints are drawn into the graph, the way back.
func steps(s *scene.Scene) []step {
	list := []step{}
	computed := func(n *scene.Node) bool {
		return n.Change != scene.Removed && n.Copy == "" && n.Class != "input" && n.Class != "constant"
	}
	for i := range s.Nodes {
		if n := &s.Nodes[i]; computed(n) {
			part := "forward"
			if n.Backward {
				part = "backward"
			}
			list = append(list, step{i, part})
		}
	}
	slices.SortStableFunc(list, func(a, b step) int { return s.Nodes[a.Node].Step - s.Nodes[b.Node].Step })
	back := make([]bool, len(s.Nodes))
	for i := range s.Edges {
		if e := &s.Edges[i]; e.Kind == scene.Reverse {
			back[e.From] = true
		}
	}
	// Backward, nodes come in the reverse order, results first.
	var reverse []step
	for i := range s.Nodes {
		if back[i] && s.Nodes[i].Copy != "" {
			list = append(list, step{i, "adjoint"})
		}
	}
	for _, x := range slices.Backward(list) {
		if back[x.Node] && x.Part != "adjoint" {
			reverse = append(reverse, step{x.Node, "adjoint"})
		}
	}
	return append(list, reverse...)
}
