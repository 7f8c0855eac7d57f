package main

import (
	"github.com/adjoint-go/adjoint/examples/internal/surface"
	"github.com/adjoint-go/adjoint/graph"
)

// The physics is in package surface, which examples/cluster has too.
type (
	node  = graph.Node
	Model = surface.Model
	Wave  = surface.Wave
)

const (
	RayleighWave = surface.RayleighWave
	LoveWave     = surface.LoveWave
)
