// Package model has functions of several kinds, and with mistakes.
package model

import (
	"errors"

	"github.com/adjoint-go/adjoint/graph"
)

// Loss builds a graph of its own.
func Loss() *graph.Node {
	g := graph.New()
	return on(g)
}

func on(g *graph.Graph) *graph.Node {
	x := g.Input("x", graph.Float64)
	return graph.Square(x).Named("loss")
}

// LossErr is Loss with an error.
func LossErr() (*graph.Node, error) { return Loss(), nil }

// OnBoth has two outputs.
func OnBoth(g *graph.Graph) []*graph.Node { l := on(g); return []*graph.Node{l, graph.Sin(l)} }

// Fails returns an error.
func Fails() (*graph.Node, error) { return nil, errors.New("no data today") }

// Mistake makes a mistake on the graph.
func Mistake(g *graph.Graph) *graph.Node {
	return graph.Add(g.Input("a", graph.Float64, 2), g.Input("b", graph.Float64, 3))
}

// Other has another type.
func Other(x int) int { return x }

// Panics panics.
func Panics() *graph.Node { panic("out of luck") }
