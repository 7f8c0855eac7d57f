package command

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/adjoint-go/adjoint/cmd/cgviz/internal/atomicfile"
)

// checkDirectory fails early where the output's folder does not exist.
func (o *output) checkDirectory() error {
	if o.toStdout() {
		return nil
	}
	dir := filepath.Dir(o.file)
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		err = errors.New("not a directory")
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	if err != nil {
		return fmt.Errorf("cannot write %s: %s: %w", o.file, dir, err)
	}
	return nil
}

// deliver writes a finished picture.
func (o *output) deliver(data []byte) error {
	if !o.toStdout() {
		return atomicfile.Write(o.file, data)
	}
	_, err := o.streams.Out.Write(data)
	return err
}
