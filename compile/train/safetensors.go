package train

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/vm"
)

// The format safetensors (https://github.com/huggingface/safetensors): eight bytes with the length of a header, the header as JSON, and the elements of all tensors, little-endian and in row-major order, one
// tensor behind the other without gaps.

// safetensorsExtension is that of files which Save and Load take for safetensors.
const safetensorsExtension = ".safetensors"

// maxSafetensorsHeader is the format's own bound.
const maxSafetensorsHeader = 100_000_000

// safetensor is a tensor's entry in the header.
type safetensor struct {
	DType   string `json:"dtype"`
	Shape   []int  `json:"shape"`
	Offsets [2]int `json:"data_offsets"` // of its bytes behind the header
}

// safetensorsDType says how elements of a dtype of the format become ours.
type safetensorsDType struct {
	size int
	// share returns elements that lie in memory as ours do; nil if they do not.
	share func(data []byte) any
	// read returns elements from their little-endian bytes.
	read func(data []byte) (any, error)
}

var safetensorsDTypes = map[string]safetensorsDType{
	"F64":  {8, sharedAs[float64], copied[float64, float64](nil)},
	"F32":  {4, sharedAs[float32], copied[float32, float32](nil)},
	"I64":  {8, sharedAs[int64], copied[int64, int64](nil)},
	"I32":  {4, sharedAs[int32], copied[int32, int32](nil)},
	"I16":  {2, nil, copied(func(v int16) int32 { return int32(v) })},
	"U16":  {2, nil, copied(func(v uint16) int32 { return int32(v) })},
	"I8":   {1, nil, copied(func(v int8) int32 { return int32(v) })},
	"U8":   {1, nil, copied(func(v uint8) int32 { return int32(v) })},
	"U32":  {4, nil, copied(func(v uint32) int64 { return int64(v) })},
	"F16":  {2, nil, copied(dtype.Half)},
	"BF16": {2, nil, copied(dtype.BFloat16)},
	"BOOL": {1, nil, readBools},
	"U64": {8, nil, func(data []byte) (any, error) {
		v, err := copied[int64, int64](nil)(data)
		if err == nil && slices.ContainsFunc(v.([]int64), func(x int64) bool { return x < 0 }) {
			return nil, errors.New("a number is beyond the largest int64")
		}
		return v, err
	}},
}

// copied returns a reader of numbers, which are converted if there is a function.
func copied[T, U any](convert func(T) U) func(data []byte) (any, error) {
	return func(data []byte) (any, error) {
		in := make([]T, len(data)/binary.Size(*new(T)))
		if _, err := binary.Decode(data, binary.LittleEndian, in); err != nil {
			return nil, err
		}
		if convert == nil {
			return in, nil
		}
		out := make([]U, len(in))
		for i, v := range in {
			out[i] = convert(v)
		}
		return out, nil
	}
}

func readBools(data []byte) (any, error) {
	out := make([]bool, len(data))
	for i, b := range data {
		if b > 1 {
			return nil, fmt.Errorf("element %d is the byte %d, which is no bool", i, b)
		}
		out[i] = b == 1
	}
	return out, nil
}

// sharedAs returns the bytes as numbers without a copy, nil where they do not lie as numbers do.
func sharedAs[T any](data []byte) any {
	size := int(unsafe.Sizeof(*new(T)))
	if bigEndian || len(data) == 0 || uintptr(unsafe.Pointer(&data[0]))%uintptr(size) != 0 {
		return nil
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&data[0])), len(data)/size)
}

var bigEndian = binary.NativeEndian.Uint16([]byte{0, 1}) == 1

// safetensorsNames are the format's names of our dtypes.
var safetensorsNames = map[dtype.DType]string{dtype.Int64: "I64", dtype.Float64: "F64", dtype.Float32: "F32", dtype.Int32: "I32", dtype.Bool: "BOOL"}

// safetensorsOrder is the order in which tensors are written: those that are aligned most first, as the format's own library does.
var safetensorsOrder = []string{"I64", "F64", "F32", "I32", "BF16", "F16", "BOOL"}

// Storage is the format of floats in a file.
type Storage int

// The formats.
const (
	AsComputed Storage = iota // that of the values
	Float16                   // binary16 of IEEE 754: eleven binary digits, from 6e-8 to 65504
	BFloat16                  // the first 16 bits of a float32: eight binary digits, the range of float32
)

// storages are the formats of 16 bits: their name in safetensors, and how a float becomes one.
var storages = map[Storage]struct {
	name   string
	infty  uint16
	narrow func(float32) uint16
}{Float16: {"F16", 0x7c00, dtype.ToHalf}, BFloat16: {"BF16", 0x7f80, dtype.ToBFloat16}}

// stored returns an array's elements as a format has them, floats rounded to nearest, and the name of their dtype in safetensors. A finite float that would become infinite is an error.
func stored(a vm.Array, t vm.Type, s Storage) (data any, name string, err error) {
	to, ok := storages[s]
	if !ok || !t.DType.IsFloat() {
		return a.Data, safetensorsNames[t.DType], nil
	}
	out := make([]uint16, t.Size())
	for i, v := range a.Float64s() {
		out[i] = to.narrow(dtype.RoundToOdd(v))
		if out[i]&0x7fff == to.infty && !math.IsInf(v, 0) {
			return nil, "", fmt.Errorf("element %d, %v, is beyond %s", i, v, to.name)
		}
	}
	return out, to.name, nil
}

// metadataKey is the header's entry that is no tensor.
const metadataKey = "__metadata__"

// WriteSafetensors writes the values and metadata, which may be nil, in the format safetensors: wide dtypes first and then by name, as the format's own library does, so that equal values give equal bytes.
func (v Values) WriteSafetensors(w io.Writer, metadata map[string]string) error {
	return v.writeSafetensors(w, metadata, AsComputed)
}

func (v Values) writeSafetensors(w io.Writer, metadata map[string]string, storage Storage) error {
	if w == nil {
		return errors.New("train: no writer of values")
	}
	type entry struct {
		name, dtype string
		data        any
	}
	var entries []entry
	for name, a := range v {
		t, err := typeOf(a)
		if err != nil {
			return fmt.Errorf("train: %q: %w", name, err)
		}
		if name == metadataKey {
			return fmt.Errorf("train: in safetensors %q is no name of a value", name)
		}
		data, kind, err := stored(a, t, storage)
		if err != nil {
			return fmt.Errorf("train: %q: %w", name, err)
		}
		entries = append(entries, entry{name, kind, data})
	}
	slices.SortFunc(entries, func(a, b entry) int {
		if d := slices.Index(safetensorsOrder, a.dtype) - slices.Index(safetensorsOrder, b.dtype); d != 0 {
			return d
		}
		return strings.Compare(a.name, b.name)
	})
	var header bytes.Buffer
	text := func(v any) error { // JSON without escapes for HTML, and without the line's end
		e := json.NewEncoder(&header)
		e.SetEscapeHTML(false)
		err := e.Encode(v)
		header.Truncate(max(0, header.Len()-1))
		return err
	}
	member := func(name string, v any) error {
		header.WriteByte("{,"[min(1, header.Len())])
		err := text(name)
		header.WriteByte(':')
		return errors.Join(err, text(v))
	}
	if len(metadata) > 0 {
		if err := member(metadataKey, metadata); err != nil {
			return err
		}
	}
	at := 0
	for _, e := range entries {
		a := v[e.name]
		end := at + binary.Size(e.data)
		if err := member(e.name, safetensor{e.dtype, append([]int{}, a.Shape...), [2]int{at, end}}); err != nil {
			return err
		}
		at = end
	}
	if header.Len() == 0 {
		header.WriteByte('{')
	}
	header.WriteByte('}')
	header.WriteString(strings.Repeat(" ", (8-header.Len()%8)%8))
	if header.Len() > maxSafetensorsHeader {
		return fmt.Errorf("train: names and shapes take %d bytes, more than safetensors allows", header.Len())
	}
	if _, err := w.Write(binary.LittleEndian.AppendUint64(nil, uint64(header.Len()))); err != nil {
		return err
	}
	if _, err := w.Write(header.Bytes()); err != nil {
		return err
	}
	for _, e := range entries {
		if err := binary.Write(w, binary.LittleEndian, e.data); err != nil {
			return err
		}
	}
	return nil
}

// ReadSafetensors reads values and metadata in the format safetensors. Numbers of 8 and 16 bits become int32 and float32, unsigned ones of 32 bits int64, and of 64 bits int64 if all are within its range; other dtypes are
// errors. The header is checked before anything is allocated for elements.
func ReadSafetensors(r io.ReaderAt, size int64) (v Values, metadata map[string]string, err error) {
	if r == nil {
		return nil, nil, errors.New("train: no reader of values")
	}
	header, at, err := safetensorsHeader(r, size)
	if err != nil {
		return nil, nil, fmt.Errorf("train: safetensors: %w", err)
	}
	entries, metadata, err := parseSafetensors(header, size-at)
	if err != nil {
		return nil, nil, fmt.Errorf("train: safetensors: %w", err)
	}
	v = Values{}
	for name, e := range entries {
		data := make([]byte, e.Offsets[1]-e.Offsets[0])
		if _, err := r.ReadAt(data, at+int64(e.Offsets[0])); err != nil && (err != io.EOF || len(data) > 0) {
			return nil, nil, fmt.Errorf("train: safetensors: %q: %w", name, err)
		}
		if v[name], err = e.array(data); err != nil {
			return nil, nil, fmt.Errorf("train: safetensors: %q: %w", name, err)
		}
	}
	return v, metadata, nil
}

// safetensorsHeader returns the header, and where the elements begin.
func safetensorsHeader(r io.ReaderAt, size int64) (header []byte, at int64, err error) {
	var length [8]byte
	if _, err := r.ReadAt(length[:], 0); err != nil || size < 8 {
		return nil, 0, fmt.Errorf("%d bytes have no header", max(0, size))
	}
	n := binary.LittleEndian.Uint64(length[:])
	if n > maxSafetensorsHeader || n > uint64(size)-8 {
		return nil, 0, fmt.Errorf("a header of %d bytes in a file of %d", n, size)
	}
	header = make([]byte, n)
	if _, err := r.ReadAt(header, 8); err != nil && (err != io.EOF || n > 0) {
		return nil, 0, err
	}
	return header, 8 + int64(n), nil
}

// parseSafetensors reads a header for so many bytes of elements: names are unique, and tensors cover the bytes without gaps.
func parseSafetensors(header []byte, bytesOfElements int64) (entries map[string]safetensor, metadata map[string]string, err error) {
	d := json.NewDecoder(bytes.NewReader(header))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, nil, errors.New("the header is no JSON object")
	}
	entries = map[string]safetensor{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, nil, err
		}
		name, _ := t.(string)
		if name == metadataKey {
			if metadata != nil {
				return nil, nil, errors.New("metadata is there twice")
			}
			if err := d.Decode(&metadata); err != nil {
				return nil, nil, fmt.Errorf("metadata: %w", err)
			}
			if metadata == nil {
				metadata = map[string]string{}
			}
			continue
		}
		if _, twice := entries[name]; twice {
			return nil, nil, fmt.Errorf("%q is there twice", name)
		}
		var e safetensor
		if err := d.Decode(&e); err != nil {
			return nil, nil, fmt.Errorf("%q: %w", name, err)
		}
		if err := e.check(bytesOfElements); err != nil {
			return nil, nil, fmt.Errorf("%q: %w", name, err)
		}
		entries[name] = e
	}
	if _, err := d.Token(); err != nil {
		return nil, nil, err
	}
	if rest := bytes.TrimLeft(header[d.InputOffset():], " \t\r\n"); len(rest) > 0 {
		return nil, nil, errors.New("there is more than one JSON object in the header")
	}
	end := 0
	for _, name := range slices.SortedFunc(maps.Keys(entries), func(a, b string) int {
		x, y := entries[a].Offsets, entries[b].Offsets
		return slices.Compare(x[:], y[:])
	}) {
		if e := entries[name]; e.Offsets[0] != end {
			return nil, nil, fmt.Errorf("%q begins at byte %d, and what is before it ends at %d", name, e.Offsets[0], end)
		} else {
			end = e.Offsets[1]
		}
	}
	if int64(end) != bytesOfElements {
		return nil, nil, fmt.Errorf("the tensors end at byte %d of %d", end, bytesOfElements)
	}
	return entries, metadata, nil
}

// check returns what is wrong with an entry.
func (e *safetensor) check(bytesOfElements int64) error {
	d, ok := safetensorsDTypes[e.DType]
	if !ok {
		return fmt.Errorf("dtype %q has no counterpart here", e.DType)
	}
	if e.Offsets[0] < 0 || e.Offsets[1] < e.Offsets[0] || int64(e.Offsets[1]) > bytesOfElements {
		return fmt.Errorf("bytes %d to %d of %d", e.Offsets[0], e.Offsets[1], bytesOfElements)
	}
	n := 1
	for _, extent := range e.Shape {
		if extent < 0 {
			return fmt.Errorf("the shape is %v", e.Shape)
		}
		if n > 0 && extent > math.MaxInt/8/n {
			return fmt.Errorf("the shape %v is too large", e.Shape)
		}
		n *= extent
	}
	if n*d.size != e.Offsets[1]-e.Offsets[0] {
		return fmt.Errorf("the shape %v takes %d bytes of %s, not %d", e.Shape, n*d.size, e.DType, e.Offsets[1]-e.Offsets[0])
	}
	return nil
}

// array returns the tensor whose elements are the bytes, which it may share.
func (e *safetensor) array(data []byte) (a vm.Array, err error) {
	a.Shape = e.Shape
	d := safetensorsDTypes[e.DType]
	if d.share != nil {
		if a.Data = d.share(data); a.Data != nil {
			return a, nil
		}
	}
	a.Data, err = d.read(data)
	return a, err
}

// File is a file of values, those of dtypes that the file has as they are here in its own memory: nothing is read before it is looked at.
type File struct {
	Values   Values
	Metadata map[string]string
	close    func() error
}

// Open opens a file in the format safetensors, as large as it may be, in the time that its header takes: values of float64, float32, int64 and int32 lie in the file's memory, which the system reads when they are used. What is written to them
// changes memory alone, not the file. They are not to be used any more behind Close, nor while another process changes the file. Where a system cannot map files they are read.
func Open(path string) (*File, error) {
	data, closeFile, err := mapFile(path)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	f := &File{Values: Values{}, close: closeFile}
	fail := func(err error) (*File, error) {
		return nil, errors.Join(fmt.Errorf("train: %s: %w", path, err), f.Close())
	}
	header, at, err := safetensorsHeader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return fail(err)
	}
	entries, metadata, err := parseSafetensors(header, int64(len(data))-at)
	if err != nil {
		return fail(err)
	}
	f.Metadata = metadata
	for name, e := range entries {
		from := data[at+int64(e.Offsets[0]) : at+int64(e.Offsets[1])]
		if f.Values[name], err = e.array(from[:len(from):len(from)]); err != nil {
			return fail(fmt.Errorf("%q: %w", name, err))
		}
	}
	return f, nil
}

// Close gives the file's memory back.
func (f *File) Close() error {
	if f == nil || f.close == nil {
		return nil
	}
	c := f.close
	f.close, f.Values = nil, nil
	return c()
}

// readFile is the mapFile of systems without maps.
func readFile(path string) (data []byte, closeFile func() error, err error) {
	data, err = os.ReadFile(path)
	return data, func() error { return nil }, err
}
