package compile

import (
	"math"
	"slices"
	"testing"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/internal/ref"
	"github.com/adjoint-go/adjoint/vm"
)

// operands are what the graphs of the rewrite cases are made of.
type operands struct {
	g       *graph.Graph
	x, y    *graph.Node // f64[2×3]
	r       *graph.Node // f64[3]
	s, t    *graph.Node // f64
	i, j    *graph.Node // i64[3]
	b, c    *graph.Node // bool[2×3]
	f       *graph.Node // f32[3]
	m       *graph.Node // f64[2×2×3]
	numbers map[*graph.Node]ref.Value
}

func makeOperands() *operands {
	g := graph.New()
	o := &operands{g: g, numbers: map[*graph.Node]ref.Value{}}
	in := func(name string, d graph.DType, v []float64, shape ...int) *graph.Node {
		n := g.Input(name, d, shape...)
		o.numbers[n] = ref.Of(n.Type(), v...)
		return n
	}
	o.x = in("x", graph.Float64, []float64{-1.5, 0.25, 3, -0.75, 1.125, 2}, 2, 3)
	o.y = in("y", graph.Float64, []float64{0.5, -2.25, 1, 3, -0.5, 0.125}, 2, 3)
	o.r = in("r", graph.Float64, []float64{1.5, -2, 0.75}, 3)
	o.s, o.t = in("s", graph.Float64, []float64{1.75}), in("t", graph.Float64, []float64{-0.625})
	o.i, o.j = in("i", graph.Int64, []float64{7, -3, 1 << 40}, 3), in("j", graph.Int64, []float64{2, 5, -9}, 3)
	o.b = in("b", graph.Bool, []float64{0, 1, 1, 0, 1, 0}, 2, 3)
	o.c = in("c", graph.Bool, []float64{1, 1, 0, 0, 0, 1}, 2, 3)
	o.f = in("f", graph.Float32, []float64{1.5, -2, 0.75}, 3)
	o.m = in("m", graph.Float64, []float64{1, 2, 3, 4, 5, 6, -1, 0.5, 2, 0.25, -3, 1}, 2, 2, 3)
	return o
}

func (o *operands) full(v float64) *graph.Node { return graph.BroadcastTo(o.g.Const(v), 2, 3) }

// matrix is a matrix of n rows, and a right-hand side.
func (o *operands) matrix(n int) (a, b *graph.Node) {
	row, column := graph.Iota(o.g, graph.Float64, 0, n, 1), graph.Iota(o.g, graph.Float64, 1, 1, n)
	a = graph.Add(graph.Sin(graph.Add(graph.Mul(o.s, graph.Mul(row, column)), row)), graph.Mul(o.g.Const(9), graph.Cast(graph.Equal(row, column), graph.Float64)))
	return a, graph.Cos(graph.Reshape(row, n))
}

type builders []func(o *operands) *graph.Node

// rewriteCases holds, for each rule and for the passes that count as rules, graphs in which it must fire and others in
// which it must not.
var rewriteCases = map[string]struct{ fires, still builders }{
	"add-negative-zero": {
		builders{
			func(o *operands) *graph.Node { return graph.Add(o.x, o.g.Const(negativeZero)) },
			func(o *operands) *graph.Node { return graph.Add(o.full(negativeZero), o.r) },
			func(o *operands) *graph.Node { return graph.Add(o.i, graph.Like(o.i, 0)) },
		},
		builders{func(o *operands) *graph.Node { return graph.Add(o.x, o.g.Const(0)) }},
	},
	"sub-zero": {
		builders{func(o *operands) *graph.Node { return graph.Sub(o.x, o.g.Const(0)) }, func(o *operands) *graph.Node { return graph.Sub(o.i, graph.Like(o.i, 0)) }},
		builders{func(o *operands) *graph.Node { return graph.Sub(o.x, o.g.Const(negativeZero)) }, func(o *operands) *graph.Node { return graph.Sub(o.g.Const(0), o.x) }},
	},
	"mul-one": {
		builders{func(o *operands) *graph.Node { return graph.Mul(o.x, o.g.Const(1)) }, func(o *operands) *graph.Node { return graph.Mul(o.full(1), o.r) }, func(o *operands) *graph.Node { return graph.Mul(graph.Like(o.j, 1), o.j) }},
		builders{func(o *operands) *graph.Node { return graph.Mul(o.x, o.g.Const(1.5)) }},
	},
	"mul-minus-one": {
		builders{func(o *operands) *graph.Node { return graph.Mul(o.g.Const(-1), o.x) }, func(o *operands) *graph.Node { return graph.Mul(o.i, graph.Like(o.i, -1)) }},
		builders{func(o *operands) *graph.Node { return graph.Mul(o.x, o.g.Const(1)) }},
	},
	"div-one": {
		builders{func(o *operands) *graph.Node { return graph.Div(o.x, o.g.Const(1)) }, func(o *operands) *graph.Node { return graph.Div(o.i, graph.Like(o.i, 1)) }},
		builders{func(o *operands) *graph.Node { return graph.Div(o.g.Const(1), o.x) }},
	},
	"div-power-of-two": {
		builders{func(o *operands) *graph.Node { return graph.Div(o.x, o.g.Const(8)) }, func(o *operands) *graph.Node { return graph.Div(o.f, graph.Like(o.f, -0.25)) }},
		builders{func(o *operands) *graph.Node { return graph.Div(o.x, o.g.Const(3)) }, func(o *operands) *graph.Node { return graph.Div(o.i, graph.Like(o.i, 4)) },
			func(o *operands) *graph.Node { return graph.Div(o.x, o.g.Const(0)) }, func(o *operands) *graph.Node { return graph.Div(o.x, o.g.Const(0x1p1000)) }},
	},
	"neg-neg": {
		builders{func(o *operands) *graph.Node { return graph.Neg(graph.Neg(o.x)) }, func(o *operands) *graph.Node { return graph.Neg(graph.Neg(o.i)) }},
		builders{func(o *operands) *graph.Node { return graph.Neg(graph.Abs(o.x)) }},
	},
	"add-neg": {
		builders{func(o *operands) *graph.Node { return graph.Add(o.x, graph.Neg(o.r)) }, func(o *operands) *graph.Node { return graph.Add(graph.Neg(o.x), o.y) }},
		builders{func(o *operands) *graph.Node { return graph.Add(o.x, graph.Abs(o.y)) }},
	},
	"sub-neg": {
		builders{func(o *operands) *graph.Node { return graph.Sub(o.x, graph.Neg(o.r)) }},
		builders{func(o *operands) *graph.Node { return graph.Sub(graph.Neg(o.x), o.y) }},
	},
	"mul-neg-neg": {
		builders{func(o *operands) *graph.Node { return graph.Mul(graph.Neg(o.x), graph.Neg(o.r)) }, func(o *operands) *graph.Node { return graph.Div(graph.Neg(o.x), graph.Neg(o.y)) },
			func(o *operands) *graph.Node { return graph.Mul(graph.Neg(o.i), graph.Neg(o.j)) }},
		builders{func(o *operands) *graph.Node { return graph.Mul(graph.Neg(o.x), o.y) }, func(o *operands) *graph.Node { return graph.Div(graph.Neg(o.i), graph.Neg(o.j)) }},
	},
	"mul-neg-constant": {
		builders{func(o *operands) *graph.Node { return graph.Mul(graph.Neg(o.x), o.g.Const(2.5)) }},
		builders{func(o *operands) *graph.Node { return graph.Mul(graph.Neg(o.x), o.s) }},
	},
	"mul-doubled": {
		builders{
			func(o *operands) *graph.Node { return graph.Mul(graph.Mul(o.x, o.g.Const(2)), o.g.Const(-100)) },
			func(o *operands) *graph.Node { return graph.Mul(o.full(1.1), graph.Mul(o.g.Const(-4), o.r)) },
			func(o *operands) *graph.Node {
				return graph.Mul(graph.Mul(o.f, graph.Like(o.f, 8)), graph.Like(o.f, 3))
			},
		},
		builders{
			func(o *operands) *graph.Node { return graph.Mul(graph.Mul(o.x, o.g.Const(0.5)), o.g.Const(100)) }, // which may lose digits
			func(o *operands) *graph.Node { return graph.Mul(graph.Mul(o.x, o.g.Const(2)), o.g.Const(0.3)) },   // of what has overflowed
			func(o *operands) *graph.Node { return graph.Mul(graph.Mul(o.x, o.g.Const(3)), o.g.Const(5)) },
			func(o *operands) *graph.Node { return graph.Mul(graph.Mul(o.x, o.g.Const(2)), o.g.Const(math.Inf(1))) },
			func(o *operands) *graph.Node {
				return graph.Mul(graph.Mul(o.i, graph.Like(o.i, 2)), graph.Like(o.i, 3))
			},
		},
	},
	"abs-abs": {
		builders{func(o *operands) *graph.Node { return graph.Abs(graph.Abs(o.x)) }, func(o *operands) *graph.Node { return graph.Abs(graph.Neg(o.x)) }, func(o *operands) *graph.Node { return graph.Abs(graph.Abs(o.i)) }},
		builders{func(o *operands) *graph.Node { return graph.Abs(graph.Sin(o.x)) }, func(o *operands) *graph.Node { return graph.Abs(graph.Neg(o.i)) }},
	},
	"max-self": {
		builders{func(o *operands) *graph.Node { return graph.Max(o.x, o.x) }, func(o *operands) *graph.Node { return graph.Min(o.i, o.i) }},
		builders{func(o *operands) *graph.Node { return graph.Max(o.x, o.y) }},
	},
	"not-not": {
		builders{func(o *operands) *graph.Node { return graph.LogicalNot(graph.LogicalNot(o.b)) }},
		builders{func(o *operands) *graph.Node { return graph.LogicalNot(o.b) }},
	},
	"where-constant": {
		builders{
			func(o *operands) *graph.Node { return graph.Where(graph.Constant(o.g, []bool{true}), o.x, o.r) },
			func(o *operands) *graph.Node { return graph.Where(graph.Constant(o.g, []bool{false}), o.x, o.r) },
			func(o *operands) *graph.Node { return graph.Where(o.b, o.r, o.r) },
		},
		builders{func(o *operands) *graph.Node { return graph.Where(o.b, o.x, o.y) },
			func(o *operands) *graph.Node {
				return graph.Where(graph.Constant(o.g, []bool{true, false, true}, 3), o.x, o.y)
			}},
	},
	"where-where": {
		builders{
			func(o *operands) *graph.Node { return graph.Where(o.b, graph.Where(o.b, o.x, o.y), o.r) },
			func(o *operands) *graph.Node { return graph.Where(o.b, o.r, graph.Where(o.b, o.x, o.y)) },
		},
		builders{func(o *operands) *graph.Node { return graph.Where(o.b, graph.Where(o.c, o.x, o.y), o.r) }},
	},
	"where-not": {
		builders{func(o *operands) *graph.Node { return graph.Where(graph.LogicalNot(o.b), o.x, o.r) }},
		builders{func(o *operands) *graph.Node { return graph.Where(o.b, o.x, o.y) }},
	},
	"mul-no-nan-constant": {
		builders{func(o *operands) *graph.Node { return graph.MulNoNan(o.x, o.g.Const(2.5)) }, func(o *operands) *graph.Node { return graph.MulNoNan(o.g.Const(-2.5), o.x) }},
		builders{func(o *operands) *graph.Node { return graph.MulNoNan(o.x, o.g.Const(0)) }, func(o *operands) *graph.Node { return graph.MulNoNan(o.x, o.g.Const(math.Inf(1))) }},
	},
	"pow-constant": {
		builders{
			func(o *operands) *graph.Node { return graph.Pow(o.x, o.g.Const(0)) }, func(o *operands) *graph.Node { return graph.Pow(o.x, o.g.Const(1)) },
			func(o *operands) *graph.Node { return graph.Pow(o.x, o.full(2)) }, func(o *operands) *graph.Node { return graph.Pow(o.x, o.g.Const(3)) },
			func(o *operands) *graph.Node { return graph.Pow(o.x, o.g.Const(4)) }, func(o *operands) *graph.Node { return graph.Pow(o.x, o.g.Const(-1)) },
			func(o *operands) *graph.Node { return graph.Pow(o.i, graph.Like(o.i, 3)) }, func(o *operands) *graph.Node { return graph.Pow(o.r, o.full(0)) },
		},
		builders{func(o *operands) *graph.Node { return graph.Pow(graph.Abs(o.x), o.g.Const(0.5)) }, func(o *operands) *graph.Node { return graph.Pow(o.j, graph.Like(o.j, -1)) },
			func(o *operands) *graph.Node { return graph.Pow(o.g.Const(2), o.x) }},
	},
	"cast-cast": {
		builders{
			func(o *operands) *graph.Node { return graph.Cast(graph.Cast(o.f, graph.Float64), graph.Float32) },
			func(o *operands) *graph.Node {
				return o.g.Apply(graph.LookupOp("cast"), []*graph.Node{o.x}, attr.Make(attr.S("dtype", "float64")))
			},
		},
		builders{func(o *operands) *graph.Node { return graph.Cast(graph.Cast(o.x, graph.Float32), graph.Float64) },
			func(o *operands) *graph.Node { return graph.Cast(graph.Cast(o.i, graph.Float32), graph.Int64) }},
	},
	"drop-identity": {
		builders{func(o *operands) *graph.Node { return graph.Sin(graph.Identity(o.x)) }, func(o *operands) *graph.Node { return graph.LogicalNot(graph.StopGradient(o.b)) }},
		builders{func(o *operands) *graph.Node { return graph.Sin(o.x) }},
	},
	"order-operands": {
		builders{func(o *operands) *graph.Node { return graph.Mul(o.y, o.x) }, func(o *operands) *graph.Node { return graph.LogicalXor(o.c, o.b) }},
		builders{func(o *operands) *graph.Node { return graph.Mul(o.x, o.y) }, func(o *operands) *graph.Node { return graph.Sub(o.y, o.x) }},
	},
	"reshape-reshape": {
		builders{func(o *operands) *graph.Node {
			return graph.Reshape(graph.Sin(graph.Reshape(graph.Reshape(o.x, 6), 3, 2)), 6)
		}},
		builders{func(o *operands) *graph.Node { return graph.Reshape(graph.Sin(graph.Reshape(o.x, 3, 2)), 6) }},
	},
	"reshape-constant": {
		builders{func(o *operands) *graph.Node {
			return graph.Add(o.x, graph.Reshape(graph.Constant(o.g, []float64{1, 2}, 2), 2, 1))
		}},
		builders{func(o *operands) *graph.Node { return graph.Add(graph.Reshape(o.r, 3, 1), o.r) }},
	},
	"reshape-broadcast": {
		builders{
			func(o *operands) *graph.Node { return graph.Reshape(graph.BroadcastTo(graph.Sin(o.s), 2, 3), 3, 2) },
			func(o *operands) *graph.Node {
				return graph.Add(graph.Reshape(graph.BroadcastTo(o.t, 6), 2, 3), o.x)
			},
		},
		builders{
			func(o *operands) *graph.Node { return graph.Reshape(graph.BroadcastTo(graph.Sin(o.r), 2, 3), 6) },
			func(o *operands) *graph.Node { return graph.Reshape(o.x, 3, 2) },
		},
	},
	"reduce-one": {
		builders{
			func(o *operands) *graph.Node { return graph.ReduceSum(graph.ExpandDims(o.x, 1), []int{1}) },
			func(o *operands) *graph.Node {
				return graph.ReduceSum(graph.Mul(graph.ExpandDims(o.x, 2), o.g.Const(negativeZero)), []int{2}, graph.KeepDims)
			},
			func(o *operands) *graph.Node { return graph.ReduceProd(graph.ExpandDims(o.r, 0), []int{0}) },
			func(o *operands) *graph.Node { return graph.ReduceMax(graph.Reshape(o.r, 1, 3, 1), []int{0, 2}) },
			func(o *operands) *graph.Node { return graph.ReduceMin(graph.Reshape(o.i, 3, 1), []int{1}) },
		},
		builders{func(o *operands) *graph.Node { return graph.ReduceSum(graph.ExpandDims(o.x, 1), []int{0, 1}) }},
	},
	"share-lu": {
		builders{
			func(o *operands) *graph.Node { // a value and its adjoint
				a, b := o.matrix(40)
				x := graph.Solve(a, b)
				return graph.Add(x, graph.Solve(graph.Transpose(a), graph.Sin(x)))
			},
			func(o *operands) *graph.Node { // a value and its tangent
				a, b := o.matrix(33)
				x := graph.Solve(a, b)
				return graph.Add(x, graph.Solve(a, graph.Sin(x)))
			},
			func(o *operands) *graph.Node { a, b := o.matrix(40); return graph.Solve(graph.Transpose(a), b) },
		},
		builders{
			func(o *operands) *graph.Node { a, b := o.matrix(40); return graph.Solve(a, b) },
			func(o *operands) *graph.Node {
				a, b := o.matrix(31)
				return graph.Add(graph.Solve(a, b), graph.Solve(graph.Transpose(a), b))
			},
		},
	},
	"broadcast-reshape": {
		builders{func(o *operands) *graph.Node { return graph.Sin(graph.BroadcastTo(graph.Reshape(o.s, 1, 1), 2, 3)) }},
		builders{func(o *operands) *graph.Node { return graph.Concat(0, graph.BroadcastTo(o.s, 2, 3), o.x) }},
	},
	"broadcast-broadcast": {
		builders{func(o *operands) *graph.Node {
			return graph.Concat(0, graph.BroadcastTo(graph.BroadcastTo(o.r, 1, 3), 2, 3), o.x)
		}},
		builders{func(o *operands) *graph.Node { return graph.Concat(0, graph.BroadcastTo(o.r, 2, 3), o.x) }},
	},
	"broadcast-operand": {
		builders{func(o *operands) *graph.Node { return graph.Sub(o.x, graph.BroadcastTo(o.r, 2, 3)) }, func(o *operands) *graph.Node { return graph.Where(o.b, o.x, graph.BroadcastTo(o.s, 2, 3)) }},
		builders{func(o *operands) *graph.Node { return graph.Sub(o.r, graph.BroadcastTo(o.r, 2, 3)) }},
	},
	"lower-scalar": {
		builders{func(o *operands) *graph.Node { return graph.Sin(o.full2(o.s)) }, func(o *operands) *graph.Node { return graph.Concat(0, graph.Add(o.full2(o.s), o.t), o.x) }},
		builders{func(o *operands) *graph.Node { return graph.Sin(o.x) }, func(o *operands) *graph.Node { return graph.Add(o.x, o.s) }},
	},
	"transpose-transpose": {
		builders{func(o *operands) *graph.Node { return graph.Transpose(graph.Transpose(o.m, 2, 0, 1), 1, 0, 2) }, func(o *operands) *graph.Node { return graph.Sin(graph.Transpose(graph.Transpose(o.x))) }},
		builders{func(o *operands) *graph.Node { return graph.Transpose(graph.Sin(graph.Transpose(o.x))) }},
	},
	"matmul-transpose": {
		builders{func(o *operands) *graph.Node { return graph.MatMul(o.x, graph.Transpose(o.y)) }, func(o *operands) *graph.Node { return graph.MatMul(graph.Transpose(o.x), o.y) },
			func(o *operands) *graph.Node { return graph.MatMul(graph.Transpose(o.m, 0, 2, 1), o.m) }},
		builders{func(o *operands) *graph.Node { return graph.MatMul(graph.Reshape(o.x, 3, 2), o.y) }, func(o *operands) *graph.Node { return graph.MatMul(graph.Transpose(o.m, 1, 0, 2), o.r) }},
	},
	"transpose-matmul": {
		builders{
			func(o *operands) *graph.Node { return graph.Transpose(graph.MatMul(o.x, graph.Transpose(o.y))) },
			func(o *operands) *graph.Node {
				return graph.Exp(graph.Transpose(graph.MatMul(graph.Transpose(o.x), o.y)))
			},
			func(o *operands) *graph.Node {
				return graph.Transpose(graph.MatMul(o.m, graph.Transpose(o.x)), 0, 2, 1)
			}, // the batch is broadcast
		},
		builders{
			func(o *operands) *graph.Node {
				c := graph.MatMul(o.x, graph.Transpose(o.y))
				return graph.Add(c, graph.Transpose(c))
			}, // used twice
			func(o *operands) *graph.Node {
				return graph.Transpose(graph.MatMul(o.m, graph.Transpose(o.x)), 1, 0, 2)
			}, // of the batch
			func(o *operands) *graph.Node { return graph.Transpose(graph.MatMul(o.x, graph.ExpandDims(o.r, 1))) }, // a view
			func(o *operands) *graph.Node {
				return graph.Transpose(graph.MatMul(graph.Exp(o.x), graph.Transpose(o.y)), 0, 1)
			}, // nothing is transposed
			func(o *operands) *graph.Node {
				return graph.Transpose(graph.Exp(graph.MatMul(o.x, graph.Transpose(o.y))))
			}, // of something else
		},
	},
	"unread-results": {
		builders{
			func(o *operands) *graph.Node { return o.cond()[0] },
			func(o *operands) *graph.Node { r := o.cond(); return graph.Add(graph.Sum(r[2]), r[1]) },
		},
		builders{
			func(o *operands) *graph.Node { r := o.cond(); return graph.Add(graph.Add(r[0], r[1]), graph.Sum(r[2])) },
			func(o *operands) *graph.Node { v, _ := graph.TopK(o.r, 2, 0); return v },
		},
	},
	"concat-scalars": {
		builders{
			func(o *operands) *graph.Node { return graph.Stack(0, o.s, graph.Sin(o.t), o.s) },
			func(o *operands) *graph.Node {
				return graph.Concat(0, graph.Reshape(o.s, 1), graph.Reshape(graph.Exp(o.t), 1))
			},
		},
		builders{
			func(o *operands) *graph.Node { return graph.Concat(0, graph.Reshape(o.s, 1), o.r) },
			func(o *operands) *graph.Node { return graph.Stack(0, o.r, o.r) },
			func(o *operands) *graph.Node {
				return graph.Cast(graph.Stack(0, graph.Greater(o.s, o.t), graph.Less(o.s, o.t)), graph.Float64)
			},
		},
	},
	"index-constant": {
		builders{func(o *operands) *graph.Node {
			return graph.Mul(o.s, graph.Index(graph.Constant(o.g, []float64{1, 2, 3, 4, 5, 6}, 2, 3), 1, 2))
		}},
		builders{func(o *operands) *graph.Node {
			return graph.Mul(o.r, graph.Index(graph.Constant(o.g, []float64{1, 2, 3, 4, 5, 6}, 2, 3), 1))
		}},
	},
	"index-assembled": {
		builders{
			func(o *operands) *graph.Node {
				return graph.Sin(graph.Index(graph.IndexTranspose(graph.Shape{3}, []int{2, 0}, o.s, o.t), 2))
			},
			func(o *operands) *graph.Node {
				return graph.Exp(graph.Index(graph.IndexTranspose(graph.Shape{3}, []int{2, 0}, o.s, o.t), 1))
			},
			func(o *operands) *graph.Node {
				return graph.Exp(graph.Index(graph.IndexTranspose(graph.Shape{2, 1}, []int{0, 0, 1, 0}, o.s, o.t), 1, 0))
			},
		},
		builders{func(o *operands) *graph.Node {
			return graph.Sin(graph.Index(graph.IndexTranspose(graph.Shape{2, 3}, []int{1}, o.r), 1, 2))
		}},
	},
	"add-zero": {
		builders{func(o *operands) *graph.Node { return graph.Add(o.x, o.g.Const(0)) }},
		builders{func(o *operands) *graph.Node { return graph.Add(o.x, o.y) }},
	},
	"mul-zero": {
		builders{func(o *operands) *graph.Node { return graph.Mul(o.x, o.g.Const(0)) }, func(o *operands) *graph.Node { return graph.Mul(o.g.Const(negativeZero), o.x) }},
		builders{func(o *operands) *graph.Node { return graph.Mul(o.x, o.y) }},
	},
	"div-self": {
		builders{func(o *operands) *graph.Node { return graph.Div(o.x, o.x) }},
		builders{func(o *operands) *graph.Node { return graph.Div(o.x, o.y) }, func(o *operands) *graph.Node { return graph.Div(o.i, o.i) }},
	},
	"sub-self": {
		builders{func(o *operands) *graph.Node { return graph.Sub(o.x, o.x) }},
		builders{func(o *operands) *graph.Node { return graph.Sub(o.x, o.y) }},
	},
	"tanh-derivative": {
		builders{
			func(o *operands) *graph.Node { return graph.Add(derivativeOf(graph.Tanh, o.x), graph.Tanh(o.x)) },
			func(o *operands) *graph.Node {
				return graph.Mul(graph.Sin(graph.Tanh(o.f)), derivativeOf(func(x *graph.Node) *graph.Node { return graph.Square(graph.Tanh(x)) }, o.f))
			},
		},
		builders{
			func(o *operands) *graph.Node { return derivativeOf(graph.Tanh, o.x) },
			func(o *operands) *graph.Node { return graph.Add(derivativeOf(graph.Tanh, o.x), graph.Tanh(o.y)) },
			func(o *operands) *graph.Node { return graph.Add(derivativeOf(graph.Sigmoid, o.x), graph.Tanh(o.x)) },
		},
	},
	"log-of-exp-and-one": {
		builders{func(o *operands) *graph.Node { return graph.Log(graph.Exp(o.x).Add(1)) }, func(o *operands) *graph.Node { return graph.Log(graph.Add(graph.Like(o.f, 1), graph.Exp(o.f))) },
			func(o *operands) *graph.Node { return graph.Log1p(graph.Exp(o.x)) }},
		builders{func(o *operands) *graph.Node { return graph.Log(graph.Exp(o.x).Add(2)) }, func(o *operands) *graph.Node { return graph.Log1p(graph.Exp(o.x).Add(1)) },
			func(o *operands) *graph.Node { return graph.Log(graph.Exp2(o.x).Add(1)) }},
	},
	"exp-over-exp-and-one": {
		builders{func(o *operands) *graph.Node { return graph.Div(graph.Exp(o.x), graph.Exp(o.x).Add(1)) },
			func(o *operands) *graph.Node {
				return graph.Mul(graph.Reciprocal(graph.Exp(o.x).Add(1)), graph.Exp(o.x))
			},
			func(o *operands) *graph.Node {
				return graph.Mul(graph.Exp(o.f), graph.Reciprocal(graph.Exp(o.f).Add(1)))
			}},
		builders{func(o *operands) *graph.Node { return graph.Div(graph.Exp(o.x).Add(1), graph.Exp(o.x)) }, func(o *operands) *graph.Node { return graph.Div(graph.Exp(o.x), graph.Exp(o.y).Add(1)) },
			func(o *operands) *graph.Node { return graph.Mul(graph.Exp(o.x), graph.Exp(o.x).Add(1)) },
			func(o *operands) *graph.Node { return graph.Mul(graph.Exp(o.x), graph.Div(o.y, graph.Exp(o.x).Add(1))) }},
	},
	"mul-no-nan": {
		builders{func(o *operands) *graph.Node { return graph.MulNoNan(o.x, o.y) }},
		builders{func(o *operands) *graph.Node { return graph.Mul(o.x, o.y) }},
	},
	"matmul-no-nan": {
		builders{func(o *operands) *graph.Node {
			return o.g.Apply(graph.LookupOp("matmul"), []*graph.Node{graph.Reshape(o.x, 3, 2), o.y}, graph.Attrs{graph.BoolAttr("no_nan", true), graph.BoolAttr("transpose_a", false), graph.BoolAttr("transpose_b", false)})
		}},
		builders{func(o *operands) *graph.Node { return graph.MatMul(graph.Reshape(o.x, 3, 2), o.y) }},
	},
	"reassociate": {
		builders{func(o *operands) *graph.Node { return graph.Add(graph.Add(o.x, o.g.Const(0.1)), o.g.Const(0.2)) }, func(o *operands) *graph.Node { return graph.Mul(o.g.Const(3), graph.Mul(o.g.Const(0.7), o.x)) }},
		builders{func(o *operands) *graph.Node { return graph.Add(graph.Add(o.x, o.y), o.g.Const(0.2)) }, func(o *operands) *graph.Node { return graph.Mul(graph.Add(o.x, o.g.Const(0.1)), o.g.Const(3)) }},
	},
	"fold": {
		builders{func(o *operands) *graph.Node { return graph.Add(o.x, graph.Exp(o.g.Const(0.3))) }, func(o *operands) *graph.Node {
			return graph.Mul(o.x, graph.Add(graph.Constant(o.g, []float64{1, 2, 3}, 3), graph.Constant(o.g, []float64{0.5, 7}, 2, 1)))
		}},
		builders{func(o *operands) *graph.Node { return graph.Exp(o.x) }, func(o *operands) *graph.Node {
			return graph.Add(o.i, graph.Div(graph.Like(o.i, 1), graph.Like(o.i, 0)))
		}},
	},
	"pieces-sum": {
		builders{
			func(o *operands) *graph.Node { return graph.Sin(placed(o, 1, o.x, o.y)) },
			func(o *operands) *graph.Node { return placed(o, -1, o.x, graph.Mul(o.y, o.g.Const(0.75)), o.x) },
			func(o *operands) *graph.Node { return placed(o, 1, graph.Mul(o.g.Const(-2), o.x), o.full(3)) },
		},
		builders{
			func(o *operands) *graph.Node { return placed(o, 1, o.x) },
			func(o *operands) *graph.Node {
				return graph.SliceTranspose(graph.Shape{3, 5}, []int{0, 0, 1, 0}, []int{1, 2, 1, 2}, o.x, o.y)
			},
			func(o *operands) *graph.Node {
				return graph.SliceTranspose(graph.Shape{4, 5}, []int{0, 0, 1, 1}, []int{1, 1, 1, 1}, o.x, o.y)
			},
		},
	},
	"overlay": {
		builders{
			func(o *operands) *graph.Node { return graph.Sin(graph.Roll(square(o), 1, 0)) },
			func(o *operands) *graph.Node { return graph.Mul(graph.Roll(square(o), -3, 1), square(o)) },
			func(o *operands) *graph.Node {
				return graph.Exp(graph.Roll(graph.Roll(square(o), 2, 0), 3, 1))
			},
			func(o *operands) *graph.Node { // put together one after the other
				return graph.Sin(withRows(square(o)))
			},
			func(o *operands) *graph.Node {
				return graph.Neg(graph.PadMode(graph.Cast(square(o), graph.Int32), []int{1, 2}, []int{0, 1}, "reflect"))
			},
			func(o *operands) *graph.Node { // negative zeros and NaN stay what they are
				a := graph.Where(graph.Less(square(o), o.g.Const(0)), o.g.Const(math.Copysign(0, -1)), o.g.Const(math.NaN()))
				return graph.Neg(graph.Roll(a, 1, 1))
			},
		},
		builders{
			func(o *operands) *graph.Node { return graph.Roll(square(o), 1, 0) },
			func(o *operands) *graph.Node { return graph.MatMul(graph.Roll(square(o), 1, 0), square(o)) },
			func(o *operands) *graph.Node { return graph.ReduceSum(graph.Roll(square(o), 1, 0), []int{1}) },
			func(o *operands) *graph.Node { return graph.Sin(graph.Concat(0, square(o), square(o))) }, // halves
			func(o *operands) *graph.Node { return graph.Sin(graph.Roll(o.x, 1, 1)) },
			func(o *operands) *graph.Node {
				return graph.LogicalNot(graph.Roll(graph.Less(square(o), o.g.Const(0)), 1, 0))
			},
			func(o *operands) *graph.Node { // narrow
				return graph.Sin(graph.Roll(graph.Reshape(square(o), 32, 8), 1, 0))
			},
		},
	},
	"in-place": {
		builders{
			func(o *operands) *graph.Node { return graph.Pad(inner(square(o)), []int{1, 1}, []int{1, 1}, 0) },
			func(o *operands) *graph.Node {
				return graph.Exp(graph.Pad(inner(square(o)), []int{1, 0}, []int{1, 2}, 0))
			},
			func(o *operands) *graph.Node {
				a := square(o)
				return graph.DynamicUpdateSlice(a, inner(a), graph.Constant(o.g, []int64{1, 7}, 2)) // moved into range
			},
			func(o *operands) *graph.Node {
				a := graph.Reshape(square(o), 256)
				step := graph.Mul(graph.Sub(graph.Slice(a, graph.Range{Start: 2, Limit: 256}), graph.Slice(a, graph.Range{Limit: 254})), o.s)
				return graph.Concat(0, graph.Slice(a, graph.Range{Start: 9, Limit: 10}), step, graph.Slice(a, graph.Range{Start: 99, Limit: 100}))
			},
			func(o *operands) *graph.Node { // infinite and NaN outside of the frame, where zeros are divided
				a := square(o)
				return graph.Pad(graph.Div(inner(a), inner(a)), []int{1, 1}, []int{1, 1}, 0)
			},
		},
		builders{
			func(o *operands) *graph.Node { return graph.Pad(inner(square(o)), []int{1, 1}, []int{1, 1}, 1) },
			func(o *operands) *graph.Node { return graph.Concat(0, evens(o)) }, // nothing is around
			func(o *operands) *graph.Node { return graph.Pad(evens(o), []int{0, 0}, []int{0, 0}, 0) },
			func(o *operands) *graph.Node {
				return graph.DynamicUpdateSlice(square(o), evens(o), graph.Constant(o.g, []int64{0, 0}, 2))
			},
			func(o *operands) *graph.Node { return graph.Pad(graph.Exp(square(o)), []int{1, 1}, []int{1, 1}, 0) }, // no parts
			func(o *operands) *graph.Node { return graph.Pad(inner(square(o)), []int{9, 1}, []int{1, 1}, 0) },     // small
			func(o *operands) *graph.Node { // read elsewhere
				l := inner(square(o))
				return graph.MatMul(graph.Pad(l, []int{1, 1}, []int{1, 1}, 0), graph.Pad(graph.MatMul(l, l), []int{1, 1}, []int{1, 1}, 0))
			},
			func(o *operands) *graph.Node {
				a := square(o)
				return graph.DynamicUpdateSlice(a, inner(a), graph.Slice(o.i, graph.Range{Limit: 2}))
			},
			func(o *operands) *graph.Node {
				return graph.Pad(inner(graph.Cast(square(o), graph.Int64)), []int{1, 1}, []int{1, 1}, 0)
			},
		},
	},
	"overlay-parts": {
		builders{
			func(o *operands) *graph.Node {
				extended := graph.PadMode(square(o), []int{1, 1}, []int{1, 1}, "wrap")
				part := func(i, j int) *graph.Node {
					return graph.Slice(extended, graph.Range{Start: i, Limit: i + 16}, graph.Range{Start: j, Limit: j + 16})
				}
				return graph.Add(graph.Sub(part(0, 1), part(2, 1)), graph.Mul(part(1, 0), part(1, 2)))
			},
			func(o *operands) *graph.Node {
				return graph.Abs(graph.Pad(graph.Roll(square(o), 5, 1), []int{2, 0}, []int{0, 3}, 0))
			},
			func(o *operands) *graph.Node {
				return graph.Abs(graph.Slice(graph.Roll(square(o), 5, 1), graph.Range{Limit: graph.All}, graph.Range{Start: 15, Limit: graph.All, Step: -2}))
			},
		},
		builders{
			func(o *operands) *graph.Node { // another reader has it stored
				moved := graph.Roll(square(o), 5, 1)
				return graph.Add(graph.MatMul(moved, square(o)), graph.Pad(graph.Slice(moved, graph.Range{Start: 1}), []int{0, 0}, []int{1, 0}, 0))
			},
			func(o *operands) *graph.Node {
				return graph.Abs(graph.Pad(graph.Roll(square(o), 5, 1), []int{2, 0}, []int{0, 3}, 1))
			},
			func(o *operands) *graph.Node { return graph.Abs(graph.Pad(square(o), []int{2, 0}, []int{0, 3}, 0)) },
		},
	},
	"add-few": {
		builders{
			func(o *operands) *graph.Node { return graph.Add(wide(o), few(o, 80)) },
			func(o *operands) *graph.Node {
				return graph.Flip(graph.Add(graph.IndexTranspose(graph.Shape{8, 10}, []int{7, 9}, o.s), graph.Reshape(wide(o), 8, 10)), 0)
			},
			func(o *operands) *graph.Node {
				return graph.Add(graph.IndexTranspose(graph.Shape{80}, []int{7, 9, 70}, o.s, o.t, o.s), wide(o))
			},
			func(o *operands) *graph.Node {
				sum := graph.Add(given(o), few(o, 80))
				return graph.Mul(graph.Sin(sum), graph.Flip(sum, 0))
			},
		},
		builders{
			func(o *operands) *graph.Node { return graph.Sin(graph.Add(wide(o), few(o, 80))) },
			func(o *operands) *graph.Node { return graph.Sin(graph.Add(given(o), few(o, 80))) },
			func(o *operands) *graph.Node { // x is needed as it is
				x := given(o)
				sum := graph.Add(x, few(o, 80))
				return graph.Mul(graph.Mul(graph.Sin(sum), graph.Flip(sum, 0)), x)
			},
			func(o *operands) *graph.Node {
				f := few(o, 80)
				return graph.Mul(graph.ReduceMax(f, nil), graph.Flip(graph.Add(wide(o), f), 0))
			},
			func(o *operands) *graph.Node { return graph.Add(o.r, few(o, 3)) },
		},
	},
	"concat-pieces": {
		builders{
			func(o *operands) *graph.Node { return graph.Concat(0, graph.Concat(0, o.x, o.y), graph.Exp(o.x)) },
			func(o *operands) *graph.Node {
				return graph.Stack(0, graph.Concat(0, o.x, o.y), graph.Concat(0, graph.Exp(o.x), o.x))
			},
			func(o *operands) *graph.Node {
				rows := graph.IndexTranspose(graph.Shape{3, 70}, []int{2, 0, 1}, waves(o, 1), waves(o, 2), waves(o, 3))
				return graph.Concat(0, rows, graph.ExpandDims(waves(o, 4), 0))
			},
			func(o *operands) *graph.Node { // within which a piece is computed in its place
				return graph.Concat(0, withRows(graph.Exp(inner(square(o)))), graph.Slice(square(o), graph.Range{Limit: 9}, graph.Range{Start: 2, Limit: 16}))
			},
		},
		builders{
			func(o *operands) *graph.Node {
				both := graph.Concat(0, o.x, o.y)
				return graph.Add(graph.Concat(0, both, o.x), graph.Sum(both))
			},
			func(o *operands) *graph.Node { return graph.Concat(1, graph.Concat(1, o.x, o.y), graph.Exp(o.x)) },
			func(o *operands) *graph.Node { return graph.Sin(withRows(square(o))) }, // an overlay of overlays
			func(o *operands) *graph.Node {
				return graph.Concat(0, graph.Concat(1, o.x, o.y), graph.Concat(1, o.y, o.x))
			},
			func(o *operands) *graph.Node { // a row of zeros
				return graph.Concat(0, graph.IndexTranspose(graph.Shape{3, 70}, []int{2, 0}, waves(o, 1), waves(o, 2)), graph.ExpandDims(waves(o, 4), 0))
			},
			func(o *operands) *graph.Node { // short ones
				return graph.Concat(0, graph.IndexTranspose(graph.Shape{2, 3}, []int{1, 0}, o.r, graph.Exp(o.r)), o.x)
			},
		},
	},
	"split-reduction": {
		builders{
			func(o *operands) *graph.Node { return graph.ReduceSum(thousand(o, 4, 4, 8, 8), []int{0, 2, 3}) },
			func(o *operands) *graph.Node {
				return graph.ReduceMax(thousand(o, 2, 2, 2, 2, 64), []int{0, 2, 4}, graph.KeepDims)
			},
			func(o *operands) *graph.Node {
				return graph.ReduceMin(graph.Exp(thousand(o, 2, 1, 4, 1, 128)), []int{0, 1, 4})
			},
		},
		builders{
			func(o *operands) *graph.Node { return graph.ReduceSum(thousand(o, 4, 1, 16, 16), []int{0, 2, 3}) }, // a single run
			func(o *operands) *graph.Node { return graph.ReduceSum(thousand(o, 4, 8, 32), []int{0, 2}) },        // short ones
			func(o *operands) *graph.Node { return graph.ReduceSum(thousand(o, 4, 4, 64), []int{2}) },
			func(o *operands) *graph.Node { return graph.ReduceSum(thousand(o, 1, 16, 64), []int{0, 2}) },
			func(o *operands) *graph.Node { return graph.ReduceSum(thousand(o, 4, 4, 64), []int{0, 1}) },
		},
	},
	"slice-of-sum": {
		builders{
			func(o *operands) *graph.Node { return middle(placed(o, 1, o.x, o.y)) },
			func(o *operands) *graph.Node {
				return graph.Exp(middle(placed(o, -1, o.x, graph.Mul(o.y, o.g.Const(0.75)))))
			},
		},
		builders{
			func(o *operands) *graph.Node { return middle(placed(o, 1, o.x)) },
			func(o *operands) *graph.Node {
				p := placed(o, 1, o.x, o.y)
				return graph.Mul(middle(p), graph.ReduceSum(p, nil))
			},
		},
	},
	"windows": {
		builders{
			func(o *operands) *graph.Node {
				return graph.Neg(graph.Slice(o.x, graph.Range{Limit: 2}, graph.Range{Start: 1, Limit: 3}))
			},
			func(o *operands) *graph.Node { return graph.Sin(graph.Pad(o.x, []int{1, 0}, []int{0, 2}, 0)) },
			func(o *operands) *graph.Node { return graph.Exp(placed(o, -1, o.x)) },
			func(o *operands) *graph.Node { // a view of something that is not stored
				return graph.Sin(graph.Slice(graph.Pad(o.x, []int{1, 0}, []int{1, 0}, 0), graph.Range{Start: 2, Limit: 4}))
			},
			func(o *operands) *graph.Node {
				return graph.Add(middle(graph.Pad(o.x, []int{1, 1}, []int{1, 1}, 0)), o.s)
			},
			func(o *operands) *graph.Node {
				return graph.Add(graph.Mul(o.m, o.s), graph.Slice(o.x, graph.Range{Limit: graph.All}, graph.Range{Start: 2, Limit: graph.All, Step: -1}))
			},
		},
		builders{
			func(o *operands) *graph.Node { return graph.Sin(graph.Pad(o.x, []int{1, 0}, []int{0, 2}, 1.5)) },
			func(o *operands) *graph.Node { return middle(placed(o, 1, o.x)) },
			func(o *operands) *graph.Node { return graph.Sin(graph.Slice(o.x, graph.Range{Start: 1, Limit: 2})) },
			func(o *operands) *graph.Node {
				p := graph.Pad(o.x, []int{1, 0}, []int{0, 2}, 0)
				return graph.Mul(p, graph.Flip(p, 1))
			},
			func(o *operands) *graph.Node {
				return graph.ReduceSum(graph.Pad(o.x, []int{1, 0}, []int{0, 2}, 0), []int{1})
			},
		},
	},
	"scalarize": {
		builders{
			func(o *operands) *graph.Node { // scalars, put together, computed with, and taken apart
				v := graph.Stack(0, o.s, o.t, graph.Sin(o.s))
				return graph.Mul(graph.Index(graph.Mul(v, o.r), 1), graph.Index(graph.Add(v, o.r), 2))
			},
			func(o *operands) *graph.Node { return graph.MatMul(graph.MatMul(o.x, graph.Transpose(o.y)), o.y) },
			func(o *operands) *graph.Node { // transposed both, with the sum of a row
				p := graph.MatMul(graph.Transpose(o.x), o.y)
				return graph.ReduceSum(graph.Transpose(graph.MatMul(p, p)), []int{1}, graph.KeepDims)
			},
			func(o *operands) *graph.Node {
				x := graph.Concat(0, graph.Reshape(o.s, 1), graph.Gather(o.r, graph.Constant(o.g, []int{2, 0}, 2), 0))
				return graph.Where(graph.Greater(x, graph.Flip(o.r, 0)), x, graph.Reshape(o.t, 1))
			},
		},
		builders{
			func(o *operands) *graph.Node { return graph.Add(graph.Mul(o.x, o.y), o.r) },                 // one loop as it is
			func(o *operands) *graph.Node { return graph.Stack(0, o.s, o.t) },                            // nothing is computed
			func(o *operands) *graph.Node { return graph.MatMul(long(o.x), graph.Transpose(long(o.y))) }, // large
			func(o *operands) *graph.Node { return graph.MatMul(o.m, graph.Transpose(o.m, 0, 2, 1)) },    // a batch
			func(o *operands) *graph.Node { return graph.Index(graph.Sin(long(o.x)), 0, 1) },             // large
			func(o *operands) *graph.Node { return graph.MatMul(o.x, graph.Transpose(o.y)) },             // one product
		},
	},
	"sink": {
		builders{
			func(o *operands) *graph.Node {
				x, y := long(o.x), long(o.y)
				return graph.Slice(graph.Flip(graph.Add(graph.Sin(graph.Flip(x, 1)), graph.Exp(y)), 1), graph.Range{Limit: 2}, graph.Range{Limit: 3})
			},
			func(o *operands) *graph.Node {
				return graph.ReduceSum(graph.Add(graph.Sin(graph.Flip(long(o.x), 1)), graph.Exp(long(o.y))), []int{1})
			},
		},
		builders{
			func(o *operands) *graph.Node {
				x := long(o.x)
				return graph.ReduceSum(graph.Add(graph.Sin(x), graph.Exp(x)), []int{1})
			},
			func(o *operands) *graph.Node {
				e := graph.Exp(long(o.y))
				return graph.ReduceSum(graph.Add(graph.Sin(graph.Flip(e, 1)), e), []int{1})
			},
			func(o *operands) *graph.Node {
				return graph.ReduceSum(graph.Add(graph.Sin(graph.Flip(long(o.x), 1)), graph.Exp(graph.Repeat(o.r, 2000, 0))), []int{1})
			},
		},
	},
	"pieces": {
		builders{
			func(o *operands) *graph.Node {
				return graph.Flip(graph.Concat(0, graph.Sin(long(o.x)), graph.Exp(long(o.y))), 0)
			},
			func(o *operands) *graph.Node { // pieces of several loops and kernels, one of which is read again afterwards, and in a whole that is itself a piece
				s := graph.Sin(long(o.x))
				in := graph.Flip(graph.Concat(0, graph.Concat(0, s, graph.Exp(long(o.y)), long(o.y)), graph.Flip(s, 0), graph.Cos(s)), 0)
				return graph.Add(graph.ReduceSum(in, []int{0}), s)
			},
			func(o *operands) *graph.Node { // is an output itself
				return graph.Concat(0, graph.Sin(long(o.x)), graph.ReduceSum(graph.Mul(long(o.x), long(o.y)), []int{1}, graph.KeepDims).Mul(graph.Exp(long(graph.Slice(o.y, graph.Range{Limit: 1})))))
			},
			func(o *operands) *graph.Node { // a row that is no piece, one that is copied, and a whole in it
				x := long(o.x)
				row := func(k int) *graph.Node { return graph.Index(x, k) }
				rows := placedAt(o, []int{4, 1, 0, 2}, graph.Shape{6, x.Shape()[1]}, graph.Sin(row(0)), graph.Cos(row(1)), graph.Exp(row(0)), row(1))
				return graph.Flip(placedAt(o, []int{1, 0}, graph.Shape{3, 6, x.Shape()[1]}, rows, graph.Neg(graph.Flip(rows, 0))), 2)
			},
		},
		builders{
			func(o *operands) *graph.Node { return graph.Flip(graph.Concat(0, o.x, graph.Exp(o.y)), 0) },            // as many are copied
			func(o *operands) *graph.Node { return graph.Flip(graph.Concat(1, graph.Sin(o.x), graph.Exp(o.y)), 0) }, // they do not lie one after the other
			func(o *operands) *graph.Node { s := graph.Sin(o.x); return graph.Flip(graph.Concat(0, s, s), 0) },
			func(o *operands) *graph.Node { // mostly zeros
				x := long(o.x)
				return graph.Flip(placedAt(o, []int{6, 1}, graph.Shape{9, 2, x.Shape()[1]}, graph.Sin(x), graph.Cos(x)), 2)
			},
		},
	},
	"signs": {
		builders{
			opposites(func(o *operands, s, t *graph.Node) (a, b *graph.Node) { return graph.Sub(s, t), graph.Sub(t, s) }),
			opposites(func(o *operands, s, t *graph.Node) (a, b *graph.Node) {
				return graph.Mul(s, t), graph.Mul(graph.Neg(s), t)
			}),
			opposites(func(o *operands, s, t *graph.Node) (a, b *graph.Node) {
				return graph.Div(s, t), graph.Div(s, graph.Neg(t))
			}),
			opposites(func(o *operands, s, t *graph.Node) (a, b *graph.Node) {
				return graph.Add(s, t), graph.Sub(graph.Neg(t), s)
			}),
			opposites(func(o *operands, s, t *graph.Node) (a, b *graph.Node) {
				return graph.Sub(o.g.Const(2.5), s), graph.Add(s, o.g.Const(-2.5))
			}),
			opposites(func(o *operands, s, t *graph.Node) (a, b *graph.Node) {
				return graph.Mul(s, o.g.Const(0.3)), graph.Mul(s, o.g.Const(-0.3))
			}),
			opposites(func(o *operands, s, t *graph.Node) (a, b *graph.Node) { // of opposites, in another order
				return graph.Add(graph.Mul(s, t), graph.Mul(t, o.s)), graph.Sub(graph.Mul(t, graph.Neg(o.s)), graph.Mul(t, s))
			}),
			func(o *operands) *graph.Node { // read with arrays
				a, b := graph.Sub(o.s, o.t), graph.Sub(o.t, o.s)
				return graph.Add(graph.Mul(o.x, b), graph.Sub(graph.Add(b, o.y), graph.Mul(a, o.x)))
			},
			opposites(func(o *operands, s, t *graph.Node) (a, b *graph.Node) { // the same value
				return graph.Sub(graph.Mul(s, t), o.s), graph.Sub(graph.Neg(o.s), graph.Mul(graph.Neg(t), s))
			}),
		},
		builders{
			opposites(func(o *operands, s, t *graph.Node) (a, b *graph.Node) { return graph.Sub(s, t), graph.Add(s, t) }),
			opposites(func(o *operands, s, t *graph.Node) (a, b *graph.Node) {
				return graph.Div(s, t), graph.Div(t, graph.Neg(s))
			}),
			func(o *operands) *graph.Node { return graph.Mul(graph.Sub(o.x, o.y), graph.Exp(graph.Sub(o.y, o.x))) }, // arrays
			func(o *operands) *graph.Node {
				i, j := graph.Sum(o.i), graph.Sum(o.j)
				return graph.Mul(graph.Sub(i, j), graph.Sub(j, i))
			},
		},
	},
	"contract": {
		builders{
			func(o *operands) *graph.Node { return graph.Add(graph.Mul(o.x, o.y), o.s) }, func(o *operands) *graph.Node { return graph.Sub(graph.Mul(o.x, o.y), o.s) },
			func(o *operands) *graph.Node { return graph.Add(o.s, graph.Mul(o.x, o.y)) }, func(o *operands) *graph.Node { return graph.Sub(o.s, graph.Mul(o.x, o.y)) },
			func(o *operands) *graph.Node { return graph.Add(graph.Mul(o.f, o.f), graph.Sin(o.f)) },
		},
		builders{
			func(o *operands) *graph.Node { return graph.Add(graph.Mul(o.i, o.j), o.i) },
			func(o *operands) *graph.Node { p := graph.Mul(o.x, o.y); return graph.Sub(p, graph.Sin(p)) },
			func(o *operands) *graph.Node { p := graph.Mul(o.x, o.y); return graph.Add(p, p) },
			func(o *operands) *graph.Node { return graph.Add(graph.Mul(o.r, o.s), o.x) },
		},
	},
}

// opposites are pairs of scalars that are equal but for their sign.
func opposites(pair func(o *operands, s, t *graph.Node) (a, b *graph.Node)) func(o *operands) *graph.Node {
	return func(o *operands) *graph.Node {
		a, b := pair(o, graph.Sin(o.s), graph.Cos(o.t))
		return graph.Stack(0, a, graph.Exp(b), graph.Sub(graph.Exp(o.s), b), graph.Sub(graph.Neg(b), graph.Tanh(b)), graph.Mul(b, o.g.Const(3)), b)
	}
}

// derivativeOf is the derivative of an elementwise function.
func derivativeOf(f func(x *graph.Node) *graph.Node, x *graph.Node) *graph.Node {
	d, err := Gradient(graph.Sum(f(x)), x)
	if err != nil {
		panic(err)
	}
	return d[0]
}

// placedAt puts pieces at first indices into zeros.
func placedAt(o *operands, at []int, s graph.Shape, pieces ...*graph.Node) *graph.Node {
	return o.g.Apply(graph.LookupOp("index_transpose"), pieces, attr.Make(attr.L("indices", at), attr.L("shape", s)))
}

// cond is a branch of three results: two scalars and a matrix.
func (o *operands) cond() []*graph.Node {
	branch := func(f func(x *graph.Node) *graph.Node) func(args []*graph.Node) []*graph.Node {
		return func(args []*graph.Node) []*graph.Node {
			return []*graph.Node{f(args[0]), graph.Sum(f(args[1])), graph.Mul(f(args[2]), args[0])}
		}
	}
	return graph.Cond(graph.Less(o.s, o.t), []*graph.Node{o.s, graph.Exp(o.x), o.y}, branch(graph.Sin), branch(graph.Cos))
}

// long repeats the columns of f64[2×3], so that loops over it are not joined for being short.
func long(x *graph.Node) *graph.Node { return graph.Repeat(x, 2000, 1) }

// wide is f64[80], few is zeros but for s at 2 and t at 1, twice.
func wide(o *operands) *graph.Node {
	return graph.Slice(graph.Repeat(graph.Reshape(o.x, 6), 14, 0), graph.Range{Limit: 80})
}

// given is an input, f64[80].
func given(o *operands) *graph.Node {
	x := o.g.Input("given", graph.Float64, 80)
	v := make([]float64, 80)
	for i := range v {
		v[i] = math.Cos(float64(i))
	}
	o.numbers[x] = ref.Of(x.Type(), v...)
	return x
}

func few(o *operands, n int) *graph.Node {
	return graph.ScatterAdd(graph.Constant(o.g, []int64{2, 1, 1}, 3), graph.Stack(0, o.s, o.t, o.t), 0, n)
}

// withRows is a matrix with its last row before it and its first one behind it.
func withRows(a *graph.Node) *graph.Node {
	last, first := graph.Slice(a, graph.Range{Start: -1, Limit: graph.All}), graph.Slice(a, graph.Range{Limit: 1})
	return graph.Concat(0, graph.Concat(0, last, a), first)
}

// thousand are 1024 elements.
func thousand(o *operands, shape ...int) *graph.Node {
	a, _ := o.matrix(32)
	return graph.Reshape(a, shape...)
}

// waves is f64[70].
func waves(o *operands, k float64) *graph.Node {
	return graph.Sin(graph.Add(graph.Iota(o.g, graph.Float64, 0, 70), o.s.Mul(k)))
}

// placed puts pieces f64[2×3] into zeros f64[3×4], from the first place on and from the last one in turn.
func placed(o *operands, step int, pieces ...*graph.Node) *graph.Node {
	var starts, steps []int
	for k := range pieces {
		first := [2]int{k % 2, k % 2}
		if step < 0 {
			first = [2]int{first[0] + 1, first[1] + 2}
		}
		starts, steps = append(starts, first[0], first[1]), append(steps, step, step)
	}
	return graph.SliceTranspose(graph.Shape{3, 4}, starts, steps, pieces...)
}

// middle is the part of a matrix without its last row and its first column.
func middle(x *graph.Node) *graph.Node {
	return graph.Slice(x, graph.Range{Limit: -1}, graph.Range{Start: 1, Limit: graph.All})
}

func (o *operands) full2(n *graph.Node) *graph.Node { return graph.BroadcastTo(n, 2, 3) }

// firings runs the passes up to the one that moves loops and returns how often each rewrite fired.
func firings(t *testing.T, c Config, outputs ...*graph.Node) map[string]int {
	t.Helper()
	u := newUnit(c, outputs[0].Graph(), outputs)
	u.user = nil
	for _, o := range outputs {
		u.names = append(u.names, []string{o.Name()})
	}
	var low *lowering
	for _, p := range passOrder {
		if !p.required && slices.Contains(c.Disable, p.name) {
			continue
		}
		var err error
		if low, err = p.run(u, low); err != nil {
			t.Fatal(err)
		}
		if err := u.check(); err != nil {
			t.Fatal(err)
		}
		if p.name == "pieces" {
			break
		}
	}
	return u.fired
}

// runOn compiles and runs on the operands' values.
func runOn(t *testing.T, c Config, o *operands, out *graph.Node) []float64 {
	t.Helper()
	c.Verify = true
	p, err := c.Compile(out)
	if err != nil {
		t.Fatal(err)
	}
	m := vm.NewMachine(p)
	for n, v := range o.numbers {
		switch n.DType() {
		case graph.Float64:
			copy(m.Float64(n.Name()), v.F)
		case graph.Int64:
			copy(m.Int64(n.Name()), v.I)
		case graph.Bool:
			copy(m.Bool(n.Name()), v.B)
		case graph.Float32:
			for i, s := 0, m.Float32(n.Name()); i < len(s); i++ {
				s[i] = float32(v.F[i])
			}
		}
	}
	ts, err := m.Run()
	if err != nil {
		return nil
	}
	var list []float64
	switch d := ts[0].Data().(type) {
	case float64:
		list = []float64{d}
	case []float64:
		list = append(list, d...)
	case []float32:
		for _, x := range d {
			list = append(list, float64(x))
		}
	case []int64:
		for _, x := range d {
			list = append(list, float64(x))
		}
	case []bool:
		for _, x := range d {
			v := 0.0
			if x {
				v = 1
			}
			list = append(list, v)
		}
	}
	return list
}

// Every rule, constant folding and contraction fire where they must, do not where they must not, and keep values
// within their class.
func TestRewritesFire(t *testing.T) {
	classes := map[string]safety{"fold": exact, "contract": rounding, "windows": exact, "sink": exact, "pieces": exact, "scalarize": rounding, "signs": fastMath}
	for _, r := range rules {
		classes[r.name] = r.class
		if c := rewriteCases[r.name]; len(c.fires) == 0 {
			t.Errorf("rule %s has no case in which it fires", r.name)
		} else if len(c.still) == 0 {
			t.Errorf("rule %s has no case in which it does not fire", r.name)
		}
	}
	for name, c := range rewriteCases {
		class, ok := classes[name]
		if !ok {
			t.Errorf("cases for the unknown rule %s", name)
			continue
		}
		config := Config{FastMath: class == fastMath}
		if name != "scalarize" { // it comes before the rules, and leaves them no small arrays
			config.Disable = []string{"scalarize"}
		}
		for k, build := range c.fires {
			o := makeOperands()
			y := build(o)
			if err := o.g.Err(); err != nil {
				t.Errorf("%s, case %d: %v", name, k, err)
				continue
			}
			if firings(t, config, y)[name] == 0 {
				t.Errorf("%s did not fire in case %d", name, k)
			}
			off := config
			off.Disable = append(slices.Clone(config.Disable), name)
			if firings(t, off, y)[name] != 0 {
				t.Errorf("%s fired in case %d although it is disabled", name, k)
			}
			on, without := runOn(t, config, o, y), runOn(t, off, o, y)
			for i := range without {
				same := math.Float64bits(on[i]) == math.Float64bits(without[i])
				if class != exact {
					eps := 1e-15
					if y.DType() == graph.Float32 {
						eps = 1e-6
					}
					same = math.Abs(on[i]-without[i]) <= 8*eps*max(1, math.Abs(without[i]))
				}
				if !same {
					t.Errorf("%s, case %d: element %d is %v, and %v without it", name, k, i, on[i], without[i])
				}
			}
		}
		for k, build := range c.still {
			o := makeOperands()
			if firings(t, config, build(o))[name] != 0 {
				t.Errorf("%s fired in the case %d in which it must not", name, k)
			}
		}
		// Fast-math rules never fire without leave.
		if class == fastMath {
			for k, build := range c.fires {
				o := makeOperands()
				if firings(t, Config{}, build(o))[name] != 0 {
					t.Errorf("%s fired in case %d without fast-math", name, k)
				}
			}
		}
	}
}

// Integers at their limits, where rewrites that are exact for floats are not for them.
func TestRewritesOfIntegers(t *testing.T) {
	low := int64(math.MinInt64)
	g := graph.New()
	x, y := g.Input("x", graph.Int64, 4), g.Input("y", graph.Int64, 4)
	outputs := []*graph.Node{
		graph.Div(graph.Neg(x), graph.Neg(y)), graph.Mul(graph.Neg(x), graph.Neg(y)), graph.Abs(graph.Neg(x)), graph.Add(x, graph.Neg(y)),
		graph.Sub(x, graph.Neg(y)), graph.Neg(graph.Neg(x)), graph.Mul(x, graph.Like(x, -1)), graph.Max(x, x), graph.Square(x),
	}
	at := map[*graph.Node]ref.Value{x: ref.New(x.Type()), y: ref.New(y.Type())}
	copy(at[x].I, []int64{low, low, 1, -low - 1})
	copy(at[y].I, []int64{2, 1, low, -1})
	want, err := ref.Eval(at, outputs...)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Config{Verify: true}.Compile(outputs...)
	if err != nil {
		t.Fatal(err)
	}
	m := vm.NewMachine(p)
	copy(m.Int64("x"), at[x].I)
	copy(m.Int64("y"), at[y].I)
	out, err := m.Run()
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range out {
		for k, v := range o.Data().([]int64) {
			if v != want[i].I[k] {
				t.Errorf("%s[%d] = %d, want %d", outputs[i].Op().Name, k, v, want[i].I[k])
			}
		}
	}
}

func TestDisable(t *testing.T) {
	o := makeOperands()
	if _, err := (Config{Disable: []string{"no-such-rule"}}).Compile(o.x); err == nil {
		t.Error("an unknown rewrite was accepted")
	}
	if _, err := (Config{Disable: []string{"emit"}}).Compile(o.x); err == nil {
		t.Error("a required pass was left out")
	}
	for _, r := range rules {
		if _, err := (Config{Disable: []string{r.name}}).Compile(o.x); err != nil {
			t.Errorf("%s: %v", r.name, err)
		}
	}
}

// Operators that say so give the same bits whatever the order of their operands, zeros of either sign included; a NaN is one like another.
func TestCommutativeOperators(t *testing.T) {
	special := []float64{0, negativeZero, 1, -1, 0.3, -2.7, 1e300, -1e-310, 5e-324, math.Inf(1), math.Inf(-1), math.NaN()}
	n, checked := len(special)*len(special), 0
	for _, op := range graph.Ops() {
		m := micro.ByName(op.Micro)
		if op.Micro != "" && op.MaxArity == 2 && op.Commutative != m.Info().Commutes {
			t.Errorf("%s is commutative: %v, and its micro-operation: %v", op.Name, op.Commutative, m.Info().Commutes)
		}
		if !op.Commutative || op.Micro == "" {
			continue
		}
		for _, d := range []graph.DType{graph.Float64, graph.Float32, graph.Bool} {
			if !op.DTypes.Has(d) {
				continue
			}
			g := graph.New()
			x, y := g.Input("x", graph.Float64, n), g.Input("y", graph.Float64, n)
			a, b := graph.Cast(x, d), graph.Cast(y, d)
			result := func(a, b *graph.Node) *graph.Node {
				r := graph.Cast(g.Apply(op, []*graph.Node{a, b}, nil), graph.Float64)
				one := graph.Cast(g.Apply(op, []*graph.Node{graph.Index(a, 1), graph.Index(b, 1)}, nil), graph.Float64)
				return graph.Concat(0, r, graph.ExpandDims(one, 0))
			}
			p, err := Config{Disable: []string{"order-operands"}, Verify: true}.Compile(result(a, b), result(b, a))
			if err != nil {
				t.Fatal(err)
			}
			m := vm.NewMachine(p)
			for i := range n {
				m.Float64("x")[i], m.Float64("y")[i] = special[i/len(special)], special[i%len(special)]
			}
			out, err := m.Run()
			if err != nil {
				t.Fatal(err)
			}
			one, other := out[0].Data().([]float64), out[1].Data().([]float64)
			for i := range one {
				if v, w := one[i], other[i]; math.Float64bits(v) != math.Float64bits(w) && !(v != v && w != w) {
					t.Errorf("%s of %v and %v in %v is %v, and %v the other way round", op.Name, special[i%n/len(special)], special[i%n%len(special)], d, v, w)
				}
			}
			checked++
		}
	}
	if checked < 20 {
		t.Errorf("only %d operators and dtypes were checked", checked)
	}
}

// square is a matrix of 16 rows.
func square(o *operands) *graph.Node {
	a, _ := o.matrix(16)
	return a
}

// inner is a difference of neighbours, of shape 14×14.
func inner(a *graph.Node) *graph.Node {
	part := func(i, j int) *graph.Node {
		return graph.Slice(a, graph.Range{Start: i, Limit: i + 14}, graph.Range{Start: j, Limit: j + 14})
	}
	return graph.Sub(graph.Add(part(0, 1), part(2, 1)), graph.Mul(part(1, 0), part(1, 2)))
}

// evens is a difference of rows of a larger matrix, of shape 16×16.
func evens(o *operands) *graph.Node {
	a, _ := o.matrix(32)
	part := func(i int) *graph.Node {
		return graph.Slice(a, graph.Range{Start: i, Limit: 32, Step: 2}, graph.Range{Start: 3, Limit: 19})
	}
	return graph.Sub(part(0), part(1))
}

// Doublings that join a constant change no bit where products overflow, underflow or are not numbers.
func TestDoublingAtTheLimits(t *testing.T) {
	for _, constants := range [][2]float64{{2, -100}, {-4, 1}, {0x1p40, 0x1.fffffffffffffp26}, {2, 1 + 0x1p-52}} {
		g := graph.New()
		values := []float64{0, negativeZero, 5e-324, -3e-320, 0x1p-1022, 0x1.fffffffffffffp1022, -math.MaxFloat64, math.MaxFloat64 / 100, math.MaxFloat64 / 200, math.Inf(1), math.NaN(), 1.1}
		x := g.Input("x", graph.Float64, len(values))
		y := graph.Mul(graph.Mul(x, g.Const(constants[0])), g.Const(constants[1]))
		var bits [2][]uint64
		for k, c := range []Config{{}, {Disable: []string{"mul-doubled"}}} {
			p, err := c.Compile(y)
			if err != nil {
				t.Fatal(err)
			}
			out, err := vm.NewMachine(p).Call(values)
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range out[0].Data.([]float64) {
				bits[k] = append(bits[k], math.Float64bits(v))
			}
		}
		if !slices.Equal(bits[0], bits[1]) {
			t.Errorf("%v: %x, without the rule %x", constants, bits[0], bits[1])
		}
	}
}

// TestTanhDerivative holds the derivative of tanh that is made of tanh to its value, far out too.
func TestTanhDerivative(t *testing.T) {
	values := []float64{0, negativeZero, 1e-30, 1e-3, -0.1, 0.5, -1, 2, -5, 9, 12, -20, 40, 43, math.Inf(1), math.Inf(-1), math.NaN()}
	for _, d := range []graph.DType{graph.Float32, graph.Float64} {
		g := graph.New()
		x := g.Input("x", d, len(values))
		y := graph.Tanh(x)
		p, err := Config{FastMath: true}.Compile(y, derivativeOf(graph.Tanh, x))
		if err != nil {
			t.Fatal(err)
		}
		out, err := vm.NewMachine(p).Call(values)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range values {
			got, eps := 0.0, 0x1p-53
			if d == graph.Float32 {
				got, eps, v = float64(out[1].Data.([]float32)[i]), 0x1p-24, float64(float32(v))
			} else {
				got = out[1].Data.([]float64)[i]
			}
			c := math.Cosh(v)
			if want := 1 / (c * c); math.Abs(got-want) > 12*eps*want || math.IsNaN(got) != math.IsNaN(want) {
				t.Errorf("%v: the derivative at %v is %v, want %v", d, v, got, want)
			}
		}
	}
}
