package command

import (
	"bytes"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/adjoint-go/adjoint/cmd/cgviz/internal/graphdiff"
	"github.com/adjoint-go/adjoint/cmd/cgviz/internal/source"
	"github.com/adjoint-go/adjoint/viz"
)

// newDiff returns the command that compares two graphs.
func newDiff(s Streams) *cobra.Command {
	o, l := &output{streams: s}, &look{}
	var exitCode bool
	cmd := &cobra.Command{
		Use:   "diff [flags] A B",
		Short: "Compare two graphs",
		Long: `Diff compares two graphs, each an expression or a file. It prints what was removed,
added, changed and renamed, and nothing for equal graphs; places in the source and
scopes do not count. With -o or -T it draws both as one picture: what they have in
common once, the rest of each in a box of its own.`,
		Example: `  cgviz diff old.cg new.cg
  cgviz diff -o diff.svg 'sin(x)^2 + y' 'cos(x)^2 + y'
  cgviz diff --exit-code model.cg expected.cg`,
		Args:              exactly(2, "two graphs"),
		ValidArgsFunction: completeSource,
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[0] == "-" && args[1] == "-" {
				return usage("standard input can be one of the graphs, not both")
			}
			if err := l.understand(cmd); err != nil {
				return err
			}
			f, err := o.choose()
			if err != nil {
				return err
			}
			if err := o.checkDirectory(); err != nil {
				return err
			}
			var sources [2]*source.Source
			for i, arg := range args {
				if sources[i], err = s.read(arg); err != nil {
					return err
				}
				if sources[i].Program != nil {
					return fmt.Errorf("%s is a compiled program: diff compares graphs", sources[i].Name)
				}
			}
			d := graphdiff.Compare(sources[0].Outputs, sources[1].Outputs)
			var b bytes.Buffer
			if o.format == "" && o.file == "" {
				err = d.Write(&b, args[0], args[1])
			} else {
				err = drawDiff(&b, f, l, d, s.Err)
			}
			if err != nil {
				return err
			}
			if err := o.deliver(b.Bytes()); err != nil {
				return err
			}
			if exitCode && !d.Equal() {
				return errDifferent
			}
			return nil
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().BoolVar(&exitCode, "exit-code", false, "exit with 1 if the graphs differ")
	o.flags(cmd)
	l.flags(cmd)
	return cmd
}

func drawDiff(b *bytes.Buffer, f *format, l *look, d *graphdiff.Diff, warnings io.Writer) error {
	m, err := d.Model()
	if err != nil {
		return err
	}
	m = m.CloseBodies(viz.OpenBodies, nil)
	if f.paint != nil {
		var done string
		if m, done = m.Limit(l.maxNodes); done != "" {
			fmt.Fprintf(warnings, "warning: the graphs have %s (--max-nodes %d)\n", done, l.maxNodes)
		}
	}
	return f.write(b, warnings, m, l.options(""))
}
