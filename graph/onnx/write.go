package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"google.golang.org/protobuf/proto"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/graph/onnx/internal/pb"
	"github.com/adjoint-go/adjoint/internal/emit"
)

const (
	// WrittenOpset is the version of the standard operators that Write uses.
	WrittenOpset = 20
	// writtenIR is the version of the format that goes with it.
	writtenIR = 9
	// externalFrom is the size in bytes from which WriteFile puts a tensor into a file of its own, if the model is that large.
	externalFrom = 1024
)

// WriteOptions change what Write writes.
type WriteOptions struct {
	// Names are those of the outputs; without them an output has its node's name, or output_0 and so on.
	Names []string
	// Values are inputs of the graph that the model holds a value for, such as trained parameters.
	Values map[string]*graph.Literal
	// Metadata are named properties of the model; doc_string is its description.
	Metadata map[string]string
	// External puts tensors of 1 KiB and more into a file beside the model, called as it is with .data behind it. Models beyond 2 GiB need it. Only WriteFile can do it.
	External bool
}

// Write writes what the outputs compute as a model of opset 20, whose inputs are those of the graph that they depend on. Operators of the graph become ONNX's, or several of them; loops become Scan and
// Loop, branches If. An operator that ONNX cannot express is an error with the line of the node. A loop that goes beyond its limit is an error of the run in a graph and ends in a model.
func Write(w io.Writer, outputs []*graph.Node, o WriteOptions) error {
	if o.External {
		return errors.New("onnx: external data needs a file: WriteFile")
	}
	m, err := toModel(outputs, o)
	if err != nil {
		return err
	}
	return writeModel(w, m)
}

// WriteFile is Write to a file.
func WriteFile(path string, outputs []*graph.Node, o WriteOptions) (err error) {
	m, err := toModel(outputs, o)
	if err != nil {
		return err
	}
	if o.External {
		if err := writeExternal(path+".data", m.GetGraph().GetInitializer()); err != nil {
			return err
		}
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return writeModel(f, m)
}

func writeModel(w io.Writer, m *pb.ModelProto) error {
	if n := proto.Size(m); n > maxFile {
		return fmt.Errorf("onnx: the model has %d bytes, %d are the most: WriteOptions.External puts tensors into a file of their own", n, maxFile)
	}
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}

// writeExternal moves large tensors to a file, each at a multiple of 4096 bytes so that it can be mapped.
func writeExternal(path string, tensors []*pb.TensorProto) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	at := int64(0)
	for _, t := range tensors {
		if len(t.RawData) < externalFrom {
			continue
		}
		at = (at + 4095) &^ 4095
		if _, err := f.WriteAt(t.RawData, at); err != nil {
			return err
		}
		entry := func(key, value string) *pb.StringStringEntryProto {
			return &pb.StringStringEntryProto{Key: proto.String(key), Value: proto.String(value)}
		}
		t.DataLocation = pb.TensorProto_EXTERNAL.Enum()
		t.ExternalData = []*pb.StringStringEntryProto{entry("location", filepath.Base(path)), entry("offset", strconv.FormatInt(at, 10)), entry("length", strconv.Itoa(len(t.RawData)))}
		at += int64(len(t.RawData))
		t.RawData = nil
	}
	return nil
}

// writer writes the nodes of a graph, or of the body of a loop or branch. Values are names.
type writer struct {
	*emit.Emitter[string]
	model *modelWriter
	nodes []*pb.NodeProto
}

func newWriter(m *modelWriter) *writer {
	w := &writer{model: m}
	w.Emitter = emit.New(emit.Format[string]{Package: "onnx", Name: "ONNX", Literal: w.constant, Rule: func(n *graph.Node) []string {
		if f := writers[n.Op().Name]; f != nil {
			return f(w, n)
		}
		return nil
	}})
	return w
}

// modelWriter is what the writers of all bodies have in common.
type modelWriter struct {
	taken        map[string]bool
	initializers []*pb.TensorProto
	constants    map[string]string // names by type and bytes
	count        int
}

func toModel(outputs []*graph.Node, o WriteOptions) (*pb.ModelProto, error) {
	if o.Names != nil && len(o.Names) != len(outputs) {
		return nil, fmt.Errorf("onnx: %d names for %d outputs", len(o.Names), len(outputs))
	}
	return emit.Write("onnx", outputs, func(g *graph.Graph, outputs []*graph.Node) (*pb.ModelProto, error) {
		return newModel(g, outputs, o)
	})
}

func newModel(g *graph.Graph, outputs []*graph.Node, o WriteOptions) (*pb.ModelProto, error) {
	mw := &modelWriter{taken: map[string]bool{}, constants: map[string]string{}}
	w := newWriter(mw)
	p := &pb.GraphProto{Name: proto.String("graph")}
	needed := g.Needed(outputs...)
	for _, in := range g.Inputs() {
		l := o.Values[in.Name()]
		if !needed[in.ID()] {
			continue
		}
		mw.taken[in.Name()] = true
		w.Set(in, in.Name())
		if l == nil {
			p.Input = append(p.Input, declared(in.Name(), in.Type()))
			continue
		}
		if !l.Type().Equal(in.Type()) {
			return nil, fmt.Errorf("onnx: the value of the input %q is %v, not %v", in.Name(), l.Type(), in.Type())
		}
		mw.initializers = append(mw.initializers, toTensor(in.Name(), l))
	}
	for i, n := range outputs {
		name := fmt.Sprintf("output_%d", i)
		if n.Name() != "" {
			name = n.Name()
		}
		if o.Names != nil {
			name = o.Names[i]
		}
		switch {
		case name == "" || mw.taken[name] && o.Names != nil:
			return nil, fmt.Errorf("onnx: the name %q of output %d is taken", name, i)
		case mw.taken[name]: // an input, or given twice
			name = mw.fresh(name)
		}
		mw.taken[name] = true
		p.Output = append(p.Output, declared(name, n.Type()))
	}
	w.All(g, outputs)
	for i, n := range outputs {
		w.nodes = append(w.nodes, &pb.NodeProto{OpType: proto.String("Identity"), Input: []string{w.name(n)}, Output: []string{p.Output[i].GetName()}})
	}
	p.Node, p.Initializer = w.nodes, mw.initializers
	m := &pb.ModelProto{IrVersion: proto.Int64(writtenIR), ProducerName: proto.String("adjoint"), Graph: p, OpsetImport: []*pb.OperatorSetIdProto{{Domain: proto.String(""), Version: proto.Int64(WrittenOpset)}}}
	for _, k := range slices.Sorted(maps.Keys(o.Metadata)) {
		if k == "doc_string" {
			m.DocString = proto.String(o.Metadata[k])
			continue
		}
		m.MetadataProps = append(m.MetadataProps, &pb.StringStringEntryProto{Key: proto.String(k), Value: proto.String(o.Metadata[k])})
	}
	return m, nil
}

// declared describes an input or output.
func declared(name string, t graph.Type) *pb.ValueInfoProto {
	s := &pb.TensorShapeProto{}
	for _, e := range t.Shape {
		s.Dim = append(s.Dim, &pb.TensorShapeProto_Dimension{Value: &pb.TensorShapeProto_Dimension_DimValue{DimValue: int64(e)}})
	}
	return &pb.ValueInfoProto{Name: proto.String(name), Type: &pb.TypeProto{Value: &pb.TypeProto_TensorType{TensorType: &pb.TypeProto_Tensor{ElemType: proto.Int32(int32(kindOf(t.DType))), Shape: s}}}}
}

func toTensor(name string, l *graph.Literal) *pb.TensorProto {
	t := &pb.TensorProto{Name: proto.String(name), DataType: proto.Int32(int32(kindOf(l.Type().DType))), RawData: l.Bytes()}
	for _, e := range l.Type().Shape {
		t.Dims = append(t.Dims, int64(e))
	}
	return t
}

// fresh returns a name that is not taken.
func (m *modelWriter) fresh(like string) string {
	for {
		m.count++
		name := fmt.Sprintf("%s_%d", like, m.count)
		if !m.taken[name] {
			m.taken[name] = true
			return name
		}
	}
}

// name returns the name of a node's value.
func (w *writer) name(n *graph.Node) string { return w.Of(n)[0] }

// constant returns the name of an initialiser with the value; equal ones are shared.
func (w *writer) constant(l *graph.Literal) string {
	key := l.Type().String() + string(l.Bytes())
	if name := w.model.constants[key]; name != "" {
		return name
	}
	name := w.model.fresh("const")
	w.model.constants[key] = name
	w.model.initializers = append(w.model.initializers, toTensor(name, l))
	return name
}

// ints returns the name of a vector of int64.
func (w *writer) ints(v ...int) string {
	data := make([]byte, 0, 8*len(v))
	for _, i := range v {
		data = binary.LittleEndian.AppendUint64(data, uint64(i))
	}
	l, err := graph.NewLiteral(graph.Type{DType: graph.Int64, Shape: graph.Shape{len(v)}}, data)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return w.constant(l)
}

// scalar returns the name of a number without dimensions.
func (w *writer) scalar(d graph.DType, v float64) string {
	bits := graph.BitsOfFloat(d, v)
	var data []byte
	switch d.Size() {
	case 8:
		data = binary.LittleEndian.AppendUint64(nil, bits)
	case 4:
		data = binary.LittleEndian.AppendUint32(nil, uint32(bits))
	default:
		data = []byte{byte(bits)}
	}
	l, err := graph.NewLiteral(graph.Type{DType: d}, data)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return w.constant(l)
}

// put writes a node with one result and returns the result's name. Arguments are names of operands, then attributes.
func (w *writer) put(op string, args ...any) string {
	return w.putMany(op, 1, args...)[0]
}

func (w *writer) putMany(op string, results int, args ...any) []string {
	p := &pb.NodeProto{OpType: proto.String(op)}
	for _, a := range args {
		switch a := a.(type) {
		case string:
			p.Input = append(p.Input, a)
		case *graph.Node:
			p.Input = append(p.Input, w.name(a))
		case *pb.AttributeProto:
			p.Attribute = append(p.Attribute, a)
		}
	}
	for range results {
		p.Output = append(p.Output, w.model.fresh("v"))
	}
	w.nodes = append(w.nodes, p)
	return slices.Clone(p.Output)
}

func attrInt(name string, v int) *pb.AttributeProto {
	return &pb.AttributeProto{Name: proto.String(name), Type: pb.AttributeProto_INT.Enum(), I: proto.Int64(int64(v))}
}

func attrBool(name string, v bool) *pb.AttributeProto {
	if v {
		return attrInt(name, 1)
	}
	return attrInt(name, 0)
}

func attrFloat(name string, v float64) *pb.AttributeProto {
	return &pb.AttributeProto{Name: proto.String(name), Type: pb.AttributeProto_FLOAT.Enum(), F: proto.Float32(float32(v))}
}

func attrString(name, v string) *pb.AttributeProto {
	return &pb.AttributeProto{Name: proto.String(name), Type: pb.AttributeProto_STRING.Enum(), S: []byte(v)}
}

func attrGraph(name string, g *pb.GraphProto) *pb.AttributeProto {
	return &pb.AttributeProto{Name: proto.String(name), Type: pb.AttributeProto_GRAPH.Enum(), G: g}
}

func attrInts(name string, v []int) *pb.AttributeProto {
	a := &pb.AttributeProto{Name: proto.String(name), Type: pb.AttributeProto_INTS.Enum()}
	for _, i := range v {
		a.Ints = append(a.Ints, int64(i))
	}
	return a
}

// body writes a body as a subgraph: its first parameters are the values around it of the given names, the others are inputs, behind those that before returns. results chooses among the nodes of the body.
func (w *writer) body(b *graph.Body, around []string, inputs []string, results func(g *graph.Graph, results []*graph.Node) []*graph.Node, before func() []*pb.ValueInfoProto) *pb.GraphProto {
	g, params, outs := b.Open()
	in := newWriter(w.model)
	p := &pb.GraphProto{Name: proto.String(w.model.fresh("body"))}
	if before != nil {
		p.Input = append(p.Input, before()...)
	}
	for i, n := range params {
		if i < len(around) {
			in.Set(n, around[i])
			continue
		}
		in.Set(n, inputs[i-len(around)])
		p.Input = append(p.Input, declared(inputs[i-len(around)], n.Type()))
	}
	outs = results(g, outs)
	in.All(g, outs)
	for _, n := range outs { // a result may be a parameter, or there twice
		name := in.put("Identity", in.name(n))
		p.Output = append(p.Output, declared(name, n.Type()))
	}
	p.Node = in.nodes
	return p
}

// fits reports whether a number of the graph is held by an attribute, which is a float32.
func fits(v float64) bool { return float64(float32(v)) == v || math.IsNaN(v) }
