package shard

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/vm"
)

// npyHeader is the dictionary in files of NumPy's format npy (numpy.lib.format, versions 1.0 to 3.0).
var npyHeader = regexp.MustCompile(`^\{'descr': '([<>|=])([a-z][0-9]+)', 'fortran_order': (False|True), 'shape': \(([0-9, ]*)\),? *\}\s*$`)

var npyTypes = map[string]dtype.DType{"f8": dtype.Float64, "f4": dtype.Float32, "i8": dtype.Int64, "i4": dtype.Int32, "b1": dtype.Bool}

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

func openFile(path string) (f *npyFile, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			file.Close()
		}
	}()
	f = &npyFile{file: file, order: binary.LittleEndian}
	var head [12]byte
	if _, err := io.ReadFull(file, head[:]); err != nil || string(head[:6]) != "\x93NUMPY" || head[6] < 1 || head[6] > 3 {
		return nil, errors.New("it is not in format npy")
	}
	length := int(binary.LittleEndian.Uint16(head[8:]))
	f.start = 10
	if head[6] > 1 {
		if n := binary.LittleEndian.Uint32(head[8:]); n <= 1<<16 {
			length = int(n)
		} else {
			return nil, fmt.Errorf("its header has %d bytes", n)
		}
		f.start = 12
	}
	text := make([]byte, length)
	if _, err := file.ReadAt(text, f.start); err != nil {
		return nil, errors.New("it ends within its header")
	}
	f.start += int64(length)
	h := npyHeader.FindSubmatch(text)
	if h == nil {
		return nil, errors.New("its header is not that of a plain array")
	}
	if string(h[1]) == ">" {
		f.order = binary.BigEndian
	}
	var ok bool
	if f.t.DType, ok = npyTypes[string(h[2])]; !ok {
		return nil, fmt.Errorf("elements of type %s", h[2])
	}
	if string(h[3]) == "True" {
		return nil, errors.New("it is in Fortran's order: save numpy.ascontiguousarray of it")
	}
	size := int64(f.t.DType.Size())
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	left := info.Size() - f.start
	for _, part := range strings.Split(string(h[4]), ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		n, err := strconv.Atoi(part)
		if err != nil || n > 0 && size > left/int64(n) {
			return nil, fmt.Errorf("it holds %d bytes of an array of shape (%s)", left, h[4])
		}
		size *= int64(n)
		f.t.Shape = append(f.t.Shape, n)
	}
	if len(f.t.Shape) == 0 || f.t.Shape[0] == 0 || size != left {
		return nil, fmt.Errorf("it holds %d bytes of an array of shape (%s) with rows", left, h[4])
	}
	f.row = int(size / int64(f.t.Shape[0]))
	return f, nil
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
		if bad := setElements(to.Data, raw, f.order); bad {
			return fmt.Errorf("%q: a bool that is neither 0 nor 1", name)
		}
	}
	return nil
}
