package sysmem

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// TestTotal compares with what the kernel says elsewhere.
func TestTotal(t *testing.T) {
	n := Total()
	switch runtime.GOOS {
	case "linux", "darwin", "windows", "freebsd", "netbsd", "openbsd":
	default:
		t.Skip("not known on this system")
	}
	if n < 64<<20 || n > 1<<50 {
		t.Errorf("%d bytes", n)
	}
	if text, err := os.ReadFile("/proc/meminfo"); err == nil {
		kib, err := strconv.ParseInt(strings.Fields(string(text))[1], 10, 64)
		if err != nil || n > kib<<10 {
			t.Errorf("%d bytes of %d KiB (%v)", n, kib, err)
		}
	}
}
