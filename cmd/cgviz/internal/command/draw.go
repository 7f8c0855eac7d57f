package command

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/spf13/cobra"

	"github.com/adjoint-go/adjoint/cmd/cgviz/internal/gopackage"
	"github.com/adjoint-go/adjoint/cmd/cgviz/internal/source"
	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/viz"
)

// gradients are the values of --grad.
var gradients = []choice[viz.GradientMode]{{"none", viz.NoGradients}, {"overlay", viz.Overlay}, {"split", viz.Split}}

// directions are the values of --rankdir, as in Graphviz.
var directions = []choice[viz.Direction]{{"LR", viz.LeftToRight}, {"TB", viz.TopToBottom}, {"BT", viz.BottomToTop}, {"RL", viz.RightToLeft}}

// themes are the values of --theme.
var themes = []choice[viz.ThemeChoice]{{"auto", viz.Automatic}, {"light", viz.LightTheme}, {"dark", viz.DarkTheme}}

// styles are the values of --style.
var styles = []choice[viz.StyleChoice]{{"default", viz.DefaultStyle}, {"mono", viz.MonoStyle}, {"adsurf", viz.SurfaceWaveStyle}}

// stages says which side of the compiler is drawn.
type stages uint8

const (
	graphOnly stages = iota
	programOnly
	graphAndProgram
	everyPass
)

// optimizations are the values of --opt.
var optimizations = []choice[stages]{{"none", graphOnly}, {"before", graphOnly}, {"after", programOnly}, {"both", graphAndProgram}, {"passes", everyPass}}

// draw is the command that draws, with its flags.
type draw struct {
	output
	look
	view
	at, wrt   []string
	grad, opt string
	pkg, fn   string
	watching  bool

	atGiven bool
	mode    viz.GradientMode
	stages  stages
}

// look is the flags that all commands which draw have in common.
type look struct {
	rankdir, title, theme, style string
	scale, dpi                   float64
	types, wrap                  bool
	maxNodes                     int

	direction viz.Direction
	directed  bool
	palette   viz.ThemeChoice
	styling   viz.StyleChoice
}

func (o *output) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&o.format, "format", "T", "", "dot, svg, png, pdf, html, json, mermaid, text, tikz (a tikzpicture) or latex (a document with it) (default from the name of -o, else text at a terminal and svg elsewhere)")
	f.StringVarP(&o.file, "output", "o", "", "`FILE` to write (default standard output)")
	completeFlag(cmd, "format", formatNames())
}

func (l *look) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&l.rankdir, "rankdir", "auto", "direction of the edges: LR, TB, BT, RL, or auto: LR, but TB where the picture would be much higher than wide")
	f.BoolVar(&l.wrap, "wrap", true, "draw what is long and narrow in rows, as a text")
	f.StringVar(&l.title, "title", "", "title of the picture, set as mathematics (default the expression)")
	f.BoolVar(&l.types, "types", false, "show dtypes of scalars too")
	f.StringVar(&l.theme, "theme", "auto", "colours: auto (light; in SVG and HTML as the reader has it), light or dark")
	f.StringVar(&l.style, "style", "default", "default, mono (black on white, for print) or adsurf (as papers on surface waves draw: upwards, yellow inputs)")
	f.Float64Var(&l.scale, "scale", 0, "pixels per unit of PNG, size of SVG (default 2 for PNG, 1 for SVG)")
	f.Float64Var(&l.dpi, "dpi", 0, "the scale as a resolution: 96 dots per inch are scale 1")
	f.IntVar(&l.maxNodes, "max-nodes", 20000, "draw parts of larger graphs as one node each, so that about `N` are left")
	completeFlag(cmd, "rankdir", append(choiceNames(directions), "auto"))
	completeFlag(cmd, "theme", choiceNames(themes))
	completeFlag(cmd, "style", choiceNames(styles))
	for _, flag := range []string{"title", "scale", "dpi", "max-nodes"} {
		completeFlag(cmd, flag, nil)
	}
}

// understand checks the flags.
func (l *look) understand(cmd *cobra.Command) (err error) {
	if l.directed = !strings.EqualFold(l.rankdir, "auto"); l.directed {
		if l.direction, err = choose("rankdir", l.rankdir, directions); err != nil {
			return err
		}
	}
	if l.palette, err = choose("theme", l.theme, themes); err != nil {
		return err
	}
	if l.styling, err = choose("style", l.style, styles); err != nil {
		return err
	}
	const least, most = 0.01, 100
	scaled := cmd.Flags().Changed("scale")
	switch {
	case l.maxNodes < 1:
		return usage("--max-nodes is %d: expected at least 1", l.maxNodes)
	case scaled && cmd.Flags().Changed("dpi"):
		return usage("--scale and --dpi both set the scale: give one of them")
	case scaled && !(l.scale >= least && l.scale <= most):
		return usage("--scale is %v: expected %v to %v", l.scale, least, most)
	case cmd.Flags().Changed("dpi") && !(l.dpi >= 1 && l.dpi <= 9600):
		return usage("--dpi is %v: expected 1 to 9600", l.dpi)
	}
	return nil
}

// longestTitle is the number of characters above which an expression is no title.
const longestTitle = 100

// options returns how the picture is to look.
func (l *look) options(expression string) []viz.Option {
	options := []viz.Option{viz.WithMaxNodes(l.maxNodes), viz.WithTheme(l.palette), viz.WithStyle(l.styling), viz.WithTypes(l.types), viz.WithWrapping(l.wrap)}
	if l.directed {
		options = append(options, viz.WithDirection(l.direction))
	}
	switch {
	case l.title != "":
		options = append(options, viz.WithTitle(l.title))
	case len([]rune(expression)) <= longestTitle:
		options = append(options, viz.WithTitle(expression))
	}
	switch {
	case l.scale > 0:
		options = append(options, viz.WithScale(l.scale))
	case l.dpi > 0:
		options = append(options, viz.WithDPI(l.dpi))
	}
	return options
}

// completeFlag offers the values, and nothing else, where a shell completes the flag.
func completeFlag(cmd *cobra.Command, flag string, values []string) {
	err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	if err != nil {
		panic("BUG: " + err.Error())
	}
}

func (d *draw) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.SortFlags = false
	d.output.flags(cmd)
	f.StringArrayVar(&d.at, "at", nil, "show values at `POINT`: x1=3,x2=4; for tensors w=[1,2,3] or w=FILE.npy")
	f.StringVar(&d.grad, "grad", "none", "gradients: none, overlay (adjoints in the picture) or split (a graph of their own)")
	f.StringSliceVar(&d.wrt, "wrt", nil, "differentiate by these `NAMES` only: x1,x2 (default all inputs that are floats)")
	f.StringVar(&d.opt, "opt", "none", "draw the graph (none, before), the compiled program (after), both, or a page with a slider through the passes")
	d.view.flags(cmd)
	d.look.flags(cmd)
	f.StringVar(&d.pkg, "pkg", "", "draw the graph that a function of the Go package in `FOLDER` builds; see --func")
	f.StringVar(&d.fn, "func", "", "exported function `NAME` of --pkg: func() *graph.Node, or with a *graph.Graph, several nodes, an error")
	f.BoolVar(&d.watching, "watch", false, "draw again whenever the file changes")
	completeFlag(cmd, "grad", choiceNames(gradients))
	completeFlag(cmd, "opt", choiceNames(optimizations))
	for _, flag := range []string{"at", "wrt", "func"} {
		completeFlag(cmd, flag, nil)
	}
}

// arguments checks what stands beside the flags.
func (d *draw) arguments(_ *cobra.Command, args []string) error {
	switch {
	case d.pkg != "" && len(args) > 0:
		return usage("--pkg says what to draw: an argument beside it has no meaning")
	case d.pkg != "":
		return nil
	case d.fn != "":
		return usage("--func names a function of a package: give --pkg too")
	case len(args) == 0:
		return usage("no expression and no file is given")
	case len(args) > 1:
		return usage("%d arguments where one is expected; put an expression between quotes: '%s'", len(args), joined(args))
	}
	return nil
}

// understand checks the flags.
func (d *draw) understand(cmd *cobra.Command) (err error) {
	if err = d.look.understand(cmd); err != nil {
		return err
	}
	if err = d.view.understand(cmd); err != nil {
		return err
	}
	if d.mode, err = choose("grad", d.grad, gradients); err != nil {
		return err
	}
	if d.stages, err = choose("opt", d.opt, optimizations); err != nil {
		return err
	}
	d.atGiven = cmd.Flags().Changed("at")
	switch {
	case cmd.Flags().Changed("wrt") && d.mode == viz.NoGradients:
		return usage("--wrt is about gradients: give --grad overlay or --grad split too")
	case d.mode == viz.Overlay && d.stages != graphOnly:
		return usage("--grad overlay shows the graph as it is given; with --opt %s use --grad split", d.opt)
	case d.pkg != "" && d.fn == "":
		return usage("--pkg needs the function that builds the graph: give --func NAME")
	case d.stages == everyPass:
		return d.understandPasses(cmd)
	}
	return nil
}

// run draws what the arguments say.
func (d *draw) run(cmd *cobra.Command, args []string) error {
	if err := d.understand(cmd); err != nil {
		return err
	}
	f, err := d.choose()
	if err != nil {
		return err
	}
	d.view.hovering = f.name == "html"
	if err := d.checkDirectory(); err != nil {
		return err
	}
	argument := ""
	if len(args) > 0 {
		argument = args[0]
	}
	if isValues(argument) && !d.watching && d.pkg == "" {
		text, err := listValues(argument)
		if err != nil {
			return err
		}
		return d.deliver(text)
	}
	if d.watching {
		return d.watch(cmd.Context(), f, argument)
	}
	return d.once(cmd.Context(), f, argument)
}

// once draws one picture.
func (d *draw) once(ctx context.Context, f *format, argument string) error {
	p := startProgress(d.streams, progressDelay)
	data, err := d.render(ctx, p, f, argument)
	p.close()
	if err != nil {
		return err
	}
	return d.deliver(data)
}

// render returns the picture's bytes.
func (d *draw) render(ctx context.Context, p *progress, f *format, argument string) ([]byte, error) {
	s, err := d.read(ctx, p, argument)
	if err != nil {
		return nil, err
	}
	if d.stages == everyPass && s.Program == nil {
		return d.renderPasses(ctx, p, s)
	}
	m, err := d.model(ctx, p, s)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	limit := math.MaxInt // formats for other programs have all nodes
	if f.paint != nil {
		limit = d.maxNodes
	}
	if m, err = d.view.reduce(m, limit); err != nil {
		return nil, err
	}
	if d.view.limited != "" {
		fmt.Fprintf(d.streams.Err, "warning: %s has %s (--max-nodes %d)\n", s.Name, d.view.limited, d.maxNodes)
	}
	p.enter("drawing %d nodes", len(m.Nodes))
	mode := d.mode
	if d.stages != graphOnly {
		mode = viz.NoGradients // a program does not tell forward from gradient
	}
	options := append(d.look.options(s.Expression), viz.WithGradients(mode))
	options = append(options, d.view.options()...)
	options = append(options, viz.WithMaxNodes(math.MaxInt))
	var b bytes.Buffer
	if err := f.write(&b, d.streams.Err, m, options); err != nil {
		return nil, err
	}
	return b.Bytes(), ctx.Err()
}

// renderPasses returns the bytes of a page that shows every pass.
func (d *draw) renderPasses(ctx context.Context, p *progress, s *source.Source) ([]byte, error) {
	x, err := d.examine(ctx, p, s)
	if err != nil {
		return nil, err
	}
	p.enter("drawing every pass")
	var b bytes.Buffer
	err = x.drawStages(ctx, &b, compile.Config{}, d.maxNodes, append(d.look.options(s.Expression), viz.WithMaxNodes(math.MaxInt))...)
	return b.Bytes(), err
}

// read returns the graph or program to draw.
func (d *draw) read(ctx context.Context, p *progress, argument string) (*source.Source, error) {
	if d.pkg == "" {
		p.enter("reading")
		return d.streams.read(argument)
	}
	p.enter("building %s", d.pkg)
	text, err := gopackage.Graph(ctx, d.pkg, d.fn)
	if err != nil {
		return nil, err
	}
	return source.ReadText(text, d.pkg+"."+d.fn)
}
