package command

import (
	"path/filepath"

	"github.com/adjoint-go/adjoint/cmd/cgviz/internal/source"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/graph/stablehlo"
)

// module ends the names of files with modules of StableHLO.
const module = ".mlir"

// readModule reads a module.
func readModule(name string) (*source.Source, error) {
	m, err := stablehlo.ReadFile(name)
	if err != nil {
		return nil, err
	}
	g := graph.New()
	r, err := m.Build(g, stablehlo.Options{})
	if err != nil {
		return nil, err
	}
	return &source.Source{Graph: g, Outputs: r.Outputs, Name: filepath.ToSlash(name)}, nil
}
