// Package winograd has the transforms of convolutions with 3×3 filters by Winograd's F(4×4, 3×3): a tile of 4×4 results takes 36 products of transformed elements and
// weights where the definition takes 144 (Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, CVPR 2016).
//
// With tiles d of 6×6 elements, filters g and results y
//
//	y = Aᵀ[(G·g·Gᵀ) ⊙ (Bᵀ·d·B)]A,
//
// and by linearity the gradient of g from that of y, ȳ, is Gᵀ[(A·ȳ·Aᵀ) ⊙ (Bᵀ·d·B)]G. The transforms take 16 tiles at a time; element (i, j) of the 36 is matrix 6i+j.
//
// They have the same bits with vector instructions and without.
package winograd

//go:generate go -C ../.. run ./internal/winograd/asm/gen

import (
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/elem"
	"github.com/adjoint-go/adjoint/internal/winograd/asm"
)

// Move describes a transform of tiles.
type Move = asm.Move

const (
	// Matrices is the number of elements of a transformed tile.
	Matrices = 36
	// Tiles is the number of tiles that are transformed at once at most.
	Tiles = 16
	// Step is the distance from tile to tile, and the extent of a tile of results; one of elements is Step+2.
	Step = 4
	// Slack is the number of elements behind the first of a row of a plane that may be read, whatever the number of tiles.
	Slack = Tiles*Step + 2
	// WorkBytes is the scratch of a transform.
	WorkBytes = Matrices * Tiles * 4
)

// Transforms are the transforms of float32 elements.
type Transforms struct {
	// Input writes Bᵀ·d·B of tiles of a plane. Rows of the plane have Slack elements.
	Input func(m *Move)
	// Adjoint writes A·y·Aᵀ of tiles of a plane. Rows of the plane have Slack elements.
	Adjoint func(m *Move)
	// Output writes Aᵀ·m·A to a plane, of which Rows rows and Cols columns.
	Output func(m *Move)
}

// Of returns the transforms for an instruction set.
func Of(level cpu.Level) Transforms {
	if t, ok := vectorTransforms(min(level, cpu.Supported())); ok {
		return t
	}
	return Transforms{Input: input, Adjoint: adjoint, Output: output}
}

// fma is a·x + y, rounded once.
func fma(a, x, y float32) float32 { return elem.FMA32(a, x, y) }

// rowB is Bᵀ·x.
func rowB(x [6]float32) [6]float32 {
	a, b := fma(-4, x[2], x[4]), fma(-4, x[1], x[3])
	c, d := x[4]-x[2], x[3]-x[1]
	return [6]float32{fma(4, x[0], fma(-5, x[2], x[4])), a + b, a - b, fma(2, d, c), fma(-2, d, c), fma(4, x[1], fma(-5, x[3], x[5]))}
}

// rowA is A·x.
func rowA(x [6]float32) [6]float32 {
	a, b := x[0]+x[2], x[1]+x[3]
	c, d := fma(4, x[2], x[0]), fma(4, x[3], x[1])
	return [6]float32{x[0], a + b, a - b, fma(2, d, c), fma(-2, d, c), x[3]}
}

// columnA is Aᵀ·x.
func columnA(x *[6]float32) [4]float32 {
	p, q, u, v := x[1]+x[2], x[1]-x[2], x[3]+x[4], x[3]-x[4]
	return [4]float32{x[0] + p + u, fma(2, v, q), fma(4, u, p), fma(8, v, q) + x[5]}
}

// at returns the element that lies so many elements behind an address.
func at(p uintptr, i int) *float32 {
	p += uintptr(4 * i)
	return *(**float32)(unsafe.Pointer(&p))
}

func input(m *Move)   { plane(m, 6, rowB) }
func adjoint(m *Move) { plane(m, 4, rowA) }

// plane transforms tiles of so many rows and columns, first along rows, then along columns.
func plane(m *Move, extent int, row func([6]float32) [6]float32) {
	for t := range m.Tiles {
		var rows [6][6]float32
		for r := range extent {
			var x [6]float32
			for c := range extent {
				x[c] = *at(m.From+uintptr(r)*m.FromStep, Step*t+c)
			}
			rows[r] = row(x)
		}
		for c := range 6 {
			var x [6]float32
			for r := range extent {
				x[r] = rows[r][c]
			}
			for r, v := range row(x) {
				*at(m.To+uintptr(6*r+c)*m.ToStep, t) = v
			}
		}
	}
}

func output(m *Move) {
	for t := range m.Tiles {
		var columns [4][6]float32
		for c := range 6 {
			var x [6]float32
			for r := range 6 {
				x[r] = *at(m.From+uintptr(6*r+c)*m.FromStep, t)
			}
			for r, v := range columnA(&x) {
				columns[r][c] = v
			}
		}
		for r := range m.Rows {
			for c, v := range columnA(&columns[r]) {
				if Step*t+c < m.Cols {
					*at(m.To+uintptr(r)*m.ToStep, Step*t+c) = v
				}
			}
		}
	}
}

// The rows of G.
var g = [6][3]float64{{1. / 4, 0, 0}, {-1. / 6, -1. / 6, -1. / 6}, {-1. / 6, 1. / 6, -1. / 6}, {1. / 24, 1. / 12, 1. / 6}, {1. / 24, -1. / 12, 1. / 6}, {0, 0, 1}}

// Filter returns G·w·Gᵀ, computed in float64 and rounded once.
func Filter(w *[9]float32) (u [Matrices]float32) {
	var rows [6][3]float64
	for i, row := range g {
		for c := range 3 {
			rows[i][c] = dot3(row[0], float64(w[c]), row[1], float64(w[3+c]), row[2], float64(w[6+c]))
		}
	}
	for i := range 6 {
		for j, row := range g {
			u[6*i+j] = float32(dot3(row[0], rows[i][0], row[1], rows[i][1], row[2], rows[i][2]))
		}
	}
	return u
}

// FilterGradient returns Gᵀ·p·G, computed in float64 and rounded once.
func FilterGradient(p *[Matrices]float64) (w [9]float32) {
	var rows [3][6]float64
	for a := range 3 {
		for j := range 6 {
			s := 0.0
			for i := range 6 {
				s += float64(g[i][a] * p[6*i+j])
			}
			rows[a][j] = s
		}
	}
	for a := range 3 {
		for b := range 3 {
			s := 0.0
			for j := range 6 {
				s += float64(rows[a][j] * g[j][b])
			}
			w[3*a+b] = float32(s)
		}
	}
	return w
}

// dot3 rounds every product and sum on all processors.
func dot3(a, x, b, y, c, z float64) float64 {
	return float64(float64(a*x)+float64(b*y)) + float64(c*z)
}
