package prefetch

import (
	"runtime"
	"sync"
	"unsafe"
)

const (
	pageBytes  = 4096
	manyBytes  = 1 << 20
	maxWorkers = 8
)

// Pages returns a slice that was just made, whose elements are zero up to its capacity. A system gives a process memory page by page, when each is first touched. That takes as long as a
// pass needs to fill it, and twice as long where it is read first; so of a large slice all processors touch the pages, at once.
func Pages[E any](s []E) []E {
	all, size := s[:cap(s)], int(unsafe.Sizeof(*new(E)))
	if size == 0 || len(all) < manyBytes/size {
		return s
	}
	part := (len(all)-1)/min(runtime.GOMAXPROCS(0), maxWorkers) + 1
	var wait sync.WaitGroup
	for first := 0; first < len(all); first += part {
		wait.Go(func() { touch(all[first:min(first+part, len(all))]) })
	}
	wait.Wait()
	return s
}

// Soon makes a slice of n zero elements on another processor, with its pages touched as Pages does, and returns the function that waits for it, which is called once. A short slice is made
// when that is called.
func Soon[E any](n int) (take func() []E) {
	if size := int(unsafe.Sizeof(*new(E))); size == 0 || n < manyBytes/size {
		return func() []E { return make([]E, n) }
	}
	made := make(chan []E, 1)
	go func() {
		s := make([]E, n)
		touch(s)
		made <- s
	}()
	return func() []E { return <-made }
}

// Ahead makes slices of one length, each on another processor while the one before is filled, with its pages touched: see Pages.
type Ahead[E any] struct{ next chan []E }

// Make returns a slice of n zero elements, the same n in all calls.
func (a *Ahead[E]) Make(n int) []E {
	more := func() {
		s := make([]E, n)
		touch(s)
		a.next <- s
	}
	if a.next == nil {
		a.next = make(chan []E, 1)
		go more()
	}
	s := <-a.next
	go more()
	return s
}

// touch writes a zero to each page of a slice of zeros.
func touch[E any](s []E) {
	var zero E
	for i := 0; i < len(s); i += max(1, pageBytes/int(unsafe.Sizeof(zero))) {
		s[i] = zero
	}
}
