package shard

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/adjoint-go/adjoint/vm"
)

// Options say how a Pool works. None of them changes a result.
type Options struct {
	// Shards is the number of shards; 0 is four for each worker.
	Shards int
	// Workers is the number of goroutines, each with a machine of its own; 0 is GOMAXPROCS.
	Workers int
	// Machine are options of the machines, whose programs run on one thread each unless these say otherwise.
	Machine []vm.Option
}

// Pool sums a job over all rows of a source, as often as one likes, on goroutines of this process. It is for one goroutine at a time.
type Pool struct {
	source Source
	ranges []Range
	free   []*Evaluator
}

// NewPool makes the machines.
func NewPool(j Job, s Source, o Options) (*Pool, error) {
	if s == nil || o.Shards < 0 || o.Workers < 0 {
		return nil, fmt.Errorf("shard: a source is needed, and no fewer than 0 shards and workers: %d, %d", o.Shards, o.Workers)
	}
	block, err := j.Block()
	if err != nil {
		return nil, err
	}
	if o.Workers == 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.Shards == 0 {
		o.Shards = 4 * o.Workers
	}
	p := &Pool{source: s, ranges: Split(s.Rows(), block, o.Shards)}
	if len(p.ranges) == 0 {
		return nil, errors.New("shard: the source has no rows")
	}
	for range min(o.Workers, len(p.ranges)) {
		e, err := NewEvaluator(j, append([]vm.Option{vm.WithThreads(1)}, o.Machine...)...)
		if err != nil {
			return nil, err
		}
		p.free = append(p.free, e)
	}
	return p, nil
}

// Sum returns the sum over all rows, with the given values for parameters; those that are not given keep theirs. The first error, in the order of rows, ends it.
func (p *Pool) Sum(ctx context.Context, parameters map[string]any) (*Partial, error) {
	if p == nil || p.source == nil {
		return nil, errNotMade
	}
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	next := make(chan int, len(p.ranges))
	for i := range p.ranges {
		next <- i
	}
	close(next)
	errs := make([]error, len(p.ranges))
	total := &Partial{}
	var adding sync.Mutex
	var all sync.WaitGroup
	for _, e := range p.free {
		if err := e.Set(parameters); err != nil {
			return nil, err
		}
	}
	for _, e := range p.free {
		all.Go(func() {
			for i := range next {
				part, err := e.Sum(ctx, p.source, p.ranges[i])
				if err == nil {
					adding.Lock()
					err = total.Merge(part)
					adding.Unlock()
				}
				if errs[i] = err; err != nil {
					cancel()
					return
				}
			}
		})
	}
	all.Wait()
	var first error
	for _, err := range errs {
		if err != nil && (first == nil || errors.Is(first, context.Canceled)) {
			first = err
		}
	}
	if first != nil {
		return nil, first
	}
	return total, total.Complete(p.source.Rows())
}

// ValueAndGradient returns a function for optimize.Minimize: of sums whose first value is the cost and whose others are its gradient, by the parameters in their order. Sum is that of a Pool, or of one on other machines.
func ValueAndGradient(sum func(ctx context.Context, parameters map[string]any) (*Partial, error), parameters ...string) func(ctx context.Context, x map[string][]float64) (float64, map[string][]float64, error) {
	return func(ctx context.Context, x map[string][]float64) (float64, map[string][]float64, error) {
		v, err := valuesAt(ctx, sum, x)
		if err != nil {
			return 0, nil, err
		}
		if len(v) != 1+len(parameters) || v[0].Type().Size() != 1 {
			return 0, nil, fmt.Errorf("shard: the program has %d outputs: needs a cost and %d derivatives", len(v), len(parameters))
		}
		gradient := map[string][]float64{}
		for i, name := range parameters {
			gradient[name] = v[1+i].Float64s()
		}
		return v[0].Item(), gradient, nil
	}
}

// GramMatrix returns a function for optimize.MinimizeSquares: of sums whose first value is what optimize.GramMatrix makes of residuals. Sum is as in ValueAndGradient.
func GramMatrix(sum func(ctx context.Context, parameters map[string]any) (*Partial, error)) func(ctx context.Context, x map[string][]float64) ([]float64, error) {
	return func(ctx context.Context, x map[string][]float64) ([]float64, error) {
		v, err := valuesAt(ctx, sum, x)
		if err != nil {
			return nil, err
		}
		if len(v) == 0 || len(v[0].Shape) != 2 {
			return nil, errors.New("shard: the program's first output is no matrix")
		}
		return v[0].Float64s(), nil
	}
}

// valuesAt returns the values of a sum.
func valuesAt(ctx context.Context, sum func(ctx context.Context, parameters map[string]any) (*Partial, error), x map[string][]float64) ([]vm.Array, error) {
	set := map[string]any{}
	for name, v := range x {
		set[name] = v
	}
	s, err := sum(ctx, set)
	if err != nil {
		return nil, err
	}
	return s.Values()
}
