package linalg

import (
	"sync/atomic"

	"github.com/adjoint-go/adjoint/internal/gemm"
)

// Operands are those of one matrix, or of a batch: a decomposition reads A, a solution B too; results are X, Y and Z, and a permutation.
type Operands[T Float] struct {
	A, B    []T
	X, Y, Z []T
	Perm    []int64
}

// part returns those of matrix number i of a batch.
func (o *Operands[T]) part(i, count int) Operands[T] {
	return Operands[T]{partOf(o.A, i, count), partOf(o.B, i, count), partOf(o.X, i, count), partOf(o.Y, i, count), partOf(o.Z, i, count), partOf(o.Perm, i, count)}
}

func partOf[E any](x []E, i, count int) []E {
	n := len(x) / count
	return x[i*n : (i+1)*n]
}

// algorithm is a plan for one matrix.
type algorithm[T Float] interface {
	Work() int
	Each() int
	// Run reports false if the matrix has no such decomposition or solution.
	Run(r gemm.Runner, o Operands[T], work []byte, workers [][]byte) bool
}

// Plan is the plan for a batch of matrices.
//
// Large matrices are decomposed one after another by all goroutines, smaller ones by one goroutine each, and many small ones in the lanes of vectors.
type Plan[T Float] struct {
	count   int
	lanes   *lanes[T] // if they are decomposed in lanes
	whole   bool      // all goroutines work on a matrix
	group   int       // matrices of an item
	create  func() algorithm[T]
	own     []algorithm[T] // of goroutines
	scratch [][1][]byte    // of their algorithms
	o       Operands[T]
	workers [][]byte
	failed  atomic.Int64
}

// wholeExtent is the extent from which the matrices of a batch are decomposed one after another.
const wholeExtent = 384

// groupWork is the cube of extents that makes an item.
const groupWork = 1 << 15

func newPlan[T Float](count, extent int, create func() algorithm[T]) *Plan[T] {
	return &Plan[T]{count: count, whole: count == 1 || extent >= wholeExtent, group: max(1, groupWork/(extent*extent*extent+1)), create: create, own: []algorithm[T]{create()}, scratch: make([][1][]byte, 1)}
}

// Work returns the bytes of scratch that all goroutines share.
func (p *Plan[T]) Work() int {
	if p.lanes == nil && p.whole {
		return p.own[0].Work()
	}
	return 0
}

// Each returns the bytes of scratch of a goroutine.
func (p *Plan[T]) Each() int {
	switch {
	case p.lanes != nil:
		return p.lanes.each()
	case p.whole:
		return p.own[0].Each()
	}
	return p.own[0].Work() + p.own[0].Each()
}

// Run returns the number of the first matrix that has no such decomposition or solution, −1 if there is none. If one fails the results may hold anything.
func (p *Plan[T]) Run(r gemm.Runner, o Operands[T], work []byte, workers [][]byte) int {
	if p.count == 0 {
		return -1
	}
	if p.whole {
		for i := range p.count {
			if !p.own[0].Run(r, o.part(i, p.count), work, workers) {
				return i
			}
		}
		return -1
	}
	items := 0
	if p.lanes != nil {
		p.lanes.begin(workers)
		items = ceil(p.count, p.lanes.items)
	} else {
		items = ceil(p.count, p.group)
		for len(p.own) < len(workers) {
			p.own, p.scratch = append(p.own, p.create()), append(p.scratch, [1][]byte{})
		}
	}
	p.o, p.workers = o, workers
	p.failed.Store(int64(p.count))
	r.Parallel(p, items)
	p.o, p.workers = Operands[T]{}, nil
	if p.lanes != nil {
		p.lanes.end()
	}
	if f := int(p.failed.Load()); f < p.count {
		return f
	}
	return -1
}

// Do runs an item: it is a pool.Task.
func (p *Plan[T]) Do(number, item int) {
	if p.lanes != nil {
		if f := p.lanes.item(number, p.o, p.count, item); f >= 0 {
			p.fail(f)
		}
		return
	}
	a := p.own[number]
	n := a.Work()
	p.scratch[number][0] = p.workers[number][n:]
	for i := item * p.group; i < min(p.count, (item+1)*p.group); i++ {
		if !a.Run(gemm.Serial{}, p.o.part(i, p.count), p.workers[number][:n], p.scratch[number][:]) {
			p.fail(i)
			return
		}
	}
}

// fail notes that a matrix fails.
func (p *Plan[T]) fail(matrix int) {
	for f := p.failed.Load(); int64(matrix) < f && !p.failed.CompareAndSwap(f, int64(matrix)); f = p.failed.Load() {
	}
}
