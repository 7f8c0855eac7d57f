//go:build !linux

package sysmem

// PreferHugePages asks the system to back large memory with huge pages. Here it does nothing.
func PreferHugePages([]byte) {}
