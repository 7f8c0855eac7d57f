// Package pool runs the items of a task on a fixed set of persistent helper goroutines and the caller.
//
// Who runs which item is left to chance, so results must not depend on it: tasks cut their work by shapes alone
// and combine partial results in the order of the items.
package pool

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
)

// Task is work that is cut into items.
type Task interface {
	// Do runs one item. worker is below the number of workers that Run was given, and no two goroutines of the run have the
	// same, so it can choose scratch memory.
	Do(worker, item int)
}

// Job is the state of one Run. It is reused from run to run, so that running allocates nothing.
type Job struct {
	task    Task
	items   int64
	next    atomic.Int64
	pending atomic.Int32 // participants that have not finished
	// state is how the last helper, whose last access to the job it is, tells the caller: running → finished
	// while the caller spins; sleeping → finished, with a signal on done, if it sleeps.
	state   atomic.Int32
	done    chan struct{}
	failure atomic.Pointer[string]
}

// helper is a persistent goroutine. state goes from idle to busy by the one who hires it.
type helper struct {
	state atomic.Int32
	job   atomic.Pointer[Job]
	wake  chan struct{}
	// worker is its number in the job, which is another one in the next: set before job.
	worker int
}

const (
	idle int32 = iota
	busy
)

const (
	running int32 = iota
	sleeping
	finished
)

// What a helper does when it has no job: it spins for about 50 µs, in which it takes over a job within 100 ns,
// then it sleeps, from which it wakes within 5 to 100 µs.
const spins = 1 << 14

var (
	growing sync.Mutex
	helpers atomic.Pointer[[]*helper] // grows; what it points to does not change
)

// Workers is the number of goroutines over which work is worth spreading, the caller's included: the processors that
// Go may use now.
func Workers() int { return runtime.GOMAXPROCS(0) }

// atLeast returns the helpers, after starting more if there are fewer than n.
func atLeast(n int) []*helper {
	if list := helpers.Load(); list != nil && len(*list) >= n {
		return *list
	}
	growing.Lock()
	defer growing.Unlock()
	var list []*helper
	if old := helpers.Load(); old != nil {
		list = append(list, *old...)
	}
	for len(list) < n {
		h := &helper{wake: make(chan struct{}, 1)}
		list = append(list, h)
		go h.loop()
	}
	helpers.Store(&list)
	return list
}

func (h *helper) loop() {
	for {
		j := h.job.Load()
		for n := 0; j == nil && n < spins; n++ {
			j = h.job.Load()
			if n&255 == 255 {
				runtime.Gosched()
			}
		}
		if j == nil {
			<-h.wake
			continue
		}
		h.job.Store(nil)
		j.work(h.worker)
		// The helper is free before the caller can know that the job is done.
		h.state.Store(idle)
		if j.pending.Add(-1) == 0 && j.state.Swap(finished) == sleeping {
			j.done <- struct{}{}
		}
	}
}

// Prepare makes what runs with up to workers goroutines need, so that they allocate nothing.
func (j *Job) Prepare(workers int) {
	if j.done == nil {
		j.done = make(chan struct{}, 1)
	}
	atLeast(workers - 1)
}

// Run does all items of the task on up to workers goroutines, the caller being one, and returns when all
// are done. The pool keeps as many helpers as the largest number of workers of any run needs. A panic of Do is returned as an error; the items that were not begun are then left out.
func (j *Job) Run(task Task, items, workers int) error {
	if items <= 1 || workers <= 1 {
		j.task, j.items = task, int64(items)
		j.next.Store(0)
		j.failure.Store(nil)
		j.work(0)
		return j.err()
	}
	j.Prepare(workers)
	j.task, j.items = task, int64(items)
	j.next.Store(0)
	j.failure.Store(nil)
	j.state.Store(running)
	j.pending.Store(1)
	hired := 0
	most := min(workers, items) - 1
	for _, h := range atLeast(most) {
		if hired == most {
			break
		}
		if h.state.CompareAndSwap(idle, busy) {
			j.pending.Add(1)
			h.worker = hired + 1
			h.job.Store(j)
			select {
			case h.wake <- struct{}{}:
			default:
			}
			hired++
		}
	}
	j.work(0)
	if j.pending.Add(-1) > 0 {
		for n := 0; n < spins && j.state.Load() == running; n++ {
			if n&255 == 255 {
				runtime.Gosched()
			}
		}
		if j.state.CompareAndSwap(running, sleeping) {
			<-j.done
		}
	}
	j.task = nil
	return j.err()
}

func (j *Job) err() error {
	if f := j.failure.Load(); f != nil {
		return fmt.Errorf("%s", *f)
	}
	return nil
}

// work does items until there are none left.
func (j *Job) work(worker int) {
	defer func() {
		if r := recover(); r != nil {
			text := fmt.Sprintf("internal error: %v", r)
			j.failure.Store(&text)
			j.next.Store(j.items)
		}
	}()
	for {
		i := j.next.Add(1) - 1
		if i >= j.items {
			return
		}
		j.task.Do(worker, int(i))
	}
}
