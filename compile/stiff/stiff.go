// Package stiff solves stiff differential equations: package ode with the Jacobian of the right-hand side taken from its graph.
package stiff

import (
	"errors"
	"fmt"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/graph/ode"
)

// Solve returns the solution of y′ = f(t, y), y(t0) = y0 at times, as ode.Solve does, by ode.Rodas4. The state is a vector, whose Jacobian is a dense matrix. o.Method and o.Jacobian are not looked at.
//
// Derivatives are those of the steps that were done; they pass through the Jacobian, so that f needs one more derivative than is asked for.
func Solve(f func(t, y *graph.Node) *graph.Node, t0, times, y0 *graph.Node, o ode.Options) (ode.Solution, error) {
	if f == nil {
		return ode.Solution{}, errors.New("stiff: needs a function")
	}
	if y0.Valid() && y0.Shape().Rank() != 1 {
		return ode.Solution{}, fmt.Errorf("stiff: the state is %v at %v: needs one state, a vector", y0.Type(), y0.Position())
	}
	var failure error
	n := 0
	if y0.Valid() && y0.Shape().Rank() == 1 && y0.Shape()[0] <= mostScalars {
		n = y0.Shape()[0]
	}
	states := scalars(y0, n)
	if n == 0 {
		states = []*graph.Node{y0}
	}
	o.Method = ode.Rodas4
	o.Jacobian = func(t, y *graph.Node) (byState, byTime *graph.Node) {
		t = graph.Copy(t) // on which nothing else depends
		var err error
		var d *graph.Node
		if n > 0 {
			each := scalars(y, n)
			for i := range each {
				each[i] = graph.Copy(each[i])
			}
			y = graph.Stack(0, each...)
			d = f(t, y)
			byState, err = rows(scalars(d, n), each)
		} else {
			y = graph.Copy(y)
			d = f(t, y)
			byState, err = compile.Jacobian(d, y)
		}
		if err == nil {
			var dots []*graph.Node
			if dots, err = compile.JVP([]*graph.Node{d}, []*graph.Node{t}, []*graph.Node{graph.Like(t, 1)}); err == nil {
				return byState, dots[0]
			}
		}
		if failure == nil {
			failure = err
		}
		return y, y
	}
	s := ode.Solve(func(t *graph.Node, y []*graph.Node) []*graph.Node {
		if n == 0 {
			return []*graph.Node{f(t, y[0])}
		}
		y0 := graph.Stack(0, y...)
		d := f(t, y0)
		if d.Valid() && !d.Type().Equal(y0.Type()) {
			d = y0.Graph().Fail("ode", fmt.Errorf("derivative 0 is %v and the state %v: needs one type", d.Type(), y0.Type()))
		}
		return scalars(d, n)
	}, t0, times, states, o)
	if failure != nil {
		return ode.Solution{}, failure
	}
	if err := t0.Graph().Err(); err != nil {
		return ode.Solution{}, err
	}
	if n > 0 {
		s.Y = []*graph.Node{graph.Stack(times.Shape().Rank(), s.Y...)}
	}
	return s, nil
}

// mostScalars is the most elements of a state that are states of their own: their steps are machine code as a whole.
const mostScalars = 5

// scalars are the first n elements of a vector.
func scalars(x *graph.Node, n int) []*graph.Node {
	var out []*graph.Node
	for i := range n {
		out = append(out, graph.Index(x, i))
	}
	return out
}

// rows is the matrix of the derivatives of scalars.
func rows(d, by []*graph.Node) (*graph.Node, error) {
	var pieces []*graph.Node
	var places []int
	for i, e := range d {
		row, err := compile.Gradient(e, by...)
		if err != nil {
			return nil, err
		}
		for k, v := range row {
			pieces, places = append(pieces, v), append(places, i, k)
		}
	}
	return graph.IndexTranspose(graph.Shape{len(d), len(by)}, places, pieces...), nil
}
