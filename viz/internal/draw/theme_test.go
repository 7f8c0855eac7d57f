package draw

import (
	"math"
	"testing"

	"github.com/adjoint-go/adjoint/viz/internal/scene"
)

// contrast returns the contrast ratio of two colours (WCAG 2.2, "relative
// luminance" and "contrast ratio").
func contrast(a, b RGB) float64 {
	luminance := func(c RGB) float64 {
		weights, sum := [3]float64{0.2126, 0.7152, 0.0722}, 0.0
		for i, v := range c {
			s := float64(v) / 255
			if s <= 0.04045 {
				s /= 12.92
			} else {
				s = math.Pow((s+0.055)/1.055, 2.4)
			}
			sum += weights[i] * s
		}
		return sum
	}
	x, y := luminance(a), luminance(b)
	return (math.Max(x, y) + 0.05) / (math.Min(x, y) + 0.05)
}

// All text reaches level AA on what it stands on, and lines and borders the
// 3 to 1 that graphics need.
func TestContrast(t *testing.T) {
	if c := contrast(RGB{}, RGB{255, 255, 255}); math.Abs(c-21) > 1e-9 {
		t.Fatalf("black on white has contrast %v", c)
	}
	themes := map[string]*Theme{"light": &Light, "dark": &Dark, "mono": &Mono, "surface wave": &SurfaceWave}
	for name, theme := range themes {
		check := func(least float64, text scene.Role, grounds ...scene.Role) {
			for _, ground := range grounds {
				if c := contrast(theme[text], theme[ground]); c < least {
					t.Errorf("%s: %v on %v has contrast %.2f, want %v", name, text, ground, c, least)
				}
			}
		}
		const text, graphic = 4.5, 3
		check(text, scene.Ink, scene.Background, scene.Paper, scene.InputFill, scene.OutputFill, scene.AdjointFill,
			scene.ForwardTint, scene.ScopeTint, scene.Heat0, scene.Heat1, scene.Heat2, scene.Heat3,
			scene.Group0, scene.Group1, scene.Group2, scene.Group3, scene.Group4, scene.Group5, scene.Group6, scene.Group7)
		check(text, scene.Muted, scene.Background, scene.Paper, scene.ScopeTint)
		check(text, scene.InputText, scene.InputFill, scene.Paper)
		check(text, scene.OutputText, scene.OutputFill)
		check(text, scene.AdjointText, scene.Background, scene.Paper, scene.InputFill, scene.OutputFill, scene.AdjointFill, scene.GradientTint)
		check(text, scene.ConstantText, scene.ConstantFill)
		check(text, scene.HeatText, scene.Heat4, scene.Heat5)
		check(graphic, scene.Line, scene.Background, scene.ForwardTint, scene.ScopeTint)
		check(graphic, scene.InputLine, scene.Background, scene.ForwardTint)
		check(graphic, scene.OutputLine, scene.Background, scene.ForwardTint)
		check(graphic, scene.AdjointLine, scene.Background, scene.GradientTint, scene.ForwardTint)
	}
}
