package command

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/adjoint-go/adjoint/cmd/cgviz/internal/evaluate"
	"github.com/adjoint-go/adjoint/cmd/cgviz/internal/point"
	"github.com/adjoint-go/adjoint/cmd/cgviz/internal/source"
	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/compile/train"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/viz"
	"github.com/adjoint-go/adjoint/vm"
)

// runner is the command that runs a graph or program once, with its flags.
type runner struct {
	output
	inputs, values, dims []string
	threads              int
}

// newRun returns the command that runs a graph, model or program on given values.
func newRun(s Streams) *cobra.Command {
	c := &runner{output: output{streams: s}}
	cmd := &cobra.Command{
		Use:   "run [flags] EXPR | FILE.cg | FILE.onnx | PROGRAM | -",
		Short: "Run a graph, a model or a program on given values",
		Long: `Run computes the outputs and prints them, of large ones the corners, or writes them to a
file: .npy for one output, .npz or .safetensors for all by their names. Every input needs
a value, from --input or by its name from a file of --values.`,
		Example: `  cgviz run 'z = x1^2 + x2^2' --input x1=3,x2=4
  cgviz run model.onnx --dim batch=8 --input x=x.npy -o y.npy
  cgviz run model.cg --values parameters.safetensors --input 'x=[1,2,3]'`,
		Args:              exactly(1, "one expression, file or program"),
		ValidArgsFunction: completeSource,
		RunE:              c.run,
	}
	f := cmd.Flags()
	f.StringVarP(&c.file, "output", "o", "", "`FILE` to write: .npy, .npz or .safetensors (default standard output, as text)")
	f.StringArrayVar(&c.inputs, "input", nil, "values of inputs: `x1=3,x2=4`; for tensors w=[1,2,3] or w=FILE.npy")
	f.StringArrayVar(&c.values, "values", nil, "`FILE` with values of inputs by name: .npz or .safetensors")
	f.StringSliceVar(&c.dims, "dim", nil, "extents that a model in ONNX's format leaves open: `NAME=N` (default 1)")
	f.IntVar(&c.threads, "threads", 0, "threads at most (default as many as there are processors)")
	return cmd
}

// writers are the kinds of files that results go to.
var writers = []string{".npy", ".npz", ".safetensors"}

func (c *runner) run(cmd *cobra.Command, args []string) error {
	if c.threads < 0 {
		return usage("--threads is %d", c.threads)
	}
	if !c.toStdout() && !slices.Contains(writers, filepath.Ext(c.file)) {
		return usage("-o %s: results are written to .npy, .npz and .safetensors", c.file)
	}
	if err := c.checkDirectory(); err != nil {
		return err
	}
	src, err := c.streams.readDims(args[0], c.dims)
	if err != nil {
		return err
	}
	p, names := src.Program, []string(nil)
	if p == nil {
		if p, err = compile.Compile(src.Outputs...); err != nil {
			return err
		}
		names = viz.OutputNames(src.Outputs)
	} else {
		for k, s := range p.Outputs() {
			if s.Name == "" {
				s.Name = fmt.Sprintf("output_%d", k)
			}
			names = append(names, s.Name)
		}
	}
	if filepath.Ext(c.file) == ".npy" && len(names) != 1 {
		return fmt.Errorf("-o %s: there are %d outputs: write .npz or .safetensors", c.file, len(names))
	}
	arguments, err := c.arguments(src, p)
	if err != nil {
		return err
	}
	options := []vm.Option{vm.WithMemoryLimit(evaluate.MemoryLimit)}
	if c.threads > 0 {
		options = append(options, vm.WithThreads(c.threads))
	}
	results, err := vm.NewMachine(p, options...).CallContext(cmd.Context(), arguments...)
	if err != nil {
		return err
	}
	return c.write(names, results)
}

// arguments returns the values of the program's inputs, in order.
func (c *runner) arguments(src *source.Source, p *vm.Program) ([]any, error) {
	g := src.Graph
	if g == nil { // one with the program's inputs, for the types
		g = graph.New()
		for _, s := range p.Inputs() {
			g.Input(s.Name, s.DType, s.Shape...)
		}
		if err := g.Err(); err != nil {
			return nil, err
		}
	}
	at, err := point.Parse(c.inputs, g.Inputs())
	if err != nil {
		var e *point.Error
		if errors.As(err, &e) {
			e.Flag = "--input"
		}
		return nil, err
	}
	given := train.Values{}
	for _, name := range c.values {
		v, err := train.Load(name)
		if err != nil {
			return nil, err
		}
		for n, a := range v {
			given[n] = a
		}
	}
	var list []any
	var missing []*graph.Node
	for i, s := range p.Inputs() {
		n := g.Inputs()[i]
		a, ok := given[s.Name]
		switch {
		case at[n] != nil:
			list = append(list, evaluate.Array(n.Type(), at[n]))
		case ok:
			list = append(list, a)
		case !s.Used:
			list = append(list, evaluate.Array(n.Type(), make([]uint64, n.Shape().Size())))
		default:
			missing = append(missing, n)
		}
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("neither --input nor --values gives a value for %s", point.Names(missing))
	}
	return list, nil
}

// write prints the results, or writes them to the file.
func (c *runner) write(names []string, results []vm.Array) error {
	if c.toStdout() {
		var out bytes.Buffer
		for k, a := range results {
			if len(a.Shape) == 0 {
				fmt.Fprintf(&out, "%s = %v\n", names[k], a)
				continue
			}
			fmt.Fprintf(&out, "%s %s =\n%v\n", names[k], graph.Type{DType: a.Type().DType, Shape: a.Shape}, a)
		}
		return c.deliver(out.Bytes())
	}
	v := train.Values{}
	for k, a := range results {
		if _, ok := v[names[k]]; ok {
			return fmt.Errorf("-o %s: two outputs are called %s", c.file, names[k])
		}
		v[names[k]] = a
	}
	var data bytes.Buffer
	if filepath.Ext(c.file) == ".safetensors" {
		if err := v.WriteSafetensors(&data, nil); err != nil {
			return err
		}
		return c.deliver(data.Bytes())
	}
	if err := v.Write(&data); err != nil {
		return err
	}
	if filepath.Ext(c.file) == ".npz" {
		return c.deliver(data.Bytes())
	}
	// The only member of the archive is the array's file.
	archive, err := zip.NewReader(bytes.NewReader(data.Bytes()), int64(data.Len()))
	if err != nil {
		return err
	}
	f, err := archive.File[0].Open()
	if err != nil {
		return err
	}
	array, err := io.ReadAll(f)
	if err != nil {
		return err
	}
	return c.deliver(array)
}

// isValues reports whether the name is that of a file of values.
func isValues(name string) bool {
	return strings.HasSuffix(name, ".safetensors") || strings.HasSuffix(name, ".npz")
}

// listValues returns the names and types of a file of values, a line each, and how many elements there are.
func listValues(name string) ([]byte, error) {
	var v train.Values
	if strings.HasSuffix(name, ".npz") {
		var err error
		if v, err = train.Load(name); err != nil {
			return nil, err
		}
	} else {
		f, err := train.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		v = f.Values
	}
	names := make([]string, 0, len(v))
	wide, elements := 0, 0
	for n, a := range v {
		names = append(names, n)
		wide = max(wide, len(n))
		elements += a.Type().Size()
	}
	slices.Sort(names)
	var out bytes.Buffer
	for _, n := range names {
		fmt.Fprintf(&out, "%-*s  %v\n", wide, n, graph.Type{DType: v[n].Type().DType, Shape: v[n].Shape})
	}
	fmt.Fprintf(&out, "%d values of %d elements\n", len(v), elements)
	return out.Bytes(), nil
}
