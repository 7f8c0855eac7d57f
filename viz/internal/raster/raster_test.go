package raster

import (
	"bytes"
	"image/png"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/viz/internal/draw"
	"github.com/adjoint-go/adjoint/viz/internal/geom"
	"github.com/adjoint-go/adjoint/viz/internal/scene"
)

// ink returns the area that shapes cover on a page of 40 by 40, in units.
func ink(t *testing.T, scale float64, shapes ...draw.Shape) float64 {
	t.Helper()
	theme := draw.Theme{scene.Background: {255, 255, 255}, scene.Ink: {0, 0, 0}}
	var b bytes.Buffer
	if err := Paint(&b, &draw.Drawing{W: 40, H: 40, Groups: []draw.Group{{Shapes: shapes}}}, scale, &theme, false); err != nil {
		t.Fatal(err)
	}
	return darkness(t, b.Bytes()) / (scale * scale)
}

// darkness returns the area of black in an image, in pixels.
func darkness(t *testing.T, file []byte) float64 {
	t.Helper()
	image, err := png.Decode(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for y := range image.Bounds().Dy() {
		for x := range image.Bounds().Dx() {
			r, _, _, _ := image.At(x, y).RGBA()
			sum += 1 - float64(r)/65535
		}
	}
	return sum
}

func rect(x0, y0, x1, y1 float64) geom.Rect {
	return geom.Rect{Min: geom.Point{X: x0, Y: y0}, Max: geom.Point{X: x1, Y: y1}}
}

// Shapes cover the area that geometry says, at any scale.
func TestAreas(t *testing.T) {
	line := geom.Path{geom.Straight(geom.Point{X: 5, Y: 5}, geom.Point{X: 35, Y: 25})}
	length := math.Hypot(30, 20)
	for _, c := range []struct {
		name  string
		shape draw.Shape
		want  float64
	}{
		{"rectangle", draw.Shape{Kind: draw.RectShape, Rect: rect(3.25, 4.5, 20.5, 30.75), Fill: scene.Ink}, 17.25 * 26.25},
		{"round corners", draw.Shape{Kind: draw.RectShape, Rect: rect(2, 2, 32, 22), Radius: 6, Fill: scene.Ink}, 30*20 - (4-math.Pi)*36},
		{"circle", draw.Shape{Kind: draw.CircleShape, Rect: rect(5, 5, 35, 35), Fill: scene.Ink}, math.Pi * 225},
		{"ring", draw.Shape{Kind: draw.CircleShape, Rect: rect(5, 5, 35, 35), Stroke: scene.Ink, Width: 2}, math.Pi * (16*16 - 14*14)},
		{"frame", draw.Shape{Kind: draw.RectShape, Rect: rect(5, 5, 25, 35), Stroke: scene.Ink, Width: 2}, 22*32 - 18*28},
		{"line", draw.Shape{Kind: draw.CurveShape, Path: line, Stroke: scene.Ink, Width: 1.5}, 1.5 * length},
		{"dashes", draw.Shape{Kind: draw.CurveShape, Path: line, Stroke: scene.Ink, Width: 1.5, Dash: []float64{length / 9, length / 9}}, 1.5 * length * 5 / 9},
		{"triangle", draw.Shape{Kind: draw.PolygonShape, Points: []geom.Point{{X: 5, Y: 5}, {X: 35, Y: 5}, {X: 5, Y: 25}}, Fill: scene.Ink}, 300},
		{"half clear", draw.Shape{Kind: draw.RectShape, Rect: rect(5, 5, 25, 25), Fill: scene.Ink, Opacity: 0.5}, 200},
		{"off the page", draw.Shape{Kind: draw.RectShape, Rect: rect(30, -10, 60, 10), Fill: scene.Ink}, 100},
	} {
		for _, scale := range []float64{1, 2, 3.7} {
			if got := ink(t, scale, c.shape); math.Abs(got-c.want) > 0.01*c.want+0.5 {
				t.Errorf("%s at scale %v covers %.2f, want %.2f", c.name, scale, got, c.want)
			}
		}
	}
}

func TestScalesThatAreRefused(t *testing.T) {
	d := &draw.Drawing{W: 100, H: 100}
	for _, scale := range []float64{0, -1, math.NaN(), math.Inf(1), 1e4} {
		if err := Paint(io.Discard, d, scale, &draw.Light, false); err == nil || !strings.HasPrefix(err.Error(), "raster: ") {
			t.Errorf("scale %v gave %v", scale, err)
		}
	}
}

// Fit leaves a scale that fits as it is, and lowers others so far that Paint takes them.
func TestFit(t *testing.T) {
	for _, c := range []struct {
		w, h, scale float64
		same        bool
	}{{100, 100, 2, true}, {100, 100, 1e4, false}, {1e6, 1, 1, false}, {3, 2e5, 0.1, true}, {9e4, 9e4, 2, false}} {
		d := &draw.Drawing{W: c.w, H: c.h}
		fit := Fit(d, c.scale)
		w, h := math.Ceil(c.w*fit), math.Ceil(c.h*fit)
		if (fit == c.scale) != c.same || w > MaxSide || h > MaxSide || w*h > MaxPixels || !c.same && math.Max(w*h/MaxPixels, math.Max(w, h)/MaxSide) < 0.99 {
			t.Errorf("%v×%v at scale %v is fitted at %v to %v×%v", c.w, c.h, c.scale, fit, w, h)
		}
		if err := Paint(io.Discard, d, fit, &draw.Light, false); err != nil {
			t.Error(err)
		}
	}
}

// Bands show no seams: what lies across many of them covers as much as it should, and glyphs cover the same wherever they stand.
func TestBands(t *testing.T) {
	theme := draw.Theme{scene.Background: {255, 255, 255}, scene.Ink: {0, 0, 0}}
	painted := func(g draw.Group) float64 {
		var b bytes.Buffer
		if err := Paint(&b, &draw.Drawing{W: 500, H: 900, Groups: []draw.Group{g}}, 1, &theme, false); err != nil {
			t.Fatal(err)
		}
		return darkness(t, b.Bytes())
	}
	line := geom.Path{geom.Straight(geom.Point{X: -50, Y: -30}, geom.Point{X: 450, Y: 1170})}
	want := 3 * 13.0 / 12 * 810 // it enters the page at (0, 90) and leaves it at y = 900; its slope is 12/5
	if got := painted(draw.Group{Shapes: []draw.Shape{{Kind: draw.CurveShape, Path: line, Stroke: scene.Ink, Width: 3}}}); math.Abs(got-want) > 0.005*want {
		t.Errorf("a line covers %.1f, want %.1f", got, want)
	}
	text := func(y float64) float64 {
		return painted(draw.Group{Texts: []draw.Text{{Text: "Σgjμ", At: geom.Point{X: 40, Y: y}, Size: 40, Colour: scene.Ink}}})
	}
	want = text(40)
	if want < 300 {
		t.Fatalf("a text covers %.1f", want)
	}
	for y := 41.0; y < 200; y += 7.25 {
		if got := text(y); math.Abs(got-want) > 0.02*want {
			t.Errorf("a text at %v covers %.1f, another place %.1f", y, got, want)
		}
	}
}
