package train

import (
	"errors"
	"fmt"
	"math"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// LossScale says by what the loss is multiplied before it is differentiated, so that gradients, which are divided by it again, do not vanish on the way below the least numbers of their dtype; those of losses that are in float16, or go
// through operators that take subnormal numbers for 0 (compile.Config.FastMath), do (Micikevicius et al., Mixed precision training, 2018). In a step whose gradients are not all finite parameters, states of the optimiser and averages stay as they are, the schedule does not go on, and
// the scale is multiplied by Backoff; behind each Interval steps in a row without that it is multiplied by Growth. It is torch.amp.GradScaler. Powers of 2 change no digit where nothing overflows or vanishes.
type LossScale struct {
	Start           float64 // 0 is 65536
	Growth, Backoff float64 // 0 is 2 and ½; 1 leaves the scale as it is
	Interval        int     // 0 is 2000
}

// lossScaling is the part of a step that scales the loss. That of no LossScale is nil.
type lossScaling struct {
	LossScale
	scale, good, skipped *node // inputs
	loss                 *node // multiplied
	finite               *node // whether all gradients are
}

// scaling adds the inputs; given says that there are gradients of the loss already.
func (c *LossScale) scaling(g *graph.Graph, loss *node, given bool) (*lossScaling, error) {
	if c == nil {
		return nil, nil
	}
	s := &lossScaling{LossScale: LossScale{or(c.Start, 65536), or(c.Growth, 2), or(c.Backoff, 0.5), c.Interval}}
	if s.Interval == 0 {
		s.Interval = 2000
	}
	switch {
	case given:
		return nil, errors.New("train: the loss is not scaled where its gradients are given")
	case !(s.Start > 0) || math.IsInf(s.Start, 0) || !(s.Growth >= 1) || math.IsInf(s.Growth, 0) || !(s.Backoff > 0 && s.Backoff <= 1) || s.Interval < 0:
		return nil, fmt.Errorf("train: a loss scale of %v that grows %v times behind %d steps and falls to its %v part", s.Start, s.Growth, s.Interval, s.Backoff)
	}
	s.scale, s.good, s.skipped = g.Input(scaleName, graph.Float64), g.Input(goodName, graph.Int64), g.Input(skipName, graph.Int64)
	s.loss = graph.Mul(loss, graph.Cast(s.scale, loss.DType()))
	return s, nil
}

// differentiated is what is differentiated in the place of the loss.
func (s *lossScaling) differentiated(loss *node) *node {
	if s == nil {
		return loss
	}
	return s.loss
}

// unscaled are the gradients of the loss, from those of the scaled one.
func (s *lossScaling) unscaled(gradients nodes) nodes {
	if s == nil {
		return gradients
	}
	var finite, out nodes
	for _, d := range gradients {
		finite = append(finite, graph.ReduceAll(graph.IsFinite(d), nil))
		out = append(out, graph.Div(d, graph.Cast(s.scale, d.DType())))
	}
	s.finite = graph.ReduceAll(graph.Stack(0, finite...), nil)
	return out
}

// update gives the inputs their starts and new values.
func (s *lossScaling) update(start Values, update func(in, value *node)) {
	start[scaleName], start[goodName], start[skipName] = vm.Array{Data: []float64{s.Start}}, vm.Array{Data: []int64{0}}, vm.Array{Data: []int64{0}}
	zero, one := graph.Like(s.good, 0), graph.Like(s.good, 1)
	good := graph.Add(s.good, one)
	grows := graph.Equal(good, graph.Like(good, float64(s.Interval)))
	up := graph.Where(grows, graph.Mul(s.scale, graph.Like(s.scale, s.Growth)), s.scale)
	up = graph.Where(graph.IsFinite(graph.Cast(up, s.loss.DType())), up, s.scale)
	update(s.scale, graph.Where(s.finite, up, graph.Mul(s.scale, graph.Like(s.scale, s.Backoff))))
	update(s.good, graph.Where(graph.LogicalAnd(s.finite, graph.LogicalNot(grows)), good, zero))
	update(s.skipped, graph.Where(s.finite, s.skipped, graph.Add(s.skipped, one)))
}

// kept is a new value, or the old one in a step that is left out.
func (s *lossScaling) kept(value, old *node) *node {
	if s == nil {
		return value
	}
	return graph.Where(s.finite, value, old)
}

// LossScale returns the scale of the next step's loss, 1 without Config.LossScale.
func (t *Trainer) LossScale() float64 {
	if t.check() != nil || !t.scales {
		return 1
	}
	return t.machine.Float64(scaleName)[0]
}

// Skipped returns the number of the steps done that were left out since their gradients were not finite, 0 without Config.LossScale.
func (t *Trainer) Skipped() int64 {
	if t.check() != nil || !t.scales {
		return 0
	}
	return t.machine.Int64(skipName)[0]
}
