package train

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"sync"
)

// Batch are values for inputs, by name: slices of the inputs' dtypes in row-major order.
type Batch map[string]any

// Event is what callbacks see: after each step, and once more after each epoch.
type Event struct {
	Trainer *Trainer
	Epoch   int     // from 0
	Step    int     // of the epoch, from 0; in an event of an epoch the number of its steps
	Loss    float64 // before the step; in an event of an epoch the mean over its steps
	End     bool    // of the epoch
}

// ErrStop is what a callback returns to end Fit without an error.
var ErrStop = errors.New("train: stopped by a callback")

// Fit trains on the batches of each epoch, and calls the callbacks in their order. It ends between two steps, with the context's error, when that is cancelled, so that the trainer's state is that of a whole number of steps. A
// loss that is not finite is an error.
func (t *Trainer) Fit(ctx context.Context, epochs int, batches func(ctx context.Context, epoch int) iter.Seq2[Batch, error], callbacks ...func(*Event) error) error {
	if err := t.check(); err != nil {
		return err
	}
	if ctx == nil || batches == nil {
		return errors.New("train: Fit needs a context and batches")
	}
	call := func(e *Event) error {
		for _, f := range callbacks {
			if f == nil {
				continue
			}
			if err := f(e); err != nil {
				return err
			}
		}
		return nil
	}
	for epoch := range epochs {
		e := Event{Trainer: t, Epoch: epoch}
		sum := 0.0
		all := batches(ctx, epoch)
		if all == nil {
			return fmt.Errorf("train: there are no batches of epoch %d: nil", epoch)
		}
		for b, err := range all {
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				return err
			}
			for name, v := range b {
				if err := t.Set(name, v); err != nil {
					return err
				}
			}
			if e.Loss, err = t.Step(); err != nil {
				return err
			}
			if math.IsNaN(e.Loss) || math.IsInf(e.Loss, 0) {
				return fmt.Errorf("train: the loss is %v in step %d of epoch %d", e.Loss, e.Step, epoch)
			}
			sum += e.Loss
			if err := call(&e); err != nil {
				return stopped(err)
			}
			e.Step++
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		e.End, e.Loss = true, sum/float64(max(e.Step, 1))
		if err := call(&e); err != nil {
			return stopped(err)
		}
	}
	return nil
}

func stopped(err error) error {
	if errors.Is(err, ErrStop) {
		return nil
	}
	return err
}

// Loader makes batches of examples on other goroutines, ahead of their use. Their order and contents depend on the seed alone, not on the number of workers.
type Loader struct {
	// Examples is their number, Batch that of a batch. What is left at the end of an epoch is dropped.
	Examples, Batch int
	// Seed is that of the order, another one in each epoch, and of Load's random numbers.
	Seed int64
	// InOrder leaves the examples in their order.
	InOrder bool
	// Workers is the number of batches that are made at once, 0 is 2; Ahead that of batches that are ready or in the making, 0 is twice the workers.
	Workers, Ahead int
	// Load makes the batch of the examples of the given indices. r is the batch's own.
	Load func(indices []int, r *rand.Rand) (Batch, error)
}

// maxExamples bounds the examples of a loader, whose order is kept.
const maxExamples = 1 << 30

// Steps returns the number of batches of an epoch.
func (l *Loader) Steps() int { return l.Examples / max(l.Batch, 1) }

// Epoch returns the batches of an epoch. It ends when the context is cancelled, and with the first error.
func (l *Loader) Epoch(ctx context.Context, epoch int) iter.Seq2[Batch, error] {
	type result struct {
		b   Batch
		err error
	}
	return func(yield func(Batch, error) bool) {
		if l.Load == nil || l.Batch < 1 || l.Examples < l.Batch || l.Examples > maxExamples || l.Workers < 0 || l.Ahead < 0 {
			yield(nil, fmt.Errorf("train: a loader of %d examples in batches of %d by %d workers, %d ahead", l.Examples, l.Batch, l.Workers, l.Ahead))
			return
		}
		workers := l.Workers
		if workers == 0 {
			workers = 2
		}
		ahead := l.Ahead
		if ahead == 0 {
			ahead = 2 * workers
		}
		const orders = 1 << 63 // the stream of orders; batches have those from 0 on
		order := make([]int, l.Examples)
		for i := range order {
			order[i] = i
		}
		if !l.InOrder {
			rand.New(rand.NewPCG(uint64(l.Seed), orders+uint64(epoch))).Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		}
		ctx, cancel := context.WithCancel(ctx)
		var running sync.WaitGroup
		defer running.Wait()
		defer cancel()
		results := make(chan chan result, ahead)
		free := make(chan struct{}, workers)
		running.Go(func() {
			defer close(results)
			for k := range l.Steps() {
				out := make(chan result, 1)
				select {
				case results <- out:
				case <-ctx.Done():
					return
				}
				select {
				case free <- struct{}{}:
				case <-ctx.Done():
					return
				}
				running.Go(func() {
					r := rand.New(rand.NewPCG(uint64(l.Seed), uint64(epoch)<<32+uint64(k)))
					b, err := l.Load(order[k*l.Batch:(k+1)*l.Batch:(k+1)*l.Batch], r)
					out <- result{b, err}
					<-free
				})
			}
		})
		for out := range results {
			select {
			case r := <-out:
				if !yield(r.b, r.err) || r.err != nil {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}
}
