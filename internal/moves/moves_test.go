package moves

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"unsafe"
)

// Every length is copied whole, and nothing beside it, from and to any element.
func TestElements(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const elements, guard = 5, 64
	for n := range 300 {
		from, to := r.IntN(elements), r.IntN(elements)
		var items []Item
		var dst, want [][]byte
		for k := range 1 + r.IntN(4) {
			n := n
			if k > 0 {
				n = r.IntN(100)
			}
			s, d := make([]byte, elements*n+2*guard), make([]byte, elements*n+2*guard)
			for i := range s {
				s[i], d[i] = byte(r.Uint32()), byte(r.Uint32())
			}
			w := bytes.Clone(d)
			copy(w[guard+to*n:guard+to*n+n], s[guard+from*n:])
			dst, want = append(dst, d), append(want, w)
			items = append(items, Item{unsafe.Pointer(&d[guard]), unsafe.Pointer(&s[guard]), int64(n)})
		}
		next := r.IntN(1<<20) - 1<<19 // nothing need be there
		Elements(items, from, to, next)
		for k := range dst {
			if !bytes.Equal(dst[k], want[k]) {
				t.Fatalf("item %d of %v: %v instead of %v", k, items, dst[k], want[k])
			}
		}
	}
	Elements(nil, 0, 0, 0)
}

func BenchmarkElements(b *testing.B) {
	for _, n := range []int{8, 24, 112, 512, 4000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var items []Item
			for range 10 {
				s, d := make([]byte, 2*n), make([]byte, n)
				items = append(items, Item{unsafe.Pointer(&d[0]), unsafe.Pointer(&s[0]), int64(n)})
			}
			for b.Loop() {
				Elements(items, 0, 0, 1)
			}
		})
	}
}
