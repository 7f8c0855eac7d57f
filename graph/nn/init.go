package nn

import (
	"encoding/binary"
	"hash/fnv"
	"math"
	"slices"

	"github.com/adjoint-go/adjoint/graph"
)

// Initializer makes the initial values of a parameter from a key, as nodes of the key's graph: values depend on the key alone.
type Initializer func(key *graph.Node, dtype graph.DType, shape []int) *graph.Node

// Fans returns the numbers of inputs and outputs of a unit for weights of the shape [out, in, window]: in and out times the window's elements. Those of a vector are its extent.
func Fans(shape []int) (in, out int) {
	switch len(shape) {
	case 0:
		return 1, 1
	case 1:
		return shape[0], shape[0]
	}
	window := 1
	for _, d := range shape[2:] {
		window *= d
	}
	return shape[1] * window, shape[0] * window
}

// Constant gives all elements the value.
func Constant(v float64) Initializer {
	return func(key *graph.Node, d graph.DType, shape []int) *graph.Node {
		return graph.BroadcastTo(key.Graph().Scalar(d, v), shape...)
	}
}

// Zeros is Constant(0).
func Zeros() Initializer { return Constant(0) }

// Ones is Constant(1).
func Ones() Initializer { return Constant(1) }

// Values gives the elements, in row-major order. The number of them is that of the parameter's.
func Values(v ...float64) Initializer {
	v = slices.Clone(v)
	return func(key *graph.Node, d graph.DType, shape []int) *graph.Node {
		return graph.Cast(graph.Constant(key.Graph(), v, shape...), d)
	}
}

// Uniform draws from [low, high).
func Uniform(low, high float64) Initializer {
	return func(key *graph.Node, d graph.DType, shape []int) *graph.Node {
		u := graph.RandomUniform(key, d, shape...)
		return graph.Add(graph.Mul(u, graph.Like(u, high-low)), graph.Like(u, low))
	}
}

// Normal draws from the normal distribution.
func Normal(mean, deviation float64) Initializer {
	return func(key *graph.Node, d graph.DType, shape []int) *graph.Node {
		x := graph.RandomNormal(key, d, shape...)
		return graph.Add(graph.Mul(x, graph.Like(x, deviation)), graph.Like(x, mean))
	}
}

// TruncatedNormal draws from the normal distribution of the given mean and deviation, between low and high: Φ⁻¹ of uniform numbers between Φ(low) and Φ(high).
func TruncatedNormal(mean, deviation, low, high float64) Initializer {
	erf := func(x float64) float64 { return math.Erf((x - mean) / deviation / math.Sqrt2) }
	return func(key *graph.Node, d graph.DType, shape []int) *graph.Node {
		u := Uniform(erf(low), erf(high))(key, d, shape)
		x := graph.Add(graph.Mul(graph.Erfinv(u), graph.Like(u, deviation*math.Sqrt2)), graph.Like(u, mean))
		return graph.Clip(x, graph.Like(u, low), graph.Like(u, high))
	}
}

// byFans draws uniform or normal numbers with the variance that f gives for the fans.
func byFans(uniform bool, variance func(in, out float64) float64) Initializer {
	return func(key *graph.Node, d graph.DType, shape []int) *graph.Node {
		in, out := Fans(shape)
		v := variance(float64(in), float64(out))
		if uniform {
			return Uniform(-math.Sqrt(3*v), math.Sqrt(3*v))(key, d, shape)
		}
		return Normal(0, math.Sqrt(v))(key, d, shape)
	}
}

// GlorotUniform draws uniform numbers of variance 2/(in + out) (Glorot and Bengio 2010; PyTorch's xavier_uniform_).
func GlorotUniform() Initializer { return byFans(true, glorot) }

// GlorotNormal draws normal numbers of variance 2/(in + out).
func GlorotNormal() Initializer { return byFans(false, glorot) }

func glorot(in, out float64) float64 { return 2 / (in + out) }

// HeUniform draws uniform numbers of variance 2/in, for layers before relu (He et al. 2015; PyTorch's kaiming_uniform_ with nonlinearity='relu').
func HeUniform() Initializer { return byFans(true, he) }

// HeNormal draws normal numbers of variance 2/in.
func HeNormal() Initializer { return byFans(false, he) }

func he(in, _ float64) float64 { return 2 / in }

// LeCunUniform draws uniform numbers of variance 1/in (LeCun et al. 1998).
func LeCunUniform() Initializer { return byFans(true, lecun) }

// LeCunNormal draws normal numbers of variance 1/in.
func LeCunNormal() Initializer { return byFans(false, lecun) }

func lecun(in, _ float64) float64 { return 1 / in }

// fanUniform draws uniform numbers between ∓1/√n: PyTorch's usual one for layers with n inputs of a unit.
func fanUniform(n int) Initializer {
	b := 1 / math.Sqrt(float64(n))
	return Uniform(-b, b)
}

// Orthogonal gives gain times a matrix with orthonormal rows or columns, whichever are fewer, of the first dimension against all others (Saxe et al. 2014): Q of the QR decomposition of normal numbers, with the
// signs that make R's diagonal positive, so that all such matrices are equally likely. It needs two dimensions or more.
func Orthogonal(gain float64) Initializer {
	return func(key *graph.Node, d graph.DType, shape []int) *graph.Node {
		if len(shape) < 2 {
			return key.Graph().Fail("orthogonal", errRank)
		}
		rows, columns := shape[0], graph.Shape(shape[1:]).Size()
		q, r := graph.QR(graph.RandomNormal(key, d, max(rows, columns), min(rows, columns)))
		sign := graph.Where(graph.Less(graph.DiagPart(r, 0), graph.Like(r, 0)), graph.Like(r, -gain), graph.Like(r, gain))
		q = graph.Mul(q, sign)
		if rows < columns {
			q = graph.Transpose(q, 1, 0)
		}
		return graph.Reshape(q, shape...)
	}
}

// Key returns the key from which the initial values of the parameter are drawn: it depends on the seed and on the name.
func (p *Parameter) Key(g *graph.Graph, seed int64) *graph.Node {
	return graph.RandomFoldIn(graph.RandomKey(g, seed), g.Literal(int64Literal(hash(p.Node.Name()))))
}

// hash is a number for a name.
func hash(name string) int64 {
	h := fnv.New64a()
	h.Write([]byte(name)) // which never fails
	return int64(h.Sum64())
}

func int64Literal(v int64) *graph.Literal {
	l, err := graph.NewLiteral(graph.Type{DType: graph.Int64}, binary.LittleEndian.AppendUint64(nil, uint64(v)))
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return l
}
