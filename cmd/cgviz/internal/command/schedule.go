package command

import (
	"strconv"

	"github.com/spf13/cobra"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/viz"
)

// newSchedule returns the command that draws how a reverse sweep keeps few states.
func newSchedule(s Streams) *cobra.Command {
	o, l := &output{streams: s, chart: true}, &look{}
	var keep compile.Checkpoints
	cmd := &cobra.Command{
		Use:   "schedule [flags] STEPS",
		Short: "Draw which states of a loop a reverse sweep keeps, and which it computes again",
		Long: `Schedule draws a chart of the reverse sweep over a loop of so many steps that keeps few
states of it, as compile.Config's Checkpoints makes them: from left to right what is run,
from bottom to top the loop's steps, with a bar for each state that is kept. Without
--states and --every all are kept; with --mixed also what is recorded of steps, instead of
states. Formats are svg, png, pdf, tikz and latex.`,
		Example: `  cgviz schedule --states 6 60 -o checkpoints.svg
  cgviz schedule --states 6 --mixed 60 -o mixed.svg
  cgviz schedule --every 8 60 -o checkpoints.png`,
		Args:              exactly(1, "one number of steps"),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := l.understand(cmd); err != nil {
				return err
			}
			steps, err := strconv.Atoi(args[0])
			if err != nil {
				return usage("schedule takes one number of steps, not %q", args[0])
			}
			for _, flag := range []string{"states", "every"} {
				if n, _ := cmd.Flags().GetInt(flag); cmd.Flags().Changed(flag) && n < 1 {
					return usage("--%s is %d: at least 1", flag, n)
				}
			}
			if keep.States > 0 && keep.Every > 0 {
				return usage("--states and --every are two ways to keep few states: give one")
			}
			if keep.Mixed && keep.States == 0 {
				return usage("--mixed needs --states")
			}
			format, err := o.chooseChart("a schedule")
			if err != nil {
				return err
			}
			c, err := viz.NewScheduleChart(steps, keep, l.options("")...)
			if err != nil {
				return err
			}
			return o.paint(c, format)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.IntVar(&keep.States, "states", 0, "keep `N` states at once, with the fewest steps run again")
	f.BoolVar(&keep.Mixed, "mixed", false, "keep for each of the states either one or what the reversal of a step reads")
	f.IntVar(&keep.Every, "every", 0, "keep the state at each `N` steps, and all from there on while they are reversed")
	o.flags(cmd)
	l.flags(cmd)
	return cmd
}
