package eager

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// BackwardOption changes Backward and Grad.
type BackwardOption func(*backward)

type backward struct {
	retain, create bool
	seed           *Tensor
}

// RetainGraph lets another Backward go through the same record.
func RetainGraph() BackwardOption { return func(b *backward) { b.retain = true } }

// CreateGraph records the gradients as operations, so that they can be differentiated again. The graph is retained.
func CreateGraph() BackwardOption {
	return func(b *backward) { b.create, b.retain = true, true }
}

// Seed begins with the given adjoint, of the tensor's type, in the place of 1: a tensor that is not a scalar needs one.
func Seed(adjoint *Tensor) BackwardOption { return func(b *backward) { b.seed = adjoint } }

func backwardOf(opts []BackwardOption) *backward {
	b := &backward{}
	for _, o := range opts {
		if o != nil {
			o(b)
		}
	}
	return b
}

// seedFor returns the adjoint that a sweep from n begins with.
func (b *backward) seedFor(n *node, op string) (*node, error) {
	switch {
	case n.err != nil:
		return nil, n.err
	case !n.needs:
		return nil, mistake(op, errors.New("the tensor does not require a gradient: nothing that it is computed from has RequiresGrad"))
	case b.seed == nil && len(n.typ.Shape) > 0 && n.typ.Shape.Size() != 1:
		return nil, mistake(op, fmt.Errorf("a gradient of a tensor of shape %v: only one of a scalar needs no Seed", n.typ.Shape))
	case b.seed == nil && len(n.typ.Shape) == 0:
		return operand(1.0, n.typ.DType).n, nil
	case b.seed == nil && n.typ.DType == graph.Float32:
		return New([]float32{1}, n.typ.Shape...).n, nil
	case b.seed == nil:
		return New([]float64{1}, n.typ.Shape...).n, nil
	}
	seed := b.seed.nodeOf()
	if seed.err == nil && seed.typ != n.typ {
		return nil, mistake(op, fmt.Errorf("a seed of %v for a tensor of %v", seed.typ, n.typ))
	}
	return seed, seed.err
}

// Backward computes the gradient of the tensor, a scalar or one with a Seed, by every tensor that it is computed from and that has RequiresGrad or RetainGrad, and adds it to what Grad returns. The value of the tensor is
// computed in the same run.
//
// The record is freed: another Backward through a part of it is an error, unless the option RetainGraph was given.
func (t *Tensor) Backward(opts ...BackwardOption) error {
	b, n := backwardOf(opts), t.nodeOf()
	seed, err := b.seedFor(n, "backward")
	if err != nil {
		return err
	}
	w := history([]*node{n}, nil)
	if err := w.whole("backward"); err != nil {
		return err
	}
	from, seeds := []*node{n}, []*node{seed}
	// Hooks of tensors that are computed from others change what goes on from there, so sweeps end at each of them, the last first.
	cut := map[*node]bool{}
	for i := len(w.steps) - 1; i >= 0; i-- {
		h := w.steps[i]
		if h.tensor == nil || len(h.tensor.hooks) == 0 || h == n {
			continue
		}
		cut[h] = true
		adjoint, err := gradients(from, seeds, []*node{h}, cut)
		if err != nil {
			return err
		}
		changed, err := hooked(h, adjoint[0])
		if err != nil {
			return err
		}
		from, seeds = append(from, h), append(seeds, changed.n)
	}
	if n.tensor != nil && len(n.tensor.hooks) > 0 && n.site != nil {
		changed, err := hooked(n, &Tensor{n: seed})
		if err != nil {
			return err
		}
		seeds[0] = changed.n
	}
	var targets []*node
	for _, m := range append(slices.Clone(w.leaves), w.steps...) {
		if m.tensor != nil && m.needs && (m.site == nil || m.tensor.retains) {
			targets = append(targets, m)
		}
	}
	adjoints, err := gradients(from, seeds, targets, cut)
	if err != nil {
		return err
	}
	nodes := []*node{n}
	for _, a := range adjoints {
		nodes = append(nodes, a.n)
	}
	if err := evaluate(nodes...); err != nil {
		return err
	}
	for i, m := range targets {
		a := adjoints[i]
		if !b.create {
			a = &Tensor{n: &node{typ: a.n.typ, value: a.n.value}}
		}
		if m.site == nil {
			if a, err = hooked(m, a); err != nil {
				return err
			}
		} else if cut[m] {
			a = &Tensor{n: seeds[1+slices.Index(from[1:], m)]} // what its hooks made of it
		}
		if err := m.tensor.accumulate(a, b.create); err != nil {
			return err
		}
	}
	if !b.retain {
		for _, s := range w.steps {
			s.freed = true
		}
	}
	return nil
}

// hooked returns what the hooks of a node's tensor make of a gradient.
func hooked(n *node, gradient *Tensor) (*Tensor, error) {
	for _, f := range n.tensor.hooks {
		if changed := f(gradient); changed != nil {
			gradient = changed
		}
		m := gradient.nodeOf()
		if m.err != nil {
			return nil, m.err
		}
		if m.typ != n.typ {
			return nil, mistake("hook", fmt.Errorf("a hook returned a gradient of %v for a tensor of %v", m.typ, n.typ))
		}
	}
	return gradient, nil
}

// accumulate adds to the gradient.
func (t *Tensor) accumulate(a *Tensor, create bool) error {
	switch {
	case t.grad == nil:
		t.grad = a
	case create || t.grad.n.value == nil:
		t.grad = t.grad.Add(a)
		return t.grad.Err()
	default:
		if err := evaluate(a.n); err != nil {
			return err
		}
		sum := t.grad.n.value.Clone()
		switch to := sum.Data.(type) {
		case []float64:
			addTo(to, a.n.value.Data.([]float64))
		case []float32:
			addTo(to, a.n.value.Data.([]float32))
		}
		t.grad = &Tensor{n: &node{typ: t.grad.n.typ, value: &sum}}
	}
	return nil
}

func addTo[T float64 | float32](to, from []T) {
	for i, v := range from {
		to[i] += v
	}
}

// Grad returns the gradients of a tensor, a scalar or one with a Seed, by others that it is computed from, without adding them to what Grad of the tensors returns. The record is not freed. With the option CreateGraph
// the gradients can be differentiated again; that a tensor is not used is an error.
func Grad(of *Tensor, wrt []*Tensor, opts ...BackwardOption) ([]*Tensor, error) {
	b, n := backwardOf(opts), of.nodeOf()
	seed, err := b.seedFor(n, "grad")
	if err != nil {
		return nil, err
	}
	targets := make([]*node, len(wrt))
	for i, t := range wrt {
		if targets[i] = t.nodeOf(); targets[i].err != nil {
			return nil, targets[i].err
		}
	}
	if len(targets) == 0 {
		return nil, nil
	}
	w := history([]*node{n}, nil)
	if err := w.whole("grad"); err != nil {
		return nil, err
	}
	for i, m := range targets {
		if m.mark != w.id || !m.needs {
			return nil, mistake("grad", fmt.Errorf("the tensor is not computed from number %d of those that it is to be differentiated by, or that does not require a gradient", i))
		}
	}
	list, err := gradients([]*node{n}, []*node{seed}, targets, nil)
	if err != nil || b.create {
		return list, err
	}
	if err := Evaluate(list...); err != nil {
		return nil, err
	}
	for i, t := range list {
		list[i] = &Tensor{n: &node{typ: t.n.typ, value: t.n.value}}
	}
	return list, nil
}

// history walks through all that gradients flow through.
func history(from []*node, cut map[*node]bool) *walk {
	w := newWalk()
	w.through, w.cut = func(n *node) bool { return n.needs }, cut
	for _, n := range from {
		w.visit(n)
	}
	return w
}

// whole returns an error if a part of the record was freed.
func (w *walk) whole(op string) error {
	if slices.ContainsFunc(w.steps, func(s *node) bool { return s.needs && s.freed }) {
		return mistake(op, errors.New("through a graph a second time: it was freed by the first Backward, which needs the option RetainGraph for that"))
	}
	return nil
}

// gradients records the adjoints of targets for outputs that have the given ones. Nodes that are cut are values for the outputs that are computed from them.
func gradients(outputs, seeds, targets []*node, cut map[*node]bool) ([]*Tensor, error) {
	if len(targets) == 0 {
		return nil, nil
	}
	// A cut node that is an output too is entered as an output of its own, by the operation that it is the result of.
	tops := make([]*node, len(outputs))
	for i, n := range outputs {
		if tops[i] = n; cut[n] {
			twin := *n
			twin.tensor, twin.mark = nil, 0
			tops[i] = &twin
		}
	}
	w := history(tops, cut)
	by, reached := make([]int, len(targets)), false
	for i, n := range targets {
		if by[i] = -1; n.mark == w.id { // else outside of what is left of the record
			by[i], reached = int(w.number(n)), true
		}
	}
	if !reached {
		list := make([]*Tensor, len(targets))
		for i, n := range targets {
			list[i] = zerosLike(n)
		}
		return list, nil
	}
	key := make([]byte, 0, 256)
	for _, n := range tops {
		key = binary.LittleEndian.AppendUint32(key, uint32(w.number(n)))
	}
	key = appendInts(key, by)
	key = w.key(key)
	in := append(slices.Clone(w.leaves), seeds...)
	r, of := w.trace(), make([]int32, len(tops))
	for i, n := range tops {
		of[i] = w.number(n)
	}
	build := func(g *graph.Graph, in []*graph.Node) []*graph.Node {
		nodes, err := r.replay(g, in[:len(r.leaves)])
		if err != nil {
			return []*graph.Node{g.Fail("gradient", err)}
		}
		var from, wrt []*graph.Node
		for _, k := range of {
			from = append(from, nodes[k])
		}
		for _, k := range by {
			if k >= 0 {
				wrt = append(wrt, nodes[k])
			}
		}
		adjoints, err := compile.VJP(from, wrt, in[len(r.leaves):])
		if err != nil {
			return []*graph.Node{g.Fail("gradient", err)}
		}
		return adjoints
	}
	if len(cut) > 0 {
		// In a body a cut node is a parameter, through which no adjoint flows; here it may be the very node that it is computed by.
		inner := build
		build = func(g *graph.Graph, in []*graph.Node) []*graph.Node {
			of, params := graph.New(), make([]*graph.Node, len(in))
			for i, n := range in {
				params[i] = of.Input(fmt.Sprintf("argument%d", i), n.DType(), n.Shape()...)
			}
			body, err := graph.NewBody(params, inner(of, params))
			if err != nil {
				return []*graph.Node{g.Fail("gradient", err)}
			}
			return body.Inline(in)
		}
	}
	s := siteFor(fnGradient, key, build, caller(1), in)
	if s.err != nil {
		return nil, s.err
	}
	list, k := make([]*Tensor, len(targets)), int32(0)
	for i, n := range targets {
		if by[i] < 0 {
			list[i] = zerosLike(n)
			continue
		}
		list[i] = &Tensor{n: &node{site: s, in: in, result: k, typ: n.typ, needs: true}}
		k++
	}
	return list, nil
}

func zerosLike(n *node) *Tensor {
	if n.typ.DType == graph.Float32 {
		return ofArray(vm.Array{Shape: n.typ.Shape, Data: make([]float32, n.typ.Shape.Size())})
	}
	return Full(0, n.typ.Shape...)
}
