package main

import (
	"errors"
	"fmt"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// handInput is the model of a hand, points that were measured on it, and its pose.
type handInput struct {
	Theta []float64
	Us    [][]float64
	Data  struct {
		Model struct {
			Parents       []int
			Relatives     [][][]float64 `json:"base_relatives"`
			Inverses      [][][]float64 `json:"inverse_base_absolutes"`
			BasePositions [][]float64   `json:"base_positions"`
			Weights       [][]float64
			Triangles     [][]int
			IsMirrored    bool `json:"is_mirrored"`
		}
		Correspondences []int
		Points          [][]float64
	}
}

// The pose: global rotation and translation, and four angles of each of five fingers, whose first bone bends sideways too.
const (
	poseParameters = 26
	handBones      = 22
)

func (in *handInput) check() error {
	m := &in.Data.Model
	bones, points := len(m.Parents), len(in.Data.Correspondences)
	switch {
	case len(in.Theta) != poseParameters || bones != handBones || len(m.Relatives) != bones || len(m.Inverses) != bones || len(m.Weights) != len(m.BasePositions):
		return fmt.Errorf("a hand of %d parameters and %d bones, not %d and %d, or with matrices for other numbers", len(in.Theta), bones, poseParameters, handBones)
	case points == 0 || len(in.Data.Points) != points || len(in.Us) != 0 && len(in.Us) != points:
		return fmt.Errorf("%d points for %d correspondences, and %d coordinates", len(in.Data.Points), points, len(in.Us))
	}
	for i, p := range m.Parents {
		if p < -1 || p >= i {
			return fmt.Errorf("bone %d has the parent %d", i, p)
		}
	}
	for _, t := range m.Triangles {
		if len(t) != 3 {
			return errors.New("a triangle without three vertices")
		}
	}
	for _, c := range in.Data.Correspondences {
		if c < 0 || c >= len(m.Triangles) && len(in.Us) > 0 {
			return fmt.Errorf("there is no triangle %d", c)
		}
	}
	return nil
}

// hand are the distances of measured points from those of a posed hand, ADBench's; and their derivatives by the coordinates in triangles, two for each point, and the pose.
func hand(w what) function {
	s := spec[handInput]{
		check: (*handInput).check,
		shape: func(in *handInput) string {
			m := &in.Data.Model
			return fmt.Sprint(len(in.Us), len(in.Data.Points), len(m.BasePositions), m.Parents, m.IsMirrored)
		},
		build: func(g *graph.Graph, in *handInput) ([]*graph.Node, error) {
			theta, points := g.Input("theta", graph.Float64, poseParameters), g.Input("points", graph.Float64, len(in.Data.Points), 3)
			vertices := posed(g, theta, in)
			at := func(k int) *graph.Node {
				return graph.Gather(vertices, g.Input(fmt.Sprint("corner", k), graph.Int64, len(in.Data.Points)), 1)
			}
			distance := func(hand *graph.Node) *graph.Node {
				return graph.Reshape(graph.Sub(points, graph.Transpose(hand)), points.Shape().Size())
			}
			if len(in.Us) == 0 {
				distances := distance(at(0))
				if w == value {
					return []*graph.Node{distances}, nil
				}
				j, err := compile.Jacobian(distances, theta)
				return []*graph.Node{j}, err
			}
			u := [2]*graph.Node{g.Input("u0", graph.Float64, len(in.Us)), g.Input("u1", graph.Float64, len(in.Us))}
			third := graph.Sub(graph.Like(u[0], 1), graph.Add(u[0], u[1]))
			distances := distance(graph.Add(graph.Add(graph.Mul(u[0], at(0)), graph.Mul(u[1], at(1))), graph.Mul(third, at(2))))
			if w == value {
				return []*graph.Node{distances}, nil
			}
			byPose, err := compile.Jacobian(distances, theta)
			if err != nil {
				return nil, err
			}
			var columns []*graph.Node // by the coordinates: a point depends on its own alone
			for k := range u {
				dot, err := compile.JVP([]*graph.Node{distances}, []*graph.Node{u[k]}, []*graph.Node{graph.Ones(g, graph.Float64, len(in.Us))})
				if err != nil {
					return nil, err
				}
				columns = append(columns, graph.ExpandDims(dot[0], 1))
			}
			return []*graph.Node{graph.Concat(1, append(columns, byPose)...)}, nil
		},
		fill:   func(m *vm.Machine, in *handInput) error { return in.fill(m) },
		output: vector[handInput],
	}
	if w == gradient {
		s.output = func(m *vm.Machine, in *handInput) any { return rows(m.OutputFloat64(0), 3*len(in.Data.Points)) }
	}
	return s.function()
}

// posed returns the vertices of the posed hand, [3×vertices].
func posed(g *graph.Graph, theta *graph.Node, in *handInput) *graph.Node {
	model := &in.Data.Model
	bones, vertices := len(model.Parents), len(model.BasePositions)
	relatives, inverses := g.Input("relatives", graph.Float64, bones, 4, 4), g.Input("inverses", graph.Float64, bones, 4, 4)
	// Of each vertex its homogeneous coordinates, times its weight for each bone.
	weighted := g.Input("weighted", graph.Float64, 4*bones, vertices)

	angles := make([][3]*graph.Node, bones)
	zero := g.Const(0)
	for i := range angles {
		angles[i] = [3]*graph.Node{zero, zero, zero}
	}
	next := 6
	take := func() *graph.Node { next++; return graph.Index(theta, next-1) }
	for finger := range 5 {
		for joint := range 3 {
			bone := 2 + 4*finger + joint
			angles[bone][0] = take()
			if joint == 0 {
				angles[bone][1] = take()
			}
		}
	}
	absolutes := make([]*graph.Node, bones)
	for i, parent := range model.Parents {
		absolutes[i] = graph.MatMul(graph.Index(relatives, i), turn(angles[i]))
		if parent >= 0 {
			absolutes[i] = graph.MatMul(absolutes[parent], absolutes[i])
		}
	}
	var transforms []*graph.Node
	for i := range absolutes {
		t := graph.MatMul(absolutes[i], graph.Index(inverses, i))
		transforms = append(transforms, graph.Slice(t, graph.Range{Limit: 3}))
	}
	positions := graph.MatMul(graph.Concat(1, transforms...), weighted)
	if model.IsMirrored {
		positions = graph.Mul(positions, graph.Constant(g, []float64{-1, 1, 1}, 3, 1))
	}
	part := func(from int) *graph.Node { return graph.Slice(theta, graph.Range{Start: from, Limit: from + 3}) }
	return graph.Add(graph.MatMul(axisRotation(part(0)), positions), graph.Reshape(part(3), 3, 1))
}

// matrix is the 4×4 or 3×3 matrix of scalars.
func matrix(elements [][]*graph.Node) *graph.Node {
	var rows []*graph.Node
	for _, r := range elements {
		rows = append(rows, graph.Stack(0, r...))
	}
	return graph.Stack(0, rows...)
}

// turn is the rotation by Euler angles x, z, y, as a 4×4 matrix.
func turn(xzy [3]*graph.Node) *graph.Node {
	g := xzy[0].Graph()
	zero, one := g.Const(0), g.Const(1)
	about := func(angle *graph.Node, i, j int) *graph.Node {
		m := make([][]*graph.Node, 4)
		for r := range m {
			m[r] = []*graph.Node{zero, zero, zero, zero}
			m[r][r] = one
		}
		sin, cos := graph.Sin(angle), graph.Cos(angle)
		m[i][i], m[j][j], m[j][i], m[i][j] = cos, cos, sin, sin.Neg()
		return matrix(m)
	}
	return graph.MatMul(graph.MatMul(about(xzy[1], 0, 1), about(xzy[2], 2, 0)), about(xzy[0], 1, 2))
}

// axisRotation is the rotation about an axis by the angle that is the axis's length, 3×3; none if it is below 1e-4.
func axisRotation(axis *graph.Node) *graph.Node {
	square := graph.Sum(graph.Square(axis))
	none := square.Less(1e-8)
	angle := graph.Sqrt(graph.Where(none, graph.Like(square, 1), square))
	sin, cos := graph.Sin(angle), graph.Cos(angle)
	versed := graph.Sub(graph.Like(cos, 1), cos)
	var n [3]*graph.Node
	for k := range n {
		n[k] = graph.Div(graph.Index(axis, k), angle)
	}
	m := make([][]*graph.Node, 3)
	for i := range m {
		m[i] = make([]*graph.Node, 3)
		for j := range m[i] {
			e := graph.Mul(graph.Mul(n[i], n[j]), versed)
			switch (j - i + 3) % 3 {
			case 0:
				e = graph.Add(e, cos)
			case 1:
				e = graph.Sub(e, graph.Mul(n[3-i-j], sin))
			case 2:
				e = graph.Add(e, graph.Mul(n[3-i-j], sin))
			}
			identity := 0.0
			if i == j {
				identity = 1
			}
			m[i][j] = graph.Where(none, graph.Like(e, identity), e)
		}
	}
	return matrix(m)
}

// fill sets the machine's inputs.
func (in *handInput) fill(m *vm.Machine) error {
	model := &in.Data.Model
	var relatives, inverses []float64
	for i := range model.Relatives {
		a, err1 := flat(model.Relatives[i], 4)
		b, err2 := flat(model.Inverses[i], 4)
		if err := firstError(err1, err2); err != nil {
			return fmt.Errorf("bone %d: %w", i, err)
		}
		relatives, inverses = append(relatives, a...), append(inverses, b...)
	}
	positions, err1 := flat(model.BasePositions, 4)
	weights, err2 := flat(model.Weights, len(model.Parents))
	points, err3 := flat(in.Data.Points, 3)
	us, err4 := flat(in.Us, 2)
	if err := firstError(err1, err2, err3, err4); err != nil {
		return err
	}
	bones, vertices := len(model.Parents), len(model.BasePositions)
	weighted := make([]float64, 4*bones*vertices)
	for b := range bones {
		for k := range 4 {
			for v := range vertices {
				weighted[(4*b+k)*vertices+v] = positions[4*v+k] * weights[bones*v+b]
			}
		}
	}
	for i := range in.Us {
		for k := range 2 {
			m.Float64(fmt.Sprint("u", k))[i] = us[2*i+k]
		}
	}
	corners := 1
	if len(in.Us) > 0 {
		corners = 3
	}
	for k := range corners {
		corner := m.Int64(fmt.Sprint("corner", k))
		for i := range corner {
			c := in.Data.Correspondences[i]
			if corners > 1 {
				c = model.Triangles[c][k]
			}
			if c < 0 || c >= vertices {
				return fmt.Errorf("there is no vertex %d", c)
			}
			corner[i] = int64(c)
		}
	}
	return firstError(set(m, "theta", in.Theta), set(m, "points", points), set(m, "relatives", relatives), set(m, "inverses", inverses), set(m, "weighted", weighted))
}
