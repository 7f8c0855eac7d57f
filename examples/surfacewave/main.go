// Command surfacewave computes dispersion curves of Rayleigh and Love waves in layered models, their exact derivatives by everything in the model, and inverts measured curves for S velocities. See README.md.
package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := command().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "surfacewave:", err)
		os.Exit(1)
	}
}

func command() *cobra.Command {
	root := &cobra.Command{Use: "surfacewave", Short: "Dispersion of surface waves, its derivatives, and inversion", SilenceUsage: true, SilenceErrors: true, Args: cobra.NoArgs}
	root.AddCommand(forwardCommand(), invertCommand(), demoCommand())
	return root
}

func forwardCommand() *cobra.Command {
	var lo, hi float64
	var n, modes int
	var love bool
	c := &cobra.Command{
		Use: "forward model.csv", Short: "Phase and group velocities of a model, as CSV", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			l, err := readFile(args[0], ReadLayers)
			if err != nil {
				return err
			}
			if !(lo > 0) || !(hi >= lo) || n < 1 || modes < 1 || n > 1_000_000/modes {
				return fmt.Errorf("%d modes at %d periods from %v to %v s: needs positive numbers, the first period not after the last, and at most a million velocities", modes, n, lo, hi)
			}
			w := RayleighWave
			if love {
				w = LoveWave
			}
			f, err := NewForward(w, len(l.Vs), n*modes, true)
			if err != nil {
				return err
			}
			var number []int
			var periods []float64
			for mode := range modes {
				for i := range n {
					number, periods = append(number, mode), append(periods, lo*math.Pow(hi/lo, float64(i)/float64(max(1, n-1))))
				}
			}
			if err := f.Set(number, periods); err != nil {
				return err
			}
			curve, err := f.Run(l)
			if err != nil {
				return err
			}
			out := csv.NewWriter(c.OutOrStdout())
			_ = out.Write([]string{"wave", "mode", "period", "velocity", "group"})
			for i, v := range curve.Phase {
				if !math.IsNaN(v) {
					_ = out.Write([]string{w.String()[:1], strconv.Itoa(number[i]), short(periods[i]), short(v), short(curve.Group[i])})
				}
			}
			out.Flush()
			return out.Error()
		},
	}
	c.Flags().Float64Var(&lo, "from", 1, "shortest period, s")
	c.Flags().Float64Var(&hi, "to", 50, "longest period, s")
	c.Flags().IntVarP(&n, "periods", "n", 30, "number of periods")
	c.Flags().IntVar(&modes, "modes", 1, "number of modes, from the fundamental one on")
	c.Flags().BoolVar(&love, "love", false, "Love waves, not Rayleigh waves")
	return c
}

func invertCommand() *cobra.Command {
	v := Inversion{}
	var start, folder string
	var determinants, keep bool
	c := &cobra.Command{
		Use: "invert picks.csv", Short: "S velocities from measured phase velocities", Args: cobra.ExactArgs(1),
		Long: `Reads picks (columns period and velocity; mode, error and wave if they are there), and a start model (columns
thickness and vs; vp and density if they are there) whose thicknesses and ratios of velocities are kept, and writes
model.csv, fit.csv, kernels.csv and plots of the three into a folder.`,
		RunE: func(c *cobra.Command, args []string) (err error) {
			if v.Picks, err = readFile(args[0], ReadPicks); err != nil {
				return err
			}
			if v.Start, err = readFile(start, ReadLayers); err != nil {
				return err
			}
			if determinants {
				v.Misfit = Determinants
			}
			v.Berteussen = !keep
			return invert(c.Context(), c.OutOrStdout(), v, folder)
		},
	}
	f := c.Flags()
	f.StringVarP(&start, "start", "s", "", "the start model, a CSV file")
	_ = c.MarkFlagRequired("start")
	f.StringVarP(&folder, "out", "o", ".", "the folder for results")
	f.Float64Var(&v.Smooth, "smooth", 0, "weight of the second differences of S velocities")
	f.IntVar(&v.Starts, "starts", 16, "number of models to start from")
	f.Float64Var(&v.Spread, "spread", 0.2, "how much start models differ, as a part of 1")
	f.Uint64Var(&v.Seed, "seed", 1, "of the start models")
	f.BoolVar(&determinants, "determinants", false, "make the secular function small at the picks, rather than the differences of velocities")
	f.BoolVar(&keep, "keep-densities", false, "keep the densities of the start model; else they follow from P velocities: 0.32·Vp + 0.77")
	return c
}

func demoCommand() *cobra.Command {
	var folder string
	c := &cobra.Command{
		Use: "demo", Short: "Inverts synthetic curves with noise", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, args []string) error {
			truth, picks, err := synthetic(0.005, 1)
			if err != nil {
				return err
			}
			v := Inversion{Picks: picks, Start: flatStart(truth), Starts: 16, Spread: 0.2, Seed: 1, Berteussen: true}
			if err := invertBeside(c.Context(), c.OutOrStdout(), v, folder, &truth); err != nil {
				return err
			}
			return drawGraph(filepath.Join(folder, "graph.svg"))
		},
	}
	c.Flags().StringVarP(&folder, "out", "o", ".", "the folder for results")
	return c
}

// synthetic returns a crust over a mantle, and its fundamental Rayleigh and Love waves with relative normal noise.
func synthetic(noise float64, seed uint64) (Layers, []Pick, error) {
	l := Layers{Thickness: []float64{5, 23, 8, 0}, Vs: []float64{2.7, 3.6, 3.8, 4.4}}
	for _, vs := range l.Vs {
		l.Vp, l.Density = append(l.Vp, 1.73*vs), append(l.Density, densityOf(1.73*vs))
	}
	var picks []Pick
	for _, w := range []Wave{RayleighWave, LoveWave} {
		for i := range 60 {
			picks = append(picks, Pick{Wave: w, Period: 3 * math.Pow(20, float64(i)/59)})
		}
	}
	c, err := Predict(picks, l)
	if err != nil {
		return l, nil, err
	}
	random := rand.New(rand.NewPCG(seed, 1))
	for i := range picks {
		picks[i].Velocity = c[i] * (1 + noise*random.NormFloat64())
		picks[i].Error = noise * c[i]
	}
	return l, picks, nil
}

// flatStart has the same layers, with S velocities on a straight line from 3 to 4.6 km/s.
func flatStart(l Layers) Layers {
	s := Layers{Thickness: l.Thickness, Density: l.Density}
	for i := range l.Vs {
		vs := 3 + 1.6*float64(i)/float64(len(l.Vs)-1)
		s.Vs, s.Vp = append(s.Vs, vs), append(s.Vp, vs*l.Vp[i]/l.Vs[i])
	}
	return s
}

func readFile[T any](path string, read func(io.Reader, string) (T, error)) (T, error) {
	file, err := os.Open(filepath.Clean(path))
	if err != nil {
		var none T
		return none, err
	}
	defer file.Close()
	return read(file, path)
}

func invert(ctx context.Context, w io.Writer, v Inversion, folder string) error {
	return invertBeside(ctx, w, v, folder, nil)
}

// invertBeside inverts, reports, and writes files; beside is a model to be drawn with the one that was found.
func invertBeside(ctx context.Context, w io.Writer, v Inversion, folder string, beside *Layers) error {
	if v.Starts < 1 || v.Spread < 0 || v.Spread >= 1 || v.Smooth < 0 {
		return fmt.Errorf("%d starts with a spread of %v and a weight of %v: needs one or more, a part of 1, and no negative number", v.Starts, v.Spread, v.Smooth)
	}
	if term.IsTerminal(int(os.Stderr.Fd())) {
		bar := progressbar.NewOptions(v.Starts, progressbar.OptionSetWriter(os.Stderr), progressbar.OptionSetDescription("inverting"), progressbar.OptionClearOnFinish())
		v.Progress = func() { _ = bar.Add(1) }
	}
	r, err := v.Run(ctx)
	if err != nil {
		return err
	}
	best := r.Solutions[0]
	unit := ""
	if v.Picks[0].Error == 0 {
		unit = " km/s"
	}
	fmt.Fprintf(w, "%d of %d starts end at the best model: RMS %.4g%s after %d iterations (%s)\n\n", r.Agreeing, v.Starts, best.RMS, unit, best.Iterations, best.Status)
	fmt.Fprintf(w, "%5s %10s %10s %10s %10s\n", "layer", "depth", "Vs", "± (errors)", "± (starts)")
	depth := 0.0
	for i, vs := range best.Layers.Vs {
		e := math.NaN()
		if best.Errors != nil {
			e = best.Errors[i]
		}
		fmt.Fprintf(w, "%5d %10.4g %10.5g %10.3g %10.3g\n", i+1, depth, vs, e, r.Spread[i])
		depth += best.Layers.Thickness[i]
	}
	return write(folder, v, r, beside)
}

// short is a number with 9 digits.
func short(v float64) string { return strconv.FormatFloat(v, 'g', 9, 64) }

func writeCSV(path string, rows [][]string) error {
	file, err := os.Create(filepath.Clean(path))
	if err != nil {
		return err
	}
	defer file.Close()
	c := csv.NewWriter(file)
	if err := c.WriteAll(rows); err != nil {
		return err
	}
	return file.Close()
}

// write writes the results' tables and pictures.
func write(folder string, v Inversion, r *Result, beside *Layers) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	in := func(name string) string { return filepath.Join(folder, name) }
	best := r.Solutions[0].Layers
	model := [][]string{{"thickness", "vs", "vp", "density"}}
	for i := range best.Vs {
		model = append(model, []string{short(best.Thickness[i]), short(best.Vs[i]), short(best.Vp[i]), short(best.Density[i])})
	}
	if err := writeCSV(in("model.csv"), model); err != nil {
		return err
	}
	kernels, err := kernelsAt(v.Picks, best)
	if err != nil {
		return err
	}
	c, err := Predict(v.Picks, best)
	if err != nil {
		return err
	}
	fit, derivatives := [][]string{{"wave", "mode", "period", "measured", "computed"}}, [][]string{{"wave", "mode", "period"}}
	for i := range best.Vs {
		derivatives[0] = append(derivatives[0], fmt.Sprintf("layer%d", i+1))
	}
	for j, p := range v.Picks {
		name := []string{p.Wave.String()[:1], strconv.Itoa(p.Mode), short(p.Period)}
		fit = append(fit, append(name[:3:3], short(p.Velocity), short(c[j])))
		row := name[:3:3]
		for i := range best.Vs {
			row = append(row, short(kernels[i][j]))
		}
		derivatives = append(derivatives, row)
	}
	if err := writeCSV(in("fit.csv"), fit); err != nil {
		return err
	}
	if err := writeCSV(in("kernels.csv"), derivatives); err != nil {
		return err
	}
	names, models := []string{"found", "start"}, []Layers{best, v.Start}
	if beside != nil {
		names, models = append(names, "true"), append(models, *beside)
	}
	if err := plotModel(in("model.png"), names, models); err != nil {
		return err
	}
	if err := plotFit(in("fit.png"), v.Picks, best); err != nil {
		return err
	}
	return plotKernels(in("kernels.png"), v.Picks, kernels, best)
}

// kernelsAt returns the derivatives of the velocities at picks by the S velocities of layers: [layer][pick].
func kernelsAt(picks []Pick, l Layers) ([][]float64, error) {
	out := make([][]float64, len(l.Vs))
	for i := range out {
		out[i] = make([]float64, len(picks))
	}
	err := eachWave(picks, l, true, func(c *Curve, at []int) {
		for i := range out {
			for k, j := range at {
				out[i][j] = c.Vs[i][k]
			}
		}
	})
	return out, err
}
