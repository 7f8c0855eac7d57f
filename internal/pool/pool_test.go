package pool

import (
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
}

func (c *counter) Do(worker, item int) {
	if c.inUse[worker].Add(1) != 1 {
		c.bad.Add(1)
	}
	if item == c.fail {
		c.inUse[worker].Add(-1)
		panic("on purpose")
	}
	c.seen[item].Add(1)
	c.inUse[worker].Add(-1)
}

func newCounter(items int) *counter {
	return &counter{seen: make([]atomic.Int32, items), inUse: make([]atomic.Int32, Workers()), fail: -1}
}

func TestEveryItemOnce(t *testing.T) {
	var wg sync.WaitGroup
	for range 4 { // several callers compete for the helpers
		wg.Add(1)
		go func() {
			defer wg.Done()
			var j Job
			for round := range 300 {
				c := newCounter(round % 40)
				if err := j.Run(c, len(c.seen), 1+round%4); err != nil {
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
			}
		}()
	}
	wg.Wait()
}

func TestPanicIsAnError(t *testing.T) {
	var j Job
	c := newCounter(100)
	c.fail = 17
	if err := j.Run(c, 100, Workers()); err == nil || !strings.Contains(err.Error(), "on purpose") {
		t.Errorf("Run = %v", err)
	}
	c.fail = -1
	if err := j.Run(newCounter(10), 10, Workers()); err != nil {
		t.Errorf("the next run failed: %v", err)
	}
}

func TestNoAllocation(t *testing.T) {
	var j Job
	c := newCounter(8)
	if n := testing.AllocsPerRun(100, func() { _ = j.Run(c, 8, Workers()) }); n > 0 {
		t.Errorf("%v allocations per run", n)
	}
}

func BenchmarkHandOver(b *testing.B) {
	var j Job
	c := newCounter(2)
	for b.Loop() {
		_ = j.Run(c, 2, 2)
	}
}
