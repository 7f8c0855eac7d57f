package main

import (
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
)

// colours go from the slowest to the fastest velocity; they are dark at one end and light at the other.
var colours = []color.RGBA{{68, 1, 84, 255}, {59, 82, 139, 255}, {33, 145, 140, 255}, {94, 201, 98, 255}, {253, 231, 37, 255}}

// colour is the colour of a number between 0 and 1.
func colour(x float64) color.RGBA {
	x = min(max(x, 0), 1) * float64(len(colours)-1)
	k := min(int(x), len(colours)-2)
	mix := func(a, b uint8) uint8 { return uint8(math.Round(float64(a) + (x-float64(k))*(float64(b)-float64(a)))) }
	a, b := colours[k], colours[k+1]
	return color.RGBA{mix(a.R, b.R), mix(a.G, b.G), mix(a.B, b.B), 255}
}

// pixels of a grid point, and between two models.
const zoom, gap = 3, 12

// picture draws models of nz×nx velocities beside one another, with sources and receivers as white and black dots.
func picture(models [][]float64, nz, nx int, slowest, fastest float64, survey *Survey) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, len(models)*(nx*zoom+gap)-gap, nz*zoom))
	for i := range img.Pix {
		img.Pix[i] = 255
	}
	for k, v := range models {
		left := k * (nx*zoom + gap)
		for y := range nz * zoom {
			for x := range nx * zoom {
				img.SetRGBA(left+x, y, colour((v[y/zoom*nx+x/zoom]-slowest)/(fastest-slowest)))
			}
		}
		dots := func(list []Place, size int, c color.RGBA) {
			for _, p := range list {
				for d := range size * size {
					img.SetRGBA(left+p.X*zoom+(zoom-size)/2+d%size, p.Z*zoom+(zoom-size)/2+d/size, c)
				}
			}
		}
		dots(survey.Receivers, zoom, color.RGBA{0, 0, 0, 255})
		dots(survey.Sources, 2*zoom-1, color.RGBA{255, 255, 255, 255})
	}
	return img
}

func write(name string, img image.Image) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	if err := png.Encode(f, img); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
