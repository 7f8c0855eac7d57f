// Package surface has Rayleigh and Love waves of layered models as functions of graphs: see examples/surfacewave.
package surface

import (
	"fmt"
	"math"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/compile/implicit"
	"github.com/adjoint-go/adjoint/graph"
)

// Wave is a kind of surface wave.
type Wave int

const (
	RayleighWave Wave = iota
	LoveWave
)

func (w Wave) String() string { return [...]string{"Rayleigh", "Love"}[w] }

// Secular is Rayleigh or Love, modes RayleighModes or LoveModes.
func (w Wave) Secular(c, omega *node, m Model) *node {
	if w == RayleighWave {
		return Rayleigh(c, omega, m)
	}
	return Love(c, omega, m)
}

func (w Wave) modes(c, omega *node, m Model) *node {
	if w == RayleighWave {
		return RayleighModes(c, omega, m)
	}
	return LoveModes(c, omega, m)
}

// PhaseVelocity returns the phase velocities (km/s, of shape [n]) of modes (from 0 on, float64 of shape [n]) at periods (s, of shape [n]): the root of the secular function in an interval
// that the counts of modes at its ends single out, so that no mode is skipped. NaN stands for a mode that does not exist at its period, because it would be faster than S waves in the half-space.
// Derivatives of every order by everything in the model, and by the period, follow from the implicit function theorem.
func PhaseVelocity(w Wave, mode, period *node, m Model) (*node, error) {
	omega := graph.Div(graph.Like(period, 2*math.Pi), period)
	fixed := Model{graph.StopGradient(m.Thickness), graph.StopGradient(m.Vp), graph.StopGradient(m.Vs), graph.StopGradient(m.Density)}
	still := graph.StopGradient(omega)
	modes := func(c *node) *node { return w.modes(c, still, fixed) }

	// The slowest wave along a surface or an interface of solids is faster than half the slowest S wave.
	axis := []int{0}
	lo := graph.BroadcastTo(times(0.5, graph.ReduceMin(fixed.Vs, axis)), period.Shape()...)
	hi := graph.BroadcastTo(times(1-1e-9, graph.Min(graph.Index(fixed.Vs, m.layers()-1), graph.Index(fixed.Vp, m.layers()-1))), period.Shape()...)
	last := modes(hi)
	exists := graph.Greater(last, mode)
	hi = graph.Where(exists, hi, lo) // nothing is looked for

	// Halve until the interval has one mode, the one that is asked for.
	one := graph.Like(mode, 1)
	open := func(s []*node) *node {
		lo, hi, below, upTo := s[0], s[1], s[2], s[3]
		several := graph.LogicalOr(graph.NotEqual(below, mode), graph.NotEqual(upTo, graph.Add(mode, one)))
		wide := graph.Greater(graph.Sub(hi, lo), graph.Mul(graph.Like(hi, 1e-13), hi))
		return graph.LogicalAnd(graph.LogicalAnd(several, wide), exists)
	}
	ends, _ := graph.While(100, []*node{lo, hi, graph.FullLike(mode, 0), last},
		func(s []*node) *node { return graph.ReduceAny(open(s), nil) },
		func(s []*node) []*node {
			going := open(s)
			middle := times(0.5, graph.Add(s[0], s[1]))
			n := modes(middle)
			left := graph.LogicalAnd(going, graph.LessEqual(n, mode))
			right := graph.LogicalAnd(going, graph.Greater(n, mode))
			return []*node{graph.Where(left, middle, s[0]), graph.Where(right, middle, s[1]), graph.Where(left, n, s[2]), graph.Where(right, n, s[3])}
		})
	c, err := implicit.RootBracketed(func(c *node) *node {
		// Where the mode does not exist, any function will do that has a root.
		at := graph.Where(exists, c, graph.StopGradient(c))
		return graph.Where(exists, w.Secular(at, omega, m), graph.Sub(c, lo))
	}, ends[0], ends[1], implicit.Options{Tolerance: 1e-9})
	if err != nil {
		return nil, fmt.Errorf("surfacewave: %w", err)
	}
	return graph.Where(exists, c, graph.Like(c, math.NaN())), nil
}

// GroupVelocity returns the group velocities, dω/dk, that belong to phase velocities: c/(1 − (ω/c)·dc/dω), with dc/dω = −(T²/2π)·dc/dT.
func GroupVelocity(c, period *node) (*node, error) {
	d, err := compile.Gradient(graph.Sum(c), period)
	if err != nil {
		return nil, err
	}
	return graph.Div(c, graph.Add(graph.Like(c, 1), graph.Mul(graph.Div(period, c), d[0]))), nil
}
