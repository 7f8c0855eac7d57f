// Package pool runs the items of a task on a fixed set of persistent helper goroutines and the caller.
//
// Who runs which item is left to chance, so results must not depend on it: tasks cut their work by shapes alone
// and combine partial results in the order of the items.
package pool

import (
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"
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
	shares  []share      // of the items, one for each participant of a run
	parts   int          // of them that the run uses
	pending atomic.Int32 // participants that have not finished
	// state is how the last helper, whose last access to the job it is, tells the caller: running → finished
	// while the caller spins; sleeping → finished, with a signal on done, if it sleeps.
	state   atomic.Int32
	done    chan struct{}
	failure atomic.Pointer[string]
}

// share is a part of the items that lie beside one another. A participant begins with its own, the same in each run, so that it finds
// in its cache what it wrote in the run before; then it helps with those of others. Each has a cache line of its own.
type share struct {
	next atomic.Int64
	end  int64
	_    [48]byte
}

// ShareBytes is the memory that a job takes for each of its workers.
const ShareBytes = int(unsafe.Sizeof(share{}))

// helper is a persistent goroutine. It goes from awake to asleep by itself, and from either to busy by the one who hires it.
type helper struct {
	state atomic.Int32
	job   atomic.Pointer[Job]
	wake  chan struct{}
	// worker is its number in the job, which is another one in the next: set before job.
	worker int
}

const (
	awake int32 = iota
	asleep
	busy
)

const (
	running int32 = iota
	sleeping
	finished
)

// What a helper does when it has no job: it spins for about 50 µs, or up to some milliseconds while there are runs that leave it a processor. In this time it
// takes over a job within 100 ns. Then it sleeps, from which it wakes within 5 to 100 µs.
const (
	spins     = 1 << 14
	spinsLong = 64 * spins
	yieldMask = 1<<11 - 1 // spins between offers of the processor to other goroutines
)

var (
	runs       atomic.Int32 // between Begin and End
	processors atomic.Int32 // of the runs
)

// Begin says that a run begins, which takes a processor and will have jobs; End that it has ended. Between, helpers that have done a job wait for the next
// one awake, as long as there are more processors than runs, and no more helpers work than processors are left.
func Begin() {
	if runs.Add(1) == 1 {
		processors.Store(int32(runtime.GOMAXPROCS(0)))
	}
}

// End is called once for each Begin.
func End() { runs.Add(-1) }

// spare returns how many helpers may work, by the runs that there are.
func spare() int {
	if r := runs.Load(); r > 0 {
		return int(processors.Load() - r)
	}
	return math.MaxInt32
}

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
		j := h.wait()
		j.work(h.worker)
		// The helper is free before the caller can know that the job is done.
		h.state.Store(awake)
		if j.pending.Add(-1) == 0 && j.state.Swap(finished) == sleeping {
			j.done <- struct{}{}
		}
	}
}

// wait returns the helper's next job, which nobody can take back any more.
func (h *helper) wait() *Job {
	for n := 1; ; n++ {
		if j := h.job.Load(); j != nil && h.job.CompareAndSwap(j, nil) {
			return j
		}
		if n&yieldMask == 0 {
			runtime.Gosched()
		}
		if n%spins == 0 && (n >= spinsLong || runs.Load() == 0 || spare() <= 0) && h.state.CompareAndSwap(awake, asleep) {
			<-h.wake // the job is there, unless it was taken back
			n = 0
		}
	}
}

// hire gives the helper a job, if it is awake, or may be woken.
func (h *helper) hire(j *Job, worker int, wake bool) bool {
	sleeps := false
	if !h.state.CompareAndSwap(awake, busy) {
		if sleeps = wake && h.state.CompareAndSwap(asleep, busy); !sleeps {
			return false
		}
	}
	j.pending.Add(1)
	h.worker = worker
	h.job.Store(j)
	if sleeps {
		h.wake <- struct{}{}
	}
	return true
}

// dismiss takes the job back from a helper that has not begun it, since the system gives its processor to others or has
// not woken it yet, and reports whether it could.
func (h *helper) dismiss(j *Job) bool {
	if h.job.Load() != j || !h.job.CompareAndSwap(j, nil) {
		return false
	}
	h.state.Store(awake)
	return true
}

// Prepare makes what runs with up to workers goroutines need, so that they allocate nothing.
func (j *Job) Prepare(workers int) {
	if j.done == nil {
		j.done = make(chan struct{}, 1)
	}
	if len(j.shares) < workers {
		j.shares = make([]share, workers)
	}
	atLeast(workers - 1)
}

// share cuts the items.
func (j *Job) share(items, parts int) {
	j.parts = parts
	for i := range parts {
		j.shares[i].next.Store(int64(items) * int64(i) / int64(parts))
		j.shares[i].end = int64(items) * int64(i+1) / int64(parts)
	}
}

// Run does all items of the task on up to workers goroutines, the caller being one, and returns when all
// are done. Helpers that sleep take part only if wake is set: that is for jobs of 20 µs and more. The pool keeps as many helpers as the largest number of
// workers of any run needs. A panic of Do is returned as an error; the items that were not begun are then left out.
func (j *Job) Run(task Task, items, workers int, wake bool) error {
	j.task = task
	j.failure.Store(nil)
	j.Prepare(workers)
	most := min(workers, items) - 1
	if most > 0 {
		most = max(0, min(most, spare()))
	}
	j.share(items, most+1)
	if most <= 0 {
		j.work(0)
		j.task = nil
		return j.err()
	}
	j.state.Store(running)
	j.pending.Store(1)
	hired := 0
	list := atLeast(most)
	for _, h := range list {
		if hired < most && h.hire(j, hired+1, wake) {
			hired++
		}
	}
	j.work(0)
	pending := j.pending.Add(-1)
	for _, h := range list {
		if pending == 0 {
			break
		}
		if h.dismiss(j) {
			pending = j.pending.Add(-1)
		}
	}
	if pending > 0 {
		for n := 1; n < spins && j.state.Load() == running; n++ {
			if n&yieldMask == 0 {
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
			for i := range j.parts {
				j.shares[i].next.Store(j.shares[i].end)
			}
		}
	}()
	for k := range j.parts {
		s := &j.shares[(worker+k)%j.parts]
		for s.next.Load() < s.end {
			i := s.next.Add(1) - 1
			if i >= s.end {
				break
			}
			j.task.Do(worker, int(i))
		}
	}
}
