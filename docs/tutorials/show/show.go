// Package show puts pictures into notebooks, as PNG, which all viewers of notebooks show. In other programs nothing is shown; but the
// pictures are made, so that tests meet their mistakes, and kept as files in the folder that the variable ADJOINT_PICTURES names.
package show

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/viz"
)

// Folder is the variable of the environment with the folder for pictures of examples: each has the name of its example and its number
// there, ExampleX-0.png.
const Folder = "ADJOINT_PICTURES"

// display hands a picture to the notebook, nil in other programs.
var display func(data []byte)

// In sets the function that hands pictures in PNG's format to the notebook; the first cell does it, so that this module needs no package of
// the kernel. It returns true, for use in a declaration.
func In(notebook func(data []byte)) bool {
	display = notebook
	return true
}

// Graph shows what the outputs are computed from, as viz.PNG draws it, in a size for notebooks.
func Graph(outputs []*graph.Node, options ...viz.Option) {
	options = append([]viz.Option{viz.WithScale(1.25)}, options...)
	PNG(func(w io.Writer) error { return viz.PNG(w, outputs, options...) })
}

// Gradient shows the graph of a cost with all values and adjoints at the given values of its inputs.
func Gradient(cost *graph.Node, at map[string]any, options ...viz.Option) {
	o, err := atPoint(cost, at)
	if err != nil {
		fmt.Println(err)
		return
	}
	Graph([]*graph.Node{cost}, append(o, options...)...)
}

func atPoint(cost *graph.Node, at map[string]any) ([]viz.Option, error) {
	forward, err := compile.TraceValues(at, cost)
	if err != nil {
		return nil, err
	}
	nodes := forward.Nodes()
	bars, err := compile.VJP([]*graph.Node{cost}, nodes, nil)
	if err != nil {
		return nil, err
	}
	reverse, err := compile.TraceValues(at, bars...)
	if err != nil {
		return nil, err
	}
	values, adjoints := map[*graph.Node]*viz.Value{}, map[*graph.Node]*viz.Value{}
	for i, n := range nodes {
		values[n], adjoints[n] = shown(forward, n), shown(reverse, bars[i])
	}
	partials, err := localPartials(nodes, values)
	if err != nil {
		return nil, err
	}
	return []viz.Option{viz.WithGradients(viz.Overlay), viz.WithValues(values), viz.WithAdjoints(adjoints), viz.WithPartials(partials)}, nil
}

// localPartials are the derivatives of scalar nodes by each of their operands alone: every node is applied to inputs of its own in a graph apart.
func localPartials(nodes []*graph.Node, values map[*graph.Node]*viz.Value) (map[viz.Edge]*viz.Value, error) {
	local, at := graph.New(), map[string]any{}
	var edges []viz.Edge
	var derivatives []*graph.Node
	for _, n := range nodes {
		if len(n.Inputs()) == 0 || !n.Type().IsScalar() || !n.Op().Differentiable() {
			continue
		}
		operands := make([]*graph.Node, len(n.Inputs()))
		for k, in := range n.Inputs() {
			v := values[in]
			if v == nil || !v.IsScalar() {
				operands = nil
				break
			}
			name := fmt.Sprintf("operand%d", len(at))
			at[name] = v.Data[0]
			operands[k] = local.Input(name, graph.Float64)
		}
		if operands == nil {
			continue
		}
		d, err := compile.Gradient(local.Apply(n.Op(), operands, n.Attrs()), operands...)
		if err != nil {
			return nil, err
		}
		for k := range operands {
			edges = append(edges, viz.Edge{Node: n, Operand: k})
		}
		derivatives = append(derivatives, d...)
	}
	if len(edges) == 0 {
		return nil, nil
	}
	t, err := compile.TraceValues(at, derivatives...)
	if err != nil {
		return nil, err
	}
	partials := map[viz.Edge]*viz.Value{}
	for i, e := range edges {
		partials[e] = shown(t, derivatives[i])
	}
	return partials, nil
}

// shown is the value of a node of float64; others are drawn without.
func shown(t *compile.Trace, n *graph.Node) *viz.Value {
	a, ok := t.Value(n)
	if !ok {
		return nil
	}
	if f, ok := a.Data.([]float64); ok {
		return viz.Tensor(f, a.Shape...)
	}
	return nil
}

// PNG shows the picture that draw writes. Mistakes are printed.
func PNG(draw func(w io.Writer) error) {
	var b bytes.Buffer
	if err := draw(&b); err != nil {
		fmt.Println(err)
		return
	}
	data := b.Bytes()
	switch folder := os.Getenv(Folder); {
	case display != nil:
		display(data)
	case folder != "":
		if err := keep(folder, data); err != nil {
			fmt.Println(err)
		}
	}
}

// keep writes a picture under the name of the example that shows it.
func keep(folder string, data []byte) error {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs)])
	for {
		frame, more := frames.Next()
		if _, name, ok := strings.Cut(frame.Function, ".Example"); ok {
			name, _, _ = strings.Cut(name, ".") // a function in it
			for i := 0; ; i++ {
				path := filepath.Join(folder, fmt.Sprintf("Example%s-%d.png", name, i))
				if _, err := os.Stat(path); err != nil {
					return os.WriteFile(path, data, 0o644)
				}
			}
		}
		if !more {
			return fmt.Errorf("no example shows this picture")
		}
	}
}
