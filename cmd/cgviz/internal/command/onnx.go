package command

import (
	"cmp"
	"fmt"
	"path/filepath"

	"github.com/adjoint-go/adjoint/cmd/cgviz/internal/source"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/graph/onnx"
)

// model ends the names of files with models in ONNX's format.
const model = ".onnx"

// readModel reads a model. What the model leaves open has the extent that is given, or 1.
func readModel(name string, given map[string]int) (*source.Source, error) {
	m, err := onnx.ReadFile(name)
	if err != nil {
		return nil, err
	}
	dims := map[string]int{}
	for _, in := range m.Inputs() {
		for _, d := range in.Dims {
			if d.Size == 0 {
				dims[d.Symbol] = cmp.Or(given[d.Symbol], 1)
			}
		}
	}
	for symbol := range given {
		if dims[symbol] == 0 {
			return nil, fmt.Errorf("%s: the model leaves no extent %s open", filepath.ToSlash(name), symbol)
		}
	}
	g := graph.New()
	r, err := m.Build(g, onnx.Options{Dims: dims})
	if err != nil {
		return nil, err
	}
	return &source.Source{Graph: g, Outputs: r.Outputs, Name: filepath.ToSlash(name)}, nil
}
