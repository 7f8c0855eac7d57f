package graph

import (
	"errors"
	"fmt"
	"path"
	"runtime"
	"slices"
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
	// Scope is the path of the scopes around the mistake, "" for none.
	Scope string
	// Callers are the lines that led to Pos, of functions that call one another, the nearest first; at most 8. Those of one line are one.
	Callers []Position
}

// Error returns "file:line: op: reason", without the operator where the mistake is not one's, then the scope, and a line for each caller.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: ", e.Pos)
	if e.Op != "" {
		fmt.Fprintf(&b, "%s: ", e.Op)
	}
	fmt.Fprint(&b, e.Err)
	if e.Scope != "" {
		fmt.Fprintf(&b, " (in scope %s)", e.Scope)
	}
	for _, c := range e.Callers {
		fmt.Fprintf(&b, "\n\tcalled from %s", c)
	}
	return b.String()
}

// Unwrap returns the reason.
func (e *Error) Unwrap() error { return e.Err }

// maxErrors bounds the collected errors; later ones are counted only.
const maxErrors = 20

// Err returns all mistakes made on the graph so far, joined, or nil. Each is an *Error.
//
// Those made in the body of a loop or branch are mistakes of the graph around it.
func (g *Graph) Err() error {
	if g == nil {
		return nil
	}
	if g = g.root(); len(g.errs) == 0 {
		return nil
	}
	errs := g.errs
	if g.dropped > 0 {
		more := "1 more error"
		if g.dropped > 1 {
			more = fmt.Sprintf("%d more errors", g.dropped)
		}
		errs = append(errs[:len(errs):len(errs)], errors.New(more))
	}
	return errors.Join(errs...)
}

// Fail records a mistake against the caller's line and returns an invalid node that operators
// accept silently. Packages that build on graphs use it for checks of their own.
func (g *Graph) Fail(op string, err error) *Node {
	g = g.ready()
	if to := g.root(); to.closed != "" { // a Body does not change: whoever asked has an invalid node
	} else if len(to.errs) < maxErrors {
		to.errs = append(to.errs, &Error{Pos: g.positions[g.position()], Op: op, Err: err, Scope: g.scopes[g.scope], Callers: g.callersOfUser()})
	} else {
		to.dropped++
	}
	return g.invalid()
}

// invalid returns a node that stands for a mistake which is on record.
func (g *Graph) invalid() *Node { return &Node{kind: &kind{g: g, typ: &noType}, id: -1} }

// modulePrefix marks functions whose frames are ours, not the user's.
const modulePrefix = "github.com/adjoint-go/adjoint/"

// ourFolders are those of the packages that make nodes on the user's behalf, as the compiler wrote them down.
var ourFolders = func() [2]string {
	_, file, _, _ := runtime.Caller(0)
	graph := path.Dir(file)
	return [2]string{graph + "/", path.Join(path.Dir(graph), "compile") + "/"}
}()

// ours reports whether a frame belongs to the packages that make nodes on the user's behalf. Their functions say so by name, except closures of
// functions that were inlined into the user's: they are named after the user's function, but lie in a file of ours.
func ours(f runtime.Frame) bool {
	if strings.HasSuffix(f.File, "_test.go") {
		return false
	}
	if rest, ok := strings.CutPrefix(f.Function, modulePrefix); ok {
		for _, name := range []string{"graph.", "graph/", "compile.", "compile/"} {
			if strings.HasPrefix(rest, name) {
				return true
			}
		}
	}
	return strings.HasPrefix(f.File, ourFolders[0]) || strings.HasPrefix(f.File, ourFolders[1])
}

// position returns the index in g.positions of the user's line that is making a node: that of the first frame up the stack that is not ours.
func (g *Graph) position() int32 {
	if g.fixedPosition >= 0 {
		return g.fixedPosition
	}
	var near [8]uintptr
	returnAddresses(&near[0], len(near))
	if p := g.firstCaller(near[:]); p != unknownCaller {
		return p
	}
	var far [256]uintptr // within bodies of bodies, or functions that build on others
	returnAddresses(&far[0], len(far))
	if p := g.firstCaller(far[:]); p != unknownCaller {
		return p
	}
	g.learnCallers(far[:])
	return max(g.firstCaller(far[:]), 0)
}

// maxCallers bounds Error.Callers.
const maxCallers = 8

// callersOfUser returns the lines that led to that which is making a node. It takes some microseconds.
func (g *Graph) callersOfUser() []Position {
	if g.fixedPosition >= 0 {
		return nil
	}
	var all [256]uintptr
	frames := runtime.CallersFrames(all[:runtime.Callers(3, all[:])])
	var lines []Position
	for more := true; more && len(lines) <= maxCallers; {
		var f runtime.Frame
		f, more = frames.Next()
		name, _, _ := strings.Cut(f.Function, ".")
		if name == "" || slices.Contains([]string{"runtime", "testing", "reflect", "slices", "sort", "sync"}, name) || ours(f) {
			continue
		}
		if line := (Position{File: f.File, Line: f.Line}); len(lines) == 0 || line != lines[len(lines)-1] {
			lines = append(lines, line)
		}
	}
	if len(lines) < 2 {
		return nil
	}
	return lines[1:]
}

// What is known of a return address that is in no line of the user's.
const (
	ourCaller     = -1
	unknownCaller = -2
)

// firstCaller returns the index of the user's line of the first return address that is in one, unknownCaller if that or what is below it is not known, or if there is none.
func (g *Graph) firstCaller(addresses []uintptr) int32 {
	for _, a := range addresses {
		slot := &g.recent[a%recentCallers]
		if slot.address != a {
			p, ok := g.callers[a]
			if !ok {
				break
			}
			*slot = recentCaller{a, p}
		}
		if slot.position >= 0 {
			return slot.position
		}
	}
	return unknownCaller
}

// recentCaller is an entry of the cache in front of Graph.callers.
type recentCaller struct {
	address  uintptr
	position int32
}

const recentCallers = 251

// learnCallers enters which of the return addresses, up the stack of whoever made a node, are in lines of the user's. Functions that the compiler inlined share an
// address, and the innermost one that is the user's counts.
func (g *Graph) learnCallers(addresses []uintptr) {
	var all [512]uintptr
	frames := runtime.CallersFrames(all[:runtime.Callers(3, all[:])])
	at, next := 0, 0 // the addresses before next are entered but for that at at
	for more := true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		if k := slices.Index(addresses[next:], f.PC+1); k >= 0 {
			for _, a := range addresses[next : next+k+1] { // those between are of frames that Go does not show
				if _, ok := g.callers[a]; !ok {
					g.callers[a] = ourCaller
				}
			}
			at = next + k
			next = at + 1
		}
		if next > 0 && g.callers[addresses[at]] == ourCaller && f.Function != "" && !ours(f) {
			g.callers[addresses[at]] = g.enter(Position{File: f.File, Line: f.Line})
			return
		}
	}
}

// enter returns the index of a position.
func (g *Graph) enter(pos Position) int32 {
	i, ok := g.posIndex[pos]
	if !ok {
		g.positions = append(g.positions, pos)
		i = int32(len(g.positions) - 1)
		g.posIndex[pos] = i
	}
	return i
}

// At makes all nodes that build creates carry the given position instead of the caller's line.
func (g *Graph) At(pos Position, build func()) {
	g = g.ready()
	if g.inner != nil {
		g = g.inner
	}
	old := g.fixedPosition
	g.fixedPosition = g.enter(pos)
	defer func() { g.fixedPosition = old }()
	g.call("", build)
}

// call runs a function of the user's that builds a part of the graph.
func (g *Graph) call(op string, build func()) {
	if build == nil {
		g.Fail(op, errors.New("the function that builds is nil"))
		return
	}
	build()
}

// AtNode makes the nodes created until the returned function is called carry the position and scope of n,
// a valid node of the same graph: derivatives and rewrites point to the user's line of the primal.
func (g *Graph) AtNode(n *Node) (restore func()) {
	return g.setPlace(n).restore // inlined, it allocates nothing
}

// place is where the nodes of a graph are made.
type place struct {
	g               *Graph
	position, scope int32
	deriving        bool
}

// setPlace makes the nodes from here on carry the position and scope of n, and returns what they carried before; nothing happens if n is no
// node of the graph.
func (g *Graph) setPlace(n *Node) (old place) {
	g = g.ready()
	if !n.Valid() || n.g != g {
		return place{}
	}
	old = place{g, g.fixedPosition, g.scope, g.deriving}
	g.fixedPosition, g.scope, g.deriving = n.pos, n.scope, true
	return old
}

func (p place) restore() {
	if p.g != nil {
		p.g.fixedPosition, p.g.scope, p.g.deriving = p.position, p.scope, p.deriving
	}
}
