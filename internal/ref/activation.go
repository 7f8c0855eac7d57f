package ref

import (
	"math"

	"github.com/adjoint-go/adjoint/graph"
)

func init() {
	for name, f := range map[string]func(a []float64) float64{
		"log_sigmoid": func(a []float64) float64 { return -floatOps["softplus"]([]float64{-a[0]}) },
		"sigmoid_derivative": func(a []float64) float64 {
			e := math.Exp(-math.Abs(a[0]))
			return e / ((1 + e) * (1 + e))
		},
		"atan_derivative": func(a []float64) float64 { return 1 / math.FMA(a[0], a[0], 1) },
		"hypot_derivative": of2(func(x, y float64) float64 {
			r := math.Hypot(x, y)
			switch {
			case r == 0 || math.IsInf(r, 1) && math.IsInf(x, 0):
				return floatOps["sign"]([]float64{x})
			}
			return x / r
		}),
		"atan2_derivative": of2(func(x, y float64) float64 {
			r := math.Hypot(x, y)
			switch {
			case r == 0:
				return x
			case math.IsInf(x, 0):
				return math.Copysign(0, x)
			}
			return x / r / r
		}),
		"silu":  func(a []float64) float64 { return timesOrZero(a[0], floatOps["sigmoid"](a)) },
		"logit": func(a []float64) float64 { return log(a[0]) - math.Log1p(-a[0]) },
		"clip": func(a []float64) float64 {
			return -larger(-larger(a[0], a[1]), -a[2])
		},
		"lerp":      func(a []float64) float64 { return math.FMA(a[2], a[1], math.FMA(-a[2], a[0], a[0])) },
		"xlogy":     func(a []float64) float64 { return zeroTimes(a[0], a[1], log(a[1])) },
		"xlog1py":   func(a []float64) float64 { return zeroTimes(a[0], a[1], math.Log1p(a[1])) },
		"logaddexp": of2(logAddExp),
	} {
		floatOps[name] = f
	}
	intOps["clip"] = func(a []int64) (int64, error) { return min(max(a[0], a[1]), a[2]), nil }

	withAttrs("elu", func(n *graph.Node, a []float64) float64 {
		if a[0] > 0 {
			return a[0]
		}
		return n.Attrs().Float("alpha") * math.Expm1(a[0])
	})
	withAttrs("leaky_relu", func(n *graph.Node, a []float64) float64 {
		if a[0] > 0 {
			return a[0]
		}
		return n.Attrs().Float("alpha") * a[0]
	})
	withAttrs("pow_derivative", func(n *graph.Node, a []float64) float64 {
		v := floatOps["pow"](a)
		for range n.Attrs().Int("order") {
			if a[0] == 0 && a[1] == 0 {
				return 0
			}
			v = timesOrZero(v, log(a[0]))
		}
		return v
	})
	withAttrs("gelu", func(n *graph.Node, a []float64) float64 {
		x := a[0]
		if n.Attrs().Bool("tanh") {
			return timesOrZero(x, floatOps["sigmoid"]([]float64{2 * math.Sqrt(2/math.Pi) * x * (1 + 0.044715*x*x)}))
		}
		return timesOrZero(x, math.Erfc(-x/math.Sqrt2)/2)
	})
	withAttrs("sinc", func(n *graph.Node, a []float64) float64 { return sinc(n.Attrs().Int("order"), a[0]) })
}

// withAttrs defines an elementwise operator from floats to floats that has attributes.
func withAttrs(name string, f func(n *graph.Node, a []float64) float64) {
	evaluators[name] = func(n *graph.Node, in []Value) (Value, error) {
		out, a := New(n.Type()), make([]float64, len(in))
		for i := range out.Len() {
			for k, o := range in {
				a[k] = o.F[broadcastAt(i, n.Shape(), o.Type.Shape)]
			}
			out.F[i] = f(n, a)
		}
		return out, nil
	}
}

// timesOrZero is x·y, 0 where a factor is 0 and the other one infinite or NaN.
func timesOrZero(x, y float64) float64 {
	p := x * y
	if math.IsNaN(p) && (x == 0 || y == 0) {
		return 0
	}
	return p
}

// zeroTimes is x·l, 0 where x is 0 and y is not NaN.
func zeroTimes(x, y, l float64) float64 {
	if x == 0 && y == y {
		return 0
	}
	return x * l
}

func logAddExp(x, y float64) float64 {
	if x == y {
		return x + math.Ln2
	}
	return larger(x, y) + math.Log1p(math.Exp(-math.Abs(x-y)))
}

// sinc is the derivative of order k of sin(πx)/(πx) as the integral of (πt)^k·cos(πxt + kπ/2) over [0, 1], by Gauss's rule with
// 5 nodes on each of many parts.
func sinc(k int, x float64) float64 {
	switch {
	case math.IsInf(x, 0) || x != x:
		return math.NaN()
	case k == 0 && x != 0:
		r := math.Mod(x, 2) // exact
		switch {
		case math.Abs(r) == 1 || r == 0:
			r = 0
		case math.Abs(r) > 0.5:
			r = math.Copysign(1, r) - r // sin(π − u) = sin u
		}
		return math.Sin(math.Pi*r) / (math.Pi * x)
	case math.Abs(x) > 1e300:
		return math.Copysign(0, x)
	case math.Abs(x) < 1e-6 && k%2 == 1:
		return float64(k%4-2) * math.Pow(math.Pi, float64(k+1)) / float64(k+2) * x
	}
	nodes := [5]float64{0, 0.5384693101056831, -0.5384693101056831, 0.9061798459386640, -0.9061798459386640}
	weights := [5]float64{128. / 225, 0.4786286704993665, 0.4786286704993665, 0.2369268850561891, 0.2369268850561891}
	s := 0.0
	parts := 100 + int(8*min(math.Abs(x), 1000))
	for p := range parts {
		for i, node := range nodes {
			t := (float64(p) + 0.5 + node/2) / float64(parts)
			s += weights[i] / float64(2*parts) * math.Pow(math.Pi*t, float64(k)) * math.Cos(math.Pi*x*t+float64(k)*math.Pi/2)
		}
	}
	return s
}
