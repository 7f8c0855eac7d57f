package onnx

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/graph/onnx/internal/pb"
	"github.com/adjoint-go/adjoint/vm"
)

// floats is a tensor of float32.
func floats(name string, values []float32, dims ...int64) *pb.TensorProto {
	return &pb.TensorProto{Name: proto.String(name), DataType: proto.Int32(int32(kindFloat)), Dims: dims, FloatData: values}
}

func longs(name string, values ...int64) *pb.TensorProto {
	return &pb.TensorProto{Name: proto.String(name), DataType: proto.Int32(int32(kindInt64)), Dims: []int64{int64(len(values))}, Int64Data: values}
}

// info declares a value; extents that are text are symbols.
func info(name string, k kind, dims ...any) *pb.ValueInfoProto {
	s := &pb.TensorShapeProto{}
	for _, d := range dims {
		switch d := d.(type) {
		case int:
			s.Dim = append(s.Dim, &pb.TensorShapeProto_Dimension{Value: &pb.TensorShapeProto_Dimension_DimValue{DimValue: int64(d)}})
		case string:
			s.Dim = append(s.Dim, &pb.TensorShapeProto_Dimension{Value: &pb.TensorShapeProto_Dimension_DimParam{DimParam: d}})
		}
	}
	return &pb.ValueInfoProto{Name: proto.String(name), Type: &pb.TypeProto{Value: &pb.TypeProto_TensorType{TensorType: &pb.TypeProto_Tensor{ElemType: proto.Int32(int32(k)), Shape: s}}}}
}

// op is a node: "Add x y -> z".
func op(text string, attrs ...*pb.AttributeProto) *pb.NodeProto {
	in, out, _ := strings.Cut(text, " -> ")
	f := strings.Fields(in)
	return &pb.NodeProto{OpType: proto.String(f[0]), Input: f[1:], Output: strings.Fields(out), Attribute: attrs}
}

func intAttr(name string, v int64) *pb.AttributeProto {
	return &pb.AttributeProto{Name: proto.String(name), Type: pb.AttributeProto_INT.Enum(), I: proto.Int64(v)}
}

func graphAttr(name string, g *pb.GraphProto) *pb.AttributeProto {
	return &pb.AttributeProto{Name: proto.String(name), Type: pb.AttributeProto_GRAPH.Enum(), G: g}
}

func bytesOf(t testing.TB, opset int64, g *pb.GraphProto, functions ...*pb.FunctionProto) []byte {
	t.Helper()
	m := &pb.ModelProto{IrVersion: proto.Int64(8), OpsetImport: []*pb.OperatorSetIdProto{{Version: proto.Int64(opset)}, {Domain: proto.String("own"), Version: proto.Int64(1)}}, Graph: g, Functions: functions}
	data, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func model(t testing.TB, opset int64, g *pb.GraphProto, functions ...*pb.FunctionProto) *Model {
	t.Helper()
	m, err := Read(bytes.NewReader(bytesOf(t, opset, g, functions...)))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// linear is y = relu(x·w + b) of a batch of vectors.
func linear() *pb.GraphProto {
	return &pb.GraphProto{
		Input: []*pb.ValueInfoProto{info("x", kindFloat, "batch", 2)}, Output: []*pb.ValueInfoProto{info("y", kindFloat, "batch", 2)},
		Initializer: []*pb.TensorProto{floats("w", []float32{1, 2, 3, 4}, 2, 2), floats("b", []float32{0.5, -20}, 2)},
		Node:        []*pb.NodeProto{op("MatMul x w -> h"), op("Add h b -> a"), op("Relu a -> y")},
	}
}

// run builds a model, compiles it and runs it.
func run(t *testing.T, m *Model, o Options, args map[string]any) []vm.Array {
	t.Helper()
	r, err := m.Build(graph.New(), o)
	if err != nil {
		t.Fatal(err)
	}
	p, err := compile.Compile(r.Outputs...)
	if err != nil {
		t.Fatal(err)
	}
	out, err := vm.NewMachine(p).Call(args)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// text prints arrays on one line.
func text(out ...vm.Array) string {
	var all []string
	for _, a := range out {
		all = append(all, strings.Join(strings.Fields(a.String()), " "))
	}
	return strings.Join(all, " ")
}

func TestSymbolsAreBound(t *testing.T) {
	m := model(t, 17, linear())
	out := run(t, m, Options{Dims: map[string]int{"batch": 3}}, map[string]any{"x": []float64{1, 1, 2, 1, 0, 0}})
	if got := text(out...); got != "[[4.5 0] [5.5 0] [0.5 0]]" {
		t.Error(got)
	}
	_, err := m.Build(graph.New(), Options{})
	if err == nil || !strings.Contains(err.Error(), `extent 0 of the input "x", FLOAT[batch×2], is open`) {
		t.Error(err)
	}
	if _, err := m.Build(graph.New(), Options{Inputs: map[string]*graph.Node{"z": nil}}); err == nil {
		t.Error("an input that the model does not have")
	}
	g := graph.New()
	if _, err := m.Build(g, Options{Inputs: map[string]*graph.Node{"x": g.Input("x", graph.Float32, 4, 3)}}); err == nil || !strings.Contains(err.Error(), "f32[4×3]") {
		t.Error(err)
	}
}

// TestTrained differentiates by initialisers that became inputs.
func TestTrained(t *testing.T) {
	m := model(t, 17, linear())
	g := graph.New()
	x := graph.Constant(g, []float32{1, 2}, 1, 2)
	r, err := m.Build(g, Options{Inputs: map[string]*graph.Node{"x": x}, Trainable: Floats})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Parameters) != 2 || r.Parameters[0].Name() != "w" || r.Values[1].Float(1) != -20 {
		t.Fatal(r.Parameters)
	}
	d, err := compile.Gradient(graph.Sum(r.Outputs[0]), r.Parameters...)
	if err != nil {
		t.Fatal(err)
	}
	p, err := compile.Compile(d...)
	if err != nil {
		t.Fatal(err)
	}
	out, err := vm.NewMachine(p).Call(map[string]any{"w": []float64{1, 2, 3, 4}, "b": []float64{0.5, -20}})
	if err != nil {
		t.Fatal(err)
	}
	if got := text(out...); got != "[[1 0] [2 0]] [1 0]" {
		t.Error(got)
	}
}

// TestShapesAreComputed has a shape that nodes compute of the operand's.
func TestShapesAreComputed(t *testing.T) {
	m := model(t, 17, &pb.GraphProto{
		Input: []*pb.ValueInfoProto{info("x", kindFloat, 2, 3, 4)}, Output: []*pb.ValueInfoProto{info("y", kindFloat, 6, 4)},
		Initializer: []*pb.TensorProto{longs("two", 2), longs("open", -1)},
		Node:        []*pb.NodeProto{op("Shape x -> s"), op("Gather s two -> last"), op("Concat open last -> shape", intAttr("axis", 0)), op("Reshape x shape -> y")},
	})
	r, err := m.Build(graph.New(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Outputs[0].Type().String(); got != "f32[6×4]" {
		t.Error(got)
	}
}

// Before version 13, softmax and its like see a matrix, cut at an axis that may be counted from the end, as Flatten does.
func TestAxesThatCut(t *testing.T) {
	for axis, want := range map[int64]string{-3: "[0.25 0.25 0.25 0.25]", -1: "[0.5 0.5 0.5 0.5]", 0: "[0.25 0.25 0.25 0.25]", 1: "[0.25 0.25 0.25 0.25]", 2: "[0.5 0.5 0.5 0.5]", 3: "[1 1 1 1]"} {
		for _, opset := range []int64{11, 12} {
			m := model(t, opset, &pb.GraphProto{
				Input: []*pb.ValueInfoProto{info("x", kindFloat, 1, 2, 2)}, Output: []*pb.ValueInfoProto{info("z", kindFloat, 4)},
				Initializer: []*pb.TensorProto{longs("all", -1)},
				Node:        []*pb.NodeProto{op("Softmax x -> y", intAttr("axis", axis)), op("Reshape y all -> z")},
			})
			if got := text(run(t, m, Options{}, map[string]any{"x": make([]float32, 4)})...); got != want {
				t.Errorf("opset %d, axis %d: %s, want %s", opset, axis, got, want)
			}
		}
	}
}

func TestShapesOfInputsAreNamed(t *testing.T) {
	m := model(t, 17, &pb.GraphProto{
		Input: []*pb.ValueInfoProto{info("x", kindFloat, 6), info("shape", kindInt64, 2)}, Output: []*pb.ValueInfoProto{info("y", kindFloat, "a", "b")},
		Node: []*pb.NodeProto{op("Reshape x shape -> y")},
	})
	_, err := m.Build(graph.New(), Options{})
	var needs *NotConstantError
	if !errors.As(err, &needs) || len(needs.Inputs) != 1 || needs.Inputs[0] != "shape" {
		t.Fatal(err)
	}
	g := graph.New()
	r, err := m.Build(g, Options{Inputs: map[string]*graph.Node{"shape": graph.Constant(g, []int{3, -1}, 2)}})
	if err != nil || r.Outputs[0].Type().String() != "f32[3×2]" {
		t.Error(err)
	}
}

// TestFunctions has a function with an attribute of its caller, called twice.
func TestFunctions(t *testing.T) {
	leaky := op("LeakyRelu a -> b", &pb.AttributeProto{Name: proto.String("alpha"), Type: pb.AttributeProto_FLOAT.Enum(), RefAttrName: proto.String("slope")})
	f := &pb.FunctionProto{Domain: proto.String("own"), Name: proto.String("Twice"), Input: []string{"a"}, Output: []string{"c"}, Attribute: []string{"slope"},
		OpsetImport: []*pb.OperatorSetIdProto{{Version: proto.Int64(17)}}, Node: []*pb.NodeProto{leaky, op("Add b b -> c")}}
	call := func(text string, slope float32) *pb.NodeProto {
		n := op(text, &pb.AttributeProto{Name: proto.String("slope"), Type: pb.AttributeProto_FLOAT.Enum(), F: proto.Float32(slope)})
		n.Domain = proto.String("own")
		return n
	}
	m := model(t, 17, &pb.GraphProto{
		Input: []*pb.ValueInfoProto{info("x", kindFloat, 2)}, Output: []*pb.ValueInfoProto{info("y", kindFloat, 2)},
		Node: []*pb.NodeProto{call("Twice x -> h", 0.5), call("Twice h -> y", 0.25)},
	}, f)
	if got := run(t, m, Options{}, map[string]any{"x": []float64{-4, 3}})[0].String(); got != "[-2 12]" {
		t.Error(got)
	}
}

// TestLoops has a loop whose condition depends on values, and reads what is around it.
func TestLoops(t *testing.T) {
	body := &pb.GraphProto{
		Input:  []*pb.ValueInfoProto{info("i", kindInt64), info("go", kindBool), info("h", kindFloat)},
		Output: []*pb.ValueInfoProto{info("on", kindBool), info("h2", kindFloat)},
		Node:   []*pb.NodeProto{op("Mul h x -> h2"), op("Less h2 limit -> on")},
	}
	m := model(t, 17, &pb.GraphProto{
		Input: []*pb.ValueInfoProto{info("x", kindFloat)}, Output: []*pb.ValueInfoProto{info("y", kindFloat)},
		Initializer: []*pb.TensorProto{floats("limit", []float32{100}), floats("one", []float32{1}), {Name: proto.String("trips"), DataType: proto.Int32(int32(kindInt64)), Int64Data: []int64{50}}},
		Node:        []*pb.NodeProto{{OpType: proto.String("Loop"), Input: []string{"trips", "", "one"}, Output: []string{"y"}, Attribute: []*pb.AttributeProto{graphAttr("body", body)}}},
	})
	if got := run(t, m, Options{}, map[string]any{"x": 3.0})[0].Item(); got != 243 {
		t.Error(got)
	}
}

func TestBranches(t *testing.T) {
	branch := func(node string) *pb.GraphProto {
		return &pb.GraphProto{Output: []*pb.ValueInfoProto{info("r", kindFloat)}, Node: []*pb.NodeProto{op(node)}}
	}
	m := model(t, 17, &pb.GraphProto{
		Input: []*pb.ValueInfoProto{info("x", kindFloat)}, Output: []*pb.ValueInfoProto{info("y", kindFloat)},
		Initializer: []*pb.TensorProto{floats("zero", []float32{0})},
		Node:        []*pb.NodeProto{op("Greater x zero -> p"), op("If p -> y", graphAttr("then_branch", branch("Sqrt x -> r")), graphAttr("else_branch", branch("Neg x -> r")))},
	})
	for x, want := range map[float64]float64{9: 3, -2: 2} {
		if got := run(t, m, Options{}, map[string]any{"x": x})[0].Item(); got != want {
			t.Errorf("x = %v: %v", x, got)
		}
	}
}

func TestMistakesNameTheNode(t *testing.T) {
	m := model(t, 17, &pb.GraphProto{
		Name:   proto.String("g"),
		Input:  []*pb.ValueInfoProto{info("x", kindFloat, 2, 3), info("l", kindFloat, 1, 4, 2), info("w", kindFloat, 4, 4, 3), info("b", kindFloat, 4)},
		Output: []*pb.ValueInfoProto{info("y", kindFloat), info("z", kindFloat), info("u", kindFloat), info("v", kindFloat)},
		Node:   []*pb.NodeProto{op("MatMul x x -> y"), op("Unheard x -> z"), op("StringSplit x -> u"), op("Conv l w b -> v")},
	})
	_, err := m.Build(graph.New(), Options{})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`onnx: node 0 "" (MatMul, opset 17): matmul: `,
		`onnx: node 1 "" (Unheard, opset 17): the operator is neither of the standard nor a function of the model`,
		`onnx: node 2 "" (StringSplit, opset 17): the operator came with opset 20`,
		`onnx: node 3 "" (Conv, opset 17): conv: `, // to which the bias would be added
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nlacks %s", err, want)
		}
	}
}

func TestExternalData(t *testing.T) {
	dir := t.TempDir()
	external := func(location, offset, length string) *pb.TensorProto {
		return &pb.TensorProto{Name: proto.String("w"), DataType: proto.Int32(int32(kindFloat)), Dims: []int64{2}, DataLocation: pb.TensorProto_EXTERNAL.Enum(), ExternalData: []*pb.StringStringEntryProto{
			{Key: proto.String("location"), Value: proto.String(location)}, {Key: proto.String("offset"), Value: proto.String(offset)}, {Key: proto.String("length"), Value: proto.String(length)}}}
	}
	try := func(w *pb.TensorProto) (*Model, error) {
		data := bytesOf(t, 17, &pb.GraphProto{Input: []*pb.ValueInfoProto{info("x", kindFloat, 2)}, Output: []*pb.ValueInfoProto{info("y", kindFloat, 2)}, Initializer: []*pb.TensorProto{w}, Node: []*pb.NodeProto{op("Add x w -> y")}})
		path := filepath.Join(dir, "in", "m.onnx")
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		return ReadFile(path)
	}
	for _, name := range []string{"in/w.bin", "out.bin"} {
		os.MkdirAll(filepath.Join(dir, "in"), 0o755)
		if err := os.WriteFile(filepath.Join(dir, name), []byte{9, 9, 9, 9, 0, 0, 128, 63, 0, 0, 0, 64}, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../out.bin", filepath.Join(dir, "in", "link.bin")); err != nil {
		t.Fatal(err)
	}
	m, err := try(external("w.bin", "4", "8"))
	if err != nil {
		t.Fatal(err)
	}
	if got := run(t, m, Options{}, map[string]any{"x": []float64{0, 0}})[0].String(); got != "[1 2]" {
		t.Error(got)
	}
	for _, w := range []*pb.TensorProto{external("../out.bin", "4", "8"), external("link.bin", "4", "8"), external("/etc/passwd", "0", "8"), external("w.bin", "8", "8"), external("w.bin", "-1", "8"), external("w.bin", "0", "12"),
		external("w.bin", "9223372036854775807", "8"), external(".", "0", "8"), external("none", "0", "8")} {
		if _, err := try(w); err == nil {
			t.Errorf("%v is read", w)
		}
	}
}

// TestHostile has models that ask for too much, or refer to what is not there.
func TestHostile(t *testing.T) {
	one := func(inits []*pb.TensorProto, nodes ...*pb.NodeProto) *pb.GraphProto {
		return &pb.GraphProto{Input: []*pb.ValueInfoProto{info("x", kindFloat, 4)}, Output: []*pb.ValueInfoProto{info("y", kindFloat)}, Initializer: inits, Node: nodes}
	}
	deep := one(nil, op("Identity x -> y"))
	for range 60 {
		deep = one(nil, op("If c -> y", graphAttr("then_branch", deep), graphAttr("else_branch", one(nil, op("Identity x -> y")))))
	}
	recursive := &pb.FunctionProto{Domain: proto.String("own"), Name: proto.String("F"), Input: []string{"a"}, Output: []string{"b"}, Node: []*pb.NodeProto{{OpType: proto.String("F"), Domain: proto.String("own"), Input: []string{"a"}, Output: []string{"b"}}}}
	wide := &pb.FunctionProto{Domain: proto.String("own"), Name: proto.String("F0"), Input: []string{"a"}, Output: []string{"b"}, Node: []*pb.NodeProto{op("Identity a -> b")}}
	laughs := []*pb.FunctionProto{wide}
	for i := range 40 { // 2⁴⁰ nodes
		call := func(in, out string) *pb.NodeProto {
			return &pb.NodeProto{OpType: proto.String("F" + string(rune('0'+i))), Domain: proto.String("own"), Input: []string{in}, Output: []string{out}}
		}
		laughs = append(laughs, &pb.FunctionProto{Domain: proto.String("own"), Name: proto.String("F" + string(rune('0'+i+1))), Input: []string{"a"}, Output: []string{"b"}, Node: []*pb.NodeProto{call("a", "t"), call("t", "b")}})
	}
	own := func(name string) *pb.NodeProto {
		return &pb.NodeProto{OpType: proto.String(name), Domain: proto.String("own"), Input: []string{"x"}, Output: []string{"y"}}
	}
	for name, c := range map[string]struct {
		g         *pb.GraphProto
		functions []*pb.FunctionProto
	}{
		"circle":            {one(nil, op("Add x b -> a"), op("Neg a -> b"), op("Neg b -> y")), nil},
		"itself":            {one(nil, op("Add x y -> y")), nil},
		"twice":             {one(nil, op("Neg x -> y"), op("Abs x -> y")), nil},
		"nothing":           {one(nil), nil},
		"huge tile":         {one([]*pb.TensorProto{longs("r", 1<<62)}, op("Tile x r -> y")), nil},
		"huge expansion":    {one([]*pb.TensorProto{longs("r", 1<<30, 1<<30, 4)}, op("Expand x r -> y")), nil},
		"negative shape":    {one([]*pb.TensorProto{longs("r", -7)}, op("Reshape x r -> y")), nil},
		"overflowing shape": {one([]*pb.TensorProto{longs("r", 1<<32, 1<<32, 4)}, op("Reshape x r -> y")), nil},
		"huge pad":          {one([]*pb.TensorProto{longs("r", 1<<60, 1<<60)}, op("Pad x r -> y")), nil},
		"huge tensor":       {one([]*pb.TensorProto{{Name: proto.String("w"), DataType: proto.Int32(1), Dims: []int64{1 << 40, 1 << 40}, RawData: []byte{1}}}, op("Add x w -> y")), nil},
		"negative tensor":   {one([]*pb.TensorProto{{Name: proto.String("w"), DataType: proto.Int32(1), Dims: []int64{-4}, RawData: make([]byte, 16)}}, op("Add x w -> y")), nil},
		"short tensor":      {one([]*pb.TensorProto{{Name: proto.String("w"), DataType: proto.Int32(1), Dims: []int64{4}, RawData: make([]byte, 15)}}, op("Add x w -> y")), nil},
		"no operands":       {one(nil, op("Add -> y")), nil},
		"no graph":          {one(nil, op("Loop x -> y")), nil},
		"nested":            {deep, nil},
		"recursive":         {one(nil, own("F")), []*pb.FunctionProto{recursive}},
		"laughs":            {one(nil, own("F"+string(rune('0'+40)))), laughs},
	} {
		m, err := Read(bytes.NewReader(bytesOf(t, 17, c.g, c.functions...)))
		if err != nil {
			continue
		}
		if _, err := m.Build(graph.New(), Options{}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestNoModel reads files that hold something else, or a part of a model.
func TestNoModel(t *testing.T) {
	for _, c := range []struct{ data, want string }{
		{"", "no ONNX model"},
		{"hello world\n", `begins with "hello world\n"`},
		{"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS"},
		{"\x3a\xff\x01\x0a", "not all of one"},
	} {
		path := filepath.Join(t.TempDir(), "some.onnx")
		if err := os.WriteFile(path, []byte(c.data), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadFile(path); err == nil || !strings.HasPrefix(err.Error(), "some.onnx: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v", c.data, err)
		}
	}
}
