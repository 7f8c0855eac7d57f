package eager

import (
	"encoding/binary"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// typeOf is a type of which there is one.
type typeOf struct {
	graph.Type
	id uint32
}

// builder builds an operation on its operands, which are nodes of g.
type builder = func(g *graph.Graph, in []*graph.Node) []*graph.Node

// site is an operation at a line of the user's, on operands of given types.
type site struct {
	id    uint32
	build builder
	pos   graph.Position
	types []*typeOf // of the results
	err   error
}

var (
	cacheMu   sync.RWMutex
	types     = map[string]*typeOf{}
	sites     = map[string]*site{}
	siteCount uint32
	customs   atomic.Int64 // operators of Func

	noType      = &typeOf{}
	scalarTypes = func() (list [graph.Float64 + 1]*typeOf) {
		for _, d := range []graph.DType{graph.Bool, graph.Int32, graph.Int64, graph.Float32, graph.Float64} {
			list[d] = internType(graph.Type{DType: d})
		}
		return list
	}()
)

// Operations that are not in operators_gen.go.
const (
	fnGradient uint16 = iota
	fnCustom
	fnDetach
	fnFull
	fnOperators // the first that is
)

// maxSites bounds the operations that are remembered.
const maxSites = 1 << 16

func appendInt(b []byte, v int) []byte { return binary.LittleEndian.AppendUint64(b, uint64(v)) }

func appendInts[T ~int](b []byte, list []T) []byte {
	b = appendInt(b, len(list))
	for _, v := range list {
		b = appendInt(b, int(v))
	}
	return b
}

func appendFloat(b []byte, v float64) []byte {
	return binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
}

func appendString(b []byte, v string) []byte { return append(appendInt(b, len(v)), v...) }

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

// appendText appends what has no form of its own: options of operators.
func appendText(b []byte, v any) []byte { return appendString(b, fmt.Sprintf("%v", v)) }

// cloned returns a copy of a window that shares no memory.
func cloned(w graph.Window) graph.Window {
	w.Strides, w.Dilation, w.Padding = slices.Clone(w.Strides), slices.Clone(w.Dilation), slices.Clone(w.Padding)
	return w
}

func internType(t graph.Type) *typeOf {
	var room [64]byte
	key := appendInts(append(room[:0], byte(t.DType)), t.Shape)
	cacheMu.RLock()
	known := types[string(key)]
	cacheMu.RUnlock()
	if known != nil {
		return known
	}
	cacheMu.Lock()
	defer cacheMu.Unlock()
	if known = types[string(key)]; known == nil {
		known = &typeOf{t, uint32(len(types) + 1)}
		types[string(key)] = known
	}
	return known
}

// siteFor returns the site of an operation. The first time it builds the operation on a graph of its own, which gives the types of the results or the mistake.
func siteFor(fn uint16, statics []byte, build builder, pc uintptr, in []*node) *site {
	var room [192]byte
	key := binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint16(room[:0], fn), uint64(pc))
	key = append(appendInt(key, len(statics)), statics...)
	for _, n := range in {
		key = binary.LittleEndian.AppendUint32(key, n.typ.id)
	}
	cacheMu.RLock()
	s := sites[string(key)]
	cacheMu.RUnlock()
	if s != nil {
		return s
	}
	frame, _ := runtime.CallersFrames([]uintptr{pc}).Next()
	s = &site{build: build, pos: positionOf(frame)}
	g := graph.New()
	nodes := make([]*graph.Node, len(in))
	for i, n := range in {
		nodes[i] = g.Input(fmt.Sprintf("operand%d", i), n.typ.DType, n.typ.Shape...)
	}
	results, err := s.on(g, nodes)
	if s.err = err; err == nil {
		for _, r := range results {
			s.types = append(s.types, internType(r.Type()))
		}
	}
	cacheMu.Lock()
	defer cacheMu.Unlock()
	if known := sites[string(key)]; known != nil {
		return known
	}
	if len(sites) >= maxSites {
		clear(sites)
	}
	siteCount++
	s.id = siteCount
	sites[string(key)] = s
	return s
}

// on builds the operation on nodes of a graph.
func (s *site) on(g *graph.Graph, in []*graph.Node) (results []*graph.Node, err error) {
	g.At(s.pos, func() { results = s.build(g, in) })
	if err := g.Err(); err != nil {
		return nil, err
	}
	if len(results) == 0 {
		return nil, &graph.Error{Pos: s.pos, Op: "func", Err: fmt.Errorf("the function returned no nodes")}
	}
	for _, r := range results {
		if !r.Valid() || r.Graph() != g {
			return nil, &graph.Error{Pos: s.pos, Op: "func", Err: fmt.Errorf("the function returned %v, which is not a node of its operands' graph", r)}
		}
	}
	return results, nil
}

// trace is a part of what was recorded, without its values: leaves are numbered from 0, and steps behind them. It is what programs are made of.
type trace struct {
	leaves []leaf
	steps  []step
}

type leaf struct {
	typ    *typeOf
	number bool
}

type step struct {
	site   *site
	in     []int32
	result int32
}

// replay builds the trace on the nodes of its leaves, and returns the nodes of leaves and steps.
func (r *trace) replay(g *graph.Graph, leaves []*graph.Node) ([]*graph.Node, error) {
	nodes := append(make([]*graph.Node, 0, len(leaves)+len(r.steps)), leaves...)
	for _, s := range r.steps {
		in := make([]*graph.Node, len(s.in))
		for k, i := range s.in {
			in[k] = nodes[i]
		}
		results, err := s.site.on(g, in)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, results[s.result])
	}
	return nodes, nil
}

// walks counts walks, by which nodes are marked.
var walks atomic.Uint64

// walk is the record behind nodes, with the values of the leaves.
type walk struct {
	id     uint64
	leaves []*node
	steps  []*node
	// through says that a node is gone through though its value is known.
	through func(n *node) bool
	// cut are nodes that are leaves whatever they are.
	cut map[*node]bool
}

func newWalk() *walk { return &walk{id: walks.Add(1)} }

// visit adds what n is computed from, and n.
func (w *walk) visit(n *node) {
	type frame struct {
		n    *node
		next int
	}
	if n.mark == w.id {
		return
	}
	stack := []frame{{n: n}}
	for len(stack) > 0 {
		f := &stack[len(stack)-1]
		isLeaf := f.n.site == nil || w.cut[f.n] || f.n.value != nil && (w.through == nil || !w.through(f.n))
		if f.n.mark == w.id || isLeaf {
			if f.n.mark != w.id {
				f.n.mark, f.n.index = w.id, int32(len(w.leaves))
				w.leaves = append(w.leaves, f.n)
			}
			stack = stack[:len(stack)-1]
			continue
		}
		if f.next < len(f.n.in) {
			child := f.n.in[f.next]
			f.next++
			if child.mark != w.id {
				stack = append(stack, frame{n: child})
			}
			continue
		}
		f.n.mark, f.n.index = w.id, int32(len(w.steps))
		w.steps = append(w.steps, f.n)
		stack = stack[:len(stack)-1]
	}
}

// number returns the number of a visited node in the record.
func (w *walk) number(n *node) int32 {
	if n.site == nil || w.isLeaf(n) {
		return n.index
	}
	return n.index + int32(len(w.leaves))
}

func (w *walk) isLeaf(n *node) bool {
	return int(n.index) < len(w.leaves) && w.leaves[n.index] == n
}

// key appends the structure of the record.
func (w *walk) key(b []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(len(w.leaves)))
	for _, n := range w.leaves {
		b = appendBool(binary.LittleEndian.AppendUint32(b, n.typ.id), n.number)
	}
	for _, n := range w.steps {
		b = binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(b, n.site.id), uint32(n.result))
		for _, in := range n.in {
			b = binary.LittleEndian.AppendUint32(b, uint32(w.number(in)))
		}
	}
	return b
}

// trace returns what key describes.
func (w *walk) trace() *trace {
	r := &trace{leaves: make([]leaf, len(w.leaves)), steps: make([]step, len(w.steps))}
	for i, n := range w.leaves {
		r.leaves[i] = leaf{n.typ, n.number}
	}
	for i, n := range w.steps {
		in := make([]int32, len(n.in))
		for k, m := range n.in {
			in[k] = w.number(m)
		}
		r.steps[i] = step{n.site, in, n.result}
	}
	return r
}

// maxPrograms bounds the programs that are kept. Beyond it those that were not used for longest are forgotten, half of them.
const maxPrograms = 4096

// maxNumbers bounds the programs that are alike but for the Go numbers in them, which are constants there. Beyond it one program has the numbers as inputs: a learning rate
// that changes from step to step.
const maxNumbers = 4

// program is a compiled record. Its fields but the first are guarded by programsMu.
type program struct {
	p    *vm.Program
	idle []*vm.Machine
	used uint64
}

var (
	programsMu sync.Mutex
	programs   = map[string]*program{}
	alike      = map[string]int{} // programs with numbers as constants, under the keys without them
	uses       uint64
)

// lookup returns the kept program.
func lookup(key []byte) *program {
	programsMu.Lock()
	defer programsMu.Unlock()
	p := programs[string(key)]
	if p != nil {
		uses++
		p.used = uses
	}
	return p
}

// keep enters a program, nil for none, and returns the one that is kept under the key.
func keep(key []byte, p *program) *program {
	if p == nil {
		return nil
	}
	programsMu.Lock()
	defer programsMu.Unlock()
	if known := programs[string(key)]; known != nil {
		return known
	}
	if len(programs) >= maxPrograms {
		for k, p := range programs {
			if p.used+maxPrograms/2 < uses {
				delete(programs, k)
			}
		}
		clear(alike)
	}
	uses++
	p.used = uses
	programs[string(key)] = p
	return p
}

// countAlike reports whether one more program of the structure may have its numbers as constants, and counts it.
func countAlike(key []byte) bool {
	programsMu.Lock()
	defer programsMu.Unlock()
	alike[string(key)]++
	return alike[string(key)] <= maxNumbers
}

// call runs the program.
func (p *program) call(args []any) ([]vm.Array, error) {
	programsMu.Lock()
	var m *vm.Machine
	if k := len(p.idle); k > 0 {
		m, p.idle = p.idle[k-1], p.idle[:k-1]
	}
	programsMu.Unlock()
	if m == nil {
		m = vm.NewMachine(p.p)
	}
	results, err := m.Call(args...)
	if err != nil {
		return nil, err
	}
	programsMu.Lock()
	p.idle = append(p.idle, m)
	programsMu.Unlock()
	return results, nil
}

// evaluate computes the values of nodes.
func evaluate(nodes ...*node) error {
	var wanted []*node
	for _, n := range nodes {
		if n.err != nil {
			return n.err
		}
		if n.value == nil {
			wanted = append(wanted, n)
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	w := newWalk()
	for _, n := range wanted {
		w.visit(n)
	}
	key := binary.LittleEndian.AppendUint32(make([]byte, 0, 256), uint32(len(wanted)))
	for _, n := range wanted {
		key = binary.LittleEndian.AppendUint32(key, uint32(w.number(n)))
	}
	key = w.key(key)
	p, args, err := w.programFor(key, wanted)
	if err != nil {
		return err
	}
	results, err := p.call(args)
	if err != nil {
		return err
	}
	for i, n := range wanted {
		n.value, n.depth = &results[i], 0
		if !n.needs && n.tensor == nil {
			n.site, n.in = nil, nil // a value, which holds no history
		}
	}
	return nil
}

// programFor returns the program of the record with its arguments. Go numbers are constants in the first few programs of a structure.
func (w *walk) programFor(key []byte, wanted []*node) (*program, []any, error) {
	withNumbers := key[:len(key):len(key)]
	var values, all []any
	for _, n := range w.leaves {
		all = append(all, *n.value)
		if n.number {
			withNumbers = appendFloat(withNumbers, n.value.Item())
		} else {
			values = append(values, *n.value)
		}
	}
	if len(values) < len(all) {
		if p := lookup(withNumbers); p != nil {
			return p, values, nil
		}
		if countAlike(key) {
			p, err := w.compile(wanted, true)
			return keep(withNumbers, p), values, err
		}
	}
	if p := lookup(key); p != nil {
		return p, all, nil
	}
	p, err := w.compile(wanted, false)
	return keep(key, p), all, err
}

// compile makes the program of the record, with numbers as constants or as inputs.
func (w *walk) compile(wanted []*node, constants bool) (*program, error) {
	g := graph.New()
	leaves := make([]*graph.Node, len(w.leaves))
	for i, n := range w.leaves {
		if n.number && constants {
			leaves[i] = g.Scalar(n.typ.DType, n.value.Item())
		} else {
			leaves[i] = g.Input(fmt.Sprintf("value%d", i), n.typ.DType, n.typ.Shape...)
		}
	}
	nodes, err := w.trace().replay(g, leaves)
	if err != nil {
		return nil, err
	}
	outputs := make([]*graph.Node, len(wanted))
	for i, n := range wanted {
		outputs[i] = nodes[w.number(n)]
	}
	p, err := compile.Compile(outputs...)
	if err != nil {
		return nil, err
	}
	return &program{p: p}, nil
}
