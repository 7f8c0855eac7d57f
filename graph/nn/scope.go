// Package nn has the layers of neural networks. A model is a function of nodes that takes a Scope, in which layers make their parameters, named inputs of the graph:
//
//	func model(s *nn.Scope, x *graph.Node) *graph.Node {
//		h := graph.Relu(nn.Linear(s.In("hidden"), x, 128))
//		return nn.Linear(s.In("out"), h, 10)
//	}
//
// has the parameters hidden/weight, hidden/bias, out/weight and out/bias. What models return are nodes like any other: they can be differentiated, batched, put in loops and checkpoints. Called again in the same
// scope, for training and for evaluation, for instance, a model has the same parameters.
//
// Names, layouts and initial values of parameters are those of PyTorch (torch.nn, 2.x), unless a layer says something else. Package compile/train makes initial values and trains.
package nn

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/adjoint-go/adjoint/graph"
)

type (
	node  = graph.Node
	nodes = []*graph.Node
)

// Parameter is an input of the graph that a layer made.
type Parameter struct {
	// Node is the input; its name is the scope's path and the parameter's name.
	Node *graph.Node
	// Init makes the initial values.
	Init Initializer
	// State is set for what training does not change by gradients, such as running averages.
	State bool
}

// parameters are those of a graph, and what has happened in their scopes.
type parameters struct {
	g      *graph.Graph
	dtype  graph.DType
	list   []*Parameter
	byName map[string]*Parameter
	next   map[*graph.Node]*graph.Node // by state: its new value

	carried map[*graph.Node]*graph.Node // by state: the value that it has in the body of a loop
	steps   []*graph.Node               // of the loops in whose bodies Carry builds
}

// Scope is a place for parameters, by name. Make one with New.
type Scope struct {
	all      *parameters
	path     string
	training bool
	key      *graph.Node    // of the random numbers of training, nil for none
	drawn    map[string]int // by path: keys taken so far
}

// New returns the outermost scope of a graph, for evaluation: see Training. Parameters have the dtype, Float32 or Float64.
func New(g *graph.Graph, dtype graph.DType) *Scope {
	if g == nil {
		g = graph.New()
		g.Fail("nn", errors.New("the graph is nil: make one with graph.New"))
	}
	if !dtype.IsFloat() {
		g.Fail("nn", fmt.Errorf("parameters of %v: needs one of %v", dtype, graph.Floats))
		dtype = graph.Float64
	}
	return &Scope{all: &parameters{g: g, dtype: dtype, byName: map[string]*Parameter{}, next: map[*graph.Node]*graph.Node{}}}
}

// In returns the scope of the name within s. Names may be paths, as block0/attention.
func (s *Scope) In(name string) *Scope {
	s = s.ready()
	if err := checkName(name); err != nil {
		s.all.g.Fail("nn", err)
		return s
	}
	in := *s
	in.path = s.join(name)
	return &in
}

// Training returns s in training: dropout draws from keys that are derived from key (nil: layers that draw are a mistake), and normalisation by batches takes each batch's statistics and updates running ones.
func (s *Scope) Training(key *graph.Node) *Scope {
	in := *s.ready()
	in.training, in.key, in.drawn = true, key, map[string]int{}
	return &in
}

// ready returns the scope to work in: a new one of a graph of its own, with a mistake on record, for nil or one that New did not make.
func (s *Scope) ready() *Scope {
	if s == nil || s.all == nil {
		return New(nil, graph.Float64)
	}
	return s
}

func (s *Scope) join(name string) string {
	if s.path == "" {
		return name
	}
	return s.path + "/" + name
}

func checkName(name string) error {
	if err := graph.CheckName(name); err != nil {
		return err
	}
	if slices.Contains(strings.Split(name, "/"), "") {
		return fmt.Errorf("the name %q has an empty part", name)
	}
	return nil
}

// Graph returns the graph of the scope's parameters.
func (s *Scope) Graph() *graph.Graph { return s.ready().all.g }

// DType returns the dtype of parameters.
func (s *Scope) DType() graph.DType { return s.ready().all.dtype }

// IsTraining reports whether layers behave as in training.
func (s *Scope) IsTraining() bool { return s != nil && s.training }

// Parameter returns the parameter of the name in the scope: an input of the graph with the dtype of the scope, which is made when it is asked for first, with the given way to make its initial values. Asked for
// again, with the same shape, it is the same one: two layers in one scope share their parameters.
func (s *Scope) Parameter(name string, init Initializer, shape ...int) *graph.Node {
	return s.parameter(name, init, false, shape)
}

// State is Parameter for a value that training does not change by gradients: see Update.
func (s *Scope) State(name string, init Initializer, shape ...int) *graph.Node {
	return s.parameter(name, init, true, shape)
}

func (s *Scope) parameter(name string, init Initializer, state bool, shape []int) *node {
	s = s.ready()
	fail := func(format string, args ...any) *node { return s.all.g.Fail("parameter", fmt.Errorf(format, args...)) }
	if err := checkName(name); err != nil {
		return fail("%w", err)
	}
	name = s.join(name)
	if p := s.all.byName[name]; p != nil {
		if v := s.all.carried[p.Node]; v != nil && state && v.Shape().Equal(shape) {
			return v
		}
		switch {
		case !p.Node.Valid():
		case !p.Node.Shape().Equal(shape):
			return fail("%q is %v where it was made, and %v here: use scopes of different names", name, p.Node.Type(), graph.Type{DType: s.all.dtype, Shape: shape})
		case p.State != state:
			return fail("%q is a parameter in one place and a state in another", name)
		}
		return p.Node
	}
	if init == nil {
		return fail("%q has no initial values", name)
	}
	p := &Parameter{s.all.g.Input(name, s.all.dtype, shape...), init, state}
	s.all.byName[name] = p
	if p.Node.Valid() {
		s.all.list = append(s.all.list, p)
	}
	return p.Node
}

// Update says that a state has another value after a step of training. The last call counts. The value may not belong to the body of a loop, but that of Carry's build.
func (s *Scope) Update(state, value *graph.Node) {
	s = s.ready()
	if !state.Valid() || !value.Valid() {
		return
	}
	k := slices.IndexFunc(s.all.list, func(p *Parameter) bool { return p.State && (p.Node == state || s.all.carried[p.Node] == state) })
	if k < 0 {
		s.all.g.Fail("update", fmt.Errorf("%v is not a state", state))
		return
	}
	in := s.all.list[k].Node
	switch v := s.all.carried[in]; {
	case v == nil && value.Graph() != s.all.g || v != nil && value.Graph() != v.Graph():
		s.all.g.Fail("update", fmt.Errorf("the new value of %v belongs to the body of a loop or branch: carry it out of there", in))
	case !value.Type().Equal(in.Type()):
		s.all.g.Fail("update", fmt.Errorf("%v is %v, and its new value %v", in, in.Type(), value.Type()))
	default:
		s.all.next[in] = value
	}
}

// States returns the states of the scope and the scopes within it, in the order in which they were made.
func (s *Scope) States() []*graph.Node {
	var list nodes
	for _, p := range s.All() {
		if p.State {
			list = append(list, p.Node)
		}
	}
	return list
}

// Carry runs build, in the body of a loop, with other values of States, one for each: which build's layers read, and Update gives new ones. It returns the values that the states have at the end, for the loop to carry on. Keys of NextKey in it depend on step too, an int64 scalar that
// is another one in each step of the loop; with nil every step draws the same numbers. Values of another number or type are a mistake.
func (s *Scope) Carry(step *graph.Node, values []*graph.Node, build func()) (next []*graph.Node) {
	s = s.ready()
	states := s.States()
	if len(values) != len(states) {
		s.all.g.Fail("carry", fmt.Errorf("%d values of %d states", len(values), len(states)))
		return values
	}
	carried, after, steps := s.all.carried, s.all.next, s.all.steps
	defer func() { s.all.carried, s.all.next, s.all.steps = carried, after, steps }()
	s.all.carried, s.all.next = map[*graph.Node]*graph.Node{}, map[*graph.Node]*graph.Node{}
	if step != nil {
		s.all.steps = append(slices.Clone(steps), step)
	}
	for i, in := range states {
		if v := values[i]; v.Valid() && !v.Type().Equal(in.Type()) {
			s.all.g.Fail("carry", fmt.Errorf("%v is %v, and the value for it %v", in, in.Type(), v.Type()))
			return values
		}
		s.all.carried[in] = values[i]
	}
	if build == nil {
		s.all.g.Fail("carry", errors.New("there is nothing to build"))
		return values
	}
	build()
	for i, in := range states {
		if v := s.all.next[in]; v != nil {
			next = append(next, v)
		} else {
			next = append(next, values[i])
		}
	}
	return next
}

// Updated returns the new value of a state, the state itself if there is none.
func (s *Scope) Updated(state *graph.Node) *graph.Node {
	if v := s.ready().all.next[state]; v != nil {
		return v
	}
	return state
}

// All returns the parameters and states of the scope and the scopes within it, in the order in which they were made.
func (s *Scope) All() []*Parameter {
	s = s.ready()
	return slices.DeleteFunc(slices.Clone(s.all.list), func(p *Parameter) bool {
		return s.path != "" && !strings.HasPrefix(p.Node.Name(), s.path+"/")
	})
}

// Parameters returns the inputs by which the scope is trained: All without states. It is what compile.Gradient takes.
func (s *Scope) Parameters() []*graph.Node {
	var list nodes
	for _, p := range s.All() {
		if !p.State {
			list = append(list, p.Node)
		}
	}
	return list
}

// NextKey returns a key for random numbers, another one for each call in training; each depends on the scope's path, on how many were taken in it before, and on the step of Carry. It is a mistake in evaluation, or if Training was
// given no key.
func (s *Scope) NextKey() *graph.Node {
	s = s.ready()
	if s.key == nil {
		return s.all.g.Fail("nn", errors.New("random numbers are drawn without a key: give one to Scope.Training"))
	}
	k := s.drawn[s.path]
	s.drawn[s.path]++
	key := graph.RandomFoldIn(s.key, s.all.g.Literal(int64Literal(hash(fmt.Sprint(s.path, "#", k)))))
	for _, step := range s.all.steps {
		key = graph.RandomFoldIn(key, step)
	}
	return key
}

// group runs build with the scope's path for drawings.
func (s *Scope) group(build func() *node) (out *node) {
	s = s.ready()
	run := func() { out = build() }
	parts := strings.Split(s.path, "/")
	slices.Reverse(parts)
	for _, name := range parts {
		if name != "" {
			inner := run
			run = func() { s.all.g.Scope(name, inner) }
		}
	}
	run()
	return out
}

// fail records a mistake of a layer.
func (s *Scope) fail(layer, format string, args ...any) *node {
	return s.ready().all.g.Fail(layer, fmt.Errorf(format, args...))
}

// scalar is a constant of the parameters' dtype.
func (s *Scope) scalar(v float64) *node { return s.all.g.Scalar(s.all.dtype, v) }
