//go:build darwin || freebsd || netbsd || openbsd || dragonfly

package sysmem

import (
	"runtime"

	"golang.org/x/sys/unix"
)

func total() int64 {
	name := "hw.physmem"
	switch runtime.GOOS {
	case "darwin":
		name = "hw.memsize"
	case "netbsd", "openbsd":
		name = "hw.physmem64"
	}
	n, err := unix.SysctlUint64(name)
	if err != nil {
		return 0
	}
	return int64(n)
}
