package compile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/kernel"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/internal/native"
	"github.com/adjoint-go/adjoint/internal/shape"
	"github.com/adjoint-go/adjoint/vm"
)

// RemarkKind is what a Remark is about.
type RemarkKind string

// The kinds of remarks.
const (
	RemarkUnrolled RemarkKind = "unrolled" // an operator without a batch rule runs once for each element of a batch
	RemarkDense    RemarkKind = "dense"    // an operator without a pattern rule counts as dense in sparse derivatives
	RemarkPortable RemarkKind = "portable" // an operation keeps its instruction from becoming machine code
	RemarkShort    RemarkKind = "short"    // an array is so short that beginning an instruction takes longer than its work
	RemarkCopy     RemarkKind = "moves"    // elements are copied in another order, or beside others
	RemarkRepeated RemarkKind = "repeated" // each step of a loop computes the same
	RemarkPlain    RemarkKind = "plain"    // a kernel without SIMD
)

// Remark says of a line that it is slow by the way it is written, whatever the inputs are, and the way out.
type Remark struct {
	Kind RemarkKind
	// Where is the user's line; nodes that derivatives add have that of the node they were made for.
	Where graph.Position
	What  string // the operator with its types, and what about it is slow
	Way   string // out
	Count int    // how often it stands in the program
	Bytes int64  // of copies: what one run of all of them writes, in loops of one step; else 0
}

// String returns the remark as one line: file:line, what, how often, and the way out.
func (r Remark) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v: %s: %s", r.Where, r.Kind, r.What)
	if r.Count > 1 {
		fmt.Fprintf(&b, ", %d times", r.Count)
	}
	fmt.Fprintf(&b, "; %s", r.Way)
	return b.String()
}

// reportedBytes is the size from which a copy is worth a remark: smaller ones take less than an instruction does. plainElements is that for kernels without SIMD.
const (
	reportedBytes = 4 << 10
	plainElements = 1 << 10
	shortElements = 16
)

// Report compiles and says what is slow by construction, the same remarks about a line as one, in the order of files and lines. Nothing is slow that a program
// with SIMD and machine code, both as the machine at hand has them, runs at full speed; a program without remarks may be slow for all that, see vm.Machine.Profile.
func (c Config) Report(outputs ...*graph.Node) ([]Remark, error) {
	r := newReporter()
	c.NoDebug = false
	p, err := c.compile(outputs, func(u *unit, _ *lowering, after *pass, _ time.Duration) error {
		r.observe(u, after)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return r.remarks(p), nil
}

// Report is Config.Report with the zero Config.
func Report(outputs ...*graph.Node) ([]Remark, error) { return Config{}.Report(outputs...) }

// reporter collects remarks.
type reporter struct {
	list []Remark
	at   map[remarkKey]int
}

type remarkKey struct {
	kind  RemarkKind
	where graph.Position
	what  string
}

func newReporter() *reporter { return &reporter{at: map[remarkKey]int{}} }

// observe looks at what there is behind a pass, nil for the graph as it was given.
func (r *reporter) observe(u *unit, after *pass) {
	switch {
	case after == nil:
		r.graph(u.g, u.g.Needed(u.outputs...))
	case after.name == "outputs":
		r.loops(u.g, u.g.Needed(u.outputs...))
	}
}

// remarks returns all remarks, in the order of files and lines.
func (r *reporter) remarks(p *vm.Program) []Remark {
	r.program(p.Code())
	slices.SortStableFunc(r.list, func(a, b Remark) int {
		return cmp.Or(cmp.Compare(a.Where.File, b.Where.File), cmp.Compare(a.Where.Line, b.Where.Line), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.What, b.What))
	})
	return r.list
}

// add adds a remark, or counts it to an equal one about the same line.
func (r *reporter) add(kind RemarkKind, where graph.Position, bytes int64, way, what string, args ...any) {
	what = fmt.Sprintf(what, args...)
	where.Column = 0
	key := remarkKey{kind, where, what}
	k, ok := r.at[key]
	if !ok {
		k = len(r.list)
		r.at[key] = k
		r.list = append(r.list, Remark{Kind: kind, Where: where, What: what, Way: way})
	}
	r.list[k].Count++
	r.list[k].Bytes += bytes
}

// graph looks at the user's graph, and into the bodies of its loops and branches.
func (r *reporter) graph(g *graph.Graph, needed []bool) {
	for i := range g.Len() {
		n := g.Node(i)
		if needed != nil && !needed[i] || n.IsInput() || n.IsConst() {
			continue
		}
		for _, body := range graph.Bodies(n) {
			r.graph(body.Graph(), nil)
		}
		op := n.Op()
		if op.Pattern == nil && !op.Elementwise && op.Differentiable() && !n.Type().IsScalar() {
			r.add(RemarkDense, n.Position(), 0, "state Op.Pattern, if elements of the result depend on few elements of the operands",
				"%s has no pattern rule, and counts as dense in sparse derivatives", signature(n))
		}
		if unrollable(op) && slices.ContainsFunc(n.Inputs(), func(in *graph.Node) bool { return in.Op().View != nil }) {
			r.add(RemarkUnrolled, n.Position(), 0, "give the operator Op.Batch, LeadingBatch or Elementwise, or loop over the elements with graph.Map",
				"%s of an element of an array, an operator without a batch rule", signature(n))
		}
	}
}

// unrollable reports whether Batch can only apply the operator once for each element: see batcher.apply.
func unrollable(op *graph.Op) bool {
	return op.Batch == nil && !op.Elementwise && !op.LeadingBatch && !op.AlongAxis && !op.OfBodies && op.Expand == nil && op.Kernel != ""
}

// loops looks for work that each step of a loop repeats, in the graph that the passes have left.
func (r *reporter) loops(g *graph.Graph, needed []bool) {
	for i := range g.Len() {
		n := g.Node(i)
		if needed != nil && !needed[i] {
			continue
		}
		for _, body := range graph.Bodies(n) {
			r.loops(body.Graph(), nil)
		}
		if n.Op() == opScan || n.Op() == opWhile {
			r.repeated(loopOf(n))
		}
	}
}

// repeated reports what a loop's body computes from captured values alone, if it is more than scalars.
func (r *reporter) repeated(l loop) {
	reached := make([]bool, l.body.Graph().Len())
	for _, n := range l.body.Results() {
		reached[n.ID()] = true
	}
	for _, n := range l.invariants(dependence(l.body, false), reached) {
		if !n.Type().IsScalar() {
			r.add(RemarkRepeated, n.Position(), 0, "compute it in front of the loop, which may go no step at all", "%s is the same in each step of the loop", signature(n))
		}
	}
}

// signature returns a node's operator with the types of its operands.
func signature(n *graph.Node) string {
	var types []string
	for _, in := range n.Inputs() {
		types = append(types, in.Type().String())
	}
	return n.Op().Name + "(" + strings.Join(types, ", ") + ")"
}

// program looks at the instructions.
func (r *reporter) program(c *vm.Code) {
	r.block(c, &c.Block)
	for k := range c.Blocks {
		r.block(c, &c.Blocks[k])
	}
}

func (r *reporter) block(c *vm.Code, b *vm.Block) {
	for i := range b.Instrs {
		in := &b.Instrs[i]
		where := func(k int) graph.Position {
			if k >= len(in.Nodes) || in.Nodes[k] < 0 {
				return graph.Position{}
			}
			n := c.Debug.Nodes[in.Nodes[k]]
			return graph.Position{File: c.Debug.Strings[n.File], Line: int(n.Line)}
		}
		first := 0 // of the loop's or scalar code's operations, in Nodes
		if in.Kernel != "" {
			r.kernel(in, where(0))
			first = 1
		}
		var code []micro.Instr
		kind := "a loop"
		switch {
		case in.Loop != nil:
			code = in.Loop.Code
			if n := shape.Size(in.Loop.Dims); n <= shortElements && in.Kernel == "" && len(b.Instrs) > 1 {
				r.add(RemarkShort, where(0), 0, "write few elements as scalars, which become machine code together, or join several such arrays to a longer one",
					"a loop over an array of %d elements", n)
			}
		case in.Straight != nil:
			code, kind = in.Straight.Code, "scalar code"
		}
		for k := range code {
			if m := &code[k]; !native.Supported(m.Op, m.Type, m.To) {
				way := "leave it out of the loop or graph: how long it takes depends on the numbers, or it is too long for machine code"
				if native.Supported(m.Op, graph.Float64, m.To) {
					way = "use floats, or leave it out of the loop or graph"
				}
				r.add(RemarkPortable, where(first+k), 0, way,
					"%s of %s keeps %s of %d operations from becoming machine code", m.Op, m.Type, kind, len(code))
			}
		}
	}
}

// kernel looks at a call of a kernel.
func (r *reporter) kernel(in *vm.Instr, where graph.Position) {
	var operands []string
	elements := 0
	for _, o := range in.In {
		operands = append(operands, graph.Type{DType: o.Type.DType, Shape: o.Type.Shape}.String())
		elements = max(elements, o.Type.Size())
	}
	what := in.Kernel + "(" + strings.Join(operands, ", ") + ")"
	k := kernel.Lookup(in.Kernel)
	switch {
	case k == nil:
	case k.Instead != "":
		out := in.Out[0].Type
		if bytes := int64(out.Size()) * int64(out.DType.Size()); bytes >= reportedBytes {
			r.add(RemarkCopy, where, bytes, k.Instead, "%s copies %d bytes", what, bytes)
		}
	case k.Plain && elements >= plainElements:
		r.add(RemarkPlain, where, 0, "there is no faster form of it yet", "%s works element by element, without SIMD", what)
	}
}
