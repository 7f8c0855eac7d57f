// Command quickstart builds z = x1² + x2² + x1·x2, prints its value and gradient at (3, 4) and the program that computes them,
// and draws the graph with values and adjoints as z.svg, z.png and z.dot in the current folder (or in -o).
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/viz"
	"github.com/adjoint-go/adjoint/vm"
)

func main() {
	folder := flag.String("o", ".", "the folder for the drawings")
	flag.Parse()
	if err := run(os.Stdout, *folder); err != nil {
		log.Fatal(err)
	}
}

func run(w io.Writer, folder string) error {
	// The graph.
	g := graph.New()
	x1, x2 := g.Input("x1", graph.Float64), g.Input("x2", graph.Float64)
	z := graph.Add(graph.Add(graph.Square(x1), graph.Square(x2)), graph.Mul(x1, x2)).Named("z")
	forward := nodesOf(g)

	// Its gradient, compiled together with it into one program.
	dz, err := compile.Gradient(z, x1, x2)
	if err != nil {
		return err
	}
	p, err := compile.Compile(z, dz[0], dz[1])
	if err != nil {
		return err
	}

	// A run.
	out, err := vm.NewMachine(p).Run(3.0, 4.0)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "z      = %v\n∂z/∂x1 = %v\n∂z/∂x2 = %v\n\n", out[0].Data(), out[1].Data(), out[2].Data())
	fmt.Fprintf(w, "the forward and backward program:\n%v\n", p)

	// The picture: values and adjoints of all nodes, from a program that returns them all.
	adjoints, err := compile.VJP([]*graph.Node{z}, forward, nil)
	if err != nil {
		return err
	}
	all, err := compile.Compile(append(append([]*graph.Node{}, forward...), adjoints...)...)
	if err != nil {
		return err
	}
	shown, err := vm.NewMachine(all).Run(3.0, 4.0)
	if err != nil {
		return err
	}
	values, bars := map[*graph.Node]*viz.Value{}, map[*graph.Node]*viz.Value{}
	for i, n := range forward {
		values[n] = viz.Scalar(shown[i].Data().(float64))
		bars[n] = viz.Scalar(shown[len(forward)+i].Data().(float64))
	}
	options := []viz.Option{
		viz.WithTitle("z = x1^2 + x2^2 + x1*x2"), viz.WithGradients(viz.Overlay), viz.WithValues(values), viz.WithAdjoints(bars),
	}
	for name, draw := range map[string]func(io.Writer, []*graph.Node, ...viz.Option) error{"z.svg": viz.SVG, "z.png": viz.PNG, "z.dot": viz.DOT} {
		if err := write(filepath.Join(folder, name), func(w io.Writer) error { return draw(w, []*graph.Node{z}, options...) }); err != nil {
			return err
		}
	}
	fmt.Fprintln(w, "drawn: z.svg, z.png, z.dot")
	return nil
}

func nodesOf(g *graph.Graph) []*graph.Node {
	nodes := make([]*graph.Node, g.Len())
	for i := range nodes {
		nodes[i] = g.Node(i)
	}
	return nodes
}

func write(path string, draw func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := draw(f); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
