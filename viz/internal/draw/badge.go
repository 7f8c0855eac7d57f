package draw

import (
	"github.com/adjoint-go/adjoint/viz/internal/geom"
	"github.com/adjoint-go/adjoint/viz/internal/scene"
)

// badge marks a change with a sign at the upper right corner of a node, so that colour alone says nothing.
func (g *Group) badge(change scene.Change, node geom.Rect) {
	if change == scene.Unchanged {
		return
	}
	const radius, arm, thickness = 8.5, 4.5, 2.0
	c := geom.Point{X: node.Max.X - 3, Y: node.Min.Y + 3}
	mark := ChangeRole(change)
	g.Shapes = append(g.Shapes, Shape{Kind: CircleShape, Rect: geom.Around(c, 2*radius, 2*radius), Fill: mark, Stroke: scene.Background, Width: 1.5})
	bar := func(w, h float64) {
		g.Shapes = append(g.Shapes, Shape{Kind: RectShape, Rect: geom.Around(c, w, h), Fill: scene.Background})
	}
	switch change {
	case scene.Added:
		bar(2*arm, thickness)
		bar(thickness, 2*arm)
	case scene.Removed:
		bar(2*arm, thickness)
	case scene.Changed: // a wave
		at := func(x, y float64) geom.Point { return c.Add(geom.Point{X: x, Y: y}) }
		g.Shapes = append(g.Shapes, Shape{Kind: CurveShape, Stroke: scene.Background, Width: thickness,
			Path: geom.Path{{at(-arm, 1.2), at(-arm/2, -4.5), at(arm/2, 4.5), at(arm, -1.2)}}})
	}
}

// ChangeRole returns the colour that marks a change.
func ChangeRole(change scene.Change) scene.Role {
	switch change {
	case scene.Added:
		return scene.OutputText
	case scene.Changed:
		return scene.WarnLine
	}
	return scene.AdjointText
}
