package command

import (
	"bytes"
	"fmt"
	"math"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/adjoint-go/adjoint/cmd/cgviz/internal/evaluate"
	"github.com/adjoint-go/adjoint/cmd/cgviz/internal/point"
	"github.com/adjoint-go/adjoint/compile"
)

// passes is the command that shows what the compiler does to a graph, with its flags.
type passes struct {
	output
	config         compile.Config
	list, gradient bool
	wrt, at        []string
}

// newPasses returns the command that shows what the compiler does to a graph.
func newPasses(s Streams) *cobra.Command {
	p := &passes{output: output{streams: s}}
	cmd := &cobra.Command{
		Use:   "passes [flags] EXPR | FILE.cg | -",
		Short: "Show a graph after each pass of the compiler",
		Long: `Passes compiles a graph and prints it after each pass that changed it, with the
rewrites that fired, and at the end the program's listing, the time of each pass, and
what is slow by the way it is written, with the line and the way out.

As HTML it draws the graph after each pass on one page, with a slider through the passes on which
what was added, changed and removed is marked, and a walk through the program in its order.`,
		Example: `  cgviz passes 'z = x*1 + 0*y'
  cgviz passes --gradient --wrt x1 model.cg
  cgviz passes --gradient --at x=2 'z = sin(x)*exp(x)' -o passes.html
  cgviz passes --list`,
		Args: func(cmd *cobra.Command, args []string) error {
			if p.list {
				return exactly(0, "no argument beside --list")(cmd, args)
			}
			return exactly(1, "one expression or file")(cmd, args)
		},
		ValidArgsFunction: completeSource,
		RunE:              p.run,
	}
	f := cmd.Flags()
	f.StringVarP(&p.format, "format", "T", "", "text or html (default from the name of -o, else text)")
	f.StringVarP(&p.file, "output", "o", "", "`FILE` to write (default standard output)")
	f.BoolVar(&p.list, "list", false, "list the passes")
	f.BoolVar(&p.gradient, "gradient", false, "compile the gradient of the outputs too")
	f.StringSliceVar(&p.wrt, "wrt", nil, "differentiate by these `NAMES` only")
	f.StringArrayVar(&p.at, "at", nil, "HTML: show values at `POINT`: x1=3,x2=4; for tensors w=[1,2,3] or w=FILE.npy")
	f.BoolVar(&p.config.FastMath, "fast-math", false, "allow rewrites that change values beyond rounding at infinities, NaN and -0")
	f.BoolVar(&p.config.Unoptimized, "unoptimized", false, "leave out all rewrites and fusion")
	f.StringSliceVar(&p.config.Disable, "disable", nil, "leave out passes and rewrites by `NAME`")
	completeFlag(cmd, "format", []string{"text", "html"})
	return cmd
}

// run shows what the arguments say.
func (p *passes) run(cmd *cobra.Command, args []string) error {
	if p.list {
		for _, pass := range compile.Passes() {
			if _, err := fmt.Fprintf(p.streams.Out, "%-10s %s\n", pass.Name, pass.Doc); err != nil {
				return err
			}
		}
		return nil
	}
	html, err := p.asHTML()
	switch {
	case err != nil:
		return err
	case len(p.wrt) > 0 && !p.gradient:
		return usage("--wrt is about gradients: give --gradient too")
	case len(p.at) > 0 && !html:
		return usage("--at shows values in HTML: give -o FILE.html too")
	}
	if err := p.checkDirectory(); err != nil {
		return err
	}
	src, err := p.streams.read(args[0])
	if err != nil {
		return err
	}
	if src.Program != nil {
		return fmt.Errorf("%s is compiled already; cgviz disasm lists it", src.Name)
	}
	x := &examined{Source: src}
	inputs := evaluate.Inputs(evaluate.Reachable(src.Outputs...))
	if p.gradient {
		if err := x.differentiateSplit(p.wrt, inputs); err != nil {
			return err
		}
	}
	var b bytes.Buffer
	if html {
		if len(p.at) > 0 || len(inputs) == 0 {
			if x.at, err = point.Parse(p.at, x.Graph.Inputs()); err != nil {
				return err
			}
			if err = complete(x.at, inputs); err != nil {
				return err
			}
			x.known = true
		}
		err = x.drawStages(cmd.Context(), &b, p.config, math.MaxInt, x.titled()...)
	} else {
		err = p.config.Explain(&b, x.results()...)
	}
	if err != nil {
		return err
	}
	return p.deliver(b.Bytes())
}

// asHTML reports whether the stages are drawn.
func (p *passes) asHTML() (bool, error) {
	name := p.format
	if name == "" {
		if name = "text"; !p.toStdout() {
			f, err := p.find()
			if err != nil {
				return false, err
			}
			name = f.name
		}
	}
	switch strings.ToLower(name) {
	case "text":
		return false, nil
	case "html":
		return true, nil
	}
	return false, usage("passes are shown as text or html, not as %s", name)
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
			src, err := s.read(args[0])
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
