// Package train trains models of package nn: a loss becomes a program that computes gradients and updates parameters, states of the optimiser and averages where they lie, in one step.
//
//	g := graph.New()
//	s := nn.New(g, graph.Float32)
//	x, y := g.Input("x", graph.Float32, 64, 784), g.Input("y", graph.Int64, 64)
//	loss := nn.Classification(model(s.Training(train.Key(g, 1)), x), y, 0)
//	t, err := train.New(s, loss, train.Config{Optimizer: train.AdamW{}, Rate: train.Cosine(1e-3, 0, 100, 5000)})
//	…
//	err = t.Fit(ctx, 10, loader.Epoch)          // or t.Set and t.Step, batch by batch
//	err = t.Values().Save("model.npz")
//
// Values do not depend on the number of threads, and training that is saved and resumed goes on with the same bits.
package train

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/graph/nn"
	"github.com/adjoint-go/adjoint/vm"
)

type (
	node  = graph.Node
	nodes = []*graph.Node
)

// Names of what a trainer adds to the graph: inputs begin with prefix.
const (
	prefix    = "train/"
	stepName  = prefix + "step"
	lossName  = prefix + "loss"
	rateName  = prefix + "rate"
	normName  = prefix + "gradient_norm"
	averaged  = prefix + "average/"
	scaleName = prefix + "loss_scale"
	goodName  = prefix + "good_steps"
	skipName  = prefix + "skipped_steps"
	metricsOf = prefix + "metric/"
)

// Config says how to train. The zero value is Adam with a rate of 0.001.
type Config struct {
	// Optimizer computes new parameters from gradients; nil is Adam.
	Optimizer Optimizer
	// Rate is the learning rate by step; nil is Constant(0.001).
	Rate Schedule
	// ClipValue bounds each element of the gradients, ClipNorm then the Euclidean norm of all of them: they are multiplied by ClipNorm/(norm + 1e-6) where that is less than 1. 0 does not bound.
	ClipNorm, ClipValue float64
	// Average keeps averages of the parameters, which Trainer.Averages returns; nil does not.
	Average Average
	// LossScale multiplies the loss that is differentiated, and leaves out steps whose gradients are not finite; nil does neither.
	LossScale *LossScale
	// Seed is that of the initial values.
	Seed int64
	// Metrics are scalars that each step computes beside the loss, by name: see Trainer.Metric.
	Metrics map[string]*graph.Node
	// Gradients are those of the loss by s.Parameters(), if they are there already (see Accumulate); nil has them computed.
	Gradients []*graph.Node
	// Compile are options of the compiler; its Names and Updates are the trainer's.
	Compile compile.Config
	// Machine are options of the machine.
	Machine []vm.Option
}

// Trainer is a machine whose runs are steps of training. It is for one goroutine at a time.
type Trainer struct {
	machine *vm.Machine
	program *vm.Program
	model   []string // inputs: parameters and states of the model
	state   []string // inputs: all that training changes
	average []string // inputs: parameters that have an average
	metrics []string
	clips   bool
	scales  bool
}

// Key returns a key for nn.Scope.Training: of the seed, and another one in each step.
func Key(g *graph.Graph, seed int64) *graph.Node {
	return graph.RandomFoldIn(graph.RandomKey(g, seed), stepOf(g))
}

// stepOf is the input that counts the steps done.
func stepOf(g *graph.Graph) *node {
	if n := g.Lookup(stepName); n != nil {
		return n
	}
	return g.Input(stepName, graph.Int64)
}

// New returns a trainer that lowers a scalar loss by the parameters of s, which have their initial values.
func New(s *nn.Scope, loss *graph.Node, c Config) (*Trainer, error) {
	if err := c.complete(s, loss); err != nil {
		return nil, err
	}
	b := &step{g: s.Graph(), c: &c, t: &Trainer{clips: c.ClipNorm > 0}, start: Values{}}
	b.output(lossName, loss)
	gradients, err := b.gradients(loss, s.Parameters())
	if err != nil {
		return nil, err
	}
	if err := b.optimize(s.Parameters(), gradients); err != nil {
		return nil, err
	}
	for _, p := range s.All() {
		b.t.model = append(b.t.model, p.Node.Name())
		if v := s.Updated(p.Node); v != p.Node {
			b.update(p.Node, v)
		}
	}
	b.t.metrics = slices.Sorted(maps.Keys(c.Metrics))
	for _, name := range b.t.metrics {
		b.output(metricsOf+name, c.Metrics[name])
	}
	return b.trainer(s)
}

// complete fills in what a configuration leaves out, and reports what is wrong with it.
func (c *Config) complete(s *nn.Scope, loss *node) error {
	g, parameters := s.Graph(), s.Parameters()
	switch {
	case g.Err() != nil:
		return g.Err()
	case loss == nil || !loss.Valid() || loss.Graph() != g:
		return errors.New("train: the loss is not a node of the scope's graph")
	case len(parameters) == 0:
		return errors.New("train: there are no parameters")
	case !(c.ClipNorm >= 0) || !(c.ClipValue >= 0):
		return fmt.Errorf("train: gradients clipped to the norm %v and the value %v", c.ClipNorm, c.ClipValue)
	case c.Gradients != nil && len(c.Gradients) != len(parameters):
		return fmt.Errorf("train: %d gradients for %d parameters", len(c.Gradients), len(parameters))
	}
	for _, name := range slices.Sorted(maps.Keys(c.Metrics)) {
		if n := c.Metrics[name]; n == nil || !n.Type().IsScalar() || !n.DType().IsFloat() {
			return fmt.Errorf("train: the metric %q is not a scalar of floats", name)
		}
	}
	if c.Optimizer == nil {
		c.Optimizer = Adam{}
	}
	if c.Rate == nil {
		c.Rate = Constant(1e-3)
	}
	c.Compile.Names, c.Compile.Updates = nil, nil
	return nil
}

// step is what a step of training computes.
type step struct {
	g       *graph.Graph
	c       *Config // whose options of the compiler name outputs and updates
	t       *Trainer
	scaling *lossScaling
	outputs nodes
	start   Values // of what is not the model's
}

func (b *step) output(name string, n *node) {
	b.outputs, b.c.Compile.Names = append(b.outputs, n), append(b.c.Compile.Names, name)
}

// update gives an input another value in each step.
func (b *step) update(in, value *node) {
	b.c.Compile.Updates = append(b.c.Compile.Updates, compile.Update{Input: in, Value: value})
	b.t.state = append(b.t.state, in.Name())
}

// gradients returns those by which parameters change: without the scale of the loss, and clipped.
func (b *step) gradients(loss *node, parameters nodes) (gradients nodes, err error) {
	if b.scaling, err = b.c.LossScale.scaling(b.g, loss, b.c.Gradients != nil); err != nil {
		return nil, err
	}
	b.t.scales = b.scaling != nil
	if gradients = b.c.Gradients; gradients == nil {
		if gradients, err = compile.Gradient(b.scaling.differentiated(loss), parameters...); err != nil {
			return nil, err
		}
		gradients = b.scaling.unscaled(gradients)
	}
	gradients = clipped(gradients, *b.c)
	if b.t.clips {
		norm := normOf(gradients)
		b.output(normName, norm)
		gradients = scaled(gradients, norm, b.c.ClipNorm)
	}
	return gradients, nil
}

// optimize updates the parameters, the optimiser's states, averages, and the number of the step.
func (b *step) optimize(parameters, gradients nodes) error {
	number := stepOf(b.g)
	b.start[stepName] = vm.Array{Data: []int64{0}}
	b.update(number, graph.Add(number, graph.Like(number, 1)))
	before := graph.Cast(number, graph.Float64)
	if b.scaling != nil {
		before = graph.Sub(before, graph.Cast(b.scaling.skipped, graph.Float64))
		b.scaling.update(b.start, b.update)
	}
	count := graph.Add(before, graph.Like(before, 1))
	rate := b.c.Rate(before)
	b.output(rateName, rate)
	for i, p := range parameters {
		u := Update{Parameter: p, Gradient: gradients[i], Rate: rate, Count: count}
		for _, v := range b.c.Optimizer.States() {
			in := b.g.Input(prefix+v.Name+"/"+p.Name(), p.DType(), p.Shape()...)
			b.start[in.Name()] = filled(in, v.Start)
			u.States = append(u.States, in)
		}
		value, states := b.c.Optimizer.Update(u)
		if len(states) != len(u.States) {
			return fmt.Errorf("train: the optimiser gives %d states of %d", len(states), len(u.States))
		}
		b.update(p, b.scaling.kept(value, p))
		for k, v := range states {
			b.update(u.States[k], b.scaling.kept(v, u.States[k]))
		}
		if b.c.Average != nil {
			in := b.g.Input(averaged+p.Name(), p.DType(), p.Shape()...)
			b.update(in, b.scaling.kept(b.c.Average(in, value, count), in))
			b.t.average = append(b.t.average, p.Name())
		}
	}
	return nil
}

// trainer compiles the step, and gives everything that training changes its first value.
func (b *step) trainer(s *nn.Scope) (t *Trainer, err error) {
	t = b.t
	if t.program, err = b.c.Compile.Compile(b.outputs...); err != nil {
		return nil, err
	}
	initial, err := Initial(s, b.c.Seed)
	if err != nil {
		return nil, err
	}
	for _, name := range t.average {
		b.start[averaged+name] = initial[name]
	}
	t.machine = vm.NewMachine(t.program, b.c.Machine...)
	for _, values := range []Values{b.start, initial} {
		if err := values.Fill(t.machine); err != nil {
			return nil, err
		}
	}
	for _, name := range t.model {
		if !slices.Contains(t.state, name) { // states that nothing changes
			t.state = append(t.state, name)
		}
	}
	return t, nil
}

// clipped are the gradients with bounded elements.
func clipped(gradients nodes, c Config) nodes {
	if c.ClipValue == 0 {
		return gradients
	}
	out := make(nodes, len(gradients))
	for i, d := range gradients {
		out[i] = graph.Clip(d, graph.Like(d, -c.ClipValue), graph.Like(d, c.ClipValue))
	}
	return out
}

// normOf is the Euclidean norm of all gradients, also where their squares overflow.
func normOf(gradients nodes) *node {
	var norms nodes
	for _, d := range gradients {
		norms = append(norms, graph.ReduceL2(d, nil))
	}
	return graph.ReduceL2(graph.Stack(0, norms...), nil)
}

func scaled(gradients nodes, norm *node, most float64) nodes {
	factor := graph.Min(graph.Div(graph.Like(norm, most), graph.Add(norm, graph.Like(norm, 1e-6))), graph.Like(norm, 1))
	out := make(nodes, len(gradients))
	for i, d := range gradients {
		out[i] = graph.Mul(d, factor)
	}
	return out
}

// Initial returns the initial values of the scope's parameters and states, drawn from the seed.
func Initial(s *nn.Scope, seed int64) (Values, error) {
	g := graph.New()
	var outputs nodes
	var names []string
	for _, p := range s.All() {
		v := p.Init(p.Key(g, seed), p.Node.DType(), p.Node.Shape())
		if v.Valid() && !v.Type().Equal(p.Node.Type()) {
			return nil, fmt.Errorf("train: the initial values of %v are %v: need %v", p.Node, v.Type(), p.Node.Type())
		}
		outputs, names = append(outputs, v), append(names, p.Node.Name())
	}
	if outputs == nil {
		return Values{}, nil
	}
	p, err := compile.Config{Names: names}.Compile(outputs...)
	if err != nil {
		return nil, err
	}
	m := vm.NewMachine(p)
	if err := m.Step(); err != nil {
		return nil, err
	}
	return read(m, names), nil
}

// Accumulate returns the mean of a loss over n equal parts of the batch, nodes with the examples along their first axis, and its gradients by s.Parameters() for Config.Gradients: a loop that goes through the parts, and keeps what one part takes.
// loss builds the loss of a part, by nodes alone; it is called more than once. States of the scope (nn.BatchNorm in training) are updated by each part in turn, as if it were a batch, and each part draws random numbers of its own (nn.Dropout).
func Accumulate(s *nn.Scope, n int, batch []*graph.Node, loss func(batch []*graph.Node) *graph.Node) (mean *graph.Node, gradients []*graph.Node, err error) {
	var xs, first nodes
	for _, x := range batch {
		if !x.Valid() {
			return nil, nil, fmt.Errorf("train: %w", s.Graph().Err())
		}
		if n < 1 || x.Shape().Rank() == 0 || x.Shape()[0]%n != 0 {
			return nil, nil, fmt.Errorf("train: %v in %d parts", x.Type(), n)
		}
		parts := graph.Reshape(x, append([]int{n, x.Shape()[0] / n}, x.Shape()[1:]...)...)
		xs, first = append(xs, parts), append(first, graph.Index(parts, 0))
	}
	if len(batch) == 0 {
		return nil, nil, errors.New("train: there is no batch")
	}
	one := loss(first) // which makes the parameters
	if !one.Valid() {
		return nil, nil, s.Graph().Err()
	}
	parameters, states := s.Parameters(), s.States()
	init := nodes{graph.Like(one, 0)}
	for _, p := range parameters {
		init = append(init, graph.BroadcastTo(graph.Like(p, 0), p.Shape()...))
	}
	sums := len(init)
	part := graph.Iota(s.Graph(), graph.Int64, 0, n)
	final, _ := graph.Scan(n, append(init, states...), append(xs, part), func(c, x []*graph.Node) (next, ys []*graph.Node) {
		var l *node
		after := s.Carry(x[len(batch)], c[sums:], func() { l = loss(x[:len(batch):len(batch)]) })
		d, bad := compile.Gradient(l, parameters...)
		if bad != nil {
			err = bad
			return c, nil
		}
		next = nodes{graph.Add(c[0], l)}
		for i := range d {
			next = append(next, graph.Add(c[1+i], d[i]))
		}
		return append(next, after...), nil
	})
	if err == nil {
		err = s.Graph().Err()
	}
	if err != nil {
		return nil, nil, err
	}
	for i, v := range states {
		if s.Updated(v) != v { // as the loss of the first part said
			s.Update(v, final[sums+i])
		}
	}
	final = final[:sums:sums]
	for i, v := range final {
		final[i] = graph.Mul(v, graph.Like(v, 1/float64(n)))
	}
	return final[0], final[1:], nil
}

// errNoTrainer is the mistake of using what New did not make.
var errNoTrainer = errors.New("train: there is no trainer: New was not called, or returned an error")

// check returns an error if the trainer is none.
func (t *Trainer) check() error {
	if t == nil || t.machine == nil {
		return errNoTrainer
	}
	return nil
}

// Machine returns the machine, whose inputs, the batch, can be set by their views.
func (t *Trainer) Machine() *vm.Machine {
	if t == nil {
		return nil
	}
	return t.machine
}

// Set copies values, a slice of the input's dtype in row-major order, to an input.
func (t *Trainer) Set(name string, values any) error {
	if err := t.check(); err != nil {
		return err
	}
	return Values{name: vm.Array{Data: values}}.fill(t.machine, true)
}

// Step does a step of training on what the inputs hold, and returns the loss before it. An error of the run leaves the trainer in no defined state: Restore one that was saved.
func (t *Trainer) Step() (loss float64, err error) {
	if err := t.check(); err != nil {
		return 0, err
	}
	if err := t.machine.Step(); err != nil {
		return 0, err
	}
	return t.Loss(), nil
}

// scalar reads an output; NaN if there is no trainer.
func (t *Trainer) scalar(name string) float64 {
	if t.check() != nil {
		return math.NaN()
	}
	a, err := t.machine.View(name)
	if err != nil {
		panic(fmt.Sprintf("BUG: %v", err)) // the name is the program's own
	}
	return a.Item()
}

// Loss returns the loss before the last step.
func (t *Trainer) Loss() float64 { return t.scalar(lossName) }

// Rate returns the learning rate of the last step.
func (t *Trainer) Rate() float64 { return t.scalar(rateName) }

// GradientNorm returns the norm of the gradients of the last step before they were clipped, 0 without Config.ClipNorm.
func (t *Trainer) GradientNorm() float64 {
	if t.check() != nil || !t.clips {
		return 0
	}
	return t.scalar(normName)
}

// Metric returns a metric of the last step, and false if there is none of the name.
func (t *Trainer) Metric(name string) (float64, bool) {
	if t.check() != nil || !slices.Contains(t.metrics, name) {
		return 0, false
	}
	return t.scalar(metricsOf + name), true
}

// Steps returns the number of steps done.
func (t *Trainer) Steps() int64 {
	if t.check() != nil {
		return 0
	}
	return t.machine.Int64(stepName)[0]
}

// Values returns a copy of the model's parameters and states, by name.
func (t *Trainer) Values() Values {
	if t.check() != nil {
		return nil
	}
	return read(t.machine, t.model)
}

// Averages returns Values with the parameters replaced by their averages; it is Values without Config.Average.
func (t *Trainer) Averages() Values {
	v := t.Values()
	if v == nil {
		return nil
	}
	for _, name := range t.average {
		v[name] = read(t.machine, []string{averaged + name})[averaged+name]
	}
	return v
}

// State returns a copy of all that the next steps depend on: the model, the optimiser, averages, and the number of steps.
func (t *Trainer) State() Values {
	if t.check() != nil {
		return nil
	}
	return read(t.machine, t.state)
}

// Restore goes back to a State of a trainer of the same model and optimiser.
func (t *Trainer) Restore(state Values) error {
	if err := t.check(); err != nil {
		return err
	}
	for _, name := range t.state {
		if _, ok := state[name]; !ok {
			return fmt.Errorf("train: the state has no %q", name)
		}
	}
	return state.Fill(t.machine)
}
