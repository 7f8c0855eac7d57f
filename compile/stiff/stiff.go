// Package stiff solves stiff differential equations: package ode with the Jacobian of the right-hand side taken from its graph.
package stiff

import (
	"errors"

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
	var failure error
	o.Method = ode.Rodas4
	o.Jacobian = func(t, y *graph.Node) (byState, byTime *graph.Node) {
		t, y = graph.Copy(t), graph.Copy(y) // on which nothing else depends
		d := f(t, y)
		byState, err := compile.Jacobian(d, y)
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
	s := ode.Solve(func(t *graph.Node, y []*graph.Node) []*graph.Node { return []*graph.Node{f(t, y[0])} }, t0, times, []*graph.Node{y0}, o)
	if failure != nil {
		return ode.Solution{}, failure
	}
	if err := t0.Graph().Err(); err != nil {
		return ode.Solution{}, err
	}
	return s, nil
}
