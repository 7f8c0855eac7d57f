//go:build !(linux || darwin || freebsd || netbsd || openbsd)

package train

// mapFile returns a file's bytes.
func mapFile(path string) (data []byte, closeFile func() error, err error) { return readFile(path) }
