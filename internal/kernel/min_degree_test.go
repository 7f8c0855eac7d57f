package kernel

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// fill returns the entries below the diagonal of the factor of a matrix with the pattern of the lists and their transpose, in an order.
func fill(lists [][]int, order []int) int {
	n := len(lists)
	place := make([]int, n)
	for k, i := range order {
		place[i] = k
	}
	below := make([]map[int]bool, n)
	for i := range below {
		below[i] = map[int]bool{}
	}
	for i, list := range lists {
		for _, j := range list {
			if a, b := place[i], place[j]; a != b {
				below[min(a, b)][max(a, b)] = true
			}
		}
	}
	total := 0
	for k := range below {
		total += len(below[k])
		parent := n
		for r := range below[k] {
			parent = min(parent, r)
		}
		if parent < n {
			for r := range below[k] {
				if r != parent {
					below[parent][r] = true
				}
			}
		}
	}
	return total
}

func orderOf(lists [][]int) []int {
	rows, cols := []int64{0}, []int64{}
	for _, list := range lists {
		for _, j := range list {
			cols = append(cols, int64(j))
		}
		rows = append(rows, int64(len(cols)))
	}
	var m minDegree
	return m.order(rows, cols, func(int) {})
}

// grid is the pattern of five points on a grid of n by n.
func grid(n int) [][]int {
	lists := make([][]int, n*n)
	for i := range n {
		for j := range n {
			k := i*n + j
			lists[k] = append(lists[k], k)
			if i > 0 {
				lists[k] = append(lists[k], k-n)
			}
			if j < n-1 {
				lists[k] = append(lists[k], k+1)
			}
		}
	}
	return lists
}

func TestMinDegree(t *testing.T) {
	identity := func(n int) []int {
		order := make([]int, n)
		for i := range order {
			order[i] = i
		}
		return order
	}
	arrow := make([][]int, 50) // the first row and column are full: it has to come last
	for i := range arrow {
		arrow[i] = []int{0, i}
	}
	path := make([][]int, 60)
	for i := range path {
		path[i] = []int{i, max(0, i-1)}
	}
	// A factor of a grid by minimum degree has some 31·n²·log₂(n)/4 entries at most (George & Liu, 1981); 12.2 to 13 by n² at n = 40 in the literature's codes.
	for name, c := range map[string]struct {
		lists [][]int
		most  int
	}{
		"nothing": {nil, 0}, "one": {[][]int{{0}}, 0}, "no entries": {make([][]int, 7), 0}, "arrow": {arrow, 49}, "path": {path, 59}, "grid": {grid(40), 14 * 1600},
	} {
		order := orderOf(c.lists)
		sorted := slices.Clone(order)
		slices.Sort(sorted)
		if !slices.Equal(sorted, identity(len(c.lists))) {
			t.Fatalf("%s: no order: %v", name, order)
		}
		if got := fill(c.lists, order); got > c.most {
			t.Errorf("%s: %d entries, want %d at most; %d in the given order", name, got, c.most, fill(c.lists, identity(len(c.lists))))
		}
	}
	better, natural := 0, 0
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 9))
		n := 1 + r.IntN(60)
		lists := make([][]int, n)
		for range r.IntN(4 * n) {
			i := r.IntN(n)
			lists[i] = append(lists[i], r.IntN(n)) // twice and on the diagonal too
		}
		order := orderOf(lists)
		sorted := slices.Clone(order)
		slices.Sort(sorted)
		if !slices.Equal(sorted, identity(n)) {
			t.Fatalf("seed %d: no order: %v", seed, order)
		}
		better, natural = better+fill(lists, order), natural+fill(lists, identity(n))
	}
	t.Logf("%d entries, %d in the given order", better, natural)
	if better*3 > natural*2 {
		t.Errorf("%d entries, %d in the given order", better, natural)
	}
}
