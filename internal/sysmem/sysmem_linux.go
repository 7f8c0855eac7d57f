package sysmem

import (
	"os"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

func total() int64 {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return 0
	}
	n := int64(uint64(info.Totalram) * uint64(info.Unit))
	groups, _ := os.ReadFile("/proc/self/cgroup")
	return lowest(n, string(groups), func(name string) string {
		text, _ := os.ReadFile(path.Join("/sys/fs/cgroup", name))
		return string(text)
	})
}

// lowest returns the least of n and the limits of the process's control groups, as /proc/self/cgroup lists them, and of those around them.
// A hybrid or containerised system may show a group under its whole path or at the root.
func lowest(n int64, groups string, read func(name string) string) int64 {
	limit := func(name string) {
		if v, err := strconv.ParseInt(strings.TrimSpace(read(name)), 10, 64); err == nil && v > 0 {
			n = min(n, v)
		}
	}
	limit("memory.max")
	limit("memory/memory.limit_in_bytes")
	for line := range strings.Lines(groups) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		for at := path.Clean("/" + parts[2]); at != "/"; at = path.Dir(at) {
			switch parts[1] {
			case "":
				limit(at + "/memory.max")
			case "memory":
				limit("memory" + at + "/memory.limit_in_bytes")
			}
		}
	}
	return n
}
