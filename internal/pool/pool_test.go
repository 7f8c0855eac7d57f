package pool

import (
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

type counter struct {
	seen  []atomic.Int32
	inUse []atomic.Int32
	bad   atomic.Int32
	fail  int
	// helped: a helper did an item
	helped atomic.Bool
}

func (c *counter) Do(worker, item int) {
	if worker > 0 {
		c.helped.Store(true)
	}
	if c.inUse[worker].Add(1) != 1 {
		c.bad.Add(1)
	}
	if item == c.fail {
		c.inUse[worker].Add(-1)
		panic("on purpose")
	}
	runtime.Gosched() // lets helpers come in between, on few processors too
	c.seen[item].Add(1)
	c.inUse[worker].Add(-1)
}

func newCounter(items, workers int) *counter {
	return &counter{seen: make([]atomic.Int32, items), inUse: make([]atomic.Int32, workers), fail: -1}
}

// TestEveryItemOnce has several callers compete for the helpers, each with other numbers of workers and items.
func TestEveryItemOnce(t *testing.T) {
	const callers, most = 6, 5
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(most))
	runs, helped := 0, atomic.Int32{}
	for workers := 1; workers <= most; workers++ {
		var wg sync.WaitGroup
		for caller := range callers {
			wg.Go(func() {
				var j Job
				for round := range 200 {
					w := 1 + (workers+caller)%most
					c := newCounter(round%40, w)
					if err := j.Run(c, len(c.seen), w, round%3 > 0); err != nil {
						t.Error(err)
					}
					for i := range c.seen {
						if n := c.seen[i].Load(); n != 1 {
							t.Errorf("item %d was done %d times", i, n)
						}
					}
					if c.bad.Load() != 0 {
						t.Error("two goroutines had the same worker number")
					}
					if c.helped.Load() {
						helped.Add(1)
					}
				}
			})
		}
		wg.Wait()
		runs += callers * 200
	}
	t.Logf("%d runs, %d with helpers", runs, helped.Load())
	if runs < 6000 || helped.Load() == 0 {
		t.Errorf("%d runs, %d with helpers", runs, helped.Load())
	}
}

// asleepAll reports whether every helper sleeps.
func asleepAll() bool {
	for _, h := range *helpers.Load() {
		if h.state.Load() != asleep {
			return false
		}
	}
	return true
}

// TestHelpersSleep has helpers fall asleep after a run, and when there are as many runs as processors; brief jobs do not wake them, others do.
func TestHelpersSleep(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(3))
	var j Job
	help := func(wake bool) bool {
		c := newCounter(64, 3)
		if err := j.Run(c, 64, 3, wake); err != nil {
			t.Error(err)
		}
		return c.helped.Load()
	}
	untilAsleep := func() {
		for !asleepAll() {
			runtime.Gosched()
		}
	}
	woken := 0
	for range 50 {
		Begin()
		for range 3 {
			if help(true) {
				woken++
			}
		}
		End()
		untilAsleep()
		Begin()
		if help(false) {
			t.Error("a brief job was helped by a helper that slept")
		}
		End()
	}
	if woken == 0 {
		t.Error("no helper was woken")
	}
	help(true)
	for range 3 {
		Begin()
	}
	untilAsleep()
	if help(true) {
		t.Error("a helper worked while each processor had a run")
	}
	for range 3 {
		End()
	}
}

func TestPanicIsAnError(t *testing.T) {
	var j Job
	c := newCounter(100, 3)
	c.fail = 17
	if err := j.Run(c, 100, 3, true); err == nil || !strings.Contains(err.Error(), "on purpose") {
		t.Errorf("Run = %v", err)
	}
	c.fail = -1
	if err := j.Run(newCounter(10, 3), 10, 3, true); err != nil {
		t.Errorf("the next run failed: %v", err)
	}
}

func TestNoAllocation(t *testing.T) {
	var j Job
	c := newCounter(8, 3)
	if n := testing.AllocsPerRun(100, func() { _ = j.Run(c, 8, 3, true) }); n > 0 {
		t.Errorf("%v allocations per run", n)
	}
}

// small does next to nothing, and waits until both of its items have begun.
type small struct{ begun atomic.Int32 }

func (s *small) Do(_, _ int) {
	s.begun.Add(1)
	for n := 0; s.begun.Load() < 2 && n < 1<<12; n++ {
	}
}

// BenchmarkHandOver is the time from handing an item to a helper that is awake until both goroutines have met and parted.
func BenchmarkHandOver(b *testing.B) {
	var j Job
	s := &small{}
	Begin()
	defer End()
	for b.Loop() {
		s.begun.Store(0)
		_ = j.Run(s, 2, 2, true)
	}
}

// TestHelperThatDoesNotCome has a helper whose processor others have: the caller does its items, and takes the job back.
func TestHelperThatDoesNotCome(t *testing.T) {
	defer helpers.Store(helpers.Load())
	for _, state := range []int32{awake, asleep} {
		h := &helper{wake: make(chan struct{}, 1)}
		h.state.Store(state)
		helpers.Store(&[]*helper{h})
		var j Job
		for range 3 {
			c := newCounter(7, 2)
			if err := j.Run(c, 7, 2, true); err != nil {
				t.Fatal(err)
			}
			for i := range c.seen {
				if n := c.seen[i].Load(); n != 1 {
					t.Errorf("item %d was done %d times", i, n)
				}
			}
			if h.job.Load() != nil || h.state.Load() != awake {
				t.Errorf("the helper has the job still, in state %d", h.state.Load())
			}
		}
		// When it comes it takes the next job, and a signal that is left from before does no harm.
		go h.loop()
		c := newCounter(4000, 2)
		for !c.helped.Load() {
			c = newCounter(4000, 2)
			if err := j.Run(c, 4000, 2, true); err != nil {
				t.Fatal(err)
			}
		}
		for h.state.Load() != asleep {
			runtime.Gosched()
		}
	}
}
