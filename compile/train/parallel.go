package train

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/graph/nn"
	"github.com/adjoint-go/adjoint/vm"
	"github.com/adjoint-go/adjoint/vm/shard"
)

// Names of the inputs through which sums over all ranks come into the step.
const (
	gradientOf = prefix + "gradient/"
	totalName  = prefix + "total"
	rowsName   = prefix + "rows"
)

// ParallelConfig says how to train on several ranks, processes that each have a part of every batch.
type ParallelConfig struct {
	// Config is that of a trainer. Metrics and Gradients are not available.
	Config
	// Rows are the inputs that hold examples along their first axis, the block, and Weight an input for blocks that are not full: see shard.Job.
	Rows   []string
	Weight string
	// Reduce adds the sums of all ranks for a step, and returns the total to each: AllReduce of a group of vm/nats, say. nil is for a single rank.
	Reduce func(ctx context.Context, step int64, p *shard.Partial) (*shard.Partial, error)
}

// Parallel trains one model on several ranks. Each has a trainer of its own, and after each step the same parameters, bit for bit; so they need not be sent. They are also those of one rank that has all examples, or of any other number of ranks, as long
// as blocks are the same: sums over blocks are exact (package vm/shard).
//
// A step is two programs, loss and gradients, and what the optimiser does with their mean over the examples of all ranks; between the two stands Reduce.
type Parallel struct {
	*Trainer
	evaluator  *shard.Evaluator
	reduce     func(ctx context.Context, step int64, p *shard.Partial) (*shard.Partial, error)
	parameters []string
	inputs     []string // of the gradients: the parameters, other inputs of the scope, and the step
}

// NewParallel returns a trainer that lowers the mean of a loss, given as a scalar that is its sum over the rows of a block. All ranks give the same model, configuration and seed. Models that update states of their own (nn.BatchNorm) are an error: each rank would
// have others.
func NewParallel(s *nn.Scope, loss *graph.Node, c ParallelConfig) (*Parallel, error) {
	g := s.Graph()
	parameters := s.Parameters()
	switch {
	case g.Err() != nil:
		return nil, g.Err()
	case !loss.Valid() || loss.Graph() != g:
		return nil, errors.New("train: the loss is not a node of the scope's graph")
	case len(c.Metrics) > 0 || c.Gradients != nil:
		return nil, errors.New("train: ranks have neither metrics nor gradients of their own")
	}
	for _, p := range s.All() {
		if s.Updated(p.Node) != p.Node {
			return nil, fmt.Errorf("train: the model updates its state %q, which ranks do not add", p.Node.Name())
		}
	}
	d, err := compile.Gradient(loss, parameters...)
	if err != nil {
		return nil, err
	}
	options := c.Compile
	options.Names, options.Updates = nil, nil
	program, err := options.Compile(append(nodes{loss}, d...)...)
	if err != nil {
		return nil, err
	}
	t := &Parallel{reduce: c.Reduce}
	for _, p := range parameters {
		t.parameters = append(t.parameters, p.Name())
	}
	for _, in := range program.Inputs() {
		if in.Used && !slices.Contains(c.Rows, in.Name) && in.Name != c.Weight {
			t.inputs = append(t.inputs, in.Name)
		}
	}
	if t.evaluator, err = shard.NewEvaluator(shard.Job{Program: program, Rows: c.Rows, Weight: c.Weight}, c.Machine...); err != nil {
		return nil, err
	}
	rows := graph.Cast(g.Input(rowsName, graph.Float64), loss.DType())
	for _, p := range parameters {
		c.Gradients = append(c.Gradients, graph.Div(g.Input(gradientOf+p.Name(), p.DType(), p.Shape()...), graph.Cast(rows, p.DType())))
	}
	mean := graph.Div(g.Input(totalName, loss.DType()), rows)
	if t.Trainer, err = New(s, mean, c.Config); err != nil {
		return nil, err
	}
	for _, name := range t.inputs {
		if !slices.Contains(t.state, name) {
			return nil, fmt.Errorf("train: input %q is neither rows nor a parameter of the model", name)
		}
	}
	return t, nil
}

// Step does a step of training: this rank's examples are the given rows of the source, at least one, which no other rank has in this step. It returns the mean loss over the examples of all ranks, before the step. After an error of a run the trainer is in no defined state; after one of Reduce it is as before.
func (t *Parallel) Step(ctx context.Context, source shard.Source, rows shard.Range) (loss float64, err error) {
	if t == nil || t.evaluator == nil {
		return 0, errNoTrainer
	}
	set := map[string]any{}
	for _, name := range t.inputs {
		if set[name], err = t.machine.View(name); err != nil {
			panic(fmt.Sprintf("BUG: %v", err)) // NewParallel has seen it
		}
	}
	if err := t.evaluator.Set(set); err != nil {
		return 0, err
	}
	p, err := t.evaluator.Sum(ctx, source, rows)
	if err != nil {
		return 0, err
	}
	if t.reduce != nil {
		if p, err = t.reduce(ctx, t.Steps(), p); err != nil {
			return 0, err
		}
	}
	v, err := p.Values()
	if err != nil {
		return 0, err
	}
	sums := Values{totalName: v[0], rowsName: vm.Array{Data: []float64{float64(p.Rows())}}}
	for i, name := range t.parameters {
		sums[gradientOf+name] = v[1+i]
	}
	if err := sums.Fill(t.machine); err != nil {
		return 0, err
	}
	return t.Trainer.Step()
}
