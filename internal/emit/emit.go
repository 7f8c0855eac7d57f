// Package emit walks a graph that is written in another format: each node by the format's rule for its operator or, without one, by the operator's expansion. A format says what a value is, such as a name, or a name with a type.
package emit

import (
	"errors"
	"fmt"
	"slices"

	"github.com/adjoint-go/adjoint/graph"
)

// Format is what a format knows.
type Format[V any] struct {
	// Package begins errors, Name is the format's own.
	Package, Name string
	// Literal writes a constant.
	Literal func(l *graph.Literal) V
	// Rule writes a node and returns its results, of which those at the end may lack that are not taken. Without a rule for the node it returns nil.
	Rule func(n *graph.Node) []V
}

// Emitter writes the nodes of one graph, or of the body of a loop or branch.
type Emitter[V any] struct {
	format Format[V]
	values map[*graph.Node][]V
	steps  map[*graph.Node][]*graph.Node // by loop, what is taken of its body at every step
	taken  map[*graph.Node]map[int]bool  // by node of several results, which of them are taken
}

// New returns an emitter that has written nothing.
func New[V any](f Format[V]) *Emitter[V] {
	return &Emitter[V]{format: f, values: map[*graph.Node][]V{}, steps: map[*graph.Node][]*graph.Node{}, taken: map[*graph.Node]map[int]bool{}}
}

// Operators that are written with what they belong to.
const (
	opEachStep = "each_step"
	opResult   = "result"
)

// unwritable is what ends Write.
type unwritable struct{ err error }

// Write checks the outputs and has write write them. They belong to a copy of their graph, to which expansions are appended.
func Write[T any](f string, outputs []*graph.Node, write func(g *graph.Graph, outputs []*graph.Node) (T, error)) (result T, err error) {
	if len(outputs) == 0 {
		return result, fmt.Errorf("%s: no outputs", f)
	}
	g := outputs[0].Graph()
	for i, n := range outputs {
		if !n.Valid() || n.Graph() != g {
			return result, errors.Join(fmt.Errorf("%s: output %d is no valid node of the graph", f, i), g.Err())
		}
	}
	if err := g.Err(); err != nil {
		return result, err
	}
	defer func() {
		switch r := recover().(type) {
		case nil:
		case unwritable:
			err = r.err
		default:
			panic(r)
		}
	}()
	return write(g.Rebuild(outputs, nil))
}

// Refuse ends Write with an error that has the user's line.
func (e *Emitter[V]) Refuse(n *graph.Node, format string, args ...any) {
	panic(unwritable{e.mistake(n, format, args...)})
}

func (e *Emitter[V]) mistake(n *graph.Node, format string, args ...any) error {
	return &graph.Error{Pos: n.Position(), Op: n.Op().Name, Err: fmt.Errorf(e.format.Package+": "+format, args...)}
}

// Set states the values of a node, such as an input.
func (e *Emitter[V]) Set(n *graph.Node, values ...V) { e.values[n] = values }

// All writes what the outputs need of a graph.
func (e *Emitter[V]) All(g *graph.Graph, outputs []*graph.Node) { e.from(0, g, outputs) }

// from writes what the outputs need of the nodes from a place on.
func (e *Emitter[V]) from(first int, g *graph.Graph, outputs []*graph.Node) {
	needed := g.Needed(outputs...)
	for id := first; id < len(needed); id++ {
		n := g.Node(id)
		if !needed[id] {
			continue
		}
		if n.Op().Name == opEachStep {
			e.steps[n.Input(0)] = append(e.steps[n.Input(0)], n)
		} else if of, k, ok := graph.ResultOf(n); ok {
			if e.taken[of] == nil {
				e.taken[of] = map[int]bool{}
			}
			e.taken[of][k] = true
		}
	}
	for id := first; id < len(needed); id++ {
		if needed[id] {
			e.emit(g.Node(id))
		}
	}
}

// emit writes a node, by its operator or by its expansion.
func (e *Emitter[V]) emit(n *graph.Node) {
	if e.values[n] != nil || n.Op().Name == opEachStep {
		return
	}
	if n.IsConst() {
		e.Set(n, e.format.Literal(n.Literal()))
		return
	}
	if n.Op().Name == opResult {
		of, k, _ := graph.ResultOf(n)
		e.emit(of)
		if v := e.values[of]; k < len(v) {
			e.Set(n, v[k])
			return
		}
	}
	if v := e.format.Rule(n); v != nil {
		e.values[n] = v
		return
	}
	if n.Op().Expand == nil {
		e.Refuse(n, "%s has no counterpart", e.format.Name)
	}
	g := n.Graph()
	before := g.Len()
	restore := g.AtNode(n)
	x := n.Op().Expand(n)
	restore()
	if err := g.Err(); err != nil || !x.Valid() {
		panic(unwritable{errors.Join(e.mistake(n, "expanding it"), err)})
	}
	e.from(before, g, []*graph.Node{x})
	e.emit(x)
	e.values[n] = e.values[x]
}

// Of returns the values of nodes, their first results.
func (e *Emitter[V]) Of(nodes ...*graph.Node) []V {
	all := make([]V, len(nodes))
	for i, n := range nodes {
		e.emit(n)
		all[i] = e.values[n][0]
	}
	return all
}

// Taken reports whether a result of a node is used.
func (e *Emitter[V]) Taken(n *graph.Node, result int) bool { return e.taken[n][result] }

// Steps returns what is taken of a loop's body at every step, each once, as nodes of the body, and by each_step the place among them.
func (e *Emitter[V]) Steps(loop *graph.Node) (values []int, place map[*graph.Node]int) {
	place = map[*graph.Node]int{}
	for _, t := range e.steps[loop] {
		v := t.Attrs().Int("value")
		k := slices.Index(values, v)
		if k < 0 {
			k = len(values)
			values = append(values, v)
		}
		place[t] = k
	}
	return values, place
}

// Inline writes a body whose parameters are the given values, and returns the first of its results and the values of more nodes of the body.
func (e *Emitter[V]) Inline(b *graph.Body, args []V, results int, more ...int) []V {
	g, params, outs := b.Open()
	for i, p := range params {
		e.Set(p, args[i])
	}
	outs = slices.Clone(outs[:results])
	for _, id := range more {
		outs = append(outs, g.Node(id))
	}
	e.All(g, outs)
	return e.Of(outs...)
}
