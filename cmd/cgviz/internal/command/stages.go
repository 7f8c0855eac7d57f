package command

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/adjoint-go/adjoint/cmd/cgviz/internal/evaluate"
	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/viz"
)

// drawStages draws what each pass of the compiler makes of the results on one page, with the values of all
// nodes where the point is known. A stage of more nodes than the limit is an error.
func (x *examined) drawStages(ctx context.Context, w io.Writer, config compile.Config, limit int, options ...viz.Option) error {
	stages, err := config.Stages(x.results()...)
	if err != nil {
		return err
	}
	for i := range stages {
		if n := len(stages[i].Nodes); n > limit {
			return fmt.Errorf("%s has %d nodes in a stage, more than the %d that are drawn; --max-nodes changes that", x.Name, n, limit)
		}
	}
	values := map[*graph.Node]*viz.Value{}
	if x.known {
		if err := evaluate.Stages(ctx, stages, x.at, values); err != nil {
			return err
		}
	}
	var derivatives []*graph.Node
	for _, d := range x.derivatives {
		derivatives = append(derivatives, d.Node)
	}
	drawn, err := viz.DescribeStages(stages, viz.WithValues(values), viz.WithRespectTo(x.wrt...), viz.WithGradientOutputs(derivatives...))
	if err != nil {
		return err
	}
	for i := range drawn {
		evaluate.Label(drawn[i].Model, x.derivatives)
		x.hideLines(drawn[i].Model)
	}
	return viz.HTMLStages(w, drawn, options...)
}

// titled returns the option that makes the expression the title, where it is short.
func (x *examined) titled() []viz.Option {
	if len([]rune(x.Expression)) > longestTitle {
		return nil
	}
	return []viz.Option{viz.WithTitle(x.Expression)}
}

// understandPasses checks the flags beside --opt passes.
func (d *draw) understandPasses(cmd *cobra.Command) error {
	f, err := d.choose()
	if err != nil {
		return err
	}
	if f.name != "html" {
		return usage("--opt passes is a page with a slider: give -T html too")
	}
	for _, flag := range []string{"show", "color-by", "depth", "collapse", "expand", "inline", "focus", "radius", "path", "fold"} {
		if cmd.Flags().Changed(flag) {
			return usage("--opt passes draws whole graphs: it goes without --%s", flag)
		}
	}
	return nil
}
