package main

import (
	"fmt"
	"image/color"
	"math"
	"os"
	"path/filepath"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"

	"github.com/adjoint-go/adjoint/examples/internal/surface"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/viz"
)

var colors = []color.Color{color.RGBA{0x08, 0x51, 0x9c, 0xff}, color.RGBA{0xd9, 0x48, 0x01, 0xff}, color.RGBA{0x23, 0x8b, 0x45, 0xff}, color.RGBA{0x6a, 0x51, 0xa3, 0xff}, color.RGBA{0x9e, 0xca, 0xe1, 0xff}}

// profile is S velocity against depth, as steps down to bottom.
func profile(l Layers, bottom float64) plotter.XYs {
	var p plotter.XYs
	depth := 0.0
	for i, vs := range l.Vs {
		next := depth + l.Thickness[i]
		if i == len(l.Thickness)-1 || next > bottom { // the half-space
			next = bottom
		}
		p = append(p, plotter.XY{X: vs, Y: -depth}, plotter.XY{X: vs, Y: -next})
		depth = next
	}
	return p
}

// bottomOf is a depth somewhat below the last interface.
func bottomOf(l Layers) float64 {
	sum := 0.0
	for _, h := range l.Thickness[:len(l.Vs)-1] {
		sum += h
	}
	return 1.2 * sum
}

// depths labels an axis of negative depths with positive numbers.
type depths struct{}

func (depths) Ticks(lo, hi float64) []plot.Tick {
	ticks := plot.DefaultTicks{}.Ticks(lo, hi)
	for i, t := range ticks {
		if t.Label != "" {
			ticks[i].Label = fmt.Sprintf("%g", math.Abs(t.Value))
		}
	}
	return ticks
}

func addLine(p *plot.Plot, name string, points plotter.XYs, k int) error {
	line, err := plotter.NewLine(points)
	if err != nil {
		return err
	}
	line.Color, line.Width = colors[k%len(colors)], vg.Points(1.4)
	p.Add(line)
	if name != "" {
		p.Legend.Add(name, line)
	}
	return nil
}

// plotModel draws models: names and layers in pairs.
func plotModel(path string, names []string, models []Layers) error {
	p := plot.New()
	p.X.Label.Text, p.Y.Label.Text, p.Y.Tick.Marker = "S velocity, km/s", "depth, km", depths{}
	p.Add(plotter.NewGrid())
	p.Legend.Left, p.Legend.Padding = true, vg.Points(3)
	for i, l := range models {
		if err := addLine(p, names[i], profile(l, bottomOf(models[0])), i); err != nil {
			return err
		}
	}
	return p.Save(4*vg.Inch, 5*vg.Inch, path)
}

// plotFit draws picks and the curves of a model.
func plotFit(path string, picks []Pick, l Layers) error {
	c, err := Predict(picks, l)
	if err != nil {
		return err
	}
	p := plot.New()
	p.X.Label.Text, p.Y.Label.Text = "period, s", "phase velocity, km/s"
	p.Add(plotter.NewGrid())
	p.Legend.Top, p.Legend.Left, p.Legend.Padding = true, true, vg.Points(3)
	type key struct {
		w    Wave
		mode int
	}
	measured, computed := map[key]plotter.XYs{}, map[key]plotter.XYs{}
	var order []key
	for i, pick := range picks {
		k := key{pick.Wave, pick.Mode}
		if measured[k] == nil {
			order = append(order, k)
		}
		measured[k] = append(measured[k], plotter.XY{X: pick.Period, Y: pick.Velocity})
		if !math.IsNaN(c[i]) {
			computed[k] = append(computed[k], plotter.XY{X: pick.Period, Y: c[i]})
		}
	}
	for i, k := range order {
		points, err := plotter.NewScatter(measured[k])
		if err != nil {
			return err
		}
		points.Color, points.Radius = colors[i%len(colors)], vg.Points(2.2)
		p.Add(points)
		if err := addLine(p, fmt.Sprintf("%v mode %d", k.w, k.mode), computed[k], i); err != nil {
			return err
		}
	}
	return p.Save(6*vg.Inch, 4*vg.Inch, path)
}

// plotKernels draws the derivatives of some velocities by the S velocity of layers above the half-space, over their thickness.
func plotKernels(path string, picks []Pick, kernels [][]float64, l Layers) error {
	p := plot.New()
	p.X.Label.Text, p.Y.Label.Text, p.Y.Tick.Marker = "∂c/∂Vs per km", "depth, km", depths{}
	p.Add(plotter.NewGrid())
	n, above := len(picks), len(l.Vs)-1
	for k, j := range []int{0, n / 3, 2 * n / 3, n - 1} {
		if k > 0 && j == 0 {
			continue
		}
		var values []float64
		for i := range above {
			values = append(values, kernels[i][j]/l.Thickness[i])
		}
		if err := addLine(p, fmt.Sprintf("%v %d, %.3g s", picks[j].Wave, picks[j].Mode, picks[j].Period), profile(Layers{Thickness: l.Thickness, Vs: values}, bottomOf(l)), k); err != nil {
			return err
		}
	}
	return p.Save(4*vg.Inch, 5*vg.Inch, path)
}

// drawGraph draws the secular function of Love waves, the scan over layers open.
func drawGraph(path string) error {
	g := graph.New()
	l := Layers{Vs: make([]float64, 3)}.Inputs(g)
	c, omega := g.Input("c", graph.Float64, 1), g.Input("omega", graph.Float64, 1)
	f := surface.Love(c, omega, l).Named("F")
	if err := g.Err(); err != nil {
		return err
	}
	file, err := os.Create(filepath.Clean(path))
	if err != nil {
		return err
	}
	defer file.Close()
	if err := viz.SVG(file, []*graph.Node{f}, viz.WithTitle("The secular function of Love waves")); err != nil {
		return err
	}
	return file.Close()
}
