package command

import (
	"bytes"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/adjoint-go/adjoint/cmd/cgviz/internal/evaluate"
	"github.com/adjoint-go/adjoint/cmd/cgviz/internal/point"
	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/vm"
)

// maxBenchRuns bounds the runs that bench keeps the times of.
const maxBenchRuns = 1_000_000

// bench is the command that times a program, with its flags.
type bench struct {
	output
	gradient bool
	wrt, at  []string
	runs     int
	threads  int
}

// newBench returns the command that times a program by instruction, line and operator.
func newBench(s Streams) *cobra.Command {
	b := &bench{output: output{streams: s}}
	cmd := &cobra.Command{
		Use:   "bench [flags] EXPR | FILE.cg | PROGRAM | -",
		Short: "Time a program by instruction, by line and by operator",
		Long: `Bench runs a program on values at a point, or on halves where none are given, and
prints the median time of a run and of each instruction, the most expensive first, with
the bytes and operations a second that it reaches; then the same time by the line of the
source and by operator. A graph is compiled first. Machine code is made before the clock
starts.`,
		Example: `  cgviz bench --gradient 'z = sin(x)*exp(x)' --at x=2
  cgviz bench model.adjp --runs 100 --threads 1`,
		Args:              exactly(1, "one expression, file or program"),
		ValidArgsFunction: completeSource,
		RunE:              b.run,
	}
	f := cmd.Flags()
	f.StringVarP(&b.file, "output", "o", "", "`FILE` to write (default standard output)")
	f.BoolVar(&b.gradient, "gradient", false, "time the gradient of the outputs too")
	f.StringSliceVar(&b.wrt, "wrt", nil, "differentiate by these `NAMES` only")
	f.StringArrayVar(&b.at, "at", nil, "values at `POINT`: x1=3,x2=4; for tensors w=[1,2,3] or w=FILE.npy; others are 0.5, whole numbers 0")
	f.IntVar(&b.runs, "runs", profileRuns, "time each instruction so often")
	f.IntVar(&b.threads, "threads", 0, "threads at most (default as many as there are processors)")
	return cmd
}

// run times what the arguments say.
func (b *bench) run(cmd *cobra.Command, args []string) error {
	switch {
	case len(b.wrt) > 0 && !b.gradient:
		return usage("--wrt is about gradients: give --gradient too")
	case b.runs < 1 || b.runs > maxBenchRuns:
		return usage("--runs is %d, not 1 to %d", b.runs, maxBenchRuns)
	case b.threads < 0:
		return usage("--threads is %d", b.threads)
	}
	if err := b.checkDirectory(); err != nil {
		return err
	}
	src, err := b.streams.read(args[0])
	if err != nil {
		return err
	}
	p := src.Program
	var at point.Point
	if p == nil {
		x := &examined{Source: src}
		if b.gradient {
			if err := x.differentiateSplit(b.wrt, evaluate.Inputs(evaluate.Reachable(src.Outputs...))); err != nil {
				return err
			}
		}
		if at, err = point.Parse(b.at, x.Graph.Inputs()); err != nil {
			return err
		}
		if p, err = compile.Compile(x.results()...); err != nil {
			return err
		}
	} else if b.gradient || len(b.at) > 0 {
		return fmt.Errorf("%s is a compiled program: --gradient and --at need a graph", src.Name)
	}
	options := []vm.Option{vm.WithNativeAhead(), vm.WithMemoryLimit(evaluate.MemoryLimit)}
	if b.threads > 0 {
		options = append(options, vm.WithThreads(b.threads))
	}
	m := vm.NewMachine(p, options...)
	if err := evaluate.Fill(m, at); err != nil {
		return err
	}
	profile, err := m.Profile(cmd.Context(), b.runs)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	fmt.Fprint(&out, profile)
	for _, part := range []struct {
		by   string
		sums []vm.ProfileTotal
	}{{"line", profile.ByLine()}, {"operator", profile.ByOperator()}} {
		fmt.Fprintf(&out, "\nby %s\n", part.by)
		for _, s := range part.sums {
			fmt.Fprintf(&out, "%9v %5.1f%%  %s\n", s.Time, 100*float64(s.Time)/float64(max(profile.Total, time.Nanosecond)), s.Name)
		}
	}
	return b.deliver(out.Bytes())
}
