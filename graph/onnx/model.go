package onnx

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/graph/onnx/internal/pb"
)

// maxNesting bounds how deep messages of a file, subgraphs, and calls of functions may be nested.
const maxNesting = 100

// Model is a model as read from a file. It is not modified by anything; Build may be called any number of times.
type Model struct {
	name      string // what positions and errors call it
	p         *pb.ModelProto
	opsets    map[string]int
	functions map[functionKey]*pb.FunctionProto
	tensors   map[string]value // initialisers
	graph     *graph.Graph     // owner of the constants in tensors
}

type functionKey struct{ domain, name, overload string }

// Dim is one extent of an input or output: a number, or a symbol that stands for one that the model leaves open.
type Dim struct {
	Size   int    // 0 where it is open
	Symbol string // "" where it has none
}

// ValueInfo describes an input or output of a model.
type ValueInfo struct {
	Name string
	// Kind is ONNX's name of the element type, such as FLOAT or UINT8, or SEQUENCE, OPTIONAL, … for what is no tensor. DType is how it is held here: narrow integers
	// as Int32, unsigned ones of 32 and 64 bits as Int64, and FLOAT16 and BFLOAT16 as Float32; 0 where there is no such type.
	Kind  string
	DType graph.DType
	// Dims are its extents; Ranked is false if the model does not even say how many there are.
	Dims   []Dim
	Ranked bool
}

// ReadFile reads a model from a file; external data lies in files beside it. See Read.
func ReadFile(path string) (*Model, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	root, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return read(f, filepath.Base(path), root)
}

// Read reads a model: opset 7 to the newest that docs/ONNX.md lists. External data, which lies in files beside a model, is an error: see ReadFile.
//
// Nothing in the file is trusted. Sizes and references are checked before anything is allocated for them, and external data may lie in the model's folder only.
func Read(r io.Reader) (*Model, error) { return read(r, "onnx", nil) }

// noMessage says what the bytes are that are no message of protobuf.
func noMessage(data []byte, err error) error {
	if bytes.HasPrefix(data, []byte("version https://git-lfs")) {
		return errors.New("it is a pointer of Git LFS to the file")
	}
	return fmt.Errorf("it has %d bytes and begins with %q, and cannot be read as a message of protobuf (%w)", len(data), data[:min(len(data), 16)], err)
}

func read(r io.Reader, name string, root *os.Root) (*Model, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("%s: more than %d bytes, the most that a message may have", name, maxFile)
	}
	m := &Model{name: name, p: &pb.ModelProto{}, opsets: map[string]int{}, functions: map[functionKey]*pb.FunctionProto{}, tensors: map[string]value{}, graph: graph.New()}
	if err := (proto.UnmarshalOptions{RecursionLimit: maxNesting, DiscardUnknown: true}).Unmarshal(data, m.p); err != nil {
		return nil, fmt.Errorf("%s: is no ONNX model, or not all of one: %w", name, noMessage(data, err))
	}
	if m.p.GetGraph() == nil {
		return nil, fmt.Errorf("%s: has no graph: it is no ONNX model", name)
	}
	var errs []error
	m.opsets, err = versions(m.p.GetOpsetImport())
	errs = append(errs, err)
	for _, f := range m.p.GetFunctions() {
		k := functionKey{f.GetDomain(), f.GetName(), f.GetOverload()}
		if m.functions[k] != nil {
			errs = append(errs, fmt.Errorf("two functions are called %q", f.GetName()))
		}
		m.functions[k] = f
	}
	for _, t := range m.p.GetGraph().GetInitializer() {
		v, err := tensor(m.graph, t, root)
		if err != nil {
			errs = append(errs, fmt.Errorf("initialiser %q: %w", t.GetName(), err))
			continue
		}
		m.tensors[t.GetName()] = v
		t.RawData, t.FloatData, t.DoubleData, t.Int32Data, t.Int64Data, t.Uint64Data = nil, nil, nil, nil, nil, nil
	}
	if err := resolveExternal(m.p, root, maxNesting); err != nil {
		errs = append(errs, err)
	}
	if len(errs) > maxErrors {
		errs = errs[:maxErrors]
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return m, nil
}

// maxFile bounds a file: protobuf's own limit. Larger models keep their tensors in external files.
const maxFile = 1<<31 - 1

// oldestOpset is the oldest version of the standard operators: before 7, shapes were broadcast only where an attribute said so. Operators that have not changed since are read of older ones.
const oldestOpset = 7

// versions maps domains to versions; the domain "ai.onnx" is "".
func versions(imports []*pb.OperatorSetIdProto) (map[string]int, error) {
	m := map[string]int{}
	for _, o := range imports {
		v := o.GetVersion()
		if v < 1 || v > 1<<20 {
			return m, fmt.Errorf("version %d of the domain %q", v, o.GetDomain())
		}
		m[domain(o.GetDomain())] = int(v)
	}
	return m, nil
}

// domain gives the standard domain its short name.
func domain(d string) string {
	if d == "ai.onnx" {
		return ""
	}
	return d
}

// Inputs returns what the model needs to run: its inputs without those that initialisers give a value.
func (m *Model) Inputs() []ValueInfo {
	var all []ValueInfo
	for _, v := range m.p.GetGraph().GetInput() {
		if _, ok := m.tensors[v.GetName()]; !ok {
			all = append(all, infoOf(v))
		}
	}
	return all
}

// Outputs returns what the model computes.
func (m *Model) Outputs() []ValueInfo {
	var all []ValueInfo
	for _, v := range m.p.GetGraph().GetOutput() {
		all = append(all, infoOf(v))
	}
	return all
}

// Opset returns the version of a domain's operators that the model asks for, 0 if it does not name the domain. The domain of the standard is "".
func (m *Model) Opset(of string) int { return m.opsets[domain(of)] }

// Producer returns the program that wrote the model and its version, as the file states them.
func (m *Model) Producer() (name, version string) {
	return m.p.GetProducerName(), m.p.GetProducerVersion()
}

// Metadata returns the model's named properties and, under "doc_string", its description.
func (m *Model) Metadata() map[string]string {
	all := map[string]string{}
	if d := m.p.GetDocString(); d != "" {
		all["doc_string"] = d
	}
	for _, e := range m.p.GetMetadataProps() {
		all[e.GetKey()] = e.GetValue()
	}
	return all
}

// Operators returns the names of the operators that the model's nodes use, with their domain where that is not the standard's, in ascending order.
func (m *Model) Operators() []string {
	seen := map[string]bool{}
	var walk func(nodes []*pb.NodeProto)
	walk = func(nodes []*pb.NodeProto) {
		for _, n := range nodes {
			name := n.GetOpType()
			if d := domain(n.GetDomain()); d != "" {
				name = d + "." + name
			}
			seen[name] = true
			for _, a := range n.GetAttribute() {
				walk(a.GetG().GetNode())
				for _, g := range a.GetGraphs() {
					walk(g.GetNode())
				}
			}
		}
	}
	walk(m.p.GetGraph().GetNode())
	for _, f := range m.p.GetFunctions() {
		walk(f.GetNode())
	}
	return slices.Sorted(maps.Keys(seen))
}

func infoOf(v *pb.ValueInfoProto) ValueInfo {
	t := v.GetType()
	x := ValueInfo{Name: v.GetName()}
	switch t.GetValue().(type) {
	case *pb.TypeProto_SequenceType:
		x.Kind = "SEQUENCE"
	case *pb.TypeProto_MapType:
		x.Kind = "MAP"
	case *pb.TypeProto_OptionalType:
		x.Kind = "OPTIONAL"
	case *pb.TypeProto_SparseTensorType:
		x.Kind = "SPARSE_TENSOR"
	default:
		k := kind(t.GetTensorType().GetElemType())
		x.Kind, x.DType = k.String(), k.dtype()
		s := t.GetTensorType().GetShape()
		x.Ranked = s != nil
		for _, d := range s.GetDim() {
			x.Dims = append(x.Dims, Dim{Size: int(max(0, min(d.GetDimValue(), graph.MaxElements))), Symbol: d.GetDimParam()})
		}
	}
	return x
}
