package viz

import (
	"strings"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/viz/internal/layout"
)

// GradientMode says how gradients are drawn.
type GradientMode uint8

// The modes of WithGradients.
const (
	NoGradients GradientMode = iota // only the forward graph
	// Overlay draws adjoints into the forward graph: a bar value in every
	// node and a dashed reverse edge with the local partial derivative.
	Overlay
	// Split draws the gradient as a graph of its own, with dashed copies of
	// the forward values that it uses.
	Split
)

// Direction says where edges point.
type Direction = layout.Direction

// The directions of WithDirection.
const (
	LeftToRight = layout.LeftToRight
	TopToBottom = layout.TopToBottom
	RightToLeft = layout.RightToLeft
	BottomToTop = layout.BottomToTop
)

// Edge names an operand of a node: Node.Input(Operand).
type Edge struct {
	Node    *graph.Node
	Operand int
}

// ThemeChoice says in which colours a drawing is painted.
type ThemeChoice uint8

// The themes. Automatic is light; in SVG and HTML it follows the reader's choice.
const (
	Automatic ThemeChoice = iota
	LightTheme
	DarkTheme
)

// StyleChoice says how a drawing looks as a whole.
type StyleChoice uint8

// The styles.
const (
	DefaultStyle StyleChoice = iota
	// MonoStyle draws in black on white, for print.
	MonoStyle
	// SurfaceWaveStyle draws as the literature on automatic differentiation of
	// surface waves does: from bottom to top, with yellow circles for inputs.
	SurfaceWaveStyle
)

// Note is a fact about a node that the caller knows, such as its cost.
type Note struct{ Key, Text string }

type settings struct {
	title, summary string
	direction      Direction
	directed       bool // direction was asked for
	gradients      GradientMode
	types          bool
	fold, wrap     bool
	inline         []string
	clusters       bool
	scale          float64
	theme          ThemeChoice
	transparent    bool
	outlines       bool
	bare           bool
	prefix         string
	maxNodes       int
	reference      *Picture
	style          StyleChoice
	show           map[string]bool
	notes          map[*graph.Node][]Note
	changes        map[*graph.Node]Change
	heat           map[*graph.Node]float64
	heatTitle      string
	categories     map[*graph.Node]string
	categoryTitle  string
	depth          int
	collapsed      map[string]bool
	expanded       map[string]bool
	limit          int
	bodies         int
	focus          []*graph.Node
	radius         int
	path           [2]*graph.Node

	values, adjoints map[*graph.Node]*Value
	partials         map[Edge]*Value
	wrt              []*graph.Node
	gradientOutputs  []*graph.Node
}

func collect(options []Option) *settings {
	s := &settings{fold: true, wrap: true, clusters: true, maxNodes: 20000, depth: -1, bodies: OpenBodies, collapsed: map[string]bool{}, expanded: map[string]bool{}}
	for _, o := range options {
		if o != nil {
			o(s)
		}
	}
	if s.style == SurfaceWaveStyle && !s.directed {
		s.direction = BottomToTop
	}
	return s
}

// Option changes how a graph is drawn.
type Option func(*settings)

// WithTitle sets the title, an expression such as "z = x1^2 + x1*x2" that is set
// as mathematics.
func WithTitle(expression string) Option { return func(s *settings) { s.title = expression } }

// WithSummary sets the description for those who cannot see the drawing; without it
// one is composed.
func WithSummary(text string) Option { return func(s *settings) { s.summary = text } }

// WithDirection sets where edges point; one that is none of the four gives an error. Without it they point to the right, or, in drawings that would be much higher than wide, down.
func WithDirection(d Direction) Option {
	return func(s *settings) { s.direction, s.directed = d, true }
}

// WithWrapping sets whether drawings that are long and narrow fall into rows, as a text does; true without it.
func WithWrapping(on bool) Option { return func(s *settings) { s.wrap = on } }

// WithInline draws inputs as lines in the operators that read them, not as nodes: weights, which outweigh the operators of a network.
// The patterns are those of path.Match, for an input's whole name or for its last part in a/b/c. Inputs that are results, or whose adjoint
// Overlay draws, stay nodes.
func WithInline(patterns ...string) Option {
	return func(s *settings) { s.inline = append(s.inline, patterns...) }
}

// WithGradients sets how gradients are drawn; NoGradients without it.
func WithGradients(m GradientMode) Option { return func(s *settings) { s.gradients = m } }

// WithValues shows the values of nodes at a point. Nodes that are missing are shown
// without.
func WithValues(values map[*graph.Node]*Value) Option {
	return func(s *settings) { s.values = values }
}

// WithAdjoints shows adjoints at a point, in Overlay mode.
func WithAdjoints(adjoints map[*graph.Node]*Value) Option {
	return func(s *settings) { s.adjoints = adjoints }
}

// WithPartials shows the values of local partial derivatives on reverse edges, in
// Overlay mode.
func WithPartials(partials map[Edge]*Value) Option {
	return func(s *settings) { s.partials = partials }
}

// WithRespectTo limits the reverse edges of Overlay mode to those that lead to the
// given nodes; without it all inputs count.
func WithRespectTo(nodes ...*graph.Node) Option { return func(s *settings) { s.wrt = nodes } }

// WithGradientOutputs gives the nodes that compute the derivatives of the
// first output by the nodes of WithRespectTo, in the same order, for Split mode.
func WithGradientOutputs(gradients ...*graph.Node) Option {
	return func(s *settings) { s.gradientOutputs = gradients }
}

// WithTypes shows dtype and shape of scalars too; those of tensors are shown anyway.
func WithTypes(on bool) Option { return func(s *settings) { s.types = on } }

// WithFolding sets whether chains of + and × become one operator; true without it.
func WithFolding(on bool) Option { return func(s *settings) { s.fold = on } }

// WithScopes sets whether scopes are drawn as boxes; true without it.
func WithScopes(on bool) Option { return func(s *settings) { s.clusters = on } }

// WithScale sets the pixels per unit of PNG (2 without it) and the nominal size of SVG
// (1 without it).
func WithScale(scale float64) Option { return func(s *settings) { s.scale = scale } }

// WithDPI sets the scale by resolution: 96 dots per inch are scale 1.
func WithDPI(dpi float64) Option { return func(s *settings) { s.scale = dpi / 96 } }

// WithTheme sets the colours; Automatic without it.
func WithTheme(t ThemeChoice) Option { return func(s *settings) { s.theme = t } }

// WithTransparency leaves the background of PNG clear.
func WithTransparency(on bool) Option { return func(s *settings) { s.transparent = on } }

// WithOutlines draws the text of SVG as shapes, for readers that ignore embedded
// typefaces; the text stays selectable.
func WithOutlines(on bool) Option { return func(s *settings) { s.outlines = on } }

// WithStyleSheet sets whether SVG brings its own style sheet and details on hovering; true without it. Without, many drawings on a page share the
// rules and typefaces of StyleSheet, and numbers have the class "value" or "adjoint-value", so that a walk through the execution can show them late.
func WithStyleSheet(on bool) Option { return func(s *settings) { s.bare = !on } }

// WithIDPrefix puts a prefix before every id in SVG, so that several drawings can
// share a page.
func WithIDPrefix(prefix string) Option { return func(s *settings) { s.prefix = prefix } }

// WithMaxNodes sets how many nodes are drawn at most (20000 without it); larger
// graphs give an error.
func WithMaxNodes(n int) Option { return func(s *settings) { s.maxNodes = n } }

// WithReference keeps the order of nodes as in another picture, so that a graph
// before and after a change look alike, and the automatic names of equal values. Nodes are the same when their ids are,
// or, in a rebuilt graph, the id of the node that they were made for.
func WithReference(p *Picture) Option { return func(s *settings) { s.reference = p } }

// WithStyle sets the style; DefaultStyle without it. Styles other than the default
// have fixed colours, and WithTheme has no effect on them.
func WithStyle(style StyleChoice) Option { return func(s *settings) { s.style = style } }

// WithShow says which facts stand in the nodes below the operator's symbol: "name", "value", "shape" (the type of arrays), "attributes", "dtype" (of
// scalars too), "line" (the place in the source), and any key of WithNotes. Without it they are name, value, shape and attributes;
// a leading "+" adds a field to these.
func WithShow(fields ...string) Option {
	return func(s *settings) {
		if s.show == nil {
			s.show = map[string]bool{}
		}
		for _, f := range fields {
			field, added := strings.CutPrefix(f, "+")
			if added {
				s.show["name"], s.show["value"], s.show["shape"], s.show["attributes"] = true, true, true, true
			}
			s.show[field] = true
			s.types = s.types || field == "dtype"
		}
	}
}

// WithNotes gives facts about nodes, such as cost, memory or time. They are listed on hovering, and
// drawn where WithShow names their key.
func WithNotes(notes map[*graph.Node][]Note) Option { return func(s *settings) { s.notes = notes } }

// WithChanges marks nodes, those of bodies too, as Compare does.
func WithChanges(changes map[*graph.Node]Change) Option {
	return func(s *settings) { s.changes = changes }
}

// WithHeat colours operators by a number each, on a scale from zero to the
// largest, and explains the scale in the legend under the title.
func WithHeat(heat map[*graph.Node]float64, title string) Option {
	return func(s *settings) { s.heat, s.heatTitle = heat, title }
}

// WithCategories colours operators by the group that each belongs to, and explains the colours in the legend.
// The groups beyond the first seven, the largest first, share a colour.
func WithCategories(categories map[*graph.Node]string, title string) Option {
	return func(s *settings) { s.categories, s.categoryTitle = categories, title }
}

// WithDepth draws scopes that are nested deeper than n as one node each; 0 leaves no
// scope open. Without it all are open.
func WithDepth(n int) Option { return func(s *settings) { s.depth = n } }

// WithCollapsed draws the given scopes, as a/b/c, as one node each.
func WithCollapsed(scopes ...string) Option {
	return func(s *settings) {
		for _, path := range scopes {
			s.collapsed[path] = true
		}
	}
}

// WithExpanded leaves the given scopes, as a/b/c, and those around them open where WithDepth would draw them as one node.
func WithExpanded(scopes ...string) Option {
	return func(s *settings) {
		for _, path := range scopes {
			s.expanded[path] = true
		}
	}
}

// OpenBodies is the number of nodes up to which bodies are drawn without being asked for: see WithBodies.
const OpenBodies = 60

// WithBodies draws the bodies of loops, branches and checkpoints that have at most n nodes, 60 without it, as scopes of their own; larger ones are one node,
// as all are for 0. They are named as scopes are, as in "encoder/scan%12", with the operator's number: WithExpanded opens one whatever n is,
// WithCollapsed closes it, and with WithDepth the depth alone decides.
func WithBodies(n int) Option { return func(s *settings) { s.bodies = n } }

// WithLimit draws graphs of more than n nodes with parts of them as one node each: see Model.Limit.
func WithLimit(n int) Option { return func(s *settings) { s.limit = n } }

// WithFocus draws only what is at most radius edges away from one of the nodes,
// upwards or downwards.
func WithFocus(radius int, nodes ...*graph.Node) Option {
	return func(s *settings) { s.focus, s.radius = nodes, radius }
}

// WithPath draws only the nodes on paths between two nodes.
func WithPath(from, to *graph.Node) Option {
	return func(s *settings) { s.path = [2]*graph.Node{from, to} }
}
