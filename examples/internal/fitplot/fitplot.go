// Package fitplot draws observations and the curves that are fitted to them, and graphs.
package fitplot

import (
	"image/color"
	"os"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/viz"
)

// Series are observations (X, Y) and a curve (CurveX, CurveY) through them, which may be empty.
type Series struct {
	Name           string
	X, Y           []float64
	CurveX, CurveY []float64
}

func points(x, y []float64) plotter.XYs {
	p := make(plotter.XYs, len(x))
	for i := range p {
		p[i].X, p[i].Y = x[i], y[i]
	}
	return p
}

// Save draws the series into a file, as a PNG, SVG or PDF by its name.
func Save(path, title, x, y string, series ...Series) error {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, x, y
	p.Legend.Top, p.Legend.Padding = true, vg.Points(3)
	p.Add(plotter.NewGrid())
	for i, s := range series {
		shade := []color.Color{color.RGBA{0x08, 0x51, 0x9c, 0xff}, color.RGBA{0xd9, 0x48, 0x01, 0xff}}[i%2]
		dots, err := plotter.NewScatter(points(s.X, s.Y))
		if err != nil {
			return err
		}
		dots.Color, dots.Shape, dots.Radius = shade, draw.CircleGlyph{}, vg.Points(2)
		line, err := plotter.NewLine(points(s.CurveX, s.CurveY))
		if err != nil {
			return err
		}
		line.Color, line.Width = shade, vg.Points(1.2)
		p.Add(line, dots)
		if len(series) > 1 {
			p.Legend.Add(s.Name, line, dots)
		}
	}
	// Room for dots at the edges, and for the legend above.
	width, height := p.X.Max-p.X.Min, p.Y.Max-p.Y.Min
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = p.X.Min-0.02*width, p.X.Max+0.02*width, p.Y.Min-0.03*height, p.Y.Max+0.03*height
	if len(series) > 1 {
		p.Y.Max += 0.15 * height
		p.Legend.XOffs, p.Legend.YOffs = -vg.Points(8), -vg.Points(4)
	}
	return p.Save(6*vg.Inch, 4*vg.Inch, path)
}

// SaveGraph draws a graph into a file, as a PNG.
func SaveGraph(path string, outputs ...*graph.Node) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := viz.PNG(file, outputs); err != nil {
		file.Close()
		return err
	}
	return file.Close()
}
