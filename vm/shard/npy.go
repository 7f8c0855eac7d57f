package shard

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/adjoint-go/adjoint/internal/npy"
	"github.com/adjoint-go/adjoint/vm"
)

// npyFile is one array in a file, which is never in memory as a whole.
type npyFile struct {
	file  *os.File
	t     vm.Type
	row   int // bytes
	start int64
	order binary.ByteOrder
}

type npyFiles struct {
	rows  int
	files map[string]*npyFile
}

// NPY opens a source of files of NumPy's format npy, by the names of inputs: arrays of float64, float32, int64, int32 or bool in C order, of as many rows each. Rows are read where they are needed, so that files may be larger than memory. The files stay
// open until the garbage collector finds the source.
func NPY(paths map[string]string) (Source, error) {
	s := &npyFiles{rows: -1, files: map[string]*npyFile{}}
	for _, name := range slices.Sorted(maps.Keys(paths)) {
		f, err := openFile(paths[name])
		if err == nil && s.rows >= 0 && f.t.Shape[0] != s.rows {
			err = fmt.Errorf("it has %d rows, others have %d", f.t.Shape[0], s.rows)
		}
		if err != nil {
			return nil, fmt.Errorf("shard: %s: %w", paths[name], err)
		}
		s.rows, s.files[name] = f.t.Shape[0], f
	}
	if s.rows < 0 {
		return nil, errors.New("shard: there are no files")
	}
	return s, nil
}

func openNPY(rest string) (Source, error) {
	paths := map[string]string{}
	for _, part := range strings.Split(rest, ",") {
		name, path, ok := strings.Cut(part, "=")
		if _, twice := paths[name]; !ok || twice {
			return nil, fmt.Errorf("%q: needs input=path, each input once", part)
		}
		paths[name] = path
	}
	return NPY(paths)
}

func openFile(path string) (_ *npyFile, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			file.Close()
		}
	}()
	h, err := npy.Read(file)
	if err != nil {
		return nil, err
	}
	if h.Fortran && len(h.Shape) > 1 {
		return nil, errors.New("it is in Fortran's order: save numpy.ascontiguousarray of it")
	}
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	left := info.Size() - h.Length
	if len(h.Shape) == 0 || h.Shape[0] == 0 || int64(h.Bytes()) != left {
		return nil, fmt.Errorf("it holds %d bytes of an array of shape %v with rows", left, h.Shape)
	}
	return &npyFile{file: file, t: vm.Type{DType: h.DType, Shape: h.Shape}, row: h.Bytes() / h.Shape[0], start: h.Length, order: h.Order}, nil
}

func (s *npyFiles) Rows() int { return s.rows }

func (s *npyFiles) Read(_ context.Context, from int, into map[string]vm.Array) error {
	for name, to := range into {
		f, ok := s.files[name]
		if !ok {
			return fmt.Errorf("the source has no %q", name)
		}
		t := to.Type()
		n := t.Shape[0]
		if t.DType != f.t.DType || !slices.Equal(t.Shape[1:], f.t.Shape[1:]) || from < 0 || n > s.rows-from {
			return fmt.Errorf("%q: %d rows from %d on of a file of %v, where %v is needed", name, n, from, f.t, t)
		}
		raw := make([]byte, n*f.row)
		if _, err := f.file.ReadAt(raw, f.start+int64(from)*int64(f.row)); err != nil {
			return fmt.Errorf("%q: %w", name, err)
		}
		if err := npy.Decode(to.Data, raw, f.order); err != nil {
			return fmt.Errorf("%q: %w", name, err)
		}
	}
	return nil
}
