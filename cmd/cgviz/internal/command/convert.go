package command

import (
	"bytes"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/adjoint-go/adjoint/cmd/cgviz/internal/source"
	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/graph/onnx"
	"github.com/adjoint-go/adjoint/graph/stablehlo"
)

// convert is the command that writes a graph or program in another form, with its flags.
type convert struct {
	output
	dims []string
}

// newConvert returns the command that writes a graph, model or program in another form.
func newConvert(s Streams) *cobra.Command {
	c := &convert{output: output{streams: s}}
	cmd := &cobra.Command{
		Use:   "convert [flags] EXPR | FILE.cg | FILE.onnx | PROGRAM | -",
		Short: "Write a graph, a model or a program in another form",
		Long: `Convert writes what it reads in the form that the name after -o ends in: .cg for the
text of a graph, .onnx for a model in ONNX's format, .mlir for a module of StableHLO,
.adjp for a compiled program, and .txt for a program's text, which is read back exactly.
A program cannot become a graph again. For Go source see gen.`,
		Example: `  cgviz convert resnet18.onnx -o resnet18.cg
  cgviz convert 'z = sin(x)*exp(x)' -o z.onnx
  cgviz convert model.cg -o model.adjp`,
		Args:              exactly(1, "one expression, file or program"),
		ValidArgsFunction: completeSource,
		RunE:              c.run,
	}
	f := cmd.Flags()
	f.StringVarP(&c.file, "output", "o", "", "`FILE` to write, in the form that its name ends in")
	f.StringSliceVar(&c.dims, "dim", nil, "extents that a model in ONNX's format leaves open: `NAME=N` (default 1)")
	return cmd
}

func (c *convert) run(_ *cobra.Command, args []string) error {
	form := filepath.Ext(c.file)
	switch form {
	case source.Extension, ".onnx", module, ".adjp", ".txt":
	case ".go":
		return usage("-o %s: Go source is written by cgviz gen", c.file)
	default:
		return usage("-o %q: give a name that ends in .cg, .onnx, .mlir, .adjp or .txt", c.file)
	}
	if err := c.checkDirectory(); err != nil {
		return err
	}
	src, err := c.streams.readDims(args[0], c.dims)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	switch {
	case form == source.Extension || form == ".onnx" || form == module:
		if src.Program != nil {
			return fmt.Errorf("%s is a compiled program, which does not become a graph again", src.Name)
		}
		switch form {
		case ".onnx":
			err = onnx.Write(&out, src.Outputs, onnx.WriteOptions{})
		case module:
			err = stablehlo.Write(&out, src.Outputs, stablehlo.WriteOptions{})
		default:
			err = graph.Format(&out, src.Outputs...)
		}
		if err != nil {
			return err
		}
		return c.deliver(out.Bytes())
	}
	p := src.Program
	if p == nil {
		if p, err = compile.Compile(src.Outputs...); err != nil {
			return err
		}
	}
	if form == ".txt" {
		return c.deliver([]byte(p.Text()))
	}
	data, err := p.MarshalBinary()
	if err != nil {
		return err
	}
	return c.deliver(data)
}
