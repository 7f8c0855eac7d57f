package shape

import (
	"slices"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/internal/dtype"
)

var shapes = [][]int{{}, {1}, {5}, {2, 3}, {1, 4}, {4, 1}, {2, 1, 3}, {3, 1, 1, 2}, {2, 3, 4}, {1, 1, 1}}

// forEach walks the indices of a shape as nested loops do, the last fastest.
func forEach(shape []int, f func(flat int, at []int)) {
	at, flat := make([]int, len(shape)), 0
	var loop func(d int)
	loop = func(d int) {
		if d == len(shape) {
			f(flat, at)
			flat++
			return
		}
		for at[d] = 0; at[d] < shape[d]; at[d]++ {
			loop(d + 1)
		}
	}
	loop(0)
}

// TestFlatIndex compares flat indices, strides and sizes with a walk by nested loops.
func TestFlatIndex(t *testing.T) {
	for _, s := range shapes {
		strides, n := Strides(s), 0
		forEach(s, func(flat int, at []int) {
			n++
			dot := 0
			for d, i := range at {
				dot += i * strides[d]
			}
			if Index(at, s) != flat || dot != flat || !slices.Equal(At(flat, s), at) {
				t.Errorf("%v of %v: flat index %d, %d by strides, want %d; indices %v", at, s, Index(at, s), dot, flat, At(flat, s))
			}
		})
		if Size(s) != n {
			t.Errorf("size of %v is %d, want %d", s, Size(s), n)
		}
		for axis := range s {
			outer, extent, inner := Split(s, axis)
			if extent != s[axis] || inner != strides[axis] || outer*extent*inner != n {
				t.Errorf("%v splits at %d into %d, %d, %d", s, axis, outer, extent, inner)
			}
		}
	}
}

// TestBroadcast compares broadcast shapes with NumPy's rule written out, and the two ways of indexing a broadcast operand.
func TestBroadcast(t *testing.T) {
	extent := func(s []int, fromEnd int) int {
		if fromEnd > len(s) {
			return 1
		}
		return s[len(s)-fromEnd]
	}
	agree, differ := 0, 0
	for _, a := range shapes {
		for _, b := range shapes {
			want, ok := make([]int, max(len(a), len(b))), true
			for k := 1; k <= len(want); k++ {
				x, y := extent(a, k), extent(b, k)
				ok = ok && (x == y || x == 1 || y == 1)
				want[len(want)-k] = max(x, y)
			}
			got, err := Broadcast(a, b)
			if (err == nil) != ok || ok && !slices.Equal(got, want) {
				t.Errorf("%v and %v broadcast to %v, %v; want %v, %t", a, b, got, err, want, ok)
			}
			if !ok {
				differ++
				continue
			}
			agree++
			strides := BroadcastStrides(a, len(want))
			forEach(want, func(flat int, at []int) {
				dot := 0
				for d, i := range at {
					dot += i * strides[d]
				}
				own := slices.Clone(at[len(want)-len(a):])
				for d := range own {
					if a[d] == 1 {
						own[d] = 0
					}
				}
				if i := Index(own, a); dot != i || BroadcastIndex(flat, want, a) != i {
					t.Errorf("element %v of %v read as %v: %d by strides, %d by index, want %d", at, a, want, dot, BroadcastIndex(flat, want, a), i)
				}
			})
		}
	}
	if agree < 30 || differ < 20 {
		t.Errorf("%d pairs broadcast, %d do not", agree, differ)
	}
	if _, err := Broadcast([]int{1, 4}, []int{2, 1}, []int{3, 4}); err == nil || !strings.Contains(err.Error(), "[2 1] and [3 4]") {
		t.Errorf("three shapes: %v", err)
	}
}

// TestStridedIndex compares parts of an array with a walk over their indices.
func TestStridedIndex(t *testing.T) {
	in, out, starts, strides := []int{5, 4, 7}, []int{2, 4, 3}, []int{1, 3, 6}, []int{3, -1, -2}
	forEach(out, func(flat int, at []int) {
		from := make([]int, len(at))
		for d, i := range at {
			from[d] = starts[d] + i*strides[d]
		}
		if got := StridedIndex(flat, out, in, starts, strides); got != Index(from, in) {
			t.Errorf("element %v of the part is at %d, want %d", at, got, Index(from, in))
		}
	})
}

func TestChangedShapes(t *testing.T) {
	s := []int{2, 3, 4}
	for _, c := range []struct{ got, want []int }{
		{Replaced(s, 1), []int{2, 4}},
		{Replaced(s, 1, 7), []int{2, 7, 4}},
		{Replaced(s, 0, 5, 6), []int{5, 6, 3, 4}},
		{Replaced([]int{9}, 0), []int{}},
		{Reduced(s, nil, false), s},
		{Reduced(s, []int{0, 2}, false), []int{3}},
		{Reduced(s, []int{2, 0}, true), []int{1, 3, 1}},
		{Reduced(s, []int{0, 1, 2}, false), []int{}},
	} {
		if !slices.Equal(c.got, c.want) || c.got == nil {
			t.Errorf("%v, want %v", c.got, c.want)
		}
	}
	if !slices.Equal(s, []int{2, 3, 4}) {
		t.Errorf("the shape was changed to %v", s)
	}
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		shape []int
		err   string
	}{
		{nil, ""}, {[]int{1, 2}, ""}, {[]int{dtype.MaxElements}, ""}, {[]int{dtype.MaxElements / 2, 2}, ""},
		{[]int{2, 0}, ""}, {[]int{-1}, "below 0"}, {[]int{dtype.MaxElements, 2}, "more than"}, {[]int{dtype.MaxElements, dtype.MaxElements, dtype.MaxElements}, "more than"},
	} {
		if err := Check(c.shape); (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%v: %v, want %q", c.shape, err, c.err)
		}
	}
}

// TestWithoutElement compares with a look at every element of every window.
func TestWithoutElement(t *testing.T) {
	lacking := 0
	for k := range 6 * 4 * 5 * 4 * 4 * 7 {
		n, window, count, stride, dilation, padding := k%6+1, k/6%4+1, k/24%5+1, k/120%4+1, k/480%4+1, k/1920
		without := func(w int) bool {
			for tap := range window {
				if at := w*stride + tap*dilation - padding; at >= 0 && at < n {
					return false
				}
			}
			return true
		}
		first := -1
		for w := range count {
			if without(w) {
				first = w
				lacking++
				break
			}
		}
		if got := WithoutElement(n, window, count, stride, dilation, padding); (got < 0) != (first < 0) || got >= 0 && !without(got) {
			t.Fatalf("%d elements, window %d, %d of them, stride %d, dilation %d, padding %d: %d, want %d", n, window, count, stride, dilation, padding, got, first)
		}
	}
	if lacking < 1000 {
		t.Errorf("only %d geometries have a window without an element", lacking)
	}
}
