package kernel

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/shape"
)

// indices calls f for every index of the shape in row-major order.
func indices(extents []int, f func(at []int)) {
	at := make([]int, len(extents))
	for range shape.Size(extents) {
		f(at)
		for d := len(at) - 1; d >= 0; d-- {
			if at[d]++; at[d] < extents[d] {
				break
			}
			at[d] = 0
		}
	}
}

// flat returns the row-major position of an index, −1 if it is outside of the shape.
func flat(shape, at []int) int {
	n := 0
	for d, i := range at {
		if i < 0 || i >= shape[d] {
			return -1
		}
		n = n*shape[d] + i
	}
	return n
}

type convSetup struct {
	x, w                       []int
	strides, dilation, padding []int
	groups                     int
	winograd                   bool
}

func (s convSetup) result() []int {
	y := sh(s.x[0], s.w[0])
	for i := range s.strides {
		y = append(y, (s.x[2+i]+s.padding[2*i]+s.padding[2*i+1]-(s.w[2+i]-1)*s.dilation[i]-1)/s.strides[i]+1)
	}
	return y
}

// terms calls f for each product that a convolution adds: elements xi, wi and yi of its three tensors.
func (s convSetup) terms(f func(xi, wi, yi int)) {
	y := s.result()
	plane, positions, taps := shape.Size(s.x[2:]), shape.Size(y[2:]), shape.Size(s.w[2:])
	reads := make([]int, 0, positions*taps) // where in a plane each tap reads for each position, −1 outside
	src := make([]int, len(s.strides))
	indices(y[2:], func(at []int) {
		indices(s.w[2:], func(tap []int) {
			for i := range src {
				src[i] = at[i]*s.strides[i] - s.padding[2*i] + tap[i]*s.dilation[i]
			}
			reads = append(reads, flat(s.x[2:], src))
		})
	})
	perGroup := s.w[0] / s.groups
	for n := range y[0] {
		for o := range y[1] {
			for p := range positions {
				for c := range s.w[1] {
					for t, at := range reads[p*taps:][:taps] {
						if at >= 0 {
							f((n*s.x[1]+o/perGroup*s.w[1]+c)*plane+at, (o*s.w[1]+c)*taps+t, (n*y[1]+o)*positions+p)
						}
					}
				}
			}
		}
	}
}

// randomConvs returns small convolutions of one to three dimensions; extents of one, filters for each plane and padding wider than the window are frequent.
func randomConvs(n int) []convSetup {
	rng := rand.New(rand.NewPCG(1, 2))
	var setups []convSetup
	for len(setups) < n {
		s := convSetup{groups: 1 + rng.IntN(4)}
		chans, filters := 1+rng.IntN(3), 1+rng.IntN(3)
		if rng.IntN(2) == 0 {
			chans, filters = 1, 1
		}
		s.x, s.w = sh(1+rng.IntN(3), s.groups*chans), sh(s.groups*filters, chans)
		for range 1 + rng.IntN(3) {
			s.x, s.w = append(s.x, 1+rng.IntN(1+rng.IntN(12))), append(s.w, 1+rng.IntN(4))
			s.strides, s.dilation = append(s.strides, 1+rng.IntN(3)), append(s.dilation, 1+rng.IntN(2))
			s.padding = append(s.padding, rng.IntN(4), rng.IntN(4))
		}
		fits := true
		for i, k := range s.w[2:] {
			fits = fits && (k-1)*s.dilation[i] < s.x[2+i]+s.padding[2*i]+s.padding[2*i+1]
		}
		if fits {
			setups = append(setups, s)
		}
	}
	return setups
}

// TestConvWork counts the products of convolutions, all of which are of elements of the input if there is no padding.
func TestConvWork(t *testing.T) {
	for _, s := range randomConvs(400) {
		x, w, y := Type{dtype.Float64, s.x}, Type{dtype.Float64, s.w}, Type{dtype.Float64, s.result()}
		a := attrs(attr.L("strides", s.strides), attr.L("dilation", s.dilation), attr.L("padding", s.padding), attr.I("groups", s.groups))
		products := 0.0
		s.terms(func(_, _, _ int) { products++ })
		padded := slices.Max(s.padding) > 0
		for _, c := range []struct {
			name    string
			in, out []Type
			exact   bool
		}{
			{"conv", []Type{x, w}, []Type{y}, !padded},
			{"conv_filter_grad", []Type{x, y}, []Type{w}, !padded},
			{"conv_input_grad", []Type{y, w}, []Type{x}, !padded && slices.Equal(s.x, y.Shape)},
		} {
			if work := Lookup(c.name).Work(c.in, c.out, a); work < 2*products || c.exact && work > 2*products {
				t.Errorf("%s of %v by %v, strides %v, padding %v: %g operations for %g products", c.name, s.x, s.w, s.strides, s.padding, work, products)
			}
		}
	}
}

// packedConvs are convolutions whose terms are packed a chain at a time with AVX-512: padding on all sides or none, wider than the window, vectors of one run and more, groups, strides, dilation, one to three dimensions, blocks of results, several
// items of an image, and last panels of one vector.
var packedConvs = []convSetup{
	{sh(2, 12, 9, 18), sh(47, 12, 3, 3), sh(1, 1), sh(1, 1), sh(1, 1, 1, 1), 1, false},
	{sh(2, 70, 19, 23), sh(60, 70, 3, 3), sh(1, 1), sh(1, 1), sh(0, 0, 0, 0), 1, false},
	{sh(2, 13, 15, 16), sh(98, 13, 3, 3), sh(1, 1), sh(1, 1), sh(0, 0, 0, 0), 1, false},
	{sh(1, 43, 15, 7), sh(100, 43, 2, 2), sh(1, 1), sh(1, 1), sh(0, 1, 0, 1), 1, false},
	{sh(1, 30, 5, 25), sh(50, 30, 2, 3), sh(1, 1), sh(1, 1), sh(3, 2, 4, 1), 1, false},
	{sh(2, 80, 9, 19), sh(86, 40, 3, 3), sh(1, 1), sh(2, 1), sh(2, 2, 1, 1), 2, false},
	{sh(1, 43, 21, 37), sh(60, 43, 3, 3), sh(2, 2), sh(1, 1), sh(1, 1, 1, 1), 1, false},
	{sh(1, 43, 300), sh(44, 43, 7), sh(1), sh(1), sh(3, 3), 1, false},
	{sh(1, 20, 3, 6, 8), sh(30, 20, 3, 2, 3), sh(1, 1, 1), sh(1, 1, 1), sh(1, 1, 0, 1, 1, 1), 1, false},
	{sh(1, 90, 20, 9), sh(260, 90, 3, 3), sh(1, 1), sh(1, 1), sh(1, 1, 1, 1), 1, false},
}

func convCases() []kernelCase {
	setups := []convSetup{
		{sh(1, 1, 5), sh(1, 1, 3), sh(1), sh(1), sh(0, 0), 1, false},
		{sh(2, 3, 7), sh(4, 3, 3), sh(2), sh(2), sh(2, 1), 1, false},
		{sh(1, 2, 4, 5), sh(3, 2, 3, 2), sh(1, 1), sh(1, 1), sh(1, 1, 0, 1), 1, false},
		{sh(2, 4, 6, 7), sh(6, 2, 3, 3), sh(2, 3), sh(1, 2), sh(1, 0, 2, 2), 2, false},
		{sh(1, 3, 5, 5), sh(3, 1, 2, 2), sh(1, 2), sh(2, 1), sh(0, 0, 0, 0), 3, false},
		{sh(1, 2, 30, 31), sh(5, 2, 3, 3), sh(1, 1), sh(1, 1), sh(1, 1, 1, 1), 1, false},
		{sh(2, 2, 3, 4, 5), sh(2, 2, 2, 2, 3), sh(1, 2, 2), sh(1, 1, 1), sh(0, 1, 1, 0, 1, 1), 1, false},
		{sh(1, 1, 1, 1), sh(1, 1, 1, 1), sh(5, 5), sh(1, 1), sh(3, 4, 0, 1), 1, false},
		// rows of positions: with and without padding, more padding than the window, groups, dilation, one to three dimensions, several chains
		{sh(3, 16, 5, 20), sh(37, 16, 3, 3), sh(1, 1), sh(1, 1), sh(1, 1, 1, 1), 1, false},
		{sh(2, 16, 3, 33), sh(16, 8, 1, 1), sh(1, 1), sh(1, 1), sh(0, 0, 0, 0), 2, false},
		{sh(1, 8, 4, 25), sh(9, 8, 2, 3), sh(1, 1), sh(2, 4), sh(3, 0, 5, 1), 1, false},
		{sh(2, 9, 600), sh(8, 9, 31), sh(1), sh(1), sh(15, 0), 1, false},
		{sh(2, 8, 3, 3, 17), sh(8, 8, 2, 2, 2), sh(1, 1, 1), sh(1, 1, 1), sh(1, 0, 0, 1, 0, 0), 1, false},
		{sh(1, 10, 40), sh(70, 10, 1), sh(1), sh(1), sh(3, 2), 1, false},
		// few channels or filters, and rows that leave a part of a vector empty
		{sh(9, 1, 14, 14), sh(6, 1, 5, 5), sh(1, 1), sh(1, 1), sh(2, 2, 2, 2), 1, false},
		{sh(5, 6, 14, 14), sh(16, 6, 5, 5), sh(1, 1), sh(1, 1), sh(0, 0, 0, 0), 1, false},
		{sh(3, 4, 9, 31), sh(6, 2, 2, 3), sh(1, 1), sh(2, 4), sh(3, 0, 5, 1), 2, false},
		{sh(2, 2, 3, 4, 13), sh(3, 2, 2, 2, 3), sh(1, 1, 1), sh(1, 1, 1), sh(0, 1, 1, 0, 2, 1), 1, false},
		{sh(2, 3, 2100), sh(2, 3, 7), sh(1), sh(1), sh(0, 0), 1, false},
		// short rows that are computed together
		{sh(2, 6, 7, 7), sh(12, 1, 3, 3), sh(1, 1), sh(1, 1), sh(1, 1, 1, 1), 6, false},
		{sh(2, 9, 5, 4), sh(17, 9, 2, 2), sh(1, 1), sh(1, 1), sh(0, 1, 1, 0), 1, false},
		// a filter for each plane: padding, strides that alternate positions or do not, dilation, one to three dimensions, long rows and planes of several items
		{sh(2, 6, 7, 7), sh(6, 1, 3, 3), sh(1, 1), sh(1, 1), sh(1, 1, 1, 1), 6, false},
		{sh(2, 5, 9, 12), sh(5, 1, 5, 5), sh(2, 2), sh(1, 1), sh(2, 2, 2, 2), 5, false},
		{sh(1, 3, 11, 40), sh(3, 1, 3, 3), sh(1, 1), sh(2, 3), sh(2, 2, 3, 3), 3, false},
		{sh(3, 4, 8, 35), sh(4, 1, 3, 2), sh(2, 1), sh(1, 1), sh(0, 1, 0, 0), 4, false},
		{sh(1, 4, 8, 35), sh(4, 1, 3, 4), sh(1, 2), sh(1, 1), sh(1, 1, 2, 1), 4, false},
		{sh(1, 4, 13, 38), sh(4, 1, 3, 3), sh(3, 2), sh(1, 2), sh(1, 1, 0, 3), 4, false},
		{sh(1, 4, 13, 38), sh(4, 1, 2, 2), sh(2, 3), sh(1, 1), sh(0, 0, 0, 0), 4, false},
		{sh(1, 2, 4, 5, 18), sh(2, 1, 2, 3, 3), sh(1, 1, 1), sh(1, 1, 1), sh(1, 0, 1, 1, 1, 1), 2, false},
		{sh(1, 2, 4, 5, 18), sh(2, 1, 2, 3, 3), sh(2, 2, 2), sh(1, 1, 1), sh(1, 0, 1, 1, 1, 1), 2, false},
		{sh(2, 1, 700), sh(1, 1, 31), sh(2), sh(1), sh(15, 15), 1, false},
		{sh(1, 2, 90, 601), sh(2, 1, 5, 5), sh(1, 1), sh(1, 1), sh(2, 2, 2, 2), 2, false},
		{sh(1, 2, 1, 4), sh(2, 1, 2, 3), sh(2, 1), sh(1, 1), sh(1, 0, 1, 2), 2, false}, // one kind of positions, which a part of the taps reaches
		{sh(1, 2, 1, 9), sh(2, 1, 1, 3), sh(2, 1), sh(1, 1), sh(1, 1, 1, 1), 2, false}, // none
		// strides: positions of several kinds, some that no tap reaches, extents that they do not divide, long rows, three dimensions; results in several blocks
		{sh(2, 16, 15, 37), sh(62, 16, 3, 3), sh(2, 2), sh(1, 1), sh(1, 1, 1, 1), 1, false},
		{sh(1, 9, 12, 11), sh(7, 9, 1, 1), sh(2, 3), sh(1, 1), sh(0, 0, 1, 0), 1, false},
		{sh(2, 4, 1400), sh(6, 2, 7), sh(3), sh(2), sh(5, 0), 2, false},
		{sh(1, 3, 5, 6, 7), sh(4, 3, 3, 2, 3), sh(2, 2, 3), sh(1, 1, 1), sh(1, 0, 1, 1, 2, 0), 1, false},
		{sh(1, 2, 3, 90), sh(3, 2, 2, 5), sh(9, 9), sh(1, 1), sh(0, 0, 0, 0), 1, false},
		{sh(3, 64, 5, 5), sh(70, 64, 3, 3), sh(1, 1), sh(1, 1), sh(1, 1, 1, 1), 1, false},
		{sh(2, 30, 20, 21), sh(40, 15, 1, 1), sh(1, 1), sh(1, 1), sh(0, 0, 0, 0), 2, false},
		// one tap: strides that leave positions out, padding wider than what is read, several images at once and one by one, more terms than a chain, one position
		{sh(3, 6, 9, 8), sh(10, 3, 1, 1), sh(2, 3), sh(1, 1), sh(1, 0, 2, 3), 2, false},
		{sh(2, 300, 3, 4, 5), sh(7, 300, 1, 1, 1), sh(1, 2, 1), sh(1, 1, 1), sh(0, 0, 0, 0, 0, 0), 1, false},
		{sh(5, 3, 600, 601), sh(2, 3, 1, 1), sh(2, 1), sh(1, 1), sh(0, 1, 0, 0), 1, false},
		{sh(2, 40, 1), sh(30, 20, 1), sh(2), sh(1), sh(0, 0), 2, false},
		{sh(2, 3, 2, 2), sh(4, 3, 1, 1), sh(1, 3), sh(1, 1), sh(0, 0, 0, 1), 1, false},
		// short rows of several images that are laid out together: groups, strides, dilation, padding, more images than at once, one to three dimensions, more terms than a chain
		{sh(7, 80, 4, 3), sh(34, 40, 3, 3), sh(1, 1), sh(1, 1), sh(1, 1, 1, 1), 2, false},
		{sh(9, 3, 4, 5), sh(300, 3, 2, 2), sh(2, 2), sh(1, 1), sh(0, 0, 0, 0), 1, false},
		{sh(9, 6, 5, 9), sh(150, 6, 2, 2), sh(1, 3), sh(1, 2), sh(1, 1, 0, 0), 1, false},
		{sh(9, 8, 3), sh(9, 8, 5), sh(1), sh(1), sh(3, 3), 1, false},
		{sh(3, 12, 2, 3, 2), sh(16, 12, 2, 2, 2), sh(1, 1, 1), sh(1, 2, 1), sh(1, 0, 1, 1, 0, 1), 1, false},
		// many small images, of which some lie side by side: fewer in the last block, groups, strides, dilation, padding that is wider than the window, more terms than a chain, one to three dimensions, positions that no tap reaches
		{sh(35, 12, 7, 6), sh(18, 6, 3, 3), sh(1, 1), sh(1, 1), sh(1, 1, 1, 1), 2, false},
		{sh(33, 9, 9, 5), sh(20, 9, 5, 5), sh(1, 1), sh(1, 1), sh(0, 0, 0, 0), 1, false},
		{sh(50, 16, 10, 7), sh(9, 16, 3, 2), sh(2, 3), sh(1, 1), sh(1, 0, 2, 1), 1, false},
		{sh(32, 60, 13), sh(17, 60, 5), sh(2), sh(2), sh(3, 4), 1, false},
		{sh(33, 8, 3, 4, 5), sh(9, 8, 2, 2, 2), sh(1, 1, 1), sh(1, 2, 1), sh(1, 0, 0, 1, 3, 2), 1, false},
		{sh(34, 20, 10, 9), sh(20, 20, 2, 2), sh(3, 4), sh(1, 1), sh(0, 0, 0, 0), 1, false},
		// Winograd: tiles at all edges, several rows and columns of tiles and blocks, groups, more than a chain of channels, padding wider than the window, none
		{sh(2, 16, 14, 14), sh(19, 16, 3, 3), sh(1, 1), sh(1, 1), sh(1, 1, 1, 1), 1, true},
		{sh(1, 34, 7, 9), sh(40, 17, 3, 3), sh(1, 1), sh(1, 1), sh(0, 0, 2, 1), 2, true},
		{sh(1, 16, 5, 150), sh(16, 16, 3, 3), sh(1, 1), sh(1, 1), sh(3, 4, 3, 0), 1, true},
		{sh(1, 260, 8, 8), sh(16, 260, 3, 3), sh(1, 1), sh(1, 1), sh(0, 0, 0, 0), 1, true},
		{sh(1, 16, 80, 79), sh(16, 16, 3, 3), sh(1, 1), sh(1, 1), sh(0, 1, 1, 0), 1, true},
		{sh(1, 16, 7, 6), sh(16, 16, 3, 2), sh(1, 1), sh(1, 1), sh(1, 1, 1, 1), 1, true},
	}
	var cs []kernelCase
	for _, s := range slices.Concat(setups, packedConvs, randomConvs(400)) {
		y := s.result()
		x, w, gy := spread(1, shape.Size(s.x)), spread(2, shape.Size(s.w)), spread(3, shape.Size(y))
		z, gx, gw := make([]float64, len(gy)), make([]float64, len(x)), make([]float64, len(w))
		s.terms(func(xi, wi, yi int) {
			z[yi] += x[xi] * w[wi]
			gx[xi] += gy[yi] * w[wi]
			gw[wi] += gy[yi] * x[xi]
		})
		items := []attr.Named{attr.L("strides", s.strides), attr.L("dilation", s.dilation), attr.L("padding", s.padding), attr.I("groups", s.groups)}
		what, tol := Type{dtype.Float64, s.x}.text(), 1e-300
		if s.winograd {
			items, what, tol = append(items, attr.B("winograd", true)), what+" winograd", 5e-5
		}
		cs = append(cs,
			kernelCase{name: "conv", what: what, dtypes: floatDTypes, attrs: attrs(items...), in: []arg{v(s.x, x...), v(s.w, w...)}, out: []arg{v(y, z...)}, tol: tol},
			kernelCase{name: "conv_input_grad", what: what, dtypes: floatDTypes, attrs: attrs(append(slices.Clone(items), attr.L("shape", s.x))...),
				in: []arg{v(y, gy...), v(s.w, w...)}, out: []arg{v(s.x, gx...)}, tol: tol},
			kernelCase{name: "conv_filter_grad", what: what, dtypes: floatDTypes, attrs: attrs(append(slices.Clone(items), attr.L("shape", s.w))...),
				in: []arg{v(s.x, x...), v(y, gy...)}, out: []arg{v(s.w, gw...)}, tol: tol})
	}
	return cs
}

// TestConvWinograd has the sizes that are meant for it go by transformed tiles, and only float32.
func TestConvWinograd(t *testing.T) {
	for _, c := range []struct {
		x, w, strides []int
		want          bool
	}{
		{sh(8, 64, 56, 56), sh(64, 64, 3, 3), sh(1, 1), true},
		{sh(1, 16, 4, 4), sh(16, 16, 3, 3), sh(1, 1), true},
		{sh(8, 64, 56, 56), sh(64, 64, 3, 3), sh(2, 2), false},
		{sh(8, 64, 56, 56), sh(64, 64, 5, 5), sh(1, 1), false},
		{sh(8, 3, 56, 56), sh(64, 3, 3, 3), sh(1, 1), false},
	} {
		s := convSetup{x: c.x, w: c.w, strides: c.strides, dilation: sh(1, 1), padding: sh(1, 1, 1, 1), groups: 1}
		items := []attr.Named{attr.L("strides", s.strides), attr.L("dilation", s.dilation), attr.L("padding", s.padding), attr.I("groups", s.groups)}
		for _, d := range floatDTypes {
			for which := range 3 {
				with := newConvPlan(s.x, s.w, s.result(), d, attrs(append(items, attr.B("winograd", true))...), which)
				without := newConvPlan(s.x, s.w, s.result(), d, attrs(items...), which)
				if got := with.winograd != nil; got != (c.want && d == dtype.Float32) || without.winograd != nil {
					t.Errorf("%v with %v, %v, tensor %d: by tiles %v, %v", c.x, c.w, d, which, got, without.winograd != nil)
				}
			}
		}
	}
}

// TestWinogradError holds the error that graph.Window states, against products in float64, and that the fast way was taken: without it the error is 1e-6.
func TestWinogradError(t *testing.T) {
	const n, c, h = 2, 64, 28
	r := rand.New(rand.NewPCG(5, 6))
	common := []attr.Named{attr.L("strides", sh(1, 1)), attr.L("dilation", sh(1, 1)), attr.L("padding", sh(1, 1, 1, 1)), attr.I("groups", 1)}
	for name, shapes := range map[string][3][]int{
		"conv":             {sh(n, c, h, h), sh(c, c, 3, 3), sh(n, c, h, h)},
		"conv_input_grad":  {sh(n, c, h, h), sh(c, c, 3, 3), sh(n, c, h, h)},
		"conv_filter_grad": {sh(n, c, h, h), sh(n, c, h, h), sh(c, c, 3, 3)},
	} {
		k := Lookup(name)
		var in [2][2]Tensor
		for i, s := range shapes[:2] {
			in[0][i], in[1][i] = newTensor(Type{dtype.Float32, s}), newTensor(Type{dtype.Float64, s})
			for j := range in[0][i].F32 {
				in[0][i].F32[j] = float32(r.NormFloat64())
				in[1][i].F64[j] = float64(in[0][i].F32[j])
			}
		}
		items := common
		if name != "conv" {
			items = append(items[:len(items):len(items)], attr.L("shape", shapes[2]))
		}
		fast, exact := newTensor(Type{dtype.Float32, shapes[2]}), newTensor(Type{dtype.Float64, shapes[2]})
		if err := k.Run(prepareCall(k, in[0][:], []Tensor{fast}, attrs(append(items[:len(items):len(items)], attr.B("winograd", true))...))); err != nil {
			t.Fatal(err)
		}
		if err := k.Run(prepareCall(k, in[1][:], []Tensor{exact}, attrs(items...))); err != nil {
			t.Fatal(err)
		}
		largest, most := 0.0, 0.0
		for i, want := range exact.F64 {
			largest, most = max(largest, math.Abs(want)), max(most, math.Abs(want-float64(fast.F32[i])))
		}
		t.Logf("%s: %.2g of the largest element", name, most/largest)
		if most > 2e-5*largest || most < 1.5e-6*largest {
			t.Errorf("%s: the error is %g of the largest element", name, most/largest)
		}
	}
}

// TestConvRows has the sizes that are meant for it go by rows of positions, and gradients of filters the same way with any instruction set.
func TestConvRows(t *testing.T) {
	for _, c := range []struct {
		x, w []int
		rows [3]bool // for the result, the input, the filters
	}{
		{sh(8, 64, 56, 56), sh(64, 64, 3, 3), [3]bool{true, true, true}},
		{sh(8, 1, 28, 28), sh(6, 1, 5, 5), [3]bool{true, true, true}},
		{sh(8, 8, 9, 15), sh(8, 8, 3, 3), [3]bool{true, true, true}},
		{sh(1, 8, 5, 2), sh(8, 8, 1, 1), [3]bool{false, false, true}},
		{sh(1, 8, 1, 2), sh(8, 8, 3, 3), [3]bool{false, false, true}},
		{sh(1, 8, 1, 2), sh(7, 8, 3, 3), [3]bool{false, false, false}},
	} {
		y := convSetup{x: c.x, w: c.w, strides: sh(1, 1), dilation: sh(1, 1), padding: sh(1, 1, 1, 1), groups: 1}.result()
		a := attrs(attr.L("strides", sh(1, 1)), attr.L("dilation", sh(1, 1)), attr.L("padding", sh(1, 1, 1, 1)), attr.I("groups", 1))
		for which, want := range c.rows {
			p := newConvPlan(c.x, c.w, y, dtype.Float32, a, which)
			if pointwise := p.pointwise != nil; pointwise != (shape.Size(c.w[2:]) == 1 && which != convOfFilters) {
				t.Errorf("%v with %v, tensor %d: as products %v", c.x, c.w, which, pointwise)
			}
			if rows := p.rows != nil; rows != want && cpu.Best() == cpu.AVX512 || which == convOfFilters && rows != want {
				t.Errorf("%v with %v, tensor %d: by rows %v", c.x, c.w, which, rows)
			}
		}
	}
}

// TestConvInPlace has gradients of the input that read filters where they lie, or turn them: the bits of an image are those of an image among others, on any number of goroutines.
func TestConvInPlace(t *testing.T) {
	for _, c := range []struct {
		convSetup
		inPlace bool
	}{
		{convSetup{x: sh(1, 30, 7, 7), w: sh(40, 30, 3, 3), strides: sh(1, 1), dilation: sh(1, 1), padding: sh(1, 1, 1, 1), groups: 1}, true},
		{convSetup{x: sh(1, 50, 6, 9), w: sh(33, 50, 3, 3), strides: sh(2, 2), dilation: sh(1, 1), padding: sh(1, 1, 1, 1), groups: 1}, true},
		{convSetup{x: sh(1, 12, 7, 14), w: sh(18, 6, 2, 3), strides: sh(1, 3), dilation: sh(1, 1), padding: sh(0, 1, 2, 0), groups: 2}, true},
		{convSetup{x: sh(1, 60, 15, 16), w: sh(40, 60, 3, 3), strides: sh(1, 1), dilation: sh(1, 1), padding: sh(1, 1, 1, 1), groups: 1}, false},
		{convSetup{x: sh(1, 20, 33, 33), w: sh(10, 20, 2, 2), strides: sh(1, 1), dilation: sh(1, 1), padding: sh(0, 0, 0, 0), groups: 1}, false}, // many positions
		{convSetup{x: sh(1, 7, 15, 16), w: sh(7, 1, 3, 3), strides: sh(2, 2), dilation: sh(1, 1), padding: sh(1, 1, 1, 1), groups: 7}, false},
	} {
		y := c.result()
		two := func(s []int) []int { return append(sh(2), s[1:]...) }
		list := func(x []int) attr.List {
			return attrs(attr.L("strides", c.strides), attr.L("dilation", c.dilation), attr.L("padding", c.padding), attr.I("groups", c.groups), attr.L("shape", x))
		}
		for _, d := range floatDTypes {
			if p := newConvPlan(c.x, c.w, y, d, list(c.x), convOfInput); p.rows == nil || d == dtype.Float32 && cpu.Best() == cpu.AVX512 && (p.rows.inPlace != c.inPlace || p.rows.turned > 0 == c.inPlace) {
				t.Errorf("%v with %v, %v: not by rows, or %d bytes of turned filters", c.x, c.w, d, p.rows.turned)
			}
			k, r := Lookup("conv_input_grad"), rand.New(rand.NewPCG(33, 34))
			gy, both, w := newTensor(Type{d, y}), newTensor(Type{d, two(y)}), newTensor(Type{d, c.w})
			for i := range both.Size() {
				v := r.NormFloat64()
				if both.setValue(i, v); i < gy.Size() {
					gy.setValue(i, v)
				}
			}
			for i := range w.Size() {
				w.setValue(i, r.NormFloat64())
			}
			want := newTensor(Type{d, two(c.x)})
			if err := k.Run(prepareCall(k, []Tensor{both, w}, []Tensor{want}, list(two(c.x)))); err != nil {
				t.Fatal(err)
			}
			for workers := 1; workers <= 3; workers++ {
				out := newTensor(Type{d, c.x})
				poison(&out)
				call := prepareCall(k, []Tensor{gy, w}, []Tensor{out}, list(c.x))
				if workers > 1 {
					call.Host = &poolHost{}
					for range workers - 1 {
						call.Workers = append(call.Workers, alignedBytes(len(call.Workers[0])))
					}
				}
				if err := k.Run(call); err != nil {
					t.Fatal(err)
				}
				checkGuard(t, &out)
				for i, v := range valuesOf(&out) {
					if math.Float64bits(v) != math.Float64bits(want.value(i)) {
						t.Fatalf("%v with %v, %v, %d goroutines: element %d is %v, not %v", c.x, c.w, d, workers, i, v, want.value(i))
					}
				}
			}
		}
	}
}

type poolSetup struct {
	x, window, strides, dilation, padding []int
}

func poolCases() []kernelCase {
	var cs []kernelCase
	for _, s := range []poolSetup{
		{sh(1, 2, 6), sh(2), sh(2), sh(1), sh(0, 0)},
		{sh(2, 3, 6, 10), sh(2, 2), sh(2, 2), sh(1, 1), sh(0, 0, 0, 0)},
		{sh(1, 1, 5, 6), sh(2, 2), sh(2, 2), sh(1, 1), sh(0, 0, 0, 0)},
		{sh(2, 1, 5, 6), sh(3, 2), sh(2, 1), sh(1, 1), sh(1, 2, 1, 0)},
		{sh(1, 1, 7, 7), sh(2, 2), sh(1, 2), sh(3, 2), sh(0, 0, 0, 0)},
		{sh(1, 1, 5, 6), sh(3, 2), sh(2, 1), sh(2, 3), sh(3, 2, 1, 2)},
		{sh(1, 2, 3, 4, 5), sh(2, 2, 3), sh(1, 2, 2), sh(1, 1, 1), sh(0, 1, 1, 0, 2, 1)},
		// rows of vectors, with windows that reach into the padding beside them
		{sh(2, 3, 9, 23), sh(3, 3), sh(2, 2), sh(1, 1), sh(1, 1, 1, 1)},
		{sh(1, 2, 7, 30), sh(3, 4), sh(1, 1), sh(2, 3), sh(2, 3, 4, 5)},
		{sh(2, 2, 40), sh(2), sh(2), sh(1), sh(0, 0)},
		{sh(1, 1, 4, 5, 26), sh(2, 3, 3), sh(1, 2, 2), sh(1, 1, 1), sh(0, 1, 1, 0, 2, 1)},
		{sh(1, 2, 5, 40), sh(2, 2), sh(1, 3), sh(1, 1), sh(0, 0, 0, 0)},
		{sh(2, 3, 9, 11), sh(3, 3), sh(2, 2), sh(1, 1), sh(1, 1, 1, 1)},
		{sh(1, 2, 8, 14), sh(2, 2), sh(2, 2), sh(1, 1), sh(0, 0, 0, 0)},
	} {
		windows := convSetup{x: s.x, w: append(sh(s.x[1], 1), s.window...), strides: s.strides, dilation: s.dilation, padding: s.padding, groups: s.x[1]}
		y := windows.result()
		spatial := shape.Size(s.x[2:])
		x, gy := spread(4, shape.Size(s.x)), spread(5, shape.Size(y))
		best, at := make([]float64, len(gy)), make([]float64, len(gy))
		sum, count := make([]float64, len(gy)), make([]float64, len(gy))
		for i := range best {
			best[i] = -100
		}
		windows.terms(func(xi, wi, yi int) {
			if x[xi] > best[yi] {
				best[yi], at[yi] = x[xi], float64(xi%spatial)
			}
			sum[yi] += x[xi]
			count[yi]++
		})
		what := Type{dtype.Float64, s.x}.text()
		items := []attr.Named{attr.L("window", s.window), attr.L("strides", s.strides), attr.L("padding", s.padding)}
		cs = append(cs, kernelCase{name: "max_pool", what: what, dtypes: numericDTypes, attrs: attrs(append(slices.Clone(items), attr.L("dilation", s.dilation))...),
			in: []arg{v(s.x, x...)}, out: []arg{v(y, best...), ints(y, at...)}})
		if slices.Max(s.dilation) > 1 {
			continue
		}
		for _, padded := range []bool{false, true} {
			mean, gx := make([]float64, len(gy)), make([]float64, len(x))
			over := func(yi int) float64 {
				if padded {
					return float64(shape.Size(s.window))
				}
				return count[yi]
			}
			for i := range mean {
				mean[i] = sum[i] / over(i)
			}
			windows.terms(func(xi, wi, yi int) { gx[xi] += gy[yi] / over(yi) })
			with := append(slices.Clone(items), attr.B("count_include_pad", padded))
			cs = append(cs,
				kernelCase{name: "avg_pool", what: what, dtypes: floatDTypes, attrs: attrs(with...), in: []arg{v(s.x, x...)}, out: []arg{v(y, mean...)}, tol: 1e-15},
				kernelCase{name: "avg_pool_grad", what: what, dtypes: floatDTypes, attrs: attrs(append(slices.Clone(with), attr.L("shape", s.x))...),
					in: []arg{v(y, gy...)}, out: []arg{v(s.x, gx...)}, tol: 1e-15})
		}
	}
	return cs
}

var _ = addCases(convCases()...)
var _ = addCases(poolCases()...)

var _ = addCases(
	kernelCase{name: "max_pool", what: "NaN", dtypes: floatDTypes, attrs: attrs(attr.L("window", sh(3)), attr.L("strides", sh(1)), attr.L("dilation", sh(1)), attr.L("padding", sh(0, 0))),
		in: []arg{v(sh(1, 1, 5), 1, nan, inf, nan, -inf)}, out: []arg{v(sh(1, 1, 3), nan, nan, nan), ints(sh(1, 1, 3), 1, 1, 3)}},
)

// TestConvPacked has convolutions packed that are tested as such.
func TestConvPacked(t *testing.T) {
	if cpu.Best() != cpu.AVX512 {
		t.Skip("no masks of bits")
	}
	runs, blocks := map[int]int{}, 0
	for _, s := range packedConvs {
		a := attrs(attr.L("strides", s.strides), attr.L("dilation", s.dilation), attr.L("padding", s.padding), attr.I("groups", s.groups))
		for _, d := range floatDTypes {
			for which := range 2 {
				p := newConvPlan(s.x, s.w, s.result(), d, a, which)
				if which == convOfInput && (s.w[1] <= 42 || s.strides[0] > 1 || d == dtype.Float64) {
					continue
				}
				if p.rows == nil || p.rows.packed == nil {
					t.Errorf("%v by %v, %v, tensor %d: not packed", s.x, s.w, d, which)
					continue
				}
				runs[p.rows.packed.ofVector]++
				blocks += p.rows.blocks - 1
			}
		}
	}
	if runs[1] == 0 || runs[2] == 0 || runs[3] == 0 || blocks == 0 {
		t.Errorf("numbers of runs %v, %d blocks", runs, blocks)
	}
}

// TestConvWays has convolutions go the way that is meant for their shapes, and not where it is not.
func TestConvWays(t *testing.T) {
	for _, c := range []struct {
		images, in, out, extent, window, stride, groups int
		which                                           int
		want                                            string
	}{
		{8, 512, 512, 4, 3, 1, 1, convForward, "laid or laid or rows"},
		{8, 512, 512, 4, 3, 1, 1, convOfInput, "laid or laid or rows"},
		{8, 64, 64, 2, 3, 1, 2, convForward, "laid or rows"},
		{8, 512, 512, 2, 3, 1, 1, convForward, "laid"},
		{8, 512, 512, 2, 3, 1, 1, convOfInput, "laid"},
		{8, 512, 512, 1, 3, 1, 1, convForward, "laid"},
		{8, 512, 512, 4, 3, 2, 1, convOfInput, "rows"},          // strides
		{8, 64, 64, 56, 3, 1, 1, convForward, "packed or rows"}, // long rows
		{8, 64, 64, 56, 3, 1, 1, convOfInput, "packed or rows"},
		{8, 64, 64, 56, 3, 1, 1, convOfFilters, "sliding or sliding or rows"},
		{8, 64, 64, 56, 7, 1, 1, convOfFilters, "sliding or rows"},
		{8, 64, 64, 56, 3, 2, 1, convOfFilters, "rows"}, // strides
		{8, 64, 64, 4, 3, 1, 1, convOfFilters, "sliding or sliding or rows"},
		{8, 24, 24, 56, 3, 1, 1, convForward, "rows"}, // few results
		{8, 3, 64, 56, 3, 1, 1, convForward, "rows"},  // few terms
		{8, 16, 4, 4, 3, 1, 1, convForward, "rows"},   // few results
		{8, 64, 64, 4, 3, 1, 64, convForward, "single"},
		{8, 64, 64, 14, 5, 2, 64, convForward, "single"},
		{8, 64, 64, 14, 5, 2, 64, convOfInput, "single"},
		{8, 64, 128, 14, 3, 1, 64, convForward, "rows"}, // two filters a plane
		{8, 64, 64, 14, 3, 1, 32, convForward, "rows"},
		{1, 1, 1, 64, 17, 1, 1, convForward, "rows"}, // more than a chain
		{8, 64, 64, 14, 3, 1, 64, convOfFilters, "rows"},
		{64, 64, 64, 7, 3, 1, 1, convForward, "images"},
		{64, 64, 64, 7, 3, 1, 1, convOfInput, "images"},
		{64, 12, 16, 14, 5, 2, 1, convOfInput, "images"},
		{64, 64, 64, 16, 3, 1, 1, convForward, "packed or rows"}, // rows that fill vectors
		{64, 2, 16, 7, 3, 1, 1, convOfInput, "rows"},             // too few results
		{31, 64, 64, 7, 3, 1, 1, convForward, "packed or rows"},  // too few images
		{64, 1, 6, 28, 5, 1, 1, convForward, "rows"},             // too few terms
		{64, 6, 16, 14, 5, 1, 1, convOfFilters, "images"},
		{64, 6, 60, 14, 5, 1, 1, convOfFilters, "sliding or sliding or rows"}, // many filters
		{64, 6, 16, 4, 5, 1, 1, convOfFilters, "sliding or sliding or rows"},  // few positions
	} {
		pad := c.window / 2
		n := (c.extent+2*pad-c.window)/c.stride + 1
		a := attrs(attr.L("strides", sh(c.stride, c.stride)), attr.L("dilation", sh(1, 1)), attr.L("padding", sh(pad, pad, pad, pad)), attr.I("groups", c.groups))
		p := newConvPlan(sh(c.images, c.in, c.extent, c.extent), sh(c.out, c.in/c.groups, c.window, c.window), sh(c.images, c.out, n, n), dtype.Float32, a, c.which)
		got := "columns"
		switch {
		case p.beside != nil, p.imageSums != nil:
			got = "images"
		case p.laid != nil:
			got = "laid"
		case p.rows != nil && p.rows.single:
			got = "single"
		case p.rows != nil && p.rows.packed != nil:
			got = "packed"
		case p.rows != nil && p.rows.slid > 0:
			got = "sliding"
		case p.rows != nil:
			got = "rows"
		}
		// Where a vector has sixteen elements, eight, and fewer; the last way is that of all others.
		wants := strings.Split(c.want, " or ")
		want := wants[min(max(0, 5-bits.Len(uint(p.product.Width()/2))), len(wants)-1)]
		if got != want {
			t.Errorf("%+v goes by %s", c, got)
		}
	}
}

// TestConvImages has more images side by side than are laid so at once: the bits of results and of the input's gradient are those of some of the images alone, and the gradients of filters are
// the sums of theirs.
func TestConvImages(t *testing.T) {
	const some, times = 32, 3
	for _, d := range floatDTypes {
		for name, which := range map[string]int{"conv": convForward, "conv_input_grad": convOfInput, "conv_filter_grad": convOfFilters} {
			all, one := [][]int{sh(some*times, 16, 100, 9), sh(16, 16, 3, 3), sh(some*times, 16, 100, 9)}, [][]int{sh(some, 16, 100, 9), sh(16, 16, 3, 3), sh(some, 16, 100, 9)}
			run := func(shapes [][]int, from int) Tensor {
				list := []attr.Named{attr.L("strides", sh(1, 1)), attr.L("dilation", sh(1, 1)), attr.L("padding", sh(1, 1, 1, 1)), attr.I("groups", 1)}
				x := make([]Tensor, 3)
				for i, s := range shapes {
					if x[i] = newTensor(Type{d, s}); i == []int{2, 0, 1}[which] {
						continue
					}
					begin := 0
					if i != 1 {
						begin = from * shape.Size(s[1:])
					}
					for k := range x[i].Size() {
						x[i].setValue(k, float64((begin+k)*7919%1009)/1009-0.3)
					}
				}
				in, out := []Tensor{x[0], x[1]}, x[2]
				switch which {
				case convOfInput:
					in, out = []Tensor{x[2], x[1]}, x[0]
				case convOfFilters:
					in, out = []Tensor{x[0], x[2]}, x[1]
				}
				if which != convForward {
					list = append(list, attr.L("shape", out.Shape))
				}
				poison(&out)
				k := Lookup(name)
				call := prepareCall(k, in, []Tensor{out}, attrs(list...))
				if p := call.State.(*convPlan); which == convOfFilters && p.imageSums == nil || which != convOfFilters && p.beside == nil {
					t.Fatalf("%s of %v, %v: another way", name, shapes, d)
				} else if len(shapes[0]) > 0 && shapes[0][0] > some && (p.beside != nil && p.beside.blocks*p.beside.together >= shapes[0][0] || p.imageSums != nil && p.imageSums.blocks*p.imageSums.together >= shapes[0][0]) {
					t.Fatalf("%s, %v: one phase", name, d)
				}
				if err := k.Run(call); err != nil {
					t.Fatal(err)
				}
				checkGuard(t, &out)
				return out
			}
			got := run(all, 0)
			sums := make([]float64, shape.Size(all[1]))
			for n := range times {
				part := run(one, n*some)
				for i := range part.Size() {
					if which == convOfFilters {
						sums[i] += part.value(i)
					} else if at := n*part.Size() + i; got.value(at) != part.value(i) {
						t.Fatalf("%s, %v: element %d is %v, not %v", name, d, at, got.value(at), part.value(i))
					}
				}
			}
			for i, want := range sums {
				if which == convOfFilters && math.Abs(got.value(i)-want) > 1e-6*math.Abs(want) {
					t.Errorf("%s, %v: element %d is %v, not %v", name, d, i, got.value(i), want)
				}
			}
		}
	}
}

// TestConvKept compares convolutions whose filters are packed once, as constants are, with those whose filters are not, bit by bit: images of few positions, groups, strides, and a last panel that is not full.
func TestConvKept(t *testing.T) {
	k, runs := Lookup("conv"), 0
	for _, c := range []struct {
		images, in, out, extent, window, stride, groups int
		kept                                            bool // with vectors of 64 bytes
	}{
		{1, 512, 512, 3, 3, 1, 1, true}, {1, 256, 256, 6, 3, 1, 1, true}, {1, 70, 410, 5, 3, 2, 1, true}, {2, 70, 150, 3, 3, 2, 1, true}, {1, 40, 600, 3, 3, 1, 2, true}, {1, 30, 200, 1, 1, 1, 1, false}, {1, 64, 64, 24, 3, 1, 1, false}, {1, 64, 32, 3, 3, 1, 1, false},
	} {
		for _, d := range floatDTypes {
			pad := c.window / 2
			n := (c.extent+2*pad-c.window)/c.stride + 1
			x, w := newTensor(Type{d, sh(c.images, c.in, c.extent, c.extent)}), newTensor(Type{d, sh(c.out, c.in/c.groups, c.window, c.window)})
			for i := range x.Size() {
				x.setValue(i, float64(i*7919%1009)/1009-0.3)
			}
			for i := range w.Size() {
				w.setValue(i, float64(i*6007%2003)/2003-0.6)
			}
			list := attrs(attr.L("strides", sh(c.stride, c.stride)), attr.L("dilation", sh(1, 1)), attr.L("padding", sh(pad, pad, pad, pad)), attr.I("groups", c.groups))
			out := [2]Tensor{newTensor(Type{d, sh(c.images, c.out, n, n)}), newTensor(Type{d, sh(c.images, c.out, n, n)})}
			types := []Type{x.Type, w.Type}
			for i, constant := range [][]bool{{false, false}, {false, true}} {
				call := prepareCall(k, []Tensor{x, w}, out[i:i+1], list)
				if bytes := k.KeptBytes(types, []Type{out[i].Type}, list, constant); bytes > 0 {
					call.Kept = alignedBytes(bytes)
					k.Keep(call, constant)
					clear(w.F32) // what is kept is read instead
					clear(w.F64)
					runs++
				} else if i == 1 && c.kept && d == dtype.Float32 && cpu.Best() == cpu.AVX512 {
					t.Errorf("%+v keeps nothing", c)
				}
				if err := k.Run(call); err != nil {
					t.Fatal(err)
				}
			}
			for i := range out[0].Size() {
				if got, want := out[1].value(i), out[0].value(i); got != want {
					t.Fatalf("%+v, %v: element %d is %v with filters that are kept, %v without", c, d, i, got, want)
				}
			}
		}
	}
	if runs == 0 && cpu.Best() == cpu.AVX512 {
		t.Error("nothing was kept")
	}
}
