package train

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// Values are values of inputs, by name: a model's parameters, or the state of a trainer.
type Values map[string]vm.Array

// filled is the value of a type of input whose elements are v.
func filled(in *graph.Node, v float64) vm.Array {
	n := in.Shape().Size()
	if in.DType() == graph.Float32 {
		return vm.Array{Shape: in.Shape(), Data: slices.Repeat([]float32{float32(v)}, n)}
	}
	return vm.Array{Shape: in.Shape(), Data: slices.Repeat([]float64{v}, n)}
}

// Fill copies the values to the inputs of a machine that have their names. Values of other names are left out, and inputs without one left alone: a run says which input has no value.
func (v Values) Fill(m *vm.Machine) error { return v.fill(m, false) }

func (v Values) fill(m *vm.Machine, all bool) error {
	found := 0
	for _, s := range m.Program().Inputs() {
		a, ok := v[s.Name]
		if !ok {
			continue
		}
		found++
		if a.Shape == nil {
			a.Shape = s.Shape
		}
		to, err := m.View(s.Name)
		if err != nil {
			return fmt.Errorf("train: %w", err)
		}
		if err := to.Set(a); err != nil {
			return fmt.Errorf("train: input %q is %v: %w", s.Name, graph.Type{DType: s.DType, Shape: s.Shape}, err)
		}
	}
	if all && found < len(v) {
		return fmt.Errorf("train: there is no input %v", slices.Sorted(maps.Keys(v)))
	}
	return nil
}

// read copies inputs or outputs of a machine.
func read(m *vm.Machine, names []string) Values {
	v := Values{}
	for _, list := range [][]vm.Slot{m.Program().Inputs(), m.Program().Outputs()} {
		for _, s := range list {
			if !slices.Contains(names, s.Name) {
				continue
			}
			a, err := m.View(s.Name)
			if err != nil {
				panic(fmt.Sprintf("BUG: %v", err)) // the names are the program's own
			}
			v[s.Name] = a.Clone()
		}
	}
	return v
}

// descriptors are NumPy's names of dtypes.
var descriptors = map[string]func(n int) any{
	"<f8": func(n int) any { return make([]float64, n) },
	"<f4": func(n int) any { return make([]float32, n) },
	"<i8": func(n int) any { return make([]int64, n) },
	"<i4": func(n int) any { return make([]int32, n) },
	"|b1": func(n int) any { return make([]bool, n) },
}

func descriptorOf(data any) (string, error) {
	for d, alloc := range descriptors {
		if fmt.Sprintf("%T", alloc(0)) == fmt.Sprintf("%T", data) {
			return d, nil
		}
	}
	return "", fmt.Errorf("train: values of type %T", data)
}

const npyMagic = "\x93NUMPY\x01\x00"

// Write writes the values in NumPy's format npz (a zip archive, stored, of files of format npy 1.0), by name in ascending order: equal values give equal bytes.
func (v Values) Write(w io.Writer) error {
	z := zip.NewWriter(w)
	for _, name := range slices.Sorted(maps.Keys(v)) {
		a := v[name]
		d, err := descriptorOf(a.Data)
		if err != nil {
			return fmt.Errorf("%w of %q", err, name)
		}
		if n := graph.Shape(a.Shape).Size(); n*binary.Size(descriptors[d](1)) != binary.Size(a.Data) {
			return fmt.Errorf("train: %q has the shape %v and %d bytes", name, a.Shape, binary.Size(a.Data))
		}
		shape := ""
		for _, n := range a.Shape {
			shape += strconv.Itoa(n) + ","
		}
		header := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", d, shape)
		header += strings.Repeat(" ", 63-(len(npyMagic)+2+len(header))%64) + "\n"
		f, err := z.CreateHeader(&zip.FileHeader{Name: name + ".npy", Method: zip.Store})
		if err != nil {
			return err
		}
		b := binary.LittleEndian.AppendUint16([]byte(npyMagic), uint16(len(header)))
		if _, err = f.Write(append(b, header...)); err != nil {
			return err
		}
		if err = binary.Write(f, binary.LittleEndian, a.Data); err != nil {
			return err
		}
	}
	return z.Close()
}

var npyHeader = regexp.MustCompile(`^\{'descr': '([^']*)', 'fortran_order': (False|True), 'shape': \(([0-9, ]*)\),? *\}\s*$`)

// maxFile bounds what is read, so that a small file that states large sizes cannot take the memory of the computer.
const maxFile int64 = 1 << 36

// ReadValues reads what Write or NumPy's savez writes: arrays of float64, float32, int64, int32 and bool, little-endian and in row-major order.
func ReadValues(r io.ReaderAt, size int64) (Values, error) {
	if r == nil {
		return nil, errors.New("train: no reader of values")
	}
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	v := Values{}
	for _, f := range z.File {
		name, ok := strings.CutSuffix(f.Name, ".npy")
		if !ok {
			return nil, fmt.Errorf("train: the archive has the file %q, which is no array", f.Name)
		}
		a, err := readArray(f)
		if err != nil {
			return nil, fmt.Errorf("train: %q: %w", f.Name, err)
		}
		v[name] = a
	}
	return v, nil
}

func readArray(f *zip.File) (vm.Array, error) {
	if f.UncompressedSize64 > uint64(maxFile) {
		return vm.Array{}, fmt.Errorf("%d bytes", f.UncompressedSize64)
	}
	file, err := f.Open()
	if err != nil {
		return vm.Array{}, err
	}
	defer file.Close()
	data, err := io.ReadAll(file)
	if err != nil {
		return vm.Array{}, err
	}
	body, ok := bytes.CutPrefix(data, []byte(npyMagic))
	if !ok || len(body) < 2 {
		return vm.Array{}, errors.New("it is not in format npy 1.0")
	}
	length := int(binary.LittleEndian.Uint16(body))
	if body = body[2:]; len(body) < length {
		return vm.Array{}, io.ErrUnexpectedEOF
	}
	header := npyHeader.FindSubmatch(body[:length])
	if header == nil {
		return vm.Array{}, fmt.Errorf("the header is %q", body[:length])
	}
	a, n := vm.Array{}, 1
	for field := range strings.SplitSeq(string(header[3]), ",") {
		if field = strings.TrimSpace(field); field == "" {
			continue
		}
		k, err := strconv.Atoi(field)
		if err != nil || k < 0 || k > 0 && int64(n) > maxFile/int64(k) {
			return vm.Array{}, fmt.Errorf("the shape is (%s)", header[3])
		}
		a.Shape, n = append(a.Shape, k), n*k
	}
	alloc := descriptors[string(header[1])]
	if alloc == nil || string(header[2]) == "True" && len(a.Shape) > 1 {
		return vm.Array{}, fmt.Errorf("the array is %s", header[0])
	}
	if body = body[length:]; int64(len(body)) != int64(n)*int64(binary.Size(alloc(1))) {
		return vm.Array{}, fmt.Errorf("%d bytes for the shape (%s)", len(body), header[3])
	}
	a.Data = alloc(n)
	return a, binary.Read(bytes.NewReader(body), binary.LittleEndian, a.Data)
}

// Save writes the values to a file as Write does, or as WriteSafetensors does if its name ends in .safetensors; the file is there as a whole or as it was.
func (v Values) Save(path string) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	write := v.Write
	if strings.HasSuffix(path, safetensorsExtension) {
		write = func(w io.Writer) error { return v.WriteSafetensors(w, nil) }
	}
	if err := write(f); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := errors.Join(f.Chmod(fs.FileMode(0o644)), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// Load reads a file as ReadValues does, or as ReadSafetensors does if its name ends in .safetensors.
func Load(path string) (Values, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if strings.HasSuffix(path, safetensorsExtension) {
		v, _, err := ReadSafetensors(f, info.Size())
		return v, err
	}
	return ReadValues(f, info.Size())
}
