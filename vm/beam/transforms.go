package beam

import (
	"context"
	"fmt"
	"reflect"
	"runtime"
	"sync"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/sdf"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/io/rtrackers/offsetrange"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"github.com/adjoint-go/adjoint/vm"
	"github.com/adjoint-go/adjoint/vm/shard"
)

func init() {
	register.DoFn4x1[context.Context, *sdf.LockRTracker, shards, func([]byte), error](&sumFn{})
	register.DoFn4x1[context.Context, *sdf.LockRTracker, shards, func(int64, []byte), error](&mapFn{})
	register.Combiner1[[]byte](&mergeFn{})
	register.Emitter1[[]byte]()
	register.Emitter2[int64, []byte]()
	beam.RegisterType(reflect.TypeFor[shards]())
}

// Init is Beam's: main calls it first, with flags parsed.
func Init() { beam.Init() }

// shards says how a source is cut.
type shards struct {
	Source string
	Ranges []shard.Range
}

// split has the restrictions of a source be numbers of shards, each of which a runner may give to another worker.
type split struct{}

// CreateInitialRestriction is all shards.
func (split) CreateInitialRestriction(s shards) offsetrange.Restriction {
	return offsetrange.Restriction{Start: 0, End: int64(len(s.Ranges))}
}

// SplitRestriction gives each shard alone.
func (split) SplitRestriction(_ shards, r offsetrange.Restriction) []offsetrange.Restriction {
	return r.SizedSplits(1)
}

// RestrictionSize is the number of rows.
func (split) RestrictionSize(s shards, r offsetrange.Restriction) float64 {
	return float64(s.Ranges[r.End-1].To - s.Ranges[r.Start].From)
}

// CreateTracker is for numbers.
func (split) CreateTracker(r offsetrange.Restriction) *sdf.LockRTracker {
	return sdf.NewLockRTracker(offsetrange.NewTracker(r))
}

// machines are the evaluators or mappers of one job and the sources it has read.
type machines[E any] struct {
	key  string
	free chan E // as many as may run at once; those not made yet are zero
	make func() (E, error)

	mutex   sync.Mutex
	sources map[string]shard.Source
}

// recent are the machines of the last job: an iteration of pipelines makes them once.
type recent[E any] struct {
	mutex sync.Mutex
	last  *machines[E]
}

func (r *recent[E]) of(key string, new func() (E, error)) *machines[E] {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.last == nil || r.last.key != key {
		n := runtime.GOMAXPROCS(0)
		r.last = &machines[E]{key: key, free: make(chan E, n), make: new, sources: map[string]shard.Source{}}
		for range n {
			var none E
			r.last.free <- none
		}
	}
	return r.last
}

func (m *machines[E]) open(name string) (shard.Source, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if s, ok := m.sources[name]; ok {
		return s, nil
	}
	s, err := shard.Open(name)
	if err == nil {
		m.sources[name] = s
	}
	return s, err
}

// tasks are shards of a bundle that run while the bundle's next ones are claimed: a runner may give all shards to one bundle, which then has all the machines. Of errors that of the first shard is kept.
type tasks struct {
	all   sync.WaitGroup
	mutex sync.Mutex
	err   error
	shard int64 // of err
}

// run calls f for a shard in a goroutine, with a machine that nobody else uses, as soon as there is one.
func run[E comparable](ctx context.Context, t *tasks, m *machines[E], shard int64, f func(E) error) error {
	if err := t.failed(); err != nil {
		return err
	}
	var e E
	select {
	case e = <-m.free:
	case <-ctx.Done():
		return ctx.Err()
	}
	t.all.Go(func() {
		defer func() { m.free <- e }()
		var none E
		var err error
		if e == none {
			e, err = m.make()
		}
		if err == nil {
			err = f(e)
		}
		t.mutex.Lock()
		defer t.mutex.Unlock()
		if err != nil && (t.err == nil || shard < t.shard) {
			t.err, t.shard = err, shard
		}
	})
	return nil
}

func (t *tasks) failed() error {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return t.err
}

// wait returns when all have returned.
func (t *tasks) wait() error {
	t.all.Wait()
	return t.err
}

var (
	evaluators recent[*shard.Evaluator]
	mappers    recent[*shard.Mapper]
)

// sumFn evaluates a job on shards, and gives one sum for all of a bundle.
type sumFn struct {
	split
	Job, Parameters []byte

	machines   *machines[*shard.Evaluator]
	parameters map[string]any
	tasks      *tasks
	sum        *shard.Partial
}

// Setup decodes the program and finds its machines.
func (f *sumFn) Setup() error {
	j, err := shard.DecodeJob(f.Job)
	if err != nil {
		return err
	}
	if f.parameters, err = shard.DecodeValues(f.Parameters); err != nil {
		return err
	}
	f.machines = evaluators.of(shard.Key(f.Job), func() (*shard.Evaluator, error) { return shard.NewEvaluator(j, vm.WithThreads(1)) })
	return nil
}

// StartBundle begins a sum.
func (f *sumFn) StartBundle(context.Context, func([]byte)) {
	f.tasks, f.sum = &tasks{}, &shard.Partial{}
}

// ProcessElement adds each shard that it claims.
func (f *sumFn) ProcessElement(ctx context.Context, rt *sdf.LockRTracker, s shards, _ func([]byte)) error {
	source, err := f.machines.open(s.Source)
	if err != nil {
		return err
	}
	tasks, sum := f.tasks, f.sum
	for i := rt.GetRestriction().(offsetrange.Restriction).Start; rt.TryClaim(i); i++ {
		err := run(ctx, tasks, f.machines, i, func(e *shard.Evaluator) error {
			if err := e.Set(f.parameters); err != nil {
				return err
			}
			p, err := e.Sum(ctx, source, s.Ranges[i])
			if err == nil {
				tasks.mutex.Lock()
				err = sum.Merge(p)
				tasks.mutex.Unlock()
			}
			if err != nil {
				return fmt.Errorf("%s: %w", s.Source, err)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// FinishBundle emits the sum.
func (f *sumFn) FinishBundle(_ context.Context, emit func([]byte)) error {
	if err := f.tasks.wait(); err != nil {
		return err
	}
	if f.sum.Rows() == 0 {
		return nil
	}
	b, err := f.sum.MarshalBinary()
	if err == nil {
		emit(b)
	}
	return err
}

// mergeFn adds sums.
type mergeFn struct{}

// MergeAccumulators adds two sums in their binary form; none is the empty one.
func (mergeFn) MergeAccumulators(a, b []byte) ([]byte, error) {
	sum := &shard.Partial{}
	for _, data := range [][]byte{a, b} {
		if len(data) == 0 {
			continue
		}
		p, err := shard.Decode(data)
		if err != nil {
			return nil, err
		}
		if err := sum.Merge(p); err != nil {
			return nil, err
		}
	}
	return sum.MarshalBinary()
}

// mapFn runs a job's program for rows.
type mapFn struct {
	split
	Job []byte

	machines *machines[*shard.Mapper]
	tasks    *tasks
	rows     *[]keyed // that are there and not emitted yet
}

// Setup decodes the program and finds its machines.
func (f *mapFn) Setup() error {
	j, err := shard.DecodeMapJob(f.Job)
	if err != nil {
		return err
	}
	f.machines = mappers.of(shard.Key(f.Job), func() (*shard.Mapper, error) { return shard.NewMapper(j, vm.WithThreads(1)) })
	return nil
}

// StartBundle begins anew.
func (f *mapFn) StartBundle(context.Context, func(int64, []byte)) {
	f.tasks, f.rows = &tasks{}, &[]keyed{}
}

// ProcessElement runs the rows of the shards that it claims.
func (f *mapFn) ProcessElement(ctx context.Context, rt *sdf.LockRTracker, s shards, emit func(int64, []byte)) error {
	source, err := f.machines.open(s.Source)
	if err != nil {
		return err
	}
	tasks, rows := f.tasks, f.rows
	for i := rt.GetRestriction().(offsetrange.Restriction).Start; rt.TryClaim(i); i++ {
		err := run(ctx, tasks, f.machines, i, func(m *shard.Mapper) error {
			for row := s.Ranges[i].From; row < s.Ranges[i].To; row++ {
				var b []byte
				out, err := m.Run(ctx, source, row)
				if err == nil {
					b, err = shard.EncodeOutputs(out)
				}
				if err != nil {
					return fmt.Errorf("%s: %w", s.Source, err)
				}
				tasks.mutex.Lock()
				*rows = append(*rows, keyed{int64(row), b})
				tasks.mutex.Unlock()
			}
			return nil
		})
		if err != nil {
			return err
		}
		f.emit(emit)
	}
	return nil
}

// emit emits what is there.
func (f *mapFn) emit(emit func(int64, []byte)) {
	f.tasks.mutex.Lock()
	rows := *f.rows
	*f.rows = nil
	f.tasks.mutex.Unlock()
	for _, r := range rows {
		emit(r.Row, r.Value)
	}
}

// FinishBundle emits what is left.
func (f *mapFn) FinishBundle(_ context.Context, emit func(int64, []byte)) error {
	err := f.tasks.wait()
	if err == nil {
		f.emit(emit)
	}
	return err
}

// ValueAndGrad returns a collection of one []byte: the sum of a job over all rows of a source, which shard.Decode reads. Parameters have the given values. An error is a mistake in the arguments; those of evaluation are the pipeline's.
func ValueAndGrad(s beam.Scope, j shard.Job, source string, parameters map[string]any, count int) (beam.PCollection, error) {
	block, err := j.Block()
	if err != nil {
		return beam.PCollection{}, err
	}
	in, err := cut(source, block, count)
	if err != nil {
		return beam.PCollection{}, err
	}
	job, err := j.MarshalBinary()
	if err != nil {
		return beam.PCollection{}, err
	}
	values, err := shard.EncodeValues(parameters)
	if err != nil {
		return beam.PCollection{}, err
	}
	s = s.Scope("adjoint.ValueAndGrad")
	parts := beam.ParDo(s, &sumFn{Job: job, Parameters: values}, beam.Create(s, in))
	return beam.Combine(s, &mergeFn{}, parts), nil
}

// MapPrograms returns a collection of KV<int64, []byte>: for each row of a source its number, and the outputs of the job's program, which shard.DecodeOutputs reads. An error is a mistake in the arguments; those of runs are the pipeline's.
func MapPrograms(s beam.Scope, j shard.MapJob, source string, count int) (beam.PCollection, error) {
	in, err := cut(source, 1, count)
	if err != nil {
		return beam.PCollection{}, err
	}
	job, err := j.MarshalBinary()
	if err != nil {
		return beam.PCollection{}, err
	}
	if _, err := shard.NewMapper(j); err != nil { // its mistakes
		return beam.PCollection{}, err
	}
	s = s.Scope("adjoint.MapPrograms")
	return beam.ParDo(s, &mapFn{Job: job}, beam.Create(s, in)), nil
}

// cut opens the source to know its rows.
func cut(source string, block, count int) (shards, error) {
	in, err := shard.Open(source)
	if err != nil {
		return shards{}, err
	}
	if count < 1 {
		return shards{}, fmt.Errorf("beam: %d shards", count)
	}
	ranges := shard.Split(in.Rows(), block, count)
	if len(ranges) == 0 {
		return shards{}, fmt.Errorf("beam: source %q has no rows", source)
	}
	return shards{source, ranges}, nil
}
