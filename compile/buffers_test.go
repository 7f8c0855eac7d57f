package compile

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// Buffers in use at once never share memory, whatever the sizes and lives, and both ways of laying them out end where they say.
func TestBuffers(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	smaller := 0
	for range 300 {
		var b buffers
		b.next = 4096
		var used []int64
		offsets := map[int64]int64{} // sizes
		for pos := range 1 + r.IntN(40) {
			b.pos = int32(pos)
			for range r.IntN(4) {
				size := 1 + r.Int64N(1<<r.IntN(16))
				off := b.take(size)
				used, offsets[off] = append(used, off), size
			}
			for len(used) > 0 && r.IntN(3) > 0 {
				k := r.IntN(len(used))
				b.release(used[k])
				used = slices.Delete(used, k, k+1)
			}
		}
		if b.bySize() < b.bestFit() {
			smaller++
		}
		at, end := b.layout(4096)
		if at(4095) != 4095 {
			t.Fatalf("what lies in front moves to %d", at(4095))
		}
		for i, x := range b.list {
			lo := at(x.offset)
			if size := offsets[x.offset]; lo < 4096 || lo%align != 0 || lo+size > end || at(x.offset+size-1) != lo+size-1 {
				t.Fatalf("buffer %d of %d bytes lies at %d of %d", i, size, lo, end)
			}
			for _, y := range b.list[:i] {
				if x.first <= y.last && y.first <= x.last && lo < at(y.offset)+y.size && at(y.offset) < lo+x.size {
					t.Fatalf("buffers %+v and %+v overlap", x, y)
				}
			}
		}
	}
	if smaller < 100 {
		t.Errorf("only %d of 300 layouts are smaller by size", smaller)
	}
}
