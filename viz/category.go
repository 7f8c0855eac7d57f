package viz

import (
	"sort"

	"github.com/adjoint-go/adjoint/viz/internal/scene"
)

// otherCategories is what the groups without a colour of their own are called.
const otherCategories = "others"

// tint returns the colour of a category.
func (b *builder) tint(category string) scene.Role {
	if b.tints == nil {
		b.tints = map[string]scene.Role{}
		for k, c := range b.categories() {
			b.tints[c] = scene.Group0 + scene.Role(min(k, scene.GroupCount-1))
		}
	}
	return b.tints[category]
}

// categories lists the categories of the operators that are drawn, the most frequent first.
func (b *builder) categories() []string {
	count := map[string]int{}
	for i := range b.model.Nodes {
		if n := &b.model.Nodes[i]; n.Category != "" && n.Op != "input" && n.Op != "const" && !b.folded[i] {
			count[n.Category]++
		}
	}
	list := make([]string, 0, len(count))
	for c := range count {
		list = append(list, c)
	}
	sort.Slice(list, func(i, j int) bool {
		if count[list[i]] != count[list[j]] {
			return count[list[i]] > count[list[j]]
		}
		return list[i] < list[j]
	})
	return list
}

// category colours a node by its group.
func (b *builder) category(n *Node, o *scene.Node) {
	if b.model.CategoryTitle == "" || n.Category == "" {
		return
	}
	o.Fill = b.tint(n.Category)
	for k := range o.Lines {
		o.Lines[k].Colour = scene.Ink
	}
	o.Tooltip += "\n" + b.model.CategoryTitle + ": " + n.Category
}

// categoryLegend explains the colours of the groups.
func (b *builder) categoryLegend() {
	if b.model.CategoryTitle == "" {
		return
	}
	list := b.categories()
	if len(list) > scene.GroupCount {
		list = append(list[:scene.GroupCount-1:scene.GroupCount-1], otherCategories)
	}
	for k, c := range list {
		text := c
		if k == 0 {
			text = b.model.CategoryTitle + ": " + c
		}
		b.scene.Legend = append(b.scene.Legend, scene.LegendEntry{Fill: scene.Group0 + scene.Role(k),
			Text: scene.TextLine{Runs: upright(text), Size: scene.LegendSize, Colour: scene.Ink}})
	}
}
