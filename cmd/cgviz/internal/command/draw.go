package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/adjoint-go/adjoint/cmd/cgviz/internal/atomicfile"
	"github.com/adjoint-go/adjoint/cmd/cgviz/internal/evaluate"
	"github.com/adjoint-go/adjoint/cmd/cgviz/internal/point"
	"github.com/adjoint-go/adjoint/cmd/cgviz/internal/source"
	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/viz"
)

// format is a way to write a picture.
type format struct {
	name       string
	extensions []string
	binary     bool
	// paint writes a picture; nil for JSON, which describes the model without one.
	paint func(*viz.Picture, io.Writer) error
}

var formats = []format{
	{"dot", []string{".dot", ".gv"}, false, (*viz.Picture).DOT},
	{"svg", []string{".svg"}, false, (*viz.Picture).SVG},
	{"png", []string{".png"}, true, (*viz.Picture).PNG},
	{"json", []string{".json"}, false, nil},
}

// write writes the model in the format.
func (f *format) write(w io.Writer, m *viz.Model, options []viz.Option) error {
	if f.paint == nil {
		return m.JSON(w)
	}
	p, err := viz.NewFromModel(m, options...)
	if err != nil {
		return err
	}
	return f.paint(p, w)
}

// gradients are the values of --grad.
var gradients = []choice[viz.GradientMode]{{"none", viz.NoGradients}, {"overlay", viz.Overlay}, {"split", viz.Split}}

// directions are the values of --rankdir, as in Graphviz.
var directions = []choice[viz.Direction]{{"LR", viz.LeftToRight}, {"TB", viz.TopToBottom}, {"BT", viz.BottomToTop}, {"RL", viz.RightToLeft}}

// choice is one of the values that a flag takes.
type choice[T any] struct {
	name  string
	value T
}

// choose returns the value that the flag's text names, letter case aside.
func choose[T any](flag, text string, choices []choice[T]) (T, error) {
	for _, c := range choices {
		if strings.EqualFold(c.name, text) {
			return c.value, nil
		}
	}
	var zero T
	return zero, usage("--%s is %q: expected %s", flag, text, strings.Join(choiceNames(choices), ", "))
}

func choiceNames[T any](choices []choice[T]) []string {
	return names(choices, func(c choice[T]) string { return c.name })
}

// draw is the command that draws, with its flags.
type draw struct {
	streams Streams

	format, output string
	at, wrt        []string
	grad, rankdir  string
	title          string
	maxNodes       int
}

func (d *draw) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVarP(&d.format, "format", "T", "", "dot, svg, png or json (default from the name of -o, else svg)")
	f.StringVarP(&d.output, "output", "o", "", "`FILE` to write (default standard output)")
	f.StringArrayVar(&d.at, "at", nil, "show values at `POINT`: x1=3,x2=4; for tensors w=[1,2,3] or w=FILE.npy")
	f.StringVar(&d.grad, "grad", "none", "gradients: none, overlay (adjoints in the picture) or split (a graph of their own)")
	f.StringSliceVar(&d.wrt, "wrt", nil, "differentiate by these `NAMES` only: x1,x2 (default all inputs that are floats)")
	f.StringVar(&d.rankdir, "rankdir", "LR", "direction of the edges: LR, TB, BT or RL")
	f.StringVar(&d.title, "title", "", "title of the picture, set as mathematics (default the expression)")
	f.IntVar(&d.maxNodes, "max-nodes", 20000, "refuse to draw graphs with more than `N` nodes")
	complete := func(flag string, values []string) {
		err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
		if err != nil {
			panic("BUG: " + err.Error())
		}
	}
	complete("format", names(formats, func(f format) string { return f.name }))
	complete("grad", choiceNames(gradients))
	complete("rankdir", choiceNames(directions))
	complete("at", nil)
	complete("wrt", nil)
	complete("title", nil)
}

func names[T any](list []T, name func(T) string) []string {
	var out []string
	for _, x := range list {
		out = append(out, name(x))
	}
	return out
}

// task is a draw command with its flags understood.
type task struct {
	format    *format
	mode      viz.GradientMode
	direction viz.Direction
}

// understand checks the flags.
func (d *draw) understand(cmd *cobra.Command) (*task, error) {
	t := &task{}
	var err error
	if t.format, err = d.chooseFormat(); err != nil {
		return nil, err
	}
	if t.mode, err = choose("grad", d.grad, gradients); err != nil {
		return nil, err
	}
	if t.direction, err = choose("rankdir", d.rankdir, directions); err != nil {
		return nil, err
	}
	if d.maxNodes < 1 {
		return nil, usage("--max-nodes is %d: expected at least 1", d.maxNodes)
	}
	if cmd.Flags().Changed("wrt") && t.mode == viz.NoGradients {
		return nil, usage("--wrt is about gradients: give --grad overlay or --grad split too")
	}
	if t.format.binary && d.toStdout() && d.streams.OutTerminal {
		return nil, usage("%s is binary and standard output is a terminal: give -o FILE, or redirect the output", strings.ToUpper(t.format.name))
	}
	return t, nil
}

func (d *draw) toStdout() bool { return d.output == "" || d.output == "-" }

// chooseFormat returns the format that -T names, else the one of the output's extension, else SVG.
func (d *draw) chooseFormat() (*format, error) {
	all := strings.Join(names(formats, func(f format) string { return f.name }), ", ")
	if d.format != "" {
		for i := range formats {
			if strings.EqualFold(formats[i].name, d.format) {
				return &formats[i], nil
			}
		}
		return nil, usage("there is no format %q: expected one of %s", d.format, all)
	}
	extension := strings.ToLower(filepath.Ext(d.output))
	if d.toStdout() || extension == "" {
		extension = ".svg"
	}
	for i := range formats {
		if slices.Contains(formats[i].extensions, extension) {
			return &formats[i], nil
		}
	}
	return nil, usage("the extension of %s belongs to no format: give -T with one of %s", d.output, all)
}

// run draws the argument.
func (d *draw) run(cmd *cobra.Command, argument string) error {
	t, err := d.understand(cmd)
	if err != nil {
		return err
	}
	if err := d.checkDirectory(); err != nil {
		return err
	}
	s, err := source.Read(argument, d.streams.In)
	if err != nil {
		return err
	}
	options := d.options(t, s)
	if n := s.Graph.Len(); t.format.paint != nil && n > d.maxNodes && len(evaluate.Reachable(s.Outputs...)) > d.maxNodes {
		return fmt.Errorf("%s has more than the %d nodes that are drawn; --max-nodes changes that, and -T json has no limit", s.Name, d.maxNodes)
	}
	m, err := d.model(cmd.Context(), cmd.Flags().Changed("at"), t, s, options)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := t.format.write(&b, m, options); err != nil {
		return err
	}
	if err := cmd.Context().Err(); err != nil {
		return err
	}
	return d.deliver(b.Bytes())
}

// checkDirectory fails early where the output's folder does not exist.
func (d *draw) checkDirectory() error {
	if d.toStdout() {
		return nil
	}
	dir := filepath.Dir(d.output)
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		err = errors.New("not a directory")
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	if err != nil {
		return fmt.Errorf("cannot write %s: %s: %w", d.output, dir, err)
	}
	return nil
}

// deliver writes a finished picture.
func (d *draw) deliver(data []byte) error {
	if !d.toStdout() {
		return atomicfile.Write(d.output, data)
	}
	_, err := d.streams.Out.Write(data)
	return err
}

// longestTitle is the number of characters above which an expression is no title.
const longestTitle = 100

// options returns how the picture is to look.
func (d *draw) options(t *task, s *source.Source) []viz.Option {
	options := []viz.Option{viz.WithDirection(t.direction), viz.WithGradients(t.mode), viz.WithMaxNodes(d.maxNodes)}
	switch {
	case d.title != "":
		options = append(options, viz.WithTitle(d.title))
	case len([]rune(s.Expression)) <= longestTitle:
		options = append(options, viz.WithTitle(s.Expression))
	}
	return options
}

// model describes the source with the values, adjoints or gradients that are asked for.
func (d *draw) model(ctx context.Context, at bool, t *task, s *source.Source, options []viz.Option) (*viz.Model, error) {
	nodes := evaluate.Reachable(s.Outputs...)
	inputs := evaluate.Inputs(nodes)
	p, err := point.Parse(d.at, s.Graph.Inputs())
	if err != nil {
		return nil, err
	}
	if at {
		if err := complete(p, inputs); err != nil {
			return nil, err
		}
	}
	// Without inputs there is one point only.
	known := at || len(inputs) == 0

	var wrt []*graph.Node
	var derivatives []derivative
	if t.mode != viz.NoGradients {
		if wrt, err = d.variables(s, inputs); err != nil {
			return nil, err
		}
		options = append(options, viz.WithRespectTo(wrt...))
	}
	if t.mode == viz.Split {
		if derivatives, err = differentiate(s.Outputs, wrt); err != nil {
			return nil, err
		}
		var list []*graph.Node
		for _, x := range derivatives {
			list = append(list, x.node)
		}
		options = append(options, viz.WithGradientOutputs(list...))
		nodes = evaluate.Reachable(append(slices.Clone(s.Outputs), list...)...)
	}
	if known {
		shown, err := values(ctx, t.mode, s.Outputs, nodes, wrt, p)
		if err != nil {
			return nil, err
		}
		options = append(options, shown...)
	}
	m, err := viz.Describe(s.Outputs, options...)
	if err != nil {
		return nil, err
	}
	for i, x := range derivatives {
		o := &m.Outputs[len(s.Outputs)+i]
		o.Of, o.By = x.of, x.by
	}
	if s.OneLine {
		for i := range m.Nodes {
			m.Nodes[i].Source = ""
		}
	}
	return m, nil
}

// complete reports inputs that the point lacks.
func complete(p point.Point, inputs []*graph.Node) error {
	var missing []*graph.Node
	for _, n := range inputs {
		if p[n] == nil {
			missing = append(missing, n)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("--at gives no value for %s", point.Names(missing))
	}
	return nil
}

// variables returns the nodes to differentiate by: those of --wrt, else all inputs that are floats.
func (d *draw) variables(s *source.Source, inputs []*graph.Node) ([]*graph.Node, error) {
	var wrt []*graph.Node
	for _, name := range d.wrt {
		n, err := s.Node(name)
		if err != nil {
			return nil, fmt.Errorf("--wrt: %w", err)
		}
		if !n.DType().IsFloat() {
			return nil, fmt.Errorf("--wrt: %s is %v, and only floats have derivatives", name, n.Type())
		}
		if slices.Contains(wrt, n) {
			return nil, fmt.Errorf("--wrt: %s is given twice", name)
		}
		wrt = append(wrt, n)
	}
	if len(d.wrt) == 0 {
		for _, n := range inputs {
			if n.DType().IsFloat() {
				wrt = append(wrt, n)
			}
		}
	}
	if len(wrt) == 0 {
		return nil, fmt.Errorf("--grad %s: the graph has no input that is a float to differentiate by", d.grad)
	}
	if !slices.ContainsFunc(s.Outputs, func(n *graph.Node) bool { return n.DType().IsFloat() }) {
		return nil, fmt.Errorf("--grad %s: no output is a float, so there is nothing to differentiate", d.grad)
	}
	return wrt, nil
}

// derivative is the node that computes ∂of/∂by.
type derivative struct {
	node   *graph.Node
	of, by string
}

// differentiate appends the gradients of all outputs that are floats to the graph. Of a
// tensor the sum of its elements is differentiated.
func differentiate(outputs, wrt []*graph.Node) ([]derivative, error) {
	var list []derivative
	costs := 0
	for _, o := range outputs {
		if o.DType().IsFloat() {
			costs++
		}
	}
	for k, o := range outputs {
		if !o.DType().IsFloat() {
			continue
		}
		nodes, err := compile.VJP([]*graph.Node{o}, nil, wrt)
		if err != nil {
			return nil, err
		}
		of := o.Name()
		switch {
		case of != "":
		case costs == 1:
			of = "y"
		default:
			of = fmt.Sprintf("y%d", k+1)
		}
		for i, n := range nodes {
			by := wrt[i].Name()
			list = append(list, derivative{n, of, by})
		}
	}
	return list, nil
}

// values evaluates the nodes and, for an overlay, adjoints and partials.
func values(ctx context.Context, mode viz.GradientMode, outputs, nodes, wrt []*graph.Node, p point.Point) ([]viz.Option, error) {
	if mode != viz.Overlay {
		v, err := evaluate.Values(ctx, nodes, p)
		return []viz.Option{viz.WithValues(v)}, err
	}
	// Inputs that no output depends on are among wrt only where they are asked for.
	active := evaluate.Active(nodes, wrt)
	isActive := make(map[*graph.Node]bool, len(active))
	for _, n := range active {
		isActive[n] = true
	}
	for _, n := range wrt {
		if !isActive[n] {
			active = append(active, n)
		}
	}
	adjointNodes, err := evaluate.Adjoints(outputs, active)
	if err != nil {
		return nil, err
	}
	all, err := evaluate.Values(ctx, append(slices.Clone(nodes), adjointNodes...), p)
	if err != nil {
		return nil, err
	}
	adjoints := make(map[*graph.Node]*viz.Value, len(active))
	for i, n := range active {
		adjoints[n] = all[adjointNodes[i]]
	}
	partials, err := evaluate.Partials(ctx, nodes, active, all)
	if err != nil {
		return nil, err
	}
	return []viz.Option{viz.WithValues(all), viz.WithAdjoints(adjoints), viz.WithPartials(partials)}, nil
}
