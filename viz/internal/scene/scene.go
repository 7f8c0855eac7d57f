// Package scene describes a drawing of a graph before it is laid out: shapes
// with lines of styled text, edges, clusters, a title and a legend. It knows
// nothing of graphs of operators, of layouts or of file formats.
package scene

import "github.com/adjoint-go/adjoint/viz/internal/layout"

// Role names what a colour is for; a theme gives it a value.
type Role uint8

// The roles of colours.
const (
	None Role = iota // not drawn
	Background
	Ink           // symbols, names and titles
	Muted         // values and other secondary text
	Line          // forward edges and borders of operators
	Paper         // inside of operators
	InputLine     // borders of inputs
	InputFill     // inside of inputs
	InputText     // values of inputs
	OutputLine    // borders of outputs
	OutputFill    // inside of outputs
	OutputText    // values of outputs
	AdjointLine   // reverse edges and borders of gradient nodes
	AdjointFill   // inside of gradient outputs
	AdjointText   // adjoints and local partials
	ConstantFill  // constants
	ConstantText  // text inside constants
	ForwardTint   // cluster of the forward graph
	ForwardBorder //
	GradientTint  // cluster of the gradient graph
	GradientBorder
	ScopeTint // clusters of scopes
	ScopeBorder
	WarnLine // marks, such as changes and the memory peak
	WarnFill
	Heat0 // a scale of HeatSteps colours, from little to much
	Heat1
	Heat2
	Heat3
	Heat4
	Heat5
	HeatText // text on the upper half of the scale
	Group0   // GroupCount tints that tell groups of nodes apart
	Group1
	Group2
	Group3
	Group4
	Group5
	Group6
	Group7
	roleCount
)

// RoleCount is the number of roles.
const RoleCount = int(roleCount)

var roleNames = [RoleCount]string{"none", "bg", "ink", "muted", "line", "paper",
	"input-line", "input-fill", "input-text", "output-line", "output-fill", "output-text",
	"adjoint-line", "adjoint-fill", "adjoint-text", "constant-fill", "constant-text",
	"forward-tint", "forward-border", "gradient-tint", "gradient-border",
	"scope-tint", "scope-border", "warn-line", "warn-fill",
	"heat-0", "heat-1", "heat-2", "heat-3", "heat-4", "heat-5", "heat-text",
	"group-0", "group-1", "group-2", "group-3", "group-4", "group-5", "group-6", "group-7"}

// GroupCount is the number of tints for groups.
const GroupCount = 8

// HeatSteps is the number of colours of the heat scale.
const HeatSteps = 6

// String returns the role's name, as CSS variables use it.
func (r Role) String() string {
	if int(r) < RoleCount {
		return roleNames[r]
	}
	return "invalid"
}

// Script says whether a run is raised or lowered.
type Script int8

// The positions of a run.
const (
	Base Script = iota
	Super
	Sub
)

// Run is a piece of text in one style.
type Run struct {
	Text   string
	Italic bool
	Script Script
	Bar    bool // a bar over the run, as adjoints carry it
	Colour Role // None: the line's colour
	Part   Part
}

// Part says when a walk through the execution can show a run.
type Part uint8

// The parts of text.
const (
	AlwaysPart  Part = iota
	ValuePart        // known once the node is computed
	AdjointPart      // known once all users have passed on their adjoints
)

// Change is what a comparison with an earlier graph says of a node.
type Change uint8

// The changes.
const (
	Unchanged Change = iota
	Added
	Changed
	Removed // it was there before, and is drawn as a ghost
)

// TextLine is one line of text.
type TextLine struct {
	Runs   []Run
	Size   float64 // font size of its base runs
	Colour Role
}

// Shape is the outline of a node.
type Shape uint8

// The shapes. Circles whose text is wide become capsules.
const (
	RoundedBox Shape = iota
	Circle
	DoubleCircle
	Dot     // a small filled circle that holds its text, or stands beside it
	Capsule // a box with half-round ends
)

// Node is a shape with text.
type Node struct {
	ID      string // unique in the scene
	Shape   Shape
	Lines   []TextLine
	Fill    Role
	Stroke  Role
	Dashed  bool
	Class   string // what the node is, for style sheets and programs: "input", "operator", …
	Tooltip string // lines of details, shown on hovering
	Cluster int    // index of its innermost cluster, −1 for none
	First   bool   // belongs in the first layer when nothing leads to it
	Entry   bool   // belongs in one layer with the other entries of its cluster
	Order   int    // preferred order across the direction of the edges
	Match   string // names the node across drawings; empty means ID
	// Place across the direction of the edges in an earlier drawing, if Placed.
	Placed bool
	Place  float64
	// Key groups nodes that should get the same size.
	Key    string
	Change Change
	// Copy is the ID of the node whose value this one shows; empty for a value of its own.
	Copy string
	// Scope is the path of the scope that the node stands for; empty for an ordinary one.
	Scope string
	Step  int // place in the execution; of equal ones, the order of the scene counts
	// Backward marks what belongs to the gradient's computation.
	Backward bool
	// Marked nodes name their operands, as Edge.Mark says, even where these stand in order.
	Marked bool
}

// MatchOrID returns what names the node across drawings.
func (n *Node) MatchOrID() string {
	if n.Match != "" {
		return n.Match
	}
	return n.ID
}

// EdgeKind says what an edge stands for.
type EdgeKind uint8

// The kinds of edges.
const (
	Forward  EdgeKind = iota
	Reverse           // an adjoint that flows against the forward edges; dashed
	Gradient          // a forward edge inside the gradient's graph
	Ghost             // a faint reference, such as from a value to its copy
	Former            // was there in an earlier graph
	Next              // what a step of a loop hands to the next one, back to where that begins; dashed
)

// Edge joins two nodes, by index, in the direction in which it is drawn.
type Edge struct {
	ID       string
	From, To int
	Kind     EdgeKind
	Label    TextLine
	Tooltip  string
	Weight   int
	// Operand is the place, from 1, among the operands of To, where their order matters; else 0. Mark tells it from the others, where the
	// drawing does not.
	Operand int
	Mark    TextLine
}

// ClusterKind says what a cluster stands for.
type ClusterKind uint8

// The kinds of clusters.
const (
	ScopeCluster ClusterKind = iota
	ForwardCluster
	GradientCluster
	BodyCluster // bodies of an operator, or one of them
)

// Cluster is a titled box around nodes.
type Cluster struct {
	ID     string
	Title  string
	Name   string // of a scope: the last part of its path
	Parent int    // index of the enclosing cluster, −1 for none; less than its own index
	Kind   ClusterKind
}

// Back reports whether the edge runs against the layers.
func (k EdgeKind) Back() bool { return k == Reverse || k == Next }

// LegendEntry explains one kind of line.
type LegendEntry struct {
	Kind EdgeKind
	Line bool // draw a sample of the edge; else text only
	Fill Role // draw a swatch of this colour, unless None
	Text TextLine
}

// Scene is a whole drawing.
type Scene struct {
	Title     TextLine
	Summary   string // one or two sentences for those who cannot see the drawing
	Nodes     []Node
	Edges     []Edge
	Clusters  []Cluster
	Legend    []LegendEntry
	Direction layout.Direction
	// AnyDirection: another direction may be chosen for the sake of the drawing's shape.
	AnyDirection bool
	Wrap         bool           // see layout.Options
	Options      layout.Options // distances; the direction above counts
}

// Font sizes of the drawings.
const (
	SymbolSize  = 20.0
	ValueSize   = 13.5
	LabelSize   = 14.0
	MarkSize    = 10.5
	LegendSize  = 14.0
	TitleSize   = 22.0
	ClusterSize = 15.0
)
