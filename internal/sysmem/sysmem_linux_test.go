package sysmem

import "testing"

func TestLowest(t *testing.T) {
	for _, c := range []struct {
		groups string
		files  map[string]string
		want   int64
	}{
		{"", nil, 1000},
		{"0::/\n", map[string]string{"memory.max": "max\n"}, 1000},
		{"0::/\n", map[string]string{"memory.max": "700\n"}, 700},
		{"0::/a/b\n", map[string]string{"/a/memory.max": "600\n", "/a/b/memory.max": "800\n"}, 600},
		{"0::/a/b\n", map[string]string{"/a/memory.max": "max\n", "/a/b/memory.max": "500\n"}, 500},
		{"5:cpu:/c\n4:memory:/c\n", map[string]string{"memory/c/memory.limit_in_bytes": "400\n"}, 400},
		{"4:memory:/c\n", map[string]string{"memory/memory.limit_in_bytes": "300\n"}, 300},
		{"4:memory:/c\n", map[string]string{"memory/memory.limit_in_bytes": "9223372036854771712\n"}, 1000},
		{"nonsense\n", map[string]string{"memory.max": "-5\n"}, 1000},
	} {
		got := lowest(1000, c.groups, func(name string) string { return c.files[name] })
		if got != c.want {
			t.Errorf("%q, %v: %d, want %d", c.groups, c.files, got, c.want)
		}
	}
}
