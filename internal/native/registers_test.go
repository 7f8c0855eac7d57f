package native

import "testing"

// Long programs learn from the lengths of their chunks whether to use the registers that make instructions longer, and try the other way again; short ones use them.
func TestRegisterChoice(t *testing.T) {
	for _, c := range []struct {
		name            string
		many            bool
		without, with   int // bytes of a chunk of 100 instructions
		longer, shorter int // chunks of 64
	}{
		{"few chunks", false, 500, 1000, 64, 0},
		{"shorter without", true, 900, 1000, 5, 59},
		{"shorter with", true, 1000, 900, 60, 4},
		{"hardly shorter without", true, 995, 1000, 60, 4},
	} {
		r := registerChoice{many: c.many}
		counts := map[bool]int{}
		for range 64 {
			longer := r.longer()
			counts[longer]++
			bytes := c.without
			if longer {
				bytes = c.with
			}
			r.learn(longer, bytes, 100)
			r.chunk++
		}
		if counts[true] != c.longer || counts[false] != c.shorter {
			t.Errorf("%s: %d chunks with and %d without", c.name, counts[true], counts[false])
		}
	}
}
