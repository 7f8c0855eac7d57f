package command

import (
	"github.com/spf13/cobra"
)

// New returns the command cgviz with its subcommands.
func New(s Streams) *cobra.Command {
	d := &draw{streams: s}
	root := &cobra.Command{
		Use:   "cgviz [flags] EXPR | FILE.cg | -",
		Short: "Draw a computational graph",
		Long: `Cgviz draws the computational graph of an expression, or of a graph in its
text form (FILE.cg), alone or with values and gradients at a point. A minus
stands for standard input, with either.

An expression is a list of assignments and at its end, if you like, a value:
u = x1*x2; z = sin(u) + u^2. Powers are ^ or **; x₁² and 2x work too. Functions
are the operators of the graph under their names: exp, log, max, where, …

Exit status: 0 for success, 1 for input with mistakes or a failed drawing, 2 for
a mistake on the command line.`,
		Example: `  cgviz 'z = x1^2 + x2^2 + x1*x2' -o z.png
  cgviz 'z = x1^2 + x2^2 + x1*x2' --grad overlay --at x1=2,x2=3 -o z.svg
  cgviz --grad split --rankdir TB model.cg -o model.svg
  cgviz -T json --at x=0.5 --grad overlay 'sin(x)*exp(x)'
  cgviz -T dot 'sin(x)' | dot -Tpdf -o sin.pdf`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
				return usage("no expression and no file is given")
			case len(args) > 1:
				return usage("%d arguments where one is expected; put an expression between quotes: '%s'", len(args), joined(args))
			}
			return nil
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"cg"}, cobra.ShellCompDirectiveFilterFileExt
		},
		RunE: func(cmd *cobra.Command, args []string) error { return d.run(cmd, args[0]) },
	}
	root.SetIn(s.In)
	root.SetOut(s.Out)
	root.SetErr(s.Err)
	root.SetFlagErrorFunc(flagError)
	d.flags(root)
	return root
}

// joined returns the arguments as one short line.
func joined(args []string) string {
	text := ""
	for _, a := range args {
		if len(text)+len(a) > 60 {
			return text + " …"
		}
		if text != "" {
			text += " "
		}
		text += a
	}
	return text
}
