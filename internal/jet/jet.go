// Package jet evaluates the values of a graph, not its derivatives, over truncated polynomials in up to four infinitesimals: an independent truth
// for derivatives of every order up to four, in any mixture of directions. It knows the operators' definitions and the power series of the elementary
// functions, and none of the derivative rules in graph and compile.
//
// A number is x + Σ_S c_S·ε_S over the non-empty sets S of infinitesimals with ε_i² = 0: hyper-dual numbers (Fike and Alonso, The development of hyper-dual
// numbers for exact second-derivative calculations, AIAA 2011) of any order. With inputs x + Σ ε_i·d_i, the coefficient of ε₁⋯ε_k is the k-th derivative
// along d₁, …, d_k.
package jet

import (
	"fmt"
	"math"
	"math/bits"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/ref"
)

// Number is one element: the coefficient of each set of infinitesimals, by its bits.
type Number []float64

// Value is a tensor of numbers: C[S] holds the coefficients of the set S, all of the node's type. Integers and bools have C[0] alone.
type Value struct {
	Type    graph.Type
	C       []ref.Value
	Results []Value // of an operator with several results
}

// Evaluator evaluates nodes with a fixed number of infinitesimals.
type Evaluator struct {
	order  int
	values map[*graph.Node]Value
}

// New returns an evaluator for derivatives of the given order, at most Order.
func New(order int) *Evaluator {
	return &Evaluator{order: order, values: map[*graph.Node]Value{}}
}

// Order is the highest order of derivatives.
const Order = 4

func (e *Evaluator) size() int { return 1 << e.order }

// Input sets an input's value and its derivatives along the infinitesimals; nil directions are zero.
func (e *Evaluator) Input(n *graph.Node, v ref.Value, directions ...[]float64) {
	x := e.constant(v)
	for i, d := range directions {
		if d != nil {
			copy(x.C[1<<i].F, d)
		}
	}
	e.values[n] = x
}

// constant gives a value zero coefficients.
func (e *Evaluator) constant(v ref.Value) Value {
	x := Value{Type: v.Type, C: []ref.Value{v}}
	if v.F != nil {
		for len(x.C) < e.size() {
			x.C = append(x.C, ref.New(v.Type))
		}
	}
	return x
}

// Unknown is the error for an operator that has no definition over polynomials.
type Unknown struct{ Op string }

func (u Unknown) Error() string { return "jet: no definition of " + u.Op }

// Eval returns a node's value.
func (e *Evaluator) Eval(n *graph.Node) (Value, error) {
	if v, ok := e.values[n]; ok {
		return v, nil
	}
	if n.IsInput() {
		return Value{}, fmt.Errorf("jet: input %v has no value", n)
	}
	in := make([]Value, len(n.Inputs()))
	moves := false
	for i, x := range n.Inputs() {
		v, err := e.Eval(x)
		if err != nil {
			return Value{}, err
		}
		in[i] = v
		moves = moves || e.moves(v)
	}
	v, err := e.apply(n, in, moves)
	if err != nil {
		return Value{}, err
	}
	e.values[n] = v
	return v, nil
}

// moves reports whether any coefficient of an infinitesimal is not 0.
func (e *Evaluator) moves(v Value) bool {
	for _, r := range v.Results {
		if e.moves(r) {
			return true
		}
	}
	for s, c := range v.C {
		if s > 0 {
			for _, x := range c.F {
				if x != 0 {
					return true
				}
			}
		}
	}
	return false
}

func (e *Evaluator) apply(n *graph.Node, in []Value, moves bool) (Value, error) {
	op := n.Op()
	if op.Name == "result" {
		return in[0].Results[n.Attrs().Int("index")], nil
	}
	integral := !n.DType().IsFloat() && n.Results() == nil
	switch f := arrays[op.Name]; {
	case !moves || integral || op.NoDerivative != "":
		base := make([]ref.Value, len(in))
		for i, v := range in {
			base[i] = v.C[0]
		}
		y, err := applied(n, base)
		if err != nil {
			return Value{}, err
		}
		if n.Results() == nil {
			return e.constant(y), nil
		}
		v := Value{}
		for _, r := range y.Results {
			v.Results = append(v.Results, e.constant(r))
		}
		return v, nil
	case f != nil:
		return f(e, n, in)
	case op.Elementwise && elements[op.Name] != nil:
		return e.elementwise(n, in, elements[op.Name])
	case op.Transpose != nil:
		return e.multilinear(n, in)
	case op.Expand != nil:
		return e.Eval(op.Expand(n))
	}
	return Value{}, Unknown{op.Name}
}

// applied evaluates one operator on plain values.
func applied(n *graph.Node, in []ref.Value) (ref.Value, error) {
	g, at := graph.New(), map[*graph.Node]ref.Value{}
	if lit := n.Literal(); lit != nil {
		out, err := ref.Eval(at, g.Literal(lit))
		if err != nil {
			return ref.Value{}, err
		}
		return out[0], nil
	}
	xs := make([]*graph.Node, len(in))
	for i, v := range in {
		xs[i] = g.Input(fmt.Sprintf("x%d", i), v.Type.DType, v.Type.Shape...)
		at[xs[i]] = v
	}
	y := g.Apply(n.Op(), xs, n.Attrs())
	if err := g.Err(); err != nil {
		return ref.Value{}, err
	}
	out, err := ref.Eval(at, y)
	if err != nil {
		return ref.Value{}, err
	}
	return out[0], nil
}

// multilinear applies an operator that is linear in all its float operands together, or in each of them, to their coefficients.
func (e *Evaluator) multilinear(n *graph.Node, in []Value) (Value, error) {
	out := Value{Type: n.Type(), C: make([]ref.Value, e.size())}
	part := make([]ref.Value, len(in))
	for s := range out.C {
		out.C[s] = ref.New(n.Type())
		var share func(i, rest int) error
		share = func(i, rest int) error {
			switch {
			case i == len(in):
				if rest != 0 {
					return nil
				}
				y, err := applied(n, part)
				if err == nil {
					for k, v := range y.F {
						out.C[s].F[k] += v
					}
				}
				return err
			case in[i].C[0].F == nil:
				part[i] = in[i].C[0]
				return share(i+1, rest)
			}
			for sub := rest; ; sub = (sub - 1) & rest {
				if part[i] = in[i].C[sub]; sub == 0 || !zero(part[i]) {
					if err := share(i+1, rest&^sub); err != nil {
						return err
					}
				}
				if sub == 0 {
					return nil
				}
			}
		}
		if n.Op().JointlyLinear {
			for i, v := range in {
				if part[i] = v.C[0]; v.C[0].F != nil {
					part[i] = v.C[s]
				}
			}
			y, err := applied(n, part)
			if err != nil {
				return Value{}, err
			}
			out.C[s] = y
		} else if err := share(0, s); err != nil {
			return Value{}, err
		}
	}
	return out, nil
}

func zero(v ref.Value) bool {
	for _, x := range v.F {
		if x != 0 {
			return false
		}
	}
	return true
}

// at returns element i.
func (v Value) at(i int) Number {
	x := make(Number, len(v.C))
	for s, c := range v.C {
		x[s] = c.Number(i)
	}
	return x
}

func (v Value) set(i int, x Number) {
	for s := range v.C {
		v.C[s].F[i] = x[s]
	}
}

func (e *Evaluator) empty(t graph.Type) Value { return e.constant(ref.New(t)) }

// elementwise applies a function to broadcast elements. Operands that are not floats are numbers without infinitesimals.
func (e *Evaluator) elementwise(n *graph.Node, in []Value, f func(n *graph.Node, x []Number) Number) (Value, error) {
	out := e.empty(n.Type())
	args := make([]Number, len(in))
	shape := n.Shape()
	for i := range out.C[0].Len() {
		for k, v := range in {
			args[k] = v.at(broadcast(i, shape, v.Type.Shape))
			for len(args[k]) < e.size() {
				args[k] = append(args[k], 0)
			}
		}
		out.set(i, f(n, args))
	}
	return out, nil
}

// broadcast returns the flat index in an operand of the given shape of element i of the result.
func broadcast(i int, out, in graph.Shape) int {
	flat, stride := 0, 1
	for d := len(out) - 1; d >= 0; d-- {
		k := i % out[d]
		i /= out[d]
		if j := d - (len(out) - len(in)); j >= 0 {
			if in[j] > 1 {
				flat += k * stride
			}
			stride *= in[j]
		}
	}
	return flat
}

// times is the product of numbers in which 0 wins over infinities and NaN, as the conventions of derivatives want.
func times(x, y float64) float64 {
	if x == 0 || y == 0 {
		if p := x * y; p == 0 {
			return p
		}
		return 0
	}
	return x * y
}

func (a Number) mul(b Number) Number {
	c := make(Number, len(a))
	for s := range c {
		for t := s; ; t = (t - 1) & s {
			c[s] += times(a[t], b[s&^t])
			if t == 0 {
				break
			}
		}
	}
	return c
}

func (a Number) add(b Number) Number {
	c := make(Number, len(a))
	for s := range c {
		c[s] = a[s] + b[s]
	}
	return c
}

func (a Number) scale(k float64) Number {
	c := make(Number, len(a))
	for s := range c {
		c[s] = times(a[s], k)
	}
	return c
}

func (a Number) sub(b Number) Number { return a.add(b.scale(-1)) }

// of is a constant as a number like a.
func (a Number) of(v float64) Number {
	c := make(Number, len(a))
	c[0] = v
	return c
}

// nan is NaN in all coefficients: what the package has no truth for.
func (a Number) nan() Number {
	c := make(Number, len(a))
	for s := range c {
		c[s] = math.NaN()
	}
	return c
}

// infinitesimal is a less its value.
func (a Number) infinitesimal() Number {
	h := append(Number(nil), a...)
	h[0] = 0
	return h
}

// compose is Σ_j s_j·(a − a₀)ʲ for the Taylor coefficients s of a function at a₀.
func (a Number) compose(s series) Number {
	h := a.infinitesimal()
	c := a.of(s[0])
	power := a.of(1)
	for j := 1; j <= bits.Len(uint(len(a)))-1; j++ {
		power = power.mul(h)
		c = c.add(power.scale(s[j]))
	}
	return c
}

func (a Number) div(b Number) Number {
	c := a.mul(b.compose(power(b[0], -1)))
	c[0] = a[0] / b[0]
	return c
}

func isNaN(x float64) bool { return math.IsNaN(x) }
