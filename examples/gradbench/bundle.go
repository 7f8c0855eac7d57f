package main

import (
	"fmt"
	"slices"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// Sizes of bundle adjustment: a camera's parameters (rotation 3, centre 3, focal length, principal point 2, distortion 2), and all that an error depends on.
const (
	cameraParameters = 11
	errorParameters  = cameraParameters + 3 + 1
)

// bundleInput is one camera, point, weight and feature, of each of which there are n, m, p and p; observation i is of camera i mod n and point i mod m.
type bundleInput struct {
	N, M, P int
	Cam, X  []float64
	W       float64
	Feat    []float64
}

// bundle are the errors of bundle adjustment, and their derivatives as a sparse matrix in rows. An error depends on one camera, one point and one weight: its derivatives are those by the arrays that hold, for each observation,
// what it reads.
func bundle(w what) function {
	s := spec[bundleInput]{
		check: func(in *bundleInput) error {
			if in.N < 1 || in.M < 1 || in.P < 1 || len(in.Cam) != cameraParameters || len(in.X) != 3 || len(in.Feat) != 2 {
				return fmt.Errorf("%d cameras of %d parameters, %d points of %d, %d observations of %d", in.N, len(in.Cam), in.M, len(in.X), in.P, len(in.Feat))
			}
			return nil
		},
		shape: func(in *bundleInput) string { return fmt.Sprint(in.N, in.M, in.P) },
		build: func(g *graph.Graph, in *bundleInput) ([]*graph.Node, error) {
			cameras, points := g.Input("cameras", graph.Float64, in.N, cameraParameters), g.Input("points", graph.Float64, in.M, 3)
			weights, features := g.Input("weights", graph.Float64, in.P), g.Input("features", graph.Float64, in.P, 2)
			camera, point := g.Input("camera", graph.Int64, in.P), g.Input("point", graph.Int64, in.P) // of each observation

			c := graph.Gather(graph.Transpose(cameras), camera, 1)
			x := graph.Gather(graph.Transpose(points), point, 1)
			f := graph.Transpose(features)
			var errors [2]*graph.Node
			for k, p := range project(c, x) {
				errors[k] = graph.Mul(weights, graph.Sub(p, graph.Index(f, k)))
			}
			weightErrors := graph.Square(weights).Neg().Add(1)
			if w == value {
				return []*graph.Node{graph.Stack(1, errors[:]...), weightErrors}, nil
			}
			var both []*graph.Node
			for _, e := range errors {
				grad, err := compile.Gradient(graph.Sum(e), c, x, weights)
				if err != nil {
					return nil, err
				}
				both = append(both, graph.Concat(0, grad[0], grad[1], graph.ExpandDims(grad[2], 0)))
			}
			grad, err := compile.Gradient(graph.Sum(weightErrors), weights)
			if err != nil {
				return nil, err
			}
			return []*graph.Node{graph.Transpose(graph.Stack(0, both...), 2, 0, 1), grad[0]}, nil
		},
		fill: func(m *vm.Machine, in *bundleInput) error {
			camera, point := m.Int64("camera"), m.Int64("point")
			for i := range camera {
				camera[i], point[i] = int64(i%in.N), int64(i%in.M)
			}
			return firstError(set(m, "cameras", slices.Repeat(in.Cam, in.N)), set(m, "points", slices.Repeat(in.X, in.M)),
				set(m, "weights", slices.Repeat([]float64{in.W}, in.P)), set(m, "features", slices.Repeat(in.Feat, in.P)))
		},
		output: func(m *vm.Machine, in *bundleInput) any {
			return map[string]any{
				"reproj_error": map[string]any{"elements": slices.Clone(m.OutputFloat64(0)[:2]), "repeated": in.P},
				"w_err":        map[string]any{"element": m.OutputFloat64(1)[0], "repeated": in.P},
			}
		},
	}
	if w == gradient {
		s.output = func(m *vm.Machine, in *bundleInput) any {
			values := append(slices.Clone(m.OutputFloat64(0)[:2*errorParameters]), m.OutputFloat64(1)[in.P-1])
			starts, columns := in.positions()
			return map[string]any{"rows": starts, "cols": columns, "vals": values}
		}
	}
	return s.function()
}

// positions returns the first 30 elements and the last one of where the rows of the sparse matrix begin, and of the columns of its elements.
func (in *bundleInput) positions() (starts, columns []int) {
	pointsAt, weightsAt := cameraParameters*in.N, cameraParameters*in.N+3*in.M
	for k := range 2 * errorParameters {
		if k <= 2*in.P {
			starts = append(starts, k*errorParameters)
		} else {
			starts = append(starts, 2*in.P*errorParameters+k-2*in.P)
		}
	}
	for range 2 {
		for i := range cameraParameters {
			columns = append(columns, i)
		}
		columns = append(columns, pointsAt, pointsAt+1, pointsAt+2, weightsAt)
	}
	return append(starts, 2*in.P*errorParameters+in.P), append(columns, weightsAt+in.P-1)
}

// project returns where cameras see points: rotated about an axis by Rodrigues' formula, projected, distorted along the radius.
func project(camera, point *graph.Node) [2]*graph.Node {
	row := func(x *graph.Node, k int) *graph.Node { return graph.Index(x, k) }
	var rotation, from [3]*graph.Node
	for k := range 3 {
		rotation[k] = row(camera, k)
		from[k] = graph.Sub(row(point, k), row(camera, 3+k))
	}
	at := rotate(rotation, from)
	u, v := graph.Div(at[0], at[2]), graph.Div(at[1], at[2])
	square := graph.Add(graph.Square(u), graph.Square(v))
	distortion := graph.Add(graph.Mul(row(camera, 9), square), graph.Mul(row(camera, 10), graph.Square(square))).Add(1)
	focal := graph.Mul(distortion, row(camera, 6))
	return [2]*graph.Node{graph.Add(graph.Mul(u, focal), row(camera, 7)), graph.Add(graph.Mul(v, focal), row(camera, 8))}
}

// rotate returns x rotated about the axis r by the angle |r|; without rotation x + r×x, which has the same derivative.
func rotate(r, x [3]*graph.Node) (at [3]*graph.Node) {
	dot := func(a, b [3]*graph.Node) *graph.Node {
		return graph.Add(graph.Add(graph.Mul(a[0], b[0]), graph.Mul(a[1], b[1])), graph.Mul(a[2], b[2]))
	}
	square := dot(r, r)
	none := graph.Equal(square, graph.Like(square, 0))
	angle := graph.Sqrt(graph.Where(none, graph.Like(square, 1), square))
	sin, cos := graph.Sin(angle), graph.Cos(angle)
	var axis [3]*graph.Node
	for k := range 3 {
		axis[k] = graph.Div(r[k], angle)
	}
	along := graph.Mul(dot(axis, x), graph.Sub(graph.Like(cos, 1), cos))
	for k := range 3 {
		next, last := (k+1)%3, (k+2)%3
		cross := func(a [3]*graph.Node) *graph.Node {
			return graph.Sub(graph.Mul(a[next], x[last]), graph.Mul(a[last], x[next]))
		}
		turned := graph.Add(graph.Add(graph.Mul(x[k], cos), graph.Mul(cross(axis), sin)), graph.Mul(axis[k], along))
		at[k] = graph.Where(none, graph.Add(x[k], cross(r)), turned)
	}
	return at
}
