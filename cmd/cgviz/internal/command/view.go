package command

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/adjoint-go/adjoint/viz"
)

// fields are the values of --show.
var fields = []string{"name", "value", "shape", "attributes", "dtype", "cost", "memory", "time", "line"}

// colourings are the values of --color-by.
var colourings = []choice[colouring]{{"none", plainColours}, {"op", byOp}, {"scope", byScope}, {"cost", byCost}, {"memory", byMemory}, {"time", byTime}}

// colouring says what operators are coloured by.
type colouring uint8

const (
	plainColours colouring = iota
	byOp
	byScope
	byCost
	byMemory
	byTime
)

// view is the flags that say which nodes are drawn and what stands in them.
type view struct {
	show, collapse, expand []string
	inline                 []string
	colorBy, focus, path   string
	depth, radius          int
	fold                   bool

	colours  colouring
	hovering bool   // the format lists cost and memory on hovering
	limited  string // what --max-nodes did, for a warning
}

func (v *view) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringSliceVar(&v.show, "show", nil, "`FIELDS` in the nodes: name, value, shape, attributes, dtype, cost, memory, time, line; +cost adds to the usual name,value,shape,attributes")
	f.StringVar(&v.colorBy, "color-by", "none", "colour operators by op, scope, cost, memory or time")
	f.IntVar(&v.depth, "depth", 0, "draw scopes, and bodies of loops and branches, that are nested deeper than `N` as one node each; 0 leaves none open (default all are but bodies of more than 60 nodes)")
	f.StringSliceVar(&v.collapse, "collapse", nil, "draw these `SCOPES` as one node each: encoder/layer1, or by a pattern 'block*/attn'")
	f.StringSliceVar(&v.expand, "expand", nil, "leave these `SCOPES` open whatever --depth says and however large they are, by name or pattern: encoder/scan%12")
	f.StringSliceVar(&v.inline, "inline", nil, "draw the inputs with these `NAMES`, or patterns as 'W*', in the operators that read them: weights of networks")
	f.StringVar(&v.focus, "focus", "", "draw only what is near `NODE`: a name, or %ID as in listings; see --radius")
	f.IntVar(&v.radius, "radius", 2, "edges between --focus and the farthest node drawn")
	f.StringVar(&v.path, "path", "", "draw only what lies on the paths from one node to another: `A..B`")
	f.BoolVar(&v.fold, "fold", true, "draw chains of + and of × as one operator each")
	completeFlag(cmd, "show", fields)
	completeFlag(cmd, "color-by", choiceNames(colourings))
	for _, flag := range []string{"depth", "collapse", "expand", "inline", "focus", "radius", "path"} {
		completeFlag(cmd, flag, nil)
	}
}

// understand checks the flags.
func (v *view) understand(cmd *cobra.Command) (err error) {
	if v.colours, err = choose("color-by", v.colorBy, colourings); err != nil {
		return err
	}
	for _, f := range v.show {
		if !slices.Contains(fields, strings.TrimPrefix(f, "+")) {
			return usage("--show has the field %q: expected %s", f, strings.Join(fields, ", "))
		}
	}
	given := cmd.Flags().Changed
	if !given("depth") {
		v.depth = -1
	}
	switch {
	case given("depth") && v.depth < 0:
		return usage("--depth is %d: expected at least 0", v.depth)
	case given("radius") && v.focus == "":
		return usage("--radius is about --focus: give a node")
	case v.radius < 0:
		return usage("--radius is %d: expected at least 0", v.radius)
	case given("path") && !strings.Contains(v.path, ".."):
		return usage("--path is %q: expected two nodes, as A..B", v.path)
	}
	return nil
}

// wants reports whether a fact is to be shown, be it on hovering, or to colour the nodes. Times are not measured unasked.
func (v *view) wants(field string, by colouring) bool {
	return v.hovering && field != "time" || v.colours == by || slices.Contains(v.show, field) || slices.Contains(v.show, "+"+field)
}

// options returns what the picture is to show.
func (v *view) options() []viz.Option {
	options := []viz.Option{viz.WithFolding(v.fold), viz.WithInline(v.inline...)}
	if len(v.show) > 0 {
		options = append(options, viz.WithShow(v.show...))
	}
	return options
}

// reduce leaves out or joins nodes as the flags say, down to the limit.
func (v *view) reduce(m *viz.Model, limit int) (*viz.Model, error) {
	if v.path != "" {
		a, b, _ := strings.Cut(v.path, "..")
		from, err := findNode(m, "--path", a)
		if err != nil {
			return nil, err
		}
		to, err := findNode(m, "--path", b)
		if err != nil {
			return nil, err
		}
		if m = m.Path(from, to); len(m.Nodes) == 0 {
			return nil, fmt.Errorf("--path: none leads from %s to %s", a, b)
		}
	}
	if v.focus != "" {
		at, err := findNode(m, "--focus", v.focus)
		if err != nil {
			return nil, err
		}
		m = m.Focus(v.radius, at)
	}
	if v.depth >= 0 || len(v.collapse)+len(v.expand) > 0 {
		collapse, err := matchScopes(m, "--collapse", v.collapse)
		if err != nil {
			return nil, err
		}
		expand, err := matchScopes(m, "--expand", v.expand)
		if err != nil {
			return nil, err
		}
		if v.depth < 0 {
			m = m.CloseBodies(viz.OpenBodies, expand)
		}
		if v.depth >= 0 || len(collapse) > 0 {
			m = m.CollapseExcept(v.depth, collapse, expand)
		}
	} else {
		m = m.CloseBodies(viz.OpenBodies, nil)
	}
	for _, pattern := range v.inline {
		if !slices.ContainsFunc(m.Nodes, func(n viz.Node) bool { return n.Op == "input" && viz.MatchName(n.Name, []string{pattern}) }) {
			return nil, fmt.Errorf("--inline: no input is named %q", pattern)
		}
	}
	m, v.limited = m.Limit(limit)
	return m, nil
}

// findNode returns the node that a flag names, by its own name, the name of an output, or its ID after a percent sign.
func findNode(m *viz.Model, flag, name string) (int, error) {
	name = strings.TrimSpace(name)
	for i := range m.Nodes {
		if m.Nodes[i].Name == name && name != "" {
			return i, nil
		}
	}
	for _, o := range m.Outputs {
		if o.Name == name && name != "" {
			return o.Node, nil
		}
	}
	if digits, ok := strings.CutPrefix(name, "%"); ok {
		if id, err := strconv.Atoi(digits); err == nil {
			for i := range m.Nodes {
				if m.Nodes[i].ID == id {
					return i, nil
				}
			}
		}
	}
	var known []string
	for i := range m.Nodes {
		if n := m.Nodes[i].Name; n != "" && len(known) < 10 {
			known = append(known, n)
		}
	}
	hint := ""
	if len(known) > 0 {
		hint = "; some that have a name: " + strings.Join(known, ", ")
	}
	return 0, fmt.Errorf("%s: there is no node %q (a name, or %%ID as in listings)%s", flag, name, hint)
}

// matchScopes returns the scopes that the patterns, as path.Match has them, fit. One that fits none is an error.
func matchScopes(m *viz.Model, flag string, patterns []string) (map[string]bool, error) {
	known := map[string]bool{}
	var list []string
	for i := range m.Nodes {
		for scope := m.Nodes[i].Scope; scope != "" && !known[scope]; scope = scope[:max(0, strings.LastIndexByte(scope, '/'))] {
			known[scope] = true
			list = append(list, scope)
		}
	}
	slices.Sort(list)
	chosen := map[string]bool{}
	for _, pattern := range patterns {
		found := known[pattern]
		chosen[pattern] = found
		for _, scope := range list {
			fits, err := path.Match(pattern, scope)
			if err != nil {
				return nil, fmt.Errorf("%s: %q is no pattern: a [ has no end", flag, pattern)
			}
			if fits {
				chosen[scope], found = true, true
			}
		}
		switch {
		case found:
		case len(list) == 0:
			return nil, fmt.Errorf("%s: the graph has no scopes", flag)
		case strings.ContainsAny(pattern, "*?["):
			return nil, fmt.Errorf("%s: no scope fits %q; there are %s", flag, pattern, strings.Join(list[:min(len(list), 10)], ", "))
		default:
			return nil, fmt.Errorf("%s: there is no scope %q; there are %s", flag, pattern, strings.Join(list[:min(len(list), 10)], ", "))
		}
	}
	return chosen, nil
}
