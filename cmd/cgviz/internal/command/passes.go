package command

import (
	"bytes"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/adjoint-go/adjoint/cmd/cgviz/internal/evaluate"
	"github.com/adjoint-go/adjoint/cmd/cgviz/internal/source"
	"github.com/adjoint-go/adjoint/compile"
)

// newPasses returns the command that shows what the compiler does to a graph.
func newPasses(s Streams) *cobra.Command {
	var config compile.Config
	var list, gradient bool
	var wrt []string
	cmd := &cobra.Command{
		Use:   "passes [flags] EXPR | FILE.cg | -",
		Short: "Show a graph after each pass of the compiler",
		Long: `Passes compiles a graph and prints it after each pass that changed it, with the
rewrites that fired, and at the end the program's listing.`,
		Example: `  cgviz passes 'z = x*1 + 0*y'
  cgviz passes --gradient --wrt x1 model.cg
  cgviz passes --list`,
		Args: func(cmd *cobra.Command, args []string) error {
			if list {
				return exactly(0, "no argument beside --list")(cmd, args)
			}
			return exactly(1, "one expression or file")(cmd, args)
		},
		ValidArgsFunction: completeSource,
		RunE: func(cmd *cobra.Command, args []string) error {
			if list {
				for _, p := range compile.Passes() {
					if _, err := fmt.Fprintf(s.Out, "%-10s %s\n", p.Name, p.Doc); err != nil {
						return err
					}
				}
				return nil
			}
			if len(wrt) > 0 && !gradient {
				return usage("--wrt is about gradients: give --gradient too")
			}
			src, err := source.Read(args[0], s.In)
			if err != nil {
				return err
			}
			if src.Program != nil {
				return fmt.Errorf("%s is compiled already; cgviz disasm lists it", src.Name)
			}
			x := &examined{Source: src}
			if gradient {
				inputs := evaluate.Inputs(evaluate.Reachable(src.Outputs...))
				if x.wrt, err = variables("split", wrt, src, inputs); err != nil {
					return err
				}
				if x.derivatives, err = differentiate(src.Outputs, x.wrt); err != nil {
					return err
				}
			}
			var b bytes.Buffer
			if err := config.Explain(&b, x.results()...); err != nil {
				return err
			}
			_, err = s.Out.Write(b.Bytes())
			return err
		},
	}
	f := cmd.Flags()
	f.BoolVar(&list, "list", false, "list the passes")
	f.BoolVar(&gradient, "gradient", false, "compile the gradient of the outputs too")
	f.StringSliceVar(&wrt, "wrt", nil, "differentiate by these `NAMES` only")
	f.BoolVar(&config.FastMath, "fast-math", false, "allow rewrites that change values beyond rounding at infinities, NaN and -0")
	f.BoolVar(&config.Unoptimized, "unoptimized", false, "leave out all rewrites and fusion")
	f.StringSliceVar(&config.Disable, "disable", nil, "leave out passes and rewrites by `NAME`")
	return cmd
}

// newDisasm returns the command that lists a program.
func newDisasm(s Streams) *cobra.Command {
	return &cobra.Command{
		Use:   "disasm PROGRAM | EXPR | FILE.cg | -",
		Short: "List the instructions of a compiled program",
		Long: `Disasm lists a compiled program: its memory, inputs and outputs, and every
instruction with its micro-code and the places in the source. A graph is compiled first.`,
		Example: `  cgviz disasm model.adjp
  cgviz disasm 'z = sin(x)*exp(x)'`,
		Args:                  exactly(1, "one program"),
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			src, err := source.Read(args[0], s.In)
			if err != nil {
				return err
			}
			p := src.Program
			if p == nil {
				if p, err = compile.Compile(src.Outputs...); err != nil {
					return err
				}
			}
			_, err = fmt.Fprint(s.Out, p.String())
			return err
		},
	}
}

// newVersion returns the command that prints the version.
func newVersion(s Streams) *cobra.Command {
	return &cobra.Command{
		Use:                   "version",
		Short:                 "Print the version",
		Args:                  exactly(0, "no argument"),
		DisableFlagsInUseLine: true,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(s.Out, "cgviz %s\n", version())
			return err
		},
	}
}

// version describes the build: version of the module, revision, Go version and platform.
func version() string {
	text, revision, modified := "(unknown)", "", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		if info.Main.Version != "" {
			text = info.Main.Version
		}
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision":
				revision = s.Value
			case s.Key == "vcs.modified" && s.Value == "true":
				modified = "+changes"
			}
		}
	}
	if revision != "" {
		text += " " + revision[:min(len(revision), 12)] + modified
	}
	return fmt.Sprintf("%s %s %s/%s", text, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
