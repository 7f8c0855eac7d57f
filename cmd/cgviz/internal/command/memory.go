package command

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/adjoint-go/adjoint/cmd/cgviz/internal/evaluate"
	"github.com/adjoint-go/adjoint/cmd/cgviz/internal/source"
	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/viz"
)

// chart is a picture that is no graph.
type chart interface {
	SVG(io.Writer) error
	PNG(io.Writer) error
	PDF(io.Writer) error
	TikZ(io.Writer) error
	LaTeX(io.Writer) error
	Warnings(format string) ([]string, error)
}

// chooseChart returns the format of a chart, and checks that there is a place for it.
func (o *output) chooseChart(of string) (format string, err error) {
	f, err := o.choose()
	switch {
	case err != nil:
		return "", err
	case !slices.Contains([]string{"svg", "png", "pdf", "tikz", "latex"}, f.name):
		return "", usage("a chart of %s is drawn as svg, png, pdf, tikz or latex, not as %s", of, f.name)
	}
	return f.name, o.checkDirectory()
}

// paint draws the chart and delivers it.
func (o *output) paint(c chart, format string) error {
	if err := warn(o.streams.Err, c, format); err != nil {
		return err
	}
	var b bytes.Buffer
	if err := map[string]func(io.Writer) error{"svg": c.SVG, "png": c.PNG, "pdf": c.PDF, "tikz": c.TikZ, "latex": c.LaTeX}[format](&b); err != nil {
		return err
	}
	return o.deliver(b.Bytes())
}

// newMemory returns the command that draws the memory of a program.
func newMemory(s Streams) *cobra.Command {
	o, l := &output{streams: s, chart: true}, &look{}
	var gradient bool
	var wrt []string
	cmd := &cobra.Command{
		Use:   "memory [flags] EXPR | FILE.cg | PROGRAM | -",
		Short: "Draw the memory that a program uses while it runs",
		Long: `Memory draws a chart of a program's memory: over its instructions the bytes in use, with
the peak marked, and by address the range of every value from the instruction that
writes it to the last one that reads it. A graph is compiled first. Formats are svg, png,
pdf, tikz and latex.`,
		Example: `  cgviz memory --gradient model.cg -o memory.svg
  cgviz memory model.adjp -o memory.png`,
		Args:              exactly(1, "one expression, file or program"),
		ValidArgsFunction: completeSource,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := l.understand(cmd); err != nil {
				return err
			}
			if len(wrt) > 0 && !gradient {
				return usage("--wrt is about gradients: give --gradient too")
			}
			format, err := o.chooseChart("memory")
			if err != nil {
				return err
			}
			src, err := s.read(args[0])
			if err != nil {
				return err
			}
			p := src.Program
			if p == nil {
				x := &examined{Source: src}
				if gradient {
					if err := x.differentiateSplit(wrt, evaluate.Inputs(evaluate.Reachable(src.Outputs...))); err != nil {
						return err
					}
				}
				if p, err = compile.Compile(x.results()...); err != nil {
					return err
				}
			} else if gradient {
				return fmt.Errorf("%s is a compiled program: --gradient needs a graph", src.Name)
			}
			options := l.options(src.Expression)
			if l.title == "" && src.Expression == "" {
				options = append(options, viz.WithTitle(strings.TrimSuffix(src.Name, source.Extension)))
			}
			c, err := viz.NewMemoryChart(p, options...)
			if err != nil {
				return err
			}
			return o.paint(c, format)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.BoolVar(&gradient, "gradient", false, "compile the gradient of the outputs too")
	f.StringSliceVar(&wrt, "wrt", nil, "differentiate by these `NAMES` only")
	o.flags(cmd)
	l.flags(cmd)
	return cmd
}
