package sysmem

import "testing"

// TestPreferHugePages has memory of all sizes around huge pages keep its contents.
func TestPreferHugePages(t *testing.T) {
	for _, n := range []int{0, 1, 4 << 20, 4<<20 + 1, 9<<20 + 12345} {
		b := make([]byte, n+100)[100:]
		for i := 0; i < n; i += 1000 {
			b[i] = byte(i/1000 + 1)
		}
		PreferHugePages(b)
		for i := 0; i < n; i += 1000 {
			if b[i] != byte(i/1000+1) {
				t.Fatalf("%d bytes: byte %d is %d", n, i, b[i])
			}
		}
	}
}
