package graph

import (
	"iter"
	"math/bits"

	"github.com/adjoint-go/adjoint/internal/prefetch"
)

// nodeList is an append-only list of nodes that do not move. They lie in slabs, the first ones of growing sizes, so that a node is found by its
// number without memory for a pointer to each.
type nodeList struct {
	slabs [][]Node
	n     int
	ahead prefetch.Ahead[Node] // slabs of a long list
}

const (
	firstSlab = 64   // length of the first two slabs; the following ones double it
	slabNodes = 4096 // length of the others, a power of two
	smallBits = 6    // firstSlab and slabNodes as powers of two
	slabBits  = 12
	longList  = 1 << 16 // nodes from which on memory is made ahead
)

func (l *nodeList) len() int { return l.n }

// at returns node i. It panics if there is none.
func (l *nodeList) at(i int) *Node {
	if uint(i) >= uint(l.n) {
		panicIndex(i, l.n)
	}
	return l.slot(uint32(i))
}

func (l *nodeList) slot(i uint32) *Node {
	if i >= slabNodes {
		return &l.slabs[i>>slabBits+slabBits-smallBits][i%slabNodes]
	}
	k := bits.Len32(i >> smallBits)
	return &l.slabs[k][i-(firstSlab/2<<k)&^(firstSlab-1)]
}

func panicIndex(i, n int) {
	_ = make([]struct{}, n)[i]
}

// add appends a zero node.
func (l *nodeList) add() *Node {
	if i := l.n; i >= longList && i%slabNodes == 0 {
		l.slabs = append(l.slabs, l.ahead.Make(slabNodes))
	} else if i%slabNodes == 0 && i > 0 {
		l.slabs = append(l.slabs, make([]Node, slabNodes))
	} else if i&(i-1) == 0 && i%firstSlab == 0 {
		l.slabs = append(l.slabs, make([]Node, max(i, firstSlab)))
	}
	l.n++
	return l.slot(uint32(l.n - 1))
}

// all returns the nodes with their numbers.
func (l *nodeList) all() iter.Seq2[int, *Node] {
	return func(yield func(int, *Node) bool) {
		for i := range l.n {
			if !yield(i, l.slot(uint32(i))) {
				return
			}
		}
	}
}
