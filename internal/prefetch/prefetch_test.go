package prefetch

import (
	"testing"
	"unsafe"
)

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
	Range(nil, 0)
	Range(nil, 1000)
	Range(unsafe.Pointer(&s[2]), 8)
	for _, p := range []uintptr{0, 1, ^uintptr(0) &^ (^uintptr(0) >> 1), ^uintptr(0)} {
		Lines(p)
	}
	if s[0] != 1 || s[1] != 2 || s[2] != 3 {
		t.Fatal(s)
	}
	if n := testing.AllocsPerRun(10, func() { At(s, 1); To(&s[2]) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// What Pages returns is as it was made, of any length and size of elements.
func TestPages(t *testing.T) {
	for _, n := range []int{0, 1, manyBytes/8 - 1, manyBytes / 8, manyBytes/8 + 1, manyBytes} {
		s := Pages(make([]int64, n/2, n))
		if len(s) != n/2 || cap(s) != n {
			t.Fatalf("%d of %d elements, not %d of %d", len(s), cap(s), n/2, n)
		}
		for i, x := range s[:n] {
			if x != 0 {
				t.Fatalf("element %d of %d is %d", i, n, x)
			}
		}
	}
	Pages(make([]struct{}, manyBytes))
	Pages(make([][2 * pageBytes]byte, manyBytes/pageBytes))
}

// Ahead makes slices of zeros, another one each time.
func TestAhead(t *testing.T) {
	var a Ahead[int32]
	for k := range 5 {
		s := a.Make(3 * pageBytes)
		if len(s) != 3*pageBytes {
			t.Fatalf("%d elements", len(s))
		}
		for i := range s {
			if s[i] != 0 {
				t.Fatalf("element %d of slice %d is taken", i, k)
			}
			s[i] = 1
		}
	}
}

// Soon makes slices of zeros, short ones when they are asked for.
func TestSoon(t *testing.T) {
	for _, n := range []int{0, 1, manyBytes/4 - 1, manyBytes / 4, manyBytes} {
		s := Soon[int32](n)()
		if len(s) != n {
			t.Fatalf("%d elements of %d", len(s), n)
		}
		for i, x := range s {
			if x != 0 {
				t.Fatalf("element %d of %d is %d", i, n, x)
			}
		}
	}
	if n := len(Soon[struct{}](manyBytes)()); n != manyBytes {
		t.Fatalf("%d elements without a size", n)
	}
}
