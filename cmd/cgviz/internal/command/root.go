package command

import (
	"github.com/spf13/cobra"
)

// New returns the command cgviz with its subcommands.
func New(s Streams) *cobra.Command {
	d := &draw{output: output{streams: s}}
	root := &cobra.Command{
		Use:   "cgviz [flags] EXPR | FILE.cg | PROGRAM | -",
		Short: "Draw a computational graph",
		Long: `Cgviz draws the computational graph of an expression, of a graph in its text
form (FILE.cg) or of a compiled program, alone or with values and gradients at a
point. A minus stands for standard input, with one of them. Of a file of values (.npz,
.safetensors) it lists the names and types.

An expression is a list of assignments and at its end, if you like, a value:
u = x1*x2; z = sin(u) + u^2. Powers are ^ or **; x₁² and 2x work too. Functions
are the operators of the graph under their names: exp, log, max, where, …

Exit status: 0 for success, 1 for input with mistakes or a failed drawing, 2 for
a mistake on the command line.`,
		Example: `  cgviz 'z = x1^2 + x2^2 + x1*x2' -o z.png
  cgviz 'z = x1^2 + x2^2 + x1*x2' --grad overlay --at x1=2,x2=3 -o z.svg
  cgviz --grad split --rankdir TB model.cg -o model.html
  cgviz -T json --at x=0.5 --grad overlay 'sin(x)*exp(x)'
  cgviz --opt both --grad split 'exp(x)*sin(x)' -o compiled.svg
  cgviz --color-by cost --show name,shape,cost,time model.cg -o cost.svg
  cgviz --focus loss --radius 3 model.cg -o near.svg
  cgviz --pkg ./model --func Loss -o loss.pdf
  cgviz -T dot 'sin(x)' | dot -Tpdf -o sin.pdf`,
		SilenceErrors:     true,
		SilenceUsage:      true,
		Args:              d.arguments,
		ValidArgsFunction: completeSource,
		RunE:              d.run,
	}
	root.SetIn(s.In)
	root.SetOut(s.Out)
	root.SetErr(s.Err)
	root.SetFlagErrorFunc(flagError)
	d.flags(root)
	root.AddCommand(newDiff(s), newMemory(s), newSchedule(s), newPasses(s), newDisasm(s), newBench(s), newRun(s), newConvert(s), newGen(s), newVersion(s))
	// Errors in the flags and arguments of subcommands are usage errors too.
	for _, sub := range root.Commands() {
		sub.SetFlagErrorFunc(flagError)
	}
	return root
}

// exactly returns a check for the number of arguments.
func exactly(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) == n:
			return nil
		case len(args) == 1:
			return usage("%s takes %s, and 1 argument is given", cmd.Name(), what)
		}
		return usage("%s takes %s, and %d arguments are given", cmd.Name(), what, len(args))
	}
}

// completeSource offers graphs in their text form.
func completeSource(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{"cg"}, cobra.ShellCompDirectiveFilterFileExt
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
