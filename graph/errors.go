package graph

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
)

// Position is a place in the user's source: a Go file and line, or a place in a .cg file.
type Position struct {
	File   string
	Line   int
	Column int // in characters from 1; 0 if only the line is known
}

// String returns file:line or file:line:column, or "?" if the position is not known.
func (p Position) String() string {
	if p.File == "" {
		return "?"
	}
	if p.Column > 0 {
		return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// Error is a user's mistake: what operator, where in the user's code, and why.
type Error struct {
	Pos Position
	Op  string
	Err error
}

// Error returns "file:line: op: reason", without the operator where the mistake is not one's.
func (e *Error) Error() string {
	if e.Op == "" {
		return fmt.Sprintf("%s: %v", e.Pos, e.Err)
	}
	return fmt.Sprintf("%s: %s: %v", e.Pos, e.Op, e.Err)
}

// Unwrap returns the reason.
func (e *Error) Unwrap() error { return e.Err }

// maxErrors bounds the collected errors; later ones are counted only.
const maxErrors = 20

// Err returns all mistakes made on the graph so far, joined, or nil. Each is an *Error.
func (g *Graph) Err() error {
	if len(g.errs) == 0 {
		return nil
	}
	errs := g.errs
	if g.dropped > 0 {
		errs = append(errs[:len(errs):len(errs)], fmt.Errorf("%d more errors", g.dropped))
	}
	return errors.Join(errs...)
}

// Fail records a mistake against the caller's line and returns an invalid node that operators
// accept silently. Packages that build on graphs use it for checks of their own.
func (g *Graph) Fail(op string, err error) *Node {
	if len(g.errs) < maxErrors {
		g.errs = append(g.errs, &Error{g.positions[g.position()], op, err})
	} else {
		g.dropped++
	}
	return &Node{g: g, id: -1, typ: &noType, extra: &noExtra}
}

// modulePrefix marks functions whose frames are ours, not the user's.
const modulePrefix = "github.com/adjoint-go/adjoint/"

// ours reports whether a frame belongs to the packages that make nodes on the user's behalf.
func ours(f runtime.Frame) bool {
	rest, ok := strings.CutPrefix(f.Function, modulePrefix)
	if !ok || strings.HasSuffix(f.File, "_test.go") {
		return false
	}
	return strings.HasPrefix(rest, "graph.") || strings.HasPrefix(rest, "compile.") ||
		strings.HasPrefix(rest, "graph/") || strings.HasPrefix(rest, "compile/")
}

// callerDepth is how many frames are looked at before the slow way is taken.
const callerDepth = 12

// position returns the index in g.positions of the user's line that is making a node.
func (g *Graph) position() int32 {
	if g.fixedPosition >= 0 {
		return g.fixedPosition
	}
	var pcs [callerDepth]uintptr
	n := returnAddresses(&pcs)
	for _, pc := range pcs[:n] {
		c := &g.recent[pc%recentPCs]
		if c.pc != pc {
			*c = recentPC{pc, g.lookupPC(pc)}
		}
		if c.position > 0 {
			return c.position
		}
	}
	var deep [64]uintptr
	n = runtime.Callers(2, deep[:])
	for _, pc := range deep[:n] {
		if p := g.lookupPC(pc); p > 0 {
			return p
		}
	}
	return 0
}

// recentPC is an entry of the cache in front of Graph.pcs.
type recentPC struct {
	pc       uintptr
	position int32
}

const recentPCs = 127

// lookupPC returns the position of a program counter in the user's code, 0 if the code is ours.
func (g *Graph) lookupPC(pc uintptr) int32 {

	if p, ok := g.pcs[pc]; ok {
		return p
	}
	p := int32(0)
	frames := runtime.CallersFrames([]uintptr{pc})
	for {
		f, more := frames.Next()
		if f.Function != "" && !ours(f) {
			g.positions = append(g.positions, Position{File: f.File, Line: f.Line})
			p = int32(len(g.positions) - 1)
			break
		}
		if !more {
			break
		}
	}
	g.pcs[pc] = p
	return p
}

// At makes all nodes that build creates carry the given position instead of the caller's line.
func (g *Graph) At(pos Position, build func()) {
	i, ok := g.posIndex[pos]
	if !ok {
		g.positions = append(g.positions, pos)
		i = int32(len(g.positions) - 1)
		g.posIndex[pos] = i
	}
	old := g.fixedPosition
	g.fixedPosition = i
	defer func() { g.fixedPosition = old }()
	build()
}

// AtNode makes the nodes created until the returned function is called carry the position and scope of n,
// a node of the same graph: derivatives and rewrites point to the user's line of the primal.
func (g *Graph) AtNode(n *Node) (restore func()) {
	pos, scope := g.fixedPosition, g.scope
	g.fixedPosition, g.scope = n.pos, n.scope
	return func() { g.fixedPosition, g.scope = pos, scope }
}
