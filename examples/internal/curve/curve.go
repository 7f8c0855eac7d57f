// Package curve plots losses against steps.
package curve

import (
	"image/color"
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"

	"github.com/adjoint-go/adjoint/compile/train"
)

// Line is a curve: Y[i] at X[i].
type Line struct {
	Name string
	X, Y []float64
}

// Losses are those of training: of each step, and the means of epochs.
type Losses struct{ Each, Mean Line }

// Record adds the loss of an event after so many steps.
func (l *Losses) Record(e *train.Event, steps int64) {
	l.Each.Name, l.Mean.Name = "each step", "mean of an epoch"
	line := &l.Each
	if e.End {
		line = &l.Mean
	}
	line.X, line.Y = append(line.X, float64(steps)), append(line.Y, e.Loss)
}

// ticks are those of a logarithmic axis of a few decades.
func ticks(low, high float64) []plot.Tick {
	var list []plot.Tick
	for decade := math.Pow(10, math.Floor(math.Log10(low))); decade <= high; decade *= 10 {
		for _, m := range []float64{1, 1.5, 2, 3, 4, 5, 7} {
			if v := m * decade; v >= low && v <= high {
				list = append(list, plot.Tick{Value: v, Label: strconv.FormatFloat(v, 'g', 3, 64)})
			}
		}
	}
	return list
}

// Save draws the lines on a logarithmic axis (values are positive) into a file, as a PNG or SVG by its name.
func Save(path, title, x, y string, lines ...Line) error {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, x, y
	p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, plot.TickerFunc(ticks)
	p.Legend.Top, p.Legend.Padding = true, vg.Points(3)
	p.Add(plotter.NewGrid())
	for i, l := range lines {
		points := make(plotter.XYs, len(l.X))
		for k := range points {
			points[k].X, points[k].Y = l.X[k], l.Y[k]
		}
		drawn, err := plotter.NewLine(points)
		if err != nil {
			return err
		}
		drawn.Color = []color.Color{color.RGBA{0x9e, 0xca, 0xe1, 0xff}, color.RGBA{0x08, 0x51, 0x9c, 0xff}, color.RGBA{0xd9, 0x48, 0x01, 0xff}}[i%3]
		drawn.Width = vg.Points(1.2)
		p.Add(drawn)
		p.Legend.Add(l.Name, drawn)
	}
	// Room for the legend above.
	p.Y.Max *= math.Pow(p.Y.Max/p.Y.Min, 0.15)
	p.Legend.XOffs, p.Legend.YOffs = -vg.Points(8), -vg.Points(4)
	return p.Save(6*vg.Inch, 4*vg.Inch, path)
}
