package raster

import (
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
	image, err := Paint(&draw.Drawing{W: 40, H: 40, Groups: []draw.Group{{Shapes: shapes}}}, scale, &theme, false)
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for i := 0; i < len(image.Pix); i += 4 {
		sum += 1 - float64(image.Pix[i])/255
	}
	return sum / (scale * scale)
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
		if _, err := Paint(d, scale, &draw.Light, false); err == nil || !strings.HasPrefix(err.Error(), "raster: ") {
			t.Errorf("scale %v gave %v", scale, err)
		}
	}
}
