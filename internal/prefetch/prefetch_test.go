package prefetch

import "testing"

// Asking for memory changes nothing and never fails, whatever is asked for.
func TestAnything(t *testing.T) {
	s := []int{1, 2, 3}
	for _, i := range []int{-1 << 31, -1, 0, 1, 2, 3, 1<<31 - 1} {
		At(s, i)
		At(s, int32(i))
		At([]int(nil), i)
	}
	To(&s[1])
	To[int](nil)
	if s[0] != 1 || s[1] != 2 || s[2] != 3 {
		t.Fatal(s)
	}
	if n := testing.AllocsPerRun(10, func() { At(s, 1); To(&s[2]) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
