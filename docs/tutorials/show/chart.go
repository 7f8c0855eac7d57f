package show

import (
	"fmt"
	"image/color"
	"io"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A Series is drawn as a line through its points, or as points.
type Series struct {
	Name   string // in the legend, if it is not empty
	X, Y   []float64
	Points bool
}

// Axes are those of a chart. Values on logarithmic ones are positive.
type Axes struct {
	Title, X, Y string
	LogX, LogY  bool
}

// Chart shows series of numbers.
func (a Axes) Chart(series ...Series) {
	PNG(func(w io.Writer) error { return a.write(w, series) })
}

func (a Axes) write(w io.Writer, series []Series) error {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = a.Title, a.X, a.Y
	if a.LogX {
		p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	}
	if a.LogY {
		p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	}
	p.Legend.Top = true
	p.Add(plotter.NewGrid())
	colors := []color.Color{color.RGBA{0x08, 0x51, 0x9c, 0xff}, color.RGBA{0xd9, 0x48, 0x01, 0xff}, color.RGBA{0x14, 0x65, 0x4a, 0xff}, color.RGBA{0x63, 0x63, 0x63, 0xff}}
	for i, s := range series {
		if len(s.X) != len(s.Y) {
			return fmt.Errorf("%d values of x and %d of y", len(s.X), len(s.Y))
		}
		points := make(plotter.XYs, len(s.X))
		for k := range points {
			points[k] = plotter.XY{X: s.X[k], Y: s.Y[k]}
		}
		line, dots, err := plotter.NewLinePoints(points)
		if err != nil {
			return err
		}
		c := colors[i%len(colors)]
		line.Color, line.Width, dots.Color, dots.Shape, dots.Radius = c, vg.Points(1.4), c, draw.CircleGlyph{}, vg.Points(2)
		var thumbnail plot.Thumbnailer = line
		if s.Points {
			p.Add(dots)
			thumbnail = dots
		} else {
			p.Add(line)
		}
		if s.Name != "" {
			p.Legend.Add(s.Name, thumbnail)
		}
	}
	p.Legend.XOffs, p.Legend.YOffs = -vg.Points(8), -vg.Points(4)
	c, err := p.WriterTo(6*vg.Inch, 3.6*vg.Inch, "png")
	if err != nil {
		return err
	}
	_, err = c.WriteTo(w)
	return err
}
