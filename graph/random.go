package graph

import (
	"fmt"
	"math"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/shape"
)

// Random numbers come from keys: int64 vectors of 2 (key and stream), inputs or constants. Element i of what an operator draws depends on
// the key and on i alone, so the same key gives the same numbers on every machine and with any number of threads. Two draws
// need two keys: see RandomSplit and RandomFoldIn.

const philoxSource = "Salmon, Moraes, Dror and Shaw, Parallel random numbers: as easy as 1, 2, 3, SC 2011 (Philox 4x32-10)"

var dtypeAttr = AttrSpec{Key: "dtype", Kind: attr.String, Doc: "the result's dtype"}

// The operators of this file; init fills them in because their derivatives refer to one another.
var opRandomBits, opRandomUniform, opRandomNormal, opRandomGumbel, opRandomGamma, opRandomBernoulli, opRandomCategorical, opRandomSplit, opRandomFoldIn, opDropout *Op

func init() {
	opRandomBits = Register(draw("random_bits", "Random bits.", Integers))
	opRandomUniform = Register(draw("random_uniform", "Numbers uniform in [0, 1): the upper 53 (float64) or 24 (float32) of random bits.", Floats))
	opRandomNormal = Register(draw("random_normal", "Numbers with the standard normal distribution: √2·erfinv of uniform numbers in (−1, 1).", Floats))
	opRandomGumbel = Register(draw("random_gumbel", "Numbers with the standard Gumbel distribution: −ln(−ln u) of uniform numbers u in (0, 1).", Floats))
	opRandomGamma = Register(&Op{
		Name: "random_gamma", Pattern: ElementPattern(sameElement), OperandNames: []string{"key", "a"}, Family: FamilyRandom, MinArity: 2, MaxArity: 2, Kernel: "random_gamma",
		Doc: "Numbers with the gamma distribution of scale 1 for the shape parameters in the second operand (> 0, else NaN), from the key in the first. " +
			"The derivative is that of the inverse distribution function at a fixed probability (implicit reparameterisation), not that of the sampling procedure.",
		Formula: "–; −∂P(a, y)/∂a / (y^(a−1) e^(−y)/Γ(a)), P the incomplete gamma function",
		Source: philoxSource + "; Marsaglia and Tsang, A simple method for generating gamma variables, ACM TOMS 26, 2000; " +
			"Figurnov, Mohamed and Mnih, Implicit reparameterization gradients, NeurIPS 2018, eq. 5",
		Infer: func(in []*Node, _ attr.List) (Type, error) {
			if !in[1].typ.DType.IsFloat() {
				return Type{}, fmt.Errorf("the shape parameters are %v: need one of %v", in[1].typ, Floats)
			}
			return *in[1].typ, checkKey(in[0])
		},
		VJP: func(n *Node, ct []*Node) []*Node { return []*Node{nil, MulNoNan(gammaSlope(n), ct[0])} },
		JVP: func(n *Node, dot []*Node) []*Node { return []*Node{MulNoNan(gammaSlope(n), dot[1])} },
		Samples: []Sample{{NoDifferences: "the derivative is not that of the sampling procedure", In: []SampleInput{
			keySample(), {Type: Type{Float64, Shape{3, 2}}, Lo: 0.7, Hi: 5}}}},
	})
	opRandomBernoulli = Register(&Op{
		Name: "random_bernoulli", OperandNames: []string{"key", "p"}, Family: FamilyRandom, MinArity: 2, MaxArity: 2,
		Doc: "Bools that are true with the probabilities in the second operand, from the key in the first: u < p with uniform u.", Source: philoxSource,
		NoDerivative: "the result is bool",
		Infer: func(in []*Node, _ attr.List) (Type, error) {
			if !in[1].typ.DType.IsFloat() {
				return Type{}, fmt.Errorf("the probabilities are %v: need one of %v", in[1].typ, Floats)
			}
			return Type{Bool, in[1].typ.Shape}, checkKey(in[0])
		},
		Expand: func(n *Node) *Node {
			p := n.Input(1)
			return Less(RandomUniform(n.Input(0), p.typ.DType, p.typ.Shape...), p)
		},
		Samples: []Sample{{In: []SampleInput{keySample(), {Type: Type{Float64, Shape{3, 5}}, Lo: 0, Hi: 1}}}},
	})
	opRandomCategorical = Register(&Op{
		Name: "random_categorical", OperandNames: []string{"key", "logits"}, Family: FamilyRandom, MinArity: 2, MaxArity: 2, Attrs: []AttrSpec{axisAttr},
		Doc: "Indices (int64) along an axis, drawn with the probabilities softmax(logits) of the second operand, from the key in the first: " +
			"argmax(logits + Gumbel noise).",
		Source: philoxSource + "; Gumbel, Statistical Theory of Extreme Values, 1954", NoDerivative: "the result is an index",
		Infer: func(in []*Node, a attr.List) (Type, error) {
			t, err := numberAlongAxis(Floats, in[1:], a)
			if err != nil {
				return Type{}, err
			}
			axis := a.Int("axis")
			return Type{Int64, shape.Replaced(t.Shape, axis)}, checkKey(in[0])
		},
		Expand: func(n *Node) *Node {
			logits := n.Input(1)
			noise := RandomGumbel(n.Input(0), logits.typ.DType, logits.typ.Shape...)
			return Argmax(Add(logits, noise), n.extra.attrs.Int("axis"))
		},
		Samples: []Sample{{Attrs: attr.Make(attr.I("axis", 1)), In: []SampleInput{keySample(), {Type: Type{Float64, Shape{7, 3}}}}}},
	})
	opRandomSplit = Register(&Op{
		Name: "random_split", Family: FamilyRandom, MinArity: 1, MaxArity: 1, Attrs: []AttrSpec{{Key: "count", Kind: attr.Int, Doc: "how many, ≥ 1"}},
		Doc: "New keys (int64, count × 2) from a key: random bits of a stream of their own.", Source: philoxSource, NoDerivative: "keys are integers",
		Infer: func(in []*Node, a attr.List) (Type, error) {
			return Type{Int64, Shape{a.Int("count"), 2}}, checkKey(in[0])
		},
		Expand: func(n *Node) *Node {
			return drawOf(opRandomBits, otherStream(n.Input(0), nil), Int64, Shape{n.extra.attrs.Int("count"), 2})
		},
		Samples: []Sample{{Attrs: attr.Make(attr.I("count", 3)), In: []SampleInput{keySample()}}},
	})
	opRandomFoldIn = Register(&Op{
		Name: "random_fold_in", OperandNames: []string{"key", "data"}, Family: FamilyRandom, MinArity: 2, MaxArity: 2,
		Doc: "A new key from a key and an integer scalar (a step, an index): random bits of a stream of their own.", Source: philoxSource, NoDerivative: "keys are integers",
		Infer: func(in []*Node, _ attr.List) (Type, error) {
			if t := in[1].typ; !t.DType.IsInt() || !t.IsScalar() {
				return Type{}, fmt.Errorf("the second operand is %v: needs an int32 or int64 scalar", t)
			}
			return Type{Int64, Shape{2}}, checkKey(in[0])
		},
		Expand: func(n *Node) *Node {
			return drawOf(opRandomBits, otherStream(n.Input(0), Cast(n.Input(1), Int64)), Int64, Shape{2})
		},
		Samples: []Sample{{In: []SampleInput{keySample(), {Type: Type{Int32, nil}, Values: []float64{7}, Constant: true}}}},
	})
	opDropout = Register(&Op{
		Name: "dropout", OperandNames: []string{"key", "x"}, Family: FamilyRandom, MinArity: 2, MaxArity: 2, Attrs: []AttrSpec{{Key: "rate", Kind: attr.Float, Doc: "the probability of 0, in [0, 1)"}},
		Doc:     "The second operand with elements set to 0 at random (key in the first operand) and the others divided by 1 − rate.",
		Formula: "–; the adjoint over 1 − rate where the element was kept, else 0", ThroughExpand: true,
		Source: philoxSource + "; Srivastava et al., Dropout, JMLR 15, 2014",
		Infer: func(in []*Node, a attr.List) (Type, error) {
			if !in[1].typ.DType.IsFloat() {
				return Type{}, fmt.Errorf("the operand is %v: needs one of %v", in[1].typ, Floats)
			}
			if r := a.Float("rate"); !(r >= 0 && r < 1) {
				return Type{}, fmt.Errorf("rate %v is outside of [0, 1)", r)
			}
			return *in[1].typ, checkKey(in[0])
		},
		Expand: func(n *Node) *Node {
			x, rate := n.Input(1), n.extra.attrs.Float("rate")
			u := RandomUniform(n.Input(0), x.typ.DType, x.typ.Shape...)
			return Where(GreaterEqual(u, Like(x, rate)), Mul(x, Like(x, 1/(1-rate))), Like(x, 0))
		},
		Samples: []Sample{{Attrs: attr.Make(attr.F("rate", 0.4)), In: []SampleInput{keySample(), {Type: Type{Float64, Shape{5, 3}}}}}},
	})
}

func keySample() SampleInput {
	return SampleInput{Type: Type{Int64, Shape{2}}, Values: []float64{20240229, 3}, Constant: true}
}

func checkKey(key *Node) error {
	if !key.typ.Equal(Type{Int64, Shape{2}}) {
		return fmt.Errorf("the key is %v: needs %v (see RandomKey)", key.typ, Type{Int64, Shape{2}})
	}
	return nil
}

// draw describes an operator that draws a tensor from a key.
func draw(name, doc string, dtypes DTypeSet) *Op {
	d := "float64"
	if dtypes == Integers {
		d = "int64"
	}
	op := &Op{
		Name: name, Family: FamilyRandom, MinArity: 1, MaxArity: 1, Attrs: []AttrSpec{dtypeAttr, shapeAttr},
		Doc: doc + " The operand is the key; element i depends on it and on i alone.", Source: philoxSource, NoDerivative: "it depends on a key only",
		Infer: func(in []*Node, a attr.List) (Type, error) {
			d, ok := parseDType(a.Str("dtype"))
			if !ok || !dtypes.Has(d) {
				return Type{}, fmt.Errorf("the dtype is %q: needs one of %v", a.Str("dtype"), dtypes)
			}
			return Type{d, Shape(a.Ints("shape"))}, checkKey(in[0])
		},
		Samples: []Sample{{Attrs: attr.Make(attr.S("dtype", d), attr.L("shape", []int{3, 5})), In: []SampleInput{keySample()}},
			{Attrs: attr.Make(attr.S("dtype", map[DTypeSet]string{Floats: "float32", Integers: "int32"}[dtypes]), attr.L("shape", []int{7})), In: []SampleInput{keySample()}}},
	}
	switch name {
	case "random_normal":
		op.Expand = func(n *Node) *Node {
			u := drawOf(opRandomUniform, n.Input(0), n.typ.DType, n.typ.Shape)
			// 2u − 1 and half a step: exact, symmetric, never ±1.
			v := Add(Sub(Mul(u, Like(u, 2)), Like(u, 1)), Like(u, uniformStep(n.typ.DType)))
			return Mul(Like(u, math.Sqrt2), Erfinv(v))
		}
	case "random_gumbel":
		op.Expand = func(n *Node) *Node {
			u := drawOf(opRandomUniform, n.Input(0), n.typ.DType, n.typ.Shape)
			return Neg(Log(Neg(Log(Max(u, Like(u, uniformStep(n.typ.DType)/2))))))
		}
	default:
		op.Kernel = name
	}
	return op
}

// uniformStep is the distance of neighbouring uniform numbers.
func uniformStep(d DType) float64 {
	if d == Float32 {
		return 0x1p-24
	}
	return 0x1p-53
}

func drawOf(op *Op, key *Node, d DType, shape Shape) *Node {
	return applyAll(op, []*Node{key}, attr.S("dtype", d.String()), attr.L("shape", shape))
}

// otherStream moves a key to a stream from which no numbers are drawn, a different one for each data (nil for splitting).
func otherStream(key, data *Node) *Node {
	split, fold := uint64(0x9e3779b97f4a7c15), uint64(0xbf58476d1ce4e5b9) // odd, so that multiples differ
	if data == nil {
		return Add(key, Constant(key.g, []int64{0, int64(split)}, 2))
	}
	// fold·(2·data + 1)
	odd := Add(Mul(data, Like(data, 2)), Like(data, 1))
	return Add(key, Mul(Constant(key.g, []int64{0, int64(fold)}, 2), odd))
}

// gammaSlope is the derivative of a gamma sample by its shape parameter.
func gammaSlope(n *Node) *Node {
	a := n.Input(1)
	d := iGammaDerivative(a, n, 0, 1)
	flat := Equal(d, Like(d, 0)) // the sample underflowed to 0
	return Where(flat, Like(d, 0), Neg(Div(iGammaDerivative(a, n, 1, 0), d)))
}

// RandomKey returns the constant key of a seed.
func RandomKey(g *Graph, seed int64) *Node { return Constant(g, []int64{seed, 0}, 2) }

// maxKeys bounds the keys that RandomSplit makes, of which each is a node.
const maxKeys = 1 << 20

// RandomSplit returns n new keys from a key, 2²⁰ at the most (RandomFoldIn makes any number of them from indices). The key itself should
// not be used any more.
func RandomSplit(key *Node, n int) []*Node {
	if n > maxKeys {
		return []*Node{graphOf(key).Fail(opRandomSplit.Name, fmt.Errorf("%d keys: %d are the most", n, maxKeys))}
	}
	keys := make([]*Node, max(n, 0))
	all := applyAll(opRandomSplit, []*Node{key}, attr.I("count", n))
	for i := range keys {
		if keys[i] = all; all.Valid() {
			keys[i] = Index(all, i)
		}
	}
	return keys
}

// RandomFoldIn returns a new key from a key and an integer scalar, such as the number of a step.
func RandomFoldIn(key, data *Node) *Node { return apply2(opRandomFoldIn, key, data) }

// RandomBits returns random int32 or int64 numbers with all bits random.
func RandomBits(key *Node, d DType, shape ...int) *Node { return drawOf(opRandomBits, key, d, shape) }

// RandomUniform returns numbers uniform in [0, 1).
func RandomUniform(key *Node, d DType, shape ...int) *Node {
	return drawOf(opRandomUniform, key, d, shape)
}

// RandomNormal returns numbers with the standard normal distribution.
func RandomNormal(key *Node, d DType, shape ...int) *Node {
	return drawOf(opRandomNormal, key, d, shape)
}

// RandomGumbel returns numbers with the standard Gumbel distribution.
func RandomGumbel(key *Node, d DType, shape ...int) *Node {
	return drawOf(opRandomGumbel, key, d, shape)
}

// RandomExponential returns numbers with the exponential distribution of rate 1: −ln(1 − u) of uniform u.
func RandomExponential(key *Node, d DType, shape ...int) *Node {
	return Neg(Log1p(Neg(RandomUniform(key, d, shape...))))
}

// RandomGamma returns numbers with the gamma distribution of scale 1 for the shape parameters a > 0, of a's shape. Its derivative by a is the
// implicit reparameterisation gradient.
func RandomGamma(key, a *Node) *Node { return apply2(opRandomGamma, key, a) }

// RandomBeta returns numbers with the beta distribution for the parameters a, b > 0 of one shape: x/(x + y) of gamma numbers x and y.
func RandomBeta(key, a, b *Node) *Node {
	keys := RandomSplit(key, 2)
	x, y := RandomGamma(keys[0], a), RandomGamma(keys[1], b)
	return Div(x, Add(x, y))
}

// RandomBernoulli returns bools that are true with the probabilities p.
func RandomBernoulli(key, p *Node) *Node { return apply2(opRandomBernoulli, key, p) }

// RandomCategorical returns int64 indices along the axis of the logits, drawn with the probabilities softmax(logits).
func RandomCategorical(key, logits *Node, axis int) *Node {
	return withAxis(opRandomCategorical, logits, []*Node{key, logits}, axis)
}

// Dropout returns x with elements set to 0 with probability rate and the others divided by 1 − rate.
func Dropout(key, x *Node, rate float64) *Node {
	return applyAll(opDropout, []*Node{key, x}, attr.F("rate", rate))
}
