package onnx

import (
	"archive/zip"
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/graph"
)

// FuzzRead reads, and builds, what tests of single operators become when bytes of them change. Nothing may panic, take long, or take much memory.
func FuzzRead(f *testing.F) {
	f.Add(bytesOf(f, 17, linear()))
	z, err := zip.OpenReader("internal/nodetests/testdata/nodes.zip")
	if err != nil {
		f.Fatal(err)
	}
	defer z.Close()
	for _, file := range z.File {
		if !strings.HasSuffix(file.Name, ".onnx") {
			continue
		}
		r, err := file.Open()
		if err != nil {
			f.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Read(bytes.NewReader(data))
		if err != nil {
			return
		}
		m.Operators()
		g := graph.New()
		nodes := map[string]*graph.Node{}
		for i, in := range m.Inputs() { // shapes are constants, so that more is reached
			if in.DType.IsInt() && len(in.Dims) == 1 && in.Dims[0].Size > 0 && in.Dims[0].Size < 8 {
				v := make([]int64, in.Dims[0].Size)
				for k := range v {
					v[k] = int64(k%3 + i%2)
				}
				nodes[in.Name] = graph.Cast(graph.Constant(g, v, len(v)), in.DType)
			}
		}
		if _, err := m.Build(g, Options{Inputs: nodes}); err != nil {
			if _, err := m.Build(graph.New(), Options{}); err == nil {
				return
			}
		}
	})
}
