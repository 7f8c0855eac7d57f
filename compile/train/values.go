package train

import (
	"archive/zip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/npy"
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

// typeOf is the type of an array, or an error if its data are no elements of such an array.
func typeOf(a vm.Array) (vm.Type, error) {
	t := a.Type()
	if t.DType == dtype.Invalid {
		return t, fmt.Errorf("values of type %T and %d bytes for the shape %v", a.Data, binary.Size(a.Data), a.Shape)
	}
	return t, nil
}

// Write writes the values in NumPy's format npz (a zip archive, stored, of files of format npy 1.0), by name in ascending order: equal values give equal bytes.
func (v Values) Write(w io.Writer) error {
	z := zip.NewWriter(w)
	for _, name := range slices.Sorted(maps.Keys(v)) {
		a := v[name]
		t, err := typeOf(a)
		if err != nil {
			return fmt.Errorf("train: %q: %w", name, err)
		}
		f, err := z.CreateHeader(&zip.FileHeader{Name: name + ".npy", Method: zip.Store})
		if err != nil {
			return err
		}
		if _, err = f.Write(npy.Append(nil, t.DType, t.Shape)); err != nil {
			return err
		}
		if err = binary.Write(f, binary.LittleEndian, a.Data); err != nil {
			return err
		}
	}
	return z.Close()
}

// maxFile bounds what is read, so that a small file that states large sizes cannot take the memory of the computer.
const maxFile int64 = 1 << 36

// ReadValues reads what Write or NumPy's savez writes: arrays of float64, float32, int64, int32 and bool, little-endian and in row-major order.
func ReadValues(r io.ReaderAt, size int64) (Values, error) {
	if r == nil {
		return nil, errors.New("train: no reader of values")
	}
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("train: no archive of arrays (.npz): %w", err)
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
	h, err := npy.Read(file)
	if err != nil {
		return vm.Array{}, err
	}
	if h.Fortran && len(h.Shape) > 1 {
		return vm.Array{}, errors.New("it is in Fortran's order: save numpy.ascontiguousarray of it")
	}
	// Memory grows with what the file holds, not with what its header says.
	data, err := io.ReadAll(file)
	if err != nil {
		return vm.Array{}, err
	}
	if len(data) != h.Bytes() {
		return vm.Array{}, fmt.Errorf("%d bytes for the shape %v", len(data), h.Shape)
	}
	a := vm.Array{Shape: h.Shape, Data: npy.Allocate(h.DType, len(data)/h.DType.Size())}
	return a, npy.Decode(a.Data, data, h.Order)
}

// Save writes the values to a file as Write does, or as WriteSafetensors does if its name ends in .safetensors; the file is there as a whole or as it was.
func (v Values) Save(path string) error { return v.SaveIn(path, AsComputed) }

// SaveIn is Save with floats in a format of 16 bits, rounded to nearest once, which takes half of the bytes or a quarter; Load gives them as float32, which models are computed in. The file must be in the format safetensors. A finite float that is beyond the format is an error, and so is a
// storage that is none.
func (v Values) SaveIn(path string, storage Storage) (err error) {
	inSafetensors := strings.HasSuffix(path, safetensorsExtension)
	switch {
	case storage < AsComputed || storage > BFloat16:
		return fmt.Errorf("train: there is no storage %d", storage)
	case storage != AsComputed && !inSafetensors:
		return fmt.Errorf("train: %s: floats of 16 bits need a file that ends in %s", path, safetensorsExtension)
	}
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
	if inSafetensors {
		write = func(w io.Writer) error { return v.writeSafetensors(w, nil, storage) }
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
func Load(path string) (v Values, err error) {
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
		v, _, err = ReadSafetensors(f, info.Size())
	} else {
		v, err = ReadValues(f, info.Size())
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return v, nil
}
