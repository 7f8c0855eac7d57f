package compile

import (
	"slices"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/internal/shape"
)

// window is a part of an array with zeros around it. Parts of parts are windows again, so that of slices and pads of one another a single window is left.
type window struct {
	of int32 // the array
	graph.Part
}

// through returns the window of inner's array that a window of what inner shows is.
func through(w *graph.Part, inner *window) *window {
	out := &window{inner.of, graph.Part{First: slices.Clone(inner.First), Step: slices.Clone(inner.Step), Lo: slices.Clone(w.Lo), Hi: slices.Clone(w.Hi)}}
	for d, first := range w.First {
		step := w.Step[d]
		out.First[d] += first * inner.Step[d]
		out.Step[d] *= step
		lo, hi := inner.Lo[d]-first, inner.Hi[d]-first // of i·step
		if step < 0 {
			lo, hi, step = 1-hi, 1-lo, -step
		}
		out.Lo[d], out.Hi[d] = max(out.Lo[d], ceilDiv(lo, step)), min(out.Hi[d], ceilDiv(hi, step))
	}
	return out
}

func ceilDiv(a, b int) int {
	if a > 0 {
		return (a + b - 1) / b
	}
	return -(-a / b)
}

// access returns how a loop over dims reads the window, of an array, as a value of its own shape that is broadcast to dims.
func (w *window) access(array, own graph.Shape, dims []int) micro.Access {
	lead := len(dims) - len(own)
	a := micro.Access{Strides: make([]int, len(dims)), Window: &micro.Window{Lo: make([]int, len(dims)), Hi: slices.Clone(dims)}}
	for d, stride := range shape.Strides(array) {
		k := lead + d
		a.Window.Offset += w.First[d] * stride
		switch {
		case w.Hi[d] <= w.Lo[d]:
			a.Window.Hi[k] = 0
		case own[d] > 1:
			a.Strides[k], a.Window.Lo[k], a.Window.Hi[k] = w.Step[d]*stride, w.Lo[d], w.Hi[d]
		}
	}
	return a
}

// findWindows is the pass that finds the slices and pads that nothing but loops reads: these read the array itself.
func findWindows(l *lowering) error {
	if l.config.Unoptimized || !slices.Contains(l.class, classKernel) {
		return nil
	}
	stored := make([]bool, l.g.Len())
	for _, o := range l.outputs {
		stored[o.ID()] = true
	}
	shows := map[int32]*graph.Part{}
	var found []int32
	for i := int32(l.g.Len()) - 1; i >= 0; i-- {
		if l.class[i] == classNone {
			continue
		}
		if n := l.g.Node(int(i)); !stored[i] && (l.class[i] == classKernel || l.class[i] == classView && l.shows(n.Input(0)) != nil) {
			if w := l.shows(n); w != nil {
				l.class[i], l.offset[i], shows[i] = classWindow, 0, w
				found = append(found, i)
			}
		}
		if l.class[i] != classLoop && l.class[i] != classWindow {
			for _, in := range l.in(i) {
				stored[in] = true
			}
		}
	}
	l.windows = make(map[int32]*window, len(found))
	for _, i := range slices.Backward(found) {
		in := l.in(i)[0]
		if inner := l.windows[in]; inner != nil {
			l.windows[i] = through(shows[i], inner)
		} else {
			l.windows[i] = &window{in, *shows[i]}
		}
		l.root[i] = l.root[in]
	}
	l.fired["windows"] += len(found)
	return nil
}

// shows returns the part of its operand that a node copies, or would copy if a loop did not read it where it lies; nil if it is something else. A part that is a view of an array
// is one only if the array is such a part, which need not be stored for its sake.
func (l *lowering) shows(n *graph.Node) *graph.Part {
	switch part := n.Op().Part; {
	case part == nil:
	case l.class[n.ID()] == classKernel, l.class[n.ID()] == classView && l.shows(n.Input(0)) != nil:
		return part(n)
	}
	return nil
}

// readsWindow reports whether an operand of the node is a window.
func (l *lowering) readsWindow(id int32) bool {
	return len(l.windows) > 0 && slices.ContainsFunc(l.in(id), func(in int32) bool { return l.class[in] == classWindow })
}
