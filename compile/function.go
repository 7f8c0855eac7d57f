package compile

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// Func is a function from values to values that a Go function of nodes describes (JAX's jit). It is compiled in the first call with arguments of given dtypes and shapes,
// and kept; so training and prediction with another size of batch are one function. It may be called by any number of goroutines at once.
type Func struct {
	config  Config
	machine []vm.Option
	// arity is how many arguments there are, −1 for any number.
	arity int
	build func(g *graph.Graph, in []*graph.Node) ([]*graph.Node, error)
	err   error // of the Go function's type

	mu       sync.Mutex
	compiled map[string]*specialization
}

// specialization is a Func for arguments of given types. Its mutex is held while it is compiled.
type specialization struct {
	mu      sync.Mutex
	program *vm.Program
	err     error
	idle    []*vm.Machine
}

// Function returns a function of values. f takes *graph.Node arguments, of which the last may be variadic or a slice, and a *graph.Graph before them if it needs one for constants;
// it returns nodes or slices of nodes, and an error after them if it can fail. It runs once for each combination of dtypes and shapes, and builds the graph with the
// constructors of package graph; Go's loops and branches in it are unrolled.
//
//	predict := compile.Function(func(x, w, b *graph.Node) *graph.Node { return graph.Softmax(graph.Add(graph.MatMul(x, w), b), 1) })
//	p, err := predict.Call(images, weights, biases)
//
// Mistakes are returned by the calls: those of a type that is none of these, and those made on the graph, with the lines in f.
func Function(f any, machine ...vm.Option) *Func { return Config{}.Function(f, machine...) }

// Function is the function Function, which compiles with the configuration.
func (c Config) Function(f any, machine ...vm.Option) *Func {
	fn := &Func{config: c, machine: machine}
	fn.arity, fn.build, fn.err = nodeFunction(f)
	return fn
}

var (
	graphType = reflect.TypeFor[*graph.Graph]()
	nodeType  = reflect.TypeFor[*graph.Node]()
	nodesType = reflect.TypeFor[[]*graph.Node]()
	errorType = reflect.TypeFor[error]()
)

// nodeFunction returns a Go function of nodes in one form.
func nodeFunction(f any) (arity int, build func(*graph.Graph, []*graph.Node) ([]*graph.Node, error), err error) {
	v := reflect.ValueOf(f)
	wrong := fmt.Errorf("compile: Function was given a %T: needs a function from *graph.Node to *graph.Node, each of them any number of times, the last argument and results perhaps []*graph.Node", f)
	if v.Kind() != reflect.Func || v.IsNil() {
		return 0, nil, wrong
	}
	t := v.Type()
	first := 0
	if t.NumIn() > 0 && t.In(0) == graphType {
		first = 1
	}
	arity, list := t.NumIn()-first, false
	for i := first; i < t.NumIn(); i++ {
		switch {
		case t.In(i) == nodeType:
		case t.In(i) == nodesType && i == t.NumIn()-1:
			list, arity = true, -1
		default:
			return 0, nil, wrong
		}
	}
	fails := t.NumOut() > 0 && t.Out(t.NumOut()-1) == errorType
	results := t.NumOut()
	if fails {
		results--
	}
	for i := range results {
		if t.Out(i) != nodeType && t.Out(i) != nodesType {
			return 0, nil, wrong
		}
	}
	if results == 0 {
		return 0, nil, wrong
	}
	single := t.NumIn() - first
	if list {
		single--
	}
	return arity, func(g *graph.Graph, in []*graph.Node) ([]*graph.Node, error) {
		if len(in) < single {
			return nil, fmt.Errorf("%d arguments for a function that takes at least %d", len(in), single)
		}
		var args []reflect.Value
		if first == 1 {
			args = append(args, reflect.ValueOf(g))
		}
		for _, n := range in[:single] {
			args = append(args, reflect.ValueOf(n))
		}
		call := v.Call
		if list {
			args = append(args, reflect.ValueOf(slices.Clone(in[single:])))
			if t.IsVariadic() {
				call = v.CallSlice
			}
		}
		out := call(args)
		if fails {
			if err, _ := out[results].Interface().(error); err != nil {
				return nil, err
			}
		}
		var nodes []*graph.Node
		for _, r := range out[:results] {
			if r.Type() == nodesType {
				nodes = append(nodes, r.Interface().([]*graph.Node)...)
			} else {
				nodes = append(nodes, r.Interface().(*graph.Node))
			}
		}
		return nodes, nil
	}, nil
}

// derive returns a function whose graph is made from that of f.
func (f *Func) derive(build func(g *graph.Graph, in []*graph.Node) ([]*graph.Node, error)) *Func {
	if f == nil || f.build == nil && f.err == nil {
		return &Func{err: errNoFunction}
	}
	return &Func{config: f.config, machine: f.machine, arity: f.arity, build: build, err: f.err}
}

var errNoFunction = errors.New("compile: the function is nil: Function makes one")

// Call returns f's results at the arguments, each of which is a value that vm.ArrayOf takes. It does not keep or modify them, and the results are the caller's.
func (f *Func) Call(args ...any) ([]vm.Array, error) {
	return f.CallContext(context.Background(), args...)
}

// CallContext is Call that stops with the context's error soon after it is cancelled (see vm.Machine.StepContext). Compilation is not stopped.
func (f *Func) CallContext(ctx context.Context, args ...any) ([]vm.Array, error) {
	if f == nil || f.err == nil && f.build == nil {
		return nil, errNoFunction
	}
	if f.err != nil {
		return nil, f.err
	}
	if f.arity >= 0 && len(args) != f.arity {
		return nil, fmt.Errorf("compile: %d arguments for a function of %d", len(args), f.arity)
	}
	values, types := make([]any, len(args)), make([]graph.Type, len(args))
	var key strings.Builder
	for i, v := range args {
		a, err := vm.ArrayOf(v)
		if err != nil {
			return nil, fmt.Errorf("compile: argument %d: %w", i, err)
		}
		t := a.Type()
		values[i], types[i] = a, graph.Type{DType: t.DType, Shape: t.Shape}
		fmt.Fprint(&key, types[i], ";")
	}
	s, err := f.special(key.String(), types)
	if err != nil {
		return nil, err
	}
	m := s.take(f.machine)
	defer s.give(m)
	return m.CallContext(ctx, values...)
}

// special returns the specialization for arguments of the types, and compiles it if there is none.
func (f *Func) special(key string, types []graph.Type) (*specialization, error) {
	f.mu.Lock()
	if f.compiled == nil {
		f.compiled = map[string]*specialization{}
	}
	s := f.compiled[key]
	if s == nil {
		s = &specialization{}
		f.compiled[key] = s
	}
	f.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.program != nil || s.err != nil {
		return s, s.err
	}
	g := graph.New()
	in := make([]*graph.Node, len(types))
	for i, t := range types {
		in[i] = g.Input(fmt.Sprintf("argument%d", i), t.DType, t.Shape...)
	}
	outputs, err := f.build(g, in)
	if err == nil {
		err = g.Err()
	}
	if err == nil && slices.ContainsFunc(outputs, func(n *graph.Node) bool { return n != nil && n.Graph() != g }) {
		err = errors.New("compile: the function returned a node of another graph")
	}
	if err != nil {
		s.err = err
		return s, err
	}
	s.program, s.err = f.config.Compile(outputs...)
	return s, s.err
}

func (s *specialization) take(options []vm.Option) *vm.Machine {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.idle); n > 0 {
		m := s.idle[n-1]
		s.idle = s.idle[:n-1]
		return m
	}
	return vm.NewMachine(s.program, options...)
}

func (s *specialization) give(m *vm.Machine) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.idle = append(s.idle, m)
}

// ValueAndGrad returns the function of f's results followed by the gradients of the first, a scalar, by the arguments of the given numbers from 0; by all
// floating-point arguments if none is given.
func (f *Func) ValueAndGrad(wrt ...int) *Func {
	return f.derive(func(g *graph.Graph, in []*graph.Node) ([]*graph.Node, error) {
		outputs, by, err := f.differentiated(g, in, wrt)
		if err != nil {
			return nil, err
		}
		gradients, err := Gradient(outputs[0], by...)
		return append(outputs, gradients...), err
	})
}

// Jacobian returns the function of the derivatives of f's first result by the arguments of the given numbers, as ValueAndGrad takes them: the shape is the result's followed by the argument's.
func (f *Func) Jacobian(wrt ...int) *Func {
	return f.derive(func(g *graph.Graph, in []*graph.Node) ([]*graph.Node, error) {
		return f.each(g, in, wrt, Jacobian)
	})
}

// Hessian returns the function of the second derivatives of f's first result, a scalar, by each of the arguments of the given numbers, as ValueAndGrad takes them: the shape is the argument's twice over.
func (f *Func) Hessian(wrt ...int) *Func {
	return f.derive(func(g *graph.Graph, in []*graph.Node) ([]*graph.Node, error) {
		return f.each(g, in, wrt, Hessian)
	})
}

func (f *Func) each(g *graph.Graph, in []*graph.Node, wrt []int, derivative func(y, x *graph.Node) (*graph.Node, error)) ([]*graph.Node, error) {
	outputs, by, err := f.differentiated(g, in, wrt)
	if err != nil {
		return nil, err
	}
	list := make([]*graph.Node, len(by))
	for i, x := range by {
		if list[i], err = derivative(outputs[0], x); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// differentiated returns f's results and the arguments that wrt numbers.
func (f *Func) differentiated(g *graph.Graph, in []*graph.Node, wrt []int) (outputs, by []*graph.Node, err error) {
	if outputs, err = f.build(g, in); err != nil {
		return nil, nil, err
	}
	if len(outputs) == 0 {
		return nil, nil, errors.New("compile: the function returned no nodes to differentiate")
	}
	for i, n := range in {
		if len(wrt) == 0 && n.DType().IsFloat() {
			by = append(by, in[i])
		}
	}
	for _, i := range wrt {
		if i < 0 || i >= len(in) {
			return nil, nil, fmt.Errorf("compile: a derivative by argument %d of %d", i, len(in))
		}
		by = append(by, in[i])
	}
	if len(by) == 0 {
		return nil, nil, errors.New("compile: a derivative by none of the arguments: none is of floating point")
	}
	return outputs, by, nil
}

// Vmap returns f for many values at once (see Batch): the arguments of the given numbers, all if none is given, have a new leading dimension of one extent, and so has every
// result. The others are the same for all.
func (f *Func) Vmap(mapped ...int) *Func {
	return f.derive(func(g *graph.Graph, in []*graph.Node) ([]*graph.Node, error) {
		for _, i := range mapped {
			if i < 0 || i >= len(in) {
				return nil, fmt.Errorf("compile: Vmap over argument %d of %d", i, len(in))
			}
		}
		inner := slices.Clone(in)
		var from, to []*graph.Node
		for i, n := range in {
			if len(mapped) > 0 && !slices.Contains(mapped, i) {
				continue
			}
			if len(n.Shape()) == 0 {
				return nil, fmt.Errorf("compile: Vmap over argument %d, which is a scalar", i)
			}
			inner[i] = g.Placeholder(n.DType(), n.Shape()[1:]...)
			from, to = append(from, inner[i]), append(to, n)
		}
		outputs, err := f.build(g, inner)
		if err != nil {
			return nil, err
		}
		return Batch(outputs, from, to)
	})
}
