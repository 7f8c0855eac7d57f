package command

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/adjoint-go/adjoint/cmd/cgviz/internal/atomicfile"
	"github.com/adjoint-go/adjoint/cmd/cgviz/internal/evaluate"
	"github.com/adjoint-go/adjoint/cmd/cgviz/internal/source"
	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/compile/gosource"
	"github.com/adjoint-go/adjoint/vm"
)

// gen is the command that writes Go source, with its flags.
type gen struct {
	output
	config    gosource.Config
	assembly  bool
	gradient  bool
	wrt, dims []string
	fast, fma bool
}

// newGen returns the command that writes a graph or program as Go source.
func newGen(s Streams) *cobra.Command {
	c := &gen{output: output{streams: s}}
	cmd := &cobra.Command{
		Use:   "gen [flags] EXPR | FILE.cg | FILE.onnx | PROGRAM | -",
		Short: "Write Go source of a graph, alone or with its gradient",
		Long: `Gen writes one Go file with a function that computes the outputs. It needs nothing but
the standard library, or the package vm/kernels where there are matrix products and other
kernels, and has the bits of the program that it was made of. Products and sums are
rounded one by one unless --fma joins them, which is for processors that have such an
instruction. A graph is compiled first.

With --assembly, loops over arrays have vector instructions: files of Go assembly stand
beside FILE, for amd64 (AVX-512, AVX2) and arm64. They need no C compiler; other processors,
and builds with -tags purego, have the loops in Go. All ways give the same bits.`,
		Example: `  cgviz gen --gradient 'z = x1^2 + x2^2 + x1*x2' --func Energy --package energy -o energy.go
  cgviz gen model.cg -o model.go
  cgviz gen --assembly model.cg -o model.go`,
		Args:              exactly(1, "one expression, file or program"),
		ValidArgsFunction: completeSource,
		RunE:              c.run,
	}
	f := cmd.Flags()
	f.StringVarP(&c.file, "output", "o", "", "`FILE` to write (default standard output)")
	f.StringVar(&c.config.Package, "package", "generated", "`NAME` of the package")
	f.StringVar(&c.config.Func, "func", "Run", "`NAME` of the function, or of the type that has its memory")
	f.BoolVar(&c.assembly, "assembly", false, "write loops over arrays as Go assembly too, in files beside FILE")
	f.BoolVar(&c.gradient, "gradient", false, "compute the gradient of the outputs too")
	f.StringSliceVar(&c.wrt, "wrt", nil, "differentiate by these `NAMES` only")
	f.StringSliceVar(&c.dims, "dim", nil, "extents that a model in ONNX's format leaves open: `NAME=N` (default 1)")
	f.BoolVar(&c.fma, "fma", false, "join products and sums into multiply-adds that round once")
	f.BoolVar(&c.fast, "fast-math", false, "allow rewrites that change infinities, NaN and the sign of zero, or add in another order")
	return cmd
}

func (c *gen) run(_ *cobra.Command, args []string) error {
	if len(c.wrt) > 0 && !c.gradient {
		return usage("--wrt is about gradients: give --gradient too")
	}
	base, isGo := strings.CutSuffix(filepath.Base(c.file), ".go")
	if c.assembly && !isGo {
		return usage("--assembly writes several files: give --output a name that ends in .go")
	}
	if err := c.checkDirectory(); err != nil {
		return err
	}
	src, err := c.streams.readDims(args[0], c.dims)
	if err != nil {
		return err
	}
	p := src.Program
	switch {
	case p == nil:
		if p, err = c.compile(src); err != nil {
			return err
		}
	case c.gradient || c.fma || c.fast:
		return errors.New(src.Name + " is a compiled program: --gradient, --fma and --fast-math need a graph")
	}
	if c.assembly {
		files, err := c.config.GenerateAssembly(p, base)
		if err != nil {
			return err
		}
		for _, f := range files {
			if err := atomicfile.Write(filepath.Join(filepath.Dir(c.file), f.Name), f.Text); err != nil {
				return err
			}
		}
		return nil
	}
	text, err := c.config.Generate(p)
	if err != nil {
		return err
	}
	return c.deliver(text)
}

// compile compiles the graph, with its gradient if it is to have it: ∂z/∂x is called dz_dx.
func (c *gen) compile(src *source.Source) (*vm.Program, error) {
	x := &examined{Source: src}
	if c.gradient {
		if err := x.differentiateSplit(c.wrt, evaluate.Inputs(evaluate.Reachable(src.Outputs...))); err != nil {
			return nil, err
		}
	}
	config := compile.Config{FastMath: c.fast, Names: make([]string, len(src.Outputs))}
	if !c.fma {
		config.Disable = []string{"contract"}
	}
	for _, d := range x.derivatives {
		name := "d" + d.Of + "_d" + d.By
		if src.Graph.Lookup(name) != nil || slices.Contains(config.Names, name) {
			name = ""
		}
		config.Names = append(config.Names, name)
	}
	return config.Compile(x.results()...)
}
