package viz

import (
	"slices"
	"strings"

	"github.com/adjoint-go/adjoint/viz/internal/html"
)

// Bounds of what a page with a viewer holds besides the drawing as it is: drawings with some scopes collapsed.
const (
	mostStates     = 48
	mostStateNodes = 8000 // in all of them
)

// collapsedStates lays the model out with scopes collapsed, for the viewer to switch to: all sets of scopes where
// they are few, else one scope at a time, whole levels and all of them. The viewer draws other sets by itself, less well. The set first, if there is one, is
// among them.
func (p *Picture) collapsedStates(first []string) ([]html.State, error) {
	var states []html.State
	nodes := 0
	sets := stateSets(p.model)
	if len(first) > 0 {
		sets = slices.DeleteFunc(sets, func(set []string) bool { return slices.Equal(set, first) })
		sets = slices.Insert(sets, 0, first)
	}
	for _, set := range sets {
		scopes := map[string]bool{}
		for _, path := range set {
			scopes[path] = true
		}
		m := p.model.Collapse(-1, scopes)
		if nodes += len(m.Nodes); len(states) == mostStates || nodes > mostStateNodes {
			break
		}
		if slices.ContainsFunc(m.Nodes, func(n Node) bool { return n.collapsedScope(-1, scopes, nil) != "" }) {
			continue // one of them has to stay open
		}
		q, err := prepare(m, p.settings)
		if err != nil {
			return nil, err
		}
		if err := p.place(q.scene); err != nil {
			return nil, err
		}
		d, err := q.laid()
		if err != nil {
			return nil, err
		}
		states = append(states, html.State{Collapsed: set, Drawing: d})
	}
	return states, nil
}

// stateSets lists sets of scopes, none within another, the most useful first.
func stateSets(m *Model) [][]string {
	children := map[string][]string{}
	depths := 0
	for i := range m.Nodes {
		for path := m.Nodes[i].Scope; path != ""; path = parentScope(path) {
			parent := parentScope(path)
			if slices.Contains(children[parent], path) {
				break
			}
			children[parent] = append(children[parent], path)
			depths = max(depths, 1+strings.Count(path, "/"))
		}
	}
	if len(children[""]) == 0 {
		return nil
	}
	for _, list := range children {
		slices.Sort(list)
	}
	var sets [][]string
	known := map[string]bool{}
	add := func(set []string) {
		set = slices.Sorted(slices.Values(set))
		if key := strings.Join(set, "\x00"); len(set) > 0 && !known[key] {
			known[key] = true
			sets = append(sets, set)
		}
	}
	level := children[""]
	for range depths {
		add(level)
		var deeper []string
		for _, path := range level {
			deeper = append(deeper, children[path]...)
		}
		level = deeper
	}
	var each func(parent string)
	each = func(parent string) {
		for _, path := range children[parent] {
			if len(sets) < mostStates {
				add([]string{path})
				each(path)
			}
		}
	}
	each("")
	// choices lists the sets within a scope, nil where they are too many.
	var choices func(parent string) [][]string
	choices = func(parent string) [][]string {
		list := [][]string{nil}
		for _, path := range children[parent] {
			own := choices(path)
			if own == nil || len(list)*(len(own)+1) > mostStates {
				return nil
			}
			var longer [][]string
			for _, set := range list {
				for _, more := range append(own, []string{path}) {
					longer = append(longer, slices.Concat(set, more))
				}
			}
			list = longer
		}
		return list
	}
	for _, set := range choices("") {
		add(set)
	}
	return sets
}
