package viz

import (
	"fmt"

	"github.com/adjoint-go/adjoint/viz/internal/scene"
)

// former draws the edges that were there in an earlier graph.
func (b *builder) former() {
	for i := range b.model.Nodes {
		n := &b.model.Nodes[i]
		at, drawn := b.forward[i]
		for k, in := range n.Former {
			if !drawn || b.folded[in] {
				continue
			}
			from, drawn := b.forward[in]
			if c := &b.model.Nodes[in]; c.Op == "const" {
				from, drawn = b.constant(c, i, len(n.Inputs)+k), true
			}
			if drawn {
				b.scene.Edges = append(b.scene.Edges, scene.Edge{ID: fmt.Sprintf("e%s-former%d", n.id(), k), From: from, To: at, Kind: scene.Former, Weight: 1})
			}
		}
	}
}

// execution notes when nodes are computed, and what is computed for the gradient alone.
func (b *builder) execution() {
	gradients := false
	primal := make([]bool, len(b.model.Nodes))
	for _, o := range b.model.Outputs {
		gradients = gradients || o.Of != ""
		primal[o.Node] = primal[o.Node] || o.Of == ""
	}
	for i := len(primal) - 1; i >= 0; i-- {
		if primal[i] {
			for _, in := range b.model.Nodes[i].Inputs {
				primal[in] = true
			}
		}
	}
	for i, at := range b.forward {
		b.scene.Nodes[at].Step = b.model.Nodes[i].Step
		b.scene.Nodes[at].Backward = gradients && !primal[i] && b.model.Nodes[i].Op != "input"
	}
}
