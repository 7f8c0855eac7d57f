//go:build linux || darwin || freebsd || netbsd || openbsd

package train

import (
	"errors"
	"fmt"
	"math"
	"os"
	"syscall"
)

// mapFile returns a file's bytes in memory that belongs to this process alone.
func mapFile(path string) (data []byte, closeFile func() error, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return readFile(path)
	}
	if info.Size() == 0 {
		return nil, nil, errors.New("the file is empty")
	}
	if info.Size() > math.MaxInt/2 {
		return nil, nil, fmt.Errorf("a file of %d bytes", info.Size())
	}
	data, err = syscall.Mmap(int(f.Fd()), 0, int(info.Size()), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE)
	if err != nil {
		return readFile(path)
	}
	return data, func() error { return syscall.Munmap(data) }, nil
}
