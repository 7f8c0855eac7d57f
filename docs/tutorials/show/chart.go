package show

import (
	"cmp"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// A Series is drawn as a line through its points, or as points.
type Series struct {
	Name   string // in the legend, if it is not empty
	X, Y   []float64
	Points bool
	Faint  bool // small grey points
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
		p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, plot.TickerFunc(decades)
	}
	if a.LogY {
		p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, plot.TickerFunc(decades)
	}
	p.Legend.Top, p.Legend.Padding = true, vg.Points(3)
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
		if s.Faint {
			dots.Color, dots.Radius = color.Gray{0xb0}, vg.Points(0.8)
		}
		var thumbnail plot.Thumbnailer = line
		if s.Points || s.Faint {
			p.Add(dots)
			thumbnail = dots
		} else {
			p.Add(line)
		}
		if s.Name != "" {
			p.Legend.Add(s.Name, thumbnail)
		}
	}
	if p.Legend.XOffs, p.Legend.YOffs = -vg.Points(8), -vg.Points(4); slices.ContainsFunc(series, func(s Series) bool { return s.Name != "" }) {
		// Room for it.
		if a.LogY {
			p.Y.Max *= math.Pow(p.Y.Max/p.Y.Min, 0.2)
		} else {
			p.Y.Max += 0.2 * (p.Y.Max - p.Y.Min)
		}
	}
	c := vgimg.NewWith(vgimg.UseWH(5.6*vg.Inch, 3.4*vg.Inch), vgimg.UseDPI(144))
	p.Draw(draw.Crop(draw.New(c), vg.Points(2), -vg.Points(12), vg.Points(2), -vg.Points(4))) // labels are wider than the axes
	return encode(w, c.Image())
}

// encode writes a picture with its 256 most frequent colours: charts need few, and take a third of the room then.
func encode(w io.Writer, full image.Image) error {
	bounds := full.Bounds()
	pixels := make([]color.RGBA, 0, bounds.Dx()*bounds.Dy())
	count := map[color.RGBA]int{}
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			c := color.RGBAModel.Convert(full.At(x, y)).(color.RGBA)
			pixels = append(pixels, c)
			count[c]++
		}
	}
	colors := slices.SortedFunc(maps.Keys(count), func(a, b color.RGBA) int {
		return cmp.Or(count[b]-count[a], cmp.Compare(a.R, b.R), cmp.Compare(a.G, b.G), cmp.Compare(a.B, b.B), cmp.Compare(a.A, b.A))
	})
	var palette color.Palette
	for _, c := range colors[:min(len(colors), 256)] {
		palette = append(palette, c)
	}
	index := map[color.RGBA]uint8{}
	for _, c := range colors {
		index[c] = uint8(palette.Index(c))
	}
	p := image.NewPaletted(image.Rect(0, 0, bounds.Dx(), bounds.Dy()), palette)
	for i, c := range pixels {
		p.Pix[i] = index[c]
	}
	return (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(w, p)
}

// decades are the ticks of a logarithmic axis: powers of ten, or every so many of them.
func decades(low, high float64) []plot.Tick {
	first, last := int(math.Ceil(math.Log10(low)-1e-9)), int(math.Floor(math.Log10(high)+1e-9))
	every := 1 + (last-first)/8
	var list []plot.Tick
	for e := first; e <= last; e++ {
		t := plot.Tick{Value: math.Pow10(e)}
		if e%every == 0 {
			t.Label = "1e" + strconv.Itoa(e)
		}
		list = append(list, t)
	}
	return list
}
