package graph

import (
	"math"
	"testing"
)

// Nodes keep their places, and the list finds each.
func TestNodeList(t *testing.T) {
	var l nodeList
	const count = longList + 5*slabNodes + 3
	seen := map[*Node]bool{}
	nodes := make([]*Node, count)
	for i := range count {
		n := l.add()
		if seen[n] || n.id != 0 {
			t.Fatalf("node %d lies where another one does", i)
		}
		seen[n], nodes[i] = true, n
		n.id = int32(i) + 1
		if l.len() != i+1 || l.at(i) != n {
			t.Fatalf("node %d is not found after it is added", i)
		}
	}
	visited := 0
	for i, n := range l.all() {
		if i != visited || n != nodes[i] || n != l.at(i) || n.id != int32(i)+1 {
			t.Fatalf("node %d is another one", i)
		}
		visited++
	}
	if visited != count {
		t.Errorf("%d of %d nodes", visited, count)
	}
	for _, i := range []int{-1, count, math.MaxInt} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("there is a node %d", i)
				}
			}()
			l.at(i)
		}()
	}
}
