package compile

import (
	"math/rand"
	"testing"
)

// patternOf lists the entries for which has is true.
func patternOf(rows, columns int, has func(i, j int) bool) *Pattern {
	p := &Pattern{Rows: rows, Columns: columns, Start: []int{0}}
	for i := range rows {
		for j := range columns {
			if has(i, j) {
				p.Cols = append(p.Cols, int32(j))
			}
		}
		p.Start = append(p.Start, len(p.Cols))
	}
	return p
}

// adversaries are patterns of many kinds, among them those for which colouring is slow or useless.
func adversaries(n int) map[string]*Pattern {
	r := rand.New(rand.NewSource(int64(n)))
	random := func(percent int) *Pattern {
		return patternOf(n, n, func(i, j int) bool { return r.Intn(100) < percent })
	}
	return map[string]*Pattern{
		"full": random(100), "nearly full": random(97), "half full": random(50), "tenth full": random(10), "few": random(2), "none": random(0),
		"all but the diagonal":    patternOf(n, n, func(i, j int) bool { return i != j }),
		"one row and one column":  patternOf(n, n, func(i, j int) bool { return i == n/2 || j == n/2 }),
		"arrow, head first":       patternOf(n, n, func(i, j int) bool { return i == j || i == 0 || j == 0 }),
		"arrow, head last":        patternOf(n, n, func(i, j int) bool { return i == j || i == n-1 || j == n-1 }),
		"two heads":               patternOf(n, n, func(i, j int) bool { return i == j || min(i, j) < 2 }),
		"nearly a row":            patternOf(n, n, func(i, j int) bool { return i == j || i == 0 && j < n-3 }),
		"blocks":                  patternOf(n, n, func(i, j int) bool { return i*4/n == j*4/n }),
		"bipartite":               patternOf(n, n, func(i, j int) bool { return (i < n/2) != (j < n/2) }),
		"band":                    patternOf(n, n, func(i, j int) bool { return max(i, j)-min(i, j) <= 3 }),
		"periodic band and a row": patternOf(n, n, func(i, j int) bool { return (j-i+n+1)%n <= 2 || i == n/3 }),
		"lower triangle":          patternOf(n, n, func(i, j int) bool { return i >= j }),
	}
}

// In a colouring of columns no two columns with a row in common have the same colour. In a star colouring neighbours differ and no path of four
// vertices has two colours only, so every entry stands alone in its row or its mirror image does.
func TestColoringsAreValid(t *testing.T) {
	checked := 0
	for _, n := range []int{1, 2, 3, 4, 7, 12, 30, 140} {
		for name, p := range adversaries(n) {
			colors, count := colorColumns(p.transposed(), p)
			for i := range n {
				for k, j := range p.Row(i) {
					for _, l := range p.Row(i)[:k] {
						if colors[j] == colors[l] {
							t.Fatalf("%s, n = %d: columns %d and %d of row %d have colour %d", name, n, j, l, i, colors[j])
						}
					}
				}
			}
			for _, c := range colors {
				if c < 0 || int(c) >= count {
					t.Fatalf("%s, n = %d: colour %d of %d", name, n, c, count)
				}
			}
			s := symmetric(p)
			colors, count = colorStars(s)
			for v := range n {
				if c := colors[v]; c < 0 || int(c) >= count {
					t.Fatalf("%s, n = %d: colour %d of %d", name, n, c, count)
				}
				for _, w := range s.Row(v) {
					if int(w) == v {
						continue
					}
					if colors[v] == colors[w] {
						t.Fatalf("%s, n = %d: neighbours %d and %d have colour %d", name, n, v, w, colors[v])
					}
					// v − w is the middle of the path.
					same := func(of, as int) bool {
						for _, x := range s.Row(of) {
							if int(x) != as && int(x) != of && colors[x] == colors[as] {
								return true
							}
						}
						return false
					}
					if same(v, int(w)) && same(int(w), v) {
						t.Fatalf("%s, n = %d: a path through %d and %d has two colours", name, n, v, w)
					}
				}
			}
			checked++
		}
	}
	if checked < 130 {
		t.Errorf("only %d patterns", checked)
	}
}

// What colouring achieves and what it must not cost: each of these takes minutes where the work grows as the fourth power, or as the square of
// the longest row for each of its entries.
func TestColoringsOfLargePatterns(t *testing.T) {
	const n = 1000
	bounds := map[string]struct{ columns, stars int }{
		"full": {n, n}, "nearly full": {n, n}, "half full": {n, n}, "all but the diagonal": {n, n}, "one row and one column": {n, 2},
		"arrow, head first": {n, 2}, "arrow, head last": {n, 2}, "two heads": {n, 3}, "nearly a row": {n - 3, 2}, "blocks": {n / 4, n / 4}, "bipartite": {n / 2, n/2 + 1},
		"band": {7, 8}, "none": {1, 1},
	}
	for name, p := range adversaries(n) {
		_, columns := colorColumns(p.transposed(), p)
		_, stars := colorStars(symmetric(p))
		if b, ok := bounds[name]; ok && (columns > b.columns || stars > b.stars) {
			t.Errorf("%s: %d colours of columns, %d of stars; want at most %+v", name, columns, stars, b)
		}
	}
	// A row and a column of 200 000: quadratic work would take hours.
	const wide = 200_000
	arrow := &Pattern{Rows: wide, Columns: wide, Start: []int{0}}
	for i := range int32(wide) {
		if i == wide-1 {
			for j := range i {
				arrow.Cols = append(arrow.Cols, j)
			}
		}
		arrow.Cols = append(arrow.Cols, i)
		if i < wide-1 {
			arrow.Cols = append(arrow.Cols, wide-1)
		}
		arrow.Start = append(arrow.Start, len(arrow.Cols))
	}
	if _, stars := colorStars(arrow); stars != 2 {
		t.Errorf("arrow of %d: %d colours", wide, stars)
	}
	if _, columns := colorColumns(arrow.transposed(), arrow); columns != wide {
		t.Errorf("arrow of %d: %d colours of columns", wide, columns)
	}
}
