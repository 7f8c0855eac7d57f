package mistakes_test

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"gorgonia.org/tensor"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/viz"
	"github.com/adjoint-go/adjoint/vm"
)

// named is an entry of the generated table.
type named[T any] struct {
	name  string
	value T
}

// world is what arguments are made from: two graphs with nodes of all kinds, programs, and what is none of these.
type world struct {
	rng      *rand.Rand
	g, other *graph.Graph
	good     []*graph.Node // valid nodes of g
	bad      []*graph.Node // nil, zero, invalid, others' nodes, and nodes too large to be computed
}

func newWorld(rng *rand.Rand) *world {
	w := &world{rng: rng, g: graph.New(), other: graph.New()}
	g := w.g
	x, v := g.Input("x", graph.Float64), g.Input("v", graph.Float64, 3)
	a, b := g.Input("a", graph.Float64, 3, 3), g.Input("b", graph.Float32, 2, 3)
	image, keys := g.Input("image", graph.Float64, 1, 2, 5, 5), g.Input("keys", graph.Int64, 2)
	w.good = []*graph.Node{x, v, a, b, image, keys, g.Input("i", graph.Int64), g.Input("mask", graph.Bool, 3), g.Const(2),
		graph.Sin(v), graph.Mul(a, a).Named("y"), graph.ReduceSum(graph.Square(v), nil), graph.Constant(g, []int64{0, 2, 1}, 3), graph.Constant(g, []int32{1, 0}, 2)}
	elsewhere := w.other.Input("x", graph.Float64, 3)
	huge := g.Input("huge", graph.Float64, 1<<13, graph.MaxElements>>13)
	w.bad = []*graph.Node{nil, {}, elsewhere, graph.Sin(nil), graph.Sin(elsewhere), huge, g.Input("long", graph.Float64, graph.MaxElements),
		graph.Add(huge, x), g.Input("wide", graph.Int64, graph.MaxElements)}
	if values, indices := graph.TopK(v, 2, 0); values.Valid() {
		w.good = append(w.good, values, indices)
		w.bad = append(w.bad, values.Input(0)) // of several results
	}
	return w
}

func pick[T any](w *world, list ...T) T { return list[w.rng.IntN(len(list))] }

// node is a valid node mostly.
func (w *world) node() *graph.Node {
	if w.rng.IntN(4) == 0 {
		return pick(w, w.bad...)
	}
	return pick(w, w.good...)
}

func (w *world) int() int {
	if w.rng.IntN(2) == 0 {
		return pick(w, 0, 1, 2, 3, -1)
	}
	return pick(w, math.MinInt, math.MinInt+1, -graph.MaxElements, -1<<31, -1<<20, -7, 5, 64, 1<<16, 1<<20+1, 1<<31-1, graph.MaxElements, graph.MaxElements+1, math.MaxInt/4+1, math.MaxInt/2+1, math.MaxInt-1, math.MaxInt)
}

func (w *world) ints() []int {
	switch w.rng.IntN(8) {
	case 0:
		return nil
	case 1:
		return pick(w, []int{}, []int{math.MaxInt, math.MaxInt, math.MaxInt}, []int{1 << 20, 1 << 20}, []int{1 << 20, 1<<20 + 1}, []int{math.MaxInt/2 + 1, 4}, []int{3, -1}, make([]int, 40), []int{0, 0})
	}
	list := make([]int, w.rng.IntN(5))
	for i := range list {
		list[i] = pick(w, 0, 1, 2, 3, 1, 2, 3, -1, w.int())
	}
	return list
}

func (w *world) float() float64 {
	return pick(w, 0, 0.5, 1, 2, -1, math.Inf(1), math.Inf(-1), math.NaN(), 1e308, 5e-324, math.Copysign(0, -1))
}

func (w *world) text() string {
	return pick(w, "", "x", "y", "user_a", "a/b", "two words", "\x00", "\xff", "∂", "i,j->ij", "ij,jk->ik", "...", "->", "valid", "same", "fold", "mul", "name", strings.Repeat("n", 1000), "float64", `"`)
}

func (w *world) program() *vm.Program {
	p, err := compile.Compile(graph.Mul(w.good[1], w.good[0]).Named("out"), w.good[5])
	if err != nil {
		panic(err)
	}
	return p
}

var errWriter = errors.New("this writer is closed")

type closedWriter struct{}

func (closedWriter) Write([]byte) (int, error) { return 0, errWriter }

type closedReader struct{}

func (closedReader) Read([]byte) (int, error) { return 0, errWriter }

// value makes an argument of the type.
func (w *world) value(t reflect.Type, depth int) reflect.Value {
	var v any
	switch t {
	case reflect.TypeFor[*graph.Node]():
		v = w.node()
	case reflect.TypeFor[graph.Node]():
		return reflect.ValueOf(pick(w, w.good[0], &graph.Node{})).Elem()
	case reflect.TypeFor[*graph.Graph]():
		v = pick(w, w.g, w.g, nil, w.other, graph.New(), new(graph.Graph))
	case reflect.TypeFor[*graph.Op]():
		v = pick(w, w.node0().Op(), nil, &graph.Op{}, w.good[9].Op(), w.good[10].Op())
	case reflect.TypeFor[graph.DType]():
		v = pick(w, graph.Float64, graph.Float64, graph.Float32, graph.Int64, graph.Int32, graph.Bool, graph.DType(0), graph.DType(200))
	case reflect.TypeFor[*graph.Literal]():
		v = pick(w, w.good[12].Literal(), nil, &graph.Literal{})
	case reflect.TypeFor[*vm.Program]():
		v = pick(w, w.program(), nil, new(vm.Program))
	case reflect.TypeFor[*vm.Machine]():
		v = pick(w, vm.NewMachine(w.program()), nil, new(vm.Machine), vm.NewMachine(nil))
	case reflect.TypeFor[vm.Option]():
		v = pick(w, vm.WithThreads(w.int()), vm.WithMemoryLimit(int64(w.int())), vm.WithNaNWatch(), nil)
	case reflect.TypeFor[viz.Option]():
		v = w.option(depth)
	case reflect.TypeFor[*viz.Picture]():
		p, _ := viz.New(w.good[9:10])
		v = pick(w, p, nil, new(viz.Picture))
	case reflect.TypeFor[*viz.Model]():
		p, _ := viz.Describe(w.good[9:10])
		v = pick(w, p, p, nil, new(viz.Model))
	case reflect.TypeFor[io.Writer]():
		v = pick[io.Writer](w, io.Discard, io.Discard, closedWriter{})
	case reflect.TypeFor[io.Reader]():
		v = pick[io.Reader](w, strings.NewReader(""), strings.NewReader("adjoint"), closedReader{})
	case reflect.TypeFor[context.Context]():
		cancelled, cancel := context.WithCancel(context.Background())
		cancel()
		v = pick(w, context.Background(), cancelled)
	case reflect.TypeFor[error]():
		v = pick(w, errWriter, nil, error(&graph.Error{}))
	case reflect.TypeFor[*tensor.Dense]():
		v = pick(w, nil, new(tensor.Dense), tensor.New(tensor.WithShape(3), tensor.Of(tensor.Float64)))
	case reflect.TypeFor[[]int](), reflect.TypeFor[graph.Shape]():
		return reflect.ValueOf(w.ints()).Convert(t)
	}
	if v != nil || t == reflect.TypeFor[error]() {
		if r := reflect.ValueOf(v); r.IsValid() {
			return r.Convert(t)
		}
		return reflect.Zero(t)
	}
	out := reflect.New(t).Elem()
	if depth > 4 {
		return out
	}
	switch t.Kind() {
	case reflect.Int:
		out.SetInt(int64(w.int()))
	case reflect.Int64, reflect.Int32, reflect.Int16, reflect.Int8:
		out.SetInt(int64(w.int()))
	case reflect.Uint64, reflect.Uint32, reflect.Uint16, reflect.Uint8, reflect.Uint:
		out.SetUint(uint64(w.int()))
	case reflect.Float64, reflect.Float32:
		out.SetFloat(w.float())
	case reflect.Bool:
		out.SetBool(w.rng.IntN(2) == 0)
	case reflect.String:
		out.SetString(w.text())
	case reflect.Slice:
		if n := w.rng.IntN(6) - 1; n >= 0 {
			out.Set(reflect.MakeSlice(t, n, n))
			for i := range n {
				out.Index(i).Set(w.value(t.Elem(), depth+1))
			}
		}
	case reflect.Array:
		for i := range t.Len() {
			out.Index(i).Set(w.value(t.Elem(), depth+1))
		}
	case reflect.Map:
		if n := w.rng.IntN(4) - 1; n >= 0 {
			out.Set(reflect.MakeMap(t))
			for range n {
				out.SetMapIndex(w.value(t.Key(), depth+1), w.value(t.Elem(), depth+1))
			}
		}
	case reflect.Pointer:
		if w.rng.IntN(3) > 0 {
			out.Set(reflect.New(t.Elem()))
			out.Elem().Set(w.value(t.Elem(), depth+1))
		}
	case reflect.Struct:
		for i := range t.NumField() {
			if t.Field(i).IsExported() && w.rng.IntN(3) > 0 {
				out.Field(i).Set(w.value(t.Field(i).Type, depth+1))
			}
		}
	case reflect.Func:
		if w.rng.IntN(3) > 0 {
			// A function of the user's that returns whatever it likes.
			out.Set(reflect.MakeFunc(t, func([]reflect.Value) []reflect.Value {
				results := make([]reflect.Value, t.NumOut())
				for i := range results {
					results[i] = w.value(t.Out(i), depth+1)
				}
				return results
			}))
		}
	case reflect.Interface:
		if t.NumMethod() == 0 {
			if r := reflect.ValueOf(pick[any](w, nil, 1.5, float32(2), int64(1), true, "text", []float64{1, 2, 3}, map[string]any{"x": 1.0}, map[string]float64{"?": 1}, w.node())); r.IsValid() {
				out.Set(r)
			}
		}
	}
	return out
}

func (w *world) node0() *graph.Node { return w.good[w.rng.IntN(len(w.good))] }

// option returns one of the options of pictures, with any arguments.
func (w *world) option(depth int) viz.Option {
	if w.rng.IntN(4) == 0 {
		return nil
	}
	for {
		f := functions[w.rng.IntN(len(functions))]
		if t := reflect.TypeOf(f.value); t.NumOut() == 1 && t.Out(0) == reflect.TypeFor[viz.Option]() {
			return w.call(reflect.ValueOf(f.value), depth+1)[0].Interface().(viz.Option)
		}
	}
}

func (w *world) call(f reflect.Value, depth int) []reflect.Value {
	t := f.Type()
	args := make([]reflect.Value, t.NumIn())
	for i := range args {
		args[i] = w.value(t.In(i), depth)
	}
	if t.IsVariadic() {
		return f.CallSlice(args)
	}
	return f.Call(args)
}

// use does with results what a user would do next, and returns the mistakes that they report.
func (w *world) use(results []reflect.Value) (said []error) {
	for _, r := range results {
		if !r.CanInterface() {
			continue
		}
		switch x := r.Interface().(type) {
		case error:
			said = append(said, x)
		case *graph.Node:
			said = append(said, w.useNode(x)...)
		case []*graph.Node:
			for _, n := range x[:min(len(x), 3)] {
				said = append(said, w.useNode(n)...)
			}
		case vm.Option:
			said = append(said, vm.NewMachine(w.program(), x).Step())
		case viz.Option:
			said = append(said, viz.SVG(io.Discard, w.good[9:11], x))
		}
	}
	return append(said, w.g.Err(), w.other.Err())
}

func (w *world) useNode(n *graph.Node) (said []error) {
	_, _, _, _, _ = n.Shape(), n.Type(), n.Name(), n.Position(), n.String()
	_, err := compile.Compile(n)
	said = append(said, err)
	if n.Valid() && len(n.Graph().Inputs()) > 0 {
		d, err := compile.Gradient(graph.ReduceSum(n, nil), n.Graph().Inputs()...)
		if said = append(said, err); err == nil {
			_, err = compile.Compile(d...)
			said = append(said, err)
		}
	}
	return append(said, viz.SVG(io.Discard, []*graph.Node{n}))
}

// fault runs a call and returns what no mistake of a user may lead to: a panic that the documentation does not announce, or
// the confession of a bug in an error.
func fault(w *world, name string, call func() []reflect.Value) (text string) {
	defer func() {
		if r := recover(); r != nil {
			if e, ok := r.(runtime.Error); !panics[name] || ok && !strings.Contains(e.Error(), "out of range") {
				text = fmt.Sprintf("panic: %v\n%s", r, frames())
			}
		}
	}()
	for _, err := range w.use(call()) {
		if err == nil {
			continue
		}
		for _, confession := range []string{"BUG", "internal error", "runtime error", "nil pointer", "out of range [", "PANIC"} {
			if strings.Contains(err.Error(), confession) {
				return "error: " + err.Error()
			}
		}
	}
	return ""
}

// frames returns the innermost frames of the module's code on the stack of a panic.
func frames() string {
	var b strings.Builder
	for _, line := range strings.Split(string(debug.Stack()), "\n") {
		if strings.HasPrefix(line, "\t") && strings.Contains(line, "adjoint") && !strings.Contains(line, "mistakes_test.go") {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

// seed is that of a function's calls, so that a new function does not change those of the others.
func seed(name string) *rand.Rand {
	h := fnv.New64a()
	io.WriteString(h, name)
	return rand.New(rand.NewPCG(h.Sum64(), 1))
}

// attempt calls f rounds times with different arguments and reports the first fault.
func attempt(t *testing.T, name string, rounds int, f func(w *world) []reflect.Value) {
	rng := seed(name)
	for round := range rounds {
		w := newWorld(rng)
		slow := time.AfterFunc(20*time.Second, func() { fmt.Fprintf(os.Stderr, "%s, round %d: under way for 20 s\n", name, round) })
		text := fault(w, name, func() []reflect.Value { return f(w) })
		slow.Stop()
		if text != "" {
			t.Errorf("%s, round %d: %s", name, round, text)
			return
		}
	}
}

// unchecked are what is not called, with the reason.
var unchecked = map[string]string{
	"vm.Debug.Where": "part of code, which is not used before it is verified",
}

// promoted reports whether a method is that of an embedded field, whose type is tested itself.
func promoted(t reflect.Type, method string) bool {
	if t.Kind() != reflect.Struct {
		return false
	}
	for i := range t.NumField() {
		if f := t.Field(i); f.Anonymous {
			if _, ok := reflect.PointerTo(f.Type).MethodByName(method); ok {
				return true
			}
		}
	}
	return false
}

// nilable are the types of which users hold nil pointers: those that functions return beside an error, and what they may forget to make.
var nilable = func() map[reflect.Type]bool {
	set := map[reflect.Type]bool{reflect.TypeFor[*graph.Node](): true, reflect.TypeFor[*vm.Machine](): true, reflect.TypeFor[*graph.CSR](): true}
	for _, f := range functions {
		t := reflect.TypeOf(f.value)
		for i := range max(0, t.NumOut()-1) {
			if out := t.Out(i); out.Kind() == reflect.Pointer && t.Out(t.NumOut()-1) == reflect.TypeFor[error]() {
				set[out] = true
			}
		}
	}
	return set
}()

// Every exported function is called with nil, zero, foreign, invalid and huge arguments among good ones. What it returns is compiled,
// differentiated and drawn. Mistakes are errors that do not blame us, and nothing panics.
func TestMistakesOfFunctions(t *testing.T) {
	t.Chdir(t.TempDir())
	rounds, calls := 30, 0
	if testing.Short() {
		rounds = 10
	}
	for _, f := range functions {
		if unchecked[f.name] != "" {
			continue
		}
		calls += rounds
		attempt(t, f.name, rounds, func(w *world) []reflect.Value { return w.call(reflect.ValueOf(f.value), 0) })
	}
	t.Logf("%d functions, %d calls", len(functions), calls)
	if len(functions) < 300 || calls < 300*rounds {
		t.Errorf("%d functions, %d calls: the table has lost some", len(functions), calls)
	}
}

// The same for every method, of nil, zero and good receivers.
func TestMistakesOfMethods(t *testing.T) {
	t.Chdir(t.TempDir()) // some write files
	rounds, methods := 30, 0
	if testing.Short() {
		rounds = 10
	}
	for _, typ := range types {
		pointer := reflect.PointerTo(typ.value)
		if typ.value.Kind() == reflect.Interface {
			continue
		}
		for i := range pointer.NumMethod() {
			name := typ.name + "." + pointer.Method(i).Name
			if unchecked[name] != "" || promoted(typ.value, pointer.Method(i).Name) {
				continue
			}
			methods++
			attempt(t, name, rounds, func(w *world) []reflect.Value {
				receiver := w.value(pointer, 0)
				if receiver.IsNil() {
					_, byValue := typ.value.MethodByName(pointer.Method(i).Name)
					if byValue || !nilable[pointer] {
						receiver = reflect.New(typ.value)
					}
				}
				return w.call(receiver.Method(i), 0)
			})
		}
	}
	if methods < 150 {
		t.Errorf("%d methods: the table has lost some", methods)
	}
	t.Logf("%d methods", methods)
}
