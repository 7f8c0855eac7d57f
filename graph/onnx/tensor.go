package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"

	"google.golang.org/protobuf/proto"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/graph/onnx/internal/pb"
	"github.com/adjoint-go/adjoint/internal/dtype"
)

// kind is ONNX's element type.
type kind int32

// The element types that are held as another one here, or are named in rules.
const (
	kindFloat    = kind(pb.TensorProto_FLOAT)
	kindUint8    = kind(pb.TensorProto_UINT8)
	kindInt8     = kind(pb.TensorProto_INT8)
	kindUint16   = kind(pb.TensorProto_UINT16)
	kindInt16    = kind(pb.TensorProto_INT16)
	kindInt32    = kind(pb.TensorProto_INT32)
	kindInt64    = kind(pb.TensorProto_INT64)
	kindBool     = kind(pb.TensorProto_BOOL)
	kindFloat16  = kind(pb.TensorProto_FLOAT16)
	kindDouble   = kind(pb.TensorProto_DOUBLE)
	kindUint32   = kind(pb.TensorProto_UINT32)
	kindUint64   = kind(pb.TensorProto_UINT64)
	kindBfloat16 = kind(pb.TensorProto_BFLOAT16)
	kindUint4    = kind(pb.TensorProto_UINT4)
	kindInt4     = kind(pb.TensorProto_INT4)
	kindUint2    = kind(pb.TensorProto_UINT2)
	kindInt2     = kind(pb.TensorProto_INT2)
)

func (k kind) String() string { return pb.TensorProto_DataType(k).String() }

// dtype is how elements are held here, 0 if they are not.
func (k kind) dtype() graph.DType {
	switch k {
	case kindFloat, kindFloat16, kindBfloat16:
		return graph.Float32
	case kindDouble:
		return graph.Float64
	case kindInt32, kindUint8, kindInt8, kindUint16, kindInt16, kindUint4, kindInt4, kindUint2, kindInt2:
		return graph.Int32
	case kindInt64, kindUint32, kindUint64:
		return graph.Int64
	case kindBool:
		return graph.Bool
	}
	if smallFloats[k] != nil {
		return graph.Float32
	}
	return 0
}

// kindOf is the element type that a dtype is written as.
func kindOf(d graph.DType) kind {
	switch d {
	case graph.Float32:
		return kindFloat
	case graph.Float64:
		return kindDouble
	case graph.Int32:
		return kindInt32
	case graph.Int64:
		return kindInt64
	}
	return kindBool
}

// bits is the width of an integer narrower than what holds it, and whether it has a sign; 0 for others.
func (k kind) bits() (width int, signed bool) {
	switch k {
	case kindUint8:
		return 8, false
	case kindInt8:
		return 8, true
	case kindUint16:
		return 16, false
	case kindInt16:
		return 16, true
	case kindUint32:
		return 32, false
	case kindUint4:
		return 4, false
	case kindInt4:
		return 4, true
	case kindUint2:
		return 2, false
	case kindInt2:
		return 2, true
	}
	return 0, false
}

// width is the bits of an element in raw data.
func (k kind) width() int {
	switch k {
	case kindBool:
		return 8
	case kindFloat16, kindBfloat16:
		return 16
	case kindFloat, kindInt32:
		return 32
	}
	if f := smallFloats[k]; f != nil {
		return f.width
	}
	if n, _ := k.bits(); n > 0 {
		return n
	}
	return 64
}

// bytes is the length of raw data: elements of less than a byte lie side by side, the first in the lowest bits.
func (k kind) bytes(elements int) int { return (elements*k.width() + 7) / 8 }

// value is what a name of a model stands for while its graph is built.
type value struct {
	node *graph.Node // nil where there is no tensor
	kind kind
	seq  *sequence // of a sequence
	// bad values come from nodes whose mistake is on record.
	bad bool
}

// sequence is a list of tensors whose length is known while the graph is built.
type sequence struct{ items []value }

// missing reports a value that an optional operand leaves out.
func (v value) missing() bool { return v.node == nil && v.seq == nil && !v.bad }

// Type returns dtype and shape of a tensor.
func (v value) Type() graph.Type {
	if v.node == nil {
		return graph.Type{}
	}
	return v.node.Type()
}

func (v value) shape() graph.Shape { return v.Type().Shape }

// constant reports whether the value is known while the graph is built.
func (v value) constant() bool { return v.node != nil && v.node.IsConst() }

// dims checks the extents of a tensor and returns them with the number of elements.
func dims(ds []int64) (graph.Shape, int, error) {
	if len(ds) > graph.MaxRank {
		return nil, 0, fmt.Errorf("%d dimensions: %d are the most", len(ds), graph.MaxRank)
	}
	s, size := make(graph.Shape, len(ds)), 1
	zero := false
	for i, d := range ds {
		if d < 0 {
			return nil, 0, fmt.Errorf("an extent of %d", d)
		}
		if d == 0 {
			zero = true
			continue
		}
		if d > graph.MaxElements || size > graph.MaxElements/int(d) {
			return nil, 0, fmt.Errorf("extents %v: more than %d elements", ds, graph.MaxElements)
		}
		s[i] = int(d)
		size *= int(d)
	}
	if zero {
		size = 0
	}
	return s, size, nil
}

// tensor makes a constant of the graph of a tensor, which may lie in an external file.
func tensor(g *graph.Graph, t *pb.TensorProto, root *os.Root) (value, error) {
	k := kind(t.GetDataType())
	d := k.dtype()
	if d == 0 {
		return value{}, fmt.Errorf("elements of type %v have no counterpart here", k)
	}
	if t.GetSegment() != nil {
		return value{}, errors.New("a segment of a tensor")
	}
	s, size, err := dims(t.GetDims())
	if err != nil {
		return value{}, err
	}
	if err := loadExternal(t, root); err != nil {
		return value{}, err
	}
	var data []byte
	if size == 0 {
		data = []byte{}
	} else if raw := t.GetRawData(); raw != nil {
		data, err = fromRaw(k, size, raw)
	} else {
		data, err = fromFields(k, size, t)
	}
	if err != nil {
		return value{}, err
	}
	l, err := graph.NewLiteral(graph.Type{DType: d, Shape: s}, data)
	if err != nil {
		return value{}, err
	}
	return value{node: g.Literal(l), kind: k}, nil
}

// fromRaw converts raw data to the bytes of a literal.
func fromRaw(k kind, size int, raw []byte) ([]byte, error) {
	if len(raw) != k.bytes(size) {
		return nil, fmt.Errorf("%d bytes of data for %d elements of type %v", len(raw), size, k)
	}
	switch k {
	case kindFloat, kindDouble, kindInt32, kindInt64, kindUint64:
		return raw, nil
	case kindBool:
		data := make([]byte, size)
		for i, b := range raw {
			if b != 0 {
				data[i] = 1
			}
		}
		return data, nil
	}
	data := make([]byte, 0, size*k.dtype().Size())
	for i := range size {
		var bits uint64
		switch w := k.width(); w {
		case 16:
			bits = uint64(binary.LittleEndian.Uint16(raw[2*i:]))
		case 32:
			bits = uint64(binary.LittleEndian.Uint32(raw[4*i:]))
		default:
			bits = uint64(raw[i*w/8]) >> (i * w % 8)
		}
		data = appendElement(data, k, bits)
	}
	return data, nil
}

// appendElement appends an element, given by its bits, as it is held here.
func appendElement(data []byte, k kind, bits uint64) []byte {
	switch k {
	case kindFloat16:
		return binary.LittleEndian.AppendUint32(data, math.Float32bits(dtype.Half(uint16(bits))))
	case kindBfloat16:
		return binary.LittleEndian.AppendUint32(data, uint32(bits)<<16)
	case kindBool:
		if bits != 0 {
			bits = 1
		}
		return append(data, byte(bits))
	}
	if f := smallFloats[k]; f != nil {
		return binary.LittleEndian.AppendUint32(data, math.Float32bits(f.value(bits)))
	}
	if width, signed := k.bits(); width > 0 {
		bits &= 1<<width - 1
		if signed {
			bits = uint64(int64(bits<<(64-width)) >> (64 - width))
		}
	}
	if k.dtype().Size() == 4 {
		return binary.LittleEndian.AppendUint32(data, uint32(bits))
	}
	return binary.LittleEndian.AppendUint64(data, bits)
}

// fromFields converts the elements that lie in fields of their own type.
func fromFields(k kind, size int, t *pb.TensorProto) ([]byte, error) {
	count := func(n int) error {
		if n != size {
			return fmt.Errorf("%d values of type %v for %d elements", n, k, size)
		}
		return nil
	}
	var bitsOf func(i int) uint64
	var err error
	switch k {
	case kindFloat:
		err = count(len(t.FloatData))
		bitsOf = func(i int) uint64 { return uint64(math.Float32bits(t.FloatData[i])) }
	case kindDouble:
		err = count(len(t.DoubleData))
		bitsOf = func(i int) uint64 { return math.Float64bits(t.DoubleData[i]) }
	case kindInt64:
		err = count(len(t.Int64Data))
		bitsOf = func(i int) uint64 { return uint64(t.Int64Data[i]) }
	case kindUint32, kindUint64:
		err = count(len(t.Uint64Data))
		bitsOf = func(i int) uint64 { return t.Uint64Data[i] }
	default:
		w := min(8, k.width())
		if w < 8 { // several to a byte
			if n := len(t.Int32Data); n != k.bytes(size) {
				err = fmt.Errorf("%d bytes of data for %d elements of type %v", n, size, k)
			}
		} else {
			err = count(len(t.Int32Data))
		}
		bitsOf = func(i int) uint64 { return uint64(int64(t.Int32Data[i*w/8])) >> (i * w % 8) }
	}
	if err != nil {
		return nil, err
	}
	data := make([]byte, 0, size*k.dtype().Size())
	for i := range size {
		data = appendElement(data, k, bitsOf(i))
	}
	return data, nil
}

// loadExternal reads the data of a tensor that lies in a file beside the model.
func loadExternal(t *pb.TensorProto, root *os.Root) error {
	if t.GetDataLocation() != pb.TensorProto_EXTERNAL {
		return nil
	}
	if root == nil {
		return errors.New("its data lies in another file: read the model by ReadFile")
	}
	var location string
	offset, length := int64(0), int64(-1)
	for _, e := range t.GetExternalData() {
		var err error
		switch e.GetKey() {
		case "location":
			location = e.GetValue()
		case "offset":
			offset, err = strconv.ParseInt(e.GetValue(), 10, 64)
		case "length":
			length, err = strconv.ParseInt(e.GetValue(), 10, 64)
		}
		if err != nil || offset < 0 || length < -1 {
			return fmt.Errorf("external data: %s is %q", e.GetKey(), e.GetValue())
		}
	}
	if !filepath.IsLocal(filepath.FromSlash(location)) {
		return fmt.Errorf("external data in %q, which is not in the model's folder", location)
	}
	f, err := root.Open(filepath.FromSlash(location))
	if err != nil {
		return fmt.Errorf("external data: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("external data in %q, which is no file", location)
	}
	_, size, err := dims(t.GetDims())
	if err != nil {
		return err
	}
	need := int64(kind(t.GetDataType()).bytes(size))
	if length < 0 {
		length = need
	}
	if length != need || offset > info.Size()-length {
		return fmt.Errorf("external data: %d bytes at %d of %q, which has %d; the tensor needs %d", length, offset, location, info.Size(), need)
	}
	data := make([]byte, length)
	if _, err := io.ReadFull(io.NewSectionReader(f, offset, length), data); err != nil {
		return fmt.Errorf("external data: %w", err)
	}
	t.RawData, t.DataLocation, t.ExternalData = data, nil, nil
	return nil
}

// resolveExternal reads external data of tensors that are no initialisers of the main graph: attributes, and initialisers of subgraphs and functions.
func resolveExternal(m *pb.ModelProto, root *os.Root, depth int) error {
	var errs []error
	var nodes func(ns []*pb.NodeProto, depth int)
	one := func(t *pb.TensorProto) {
		if t == nil {
			return
		}
		if err := loadExternal(t, root); err != nil {
			errs = append(errs, fmt.Errorf("tensor %q: %w", t.GetName(), err))
		}
	}
	nodes = func(ns []*pb.NodeProto, depth int) {
		if depth == 0 {
			return // Unmarshal has bounded it already
		}
		for _, n := range ns {
			for _, a := range n.GetAttribute() {
				one(a.GetT())
				for _, t := range a.GetTensors() {
					one(t)
				}
				for _, g := range append(a.GetGraphs()[:len(a.GetGraphs()):len(a.GetGraphs())], a.GetG()) {
					for _, t := range g.GetInitializer() {
						one(t)
					}
					nodes(g.GetNode(), depth-1)
				}
			}
		}
	}
	nodes(m.GetGraph().GetNode(), depth)
	for _, f := range m.GetFunctions() {
		nodes(f.GetNode(), depth)
	}
	if len(errs) > maxErrors {
		errs = errs[:maxErrors]
	}
	return errors.Join(errs...)
}

// Tensor is a tensor in a file of its own, as ONNX's test data and tools have them.
type Tensor struct {
	Name string
	Kind string     // ONNX's name of the element type
	Type graph.Type // how it is held here
	Data *graph.Literal
}

// ReadTensor reads a file that holds one tensor (a TensorProto).
func ReadTensor(r io.Reader) (Tensor, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxFile))
	if err != nil {
		return Tensor{}, err
	}
	p := &pb.TensorProto{}
	if err := (proto.UnmarshalOptions{RecursionLimit: maxNesting, DiscardUnknown: true}).Unmarshal(data, p); err != nil {
		return Tensor{}, fmt.Errorf("no ONNX tensor, or not all of one: %w", noMessage(data, err))
	}
	v, err := tensor(graph.New(), p, nil)
	if err != nil {
		return Tensor{}, fmt.Errorf("tensor %q: %w", p.GetName(), err)
	}
	return Tensor{p.GetName(), v.kind.String(), v.Type(), v.node.Literal()}, nil
}
