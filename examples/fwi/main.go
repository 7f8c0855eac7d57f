// Command fwi finds the velocities of sound in the ground from seismograms, by inversion of the full wave form (A. Tarantola, Geophysics 49, 1984): waves of several shots are computed by a scheme of differences in two
// dimensions, compared with what was recorded, and the velocities are changed along the gradient of the misfit, which comes from one reverse sweep over the time steps of each shot.
//
// The example makes its own observations with a circle of other velocity, which it then finds again.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/adjoint-go/adjoint/graph"
)

func main() {
	var o options
	flag.StringVar(&o.misfit, "misfit", "l2", "l2, l1, huber, envelope, correlation or transport")
	flag.IntVar(&o.iterations, "iterations", 40, "iterations of L-BFGS at the most")
	flag.Float64Var(&o.regularisation.Tikhonov, "tikhonov", 0, "weight of ½·Σ(∇v)² beside the misfit")
	flag.Float64Var(&o.regularisation.Variation, "tv", 0, "weight of the total variation beside the misfit")
	flag.Float64Var(&o.regularisation.Scale, "tv-scale", 5, "differences of velocity below which the total variation is smooth, m/s")
	flag.Int64Var(&o.memory, "memory", 0, "megabytes of states of the waves that each shot at work keeps; the others are computed once more (0: all are kept)")
	flag.IntVar(&o.workers, "workers", runtime.GOMAXPROCS(0), "shots at once")
	flag.StringVar(&o.folder, "out", "", "folder for pictures: true model, start, and the model now, every few iterations")
	flag.IntVar(&o.every, "every", 5, "iterations between two pictures")
	flag.Float64Var(&o.step, "step", 0.002, "time step, s")
	flag.Parse()
	if err := run(os.Stdout, &o); err != nil {
		log.Fatal(err)
	}
}

type options struct {
	misfit         string
	iterations     int
	regularisation Regularisation
	memory         int64
	workers        int
	folder         string
	every          int
	step           float64
}

// problem is a survey around a circle: sources and receivers stand in the four walls.
func problem(n, sources, steps int, step float64) (s Scheme, survey Survey, truth, start []float64) {
	s = Scheme{NZ: n, NX: n, Spacing: 10, Step: step, Steps: steps, Layer: 12, Matched: true, Accuracy: 4, Fastest: 2500, DType: graph.Float32}
	survey.Wavelet = Ricker(10, 0.12, step, steps)
	around := func(k, of int) Place { // clockwise from the upper left corner
		side, along := 4*k/of, 4*k%of*(n-8)/of+4
		return []Place{{4, along}, {along, n - 5}, {n - 5, n - 1 - along}, {n - 1 - along, 4}}[side]
	}
	for k := range sources {
		survey.Sources = append(survey.Sources, around(2*k+1, 2*sources))
	}
	for k := range 48 {
		survey.Receivers = append(survey.Receivers, around(k, 48))
	}
	truth, start = make([]float64, n*n), make([]float64, n*n)
	for i := range truth {
		truth[i], start[i] = 2000, 2000
		if math.Hypot(float64(i/n)-0.45*float64(n), float64(i%n)-0.55*float64(n)) < 0.16*float64(n) {
			truth[i] = 2200
		}
	}
	return s, survey, truth, start
}

func run(w io.Writer, o *options) error {
	s, survey, truth, start := problem(90, 8, int(math.Round(0.84/o.step)), o.step)
	m, err := misfitOf(o.misfit)
	if err != nil {
		return err
	}
	if err := s.Check(truth); err != nil {
		return err
	}
	x, err := NewInversion(s, survey, m, o.regularisation, o.memory<<20, o.workers)
	if err != nil {
		return err
	}
	began := time.Now()
	observed, err := x.Traces(truth)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%d shots of %d steps on %d×%d points in %.2f s\n", len(survey.Sources), s.Steps, s.NZ+2*s.Layer, s.NX+2*s.Layer, time.Since(began).Seconds())
	bar := progressbar.NewOptions(o.iterations, progressbar.OptionSetDescription("inversion"), progressbar.OptionShowCount(), progressbar.OptionClearOnFinish(),
		progressbar.OptionSetWriter(os.Stderr), progressbar.OptionSetVisibility(term.IsTerminal(int(os.Stderr.Fd()))))
	bounds := Bounds{1600, 2500}
	draw := func(k int, v []float64) error {
		if o.folder == "" {
			return nil
		}
		return write(filepath.Join(o.folder, fmt.Sprintf("model%03d.png", k)), picture([][]float64{truth, start, v}, s.NZ, s.NX, 1900, 2250, &survey))
	}
	if o.folder != "" {
		if err := os.MkdirAll(o.folder, 0o755); err != nil {
			return err
		}
	}
	began = time.Now()
	first, last, iterations := math.NaN(), math.NaN(), 0
	v, err := x.Invert(start, observed, bounds, 3, o.iterations, func(k int, value float64, v []float64) error {
		if iterations == 0 {
			first = value
		}
		last, iterations = value, k
		bar.Describe(fmt.Sprintf("misfit %.3g", value))
		if k%max(1, o.every) == 0 {
			if err := draw(k, v); err != nil {
				return err
			}
		}
		return bar.Add(1)
	})
	if err := errors.Join(err, bar.Finish()); err != nil {
		return err
	}
	before, _ := compare(start, truth)
	after, correlation := compare(v, truth)
	fmt.Fprintf(w, "misfit %s from %.4g after the first iteration to %.4g after %d, in %.1f s\n", o.misfit, first, last, iterations, time.Since(began).Seconds())
	fmt.Fprintf(w, "velocities are off by %.1f m/s in the mean square, the start's by %.1f; correlation with the circle %.3f\n", after, before, correlation)
	return draw(iterations, v)
}

// compare returns the root of the mean square of differences, and the correlation of the deviations from the means.
func compare(v, truth []float64) (rms, correlation float64) {
	mean := func(x []float64) float64 {
		sum := 0.0
		for _, v := range x {
			sum += v
		}
		return sum / float64(len(x))
	}
	a, b := mean(v), mean(truth)
	var aa, bb, ab float64
	for i := range v {
		rms += (v[i] - truth[i]) * (v[i] - truth[i])
		aa, bb, ab = aa+(v[i]-a)*(v[i]-a), bb+(truth[i]-b)*(truth[i]-b), ab+(v[i]-a)*(truth[i]-b)
	}
	if aa > 0 && bb > 0 {
		correlation = ab / math.Sqrt(aa*bb)
	}
	return math.Sqrt(rms / float64(len(v))), correlation
}
